//! Who may change how an account is reached: not a session that sleeps, not in a frozen account, and not one that has shown the
//! password alone.

use axum::http::Method;
use identity::Role;
use serde_json::json;

use crate::http::{Site, each_site};
use crate::world::{PIN, code_in};

const GOOD: &str = "pencil river nine kettles";
const APP: &str = "/v1/me/factors/totp";

fn offer(site: &Site, token: &str) -> (u16, String) {
    let offered = site.post(APP, Some(token), &json!({"label": "phone"}));
    (offered.status, if offered.status < 300 { String::new() } else { offered.code().to_owned() })
}

#[test]
fn ses_1_a_sleeping_session_adds_no_factor_and_is_not_woken_by_one() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        let offered = site.post(APP, Some(&token), &json!({"label": "phone"}));
        assert_eq!(offered.status, 201);
        site.world.wait(301);
        let asleep = (403, "session_asleep".to_owned());
        assert_eq!(offer(&site, &token), asleep);
        let key = identity::read_totp_key(&offered.text("key")).unwrap();
        let path = format!("{APP}/{}/confirm", offered.text("id"));
        let confirmed = site.post(&path, Some(&token), &json!({"code": site.app_code(&key)}));
        assert_eq!((confirmed.status, confirmed.code()), (403, "session_asleep"));
        let codes = site.post("/v1/me/recovery_codes", Some(&token), &json!({}));
        assert_eq!((codes.status, codes.code()), (403, "session_asleep"));
        assert_eq!(site.get("/v1/me", Some(&token)).code(), "session_asleep", "and it sleeps on");
    });
}

#[test]
fn c16_freezing_over_the_api_is_freezing_everything() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        let asked = site.post("/v1/buyer_sessions", None, &json!({"contact": "a@b.example"}));
        let code = code_in(&site.world.deliver().iter().find(|mail| mail.template == "code").unwrap().body);
        let path = format!("/v1/buyer_sessions/{}/verify", asked.text("id"));
        let other = site.post(&path, None, &json!({ "code": code })).text("token");
        assert_eq!(site.get("/v1/me", Some(&other)).status, 200);
        site.world.deliver();
        assert_eq!(site.post("/v1/me/freeze", Some(&token), &json!({})).status, 204);
        assert_eq!(site.get("/v1/me", Some(&other)).status, 401, "the other device is out");
        assert_eq!(site.get("/v1/me", Some(&token)).text("state"), "frozen");
        assert!(site.world.deliver().iter().any(|mail| mail.template == "frozen"), "the buyer is told");
        assert_eq!(site.world.audited("case.opened"), 1);
        assert_eq!(
            offer(&site, &token),
            (403, "account_not_active".to_owned()),
            "nothing is added meanwhile"
        );
    });
}

#[test]
fn v7_5_1_a_session_from_before_the_first_factor_ends_with_it_and_changes_no_password() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let first = site.member(shop, "owner@shop.example", &[Role::Owner]);
        let body = json!({"email": "owner@shop.example", "password": GOOD});
        let second = site.post("/v1/member_sessions", None, &body).text("token");
        assert_eq!(site.get("/v1/me/sessions", Some(&second)).status, 200);
        let (first, _, _) = site.enrol(&first);
        let body = json!({"old_password": GOOD, "new_password": "another long enough password"});
        let changed = site.send(Method::PUT, "/v1/me/password", Some(&second), Some(&body));
        assert_eq!(changed.status, 401, "{}", changed.body);
        assert_eq!(site.get("/v1/me/sessions", Some(&second)).status, 401);
        assert_eq!(site.get("/v1/me/sessions", Some(&first)).status, 200);
    });
}

#[test]
fn a_role_of_ones_own_is_not_called_like_one_that_every_shop_has() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let owner = site.member(shop, "owner@shop.example", &[Role::Owner]);
        let (owner, _, _) = site.enrol(&owner);
        for name in ["Owner", " owner", "OWNER", "Ｏｗｎｅｒ", "店主", "Risk."] {
            let made = site.post(
                "/v1/roles",
                Some(&owner),
                &json!({"name": name, "permissions": ["view payments"]}),
            );
            assert!((400..500).contains(&made.status), "{name}: {}", made.body);
        }
        let made = site.post(
            "/v1/roles",
            Some(&owner),
            &json!({"name": "Night shift", "permissions": ["view payments"]}),
        );
        assert_eq!(made.status, 201, "{}", made.body);
    });
}

#[test]
fn the_pin_still_wakes_a_session() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        site.world.wait(301);
        let woken = site.post("/v1/buyer_sessions/current/wake", Some(&token), &json!({ "pin": PIN }));
        assert_eq!(offer(&site, &woken.text("token")), (201, String::new()));
    });
}
