//! Adding, listing and forgetting passkeys.

use audit::Text;
use base::{FactorId, Secret, Timestamp};
use store::Tx;

use super::attestation::Model;
use super::ceremony::{MadeKey, NewPasskey, check_new};
use super::challenges::{self, hash_text};
use super::kept::KeptKey;
use super::site::Site;
use super::{Holder, PasskeyError, PasskeyRefusal};
use crate::context::{Fault, Means};
use crate::factors::{self, FactorKind, NewFactor};
use crate::limits::{PASSKEYS_MAX, USER_HANDLE_BYTES};
use crate::person::{Person, find_reach};
use crate::record::{self, Event};
use crate::store::passkeys::{self as rows, OwnerRow, Purpose};
use crate::text::Label;

/// What a browser needs to make a passkey.
#[derive(Clone, Debug)]
pub struct CreationOptions {
    /// What the authenticator has to sign for.
    pub challenge: Vec<u8>,
    /// What authenticators know the person by.
    pub user_handle: Vec<u8>,
    /// What the person reads when they choose among passkeys: the contact of the account.
    pub user_name: Secret<String>,
    /// Credentials the person has already (WA-4).
    pub known: Vec<Vec<u8>>,
    /// Whose passkey it will be.
    pub person: Person,
}

/// What came of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// The passkey counts from now on.
    Added(FactorId),
    /// It was refused.
    Refused(PasskeyRefusal),
}

/// A passkey as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// The passkey.
    pub id: FactorId,
    /// What its owner calls it.
    pub label: String,
    /// Since when.
    pub created: Timestamp,
    /// When it was last used.
    pub used: Option<Timestamp>,
    /// Whether it is copied to other devices of its owner, as of its last use.
    pub backed_up: bool,
    /// Whether it counted backwards and is refused since.
    pub copied: bool,
}

/// Asks for a new passkey of `person`, who is signed in.
///
/// # Errors
/// [`PasskeyError::TooMany`], [`PasskeyError::NobodyThere`].
pub fn start_registration(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    holder: Holder<'_>,
) -> Result<CreationOptions, PasskeyError> {
    let known: Vec<Vec<u8>> = list_kept(tx, means, person)?.into_iter().map(|(_, kept)| kept.id).collect();
    if known.len() >= PASSKEYS_MAX {
        return Err(PasskeyError::TooMany);
    }
    let user_name =
        find_reach(tx, means.vault, person)?.map(|reach| reach.contact).ok_or(PasskeyError::NobodyThere)?;
    let user_handle = handle_of(tx, means, person)?;
    let challenge = challenges::give_random(tx, means, Purpose::Register, holder)?;
    Ok(CreationOptions { challenge, user_handle, user_name, known, person })
}

/// Checks a new passkey and keeps it. The person is told on every channel.
///
/// # Errors
/// [`PasskeyError::TooMany`].
pub fn finish_registration(
    tx: &mut Tx,
    means: &Means<'_>,
    site: &Site,
    person: Person,
    holder: Holder<'_>,
    (new, label): (&NewPasskey, &Label),
) -> Result<Enrolled, PasskeyError> {
    match check(tx, means, (site, person), holder, new)? {
        Ok(made) => {
            note_maker(tx, means, (site, person), made.model)?;
            keep(tx, means, person, &KeptKey::of(made), label)
        }
        Err(refusal) => refuse(tx, means, person, refusal),
    }
}

fn check(
    tx: &mut Tx,
    means: &Means<'_>,
    (site, person): (&Site, Person),
    holder: Holder<'_>,
    new: &NewPasskey,
) -> Result<Result<MadeKey, PasskeyRefusal>, Fault> {
    let challenge = new.challenge();
    if !challenges::take(tx, means, Purpose::Register, holder, challenge)? {
        return Ok(Err(PasskeyRefusal::Stale));
    }
    let asked = site.makers_for(person).map(|policy| (policy, means.now));
    let made = match check_new(site, challenge, new, asked) {
        Ok(made) => made,
        Err(problem) => return Ok(Err(PasskeyRefusal::Problem(problem))),
    };
    // A credential that is anybody's already is nobody else's, and nobody's twice.
    if rows::find_owner(tx, &hash_text(&made.id))?.is_some() {
        return Ok(Err(PasskeyRefusal::Taken));
    }
    Ok(Ok(made))
}

/// Enters in the log which model was added, where its maker was asked for.
fn note_maker(
    tx: &mut Tx,
    means: &Means<'_>,
    (site, person): (&Site, Person),
    model: Model,
) -> Result<(), Fault> {
    if site.makers_for(person).is_none() {
        return Ok(());
    }
    let event = Event::new(person.shop(), person, record::PASSKEY_ATTESTED, person);
    record::note(tx, means, event.with("model", Text::masked(&model.to_string())))
}

fn keep(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    kept: &KeptKey,
    label: &Label,
) -> Result<Enrolled, PasskeyError> {
    let secret = kept.write();
    let new = NewFactor { kind: FactorKind::Passkey, label, secret: &secret };
    let factor = factors::add_factor(tx, means, person, &new)?;
    rows::update_owner(tx, &hash_text(&kept.id), OwnerRow { person, factor })?;
    Ok(Enrolled::Added(factor))
}

fn refuse(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    refusal: PasskeyRefusal,
) -> Result<Enrolled, PasskeyError> {
    let event = Event::new(person.shop(), person, record::PASSKEY_REFUSED, person);
    record::note(tx, means, event.refused().with("reason", refusal.word()))?;
    Ok(Enrolled::Refused(refusal))
}

/// The passkeys of a person, oldest first.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_passkeys(tx: &mut Tx, means: &Means<'_>, person: Person) -> Result<Vec<Passkey>, Fault> {
    let all = list_kept(tx, means, person)?.into_iter();
    let passkey = |(factor, kept): (factors::Factor, KeptKey)| Passkey {
        id: factor.id,
        label: factor.label,
        created: factor.created,
        used: factor.used,
        backed_up: kept.use_state.backed_up,
        copied: kept.copied,
    };
    Ok(all.map(passkey).collect())
}

/// Removes a passkey of a person and tells them. A member's last second factor stays.
///
/// # Errors
/// [`PasskeyError::NotFound`], [`PasskeyError::LastFactor`].
pub fn remove_passkey(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    id: FactorId,
) -> Result<(), PasskeyError> {
    if factors::find_secret(tx, means, person, FactorKind::Passkey, id)?.is_none() {
        return Err(PasskeyError::NotFound);
    }
    factors::remove_factor(tx, means, person, person, id)?;
    Ok(())
}

pub(super) fn list_kept(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
) -> Result<Vec<(factors::Factor, KeptKey)>, Fault> {
    let mut all = Vec::new();
    for factor in factors::list_factors(tx, person)? {
        if let Some(secret) = factors::find_secret(tx, means, person, FactorKind::Passkey, factor.id)? {
            all.push((factor, KeptKey::read(&secret)?));
        }
    }
    Ok(all)
}

/// What authenticators know a person by; made of chance at the first passkey.
fn handle_of(tx: &mut Tx, means: &Means<'_>, person: Person) -> Result<Vec<u8>, Fault> {
    if let Some(handle) = rows::find_handle(tx, person.shop(), person.short())? {
        return Ok(handle);
    }
    let handle = means.dice.bytes::<USER_HANDLE_BYTES>().to_vec();
    rows::insert_handle(tx, person.shop(), person.short(), handle.clone())?;
    Ok(handle)
}

/// Forgets whose credential a removed passkey was.
pub(crate) fn forget_one(tx: &mut Tx, person: Person, factor: FactorId) -> Result<(), Fault> {
    for (hash, _) in rows::list_ids(tx, person.shop(), person.short())?.iter().filter(|(_, of)| *of == factor)
    {
        rows::delete_id(tx, hash)?;
    }
    Ok(())
}

/// Forgets every credential of a person, and what authenticators knew them by.
pub(crate) fn forget_all(tx: &mut Tx, person: Person) -> Result<(), Fault> {
    for (hash, _) in rows::list_ids(tx, person.shop(), person.short())? {
        rows::delete_id(tx, &hash)?;
    }
    Ok(rows::delete_handle(tx, person.shop(), person.short())?)
}
