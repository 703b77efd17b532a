//! All tables and SQL of payments. Single statements, no decisions.

use base::{
    BuyerId, CodeId, DecisionId, DeviceId, EntryId, Money, OrderId, PaymentId, RefundId, ScopedId, ShopId,
    TerminalId, Timestamp,
};
use risk::{Entity, Key as PartyKey, Modes, Place, Profile};
use store::{Error, Key, Migration, Row, Table, Tx, Value, blob, int, text};

use crate::code::StaticCode;
use crate::order::Order;
use crate::payment::{DeclineReason, Origin, Payment, State};
use crate::refund::Refund;
use crate::review::{Review, ReviewState};
use crate::shop::{Premises, Terminal};

mod asked;
mod labels;
mod lists;
mod refunds;

pub(crate) use asked::{delete_asked_place, find_asked_place, put_asked_place};
pub use labels::find_label;
pub(crate) use labels::{delete_label, find_decision_address, put_label};
pub use lists::{Direction, PaymentFilter, Sort, Spot, Taken, list_payments, sum_taken};
pub(crate) use lists::{count_code_payments, list_dynamic_payments, list_shop_refunds, list_sorted_payments};
pub(crate) use refunds::{
    find_refund_limit, find_refund_proposal, list_refund_limits, list_refund_proposals, put_refund_limit,
    put_refund_proposal, refund_limit_key,
};

/// The payments part of the schema.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 600,
    name: "payments",
    sql: "CREATE TABLE premises (
            shop_id TEXT NOT NULL PRIMARY KEY, zone TEXT NOT NULL, lat_centi BIGINT, lon_centi BIGINT) WITHOUT ROWID;
          CREATE TABLE terminals (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, lat_centi BIGINT, lon_centi BIGINT,
            created_at BIGINT NOT NULL, PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
          CREATE TABLE orders (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, reference TEXT, description TEXT, amount_minor BIGINT NOT NULL,
            currency TEXT NOT NULL, payment_id TEXT, created_at BIGINT NOT NULL, PRIMARY KEY (shop_id, id)
          ) WITHOUT ROWID;
          CREATE TABLE codes (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, terminal_id TEXT, currency TEXT NOT NULL,
            revoked_at BIGINT, created_at BIGINT NOT NULL, PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
          CREATE TABLE payments (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, amount_minor BIGINT NOT NULL, currency TEXT NOT NULL,
            refunded_minor BIGINT NOT NULL, refunds BIGINT NOT NULL, state TEXT NOT NULL, decline TEXT, order_id TEXT,
            reference TEXT, description TEXT, terminal_id TEXT, code_id TEXT, buyer_id TEXT, device_id TEXT,
            confirmation BLOB, decision_id TEXT, entry_id TEXT, created_at BIGINT NOT NULL, scanned_at BIGINT,
            confirmed_at BIGINT, settled_at BIGINT, expires_at BIGINT NOT NULL, PRIMARY KEY (shop_id, id)
          ) WITHOUT ROWID;
          CREATE INDEX payments_buyer ON payments (buyer_id, id) WHERE buyer_id IS NOT NULL;
          CREATE INDEX payments_reference ON payments (shop_id, reference) WHERE reference IS NOT NULL;
          CREATE TABLE decisions (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, payment_id TEXT, outcome TEXT NOT NULL, body BLOB NOT NULL,
            decided_at BIGINT NOT NULL, PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
          CREATE TABLE refunds (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, payment_id TEXT NOT NULL, amount_minor BIGINT NOT NULL,
            currency TEXT NOT NULL, reason TEXT, entry_id TEXT, created_at BIGINT NOT NULL, PRIMARY KEY (shop_id, id)
          ) WITHOUT ROWID;
          CREATE INDEX refunds_payment ON refunds (shop_id, payment_id);
          CREATE TABLE reviews (
            shop_id TEXT NOT NULL, payment_id TEXT NOT NULL, state TEXT NOT NULL, decided_by TEXT, note TEXT,
            opened_at BIGINT NOT NULL, decided_at BIGINT, expires_at BIGINT NOT NULL,
            PRIMARY KEY (shop_id, payment_id)) WITHOUT ROWID;
          CREATE INDEX reviews_open ON reviews (shop_id, state, opened_at);
          CREATE TABLE profiles (
            shop_id TEXT NOT NULL, entity BIGINT NOT NULL, party BIGINT NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (shop_id, entity, party)) WITHOUT ROWID;
          CREATE TABLE code_days (
            shop_id TEXT NOT NULL, buyer_id TEXT NOT NULL, day BIGINT NOT NULL, static_minor BIGINT NOT NULL,
            total_minor BIGINT NOT NULL,
            PRIMARY KEY (shop_id, buyer_id, day)) WITHOUT ROWID",
}, Migration {
    version: 601,
    name: "payments by printed code",
    sql: "CREATE INDEX payments_code ON payments (shop_id, code_id, id) WHERE code_id IS NOT NULL",
}, Migration { version: 602, name: "payments: refunds that take two people", sql: refunds::SQL }, Migration {
    version: 603,
    name: "payments known to be fraud",
    sql: labels::SQL,
}, Migration { version: 604, name: "payments: labels of members", sql: labels::MEMBERS_SQL }, Migration {
    version: 605,
    name: "payments: where payers were asked",
    sql: asked::SQL,
}, Migration {
    version: 606,
    name: "payments: modes of rules",
    sql: "ALTER TABLE premises ADD COLUMN rule_modes TEXT",
}];

static PREMISES: Table = Table::new(
    "premises",
    &[text("shop_id")],
    &[text("zone"), int("lat_centi"), int("lon_centi"), text("rule_modes")],
)
.kept();
static TERMINALS: Table = Table::new(
    "terminals",
    &[text("shop_id"), text("id")],
    &[text("name"), int("lat_centi"), int("lon_centi"), int("created_at")],
);
static ORDERS: Table = Table::new(
    "orders",
    &[text("shop_id"), text("id")],
    &[
        text("reference"),
        text("description"),
        int("amount_minor"),
        text("currency"),
        text("payment_id"),
        int("created_at"),
    ],
)
.growing();
static CODES: Table = Table::new(
    "codes",
    &[text("shop_id"), text("id")],
    &[text("name"), text("terminal_id"), text("currency"), int("revoked_at"), int("created_at")],
);
static PAYMENTS: Table = Table::new(
    "payments",
    &[text("shop_id"), text("id")],
    &[
        int("amount_minor"),
        text("currency"),
        int("refunded_minor"),
        int("refunds"),
        text("state"),
        text("decline"),
        text("order_id"),
        text("reference"),
        text("description"),
        text("terminal_id"),
        text("code_id"),
        text("buyer_id"),
        text("device_id"),
        blob("confirmation"),
        text("decision_id"),
        text("entry_id"),
        int("created_at"),
        int("scanned_at"),
        int("confirmed_at"),
        int("settled_at"),
        int("expires_at"),
    ],
)
.growing();
static DECISIONS: Table = Table::new(
    "decisions",
    &[text("shop_id"), text("id")],
    &[text("payment_id"), text("outcome"), blob("body"), int("decided_at"), int("address_party")],
)
.growing();
static REFUNDS: Table = Table::new(
    "refunds",
    &[text("shop_id"), text("id")],
    &[
        text("payment_id"),
        int("amount_minor"),
        text("currency"),
        text("reason"),
        text("entry_id"),
        int("created_at"),
    ],
);
static REVIEWS: Table = Table::new(
    "reviews",
    &[text("shop_id"), text("payment_id")],
    &[
        text("state"),
        text("decided_by"),
        text("note"),
        int("opened_at"),
        int("decided_at"),
        int("expires_at"),
    ],
);
static PROFILES: Table =
    Table::new("profiles", &[text("shop_id"), int("entity"), int("party")], &[blob("body")]).kept();
static CODE_DAYS: Table = Table::new(
    "code_days",
    &[text("shop_id"), text("buyer_id"), int("day")],
    &[int("static_minor"), int("total_minor")],
)
.kept();

/// Every table of this domain, for the test that holds them against the schema.
pub static TABLES: [&Table; 14] = [
    &PREMISES,
    &TERMINALS,
    &ORDERS,
    &CODES,
    &PAYMENTS,
    &DECISIONS,
    &REFUNDS,
    &REVIEWS,
    &PROFILES,
    &CODE_DAYS,
    &refunds::REFUND_LIMITS,
    &refunds::REFUND_PROPOSALS,
    &labels::LABELS,
    &asked::ASKED_PLACES,
];

const PAYMENT_COLUMNS: &str = "shop_id, id, amount_minor, currency, refunded_minor, refunds, state, decline, order_id,
    reference, description, terminal_id, code_id, buyer_id, device_id, confirmation, decision_id, entry_id, created_at,
    scanned_at, confirmed_at, settled_at, expires_at";

pub(crate) fn put_premises(tx: &mut Tx<'_>, shop: ShopId, premises: &Premises) -> Result<(), Error> {
    let (lat, lon) = centi(premises.place);
    let modes = Some(premises.modes.to_text()).filter(|text| !text.is_empty());
    tx.put(&PREMISES, vec![shop.short().into(), (&premises.zone).into(), lat, lon, modes.into()])
}

/// The row of a shop's premises.
pub(crate) fn premises_key(shop: ShopId) -> Key {
    Key::new(&PREMISES, vec![shop.short().into()])
}

pub(crate) fn find_premises(tx: &mut Tx<'_>, shop: ShopId) -> Result<Option<Premises>, Error> {
    let row = tx.get(&PREMISES, &[shop.short().into()])?;
    row.map(|row| {
        let modes = row.opt_text(4)?.map_or(Some(Modes::default()), Modes::from_text);
        Ok(Premises {
            zone: row.text(1)?.to_owned(),
            place: place(&row, 2)?,
            modes: modes.ok_or_else(|| broken("mode of a rule"))?,
        })
    })
    .transpose()
}

pub(crate) fn insert_terminal(tx: &mut Tx<'_>, terminal: &Terminal) -> Result<(), Error> {
    tx.insert(&TERMINALS, terminal_row(terminal))
}

pub(crate) fn update_terminal(tx: &mut Tx<'_>, terminal: &Terminal) -> Result<(), Error> {
    tx.put(&TERMINALS, terminal_row(terminal))
}

fn terminal_row(terminal: &Terminal) -> Vec<Value> {
    let (lat, lon) = centi(terminal.place);
    let mut row = key_of(&terminal.id, terminal.id.short());
    row.extend([(&terminal.name).into(), lat, lon, terminal.created_at.into()]);
    row
}

pub(crate) fn find_terminal(tx: &mut Tx<'_>, id: TerminalId) -> Result<Option<Terminal>, Error> {
    tx.get(&TERMINALS, &key_of(&id, id.short()))?.map(|row| read_terminal(&row)).transpose()
}

pub(crate) fn list_terminals(tx: &mut Tx<'_>, shop: ShopId) -> Result<Vec<Terminal>, Error> {
    let sql = "SELECT shop_id, id, name, lat_centi, lon_centi, created_at FROM terminals WHERE shop_id = ?1
               ORDER BY name, id LIMIT 1000";
    tx.query(sql, &[shop.short().into()])?.iter().map(read_terminal).collect()
}

fn read_terminal(row: &Row) -> Result<Terminal, Error> {
    Ok(Terminal {
        id: TerminalId::from_short(row.text(1)?).ok_or_else(|| broken("terminal"))?,
        name: row.text(2)?.to_owned(),
        place: place(row, 3)?,
        created_at: row.time(5)?,
    })
}

pub(crate) fn put_order(tx: &mut Tx<'_>, order: &Order) -> Result<(), Error> {
    let mut row = key_of(&order.id, order.id.short());
    row.extend([
        order.reference.as_ref().into_value(),
        order.description.as_ref().into_value(),
        order.amount.minor.into(),
        order.amount.currency.code().into(),
        order.payment.map(|id| id.short().to_owned()).into(),
        order.created_at.into(),
    ]);
    tx.put(&ORDERS, row)
}

pub(crate) fn find_order(tx: &mut Tx<'_>, id: OrderId) -> Result<Option<Order>, Error> {
    tx.get(&ORDERS, &key_of(&id, id.short()))?.map(|row| read_order(&row)).transpose()
}

pub(crate) fn list_orders(
    tx: &mut Tx<'_>,
    shop: ShopId,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Order>, Error> {
    let sql = "SELECT shop_id, id, reference, description, amount_minor, currency, payment_id, created_at FROM orders
               WHERE shop_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    let params = [shop.short().into(), before.unwrap_or(LAST_ID).into(), limit.into()];
    tx.query(sql, &params)?.iter().map(read_order).collect()
}

fn read_order(row: &Row) -> Result<Order, Error> {
    Ok(Order {
        id: OrderId::from_short(row.text(1)?).ok_or_else(|| broken("order"))?,
        reference: row.opt_text(2)?.map(str::to_owned),
        description: row.opt_text(3)?.map(str::to_owned),
        amount: money(row, 4)?,
        payment: row.opt_text(6)?.and_then(PaymentId::from_short),
        created_at: row.time(7)?,
    })
}

pub(crate) fn put_code(tx: &mut Tx<'_>, code: &StaticCode) -> Result<(), Error> {
    let mut row = key_of(&code.id, code.id.short());
    row.extend([
        (&code.name).into(),
        code.terminal.map(|id| id.short().to_owned()).into(),
        code.currency.code().into(),
        code.revoked_at.map(Timestamp::millis).into(),
        code.created_at.into(),
    ]);
    tx.put(&CODES, row)
}

pub(crate) fn find_code(tx: &mut Tx<'_>, id: CodeId) -> Result<Option<StaticCode>, Error> {
    tx.get(&CODES, &key_of(&id, id.short()))?.map(|row| read_code(&row)).transpose()
}

pub(crate) fn list_codes(
    tx: &mut Tx<'_>,
    shop: ShopId,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<StaticCode>, Error> {
    let sql = "SELECT shop_id, id, name, terminal_id, currency, revoked_at, created_at FROM codes
               WHERE shop_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    let params = [shop.short().into(), before.unwrap_or(LAST_ID).into(), limit.into()];
    tx.query(sql, &params)?.iter().map(read_code).collect()
}

/// A printed code of any shop that is still good.
pub(crate) fn find_any_code(tx: &mut Tx<'_>) -> Result<Option<StaticCode>, Error> {
    let sql = "SELECT shop_id, id, name, terminal_id, currency, revoked_at, created_at FROM codes
               WHERE revoked_at IS NULL ORDER BY shop_id, id LIMIT 1";
    tx.query_opt(sql, &[])?.as_ref().map(read_code).transpose()
}

fn read_code(row: &Row) -> Result<StaticCode, Error> {
    Ok(StaticCode {
        id: CodeId::from_short(row.text(1)?).ok_or_else(|| broken("code"))?,
        name: row.text(2)?.to_owned(),
        terminal: row.opt_text(3)?.and_then(TerminalId::from_short),
        currency: row.text(4)?.parse().map_err(|_| broken("code"))?,
        revoked_at: row.opt_time(5)?,
        created_at: row.time(6)?,
    })
}

/// The row of a payment, for `store::Db::write_with`.
pub fn payment_key(id: PaymentId) -> Key {
    Key::new(&PAYMENTS, key_of(&id, id.short()))
}

/// The payment, or `None`.
///
/// # Errors
/// Those of the store.
pub fn find_payment(tx: &mut Tx<'_>, id: PaymentId) -> Result<Option<Payment>, Error> {
    tx.get(&PAYMENTS, &key_of(&id, id.short()))?.map(|row| read_payment(&row)).transpose()
}

pub(crate) fn insert_payment(tx: &mut Tx<'_>, payment: &Payment) -> Result<(), Error> {
    tx.insert(&PAYMENTS, payment_row(payment))
}

pub(crate) fn update_payment(tx: &mut Tx<'_>, payment: &Payment) -> Result<(), Error> {
    tx.put(&PAYMENTS, payment_row(payment))
}

fn payment_row(payment: &Payment) -> Vec<Value> {
    let code = match payment.origin {
        Origin::Static(code) => Value::from(code.short()),
        Origin::Dynamic => Value::Null,
    };
    vec![
        payment.id.shop().short().into(),
        payment.id.short().into(),
        payment.amount.minor.into(),
        payment.amount.currency.code().into(),
        payment.refunded_minor.into(),
        payment.refunds.into(),
        payment.stored_state.name().into(),
        payment.decline.map(DeclineReason::name).into(),
        payment.order.as_ref().map(OrderId::short).into(),
        payment.reference.as_ref().into_value(),
        payment.description.as_ref().into_value(),
        payment.terminal.as_ref().map(TerminalId::short).into(),
        code,
        payment.buyer.as_ref().map(BuyerId::short).into(),
        payment.device.as_ref().map(DeviceId::short).into(),
        payment.confirmation.clone().into(),
        payment.decision.as_ref().map(DecisionId::short).into(),
        payment.entry.as_ref().map(EntryId::short).into(),
        payment.created_at.into(),
        payment.scanned_at.into(),
        payment.confirmed_at.into(),
        payment.settled_at.into(),
        payment.expires_at.into(),
    ]
}

pub(crate) fn read_payment(row: &Row) -> Result<Payment, Error> {
    let state = State::named(row.text(6)?).ok_or_else(|| broken("payment"))?;
    let code = row.opt_text(12)?.and_then(CodeId::from_short);
    Ok(Payment {
        id: PaymentId::from_short(row.text(1)?).ok_or_else(|| broken("payment"))?,
        amount: money(row, 2)?,
        refunded_minor: row.int(4)?,
        refunds: row.int(5)?,
        stored_state: state,
        decline: row.opt_text(7)?.and_then(DeclineReason::named),
        order: row.opt_text(8)?.and_then(OrderId::from_short),
        reference: row.opt_text(9)?.map(str::to_owned),
        description: row.opt_text(10)?.map(str::to_owned),
        terminal: row.opt_text(11)?.and_then(TerminalId::from_short),
        origin: code.map_or(Origin::Dynamic, Origin::Static),
        buyer: row.opt_text(13)?.and_then(BuyerId::from_short),
        device: row.opt_text(14)?.and_then(DeviceId::from_short),
        confirmation: row.opt_blob(15)?.map(<[u8]>::to_vec),
        decision: row.opt_text(16)?.and_then(DecisionId::from_short),
        entry: row.opt_text(17)?.and_then(EntryId::from_short),
        created_at: row.time(18)?,
        scanned_at: row.opt_time(19)?,
        confirmed_at: row.opt_time(20)?,
        settled_at: row.opt_time(21)?,
        expires_at: row.time(22)?,
    })
}

/// A page of a buyer's payments, newest first.
///
/// # Errors
/// Those of the store.
pub fn list_buyer_payments(tx: &mut Tx<'_>, buyer: BuyerId, limit: i64) -> Result<Vec<Payment>, Error> {
    let sql = format!(
        "SELECT {PAYMENT_COLUMNS} FROM payments WHERE buyer_id = ?1 ORDER BY created_at DESC LIMIT ?2"
    );
    tx.query(&sql, &[buyer.short().into(), limit.into()])?.iter().map(read_payment).collect()
}

/// Number of payments and sum of their amounts (minor units), by hour and state, for a shop since `from`.
///
/// # Errors
/// Those of the store.
pub fn sum_payments_by_hour(
    tx: &mut Tx<'_>,
    shop: ShopId,
    from: Timestamp,
) -> Result<Vec<(Timestamp, State, i64, i64)>, Error> {
    let sql = "SELECT created_at / 3600000, state, COUNT(*), CAST(SUM(amount_minor) AS BIGINT) FROM payments
               WHERE shop_id = ?1 AND id >= ?3 AND created_at >= ?2 GROUP BY created_at / 3600000, state";
    let first = lists::first_short(shop, Some(from));
    let rows = tx.query(sql, &[shop.short().into(), from.into(), first.into()])?;
    let read = |row: &Row| {
        let state = State::named(row.text(1)?).ok_or_else(|| broken("payment"))?;
        Ok((Timestamp(row.int(0)? * 3_600_000), state, row.int(2)?, row.int(3)?))
    };
    rows.iter().map(read).collect()
}

/// Number of all payments by stored state.
///
/// # Errors
/// Those of the store.
pub fn count_payments(tx: &mut Tx<'_>) -> Result<Vec<(State, i64)>, Error> {
    let rows = tx.query("SELECT state, COUNT(*) FROM payments GROUP BY state", &[])?;
    let read = |row: &Row| Ok((State::named(row.text(0)?).ok_or_else(|| broken("payment"))?, row.int(1)?));
    rows.iter().map(read).collect()
}

pub(crate) fn insert_decision(
    tx: &mut Tx<'_>,
    id: DecisionId,
    (payment, address): (Option<PaymentId>, Option<PartyKey>),
    outcome: &str,
    body: Vec<u8>,
    at: Timestamp,
) -> Result<(), Error> {
    let mut row = key_of(&id, id.short());
    let address = address.map(|party| party.0.cast_signed());
    row.extend([payment.as_ref().map(PaymentId::short).into(), outcome.into(), body.into(), at.into()]);
    row.push(address.into());
    tx.insert(&DECISIONS, row)
}

/// The stored bytes of a decision and when it was made, or `None`.
///
/// # Errors
/// Those of the store.
pub fn find_decision(tx: &mut Tx<'_>, id: DecisionId) -> Result<Option<(Vec<u8>, Timestamp)>, Error> {
    let row = tx.get(&DECISIONS, &key_of(&id, id.short()))?;
    row.map(|row| Ok((row.blob(4)?.to_vec(), row.time(5)?))).transpose()
}

/// The newest decisions of a shop as stored, newest first.
///
/// # Errors
/// Those of the store.
pub(crate) fn list_recent_decisions(
    tx: &mut Tx<'_>,
    shop: ShopId,
    limit: i64,
) -> Result<Vec<Vec<u8>>, Error> {
    let sql = "SELECT body FROM decisions WHERE shop_id = ?1 ORDER BY id DESC LIMIT ?2";
    let rows = tx.query(sql, &[shop.short().into(), limit.into()])?;
    rows.iter().map(|row| Ok(row.blob(0)?.to_vec())).collect()
}

pub(crate) fn insert_refund(tx: &mut Tx<'_>, refund: &Refund) -> Result<(), Error> {
    let mut row = key_of(&refund.id, refund.id.short());
    row.extend([
        refund.payment.short().into(),
        refund.amount.minor.into(),
        refund.amount.currency.code().into(),
        refund.reason.as_ref().into_value(),
        refund.entry.as_ref().map(EntryId::short).into(),
        refund.created_at.into(),
    ]);
    tx.insert(&REFUNDS, row)
}

pub(crate) fn find_refund(tx: &mut Tx<'_>, id: RefundId) -> Result<Option<Refund>, Error> {
    tx.get(&REFUNDS, &key_of(&id, id.short()))?.map(|row| read_refund(&row)).transpose()
}

/// The refunds of a payment, oldest first.
///
/// # Errors
/// Those of the store.
pub fn list_refunds(tx: &mut Tx<'_>, payment: PaymentId) -> Result<Vec<Refund>, Error> {
    let sql =
        "SELECT shop_id, id, payment_id, amount_minor, currency, reason, entry_id, created_at FROM refunds
               WHERE shop_id = ?1 AND payment_id = ?2 ORDER BY id LIMIT 100";
    tx.query(sql, &[payment.shop().short().into(), payment.short().into()])?.iter().map(read_refund).collect()
}

pub(crate) fn read_refund(row: &Row) -> Result<Refund, Error> {
    Ok(Refund {
        id: RefundId::from_short(row.text(1)?).ok_or_else(|| broken("refund"))?,
        payment: PaymentId::from_short(row.text(2)?).ok_or_else(|| broken("refund"))?,
        amount: money(row, 3)?,
        reason: row.opt_text(5)?.map(str::to_owned),
        entry: row.opt_text(6)?.and_then(EntryId::from_short),
        created_at: row.time(7)?,
    })
}

pub(crate) fn put_review(tx: &mut Tx<'_>, review: &Review) -> Result<(), Error> {
    let mut row = key_of(&review.payment, review.payment.short());
    row.extend([
        review.state.name().into(),
        review.decided_by.clone().into(),
        review.note.clone().into(),
        review.opened_at.into(),
        review.decided_at.into(),
        review.expires_at.into(),
    ]);
    tx.put(&REVIEWS, row)
}

/// The review of a payment, or `None`.
///
/// # Errors
/// Those of the store.
pub fn find_review(tx: &mut Tx<'_>, payment: PaymentId) -> Result<Option<Review>, Error> {
    tx.get(&REVIEWS, &key_of(&payment, payment.short()))?.map(|row| read_review(&row)).transpose()
}

/// The open reviews of a shop, oldest first.
///
/// # Errors
/// Those of the store.
pub fn list_open_reviews(
    tx: &mut Tx<'_>,
    shop: ShopId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Review>, Error> {
    let sql =
        "SELECT shop_id, payment_id, state, decided_by, note, opened_at, decided_at, expires_at FROM reviews
               WHERE shop_id = ?1 AND state = 'open' AND expires_at > ?2 ORDER BY opened_at LIMIT ?3";
    tx.query(sql, &[shop.short().into(), now.into(), limit.into()])?.iter().map(read_review).collect()
}

fn read_review(row: &Row) -> Result<Review, Error> {
    Ok(Review {
        payment: PaymentId::from_short(row.text(1)?).ok_or_else(|| broken("review"))?,
        state: ReviewState::named(row.text(2)?).ok_or_else(|| broken("review"))?,
        decided_by: row.opt_text(3)?.map(str::to_owned),
        note: row.opt_text(4)?.map(str::to_owned),
        opened_at: row.time(5)?,
        decided_at: row.opt_time(6)?,
        expires_at: row.time(7)?,
    })
}

fn profile_values(scope: ShopId, entity: Entity, party: PartyKey) -> Vec<Value> {
    let entity = i64::try_from(entity.index()).unwrap_or(i64::MAX);
    vec![scope.short().into(), entity.into(), party.0.cast_signed().into()]
}

/// The row of a profile.
pub(crate) fn profile_key(scope: ShopId, entity: Entity, party: PartyKey) -> Key {
    Key::new(&PROFILES, profile_values(scope, entity, party))
}

pub(crate) fn find_profile(
    tx: &mut Tx<'_>,
    scope: ShopId,
    entity: Entity,
    party: PartyKey,
) -> Result<Option<Profile>, Error> {
    let row = tx.get(&PROFILES, &profile_values(scope, entity, party))?;
    row.map(|row| Profile::from_bytes(row.blob(3)?).map_err(|e| Error::Bug(e.to_string()))).transpose()
}

pub(crate) fn put_profile(
    tx: &mut Tx<'_>,
    scope: ShopId,
    entity: Entity,
    party: PartyKey,
    profile: &Profile,
) -> Result<(), Error> {
    let mut row = profile_values(scope, entity, party);
    row.push(profile.to_bytes().into());
    tx.put(&PROFILES, row)
}

fn code_day_values(buyer: BuyerId, day: i64) -> [Value; 3] {
    [buyer.shop().short().into(), buyer.short().into(), day.into()]
}

/// The row of a buyer's day.
pub(crate) fn code_day_key(buyer: BuyerId, day: i64) -> Key {
    Key::new(&CODE_DAYS, code_day_values(buyer, day).into())
}

/// What a buyer has paid on a day, minor units: through printed codes, and in all.
pub(crate) fn find_code_day(tx: &mut Tx<'_>, buyer: BuyerId, day: i64) -> Result<(i64, i64), Error> {
    let key = code_day_values(buyer, day);
    tx.get(&CODE_DAYS, &key)?.map_or(Ok((0, 0)), |row| Ok((row.int(3)?, row.int(4)?)))
}

pub(crate) fn put_code_day(
    tx: &mut Tx<'_>,
    buyer: BuyerId,
    day: i64,
    static_minor: i64,
    total_minor: i64,
) -> Result<(), Error> {
    let row = vec![
        buyer.shop().short().into(),
        buyer.short().into(),
        day.into(),
        static_minor.into(),
        total_minor.into(),
    ];
    tx.put(&CODE_DAYS, row)
}

/// Sorts after every short id.
const LAST_ID: &str = "~";

fn key_of(id: &impl ScopedId, short: &str) -> Vec<Value> {
    vec![id.shop().short().into(), short.into()]
}

fn money(row: &Row, index: usize) -> Result<Money, Error> {
    let currency = row.text(index + 1)?.parse().map_err(|_| broken("amount"))?;
    Ok(Money::new(row.int(index)?, currency))
}

fn place(row: &Row, index: usize) -> Result<Option<Place>, Error> {
    let degree = |value: i64| i16::try_from(value).map_err(|_| broken("place"));
    match (row.opt_int(index)?, row.opt_int(index + 1)?) {
        (Some(lat), Some(lon)) => Ok(Place::from_centi(degree(lat)?, degree(lon)?)),
        _ => Ok(None),
    }
}

fn centi(place: Option<Place>) -> (Value, Value) {
    place.map_or((Value::Null, Value::Null), |place| {
        let (lat, lon) = place.centi();
        (i64::from(lat).into(), i64::from(lon).into())
    })
}

pub(crate) fn broken(noun: &str) -> Error {
    Error::Bug(format!("a stored {noun} cannot be read"))
}

/// An optional borrowed text as a value.
trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for Option<&String> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, |text| text.as_str().into())
    }
}
