//! Sign-in of members with the operator's own provider (OpenID Connect): authorization code with PKCE.
//!
//! Promises:
//! - a sign-in begins and ends in one browser, once, within minutes: the state comes back in the address and in a cookie,
//!   and is used up;
//! - nonce and PKCE verifier are derived from the state under a key of the vault, so the database holds a hash alone;
//! - the provider's people are members by binding issuer and subject; the first time a *verified* address of a member, or
//!   of somebody invited, makes the binding, and it is never moved to another one by address;
//! - when the provider signs somebody out it says so, and the sessions here that were born from that one of its own end with
//!   the next request, or all of that person where it names no session (back-channel logout);
//! - a second factor of the provider is as old as the sign-in there, and no session outlives that sign-in by more than a
//!   session lasts here;
//! - whether the provider's second factor counts is the operator's to say; otherwise ours is asked.
//!
//! Reading order: this file, `id_token.rs`, `provider.rs`.

use aws_lc_rs::digest;
use base::{MemberId, ScopedId, ShopId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::Tx;
use vault::{KeyedHash, Vault};

use crate::context::{Fault, Means};
use crate::limits::{
    ID_TOKEN_AGE_SECONDS_MAX, ID_TOKEN_SKEW_SECONDS, MEMBER_SESSION_SECONDS, OUTSIDE_ATTEMPT_SECONDS,
};
use crate::members::{self, Place};
use crate::permissions::Actor;
use crate::person::Person;
use crate::record::{self, Event};
use crate::sessions::{self, Outside};
use crate::sign_in::{self, FirstStep};
use crate::store::members::{self as member_rows, MemberRow, MemberState};
use crate::store::outside::{self as rows, AttemptRow, BindingRow};
use crate::store::pending as pending_rows;
use crate::store::sessions::{self as session_rows, SessionKind};
use crate::text::Email;
use crate::throttle::{self, Limit};
use crate::token::{Token, TokenKind, hash_text, key_text};

mod id_token;
mod provider;

pub use id_token::{Claims, Logout, TokenProblem};
pub use provider::fuzz;
pub use provider::{Provider, ProviderError, ProviderSettings, Request};

/// A logout token that was followed: one entry, no limit, for longer than such a token is taken.
const LOGOUT_SEEN: Limit = Limit {
    kind: "outside_logout",
    tries_max: 1,
    window_seconds: 0,
    block_seconds: ID_TOKEN_AGE_SECONDS_MAX + 2 * ID_TOKEN_SKEW_SECONDS,
};
const NONCE: &str = "outside nonce";
const VERIFIER: &str = "outside verifier";
const SUBJECT: &str = "outside subject";
/// What the log calls a second factor that the provider took.
const PROVEN: &str = "provider";

/// A sign-in on its way to the provider.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Goes to the provider and into the browser's cookie.
    pub state: Token,
    /// Must come back in the ID token.
    pub nonce: String,
    /// PKCE: shown when the code is traded.
    pub verifier: String,
}

impl Attempt {
    /// What belongs to a state of a sign-in that began at a time.
    pub fn of(vault: &Vault, state: Token, began: Timestamp) -> Attempt {
        let derived =
            |kind| URL_SAFE_NO_PAD.encode(vault.hash_of_moment(began, kind, state.secret().expose()));
        Attempt { nonce: derived(NONCE), verifier: derived(VERIFIER), state }
    }
}

/// Begins a sign-in; `next` is where it leads in the end.
///
/// # Errors
/// [`Fault`] alone.
pub fn begin_outside(tx: &mut Tx, means: &Means<'_>, next: &str) -> Result<Attempt, Fault> {
    let state = Token::random(TokenKind::OutsideState, means.dice);
    let expires = means.now.plus_seconds(OUTSIDE_ATTEMPT_SECONDS);
    let row = AttemptRow { state_hash: state.hash(), next: next.to_owned(), expires };
    rows::insert_attempt(tx, row)?;
    Ok(Attempt::of(means.vault, state, means.now))
}

/// Uses a sign-in up and says where it leads and when it began; `None` for one that is unknown, used or too old.
///
/// # Errors
/// [`Fault`] alone.
pub fn take_outside(
    tx: &mut Tx,
    means: &Means<'_>,
    state: &Token,
) -> Result<Option<(String, Timestamp)>, Fault> {
    let row = rows::find_attempt(tx, &state.hash())?;
    let Some(row) = row else { return Ok(None) };
    rows::delete_attempt(tx, &row.state_hash)?;
    let began = row.expires.plus_seconds(-OUTSIDE_ATTEMPT_SECONDS);
    Ok(Some((row.next, began)).filter(|_| means.now < row.expires))
}

/// The member whom the provider's claims name; bound by issuer and subject from the first time on. `None` for somebody
/// who is no member here, was removed, or whose address is bound to another person of the provider.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_outside_member(
    tx: &mut Tx,
    means: &Means<'_>,
    issuer: &str,
    claims: &Claims,
) -> Result<Option<MemberId>, Fault> {
    let subject = subject_of(issuer, &claims.subject);
    if let Some(bound) = find_binding(tx, means.vault, &subject)? {
        let row = member_rows::find_member(tx, bound.member.shop(), bound.member)?;
        return Ok(row.filter(|row| row.state == MemberState::Active).map(|row| row.id));
    }
    let found = find_by_address(tx, means, claims)?;
    let Some(row) = found else {
        let object = audit::Object::word("login");
        let event = Event::new(ShopId::HOUSE, &Actor::Anyone, record::LOGIN_REFUSED, object).refused();
        record::note(tx, means, event.with("by", audit::Text::masked("provider")))?;
        return Ok(None);
    };
    let id = row.id;
    if rows::is_bound(tx, id, issuer)? {
        let event = Event::new(row.shop, &Actor::Anyone, record::OUTSIDE_REFUSED, id).refused();
        record::note(tx, means, event)?;
        return Ok(None);
    }
    if row.state == MemberState::Invited {
        // The provider vouches for the address that the invitation went to, so there is nothing left to accept.
        member_rows::update_member(tx, MemberRow { state: MemberState::Active, ..row })?;
        crate::store::setup::delete_links_of(tx, id)?;
    }
    let subject = hash_text(&means.vault.index_to_store(tx, SUBJECT, &subject)?);
    rows::insert_binding(
        tx,
        BindingRow { subject, issuer: issuer.to_owned(), member: id, created: means.now },
    )?;
    record::note(tx, means, Event::new(id.shop(), id, record::OUTSIDE_BOUND, id))?;
    Ok(Some(id))
}

fn find_by_address(tx: &mut Tx, means: &Means<'_>, claims: &Claims) -> Result<Option<MemberRow>, Fault> {
    let Some(email) = claims.verified_email.as_deref().and_then(|text| Email::parse(text).ok()) else {
        return Ok(None);
    };
    let Some(login) = members::find_login_of(tx, means.vault, &email)? else { return Ok(None) };
    let row = member_rows::find_member(tx, login.shop, login.member)?;
    Ok(row.filter(|row| matches!(row.state, MemberState::Active | MemberState::Invited)))
}

/// How somebody came from the provider.
#[derive(Clone, Copy, Debug)]
pub struct Vouched<'a> {
    /// Who the provider is.
    pub issuer: &'a str,
    /// What it says.
    pub claims: &'a Claims,
    /// Whether its second factor counts.
    pub proven: bool,
}

/// Lets in a member whom the provider has just vouched for. Where its second factor counts the session opens with it, as old
/// as the sign-in there. Otherwise the member gives one here, as after a password. `None` for a member who was removed, and
/// for a sign-in so long ago that its session would be over.
///
/// # Errors
/// [`Fault`] alone.
pub fn open_outside_session(
    tx: &mut Tx,
    means: &Means<'_>,
    member: MemberId,
    from: &Place,
    vouched: Vouched<'_>,
) -> Result<Option<FirstStep>, Fault> {
    let person = Person::Member(member);
    let authenticated = vouched.claims.authenticated;
    let is_over = |at: Timestamp| at.plus_seconds(MEMBER_SESSION_SECONDS) <= means.now;
    if authenticated.is_some_and(is_over) {
        return Ok(None);
    }
    let session = vouched.claims.session.as_deref();
    let session = session.map_or_else(String::new, |sid| session_of(vouched.issuer, sid));
    let outside = Outside { session, authenticated };
    let pending = if vouched.proven { None } else { sign_in::begin_second_step(tx, means, person)? };
    if let Some(pending) = pending {
        sign_in::mark_pending_outside(tx, &pending.token, outside)?;
        sign_in::note_first_step(tx, means, person)?;
        return Ok(Some(FirstStep::SecondStep(pending)));
    }
    let Some(session) = sign_in::open_member(tx, means, member, from.coming())? else { return Ok(None) };
    let session = sessions::mark_outside(tx, session, &outside)?;
    if vouched.proven {
        let at = authenticated.unwrap_or(means.now);
        sessions::mark_second_factor_at(tx, means, &session.token, (PROVEN, at))?;
    }
    Ok(Some(FirstStep::In(session)))
}

/// What a session of the provider is known by here.
fn session_of(issuer: &str, sid: &str) -> String {
    let named = subject_of(issuer, sid);
    key_text(digest::digest(&digest::SHA256, named.as_bytes()).as_ref())
}

/// Ends what the provider signed out, and every sign-in from there that is half done: where it names a session, those that
/// were born from it, and of the person it names besides also those for which it had named none; without one, every session
/// of the person. Once for each token; nothing happens for what is unknown here. Returns how many sessions ended.
///
/// # Errors
/// [`Fault`] alone.
pub fn end_outside_sessions(
    tx: &mut Tx,
    means: &Means<'_>,
    issuer: &str,
    logout: &Logout,
) -> Result<usize, Fault> {
    let token = subject_of(issuer, &logout.id);
    let token = key_text(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    if throttle::is_remembered(tx, &LOGOUT_SEEN, &token, means.now)? {
        return Ok(0);
    }
    throttle::remember(tx, &LOGOUT_SEEN, &token, means.now)?;
    let member = match &logout.subject {
        Some(subject) => find_binding(tx, means.vault, &subject_of(issuer, subject))?.map(|row| row.member),
        None => None,
    };
    match (&logout.session, member) {
        (Some(sid), member) => end_born_from(tx, means, &session_of(issuer, sid), member),
        (None, Some(member)) => {
            sign_in::forget_pending(tx, Person::Member(member))?;
            let ended = sessions::end_member_sessions(tx, means, member)?;
            note_signed_out(tx, means, member, ended)?;
            Ok(ended)
        }
        (None, None) => Ok(0),
    }
}

/// Ends the sessions that were born from one of the provider's, and those of `member` for which it had named none.
fn end_born_from(
    tx: &mut Tx,
    means: &Means<'_>,
    outside: &str,
    member: Option<MemberId>,
) -> Result<usize, Fault> {
    for token_hash in pending_rows::list_pending_outside(tx, outside)? {
        pending_rows::delete_pending(tx, &token_hash)?;
    }
    let mut born = session_rows::list_outside_sessions(tx, outside)?;
    if let Some(member) = member {
        let all = session_rows::list_sessions(tx, SessionKind::Member, member.short())?;
        born.extend(all.into_iter().filter(|row| row.outside.as_deref() == Some("")));
    }
    for row in &born {
        sessions::close(tx, means, row)?;
    }
    let whose = born.first().and_then(|row| MemberId::from_short(&row.subject)).or(member);
    if let Some(whose) = whose {
        note_signed_out(tx, means, whose, born.len())?;
    }
    Ok(born.len())
}

fn note_signed_out(tx: &mut Tx, means: &Means<'_>, member: MemberId, ended: usize) -> Result<(), Fault> {
    let event = Event::new(member.shop(), &Actor::System, record::OUTSIDE_SIGNED_OUT, member);
    record::note(tx, means, event.with("sessions", i64::try_from(ended).unwrap_or(i64::MAX)))
}

/// Whether the way somebody signed in at the provider counts as a second factor here.
pub fn is_second_factor(settings: &ProviderSettings, claims: &Claims) -> bool {
    claims.methods.iter().any(|method| settings.second_factors.contains(method))
}

/// What the index of a person of the provider is made from.
fn subject_of(issuer: &str, subject: &str) -> String {
    format!("{}:{issuer}{subject}", issuer.len())
}

/// Who is bound to a person of the provider, known here by a keyed hash: nothing of them can be read back. The person's
/// own name at the provider is kept nowhere, so the hash may have layers; then a plain one takes its place.
fn find_binding(tx: &mut Tx, vault: &Vault, subject: &str) -> Result<Option<BindingRow>, Fault> {
    for index in vault.layered_indexes(SUBJECT, subject) {
        let Some(row) = rows::find_binding(tx, &hash_text(&index))? else { continue };
        if vault.is_plain(&index) {
            return Ok(Some(row));
        }
        let plain = vault.index_to_store(tx, SUBJECT, subject)?;
        return Ok(Some(move_binding(tx, row, &plain)?));
    }
    Ok(None)
}

/// Keeps a binding under another hash.
pub(crate) fn move_binding(
    tx: &mut Tx,
    row: BindingRow,
    to: &KeyedHash,
) -> Result<BindingRow, ::store::Error> {
    rows::delete_binding(tx, &row.subject)?;
    let moved = BindingRow { subject: hash_text(to), ..row };
    rows::insert_binding(tx, moved.clone())?;
    Ok(moved)
}

/// PKCE (RFC 7636), S256.
pub(crate) fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oi_1_the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge_of(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
