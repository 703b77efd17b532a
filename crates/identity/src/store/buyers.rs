//! SQL of buyers, their contacts and devices.

use base::{BuyerId, DeviceId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};
use webkit::page::Lang;

use super::{broken, named};

named! {
    /// Whether a buyer's account can pay.
    pub enum BuyerState {
        /// It can.
        Active = "active",
        /// The buyer froze it, and can take that back.
        Frozen = "frozen",
        /// The house stopped it.
        Held = "held",
        /// It was erased; only the id is left.
        Erased = "erased",
    }
}

static BUYERS: Table = Table::new(
    "buyers",
    &[text("id")],
    &[
        text("state"),
        blob("name"),
        blob("contact"),
        text("contact_index"),
        text("lang"),
        blob("pin_salt"),
        blob("pin_verifier"),
        int("pin_failures"),
        int("pin_changed_ms"),
        int("created_ms"),
        int("pin_reset_ms"),
        int("pin_reset_left"),
        int("contact_changed_ms"),
        int("pin_alone"),
    ],
)
.kept();
static CONTACTS: Table = Table::new("buyer_contacts", &[text("contact_index")], &[text("buyer_id")]);
static DEVICES: Table = Table::new(
    "buyer_devices",
    &[text("buyer_id"), text("id")],
    &[text("token_hash"), text("label"), int("created_ms"), int("used_ms")],
)
.kept();
static DEVICE_TOKENS: Table = Table::new("device_tokens", &[text("token_hash")], &[text("device_id")]);

pub(crate) struct BuyerRow {
    pub(crate) id: BuyerId,
    pub(crate) state: BuyerState,
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) contact: Option<Vec<u8>>,
    pub(crate) contact_index: Option<String>,
    pub(crate) lang: Lang,
    pub(crate) pin_salt: Vec<u8>,
    pub(crate) pin_verifier: Vec<u8>,
    pub(crate) pin_failures: i64,
    pub(crate) pin_changed: Timestamp,
    pub(crate) created: Timestamp,
    /// When the PIN was last set without the old one.
    pub(crate) pin_reset: Option<Timestamp>,
    /// Small payments that such a PIN may still confirm while it is held back.
    pub(crate) pin_reset_left: i64,
    /// Whether it was set with a code to the contact alone.
    pub(crate) pin_alone: bool,
    /// When another contact took the place of an earlier one.
    pub(crate) contact_changed: Option<Timestamp>,
}

impl BuyerRow {
    /// With a PIN that nothing holds back.
    pub(crate) fn with_settled_pin(self) -> BuyerRow {
        BuyerRow { pin_reset: None, pin_reset_left: 0, pin_alone: false, ..self }
    }
}

pub(crate) struct DeviceRow {
    pub(crate) buyer: BuyerId,
    pub(crate) id: DeviceId,
    pub(crate) token_hash: String,
    pub(crate) label: String,
    pub(crate) created: Timestamp,
    pub(crate) used: Timestamp,
}

/// The row of a buyer, for [`store::Tx::expect`].
pub fn buyer_key(id: BuyerId) -> store::Key {
    store::Key::new(&BUYERS, vec![id.short().into()])
}

pub(crate) fn find_buyer(tx: &mut Tx, id: BuyerId) -> Result<Option<BuyerRow>, Error> {
    tx.get(&BUYERS, &[id.short().into()])?.map(|row| read_buyer(&row)).transpose()
}

pub(crate) fn insert_buyer(tx: &mut Tx, row: BuyerRow) -> Result<(), Error> {
    tx.insert(&BUYERS, buyer_values(row))
}

pub(crate) fn update_buyer(tx: &mut Tx, row: BuyerRow) -> Result<(), Error> {
    tx.put(&BUYERS, buyer_values(row))
}

pub(crate) fn find_contact(tx: &mut Tx, index: &str) -> Result<Option<BuyerId>, Error> {
    let row = tx.get(&CONTACTS, &[index.into()])?;
    row.map(|row| BuyerId::from_short(row.text(1)?).ok_or_else(|| broken("buyer_contacts"))).transpose()
}

pub(crate) fn insert_contact(tx: &mut Tx, index: &str, buyer: BuyerId) -> Result<(), Error> {
    tx.insert(&CONTACTS, vec![index.into(), buyer.short().into()])
}

pub(crate) fn delete_contact(tx: &mut Tx, index: &str) -> Result<(), Error> {
    tx.delete(&CONTACTS, &[index.into()])
}

pub(crate) fn find_device(tx: &mut Tx, buyer: BuyerId, id: DeviceId) -> Result<Option<DeviceRow>, Error> {
    tx.get(&DEVICES, &[buyer.short().into(), id.short().into()])?.map(|row| read_device(&row)).transpose()
}

pub(crate) fn list_devices(tx: &mut Tx, buyer: BuyerId) -> Result<Vec<DeviceRow>, Error> {
    let rows = tx.list(&DEVICES, &[buyer.short().into()])?;
    let mut devices = rows.iter().map(read_device).collect::<Result<Vec<_>, _>>()?;
    devices.sort_by_key(|device| std::cmp::Reverse(device.used));
    Ok(devices)
}

pub(crate) fn insert_device(tx: &mut Tx, row: DeviceRow) -> Result<(), Error> {
    tx.insert(&DEVICES, device_values(row))
}

/// The device a token was given to, whoever used it.
pub(crate) fn find_token_device(tx: &mut Tx, token_hash: &str) -> Result<Option<DeviceId>, Error> {
    let row = tx.get(&DEVICE_TOKENS, &[token_hash.into()])?;
    row.map(|row| DeviceId::from_short(row.text(1)?).ok_or_else(|| broken("device_tokens"))).transpose()
}

pub(crate) fn insert_device_token(tx: &mut Tx, token_hash: &str, device: DeviceId) -> Result<(), Error> {
    tx.insert(&DEVICE_TOKENS, vec![token_hash.into(), device.short().into()])
}

pub(crate) fn update_device(tx: &mut Tx, row: DeviceRow) -> Result<(), Error> {
    tx.put(&DEVICES, device_values(row))
}

pub(crate) fn delete_device(tx: &mut Tx, buyer: BuyerId, id: DeviceId) -> Result<(), Error> {
    tx.delete(&DEVICES, &[buyer.short().into(), id.short().into()])
}

fn read_buyer(row: &Row) -> Result<BuyerRow, Error> {
    let bad = || broken("buyers");
    Ok(BuyerRow {
        id: BuyerId::from_short(row.text(0)?).ok_or_else(bad)?,
        state: BuyerState::from_name(row.text(1)?).ok_or_else(bad)?,
        name: row.opt_blob(2)?.map(<[u8]>::to_vec),
        contact: row.opt_blob(3)?.map(<[u8]>::to_vec),
        contact_index: row.opt_text(4)?.map(str::to_owned),
        lang: Lang::from_tag(row.text(5)?).ok_or_else(bad)?,
        pin_salt: row.blob(6)?.to_vec(),
        pin_verifier: row.blob(7)?.to_vec(),
        pin_failures: row.int(8)?,
        pin_changed: row.time(9)?,
        created: row.time(10)?,
        pin_reset: row.opt_time(11)?,
        pin_reset_left: row.int(12)?,
        contact_changed: row.opt_time(13)?,
        pin_alone: row.int(14)? != 0,
    })
}

fn buyer_values(row: BuyerRow) -> Vec<Value> {
    vec![
        row.id.short().into(),
        row.state.name().into(),
        row.name.into(),
        row.contact.into(),
        row.contact_index.into(),
        row.lang.code().into(),
        row.pin_salt.into(),
        row.pin_verifier.into(),
        row.pin_failures.into(),
        row.pin_changed.into(),
        row.created.into(),
        row.pin_reset.into(),
        row.pin_reset_left.into(),
        row.contact_changed.into(),
        i64::from(row.pin_alone).into(),
    ]
}

fn read_device(row: &Row) -> Result<DeviceRow, Error> {
    let bad = || broken("buyer_devices");
    Ok(DeviceRow {
        buyer: BuyerId::from_short(row.text(0)?).ok_or_else(bad)?,
        id: DeviceId::from_short(row.text(1)?).ok_or_else(bad)?,
        token_hash: row.text(2)?.to_owned(),
        label: row.text(3)?.to_owned(),
        created: row.time(4)?,
        used: row.time(5)?,
    })
}

fn device_values(row: DeviceRow) -> Vec<Value> {
    vec![
        row.buyer.short().into(),
        row.id.short().into(),
        row.token_hash.into(),
        row.label.into(),
        row.created.into(),
        row.used.into(),
    ]
}
