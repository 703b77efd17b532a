//! Sessions: idle and absolute ends, listed and ended by their owner.

use base::Timestamp;
use identity::{Actor, AuthError, Label, MemberSession, NewSession, PasswordHash, Role};

use serde_json::json;

use crate::codes::{ask_up, give, right};
use crate::http::Site;
use crate::world::{World, code_in, each_world};

const AGENT: &str = "phone";

fn buyer_session(world: &World, contact: &'static str) -> (base::BuyerId, NewSession) {
    let buyer = world.buyer(contact);
    let opened = world
        .write(move |tx, means| identity::open_trusted_session(tx, means, buyer, &Label::from_agent(AGENT)))
        .unwrap();
    (buyer, opened.1)
}

fn member_session(world: &World) -> NewSession {
    let shop = world.shop().id;
    let member = world.member(shop, "owner@shop.example", &[Role::Owner], &PasswordHash::of_nobody());
    world
        .write(move |tx, means| {
            identity::open_member_session(tx, means, member, (&Label::from_agent(AGENT), "192.0.2.77"))
        })
        .unwrap()
}

fn require_member(world: &World, session: &NewSession) -> Result<MemberSession, AuthError> {
    world.read(|tx, means| identity::require_member(tx, &session.token, means.now))
}

fn touch(world: &World, session: &NewSession) {
    let token = session.token.clone();
    let now = world.now();
    world.write(move |tx, _| identity::touch_session(tx, &token, now)).unwrap();
}

#[test]
fn c14_a_members_session_ends_after_15_minutes_without_use() {
    each_world(|world| {
        let session = member_session(&world);
        world.wait(59);
        assert!(!require_member(&world, &session).unwrap().touch_due);
        world.wait(1);
        assert!(require_member(&world, &session).unwrap().touch_due);
        touch(&world, &session);
        world.wait(15 * 60 - 1);
        assert!(require_member(&world, &session).is_ok());
        world.wait(1);
        assert_eq!(require_member(&world, &session), Err(AuthError::SignInNeeded));
        touch(&world, &session);
        assert_eq!(
            require_member(&world, &session),
            Err(AuthError::SignInNeeded),
            "use after the end revives nothing"
        );
    });
}

#[test]
fn c14_a_members_session_ends_after_12_hours_however_busy() {
    each_world(|world| {
        let session = member_session(&world);
        for _ in 0..12 * 6 - 1 {
            world.wait(600);
            touch(&world, &session);
        }
        assert!(require_member(&world, &session).is_ok());
        world.wait(600);
        assert_eq!(require_member(&world, &session), Err(AuthError::SignInNeeded));
    });
}

#[test]
fn ses_1_a_buyers_session_sleeps_after_five_minutes_and_wakes_with_the_pin() {
    each_world(|world| {
        let (_, session) = buyer_session(&world, "a@b.example");
        let awake =
            || world.read(|tx, means| identity::require_buyer(tx, &session.token, means.now)).unwrap().awake;
        world.wait(299);
        assert!(awake());
        world.wait(1);
        assert!(!awake());
        touch(&world, &session);
        assert!(!awake(), "use alone does not wake it");
        let token = session.token.clone();
        let renewed = world.write(move |tx, means| identity::wake_session(tx, means, &token)).unwrap();
        let found =
            |token: &identity::Token| world.read(|tx, means| identity::require_buyer(tx, token, means.now));
        assert!(found(&renewed.token).unwrap().awake);
        assert_eq!(found(&session.token), Err(AuthError::SignInNeeded), "the old token opens nothing");
        assert_eq!(renewed.id, session.id);
        assert_eq!(world.audited("session.renewed"), 1);
    });
}

#[test]
fn ses_1_a_buyers_session_ends_after_30_days() {
    each_world(|world| {
        let (_, session) = buyer_session(&world, "a@b.example");
        world.wait(30 * 86_400 - 1);
        assert!(world.read(|tx, means| identity::require_buyer(tx, &session.token, means.now)).is_ok());
        world.wait(1);
        let found = world.read(|tx, means| identity::require_buyer(tx, &session.token, means.now));
        assert_eq!(found, Err(AuthError::SignInNeeded));
    });
}

#[test]
fn a_buyers_token_does_not_open_a_members_session_and_no_token_opens_nothing() {
    each_world(|world| {
        let (_, session) = buyer_session(&world, "a@b.example");
        assert_eq!(require_member(&world, &session), Err(AuthError::SignInNeeded));
        let random = identity::Token::random(identity::TokenKind::BuyerSession, &base::Dice::System);
        let found = world.read(|tx, means| identity::require_buyer(tx, &random, means.now));
        assert_eq!(found, Err(AuthError::SignInNeeded));
    });
}

#[test]
fn c14_sessions_are_listed_and_ended_by_their_owner_alone() {
    each_world(|world| {
        let (buyer, first) = buyer_session(&world, "a@b.example");
        let (other, _) = buyer_session(&world, "c@d.example");
        let second = world
            .write(move |tx, means| {
                identity::open_trusted_session(tx, means, buyer, &Label::from_agent("laptop"))
            })
            .unwrap()
            .1;
        let list = || {
            let lines = world.read(|tx, means| identity::list_buyer_sessions(tx, buyer, means.now)).unwrap();
            lines.into_iter().map(|line| line.agent).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(list(), ["laptop".to_owned(), "phone".to_owned()].into());
        let (one, two) = (first.id, second.id);
        assert!(!world.write(move |tx, means| identity::end_buyer_session(tx, means, other, one)).unwrap());
        assert!(world.write(move |tx, means| identity::end_buyer_session(tx, means, buyer, one)).unwrap());
        assert_eq!(list(), ["laptop".to_owned()].into());
        let gone = world.read(|tx, means| identity::require_buyer(tx, &first.token, means.now));
        assert_eq!(gone, Err(AuthError::SignInNeeded));
        let token = second.token.clone();
        world.write(move |tx, means| identity::end_session(tx, means, &token)).unwrap();
        assert!(list().is_empty());
        assert_ne!(one, two);
        assert_eq!(world.audited("session.ended"), 2);
    });
}

#[test]
fn a_session_check_writes_nothing() {
    each_world(|world| {
        let (_, session) = buyer_session(&world, "a@b.example");
        let used = || {
            let sql = "SELECT used_ms FROM sessions";
            world.cx.db.read_blocking(|tx| tx.query(sql, &[])).unwrap()[0].time(0).unwrap()
        };
        let before: Timestamp = used();
        world.wait(120);
        let token = session.token.clone();
        let found = world.write(move |tx, means| identity::require_buyer(tx, &token, means.now)).unwrap();
        assert!(found.touch_due);
        assert_eq!(used(), before);
    });
}

#[test]
fn ses_1_an_erased_buyers_sessions_end_at_once() {
    each_world(|world| {
        let (buyer, session) = buyer_session(&world, "li@mail.example");
        let (_, other) = buyer_session(&world, "wang@mail.example");
        let require = |session: &NewSession| {
            world.read(|tx, means| identity::require_buyer(tx, &session.token, means.now)).err()
        };
        assert_eq!((require(&session), require(&other)), (None, None));
        world.write(move |tx, means| identity::erase_buyer(tx, means, &Actor::Operator, buyer)).unwrap();
        assert_eq!((require(&session), require(&other)), (Some(AuthError::SignInNeeded), None));
    });
}

#[test]
fn c14_a_session_shows_the_network_it_came_from_and_its_country_and_names_no_household() {
    each_world(|world| {
        let asked = ask_up(&world, "a@b.example");
        let code = code_in(&world.deliver()[0].body);
        let token = right(give(&world, asked, &code, None)).session.token.secret().expose().clone();
        let known = |address: std::net::IpAddr| (address.to_string() == "192.0.2.0").then(|| "CN".to_owned());
        for (cx, country) in [
            (world.cx.clone(), json!(null)),
            (world.cx.clone().with_countries(std::sync::Arc::new(known)), json!("CN")),
        ] {
            let line = &Site::new(World { cx }).get("/v1/me/sessions", Some(&token)).body["data"][0];
            assert_eq!((&line["network"], &line["country"]), (&json!("192.0.2.•"), &country));
        }
        let kept = world.cx.db.read_blocking(|tx| tx.query("SELECT network FROM sessions", &[])).unwrap();
        assert_eq!(kept[0].text(0), Ok("192.0.2.0"), "no more of the address is kept");
        let site = Site::new(world);
        let token = site.buyer("c@d.example").text("token");
        let line = &site.get("/v1/me/sessions", Some(&token)).body["data"][0];
        assert_eq!(
            (&line["network"], &line["country"]),
            (&json!(null), &json!(null)),
            "no address, no place"
        );
    });
}
