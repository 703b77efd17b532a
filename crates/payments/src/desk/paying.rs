//! The buyer's way from the scan to the result: pay page, PIN, "is this you?", waiting.

use std::convert::Infallible;

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base::{Money, PaymentId, ScopedId, ShopId, Timestamp};
use identity::desk::{Button, Payer, Side, Visit, Wrong, admit_payer, find_payer, go, payer_name, with_next};
use identity::factors::{has_second_factor, list_factors};
use identity::{FactorKind, Person, Pin};
use risk::Place;
use serde::Deserialize;
use store::Tx;
use tokio::sync::broadcast::error::RecvError;
use webkit::body::Incoming;
use webkit::cookies::{check_form_token, form_token};
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, show};

use super::Desk;
use super::carrying::{Wish, carry};
use super::receipt::show_receipt;
use super::words::{Payee, find_payee, shown, till_name, typed_amount};
use crate::balance::find_balance;
use crate::challenge::Answer;
use crate::code::{ScanError, Scanned, StaticCode, mark_scanned, scan_code as follow_code};
use crate::code_token::{CodeToken, CodeTokenError};
use crate::confirm::Confirm;
use crate::confirmation::Nonce;
use crate::create;
use crate::limits::DESCRIPTION_CHARS_MAX;
use crate::pages::notice::NoticeKind;
use crate::pages::pay::{ChallengePage, PayAmountPage, PayPage, PinPage, WaitPage};
use crate::payment::{Payment, State};
use crate::place::parse_typed;
use crate::routes::errors;
use crate::store as rows;
use crate::text::ShortText;

const NONCE_BYTES: usize = 16;
/// How often a waiting page without script loads anew, seconds.
const REFRESH_SECONDS: u32 = 5;

/// What a scanned address led to.
enum Opened {
    Payment(Box<(Payment, Payee, PayerLine)>),
    Amount(Box<(StaticCode, Payee, String)>),
    Own(PaymentId),
    Refused(NoticeKind),
}

/// Who is signed in, as far as the page may show it.
#[derive(Default)]
struct PayerLine {
    name: String,
    balance: Option<Money>,
    till: String,
}

/// Opens what a scanned code leads to: the pay page, the entry of an amount, or why it cannot be paid.
pub(super) async fn scan_code(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(text): Path<String>,
) -> Result<Response, ApiError> {
    let opened = match CodeToken::parse(&text) {
        Ok(token) => open_code(&desk, &visit, token).await?,
        Err(_) => Opened::Refused(NoticeKind::CodeUnreadable),
    };
    Ok(match opened {
        Opened::Payment(found) => {
            if found.0.scanned_at.is_none() {
                note_scan(&desk, found.0.id, visit.now).await?;
            }
            show_pay_page(&desk, &visit, &text, *found)
        }
        Opened::Amount(found) => {
            let (code, payee, till) = *found;
            let entry = AmountEntry { text, code, payee, till, typed: AmountForm::default() };
            entry.show(&desk, &visit, StatusCode::OK, Problems::none())
        }
        Opened::Own(id) => go(&format!("/pay/{id}")),
        Opened::Refused(kind) => refuse(&desk, &visit, kind),
    })
}

async fn open_code(desk: &Desk, visit: &Visit, token: CodeToken) -> Result<Opened, ApiError> {
    let Ok(at) = shop_asked(visit) else { return Ok(Opened::Refused(NoticeKind::CodeOtherShop)) };
    let (cx, asker) = (desk.clone(), visit.clone());
    let opened =
        desk.db().read(move |tx| match follow_code(tx, &cx.context.code_key(), &token, at, asker.now) {
            Ok(Scanned::Payment(payment)) => {
                let payee = find_payee(tx, payment.id.shop())?;
                let line = payer_line(tx, &cx, &asker, &payment)?;
                Ok(Opened::Payment(Box::new((*payment, payee, line))))
            }
            Ok(Scanned::Amount(code)) => {
                let payee = find_payee(tx, code.id.shop())?;
                let till = code.terminal.map_or(Ok(None), |id| rows::find_terminal(tx, id))?;
                let till = till.map_or_else(|| code.name.clone(), |till| till.name);
                Ok(Opened::Amount(Box::new((*code, payee, till))))
            }
            Err(ScanError::Used(payment)) => {
                let payer = find_payer(tx, &cx.hall, &asker)?;
                let own = payer.is_some_and(|payer| payment.buyer == Some(payer.session.buyer));
                Ok(if own { Opened::Own(payment.id) } else { Opened::Refused(NoticeKind::CodeUsed) })
            }
            Err(ScanError::Store(error)) => Err(ApiError::from(error)),
            Err(other) => Ok(Opened::Refused(notice_of(&other))),
        });
    opened.await
}

/// The shop that the payer stands at, where the address says so with `?shop=`: a shop's own page knows.
fn shop_asked(visit: &Visit) -> Result<Option<ShopId>, base::IdError> {
    visit.query("shop").map(|text| text.parse()).transpose()
}

/// The address of a code, with the shop the payer stands at.
fn code_path(visit: &Visit, text: &str, rest: &str) -> String {
    let shop = shop_asked(visit).ok().flatten();
    format!("/p/{text}{rest}{}", shop.map_or_else(String::new, |shop| format!("?shop={shop}")))
}

fn notice_of(error: &ScanError) -> NoticeKind {
    match error {
        ScanError::Token(CodeTokenError::Malformed) => NoticeKind::CodeUnreadable,
        ScanError::Token(CodeTokenError::Altered) | ScanError::Unknown | ScanError::Store(_) => {
            NoticeKind::CodeAltered
        }
        ScanError::Token(CodeTokenError::Expired) => NoticeKind::CodeExpired,
        ScanError::Token(CodeTokenError::OtherShop) => NoticeKind::CodeOtherShop,
        ScanError::Used(_) => NoticeKind::CodeUsed,
        ScanError::Revoked => NoticeKind::CodeWithdrawn,
    }
}

pub(super) fn refuse(desk: &Desk, visit: &Visit, kind: NoticeKind) -> Response {
    let status = match kind {
        NoticeKind::CodeUsed | NoticeKind::CodeExpired | NoticeKind::CodeWithdrawn => StatusCode::GONE,
        NoticeKind::CodeAltered | NoticeKind::CodeUnreadable | NoticeKind::CodeOtherShop => {
            StatusCode::NOT_FOUND
        }
        _ => StatusCode::FORBIDDEN,
    };
    show(status, &kind.page(visit.buyer_frame(&desk.hall), String::new()))
}

/// Name and balance of a payer whose session is awake.
fn payer_line(tx: &mut Tx<'_>, desk: &Desk, visit: &Visit, payment: &Payment) -> Result<PayerLine, ApiError> {
    let till = till_name(tx, payment)?;
    let Some(payer) = find_payer(tx, &desk.hall, visit)?.filter(|payer| payer.session.awake) else {
        return Ok(PayerLine { till, ..PayerLine::default() });
    };
    let (buyer, currency) = (payer.session.buyer, payment.amount.currency);
    let name = payer_name(tx, payer.means.vault, Some(buyer))?;
    let balance = Money::new(find_balance(tx, buyer, currency)?, currency);
    Ok(PayerLine { name, balance: Some(balance), till })
}

/// Remembers the first look at a code, and tells whoever shows it.
async fn note_scan(desk: &Desk, id: PaymentId, now: Timestamp) -> Result<(), ApiError> {
    let context = desk.context.clone();
    let noted = desk.db().write(move |tx| {
        mark_scanned(tx, id, now)?;
        if let Some(payment) = rows::find_payment(tx, id)? {
            context.publish(tx, &payment);
        }
        Ok::<_, ApiError>(())
    });
    noted.await
}

fn show_pay_page(desk: &Desk, visit: &Visit, text: &str, found: (Payment, Payee, PayerLine)) -> Response {
    let (payment, payee, line) = found;
    let page = visit.frame(&desk.hall, Side::Buyer, payee.zone);
    let method = page.t("method-balance");
    let view = PayPage {
        page,
        shop: payee.shop.name,
        verified: false,
        terminal: line.till,
        amount: payment.amount,
        order_line: payment.description.unwrap_or_default(),
        order_reference: payment.reference.unwrap_or_default(),
        method,
        balance: line.balance,
        payer: line.name,
        expires_at: Some(payment.expires_at),
        confirm_token: String::new(),
        action_href: code_path(visit, text, ""),
        cancel_href: String::new(),
    };
    show(StatusCode::OK, &view)
}

/// The fields of the pay page's form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StartForm {
    #[serde(rename = "confirm_token")]
    _none_yet: String,
}

/// The buyer says yes to shop and amount: on to the PIN.
pub(super) async fn start_payment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(text): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let _asked = visit.read::<StartForm>(Side::Buyer, &incoming)?;
    let Ok(token) = CodeToken::parse(&text) else {
        return Ok(refuse(&desk, &visit, NoticeKind::CodeUnreadable));
    };
    Ok(match open_code(&desk, &visit, token).await? {
        Opened::Payment(found) => go(&format!("/pay/{}", found.0.id)),
        Opened::Own(id) => go(&format!("/pay/{id}")),
        Opened::Amount(_) => go(&code_path(&visit, &text, "")),
        Opened::Refused(kind) => refuse(&desk, &visit, kind),
    })
}

/// The amount for a printed code.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AmountForm {
    amount: String,
    #[serde(default)]
    note: String,
}

/// The page on which the buyer types the amount.
struct AmountEntry {
    text: String,
    code: StaticCode,
    payee: Payee,
    till: String,
    typed: AmountForm,
}

impl AmountEntry {
    fn show(self, desk: &Desk, visit: &Visit, status: StatusCode, problems: Problems) -> Response {
        let view = PayAmountPage {
            page: visit.frame(&desk.hall, Side::Buyer, self.payee.zone),
            shop: self.payee.shop.name,
            verified: false,
            terminal: self.till,
            currency: self.code.currency.to_string(),
            symbol: self.code.currency.symbol().to_owned(),
            amount_typed: self.typed.amount,
            note_typed: self.typed.note,
            problems,
            action_href: code_path(visit, &self.text, "/amount"),
        };
        show(status, &view)
    }

    /// The amount and note, or what is wrong with them.
    fn read(&self, page: &Frame) -> Result<(Money, Option<ShortText>), Problems> {
        let mut problems = Problems::none();
        let amount = typed_amount(&self.typed.amount, self.code.currency);
        if amount.is_none() {
            problems.add("amount", page.t("problem-amount"));
        }
        let note = match self.typed.note.trim() {
            "" => Ok(None),
            text => ShortText::parse(text, DESCRIPTION_CHARS_MAX).map(Some),
        };
        if note.is_err() {
            problems.add("note", page.t("problem-characters"));
        }
        match (amount, note) {
            (Some(amount), Ok(note)) => Ok((amount, note)),
            _ => Err(problems),
        }
    }
}

/// Makes the payment of a buyer who typed an amount, and goes on to the PIN.
pub(super) async fn create_payment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(text): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<AmountForm>(Side::Buyer, &incoming)?;
    visit.knock(&desk.hall)?;
    let Ok(token) = CodeToken::parse(&text) else {
        return Ok(refuse(&desk, &visit, NoticeKind::CodeUnreadable));
    };
    let entry = match open_code(&desk, &visit, token).await? {
        Opened::Amount(found) => {
            let (code, payee, till) = *found;
            AmountEntry { text, code, payee, till, typed: posted.form }
        }
        Opened::Payment(_) | Opened::Own(_) => return Ok(go(&code_path(&visit, &text, ""))),
        Opened::Refused(kind) => return Ok(refuse(&desk, &visit, kind)),
    };
    let (amount, note) = match entry.read(&visit.buyer_frame(&desk.hall)) {
        Ok(read) => read,
        Err(problems) => return Ok(entry.show(&desk, &visit, StatusCode::UNPROCESSABLE_ENTITY, problems)),
    };
    let (cx, now, code, once) = (desk.context.clone(), visit.now, entry.code.id, posted.once);
    let made = desk.db().write(move |tx| {
        once.run(tx, now, |tx| {
            let means = cx.identity.means(now);
            let payment = create::create_payment_from_code(tx, &means, code, amount, note.as_ref());
            let payment = payment.map_err(errors::of_create)?;
            cx.publish(tx, &payment);
            Ok((format!("/pay/{}", payment.id), ()))
        })
    });
    Ok(go(&made.await?.0))
}

/// A payment as its payer finds it.
pub(super) struct Standing {
    pub payment: Payment,
    pub state: State,
    pub payee: Payee,
    /// Whether the session may show the account.
    pub awake: bool,
    /// Whether the payer has a passkey to confirm with.
    pub has_passkey: bool,
    /// Above which amount the shop demands a second factor, where it does so for this payment.
    pub factor_above: Option<Money>,
    /// Whether it is still to be given before the PIN pays.
    pub lacks_factor: bool,
    /// Whether the payer has one to give.
    pub has_factor: bool,
}

/// The payment, if this payer may see it: their own, or one that nobody has confirmed yet.
pub(super) fn find_standing(tx: &mut Tx<'_>, payer: &Payer<'_>, id: PaymentId) -> Result<Standing, ApiError> {
    let payment = rows::find_payment(tx, id)?;
    let payment = payment.filter(|payment| payment.buyer.is_none_or(|buyer| buyer == payer.session.buyer));
    let payment = payment.ok_or_else(unknown)?;
    let payee = find_payee(tx, id.shop())?;
    let factors = list_factors(tx, Person::Buyer(payer.session.buyer))?;
    let has_passkey = factors.iter().any(|factor| factor.kind == FactorKind::Passkey);
    let (state, awake) = (payment.state_at(payer.means.now), payer.session.awake);
    let has_factor = has_second_factor(tx, payer.means.vault, Person::Buyer(payer.session.buyer))?;
    let (shop, amount) = (&payee.shop, payment.amount);
    let lacks_factor = identity::lacks_factor(tx, shop, &payer.session, amount, &payer.means)?;
    let above = shop.buyer_factor_above_minor.map(|minor| Money::new(minor, shop.currency));
    let factor_above = above.filter(|_| shop.demands_factor(amount));
    Ok(Standing { state, payment, payee, awake, has_passkey, factor_above, lacks_factor, has_factor })
}

pub(super) fn unknown() -> ApiError {
    ApiError::not_found("payment does not exist")
}

/// The payment named in an address.
pub(super) fn payment_id(text: &str) -> Result<PaymentId, ApiError> {
    text.parse().map_err(|_| unknown())
}

/// The page a payment has come to: PIN, "is this you?", waiting, or the result.
pub(super) async fn show_payment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let (cx, asker) = (desk.clone(), visit.clone());
    let found = desk.db().read(move |tx| {
        let payer = admit_payer(tx, &cx.hall, &asker)?;
        Ok::<_, ApiError>((find_standing(tx, &payer, id)?, payer.session.touch_due))
    });
    let (standing, touch_due) = found.await?;
    if touch_due {
        identity::desk::touch_buyer(&desk.hall, &visit).await?;
    }
    if standing.state != State::Waiting && !standing.awake {
        return Ok(go(&with_next("/me/wake", &format!("/pay/{id}"))));
    }
    match standing.state {
        State::Waiting => Ok(show_pin(&desk, &visit, standing, StatusCode::OK, Trouble::No)),
        State::Paused => show_challenge(&desk, &visit, standing, StatusCode::OK, Trouble::No).await,
        State::InReview => Ok(show_wait(&desk, &visit, standing)),
        _ => show_receipt(&desk, &visit, standing).await,
    }
}

/// What was wrong with what the payer showed.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    No,
    Pin(Wrong),
    Passkey,
    PasskeyLocked,
}

impl Trouble {
    /// What to say of the PIN, and of the passkey.
    fn say(self, page: &Frame) -> (String, String) {
        let passkey = |key: &str| (String::new(), page.t(key));
        match self {
            Trouble::No => (String::new(), String::new()),
            Trouble::Pin(wrong) => (wrong.say(page), String::new()),
            Trouble::Passkey => passkey("passkey-pay-refused"),
            Trouble::PasskeyLocked => passkey("passkey-pay-locked"),
        }
    }
}

fn show_pin(
    desk: &Desk,
    visit: &Visit,
    standing: Standing,
    status: StatusCode,
    trouble: Trouble,
) -> Response {
    let payment = &standing.payment;
    let page = visit.frame(&desk.hall, Side::Buyer, standing.payee.zone);
    let (wrong, passkey_wrong) = trouble.say(&page);
    let here = format!("/pay/{}", payment.id);
    let factor_href = match (standing.lacks_factor, standing.has_factor) {
        (false, _) => String::new(),
        (true, true) => with_next("/me/again", &here),
        (true, false) => with_next("/me/factor", &here),
    };
    let view = PinPage {
        is_specimen: false,
        wrong,
        factor_above: standing.factor_above,
        factor_href,
        has_factor: standing.has_factor,
        has_passkey: standing.has_passkey,
        passkey_wrong,
        shop: standing.payee.shop.name,
        verified: false,
        amount: payment.amount,
        confirm_token: Seen::of(payment, &desk.identity().dice).token(visit),
        action_href: format!("/pay/{}/confirm", payment.id),
        forgot_href: with_next("/me/pin/forgot", &format!("/pay/{}", payment.id)),
        cancel_href: String::new(),
        page,
    };
    let mut answer = show(status, &view);
    webkit::page::let_ask_for_place(&mut answer);
    answer
}

/// What the payer was shown, with the server's nonce: the form brings it back, sealed.
pub(super) struct Seen {
    payment: PaymentId,
    amount: Money,
    nonce: String,
}

impl Seen {
    fn of(payment: &Payment, dice: &base::Dice) -> Seen {
        let nonce = crate::routes::views::hex(&dice.bytes::<NONCE_BYTES>());
        Seen { payment: payment.id, amount: payment.amount, nonce }
    }

    /// The hidden field: nonce, amount, currency, and a tag over these, payment, payee and session.
    fn token(&self, visit: &Visit) -> String {
        format!("{}.{}", self.text(), form_token(self.bound(visit).as_bytes()))
    }

    fn text(&self) -> String {
        format!("{}.{}.{}", self.nonce, self.amount.minor, self.amount.currency)
    }

    fn bound(&self, visit: &Visit) -> String {
        let payee = self.payment.shop();
        format!("{}|confirm|{}|{payee}|{}", visit.secret(Side::Buyer), self.payment, self.text())
    }

    /// Reads the hidden field back. `None` for one of another payment, amount, session, or of nobody.
    pub(super) fn read(visit: &Visit, payment: PaymentId, token: &str) -> Option<(Money, Nonce)> {
        let (text, tag) = token.rsplit_once('.')?;
        let mut parts = text.split('.');
        let (nonce, minor, currency) = (parts.next()?, parts.next()?, parts.next()?);
        let amount = Money::new(minor.parse().ok()?, currency.parse().ok()?);
        let seen = Seen { payment, amount, nonce: nonce.to_owned() };
        check_form_token(seen.bound(visit).as_bytes(), tag).ok()?;
        Some((amount, Nonce::parse(nonce)?))
    }
}

/// The PIN and what it is bound to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmForm {
    pin: String,
    confirm_token: String,
    #[serde(default)]
    place: String,
}

/// Where the payer let the page say they are: `31.23,121.47`, or nothing.
pub(super) fn read_place(text: &str) -> Result<Option<Place>, ApiError> {
    let (north, east) = text.split_once(',').unwrap_or((text, ""));
    parse_typed(north, east).map_err(|problem| ApiError::bad_field("place", problem))
}

/// Confirms a payment with the PIN.
pub(super) async fn confirm_payment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let posted = visit.read::<ConfirmForm>(Side::Buyer, &incoming)?;
    let Some((amount, nonce)) = Seen::read(&visit, id, &posted.form.confirm_token) else {
        return Ok(go(&format!("/pay/{id}")));
    };
    let Ok(pin) = Pin::parse(&posted.form.pin) else {
        return show_again(&desk, &visit, id, Trouble::Pin(Wrong::NotSixDigits)).await;
    };
    let place = read_place(&posted.form.place)?;
    let command = Confirm::new(id, amount, id.shop(), nonce, pin);
    carry(&desk, &visit, posted.once, Wish::Confirm(command, place)).await
}

/// The payer's answer to "is this you?".
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerForm {
    answer: String,
    #[serde(default)]
    pin: String,
}

/// Carries the answer to "is this you?" out.
pub(super) async fn answer_challenge(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let posted = visit.read::<AnswerForm>(Side::Buyer, &incoming)?;
    let answer = match (posted.form.answer.as_str(), Pin::parse(&posted.form.pin)) {
        ("no", _) => Answer::No,
        ("yes", Ok(pin)) => Answer::Yes(pin),
        ("yes", Err(_)) => {
            return show_again(&desk, &visit, id, Trouble::Pin(Wrong::NotSixDigits)).await;
        }
        _ => return Err(ApiError::bad_field("answer", "must be `yes` or `no`")),
    };
    carry(&desk, &visit, posted.once, Wish::Answer(id, answer)).await
}

/// The page that asked for the PIN, once more.
pub(super) async fn show_again(
    desk: &Desk,
    visit: &Visit,
    id: PaymentId,
    trouble: Trouble,
) -> Result<Response, ApiError> {
    let (cx, asker) = (desk.clone(), visit.clone());
    let found = desk.db().read(move |tx| {
        let payer = admit_payer(tx, &cx.hall, &asker)?;
        find_standing(tx, &payer, id)
    });
    let standing = found.await?;
    match standing.state {
        State::Waiting => Ok(show_pin(desk, visit, standing, StatusCode::FORBIDDEN, trouble)),
        State::Paused => show_challenge(desk, visit, standing, StatusCode::FORBIDDEN, trouble).await,
        _ => Ok(go(&format!("/pay/{id}"))),
    }
}

async fn show_challenge(
    desk: &Desk,
    visit: &Visit,
    standing: Standing,
    status: StatusCode,
    trouble: Trouble,
) -> Result<Response, ApiError> {
    let (payment, has_passkey) = (standing.payment, standing.has_passkey);
    let (buyer, device) = (payment.buyer, payment.device);
    let found = desk.db().read(move |tx| match (buyer, device) {
        (Some(buyer), Some(device)) => identity::find_device(tx, buyer, device).map_err(ApiError::from),
        _ => Ok(None),
    });
    let device = found.await?;
    let page = visit.frame(&desk.hall, Side::Buyer, standing.payee.zone);
    let (wrong, passkey_wrong) = trouble.say(&page);
    let view = ChallengePage {
        wrong,
        confirm_token: Seen::of(&payment, &desk.identity().dice).token(visit),
        has_passkey,
        passkey_wrong,
        device: device.map_or_else(String::new, |device| identity::desk::device_text(&page, &device.label)),
        place: String::new(),
        shop: standing.payee.shop.name,
        verified: false,
        amount: payment.amount,
        at: payment.confirmed_at.unwrap_or(payment.created_at),
        action_href: format!("/pay/{}/answer", payment.id),
        page,
    };
    Ok(show(status, &view))
}

fn show_wait(desk: &Desk, visit: &Visit, standing: Standing) -> Response {
    let payment = standing.payment;
    let mut page = visit.frame(&desk.hall, Side::Buyer, standing.payee.zone);
    page.live = format!("/pay/{}/live?state={}", payment.id, standing.state.name());
    page.refresh_seconds = REFRESH_SECONDS;
    let view = WaitPage {
        page,
        shop: standing.payee.shop.name,
        amount: payment.amount,
        since: payment.confirmed_at.unwrap_or(payment.created_at),
        payment_id: payment.id.to_string(),
        cancel_href: format!("/pay/{}/stop", payment.id),
    };
    show(StatusCode::OK, &view)
}

/// Stops a payment that waits for the shop's review: the payer takes it back.
pub(super) async fn stop_payment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let posted = visit.read::<Button>(Side::Buyer, &incoming)?;
    carry(&desk, &visit, posted.once, Wish::Stop(id)).await
}

/// Tells a waiting page that its payment has changed.
pub(super) async fn follow_payment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let known = visit.query("state").and_then(|name| State::named(&name));
    let room = std::sync::Arc::clone(&desk.streams).try_acquire_owned();
    let room = room.map_err(|_| ApiError::unavailable(5, "all event streams are taken"))?;
    // Subscribed first, so that nothing falls between the look and the stream.
    let mut live = desk.context.subscribe();
    let (cx, asker) = (desk.clone(), visit.clone());
    let found = desk.db().read(move |tx| {
        let payer = admit_payer(tx, &cx.hall, &asker)?;
        find_standing(tx, &payer, id)
    });
    let now_in = found.await?.state;
    let changed = async move {
        let _room = room;
        while known == Some(now_in) {
            match live.recv().await {
                Ok(payment) if payment.id == id && Some(payment.stored_state) != known => break,
                Ok(_) => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => break,
            }
        }
        Ok::<_, Infallible>(Event::default().event("changed").data(shown(now_in).slug()))
    };
    let stream = futures_util::stream::once(changed);
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}
