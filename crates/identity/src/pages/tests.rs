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
