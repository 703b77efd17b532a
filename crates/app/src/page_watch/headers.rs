//! The security headers of a received page, compared with those that the program sends.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use webkit::request::{PLACE_PERMISSIONS, list_page_headers};

use super::Finding;

/// Seconds for which browsers are told to come by TLS alone, at least: a year.
const TLS_ALONE_SECONDS_MIN: u64 = 31_536_000;
/// Headers that load or lead somewhere, or open the page to others; ours have none.
static FOREIGN: [HeaderName; 4] = [
    header::LINK,
    header::REFRESH,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    HeaderName::from_static("sourcemap"),
];

/// What of the headers of a page is missing or changed. Over TLS `strict-transport-security` must be among them, whoever
/// adds it.
pub fn compare(received: &HeaderMap, tls: bool) -> Vec<Finding> {
    let mut found: Vec<Finding> = list_page_headers()
        .into_iter()
        .filter_map(|(name, value)| judge(received, &name, &|seen| is_ours(&name, value, seen)))
        .collect();
    if tls {
        found.extend(judge(received, &header::STRICT_TRANSPORT_SECURITY, &is_long));
    }
    let added = FOREIGN.iter().filter(|name| received.contains_key(*name));
    found.extend(added.map(|name| Finding::Header(name.to_string())));
    found
}

fn judge(received: &HeaderMap, name: &HeaderName, good: &dyn Fn(&HeaderValue) -> bool) -> Option<Finding> {
    let mut values = received.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(Finding::NoHeader(name.to_string())),
        (Some(value), None) if good(value) => None,
        _ => Some(Finding::Header(name.to_string())),
    }
}

fn is_ours(name: &HeaderName, wanted: &str, seen: &HeaderValue) -> bool {
    seen == wanted || name.as_str() == "permissions-policy" && seen == PLACE_PERMISSIONS
}

fn is_long(seen: &HeaderValue) -> bool {
    let mut parts = seen.to_str().unwrap_or_default().split(';').map(str::trim);
    let age = parts.find_map(|part| part.strip_prefix("max-age="));
    age.and_then(|age| age.parse().ok()).is_some_and(|age: u64| age >= TLS_ALONE_SECONDS_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list_page_headers() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        headers
    }

    #[test]
    fn c30_each_security_header_that_is_missing_or_changed_is_found() {
        assert_eq!(compare(&own(), true), []);
        let mut names: Vec<HeaderName> = list_page_headers().into_iter().map(|(name, _)| name).collect();
        names.push(header::STRICT_TRANSPORT_SECURITY);
        for name in names {
            let mut without = own();
            without.remove(&name);
            assert_eq!(compare(&without, true), [Finding::NoHeader(name.to_string())]);
            let mut other = own();
            other.insert(name.clone(), HeaderValue::from_static("max-age=31535999"));
            assert_eq!(compare(&other, true), [Finding::Header(name.to_string())]);
            let mut twice = own();
            twice.append(name.clone(), HeaderValue::from_static("x"));
            assert_eq!(compare(&twice, true), [Finding::Header(name.to_string())]);
        }
        let mut plain = own();
        plain.remove(header::STRICT_TRANSPORT_SECURITY);
        assert_eq!(compare(&plain, false), []);
    }

    #[test]
    fn c30_a_header_that_loads_or_leads_is_found() {
        for name in &FOREIGN {
            let mut with = own();
            with.insert(name.clone(), HeaderValue::from_static("x"));
            assert_eq!(compare(&with, true), [Finding::Header(name.to_string())]);
        }
    }
}
