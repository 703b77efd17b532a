//! Card tokens: a random name in place of a card number, of one shop.
//!
//! A token of the `Active` state has its card sealed under a data key of its own. `Used` (a single-use token that was
//! opened), `Expired` and `Deleted` have none: the data key is destroyed in the transaction that ends the token, so that
//! no copy of the database, however old, gives the card back once its own data key's row is gone too.

use ::store::Tx;
use base::{CustomerId, Dice, ScopedId, Secret, ShopId, Timestamp, TokenId};
use identity::{Fault, Means};
use vault::{DataKey, KeyedHash, Pass, Place, Rekeyed, Vault, VaultError};

use crate::card::{CardNumber, Expiry, Shown, holds_card_number};
use crate::customer::{self, Known, find_external};
use crate::legible::legible;
use crate::limits::{LIST_MAX, MATCH_MAX, SINGLE_USE_SECONDS_MAX, SINGLE_USE_SECONDS_MIN, SWEEP_ROWS_MAX};
use crate::record::{self, By, Event, note, takes_faults};
use crate::store::cards::{self as rows, TokenRow};
use crate::store::customers as customer_rows;
use crate::values::{ExternalId, Value};

pub(crate) const TABLE: &str = "card_tokens";
/// The kind of the shop's own ids of cards.
pub(crate) const EXTERNAL: &str = "card";

/// Where a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The card can be opened.
    Active,
    /// A single-use token that was opened.
    Used,
    /// A single-use token that nobody opened in time.
    Expired,
    /// Deleted by the shop.
    Deleted,
}

impl State {
    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Used => "used",
            State::Expired => "expired",
            State::Deleted => "deleted",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<State> {
        [State::Active, State::Used, State::Expired, State::Deleted].into_iter().find(|s| s.name() == name)
    }
}

/// A token, without the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token.
    pub id: TokenId,
    /// Where it stands in the database; see [`Token::state_at`].
    pub state: State,
    /// What of the card may be shown.
    pub shown: Shown,
    /// The card's last month.
    pub expiry: Expiry,
    /// The same for the same card in the same shop, and for no other; `None` once the card is gone. Shown to nobody: with
    /// BIN and last four beside it, a card is found by trying the thousand numbers that fit (PCI 3.5.1). Who may open the
    /// card may ask which tokens share it: [`crate::opening::match_token`].
    pub fingerprint: Option<[u8; 16]>,
    /// Whose card it is.
    pub customer: Option<CustomerId>,
    /// Whether it opens once.
    pub single_use: bool,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// When its card went.
    pub ended: Option<Timestamp>,
}

impl Token {
    /// Where the token stands at `now`: time ends it without a write.
    pub fn state_at(&self, now: Timestamp) -> State {
        let over = self.expires.is_some_and(|end| end <= now);
        if self.state == State::Active && over { State::Expired } else { self.state }
    }
}

/// How long a token serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Until it is deleted.
    Many,
    /// Once, within this many seconds.
    Once {
        /// [`SINGLE_USE_SECONDS_MIN`] to [`SINGLE_USE_SECONDS_MAX`].
        seconds: i64,
    },
}

/// A card to keep, checked.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The number.
    pub number: CardNumber,
    /// The last month.
    pub expiry: Expiry,
    /// The name on the card.
    pub holder: Option<Value>,
    /// Whose card it is.
    pub customer: Option<CustomerId>,
    /// How long it serves.
    pub lasting: Use,
    /// What the shop calls it; the same twice is refused.
    pub external: Option<ExternalId>,
}

/// Why a token could not be made, found or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The customer is not the shop's, or was erased.
    #[error("there is no such customer")]
    NoCustomer,
    /// A life outside the limits.
    #[error("a single-use token lives {SINGLE_USE_SECONDS_MIN} to {SINGLE_USE_SECONDS_MAX} seconds")]
    Life,
    /// The shop gave this id to a card before.
    #[error("a card with this external id is kept already as `{0}`")]
    ExternalTaken(String),
    /// No such token in this shop.
    #[error("there is no such token")]
    NotFound,
    /// The card is gone.
    #[error("the token is {}: its card is gone", .0.name())]
    Ended(State),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(TokenError);

/// Keeps a card and gives the token that stands for it.
///
/// # Errors
/// [`TokenError::NoCustomer`], [`TokenError::Life`], [`TokenError::ExternalTaken`].
pub fn create_token(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    new: &NewToken,
) -> Result<Token, TokenError> {
    let expires = match new.lasting {
        Use::Many => None,
        Use::Once { seconds } if (SINGLE_USE_SECONDS_MIN..=SINGLE_USE_SECONDS_MAX).contains(&seconds) => {
            Some(means.now.plus_seconds(seconds))
        }
        Use::Once { .. } => return Err(TokenError::Life),
    };
    check_customer(tx, shop, new.customer)?;
    let id = fresh_id(shop, means.now, means.dice);
    let external = new.external.as_ref().map(|external| take_external(tx, means.vault, id, external, new));
    let key = means.vault.data_key(tx, shop, id.short(), means.now, means.dice)?;
    let token = Token {
        id,
        state: State::Active,
        shown: new.number.shown(),
        expiry: new.expiry,
        fingerprint: Some(fingerprint(means.vault, shop, &new.number)),
        customer: new.customer,
        single_use: new.lasting != Use::Many,
        expires,
        created: means.now,
        ended: None,
    };
    let pan = Some(key.seal(&place("pan", &id), new.number.digits(), means.dice)?);
    let holder = new.holder.as_ref().map(|name| key.seal(&place("holder", &id), name.text(), means.dice));
    let (holder, external) = (holder.transpose()?, external.transpose()?);
    rows::insert_token(tx, TokenRow { token: token.clone(), pan, holder, external })?;
    let event = Event::new(record::TOKEN_CREATED, id)
        .with("brand", token.shown.brand.name())
        .with("single_use", token.single_use);
    note(tx, means, by, shop, event)?;
    Ok(token)
}

/// A token of the shop.
///
/// # Errors
/// [`TokenError::NotFound`].
pub fn find_token(tx: &mut Tx, shop: ShopId, id: TokenId) -> Result<Token, TokenError> {
    Ok(find_row(tx, shop, id)?.token)
}

/// The row a token is read from, to name it to the store before a transaction.
pub fn key_of(id: TokenId) -> ::store::Key {
    rows::token_key(id)
}

/// The tokens of a shop, newest first, older than `before`.
///
/// # Errors
/// [`TokenError::Fault`] alone.
pub fn list_tokens(
    tx: &mut Tx,
    shop: ShopId,
    before: Option<TokenId>,
    limit: i64,
) -> Result<Vec<Token>, TokenError> {
    Ok(rows::list_tokens(tx, shop, before, limit.min(LIST_MAX + 1))?)
}

/// The tokens of one card in a shop, newest first, at most [`MATCH_MAX`], by whichever key their fingerprints were made. The
/// caller has checked the right to ask, and notes it.
pub(crate) fn list_tokens_of_card(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    digits: &Secret<String>,
) -> Result<Vec<Token>, TokenError> {
    let mut found = Vec::new();
    for print in vault.indexes(&kind_of_print(shop), digits.expose()) {
        found.extend(rows::list_tokens_of_card(tx, shop, &cut(&print), MATCH_MAX)?);
    }
    found.sort_by_key(|token| std::cmp::Reverse(token.id));
    found.dedup_by_key(|token| token.id);
    found.truncate(usize::try_from(MATCH_MAX).unwrap_or(usize::MAX));
    Ok(found)
}

/// The tokens of a customer, newest first.
///
/// # Errors
/// [`TokenError::Fault`] alone.
pub fn list_tokens_of_customer(tx: &mut Tx, customer: CustomerId) -> Result<Vec<Token>, TokenError> {
    Ok(rows::list_tokens_of_customer(tx, customer, LIST_MAX)?)
}

/// The active tokens of a shop that were there at `until`, counted.
///
/// # Errors
/// [`TokenError::Fault`] alone.
pub fn count_tokens(tx: &mut Tx, shop: ShopId, until: Timestamp) -> Result<i64, TokenError> {
    Ok(rows::count_active_tokens(tx, shop, until)?)
}

/// Deletes the card behind a token for good; the token stays as a name without a card. Twice is no error.
///
/// # Errors
/// [`TokenError::NotFound`].
pub fn delete_token(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    id: TokenId,
) -> Result<Token, TokenError> {
    let row = find_row(tx, shop, id)?;
    if row.pan.is_none() {
        return Ok(row.token);
    }
    let token = end_token(tx, row, State::Deleted, means.now)?;
    note(tx, means, by, shop, Event::new(record::TOKEN_DELETED, id))?;
    Ok(token)
}

/// Destroys the cards of tokens whose time is over, up to [`SWEEP_ROWS_MAX`], and returns how many. Call again while it
/// returns the limit.
///
/// # Errors
/// [`Fault`] alone.
pub fn sweep(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let ended = rows::list_ended_tokens(tx, means.now, SWEEP_ROWS_MAX)?;
    let count = ended.len();
    for row in ended {
        let id = row.token.id;
        end_token(tx, row, State::Expired, means.now).map_err(fault_of)?;
        let by = By::local(&identity::Actor::System);
        note(tx, means, &by, id.shop(), Event::new(record::TOKEN_EXPIRED, id))?;
    }
    Ok(count)
}

/// What is left of an error where the token is known to be there.
pub(crate) fn fault_of(error: TokenError) -> Fault {
    match error {
        TokenError::Fault(fault) => fault,
        _ => Fault::Row("token"),
    }
}

pub(crate) fn find_row(tx: &mut Tx, shop: ShopId, id: TokenId) -> Result<TokenRow, TokenError> {
    if id.shop() != shop {
        return Err(TokenError::NotFound);
    }
    rows::find_token(tx, id)?.ok_or(TokenError::NotFound)
}

/// What is sealed behind a token.
pub(crate) struct Card {
    pub(crate) number: Secret<String>,
    pub(crate) holder: Option<Secret<String>>,
}

/// Opens the card. The caller has checked the right to and notes it.
pub(crate) fn open_card(key: &DataKey, row: &TokenRow) -> Result<Card, TokenError> {
    let id = row.token.id;
    let pan = row.pan.as_deref().ok_or(TokenError::Ended(row.token.state))?;
    let holder = row.holder.as_deref().map(|sealed| key.open(&place("holder", &id), sealed));
    Ok(Card { number: key.open(&place("pan", &id), pan)?, holder: holder.transpose()? })
}

/// Number and holder of the card, as far as they open.
pub(crate) fn open_legible(
    key: &DataKey,
    row: &TokenRow,
) -> (Option<Secret<String>>, Option<Secret<String>>) {
    let id = row.token.id;
    let open = |column, sealed: Option<&[u8]>| {
        let place = Place { table: TABLE, column, row: id.short() };
        sealed.and_then(|sealed| legible(&place, key.open(&place, sealed)))
    };
    (open("pan", row.pan.as_deref()), open("holder", row.holder.as_deref()))
}

/// Ends a token: the card and its data key go, with everything that was made from the card.
pub(crate) fn end_token(
    tx: &mut Tx,
    row: TokenRow,
    state: State,
    now: Timestamp,
) -> Result<Token, TokenError> {
    let id = row.token.id;
    if let Some(external) = &row.external {
        customer_rows::delete_external(tx, id.shop(), EXTERNAL, external)?;
    }
    Vault::destroy_data_key(tx, id.shop(), id.short(), now)?;
    let token = Token {
        state,
        fingerprint: None,
        expires: None,
        ended: Some(now),
        shown: Shown { bin: String::new(), ..row.token.shown },
        ..row.token
    };
    rows::update_token(tx, TokenRow { token: token.clone(), pan: None, holder: None, external: None })?;
    Ok(token)
}

/// The same for the same card in the same shop: HMAC-SHA256 under a vault key, never a bare hash (PCI 3.5.1.1).
pub fn fingerprint(vault: &Vault, shop: ShopId, number: &CardNumber) -> [u8; 16] {
    cut(&vault.index(&kind_of_print(shop), number.digits().expose()))
}

fn kind_of_print(shop: ShopId) -> String {
    format!("card fingerprint {}", shop.short())
}

fn cut(index: &KeyedHash) -> [u8; 16] {
    index.bytes().first_chunk().copied().unwrap_or_default()
}

/// Makes the fingerprint of a card anew where `pass` says so, when the seed of the sub-keys is replaced.
pub(crate) fn rekey_fingerprint(
    tx: &mut Tx,
    vault: &Vault,
    row: TokenRow,
    pass: Pass,
) -> Result<Rekeyed, VaultError> {
    let (Some(print), Some(pan)) = (row.token.fingerprint, row.pan.as_deref()) else {
        return Ok(Rekeyed::default());
    };
    let id = row.token.id;
    let key = vault.find_data_key(tx, id.shop(), id.short())?;
    let Ok(digits) = key.open(&place("pan", &id), pan) else {
        // By which key it was made cannot be told, so it hangs from all of them.
        let versions = vault.indexes("", "").iter().flat_map(|index| index.versions().to_vec()).collect();
        return Ok(Rekeyed { versions, is_stuck: true });
    };
    let made = vault.indexes(&kind_of_print(id.shop()), digits.expose());
    let found = made.iter().find(|index| cut(index) == print);
    let (true, Some(present)) = (pass == Pass::Rekey, made.first()) else {
        let versions = found.map(|index| index.versions().to_vec()).unwrap_or_default();
        return Ok(Rekeyed { versions, is_stuck: false });
    };
    if found != Some(present) {
        let token = Token { fingerprint: Some(cut(present)), ..row.token };
        rows::update_token(tx, TokenRow { token, ..row })?;
    }
    Ok(Rekeyed { versions: present.versions().to_vec(), is_stuck: false })
}

/// A token that no scan takes for a card number (CR-4).
fn fresh_id(shop: ShopId, now: Timestamp, dice: &Dice) -> TokenId {
    loop {
        let id = TokenId::new(shop, now, dice);
        if !holds_card_number(&id.to_string()) {
            return id;
        }
    }
}

fn check_customer(tx: &mut Tx, shop: ShopId, id: Option<CustomerId>) -> Result<(), TokenError> {
    let Some(id) = id else { return Ok(()) };
    let row = if id.shop() == shop { customer_rows::find_customer(tx, id)? } else { None };
    match row {
        Some(row) if row.customer.state == customer::State::Active => Ok(()),
        _ => Err(TokenError::NoCustomer),
    }
}

fn take_external(
    tx: &mut Tx,
    vault: &Vault,
    id: TokenId,
    external: &ExternalId,
    new: &NewToken,
) -> Result<Vec<u8>, TokenError> {
    if let Some(taken) = find_external(tx, vault, id.shop(), EXTERNAL, external)? {
        return Err(TokenError::ExternalTaken(taken.id));
    }
    let known = Known { shop: id.shop(), kind: EXTERNAL, external, content: &content_of(new) };
    Ok(known.insert(tx, vault, id.to_string())?)
}

/// What tells whether the same card comes again under the same external id: of the number what may be shown and no more,
/// or whoever may not open the card would find its hidden digits by importing all that fit.
pub(crate) fn content_of(new: &NewToken) -> Secret<String> {
    let holder = new.holder.as_ref().map(|name| name.text().expose().clone()).unwrap_or_default();
    let Shown { brand, bin, last4, digits } = new.number.shown();
    let (brand, expiry) = (brand.name(), new.expiry.to_number());
    Secret::new(format!("{brand}\n{bin}\n{last4}\n{digits}\n{expiry}\n{holder}"))
}

pub(crate) fn place<'a>(column: &'static str, id: &'a TokenId) -> Place<'a> {
    Place { table: TABLE, column, row: id.short() }
}
