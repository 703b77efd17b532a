//! Codes that buyers scan: dynamic ones, each made for one payment, and printed ones, for which the buyer types the
//! amount.

use audit::Actor;
use base::{CodeId, Currency, PaymentId, ScopedId, ShopId, TerminalId, Timestamp};
use identity::{Means, Shop};
use store::Tx;

use crate::code_token::{CodeClaims, CodeKey, CodeToken, CodeTokenError};
use crate::emv::{self, EmvDraft, EmvError, Initiation};
use crate::payment::{Origin, Payment, State, dynamic_code, payment_of};
use crate::record;
use crate::store as rows;
use crate::text::ShortText;

/// A printed code.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticCode {
    /// Its id.
    pub id: CodeId,
    /// What the shop calls it.
    pub name: String,
    /// Where it stands.
    pub terminal: Option<TerminalId>,
    /// The currency that is typed in.
    pub currency: Currency,
    /// Since when it is no longer good.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a scanned code leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Scanned {
    /// A payment that waits to be confirmed.
    Payment(Box<Payment>),
    /// A printed code: the buyer types an amount.
    Amount(Box<StaticCode>),
}

/// Why a scanned code leads nowhere.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScanError {
    /// Unreadable, altered, expired, or another shop's.
    #[error(transparent)]
    Token(#[from] CodeTokenError),
    /// The shop does not know it.
    #[error("code is not known; ask the shop for a new one")]
    Unknown,
    /// It has served already.
    #[error("code was used already; ask the shop for a new one")]
    Used(Box<Payment>),
    /// The shop took it back.
    #[error("code is no longer valid; ask the shop for a new one")]
    Revoked,
    /// Not the caller's fault.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The claims of a payment's dynamic code.
pub fn claims_of(payment: &Payment) -> CodeClaims {
    CodeClaims::dynamic(dynamic_code(payment.id), payment.id.shop(), payment.amount, payment.expires_at)
}

/// The claims of a printed code.
pub fn claims_of_static(code: &StaticCode) -> CodeClaims {
    CodeClaims::fixed(code.id, code.id.shop(), code.currency)
}

/// Makes a printed code.
///
/// # Errors
/// Those of the store.
pub fn create_code(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    shop: &Shop,
    name: &ShortText,
    terminal: Option<TerminalId>,
) -> Result<StaticCode, store::Error> {
    let code = StaticCode {
        id: CodeId::new(shop.id, means.now, means.dice),
        name: name.to_string(),
        terminal,
        currency: shop.currency,
        revoked_at: None,
        created_at: means.now,
    };
    rows::put_code(tx, &code)?;
    record::note_code(tx, means, actor, &code)?;
    Ok(code)
}

/// Takes a printed code back, once. Returns `None` when there is none.
///
/// # Errors
/// Those of the store.
pub fn revoke_code(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    id: CodeId,
) -> Result<Option<StaticCode>, store::Error> {
    let code = match rows::find_code(tx, id)? {
        Some(code) if code.revoked_at.is_none() => StaticCode { revoked_at: Some(means.now), ..code },
        known => return Ok(known),
    };
    rows::put_code(tx, &code)?;
    record::note_code(tx, means, actor, &code)?;
    Ok(Some(code))
}

/// Follows a scanned code. `payee` is the shop it is used at, where that is known otherwise.
///
/// # Errors
/// [`ScanError`].
pub fn scan_code(
    tx: &mut Tx<'_>,
    key: &CodeKey,
    token: &CodeToken,
    payee: Option<ShopId>,
    now: Timestamp,
) -> Result<Scanned, ScanError> {
    let payee = payee.unwrap_or(token.code().shop());
    if token.expires().is_none() {
        let code = rows::find_code(tx, token.code())?.ok_or(ScanError::Unknown)?;
        let claims = CodeClaims { payee, ..claims_of_static(&code) };
        token.verify(key, &claims, now)?;
        return if code.revoked_at.is_some() {
            Err(ScanError::Revoked)
        } else {
            Ok(Scanned::Amount(Box::new(code)))
        };
    }
    let id = payment_of(token.code()).ok_or(ScanError::Unknown)?;
    let payment =
        rows::find_payment(tx, id)?.filter(|p| p.origin == Origin::Dynamic).ok_or(ScanError::Unknown)?;
    // A payment that was confirmed has an end of its own; its code keeps the one it was made with, which the tag covers.
    let ends = if payment.stored_state == State::Waiting { None } else { token.expires() };
    let issued = Payment { expires_at: ends.unwrap_or(payment.expires_at), ..payment.clone() };
    let verified = token.verify(key, &CodeClaims { payee, ..claims_of(&issued) }, now);
    match payment.state_at(now) {
        State::Waiting => verified.map(|()| Scanned::Payment(Box::new(payment))).map_err(ScanError::from),
        // Whoever holds a genuine code may learn that it is used up, nobody else.
        _ if verified == Err(CodeTokenError::Altered) || verified == Err(CodeTokenError::OtherShop) => {
            Err(verified.err().unwrap_or(CodeTokenError::Altered).into())
        }
        State::Expired => Err(CodeTokenError::Expired.into()),
        State::Cancelled => Err(ScanError::Revoked),
        _ => Err(ScanError::Used(Box::new(payment))),
    }
}

/// A printed code of any shop, to look at the pay page as a payer does; `None` where no shop has one.
///
/// # Errors
/// Those of the store.
pub fn find_any_token(tx: &mut Tx<'_>, key: &CodeKey) -> Result<Option<CodeToken>, store::Error> {
    let code = rows::find_any_code(tx)?;
    Ok(code.and_then(|code| CodeToken::issue(key, &claims_of_static(&code)).ok()))
}

/// Remembers when a payment's code was first opened.
///
/// # Errors
/// Those of the store.
pub fn mark_scanned(tx: &mut Tx<'_>, id: PaymentId, now: Timestamp) -> Result<(), store::Error> {
    match rows::find_payment(tx, id)? {
        Some(payment) if payment.scanned_at.is_none() && payment.state_at(now) == State::Waiting => {
            rows::update_payment(tx, &Payment { scanned_at: Some(now), ..payment })
        }
        _ => Ok(()),
    }
}

/// The key that signs code tokens, from the vault's sub-key for it; with the older ones that printed codes were signed by.
pub fn code_key(vault: &vault::Vault) -> CodeKey {
    let of = |key: &aws_lc_rs::hmac::Key| {
        let tag = aws_lc_rs::hmac::sign(key, b"tillward code token v1");
        CodeKey::new(&tag.as_ref().first_chunk().copied().unwrap_or_default())
    };
    let older = vault.hmac_keys(vault::SubKey::CodeSigning);
    let present = of(&vault.hmac_key(vault::SubKey::CodeSigning));
    older.iter().skip(1).fold(present, |key, older| key.or_older(of(older)))
}

/// The EMVCo merchant-presented payload of a code: the same token, for apps that read this form. Names that the form
/// has no room for are cut.
///
/// # Errors
/// What the EMVCo form cannot hold.
pub fn emv_payload(
    shop: &Shop,
    payment: Option<&Payment>,
    token: &CodeToken,
    public_url: &str,
) -> Result<String, EmvError> {
    let draft = EmvDraft {
        initiation: if payment.is_some() { Initiation::Dynamic } else { Initiation::Static },
        public_url: public_url.to_owned(),
        token: token.to_string(),
        category: shop.category.clone(),
        currency: shop.currency,
        amount: payment.map(|payment| payment.amount),
        country: shop.country.clone(),
        name: shop.name.clone(),
        city: shop.city.clone(),
        local: None,
        reference: payment.and_then(|payment| payment.reference.as_deref()).and_then(short_label),
        terminal: None,
    };
    draft.build().map(|code| code.to_string())
}

/// A reference that the form has room for.
fn short_label(reference: &str) -> Option<String> {
    (reference.chars().count() <= emv::LABEL_CHARS_MAX).then(|| reference.to_owned())
}
