//! Code tokens: QR-11 and control C18, as far as they are a matter of the token alone.

use base::{CodeId, Currency, Dice, Money, ShopId, Timestamp};
use payments::code_token::{
    CodeClaims, CodeKey, CodeToken, CodeTokenError, DYNAMIC_CHARS, KEY_BYTES, STATIC_CHARS,
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_772_357_400_123);

struct Scene {
    key: CodeKey,
    shop: ShopId,
    dynamic: CodeClaims,
    fixed: CodeClaims,
}

fn scene(seed: u64) -> Scene {
    let dice = Dice::predictable_for_tests(seed);
    let shop = ShopId::random(&dice);
    let code = CodeId::new(shop, NOW, &dice);
    let amount = Money::new(128_000, Currency::CNY);
    Scene {
        key: CodeKey::new(&dice.bytes()),
        shop,
        dynamic: CodeClaims::dynamic(code, shop, amount, NOW.plus_seconds(300)),
        fixed: CodeClaims::fixed(CodeId::new(shop, NOW, &dice), shop, Currency::CNY),
    }
}

#[test]
fn qr_11_a_token_round_trips_and_verifies_until_its_end() {
    let Scene { key, dynamic, fixed, .. } = scene(1);
    let text = CodeToken::issue(&key, &dynamic).unwrap().to_string();
    assert_eq!(text.len(), DYNAMIC_CHARS);
    let token = CodeToken::parse(&text).unwrap();
    assert_eq!((token.code(), token.expires()), (dynamic.code, Some(Timestamp(1_772_357_700_000))));
    assert_eq!(token.verify(&key, &dynamic, NOW), Ok(()));
    assert_eq!(token.verify(&key, &dynamic, Timestamp(1_772_357_699_999)), Ok(()));
    assert_eq!(token.verify(&key, &dynamic, Timestamp(1_772_357_700_000)), Err(CodeTokenError::Expired));
    let text = CodeToken::issue(&key, &fixed).unwrap().to_string();
    assert_eq!(text.len(), STATIC_CHARS);
    let token = CodeToken::parse(&text).unwrap();
    assert_eq!((token.code(), token.expires()), (fixed.code, None));
    assert_eq!(token.verify(&key, &fixed, NOW.plus_seconds(10_000_000_000)), Ok(()));
}

#[test]
fn c18_a_token_is_bound_to_amount_currency_kind_expiry_code_and_key() {
    let Scene { key, shop, dynamic, fixed } = scene(2);
    let token = CodeToken::issue(&key, &dynamic).unwrap();
    let refused =
        |claims: &CodeClaims| assert_eq!(token.verify(&key, claims, NOW), Err(CodeTokenError::Altered));
    let amount = Money::new(128_001, Currency::CNY);
    let end = NOW.plus_seconds(300);
    refused(&CodeClaims::dynamic(dynamic.code, shop, amount, end));
    refused(&CodeClaims::dynamic(dynamic.code, shop, Money::new(128_000, Currency::USD), end));
    refused(&CodeClaims::dynamic(
        dynamic.code,
        shop,
        Money::new(128_000, Currency::CNY),
        end.plus_seconds(1),
    ));
    refused(&CodeClaims::dynamic(fixed.code, shop, Money::new(128_000, Currency::CNY), end));
    refused(&CodeClaims::fixed(dynamic.code, shop, Currency::CNY));
    let other_key = CodeKey::new(&[7; KEY_BYTES]);
    assert_eq!(token.verify(&other_key, &dynamic, NOW), Err(CodeTokenError::Altered));
}

#[test]
fn c18_a_code_of_another_shop_is_refused() {
    let Scene { key, dynamic, .. } = scene(3);
    let other = ShopId::random(&Dice::predictable_for_tests(99));
    let token = CodeToken::issue(&key, &dynamic).unwrap();
    let elsewhere = CodeClaims { payee: other, ..dynamic };
    assert_eq!(token.verify(&key, &elsewhere, NOW), Err(CodeTokenError::OtherShop));
    assert_eq!(CodeToken::issue(&key, &elsewhere), Err(CodeTokenError::OtherShop));
}

#[test]
fn an_altered_token_is_told_before_an_expired_one() {
    let Scene { key, shop, dynamic, .. } = scene(4);
    let token = CodeToken::issue(&key, &dynamic).unwrap();
    let other = CodeClaims::dynamic(dynamic.code, shop, Money::new(1, Currency::CNY), NOW.plus_seconds(300));
    assert_eq!(token.verify(&key, &other, NOW.plus_seconds(9_999)), Err(CodeTokenError::Altered));
}

#[test]
fn other_texts_are_malformed() {
    let good = CodeToken::issue(&scene(5).key, &scene(5).dynamic).unwrap().to_string();
    let mut bad = vec![String::new(), "x".into(), good[1..].into(), format!("{good}A"), format!("{good}=")];
    bad.push(format!("A{}", &good[1..]));
    bad.push(format!("{}!", &good[1..]));
    bad.push("é".repeat(DYNAMIC_CHARS / 2));
    bad.push(good[..STATIC_CHARS].into());
    for text in bad {
        assert_eq!(CodeToken::parse(&text), Err(CodeTokenError::Malformed), "{text}");
    }
}

#[test]
fn an_expiry_has_limits_on_both_sides() {
    let Scene { key, shop, dynamic, .. } = scene(6);
    let amount = Money::new(1, Currency::CNY);
    let issue = |seconds: i64| {
        let claims = CodeClaims::dynamic(dynamic.code, shop, amount, Timestamp(0).plus_seconds(seconds));
        CodeToken::issue(&key, &claims).map(|token| token.expires().unwrap().seconds())
    };
    assert_eq!((issue(0), issue((1 << 40) - 1)), (Ok(0), Ok((1 << 40) - 1)));
    assert_eq!((issue(-1), issue(1 << 40)), (Err(CodeTokenError::Malformed), Err(CodeTokenError::Malformed)));
}

#[test]
fn the_address_is_short_and_has_no_double_slash() {
    let Scene { key, dynamic, .. } = scene(7);
    let token = CodeToken::issue(&key, &dynamic).unwrap();
    let url = token.url("https://pay.example.com/");
    assert_eq!(url, format!("https://pay.example.com/p/{token}"));
    assert_eq!(url, token.url("https://pay.example.com"));
}

#[test]
fn a_key_prints_nothing_of_itself() {
    assert_eq!(format!("{:?}", CodeKey::new(&[1; KEY_BYTES])), "CodeKey");
}

proptest! {
    #[test]
    fn c18_every_changed_character_is_refused(seed in any::<u64>(), at in 0..DYNAMIC_CHARS, with in "[A-Za-z0-9_-]") {
        let Scene { key, shop, dynamic, .. } = scene(seed);
        let good = CodeToken::issue(&key, &dynamic).unwrap().to_string();
        let mut text = good.clone();
        text.replace_range(at..=at, &with);
        match CodeToken::parse(&text) {
            Ok(token) if text != good => {
                prop_assert_ne!(token.verify(&key, &dynamic, NOW), Ok(()));
                // Also when the claims follow the altered token, as a look-up by its code would make them.
                let claims = CodeClaims { code: token.code(), payee: shop, ..dynamic };
                prop_assert_ne!(token.verify(&key, &claims, NOW), Ok(()));
            }
            Ok(token) => prop_assert_eq!(token.verify(&key, &dynamic, NOW), Ok(())),
            Err(error) => prop_assert_eq!(error, CodeTokenError::Malformed),
        }
    }

    #[test]
    fn a_token_prints_back_what_was_read(text in "[A-Za-z0-9_-]{46}|[A-Za-z0-9_-]{52}") {
        if let Ok(token) = CodeToken::parse(&text) {
            prop_assert_eq!(token.to_string(), text);
        }
    }
}
