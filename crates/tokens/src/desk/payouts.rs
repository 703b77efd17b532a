//! The page of the payout account: which one counts, which one is to come, and the form that begins a change.
//!
//! The form has a page of its own, so that the second factor is asked for before anything is typed.

use ::store::Tx;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::MemberId;
use identity::Permission;
use identity::desk::{Member, Side, Visit, go, press, read_as, write_as};
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Problems, Zone, show};

use super::Desk;
use crate::limits::PAYOUT_COOLING_SECONDS;
use crate::pages::payout::{AccountShown, PayoutChangePage, PayoutPage};
use crate::payout::{self, NewPayout, Part, PayoutAccount, Typed};
use crate::record::By;
use crate::routes::errors;

/// Where the account is.
pub(super) const PAYOUT: &str = "/desk/payout-account";

pub(super) async fn show_payout(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&desk.hall, &visit, Permission::ViewLedger, |tx, member| {
        let found = payout::find_accounts(tx, member.means.vault, member.shop.id, member.means.now);
        let found = found.map_err(errors::of_payout)?;
        let may = member.can(Permission::ManagePayouts);
        let approval = found.next.as_ref().filter(|next| {
            may && member.can(Permission::Approve)
                && next.effective.is_none()
                && next.proposer != member.actor.label()
        });
        let approval = approval.and_then(|next| next.approval);
        Ok(PayoutPage {
            page: member.frame(tx)?,
            current: found.current.map(|account| shown(tx, member, account)),
            change_href: if may && found.next.is_none() { format!("{PAYOUT}/change") } else { String::new() },
            withdraw_href: if may && found.next.is_some() {
                format!("{PAYOUT}/withdraw")
            } else {
                String::new()
            },
            next: found.next.map(|account| shown(tx, member, account)),
            approve_href: approval.map_or_else(String::new, |id| format!("/desk/approvals/{id}/approve")),
            hours: hours(),
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn hours() -> i64 {
    PAYOUT_COOLING_SECONDS / 3_600
}

fn shown(tx: &mut Tx<'_>, member: &Member<'_>, account: PayoutAccount) -> AccountShown {
    let id = account.proposer.parse::<MemberId>().ok();
    let person =
        id.and_then(|id| identity::find_member_person(tx, member.means.vault, member.shop.id, id).ok());
    AccountShown {
        holder: account.holder,
        scheme: account.scheme.name().to_owned(),
        number: account.number,
        bank: account.bank.unwrap_or_default(),
        who: person.map_or(account.proposer, |person| person.name.expose().clone()),
        since: account.created,
        effective: account.effective,
    }
}

/// What was typed.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PayoutForm {
    holder: String,
    scheme: String,
    number: String,
    bank: String,
}

pub(super) async fn show_change(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    change_page(&desk, &visit, StatusCode::OK, PayoutForm::default(), Problems::none()).await
}

async fn change_page(
    desk: &Desk,
    visit: &Visit,
    status: StatusCode,
    typed: PayoutForm,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(&desk.hall, visit, Permission::ManagePayouts, move |tx, member| {
        Ok(PayoutChangePage {
            page: member.frame(tx)?,
            holder: typed.holder.clone(),
            scheme: if typed.scheme.is_empty() { "iban".to_owned() } else { typed.scheme.clone() },
            bank: typed.bank.clone(),
            problems,
            hours: hours(),
            action_href: format!("{PAYOUT}/change"),
            back_href: PAYOUT.to_owned(),
        })
    });
    Ok(show(status, &view.await?))
}

/// What came of a form.
enum Begun {
    Done,
    Waits,
}

pub(super) async fn request_change(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<PayoutForm>(Side::Member, &incoming)?;
    let typed = posted.form;
    let page = visit.frame(&desk.hall, Side::Member, Zone::default());
    let PayoutForm { holder, scheme, number, bank } = &typed;
    let new = match NewPayout::parse(Typed { holder, scheme, number, bank }) {
        Ok(new) => new,
        Err(wrong) => {
            let mut problems = Problems::none();
            for (part, _) in wrong {
                problems.add(part.name(), page.t(problem_key(part)));
            }
            return change_page(&desk, &visit, StatusCode::UNPROCESSABLE_ENTITY, typed, problems).await;
        }
    };
    let done =
        write_as(&desk.hall, &visit, Permission::ManagePayouts, posted.once, vec![], move |tx, member| {
            let by = By { actor: &member.actor, address: member.visit.remote, request: None };
            let begun = match payout::request_change(tx, &member.means, &by, member.shop.id, &new) {
                Ok(_) => Begun::Done,
                Err(payout::PayoutError::Waits) => Begun::Waits,
                Err(error) => return Err(errors::of_payout(error)),
            };
            Ok((PAYOUT.to_owned(), begun))
        });
    match done.await?.1 {
        Some(Begun::Waits) => {
            let mut problems = Problems::none();
            problems.add("", page.t("problem-payout-waits"));
            change_page(&desk, &visit, StatusCode::CONFLICT, typed, problems).await
        }
        Some(Begun::Done) | None => Ok(go(PAYOUT)),
    }
}

fn problem_key(part: Part) -> &'static str {
    match part {
        Part::Holder => "problem-payout-holder",
        Part::Scheme => "problem-choice",
        Part::Number => "problem-payout-number",
        Part::Bank => "problem-payout-bank",
    }
}

/// Stops the change. One that is gone already is gone.
pub(super) async fn withdraw(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    press(&desk.hall, &visit, &incoming, Permission::ManagePayouts, |tx, member| {
        let by = By { actor: &member.actor, address: member.visit.remote, request: None };
        match payout::withdraw_change(tx, &member.means, &by, member.shop.id) {
            Ok(()) | Err(payout::PayoutError::NothingWaits) => Ok(PAYOUT.to_owned()),
            Err(error) => Err(errors::of_payout(error)),
        }
    })
    .await
}
