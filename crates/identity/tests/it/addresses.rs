//! A member's address, changed by the member, and taken back by whoever reads the old one.

use base::{MemberId, ShopId};
use identity::cases::{CaseError, Cause, Listed, list_cases, take_case};
use identity::{Actor, Label, MemberState, Role, Token, TokenKind};
use serde_json::json;

use crate::http::{Reply, Site, each_site};
use crate::world::{World, code_in};

pub const OLD: &str = "li.si@shop.example";
const NEW: &str = "li.si@new.example";
const PASSWORD: &str = "pencil river nine kettles";
const FREEZE: &str = "https://pay.example/freeze/";

impl Site {
    fn ask_address(&self, token: &str, email: &str) -> Reply {
        self.post("/v1/me/address_changes", Some(token), &json!({ "email": email }))
    }

    fn set_address(&self, token: &str, request: &str, email: &str, code: &str) -> Reply {
        let path = format!("/v1/me/address_changes/{request}/finish");
        self.post(&path, Some(token), &json!({"email": email, "code": code}))
    }

    fn can_begin(&self, email: &str) -> u16 {
        self.post("/v1/member_sessions", None, &json!({"email": email, "password": PASSWORD})).status
    }
}

/// The code in the newest mail that holds one.
fn sent_code(world: &World) -> String {
    let mails = world.deliver();
    code_in(&mails.iter().rfind(|mail| mail.template == "sent_code").unwrap().body)
}

fn id_of(site: &Site, token: &str) -> MemberId {
    site.get("/v1/me", Some(token)).text("id").parse().unwrap()
}

fn state_of(site: &Site, shop: ShopId, id: MemberId) -> MemberState {
    site.world.read(|tx, _| identity::find_member(tx, shop, id)).unwrap().unwrap().state
}

/// Moves a member to the new address: the token that goes on, and the last part of the link that the old one got.
pub fn moved(site: &Site, token: &str) -> (String, String) {
    moved_from(site, token, (OLD, NEW))
}

fn moved_from(site: &Site, token: &str, (from, to): (&str, &str)) -> (String, String) {
    let asked = site.ask_address(token, to);
    assert_eq!(asked.status, 202, "{}", asked.body);
    let done = site.set_address(token, &asked.text("id"), to, &sent_code(&site.world));
    assert_eq!(done.status, 200, "{}", done.body);
    let mails = site.world.deliver();
    let told = mails.iter().find(|mail| mail.recipient.expose() == from).unwrap();
    let link = told.body.expose().split(FREEZE).nth(1).unwrap();
    let new = mails.iter().find(|mail| mail.recipient.expose() == to).unwrap();
    assert!(!new.body.expose().contains(FREEZE), "the new one cannot stop it");
    (done.text("token"), link.split_whitespace().next().unwrap().to_owned())
}

#[test]
fn v7_5_1_a_member_changes_the_address_with_the_new_ones_code_and_the_old_one_is_told() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let token = site.member(shop, OLD, &[Role::Cashier]);
        site.member(shop, "owner@shop.example", &[Role::Owner]);
        let elsewhere = site.post("/v1/member_sessions", None, &json!({"email": OLD, "password": PASSWORD}));
        let elsewhere = elsewhere.text("token");
        assert_eq!(site.get("/v1/me", Some(&elsewhere)).status, 200);
        site.post("/v1/password_resets", None, &json!({ "email": OLD }));
        let mails = site.world.deliver();
        let mail = mails.iter().find(|mail| mail.template == "password_reset").unwrap();
        let reset = mail.body.expose().split("/reset/").nth(1).unwrap().split_whitespace().next().unwrap();

        let (renewed, _) = moved(&site, &token);
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401, "the session goes on under a new token");
        assert_eq!(site.get("/v1/me", Some(&elsewhere)).status, 401, "and every other one ended");
        assert_eq!(site.get("/v1/me", Some(&renewed)).status, 200);
        let body = json!({"token": reset, "new_password": "seven lamps under the bridge"});
        assert_eq!(site.post("/v1/password_resets/finish", None, &body).code(), "link_gone");
        assert_eq!((site.can_begin(OLD), site.can_begin(NEW)), (401, 201));
        site.post("/v1/password_resets", None, &json!({ "email": OLD }));
        let links = site.world.deliver().iter().filter(|mail| mail.template == "password_reset").count();
        assert_eq!(links, 0, "the old address opens nothing");
        assert_eq!(site.world.audited("member.address_changed"), 1);
    });
}

#[test]
fn v7_5_1_an_old_proof_a_wrong_code_another_address_and_a_second_use_change_nothing() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let token = site.member(shop, OLD, &[Role::Cashier]);
        let other = site.member(shop, "other@shop.example", &[Role::Cashier]);
        assert_eq!(site.ask_address(&token, "no address").status, 400);
        let asked = site.ask_address(&token, NEW);
        let (request, code) = (asked.text("id"), sent_code(&site.world));
        let wrong = if code == "000000" { "000001" } else { "000000" };
        assert_eq!(site.set_address(&token, &request, NEW, wrong).code(), "one_time_code_wrong");
        let elsewhere = site.set_address(&token, &request, "thief@new.example", &code);
        assert_eq!(elsewhere.code(), "one_time_code_wrong", "the code is for one address");
        let stranger = site.set_address(&other, &request, NEW, &code);
        assert_eq!(stranger.code(), "one_time_code_wrong", "and for one session");
        assert_eq!((site.can_begin(OLD), site.can_begin(NEW)), (201, 401));
        let done = site.set_address(&token, &request, NEW, &code);
        assert_eq!(done.status, 200, "{}", done.body);
        let token = done.text("token");
        assert_eq!(site.set_address(&token, &request, NEW, &code).code(), "one_time_code_gone", "once");

        let late = site.ask_address(&token, OLD);
        let code = sent_code(&site.world);
        site.world.wait(600);
        assert_eq!(site.set_address(&token, &late.text("id"), OLD, &code).code(), "one_time_code_gone");
        site.world.wait(299);
        assert_eq!(site.ask_address(&token, OLD).status, 202, "a proof counts for 15 minutes");
        site.world.wait(1);
        let refused = site.ask_address(&token, OLD);
        assert!(["unauthenticated", "step_up_needed"].contains(&refused.code()), "{}", refused.body);
        assert_eq!(site.post("/v1/me/address_changes", None, &json!({"email": OLD})).status, 401);
        let buyer = site.buyer("a@b.example").text("token");
        assert_eq!(site.ask_address(&buyer, OLD).status, 403);
    });
}

#[test]
fn pw_5_that_an_address_is_somebody_elses_is_said_to_whoever_reads_it_alone() {
    each_site(|site| {
        let (shop, another) = (site.world.shop().id, site.world.shop().id);
        let token = site.member(shop, OLD, &[Role::Cashier]);
        site.member(another, NEW, &[Role::Cashier]);
        let free = site.ask_address(&token, "free@new.example");
        site.world.deliver();
        let asked = site.ask_address(&token, NEW);
        assert_eq!((asked.status, asked.text("expires_at")), (free.status, free.text("expires_at")));
        let taken = site.set_address(&token, &asked.text("id"), NEW, &sent_code(&site.world));
        assert_eq!((taken.status, taken.code()), (409, "member_exists"));
        assert_eq!(site.can_begin(OLD), 201);
        assert_eq!(site.world.audited("member.address_changed"), 0);
    });
}

#[test]
fn c16_the_link_at_the_old_address_puts_it_back_and_stops_the_account_once() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let owner = site.member(shop, "owner@shop.example", &[Role::Owner]);
        let token = site.member(shop, OLD, &[Role::Cashier]);
        let id = id_of(&site, &token);
        let (token, link) = moved(&site, &token);
        let press = || site.post("/v1/freeze_links", None, &json!({ "token": link }));
        assert_eq!(press().status, 204);
        assert_eq!(press().code(), "link_gone", "once");
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401, "signed out");
        assert_eq!(state_of(&site, shop, id), MemberState::Suspended);
        let mails = site.world.deliver();
        let told: Vec<_> = mails.iter().filter(|mail| mail.template == "colleague_stopped").collect();
        assert_eq!(told.len(), 1, "the owner, where nobody looks after security");
        assert!(told[0].body.expose().contains("case_"), "with the case that it opened");
        assert_eq!(site.world.audited("case.opened"), 1);
        assert_eq!(site.world.audited("member.address_disputed"), 1);

        let path = format!("/v1/members/{id}/restore");
        assert_eq!(site.post(&path, Some(&owner), &json!({})).status, 204);
        let told = site.world.deliver();
        let told: Vec<_> =
            told.iter().map(|mail| (mail.template.as_str(), mail.recipient.expose().as_str())).collect();
        assert_eq!(told, [("access_restored", OLD)]);
        assert_eq!((site.can_begin(OLD), site.can_begin(NEW)), (401, 401), "the password is void");
        site.post("/v1/password_resets", None, &json!({ "email": NEW }));
        assert_eq!(site.world.deliver().len(), 0);
        site.post("/v1/password_resets", None, &json!({ "email": OLD }));
        let mails = site.world.deliver();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].recipient.expose(), OLD, "the earlier address is the way in");
    });
}

/// Whoever takes an account over may change the address twice, and then holds a link of the first change.
#[test]
fn c16_a_younger_link_takes_no_older_one_along_and_the_oldest_has_the_last_word() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let press = |link: &str| site.post("/v1/freeze_links", None, &json!({ "token": link }));
        for (own, order) in [("one@shop.example", [1, 0]), ("two@shop.example", [0, 1])] {
            let (second, third) = (format!("second.{own}"), format!("third.{own}"));
            let token = site.member(shop, own, &[Role::Owner]);
            let id = id_of(&site, &token);
            let (token, victims) = moved_from(&site, &token, (own, &second));
            site.world.wait(1);
            let (_, thiefs) = moved_from(&site, &token, (&second, &third));
            let links = [victims, thiefs];
            let statuses = order.map(|which: usize| press(&links[which]).status);
            assert_eq!(statuses, if order[0] == 1 { [204, 204] } else { [204, 409] }, "{order:?}");
            site.world.deliver();
            site.post("/v1/password_resets", None, &json!({ "email": second }));
            site.post("/v1/password_resets", None, &json!({ "email": third }));
            assert_eq!(site.world.deliver().len(), 0, "nothing leads in by the thief's addresses: {order:?}");
            let found = site.world.read(|tx, means| {
                identity::find_member_person(tx, means.vault, shop, id)
                    .map(|person| person.email.expose().clone())
            });
            assert_eq!(found.unwrap(), own, "{order:?}");
        }
    });
}

#[test]
fn c16_a_last_owner_is_not_shut_out_by_the_link_and_it_ends_after_a_week() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let token = site.member(shop, OLD, &[Role::Owner]);
        let id = id_of(&site, &token);
        let (token, link) = moved(&site, &token);
        let parsed = Token::parse(TokenKind::Dispute, &link).unwrap();
        let open = || site.world.read(|tx, means| identity::find_dispute(tx, &parsed, means.now)).is_ok();
        site.world.wait(7 * 86_400 - 1);
        assert!(open());
        site.world.wait(1);
        assert!(!open(), "a week");
        site.world.wait(-1);
        assert_eq!(site.post("/v1/freeze_links", None, &json!({ "token": link })).status, 204);
        assert_eq!(state_of(&site, shop, id), MemberState::Active);
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401);
        let refused = site.world.write(move |tx, means| {
            let open =
                list_cases(tx, &Actor::Operator, ShopId::HOUSE, (Listed::Open, 9)).map(|open| open.len());
            assert_eq!(open, Ok(0), "a member's is their shop's");
            let opened =
                identity::open_trusted_member_session(tx, means, id, &Label::from_agent("desk")).unwrap();
            let session = identity::require_member(tx, &opened.token, means.now).unwrap();
            let me = Actor::Member(session);
            let case = list_cases(tx, &me, shop, (Listed::Open, 9)).unwrap().remove(0);
            assert_eq!((case.cause, case.person.as_str()), (Cause::Address, id.to_string().as_str()));
            Ok::<_, identity::Fault>(take_case(tx, means, &me, case.id))
        });
        assert_eq!(refused, Ok(Err(CaseError::OwnCase)));
        assert_eq!((site.can_begin(OLD), site.can_begin(NEW)), (401, 401));
        site.post("/v1/password_resets", None, &json!({ "email": OLD }));
        assert_eq!(site.world.deliver().iter().filter(|mail| mail.template == "password_reset").count(), 1);
    });
}

#[test]
fn c16_a_link_puts_no_address_back_that_is_somebody_elses_by_now_and_ends_with_its_member() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let owner = site.member(shop, "owner@shop.example", &[Role::Owner]);
        let token = site.member(shop, OLD, &[Role::Cashier]);
        let id = id_of(&site, &token);
        let (_, link) = moved(&site, &token);
        site.member(shop, OLD, &[Role::Cashier]);
        assert_eq!(site.post("/v1/freeze_links", None, &json!({ "token": link })).status, 204);
        assert_eq!(state_of(&site, shop, id), MemberState::Suspended);
        assert_eq!((site.can_begin(OLD), site.can_begin(NEW)), (201, 401), "it stays with its new member");
        let rows = || {
            let count = "SELECT COUNT(*) FROM dispute_links";
            site.world.cx.db.read_blocking(move |tx| tx.query(count, &[])).unwrap()[0].int(0).unwrap()
        };
        assert_eq!(rows(), 0);
        let token = site.member(shop, "third@shop.example", &[Role::Cashier]);
        let third = id_of(&site, &token);
        let asked = site.ask_address(&token, "fourth@shop.example");
        let code = sent_code(&site.world);
        assert_eq!(site.set_address(&token, &asked.text("id"), "fourth@shop.example", &code).status, 200);
        assert_eq!(rows(), 1);
        assert_eq!(site.delete(&format!("/v1/members/{third}"), Some(&owner)).status, 204);
        assert_eq!(rows(), 0, "gone with who left");
    });
}
