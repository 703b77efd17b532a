//! Who is let in where (C10, AZ-1 to AZ-5): each operation of the API's own description, asked by every kind of caller.
//!
//! Who is to be let in is not listed here: it follows from the description (which credentials), from the permission the
//! operation names, from the table of roles, and from whose thing is asked for (`callers.rs`). Each operation has one good
//! request here; one without fails the test, so that a new one cannot be forgotten. A caller who is let in gets a 2xx,
//! every other caller 401, 403 or 404 for the very same request.

mod callers;
mod cross_shop;
mod fields;
mod pages;
mod powers;

use std::cell::RefCell;
use std::collections::BTreeSet;

use axum::http::Method;
use base::{ApiKeyId, FactorId, MemberId, Secret, SessionId, TerminalId};
use identity::{Channel, FactorKind, Label, NewApiKey, NewFactor, Person, Role};
use payments::text::ShortText;
use serde_json::{Value, json};
use testkit::http::{Answer, Request};

use self::callers::{Call, Who, is_let_in};
use crate::house::{ASKED, House, PIN, Phone, REVIEWED, RICH, Shop, key, text};
use crate::vaulted::{Expect, RECIPIENT, approve};

/// Operations for people who have no account yet. This list may only shrink.
const OPEN: [&str; 16] = [
    "accept_invitation",
    "create_buyer",
    "create_buyer_session",
    "create_certificate",
    "create_member_session",
    "create_passkey_attempt",
    "create_passkey_session",
    "create_password_reset",
    "create_second_step",
    "create_setup",
    "find_authority",
    "find_revoked",
    "finish_password_reset",
    "send_second_step_code",
    "use_freeze_link",
    "verify_buyer_session",
];

/// Two shops, of which the first is asked for its things. What is asked for is made anew for each request, so that one
/// caller leaves nothing to the next.
struct Stage {
    house: House,
    shop: Shop,
    other: Shop,
    owner: String,
    buyers: RefCell<[Phone; 2]>,
}

impl Stage {
    fn set() -> Stage {
        let house = House::new();
        let (shop, other) = (house.shop("SG"), house.shop("SG"));
        let (_, owner) = house.member(shop.id, Role::Owner);
        let buyers = RefCell::new([house.buyer(RICH), house.buyer(RICH)]);
        Stage { house, shop, other, owner, buyers }
    }

    /// Makes the payer and another buyer anew.
    fn renew_buyers(&self) {
        *self.buyers.borrow_mut() = [self.house.buyer(RICH), self.house.buyer(RICH)];
    }

    /// Whose payments, devices and factors are asked for.
    fn payer(&self) -> Phone {
        self.buyers.borrow()[0].clone()
    }

    /// Another buyer.
    fn stranger(&self) -> Phone {
        self.buyers.borrow()[1].clone()
    }

    fn as_owner(&self, request: Request) -> Answer {
        self.house.send(request.bearer(&self.owner))
    }

    fn waiting(&self) -> Value {
        self.house.bill(&self.shop, 900)
    }

    fn paused(&self) -> Value {
        let bill = self.house.bill(&self.shop, ASKED);
        self.house.pay(&self.payer(), &bill);
        bill
    }

    fn reviewed(&self) -> Value {
        let bill = self.house.bill(&self.shop, REVIEWED);
        self.house.pay(&self.payer(), &bill);
        bill
    }

    fn paid(&self) -> Value {
        self.house.paid(&self.shop, &self.payer(), 5_000)
    }

    fn make(&self, path: &str, body: Value) -> Value {
        let made = self.house.send(self.house.signed(&self.shop, post(path.into(), body)));
        assert_eq!(made.status, 201, "{path}: {}", made.json());
        made.json()
    }

    fn refund(&self) -> Value {
        let path = self.payment(&self.paid(), "/refunds");
        self.make(&path, json!({"amount_minor": 1, "currency": "CNY"}))
    }

    fn order(&self) -> Value {
        self.make("/v1/orders", json!({"amount_minor": 700, "currency": "CNY"}))
    }

    fn code(&self) -> Value {
        self.make("/v1/codes", json!({"name": "Till 1"}))
    }

    fn terminal(&self) -> TerminalId {
        self.terminal_of(&self.shop)
    }

    fn terminal_of(&self, shop: &Shop) -> TerminalId {
        let (at, name) = (shop.id, ShortText::parse("Till 1", 60).unwrap());
        let by = audit::Actor::system("test");
        self.house.write(move |tx, means| payments::shop::create_terminal(tx, means, &by, at, &name, None)).id
    }

    /// A key of the shop that may be revoked.
    fn spare_key(&self) -> ApiKeyId {
        let new = NewApiKey::new(Label::parse("spare").unwrap(), Role::Integration, None).unwrap();
        self.house.key(self.shop.id, new).key
    }

    /// A role of the shop's own that everybody who manages members could give.
    fn light_role(&self) -> String {
        self.role_of(&["view shop"])
    }

    fn role_of(&self, permissions: &[&str]) -> String {
        let body = json!({"name": key(), "permissions": permissions});
        let made = self.as_owner(Request::post("/v1/roles", &body));
        assert!(made.is_ok(), "{}", made.json());
        text(&made.json(), "id")
    }

    /// A member who has that role alone.
    fn helper(&self) -> MemberId {
        let (member, _) = self.house.member(self.shop.id, Role::Cashier);
        let body = json!({"roles": [self.light_role()]});
        let changed = self.as_owner(put(format!("/v1/members/{member}/roles"), body));
        assert!(changed.is_ok(), "{}", changed.json());
        member
    }

    fn payment(&self, payment: &Value, rest: &str) -> String {
        format!("/v1/payments/{}{rest}", text(payment, "id"))
    }

    /// A certificate of the shop's terminal, enrolled over HTTP as its people and the terminal would.
    fn certificate(&self) -> String {
        let path = format!("/v1/terminals/{}/enrolments", self.terminal());
        let made = self.as_owner(Request::post(&path, &json!({})));
        let body = json!({"code": text(&made.json(), "code"), "request": crate::mtls::request().1});
        let issued = self.house.send(Request::post("/v1/certificates", &body));
        assert_eq!(issued.status, 201, "{}", issued.json());
        text(&issued.json()["certificate"], "id")
    }

    fn person(&self) -> Person {
        Person::Buyer(self.payer().buyer)
    }

    /// A recovery code of the payer.
    fn recovery_code(&self) -> String {
        let person = self.person();
        let codes = self.house.write(move |tx, means| identity::create_recovery_codes(tx, means, person));
        codes[0].reveal().expose().clone()
    }

    /// An authenticator app that the payer was offered, and what it shows.
    fn offered_app(&self) -> (FactorId, String) {
        let (person, now) = (self.person(), self.house.now());
        let offer = self.house.write(move |tx, means| {
            identity::offer_totp(tx, means, person, &Label::from_agent("phone"), "pay.example")
        });
        let key = identity::read_totp_key(offer.key.expose()).unwrap();
        (offer.id, identity::show_code(&key, now).unwrap().expose().clone())
    }

    /// A number that the payer offered, with the code sent to it.
    fn offered_number(&self) -> (FactorId, SessionId, String) {
        let person = self.person();
        // A number and a place of its own each time: how many texts one of them gets is limited.
        let [a, b, c, d] = self.house.at.dice.bytes();
        let number = number();
        let origin = format!("{}.{b}.{c}.{d}", a.clamp(1, 223));
        let offer = self.house.write(move |tx, means| {
            let phone = identity::Phone::parse(&number).unwrap();
            identity::offer_sms(tx, means, person, &phone, (&origin, "pay.example"))
        });
        let texts = self.house.write(|tx, means| {
            let texts = identity::take_due_on(tx, means, Channel::Sms, 10)?;
            for text in &texts {
                identity::mark_sent(tx, text.shop, &text.id)?;
            }
            Ok::<_, identity::Fault>(texts)
        });
        let body = texts.iter().rfind(|text| text.body.expose().contains('#')).expect("a text message");
        let body = body.body.expose().clone();
        (offer.id, offer.request.request, body.split('#').next_back().unwrap().to_owned())
    }

    /// An authenticator app of the payer.
    fn seeded_app(&self) -> FactorId {
        let person = self.person();
        self.house.write(move |tx, means| {
            let (label, secret) = (Label::from_agent("phone"), Secret::new(vec![7; 20]));
            let new = NewFactor { kind: FactorKind::Totp, label: &label, secret: &secret };
            identity::factors::seed_factor(tx, means, person, &new)
        })
    }

    /// The address of a token of the shop, made for this request.
    fn token(&self, rest: &str) -> String {
        self.made("/v1/tokens", card(), rest)
    }

    /// The address of a customer of the shop, made for this request.
    fn customer(&self, rest: &str) -> String {
        self.made("/v1/customers", customer(), rest)
    }

    /// The address of an export that the owner proposed for this request.
    fn export(&self, rest: &str) -> String {
        let made = self.as_owner(post("/v1/exports".into(), export()));
        assert_eq!(made.status, 201, "{}", made.json());
        format!("/v1/exports/{}{rest}", text(&made.json(), "id"))
    }

    /// The same, approved by a colleague.
    fn approved_export(&self, rest: &str) -> String {
        let path = self.export(rest);
        let (_, finance) = self.house.member(self.shop.id, Role::Finance);
        approve(&self.house, self.shop.id, &finance, Expect::Done);
        path
    }

    fn made(&self, path: &str, body: Value, rest: &str) -> String {
        format!("{path}/{}{rest}", text(&self.make(path, body), "id"))
    }

    fn confirmation(&self) -> Request {
        self.house.confirmation(&self.payer(), &self.waiting(), PIN, &key())
    }
}

/// A request for a code that was never made.
const NOBODYS_REQUEST: &str = "ses_0000000000000000000000000000";

/// One operation and a good request for it.
struct Case {
    operation: &'static str,
    request: fn(&Stage) -> Request,
}

/// A number of a mobile phone that nobody else has.
fn number() -> String {
    let chance = u32::from_le_bytes(base::Dice::System.bytes());
    format!("+86138{:08}", chance % 100_000_000)
}

fn get(target: String) -> Request {
    Request::get(&target)
}

fn post(target: String, body: Value) -> Request {
    Request::post(&target, &body).once(&key())
}

fn delete(target: String) -> Request {
    Request::new(Method::DELETE, &target)
}

fn put(target: String, body: Value) -> Request {
    Request::new(Method::PUT, &target).json(&body)
}

fn card() -> Value {
    json!({"number": "4111111111111111", "expiry_month": 12, "expiry_year": 2029})
}

fn customer() -> Value {
    json!({"values": [{"kind": "name", "value": "Li Hua"}, {"kind": "phone", "value": "13800138000"}]})
}

fn export() -> Value {
    why(json!({"what": "customers", "recipient": RECIPIENT}))
}

fn why(mut body: Value) -> Value {
    body["purpose"] = json!("check_fraud");
    body["reason"] = json!("ticket 1");
    body
}

fn table(path: &str, text: &str) -> Request {
    let mut request = post(path.into(), json!({}));
    request.headers.insert("content-type", axum::http::HeaderValue::from_static("text/csv"));
    request.body = text.as_bytes().to_vec();
    request
}

fn cases() -> Vec<Case> {
    let case = |operation, request| Case { operation, request };
    let mut cases = powers::cases();
    cases.extend(vec![
        case("create_order", |_| post("/v1/orders".into(), json!({"amount_minor": 1, "currency": "CNY"}))),
        case("list_orders", |_| get("/v1/orders".into())),
        case("find_order", |s| get(format!("/v1/orders/{}", text(&s.order(), "id")))),
        case("create_terminal", |_| post("/v1/terminals".into(), json!({"name": "Till 2"}))),
        case("list_terminals", |_| get("/v1/terminals".into())),
        case("create_payment", |_| {
            post("/v1/payments".into(), json!({"amount_minor": 1, "currency": "CNY"}))
        }),
        case("list_payments", |_| get("/v1/payments".into())),
        case("find_payment", |s| get(s.payment(&s.paid(), ""))),
        case("cancel_payment", |s| post(s.payment(&s.waiting(), "/cancel"), json!({}))),
        case("find_proof", |s| get(s.payment(&s.paid(), "/proof"))),
        case("find_payment_label", |s| get(s.payment(&s.paid(), "/label"))),
        case("update_payment_label", |s| {
            put(s.payment(&s.paid(), "/label"), json!({"label": "fraud", "note": "card reported stolen"}))
        }),
        case("confirm_payment", Stage::confirmation),
        case("answer_challenge", |s| {
            post(s.payment(&s.paused(), "/answer"), json!({"it_was_me": true, "pin": PIN}))
        }),
        case("list_own_payments", |_| get("/v1/me/payments".into())),
        case("create_refund", |s| post(s.payment(&s.paid(), "/refunds"), json!({}))),
        case("list_refunds", |s| get(s.payment(&s.paid(), "/refunds"))),
        case("find_refund", |s| get(format!("/v1/refunds/{}", text(&s.refund(), "id")))),
        case("create_code", |_| post("/v1/codes".into(), json!({"name": "Till 2"}))),
        case("list_codes", |_| get("/v1/codes".into())),
        case("find_code", |s| get(format!("/v1/codes/{}", text(&s.code(), "id")))),
        case("revoke_code", |s| post(format!("/v1/codes/{}/revoke", text(&s.code(), "id")), json!({}))),
        case("find_code_image", |s| get(format!("/v1/codes/{}/image", text(&s.code(), "id")))),
        case("scan_code", |s| Request::post("/v1/codes/scan", &json!({"text": s.waiting()["pay_url"]}))),
        case("create_payment_from_code", |s| {
            let body = json!({"amount_minor": 1, "currency": "CNY"});
            post(format!("/v1/codes/{}/payments", text(&s.code(), "id")), body)
        }),
        case("list_reviews", |_| get("/v1/reviews".into())),
        case("decide_review", |s| {
            let body = json!({"approve": false, "note": "looked at"});
            post(format!("/v1/reviews/{}/decision", text(&s.reviewed(), "id")), body)
        }),
        case("list_rules", |_| get("/v1/rules".into())),
        case("update_rule", |_| {
            put("/v1/rules/blocked".into(), json!({"mode": "watch", "note": "our guests eat late"}))
        }),
        case("create_decision", |_| {
            post("/v1/decisions".into(), json!({"amount_minor": 1, "currency": "CNY"}))
        }),
        case("find_decision", |s| get(format!("/v1/decisions/{}", text(&s.paid(), "decision")))),
        case("create_top_up", |s| {
            let body = json!({"buyer": s.payer().buyer.to_string(), "amount_minor": 1, "currency": "CNY"});
            post("/v1/top_ups".into(), body)
        }),
        case("delete_buyer_session", |_| delete("/v1/buyer_sessions/current".into())),
        case("wake_buyer_session", |_| {
            Request::post("/v1/buyer_sessions/current/wake", &json!({"pin": PIN}))
        }),
        case("find_me", |_| get("/v1/me".into())),
        case("update_pin", |_| put("/v1/me/pin".into(), json!({"old_pin": PIN, "new_pin": "739264"}))),
        case("create_pin_reset", |_| Request::post("/v1/me/pin/resets", &json!({}))),
        case("finish_pin_reset", |_| {
            let body = json!({"code": "000000", "new_pin": "739264"});
            Request::post(&format!("/v1/me/pin/resets/{NOBODYS_REQUEST}/finish"), &body)
        }),
        case("create_contact_change", |_| {
            Request::post("/v1/me/contact_changes", &json!({"contact": "new@b.example", "pin": PIN}))
        }),
        case("finish_contact_change", |_| {
            let body = json!({"contact": "new@b.example", "code": "000000"});
            Request::post(&format!("/v1/me/contact_changes/{NOBODYS_REQUEST}/finish"), &body)
        }),
        case("create_address_change", |_| {
            let email = format!("{}@shop.example", key());
            Request::post("/v1/me/address_changes", &json!({ "email": email }))
        }),
        case("finish_address_change", |_| {
            let body = json!({"email": "new@shop.example", "code": "000000"});
            Request::post(&format!("/v1/me/address_changes/{NOBODYS_REQUEST}/finish"), &body)
        }),
        case("freeze_me", |_| Request::post("/v1/me/freeze", &json!({}))),
        case("list_my_sessions", |_| get("/v1/me/sessions".into())),
        case("delete_my_session", |s| delete(format!("/v1/me/sessions/{}", s.payer().session))),
        case("delete_my_other_sessions", |_| delete("/v1/me/sessions".into())),
        case("update_password", |_| {
            let body = json!({"old_password": "wrong", "new_password": "seven lamps under the bridge"});
            put("/v1/me/password".into(), body)
        }),
        case("create_step_up", |s| {
            let code = s.recovery_code();
            Request::post("/v1/session/step-up", &json!({"kind": "recovery", "code": code}))
        }),
        case("send_step_up_code", |_| Request::new(Method::POST, "/v1/session/code")),
        case("list_my_factors", |_| get("/v1/me/factors".into())),
        case("create_totp", |_| Request::post("/v1/me/factors/totp", &json!({"label": "phone"}))),
        case("confirm_totp", |s| {
            let (id, code) = s.offered_app();
            Request::post(&format!("/v1/me/factors/totp/{id}/confirm"), &json!({ "code": code }))
        }),
        case("create_sms", |_| Request::post("/v1/me/factors/sms", &json!({"number": number()}))),
        case("confirm_sms", |s| {
            let (id, request, code) = s.offered_number();
            let body = json!({"request": request.to_string(), "code": code});
            Request::post(&format!("/v1/me/factors/sms/{id}/confirm"), &body)
        }),
        case("delete_my_factor", |s| delete(format!("/v1/me/factors/{}", s.seeded_app()))),
        case("create_recovery_codes", |s| {
            s.seeded_app();
            Request::new(Method::POST, "/v1/me/recovery_codes")
        }),
        case("delete_member_session", |_| delete("/v1/member_sessions/current".into())),
        case("find_shop", |_| get("/v1/shop".into())),
        case("update_buyer_policy", |_| {
            put("/v1/shop/buyer_policy".into(), json!({"factor_above_minor": 50_000}))
        }),
        case("create_member", |s| {
            let email = format!("{}@shop.example", key());
            Request::post(
                "/v1/members",
                &json!({"name": "Wang Wu", "email": email, "roles": [s.light_role()]}),
            )
        }),
        case("list_members", |_| get("/v1/members".into())),
        case("delete_member", |s| delete(format!("/v1/members/{}", s.helper()))),
        case("update_member_roles", |s| {
            put(format!("/v1/members/{}/roles", s.helper()), json!({"roles": [s.light_role()]}))
        }),
        case("create_passkey_registration", |_| Request::post("/v1/passkeys/registrations", &json!({}))),
        case("finish_passkey_registration", |_| {
            let body = json!({"pin": PIN, "credential": touched()});
            Request::post("/v1/passkeys/registrations/finish", &body)
        }),
        case("list_passkeys", |_| get("/v1/passkeys".into())),
        case("delete_passkey", |_| delete("/v1/passkeys/fac_0000000000000000000000000000".into())),
        case("create_passkey_step_up", |_| Request::post("/v1/passkeys/step_up", &json!({}))),
        case("finish_passkey_step_up", |_| {
            Request::post("/v1/passkeys/step_up/finish", &json!({"credential": touched()}))
        }),
        case("create_passkey_challenge", |s| {
            Request::post(&s.payment(&s.waiting(), "/passkey_challenge"), &json!({}))
        }),
        case("create_api_key", |_| {
            Request::post("/v1/api_keys", &json!({"label": "till", "role": "integration"}))
        }),
        case("list_api_keys", |_| get("/v1/api_keys".into())),
        case("create_token", |_| post("/v1/tokens".into(), card())),
        case("list_tokens", |_| get("/v1/tokens".into())),
        case("find_token", |s| get(s.token(""))),
        case("delete_token", |s| delete(s.token(""))),
        case("open_token", |s| Request::post(&s.token("/open"), &why(json!({})))),
        case("match_token", |s| Request::post(&s.token("/match"), &why(json!({})))),
        case("list_token_openings", |s| get(s.token("/openings"))),
        case("create_customer", |_| post("/v1/customers".into(), customer())),
        case("list_customers", |_| get("/v1/customers".into())),
        case("search_customers", |_| {
            Request::post("/v1/customers/search", &json!({"value": {"kind": "name", "value": "Li Hua"}}))
        }),
        case("find_customer", |s| get(s.customer(""))),
        case("erase_customer", |s| delete(s.customer(""))),
        case("add_value", |s| post(s.customer("/values"), json!({"kind": "name", "value": "Li"}))),
        case("remove_value", |s| delete(s.customer("/values/2"))),
        case("open_customer", |s| Request::post(&s.customer("/open"), &why(json!({"values": [1]})))),
        case("list_customer_openings", |s| get(s.customer("/openings"))),
        case("find_opening_limits", |_| get("/v1/openings/limits".into())),
        case("list_opening_alerts", |_| get("/v1/openings/alerts".into())),
        case("update_opening_limits", |_| {
            let body =
                json!({"person_hour": 1, "key_hour": 1, "shop_hour": 1, "alert_hour": 1, "alert_day": 1});
            put("/v1/openings/limits".into(), body)
        }),
        case("import_customers", |_| table("/v1/imports/customers", "external_id,name\n1,Li\n")),
        case("import_cards", |_| table("/v1/imports/cards", "external_id,number,expiry\n")),
        case("propose_export", |_| post("/v1/exports".into(), export())),
        case("list_exports", |_| get("/v1/exports".into())),
        case("find_export", |s| get(s.export(""))),
        case("take_export", |s| post(s.approved_export("/take"), json!({}))),
        case("fetch_export", |s| {
            let path = s.approved_export("");
            let taken = s.as_owner(post(format!("{path}/take"), json!({})));
            assert!(taken.is_ok(), "{}", taken.json());
            get(format!("{path}/file"))
        }),
        case("delete_api_key", |s| delete(format!("/v1/api_keys/{}", s.spare_key()))),
        case("create_api_key_enrolment", |s| {
            Request::post(&format!("/v1/api_keys/{}/enrolments", s.spare_key()), &json!({}))
        }),
        case("create_terminal_enrolment", |s| {
            Request::post(&format!("/v1/terminals/{}/enrolments", s.terminal()), &json!({}))
        }),
        case("list_certificates", |_| get("/v1/certificates".into())),
        case("delete_certificate", |s| delete(format!("/v1/certificates/{}", s.certificate()))),
        case("list_keys", |_| get("/v1/keys".into())),
        case("list_key_rotations", |_| get("/v1/keys/rotations".into())),
        case("create_key_rotation", |_| Request::post("/v1/keys/rotations", &json!({"level": "kek"}))),
        case("renew_certificate", |_| {
            Request::post("/v1/certificates/renew", &json!({"request": crate::mtls::request().1}))
        }),
    ]);
    cases
}

/// Well-formed, and signed for nothing that was ever asked.
fn touched() -> Value {
    // {"type":"webauthn.get","challenge":"AQ","origin":"https://pay.example"}
    let client =
        "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQVEiLCJvcmlnaW4iOiJodHRwczovL3BheS5leGFtcGxlIn0";
    let response = json!({"clientDataJSON": client, "attestationObject": "AQ", "authenticatorData": "AQ", "signature": "AQ"});
    json!({"id": "AQ", "response": response})
}

/// What an operation says to a caller who was let in and whose request it does not carry out.
fn is_past_the_gate(operation: &str, answer: &Answer) -> bool {
    let expected: &[&str] = match operation {
        "finish_passkey_registration" | "finish_passkey_step_up" => &["passkey_stale"],
        // Whoever has a factor gives it again first: a session alone removes none and makes no codes.
        "delete_passkey" | "delete_my_factor" => &["step_up_needed", "not_found"],
        "create_recovery_codes" => &["step_up_needed", "conflict"],
        // A proposer alone takes an export, and fetches its file.
        "take_export" | "fetch_export" => &["export_closed"],
        "update_password" => &["password_wrong"],
        // The code that was sent is read in identity's own tests.
        "finish_pin_reset" | "finish_contact_change" | "finish_address_change" => &["one_time_code_gone"],
        "destroy_key" => &["key_in_use"],
        // An owner has all that is lent.
        "begin_emergency" => &["emergency_gains_nothing"],
        "renew_certificate" => &["not_our_certificate"],
        // So many from one place.
        "create_sms" => &["too_many_requests"],
        // Nobody but the buyers has a way to be sent a code here.
        "send_step_up_code" => &["too_many_requests", "not_found"],
        _ => &[],
    };
    answer.json()["error"]["code"].as_str().is_some_and(|code| expected.contains(&code))
}

/// Asks one operation as every kind of caller.
fn ask_everybody(case: &Case, api: &Value) -> Vec<String> {
    let (stage, mut wrong) = (Stage::set(), Vec::new());
    for who in Who::every() {
        stage.renew_buyers();
        let call = Call::new(&stage, who);
        let answer = call.send(&stage, (case.request)(&stage));
        let good = if is_let_in(api, case.operation, who) {
            // A house sells nothing and has no customers, and another shop has other roles: their people may ask in vain,
            // and are not refused.
            let elsewhere = who.is_of_the_house() || case.operation == "create_member";
            let in_vain = elsewhere && !who.is_of_the_shop() && matches!(answer.status, 400 | 409 | 422);
            answer.is_ok() || in_vain || is_past_the_gate(case.operation, &answer)
        } else {
            let expected: &[u16] = if who == Who::Nobody { &[401] } else { &[401, 403, 404] };
            expected.contains(&answer.status)
        };
        let body = String::from_utf8_lossy(&answer.body);
        let tells = who.is_of_another_shop() && body.contains(stage.shop.id.short());
        if !good || tells {
            wrong.push(format!("{} by {who:?}: {} {body}", case.operation, answer.status));
        }
    }
    wrong
}

/// In three parts, which run beside one another.
fn ask_part(part: usize) {
    let api = serde_json::to_value(app::openapi::openapi()).unwrap();
    let cases = cases();
    let wrong: Vec<String> =
        cases.iter().skip(part).step_by(3).flat_map(|case| ask_everybody(case, &api)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn c10_every_operation_lets_in_whom_it_names_and_nobody_else() {
    ask_part(0);
}

#[test]
fn c10_every_operation_lets_in_whom_it_names_and_nobody_else_second_part() {
    ask_part(1);
}

#[test]
fn c10_every_operation_lets_in_whom_it_names_and_nobody_else_third_part() {
    ask_part(2);
}

#[test]
fn az_1_every_operation_of_the_description_is_asked_or_open() {
    let api = serde_json::to_value(app::openapi::openapi()).unwrap();
    let (mut described, mut open) = (BTreeSet::new(), BTreeSet::new());
    for methods in api["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let id = text(operation, "operationId");
            let needs =
                operation["security"].as_array().unwrap_or_else(|| panic!("{id} says nothing of who may"));
            if needs.iter().all(|way| way.as_object().is_none_or(serde_json::Map::is_empty)) {
                open.insert(id.clone());
            }
            for way in needs.iter().flat_map(|way| way.as_object().unwrap().keys()) {
                let schemes = &api["components"]["securitySchemes"];
                assert!(schemes[way].is_object(), "{id}: `{way}` is not declared");
            }
            described.insert(id);
        }
    }
    let asked: BTreeSet<String> = cases().iter().map(|case| case.operation.to_owned()).collect();
    let excepted: BTreeSet<String> = OPEN.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(open, excepted, "the operations without sign-in");
    assert_eq!(described, asked.union(&excepted).cloned().collect(), "every operation has a case");
    assert!(asked.is_disjoint(&excepted));
}

#[test]
fn idem_1_every_operation_that_wants_a_key_is_refused_without_one() {
    let stage = Stage::set();
    let api = serde_json::to_value(app::openapi::openapi()).unwrap();
    let mut wanting = 0;
    for case in cases().iter().filter(|case| wants_key(case.operation)) {
        let mut request = (case.request)(&stage);
        assert!(request.headers.remove("idempotency-key").is_some(), "{}", case.operation);
        let who = Who::every().find(|who| is_let_in(&api, case.operation, *who)).unwrap();
        let answer = Call::new(&stage, who).send(&stage, request);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "idempotency_key_missing"),
            "{}",
            case.operation
        );
        wanting += 1;
    }
    assert!(wanting >= 12, "{wanting}");
}

fn wants_key(id: &str) -> bool {
    let api = serde_json::to_value(app::openapi::openapi()).unwrap();
    let methods =
        api["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap().values());
    let mut found = methods.filter(|operation| operation["operationId"] == id);
    let parameters =
        found.next().and_then(|operation| operation["parameters"].as_array().cloned()).unwrap_or_default();
    parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key")
}

#[test]
fn az_5_made_up_and_ended_sessions_open_nothing() {
    let stage = Stage::set();
    let target = stage.payment(&stage.paid(), "");
    for token in ["", "x", "twb_", "twm_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &"a".repeat(5_000)] {
        let answer = stage.house.send(Request::get(&target).bearer(token));
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{token}");
    }
    let payer = Call::new(&stage, Who::Payer);
    assert_eq!(payer.send(&stage, delete("/v1/buyer_sessions/current".into())).status, 204);
    assert_eq!(payer.send(&stage, Request::get(&target)).status, 401);
}
