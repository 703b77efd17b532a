//! Entry points for fuzzing: each takes any bytes, must not panic, and holds the round trip of its parser.

use crate::anchor::parse_anchors;
use crate::entry::Entry;
use crate::note::{Note, Signer, VerifierKey};
use crate::promise::Promise;
use crate::proof::Inclusion;
use crate::verify::verify_export;

/// A signed note: printed again it reads the same.
pub fn note(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(note) = Note::parse(&text) {
        assert!(Note::parse(&note.to_string()).as_ref() == Ok(&note), "a printed note reads differently");
    }
    let _ = text.parse::<VerifierKey>();
    let _ = Inclusion::parse(&text);
}

/// An entry: only its own canonical text is accepted.
pub fn entry(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(entry) = Entry::decode(&text) {
        assert!(entry.encode() == text, "an entry has two texts");
    }
}

/// A promise: only its own text is accepted.
pub fn promise(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(promise) = text.parse::<Promise>() {
        assert!(promise.to_string() == text, "a promise has two texts");
    }
}

/// An exported log and a checkpoint file.
pub fn export(bytes: &[u8]) {
    let Ok(signer) = Signer::predictable_for_tests("fuzz.example/audit", &[7; 32]) else { return };
    let _ = parse_anchors(&String::from_utf8_lossy(bytes), signer.verifier_key());
    let _ = verify_export(&mut &*bytes, signer.verifier_key(), &[]);
}
