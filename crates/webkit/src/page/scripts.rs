//! The scripts that payment pages may load, each with the reason why it is there (PCI DSS 6.4.3, C29).
//!
//! Promises: a page names a script by [`Frame::script`](super::Frame::script) alone, with its integrity; a template that
//! writes one itself, or a payment page with a script that is not listed here, fails a test. `docs/payment-page.md` holds
//! the same list with the hashes that were looked at, and a test compares the two: no script changes unseen.

use super::assets::{self, Asset};
use super::html::Html;

/// One script of the payment pages.
#[derive(Clone, Copy)]
pub struct PaymentScript {
    /// The file.
    pub file: &'static Asset,
    /// Why it is there.
    pub reason: &'static str,
}

/// Every script that the pay page, the sign-in before it, the PIN page, the question and the receipt may load.
pub fn list_payment_scripts() -> [PaymentScript; 3] {
    [
        PaymentScript {
            file: assets::buyer_js(),
            reason: "keys for the PIN, guards against a second click, loads a waiting page anew",
        },
        PaymentScript {
            file: assets::passkey_js(),
            reason: "asks the browser for a passkey, at sign-in and to confirm a payment",
        },
        PaymentScript {
            file: assets::place_js(),
            reason: "asks the payer for their place, when they press the button for it",
        },
    ]
}

/// The element that loads one of our files as a script; nothing for an address that is none of them.
pub(super) fn element(href: &str) -> Html {
    let found = assets::list_assets().into_iter().find(|asset| asset.href == href);
    let element = |asset: &Asset| {
        format!("<script src=\"{}\" integrity=\"{}\" defer></script>", asset.href, asset.integrity)
    };
    Html::from_trusted(found.map(element).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn templates(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                templates(&entry.path(), found);
            } else if entry.path().extension().is_some_and(|ending| ending == "html") {
                found.push(entry.path());
            }
        }
    }

    /// Every template of the workspace with its text.
    fn sources() -> Vec<(String, String)> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = Vec::new();
        for name in ["webkit", "identity", "payments", "tokens", "app"] {
            templates(&crates.join(name).join("templates"), &mut found);
        }
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
    }

    /// The scripts that a template asks for, by the name of its function.
    fn asked(text: &str) -> Vec<&str> {
        let rest = |part: &'static str| text.split(part).skip(1);
        rest("page.script(page.").filter_map(|rest| rest.split_once("()").map(|(name, _)| name)).collect()
    }

    #[test]
    fn c29_no_template_names_a_script_without_its_integrity() {
        let sources = sources();
        assert!(sources.len() > 80, "{}", sources.len());
        for (name, text) in &sources {
            assert!(!text.contains("<script"), "{name} writes a script itself; use `page.script`");
            assert_eq!(text.matches("_js()").count(), asked(text).len(), "{name}");
        }
    }

    #[test]
    fn c29_payment_pages_ask_for_listed_scripts_alone() {
        // Those of a buyer extend it, and so do the door and the second step before a payment.
        let listed = ["buyer_js", "passkey_js", "place_js"];
        let payer: Vec<_> =
            sources().into_iter().filter(|(_, text)| text.contains("extends \"buyer.html\"")).collect();
        let pages: Vec<&str> = payer.iter().map(|(name, _)| name.as_str()).collect();
        for page in ["pay.html", "pay_amount.html", "pin.html", "challenge.html", "wait.html", "receipt.html"]
        {
            assert!(pages.contains(&page), "{page} is no page of a payer any more: {pages:?}");
        }
        let frame = sources().into_iter().find(|(name, _)| name == "buyer.html").unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for (name, text) in payer.iter().chain([&frame]) {
            for script in asked(text) {
                assert!(listed.contains(&script), "{name} asks for {script}, which is not in the inventory");
                seen.insert(script.to_owned());
            }
        }
        assert_eq!(
            seen.len(),
            listed.len(),
            "what no payment page asks for is not in the inventory: {seen:?}"
        );
        let files = list_payment_scripts().map(|script| script.file.href.clone());
        let named =
            [assets::buyer_js(), assets::passkey_js(), assets::place_js()].map(|file| file.href.clone());
        assert_eq!(files, named);
    }

    #[test]
    fn c29_the_written_inventory_is_that_of_the_program() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/payment-page.md");
        let page = std::fs::read_to_string(page).unwrap();
        let written: Vec<&str> = page.lines().filter(|line| line.contains("`sha256-")).collect();
        let ours: Vec<String> = list_payment_scripts()
            .iter()
            .map(|script| {
                let stem = script.file.href.trim_start_matches("/assets/").split('-').next().unwrap();
                format!("| `{stem}.js` | {} | `{}` |", script.reason, script.file.integrity)
            })
            .collect();
        assert_eq!(
            written, ours,
            "look at the change of the script, then write its hash into docs/payment-page.md"
        );
    }

    #[test]
    fn a_script_is_named_with_its_integrity_and_others_not_at_all() {
        let file = assets::buyer_js();
        assert!(element(&file.href).as_str().contains(&format!("integrity=\"{}\"", file.integrity)));
        assert!(element("/assets/other.js").is_empty());
    }
}
