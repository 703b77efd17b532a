//! `/v1/codes`: printed codes, their images, and scanning.

use axum::extract::{Path, State};
use axum::response::Response;
use base::{CodeId, Money, ScopedId, ShopId};
use identity::Permission;
use identity::gate::{Made, Operation};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};
use webkit::paging::{Cursor, List};
use webkit::qr::{Level, Symbol};

use super::orders::{PageQuery, path_id};
use super::views::{CodeView, PaymentView, pay_url, static_url};
use super::{Context, errors, read};
use crate::code::{self, Scanned};
use crate::code_token::{CodeToken, CodeTokenError};
use crate::text::ShortText;
use crate::{create, payment, store as rows};

/// Modules of white around a symbol (ISO/IEC 18004 asks for 4).
const QUIET_MODULES: u32 = 4;
/// The API takes no word on what a payment by printed code is for.
const NO_NOTE: Option<&ShortText> = None;
/// Pixels of one module in a PNG.
const MODULE_PIXELS: u32 = 10;

/// A printed code to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeBody {
    /// What the shop calls it.
    #[schema(min_length = 1, max_length = 60)]
    name: String,
    /// The terminal it stands at.
    terminal: Option<String>,
}

/// Makes a printed code, for which buyers type the amount.
#[utoipa::path(post, path = "/v1/codes", request_body = CodeBody, tag = "codes",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = CodeView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_code(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let body = incoming.json::<CodeBody>()?;
    let mut problems = Problems::new();
    let name = read::name(&mut problems, &body.name);
    let terminal = read::id(&mut problems, "terminal", body.terminal.as_deref());
    let Some(name) = name.filter(|_| problems.is_empty()) else { return Err(problems.into_error()) };
    let operation = Operation { name: "create_code", permission: Permission::ManageCodes };
    let call = context.open(incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let shop = identity::find_shop(tx, caller.shop).map_err(|e| errors::fault(&e))?;
        let shop = shop.ok_or_else(|| ApiError::not_found("shop does not exist"))?;
        if let Some(id) = terminal
            && (base::ScopedId::shop(&id) != shop.id || rows::find_terminal(tx, id)?.is_none())
        {
            return Err(ApiError::bad_field("terminal", "terminal does not exist"));
        }
        let code = code::create_code(tx, &caller.means, &caller.audit(), &shop, &name, terminal)?;
        Made::new(201, &CodeView::new(&context, &code))
    })
    .await
}

/// Lists a shop's printed codes, newest first.
#[utoipa::path(get, path = "/v1/codes", params(PageQuery), tag = "codes",
    responses((status = 200, body = List<CodeView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn list_codes(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let (limit, before) = incoming.query::<PageQuery>()?.parse("codes")?;
    let call = context.open(incoming).await?;
    call.read(Permission::ViewPayments, move |tx, caller| {
        let codes = rows::list_codes(tx, caller.shop, before.as_deref(), i64::from(limit) + 1)?;
        let list = List::new(codes, limit, |code| Cursor::new("codes").text(code.id.short()));
        Made::new(200, &list.map(|code| CodeView::new(&context, &code)))
    })
    .await
}

/// Shows a printed code.
#[utoipa::path(get, path = "/v1/codes/{id}", params(("id" = String, Path)), tag = "codes",
    responses((status = 200, body = CodeView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn find_code(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CodeId = path_id(&id)?;
    let call = context.open(incoming).await?;
    call.read(Permission::ViewPayments, move |tx, caller| {
        caller.allow(Permission::ViewPayments, id.shop())?;
        let code = rows::find_code(tx, id)?.ok_or_else(|| ApiError::not_found("code does not exist"))?;
        Made::new(200, &CodeView::new(&context, &code))
    })
    .await
}

/// Takes a printed code back.
#[utoipa::path(post, path = "/v1/codes/{id}/revoke", params(("id" = String, Path),
    ("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    tag = "codes", responses((status = 200, body = CodeView), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn revoke_code(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CodeId = path_id(&id)?;
    let operation = Operation { name: "revoke_code", permission: Permission::ManageCodes };
    let call = context.open(incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        caller.allow(Permission::ManageCodes, id.shop())?;
        let code = code::revoke_code(tx, &caller.means, &caller.audit(), id)?;
        let code = code.ok_or_else(|| ApiError::not_found("code does not exist"))?;
        Made::new(200, &CodeView::new(&context, &code))
    })
    .await
}

/// How an image of a code is drawn.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageQuery {
    /// `svg` or `png`; `svg` without it.
    format: Option<String>,
    /// Error correction, `M` or `H`; `M` without it.
    level: Option<String>,
    /// `url`, or `emv` for an EMVCo merchant-presented payload; `url` without it.
    content: Option<String>,
}

/// The image of a code, printed or of a payment that waits.
#[utoipa::path(get, path = "/v1/codes/{id}/image", params(("id" = String, Path), ImageQuery), tag = "codes",
    responses((status = 200, content_type = "image/svg+xml", body = String), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn find_code_image(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CodeId = path_id(&id)?;
    let query = incoming.query::<ImageQuery>()?;
    let style = ImageStyle::parse(&query)?;
    let call = context.open(incoming).await?;
    let kind = if style.png { "image/png" } else { "image/svg+xml" };
    let call = call.answering(kind);
    call.read(Permission::ViewPayments, move |tx, caller| {
        caller.allow(Permission::ViewPayments, id.shop())?;
        let content = content_of(&context, tx, id, style.emv)?;
        Ok(Made::bytes(style.draw(&content)?))
    })
    .await
}

#[derive(Clone, Copy)]
struct ImageStyle {
    png: bool,
    level: Level,
    emv: bool,
}

impl ImageStyle {
    fn parse(query: &ImageQuery) -> Result<ImageStyle, ApiError> {
        let mut problems = Problems::new();
        let png = match query.format.as_deref() {
            None | Some("svg") => Some(false),
            Some("png") => Some(true),
            Some(_) => problems.take("format", Err("must be `svg` or `png`")),
        };
        let level = match query.level.as_deref() {
            None | Some("M") => Some(Level::M),
            Some("H") => Some(Level::H),
            Some(_) => problems.take("level", Err("must be `M` or `H`")),
        };
        let emv = match query.content.as_deref() {
            None | Some("url") => Some(false),
            Some("emv") => Some(true),
            Some(_) => problems.take("content", Err("must be `url` or `emv`")),
        };
        match (png, level, emv) {
            (Some(png), Some(level), Some(emv)) => Ok(ImageStyle { png, level, emv }),
            _ => Err(problems.into_error()),
        }
    }

    fn draw(self, content: &str) -> Result<Vec<u8>, ApiError> {
        let symbol = Symbol::encode(content, self.level).map_err(ApiError::internal)?;
        if self.png {
            symbol.to_png(QUIET_MODULES, MODULE_PIXELS).map_err(ApiError::internal)
        } else {
            symbol.to_svg(QUIET_MODULES, "payment code").map(String::into_bytes).map_err(ApiError::internal)
        }
    }
}

/// What the symbol of a code holds.
fn content_of(context: &Context, tx: &mut store::Tx<'_>, id: CodeId, emv: bool) -> Result<String, ApiError> {
    let unknown = || ApiError::not_found("code does not exist");
    let (waiting, claims, url) =
        match payment::payment_of(id).map_or(Ok(None), |id| rows::find_payment(tx, id))? {
            Some(found) => {
                let url = pay_url(context, &found).ok_or_else(unknown)?;
                let claims = code::claims_of(&found);
                (Some(found), claims, url)
            }
            None => {
                let found = rows::find_code(tx, id)?.ok_or_else(unknown)?;
                (None, code::claims_of_static(&found), static_url(context, &found).ok_or_else(unknown)?)
            }
        };
    if !emv {
        return Ok(url);
    }
    let shop = identity::find_shop(tx, id.shop()).map_err(|e| errors::fault(&e))?.ok_or_else(unknown)?;
    let token = CodeToken::issue(&context.code_key(), &claims).map_err(ApiError::internal)?;
    code::emv_payload(&shop, waiting.as_ref(), &token, context.public_url())
        .map_err(|problem| ApiError::unprocessable(format!("the code has no EMVCo form: {problem}")))
}

/// What was read from a QR symbol.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScanBody {
    /// The text of the symbol: our URL, its token, or an EMVCo payload.
    #[schema(min_length = 1, max_length = 600)]
    text: String,
    /// The shop the buyer stands at, where the app knows it; a code of another one is refused.
    shop: Option<String>,
}

/// What a scanned code leads to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScanView {
    /// `payment` to confirm, or `amount` to type for a printed code.
    next: &'static str,
    /// The shop.
    shop: String,
    /// Its name, from our own books and not from the code.
    shop_name: String,
    /// The payment to confirm.
    payment: Option<PaymentView>,
    /// The printed code to name with the amount.
    code: Option<CodeView>,
}

/// Follows a scanned code. Each that cannot be paid says why: `code_malformed`, `code_unknown`, `code_altered`,
/// `code_expired`, `code_used`, `code_revoked`, and `code_other_shop` for one of another shop than `shop`.
#[utoipa::path(post, path = "/v1/codes/scan", request_body = ScanBody, tag = "paying",
    responses((status = 200, body = ScanView), ApiErrors), security(("buyer_session" = [])))]
pub(super) async fn scan_code(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let body = incoming.json::<ScanBody>()?;
    let mut problems = Problems::new();
    let at: Option<ShopId> = read::id(&mut problems, "shop", body.shop.as_deref());
    problems.check()?;
    let token = read_token(&context, &body.text)?;
    let operation = Operation { name: "scan_code", permission: Permission::Pay };
    let call = context.open(incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let now = caller.means.now;
        let scanned = code::scan_code(tx, &context.code_key(), &token, at, now).map_err(errors::of_scan)?;
        let shop = identity::find_shop(tx, token.code().shop()).map_err(|e| errors::fault(&e))?;
        let shop = shop.ok_or_else(|| ApiError::not_found("shop does not exist"))?;
        let (next, payment, code) = match &scanned {
            Scanned::Payment(payment) => {
                code::mark_scanned(tx, payment.id, now)?;
                ("payment", Some(PaymentView::new(&context, payment, now)), None)
            }
            Scanned::Amount(code) => ("amount", None, Some(CodeView::new(&context, code))),
        };
        Made::new(200, &ScanView { next, shop: shop.id.to_string(), shop_name: shop.name, payment, code })
    })
    .await
}

/// The token in a scanned text, in whichever form.
fn read_token(context: &Context, text: &str) -> Result<CodeToken, ApiError> {
    let text = text.trim();
    let malformed = || ApiError::new(&errors::CODE_MALFORMED, "the text is not a code of this installation");
    if let Ok(emv) = crate::emv::EmvCode::parse(text.as_bytes()) {
        let token = emv.pay_token(context.public_url()).ok_or_else(malformed)?;
        return CodeToken::parse(token).map_err(|_| malformed());
    }
    let own = text.strip_prefix(context.public_url()).and_then(|rest| rest.strip_prefix("/p/"));
    CodeToken::parse(own.unwrap_or(text)).map_err(|_| malformed())
}

/// The amount a buyer types for a printed code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AmountBody {
    /// Amount in minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    amount_minor: i64,
    /// ISO 4217 currency of the code.
    #[schema(example = "CNY", min_length = 3, max_length = 3)]
    currency: String,
    /// The shop the buyer stands at, where the app knows it; a code of another one is refused.
    shop: Option<String>,
}

/// Makes the payment of a buyer who scanned a printed code. A code that cannot be paid is `code_unknown`, `code_revoked` or,
/// when it is of another shop than `shop`, `code_other_shop`.
#[utoipa::path(post, path = "/v1/codes/{id}/payments", request_body = AmountBody, tag = "paying",
    params(("id" = String, Path),
    ("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = PaymentView), ApiErrors), security(("buyer_session" = [])))]
pub(super) async fn create_payment_from_code(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CodeId = path_id(&id)?;
    let body = incoming.json::<AmountBody>()?;
    let mut problems = Problems::new();
    let amount: Option<Money> = read::amount(&mut problems, body.amount_minor, &body.currency);
    let at: Option<ShopId> = read::id(&mut problems, "shop", body.shop.as_deref());
    let Some(amount) = amount.filter(|_| problems.is_empty()) else { return Err(problems.into_error()) };
    if at.is_some_and(|at| at != id.shop()) {
        return Err(errors::of_scan(CodeTokenError::OtherShop.into()));
    }
    let operation = Operation { name: "create_payment_from_code", permission: Permission::Pay };
    let call = context.open(incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        context.begin_at_code(caller.buyer()?.buyer, caller.means.now)?;
        let payment = create::create_payment_from_code(tx, &caller.means, id, amount, NO_NOTE);
        let payment = payment.map_err(errors::of_create)?;
        context.publish(tx, &payment);
        Made::new(201, &PaymentView::new(&context, &payment, caller.means.now))
    })
    .await
}
