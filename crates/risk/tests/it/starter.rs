//! The starter set: each rule fires on its pattern, and does not when one sign is missing.

use risk::reasons::{Audience, Lang};
use risk::{Features, RuleSet, Slot, Word};

fn set(row: &mut Features, signs: &str) {
    for sign in signs.split_whitespace() {
        let (name, value) = sign.split_once('=').unwrap();
        let slot = Slot::named(name).unwrap_or_else(|| panic!("{name}"));
        let number = value.parse().unwrap_or_else(|_| Word::parse(value).unwrap().packed() as f64);
        row.set(slot, number);
    }
}

/// One line a rule: its name, the signs it needs, and for each of several near misses the sign that differs.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "card_testing_device",
        "device.cards_1h=3 device.small_1h=4 device.declined_1h=1 device.count_10m=2",
        &["device.cards_1h=2", "device.small_1h=3", "device.declined_1h=0"],
    ),
    (
        "card_testing_address",
        "address.cards_1h=5 address.small_1h=6 address.declined_1h=2",
        &["address.cards_1h=4", "address.declined_1h=1"],
    ),
    (
        "card_testing_burst",
        "payment.small=1 address.small_10m=8 address.payers_1h=6 address.fresh_10m=5 address.declined_10m=3",
        &["payment.small=0", "address.fresh_10m=4", "address.declined_10m=0"],
    ),
    (
        "account_testing_device",
        "device.payers_1h=4 device.small_1h=5 payer.new_device=1",
        &["device.payers_1h=3", "device.small_1h=4", "payer.new_device=0"],
    ),
    (
        "card_testing_shop",
        "payment.small=1 payer.new_shop=1 shop.age_days=1 shop.small_10m=10 shop.pace_10m=5 shop.declined_10m=5 shop.count_10m=15",
        &["payer.new_shop=0", "shop.declined_10m=4", "shop.pace_10m=4.9"],
    ),
    ("card_velocity", "card.count_10m=5 card.declined_10m=3", &["card.count_10m=4", "card.declined_10m=2"]),
    (
        "shop_attack_new_payers",
        "payer.new_shop=1 shop.age_days=1 shop.count_10m=20 shop.pace_10m=6 shop.fresh_10m=16 payer.account_days=1",
        &["shop.fresh_10m=15", "payer.account_days=3", "shop.pace_10m=5", "shop.age_days=0.9"],
    ),
    (
        "shop_attack_declines",
        "payer.new_shop=1 shop.declined_10m=15 shop.count_10m=30 shop.pace_10m=4",
        &["shop.count_10m=31", "payer.new_shop=0"],
    ),
    ("payer_burst", "payer.count_10m=6 payer.pace_10m=6", &["payer.count_10m=5", "payer.pace_10m=4"]),
    (
        "payer_spending_spree",
        "payer.total=5 payer.count_1h=4 payer.pace_1h=4 payer.sum_1h_minor=50000 payer.mean_minor=5000",
        &["payer.total=4", "payer.count_1h=3", "payer.sum_1h_minor=49999"],
    ),
    (
        "payer_many_shops",
        "payer.shops_1h=5 payer.pace_1h=5 payer.ratio=2",
        &["payer.shops_1h=4", "payer.ratio=1.9"],
    ),
    ("card_many_payers", "card.payers_1d=3", &["card.payers_1d=2"]),
    (
        "card_many_devices",
        "card.devices_1d=4 card.count_1d=5 payer.new_device=1",
        &["card.devices_1d=3", "payer.new_device=0"],
    ),
    (
        "address_many_payers",
        "address.payers_1h=8 address.fresh_1h=8 address.declined_1h=4 payer.new_address=1",
        &["address.payers_1h=7", "address.declined_1h=3", "payer.new_address=0"],
    ),
    (
        "device_many_payers",
        "device.payers_1d=4 payer.new_device=1",
        &["device.payers_1d=3", "payer.new_device=0"],
    ),
    (
        "device_pin_guessing",
        "device.declined_1h=6 device.payers_1h=3",
        &["device.declined_1h=5", "device.payers_1h=2"],
    ),
    (
        "device_known_fraud",
        "device.frauds=1 device.fraud_days=3 payer.new_device=1",
        &["device.frauds=0", "device.fraud_days=60", "payer.new_device=0"],
    ),
    (
        "amount_far_above_history",
        "payer.total=8 payer.zscore=8 payer.ratio=5 payer.largest_ratio=2 payment.amount=300 payer.new_shop=1",
        &[
            "payer.total=7",
            "payer.zscore=7",
            "payer.largest_ratio=1.5",
            "payment.amount=299",
            "payer.new_shop=0",
        ],
    ),
    (
        "night_unusual_amount",
        "payment.night=1 payer.hour_share=0 payer.ratio=4 payment.amount=200",
        &["payment.night=0", "payer.hour_share=0.1", "payer.ratio=3"],
    ),
    (
        "dormant_account_returns",
        "payer.idle_hours=2160 payer.total=3 payer.new_device=1 payment.amount=500",
        &["payer.idle_hours=2000", "payer.new_device=0", "payment.amount=499"],
    ),
    (
        "new_device_high_amount",
        "payer.new_device=1 payer.total=3 payer.ratio=4 payment.amount=300",
        &["payer.new_device=0", "payer.ratio=3", "payment.amount=100"],
    ),
    (
        "new_device_new_shop_high",
        "login.device_age_days=0.5 payer.new_shop=1 payment.amount=2000 payer.account_days=2",
        &["login.device_age_days=1", "payer.new_shop=0", "payment.amount=1999"],
    ),
    (
        "first_payment_high",
        "payer.new_shop=1 payer.total=0 payer.account_days=1 payment.amount=1000",
        &["payer.total=1", "payer.account_days=2", "payment.amount=999"],
    ),
    (
        "young_account_volume",
        "payer.account_days=0.5 payer.count_1d=5 payer.sum_1d_minor=1000000",
        &["payer.account_days=1", "payer.count_1d=4", "payer.sum_1d_minor=999999"],
    ),
    (
        "credential_change_then_high",
        "login.credential_changed_hours=3 payer.new_shop=1 payment.amount=1000",
        &["login.credential_changed_hours=24", "payer.new_shop=0", "payment.amount=999"],
    ),
    (
        "takeover_contact_device",
        "login.contact_changed_hours=3 payer.new_device=1 payment.amount=300 payer.account_days=7",
        &["login.contact_changed_hours=48", "payer.new_device=0", "payer.account_days=6"],
    ),
    (
        "takeover_drain",
        "payer.new_device=1 payment.balance_share=0.8 payment.amount=500 payer.account_days=7 login.contact_changed_hours=2",
        &["payer.new_device=0", "payment.balance_share=0.7", "login.contact_changed_hours=24"],
    ),
    (
        "failed_pins_then_high",
        "login.failed_pins=3 payer.ratio=3",
        &["login.failed_pins=2", "payer.ratio=2.9"],
    ),
    (
        "declines_then_high_new_device",
        "payer.new_device=1 payer.declined_1h=3 payer.ratio=3 payment.amount=300",
        &["payer.new_device=0", "payer.declined_1h=2", "payer.ratio=2.9", "payment.amount=299"],
    ),
    (
        "balance_drained",
        "payment.balance_share=0.95 payment.balance_minor=200000 payer.new_shop=1 payer.new_device=1",
        &["payment.balance_share=0.9", "payer.new_shop=0", "payer.new_device=0"],
    ),
    (
        "impossible_travel",
        "payer.travel_km=300 payer.travel_kmh=1000",
        &["payer.travel_km=299", "payer.travel_kmh=999"],
    ),
    (
        "impossible_travel_new_device",
        "payer.travel_km=300 payer.travel_kmh=1000 payer.new_device=1 payer.ratio=2",
        &["payer.new_device=0", "payer.ratio=1.9", "payer.travel_kmh=900"],
    ),
    (
        "country_mismatch_high",
        "payment.country_mismatch=1 payment.amount=1000 payer.new_device=1",
        &["payment.country_mismatch=0", "payment.amount=999", "payer.new_device=0"],
    ),
    (
        "static_code_far_away",
        "payment.code=static payment.distance_km=100 payer.new_shop=1",
        &["payment.code=dynamic", "payment.distance_km=99", "payer.new_shop=0"],
    ),
    (
        "code_scanned_apart",
        "payment.code=static terminal.scan_km=100 terminal.scan_kmh=1000",
        &["payment.code=none", "terminal.scan_km=99", "terminal.scan_kmh=999"],
    ),
    (
        "terminal_recent_fraud",
        "terminal.fraud_run=3 terminal.fraud_days=13 terminal.genuine_since_fraud=1",
        &["terminal.fraud_run=2", "terminal.fraud_days=14", "terminal.genuine_since_fraud=2"],
    ),
    (
        "payer_recent_fraud",
        "payer.frauds=1 payer.fraud_days=20 payer.ratio=2",
        &["payer.frauds=0", "payer.fraud_days=21", "payer.ratio=1.9"],
    ),
    (
        "top_up_and_out",
        "payment.topped_up_share=1 payment.amount=2000 payer.account_days=6 payer.new_shop=1",
        &["payment.topped_up_share=0.8", "payment.topped_up_share=1.2", "payer.account_days=7"],
    ),
    (
        "refund_round_trip",
        "payment.refunded_1d_minor=80000 payment.amount_minor=100000 payment.amount=1000 payer.count_1d=3",
        &["payment.refunded_1d_minor=79999", "payer.count_1d=2", "payment.amount=499"],
    ),
    (
        "young_shop_burst",
        "shop.account_days=6 shop.sum_1d_minor=5000000 payment.amount=2000",
        &["shop.account_days=7", "shop.sum_1d_minor=4999999", "payment.amount=1999"],
    ),
];

#[test]
fn each_starter_rule_fires_on_its_pattern_and_not_when_a_sign_is_missing() {
    let rules = RuleSet::starter();
    for (name, signs, misses) in CASES {
        let rule = rules.find(name).unwrap_or_else(|| panic!("no rule `{name}`"));
        let mut row = Features::UNKNOWN;
        set(&mut row, signs);
        assert!(rule.fires(&row), "`{name}` must fire");
        for miss in *misses {
            let mut near = row.clone();
            set(&mut near, miss);
            assert!(!rule.fires(&near), "`{name}` must not fire with {miss}");
        }
        assert!(!rule.fires(&Features::UNKNOWN), "`{name}` must not fire on nothing");
    }
}

#[test]
fn every_starter_rule_has_a_case_and_a_name_of_its_own() {
    let rules = RuleSet::starter();
    let mut named: Vec<&str> = CASES.iter().map(|(name, _, _)| *name).collect();
    let mut present: Vec<&str> = rules.rules().iter().map(|rule| &**rule.name()).collect();
    named.sort_unstable();
    present.sort_unstable();
    assert_eq!(present, named);
}

#[test]
fn starter_rules_agree_with_cels_interpreter_on_their_cases() {
    let rules = RuleSet::starter();
    for (name, signs, misses) in CASES {
        let mut row = Features::UNKNOWN;
        set(&mut row, signs);
        let mut rows = vec![row.clone()];
        rows.extend(misses.iter().map(|miss| {
            let mut near = row.clone();
            set(&mut near, miss);
            near
        }));
        for rule in rules.rules() {
            for row in &rows {
                assert_eq!(rule.fires(row), rule.interpret(row) == Some(true), "{} on {name}", rule.name());
            }
        }
    }
}

#[test]
fn starter_texts_read_well_with_figures() {
    let rules = RuleSet::starter();
    let rule = rules.find("payer_burst").unwrap();
    let mut row = Features::UNKNOWN;
    set(&mut row, "payer.count_10m=7 payer.pace_10m=9");
    let say = |audience, lang| rule.words().say(&row, audience, lang);
    assert_eq!(say(Audience::Analyst, Lang::En), "7 payments in 10 minutes, 9 times this payer's usual pace");
    assert_eq!(say(Audience::Analyst, Lang::Zh), "10 分钟内 7 笔付款，为该付款人平时的 9 倍");
    assert_eq!(say(Audience::Buyer, Lang::En), "Please confirm that this payment is yours.");
}

#[test]
fn what_a_rule_says_of_a_device_holds_for_one_that_was_first_used_an_hour_ago() {
    let rules = RuleSet::starter();
    let mut row = Features::UNKNOWN;
    let signs = "payer.new_device=0 login.device_age_days=0.04 payer.total=9 payer.ratio=9 payment.amount=90000 \
                 payer.declined_1h=3 payer.mean_minor=1000";
    set(&mut row, signs);
    for name in ["new_device_high_amount", "declines_then_high_new_device"] {
        let rule = rules.find(name).unwrap();
        assert!(rule.fires(&row), "{name}");
        for audience in [Audience::Analyst, Audience::Seller] {
            let said = [Lang::En, Lang::Zh].map(|lang| rule.words().say(&row, audience, lang));
            let [en, zh] = &said;
            assert!(en.contains("first used today") && zh.contains("今日首次使用"), "{name}: {said:?}");
        }
    }
}
