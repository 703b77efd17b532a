//! A member who lost every second factor and every recovery code, let in again by two people (ASVS 6.4.4, C13).
//!
//! One who looks after the shop's members proposes it, another one approves, and the proposer carries it out. The member then
//! stands where an invited one stands: no password, no factor, no session, and a link by mail that works once and for a
//! day, after which both are set up anew. So the proof is the one that enrolling asked for. Where a shop has nobody who
//! could approve, whoever runs the installation does it at its command line, and again when the link ran out before it was
//! used. The member is told on every channel they had.

use base::{MemberId, ScopedId, Secret, ShopId};
use store::Tx;

use crate::approvals::{self, ApprovalAction, Asked, Proposal};
use crate::context::{Fault, Means};
use crate::factors;
use crate::letters::{self, ResetBy};
use crate::limits::RESTART_LINK_SECONDS;
use crate::mail::{self, Recipient};
use crate::member_devices;
use crate::members::{self, MemberError, MemberState};
use crate::notices::{self, Notice};
use crate::oauth;
use crate::password_reset;
use crate::permissions::{Actor, Permission};
use crate::person::Person;
use crate::phone::Contact;
use crate::record::{self, Event};
use crate::sessions;
use crate::setup;
use crate::shops;
use crate::sign_in;
use crate::store::members::{self as rows, MemberRow};

/// Resets the second factors of a member, once a second person has approved it. `public_url` is what links start with.
///
/// # Errors
/// [`MemberError::Denied`]; [`MemberError::NotFound`], also for a member who is not active; [`MemberError::OwnFactors`];
/// [`MemberError::NobodyElse`]; [`MemberError::Approval`].
pub fn reset_factors(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    (shop, id): (ShopId, MemberId),
    public_url: &str,
) -> Result<Asked, MemberError> {
    actor.allow(Permission::ManageSecurity, shop)?;
    let row = find_in(tx, (shop, id), &[MemberState::Active])?;
    if actor.label() == id.to_string() {
        return Err(MemberError::OwnFactors);
    }
    let proposal = Proposal::new(shop, ApprovalAction::ResetFactors, &id.to_string(), &id.to_string());
    if !has_second_person(tx, actor, id, &proposal)? {
        return Err(MemberError::NobodyElse);
    }
    if let asked @ Asked::Wait(_) = approvals::ask(tx, means, actor, &proposal)? {
        return Ok(asked);
    }
    restart(tx, means, actor, row, public_url)?;
    Ok(Asked::Go)
}

/// The same, by whoever runs the installation: for a shop that has nobody to approve, also for a member who was invited and
/// whose link was never used: it is replaced. Returns the link besides mailing it.
///
/// # Errors
/// [`MemberError::NotFound`], also for a member who is suspended or disabled.
pub fn reset_factors_as_operator(
    tx: &mut Tx,
    means: &Means<'_>,
    id: MemberId,
    public_url: &str,
) -> Result<Secret<String>, MemberError> {
    let row = find_in(tx, (id.shop(), id), &[MemberState::Active, MemberState::Invited])?;
    Ok(restart(tx, means, &Actor::Operator, row, public_url)?)
}

fn find_in(
    tx: &mut Tx,
    (shop, id): (ShopId, MemberId),
    states: &[MemberState],
) -> Result<MemberRow, MemberError> {
    let row = rows::find_member(tx, shop, id)?;
    row.filter(|row| states.contains(&row.state)).ok_or(MemberError::NotFound)
}

/// Whether somebody besides the proposer and the member concerned could approve.
fn has_second_person(
    tx: &mut Tx,
    actor: &Actor,
    concerned: MemberId,
    proposal: &Proposal,
) -> Result<bool, Fault> {
    let able = approvals::list_approvers(tx, actor, proposal)?;
    Ok(able.iter().any(|row| row.id != concerned))
}

fn restart(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    row: MemberRow,
    public_url: &str,
) -> Result<Secret<String>, Fault> {
    let (shop, id, lang) = (row.shop, row.id, row.lang);
    let person = Person::Member(id);
    // Told first: the numbers that texts go to are among the factors.
    notices::queue_notice(tx, means, person, &Notice::RecoveryGranted)?;
    let email = members::open_person(tx, means.vault, &row)?.email;
    let gone = factors::delete_all(tx, person)?;
    member_devices::delete_devices(tx, id)?;
    sessions::end_member_sessions(tx, means, id)?;
    oauth::end_connections_of(tx, means, actor, id)?;
    sign_in::forget_pending(tx, person)?;
    password_reset::delete_resets(tx, id)?;
    crate::store::setup::delete_links_of(tx, id)?;
    let state = MemberState::Invited;
    rows::update_member(tx, MemberRow { state, password: None, password_due: None, ..row })?;
    let link = setup::insert_link(tx, means, (shop, id), RESTART_LINK_SECONDS, public_url)?;
    let name = shops::find_shop(tx, shop)?.map(|shop| shop.name).unwrap_or_default();
    let expires = means.now.plus_seconds(RESTART_LINK_SECONDS);
    let contact = Contact::parse(email.expose()).map_err(|_| Fault::Row("address"))?;
    let to = Recipient { shop, owner: id.short(), contact: &contact };
    let by = if matches!(actor, Actor::Operator) { ResetBy::Operator } else { ResetBy::TwoPeople };
    mail::queue_mail(tx, means, &to, &letters::restart(lang, (&name, by), &link, expires))?;
    let gone = i64::try_from(gone).unwrap_or(i64::MAX);
    let event = Event::new(shop, actor, record::MEMBER_FACTORS_RESET, id).with("factors", gone);
    record::note(tx, means, event)?;
    Ok(link)
}
