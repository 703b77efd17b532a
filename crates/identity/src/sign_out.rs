//! Signing others out: one person, a whole shop, everybody (ASVS 7.4.5). The log says who did it, and of each session that
//! it ended.

use base::{MemberId, SessionId, ShopId};
use store::Tx;

use crate::context::{Fault, Means};
use crate::limits::SIGN_OUT_ROWS_MAX;
use crate::permissions::Actor;
use crate::person::Person;
use crate::record::{self, Event};
use crate::sessions::close;
use crate::store::members;
use crate::store::sessions::{self as rows, SessionKind, SessionRow};

/// Ends every session of a person at somebody else's word. Returns how many there were.
///
/// # Errors
/// [`Fault`] alone.
pub fn sign_person_out(tx: &mut Tx, means: &Means<'_>, by: &Actor, person: Person) -> Result<usize, Fault> {
    let found = rows::list_sessions(tx, kind_of(person), person.short())?;
    end(tx, means, &found)?;
    let event = match person {
        Person::Buyer(id) => Event::new(ShopId::HOUSE, by, record::BUYER_SIGNED_OUT, id),
        Person::Member(id) => Event::new(person.shop(), by, record::MEMBER_SIGNED_OUT, id),
    };
    record::note(tx, means, event.with("sessions", count(&found)))?;
    Ok(found.len())
}

/// Ends every session of a shop's members but the one that asks. Returns how many there were.
///
/// # Errors
/// [`Fault`] alone.
pub fn sign_shop_out(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &Actor,
    shop: ShopId,
    keep: SessionId,
) -> Result<usize, Fault> {
    let mut found = Vec::new();
    for member in members::list_members(tx, shop)? {
        found.extend(rows::list_sessions(tx, SessionKind::Member, MemberId::short(&member.id))?);
    }
    found.retain(|session| session.id != keep);
    end(tx, means, &found)?;
    let event = Event::new(shop, by, record::SHOP_SIGNED_OUT, shop);
    record::note(tx, means, event.with("sessions", count(&found)))?;
    Ok(found.len())
}

/// Whose sessions are ended, of all shops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Everybody {
    /// Every member and operator.
    Members,
    /// Every buyer.
    Buyers,
}

/// Ends sessions of everybody, at most [`SIGN_OUT_ROWS_MAX`] at once; call it until it returns 0.
///
/// # Errors
/// [`Fault`] alone.
pub fn sign_everybody_out(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &Actor,
    whom: Everybody,
) -> Result<usize, Fault> {
    let (kind, name) = match whom {
        Everybody::Members => (SessionKind::Member, "members"),
        Everybody::Buyers => (SessionKind::Buyer, "buyers"),
    };
    let found = rows::list_any_sessions(tx, kind, SIGN_OUT_ROWS_MAX)?;
    if !found.is_empty() {
        end(tx, means, &found)?;
        let event = Event::new(ShopId::HOUSE, by, record::EVERYBODY_SIGNED_OUT, audit::Object::word(name));
        record::note(tx, means, event.with("sessions", count(&found)))?;
    }
    Ok(found.len())
}

fn kind_of(person: Person) -> SessionKind {
    match person {
        Person::Buyer(_) => SessionKind::Buyer,
        Person::Member(_) => SessionKind::Member,
    }
}

fn end(tx: &mut Tx, means: &Means<'_>, found: &[SessionRow]) -> Result<(), Fault> {
    for row in found {
        close(tx, means, row)?;
    }
    Ok(())
}

fn count(found: &[SessionRow]) -> i64 {
    i64::try_from(found.len()).unwrap_or(i64::MAX)
}
