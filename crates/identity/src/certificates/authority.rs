//! The built-in authority: an ECDSA P-256 key sealed in the vault, its root certificate, and what it signs.
//!
//! Made at first use. A new root is made [`AUTHORITY_RENEW_DAYS`] before the present one ends; certificates of both are
//! trusted meanwhile. There is no intermediate: the key signs short-lived client certificates and the list of revoked
//! ones, nothing else (`pathlen:0`, name in the key usages).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base::{CertificateId, ShopId, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, PublicKeyData, RevocationReason,
    RevokedCertParams, SanType, SerialNumber, SignatureAlgorithm, SigningKey, SubjectPublicKeyInfo,
};
use rustls_pki_types::CertificateDer;
use store::Tx;
use vault::Place;
use zeroize::Zeroizing;

use super::Holder;
use crate::context::{Fault, Means};
use crate::limits::{
    AUTHORITY_DAYS, AUTHORITY_RENEW_DAYS, CERTIFICATE_DAYS, CERTIFICATE_SKEW_SECONDS, REVOKED_LIST_SECONDS,
};
use crate::store::certificates::{self as rows, AuthorityRow};

pub(crate) const OWNER: &str = "certificate authority";
const DAY_SECONDS: i64 = 86_400;
const SCALAR_BYTES: usize = 32;
/// Draws of a private key until one is in range; each fails with a chance of 2⁻³².
const DRAWS_MAX: usize = 4;
/// `ECPrivateKey` (RFC 5915) of P-256 around 32 bytes of scalar.
const KEY_HEAD: [u8; 7] = [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
const KEY_TAIL: [u8; 12] = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// The authority's key. AWS-LC holds the private part and clears it when dropped.
struct AuthorityKey {
    pair: EcdsaKeyPair,
}

impl PublicKeyData for AuthorityKey {
    fn der_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for AuthorityKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signed = self.pair.sign(&SystemRandom::new(), message);
        Ok(signed.map_err(|_| rcgen::Error::RingUnspecified)?.as_ref().to_vec())
    }
}

/// An authority that can sign.
pub(crate) struct Authority {
    version: i64,
    root: Vec<u8>,
    issuer: Issuer<'static, AuthorityKey>,
}

impl Authority {
    /// The present authority; made when there is none, or none that lasts.
    pub(crate) fn open(tx: &mut Tx, means: &Means<'_>) -> Result<Authority, Fault> {
        let newest = rows::find_newest_authority(tx)?;
        let lasts =
            |row: &AuthorityRow| means.now.plus_seconds(AUTHORITY_RENEW_DAYS * DAY_SECONDS) < row.ends;
        match newest {
            Some(row) if lasts(&row) => Authority::unseal(tx, means, row),
            older => Authority::make(tx, means, 1 + older.map_or(0, |row| row.version)),
        }
    }

    /// Which authority it is, counted from 1.
    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    /// Its own certificate, DER.
    pub(crate) fn root(&self) -> &[u8] {
        &self.root
    }

    fn unseal(tx: &mut Tx, means: &Means<'_>, row: AuthorityRow) -> Result<Authority, Fault> {
        let data_key = means.vault.find_data_key(tx, ShopId::HOUSE, OWNER)?;
        let version = row.version.to_string();
        let private = data_key.open_bytes(&place(&version), &row.key)?;
        Authority::of(row.version, row.certificate, private.expose())
    }

    fn make(tx: &mut Tx, means: &Means<'_>, version: i64) -> Result<Authority, Fault> {
        let private = draw(means)?;
        let key = read_key(&private)?;
        let ends = means.now.plus_seconds(AUTHORITY_DAYS * DAY_SECONDS);
        let made = root_params(means, version, ends).self_signed(&key).map_err(broken)?;
        let root = made.der().to_vec();
        let data_key = means.vault.data_key(tx, ShopId::HOUSE, OWNER, means.now, means.dice)?;
        let key = data_key.seal_bytes(&place(&version.to_string()), &private, means.dice)?;
        let row = AuthorityRow { version, certificate: root.clone(), key, created: means.now, ends };
        rows::insert_authority(tx, row)?;
        super::inventory::watch_authority(tx, means, version, &root, ends)?;
        Authority::of(version, root, &private)
    }

    fn of(version: i64, root: Vec<u8>, private: &[u8]) -> Result<Authority, Fault> {
        let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(root.as_slice()), read_key(private)?);
        Ok(Authority { version, issuer: issuer.map_err(broken)?, root })
    }

    /// A client certificate for `holder` over `key`, DER.
    pub(crate) fn issue(
        &self,
        id: CertificateId,
        holder: Holder,
        key: &SubjectPublicKeyInfo,
        now: Timestamp,
        revoked_url: &str,
    ) -> Result<Vec<u8>, Fault> {
        let mut params = CertificateParams::default();
        params.not_before = instant(now.plus_seconds(-CERTIFICATE_SKEW_SECONDS));
        params.not_after = instant(now.plus_seconds(CERTIFICATE_DAYS * DAY_SECONDS));
        params.serial_number = Some(SerialNumber::from_slice(&serial_of(id)));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, holder.to_string());
        params.subject_alt_names = vec![SanType::URI(holder.uri().try_into().map_err(broken)?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![revoked_url.to_owned()] }];
        Ok(params.signed_by(key, &self.issuer).map_err(broken)?.der().to_vec())
    }

    /// The list of revoked certificates (RFC 5280), DER.
    pub(crate) fn list_revoked(
        &self,
        revoked: &[(CertificateId, Timestamp)],
        now: Timestamp,
    ) -> Result<Vec<u8>, Fault> {
        let entry = |(id, at): &(CertificateId, Timestamp)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&serial_of(*id)),
            revocation_time: instant(*at),
            reason_code: Some(RevocationReason::CessationOfOperation),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: instant(now),
            next_update: instant(now.plus_seconds(REVOKED_LIST_SECONDS)),
            crl_number: SerialNumber::from_slice(&now.millis().to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer).map_err(broken)?.der().to_vec())
    }
}

fn root_params(means: &Means<'_>, version: i64, ends: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = instant(means.now.plus_seconds(-CERTIFICATE_SKEW_SECONDS));
    params.not_after = instant(ends);
    let id = CertificateId::new(ShopId::HOUSE, means.now, means.dice);
    params.serial_number = Some(SerialNumber::from_slice(&serial_of(id)));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Tillward");
    params.distinguished_name.push(DnType::CommonName, format!("Tillward client authority {version}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn draw(means: &Means<'_>) -> Result<Zeroizing<Vec<u8>>, Fault> {
    for _ in 0..DRAWS_MAX {
        let scalar: Zeroizing<[u8; SCALAR_BYTES]> = Zeroizing::new(means.dice.bytes());
        let parts: [&[u8]; 3] = [&KEY_HEAD, scalar.as_slice(), &KEY_TAIL];
        let private = Zeroizing::new(parts.concat());
        if read_key(&private).is_ok() {
            return Ok(private);
        }
    }
    Err(Fault::Row("certificate authority"))
}

fn read_key(private: &[u8]) -> Result<AuthorityKey, Fault> {
    let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, private);
    Ok(AuthorityKey { pair: pair.map_err(broken)? })
}

fn place(version: &str) -> Place<'_> {
    Place { table: "certificate_authorities", column: "key", row: version }
}

/// What we wrote ourselves cannot be used: somebody altered the database, or a mistake of ours.
fn broken<E>(_: E) -> Fault {
    Fault::Row("certificate authority")
}

/// Whole seconds, as certificates have them.
fn instant(at: Timestamp) -> time::OffsetDateTime {
    let seconds = at.millis().div_euclid(1000);
    time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SHOP_CHARS: usize = 8;
const SERIAL_BYTES: usize = 19;
/// First byte of every serial number: positive, and of one length.
const SERIAL_MARK: u8 = 0x40;

/// A certificate's serial number: its id in binary, at most 20 bytes as RFC 5280 wants it.
pub(crate) fn serial_of(id: CertificateId) -> [u8; SERIAL_BYTES] {
    let digits = |text: &str| {
        text.bytes().fold(0u128, |sum, byte| {
            let digit = ALPHABET.iter().position(|known| *known == byte).unwrap_or(0);
            (sum << 5) | u128::try_from(digit).unwrap_or(0)
        })
    };
    let (shop, rest) = id.short().split_at_checked(SHOP_CHARS).unwrap_or_default();
    let (shop, rest) = (digits(shop).to_be_bytes(), digits(rest).to_be_bytes());
    let mut serial = [SERIAL_MARK; SERIAL_BYTES];
    let low = shop.iter().skip(16 - 5).chain(rest.iter().skip(16 - 13));
    serial.iter_mut().skip(1).zip(low).for_each(|(slot, byte)| *slot = *byte);
    serial
}

/// The certificate with this serial number; `None` for one of another authority.
pub(crate) fn id_of_serial(serial: &[u8]) -> Option<CertificateId> {
    let (mark, rest) = serial.split_first().filter(|_| serial.len() == SERIAL_BYTES)?;
    let (shop, unique) = rest.split_at_checked(5)?;
    let number = |bytes: &[u8]| bytes.iter().fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
    let text: String = [(number(shop), 8u32), (number(unique), 20)]
        .into_iter()
        .flat_map(|(number, chars)| (0..chars).rev().map(move |at| (number >> (5 * at)) & 31))
        .filter_map(|digit| ALPHABET.get(usize::try_from(digit).ok()?).copied().map(char::from))
        .collect();
    let id = CertificateId::from_short(&text)?;
    (*mark == SERIAL_MARK && serial_of(id) == *serial).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Dice;

    #[test]
    fn a_serial_number_is_the_certificates_id_in_binary() {
        for _ in 0..100 {
            let id = CertificateId::new(
                ShopId::random(&Dice::System),
                Timestamp(1_772_357_400_123),
                &Dice::System,
            );
            let serial = serial_of(id);
            assert_eq!(id_of_serial(&serial), Some(id));
            assert!(serial.len() <= 20 && serial[0] & 0x80 == 0);
            for at in [0, 6] {
                let mut other = serial;
                other[at] ^= 0x80;
                assert_eq!(id_of_serial(&other), None);
            }
        }
        assert_eq!(id_of_serial(&[]), None);
        assert_eq!(id_of_serial(&[SERIAL_MARK; 20]), None);
    }
}
