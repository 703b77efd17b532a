//! Members' passwords: forgotten ones set anew, listed ones that must be changed, and one's own sessions over the API.

use argon2::PasswordHasher;
use axum::http::Method;
use base::Dice;
use identity::{Actor, Role, hash_password};
use serde_json::{Value, json};

use crate::http::{Reply, Site, each_site};
use crate::world::password;

const OLD: &str = "pencil river nine kettles";
const NEW: &str = "seven lamps under the bridge";
/// On the list that ships, and long enough.
const LISTED: &str = "correct horse battery staple";
const OWNER: &str = "owner@shop.example";
/// Made of nothing but the shop's name.
const OF_THE_SHOP: &str = "Tea House-Tea House";

impl Site {
    fn forgot(&self, email: &str) -> Reply {
        self.post("/v1/password_resets", None, &json!({ "email": email }))
    }

    /// The last part of the link in the newest mail.
    fn reset_link(&self) -> String {
        let mails = self.world.deliver();
        let mail = mails.iter().rfind(|mail| mail.template == "password_reset").unwrap();
        let body = mail.body.expose();
        let link = body.split("https://pay.example/reset/").nth(1).unwrap();
        link.split_whitespace().next().unwrap().to_owned()
    }

    fn set(&self, token: &str, password: &str) -> Reply {
        self.post("/v1/password_resets/finish", None, &json!({"token": token, "new_password": password}))
    }

    fn first_step(&self, email: &str, password: &str) -> Reply {
        self.post("/v1/member_sessions", None, &json!({"email": email, "password": password}))
    }

    fn change(&self, token: &str, old: &str, new: &str) -> Reply {
        let body = json!({"old_password": old, "new_password": new});
        self.send(Method::PUT, "/v1/me/password", Some(token), Some(&body))
    }

    fn mails(&self, template: &str) -> usize {
        self.world.deliver().iter().filter(|mail| mail.template == template).count()
    }
}

#[test]
fn v6_4_3_a_forgotten_password_is_set_anew_and_the_second_factor_is_still_asked_for() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let token = site.member(shop, OWNER, &[Role::Owner]);
        let (token, _, _) = site.enrol(&token);
        let begun = site.first_step(OWNER, OLD);
        assert_eq!(begun.status, 202);
        assert_eq!(site.forgot(OWNER).status, 202);
        let link = site.reset_link();
        for weak in ["short 7", LISTED, "owner@shop.example!!", OF_THE_SHOP] {
            let refused = site.set(&link, weak);
            assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{weak}");
        }
        assert_eq!(site.set(&link, NEW).status, 204);
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401, "every session ended");
        let step = json!({"token": begun.text("token"), "kind": "totp", "code": "000000"});
        assert_eq!(site.post("/v1/second_steps", None, &step).status / 100, 4);
        assert_eq!(site.first_step(OWNER, OLD).status, 401, "the old password is gone");
        let stepped = site.first_step(OWNER, NEW);
        assert_eq!(stepped.status, 202, "the second step comes next: {}", stepped.body);
        assert_eq!(site.mails("password_changed"), 1);
        assert_eq!(site.set(&link, "another nine long words").code(), "link_gone");
        assert_eq!(site.world.audited("member.password_reset_asked"), 1);
    });
}

#[test]
fn pw_5_an_address_that_belongs_to_nobody_gets_the_same_answer_and_the_same_rows_and_no_mail() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        let rows = |sql: &'static str| {
            let rows = site.world.cx.db.read_blocking(move |tx| tx.query(sql, &[])).unwrap();
            rows[0].int(0).unwrap()
        };
        let all = || {
            [
                rows("SELECT COUNT(*) FROM password_resets"),
                rows("SELECT COUNT(*) FROM password_reset_requests"),
                rows("SELECT COUNT(*) FROM outbox_mail"),
                rows("SELECT COUNT(*) FROM audit_entries"),
                rows("SELECT COUNT(*) FROM throttles WHERE kind <> 'reset_origin'"),
            ]
        };
        let change = |email: &str| {
            let before = all();
            let reply = site.forgot(email);
            let after = all();
            let grown: Vec<i64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
            (reply.status, reply.body, grown)
        };
        let (known, unknown) = (change(OWNER), change("nobody@shop.example"));
        assert_eq!(known, unknown);
        assert_eq!(known.2, [0, 1, 0, 0, 2], "the door counts and keeps the request, and looks nobody up");
        assert_eq!(site.mails("password_reset"), 1, "nobody gets no mail");
        assert_eq!(rows("SELECT COUNT(*) FROM password_reset_requests"), 0, "both are answered");
        assert_eq!(site.world.audited("member.password_reset_asked"), 2, "and both are in the log");
        let gone = |token: &str| (site.set(token, NEW).status, site.set(token, NEW).code().to_owned());
        let made_up = identity::Token::random(identity::TokenKind::PasswordReset, &Dice::System);
        assert_eq!(gone(made_up.secret().expose()), (409, "link_gone".to_owned()));
        assert_eq!(gone("x"), (409, "link_gone".to_owned()));
    });
}

#[test]
fn pw_5_from_the_usual_place_as_many_tries_are_counted_as_from_anywhere() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        let rows = || {
            let count = "SELECT COUNT(*) FROM throttles WHERE kind LIKE 'reset%' AND kind <> 'reset_origin'";
            let rows = site.world.cx.db.read_blocking(move |tx| tx.query(count, &[])).unwrap();
            rows[0].int(0).unwrap()
        };
        assert_eq!(site.first_step(OWNER, OLD).status, 201, "known from here now");
        site.forgot(OWNER);
        let known = rows();
        site.forgot("nobody@shop.example");
        assert_eq!((known, rows() - known), (2, 2));
    });
}

#[test]
fn pw_5_as_many_requests_wait_as_may_and_the_next_is_told_to_come_back_whoever_it_is() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        let most = identity::limits::RESET_REQUESTS_WAITING_MAX;
        site.world
            .write(move |tx, _| {
                for n in 1..most {
                    let sql =
                        "INSERT INTO password_reset_requests (id, email_indexes, public_url, created_ms)
                               VALUES (?1, 'x', 'https://pay.example', 1)";
                    tx.execute(sql, &[format!("{n:08}").into()])?;
                }
                Ok::<_, identity::Fault>(())
            })
            .unwrap();
        assert_eq!(site.forgot(OWNER).status, 202, "the last place");
        let refused = |email: &str| (site.forgot(email).status, site.forgot(email).code().to_owned());
        assert_eq!(refused("nobody@shop.example"), refused("second@shop.example"));
        assert_eq!(site.forgot(OWNER).status, 503);
        let answer =
            || site.world.write(|tx, means| identity::answer_password_resets(tx, means, 600)).unwrap();
        assert_eq!((answer(), answer(), answer()), (600, 400, 0), "oldest first, each once");
        assert_eq!(site.mails("password_reset"), 1);
        assert_eq!(site.forgot(OWNER).status, 202);
    });
}

#[test]
fn pw_6_a_link_works_for_half_an_hour_the_newest_alone_and_not_for_who_left() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        site.member(shop, "second@shop.example", &[Role::Owner]);
        site.forgot(OWNER);
        let first = site.reset_link();
        site.forgot(OWNER);
        let second = site.reset_link();
        assert_eq!(site.set(&first, NEW).code(), "link_gone", "a newer one was sent");
        site.world.wait(30 * 60);
        assert_eq!(site.set(&second, NEW).code(), "link_gone", "half an hour is over");
        site.forgot(OWNER);
        let third = site.reset_link();
        site.world.wait(30 * 60 - 1);
        assert_eq!(site.set(&third, NEW).status, 204);
        site.forgot("second@shop.example");
        let fourth = site.reset_link();
        site.world
            .write(move |tx, means| {
                let actor = Actor::Operator;
                let all = identity::list_members(tx, means.vault, &actor, shop)?;
                let leaver = all.iter().find(|(_, person)| person.email.expose().starts_with("second"));
                identity::remove_member(tx, means, &actor, shop, leaver.unwrap().0.id)
            })
            .unwrap();
        assert_eq!(site.set(&fourth, NEW).code(), "link_gone");
        assert_eq!(site.forgot("second@shop.example").status, 202, "a leaver is as unknown as anybody");
        assert_eq!(site.mails("password_reset"), 0);
    });
}

#[test]
fn pw_4_links_are_limited_by_place_and_strangers_do_not_use_up_those_of_the_usual_one() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        for _ in 0..3 {
            assert_eq!(site.forgot(OWNER).status, 202);
        }
        let refused = site.forgot(OWNER);
        assert_eq!(refused.status, 429);
        assert!(refused.retry_after.is_some_and(|seconds| seconds >= 900), "{:?}", refused.retry_after);
        let ask = |origin: &'static str| {
            site.world.write(move |tx, means| {
                let email = crate::world::email("other@shop.example");
                identity::request_password_reset(tx, means, &email, origin, "https://pay.example")
            })
        };
        let strangers = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"];
        let sent: usize = strangers.iter().map(|origin| (0..3).filter(|_| ask(origin).is_ok()).count()).sum();
        assert_eq!(sent, 10, "ten a day from places that are not known");
    });
}

#[test]
fn pw_2_a_password_that_came_onto_the_list_is_changed_before_anything_else() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let hash = hash_password(&password(LISTED), &Dice::System);
        site.world.member(shop, OWNER, &[Role::Owner], &hash);
        let opened = site.first_step(OWNER, LISTED);
        assert_eq!(opened.status, 201, "{}", opened.body);
        let token = opened.text("token");
        let closed: [(Method, &str, Option<Value>); 5] = [
            (Method::GET, "/v1/members", None),
            (Method::GET, "/v1/shop", None),
            (Method::GET, "/v1/me/sessions", None),
            (Method::GET, "/v1/me/factors", None),
            (Method::POST, "/v1/me/factors/totp", Some(json!({"label": "phone"}))),
        ];
        for (method, path, body) in closed {
            let refused = site.send(method, path, Some(&token), body.as_ref());
            assert_eq!((refused.status, refused.code()), (403, "password_change_needed"), "{path}");
        }
        assert_eq!(site.get("/v1/me", Some(&token)).status, 200, "who one is stays visible");
        assert_eq!(site.change(&token, LISTED, LISTED).code(), "invalid_request", "not to a listed one");
        assert_eq!(site.change(&token, LISTED, OF_THE_SHOP).code(), "invalid_request", "v6.2.11");
        assert_eq!(site.change(&token, "wrong", NEW).code(), "password_wrong");
        let changed = site.change(&token, LISTED, NEW);
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401, "the session goes on under a new token");
        let offer =
            site.post("/v1/me/factors/totp", Some(&changed.text("token")), &json!({"label": "phone"}));
        assert_eq!(offer.status, 201, "{}", offer.body);
        assert_eq!(site.first_step(OWNER, NEW).status, 201);
        assert_eq!((site.world.audited("member.password_due"), site.mails("password_changed")), (1, 1));
    });
}

#[test]
fn pw_2_a_password_that_is_on_no_list_opens_as_before() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        let token = site.first_step(OWNER, OLD).text("token");
        assert_eq!(site.get("/v1/me/sessions", Some(&token)).status, 200);
        assert_eq!(site.world.audited("member.password_due"), 0);
    });
}

#[test]
fn v6_2_10_a_password_a_thousand_days_old_opens_and_nobody_asks_for_another() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        let set = || {
            let sql = "SELECT password FROM members";
            site.world.cx.db.read_blocking(|tx| tx.query(sql, &[])).unwrap()[0].text(0).unwrap().to_owned()
        };
        let before = set();
        site.world.wait(1_000 * 86_400);
        let opened = site.first_step(OWNER, OLD);
        assert_eq!(opened.status, 201, "{}", opened.body);
        assert_eq!(site.get("/v1/me/sessions", Some(&opened.text("token"))).status, 200);
        assert_eq!((site.world.audited("member.password_due"), set()), (0, before));
    });
}

#[test]
fn c14_a_member_lists_and_ends_the_own_sessions_over_the_api_and_no_others() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let first = site.member(shop, OWNER, &[Role::Owner]);
        let (first, _, codes) = site.enrol(&first);
        let stranger = site.member(shop, "cashier@shop.example", &[Role::Cashier]);
        let begun = site.first_step(OWNER, OLD);
        let step = json!({"token": begun.text("token"), "kind": "recovery", "code": codes[0]});
        let second = site.post("/v1/second_steps", None, &step);
        assert_eq!(second.status, 201, "{}", second.body);
        let second = second.text("token");
        let list = site.get("/v1/me/sessions", Some(&second));
        let lines = list.body["data"].as_array().unwrap().clone();
        assert_eq!(lines.len(), 2);
        let other = lines.iter().find(|line| line["is_current"] == json!(false)).unwrap();
        let path = format!("/v1/me/sessions/{}", other["id"].as_str().unwrap());
        assert_eq!(site.delete(&path, Some(&stranger)).status, 404, "somebody else's");
        assert_eq!(site.delete(&path, None).status, 401);
        assert_eq!(site.get("/v1/me", Some(&first)).status, 200);
        assert_eq!(site.delete(&path, Some(&second)).status, 204);
        assert_eq!(site.get("/v1/me", Some(&first)).status, 401);
        let begun = site.first_step(OWNER, OLD);
        let step = json!({"token": begun.text("token"), "kind": "recovery", "code": codes[1]});
        let third = site.post("/v1/second_steps", None, &step).text("token");
        let ended = site.delete("/v1/me/sessions", Some(&third));
        assert_eq!((ended.status, ended.body["ended"].as_i64()), (200, Some(1)));
        assert_eq!(site.get("/v1/me", Some(&second)).status, 401);
        assert_eq!(site.get("/v1/me", Some(&third)).status, 200, "the one that asks stays");
        assert_eq!(site.delete("/v1/me/sessions", None).status, 401);
    });
}

#[test]
fn v7_5_2_another_session_is_ended_with_a_second_factor_of_15_minutes_and_the_own_one_at_any_time() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let first = site.member(shop, OWNER, &[Role::Owner]);
        let (first, key, codes) = site.enrol(&first);
        let step = |site: &Site, code: &str| {
            let begun = site.first_step(OWNER, OLD);
            let step = json!({"token": begun.text("token"), "kind": "recovery", "code": code});
            site.post("/v1/second_steps", None, &step).text("token")
        };
        let second = step(&site, &codes[0]);
        let list = site.get("/v1/me/sessions", Some(&second));
        let line = |is_current: bool| {
            let lines = list.body["data"].as_array().unwrap();
            let line = lines.iter().find(|line| line["is_current"] == json!(is_current)).unwrap();
            format!("/v1/me/sessions/{}", line["id"].as_str().unwrap())
        };
        let stay = |seconds: i64| {
            site.world.wait(seconds);
            assert_eq!(site.get("/v1/me", Some(&first)).status, 200);
            assert_eq!(site.get("/v1/me", Some(&second)).status, 200);
        };
        stay(450);
        stay(450);
        for path in [line(false), "/v1/me/sessions".to_owned()] {
            let refused = site.delete(&path, Some(&second));
            assert_eq!((refused.status, refused.code()), (403, "step_up_needed"), "{path}");
        }
        assert_eq!(site.get("/v1/me", Some(&first)).status, 200, "the other one goes on");
        let proof = json!({"kind": "totp", "code": site.app_code(&key)});
        let again = site.post("/v1/session/step-up", Some(&second), &proof);
        assert_eq!(again.status, 200, "{}", again.body);
        let second = again.text("token");
        site.world.wait(899);
        assert_eq!(site.delete(&line(false), Some(&second)).status, 204, "a second before it is too old");
        assert_eq!(site.get("/v1/me", Some(&first)).status, 401);
        site.world.wait(1);
        assert_eq!(site.delete(&line(true), Some(&second)).status, 204, "one's own needs no proof");
        assert_eq!(site.get("/v1/me", Some(&second)).status, 401);
    });
}

#[test]
fn v7_5_2_a_buyer_with_nothing_but_a_pin_ends_another_session_with_a_code_to_the_contact() {
    each_site(|site| {
        let first = site.buyer("a@b.example").text("token");
        let asked = site.post("/v1/buyer_sessions", None, &json!({"contact": "a@b.example"}));
        let code = crate::world::code_in(&site.world.deliver().pop().unwrap().body);
        let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
        let second = site.post(&path, None, &json!({ "code": code })).text("token");
        site.world.wait(900);
        let pin = json!({"pin": crate::world::PIN});
        let wake =
            |token: &str| site.post("/v1/buyer_sessions/current/wake", Some(token), &pin).text("token");
        let (first, second) = (wake(&first), wake(&second));
        let refused = site.delete("/v1/me/sessions", Some(&second));
        assert_eq!((refused.status, refused.code()), (403, "step_up_needed"), "the PIN alone is not enough");
        site.world.deliver();
        let asked = site.post("/v1/session/code", Some(&second), &json!({}));
        let code = crate::world::code_in(&site.world.deliver().pop().unwrap().body);
        let proof = json!({"kind": "contact", "code": code, "request": asked.text("id")});
        let second = site.post("/v1/session/step-up", Some(&second), &proof).text("token");
        let ended = site.delete("/v1/me/sessions", Some(&second));
        assert_eq!((ended.status, ended.body["ended"].as_i64()), (200, Some(1)), "{}", ended.body);
        assert_eq!(site.get("/v1/me", Some(&first)).status, 401);
    });
}

#[test]
fn ses_1_a_password_given_anew_by_whoever_holds_a_session_ends_that_one() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        let again = |held: Option<&str>| {
            let body = json!({"email": OWNER, "password": OLD});
            site.post("/v1/member_sessions", held, &body).text("token")
        };
        let first = again(None);
        let elsewhere = again(None);
        let second = again(Some(&first));
        assert_eq!(site.get("/v1/me", Some(&first)).status, 401, "the session that was held ended");
        assert_eq!(site.get("/v1/me", Some(&elsewhere)).status, 200, "one elsewhere did not");
        let wrong =
            site.post("/v1/member_sessions", Some(&second), &json!({"email": OWNER, "password": "x"}));
        assert_eq!(wrong.status, 401);
        assert_eq!(site.get("/v1/me", Some(&second)).status, 200, "a wrong password ends nothing");
    });
}

#[test]
fn pw_1_beside_a_second_factor_eight_characters_do_and_alone_they_do_not() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let alone = site.member(shop, OWNER, &[Role::Owner]);
        site.forgot(OWNER);
        let link = site.reset_link();
        assert_eq!(site.set(&link, "kv7 mzqx").code(), "invalid_request", "nothing stands beside it yet");
        assert_eq!(site.set(&link, "kv7 mzqx rhd 3b").status, 204);
        assert_eq!(site.get("/v1/me", Some(&alone)).status, 401);
        site.world.wait(1);
        let token = site.first_step(OWNER, "kv7 mzqx rhd 3b").text("token");
        let (token, _, _) = site.enrol(&token);
        assert_eq!(site.change(&token, "kv7 mzqx rhd 3b", "kv7 mzq").code(), "invalid_request");
        let changed = site.change(&token, "kv7 mzqx rhd 3b", "kv7 mzqx");
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(site.change(&changed.text("token"), "kv7 mzqx", "password").code(), "invalid_request");
        site.forgot(OWNER);
        assert_eq!(site.set(&site.reset_link(), "qx9 wtnb").status, 204, "by a link as well");
    });
}

#[test]
fn pw_3_a_hash_with_weaker_parameters_is_made_anew_at_the_next_sign_in() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let params = argon2::Params::new(8192, 1, 1, None).unwrap();
        let hasher = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let weak = hasher.hash_password_with_salt(OLD.as_bytes(), b"0123456789abcdef").unwrap().to_string();
        let weak = identity::PasswordHash::parse(&weak).expect("a hash in PHC form");
        assert!(weak.is_outdated() && identity::verify_password(&password(OLD), &weak));
        site.world.member(shop, OWNER, &[Role::Owner], &weak);
        let stored = || {
            let rows = site.world.cx.db.read_blocking(|tx| tx.query("SELECT password FROM members", &[]));
            identity::PasswordHash::parse(rows.unwrap()[0].text(0).unwrap()).unwrap()
        };
        assert_eq!(site.first_step(OWNER, NEW).status, 401);
        assert_eq!(stored(), weak, "a wrong password changes nothing");
        assert_eq!(site.first_step(OWNER, OLD).status, 201);
        let made = stored();
        assert!(!made.is_outdated() && identity::verify_password(&password(OLD), &made));
        assert_eq!(site.first_step(OWNER, OLD).status, 201);
        assert_eq!(stored(), made, "once");
    });
}
