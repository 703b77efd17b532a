//! `/v1/tokens`: cards in, tokens out.

use axum::extract::{Path, State};
use axum::response::Response;
use base::{CustomerId, ScopedId, Secret, TokenId};
use identity::gate::{Call, Caller, Made, Operation};
use identity::{Context, Permission};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};
use webkit::paging::{Cursor, List};

use super::errors;
use super::read::{PageQuery, WhyBody, path_id};
use super::views::{OpenedCardView, OpeningView, TokenView};
use crate::card::{CardNumber, Expiry};
use crate::limits::SINGLE_USE_SECONDS_DEFAULT;
use crate::opening::{self, Attempt};
use crate::record::By;
use crate::token::{self, NewToken, Use};
use crate::values::{ExternalId, Value};

/// Who does something, as the domain is told.
pub(super) fn by<'a>(caller: &'a Caller<'_>) -> By<'a> {
    By { actor: &caller.actor, address: caller.remote, request: Some(caller.request) }
}

/// A card to be kept. There is no field for its verification code: it must not be stored, so it is not taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenBody {
    /// The card number, 13 to 19 digits; single spaces or hyphens between groups are fine.
    #[schema(min_length = 13, max_length = 40, example = "4111 1111 1111 1111", format = Password)]
    number: String,
    /// The card's last month, 1 to 12.
    #[schema(minimum = 1, maximum = 12)]
    expiry_month: i64,
    /// Its year, two or four digits.
    #[schema(minimum = 0, maximum = 9999)]
    expiry_year: i64,
    /// The name on the card.
    #[schema(max_length = 100)]
    holder: Option<String>,
    /// Whose card it is.
    customer: Option<String>,
    /// Opens once, and its card is destroyed then.
    #[serde(default)]
    single_use: bool,
    /// Life of a single-use token, 60 to 86400 seconds; 3600 without it.
    #[schema(minimum = 60, maximum = 86_400)]
    expires_in_seconds: Option<i64>,
    /// What the shop calls this card; the same twice is refused.
    #[schema(min_length = 1, max_length = 100)]
    external_id: Option<String>,
}

impl TokenBody {
    fn parse(self, now: base::Timestamp) -> Result<NewToken, ApiError> {
        let mut problems = Problems::new();
        let text = Secret::new(self.number);
        let number = problems.take("number", CardNumber::parse(text.expose()));
        let expiry = problems.take("expiry_month", Expiry::parse(self.expiry_year, self.expiry_month, now));
        let holder = self.holder.map(Secret::new);
        let holder = holder.and_then(|text| problems.take("holder", Value::name(text.expose())));
        let customer = self.customer.and_then(|text| problems.take("customer", text.parse::<CustomerId>()));
        let external =
            self.external_id.and_then(|text| problems.take("external_id", ExternalId::parse(&text)));
        let lasting = match (self.single_use, self.expires_in_seconds) {
            (true, seconds) => Use::Once { seconds: seconds.unwrap_or(SINGLE_USE_SECONDS_DEFAULT) },
            (false, None) => Use::Many,
            (false, Some(_)) => {
                problems.add("expires_in_seconds", "is for single-use tokens alone");
                Use::Many
            }
        };
        match (number, expiry) {
            (Some(number), Some(expiry)) if problems.is_empty() => {
                Ok(NewToken { number, expiry, holder, customer, lasting, external })
            }
            _ => Err(problems.into_error()),
        }
    }
}

/// Keeps a card and gives the token that stands for it.
#[utoipa::path(post, path = "/v1/tokens", request_body = TokenBody, tag = "tokens",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = TokenView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_token(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let new = incoming.json::<TokenBody>()?.parse(incoming.context.at)?;
    let operation = Operation { name: "create_token", permission: Permission::CreateTokens };
    let call = Call::open(&context, incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let made = token::create_token(tx, &caller.means, &by(caller), caller.shop, &new);
        let made = made.map_err(errors::of_token)?;
        Made::new(201, &TokenView::new(&made, caller.means.now))
    })
    .await
}

/// Which tokens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenQuery {
    /// Items on the page, 1 to 100; 20 without it.
    limit: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// The tokens of one customer, newest first, at most 100, without pages.
    customer: Option<String>,
}

enum Wanted {
    Page { limit: u32, before: Option<TokenId> },
    Customer(CustomerId),
}

impl TokenQuery {
    fn parse(self) -> Result<Wanted, ApiError> {
        let paged = self.limit.is_some() || self.cursor.is_some();
        match self.customer {
            Some(text) if !paged => {
                text.parse().map(Wanted::Customer).map_err(|problem| ApiError::bad_field("customer", problem))
            }
            None => {
                let query = PageQuery { limit: self.limit, cursor: self.cursor };
                let (limit, before) = query.parse("tokens")?;
                Ok(Wanted::Page { limit, before })
            }
            Some(_) => Err(ApiError::bad_field("query", "send a page or `customer`")),
        }
    }
}

/// Lists a shop's tokens, newest first.
#[utoipa::path(get, path = "/v1/tokens", params(TokenQuery), tag = "tokens",
    responses((status = 200, body = List<TokenView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn list_tokens(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let wanted = incoming.query::<TokenQuery>()?.parse()?;
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ViewCustomers, move |tx, caller| {
        let (now, shop) = (caller.means.now, caller.shop);
        let list = match &wanted {
            Wanted::Page { limit, before } => {
                let found = token::list_tokens(tx, shop, *before, i64::from(*limit) + 1);
                let found = found.map_err(errors::of_token)?;
                List::new(found, *limit, |token| Cursor::new("tokens").text(token.id.to_string()))
            }
            Wanted::Customer(id) => {
                caller.allow(Permission::ViewCustomers, id.shop())?;
                let found = token::list_tokens_of_customer(tx, *id);
                List { data: found.map_err(errors::of_token)?, next_cursor: None }
            }
        };
        Made::new(200, &list.map(|token| TokenView::new(&token, now)))
    })
    .await
}

/// Shows a token, its card masked.
#[utoipa::path(get, path = "/v1/tokens/{id}", params(("id" = String, Path)), tag = "tokens",
    responses((status = 200, body = TokenView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn find_token(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: TokenId = path_id(&id)?;
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ViewCustomers, move |tx, caller| {
        let found = token::find_token(tx, caller.shop, id).map_err(errors::of_token)?;
        Made::new(200, &TokenView::new(&found, caller.means.now))
    })
    .await
}

/// Destroys the card behind a token, for good. The token stays as a name without a card.
#[utoipa::path(delete, path = "/v1/tokens/{id}", params(("id" = String, Path)), tag = "tokens",
    responses((status = 200, body = TokenView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn delete_token(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: TokenId = path_id(&id)?;
    let operation = Operation { name: "delete_token", permission: Permission::ManageCustomers };
    let call = Call::open(&context, incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let ended = token::delete_token(tx, &caller.means, &by(caller), caller.shop, id);
        let ended = ended.map_err(errors::of_token)?;
        Made::new(200, &TokenView::new(&ended, caller.means.now))
    })
    .await
}

/// Opens the card behind a token. Each answer is one opening: it is counted, entered into the audit log and kept for the
/// card's owner. A single-use token has served then, and its card is destroyed.
#[utoipa::path(post, path = "/v1/tokens/{id}/open", request_body = WhyBody, params(("id" = String, Path)),
    tag = "tokens", responses((status = 200, body = OpenedCardView), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn open_token(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: TokenId = path_id(&id)?;
    let mut problems = Problems::new();
    let why = incoming.json::<WhyBody>()?.parse(&mut problems);
    let Some(why) = why else { return Err(problems.into_error()) };
    let operation = Operation { name: "open_token", permission: Permission::OpenTokens };
    let call = Call::open(&context, incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let attempt = opening::open_token(tx, &caller.means, &by(caller), caller.shop, id, &why);
        match attempt.map_err(errors::of_opening)? {
            Attempt::Opened(card) => Made::new(200, &OpenedCardView::from(&card)),
            Attempt::Over { retry_after_seconds } => caller.made(&errors::over(retry_after_seconds)),
        }
    })
    .await
}

/// Lists the tokens of the card behind a token, newest first, at most 1,000. Who may not open the card
/// may not ask, and asking counts as an opening: from tokens that share a card, any card is found by trying.
#[utoipa::path(post, path = "/v1/tokens/{id}/match", request_body = WhyBody, params(("id" = String, Path)),
    tag = "tokens", responses((status = 200, body = List<TokenView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn match_token(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: TokenId = path_id(&id)?;
    let mut problems = Problems::new();
    let why = incoming.json::<WhyBody>()?.parse(&mut problems);
    let Some(why) = why else { return Err(problems.into_error()) };
    let operation = Operation { name: "match_token", permission: Permission::OpenTokens };
    let call = Call::open(&context, incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let attempt = opening::match_token(tx, &caller.means, &by(caller), caller.shop, id, &why);
        match attempt.map_err(errors::of_opening)? {
            Attempt::Opened(found) => {
                let data = found.iter().map(|token| TokenView::new(token, caller.means.now)).collect();
                Made::new(200, &List { data, next_cursor: None })
            }
            Attempt::Over { retry_after_seconds } => caller.made(&errors::over(retry_after_seconds)),
        }
    })
    .await
}

/// Lists who opened the card behind a token, newest first.
#[utoipa::path(get, path = "/v1/tokens/{id}/openings", params(("id" = String, Path)), tag = "tokens",
    responses((status = 200, body = List<OpeningView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn list_token_openings(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: TokenId = path_id(&id)?;
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ViewCustomers, move |tx, caller| {
        let found = opening::list_token_openings(tx, &caller.means, caller.shop, id);
        let found = found.map_err(errors::of_opening)?;
        Made::new(200, &List { data: found.iter().map(OpeningView::from).collect(), next_cursor: None })
    })
    .await
}
