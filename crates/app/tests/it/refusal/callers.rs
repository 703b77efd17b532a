//! Every kind of caller, and whom an operation is to let in.

use std::sync::Arc;

use base::{ShopId, Timestamp};
use identity::{Holder, Label, NewApiKey, Permission, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Request};
use webkit::peer::{PeerCertificate, PeerIssuer};

use super::{Stage, put};
use crate::house::Shop;

/// A kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    /// The buyer of the payments, and of all that a buyer has.
    Payer,
    /// Another buyer.
    Stranger,
    /// A member of the shop with a built-in role.
    Member(Role),
    /// A member of the shop with a role of the shop's own.
    Custom,
    /// A key of the shop.
    Key(Role),
    /// A terminal of the shop, with its certificate.
    Terminal,
    /// Owner and selling key of another shop.
    OtherOwner,
    OtherKey(Role),
    /// Whoever runs the installation, as a person.
    Keeper,
    /// The same as a key made at the command line.
    OperatorKey,
}

/// What the role of the shop's own allows, besides the door.
const CUSTOM: [Permission; 3] = [Permission::ViewShop, Permission::ViewPayments, Permission::ManageCodes];

impl Who {
    pub fn every() -> impl Iterator<Item = Who> {
        let roles = |fits: fn(Role) -> bool| Role::ALL.iter().copied().filter(move |role| fits(*role));
        let first = [Who::Nobody, Who::Payer, Who::Stranger];
        let last =
            [Who::Custom, Who::Terminal, Who::OtherOwner, Who::OtherKey(Role::Integration), Who::Keeper];
        first
            .into_iter()
            .chain(roles(Role::is_for_members).map(Who::Member))
            .chain(roles(Role::is_for_keys).map(Who::Key))
            .chain(last)
            .chain([Who::OperatorKey])
    }

    pub fn is_of_the_house(self) -> bool {
        matches!(self, Who::Keeper | Who::OperatorKey)
    }

    pub fn is_of_the_shop(self) -> bool {
        matches!(self, Who::Member(_) | Who::Custom | Who::Key(_) | Who::Terminal)
    }

    pub fn is_of_another_shop(self) -> bool {
        matches!(self, Who::OtherOwner | Who::OtherKey(_))
    }

    /// How the description calls what they show.
    fn credential(self) -> Option<&'static str> {
        match self {
            Who::Nobody => None,
            Who::Payer | Who::Stranger => Some("buyer_session"),
            Who::Member(_) | Who::Custom | Who::OtherOwner | Who::Keeper => Some("member_session"),
            // A client certificate takes the place of a signature.
            Who::Key(_) | Who::OtherKey(_) | Who::OperatorKey | Who::Terminal => Some("signature"),
        }
    }

    pub fn holds(self, permission: Permission) -> bool {
        match self {
            Who::Nobody => Role::Anyone.grants(permission),
            Who::Payer | Who::Stranger => Role::Buyer.grants(permission),
            Who::Member(role) | Who::Key(role) | Who::OtherKey(role) => role.grants(permission),
            Who::Custom => {
                let door = [Permission::Enter, Permission::OwnSecurity, Permission::OwnPassword]
                    .contains(&permission);
                door || CUSTOM.contains(&permission)
            }
            Who::Terminal => Role::Terminal.grants(permission),
            Who::OtherOwner => Role::Owner.grants(permission),
            Who::Keeper | Who::OperatorKey => Role::Operator.grants(permission),
        }
    }
}

/// Whose thing an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    /// Nobody's in particular: the caller's own shop or account.
    Own,
    /// The first shop's.
    OfShop,
    /// The payer's.
    OfPayer,
    /// The first shop's, to be paid by any buyer.
    OfAnyPayer,
}

/// Whose thing an operation asks for: as its path has an id or not, and whom its permission is for.
pub(super) fn thing_of(path: &str, operation: &str) -> Thing {
    match operation {
        "create_step_up" | "answer_challenge" => return Thing::OfPayer,
        "confirm_payment" | "create_passkey_challenge" | "create_payment_from_code" | "scan_code" => {
            return Thing::OfAnyPayer;
        }
        // The path names a currency; a rule that all shops have; a key of the installation; a passkey, or a request, that nobody has.
        "update_refund_limit"
        | "update_rule"
        | "destroy_key"
        | "delete_passkey"
        | "finish_address_change"
        | "finish_contact_change"
        | "finish_pin_reset" => {
            return Thing::Own;
        }
        _ => {}
    }
    let own = [Permission::OwnAccount, Permission::OwnSecurity].map(Some);
    match path.contains('{') {
        false => Thing::Own,
        true if own.contains(&app::access::permission_of(operation)) => Thing::OfPayer,
        true => Thing::OfShop,
    }
}

/// The path and the entry of an operation in the description.
pub(super) fn find_operation<'a>(api: &'a Value, operation: &str) -> (&'a str, &'a Value) {
    let paths = api["paths"].as_object().unwrap().iter();
    let mut all = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().values().map(move |entry| (path.as_str(), entry))
    });
    all.find(|(_, entry)| entry["operationId"] == operation).unwrap_or_else(|| panic!("no `{operation}`"))
}

/// Whether a caller is to be let in, by the description, the table of roles, and whose thing it is.
pub(super) fn is_let_in(api: &Value, operation: &str, who: Who) -> bool {
    let (path, entry) = find_operation(api, operation);
    let ways = entry["security"].as_array().unwrap().iter();
    let ways: Vec<&str> = ways.flat_map(|way| way.as_object().unwrap().keys().map(String::as_str)).collect();
    let shows = match who {
        Who::Terminal if ways.contains(&"client_certificate") => true,
        _ => who.credential().is_some_and(|credential| ways.contains(&credential)),
    };
    let permission = app::access::permission_of(operation).unwrap();
    let also = match operation {
        // What is approved here asks for its own permission besides.
        "approve_proposal" | "refuse_proposal" => Some(Permission::ManageSecurity),
        _ => None,
    };
    let holds = who.holds(permission) && also.is_none_or(|permission| who.holds(permission));
    let is_payers = app::access::PAYERS_OWN.contains(&operation);
    let is_theirs = match thing_of(path, operation) {
        Thing::Own | Thing::OfAnyPayer => true,
        Thing::OfPayer => who == Who::Payer,
        Thing::OfShop => !who.is_of_another_shop() && !who.is_of_the_house(),
    };
    shows && is_theirs && (holds || (is_payers && who == Who::Payer))
}

/// Somebody, with what they show.
pub(super) enum Call {
    Nobody,
    Session(String),
    Key(Shop),
    Terminal(Arc<PeerCertificate>),
}

impl Call {
    /// A caller who did nothing yet.
    pub fn new(stage: &Stage, who: Who) -> Call {
        let house = &stage.house;
        let member = |shop: ShopId, role| Call::Session(house.member(shop, role).1);
        let key = |shop: ShopId, role| {
            Call::Key(house.key(shop, NewApiKey::new(Label::parse("test").unwrap(), role, None).unwrap()))
        };
        match who {
            Who::Nobody => Call::Nobody,
            Who::Payer => Call::Session(stage.payer().token),
            Who::Stranger => Call::Session(stage.stranger().token),
            Who::Member(role) => member(stage.shop.id, role),
            Who::Custom => Call::Session(custom(stage)),
            Who::Key(role) => key(stage.shop.id, role),
            Who::OtherKey(role) => key(stage.other.id, role),
            Who::Terminal => Call::Terminal(certificate(stage)),
            Who::OtherOwner => member(stage.other.id, Role::Owner),
            Who::Keeper => member(ShopId::HOUSE, Role::Operator),
            Who::OperatorKey => {
                Call::Key(house.key(ShopId::HOUSE, NewApiKey::operator(Label::parse("test").unwrap())))
            }
        }
    }

    /// Sends a request with what the caller shows, and with nothing else.
    pub fn send(&self, stage: &Stage, mut request: Request) -> Answer {
        request.headers.remove("authorization");
        match self {
            Call::Nobody => stage.house.send(request),
            Call::Session(token) => stage.house.send(request.bearer(token)),
            Call::Key(shop) => stage.house.send(stage.house.signed(shop, request)),
            Call::Terminal(certificate) => stage.house.send_with(request, Arc::clone(certificate)),
        }
    }
}

/// A member of the shop with a role of the shop's own alone.
fn custom(stage: &Stage) -> String {
    let (member, token) = stage.house.member(stage.shop.id, Role::Cashier);
    let role = stage.role_of(&CUSTOM.map(Permission::name));
    let changed = stage.as_owner(put(format!("/v1/members/{member}/roles"), json!({"roles": [role]})));
    assert!(changed.is_ok(), "{}", changed.json());
    token
}

/// A certificate for a terminal of the shop, by the operator's own authority.
fn certificate(stage: &Stage) -> Arc<PeerCertificate> {
    Arc::new(PeerCertificate {
        issuer: PeerIssuer::Operator,
        uris: vec![Holder::Terminal(stage.terminal()).uri()],
        serial: vec![7],
        fingerprint: [7; 32],
        ends: Timestamp(stage.house.now().0 + 86_400_000),
    })
}
