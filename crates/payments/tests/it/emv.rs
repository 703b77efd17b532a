//! EMVCo payloads: QR-1 to QR-10 of the standards list, control C17.

use base::{Currency, Money};
use payments::emv::{EmvCode, EmvDraft, EmvError, Initiation, LocalName, PAY_GUID, Place, crc16, pay_guid};
use proptest::prelude::*;

/// The sample of the specification (annex of MPM v1.1), with its CRC A13A.
const SAMPLE: &str = "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST \
TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME\
91320016A0112233449988770708123456786304A13A";

/// A minimal good body; tests put objects in its place.
const HEAD: &str = "000201";
const ACCOUNT: &str = "02034TT";
const TAIL: &str = "520454115303156";
const REST: &str = "5802CN5909TEST SHOP6007BEIJING";

fn seal(body: &str) -> String {
    let text = format!("{body}6304");
    format!("{text}{:04X}", crc16(text.as_bytes()))
}

fn with(extra: &str) -> String {
    seal(&format!("{HEAD}{ACCOUNT}{TAIL}{REST}{extra}"))
}

fn parse(text: &str) -> Result<EmvCode, EmvError> {
    EmvCode::parse(text.as_bytes())
}

/// What a body with `extra` appended gives: the error's text, or `ok`.
fn verdict(text: &str) -> String {
    parse(text).map_or_else(|error| error.to_string(), |_| "ok".to_owned())
}

fn check(extra: &str, expected: &str) {
    let verdict = verdict(&with(extra));
    assert!(verdict.contains(expected), "`{extra}`: {verdict}");
}

fn draft() -> EmvDraft {
    EmvDraft {
        initiation: Initiation::Dynamic,
        public_url: "https://pay.example.com".into(),
        token: "IAAAAAAABBBBBBBBBBCCCCCCCCCCCDDDDDDDDDDDDEEEEEEEEEEE".into(),
        category: "5411".into(),
        currency: Currency::CNY,
        amount: Some(Money::new(128_000, Currency::CNY)),
        country: "CN".into(),
        name: "Lantern Noodles".into(),
        city: "Hangzhou".into(),
        local: Some(LocalName {
            language: "ZH".into(), name: "灯笼面馆".into(), city: Some("杭州".into())
        }),
        reference: Some("A-1042".into()),
        terminal: Some("till 2".into()),
    }
}

#[test]
fn qr_2_known_crc_answers() {
    assert_eq!(crc16(b"123456789"), 0x29B1);
    let (body, crc) = SAMPLE.split_at(SAMPLE.len() - 4);
    assert_eq!((crc16(body.as_bytes()), crc), (0xA13A, "A13A"));
}

#[test]
fn qr_2_qr_3_the_specification_sample_is_read_and_printed_unchanged() {
    let code = parse(SAMPLE).unwrap();
    assert_eq!(code.to_string(), SAMPLE);
    assert_eq!((code.name(), code.city(), code.country()), ("BEST TRANSPORT", "BEIJING", "CN"));
    assert_eq!(code.find(64).unwrap().value().chars().count(), 20);
    assert_eq!(code.find(64).unwrap().find_part(1), Some("最佳运输"));
    assert_eq!(code.find(64).unwrap().find_part(2), Some("北京"));
    assert_eq!(code.find(62).unwrap().find_part(6), Some("***"));
    assert_eq!(code.amount_in(Currency::CNY), Some(Money::new(2_372, Currency::CNY)));
    assert_eq!(code.amount_in(Currency::USD), None);
    assert_eq!(code.initiation(), Initiation::Dynamic);
}

#[test]
fn qr_3_a_length_in_bytes_is_refused() {
    check("64200002ZH0104最佳运输0202北京", "ok");
    check(
        "64320002ZH0112最佳运输0206北京",
        "`64` after 58 characters is 32 long, but only 28 characters are left",
    );
    let inside = with("64200002ZH0104最佳运输0206北京");
    assert!(verdict(&inside).contains("`64.02`"), "{}", verdict(&inside));
}

#[test]
fn qr_1_format_indicator_is_first_and_crc_last() {
    assert_eq!(verdict(&with("")), "ok");
    assert_eq!(parse(""), Err(EmvError::Empty));
    assert_eq!(parse(&seal("0002025303156")), Err(EmvError::NotFirst));
    assert_eq!(parse(&seal("5303156000201")), Err(EmvError::NotFirst));
    assert_eq!(parse(HEAD), Err(EmvError::Missing { place: Place { id: 63, part: None } }));
    let good = with("");
    assert_eq!(parse(&format!("{good}9")), Err(EmvError::Trailing { at: good.len() }));
    assert_eq!(parse(&format!("{good}\n")), Err(EmvError::Trailing { at: good.len() }));
    assert!(parse(&good.replace("6304", "6305")).unwrap_err().to_string().contains("only 4"));
    let short = format!("{}6303ABC", good.split_at(good.len() - 8).0);
    assert_eq!(parse(&short), Err(EmvError::CrcForm { at: short.len() - 3 }));
}

#[test]
fn qr_1_a_lower_case_crc_is_read_and_printed_in_upper_case() {
    let lower = SAMPLE.replace("A13A", "a13a");
    assert_eq!(parse(&lower).unwrap().to_string(), SAMPLE);
    assert_eq!(
        parse(&SAMPLE.replace("A13A", "A13B")),
        Err(EmvError::Crc { found: 0xA13B, computed: 0xA13A })
    );
    assert!(matches!(parse(&SAMPLE.replace("A13A", "A1 A")), Err(EmvError::CrcForm { .. })));
    assert!(matches!(parse(&SAMPLE.replace("A13A", "+13A")), Err(EmvError::CrcForm { .. })));
}

#[test]
fn qr_4_mandatory_objects() {
    let all = ["52045411", "5303156", "5802CN", "5909TEST SHOP", "6007BEIJING"];
    for (index, left_out) in all.iter().enumerate() {
        let rest: String =
            all.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, object)| *object).collect();
        let id = left_out[..2].parse().unwrap();
        let missing = EmvError::Missing { place: Place { id, part: None } };
        assert_eq!(parse(&seal(&format!("{HEAD}{ACCOUNT}{rest}"))), Err(missing), "{left_out}");
    }
    assert_eq!(parse(&seal(&format!("{HEAD}{}", all.concat()))), Err(EmvError::NoAccount));
}

#[test]
fn qr_4_templates_begin_with_their_identifier() {
    check("26080004abcd", "ok");
    check("51080104abcd", "object `51.00` after 62 characters must be the first object of its template");
    check("80080104abcd", "`80.00`");
    check("99080004abcd", "ok");
    check("26040000", "`26.00` after 62 characters is empty");
    check(&format!("2636{:02}32{}", 0, "g".repeat(32)), "ok");
    check(&format!("2637{:02}33{}", 0, "g".repeat(33)), "at most 32");
}

#[test]
fn qr_5_point_of_initiation_is_absent_11_or_12() {
    check("010211", "ok");
    check("010212", "ok");
    for bad in ["010213", "010210", "01011", "0103011"] {
        check(bad, "must be `11` (static) or `12` (dynamic)");
    }
}

#[test]
fn qr_6_amounts() {
    for good in ["1", "0.01", "98.730", "98.", "9999999999999", "999999999.999"] {
        check(&format!("54{:02}{good}", good.len()), "ok");
    }
    for bad in [
        "0",
        "0.00",
        "000.",
        "1,5",
        "1.2.3",
        ".5",
        ".",
        "-1",
        "1e3",
        " 1",
        "10000000000000",
        "1234567890.123",
    ] {
        check(&format!("54{:02}{bad}", bad.len()), "object `54`");
    }
    check("5401１", "object `54`");
    check("5400", "`54` after 58 characters is empty");
}

#[test]
fn qr_7_tip_and_its_fees() {
    check("550201", "ok");
    check("5502025604 1.5", "object `56`");
    check("55020256031.5", "ok");
    check("550202", "needs the fee `56`");
    check("550203570500.01", "ok");
    check("550203570599.99", "ok");
    check("5502035704 100", "object `57`");
    for bad in ["00.00", "100.0", "1.000", "01,50", "0.010"] {
        check(&format!("5502035705{bad}"), "object `57`");
    }
    check("550203", "needs the percentage `57`");
    check("56031.5", "`56` needs `55`");
    check("570501.50", "`57` needs `55`");
    check("55020156031.5", "`56` needs `55`");
    check("55020256031.5570501.50", "do not fit");
    check("550204", "object `55`");
}

#[test]
fn qr_8_fields_have_their_form_and_length() {
    let good = with("");
    let changed = |from: &str, to: &str| {
        let body = good.split_at(good.len() - 8).0.replace(from, to);
        assert_ne!(body, good.split_at(good.len() - 8).0, "{from}");
        verdict(&seal(&body))
    };
    assert_eq!(changed("5303156", "5303840"), "ok");
    assert!(changed("5303156", "5303CNY").contains("`53`"));
    assert!(changed("5303156", "530215").contains("`53`"));
    assert!(changed("52045411", "5203541").contains("`52`"));
    assert!(changed("52045411", "5204541A").contains("`52`"));
    assert!(changed("5802CN", "5802cn").contains("`58`"));
    assert!(changed("5802CN", "5803CHN").contains("`58`"));
    for (id, max) in [(59, 25), (60, 15)] {
        let from = if id == 59 { "5909TEST SHOP" } else { "6007BEIJING" };
        assert_eq!(changed(from, &format!("{id}{max}{}", "店".repeat(max))), "ok");
        assert!(
            changed(from, &format!("{id}{}{}", max + 1, "x".repeat(max + 1))).contains(&format!("`{id}`"))
        );
    }
    assert!(changed("5909TEST SHOP", "5909TEST\u{7}SHOP").contains("printable"));
    check(&format!("6110{}", "9".repeat(10)), "ok");
    check(&format!("6111{}", "9".repeat(11)), "`61`");
    check(&format!("62290525{}", "r".repeat(25)), "ok");
    check(&format!("62300526{}", "r".repeat(26)), "`62.05`");
    check("62070903AME", "ok");
    check("62070903AAE", "`62.09`");
    check("62071103123", "ok");
    check("6206110212", "`62.11`");
    check("64060002ZH", "object `64.01` is missing");
    check("64050101店", "object `64.00` is missing");
    check("64110002ZH0101店", "ok");
    check("64110002Z10101店", "`64.00`");
    check(&format!("65{}{}", 99, "u".repeat(99)), "ok");
}

#[test]
fn qr_9_broken_structure_is_named_with_its_place() {
    check("5909TWICE NOW", "object `59` comes a second time after 58 characters");
    check("62100501105011", "`62.05` comes a second time");
    check("6550abc", "`65` after 58 characters is 50 long, but only 11 characters are left");
    check("65x1a", "after 60 characters");
    check("6a01a", "after 58 characters");
    check("６501a", "after 58 characters");
    check("6508012345", "only");
    check("62060512ab", "`62.05` after 62 characters is 12 long, but only 2 characters are left");
    assert_eq!(EmvCode::parse(b"000201\xFF"), Err(EmvError::NotText { bytes: 6 }));
    assert_eq!(EmvCode::parse(&[b'0'; 2_954]), Err(EmvError::TooLong { size: 2_954, max: 2_953 }));
    assert!(!matches!(EmvCode::parse(&[b'0'; 2_953]), Err(EmvError::TooLong { .. })));
    for end in 0..SAMPLE.len() {
        assert!(EmvCode::parse(&SAMPLE.as_bytes()[..end]).is_err(), "cut to {end} bytes");
    }
}

#[test]
fn qr_10_unknown_objects_are_kept() {
    let text = with("6504abcd7903xyz62081203abc");
    assert!(parse(&text).is_err(), "the template's length is wrong");
    let text = with("6504abcd7903xyz62071203abc");
    let code = parse(&text).unwrap();
    assert_eq!((code.find(65).unwrap().value(), code.find(79).unwrap().value()), ("abcd", "xyz"));
    assert_eq!(code.find(62).unwrap().find_part(12), Some("abc"));
    assert_eq!(code.to_string(), text);
}

#[test]
fn c17_our_payload_holds_token_amount_and_both_names() {
    let code = draft().build().unwrap();
    assert_eq!(code.pay_token("https://pay.example.com/"), Some(draft().token.as_str()));
    assert_eq!(code.pay_token("https://pay.example.org"), None);
    assert_eq!(code.find(26).unwrap().find_part(0), Some("com.example.pay"));
    assert_eq!(code.amount_in(Currency::CNY), draft().amount);
    assert_eq!((code.name(), code.city(), code.category()), ("Lantern Noodles", "Hangzhou", "5411"));
    assert_eq!(code.find(64).unwrap().find_part(1), Some("灯笼面馆"));
    assert_eq!(code.find(62).unwrap().find_part(5), Some("A-1042"));
    assert!(code.to_string().chars().count() <= 220, "{}", code.to_string().chars().count());
}

#[test]
fn our_template_has_an_identifier_for_every_address() {
    assert_eq!(pay_guid("https://pay.example.com"), "com.example.pay");
    assert_eq!(pay_guid("https://aaaaaaaaaaaaaaaaaaaa.example.com"), "com.example.aaaaaaaaaaaaaaaaaaaa");
    let fallback = [
        "https://aaaaaaaaaaaaaaaaaaaaa.example.com",
        "http://localhost:8080",
        "https://127.0.0.1",
        "https://shop",
        "https://pay.example.com:8443",
        "https://a..com",
        "https://PAY.example.com",
        "",
    ];
    for other in fallback {
        assert_eq!(pay_guid(other), PAY_GUID, "{other}");
        assert!(EmvDraft { public_url: other.into(), ..draft() }.build().is_ok(), "{other}");
    }
}

#[test]
fn a_draft_that_breaks_a_rule_is_refused_and_long_names_are_cut() {
    let long = EmvDraft { name: "店".repeat(40), city: "城".repeat(40), ..draft() }.build().unwrap();
    assert_eq!((long.name().chars().count(), long.city().chars().count()), (25, 15));
    assert!(EmvDraft { category: "54".into(), ..draft() }.build().is_err());
    assert!(EmvDraft { country: "cn".into(), ..draft() }.build().is_err());
    assert!(EmvDraft { name: String::new(), ..draft() }.build().is_err());
    assert!(EmvDraft { token: "t".repeat(120), ..draft() }.build().is_err());
    assert!(EmvDraft { reference: Some("r".repeat(26)), ..draft() }.build().is_err());
    assert!(EmvDraft { amount: Some(Money::new(0, Currency::CNY)), ..draft() }.build().is_err());
    let static_code = EmvDraft { amount: None, initiation: Initiation::Static, ..draft() }.build().unwrap();
    assert_eq!((static_code.amount(), static_code.initiation()), (None, Initiation::Static));
}

fn drafts() -> impl Strategy<Value = EmvDraft> {
    let label = "[A-Za-z0-9 -]{1,25}";
    let local = ("[A-Z]{2}", "[\u{4e00}-\u{9fff}]{1,25}", proptest::option::of("[\u{4e00}-\u{9fff}]{1,15}"))
        .prop_map(|(language, name, city)| LocalName { language, name, city });
    let texts = ("[0-9]{4}", "[A-Z]{2}", "\\PC{1,30}", "\\PC{1,20}", "[A-Za-z0-9_-]{46,52}");
    let options = (
        proptest::option::of(1..1_000_000_000_000i64),
        proptest::option::of(local),
        proptest::option::of(label),
        proptest::option::of(label),
    );
    (texts, options).prop_map(
        |((category, country, name, city, token), (amount, local, reference, terminal))| EmvDraft {
            category,
            country,
            name,
            city,
            token,
            amount: amount.map(|minor| Money::new(minor, Currency::CNY)),
            local,
            reference,
            terminal,
            ..draft()
        },
    )
}

proptest! {
    #[test]
    fn qr_9_what_is_built_is_read_back_the_same(draft in drafts()) {
        let code = draft.build().unwrap();
        let text = code.to_string();
        prop_assert_eq!(parse(&text), Ok(code.clone()));
        prop_assert_eq!(code.pay_token(&draft.public_url), Some(draft.token.as_str()));
        prop_assert_eq!(code.amount_in(Currency::CNY), draft.amount);
    }

    #[test]
    fn qr_9_one_changed_byte_is_always_noticed(at in 0..SAMPLE.len(), byte in any::<u8>()) {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        bytes[at] = byte;
        if let Ok(code) = EmvCode::parse(&bytes) {
            prop_assert_eq!(code.to_string(), SAMPLE, "only the case of the CRC may differ");
        }
    }

    #[test]
    fn qr_9_a_mutated_and_resealed_code_prints_back_or_is_refused(
        edits in proptest::collection::vec((0..240usize, 0..3u8, "\\PC"), 1..6),
    ) {
        let mut body: Vec<char> = SAMPLE.strip_suffix("6304A13A").unwrap().chars().collect();
        for (at, kind, with) in edits {
            let at = at.min(body.len() - 1);
            match kind {
                0 => body[at] = with.chars().next().unwrap(),
                1 => body.insert(at, with.chars().next().unwrap()),
                _ => { body.remove(at); }
            }
        }
        let text = seal(&body.into_iter().collect::<String>());
        if let Ok(code) = parse(&text) {
            prop_assert_eq!(code.to_string(), text);
        }
    }

    #[test]
    fn qr_9_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = EmvCode::parse(&bytes);
    }

    #[test]
    fn qr_9_no_digits_panic(text in "000201[0-9]{0,300}") {
        let _ = parse(&text);
        let _ = parse(&seal(&text));
    }
}
