//! SQL of what stands before a refund: the limits of shops, and what waits for a second person.

use base::{ApprovalId, BuyerId, Currency, Money, PaymentId, RefundId, ScopedId, ShopId};
use store::{Error, Key, Row, Table, Tx, int, text};

use super::{IntoValue, broken, key_of, money};
use crate::refund_proposal::RefundProposal;

pub(super) static REFUND_LIMITS: Table =
    Table::new("refund_limits", &[text("shop_id"), text("currency")], &[int("limit_minor")]).kept();
pub(super) static REFUND_PROPOSALS: Table = Table::new(
    "refund_proposals",
    &[text("shop_id"), text("approval_id")],
    &[
        text("payment_id"),
        text("buyer_id"),
        int("amount_minor"),
        text("currency"),
        text("reason"),
        text("refund_id"),
        int("created_at"),
    ],
);

pub(super) const SQL: &str = "
    CREATE TABLE refund_limits (
        shop_id TEXT NOT NULL, currency TEXT NOT NULL, limit_minor BIGINT NOT NULL, PRIMARY KEY (shop_id, currency)
    ) WITHOUT ROWID;
    CREATE TABLE refund_proposals (
        shop_id TEXT NOT NULL, approval_id TEXT NOT NULL, payment_id TEXT NOT NULL, buyer_id TEXT NOT NULL,
        amount_minor BIGINT NOT NULL, currency TEXT NOT NULL, reason TEXT, refund_id TEXT, created_at BIGINT NOT NULL,
        PRIMARY KEY (shop_id, approval_id)) WITHOUT ROWID;
    CREATE INDEX refund_proposals_payment ON refund_proposals (shop_id, payment_id)";

/// The row of a shop's limit, for `store::Db::write_with`.
pub(crate) fn refund_limit_key(shop: ShopId, currency: Currency) -> Key {
    Key::new(&REFUND_LIMITS, vec![shop.short().into(), currency.code().into()])
}

pub(crate) fn find_refund_limit(
    tx: &mut Tx<'_>,
    shop: ShopId,
    currency: Currency,
) -> Result<Option<i64>, Error> {
    let row = tx.get(&REFUND_LIMITS, &[shop.short().into(), currency.code().into()])?;
    row.map(|row| row.int(2)).transpose()
}

pub(crate) fn put_refund_limit(tx: &mut Tx<'_>, shop: ShopId, limit: Money) -> Result<(), Error> {
    let row = vec![shop.short().into(), limit.currency.code().into(), limit.minor.into()];
    tx.put(&REFUND_LIMITS, row)
}

/// The limits that a shop set, by currency.
pub(crate) fn list_refund_limits(tx: &mut Tx<'_>, shop: ShopId) -> Result<Vec<Money>, Error> {
    let sql = "SELECT limit_minor, currency FROM refund_limits WHERE shop_id = ?1 ORDER BY currency";
    tx.query(sql, &[shop.short().into()])?.iter().map(|row| money(row, 0)).collect()
}

pub(crate) fn find_refund_proposal(tx: &mut Tx<'_>, id: ApprovalId) -> Result<Option<RefundProposal>, Error> {
    tx.get(&REFUND_PROPOSALS, &key_of(&id, id.short()))?.map(|row| read(&row)).transpose()
}

pub(crate) fn put_refund_proposal(tx: &mut Tx<'_>, proposal: &RefundProposal) -> Result<(), Error> {
    let mut row = key_of(&proposal.approval, proposal.approval.short());
    row.extend([
        proposal.payment.short().into(),
        proposal.buyer.short().into(),
        proposal.amount.minor.into(),
        proposal.amount.currency.code().into(),
        proposal.reason.as_ref().into_value(),
        proposal.refund.as_ref().map(RefundId::short).into(),
        proposal.created_at.into(),
    ]);
    tx.put(&REFUND_PROPOSALS, row)
}

/// The proposals of a payment that were not carried out, oldest first.
pub(crate) fn list_refund_proposals(
    tx: &mut Tx<'_>,
    payment: PaymentId,
) -> Result<Vec<RefundProposal>, Error> {
    let sql = "SELECT shop_id, approval_id, payment_id, buyer_id, amount_minor, currency, reason, refund_id, created_at
               FROM refund_proposals WHERE shop_id = ?1 AND payment_id = ?2 AND refund_id IS NULL
               ORDER BY approval_id LIMIT 50";
    tx.query(sql, &[payment.shop().short().into(), payment.short().into()])?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<RefundProposal, Error> {
    let bad = || broken("proposal");
    Ok(RefundProposal {
        approval: ApprovalId::from_short(row.text(1)?).ok_or_else(bad)?,
        payment: PaymentId::from_short(row.text(2)?).ok_or_else(bad)?,
        buyer: BuyerId::from_short(row.text(3)?).ok_or_else(bad)?,
        amount: money(row, 4)?,
        reason: row.opt_text(6)?.map(str::to_owned),
        refund: row.opt_text(7)?.and_then(RefundId::from_short),
        created_at: row.time(8)?,
    })
}
