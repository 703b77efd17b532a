//! What OWASP ASVS asks of all of the program and no single test of a domain shows: where chance comes from, which
//! algorithms are called, and what is never asked of people. Read from the sources, with every exception named and explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The sources of the program without their tests, by path below `crates`.
pub fn sources() -> Vec<(String, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for krate in fs::read_dir(&crates).unwrap().map(|entry| entry.unwrap().path()) {
        read(&krate.join("src"), &mut found);
    }
    assert!(found.len() > 300, "{}", found.len());
    let relative = |path: &Path| path.strip_prefix(&crates).unwrap().to_string_lossy().into_owned();
    let without_tests = |text: String| text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
    found.iter().map(|path| (relative(path), without_tests(fs::read_to_string(path).unwrap()))).collect()
}

fn read(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            read(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Files in which one of these words stands in code, not in a comment.
fn files_with(words: &[&str]) -> BTreeSet<String> {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let holds =
        |text: &str| text.lines().filter(code).any(|line| words.iter().any(|word| line.contains(word)));
    sources().into_iter().filter(|(_, text)| holds(text)).map(|(path, _)| path).collect()
}

fn named(files: &[&str]) -> BTreeSet<String> {
    files.iter().map(|file| (*file).to_owned()).collect()
}

#[test]
fn v11_5_1_v6_5_3_chance_comes_from_one_place_and_that_is_the_secure_source() {
    let generators =
        ["SystemRandom", "rand::fill", "getrandom", "thread_rng", "OsRng", "SmallRng", "StdRng", "fastrand"];
    let excused = [
        // The one place: every token, key, code and salt is drawn from `Dice`.
        "base/src/dice.rs",
        // A fresh pair of Ed25519 and the nonce of an ECDSA signature, inside AWS-LC.
        "audit/src/note.rs",
        "identity/src/certificates/authority.rs",
        // For the fuzzer and a test alone.
        "identity/src/passkeys/attestation/tests.rs",
        "identity/src/oauth/fuzz.rs",
        "identity/src/outside/provider/fuzz.rs",
    ];
    assert_eq!(files_with(&generators), named(&excused));
    // A seeded one is called by name, in the test kit and where a file alone is replayed.
    let seeded = files_with(&["predictable_for_tests"]);
    let program = seeded.iter().filter(|file| !file.starts_with("testkit/") && !file.starts_with("base/"));
    let program: Vec<_> =
        program.filter(|file| !file.contains("fuzz") && !file.ends_with("tests.rs")).collect();
    let known = ["app/src/bench", "app/src/demo", "audit/src/note.rs"];
    assert!(program.iter().all(|file| known.iter().any(|known| file.starts_with(known))), "{program:?}");
}

#[test]
fn v11_3_1_no_ecb_no_cbc_and_no_encryption_with_rsa() {
    let weak = [
        "ECB",
        "Ecb",
        "_CBC",
        "Cbc",
        "Pkcs1Encrypt",
        "PKCS1_PUBLIC",
        "Pkcs1PublicEncrypting",
        "RsaPkcs",
        "Oaep",
    ];
    assert_eq!(files_with(&weak), named(&[]));
}

#[test]
fn v11_4_1_weak_hashes_stand_where_they_protect_nothing_or_a_standard_wants_them() {
    let weak = ["SHA1", "Sha1", "sha1(", "Md5", "MD5", "md5("];
    let excused = [
        // RFC 6238 as every authenticator app has it: HMAC, in which collisions help nobody.
        "identity/src/totp.rs",
        // Spreads the keys of the list of breached passwords, as those collections are published.
        "identity/src/blocklist.rs",
    ];
    let found = files_with(&weak);
    assert!(found.is_subset(&named(&excused)), "{found:?}");
}

#[test]
fn v6_4_2_nobody_is_asked_for_a_hint_or_a_secret_question() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut looked = 0;
    for name in ["webkit", "identity", "payments", "tokens", "app"] {
        for folder in ["templates", "locales"] {
            for path in fs::read_dir(crates.join(name).join(folder)).into_iter().flatten() {
                let path = path.unwrap().path();
                let text = fs::read_to_string(&path).unwrap_or_default().to_lowercase();
                for word in [
                    "security question",
                    "secret question",
                    "password hint",
                    "mother",
                    "first pet",
                    "密保问题",
                    "密码提示",
                ] {
                    assert!(!text.contains(word), "{} says `{word}`", path.display());
                }
                looked += 1;
            }
        }
    }
    assert!(looked > 80, "{looked}");
    let stored = files_with(&["password_hint", "secret_question", "security_question", "secret_answer"]);
    assert_eq!(stored, named(&[]));
}

/// The names of the types that derive `ToSchema` in a source.
fn described_types(text: &str) -> Vec<String> {
    let after = text
        .split("#[derive(")
        .skip(1)
        .filter(|rest| rest.split(')').next().is_some_and(|derived| derived.contains("ToSchema")));
    let names = after.filter_map(|rest| {
        let mut words = rest.split_whitespace().skip_while(|word| !matches!(*word, "struct" | "enum"));
        words.nth(1).map(|name| name.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned())
    });
    names.map(|name| name.split(['<', '(']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn asvs_8_1_2_no_two_bodies_or_views_share_a_name_in_the_description() {
    // One of two would stand for both: the description would name fields that an operation does not take.
    let mut seen = BTreeSet::new();
    for (path, text) in sources() {
        for name in described_types(&text) {
            assert!(seen.insert(name.clone()), "{path}: another type described is called `{name}`");
        }
    }
    assert!(seen.len() > 130, "{}", seen.len());
}
