//! The buyer's own payments, and what they are paid with.

use askama::Template;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::Money;
use identity::Person;
use identity::desk::{Payer, Visit, admit_payer, go, payer_name, touch_buyer, with_next};
use identity::factors::{FactorKind, list_factors};
use store::Tx;
use webkit::error::ApiError;
use webkit::page::{Frame, show};

use super::Desk;
use super::words::shown;
use crate::pages::pay::{BalanceLine, MethodsPage, OwnPayment, OwnPaymentsPage, PasskeyLine};
use crate::store as rows;

/// Where a buyer's own payments are.
const HOME: &str = "/me";
/// Where a buyer's payment methods are.
const METHODS: &str = "/me/methods";
/// Most payments in a buyer's own list.
const OWN_PAYMENTS_MAX: i64 = 50;

/// The buyer's own payments, while the session is awake.
pub(super) async fn list_own_payments(
    Shared(desk): Shared<Desk>,
    visit: Visit,
) -> Result<Response, ApiError> {
    show_awake(&desk, &visit, HOME, fill_own).await
}

/// What the buyer pays with, and what confirms a payment; while the session is awake.
pub(super) async fn list_methods(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    show_awake(&desk, &visit, METHODS, fill_methods).await
}

type Fill<V> = fn(&mut Tx<'_>, &Payer<'_>, Frame) -> Result<V, ApiError>;

/// Shows a page of the buyer's own; a session that sleeps is woken first.
async fn show_awake<V: Template + Send + 'static>(
    desk: &Desk,
    visit: &Visit,
    path: &'static str,
    fill: Fill<V>,
) -> Result<Response, ApiError> {
    let (cx, asker) = (desk.clone(), visit.clone());
    let found = desk.db().read(move |tx| {
        let payer = admit_payer(tx, &cx.hall, &asker)?;
        if !payer.session.awake {
            return Ok(None);
        }
        let page = asker.buyer_frame(&cx.hall);
        Ok::<_, ApiError>(Some((fill(tx, &payer, page)?, payer.session.touch_due)))
    });
    let Some((view, touch_due)) = found.await? else { return Ok(go(&with_next("/me/wake", path))) };
    if touch_due {
        touch_buyer(&desk.hall, visit).await?;
    }
    Ok(show(StatusCode::OK, &view))
}

fn fill_own(tx: &mut Tx<'_>, payer: &Payer<'_>, page: Frame) -> Result<OwnPaymentsPage, ApiError> {
    let buyer = payer.session.buyer;
    let mut lines = Vec::new();
    for payment in rows::list_buyer_payments(tx, buyer, OWN_PAYMENTS_MAX)? {
        let shop = super::words::find_payee(tx, base::ScopedId::shop(&payment.id))?.shop.name;
        let state = shown(payment.state_at(payer.means.now));
        lines.push(OwnPayment {
            href: format!("/pay/{}", payment.id),
            shop,
            amount: payment.amount,
            at: payment.created_at,
            state,
        });
    }
    let balances = list_balances(tx, payer)?.into_iter().map(|line| line.available).collect();
    let who = payer_name(tx, payer.means.vault, Some(buyer))?;
    Ok(OwnPaymentsPage { page, who, balances, rows: lines })
}

fn list_balances(tx: &mut Tx<'_>, payer: &Payer<'_>) -> Result<Vec<BalanceLine>, ApiError> {
    let accounts = ledger::list_buyer_accounts(tx, payer.session.buyer)?;
    let line = |account: ledger::Account| BalanceLine {
        available: Money::new(account.balance.available_minor(), account.key.currency),
        held: Money::new(account.balance.debits_pending, account.key.currency),
    };
    Ok(accounts.into_iter().map(line).collect())
}

fn fill_methods(tx: &mut Tx<'_>, payer: &Payer<'_>, page: Frame) -> Result<MethodsPage, ApiError> {
    let buyer = identity::find_buyer(tx, payer.session.buyer)?;
    let buyer = buyer.ok_or_else(|| ApiError::not_found("no such account"))?;
    let factors = list_factors(tx, Person::Buyer(buyer.id))?;
    let passkeys = factors.into_iter().filter(|factor| factor.kind == FactorKind::Passkey);
    let passkeys = passkeys.map(|factor| PasskeyLine {
        remove_href: format!("/me/security/{}/remove", factor.id),
        label: factor.label,
        created: factor.created,
        used: factor.used,
    });
    Ok(MethodsPage {
        balances: list_balances(tx, payer)?,
        passkeys: passkeys.collect(),
        pin_changed: buyer.pin_changed,
        pin_locked: buyer.pin_locked,
        page,
    })
}
