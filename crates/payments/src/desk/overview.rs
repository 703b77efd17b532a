//! The desk's first page.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::{Money, Timestamp};
use identity::Permission;
use identity::desk::Visit;
use store::Tx;
use webkit::error::ApiError;
use webkit::page::{Frame, show};

use super::Desk;
use super::member::{Member, read_as};
use super::rows::rows_of;
use crate::pages::overview::{HourOutcomes, OverviewPage};
use crate::payment::State;
use crate::store::{self as rows, PaymentFilter, Taken};

/// Rows of the live table.
const ROWS_SHOWN: i64 = 12;
/// Most reviews that are added up.
const REVIEWS_MAX: i64 = 100;
const HOUR_SECONDS: i64 = 3_600;
const WEEK_SECONDS: i64 = 7 * 86_400;
/// Hours of the chart.
const HOURS: i64 = 24;
/// How long a sum of the books is believed, seconds: it reads every account.
const BOOKS_SECONDS: i64 = 60;

/// Shows the overview.
pub(super) async fn show_overview(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&desk, &visit, Permission::ViewPayments, |tx, member| {
        let page = member.frame(tx)?;
        fill(tx, member, page)
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn fill(tx: &mut Tx<'_>, member: &Member<'_>, mut page: Frame) -> Result<OverviewPage, ApiError> {
    let (shop, now) = (&member.shop, member.means.now);
    page.live = "/desk/live".to_owned();
    let zero = Money::new(0, shop.currency);
    let midnight = member.zone.start_of_day(now);
    let Taken { payments: today_count, money: today } =
        rows::sum_taken(tx, shop.id, zero, midnight, now.plus_seconds(1))?;
    let (since, until) = (midnight.plus_seconds(-WEEK_SECONDS), now.plus_seconds(-WEEK_SECONDS));
    let before = rows::sum_taken(tx, shop.id, zero, since, until)?;
    let (reviews, reviews_amount) = sum_reviews(tx, member, zero)?;
    let newest = rows::list_payments(
        tx,
        shop.id,
        &PaymentFilter { now, ..PaymentFilter::default() },
        None,
        ROWS_SHOWN,
    )?;
    let log =
        audit::find_signed(tx, member.desk.context.signer.verifier_key()).map_err(ApiError::internal)?;
    Ok(OverviewPage {
        today,
        today_count,
        week_ago: (shop.created <= until).then_some(before.money),
        reviews,
        reviews_amount,
        reviews_href: "/desk/reviews".to_owned(),
        needs: Vec::new(),
        hours: list_hours(tx, member)?,
        rows: rows_of(tx, member, &page, &newest)?,
        payments_href: "/desk/payments".to_owned(),
        codes_href: "/desk/codes/new".to_owned(),
        books_balanced: check_books(tx, member.desk, now)?,
        log_size: log.as_ref().map_or(0, audit::SignedCheckpoint::size),
        log_sealed_at: log.and_then(|log| log.at),
        page,
    })
}

/// How many payments wait for this member, and how much money.
fn sum_reviews(tx: &mut Tx<'_>, member: &Member<'_>, zero: Money) -> Result<(u64, Money), ApiError> {
    if !member.can(Permission::Review) {
        return Ok((0, zero));
    }
    let (mut count, mut sum) = (0, zero);
    for review in rows::list_open_reviews(tx, member.shop.id, member.means.now, REVIEWS_MAX)? {
        if let Some(payment) = rows::find_payment(tx, review.payment)? {
            count += 1;
            sum = sum.plus(payment.amount).unwrap_or(sum);
        }
    }
    Ok((count, sum))
}

/// Outcomes of the last 24 hours, oldest first, empty hours as well.
fn list_hours(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<Vec<HourOutcomes>, ApiError> {
    let hour_ms = HOUR_SECONDS * 1_000;
    let this_hour = Timestamp(member.means.now.millis().div_euclid(hour_ms) * hour_ms);
    let first = this_hour.plus_seconds(-(HOURS - 1) * HOUR_SECONDS);
    let start = |index: i64| first.plus_seconds(index * HOUR_SECONDS);
    let empty = |index| HourOutcomes { start: start(index), paid: 0, waiting: 0, declined: 0 };
    let mut hours: Vec<HourOutcomes> = (0..HOURS).map(empty).collect();
    for (at, state, count, _) in rows::sum_payments_by_hour(tx, member.shop.id, first)? {
        let count = u64::try_from(count).unwrap_or(0);
        let Some(hour) = hours.iter_mut().find(|hour| hour.start == at) else { continue };
        match state {
            State::Paid | State::PartlyRefunded | State::Refunded => hour.paid += count,
            State::Paused | State::InReview => hour.waiting += count,
            State::Declined => hour.declined += count,
            State::Waiting | State::Expired | State::Cancelled => {}
        }
    }
    Ok(hours)
}

/// Whether all debits equal all credits, as of at most a minute ago.
fn check_books(tx: &mut Tx<'_>, desk: &Desk, now: Timestamp) -> Result<bool, ApiError> {
    let known = *desk.books.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, balanced)) = known.filter(|(at, _)| now < at.plus_seconds(BOOKS_SECONDS)) {
        return Ok(balanced);
    }
    let balanced = ledger::list_totals(tx)?.iter().all(ledger::Totals::is_zero);
    *desk.books.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((now, balanced));
    Ok(balanced)
}
