//! The desk's pages of customers and of the payout account: look for one, see them masked, open one value with a purpose, see who looked.
//!
//! What is looked for and what is opened goes in the body of a form, never in an address. The second factor is asked for
//! in place, before the form is carried out.

use ::store::Tx;
use axum::Router;
use axum::extract::{FromRef, Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use base::{CustomerId, MemberId, Secret, TokenId};
use identity::Permission;
use identity::desk::{Hall, Member, MenuEntry, MenuGroup, Side, Visit, go, read_as, write_as, write_each_as};
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::form::Choice;
use webkit::page::{Frame, Mark, Problems, Zone, show};

use crate::customer::{self, MaskedCustomer, Search, Wanted};
use crate::opening::{self, Attempt, Opening, Purpose, Why};
use crate::pages::{
    CardLine, CustomerPage, CustomerRow, CustomersPage, HistoryLine, OpenedLine, SEARCH_KINDS, ValueLine,
    purpose_text, texts,
};
use crate::record::By;
use crate::routes::errors;
use crate::token::{self, State, Token};
use crate::values::{Address, ExternalId, Kind, Value};
use payouts::PAYOUT;

mod payouts;

/// Where customers are.
const HOME: &str = "/desk/customers";
/// Customers shown before anybody looks for one.
const NEWEST_SHOWN: i64 = 20;

/// What the handlers hold. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    hall: Hall,
}

impl FromRef<Desk> for Hall {
    fn from_ref(desk: &Desk) -> Hall {
        desk.hall.clone()
    }
}

/// What this domain adds to the bar of the desk.
pub fn menu() -> Vec<MenuEntry> {
    vec![
        MenuEntry::new(HOME, "nav-customers", texts, Permission::ViewCustomers, MenuGroup::Customers),
        // The house reads ledgers and is paid nothing out.
        MenuEntry::new(PAYOUT, "nav-payout", texts, Permission::ViewLedger, MenuGroup::Payments).of_shops(),
    ]
}

/// All pages of this domain.
pub fn router(hall: Hall) -> Router {
    let desk = Desk { hall: hall.with_texts(texts()) };
    let routes = Router::new()
        .route(HOME, get(list_customers).post(search_customers))
        .route("/desk/customers/{id}", get(show_customer))
        .route("/desk/customers/{id}/open", post(open_value))
        .route("/desk/payout-account", get(payouts::show_payout))
        .route("/desk/payout-account/change", get(payouts::show_change).post(payouts::request_change))
        .route("/desk/payout-account/withdraw", post(payouts::withdraw));
    identity::desk::surround(routes, &desk.hall).with_state(desk)
}

async fn list_customers(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&desk.hall, &visit, Permission::ViewCustomers, |tx, member| {
        let found = customer::list_customers(tx, member.means.vault, member.shop.id, None, NEWEST_SHOWN);
        let found = found.map_err(errors::of_customer)?;
        customers_page(tx, member, &found, Asked::Nothing)
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// What was asked of the list.
enum Asked {
    Nothing,
    Search { kind: String },
    Wrong { kind: String, problems: Problems },
}

fn customers_page(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    found: &[MaskedCustomer],
    asked: Asked,
) -> Result<CustomersPage, ApiError> {
    let (searched, kind, problems) = match asked {
        Asked::Nothing => (false, "phone".to_owned(), Problems::none()),
        Asked::Search { kind } => (true, kind, Problems::none()),
        Asked::Wrong { kind, problems } => (false, kind, problems),
    };
    let rows = found.iter().map(row_of).collect();
    Ok(CustomersPage {
        page: member.frame(tx)?,
        rows,
        searched,
        kind,
        problems,
        action_href: HOME.to_owned(),
    })
}

fn row_of(found: &MaskedCustomer) -> CustomerRow {
    let id = found.customer.id.to_string();
    CustomerRow {
        href: format!("{HOME}/{id}"),
        name: first_of(found, &[Kind::Name]).unwrap_or_else(|| id.clone()),
        contact: first_of(found, &[Kind::Phone, Kind::Email]).unwrap_or_default(),
        own_number: own_number(found),
        at: found.customer.created,
        id,
    }
}

fn first_of(found: &MaskedCustomer, kinds: &[Kind]) -> Option<String> {
    found.values.iter().find(|value| kinds.contains(&value.kind)).and_then(|value| value.masked.clone())
}

fn own_number(found: &MaskedCustomer) -> String {
    found.external.as_ref().map(|own| own.expose().clone()).unwrap_or_default()
}

/// What to look for, as typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchForm {
    kind: String,
    value: String,
}

impl SearchForm {
    fn parse(&self, page: &Frame) -> Result<Wanted, Problems> {
        let value = match self.kind.as_str() {
            "phone" => Value::phone(&self.value).map(Wanted::Value),
            "email" => Value::email(&self.value).map(Wanted::Value),
            "name" => Value::name(&self.value).map(Wanted::Value),
            "external" => ExternalId::parse(&self.value).map(Wanted::External),
            _ => return Err(one_problem("kind", page.t("problem-choice"))),
        };
        value.map_err(|_| one_problem("value", page.t("problem-customer-value")))
    }
}

fn one_problem(field: &'static str, text: String) -> Problems {
    let mut problems = Problems::none();
    problems.add(field, text);
    problems
}

async fn search_customers(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let form = visit.read::<SearchForm>(Side::Member, &incoming)?.form;
    let page = visit.frame(&desk.hall, Side::Member, Zone::default());
    let wanted = form.parse(&page);
    let kind = if SEARCH_KINDS.contains(&form.kind.as_str()) { form.kind } else { "phone".to_owned() };
    let work = move |tx: &mut Tx<'_>, member: &Member<'_>| search(tx, member, &wanted, kind.clone());
    let shown = write_each_as(&desk.hall, &visit, Permission::ViewCustomers, vec![], work);
    let (status, view) = shown.await?;
    Ok(show(status, &view))
}

fn search(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    wanted: &Result<Wanted, Problems>,
    kind: String,
) -> Result<(StatusCode, CustomersPage), ApiError> {
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(problems) => {
            let asked = Asked::Wrong { kind, problems: problems.clone() };
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, customers_page(tx, member, &[], asked)?));
        }
    };
    let searched = customer::search_customers(tx, &member.means, &by(member), member.shop.id, wanted);
    match searched.map_err(errors::of_customer)? {
        Search::Found(found) => {
            Ok((StatusCode::OK, customers_page(tx, member, &found, Asked::Search { kind })?))
        }
        Search::Over { retry_after_seconds } => {
            let minutes = retry_after_seconds.div_ceil(60);
            let text = member.bare_frame().t1("customers-over", "minutes", minutes);
            let asked = Asked::Wrong { kind, problems: one_problem("", text) };
            Ok((StatusCode::TOO_MANY_REQUESTS, customers_page(tx, member, &[], asked)?))
        }
    }
}

/// Who looks, as the domain is told.
fn by<'a>(member: &'a Member<'_>) -> By<'a> {
    By { actor: &member.actor, address: member.visit.remote, request: None }
}

/// What the page of one customer shows besides the customer.
#[derive(Default)]
struct Shown {
    what: String,
    purpose: String,
    reason: String,
    opened: Option<OpenedLine>,
    problems: Problems,
}

async fn show_customer(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = customer_id(&id)?;
    customer_page(&desk, &visit, StatusCode::OK, id, Shown::default()).await
}

fn customer_id(text: &str) -> Result<CustomerId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("there is no such customer"))
}

async fn customer_page(
    desk: &Desk,
    visit: &Visit,
    status: StatusCode,
    id: CustomerId,
    shown: Shown,
) -> Result<Response, ApiError> {
    let view = read_as(&desk.hall, visit, Permission::ViewCustomers, move |tx, member| {
        let (means, shop) = (&member.means, member.shop.id);
        let found = customer::find_customer(tx, means.vault, shop, id).map_err(errors::of_customer)?;
        let tokens = token::list_tokens_of_customer(tx, id).map_err(errors::of_token)?;
        let openings = opening::list_customer_openings(tx, means, shop, id).map_err(errors::of_opening)?;
        let page = member.frame(tx)?;
        let history = openings.iter().map(|one| history_line(tx, member, &page, one)).collect();
        let choices = choices_of(member, &page, &found, &tokens);
        let opens_cards = choices.iter().any(|choice| choice.value.starts_with("card:"));
        let live = |token: &&Token| token.state_at(means.now) == State::Active;
        let values = found.values.iter().map(|value| ValueLine {
            kind: kind_text(&page, value.kind),
            masked: value.masked.clone().unwrap_or_else(|| page.t("customer-illegible")),
            at: value.created,
        });
        Ok(CustomerPage {
            id: id.to_string(),
            title: first_of(&found, &[Kind::Name]).unwrap_or_else(|| id.to_string()),
            own_number: own_number(&found),
            erased: found.customer.state == customer::State::Erased,
            values: values.collect(),
            cards: tokens.iter().map(|token| card_line(token, means.now)).collect(),
            history,
            has_single_use: opens_cards && tokens.iter().filter(live).any(|token| token.single_use),
            choices,
            what: shown.what,
            purpose: if shown.purpose.is_empty() {
                Purpose::AnswerCustomer.name().to_owned()
            } else {
                shown.purpose
            },
            reason_typed: shown.reason,
            opened: shown.opened,
            problems: shown.problems,
            action_href: format!("{HOME}/{id}/open"),
            page,
        })
    });
    Ok(show(status, &view.await?))
}

fn kind_text(page: &Frame, kind: Kind) -> String {
    page.t(format!("customer-kind-{}", kind.name()))
}

/// What the member may open: values and live cards, each as the right for it allows.
fn choices_of(member: &Member<'_>, page: &Frame, found: &MaskedCustomer, tokens: &[Token]) -> Vec<Choice> {
    let mut choices = Vec::new();
    if member.can(Permission::OpenCustomers) {
        choices.extend(found.values.iter().filter_map(|value| {
            let text = format!("{} {}", kind_text(page, value.kind), value.masked.as_ref()?);
            Some(Choice::new(&format!("value:{}", value.slot), text))
        }));
    }
    if member.can(Permission::OpenTokens) {
        let live = tokens.iter().filter(|token| token.state_at(member.means.now) == State::Active);
        choices.extend(live.map(|token| Choice::new(&format!("card:{}", token.id), token.shown.masked())));
    }
    choices
}

fn card_line(token: &Token, now: base::Timestamp) -> CardLine {
    let state = token.state_at(now);
    CardLine {
        id: token.id.to_string(),
        masked: token.shown.masked(),
        expiry: format!("{:02}/{}", token.expiry.month, token.expiry.year),
        state: state.name().to_owned(),
        mark: if state == State::Active { Mark::Done } else { Mark::Closed },
    }
}

fn history_line(tx: &mut Tx<'_>, member: &Member<'_>, page: &Frame, opening: &Opening) -> HistoryLine {
    let colleague = opening
        .reader
        .parse::<MemberId>()
        .ok()
        .and_then(|id| identity::find_member_person(tx, member.means.vault, member.shop.id, id).ok());
    let kinds: Vec<String> = opening
        .opened
        .split(',')
        .map(|name| Kind::from_name(name).map_or_else(|| name.to_owned(), |kind| kind_text(page, kind)))
        .collect();
    HistoryLine {
        at: opening.at,
        who: colleague.map_or_else(|| opening.reader.clone(), |person| person.name.expose().clone()),
        what: kinds.join(", "),
        purpose: purpose_text(page, opening.purpose),
        reason: opening.reason.as_ref().map(|reason| reason.expose().clone()).unwrap_or_default(),
    }
}

/// What to open, what for and why, as typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenForm {
    what: String,
    purpose: String,
    reason: String,
}

#[derive(Clone, Copy)]
enum What {
    Value(i64),
    Card(TokenId),
}

impl What {
    fn parse(text: &str) -> Option<What> {
        match text.split_once(':')? {
            ("value", slot) => slot.parse().ok().map(What::Value),
            ("card", id) => id.parse().ok().map(What::Card),
            _ => None,
        }
    }

    fn permission(self) -> Permission {
        match self {
            What::Value(_) => Permission::OpenCustomers,
            What::Card(_) => Permission::OpenTokens,
        }
    }
}

impl OpenForm {
    fn parse(&self, page: &Frame) -> Result<(What, Why), Problems> {
        let mut problems = Problems::none();
        let what = What::parse(&self.what);
        if what.is_none() {
            problems.add("what", page.t("problem-choice"));
        }
        let purpose = Purpose::from_name(&self.purpose);
        if purpose.is_none() {
            problems.add("purpose", page.t("problem-purpose"));
        }
        let why = Why::new(purpose.unwrap_or(Purpose::CorrectData), &self.reason);
        if why.is_err() {
            problems.add("reason", page.t("problem-reason"));
        }
        match (what, why) {
            (Some(what), Ok(why)) if problems.is_empty() => Ok((what, why)),
            _ => Err(problems),
        }
    }
}

/// What came of it.
enum Seen {
    Value(Kind, Secret<String>),
    Card(String, Secret<String>),
    Over { minutes: u32 },
}

/// Opens one value and shows it, this once: a second submit of the same form shows the page alone.
async fn open_value(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = customer_id(&id)?;
    let posted = visit.read::<OpenForm>(Side::Member, &incoming)?;
    let page = visit.frame(&desk.hall, Side::Member, Zone::default());
    let OpenForm { what: chosen, purpose, reason } = &posted.form;
    let typed =
        Shown { what: chosen.clone(), purpose: purpose.clone(), reason: reason.clone(), ..Shown::default() };
    let (what, why) = match posted.form.parse(&page) {
        Ok(read) => read,
        Err(problems) => {
            let shown = Shown { problems, ..typed };
            return customer_page(&desk, &visit, StatusCode::UNPROCESSABLE_ENTITY, id, shown).await;
        }
    };
    let home = format!("{HOME}/{id}");
    let path = home.clone();
    let done = write_as(&desk.hall, &visit, what.permission(), posted.once, vec![], move |tx, member| {
        Ok((path.clone(), open(tx, member, id, what, &why)?))
    });
    let (status, shown) = match done.await?.1 {
        None => return Ok(go(&home)),
        Some(Seen::Over { minutes }) => {
            let problems = one_problem("", page.t1("customer-over", "minutes", minutes));
            (StatusCode::TOO_MANY_REQUESTS, Shown { problems, ..typed })
        }
        Some(Seen::Value(kind, text)) => (StatusCode::OK, opened(kind_text(&page, kind), &text)),
        Some(Seen::Card(masked, text)) => (StatusCode::OK, opened(masked, &text)),
    };
    customer_page(&desk, &visit, status, id, shown).await
}

fn opened(what: String, text: &Secret<String>) -> Shown {
    let line = OpenedLine { what, text: text.expose().clone() };
    Shown { opened: Some(line), ..Shown::default() }
}

fn open(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    id: CustomerId,
    what: What,
    why: &Why,
) -> Result<Seen, ApiError> {
    let by = by(member);
    let (means, shop) = (&member.means, member.shop.id);
    let over = |seconds: u32| Seen::Over { minutes: seconds.div_ceil(60) };
    match what {
        What::Value(slot) => {
            let attempt = opening::open_customer(tx, means, &by, shop, id, &[slot], why);
            match attempt.map_err(errors::of_opening)? {
                Attempt::Over { retry_after_seconds } => Ok(over(retry_after_seconds)),
                Attempt::Opened(opened) => {
                    let value = opened.values.into_iter().next();
                    let (_, value) = value.ok_or_else(|| ApiError::internal("nothing was opened"))?;
                    Ok(Seen::Value(value.kind(), plain(&value)))
                }
            }
        }
        What::Card(token) => {
            let owner = token::find_token(tx, shop, token).map_err(errors::of_token)?.customer;
            if owner != Some(id) {
                return Err(ApiError::not_found("there is no such card of this customer"));
            }
            let attempt = opening::open_token(tx, means, &by, shop, token, why);
            match attempt.map_err(errors::of_opening)? {
                Attempt::Over { retry_after_seconds } => Ok(over(retry_after_seconds)),
                Attempt::Opened(card) => Ok(Seen::Card(card.shown.masked(), card.number)),
            }
        }
    }
}

/// A value as people read it.
fn plain(value: &Value) -> Secret<String> {
    if value.kind() != Kind::Address {
        return value.text().clone();
    }
    let address = Address::of_text(value.text().expose());
    let mut parts = address.lines;
    parts.extend([address.postcode, address.city, address.region, address.country]);
    parts.retain(|part| !part.is_empty());
    Secret::new(parts.join(", "))
}
