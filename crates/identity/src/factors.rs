//! Second factors of buyers and members: what they are, who has which, adding and removing.
//!
//! One table holds all kinds. A factor's secret is sealed under the data key of its person: the key of an authenticator
//! app, the number of a telephone, the credential of a passkey. How each kind is proven has a module of its own. Who may
//! add or remove one is decided by the caller's session, which must have shown a second factor lately; here every change
//! is written into the log and told to the person on every channel (PW-6, C15).

use base::{BuyerId, FactorId, MemberId, Secret, Timestamp};
use store::Tx;
use vault::{Place, Vault};

use crate::context::{Fault, Means, takes_faults};
use crate::limits::{ENROL_SECONDS, FACTOR_SETTLED_SECONDS, FACTORS_MAX};
use crate::notices::{self, Notice};
use crate::passkeys;
use crate::person::{Person, find_reach};
use crate::phone::{Contact, Phone};
use crate::record::{self, Event};
use crate::store::factors::{self as rows, FactorRow, FactorState};
use crate::text::Label;

pub use crate::store::factors::FactorKind;

const TABLE: &str = "factors";
/// The step of a factor whose codes were never used.
pub(crate) const NO_STEP: i64 = -1;

/// A second factor, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// The factor.
    pub id: FactorId,
    /// Its kind.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub label: String,
    /// Since when.
    pub created: Timestamp,
    /// When it was last used.
    pub used: Option<Timestamp>,
}

impl Factor {
    /// Whether it was there long enough to say who somebody is whose PIN was set anew.
    pub(crate) fn is_settled(&self, now: Timestamp) -> bool {
        self.created.plus_seconds(FACTOR_SETTLED_SECONDS) <= now
    }
}

/// A factor to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewFactor<'a> {
    /// Its kind.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub label: &'a Label,
    /// Its secret, to be sealed.
    pub secret: &'a Secret<Vec<u8>>,
}

/// Why a factor could not be added or removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactorError {
    /// A person has so many.
    #[error("an account has at most {FACTORS_MAX} second factors; remove one first")]
    TooMany,
    /// No such factor of this person.
    #[error("no such second factor")]
    NotFound,
    /// The number is the contact of the account, which is the first factor already.
    #[error("this number is the contact of the account; a second factor needs another number")]
    IsContact,
    /// A member keeps one.
    #[error("a member keeps at least one second factor; add another one first")]
    LastFactor,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(FactorError);

/// The factors of a person that count, oldest first.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_factors(tx: &mut Tx, person: Person) -> Result<Vec<Factor>, Fault> {
    Ok(list_active(tx, person)?.into_iter().map(|row| factor(&row)).collect())
}

/// Whether a person has a factor to sign in with each day. Recovery codes alone are none, and neither is a number that is
/// the contact of the account: a code to it is the first factor once more.
///
/// # Errors
/// [`Fault`] alone.
pub fn has_second_factor(tx: &mut Tx, vault: &Vault, person: Person) -> Result<bool, Fault> {
    Ok(!list_counting(tx, vault, person)?.is_empty())
}

/// [`has_second_factor`] of a member, whose contact is an address.
///
/// # Errors
/// [`Fault`] alone.
pub fn has_member_factor(tx: &mut Tx, member: MemberId) -> Result<bool, Fault> {
    Ok(list_active(tx, Person::Member(member))?.iter().any(|row| row.kind != FactorKind::Recovery))
}

/// The factors of a person that count as second ones, oldest first: neither recovery codes nor the contact's own number.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_counting(tx: &mut Tx, vault: &Vault, person: Person) -> Result<Vec<Factor>, Fault> {
    let mut rows = list_active(tx, person)?;
    rows.retain(|row| row.kind != FactorKind::Recovery);
    let contact = match person {
        Person::Buyer(_) if rows.iter().any(|row| row.kind == FactorKind::Sms) => {
            find_reach(tx, vault, person)?.map(|reach| reach.contact)
        }
        Person::Buyer(_) | Person::Member(_) => None,
    };
    let mut counting = Vec::new();
    for row in rows {
        let is_contact = match &contact {
            Some(contact) if row.kind == FactorKind::Sms => {
                read_phone(&open_sealed(tx, vault, person, &row)?)?.secret() == contact
            }
            _ => false,
        };
        if !is_contact {
            counting.push(factor(&row));
        }
    }
    Ok(counting)
}

/// Whether a text-message factor of a buyer goes to this contact.
pub(crate) fn has_number(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    contact: &Contact,
) -> Result<bool, Fault> {
    let Contact::Phone(number) = contact else { return Ok(false) };
    Ok(list_phones(tx, means, Person::Buyer(buyer))?.contains(number))
}

/// Adds a factor that was just proven, and tells the person.
///
/// # Errors
/// [`FactorError::TooMany`].
pub fn add_factor(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    new: &NewFactor<'_>,
) -> Result<FactorId, FactorError> {
    let row = seal_factor(tx, means, person, new)?;
    let id = row.id;
    rows::insert_factor(tx, row)?;
    note_added(tx, means, person, id, new.kind)?;
    Ok(id)
}

/// Adds a factor without telling anybody: for demonstrations, whose people do not exist.
///
/// # Errors
/// [`FactorError::TooMany`].
pub fn seed_factor(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    new: &NewFactor<'_>,
) -> Result<FactorId, FactorError> {
    let row = seal_factor(tx, means, person, new)?;
    let id = row.id;
    rows::insert_factor(tx, row)?;
    let event = Event::new(person.shop(), person, record::FACTOR_ADDED, id).with("kind", new.kind.name());
    record::note(tx, means, event)?;
    Ok(id)
}

/// Removes a factor and tells the person. A member keeps one that is not a set of recovery codes; a buyer need not.
///
/// # Errors
/// [`FactorError::NotFound`], [`FactorError::LastFactor`].
pub fn remove_factor(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: impl Into<audit::Actor>,
    person: Person,
    id: FactorId,
) -> Result<FactorKind, FactorError> {
    let active = list_active(tx, person)?;
    let row = active.iter().find(|row| row.id == id).ok_or(FactorError::NotFound)?;
    let others = active.iter().any(|row| row.id != id && row.kind != FactorKind::Recovery);
    if matches!(person, Person::Member(_)) && row.kind != FactorKind::Recovery && !others {
        return Err(FactorError::LastFactor);
    }
    // Told first: the number of a text message is told as well.
    notices::queue_notice(tx, means, person, &Notice::FactorRemoved(row.kind))?;
    rows::delete_factor(tx, person.shop(), person.short(), id)?;
    if row.kind == FactorKind::Passkey {
        passkeys::forget_one(tx, person, id)?;
    }
    let event =
        Event::new(person.shop(), actor, record::FACTOR_REMOVED, person).with("kind", row.kind.name());
    record::note(tx, means, event)?;
    Ok(row.kind)
}

/// A factor's secret, opened; `None` for an unknown one, one of another kind, or one that does not count yet.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_secret(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    kind: FactorKind,
    id: FactorId,
) -> Result<Option<Secret<Vec<u8>>>, Fault> {
    let row = rows::find_factor(tx, person.shop(), person.short(), id)?;
    let counts = |row: &FactorRow| row.state == FactorState::Active && row.kind == kind;
    row.filter(counts).map(|row| open_secret(tx, means, person, &row)).transpose()
}

/// Seals another secret for a factor and notes its use: a passkey counts its signatures in there.
///
/// # Errors
/// [`FactorError::NotFound`].
pub fn update_secret(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    id: FactorId,
    secret: &Secret<Vec<u8>>,
) -> Result<(), FactorError> {
    let row = rows::find_factor(tx, person.shop(), person.short(), id)?.ok_or(FactorError::NotFound)?;
    let key = means.vault.data_key(tx, person.shop(), person.short(), means.now, means.dice)?;
    let sealed = key.seal_bytes(&place(row.id.short()), secret.expose(), means.dice).map_err(Fault::from)?;
    rows::update_factor(tx, FactorRow { secret: sealed, used: Some(means.now), ..row })?;
    Ok(())
}

/// Writes down that a factor was proven: its last use, and an entry in the log.
///
/// # Errors
/// [`FactorError::NotFound`].
pub fn note_use(tx: &mut Tx, means: &Means<'_>, person: Person, id: FactorId) -> Result<(), FactorError> {
    let row = rows::find_factor(tx, person.shop(), person.short(), id)?.ok_or(FactorError::NotFound)?;
    let event = Event::new(person.shop(), person, record::FACTOR_USED, id).with("kind", row.kind.name());
    rows::update_factor(tx, FactorRow { used: Some(means.now), ..row })?;
    record::note(tx, means, event)?;
    Ok(())
}

/// [`note_use`] of a factor that was just read.
pub(crate) fn note_active_use(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    id: FactorId,
) -> Result<(), Fault> {
    match note_use(tx, means, person, id) {
        Ok(()) => Ok(()),
        Err(FactorError::Fault(fault)) => Err(fault),
        Err(_) => Err(Fault::Row("factor")),
    }
}

/// A factor that was offered lately and waits for its first code.
pub(crate) fn find_offer(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    kind: FactorKind,
    id: FactorId,
) -> Result<Option<FactorRow>, Fault> {
    let row = rows::find_factor(tx, person.shop(), person.short(), id)?;
    let waits = |row: &FactorRow| row.state == FactorState::Pending && row.kind == kind;
    Ok(row.filter(|row| waits(row) && means.now < row.created.plus_seconds(ENROL_SECONDS)))
}

/// Forgets what was offered and never confirmed.
pub(crate) fn forget_offers(tx: &mut Tx, person: Person, kind: FactorKind) -> Result<(), Fault> {
    for row in rows::list_factors(tx, person.shop(), person.short())? {
        if row.state == FactorState::Pending && row.kind == kind {
            rows::delete_factor(tx, person.shop(), person.short(), row.id)?;
        }
    }
    Ok(())
}

/// Writes down that a proof of a kind was refused.
///
/// # Errors
/// [`Fault`] alone.
pub fn note_refusal(tx: &mut Tx, means: &Means<'_>, person: Person, kind: FactorKind) -> Result<(), Fault> {
    note_refused(tx, means, person, kind.name())
}

pub(crate) fn note_refused(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    kind: &'static str,
) -> Result<(), Fault> {
    let event = Event::new(person.shop(), person, record::FACTOR_REFUSED, person).with("kind", kind);
    record::note(tx, means, event.refused())
}

/// The numbers that text messages of a person's second factor go to.
pub(crate) fn list_phones(tx: &mut Tx, means: &Means<'_>, person: Person) -> Result<Vec<Phone>, Fault> {
    let mut phones = Vec::new();
    for row in list_active(tx, person)?.iter().filter(|row| row.kind == FactorKind::Sms) {
        phones.push(read_phone(&open_secret(tx, means, person, row)?)?);
    }
    Ok(phones)
}

/// Forgets every factor and recovery code of a person who is erased or starts anew. Returns how many there were.
pub(crate) fn delete_all(tx: &mut Tx, person: Person) -> Result<usize, Fault> {
    let all = rows::list_factors(tx, person.shop(), person.short())?;
    for row in &all {
        rows::delete_factor(tx, person.shop(), person.short(), row.id)?;
    }
    passkeys::forget_all(tx, person)?;
    for tag in rows::list_recovery_codes(tx, person.shop(), person.short())? {
        rows::delete_recovery_code(tx, person.shop(), person.short(), &tag)?;
    }
    Ok(all.len())
}

pub(crate) fn list_active(tx: &mut Tx, person: Person) -> Result<Vec<FactorRow>, Fault> {
    let mut all = rows::list_factors(tx, person.shop(), person.short())?;
    all.retain(|row| row.state == FactorState::Active);
    all.sort_by_key(|row| (row.created, row.kind == FactorKind::Recovery, row.id));
    Ok(all)
}

/// A row for a new factor, not yet written.
pub(crate) fn seal_factor(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    new: &NewFactor<'_>,
) -> Result<FactorRow, FactorError> {
    if rows::list_factors(tx, person.shop(), person.short())?.len() >= FACTORS_MAX {
        return Err(FactorError::TooMany);
    }
    let id = FactorId::new(person.shop(), means.now, means.dice);
    let key = means.vault.data_key(tx, person.shop(), person.short(), means.now, means.dice)?;
    let secret = key.seal_bytes(&place(id.short()), new.secret.expose(), means.dice).map_err(Fault::from)?;
    Ok(FactorRow {
        shop: person.shop(),
        subject: person.short().to_owned(),
        id,
        kind: new.kind,
        state: FactorState::Active,
        label: new.label.as_str().to_owned(),
        secret,
        step: NO_STEP,
        created: means.now,
        used: None,
    })
}

pub(crate) fn note_added(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    id: FactorId,
    kind: FactorKind,
) -> Result<(), Fault> {
    let event = Event::new(person.shop(), person, record::FACTOR_ADDED, id).with("kind", kind.name());
    record::note(tx, means, event)?;
    notices::queue_notice(tx, means, person, &Notice::FactorAdded(kind))
}

pub(crate) fn open_secret(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    row: &FactorRow,
) -> Result<Secret<Vec<u8>>, Fault> {
    open_sealed(tx, means.vault, person, row)
}

fn open_sealed(
    tx: &mut Tx,
    vault: &Vault,
    person: Person,
    row: &FactorRow,
) -> Result<Secret<Vec<u8>>, Fault> {
    let key = vault.find_data_key(tx, person.shop(), person.short())?;
    Ok(key.open_bytes(&place(row.id.short()), &row.secret)?)
}

pub(crate) fn read_phone(secret: &Secret<Vec<u8>>) -> Result<Phone, Fault> {
    let text = std::str::from_utf8(secret.expose()).map_err(|_| Fault::Row("factor"))?;
    Phone::parse(text).map_err(|_| Fault::Row("factor"))
}

fn factor(row: &FactorRow) -> Factor {
    Factor { id: row.id, kind: row.kind, label: row.label.clone(), created: row.created, used: row.used }
}

fn place(id: &str) -> Place<'_> {
    Place { table: TABLE, column: "secret", row: id }
}
