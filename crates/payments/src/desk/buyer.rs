//! The buyer's own payments.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::Money;
use identity::desk::{Payer, Visit, admit_payer, go, payer_name, touch_buyer, with_next};
use store::Tx;
use webkit::error::ApiError;
use webkit::page::{Frame, show};

use super::Desk;
use super::words::shown;
use crate::balance::find_balance;
use crate::pages::pay::{OwnPayment, OwnPaymentsPage};
use crate::store as rows;

/// Where a buyer's own payments are.
const HOME: &str = "/me";
/// Most payments in a buyer's own list.
const OWN_PAYMENTS_MAX: i64 = 50;

/// The buyer's own payments, while the session is awake.
pub(super) async fn list_own_payments(
    Shared(desk): Shared<Desk>,
    visit: Visit,
) -> Result<Response, ApiError> {
    let (cx, asker) = (desk.clone(), visit.clone());
    let found = desk.db().read(move |tx| {
        let payer = admit_payer(tx, &cx.hall, &asker)?;
        if !payer.session.awake {
            return Ok(None);
        }
        let page = asker.buyer_frame(&cx.hall);
        Ok::<_, ApiError>(Some((fill_own(tx, &payer, page)?, payer.session.touch_due)))
    });
    let Some((view, touch_due)) = found.await? else { return Ok(go(&with_next("/me/wake", HOME))) };
    if touch_due {
        touch_buyer(&desk.hall, &visit).await?;
    }
    Ok(show(StatusCode::OK, &view))
}

fn fill_own(tx: &mut Tx<'_>, payer: &Payer<'_>, page: Frame) -> Result<OwnPaymentsPage, ApiError> {
    let buyer = payer.session.buyer;
    let mut lines = Vec::new();
    let mut currencies = Vec::new();
    for payment in rows::list_buyer_payments(tx, buyer, OWN_PAYMENTS_MAX)? {
        let shop = super::words::find_payee(tx, base::ScopedId::shop(&payment.id))?.shop.name;
        if !currencies.contains(&payment.amount.currency) {
            currencies.push(payment.amount.currency);
        }
        let state = shown(payment.state_at(payer.means.now));
        lines.push(OwnPayment {
            href: format!("/pay/{}", payment.id),
            shop,
            amount: payment.amount,
            at: payment.created_at,
            state,
        });
    }
    let mut balances = Vec::new();
    for currency in currencies {
        balances.push(Money::new(find_balance(tx, buyer, currency)?, currency));
    }
    let who = payer_name(tx, payer.means.vault, Some(buyer))?;
    Ok(OwnPaymentsPage { page, who, balances, rows: lines, sign_out_href: "/me/sign-out".to_owned() })
}
