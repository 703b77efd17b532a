//! What needs two people: one proposes, another one approves, then it is done once (AZ-6, C13).
//!
//! Promises:
//! - nobody decides what they proposed, whether by themselves or through an app; a check of the table holds it as well;
//! - an approval is for one action on one subject, serves once, and runs out;
//! - who approves could do the thing alone, and gave a second factor lately;
//! - proposal, decision and use are in the audit log.
//!
//! How to use it: where an operation needs a second person, call [`ask`] with what exactly is to be done. [`Asked::Go`]
//! means do it now, in this transaction; [`Asked::Wait`] means commit and answer 202 with the approval's id. What
//! [`ApprovalAction::is_done_by_approval`] is done by the second person's yes itself, in one transaction with it; for
//! anything else the proposer sends the same request again.

use base::{ApprovalId, ScopedId, Secret, ShopId, Timestamp};
use store::Tx;
use vault::Vault;
use webkit::page::Lang;

use crate::context::{Fault, Means, takes_faults};
use crate::grants;
use crate::limits::{APPROVAL_USE_SECONDS, APPROVAL_WAIT_SECONDS, APPROVALS_OPEN_MAX, STEP_UP_SECONDS};
use crate::notices::{self, Notice};
use crate::permissions::{Actor, Denied, Permission};
use crate::person::Person;
use crate::proposed::seal_invited;
use crate::record::{self, Event};
use crate::store::approvals as rows;
use crate::store::members::MemberRow;

pub use crate::store::approvals::ApprovalState;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $permission:ident, $en:literal, $zh:literal;)*) => {
        /// What a second person is asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ApprovalAction { $($(#[$doc])* $name),* }

        impl ApprovalAction {
            /// Every action.
            pub const ALL: &'static [ApprovalAction] = &[$(ApprovalAction::$name),*];

            /// Its name in the API and the database.
            pub fn name(self) -> &'static str {
                match self { $(ApprovalAction::$name => $text),* }
            }

            pub(crate) fn from_name(name: &str) -> Option<ApprovalAction> {
                match name { $($text => Some(ApprovalAction::$name),)* _ => None }
            }

            /// What whoever approves must be allowed to.
            pub fn permission(self) -> Permission {
                match self { $(ApprovalAction::$name => Permission::$permission),* }
            }

            /// Whether the yes of a second person does it, in the same transaction. Where it is not so, the proposer
            /// sends the request again.
            pub fn is_done_by_approval(self) -> bool {
                match self {
                    ApprovalAction::Refund
                    | ApprovalAction::ChangeLimit
                    | ApprovalAction::KeyCeremony
                    | ApprovalAction::ChangePayout => true,
                    ApprovalAction::GrantRoles
                    | ApprovalAction::ChangeRole
                    | ApprovalAction::ExportCustomers
                    | ApprovalAction::ResetFactors => false,
                }
            }

            /// What it is, in a few words.
            pub fn words(self, lang: Lang) -> &'static str {
                match lang {
                    Lang::En => match self { $(ApprovalAction::$name => $en),* },
                    Lang::Zh => match self { $(ApprovalAction::$name => $zh),* },
                }
            }
        }
    };
}

actions! {
    /// Giving somebody the powers of an owner, of finance, of security or of an operator.
    GrantRoles = "grant_roles", ManageSecurity, "give a member more power", "提升成员权限";
    /// Giving those powers to a role that members have.
    ChangeRole = "change_role", ManageRoles, "give a role more power", "提升自定义角色权限";
    /// Giving back more than the shop lets one person give back.
    Refund = "refund", Refund, "a refund over the shop's limit", "超出店铺限额的退款";
    /// Raising how much one person may give back, or how much of customers' data may be opened.
    ChangeLimit = "change_limit", ManageShop, "a higher limit", "提高限额";
    /// Exporting customers' data.
    ExportCustomers = "export_customers", ExportCustomers, "an export of customers' data", "导出客户数据";
    /// A ceremony of the installation's keys.
    KeyCeremony = "key_ceremony", ManageKeys, "a key ceremony", "密钥操作";
    /// Paying the shop's money out to another account.
    ChangePayout = "change_payout", ManagePayouts, "another payout account", "更换收款账户";
    /// Letting a member who lost every factor set up new ones.
    ResetFactors = "reset_factors", ManageSecurity, "a member's second step is set up anew", "重置成员的第二步验证";
}

/// What somebody wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// In which shop.
    pub shop: ShopId,
    /// What.
    pub action: ApprovalAction,
    /// To what, and with which values: an approval is good for exactly this text. Ids and numbers, nothing personal.
    pub subject: String,
    /// What the second person reads besides the words of the action. Ids and numbers, nothing personal.
    pub summary: String,
    /// The address of somebody who is to be invited; kept sealed, and only until it is decided and done.
    pub invited: Option<Secret<String>>,
}

impl Proposal {
    /// A proposal.
    pub fn new(shop: ShopId, action: ApprovalAction, subject: &str, summary: &str) -> Proposal {
        Proposal { shop, action, subject: subject.to_owned(), summary: summary.to_owned(), invited: None }
    }
}

/// A proposal, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The approval.
    pub id: ApprovalId,
    /// What.
    pub action: ApprovalAction,
    /// To what, and with which values.
    pub subject: String,
    /// What the second person reads.
    pub summary: String,
    /// Who proposed it: the id of a member, also where an app of theirs did.
    pub proposer: String,
    /// Who approved or refused it: an id.
    pub decider: Option<String>,
    /// Where it stands.
    pub state: ApprovalState,
    /// When it was proposed.
    pub created: Timestamp,
    /// When it was decided.
    pub decided: Option<Timestamp>,
    /// When it is good for nothing any more.
    pub expires: Timestamp,
    /// The sealed address of somebody who is to be invited; see [`crate::proposed`].
    pub(crate) invited: Option<Vec<u8>>,
}

/// Whether something may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It may; its approval is used up.
    Go,
    /// It waits for a second person under this id.
    Wait(ApprovalId),
}

/// Why a proposal could not be made, decided or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// Their own proposal, or one about their own second factors.
    #[error("somebody else must decide what you proposed, or about you")]
    OwnProposal,
    /// No such proposal in this shop, or its time ran out.
    #[error("no such proposal, or its time ran out")]
    NotFound,
    /// Decided already.
    #[error("the proposal was decided already")]
    Decided,
    /// Too many wait.
    #[error("a shop has at most {APPROVALS_OPEN_MAX} open proposals; decide some first")]
    TooMany,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(ApprovalError);

impl From<Denied> for ApprovalError {
    fn from(denied: Denied) -> ApprovalError {
        ApprovalError::Denied(denied)
    }
}

/// Uses the approval of exactly this proposal, or proposes it. The caller has checked that the actor may do it at all.
///
/// # Errors
/// [`ApprovalError::TooMany`].
pub fn ask(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    proposal: &Proposal,
) -> Result<Asked, ApprovalError> {
    match take(tx, means, actor, proposal) {
        Ok(_) => Ok(Asked::Go),
        Err(ApprovalError::NotFound) => Ok(Asked::Wait(propose(tx, means, actor, proposal)?)),
        Err(other) => Err(other),
    }
}

/// As [`ask`], where a shop of one person can do without a second one. That nobody else could approve is in the log.
///
/// # Errors
/// Those of [`ask`].
pub fn ask_if_two(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    proposal: &Proposal,
) -> Result<Asked, ApprovalError> {
    let is_machine = matches!(actor, Actor::Operator | Actor::System);
    if is_machine || !has_second(tx, actor, proposal)? {
        let event = Event::new(proposal.shop, actor, record::APPROVAL_USED, audit::Object::word("alone"))
            .with("action", proposal.action.name());
        record::note(tx, means, event)?;
        return Ok(Asked::Go);
    }
    ask(tx, means, actor, proposal)
}

/// Whether somebody else could approve it.
///
/// # Errors
/// [`Fault`] alone.
pub fn has_second(tx: &mut Tx, actor: &Actor, proposal: &Proposal) -> Result<bool, Fault> {
    Ok(!list_approvers(tx, actor, proposal)?.is_empty())
}

/// Proposes something and tells those who can approve it. The same proposal of the same person that still waits is
/// returned instead of a second one.
///
/// # Errors
/// [`ApprovalError::TooMany`].
pub fn propose(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    proposal: &Proposal,
) -> Result<ApprovalId, ApprovalError> {
    let open = rows::list_open(tx, proposal.shop, means.now)?;
    let proposer = actor.accountable();
    let waits = |row: &&Approval| row.state == ApprovalState::Waiting && is_for(row, proposal, &proposer);
    if let Some(row) = open.iter().find(waits) {
        return Ok(row.id);
    }
    if open.len() >= APPROVALS_OPEN_MAX {
        return Err(ApprovalError::TooMany);
    }
    let id = ApprovalId::new(proposal.shop, means.now, means.dice);
    let row = Approval {
        id,
        action: proposal.action,
        subject: proposal.subject.clone(),
        summary: proposal.summary.clone(),
        proposer,
        decider: None,
        state: ApprovalState::Waiting,
        created: means.now,
        decided: None,
        expires: means.now.plus_seconds(APPROVAL_WAIT_SECONDS),
        invited: match &proposal.invited {
            Some(email) => Some(seal_invited(tx, means, id, email)?),
            None => None,
        },
    };
    rows::insert_approval(tx, &row)?;
    note(tx, means, actor, &row, record::APPROVAL_PROPOSED)?;
    for colleague in list_approvers(tx, actor, proposal)? {
        let words = row.action.words(colleague.lang);
        let summary = format!("{words} ({})", row.summary);
        notices::queue_notice(tx, means, Person::Member(colleague.id), &Notice::ApprovalAsked { summary })?;
    }
    Ok(id)
}

/// Uses the approval of exactly this proposal up.
///
/// # Errors
/// [`ApprovalError::NotFound`] when there is none that was approved and still holds.
pub fn take(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    proposal: &Proposal,
) -> Result<Approval, ApprovalError> {
    let proposer = actor.accountable();
    let open = rows::list_open(tx, proposal.shop, means.now)?;
    let fits = |row: &Approval| row.state == ApprovalState::Approved && is_for(row, proposal, &proposer);
    let row = open.into_iter().find(fits).ok_or(ApprovalError::NotFound)?;
    finish(tx, means, actor, row)
}

/// What a second person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Do it.
    Yes,
    /// Leave it.
    No,
}

/// A second person decides.
///
/// # Errors
/// [`ApprovalError`] but [`ApprovalError::TooMany`].
pub fn decide(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    (shop, id): (ShopId, ApprovalId),
    answer: Answer,
) -> Result<Approval, ApprovalError> {
    let row = find_undecided(tx, means, actor, shop, id)?;
    let (state, expires, action) = match answer {
        Answer::Yes => {
            let expires = means.now.plus_seconds(APPROVAL_USE_SECONDS);
            (ApprovalState::Approved, expires, record::APPROVAL_GIVEN)
        }
        Answer::No => (ApprovalState::Refused, row.expires, record::APPROVAL_REFUSED),
    };
    let (decider, decided) = (Some(actor.accountable()), Some(means.now));
    let row = Approval { state, expires, decider, decided, ..row };
    let row = if answer == Answer::No { forget_invited(tx, means, row)? } else { row };
    rows::update_approval(tx, &row)?;
    note(tx, means, actor, &row, action)?;
    Ok(row)
}

/// [`decide`] with [`Answer::Yes`].
///
/// # Errors
/// Those of [`decide`].
pub fn approve(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: ApprovalId,
) -> Result<Approval, ApprovalError> {
    decide(tx, means, actor, (shop, id), Answer::Yes)
}

/// Notes that what was just approved is done. For what [`ApprovalAction::is_done_by_approval`].
///
/// # Errors
/// [`ApprovalError::NotFound`] for one that was not approved or is used up.
pub fn finish(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    row: Approval,
) -> Result<Approval, ApprovalError> {
    if row.state != ApprovalState::Approved || means.now >= row.expires {
        return Err(ApprovalError::NotFound);
    }
    let row = forget_invited(tx, means, Approval { state: ApprovalState::Used, ..row })?;
    rows::update_approval(tx, &row)?;
    note(tx, means, actor, &row, record::APPROVAL_USED)?;
    Ok(row)
}

/// A proposal of a shop, whatever became of it.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_approval(tx: &mut Tx, shop: ShopId, id: ApprovalId) -> Result<Option<Approval>, Fault> {
    if id.shop() == shop { Ok(rows::find_approval(tx, id)?) } else { Ok(None) }
}

/// The proposals of a shop that wait or may still be carried out, newest first: those that the caller could decide, and
/// their own.
///
/// # Errors
/// [`ApprovalError::Denied`].
pub fn list_approvals(
    tx: &mut Tx,
    actor: &Actor,
    shop: ShopId,
    now: Timestamp,
) -> Result<Vec<Approval>, ApprovalError> {
    actor.allow(Permission::ViewShop, shop)?;
    let mut open = rows::list_open(tx, shop, now)?;
    open.retain(|row| row.proposer == actor.accountable() || can_decide(actor, row));
    Ok(open)
}

/// How many proposals wait for the caller's decision; for menus.
///
/// # Errors
/// [`Fault`] alone.
pub fn count_waiting(tx: &mut Tx, actor: &Actor, shop: ShopId, now: Timestamp) -> Result<usize, Fault> {
    let open = rows::list_open(tx, shop, now)?;
    let waits = |row: &&Approval| row.state == ApprovalState::Waiting && can_decide(actor, row);
    Ok(open.iter().filter(waits).count())
}

/// Withdraws a proposal that still waits, whoever made it: what it was for is called off. One that is decided stays.
///
/// # Errors
/// [`Fault`] alone.
pub fn withdraw(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: ApprovalId,
) -> Result<(), Fault> {
    let waits = |row: &Approval| row.state == ApprovalState::Waiting;
    let Some(row) = find_approval(tx, shop, id)?.filter(waits) else { return Ok(()) };
    let refused = forget_invited(tx, means, Approval { state: ApprovalState::Refused, ..row.clone() })?;
    rows::update_approval(tx, &refused)?;
    note(tx, means, actor, &row, record::APPROVAL_REFUSED)
}

/// Withdraws every open proposal of somebody who leaves, and what was approved for them. Returns how many.
pub(crate) fn withdraw_all(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    proposer: &str,
) -> Result<usize, Fault> {
    let mut open = rows::list_open(tx, shop, means.now)?;
    open.retain(|row| row.proposer == proposer);
    for row in &open {
        let refused = Approval { state: ApprovalState::Refused, ..row.clone() };
        let refused = forget_invited(tx, means, refused)?;
        rows::update_approval(tx, &refused)?;
        note(tx, means, actor, row, record::APPROVAL_REFUSED)?;
    }
    Ok(open.len())
}

/// Forgets whom a proposal would have invited, with the key their address was sealed with.
fn forget_invited(tx: &mut Tx, means: &Means<'_>, row: Approval) -> Result<Approval, Fault> {
    if row.invited.is_some() {
        Vault::destroy_data_key(tx, row.id.shop(), row.id.short(), means.now)?;
    }
    Ok(Approval { invited: None, ..row })
}

/// Forgets the addresses of proposals whose time ran out. Returns how many.
pub(crate) fn sweep_invited(tx: &mut Tx, means: &Means<'_>, limit: usize) -> Result<usize, Fault> {
    let ended = rows::list_ended_invited(tx, means.now, limit)?;
    let count = ended.len();
    for row in ended {
        let row = forget_invited(tx, means, row)?;
        rows::update_approval(tx, &row)?;
    }
    Ok(count)
}

fn can_decide(actor: &Actor, row: &Approval) -> bool {
    let may = actor.holds(Permission::Approve) && actor.holds(row.action.permission());
    let is_concerned = row.action == ApprovalAction::ResetFactors && row.subject == actor.accountable();
    may && !is_concerned && row.proposer != actor.accountable()
}

/// The proposal, if `actor` may decide it.
fn find_undecided(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: ApprovalId,
) -> Result<Approval, ApprovalError> {
    actor.allow(Permission::Approve, shop)?;
    let found = find_approval(tx, shop, id)?;
    let row = found.filter(|row| means.now < row.expires).ok_or(ApprovalError::NotFound)?;
    actor.allow(row.action.permission(), shop)?;
    actor.require_fresh(STEP_UP_SECONDS)?;
    let is_concerned = row.action == ApprovalAction::ResetFactors && row.subject == actor.accountable();
    if row.proposer == actor.accountable() || is_concerned {
        return Err(ApprovalError::OwnProposal);
    }
    if row.state != ApprovalState::Waiting {
        return Err(ApprovalError::Decided);
    }
    Ok(row)
}

/// The colleagues of `actor` who could approve a proposal.
pub(crate) fn list_approvers(
    tx: &mut Tx,
    actor: &Actor,
    proposal: &Proposal,
) -> Result<Vec<MemberRow>, Fault> {
    let mut able = grants::list_holders(tx, proposal.shop, proposal.action.permission(), actor)?;
    let mut kept = Vec::new();
    for row in able.drain(..) {
        if grants::permissions_of(tx, &row)?.contains(Permission::Approve) {
            kept.push(row);
        }
    }
    Ok(kept)
}

fn is_for(row: &Approval, proposal: &Proposal, proposer: &str) -> bool {
    row.action == proposal.action && row.subject == proposal.subject && row.proposer == proposer
}

fn note(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    row: &Approval,
    action: audit::Action,
) -> Result<(), Fault> {
    let event = Event::new(row.id.shop(), actor, action, row.id)
        .with("action", row.action.name())
        .with("subject", audit::Text::masked(&row.subject));
    record::note(tx, means, event)
}
