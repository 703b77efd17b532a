//! Buyers: people who pay. They belong to no shop; one account pays everywhere.
//!
//! Name and contact are sealed from the first row on. The contact is found again by its blind index, which is a key of
//! its own table: two accounts cannot share a contact.

use base::{BuyerId, DeviceId, Secret, ShopId, Timestamp};
use store::Tx;
use vault::{DataKey, KeyedHash, Place, Vault};
use webkit::page::Lang;

use crate::activity::{self, Happening, Scene};
use crate::context::{Fault, Means, takes_faults};
use crate::disputes;
use crate::factors;
use crate::mail::{self, Recipient};
use crate::networks::Network;
use crate::notices::{self, Notice};
use crate::permissions::Actor;
use crate::person::Person;
use crate::phone::{Contact, Phone};
use crate::pin::{self, Cooling, Pin, PinCheck, PinProblem};
use crate::record::{self, Event};
use crate::sessions;
use crate::store::buyers::{self, BuyerRow, DeviceRow};
use crate::text::{Label, PersonName};
use crate::token::{Token, TokenKind, hash_text};

pub use crate::store::buyers::BuyerState;

const TABLE: &str = "buyers";
const INDEX_KIND: &str = "buyer email";
const NUMBER_INDEX_KIND: &str = "buyer phone";

/// What somebody gives to become a buyer, checked.
#[derive(Clone, Debug)]
pub struct SignUp {
    pub(crate) name: PersonName,
    pub(crate) contact: Contact,
    pub(crate) pin: Pin,
    pub(crate) lang: Lang,
}

impl SignUp {
    /// Joins checked parts; the PIN must not be weak or part of the contact.
    ///
    /// # Errors
    /// Every [`PinProblem`] but the first.
    pub fn new(
        name: PersonName,
        contact: impl Into<Contact>,
        pin: Pin,
        lang: Lang,
    ) -> Result<SignUp, PinProblem> {
        let contact = contact.into();
        pin.check_strength(contact.secret().expose())?;
        Ok(SignUp { name, contact, pin, lang })
    }
}

/// A buyer, without anything personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buyer {
    /// The buyer.
    pub id: BuyerId,
    /// Whether the account can pay.
    pub state: BuyerState,
    /// The language of mails.
    pub lang: Lang,
    /// When the account was made.
    pub created: Timestamp,
    /// When the PIN was last set.
    pub pin_changed: Timestamp,
    /// Wrong PINs in a row, up to now.
    pub pin_failures: i64,
    /// Whether the PIN is locked after too many wrong tries.
    pub pin_locked: bool,
    /// When the PIN was last set without the old one.
    pub pin_reset: Option<Timestamp>,
    /// Small payments that such a PIN may still confirm while it is new.
    pub pin_reset_left: i64,
    /// When another contact took the place of an earlier one.
    pub contact_changed: Option<Timestamp>,
}

/// A buyer's name and contact, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyerPerson {
    /// The name.
    pub name: Secret<String>,
    /// The contact.
    pub contact: Secret<String>,
}

/// A device a buyer uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The device.
    pub id: DeviceId,
    /// What it called itself.
    pub label: String,
    /// When it was first used.
    pub created: Timestamp,
    /// When a session was last opened on it.
    pub used: Timestamp,
}

/// Why a buyer could not be made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuyerError {
    /// Somebody has an account with this contact.
    #[error("there is an account with this contact already")]
    ContactTaken,
    /// The contact is the number of the buyer's own second factor.
    #[error(
        "text messages of the second factor go to this number; remove that factor first, or take another contact"
    )]
    ContactIsFactor,
    /// No such buyer.
    #[error("no such buyer")]
    NotFound,
    /// The new PIN is weak.
    #[error(transparent)]
    WeakPin(PinProblem),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(BuyerError);

/// A buyer, or `None`. One keyed read, shared with a PIN check in the same transaction.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_buyer(tx: &mut Tx, id: BuyerId) -> Result<Option<Buyer>, Fault> {
    Ok(buyers::find_buyer(tx, id)?.map(|row| Buyer {
        id: row.id,
        state: row.state,
        lang: row.lang,
        created: row.created,
        pin_changed: row.pin_changed,
        pin_failures: row.pin_failures,
        pin_locked: row.pin_failures >= crate::limits::PIN_TRIES_MAX,
        pin_reset: row.pin_reset,
        pin_reset_left: row.pin_reset_left,
        contact_changed: row.contact_changed,
    }))
}

/// What holds a buyer's PIN back that was set without the old one; `None` for one that pays as usual.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_cooling(tx: &mut Tx, means: &Means<'_>, id: BuyerId) -> Result<Option<Cooling>, Fault> {
    match buyers::find_buyer(tx, id)? {
        Some(row) => pin::find_cooling(tx, means, &row),
        None => Ok(None),
    }
}

/// A buyer's name and contact. The caller has the right to see them and notes it where it is not the buyer.
///
/// # Errors
/// [`BuyerError::NotFound`] for an unknown or erased buyer.
pub fn find_buyer_person(tx: &mut Tx, vault: &Vault, id: BuyerId) -> Result<BuyerPerson, BuyerError> {
    let row = buyers::find_buyer(tx, id)?.ok_or(BuyerError::NotFound)?;
    let (Some(name), Some(contact)) = (row.name, row.contact) else { return Err(BuyerError::NotFound) };
    let key = vault.find_data_key(tx, ShopId::HOUSE, id.short())?;
    let open = |column, sealed: &[u8]| key.open(&place(column, id.short()), sealed).map_err(Fault::from);
    Ok(BuyerPerson { name: open("name", &name)?, contact: open("contact", &contact)? })
}

/// The buyer with this contact, or `None`.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_buyer_by_contact(
    tx: &mut Tx,
    vault: &Vault,
    contact: &Contact,
) -> Result<Option<BuyerId>, Fault> {
    find_by_text(tx, vault, contact.secret())
}

/// The buyer whose contact has this text, by whichever key its index was made.
fn find_by_text(tx: &mut Tx, vault: &Vault, contact: &Secret<String>) -> Result<Option<BuyerId>, Fault> {
    for index in vault.indexes(index_kind(contact), contact.expose()) {
        if let Some(buyer) = buyers::find_contact(tx, &hash_text(&index))? {
            return Ok(Some(buyer));
        }
    }
    Ok(None)
}

/// Makes a buyer whose contact somebody has already confirmed: by a one-time code, or because the operator vouches for
/// it (import, demonstration, load test).
///
/// # Errors
/// [`BuyerError::ContactTaken`].
pub fn create_buyer(tx: &mut Tx, means: &Means<'_>, sign_up: &SignUp) -> Result<BuyerId, BuyerError> {
    let id = BuyerId::new(ShopId::HOUSE, means.now, means.dice);
    let pending = seal_sign_up(tx, means, id, sign_up)?;
    insert_pending(tx, means, pending)
}

/// A buyer to be, sealed and with a verifier in place of the PIN: waits for the contact to be confirmed.
#[derive(Clone)]
pub(crate) struct PendingBuyer {
    pub(crate) id: BuyerId,
    pub(crate) name: Vec<u8>,
    pub(crate) contact: Vec<u8>,
    pub(crate) pin_salt: Vec<u8>,
    pub(crate) pin_verifier: Vec<u8>,
    pub(crate) lang: Lang,
}

pub(crate) fn seal_sign_up(
    tx: &mut Tx,
    means: &Means<'_>,
    id: BuyerId,
    sign_up: &SignUp,
) -> Result<PendingBuyer, Fault> {
    let key = means.vault.data_key(tx, ShopId::HOUSE, id.short(), means.now, means.dice)?;
    let seal = |column, text: &Secret<String>| seal(&key, means, column, id, text);
    let (pin_salt, pin_verifier) = fresh_verifier(means, id, &sign_up.pin);
    Ok(PendingBuyer {
        id,
        name: seal("name", sign_up.name.secret())?,
        contact: seal("contact", sign_up.contact.secret())?,
        pin_salt,
        pin_verifier,
        lang: sign_up.lang,
    })
}

pub(crate) fn insert_pending(
    tx: &mut Tx,
    means: &Means<'_>,
    pending: PendingBuyer,
) -> Result<BuyerId, BuyerError> {
    let contact = open_pending(tx, means.vault, &pending)?;
    if find_by_text(tx, means.vault, &contact)?.is_some() {
        return Err(BuyerError::ContactTaken);
    }
    let id = pending.id;
    // The keys may have been replaced since it began to wait.
    let index = index_to_store(tx, means.vault, &contact)?;
    buyers::insert_contact(tx, &index, id)?;
    buyers::insert_buyer(
        tx,
        BuyerRow {
            id,
            state: BuyerState::Active,
            name: Some(pending.name),
            contact: Some(pending.contact),
            contact_index: Some(index),
            lang: pending.lang,
            pin_salt: pending.pin_salt,
            pin_verifier: pending.pin_verifier,
            pin_failures: 0,
            pin_changed: means.now,
            created: means.now,
            pin_reset: None,
            pin_reset_left: 0,
            pin_alone: false,
            contact_changed: None,
        },
    )?;
    record::note(tx, means, Event::of_buyer(id, record::BUYER_CREATED))?;
    Ok(id)
}

/// What changing a PIN came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinChange {
    /// The new PIN is in force.
    Done,
    /// The old PIN was not right; see [`PinCheck`].
    Refused(PinCheck),
}

/// Replaces the PIN after checking the old one, and tells the buyer by mail (PW-6).
///
/// # Errors
/// [`BuyerError::WeakPin`] for the new one, [`BuyerError::NotFound`].
pub fn change_pin(
    tx: &mut Tx,
    means: &Means<'_>,
    id: BuyerId,
    old: &Pin,
    new: &Pin,
) -> Result<PinChange, BuyerError> {
    let person = find_buyer_person(tx, means.vault, id)?;
    new.check_strength(person.contact.expose()).map_err(BuyerError::WeakPin)?;
    let check = pin::verify_pin(tx, means, id, old)?;
    if check != PinCheck::Right {
        return Ok(PinChange::Refused(check));
    }
    let row = buyers::find_buyer(tx, id)?.ok_or(BuyerError::NotFound)?;
    // INVARIANT: a PIN that is held back stays so, whatever it is changed to.
    let (pin_salt, pin_verifier) = fresh_verifier(means, id, new);
    buyers::update_buyer(tx, BuyerRow { pin_salt, pin_verifier, pin_changed: means.now, ..row })?;
    notices::queue_notice(tx, means, Person::Buyer(id), &Notice::PinChanged)?;
    record::note(tx, means, Event::of_buyer(id, record::PIN_CHANGED))?;
    Ok(PinChange::Done)
}

/// Freezes or unfreezes a buyer: a frozen one signs in and sees, but does not pay. What the house stopped, the buyer
/// cannot set free.
///
/// # Errors
/// [`BuyerError::NotFound`] for an unknown or erased buyer.
pub fn set_frozen(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    id: BuyerId,
    freeze: Freeze,
) -> Result<(), BuyerError> {
    let row = buyers::find_buyer(tx, id)?.filter(|row| row.state != BuyerState::Erased);
    let row = row.ok_or(BuyerError::NotFound)?;
    let own = matches!(actor, Actor::Buyer(_));
    let (state, action) = match freeze {
        Freeze::Freeze if own => (BuyerState::Frozen, record::BUYER_FROZEN),
        Freeze::Freeze => (BuyerState::Held, record::BUYER_FROZEN),
        Freeze::Unfreeze => (BuyerState::Active, record::BUYER_UNFROZEN),
    };
    let stays = row.state == state || own && row.state == BuyerState::Held;
    if !stays {
        buyers::update_buyer(tx, BuyerRow { state, ..row })?;
        record::note(tx, means, Event::new(ShopId::HOUSE, actor, action, id))?;
        let happened = if freeze == Freeze::Freeze { Happening::Frozen } else { Happening::Unfrozen };
        activity::note(tx, means, id, happened, Scene::default())?;
    }
    Ok(())
}

/// Lets a buyer whose PIN is locked try again: the count of wrong tries starts at nothing. The PIN stays the same.
///
/// # Errors
/// [`BuyerError::NotFound`] for an unknown or erased buyer.
pub fn unlock_pin(tx: &mut Tx, means: &Means<'_>, actor: &Actor, id: BuyerId) -> Result<(), BuyerError> {
    let row = buyers::find_buyer(tx, id)?.filter(|row| row.state != BuyerState::Erased);
    let row = row.ok_or(BuyerError::NotFound)?;
    if row.pin_failures > 0 {
        let failures = row.pin_failures;
        buyers::update_buyer(tx, BuyerRow { pin_failures: 0, ..row })?;
        let event = Event::new(ShopId::HOUSE, actor, record::PIN_UNLOCKED, id).with("failures", failures);
        record::note(tx, means, event)?;
    }
    Ok(())
}

/// Which way [`set_frozen`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// Stop paying.
    Freeze,
    /// Pay again.
    Unfreeze,
}

/// Erases a buyer: ends the sessions, forgets contact and PIN, and destroys the data key, so that name, contact and
/// waiting mails stay closed for good, in backups as well. The id remains, for the books.
///
/// # Errors
/// [`BuyerError::NotFound`].
pub fn erase_buyer(tx: &mut Tx, means: &Means<'_>, actor: &Actor, id: BuyerId) -> Result<(), BuyerError> {
    let row = buyers::find_buyer(tx, id)?.filter(|row| row.state != BuyerState::Erased);
    let row = row.ok_or(BuyerError::NotFound)?;
    sessions::end_buyer_sessions(tx, means, id)?;
    factors::delete_all(tx, Person::Buyer(id))?;
    for device in buyers::list_devices(tx, id)? {
        buyers::delete_device(tx, id, device.id)?;
    }
    disputes::delete_disputes(tx, Person::Buyer(id))?;
    activity::delete_activity(tx, id)?;
    if let Some(index) = &row.contact_index {
        buyers::delete_contact(tx, index)?;
    }
    buyers::update_buyer(
        tx,
        BuyerRow {
            state: BuyerState::Erased,
            name: None,
            contact: None,
            contact_index: None,
            pin_salt: Vec::new(),
            pin_verifier: Vec::new(),
            ..row
        },
    )?;
    Vault::destroy_data_key(tx, ShopId::HOUSE, id.short(), means.now)?;
    record::note(tx, means, Event::new(ShopId::HOUSE, actor, record::BUYER_ERASED, id))?;
    Ok(())
}

/// The devices of a buyer.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_devices(tx: &mut Tx, buyer: BuyerId) -> Result<Vec<Device>, Fault> {
    let rows = buyers::list_devices(tx, buyer)?;
    let device =
        |row: DeviceRow| Device { id: row.id, label: row.label, created: row.created, used: row.used };
    Ok(rows.into_iter().map(device).collect())
}

/// A device of a buyer, or `None`. One keyed read; screening asks for its age.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_device(tx: &mut Tx, buyer: BuyerId, id: DeviceId) -> Result<Option<Device>, Fault> {
    let row = buyers::find_device(tx, buyer, id)?;
    Ok(row.map(|row| Device { id: row.id, label: row.label, created: row.created, used: row.used }))
}

/// The device behind a token, if this buyer was signed in on it before.
pub(crate) fn find_own_device(
    tx: &mut Tx,
    buyer: BuyerId,
    shown: &DeviceToken,
) -> Result<Option<DeviceId>, Fault> {
    let row = buyers::find_device(tx, buyer, shown.device)?;
    Ok(row.filter(|row| row.token_hash == shown.token.hash()).map(|row| row.id))
}

/// A device that somebody signs in on.
pub(crate) struct Recognised {
    /// What it shows from now on.
    pub(crate) token: DeviceToken,
    /// Whether this buyer uses it for the first time.
    pub(crate) is_new: bool,
}

/// The device that shows the token it was given, or a new one. The device of another buyer stays one device with both:
/// screening counts who shares it. A token that was not given out makes a new device.
pub(crate) fn recognise_device(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    shown: Option<&DeviceToken>,
    (label, origin): (&Label, &str),
) -> Result<Recognised, Fault> {
    let (label, network) = (label.as_str().to_owned(), Network::of_origin(origin));
    if let Some(shown) = shown {
        let token_hash = shown.token.hash();
        let genuine = buyers::find_token_device(tx, &token_hash)? == Some(shown.device);
        match buyers::find_device(tx, buyer, shown.device)? {
            Some(row) if row.token_hash == token_hash => {
                buyers::update_device(tx, DeviceRow { used: means.now, label, ..row })?;
                return Ok(Recognised { token: shown.clone(), is_new: false });
            }
            None if genuine => {
                add_device(tx, means, buyer, shown, (label, network))?;
                return Ok(Recognised { token: shown.clone(), is_new: true });
            }
            _ => {}
        }
    }
    let device = DeviceId::new(ShopId::HOUSE, means.now, means.dice);
    let token = DeviceToken { device, token: Token::random(TokenKind::Device, means.dice) };
    buyers::insert_device_token(tx, &token.token.hash(), device)?;
    add_device(tx, means, buyer, &token, (label, network))?;
    Ok(Recognised { token, is_new: true })
}

fn add_device(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    token: &DeviceToken,
    (label, network): (String, Option<Network>),
) -> Result<(), Fault> {
    let is_first = buyers::list_devices(tx, buyer)?.is_empty();
    let notice = Notice::NewDevice { agent: Label::from_agent(&label), network };
    activity::note(tx, means, buyer, Happening::DeviceAdded, Scene { label: &label, network })?;
    let (created, used) = (means.now, means.now);
    let (id, token_hash) = (token.device, token.token.hash());
    buyers::insert_device(tx, DeviceRow { buyer, id, token_hash, label, created, used })?;
    record::note(tx, means, Event::new(ShopId::HOUSE, buyer, record::DEVICE_ADDED, id))?;
    if is_first { Ok(()) } else { notices::queue_notice(tx, means, Person::Buyer(buyer), &notice) }
}

/// Adds a device for a buyer and opens a session on it, without a code: for demonstrations and load tests.
///
/// # Errors
/// [`Fault`] alone.
pub fn open_trusted_session(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    label: &Label,
) -> Result<(DeviceId, sessions::NewSession), Fault> {
    let known = recognise_device(tx, means, buyer, None, (label, sessions::NOWHERE))?;
    let device = known.token.device;
    Ok((device, sessions::open_buyer_session(tx, means, buyer, device, (label, sessions::NOWHERE))?))
}

/// What a device keeps to be recognised the next time: `dev_….twd_…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceToken {
    pub(crate) device: DeviceId,
    pub(crate) token: Token,
}

impl DeviceToken {
    /// Reads the text form; `None` for anything else.
    pub fn parse(text: &str) -> Option<DeviceToken> {
        let (device, token) = text.split_once('.')?;
        Some(DeviceToken { device: device.parse().ok()?, token: Token::parse(TokenKind::Device, token)? })
    }

    /// The text form, to be kept on the device.
    pub fn reveal(&self) -> Secret<String> {
        Secret::new(format!("{}.{}", self.device, self.token.secret().expose()))
    }
}

/// Queues a message to an address or number of a buyer.
pub(crate) fn notify(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    contact: &Contact,
    message: &mail::Message,
) -> Result<(), Fault> {
    let to = Recipient { shop: ShopId::HOUSE, owner: buyer.short(), contact };
    mail::queue_message(tx, means, &to, message)
}

/// What a contact is counted by.
pub(crate) fn contact_index(vault: &Vault, contact: &Contact) -> String {
    let text = contact.secret();
    hash_text(&vault.index(index_kind(text), text.expose()))
}

/// What a contact is counted by, under each seed that is in use.
pub(crate) fn contact_indexes(vault: &Vault, contact: &Contact) -> Vec<String> {
    let text = contact.secret();
    vault.indexes(index_kind(text), text.expose()).iter().map(hash_text).collect()
}

/// Whether `index`, made lately by [`contact_index`], is that of the contact which opens the account now.
pub(crate) fn has_contact(tx: &mut Tx, vault: &Vault, id: BuyerId, index: &str) -> Result<bool, Fault> {
    let row = buyers::find_buyer(tx, id)?.filter(|row| row.contact_index.is_some());
    let Some(sealed) = row.and_then(|row| row.contact) else { return Ok(false) };
    let key = vault.find_data_key(tx, ShopId::HOUSE, id.short())?;
    let contact = key.open(&place("contact", id.short()), &sealed)?;
    let made = vault.indexes(index_kind(&contact), contact.expose());
    Ok(made.iter().any(|hash| hash_text(hash) == index))
}

/// Addresses and numbers have an index each: an address has an `@`, and a number has none.
fn index_kind(contact: &Secret<String>) -> &'static str {
    if contact.expose().contains('@') { INDEX_KIND } else { NUMBER_INDEX_KIND }
}

fn index_to_store(tx: &mut Tx, vault: &Vault, contact: &Secret<String>) -> Result<String, Fault> {
    Ok(hash_text(&vault.index_to_store(tx, index_kind(contact), contact.expose())?))
}

/// The contact of a buyer to be.
fn open_pending(tx: &mut Tx, vault: &Vault, pending: &PendingBuyer) -> Result<Secret<String>, Fault> {
    let key = vault.find_data_key(tx, ShopId::HOUSE, pending.id.short())?;
    Ok(key.open(&place("contact", pending.id.short()), &pending.contact)?)
}

/// The buyer who has the contact of a buyer to be.
pub(crate) fn find_same_contact(
    tx: &mut Tx,
    vault: &Vault,
    pending: &PendingBuyer,
) -> Result<Option<BuyerId>, Fault> {
    let contact = open_pending(tx, vault, pending)?;
    find_by_text(tx, vault, &contact)
}

/// Whether the contact of a buyer to be is a number that has an account by now.
pub(crate) fn is_number_taken(tx: &mut Tx, vault: &Vault, pending: &PendingBuyer) -> Result<bool, Fault> {
    let contact = open_pending(tx, vault, pending)?;
    Ok(Phone::parse(contact.expose()).is_ok() && find_by_text(tx, vault, &contact)?.is_some())
}

/// Makes a buyer's index anew, when the seed of the sub-keys is replaced.
pub(crate) fn rekey_contact(
    tx: &mut Tx,
    vault: &Vault,
    row: BuyerRow,
    old: &str,
) -> Result<KeyedHash, vault::VaultError> {
    let sealed = row.contact.as_deref().unwrap_or_default();
    let key = vault.find_data_key(tx, ShopId::HOUSE, row.id.short())?;
    let contact = key.open(&place("contact", row.id.short()), sealed)?;
    let index = vault.index_to_store(tx, index_kind(&contact), contact.expose())?;
    buyers::delete_contact(tx, old)?;
    buyers::insert_contact(tx, &hash_text(&index), row.id)?;
    buyers::update_buyer(tx, BuyerRow { contact_index: Some(hash_text(&index)), ..row })?;
    Ok(index)
}

/// Seals another contact for a buyer, and makes it the one the account is found by.
pub(crate) fn put_contact(
    tx: &mut Tx,
    means: &Means<'_>,
    id: BuyerId,
    contact: &Contact,
) -> Result<(), BuyerError> {
    if find_buyer_by_contact(tx, means.vault, contact)?.is_some() {
        return Err(BuyerError::ContactTaken);
    }
    let row = buyers::find_buyer(tx, id)?.ok_or(BuyerError::NotFound)?;
    let key = means.vault.data_key(tx, ShopId::HOUSE, id.short(), means.now, means.dice)?;
    let sealed = seal(&key, means, "contact", id, contact.secret())?;
    let index = index_to_store(tx, means.vault, contact.secret())?;
    if let Some(old) = &row.contact_index {
        buyers::delete_contact(tx, old)?;
    }
    buyers::insert_contact(tx, &index, id)?;
    let (contact, contact_index, contact_changed) = (Some(sealed), Some(index), Some(means.now));
    Ok(buyers::update_buyer(tx, BuyerRow { contact, contact_index, contact_changed, ..row })?)
}

/// Makes a buyer's contact open the account no longer. It stays sealed beside it, to be told what happens.
pub(crate) fn forget_contact(tx: &mut Tx, id: BuyerId) -> Result<(), BuyerError> {
    let row = buyers::find_buyer(tx, id)?.ok_or(BuyerError::NotFound)?;
    if let Some(index) = &row.contact_index {
        buyers::delete_contact(tx, index)?;
    }
    Ok(buyers::update_buyer(tx, BuyerRow { contact_index: None, ..row })?)
}

/// A new salt, and the verifier of `pin` with it.
pub(crate) fn fresh_verifier(means: &Means<'_>, id: BuyerId, pin: &Pin) -> (Vec<u8>, Vec<u8>) {
    let salt: [u8; pin::SALT_BYTES] = means.dice.bytes();
    let verifier = pin.verifier(means.vault, id, &salt);
    (salt.to_vec(), verifier)
}

fn seal(
    key: &DataKey,
    means: &Means<'_>,
    column: &'static str,
    id: BuyerId,
    text: &Secret<String>,
) -> Result<Vec<u8>, Fault> {
    Ok(key.seal(&place(column, id.short()), text, means.dice)?)
}

fn place<'a>(column: &'static str, row: &'a str) -> Place<'a> {
    Place { table: TABLE, column, row }
}
