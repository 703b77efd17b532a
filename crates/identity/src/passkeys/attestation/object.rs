//! An attestation object and the statement in it, read (WebAuthn L3 §6.5.4; CBOR).

use super::super::cbor::{Item, Reader};
use crate::limits::ATTESTATION_CERTIFICATES_MAX;

/// What comes with a new passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct AttestationObject<'a> {
    /// The form of the statement; empty when none is named.
    pub format: &'a str,
    /// The statement, not read; empty when there is none.
    pub statement: &'a [u8],
    /// Authenticator data.
    pub data: &'a [u8],
}

/// The parts of a statement that some form has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Statement<'a> {
    /// The algorithm of its signature, COSE.
    pub algorithm: Option<i64>,
    /// Its signature.
    pub signature: Option<&'a [u8]>,
    /// The maker's certificate, and those that lead from it to a root. Empty for a statement of the device about itself.
    pub certificates: Vec<&'a [u8]>,
    /// `tpm`: the version of its form.
    pub version: Option<&'a str>,
    /// `tpm`: the new key as the TPM writes it.
    pub public_area: Option<&'a [u8]>,
    /// `tpm`: what the TPM says of that key.
    pub certified: Option<&'a [u8]>,
}

impl<'a> AttestationObject<'a> {
    /// Reads an object whole; `None` when malformed, when a part stands twice, or without data.
    pub(in super::super) fn read(object: &'a [u8]) -> Option<AttestationObject<'a>> {
        let (mut format, mut statement, mut data) = (None, None, None);
        for (name, raw) in pairs(object)? {
            let again = match (name, Reader::new(raw).item()?) {
                ("fmt", Item::Text(text)) => format.replace(text).is_some(),
                ("attStmt", Item::Map(_)) => statement.replace(raw).is_some(),
                ("authData", Item::Bytes(bytes)) => data.replace(bytes).is_some(),
                ("fmt" | "attStmt" | "authData", _) => true,
                _ => false,
            };
            (!again).then_some(())?;
        }
        Some(AttestationObject {
            format: format.unwrap_or_default(),
            statement: statement.unwrap_or_default(),
            data: data?,
        })
    }
}

impl<'a> Statement<'a> {
    /// Reads a statement whole; `None` when malformed, when a part stands twice, or with too many certificates.
    pub(in super::super) fn read(bytes: &'a [u8]) -> Option<Statement<'a>> {
        let mut statement = Statement::default();
        for (name, raw) in pairs(bytes)? {
            let again = match (name, Reader::new(raw).item()?) {
                ("alg", Item::Int(algorithm)) => statement.algorithm.replace(algorithm).is_some(),
                ("sig", Item::Bytes(bytes)) => statement.signature.replace(bytes).is_some(),
                ("ver", Item::Text(text)) => statement.version.replace(text).is_some(),
                ("pubArea", Item::Bytes(bytes)) => statement.public_area.replace(bytes).is_some(),
                ("certInfo", Item::Bytes(bytes)) => statement.certified.replace(bytes).is_some(),
                ("x5c", _) => {
                    let before = std::mem::replace(&mut statement.certificates, certificates(raw)?);
                    !before.is_empty()
                }
                ("alg" | "sig" | "ver" | "pubArea" | "certInfo", _) => true,
                _ => false,
            };
            (!again).then_some(())?;
        }
        Some(statement)
    }
}

/// The names and values of a map that is all there is; the values whole, not read.
fn pairs(bytes: &[u8]) -> Option<Vec<(&str, &[u8])>> {
    let mut reader = Reader::new(bytes);
    let Item::Map(count) = reader.item()? else { return None };
    let mut pairs = Vec::new();
    for _ in 0..count {
        let Item::Text(name) = reader.item()? else { return None };
        pairs.push((name, reader.skip()?));
    }
    reader.is_empty().then_some(pairs)
}

fn certificates(raw: &[u8]) -> Option<Vec<&[u8]>> {
    let mut reader = Reader::new(raw);
    let Item::Array(count) = reader.item()? else { return None };
    let count = usize::try_from(count).ok().filter(|count| *count <= ATTESTATION_CERTIFICATES_MAX)?;
    let certificate = |_| match reader.item() {
        Some(Item::Bytes(der)) => Some(der),
        _ => None,
    };
    (0..count).map(certificate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attestation_object_with_two_data_is_refused() {
        let data = |object: &[u8]| AttestationObject::read(object).map(|read| read.data.to_vec());
        let one = [&[0xa1, 0x68][..], b"authData", &[0x41, 5]].concat();
        assert_eq!(data(&one), Some(vec![5]));
        let two = [&[0xa2, 0x68][..], b"authData", &[0x41, 5, 0x68], b"authData", &[0x41, 6]].concat();
        assert_eq!(data(&two), None);
        assert_eq!(data(&[&one[..], &[0]].concat()), None);
        assert_eq!(data(&[0xa0]), None);
    }

    #[test]
    fn wa_5_a_statement_has_at_most_so_many_certificates_and_each_part_once() {
        let chain = |count: usize| {
            let head = 0x80 | u8::try_from(count).unwrap();
            [&[0xa1, 0x63][..], b"x5c", &[head], &[0x41, 7].repeat(count)].concat()
        };
        let counted = |bytes: &[u8]| Statement::read(bytes).map(|read| read.certificates.len());
        assert_eq!(counted(&chain(ATTESTATION_CERTIFICATES_MAX)), Some(ATTESTATION_CERTIFICATES_MAX));
        assert_eq!(counted(&chain(ATTESTATION_CERTIFICATES_MAX + 1)), None);
        assert_eq!(counted(&chain(0)), Some(0));
        let twice = [&[0xa2, 0x63][..], b"alg", &[0x26, 0x63], b"alg", &[0x26]].concat();
        assert_eq!(counted(&twice), None);
        assert_eq!(counted(&[&[0xa1, 0x63][..], b"alg", &[0x41, 7]].concat()), None, "no number");
    }
}
