//! Two people for what weighs (AZ-6, C13).

use base::{ApprovalId, MemberId, ShopId};
use identity::approvals::{self, Approval, ApprovalAction, ApprovalError, ApprovalState, Asked, Proposal};
use identity::{Actor, Denied, Invited, Permission, Role, limits};

use crate::world::{World, each_world, new_member};

const ACTION: ApprovalAction = ApprovalAction::ExportCustomers;

fn proposal(shop: ShopId) -> Proposal {
    Proposal::new(shop, ACTION, "all customers", "1,204 records")
}

fn ask(world: &World, who: &Actor, proposal: Proposal) -> Result<Asked, ApprovalError> {
    let who = who.clone();
    world.write(move |tx, means| approvals::ask(tx, means, &who, &proposal))
}

fn approve(world: &World, who: &Actor, shop: ShopId, id: ApprovalId) -> Result<Approval, ApprovalError> {
    let who = who.clone();
    world.write(move |tx, means| approvals::approve(tx, means, &who, shop, id))
}

fn waiting(asked: Result<Asked, ApprovalError>) -> ApprovalId {
    match asked {
        Ok(Asked::Wait(id)) => id,
        other => panic!("{other:?}"),
    }
}

fn id_of(actor: &Actor) -> MemberId {
    let Actor::Member(session) = actor else { panic!() };
    session.member
}

#[test]
fn c13_a_second_person_approves_and_it_is_done_once() {
    each_world(|world| {
        let shop = world.shop().id;
        let maker = world.actor(shop, "maker@shop.example", &[Role::Owner]);
        let checker = world.actor(shop, "checker@shop.example", &[Role::Security]);
        let id = waiting(ask(&world, &maker, proposal(shop)));
        assert_eq!(
            ask(&world, &maker, proposal(shop)),
            Ok(Asked::Wait(id)),
            "asked again it is the same one"
        );
        let told = world.deliver();
        assert_eq!(told.len(), 1, "the one colleague who can approve is told");
        assert!(told[0].body.expose().contains("1,204 records"), "{}", told[0].body.expose());
        let approved = approve(&world, &checker, shop, id).unwrap();
        assert_eq!(approved.decider, Some(id_of(&checker).to_string()));
        let other = Proposal { subject: "some customers".to_owned(), ..proposal(shop) };
        assert!(matches!(ask(&world, &maker, other), Ok(Asked::Wait(_))), "it is for one subject alone");
        assert!(matches!(ask(&world, &checker, proposal(shop)), Ok(Asked::Wait(_))), "and for its proposer");
        assert_eq!(ask(&world, &maker, proposal(shop)), Ok(Asked::Go));
        assert!(matches!(ask(&world, &maker, proposal(shop)), Ok(Asked::Wait(_))), "it served once");
        assert_eq!(
            approve(&world, &checker, shop, id),
            Err(ApprovalError::Decided),
            "and is no approval again"
        );
        for (action, count) in [("approval.proposed", 4), ("approval.given", 1), ("approval.used", 1)] {
            assert_eq!(world.audited(action), count, "{action}");
        }
    });
}

#[test]
fn c13_nobody_approves_their_own_proposal_nor_what_they_may_not_do() {
    each_world(|world| {
        let (shop, other) = (world.shop().id, world.shop().id);
        let maker = world.actor(shop, "maker@shop.example", &[Role::Owner]);
        let manager = world.actor(shop, "manager@shop.example", &[Role::Manager]);
        let cashier = world.actor(shop, "cashier@shop.example", &[Role::Cashier]);
        let stranger = world.actor(other, "stranger@shop.example", &[Role::Owner]);
        let id = waiting(ask(&world, &maker, proposal(shop)));
        assert_eq!(approve(&world, &maker, shop, id), Err(ApprovalError::OwnProposal));
        let denied = Err(ApprovalError::Denied(Denied::NotAllowed));
        assert_eq!(approve(&world, &manager, shop, id), denied, "a manager cannot export either");
        assert_eq!(approve(&world, &cashier, shop, id), denied);
        assert_eq!(approve(&world, &stranger, shop, id), Err(ApprovalError::Denied(Denied::NotFound)));
        assert_eq!(approve(&world, &stranger, other, id), Err(ApprovalError::NotFound));
        assert_eq!(ask(&world, &maker, proposal(shop)), Ok(Asked::Wait(id)));
    });
}

#[test]
fn c13_the_table_itself_refuses_a_proposer_who_decides() {
    each_world(|world| {
        let shop = world.shop().id;
        let maker = world.actor(shop, "maker@shop.example", &[Role::Owner]);
        waiting(ask(&world, &maker, proposal(shop)));
        let forged = world.write(|tx, _| {
            tx.execute("UPDATE approvals SET decider = proposer, state = 'approved'", &[]).map(drop)
        });
        assert!(forged.is_err(), "a row of the database whose proposer decided: {forged:?}");
    });
}

#[test]
fn c13_a_refused_proposal_and_one_out_of_time_open_nothing() {
    each_world(|world| {
        let shop = world.shop().id;
        let maker = world.actor(shop, "maker@shop.example", &[Role::Owner]);
        let checker = world.actor(shop, "checker@shop.example", &[Role::Owner]);
        let first = waiting(ask(&world, &maker, proposal(shop)));
        let no = checker.clone();
        let refused = world
            .write(move |tx, means| approvals::decide(tx, means, &no, (shop, first), approvals::Answer::No))
            .unwrap();
        assert_eq!(refused.state, ApprovalState::Refused);
        let second = waiting(ask(&world, &maker, proposal(shop)));
        assert_ne!(second, first);
        world.wait(limits::APPROVAL_WAIT_SECONDS - 1);
        assert!(approve(&world, &checker, shop, second).is_ok());
        world.wait(limits::APPROVAL_USE_SECONDS);
        let third = waiting(ask(&world, &maker, proposal(shop)));
        world.wait(limits::APPROVAL_WAIT_SECONDS);
        assert_eq!(approve(&world, &checker, shop, third), Err(ApprovalError::NotFound));
    });
}

#[test]
fn az_6_the_powers_of_an_owner_are_given_by_two_wherever_there_are_two() {
    each_world(|world| {
        let shop = world.shop().id;
        let first = world.actor(shop, "first@shop.example", &[Role::Owner]);
        let cashier = id_of(&world.actor(shop, "cashier@shop.example", &[Role::Cashier]));
        let grant = |who: &Actor, role: Role| {
            let who = who.clone();
            world.write(move |tx, means| identity::update_roles(tx, means, &who, shop, cashier, &role.into()))
        };
        assert_eq!(grant(&first, Role::Finance), Ok(Asked::Go), "there is nobody else to ask");
        assert_eq!(grant(&first, Role::Cashier), Ok(Asked::Go));
        let second = world.actor(shop, "second@shop.example", &[Role::Owner]);
        assert_eq!(grant(&first, Role::Support), Ok(Asked::Go), "what does not weigh is given by one");
        for role in [Role::Owner, Role::Finance, Role::Security] {
            let Ok(Asked::Wait(id)) = grant(&first, role) else { panic!("{}", role.name()) };
            let held = world.read(|tx, _| identity::find_member(tx, shop, cashier)).unwrap().unwrap().roles;
            assert_eq!(held, [Role::Support], "nothing changed yet");
            approve(&world, &second, shop, id).unwrap();
            assert_eq!(grant(&first, role), Ok(Asked::Go));
            assert_eq!(grant(&first, Role::Support), Ok(Asked::Go));
        }
        let invite = {
            let who = first.clone();
            world.write(move |tx, means| {
                let new = new_member("third@shop.example", &[Role::Owner]);
                identity::invite_member(tx, means, &who, shop, &new, "https://pay.example")
            })
        };
        assert!(matches!(invite, Ok(Invited::Waiting(_))), "{invite:?}");
    });
}

#[test]
fn a_shop_has_so_many_open_proposals_and_not_one_more() {
    each_world(|world| {
        let shop = world.shop().id;
        let maker = world.actor(shop, "maker@shop.example", &[Role::Owner]);
        let of = move |n: usize| Proposal::new(shop, ACTION, &format!("export {n}"), "x");
        let who = maker.clone();
        world
            .write(move |tx, means| {
                for n in 0..limits::APPROVALS_OPEN_MAX {
                    approvals::propose(tx, means, &who, &of(n))?;
                }
                Ok::<_, ApprovalError>(())
            })
            .unwrap();
        assert_eq!(ask(&world, &maker, of(limits::APPROVALS_OPEN_MAX)), Err(ApprovalError::TooMany));
    });
}

#[test]
fn each_action_asks_for_a_permission_that_members_of_a_shop_or_the_house_have() {
    for action in ApprovalAction::ALL {
        assert!(identity::is_for_members(action.permission()), "{}", action.name());
        assert_ne!(action.permission(), Permission::Approve);
    }
}
