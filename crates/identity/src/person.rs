//! A person with an account here: a buyer, or a member of a shop. What both have alike takes a [`Person`]: second
//! factors, notices, ways to be reached.

use base::{BuyerId, MemberId, ScopedId, Secret, ShopId};
use store::Tx;
use vault::Vault;
use webkit::page::Lang;

use crate::context::Fault;
use crate::permissions::Actor;
use crate::phone::Phone;
use crate::store::buyers;
use crate::store::members;

/// Somebody with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// Somebody who pays.
    Buyer(BuyerId),
    /// Somebody who works in a shop, or for the house.
    Member(MemberId),
}

impl Person {
    /// The buyer or member who calls; `None` for machines and nobody, and for an app that calls for a member, which is not let
    /// at what is that member's own ([`Actor::person`] says who acts).
    pub fn of(actor: &Actor) -> Option<Person> {
        match actor {
            Actor::Buyer(session) => Some(Person::Buyer(session.buyer)),
            Actor::Member(session) => Some(Person::Member(session.member)),
            _ => None,
        }
    }

    /// The shop of the person's rows and data key; the house for buyers.
    pub fn shop(&self) -> ShopId {
        match self {
            Person::Buyer(_) => ShopId::HOUSE,
            Person::Member(id) => id.shop(),
        }
    }

    /// The person in a key column, and the owner of the data key.
    pub fn short(&self) -> &str {
        match self {
            Person::Buyer(id) => id.short(),
            Person::Member(id) => id.short(),
        }
    }
}

impl From<Person> for audit::Actor {
    fn from(person: Person) -> audit::Actor {
        match person {
            Person::Buyer(id) => id.into(),
            Person::Member(id) => id.into(),
        }
    }
}

impl From<Person> for audit::Object {
    fn from(person: Person) -> audit::Object {
        match person {
            Person::Buyer(id) => id.into(),
            Person::Member(id) => id.into(),
        }
    }
}

/// The person whose data key is that of `short` in `shop`; `None` where there is no such account, or not yet.
pub(crate) fn find_person(tx: &mut Tx, shop: ShopId, short: &str) -> Result<Option<Person>, Fault> {
    if let Some(id) = MemberId::from_short(short)
        && members::find_member(tx, shop, id)?.is_some()
    {
        return Ok(Some(Person::Member(id)));
    }
    match BuyerId::from_short(short).filter(|_| shop == ShopId::HOUSE) {
        Some(id) => Ok(buyers::find_buyer(tx, id)?.map(|_| Person::Buyer(id))),
        None => Ok(None),
    }
}

/// How to write to a person.
pub(crate) struct Reach {
    /// The language of the account.
    pub(crate) lang: Lang,
    /// The contact of the account: an address or a number.
    pub(crate) contact: Secret<String>,
}

/// Whether a number is the contact of the person's own account.
pub(crate) fn is_contact(tx: &mut Tx, vault: &Vault, person: Person, number: &Phone) -> Result<bool, Fault> {
    let reach = find_reach(tx, vault, person)?;
    Ok(reach.is_some_and(|reach| reach.contact == *number.secret()))
}

/// How to reach a person; `None` when nobody is left to be reached.
pub(crate) fn find_reach(tx: &mut Tx, vault: &Vault, person: Person) -> Result<Option<Reach>, Fault> {
    match person {
        Person::Buyer(id) => {
            let Some(row) = buyers::find_buyer(tx, id)? else { return Ok(None) };
            let lang = row.lang;
            match crate::buyers::find_buyer_person(tx, vault, id) {
                Ok(found) => Ok(Some(Reach { lang, contact: found.contact })),
                Err(crate::buyers::BuyerError::Fault(fault)) => Err(fault),
                Err(_) => Ok(None),
            }
        }
        Person::Member(id) => {
            let Some(row) = members::find_member(tx, id.shop(), id)? else { return Ok(None) };
            let found = crate::members::open_person(tx, vault, &row)?;
            Ok(Some(Reach { lang: row.lang, contact: found.email }))
        }
    }
}
