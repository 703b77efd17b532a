//! Reads the colours of the style sheet and holds them to WCAG 2.2 AA in light and dark.

use std::collections::BTreeMap;

/// 1.4.3: text of normal size.
const TEXT_MIN: f64 = 4.5;
/// 1.4.11: borders of fields, focus marks, shapes.
const SHAPE_MIN: f64 = 3.0;

fn colours(dark: bool) -> BTreeMap<String, [f64; 3]> {
    let css = super::assets::css().body;
    let (light_part, rest) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let dark_part = rest.split_once("\n}\n").unwrap().0;
    let mut found = read(light_part);
    if dark {
        found.extend(read(dark_part));
    }
    found
}

fn read(css: &str) -> BTreeMap<String, [f64; 3]> {
    css.split("--")
        .skip(1)
        .filter_map(|rest| rest.split_once(": #"))
        .map(|(name, rest)| {
            let channel = |at: usize| f64::from(u8::from_str_radix(&rest[at..at + 2], 16).unwrap()) / 255.0;
            (name.to_owned(), [channel(0), channel(2), channel(4)])
        })
        .collect()
}

/// Relative luminance as WCAG 2.2 defines it.
fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] =
        colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn ratio(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_pair_of_colours_meets_wcag_aa_in_light_and_dark() {
    let text: &[(&str, &[&str])] = &[
        ("ink", &["paper", "card", "sunk", "accent-bg", "good-bg", "bad-bg", "amber-bg"]),
        ("soft", &["paper", "card", "sunk", "accent-bg"]),
        ("accent", &["paper", "card", "sunk", "accent-bg"]),
        ("accent-deep", &["paper", "card", "sunk"]),
        ("on-accent", &["accent", "accent-deep"]),
        ("good", &["paper", "card", "sunk", "accent-bg", "good-bg"]),
        ("bad", &["paper", "card", "sunk", "accent-bg", "bad-bg"]),
        ("on-bad", &["bad"]),
        ("amber", &["paper", "card", "sunk", "accent-bg", "amber-bg"]),
    ];
    let shapes: &[(&str, &[&str])] = &[("edge", &["paper", "card"]), ("accent", &["paper", "card", "sunk"])];
    for dark in [false, true] {
        let colours = colours(dark);
        for (pairs, least) in [(text, TEXT_MIN), (shapes, SHAPE_MIN)] {
            for (front, backs) in pairs {
                for back in *backs {
                    let found = ratio(colours[*front], colours[*back]);
                    assert!(found >= least, "{front} on {back}, dark {dark}: {found:.2} is below {least}");
                }
            }
        }
    }
}

#[test]
fn the_formula_gives_the_published_extremes() {
    assert!((ratio([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    assert!((ratio([0.5; 3], [0.5; 3]) - 1.0).abs() < 1e-9);
}
