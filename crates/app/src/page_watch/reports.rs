//! What payers' browsers stopped and report (`report-uri`): taken, boiled down, and told once.
//!
//! Anybody can send anything here, so nothing of a report is kept as it is. What remains is which rule of the policy was
//! broken on which kind of page, and the origin of what was stopped; no address of a page, no words of a script, nothing of
//! the payer. What an extension of the browser did on its own is left out.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use reqwest::Url;
use serde_json::Value;
use webkit::error::ApiError;
use webkit::request::{REPORTS_PATH, RequestContext};
use webkit::throttle::{Rate, Throttle};

use super::problems::{Source, alarm, raise};
use super::{REPORT_BYTES_MAX, REPORTS_PER_MINUTE_MAX, REPORTS_PER_PLACE, TOLD_AGAIN_DAYS, shown};
use crate::jobs::day_of;

/// The media type of a report.
const REPORT: &str = "application/csp-report";
/// The rules of a policy that a report may name. Others are "another rule".
const RULES: [&str; 17] = [
    "script-src-elem",
    "script-src-attr",
    "script-src",
    "style-src-elem",
    "style-src-attr",
    "style-src",
    "img-src",
    "connect-src",
    "font-src",
    "media-src",
    "frame-src",
    "worker-src",
    "object-src",
    "base-uri",
    "form-action",
    "frame-ancestors",
    "default-src",
];
/// What a report says in place of an address.
const WORDS: [&str; 8] = ["inline", "eval", "wasm-eval", "data", "blob", "self", "filesystem", "about"];
/// Kinds of pages, by how their address begins.
const PAGES: [(&str, &str); 5] = [
    ("/p/", "the pay page"),
    ("/pay/", "the payment page"),
    ("/me", "a page of the buyer"),
    ("/desk", "a page of the desk"),
    ("/sign-in", "the door of members"),
];

/// What the handler holds.
#[derive(Clone)]
struct Reports {
    context: identity::Context,
    places: Arc<Throttle>,
    all: Arc<Throttle>,
}

/// Takes reports of an installation.
pub fn router(context: &identity::Context) -> Router {
    let places = Rate { burst: REPORTS_PER_PLACE, per_minute: REPORTS_PER_PLACE };
    let all = Rate { burst: REPORTS_PER_MINUTE_MAX, per_minute: REPORTS_PER_MINUTE_MAX };
    let reports = Reports {
        context: context.clone(),
        places: Arc::new(Throttle::new(places)),
        all: Arc::new(Throttle::with_keys_max(all, 1)),
    };
    Router::new().route(REPORTS_PATH, post(take_reports)).with_state(reports)
}

async fn take_reports(State(reports): State<Reports>, context: RequestContext, request: Request) -> Response {
    match reports.take(context, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

impl Reports {
    async fn take(&self, asked: RequestContext, request: Request) -> Result<(), ApiError> {
        let place = asked.remote.map_or_else(String::new, |address| place_of(&address.to_string()));
        self.places.check(place.as_bytes(), asked.at)?;
        self.all.check(b"all", asked.at)?;
        check_kind(&request)?;
        let Some(problem) = read(&bytes(request.into_body()).await?, &self.context.public_url)? else {
            return Ok(());
        };
        let (cx, now) = (self.context.clone(), asked.at);
        let one = problem.clone();
        let today = day_of(now);
        let known = self.context.db.read(move |tx| {
            let told = super::store::list_told(tx)?;
            Ok::<_, store::Error>(is_told(&told, &one, today))
        });
        if known.await.map_err(ApiError::from)? {
            return Ok(());
        }
        let told = self
            .context
            .db
            .write(move |tx| raise(tx, &cx.means(now), Source::Browser, std::slice::from_ref(&problem)));
        alarm(Source::Browser, &told.await.map_err(ApiError::from)?);
        Ok(())
    }
}

/// Whether a problem was told lately: the usual case, which writes nothing.
fn is_told(told: &[(String, i64)], problem: &str, today: i64) -> bool {
    let same = |known: &str| known.strip_prefix("browser: ") == Some(problem);
    told.iter().any(|(known, day)| same(known) && day + TOLD_AGAIN_DAYS > today)
}

/// The network that an address belongs to, as everywhere: the address itself, of IPv6 its /64.
fn place_of(address: &str) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(six) => format!("{:x?}", six.segments().get(..4)),
        Err(_) => address.to_owned(),
    }
}

fn check_kind(request: &Request) -> Result<(), ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim).unwrap_or_default();
    if kind == REPORT { Ok(()) } else { Err(ApiError::unsupported(REPORT)) }
}

async fn bytes(body: Body) -> Result<Vec<u8>, ApiError> {
    let read = to_bytes(body, REPORT_BYTES_MAX).await;
    read.map(|bytes| bytes.to_vec()).map_err(|_| ApiError::payload_too_large(REPORT_BYTES_MAX))
}

/// The problem of a report, in words; `None` for one of another site or of an extension.
///
/// # Errors
/// 400 when it is no report.
pub fn read(body: &[u8], public_url: &str) -> Result<Option<String>, ApiError> {
    let refused = || ApiError::bad_field("body", "is no report of a browser");
    let parsed: Value = serde_json::from_slice(body).map_err(|_| refused())?;
    let report = parsed.get("csp-report").ok_or_else(refused)?;
    Ok(in_words(report, public_url))
}

fn in_words(report: &Value, public_url: &str) -> Option<String> {
    let text = |name: &str| report.get(name).and_then(Value::as_str).unwrap_or_default();
    let page = Url::parse(text("document-uri")).ok()?;
    let own = Url::parse(public_url).ok()?;
    if page.origin() != own.origin() {
        return None;
    }
    let rule = text("effective-directive");
    let rule = if rule.is_empty() { text("violated-directive") } else { rule };
    let rule = rule.split(' ').next().unwrap_or_default();
    let rule = RULES.iter().find(|known| **known == rule).copied().unwrap_or("another rule");
    let stopped = stopped(text("blocked-uri"), &own)?;
    let kind =
        PAGES.iter().find(|(begin, _)| page.path().starts_with(begin)).map_or("a page", |(_, kind)| kind);
    Some(format!("{kind} was to load {stopped}, against {rule}"))
}

/// What was stopped: a word, or an origin. `None` for what an extension did.
fn stopped(address: &str, own: &Url) -> Option<String> {
    if let Some(word) = WORDS.iter().find(|word| **word == address) {
        return Some((*word).to_owned());
    }
    let Ok(url) = Url::parse(address) else { return Some("something unnamed".to_owned()) };
    match url.scheme() {
        scheme if scheme.ends_with("extension") || scheme == "moz-extension" => None,
        "http" | "https" | "ws" | "wss" if url.origin() == own.origin() => {
            Some("a file of its own site".to_owned())
        }
        "http" | "https" | "ws" | "wss" => Some(format!("`{}`", shown(&url.origin().ascii_serialization()))),
        scheme => Some(
            WORDS.iter().find(|word| **word == scheme).map_or("something unnamed", |word| word).to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://pay.shop.example";

    fn words(body: &str) -> Option<String> {
        read(body.as_bytes(), OWN).unwrap()
    }

    fn report(page: &str, rule: &str, stopped: &str) -> Option<String> {
        words(&format!(
            r#"{{"csp-report":{{"document-uri":"{page}","violated-directive":"{rule}","blocked-uri":"{stopped}","script-sample":"steal()","referrer":"https://a.example/"}}}}"#
        ))
    }

    #[test]
    fn c30_of_a_report_rule_kind_of_page_and_origin_remain() {
        let at =
            |path: &str, stopped: &str| report(&format!("{OWN}{path}"), "script-src-elem", stopped).unwrap();
        assert_eq!(
            at("/p/secretcode?x=1", "https://Evil.example:8443/steal.js?card=4111111111111111"),
            "the pay page was to load `https://evil.example:8443`, against script-src-elem"
        );
        assert_eq!(
            at("/pay/pay_x", "inline"),
            "the payment page was to load inline, against script-src-elem"
        );
        let own = "a page was to load a file of its own site, against script-src-elem";
        assert_eq!(at("/", "https://pay.shop.example/x.js"), own);
        assert_eq!(
            report(&format!("{OWN}/"), "img-src 'self'", "wss://evil.example/x").unwrap(),
            "a page was to load `wss://evil.example`, against img-src"
        );
    }

    #[test]
    fn reports_of_other_sites_and_extensions_are_left_out() {
        for (page, stopped) in [
            ("https://other.example/p/x", "inline"),
            ("https://pay.shop.example/p/x", "chrome-extension://abc/x.js"),
            ("about:blank", "inline"),
            ("", "inline"),
        ] {
            assert_eq!(report(page, "img-src", stopped), None, "{page} {stopped}");
        }
    }

    #[test]
    fn whatever_is_sent_gives_a_short_line_or_a_refusal() {
        for bad in ["", "1", "null", "\"x\"", "{}", "[]", "{\"csp-report\"", "\u{0}"] {
            assert!(read(bad.as_bytes(), OWN).is_err(), "{bad}");
        }
        assert!(read(&[0xff; 100], OWN).is_err());
        let host = format!("https://{}.example/", "a".repeat(250));
        let long = report(&format!("{OWN}/p/x"), "<script>", &host).unwrap();
        assert!(long.chars().count() < 200 && !long.contains('<') && long.contains("another rule"), "{long}");
        for odd in ["1", "null", "[]", "{}", r#"{"document-uri":["x"],"blocked-uri":{}}"#] {
            assert_eq!(words(&format!("{{\"csp-report\":{odd}}}")), None, "{odd}");
        }
    }
}
