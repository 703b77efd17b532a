//! All payments of a shop: filtered and sorted by the address, a page at a time, or as CSV.

use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{Money, PaymentId, ScopedId, Timestamp};
use identity::Permission;
use identity::desk::{Visit, payer_name};
use serde::Deserialize;
use store::Tx;
use webkit::body::Query;
use webkit::error::ApiError;
use webkit::page::parts::Sorted;
use webkit::page::{Frame, Pager, SortHead, Zone, show};
use webkit::paging::Cursor;

use super::Desk;
use super::member::{Member, read_as};
use super::rows::rows_of;
use super::words::{state_of_slug, typed_amount};
use crate::pages::list::PaymentsPage;
use crate::payment::Payment;
use crate::store::{self as rows, Direction, PaymentFilter, Sort, Spot};

/// Rows of a page.
const ROWS_SHOWN: usize = 50;
/// Most rows of an export.
const EXPORT_ROWS_MAX: i64 = 10_000;
/// Longest word that is searched for, in characters.
const WORD_CHARS_MAX: usize = 80;
/// What belongs to a cursor of this list.
const CURSOR: &str = "desk payments";

/// The filters in the address. Unknown fields are left to others, such as the language.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListQuery {
    q: String,
    state: String,
    from: String,
    to: String,
    sort: String,
    cursor: String,
}

/// A query that was read. What makes no sense is left out, as an empty field would be.
struct Asked {
    filter: PaymentFilter,
    /// A payment searched by its id.
    id: Option<PaymentId>,
    order: (Sort, Direction),
    spot: Option<Spot>,
}

impl ListQuery {
    fn read(&self, member: &Member<'_>) -> Asked {
        let word: String = self.q.trim().chars().take(WORD_CHARS_MAX).collect();
        let id = word.parse::<PaymentId>().ok();
        let amount = typed_amount(&word, member.shop.currency).filter(|_| word.contains('.'));
        let reference = Some(word).filter(|word| !word.is_empty() && id.is_none() && amount.is_none());
        let filter = PaymentFilter {
            state: state_of_slug(&self.state),
            reference,
            amount_minor: amount.map(|amount| amount.minor),
            from: day_start(&self.from, &member.zone, Edge::First),
            to: day_start(&self.to, &member.zone, Edge::Last),
            now: member.means.now,
        };
        let order = match self.sort.as_str() {
            "time-up" => (Sort::Time, Direction::Up),
            "amount-down" => (Sort::Amount, Direction::Down),
            "amount-up" => (Sort::Amount, Direction::Up),
            _ => (Sort::Time, Direction::Down),
        };
        Asked { filter, id, order, spot: read_spot(&self.cursor) }
    }
}

fn read_spot(cursor: &str) -> Option<Spot> {
    let mut parts = Cursor::decode(CURSOR, cursor).ok()?;
    let amount_minor = parts.int().ok()?;
    Some(Spot { amount_minor, id: parts.text().ok()? })
}

/// Which end of a span a day is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    First,
    Last,
}

/// When a day begins in the shop's zone; for the last day of a span, when the next one does.
fn day_start(text: &str, zone: &Zone, edge: Edge) -> Option<Timestamp> {
    let date: jiff::civil::Date = text.parse().ok()?;
    let date = if edge == Edge::Last { date.tomorrow().ok()? } else { date };
    let zone = jiff::tz::TimeZone::get(zone.name()).unwrap_or(jiff::tz::TimeZone::UTC);
    let start = date.to_zoned(zone).ok()?;
    Some(Timestamp(start.timestamp().as_millisecond()))
}

fn find_rows(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    asked: &Asked,
    limit: i64,
) -> Result<Vec<Payment>, ApiError> {
    let shop = member.shop.id;
    let Some(id) = asked.id else {
        let found =
            rows::list_sorted_payments(tx, shop, &asked.filter, asked.order, asked.spot.as_ref(), limit);
        return Ok(found?);
    };
    let found = if id.shop() == shop { rows::find_payment(tx, id)? } else { None };
    Ok(found.into_iter().collect())
}

/// Shows a page of payments.
pub(super) async fn list_payments(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let view = read_as(&desk, &visit, Permission::ViewPayments, move |tx, member| {
        let page = member.frame(tx)?;
        let asked = query.read(member);
        let mut found = find_rows(tx, member, &asked, ROWS_SHOWN as i64 + 1)?;
        let more = found.len() > ROWS_SHOWN;
        found.truncate(ROWS_SHOWN);
        let pager = pager(&page, &found, more, asked.spot.is_some());
        let rows = rows_of(tx, member, &page, &found)?;
        Ok(fill(page, query, asked.order, rows, pager))
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn pager(page: &Frame, found: &[Payment], more: bool, later: bool) -> Pager {
    let next = found.last().filter(|_| more).map(|last| {
        let cursor = Cursor::new(CURSOR).int(last.amount.minor).text(last.id.short()).encode();
        page.href_with("cursor", &cursor)
    });
    let first_href = if later { page.href_with("cursor", "") } else { String::new() };
    Pager { shown: found.len(), first_href, next_href: next.unwrap_or_default() }
}

fn fill(
    page: Frame,
    query: ListQuery,
    order: (Sort, Direction),
    rows: Vec<crate::pages::list::PaymentRow>,
    pager: Pager,
) -> PaymentsPage {
    let head = |name: String, sort: Sort, key: &str, figures: bool| {
        let turned = if order == (sort, Direction::Down) { "up" } else { "down" };
        let sorted = match order {
            (by, _) if by != sort => Sorted::No,
            (_, Direction::Down) => Sorted::Down,
            (_, Direction::Up) => Sorted::Up,
        };
        SortHead { name, href: page.href_with("sort", &format!("{key}-{turned}")), sorted, figures }
    };
    let (_, filters) = page.path.split_once('?').unwrap_or_default();
    let export_href = format!("/desk/payments.csv?{filters}");
    PaymentsPage {
        time_head: head(page.t("col-time"), Sort::Time, "time", false),
        amount_head: head(page.t("col-amount"), Sort::Amount, "amount", true),
        q: query.q,
        state: query.state,
        from: query.from,
        to: query.to,
        rows,
        pager,
        list_href: "/desk/payments".to_owned(),
        export_href,
        page,
    }
}

/// The same payments as CSV, at most [`EXPORT_ROWS_MAX`].
pub(super) async fn export_payments(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let text = read_as(&desk, &visit, Permission::ViewPayments, move |tx, member| {
        let asked = Asked { spot: None, ..query.read(member) };
        let found = find_rows(tx, member, &asked, EXPORT_ROWS_MAX)?;
        let mut out =
            "id,created_at,amount,currency,refunded,state,payer,reference,description\r\n".to_owned();
        for payment in &found {
            let payer = payer_name(tx, member.means.vault, payment.buyer)?;
            push_line(&mut out, payment, &payer, member.means.now);
        }
        Ok(out)
    });
    let mut answer = text.await?.into_response();
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    let place = HeaderValue::from_static("attachment; filename=\"payments.csv\"");
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, place);
    Ok(answer)
}

fn push_line(out: &mut String, payment: &Payment, payer: &str, now: Timestamp) {
    let refunded = Money::new(payment.refunded_minor, payment.amount.currency);
    let fields = [
        payment.id.to_string(),
        payment.created_at.to_rfc3339(),
        payment.amount.decimal(),
        payment.amount.currency.to_string(),
        refunded.decimal(),
        payment.state_at(now).name().to_owned(),
        payer.to_owned(),
        payment.reference.clone().unwrap_or_default(),
        payment.description.clone().unwrap_or_default(),
    ];
    let cells: Vec<String> = fields.iter().map(|field| cell(field)).collect();
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}

/// One field: quoted where needed, and with a quote in front of what a spreadsheet would take for a formula.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        assert_eq!(cell("tea"), "tea");
        assert_eq!(cell("tea, \"green\""), "\"tea, \"\"green\"\"\"");
        assert_eq!(cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }

    #[test]
    fn days_are_the_shops_days() {
        let zone = Zone::named("Asia/Shanghai");
        let at = |edge| day_start("2026-03-01", &zone, edge).map(Timestamp::to_rfc3339);
        assert_eq!(at(Edge::First).as_deref(), Some("2026-02-28T16:00:00.000Z"));
        assert_eq!(at(Edge::Last).as_deref(), Some("2026-03-01T16:00:00.000Z"));
        assert_eq!(day_start("yesterday", &zone, Edge::First), None);
    }
}
