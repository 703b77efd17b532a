//! Codes: the list, making one, showing it large while it is scanned, printing it, withdrawing it.

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{CodeId, Money, ScopedId, TerminalId};
use identity::Permission;
use identity::desk::{Button, Once, Side, Visit, go, payer_name};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::form::Choice;
use webkit::page::{Frame, Html, Pager, Problems, show};
use webkit::qr::{Level, Symbol};

use super::Desk;
use super::member::{Member, read_as, write_as};
use super::words::typed_amount;
use crate::code::{self, StaticCode, claims_of, claims_of_static, emv_payload};
use crate::code_token::CodeToken;
use crate::create::{self, NewPayment, Purpose};
use crate::limits::{DESCRIPTION_CHARS_MAX, NAME_CHARS_MAX, REFERENCE_CHARS_MAX};
use crate::pages::codes::{CodeNewPage, CodePage, CodePrintPage, CodeRow, CodeState, CodesPage};
use crate::pages::shown::{CodeKindShown, CodeShown};
use crate::payment::{Origin, Payment, State, payment_of};
use crate::routes::errors;
use crate::store as rows;
use crate::text::{ShortText, TextError};

/// Rows of a page.
const ROWS_SHOWN: usize = 30;
/// Modules of white around a symbol (ISO/IEC 18004 asks for 4).
const QUIET_MODULES: u32 = 4;
/// Pixels of one module in a PNG.
const MODULE_PIXELS: u32 = 12;
/// Minutes a dynamic code lasts unless chosen otherwise.
const MINUTES_USUAL: u32 = 15;
/// Minutes to choose from.
const MINUTES: [u32; 4] = [5, 15, 60, 240];

/// A code of either kind.
enum Code {
    Dynamic(Box<Payment>),
    Static(StaticCode),
}

impl Code {
    fn dynamic(payment: Payment) -> Code {
        Code::Dynamic(Box::new(payment))
    }

    fn id(&self) -> CodeId {
        match self {
            Code::Dynamic(payment) => payment.code(),
            Code::Static(code) => code.id,
        }
    }

    fn kind(&self) -> CodeKindShown {
        match self {
            Code::Dynamic(_) => CodeKindShown::Dynamic,
            Code::Static(_) => CodeKindShown::Static,
        }
    }

    /// What it is for: order line, or the name the shop gave it.
    fn label(&self) -> String {
        match self {
            Code::Dynamic(payment) => {
                payment.description.clone().or_else(|| payment.reference.clone()).unwrap_or_default()
            }
            Code::Static(code) => code.name.clone(),
        }
    }

    fn amount(&self) -> Option<Money> {
        match self {
            Code::Dynamic(payment) => Some(payment.amount),
            Code::Static(_) => None,
        }
    }

    fn shown(&self, now: base::Timestamp) -> CodeShown {
        match self {
            Code::Static(code) if code.revoked_at.is_some() => CodeShown::Withdrawn,
            Code::Static(_) => CodeShown::Open,
            Code::Dynamic(payment) => match payment.state_at(now) {
                State::Waiting => CodeShown::Open,
                State::Expired => CodeShown::Expired,
                State::Cancelled => CodeShown::Withdrawn,
                _ => CodeShown::Used,
            },
        }
    }

    fn token(&self, desk: &Desk) -> Result<CodeToken, ApiError> {
        let claims = match self {
            Code::Dynamic(payment) => claims_of(payment),
            Code::Static(code) => claims_of_static(code),
        };
        CodeToken::issue(&desk.context.code_key(), &claims).map_err(ApiError::internal)
    }
}

fn unknown() -> ApiError {
    ApiError::not_found("code does not exist")
}

fn code_id(text: &str) -> Result<CodeId, ApiError> {
    text.parse().map_err(|_| unknown())
}

/// A code of the member's shop.
fn find_own(tx: &mut Tx<'_>, member: &Member<'_>, id: CodeId) -> Result<Code, ApiError> {
    member.allow(Permission::ViewPayments, id.shop())?;
    if let Some(code) = rows::find_code(tx, id)? {
        return Ok(Code::Static(code));
    }
    let payment = payment_of(id).map_or(Ok(None), |id| rows::find_payment(tx, id))?;
    payment.filter(|payment| payment.origin == Origin::Dynamic).map(Code::dynamic).ok_or_else(unknown)
}

/// Shows all codes, newest first.
pub(super) async fn list_codes(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&desk, &visit, Permission::ViewPayments, |tx, member| {
        let page = member.frame(tx)?;
        let before = member.visit.query("cursor").filter(|cursor| CodeId::from_short(cursor).is_some());
        let mut found = list_both(tx, member, before.as_deref())?;
        let more = found.len() > ROWS_SHOWN;
        found.truncate(ROWS_SHOWN);
        let next = found.last().filter(|_| more).map(|last| page.href_with("cursor", last.id().short()));
        let first_href = if before.is_some() { page.href_with("cursor", "") } else { String::new() };
        let pager = Pager { shown: found.len(), first_href, next_href: next.unwrap_or_default() };
        let rows = found.iter().map(|code| row_of(tx, member, code)).collect::<Result<_, ApiError>>()?;
        let new_href = if member.can(Permission::ManageCodes) { "/desk/codes/new" } else { "" };
        Ok(CodesPage { page, rows, pager, new_href: new_href.to_owned() })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// Printed codes and those of payments in one order: the ids of both begin with shop and time.
fn list_both(tx: &mut Tx<'_>, member: &Member<'_>, before: Option<&str>) -> Result<Vec<Code>, ApiError> {
    let (shop, limit) = (member.shop.id, ROWS_SHOWN as i64 + 1);
    let fixed = rows::list_codes(tx, shop, before, limit)?.into_iter().map(Code::Static);
    let dynamic = rows::list_dynamic_payments(tx, shop, before, limit)?.into_iter().map(Code::dynamic);
    let mut both: Vec<Code> = fixed.chain(dynamic).collect();
    both.sort_by(|a, b| b.id().short().cmp(a.id().short()));
    Ok(both)
}

fn row_of(tx: &mut Tx<'_>, member: &Member<'_>, code: &Code) -> Result<CodeRow, ApiError> {
    let (at, payments) = match code {
        Code::Static(fixed) => (fixed.created_at, rows::count_code_payments(tx, fixed.id)?),
        Code::Dynamic(payment) => (payment.created_at, u64::from(payment.stored_state.has_moved_money())),
    };
    Ok(CodeRow {
        id: code.id().to_string(),
        href: format!("/desk/codes/{}", code.id()),
        kind: code.kind(),
        label: code.label(),
        amount: code.amount(),
        state: code.shown(member.means.now),
        at,
        payments,
    })
}

/// What a code is to be, as typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    kind: String,
    amount: String,
    order_line: String,
    order_reference: String,
    #[serde(default)]
    terminal: String,
    minutes: String,
}

/// Shows the form for a code.
pub(super) async fn show_new_code(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let empty = CodeForm {
        kind: visit.query("kind").unwrap_or_else(|| "dynamic".to_owned()),
        amount: String::new(),
        order_line: String::new(),
        order_reference: String::new(),
        terminal: String::new(),
        minutes: MINUTES_USUAL.to_string(),
    };
    form_page(&desk, &visit, StatusCode::OK, empty, Problems::none()).await
}

async fn form_page(
    desk: &Desk,
    visit: &Visit,
    status: StatusCode,
    typed: CodeForm,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(desk, visit, Permission::ManageCodes, move |tx, member| {
        let page = member.frame(tx)?;
        let tills = rows::list_terminals(tx, member.shop.id)?;
        let mut terminals: Vec<Choice> =
            tills.into_iter().map(|till| Choice::new(&till.id.to_string(), till.name)).collect();
        if !terminals.is_empty() {
            terminals.insert(0, Choice::new("", "–".to_owned()));
        }
        Ok(CodeNewPage {
            page,
            kind: typed.kind,
            currency: member.shop.currency.to_string(),
            amount_typed: typed.amount,
            order_line_typed: typed.order_line,
            order_reference_typed: typed.order_reference,
            terminal: typed.terminal,
            terminals,
            minutes: typed.minutes.parse().unwrap_or(MINUTES_USUAL),
            problems,
            action_href: "/desk/codes".to_owned(),
        })
    });
    Ok(show(status, &view.await?))
}

/// A code to be made, checked.
#[derive(Clone)]
enum Draft {
    Dynamic(NewPayment),
    Static(ShortText, Option<TerminalId>),
}

impl CodeForm {
    fn parse(&self, page: &Frame, currency: base::Currency) -> Result<Draft, Problems> {
        let mut problems = Problems::none();
        let terminal = match self.terminal.as_str() {
            "" => None,
            text => {
                let id = text.parse::<TerminalId>().ok();
                if id.is_none() {
                    problems.add("terminal", page.t("problem-choice"));
                }
                id
            }
        };
        let draft = match self.kind.as_str() {
            "static" => self.fixed(page, &mut problems).map(|name| Draft::Static(name, terminal)),
            _ => self.dynamic(page, &mut problems, currency, terminal).map(Draft::Dynamic),
        };
        draft.filter(|_| problems.is_empty()).ok_or(problems)
    }

    fn fixed(&self, page: &Frame, problems: &mut Problems) -> Option<ShortText> {
        let name = ShortText::parse(&self.order_line, NAME_CHARS_MAX);
        let worded = name.map_err(|why| match why {
            TextError::Empty => page.t("problem-code-name"),
            other => text_problem(page, other),
        });
        worded.map_err(|problem| problems.add("order_line", problem)).ok()
    }

    fn dynamic(
        &self,
        page: &Frame,
        problems: &mut Problems,
        currency: base::Currency,
        terminal: Option<TerminalId>,
    ) -> Option<NewPayment> {
        let amount = typed_amount(&self.amount, currency);
        if amount.is_none() {
            problems.add("amount", page.t("problem-amount"));
        }
        let mut words = |field: &str, text: &str, chars_max: usize| match text.trim() {
            "" => None,
            text => ShortText::parse(text, chars_max)
                .map_err(|why| problems.add(field, text_problem(page, why)))
                .ok(),
        };
        let description = words("order_line", &self.order_line, DESCRIPTION_CHARS_MAX);
        let reference = words("order_reference", &self.order_reference, REFERENCE_CHARS_MAX);
        let minutes = self.minutes.parse::<u32>().ok().filter(|minutes| MINUTES.contains(minutes));
        if minutes.is_none() {
            problems.add("minutes", page.t("problem-choice"));
        }
        let purpose = Purpose::Amount { amount: amount?, reference, description };
        NewPayment::new(purpose, terminal, Some(i64::from(minutes?) * 60)).ok()
    }
}

fn text_problem(page: &Frame, why: TextError) -> String {
    match why {
        TextError::Empty => page.t("problem-empty"),
        TextError::TooLong(_) => page.t("problem-long"),
        TextError::Characters => page.t("problem-characters"),
        TextError::CardNumber => page.t("problem-card-number"),
    }
}

/// Makes a code and shows it.
pub(super) async fn create_code(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<CodeForm>(Side::Member, &incoming)?;
    let form = posted.form;
    let shop = read_as(&desk, &visit, Permission::ManageCodes, |_, member| Ok(member.shop.clone())).await?;
    let page = visit.frame(&desk.hall, Side::Member, webkit::page::Zone::default());
    match form.parse(&page, shop.currency) {
        Ok(draft) => make(&desk, &visit, posted.once, draft).await,
        Err(problems) => form_page(&desk, &visit, StatusCode::UNPROCESSABLE_ENTITY, form, problems).await,
    }
}

async fn make(desk: &Desk, visit: &Visit, once: Once, draft: Draft) -> Result<Response, ApiError> {
    let made = write_as(desk, visit, Permission::ManageCodes, once, vec![], move |tx, member| {
        let id = match &draft {
            Draft::Dynamic(new) => {
                let payment = create::create_payment(tx, &member.means, member.shop.id, new);
                let payment = payment.map_err(errors::of_create)?;
                member.desk.context.publish(tx, &payment);
                payment.code()
            }
            Draft::Static(name, terminal) => {
                check_till(tx, member, *terminal)?;
                code::create_code(tx, &member.means, &member.audit(), &member.shop, name, *terminal)?.id
            }
        };
        Ok((format!("/desk/codes/{id}"), ()))
    });
    Ok(go(&made.await?.0))
}

fn check_till(tx: &mut Tx<'_>, member: &Member<'_>, terminal: Option<TerminalId>) -> Result<(), ApiError> {
    let Some(id) = terminal else { return Ok(()) };
    let own = id.shop() == member.shop.id && rows::find_terminal(tx, id)?.is_some();
    if own { Ok(()) } else { Err(ApiError::bad_field("terminal", "terminal does not exist")) }
}

/// Shows a code, large.
pub(super) async fn show_code(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = code_id(&id)?;
    let view = read_as(&desk, &visit, Permission::ViewPayments, move |tx, member| {
        let code = find_own(tx, member, id)?;
        let page = member.frame(tx)?;
        fill(tx, member, page, &code)
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn fill(tx: &mut Tx<'_>, member: &Member<'_>, mut page: Frame, code: &Code) -> Result<CodePage, ApiError> {
    let path = format!("/desk/codes/{}", code.id());
    let open = code.shown(member.means.now) == CodeShown::Open;
    let (mut qr, mut url, mut emv) = (Html::default(), String::new(), String::new());
    let undecided = match code {
        Code::Dynamic(payment) => {
            matches!(payment.state_at(member.means.now), State::Paused | State::InReview)
        }
        Code::Static(_) => false,
    };
    if open || undecided {
        page.live = format!("{path}/live");
    }
    if open {
        let token = code.token(member.desk)?;
        url = token.url(member.desk.context.public_url());
        qr = Html::from_trusted(draw(&url, Level::M, &page.t1("code-title", "shop", &member.shop.name))?);
        let payment = match code {
            Code::Dynamic(payment) => Some(payment.as_ref()),
            Code::Static(_) => None,
        };
        emv =
            emv_payload(&member.shop, payment, &token, member.desk.context.public_url()).unwrap_or_default();
    }
    let may_withdraw = match code {
        Code::Dynamic(_) => member.can(Permission::SettlePayments),
        Code::Static(_) => member.can(Permission::ManageCodes),
    };
    Ok(CodePage {
        id: code.id().to_string(),
        kind: code.kind(),
        qr,
        url,
        shop: member.shop.name.clone(),
        label: code.label(),
        amount: code.amount(),
        state: standing(tx, member, code)?,
        emv,
        svg_href: format!("{path}/image.svg"),
        png_href: format!("{path}/image.png"),
        print_href: format!("{path}/print"),
        withdraw_href: if open && may_withdraw { format!("{path}/withdraw") } else { String::new() },
        page,
    })
}

fn standing(tx: &mut Tx<'_>, member: &Member<'_>, code: &Code) -> Result<CodeState, ApiError> {
    match code {
        Code::Dynamic(payment) => state_of(tx, member, payment),
        Code::Static(_) => Ok(CodeState {
            state: code.shown(member.means.now),
            scanned: false,
            expires_at: None,
            payer: String::new(),
            payment_href: String::new(),
        }),
    }
}

/// What is told of a code while `payment` is made with it.
pub(super) fn state_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    payment: &Payment,
) -> Result<CodeState, ApiError> {
    let state = payment.state_at(member.means.now);
    let fixed = payment.origin != Origin::Dynamic;
    let payer = if state.has_moved_money() { payment.buyer } else { None };
    let shown = if fixed { CodeShown::Open } else { Code::dynamic(payment.clone()).shown(member.means.now) };
    Ok(CodeState {
        state: shown,
        scanned: payment.scanned_at.is_some() && state == State::Waiting,
        expires_at: (!fixed && state == State::Waiting).then_some(payment.expires_at),
        payer: payer_name(tx, member.means.vault, payer)?,
        payment_href: format!("/desk/payments/{}", payment.id),
    })
}

fn draw(url: &str, level: Level, title: &str) -> Result<String, ApiError> {
    let symbol = Symbol::encode(url, level).map_err(ApiError::internal)?;
    symbol.to_svg(QUIET_MODULES, title).map_err(ApiError::internal)
}

/// Shows a code as a sheet to print.
pub(super) async fn print_code(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = code_id(&id)?;
    let view = read_as(&desk, &visit, Permission::ViewPayments, move |tx, member| {
        let code = find_open(tx, member, id)?;
        let page = member.bare_frame();
        let url = code.token(member.desk)?.url(member.desk.context.public_url());
        let title = page.t1("code-title", "shop", &member.shop.name);
        Ok(CodePrintPage {
            page,
            qr: Html::from_trusted(draw(&url, Level::H, &title)?),
            shop: member.shop.name.clone(),
            verified: false,
            label: code.label(),
            amount: code.amount(),
            id: code.id().to_string(),
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// A code that can be paid: nothing else is worth an image.
fn find_open(tx: &mut Tx<'_>, member: &Member<'_>, id: CodeId) -> Result<Code, ApiError> {
    let code = find_own(tx, member, id)?;
    if code.shown(member.means.now) == CodeShown::Open { Ok(code) } else { Err(unknown()) }
}

/// Which image of a code.
#[derive(Clone, Copy)]
enum Image {
    Svg,
    Png,
}

/// The image of a code as SVG.
pub(super) async fn find_svg(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    image(&desk, &visit, &id, Image::Svg).await
}

/// The image of a code as PNG.
pub(super) async fn find_png(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    image(&desk, &visit, &id, Image::Png).await
}

async fn image(desk: &Desk, visit: &Visit, id: &str, image: Image) -> Result<Response, ApiError> {
    let id = code_id(id)?;
    let level = if visit.query("level").as_deref() == Some("H") { Level::H } else { Level::M };
    let drawn = read_as(desk, visit, Permission::ViewPayments, move |tx, member| {
        let code = find_open(tx, member, id)?;
        let url = code.token(member.desk)?.url(member.desk.context.public_url());
        let symbol = Symbol::encode(&url, level).map_err(ApiError::internal)?;
        match image {
            Image::Svg => symbol.to_svg(QUIET_MODULES, &member.shop.name).map(String::into_bytes),
            Image::Png => symbol.to_png(QUIET_MODULES, MODULE_PIXELS),
        }
        .map_err(ApiError::internal)
    });
    let kind = match image {
        Image::Svg => "image/svg+xml",
        Image::Png => "image/png",
    };
    let mut answer = drawn.await?.into_response();
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(answer)
}

/// Takes a code back: nobody can pay with it any more.
pub(super) async fn withdraw_code(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = code_id(&id)?;
    let once = visit.read::<Button>(Side::Member, &incoming)?.once;
    let done = write_as(&desk, &visit, Permission::ManageCodes, once, vec![], move |tx, member| {
        match find_own(tx, member, id)? {
            Code::Static(code) => {
                code::revoke_code(tx, &member.means, &member.audit(), code.id)?;
            }
            Code::Dynamic(payment) => {
                member.allow(Permission::SettlePayments, id.shop())?;
                let taken =
                    create::cancel_payment(tx, &member.means, &member.audit(), payment.id, &member.from);
                member.desk.context.publish(tx, &taken.map_err(errors::of_create)?);
            }
        }
        Ok((format!("/desk/codes/{id}"), ()))
    });
    Ok(go(&done.await?.0))
}
