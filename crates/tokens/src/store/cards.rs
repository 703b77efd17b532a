//! Rows of card tokens.

use base::{CustomerId, ShopId, Timestamp, TokenId};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use crate::card::{Brand, Expiry, Shown};
use crate::token::{State, Token};

static CARD_TOKENS: Table = Table::new(
    "card_tokens",
    &[text("shop_id"), text("id")],
    &[
        text("state"),
        text("brand"),
        text("bin"),
        text("last4"),
        int("digits"),
        int("expiry"),
        blob("pan"),
        blob("holder"),
        blob("fingerprint"),
        text("customer"),
        int("single_use"),
        int("expires_ms"),
        int("created_ms"),
        int("ended_ms"),
        blob("external"),
    ],
);

const COLUMNS: &str = "shop_id, id, state, brand, bin, last4, digits, expiry, pan, holder, fingerprint, customer, \
    single_use, expires_ms, created_ms, ended_ms, external";

/// A token with what is sealed beside it.
#[derive(Clone)]
pub(crate) struct TokenRow {
    pub(crate) token: Token,
    pub(crate) pan: Option<Vec<u8>>,
    pub(crate) holder: Option<Vec<u8>>,
    /// The index of the shop's own id, as stored.
    pub(crate) external: Option<Vec<u8>>,
}

pub(crate) fn token_key(id: TokenId) -> store::Key {
    store::Key::new(&CARD_TOKENS, key_of(id))
}

fn key_of(id: TokenId) -> Vec<Value> {
    use base::ScopedId;
    vec![id.shop().short().into(), id.short().into()]
}

pub(crate) fn find_token(tx: &mut Tx, id: TokenId) -> Result<Option<TokenRow>, Error> {
    tx.get(&CARD_TOKENS, &key_of(id))?.map(|row| read(&row)).transpose()
}

pub(crate) fn insert_token(tx: &mut Tx, row: TokenRow) -> Result<(), Error> {
    tx.insert(&CARD_TOKENS, values(row))
}

pub(crate) fn update_token(tx: &mut Tx, row: TokenRow) -> Result<(), Error> {
    tx.put(&CARD_TOKENS, values(row))
}

/// The newest tokens of a shop, older than `before`.
pub(crate) fn list_tokens(
    tx: &mut Tx,
    shop: ShopId,
    before: Option<TokenId>,
    limit: i64,
) -> Result<Vec<Token>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM card_tokens WHERE shop_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
    let before = before.map_or_else(|| "~".to_owned(), |id| id.short().to_owned());
    tokens(&tx.query(&sql, &[shop.short().into(), before.into(), limit.into()])?)
}

/// The tokens of one card in a shop.
pub(crate) fn list_tokens_of_card(
    tx: &mut Tx,
    shop: ShopId,
    fingerprint: &[u8],
    limit: i64,
) -> Result<Vec<Token>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM card_tokens WHERE shop_id = ?1 AND fingerprint = ?2 ORDER BY id DESC LIMIT ?3"
    );
    tokens(&tx.query(&sql, &[shop.short().into(), fingerprint.into(), limit.into()])?)
}

/// The tokens of one customer.
pub(crate) fn list_tokens_of_customer(
    tx: &mut Tx,
    customer: CustomerId,
    limit: i64,
) -> Result<Vec<Token>, Error> {
    use base::ScopedId;
    let sql = format!(
        "SELECT {COLUMNS} FROM card_tokens WHERE shop_id = ?1 AND customer = ?2 ORDER BY id DESC LIMIT ?3"
    );
    let params = [customer.shop().short().into(), customer.short().into(), limit.into()];
    tokens(&tx.query(&sql, &params)?)
}

/// Active tokens of a shop that were there at `until`, with what is sealed, oldest first, after `after`.
pub(crate) fn list_active_rows(
    tx: &mut Tx,
    (shop, until): (ShopId, Timestamp),
    after: &str,
    limit: i64,
) -> Result<Vec<TokenRow>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM card_tokens WHERE shop_id = ?1 AND id > ?2 AND state = 'active' AND created_ms <= ?4 ORDER BY id LIMIT ?3"
    );
    tx.query(&sql, &[shop.short().into(), after.into(), limit.into(), until.into()])?
        .iter()
        .map(read)
        .collect()
}

/// Tokens whose time is over and whose card is still there.
pub(crate) fn list_ended_tokens(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<TokenRow>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM card_tokens WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2");
    tx.query(&sql, &[now.into(), limit.into()])?.iter().map(read).collect()
}

/// Active tokens of a shop that were there at `until`.
pub(crate) fn count_active_tokens(tx: &mut Tx, shop: ShopId, until: Timestamp) -> Result<i64, Error> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM card_tokens WHERE shop_id = ?1 AND state = 'active' AND created_ms <= ?2";
    tx.query_opt(sql, &[shop.short().into(), until.into()])?.map_or(Ok(0), |row| row.int(0))
}

fn tokens(rows: &[Row]) -> Result<Vec<Token>, Error> {
    rows.iter().map(|row| read(row).map(|row| row.token)).collect()
}

fn read(row: &Row) -> Result<TokenRow, Error> {
    let bad = |what: &str| Error::Bug(format!("a stored token has an unreadable {what}"));
    let id = TokenId::from_short(row.text(1)?).ok_or_else(|| bad("id"))?;
    let customer = row.opt_text(11)?.map(|text| CustomerId::from_short(text).ok_or_else(|| bad("customer")));
    let fingerprint = row.opt_blob(10)?.and_then(|bytes| bytes.try_into().ok());
    let token = Token {
        id,
        state: State::from_name(row.text(2)?).ok_or_else(|| bad("state"))?,
        shown: Shown {
            brand: Brand::from_name(row.text(3)?).ok_or_else(|| bad("brand"))?,
            bin: row.text(4)?.to_owned(),
            last4: row.text(5)?.to_owned(),
            digits: usize::try_from(row.int(6)?).map_err(|_| bad("length"))?,
        },
        expiry: Expiry::from_number(row.int(7)?),
        fingerprint,
        customer: customer.transpose()?,
        single_use: row.bool(12)?,
        expires: row.opt_time(13)?,
        created: row.time(14)?,
        ended: row.opt_time(15)?,
    };
    Ok(TokenRow {
        token,
        pan: row.opt_blob(8)?.map(<[u8]>::to_vec),
        holder: row.opt_blob(9)?.map(<[u8]>::to_vec),
        external: row.opt_blob(16)?.map(<[u8]>::to_vec),
    })
}

fn values(row: TokenRow) -> Vec<Value> {
    let token = row.token;
    let mut values = key_of(token.id);
    values.extend([
        token.state.name().into(),
        token.shown.brand.name().into(),
        token.shown.bin.into(),
        token.shown.last4.into(),
        i64::try_from(token.shown.digits).unwrap_or(0).into(),
        token.expiry.to_number().into(),
        row.pan.into(),
        row.holder.into(),
        token.fingerprint.into(),
        token.customer.map(|customer| customer.short().to_owned()).into(),
        token.single_use.into(),
        token.expires.into(),
        token.created.into(),
        token.ended.into(),
        row.external.into(),
    ]);
    values
}
