//! Buyers by phone, and a contact that is changed.

use base::ShopId;
use identity::cases::{Cause, Listed, list_cases};
use identity::{Actor, BuyerState, Channel, Contact, DueMail, Fault};
use serde_json::json;

use crate::http::{Reply, Site, each_site};
use crate::world::{PIN, WRONG_PIN, World, code_in, each_world};

const NUMBER: &str = "+86 138 0013 8042";
const KEPT: &str = "+8613800138042";
const FREEZE: &str = "https://pay.example/freeze/";

/// A site with a gateway for text messages.
fn each_texting(test: impl Fn(Site)) {
    each_world(|world| {
        let cx = identity::Context { sends_texts: true, ..world.cx.clone() };
        test(Site::new(World { cx }));
    });
}

impl World {
    fn texts(&self) -> Vec<DueMail> {
        self.write(|tx, means| {
            let texts = identity::take_due_on(tx, means, Channel::Sms, 100)?;
            for text in &texts {
                identity::mark_sent(tx, text.shop, &text.id)?;
            }
            Ok::<_, Fault>(texts)
        })
        .unwrap()
    }
}

/// Signs up by number.
fn by_phone(site: &Site) -> Reply {
    let asked = site.post("/v1/buyers", None, &json!({"name": "Zhang San", "contact": NUMBER, "pin": PIN}));
    assert_eq!(asked.status, 202, "{}", asked.body);
    let texts = site.world.texts();
    assert_eq!(texts[0].recipient.expose(), KEPT);
    assert!(site.world.deliver().is_empty(), "nothing goes by mail");
    let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
    let reply = site.post(&path, None, &json!({"code": code_in(&texts[0].body)}));
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply
}

#[test]
fn a_buyer_signs_up_and_in_with_a_number_however_it_is_typed() {
    each_texting(|site| {
        let signed_in = by_phone(&site);
        let me = site.get("/v1/me", Some(&signed_in.text("token")));
        assert_eq!(me.text("contact"), KEPT);
        let ask = |typed: &str| site.post("/v1/buyer_sessions", None, &json!({ "contact": typed }));
        let asked = ask("0086-138-0013-8042");
        let texts = site.world.texts();
        let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
        let again = site.post(&path, None, &json!({"code": code_in(&texts[0].body)}));
        assert_eq!(again.text("buyer"), signed_in.text("buyer"));
        assert_eq!(site.world.texts()[0].template, "new_device", "notices go to the number too");
        let unknown = ask("+8613800138043");
        assert_eq!((unknown.status, site.world.texts().len()), (202, 0), "the same answer, and no text");
        assert_eq!(ask("13800138042").status, 400, "a number needs its country");
    });
}

#[test]
fn otp_7_a_code_by_text_ends_with_the_line_that_browsers_read_for_this_host_alone() {
    each_texting(|site| {
        site.post("/v1/buyers", None, &json!({"name": "Zhang San", "contact": NUMBER, "pin": PIN}));
        let text = site.world.texts()[0].body.expose().clone();
        let code = code_in(&base::Secret::new(text.clone()));
        assert_eq!(text.lines().last(), Some(format!("@pay.example #{code}").as_str()));
    });
}

#[test]
fn a_number_is_no_contact_where_no_text_messages_go_out() {
    each_site(|site| {
        let body = json!({"name": "Zhang San", "contact": NUMBER, "pin": PIN});
        assert_eq!(site.post("/v1/buyers", None, &body).status, 400);
        assert_eq!(site.post("/v1/buyer_sessions", None, &json!({ "contact": NUMBER })).status, 400);
        assert!(site.world.texts().is_empty());
    });
}

#[test]
fn pin_1_a_pin_that_is_part_of_the_number_is_refused() {
    each_texting(|site| {
        let body = json!({"name": "Zhang San", "contact": "+86 139 4829 1600", "pin": PIN});
        assert_eq!(site.post("/v1/buyers", None, &body).status, 400);
    });
}

#[test]
fn otp_4_texts_to_whomever_are_limited_by_address() {
    each_texting(|site| {
        let mut taken = 0;
        for n in 0..31 {
            let contact = format!("+86138001{n:05}");
            let world = &site.world;
            let asked = world.write(move |tx, means| {
                let from = identity::Knock { origin: "198.51.100.1", host: "pay.example", device: None };
                let contact = Contact::parse(&contact).unwrap();
                identity::request_sign_in(tx, means, &contact, webkit::page::Lang::En, from)
            });
            taken += usize::from(asked.is_ok());
        }
        assert_eq!(taken, 30);
    });
}

impl Site {
    fn ask_change(&self, token: &str, contact: &str, pin: &str) -> Reply {
        self.post("/v1/me/contact_changes", Some(token), &json!({"contact": contact, "pin": pin}))
    }

    fn finish_change(&self, token: &str, request: &str, contact: &str, code: &str) -> Reply {
        let path = format!("/v1/me/contact_changes/{request}/finish");
        self.post(&path, Some(token), &json!({"contact": contact, "code": code}))
    }
}

#[test]
fn c15_a_contact_is_changed_with_proof_pin_and_the_new_ones_code_and_the_old_one_is_told() {
    each_texting(|site| {
        let signed_in = site.buyer("a@b.example");
        let token = signed_in.text("token");
        let buyer: base::BuyerId = site.get("/v1/me", Some(&token)).text("id").parse().unwrap();
        let known = site.world.read(|tx, _| identity::find_buyer(tx, buyer)).unwrap().unwrap();
        assert_eq!(known.contact_changed, None, "the first contact comes with the account");
        assert_eq!(site.ask_change(&token, NUMBER, WRONG_PIN).code(), "pin_wrong");
        let asked = site.ask_change(&token, NUMBER, PIN);
        assert_eq!(asked.status, 202, "{}", asked.body);
        let (request, code) = (asked.text("id"), code_in(&site.world.texts()[0].body));
        let other = site.finish_change(&token, &request, "+8613800138043", &code);
        assert_eq!(other.code(), "one_time_code_wrong", "the code is for one contact");
        site.world.deliver();
        let done = site.finish_change(&token, &request, NUMBER, &code);
        assert_eq!(done.status, 200, "{}", done.body);
        let told = |all: &[DueMail]| all.iter().filter(|mail| mail.template == "contact_changed").count();
        let (mails, texts) = (site.world.deliver(), site.world.texts());
        assert_eq!((told(&mails), told(&texts)), (1, 1), "the old one and the new one");
        assert_eq!(mails[0].recipient.expose(), "a@b.example");
        assert!(mails[0].body.expose().contains(FREEZE), "the old one can stop it");
        assert!(!texts[0].body.expose().contains(FREEZE), "the new one cannot");
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401, "the session goes on under a new token");
        let me = site.get("/v1/me", Some(&done.text("token")));
        assert_eq!(me.text("contact"), KEPT);
        site.post("/v1/buyer_sessions", None, &json!({"contact": "a@b.example"}));
        assert!(site.world.deliver().is_empty(), "the old one opens nothing any more");
        site.post("/v1/buyer_sessions", None, &json!({ "contact": NUMBER }));
        assert_eq!(site.world.texts().len(), 1);
        assert_eq!(
            site.finish_change(&done.text("token"), &request, NUMBER, &code).code(),
            "one_time_code_gone"
        );
        assert_eq!(site.world.audited("buyer.contact_changed"), 1);
    });
}

#[test]
fn v7_5_1_a_contact_is_not_changed_by_an_old_proof_nor_to_somebody_elses() {
    each_texting(|site| {
        let token = site.buyer("a@b.example").text("token");
        site.buyer("c@d.example");
        let asked = site.ask_change(&token, "c@d.example", PIN);
        assert_eq!(asked.status, 202, "whether it is known shows nowhere");
        let mails = site.world.deliver();
        let code = code_in(&mails.iter().rfind(|mail| mail.template == "sent_code").unwrap().body);
        let taken = site.finish_change(&token, &asked.text("id"), "c@d.example", &code);
        assert_eq!(taken.status, 409, "{}", taken.body);
        assert_eq!(site.get("/v1/me", Some(&token)).text("contact"), "a@b.example");
        for _ in 0..4 {
            site.world.wait(240);
            site.get("/v1/me", Some(&token));
        }
        assert_eq!(site.ask_change(&token, "new@b.example", PIN).code(), "step_up_needed");
        assert_eq!(site.post("/v1/me/contact_changes", None, &json!({})).status / 100, 4);
    });
}

/// Moves an account to another address; the last part of the link that went to the old one.
fn moved(site: &Site, from: &'static str, to: &str) -> (String, String) {
    let token = site.buyer(from).text("token");
    let asked = site.ask_change(&token, to, PIN);
    let mails = site.world.deliver();
    let code = code_in(&mails.iter().rfind(|mail| mail.template == "sent_code").unwrap().body);
    let done = site.finish_change(&token, &asked.text("id"), to, &code);
    assert_eq!(done.status, 200, "{}", done.body);
    let mails = site.world.deliver();
    let told = mails.iter().find(|mail| mail.recipient.expose() == from).unwrap();
    let link = told.body.expose().split(FREEZE).nth(1).unwrap();
    (done.text("token"), link.split_whitespace().next().unwrap().to_owned())
}

/// Asks for a code at the door, and the code that came, if one did.
fn knock(site: &Site, contact: &str) -> (String, Option<String>) {
    let asked = site.post("/v1/buyer_sessions", None, &json!({ "contact": contact }));
    let mails = site.world.deliver();
    (asked.text("id"), mails.iter().find(|mail| mail.template == "code").map(|mail| code_in(&mail.body)))
}

#[test]
fn c16_the_link_at_the_old_contact_freezes_once_and_the_new_one_opens_nothing_any_more() {
    each_site(|site| {
        let (token, link) = moved(&site, "a@b.example", "thief@b.example");
        let buyer: base::BuyerId = site.get("/v1/me", Some(&token)).text("id").parse().unwrap();
        let (request, on_its_way) = knock(&site, "thief@b.example");
        let press = || site.post("/v1/freeze_links", None, &json!({ "token": link }));
        assert_eq!(press().status, 204);
        assert_eq!(press().code(), "link_gone", "once");
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401, "signed out");
        let path = format!("/v1/buyer_sessions/{request}/verify");
        let late = site.post(&path, None, &json!({"code": on_its_way.unwrap()}));
        assert_eq!(late.code(), "one_time_code_wrong", "nor with a code that was on its way");
        assert_eq!(knock(&site, "thief@b.example").1, None);
        let state = || site.world.read(|tx, _| identity::find_buyer(tx, buyer)).unwrap().unwrap();
        assert_eq!((state().state, state().pin_locked), (BuyerState::Held, true));
        assert!(state().contact_changed.is_some(), "screening knows that the contact is new");
        let audited = |action| site.world.audited(action);
        assert_eq!(
            (audited("buyer.contact_disputed"), audited("buyer.frozen"), audited("pin.disputed")),
            (1, 1, 0)
        );
        let of_house =
            || site.world.read(|tx, _| list_cases(tx, &Actor::Operator, ShopId::HOUSE, (Listed::Open, 9)));
        let cases = of_house().unwrap();
        let found: Vec<_> = cases.iter().map(|case| (case.cause, case.buyer(), case.payment())).collect();
        assert_eq!((found, audited("case.opened")), (vec![(Cause::Contact, Some(buyer), None)], 1));

        let own = Contact::parse("a@b.example").unwrap();
        let put = site.world.write(move |tx, means| {
            identity::put_contact_as_operator(tx, means, (buyer, &own), "https://pay.example")
        });
        assert_eq!(put, Ok(()), "whoever runs the installation gives it back");
        assert!(knock(&site, "a@b.example").1.is_some());
        assert_eq!(state().state, BuyerState::Held, "and frees it by hand");
        assert_eq!(site.world.audited("buyer.contact_changed"), 2);
    });
}

#[test]
fn c16_a_link_of_a_changed_contact_outlives_the_next_change_and_ends_after_a_week() {
    each_site(|site| {
        let (token, link) = moved(&site, "a@b.example", "thief@b.example");
        let asked = site.ask_change(&token, "other@b.example", PIN);
        let mails = site.world.deliver();
        let code = code_in(&mails.iter().rfind(|mail| mail.template == "sent_code").unwrap().body);
        assert_eq!(site.finish_change(&token, &asked.text("id"), "other@b.example", &code).status, 200);
        let found = |link: &str| {
            let token = identity::Token::parse(identity::TokenKind::Dispute, link).unwrap();
            let (now, found) = (
                site.world.now(),
                site.world
                    .read(|tx, _| Ok::<_, Fault>(tx.query("SELECT about FROM dispute_links", &[])?.len())),
            );
            (site.world.read(|tx, _| identity::find_dispute(tx, &token, now)).is_ok(), found.unwrap())
        };
        assert_eq!(found(&link), (true, 2));
        site.world.wait(7 * 86_400 - 1);
        assert!(found(&link).0);
        site.world.wait(1);
        assert!(!found(&link).0);
    });
}

#[test]
fn pw_5_a_code_that_was_on_its_way_to_a_given_up_contact_opens_nothing() {
    each_site(|site| {
        site.buyer("a@b.example");
        let (request, code) = knock(&site, "a@b.example");
        moved_by(&site, "a@b.example");
        let path = format!("/v1/buyer_sessions/{request}/verify");
        let late = site.post(&path, None, &json!({"code": code.unwrap()}));
        assert_eq!(late.code(), "one_time_code_wrong", "{}", late.body);
    });
}

/// Changes a contact as whoever runs the installation.
fn moved_by(site: &Site, from: &str) {
    let (from, to) = (Contact::parse(from).unwrap(), Contact::parse("new@b.example").unwrap());
    let done = site.world.write(move |tx, means| {
        let buyer = identity::find_buyer_by_contact(tx, means.vault, &from)?.unwrap();
        identity::put_contact_as_operator(tx, means, (buyer, &to), "https://pay.example")
    });
    assert_eq!(done, Ok(()));
}

impl Site {
    fn offer_number(&self, token: &str, number: &str) -> Reply {
        self.post("/v1/me/factors/sms", Some(token), &json!({ "number": number }))
    }

    /// Gives the code that came to an offered number.
    fn confirm_number(&self, token: &str, offer: &Reply, code: &str) -> Reply {
        let path = format!("/v1/me/factors/sms/{}/confirm", offer.text("id"));
        self.post(&path, Some(token), &json!({"request": offer.text("request"), "code": code}))
    }

    fn counts(&self, buyer: base::BuyerId) -> bool {
        let person = identity::Person::Buyer(buyer);
        self.world.read(|tx, means| identity::factors::has_second_factor(tx, means.vault, person)).unwrap()
    }
}

#[test]
fn c07_the_number_of_the_account_is_no_second_factor() {
    each_texting(|site| {
        let token = by_phone(&site).text("token");
        for typed in [NUMBER, KEPT, "0086-138-0013-8042"] {
            let refused = site.offer_number(&token, typed);
            assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{}", refused.body);
            assert!(refused.body.to_string().contains("contact of the account"), "{}", refused.body);
        }
        assert!(site.world.texts().is_empty(), "and no code goes out");
        assert_eq!(site.offer_number(&token, "+8613800138043").status, 202);
    });
}

#[test]
fn c07_a_number_that_became_the_contact_while_it_was_offered_is_no_second_factor() {
    each_texting(|site| {
        let token = site.buyer("a@b.example").text("token");
        let offer = site.offer_number(&token, NUMBER);
        let code = code_in(&site.world.texts()[0].body);
        let (from, to) = (Contact::parse("a@b.example").unwrap(), Contact::parse(NUMBER).unwrap());
        site.world
            .write(move |tx, means| {
                let buyer = identity::find_buyer_by_contact(tx, means.vault, &from)?.unwrap();
                identity::put_contact_as_operator(tx, means, (buyer, &to), "https://pay.example")
            })
            .unwrap();
        let asked = site.post("/v1/buyer_sessions", None, &json!({ "contact": NUMBER }));
        let texts = site.world.texts();
        let entry = texts.iter().rfind(|text| text.template == "code").unwrap();
        let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
        let token = site.post(&path, None, &json!({"code": code_in(&entry.body)})).text("token");
        assert_eq!(site.confirm_number(&token, &offer, &code).status, 400);
    });
}

#[test]
fn c07_a_contact_cannot_become_the_number_of_the_second_factor() {
    each_texting(|site| {
        let signed_in = site.buyer("a@b.example");
        let buyer: base::BuyerId = signed_in.text("buyer").parse().unwrap();
        let token = signed_in.text("token");
        let offer = site.offer_number(&token, NUMBER);
        let code = code_in(&site.world.texts()[0].body);
        let done = site.confirm_number(&token, &offer, &code);
        assert_eq!(done.status, 200, "{}", done.body);
        let token = done.body["session"]["token"].as_str().unwrap().to_owned();
        assert!(site.counts(buyer));
        site.world.texts();
        let refused = site.ask_change(&token, NUMBER, PIN);
        assert_eq!((refused.status, refused.code()), (409, "conflict"), "{}", refused.body);
        assert!(!site.world.texts().iter().any(|text| text.template == "sent_code"), "no code goes out");
        let to = Contact::parse(NUMBER).unwrap();
        let put = site.world.write(move |tx, means| {
            identity::put_contact_as_operator(tx, means, (buyer, &to), "https://pay.example")
        });
        assert_eq!(put, Err(identity::BuyerError::ContactIsFactor), "nor by whoever runs the installation");
        assert_eq!(site.ask_change(&token, "+8613800138043", PIN).status, 202);
    });
}

#[test]
fn c07_one_telephone_that_was_kept_as_both_counts_once() {
    each_texting(|site| {
        let signed_in = by_phone(&site);
        let buyer: base::BuyerId = signed_in.text("buyer").parse().unwrap();
        let person = identity::Person::Buyer(buyer);
        // As accounts have it from before such numbers were refused.
        site.world
            .write(move |tx, means| {
                let (label, secret) =
                    (identity::Label::from_agent("mine"), base::Secret::new(KEPT.as_bytes().to_vec()));
                let kind = identity::FactorKind::Sms;
                let new = identity::NewFactor { kind, label: &label, secret: &secret };
                identity::factors::add_factor(tx, means, person, &new)
            })
            .unwrap();
        assert!(!site.counts(buyer));
        let shop = identity::Shop { buyer_factor_above_minor: Some(0), ..site.world.shop() };
        let lacks = |token: &str| {
            let (session, amount) = (site.session(token), base::Money::new(1, shop.currency));
            site.world.read(|tx, means| identity::lacks_factor(tx, &shop, &session, amount, means)).unwrap()
        };
        let token = signed_in.text("token");
        site.world.texts();
        let asked = site.post("/v1/session/code", Some(&token), &json!({}));
        assert_eq!(asked.status, 202, "{}", asked.body);
        let code = code_in(&site.world.texts()[0].body);
        let step = json!({"kind": "contact", "code": code, "request": asked.text("id")});
        let stepped = site.post("/v1/session/step-up", Some(&token), &step);
        assert_eq!(stepped.status, 200, "{}", stepped.body);
        assert!(lacks(&stepped.text("token")), "a shop that demands a second factor has seen one telephone");
        let (token, _, _) = site.enrol(&stepped.text("token"));
        assert!(site.counts(buyer) && !lacks(&token));
        let sent = site.world.write(move |tx, means| {
            let purpose = identity::CodePurpose::SignIn;
            let errand = identity::Errand { person, purpose, bound: "here" };
            identity::send_sms(tx, means, errand, ("192.0.2.7", "pay.example"))
        });
        let nowhere = identity::SmsError::Factor(identity::FactorError::NotFound);
        assert_eq!(sent.err(), Some(nowhere), "beside an app it is no second step either");
    });
}
