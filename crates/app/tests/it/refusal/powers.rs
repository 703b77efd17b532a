//! Cases of what gives and takes power: roles, approvals, access reviews, leavers.

use base::{AccessReviewId, ApprovalId};
use identity::approvals::{self, ApprovalAction, Proposal};
use serde_json::json;
use testkit::http::Request;

use super::Who::{OtherOwner, Owner, Risk};
use super::{Case, OWNERS, Stage, get, put};
use crate::house::{key, text};

const OWN_OWNER: &[super::Who] = &[Owner];
const SEERS: &[super::Who] = &[Owner, Risk, OtherOwner];

impl Stage {
    fn own_role(&self) -> String {
        let body = json!({"name": key(), "permissions": ["view payments"]});
        let made = self.send(Owner, Request::post("/v1/roles", &body));
        assert!(made.is_ok(), "{}", made.json());
        text(&made.json(), "id")
    }

    /// What a key of the shop proposes, so that any member may decide it.
    fn proposal(&self) -> ApprovalId {
        let shop = self.shop.id;
        let actor = identity::Actor::Operator;
        self.house.write(move |tx, means| {
            let proposal = Proposal::new(shop, ApprovalAction::Refund, "a payment", "50.00 CNY");
            let made = approvals::propose(tx, means, &actor, &proposal);
            made.map_err(|e| identity::Fault::from(store::Error::Bug(e.to_string())))
        })
    }

    fn access_review(&self) -> AccessReviewId {
        let shop = self.shop.id;
        self.house.write(move |tx, means| identity::open_access_review(tx, means, shop))
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |operation, allowed, request| Case { operation, allowed, request };
    vec![
        case("leave_shop", OWN_OWNER, |s| {
            Request::post(&format!("/v1/members/{}/leave", s.cashier), &json!({}))
        }),
        case("reset_member_factors", OWN_OWNER, |s| {
            Request::post(&format!("/v1/members/{}/factor_resets", s.cashier), &json!({}))
        }),
        case("restore_member", OWN_OWNER, |s| {
            Request::post(&format!("/v1/members/{}/restore", s.cashier), &json!({}))
        }),
        case("list_roles", SEERS, |_| get("/v1/roles".into())),
        case("create_role", OWNERS, |_| {
            Request::post("/v1/roles", &json!({"name": key(), "permissions": ["view payments"]}))
        }),
        case("update_role", OWN_OWNER, |s| {
            let body = json!({"name": key(), "permissions": ["view shop"]});
            put(format!("/v1/roles/{}", s.own_role()), body)
        }),
        case("delete_role", OWN_OWNER, |s| super::delete(format!("/v1/roles/{}", s.own_role()))),
        case("list_approvals", super::MEMBERS, |_| get("/v1/approvals".into())),
        case("approve_proposal", OWN_OWNER, |s| {
            Request::post(&format!("/v1/approvals/{}/approve", s.proposal()), &json!({}))
        }),
        case("refuse_proposal", OWN_OWNER, |s| {
            Request::post(&format!("/v1/approvals/{}/refuse", s.proposal()), &json!({}))
        }),
        case("list_access_reviews", SEERS, |_| get("/v1/access_reviews".into())),
        case("find_access_review", &[Owner, Risk], |s| {
            get(format!("/v1/access_reviews/{}", s.access_review()))
        }),
        case("decide_access", OWN_OWNER, |s| {
            let body = json!({"subject": s.cashier.to_string(), "confirm": true});
            Request::post(&format!("/v1/access_reviews/{}/decisions", s.access_review()), &body)
        }),
    ]
}
