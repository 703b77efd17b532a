//! Members over HTTP: sign-in, set-up, invitations, roles; and the shop they work in.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::{Currency, MemberId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};
use webkit::page::Lang;
use webkit::paging::List;

use super::approvals::{WaitingView, waiting};
use super::buyers::parse_language;
use super::errors::SIGN_IN_REFUSED;
use super::gate::Bearer;
use super::second_steps::{MemberSessionView, SecondStepView};
use crate::approvals::Asked;
use crate::buyer_policy;
use crate::buyers::DeviceToken;
use crate::context::Context;
use crate::factor_reset;
use crate::grants::Grants;
use crate::members::{self, Left, Member, MemberError, MemberPerson, NewMember, Place};
use crate::password::{Password, PasswordHash, PasswordRule};
use crate::permissions::{Permission, Role};
use crate::sessions;
use crate::setup::{self, Invited, Link};
use crate::shops::{self, Shop, ShopDraft, ShopProfile};
use crate::sign_in::FirstStep;
use crate::suspensions;
use crate::text::{Email, PersonName};
use crate::token::{Token, TokenKind};

/// Signs a member in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMemberSessionBody {
    /// The address.
    #[schema(max_length = 254, example = "owner@shop.example")]
    email: String,
    /// The password.
    #[schema(max_length = 128)]
    password: String,
    /// What this device got the last time: its wrong tries are counted apart from everybody else's.
    device_token: Option<String>,
}

/// The first set-up: shop and owner.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupBody {
    /// The token of the one-time link.
    token: String,
    /// The shop.
    shop: ShopBody,
    /// The owner.
    owner: PersonBody,
    /// The owner's password, 15 to 128 characters.
    #[schema(min_length = 15, max_length = 128)]
    password: String,
}

/// A shop as typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShopBody {
    /// Its name, 1 to 100 characters.
    #[schema(max_length = 100, example = "Tea House")]
    name: String,
    /// Its town, 1 to 15 characters.
    #[schema(max_length = 15, example = "Hangzhou")]
    city: String,
    /// Its country, two letters of ISO 3166.
    #[schema(example = "CN")]
    country: String,
    /// Its merchant category, four digits of ISO 18245.
    #[schema(example = "5499")]
    category: String,
    /// The ISO 4217 currency it sells in.
    #[schema(example = "CNY")]
    currency: String,
}

/// A person as typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonBody {
    /// The name, 1 to 100 characters.
    #[schema(max_length = 100)]
    name: String,
    /// The address.
    #[schema(max_length = 254)]
    email: String,
    /// `en` or `zh`, the language of mails.
    language: Option<String>,
}

/// Accepts an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptBody {
    /// The token of the link in the mail.
    token: String,
    /// The password, 15 to 128 characters.
    #[schema(min_length = 15, max_length = 128)]
    password: String,
}

/// Invites a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMemberBody {
    /// The name, 1 to 100 characters.
    #[schema(max_length = 100)]
    name: String,
    /// The address the invitation goes to.
    #[schema(max_length = 254)]
    email: String,
    /// `owner`, `manager`, `cashier`, `support`, `finance`, `risk`, `security`, `auditor`, or the id of a
    /// role of the shop's own; one or more.
    #[schema(example = json!(["cashier"]))]
    roles: Vec<String>,
    /// `en` or `zh`, the language of mails.
    language: Option<String>,
}

/// Roles of a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesBody {
    /// `owner`, `manager`, `cashier`, `support`, `finance`, `risk`, `security`, `auditor`, or the id of a
    /// role of the shop's own; one or more.
    #[schema(example = json!(["cashier", "risk"]))]
    roles: Vec<String>,
}

/// A shop.
#[derive(Serialize, ToSchema)]
pub struct ShopView {
    /// The shop.
    id: String,
    /// Its name.
    name: String,
    /// Its town.
    city: String,
    /// Its country.
    country: String,
    /// Its merchant category.
    category: String,
    /// The currency it sells in.
    currency: String,
    /// `open` or `closed`.
    state: &'static str,
    /// Above which amount buyers give a passkey or a second factor, minor units; absent where the shop demands none.
    buyer_factor_above_minor: Option<i64>,
    /// Since when, RFC 3339.
    created_at: String,
}

/// What a shop demands of buyers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuyerPolicyBody {
    /// Above which amount they give a passkey or a second factor, minor units of the shop's currency; `null` for none.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    factor_above_minor: Option<i64>,
}

/// What the first set-up made.
#[derive(Serialize, ToSchema)]
pub struct SetupView {
    /// The shop.
    shop: ShopView,
    /// Its owner.
    owner: String,
}

/// A member that was made or changed.
#[derive(Serialize, ToSchema)]
pub struct MemberIdView {
    /// The member.
    id: String,
}

/// What ended when a member left.
#[derive(Serialize, ToSchema)]
pub struct LeftView {
    /// Sessions.
    sessions: usize,
    /// API keys the member had made.
    api_keys: usize,
    /// Apps that acted for the member.
    connections: usize,
    /// Second factors.
    factors: usize,
    /// Open proposals and unused approvals.
    approvals: usize,
}

/// A member.
#[derive(Serialize, ToSchema)]
pub struct MemberView {
    /// The member.
    id: String,
    /// The name.
    name: String,
    /// The address.
    email: String,
    /// The roles: names of built-in ones, ids of the shop's own.
    roles: Vec<String>,
    /// `invited`, `active`, `suspended` or `disabled`.
    state: &'static str,
    /// Since when, RFC 3339.
    created_at: String,
    /// The last sign-in, RFC 3339.
    last_login_at: Option<String>,
}

/// Signs a member in with address and password: the first step. 202 with a token for the second step; 201 for a member
/// who has no second factor yet, with a session that is good for setting one up.
#[utoipa::path(post, path = "/v1/member_sessions", tag = "members", request_body = NewMemberSessionBody, security(()),
    responses((status = 201, body = MemberSessionView), (status = 202, body = SecondStepView), ApiErrors))]
pub async fn create_member_session(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewMemberSessionBody>,
) -> Result<Response, ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let mut problems = Problems::new();
    let email = problems.take("email", Email::parse(&body.email));
    let password = problems.take("password", Password::parse(&body.password));
    let (Some(email), Some(password)) = (email, password) else { return Err(problems.into_error()) };
    let device = body.device_token.as_deref().and_then(DeviceToken::parse);
    let place = Place { device, ..who.place };
    let opened = members::sign_in_member(&cx, email, password, &place, who.at).await?;
    let refused = || ApiError::new(&SIGN_IN_REFUSED, "the address or the password is wrong");
    Ok(match opened.ok_or_else(refused)? {
        (member, FirstStep::In(session)) => {
            let proven = false;
            let view = MemberSessionView::new(member, &session, proven);
            (StatusCode::CREATED, Answer(view)).into_response()
        }
        (_, FirstStep::SecondStep(pending)) => {
            (StatusCode::ACCEPTED, Answer(SecondStepView::from(pending))).into_response()
        }
    })
}

/// Signs the member out of this session.
#[utoipa::path(delete, path = "/v1/member_sessions/current", tag = "members", security(("member_session" = [])),
    responses((status = 204), ApiErrors))]
pub async fn delete_member_session(State(cx): State<Context>, who: Bearer) -> Result<StatusCode, ApiError> {
    cx.write_as(who, Permission::Enter, |tx, caller| {
        let token = caller.token()?;
        caller.member()?;
        Ok(sessions::end_session(tx, &caller.means, token)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the first shop and its owner, with the one-time link that the first start printed.
#[utoipa::path(post, path = "/v1/setup", tag = "setup", request_body = SetupBody, security(()),
    responses((status = 201, body = SetupView), ApiErrors))]
pub async fn create_setup(
    State(cx): State<Context>,
    who: Bearer,
    lang: Lang,
    Json(body): Json<SetupBody>,
) -> Result<(StatusCode, Answer<SetupView>), ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let mut problems = Problems::new();
    let token = parse_link(&mut problems, &body.token);
    let profile = parse_shop(&mut problems, &body.shop);
    let name = problems.take("owner.name", PersonName::parse(&body.owner.name));
    let email = problems.take("owner.email", Email::parse(&body.owner.email));
    let lang = parse_language(&mut problems, body.owner.language.as_deref(), lang);
    let context = [body.shop.name.as_str(), &body.owner.name, &body.owner.email];
    let password = parse_new_password(
        &mut problems,
        &body.password,
        (&context, PasswordRule::alone(cx.password_profile)),
    );
    let (Some(token), Some(profile), Some(name), Some(email), Some(password)) =
        (token, profile, name, email, password)
    else {
        return Err(problems.into_error());
    };
    problems.check()?;
    let hash = hash_for_link(&cx, &who, &token, password).await?;
    let owner = NewMember { name, email, grants: Role::Owner.into(), lang };
    let means = cx.clone();
    let (shop, owner) = cx
        .db
        .write(move |tx| setup::complete_setup(tx, &means.means(who.at), &token, &profile, &owner, &hash))
        .await?;
    Ok((StatusCode::CREATED, Answer(SetupView { shop: ShopView::from(shop), owner: owner.to_string() })))
}

/// Accepts an invitation: sets the password. Sign in afterwards.
#[utoipa::path(post, path = "/v1/invitations/accept", tag = "setup", request_body = AcceptBody, security(()),
    responses((status = 200, body = MemberIdView), ApiErrors))]
pub async fn accept_invitation(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<AcceptBody>,
) -> ApiResult<MemberIdView> {
    cx.admit_anonymous(&who.place, who.at)?;
    let mut problems = Problems::new();
    let token = parse_link(&mut problems, &body.token);
    let context = find_invited_context(&cx, token.clone(), who.at).await?;
    let context: Vec<&str> = context.iter().map(String::as_str).collect();
    let rule = PasswordRule::alone(cx.password_profile);
    let password = parse_new_password(&mut problems, &body.password, (&context, rule));
    let (Some(token), Some(password)) = (token, password) else { return Err(problems.into_error()) };
    let hash = hash_for_link(&cx, &who, &token, password).await?;
    let means = cx.clone();
    let member = cx
        .db
        .write(move |tx| setup::accept_invitation(tx, &means.means(who.at), &token, &hash, None))
        .await?;
    Ok(Answer(MemberIdView { id: member.to_string() }))
}

/// The caller's shop.
#[utoipa::path(get, path = "/v1/shop", tag = "shop",
    security(("member_session" = []), ("client_certificate" = [])),
    responses((status = 200, body = ShopView), ApiErrors))]
pub async fn find_shop(State(cx): State<Context>, who: Bearer) -> ApiResult<ShopView> {
    let shop = cx.read_as(who, Permission::ViewShop, |tx, caller| {
        shops::find_shop(tx, caller.shop)?.ok_or_else(|| ApiError::not_found("no such shop"))
    });
    Ok(Answer(shop.await?.into()))
}

/// Sets what the shop demands of buyers: above an amount a passkey, or a second factor given in the last five minutes.
#[utoipa::path(put, path = "/v1/shop/buyer_policy", tag = "shop", request_body = BuyerPolicyBody,
    security(("member_session" = [])), responses((status = 204), ApiErrors))]
pub async fn update_buyer_policy(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<BuyerPolicyBody>,
) -> Result<StatusCode, ApiError> {
    cx.write_as(who, Permission::ManageShop, move |tx, caller| {
        let above = body.factor_above_minor;
        Ok(buyer_policy::set_buyer_policy(tx, &caller.means, &caller.actor, caller.shop, above)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Invites a member. The invitation goes to their address. 202 where a second person must approve the roles first.
#[utoipa::path(post, path = "/v1/members", tag = "members", request_body = NewMemberBody, security(("member_session" = [])),
    responses((status = 201, body = MemberIdView), (status = 202, body = WaitingView), ApiErrors))]
pub async fn create_member(
    State(cx): State<Context>,
    who: Bearer,
    lang: Lang,
    Json(body): Json<NewMemberBody>,
) -> Result<Response, ApiError> {
    let mut problems = Problems::new();
    let name = problems.take("name", PersonName::parse(&body.name));
    let email = problems.take("email", Email::parse(&body.email));
    let grants = problems.take("roles", Grants::parse(&body.roles));
    let lang = parse_language(&mut problems, body.language.as_deref(), lang);
    let (Some(name), Some(email), Some(grants)) = (name, email, grants) else {
        return Err(problems.into_error());
    };
    problems.check()?;
    let (new, public_url) = (NewMember { name, email, grants, lang }, cx.public_url.clone());
    let invited = cx
        .write_as(who, Permission::ManageMembers, move |tx, caller| {
            Ok(setup::invite_member(tx, &caller.means, &caller.actor, caller.shop, &new, &public_url)?)
        })
        .await?;
    Ok(match invited {
        Invited::Member(member) => {
            (StatusCode::CREATED, Answer(MemberIdView { id: member.to_string() })).into_response()
        }
        Invited::Waiting(approval) => waiting(approval),
    })
}

/// The members of the caller's shop.
#[utoipa::path(get, path = "/v1/members", tag = "members", security(("member_session" = [])),
    responses((status = 200, body = List<MemberView>), ApiErrors))]
pub async fn list_members(State(cx): State<Context>, who: Bearer) -> ApiResult<List<MemberView>> {
    let found = cx.read_as(who, Permission::ViewMembers, |tx, caller| {
        Ok(members::list_members(tx, caller.means.vault, &caller.actor, caller.shop)?)
    });
    let data = found.await?.into_iter().map(|(member, person)| MemberView::new(&member, &person)).collect();
    Ok(Answer(List { data, next_cursor: None }))
}

/// Removes a member; see `leave`.
#[utoipa::path(delete, path = "/v1/members/{id}", tag = "members", security(("member_session" = [])),
    params(("id" = String, Path, description = "the member")), responses((status = 204), ApiErrors))]
pub async fn delete_member(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    remove(&cx, who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a member leave: ends their sessions, factors, the API keys they made and their proposals, in force with the next
/// request.
#[utoipa::path(post, path = "/v1/members/{id}/leave", tag = "members", security(("member_session" = [])),
    params(("id" = String, Path, description = "the member")), responses((status = 200, body = LeftView), ApiErrors))]
pub async fn leave_shop(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> ApiResult<LeftView> {
    let left = remove(&cx, who, &id).await?;
    let Left { sessions, api_keys, connections, factors, approvals } = left;
    Ok(Answer(LeftView { sessions, api_keys, connections, factors, approvals }))
}

async fn remove(cx: &Context, who: Bearer, id: &str) -> Result<Left, ApiError> {
    let id = parse_member(id);
    cx.write_as(who, Permission::ManageMembers, move |tx, caller| {
        let id = id.clone()?;
        Ok(members::remove_member(tx, &caller.means, &caller.actor, caller.shop, id)?)
    })
    .await
}

/// Lets a suspended member in again.
#[utoipa::path(post, path = "/v1/members/{id}/restore", tag = "members", security(("member_session" = [])),
    params(("id" = String, Path, description = "the member")), responses((status = 204), ApiErrors))]
pub async fn restore_member(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = parse_member(&id);
    cx.write_as(who, Permission::ManageMembers, move |tx, caller| {
        let id = id.clone()?;
        Ok(suspensions::restore_member(tx, &caller.means, &caller.actor, caller.shop, id)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a member other roles, in force with their next request. 202 where a second person must approve them first.
#[utoipa::path(put, path = "/v1/members/{id}/roles", tag = "members", request_body = RolesBody,
    security(("member_session" = [])), params(("id" = String, Path, description = "the member")),
    responses((status = 204), (status = 202, body = WaitingView), ApiErrors))]
pub async fn update_member_roles(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<RolesBody>,
) -> Result<Response, ApiError> {
    let id = parse_member(&id);
    let grants = Grants::parse(&body.roles).map_err(|problem| ApiError::bad_field("roles", problem))?;
    let asked = cx.write_as(who, Permission::ManageMembers, move |tx, caller| {
        let id = id.clone()?;
        Ok(members::update_roles(tx, &caller.means, &caller.actor, caller.shop, id, &grants)?)
    });
    Ok(match asked.await? {
        Asked::Go => StatusCode::NO_CONTENT.into_response(),
        Asked::Wait(approval) => waiting(approval),
    })
}

/// Resets the second factors of a member who lost them all: 202 with a proposal that a second person must approve, and once
/// that was done 204 for the same request. The member begins anew with a link by mail.
#[utoipa::path(post, path = "/v1/members/{id}/factor_resets", tag = "members", security(("member_session" = [])),
    params(("id" = String, Path, description = "the member")),
    responses((status = 204), (status = 202, body = WaitingView), ApiErrors))]
pub async fn reset_member_factors(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (id, url) = (parse_member(&id), cx.public_url.clone());
    let asked = cx.write_as(who, Permission::ManageSecurity, move |tx, caller| {
        let member = (caller.shop, id.clone()?);
        Ok(factor_reset::reset_factors(tx, &caller.means, &caller.actor, member, &url)?)
    });
    Ok(match asked.await? {
        Asked::Go => StatusCode::NO_CONTENT.into_response(),
        Asked::Wait(approval) => waiting(approval),
    })
}

/// An id in a path: what is not an id of a member names no member. Said only to who may know members.
fn parse_member(text: &str) -> Result<MemberId, ApiError> {
    text.parse().map_err(|_| MemberError::NotFound.into())
}

fn parse_link(problems: &mut Problems, text: &str) -> Option<Token> {
    let token = Token::parse(TokenKind::Setup, text);
    problems.take("token", token.ok_or("must be the last part of a one-time link"))
}

fn parse_shop(problems: &mut Problems, body: &ShopBody) -> Option<ShopProfile> {
    let currency = problems.take("shop.currency", body.currency.parse::<Currency>());
    let draft = ShopDraft {
        name: &body.name,
        city: &body.city,
        country: &body.country,
        category: &body.category,
        currency: currency.unwrap_or(Currency::CNY),
    };
    match ShopProfile::parse(&draft) {
        Ok(profile) => Some(profile),
        Err(found) => {
            found.into_iter().for_each(|problem| problems.add(format!("shop.{}", problem.field()), problem));
            None
        }
    }
}

/// What a thief would try first of whoever a link invites; nothing where the link is none.
async fn find_invited_context(
    cx: &Context,
    token: Option<Token>,
    now: Timestamp,
) -> Result<Vec<String>, ApiError> {
    let Some(token) = token else { return Ok(Vec::new()) };
    let keys = cx.clone();
    let found = cx.db.read(move |tx| match setup::find_link(tx, &token, now)? {
        Link::FirstSetup => Ok(Vec::new()),
        Link::Invitation { shop, member } => {
            Ok(members::find_password_context(tx, &keys.vault, shop, member)?.to_vec())
        }
    });
    found.await
}

fn parse_new_password(
    problems: &mut Problems,
    text: &str,
    (context, rule): (&[&str], PasswordRule),
) -> Option<Password> {
    let password = Password::parse(text);
    problems.take(
        "password",
        password.and_then(|password| password.check_strength(context, rule).map(|()| password)),
    )
}

/// Hashes a password for the holder of a link that works: nobody else can make the program work that hard.
async fn hash_for_link(
    cx: &Context,
    who: &Bearer,
    token: &Token,
    password: Password,
) -> Result<PasswordHash, ApiError> {
    let (token, now) = (token.clone(), who.at);
    cx.db.read(move |tx| setup::find_link(tx, &token, now)).await?;
    let hash = cx.passwords.hash(password, cx.dice.clone()).await;
    hash.map_err(|full| ApiError::unavailable(5, full))
}

impl From<Shop> for ShopView {
    fn from(shop: Shop) -> ShopView {
        ShopView {
            id: shop.id.to_string(),
            name: shop.name,
            city: shop.city,
            country: shop.country,
            category: shop.category,
            currency: shop.currency.to_string(),
            state: shop.state.name(),
            buyer_factor_above_minor: shop.buyer_factor_above_minor,
            created_at: shop.created.to_rfc3339(),
        }
    }
}

impl MemberView {
    fn new(member: &Member, person: &MemberPerson) -> MemberView {
        MemberView {
            id: member.id.to_string(),
            name: person.name.expose().clone(),
            email: person.email.expose().clone(),
            roles: member
                .roles
                .iter()
                .map(|role| role.name().to_owned())
                .chain(member.custom.iter().map(ToString::to_string))
                .collect(),
            state: member.state.name(),
            created_at: member.created.to_rfc3339(),
            last_login_at: member.last_login.map(|at| at.to_rfc3339()),
        }
    }
}
