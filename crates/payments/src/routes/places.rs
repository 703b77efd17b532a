//! `/v1/shop/place` and `/v1/terminals/{id}/place`: where a shop and its terminals are.

use axum::Json as Answer;
use axum::extract::{Path, State};
use base::TerminalId;
use identity::Permission;
use identity::gate::Bearer;
use risk::Place;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};

use super::orders::path_id;
use super::views::TerminalView;
use super::{Context, errors, read};
use crate::place::{set_shop_place, set_terminal_place};
use crate::shop::{Premises, find_premises};

/// A place to be set: both degrees, or neither for one that is not known.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceBody {
    /// Degrees north. Kept to about a kilometre.
    #[schema(minimum = -90, maximum = 90)]
    latitude: Option<f64>,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    longitude: Option<f64>,
}

impl PlaceBody {
    fn parse(&self) -> Result<Option<Place>, ApiError> {
        let mut problems = Problems::new();
        let place = read::place(&mut problems, self.latitude, self.longitude);
        problems.check()?;
        Ok(place)
    }
}

/// Where a shop is.
#[derive(Serialize, ToSchema)]
pub(super) struct PlaceView {
    /// Degrees north; absent where the shop said nothing.
    latitude: Option<f64>,
    /// Degrees east.
    longitude: Option<f64>,
    /// IANA name of the time zone.
    time_zone: String,
}

impl From<Premises> for PlaceView {
    fn from(premises: Premises) -> PlaceView {
        let (latitude, longitude) = premises.place.map(Place::degrees).unzip();
        PlaceView { latitude, longitude, time_zone: premises.zone }
    }
}

/// Where the caller's shop is: what the distance of a payer is measured from.
#[utoipa::path(get, path = "/v1/shop/place", tag = "shop", security(("member_session" = [])),
    responses((status = 200, body = PlaceView), ApiErrors))]
pub(super) async fn find_shop_place(State(context): State<Context>, who: Bearer) -> ApiResult<PlaceView> {
    let found = context.identity.read_as(who, Permission::ViewShop, |tx, caller| {
        caller.member()?;
        let shop = identity::find_shop(tx, caller.shop).map_err(|e| errors::fault(&e))?;
        let shop = shop.ok_or_else(|| ApiError::not_found("shop does not exist"))?;
        Ok(find_premises(tx, shop.id, &shop.country)?)
    });
    Ok(Answer(found.await?.into()))
}

/// Sets where the caller's shop is.
#[utoipa::path(put, path = "/v1/shop/place", request_body = PlaceBody, tag = "shop",
    security(("member_session" = [])), responses((status = 200, body = PlaceView), ApiErrors))]
pub(super) async fn update_shop_place(
    State(context): State<Context>,
    who: Bearer,
    Json(body): Json<PlaceBody>,
) -> ApiResult<PlaceView> {
    let place = body.parse()?;
    let set = context.identity.write_as(who, Permission::ManageShop, move |tx, caller| {
        set_shop_place(tx, &caller.means, &caller.actor, caller.shop, place).map_err(errors::of_place)
    });
    Ok(Answer(set.await?.into()))
}

/// Sets where a terminal stands; without a place of its own it stands where the shop is.
#[utoipa::path(put, path = "/v1/terminals/{id}/place", request_body = PlaceBody, tag = "terminals",
    params(("id" = String, Path)), security(("member_session" = [])),
    responses((status = 200, body = TerminalView), ApiErrors))]
pub(super) async fn update_terminal_place(
    State(context): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<PlaceBody>,
) -> ApiResult<TerminalView> {
    let id: TerminalId = path_id(&id)?;
    let place = body.parse()?;
    let set = context.identity.write_as(who, Permission::ManageTerminals, move |tx, caller| {
        set_terminal_place(tx, &caller.means, &caller.actor, id, place).map_err(errors::of_place)
    });
    Ok(Answer(TerminalView::from(&set.await?)))
}
