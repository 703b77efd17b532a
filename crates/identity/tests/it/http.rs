//! The JSON of identity, through the real router and edge.

use axum::body::Body;
use axum::http::{Method, Request, header};
use axum::{Router, middleware};
use base::{Dice, Secret};
use identity::{PasswordHash, Role, hash_password};
use serde_json::{Value, json};
use tower::ServiceExt;
use webkit::request::{Edge, edge};

use crate::world::{PIN, WRONG_PIN, World, code_in, each_world, password};

const GOOD: &str = "pencil river nine kettles";

pub struct Site {
    pub world: World,
    pub router: Router,
    pub runtime: tokio::runtime::Runtime,
}

pub struct Reply {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {}", self.body)).to_owned()
    }
}

impl Site {
    pub fn new(world: World) -> Site {
        let edged = Edge::new(world.cx.clock.clone(), Dice::System, false);
        let (router, _) = identity::routes::router().split_for_parts();
        let router = router.with_state(world.cx.clone()).layer(middleware::from_fn_with_state(edged, edge));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build().unwrap();
        Site { world, router, runtime }
    }

    pub fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "pay.example");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(serde_json::to_vec(body).unwrap())),
            None => request.body(Body::empty()),
        };
        let router = self.router.clone();
        self.runtime.block_on(async move {
            let response = router.oneshot(request.unwrap()).await.unwrap();
            let status = response.status().as_u16();
            let retry_after = response.headers().get(header::RETRY_AFTER);
            let retry_after = retry_after.map(|seconds| seconds.to_str().unwrap().parse().unwrap());
            let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
            Reply { status, retry_after, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
        })
    }

    pub fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Reply {
        self.send(Method::POST, path, token, Some(body))
    }

    pub fn get(&self, path: &str, token: Option<&str>) -> Reply {
        self.send(Method::GET, path, token, None)
    }

    pub fn delete(&self, path: &str, token: Option<&str>) -> Reply {
        self.send(Method::DELETE, path, token, None)
    }

    /// A member with these roles, signed in over HTTP: the shop and the token.
    pub fn member(&self, shop: base::ShopId, address: &'static str, roles: &'static [Role]) -> String {
        let hash = hash_password(&password(GOOD), &Dice::System);
        let member = self.world.member(shop, address, roles, &hash);
        let open = move |tx: &mut store::Tx<'_>, means: &identity::Means<'_>| {
            let agent = identity::Label::from_agent("test");
            identity::open_trusted_member_session(tx, means, member, &agent)
        };
        self.world.write(open).unwrap().token.secret().expose().clone()
    }

    /// Sets an authenticator app up: the session's new token, the key, and the recovery codes.
    pub fn enrol(&self, token: &str) -> (String, Secret<Vec<u8>>, Vec<String>) {
        let offer = self.post("/v1/me/factors/totp", Some(token), &json!({"label": "phone"}));
        assert_eq!(offer.status, 201, "{}", offer.body);
        let key = identity::read_totp_key(&offer.text("key")).unwrap();
        let path = format!("/v1/me/factors/totp/{}/confirm", offer.text("id"));
        let done = self.post(&path, Some(token), &json!({"code": self.app_code(&key)}));
        assert_eq!(done.status, 200, "{}", done.body);
        let codes = done.body["recovery_codes"].as_array().unwrap();
        let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        (done.body["session"]["token"].as_str().unwrap().to_owned(), key, codes)
    }

    /// What an app shows now.
    pub fn app_code(&self, key: &Secret<Vec<u8>>) -> String {
        identity::show_code(key, self.world.now()).unwrap().expose().clone()
    }

    /// The session behind a buyer's token.
    pub fn session(&self, token: &str) -> identity::BuyerSession {
        let token = identity::Token::parse(identity::TokenKind::BuyerSession, token).unwrap();
        self.world.read(|tx, means| identity::require_buyer(tx, &token, means.now)).unwrap()
    }

    pub fn buyer(&self, contact: &str) -> Reply {
        let asked =
            self.post("/v1/buyers", None, &json!({"name": "Zhang San", "contact": contact, "pin": PIN}));
        assert_eq!(asked.status, 202, "{}", asked.body);
        let mails = self.world.deliver();
        let code = code_in(&mails.iter().find(|mail| mail.template == "code").unwrap().body);
        let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
        let reply = self.post(&path, None, &json!({ "code": code }));
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply
    }
}

/// Well-formed, and signed for nothing that was ever asked.
pub fn touched() -> Value {
    // {"type":"webauthn.get","challenge":"AQ","origin":"https://pay.example"}
    let client =
        "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQVEiLCJvcmlnaW4iOiJodHRwczovL3BheS5leGFtcGxlIn0";
    json!({"id": "AQ", "response": {"clientDataJSON": client, "attestationObject": "AQ"}})
}

pub fn each_site(test: impl Fn(Site)) {
    each_world(|world| test(Site::new(world)));
}

#[test]
fn a_buyer_signs_up_sees_the_account_and_signs_out() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let token = signed_in.text("token");
        let me = site.get("/v1/me", Some(&token));
        assert_eq!((me.status, me.text("contact").as_str()), (200, "a@b.example"));
        let sessions = site.get("/v1/me/sessions", Some(&token));
        assert_eq!(sessions.body["data"][0]["is_current"], json!(true));
        site.world.wait(300);
        assert_eq!(site.get("/v1/me", Some(&token)).code(), "session_asleep");
        let wake = |token: &str, pin: &str| {
            site.post("/v1/buyer_sessions/current/wake", Some(token), &json!({ "pin": pin }))
        };
        assert_eq!(wake(&token, WRONG_PIN).status, 403);
        let woken = wake(&token, PIN);
        assert_eq!(woken.status, 200);
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401, "the token of the sleeping session is gone");
        let token = woken.text("token");
        assert_eq!(site.get("/v1/me", Some(&token)).status, 200);
        let change = json!({"old_pin": PIN, "new_pin": "305871"});
        assert_eq!(site.send(Method::PUT, "/v1/me/pin", Some(&token), Some(&change)).status, 204);
        let token = wake(&token, "305871").text("token");
        assert_eq!(site.post("/v1/me/freeze", Some(&token), &json!({})).status, 204);
        assert_eq!(site.get("/v1/me", Some(&token)).text("state"), "frozen");
        assert_eq!(site.delete("/v1/buyer_sessions/current", Some(&token)).status, 204);
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401);
    });
}

#[test]
fn pw_5_known_and_unknown_contacts_get_the_same_answer() {
    each_site(|site| {
        site.buyer("a@b.example");
        let ask = |contact: &str| site.post("/v1/buyer_sessions", None, &json!({ "contact": contact }));
        let (known, unknown) = (ask("a@b.example"), ask("nobody@b.example"));
        assert_eq!((known.status, unknown.status), (202, 202));
        let shape = |reply: &Reply| {
            let id = reply.text("id");
            let path = format!("/v1/buyer_sessions/{id}/verify");
            let wrong = site.post(&path, None, &json!({"code": "000000"}));
            let names: Vec<String> = reply.body.as_object().unwrap().keys().cloned().collect();
            let error =
                (wrong.status, wrong.body["error"]["code"].clone(), wrong.body["error"]["message"].clone());
            (names, id.len(), reply.text("expires_at"), error)
        };
        assert_eq!(shape(&known), shape(&unknown));
        let sign_up = |contact: &str| {
            site.post("/v1/buyers", None, &json!({"name": "X", "contact": contact, "pin": PIN})).status
        };
        assert_eq!((sign_up("a@b.example"), sign_up("nobody@b.example")), (202, 202));
        let login = |email: &str, text: &str| {
            let reply = site.post("/v1/member_sessions", None, &json!({"email": email, "password": text}));
            (reply.status, reply.code().to_owned(), reply.body["error"]["message"].clone())
        };
        let shop = site.world.shop().id;
        site.member(shop, "owner@shop.example", &[Role::Owner]);
        assert_eq!(login("owner@shop.example", "wrong"), login("nobody@shop.example", "wrong"));
        assert_eq!(login("owner@shop.example", "wrong").0, 401);
    });
}

#[test]
fn every_problem_of_a_body_is_reported_and_nothing_is_repeated() {
    each_site(|site| {
        let reply =
            site.post("/v1/buyers", None, &json!({"name": " ", "contact": "secret-thing", "pin": "12"}));
        assert_eq!((reply.status, reply.code()), (400, "invalid_request"));
        let fields: Vec<&str> = reply.body["error"]["details"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["field"].as_str().unwrap())
            .collect();
        assert_eq!(fields, ["name", "contact", "pin"]);
        assert!(!reply.body.to_string().contains("secret-thing"));
        let weak =
            site.post("/v1/buyers", None, &json!({"name": "X", "contact": "a@b.example", "pin": "123456"}));
        assert_eq!(weak.body["error"]["details"][0]["field"], json!("pin"));
        assert!(!weak.body.to_string().contains("123456"));
        let extra = json!({"contact": "a@b.example", "admin": true});
        assert_eq!(site.post("/v1/buyer_sessions", None, &extra).status, 400);
        let language = json!({"contact": "a@b.example", "language": "tlh"});
        assert_eq!(site.post("/v1/buyer_sessions", None, &language).status, 400);
    });
}

#[test]
fn the_first_set_up_makes_a_shop_whose_owner_signs_in() {
    each_site(|site| {
        let token = site.world.write(identity::create_setup_link).unwrap().unwrap();
        let body = |password: &str| {
            json!({
                "token": token.secret().expose(), "password": password,
                "shop": {"name": "Tea House", "city": "Hangzhou", "country": "CN", "category": "5499", "currency": "CNY"},
                "owner": {"name": "Li Si", "email": "owner@shop.example"},
            })
        };
        assert_eq!(site.post("/v1/setup", None, &body("short")).status, 400);
        let named = site.post("/v1/setup", None, &body("Tea House-Tea House"));
        assert_eq!(named.status, 400, "v6.2.11: of the shop's own name");
        let made = site.post("/v1/setup", None, &body(GOOD));
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!(site.post("/v1/setup", None, &body(GOOD)).code(), "link_gone");
        let login =
            site.post("/v1/member_sessions", None, &json!({"email": "owner@shop.example", "password": GOOD}));
        assert_eq!((login.status, &login.body["second_factor"]), (201, &json!(false)));
        let token = login.text("token");
        assert_eq!(site.get("/v1/shop", Some(&token)).code(), "second_factor_needed");
        let token = site.enrol(&token).0;
        let me = site.get("/v1/me", Some(&token));
        assert_eq!((me.body["roles"].clone(), me.text("name")), (json!(["owner"]), "Li Si".to_owned()));
        assert_eq!(site.get("/v1/shop", Some(&token)).text("currency"), "CNY");
        assert_eq!(site.delete("/v1/member_sessions/current", Some(&token)).status, 204);
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401);
    });
}

#[test]
fn an_owner_makes_lists_and_revokes_api_keys_and_members() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let owner = site.member(shop, "owner@shop.example", &[Role::Owner]);
        let made = site.post("/v1/api_keys", Some(&owner), &json!({"label": "till", "role": "integration"}));
        assert_eq!(made.status, 201, "{}", made.body);
        let id = made.body["key"]["id"].as_str().unwrap().to_owned();
        let listed = site.get("/v1/api_keys", Some(&owner));
        assert_eq!(listed.body["data"][0]["id"], json!(id));
        assert!(!listed.body.to_string().contains("tw_live_"));
        assert_eq!(site.delete(&format!("/v1/api_keys/{id}"), Some(&owner)).status, 204);
        assert_eq!(site.get("/v1/api_keys", Some(&owner)).body["data"][0]["state"], json!("revoked"));
        let invite = json!({"name": "Wang Wu", "email": "till@shop.example", "roles": ["cashier"]});
        let invited = site.post("/v1/members", Some(&owner), &invite);
        assert_eq!(invited.status, 201, "{}", invited.body);
        assert_eq!(site.post("/v1/members", Some(&owner), &invite).code(), "member_exists");
        let path = format!("/v1/members/{}", invited.text("id"));
        let roles = json!({"roles": ["risk"]});
        assert_eq!(site.send(Method::PUT, &format!("{path}/roles"), Some(&owner), Some(&roles)).status, 204);
        assert_eq!(site.delete(&path, Some(&owner)).status, 204);
        let listed = site.get("/v1/members", Some(&owner));
        let members = listed.body["data"].as_array().unwrap();
        let removed = members.iter().find(|member| member["id"] == json!(invited.text("id"))).unwrap();
        assert_eq!((&removed["state"], &removed["roles"]), (&json!("disabled"), &json!(["risk"])));
    });
}

/// Every operation for members, with a body that would be right.
fn member_operations(key: &str, member: &str) -> Vec<(Method, String, Option<Value>)> {
    vec![
        (Method::GET, "/v1/api_keys".to_owned(), None),
        (Method::POST, "/v1/api_keys".to_owned(), Some(json!({"label": "x", "role": "integration"}))),
        (Method::DELETE, format!("/v1/api_keys/{key}"), None),
        (
            Method::POST,
            "/v1/members".to_owned(),
            Some(json!({"name": "x", "email": "x@y.example", "roles": ["risk"]})),
        ),
        (Method::PUT, format!("/v1/members/{member}/roles"), Some(json!({"roles": ["risk"]}))),
        (Method::DELETE, format!("/v1/members/{member}"), None),
    ]
}

#[test]
fn c10_operations_refuse_nobody_the_wrong_role_buyers_and_other_shops() {
    each_site(|site| {
        let (own, other) = (site.world.shop().id, site.world.shop().id);
        let cashier = site.member(own, "cashier@shop.example", &[Role::Cashier]);
        let stranger = site.member(other, "stranger@shop.example", &[Role::Owner]);
        let owner = site.member(own, "owner@shop.example", &[Role::Owner]);
        let buyer = site.buyer("a@b.example").text("token");
        let victim = site.world.member(own, "victim@shop.example", &[Role::Risk], &PasswordHash::of_nobody());
        let made = site.post("/v1/api_keys", Some(&owner), &json!({"label": "till", "role": "integration"}));
        let key = made.body["key"]["id"].as_str().unwrap().to_owned();
        for (method, path, body) in member_operations(&key, &victim.to_string()) {
            let send = |token: Option<&str>| site.send(method.clone(), &path, token, body.as_ref()).status;
            assert_eq!(send(None), 401, "{method} {path}");
            assert_eq!(send(Some("twm_x")), 401, "{method} {path}");
            assert_eq!(send(Some(&cashier)), 403, "{method} {path}");
            assert_eq!(send(Some(&buyer)), 403, "{method} {path}");
            if path.contains(&key) || path.contains(victim.short()) {
                assert_eq!(send(Some(&stranger)), 404, "{method} {path}");
            }
        }
        assert_eq!(site.get("/v1/members", None).status, 401);
        assert_eq!(site.get("/v1/members", Some(&cashier)).status, 403);
        for path in ["/v1/members/mem_x", "/v1/api_keys/key_x"] {
            assert_eq!(site.delete(path, Some(&owner)).status, 404, "{path}");
            assert_eq!(site.delete(path, Some(&cashier)).status, 403, "{path}");
        }
        assert_eq!(site.get("/v1/me/sessions", None).status, 401);
    });
}

#[test]
fn c14_a_member_who_works_stays_signed_in_and_one_who_left_does_not() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let owner = site.member(shop, "owner@shop.example", &[Role::Owner]);
        for _ in 0..4 {
            site.world.wait(10 * 60);
            assert_eq!(site.get("/v1/shop", Some(&owner)).status, 200);
        }
        site.world.wait(15 * 60);
        assert_eq!(site.get("/v1/shop", Some(&owner)).status, 401);
    });
}

#[test]
fn c04_a_caller_without_an_account_is_told_to_wait_at_every_door() {
    each_site(|site| {
        let verify = "/v1/buyer_sessions/ses_000000000000000000000000abcd/verify";
        let (contact, code) = (json!({"contact": "nobody@b.example"}), json!({"code": "000000"}));
        let sign_up = json!({"name": "Zhang San", "contact": "a@b.example", "pin": PIN});
        let sign_in = json!({"email": "nobody@shop.example", "password": GOOD});
        for _ in 0..identity::limits::ANONYMOUS_BURST_MAX {
            assert_ne!(site.post(verify, None, &code).status, 429);
        }
        let doors = [
            ("/v1/buyers", &sign_up),
            ("/v1/buyer_sessions", &contact),
            (verify, &code),
            ("/v1/member_sessions", &sign_in),
        ];
        for (path, body) in doors {
            let refused = site.post(path, None, body);
            assert_eq!((refused.status, refused.retry_after), (429, Some(2)), "{path}");
        }
        site.world.wait(2);
        assert_eq!(site.post("/v1/buyer_sessions", None, &contact).status, 202);
        assert_eq!(site.post("/v1/buyer_sessions", None, &contact).status, 429);
    });
}

#[test]
fn the_description_names_every_operation_with_its_errors() {
    let (_, api) = identity::routes::router().split_for_parts();
    let text = serde_json::to_value(&api).unwrap();
    let mut names = Vec::new();
    for (path, methods) in text["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            names.push(operation["operationId"].as_str().unwrap().to_owned());
            assert!(operation["responses"]["500"].is_object(), "{method} {path}");
            assert!(operation["security"].is_array(), "{method} {path}");
        }
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two operations share a name");
    assert!(count >= 34, "{count}");
}

#[test]
fn error_codes_are_unique() {
    assert!(webkit::error::duplicate_codes(&[webkit::error::CODES, identity::routes::CODES]).is_empty());
}
