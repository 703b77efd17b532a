//! Who may do what: one table of roles and permissions, denied by default (AZ-1, C10).

use base::{ApiKeyId, AppId, ConnectionId, MemberId, ShopId, TerminalId, Timestamp};

use crate::grants::Permissions;
use crate::limits::{OPEN_STEP_UP_SECONDS, STEP_UP_SECONDS};
use crate::person::Person;
use crate::sessions::{BuyerSession, MemberSession};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal => [$($role:ident),*] $(fresh $seconds:ident)?;)*) => {
        /// One thing that can be allowed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission { $($(#[$doc])* $name),* }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Permission] = &[$(Permission::$name),*];

            /// Its name in documents, in the API and in the audit log.
            pub fn name(self) -> &'static str {
                match self { $(Permission::$name => $text),* }
            }

            /// Reads a permission's name.
            pub fn from_name(name: &str) -> Option<Permission> {
                match name { $($text => Some(Permission::$name),)* _ => None }
            }

            /// The roles that have it. What is not here is denied.
            pub fn holders(self) -> &'static [Role] {
                match self { $(Permission::$name => &[$(Role::$role),*]),* }
            }

            /// How long ago a person's second factor may have been given at most, in seconds; `None` where one given
            /// at sign-in will do. Systems, which sign each request with a key, are not asked.
            pub fn fresh_seconds(self) -> Option<i64> {
                match self { $(Permission::$name => permissions!(@fresh $($seconds)?)),* }
            }
        }
    };
    (@fresh) => { None };
    (@fresh $seconds:ident) => { Some($seconds) };
}

// The one table: permission, its name, the roles that have it, and how fresh a second factor it asks for.
permissions! {
    /// Sign up, sign in, and see what everybody sees.
    Enter = "enter" => [
        Anyone, Buyer, Owner, Manager, Cashier, Support, Finance, Risk, Security, Auditor, Integration, Decisions,
        Detokenise, Terminal, Operator, System
    ];
    /// See one's own account, payments and devices.
    OwnAccount = "own account" => [Buyer];
    /// Confirm or refuse a payment with one's own PIN.
    Pay = "pay" => [Buyer];
    /// Enrol and remove one's own factors, see and end one's own sessions.
    OwnSecurity = "own security" => [
        Buyer, Owner, Manager, Cashier, Support, Finance, Risk, Security, Auditor, Operator
    ];
    /// Change one's own password.
    OwnPassword = "own password" => [
        Owner, Manager, Cashier, Support, Finance, Risk, Security, Auditor, Operator
    ];
    /// Read the shop's name, currency and settings.
    ViewShop = "view shop" => [
        Owner, Manager, Cashier, Support, Finance, Risk, Security, Auditor, Integration, Decisions, Detokenise, Terminal,
        Operator
    ];
    /// Change the shop's settings and limits.
    ManageShop = "manage shop" => [Owner, Manager] fresh STEP_UP_SECONDS;
    /// Read orders, codes, payments and refunds.
    ViewPayments = "view payments" => [Owner, Manager, Cashier, Support, Finance, Risk, Auditor, Integration];
    /// Make orders and payments.
    TakePayments = "take payments" => [Owner, Manager, Cashier, Integration, Terminal];
    /// Make printed codes and take them back.
    ManageCodes = "manage codes" => [Owner, Manager, Cashier, Integration];
    /// Capture, void or cancel.
    SettlePayments = "settle payments" => [Owner, Manager, Cashier, Integration, System];
    /// Give money back.
    Refund = "refund" => [Owner, Manager, Finance, Integration];
    /// Put a stored balance into a buyer's account.
    TopUp = "top up" => [Operator, System] fresh STEP_UP_SECONDS;
    /// Read accounts and entries of the ledger.
    ViewLedger = "view ledger" => [Owner, Finance, Auditor, Operator];
    /// Change where the shop's money is paid out to.
    ManagePayouts = "manage payouts" => [Owner, Finance] fresh STEP_UP_SECONDS;
    /// Ask for a decision without a payment.
    RequestDecision = "request decision" => [Owner, Risk, Integration, Decisions];
    /// Read decisions with their reasons and features.
    ViewDecisions = "view decisions" => [Owner, Risk, Auditor];
    /// Decide a paused payment in the review queue.
    Review = "review" => [Owner, Risk];
    /// See and work cases: what buyers and members said was not them.
    WorkCases = "work cases" => [Owner, Manager, Support, Risk, Security, Operator];
    /// Change rules and models.
    ManageRules = "manage rules" => [Owner, Risk] fresh STEP_UP_SECONDS;
    /// See customers' records, masked.
    ViewCustomers = "view customers" => [Owner, Manager, Support, Risk, Auditor, Integration, Detokenise];
    /// Make, correct and erase customers' records.
    ManageCustomers = "manage customers" => [Owner, Manager, Support, Integration];
    /// Open a customer's data, unmasked, for a purpose.
    OpenCustomers = "open customers" => [Owner, Manager, Support, Risk, Detokenise] fresh OPEN_STEP_UP_SECONDS;
    /// Put cards into the vault and use their tokens.
    CreateTokens = "create tokens" => [Owner, Manager, Integration, Detokenise];
    /// Open a card's number.
    OpenTokens = "open tokens" => [Owner, Detokenise] fresh OPEN_STEP_UP_SECONDS;
    /// Ask for a bulk export of customers' data; a second person approves it.
    ExportCustomers = "export customers" => [Owner, Finance, Security] fresh OPEN_STEP_UP_SECONDS;
    /// See who is a member and with which roles.
    ViewMembers = "view members" => [Owner, Manager, Risk, Security, Auditor, Operator];
    /// Invite, change and remove members who may no more than oneself.
    ManageMembers = "manage members" => [Owner, Manager, Security, Operator] fresh STEP_UP_SECONDS;
    /// Make and change the shop's own roles.
    ManageRoles = "manage roles" => [Owner] fresh STEP_UP_SECONDS;
    /// Decide in an access review who keeps what.
    ReviewAccess = "review access" => [Owner, Security, Operator] fresh STEP_UP_SECONDS;
    /// Say yes or no to what a colleague proposed. What it is asks for its own permission besides.
    Approve = "approve" => [Owner, Manager, Finance, Risk, Security, Operator] fresh STEP_UP_SECONDS;
    /// See, make and revoke API keys.
    ManageApiKeys = "manage API keys" => [Owner, Security] fresh STEP_UP_SECONDS;
    /// See, issue and revoke client certificates.
    ManageCertificates = "manage certificates" => [Owner, Security, Operator] fresh STEP_UP_SECONDS;
    /// Set the policy of factors and end other people's sessions.
    ManageSecurity = "manage security" => [Owner, Security, Operator] fresh STEP_UP_SECONDS;
    /// Take other power for a time in an emergency, and end such a time.
    EmergencyAccess = "emergency access" => [Owner, Security, Operator] fresh OPEN_STEP_UP_SECONDS;
    /// Manage terminals.
    ManageTerminals = "manage terminals" => [Owner, Manager] fresh STEP_UP_SECONDS;
    /// Read the audit log and its proofs.
    ViewAudit = "view audit" => [Owner, Risk, Security, Auditor, Operator];
    /// See and turn the installation's key hierarchy.
    ManageKeys = "manage keys" => [Operator] fresh STEP_UP_SECONDS;
    /// Run the installation: make shops, freeze buyers, run jobs.
    Operate = "operate" => [Operator, System] fresh STEP_UP_SECONDS;
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
    /// Runs the shop day by day, and its cashiers and support.
    Manager = "manager", true;
    /// Sells at the till.
    Cashier = "cashier", true;
    /// Helps customers.
    Support = "support", true;
    /// Keeps the books, refunds and payouts.
    Finance = "finance", true;
    /// Works on risk: decisions, reviews, rules.
    Risk = "risk", true;
    /// Looks after members, keys, certificates and policy; sells nothing.
    Security = "security", true;
    /// Reads, and changes nothing.
    Auditor = "auditor", true;
    /// An API key that sells.
    Integration = "integration", false;
    /// An API key that asks for decisions alone.
    Decisions = "decisions", false;
    /// An API key that keeps cards and customers' data, and may open them.
    Detokenise = "detokenise", false;
    /// A terminal with a client certificate: makes payments and sees its own.
    Terminal = "terminal", false;
    /// Runs the installation. Held by members of the house and by keys made at the command line.
    Operator = "operator", false;
    /// The program's own jobs.
    System = "system", false;
}

impl Role {
    /// Whether an API key can hold it.
    pub fn is_for_keys(self) -> bool {
        matches!(self, Role::Integration | Role::Decisions | Role::Detokenise)
    }

    /// Whether a member of `shop` can hold it: the house has operators and auditors, a shop all others.
    pub fn fits(self, shop: ShopId) -> bool {
        match self {
            Role::Operator => shop == ShopId::HOUSE,
            Role::Auditor => true,
            other => other.is_for_members() && shop != ShopId::HOUSE,
        }
    }

    /// Whether the role has the permission. [`Permission::holders`] is the only table.
    pub fn grants(self, permission: Permission) -> bool {
        permission.holders().contains(&self)
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
    /// Whether its use is to be written down; once a day.
    pub touch_due: bool,
}

/// Somebody else's program, let in by a member, whose token and key were verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppCaller {
    /// What the member allowed it.
    pub connection: ConnectionId,
    /// The app.
    pub app: AppId,
    /// The shop.
    pub shop: ShopId,
    /// Who allowed it.
    pub member: MemberId,
    /// What it may do now: never more than the app, the member then and the member now.
    pub permissions: Permissions,
    /// Whether its use is to be written down; once an hour.
    pub touch_due: bool,
}

/// A terminal whose client certificate was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalCaller {
    /// The terminal.
    pub terminal: TerminalId,
    /// The shop it belongs to.
    pub shop: ShopId,
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
    /// Somebody else's program, for one member.
    App(AppCaller),
    /// A shop's terminal.
    Terminal(TerminalCaller),
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
    /// A member's session that was opened with the password alone (C05).
    #[error("give your second factor first, or set one up")]
    SecondFactorNeeded,
    /// The second factor was given too long ago for this.
    #[error("give your second factor again")]
    StepUpNeeded,
    /// The password is on a list that thieves try first; nothing else is done before it is another one (PW-2).
    #[error("choose another password first; this one is on the lists that thieves try first")]
    PasswordChangeNeeded,
    /// A buyer's session that was not used for five minutes: it shows and changes nothing before the PIN is given (SES-1).
    #[error("the session was idle for five minutes; give the PIN to see the account again")]
    Asleep,
    /// A buyer's account that is frozen: who can get in changes nothing in it.
    #[error("the account is frozen; how it is reached is changed once it is free again")]
    Frozen,
}

/// Whether a member's session without a second factor is held to [`Permission::Enter`] and [`Permission::OwnSecurity`]
/// (C05). The one switch.
const SECOND_FACTOR_DEMANDED: bool = true;

impl Actor {
    /// Lets the caller through to `permission` in `shop`, or says why not. For people this includes how fresh their
    /// second factor is, measured at the instant of their request.
    ///
    /// # Errors
    /// [`Denied::NotFound`] when the shop is not the caller's, whatever the role; else [`Denied::SignInNeeded`],
    /// [`Denied::NotAllowed`], [`Denied::SecondFactorNeeded`] or [`Denied::StepUpNeeded`].
    pub fn allow(&self, permission: Permission, shop: ShopId) -> Result<(), Denied> {
        if self.home().is_some_and(|home| home != shop) {
            return Err(Denied::NotFound);
        }
        match (self.holds(permission), self) {
            (true, Actor::Member(session)) => {
                check_password(permission, session.password_due)?;
                check_factor(permission, session.second_factor, session.at, SECOND_FACTOR_DEMANDED)
            }
            (true, Actor::App(_)) if permission.fresh_seconds().is_some() => Err(Denied::StepUpNeeded),
            (true, _) => Ok(()),
            (false, Actor::Anyone) => Err(Denied::SignInNeeded),
            (false, _) => Err(Denied::NotAllowed),
        }
    }

    /// Whether the caller's roles have the permission, wherever and however freshly signed in. For menus; what is done
    /// goes through [`Actor::allow`].
    pub fn holds(&self, permission: Permission) -> bool {
        match self {
            Actor::Anyone => Role::Anyone.grants(permission),
            Actor::Buyer(_) => Role::Buyer.grants(permission),
            Actor::Member(member) => {
                let lent = member.emergency.map_or(Permissions::NONE, |lent| lent.permissions);
                holds_for_good(member, permission) || lent.contains(permission)
            }
            Actor::ApiKey(caller) => caller.role.grants(permission),
            Actor::App(caller) => caller.permissions.contains(permission),
            Actor::Terminal(_) => Role::Terminal.grants(permission),
            Actor::Operator => Role::Operator.grants(permission),
            Actor::System => Role::System.grants(permission),
        }
    }

    /// Whether the caller has all of `wanted`, so that giving or taking it gives them nothing. Whoever holds the machine
    /// passes; what was taken in an emergency does not count, or it could be passed on and last.
    pub fn covers(&self, wanted: Permissions) -> bool {
        match self {
            Actor::Operator | Actor::System => true,
            Actor::Member(member) => wanted.iter().all(|permission| holds_for_good(member, permission)),
            _ => wanted.iter().all(|permission| self.holds(permission)),
        }
    }

    /// Asks a person for a second factor no older than `seconds`, where an amount or a count and not the kind of
    /// operation makes it sensitive. Systems pass; an app has no factor to give and does not do what its member must give one for.
    ///
    /// # Errors
    /// [`Denied::SecondFactorNeeded`], [`Denied::StepUpNeeded`].
    pub fn require_fresh(&self, seconds: i64) -> Result<(), Denied> {
        let (given, at) = match self {
            Actor::Member(session) => (session.second_factor, session.at),
            Actor::Buyer(session) => (session.second_factor, session.at),
            Actor::Anyone | Actor::ApiKey(_) | Actor::Terminal(_) | Actor::Operator | Actor::System => {
                return Ok(());
            }
            Actor::App(_) => return Err(Denied::StepUpNeeded),
        };
        check_age(Some(seconds), given, at, SECOND_FACTOR_DEMANDED)
    }

    /// The one shop a member or an API key belongs to; `None` for callers that belong to none.
    pub fn home(&self) -> Option<ShopId> {
        match self {
            Actor::Member(member) => Some(member.shop),
            Actor::ApiKey(caller) => Some(caller.shop),
            Actor::App(caller) => Some(caller.shop),
            Actor::Terminal(caller) => Some(caller.shop),
            Actor::Anyone | Actor::Buyer(_) | Actor::Operator | Actor::System => None,
        }
    }

    /// The person who acts: a buyer, a member, or the member for whom an app calls. `None` for machines and nobody.
    pub fn person(&self) -> Option<Person> {
        match self {
            Actor::Buyer(session) => Some(Person::Buyer(session.buyer)),
            Actor::Member(session) => Some(Person::Member(session.member)),
            Actor::App(caller) => Some(Person::Member(caller.member)),
            Actor::Anyone | Actor::ApiKey(_) | Actor::Terminal(_) | Actor::Operator | Actor::System => None,
        }
    }

    /// Who answers for it: the person, or else the machine. Two of one name are not two people (C13).
    pub fn accountable(&self) -> String {
        match self.person() {
            Some(Person::Buyer(id)) => id.to_string(),
            Some(Person::Member(id)) => id.to_string(),
            None => self.label(),
        }
    }

    /// Who it was, for the audit log: an id of ours, never a name.
    pub fn label(&self) -> String {
        match self {
            Actor::Anyone => "anyone".to_owned(),
            Actor::Buyer(session) => session.buyer.to_string(),
            Actor::Member(session) => session.member.to_string(),
            Actor::ApiKey(caller) => caller.key.to_string(),
            Actor::App(caller) => caller.connection.to_string(),
            Actor::Terminal(caller) => caller.terminal.to_string(),
            Actor::Operator => "operator".to_owned(),
            Actor::System => "system".to_owned(),
        }
    }
}

/// Whether the member's own roles have it.
fn holds_for_good(member: &MemberSession, permission: Permission) -> bool {
    member.roles.iter().any(|role| role.grants(permission)) || member.custom.contains(permission)
}

/// What a member's session may do whose password must be changed: reach the door, and change it.
fn check_password(permission: Permission, is_due: bool) -> Result<(), Denied> {
    match permission {
        Permission::Enter | Permission::OwnPassword => Ok(()),
        _ if is_due => Err(Denied::PasswordChangeNeeded),
        _ => Ok(()),
    }
}

/// What a member's session without a second factor may do all the same: reach the door and set one up.
fn check_factor(
    permission: Permission,
    given: Option<Timestamp>,
    at: Timestamp,
    demanded: bool,
) -> Result<(), Denied> {
    let is_own = matches!(permission, Permission::Enter | Permission::OwnSecurity | Permission::OwnPassword);
    let demanded = demanded && !is_own;
    check_age(permission.fresh_seconds(), given, at, demanded)
}

fn check_age(
    fresh_seconds: Option<i64>,
    given: Option<Timestamp>,
    at: Timestamp,
    demanded: bool,
) -> Result<(), Denied> {
    match (given, fresh_seconds) {
        (None, _) if demanded => Err(Denied::SecondFactorNeeded),
        (Some(given), Some(seconds)) if at >= given.plus_seconds(seconds) => Err(Denied::StepUpNeeded),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Dice, Timestamp};

    fn key_of(shop: ShopId, role: Role) -> Actor {
        Actor::ApiKey(KeyCaller {
            key: ApiKeyId::new(shop, Timestamp(0), &Dice::System),
            shop,
            role,
            touch_due: false,
        })
    }

    #[test]
    fn oi_2_an_app_does_nothing_that_its_member_must_give_a_fresh_factor_for() {
        let shop = ShopId::random(&Dice::System);
        let all = Permission::ALL.iter().copied().filter(|one| one.fresh_seconds().is_some());
        let app = Actor::App(AppCaller {
            connection: ConnectionId::new(shop, Timestamp(0), &Dice::System),
            app: AppId::new(shop, Timestamp(0), &Dice::System),
            shop,
            member: MemberId::new(shop, Timestamp(0), &Dice::System),
            permissions: Permissions::of_roles(Role::ALL),
            touch_due: false,
        });
        for permission in all {
            assert_eq!(app.allow(permission, shop), Err(Denied::StepUpNeeded), "{permission:?}");
            assert!(!crate::oauth::is_for_apps(permission), "{permission:?}");
        }
        assert_eq!(app.require_fresh(900), Err(Denied::StepUpNeeded), "a refund above the limit");
        assert_eq!(app.allow(Permission::Refund, shop), Ok(()));
    }

    #[test]
    fn c10_the_matrix_is_the_policy() {
        let mut matrix = String::new();
        for permission in Permission::ALL {
            let holders: Vec<&str> =
                Role::ALL.iter().filter(|role| role.grants(*permission)).map(|role| role.name()).collect();
            let fresh = permission.fresh_seconds().map_or(String::new(), |s| format!(" [{s} s]"));
            matrix.push_str(&format!("{}{fresh}: {}\n", permission.name(), holders.join(", ")));
        }
        assert_eq!(matrix, MATRIX);
    }

    const MATRIX: &str = "\
enter: anyone, buyer, owner, manager, cashier, support, finance, risk, security, auditor, integration, decisions, detokenise, terminal, operator, system
own account: buyer
pay: buyer
own security: buyer, owner, manager, cashier, support, finance, risk, security, auditor, operator
own password: owner, manager, cashier, support, finance, risk, security, auditor, operator
view shop: owner, manager, cashier, support, finance, risk, security, auditor, integration, decisions, detokenise, terminal, operator
manage shop [900 s]: owner, manager
view payments: owner, manager, cashier, support, finance, risk, auditor, integration
take payments: owner, manager, cashier, integration, terminal
manage codes: owner, manager, cashier, integration
settle payments: owner, manager, cashier, integration, system
refund: owner, manager, finance, integration
top up [900 s]: operator, system
view ledger: owner, finance, auditor, operator
manage payouts [900 s]: owner, finance
request decision: owner, risk, integration, decisions
view decisions: owner, risk, auditor
review: owner, risk
work cases: owner, manager, support, risk, security, operator
manage rules [900 s]: owner, risk
view customers: owner, manager, support, risk, auditor, integration, detokenise
manage customers: owner, manager, support, integration
open customers [300 s]: owner, manager, support, risk, detokenise
create tokens: owner, manager, integration, detokenise
open tokens [300 s]: owner, detokenise
export customers [300 s]: owner, finance, security
view members: owner, manager, risk, security, auditor, operator
manage members [900 s]: owner, manager, security, operator
manage roles [900 s]: owner
review access [900 s]: owner, security, operator
approve [900 s]: owner, manager, finance, risk, security, operator
manage API keys [900 s]: owner, security
manage certificates [900 s]: owner, security, operator
manage security [900 s]: owner, security, operator
emergency access [300 s]: owner, security, operator
manage terminals [900 s]: owner, manager
view audit: owner, risk, security, auditor, operator
manage keys [900 s]: operator
operate [900 s]: operator, system
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
    fn pw_2_a_session_whose_password_is_due_reaches_the_door_and_another_password_alone() {
        for permission in Permission::ALL {
            let open = [Permission::Enter, Permission::OwnPassword].contains(permission);
            let expect = if open { Ok(()) } else { Err(Denied::PasswordChangeNeeded) };
            assert_eq!(check_password(*permission, true), expect, "{}", permission.name());
            assert_eq!(check_password(*permission, false), Ok(()), "{}", permission.name());
        }
    }

    #[test]
    fn c05_a_session_without_a_second_factor_reaches_the_door_and_its_own_security_alone() {
        let at = Timestamp(1_772_357_400_000);
        for permission in Permission::ALL {
            let own = [Permission::Enter, Permission::OwnSecurity, Permission::OwnPassword];
            let expect = if own.contains(permission) { Ok(()) } else { Err(Denied::SecondFactorNeeded) };
            assert_eq!(check_factor(*permission, None, at, true), expect, "{}", permission.name());
            assert_eq!(check_factor(*permission, Some(at), at, true), Ok(()), "{}", permission.name());
        }
    }

    #[test]
    fn c05_a_second_factor_is_fresh_up_to_its_limit_and_no_longer() {
        let given = Timestamp(1_772_357_400_000);
        for permission in Permission::ALL {
            let limit = permission.fresh_seconds().unwrap_or(i64::from(u32::MAX));
            let last = Timestamp(given.plus_seconds(limit).0 - 1);
            assert_eq!(check_factor(*permission, Some(given), last, true), Ok(()), "{}", permission.name());
            let past = check_factor(*permission, Some(given), given.plus_seconds(limit), true);
            let expect = permission.fresh_seconds().map_or(Ok(()), |_| Err(Denied::StepUpNeeded));
            assert_eq!(past, expect, "{}", permission.name());
        }
    }

    #[test]
    fn role_names_round_trip_and_keys_and_members_share_none() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(*role));
            assert!(!(role.is_for_keys() && role.is_for_members()));
        }
        assert_eq!(Role::from_name("root"), None);
        for permission in Permission::ALL {
            assert_eq!(Permission::from_name(permission.name()), Some(*permission));
        }
        assert_eq!(Permission::from_name("everything"), None);
    }
}
