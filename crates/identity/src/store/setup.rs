//! SQL of one-time links.

use base::{MemberId, ShopId, Timestamp};
use store::{Error, Table, Tx, int, text};

use super::{broken, shop_at};

static LINKS: Table = Table::new(
    "setup_links",
    &[text("token_hash")],
    &[text("shop_id"), text("member_id"), int("created_ms"), int("expires_ms")],
);

/// A link. `invited` is `None` for the first set-up.
pub(crate) struct SetupRow {
    pub(crate) token_hash: String,
    pub(crate) invited: Option<(ShopId, MemberId)>,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
}

pub(crate) fn find_setup(tx: &mut Tx, token_hash: &str) -> Result<Option<SetupRow>, Error> {
    let Some(row) = tx.get(&LINKS, &[token_hash.into()])? else { return Ok(None) };
    let invited = match row.opt_text(2)? {
        None => None,
        Some(member) => {
            let member = MemberId::from_short(member).ok_or_else(|| broken("setup_links"))?;
            Some((shop_at(&row, 1, "setup_links")?, member))
        }
    };
    Ok(Some(SetupRow {
        token_hash: token_hash.to_owned(),
        invited,
        created: row.time(3)?,
        expires: row.time(4)?,
    }))
}

pub(crate) fn insert_setup(tx: &mut Tx, row: SetupRow) -> Result<(), Error> {
    let (shop, member) = row.invited.unzip();
    let values = vec![
        row.token_hash.into(),
        shop.map(|shop| shop.short().to_owned()).into(),
        member.map(|member| member.short().to_owned()).into(),
        row.created.into(),
        row.expires.into(),
    ];
    tx.insert(&LINKS, values)
}

pub(crate) fn delete_setup(tx: &mut Tx, token_hash: &str) -> Result<(), Error> {
    tx.delete(&LINKS, &[token_hash.into()])
}

pub(crate) fn delete_first_setups(tx: &mut Tx) -> Result<(), Error> {
    tx.execute("DELETE FROM setup_links WHERE member_id IS NULL", &[]).map(|_| ())
}

pub(crate) fn delete_links_of(tx: &mut Tx, member: MemberId) -> Result<(), Error> {
    tx.execute("DELETE FROM setup_links WHERE member_id = ?1", &[member.short().into()]).map(|_| ())
}
