//! What an app asks for: pushed to us before any browser is sent (RFC 9126), so that no browser carries anything but a
//! reference, and every parameter was checked against the app that sent it.

use std::collections::BTreeMap;

use store::Tx;

use super::apps::App;
use super::{Refusal, RefusalWord, from_scope};
use crate::context::{Fault, Means};
use crate::grants::Permissions;
use crate::limits::{APP_REQUEST_SECONDS, APP_STATE_BYTES_MAX};
use crate::store::apps::{self as rows, RequestRow};
use crate::token::{Token, TokenKind};

/// What a request's token stands behind in `request_uri` (RFC 9126 §2.2).
pub const REQUEST_URI_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// Characters of a SHA-256 in base64url, without padding.
const HASH_CHARS: usize = 43;

/// A request of an app, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedRequest {
    redirect: String,
    challenge: String,
    permissions: Permissions,
    state: Option<String>,
    proof_key: Option<String>,
}

const fn invalid(text: &'static str) -> Refusal {
    Refusal::new(RefusalWord::InvalidRequest, text)
}

/// The parameters of a form, each once; an empty one is as good as absent (RFC 6749 §3.1).
///
/// # Errors
/// [`Refusal`].
pub fn read_fields(sent: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut fields = BTreeMap::new();
    for (name, value) in sent.into_iter().filter(|(_, value)| !value.is_empty()) {
        if fields.insert(name, value).is_some() {
            return Err(invalid("send each parameter once"));
        }
    }
    Ok(fields)
}

/// Reads what an app pushed. `proof_key` is the thumbprint of the key that it proved along with it, where it did.
///
/// # Errors
/// [`Refusal`].
pub fn read_request(
    app: &App,
    fields: &BTreeMap<String, String>,
    proof_key: Option<&str>,
) -> Result<PushedRequest, Refusal> {
    let field = |name: &str| fields.get(name).map(String::as_str);
    if field("request").is_some() || field("request_uri").is_some() {
        return Err(invalid("send the parameters themselves, without `request` and `request_uri`"));
    }
    if field("response_type") != Some("code") {
        return Err(Refusal::new(RefusalWord::UnsupportedResponse, "`response_type` must be `code`"));
    }
    if field("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("`response_mode` can only be `query`"));
    }
    let redirect = field("redirect_uri").filter(|asked| app.redirects.iter().any(|known| known == asked));
    let redirect =
        redirect.ok_or(invalid("`redirect_uri` must be one of the app's addresses, to the letter"))?;
    if field("code_challenge_method") != Some("S256") {
        return Err(invalid("`code_challenge_method` must be `S256`"));
    }
    let challenge = field("code_challenge").filter(|text| is_hash(text));
    let challenge =
        challenge.ok_or(invalid("`code_challenge` must be the hash of the verifier, 43 characters"))?;
    let state = field("state");
    if state.is_some_and(|state| state.len() > APP_STATE_BYTES_MAX) {
        return Err(invalid("`state` is too long"));
    }
    if field("dpop_jkt").is_some_and(|text| !is_hash(text)) {
        return Err(invalid("`dpop_jkt` must be the thumbprint of a key, 43 characters"));
    }
    let proof_key = match (field("dpop_jkt"), proof_key) {
        (Some(named), Some(proven)) if named != proven => {
            return Err(Refusal::new(RefusalWord::InvalidProof, "`dpop_jkt` is not the key of the proof"));
        }
        (named, proven) => proven.or(named).map(str::to_owned),
    };
    Ok(PushedRequest {
        redirect: redirect.to_owned(),
        challenge: challenge.to_owned(),
        permissions: read_scope(app.permissions, field("scope"))?,
        state: state.map(str::to_owned),
        proof_key,
    })
}

/// Whether it can be a SHA-256 in base64url, as challenges and thumbprints are.
fn is_hash(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    text.len() == HASH_CHARS && text.bytes().all(is_plain)
}

/// What `scope` asks for, within `most`; all of that where it is left out.
pub(super) fn read_scope(most: Permissions, scope: Option<&str>) -> Result<Permissions, Refusal> {
    let Some(scope) = scope else { return Ok(most) };
    let within = |word: &str| from_scope(word).filter(|found| most.contains(*found));
    let read = scope.split(' ').map(within).collect::<Option<Permissions>>();
    read.ok_or(Refusal::new(RefusalWord::InvalidScope, "`scope` holds a word that this app may not have"))
}

/// Keeps a request until its member decides; what it returns names it.
///
/// # Errors
/// [`Fault`] alone.
pub fn push_request(
    tx: &mut Tx,
    means: &Means<'_>,
    app: &App,
    request: &PushedRequest,
) -> Result<Token, Fault> {
    let token = Token::random(TokenKind::AppRequest, means.dice);
    let request = request.clone();
    let row = RequestRow {
        hash: token.hash(),
        app: app.id,
        redirect: request.redirect,
        challenge: request.challenge,
        permissions: request.permissions,
        state: request.state,
        proof_key: request.proof_key,
        expires: means.now.plus_seconds(APP_REQUEST_SECONDS),
    };
    rows::insert_request(tx, row)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::Permission;
    use base::{AppId, Dice, ShopId, Timestamp};

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn app() -> App {
        App {
            id: AppId::new(ShopId::random(&Dice::System), Timestamp(0), &Dice::System),
            name: "Books".to_owned(),
            redirects: vec!["https://books.example/back".to_owned()],
            keys: Vec::new(),
            permissions: [Permission::ViewPayments, Permission::Refund].into_iter().collect(),
            created: Timestamp(0),
        }
    }

    fn good() -> BTreeMap<String, String> {
        let fields = [
            ("response_type", "code"),
            ("redirect_uri", "https://books.example/back"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn check(name: &str, value: Option<&str>, expect: Option<RefusalWord>) {
        let mut fields = good();
        match value {
            Some(value) => drop(fields.insert(name.to_owned(), value.to_owned())),
            None => drop(fields.remove(name)),
        }
        let found = read_request(&app(), &fields, None).err().map(|refusal| refusal.error);
        assert_eq!(found, expect, "{name} {value:?}");
    }

    #[test]
    fn oi_2_a_pushed_request_is_exact_or_refused() {
        let invalid = Some(RefusalWord::InvalidRequest);
        check("state", Some("anything"), None);
        check("response_type", Some("token"), Some(RefusalWord::UnsupportedResponse));
        check("response_type", Some("code id_token"), Some(RefusalWord::UnsupportedResponse));
        check("response_type", None, Some(RefusalWord::UnsupportedResponse));
        check("response_mode", Some("query"), None);
        check("response_mode", Some("fragment"), invalid);
        for other in [
            "https://books.example/back/",
            "https://books.example/back?x",
            "https://books.example/BACK",
            "https://books.example:443/back",
            "https://evil.example/back",
        ] {
            check("redirect_uri", Some(other), invalid);
        }
        check("redirect_uri", None, invalid);
        check("code_challenge_method", Some("plain"), invalid);
        check("code_challenge_method", None, invalid);
        check("code_challenge", None, invalid);
        check("code_challenge", Some(&CHALLENGE[1..]), invalid);
        check("code_challenge", Some(&CHALLENGE.replace('E', "=")), invalid);
        check("request", Some("x.y.z"), invalid);
        check("request_uri", Some("https://books.example/request"), invalid);
        check("scope", Some("view_payments"), None);
        check("scope", Some("view_payments refund"), None);
        for wider in ["take_payments", "view_payments manage_members", "", "view payments", "openid"] {
            check("scope", Some(wider), Some(RefusalWord::InvalidScope));
        }
        check("state", Some(&"a".repeat(APP_STATE_BYTES_MAX)), None);
        check("state", Some(&"a".repeat(APP_STATE_BYTES_MAX + 1)), invalid);
    }

    #[test]
    fn oi_2_a_request_names_the_key_that_it_proved() {
        let mut fields = good();
        let (one, two) = ("1".repeat(HASH_CHARS), "2".repeat(HASH_CHARS));
        fields.insert("dpop_jkt".to_owned(), one.clone());
        let word = |proof: Option<&str>| read_request(&app(), &fields, proof).map(|read| read.proof_key);
        assert_eq!(word(None), Ok(Some(one.clone())));
        assert_eq!(word(Some(&one)), Ok(Some(one.clone())));
        assert_eq!(word(Some(&two)).unwrap_err().error, RefusalWord::InvalidProof);
        for other in ["", "one", &one[1..], &format!("{one}1"), &one.replacen('1', "=", 1)] {
            check("dpop_jkt", Some(other), Some(RefusalWord::InvalidRequest));
        }
        check("dpop_jkt", Some(&one), None);
    }
}
