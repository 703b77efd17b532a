//! `/v1/exports`: many records at once, with two people, sealed.

use std::sync::{Arc, OnceLock};

use ::store::Tx;
use axum::extract::{Path, State};
use axum::response::Response;
use base::ExportId;
use identity::gate::{Call, Made, Operation};
use identity::{Context, Permission};
use serde::Deserialize;
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};
use webkit::paging::List;

use super::errors;
use super::read::{path_id, why};
use super::sealed::write_sealed;
use super::tokens::by;
use super::views::ExportView;
use crate::age::Recipient;
use crate::export::{self, NewExport, What};
use crate::record::By;

/// An export that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportBody {
    /// `customers` or `cards`.
    #[schema(example = "customers")]
    what: String,
    /// Who will be able to open the file: an age recipient.
    #[schema(example = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", max_length = 100)]
    recipient: String,
    /// `process_payment`, `pay_out`, `answer_customer`, `check_fraud`, `handle_dispute`, `correct_data`, `legal_duty` or
    /// `migrate`.
    #[schema(example = "migrate")]
    purpose: String,
    /// Why, for whoever approves it.
    #[schema(min_length = 3, max_length = 200)]
    reason: String,
}

impl ExportBody {
    fn parse(&self) -> Result<NewExport, ApiError> {
        let mut problems = Problems::new();
        let what = problems.take("what", What::from_name(&self.what).ok_or("must be `customers` or `cards`"));
        let recipient = problems.take("recipient", self.recipient.parse::<Recipient>());
        let why = why(&mut problems, &self.purpose, &self.reason);
        match (what, recipient, why) {
            (Some(what), Some(recipient), Some(why)) => Ok(NewExport { what, recipient, why }),
            _ => Err(problems.into_error()),
        }
    }
}

/// Proposes a sealed export. Another person has to approve it before it can be taken.
#[utoipa::path(post, path = "/v1/exports", request_body = ExportBody, tag = "exports",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = ExportView), ApiErrors), security(("member_session" = [])))]
pub(super) async fn propose_export(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let new = incoming.json::<ExportBody>()?.parse()?;
    let operation = Operation { name: "propose_export", permission: Permission::ExportCustomers };
    let call = Call::open(&context, incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let made = export::propose_export(tx, &caller.means, &by(caller), caller.shop, &new);
        Made::new(201, &ExportView::bare(&made.map_err(errors::of_export)?, caller.means.now))
    })
    .await
}

/// Lists a shop's exports, newest first.
#[utoipa::path(get, path = "/v1/exports", tag = "exports",
    responses((status = 200, body = List<ExportView>), ApiErrors), security(("member_session" = [])))]
pub(super) async fn list_exports(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ExportCustomers, move |tx, caller| {
        let found = export::list_exports(tx, &caller.means, caller.shop).map_err(errors::of_export)?;
        let data = found.iter().map(|export| ExportView::new(export, caller.means.now)).collect();
        Made::new(200, &List { data, next_cursor: None })
    })
    .await
}

/// Shows an export.
#[utoipa::path(get, path = "/v1/exports/{id}", params(("id" = String, Path)), tag = "exports",
    responses((status = 200, body = ExportView), ApiErrors), security(("member_session" = [])))]
pub(super) async fn find_export(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: ExportId = path_id(&id)?;
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ExportCustomers, move |tx, caller| {
        let found = export::find_export(tx, &caller.means, caller.shop, id).map_err(errors::of_export)?;
        Made::new(200, &ExportView::new(&found, caller.means.now))
    })
    .await
}

/// Takes an approved export: its proposer can fetch the file for a quarter of an hour from now.
#[utoipa::path(post, path = "/v1/exports/{id}/take", tag = "exports",
    params(("id" = String, Path),
    ("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 200, body = ExportView), ApiErrors), security(("member_session" = [])))]
pub(super) async fn take_export(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: ExportId = path_id(&id)?;
    let operation = Operation { name: "take_export", permission: Permission::ExportCustomers };
    let call = Call::open(&context, incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let taken = export::take_export(tx, &caller.means, &by(caller), caller.shop, id);
        Made::new(200, &ExportView::bare(&taken.map_err(errors::of_export)?, caller.means.now))
    })
    .await
}

/// Fetches the file of a taken export: the age format, for the recipient it was proposed with.
#[utoipa::path(get, path = "/v1/exports/{id}/file", params(("id" = String, Path)), tag = "exports",
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), ApiErrors),
    security(("member_session" = [])))]
pub(super) async fn fetch_export(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: ExportId = path_id(&id)?;
    let call = Call::open(&context, incoming).await?.answering("application/octet-stream");
    let leaving = Arc::new(OnceLock::new());
    let sealed = Arc::clone(&leaving);
    let response = call.read(Permission::ExportCustomers, move |tx, caller| {
        let fetched = export::fetch_export(tx, &caller.means, &by(caller), caller.shop, id);
        let (export, recipient, records) = fetched.map_err(errors::of_export)?;
        let body =
            write_sealed(&export, &recipient, &records, caller.means.dice).map_err(ApiError::internal)?;
        let _ = sealed.set((caller.actor.clone(), caller.remote, caller.means.now, records.count()));
        Ok(Made::bytes(body))
    });
    let response = response.await?;
    // Sealing many records must not keep payments waiting, so the entry is a write of its own; without it nothing leaves.
    if let Some((actor, address, now, count)) = leaving.get().cloned() {
        let noting = context.clone();
        let note = move |tx: &mut Tx<'_>| {
            let by = By { actor: &actor, address, request: None };
            export::note_fetch(tx, &noting.means(now), &by, (id, count)).map_err(errors::of_export)
        };
        context.db.write(note).await?;
    }
    Ok(response)
}
