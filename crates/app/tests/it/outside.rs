//! Members who sign in at the operator's own provider (OI-1, JWT-1): a provider of the test's own stands in, over HTTP on
//! this machine, and does wrong when it is told to.

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base::{MemberId, Secret};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::factors::{FactorKind, NewFactor};
use identity::outside::{Logout, Provider, ProviderSettings, end_outside_sessions};
use identity::{Label, Person, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Request};

use crate::house::{House, runtime};

const MEMBER: &str = "li@shop.example";

/// The provider's side of one test.
struct Desk {
    issuer: String,
    key: EcdsaKeyPair,
    /// The code challenge of the sign-in at hand.
    challenge: Mutex<String>,
    /// What the next ID token says, over what it should.
    claims: Mutex<Value>,
    /// What its head says, over what it should.
    head: Mutex<Value>,
    /// Times that the keys were asked for.
    asked_keys: Mutex<u32>,
}

type Shared = Arc<Desk>;

impl Desk {
    fn keys(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "a", "use": "sig"}]})
    }

    fn sign(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&self.head.lock().unwrap()), part(&self.claims.lock().unwrap()));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

async fn describe(State(desk): State<Shared>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", desk.issuer);
    Json(json!({"issuer": desk.issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"),
                "jwks_uri": at("/keys"), "id_token_signing_alg_values_supported": ["RS256", "ES256"]}))
}

async fn show_keys(State(desk): State<Shared>) -> Json<Value> {
    *desk.asked_keys.lock().unwrap() += 1;
    Json(desk.keys())
}

/// Trades the code, as a provider with PKCE does.
async fn trade(
    State(desk): State<Shared>,
    Form(asked): Form<std::collections::BTreeMap<String, String>>,
) -> Result<Json<Value>, axum::http::StatusCode> {
    let verifier = digest::digest(&digest::SHA256, asked["code_verifier"].as_bytes());
    let good = asked["code"] == "the-code"
        && asked["grant_type"] == "authorization_code"
        && asked["redirect_uri"] == "https://pay.example/sign-in/outside/back"
        && URL_SAFE_NO_PAD.encode(verifier) == *desk.challenge.lock().unwrap();
    if !good {
        return Err(axum::http::StatusCode::BAD_REQUEST);
    }
    Ok(Json(json!({"access_token": "x", "token_type": "Bearer", "id_token": desk.sign()})))
}

struct Stage {
    house: House,
    desk: Shared,
}

/// A provider on this machine, and the client of ours for it.
fn open_provider() -> (Shared, Arc<Provider>) {
    let (desk, issuer) = runtime().block_on(async {
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", tcp.local_addr().unwrap());
        let desk = Arc::new(Desk {
            issuer: issuer.clone(),
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            challenge: Mutex::default(),
            claims: Mutex::default(),
            head: Mutex::default(),
            asked_keys: Mutex::default(),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(show_keys))
            .route("/token", post(trade))
            .with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum_serve(tcp, routes).await });
        (desk, issuer)
    });
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let provider = Provider::new(ProviderSettings {
        issuer,
        client_id: "shop".to_owned(),
        client_secret: None,
        label: "Tea House ID".to_owned(),
        second_factors: vec!["mfa".to_owned()],
    });
    (desk, Arc::new(provider.unwrap()))
}

/// A sign-in that a browser has begun.
struct Begun {
    state: String,
    nonce: String,
    cookies: String,
}

impl Stage {
    fn set() -> Stage {
        let (desk, provider) = open_provider();
        Stage { house: House::new().with_provider(provider), desk }
    }

    /// The same house, whose operator has moved to a provider at another address.
    fn with_another_issuer(self) -> Stage {
        let (desk, provider) = open_provider();
        Stage { house: self.house.with_provider(provider), desk }
    }

    fn begin(&self) -> Begun {
        let answer = self.house.send(Request::get("/sign-in/outside?next=%2Fdesk%2Fcodes"));
        assert_eq!(answer.status, 303);
        let location = answer.headers["location"].to_str().unwrap().to_owned();
        assert!(location.starts_with(&format!("{}/auth?", self.desk.issuer)), "{location}");
        let query = location.split_once('?').unwrap().1;
        let asked = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            pair.unwrap_or_else(|| panic!("{name} is not in {location}")).to_owned()
        };
        assert_eq!((asked("response_type"), asked("code_challenge_method")), ("code".into(), "S256".into()));
        assert_eq!(asked("max_age"), "900", "an old second factor is asked for again there");
        assert_eq!(asked("redirect_uri"), "https%3A%2F%2Fpay.example%2Fsign-in%2Foutside%2Fback");
        *self.desk.challenge.lock().unwrap() = asked("code_challenge");
        let now = self.house.now().0 / 1000;
        *self.desk.head.lock().unwrap() = json!({"alg": "ES256", "kid": "a", "typ": "JWT"});
        *self.desk.claims.lock().unwrap() = json!({"iss": self.desk.issuer, "sub": "u-1", "aud": "shop",
            "exp": now + 300, "iat": now, "nonce": asked("nonce"), "email": MEMBER, "email_verified": true});
        Begun { state: asked("state"), nonce: asked("nonce"), cookies: cookies(&answer) }
    }

    fn come_back(&self, begun: &Begun) -> Answer {
        self.come_back_with(begun, &format!("code=the-code&state={}", begun.state))
    }

    fn come_back_with(&self, begun: &Begun, query: &str) -> Answer {
        let request = Request::get(&format!("/sign-in/outside/back?{query}"));
        self.house.send(request.with(axum::http::header::COOKIE, &begun.cookies))
    }

    fn claim(&self, name: &str, value: Value) {
        self.desk.claims.lock().unwrap()[name] = value;
    }

    fn sign_in(&self) -> Answer {
        self.come_back(&self.begin())
    }

    /// A sign-in whose ID token says this besides.
    fn sign_in_with(&self, more: &[(&str, Value)]) -> Answer {
        let begun = self.begin();
        more.iter().for_each(|(name, value)| self.claim(name, value.clone()));
        self.come_back(&begun)
    }

    /// What is answered to a logout token that says this besides.
    fn log_out(&self, more: &[(&str, Value)]) -> Answer {
        let now = self.house.now().0 / 1000;
        *self.desk.head.lock().unwrap() = json!({"alg": "ES256", "kid": "a", "typ": "logout+jwt"});
        let event = "http://schemas.openid.net/event/backchannel-logout";
        *self.desk.claims.lock().unwrap() = json!({"iss": self.desk.issuer, "aud": "shop", "iat": now,
            "exp": now + 120, "events": {event: {}}});
        more.iter().for_each(|(name, value)| self.claim(name, value.clone()));
        let mut request = Request::new(axum::http::Method::POST, "/sign-in/outside/logout")
            .with(axum::http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body = format!("logout_token={}", self.desk.sign()).into_bytes();
        self.house.send(request)
    }

    /// What a page answers to a browser with these cookies.
    fn page(&self, path: &str, cookies: &str) -> u16 {
        self.house.send(Request::get(path).with(axum::http::header::COOKIE, cookies)).status
    }
}

async fn axum_serve(tcp: tokio::net::TcpListener, routes: Router) {
    use app::server::Listener;
    let address = tcp.local_addr().unwrap();
    drop(tcp);
    Listener::bind(address, None).await.unwrap().serve(routes, std::future::pending()).await;
}

/// The cookies of an answer as the browser sends them back.
fn cookies(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    set.filter_map(|line| line.split(';').next()).collect::<Vec<_>>().join("; ")
}

/// A session was opened.
fn is_in(answer: &Answer) -> bool {
    answer.status == 303 && cookies(answer).contains("tw_member=twm_")
}

/// Waits for a second factor; no session yet.
fn is_half_way(answer: &Answer) -> bool {
    answer.status == 303 && !is_in(answer) && cookies(answer).contains("tw_pending=twp_")
}

fn member(stage: &Stage) -> MemberId {
    let shop = stage.house.shop("SG").id;
    stage.house.member_at(shop, Role::Cashier, MEMBER).0
}

fn give_factor(stage: &Stage, member: MemberId) {
    stage.house.write(move |tx, means| {
        let (label, secret) = (Label::parse("test").unwrap(), Secret::new(vec![7; 20]));
        let new = NewFactor { kind: FactorKind::Totp, label: &label, secret: &secret };
        let fault = |e: identity::factors::FactorError| store::Error::Bug(e.to_string());
        identity::factors::add_factor(tx, means, Person::Member(member), &new).map(drop).map_err(fault)
    });
}

#[test]
fn oi_1_a_member_signs_in_and_is_bound_to_the_providers_person() {
    let stage = Stage::set();
    member(&stage);
    let answer = stage.sign_in();
    assert!(is_in(&answer), "{} {}", answer.status, String::from_utf8_lossy(&answer.body));
    // From now on the subject counts, whatever the address is.
    let begun = stage.begin();
    stage.claim("email", json!("other@shop.example"));
    assert!(is_in(&stage.come_back(&begun)));
    // Another person of the provider with the member's address is not let in by it.
    let begun = stage.begin();
    stage.claim("sub", json!("u-2"));
    assert_eq!(stage.come_back(&begun).status, 403);
    assert_eq!(*stage.desk.asked_keys.lock().unwrap(), 1, "the keys are kept");
}

#[test]
fn oi_1_a_member_gives_a_second_factor_here_unless_the_providers_counts() {
    let stage = Stage::set();
    let id = member(&stage);
    // Without a factor: to setting one up, and nowhere else.
    let answer = stage.sign_in();
    assert!(is_in(&answer));
    assert_eq!(answer.headers["location"], "/sign-in/factor?next=%2Fdesk%2Fcodes");
    let page = |answer: &Answer| {
        let asked = Request::get("/desk/codes").with(axum::http::header::COOKIE, &cookies(answer));
        stage.house.send(asked)
    };
    assert_ne!(page(&answer).status, 200, "held to setting a factor up");
    // With one: to the second step, without a session.
    give_factor(&stage, id);
    let answer = stage.sign_in();
    assert!(is_half_way(&answer), "{} {}", answer.status, cookies(&answer));
    assert_eq!(answer.headers["location"], "/sign-in/step?next=%2Fdesk%2Fcodes");
    for (name, value) in [("amr", json!(["pwd"])), ("acr", json!("0")), ("amr", json!(["mfa-not"]))] {
        let begun = stage.begin();
        stage.claim(name, value.clone());
        assert!(is_half_way(&stage.come_back(&begun)), "{name} {value} counts for nothing");
    }
    // The provider's factor counts where the operator said so.
    for (name, value) in [("amr", json!(["pwd", "mfa"])), ("acr", json!("mfa"))] {
        let begun = stage.begin();
        stage.claim(name, value);
        let answer = stage.come_back(&begun);
        assert!(is_in(&answer), "{name}");
        assert_eq!(answer.headers["location"], "/desk/codes");
        assert_eq!(page(&answer).status, 200, "{name}");
    }
}

#[test]
fn oi_1_strangers_and_unverified_addresses_are_nobody_here() {
    let stage = Stage::set();
    assert_eq!(stage.sign_in().status, 403, "nobody is a member yet");
    member(&stage);
    for (name, value) in
        [("email_verified", json!(false)), ("email_verified", Value::Null), ("email", Value::Null)]
    {
        let begun = stage.begin();
        stage.claim(name, value);
        let answer = stage.come_back(&begun);
        assert_eq!(answer.status, 403);
        assert!(!is_in(&answer));
    }
}

#[test]
fn v6_8_1_the_same_subject_under_another_issuer_is_a_stranger() {
    let stage = Stage::set();
    member(&stage);
    assert!(is_in(&stage.sign_in()), "bound to the first issuer and `u-1`");
    let unknown = ("email", json!("other@shop.example"));
    assert!(is_in(&stage.sign_in_with(std::slice::from_ref(&unknown))), "whatever the address is");
    let first = stage.desk.issuer.clone();
    let stage = stage.with_another_issuer();
    assert_ne!(stage.desk.issuer, first);
    assert_eq!(stage.sign_in_with(std::slice::from_ref(&unknown)).status, 403, "`u-1` of another issuer");
    let pretending = stage.sign_in_with(&[unknown, ("iss", json!(first))]);
    assert_eq!(pretending.status, 403, "which cannot name the first one");
    assert!(is_in(&stage.sign_in()), "a member's verified address binds its person, as at the first time");
}

#[test]
fn oi_1_a_sign_in_ends_once_in_the_browser_that_began_it() {
    let stage = Stage::set();
    member(&stage);
    let begun = stage.begin();
    let other = Begun { cookies: String::new(), ..stage.begin() };
    assert_eq!(stage.come_back(&other).status, 403, "another browser");
    let crossed = Begun { state: other.state.clone(), nonce: other.nonce, cookies: begun.cookies.clone() };
    assert_eq!(stage.come_back(&crossed).status, 403, "another sign-in's state");
    for query in ["code=the-code", "state=x&code=the-code", "error=access_denied"] {
        assert_eq!(stage.come_back_with(&begun, query).status, 403, "{query}");
    }
    let begun = stage.begin();
    assert!(is_in(&stage.come_back(&begun)));
    assert_eq!(stage.come_back(&begun).status, 403, "twice");
    let late = stage.begin();
    stage.house.wait(600);
    assert_eq!(stage.come_back(&late).status, 403, "ten minutes later");
}

#[test]
fn asvs_7_6_2_a_link_from_another_site_begins_nothing() {
    let stage = Stage::set();
    let ask = |site: &str| {
        let name = axum::http::HeaderName::from_static("sec-fetch-site");
        stage.house.send(Request::get("/sign-in/outside?next=%2Fdesk%2Fcodes").with(name, site))
    };
    for site in ["cross-site", "same-site", "x"] {
        let answer = ask(site);
        let location = answer.headers["location"].to_str().unwrap();
        assert_eq!((answer.status, location), (303, "/sign-in?next=%2Fdesk%2Fcodes"), "{site}");
        assert!(!cookies(&answer).contains("tw_outside"), "{site}");
    }
    for site in ["same-origin", "none"] {
        let answer = ask(site);
        let location = answer.headers["location"].to_str().unwrap();
        assert!(location.starts_with(&format!("{}/auth?", stage.desk.issuer)), "{site}: {location}");
        assert!(cookies(&answer).contains("tw_outside"), "{site}");
    }
}

#[test]
fn jwt_1_tokens_that_are_not_for_this_sign_in_are_refused() {
    let stage = Stage::set();
    member(&stage);
    let now = stage.house.now().0 / 1000;
    for (name, value) in [
        ("nonce", json!("another")),
        ("aud", json!("another")),
        ("iss", json!("https://thief.example")),
        ("exp", json!(now - 61)),
        ("iat", json!(now + 61)),
    ] {
        let begun = stage.begin();
        stage.claim(name, value);
        let answer = stage.come_back(&begun);
        assert_eq!(answer.status, 403, "{name}");
        assert!(!is_in(&answer), "{name}");
    }
    for algorithm in ["none", "HS256", "RS256"] {
        let begun = stage.begin();
        stage.desk.head.lock().unwrap()["alg"] = json!(algorithm);
        assert_eq!(stage.come_back(&begun).status, 403, "{algorithm}");
    }
    // A key nobody knows: the keys are asked for again, but not by every such token.
    let before = *stage.desk.asked_keys.lock().unwrap();
    for _ in 0..3 {
        let begun = stage.begin();
        stage.desk.head.lock().unwrap()["kid"] = json!("b");
        assert_eq!(stage.come_back(&begun).status, 403);
    }
    assert!(*stage.desk.asked_keys.lock().unwrap() <= before + 1);
    let begun = stage.begin();
    *stage.desk.challenge.lock().unwrap() = "another".to_owned();
    assert_eq!(stage.come_back(&begun).status, 502, "the provider refuses the code");
    assert!(is_in(&stage.sign_in()), "the same, all in order");
}

#[test]
fn jwt_2_who_is_signed_out_at_the_provider_is_signed_out_here_with_the_next_request() {
    let stage = Stage::set();
    let id = member(&stage);
    give_factor(&stage, id);
    let (other, other_session) =
        stage.house.member_at(stage.house.shop("SG").id, Role::Cashier, "wu@shop.example");
    let begun = stage.begin();
    stage.claim("amr", json!(["mfa"]));
    let answer = stage.come_back(&begun);
    assert!(is_in(&answer));
    let open = || {
        let list =
            |who| stage.house.write(move |tx, means| identity::list_member_sessions(tx, who, means.now));
        (list(id).len(), list(other).len())
    };
    // The one that the test's house opened for each, and the one by the provider.
    assert_eq!(open(), (2, 1));
    let half_way = stage.sign_in();
    assert!(is_half_way(&half_way));
    let logout = |more: &[(&str, Value)]| {
        let whose = [("sub", json!("u-1")), ("jti", json!("j-1"))];
        stage.log_out(&[&whose, more].concat())
    };
    for wrong in
        [("aud", json!("another")), ("nonce", json!("n")), ("events", json!({})), ("sub", Value::Null)]
    {
        assert_eq!(logout(std::slice::from_ref(&wrong)).status, 400, "{wrong:?}");
    }
    assert_eq!(logout(&[("sub", json!("u-9"))]).status, 200, "who is nobody here");
    assert_eq!(open(), (2, 1));
    let done = logout(&[("jti", json!("j-2"))]);
    assert_eq!((done.status, done.headers["cache-control"].to_str().unwrap()), (200, "no-store"));
    assert_eq!(open(), (0, 1), "every session of that member, and nobody else's");
    let page = |cookies: &str| {
        let asked = Request::get("/desk/codes").with(axum::http::header::COOKIE, cookies);
        stage.house.send(asked).status
    };
    assert_eq!(page(&cookies(&answer)), 401);
    assert_eq!(stage.house.send(Request::get("/v1/me").bearer(&other_session)).status, 200);
    let step = Request::get("/sign-in/step").with(axum::http::header::COOKIE, &cookies(&half_way));
    let step = stage.house.send(step);
    assert!(
        step.headers["location"].to_str().unwrap().starts_with("/sign-in?"),
        "what was half done as well"
    );
    // The same token again ends nothing that was opened since.
    let begun = stage.begin();
    stage.claim("amr", json!(["mfa"]));
    assert!(is_in(&stage.come_back(&begun)));
    assert_eq!(logout(&[("jti", json!("j-2"))]).status, 200);
    assert_eq!(open(), (1, 1));
}

#[test]
fn oi_2_a_session_that_is_signed_out_at_the_provider_ends_here_and_no_other_does() {
    let stage = Stage::set();
    let id = member(&stage);
    give_factor(&stage, id);
    let enter = |sid: &str| {
        let answer = stage.sign_in_with(&[("amr", json!(["mfa"])), ("sid", json!(sid))]);
        assert!(is_in(&answer), "{sid}");
        cookies(&answer)
    };
    let open = |cookies: &str| stage.page("/desk/codes", cookies) == 200;
    let (one, two, three) = (enter("s-1"), enter("s-2"), enter("s-3"));
    let half_way = stage.sign_in_with(&[("sid", json!("s-1"))]);
    assert!(is_half_way(&half_way));
    let out = |more: &[(&str, Value)]| stage.log_out(more).status;
    assert_eq!(out(&[("jti", json!("j-0"))]), 400, "it names neither person nor session");
    assert_eq!(out(&[("jti", json!("j-1")), ("sid", json!("s-9"))]), 200, "a session that is not known");
    assert!(open(&one) && open(&two) && open(&three));
    assert_eq!(out(&[("jti", json!("j-2")), ("sid", json!("s-1"))]), 200);
    assert!(!open(&one) && open(&two) && open(&three), "by the name of the session alone");
    let step = Request::get("/sign-in/step").with(axum::http::header::COOKIE, &cookies(&half_way));
    let step = stage.house.send(step);
    assert!(step.headers["location"].to_str().unwrap().starts_with("/sign-in?"), "and what was half done");
    assert_eq!(out(&[("jti", json!("j-3")), ("sid", json!("s-2")), ("sub", json!("u-1"))]), 200);
    assert!(!open(&two) && open(&three), "with its person besides");

    // What went on with a factor given here is known by the provider's session as well.
    let half_way = stage.sign_in_with(&[("sid", json!("s-4"))]);
    let codes =
        stage.house.write(move |tx, means| identity::create_recovery_codes(tx, means, Person::Member(id)));
    let pending = cookies(&half_way).split("tw_pending=").nth(1).unwrap().to_owned();
    let pending = pending.split(';').next().unwrap();
    let body = json!({"token": pending, "kind": "recovery", "code": codes[0].reveal().expose()});
    let four = stage.house.send(Request::post("/v1/second_steps", &body));
    assert_eq!(four.status, 201, "{}", four.json());
    let four = four.json()["token"].as_str().unwrap().to_owned();
    let knows = || stage.house.send(Request::get("/v1/me").bearer(&four)).status;
    assert_eq!(knows(), 200);
    assert_eq!(out(&[("jti", json!("j-4")), ("sid", json!("s-4"))]), 200);
    assert!(knows() == 401 && open(&three));

    // Another provider's session may have the same name.
    let end = |issuer: &str, id: &str| {
        let logout = Logout { subject: None, session: Some("s-3".to_owned()), id: id.to_owned() };
        let issuer = issuer.to_owned();
        stage.house.write(move |tx, means| end_outside_sessions(tx, means, &issuer, &logout))
    };
    assert_eq!(end("https://other.example", "j-5"), 0);
    assert!(open(&three));
    assert_eq!(end(&stage.desk.issuer, "j-6"), 1);
    assert!(!open(&three));
}

#[test]
fn asvs_6_8_4_a_second_factor_of_the_provider_is_as_old_as_the_sign_in_there() {
    let stage = Stage::set();
    let shop = stage.house.shop("SG").id;
    stage.house.member_at(shop, Role::Owner, MEMBER);
    let now = stage.house.now().0 / 1000;
    let enter = |at: i64| stage.sign_in_with(&[("amr", json!(["mfa"])), ("auth_time", json!(at))]);
    for (age, opens) in [(0, true), (899, true), (900, false), (3_600, false)] {
        let answer = enter(now - age);
        assert!(is_in(&answer), "{age}");
        let status = stage.page("/desk/api-keys", &cookies(&answer));
        assert_eq!(status == 200, opens, "{age} s: {status}");
        assert_eq!(stage.page("/desk/codes", &cookies(&answer)), 200, "{age}");
    }
    assert!(is_in(&enter(now + 60)), "a clock that is ahead");
    assert_eq!(enter(now + 61).status, 403);
}

#[test]
fn asvs_7_6_1_no_session_outlives_the_sign_in_at_the_provider_by_more_than_12_hours() {
    let stage = Stage::set();
    member(&stage);
    let now = stage.house.now().0 / 1000;
    let enter = |at: i64| stage.sign_in_with(&[("amr", json!(["mfa"])), ("auth_time", json!(at))]);
    let most = identity::limits::MEMBER_SESSION_SECONDS;
    assert_eq!(enter(now - most).status, 403, "it would be over");
    let last = enter(now - most + 2);
    assert!(is_in(&last));
    stage.house.wait(1);
    assert_eq!(stage.page("/desk/codes", &cookies(&last)), 200);
    stage.house.wait(1);
    assert_eq!(stage.page("/desk/codes", &cookies(&last)), 401);
}

#[test]
fn without_a_provider_there_is_nothing_at_its_address() {
    let house = House::new();
    for path in ["/sign-in/outside", "/sign-in/outside/back?code=x&state=y"] {
        assert_eq!(house.send(Request::get(path)).status, 404, "{path}");
    }
}
