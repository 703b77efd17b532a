//! Checking what a browser brings back: the steps of WebAuthn L3 §7.1 (a new passkey) and §7.2 (a passkey used), without
//! reading or writing anything (C08).
//!
//! User verification is always demanded: somebody unlocked the device by finger, face or code, so one touch is two
//! factors. A page inside another site's frame is refused whatever that site is. Statements of makers are looked at where
//! the installation asks for them ([`super::attestation`]).

use aws_lc_rs::digest;
use base::Timestamp;

use super::attestation::{AttestationObject, AttestationPolicy, Claim, Model};
use super::authenticator_data::AuthenticatorData;
use super::key::PublicKey;
use super::site::Site;
use crate::limits::{
    ATTESTATION_BYTES_MAX, AUTHENTICATOR_DATA_BYTES_MAX, CLIENT_DATA_BYTES_MAX, PASSKEY_ID_BYTES_MAX,
    SIGNATURE_BYTES_MAX, USER_HANDLE_BYTES_MAX,
};

/// What the browser says about the page that asked, as read from its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientData {
    /// `webauthn.create` or `webauthn.get`.
    pub kind: String,
    /// The challenge the page was given.
    pub challenge: Vec<u8>,
    /// The page's origin.
    pub origin: String,
    /// Whether the page stood in a frame of another origin.
    pub cross_origin: bool,
    /// Whether an outermost origin is named, which only framed pages have.
    pub top_origin: bool,
}

/// A new passkey as the browser brings it. Private fields: [`NewPasskey::parse`] checked the lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    client: ClientData,
    client_hash: [u8; 32],
    attestation: Vec<u8>,
}

/// A use of a passkey as the browser brings it. Private fields: [`PasskeyUse::parse`] checked the lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyUse {
    id: Vec<u8>,
    client: ClientData,
    client_hash: [u8; 32],
    data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

/// A part of a passkey's answer that is longer than it may be, or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` must have 1 to {max} bytes")]
pub struct PasskeyPart {
    /// Its name in the API.
    pub part: &'static str,
    /// The limit.
    pub max: usize,
}

/// The parts of a [`PasskeyUse`], raw.
#[derive(Clone, Debug)]
pub struct RawUse {
    /// The credential's id.
    pub id: Vec<u8>,
    /// The bytes the client data were read from.
    pub client_bytes: Vec<u8>,
    /// The client data, read.
    pub client: ClientData,
    /// Authenticator data.
    pub data: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Whose passkey it is, as the authenticator says.
    pub user_handle: Option<Vec<u8>>,
}

impl NewPasskey {
    /// Takes the parts, with their limits; of the client data, the bytes and what was read from them.
    ///
    /// # Errors
    /// [`PasskeyPart`].
    pub fn parse(
        (client_bytes, client): (&[u8], ClientData),
        attestation: Vec<u8>,
    ) -> Result<NewPasskey, PasskeyPart> {
        fits("clientDataJSON", client_bytes, CLIENT_DATA_BYTES_MAX)?;
        fits("attestationObject", &attestation, ATTESTATION_BYTES_MAX)?;
        Ok(NewPasskey { client, client_hash: sha256(client_bytes), attestation })
    }

    /// The challenge it answers.
    pub(super) fn challenge(&self) -> &[u8] {
        &self.client.challenge
    }
}

impl PasskeyUse {
    /// Takes the parts, with their limits.
    ///
    /// # Errors
    /// [`PasskeyPart`].
    pub fn parse(raw: RawUse) -> Result<PasskeyUse, PasskeyPart> {
        fits("id", &raw.id, PASSKEY_ID_BYTES_MAX)?;
        fits("clientDataJSON", &raw.client_bytes, CLIENT_DATA_BYTES_MAX)?;
        fits("authenticatorData", &raw.data, AUTHENTICATOR_DATA_BYTES_MAX)?;
        fits("signature", &raw.signature, SIGNATURE_BYTES_MAX)?;
        if let Some(handle) = &raw.user_handle {
            fits("userHandle", handle, USER_HANDLE_BYTES_MAX)?;
        }
        let RawUse { id, client_bytes, client, data, signature, user_handle } = raw;
        Ok(PasskeyUse { id, client, client_hash: sha256(&client_bytes), data, signature, user_handle })
    }

    /// The credential's id.
    pub(super) fn id(&self) -> &[u8] {
        &self.id
    }

    /// The challenge it answers.
    pub(super) fn challenge(&self) -> &[u8] {
        &self.client.challenge
    }

    /// Whose passkey it is, as the authenticator says.
    pub(super) fn user_handle(&self) -> Option<&[u8]> {
        self.user_handle.as_deref()
    }
}

fn fits(part: &'static str, bytes: &[u8], max: usize) -> Result<(), PasskeyPart> {
    if (1..=max).contains(&bytes.len()) { Ok(()) } else { Err(PasskeyPart { part, max }) }
}

/// Why an answer was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyProblem {
    /// The bytes make no sense.
    #[error("the authenticator's answer cannot be read")]
    Malformed,
    /// A registration in place of a use, or the other way round.
    #[error("the answer is for something else")]
    WrongKind,
    /// Another challenge than the one that was given out.
    #[error("the answer is for another request")]
    WrongChallenge,
    /// A page of another origin asked.
    #[error("the answer was made on another site")]
    WrongOrigin,
    /// The page stood in another site's frame.
    #[error("the answer was made inside another site's frame")]
    Framed,
    /// Made for another site.
    #[error("the passkey belongs to another site")]
    WrongSite,
    /// Nobody touched the device.
    #[error("nobody confirmed on the device")]
    NotPresent,
    /// The device was not unlocked.
    #[error("the device did not check who holds it; unlock it by finger, face or code")]
    NotVerified,
    /// A copy without being copyable, or copyable where it was not before.
    #[error("the authenticator contradicts itself about copies of the passkey")]
    BackupState,
    /// Not a key we accept.
    #[error("the passkey's kind of key is not accepted")]
    Algorithm,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// Counts less than before: there may be a copy of the key.
    #[error("the passkey counted backwards, so there may be a copy of it")]
    CounterBack,
    /// Nobody says who made the device, where that is asked for.
    #[error("the device does not say who made it; use a security key that your organisation hands out")]
    NoMaker,
    /// What the maker says does not hold.
    #[error(
        "what the device says of its maker does not hold; use a security key that your organisation hands out"
    )]
    Statement,
    /// A maker whose root is not among those that count.
    #[error("the device's maker is not one we take; use a security key that your organisation hands out")]
    UnknownMaker,
    /// A model that is not among those that count.
    #[error("the device's model is not one we take; use a security key that your organisation hands out")]
    Model,
}

impl PasskeyProblem {
    /// Whether it is about who made the device.
    pub(crate) fn is_of_maker(self) -> bool {
        use PasskeyProblem::{Model, NoMaker, Statement, UnknownMaker};
        matches!(self, NoMaker | Statement | UnknownMaker | Model)
    }

    /// The word in the audit log.
    pub(super) fn word(self) -> &'static str {
        match self {
            PasskeyProblem::Malformed => "malformed",
            PasskeyProblem::WrongKind => "wrong_kind",
            PasskeyProblem::WrongChallenge => "wrong_challenge",
            PasskeyProblem::WrongOrigin => "wrong_origin",
            PasskeyProblem::Framed => "framed",
            PasskeyProblem::WrongSite => "wrong_site",
            PasskeyProblem::NotPresent => "not_present",
            PasskeyProblem::NotVerified => "not_verified",
            PasskeyProblem::BackupState => "backup_state",
            PasskeyProblem::Algorithm => "algorithm",
            PasskeyProblem::Signature => "signature",
            PasskeyProblem::CounterBack => "counter_back",
            PasskeyProblem::NoMaker => "no_maker",
            PasskeyProblem::Statement => "maker_statement",
            PasskeyProblem::UnknownMaker => "unknown_maker",
            PasskeyProblem::Model => "model",
        }
    }
}

/// A passkey that was just made, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MadeKey {
    pub id: Vec<u8>,
    pub cose: Vec<u8>,
    pub use_state: UseState,
    pub model: Model,
}

/// What changes from use to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UseState {
    pub counter: u32,
    pub backup_eligible: bool,
    pub backed_up: bool,
}

/// A passkey as it is known from before.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownKey<'a> {
    pub cose: &'a [u8],
    pub use_state: UseState,
}

/// Checks a new passkey (§7.1), at `now` where its maker is asked for.
pub(super) fn check_new(
    site: &Site,
    challenge: &[u8],
    new: &NewPasskey,
    asked: Option<(&AttestationPolicy, Timestamp)>,
) -> Result<MadeKey, PasskeyProblem> {
    check_client(site, challenge, "webauthn.create", &new.client)?;
    let object = AttestationObject::read(&new.attestation).ok_or(PasskeyProblem::Malformed)?;
    let data = AuthenticatorData::read(object.data).ok_or(PasskeyProblem::Malformed)?;
    let key = data.attested.ok_or(PasskeyProblem::Malformed)?;
    let use_state = check_data(site, &data)?;
    let public = PublicKey::read(key.cose).ok_or(PasskeyProblem::Algorithm)?;
    let model = Model(key.model);
    if let Some((policy, now)) = asked {
        let signed = [object.data, &new.client_hash].concat();
        policy.check(&object, &Claim { signed: &signed, key: &public, model, now })?;
    }
    Ok(MadeKey { id: key.id.to_vec(), cose: key.cose.to_vec(), use_state, model })
}

/// Checks a use of a passkey (§7.2), and gives what to remember of it.
pub(super) fn check_use(
    site: &Site,
    challenge: &[u8],
    known: KnownKey<'_>,
    used: &PasskeyUse,
) -> Result<UseState, PasskeyProblem> {
    check_client(site, challenge, "webauthn.get", &used.client)?;
    let data = AuthenticatorData::read(&used.data).ok_or(PasskeyProblem::Malformed)?;
    let now = check_data(site, &data)?;
    if now.backup_eligible != known.use_state.backup_eligible {
        return Err(PasskeyProblem::BackupState);
    }
    let key = PublicKey::read(known.cose).ok_or(PasskeyProblem::Algorithm)?;
    if !is_signed(&key, used) {
        return Err(PasskeyProblem::Signature);
    }
    // Last of all, so that only the holder of the key can make it look copied.
    let before = known.use_state.counter;
    if (now.counter > 0 || before > 0) && now.counter <= before {
        return Err(PasskeyProblem::CounterBack);
    }
    Ok(now)
}

fn is_signed(key: &PublicKey, used: &PasskeyUse) -> bool {
    key.verifies(&[&used.data[..], &used.client_hash].concat(), &used.signature)
}

fn check_client(
    site: &Site,
    challenge: &[u8],
    kind: &str,
    client: &ClientData,
) -> Result<(), PasskeyProblem> {
    let checks = [
        (client.kind == kind, PasskeyProblem::WrongKind),
        (client.challenge == challenge, PasskeyProblem::WrongChallenge),
        (client.origin == site.origin(), PasskeyProblem::WrongOrigin),
        (!client.cross_origin && !client.top_origin, PasskeyProblem::Framed),
    ];
    checks.into_iter().try_for_each(|(holds, problem)| if holds { Ok(()) } else { Err(problem) })
}

fn check_data(site: &Site, data: &AuthenticatorData<'_>) -> Result<UseState, PasskeyProblem> {
    let checks = [
        (data.site_hash == site.hash(), PasskeyProblem::WrongSite),
        (data.user_present(), PasskeyProblem::NotPresent),
        (data.user_verified(), PasskeyProblem::NotVerified),
        (data.backup_eligible() || !data.backed_up(), PasskeyProblem::BackupState),
    ];
    checks.into_iter().try_for_each(|(holds, problem)| if holds { Ok(()) } else { Err(problem) })?;
    let (backup_eligible, backed_up) = (data.backup_eligible(), data.backed_up());
    Ok(UseState { counter: data.counter, backup_eligible, backed_up })
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests;
