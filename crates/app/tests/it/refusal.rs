//! Who is let in where (C10, AZ-1 to AZ-5): each operation of the API's own description, asked by every kind of caller.
//!
//! A caller who is named gets a 2xx, so the request is a good one; every other caller gets 401, 403 or 404 for the very
//! same request. An operation that is not listed here fails the test, so that a new one cannot be forgotten.

mod powers;

use std::cell::OnceCell;
use std::collections::BTreeSet;

use axum::http::Method;
use base::{FactorId, MemberId, Secret, SessionId, TerminalId};
use identity::{Channel, FactorKind, Label, NewApiKey, NewFactor, Person, Role};
use payments::text::ShortText;
use serde_json::{Value, json};
use testkit::http::{Answer, Request};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    /// The buyer of the payments.
    Payer,
    /// Another buyer.
    Stranger,
    Owner,
    Cashier,
    Risk,
    /// The shop's key that sells.
    Till,
    /// The shop's key that asks for decisions.
    Decisions,
    /// Owner and selling key of another shop.
    OtherOwner,
    OtherTill,
    /// Whoever runs the installation.
    Operator,
}

use Who::{Cashier, Decisions, Operator, OtherOwner, OtherTill, Owner, Payer, Risk, Stranger, Till};

const EVERYBODY: [Who; 11] =
    [Who::Nobody, Payer, Stranger, Owner, Cashier, Risk, Till, Decisions, OtherOwner, OtherTill, Operator];

/// Who sells in a shop; those of another shop do so in their own.
const SELLERS: &[Who] = &[Owner, Cashier, Till, OtherOwner, OtherTill];
const OWN_SELLERS: &[Who] = &[Owner, Cashier, Till];
const READERS: &[Who] = &[Owner, Cashier, Risk, Till, OtherOwner, OtherTill];
const OWN_READERS: &[Who] = &[Owner, Cashier, Risk, Till];
const SHOP_OR_PAYER: &[Who] = &[Owner, Cashier, Risk, Till, Payer];
const BUYERS: &[Who] = &[Payer, Stranger];
const OWNERS: &[Who] = &[Owner, OtherOwner];
/// Everybody with an account of their own.
const PEOPLE: &[Who] = &[Payer, Stranger, Owner, Cashier, Risk, OtherOwner];
const MEMBERS: &[Who] = &[Owner, Cashier, Risk, OtherOwner];

/// Who puts cards and customers in.
const SELLING: &[Who] = &[Owner, Till, OtherOwner, OtherTill];
const CUSTOMER_READERS: &[Who] = &[Owner, Risk, Till, OtherOwner, OtherTill];
const OWN_CUSTOMER_READERS: &[Who] = &[Owner, Risk, Till];
const AUDITORS: &[Who] = &[Owner, Risk, OtherOwner, Operator];

/// A shop where something of everything has happened.
struct Stage {
    house: House,
    shop: Shop,
    payer: Phone,
    stranger: Phone,
    cashier: MemberId,
    tokens: [String; 4],
    decisions: Shop,
    other: Shop,
    operator: Shop,
    waiting: Value,
    paused: Value,
    reviewed: Value,
    paid: Value,
    refund: Value,
    order: Value,
    code: Value,
    terminal: TerminalId,
    certificate: OnceCell<String>,
}

impl Stage {
    fn set() -> Stage {
        let house = House::new();
        let (shop, other) = (house.shop("SG"), house.shop("SG"));
        let (payer, stranger) = (house.buyer(RICH), house.buyer(RICH));
        let (_, owner) = house.member(shop.id, Role::Owner);
        let (cashier, cashier_token) = house.member(shop.id, Role::Cashier);
        let (_, risk) = house.member(shop.id, Role::Risk);
        let (_, other_owner) = house.member(other.id, Role::Owner);
        let label = || Label::parse("test").unwrap();
        let decisions = house.key(shop.id, NewApiKey::new(label(), Role::Decisions, None).unwrap());
        let operator = house.key(base::ShopId::HOUSE, NewApiKey::operator(label()));
        let (paused, reviewed) = (house.bill(&shop, ASKED), house.bill(&shop, REVIEWED));
        house.pay(&payer, &paused);
        house.pay(&payer, &reviewed);
        let paid = house.paid(&shop, &payer, 5_000);
        let make = |path: &str, body: Value| {
            let made = house.send(house.signed(&shop, Request::post(path, &body).once(&key())));
            assert!(made.is_ok(), "{path}: {}", made.json());
            made.json()
        };
        let refund = make(
            &format!("/v1/payments/{}/refunds", text(&paid, "id")),
            json!({"amount_minor": 1, "currency": "CNY"}),
        );
        let order = make("/v1/orders", json!({"amount_minor": 700, "currency": "CNY"}));
        let code = make("/v1/codes", json!({"name": "Till 1"}));
        let waiting = house.bill(&shop, 900);
        let tokens = [owner, cashier_token, risk, other_owner];
        let at = shop.id;
        let terminal = house.write(move |tx, means| {
            payments::shop::create_terminal(tx, means, at, &ShortText::parse("Till 1", 60).unwrap(), None)
        });
        Stage {
            house,
            shop,
            payer,
            stranger,
            cashier,
            tokens,
            decisions,
            other,
            operator,
            waiting,
            paused,
            reviewed,
            paid,
            refund,
            order,
            code,
            terminal: terminal.id,
            certificate: OnceCell::new(),
        }
    }

    fn send(&self, who: Who, request: Request) -> Answer {
        let [owner, cashier, risk, other_owner] = &self.tokens;
        let mut request = request;
        request.headers.remove("authorization");
        let request = match who {
            Who::Nobody => request,
            Payer => request.bearer(&self.payer.token),
            Stranger => request.bearer(&self.stranger.token),
            Owner => request.bearer(owner),
            Cashier => request.bearer(cashier),
            Risk => request.bearer(risk),
            OtherOwner => request.bearer(other_owner),
            Till => self.house.signed(&self.shop, request),
            Decisions => self.house.signed(&self.decisions, request),
            OtherTill => self.house.signed(&self.other, request),
            Operator => self.house.signed(&self.operator, request),
        };
        self.house.send(request)
    }

    fn payment(&self, payment: &Value, rest: &str) -> String {
        format!("/v1/payments/{}{rest}", text(payment, "id"))
    }

    /// A certificate of the shop's terminal, enrolled over HTTP as its people and the terminal would.
    fn certificate(&self) -> String {
        self.certificate.get_or_init(|| self.enrol()).clone()
    }

    fn enrol(&self) -> String {
        let [owner, ..] = &self.tokens;
        let path = format!("/v1/terminals/{}/enrolments", self.terminal);
        let made = self.house.send(Request::post(&path, &json!({})).bearer(owner));
        let body = json!({"code": text(&made.json(), "code"), "request": crate::mtls::request().1});
        let issued = self.house.send(Request::post("/v1/certificates", &body));
        assert_eq!(issued.status, 201, "{}", issued.json());
        text(&issued.json()["certificate"], "id")
    }

    fn person(&self) -> Person {
        Person::Buyer(self.payer.buyer)
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
        let number = format!("+86138{:08}", u32::from_le_bytes([a, b, c, d]) % 100_000_000);
        let origin = format!("{}.{b}.{c}.{d}", a.clamp(1, 223));
        let offer = self.house.write(move |tx, means| {
            let phone = identity::Phone::parse(&number).unwrap();
            identity::offer_sms(tx, means, person, &phone, (&origin, "pay.example"))
        });
        let texts = self.house.write(|tx, means| identity::take_due_on(tx, means, Channel::Sms, 10));
        let body = texts.last().expect("a text message").body.expose().clone();
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
        let made = self.send(Owner, post("/v1/exports".into(), export()));
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
        let made = self.house.send(self.house.signed(&self.shop, post(path.into(), body)));
        assert_eq!(made.status, 201, "{path}: {}", made.json());
        format!("{path}/{}{rest}", text(&made.json(), "id"))
    }

    fn confirmation(&self) -> Request {
        self.house.confirmation(&self.payer, &self.waiting, PIN, &key())
    }
}

/// A request for a code that was never made.
const NOBODYS_REQUEST: &str = "ses_0000000000000000000000000000";

struct Case {
    operation: &'static str,
    allowed: &'static [Who],
    request: fn(&Stage) -> Request,
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
    let case = |operation, allowed, request| Case { operation, allowed, request };
    let mut cases = powers::cases();
    cases.extend(vec![
        case("create_order", SELLERS, |_| {
            post("/v1/orders".into(), json!({"amount_minor": 1, "currency": "CNY"}))
        }),
        case("list_orders", READERS, |_| get("/v1/orders".into())),
        case("find_order", OWN_READERS, |s| get(format!("/v1/orders/{}", text(&s.order, "id")))),
        case("create_terminal", OWNERS, |_| post("/v1/terminals".into(), json!({"name": "Till 2"}))),
        case("list_terminals", READERS, |_| get("/v1/terminals".into())),
        case("create_payment", SELLERS, |_| {
            post("/v1/payments".into(), json!({"amount_minor": 1, "currency": "CNY"}))
        }),
        case("list_payments", READERS, |_| get("/v1/payments".into())),
        case("find_payment", SHOP_OR_PAYER, |s| get(s.payment(&s.paid, ""))),
        case("cancel_payment", OWN_SELLERS, |s| post(s.payment(&s.waiting, "/cancel"), json!({}))),
        case("find_proof", SHOP_OR_PAYER, |s| get(s.payment(&s.paid, "/proof"))),
        case("confirm_payment", BUYERS, Stage::confirmation),
        case("answer_challenge", &[Payer], |s| {
            post(s.payment(&s.paused, "/answer"), json!({"it_was_me": true, "pin": PIN}))
        }),
        case("list_own_payments", BUYERS, |_| get("/v1/me/payments".into())),
        case("create_refund", &[Owner, Till], |s| post(s.payment(&s.paid, "/refunds"), json!({}))),
        case("list_refunds", SHOP_OR_PAYER, |s| get(s.payment(&s.paid, "/refunds"))),
        case("find_refund", OWN_READERS, |s| get(format!("/v1/refunds/{}", text(&s.refund, "id")))),
        case("create_code", SELLERS, |_| post("/v1/codes".into(), json!({"name": "Till 2"}))),
        case("list_codes", READERS, |_| get("/v1/codes".into())),
        case("find_code", OWN_READERS, |s| get(format!("/v1/codes/{}", text(&s.code, "id")))),
        case("revoke_code", OWN_SELLERS, |s| {
            post(format!("/v1/codes/{}/revoke", text(&s.code, "id")), json!({}))
        }),
        case("find_code_image", OWN_READERS, |s| get(format!("/v1/codes/{}/image", text(&s.code, "id")))),
        case("scan_code", BUYERS, |s| {
            Request::post("/v1/codes/scan", &json!({"text": s.waiting["pay_url"]}))
        }),
        case("create_payment_from_code", BUYERS, |s| {
            let body = json!({"amount_minor": 1, "currency": "CNY"});
            post(format!("/v1/codes/{}/payments", text(&s.code, "id")), body)
        }),
        case("list_reviews", &[Owner, Risk, OtherOwner], |_| get("/v1/reviews".into())),
        case("decide_review", &[Owner, Risk], |s| {
            let body = json!({"approve": false, "note": "looked at"});
            post(format!("/v1/reviews/{}/decision", text(&s.reviewed, "id")), body)
        }),
        case("create_decision", &[Owner, Risk, Till, Decisions, OtherOwner, OtherTill], |_| {
            post("/v1/decisions".into(), json!({"amount_minor": 1, "currency": "CNY"}))
        }),
        case("find_decision", &[Owner, Risk], |s| {
            get(format!("/v1/decisions/{}", text(&s.paid, "decision")))
        }),
        case("create_top_up", &[Operator], |s| {
            let body = json!({"buyer": s.payer.buyer.to_string(), "amount_minor": 1, "currency": "CNY"});
            post("/v1/top_ups".into(), body)
        }),
        case("delete_buyer_session", BUYERS, |_| delete("/v1/buyer_sessions/current".into())),
        case("wake_buyer_session", BUYERS, |_| {
            Request::post("/v1/buyer_sessions/current/wake", &json!({"pin": PIN}))
        }),
        case("find_me", &[Payer, Stranger, Owner, Cashier, Risk, OtherOwner], |_| get("/v1/me".into())),
        case("update_pin", BUYERS, |_| {
            put("/v1/me/pin".into(), json!({"old_pin": PIN, "new_pin": "739264"}))
        }),
        case("create_pin_reset", BUYERS, |_| Request::post("/v1/me/pin/resets", &json!({}))),
        case("finish_pin_reset", BUYERS, |_| {
            let body = json!({"code": "000000", "new_pin": "739264"});
            Request::post(&format!("/v1/me/pin/resets/{NOBODYS_REQUEST}/finish"), &body)
        }),
        case("freeze_me", BUYERS, |_| Request::post("/v1/me/freeze", &json!({}))),
        case("list_my_sessions", PEOPLE, |_| get("/v1/me/sessions".into())),
        case("delete_my_session", &[Payer], |s| delete(format!("/v1/me/sessions/{}", s.payer.session))),
        case("delete_my_other_sessions", PEOPLE, |_| delete("/v1/me/sessions".into())),
        case("update_password", MEMBERS, |_| {
            put(
                "/v1/me/password".into(),
                json!({"old_password": "wrong", "new_password": "seven lamps under the bridge"}),
            )
        }),
        case("create_step_up", &[Payer], |s| {
            let code = s.recovery_code();
            Request::post("/v1/session/step-up", &json!({"kind": "recovery", "code": code}))
        }),
        case("send_step_up_code", BUYERS, |_| Request::new(Method::POST, "/v1/session/code")),
        case("list_my_factors", PEOPLE, |_| get("/v1/me/factors".into())),
        case("create_totp", PEOPLE, |_| Request::post("/v1/me/factors/totp", &json!({"label": "phone"}))),
        case("confirm_totp", &[Payer], |s| {
            let (id, code) = s.offered_app();
            Request::post(&format!("/v1/me/factors/totp/{id}/confirm"), &json!({ "code": code }))
        }),
        case("create_sms", PEOPLE, |_| {
            Request::post("/v1/me/factors/sms", &json!({"number": "+8613800138000"}))
        }),
        case("confirm_sms", &[Payer], |s| {
            let (id, request, code) = s.offered_number();
            let body = json!({"request": request.to_string(), "code": code});
            Request::post(&format!("/v1/me/factors/sms/{id}/confirm"), &body)
        }),
        case("delete_my_factor", &[Payer], |s| delete(format!("/v1/me/factors/{}", s.seeded_app()))),
        case("create_recovery_codes", PEOPLE, |s| {
            s.seeded_app();
            Request::new(Method::POST, "/v1/me/recovery_codes")
        }),
        case("delete_member_session", MEMBERS, |_| delete("/v1/member_sessions/current".into())),
        case("find_shop", MEMBERS, |_| get("/v1/shop".into())),
        case("create_member", OWNERS, |_| {
            let body = json!({"name": "Wang Wu", "email": "new@shop.example", "roles": ["cashier"]});
            Request::post("/v1/members", &body)
        }),
        case("list_members", &[Owner, Risk, OtherOwner], |_| get("/v1/members".into())),
        case("delete_member", &[Owner], |s| delete(format!("/v1/members/{}", s.cashier))),
        case("update_member_roles", &[Owner], |s| {
            put(format!("/v1/members/{}/roles", s.cashier), json!({"roles": ["risk"]}))
        }),
        case("create_passkey_registration", PEOPLE, |_| {
            Request::post("/v1/passkeys/registrations", &json!({}))
        }),
        case("finish_passkey_registration", PEOPLE, |_| {
            let body = json!({"pin": PIN, "credential": touched()});
            Request::post("/v1/passkeys/registrations/finish", &body)
        }),
        case("list_passkeys", PEOPLE, |_| get("/v1/passkeys".into())),
        case("delete_passkey", PEOPLE, |_| delete("/v1/passkeys/fac_0000000000000000000000000000".into())),
        case("create_passkey_step_up", PEOPLE, |_| Request::post("/v1/passkeys/step_up", &json!({}))),
        case("finish_passkey_step_up", PEOPLE, |_| {
            Request::post("/v1/passkeys/step_up/finish", &json!({"credential": touched()}))
        }),
        case("create_passkey_challenge", BUYERS, |s| {
            Request::post(&s.payment(&s.waiting, "/passkey_challenge"), &json!({}))
        }),
        case("create_api_key", OWNERS, |_| {
            Request::post("/v1/api_keys", &json!({"label": "till", "role": "integration"}))
        }),
        case("list_api_keys", OWNERS, |_| get("/v1/api_keys".into())),
        case("create_token", SELLING, |_| post("/v1/tokens".into(), card())),
        case("list_tokens", CUSTOMER_READERS, |_| get("/v1/tokens".into())),
        case("find_token", OWN_CUSTOMER_READERS, |s| get(s.token(""))),
        case("delete_token", &[Owner, Till], |s| delete(s.token(""))),
        case("open_token", &[Owner], |s| Request::post(&s.token("/open"), &why(json!({})))),
        case("list_token_openings", OWN_CUSTOMER_READERS, |s| get(s.token("/openings"))),
        case("create_customer", SELLING, |_| post("/v1/customers".into(), customer())),
        case("list_customers", CUSTOMER_READERS, |_| get("/v1/customers".into())),
        case("search_customers", CUSTOMER_READERS, |_| {
            Request::post("/v1/customers/search", &json!({"value": {"kind": "name", "value": "Li Hua"}}))
        }),
        case("find_customer", OWN_CUSTOMER_READERS, |s| get(s.customer(""))),
        case("erase_customer", &[Owner, Till], |s| delete(s.customer(""))),
        case("add_value", &[Owner, Till], |s| {
            post(s.customer("/values"), json!({"kind": "name", "value": "Li"}))
        }),
        case("remove_value", &[Owner, Till], |s| delete(s.customer("/values/2"))),
        case("open_customer", &[Owner, Risk], |s| {
            Request::post(&s.customer("/open"), &why(json!({"values": [1]})))
        }),
        case("list_customer_openings", OWN_CUSTOMER_READERS, |s| get(s.customer("/openings"))),
        case("find_opening_limits", AUDITORS, |_| get("/v1/openings/limits".into())),
        case("list_opening_alerts", AUDITORS, |_| get("/v1/openings/alerts".into())),
        case("update_opening_limits", &[Owner, OtherOwner, Operator], |_| {
            let body =
                json!({"person_hour": 1, "key_hour": 1, "shop_hour": 1, "alert_hour": 1, "alert_day": 1});
            put("/v1/openings/limits".into(), body)
        }),
        case("import_customers", SELLING, |_| table("/v1/imports/customers", "external_id,name\n1,Li\n")),
        case("import_cards", SELLING, |_| table("/v1/imports/cards", "external_id,number,expiry\n")),
        case("propose_export", OWNERS, |_| post("/v1/exports".into(), export())),
        case("list_exports", OWNERS, |_| get("/v1/exports".into())),
        case("find_export", &[Owner], |s| get(s.export(""))),
        case("take_export", &[Owner], |s| post(s.approved_export("/take"), json!({}))),
        case("fetch_export", &[Owner], |s| {
            let path = s.approved_export("");
            let taken = s.send(Owner, post(format!("{path}/take"), json!({})));
            assert!(taken.is_ok(), "{}", taken.json());
            get(format!("{path}/file"))
        }),
        case("delete_api_key", &[Owner], |s| delete(format!("/v1/api_keys/{}", s.shop.key))),
        case("create_api_key_enrolment", &[Owner], |s| {
            Request::post(&format!("/v1/api_keys/{}/enrolments", s.shop.key), &json!({}))
        }),
        case("create_terminal_enrolment", &[Owner], |s| {
            Request::post(&format!("/v1/terminals/{}/enrolments", s.terminal), &json!({}))
        }),
        case("list_certificates", OWNERS, |_| get("/v1/certificates".into())),
        case("delete_certificate", &[Owner], |s| delete(format!("/v1/certificates/{}", s.certificate()))),
        // Whoever runs the installation, as a person: `keys.rs`.
        case("list_keys", &[], |_| get("/v1/keys".into())),
        case("list_key_rotations", &[], |_| get("/v1/keys/rotations".into())),
        case("create_key_rotation", &[], |_| Request::post("/v1/keys/rotations", &json!({"level": "kek"}))),
        // Nobody here shows a certificate; `mtls.rs` has those who do.
        case("renew_certificate", &[], |_| {
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

/// Operations whose right request needs an authenticator: what they say to a caller who was let in and has none.
fn is_past_the_gate(operation: &str, answer: &Answer) -> bool {
    let expected: &[&str] = match operation {
        "finish_passkey_registration" | "finish_passkey_step_up" => &["passkey_stale"],
        // Whoever has a factor gives it again first: a session alone removes none and makes no codes.
        "delete_passkey" | "delete_my_factor" => &["step_up_needed", "not_found"],
        "create_recovery_codes" => &["step_up_needed", "conflict"],
        // The shop of the stage has nobody who could approve besides its owner.
        "reset_member_factors" => &["nobody_else"],
        "update_password" => &["password_wrong"],
        // The code that was sent is read in identity's own tests.
        "finish_pin_reset" => &["one_time_code_gone"],
        _ => &[],
    };
    answer.json()["error"]["code"].as_str().is_some_and(|code| expected.contains(&code))
}

#[test]
fn c10_every_operation_lets_in_whom_it_names_and_nobody_else() {
    for case in cases() {
        let stage = Stage::set();
        let (inside, outside): (Vec<Who>, Vec<Who>) =
            EVERYBODY.iter().partition(|who| case.allowed.contains(who));
        for who in outside {
            let answer = stage.send(who, (case.request)(&stage));
            let expected: &[u16] = if who == Who::Nobody { &[401] } else { &[401, 403, 404] };
            assert!(
                expected.contains(&answer.status),
                "{} by {who:?}: {} {}",
                case.operation,
                answer.status,
                answer.json()
            );
        }
        let is_read = (case.request)(&stage).method == Method::GET;
        for who in inside {
            let fresh = if is_read { None } else { Some(Stage::set()) };
            let stage = fresh.as_ref().unwrap_or(&stage);
            let answer = stage.send(who, (case.request)(stage));
            let let_in = answer.is_ok() || is_past_the_gate(case.operation, &answer);
            assert!(let_in, "{} by {who:?}: {} {}", case.operation, answer.status, answer.json());
            if matches!(who, OtherOwner | OtherTill) {
                let told = String::from_utf8_lossy(&answer.body).contains(stage.shop.id.short());
                assert!(!told, "AZ-4: {} tells {who:?} of another shop: {}", case.operation, answer.json());
            }
        }
    }
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
    let mut wanting = 0;
    for case in cases().iter().filter(|case| wants_key(case.operation)) {
        let mut request = (case.request)(&stage);
        assert!(request.headers.remove("idempotency-key").is_some(), "{}", case.operation);
        let answer = stage.send(case.allowed[0], request);
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
    let target = stage.payment(&stage.paid, "");
    for token in ["", "x", "twb_", "twm_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &"a".repeat(5_000)] {
        let answer = stage.house.send(Request::get(&target).bearer(token));
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{token}");
    }
    assert_eq!(stage.send(Payer, delete("/v1/buyer_sessions/current".into())).status, 204);
    assert_eq!(stage.send(Payer, Request::get(&target)).status, 401);
}
