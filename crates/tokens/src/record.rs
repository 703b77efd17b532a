//! Who does something here, and what is entered into the audit log about it: ids, kinds and counts, never a value.

use std::net::IpAddr;

use audit::{Action, Detail, Entry, Leaf, Object, Outcome};
use base::{EntryId, RequestId, ShopId};
use identity::{Actor, Fault, Means};
use store::Tx;

macro_rules! actions {
    ($($name:ident = $text:literal;)*) => {$(pub(crate) const $name: Action = Action::new($text);)*};
}

actions! {
    TOKEN_CREATED = "token.created";
    TOKEN_DELETED = "token.deleted";
    TOKEN_EXPIRED = "token.expired";
    TOKEN_OPENED = "token.opened";
    CUSTOMER_CREATED = "customer.created";
    CUSTOMER_CHANGED = "customer.changed";
    CUSTOMER_ERASED = "customer.erased";
    CUSTOMER_OPENED = "customer.opened";
    TOKEN_MATCHED = "token.matched";
    CUSTOMER_SEARCHED = "customer.searched";
    SEARCH_REFUSED = "search.refused";
    OPENING_REFUSED = "opening.refused";
    OPENING_ALERT = "opening.alert";
    OPENING_LIMITS_CHANGED = "opening.limits_changed";
    PAYOUT_PROPOSED = "payout.proposed";
    PAYOUT_CHANGED = "payout.changed";
    PAYOUT_IN_FORCE = "payout.in_force";
    PAYOUT_WITHDRAWN = "payout.withdrawn";
    EXPORT_FETCHED = "export.fetched";
    EXPORT_PROPOSED = "export.proposed";
    EXPORT_TAKEN = "export.taken";
}

/// Who does something, and from where.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// The network address.
    pub address: Option<IpAddr>,
    /// The request, to find it in the log.
    pub request: Option<RequestId>,
}

impl<'a> By<'a> {
    /// Somebody at the command line or in a job.
    pub fn local(actor: &'a Actor) -> By<'a> {
        By { actor, address: None, request: None }
    }

    /// Whether it is done at the machine itself, by command or by a job.
    pub fn is_local(&self) -> bool {
        matches!(self.actor, Actor::Operator | Actor::System)
    }

    /// Whether a person reads, and not a machine.
    pub fn is_person(&self) -> bool {
        matches!(self.actor, Actor::Member(_) | Actor::Operator)
    }
}

/// One event.
pub(crate) struct Event {
    pub(crate) action: Action,
    pub(crate) object: Object,
    pub(crate) outcome: Outcome,
    pub(crate) details: Vec<(&'static str, Detail)>,
}

impl Event {
    pub(crate) fn new(action: Action, object: impl Into<Object>) -> Event {
        Event { action, object: object.into(), outcome: Outcome::Success, details: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Detail>) -> Event {
        self.details.push((name, value.into()));
        self
    }

    pub(crate) fn refused(self) -> Event {
        Event { outcome: Outcome::Refused, ..self }
    }
}

/// Appends the event to the audit log, in the transaction of what it tells of.
pub(crate) fn note(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    event: Event,
) -> Result<Leaf, Fault> {
    let id = EntryId::new(shop, means.now, means.dice);
    let entry = Entry::new(id, means.now, by.actor, event.action, event.object, event.outcome)
        .address(by.address)
        .request(by.request);
    let entry = event.details.into_iter().fold(entry, |entry, (name, value)| entry.detail(name, value));
    Ok(audit::append(tx, &entry)?)
}

/// Lets an operation's error take in every fault, since each has a variant `Fault(Fault)`.
macro_rules! takes_faults {
    ($($error:ty),*) => {$(
        impl From<identity::Fault> for $error {
            fn from(fault: identity::Fault) -> $error { <$error>::Fault(fault) }
        }
        impl From<::store::Error> for $error {
            fn from(error: ::store::Error) -> $error { <$error>::Fault(error.into()) }
        }
        impl From<vault::VaultError> for $error {
            fn from(error: vault::VaultError) -> $error { <$error>::Fault(error.into()) }
        }
        impl From<vault::SealError> for $error {
            fn from(error: vault::SealError) -> $error { <$error>::Fault(error.into()) }
        }
        impl From<vault::OpenError> for $error {
            fn from(error: vault::OpenError) -> $error { <$error>::Fault(error.into()) }
        }
    )*};
}
pub(crate) use takes_faults;
