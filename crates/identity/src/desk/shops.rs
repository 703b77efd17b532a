//! The shops of the installation, for operators: names and counts, no payment and no customer.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::ShopId;
use store::Tx;
use webkit::error::ApiError;
use webkit::page::{Frame, show};

use super::hall::Hall;
use super::member::read_as;
use super::visit::Visit;
use crate::factors::has_member_factor;
use crate::pages::keys::{ShopRow, ShopsPage};
use crate::permissions::Permission;
use crate::shops::{Shop, list_shops};
use crate::store::members::{self, MemberState};

/// Most shops in the list.
const SHOPS_MAX: usize = 500;

/// Shows every shop.
pub(super) async fn show_shops(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&hall, &visit, Permission::Operate, |tx, member| {
        let page = member.frame(tx)?;
        let mut rows = Vec::new();
        for shop in list_shops(tx, SHOPS_MAX)?.into_iter().filter(|shop| shop.id != ShopId::HOUSE) {
            rows.push(row_of(tx, &page, shop)?);
        }
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(ShopsPage { page, rows })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn row_of(tx: &mut Tx<'_>, page: &Frame, shop: Shop) -> Result<ShopRow, ApiError> {
    let mut active = members::list_members(tx, shop.id)?;
    active.retain(|row| row.state == MemberState::Active);
    let mut without_factor = 0;
    for row in &active {
        without_factor += usize::from(!has_member_factor(tx, row.id)?);
    }
    let country = format!("country-{}", shop.country);
    let country = if page.has(&country) { page.t(country) } else { shop.country };
    Ok(ShopRow {
        id: shop.id.to_string(),
        place: format!("{} · {country}", shop.city),
        currency: shop.currency.code().to_owned(),
        members: active.len(),
        name: shop.name,
        since: shop.created,
        without_factor,
    })
}
