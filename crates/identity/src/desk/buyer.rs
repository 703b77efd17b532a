//! Buyers at the door: sign-in with a code, sign-up, sign-out.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::SessionId;
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, show};

use super::form::{Button, go};
use super::hall::Hall;
use super::visit::{
    BUYER, BUYER_KEPT, DEVICE, KEEP, PENDING, Side, Visit, add_cookie, admit_payer, find_payer, shown_device,
    with_next,
};
use super::words::{masked_contact, text_problem};
use crate::buyers::SignUp;
use crate::codes::{self, CodeCheck, Knock, OneTimeCode, SignedIn};
use crate::pages::entry::{BuyerCodePage, BuyerKnownPage, BuyerNewPage, BuyerSignInPage};
use crate::phone::Contact;
use crate::pin::Pin;
use crate::sessions::end_session;
use crate::sign_in::PendingSignIn;
use crate::text::PersonName;

/// Where a buyer goes who came for nothing in particular.
pub(super) const HOME: &str = "/me";
/// Where a sign-up is told that the contact had an account.
const KNOWN: &str = "/me/known";

/// Asks who is paying.
pub(super) async fn show_sign_in(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    let signed_in = hall.db().read(move |tx| Ok::<_, ApiError>(find_payer(tx, &cx, &asker)?.is_some()));
    if signed_in.await? {
        return Ok(go(&visit.next(HOME)));
    }
    let problems = super::passkeys::refusal(&hall, &visit);
    sign_in_page(&hall, &visit, StatusCode::OK, String::new(), problems).await
}

async fn sign_in_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    contact_typed: String,
    problems: Problems,
) -> Result<Response, ApiError> {
    let next = visit.next(HOME);
    let (cx, path) = (hall.clone(), next.clone());
    let errand = hall.db().read(move |tx| cx.trade().find_errand(tx, &path));
    let (shop, amount) = errand.await?.map(|errand| (errand.shop, errand.amount)).unzip();
    let view = BuyerSignInPage {
        page: visit.buyer_frame(hall),
        shop: shop.unwrap_or_default(),
        amount,
        contact_typed,
        takes_numbers: hall.identity.sends_texts,
        problems,
        action_href: with_next("/me/sign-in", &next),
        new_href: with_next("/me/new", &next),
        passkey_href: "/me/sign-in/passkey".to_owned(),
        passkey_next: next,
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
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<SignInForm>(Side::Buyer, &incoming)?;
    visit.knock(&hall)?;
    let Ok(contact) = Contact::parse_reachable(&posted.form.contact, hall.identity.sends_texts) else {
        let mut problems = Problems::none();
        problems.add("contact", visit.buyer_frame(&hall).t(contact_problem(&hall)));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return sign_in_page(&hall, &visit, status, posted.form.contact, problems).await;
    };
    let (cx, asker, once, typed) = (hall.clone(), visit.clone(), posted.once, posted.form.contact);
    let asked = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let means = cx.identity.means(asker.now);
            let origin = asker.origin();
            let from = Knock { origin: &origin, host: cx.identity.host(), device: asker.device.as_ref() };
            let asked = codes::request_sign_in(tx, &means, &contact, asker.browser.lang, from)?;
            Ok((asked.request.to_string(), ()))
        })
    });
    let sent = Sent { request: asked.await?.0, contact: typed, is_sign_up: false };
    Ok(sent.page(&hall, &visit, StatusCode::OK, Problems::none()))
}

/// A code that is on its way.
struct Sent {
    request: String,
    contact: String,
    is_sign_up: bool,
}

impl Sent {
    fn page(self, hall: &Hall, visit: &Visit, status: StatusCode, problems: Problems) -> Response {
        let next = visit.next(HOME);
        let again = if self.is_sign_up || self.contact.is_empty() {
            String::new()
        } else {
            with_next("/me/sign-in", &next)
        };
        let door = if self.is_sign_up { "/me/new" } else { "/me/sign-in" };
        let mut page = visit.buyer_frame(hall);
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
pub(super) async fn show_sign_up(Shared(hall): Shared<Hall>, visit: Visit) -> Response {
    sign_up_page(&hall, &visit, StatusCode::OK, SignUpForm::default(), Problems::none())
}

fn sign_up_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    typed: SignUpForm,
    problems: Problems,
) -> Response {
    let next = visit.next(HOME);
    let view = BuyerNewPage {
        page: visit.buyer_frame(hall),
        contact_typed: typed.contact,
        takes_numbers: hall.identity.sends_texts,
        name_typed: typed.name,
        problems,
        action_href: with_next("/me/new", &next),
        sign_in_href: with_next("/me/sign-in", &next),
    };
    show(status, &view)
}

/// What is said of a contact that cannot be written to.
pub(super) fn contact_problem(hall: &Hall) -> &'static str {
    if hall.identity.sends_texts { "problem-contact" } else { "problem-email" }
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
    fn parse(&self, hall: &Hall, page: &Frame) -> Result<SignUp, Problems> {
        let mut problems = Problems::none();
        let contact = Contact::parse_reachable(&self.contact, hall.identity.sends_texts)
            .map_err(|_| problems.add("contact", page.t(contact_problem(hall))));
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

/// Takes a sign-up and sends a code to its address.
pub(super) async fn request_sign_up(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<SignUpForm>(Side::Buyer, &incoming)?;
    visit.knock(&hall)?;
    let sign_up = match posted.form.parse(&hall, &visit.buyer_frame(&hall)) {
        Ok(sign_up) => sign_up,
        Err(problems) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(sign_up_page(&hall, &visit, status, posted.form, problems));
        }
    };
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let asked = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let means = cx.identity.means(asker.now);
            let origin = asker.origin();
            let from = Knock { origin: &origin, host: cx.identity.host(), device: None };
            let asked = codes::request_sign_up(tx, &means, &sign_up, from)?;
            Ok((asked.request.to_string(), ()))
        })
    });
    let sent = Sent { request: asked.await?.0, contact: posted.form.contact, is_sign_up: true };
    Ok(sent.page(&hall, &visit, StatusCode::OK, Problems::none()))
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
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<CodeForm>(Side::Buyer, &incoming)?;
    visit.knock(&hall)?;
    let form = posted.form;
    let page = visit.buyer_frame(&hall);
    let (Ok(request), Ok(code)) = (form.challenge.parse::<SessionId>(), OneTimeCode::parse(&form.code))
    else {
        return Ok(form.again(&hall, &visit, page.t("problem-code")));
    };
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let checked = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let device = shown_device(&asker, Side::Buyer);
            let means = cx.identity.means(asker.now);
            Ok(match codes::verify_code(tx, &means, request, &code, &device)? {
                CodeCheck::Right(signed_in) if signed_in.is_new => ("new".to_owned(), Let::In(signed_in)),
                CodeCheck::Right(signed_in) => ("right".to_owned(), Let::In(signed_in)),
                CodeCheck::SecondStep(pending) => ("step".to_owned(), Let::Step(pending)),
                CodeCheck::Wrong { left } => (left.to_string(), Let::Out),
                CodeCheck::Gone => ("gone".to_owned(), Let::Out),
            })
        })
    });
    let (word, entered) = checked.await?;
    match (word.as_str(), word.parse::<i64>()) {
        ("new", _) => Ok(form.welcome(&visit, visit.next(HOME), entered)),
        ("right", _) => Ok(form.welcome(&visit, form.next(&visit), entered)),
        ("step", _) => Ok(second_step(&visit, &form.next(&visit), entered)),
        (_, Ok(left)) if left > 0 => {
            Ok(form.again(&hall, &visit, page.t1("problem-code-wrong", "left", left)))
        }
        _ => Ok(form.again(&hall, &visit, page.t("problem-code-gone"))),
    }
}

impl CodeForm {
    fn again(self, hall: &Hall, visit: &Visit, problem: String) -> Response {
        let mut problems = Problems::none();
        problems.add("code", problem);
        let is_sign_up = !self.is_sign_up.is_empty();
        let sent = Sent { request: self.challenge, contact: self.contact, is_sign_up };
        sent.page(hall, visit, StatusCode::FORBIDDEN, problems)
    }

    /// Where somebody goes whose account was there before: whoever signed up is told so first, now that the code proved the
    /// contact to be theirs, since the PIN they have just chosen is not the account's.
    fn next(&self, visit: &Visit) -> String {
        let next = visit.next(HOME);
        if self.is_sign_up.is_empty() { next } else { with_next(KNOWN, &next) }
    }

    /// On with the session. A second submit finds the first one's cookies.
    fn welcome(&self, visit: &Visit, next: String, entered: Option<Let>) -> Response {
        let mut answer = go(&next);
        if let Some(Let::In(signed_in)) = entered {
            welcome(&mut answer, visit, &signed_in, !self.remember.is_empty());
        }
        answer
    }
}

/// Says to whoever signed up with a contact that has an account that this is the account, and its PIN the one from before.
pub(super) async fn show_known(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    hall.db().read(move |tx| admit_payer(tx, &cx, &asker).map(|_| ())).await?;
    let next_href = visit.next(HOME);
    let forgot_href = with_next("/me/pin/forgot", &next_href);
    let view = BuyerKnownPage { page: visit.buyer_frame(&hall), next_href, forgot_href };
    Ok(show(StatusCode::OK, &view))
}

/// What a code let its buyer into.
enum Let {
    In(Box<SignedIn>),
    Step(PendingSignIn),
    Out,
}

/// To the second step. A second submit finds the first one's cookie.
fn second_step(visit: &Visit, next: &str, entered: Option<Let>) -> Response {
    let mut answer = go(&with_next("/me/step", next));
    if let Some(Let::Step(pending)) = entered {
        add_cookie(&mut answer, PENDING.set(pending.token.secret().expose(), visit.browser.secure));
    }
    answer
}

/// Gives the browser its session, and the name of its device where it is to be remembered.
pub(super) fn welcome(answer: &mut Response, visit: &Visit, signed_in: &SignedIn, remembered: bool) {
    let secure = visit.browser.secure;
    let session = if remembered { BUYER_KEPT } else { BUYER };
    add_cookie(answer, session.set(signed_in.session.token.secret().expose(), secure));
    if remembered {
        add_cookie(answer, DEVICE.set(signed_in.device_token.reveal().expose(), secure));
        add_cookie(answer, KEEP.set("1", secure));
    } else {
        add_cookie(answer, KEEP.clear(secure));
    }
}

/// Signs the buyer out of this session. The device stays known.
pub(super) async fn sign_out(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let _asked = visit.read::<Button>(Side::Buyer, &incoming)?;
    if let Some(token) = visit.buyer.clone() {
        let (cx, now) = (hall.identity.clone(), visit.now);
        hall.db().write(move |tx| end_session(tx, &cx.means(now), &token)).await.map_err(ApiError::from)?;
    }
    let mut answer = go("/");
    add_cookie(&mut answer, BUYER.clear(visit.browser.secure));
    add_cookie(&mut answer, KEEP.clear(visit.browser.secure));
    Ok(answer)
}
