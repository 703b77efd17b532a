//! `Content-Digest` (RFC 9530): the bridge from a signature to the body.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA512, digest};
use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::component::bytes_of;
use super::read::unique_dictionary;

/// The field.
pub static DIGEST_HEADER: HeaderName = HeaderName::from_static("content-digest");

/// Why a digest is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// No such field.
    #[error("`content-digest` is missing")]
    Missing,
    /// Not a dictionary of byte sequences, or a name twice.
    #[error("`content-digest` cannot be read, it looks like `sha-256=:…:`")]
    Malformed,
    /// Neither sha-256 nor sha-512 is there.
    #[error("`content-digest` must have `sha-256` or `sha-512`")]
    UnknownAlgorithm,
    /// Another body.
    #[error("`content-digest` does not match the body")]
    Mismatch,
}

/// The field's value with SHA-256.
pub fn digest_sha256(body: &[u8]) -> String {
    written("sha-256", &SHA256, body)
}

/// The field's value with SHA-512.
pub fn digest_sha512(body: &[u8]) -> String {
    written("sha-512", &SHA512, body)
}

fn written(name: &str, algorithm: &'static Algorithm, body: &[u8]) -> String {
    let mut out = String::with_capacity(100);
    out.push_str(name);
    out.push_str("=:");
    STANDARD.encode_string(digest(algorithm, body).as_ref(), &mut out);
    out.push(':');
    out
}

/// Recomputes the digest of `body` (SIG-3). Every known algorithm in the field must match; unknown ones are ignored
/// beside a known one.
///
/// # Errors
/// See [`DigestError`].
pub fn check_digest(headers: &HeaderMap, body: &[u8]) -> Result<(), DigestError> {
    let mut lines = headers.get_all(&DIGEST_HEADER).iter();
    let first = lines.next().ok_or(DigestError::Missing)?;
    let more = lines.next().is_some();
    if !more && let Some(sent) = plain_sha256(first.as_bytes()) {
        return compare(&SHA256, body, &sent);
    }
    check_dictionary(headers, body)
}

/// The digest of a field that is exactly `sha-256=:<44 characters>:`.
fn plain_sha256(field: &[u8]) -> Option<[u8; 32]> {
    let text = field.strip_prefix(b"sha-256=:")?.strip_suffix(b":").filter(|text| text.len() == 44)?;
    let mut sent = [0u8; 33];
    let length = STANDARD.decode_slice(text, &mut sent).ok()?;
    sent.get(..length)?.try_into().ok()
}

fn check_dictionary(headers: &HeaderMap, body: &[u8]) -> Result<(), DigestError> {
    let dictionary = unique_dictionary(headers, &DIGEST_HEADER).map_err(|_| DigestError::Malformed)?;
    let mut known = 0;
    for (name, entry) in &dictionary {
        let algorithm = match name.as_str() {
            "sha-256" => &SHA256,
            "sha-512" => &SHA512,
            _ => continue,
        };
        compare(algorithm, body, bytes_of(entry).ok_or(DigestError::Malformed)?)?;
        known += 1;
    }
    if known == 0 { Err(DigestError::UnknownAlgorithm) } else { Ok(()) }
}

fn compare(algorithm: &'static Algorithm, body: &[u8], sent: &[u8]) -> Result<(), DigestError> {
    if digest(algorithm, body).as_ref() == sent { Ok(()) } else { Err(DigestError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fields: &[&str], expect: Result<(), DigestError>) {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(&DIGEST_HEADER, field.parse().unwrap());
        }
        assert_eq!(check_digest(&headers, b"{\"hello\": \"world\"}\n"), expect, "{fields:?}");
    }

    const GOOD: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";

    #[test]
    fn sig_3_the_published_digest_is_recomputed() {
        assert_eq!(digest_sha256(b"{\"hello\": \"world\"}\n"), GOOD);
        check(&[GOOD], Ok(()));
        check(&[&digest_sha512(b"{\"hello\": \"world\"}\n")], Ok(()));
        check(&[&format!("md5=:AAAA:, {GOOD}")], Ok(()));
        check(&["md5=:AAAA:", GOOD], Ok(()));
    }

    #[test]
    fn sig_3_other_digests_are_refused() {
        check(&[], Err(DigestError::Missing));
        check(&[&GOOD.replace("RK/", "SK/")], Err(DigestError::Mismatch));
        check(&["sha-256=:AAAA:"], Err(DigestError::Mismatch));
        check(&["md5=:AAAA:"], Err(DigestError::UnknownAlgorithm));
        check(&["sha-1=:AAAA:, sha=:AAAA:"], Err(DigestError::UnknownAlgorithm));
        check(&[""], Err(DigestError::UnknownAlgorithm));
        check(&["sha-256=AAAA"], Err(DigestError::Malformed));
        check(&["sha-256=:A"], Err(DigestError::Malformed));
        check(&[GOOD, GOOD], Err(DigestError::Malformed));
        check(&[&format!("{GOOD}, sha-512=:AAAA:")], Err(DigestError::Mismatch));
    }
}
