//! SQL of the devices that members sign in on.

use base::{DeviceId, MemberId, ScopedId, Timestamp};
use store::{Error, Row, Table, Tx, Value, int, text};

use super::broken;

static DEVICES: Table = Table::new(
    "member_devices",
    &[text("shop_id"), text("member_id"), text("id")],
    &[text("token_hash"), text("label"), int("created_ms"), int("used_ms")],
);

pub(crate) struct MemberDeviceRow {
    pub(crate) member: MemberId,
    pub(crate) id: DeviceId,
    pub(crate) token_hash: String,
    pub(crate) label: String,
    pub(crate) created: Timestamp,
    pub(crate) used: Timestamp,
}

pub(crate) fn find_device(
    tx: &mut Tx,
    member: MemberId,
    id: DeviceId,
) -> Result<Option<MemberDeviceRow>, Error> {
    tx.get(&DEVICES, &key(member, id))?.map(|row| read(member, &row)).transpose()
}

/// The devices of a member, the one that was used longest ago first.
pub(crate) fn list_devices(tx: &mut Tx, member: MemberId) -> Result<Vec<MemberDeviceRow>, Error> {
    let rows = tx.list(&DEVICES, &[member.shop().short().into(), member.short().into()])?;
    let mut devices = rows.iter().map(|row| read(member, row)).collect::<Result<Vec<_>, _>>()?;
    devices.sort_by_key(|device| device.used);
    Ok(devices)
}

pub(crate) fn update_device(tx: &mut Tx, row: MemberDeviceRow) -> Result<(), Error> {
    let mut values: Vec<Value> = key(row.member, row.id).into();
    values.extend([row.token_hash.into(), row.label.into(), row.created.into(), row.used.into()]);
    tx.put(&DEVICES, values)
}

pub(crate) fn delete_device(tx: &mut Tx, member: MemberId, id: DeviceId) -> Result<(), Error> {
    tx.delete(&DEVICES, &key(member, id))
}

fn key(member: MemberId, id: DeviceId) -> [Value; 3] {
    [member.shop().short().into(), member.short().into(), id.short().into()]
}

fn read(member: MemberId, row: &Row) -> Result<MemberDeviceRow, Error> {
    Ok(MemberDeviceRow {
        member,
        id: DeviceId::from_short(row.text(2)?).ok_or_else(|| broken("member_devices"))?,
        token_hash: row.text(3)?.to_owned(),
        label: row.text(4)?.to_owned(),
        created: row.time(5)?,
        used: row.time(6)?,
    })
}
