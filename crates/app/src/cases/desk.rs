//! The desk's pages of cases: the list, one case, and the buttons that take and close it.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use base::{CaseId, MemberId, Timestamp};
use identity::Permission;
use identity::cases::{self, Case, CaseError, CaseNote, CaseOutcome, CaseState, Cause, Listed};
use identity::desk::{
    Hall, Member, MenuEntry, MenuGroup, Side, Visit, go, payer_name, press, read_as, surround, write_as,
};
use payments::Origination;
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::parts::Step;
use webkit::page::{Frame, Mark, Problems, Zone, show};

use super::pages::{CasePage, CaseRow, CasesPage, texts};
use super::{Closer, close, outcome_named};
use crate::limits::CASES_LISTED_MAX;

/// Where cases are.
const HOME: &str = "/desk/cases";

/// What the handlers hold.
#[derive(Clone)]
struct Desk {
    hall: Hall,
}

impl FromRef<Desk> for Hall {
    fn from_ref(desk: &Desk) -> Hall {
        desk.hall.clone()
    }
}

/// What cases add to the bar of the desk.
pub fn menu() -> Vec<MenuEntry> {
    let entry = MenuEntry::new(HOME, "nav-cases", texts, Permission::WorkCases, MenuGroup::Risk);
    vec![entry.counting(count_open)]
}

fn count_open(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<u64, ApiError> {
    Ok(cases::count_open_cases(tx, member.shop.id)?)
}

/// The pages of cases.
pub fn router(hall: Hall) -> Router {
    let desk = Desk { hall: hall.with_texts(texts()) };
    let routes = Router::new()
        .route("/desk/cases", get(list_cases))
        .route("/desk/cases/{id}", get(show_case))
        .route("/desk/cases/{id}/take", post(take_case))
        .route("/desk/cases/{id}/close", post(close_case));
    surround(routes, &desk.hall).with_state(desk)
}

async fn list_cases(State(desk): State<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let shows_closed = visit.query("state").as_deref() == Some("closed");
    let wanted = if shows_closed { Listed::Closed } else { Listed::Open };
    let view = read_as(&desk.hall, &visit, Permission::WorkCases, move |tx, member| {
        let page = member.frame(tx)?;
        let mut rows = Vec::new();
        for case in cases::list_cases(tx, &member.actor, member.shop.id, (wanted, CASES_LISTED_MAX))? {
            rows.push(row_of(tx, member, &page, case)?);
        }
        let (open_href, closed_href) = (HOME.to_owned(), format!("{HOME}?state=closed"));
        Ok(CasesPage { page, rows, shows_closed, open_href, closed_href })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn row_of(tx: &mut Tx<'_>, member: &Member<'_>, page: &Frame, case: Case) -> Result<CaseRow, ApiError> {
    Ok(CaseRow {
        href: format!("{HOME}/{}", case.id),
        what: what(page, &case),
        who: name_of(tx, member, &case.person)?,
        state: case.state,
        worker: case.worker.map_or(Ok(String::new()), |who| name_of(tx, member, &who.to_string()))?,
        outcome: outcome_text(page, &case),
        opened: case.opened,
    })
}

fn what(page: &Frame, case: &Case) -> String {
    page.t(format!("case-cause-{}", case.cause.name()))
}

fn outcome_text(page: &Frame, case: &Case) -> String {
    case.outcome.map_or_else(String::new, |one| page.t(format!("case-outcome-{}", one.name())))
}

/// A buyer shortened, a member by name.
fn name_of(tx: &mut Tx<'_>, member: &Member<'_>, id: &str) -> Result<String, ApiError> {
    let Ok(who) = id.parse::<MemberId>() else {
        return payer_name(tx, member.means.vault, id.parse().ok());
    };
    match identity::find_member_person(tx, member.means.vault, member.shop.id, who) {
        Ok(person) => Ok(person.name.expose().clone()),
        Err(identity::MemberError::NotFound) => Ok(id.to_owned()),
        Err(error) => Err(error.into()),
    }
}

async fn show_case(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    case_page(&desk, &visit, case_id(&id)?, (CloseForm::default(), Problems::none())).await
}

fn case_id(text: &str) -> Result<CaseId, ApiError> {
    text.parse().map_err(|_| CaseError::NotFound.into())
}

async fn case_page(
    desk: &Desk,
    visit: &Visit,
    id: CaseId,
    (typed, problems): (CloseForm, Problems),
) -> Result<Response, ApiError> {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = read_as(&desk.hall, visit, Permission::WorkCases, move |tx, member| {
        let (case, hands) = cases::find_case(tx, &member.actor, id)?;
        let page = member.frame(tx)?;
        let steps = steps_of(tx, member, &page, (&case, hands))?;
        let (standing, free_command) = standing_of(tx, member, &page, &case)?;
        let me = Some(member.session.member);
        let is_workable = case.state != CaseState::Closed && case.person != member.session.member.to_string();
        let href =
            |wanted: bool, rest: &str| if wanted { format!("{HOME}/{id}/{rest}") } else { String::new() };
        Ok(CasePage {
            what: what(&page, &case),
            who: name_of(tx, member, &case.person)?,
            done: done_texts(&page, &case),
            links: links_of(member, &page, &case),
            take_href: href(is_workable && case.worker != me, "take"),
            close_href: href(is_workable && case.worker == me, "close"),
            id: id.to_string(),
            account: case.person,
            state: case.state,
            outcome: typed.outcome,
            note: typed.note,
            steps,
            standing,
            free_command,
            problems,
            page,
        })
    });
    Ok(show(status, &view.await?))
}

/// What happened with a case: who said it, who took it, how it ended.
fn steps_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    (case, hands): (&Case, Vec<(Timestamp, MemberId)>),
) -> Result<Vec<Step>, ApiError> {
    let who = name_of(tx, member, &case.person)?;
    let word = page.t1("case-step-opened", "who", who);
    let mut steps = vec![Step { mark: Mark::Review, word, at: Some(case.opened), note: what(page, case) }];
    for (at, hand) in hands {
        let word = page.t1("case-step-taken", "who", name_of(tx, member, &hand.to_string())?);
        steps.push(Step { mark: Mark::Waiting, word, at: Some(at), note: String::new() });
    }
    if case.closed.is_some() {
        let note = case.note.clone().unwrap_or_default();
        steps.push(Step { mark: Mark::Done, word: outcome_text(page, case), at: case.closed, note });
    }
    Ok(steps)
}

/// What the program did in the transaction that opened the case.
fn done_texts(page: &Frame, case: &Case) -> Vec<String> {
    let done: &[&str] = match (case.cause, case.payment()) {
        (Cause::Payment, Some(_)) => &["case-done-label", "case-done-frozen", "case-done-others"],
        (Cause::Payment | Cause::Activity, _) => &["case-done-frozen", "case-done-others"],
        (Cause::Pin, _) => &["case-done-held", "case-done-pin", "case-done-sessions"],
        (Cause::Contact, _) => {
            &["case-done-held", "case-done-pin", "case-done-contact", "case-done-sessions"]
        }
        (Cause::Address, _) => &["case-done-address", "case-done-stopped", "case-done-sessions"],
    };
    done.iter().map(|key| page.t(key)).collect()
}

/// How a buyer's account stands, and for operators the command that frees it.
fn standing_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    case: &Case,
) -> Result<(String, String), ApiError> {
    let Some(buyer) = case.buyer() else { return Ok((String::new(), String::new())) };
    let state = identity::find_buyer(tx, buyer)?.map_or(identity::BuyerState::Erased, |found| found.state);
    let is_stopped = matches!(state, identity::BuyerState::Frozen | identity::BuyerState::Held);
    let frees = is_stopped && member.can(Permission::Operate);
    let command = if frees { format!("tillward buyer unfreeze {buyer}") } else { String::new() };
    Ok((page.t(format!("case-account-{}", state.name())), command))
}

/// Pages that help with a case, as far as the member may open them.
fn links_of(member: &Member<'_>, page: &Frame, case: &Case) -> Vec<(String, String)> {
    let mut links = Vec::new();
    if let Some(payment) = case.payment() {
        if member.can(Permission::ViewPayments) {
            links.push((page.t("case-see-payment"), format!("/desk/payments/{payment}")));
        }
        if member.can(Permission::Refund) {
            links.push((page.t("case-refund"), format!("/desk/payments/{payment}#refund")));
        }
    }
    if case.cause == Cause::Address && member.can(Permission::ViewMembers) {
        links.push((page.t("case-see-member"), format!("/desk/members/{}", case.person)));
    }
    links
}

async fn take_case(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = case_id(&id)?;
    press(&desk.hall, &visit, &incoming, Permission::WorkCases, move |tx, member| {
        match cases::take_case(tx, &member.means, &member.actor, id) {
            // A colleague closed it meanwhile: its page says how.
            Ok(_) | Err(CaseError::Closed) => Ok(format!("{HOME}/{id}")),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// How a case ended, as typed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseForm {
    outcome: String,
    note: String,
}

impl CloseForm {
    fn parse(&self, page: &Frame) -> Result<(CaseOutcome, CaseNote), Problems> {
        let mut problems = Problems::none();
        let outcome = outcome_named(&self.outcome);
        if outcome.is_none() {
            problems.add("outcome", page.t("problem-choice"));
        }
        let note = CaseNote::parse(&self.note).map_err(|_| problems.add("note", page.t("problem-case-note")));
        match (outcome, note) {
            (Some(outcome), Ok(note)) => Ok((outcome, note)),
            _ => Err(problems),
        }
    }
}

async fn close_case(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = case_id(&id)?;
    let posted = visit.read::<CloseForm>(Side::Member, &incoming)?;
    let page = visit.frame(&desk.hall, Side::Member, Zone::default());
    let (outcome, note) = match posted.form.parse(&page) {
        Ok(parsed) => parsed,
        Err(problems) => return case_page(&desk, &visit, id, (posted.form, problems)).await,
    };
    let from = Origination { address: visit.remote, place: None };
    let done = write_as(&desk.hall, &visit, Permission::WorkCases, posted.once, vec![], move |tx, member| {
        let by = Closer { means: &member.means, actor: &member.actor, from: &from };
        close(tx, &by, id, (outcome, &note))?;
        Ok((format!("{HOME}/{id}"), ()))
    });
    match done.await {
        Ok((path, _)) => Ok(go(&path)),
        // A colleague took or closed it meanwhile: its page says who.
        Err(error) if error.status() == StatusCode::CONFLICT => Ok(go(&format!("{HOME}/{id}"))),
        Err(error) => Err(error),
    }
}
