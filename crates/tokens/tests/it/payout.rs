//! The account that a shop's money is paid out to (AZ-6, C13, C45): two people, 48 hours, told and stopped.

use base::ShopId;
use identity::approvals::{self, Answer, Asked};
use identity::{Actor, MemberSession, Role};
use tokens::By;
use tokens::limits::PAYOUT_COOLING_SECONDS;
use tokens::payout::{self, NewPayout, PayoutAccounts, PayoutError, Typed};

use crate::world::{World, each_world};

const IBAN: &str = "GB29NWBK60161331926819";
const OTHER: &str = "DE89370400440532013000";

fn iban(number: &str) -> NewPayout {
    NewPayout::parse(Typed { holder: "Tea House Ltd", scheme: "iban", number, bank: "" }).unwrap()
}

fn ask(world: &World, actor: &Actor, shop: ShopId, number: &'static str) -> Result<Asked, PayoutError> {
    let actor = actor.clone();
    world.write(move |tx, means| payout::request_change(tx, means, &By::local(&actor), shop, &iban(number)))
}

fn withdraw(world: &World, actor: &Actor, shop: ShopId) -> Result<(), PayoutError> {
    let actor = actor.clone();
    world.write(move |tx, means| payout::withdraw_change(tx, means, &By::local(&actor), shop))
}

/// The same member, who gave the second factor a moment ago.
fn fresh(world: &World, actor: &Actor) -> Actor {
    let Actor::Member(session) = actor.clone() else { panic!("{actor:?}") };
    Actor::Member(MemberSession { second_factor: Some(world.now()), at: world.now(), ..session })
}

/// A second person's yes, as the program carries it out.
fn approve(world: &World, actor: &Actor, shop: ShopId, asked: Asked) -> Result<(), PayoutError> {
    let Asked::Wait(id) = asked else { panic!("{asked:?}") };
    let actor = fresh(world, actor);
    world.write(move |tx, means| {
        let approval = approvals::approve(tx, means, &actor, shop, id)?;
        payout::carry_out(tx, means, &By::local(&actor), &approval)?;
        approvals::finish(tx, means, &actor, approval)?;
        Ok::<_, PayoutError>(())
    })
}

fn look(world: &World, shop: ShopId) -> PayoutAccounts {
    let now = world.now();
    world.db.read_blocking(|tx| payout::find_accounts(tx, &world.vault, shop, now)).unwrap()
}

fn numbers(world: &World, shop: ShopId) -> [Option<String>; 2] {
    let found = look(world, shop);
    [found.current, found.next].map(|account| account.map(|account| account.number))
}

fn shown(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn mails(world: &World) -> i64 {
    world.rows("SELECT CAST(count(*) AS BIGINT) FROM outbox_mail WHERE template = 'payout_account'")
}

#[test]
fn az_6_a_shop_of_one_changes_alone_and_the_account_counts_after_48_hours_and_not_before() {
    each_world(|world| {
        let shop = world.shop();
        let owner = world.member(shop, Role::Owner);
        assert_eq!(ask(&world, &owner, shop, IBAN).unwrap(), Asked::Go);
        assert_eq!(numbers(&world, shop), [None, shown("GB****6819")]);
        assert_eq!((world.logged("payout.changed"), world.logged("approval.used"), mails(&world)), (1, 1, 1));
        world.wait(PAYOUT_COOLING_SECONDS - 1);
        assert_eq!(numbers(&world, shop), [None, shown("GB****6819")], "a second before");
        world.wait(1);
        assert_eq!(numbers(&world, shop), [shown("GB****6819"), None], "and at the limit");
        assert_eq!(withdraw(&world, &owner, shop), Err(PayoutError::NothingWaits), "it counts now");
    });
}

#[test]
fn az_6_where_two_manage_payouts_the_second_says_yes_before_the_time_begins() {
    each_world(|world| {
        let shop = world.shop();
        let (owner, finance) = (world.member(shop, Role::Owner), world.member(shop, Role::Finance));
        let asked = ask(&world, &finance, shop, IBAN).unwrap();
        world.wait(PAYOUT_COOLING_SECONDS);
        let found = look(&world, shop);
        assert_eq!((found.current, found.next.unwrap().effective), (None, None), "time alone does nothing");
        assert!(
            matches!(approve(&world, &finance, shop, asked), Err(PayoutError::Approval(_))),
            "nor oneself"
        );
        let cashier = world.member(shop, Role::Cashier);
        assert!(matches!(approve(&world, &cashier, shop, asked), Err(PayoutError::Approval(_))));
        let owner_again = world.member(shop, Role::Owner);
        approve(&world, &owner_again, shop, asked).unwrap();
        drop(owner);
        let begun = look(&world, shop).next.unwrap();
        assert_eq!(begun.effective, Some(world.now().plus_seconds(PAYOUT_COOLING_SECONDS)));
        world.wait(PAYOUT_COOLING_SECONDS);
        assert_eq!(numbers(&world, shop), [shown("GB****6819"), None]);
        // Proposed to three who manage payouts, begun for three.
        assert_eq!(mails(&world), 2 + 3);
    });
}

#[test]
fn c13_a_change_that_was_refused_or_withdrawn_is_gone_and_its_approval_does_nothing() {
    each_world(|world| {
        let shop = world.shop();
        let (owner, finance) = (world.member(shop, Role::Owner), world.member(shop, Role::Finance));
        let asked = ask(&world, &finance, shop, IBAN).unwrap();
        withdraw(&world, &owner, shop).unwrap();
        assert_eq!(numbers(&world, shop), [None, None]);
        assert!(approve(&world, &owner, shop, asked).is_err(), "what was withdrawn is not approved");
        assert_eq!((world.logged("payout.withdrawn"), world.logged("approval.refused")), (1, 1));
        let Asked::Wait(id) = ask(&world, &finance, shop, OTHER).unwrap() else { panic!() };
        let no = fresh(&world, &owner);
        world.write(move |tx, means| approvals::decide(tx, means, &no, (shop, id), Answer::No)).unwrap();
        assert_eq!(numbers(&world, shop), [None, None], "a no ends it");
        assert!(
            matches!(ask(&world, &finance, shop, IBAN), Ok(Asked::Wait(_))),
            "and another may be proposed"
        );
        assert_eq!(world.rows("SELECT CAST(count(*) AS BIGINT) FROM payout_accounts"), 1);
    });
}

#[test]
fn a_change_withdrawn_in_its_48_hours_leaves_the_account_that_was() {
    each_world(|world| {
        let shop = world.shop();
        let owner = world.member(shop, Role::Owner);
        ask(&world, &owner, shop, IBAN).unwrap();
        world.wait(PAYOUT_COOLING_SECONDS);
        ask(&world, &owner, shop, OTHER).unwrap();
        assert_eq!(numbers(&world, shop), [shown("GB****6819"), shown("DE****3000")]);
        world.wait(PAYOUT_COOLING_SECONDS - 1);
        withdraw(&world, &owner, shop).unwrap();
        world.wait(1);
        assert_eq!(numbers(&world, shop), [shown("GB****6819"), None]);
    });
}

#[test]
fn two_changes_meet_and_one_is_refused_and_the_same_again_is_no_second_one() {
    each_world(|world| {
        let shop = world.shop();
        let owner = world.member(shop, Role::Owner);
        ask(&world, &owner, shop, IBAN).unwrap();
        assert_eq!(ask(&world, &owner, shop, OTHER), Err(PayoutError::Waits));
        assert_eq!(ask(&world, &owner, shop, IBAN), Ok(Asked::Go));
        assert_eq!((world.logged("payout.changed"), mails(&world)), (1, 1));
        let other = world.shop();
        assert_eq!(numbers(&world, other), [None, None], "another shop has its own");
    });
}

#[test]
fn c45_what_is_replaced_goes_with_its_key_and_nothing_is_readable() {
    each_world(|world| {
        let shop = world.shop();
        let owner = world.member(shop, Role::Owner);
        for number in [IBAN, OTHER] {
            ask(&world, &owner, shop, number).unwrap();
            world.wait(PAYOUT_COOLING_SECONDS);
            assert_eq!(world.write(payout::sweep), Ok(1));
        }
        assert_eq!(world.write(payout::sweep), Ok(0));
        assert_eq!(numbers(&world, shop), [shown("DE****3000"), None]);
        assert_eq!(
            (
                world.logged("payout.in_force"),
                world.rows("SELECT CAST(count(*) AS BIGINT) FROM payout_accounts")
            ),
            (2, 1)
        );
        let destroyed = "SELECT CAST(count(*) AS BIGINT) FROM vault_data_keys WHERE destroyed_ms IS NOT NULL";
        assert_eq!(world.rows(destroyed), 1);
        let log = world.log().join("\n");
        for planted in [IBAN, OTHER, "Tea House Ltd"] {
            assert!(!log.contains(planted), "{planted}");
        }
    });
}
