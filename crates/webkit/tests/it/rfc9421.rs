//! The published vectors of RFC 9421 appendix B, and the reading rules around them.

use std::path::PathBuf;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;
use webkit::signing::{
    Component, ComponentError, Message, Presented, RequestParts, ResponseParts, SigningKey, VerifyingKey,
};

/// The vectors kept beside the tests.
fn vectors() -> Value {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/rfc9421.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// A message of the vectors, with the fields a test adds.
#[derive(Clone)]
pub struct Sample {
    method: String,
    scheme: String,
    authority: String,
    path: String,
    query: Option<String>,
    status: Option<u16>,
    pub headers: HeaderMap,
}

impl Sample {
    fn of(value: &Value) -> Sample {
        let url: axum::http::Uri = value["url"].as_str().unwrap_or("https://none.example/").parse().unwrap();
        let mut headers = HeaderMap::new();
        for pair in value["headers"].as_array().unwrap() {
            let name = HeaderName::from_bytes(pair[0].as_str().unwrap().as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(pair[1].as_str().unwrap()).unwrap());
        }
        Sample {
            method: value["method"].as_str().unwrap_or_default().to_owned(),
            scheme: url.scheme_str().unwrap().to_owned(),
            authority: url.authority().unwrap().to_string(),
            path: url.path().to_owned(),
            query: url.query().map(str::to_owned),
            status: value["status"].as_u64().map(|status| status as u16),
            headers,
        }
    }

    fn request(&self) -> RequestParts<'_> {
        RequestParts {
            method: &self.method,
            scheme: &self.scheme,
            authority: &self.authority,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            trailers: None,
        }
    }

    fn message(&self) -> Message<'_> {
        match self.status {
            None => Message::Request(self.request()),
            Some(status) => Message::Response(ResponseParts {
                status,
                headers: &self.headers,
                trailers: None,
                request: None,
            }),
        }
    }
}

fn public_key(key: &Value) -> VerifyingKey {
    let part = |name: &str| {
        let text = key[name].as_str().unwrap();
        URL_SAFE_NO_PAD
            .decode(text)
            .or_else(|_| URL_SAFE.decode(text))
            .or_else(|_| STANDARD.decode(text))
            .unwrap()
    };
    match key["kty"].as_str().unwrap() {
        "oct" => VerifyingKey::hmac_sha256(&part("k")).unwrap(),
        "OKP" => VerifyingKey::ed25519(&part("x")).unwrap(),
        "EC" => VerifyingKey::ecdsa_p256(&[vec![4], part("x"), part("y")].concat()).unwrap(),
        _ => VerifyingKey::rsa_pss(&part("n"), &part("e")),
    }
}

fn signed(sample: &Sample, vector: &Value) -> Sample {
    let mut sample = sample.clone();
    let (label, signature) = (vector["label"].as_str().unwrap(), vector["signature"].as_str().unwrap());
    let input = vector["signature_input"].as_str().unwrap();
    sample.headers.insert("signature-input", input.parse().unwrap());
    sample.headers.insert("signature", format!("{label}=:{signature}:").parse().unwrap());
    sample
}

fn verifies(sample: &Sample, vector: &Value, key: &VerifyingKey) -> bool {
    let presented = Presented::read_label(&sample.headers, vector["label"].as_str().unwrap()).unwrap();
    presented.is_signed_by(&sample.message(), key).unwrap_or(false)
}

/// Checks base and signature of every vector; returns how many there were.
fn check_all(file: &Value, messages: &Value) -> usize {
    for vector in file["vectors"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let sample = signed(&Sample::of(&messages[vector["message"].as_str().unwrap()]), vector);
        let key = public_key(&file["keys"][vector["keyid"].as_str().unwrap()]);
        assert_eq!(key.algorithm().name(), vector["alg"].as_str().unwrap(), "{name}");
        let label = vector["label"].as_str().unwrap();
        let presented = Presented::read_label(&sample.headers, label).unwrap();
        assert_eq!(presented.base(&sample.message()).unwrap(), vector["base"].as_str().unwrap(), "{name}");
        assert!(verifies(&sample, vector, &key), "{name}");
        let mut other = vector.clone();
        other["signature"] = Value::String(STANDARD.encode([7u8; 64]));
        assert!(!verifies(&signed(&sample, &other), vector, &key), "{name} with another signature");
    }
    file["vectors"].as_array().unwrap().len()
}

#[test]
fn sig_1_every_published_base_and_signature_is_met() {
    let file = vectors();
    assert_eq!(check_all(&file, &file), 8);
}

#[test]
fn sig_1_the_shared_vector_file_says_the_same() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/rfc9421.json");
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            assert_eq!(check_all(&serde_json::from_str(&text).unwrap(), &vectors()), 7);
        }
        Err(_) => println!("not compared: `{}` is not there", file.display()),
    }
}

#[test]
fn sig_1_our_own_keys_make_the_published_deterministic_signatures() {
    let file = vectors();
    for (name, key) in [
        (
            "B.2.5",
            SigningKey::hmac_sha256(
                &STANDARD.decode(file["keys"]["test-shared-secret"]["k"].as_str().unwrap()).unwrap(),
            ),
        ),
        (
            "B.2.6",
            SigningKey::ed25519(
                &URL_SAFE_NO_PAD.decode(file["keys"]["test-key-ed25519"]["d"].as_str().unwrap()).unwrap(),
            ),
        ),
    ] {
        let vector = file["vectors"].as_array().unwrap().iter().find(|v| v["name"] == name).unwrap();
        let signature = key.unwrap().sign(vector["base"].as_str().unwrap().as_bytes());
        assert_eq!(STANDARD.encode(signature), vector["signature"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn sig_1_transformations_of_appendix_b4_are_told_apart() {
    let file = vectors();
    let vector = file["vectors"].as_array().unwrap().iter().find(|v| v["message"] == "transform").unwrap();
    let key = public_key(&file["keys"]["test-key-ed25519"]);
    let sample = signed(&Sample::of(&file["transform"]), vector);
    let check = |change: &dyn Fn(&mut Sample)| {
        let mut other = sample.clone();
        change(&mut other);
        verifies(&other, vector, &key)
    };
    let accept = |lines: &'static [&'static str]| {
        move |s: &mut Sample| {
            s.headers.remove("accept");
            lines.iter().for_each(|line| {
                s.headers.append("accept", HeaderValue::from_static(line));
            });
        }
    };
    // Valid: what is not covered may change, and lines of one field may be joined.
    assert!(check(&|s| s.query = Some("name1=Value1&Name2=value2&param=added".into())));
    assert!(check(&|s| {
        s.headers.insert("accept-language", "en-US,en;q=0.5".parse().unwrap());
    }));
    assert!(check(&|s| {
        s.headers.remove("date");
        s.headers.insert("referer", "https://developer.example.org/demo".parse().unwrap());
    }));
    assert!(check(&accept(&["application/json, */*"])));
    assert!(check(&accept(&["  application/json\t", " */*  "])));
    assert!(check(&|s| s.authority = "EXAMPLE.org:443".into()));
    // Invalid.
    assert!(!check(&|s| s.method = "POST".into()));
    assert!(!check(&|s| s.authority = "example.com".into()));
    assert!(!check(&|s| s.authority = "example.org:8443".into()));
    assert!(!check(&|s| s.path = "/Demo".into()));
    assert!(!check(&accept(&["*/*", "application/json"])));
    assert!(!check(&accept(&["application/json"])));
    assert!(!check(&accept(&[])));
}

/// One line of a base.
#[track_caller]
fn line(message: &Message<'_>, identifier: &str) -> Result<String, ComponentError> {
    let list = format!("x=({identifier})");
    let dictionary: sfv::Dictionary = sfv::Parser::new(&list).parse().unwrap();
    let sfv::ListEntry::InnerList(inner) = &dictionary["x"] else { unreachable!() };
    let component = Component::from_item(&inner.items[0])?;
    let mut out = String::new();
    component.append_line(message, &mut out)?;
    Ok(out)
}

fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn request(headers: &HeaderMap) -> RequestParts<'_> {
    RequestParts {
        method: "POST",
        scheme: "https",
        authority: "www.Example.com:443",
        path: "/path",
        query: Some("param=value&foo=bar&baz=bat%20man&qux=&twice=1&twice=2&fa%C3%A7ade%22%3A%20=something"),
        headers,
        trailers: None,
    }
}

#[test]
fn sig_1_derived_components_have_the_values_of_section_2_2() {
    let none = HeaderMap::new();
    let parts = request(&none);
    let message = Message::Request(parts);
    let value = |id: &str| line(&message, id).map(|text| text.split_once(": ").unwrap().1.to_owned());
    assert_eq!(value("\"@method\"").unwrap(), "POST");
    assert_eq!(value("\"@authority\"").unwrap(), "www.example.com");
    assert_eq!(value("\"@scheme\"").unwrap(), "https");
    assert_eq!(value("\"@path\"").unwrap(), "/path");
    assert!(value("\"@query\"").unwrap().starts_with("?param=value&foo=bar"));
    assert!(value("\"@target-uri\"").unwrap().starts_with("https://www.example.com/path?param=value"));
    assert!(value("\"@request-target\"").unwrap().starts_with("/path?param=value"));
    let empty = Message::Request(RequestParts { path: "", query: None, ..parts });
    assert_eq!(line(&empty, "\"@path\"").unwrap(), "\"@path\": /");
    assert_eq!(line(&empty, "\"@query\"").unwrap(), "\"@query\": ?");
    assert_eq!(line(&empty, "\"@request-target\"").unwrap(), "\"@request-target\": /");
}

#[test]
fn sig_1_query_parameters_are_decoded_and_encoded_again() {
    let none = HeaderMap::new();
    let message = Message::Request(request(&none));
    let value = |name: &str| line(&message, &format!("\"@query-param\";name=\"{name}\""));
    assert_eq!(value("baz").unwrap(), "\"@query-param\";name=\"baz\": bat%20man");
    assert_eq!(value("qux").unwrap(), "\"@query-param\";name=\"qux\": ");
    assert_eq!(
        value("fa%C3%A7ade%22%3A%20").unwrap(),
        "\"@query-param\";name=\"fa%C3%A7ade%22%3A%20\": something"
    );
    assert!(matches!(value("none"), Err(ComponentError::Absent(_))));
    assert!(matches!(value("twice"), Err(ComponentError::Unreadable(..))));
}

#[test]
fn sig_1_fields_are_written_as_their_parameters_say() {
    let headers = fields(&[
        ("cache-control", "max-age=60"),
        ("cache-control", "   must-revalidate"),
        ("empty", ""),
        ("priority", "  a=1,    b=2;x=1;y=2,   c=(a   b    c), d"),
        ("lines", "value, with, lots"),
        ("lines", "of, commas"),
    ]);
    let trailers = fields(&[("expires", "Wed, 9 Nov 2022 07:28:00 GMT")]);
    let message = Message::Request(RequestParts { trailers: Some(&trailers), ..request(&headers) });
    let check = |id: &str, expect: &str| assert_eq!(line(&message, id).unwrap(), format!("{id}: {expect}"));
    check("\"cache-control\"", "max-age=60, must-revalidate");
    check("\"empty\"", "");
    check("\"priority\"", "a=1,    b=2;x=1;y=2,   c=(a   b    c), d");
    check("\"priority\";sf", "a=1, b=2;x=1;y=2, c=(a b c), d");
    check("\"priority\";key=\"a\"", "1");
    check("\"priority\";key=\"d\"", "?1");
    check("\"priority\";key=\"b\"", "2;x=1;y=2");
    check("\"priority\";key=\"c\"", "(a b c)");
    check("\"lines\";bs", ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:");
    check("\"expires\";tr", "Wed, 9 Nov 2022 07:28:00 GMT");
    for absent in
        ["\"expires\"", "\"priority\";tr", "\"priority\";key=\"x\"", "\"@method\";req", "\"@status\""]
    {
        assert!(matches!(line(&message, absent), Err(ComponentError::Absent(_))), "{absent}");
    }
    assert!(matches!(line(&message, "\"lines\";sf"), Err(ComponentError::Unreadable(..))));
    for unknown in [
        "\"@nothing\"",
        "\"Cache-Control\"",
        "\"priority\";sf;bs",
        "\"priority\";bs;key=\"a\"",
        "\"@method\";sf",
        "\"priority\";other",
        "\"@query-param\"",
        "\"@path\";name=\"x\"",
        "\"\"",
        "\"a b\"",
        "token",
        "1",
        "\"priority\";req=?0",
        "\"@signature-params\"",
    ] {
        assert!(matches!(line(&message, unknown), Err(ComponentError::Unknown(_))), "{unknown}");
    }
}

#[test]
fn sig_8_an_answer_can_cover_parts_of_its_request() {
    let headers = fields(&[("signature", "sig1=:aGVsbG8=:"), ("content-digest", "sha-256=:AAAA:")]);
    let own = fields(&[("content-length", "62")]);
    let response =
        ResponseParts { status: 503, headers: &own, trailers: None, request: Some(request(&headers)) };
    let message = Message::Response(response);
    let check = |id: &str, expect: &str| assert_eq!(line(&message, id).unwrap(), format!("{id}: {expect}"));
    check("\"@status\"", "503");
    check("\"@method\";req", "POST");
    check("\"@authority\";req", "www.example.com");
    check("\"signature\";req;key=\"sig1\"", ":aGVsbG8=:");
    check("\"content-digest\";req", "sha-256=:AAAA:");
    for absent in ["\"@method\"", "\"content-digest\"", "\"content-length\";req"] {
        assert!(matches!(line(&message, absent), Err(ComponentError::Absent(_))), "{absent}");
    }
    assert!(matches!(line(&message, "\"@status\";req"), Err(ComponentError::Unknown(_))));
}
