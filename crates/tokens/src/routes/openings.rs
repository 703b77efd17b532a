//! `/v1/openings`: how much may be opened, and who opened too much.

use axum::extract::State;
use axum::response::Response;
use identity::approvals::Asked;
use identity::gate::{Call, Made, Operation};
use identity::routes::{WaitingView, fault};
use identity::{Context, Permission};
use serde::Deserialize;
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};
use webkit::paging::List;

use super::errors::of_limits;
use super::tokens::by;
use super::views::{AlertView, LimitsView};
use crate::opening_limits::request_limits;
use crate::watch::{self, Limits};

/// Shows how much may be opened in the shop.
#[utoipa::path(get, path = "/v1/openings/limits", tag = "openings",
    responses((status = 200, body = LimitsView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn find_opening_limits(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ViewAudit, move |tx, caller| {
        let limits = watch::find_limits(tx, caller.shop).map_err(|found| fault(&found))?;
        Made::new(200, &LimitsView::from(&limits))
    })
    .await
}

/// How much may be opened, and when security is told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsBody {
    /// Openings of one person in an hour.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    person_hour: i64,
    /// Openings of one API key in an hour.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    key_hour: i64,
    /// Openings of the whole shop in an hour.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    shop_hour: i64,
    /// Openings of one person in an hour after which security is told.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    alert_hour: i64,
    /// Openings of one person in a day after which security is told.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    alert_day: i64,
}

impl LimitsBody {
    fn parse(&self) -> Result<Limits, ApiError> {
        let mut problems = Problems::new();
        let mut take = |name, number| problems.take(name, Limits::check(number)).unwrap_or(0);
        let limits = Limits {
            person_hour: take("person_hour", self.person_hour),
            key_hour: take("key_hour", self.key_hour),
            shop_hour: take("shop_hour", self.shop_hour),
            alert_hour: take("alert_hour", self.alert_hour),
            alert_day: take("alert_day", self.alert_day),
        };
        problems.check().map(|()| limits)
    }
}

/// Sets how much may be opened in the shop. Where that loosens a limit it waits for a second person, whose yes sets it.
#[utoipa::path(put, path = "/v1/openings/limits", request_body = LimitsBody, tag = "openings",
    responses((status = 200, body = LimitsView), (status = 202, body = WaitingView), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn update_opening_limits(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let limits = incoming.json::<LimitsBody>()?.parse()?;
    let operation = Operation { name: "update_opening_limits", permission: Permission::ManageSecurity };
    let call = Call::open(&context, incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let asked = request_limits(tx, &caller.means, &by(caller), caller.shop, &limits);
        match asked.map_err(of_limits)? {
            Asked::Go => Made::new(200, &LimitsView::from(&limits)),
            Asked::Wait(id) => Made::new(202, &WaitingView::new(id)),
        }
    })
    .await
}

/// Lists who opened too much, newest first.
#[utoipa::path(get, path = "/v1/openings/alerts", tag = "openings",
    responses((status = 200, body = List<AlertView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn list_opening_alerts(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ViewAudit, move |tx, caller| {
        let alerts = watch::list_alerts(tx, caller.shop).map_err(|found| fault(&found))?;
        Made::new(200, &List { data: alerts.iter().map(AlertView::from).collect(), next_cursor: None })
    })
    .await
}
