//! Holds every page to the house's rules: sound markup, both languages complete, small enough for a slow phone.

use std::path::Path;

use webkit::page::{Lang, assets, check};

use super::sample;
use super::shown::{CodeShown, OutcomeShown, PaymentShown};

/// What a buyer's phone loads for one page, in bytes, without compression.
const BUYER_PAGE_MAX_BYTES: usize = 40 * 1024;

#[test]
fn every_page_is_sound_in_both_languages() {
    for lang in Lang::ALL {
        for (name, html) in sample::gallery(lang).unwrap() {
            assert_eq!(check::page(&html), Vec::<String>::new(), "{name} {lang:?}");
            let words = html.replace("[0-9]{6}", "");
            assert!(!words.contains('['), "{name} {lang:?} shows a missing text: {}", around(&words, '['));
        }
    }
}

fn around(html: &str, needle: char) -> String {
    html.find(needle).map_or_else(String::new, |at| html[at..].chars().take(60).collect())
}

#[test]
fn a_buyers_page_with_all_it_loads_stays_under_40_kb() {
    let files = assets::css().body.len() + assets::buyer_js().body.len() + assets::mark().body.len();
    for lang in Lang::ALL {
        for (name, html) in sample::gallery(lang).unwrap() {
            let is_buyer = html.contains("class=\"buyer\"");
            assert!(!is_buyer || html.len() + files < BUYER_PAGE_MAX_BYTES, "{name}: {}", html.len() + files);
        }
    }
}

#[test]
fn both_languages_hold_the_same_texts_and_each_one_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (templates, sources) = (root.join("templates"), root.join("src"));
    let folders = [templates.as_path(), sources.as_path()];
    let (en, zh) = super::LOCALES;
    assert_eq!(check::texts(super::texts(), en, zh, &folders), Vec::<String>::new());
}

#[test]
fn every_state_and_outcome_has_its_words() {
    let texts = super::texts();
    let mut keys: Vec<String> = CodeShown::ALL.iter().map(|state| state.key().to_owned()).collect();
    keys.extend(OutcomeShown::ALL.iter().map(|outcome| outcome.key().to_owned()));
    for state in PaymentShown::ALL {
        keys.extend([state.key(), state.title_key(), state.text_key()]);
    }
    for key in keys {
        for lang in Lang::ALL {
            assert!(texts.has(lang, &key), "`{key}` {lang:?}");
        }
    }
}

#[test]
fn buyers_never_read_of_risk_scores_or_rules() {
    for (name, html) in sample::gallery(Lang::En).unwrap() {
        if !html.contains("class=\"buyer\"") {
            continue;
        }
        for word in ["risk", "score", "rule", "fraud"] {
            assert!(!html.to_lowercase().contains(word), "{name} says `{word}`");
        }
    }
}

#[test]
fn an_unpaid_result_says_that_no_money_has_moved() {
    for state in PaymentShown::ALL {
        let says = super::texts()
            .text(Lang::En, &state.text_key(), &[("shop", &"a")])
            .contains("No money has moved");
        let held = state == PaymentShown::Held;
        assert_eq!(says, !state.is_paid() && !held, "{state:?}");
    }
}
