//! What the shop demands of buyers, for those who run it.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::Money;
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Problems, Zone, show};

use super::form::go;
use super::hall::Hall;
use super::member::{read_as, write_as};
use super::visit::{Side, Visit};
use crate::buyer_policy::set_buyer_policy;
use crate::pages::people::BuyerPolicyPage;
use crate::permissions::Permission;

const HOME: &str = "/desk/buyer-policy";

/// Shows from which amount on more than the PIN is asked for.
pub(super) async fn show_policy(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    policy_page(&hall, &visit, StatusCode::OK, None, Problems::none()).await
}

async fn policy_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    typed: Option<String>,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(hall, visit, Permission::ManageShop, move |tx, member| {
        let currency = member.shop.currency;
        let above = member.shop.buyer_factor_above_minor.map(|minor| Money::new(minor, currency));
        let now_typed = || above.map_or_else(String::new, |money| money.decimal());
        Ok(BuyerPolicyPage {
            page: member.frame(tx)?,
            above_typed: typed.unwrap_or_else(now_typed),
            above,
            currency: currency.to_string(),
            problems,
            action_href: HOME.to_owned(),
        })
    });
    Ok(show(status, &view.await?))
}

/// The amount as typed; empty to demand nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyForm {
    above: String,
}

/// Sets the amount.
pub(super) async fn update_policy(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<PolicyForm>(Side::Member, &incoming)?;
    let typed = posted.form.above.trim().to_owned();
    let done = write_as(&hall, &visit, Permission::ManageShop, posted.once, vec![], move |tx, member| {
        let above = match typed.as_str() {
            "" => None,
            text => match Money::parse_decimal(text, member.shop.currency) {
                Ok(money) if (0..=base::limits::AMOUNT_MAX_MINOR).contains(&money.minor) => Some(money.minor),
                _ => return Ok(("amount".to_owned(), ())),
            },
        };
        set_buyer_policy(tx, &member.means, &member.actor, member.shop.id, above)?;
        Ok(("done".to_owned(), ()))
    });
    if done.await?.0 == "done" {
        return Ok(go(HOME));
    }
    let mut problems = Problems::none();
    problems.add("above", visit.frame(&hall, Side::Member, Zone::default()).t("problem-policy-amount"));
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    policy_page(&hall, &visit, status, Some(posted.form.above), problems).await
}
