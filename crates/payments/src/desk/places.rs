//! Where the shop and its tills are: the list, and setting one.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::TerminalId;
use identity::Permission;
use identity::desk::{Side, Visit, go};
use risk::Place;
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::form::Choice;
use webkit::page::{Problems, show};

use super::Desk;
use super::member::{Member, read_as, write_as};
use crate::pages::places::{PlaceRow, PlacesPage};
use crate::place::{DegreesError, parse_typed, set_shop_place, set_terminal_place};
use crate::routes::errors;
use crate::shop::find_premises;
use crate::store as rows;

const HERE: &str = "/desk/places";
/// Stands for the shop itself among its tills.
const SHOP: &str = "shop";

/// A place, as typed.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceForm {
    of: String,
    latitude: String,
    longitude: String,
}

impl PlaceForm {
    fn of(of: String, place: Option<Place>) -> PlaceForm {
        let (latitude, longitude) = place.map_or_else(Default::default, |place| {
            let (north, east) = place.degrees();
            (format!("{north:.2}"), format!("{east:.2}"))
        });
        PlaceForm { of, latitude, longitude }
    }
}

/// Shows where the shop and its tills are, with one of them to be set.
pub(super) async fn list_places(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    places_page(&desk, &visit, StatusCode::OK, None, Problems::none()).await
}

async fn places_page(
    desk: &Desk,
    visit: &Visit,
    status: StatusCode,
    typed: Option<PlaceForm>,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(desk, visit, Permission::ManageTerminals, move |tx, member| {
        fill(tx, member, typed, problems)
    });
    Ok(show(status, &view.await?))
}

fn fill(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    typed: Option<PlaceForm>,
    problems: Problems,
) -> Result<PlacesPage, ApiError> {
    let page = member.frame(tx)?;
    let mut known = Vec::new();
    if member.can(Permission::ManageShop) {
        let shop = &member.shop;
        let place = find_premises(tx, shop.id, &shop.country)?.place;
        known.push((SHOP.to_owned(), page.t1("places-shop", "shop", shop.name.as_str()), place));
    }
    for till in rows::list_terminals(tx, member.shop.id)? {
        known.push((till.id.to_string(), till.name, till.place));
    }
    let wanted = member.visit.query("of").unwrap_or_default();
    let chosen = known.iter().find(|(id, ..)| *id == wanted).or(known.first());
    let chosen = chosen.map(|(id, _, place)| PlaceForm::of(id.clone(), *place));
    let form = typed.or(chosen).unwrap_or_default();
    let choices = known.iter().map(|(id, name, _)| Choice::new(id, name.clone())).collect();
    let rows = known.into_iter().map(|(id, name, place)| PlaceRow {
        href: format!("{HERE}?of={id}"),
        name,
        place: place.map(Place::degrees),
    });
    Ok(PlacesPage {
        rows: rows.collect(),
        choices,
        of: form.of,
        latitude: form.latitude,
        longitude: form.longitude,
        problems,
        action_href: HERE.to_owned(),
        page,
    })
}

/// Sets where the shop or a till is.
pub(super) async fn update_place(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<PlaceForm>(Side::Member, &incoming)?;
    let typed = posted.form;
    let place = match parse_typed(&typed.latitude, &typed.longitude) {
        Ok(place) => place,
        Err(wrong) => {
            let mut problems = Problems::none();
            let page = visit.frame(&desk.hall, Side::Member, webkit::page::Zone::default());
            let key = match wrong {
                DegreesError::Half => "problem-place-half",
                DegreesError::Range => "problem-place-range",
            };
            problems.add("latitude", page.t(key));
            return places_page(&desk, &visit, StatusCode::UNPROCESSABLE_ENTITY, Some(typed), problems).await;
        }
    };
    let of = typed.of;
    let done =
        write_as(&desk, &visit, Permission::ManageTerminals, posted.once, vec![], move |tx, member| {
            let (means, actor) = (&member.means, &member.actor);
            if of == SHOP {
                set_shop_place(tx, means, actor, member.shop.id, place).map_err(errors::of_place)?;
            } else {
                let till: TerminalId =
                    of.parse().map_err(|_| ApiError::bad_field("of", "must name the shop or a till"))?;
                set_terminal_place(tx, means, actor, till, place).map_err(errors::of_place)?;
            }
            Ok((format!("{HERE}?of={of}"), ()))
        });
    Ok(go(&done.await?.0))
}
