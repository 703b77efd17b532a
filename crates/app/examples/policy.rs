//! Says, for the oracle `policy`, how the program decides each question of who may do what: every role, every permission,
//! in the caller's own shop and in another one. A line of JSON each. The table itself is printed by `tillward roles --json`.

use base::{ApiKeyId, BuyerId, DeviceId, Dice, MemberId, ScopedId, SessionId, ShopId, TerminalId, Timestamp};
use identity::{
    Actor, BuyerSession, Denied, KeyCaller, MemberSession, Permission, Permissions, Role, TerminalCaller,
};
use serde_json::json;

const NOW: Timestamp = Timestamp(1_772_343_000_000);

/// What the role of a shop's own has in these questions.
const CUSTOM: [Permission; 3] = [Permission::ViewShop, Permission::ViewPayments, Permission::Refund];

#[expect(clippy::print_stdout, reason = "the oracle reads it")]
fn main() {
    let dice = Dice::System;
    let (own, other) = (ShopId::random(&dice), ShopId::random(&dice));
    let built_in = Role::ALL.iter().map(|role| (role.name().to_owned(), actor_of(*role, own, &dice)));
    let custom = Actor::Member(MemberSession {
        custom: CUSTOM.into_iter().collect(),
        ..member(own, Vec::new(), &dice)
    });
    for (role, actor) in built_in.chain([("custom".to_owned(), custom)]) {
        for permission in Permission::ALL {
            for (place, shop) in [("own", own), ("other", other)] {
                let answer = match actor.allow(*permission, shop) {
                    Ok(()) => "allow",
                    Err(Denied::NotFound) => "not found",
                    Err(Denied::SignInNeeded) => "sign in",
                    Err(Denied::NotAllowed) => "deny",
                    Err(Denied::SecondFactorNeeded | Denied::StepUpNeeded) => "second factor",
                    Err(Denied::PasswordChangeNeeded) => "another password",
                    Err(Denied::Asleep | Denied::Frozen) => "of buyers alone",
                };
                let question = json!({"role": role, "permission": permission.name(), "shop": place});
                println!(
                    "{}",
                    json!({"question": question, "answer": answer, "has_shop": actor.home().is_some()})
                );
            }
        }
    }
    // What the custom role has, so that nobody needs to know it twice.
    let names: Vec<&str> = CUSTOM.iter().map(|permission| permission.name()).collect();
    println!("{}", json!({ "custom": names }));
}

/// A caller of `shop` with this role, who gave a second factor just now.
fn actor_of(role: Role, shop: ShopId, dice: &Dice) -> Actor {
    match role {
        Role::Anyone => Actor::Anyone,
        Role::Buyer => Actor::Buyer(buyer(dice)),
        Role::Terminal => {
            Actor::Terminal(TerminalCaller { terminal: TerminalId::new(shop, NOW, dice), shop })
        }
        Role::System => Actor::System,
        role if role.is_for_keys() => {
            Actor::ApiKey(KeyCaller { key: ApiKeyId::new(shop, NOW, dice), shop, role, touch_due: false })
        }
        role => Actor::Member(member(shop, vec![role], dice)),
    }
}

fn member(shop: ShopId, roles: Vec<Role>, dice: &Dice) -> MemberSession {
    MemberSession {
        id: SessionId::new(shop, NOW, dice),
        member: MemberId::new(shop, NOW, dice),
        shop,
        roles,
        custom: Permissions::NONE,
        emergency: None,
        opened: NOW,
        expires: NOW.plus_seconds(3_600),
        second_factor: Some(NOW),
        password_due: false,
        at: NOW,
        touch_due: false,
    }
}

fn buyer(dice: &Dice) -> BuyerSession {
    let id = BuyerId::new(ShopId::HOUSE, NOW, dice);
    BuyerSession {
        id: SessionId::new(id.shop(), NOW, dice),
        buyer: id,
        device: DeviceId::new(ShopId::HOUSE, NOW, dice),
        opened: NOW,
        expires: NOW.plus_seconds(3_600),
        second_factor: Some(NOW),
        at: NOW,
        awake: true,
        touch_due: false,
    }
}
