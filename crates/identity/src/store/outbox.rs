//! SQL of mails that wait to be delivered.

use base::{ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use super::{broken, named, shop_at};

named! {
    /// What became of a mail.
    pub(crate) enum MailState {
        /// It waits for an attempt.
        Waiting = "waiting",
        /// It was delivered.
        Sent = "sent",
        /// It will not be delivered.
        GivenUp = "given_up",
    }
}

named! {
    /// How a message travels.
    pub enum Channel {
        /// As a mail.
        Mail = "mail",
        /// As a text message to a telephone.
        Sms = "sms",
    }
}

static MAILS: Table = Table::new(
    "outbox_mail",
    &[text("shop_id"), text("id")],
    &[
        text("owner"),
        text("template"),
        text("subject"),
        blob("recipient"),
        blob("body"),
        text("state"),
        int("attempts"),
        int("next_ms"),
        int("expires_ms"),
        int("created_ms"),
        text("error"),
        text("channel"),
    ],
);

pub(crate) struct MailRow {
    pub(crate) shop: ShopId,
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) template: String,
    pub(crate) subject: String,
    pub(crate) recipient: Option<Vec<u8>>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) state: MailState,
    pub(crate) attempts: i64,
    pub(crate) next: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) created: Timestamp,
    pub(crate) error: Option<String>,
    pub(crate) channel: Channel,
}

pub(crate) fn find_mail(tx: &mut Tx, shop: ShopId, id: &str) -> Result<Option<MailRow>, Error> {
    tx.get(&MAILS, &[shop.short().into(), id.into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn list_due_mails(
    tx: &mut Tx,
    channel: Channel,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<MailRow>, Error> {
    let sql =
        "SELECT shop_id, id, owner, template, subject, recipient, body, state, attempts, next_ms, expires_ms,
                      created_ms, error, channel
               FROM outbox_mail WHERE state = 'waiting' AND next_ms <= ?1 AND channel = ?2
               ORDER BY next_ms, id LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(sql, &[now.into(), channel.name().into(), Value::Int(limit)])?.iter().map(read).collect()
}

pub(crate) fn insert_mail(tx: &mut Tx, row: MailRow) -> Result<(), Error> {
    tx.insert(&MAILS, values(row))
}

pub(crate) fn update_mail(tx: &mut Tx, row: MailRow) -> Result<(), Error> {
    tx.put(&MAILS, values(row))
}

/// Keys of up to `limit` mails made before `before` that were delivered or given up.
pub(crate) fn list_done_mails(
    tx: &mut Tx,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<(ShopId, String)>, Error> {
    let sql = "SELECT shop_id, id FROM outbox_mail WHERE state IN ('sent', 'given_up') AND created_ms < ?1 LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    rows.iter().map(|row| Ok((shop_at(row, 0, "outbox_mail")?, row.text(1)?.to_owned()))).collect()
}

pub(crate) fn delete_mail(tx: &mut Tx, shop: ShopId, id: &str) -> Result<(), Error> {
    tx.delete(&MAILS, &[shop.short().into(), id.into()])
}

fn read(row: &Row) -> Result<MailRow, Error> {
    Ok(MailRow {
        shop: shop_at(row, 0, "outbox_mail")?,
        id: row.text(1)?.to_owned(),
        owner: row.text(2)?.to_owned(),
        template: row.text(3)?.to_owned(),
        subject: row.text(4)?.to_owned(),
        recipient: row.opt_blob(5)?.map(<[u8]>::to_vec),
        body: row.opt_blob(6)?.map(<[u8]>::to_vec),
        state: MailState::from_name(row.text(7)?).ok_or_else(|| broken("outbox_mail"))?,
        attempts: row.int(8)?,
        next: row.time(9)?,
        expires: row.opt_time(10)?,
        created: row.time(11)?,
        error: row.opt_text(12)?.map(str::to_owned),
        channel: Channel::from_name(row.text(13)?).ok_or_else(|| broken("outbox_mail"))?,
    })
}

fn values(row: MailRow) -> Vec<Value> {
    vec![
        row.shop.short().into(),
        row.id.into(),
        row.owner.into(),
        row.template.into(),
        row.subject.into(),
        row.recipient.into(),
        row.body.into(),
        row.state.name().into(),
        row.attempts.into(),
        row.next.into(),
        row.expires.into(),
        row.created.into(),
        row.error.into(),
        row.channel.name().into(),
    ]
}
