//! A locked or forgotten PIN, set anew: what it takes, what the new one does for a day, and the link that freezes.

use base::{Currency, Money, Secret};
use identity::{FactorKind, Label, NewFactor, Person, PinCheck, Token, TokenKind};
use serde_json::json;

use crate::http::{Reply, Site, each_site};
use crate::world::{PIN, WRONG_PIN, code_in, pin};

const NEW_PIN: &str = "305871";
const DAY: i64 = 86_400;

impl Site {
    /// Asks for a code and returns the request with the code that came.
    fn ask_reset(&self, token: &str) -> (String, String) {
        self.world.deliver();
        let asked = self.post("/v1/me/pin/resets", Some(token), &json!({}));
        assert_eq!(asked.status, 202, "{}", asked.body);
        let mails = self.world.deliver();
        let mail = mails.iter().find(|mail| mail.template == "sent_code").unwrap();
        (asked.text("id"), code_in(&mail.body))
    }

    fn finish_reset(&self, token: &str, request: &str, code: &str, new: &str) -> Reply {
        let path = format!("/v1/me/pin/resets/{request}/finish");
        self.post(&path, Some(token), &json!({"code": code, "new_pin": new}))
    }

    /// Sets [`NEW_PIN`]: the answer, and the last part of the link in the notice.
    fn reset(&self, token: &str) -> (Reply, String) {
        let (request, code) = self.ask_reset(token);
        let done = self.finish_reset(token, &request, &code, NEW_PIN);
        assert_eq!(done.status, 200, "{}", done.body);
        let mails = self.world.deliver();
        let mail = mails.iter().find(|mail| mail.template == "pin_reset").unwrap();
        let body = mail.body.expose();
        let link = body.split("https://pay.example/freeze/").nth(1).unwrap();
        (done, link.split_whitespace().next().unwrap().to_owned())
    }

    fn pay_pin(&self, buyer: base::BuyerId, digits: &'static str, minor: i64, code: &str) -> PinCheck {
        let amount = Money::new(minor, code.parse::<Currency>().unwrap());
        let check = self
            .world
            .write(move |tx, means| identity::verify_payment_pin(tx, means, buyer, &pin(digits), amount));
        check.unwrap()
    }

    /// Signs in with a code and the app.
    fn enter(&self, key: &base::Secret<Vec<u8>>) -> String {
        let asked = self.post("/v1/buyer_sessions", None, &json!({"contact": "a@b.example"}));
        let mails = self.world.deliver();
        let code = code_in(&mails.iter().find(|mail| mail.template == "code").unwrap().body);
        let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
        let first = self.post(&path, None, &json!({ "code": code }));
        let step = json!({"token": first.text("token"), "kind": "totp", "code": self.app_code(key)});
        let done = self.post("/v1/second_steps", None, &step);
        assert!(done.status < 300, "{} after {}", done.body, first.body);
        done.text("token")
    }

    fn lock(&self, token: &str) {
        for _ in 0..5 {
            self.post("/v1/buyer_sessions/current/wake", Some(token), &json!({ "pin": WRONG_PIN }));
        }
    }
}

fn id_of(reply: &Reply) -> base::BuyerId {
    reply.text("buyer").parse().unwrap()
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[test]
fn pin_2_a_locked_pin_is_set_anew_by_its_buyer_and_the_old_one_is_gone() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let (token, buyer) = (signed_in.text("token"), id_of(&signed_in));
        site.lock(&token);
        let mails = site.world.deliver();
        assert!(mails.iter().any(|mail| mail.template == "pin_locked"), "the buyer hears of the lock");
        assert_eq!(site.pay_pin(buyer, PIN, 1, "CNY"), PinCheck::Locked);
        let (done, _) = site.reset(&token);
        assert_eq!(
            (done.body["payments_left"].as_i64(), done.text("session")),
            (Some(0), signed_in.text("session"))
        );
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401, "the session goes on under a new token");
        let token = done.text("token");
        let me = site.get("/v1/me", Some(&token));
        assert_eq!((me.status, me.body["pin_locked"].as_bool()), (200, Some(false)));
        assert_eq!(site.pay_pin(buyer, PIN, 1, "CNY"), PinCheck::Wrong { left: 4 }, "the old PIN is gone");
        assert_eq!((site.world.audited("pin.reset"), site.world.audited("code.requested")), (1, 2));
    });
}

#[test]
fn pin_2_with_a_code_alone_the_new_pin_pays_nothing_for_a_day_and_then_five_small_amounts_in_all() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let buyer = id_of(&signed_in);
        let (done, _) = site.reset(&signed_in.text("token"));
        assert_eq!(done.body["held_after"], json!(true));
        let until = Some(site.world.now().plus_seconds(DAY));
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1, "CNY"), PinCheck::Cooling { until });
        assert_eq!(site.pay_pin(buyer, WRONG_PIN, 1, "CNY"), PinCheck::Wrong { left: 4 });
        site.world.wait(DAY - 1);
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1, "CNY"), PinCheck::Cooling { until });
        site.world.wait(1);
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 20_001, "CNY"), HELD, "one past the limit");
        for _ in 0..4 {
            assert_eq!(site.pay_pin(buyer, NEW_PIN, 20_000, "CNY"), PinCheck::Right);
        }
        // Set anew once more, it has no more small payments than it had.
        let (request, code) = site.ask_reset(&done.text("token"));
        assert_eq!(site.finish_reset(&done.text("token"), &request, &code, "618204").status, 200);
        site.world.wait(DAY);
        assert_eq!(site.pay_pin(buyer, "618204", 1, "CNY"), PinCheck::Right);
        for _ in 0..2 {
            assert_eq!(site.pay_pin(buyer, "618204", 1, "CNY"), HELD, "the sixth, and those after it");
            site.world.wait(400 * DAY);
        }
    });
}

/// Held back until something stronger than the contact says who the buyer is.
const HELD: PinCheck = PinCheck::Cooling { until: None };

#[test]
fn pin_2_a_factor_of_thirty_days_ends_what_a_code_alone_left_held_back() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let buyer = id_of(&signed_in);
        let (done, _) = site.reset(&signed_in.text("token"));
        site.enrol(&done.text("token"));
        site.world.wait(30 * DAY - 1);
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1_000_000, "CNY"), HELD);
        let held = site.world.read(|tx, means| identity::find_cooling(tx, means, buyer)).unwrap().unwrap();
        assert_eq!((held.until, held.payments_left, held.is_held_after), (None, 5, true));
        site.world.wait(1);
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1_000_000, "CNY"), PinCheck::Right);
        assert_eq!(site.world.read(|tx, means| identity::find_cooling(tx, means, buyer)).unwrap(), None);
        let person = identity::Person::Buyer(buyer);
        site.world
            .write(move |tx, means| {
                let all = identity::factors::list_factors(tx, person)?;
                let app = all.iter().find(|factor| factor.kind == identity::FactorKind::Totp).unwrap().id;
                identity::factors::remove_factor(tx, means, person, person, app)
            })
            .unwrap();
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1_000_000, "CNY"), PinCheck::Right, "it is over for good");
    });
}

#[test]
fn pin_2_the_operator_says_who_a_buyer_is_and_the_new_pin_pays_as_usual() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let buyer = id_of(&signed_in);
        let confirm = |id| {
            let confirm = move |tx: &mut store::Tx<'_>, means: &identity::Means<'_>| {
                identity::confirm_buyer(tx, means, &identity::Actor::Operator, id)
            };
            site.world.write(confirm)
        };
        assert_eq!(confirm(buyer), Ok(()), "nothing is held back");
        assert_eq!(site.world.audited("buyer.confirmed"), 0);
        site.reset(&signed_in.text("token"));
        site.world.wait(DAY);
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1_000_000, "CNY"), HELD);
        assert_eq!(confirm(buyer), Ok(()));
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1_000_000, "CNY"), PinCheck::Right);
        assert!(site.world.deliver().iter().any(|mail| mail.template == "buyer_confirmed"));
        assert_eq!(site.world.audited("buyer.confirmed"), 1);
        site.world
            .write(move |tx, means| identity::erase_buyer(tx, means, &identity::Actor::Operator, buyer))
            .unwrap();
        assert_eq!(confirm(buyer), Err(identity::BuyerError::NotFound));
    });
}

#[test]
fn pin_2_a_thief_of_the_mailbox_adds_no_passkey_by_way_of_an_app() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let (token, _, _) = site.enrol(&signed_in.text("token"));
        // Not knowing the PIN, nor with one that was set by the mailbox.
        let add = |token: &str, pin: Option<&str>| {
            let mut body = json!({"credential": crate::http::touched()});
            if let Some(pin) = pin {
                body["pin"] = json!(pin);
            }
            site.post("/v1/passkeys/registrations/finish", Some(token), &body)
        };
        assert_eq!(add(&token, None).status, 400);
        assert_eq!(add(&token, Some(WRONG_PIN)).code(), "pin_wrong");
        let (done, _) = site.reset(&token);
        assert_eq!(add(&done.text("token"), Some(NEW_PIN)).code(), "pin_cooling");
        site.world.wait(DAY);
        let held = site.pay_pin(id_of(&signed_in), NEW_PIN, 20_001, "CNY");
        assert_eq!(held, HELD, "the app is no older than the theft");
    });
}

#[test]
fn pin_2_after_an_app_of_thirty_days_the_new_pin_pays_five_small_amounts_and_no_more() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let buyer = id_of(&signed_in);
        let (_, key, _) = site.enrol(&signed_in.text("token"));
        site.world.wait(30 * DAY);
        let token = site.enter(&key);
        site.world.wait(900);
        // The second factor was given a while ago: it is asked for again, before a code is sent.
        let refused = site.post("/v1/me/pin/resets", Some(&token), &json!({}));
        assert_eq!(refused.code(), "step_up_needed");
        let step = json!({"kind": "totp", "code": site.app_code(&key)});
        let token = site.post("/v1/session/step-up", Some(&token), &step).text("token");
        let (done, _) = site.reset(&token);
        assert_eq!((done.body["payments_left"].as_i64(), &done.body["held_after"]), (Some(5), &json!(false)));
        let until = Some(site.world.now().plus_seconds(DAY));
        assert_eq!(
            site.pay_pin(buyer, NEW_PIN, 20_001, "CNY"),
            PinCheck::Cooling { until },
            "one past the limit"
        );
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1, "KWD"), PinCheck::Cooling { until }, "no limit is known");
        for code in ["CNY", "CNY", "CNY", "CNY"] {
            assert_eq!(site.pay_pin(buyer, NEW_PIN, 20_000, code), PinCheck::Right);
        }
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 3_000, "EUR"), PinCheck::Right);
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1, "CNY"), PinCheck::Cooling { until }, "the sixth");
        // Another PIN, chosen with the held one, is held as well.
        let change = json!({"old_pin": NEW_PIN, "new_pin": "618204"});
        let changed =
            site.send(axum::http::Method::PUT, "/v1/me/pin", Some(&done.text("token")), Some(&change));
        assert_eq!(changed.status, 204);
        assert_eq!(site.pay_pin(buyer, "618204", 1, "CNY"), PinCheck::Cooling { until });
        site.world.wait(DAY);
        assert_eq!(site.pay_pin(buyer, "618204", 1_000_000, "CNY"), PinCheck::Right);
    });
}

#[test]
fn pin_2_nothing_is_said_to_be_held_after_the_day_where_a_factor_of_thirty_days_ends_it() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let buyer = id_of(&signed_in);
        let (_, key, _) = site.enrol(&signed_in.text("token"));
        // A number beside the app may be stolen with the mailbox, so the PIN rests on the code alone.
        site.world
            .write(move |tx, means| {
                let (label, secret) = (Label::from_agent("mine"), Secret::new(b"+8613800138042".to_vec()));
                let new = NewFactor { kind: FactorKind::Sms, label: &label, secret: &secret };
                identity::factors::seed_factor(tx, means, Person::Buyer(buyer), &new)
            })
            .unwrap();
        let reset_after = |wait: i64| {
            site.world.wait(wait);
            let token = site.enter(&key);
            let (request, code) = site.ask_reset(&token);
            let done = site.finish_reset(&token, &request, &code, NEW_PIN);
            assert_eq!((done.status, done.body["payments_left"].as_i64()), (200, Some(0)), "{}", done.body);
            let mails = site.world.deliver();
            let mail = mails.iter().find(|mail| mail.template == "pin_reset").unwrap();
            (done.body["held_after"].clone(), mail.body.expose().contains("until a second step"))
        };
        assert_eq!(reset_after(30 * DAY - 1), (json!(true), true), "the app is a second too young");
        assert_eq!(reset_after(1), (json!(false), false));
        site.world.wait(DAY);
        assert_eq!(site.pay_pin(buyer, NEW_PIN, 1_000_000, "CNY"), PinCheck::Right);
    });
}

#[test]
fn pin_2_a_factor_that_came_with_the_mailbox_counts_for_nothing() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let (token, _, _) = site.enrol(&signed_in.text("token"));
        let (done, _) = site.reset(&token);
        assert_eq!(done.body["payments_left"].as_i64(), Some(0), "the app is younger than a month");
    });
}

#[test]
fn otp_4_a_code_for_a_new_pin_serves_once_for_its_own_session_and_five_tries() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let token = signed_in.text("token");
        let (request, code) = site.ask_reset(&token);
        assert_eq!(site.finish_reset(&token, &request, &code, "123456").code(), "invalid_request");
        for left in (1..5).rev() {
            let refused = site.finish_reset(&token, &request, &wrong(&code), NEW_PIN);
            assert_eq!(refused.code(), "one_time_code_wrong");
            assert!(refused.body["error"]["message"].as_str().unwrap().contains(&left.to_string()));
        }
        let stranger = site.buyer("c@d.example").text("token");
        assert_eq!(site.finish_reset(&stranger, &request, &code, NEW_PIN).status, 403, "another buyer's");
        assert_eq!(site.finish_reset(&token, &request, &code, NEW_PIN).code(), "one_time_code_gone");
        let (request, code) = site.ask_reset(&token);
        site.world.wait(600);
        assert_eq!(site.finish_reset(&token, &request, &code, NEW_PIN).code(), "one_time_code_gone");
        assert_eq!(site.post("/v1/me/pin/resets", None, &json!({})).status, 401);
        assert_eq!(site.world.audited("pin.reset"), 0);
    });
}

#[test]
fn c15_every_other_session_ends_and_the_link_of_the_notice_freezes_once() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let asked = site.post("/v1/buyer_sessions", None, &json!({"contact": "a@b.example"}));
        let code = code_in(&site.world.deliver().last().unwrap().body);
        let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
        let other = site.post(&path, None, &json!({ "code": code })).text("token");
        let (done, link) = site.reset(&other);
        assert_eq!(site.get("/v1/me", Some(&signed_in.text("token"))).status, 401);
        assert!(Token::parse(TokenKind::Dispute, &link).is_some());
        let made_up = link.replace(&link[10..12], if link[10..12] == *"AA" { "BB" } else { "AA" });
        for bad in ["", "twx_1", made_up.as_str()] {
            let refused = site.post("/v1/freeze_links", None, &json!({ "token": bad }));
            assert_eq!((refused.status, refused.code()), (409, "link_gone"), "{bad}");
        }
        assert_eq!(site.post("/v1/freeze_links", None, &json!({ "token": link })).status, 204);
        assert_eq!(site.get("/v1/me", Some(&done.text("token"))).status, 401, "the thief is out");
        let buyer = id_of(&signed_in);
        let found = site.world.read(|tx, _| identity::find_buyer(tx, buyer)).unwrap().unwrap();
        assert_eq!((found.state, found.pin_locked), (identity::BuyerState::Held, true));
        assert!(site.world.deliver().iter().any(|mail| mail.template == "frozen"));
        assert_eq!(site.post("/v1/freeze_links", None, &json!({ "token": link })).code(), "link_gone");
        assert_eq!(site.world.audited("pin.disputed"), 1);
    });
}

#[test]
fn a_frozen_account_gets_no_new_pin_and_a_held_back_pin_neither_thaws_nor_adds_a_passkey() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let (done, _) = site.reset(&signed_in.text("token"));
        let token = done.text("token");
        let passkey = |token: &str| {
            let body = json!({"pin": NEW_PIN, "credential": crate::http::touched()});
            site.post("/v1/passkeys/registrations/finish", Some(token), &body)
        };
        assert_eq!(passkey(&token).code(), "pin_cooling");
        assert_eq!(site.post("/v1/me/freeze", Some(&token), &json!({})).status, 204);
        let refused = site.post("/v1/me/pin/resets", Some(&token), &json!({}));
        assert_eq!((refused.status, refused.code()), (403, "account_not_active"));
        let session = site.session(&token);
        let thawed = site.world.write(move |tx, means| identity::thaw(tx, means, &session, &pin(NEW_PIN)));
        assert!(matches!(thawed, Ok(identity::Thaw::Refused(PinCheck::Cooling { .. }))), "{thawed:?}");
    });
}

#[test]
fn a_link_ends_after_a_week_and_an_erased_buyers_at_once() {
    each_site(|site| {
        let signed_in = site.buyer("a@b.example");
        let (done, link) = site.reset(&signed_in.text("token"));
        site.world.wait(7 * DAY - 1);
        let token = Token::parse(TokenKind::Dispute, &link).unwrap();
        let find = |token: &Token| site.world.read(|tx, means| identity::find_dispute(tx, token, means.now));
        assert!(find(&token).is_ok());
        site.world.wait(1);
        assert_eq!(find(&token), Err(identity::DisputeError::Gone));
        let (_, link) = site.reset(&done.text("token"));
        let (buyer, token) = (id_of(&signed_in), Token::parse(TokenKind::Dispute, &link).unwrap());
        assert!(find(&token).is_ok());
        site.world
            .write(move |tx, means| identity::erase_buyer(tx, means, &identity::Actor::Operator, buyer))
            .unwrap();
        assert_eq!(find(&token), Err(identity::DisputeError::Gone));
    });
}
