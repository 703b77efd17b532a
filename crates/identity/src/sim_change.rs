//! Telephone numbers whose SIM card was changed lately (OTP-5).
//!
//! Whoever moves a number to a card of their own receives its codes. So the gateway of text messages may say when the card of
//! a number was last changed, and for seven days after that no code sent to the number proves anything: those on their
//! way are void, and in place of new ones a text goes out that says why. It is remembered by number, since a number can be
//! the contact of one account and the second factor of another. Only the code of a sign-up counts all the same, as long as
//! it makes the account: a new card is what new numbers have, and there is no account yet to be lost.
//!
//! INVARIANT: whoever does not hold the number learns nothing here. Asking for a code is answered alike, and a wrong code is
//! wrong before anybody looks at its number; only for a number that is the person's own proven factor is it said plainly.

use store::Tx;

use crate::buyers::{contact_index, contact_indexes};
use crate::context::{Fault, Means};
use crate::factors;
use crate::limits::SIM_CHANGE_SECONDS;
use crate::mail::DueMail;
use crate::notices::{Notice, queue_notice};
use crate::permissions::Actor;
use crate::person::{Person, find_person, is_contact};
use crate::phone::{Contact, Phone};
use crate::record::{self, Event};
use crate::throttle::{self, Limit};

/// A number whose card was changed. One entry, no limit; it counts from the change, or, where a gateway gives no time, from
/// when it said so first.
const CHANGED: Limit =
    Limit { kind: "sim_changed", tries_max: 1, window_seconds: 0, block_seconds: SIM_CHANGE_SECONDS };
/// A person and a number of whose change it was noted for them. Several may hold one number.
const NOTED: Limit =
    Limit { kind: "sim_noted", tries_max: 1, window_seconds: 0, block_seconds: SIM_CHANGE_SECONDS };

/// What a gateway says of the SIM card of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimChange {
    /// It was last changed then.
    At(base::Timestamp),
    /// It was changed at some time in the last [`SIM_CHANGE_SECONDS`].
    Lately,
}

/// Takes what the gateway said of the number of a text message. A change that is older than [`SIM_CHANGE_SECONDS`], or known
/// already for the person whose text it was, changes nothing; one that lies ahead is taken for one of now. Whose own number it is, is told on every other
/// channel.
///
/// # Errors
/// [`Fault`] alone.
pub fn note_sim_change(
    tx: &mut Tx,
    means: &Means<'_>,
    text: &DueMail,
    change: SimChange,
) -> Result<(), Fault> {
    let Some(person) = find_person(tx, text.shop, &text.owner)? else { return Ok(()) };
    let Ok(number) = Phone::parse(text.recipient.expose()) else { return Ok(()) };
    let contact = Contact::Phone(number.clone());
    let index = contact_index(means.vault, &contact);
    let known = throttle::find_remembered(tx, &CHANGED, &index)?.filter(|until| means.now < *until);
    let said = match change {
        SimChange::Lately => known.map_or(means.now, |until| until.plus_seconds(-SIM_CHANGE_SECONDS)),
        SimChange::At(at) => at.min(means.now),
    };
    let until = known.max(Some(said.plus_seconds(SIM_CHANGE_SECONDS))).filter(|until| means.now < *until);
    let Some(until) = until else { return Ok(()) };
    let since = until.plus_seconds(-SIM_CHANGE_SECONDS);
    throttle::remember(tx, &CHANGED, &index, since)?;
    let holder = format!("{} {index}", person.short());
    if throttle::find_remembered(tx, &NOTED, &holder)?.is_some_and(|noted| until <= noted) {
        return Ok(());
    }
    throttle::remember(tx, &NOTED, &holder, since)?;
    record::note(tx, means, Event::new(person.shop(), &Actor::System, record::SIM_CHANGED, person))?;
    if is_own(tx, means, person, &number)? {
        queue_notice(tx, means, person, &Notice::SimChanged { number })?;
    }
    Ok(())
}

/// Whether codes to a contact prove nothing now. Never for an address.
pub(crate) fn is_changed(tx: &mut Tx, means: &Means<'_>, contact: &Contact) -> Result<bool, Fault> {
    let Contact::Phone(_) = contact else { return Ok(false) };
    for index in contact_indexes(means.vault, contact) {
        if is_index_changed(tx, means, &index)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// [`is_changed`], by what a contact is counted by.
pub(crate) fn is_index_changed(tx: &mut Tx, means: &Means<'_>, index: &str) -> Result<bool, Fault> {
    throttle::is_remembered(tx, &CHANGED, index, means.now)
}

/// Whether a number is the contact or a proven factor of the person. Somebody else's, typed as one's own, is none of
/// their business.
fn is_own(tx: &mut Tx, means: &Means<'_>, person: Person, number: &Phone) -> Result<bool, Fault> {
    Ok(is_contact(tx, means.vault, person, number)?
        || factors::list_phones(tx, means, person)?.contains(number))
}
