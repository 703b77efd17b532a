//! Client certificates: how a shop's terminal or API client shows who it is on the listener for machines.
//!
//! Promises:
//! - a certificate is issued against a one-time code that a member made, or against the present certificate; the private
//!   key never leaves the client;
//! - it lives [`CERTIFICATE_DAYS`] days, names one holder of one shop, and is good for signing in as a client alone;
//! - a revoked one opens nothing from the next request on, on every node; so does one whose API key was revoked;
//! - the operator's own authority may issue them in its place, when the installation trusts it: then the name in the
//!   certificate decides, and revoking is that authority's work;
//! - whatever certificate the installation uses is in one inventory, with alarms before it ends.
//!
//! Reading order: this file, `request.rs`, `authority.rs`, `inventory.rs`.

use std::fmt;

use aws_lc_rs::digest;
use base::{ApiKeyId, CertificateId, ScopedId, ShopId, TerminalId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use store::Tx;
use webkit::peer::{PeerCertificate, PeerIssuer};

use crate::api_keys;
use crate::context::{Fault, Means, takes_faults};
use crate::limits::{
    CERTIFICATE_DAYS, CERTIFICATES_PER_HOLDER_MAX, ENROLMENT_MINUTES_MAX, ENROLMENT_MINUTES_MIN,
    ENROLMENTS_MAX,
};
use crate::permissions::{Actor, Denied, Permission, TerminalCaller};
use crate::record::{self, Event};
use crate::sessions::AuthError;
use crate::store::api_keys as key_rows;
use crate::store::certificates::{self as rows, CertificateRow, EnrolmentRow};
use crate::text::Label;
use crate::token::{Token, TokenKind};

mod authority;
pub(crate) mod inventory;
mod request;

use authority::Authority;
pub(crate) use authority::OWNER;

pub use crate::store::certificates::{CertificateState, Purpose};
pub use inventory::{Alarm, Watched, days_left, raise_alarms, watch_certificate};
pub use request::{CertificateRequest, RequestProblem};

const DAY_SECONDS: i64 = 86_400;

/// Whom a client certificate names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A shop's API client: it may what its API key may.
    ApiKey(ApiKeyId),
    /// A shop's terminal.
    Terminal(TerminalId),
}

impl Holder {
    /// The shop it belongs to.
    pub fn shop(self) -> ShopId {
        match self {
            Holder::ApiKey(id) => id.shop(),
            Holder::Terminal(id) => id.shop(),
        }
    }

    /// Its name in a certificate: the one URI among the alternative names that we read.
    pub fn uri(self) -> String {
        match self {
            Holder::ApiKey(id) => format!("urn:tillward:key:{id}"),
            Holder::Terminal(id) => format!("urn:tillward:terminal:{id}"),
        }
    }

    /// Reads [`Holder::uri`].
    pub fn from_uri(uri: &str) -> Option<Holder> {
        let rest = uri.strip_prefix("urn:tillward:")?;
        match rest.split_once(':')? {
            ("key", id) => id.parse().ok().map(Holder::ApiKey),
            ("terminal", id) => id.parse().ok().map(Holder::Terminal),
            _ => None,
        }
    }

    /// Reads the id of either kind of holder.
    pub fn parse(id: &str) -> Option<Holder> {
        let key = id.parse().ok().map(Holder::ApiKey);
        key.or_else(|| id.parse().ok().map(Holder::Terminal))
    }

    fn object(self) -> audit::Object {
        match self {
            Holder::ApiKey(id) => id.into(),
            Holder::Terminal(id) => id.into(),
        }
    }

    fn actor(self) -> audit::Actor {
        match self {
            Holder::ApiKey(id) => id.into(),
            Holder::Terminal(id) => id.into(),
        }
    }

    fn permission(self) -> Permission {
        match self {
            Holder::ApiKey(_) => Permission::ManageApiKeys,
            Holder::Terminal(_) => Permission::ManageCertificates,
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Holder::ApiKey(_) => Purpose::ApiClient,
            Holder::Terminal(_) => Purpose::Terminal,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::ApiKey(id) => id.fmt(f),
            Holder::Terminal(id) => id.fmt(f),
        }
    }
}

/// A certificate of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate; its serial number in our own spelling.
    pub id: CertificateId,
    /// What it is for.
    pub purpose: Purpose,
    /// Whom or what it names: the id of a terminal or API key, or the address of a listener.
    pub holder: String,
    /// What people call the holder.
    pub label: String,
    /// SHA-256 over its DER form.
    pub fingerprint: [u8; 32],
    /// Active or revoked.
    pub state: CertificateState,
    /// When it was issued, or first seen.
    pub issued: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
    /// Whether a newer one took its place.
    pub renewed: bool,
}

/// A certificate as its client gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// What the inventory says of it.
    pub certificate: Certificate,
    /// The certificate, PEM.
    pub pem: String,
    /// The authority's own certificate, PEM.
    pub authority_pem: String,
}

/// Why an operation on certificates was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// The life of a code is out of range.
    #[error("minutes must be {ENROLMENT_MINUTES_MIN} to {ENROLMENT_MINUTES_MAX}")]
    Minutes,
    /// Unknown, used or too old.
    #[error("the enrolment code was used or ran out; ask for a new one")]
    CodeGone,
    /// The holder is not there any more, or not in force.
    #[error("the holder of the certificate is unknown or no longer in force")]
    NoHolder,
    /// So many are in force.
    #[error("one holder has at most {CERTIFICATES_PER_HOLDER_MAX} certificates in force; revoke one first")]
    TooMany,
    /// So many codes wait.
    #[error("a shop has at most {ENROLMENTS_MAX} enrolment codes that wait; use one, or let it run out")]
    TooManyCodes,
    /// The caller has no certificate of ours to renew.
    #[error("renew with a certificate of this installation's own authority")]
    NotOurs,
    /// No such certificate in this shop.
    #[error("no such certificate")]
    NotFound,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(CertificateError);

impl From<Denied> for CertificateError {
    fn from(denied: Denied) -> CertificateError {
        CertificateError::Denied(denied)
    }
}

/// A code with which one client enrols, once.
#[derive(Clone, Debug)]
pub struct NewEnrolment {
    holder: Holder,
    label: Label,
    minutes: i64,
}

impl NewEnrolment {
    /// For this holder. The caller has made sure that the holder is there and what it is called.
    ///
    /// # Errors
    /// [`CertificateError::Minutes`].
    pub fn new(holder: Holder, label: Label, minutes: i64) -> Result<NewEnrolment, CertificateError> {
        if !(ENROLMENT_MINUTES_MIN..=ENROLMENT_MINUTES_MAX).contains(&minutes) {
            return Err(CertificateError::Minutes);
        }
        Ok(NewEnrolment { holder, label, minutes })
    }
}

/// Makes an enrolment code and says until when it can be used. The code is not shown again.
///
/// # Errors
/// [`CertificateError::Denied`], [`CertificateError::TooManyCodes`].
pub fn create_enrolment(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    new: &NewEnrolment,
) -> Result<(Token, Timestamp), CertificateError> {
    let shop = new.holder.shop();
    actor.allow(Permission::ManageCertificates, shop)?;
    // Whoever enrols a holder can act as it, so the right to make such a holder is needed too.
    actor.allow(new.holder.permission(), shop)?;
    if rows::count_enrolments(tx, shop, means.now)? >= ENROLMENTS_MAX {
        return Err(CertificateError::TooManyCodes);
    }
    let token = Token::random(TokenKind::Enrolment, means.dice);
    let expires = means.now.plus_seconds(new.minutes * 60);
    let row = EnrolmentRow {
        code_hash: token.hash(),
        holder: new.holder,
        label: new.label.as_str().to_owned(),
        created: means.now,
        expires,
    };
    rows::insert_enrolment(tx, row)?;
    record::note(tx, means, Event::new(shop, actor, record::ENROLMENT_CREATED, new.holder.object()))?;
    Ok((token, expires))
}

/// Makes an enrolment code for an API client of the caller's shop.
///
/// # Errors
/// As [`create_enrolment`], and [`CertificateError::NoHolder`], [`CertificateError::Minutes`].
pub fn create_key_enrolment(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    key: ApiKeyId,
    minutes: i64,
) -> Result<(Token, Timestamp), CertificateError> {
    actor.allow(Permission::ManageCertificates, key.shop())?;
    let in_force = api_keys::require_active_key(tx, key, means.now);
    let row = key_rows::find_key(tx, key)?.filter(|_| in_force.is_ok()).ok_or(CertificateError::NoHolder)?;
    let label = Label::from_agent(&row.label);
    create_enrolment(tx, means, actor, &NewEnrolment::new(Holder::ApiKey(key), label, minutes)?)
}

/// Uses an enrolment code up and issues the first certificate of its holder. `public_url` is where the list of revoked
/// certificates is found.
///
/// # Errors
/// [`CertificateError::CodeGone`], [`CertificateError::NoHolder`], [`CertificateError::TooMany`].
pub fn enrol(
    tx: &mut Tx,
    means: &Means<'_>,
    code: &Token,
    request: &CertificateRequest,
    public_url: &str,
) -> Result<Issued, CertificateError> {
    let row = rows::find_enrolment(tx, &code.hash())?.filter(|row| means.now < row.expires);
    let row = row.ok_or(CertificateError::CodeGone)?;
    rows::delete_enrolment(tx, &row.code_hash)?;
    let issued = issue(tx, means, row.holder, &row.label, request, public_url)?;
    let event = Event::new(
        row.holder.shop(),
        row.holder.actor(),
        record::CERTIFICATE_ENROLLED,
        issued.certificate.id,
    );
    record::note(tx, means, event)?;
    Ok(issued)
}

/// Issues the next certificate to the holder of `present`, which stays good until it ends.
///
/// # Errors
/// [`CertificateError::NotOurs`], [`CertificateError::NoHolder`], [`CertificateError::TooMany`].
pub fn renew(
    tx: &mut Tx,
    means: &Means<'_>,
    present: &PeerCertificate,
    request: &CertificateRequest,
    public_url: &str,
) -> Result<Issued, CertificateError> {
    let row = find_own(tx, present, means.now)?.ok_or(CertificateError::NotOurs)?;
    let holder = Holder::parse(&row.certificate.holder).ok_or(Fault::Row("certificate"))?;
    let issued = issue(tx, means, holder, &row.certificate.label, request, public_url)?;
    let old = Certificate { renewed: true, ..row.certificate.clone() };
    let event = Event::new(holder.shop(), holder.actor(), record::CERTIFICATE_RENEWED, issued.certificate.id);
    record::note(tx, means, event.with("replaces", old.id))?;
    rows::update_certificate(tx, CertificateRow { certificate: old, alarm: None, ..row })?;
    Ok(issued)
}

/// The certificates of a shop that have not ended long ago, newest first.
///
/// # Errors
/// [`CertificateError::Denied`].
pub fn list_certificates(
    tx: &mut Tx,
    actor: &Actor,
    shop: ShopId,
    now: Timestamp,
) -> Result<Vec<Certificate>, CertificateError> {
    actor.allow(Permission::ManageCertificates, shop)?;
    let since = now.plus_seconds(-crate::limits::CERTIFICATE_SHOWN_DAYS * DAY_SECONDS);
    Ok(rows::list_certificates(tx, shop, since)?.into_iter().map(|row| row.certificate).collect())
}

/// Revokes a certificate, for good: it opens nothing from the next request on. Revoking twice is no error.
///
/// # Errors
/// [`CertificateError::Denied`], [`CertificateError::NotFound`], also for one we did not issue.
pub fn revoke_certificate(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    id: CertificateId,
) -> Result<(), CertificateError> {
    actor.allow(Permission::ManageCertificates, id.shop())?;
    let row = rows::find_certificate(tx, id)?.filter(|row| row.certificate.purpose.is_client());
    let row = row.ok_or(CertificateError::NotFound)?;
    if row.certificate.state == CertificateState::Active {
        end(tx, means, actor, row)?;
    }
    Ok(())
}

/// The newest client certificate in force of each holder in a shop, for the access review.
pub(crate) fn list_held(tx: &mut Tx, shop: ShopId, now: Timestamp) -> Result<Vec<Certificate>, Fault> {
    let mut held: Vec<Certificate> = Vec::new();
    for row in rows::list_certificates(tx, shop, now)? {
        let found = row.certificate;
        let is_live = found.purpose.is_client() && found.state == CertificateState::Active;
        if is_live && !held.iter().any(|newer| newer.holder == found.holder) {
            held.push(found);
        }
    }
    Ok(held)
}

/// Revokes this certificate and all others of its holder, which a renewal may have made meanwhile. Returns what the last of
/// those that were in force is called.
pub(crate) fn end_held(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    id: CertificateId,
) -> Result<Option<String>, Fault> {
    let Some(first) = rows::find_certificate(tx, id)? else { return Ok(None) };
    let mut ended = None;
    for row in rows::list_named(tx, id.shop(), &first.certificate.holder)? {
        if row.certificate.purpose.is_client() && row.certificate.state == CertificateState::Active {
            ended = Some(row.certificate.label.clone());
            end(tx, means, actor, row)?;
        }
    }
    Ok(ended)
}

fn end(tx: &mut Tx, means: &Means<'_>, actor: &Actor, row: CertificateRow) -> Result<(), Fault> {
    let id = row.certificate.id;
    let certificate = Certificate { state: CertificateState::Revoked, ..row.certificate.clone() };
    rows::update_certificate(tx, CertificateRow { certificate, ended: Some(means.now), alarm: None, ..row })?;
    record::note(tx, means, Event::new(id.shop(), actor, record::CERTIFICATE_REVOKED, id))
}

/// The caller behind a client certificate whose chain the listener checked, if it is in force now. Reads by key.
///
/// # Errors
/// [`AuthError::SignInNeeded`] for one that ended, was revoked, is not in our records, or names nobody in force.
pub fn require_certificate(
    tx: &mut Tx,
    present: &PeerCertificate,
    now: Timestamp,
) -> Result<Actor, AuthError> {
    let holder = match present.issuer {
        PeerIssuer::Own => find_own(tx, present, now)?.and_then(|row| Holder::parse(&row.certificate.holder)),
        PeerIssuer::Operator => holder_of(present).filter(|_| now < present.ends),
    };
    match holder.ok_or(AuthError::SignInNeeded)? {
        Holder::ApiKey(key) => Ok(Actor::ApiKey(api_keys::require_active_key(tx, key, now)?)),
        Holder::Terminal(terminal) => Ok(Actor::Terminal(TerminalCaller { terminal, shop: terminal.shop() })),
    }
}

/// Whom a certificate names; `None` unless it names exactly one holder of ours.
pub fn holder_of(present: &PeerCertificate) -> Option<Holder> {
    let mut named = present.uris.iter().filter(|uri| uri.starts_with("urn:tillward:"));
    let holder = Holder::from_uri(named.next()?)?;
    named.next().is_none().then_some(holder)
}

/// The authorities' own certificates that have not ended, DER, newest first. Reads only.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_authorities(tx: &mut Tx, now: Timestamp) -> Result<Vec<Vec<u8>>, Fault> {
    Ok(rows::list_authorities(tx, now)?)
}

/// Makes the first authority, or the next one when the present one ends within [`crate::limits::AUTHORITY_RENEW_DAYS`].
///
/// # Errors
/// [`Fault`] alone.
pub fn prepare_authority(tx: &mut Tx, means: &Means<'_>) -> Result<(), Fault> {
    Authority::open(tx, means).map(drop)
}

/// The present authority's own certificate, PEM.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_authority_pem(tx: &mut Tx, means: &Means<'_>) -> Result<String, Fault> {
    Ok(pem_text("CERTIFICATE", Authority::open(tx, means)?.root()))
}

/// The signed list of certificates that were revoked and have not ended, DER.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_revoked(tx: &mut Tx, means: &Means<'_>) -> Result<Vec<u8>, Fault> {
    let authority = Authority::open(tx, means)?;
    let revoked = rows::list_revoked(tx, authority.version(), means.now)?;
    authority.list_revoked(&revoked, means.now)
}

/// The row behind a certificate of our own authority: its serial number, its very bytes, and in force.
fn find_own(tx: &mut Tx, present: &PeerCertificate, now: Timestamp) -> Result<Option<CertificateRow>, Fault> {
    if present.issuer != PeerIssuer::Own {
        return Ok(None);
    }
    let Some(id) = authority::id_of_serial(&present.serial) else { return Ok(None) };
    let row = rows::find_certificate(tx, id)?;
    Ok(row.filter(|row| {
        let known = &row.certificate;
        known.purpose.is_client()
            && known.state == CertificateState::Active
            && known.fingerprint == present.fingerprint
            && now < known.ends
    }))
}

fn issue(
    tx: &mut Tx,
    means: &Means<'_>,
    holder: Holder,
    label: &str,
    request: &CertificateRequest,
    public_url: &str,
) -> Result<Issued, CertificateError> {
    if let Holder::ApiKey(key) = holder {
        api_keys::require_active_key(tx, key, means.now).map_err(|error| match error {
            AuthError::Fault(fault) => CertificateError::Fault(fault),
            _ => CertificateError::NoHolder,
        })?;
    }
    let shop = holder.shop();
    if rows::count_in_force(tx, shop, &holder.to_string(), means.now)? >= CERTIFICATES_PER_HOLDER_MAX {
        return Err(CertificateError::TooMany);
    }
    let authority = Authority::open(tx, means)?;
    let id = CertificateId::new(shop, means.now, means.dice);
    let revoked_url = format!("{public_url}/v1/certificates/revoked");
    let der = authority.issue(id, holder, request.key(), means.now, &revoked_url)?;
    let certificate = Certificate {
        id,
        purpose: holder.purpose(),
        holder: holder.to_string(),
        label: label.to_owned(),
        fingerprint: fingerprint(&der),
        state: CertificateState::Active,
        issued: means.now,
        ends: means.now.plus_seconds(CERTIFICATE_DAYS * DAY_SECONDS),
        renewed: false,
    };
    let (alarm, authority_version) = (Some(inventory::first_alarm(&certificate)), authority.version());
    let row =
        CertificateRow { certificate: certificate.clone(), authority: authority_version, ended: None, alarm };
    rows::insert_certificate(tx, row)?;
    let (pem, authority_pem) = (pem_text("CERTIFICATE", &der), pem_text("CERTIFICATE", authority.root()));
    Ok(Issued { certificate, pem, authority_pem })
}

/// SHA-256 over a certificate's DER form.
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, der).as_ref().first_chunk().copied().unwrap_or_default()
}

/// DER as PEM (RFC 7468).
pub(crate) fn pem_text(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for (at, character) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str(&format!("\n-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Dice;

    #[test]
    fn tls_2_a_holders_name_round_trips_and_others_name_nobody() {
        let shop = ShopId::random(&Dice::System);
        let key = Holder::ApiKey(ApiKeyId::new(shop, Timestamp(1), &Dice::System));
        let terminal = Holder::Terminal(TerminalId::new(shop, Timestamp(1), &Dice::System));
        for holder in [key, terminal] {
            assert_eq!(Holder::from_uri(&holder.uri()), Some(holder));
            assert_eq!(Holder::parse(&holder.to_string()), Some(holder));
        }
        let swapped = format!("urn:tillward:key:{terminal}");
        for other in ["", "urn:tillward:key:", "https://shop.example", "urn:tillward:member:mem_1", &swapped]
        {
            assert_eq!(Holder::from_uri(other), None, "{other}");
        }
    }

    #[test]
    fn tls_2_a_certificate_that_names_two_holders_names_none() {
        let shop = ShopId::random(&Dice::System);
        let uri = |at| Holder::ApiKey(ApiKeyId::new(shop, Timestamp(at), &Dice::System)).uri();
        let with = |uris: Vec<String>| PeerCertificate {
            issuer: PeerIssuer::Operator,
            uris,
            serial: vec![1],
            fingerprint: [0; 32],
            ends: Timestamp(9),
        };
        assert!(holder_of(&with(vec!["https://shop.example".to_owned(), uri(1)])).is_some());
        assert_eq!(holder_of(&with(vec![uri(1), uri(2)])), None);
        assert_eq!(holder_of(&with(vec![uri(1), "urn:tillward:member:mem_1".to_owned()])), None);
        assert_eq!(holder_of(&with(vec![])), None);
    }

    #[test]
    fn codes_live_ten_minutes_to_a_day() {
        let holder = Holder::ApiKey(ApiKeyId::new(ShopId::HOUSE, Timestamp(1), &Dice::System));
        let new = |minutes| NewEnrolment::new(holder, Label::from_agent("till"), minutes);
        assert!(new(ENROLMENT_MINUTES_MIN).is_ok() && new(ENROLMENT_MINUTES_MAX).is_ok());
        assert!(new(ENROLMENT_MINUTES_MIN - 1).is_err() && new(ENROLMENT_MINUTES_MAX + 1).is_err());
    }
}
