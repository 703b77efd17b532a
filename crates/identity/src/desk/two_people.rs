//! What waits for a second person, and the quarterly access review.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{AccessReviewId, ApiKeyId, ApprovalId, MemberId};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, show};

use super::emergency;
use super::form::go;
use super::hall::Hall;
use super::member::{Member, press, read_as, write_as};
use super::roles::permission_key;
use super::visit::{Side, Visit};
use super::words::role_text;
use crate::access_review::{
    AccessReview, AccessReviewError, Decision, Line, LineKind, ReviewState, decide_line, find_access_review,
    list_access_reviews,
};
use crate::api_keys::list_api_keys;
use crate::approvals::{
    Answer, Approval, ApprovalAction, ApprovalError, ApprovalState, count_waiting, decide, list_approvals,
};
use crate::custom_roles::find_role_name;
use crate::grants::{Grants, Permissions, list_holders};
use crate::members::find_member_person;
use crate::pages::review::{
    AccessReviewPage, ApprovalRow, ApprovalShown, ApprovalsPage, OpenReview, ReviewLine,
};
use crate::permissions::Permission;
use crate::proposed::{Change, Concerned, find_change};

/// Where proposals wait.
const APPROVALS: &str = "/desk/approvals";
/// Where the access review is.
const REVIEW: &str = "/desk/access-review";

/// How many proposals wait for a member.
pub(super) fn count_approvals(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<u64, ApiError> {
    Ok(count_waiting(tx, &member.actor, member.shop.id, member.means.now)? as u64)
}

/// Shows what waits for a second person.
pub(super) async fn show_approvals(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&hall, &visit, Permission::ViewShop, |tx, member| {
        let page = member.frame(tx)?;
        let mut rows = Vec::new();
        for approval in list_approvals(tx, &member.actor, member.shop.id, member.means.now)? {
            rows.push(row_of(tx, member, &page, approval)?);
        }
        rows.sort_by_key(|row| (row.state != ApprovalShown::Yours, std::cmp::Reverse(row.since)));
        let emergencies = emergency::count_waiting(tx, member)?;
        Ok(ApprovalsPage { page, rows, emergencies, emergencies_href: emergency::HOME.to_owned() })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn row_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    approval: Approval,
) -> Result<ApprovalRow, ApiError> {
    let state = match approval.state {
        ApprovalState::Waiting if approval.proposer == member.actor.label() => ApprovalShown::Own,
        ApprovalState::Waiting => ApprovalShown::Yours,
        _ => ApprovalShown::Approved,
    };
    let href = |what: &str| match state {
        ApprovalShown::Yours => format!("{APPROVALS}/{}/{what}", approval.id),
        _ => String::new(),
    };
    let change = find_change(tx, member.means.vault, &approval)?;
    let words = |of: fn(&Change) -> Permissions| {
        change.as_ref().map_or_else(Vec::new, |one| list_words(page, of(one)))
    };
    let is_payout = approval.action == ApprovalAction::ChangePayout;
    let concerned = match &change {
        Some(change) => concerned_text(tx, member, page, &change.concerned)?,
        None => String::new(),
    };
    Ok(ApprovalRow {
        what: approval.action.words(page.lang).to_owned(),
        gains: words(|change| change.gains),
        loses: words(|change| change.loses),
        roles: match &change {
            Some(change) => grants_text(tx, member, page, &change.grants)?,
            None => String::new(),
        },
        who: name_of(tx, member, &approval.proposer)?,
        since: approval.created,
        until: approval.expires,
        approve_href: href("approve"),
        refuse_href: href("refuse"),
        about_href: page_of(&approval, change.as_ref()),
        looks_first: is_payout && member.can(Permission::ViewLedger),
        about: if concerned.is_empty() { approval.summary } else { String::new() },
        concerned,
        state,
    })
}

/// Where the second person looks at what it is about; empty where there is no page.
fn page_of(approval: &Approval, change: Option<&Change>) -> String {
    let concerned = change.map(|change| &change.concerned);
    match approval.action {
        ApprovalAction::Refund => {
            let payment = approval.subject.split(' ').next().unwrap_or_default();
            format!("/desk/payments/{payment}")
        }
        ApprovalAction::KeyCeremony => "/desk/keys".to_owned(),
        ApprovalAction::ChangePayout => "/desk/payout-account".to_owned(),
        // Other limits are shown and set over the API alone.
        ApprovalAction::ChangeLimit if approval.subject.starts_with("refund_limit ") => {
            "/desk/refunds/limit".to_owned()
        }
        ApprovalAction::GrantRoles | ApprovalAction::ResetFactors => match concerned {
            Some(Concerned::Member(id)) => format!("/desk/members/{id}"),
            _ => "/desk/members".to_owned(),
        },
        ApprovalAction::ChangeRole => match concerned {
            Some(Concerned::Role { id, name: Some(_), .. }) => format!("/desk/roles/{id}"),
            _ => "/desk/roles".to_owned(),
        },
        ApprovalAction::ChangeLimit => String::new(),
        ApprovalAction::ExportCustomers => String::new(),
    }
}

/// Permissions in words.
fn list_words(page: &Frame, permissions: Permissions) -> Vec<String> {
    permissions.iter().map(|permission| page.t(permission_key(permission))).collect()
}

/// Whom or what a proposal is about, by name.
fn concerned_text(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    concerned: &Concerned,
) -> Result<String, ApiError> {
    Ok(match concerned {
        Concerned::Member(id) => name_of(tx, member, &id.to_string())?,
        Concerned::Invited(email) => page.t1("approval-invited", "who", email.expose().as_str()),
        Concerned::Role { name: Some(name), new_name, .. } if name != new_name => {
            format!("{name} → {new_name}")
        }
        Concerned::Role { new_name, .. } => new_name.clone(),
    })
}

/// Roles in words, the shop's own by their names.
fn grants_text(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    grants: &Grants,
) -> Result<String, ApiError> {
    let mut words: Vec<String> = grants.roles.iter().map(|role| role_text(page, *role)).collect();
    for id in &grants.custom {
        words.push(find_role_name(tx, member.shop.id, *id)?.unwrap_or_else(|| id.to_string()));
    }
    Ok(words.join(" · "))
}

/// The name behind the id of a member; the id itself for anything else.
pub(super) fn name_of(tx: &mut Tx<'_>, member: &Member<'_>, id: &str) -> Result<String, ApiError> {
    let Ok(known) = id.parse::<MemberId>() else { return Ok(id.to_owned()) };
    match find_member_person(tx, member.means.vault, member.shop.id, known) {
        Ok(person) => Ok(person.name.expose().clone()),
        Err(crate::members::MemberError::NotFound) => Ok(id.to_owned()),
        Err(error) => Err(error.into()),
    }
}

/// Says no to a proposal. The yes is the program's, since what it does belongs to several domains.
pub(super) async fn refuse(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: ApprovalId = id.parse().map_err(|_| ApiError::not_found("no such proposal"))?;
    press(&hall, &visit, &incoming, Permission::Approve, move |tx, member| {
        match decide(tx, &member.means, &member.actor, (member.shop.id, id), Answer::No) {
            Ok(_) | Err(ApprovalError::Decided) => Ok(APPROVALS.to_owned()),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// How many lines of an open review wait.
pub(super) fn count_review_lines(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<u64, ApiError> {
    let Some((_, lines)) = find_open(tx, member)? else { return Ok(0) };
    Ok(lines.iter().filter(|line| line.decision.is_none()).count() as u64)
}

fn find_open(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<Option<(AccessReview, Vec<Line>)>, ApiError> {
    let all = list_access_reviews(tx, &member.actor, member.shop.id)?;
    let open = all.into_iter().find(|review| review.state == ReviewState::Open);
    let Some(open) = open else { return Ok(None) };
    Ok(Some(find_access_review(tx, &member.actor, member.shop.id, open.id)?))
}

/// Shows the open review, one line and one decision each.
pub(super) async fn show_review(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&hall, &visit, Permission::ViewMembers, |tx, member| {
        let page = member.frame(tx)?;
        let all = list_access_reviews(tx, &member.actor, member.shop.id)?;
        let closed = all.iter().filter_map(|review| review.closed.map(|at| (review.due, at))).collect();
        let open = match find_open(tx, member)? {
            Some((review, lines)) => Some(open_review(tx, member, &page, &review, lines)?),
            None => None,
        };
        Ok(AccessReviewPage { page, open, closed })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn open_review(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    review: &AccessReview,
    lines: Vec<Line>,
) -> Result<OpenReview, ApiError> {
    let keys = list_keys(tx, member)?;
    let mut shown = Vec::new();
    for line in lines {
        shown.push(line_of(tx, member, page, &keys, line)?);
    }
    shown.sort_by_key(|line: &ReviewLine| !line.decision.is_empty());
    let may = member.actor.holds(Permission::ReviewAccess);
    Ok(OpenReview {
        due: review.due,
        is_overdue: member.means.now >= review.due,
        done: shown.iter().filter(|line| !line.decision.is_empty()).count(),
        lines: shown,
        action_href: if may { format!("{REVIEW}/{}", review.id) } else { String::new() },
    })
}

/// The names of the shop's API keys, for those who may see them.
fn list_keys(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<Vec<(ApiKeyId, String)>, ApiError> {
    match list_api_keys(tx, &member.actor, member.shop.id) {
        Ok(keys) => Ok(keys.into_iter().map(|key| (key.id, key.label)).collect()),
        Err(crate::api_keys::ApiKeyError::Denied(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn line_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    keys: &[(ApiKeyId, String)],
    line: Line,
) -> Result<ReviewLine, ApiError> {
    let name = match line.kind {
        LineKind::Member => name_of(tx, member, &line.subject)?,
        LineKind::Certificate => page.t1("review-certificate", "holder", line.grants.as_str()),
        LineKind::ApiKey => {
            let named = keys.iter().find(|(id, _)| id.to_string() == line.subject);
            named.map_or_else(|| line.subject.clone(), |(_, label)| label.clone())
        }
    };
    let decision = line.decision.map(|decision| match decision {
        Decision::Confirm => "decision-confirmed",
        Decision::Remove => "decision-removed",
        Decision::Suspended => "decision-suspended",
    });
    let is_own = line.subject == member.actor.label();
    Ok(ReviewLine {
        grants: grant_words(page, line.kind, &line.grants),
        flags: line
            .flags
            .iter()
            .map(|flag| page.t(format!("flag-{}", flag.name().replace('_', "-"))))
            .collect(),
        decision: decision.map_or_else(String::new, |key| page.t(key)),
        is_own: is_own && has_colleague(tx, member)?,
        can_remove: !is_own,
        used: line.used,
        subject: line.subject,
        name,
    })
}

/// Whether somebody else could decide the reader's own line.
fn has_colleague(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<bool, ApiError> {
    let holders = list_holders(tx, member.shop.id, Permission::ReviewAccess, &member.actor)?;
    Ok(!holders.is_empty())
}

/// Built-in roles by their words, those of keys by what a key may do, the shop's own by their names.
fn grant_words(page: &Frame, kind: LineKind, grants: &str) -> String {
    let words = grants.split([' ', ',']).filter(|word| !word.is_empty());
    let word = |name: &str| match crate::permissions::Role::from_name(name) {
        Some(_) if kind == LineKind::ApiKey => page.t(format!("keys-role-{name}")),
        Some(role) => role_text(page, role),
        None => name.to_owned(),
    };
    words.map(word).collect::<Vec<_>>().join(" · ")
}

/// One decision.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionForm {
    subject: String,
    decision: String,
}

/// Decides one line; it counts at once.
pub(super) async fn decide_one(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: AccessReviewId = id.parse().map_err(|_| ApiError::not_found("no such access review"))?;
    let posted = visit.read::<DecisionForm>(Side::Member, &incoming)?;
    let DecisionForm { subject, decision } = posted.form;
    let confirm = match decision.as_str() {
        "confirm" => true,
        "remove" => false,
        _ => return Err(ApiError::bad_field("decision", "must be `confirm` or `remove`")),
    };
    let done = write_as(&hall, &visit, Permission::ReviewAccess, posted.once, vec![], move |tx, member| {
        let place = (member.shop.id, id);
        match decide_line(tx, &member.means, &member.actor, place, &subject, confirm) {
            Ok(_) | Err(AccessReviewError::Decided) => Ok((REVIEW.to_owned(), ())),
            Err(error) => Err(error.into()),
        }
    });
    Ok(go(&done.await?.0))
}

#[cfg(test)]
mod tests {
    use webkit::page::Lang;

    use super::*;
    use crate::pages::{sample, texts};

    #[test]
    fn c09_a_line_words_the_roles_of_people_and_keys_and_keeps_names_of_the_shops_own() {
        let said = |lang, kind, grants| grant_words(&sample::buyer_frame(texts(), lang), kind, grants);
        assert_eq!(said(Lang::En, LineKind::Member, "owner,cashier"), "Owner · Cashier");
        assert_eq!(said(Lang::Zh, LineKind::Member, "owner,cashier"), "店主 · 收银员");
        assert_eq!(said(Lang::En, LineKind::Member, "support,rol_0123"), "Support · rol_0123");
        assert_eq!(said(Lang::En, LineKind::ApiKey, "integration"), "take payments and refund");
        assert_eq!(said(Lang::Zh, LineKind::ApiKey, "integration"), "收款和退款");
        assert_eq!(said(Lang::En, LineKind::Member, ""), "", "nothing is granted");
        assert_eq!(said(Lang::En, LineKind::Member, " ,owner, "), "Owner");
    }
}
