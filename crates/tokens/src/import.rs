//! Bringing existing customers and cards in from a table (CSV), line by line, with a report for each line.
//!
//! A line is in or it is not: everything of it is checked before anything is written. Each line carries the shop's own
//! id, so the same file can be sent again after a break: what is in already is reported as unchanged, and a line that
//! says something else under a known id is refused. Reports name columns and problems, never values.

mod columns;
mod lines;

use ::store::Tx;
use base::{Secret, ShopId, Timestamp};
use identity::{Fault, Means};

pub use columns::{Column, Heading, HeadingProblem, Parsed};
pub use lines::{Line, LineProblem, Lines};

use crate::customer::{self, CustomerError, Known, content_of, create_customer, find_external};
pub use crate::export::What;
use crate::keyed;
use crate::record::By;
use crate::store::customers::{self as customer_rows, ExternalRow};
use crate::token::{self, NewToken, TokenError, create_token};
use crate::values::ExternalId;
use crate::watch::{self, Admission};

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in, under this id.
    Created(String),
    /// The same was in already, under this id.
    Unchanged(String),
    /// It is not in; why, by column.
    Refused(Vec<Problem>),
}

/// What is wrong with one column of a line; `line` for the line as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The column.
    pub column: String,
    /// What is wrong, without the value.
    pub message: String,
}

impl Problem {
    /// A problem with `column`.
    pub fn new(column: &str, message: impl ToString) -> Problem {
        Problem { column: column.to_owned(), message: message.to_string() }
    }
}

/// How an import went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines that are in now.
    pub created: u64,
    /// Lines that were in already.
    pub unchanged: u64,
    /// Lines that are not in.
    pub refused: u64,
}

impl Summary {
    /// Counts one line.
    pub fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Created(_) => self.created += 1,
            Outcome::Unchanged(_) => self.unchanged += 1,
            Outcome::Refused(_) => self.refused += 1,
        }
    }
}

/// Reads what a line says.
///
/// # Errors
/// Every problem of the line.
pub fn read_line(heading: &Heading, line: &Line, now: Timestamp) -> Result<Parsed, Vec<Problem>> {
    match &line.cells {
        Ok(cells) => heading.read(cells, now),
        Err(problem) => Err(vec![Problem::new("line", problem)]),
    }
}

/// Puts one line in.
///
/// # Errors
/// [`Fault`] alone; what is wrong with the line is an outcome.
pub fn import_line(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    line: &Parsed,
) -> Result<Outcome, Fault> {
    match line {
        Parsed::Customer { external, new } => {
            let known = Known { shop, kind: customer::EXTERNAL, external, content: &content_of(new) };
            if let Some(known) = find_known(tx, means, by, &known)? {
                return Ok(known);
            }
            match create_customer(tx, means, by, shop, new) {
                Ok(customer) => Ok(Outcome::Created(customer.id.to_string())),
                Err(CustomerError::Fault(fault)) => Err(fault),
                Err(refused) => Ok(Outcome::Refused(vec![Problem::new("line", refused)])),
            }
        }
        Parsed::Card { external, new, customer } => {
            let new = match find_owner(tx, means, shop, new, customer.as_ref())? {
                Ok(new) => new,
                Err(problem) => return Ok(Outcome::Refused(vec![problem])),
            };
            let known = Known { shop, kind: token::EXTERNAL, external, content: &token::content_of(&new) };
            if let Some(known) = find_known(tx, means, by, &known)? {
                return Ok(known);
            }
            match create_token(tx, means, by, shop, &new) {
                Ok(token) => Ok(Outcome::Created(token.id.to_string())),
                Err(TokenError::Fault(fault)) => Err(fault),
                Err(refused) => Ok(Outcome::Refused(vec![Problem::new("line", refused)])),
            }
        }
    }
}

/// What came of a line whose external id is known. Being told that the data is another is a search that found nothing, and
/// counts as one: else whoever may import finds what is kept by sending all that fits. At the machine itself nothing counts.
fn find_known(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    known: &Known<'_>,
) -> Result<Option<Outcome>, Fault> {
    let found = find_external(tx, means.vault, known.shop, known.kind, known.external)?;
    let Some(row) = found else { return Ok(None) };
    if !by.is_local()
        && let Admission::Over { retry_after_seconds } = watch::check_search(tx, means, by, known.shop)?
    {
        let message = format!(
            "too many lines had other data than is kept under their id; try again in {retry_after_seconds} s"
        );
        return Ok(Some(Outcome::Refused(vec![Problem::new("line", message)])));
    }
    if known.is_same(means.vault, &row)? {
        renew(tx, means, known, &row)?;
        return Ok(Some(Outcome::Unchanged(row.id)));
    }
    if !by.is_local() {
        watch::count_search(tx, means, by, known.shop)?;
    }
    let message =
        format!("an earlier import has other data under this id, as `{}`; it was left as it is", row.id);
    Ok(Some(Outcome::Refused(vec![Problem::new("external_id", message)])))
}

/// Keeps what came again by the key in use alone, where it was by an older one.
fn renew(tx: &mut Tx, means: &Means<'_>, known: &Known<'_>, row: &ExternalRow) -> Result<(), Fault> {
    if means.vault.is_plain(&row.search) && means.vault.is_plain(&row.content) {
        return Ok(());
    }
    customer_rows::delete_external(tx, known.shop, known.kind, &row.search.stored())?;
    let search = known.insert(tx, means.vault, row.id.clone())?;
    Ok(keyed::point_to(tx, row, search)?)
}

/// The card with its customer, who is named by the shop's own id.
fn find_owner(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    new: &NewToken,
    owner: Option<&ExternalId>,
) -> Result<Result<NewToken, Problem>, Fault> {
    let Some(owner) = owner else { return Ok(Ok(new.clone())) };
    let found = find_external(tx, means.vault, shop, customer::EXTERNAL, owner)?;
    let Some(row) = found else {
        let message = "there is no customer with this external id; import customers first";
        return Ok(Err(Problem::new("customer_external_id", message)));
    };
    let id = row.id.parse().map_err(|_| Fault::Row("external id"))?;
    Ok(Ok(NewToken { customer: Some(id), ..new.clone() }))
}

/// Reads the whole of a small table: the heading and its lines.
///
/// # Errors
/// [`HeadingProblem`].
pub fn read_table(what: What, table: &Secret<Vec<u8>>) -> Result<(Heading, Vec<Line>), HeadingProblem> {
    let mut lines = Lines::new(table.expose().as_slice());
    let heading = lines.next_line().map_err(|_| HeadingProblem::Unreadable)?.ok_or(HeadingProblem::Empty)?;
    let heading = Heading::parse(what, &heading)?;
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().map_err(|_| HeadingProblem::Unreadable)? {
        all.push(line);
    }
    Ok((heading, all))
}
