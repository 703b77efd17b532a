//! What a payment is known to be: its line in the timeline, and the form in which a member says so or takes it back.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use identity::Permission;
use identity::desk::{Side, Visit, go};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Mark, Problems, Step, Zone, show};

use super::Desk;
use super::detail::{FormProblems, member_name, view_of};
use super::member::{Member, write_as};
use super::paying::payment_id;
use crate::labels::{Label, LabelSource, Word, can_be_labelled, set_label, word_named};
use crate::limits::DESCRIPTION_CHARS_MAX;
use crate::pages::detail::LabelForm;
use crate::payment::Payment;
use crate::routes::errors;
use crate::store as rows;
use crate::text::ShortText;

/// The line of the timeline that tells of a payment's label.
///
/// # Errors
/// Those of store and vault.
pub(super) fn label_step(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    payment: &Payment,
) -> Result<Option<Step>, ApiError> {
    let Some(label) = rows::find_label(tx, payment.id)? else { return Ok(None) };
    let mark = if label.word == Word::Fraud { Mark::Stopped } else { Mark::Done };
    let word = said_text(tx, member, page, &label)?;
    Ok(Some(Step { mark, word, at: Some(label.known_at), note: label.note.unwrap_or_default() }))
}

/// Who said what, in words.
fn said_text(tx: &mut Tx<'_>, member: &Member<'_>, page: &Frame, label: &Label) -> Result<String, ApiError> {
    let who = label.member.map(|who| member_name(tx, member, &who.to_string())).transpose()?;
    Ok(match (label.source, label.word) {
        (LabelSource::Payer, _) => page.t("step-fraud-payer"),
        (LabelSource::Review, _) => page.t("step-fraud-review"),
        (LabelSource::Member, Word::Fraud) => page.t1("step-fraud-member", "who", who.unwrap_or_default()),
        (LabelSource::Member, Word::Genuine) => page.t1("step-genuine", "who", who.unwrap_or_default()),
    })
}

/// The form, for a member who may say so of a payment that ended.
///
/// # Errors
/// Those of store and vault.
pub(super) fn label_form(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    payment: &Payment,
    problems: Problems,
) -> Result<Option<LabelForm>, ApiError> {
    if !member.can(Permission::Review) || !can_be_labelled(payment, member.means.now) {
        return Ok(None);
    }
    let label = rows::find_label(tx, payment.id)?;
    let word = label.as_ref().map(|label| label.word);
    let text = match word {
        Some(Word::Fraud) => "label-is-fraud",
        Some(Word::Genuine) => "label-is-genuine",
        None => "label-is-none",
    };
    let said = label.map_or(Ok(String::new()), |label| said_text(tx, member, page, &label))?;
    Ok(Some(LabelForm {
        text: page.t(text),
        said,
        is_fraud: word == Some(Word::Fraud),
        is_genuine: word == Some(Word::Genuine),
        problems,
        action_href: format!("/desk/payments/{}/label", payment.id),
    }))
}

/// What a member says, or `none`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SaidForm {
    label: String,
    note: String,
}

/// Says what a payment was, or takes it back.
pub(super) async fn update_label(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let posted = visit.read::<SaidForm>(Side::Member, &incoming)?;
    let wanted = match (&*posted.form.label, word_named(&posted.form.label)) {
        ("none", _) => None,
        (_, Some(word)) => Some(word),
        _ => return Err(ApiError::bad_field("label", "must be `fraud`, `genuine` or `none`")),
    };
    let Ok(note) = ShortText::parse(&posted.form.note, DESCRIPTION_CHARS_MAX) else {
        let mut label = Problems::none();
        label.add("note", visit.frame(&desk.hall, Side::Member, Zone::default()).t("problem-note"));
        let problems = FormProblems { label, ..FormProblems::default() };
        let view = view_of(&desk, &visit, id, problems).await?;
        return Ok(show(StatusCode::UNPROCESSABLE_ENTITY, &view));
    };
    let keys = vec![rows::payment_key(id)];
    let done = write_as(&desk, &visit, Permission::Review, posted.once, keys, move |tx, member| {
        let said = set_label(tx, &member.means, &member.actor, &member.from, id, (wanted, &note));
        said.map_err(errors::of_label)?;
        Ok((format!("/desk/payments/{id}"), ()))
    });
    Ok(go(&done.await?.0))
}
