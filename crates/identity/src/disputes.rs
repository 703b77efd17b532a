//! The link in a notice with which a buyer says "this was not me" and freezes the account (C16).
//!
//! Whoever reads the notice has no time to sign in, and after a change of contact no way to. So the link works without a
//! session, once, for a week. Opening it does nothing; the button freezes. The account then stays frozen until whoever runs
//! the installation frees it, since somebody else may read the mailbox that codes go to.

use base::{BuyerId, Secret, ShopId, Timestamp};
use store::Tx;

use crate::buyers::{BuyerError, Freeze, forget_contact, set_frozen};
use crate::context::{Fault, Means, takes_faults};
use crate::limits::{DISPUTE_LINK_SECONDS, PIN_TRIES_MAX};
use crate::notices::{Notice, queue_notice};
use crate::permissions::Actor;
use crate::person::Person;
use crate::record::{self, Event};
use crate::sessions;
use crate::store::buyers::{self as rows, BuyerRow};
use crate::store::disputes::{self, DisputeRow};
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
    let expires = means.now.plus_seconds(DISPUTE_LINK_SECONDS);
    disputes::insert_dispute(tx, DisputeRow { token_hash: token.hash(), buyer, expires, about })?;
    Ok(Secret::new(format!("{public_url}/freeze/{}", token.secret().expose())))
}

/// What a link is about, while it still freezes an account.
///
/// # Errors
/// [`DisputeError::Gone`].
pub fn find_dispute(tx: &mut Tx, token: &Token, now: Timestamp) -> Result<(BuyerId, Disputed), DisputeError> {
    let found = disputes::find_dispute(tx, &token.hash())?;
    let open = found.filter(|row| now < row.expires);
    open.map(|row| (row.buyer, row.about)).ok_or(DisputeError::Gone)
}

/// Freezes the account of a buyer who says "this was not me": it pays nothing, its PIN is locked, every session ends, and
/// every channel is told. A contact that was put in place of the buyer's own opens it no longer. It stays so until whoever
/// runs the installation frees it.
///
/// # Errors
/// [`DisputeError::Gone`].
pub fn freeze_by_link(tx: &mut Tx, means: &Means<'_>, token: &Token) -> Result<Disputed, DisputeError> {
    let (buyer, about) = find_dispute(tx, token, means.now)?;
    delete_disputes(tx, buyer)?;
    set_frozen(tx, means, &Actor::Anyone, buyer, Freeze::Freeze)?;
    let row = rows::find_buyer(tx, buyer)?.ok_or(DisputeError::Gone)?;
    rows::update_buyer(tx, BuyerRow { pin_failures: PIN_TRIES_MAX, ..row })?;
    let action = match about {
        Disputed::Pin => record::PIN_DISPUTED,
        Disputed::Contact => {
            forget_contact(tx, buyer)?;
            record::CONTACT_DISPUTED
        }
    };
    sessions::end_buyer_sessions(tx, means, buyer)?;
    record::note(tx, means, Event::new(ShopId::HOUSE, &Actor::Anyone, action, buyer))?;
    queue_notice(tx, means, Person::Buyer(buyer), &Notice::Frozen)?;
    Ok(about)
}

/// Forgets every such link of a buyer.
pub(crate) fn delete_disputes(tx: &mut Tx, buyer: BuyerId) -> Result<(), Fault> {
    for hash in disputes::list_disputes_of(tx, buyer)? {
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
