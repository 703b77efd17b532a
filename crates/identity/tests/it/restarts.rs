//! A member who lost every second factor: let in again by two people, or by whoever runs the installation.

use base::{ApprovalId, MemberId, ShopId};
use identity::approvals::{self, ApprovalError, Asked};
use identity::{Actor, Denied, MemberError, MemberState, Person, Role};
use serde_json::json;

use crate::http::{Site, each_site};
use crate::world::World;

const LOST: &str = "lost@shop.example";
const NEW: &str = "seven lamps under the bridge";
const URL: &str = "https://pay.example";

fn reset(world: &World, who: &Actor, shop: ShopId, id: MemberId) -> Result<Asked, MemberError> {
    let who = who.clone();
    world.write(move |tx, means| identity::reset_factors(tx, means, &who, (shop, id), URL))
}

fn approve(world: &World, who: &Actor, shop: ShopId, id: ApprovalId) -> Result<(), ApprovalError> {
    let who = who.clone();
    world.write(move |tx, means| approvals::approve(tx, means, &who, shop, id)).map(drop)
}

fn id_of(site: &Site, token: &str) -> MemberId {
    site.get("/v1/me", Some(token)).text("id").parse().unwrap()
}

/// The last part of the link in the newest letter, and whether a notice came with it.
fn letter(world: &World) -> (String, bool) {
    let mails = world.deliver();
    let mail = mails.iter().rfind(|mail| mail.template == "restart").unwrap();
    let link = mail.body.expose().split("https://pay.example/setup/").nth(1).unwrap();
    let told = mails.iter().any(|mail| mail.template == "recovery_granted");
    (link.split_whitespace().next().unwrap().to_owned(), told)
}

#[test]
fn v6_4_4_two_people_let_a_member_begin_anew_and_the_mailed_link_is_the_only_way_in() {
    each_site(|site| {
        let world = &site.world;
        let shop = world.shop().id;
        let maker = world.actor(shop, "maker@shop.example", &[Role::Owner]);
        let checker = world.actor(shop, "checker@shop.example", &[Role::Security]);
        let token = site.member(shop, LOST, &[Role::Cashier]);
        let (token, key, codes) = site.enrol(&token);
        let id = id_of(&site, &token);
        let Ok(Asked::Wait(approval)) = reset(world, &maker, shop, id) else { panic!("nobody was asked") };
        assert_eq!(site.get("/v1/me", Some(&token)).status, 200, "nothing happened yet");
        assert_eq!(approve(world, &maker, shop, approval), Err(ApprovalError::OwnProposal));
        approve(world, &checker, shop, approval).unwrap();
        assert_eq!(reset(world, &maker, shop, id), Ok(Asked::Go));
        assert_eq!(site.get("/v1/me", Some(&token)).status, 401, "every session ended");
        let (link, told) = letter(world);
        assert!(told, "the member is told on every channel");
        let body = json!({"email": LOST, "password": "pencil river nine kettles"});
        assert_eq!(site.post("/v1/member_sessions", None, &body).status, 401, "the password is gone");
        let left = world.read(|tx, _| identity::list_kinds(tx, Person::Member(id))).unwrap();
        assert!(left.is_empty(), "no factor and no recovery code is left: {left:?}");
        for named in ["Tea House-Tea House", "lost@shop.example!!!!"] {
            let weak = site.post("/v1/invitations/accept", None, &json!({"token": link, "password": named}));
            assert_eq!(weak.code(), "invalid_request", "v6.2.11: {named}");
        }
        let set = site.post("/v1/invitations/accept", None, &json!({"token": link, "password": NEW}));
        assert_eq!(set.status, 200, "{}", set.body);
        let opened = site.post("/v1/member_sessions", None, &json!({"email": LOST, "password": NEW}));
        assert_eq!(opened.status, 201, "a factor is set up next: {}", opened.body);
        assert_eq!(site.get("/v1/shop", Some(&opened.text("token"))).code(), "second_factor_needed");
        let step = json!({"kind": "totp", "code": site.app_code(&key)});
        assert_eq!(
            site.post("/v1/session/step-up", Some(&opened.text("token")), &step).code(),
            "second_factor_wrong"
        );
        let step = json!({"kind": "recovery", "code": codes[0]});
        assert_eq!(
            site.post("/v1/session/step-up", Some(&opened.text("token")), &step).code(),
            "second_factor_wrong"
        );
        site.enrol(&opened.text("token"));
        let again = site.post("/v1/invitations/accept", None, &json!({"token": link, "password": NEW}));
        assert_eq!(again.code(), "link_gone");
        assert!(matches!(reset(world, &maker, shop, id), Ok(Asked::Wait(_))), "the approval served once");
        assert_eq!(world.audited("member.factors_reset"), 1);
    });
}

#[test]
fn c13_neither_the_member_concerned_nor_who_may_not_nor_another_shop_resets_factors() {
    each_site(|site| {
        let world = &site.world;
        let (shop, other) = (world.shop().id, world.shop().id);
        let maker = world.actor(shop, "maker@shop.example", &[Role::Owner]);
        let concerned = world.actor(shop, "concerned@shop.example", &[Role::Owner]);
        let manager = world.actor(shop, "manager@shop.example", &[Role::Manager]);
        let stranger = world.actor(other, "stranger@shop.example", &[Role::Owner]);
        let Actor::Member(session) = &concerned else { panic!() };
        let id = session.member;
        assert_eq!(reset(world, &concerned, shop, id), Err(MemberError::OwnFactors));
        assert_eq!(
            reset(world, &maker, shop, id),
            Err(MemberError::NobodyElse),
            "the only other one is concerned"
        );
        let denied = |denied| Err(MemberError::Denied(denied));
        assert_eq!(reset(world, &manager, shop, id), denied(Denied::NotAllowed));
        assert_eq!(reset(world, &stranger, shop, id), denied(Denied::NotFound));
        assert_eq!(reset(world, &stranger, other, id), Err(MemberError::NotFound));
        let checker = world.actor(shop, "checker@shop.example", &[Role::Security]);
        let Ok(Asked::Wait(approval)) = reset(world, &maker, shop, id) else { panic!("nobody was asked") };
        assert_eq!(approve(world, &concerned, shop, approval), Err(ApprovalError::OwnProposal));
        let seen =
            world.read(|tx, means| approvals::list_approvals(tx, &concerned, shop, means.now)).unwrap();
        assert!(seen.is_empty(), "the member concerned does not decide it");
        approve(world, &checker, shop, approval).unwrap();
        assert_eq!(world.audited("member.factors_reset"), 0);
    });
}

#[test]
fn v6_4_4_the_operator_lets_the_only_owner_of_a_shop_begin_anew() {
    each_site(|site| {
        let world = &site.world;
        let shop = world.shop().id;
        let token = site.member(shop, LOST, &[Role::Owner]);
        let (token, _, _) = site.enrol(&token);
        let id = id_of(&site, &token);
        let refused = site.post(&format!("/v1/members/{id}/factor_resets"), Some(&token), &json!({}));
        assert_eq!((refused.status, refused.code()), (403, "own_proposal"));
        let link =
            world.write(move |tx, means| identity::reset_factors_as_operator(tx, means, id, URL)).unwrap();
        let mails = world.deliver();
        let mail = mails.iter().rfind(|mail| mail.template == "restart").unwrap().body.expose();
        assert!(mail.contains("运营方") && !mail.contains("两人"), "who did it: {mail}");
        let mailed = mail.split("https://pay.example/setup/").nth(1).unwrap();
        let mailed = mailed.split_whitespace().next().unwrap().to_owned();
        assert!(link.expose().ends_with(&mailed));
        let found = world.read(|tx, _| identity::find_member(tx, shop, id)).unwrap().unwrap();
        assert_eq!(found.state, MemberState::Invited);
        world.wait(86_400);
        let late = site.post("/v1/invitations/accept", None, &json!({"token": mailed, "password": NEW}));
        assert_eq!(late.code(), "link_gone", "a day is over");
    });
}

#[test]
fn v6_4_4_the_operator_replaces_a_link_that_ran_out_before_the_only_owner_used_it() {
    each_site(|site| {
        let world = &site.world;
        let shop = world.shop().id;
        let owner = site.member(shop, LOST, &[Role::Owner]);
        let (token, _, _) = site.enrol(&owner);
        let id = id_of(&site, &token);
        let reset = || {
            world.write(move |tx, means| identity::reset_factors_as_operator(tx, means, id, URL)).map(drop)
        };
        reset().unwrap();
        let (first, _) = letter(world);
        world.wait(86_400);
        reset().unwrap();
        let (second, _) = letter(world);
        world.wait(3_600);
        reset().unwrap();
        let (third, _) = letter(world);
        let accept =
            |link: &str| site.post("/v1/invitations/accept", None, &json!({"token": link, "password": NEW}));
        assert_eq!(accept(&first).code(), "link_gone", "it ran out");
        assert_eq!(accept(&second).code(), "link_gone", "the newest link alone works");
        let set = accept(&third);
        assert_eq!(set.status, 200, "{}", set.body);
        assert_eq!(world.audited("member.factors_reset"), 3);

        let colleague = world.actor(shop, "maker@shop.example", &[Role::Owner]);
        world.actor(shop, "checker@shop.example", &[Role::Security]);
        reset().unwrap();
        let refused = self::reset(world, &colleague, shop, id);
        assert_eq!(refused, Err(MemberError::NotFound), "a colleague invites again in another way");
        let end = colleague.clone();
        world.write(move |tx, means| identity::remove_member(tx, means, &end, shop, id)).unwrap();
        assert_eq!(reset(), Err(MemberError::NotFound), "who was removed is not let in again");
    });
}
