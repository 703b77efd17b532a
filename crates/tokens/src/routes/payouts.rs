//! `/v1/payout-account`: where the shop's money is paid out to.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use identity::approvals::Asked;
use identity::gate::Bearer;
use identity::routes::{WaitingView, waiting};
use identity::{Context, Permission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};

use super::errors::of_payout;
use super::tokens::by;
use crate::limits::PAYOUT_COOLING_SECONDS;
use crate::payout::{self, NewPayout, PayoutAccount, PayoutAccounts, Typed};

/// An account that money is paid out to, masked.
#[derive(Serialize, ToSchema)]
pub(super) struct PayoutAccountView {
    /// Its name in the log.
    id: String,
    /// `iban`, `card` or `account`.
    scheme: &'static str,
    /// The holder, masked.
    holder: String,
    /// The number, masked.
    number: String,
    /// The bank; an IBAN may go without.
    bank: Option<String>,
    /// Who proposed it.
    proposed_by: String,
    /// When it was proposed, RFC 3339.
    created_at: String,
    /// From when on it counts, RFC 3339; absent while it waits for a second person.
    effective_at: Option<String>,
    /// The approval it waits for or was begun with.
    approval: Option<String>,
}

impl From<PayoutAccount> for PayoutAccountView {
    fn from(account: PayoutAccount) -> PayoutAccountView {
        PayoutAccountView {
            id: account.id,
            scheme: account.scheme.name(),
            holder: account.holder,
            number: account.number,
            bank: account.bank,
            proposed_by: account.proposer,
            created_at: account.created.to_rfc3339(),
            effective_at: account.effective.map(|at| at.to_rfc3339()),
            approval: account.approval.map(|id| id.to_string()),
        }
    }
}

/// Where the shop's money is paid out to, and where it will be.
#[derive(Serialize, ToSchema)]
pub(super) struct PayoutView {
    /// The account that counts now.
    current: Option<PayoutAccountView>,
    /// The one that is to take its place.
    next: Option<PayoutAccountView>,
    /// How long a change takes until it counts, seconds.
    cooling_seconds: i64,
}

impl From<PayoutAccounts> for PayoutView {
    fn from(found: PayoutAccounts) -> PayoutView {
        PayoutView {
            current: found.current.map(PayoutAccountView::from),
            next: found.next.map(PayoutAccountView::from),
            cooling_seconds: PAYOUT_COOLING_SECONDS,
        }
    }
}

/// An account that money is to be paid out to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PayoutBody {
    /// Whose account it is.
    #[schema(min_length = 1, max_length = 100)]
    holder: String,
    /// `iban`, `card` or `account`.
    scheme: String,
    /// The number; single spaces or hyphens between groups are fine.
    #[schema(min_length = 5, max_length = 80, format = Password)]
    number: String,
    /// The bank's name; an IBAN may go without.
    #[schema(max_length = 80)]
    bank: Option<String>,
}

impl PayoutBody {
    fn parse(&self) -> Result<NewPayout, ApiError> {
        let bank = self.bank.as_deref().unwrap_or_default();
        let typed = Typed { holder: &self.holder, scheme: &self.scheme, number: &self.number, bank };
        NewPayout::parse(typed).map_err(|wrong| {
            let mut problems = Problems::new();
            for (part, problem) in wrong {
                match part {
                    payout::Part::Scheme => problems.add(part.name(), "must be `iban`, `card` or `account`"),
                    part => problems.add(part.name(), problem),
                }
            }
            problems.into_error()
        })
    }
}

/// Where the shop's money is paid out to, and the change that waits, masked.
#[utoipa::path(get, path = "/v1/payout-account", tag = "payouts", security(("member_session" = [])),
    responses((status = 200, body = PayoutView), ApiErrors))]
pub(super) async fn find_payout_account(
    State(context): State<Context>,
    who: Bearer,
) -> ApiResult<PayoutView> {
    let found = context.read_as(who, Permission::ViewLedger, |tx, caller| {
        caller.member()?;
        payout::find_accounts(tx, caller.means.vault, caller.shop, caller.means.now).map_err(of_payout)
    });
    Ok(Answer(found.await?.into()))
}

/// Begins to change the account. It waits for a second person where the shop has one who manages payouts, and then 48 hours
/// until it counts; everybody who manages payouts is told and can withdraw it until then.
#[utoipa::path(put, path = "/v1/payout-account", request_body = PayoutBody, tag = "payouts",
    security(("member_session" = [])),
    responses((status = 200, body = PayoutView), (status = 202, body = WaitingView), ApiErrors))]
pub(super) async fn update_payout_account(
    State(context): State<Context>,
    who: Bearer,
    Json(body): Json<PayoutBody>,
) -> Result<Response, ApiError> {
    let new = body.parse()?;
    let done = context.write_as(who, Permission::ManagePayouts, move |tx, caller| {
        let (means, shop) = (&caller.means, caller.shop);
        match payout::request_change(tx, means, &by(caller), shop, &new).map_err(of_payout)? {
            Asked::Wait(id) => Ok(Err(id)),
            Asked::Go => payout::find_accounts(tx, means.vault, shop, means.now).map_err(of_payout).map(Ok),
        }
    });
    Ok(match done.await? {
        Err(id) => waiting(id),
        Ok(found) => Answer(PayoutView::from(found)).into_response(),
    })
}

/// Withdraws the change that waits, whoever proposed it.
#[utoipa::path(delete, path = "/v1/payout-account/next", tag = "payouts", security(("member_session" = [])),
    responses((status = 200, body = PayoutView), ApiErrors))]
pub(super) async fn withdraw_payout_account(
    State(context): State<Context>,
    who: Bearer,
) -> ApiResult<PayoutView> {
    let done = context.write_as(who, Permission::ManagePayouts, |tx, caller| {
        let (means, shop) = (&caller.means, caller.shop);
        payout::withdraw_change(tx, means, &by(caller), shop).map_err(of_payout)?;
        payout::find_accounts(tx, means.vault, shop, means.now).map_err(of_payout)
    });
    Ok(Answer(done.await?.into()))
}
