//! Power taken for a time in an emergency: who takes it, what it opens, how it ends, and who looks at it.

use axum::http::Method;
use identity::{Role, limits};
use serde_json::{Value, json};

use crate::http::{Reply, Site, each_site};

const OWNER: &str = "owner@shop.example";
const GUARD: &str = "guard@shop.example";

impl Site {
    fn take(&self, token: &str, role: &str, minutes: i64) -> Reply {
        let body = json!({"role": role, "minutes": minutes, "reason": "nobody else is there"});
        self.post("/v1/emergencies", Some(token), &body)
    }

    fn end(&self, token: &str, id: &str) -> Reply {
        self.post(&format!("/v1/emergencies/{id}/end"), Some(token), &json!({}))
    }

    fn sign_off(&self, token: &str, id: &str) -> Reply {
        let body = json!({"note": "looked at it all"});
        self.post(&format!("/v1/emergencies/{id}/review"), Some(token), &body)
    }

    /// Something that a manager may do and security may not.
    fn set_policy(&self, token: &str) -> u16 {
        let body = json!({"factor_above_minor": 50_000});
        self.send(Method::PUT, "/v1/shop/buyer_policy", Some(token), Some(&body)).status
    }

    fn taken(&self, token: &str) -> Vec<Value> {
        self.get("/v1/emergencies", Some(token)).body["data"].as_array().unwrap().clone()
    }

    /// The entries of the log about an action, as they are written.
    fn entries(&self, action: &str) -> Vec<String> {
        let rows =
            self.world.cx.db.read_blocking(|tx| tx.query("SELECT body FROM audit_entries", &[])).unwrap();
        let wanted = format!("\"action\":\"{action}\"");
        let all = rows.iter().map(|row| row.text(0).unwrap().to_owned());
        all.filter(|body| body.contains(&wanted)).collect()
    }
}

#[test]
fn az_8_power_is_taken_for_a_time_in_one_session_and_everybody_who_watches_is_told() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        let guard = site.member(shop, GUARD, &[Role::Security]);
        site.member(shop, "cashier@shop.example", &[Role::Cashier]);
        let id: base::MemberId = site.get("/v1/me", Some(&guard)).text("id").parse().unwrap();
        let agent = identity::Label::from_agent("elsewhere");
        let open = move |tx: &mut store::Tx<'_>, means: &identity::Means<'_>| {
            identity::open_trusted_member_session(tx, means, id, &agent)
        };
        let elsewhere = site.world.write(open).unwrap().token.secret().expose().clone();
        assert_eq!(site.set_policy(&guard), 403);
        let made = site.take(&guard, "manager", 10);
        assert_eq!((made.status, made.text("state")), (201, "running".to_owned()), "{}", made.body);
        let mut told: Vec<String> = site
            .world
            .deliver()
            .iter()
            .map(|mail| {
                assert_eq!(mail.template, "emergency_begun");
                assert!(mail.body.expose().contains("nobody else is there"));
                mail.recipient.expose().clone()
            })
            .collect();
        told.sort();
        assert_eq!(told, [GUARD, OWNER], "whoever it was, and nobody else");
        assert_eq!(site.set_policy(&guard), 204);
        assert_eq!(site.set_policy(&elsewhere), 403, "in this session alone");
        let named = format!("\"under\":\"{}\"", made.text("id"));
        let done = site.entries("shop.buyer_policy_changed");
        assert!(done.len() == 1 && done[0].contains(&named), "{done:?}");
        assert!(site.entries("emergency.begun")[0].contains("nobody else is there"));

        site.world.wait(10 * 60 - 1);
        assert_eq!(site.set_policy(&guard), 204, "up to the last second");
        site.world.wait(1);
        assert_eq!(site.set_policy(&guard), 403, "it ends by itself");
        assert_eq!(site.taken(&guard)[0]["state"], "unreviewed");
        assert_eq!(site.entries("emergency.ended").len(), 0);
        let close = || site.world.write(identity::end_due_emergencies).unwrap();
        assert_eq!((close(), close()), (1, 0));
        assert_eq!(site.entries("emergency.ended").len(), 1);
        let ended = &site.taken(&guard)[0];
        assert_eq!((&ended["ended_at"], &ended["ended_by"]), (&ended["ends_at"], &json!("system")));
    });
}

#[test]
fn az_8_without_the_right_a_fresh_factor_or_a_gain_nothing_is_taken() {
    each_site(|site| {
        let (shop, other) = (site.world.shop().id, site.world.shop().id);
        let owner = site.member(shop, OWNER, &[Role::Owner]);
        let guard = site.member(shop, GUARD, &[Role::Security]);
        let manager = site.member(shop, "manager@shop.example", &[Role::Manager]);
        let stranger = site.member(other, "stranger@shop.example", &[Role::Owner]);
        let buyer = site.buyer("a@b.example").text("token");
        assert_eq!(site.post("/v1/emergencies", None, &json!({})).status / 100, 4);
        for token in [&manager, &buyer] {
            assert_eq!(site.take(token, "owner", 5).status, 403);
        }
        assert_eq!(site.take(&owner, "manager", 5).code(), "emergency_gains_nothing");
        assert_eq!(site.take(&guard, "security", 5).code(), "emergency_gains_nothing");
        assert_eq!(site.take(&guard, "operator", 5).code(), "invalid_request", "a role of the house");
        for (role, minutes, reason) in [
            ("integration", 5, "nobody else is there"),
            ("manager", 0, "nobody else is there"),
            ("manager", limits::EMERGENCY_MINUTES_MAX + 1, "nobody else is there"),
            ("manager", 5, "because"),
        ] {
            let body = json!({"role": role, "minutes": minutes, "reason": reason});
            assert_eq!(site.post("/v1/emergencies", Some(&guard), &body).status, 400, "{body}");
        }
        let made = site.take(&guard, "manager", limits::EMERGENCY_MINUTES_MAX);
        assert_eq!(made.status, 201);
        assert_eq!(site.take(&guard, "finance", 5).code(), "emergency_running");
        let id = made.text("id");
        assert_eq!((site.end(&stranger, &id).status, site.sign_off(&stranger, &id).status), (404, 404));
        assert_eq!(site.end(&manager, &id).status, 403);
        assert_eq!(site.set_policy(&guard), 204, "it still counts");
        assert_eq!(site.end(&owner, &id).status, 200);
        assert_eq!(site.end(&owner, &id).status, 200, "twice is no error");
        assert_eq!(site.set_policy(&guard), 403, "and is over with the next request");
        assert_eq!(site.entries("emergency.ended").len(), 1);
        site.world.wait(limits::OPEN_STEP_UP_SECONDS);
        assert_eq!(site.take(&guard, "manager", 5).code(), "step_up_needed");
        assert_eq!(site.taken(&owner).len(), 1);
    });
}

#[test]
fn az_8_what_is_taken_is_not_passed_on_and_does_not_last() {
    each_site(|site| {
        let shop = site.world.shop().id;
        site.member(shop, OWNER, &[Role::Owner]);
        let guard = site.member(shop, GUARD, &[Role::Security]);
        assert_eq!(site.take(&guard, "owner", 30).status, 201);
        assert_eq!(site.set_policy(&guard), 204);
        let invite = json!({"name": "Wang Wu", "email": "w@shop.example", "roles": ["manager"]});
        assert_eq!(site.post("/v1/members", Some(&guard), &invite).code(), "more_than_own");
        let role = json!({"name": "Mine", "permissions": ["view payments"]});
        assert_eq!(site.post("/v1/roles", Some(&guard), &role).status, 403, "no roles are made with it");
        let key = json!({"label": "mine", "role": "detokenise"});
        assert_eq!(site.post("/v1/api_keys", Some(&guard), &key).status, 403, "nor keys that open cards");
    });
}

#[test]
fn az_8_somebody_else_signs_it_off_afterwards_once_and_three_wait_at_most() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let owner = site.member(shop, OWNER, &[Role::Owner]);
        let guard = site.member(shop, GUARD, &[Role::Security]);
        let manager = site.member(shop, "manager@shop.example", &[Role::Manager]);
        let mut all = Vec::new();
        for _ in 0..limits::EMERGENCIES_UNREVIEWED_MAX {
            let made = site.take(&guard, "manager", 5);
            assert_eq!(made.status, 201, "{}", made.body);
            let id = made.text("id");
            assert_eq!(site.sign_off(&owner, &id).code(), "emergency_running", "not before it is over");
            assert_eq!(site.end(&guard, &id).status, 200, "who took it may end it");
            all.push(id);
        }
        assert_eq!(site.take(&guard, "manager", 5).code(), "emergency_unreviewed");
        assert_eq!(site.sign_off(&guard, &all[0]).code(), "own_proposal", "nobody signs off their own");
        assert_eq!(site.sign_off(&manager, &all[0]).status, 403);
        let empty =
            site.post(&format!("/v1/emergencies/{}/review", all[0]), Some(&owner), &json!({"note": "ok"}));
        assert_eq!(empty.status, 400);
        let done = site.sign_off(&owner, &all[0]);
        assert_eq!((done.status, done.text("state")), (200, "reviewed".to_owned()), "{}", done.body);
        assert_eq!(site.sign_off(&owner, &all[0]).code(), "already_decided");
        let states: Vec<Value> = site.taken(&owner).iter().map(|one| one["state"].clone()).collect();
        assert_eq!(states, ["unreviewed", "unreviewed", "reviewed"]);
        assert_eq!(site.take(&guard, "manager", 5).status, 201, "a place is free");
        assert_eq!(site.entries("emergency.reviewed").len(), 1);
        let own = "UPDATE emergencies SET reviewer = member_id";
        assert!(site.world.write(move |tx, _| tx.execute(own, &[]).map(drop)).is_err(), "nor in the table");
    });
}
