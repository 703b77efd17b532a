//! A number whose SIM card was changed (OTP-5): its codes prove nothing for a while, its owner is told elsewhere, other ways
//! remain, and nobody else learns of it.

use base::{Secret, Timestamp};
use identity::{Channel, DueMail, FactorKind, Fault, Label, NewFactor, Person, Role, SimChange, factors};
use serde_json::json;

use crate::http::{Reply, Site};
use crate::world::{PIN, World, code_in, each_world};

const NUMBER: &str = "+8613800138042";
const OTHER_NUMBER: &str = "+8613800138043";
const DAY: i64 = 86_400;
const WEEK: i64 = identity::limits::SIM_CHANGE_SECONDS;

fn each_texting(test: impl Fn(Site)) {
    each_world(|world| {
        let cx = identity::Context { sends_texts: true, ..world.cx.clone() };
        test(Site::new(World { cx }));
    });
}

impl World {
    /// The texts that are due; their gateway says this of each number.
    fn texts_with(&self, change: Option<SimChange>) -> Vec<DueMail> {
        self.write(move |tx, means| {
            let texts = identity::take_due_on(tx, means, Channel::Sms, 100)?;
            for text in &texts {
                identity::mark_sent(tx, text.shop, &text.id)?;
                if let Some(change) = change {
                    identity::note_sim_change(tx, means, text, change)?;
                }
            }
            Ok::<_, Fault>(texts)
        })
        .unwrap()
    }

    /// Makes a number a second factor of a person.
    fn seed_number(&self, person: Person, number: &'static str) {
        let (label, secret) = (Label::from_agent("mine"), Secret::new(number.as_bytes().to_vec()));
        self.write(move |tx, means| {
            let new = NewFactor { kind: FactorKind::Sms, label: &label, secret: &secret };
            factors::seed_factor(tx, means, person, &new)
        })
        .unwrap();
    }

    /// Sends a code for a step-up.
    fn send_step_up(&self, person: Person) -> Result<identity::CodeRequested, identity::SmsError> {
        self.write(move |tx, means| {
            let purpose = identity::CodePurpose::StepUp;
            let errand = identity::Errand { person, purpose, bound: "here" };
            identity::send_sms(tx, means, errand, ("192.0.2.7", "pay.example"))
        })
    }

    fn ago(&self, seconds: i64) -> Timestamp {
        self.now().plus_seconds(-seconds)
    }
}

fn templates(mails: &[DueMail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.template.as_str()).collect()
}

/// An owner with an app and a number, and the key of the app.
fn owner(site: &Site) -> (Person, Secret<Vec<u8>>) {
    let shop = site.world.shop().id;
    let session = site.member(shop, "owner@shop.example", &[Role::Owner]);
    let (session, key, _) = site.enrol(&session);
    let offer = site.post("/v1/me/factors/sms", Some(&session), &json!({"number": NUMBER}));
    assert_eq!(offer.status, 202, "{}", offer.body);
    let code = code_in(&site.world.texts_with(None)[0].body);
    let path = format!("/v1/me/factors/sms/{}/confirm", offer.text("id"));
    let done = site.post(&path, Some(&session), &json!({"request": offer.text("request"), "code": code}));
    assert_eq!(done.status, 200, "{}", done.body);
    let session = done.body["session"]["token"].as_str().unwrap().to_owned();
    site.world.deliver();
    site.world.texts_with(None);
    site.world.wait(30);
    let token = identity::Token::parse(identity::TokenKind::MemberSession, &session);
    let token = token.unwrap();
    let opened = site.world.read(|tx, means| identity::require_member(tx, &token, means.now)).unwrap();
    (Person::Member(opened.member), key)
}

fn first_step(site: &Site) -> String {
    let body = json!({"email": "owner@shop.example", "password": "pencil river nine kettles"});
    site.post("/v1/member_sessions", None, &body).text("token")
}

fn ask(site: &Site, pending: &str) -> Reply {
    site.post("/v1/second_steps/code", None, &json!({ "token": pending }))
}

fn give(site: &Site, pending: &str, request: &str, code: &str) -> Reply {
    let body = json!({"token": pending, "kind": "sms", "code": code, "request": request});
    site.post("/v1/second_steps", None, &body)
}

#[test]
fn otp_5_a_changed_sim_card_stops_codes_as_a_second_factor_for_seven_days_and_the_app_remains() {
    each_texting(|site| {
        let (_, key) = owner(&site);
        let pending = first_step(&site);
        let asked = ask(&site, &pending);
        assert_eq!(asked.status, 202, "{}", asked.body);
        let texts = site.world.texts_with(Some(SimChange::At(site.world.ago(DAY))));
        let refused = give(&site, &pending, &asked.text("id"), &code_in(&texts[0].body));
        assert_eq!((refused.status, refused.code()), (403, "second_factor_wrong"), "void on its way");
        assert_eq!(templates(&site.world.deliver()), ["sim_changed"], "told by mail");
        assert!(site.world.texts_with(None).is_empty(), "and not to the number");
        assert_eq!((site.world.audited("number.sim_changed"), site.world.audited("code.refused")), (1, 1));
        let again = ask(&site, &pending);
        assert_eq!((again.status, again.code()), (409, "sim_changed"), "{}", again.body);
        assert!(site.world.texts_with(None).is_empty());
        let body = json!({"token": pending, "kind": "totp", "code": site.app_code(&key)});
        let done = site.post("/v1/second_steps", None, &body);
        assert_eq!(done.status, 201, "the app remains: {}", done.body);
        site.world.wait(WEEK - DAY - 1);
        assert_eq!(ask(&site, &first_step(&site)).code(), "sim_changed", "a second before");
        site.world.wait(1);
        let pending = first_step(&site);
        let asked = ask(&site, &pending);
        let texts = site.world.texts_with(Some(SimChange::At(site.world.ago(WEEK))));
        let done = give(&site, &pending, &asked.text("id"), &code_in(&texts[0].body));
        assert_eq!(done.status, 201, "seven days after the change: {}", done.body);
        assert_eq!(site.world.audited("number.sim_changed"), 1);
    });
}

#[test]
fn otp_5_the_oldest_number_whose_card_was_not_changed_gets_the_code() {
    each_texting(|site| {
        let (me, _) = owner(&site);
        ask(&site, &first_step(&site));
        site.world.texts_with(Some(SimChange::Lately));
        site.world.seed_number(me, OTHER_NUMBER);
        let asked = ask(&site, &first_step(&site));
        assert_eq!(asked.status, 202, "{}", asked.body);
        assert_eq!(site.world.texts_with(None)[0].recipient.expose(), OTHER_NUMBER);
    });
}

#[test]
fn otp_5_everybody_who_holds_the_number_is_told_and_each_once() {
    each_world(|world| {
        let holders = ["a@b.example", "c@d.example"].map(|contact| Person::Buyer(world.buyer(contact)));
        for person in holders {
            world.seed_number(person, NUMBER);
        }
        world.send_step_up(holders[0]).unwrap();
        let text = world.texts_with(None).remove(0);
        world.deliver();
        for (person, to) in holders.into_iter().zip(["a@b.example", "c@d.example"]) {
            for told in [1, 0] {
                let text = DueMail { owner: person.short().to_owned(), ..text.clone() };
                world
                    .write(move |tx, means| identity::note_sim_change(tx, means, &text, SimChange::Lately))
                    .unwrap();
                let mails = world.deliver();
                assert_eq!(mails.len(), told);
                assert!(mails.iter().all(|mail| mail.recipient.expose() == to));
            }
        }
    });
}

/// Signs up by number; the gateway says this of its card.
fn by_phone(site: &Site, change: Option<SimChange>) -> Reply {
    let asked = site.post("/v1/buyers", None, &json!({"name": "Zhang San", "contact": NUMBER, "pin": PIN}));
    assert_eq!(asked.status, 202, "{}", asked.body);
    let texts = site.world.texts_with(change);
    let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
    site.post(&path, None, &json!({"code": code_in(&texts[0].body)}))
}

fn knock(site: &Site, number: &str) -> Reply {
    site.post("/v1/buyer_sessions", None, &json!({ "contact": number }))
}

#[test]
fn otp_5_a_sign_in_code_of_a_changed_card_is_void_and_the_door_answers_everybody_alike() {
    each_texting(|site| {
        let signed_up = by_phone(&site, Some(SimChange::Lately));
        assert_eq!(signed_up.status, 201, "a new number may have a new card: {}", signed_up.body);
        assert_eq!(site.world.audited("number.sim_changed"), 0);
        let asked = knock(&site, NUMBER);
        let texts = site.world.texts_with(Some(SimChange::At(site.world.ago(60))));
        let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
        let code = code_in(&texts[0].body);
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
        let guessed = site.post(&path, None, &json!({ "code": wrong }));
        assert_eq!(guessed.code(), "one_time_code_wrong", "who guesses learns nothing of the card");
        assert_eq!(site.post(&path, None, &json!({ "code": code })).code(), "one_time_code_gone");
        assert_eq!(site.post(&path, None, &json!({ "code": code })).code(), "one_time_code_gone", "for good");
        let (known, stranger) = (knock(&site, NUMBER), knock(&site, OTHER_NUMBER));
        let names = |reply: &Reply| reply.body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!((known.status, names(&known)), (stranger.status, names(&stranger)));
        let texts = site.world.texts_with(None);
        assert_eq!(templates(&texts), ["no_code"], "the number alone is told why");
        assert!(texts[0].body.expose().contains("SIM card"));
        assert!(!texts[0].body.expose().contains('#') && !texts[0].body.expose().contains("@pay.example"));
        assert_eq!(site.get("/v1/me", Some(&signed_up.text("token"))).status, 200, "who is in stays in");
    });
}

#[test]
fn otp_5_the_second_of_two_sign_ups_opens_no_account_whichever_card_its_code_went_to() {
    each_texting(|site| {
        let sign_up = |change| {
            let body = json!({"name": "Zhang San", "contact": NUMBER, "pin": PIN});
            let asked = site.post("/v1/buyers", None, &body);
            assert_eq!(asked.status, 202, "{}", asked.body);
            (asked.text("id"), code_in(&site.world.texts_with(change)[0].body))
        };
        let give = |(id, code): &(String, String)| {
            site.post(&format!("/v1/buyer_sessions/{id}/verify"), None, &json!({ "code": code }))
        };
        // The owner's card, and then somebody else's, before there is an account for which it could be noted.
        let (first, second) = (sign_up(None), sign_up(Some(SimChange::Lately)));
        let signed_up = give(&first);
        assert_eq!(signed_up.status, 201, "it makes the account: {}", signed_up.body);
        let keys = || {
            let sql = "SELECT owner FROM vault_data_keys WHERE kek_version > 0";
            site.world.cx.db.read_blocking(|tx| tx.query(sql, &[])).unwrap().len()
        };
        let before = keys();
        for _ in 0..2 {
            assert_eq!(give(&second).code(), "one_time_code_gone");
        }
        assert_eq!(keys(), before - 1, "what the void sign-up brought can be read by nobody");
        assert_eq!(site.get("/v1/me", Some(&signed_up.text("token"))).status, 200, "who is in stays in");
        let (id, code) = (knock(&site, NUMBER).text("id"), code_in(&site.world.texts_with(None)[0].body));
        assert_eq!(give(&(id, code)).status, 201, "a code to sign in does");
    });
}

#[test]
fn otp_5_neither_a_new_pin_nor_a_step_up_rests_on_a_changed_card() {
    each_texting(|site| {
        let token = by_phone(&site, None).text("token");
        let reset = site.post("/v1/me/pin/resets", Some(&token), &json!({}));
        let texts = site.world.texts_with(Some(SimChange::Lately));
        let path = format!("/v1/me/pin/resets/{}/finish", reset.text("id"));
        let body = json!({"code": code_in(&texts[0].body), "new_pin": "305871"});
        assert_eq!(site.post(&path, Some(&token), &body).code(), "one_time_code_gone");
        assert_eq!(site.post("/v1/session/code", Some(&token), &json!({})).code(), "sim_changed");
        let asked = site.post("/v1/me/pin/resets", Some(&token), &json!({}));
        assert_eq!(asked.status, 202, "{}", asked.body);
        assert_eq!(templates(&site.world.texts_with(None)), ["no_code"]);
        let buyer = site.session(&token).buyer;
        let lines = site.world.read(move |tx, _| identity::list_activity(tx, buyer, 10)).unwrap();
        assert!(lines.iter().any(|line| line.what.name() == "sim_changed"), "the own page says so");
    });
}

#[test]
fn otp_5_a_change_counts_for_seven_days_from_its_own_time() {
    each_world(|world| {
        let person = Person::Buyer(world.buyer("a@b.example"));
        world.seed_number(person, NUMBER);
        let send = |world: &World| world.send_step_up(person);
        let is_changed = |world: &World| matches!(send(world), Err(identity::SmsError::SimChanged));
        let week_ago = world.ago(WEEK);
        assert!(send(&world).is_ok());
        world.texts_with(Some(SimChange::At(week_ago)));
        assert!(send(&world).is_ok(), "seven days ago is over");
        world.texts_with(Some(SimChange::At(Timestamp(week_ago.millis() + 1))));
        assert!(is_changed(&world), "a millisecond less is not");
        world.wait(1);
        assert!(send(&world).is_ok());
        world.texts_with(Some(SimChange::At(world.now().plus_seconds(DAY))));
        world.wait(WEEK - 1);
        assert!(is_changed(&world), "a time that lies ahead counts from now");
        world.wait(1);
        assert!(send(&world).is_ok());
        let texts = world.texts_with(Some(SimChange::Lately));
        let say_again = move |world: &World, change| {
            let text = texts[0].clone();
            world.write(move |tx, means| identity::note_sim_change(tx, means, &text, change)).unwrap();
        };
        let told = world.deliver().len();
        world.wait(DAY);
        say_again(&world, SimChange::Lately);
        say_again(&world, SimChange::At(world.ago(3 * DAY)));
        assert_eq!(world.deliver().len(), 0, "told once");
        world.wait(WEEK - DAY);
        assert!(send(&world).is_ok(), "the same change again does not prolong it");
        assert!(told > 0);
    });
}

#[test]
fn otp_5_nobody_learns_of_the_card_of_a_number_that_is_not_theirs() {
    each_texting(|site| {
        by_phone(&site, None);
        knock(&site, NUMBER);
        site.world.texts_with(Some(SimChange::Lately));
        let stranger = site.buyer("a@b.example").text("token");
        site.world.deliver();
        let body = json!({"contact": NUMBER, "pin": PIN});
        let asked = site.post("/v1/me/contact_changes", Some(&stranger), &body);
        let other = json!({"contact": OTHER_NUMBER, "pin": PIN});
        let alike = site.post("/v1/me/contact_changes", Some(&stranger), &other);
        assert_eq!((asked.status, alike.status), (202, 202), "{} {}", asked.body, alike.body);
        let texts = site.world.texts_with(Some(SimChange::Lately));
        let to = |number: &str| texts.iter().find(|text| text.recipient.expose() == number).unwrap();
        assert_eq!(
            (to(NUMBER).template.as_str(), to(OTHER_NUMBER).template.as_str()),
            ("no_code", "sent_code")
        );
        let path = format!("/v1/me/contact_changes/{}/finish", alike.text("id"));
        let code = code_in(&to(OTHER_NUMBER).body);
        let done = site.post(&path, Some(&stranger), &json!({"contact": OTHER_NUMBER, "code": code}));
        assert_eq!(done.code(), "one_time_code_gone", "void for whoever asked");
        assert!(site.world.deliver().is_empty(), "and the stranger hears nothing of somebody's card");
    });
}

#[test]
fn v6_6_1_a_number_counts_after_its_own_code_alone() {
    each_texting(|site| {
        let shop = site.world.shop().id;
        let session = site.member(shop, "owner@shop.example", &[Role::Owner]);
        let (session, _, _) = site.enrol(&session);
        let kinds = |site: &Site, session: &str| {
            let listed = site.get("/v1/me/factors", Some(session)).body;
            listed["data"].as_array().unwrap().iter().filter(|one| one["kind"] == json!("sms")).count()
        };
        let offered = |site: &Site| {
            let body = json!({"email": "owner@shop.example", "password": "pencil river nine kettles"});
            let first = site.post("/v1/member_sessions", None, &body);
            let has_sms = first.body["factors"].as_array().unwrap().contains(&json!("sms"));
            (has_sms, ask(site, &first.text("token")).status)
        };
        let offer = site.post("/v1/me/factors/sms", Some(&session), &json!({"number": NUMBER}));
        let code = code_in(&site.world.texts_with(None)[0].body);
        assert_eq!((kinds(&site, &session), offered(&site)), (0, (false, 404)), "before its code");
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
        let path = format!("/v1/me/factors/sms/{}/confirm", offer.text("id"));
        let give = |code: &str| {
            let body = json!({"request": offer.text("request"), "code": code});
            site.post(&path, Some(&session), &body)
        };
        assert_eq!(give(&wrong).code(), "second_factor_wrong");
        assert_eq!((kinds(&site, &session), offered(&site)), (0, (false, 404)), "after a wrong one");
        let done = give(&code);
        assert_eq!(done.status, 200, "{}", done.body);
        let session = done.body["session"]["token"].as_str().unwrap().to_owned();
        assert_eq!((kinds(&site, &session), offered(&site)), (1, (true, 202)));
    });
}
