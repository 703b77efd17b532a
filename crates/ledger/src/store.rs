//! All SQL of the ledger, and how rows become values.

use std::fmt::Display;
use std::str::FromStr;

use base::{BuyerId, Currency, Money, PaymentId, ScopedId, Timestamp, TransferId};
use store::{Error, Key, Migration, Row, Table, Tx, Value, int, text};

use crate::account::{Account, AccountKey, Limit};
use crate::balance::Balance;
use crate::hold::{Hold, HoldState};
use crate::proof::{Proof, Totals};
use crate::transfer::{Links, Reason, Transfer};

/// Most entries, transfers or holds that one call returns.
pub const ENTRIES_PAGE_MAX: usize = 200;

static ACCOUNTS: Table = Table::new(
    "ledger_accounts",
    &[text("shop_id"), text("id")],
    &[
        text("currency"),
        int("balance_limit"),
        int("debits_posted").at_least(0),
        int("credits_posted").at_least(0),
        int("debits_pending").at_least(0),
        int("credits_pending").at_least(0),
        int("opened_at"),
        text("last_transfer"),
    ],
)
.kept();

static TRANSFERS: Table = Table::new(
    "ledger_transfers",
    &[text("shop_id"), text("id")],
    &[
        text("debit_account"),
        text("credit_account"),
        int("amount_minor").at_least(1),
        text("currency"),
        text("reason"),
        text("payment_id"),
        text("hold_id"),
        int("at"),
        text("debit_previous"),
        text("credit_previous"),
    ],
)
.growing();

static HOLDS: Table = Table::new(
    "ledger_holds",
    &[text("shop_id"), text("id")],
    &[
        text("debit_account"),
        text("credit_account"),
        int("amount_minor").at_least(1),
        text("currency"),
        text("payment_id"),
        int("at"),
        int("expires_at"),
        text("state"),
        int("captured_minor"),
    ],
);

const TRANSFER_COLUMNS: &str = "shop_id, id, debit_account, credit_account, amount_minor, currency, reason, payment_id, hold_id, at, \
     debit_previous, credit_previous";
const HOLD_COLUMNS: &str = "shop_id, id, debit_account, credit_account, amount_minor, currency, payment_id, at, \
     expires_at, state, captured_minor";

/// The ledger's part of the schema.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 400,
    name: "ledger",
    sql: "CREATE TABLE ledger_accounts (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, currency TEXT NOT NULL, balance_limit BIGINT NOT NULL,
            debits_posted BIGINT NOT NULL CHECK (debits_posted >= 0),
            credits_posted BIGINT NOT NULL CHECK (credits_posted >= 0),
            debits_pending BIGINT NOT NULL CHECK (debits_pending >= 0),
            credits_pending BIGINT NOT NULL CHECK (credits_pending >= 0),
            opened_at BIGINT NOT NULL, last_transfer TEXT, PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
          CREATE TABLE ledger_transfers (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, debit_account TEXT NOT NULL, credit_account TEXT NOT NULL,
            amount_minor BIGINT NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL, reason TEXT NOT NULL,
            payment_id TEXT, hold_id TEXT, at BIGINT NOT NULL, debit_previous TEXT, credit_previous TEXT,
            PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
          CREATE INDEX ledger_transfers_payment ON ledger_transfers (payment_id) WHERE payment_id <> id;
          CREATE TABLE ledger_holds (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, debit_account TEXT NOT NULL, credit_account TEXT NOT NULL,
            amount_minor BIGINT NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL, payment_id TEXT,
            at BIGINT NOT NULL, expires_at BIGINT NOT NULL, state TEXT NOT NULL, captured_minor BIGINT,
            PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
          CREATE INDEX ledger_holds_due ON ledger_holds (expires_at) WHERE state = 'open';
          CREATE INDEX ledger_holds_payment ON ledger_holds (payment_id) WHERE payment_id <> id;",
}];

/// Everything that moved an account, by account and currency.
const MOVED: &str = "SELECT account, currency, CAST(SUM(dp) AS BIGINT) AS dp, CAST(SUM(cp) AS BIGINT) AS cp,
       CAST(SUM(dh) AS BIGINT) AS dh, CAST(SUM(ch) AS BIGINT) AS ch
     FROM (SELECT debit_account AS account, currency, amount_minor AS dp, 0 AS cp, 0 AS dh, 0 AS ch FROM ledger_transfers
       UNION ALL SELECT credit_account, currency, 0, amount_minor, 0, 0 FROM ledger_transfers
       UNION ALL SELECT debit_account, currency, 0, 0, amount_minor, 0 FROM ledger_holds WHERE state = 'open'
       UNION ALL SELECT credit_account, currency, 0, 0, 0, amount_minor FROM ledger_holds WHERE state = 'open') AS moves
     GROUP BY account, currency";

/// The row of an account, for `store::Tx::expect`.
pub fn account_key(key: AccountKey) -> Key {
    Key::new(&ACCOUNTS, account_values(key).into())
}

pub(crate) fn transfer_key(id: TransferId) -> Key {
    Key::new(&TRANSFERS, id_values(id).into())
}

/// The currencies in which a buyer has an account. Names of one buyer's accounts differ in their last three letters alone, so
/// they lie between these two in whatever order the engine sorts texts.
pub(crate) fn list_buyer_currencies(tx: &mut Tx<'_>, buyer: BuyerId) -> Result<Vec<Currency>, Error> {
    let sql =
        "SELECT currency FROM ledger_accounts WHERE shop_id = ?1 AND id >= ?2 AND id <= ?3 ORDER BY currency";
    let [first, last] = ["AAA", "ZZZ"].map(|letters| format!("buyer:{}:{letters}", buyer.short()));
    let found = tx.query(sql, &[buyer.shop().short().into(), first.into(), last.into()])?;
    found.iter().map(|row| read(row, 0)).collect()
}

pub(crate) fn find_account(tx: &mut Tx<'_>, key: AccountKey) -> Result<Option<Account>, Error> {
    let Some(row) = tx.get(&ACCOUNTS, &account_values(key))? else { return Ok(None) };
    let balance = Balance {
        debits_posted: row.int(4)?,
        credits_posted: row.int(5)?,
        debits_pending: row.int(6)?,
        credits_pending: row.int(7)?,
    };
    let limit = Limit::from_code(row.int(3)?).ok_or_else(|| unreadable("balance_limit", key))?;
    Ok(Some(Account {
        key,
        limit,
        balance,
        opened_at: row.time(8)?,
        last: row.opt_text(9)?.map(read_id).transpose()?,
    }))
}

pub(crate) fn put_account(tx: &mut Tx<'_>, account: &Account) -> Result<(), Error> {
    let [shop, id] = account_values(account.key);
    let Balance { debits_posted, credits_posted, debits_pending, credits_pending } = account.balance;
    let row = vec![
        shop,
        id,
        account.key.currency.code().into(),
        account.limit.code().into(),
        debits_posted.into(),
        credits_posted.into(),
        debits_pending.into(),
        credits_pending.into(),
        account.opened_at.into(),
        account.last.map(|last| last.short().to_owned()).into(),
    ];
    tx.put(&ACCOUNTS, row)
}

pub(crate) fn find_transfer(tx: &mut Tx<'_>, id: TransferId) -> Result<Option<Transfer>, Error> {
    tx.get(&TRANSFERS, &id_values(id))?.as_ref().map(read_transfer).transpose()
}

/// The transfer with its links.
pub(crate) fn find_linked(tx: &mut Tx<'_>, id: TransferId) -> Result<Option<(Transfer, Links)>, Error> {
    let Some(row) = tx.get(&TRANSFERS, &id_values(id))? else { return Ok(None) };
    let link = |index| row.opt_text(index)?.map(read_id).transpose();
    Ok(Some((read_transfer(&row)?, Links { debit: link(10)?, credit: link(11)? })))
}

pub(crate) fn insert_transfer(tx: &mut Tx<'_>, transfer: &Transfer, links: &Links) -> Result<(), Error> {
    let [shop, id] = id_values(transfer.id);
    let row = vec![
        shop,
        id,
        transfer.debit.to_string().into(),
        transfer.credit.to_string().into(),
        transfer.amount.minor.into(),
        transfer.amount.currency.code().into(),
        transfer.reason.as_str().into(),
        transfer.payment.map(|payment| payment.short().to_owned()).into(),
        transfer.hold.map(|hold| hold.short().to_owned()).into(),
        transfer.at.into(),
        links.debit.map(|link| link.short().to_owned()).into(),
        links.credit.map(|link| link.short().to_owned()).into(),
    ];
    tx.insert(&TRANSFERS, row)
}

pub(crate) fn list_payment_transfers(tx: &mut Tx<'_>, payment: PaymentId) -> Result<Vec<Transfer>, Error> {
    list_of_payment(tx, "ledger_transfers", TRANSFER_COLUMNS, payment)?.iter().map(read_transfer).collect()
}

/// The row that has the payment's own id, and by index those that have not. The index is chosen only while it begins with
/// `payment_id` and its condition is repeated here word for word.
fn list_of_payment(
    tx: &mut Tx<'_>,
    table: &str,
    columns: &str,
    payment: PaymentId,
) -> Result<Vec<Row>, Error> {
    let sql = format!(
        "SELECT {columns} FROM {table} WHERE shop_id = ?1 AND id = ?2 AND payment_id = ?2
         UNION ALL SELECT {columns} FROM {table} WHERE shop_id = ?1 AND payment_id = ?2 AND payment_id <> id
         ORDER BY at, id LIMIT {ENTRIES_PAGE_MAX}"
    );
    tx.query(&sql, &[payment.shop().short().into(), payment.short().into()])
}

pub(crate) fn find_hold(tx: &mut Tx<'_>, id: TransferId) -> Result<Option<Hold>, Error> {
    tx.get(&HOLDS, &id_values(id))?.as_ref().map(read_hold).transpose()
}

pub(crate) fn put_hold(tx: &mut Tx<'_>, hold: &Hold) -> Result<(), Error> {
    let [shop, id] = id_values(hold.id);
    let captured = match hold.state {
        HoldState::Captured(minor) => Some(minor),
        HoldState::Open | HoldState::Voided | HoldState::Expired => None,
    };
    let row = vec![
        shop,
        id,
        hold.debit.to_string().into(),
        hold.credit.to_string().into(),
        hold.amount.minor.into(),
        hold.amount.currency.code().into(),
        hold.payment.map(|payment| payment.short().to_owned()).into(),
        hold.at.into(),
        hold.expires_at.into(),
        hold.state.as_str().into(),
        captured.into(),
    ];
    tx.put(&HOLDS, row)
}

pub(crate) fn list_payment_holds(tx: &mut Tx<'_>, payment: PaymentId) -> Result<Vec<Hold>, Error> {
    list_of_payment(tx, "ledger_holds", HOLD_COLUMNS, payment)?.iter().map(read_hold).collect()
}

pub(crate) fn list_due_holds(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<Vec<Hold>, Error> {
    let limit = limit.min(ENTRIES_PAGE_MAX);
    let sql = format!(
        "SELECT {HOLD_COLUMNS} FROM ledger_holds WHERE state = 'open' AND expires_at <= ?1
         ORDER BY expires_at, shop_id, id LIMIT {limit}"
    );
    tx.query(&sql, &[now.into()])?.iter().map(read_hold).collect()
}

pub(crate) fn count_rows(tx: &mut Tx<'_>) -> Result<(i64, i64), Error> {
    let sql = "SELECT (SELECT COUNT(*) FROM ledger_accounts), (SELECT COUNT(*) FROM ledger_transfers)";
    let row = tx.query_opt(sql, &[])?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
}

pub(crate) fn list_totals(tx: &mut Tx<'_>) -> Result<Vec<Totals>, Error> {
    let sql = "SELECT currency, CAST(SUM(debits_posted) AS BIGINT), CAST(SUM(credits_posted) AS BIGINT),
                 CAST(SUM(debits_pending) AS BIGINT), CAST(SUM(credits_pending) AS BIGINT)
               FROM ledger_accounts GROUP BY currency ORDER BY currency";
    let totals = |row: &Row| {
        Ok(Totals {
            currency: read(row, 0)?,
            debits_posted: row.int(1)?,
            credits_posted: row.int(2)?,
            debits_pending: row.int(3)?,
            credits_pending: row.int(4)?,
        })
    };
    tx.query(sql, &[])?.iter().map(totals).collect()
}

pub(crate) fn list_wrong_balances(tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
    let sql = format!(
        "SELECT a.id FROM ledger_accounts AS a LEFT JOIN ({MOVED}) AS m ON m.account = a.id AND m.currency = a.currency
         WHERE a.debits_posted <> COALESCE(m.dp, 0) OR a.credits_posted <> COALESCE(m.cp, 0)
            OR a.debits_pending <> COALESCE(m.dh, 0) OR a.credits_pending <> COALESCE(m.ch, 0)"
    );
    list_names(tx, &sql, "a.id")
}

pub(crate) fn list_lost_accounts(tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
    let sql = format!(
        "SELECT m.account FROM ({MOVED}) AS m
         LEFT JOIN ledger_accounts AS a ON a.id = m.account AND a.currency = m.currency WHERE a.id IS NULL"
    );
    list_names(tx, &sql, "m.account")
}

pub(crate) fn list_past_limits(tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
    let sql = "SELECT id FROM ledger_accounts
               WHERE (balance_limit = 1 AND debits_posted > credits_posted - debits_pending)
                  OR (balance_limit = 2 AND credits_posted > debits_posted - credits_pending)";
    list_names(tx, sql, "id")
}

pub(crate) fn list_wrong_holds(tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
    let sql = "SELECT h.id FROM ledger_holds AS h
               LEFT JOIN ledger_transfers AS t ON t.shop_id = h.shop_id AND t.hold_id = h.id
               WHERE COALESCE(t.amount_minor, 0) <> COALESCE(h.captured_minor, 0)
                  OR (h.state = 'captured') <> (h.captured_minor IS NOT NULL)";
    list_names(tx, sql, "h.id")
}

pub(crate) fn list_wrong_amounts(tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
    list_names(tx, "SELECT id FROM ledger_transfers WHERE amount_minor <= 0", "id")
}

fn list_names(tx: &mut Tx<'_>, sql: &str, order: &str) -> Result<Vec<String>, Error> {
    let sql = format!("{sql} ORDER BY {order} LIMIT {}", Proof::FAULTS_MAX);
    tx.query(&sql, &[])?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

fn account_values(key: AccountKey) -> [Value; 2] {
    [key.scope().short().into(), key.to_string().into()]
}

fn id_values(id: TransferId) -> [Value; 2] {
    [id.shop().short().into(), id.short().into()]
}

fn read_transfer(row: &Row) -> Result<Transfer, Error> {
    let currency: Currency = read(row, 5)?;
    Ok(Transfer {
        id: read_id(row.text(1)?)?,
        debit: read(row, 2)?,
        credit: read(row, 3)?,
        amount: Money::new(row.int(4)?, currency),
        reason: Reason::from_text(row.text(6)?)
            .ok_or_else(|| unreadable("reason", row.text(6).unwrap_or_default()))?,
        payment: row.opt_text(7)?.map(read_payment).transpose()?,
        hold: row.opt_text(8)?.map(read_id).transpose()?,
        at: row.time(9)?,
    })
}

fn read_hold(row: &Row) -> Result<Hold, Error> {
    let currency: Currency = read(row, 5)?;
    let state = match (row.text(9)?, row.opt_int(10)?) {
        ("open", None) => HoldState::Open,
        ("captured", Some(minor)) => HoldState::Captured(minor),
        ("voided", None) => HoldState::Voided,
        ("expired", None) => HoldState::Expired,
        (other, _) => return Err(unreadable("state", other)),
    };
    Ok(Hold {
        id: read_id(row.text(1)?)?,
        debit: read(row, 2)?,
        credit: read(row, 3)?,
        amount: Money::new(row.int(4)?, currency),
        payment: row.opt_text(6)?.map(read_payment).transpose()?,
        at: row.time(7)?,
        expires_at: row.time(8)?,
        state,
    })
}

fn read<T: FromStr>(row: &Row, index: usize) -> Result<T, Error> {
    let text = row.text(index)?;
    text.parse().map_err(|_| unreadable("column", text))
}

fn read_id(text: &str) -> Result<TransferId, Error> {
    TransferId::from_short(text).ok_or_else(|| unreadable("id", text))
}

fn read_payment(text: &str) -> Result<PaymentId, Error> {
    PaymentId::from_short(text).ok_or_else(|| unreadable("payment_id", text))
}

/// A row that the program did not write.
fn unreadable(what: &str, value: impl Display) -> Error {
    Error::Bug(format!("the ledger holds a {what} it cannot read: `{value}`"))
}
