//! SQL of sealed values by owner, for the rotation of data keys: listed in the order of their rows, and stored again.

use base::{ApiKeyId, ApprovalId, BuyerId, FactorId, MemberId, SessionId, ShopId};
use store::{Error, Tx, Value};
use vault::SealedValue;

use super::{api_keys, approvals, broken, buyers, codes, factors, members, outbox};

/// What was sealed anew, and where it belongs.
pub(crate) struct Anew<'a> {
    pub(crate) shop: ShopId,
    pub(crate) owner: &'a str,
    pub(crate) row: &'a str,
    pub(crate) sealed: Vec<u8>,
}

/// Which part of a person's row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The name; of a message its text.
    Name,
    /// Where to reach them.
    Contact,
}

fn list(tx: &mut Tx<'_>, sql: &str, params: &[Value]) -> Result<Vec<SealedValue>, Error> {
    let rows = tx.query(sql, params)?;
    rows.iter()
        .map(|row| Ok(SealedValue { row: row.text(0)?.to_owned(), sealed: row.blob(1)?.to_vec() }))
        .collect()
}

pub(crate) fn list_buyer_parts(
    tx: &mut Tx<'_>,
    part: Part,
    owner: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, Error> {
    let sql = match part {
        Part::Name => "SELECT id, name FROM buyers WHERE id = ?1 AND id > ?2 AND name IS NOT NULL LIMIT ?3",
        Part::Contact => {
            "SELECT id, contact FROM buyers WHERE id = ?1 AND id > ?2 AND contact IS NOT NULL LIMIT ?3"
        }
    };
    list(tx, sql, &[owner.into(), after.into(), limit.into()])
}

pub(crate) fn update_buyer_part(tx: &mut Tx<'_>, part: Part, anew: Anew<'_>) -> Result<(), Error> {
    let id = BuyerId::from_short(anew.row).ok_or_else(|| broken("buyers"))?;
    let Some(row) = buyers::find_buyer(tx, id)? else { return Ok(()) };
    let sealed = Some(anew.sealed);
    let row = match part {
        Part::Name => buyers::BuyerRow { name: sealed, ..row },
        Part::Contact => buyers::BuyerRow { contact: sealed, ..row },
    };
    buyers::update_buyer(tx, row)
}

/// Sign-ups that wait for their code. They are sealed for the rows they will become.
pub(crate) fn list_waiting_parts(
    tx: &mut Tx<'_>,
    part: Part,
    owner: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, Error> {
    let sql = match part {
        Part::Name => {
            "SELECT buyer_id, new_name FROM one_time_codes
             WHERE buyer_id = ?1 AND buyer_id > ?2 AND new_name IS NOT NULL LIMIT ?3"
        }
        Part::Contact => {
            "SELECT buyer_id, new_contact FROM one_time_codes
             WHERE buyer_id = ?1 AND buyer_id > ?2 AND new_contact IS NOT NULL LIMIT ?3"
        }
    };
    list(tx, sql, &[owner.into(), after.into(), limit.into()])
}

pub(crate) fn update_waiting_part(tx: &mut Tx<'_>, part: Part, anew: Anew<'_>) -> Result<(), Error> {
    let sql = "SELECT id FROM one_time_codes WHERE buyer_id = ?1 AND new_name IS NOT NULL";
    for found in tx.query(sql, &[anew.row.into()])? {
        let id = SessionId::from_short(found.text(0)?).ok_or_else(|| broken("one_time_codes"))?;
        let Some(row) = codes::find_code(tx, id)? else { continue };
        let Some(mut pending) = row.pending.clone() else { continue };
        match part {
            Part::Name => pending.name.clone_from(&anew.sealed),
            Part::Contact => pending.contact.clone_from(&anew.sealed),
        }
        codes::update_code(tx, codes::CodeRow { pending: Some(pending), ..row })?;
    }
    Ok(())
}

pub(crate) fn list_member_parts(
    tx: &mut Tx<'_>,
    part: Part,
    (shop, owner): (ShopId, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, Error> {
    let sql = match part {
        Part::Name => "SELECT id, name FROM members WHERE shop_id = ?1 AND id = ?2 AND id > ?3 LIMIT ?4",
        Part::Contact => "SELECT id, email FROM members WHERE shop_id = ?1 AND id = ?2 AND id > ?3 LIMIT ?4",
    };
    list(tx, sql, &[shop.short().into(), owner.into(), after.into(), limit.into()])
}

pub(crate) fn update_member_part(tx: &mut Tx<'_>, part: Part, anew: Anew<'_>) -> Result<(), Error> {
    let id = MemberId::from_short(anew.row).ok_or_else(|| broken("members"))?;
    let Some(row) = members::find_member(tx, anew.shop, id)? else { return Ok(()) };
    let row = match part {
        Part::Name => members::MemberRow { name: anew.sealed, ..row },
        Part::Contact => members::MemberRow { email: anew.sealed, ..row },
    };
    members::update_member(tx, row)
}

pub(crate) fn list_api_secrets(
    tx: &mut Tx<'_>,
    shop: ShopId,
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, Error> {
    let sql = "SELECT id, secret FROM api_keys WHERE shop_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    list(tx, sql, &[shop.short().into(), after.into(), limit.into()])
}

pub(crate) fn update_api_secret(tx: &mut Tx<'_>, anew: Anew<'_>) -> Result<(), Error> {
    let id = ApiKeyId::from_short(anew.row).ok_or_else(|| broken("api_keys"))?;
    let Some(row) = api_keys::find_key(tx, id)? else { return Ok(()) };
    api_keys::update_key(tx, api_keys::KeyRow { secret: anew.sealed, ..row })
}

pub(crate) fn list_mail_parts(
    tx: &mut Tx<'_>,
    part: Part,
    (shop, owner): (ShopId, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, Error> {
    let sql = match part {
        Part::Name => {
            "SELECT id, body FROM outbox_mail
             WHERE shop_id = ?1 AND owner = ?2 AND id > ?3 AND body IS NOT NULL ORDER BY id LIMIT ?4"
        }
        Part::Contact => {
            "SELECT id, recipient FROM outbox_mail
             WHERE shop_id = ?1 AND owner = ?2 AND id > ?3 AND recipient IS NOT NULL ORDER BY id LIMIT ?4"
        }
    };
    list(tx, sql, &[shop.short().into(), owner.into(), after.into(), limit.into()])
}

pub(crate) fn update_mail_part(tx: &mut Tx<'_>, part: Part, anew: Anew<'_>) -> Result<(), Error> {
    let Some(row) = outbox::find_mail(tx, anew.shop, anew.row)? else { return Ok(()) };
    let sealed = Some(anew.sealed);
    let row = match part {
        Part::Name => outbox::MailRow { body: sealed, ..row },
        Part::Contact => outbox::MailRow { recipient: sealed, ..row },
    };
    outbox::update_mail(tx, row)
}

pub(crate) fn list_factor_secrets(
    tx: &mut Tx<'_>,
    (shop, owner): (ShopId, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, Error> {
    let sql = "SELECT id, secret FROM factors
               WHERE shop_id = ?1 AND subject = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
    list(tx, sql, &[shop.short().into(), owner.into(), after.into(), limit.into()])
}

pub(crate) fn update_factor_secret(tx: &mut Tx<'_>, anew: Anew<'_>) -> Result<(), Error> {
    let id = FactorId::from_short(anew.row).ok_or_else(|| broken("factors"))?;
    let Some(row) = factors::find_factor(tx, anew.shop, anew.owner, id)? else { return Ok(()) };
    factors::update_factor(tx, factors::FactorRow { secret: anew.sealed, ..row })
}

pub(crate) fn list_invited(
    tx: &mut Tx<'_>,
    (shop, owner): (ShopId, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, Error> {
    let sql = "SELECT id, invited FROM approvals
               WHERE shop_id = ?1 AND id = ?2 AND id > ?3 AND invited IS NOT NULL LIMIT ?4";
    list(tx, sql, &[shop.short().into(), owner.into(), after.into(), limit.into()])
}

pub(crate) fn update_invited(tx: &mut Tx<'_>, anew: Anew<'_>) -> Result<(), Error> {
    let id = ApprovalId::from_short(anew.row).ok_or_else(|| broken("approvals"))?;
    let Some(row) = approvals::find_approval(tx, id)? else { return Ok(()) };
    approvals::update_approval(tx, &crate::approvals::Approval { invited: Some(anew.sealed), ..row })
}
