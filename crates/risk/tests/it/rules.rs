//! Rules: what is refused and where, hostile text, and the compiler against `cel`'s interpreter.

use proptest::prelude::*;
use risk::rules::{
    Bilingual, DEPTH_MAX, FILE_BYTES_MAX, LIST_MAX, NAME_BYTES_MAX, NESTING_MAX, NODES_MAX,
    PATTERN_BYTES_MAX, RULES_MAX, RuleText, SOURCE_BYTES_MAX, UNARY_RUN_MAX,
};
use risk::{Features, Rule, RuleSet, Slot};

fn text(name: &str, when: &str) -> RuleText {
    let both = || Bilingual { en: "Please confirm.".to_owned(), zh: "请确认。".to_owned() };
    RuleText {
        name: name.to_owned(),
        when: when.to_owned(),
        outcome: "challenge".to_owned(),
        priority: 0,
        analyst: both(),
        seller: both(),
        buyer: both(),
    }
}

fn rule(when: &str) -> Result<Rule, String> {
    Rule::new(&text("r", when)).map_err(|errors| errors[0].to_string())
}

fn row(values: &[(&str, f64)]) -> Features {
    let mut row = Features::UNKNOWN;
    for (name, value) in values {
        row.set(Slot::named(name).unwrap(), *value);
    }
    row
}

#[test]
fn faults_say_what_is_wrong_and_where() {
    let check = |when: &str, expect: &str| {
        let error = rule(when).map(|_| "no error").unwrap_err();
        assert_eq!(error, format!("rule `r`, {expect}"), "{when}");
    };
    check(
        "payer.count_1h > 3 &&\n  payer.cuont_1h > 5",
        "line 2, column 8: unknown variable `payer.cuont_1h`; did you mean `payer.count_1h`?",
    );
    check(
        "amount > 5",
        "line 1, column 1: unknown variable `amount`; variables look like `payer.count_1h` or `payment.amount`",
    );
    check(
        "payer.ratio * 2 > 5.0",
        "line 1, column 13: arithmetic needs two ints or two doubles, found double and int; write `2.0` or `double(…)`",
    );
    check(
        "payer.count_1h",
        "line 1, column 6: expected true or false here, found a value of type int; compare it",
    );
    check("payment.method > \"a\"", "line 1, column 16: string and string cannot be compared like this");
    check("payment.method == 5", "line 1, column 16: string and int cannot be compared like this");
    check(
        "[1, 2].exists(x, x > payer.count_1h)",
        "line 1, column 14: `all`, `exists`, `map` and `filter` are not available here",
    );
    check("payer.count_1h in [1, \"x\"]", "line 1, column 23: a list after int holds literals of that type");
    check("payer.count_1h > 5u", "line 1, column 18: unsigned numbers are not available; write `5` for `5u`");
    assert!(rule("payer.count_1h >").unwrap_err().starts_with("rule `r`, line 1, column 17: "));
    assert!(rule("").is_err());
    assert!(
        rule("payment.method.matches(\"(a|b\")").is_err() || rule("payment.method.matches(\"(a|b\")").is_ok()
    );
}

#[test]
fn all_problems_of_a_set_are_reported_at_once() {
    let mut bad = text("Bad Name", "payer.x > 1");
    bad.outcome = "explode".to_owned();
    bad.buyer.en = "Your risk score is high".to_owned();
    let errors = RuleSet::new(1, &[text("a", "true"), text("a", "true"), bad]).unwrap_err();
    assert_eq!(errors.len(), 5, "{errors:?}");
}

#[test]
fn sizes_have_limits_on_both_sides() {
    let padded = |bytes: usize| format!("{}true", " ".repeat(bytes - 4));
    assert!(rule(&padded(SOURCE_BYTES_MAX)).is_ok());
    assert!(rule(&padded(SOURCE_BYTES_MAX + 1)).is_err());
    let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(rule(&nested(NESTING_MAX)).is_ok());
    assert!(rule(&nested(NESTING_MAX + 1)).is_err());
    assert!(rule(&format!("{}true", "!".repeat(UNARY_RUN_MAX))).is_ok());
    assert!(rule(&format!("{}true", "!".repeat(UNARY_RUN_MAX + 1))).is_err());
    let pattern = |bytes: usize| format!("payment.method.matches(\"{}\")", "a".repeat(bytes));
    assert!(rule(&pattern(PATTERN_BYTES_MAX)).is_ok());
    assert!(rule(&pattern(PATTERN_BYTES_MAX + 1)).is_err());
    // Three nodes a comparison, one a literal; what joins them at the top is no node.
    let nodes = |count: usize| {
        format!("{}{}", "1<2&&".repeat(count / 3 - 1), ["true"; 6][..count % 3 + 3].join("&&"))
    };
    assert!(rule(&nodes(NODES_MAX)).is_ok());
    assert!(rule(&nodes(NODES_MAX + 1)).is_err());
    let deep = |operators: usize| format!("{}payment.night", "payment.night == ".repeat(operators));
    assert!(rule(&deep(DEPTH_MAX - 1)).is_ok());
    assert!(rule(&deep(DEPTH_MAX)).is_err());
    let list = |items: usize| format!("payer.count_1h in [{}]", vec!["1"; items].join(","));
    assert!(rule(&list(LIST_MAX)).is_ok());
    assert!(rule(&list(LIST_MAX + 1)).is_err());
    let named = |bytes: usize| Rule::new(&text(&"n".repeat(bytes), "true"));
    assert!(named(NAME_BYTES_MAX).is_ok());
    assert!(named(NAME_BYTES_MAX + 1).is_err());
    let many =
        |count: usize| -> Vec<RuleText> { (0..count).map(|i| text(&format!("r{i}"), "true")).collect() };
    assert_eq!(RuleSet::new(1, &many(RULES_MAX)).unwrap().rules().len(), RULES_MAX);
    assert!(RuleSet::new(1, &many(RULES_MAX + 1)).is_err());
    let file = |bytes: usize| format!("version = 1\n#{}", "x".repeat(bytes - 13));
    assert!(RuleSet::parse(&file(FILE_BYTES_MAX)).is_ok());
    assert!(RuleSet::parse(&file(FILE_BYTES_MAX + 1)).is_err());
}

#[test]
fn a_rule_set_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&RuleSet::starter());
}

#[test]
fn a_rule_file_names_the_line_that_is_wrong() {
    let error = &RuleSet::parse("version = 1\n[[rule]]\nname = \"a\"\ncolour = 3\n").unwrap_err()[0];
    assert_eq!((error.line, error.rule.as_str()), (4, ""), "{error}");
    assert!(error.to_string().starts_with("line 4, column 1: unknown field `colour`"), "{error}");
    assert_eq!(RuleSet::parse("version = ").unwrap_err()[0].line, 1);
}

/// What is said of a file of 40 rules in which the eighth has `wrong` in place of `good`.
fn said_of_a_file(good: &str, wrong: &str) -> String {
    let mut file = String::from("# ours\nversion = 1\n");
    for number in 0..40 {
        let rule = "\n[[rule]]\nname = \"NAME\"\nwhen = '''payment.night &&\n  payer.count_1h > 5'''\noutcome = \"review\"\n\
                    analyst.en = \"a\"\nanalyst.zh = \"甲\"\nseller.en = \"a\"\nseller.zh = \"甲\"\nbuyer = { en = \"a\", zh = \"甲\" }\n";
        let rule = rule.replace("NAME", &format!("r{number}"));
        assert!(number != 7 || rule.contains(good), "{good}");
        file += &if number == 7 { rule.replace(good, wrong) } else { rule };
    }
    let errors = RuleSet::parse(&file).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].to_string()
}

#[test]
fn every_error_of_a_rule_file_names_the_line_of_the_file() {
    let check = |good: &str, wrong: &str, expect: &str| {
        let said = said_of_a_file(good, wrong);
        assert!(said.starts_with(expect), "{said}");
    };
    let when = "'''payment.night &&\n  payer.count_1h > 5'''";
    check("\"review\"", "\"explode\"", "rule `r7`, line 85, column 11: outcome is `explode`");
    check("payer.count_1h > 5", "payer.cuont_1h > 5", "rule `r7`, line 84, column 8: unknown variable");
    check("payer.count_1h > 5", "\n  payer.count_1h >", "rule `r7`, line 85, column 19: ");
    check(
        when,
        "\"payment.\\u006eight && nobody.x\"",
        "rule `r7`, line 83, column 37: unknown variable `nobody.x`",
    );
    check("name = \"r7\"", "name = \"R 7\"", "rule `R 7`, line 82, column 8: the name must be");
    check("name = \"r7\"", "name = \"r6\"", "rule `r6`, line 82, column 8: two rules have this name");
    check("seller.zh = \"甲\"", "seller.zh = \"{x.y}\"", "rule `r7`, line 89, column 13: a text names `x.y`");
    check("zh = \"甲\" }", "zh = \"有风险\" }", "rule `r7`, line 90, column 26: the buyer's text must not");
    check("outcome = \"review\"", "outcome = 3", "line 85, column 11: invalid type");
    check("outcome = \"review\"\n", "", "line 81, column 1: missing field `outcome`");
}

#[test]
fn a_file_of_too_many_rules_names_the_first_that_is_too_many() {
    let one = "[[rule]]\nname = \"r\"\nwhen = \"true\"\noutcome = \"review\"\nanalyst = { en = \"a\", zh = \"甲\" }\n\
               seller = { en = \"a\", zh = \"甲\" }\nbuyer = { en = \"a\", zh = \"甲\" }\n";
    let error = &RuleSet::parse(&format!("version = 1\n{}", one.repeat(RULES_MAX + 1))).unwrap_err()[0];
    assert_eq!(error.line as usize, 1 + RULES_MAX * 7 + 2, "{error}");
}

#[test]
fn hostile_expressions_are_refused_in_bounded_time() {
    let started = std::time::Instant::now();
    let long = |piece: &str| piece.repeat(SOURCE_BYTES_MAX / piece.len());
    for hostile in [
        long("("),
        long("["),
        long("{"),
        long("!"),
        long("-"),
        long("a?"),
        long("a?b:"),
        long("true?true:"),
        long("a."),
        long("a["),
        long("1+"),
        long("1+1<"),
        long("a.b("),
        long("[[1],"),
        long("\"\\x"),
        long("'''"),
        long("`"),
        long("a in "),
        long("has("),
        long("//"),
        long("\u{0}"),
        long("😀"),
        long("x.map(x,"),
        format!("{}1", long("1+")),
        format!("{}true", long("true||")),
        format!("payer.ratio > {}", "9".repeat(400)),
        format!("payer.ratio > 1e{}", "9".repeat(40)),
        "[1].map(a,[1].map(b,[1].map(c,[1].map(d,true))))".to_owned(),
    ] {
        let _ = Rule::new(&text("r", &hostile));
    }
    // Generous: an unoptimised build on a busy machine. What it guards against is minutes.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn what_is_unknown_follows_cels_errors() {
    let known = row(&[("payer.ratio", 5.0), ("payment.night", 1.0)]);
    let fires = |when: &str| rule(when).unwrap().fires(&known);
    assert!(fires("payer.ratio > 4.0"));
    assert!(!fires("card.ratio > 4.0"));
    assert!(!fires("!(card.ratio > 4.0)"), "the negation of unknown is unknown");
    assert!(!fires("card.ratio != 4.0"));
    assert!(fires("card.ratio > 4.0 || payment.night"));
    assert!(!fires("card.ratio > 4.0 && payment.night"));
    assert!(fires("!(card.ratio > 4.0 && !payment.night)"), "false && unknown is false");
    assert!(fires("!has(card.ratio) && has(payer.ratio)"));
    assert!(fires("has(card.ratio) ? card.ratio > 4.0 : payer.ratio > 4.0"));
    assert!(!fires("payer.ratio / 0.0 - payer.ratio / 0.0 > 1.0"));
}

#[test]
fn texts_are_compared_and_matched() {
    let mut known = row(&[]);
    let word = risk::Word::parse("balance").unwrap();
    known.set(Slot::named("payment.method").unwrap(), word.packed() as f64);
    let fires = |when: &str| {
        let rule = rule(when).unwrap();
        assert_eq!(rule.fires(&known), rule.interpret(&known) == Some(true), "{when}");
        rule.fires(&known)
    };
    assert!(fires("payment.method == \"balance\""));
    assert!(fires("payment.method != \"a name longer than any word\""));
    assert!(fires("payment.method in [\"card\", \"balance\"]"));
    assert!(!fires("payment.code == payment.method"));
    assert!(fires("payment.method.startsWith(\"bal\") && payment.method.size() == 7"));
    assert!(fires("payment.method.matches(\"^b.*e$\")"));
    assert!(!fires("payment.code.contains(\"a\")"));
    let mixed = rule("payer.ratio > 3.0 && payment.method.contains(\"x\")").unwrap();
    assert!(mixed.is_interpreted() && !mixed.fires(&known));
}

#[test]
fn rules_whose_slots_are_never_known_are_named() {
    let set = RuleSet::new(
        7,
        &[
            text("needs_card", "payer.ratio > 1.0 && card.ratio > 1.0"),
            text("needs_either", "payer.ratio > 1.0 || card.ratio > 1.0"),
            text("guards", "!has(card.ratio) && payer.count_1h + 1 > 2"),
            text("calls", "card.ratio > 1.0 && payment.method.contains(\"x\")"),
        ],
    )
    .unwrap();
    let (kept, skipped) = set.restricted(&|slot| slot.info().name.starts_with("payer."));
    let kept: Vec<&str> = kept.rules().iter().map(|rule| &**rule.name()).collect();
    assert_eq!(kept, ["needs_either", "guards"]);
    assert_eq!(skipped.iter().map(|name| &**name).collect::<Vec<_>>(), ["needs_card", "calls"]);
}

const INTS: [&str; 4] = ["payer.count_1h", "payment.amount_minor", "login.failed_pins", "device.frauds"];
const DOUBLES: [&str; 4] = ["payer.ratio", "payer.zscore", "payment.amount", "terminal.fraud_days"];
const BOOLS: [&str; 3] = ["payment.night", "payer.new_device", "payment.small"];
const TEXTS: [&str; 2] = ["payment.method", "payment.code"];

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(from).prop_map(str::to_owned)
}

fn an_int() -> impl Strategy<Value = String> {
    let literal =
        prop_oneof![(-9i64..99).prop_map(|i| i.to_string()), Just("9223372036854775807".to_owned())];
    let leaf = prop_oneof![3 => pick(&INTS), 2 => literal];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} > {b} ? {b} : {c})")),
            pick(&DOUBLES).prop_map(|d| format!("int({d})")),
        ]
    })
}

fn a_double() -> impl Strategy<Value = String> {
    let literal =
        prop_oneof![Just("0.0".to_owned()), (-9i32..99).prop_map(|i| format!("{:.2}", f64::from(i) / 4.0))];
    let leaf = prop_oneof![3 => pick(&DOUBLES), 2 => literal];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/"]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (pick(&BOOLS), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            pick(&INTS).prop_map(|i| format!("double({i})")),
        ]
    })
}

fn a_bool() -> impl Strategy<Value = String> {
    let cmp = || prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let slot_test = (prop_oneof![pick(&INTS), pick(&DOUBLES)], cmp(), -3i32..40)
        .prop_map(|(slot, cmp, value)| format!("{slot} {cmp} {value}"));
    let leaf = prop_oneof![
        4 => slot_test,
        2 => pick(&BOOLS),
        1 => prop_oneof![pick(&INTS), pick(&DOUBLES), pick(&TEXTS)].prop_map(|slot| format!("has({slot})")),
        2 => (an_int(), cmp(), an_int()).prop_map(|(a, cmp, b)| format!("{a} {cmp} {b}")),
        2 => (a_double(), cmp(), a_double()).prop_map(|(a, cmp, b)| format!("{a} {cmp} {b}")),
        1 => (an_int(), cmp(), a_double()).prop_map(|(a, cmp, b)| format!("{a} {cmp} {b}")),
        1 => (a_double(), cmp(), an_int()).prop_map(|(a, cmp, b)| format!("{a} {cmp} {b}")),
        1 => an_int().prop_map(|a| format!("{a} in [1, 2, -3, 7]")),
        1 => (pick(&TEXTS), prop::bool::ANY).prop_map(|(slot, eq)| format!("{slot} {} \"card\"", if eq { "==" } else { "!=" })),
        1 => (pick(&TEXTS), pick(&TEXTS)).prop_map(|(a, b)| format!("{a} == {b}")),
        1 => pick(&TEXTS).prop_map(|slot| format!("{slot} in [\"card\", \"static\"]")),
        1 => pick(&TEXTS).prop_map(|slot| format!("{slot}.startsWith(\"c\")")),
        1 => (pick(&BOOLS), pick(&BOOLS)).prop_map(|(a, b)| format!("{a} != {b}")),
        1 => Just("true".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))")),
        ]
    })
}

fn a_row() -> impl Strategy<Value = Features> {
    let int = || prop::option::weighted(0.8, prop_oneof![-3i64..40, Just(0), Just(1 << 50)]);
    let double = || {
        prop::option::weighted(0.8, prop_oneof![Just(0.0f64), -3.0f64..40.0, (0i32..20).prop_map(f64::from)])
    };
    let word = || prop::option::weighted(0.8, prop::sample::select(vec!["card", "static", "balance"]));
    let bools = prop::array::uniform3(prop::option::weighted(0.8, any::<bool>()));
    let ints = [int(), int(), int(), int()];
    let doubles = [double(), double(), double(), double()];
    (ints, doubles, bools, [word(), word()]).prop_map(|(ints, doubles, bools, words)| {
        let mut row = Features::UNKNOWN;
        let mut set = |name: &str, value: Option<f64>| {
            row.set(Slot::named(name).unwrap(), value.map_or(f64::NAN, |value| value));
        };
        INTS.iter().zip(ints).for_each(|(name, value)| set(name, value.map(|value| value as f64)));
        DOUBLES.iter().zip(doubles).for_each(|(name, value)| set(name, value));
        BOOLS
            .iter()
            .zip(bools)
            .for_each(|(name, value)| set(name, value.map(|value| f64::from(u8::from(value)))));
        let packed = |word: &str| risk::Word::parse(word).unwrap().packed() as f64;
        TEXTS.iter().zip(words).for_each(|(name, value)| set(name, value.map(packed)));
        row
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn compiled_rules_agree_with_cels_interpreter(
        when in a_bool(),
        rows in prop::collection::vec(a_row(), 12),
    ) {
        // Random expressions may nest deeper than rules may: those are refused, which is not under test here.
        if let (Ok(rule), Ok(negated)) = (rule(&when), rule(&format!("!({when})"))) {
            for row in rows {
                let oracle = rule.interpret(&row);
                prop_assert_eq!(rule.fires(&row), oracle == Some(true), "{}", when);
                prop_assert_eq!(negated.fires(&row), oracle == Some(false), "!({})", when);
            }
        }
    }

    #[test]
    fn random_text_is_refused_without_a_panic(when in "[ -~]{0,80}") {
        let _ = rule(&when);
    }
}
