//! The token inside a code's address `{public_url}/p/{token}`: short, unguessable, and bound to what it pays.
//!
//! A token holds a code's id, for a dynamic code its expiry, and a tag: HMAC-SHA256, cut to 128 bits, over a domain tag
//! and the length-prefixed code id, kind, amount, currency, payee and expiry (QR-11). The amount is not in the token but
//! in the tag: whoever verifies brings it from the order, and a changed amount fails.
//! That a dynamic code pays once is state, kept in the database and not here.
//!
//! Layout before base64url: one byte-aligned head of 4 bits form and 140 bits code id, then for a dynamic code five
//! bytes of expiry in seconds, then 16 bytes of tag: 52 characters, 46 for a static code. With an address of up to 29
//! characters a dynamic code fits a symbol of version 5-M, with 51 characters 6-M.

use aws_lc_rs::{constant_time, hmac};
use base::{CodeId, Currency, Money, ScopedId, ShopId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of the signing key.
pub const KEY_BYTES: usize = 32;
/// Characters of a static code's token.
pub const STATIC_CHARS: usize = 46;
/// Characters of a dynamic code's token.
pub const DYNAMIC_CHARS: usize = 52;

const DOMAIN: &[u8] = b"tillward/code-token/v1";
const HEAD_BYTES: usize = 18;
const EXPIRY_BYTES: usize = 5;
const TAG_BYTES: usize = 16;
const FORM_STATIC: u8 = 0x1;
const FORM_DYNAMIC: u8 = 0x2;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The key that signs code tokens, and those it replaced, whose codes are still good.
#[derive(Clone)]
pub struct CodeKey {
    present: hmac::Key,
    older: Vec<hmac::Key>,
}

impl CodeKey {
    /// A key of [`KEY_BYTES`] bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> CodeKey {
        CodeKey { present: hmac::Key::new(hmac::HMAC_SHA256, bytes), older: Vec::new() }
    }

    /// The same, which also takes codes that were signed by an older key.
    pub fn or_older(mut self, older: CodeKey) -> CodeKey {
        self.older.push(older.present);
        self
    }
}

impl std::fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeKey")
    }
}

/// What a token vouches for, as the server knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeClaims {
    /// The code.
    pub code: CodeId,
    /// Who is paid.
    pub payee: ShopId,
    /// Currency of the code.
    pub currency: Currency,
    /// Static, or dynamic with its amount and end.
    pub kind: CodeKind,
}

/// The two kinds of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// Printed once; the buyer types the amount.
    Static,
    /// One order, one amount, for a while.
    Dynamic {
        /// Amount in minor units.
        amount_minor: i64,
        /// First second at which it is no longer good. Parts of a second are dropped.
        expires: Timestamp,
    },
}

impl CodeClaims {
    /// Claims of a dynamic code.
    pub fn dynamic(code: CodeId, payee: ShopId, amount: Money, expires: Timestamp) -> CodeClaims {
        let kind = CodeKind::Dynamic { amount_minor: amount.minor, expires };
        CodeClaims { code, payee, currency: amount.currency, kind }
    }

    /// Claims of a static code.
    pub fn fixed(code: CodeId, payee: ShopId, currency: Currency) -> CodeClaims {
        CodeClaims { code, payee, currency, kind: CodeKind::Static }
    }

    fn expires_s(&self) -> Option<i64> {
        match self.kind {
            CodeKind::Static => None,
            CodeKind::Dynamic { expires, .. } => Some(expires.seconds()),
        }
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeTokenError {
    /// Not a token: wrong length, characters or form.
    #[error("code is not readable; scan it again")]
    Malformed,
    /// The tag does not fit the code, kind, amount, currency, payee or expiry.
    #[error("code was altered; ask the shop for a new one")]
    Altered,
    /// Past its end.
    #[error("code has expired; ask the shop for a new one")]
    Expired,
    /// A code of another shop than the one it is used at.
    #[error("code belongs to another shop")]
    OtherShop,
}

/// A token read or issued. Reading proves nothing: [`CodeToken::verify`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeToken {
    code: CodeId,
    expires_s: Option<i64>,
    tag: [u8; TAG_BYTES],
}

impl CodeToken {
    /// Issues the token of a code.
    ///
    /// # Errors
    /// [`CodeTokenError::OtherShop`] when the code is not the payee's; [`CodeTokenError::Malformed`] for an expiry before
    /// 1970 or past the year 36,000.
    pub fn issue(key: &CodeKey, claims: &CodeClaims) -> Result<CodeToken, CodeTokenError> {
        if claims.code.shop() != claims.payee {
            return Err(CodeTokenError::OtherShop);
        }
        let expires_s = claims.expires_s();
        if expires_s.is_some_and(|s| !(0..1 << (8 * EXPIRY_BYTES)).contains(&s)) {
            return Err(CodeTokenError::Malformed);
        }
        let mut tag = [0u8; TAG_BYTES];
        for (to, from) in tag.iter_mut().zip(full_tag(&key.present, claims).as_ref()) {
            *to = *from;
        }
        Ok(CodeToken { code: claims.code, expires_s, tag })
    }

    /// Reads a token. The code it names can then be looked up.
    ///
    /// # Errors
    /// [`CodeTokenError::Malformed`].
    pub fn parse(text: &str) -> Result<CodeToken, CodeTokenError> {
        if text.len() != STATIC_CHARS && text.len() != DYNAMIC_CHARS {
            return Err(CodeTokenError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CodeTokenError::Malformed)?;
        read(&bytes).ok_or(CodeTokenError::Malformed)
    }

    /// The code it names.
    pub fn code(&self) -> CodeId {
        self.code
    }

    /// Its end; `None` for a static code.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires_s.map(|s| Timestamp(0).plus_seconds(s))
    }

    /// Proves that this token was issued for `claims`, and that it is still good at `now`. `claims` come from the
    /// server's own rows, their payee from where the code is used.
    ///
    /// # Errors
    /// In this order: [`CodeTokenError::OtherShop`], [`CodeTokenError::Altered`], [`CodeTokenError::Expired`] (at the very
    /// second of its end already).
    pub fn verify(&self, key: &CodeKey, claims: &CodeClaims, now: Timestamp) -> Result<(), CodeTokenError> {
        if self.code.shop() != claims.payee {
            return Err(CodeTokenError::OtherShop);
        }
        let fits = |key: &hmac::Key| {
            let tag = full_tag(key, claims);
            let expected = tag.as_ref().get(..TAG_BYTES).unwrap_or_default();
            constant_time::verify_slices_are_equal(expected, &self.tag).is_ok()
        };
        let same = fits(&key.present) || key.older.iter().any(fits);
        if !same || self.code != claims.code || self.expires_s != claims.expires_s() {
            return Err(CodeTokenError::Altered);
        }
        match self.expires_s {
            Some(end) if now.seconds() >= end => Err(CodeTokenError::Expired),
            _ => Ok(()),
        }
    }

    /// The address a QR symbol holds.
    pub fn url(&self, public_url: &str) -> String {
        format!("{}/p/{self}", public_url.trim_end_matches('/'))
    }
}

impl std::fmt::Display for CodeToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let form = if self.expires_s.is_some() { FORM_DYNAMIC } else { FORM_STATIC };
        let mut bytes = pack(form, self.code).to_vec();
        if let Some(end) = self.expires_s {
            bytes.extend(end.to_be_bytes().iter().skip(8 - EXPIRY_BYTES));
        }
        bytes.extend(self.tag);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn read(bytes: &[u8]) -> Option<CodeToken> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let (form, code) = unpack(head)?;
    let (expires_s, rest) = match form {
        FORM_STATIC => (None, rest),
        FORM_DYNAMIC => {
            let (end, rest) = rest.split_first_chunk::<EXPIRY_BYTES>()?;
            (Some(end.iter().fold(0i64, |seconds, byte| (seconds << 8) | i64::from(*byte))), rest)
        }
        _ => return None,
    };
    Some(CodeToken { code, expires_s, tag: rest.try_into().ok()? })
}

/// Four bits of form, then the 28 base32 characters of the id at five bits each: 144 bits.
fn pack(form: u8, code: CodeId) -> [u8; HEAD_BYTES] {
    let digit = |c: u8| ALPHABET.iter().position(|a| *a == c).map_or(0, |index| index as u32);
    let mut out = [0u8; HEAD_BYTES];
    let (mut window, mut filled) = (u32::from(form), 4);
    let mut slots = out.iter_mut();
    for c in code.short().bytes() {
        (window, filled) = ((window << 5) | digit(c), filled + 5);
        if filled >= 8 {
            filled -= 8;
            if let Some(slot) = slots.next() {
                *slot = (window >> filled) as u8;
            }
            window &= (1 << filled) - 1;
        }
    }
    out
}

fn unpack(head: &[u8; HEAD_BYTES]) -> Option<(u8, CodeId)> {
    let (mut window, mut filled) = (0u32, 0);
    let mut text = String::new();
    let form = head.first()? >> 4;
    for (index, byte) in head.iter().enumerate() {
        let (bits, value) = if index == 0 { (4, byte & 0x0F) } else { (8, *byte) };
        (window, filled) = ((window << bits) | u32::from(value), filled + bits);
        while filled >= 5 {
            filled -= 5;
            text.push(char::from(*ALPHABET.get(((window >> filled) & 31) as usize)?));
            window &= (1 << filled) - 1;
        }
    }
    CodeId::from_short(&text).map(|code| (form, code))
}

/// The whole tag over the domain and each field behind its length, so that no two sets of claims give the same bytes.
fn full_tag(key: &hmac::Key, claims: &CodeClaims) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    let mut field = |bytes: &[u8]| {
        context.update(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        context.update(bytes);
    };
    field(DOMAIN);
    field(claims.code.short().as_bytes());
    match claims.kind {
        CodeKind::Static => {
            field(b"static");
            field(b"");
            field(b"");
        }
        CodeKind::Dynamic { amount_minor, expires } => {
            field(b"dynamic");
            field(&amount_minor.to_be_bytes());
            field(&expires.seconds().to_be_bytes());
        }
    }
    field(claims.currency.code().as_bytes());
    field(claims.payee.short().as_bytes());
    context.sign()
}
