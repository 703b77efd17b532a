//! Codes by text message as a second factor. Restricted, as NIST SP 800-63B-4 calls it: a number can be taken over, so
//! something stronger is offered beside it, the number is verified before it counts, and it stops counting for a while when
//! its SIM card was changed (OTP-5).

use base::{FactorId, Secret, SessionId};
use store::Tx;

use crate::codes::{CodeRequestError, CodeRequested, OneTimeCode};
use crate::context::{Fault, Means, takes_faults};
use crate::factors::{self, FactorError, FactorKind, NewFactor};
use crate::person::{Person, find_reach, is_contact};
use crate::phone::{Contact, Phone};
use crate::proof;
use crate::sent_codes::{self, CodePurpose, Delivery, Errand, SentCheck};
use crate::sim_change;
use crate::store::factors::{self as rows, FactorRow, FactorState};
use crate::text::Label;

/// A number that was offered: it counts once the code sent to it is given.
#[derive(Clone, Debug)]
pub struct SmsOffer {
    /// The factor.
    pub id: FactorId,
    /// The request its code belongs to.
    pub request: CodeRequested,
}

/// Why no code was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmsError {
    /// The factor could not be added, or there is none.
    #[error(transparent)]
    Factor(FactorError),
    /// Too many codes were asked for.
    #[error(transparent)]
    Code(CodeRequestError),
    /// The SIM card of the number was changed lately.
    #[error(
        "the SIM card of the number was changed lately, so codes to it prove nothing; use another second factor"
    )]
    SimChanged,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(SmsError);

impl From<FactorError> for SmsError {
    fn from(error: FactorError) -> SmsError {
        match error {
            FactorError::Fault(fault) => SmsError::Fault(fault),
            other => SmsError::Factor(other),
        }
    }
}

impl From<CodeRequestError> for SmsError {
    fn from(error: CodeRequestError) -> SmsError {
        match error {
            CodeRequestError::Fault(fault) => SmsError::Fault(fault),
            other => SmsError::Code(other),
        }
    }
}

/// Offers a number as a second factor and sends it a code.
///
/// # Errors
/// [`SmsError::Factor`] with [`FactorError::IsContact`] for the number of the account itself, which proves nothing besides;
/// [`SmsError::Code`].
pub fn offer_sms(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    phone: &Phone,
    (origin, host): (&str, &str),
) -> Result<SmsOffer, SmsError> {
    refuse_contact(tx, means, person, phone)?;
    factors::forget_offers(tx, person, FactorKind::Sms)?;
    let label = Label::from_agent(&phone.hint());
    let secret = Secret::new(phone.secret().expose().clone().into_bytes());
    let new = NewFactor { kind: FactorKind::Sms, label: &label, secret: &secret };
    let row = factors::seal_factor(tx, means, person, &new)?;
    let id = row.id;
    rows::insert_factor(tx, FactorRow { state: FactorState::Pending, ..row })?;
    let errand = Errand { person, purpose: CodePurpose::Verify, bound: id.short() };
    let contact = Contact::Phone(phone.clone());
    let request = sent_codes::send_code(tx, means, errand, Delivery { contact: &contact, origin, host })?;
    Ok(SmsOffer { id, request })
}

/// Takes the code that was sent to an offered number; from then on the number counts, and the person is told.
///
/// # Errors
/// [`FactorError::NotFound`] for an offer that is gone; [`FactorError::IsContact`] where the number became the contact of the
/// account meanwhile.
pub fn confirm_sms(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    id: FactorId,
    (request, code): (SessionId, &OneTimeCode),
) -> Result<SentCheck, FactorError> {
    let row = factors::find_offer(tx, means, person, FactorKind::Sms, id)?.ok_or(FactorError::NotFound)?;
    let number = factors::read_phone(&factors::open_secret(tx, means, person, &row)?)?;
    refuse_contact(tx, means, person, &number)?;
    let errand = Errand { person, purpose: CodePurpose::Verify, bound: id.short() };
    let check = sent_codes::check_sent(tx, means, errand, request, code)?;
    if check == SentCheck::Right {
        rows::update_factor(tx, FactorRow { state: FactorState::Active, used: Some(means.now), ..row })?;
        factors::note_added(tx, means, person, id, FactorKind::Sms)?;
    }
    Ok(check)
}

/// One telephone is one factor: the number a buyer signs in with is no second one.
fn refuse_contact(tx: &mut Tx, means: &Means<'_>, person: Person, number: &Phone) -> Result<(), FactorError> {
    if is_contact(tx, means.vault, person, number)? { Err(FactorError::IsContact) } else { Ok(()) }
}

/// Sends a code to the contact of a buyer who has no second factor, for a step-up of low risk.
///
/// # Errors
/// [`SmsError::Factor`] with [`FactorError::NotFound`] for anybody else; [`SmsError::SimChanged`]; [`SmsError::Code`].
pub fn send_to_contact(
    tx: &mut Tx,
    means: &Means<'_>,
    errand: Errand<'_>,
    (origin, host): (&str, &str),
) -> Result<CodeRequested, SmsError> {
    if !proof::takes_contact(tx, means, errand.person, errand.purpose)? {
        return Err(SmsError::Factor(FactorError::NotFound));
    }
    let reach = find_reach(tx, means.vault, errand.person)?.ok_or(SmsError::Factor(FactorError::NotFound))?;
    let contact = Contact::parse(reach.contact.expose()).map_err(|_| Fault::Row("contact"))?;
    if sim_change::is_changed(tx, means, &contact)? {
        return Err(SmsError::SimChanged);
    }
    Ok(sent_codes::send_code(tx, means, errand, Delivery { contact: &contact, origin, host })?)
}

/// Sends a code to the person's verified number; where there are several, to the oldest whose SIM card was not changed
/// lately. A number that is the contact as well, from before such were refused, gets none: it was the first step.
///
/// # Errors
/// [`SmsError::Factor`] with [`FactorError::NotFound`] where there is none; [`SmsError::SimChanged`] where each was changed;
/// [`SmsError::Code`].
pub fn send_sms(
    tx: &mut Tx,
    means: &Means<'_>,
    errand: Errand<'_>,
    (origin, host): (&str, &str),
) -> Result<CodeRequested, SmsError> {
    let mut problem = SmsError::Factor(FactorError::NotFound);
    for phone in factors::list_phones(tx, means, errand.person)? {
        if is_contact(tx, means.vault, errand.person, &phone)? {
            continue;
        }
        let contact = Contact::Phone(phone);
        if !sim_change::is_changed(tx, means, &contact)? {
            let to = Delivery { contact: &contact, origin, host };
            return Ok(sent_codes::send_code(tx, means, errand, to)?);
        }
        problem = SmsError::SimChanged;
    }
    Err(problem)
}
