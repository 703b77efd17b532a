//! One fuzzing program for every reader of outside bytes; `TILLWARD_FUZZ` says which one to try.
//!
//! A target promises: no panic, no endless loop, and where there is a print and a parse, they agree. `run.sh` runs
//! them all, with a planted fault first that must be found.
#![no_main]

mod codes;
mod passkeys;
mod people;
mod screening;
mod settings;
mod tokens;
mod values;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

type Target = fn(&[u8]);

/// Name and entry point of each reader. `run.sh` reads the names from here.
const TARGETS: &[(&str, Target)] = &[
    ("planted", planted),
    ("ids", values::ids),
    ("money", values::money),
    ("emv", codes::emv),
    ("code_token", codes::code_token),
    ("signature_fields", webkit::fuzz::signature_fields),
    ("content_digest", webkit::fuzz::content_digest),
    ("idempotency_key", webkit::fuzz::idempotency_key),
    ("cursor", webkit::fuzz::cursor),
    ("json_body", webkit::fuzz::json_body),
    ("form", webkit::fuzz::form),
    ("cookies", webkit::fuzz::cookies),
    ("certificate_request", people::certificate_request),
    ("peer_certificate", app::fuzz::peer_certificate),
    ("id_token", identity::outside::fuzz::id_token),
    ("id_claims", identity::outside::fuzz::id_claims),
    ("public_keys", webkit::fuzz::public_keys),
    ("client_assertion", people::client_assertion),
    ("dpop_proof", people::dpop_proof),
    ("pushed_request", people::pushed_request),
    ("password_list", people::password_list),
    ("password_source", people::password_source),
    ("passkey_new", passkeys::new),
    ("passkey_use", passkeys::used),
    ("rule", screening::rule),
    ("rule_file", screening::rule_file),
    ("table", screening::table),
    ("model", screening::model),
    ("profile", screening::profile),
    ("countries", screening::countries),
    ("config", settings::config),
    ("share", vault::fuzz::share),
    ("key_file", vault::fuzz::key_file),
    ("sealed", vault::fuzz::sealed),
    ("card", tokens::card),
    ("personal", tokens::personal),
    ("import", tokens::import),
    ("audit_note", audit::fuzz::note),
    ("audit_entry", audit::fuzz::entry),
    ("audit_promise", audit::fuzz::promise),
    ("audit_export", audit::fuzz::export),
    ("journal", store::fuzz::journal),
];

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("TILLWARD_FUZZ").unwrap_or_default();
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("TILLWARD_FUZZ=`{name}` names no target")).1
});

fuzz_target!(|data: &[u8]| CHOSEN(data));

/// A fault behind three comparisons: a fuzzer that is awake finds it within seconds.
fn planted(data: &[u8]) {
    assert!(!data.starts_with(b"pay\0\x7f"), "the planted fault");
}
