//! The second step: authenticator apps, recovery codes, text messages, and the sign-in that asks for them.

use std::sync::{Arc, Barrier};

use base::Secret;
use identity::{
    Arrival, Channel, CodeCheck, CodePurpose, Delivery, Errand, Fault, Label, Occasion, OneTimeCode, Person,
    Proof, ProofCheck, RecoveryCode, Role, SecondStep, SentCheck, ShownDevice,
};
use serde_json::{Value, json};

use crate::http::{Reply, Site, each_site};
use crate::world::{World, code_in, each_world};

const GOOD: &str = "pencil river nine kettles";
pub const PLACE: &str = "192.0.2.7";

fn digits(text: &str) -> OneTimeCode {
    OneTimeCode::parse(text).unwrap()
}

/// A buyer with an authenticator app: the person and its key.
fn with_app(world: &World) -> (Person, Secret<Vec<u8>>) {
    let person = Person::Buyer(world.buyer("a@b.example"));
    let key = world
        .write(move |tx, means| {
            let label = Label::from_agent("phone");
            let offer = identity::offer_totp(tx, means, person, &label, "pay.example")?;
            let key = identity::read_totp_key(offer.key.expose()).unwrap();
            let code = identity::show_code(&key, means.now)?;
            assert!(identity::confirm_totp(tx, means, person, offer.id, &digits(code.expose()))?);
            Ok::<_, identity::FactorError>(key)
        })
        .unwrap();
    world.wait(30);
    (person, key)
}

fn shown(world: &World, key: &Secret<Vec<u8>>) -> OneTimeCode {
    digits(identity::show_code(key, world.now()).unwrap().expose())
}

/// Proves within a session, another one at each place.
pub fn prove(world: &World, person: Person, proof: Proof, origin: &'static str) -> ProofCheck {
    prove_for(world, CodePurpose::StepUp, person, proof, origin)
}

/// Proves at sign-in.
fn prove_at_the_door(world: &World, person: Person, proof: Proof, origin: &'static str) -> ProofCheck {
    prove_for(world, CodePurpose::SignIn, person, proof, origin)
}

fn prove_for(
    world: &World,
    purpose: CodePurpose,
    person: Person,
    proof: Proof,
    origin: &'static str,
) -> ProofCheck {
    world
        .write(move |tx, means| {
            let at = Occasion { purpose, bound: origin, origin, device: None };
            identity::check_proof(tx, means, person, &proof, at)
        })
        .unwrap()
}

#[test]
fn c06_of_50_parallel_uses_of_one_code_one_works() {
    each_world(|world| {
        let (person, key) = with_app(&world);
        let code = shown(&world, &key);
        let start = Arc::new(Barrier::new(50));
        let uses: Vec<_> = (0..50)
            .map(|n| {
                let (world, code, start) = (world.clone(), code.clone(), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    // From many places, so that it is the code and not the throttle that stops the others.
                    let origin: &'static str = Box::leak(format!("192.0.2.{n}").into_boxed_str());
                    prove(&world, person, Proof::Totp(code), origin)
                })
            })
            .collect();
        let right = uses.into_iter().map(|job| job.join().unwrap()).filter(|one| *one == ProofCheck::Right);
        assert_eq!(right.count(), 1);
    });
}

#[test]
fn otp_2_no_step_at_or_before_a_used_one_is_taken_again() {
    each_world(|world| {
        let (person, key) = with_app(&world);
        let (early, now) = (shown(&world, &key), {
            world.wait(30);
            shown(&world, &key)
        });
        assert_eq!(prove(&world, person, Proof::Totp(now.clone()), PLACE), ProofCheck::Right);
        assert_eq!(prove(&world, person, Proof::Totp(now), PLACE), ProofCheck::Wrong);
        assert_eq!(prove(&world, person, Proof::Totp(early), PLACE), ProofCheck::Wrong, "an older step");
        world.wait(30);
        assert_eq!(prove(&world, person, Proof::Totp(shown(&world, &key)), PLACE), ProofCheck::Right);
    });
}

#[test]
fn c04_ten_wrong_codes_from_one_place_are_told_and_stop_that_place_alone() {
    each_world(|world| {
        let (person, key) = with_app(&world);
        world.deliver();
        for _ in 0..10 {
            assert_eq!(prove(&world, person, Proof::Totp(digits("000000")), PLACE), ProofCheck::Wrong);
        }
        let told: Vec<String> = world.deliver().into_iter().map(|mail| mail.template).collect();
        assert_eq!(told, ["failed_step_up"], "C15");
        let refused = prove(&world, person, Proof::Totp(shown(&world, &key)), PLACE);
        assert_eq!(refused, ProofCheck::TooMany { retry_after_seconds: 1800 });
        let elsewhere = prove(&world, person, Proof::Totp(shown(&world, &key)), "203.0.113.5");
        assert_eq!(elsewhere, ProofCheck::Right);
        world.wait(1800);
        assert_eq!(prove(&world, person, Proof::Totp(shown(&world, &key)), PLACE), ProofCheck::Right);
    });
}

#[test]
fn pw_4_guesses_from_everywhere_stop_and_the_usual_place_goes_on() {
    each_world(|world| {
        let (person, key) = with_app(&world);
        assert_eq!(
            prove_at_the_door(&world, person, Proof::Totp(shown(&world, &key)), PLACE),
            ProofCheck::Right
        );
        let mut refused = 0;
        for n in 0..60 {
            let origin: &'static str = Box::leak(format!("198.51.100.{n}").into_boxed_str());
            let found = prove_at_the_door(&world, person, Proof::Totp(digits("000000")), origin);
            refused += usize::from(matches!(found, ProofCheck::TooMany { .. }));
        }
        assert_eq!(refused, 10);
        world.wait(30);
        assert_eq!(
            prove_at_the_door(&world, person, Proof::Totp(shown(&world, &key)), PLACE),
            ProofCheck::Right
        );
    });
}

#[test]
fn otp_6_a_recovery_code_works_once_for_its_owner_and_new_ones_end_the_old() {
    each_world(|world| {
        let (one, _) = with_app(&world);
        let two = Person::Buyer(world.buyer("c@d.example"));
        let make = move |world: &World, person| {
            world.write(move |tx, means| identity::create_recovery_codes(tx, means, person)).unwrap()
        };
        let codes = make(&world, one);
        assert_eq!(codes.len(), 10);
        let give = |person, code: &RecoveryCode| {
            prove(&world, person, Proof::Recovery(code.clone()), PLACE) == ProofCheck::Right
        };
        assert!(!give(two, &codes[0]), "somebody else's");
        assert!(give(one, &codes[0]));
        assert!(!give(one, &codes[0]), "used");
        let left = world.read(|tx, _| identity::count_recovery_codes(tx, one)).unwrap();
        assert_eq!(left, 9);
        let told: Vec<String> = world.deliver().into_iter().map(|mail| mail.template).collect();
        assert!(told.contains(&"recovery_used".to_owned()), "{told:?}");
        let newer = make(&world, one);
        assert!(!give(one, &codes[1]), "ended by new ones");
        assert!(give(one, &newer[1]));
        let sql = "SELECT tag FROM recovery_codes";
        let rows = world.cx.db.read_blocking(|tx| tx.query(sql, &[])).unwrap();
        let plain = newer[2].reveal().expose().replace('-', "");
        assert!(rows.iter().all(|row| !row.text(0).unwrap().contains(&plain)));
    });
}

#[test]
fn v6_5_2_a_code_of_50_bits_that_was_made_before_works_until_it_is_used() {
    each_world(|world| {
        let (person, _) = with_app(&world);
        world.write(move |tx, means| identity::create_recovery_codes(tx, means, person)).unwrap();
        let old = "4k7xq9mz2d";
        world
            .write(move |tx, means| {
                let message = format!("{}{}{old}", person.shop().short(), person.short());
                let tag = means.vault.keyed(vault::SubKey::RecoveryCode, message.as_bytes()).stored();
                let tag = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, tag);
                let sql =
                    "UPDATE recovery_codes SET tag = ?1 WHERE tag = (SELECT MIN(tag) FROM recovery_codes)";
                tx.execute(sql, &[tag.into()])
            })
            .unwrap();
        let code = RecoveryCode::parse("4K7XQ-9MZ2D").unwrap();
        assert_eq!(prove(&world, person, Proof::Recovery(code.clone()), PLACE), ProofCheck::Right);
        assert_ne!(prove(&world, person, Proof::Recovery(code), PLACE), ProofCheck::Right, "once");
    });
}

/// Sends a code to a number and reads it from the text message.
fn send(
    world: &World,
    person: Person,
    purpose: CodePurpose,
    bound: &'static str,
) -> (base::SessionId, String) {
    let asked = world
        .write(move |tx, means| {
            let contact = identity::Contact::parse("+8613800138042").unwrap();
            let errand = Errand { person, purpose, bound };
            let to = Delivery { contact: &contact, origin: PLACE, host: "pay.example" };
            identity::send_code(tx, means, errand, to)
        })
        .unwrap();
    let mut texts = world
        .write(|tx, means| {
            let due = identity::take_due_on(tx, means, Channel::Sms, 100)?;
            for text in &due {
                identity::mark_sent(tx, text.shop, &text.id)?;
            }
            Ok::<_, Fault>(due)
        })
        .unwrap();
    let body = texts.pop().unwrap().body;
    let code = code_in(&body);
    assert!(body.expose().ends_with(&format!("\n\n@pay.example #{code}")), "OTP-7");
    (asked.request, code)
}

#[test]
fn c07_a_sent_code_is_good_for_its_own_errand_ten_minutes_and_five_tries() {
    each_world(|world| {
        let one = Person::Buyer(world.buyer("a@b.example"));
        let two = Person::Buyer(world.buyer("c@d.example"));
        let check = |person, purpose, bound: &'static str, request, code: &str| {
            let code = digits(code);
            let errand = move || Errand { person, purpose, bound };
            world.write(move |tx, means| identity::check_sent(tx, means, errand(), request, &code)).unwrap()
        };
        let (request, code) = send(&world, one, CodePurpose::SignIn, "here");
        for (person, purpose, bound) in [
            (two, CodePurpose::SignIn, "here"),
            (one, CodePurpose::StepUp, "here"),
            (one, CodePurpose::SignIn, "there"),
        ] {
            let refused = check(person, purpose, bound, request, &code);
            assert!(matches!(refused, SentCheck::Wrong { .. }), "{purpose:?} {bound}");
        }
        assert_eq!(check(one, CodePurpose::SignIn, "here", request, &code), SentCheck::Right);
        assert_eq!(check(one, CodePurpose::SignIn, "here", request, &code), SentCheck::Gone, "used");
        let (request, code) = send(&world, one, CodePurpose::SignIn, "here");
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
        for left in (0..5).rev() {
            assert_eq!(check(one, CodePurpose::SignIn, "here", request, &wrong), SentCheck::Wrong { left });
        }
        assert_eq!(check(one, CodePurpose::SignIn, "here", request, &code), SentCheck::Gone, "spent");
        let (request, code) = send(&world, one, CodePurpose::SignIn, "here");
        world.wait(600);
        assert_eq!(check(one, CodePurpose::SignIn, "here", request, &code), SentCheck::Gone, "expired");
    });
}

#[test]
fn otp_4_five_codes_an_hour_go_to_one_number_whoever_asks() {
    each_world(|world| {
        let one = Person::Buyer(world.buyer("a@b.example"));
        let two = Person::Buyer(world.buyer("c@d.example"));
        for n in 0..5 {
            send(&world, if n % 2 == 0 { one } else { two }, CodePurpose::SignIn, "here");
        }
        let refused = world.write(move |tx, means| {
            let contact = identity::Contact::parse("+8613800138042").unwrap();
            let errand = Errand { person: one, purpose: CodePurpose::SignIn, bound: "here" };
            let to = Delivery { contact: &contact, origin: "203.0.113.9", host: "pay.example" };
            identity::send_code(tx, means, errand, to)
        });
        assert!(matches!(refused, Err(identity::CodeRequestError::TooMany { .. })));
    });
}

/// An owner with an app, signed out again: the key and the recovery codes.
fn owner(site: &Site) -> (Secret<Vec<u8>>, Vec<String>) {
    let shop = site.world.shop().id;
    let hash = identity::hash_password(&crate::world::password(GOOD), &base::Dice::System);
    site.world.member(shop, "owner@shop.example", &[Role::Owner], &hash);
    let first = login(site);
    assert_eq!(first.status, 201);
    let (_, key, codes) = site.enrol(&first.text("token"));
    site.world.wait(30);
    (key, codes)
}

fn login(site: &Site) -> Reply {
    site.post("/v1/member_sessions", None, &json!({"email": "owner@shop.example", "password": GOOD}))
}

fn step(site: &Site, token: &str, kind: &str, code: &str) -> Reply {
    site.post("/v1/second_steps", None, &json!({"token": token, "kind": kind, "code": code}))
}

#[test]
fn c05_a_members_sign_in_takes_two_steps() {
    each_site(|site| {
        let (key, codes) = owner(&site);
        let first = login(&site);
        assert_eq!((first.status, &first.body["factors"]), (202, &json!(["totp", "recovery"])));
        let pending = first.text("token");
        assert_eq!(site.get("/v1/me", Some(&pending)).status, 401, "the first step opens nothing");
        assert_eq!(step(&site, &pending, "totp", "000000").code(), "second_factor_wrong");
        let done = step(&site, &pending, "totp", &site.app_code(&key));
        assert_eq!((done.status, &done.body["second_factor"]), (201, &json!(true)), "{}", done.body);
        assert_eq!(site.get("/v1/shop", Some(&done.text("token"))).status, 200);
        assert_eq!(step(&site, &pending, "totp", &site.app_code(&key)).code(), "sign_in_gone", "used");
        let pending = login(&site).text("token");
        assert_eq!(step(&site, &pending, "recovery", &codes[0].to_uppercase()).status, 201);
        let pending = login(&site).text("token");
        assert_eq!(step(&site, &pending, "recovery", &codes[0]).status, 403, "once");
    });
}

#[test]
fn c15_who_knows_the_password_and_is_wrong_three_times_at_the_second_step_is_told_early_and_once() {
    each_site(|site| {
        let (key, _) = owner(&site);
        site.world.deliver();
        let told =
            || site.world.deliver().into_iter().map(|mail| (mail.template, mail.body)).collect::<Vec<_>>();
        for _ in 0..2 {
            // Begun anew each time: it is the person who is counted for, not one sign-in.
            let pending = login(&site).text("token");
            assert_eq!(step(&site, &pending, "totp", "000000").code(), "second_factor_wrong");
        }
        assert!(told().is_empty(), "two are a slip");
        let pending = login(&site).text("token");
        step(&site, &pending, "totp", "000000");
        let [(template, body)] = <[_; 1]>::try_from(told()).unwrap();
        assert_eq!(template, "stopped_at_second_step");
        assert!(body.expose().contains("有人输入了您的正确密码"), "{}", body.expose());
        assert!(body.expose().contains("请立即更换密码"), "{}", body.expose());
        for _ in 0..4 {
            step(&site, &pending, "totp", "000000");
        }
        assert!(told().is_empty(), "once in half an hour, and never that none was right");
        site.world.wait(1800);
        let pending = login(&site).text("token");
        for _ in 0..3 {
            step(&site, &pending, "totp", "000000");
        }
        assert_eq!(told().len(), 1, "it goes on, so it is told again");
        assert_eq!(
            step(&site, &pending, "totp", &site.app_code(&key)).status,
            201,
            "the owner is not kept out"
        );
    });
}

#[test]
fn c15_a_buyers_wrong_second_steps_after_the_right_code_are_told_and_a_line() {
    each_world(|world| {
        let (person, _) = with_app(&world);
        world.deliver();
        let Person::Buyer(buyer) = person else { unreachable!() };
        let request = crate::codes::ask_in(&world, "a@b.example", "192.0.2.1").unwrap();
        let code = code_in(&world.deliver()[0].body);
        let CodeCheck::SecondStep(pending) = crate::codes::give(&world, request, &code, None) else {
            panic!("a second step comes next")
        };
        for _ in 0..3 {
            let token = pending.token.clone();
            let wrong = world.write(move |tx, means| {
                let label = Label::from_agent("phone");
                let device = ShownDevice { origin: PLACE.into(), token: None, label, session: None };
                let from = Arrival { device: &device, origin: PLACE };
                identity::take_second_step(tx, means, &token, &Proof::Totp(digits("000000")), from)
            });
            assert!(matches!(wrong.unwrap(), SecondStep::Wrong { .. }));
        }
        let told: Vec<String> = world.deliver().into_iter().map(|mail| mail.template).collect();
        assert_eq!(told, ["stopped_at_second_step"]);
        let lines = world.read(move |tx, _| identity::list_activity(tx, buyer, 9)).unwrap();
        assert_eq!(lines[0].what, identity::Happening::StoppedAtSecondStep);
    });
}

#[test]
fn pw_6_a_first_step_lasts_ten_minutes_and_five_wrong_codes() {
    each_site(|site| {
        let (key, _) = owner(&site);
        let pending = login(&site).text("token");
        for _ in 0..5 {
            assert_eq!(step(&site, &pending, "totp", "000000").status, 403);
        }
        assert_eq!(step(&site, &pending, "totp", &site.app_code(&key)).code(), "sign_in_gone");
        let pending = login(&site).text("token");
        site.world.wait(599);
        assert_eq!(step(&site, &pending, "totp", "000000").status, 403);
        site.world.wait(1);
        assert_eq!(step(&site, &pending, "totp", &site.app_code(&key)).code(), "sign_in_gone");
    });
}

#[test]
fn ses_1_every_step_makes_a_new_token_and_ends_the_old_one() {
    each_site(|site| {
        let (key, _) = owner(&site);
        let token = step(&site, &login(&site).text("token"), "totp", &site.app_code(&key)).text("token");
        site.world.wait(60);
        let again = json!({"kind": "totp", "code": site.app_code(&key)});
        let raised = site.post("/v1/session/step-up", Some(&token), &again);
        assert_eq!(raised.status, 200, "{}", raised.body);
        assert_eq!(site.get("/v1/shop", Some(&token)).status, 401);
        assert_eq!(site.get("/v1/shop", Some(&raised.text("token"))).status, 200);
    });
}

#[test]
fn c05_what_is_sensitive_asks_again_after_15_minutes() {
    each_site(|site| {
        let (key, _) = owner(&site);
        let token = step(&site, &login(&site).text("token"), "totp", &site.app_code(&key)).text("token");
        let make = |token: &str| {
            site.post("/v1/api_keys", Some(token), &json!({"label": "till", "role": "integration"}))
        };
        assert_eq!(make(&token).status, 201);
        for _ in 0..2 {
            site.world.wait(450);
            assert_eq!(site.get("/v1/shop", Some(&token)).status, 200);
        }
        assert_eq!(make(&token).code(), "step_up_needed");
        assert_eq!(site.post("/v1/me/recovery_codes", Some(&token), &json!({})).code(), "step_up_needed");
        let again = json!({"kind": "totp", "code": site.app_code(&key)});
        let token = site.post("/v1/session/step-up", Some(&token), &again).text("token");
        assert_eq!(make(&token).status, 201);
    });
}

#[test]
fn pw_6_factors_are_added_and_removed_with_a_present_one_alone() {
    each_site(|site| {
        let (key, _) = owner(&site);
        let token = step(&site, &login(&site).text("token"), "totp", &site.app_code(&key)).text("token");
        let list = site.get("/v1/me/factors", Some(&token));
        let kinds: Vec<&Value> = list.body["data"].as_array().unwrap().iter().map(|f| &f["kind"]).collect();
        assert_eq!(kinds, ["totp", "recovery"]);
        assert_eq!(list.body["data"][1]["codes_left"], json!(10));
        let id = list.body["data"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/me/factors/{id}");
        assert_eq!(site.delete(&path, Some(&token)).code(), "last_factor");
        site.world.wait(60);
        let (token, second, codes) = site.enrol(&token);
        assert!(codes.is_empty(), "there are recovery codes already");
        assert_eq!(site.delete(&path, Some(&token)).status, 204);
        site.world.wait(60);
        let pending = login(&site).text("token");
        assert_eq!(step(&site, &pending, "totp", &site.app_code(&key)).status, 403, "removed");
        assert_eq!(step(&site, &pending, "totp", &site.app_code(&second)).status, 201);
        let other = site.buyer("a@b.example").text("token");
        assert_eq!(site.delete(&path, Some(&other)).status, 404, "somebody else's");
        assert_eq!(site.get("/v1/me/factors", None).status, 401);
    });
}

#[test]
fn c07_a_code_by_mail_raises_a_buyer_without_factors_and_nobody_else() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        site.world.wait(901);
        assert_eq!(
            site.post("/v1/me/factors/totp", Some(&token), &json!({"label": "x"})).code(),
            "step_up_needed"
        );
        let ask = |token: &str| site.send(axum::http::Method::POST, "/v1/session/code", Some(token), None);
        let asked = ask(&token);
        assert_eq!(asked.status, 202, "{}", asked.body);
        let code = code_in(&site.world.deliver().pop().unwrap().body);
        let proof = json!({"kind": "contact", "request": asked.text("id"), "code": code});
        let raised = site.post("/v1/session/step-up", Some(&token), &proof);
        assert_eq!(raised.status, 200, "{}", raised.body);
        let (token, _, _) = site.enrol(&raised.text("token"));
        assert_eq!(ask(&token).status, 404, "a buyer with a factor gives that one");
        let (key, _) = owner(&site);
        let member = step(&site, &login(&site).text("token"), "totp", &site.app_code(&key)).text("token");
        assert_eq!(ask(&member).status, 404, "never for members");
    });
}

#[test]
fn ses_1_a_buyer_with_a_factor_gives_it_after_the_mailed_code() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        let (_, key, _) = site.enrol(&token);
        site.world.wait(60);
        site.world.deliver();
        let asked = site.post("/v1/buyer_sessions", None, &json!({"contact": "a@b.example"}));
        let code = code_in(&site.world.deliver()[0].body);
        let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
        let first = site.post(&path, None, &json!({ "code": code }));
        assert_eq!((first.status, &first.body["factors"]), (202, &json!(["totp", "recovery"])));
        let done = step(&site, &first.text("token"), "totp", &site.app_code(&key));
        assert_eq!(done.status, 201, "{}", done.body);
        assert_eq!(site.get("/v1/me", Some(&done.text("token"))).text("contact"), "a@b.example");
        assert!(done.text("device_token").starts_with("dev_"));
        let told: Vec<String> = site.world.deliver().into_iter().map(|mail| mail.template).collect();
        assert!(told.contains(&"new_device".to_owned()), "C15: {told:?}");
    });
}

#[test]
fn c15_a_members_sign_in_on_a_new_device_or_from_a_new_place_is_told_once() {
    each_world(|world| {
        let shop = world.shop().id;
        let hash = identity::PasswordHash::of_nobody();
        let member = world.member(shop, "owner@shop.example", &[Role::Owner], &hash);
        let known = std::cell::RefCell::new(None);
        let open = |origin: &'static str| {
            let token = known.borrow().clone();
            let opened = world
                .write(move |tx, means| {
                    let device = identity::ShownDevice {
                        origin: "192.0.2.1".into(),
                        token: token.clone(),
                        label: Label::from_agent("laptop"),
                        session: None,
                    };
                    let arrival = identity::Arrival { device: &device, origin };
                    let (person, kind) = (Person::Member(member), identity::FactorKind::Passkey);
                    identity::open_proven(tx, means, person, kind, arrival)
                })
                .unwrap();
            if let Some(token) = opened.unwrap().session().device.clone() {
                known.replace(Some(token));
            }
            world.deliver().into_iter().map(|mail| mail.template).collect::<Vec<_>>()
        };
        assert_eq!(open("192.0.2.1"), Vec::<String>::new(), "the first sign-in of all");
        assert_eq!(open("192.0.2.1"), Vec::<String>::new());
        assert_eq!(open("192.0.2.2"), ["new_place"]);
        assert_eq!(open("192.0.2.2"), Vec::<String>::new());
        known.replace(None);
        assert_eq!(open("192.0.2.2"), ["new_device"], "from the usual place as well");
        assert_eq!(open("192.0.2.2"), Vec::<String>::new());
        known.replace(None);
        assert_eq!(open("192.0.2.3"), ["new_device"], "both at once are one notice");
    });
}

#[test]
fn pw_4_guesses_of_a_neighbour_leave_a_known_device_its_own_tries() {
    each_world(|world| {
        let (person, key) = with_app(&world);
        let Person::Buyer(buyer) = person else { panic!() };
        let begin = || {
            world.write(move |tx, means| {
                let device = identity::ShownDevice {
                    origin: PLACE.into(),
                    token: None,
                    label: Label::from_agent("telephone"),
                    session: None,
                };
                let arrival = identity::Arrival { device: &device, origin: PLACE };
                let kind = identity::FactorKind::Totp;
                identity::open_proven(tx, means, Person::Buyer(buyer), kind, arrival)
            })
        };
        let Some(identity::Opened::Buyer(signed_in)) = begin().unwrap() else { panic!() };
        for _ in 0..10 {
            assert_eq!(
                prove_at_the_door(&world, person, Proof::Totp(digits("000000")), PLACE),
                ProofCheck::Wrong
            );
        }
        let device = Some(signed_in.device);
        let on = |code: OneTimeCode, device| {
            world.write(move |tx, means| {
                let at = Occasion { purpose: CodePurpose::SignIn, bound: "here", origin: PLACE, device };
                identity::check_proof(tx, means, person, &Proof::Totp(code.clone()), at)
            })
        };
        let waits = ProofCheck::TooMany { retry_after_seconds: 1800 };
        assert_eq!(on(shown(&world, &key), None).unwrap(), waits);
        for _ in 0..9 {
            assert_eq!(on(digits("000000"), device).unwrap(), ProofCheck::Wrong);
        }
        assert_eq!(on(shown(&world, &key), device).unwrap(), ProofCheck::Right, "its tenth try is looked at");
        for _ in 0..10 {
            assert_eq!(on(digits("000000"), device).unwrap(), ProofCheck::Wrong);
        }
        assert_eq!(on(shown(&world, &key), device).unwrap(), waits, "and no more than ten");
    });
}

#[test]
fn otp_3_the_key_of_an_app_is_shown_when_it_is_made_and_never_again() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        let offer = site.post("/v1/me/factors/totp", Some(&token), &json!({"label": "phone"}));
        let (shown, id) = (offer.text("key"), offer.text("id"));
        assert!(offer.text("uri").contains(&shown));
        let waiting = site.get("/v1/me/factors", Some(&token));
        assert!(!waiting.body.to_string().contains(&shown), "nor while it waits for its first code");
        let key = identity::read_totp_key(&shown).unwrap();
        let path = format!("/v1/me/factors/totp/{id}/confirm");
        let done = site.post(&path, Some(&token), &json!({"code": site.app_code(&key)}));
        assert_eq!(done.status, 200, "{}", done.body);
        let token = done.body["session"]["token"].as_str().unwrap().to_owned();
        let again = site.post(&path, Some(&token), &json!({"code": site.app_code(&key)}));
        assert_eq!(again.status, 404, "{}", again.body);
        let other = site.post("/v1/me/factors/totp", Some(&token), &json!({"label": "tablet"}));
        assert_ne!(other.text("key"), shown, "another app has a key of its own");
        let listed = site.get("/v1/me/factors", Some(&token));
        for reply in [&done, &again, &other, &listed, &site.get("/v1/me", Some(&token))] {
            assert!(!reply.body.to_string().contains(&shown), "{}", reply.body);
        }
    });
}
