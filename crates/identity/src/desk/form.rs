//! Forms: their token, and that each is carried out once: the same form with the same fields. One that somebody goes back to
//! and fills in otherwise is another one, and what it says is done.
//!
//! The token of a form is `nonce.tag`. The tag proves that we gave this nonce to this browser and session; the nonce is
//! new for each page shown, and serves as the idempotency key of whatever the form does.

use aws_lc_rs::hmac;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::{Dice, ShopId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use store::Tx;
use webkit::body::Incoming;
use webkit::cookies::{check_form_token, form_token};
use webkit::error::ApiError;
use webkit::idempotency::{self, Fingerprint, IdempotencyKey, Scope, Work};

use super::visit::{Side, Visit};

const NONCE_BYTES: usize = 16;
/// The field that holds a form's token.
const FIELD: &str = "csrf";

/// A form whose token is right.
pub struct Posted<T> {
    /// Its fields.
    pub form: T,
    /// Makes it count once.
    pub once: Once,
}

/// A form with nothing but its token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Button {}

/// The one time that a form is carried out.
#[derive(Clone)]
pub struct Once {
    scope: Scope,
    key: IdempotencyKey,
    print: Fingerprint,
}

impl Visit {
    /// A token for the forms of one page.
    pub fn form_token(&self, side: Side, dice: &Dice) -> String {
        let nonce = URL_SAFE_NO_PAD.encode(dice.bytes::<NONCE_BYTES>());
        let tag = form_token(self.bound(side, &nonce).as_bytes());
        format!("{nonce}.{tag}")
    }

    /// Reads a form: its token first, then its fields, of which none may be unknown.
    ///
    /// # Errors
    /// 403 for a missing or foreign token, 400 for a field that is missing or unknown, 415.
    pub fn read<T: DeserializeOwned>(&self, side: Side, incoming: &Incoming) -> Result<Posted<T>, ApiError> {
        let mut token = String::new();
        let mut fields = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(&incoming.body) {
            if name == FIELD {
                token = value.into_owned();
            } else {
                fields.append_pair(&name, &value);
            }
        }
        let nonce = self.check_token(side, &token)?;
        // Kept for the moment that the second factor turns out to be too old; see `held.rs`.
        let _ = self.browser.sent.set(incoming.body.clone());
        let bare = Incoming { body: fields.finish().into(), ..incoming.clone() };
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret(side).as_bytes());
        // Under the vault's key first: fields may hold a PIN, which whoever has cookie and database must not find by trying.
        let fields = hmac::sign(&self.print_key, &bare.body);
        let once = Once::new(&key, nonce, (incoming.uri.path(), fields.as_ref()))?;
        Ok(Posted { form: bare.form()?, once })
    }

    /// The nonce of a token of ours.
    fn check_token<'t>(&self, side: Side, token: &'t str) -> Result<&'t str, ApiError> {
        let (nonce, tag) = token.split_once('.').unwrap_or(("", ""));
        check_form_token(self.bound(side, nonce).as_bytes(), tag)?;
        Ok(nonce)
    }

    fn bound(&self, side: Side, nonce: &str) -> String {
        format!("{}|{nonce}", self.secret(side))
    }
}

impl Once {
    /// `nonce` is one that we gave to this very browser and session, so it needs no further scope. `key` is their secret, which
    /// is in no table, so that equal fields of two people show nowhere.
    fn new(key: &hmac::Key, nonce: &str, (path, fields): (&str, &[u8])) -> Result<Once, ApiError> {
        let scope = Scope { shop: ShopId::HOUSE, caller: "page".to_owned(), endpoint: "page" };
        // The key holds enough of the hash to tell the forms of one page apart, and what they say.
        let print = Fingerprint::of(key, "POST", path, fields);
        let place = URL_SAFE_NO_PAD.encode(print.as_bytes().first_chunk::<8>().unwrap_or(&[0; 8]));
        Ok(Once { scope, key: IdempotencyKey::parse(format!("{nonce}-{place}").as_bytes())?, print })
    }

    /// Does `work` unless it was done; `work` gives a word that is stored and what else is needed at once. `None` stands
    /// for what else when it was done before.
    ///
    /// # Errors
    /// Those of `work`; nothing is kept then.
    pub fn run<T>(
        &self,
        tx: &mut Tx<'_>,
        now: base::Timestamp,
        work: impl FnOnce(&mut Tx<'_>) -> Result<(String, T), ApiError>,
    ) -> Result<(String, Option<T>), ApiError> {
        match idempotency::begin(tx, &self.scope, &self.key, &self.print, now)?.into_work()? {
            Work::Done(answer) => Ok((String::from_utf8_lossy(&answer.body).into_owned(), None)),
            Work::Do(claim) => {
                let (word, rest) = work(tx)?;
                claim.finish(tx, StatusCode::SEE_OTHER.as_u16(), word.as_bytes())?;
                Ok((word, Some(rest)))
            }
        }
    }
}

/// Sends the browser to a page of ours with GET.
pub fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}
