//! Roles of a shop's own, who may give what, and leavers.

use base::{MemberId, RoleId, ShopId};
use identity::approvals::{self, ApprovalAction, Asked, Proposal};
use identity::{
    Actor, AuthError, Denied, Grants, Label, Left, MemberError, NewApiKey, NewRole, NewRoleProblem,
    PasswordHash, Permission, Role, RoleError, limits,
};

use crate::world::{World, each_world};

fn new_role(name: &str, permissions: &[&str]) -> Result<NewRole, NewRoleProblem> {
    let names: Vec<String> = permissions.iter().map(|name| (*name).to_owned()).collect();
    NewRole::new(Label::parse(name).unwrap(), &names)
}

fn create(world: &World, who: &Actor, shop: ShopId, permissions: &[&str]) -> Result<RoleId, RoleError> {
    let (who, new) = (who.clone(), new_role("evening shift", permissions).unwrap());
    let made = world.write(move |tx, means| identity::create_role(tx, means, &who, shop, &new));
    made.map(|role| role.id)
}

fn give(
    world: &World,
    who: &Actor,
    shop: ShopId,
    to: MemberId,
    grants: Grants,
) -> Result<Asked, MemberError> {
    let who = who.clone();
    world.write(move |tx, means| identity::update_roles(tx, means, &who, shop, to, &grants))
}

fn custom(role: RoleId) -> Grants {
    Grants { roles: vec![], custom: vec![role] }
}

#[test]
fn az_1_a_role_of_the_shops_own_gives_what_it_names_with_the_next_request_and_nothing_else() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let member = world.member(shop, "evening@shop.example", &[Role::Auditor], &PasswordHash::of_nobody());
        let opened = world
            .write(move |tx, means| {
                identity::open_trusted_member_session(tx, means, member, &Label::from_agent("till"))
            })
            .unwrap();
        let holds = || {
            let session =
                world.read(|tx, means| identity::require_member(tx, &opened.token, means.now)).unwrap();
            let actor = Actor::Member(session);
            Permission::ALL.iter().filter(|p| actor.holds(**p)).map(|p| p.name()).collect::<Vec<_>>()
        };
        let role = create(&world, &owner, shop, &["take payments", "view payments"]).unwrap();
        assert_eq!(give(&world, &owner, shop, member, custom(role)), Ok(Asked::Go));
        assert_eq!(holds(), ["enter", "own security", "own password", "view payments", "take payments"]);
        let (who, new) = (owner.clone(), new_role("late shift", &["view payments"]).unwrap());
        let changed = world.write(move |tx, means| identity::update_role(tx, means, &who, shop, role, &new));
        assert_eq!(changed, Ok(Asked::Go));
        assert_eq!(holds(), ["enter", "own security", "own password", "view payments"]);
        let delete = || {
            let who = owner.clone();
            world.write(move |tx, means| identity::delete_role(tx, means, &who, shop, role))
        };
        assert_eq!(delete(), Err(RoleError::InUse));
        assert_eq!(give(&world, &owner, shop, member, Role::Cashier.into()), Ok(Asked::Go));
        assert_eq!(delete(), Ok(()));
        assert_eq!(give(&world, &owner, shop, member, custom(role)), Err(MemberError::OtherRole));
        for action in ["role.created", "role.changed", "role.deleted"] {
            assert_eq!(world.audited(action), 1, "{action}");
        }
    });
}

#[test]
fn az_6_nobody_gives_or_takes_more_than_they_have() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let manager = world.actor(shop, "manager@shop.example", &[Role::Manager]);
        let boss = world.member(shop, "boss@shop.example", &[Role::Owner], &PasswordHash::of_nobody());
        let cashier = world.member(shop, "cash@shop.example", &[Role::Cashier], &PasswordHash::of_nobody());
        let own = {
            let Actor::Member(session) = &manager else { panic!() };
            session.member
        };
        assert_eq!(give(&world, &manager, shop, cashier, Role::Support.into()), Ok(Asked::Go));
        assert_eq!(give(&world, &manager, shop, cashier, Role::Manager.into()), Ok(Asked::Go));
        for role in [Role::Owner, Role::Finance, Role::Risk, Role::Security, Role::Auditor] {
            let refused = Err(MemberError::MoreThanOwn);
            assert_eq!(give(&world, &manager, shop, cashier, role.into()), refused, "{}", role.name());
            assert_eq!(give(&world, &manager, shop, own, role.into()), refused, "{}", role.name());
        }
        assert_eq!(give(&world, &manager, shop, boss, Role::Cashier.into()), Err(MemberError::MoreThanOwn));
        let who = manager.clone();
        let removed = world.write(move |tx, means| identity::remove_member(tx, means, &who, shop, boss));
        assert_eq!(removed, Err(MemberError::MoreThanOwn));
        let role = create(&world, &owner, shop, &["manage payouts"]).unwrap();
        assert_eq!(give(&world, &manager, shop, cashier, custom(role)), Err(MemberError::MoreThanOwn));
        assert_eq!(
            create(&world, &manager, shop, &["view shop"]),
            Err(RoleError::Denied(Denied::NotAllowed))
        );
        assert!(
            matches!(give(&world, &owner, shop, cashier, custom(role)), Ok(Asked::Wait(_))),
            "a role with weight is given by two as well"
        );
    });
}

#[test]
fn az_4_roles_are_of_one_shop_and_of_members() {
    each_world(|world| {
        let (shop, other) = (world.shop().id, world.shop().id);
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let stranger = world.actor(other, "stranger@shop.example", &[Role::Owner]);
        let cashier = world.member(shop, "cash@shop.example", &[Role::Cashier], &PasswordHash::of_nobody());
        let foreign = create(&world, &stranger, other, &["view payments"]).unwrap();
        assert_eq!(give(&world, &owner, shop, cashier, custom(foreign)), Err(MemberError::OtherRole));
        assert_eq!(give(&world, &owner, shop, cashier, Role::Operator.into()), Err(MemberError::OtherRole));
        let who = owner.clone();
        let deleted = world.write(move |tx, means| identity::delete_role(tx, means, &who, shop, foreign));
        assert_eq!(deleted, Err(RoleError::NotFound));
        assert_eq!(
            create(&world, &owner, other, &["view payments"]),
            Err(RoleError::Denied(Denied::NotFound))
        );
        for not_for_members in ["pay", "own account", "fly"] {
            let refused = new_role("x", &[not_for_members]).err();
            assert_eq!(refused, Some(NewRoleProblem::Permission(not_for_members.to_owned())));
        }
        assert_eq!(new_role("x", &[]).err(), Some(NewRoleProblem::None));
    });
}

#[test]
fn an_owner_of_a_shop_cannot_make_a_role_of_the_houses_powers() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        for power in ["operate", "manage keys", "top up"] {
            assert_eq!(create(&world, &owner, shop, &[power]), Err(RoleError::MoreThanOwn), "{power}");
        }
    });
}

#[test]
fn a_shop_has_so_many_roles_and_each_name_once() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let make = |name: String| {
            let (who, new) = (owner.clone(), new_role(&name, &["view shop"]).unwrap());
            world.write(move |tx, means| identity::create_role(tx, means, &who, shop, &new)).map(drop)
        };
        for n in 0..limits::ROLES_MAX {
            assert_eq!(make(format!("role {n}")), Ok(()));
        }
        assert_eq!(make("role 7".to_owned()), Err(RoleError::NameTaken));
        assert_eq!(make("one more".to_owned()), Err(RoleError::TooMany));
    });
}

#[test]
fn az_6_a_key_that_opens_cards_is_made_by_who_may_open_them() {
    each_world(|world| {
        let shop = world.shop().id;
        let make = |who: &Actor, role| {
            let who = who.clone();
            let new = NewApiKey::new(Label::parse("till").unwrap(), role, None).unwrap();
            world.write(move |tx, means| identity::create_api_key(tx, means, &who, shop, &new)).map(drop)
        };
        let security = world.actor(shop, "security@shop.example", &[Role::Security]);
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let refused = make(&security, Role::Detokenise).unwrap_err();
        assert_eq!(refused.to_string(), "your role does not allow this");
        assert!(make(&security, Role::Integration).is_ok(), "others it may make");
        assert!(make(&owner, Role::Detokenise).is_ok());
    });
}

#[test]
fn c12_whoever_leaves_has_nothing_left_at_the_next_request() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let leaver = world.member(shop, "leaver@shop.example", &[Role::Owner], &PasswordHash::of_nobody());
        let open = move |tx: &mut store::Tx, means: &identity::Means| {
            identity::open_trusted_member_session(tx, means, leaver, &Label::from_agent("x"))
        };
        let opened = world.write(open).unwrap();
        world.write(open).unwrap();
        let token = opened.token.clone();
        let actor = world.read(|tx, means| identity::require_member(tx, &token, means.now)).unwrap();
        let actor = Actor::Member(actor);
        let (who, maker) = (actor.clone(), actor.clone());
        let (key, _) = world
            .write(move |tx, means| {
                let new = NewApiKey::new(Label::parse("till").unwrap(), Role::Integration, None).unwrap();
                identity::create_api_key(tx, means, &who, shop, &new)
            })
            .unwrap();
        world
            .write(move |tx, means| {
                let export = Proposal::new(shop, ApprovalAction::ExportCustomers, "all", "all");
                approvals::propose(tx, means, &maker, &export)
            })
            .unwrap();
        assert!(world.read(|tx, means| identity::require_active_key(tx, key.id, means.now)).is_ok());
        let who = owner.clone();
        let left = world.write(move |tx, means| identity::remove_member(tx, means, &who, shop, leaver));
        assert_eq!(left, Ok(Left { sessions: 2, api_keys: 1, connections: 0, factors: 0, approvals: 1 }));
        let session = world.read(|tx, means| identity::require_member(tx, &opened.token, means.now));
        assert_eq!(session, Err(AuthError::SignInNeeded), "the very next request");
        let key = world.read(|tx, means| identity::require_active_key(tx, key.id, means.now));
        assert_eq!(key, Err(AuthError::SignInNeeded), "the key as well");
        let open = world.read(|tx, means| approvals::list_approvals(tx, &owner, shop, means.now)).unwrap();
        assert_eq!(open, [], "and what they proposed");
        let who = owner.clone();
        let again = world.write(move |tx, means| identity::remove_member(tx, means, &who, shop, leaver));
        assert_eq!(again, Ok(Left::default()));
    });
}

#[test]
fn c12_who_looks_after_security_can_let_anybody_leave_and_a_manager_their_own_people() {
    each_world(|world| {
        let shop = world.shop().id;
        let security = world.actor(shop, "security@shop.example", &[Role::Security]);
        let manager = world.actor(shop, "manager@shop.example", &[Role::Manager]);
        let nobody = PasswordHash::of_nobody();
        world.member(shop, "owner@shop.example", &[Role::Owner], &nobody);
        let boss = world.member(shop, "boss@shop.example", &[Role::Owner], &nobody);
        let cashier = world.member(shop, "cash@shop.example", &[Role::Cashier], &nobody);
        let remove = |who: &Actor, id: MemberId| {
            let who = who.clone();
            world.write(move |tx, means| identity::remove_member(tx, means, &who, shop, id)).map(drop)
        };
        assert_eq!(remove(&manager, boss), Err(MemberError::MoreThanOwn));
        assert_eq!(remove(&manager, cashier), Ok(()));
        assert_eq!(remove(&security, boss), Ok(()));
    });
}

#[test]
fn an_operator_is_a_member_of_the_house_and_has_no_shop() {
    each_world(|world| {
        let operator = world.actor(ShopId::HOUSE, "op@house.example", &[Role::Operator]);
        for power in
            [Permission::Operate, Permission::ManageKeys, Permission::TopUp, Permission::ManageMembers]
        {
            assert_eq!(operator.allow(power, ShopId::HOUSE), Ok(()));
            assert_eq!(operator.allow(power, world.shop().id), Err(Denied::NotFound), "{}", power.name());
        }
        let second = world.actor(ShopId::HOUSE, "op2@house.example", &[Role::Operator]);
        let Actor::Member(session) = second else { panic!() };
        let refused = give(&world, &operator, ShopId::HOUSE, session.member, Role::Owner.into());
        assert_eq!(refused, Err(MemberError::OtherRole));
        let (_, link) = world
            .write(|tx, means| {
                let new = crate::world::new_member("op3@house.example", &[]);
                identity::invite_operator(tx, means, &new, "https://pay.example")
            })
            .unwrap();
        assert!(world.deliver()[0].body.expose().contains(link.expose()));
    });
}
