//! One id type per noun, so an order id does not fit where a payment id goes.
//!
//! An id is a prefix, an underscore, and lower-case Crockford base32. Ids of a shop's things carry the shop in
//! their first eight characters: whoever holds the id can find the row in the shop's shard, and an id of another
//! shop is recognised without a look-up.

use std::fmt;
use std::str::FromStr;

use crate::clock::Timestamp;
use crate::dice::Dice;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Whether each byte is in [`ALPHABET`]: ids are read from every row.
const IN_ALPHABET: [bool; 256] = {
    let mut table = [false; 256];
    let mut index = 0;
    while index < ALPHABET.len() {
        #[expect(
            clippy::indexing_slicing,
            reason = "evaluated by the compiler, bounded by the loop and by u8"
        )]
        {
            table[ALPHABET[index] as usize] = true;
        }
        index += 1;
    }
    table
};
const SHOP_CHARS: usize = 8;
const UNIQUE_CHARS: usize = 20;

/// Why a text is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {noun} id; it looks like `{prefix}_…`")]
pub struct IdError {
    /// What the id would name.
    pub noun: &'static str,
    /// What the id starts with.
    pub prefix: &'static str,
}

/// A shop. `shop_00000000` is the house: the platform itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShopId([u8; SHOP_CHARS]);

impl ShopId {
    /// The platform itself, owner of what belongs to no shop.
    pub const HOUSE: ShopId = ShopId(*b"00000000");

    /// A new random id (40 bits); never the house.
    pub fn random(dice: &Dice) -> ShopId {
        loop {
            let mut chars = [0u8; SHOP_CHARS];
            encode(u128::from(u64::from_le_bytes(dice.bytes())), &mut chars);
            let id = ShopId(chars);
            if id != ShopId::HOUSE {
                return id;
            }
        }
    }

    /// The eight characters without prefix, as stored in `shop_id` columns.
    pub fn short(&self) -> &str {
        // INVARIANT: only characters of ALPHABET are ever stored.
        std::str::from_utf8(&self.0).unwrap_or("00000000")
    }

    /// Reads the eight characters without prefix.
    pub fn from_short(text: &str) -> Option<ShopId> {
        let chars: [u8; SHOP_CHARS] = text.as_bytes().try_into().ok()?;
        chars.iter().all(is_in_alphabet).then_some(ShopId(chars))
    }
}

impl fmt::Display for ShopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shop_{}", self.short())
    }
}

impl fmt::Debug for ShopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ShopId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<ShopId, IdError> {
        let bad = IdError { noun: "shop", prefix: "shop" };
        text.strip_prefix("shop_").and_then(ShopId::from_short).ok_or(bad)
    }
}

/// What the ids of a shop's things have in common.
pub trait ScopedId: Sized + Copy + fmt::Display {
    /// The shop the thing belongs to.
    fn shop(&self) -> ShopId;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $noun:literal, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; SHOP_CHARS + UNIQUE_CHARS]);

        impl $name {
            /// A new id of `shop`: 48 bits of time, then 52 random bits.
            pub fn new(shop: ShopId, at: Timestamp, dice: &Dice) -> $name {
                $name(unique(shop, at, u64::from_le_bytes(dice.bytes())))
            }

            /// The id that none of `shop` made at `at` or later sorts before. Nothing is ever called by it.
            pub fn earliest(shop: ShopId, at: Timestamp) -> $name {
                $name(unique(shop, at, 0))
            }

            /// The characters after the prefix.
            pub fn short(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default()
            }

            /// Reads the characters after the prefix.
            pub fn from_short(text: &str) -> Option<$name> {
                let chars: [u8; SHOP_CHARS + UNIQUE_CHARS] = text.as_bytes().try_into().ok()?;
                chars.iter().all(is_in_alphabet).then_some($name(chars))
            }
        }

        impl ScopedId for $name {
            fn shop(&self) -> ShopId {
                let mut shop = ShopId::HOUSE;
                shop.0.copy_from_slice(self.0.first_chunk::<SHOP_CHARS>().unwrap_or(b"00000000"));
                shop
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.short())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then($name::from_short)
                    .ok_or(IdError { noun: $noun, prefix: $prefix })
            }
        }
    )*};
}

ids! {
    /// A terminal of a shop.
    TerminalId, "terminal", "term";
    /// An order of a shop.
    OrderId, "order", "ord";
    /// A QR code of a shop, static or dynamic.
    CodeId, "code", "code";
    /// A payment to a shop.
    PaymentId, "payment", "pay";
    /// A refund of a payment.
    RefundId, "refund", "ref";
    /// A screening decision.
    DecisionId, "decision", "dec";
    /// A review of a paused payment.
    ReviewId, "review", "rev";
    /// A transfer in the ledger.
    TransferId, "transfer", "tr";
    /// An entry of the audit log.
    EntryId, "audit entry", "aud";
    /// An API key of a shop.
    ApiKeyId, "API key", "key";
    /// Somebody else's program that may be let at a shop's API; `client_id` of OAuth.
    AppId, "app", "app";
    /// What one member allowed one app.
    ConnectionId, "connection", "con";
    /// A client certificate of a shop's terminal or API client.
    CertificateId, "certificate", "crt";
    /// A member of a shop.
    MemberId, "member", "mem";
    /// A buyer. Buyers belong to the house: one buyer can pay many shops.
    BuyerId, "buyer", "buy";
    /// A buyer's device.
    DeviceId, "device", "dev";
    /// A second factor of a buyer or member.
    FactorId, "second factor", "fct";
    /// A session of a buyer or member.
    SessionId, "session", "ses";
    /// A role that a shop made itself.
    RoleId, "role", "rol";
    /// A second person's yes to what one person proposed.
    ApprovalId, "approval", "apv";
    /// Power that a member took for a time.
    EmergencyId, "emergency access", "emg";
    /// What somebody disputes, for people to look into.
    CaseId, "case", "case";
    /// A review of who has what.
    AccessReviewId, "access review", "acr";
    /// A request, for tracing it through log and audit.
    RequestId, "request", "req";
    /// A token that stands for a card.
    TokenId, "token", "tok";
    /// A customer of a shop: personal data the shop keeps.
    CustomerId, "customer", "cus";
    /// One opening of a sealed value.
    OpeningId, "opening", "opn";
    /// An alert about somebody who opens too much.
    AlertId, "alert", "alr";
    /// A sealed export.
    ExportId, "export", "exp";
}

impl From<PaymentId> for TransferId {
    /// The transfer (or hold) that pays a payment has the payment's own characters.
    fn from(payment: PaymentId) -> TransferId {
        TransferId(payment.0)
    }
}

fn unique(shop: ShopId, at: Timestamp, chance: u64) -> [u8; SHOP_CHARS + UNIQUE_CHARS] {
    let mut chars = [0u8; SHOP_CHARS + UNIQUE_CHARS];
    let (head, tail) = chars.split_at_mut(SHOP_CHARS);
    head.copy_from_slice(&shop.0);
    // What 48 bits cannot hold sorts first or last, not in between.
    let time = u128::from(at.0.clamp(0, 0xFFFF_FFFF_FFFF).unsigned_abs());
    let chance = u128::from(chance >> 12);
    encode((time << 52) | chance, tail);
    chars
}

fn is_in_alphabet(byte: &u8) -> bool {
    IN_ALPHABET.get(usize::from(*byte)).copied().unwrap_or(false)
}

/// Writes the low `5 * out.len()` bits of `value`, highest first.
fn encode(mut value: u128, out: &mut [u8]) {
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET.get((value & 31) as usize).copied().unwrap_or(b'0');
        value >>= 5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_sorts_before_the_earliest_id_of_its_time() {
        let (dice, shop) = (Dice::predictable_for_tests(5), ShopId::HOUSE);
        for at in [0, 1, 1_772_343_000_000, 0xFFFF_FFFF_FFFF] {
            let first = OrderId::earliest(shop, Timestamp(at));
            assert_eq!(OrderId::from_short(first.short()), Some(first));
            assert!((0..200).all(|_| first <= OrderId::new(shop, Timestamp(at), &dice)), "{at}");
            assert!(at == 0 || OrderId::new(shop, Timestamp(at - 1), &dice) < first, "{at}");
        }
    }

    #[test]
    fn ids_carry_their_shop_and_round_trip() {
        let dice = Dice::predictable_for_tests(3);
        let shop = ShopId::random(&dice);
        let id = PaymentId::new(shop, Timestamp(1_772_357_400_123), &dice);
        assert_eq!(id.shop(), shop);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(shop.to_string().parse(), Ok(shop));
        assert!(id.to_string().len() <= crate::limits::ID_CHARS_MAX);
    }

    #[test]
    fn later_ids_sort_later() {
        let dice = Dice::predictable_for_tests(3);
        let shop = ShopId::random(&dice);
        assert!(PaymentId::new(shop, Timestamp(10), &dice) < PaymentId::new(shop, Timestamp(11), &dice));
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in
            ["", "pay_", "pay_1", "ord_00000000000000000000000000zz", "pay_0000000000000000000000000o!i"]
        {
            assert!(bad.parse::<PaymentId>().is_err(), "{bad}");
        }
        assert!("shop_0000000o".parse::<ShopId>().is_err());
    }
}
