//! What a payer's confirmation is bound to (dynamic linking, SCA-1, C20): change the amount, currency, payee or
//! payment, and the confirmation is void.

use aws_lc_rs::digest;
use base::{Dice, Money, PaymentId, ShopId};

use crate::limits::{NONCE_BYTES, NONCE_BYTES_MAX, NONCE_BYTES_MIN};

const DOMAIN: &[u8] = b"tillward payment confirmation v1";

/// Random bytes of the payer's device, used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// A new one of ours, for a passkey that is about to be asked.
    pub fn random(dice: &Dice) -> Nonce {
        Nonce(dice.bytes::<NONCE_BYTES>().to_vec())
    }

    /// The nonce in hexadecimal, as [`Nonce::parse`] reads it.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a nonce of 16 to 64 bytes in hexadecimal. `None` for anything else.
    pub fn parse(hex: &str) -> Option<Nonce> {
        if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
            return None;
        }
        let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
        let digits = hex.bytes().all(|b| b.is_ascii_hexdigit());
        let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
        bytes.filter(|b| digits && (NONCE_BYTES_MIN..=NONCE_BYTES_MAX).contains(&b.len())).map(Nonce)
    }
}

/// SHA-256 over a domain tag and the length-prefixed fields amount, currency, payee, payment and nonce.
pub fn bind(amount: Money, payee: ShopId, payment: PaymentId, nonce: &Nonce) -> [u8; 32] {
    let mut hash = digest::Context::new(&digest::SHA256);
    let minor = amount.minor.to_be_bytes();
    let fields: [&[u8]; 6] = [
        DOMAIN,
        &minor,
        amount.currency.code().as_bytes(),
        payee.short().as_bytes(),
        payment.short().as_bytes(),
        &nonce.0,
    ];
    for field in fields {
        hash.update(&(field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    let mut bound = [0u8; 32];
    bound.copy_from_slice(hash.finish().as_ref());
    bound
}

#[cfg(test)]
mod tests {
    use base::{Currency, Timestamp};

    use super::*;

    #[test]
    fn c20_every_field_changes_the_binding() {
        let dice = Dice::predictable_for_tests(1);
        let (shop, other) = (ShopId::random(&dice), ShopId::random(&dice));
        let payment = PaymentId::new(shop, Timestamp(1), &dice);
        let nonce = Nonce::parse(&"ab".repeat(16)).unwrap();
        let amount = Money::new(100, Currency::CNY);
        let right = bind(amount, shop, payment, &nonce);
        assert_eq!(right, bind(amount, shop, payment, &nonce));
        assert_ne!(right, bind(Money::new(101, Currency::CNY), shop, payment, &nonce));
        assert_ne!(right, bind(Money::new(100, Currency::USD), shop, payment, &nonce));
        assert_ne!(right, bind(amount, other, payment, &nonce));
        assert_ne!(right, bind(amount, shop, PaymentId::new(shop, Timestamp(2), &dice), &nonce));
        assert_ne!(right, bind(amount, shop, payment, &Nonce::parse(&"ac".repeat(16)).unwrap()));
    }

    #[test]
    fn nonces_have_a_limit_on_both_sides() {
        assert!(Nonce::parse(&"00".repeat(NONCE_BYTES_MIN)).is_some());
        assert!(Nonce::parse(&"00".repeat(NONCE_BYTES_MIN - 1)).is_none());
        assert!(Nonce::parse(&"00".repeat(NONCE_BYTES_MAX)).is_some());
        assert!(Nonce::parse(&"00".repeat(NONCE_BYTES_MAX + 1)).is_none());
        let own = Nonce::random(&Dice::System);
        assert_eq!(Nonce::parse(&own.hex()), Some(own));
        for bad in ["", "zz", "+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1", "0", &"é".repeat(16)] {
            assert!(Nonce::parse(bad).is_none(), "{bad}");
        }
    }
}
