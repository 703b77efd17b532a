//! A form whose sender had to give the second factor again: what was typed waits in this very browser meanwhile, and stands
//! in the form when its page is shown afterwards. Nothing is carried out by itself; the person looks and presses again.
//!
//! It waits in a cookie, sealed for this browser and this session, for ten minutes and for one
//! page. Fields are kept by name: those of [`KEPT`], so that a new field is forgotten until somebody decides. A PIN, a
//! password, a code, a card's number or what a customer is looked up by is typed again.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use base::{Dice, Timestamp};
use webkit::cookies::Cookie;
use webkit::page::html::escape;
use webkit::page::refill::{Typed, refill};
use webkit::page::{Frame, Html};

use super::sealed;
use super::visit::is_local;

/// How long a form waits.
const HELD_SECONDS: u32 = 600;
/// Longest form that waits, in characters of the cookie.
const HELD_CHARS_MAX: usize = 3_500;
/// Longest page that is filled in, in bytes.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
const PURPOSE: &[u8] = b"tillward held form v1";

/// The form that waits.
pub(super) const HELD: Cookie = Cookie::kept("tw_held", HELD_SECONDS);

/// Fields that are filled in again.
const KEPT: &[&str] = &[
    "above",
    "amount",
    "bank",
    "currency",
    "email",
    "holder",
    "keys",
    "kind",
    "label",
    "latitude",
    "longitude",
    "may",
    "minutes",
    "mode",
    "name",
    "note",
    "of",
    "purpose",
    "reason",
    "redirects",
    "role",
    "scheme",
    "what",
];
/// Forms that have a page of their own only as an answer, and stand on the page one step up.
const ON_THE_PAGE_ABOVE: [&str; 3] = ["/open", "/refund", "/roles"];

/// A form that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    /// Where the form stands, path and query.
    page: String,
    /// Where it posts to.
    action: String,
    until: Timestamp,
    fields: Vec<(String, String)>,
}

impl Held {
    fn text(&self) -> String {
        let mut out = form_urlencoded::Serializer::new(String::new());
        out.append_pair("page", &self.page).append_pair("action", &self.action);
        out.append_pair("until", &self.until.0.to_string());
        out.extend_pairs(self.fields.iter().map(|(name, value)| (format!(".{name}"), value)));
        out.finish()
    }

    fn read(text: &[u8]) -> Option<Held> {
        let mut held =
            Held { page: String::new(), action: String::new(), until: Timestamp(0), fields: Vec::new() };
        for (name, value) in form_urlencoded::parse(text) {
            match name.as_ref() {
                "page" => held.page = value.into_owned(),
                "action" => held.action = value.into_owned(),
                "until" => held.until = Timestamp(value.parse().ok()?),
                other => held.fields.push((other.strip_prefix('.')?.to_owned(), value.into_owned())),
            }
        }
        Some(held)
    }

    /// The value of the cookie, for a browser and session with this secret.
    fn seal(&self, secret: &str, dice: &Dice) -> Option<String> {
        let text = sealed::seal(PURPOSE, secret, self.text(), dice);
        (!text.is_empty() && text.len() <= HELD_CHARS_MAX).then_some(text)
    }

    /// Reads a cookie that this browser and session was given, and whose time is not over.
    fn open(cookie: &str, secret: &str, now: Timestamp) -> Option<Held> {
        let plain = sealed::open(PURPOSE, secret, cookie)?;
        Held::read(&plain).filter(|held| now < held.until)
    }
}

/// What a browser and session is known by while a form waits.
#[derive(Clone, Copy)]
pub(super) struct Keeper<'a> {
    /// See [`super::visit::Visit::secret`].
    pub(super) secret: &'a str,
    pub(super) now: Timestamp,
    pub(super) dice: &'a Dice,
}

/// The page that a form stands on, and the cookie with which the form waits; `None` where the browser does not say which
/// page that is, or there is too much of it.
pub(super) fn hold(
    keeper: Keeper<'_>,
    action: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Option<(String, String)> {
    let page = page_of(action, headers)?;
    let sent = form_urlencoded::parse(body).filter(|(name, _)| KEPT.contains(&name.as_ref()));
    let fields = sent.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let until = keeper.now.plus_seconds(i64::from(HELD_SECONDS));
    let held = Held { page: page.clone(), action: action.to_owned(), until, fields };
    Some((page, held.seal(keeper.secret, keeper.dice)?))
}

fn page_of(action: &str, headers: &HeaderMap) -> Option<String> {
    let referer: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let page = referer.path_and_query()?.as_str();
    let above = ON_THE_PAGE_ABOVE.iter().find_map(|end| action.strip_suffix(end));
    let page = match above {
        Some(above) if referer.path() == action => above,
        _ => page,
    };
    is_local(page).then(|| page.to_owned())
}

/// The same form for the session's next token, with which its owner goes on after the proof.
pub(super) fn renew(keeper: Keeper<'_>, cookie: &str, next_secret: &str) -> Option<String> {
    Held::open(cookie, keeper.secret, keeper.now)?.seal(next_secret, keeper.dice)
}

/// Fills the form in, where it is this page that it stands on; whether it did.
pub(super) async fn fill(
    keeper: Keeper<'_>,
    cookie: &str,
    page: &str,
    frame: &Frame,
    answer: Response,
) -> (Response, bool) {
    let held = Held::open(cookie, keeper.secret, keeper.now).filter(|held| held.page == page);
    let is_page = answer.status() == StatusCode::OK
        && answer
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let Some(held) = held.filter(|_| is_page) else { return (answer, false) };
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, PAGE_BYTES_MAX).await else {
        parts.status = StatusCode::INTERNAL_SERVER_ERROR;
        return (Response::from_parts(parts, Body::empty()), false);
    };
    let typed = Typed { names: KEPT, sent: &held.fields };
    let note = format!("<p class=\"note\" role=\"status\">{}</p>", escape(&frame.t("held-form")));
    let text = std::str::from_utf8(&bytes).ok();
    match text.and_then(|text| refill(text, &held.action, &typed, &Html::from_trusted(note))) {
        Some(filled) => {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(filled.len()));
            (Response::from_parts(parts, Body::from(filled)), true)
        }
        None => (Response::from_parts(parts, Body::from(bytes)), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const SECRET: &str = "browser|twm_token";
    const NOW: Timestamp = Timestamp(1_772_343_000_000);

    fn keeper(secret: &str, now: Timestamp) -> Keeper<'_> {
        Keeper { secret, now, dice: &Dice::System }
    }

    fn held_with(page: &str, action: &str, body: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::REFERER, HeaderValue::from_str(page).unwrap());
        hold(keeper(SECRET, NOW), action, &headers, &Bytes::copy_from_slice(body.as_bytes()))
    }

    fn fields(cookie: &str, secret: &str, now: Timestamp) -> Option<Vec<(String, String)>> {
        Held::open(cookie, secret, now).map(|held| held.fields)
    }

    #[test]
    fn a_form_waits_for_its_own_session_for_ten_minutes_and_without_secrets() {
        let body = "csrf=t&name=Li+Hua&role=a&role=b&password=s3cret&pin=482916&code=1&value=13800138000";
        let (page, cookie) =
            held_with("https://pay.example/desk/members/new?x=1", "/desk/members/new", body).unwrap();
        assert_eq!(page, "/desk/members/new?x=1");
        let kept = [("name", "Li Hua"), ("role", "a"), ("role", "b")];
        let kept = kept.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let last = NOW.plus_seconds(599);
        assert_eq!(fields(&cookie, SECRET, last), Some(kept.clone()));
        assert_eq!(fields(&cookie, SECRET, NOW.plus_seconds(600)), None, "and no longer");
        assert_eq!(fields(&cookie, "browser|twm_other", NOW), None, "another session");
        let next = renew(keeper(SECRET, NOW), &cookie, "browser|twm_next").unwrap();
        assert_eq!(fields(&next, "browser|twm_next", last), Some(kept));
        assert_eq!(fields(&next, SECRET, NOW), None);
        for at in 0..cookie.len() {
            let mut altered = cookie.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(fields(&altered, SECRET, NOW), None, "character {at}");
        }
    }

    #[test]
    fn a_form_that_is_too_long_or_of_nowhere_does_not_wait() {
        let long = |chars| format!("note={}", "a".repeat(chars));
        let (page, action) = ("https://pay.example/desk", "/desk/x");
        assert!(held_with(page, action, &long(2_400)).is_some());
        assert!(held_with(page, action, &long(2_700)).is_none());
        assert!(hold(keeper(SECRET, NOW), action, &HeaderMap::new(), &Bytes::new()).is_none());
        assert!(held_with("https://pay.example//evil.example/", action, "").is_none());
        let answered = "/desk/payments/pay_1/refund";
        let (above, _) = held_with(&format!("https://pay.example{answered}"), answered, "").unwrap();
        assert_eq!(above, "/desk/payments/pay_1", "a form that was answered stands on the page above");
    }

    /// Every field of every template is kept or not for a reason: a new one is decided on here.
    #[test]
    fn each_field_is_kept_or_typed_again_on_purpose() {
        const TYPED_AGAIN: &[&str] = &[
            // Secrets, and what people are found by.
            "attempt",
            "challenge",
            "code",
            "confirm_token",
            "contact",
            "credential",
            "csrf",
            "number",
            "old",
            "password",
            "pin",
            "pin_again",
            "value",
            // Of pages that nobody signed in stands on, and of searches.
            "category",
            "city",
            "country",
            "from",
            "is_sign_up",
            "next",
            "q",
            "remember",
            "request",
            "shop",
            "state",
            "terminal",
            "to",
            "username",
            "zone",
            // Of buttons, and of codes, which ask for no fresh factor.
            "client_id",
            "decision",
            "factor",
            "level",
            "order_line",
            "order_reference",
            "outcome",
            "place",
            "request_uri",
            "subject",
        ];
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut seen = 0;
        for name in ["app", "identity", "payments", "tokens"] {
            for file in std::fs::read_dir(crates.join(name).join("templates")).unwrap() {
                let path = file.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap();
                let fields = text.split("page.field(\"").skip(1);
                let tags = text
                    .split('<')
                    .filter(|tag| ["input", "select", "textarea"].iter().any(|t| tag.starts_with(t)));
                let tags = tags.filter_map(|tag| tag.split(" name=\"").nth(1));
                for field in fields.chain(tags).filter_map(|rest| rest.split('"').next()) {
                    let lists = [KEPT, TYPED_AGAIN].iter().filter(|list| list.contains(&field)).count();
                    assert_eq!(lists, 1, "`{field}` of {}: keep it, or say why not", path.display());
                    seen += 1;
                }
            }
        }
        assert!(seen > 60, "{seen}");
    }
}
