//! Access reviews (C09, C11, AZ-9).

use base::{AccessReviewId, MemberId, ShopId};
use identity::{
    AccessReviewError, Actor, AuthError, Decision, Label, Line, LineFlag, MemberState, NewApiKey,
    PasswordHash, ReviewState, Role, limits,
};

use crate::world::{World, each_world};

const DAY_SECONDS: i64 = 86_400;

fn open(world: &World) -> usize {
    world.write(identity::open_due_reviews).unwrap()
}

fn the_review(world: &World, who: &Actor, shop: ShopId) -> AccessReviewId {
    world.read(|tx, _| identity::list_access_reviews(tx, who, shop)).unwrap()[0].id
}

fn lines(world: &World, who: &Actor, shop: ShopId) -> Vec<Line> {
    let id = the_review(world, who, shop);
    world.read(|tx, _| identity::find_access_review(tx, who, shop, id)).unwrap().1
}

fn decide(
    world: &World,
    who: &Actor,
    shop: ShopId,
    subject: impl ToString,
    confirm: bool,
) -> Result<Option<Decision>, AccessReviewError> {
    let (id, who, subject) = (the_review(world, who, shop), who.clone(), subject.to_string());
    let line = world
        .write(move |tx, means| identity::decide_line(tx, means, &who, (shop, id), &subject, confirm))?;
    Ok(line.decision)
}

fn id_of(actor: &Actor) -> MemberId {
    let Actor::Member(session) = actor else { panic!() };
    session.member
}

fn state(world: &World, shop: ShopId, id: MemberId) -> MemberState {
    world.read(|tx, _| identity::find_member(tx, shop, id)).unwrap().unwrap().state
}

#[test]
fn c11_a_review_opens_by_itself_each_quarter_and_once() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        world.wait(limits::ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS - 1);
        assert_eq!(open(&world), 0);
        world.wait(1);
        assert_eq!(open(&world), 1);
        assert_eq!(open(&world), 0, "the same job on another node finds it");
        assert_eq!(lines(&world, &owner, shop).len(), 1);
        world.wait(limits::ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS);
        assert_eq!(open(&world), 1);
        assert_eq!(world.audited("access_review.opened"), 2);
    });
}

#[test]
fn c09_a_line_says_what_stands_out_and_a_decision_is_carried_out() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let second = world.actor(shop, "second@shop.example", &[Role::Owner]);
        let idle = world.member(shop, "idle@shop.example", &[Role::Cashier], &PasswordHash::of_nobody());
        let who = owner.clone();
        let (key, _) = world
            .write(move |tx, means| {
                let new = NewApiKey::new(Label::parse("till").unwrap(), Role::Integration, None).unwrap();
                identity::create_api_key(tx, means, &who, shop, &new)
            })
            .unwrap();
        world.wait(limits::API_KEY_OLD_DAYS * DAY_SECONDS);
        assert_eq!(open(&world), 1);
        let found = lines(&world, &owner, shop);
        let of = |subject: String| found.iter().find(|line| line.subject == subject).unwrap().clone();
        assert_eq!(of(idle.to_string()).flags, [LineFlag::Unused, LineFlag::SingleFactor]);
        assert_eq!(of(idle.to_string()).grants, "cashier");
        assert_eq!(of(key.id.to_string()).flags, [LineFlag::Unused, LineFlag::OldKey]);
        assert_eq!(of(key.id.to_string()).secret_set, Some(crate::world::START));

        let own = id_of(&owner);
        assert_eq!(decide(&world, &owner, shop, own, true), Err(AccessReviewError::OwnLine));
        assert_eq!(decide(&world, &owner, shop, idle, false), Ok(Some(Decision::Remove)));
        assert_eq!(state(&world, shop, idle), MemberState::Disabled);
        assert_eq!(decide(&world, &owner, shop, idle, true), Err(AccessReviewError::Decided));
        assert_eq!(decide(&world, &owner, shop, key.id, false), Ok(Some(Decision::Remove)));
        let gone = world.read(|tx, means| identity::require_active_key(tx, key.id, means.now));
        assert_eq!(gone, Err(AuthError::SignInNeeded));
        assert_eq!(decide(&world, &second, shop, own, true), Ok(Some(Decision::Confirm)));
        assert_eq!(world.audited("access_review.closed"), 0);
        assert_eq!(decide(&world, &owner, shop, id_of(&second), true), Ok(Some(Decision::Confirm)));
        let review = world.read(|tx, _| identity::list_access_reviews(tx, &owner, shop)).unwrap().remove(0);
        assert_eq!(review.state, ReviewState::Closed, "the last decision closes it");
        assert_eq!(world.audited("access_review.decided"), 4);
        assert_eq!(world.audited("access_review.closed"), 1);
    });
}

#[test]
fn c09_what_nobody_decides_in_14_days_is_suspended_but_for_the_last_owner() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let cashier = world.member(shop, "cash@shop.example", &[Role::Cashier], &PasswordHash::of_nobody());
        let who = owner.clone();
        let (key, _) = world
            .write(move |tx, means| {
                let new = NewApiKey::new(Label::parse("till").unwrap(), Role::Integration, None).unwrap();
                identity::create_api_key(tx, means, &who, shop, &new)
            })
            .unwrap();
        let key_works =
            || world.read(|tx, means| identity::require_active_key(tx, key.id, means.now)).is_ok();
        world.wait(limits::ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS);
        open(&world);
        world.wait(limits::ACCESS_REVIEW_OPEN_DAYS * DAY_SECONDS - 1);
        assert_eq!(world.write(identity::close_due_reviews), Ok(0));
        assert!(key_works());
        world.wait(1);
        assert_eq!(world.write(identity::close_due_reviews), Ok(1));
        assert_eq!(world.write(identity::close_due_reviews), Ok(0));
        assert_eq!(state(&world, shop, cashier), MemberState::Suspended);
        assert_eq!(state(&world, shop, id_of(&owner)), MemberState::Active, "or nobody could decide");
        assert!(!key_works(), "a suspended key opens nothing");
        assert_eq!(decide(&world, &owner, shop, key.id, true), Ok(Some(Decision::Confirm)));
        assert!(key_works(), "confirmed later it works again");
        assert_eq!(decide(&world, &owner, shop, cashier, true), Ok(Some(Decision::Confirm)));
        assert_eq!(state(&world, shop, cashier), MemberState::Active);
    });
}

#[test]
fn c09_the_last_operator_outlives_a_review_that_nobody_decides_and_may_decide_the_own_line() {
    each_world(|world| {
        let house = ShopId::HOUSE;
        let operator = world.actor(house, "op@house.example", &[Role::Operator]);
        let auditor =
            world.member(house, "audit@house.example", &[Role::Auditor], &PasswordHash::of_nobody());
        world.wait(limits::ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS);
        assert_eq!(open(&world), 1);
        let own = id_of(&operator);
        assert_eq!(decide(&world, &operator, house, own, false), Err(AccessReviewError::LastOwner));
        world.wait(limits::ACCESS_REVIEW_OPEN_DAYS * DAY_SECONDS);
        assert_eq!(world.write(identity::close_due_reviews), Ok(1));
        assert_eq!(state(&world, house, own), MemberState::Active, "or nobody could run the installation");
        assert_eq!(state(&world, house, auditor), MemberState::Suspended);
        world.wait(limits::ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS);
        assert_eq!(open(&world), 1);
        assert_eq!(decide(&world, &operator, house, own, true), Ok(Some(Decision::Confirm)));
    });
}

#[test]
fn c09_whoever_decides_is_told_at_the_opening_and_three_days_before_the_end_and_of_what_ended() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        world.actor(shop, "guard@shop.example", &[Role::Security]);
        world.actor(shop, "cash@shop.example", &[Role::Cashier]);
        world
            .write(move |tx, means| {
                let new = NewApiKey::new(Label::parse("till").unwrap(), Role::Integration, None).unwrap();
                identity::create_api_key(tx, means, &owner, shop, &new)
            })
            .unwrap();
        world.wait(limits::ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS);
        world.deliver();
        open(&world);
        let told = told(&world);
        assert_eq!(told.len(), 2, "owner and security");
        assert!(
            told.iter().all(|mail| mail.0 == "access_review_waits" && mail.1.contains("14 天")),
            "{told:?}"
        );

        let remind = || world.write(identity::remind_of_open_reviews);
        let rest = limits::ACCESS_REVIEW_OPEN_DAYS - limits::ACCESS_REVIEW_REMINDER_DAYS;
        world.wait(rest * DAY_SECONDS - 1);
        assert_eq!((remind(), self::told(&world).len()), (Ok(0), 0), "not a second before");
        world.wait(1);
        assert_eq!((remind(), remind()), (Ok(1), Ok(0)), "once, on whichever node");
        let told = self::told(&world);
        assert_eq!(told.len(), 2);
        assert!(
            told.iter().all(|mail| mail.0 == "access_review_waits" && mail.1.contains("3 天")),
            "{told:?}"
        );
        assert_eq!(world.audited("access_review.ends_soon"), 1);

        world.wait(limits::ACCESS_REVIEW_REMINDER_DAYS * DAY_SECONDS);
        assert_eq!(remind(), Ok(0), "it is over");
        assert_eq!(world.write(identity::close_due_reviews), Ok(1));
        let told = self::told(&world);
        let of = |template| told.iter().filter(|mail| mail.0 == template).collect::<Vec<_>>();
        assert_eq!(of("access_suspended").len(), 2, "security and the cashier: {told:?}");
        let [(_, stopped)] = of("access_stopped")[..] else { panic!("{told:?}") };
        assert!(stopped.contains("“till”") && stopped.matches("mem_").count() == 2, "{stopped}");
    });
}

#[test]
fn c09_a_manager_is_told_of_members_who_were_stopped_and_not_what_keys_are_called() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let manager = world.actor(shop, "manager@shop.example", &[Role::Manager]);
        let cashier = world.member(shop, "cash@shop.example", &[Role::Cashier], &PasswordHash::of_nobody());
        let who = owner.clone();
        world
            .write(move |tx, means| {
                let new = NewApiKey::new(Label::parse("till").unwrap(), Role::Integration, None).unwrap();
                identity::create_api_key(tx, means, &who, shop, &new)
            })
            .unwrap();
        let close_with = |undecided: &[MemberId]| {
            world.wait(limits::ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS);
            open(&world);
            for member in [id_of(&manager), cashier].iter().filter(|id| !undecided.contains(id)) {
                assert_eq!(decide(&world, &owner, shop, member, true), Ok(Some(Decision::Confirm)));
            }
            world.deliver();
            world.wait(limits::ACCESS_REVIEW_OPEN_DAYS * DAY_SECONDS);
            assert_eq!(world.write(identity::close_due_reviews), Ok(1));
            let mails = world.deliver().into_iter().filter(|mail| mail.template == "access_stopped");
            mails
                .map(|mail| (mail.recipient.expose().clone(), mail.body.expose().clone()))
                .collect::<Vec<_>>()
        };
        let told = close_with(&[cashier]);
        let to =
            |address: &str| told.iter().find(|mail| mail.0 == address).unwrap_or_else(|| panic!("{told:?}"));
        let (owner_reads, manager_reads) = (&to("owner@shop.example").1, &to("manager@shop.example").1);
        let cashier = cashier.to_string();
        assert!(owner_reads.contains("till") && owner_reads.contains(&cashier), "{owner_reads}");
        assert!(!manager_reads.contains("till") && manager_reads.contains(&cashier), "{manager_reads}");
        assert_eq!(told.len(), 2);
    });
}

/// Templates and bodies of the mails that are due.
fn told(world: &World) -> Vec<(String, String)> {
    let mails = world.deliver().into_iter();
    mails.map(|mail| (mail.template.to_string(), mail.body.expose().clone())).collect()
}

#[test]
fn pci_8_2_6_a_member_idle_for_90_days_is_suspended_told_and_can_be_restored() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let idle = world.member(shop, "idle@shop.example", &[Role::Cashier], &PasswordHash::of_nobody());
        let operator = id_of(&world.actor(ShopId::HOUSE, "op@house.example", &[Role::Operator]));
        world.wait(limits::IDLE_DAYS_MAX * DAY_SECONDS - 1);
        assert_eq!(world.write(identity::suspend_idle_members), Ok(0));
        world.wait(1);
        assert_eq!(world.write(identity::suspend_idle_members), Ok(1), "last owner and last operator stay");
        assert_eq!(state(&world, shop, idle), MemberState::Suspended);
        assert_eq!(state(&world, ShopId::HOUSE, operator), MemberState::Active);
        let told = told(&world);
        let templates: Vec<&str> = told.iter().map(|mail| mail.0.as_str()).collect();
        assert_eq!(templates.iter().filter(|name| **name == "access_suspended").count(), 1, "{told:?}");
        assert_eq!(templates.iter().filter(|name| **name == "access_stopped").count(), 1, "the owner");
        let refused = world.write(move |tx, means| {
            let opened =
                identity::open_member_session(tx, means, idle, (&Label::from_agent("x"), "192.0.2.77"))?;
            identity::require_member(tx, &opened.token, means.now)
        });
        assert_eq!(refused, Err(AuthError::SignInNeeded));
        world.write(move |tx, means| identity::restore_member(tx, means, &owner, shop, idle)).unwrap();
        assert_eq!(state(&world, shop, idle), MemberState::Active);
        assert_eq!(world.write(identity::suspend_idle_members), Ok(0), "its time begins anew");
        assert_eq!(self::told(&world)[0].0, "access_restored");
    });
}

#[test]
fn pci_8_2_6_whoever_runs_the_installation_lets_a_suspended_operator_in_again() {
    each_world(|world| {
        let house = ShopId::HOUSE;
        let first = world.member(house, "one@house.example", &[Role::Operator], &PasswordHash::of_nobody());
        world.wait(DAY_SECONDS);
        world.member(house, "two@house.example", &[Role::Operator], &PasswordHash::of_nobody());
        world.wait((limits::IDLE_DAYS_MAX - 1) * DAY_SECONDS);
        assert_eq!(world.write(identity::suspend_idle_members), Ok(1), "while there is another");
        assert_eq!(state(&world, house, first), MemberState::Suspended);
        world.deliver();
        let restore = || world.write(move |tx, means| identity::restore_member_as_operator(tx, means, first));
        assert_eq!((restore(), restore()), (Ok(true), Ok(false)), "the second time there is nothing to do");
        assert_eq!(state(&world, house, first), MemberState::Active);
        assert_eq!(world.audited("member.restored"), 1);
        assert_eq!(told(&world).len(), 1, "who was restored is told");
        let nobody = MemberId::new(house, world.now(), &base::Dice::System);
        let unknown = world.write(move |tx, means| identity::restore_member_as_operator(tx, means, nobody));
        assert_eq!(unknown, Err(identity::MemberError::NotFound));
    });
}

#[test]
fn c11_others_neither_see_nor_decide_a_review() {
    each_world(|world| {
        let (shop, other) = (world.shop().id, world.shop().id);
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let manager = world.actor(shop, "manager@shop.example", &[Role::Manager]);
        let stranger = world.actor(other, "stranger@shop.example", &[Role::Owner]);
        world.wait(limits::ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS);
        open(&world);
        let id = the_review(&world, &owner, shop);
        let subject = id_of(&manager).to_string();
        let try_as = |who: &Actor, shop: ShopId| {
            let (who, subject) = (who.clone(), subject.clone());
            let tried = world
                .write(move |tx, means| identity::decide_line(tx, means, &who, (shop, id), &subject, false));
            tried.map(drop)
        };
        assert!(matches!(try_as(&manager, shop), Err(AccessReviewError::Denied(_))));
        assert!(matches!(try_as(&stranger, shop), Err(AccessReviewError::Denied(_))));
        assert_eq!(try_as(&stranger, other), Err(AccessReviewError::NotFound));
        let seen = world.read(|tx, _| identity::find_access_review(tx, &stranger, other, id));
        assert_eq!(seen.err(), Some(AccessReviewError::NotFound));
    });
}

#[test]
fn c11_two_people_who_decide_one_line_at_once_agree_on_the_first_decision() {
    each_world(|world| {
        let shop = world.shop().id;
        let owners = [("one@shop.example", true), ("two@shop.example", false)]
            .map(|(address, confirm)| (world.actor(shop, address, &[Role::Owner]), confirm));
        let mut helpers = Vec::new();
        for n in 0..8 {
            let address: &'static str = Box::leak(format!("helper{n}@shop.example").into_boxed_str());
            helpers.push(world.member(shop, address, &[Role::Cashier], &PasswordHash::of_nobody()));
        }
        world.wait(limits::ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS);
        open(&world);
        for helper in helpers {
            let results: Vec<_> = std::thread::scope(|scope| {
                let tries = owners.each_ref().map(|(who, confirm)| {
                    let (world, confirm) = (&world, *confirm);
                    scope.spawn(move || decide(world, who, shop, helper, confirm))
                });
                tries.into_iter().map(|one| one.join().unwrap()).collect()
            });
            let late = results.iter().filter(|one| **one == Err(AccessReviewError::Decided)).count();
            assert_eq!(late, 1, "{results:?}");
            let decided = results.iter().find_map(|one| one.as_ref().ok()).unwrap();
            let stays = *decided == Some(Decision::Confirm);
            let expect = if stays { MemberState::Active } else { MemberState::Disabled };
            assert_eq!(state(&world, shop, helper), expect);
            let kept = lines(&world, &owners[0].0, shop);
            let kept = kept.iter().find(|line| line.subject == helper.to_string()).unwrap();
            assert_eq!(kept.decision, *decided, "what is written is what was done");
        }
    });
}
