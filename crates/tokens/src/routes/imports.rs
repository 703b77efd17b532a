//! `/v1/imports`: customers and cards from a table, with a report for each line.

use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use base::Secret;
use identity::gate::{Call, Made, Operation};
use identity::routes::fault;
use identity::{Context, Permission};
use serde::Serialize;
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors};

use super::errors;
use super::tokens::by;
use crate::export::What;
use crate::import::{Outcome, Parsed, Problem, Summary, import_line, read_line, read_table};
use crate::limits::IMPORT_LINES_MAX;

/// How an import went, line by line.
#[derive(Serialize, ToSchema)]
pub(super) struct ImportView {
    /// Lines that are in now.
    created: u64,
    /// Lines that were in already.
    unchanged: u64,
    /// Lines that are not in.
    refused: u64,
    /// One for each line after the first.
    lines: Vec<ImportLineView>,
}

/// What became of a line.
#[derive(Serialize, ToSchema)]
struct ImportLineView {
    /// Where it begins in the table, from 1.
    line: u64,
    /// `created`, `unchanged` or `refused`.
    outcome: &'static str,
    /// The token or customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// What is wrong, by column.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemView>,
}

/// What is wrong with a column of a line.
#[derive(Serialize, ToSchema)]
struct ProblemView {
    /// The column; `line` for the line as a whole.
    column: String,
    /// What is wrong, without the value.
    message: String,
}

impl ImportLineView {
    fn new(line: u64, outcome: Outcome) -> ImportLineView {
        let (name, id, problems) = match outcome {
            Outcome::Created(id) => ("created", Some(id), Vec::new()),
            Outcome::Unchanged(id) => ("unchanged", Some(id), Vec::new()),
            Outcome::Refused(problems) => ("refused", None, problems),
        };
        let problem = |p: Problem| ProblemView { column: p.column, message: p.message };
        ImportLineView { line, outcome: name, id, problems: problems.into_iter().map(problem).collect() }
    }
}

/// Imports customers from a table (CSV), at most 500 lines and 64 KiB at a time. Lines that are in already are reported as
/// unchanged, so the same table can be sent again. See the documentation for the columns.
#[utoipa::path(post, path = "/v1/imports/customers", tag = "imports",
    request_body(content = String, content_type = "text/csv"),
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 200, body = ImportView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn import_customers(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let operation = Operation { name: "import_customers", permission: Permission::ManageCustomers };
    import(context, incoming, What::Customers, operation).await
}

/// Imports cards from a table (CSV), at most 500 lines and 64 KiB at a time. A table with verification codes is refused
/// whole.
#[utoipa::path(post, path = "/v1/imports/cards", tag = "imports",
    request_body(content = String, content_type = "text/csv"),
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 200, body = ImportView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn import_cards(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let operation = Operation { name: "import_cards", permission: Permission::CreateTokens };
    import(context, incoming, What::Cards, operation).await
}

async fn import(
    context: Context,
    incoming: Incoming,
    what: What,
    operation: Operation,
) -> Result<Response, ApiError> {
    let lines = read(&incoming, what)?;
    let call = Call::open(&context, incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let mut summary = Summary::default();
        let mut views = Vec::with_capacity(lines.len());
        for (number, line) in &lines {
            let outcome = match line {
                Ok(parsed) => import_line(tx, &caller.means, &by(caller), caller.shop, parsed)
                    .map_err(|found| fault(&found))?,
                Err(problems) => Outcome::Refused(problems.clone()),
            };
            summary.count(&outcome);
            views.push(ImportLineView::new(*number, outcome));
        }
        let Summary { created, unchanged, refused } = summary;
        Made::new(200, &ImportView { created, unchanged, refused, lines: views })
    })
    .await
}

type Read = (u64, Result<Parsed, Vec<Problem>>);

fn read(incoming: &Incoming, what: What) -> Result<Vec<Read>, ApiError> {
    let kind = incoming.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("text/csv") {
        return Err(ApiError::unsupported("text/csv"));
    }
    let table = Secret::new(incoming.body.to_vec());
    let (heading, lines) = read_table(what, &table).map_err(|problem| errors::of_heading(&problem))?;
    if lines.len() > IMPORT_LINES_MAX {
        let message = format!("must have at most {IMPORT_LINES_MAX} lines; send the rest in another request");
        return Err(ApiError::bad_field("body", message));
    }
    let now = incoming.context.at;
    Ok(lines.iter().map(|line| (line.number, read_line(&heading, line, now))).collect())
}
