//! Rows of payout accounts: one in use and one to come, so that two changes at once meet in the same row.

use base::{ApprovalId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use crate::values::Scheme;

static PAYOUT_ACCOUNTS: Table = Table::new(
    "payout_accounts",
    &[text("shop_id"), text("slot")],
    &[
        text("id"),
        text("scheme"),
        blob("holder"),
        blob("number"),
        blob("bank"),
        text("proposer"),
        text("approval"),
        int("created_ms"),
        int("effective_ms"),
    ],
);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// In use.
    Current,
    /// To come.
    Next,
}

impl Slot {
    pub(crate) const ALL: [Slot; 2] = [Slot::Current, Slot::Next];

    fn name(self) -> &'static str {
        match self {
            Slot::Current => "current",
            Slot::Next => "next",
        }
    }
}

/// An account, sealed.
#[derive(Clone)]
pub(crate) struct PayoutRow {
    pub(crate) shop: ShopId,
    pub(crate) id: String,
    pub(crate) scheme: Scheme,
    pub(crate) holder: Vec<u8>,
    pub(crate) number: Vec<u8>,
    pub(crate) bank: Option<Vec<u8>>,
    pub(crate) proposer: String,
    pub(crate) approval: Option<ApprovalId>,
    pub(crate) created: Timestamp,
    pub(crate) effective: Option<Timestamp>,
}

impl PayoutRow {
    /// Whether it counts at `now`.
    pub(crate) fn is_in_force(&self, now: Timestamp) -> bool {
        self.effective.is_some_and(|from| now >= from)
    }
}

fn key_of(shop: ShopId, slot: Slot) -> Vec<Value> {
    vec![shop.short().into(), slot.name().into()]
}

pub(crate) fn find_payout(tx: &mut Tx, shop: ShopId, slot: Slot) -> Result<Option<PayoutRow>, Error> {
    tx.get(&PAYOUT_ACCOUNTS, &key_of(shop, slot))?.map(|row| read(&row)).transpose()
}

pub(crate) fn put_payout(tx: &mut Tx, slot: Slot, row: PayoutRow) -> Result<(), Error> {
    let approval = row.approval.map(|id| id.short().to_owned());
    let values = vec![
        row.shop.short().into(),
        slot.name().into(),
        row.id.into(),
        row.scheme.name().into(),
        row.holder.into(),
        row.number.into(),
        row.bank.into(),
        row.proposer.into(),
        approval.into(),
        row.created.into(),
        row.effective.into(),
    ];
    tx.put(&PAYOUT_ACCOUNTS, values)
}

pub(crate) fn delete_payout(tx: &mut Tx, shop: ShopId, slot: Slot) -> Result<(), Error> {
    tx.delete(&PAYOUT_ACCOUNTS, &key_of(shop, slot))
}

/// The shops whose next account counts by now.
pub(crate) fn list_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<ShopId>, Error> {
    let sql = "SELECT shop_id FROM payout_accounts WHERE slot = 'next' AND effective_ms <= ?1 ORDER BY shop_id LIMIT ?2";
    let rows = tx.query(sql, &[now.into(), limit.into()])?;
    let shop = |row: &Row| ShopId::from_short(row.text(0)?).ok_or_else(|| bad("shop"));
    rows.iter().map(shop).collect()
}

fn bad(what: &str) -> Error {
    Error::Bug(format!("a stored payout account has an unreadable {what}"))
}

fn read(row: &Row) -> Result<PayoutRow, Error> {
    let approval = row.opt_text(8)?.map(|id| ApprovalId::from_short(id).ok_or_else(|| bad("approval")));
    Ok(PayoutRow {
        shop: ShopId::from_short(row.text(0)?).ok_or_else(|| bad("shop"))?,
        id: row.text(2)?.to_owned(),
        scheme: Scheme::from_name(row.text(3)?).ok_or_else(|| bad("scheme"))?,
        holder: row.blob(4)?.to_vec(),
        number: row.blob(5)?.to_vec(),
        bank: row.opt_blob(6)?.map(<[u8]>::to_vec),
        proposer: row.text(7)?.to_owned(),
        approval: approval.transpose()?,
        created: row.time(9)?,
        effective: row.opt_time(10)?,
    })
}
