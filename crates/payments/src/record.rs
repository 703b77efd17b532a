//! What payments enter into the audit log.

use audit::{Action, Actor, Entry, Leaf, Object, Outcome};
use base::{EntryId, ScopedId};
use identity::Means;
use store::Tx;

use crate::code::StaticCode;
use crate::labels::{LabelSource, Word, word_name};
use crate::payment::{Payment, State};
use crate::rules::RuleChange;
use crate::screening::Origination;
use crate::shop::Terminal;
use crate::text::ShortText;

const CONFIRM: Action = Action::new("payment.confirm");
const ANSWER: Action = Action::new("payment.answer");
const REVIEW: Action = Action::new("payment.review");
const REFUND: Action = Action::new("payment.refund");
const CANCEL: Action = Action::new("payment.cancel");
const REFUND_LIMIT: Action = Action::new("shop.refund_limit");
const FRAUD: Action = Action::new("payment.fraud");
const LABEL: Action = Action::new("payment.label");
const RULE: Action = Action::new("shop.rule");
const PLACE: Action = Action::new("shop.place");
const NEW_TERMINAL: Action = Action::new("terminal.create");
const NEW_CODE: Action = Action::new("code.create");
const REVOKED_CODE: Action = Action::new("code.revoke");
const TOP_UP: Action = Action::new("balance.top_up");

/// What was done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    Confirm,
    Answer,
    Review,
    Refund(base::Money, Option<base::ApprovalId>),
    Cancel,
    Fraud(LabelSource),
}

impl Deed {
    fn action(self) -> Action {
        match self {
            Deed::Confirm => CONFIRM,
            Deed::Answer => ANSWER,
            Deed::Review => REVIEW,
            Deed::Refund(..) => REFUND,
            Deed::Cancel => CANCEL,
            Deed::Fraud(_) => FRAUD,
        }
    }
}

/// Enters a deed on a payment as it now stands; the caller then stores the payment with the entry's id.
pub(crate) fn note(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    deed: Deed,
    payment: &Payment,
    from: &Origination,
) -> Result<Leaf, store::Error> {
    let id = EntryId::new(payment.id.shop(), means.now, means.dice);
    let outcome = if payment.stored_state == State::Declined { Outcome::Refused } else { Outcome::Success };
    let object = Object::from(payment.id);
    let mut entry = Entry::new(id, means.now, actor.clone(), deed.action(), object, outcome)
        .address(from.address)
        .device(payment.device)
        .detail("amount", payment.amount)
        .detail("state", payment.stored_state.name());
    if let Some(decline) = payment.decline {
        entry = entry.detail("decline", decline.name());
    }
    if let Deed::Fraud(source) = deed {
        entry = entry.detail("said_by", source.name());
    }
    if let Deed::Refund(amount, approval) = deed {
        entry = entry.detail("refund", amount);
        if let Some(approval) = approval {
            entry = entry.detail("approval", approval);
        }
    }
    if let Some(confirmation) = payment.confirmation.as_deref().filter(|_| matches!(deed, Deed::Confirm)) {
        entry = entry.detail("confirmation", audit::Text::hex(confirmation));
    }
    audit::append(tx, &entry)
}

/// Enters what a member says a payment was, or that they take it back, and why.
pub(crate) fn note_label(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    from: &Origination,
    payment: &Payment,
    (word, note): (Option<Word>, &ShortText),
) -> Result<(), store::Error> {
    let entry = done(means, actor, LABEL, (payment.id.shop(), payment.id.into()))
        .address(from.address)
        .detail("label", word.map_or("none", word_name))
        .detail("why", audit::Text::masked(note.as_str()));
    audit::append(tx, &entry)?;
    Ok(())
}

/// Enters another limit of what one person gives back.
pub(crate) fn note_limit(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    shop: base::ShopId,
    (from, to): (base::Money, base::Money),
) -> Result<(), store::Error> {
    let entry = done(means, actor, REFUND_LIMIT, (shop, shop.into()));
    audit::append(tx, &entry.detail("from", from).detail("to", to))?;
    Ok(())
}

/// Enters what a shop made of a rule of screening, and why.
pub(crate) fn note_rule(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    shop: base::ShopId,
    change: &RuleChange<'_>,
) -> Result<(), store::Error> {
    let entry = done(means, actor, RULE, (shop, shop.into()))
        .detail("rule", audit::Text::masked(change.rule))
        .detail("from", change.from.name())
        .detail("to", change.to.name())
        .detail("why", audit::Text::masked(change.note.as_str()));
    audit::append(tx, &entry)?;
    Ok(())
}

/// Enters where a shop or a terminal is, as degrees; `unknown` where it said no more.
pub(crate) fn note_place(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    of: (base::ShopId, Object),
    place: Option<risk::Place>,
) -> Result<(), store::Error> {
    let entry = done(means, actor, PLACE, of);
    let entry = match place.map(risk::Place::centi) {
        Some((north, east)) => {
            entry.detail("north_hundredths", i64::from(north)).detail("east_hundredths", i64::from(east))
        }
        None => entry.detail("place", "unknown"),
    };
    audit::append(tx, &entry)?;
    Ok(())
}

/// Enters a new terminal.
pub(crate) fn note_terminal(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    terminal: &Terminal,
) -> Result<(), store::Error> {
    audit::append(tx, &done(means, actor, NEW_TERMINAL, (terminal.id.shop(), terminal.id.into())))?;
    Ok(())
}

/// Enters that a printed code was made, or taken back.
pub(crate) fn note_code(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    code: &StaticCode,
) -> Result<(), store::Error> {
    let action = if code.revoked_at.is_some() { REVOKED_CODE } else { NEW_CODE };
    let entry = done(means, actor, action, (code.id.shop(), code.id.into()));
    let entry = match code.terminal {
        Some(terminal) => entry.detail("terminal", terminal),
        None => entry,
    };
    audit::append(tx, &entry)?;
    Ok(())
}

/// Enters a top-up.
pub(crate) fn note_top_up(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    buyer: base::BuyerId,
    amount: base::Money,
) -> Result<Leaf, store::Error> {
    let entry = done(means, actor, TOP_UP, (buyer.shop(), buyer.into()));
    audit::append(tx, &entry.detail("amount", amount))
}

/// That somebody did something to a thing of a shop.
fn done(means: &Means<'_>, actor: &Actor, action: Action, (shop, object): (base::ShopId, Object)) -> Entry {
    let id = EntryId::new(shop, means.now, means.dice);
    Entry::new(id, means.now, actor.clone(), action, object, Outcome::Success)
}
