//! The result of a payment for its payer: receipt, proof, and "this was not me".

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{EntryId, Timestamp};
use identity::cases::{Cause, open_payment_case};
use identity::desk::{Button, Side, Visit, admit_payer};
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, show};

use super::Desk;
use super::paying::{Standing, find_standing, payment_id};
use super::trade::origination;
use super::words::{reached_at, risk_lang, shown};
use crate::labels::{LabelSource, label_fraud};
use crate::pages::notice::NoticeKind;
use crate::pages::pay::NotMePage;
use crate::pages::receipt::ReceiptPage;
use crate::payment::{DeclineReason, Payment, State};
use crate::store as rows;

/// What the log says of an entry.
#[derive(Default)]
pub(super) struct LogLine {
    pub leaf_hash: String,
    pub promise: String,
    pub entry: Option<u64>,
    pub size: u64,
    pub root: String,
}

/// Looks an entry up in the log.
///
/// # Errors
/// Those of the store, and a log that is damaged.
pub(super) fn find_log_line(
    tx: &mut Tx<'_>,
    signer: &audit::Signer,
    entry: Option<EntryId>,
    at: Timestamp,
) -> Result<LogLine, ApiError> {
    let Some(id) = entry else { return Ok(LogLine::default()) };
    let Some(text) = audit::find_entry_text(tx, id)? else { return Ok(LogLine::default()) };
    let leaf_hash = audit::tree::leaf_hash(text.as_bytes());
    let promise = audit::Promise::sign(signer, audit::Leaf { entry_id: id, leaf_hash }, at);
    let mut line = LogLine {
        leaf_hash: crate::routes::views::hex(leaf_hash.as_bytes()),
        promise: promise.to_string(),
        ..LogLine::default()
    };
    let key = signer.verifier_key();
    if let audit::Standing::Included(found) = audit::prove(tx, key, id).map_err(ApiError::internal)? {
        let sealed = audit::find_signed(tx, key).map_err(ApiError::internal)?;
        line.root = sealed.map_or_else(String::new, |sealed| sealed.root().to_string());
        line.entry = Some(found.position);
        line.size = found.size;
    }
    Ok(line)
}

/// What the buyer is told of a payment that did not go through; empty for the usual sentence.
fn told(tx: &mut Tx<'_>, desk: &Desk, page: &Frame, payment: &Payment) -> Result<String, ApiError> {
    Ok(match payment.decline {
        Some(DeclineReason::InsufficientFunds) => page.t("receipt-short-balance"),
        Some(DeclineReason::NotThePayer) => page.t("receipt-stopped"),
        Some(DeclineReason::Screening) => buyer_words(tx, desk, page, payment)?,
        Some(DeclineReason::Review) | None => String::new(),
    })
}

/// The one calm sentence of screening for the buyer.
fn buyer_words(tx: &mut Tx<'_>, desk: &Desk, page: &Frame, payment: &Payment) -> Result<String, ApiError> {
    let stored = payment.decision.map_or(Ok(None), |id| rows::find_decision(tx, id))?;
    let decision = stored.and_then(|(bytes, _)| risk::Decision::from_bytes(&bytes).ok());
    let screen = desk.context.screen();
    let say = |decision: &risk::Decision| {
        risk::explain(decision, &screen.rules, risk::Audience::Buyer, risk_lang(page.lang)).into_iter().next()
    };
    Ok(decision.as_ref().and_then(say).unwrap_or_default())
}

/// The result of a payment.
pub(super) async fn show_receipt(
    desk: &Desk,
    visit: &Visit,
    standing: Standing,
) -> Result<Response, ApiError> {
    let page = visit.frame(&desk.hall, Side::Buyer, standing.payee.zone.clone());
    let cx = desk.clone();
    let view = desk.db().read(move |tx| fill_receipt(tx, &cx, page, standing));
    Ok(show(StatusCode::OK, &view.await?))
}

fn fill_receipt(
    tx: &mut Tx<'_>,
    desk: &Desk,
    page: Frame,
    standing: Standing,
) -> Result<ReceiptPage, ApiError> {
    let Standing { payment, state, payee, .. } = standing;
    let at = reached_at(&payment, state);
    let line = find_log_line(tx, &desk.context.signer, payment.entry, at)?;
    let reason = told(tx, desk, &page, &payment)?;
    let moved = state.has_moved_money();
    let href =
        |wanted: bool, rest: &str| if wanted { format!("/pay/{}{rest}", payment.id) } else { String::new() };
    let refunded = base::Money::new(payment.refunded_minor, payment.amount.currency);
    Ok(ReceiptPage {
        method: page.t("method-balance"),
        shop: payee.shop.name,
        verified: false,
        amount: payment.amount,
        state: shown(state),
        at,
        order_line: payment.description.clone().unwrap_or_default(),
        order_reference: payment.reference.clone().unwrap_or_default(),
        payment_id: payment.id.to_string(),
        reason,
        refunded: (payment.refunded_minor > 0).then_some(refunded),
        log_entry: line.entry,
        log_size: line.size,
        log_root: line.root,
        proof_href: href(line.entry.is_some(), "/proof"),
        leaf_hash: line.leaf_hash,
        promise: line.promise,
        not_me_href: href(moved, "/not-me"),
        again_href: String::new(),
        own_href: "/me".to_owned(),
        page,
    })
}

/// The entry of a payment and its proof, as one text file that can be checked offline.
///
/// # Errors
/// 404 while no checkpoint covers the entry.
pub(super) fn proof_text(
    tx: &mut Tx<'_>,
    signer: &audit::Signer,
    payment: &Payment,
) -> Result<String, ApiError> {
    let pending = || ApiError::not_found("the proof is not ready yet");
    let id = payment.entry.ok_or_else(pending)?;
    let key = signer.verifier_key();
    match audit::prove(tx, key, id).map_err(ApiError::internal)? {
        audit::Standing::Included(found) => {
            let text = audit::find_entry_text(tx, id)?.ok_or_else(pending)?;
            Ok(format!(
                "# the entry: its leaf hash is SHA-256 of a zero byte and this line\n{text}\n\n# the log's public key\n{key}\n\n# the inclusion proof (C2SP tlog-proof)\n{}",
                found.to_text()
            ))
        }
        audit::Standing::Pending | audit::Standing::Unknown => Err(pending()),
    }
}

/// A text file with a name.
pub(super) fn text_file(name: &str, text: String) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let mut answer = ([kind], text).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, place);
    }
    answer
}

/// The proof of a receipt.
pub(super) async fn find_proof(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let cx = desk.clone();
    let text = desk.db().read(move |tx| {
        let payer = admit_payer(tx, &cx.hall, &visit)?;
        let standing = find_standing(tx, &payer, id)?;
        proof_text(tx, &cx.context.signer, &standing.payment)
    });
    Ok(text_file(&format!("{id}-proof.txt"), text.await?))
}

/// Asks whether to freeze the account.
pub(super) async fn show_not_me(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let (cx, asker) = (desk.clone(), visit.clone());
    let found = desk.db().read(move |tx| {
        let payer = admit_payer(tx, &cx.hall, &asker)?;
        let standing = find_standing(tx, &payer, id)?;
        let own = standing.payment.buyer == Some(payer.session.buyer) && standing.state != State::Waiting;
        if own { Ok(standing) } else { Err(ApiError::not_found("payment does not exist")) }
    });
    let standing = found.await?;
    let view = NotMePage {
        page: visit.frame(&desk.hall, Side::Buyer, standing.payee.zone),
        shop: standing.payee.shop.name,
        amount: standing.payment.amount,
        at: standing.payment.confirmed_at.unwrap_or(standing.payment.created_at),
        action_href: format!("/pay/{id}/not-me"),
        back_href: format!("/pay/{id}"),
    };
    Ok(show(StatusCode::OK, &view))
}

/// Freezes the buyer's account and ends its other sessions; the payment is known as fraud from then on, and its shop and
/// whoever runs the installation each have a case. Said again of a frozen account, it tells nobody anew.
pub(super) async fn freeze_account(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let _asked = visit.read::<Button>(Side::Buyer, &incoming)?;
    let (cx, asker) = (desk.clone(), visit.clone());
    let done = desk.db().write(move |tx| {
        let payer = admit_payer(tx, &cx.hall, &asker)?;
        let payment = find_standing(tx, &payer, id)?.payment;
        let buyer = payer.session.buyer;
        if payment.buyer == Some(buyer) && payment.confirmed_at.is_some() {
            label_fraud(tx, &payer.means, &buyer.into(), &origination(&asker), &payment, LabelSource::Payer)?;
            open_payment_case(tx, &payer.means, buyer, payment.id)?;
        }
        Ok::<_, ApiError>(identity::freeze_everything(tx, &payer.means, &payer.session, Cause::Payment)?)
    });
    done.await?;
    let action_href = format!("/pay/{id}");
    Ok(show(StatusCode::OK, &NoticeKind::FrozenNow.page(visit.buyer_frame(&desk.hall), action_href)))
}
