//! Cases: what a person said was not them, for somebody to look into (C16).
//!
//! Promises:
//! - a case is opened in the transaction that freezes the account, so there is none without the other;
//! - saying the same again opens no second one while the first is open, nor once a payment is known to be fraud;
//! - a shop sees cases about its own payments and members; cases about buyers' accounts are the house's, since a buyer pays
//!   at many shops;
//! - one person works a case at a time, and nobody closes what a colleague works without taking it over; a closed one says
//!   how it ended and why;
//! - nobody works a case about their own account;
//! - opening, taking and closing are in the audit log.
//!
//! [`open_payment_case`] and `open_account_case` are called by what freezes; the pages and the interface are the program's
//! (`app/src/cases.rs`), since a closed case also says what its payment was.

use base::{BuyerId, CaseId, MemberId, PaymentId, ScopedId, ShopId, Timestamp};
use store::Tx;

use crate::context::{Fault, Means, takes_faults};
use crate::grants::list_holders;
use crate::limits::CASE_NOTE_CHARS_MAX;
use crate::notices::{Notice, queue_notice};
use crate::permissions::{Actor, Denied, Permission};
use crate::person::Person;
use crate::record::{self, Event};
use crate::store::cases as rows;
use crate::text::clean;

pub use crate::store::cases::{CaseOutcome, CaseState, Cause};

/// A case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The case.
    pub id: CaseId,
    /// What was said not to be them.
    pub cause: Cause,
    /// What is looked into: the id of a payment, or of the account.
    pub subject: String,
    /// Whose account it is: the id of a buyer or member.
    pub person: String,
    /// How far it is.
    pub state: CaseState,
    /// Who works it, or closed it.
    pub worker: Option<MemberId>,
    /// Since when it is open.
    pub opened: Timestamp,
    /// When it was closed.
    pub closed: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<CaseOutcome>,
    /// Why, in the words of who closed it.
    pub note: Option<String>,
}

impl Case {
    /// The payment it is about.
    pub fn payment(&self) -> Option<PaymentId> {
        self.subject.parse().ok()
    }

    /// The buyer whose account it is.
    pub fn buyer(&self) -> Option<BuyerId> {
        self.person.parse().ok()
    }

    /// Whether saying the same again opens another one.
    fn is_done_with(&self) -> bool {
        let is_known = self.payment().is_some() && self.outcome == Some(CaseOutcome::Fraud);
        self.state == CaseState::Closed && !is_known
    }
}

/// Which cases are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Those that nobody closed.
    Open,
    /// Those that are closed.
    Closed,
}

/// Why a case was closed, in words: one line. A card number in it is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseNote(String);

impl CaseNote {
    /// Reads a note.
    ///
    /// # Errors
    /// [`CaseError::Note`].
    pub fn parse(text: &str) -> Result<CaseNote, CaseError> {
        let text = clean(text, CASE_NOTE_CHARS_MAX).map_err(|_| CaseError::Note)?;
        Ok(CaseNote(audit::Text::masked(&text).as_str().to_owned()))
    }

    /// The note.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a case was not shown, taken or closed. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller is no member.
    #[error("only a member can work a case")]
    NotMember,
    /// No such case.
    #[error("case does not exist")]
    NotFound,
    /// It is about the caller's own account.
    #[error("somebody else must work a case about your account")]
    OwnCase,
    /// It is closed.
    #[error("the case is closed")]
    Closed,
    /// A colleague works it.
    #[error("a colleague works this case; take it over before you close it")]
    NotTaken,
    /// The note is empty, too long, or more than a line.
    #[error("must say why, in 1 to {CASE_NOTE_CHARS_MAX} characters on one line")]
    Note,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(CaseError);

/// Opens a case at the payment's shop: its payer says that it was not them. Whoever decides reviews there is told.
///
/// # Errors
/// [`Fault`] alone.
pub fn open_payment_case(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    payment: PaymentId,
) -> Result<CaseId, Fault> {
    let person = Person::Buyer(buyer);
    let (case, is_new) = open(tx, means, (payment.shop(), payment.to_string()), (Cause::Payment, person))?;
    if is_new {
        tell_holders(tx, means, case, Permission::Review)?;
    }
    Ok(case)
}

/// Opens a case about an account that its owner froze: a buyer's at the house, a member's at their shop. Operators are told
/// of a buyer's; who tells of a member's is the caller.
///
/// # Errors
/// [`Fault`] alone.
pub(crate) fn open_account_case(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    cause: Cause,
) -> Result<CaseId, Fault> {
    let (case, is_new) = open(tx, means, (person.shop(), name_of(person)), (cause, person))?;
    if is_new && matches!(person, Person::Buyer(_)) {
        tell_holders(tx, means, case, Permission::Operate)?;
    }
    Ok(case)
}

fn name_of(person: Person) -> String {
    match person {
        Person::Buyer(id) => id.to_string(),
        Person::Member(id) => id.to_string(),
    }
}

/// The case about `subject`, and whether it is new.
fn open(
    tx: &mut Tx,
    means: &Means<'_>,
    (shop, subject): (ShopId, String),
    (cause, person): (Cause, Person),
) -> Result<(CaseId, bool), Fault> {
    let known = rows::find_case_about(tx, shop, &subject)?;
    if let Some(known) = known.filter(|known| !known.is_done_with()) {
        return Ok((known.id, false));
    }
    let case = Case {
        id: CaseId::new(shop, means.now, means.dice),
        cause,
        subject,
        person: name_of(person),
        state: CaseState::Open,
        worker: None,
        opened: means.now,
        closed: None,
        outcome: None,
        note: None,
    };
    rows::insert_case(tx, &case)?;
    let event = Event::new(shop, person, record::CASE_OPENED, case.id)
        .with("cause", cause.name())
        .with("subject", audit::Text::masked(&case.subject));
    record::note(tx, means, event)?;
    Ok((case.id, true))
}

fn tell_holders(tx: &mut Tx, means: &Means<'_>, case: CaseId, permission: Permission) -> Result<(), Fault> {
    let notice = Notice::CaseOpened { case: case.to_string() };
    for row in list_holders(tx, case.shop(), permission, &Actor::System)? {
        queue_notice(tx, means, Person::Member(row.id), &notice)?;
    }
    Ok(())
}

/// The cases of the caller's shop: at most `limit`.
///
/// # Errors
/// [`CaseError::Denied`].
pub fn list_cases(
    tx: &mut Tx,
    actor: &Actor,
    shop: ShopId,
    (wanted, limit): (Listed, i64),
) -> Result<Vec<Case>, CaseError> {
    actor.allow(Permission::WorkCases, shop)?;
    Ok(rows::list_cases(tx, shop, wanted, limit)?)
}

/// How many cases of a shop nobody has closed.
///
/// # Errors
/// [`Fault`] alone.
pub fn count_open_cases(tx: &mut Tx, shop: ShopId) -> Result<u64, Fault> {
    Ok(rows::count_open_cases(tx, shop)?.unsigned_abs())
}

/// A case, and who took it when.
///
/// # Errors
/// [`CaseError::Denied`], [`CaseError::NotFound`].
pub fn find_case(
    tx: &mut Tx,
    actor: &Actor,
    id: CaseId,
) -> Result<(Case, Vec<(Timestamp, MemberId)>), CaseError> {
    actor.allow(Permission::WorkCases, id.shop())?;
    let case = rows::find_case(tx, id)?.ok_or(CaseError::NotFound)?;
    Ok((case, rows::list_hands(tx, id)?))
}

/// Takes a case that is open, or that a colleague works, to work it oneself.
///
/// # Errors
/// [`CaseError`] but for the note.
pub fn take_case(tx: &mut Tx, means: &Means<'_>, actor: &Actor, id: CaseId) -> Result<Case, CaseError> {
    let (case, me) = find_workable(tx, actor, id)?;
    if case.worker == Some(me) { Ok(case) } else { hand_over(tx, means, actor, (case, me)) }
}

fn hand_over(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    (case, me): (Case, MemberId),
) -> Result<Case, CaseError> {
    let id = case.id;
    let case = Case { state: CaseState::Worked, worker: Some(me), ..case };
    rows::update_case(tx, &case)?;
    rows::put_hand(tx, id, means.now, me)?;
    record::note(tx, means, Event::new(id.shop(), actor, record::CASE_TAKEN, id))?;
    Ok(case)
}

/// Closes a case that the caller works, or that nobody has taken: that takes it.
///
/// # Errors
/// [`CaseError`].
pub fn close_case(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    id: CaseId,
    (outcome, note): (CaseOutcome, &CaseNote),
) -> Result<Case, CaseError> {
    let (case, me) = find_workable(tx, actor, id)?;
    let case = match case.worker {
        Some(worker) if worker != me => return Err(CaseError::NotTaken),
        Some(_) => case,
        None => hand_over(tx, means, actor, (case, me))?,
    };
    let (closed, outcome, note) = (Some(means.now), Some(outcome), Some(note.0.clone()));
    let case = Case { state: CaseState::Closed, closed, outcome, note, ..case };
    rows::update_case(tx, &case)?;
    let event = Event::new(id.shop(), actor, record::CASE_CLOSED, id)
        .with("outcome", outcome.map_or("", CaseOutcome::name))
        .with("subject", audit::Text::masked(&case.subject));
    record::note(tx, means, event)?;
    Ok(case)
}

/// A case that is not closed and is the caller's to work, and who they are.
fn find_workable(tx: &mut Tx, actor: &Actor, id: CaseId) -> Result<(Case, MemberId), CaseError> {
    let (case, _) = find_case(tx, actor, id)?;
    let Actor::Member(session) = actor else { return Err(CaseError::NotMember) };
    if case.person == session.member.to_string() {
        return Err(CaseError::OwnCase);
    }
    if case.state == CaseState::Closed {
        return Err(CaseError::Closed);
    }
    Ok((case, session.member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c16_a_note_of_a_case_is_a_line_of_up_to_its_limit_without_a_card_number() {
        let is_note = |n: usize| CaseNote::parse(&"x".repeat(n)).is_ok();
        let found = [0, 1, CASE_NOTE_CHARS_MAX, CASE_NOTE_CHARS_MAX + 1].map(is_note);
        assert_eq!(found, [false, true, true, false]);
        assert_eq!(CaseNote::parse("two\nlines"), Err(CaseError::Note));
        let kept = CaseNote::parse("card 4111111111111111 was stolen").unwrap();
        assert!(!kept.as_str().contains("4111111111111111"), "{}", kept.as_str());
    }
}
