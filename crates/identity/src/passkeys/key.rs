//! The public key of a passkey, as its authenticator writes it (COSE, RFC 9052 and 9053), and checking a signature with it.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, VerificationAlgorithm,
};

use super::cbor::{Item, Reader};

/// Signature algorithms a passkey may have, by their COSE numbers, the ones we like best first (WA-2).
pub const ALGORITHMS: [i64; 5] = [-7, -8, -257, -35, -36];

/// RSA moduli, in bytes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key of an algorithm we accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// A point on P-256, P-384 or P-521, uncompressed.
    Curve { size: CurveSize, point: Vec<u8> },
    /// Ed25519.
    Edwards([u8; 32]),
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

/// A curve of NIST's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CurveSize {
    P256,
    P384,
    P521,
}

impl CurveSize {
    fn algorithm(self) -> &'static dyn VerificationAlgorithm {
        match self {
            CurveSize::P256 => &ECDSA_P256_SHA256_ASN1,
            CurveSize::P384 => &ECDSA_P384_SHA384_ASN1,
            CurveSize::P521 => &ECDSA_P521_SHA512_ASN1,
        }
    }

    /// Length of a coordinate of its points.
    pub(super) fn coordinate_bytes(self) -> usize {
        match self {
            CurveSize::P256 => 32,
            CurveSize::P384 => 48,
            CurveSize::P521 => 66,
        }
    }
}

impl PublicKey {
    /// Reads a COSE key. `None` for one that is malformed, of another algorithm, or whose parts do not fit each other.
    pub(super) fn read(cose: &[u8]) -> Option<PublicKey> {
        let labels = Labels::read(cose)?;
        let key = match (labels.kind?, labels.algorithm?, labels.curve()) {
            (2, -7, Some(1)) => labels.point(CurveSize::P256)?,
            (2, -35, Some(2)) => labels.point(CurveSize::P384)?,
            (2, -36, Some(3)) => labels.point(CurveSize::P521)?,
            (1, -8, Some(6)) => PublicKey::Edwards(labels.second?.try_into().ok()?),
            (3, -257, None) => labels.rsa()?,
            _ => return None,
        };
        key.is_sound().then_some(key)
    }

    /// Whether `signature` over `message` was made by the key's holder.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            PublicKey::Curve { size, point } => verifies(size.algorithm(), point, message, signature),
            PublicKey::Edwards(key) => verifies(&ED25519, key, message, signature),
            PublicKey::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }

    /// Whether the point is on its curve, and an RSA key of a size that holds.
    fn is_sound(&self) -> bool {
        match self {
            PublicKey::Curve { size, point } => ParsedPublicKey::new(size.algorithm(), point).is_ok(),
            PublicKey::Edwards(key) => ParsedPublicKey::new(&ED25519, key).is_ok(),
            PublicKey::Rsa { modulus, exponent } => {
                RSA_BYTES.contains(&modulus.len()) && exponent.last().is_some_and(|byte| byte % 2 == 1)
            }
        }
    }
}

fn verifies(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    ParsedPublicKey::new(algorithm, key).is_ok_and(|key| key.verify_sig(message, signature).is_ok())
}

/// The labels of a COSE key that matter here. −1 is the curve of a point and the modulus of RSA.
#[derive(Default)]
struct Labels<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    first: Option<Item<'a>>,
    second: Option<&'a [u8]>,
    third: Option<&'a [u8]>,
}

impl<'a> Labels<'a> {
    fn read(cose: &'a [u8]) -> Option<Labels<'a>> {
        let mut reader = Reader::new(cose);
        let Item::Map(pairs) = reader.item()? else { return None };
        let mut labels = Labels::default();
        for _ in 0..pairs {
            labels.take(&mut reader)?;
        }
        reader.is_empty().then_some(labels)
    }

    /// Takes one pair. A label that stands twice is refused: two readers could see two keys.
    fn take(&mut self, reader: &mut Reader<'a>) -> Option<()> {
        let Item::Int(label) = reader.item()? else { return None };
        let mut value = Reader::new(reader.skip()?);
        let value = value.item()?;
        let taken = match (label, value) {
            (1, Item::Int(number)) => self.kind.replace(number).is_some(),
            (3, Item::Int(number)) => self.algorithm.replace(number).is_some(),
            (-1, item) => self.first.replace(item).is_some(),
            (-2, Item::Bytes(bytes)) => self.second.replace(bytes).is_some(),
            (-3, Item::Bytes(bytes)) => self.third.replace(bytes).is_some(),
            _ => true,
        };
        (!taken).then_some(())
    }

    fn curve(&self) -> Option<i64> {
        match self.first {
            Some(Item::Int(curve)) => Some(curve),
            _ => None,
        }
    }

    fn point(&self, size: CurveSize) -> Option<PublicKey> {
        let (x, y) = (self.second?, self.third?);
        let fits = |part: &[u8]| part.len() == size.coordinate_bytes();
        (fits(x) && fits(y)).then(|| PublicKey::Curve { size, point: [&[4], x, y].concat() })
    }

    fn rsa(&self) -> Option<PublicKey> {
        let Some(Item::Bytes(modulus)) = self.first else { return None };
        Some(PublicKey::Rsa { modulus: stripped(modulus), exponent: stripped(self.second?) })
    }
}

/// The number without zeros in front.
pub(super) fn stripped(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

    fn cose_p256(point: &[u8]) -> Vec<u8> {
        let mut cose = vec![0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
        cose.extend_from_slice(&point[1..33]);
        cose.extend_from_slice(&[0x22, 0x58, 32]);
        cose.extend_from_slice(&point[33..]);
        cose
    }

    fn p256() -> (EcdsaKeyPair, Vec<u8>) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let cose = cose_p256(pair.public_key().as_ref());
        (pair, cose)
    }

    #[test]
    fn a_key_verifies_what_its_holder_signed_and_nothing_else() {
        let (pair, cose) = p256();
        let key = PublicKey::read(&cose).unwrap();
        let signature = pair.sign(&SystemRandom::new(), b"pay").unwrap();
        assert!(key.verifies(b"pay", signature.as_ref()));
        assert!(!key.verifies(b"pax", signature.as_ref()));
        assert!(!PublicKey::read(&p256().1).unwrap().verifies(b"pay", signature.as_ref()));
        let pair = Ed25519KeyPair::generate().unwrap();
        let cose = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32], pair.public_key().as_ref()].concat();
        let key = PublicKey::read(&cose).unwrap();
        assert!(key.verifies(b"pay", pair.sign(b"pay").as_ref()));
        assert!(!key.verifies(b"pax", pair.sign(b"pay").as_ref()));
    }

    #[test]
    fn wa_2_another_algorithm_curve_or_point_is_no_key() {
        let (_, cose) = p256();
        let change = |at: usize, byte: u8| {
            let mut changed = cose.clone();
            changed[at] = byte;
            PublicKey::read(&changed)
        };
        assert_eq!(change(2, 1), None, "another kind of key");
        assert_eq!(change(4, 0x27), None, "another algorithm");
        assert_eq!(change(6, 2), None, "another curve");
        assert_eq!(change(40, cose[40] ^ 1), None, "a point that is not on the curve");
        assert_eq!(PublicKey::read(&cose[..76]), None, "cut off");
        assert_eq!(PublicKey::read(&[&cose[..], &[0]].concat()), None, "something behind it");
    }

    #[test]
    fn a_label_that_stands_twice_is_refused() {
        let (_, cose) = p256();
        let twice = [&[0xa6], &cose[1..], &[3, 0x26]].concat();
        assert_eq!(PublicKey::read(&twice), None);
    }
}
