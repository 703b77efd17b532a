//! What a shop hands to screening: rules, tables, models, and profile rows as they come from a database.

use aws_lc_rs::digest::{SHA256, digest};
use risk::features::Kind;
use risk::model::Model;
use risk::rules::{Bilingual, RuleText};
use risk::table::{ReadOptions, read};
use risk::{Countries, Features, Profile, Rule, RuleSet, Slot, Word};

/// The first line is an expression, the rest fills a row: the compiled rule and `cel`'s interpreter agree.
pub fn rule(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (when, rest) = data.split_at(at);
    let Ok(when) = std::str::from_utf8(when) else { return };
    let Ok(rule) = Rule::new(&rule_text(when)) else { return };
    let row = row(&rule, rest);
    let expected = rule.interpret(&row) == Some(true);
    assert_eq!(rule.fires(&row), expected, "the compiled rule and the interpreter differ");
}

fn rule_text(when: &str) -> RuleText {
    let both = || Bilingual { en: "Please confirm.".to_owned(), zh: "请确认。".to_owned() };
    RuleText {
        name: "r".to_owned(),
        when: when.to_owned(),
        outcome: "challenge".to_owned(),
        priority: 0,
        analyst: both(),
        seller: both(),
        buyer: both(),
    }
}

/// Values for the slots that the rule reads, of each slot's type; some stay unknown.
fn row(rule: &Rule, bytes: &[u8]) -> Features {
    let mut row = Features::UNKNOWN;
    let mut chunks = bytes.chunks(4);
    for slot in rule.slots() {
        let Some([known, low, high, sign]) = chunks.next().and_then(|chunk| chunk.first_chunk::<4>()) else { break };
        let number = f64::from(i32::from_le_bytes([*low, *high, *sign, *sign]));
        if known % 4 != 0 {
            row.set(*slot, value(*slot, number));
        }
    }
    row
}

fn value(slot: Slot, number: f64) -> f64 {
    match slot.info().kind {
        Kind::Int => number,
        Kind::Double => number / 256.0,
        Kind::Bool => f64::from(u8::from(number > 0.0)),
        Kind::Text => Word::parse("cn").map_or(f64::NAN, |word| word.packed() as f64),
    }
}

/// A whole file of rules.
pub fn rule_file(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = RuleSet::parse(text);
    }
}

/// A table of payments: every row that was read can be asked for.
pub fn table(data: &[u8]) {
    let options = ReadOptions { labels: Some("fraud".to_owned()), ..ReadOptions::default() };
    if let Ok(table) = read(data, &options).or_else(|_| read(data, &ReadOptions::default())) {
        for row in table.in_time_order() {
            let _ = (table.facts(row), table.amount(row), table.attempt(row), table.id(row));
        }
    }
}

/// A model as it is, and with the check sum that fits it. A model that loads answers every row with a probability.
pub fn model(data: &[u8]) {
    ask(data);
    let mut summed = data.to_vec();
    summed.extend(digest(&SHA256, data).as_ref());
    ask(&summed);
}

fn ask(bytes: &[u8]) {
    if let Ok(model) = Model::load(bytes) {
        let probability = model.probability(&Features::UNKNOWN.inputs());
        assert!((0.0..=1.0).contains(&probability), "{probability} is no probability");
        assert_eq!(Model::load(&model.save()).map(|again| again.version()), Ok(model.version()));
    }
}

/// A profile row: what is read is written again so that it reads alike.
pub fn profile(data: &[u8]) {
    if let Ok(profile) = Profile::from_bytes(data) {
        let written = profile.to_bytes();
        let again = Profile::from_bytes(&written).map(|profile| profile.to_bytes());
        assert_eq!(again, Ok(written), "a written profile reads differently");
    }
}

/// A table of countries: read or refused with a line that is there, and every address has an answer.
pub fn countries(data: &[u8]) {
    match Countries::parse(data) {
        Ok(countries) => {
            for address in ["0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "ffff::"] {
                let found = address.parse().ok().and_then(|address| countries.find(address));
                assert!(found.is_none_or(|country| country.text().len() == 2));
            }
        }
        Err(problem) => assert!(problem.to_string().chars().count() < 300, "a refusal that is too long"),
    }
}
