//! Members: set-up, invitations, sign-in, roles.

use std::sync::Arc;

use base::ShopId;
use identity::{
    Actor, Denied, DeviceToken, FirstStep, Grants, Label, Link, LoginError, MemberError, MemberState,
    NewSession, PasswordHash, Permission, Place, Role, SetupError, Token, TokenKind, Verdict, hash_password,
    verify_password,
};

use crate::world::{World, each_world, email, new_member, password, profile};

const GOOD: &str = "pencil river nine kettles";

fn login(world: &World, address: &'static str, text: &str, origin: &'static str) -> Result<bool, LoginError> {
    Ok(login_on(world, address, text, &from(origin, None))?.is_some())
}

/// Where somebody signs in from, on a device that was given this token.
fn from(origin: &str, device: Option<&DeviceToken>) -> Place {
    let agent = Label::from_agent("browser");
    Place { origin: origin.to_owned(), agent, device: device.cloned(), session: None }
}

fn login_on(
    world: &World,
    address: &'static str,
    text: &str,
    at: &Place,
) -> Result<Option<NewSession>, LoginError> {
    let (first, then) = (at.clone(), at.clone());
    let attempt = world.write(move |tx, means| identity::start_login(tx, means, &email(address), &first))?;
    let verdict = if verify_password(&password(text), &attempt.hash) {
        Verdict::Right { rehashed: None, is_listed: false }
    } else {
        Verdict::Wrong
    };
    let done = world.write(move |tx, means| identity::finish_login(tx, means, &attempt, &verdict, &then));
    Ok(done.unwrap().map(|(_, step)| match step {
        FirstStep::In(session) => session,
        FirstStep::SecondStep(_) => panic!("nobody here has a second factor"),
    }))
}

fn owner_world(world: &World) -> base::ShopId {
    let shop = world.shop().id;
    let hash = hash_password(&password(GOOD), &base::Dice::System);
    world.member(shop, "owner@shop.example", &[Role::Owner], &hash);
    shop
}

#[test]
fn the_set_up_link_makes_one_shop_with_its_owner_and_works_once() {
    each_world(|world| {
        let link = || world.write(identity::create_setup_link).unwrap();
        let older = link().unwrap();
        let token = link().unwrap();
        let complete = |token: &Token| {
            let token = token.clone();
            let hash = PasswordHash::of_nobody();
            world.write(move |tx, means| {
                let owner = new_member("owner@shop.example", &[Role::Risk]);
                identity::complete_setup(tx, means, &token, &profile(), &owner, &hash)
            })
        };
        assert_eq!(complete(&older).err(), Some(SetupError::Gone));
        let (shop, member) = complete(&token).unwrap();
        assert_eq!(shop.name, "Tea House");
        let found = world.read(|tx, _| identity::find_member(tx, shop.id, member)).unwrap().unwrap();
        assert_eq!((found.roles, found.state), (vec![Role::Owner], MemberState::Active));
        assert_eq!(complete(&token).err(), Some(SetupError::Gone));
        assert_eq!(link(), None, "an installation with members has no set-up link");
    });
}

#[test]
fn pw_6_a_set_up_link_ends_after_a_day() {
    each_world(|world| {
        let token = world.write(identity::create_setup_link).unwrap().unwrap();
        world.wait(86_400 - 1);
        let find = || world.read(|tx, means| identity::find_link(tx, &token, means.now));
        assert_eq!(find(), Ok(Link::FirstSetup));
        world.wait(1);
        assert_eq!(find(), Err(SetupError::Gone));
    });
}

#[test]
fn an_invited_member_chooses_a_password_with_the_link_from_the_mail() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let member = world
            .write(move |tx, means| {
                let new = new_member("cashier@shop.example", &[Role::Cashier]);
                identity::invite_member(tx, means, &owner, shop, &new, "https://pay.example")
            })
            .unwrap();
        assert_eq!(login(&world, "cashier@shop.example", GOOD, "192.0.2.1"), Ok(false));
        let mail = world.deliver().remove(0);
        let start = mail.body.expose().find("https://pay.example/setup/").unwrap();
        let link = mail.body.expose()[start..].split_whitespace().next().unwrap().to_owned();
        let token = Token::parse(TokenKind::Setup, link.rsplit('/').next().unwrap()).unwrap();
        let accept = || {
            let (token, hash) = (token.clone(), hash_password(&password(GOOD), &base::Dice::System));
            let lang = Some(webkit::page::Lang::Zh);
            world.write(move |tx, means| identity::accept_invitation(tx, means, &token, &hash, lang))
        };
        assert_eq!(accept().map(identity::Invited::Member), Ok(member));
        assert_eq!(accept(), Err(SetupError::Gone));
        let identity::Invited::Member(id) = member else { panic!("waits for a second person") };
        let kept = world.write(move |tx, _| identity::find_member(tx, shop, id)).unwrap();
        let lang = kept.map(|kept| kept.lang);
        assert_eq!(lang, Some(webkit::page::Lang::Zh), "mails come in the language they accepted in");
        assert_eq!(login(&world, "cashier@shop.example", GOOD, "192.0.2.1"), Ok(true));
    });
}

#[test]
fn c04_ten_wrong_passwords_from_one_place_lock_that_place_for_half_an_hour() {
    each_world(|world| {
        owner_world(&world);
        let start = |address: &'static str, origin: &'static str| {
            world.write(move |tx, means| {
                identity::start_login(tx, means, &email(address), &from(origin, None))
            })
        };
        for address in ["owner@shop.example", "nobody@shop.example"] {
            for _ in 0..10 {
                assert!(start(address, "192.0.2.66").is_ok());
            }
            let refused = start(address, "192.0.2.66").err();
            assert_eq!(refused, Some(LoginError::TooMany { retry_after_seconds: 1800 }), "{address}");
        }
        assert_eq!(
            login(&world, "owner@shop.example", GOOD, "192.0.2.1"),
            Ok(true),
            "the owner is not locked out"
        );
        world.wait(1800);
        assert_eq!(login(&world, "owner@shop.example", GOOD, "192.0.2.66"), Ok(true));
    });
}

#[test]
fn c04_of_200_parallel_tries_ten_reach_the_password() {
    each_world(|world| {
        owner_world(&world);
        let start = Arc::new(std::sync::Barrier::new(200));
        let tries: Vec<_> = (0..200)
            .map(|_| {
                let (world, start) = (world.clone(), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    let address = email("owner@shop.example");
                    world
                        .write(move |tx, means| {
                            identity::start_login(tx, means, &address, &from("192.0.2.66", None))
                        })
                        .is_ok()
                })
            })
            .collect();
        assert_eq!(tries.into_iter().map(|job| job.join().unwrap()).filter(|ok| *ok).count(), 10);
    });
}

#[test]
fn pw_4_a_hundred_tries_from_everywhere_do_not_lock_the_usual_place() {
    each_world(|world| {
        owner_world(&world);
        assert_eq!(login(&world, "owner@shop.example", GOOD, "192.0.2.1"), Ok(true));
        let mut refused = 0;
        for n in 0..110 {
            let origin = format!("198.51.100.{n}");
            let found = world.write(move |tx, means| {
                identity::start_login(tx, means, &email("owner@shop.example"), &from(&origin, None))
            });
            refused += usize::from(found.is_err());
        }
        assert_eq!(refused, 10);
        assert!(login(&world, "owner@shop.example", GOOD, "203.0.113.9").is_err());
        assert_eq!(login(&world, "owner@shop.example", GOOD, "192.0.2.1"), Ok(true));
    });
}

#[test]
fn pw_4_wrong_tries_behind_one_address_keep_no_known_device_out() {
    each_world(|world| {
        let shop = owner_world(&world);
        let hash = hash_password(&password(GOOD), &base::Dice::System);
        world.member(shop, "new@shop.example", &[Role::Cashier], &hash);
        let entered = login_on(&world, "owner@shop.example", GOOD, &from("192.0.2.1", None)).unwrap();
        let known = entered.unwrap().device.expect("a device that was new is given a token");
        // Fifty wrong tries of a neighbour, with names of all kinds and that of the owner among them.
        let office = "198.51.100.7";
        for n in 0..50 {
            let address: &'static str = Box::leak(format!("nobody{n}@shop.example").into_boxed_str());
            let address = if n % 10 == 0 { "owner@shop.example" } else { address };
            assert_eq!(login(&world, address, "something else entirely", office), Ok(false), "{n}");
        }
        let blocked = Err(LoginError::TooMany { retry_after_seconds: 1800 });
        assert_eq!(login(&world, "new@shop.example", GOOD, office), blocked, "a device nobody knows waits");
        let again = login_on(&world, "owner@shop.example", GOOD, &from(office, Some(&known))).unwrap();
        assert!(again.unwrap().device.is_none(), "the known device gets in and keeps its token");
        assert_eq!(
            login(&world, "owner@shop.example", GOOD, office),
            Ok(true),
            "from there it is a known place now"
        );
        assert_eq!(
            login(&world, "new@shop.example", GOOD, office),
            blocked,
            "and nobody else's count is forgotten"
        );
    });
}

#[test]
fn pw_4_a_known_device_has_ten_tries_of_its_own_and_for_its_own_member_alone() {
    each_world(|world| {
        let shop = owner_world(&world);
        let hash = hash_password(&password(GOOD), &base::Dice::System);
        world.member(shop, "other@shop.example", &[Role::Cashier], &hash);
        let entered = login_on(&world, "owner@shop.example", GOOD, &from("192.0.2.1", None)).unwrap();
        let known = entered.unwrap().device.unwrap();
        let on = |address: &'static str, text: &str, origin: &str| {
            login_on(&world, address, text, &from(origin, Some(&known))).map(|session| session.is_some())
        };
        for n in 0..10 {
            let origin = format!("198.51.100.{n}");
            assert_eq!(on("owner@shop.example", "something else entirely", &origin), Ok(false), "{n}");
        }
        let blocked = Err(LoginError::TooMany { retry_after_seconds: 1800 });
        assert_eq!(on("owner@shop.example", GOOD, "203.0.113.1"), blocked, "a stolen token guesses no more");
        assert_eq!(
            login(&world, "owner@shop.example", GOOD, "203.0.113.1"),
            Ok(true),
            "nor locks its owner out"
        );
        for _ in 0..10 {
            assert_eq!(on("other@shop.example", "something else entirely", "203.0.113.2"), Ok(false));
        }
        assert_eq!(on("other@shop.example", GOOD, "203.0.113.2"), blocked, "it is nobody else's device");
        assert_eq!(on("other@shop.example", GOOD, "203.0.113.3"), Ok(true));
    });
}

#[test]
fn a_member_has_so_many_known_devices_and_the_oldest_makes_room() {
    each_world(|world| {
        let shop = owner_world(&world);
        let enter = |device: Option<&DeviceToken>| {
            world.wait(1);
            let entered = login_on(&world, "owner@shop.example", GOOD, &from("192.0.2.1", device));
            entered.unwrap().unwrap().device
        };
        let first = enter(None).unwrap();
        for _ in 1..identity::limits::MEMBER_DEVICES_MAX {
            assert!(enter(None).is_some());
        }
        assert!(enter(Some(&first)).is_none(), "so many are known");
        assert!(enter(None).is_some());
        assert!(enter(Some(&first)).is_none(), "the one used longest ago went, and that is another one");
        for _ in 0..identity::limits::MEMBER_DEVICES_MAX {
            assert!(enter(None).is_some());
        }
        assert!(enter(Some(&first)).is_some(), "one more and it is forgotten");
        let boss = world.actor(shop, "boss@shop.example", &[Role::Owner]);
        let last = enter(None).unwrap();
        let owner = world.read(|tx, means| identity::list_members(tx, means.vault, &boss, shop)).unwrap();
        let owner =
            owner.iter().find(|(_, person)| person.email.expose() == "owner@shop.example").unwrap().0.id;
        world.write(move |tx, means| identity::remove_member(tx, means, &boss, shop, owner)).unwrap();
        let left = world.cx.db.read_blocking(|tx| tx.query("SELECT id FROM member_devices", &[])).unwrap();
        assert_eq!(left.len(), 0, "who leaves leaves none behind: {last:?}");
    });
}

#[test]
fn ses_1_a_removed_member_is_out_at_once_and_cannot_sign_in() {
    each_world(|world| {
        let shop = owner_world(&world);
        let boss = world.actor(shop, "boss@shop.example", &[Role::Owner]);
        let Actor::Member(cashier) = world.actor(shop, "cashier@shop.example", &[Role::Cashier]) else {
            panic!()
        };
        let sessions =
            || world.read(|tx, means| identity::list_member_sessions(tx, cashier.member, means.now)).unwrap();
        assert_eq!(sessions().len(), 1);
        let member = cashier.member;
        world.write(move |tx, means| identity::remove_member(tx, means, &boss, shop, member)).unwrap();
        assert!(sessions().is_empty());
        assert_eq!(login(&world, "cashier@shop.example", GOOD, "192.0.2.1"), Ok(false));
        world.member(shop, "cashier@shop.example", &[Role::Cashier], &PasswordHash::of_nobody());
    });
}

#[test]
fn az_7_a_change_of_roles_holds_for_the_open_session() {
    each_world(|world| {
        let shop = owner_world(&world);
        let boss = world.actor(shop, "boss@shop.example", &[Role::Owner]);
        let cashier =
            world.member(shop, "cashier@shop.example", &[Role::Cashier], &PasswordHash::of_nobody());
        let opened = world
            .write(move |tx, means| {
                identity::open_member_session(tx, means, cashier, (&Label::from_agent("till"), "192.0.2.77"))
            })
            .unwrap();
        let roles =
            || world.read(|tx, means| identity::require_member(tx, &opened.token, means.now)).unwrap().roles;
        assert_eq!(roles(), [Role::Cashier]);
        world
            .write(move |tx, means| {
                identity::update_roles(tx, means, &boss, shop, cashier, &Role::Risk.into())
            })
            .unwrap();
        assert_eq!(roles(), [Role::Risk]);
    });
}

#[test]
fn a_shop_keeps_an_owner_and_the_house_an_operator() {
    each_world(|world| {
        let places = [
            (world.shop().id, "owner@shop.example", "second@shop.example", &[Role::Owner], Role::Risk),
            (ShopId::HOUSE, "op@house.example", "second@house.example", &[Role::Operator], Role::Auditor),
        ];
        for (shop, address, second, role, lesser) in places {
            let keeper = world.actor(shop, address, role);
            let Actor::Member(session) = &keeper else { panic!() };
            let member = session.member;
            let (one, two) = (keeper.clone(), keeper.clone());
            let demote = move |tx: &mut store::Tx<'_>, means: &identity::Means<'_>| {
                identity::update_roles(tx, means, &one, shop, member, &lesser.into())
            };
            let remove = move |tx: &mut store::Tx<'_>, means: &identity::Means<'_>| {
                identity::remove_member(tx, means, &two, shop, member)
            };
            assert_eq!(world.write(demote), Err(MemberError::LastOwner));
            assert_eq!(world.write(remove.clone()), Err(MemberError::LastOwner));
            world.member(shop, second, role, &PasswordHash::of_nobody());
            assert!(world.write(remove).is_ok(), "somebody else is left");
        }
    });
}

#[test]
fn az_4_members_of_another_shop_are_not_found_and_other_roles_are_refused() {
    each_world(|world| {
        let (own, other) = (world.shop().id, world.shop().id);
        let owner = world.actor(own, "owner@shop.example", &[Role::Owner]);
        let cashier = world.actor(own, "cashier@shop.example", &[Role::Cashier]);
        let victim = world.member(other, "victim@shop.example", &[Role::Cashier], &PasswordHash::of_nobody());
        let (a, b, c) = (owner.clone(), owner.clone(), owner.clone());
        let foreign = world.write(move |tx, means| identity::remove_member(tx, means, &a, other, victim));
        assert_eq!(foreign, Err(MemberError::Denied(Denied::NotFound)));
        let as_own = world.write(move |tx, means| identity::remove_member(tx, means, &b, own, victim));
        assert_eq!(as_own, Err(MemberError::NotFound));
        let listed = world.read(|tx, means| identity::list_members(tx, means.vault, &c, other));
        assert_eq!(listed.err(), Some(MemberError::Denied(Denied::NotFound)));
        let listed = world.read(|tx, means| identity::list_members(tx, means.vault, &cashier, own));
        assert_eq!(listed.err(), Some(MemberError::Denied(Denied::NotAllowed)));
        assert_eq!(cashier.allow(Permission::TakePayments, own), Ok(()));
        let listed = world.read(|tx, means| identity::list_members(tx, means.vault, &owner, own)).unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[0].1.name.expose(), "Li Si");
    });
}

#[test]
fn one_address_is_one_member() {
    each_world(|world| {
        let shop = owner_world(&world);
        let again = world.write(move |tx, means| {
            let new = new_member("OWNER@shop.example", &[Role::Risk]);
            identity::create_member(tx, means, &Actor::System, shop, &new, &PasswordHash::of_nobody())
        });
        assert_eq!(again, Err(MemberError::EmailTaken));
    });
}

#[test]
fn roles_of_keys_and_machines_are_not_for_members() {
    let parse = |names: &[&str]| Grants::parse(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
    assert_eq!(parse(&["risk", "owner", "risk"]), Ok(vec![Role::Owner, Role::Risk].into()));
    assert!(parse(&[]).is_err());
    for bad in ["anyone", "system", "integration", "buyer", "root", ""] {
        assert!(parse(&[bad]).is_err(), "{bad}");
    }
}
