//! Who is let in on the pages of the desk (C10, AZ-1, AZ-3): every page and every form, taken from the sources, asked by
//! every kind of caller.
//!
//! A page names the permission that opens it here, where it is read beside all others; whom that lets in follows from the
//! table of roles. A caller who is let in gets the page, or is led on from a form; a member who is not gets 403 or 404, and
//! whoever is no member is led to the door, whatever else they show.

use std::collections::BTreeSet;

use identity::Permission;
use serde_json::json;
use testkit::http::Request;

use super::Stage;
use super::callers::{Call, Who};
use crate::browsing;
use crate::connected_apps;
use crate::house::{key, text};
use crate::site_map::desk_pages;

/// What is asked for: an address, and the fields of a form where it is one.
struct Asked {
    path: String,
    form: Option<Vec<(&'static str, String)>>,
}

/// One page or form, and a good request for it.
struct Case {
    method: &'static str,
    page: &'static str,
    permission: Permission,
    asked: fn(&Stage) -> Asked,
}

fn show(path: impl Into<String>) -> Asked {
    Asked { path: path.into(), form: None }
}

fn press(path: impl Into<String>) -> Asked {
    fill(path, &[])
}

fn fill(path: impl Into<String>, fields: &[(&'static str, &str)]) -> Asked {
    let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned()));
    Asked { path: path.into(), form: Some(fields.collect()) }
}

impl Stage {
    fn paid_page(&self, rest: &str) -> String {
        format!("/desk/payments/{}{rest}", text(&self.paid(), "id"))
    }

    fn code_page(&self, rest: &str) -> String {
        format!("/desk/codes/{}{rest}", text(&self.code(), "id"))
    }

    fn member_page(&self, rest: &str) -> String {
        format!("/desk/members/{}{rest}", self.helper())
    }

    fn role_page(&self, rest: &str) -> String {
        format!("/desk/roles/{}{rest}", self.light_role())
    }

    fn customer_page(&self, rest: &str) -> String {
        let made = self.make("/v1/customers", super::customer());
        format!("/desk/customers/{}{rest}", text(&made, "id"))
    }

    fn review_page(&self) -> String {
        format!("/desk/reviews/{}", text(&self.reviewed(), "id"))
    }
}

fn cases() -> Vec<Case> {
    use Permission as P;
    let case = |method, page, permission, asked| Case { method, page, permission, asked };
    let mut cases = vec![
        // Whoever has no overview is led on to what they have.
        case("GET", "/desk", P::ViewShop, |_| show("/desk")),
        case("GET", "/desk/live", P::ViewPayments, |_| show("/desk/live")),
        case("GET", "/desk/payments", P::ViewPayments, |_| show("/desk/payments")),
        case("GET", "/desk/payments.csv", P::ViewPayments, |_| show("/desk/payments.csv")),
        case("GET", "/desk/payments/{id}", P::ViewPayments, |s| show(s.paid_page(""))),
        case("GET", "/desk/payments/{id}/proof", P::ViewPayments, |s| show(s.paid_page("/proof"))),
        case("POST", "/desk/payments/{id}/cancel", P::SettlePayments, |s| {
            press(format!("/desk/payments/{}/cancel", text(&s.waiting(), "id")))
        }),
        case("POST", "/desk/payments/{id}/refund", P::Refund, |s| {
            fill(s.paid_page("/refund"), &[("amount", "1.00"), ("reason", "broken")])
        }),
        case("POST", "/desk/payments/{id}/label", P::Review, |s| {
            fill(s.paid_page("/label"), &[("label", "fraud"), ("note", "card reported stolen")])
        }),
        case("GET", "/desk/cases", P::WorkCases, |_| show("/desk/cases")),
        case("GET", "/desk/cases/{id}", P::WorkCases, |s| show(format!("/desk/cases/{}", s.case()))),
        case("POST", "/desk/cases/{id}/take", P::WorkCases, |s| {
            press(format!("/desk/cases/{}/take", s.case()))
        }),
        case("POST", "/desk/cases/{id}/close", P::WorkCases, |s| {
            let fields = [("outcome", "fraud"), ("note", "stolen phone")];
            fill(format!("/desk/cases/{}/close", s.case()), &fields)
        }),
        case("GET", "/desk/refunds", P::ViewPayments, |_| show("/desk/refunds")),
        case("GET", "/desk/refunds/limit", P::ManageShop, |_| show("/desk/refunds/limit")),
        case("POST", "/desk/refunds/limit", P::ManageShop, |_| {
            fill("/desk/refunds/limit", &[("amount", "5.00")])
        }),
        case("GET", "/desk/payout-account", P::ViewLedger, |_| show("/desk/payout-account")),
        case("GET", "/desk/payout-account/change", P::ManagePayouts, |_| show("/desk/payout-account/change")),
        case("POST", "/desk/payout-account/change", P::ManagePayouts, |s| {
            s.without_payout();
            let fields = [
                ("holder", "Tea House Ltd"),
                ("scheme", "iban"),
                ("number", "GB29NWBK60161331926819"),
                ("bank", ""),
            ];
            fill("/desk/payout-account/change", &fields)
        }),
        case("POST", "/desk/payout-account/withdraw", P::ManagePayouts, |_| {
            press("/desk/payout-account/withdraw")
        }),
        case("GET", "/desk/places", P::ManageTerminals, |_| show("/desk/places")),
        case("POST", "/desk/places", P::ManageTerminals, |_| {
            fill("/desk/places", &[("of", "shop"), ("latitude", "1.35"), ("longitude", "103.82")])
        }),
        case("GET", "/desk/certificates", P::ManageCertificates, |_| show("/desk/certificates")),
        case("POST", "/desk/certificates", P::ManageCertificates, |s| {
            let holder = s.terminal().to_string();
            fill("/desk/certificates", &[("holder", &holder), ("minutes", "60")])
        }),
        case("POST", "/desk/certificates/{id}/revoke", P::ManageCertificates, |s| {
            press(format!("/desk/certificates/{}/revoke", s.certificate()))
        }),
        case("GET", "/desk/rules", P::ViewDecisions, |_| show("/desk/rules")),
        case("GET", "/desk/rules/{id}", P::ManageRules, |_| show("/desk/rules/blocked")),
        case("POST", "/desk/rules/{id}", P::ManageRules, |_| {
            fill("/desk/rules/blocked", &[("mode", "watch"), ("note", "our guests eat late")])
        }),
        case("GET", "/desk/reviews", P::Review, |_| show("/desk/reviews")),
        case("GET", "/desk/reviews/{id}", P::Review, |s| show(s.review_page())),
        case("POST", "/desk/reviews/{id}", P::Review, |s| {
            fill(s.review_page(), &[("decision", "decline"), ("note", "looked at")])
        }),
        case("GET", "/desk/codes", P::ViewPayments, |_| show("/desk/codes")),
        case("POST", "/desk/codes", P::ManageCodes, |_| {
            let fields = [
                ("kind", "dynamic"),
                ("amount", "1.00"),
                ("order_line", ""),
                ("order_reference", ""),
                ("minutes", "15"),
            ];
            fill("/desk/codes", &fields)
        }),
        case("GET", "/desk/codes/new", P::ManageCodes, |_| show("/desk/codes/new")),
        case("GET", "/desk/codes/{id}", P::ViewPayments, |s| show(s.code_page(""))),
        case("GET", "/desk/codes/{id}/live", P::ViewPayments, |s| show(s.code_page("/live"))),
        case("GET", "/desk/codes/{id}/print", P::ViewPayments, |s| show(s.code_page("/print"))),
        case("GET", "/desk/codes/{id}/image.svg", P::ViewPayments, |s| show(s.code_page("/image.svg"))),
        case("GET", "/desk/codes/{id}/image.png", P::ViewPayments, |s| show(s.code_page("/image.png"))),
        case("POST", "/desk/codes/{id}/withdraw", P::ManageCodes, |s| press(s.code_page("/withdraw"))),
        case("GET", "/desk/customers", P::ViewCustomers, |_| show("/desk/customers")),
        case("POST", "/desk/customers", P::ViewCustomers, |_| {
            fill("/desk/customers", &[("kind", "name"), ("value", "Li Hua")])
        }),
        case("GET", "/desk/customers/{id}", P::ViewCustomers, |s| show(s.customer_page(""))),
        case("POST", "/desk/customers/{id}/open", P::OpenCustomers, |s| {
            let why = [("what", "value:1"), ("purpose", "check_fraud"), ("reason", "ticket 1")];
            fill(s.customer_page("/open"), &why)
        }),
    ];
    cases.extend(people());
    cases
}

fn people() -> Vec<Case> {
    use Permission as P;
    let case = |method, page, permission, asked| Case { method, page, permission, asked };
    vec![
        case("GET", "/desk/buyer-policy", P::ManageShop, |_| show("/desk/buyer-policy")),
        case("POST", "/desk/buyer-policy", P::ManageShop, |_| {
            fill("/desk/buyer-policy", &[("above", "500.00")])
        }),
        case("GET", "/desk/members", P::ViewMembers, |_| show("/desk/members")),
        case("POST", "/desk/members/sign-out", P::ManageSecurity, |_| press("/desk/members/sign-out")),
        case("GET", "/desk/members/new", P::ManageMembers, |_| show("/desk/members/new")),
        case("POST", "/desk/members/new", P::ManageMembers, |_| {
            let address = format!("{}@shop.example", key());
            fill("/desk/members/new", &[("name", "Wang Wu"), ("email", &address), ("role", "cashier")])
        }),
        case("GET", "/desk/members/{id}", P::ViewMembers, |s| show(s.member_page(""))),
        case("POST", "/desk/members/{id}/roles", P::ManageMembers, |s| {
            fill(s.member_page("/roles"), &[("role", &s.light_role())])
        }),
        case("POST", "/desk/members/{id}/sessions", P::ManageSecurity, |s| press(s.member_page("/sessions"))),
        case("POST", "/desk/members/{id}/factors", P::ManageSecurity, |s| press(s.member_page("/factors"))),
        case("GET", "/desk/members/{id}/remove", P::ManageMembers, |s| show(s.member_page("/remove"))),
        case("POST", "/desk/members/{id}/remove", P::ManageMembers, |s| press(s.member_page("/remove"))),
        case("POST", "/desk/members/{id}/invitation", P::ManageMembers, |s| {
            let email = format!("{}@shop.example", key());
            let body = json!({"name": "Wang Wu", "email": email, "roles": [s.light_role()]});
            let made = s.as_owner(Request::post("/v1/members", &body));
            press(format!("/desk/members/{}/invitation", text(&made.json(), "id")))
        }),
        case("POST", "/desk/members/{id}/restore", P::ManageMembers, |s| press(s.member_page("/restore"))),
        case("GET", "/desk/roles", P::ViewMembers, |_| show("/desk/roles")),
        case("GET", "/desk/roles/new", P::ManageRoles, |_| show("/desk/roles/new")),
        case("POST", "/desk/roles/new", P::ManageRoles, |_| {
            fill("/desk/roles/new", &[("name", &key()), ("may", "view shop")])
        }),
        case("GET", "/desk/roles/{id}", P::ManageRoles, |s| show(s.role_page(""))),
        case("POST", "/desk/roles/{id}", P::ManageRoles, |s| {
            fill(s.role_page(""), &[("name", &key()), ("may", "view shop")])
        }),
        case("POST", "/desk/roles/{id}/delete", P::ManageRoles, |s| press(s.role_page("/delete"))),
        case("GET", "/desk/approvals", P::ViewShop, |_| show("/desk/approvals")),
        case("POST", "/desk/approvals/{id}/approve", P::Approve, |s| {
            press(format!("/desk/approvals/{}/approve", s.proposal()))
        }),
        case("POST", "/desk/approvals/{id}/refuse", P::Approve, |s| {
            press(format!("/desk/approvals/{}/refuse", s.proposal()))
        }),
        case("GET", "/desk/access-review", P::ViewMembers, |_| show("/desk/access-review")),
        case("POST", "/desk/access-review/{id}", P::ReviewAccess, |s| {
            let subject = s.helper().to_string();
            let fields = [("subject", subject.as_str()), ("decision", "confirm")];
            fill(format!("/desk/access-review/{}", s.access_review()), &fields)
        }),
        case("GET", "/desk/emergency", P::EmergencyAccess, |_| show("/desk/emergency")),
        case("POST", "/desk/emergency", P::EmergencyAccess, |_| {
            let fields = [("role", "manager"), ("minutes", "5"), ("reason", "nobody else is there")];
            fill("/desk/emergency", &fields)
        }),
        case("POST", "/desk/emergency/{id}/end", P::EmergencyAccess, |s| {
            press(format!("/desk/emergency/{}/end", s.emergency()))
        }),
        case("POST", "/desk/emergency/{id}/review", P::ReviewAccess, |s| {
            let path = format!("/desk/emergency/{}/review", s.ended_emergency());
            fill(path, &[("note", "looked at it all")])
        }),
        case("GET", "/desk/shops", P::Operate, |_| show("/desk/shops")),
        case("GET", "/desk/keys", P::ManageKeys, |_| show("/desk/keys")),
        case("GET", "/desk/keys/rotate/{level}", P::ManageKeys, |_| show("/desk/keys/rotate/kek")),
        case("POST", "/desk/keys/rotate/{level}", P::ManageKeys, |_| {
            fill("/desk/keys/rotate/kek", &[("level", "kek")])
        }),
        case("GET", "/desk/keys/destroy/{level}/{version}", P::ManageKeys, |_| {
            show("/desk/keys/destroy/kek/1")
        }),
        case("POST", "/desk/keys/destroy/{level}/{version}", P::ManageKeys, |_| {
            press("/desk/keys/destroy/kek/1")
        }),
        case("GET", "/desk/api-keys", P::ManageApiKeys, |_| show("/desk/api-keys")),
        case("POST", "/desk/api-keys", P::ManageApiKeys, |_| {
            fill("/desk/api-keys", &[("name", "till"), ("role", "integration")])
        }),
        case("POST", "/desk/api-keys/{id}/revoke", P::ManageApiKeys, |s| {
            press(format!("/desk/api-keys/{}/revoke", s.spare_key()))
        }),
        case("GET", "/desk/apps", P::ManageApiKeys, |_| show("/desk/apps")),
        case("POST", "/desk/apps", P::ManageApiKeys, |_| {
            let form = Some(connected_apps::form_fields().to_vec());
            Asked { path: "/desk/apps".to_owned(), form }
        }),
        case("POST", "/desk/apps/{id}/remove", P::ManageApiKeys, |s| {
            press(format!("/desk/apps/{}/remove", connected_apps::registered(&s.house, s.shop.id)))
        }),
        case("POST", "/desk/apps/connections/{id}/end", P::ManageApiKeys, |s| {
            press(format!("/desk/apps/connections/{}/end", connected_apps::connected(&s.house, s.shop.id)))
        }),
        case("GET", "/desk/security", P::OwnSecurity, |_| show("/desk/security")),
        case("GET", "/desk/security/passkey", P::OwnSecurity, |_| show("/desk/security/passkey")),
        case("POST", "/desk/security/passkey", P::OwnSecurity, |_| {
            // Without a name it is asked for again; with one, a made-up passkey is refused.
            fill("/desk/security/passkey", &[("label", ""), ("credential", "x")])
        }),
        case("POST", "/desk/security/passkey/options", P::OwnSecurity, |_| {
            fill("/desk/security/passkey/options", &[("label", "phone")])
        }),
        case("GET", "/desk/security/{id}/remove", P::OwnSecurity, |_| show(NOBODYS_FACTOR)),
        case("POST", "/desk/security/{id}/remove", P::OwnSecurity, |_| press(NOBODYS_FACTOR)),
        case("POST", "/desk/security/apps/{id}/end", P::OwnSecurity, |_| press(NOBODYS_CONNECTION)),
        case("GET", "/desk/devices", P::OwnSecurity, |_| show("/desk/devices")),
        case("POST", "/desk/devices/{id}/end", P::OwnSecurity, |_| {
            press("/desk/devices/ses_0000000000000000000000000000/end")
        }),
        case("POST", "/desk/devices/end", P::OwnSecurity, |_| press("/desk/devices/end")),
        case("GET", "/desk/address", P::OwnSecurity, |_| show("/desk/address")),
        case("POST", "/desk/address", P::OwnSecurity, |_| {
            fill("/desk/address", &[("email", &format!("{}@shop.example", key()))])
        }),
        case("POST", "/desk/address/set", P::OwnSecurity, |_| {
            let nobodys = "ses_0000000000000000000000000000";
            let fields = [("email", "new@shop.example"), ("request", nobodys), ("code", "000000")];
            fill("/desk/address/set", &fields)
        }),
        case("GET", "/desk/password", P::OwnPassword, |_| show("/desk/password")),
        case("POST", "/desk/password", P::OwnPassword, |_| {
            let password = "seven lamps under the bridge";
            fill("/desk/password", &[("old", "wrong"), ("password", password)])
        }),
    ]
}

const NOBODYS_FACTOR: &str = "/desk/security/fct_0000000000000000000000000000/remove";
const NOBODYS_CONNECTION: &str = "/desk/security/apps/con_0000000000000000000000000000/end";

/// What a page is about where it names something.
fn is_theirs(page: &str, who: Who) -> bool {
    // A rule is every shop's, and what is made of it the caller's own shop's.
    let own = ["/desk/security", "/desk/devices", "/desk/keys", "/desk/rules"];
    let own = own.iter().any(|start| page.starts_with(start));
    !page.contains('{') || own || who.is_of_the_shop()
}

/// As a browser sends it, with this session.
fn browse(asked: &Asked, session: Option<&str>) -> Request {
    match &asked.form {
        Some(fields) => browsing::form(&asked.path, fields, session),
        None => browsing::page(&asked.path, session),
    }
}

/// What was answered: its status, and where it leads.
fn ask(stage: &Stage, call: &Call, asked: &Asked) -> (u16, String) {
    match call {
        Call::Nobody => stage.house.ask(browse(asked, None), None),
        Call::Session(token) => stage.house.ask(browse(asked, Some(token)), None),
        Call::Key(shop) => stage.house.ask(stage.house.signed(shop, browse(asked, None)), None),
        Call::Terminal(certificate) => stage.house.ask(browse(asked, None), Some(certificate.clone())),
    }
}

fn is_member(who: Who) -> bool {
    matches!(who, Who::Member(_) | Who::Custom | Who::OtherOwner | Who::Keeper)
}

/// Pages of what is not there for anybody in this house: past the gate they say so.
const IN_VAIN: [&str; 2] = ["/desk/payments/{id}/proof", "/desk/keys/destroy/{level}/{version}"];

fn is_let_in(case: &Case, who: Who) -> bool {
    // What is approved here asks for its own permission besides.
    let is_decision = case.page.starts_with("/desk/approvals/");
    let holds = who.holds(case.permission) && (!is_decision || who.holds(Permission::ManageSecurity));
    is_member(who) && holds && is_theirs(case.page, who)
}

/// Whether a caller who is let in was answered so.
fn is_past_the_gate(case: &Case, status: u16, to: &str) -> bool {
    let is_own = case.page.contains("{id}") && case.permission == Permission::OwnSecurity;
    match status {
        404 => is_own || IN_VAIN.contains(&case.page),
        // Whoever has a factor gives it again before one is removed.
        303 => is_own || !to.starts_with("/sign-in"),
        status => !matches!(status, 401 | 403) && status < 500,
    }
}

/// Asks one page as every kind of caller.
fn ask_everybody(case: &Case) -> Vec<String> {
    let (mut stage, mut wrong) = (Stage::set(), Vec::new());
    for who in Who::every() {
        if case.page == "/desk/members/sign-out" {
            stage = Stage::set();
        }
        let asked = (case.asked)(&stage);
        let call = Call::new(&stage, who);
        let (status, to) = ask(&stage, &call, &asked);
        let good = match (is_member(who), is_let_in(case, who)) {
            (false, _) => status == 303 && to.starts_with("/sign-in?next="),
            (true, true) => is_past_the_gate(case, status, &to),
            (true, false) => matches!(status, 403 | 404),
        };
        if !good {
            wrong.push(format!("{} {} by {who:?}: {status} {to}", case.method, case.page));
        }
    }
    wrong
}

/// In three parts, which run beside one another.
fn ask_part(part: usize) {
    let cases = cases();
    let wrong: Vec<String> = cases.iter().skip(part).step_by(3).flat_map(ask_everybody).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn c10_every_page_of_the_desk_lets_in_whom_it_names_and_nobody_else() {
    ask_part(0);
}

#[test]
fn c10_every_page_of_the_desk_lets_in_whom_it_names_and_nobody_else_second_part() {
    ask_part(1);
}

#[test]
fn c10_every_page_of_the_desk_lets_in_whom_it_names_and_nobody_else_third_part() {
    ask_part(2);
}

#[test]
fn az_1_every_page_and_form_of_the_desk_is_asked() {
    let asked: BTreeSet<(String, String)> =
        cases().iter().map(|case| (case.page.to_owned(), case.method.to_owned())).collect();
    assert_eq!(asked.len(), cases().len(), "no page stands here twice");
    assert_eq!(desk_pages(), asked, "every page of the desk and every form has a case");
}
