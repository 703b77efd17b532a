//! What outsiders bring to be let in: requests for certificates, lists of passwords, what apps prove and ask.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::limits::PASSWORD_BESIDE_FACTOR_CHARS_MIN;
use identity::oauth::fuzz;
use identity::{Blocklist, CertificateRequest, Password};

/// A request for a certificate: the text as it is, and the same bytes inside the armour, so that their reader is reached.
pub fn certificate_request(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = CertificateRequest::parse(text);
    }
    let lines = [
        "-----BEGIN CERTIFICATE REQUEST-----",
        &STANDARD.encode(data),
        "-----END CERTIFICATE REQUEST-----",
        "",
    ];
    let _ = CertificateRequest::parse(&lines.join("\n"));
}

/// A list of passwords nobody may choose: what is read can be asked anything.
pub fn password_list(data: &[u8]) {
    let Ok(list) = Blocklist::parse(data) else { return };
    for text in ["correct horse battery staple", "密码密码密码密码密码密码密码密码"] {
        if let Ok(password) = Password::parse(text) {
            let _ = list.contains(&password);
        }
    }
    assert!(list.version().len() == 16, "a version is told in 16 digits");
}

/// The source of such a list, a password or a hash a line: what it is built into is read again and holds each of them.
pub fn password_source(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(built) = Blocklist::build(text.lines()) else { return };
    let list = Blocklist::parse(&built).expect("a list that was built is read");
    let is_hash = |line: &str| line.split(':').next().is_some_and(|hash| hash.len() == 40);
    let lines = text.lines().map(|line| line.trim_end_matches('\r'));
    // Letters beyond ASCII may become fewer when a password is brought into one form, and then be too few.
    for line in lines.filter(|line| line.is_ascii() && line.len() >= PASSWORD_BESIDE_FACTOR_CHARS_MIN && !is_hash(line)) {
        if let Ok(password) = Password::parse(line) {
            assert!(list.contains(&password), "a password of the list is not found in it");
        }
    }
}

/// By what an app proves who it is.
pub fn client_assertion(data: &[u8]) {
    let _ = fuzz::client_assertion(data);
}

/// By what a caller proves that it holds a key.
pub fn dpop_proof(data: &[u8]) {
    let _ = fuzz::dpop_proof(data);
}

/// What an app asks a member for.
pub fn pushed_request(data: &[u8]) {
    let _ = fuzz::pushed_request(data);
}
