//! One-time links: the first set-up of an installation, and invitations of members.
//!
//! A link works once, for a limited time, and the database keeps its hash only (PW-6).

use base::{ApprovalId, MemberId, ShopId, Timestamp};
use store::Tx;
use webkit::page::Lang;

use crate::approvals::Asked;
use crate::context::{Fault, Means, takes_faults};
use crate::grants::Permissions;
use crate::letters;
use crate::limits::{INVITE_LIFE_SECONDS, SETUP_LIFE_SECONDS};
use crate::mail::{self, Recipient};
use crate::members::{self, MemberError, NewMember, Wanted};
use crate::password::PasswordHash;
use crate::permissions::{Actor, Permission, Role};
use crate::phone::Contact;
use crate::record::{self, Event};
use crate::shops::{self, Shop, ShopProfile};
use crate::store::members::MemberRow;
use crate::store::setup::{self as rows, SetupRow};
use crate::text::Email;
use crate::token::{Token, TokenKind};

/// What a link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Making the first shop and its owner.
    FirstSetup,
    /// Choosing a password as an invited member.
    Invitation {
        /// The shop.
        shop: ShopId,
        /// The member.
        member: MemberId,
    },
}

/// Why a link was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Unknown, used, or too old.
    #[error("this link does not work any more; ask for a new one")]
    Gone,
    /// The member could not be made.
    #[error(transparent)]
    Member(MemberError),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(SetupError);

impl From<MemberError> for SetupError {
    fn from(error: MemberError) -> SetupError {
        match error {
            MemberError::Fault(fault) => SetupError::Fault(fault),
            other => SetupError::Member(other),
        }
    }
}

/// The token of a set-up link, for an installation that has no member yet; `None` otherwise. Earlier links stop working.
///
/// # Errors
/// [`Fault`] alone.
pub fn create_setup_link(tx: &mut Tx, means: &Means<'_>) -> Result<Option<Token>, Fault> {
    if crate::store::members::has_members(tx)? {
        return Ok(None);
    }
    rows::delete_first_setups(tx)?;
    let token = Token::random(TokenKind::Setup, means.dice);
    let expires = means.now.plus_seconds(SETUP_LIFE_SECONDS);
    rows::insert_setup(
        tx,
        SetupRow { token_hash: token.hash(), invited: None, created: means.now, expires },
    )?;
    let event = Event::new(
        ShopId::HOUSE,
        &Actor::System,
        record::SETUP_LINK_CREATED,
        audit::Object::word("installation"),
    );
    record::note(tx, means, event)?;
    Ok(Some(token))
}

/// What a link is good for.
///
/// # Errors
/// [`SetupError::Gone`].
pub fn find_link(tx: &mut Tx, token: &Token, now: Timestamp) -> Result<Link, SetupError> {
    let row = rows::find_setup(tx, &token.hash())?.filter(|row| now < row.expires).ok_or(SetupError::Gone)?;
    Ok(match row.invited {
        None => Link::FirstSetup,
        Some((shop, member)) => Link::Invitation { shop, member },
    })
}

/// Makes the first shop and its owner, and uses the link up. Whatever roles `owner` names, it becomes owner.
///
/// # Errors
/// [`SetupError::Gone`], also when there is a member by now; [`SetupError::Member`].
pub fn complete_setup(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    profile: &ShopProfile,
    owner: &NewMember,
    password: &PasswordHash,
) -> Result<(Shop, MemberId), SetupError> {
    let link = find_link(tx, token, means.now)?;
    if link != Link::FirstSetup || crate::store::members::has_members(tx)? {
        return Err(SetupError::Gone);
    }
    rows::delete_setup(tx, &token.hash())?;
    let shop = shops::create_shop(tx, means, &Actor::System, profile)?;
    let owner = NewMember { grants: Role::Owner.into(), ..owner.clone() };
    let id = members::create_member(tx, means, &Actor::System, shop.id, &owner, password)?;
    Ok((shop, id))
}

/// What became of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invited {
    /// It is on its way.
    Member(MemberId),
    /// A second person must approve the roles first; invite again then.
    Waiting(ApprovalId),
}

/// Invites somebody to become a member; the link goes to their address. `public_url` is what links start with.
///
/// # Errors
/// [`MemberError`]; [`MemberError::NotFound`] for an unknown shop.
pub fn invite_member(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    new: &NewMember,
    public_url: &str,
) -> Result<Invited, MemberError> {
    actor.allow(Permission::ManageMembers, shop)?;
    let subject = members::email_index(means.vault, &new.email);
    let wanted = Wanted {
        shop,
        subject: &subject,
        before: Permissions::NONE,
        grants: &new.grants,
        invited: Some(new.email.secret()),
    };
    if let Asked::Wait(id) = members::check_grant(tx, means, actor, &wanted)? {
        return Ok(Invited::Waiting(id));
    }
    let (member, _) = send_invitation(tx, means, actor, shop, new, public_url)?;
    Ok(Invited::Member(member))
}

/// Invites an operator of the installation, from its command line. Returns the link besides mailing it, for an
/// installation that cannot mail yet.
///
/// # Errors
/// [`MemberError::EmailTaken`], [`MemberError::TooMany`].
pub fn invite_operator(
    tx: &mut Tx,
    means: &Means<'_>,
    new: &NewMember,
    public_url: &str,
) -> Result<(MemberId, base::Secret<String>), MemberError> {
    let new = NewMember { grants: Role::Operator.into(), ..new.clone() };
    send_invitation(tx, means, &Actor::Operator, ShopId::HOUSE, &new, public_url)
}

fn send_invitation(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    new: &NewMember,
    public_url: &str,
) -> Result<(MemberId, base::Secret<String>), MemberError> {
    let member = members::insert_member(tx, means, actor, shop, new, None)?;
    let link = mail_link(tx, means, (shop, member), (&new.email, new.lang), public_url)?;
    Ok((member, link))
}

/// Sends an invitation again, with a new link that alone opens from now on; its time begins anew.
///
/// # Errors
/// [`MemberError::NotFound`] for whoever is not invited or accepted meanwhile; [`MemberError::MoreThanOwn`].
pub fn resend_invitation(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: MemberId,
    public_url: &str,
) -> Result<(), MemberError> {
    actor.allow(Permission::ManageMembers, shop)?;
    let (email, lang) = members::find_invited(tx, means, actor, shop, id)?;
    rows::delete_links_of(tx, id)?;
    mail_link(tx, means, (shop, id), (&email, lang), public_url)?;
    record::note(tx, means, Event::new(shop, actor, record::INVITATION_SENT_AGAIN, id))?;
    Ok(())
}

/// Makes a link for an invited member and mails it.
fn mail_link(
    tx: &mut Tx,
    means: &Means<'_>,
    (shop, member): (ShopId, MemberId),
    (email, lang): (&Email, Lang),
    public_url: &str,
) -> Result<base::Secret<String>, MemberError> {
    let name = shops::find_shop(tx, shop)?.ok_or(MemberError::NotFound)?.name;
    let link = insert_link(tx, means, (shop, member), INVITE_LIFE_SECONDS, public_url)?;
    let expires = means.now.plus_seconds(INVITE_LIFE_SECONDS);
    let letter = letters::invitation(lang, &name, &link, expires);
    let to = Recipient { shop, owner: member.short(), contact: &Contact::Email(email.clone()) };
    mail::queue_mail(tx, means, &to, &letter)?;
    Ok(link)
}

/// A link with which a member chooses a password, for so many seconds.
pub(crate) fn insert_link(
    tx: &mut Tx,
    means: &Means<'_>,
    member: (ShopId, MemberId),
    life_seconds: i64,
    public_url: &str,
) -> Result<base::Secret<String>, Fault> {
    let token = Token::random(TokenKind::Setup, means.dice);
    let (created, expires) = (means.now, means.now.plus_seconds(life_seconds));
    rows::insert_setup(tx, SetupRow { token_hash: token.hash(), invited: Some(member), created, expires })?;
    Ok(link_text(public_url, &token))
}

/// Sets the password of an invited member and uses the link up. With a language, their mails come in it from now on.
///
/// # Errors
/// [`SetupError::Gone`], also when the member was removed meanwhile.
pub fn accept_invitation(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    password: &PasswordHash,
    lang: Option<Lang>,
) -> Result<MemberId, SetupError> {
    let Link::Invitation { shop, member } = find_link(tx, token, means.now)? else {
        return Err(SetupError::Gone);
    };
    rows::delete_setup(tx, &token.hash())?;
    match members::set_password(tx, means, shop, member, password) {
        Ok(()) => {}
        Err(MemberError::NotFound) => return Err(SetupError::Gone),
        Err(error) => return Err(error.into()),
    }
    let row = crate::store::members::find_member(tx, shop, member)?;
    if let (Some(row), Some(lang)) = (row, lang) {
        crate::store::members::update_member(tx, MemberRow { lang, ..row })?;
    }
    Ok(member)
}

/// The whole link: `https://pay.shop.example/setup/twl_…`.
pub fn link_text(public_url: &str, token: &Token) -> base::Secret<String> {
    base::Secret::new(format!("{public_url}/setup/{}", token.secret().expose()))
}
