//! SQL of the roles that shops made themselves.

use base::{RoleId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, int, text};

use super::broken;
use crate::grants::Permissions;

static ROLES: Table = Table::new(
    "custom_roles",
    &[text("shop_id"), text("id")],
    &[text("name"), text("permissions"), int("created_ms")],
)
.kept();

pub(crate) struct RoleRow {
    pub(crate) id: RoleId,
    pub(crate) name: String,
    pub(crate) permissions: Permissions,
    pub(crate) created: Timestamp,
}

pub(crate) fn find_role(tx: &mut Tx, id: RoleId) -> Result<Option<RoleRow>, Error> {
    tx.get(&ROLES, &[id.shop().short().into(), id.short().into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn list_roles(tx: &mut Tx, shop: ShopId) -> Result<Vec<RoleRow>, Error> {
    let sql =
        "SELECT shop_id, id, name, permissions, created_ms FROM custom_roles WHERE shop_id = ?1 ORDER BY id";
    tx.query(sql, &[shop.short().into()])?.iter().map(read).collect()
}

pub(crate) fn insert_role(tx: &mut Tx, row: &RoleRow) -> Result<(), Error> {
    tx.insert(&ROLES, values(row))
}

pub(crate) fn update_role(tx: &mut Tx, row: &RoleRow) -> Result<(), Error> {
    tx.put(&ROLES, values(row))
}

pub(crate) fn delete_role(tx: &mut Tx, id: RoleId) -> Result<(), Error> {
    tx.delete(&ROLES, &[id.shop().short().into(), id.short().into()])
}

fn read(row: &Row) -> Result<RoleRow, Error> {
    Ok(RoleRow {
        id: RoleId::from_short(row.text(1)?).ok_or_else(|| broken("custom_roles"))?,
        name: row.text(2)?.to_owned(),
        permissions: Permissions::from_text(row.text(3)?).ok_or_else(|| broken("custom_roles"))?,
        created: row.time(4)?,
    })
}

fn values(row: &RoleRow) -> Vec<Value> {
    vec![
        row.id.shop().short().into(),
        row.id.short().into(),
        row.name.as_str().into(),
        row.permissions.to_text().into(),
        row.created.into(),
    ]
}
