//! The link in a notice with which a person says "this was not me" and freezes the account (C16).
//!
//! Whoever reads the notice has no time to sign in, and after a change of contact no way to. So the link works without a
//! session, once, for a week. Opening it does nothing; the button freezes. A buyer's account then stays frozen until whoever
//! runs the installation frees it, since somebody else may read the mailbox that codes go to. A member gets the earlier
//! address back and is suspended until a colleague lets them in again; a shop's last owner is not suspended, but comes in
//! only with a new password, for which a link goes to that address, and the second factor. Where the address was changed
//! several times, each earlier one has its link, and an older link goes on after a younger one was used: whoever changed the
//! address twice holds the younger ones.

use base::{BuyerId, MemberId, ScopedId, Secret, ShopId, Timestamp};
use store::Tx;
use vault::Place;

use crate::address_change::put_back;
use crate::buyers::{BuyerError, Freeze, forget_contact, set_frozen};
use crate::cases::{Cause, open_account_case};
use crate::context::{Fault, Means, takes_faults};
use crate::limits::{DISPUTE_LINK_SECONDS, PIN_TRIES_MAX};
use crate::members::list_security_members;
use crate::notices::{Notice, queue_notice};
use crate::oauth;
use crate::password::PasswordHash;
use crate::password_reset;
use crate::permissions::Actor;
use crate::person::Person;
use crate::record::{self, Event};
use crate::sessions;
use crate::sign_in;
use crate::store::buyers::{self as rows, BuyerRow};
use crate::store::disputes::{self, DisputeRow};
use crate::store::members::{self as member_rows, MemberRow, MemberState};
use crate::suspensions::{self, SuspendedFor};
use crate::token::{Token, TokenKind};

pub use crate::store::disputes::Disputed;

/// Why a link freezes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisputeError {
    /// Unknown, used, or too old.
    #[error("this link does not work any more")]
    Gone,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(DisputeError);

impl From<BuyerError> for DisputeError {
    fn from(error: BuyerError) -> DisputeError {
        match error {
            BuyerError::Fault(fault) => DisputeError::Fault(fault),
            _ => DisputeError::Gone,
        }
    }
}

/// Makes a link that freezes a buyer's account. `public_url` is what links in mails start with.
///
/// # Errors
/// [`Fault`] alone.
pub(crate) fn create_freeze_link(
    tx: &mut Tx,
    means: &Means<'_>,
    (buyer, about): (BuyerId, Disputed),
    public_url: &str,
) -> Result<Secret<String>, Fault> {
    let token = Token::random(TokenKind::Dispute, means.dice);
    let (person, expires) = (Person::Buyer(buyer), means.now.plus_seconds(DISPUTE_LINK_SECONDS));
    let row = DisputeRow { token_hash: token.hash(), person, expires, about, old_address: None };
    disputes::insert_dispute(tx, row)?;
    Ok(Secret::new(format!("{public_url}/freeze/{}", token.secret().expose())))
}

/// An address that its member may say was taken away.
pub(crate) struct Stolen<'a> {
    pub(crate) member: MemberId,
    pub(crate) old: &'a Secret<String>,
}

/// Makes a link that puts a member's earlier address back and stops the account.
pub(crate) fn create_address_link(
    tx: &mut Tx,
    means: &Means<'_>,
    stolen: &Stolen<'_>,
    public_url: &str,
) -> Result<Secret<String>, Fault> {
    let (shop, owner) = (stolen.member.shop(), stolen.member.short());
    let token = Token::random(TokenKind::Dispute, means.dice);
    let token_hash = token.hash();
    let key = means.vault.data_key(tx, shop, owner, means.now, means.dice)?;
    let old_address = Some(key.seal(&place(&token_hash), stolen.old, means.dice)?);
    let (person, about) = (Person::Member(stolen.member), Disputed::Address);
    let expires = means.now.plus_seconds(DISPUTE_LINK_SECONDS);
    disputes::insert_dispute(tx, DisputeRow { token_hash, person, expires, about, old_address })?;
    Ok(Secret::new(format!("{public_url}/freeze/{}", token.secret().expose())))
}

fn place(token_hash: &str) -> Place<'_> {
    Place { table: "dispute_links", column: "old_address", row: token_hash }
}

/// What a link is about, while it still freezes an account.
///
/// # Errors
/// [`DisputeError::Gone`].
pub fn find_dispute(tx: &mut Tx, token: &Token, now: Timestamp) -> Result<(Person, Disputed), DisputeError> {
    let row = find_open(tx, token, now)?;
    Ok((row.person, row.about))
}

fn find_open(tx: &mut Tx, token: &Token, now: Timestamp) -> Result<DisputeRow, DisputeError> {
    let found = disputes::find_dispute(tx, &token.hash())?;
    found.filter(|row| now < row.expires).ok_or(DisputeError::Gone)
}

/// Freezes the account of a person who says "this was not me". A buyer's pays nothing, its PIN is locked, every session
/// ends, and every channel is told; a contact that was put in place of the buyer's own opens it no longer. A member's is
/// stopped as the module says.
///
/// # Errors
/// [`DisputeError::Gone`].
pub fn freeze_by_link(tx: &mut Tx, means: &Means<'_>, token: &Token) -> Result<Disputed, DisputeError> {
    let row = find_open(tx, token, means.now)?;
    let about = row.about;
    match row.person {
        Person::Buyer(buyer) => freeze_buyer(tx, means, buyer, about)?,
        Person::Member(member) => stop_member(tx, means, member, &row)?,
    }
    Ok(about)
}

fn freeze_buyer(tx: &mut Tx, means: &Means<'_>, buyer: BuyerId, about: Disputed) -> Result<(), DisputeError> {
    delete_disputes(tx, Person::Buyer(buyer))?;
    set_frozen(tx, means, &Actor::Anyone, buyer, Freeze::Freeze)?;
    let row = rows::find_buyer(tx, buyer)?.ok_or(DisputeError::Gone)?;
    rows::update_buyer(tx, BuyerRow { pin_failures: PIN_TRIES_MAX, ..row })?;
    let (action, cause) = match about {
        Disputed::Pin => (record::PIN_DISPUTED, Cause::Pin),
        Disputed::Contact | Disputed::Address => {
            forget_contact(tx, buyer)?;
            (record::CONTACT_DISPUTED, Cause::Contact)
        }
    };
    sessions::end_buyer_sessions(tx, means, buyer)?;
    record::note(tx, means, Event::new(ShopId::HOUSE, &Actor::Anyone, action, buyer))?;
    open_account_case(tx, means, Person::Buyer(buyer), cause)?;
    Ok(queue_notice(tx, means, Person::Buyer(buyer), &Notice::Frozen { keeps_one: false })?)
}

/// Stops a member whose address somebody changed: see the module.
fn stop_member(tx: &mut Tx, means: &Means<'_>, id: MemberId, link: &DisputeRow) -> Result<(), DisputeError> {
    let (shop, person) = (id.shop(), Person::Member(id));
    let sealed = link.old_address.as_deref().ok_or(Fault::Row("link"))?;
    let key = means.vault.find_data_key(tx, shop, id.short())?;
    let old = key.open(&place(&link.token_hash), sealed).map_err(Fault::from)?;
    for hash in disputes::list_disputes_since(tx, person, link.expires)? {
        disputes::delete_dispute(tx, &hash)?;
    }
    let is_back = put_back(tx, means, (shop, id), old.expose())?;
    let row = member_rows::find_member(tx, shop, id)?.filter(|row| row.state != MemberState::Disabled);
    let row = row.ok_or(DisputeError::Gone)?;
    // Whoever changed the address may know the password; the way to a new one is the address that was put back.
    let password = row.password.as_ref().map(|_| PasswordHash::of_nobody());
    member_rows::update_member(tx, MemberRow { password, ..row })?;
    sign_in::forget_pending(tx, person)?;
    password_reset::delete_resets(tx, id)?;
    sessions::end_member_sessions(tx, means, id)?;
    oauth::end_connections_of(tx, means, &Actor::Anyone, id)?;
    let row = member_rows::find_member(tx, shop, id)?.ok_or(DisputeError::Gone)?;
    if row.state == MemberState::Active {
        suspensions::suspend(tx, means, &Actor::Anyone, row, SuspendedFor::Dispute)?;
    }
    let event = Event::new(shop, &Actor::Anyone, record::MEMBER_ADDRESS_DISPUTED, id);
    record::note(tx, means, event.with("address_back", i64::from(is_back)))?;
    let case = open_account_case(tx, means, person, Cause::Address)?.to_string();
    for colleague in list_security_members(tx, shop)? {
        let notice = Notice::ColleagueStopped { who: id.to_string(), case: case.clone() };
        queue_notice(tx, means, Person::Member(colleague), &notice)?;
    }
    Ok(())
}

/// The places of sealed addresses of a member's links, for the rotation of data keys.
pub(crate) fn list_sealed(
    tx: &mut Tx,
    (shop, owner): (ShopId, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<vault::SealedValue>, ::store::Error> {
    match MemberId::from_short(owner).filter(|id| id.shop() == shop) {
        Some(id) => disputes::list_old_addresses(tx, Person::Member(id), after, limit),
        None => Ok(Vec::new()),
    }
}

/// Forgets every such link of a person.
pub(crate) fn delete_disputes(tx: &mut Tx, person: Person) -> Result<(), Fault> {
    for hash in disputes::list_disputes_of(tx, person)? {
        disputes::delete_dispute(tx, &hash)?;
    }
    Ok(())
}

/// Forgets links that ended. Returns how many.
pub(crate) fn sweep_disputes(tx: &mut Tx, now: Timestamp, limit: usize) -> Result<usize, Fault> {
    let ended = disputes::list_ended_disputes(tx, now, limit)?;
    for hash in &ended {
        disputes::delete_dispute(tx, hash)?;
    }
    Ok(ended.len())
}
