//! SQL of members and the addresses they sign in with.

use base::{EmergencyId, MemberId, RoleId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};
use webkit::page::Lang;

use super::{broken, named, shop_at};
use crate::password::PasswordHash;
use crate::permissions::Role;

named! {
    /// Where a member stands.
    pub enum MemberState {
        /// Has a link, but no password yet.
        Invited = "invited",
        /// Can sign in.
        Active = "active",
        /// Was suspended: unused for long, or not confirmed in an access review. Can be restored.
        Suspended = "suspended",
        /// Was removed.
        Disabled = "disabled",
    }
}

static MEMBERS: Table = Table::new(
    "members",
    &[text("shop_id"), text("id")],
    &[
        text("state"),
        blob("name"),
        blob("email"),
        text("email_index"),
        text("roles"),
        text("lang"),
        text("password"),
        int("created_ms"),
        int("last_login_ms"),
        text("custom_roles"),
        int("password_ms"),
        int("password_due_ms"),
        text("emergency"),
    ],
);
static LOGINS: Table =
    Table::new("member_logins", &[text("email_index")], &[text("shop_id"), text("member_id")]);

pub(crate) struct MemberRow {
    pub(crate) shop: ShopId,
    pub(crate) id: MemberId,
    pub(crate) state: MemberState,
    pub(crate) name: Vec<u8>,
    pub(crate) email: Vec<u8>,
    pub(crate) email_index: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) lang: Lang,
    pub(crate) password: Option<PasswordHash>,
    pub(crate) created: Timestamp,
    pub(crate) last_login: Option<Timestamp>,
    pub(crate) custom: Vec<RoleId>,
    /// When the password was set.
    pub(crate) password_set: Option<Timestamp>,
    /// Since when the password must be changed: it was found on the list of those nobody may choose.
    pub(crate) password_due: Option<Timestamp>,
    /// Power that was taken for a time and has not ended.
    pub(crate) emergency: Option<EmergencyId>,
}

pub(crate) struct LoginRow {
    pub(crate) email_index: String,
    pub(crate) shop: ShopId,
    pub(crate) member: MemberId,
}

pub(crate) fn has_members(tx: &mut Tx) -> Result<bool, Error> {
    Ok(tx.query_opt("SELECT id FROM members LIMIT 1", &[])?.is_some())
}

pub(crate) fn count_members(tx: &mut Tx, shop: ShopId) -> Result<i64, Error> {
    let sql = "SELECT COUNT(*) FROM members WHERE shop_id = ?1 AND state <> 'disabled'";
    tx.query_opt(sql, &[shop.short().into()])?.map_or(Ok(0), |row| row.int(0))
}

pub(crate) fn find_member(tx: &mut Tx, shop: ShopId, id: MemberId) -> Result<Option<MemberRow>, Error> {
    tx.get(&MEMBERS, &[shop.short().into(), id.short().into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn list_members(tx: &mut Tx, shop: ShopId) -> Result<Vec<MemberRow>, Error> {
    let sql = "SELECT shop_id, id, state, name, email, email_index, roles, lang, password, created_ms, last_login_ms,
               custom_roles, password_ms, password_due_ms, emergency FROM members WHERE shop_id = ?1 ORDER BY id";
    tx.query(sql, &[shop.short().into()])?.iter().map(read).collect()
}

/// Active members who neither signed in nor were made since `before`.
pub(crate) fn list_idle_members(tx: &mut Tx, before: Timestamp) -> Result<Vec<MemberRow>, Error> {
    let sql = "SELECT shop_id, id, state, name, email, email_index, roles, lang, password, created_ms, last_login_ms,
               custom_roles, password_ms, password_due_ms, emergency FROM members
               WHERE state = 'active' AND created_ms <= ?1 AND (last_login_ms IS NULL OR last_login_ms <= ?1)
               ORDER BY shop_id, id LIMIT 500";
    tx.query(sql, &[before.into()])?.iter().map(read).collect()
}

pub(crate) fn insert_member(tx: &mut Tx, row: MemberRow) -> Result<(), Error> {
    tx.insert(&MEMBERS, values(row))
}

pub(crate) fn update_member(tx: &mut Tx, row: MemberRow) -> Result<(), Error> {
    tx.put(&MEMBERS, values(row))
}

pub(crate) fn find_login(tx: &mut Tx, email_index: &str) -> Result<Option<LoginRow>, Error> {
    let Some(row) = tx.get(&LOGINS, &[email_index.into()])? else { return Ok(None) };
    let member = MemberId::from_short(row.text(2)?).ok_or_else(|| broken("member_logins"))?;
    Ok(Some(LoginRow {
        email_index: email_index.to_owned(),
        shop: shop_at(&row, 1, "member_logins")?,
        member,
    }))
}

pub(crate) fn insert_login(tx: &mut Tx, row: LoginRow) -> Result<(), Error> {
    tx.insert(&LOGINS, vec![row.email_index.into(), row.shop.short().into(), row.member.short().into()])
}

pub(crate) fn delete_login(tx: &mut Tx, email_index: &str) -> Result<(), Error> {
    tx.delete(&LOGINS, &[email_index.into()])
}

fn read(row: &Row) -> Result<MemberRow, Error> {
    let bad = || broken("members");
    let roles = list(row.text(6)?).map(|name| Role::from_name(name).ok_or_else(bad));
    let custom = list(row.text(11)?).map(|short| RoleId::from_short(short).ok_or_else(bad));
    let password = row.opt_text(8)?.map(|text| PasswordHash::parse(text).ok_or_else(bad)).transpose()?;
    Ok(MemberRow {
        shop: shop_at(row, 0, "members")?,
        id: MemberId::from_short(row.text(1)?).ok_or_else(bad)?,
        state: MemberState::from_name(row.text(2)?).ok_or_else(bad)?,
        name: row.blob(3)?.to_vec(),
        email: row.blob(4)?.to_vec(),
        email_index: row.text(5)?.to_owned(),
        roles: roles.collect::<Result<_, _>>()?,
        lang: Lang::from_tag(row.text(7)?).ok_or_else(bad)?,
        password,
        created: row.time(9)?,
        last_login: row.opt_time(10)?,
        custom: custom.collect::<Result<_, _>>()?,
        password_set: row.opt_time(12)?,
        password_due: row.opt_time(13)?,
        emergency: row
            .opt_text(14)?
            .map(|short| EmergencyId::from_short(short).ok_or_else(bad))
            .transpose()?,
    })
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|part| !part.is_empty())
}

fn values(row: MemberRow) -> Vec<Value> {
    let roles: Vec<&str> = row.roles.iter().map(|role| role.name()).collect();
    let custom: Vec<&str> = row.custom.iter().map(RoleId::short).collect();
    vec![
        row.shop.short().into(),
        row.id.short().into(),
        row.state.name().into(),
        row.name.into(),
        row.email.into(),
        row.email_index.into(),
        roles.join(",").into(),
        row.lang.code().into(),
        row.password.map(|hash| hash.as_str().to_owned()).into(),
        row.created.into(),
        row.last_login.into(),
        custom.join(",").into(),
        row.password_set.into(),
        row.password_due.into(),
        row.emergency.map(|id| id.short().to_owned()).into(),
    ]
}
