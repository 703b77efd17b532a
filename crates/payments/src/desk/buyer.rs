//! Buyers at the door: sign-in with a code, sign-up, coming back after a while, own payments, sign-out.

use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base::{Money, SessionId};
use identity::{
    CodeCheck, Email, OneTimeCode, PersonName, Pin, PinCheck, ShownDevice, SignUp, SignedIn, TextError,
};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, show};

use super::Desk;
use super::form::{Button, go};
use super::paying::Wrong;
use super::visit::{BUYER, BUYER_KEPT, DEVICE, Payer, Side, Visit, admit_payer, find_payer, with_next};
use super::words::{masked_contact, payer_name, shown};
use crate::balance::find_balance;
use crate::pages::notice::{NoticeKind, NoticePage};
use crate::pages::pay::{
    BuyerCodePage, BuyerNewPage, BuyerSignInPage, OwnPayment, OwnPaymentsPage, WakePage,
};
use crate::store as rows;

/// Where a buyer goes who came for nothing in particular.
const HOME: &str = "/me";
/// Most payments in a buyer's own list.
const OWN_PAYMENTS_MAX: i64 = 50;

/// Asks who is paying.
pub(super) async fn show_sign_in(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let (cx, asker) = (desk.clone(), visit.clone());
    let signed_in = desk.db().read(move |tx| Ok::<_, ApiError>(find_payer(tx, &cx, &asker)?.is_some()));
    if signed_in.await? {
        return Ok(go(&visit.next(HOME)));
    }
    sign_in_page(&desk, &visit, StatusCode::OK, String::new(), Problems::none()).await
}

async fn sign_in_page(
    desk: &Desk,
    visit: &Visit,
    status: StatusCode,
    contact_typed: String,
    problems: Problems,
) -> Result<Response, ApiError> {
    let next = visit.next(HOME);
    let paid = next.strip_prefix("/pay/").and_then(|id| id.parse().ok());
    let about = desk.db().read(move |tx| {
        let payment = paid.map_or(Ok(None), |id| rows::find_payment(tx, id))?;
        let Some(payment) = payment.filter(|payment| payment.buyer.is_none()) else { return Ok(None) };
        let payee = super::words::find_payee(tx, base::ScopedId::shop(&payment.id))?;
        Ok::<_, ApiError>(Some((payee.shop.name, payment.amount)))
    });
    let (shop, amount) = about.await?.unzip();
    let view = BuyerSignInPage {
        page: visit.buyer_frame(desk),
        shop: shop.unwrap_or_default(),
        amount,
        contact_typed,
        problems,
        action_href: with_next("/me/sign-in", &next),
        new_href: with_next("/me/new", &next),
    };
    Ok(show(status, &view))
}

/// The address a code goes to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInForm {
    contact: String,
}

/// Sends a code to an address that has an account. The answer does not tell whether it has.
pub(super) async fn request_sign_in(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<SignInForm>(Side::Buyer, &incoming)?;
    visit.knock(&desk)?;
    let Ok(contact) = Email::parse(&posted.form.contact) else {
        let mut problems = Problems::none();
        problems.add("contact", visit.buyer_frame(&desk).t("problem-email"));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return sign_in_page(&desk, &visit, status, posted.form.contact, problems).await;
    };
    let (cx, asker, once, typed) = (desk.clone(), visit.clone(), posted.once, posted.form.contact);
    let asked = desk.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let means = cx.identity().means(asker.now);
            let asked = identity::request_sign_in(tx, &means, &contact, asker.browser.lang, &asker.origin())?;
            Ok((asked.request.to_string(), ()))
        })
    });
    let sent = Sent { request: asked.await?.0, contact: typed, is_sign_up: false };
    Ok(sent.page(&desk, &visit, StatusCode::OK, Problems::none()))
}

/// A code that is on its way.
struct Sent {
    request: String,
    contact: String,
    is_sign_up: bool,
}

impl Sent {
    fn page(self, desk: &Desk, visit: &Visit, status: StatusCode, problems: Problems) -> Response {
        let next = visit.next(HOME);
        let again = if self.is_sign_up || self.contact.is_empty() {
            String::new()
        } else {
            with_next("/me/sign-in", &next)
        };
        let door = if self.is_sign_up { "/me/new" } else { "/me/sign-in" };
        let mut page = visit.buyer_frame(desk);
        // The language switch is a link; it leads back to where the address was typed.
        page.path = with_next(door, &next);
        let view = BuyerCodePage {
            page,
            contact_masked: masked_contact(&self.contact),
            contact: self.contact,
            is_sign_up: self.is_sign_up,
            challenge: self.request,
            problems,
            action_href: with_next("/me/code", &next),
            again_href: again,
            other_href: with_next(door, &next),
        };
        show(status, &view)
    }
}

/// Shows the form for a new account.
pub(super) async fn show_sign_up(Shared(desk): Shared<Desk>, visit: Visit) -> Response {
    sign_up_page(&desk, &visit, StatusCode::OK, SignUpForm::default(), Problems::none())
}

fn sign_up_page(
    desk: &Desk,
    visit: &Visit,
    status: StatusCode,
    typed: SignUpForm,
    problems: Problems,
) -> Response {
    let next = visit.next(HOME);
    let view = BuyerNewPage {
        page: visit.buyer_frame(desk),
        contact_typed: typed.contact,
        name_typed: typed.name,
        problems,
        action_href: with_next("/me/new", &next),
        sign_in_href: with_next("/me/sign-in", &next),
    };
    show(status, &view)
}

/// Who wants an account.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignUpForm {
    contact: String,
    name: String,
    pin: String,
    pin_again: String,
}

impl SignUpForm {
    fn parse(&self, page: &Frame) -> Result<SignUp, Problems> {
        let mut problems = Problems::none();
        let contact =
            Email::parse(&self.contact).map_err(|_| problems.add("contact", page.t("problem-email")));
        let name = PersonName::parse(&self.name).map_err(|why| problems.add("name", text_problem(page, why)));
        let pin = Pin::parse(&self.pin).map_err(|_| problems.add("pin", page.t("problem-pin")));
        if self.pin != self.pin_again {
            problems.add("pin_again", page.t("problem-pin-again"));
        }
        let (Ok(contact), Ok(name), Ok(pin), true) = (contact, name, pin, problems.is_empty()) else {
            return Err(problems);
        };
        SignUp::new(name, contact, pin, page.lang).map_err(|_| {
            problems.add("pin", page.t("problem-pin-weak"));
            problems
        })
    }
}

/// Why a text was refused, in the visitor's words.
pub(super) fn text_problem(page: &Frame, why: TextError) -> String {
    match why {
        TextError::Empty => page.t("problem-empty"),
        TextError::TooLong { .. } => page.t("problem-long"),
        TextError::Invisible => page.t("problem-characters"),
        TextError::NotEmail => page.t("problem-email"),
        TextError::NotPhone => page.t("problem-phone"),
    }
}

/// Takes a sign-up and sends a code to its address.
pub(super) async fn request_sign_up(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<SignUpForm>(Side::Buyer, &incoming)?;
    visit.knock(&desk)?;
    let sign_up = match posted.form.parse(&visit.buyer_frame(&desk)) {
        Ok(sign_up) => sign_up,
        Err(problems) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(sign_up_page(&desk, &visit, status, posted.form, problems));
        }
    };
    let (cx, asker, once) = (desk.clone(), visit.clone(), posted.once);
    let asked = desk.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let means = cx.identity().means(asker.now);
            let asked = identity::request_sign_up(tx, &means, &sign_up, &asker.origin())?;
            Ok((asked.request.to_string(), ()))
        })
    });
    let sent = Sent { request: asked.await?.0, contact: posted.form.contact, is_sign_up: true };
    Ok(sent.page(&desk, &visit, StatusCode::OK, Problems::none()))
}

/// The code from the mail.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    code: String,
    challenge: String,
    #[serde(default)]
    contact: String,
    #[serde(default)]
    is_sign_up: String,
    #[serde(default)]
    remember: String,
}

/// Checks the code and opens a session.
pub(super) async fn verify_code(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<CodeForm>(Side::Buyer, &incoming)?;
    visit.knock(&desk)?;
    let form = posted.form;
    let page = visit.buyer_frame(&desk);
    let (Ok(request), Ok(code)) = (form.challenge.parse::<SessionId>(), OneTimeCode::parse(&form.code))
    else {
        return Ok(form.again(&desk, &visit, page.t("problem-code")));
    };
    let (cx, asker, once) = (desk.clone(), visit.clone(), posted.once);
    let checked = desk.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let device = ShownDevice { token: asker.device.clone(), label: asker.device_label.clone() };
            let means = cx.identity().means(asker.now);
            Ok(match identity::verify_code(tx, &means, request, &code, &device)? {
                CodeCheck::Right(signed_in) => ("right".to_owned(), Some(signed_in)),
                CodeCheck::Wrong { left } => (left.to_string(), None),
                CodeCheck::Gone => ("gone".to_owned(), None),
            })
        })
    });
    let (word, signed_in) = checked.await?;
    match (word.as_str(), word.parse::<i64>()) {
        ("right", _) => Ok(form.welcome(&visit, signed_in.flatten())),
        (_, Ok(left)) if left > 0 => {
            Ok(form.again(&desk, &visit, page.t1("problem-code-wrong", "left", left)))
        }
        _ => Ok(form.again(&desk, &visit, page.t("problem-code-gone"))),
    }
}

impl CodeForm {
    fn again(self, desk: &Desk, visit: &Visit, problem: String) -> Response {
        let mut problems = Problems::none();
        problems.add("code", problem);
        let is_sign_up = !self.is_sign_up.is_empty();
        let sent = Sent { request: self.challenge, contact: self.contact, is_sign_up };
        sent.page(desk, visit, StatusCode::FORBIDDEN, problems)
    }

    /// Back to where the buyer wanted to go, with the session. A second submit finds the first one's cookies.
    fn welcome(&self, visit: &Visit, signed_in: Option<Box<SignedIn>>) -> Response {
        let mut answer = go(&visit.next(HOME));
        let Some(signed_in) = signed_in else { return answer };
        let secure = visit.browser.secure;
        let remembered = !self.remember.is_empty();
        let session = if remembered { BUYER_KEPT } else { BUYER };
        set(&mut answer, session.set(signed_in.session.token.secret().expose(), secure));
        if remembered {
            set(&mut answer, DEVICE.set(signed_in.device_token.reveal().expose(), secure));
        }
        answer
    }
}

/// Adds a cookie to an answer.
pub(super) fn set(answer: &mut Response, line: HeaderValue) {
    answer.headers_mut().append(header::SET_COOKIE, line);
}

/// Asks for the PIN after a while without use.
pub(super) async fn show_wake(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let (cx, asker) = (desk.clone(), visit.clone());
    let awake = desk.db().read(move |tx| Ok::<_, ApiError>(admit_payer(tx, &cx, &asker)?.session.awake));
    if awake.await? {
        return Ok(go(&visit.next(HOME)));
    }
    Ok(wake_page(&desk, &visit, StatusCode::OK, Wrong::No))
}

fn wake_page(desk: &Desk, visit: &Visit, status: StatusCode, wrong: Wrong) -> Response {
    let page = visit.buyer_frame(desk);
    let action_href = with_next("/me/wake", &visit.next(HOME));
    let sign_out_href = "/me/sign-out".to_owned();
    show(status, &WakePage { wrong: wrong.say(&page), page, action_href, sign_out_href })
}

/// A PIN.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WakeForm {
    pin: String,
}

/// Shows the account again after the right PIN.
pub(super) async fn wake_session(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<WakeForm>(Side::Buyer, &incoming)?;
    let Ok(pin) = Pin::parse(&posted.form.pin) else {
        return Ok(wake_page(&desk, &visit, StatusCode::FORBIDDEN, Wrong::NotSixDigits));
    };
    let (cx, asker, once) = (desk.clone(), visit.clone(), posted.once);
    let checked = desk.db().write(move |tx| {
        let payer = admit_payer(tx, &cx, &asker)?;
        once.run(tx, asker.now, |tx| Ok((check_pin(tx, &payer, &pin)?, ())))
    });
    let (word, _) = checked.await?;
    let notice = |kind| {
        let view = NoticePage { page: visit.buyer_frame(&desk), kind, action_href: String::new() };
        show(StatusCode::FORBIDDEN, &view)
    };
    Ok(match (word.as_str(), word.parse::<i64>()) {
        ("right", _) => go(&visit.next(HOME)),
        (_, Ok(left)) if left > 0 => wake_page(&desk, &visit, StatusCode::FORBIDDEN, Wrong::Pin { left }),
        ("locked" | "0", _) => notice(NoticeKind::PinLocked),
        _ => notice(NoticeKind::Frozen),
    })
}

fn check_pin(tx: &mut Tx<'_>, payer: &Payer<'_>, pin: &Pin) -> Result<String, ApiError> {
    Ok(match identity::verify_pin(tx, &payer.means, payer.session.buyer, pin)? {
        PinCheck::Right => {
            identity::wake_session(tx, payer.token, payer.means.now)?;
            "right".to_owned()
        }
        PinCheck::Wrong { left } => left.to_string(),
        PinCheck::Locked => "locked".to_owned(),
        PinCheck::NotActive => "frozen".to_owned(),
    })
}

/// Writes down that a session is in use.
pub(super) async fn touch(desk: &Desk, visit: &Visit) -> Result<(), ApiError> {
    let (token, now) = (visit.buyer.clone(), visit.now);
    let touched = desk.db().write(move |tx| match &token {
        Some(token) => identity::touch_session(tx, token, now).map_err(ApiError::from),
        None => Ok(()),
    });
    touched.await
}

/// The buyer's own payments, while the session is awake.
pub(super) async fn list_own_payments(
    Shared(desk): Shared<Desk>,
    visit: Visit,
) -> Result<Response, ApiError> {
    let (cx, asker) = (desk.clone(), visit.clone());
    let found = desk.db().read(move |tx| {
        let payer = admit_payer(tx, &cx, &asker)?;
        if !payer.session.awake {
            return Ok(None);
        }
        let page = asker.buyer_frame(&cx);
        Ok::<_, ApiError>(Some((fill_own(tx, &payer, page)?, payer.session.touch_due)))
    });
    let Some((view, touch_due)) = found.await? else { return Ok(go(&with_next("/me/wake", HOME))) };
    if touch_due {
        touch(&desk, &visit).await?;
    }
    Ok(show(StatusCode::OK, &view))
}

fn fill_own(tx: &mut Tx<'_>, payer: &Payer<'_>, page: Frame) -> Result<OwnPaymentsPage, ApiError> {
    let buyer = payer.session.buyer;
    let mut lines = Vec::new();
    let mut currencies = Vec::new();
    for payment in rows::list_buyer_payments(tx, buyer, OWN_PAYMENTS_MAX)? {
        let shop = super::words::find_payee(tx, base::ScopedId::shop(&payment.id))?.shop.name;
        if !currencies.contains(&payment.amount.currency) {
            currencies.push(payment.amount.currency);
        }
        let state = shown(payment.state_at(payer.means.now));
        lines.push(OwnPayment {
            href: format!("/pay/{}", payment.id),
            shop,
            amount: payment.amount,
            at: payment.created_at,
            state,
        });
    }
    let mut balances = Vec::new();
    for currency in currencies {
        balances.push(Money::new(find_balance(tx, buyer, currency)?, currency));
    }
    let who = payer_name(tx, payer.means.vault, Some(buyer))?;
    Ok(OwnPaymentsPage { page, who, balances, rows: lines, sign_out_href: "/me/sign-out".to_owned() })
}

/// Signs the buyer out of this session. The device stays known.
pub(super) async fn sign_out(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let _asked = visit.read::<Button>(Side::Buyer, &incoming)?;
    if let Some(token) = visit.buyer.clone() {
        let (cx, now) = (desk.identity().clone(), visit.now);
        desk.db()
            .write(move |tx| identity::end_session(tx, &cx.means(now), &token))
            .await
            .map_err(ApiError::from)?;
    }
    let mut answer = go("/");
    set(&mut answer, BUYER.clear(visit.browser.secure));
    Ok(answer)
}
