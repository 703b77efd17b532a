//! Connected apps (OI-2): an app of the test's own, over HTTP, from the owner's form to the last refused call. What is
//! written by others drives the same way in the oracle `apps`.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::http::{HeaderName, Method, header};
use base::{AppId, ConnectionId, Dice, MemberId, ShopId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::limits::APP_REFUSALS_BURST_MAX;
use identity::oauth::{self, App, NewApp, Redeemed};
use identity::{Actor, Label, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Request};
use webkit::page::html::query_escape;

use crate::browsing;
use crate::house::{AUTHORITY, House, Shop, each_house, key};

mod refused;

const BACK: &str = "https://books.example/back?from=tillward";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const PAR: &str = "/oauth/par";
const TOKEN: &str = "/oauth/token";
const REVOKE: &str = "/oauth/revoke";
const PAYMENTS: &str = "/v1/payments";

/// A key pair of an app.
struct Pair(EcdsaKeyPair);

impl Pair {
    fn new() -> Pair {
        Pair(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    }

    fn sign(&self, head: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(head), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

fn proof_field() -> HeaderName {
    HeaderName::from_static("dpop")
}

/// An app of a shop, its two keys, and a member who may allow it.
struct Stage {
    house: House,
    shop: Shop,
    owner: String,
    member: MemberId,
    session: String,
    app: App,
    own: Pair,
    bound: Pair,
}

/// What an app holds after a member said yes.
struct Held {
    access: String,
    refresh: String,
}

impl Stage {
    fn on(house: House) -> Stage {
        let shop = house.shop("SG");
        let own = Pair::new();
        let app = register(&house, shop.id, &own, &["view payments", "take payments", "refund"]);
        let owner = house.member(shop.id, Role::Owner).1;
        let (member, session) = house.member(shop.id, Role::Manager);
        Stage { house, shop, owner, member, session, app, own, bound: Pair::new() }
    }

    fn seconds(&self) -> i64 {
        self.house.now().0 / 1000
    }

    fn claims(&self) -> Value {
        let id = self.app.id.to_string();
        json!({"iss": id, "sub": id, "aud": format!("https://{AUTHORITY}"), "jti": key(),
               "iat": self.seconds(), "exp": self.seconds() + 60})
    }

    fn assertion(&self) -> String {
        self.own.sign(&json!({"alg": "ES256"}), &self.claims())
    }

    fn proof_claims(&self, method: &str, path: &str, token: Option<&str>) -> Value {
        let mut claims = json!({"jti": key(), "htm": method, "htu": format!("https://{AUTHORITY}{path}"),
                                "iat": self.seconds()});
        if let Some(token) = token {
            claims["ath"] = json!(hash(token));
        }
        claims
    }

    fn proof_by(&self, pair: &Pair, claims: &Value) -> String {
        pair.sign(&json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": pair.jwk()}), claims)
    }

    fn proof(&self, method: &str, path: &str, token: Option<&str>) -> String {
        self.proof_by(&self.bound, &self.proof_claims(method, path, token))
    }

    /// A request of the app's server, with an assertion of its own unless `fields` hold one.
    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Request {
        let assertion = self.assertion();
        let mut all = vec![
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        all.retain(|(name, _)| fields.iter().all(|(other, _)| other != name));
        all.extend(fields);
        let body: Vec<String> =
            all.iter().map(|(name, value)| format!("{name}={}", query_escape(value))).collect();
        let mut request =
            Request::new(Method::POST, path).with(proof_field(), &self.proof("POST", path, None));
        request = request.with(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body = body.join("&").into_bytes();
        request
    }

    fn asked(&self) -> Vec<(&'static str, String)> {
        [
            ("response_type", "code"),
            ("redirect_uri", BACK),
            ("code_challenge", &hash(VERIFIER)),
            ("code_challenge_method", "S256"),
            ("scope", "view_payments take_payments"),
            ("state", "of the app"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    #[track_caller]
    fn push(&self) -> String {
        let asked = self.asked();
        let fields: Vec<(&str, &str)> = asked.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let pushed = self.house.send(self.post(PAR, &fields));
        assert_eq!(pushed.status, 201, "{}", pushed.json());
        pushed.text("/request_uri")
    }

    fn question(&self, request_uri: &str) -> String {
        format!("/oauth/authorize?client_id={}&request_uri={}", self.app.id, query_escape(request_uri))
    }

    fn decide(&self, session: &str, request_uri: &str, decision: &str) -> Answer {
        self.house.send(self.decision(session, request_uri, decision))
    }

    fn decision(&self, session: &str, request_uri: &str, decision: &str) -> Request {
        let fields = [
            ("client_id", self.app.id.to_string()),
            ("request_uri", request_uri.to_owned()),
            ("decision", decision.to_owned()),
        ];
        browsing::form("/oauth/authorize", &fields, Some(session))
    }

    /// A code, as the browser brings it back.
    #[track_caller]
    fn code(&self) -> String {
        let to = way_back(&self.decide(&self.session, &self.push(), "allow"));
        let fields = format!("&state=of+the+app&iss={}", query_escape(&format!("https://{AUTHORITY}")));
        assert!(to.starts_with(&format!("{BACK}&code=twc_")) && to.ends_with(&fields), "{to}");
        to.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    }

    fn trade(&self, code: &str) -> Answer {
        self.trade_with(code, BACK, VERIFIER)
    }

    fn trade_with(&self, code: &str, back: &str, verifier: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back),
            ("code_verifier", verifier),
        ];
        self.house.send(self.post(TOKEN, &fields))
    }

    #[track_caller]
    fn connect(&self) -> Held {
        let traded = self.trade(&self.code());
        assert_eq!(traded.status, 200, "{}", traded.json());
        assert_eq!(traded.text("/token_type"), "DPoP");
        assert_eq!(traded.text("/scope"), "view_payments take_payments");
        assert_eq!(traded.headers["cache-control"], "no-store");
        Held { access: traded.text("/access_token"), refresh: traded.text("/refresh_token") }
    }

    fn refresh(&self, refresh: &str) -> Answer {
        self.house.send(self.post(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]))
    }

    fn call(&self, method: &str, path: &str, access: &str) -> Request {
        let proof = self.proof(method, path.split('?').next().unwrap(), Some(access));
        call_with(Request::new(method.parse().unwrap(), path), access, &proof)
    }

    /// Makes a payment.
    fn bill(&self, access: &str) -> u16 {
        let body = json!({"amount_minor": 1200, "currency": "CNY"});
        let proof = self.proof("POST", PAYMENTS, Some(access));
        self.house.send(call_with(Request::post(PAYMENTS, &body).once(&key()), access, &proof)).status
    }

    fn status(&self, access: &str) -> u16 {
        self.house.send(self.call("GET", PAYMENTS, access)).status
    }
}

/// Where the page that a decision ends with sends the browser by itself.
#[track_caller]
fn way_back(answer: &Answer) -> String {
    let page = String::from_utf8_lossy(&answer.body);
    assert_eq!(
        (answer.status, &answer.headers["cache-control"]),
        (200, &"no-store".parse().unwrap()),
        "{page}"
    );
    let start = page.split("content=\"0; url=").nth(1).unwrap_or_else(|| panic!("{page}"));
    start.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

fn call_with(request: Request, access: &str, proof: &str) -> Request {
    request.with(header::AUTHORIZATION, &format!("DPoP {access}")).with(proof_field(), proof)
}

fn register(house: &House, shop: ShopId, own: &Pair, may: &[&str]) -> App {
    let may: Vec<String> = may.iter().map(|name| (*name).to_owned()).collect();
    let new = NewApp::parse(Label::parse("Books").unwrap(), BACK, &own.jwk().to_string(), &may).unwrap();
    let owner = owner_of(house, shop);
    house.write(move |tx, means| {
        identity::oauth::register_app(tx, means, &owner, shop, &new)
            .map_err(|e| store::Error::Bug(e.to_string()))
    })
}

fn owner_of(house: &House, shop: ShopId) -> Actor {
    let token = house.member(shop, Role::Owner).1;
    let token = identity::Token::parse(identity::TokenKind::MemberSession, &token).unwrap();
    let now = house.now();
    Actor::Member(house.read(|tx| Ok(identity::require_member(tx, &token, now).unwrap())))
}

/// An app of the shop that its owner allowed to see payments, made without a browser.
pub fn connected(house: &House, shop: ShopId) -> ConnectionId {
    let app = register(house, shop, &Pair::new(), &["view payments"]);
    let Actor::Member(session) = owner_of(house, shop) else { panic!("an owner is a member") };
    house.write(move |tx, means| {
        let fields = [
            ("response_type", "code"),
            ("redirect_uri", BACK),
            ("code_challenge", &hash(VERIFIER)),
            ("code_challenge_method", "S256"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let asked = oauth::read_request(&app, &fields, None).unwrap();
        let token = oauth::push_request(tx, means, &app, &asked)?;
        let allowed =
            oauth::allow_request(tx, means, &session, (app.id, &token), "https://pay.example").unwrap();
        let address = allowed.address.expose();
        let code = address.split("code=").nth(1).unwrap().split('&').next().unwrap();
        let code = identity::Token::parse(identity::TokenKind::AppCode, code).unwrap();
        let shown = Redeemed { code: &code, redirect: BACK, verifier: VERIFIER, proof_key: "thumbprint" };
        let issued = oauth::redeem_code(tx, means, &app, shown)?.unwrap();
        let caller = oauth::require_app(tx, &issued.access, "thumbprint", means.now).unwrap();
        Ok::<_, identity::Fault>(caller.connection)
    })
}

/// An app of the shop that nobody allowed anything.
pub fn registered(house: &House, shop: ShopId) -> AppId {
    register(house, shop, &Pair::new(), &["view payments"]).id
}

/// What the owner's form holds.
pub fn form_fields() -> [(&'static str, String); 4] {
    [
        ("name", "Books".to_owned()),
        ("redirects", BACK.to_owned()),
        ("keys", Pair::new().jwk().to_string()),
        ("may", "view payments".to_owned()),
    ]
}

#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.text("/error").as_str()), (status, error), "{}", answer.json());
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[test]
fn oi_2_an_app_goes_all_the_way_and_is_disconnected_in_one_click() {
    each_house(|house| {
        let stage = Stage::on(house);
        let held = stage.connect();
        assert_eq!(stage.status(&held.access), 200);
        assert_eq!(stage.house.send(stage.call("GET", "/v1/payments?limit=1", &held.access)).status, 200);
        assert_eq!(stage.bill(&held.access), 201);

        stage.house.wait(301);
        assert_eq!(stage.status(&held.access), 401, "over after five minutes");
        let next = stage.refresh(&held.refresh);
        assert_eq!((next.status, next.text("/refresh_token").as_str()), (200, ""), "{}", next.json());
        let access = next.text("/access_token");
        assert_eq!(stage.status(&access), 200);

        let page = stage.house.send(browsing::page("/desk/apps", Some(&stage.owner)));
        let page = String::from_utf8(page.body).unwrap();
        let start = page.find("/desk/apps/connections/").unwrap();
        let path = page[start..].split('"').next().unwrap();
        assert!(page.contains("Li Si") && page.contains("last used"));
        let ended = stage.house.send(browsing::form(path, &[], Some(&stage.owner)));
        assert_eq!(ended.status, 303);
        assert_eq!(stage.status(&access), 401);
        refused(&stage.refresh(&held.refresh), 400, "invalid_grant");
    });
}

#[test]
fn oi_2_a_member_sees_and_ends_what_they_allowed_and_nothing_of_a_colleague() {
    each_house(|house| {
        let stage = Stage::on(house);
        let held = stage.connect();
        let (_, colleague) = stage.house.member(stage.shop.id, Role::Owner);
        let security = |who: &str| {
            let page = stage.house.send(browsing::page("/desk/security", Some(who)));
            assert_eq!(page.status, 200);
            String::from_utf8(page.body).unwrap()
        };
        let page = security(&stage.session);
        let start = page.find("/desk/security/apps/").unwrap();
        let path = page[start..].split('"').next().unwrap().to_owned();
        assert!(!security(&colleague).contains("/desk/security/apps/"), "a colleague has allowed nothing");
        assert_eq!(stage.house.send(browsing::form(&path, &[], Some(&colleague))).status, 303);
        assert_eq!(stage.status(&held.access), 200, "and ends nothing that is not their own");
        stage.house.send(browsing::form(&path, &[], None));
        assert_eq!(stage.status(&held.access), 200, "nor does whoever is not signed in");
        assert_eq!(stage.house.send(browsing::form(&path, &[], Some(&stage.session))).status, 303);
        assert_eq!(stage.status(&held.access), 401);
        assert!(!security(&stage.session).contains("/desk/security/apps/"));
    });
}

#[test]
fn oi_2_what_an_app_may_is_cut_by_the_app_the_request_and_the_member_now() {
    let stage = Stage::on(House::new());
    let held = stage.connect();
    let asked = |method: &str, path: &str| stage.house.send(stage.call(method, path, &held.access)).status;
    assert_eq!(asked("GET", PAYMENTS), 200);
    assert_eq!(asked("GET", "/v1/shop"), 403, "not asked for");
    assert_eq!(asked("GET", "/v1/members"), 403, "of people alone");
    assert_eq!(asked("GET", "/v1/api_keys"), 403, "of people alone");
    assert_eq!(asked("GET", "/v1/me"), 403, "an app is nobody");
    assert_eq!(asked("GET", "/v1/customers"), 403, "not allowed to the app");
    assert_eq!(stage.bill(&held.access), 201);
    let member = stage.member;
    let (owner, shop) = (owner_of(&stage.house, stage.shop.id), stage.shop.id);
    stage.house.write(move |tx, means| {
        let grants = identity::Grants::from(Role::Support);
        let changed = identity::update_roles(tx, means, &owner, shop, member, &grants);
        changed.map(drop).map_err(|e| store::Error::Bug(e.to_string()))
    });
    assert_eq!(asked("GET", PAYMENTS), 200, "the member still may");
    assert_eq!(stage.bill(&held.access), 403, "the member lost it");
}

#[test]
fn oi_2_a_member_who_leaves_takes_the_app_along() {
    let stage = Stage::on(House::new());
    let held = stage.connect();
    let path = format!("/v1/members/{}/leave", stage.member);
    let left = stage.house.send(Request::post(&path, &json!({})).bearer(&stage.owner));
    assert_eq!((left.status, left.json()["connections"].as_u64()), (200, Some(1)), "{}", left.json());
    assert_eq!(stage.status(&held.access), 401);
    refused(&stage.refresh(&held.refresh), 400, "invalid_grant");
}

#[test]
fn oi_2_a_removed_app_is_nobody() {
    let stage = Stage::on(House::new());
    let held = stage.connect();
    let code = stage.code();
    let path = format!("/desk/apps/{}/remove", stage.app.id);
    assert_eq!(stage.house.send(browsing::form(&path, &[], Some(&stage.owner))).status, 303);
    assert_eq!(stage.status(&held.access), 401);
    refused(&stage.refresh(&held.refresh), 401, "invalid_client");
    refused(&stage.trade(&code), 401, "invalid_client");
}

#[test]
fn oi_2_a_code_serves_once_and_its_second_coming_ends_all() {
    each_house(|house| {
        let stage = Stage::on(house);
        let code = stage.code();
        let traded = stage.trade(&code);
        let access = traded.text("/access_token");
        assert_eq!(stage.status(&access), 200);
        refused(&stage.trade(&code), 400, "invalid_grant");
        assert_eq!(stage.status(&access), 401);
        refused(&stage.refresh(&traded.text("/refresh_token")), 400, "invalid_grant");
    });
}

#[test]
fn oi_2_a_code_lives_a_minute() {
    let stage = Stage::on(House::new());
    let code = stage.code();
    stage.house.wait(59);
    assert_eq!(stage.trade(&code).status, 200);
    let code = stage.code();
    stage.house.wait(60);
    refused(&stage.trade(&code), 400, "invalid_grant");
}

#[test]
fn oi_2_a_code_shown_wrongly_is_spent() {
    let stage = Stage::on(House::new());
    let wrong = VERIFIER.replace('d', "e");
    for (back, verifier) in [
        (BACK, wrong.as_str()),
        (BACK, "short"),
        ("https://books.example/back", VERIFIER),
        ("https://evil.example/", VERIFIER),
    ] {
        let code = stage.code();
        refused(&stage.trade_with(&code, back, verifier), 400, "invalid_grant");
        refused(&stage.trade(&code), 400, "invalid_grant");
    }
    let code = stage.code();
    let mut other = Stage { bound: Pair::new(), ..stage };
    refused(&other.trade(&code), 400, "invalid_grant");
    other.bound = Pair::new();
    let code = other.code();
    let mut bare = other.post(
        TOKEN,
        &[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ],
    );
    bare.headers.remove("dpop");
    refused(&other.house.send(bare), 400, "invalid_dpop_proof");
}

#[test]
fn oi_2_a_proof_serves_one_request_with_one_token_and_one_key() {
    each_house(|house| {
        let stage = Stage::on(house);
        let held = stage.connect();
        let request = stage.call("GET", PAYMENTS, &held.access);
        assert_eq!(stage.house.send(request.clone()).status, 200);
        assert_eq!(stage.house.send(request).status, 401, "a copy");

        let refresh = stage.refresh(&held.refresh).text("/access_token");
        let send =
            |proof: &str| stage.house.send(call_with(Request::get(PAYMENTS), &held.access, proof)).status;
        assert_eq!(send(&stage.proof("POST", PAYMENTS, Some(&held.access))), 401, "another method");
        assert_eq!(send(&stage.proof("GET", "/v1/orders", Some(&held.access))), 401, "another address");
        assert_eq!(send(&stage.proof("GET", PAYMENTS, Some(&refresh))), 401, "another token");
        assert_eq!(send(&stage.proof("GET", PAYMENTS, None)), 401, "no token");
        let stolen = stage.proof_by(&Pair::new(), &stage.proof_claims("GET", PAYMENTS, Some(&held.access)));
        assert_eq!(send(&stolen), 401, "another key");
        for (seconds, status) in [(-61, 401), (-60, 200), (60, 200), (61, 401)] {
            let mut claims = stage.proof_claims("GET", PAYMENTS, Some(&held.access));
            claims["iat"] = json!(stage.seconds() + seconds);
            assert_eq!(send(&stage.proof_by(&stage.bound, &claims)), status, "{seconds}");
        }
        let bearer = Request::get(PAYMENTS).bearer(&held.access);
        assert_eq!(stage.house.send(bearer).status, 401, "without a proof");
        let bare = Request::get(PAYMENTS).with(header::AUTHORIZATION, &format!("DPoP {}", held.access));
        assert_eq!(stage.house.send(bare).status, 401);
    });
}

#[test]
fn oi_2_a_refused_call_spends_its_proof() {
    let stage = Stage::on(House::new());
    let held = stage.connect();
    let request = stage.call("GET", "/v1/shop", &held.access);
    assert_eq!(stage.house.send(request.clone()).status, 403);
    assert_eq!(stage.house.send(request).status, 401);
    let body = json!({"amount_minor": -1, "currency": "CNY"});
    let proof = stage.proof("POST", PAYMENTS, Some(&held.access));
    let wrong = call_with(Request::post(PAYMENTS, &body).once(&key()), &held.access, &proof);
    assert_eq!(stage.house.send(wrong).status, 400);
}

#[test]
fn jwt_1_an_assertion_is_of_the_app_for_us_and_serves_once() {
    let stage = Stage::on(House::new());
    let held = stage.connect();
    let send = |assertion: &str| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &held.refresh),
            ("client_assertion", assertion),
        ];
        stage.house.send(stage.post(TOKEN, &fields))
    };
    let good = stage.assertion();
    assert_eq!(send(&good).status, 200);
    refused(&send(&good), 401, "invalid_client");
    let issuer = format!("https://{AUTHORITY}");
    let now = stage.seconds();
    for (name, value) in [
        ("aud", json!("https://other.example")),
        ("aud", json!([issuer, "https://other.example"])),
        ("aud", json!(format!("{issuer}/oauth/token"))),
        ("iss", json!("app_another")),
        ("sub", json!("app_another")),
        ("exp", json!(now - 60)),
        ("exp", json!(now + 361)),
        ("iat", json!(now + 61)),
        ("nbf", json!(now + 61)),
        ("jti", json!("")),
    ] {
        let mut claims = stage.claims();
        claims[name] = value.clone();
        let answer = send(&stage.own.sign(&json!({"alg": "ES256"}), &claims));
        assert_eq!(
            (answer.status, answer.text("/error").as_str()),
            (401, "invalid_client"),
            "{name} {value}"
        );
    }
    let foreign = Pair::new().sign(&json!({"alg": "ES256"}), &stage.claims());
    refused(&send(&foreign), 401, "invalid_client");
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none"})), part(&stage.claims()));
    refused(&send(&unsigned), 401, "invalid_client");
    let text = format!("{}.{}", part(&json!({"alg": "HS256"})), part(&stage.claims()));
    let secret =
        aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, stage.own.jwk().to_string().as_bytes());
    let confused =
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&secret, text.as_bytes())));
    refused(&send(&confused), 401, "invalid_client");
    refused(&send(""), 401, "invalid_client");
}

#[test]
fn oi_2_a_request_is_pushed_shown_and_decided_once() {
    let stage = Stage::on(House::new());
    let name = stage.push();
    let page = |session: Option<&str>, path: &str| stage.house.send(browsing::page(path, session));
    let shown = page(Some(&stage.session), &stage.question(&name));
    let text = String::from_utf8(shown.body.clone()).unwrap();
    assert_eq!(shown.status, 200, "{text}");
    assert!(text.contains("Books") && text.contains("Tea House") && text.contains("books.example"), "{text}");
    let policy = shown.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self';"), "{policy}");

    let door = page(None, &stage.question(&name));
    let to = door.headers["location"].to_str().unwrap();
    assert!(door.status == 303 && to.starts_with("/sign-in?next=%2Foauth%2Fauthorize"), "{to}");

    let declined = stage.decide(&stage.session, &name, "decline");
    let to = way_back(&declined);
    assert!(to.starts_with(&format!("{BACK}&error=access_denied&state=")) && to.contains("&iss="), "{to}");
    for decision in ["allow", "decline"] {
        let again = stage.decide(&stage.session, &name, decision);
        assert_eq!((again.status, again.headers.contains_key("location")), (409, false), "{decision}");
    }
    assert_eq!(page(Some(&stage.session), &stage.question(&name)).status, 409);

    for path in [
        "/oauth/authorize".to_owned(),
        format!(
            "/oauth/authorize?client_id={}&redirect_uri={}&response_type=code",
            stage.app.id,
            query_escape(BACK)
        ),
        stage.question("https://books.example/request"),
        stage.question("urn:ietf:params:oauth:request_uri:nothing"),
    ] {
        let answer = page(Some(&stage.session), &path);
        assert_eq!((answer.status, answer.headers.contains_key("location")), (404, false), "{path}");
    }

    let late = stage.push();
    stage.house.wait(300);
    assert_eq!(page(Some(&stage.session), &stage.question(&late)).status, 409, "over after five minutes");
}

#[test]
fn oi_2_a_request_is_of_one_app_and_one_shop() {
    let stage = Stage::on(House::new());
    let name = stage.push();
    let other = register(&stage.house, stage.shop.id, &Pair::new(), &["view payments"]);
    let path = format!("/oauth/authorize?client_id={}&request_uri={}", other.id, query_escape(&name));
    assert_eq!(stage.house.send(browsing::page(&path, Some(&stage.session))).status, 409, "another app's");
    let foreign = stage.house.shop("SG");
    let stranger = stage.house.member(foreign.id, Role::Owner).1;
    assert_eq!(stage.house.send(browsing::page(&stage.question(&name), Some(&stranger))).status, 409);
    assert_eq!(stage.decide(&stranger, &name, "allow").status, 409, "another shop's member");

    let held = stage.connect();
    let moved = held.access.replace(stage.shop.id.short(), foreign.id.short());
    assert_ne!(moved, held.access);
    assert_eq!(stage.status(&moved), 401, "a token is its own shop's");
    let theirs = Stage::on(House::new());
    assert_eq!(theirs.status(&held.access), 401);
}

#[test]
fn oi_2_allowing_asks_for_a_fresh_second_factor() {
    let stage = Stage::on(House::new());
    stage.house.wait(600);
    let name = stage.push();
    let show = || stage.house.send(browsing::page(&stage.question(&name), Some(&stage.session)));
    assert_eq!(show().status, 200);
    stage.house.wait(299);
    assert_eq!(show().status, 200, "a second before its end");
    stage.house.wait(1);
    let decided = stage.decide(&stage.session, &name, "allow");
    assert_eq!(
        (decided.status, &decided.headers["location"]),
        (303, &stage.question(&name).parse().unwrap())
    );
    let door = show();
    let to = door.headers["location"].to_str().unwrap();
    let next = query_escape(&stage.question(&name));
    assert_eq!((door.status, to), (303, format!("/sign-in/again?next={next}").as_str()));
}

#[test]
fn oi_2_a_form_sent_twice_leads_to_the_same_place_while_its_code_lives() {
    each_house(|house| {
        let stage = Stage::on(house);
        let name = stage.push();
        let form = stage.decision(&stage.session, &name, "allow");
        let first = way_back(&stage.house.send(form.clone()));
        assert!(first.starts_with(&format!("{BACK}&code=twc_")), "{first}");
        stage.house.wait(59);
        assert_eq!(way_back(&stage.house.send(form.clone())), first, "a second click, or the page reloaded");
        let code = first.split("code=").nth(1).unwrap().split('&').next().unwrap();
        assert_eq!(stage.trade(code).status, 200, "and its code is one and good");
        stage.house.wait(1);
        let late = stage.house.send(form);
        assert_eq!((late.status, &late.headers["location"]), (303, &stage.question(&name).parse().unwrap()));
        let over = stage.house.send(browsing::page(&stage.question(&name), Some(&stage.session)));
        let text = String::from_utf8_lossy(&over.body);
        assert!(over.status == 409 && text.contains("This request is over"), "{text}");
    });
}

#[test]
fn oi_2_a_decision_that_comes_too_late_for_its_session_leads_back_to_the_question() {
    let stage = Stage::on(House::new());
    let name = stage.push();
    let question = stage.question(&name);
    let leads_back = |answer: &Answer, what: &str| {
        assert_eq!((answer.status, &answer.headers["location"]), (303, &question.parse().unwrap()), "{what}");
    };
    let of_earlier = stage.decision(&stage.owner, &name, "allow");
    let mut renewed = stage.decision(&stage.session, &name, "allow");
    renewed.body = of_earlier.body;
    leads_back(&stage.house.send(renewed), "a page of an earlier session");
    leads_back(&stage.decide("", &name, "allow"), "nobody is signed in");
    let end = Request::new(Method::DELETE, "/v1/member_sessions/current").bearer(&stage.session);
    assert_eq!(stage.house.send(end).status, 204);
    leads_back(&stage.decide(&stage.session, &name, "allow"), "the session ended");
    let door = stage.house.send(browsing::page(&question, Some(&stage.session)));
    let to = door.headers["location"].to_str().unwrap();
    assert_eq!(to, format!("/sign-in?next={}", query_escape(&question)));
    let again = stage.house.member(stage.shop.id, Role::Manager).1;
    assert!(
        way_back(&stage.decide(&again, &name, "allow")).contains("code="),
        "nothing was decided meanwhile"
    );
}

#[test]
fn oi_2_whoever_may_do_nothing_of_it_is_asked_nothing() {
    let stage = Stage::on(House::new());
    let (name, support) = (stage.push(), stage.house.member(stage.shop.id, Role::Security).1);
    let shown = stage.house.send(browsing::page(&stage.question(&name), Some(&support)));
    let text = String::from_utf8_lossy(&shown.body);
    assert!(
        shown.status == 200 && text.contains("nothing to allow") && !text.contains("value=\"allow\""),
        "{text}"
    );
    let refused = stage.decide(&support, &name, "allow");
    assert_eq!((refused.status, refused.headers.contains_key("location")), (403, false));
    assert!(way_back(&stage.decide(&support, &name, "decline")).contains("error=access_denied"));
}

#[test]
fn oi_2_revoking_a_token_ends_it_and_a_refresh_token_ends_all() {
    let stage = Stage::on(House::new());
    let held = stage.connect();
    let revoke = |token: &str| stage.house.send(stage.post(REVOKE, &[("token", token)])).status;
    assert_eq!((revoke("unknown"), stage.status(&held.access)), (200, 200));
    assert_eq!((revoke(&held.access), stage.status(&held.access)), (200, 401));
    let next = stage.refresh(&held.refresh).text("/access_token");
    assert_eq!(stage.status(&next), 200);
    let other = Pair::new();
    let other =
        Stage { app: register(&stage.house, stage.shop.id, &other, &["view payments"]), own: other, ..stage };
    assert_eq!(other.house.send(other.post(REVOKE, &[("token", &held.refresh)])).status, 200);
    assert_eq!(other.status(&next), 200, "another app's token is nobody's to end");
    refused(&other.refresh(&held.refresh), 400, "invalid_grant");
}

#[test]
fn oi_2_what_was_allowed_ends_after_ninety_days() {
    let stage = Stage::on(House::new());
    let held = stage.connect();
    stage.house.wait(90 * 86_400 - 1);
    let access = stage.refresh(&held.refresh).text("/access_token");
    assert_eq!(stage.status(&access), 200);
    stage.house.wait(1);
    assert_eq!(stage.status(&access), 401);
    refused(&stage.refresh(&held.refresh), 400, "invalid_grant");
}

#[test]
fn oi_2_other_grants_and_doubled_parameters_are_refused() {
    let stage = Stage::on(House::new());
    for grant in ["client_credentials", "password", "implicit", ""] {
        refused(
            &stage.house.send(stage.post(TOKEN, &[("grant_type", grant)])),
            400,
            "unsupported_grant_type",
        );
    }
    let mut twice = stage.post(TOKEN, &[("grant_type", "refresh_token")]);
    twice.body.extend_from_slice(b"&grant_type=refresh_token");
    refused(&stage.house.send(twice), 400, "invalid_request");
    let used = stage.post(PAR, &[("response_type", "code")]);
    refused(&stage.house.send(used.clone()), 400, "invalid_request");
    refused(&stage.house.send(used), 401, "invalid_client");
}

#[test]
fn oi_2_the_server_describes_itself() {
    let house = House::new();
    let told = house.send(Request::get("/.well-known/oauth-authorization-server"));
    assert_eq!(told.status, 200);
    let told = told.json();
    assert_eq!(told["issuer"], format!("https://{AUTHORITY}"));
    assert_eq!(told["require_pushed_authorization_requests"], true);
    assert_eq!(told["authorization_response_iss_parameter_supported"], true);
    assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(told["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    assert_eq!(told["grant_types_supported"], json!(["authorization_code", "refresh_token"]));
}

#[test]
fn oi_2_an_owner_registers_an_app_and_others_are_told() {
    let house = House::new();
    let shop = house.shop("SG");
    let (owner, _) = (house.member(shop.id, Role::Owner).1, house.member(shop.id, Role::Owner));
    let manager = house.member(shop.id, Role::Manager).1;
    let form = |session: &str, keys: &str| {
        let fields = [
            ("name", "Books".to_owned()),
            ("redirects", BACK.to_owned()),
            ("keys", keys.to_owned()),
            ("may", "view payments".to_owned()),
        ];
        house.send(browsing::form("/desk/apps", &fields, Some(session)))
    };
    let good = Pair::new().jwk().to_string();
    assert_eq!(form(&manager, &good).status, 403);
    let mut private: Value = serde_json::from_str(&good).unwrap();
    private["d"] = json!(URL_SAFE_NO_PAD.encode(Dice::System.bytes::<32>()));
    assert_eq!(form(&owner, &private.to_string()).status, 422);
    assert_eq!(form(&owner, &good).status, 303);
    let page = house.send(browsing::page("/desk/apps", Some(&owner)));
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("Books") && page.contains("app_"), "{page}");
    let told = house.write(|tx, means| identity::take_due(tx, means, 10));
    assert_eq!(told.iter().filter(|mail| mail.template == "app_registered").count(), 1, "the other owner");
}
