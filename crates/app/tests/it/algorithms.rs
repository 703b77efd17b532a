//! The inventory of algorithms (ASVS 11.1.2): what the sources name, and what TLS would speak, stands in docs/asvs.md in a
//! row that names the file.

use std::path::Path;

use crate::asvs::sources;

/// What a word has in it that names an algorithm.
const MARKS: [&str; 28] = [
    "AES", "Aes", "CHACHA", "ChaCha", "HMAC_SHA", "HmacSha", "HKDF", "Hkdf", "SHA1", "SHA256", "SHA384",
    "SHA512", "Sha1", "Sha256", "Sha512", "ED25519", "Ed25519", "EdDSA", "ECDSA", "Ecdsa", "X25519", "MLKEM",
    "RSA_P", "RsaPss", "Argon2", "Md5", "Blake", "Gf256",
];
/// Words of the sources beginning so, with what the inventory calls it; the first that fits counts.
const NAMES: [(&str, &str); 39] = [
    ("AES_256_GCM", "AES-256-GCM"),
    ("AES_256", "AES-256-KWP"),
    ("AesKek", "AES-256-KWP"),
    ("Aes", "AES-GCM"),
    ("AES", "AES"),
    ("CHACHA20_POLY1305", "ChaCha20-Poly1305"),
    ("HMAC_SHA256", "HMAC-SHA-256"),
    ("HmacSha256", "HMAC-SHA-256"),
    ("HKDF", "HKDF-SHA-256"),
    ("SHA1", "SHA-1"),
    ("SHA256", "SHA-256"),
    ("Sha256", "SHA-256"),
    ("SHA384", "SHA-384"),
    ("SHA512", "SHA-512"),
    ("TYPE_ED25519", "Ed25519"),
    ("ED25519", "Ed25519"),
    ("Ed25519", "Ed25519"),
    ("EdDSA", "EdDSA"),
    ("ECDSA_P256", "P-256"),
    ("ECDSA_P384", "P-384"),
    ("ECDSA_P521", "P-521"),
    ("EcdsaP256", "P-256"),
    ("EcdsaKeyPair", "ECDSA"),
    ("ECDSA", "P-256"),
    ("X25519", "X25519"),
    ("RSA_PKCS1", "PKCS #1 v1.5"),
    ("RSA_PSS", "RSA-PSS"),
    ("RsaPss", "RSA-PSS"),
    ("Argon2", "Argon2id"),
    ("Gf256", "GF(2^8)"),
    ("PKCS_ECDSA_P256", "P-256"),
    ("OID_PKCS1_SHA256", "SHA-256"),
    ("OID_PKCS1_SHA384", "SHA-384"),
    ("OID_PKCS1_SHA512", "SHA-512"),
    ("OID_SIG_ECDSA_WITH_SHA256", "SHA-256"),
    ("OID_SIG_ECDSA_WITH_SHA384", "SHA-384"),
    ("OID_SIG_ED25519", "Ed25519"),
    ("OID_EC_P256", "P-256"),
    ("OID_NIST_EC_P384", "P-384"),
];
/// Names of the tokens of a provider, as the standard writes them.
const TOKENS: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "HS256"];
/// Parts that carry nothing out: the gallery's samples, what only tries the program out, what only tests and fuzzes.
const NO_WORK: [&str; 6] = ["/pages/sample", "app/src/demo", "app/src/bench", "testkit/", "fuzz", "tests.rs"];

/// A row of the inventory.
struct Row {
    algorithms: String,
    files: Vec<String>,
}

fn inventory() -> Vec<Row> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/asvs.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("### Algorithms\n").unwrap();
    let lines = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = lines.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        let files = cells[3].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Row { algorithms: cells[2].to_owned(), files }
    });
    rows.collect()
}

/// The words of a source, without comments, that name an algorithm.
fn named(text: &str) -> Vec<String> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let names = words.filter(|word| MARKS.iter().any(|mark| word.contains(mark)) || TOKENS.contains(word));
    names.map(str::to_owned).collect()
}

/// What the inventory calls it.
fn name_of(word: &str) -> Option<&str> {
    if TOKENS.contains(&word) {
        return Some(word);
    }
    NAMES.iter().find(|(start, _)| word.starts_with(start)).map(|(_, name)| *name)
}

#[test]
fn asvs_11_1_2_every_algorithm_in_the_sources_stands_in_the_inventory() {
    let rows = inventory();
    let (mut wrong, mut found) = (Vec::new(), 0);
    for (path, text) in sources() {
        if NO_WORK.iter().any(|part| path.contains(part)) {
            continue;
        }
        let short = path.replacen("/src/", "/", 1);
        for word in named(&text) {
            found += 1;
            let Some(name) = name_of(&word) else {
                wrong.push(format!("{path}: `{word}` has no name here"));
                continue;
            };
            let stands = rows.iter().any(|row| {
                row.algorithms.contains(name) && row.files.iter().any(|file| short.starts_with(file.as_str()))
            });
            if !stands {
                wrong.push(format!("{path}: {name} (`{word}`) is in no row of this file in docs/asvs.md"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(found > 100, "{found}");
}

#[test]
fn asvs_11_1_2_every_file_of_the_inventory_is_there_and_names_an_algorithm() {
    let sources = sources();
    for file in inventory().iter().flat_map(|row| &row.files) {
        let mut of_file =
            sources.iter().filter(|(path, _)| path.replacen("/src/", "/", 1).starts_with(file.as_str()));
        let works = of_file.any(|(path, text)| path == "app/src/server/tls.rs" || !named(text).is_empty());
        assert!(works, "`{file}` names no algorithm");
    }
}

#[test]
fn asvs_11_1_2_every_suite_and_key_exchange_of_tls_stands_in_the_inventory() {
    let rows = inventory();
    let stands = |name: &str| rows.iter().any(|row| row.algorithms.contains(name));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let suites: Vec<String> =
        provider.cipher_suites.iter().map(|suite| format!("{:?}", suite.suite())).collect();
    for name in &suites {
        assert!(stands(name), "{name}");
    }
    for group in &provider.kx_groups {
        assert!(stands(&format!("{:?}", group.name())), "{:?}", group.name());
    }
    // In the order in which they are taken, and no others.
    let (new, old): (Vec<_>, Vec<_>) = suites.into_iter().partition(|name| name.starts_with("TLS13_"));
    for list in [new.join(", "), old.join(", ")] {
        assert!(rows.iter().any(|row| row.algorithms.trim() == list), "{list}");
    }
}

#[test]
fn asvs_11_1_2_the_kinds_of_passkeys_stand_in_the_inventory() {
    let (_, key) = sources().into_iter().find(|(path, _)| path == "identity/src/passkeys/key.rs").unwrap();
    let (_, list) = key.split_once("pub const ALGORITHMS").unwrap();
    let (_, list) = list.split_once("= [").unwrap();
    let list = list.split(']').next().unwrap();
    assert!(inventory().iter().any(|row| row.algorithms.contains(&format!("(COSE {list})"))), "{list}");
}
