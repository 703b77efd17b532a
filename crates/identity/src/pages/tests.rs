//! Holds every page to the house's rules: sound markup, both languages complete, small enough for a slow phone.

use std::path::Path;

use webkit::page::{Lang, check};

use super::sample;

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
fn v6_6_1_the_app_stands_above_text_messages_and_those_carry_a_warning() {
    for lang in Lang::ALL {
        let pages = sample::gallery(lang).unwrap();
        let (_, enrol) = pages.iter().find(|(name, _)| name == "enrol").unwrap();
        let frame = sample::buyer_frame(super::texts(), lang);
        let place = |key| enrol.find(&frame.t(key)).unwrap_or_else(|| panic!("{key} in {lang:?}"));
        assert!(place("enrol-app-title") < place("enrol-phone-title"), "{lang:?}");
        place("enrol-phone-text");
        let (thieves, safer) = match lang {
            Lang::En => ("taken over by thieves", "the app or a passkey is safer"),
            Lang::Zh => ("可能被盗用", "优先使用应用或通行密钥"),
        };
        let warning = frame.t("enrol-phone-text");
        assert!(warning.contains(thieves) && warning.contains(safer), "{warning}");
    }
}
