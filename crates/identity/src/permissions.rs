//! Who may do what: one table of roles and permissions, denied by default (AZ-1, C10).

use base::{ApiKeyId, ShopId};

use crate::sessions::{BuyerSession, MemberSession};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// One thing that can be allowed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission { $($(#[$doc])* $name),* }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Permission] = &[$(Permission::$name),*];

            /// Its name in documents and in the audit log.
            pub fn name(self) -> &'static str {
                match self { $(Permission::$name => $text),* }
            }
        }
    };
}

permissions! {
    /// Sign up, sign in, and see what everybody sees.
    Enter = "enter";
    /// See one's own account, payments and devices.
    OwnAccount = "own account";
    /// Confirm or refuse a payment with one's own PIN.
    Pay = "pay";
    /// Read the shop's name, currency and settings.
    ViewShop = "view shop";
    /// Change the shop's settings.
    ManageShop = "manage shop";
    /// Read orders, codes, payments and refunds.
    ViewPayments = "view payments";
    /// Make orders, codes and payments.
    TakePayments = "take payments";
    /// Capture, void or cancel.
    SettlePayments = "settle payments";
    /// Give money back.
    Refund = "refund";
    /// Put a stored balance into a buyer's account.
    TopUp = "top up";
    /// Read accounts and entries of the ledger.
    ViewLedger = "view ledger";
    /// Ask for a decision without a payment.
    RequestDecision = "request decision";
    /// Read decisions with their reasons and features.
    ViewDecisions = "view decisions";
    /// Decide a paused payment in the review queue.
    Review = "review";
    /// Change rules and models.
    ManageRules = "manage rules";
    /// See who is a member and with which roles.
    ViewMembers = "view members";
    /// Invite, change and remove members.
    ManageMembers = "manage members";
    /// See, make and revoke API keys.
    ManageApiKeys = "manage API keys";
    /// Manage terminals.
    ManageTerminals = "manage terminals";
    /// Read the audit log and its proofs.
    ViewAudit = "view audit";
    /// Run the installation: make shops, freeze buyers, run jobs.
    Operate = "operate";
}

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $grantable:literal;)*) => {
        /// A set of permissions with a name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Role { $($(#[$doc])* $name),* }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Role] = &[$(Role::$name),*];

            /// Its name in the API and the database.
            pub fn name(self) -> &'static str {
                match self { $(Role::$name => $text),* }
            }

            /// Reads a role's name.
            pub fn from_name(name: &str) -> Option<Role> {
                Role::ALL.iter().copied().find(|role| role.name() == name)
            }

            /// Whether a member of a shop can hold it.
            pub fn is_for_members(self) -> bool {
                match self { $(Role::$name => $grantable),* }
            }
        }
    };
}

roles! {
    /// Nobody in particular.
    Anyone = "anyone", false;
    /// Somebody who pays.
    Buyer = "buyer", false;
    /// Owns the shop: everything in it.
    Owner = "owner", true;
    /// Sells at the till.
    Cashier = "cashier", true;
    /// Works on risk: decisions, reviews, rules.
    Risk = "risk", true;
    /// An API key that sells.
    Integration = "integration", false;
    /// An API key that asks for decisions alone.
    Decisions = "decisions", false;
    /// Runs the installation.
    Operator = "operator", false;
    /// The program's own jobs.
    System = "system", false;
}

impl Role {
    /// Whether an API key can hold it.
    pub fn is_for_keys(self) -> bool {
        matches!(self, Role::Integration | Role::Decisions)
    }

    /// Whether the role has the permission. This is the only table; what is not in it is denied.
    pub fn grants(self, permission: Permission) -> bool {
        roles_with(permission).contains(&self)
    }
}

fn roles_with(permission: Permission) -> &'static [Role] {
    use Role::{Buyer, Cashier, Decisions, Integration, Operator, Owner, Risk, System};
    match permission {
        Permission::Enter => Role::ALL,
        Permission::OwnAccount | Permission::Pay => &[Buyer],
        Permission::ViewShop => &[Owner, Cashier, Risk, Integration, Decisions, Operator],
        Permission::ManageShop | Permission::ManageTerminals => &[Owner],
        Permission::ViewPayments => &[Owner, Cashier, Risk, Integration],
        Permission::TakePayments => &[Owner, Cashier, Integration],
        Permission::SettlePayments => &[Owner, Cashier, Integration, System],
        Permission::Refund => &[Owner, Integration],
        Permission::TopUp => &[Operator, System],
        Permission::ViewLedger => &[Owner, Operator],
        Permission::RequestDecision => &[Owner, Risk, Integration, Decisions],
        Permission::ViewDecisions => &[Owner, Risk],
        Permission::Review => &[Owner, Risk],
        Permission::ManageRules => &[Owner, Risk],
        Permission::ViewMembers => &[Owner, Risk],
        Permission::ManageMembers | Permission::ManageApiKeys => &[Owner],
        Permission::ViewAudit => &[Owner, Risk, Operator],
        Permission::Operate => &[Operator, System],
    }
}

/// An API key whose signature was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCaller {
    /// The key.
    pub key: ApiKeyId,
    /// The shop it belongs to.
    pub shop: ShopId,
    /// What it may do.
    pub role: Role,
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Nobody we know.
    Anyone,
    /// A buyer with a session.
    Buyer(BuyerSession),
    /// A member with a session.
    Member(MemberSession),
    /// A shop's own system.
    ApiKey(KeyCaller),
    /// Whoever runs the installation, at its command line.
    Operator,
    /// The program's own jobs.
    System,
}

/// Why somebody was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No session, or one that ended.
    #[error("sign in first")]
    SignInNeeded,
    /// Belongs to another shop: as good as absent (AZ-4).
    #[error("not found")]
    NotFound,
    /// Known, but without the right.
    #[error("your role does not allow this")]
    NotAllowed,
}

impl Actor {
    /// Lets the caller through to `permission` in `shop`, or says why not.
    ///
    /// # Errors
    /// [`Denied::NotFound`] when the shop is not the caller's, whatever the role; else [`Denied::SignInNeeded`] or
    /// [`Denied::NotAllowed`].
    pub fn allow(&self, permission: Permission, shop: ShopId) -> Result<(), Denied> {
        if self.home().is_some_and(|home| home != shop) {
            return Err(Denied::NotFound);
        }
        let granted = match self {
            Actor::Anyone => Role::Anyone.grants(permission),
            Actor::Buyer(_) => Role::Buyer.grants(permission),
            Actor::Member(member) => member.roles.iter().any(|role| role.grants(permission)),
            Actor::ApiKey(caller) => caller.role.grants(permission),
            Actor::Operator => Role::Operator.grants(permission),
            Actor::System => Role::System.grants(permission),
        };
        match (granted, self) {
            (true, _) => Ok(()),
            (false, Actor::Anyone) => Err(Denied::SignInNeeded),
            (false, _) => Err(Denied::NotAllowed),
        }
    }

    /// The one shop a member or an API key belongs to; `None` for callers that belong to none.
    pub fn home(&self) -> Option<ShopId> {
        match self {
            Actor::Member(member) => Some(member.shop),
            Actor::ApiKey(caller) => Some(caller.shop),
            Actor::Anyone | Actor::Buyer(_) | Actor::Operator | Actor::System => None,
        }
    }

    /// Who it was, for the audit log: an id of ours, never a name.
    pub fn label(&self) -> String {
        match self {
            Actor::Anyone => "anyone".to_owned(),
            Actor::Buyer(session) => session.buyer.to_string(),
            Actor::Member(session) => session.member.to_string(),
            Actor::ApiKey(caller) => caller.key.to_string(),
            Actor::Operator => "operator".to_owned(),
            Actor::System => "system".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Dice, Timestamp};

    fn key_of(shop: ShopId, role: Role) -> Actor {
        Actor::ApiKey(KeyCaller { key: ApiKeyId::new(shop, Timestamp(0), &Dice::System), shop, role })
    }

    #[test]
    fn c10_the_matrix_is_the_policy() {
        let mut matrix = String::new();
        for permission in Permission::ALL {
            let holders: Vec<&str> =
                Role::ALL.iter().filter(|role| role.grants(*permission)).map(|role| role.name()).collect();
            matrix.push_str(&format!("{}: {}\n", permission.name(), holders.join(", ")));
        }
        assert_eq!(matrix, MATRIX);
    }

    const MATRIX: &str = "\
enter: anyone, buyer, owner, cashier, risk, integration, decisions, operator, system
own account: buyer
pay: buyer
view shop: owner, cashier, risk, integration, decisions, operator
manage shop: owner
view payments: owner, cashier, risk, integration
take payments: owner, cashier, integration
settle payments: owner, cashier, integration, system
refund: owner, integration
top up: operator, system
view ledger: owner, operator
request decision: owner, risk, integration, decisions
view decisions: owner, risk
review: owner, risk
manage rules: owner, risk
view members: owner, risk
manage members: owner
manage API keys: owner
manage terminals: owner
view audit: owner, risk, operator
operate: operator, system
";

    #[test]
    fn az_1_nobody_has_nothing_but_the_door() {
        for permission in Permission::ALL.iter().filter(|permission| **permission != Permission::Enter) {
            assert_eq!(Actor::Anyone.allow(*permission, ShopId::HOUSE), Err(Denied::SignInNeeded));
        }
    }

    #[test]
    fn az_4_another_shop_is_not_found_whatever_the_role() {
        let (own, other) = (ShopId::random(&Dice::System), ShopId::random(&Dice::System));
        for role in Role::ALL {
            for permission in Permission::ALL {
                assert_eq!(key_of(own, *role).allow(*permission, other), Err(Denied::NotFound));
                let expect = if role.grants(*permission) { Ok(()) } else { Err(Denied::NotAllowed) };
                assert_eq!(key_of(own, *role).allow(*permission, own), expect);
            }
        }
    }

    #[test]
    fn role_names_round_trip_and_keys_and_members_share_none() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(*role));
            assert!(!(role.is_for_keys() && role.is_for_members()));
        }
        assert_eq!(Role::from_name("root"), None);
    }
}
