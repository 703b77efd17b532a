//! SQL of what happened to buyers' accounts.

use base::{BuyerId, Timestamp};
use store::{Error, Row, Table, Tx, Value, int, text};

use super::{broken, named};
use crate::networks::Network;

named! {
    /// What happened.
    pub enum Happening {
        /// Somebody signed in.
        SignedIn = "signed_in",
        /// A session was ended.
        SessionEnded = "session_ended",
        /// A device was used for the first time.
        DeviceAdded = "device_added",
        /// A second factor counts from then on.
        FactorAdded = "factor_added",
        /// A second factor counts no longer.
        FactorRemoved = "factor_removed",
        /// A passkey was refused, since somebody may have a copy.
        PasskeyCopied = "passkey_copied",
        /// A recovery code was used.
        RecoveryUsed = "recovery_used",
        /// The PIN was set or changed.
        PinChanged = "pin_changed",
        /// The PIN was set without the old one.
        PinReset = "pin_reset",
        /// The PIN was locked.
        PinLocked = "pin_locked",
        /// The address or number was changed.
        ContactChanged = "contact_changed",
        /// Many wrong codes were tried.
        WrongTries = "wrong_tries",
        /// A sign-in with a right code was stopped at the second step.
        StoppedAtSecondStep = "stopped_at_second_step",
        /// The SIM card of the number was changed.
        SimChanged = "sim_changed",
        /// The account was frozen.
        Frozen = "frozen",
        /// The account was freed.
        Unfrozen = "unfrozen",
    }
}

static EVENTS: Table = Table::new(
    "buyer_events",
    &[text("buyer_id"), text("id")],
    &[text("what"), text("label"), text("network"), int("at_ms")],
);

pub(crate) struct EventRow {
    pub(crate) buyer: BuyerId,
    pub(crate) id: String,
    pub(crate) what: Happening,
    pub(crate) label: String,
    pub(crate) network: Option<Network>,
    pub(crate) at: Timestamp,
}

pub(crate) fn insert_event(tx: &mut Tx, row: EventRow) -> Result<(), Error> {
    let network = row.network.map(|network| network.first().to_string());
    tx.insert(
        &EVENTS,
        vec![
            row.buyer.short().into(),
            row.id.into(),
            row.what.name().into(),
            row.label.into(),
            network.into(),
            row.at.into(),
        ],
    )
}

/// Newest first.
pub(crate) fn list_events(tx: &mut Tx, buyer: BuyerId, limit: usize) -> Result<Vec<EventRow>, Error> {
    let sql = "SELECT buyer_id, id, what, label, network, at_ms FROM buyer_events
               WHERE buyer_id = ?1 ORDER BY at_ms DESC, id DESC LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(sql, &[buyer.short().into(), Value::Int(limit)])?.iter().map(read).collect()
}

/// Of whomever, older than `before`.
pub(crate) fn list_old_events(
    tx: &mut Tx,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<(BuyerId, String)>, Error> {
    let sql = "SELECT buyer_id, id FROM buyer_events WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    rows.iter().map(|row| Ok((buyer(row)?, row.text(1)?.to_owned()))).collect()
}

pub(crate) fn delete_event(tx: &mut Tx, buyer: BuyerId, id: &str) -> Result<(), Error> {
    tx.delete(&EVENTS, &[buyer.short().into(), id.into()])
}

fn buyer(row: &Row) -> Result<BuyerId, Error> {
    BuyerId::from_short(row.text(0)?).ok_or_else(|| broken("buyer_events"))
}

fn read(row: &Row) -> Result<EventRow, Error> {
    Ok(EventRow {
        buyer: buyer(row)?,
        id: row.text(1)?.to_owned(),
        what: Happening::from_name(row.text(2)?).ok_or_else(|| broken("buyer_events"))?,
        label: row.text(3)?.to_owned(),
        network: row.opt_text(4)?.and_then(Network::of_origin),
        at: row.time(5)?,
    })
}
