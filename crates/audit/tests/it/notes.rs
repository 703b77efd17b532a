//! AU-2: checkpoints and signed notes, against the published examples and the crate `signed_note`.

use audit::{
    Checkpoint, Digest, KEY_NAME_BYTES_MAX, NOTE_BYTES_MAX, Note, NoteError, SIGNATURES_MAX,
    SignedCheckpoint, Signer, VerifierKey, parse_anchors,
};
use base::Timestamp;

use crate::setup::signer;

/// The example of <https://c2sp.org/signed-note>.
const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// The example of Go's `sumdb/note`.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn checkpoint(size: u64) -> SignedCheckpoint {
    let checkpoint = Checkpoint { origin: "shop.example/audit".into(), size, root: Digest([7; 32]) };
    checkpoint.sign(&signer(), Timestamp(1_679_315_147_500)).unwrap()
}

#[test]
fn au_2_published_notes_verify_and_print_back() {
    for (key, note) in [(SPEC_KEY, SPEC_NOTE), (GO_KEY, GO_NOTE)] {
        let key: VerifierKey = key.parse().unwrap();
        let parsed = Note::parse(note).unwrap();
        assert_eq!(parsed.verify(&key), Ok(()));
        assert_eq!(parsed.to_string(), note);
    }
    assert_eq!(GO_KEY.parse::<VerifierKey>().unwrap().to_string(), GO_KEY);
}

#[test]
fn au_2_every_changed_byte_of_a_note_is_found() {
    let key: VerifierKey = SPEC_KEY.parse().unwrap();
    for place in 0..SPEC_NOTE.len() {
        for mask in [0x01, 0x20] {
            let mut bytes = SPEC_NOTE.as_bytes().to_vec();
            bytes[place] ^= mask;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let accepted = Note::parse(&text).is_ok_and(|note| note.verify(&key).is_ok());
            assert!(!accepted, "byte {place} changed by {mask}");
        }
    }
}

#[test]
fn au_2_signatures_of_unknown_keys_are_ignored() {
    let key: VerifierKey = SPEC_KEY.parse().unwrap();
    let with = |line: &str| Note::parse(&format!("{SPEC_NOTE}{line}\n")).unwrap().verify(&key);
    assert_eq!(with("\u{2014} other.example/key AAAAAAB0ZXN0"), Ok(()));
    // The same name with another id is another key.
    assert_eq!(with("\u{2014} example.com/foo AAAAAAB0ZXN0"), Ok(()));
    let other = Signer::predictable_for_tests("example.com/foo", &[1; 32]).unwrap();
    let note = Note::parse(SPEC_NOTE).unwrap();
    assert_eq!(note.verify(other.verifier_key()), Err(NoteError::NotSigned("example.com/foo".into())));
}

#[test]
fn au_2_a_wrong_signature_of_the_known_key_refuses_the_note() {
    let key: VerifierKey = SPEC_KEY.parse().unwrap();
    let bad = format!("{SPEC_NOTE}\u{2014} example.com/foo Uw2QOgAA\n");
    assert_eq!(
        Note::parse(&bad).unwrap().verify(&key),
        Err(NoteError::WrongSignature("example.com/foo".into()))
    );
}

#[test]
fn au_2_a_checkpoint_has_the_lines_of_the_specification() {
    let signed = checkpoint(20_852_163);
    let lines: Vec<&str> = signed.note.lines().collect();
    assert_eq!(
        lines[..4],
        ["shop.example/audit", "20852163", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", ""]
    );
    assert!(lines[4..].iter().all(|line| line.starts_with("\u{2014} shop.example/audit ")));
    assert_eq!(SignedCheckpoint::open(&signed.note, signer().verifier_key()), Ok(signed));
}

#[test]
fn au_2_another_implementation_reads_our_checkpoints_and_we_read_its_notes() {
    use signed_note::{Note as Theirs, StandardVerifier, VerifierList};
    let ours = checkpoint(12);
    let verifier = StandardVerifier::new(&signer().verifier_key().to_string()).unwrap();
    let theirs = Theirs::from_bytes(ours.note.as_bytes()).unwrap();
    let (good, unknown) = theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!(
        (good.len(), unknown.len()),
        (1, 1),
        "the timestamped signature is of a type it does not know"
    );

    let key = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let mut note = Theirs::new(b"hello\n", &[]).unwrap();
    note.add_sigs(&[&signed_note::StandardSigner::new(key).unwrap()]).unwrap();
    let text = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(Note::parse(&text).unwrap().verify(&GO_KEY.parse().unwrap()), Ok(()));
}

#[test]
fn au_2_the_time_of_a_checkpoint_is_signed() {
    let signed = checkpoint(3);
    assert_eq!(signed.at, Some(Timestamp(1_679_315_147_000)));
    let note = Note::parse(&signed.note).unwrap();
    let mut bytes = note.signatures()[1].bytes.clone();
    bytes[7] ^= 1;
    let mut forged = note.signatures()[1].clone();
    forged.bytes = bytes;
    let line = |s: &audit::NoteSignature| {
        use base64::Engine as _;
        let mut all = s.key_id.to_be_bytes().to_vec();
        all.extend(&s.bytes);
        format!("\u{2014} {} {}\n", s.name, base64::engine::general_purpose::STANDARD.encode(all))
    };
    let text = format!("{}\n{}{}", note.text(), line(&note.signatures()[0]), line(&forged));
    let opened = SignedCheckpoint::open(&text, signer().verifier_key());
    assert_eq!(opened, Err(NoteError::WrongSignature("shop.example/audit".into())));
}

#[test]
fn au_2_another_logs_checkpoint_is_refused_even_with_our_signature() {
    let foreign = Checkpoint { origin: "other.example/log".into(), size: 1, root: Digest([1; 32]) };
    let signed = foreign.sign(&signer(), Timestamp(0)).unwrap();
    assert!(SignedCheckpoint::open(&signed.note, signer().verifier_key()).is_err());
}

#[test]
fn au_2_malformed_checkpoints_are_refused() {
    let root = Digest([7; 32]);
    for text in [
        String::new(),
        "a\n".into(),
        format!("a\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("a\n01\n{root}\n"),
        format!("a\n+1\n{root}\n"),
        format!("a\n-1\n{root}\n"),
        format!("a\n18446744073709551616\n{root}\n"),
        "a\n1\nBwcH\n".into(),
        format!("a\n1\n{root}\n\nmore\n"),
    ] {
        assert!(Checkpoint::parse_text(&text).is_err(), "{text:?}");
    }
    assert!(Checkpoint::parse_text(&format!("a\n0\n{root}\nextension\n")).is_ok());
}

#[test]
fn notes_have_limits_on_both_sides() {
    let line = "\u{2014} a AAAAAAA=\n";
    let note = |count: usize| format!("text\n\n{}", line.repeat(count));
    assert!(Note::parse(&note(SIGNATURES_MAX)).is_ok());
    assert_eq!(Note::parse(&note(SIGNATURES_MAX + 1)), Err(NoteError::TooLarge));
    let sized = |bytes: usize| {
        let tail = format!("\n\n{line}");
        format!("{}{tail}", "x".repeat(bytes - tail.len()))
    };
    assert!(Note::parse(&sized(NOTE_BYTES_MAX)).is_ok());
    assert_eq!(Note::parse(&sized(NOTE_BYTES_MAX + 1)), Err(NoteError::TooLarge));
    assert!(Signer::predictable_for_tests(&"n".repeat(KEY_NAME_BYTES_MAX), &[1; 32]).is_ok());
    for name in ["", "a b", "a+b", "a\nb", "a\u{3000}b", &"n".repeat(KEY_NAME_BYTES_MAX + 1)] {
        assert!(Signer::predictable_for_tests(name, &[1; 32]).is_err(), "{name:?}");
    }
}

#[test]
fn malformed_notes_and_keys_are_refused() {
    for note in [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\n\u{2014} a AAAAAAA=",
        "text\n\n- a AAAAAAA=\n",
        "text\n\n\u{2014} a\n",
        "text\n\n\u{2014} a AAAA\n",
        "text\n\n\u{2014} a AAAAAA\n",
        "te\txt\n\n\u{2014} a AAAAAAA=\n",
        "text\r\n\r\n\u{2014} a AAAAAAA=\n",
    ] {
        assert!(Note::parse(note).is_err(), "{note:?}");
    }
    for cut in 0..SPEC_KEY.len() {
        assert!(SPEC_KEY[..cut].parse::<VerifierKey>().is_err());
        assert!(cut == 0 || SPEC_KEY[cut..].parse::<VerifierKey>().is_err());
    }
}

#[test]
fn a_generated_key_comes_back_from_its_file_form() {
    let (made, pkcs8) = Signer::generate("shop.example/audit").unwrap();
    let read = Signer::from_pkcs8("shop.example/audit", pkcs8.expose()).unwrap();
    assert_eq!(read.verifier_key(), made.verifier_key());
    assert_eq!(Signer::from_pkcs8("a", b"nothing").err(), Some(NoteError::PrivateKey));
    assert!(!format!("{made:?}").contains("pair"));
}

#[test]
fn au_4_checkpoints_are_read_from_lines_and_from_pasted_notes() {
    let (one, two) = (checkpoint(1), checkpoint(2));
    let pasted = format!("{}\n{}", one.note, two.note);
    let lines = format!("{}\n", serde_free_line(&one.note));
    let all = parse_anchors(&format!("{lines}{pasted}"), signer().verifier_key()).unwrap();
    assert_eq!(all, [one.clone(), one, two]);
    let forged = pasted.replace("\n2\n", "\n3\n");
    assert!(parse_anchors(&forged, signer().verifier_key()).is_err());
}

fn serde_free_line(note: &str) -> String {
    format!("{{\"checkpoint\":\"{}\"}}", note.replace('\n', "\\u000a"))
}
