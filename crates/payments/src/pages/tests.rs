//! Holds every page to the house's rules: sound markup, both languages complete, small enough for a slow phone.

use std::path::Path;

use webkit::page::{Lang, check};

use super::sample;
use super::shown::{CodeShown, OutcomeShown, PaymentShown};

#[test]
fn every_page_is_sound_in_both_languages_and_small_enough_for_a_phone() {
    for lang in Lang::ALL {
        assert_eq!(check::gallery(&sample::gallery(lang).unwrap()), Vec::<String>::new(), "{lang:?}");
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
