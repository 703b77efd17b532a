//! AU-5, C56: what an entry holds, and what never gets in.

use audit::{
    Action, Actor, DETAILS_MAX, Detail, ENTRY_BYTES_MAX, Entry, EntryError, Object, Outcome, TEXT_CHARS_MAX,
    Text, TextError, WORD_BYTES_MAX,
};
use base::{DeviceId, Dice, EntryId, MemberId, RefundId, RequestId, ShopId, Timestamp};
use proptest::prelude::*;

const REFUND: Action = Action::new("refund.create");

fn full_entry(reason: &str) -> Entry {
    let dice = Dice::predictable_for_tests(9);
    let (shop, at) = (ShopId::random(&dice), Timestamp(1_772_357_400_123));
    let member = MemberId::new(shop, at, &dice);
    let refund = RefundId::new(shop, at, &dice);
    Entry::new(EntryId::new(shop, at, &dice), at, member, REFUND, refund, Outcome::Refused)
        .address("2001:db8::7".parse::<std::net::IpAddr>().unwrap())
        .device(DeviceId::new(shop, at, &dice))
        .request(RequestId::new(shop, at, &dice))
        .reason(Text::masked(reason))
        .detail("amount_minor", -5)
        .detail("partial", true)
        .detail("rule", "refund_limit")
        .detail("order", base::OrderId::new(shop, at, &dice))
}

#[test]
fn au_5_an_entry_says_who_what_when_where_outcome_object_request_and_reason() {
    let text = full_entry("the guest left").encode();
    for part in [
        "\"at\":\"2026-03-01T09:30:00.123Z\"",
        "\"actor\":{\"kind\":\"member\",\"id\":\"mem_",
        "\"action\":\"refund.create\"",
        "\"object\":{\"kind\":\"refund\",\"id\":\"ref_",
        "\"outcome\":\"refused\"",
        "\"address\":\"2001:db8::7\"",
        "\"device\":\"dev_",
        "\"request\":\"req_",
        "\"reason\":\"the guest left\"",
        "\"details\":{\"amount_minor\":-5,\"partial\":true,\"rule\":\"refund_limit\",\"order\":\"ord_",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(Entry::decode(&text), Ok(full_entry("the guest left")));
}

#[test]
fn au_5_a_log_line_cannot_be_broken_or_disguised() {
    let evil = "ok\"}\n{\"v\":1,\"id\":\"aud_x\"\r\t\0\u{1b}[31m\u{202e}drow\u{200b}\u{2028}\u{85}\\u0041";
    let entry = full_entry(evil);
    let text = entry.encode();
    assert!(!text.chars().any(char::is_control), "{text}");
    assert!(!text.contains(['\u{202e}', '\u{200b}', '\u{2028}']));
    let back = Entry::decode(&text).unwrap();
    assert_eq!(back.reason_text(), Some(evil));
    assert_eq!(back, entry);
}

#[test]
fn au_5_card_numbers_do_not_enter_free_text() {
    for text in [
        "4111111111111111",
        "card 4111 1111 1111 1111 was declined",
        "5500-0055-5555-5559",
        "378282246310005 amex",
        "6212345678901232",
        "number:4111111111111111.",
        "４１１１１１１１１１１１１１１１",
        "4111 1111 1111 1111 1234",
        "12 4111111111111111",
        "4222222222222",
    ] {
        assert_eq!(Text::parse(text), Err(TextError::CardNumber), "{text}");
        let masked = Text::masked(text);
        assert!(Text::parse(masked.as_str()).is_ok(), "{masked}");
    }
    for text in ["4111111111111112", "order 20260301", "13 800 138 000", "411111111111", "about ¥1,280.00"] {
        assert!(Text::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn c31_a_card_number_is_known_by_scheme_length_and_check_digit() {
    for card in [
        "4111111111111111",
        "card 4111 1111 1111 1111 of Li",
        "5555-5555-5555-4444",
        "378282246310005",
        "6200000000000005",
        "3530111333300000",
        "６２００００００００００００05",
    ] {
        assert!(audit::holds_card_number(card), "{card}");
    }
    // A check digit that is wrong, a time, an order number of no scheme, a length of no scheme, too many digits.
    for other in [
        "4111111111111112",
        "1772357400000",
        "9999999999999995",
        "378282246310005000",
        "41111111111111111111111",
        "A-17",
    ] {
        assert!(!audit::holds_card_number(other), "{other}");
    }
}

#[test]
fn au_5_pins_do_not_enter_free_text() {
    for text in [
        "pin 1234",
        "PIN: 123456",
        "my pin=0000",
        "cvv 123",
        "密码：888888",
        "OTP 482911",
        "Password - 12345",
    ] {
        assert_eq!(Text::parse(text), Err(TextError::SecretNumber), "{text}");
        assert!(Text::parse(Text::masked(text).as_str()).is_ok(), "{text}");
    }
    for text in ["pin wrong, 3 of 5 tries", "spin 4567", "pinned at 1234", "pin 12"] {
        assert!(Text::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn au_5_a_planted_secret_is_nowhere_in_the_entry() {
    let (pan, pin) = ("4111111111111111", "pin 918273");
    let text = full_entry(&format!("{pan} and {pin}")).encode();
    assert!(!text.contains(pan) && !text.contains("918273"), "{text}");
}

#[test]
fn texts_words_details_and_entries_have_limits_on_both_sides() {
    assert!(Text::parse(&"字".repeat(TEXT_CHARS_MAX)).is_ok());
    assert_eq!(Text::parse(&"字".repeat(TEXT_CHARS_MAX + 1)), Err(TextError::TooLong));
    assert_eq!(Text::parse(""), Err(TextError::Empty));
    let long = full_entry(&"\u{1}".repeat(TEXT_CHARS_MAX + 1));
    assert!(long.encode().len() <= ENTRY_BYTES_MAX);
    assert_eq!(Entry::decode(&"x".repeat(ENTRY_BYTES_MAX)), Err(EntryError::Malformed));
    assert_eq!(Entry::decode(&"x".repeat(ENTRY_BYTES_MAX + 1)), Err(EntryError::TooLarge));
    let word: &'static str = String::leak("w".repeat(WORD_BYTES_MAX + 1));
    assert!(std::panic::catch_unwind(|| Action::new(word)).is_err());
    assert_eq!(Action::new(&word[1..]).as_str().len(), WORD_BYTES_MAX);
    let with = |count| (0..count).fold(full_entry("r"), |entry, _| entry.detail("more", 1));
    assert_eq!(with(DETAILS_MAX - 4).details().count(), DETAILS_MAX);
    assert!(std::panic::catch_unwind(|| with(DETAILS_MAX - 3)).is_err());
}

#[test]
fn the_largest_entry_that_can_be_built_is_within_the_limit() {
    let worst = Text::masked(&"\u{1}".repeat(TEXT_CHARS_MAX));
    let name: &'static str = String::leak("w".repeat(WORD_BYTES_MAX));
    let dice = Dice::predictable_for_tests(1);
    let id = EntryId::new(ShopId::HOUSE, Timestamp(0), &dice);
    let (actor, object) = (Actor::named(name, worst.clone()), Object::named(name, worst.clone()));
    let entry = Entry::new(id, Timestamp(0), actor, Action::new(name), object, Outcome::Success)
        .reason(worst.clone());
    let entry = (0..DETAILS_MAX).fold(entry, |entry, _| entry.detail(name, worst.clone()));
    assert!(entry.encode().len() <= ENTRY_BYTES_MAX, "{}", entry.encode().len());
    assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
}

#[test]
fn names_of_secrets_are_no_details() {
    for name in ["pin", "pan", "cvv", "Password", "a b", ""] {
        assert!(std::panic::catch_unwind(|| full_entry("r").detail(name, 1)).is_err(), "{name}");
    }
}

#[test]
fn an_entry_has_one_text_only() {
    let text = full_entry("why").encode();
    for other in [
        text.replace(",\"at\"", ", \"at\""),
        text.replace("{\"v\":1", "{\"v\":2"),
        text.replace("why", "\\u0077hy"),
        text.replace("\"amount_minor\":-5", "\"amount_minor\":-05"),
        text.replace(".123Z", ".1230Z"),
        text.replace("2001:db8::7", "2001:0db8::7"),
        text.replace("refused", "perhaps"),
        format!("{text} "),
        format!("{text}\n"),
        text[..text.len() - 1].to_owned(),
    ] {
        assert_eq!(Entry::decode(&other), Err(EntryError::Malformed), "{other}");
    }
}

#[test]
fn actors_and_objects_have_kinds() {
    assert_eq!((Actor::unknown().kind(), Actor::unknown().id()), ("unknown", None));
    assert_eq!(Actor::system("sequencer").id(), Some("sequencer"));
    assert_eq!(Object::word("configuration").kind(), "configuration");
    assert_eq!(Object::from(ShopId::HOUSE).id(), Some("shop_00000000"));
    let entry = full_entry("r");
    assert_eq!(entry.details().next(), Some(("amount_minor", &Detail::Int(-5))));
}

proptest! {
    #[test]
    fn every_text_survives(reason in "\\PC{1,60}|[\\x00-\\x7f]{1,60}|.{1,60}") {
        let entry = full_entry(&reason);
        prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }

    #[test]
    fn masking_leaves_nothing_to_refuse(text in "(pin |[0-9 ]{1,12}|4111 1111 1111 1111|x){0,12}") {
        prop_assert!(Text::parse(Text::masked(&text).as_str()).is_ok());
    }
}
