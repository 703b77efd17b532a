//! Cases of what gives and takes power: roles, approvals, access reviews, leavers.

use base::{AccessReviewId, ApprovalId};
use identity::Role;
use identity::approvals::{self, ApprovalAction, Proposal};
use payments::limits::REFUND_LIMIT_DEFAULT_MINOR;
use serde_json::json;
use testkit::http::Request;

use super::{Case, Stage, get, put};
use crate::house::{key, text};

impl Stage {
    fn own_role(&self) -> String {
        let body = json!({"name": key(), "permissions": ["view payments"]});
        let made = self.as_owner(Request::post("/v1/roles", &body));
        assert!(made.is_ok(), "{}", made.json());
        text(&made.json(), "id")
    }

    /// A refund above the limit, which the shop's key asked for.
    fn refund_proposal(&self) -> String {
        let paid = self.house.paid(&self.shop, &self.payer(), REFUND_LIMIT_DEFAULT_MINOR + 1);
        let path = self.payment(&paid, "/refunds");
        let asked = self.house.send(self.house.signed(&self.shop, super::post(path, json!({}))));
        assert_eq!(asked.status, 202, "{}", asked.json());
        text(&asked.json(), "approval")
    }

    /// What the operator's command line proposes, so that any member may decide it.
    pub(super) fn proposal(&self) -> ApprovalId {
        let shop = self.shop.id;
        let actor = identity::Actor::Operator;
        self.house.write(move |tx, means| {
            let proposal = Proposal::new(shop, ApprovalAction::GrantRoles, "a member", "cashier");
            let made = approvals::propose(tx, means, &actor, &proposal);
            made.map_err(|e| identity::Fault::from(store::Error::Bug(e.to_string())))
        })
    }

    /// An emergency access of somebody who looks after security.
    pub(super) fn emergency(&self) -> String {
        let (_, token) = self.house.member(self.shop.id, Role::Security);
        let made = self.house.send(Request::post("/v1/emergencies", &taken()).bearer(&token));
        assert_eq!(made.status, 201, "{}", made.json());
        text(&made.json(), "id")
    }

    /// The same, ended by the owner.
    pub(super) fn ended_emergency(&self) -> String {
        let id = self.emergency();
        let ended = self.as_owner(Request::post(&format!("/v1/emergencies/{id}/end"), &json!({})));
        assert!(ended.is_ok(), "{}", ended.json());
        id
    }

    /// A shop in which no change of the payout account waits.
    pub(super) fn without_payout(&self) {
        self.as_owner(super::delete("/v1/payout-account/next".into()));
    }

    /// Both shops, each with a change that waits.
    pub(super) fn propose_payouts(&self) {
        self.without_payout();
        let begun = self.as_owner(put("/v1/payout-account".into(), payout()));
        assert!(begun.is_ok(), "{}", begun.json());
        let (_, other) = self.house.member(self.other.id, identity::Role::Owner);
        self.house.send(put("/v1/payout-account".into(), payout()).bearer(&other));
    }

    /// A payment that its payer disowned.
    pub(super) fn case(&self) -> String {
        let (payer, payment) = (self.payer().buyer, text(&self.paid(), "id").parse().unwrap());
        let opened = move |tx: &mut store::Tx<'_>, means: &identity::Means<'_>| {
            identity::cases::open_payment_case(tx, means, payer, payment)
        };
        self.house.write(opened).to_string()
    }

    pub(super) fn access_review(&self) -> AccessReviewId {
        let shop = self.shop.id;
        self.house.write(move |tx, means| identity::open_access_review(tx, means, shop))
    }
}

fn taken() -> serde_json::Value {
    json!({"role": "manager", "minutes": 5, "reason": "nobody else is there"})
}

/// An account to be paid out to.
pub(super) fn payout() -> serde_json::Value {
    json!({"holder": "Tea House Ltd", "scheme": "iban", "number": "GB29 NWBK 6016 1331 9268 19"})
}

pub(super) fn cases() -> Vec<Case> {
    let case = |operation, request| Case { operation, request };
    vec![
        case("leave_shop", |s| Request::post(&format!("/v1/members/{}/leave", s.helper()), &json!({}))),
        case("reset_member_factors", |s| {
            Request::post(&format!("/v1/members/{}/factor_resets", s.helper()), &json!({}))
        }),
        case("restore_member", |s| Request::post(&format!("/v1/members/{}/restore", s.helper()), &json!({}))),
        case("list_roles", |_| get("/v1/roles".into())),
        case("create_role", |_| {
            Request::post("/v1/roles", &json!({"name": key(), "permissions": ["view payments"]}))
        }),
        case("update_role", |s| {
            let body = json!({"name": key(), "permissions": ["view shop"]});
            put(format!("/v1/roles/{}", s.own_role()), body)
        }),
        case("delete_role", |s| super::delete(format!("/v1/roles/{}", s.own_role()))),
        case("list_approvals", |_| get("/v1/approvals".into())),
        case("approve_proposal", |s| {
            Request::post(&format!("/v1/approvals/{}/approve", s.proposal()), &json!({}))
        }),
        case("refuse_proposal", |s| {
            Request::post(&format!("/v1/approvals/{}/refuse", s.proposal()), &json!({}))
        }),
        case("list_refund_limits", |_| get("/v1/refund_limits".into())),
        case("update_refund_limit", |_| put("/v1/refund_limits/CNY".into(), json!({"amount_minor": 500}))),
        case("find_payout_account", |_| get("/v1/payout-account".into())),
        case("update_payout_account", |s| {
            s.without_payout();
            put("/v1/payout-account".into(), payout())
        }),
        case("withdraw_payout_account", |s| {
            s.propose_payouts();
            super::delete("/v1/payout-account/next".into())
        }),
        case("find_shop_place", |_| get("/v1/shop/place".into())),
        case("update_shop_place", |_| {
            put("/v1/shop/place".into(), json!({"latitude": 1.35, "longitude": 103.82}))
        }),
        case("update_terminal_place", |s| {
            put(
                format!("/v1/terminals/{}/place", s.terminal()),
                json!({"latitude": 1.35, "longitude": 103.82}),
            )
        }),
        case("find_refund_proposal", |s| get(format!("/v1/refund_proposals/{}", s.refund_proposal()))),
        case("destroy_key", |_| Request::post("/v1/keys/kek/1/destroy", &json!({}))),
        case("begin_emergency", |_| Request::post("/v1/emergencies", &taken())),
        case("list_emergencies", |_| get("/v1/emergencies".into())),
        case("end_emergency", |s| {
            Request::post(&format!("/v1/emergencies/{}/end", s.emergency()), &json!({}))
        }),
        case("review_emergency", |s| {
            let path = format!("/v1/emergencies/{}/review", s.ended_emergency());
            Request::post(&path, &json!({"note": "looked at it all"}))
        }),
        case("list_cases", |_| get("/v1/cases".into())),
        case("find_case", |s| get(format!("/v1/cases/{}", s.case()))),
        case("take_case", |s| Request::post(&format!("/v1/cases/{}/take", s.case()), &json!({}))),
        case("close_case", |s| {
            let body = json!({"outcome": "fraud", "note": "stolen phone"});
            Request::post(&format!("/v1/cases/{}/close", s.case()), &body)
        }),
        case("list_access_reviews", |_| get("/v1/access_reviews".into())),
        case("find_access_review", |s| get(format!("/v1/access_reviews/{}", s.access_review()))),
        case("decide_access", |s| {
            let body = json!({"subject": s.helper().to_string(), "confirm": true});
            Request::post(&format!("/v1/access_reviews/{}/decisions", s.access_review()), &body)
        }),
    ]
}
