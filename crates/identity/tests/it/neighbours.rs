//! Whoever shares a network address with somebody who is signed in, and tries what they can, keeps them from nothing.

use axum::http::Method;
use identity::Role;
use serde_json::json;

use crate::http::each_site;

const LI: &str = "li.si@shop.example";
const PASSWORD: &str = "pencil river nine kettles";

#[test]
fn pw_4_wrong_passwords_of_a_neighbour_keep_no_member_from_changing_their_own() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let token = site.member(shop, LI, &[Role::Cashier]);
        let begin = |password: &str| {
            site.post("/v1/member_sessions", None, &json!({"email": LI, "password": password})).status
        };
        let statuses: Vec<u16> = (0..10).map(|_| begin("not the right one at all")).collect();
        assert_eq!(statuses, [401; 10]);
        assert_eq!(begin(PASSWORD), 429, "at the door the address has used its tries up");
        let change = |old: &str| {
            let body = json!({"old_password": old, "new_password": "seven lamps under the bridge"});
            site.send(Method::PUT, "/v1/me/password", Some(&token), Some(&body)).status
        };
        assert_eq!(change("not the right one at all"), 403);
        assert_eq!(change(PASSWORD) / 100, 2, "within the session it has not");
    });
}

#[test]
fn pw_4_wrong_passwords_within_a_session_are_limited_by_it() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let token = site.member(shop, LI, &[Role::Cashier]);
        let change = |old: &str| {
            let body = json!({"old_password": old, "new_password": "seven lamps under the bridge"});
            site.send(Method::PUT, "/v1/me/password", Some(&token), Some(&body)).status
        };
        let statuses: Vec<u16> = (0..10).map(|_| change("not the right one at all")).collect();
        assert_eq!(statuses, [403; 10]);
        assert_eq!(change(PASSWORD), 429);
        let other = site.post("/v1/member_sessions", None, &json!({"email": LI, "password": PASSWORD}));
        assert_eq!(other.status, 201, "and whoever is in it shuts nobody out elsewhere");
    });
}

#[test]
fn pw_4_wrong_codes_of_a_neighbour_keep_nobody_from_a_step_up() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let token = site.member(shop, LI, &[Role::Cashier]);
        let (token, key, _) = site.enrol(&token);
        site.world.wait(60);
        let wrong = |step: &str| {
            site.post("/v1/second_steps", None, &json!({"token": step, "kind": "totp", "code": "000000"}))
        };
        let mut statuses = Vec::new();
        while statuses.last() != Some(&429) {
            let first = site.post("/v1/member_sessions", None, &json!({"email": LI, "password": PASSWORD}));
            let step = first.text("token");
            statuses.extend((0..5).map(|_| wrong(&step).status));
            assert!(statuses.len() <= 20, "{statuses:?}");
        }
        let proof = json!({"kind": "totp", "code": site.app_code(&key)});
        let done = site.post("/v1/session/step-up", Some(&token), &proof);
        assert_eq!(done.status / 100, 2, "{}", done.body);
    });
}
