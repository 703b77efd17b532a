//! Who may do what, in one place for people and tools: the permission that each operation of the API asks for, and the
//! table of roles.
//!
//! Promises: every operation of the description has its permission here (`x-permission` there), and that it is the one the
//! handler asks for is shown by asking (`app/tests/it/refusal.rs`). `tillward roles --json` prints all of it, and the
//! oracle `policy` judges the same table with another engine.

mod fields;

use std::fmt::Write as _;

use identity::{Permission, Role};
use serde_json::{Value, json};

pub use self::fields::{PAYERS_OWN, print_fields};

macro_rules! needs {
    ($($permission:ident => $($operation:literal),*;)*) => {
        /// The permission that an operation asks for; `None` for those that need no sign-in, and for names of none.
        pub fn permission_of(operation: &str) -> Option<Permission> {
            match operation { $($($operation)|* => Some(Permission::$permission),)* _ => None }
        }

        /// Every operation that asks for a permission.
        pub const OPERATIONS: &[&str] = &[$($($operation),*),*];
    };
}

// A payment's payer sees it, its proof and its refunds without the permission; a terminal sees its own.
needs! {
    Enter => "delete_member_session", "find_me", "renew_certificate";
    OwnAccount => "create_contact_change", "delete_buyer_session", "create_pin_reset", "finish_contact_change",
        "finish_pin_reset",
        "freeze_me", "list_own_payments", "update_pin", "wake_buyer_session";
    Pay => "answer_challenge", "confirm_payment", "create_passkey_challenge", "create_payment_from_code",
        "scan_code";
    OwnSecurity => "confirm_sms", "confirm_totp", "create_address_change", "finish_address_change",
        "create_passkey_registration", "create_passkey_step_up",
        "delete_my_other_sessions", "delete_my_session", "list_my_sessions",
        "create_recovery_codes", "create_sms", "create_step_up", "create_totp", "delete_my_factor",
        "delete_passkey", "finish_passkey_registration", "finish_passkey_step_up", "list_my_factors",
        "list_passkeys", "send_step_up_code";
    OwnPassword => "update_password";
    ViewShop => "find_shop", "find_shop_place", "list_approvals", "list_refund_limits";
    ManageShop => "update_buyer_policy", "update_refund_limit", "update_shop_place";
    ViewPayments => "find_code", "find_code_image", "find_order", "find_payment", "find_proof", "find_refund",
        "find_refund_proposal", "list_codes", "list_orders", "list_payments", "list_refunds", "list_terminals";
    TakePayments => "create_order", "create_payment";
    ManageCodes => "create_code", "revoke_code";
    SettlePayments => "cancel_payment";
    Refund => "create_refund";
    TopUp => "create_top_up";
    ViewLedger => "find_payout_account";
    ManagePayouts => "update_payout_account", "withdraw_payout_account";
    RequestDecision => "create_decision";
    ViewDecisions => "find_decision", "find_payment_label", "list_rules";
    Review => "decide_review", "list_reviews", "update_payment_label";
    WorkCases => "close_case", "find_case", "list_cases", "take_case";
    ManageRules => "update_rule";
    ViewCustomers => "find_customer", "find_token", "list_customer_openings", "list_customers",
        "list_token_openings", "list_tokens", "search_customers";
    ManageCustomers => "add_value", "create_customer", "delete_token", "erase_customer", "import_customers",
        "remove_value";
    OpenCustomers => "open_customer";
    CreateTokens => "create_token", "import_cards";
    OpenTokens => "match_token", "open_token";
    ExportCustomers => "fetch_export", "find_export", "list_exports", "propose_export", "take_export";
    ViewMembers => "find_access_review", "list_access_reviews", "list_emergencies",
        "list_members", "list_roles";
    ManageMembers => "create_member", "delete_member", "leave_shop", "restore_member", "update_member_roles";
    ManageRoles => "create_role", "delete_role", "update_role";
    ReviewAccess => "decide_access", "review_emergency";
    Approve => "approve_proposal", "refuse_proposal";
    ManageApiKeys => "create_api_key", "delete_api_key", "list_api_keys";
    ManageCertificates => "create_api_key_enrolment", "create_terminal_enrolment", "delete_certificate",
        "list_certificates";
    ManageSecurity => "reset_member_factors", "update_opening_limits";
    EmergencyAccess => "begin_emergency", "end_emergency";
    ManageTerminals => "create_terminal", "update_terminal_place";
    ViewAudit => "find_opening_limits", "list_opening_alerts";
    ManageKeys => "create_key_rotation", "destroy_key", "list_key_rotations", "list_keys";
}

/// Everything as JSON: the roles with what they may do, and the operations with what they ask for.
pub fn describe() -> Value {
    let operations: Vec<Value> = operations().iter().map(Operation::describe).collect();
    let roles: Vec<Value> = Role::ALL.iter().map(|role| describe_role(*role)).collect();
    json!({ "roles": roles, "operations": operations })
}

fn describe_role(role: Role) -> Value {
    let held = Permission::ALL.iter().filter(|permission| role.grants(**permission));
    let permission = |one: &Permission| json!({"name": one.name(), "fresh_seconds": one.fresh_seconds()});
    json!({ "role": role.name(), "held_by": held_by(role), "permissions": held.map(permission).collect::<Vec<_>>() })
}

/// What kind of caller has a role.
fn held_by(role: Role) -> &'static str {
    match role {
        Role::Anyone => "nobody",
        Role::Buyer => "buyer",
        Role::Terminal => "terminal",
        Role::Operator => "member of the house",
        Role::System => "the program",
        role if role.is_for_keys() => "API key",
        _ => "member of a shop",
    }
}

/// Everything as text: a line for each permission, then one for each operation.
pub fn print() -> String {
    let mut text = String::new();
    for permission in Permission::ALL {
        let names: Vec<&str> = permission.holders().iter().map(|role| role.name()).collect();
        let fresh =
            permission.fresh_seconds().map_or(String::new(), |s| format!(" [second factor within {s} s]"));
        let _ = writeln!(text, "{}{fresh}: {}", permission.name(), names.join(", "));
    }
    text.push('\n');
    for Operation { id, method, path, permission } in operations() {
        let permission = permission.map_or("open to all", Permission::name);
        let _ = writeln!(text, "{method:6} {path} ({id}): {permission}");
    }
    text
}

/// An operation of the description.
struct Operation {
    id: String,
    method: String,
    path: String,
    permission: Option<Permission>,
}

impl Operation {
    fn describe(&self) -> Value {
        let permission = self.permission.map(Permission::name);
        json!({"operation": self.id, "method": self.method, "path": self.path, "permission": permission})
    }
}

fn operations() -> Vec<Operation> {
    let api = serde_json::to_value(crate::openapi::openapi()).unwrap_or_default();
    let mut found = Vec::new();
    for (path, methods) in api.get("paths").and_then(|paths| paths.as_object()).into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            let permission = permission_of(&id);
            found.push(Operation { id, method: method.to_uppercase(), path: path.clone(), permission });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn c10_every_operation_of_the_description_names_one_permission_and_none_is_left_over() {
        let api = serde_json::to_value(crate::openapi::openapi()).unwrap();
        let (mut asked, mut told) = (BTreeSet::new(), 0);
        for operation in api["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|methods| methods.as_object().unwrap().values())
        {
            let id = operation["operationId"].as_str().unwrap();
            let ways =
                operation["security"].as_array().unwrap_or_else(|| panic!("{id} says nothing of who may"));
            let is_open = ways.iter().all(|way| way.as_object().is_none_or(serde_json::Map::is_empty));
            let found = permission_of(id);
            assert_eq!(is_open, found.is_none(), "{id} has no line in access.rs, or is open and has one");
            assert_eq!(operation["x-permission"].as_str(), found.map(Permission::name), "{id}");
            asked.extend(found.map(|_| id.to_owned()));
            told += 1;
        }
        assert_eq!(asked, OPERATIONS.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(OPERATIONS.len(), asked.len(), "an operation stands twice");
        assert_eq!(describe()["operations"].as_array().unwrap().len(), told);
    }
}
