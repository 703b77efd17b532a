//! Statements of a computer's TPM 2.0, in the form `tpm` (WebAuthn L3 §8.3; structures of TCG's TPM 2.0 Library, part 2).
//!
//! The TPM does not sign the registration. It certifies that it holds the new key (`certInfo`), and puts the hash of the
//! registration into that.

use aws_lc_rs::digest::{self, Algorithm, SHA256, SHA384, SHA512};
use rustls_pki_types::TrustAnchor;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use super::super::cbor::Reader;
use super::super::ceremony::PasskeyProblem;
use super::super::key::{CurveSize, PublicKey, stripped};
use super::{Claim, Statement, maker};

/// What every structure that a TPM made begins with.
const GENERATED: u32 = 0xff54_4347;
/// `TPM_ST_ATTEST_CERTIFY`.
const CERTIFY: u16 = 0x8017;
/// `TPM_ALG_NULL`.
const NO_ALGORITHM: u16 = 0x0010;
/// `TPM_ALG_RSAES`, the scheme without a hash.
const PLAIN_SCHEME: u16 = 0x0015;
/// `TPM_ALG_ECDAA`, the scheme with a counter behind its hash.
const COUNTED_SCHEME: u16 = 0x001a;
/// Clock, resets, restarts, safe; and the version of the firmware.
const CLOCK_AND_FIRMWARE_BYTES: usize = 17 + 8;
/// `tcg-kp-AIKCertificate` (2.23.133.8.3).
const PURPOSE: &str = "2.23.133.8.3";
/// What an alternative name has to say of the TPM: manufacturer, model, version.
const TPM_NAMES: [&str; 3] = ["2.23.133.2.1", "2.23.133.2.2", "2.23.133.2.3"];

/// Checks that the TPM holds the new key and certified it for this registration.
pub(super) fn check(
    roots: &[TrustAnchor<'_>],
    statement: &Statement<'_>,
    claim: &Claim<'_>,
) -> Result<(), PasskeyProblem> {
    let (area, certified) = (statement.public_area, statement.certified);
    let (Some("2.0"), Some(area), Some(certified)) = (statement.version, area, certified) else {
        return Err(PasskeyProblem::Statement);
    };
    if !is_about(area, certified, statement.algorithm, claim).unwrap_or(false) {
        return Err(PasskeyProblem::Statement);
    }
    let certificate = maker::check(roots, statement, certified, claim)?;
    if is_of_tpm(&certificate) { Ok(()) } else { Err(PasskeyProblem::Statement) }
}

/// Whether the TPM speaks of the new key, and in this registration. `None` for what cannot be read.
fn is_about(area: &[u8], certified: &[u8], algorithm: Option<i64>, claim: &Claim<'_>) -> Option<bool> {
    let public = PublicArea::read(area)?;
    let said = Certified::read(certified)?;
    let hash = match algorithm? {
        -7 | -257 => &SHA256,
        -35 => &SHA384,
        -36 => &SHA512,
        _ => return None,
    };
    let name = [&public.name_number.to_be_bytes()[..], hashed(public.name_hash, area).as_ref()].concat();
    let about_key = public.key == *claim.key && said.name == name;
    Some(about_key && said.extra == hashed(hash, claim.signed).as_ref())
}

fn hashed(algorithm: &'static Algorithm, bytes: &[u8]) -> digest::Digest {
    digest::digest(algorithm, bytes)
}

/// §8.3.1: for this purpose, and of nobody by name but of a TPM.
fn is_of_tpm(certificate: &X509Certificate<'_>) -> bool {
    let named = |oid: &str| {
        let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
        names.value.general_names.iter().any(|name| match name {
            GeneralName::DirectoryName(name) => {
                name.iter_attributes().any(|one| one.attr_type().to_id_string() == oid)
            }
            _ => false,
        })
    };
    let purposes = certificate.extended_key_usage().ok().flatten();
    let is_for_it =
        purposes.is_some_and(|found| found.value.other.iter().any(|oid| oid.to_id_string() == PURPOSE));
    is_for_it && certificate.subject().iter().next().is_none() && TPM_NAMES.into_iter().all(named)
}

/// A key as a TPM writes it (`TPMT_PUBLIC`).
struct PublicArea {
    key: PublicKey,
    name_number: u16,
    name_hash: &'static Algorithm,
}

impl PublicArea {
    fn read(bytes: &[u8]) -> Option<PublicArea> {
        let mut reader = Reader::new(bytes);
        let kind = number(&mut reader)?;
        let name_number = number(&mut reader)?;
        let name_hash = match name_number {
            0x000b => &SHA256,
            0x000c => &SHA384,
            0x000d => &SHA512,
            _ => return None,
        };
        let _attributes: [u8; 4] = reader.take_array()?;
        let _policy = sized(&mut reader)?;
        let key = match kind {
            0x0001 => rsa(&mut reader)?,
            0x0023 => curve(&mut reader)?,
            _ => return None,
        };
        reader.is_empty().then_some(PublicArea { key, name_number, name_hash })
    }
}

fn rsa(reader: &mut Reader<'_>) -> Option<PublicKey> {
    skip_symmetric(reader)?;
    skip_scheme(reader)?;
    let _bits = number(reader)?;
    let exponent: [u8; 4] = reader.take_array()?;
    // Zero stands for the usual one.
    let exponent = if exponent == [0; 4] { vec![1, 0, 1] } else { stripped(&exponent) };
    Some(PublicKey::Rsa { modulus: stripped(sized(reader)?), exponent })
}

fn curve(reader: &mut Reader<'_>) -> Option<PublicKey> {
    skip_symmetric(reader)?;
    skip_scheme(reader)?;
    let size = match number(reader)? {
        0x0003 => CurveSize::P256,
        0x0004 => CurveSize::P384,
        0x0005 => CurveSize::P521,
        _ => return None,
    };
    skip_scheme(reader)?; // how keys are derived with it: written alike
    let (x, y) = (padded(sized(reader)?, size)?, padded(sized(reader)?, size)?);
    Some(PublicKey::Curve { size, point: [&[4], &x[..], &y].concat() })
}

/// A coordinate with the zeros in front that a TPM may leave out.
fn padded(coordinate: &[u8], size: CurveSize) -> Option<Vec<u8>> {
    let missing = size.coordinate_bytes().checked_sub(coordinate.len())?;
    Some([&vec![0; missing][..], coordinate].concat())
}

fn skip_symmetric(reader: &mut Reader<'_>) -> Option<()> {
    let bytes = if number(reader)? == NO_ALGORITHM { 0 } else { 4 };
    reader.take(bytes).map(|_| ())
}

fn skip_scheme(reader: &mut Reader<'_>) -> Option<()> {
    let bytes = match number(reader)? {
        NO_ALGORITHM | PLAIN_SCHEME => 0,
        COUNTED_SCHEME => 4,
        _ => 2,
    };
    reader.take(bytes).map(|_| ())
}

/// What a TPM says of a key it holds (`TPMS_ATTEST` with `TPMS_CERTIFY_INFO`).
struct Certified<'a> {
    extra: &'a [u8],
    name: &'a [u8],
}

impl<'a> Certified<'a> {
    fn read(bytes: &'a [u8]) -> Option<Certified<'a>> {
        let mut reader = Reader::new(bytes);
        let generated = u32::from_be_bytes(reader.take_array()?) == GENERATED;
        (generated && number(&mut reader)? == CERTIFY).then_some(())?;
        let _signer = sized(&mut reader)?;
        let extra = sized(&mut reader)?;
        reader.take(CLOCK_AND_FIRMWARE_BYTES)?;
        let name = sized(&mut reader)?;
        let _qualified_name = sized(&mut reader)?;
        reader.is_empty().then_some(Certified { extra, name })
    }
}

fn number(reader: &mut Reader<'_>) -> Option<u16> {
    Some(u16::from_be_bytes(reader.take_array()?))
}

/// Bytes behind their own length.
fn sized<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = usize::from(number(reader)?);
    reader.take(length)
}
