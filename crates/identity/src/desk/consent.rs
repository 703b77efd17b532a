//! The question to a member: may this app? Reached from the app, with a reference to what it pushed before.
//!
//! Nobody is sent anywhere before the reference was found to be ours, of this app and of the member's own shop; then only
//! to the address that was registered. What is unknown or over is said on a page here.
//!
//! The way back is a page that goes on by itself, and no redirect: browsers hold the policy for forms of the page with the
//! question against every redirect after its form, also those of the app's own site behind its address of return, which
//! nobody here can know. The address, with its code, is kept sealed for this browser and session while the code lives, so that whoever
//! presses twice or reloads arrives as well.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::{AppId, Secret, Timestamp};
use serde::Deserialize;
use url::Url;
use webkit::body::Incoming;
use webkit::error::{ApiError, CROSS_SITE_REFUSED};
use webkit::page::{Zone, show};

use super::apps::in_words;
use super::form::go;
use super::hall::Hall;
use super::member::{read_as, write_as};
use super::sealed;
use super::visit::{Side, Visit};
use crate::limits::{APP_CODE_SECONDS, APP_CONNECTION_SECONDS};
use crate::oauth::{REQUEST_URI_PREFIX, allow_request, decline_request, find_question};
use crate::pages::apps::{ConsentPage, LeavingPage};
use crate::pages::notice::NoticeKind;
use crate::permissions::Permission;
use crate::routes::{AUTHORIZE, LINK_GONE, PASSWORD_CHANGE_NEEDED, SECOND_FACTOR_NEEDED, STEP_UP_NEEDED};
use crate::token::{Token, TokenKind};

/// What the way back to an app is sealed for.
const PURPOSE: &[u8] = b"tillward way back to an app v1";

/// Who asks, and by what name the request goes.
#[derive(Clone)]
struct Reference {
    app: AppId,
    request: Token,
}

impl Reference {
    fn parse(client_id: &str, request_uri: &str) -> Result<Reference, ApiError> {
        let name = request_uri.strip_prefix(REQUEST_URI_PREFIX);
        let request = name.and_then(|text| Token::parse(TokenKind::AppRequest, text));
        match (client_id.parse(), request) {
            (Ok(app), Some(request)) => Ok(Reference { app, request }),
            _ => {
                Err(ApiError::not_found("push the request first, and send its `client_id` and `request_uri`"))
            }
        }
    }
}

/// Shows what an app asks.
pub(super) async fn show_question(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let (client_id, request_uri) =
        (visit.query("client_id").unwrap_or_default(), visit.query("request_uri").unwrap_or_default());
    let view = read_as(&hall, &visit, Permission::OwnSecurity, move |tx, member| {
        let asked = Reference::parse(&client_id, &request_uri)?;
        let page = member.bare_frame();
        let question = find_question(tx, &member.means, &member.session, asked.app, &asked.request)?;
        let back = Url::parse(&question.redirect).map_err(ApiError::internal)?;
        let view = ConsentPage {
            app: question.app.name,
            shop: member.shop.name.clone(),
            may: in_words(&page, question.permissions),
            back_to: back.host_str().unwrap_or_default().to_owned(),
            days: APP_CONNECTION_SECONDS / 86_400,
            client_id,
            request_uri,
            action_href: AUTHORIZE.to_owned(),
            page,
        };
        Ok(view)
    });
    match view.await {
        Ok(view) => Ok(show(StatusCode::OK, &view)),
        Err(error) => over(&hall, &visit, error),
    }
}

/// The page for a request that is unknown, decided or too old; other errors stay what they are.
fn over(hall: &Hall, visit: &Visit, error: ApiError) -> Result<Response, ApiError> {
    if error.code.name != LINK_GONE.name && error.status() != StatusCode::NOT_FOUND {
        return Err(error);
    }
    let page = visit.frame(hall, Side::Member, Zone::default());
    Ok(show(error.status(), &NoticeKind::RequestOver.page(page, String::new())))
}

/// What was decided.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionForm {
    client_id: String,
    request_uri: String,
    decision: String,
}

/// Allows or declines, and sends the browser back to the app.
pub(super) async fn decide(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let decided = carry_out(&hall, &visit, &incoming).await;
    match decided {
        Ok(Some(address)) => leave(&hall, &visit, &address),
        Ok(None) => ask_again(&incoming, ApiError::new(&LINK_GONE, "this was decided already")),
        Err(error) if is_for_the_door(&error) => ask_again(&incoming, error),
        Err(error) => over(&hall, &visit, error),
    }
}

/// Where the browser goes, also when the form came before; `None` when that is longer ago than a code lives.
async fn carry_out(
    hall: &Hall,
    visit: &Visit,
    incoming: &Incoming,
) -> Result<Option<Secret<String>>, ApiError> {
    let posted = visit.read::<DecisionForm>(Side::Member, incoming)?;
    let form = posted.form;
    let allows = match form.decision.as_str() {
        "allow" => true,
        "decline" => false,
        _ => return Err(ApiError::bad_field("decision", "must be `allow` or `decline`")),
    };
    let (issuer, secret) = (hall.identity.public_url.clone(), visit.secret(Side::Member));
    let done = write_as(hall, visit, Permission::OwnSecurity, posted.once, vec![], move |tx, member| {
        let asked = Reference::parse(&form.client_id, &form.request_uri)?;
        let named = (asked.app, &asked.request);
        let decided = match allows {
            true => allow_request(tx, &member.means, &member.session, named, &issuer)?,
            false => decline_request(tx, &member.means, &member.session, named, &issuer)?,
        };
        let until = member.means.now.plus_seconds(APP_CODE_SECONDS);
        let way = format!("{} {}", until.0, decided.address.expose());
        Ok((sealed::seal(PURPOSE, &secret, way, member.means.dice), ()))
    });
    let (word, _) = done.await?;
    Ok(open_way(&visit.secret(Side::Member), &word, visit.now))
}

fn open_way(secret: &str, word: &str, now: Timestamp) -> Option<Secret<String>> {
    let way = String::from_utf8(sealed::open(PURPOSE, secret, word)?).ok()?;
    let (until, address) = way.split_once(' ')?;
    (now < Timestamp(until.parse().ok()?)).then(|| Secret::new(address.to_owned()))
}

fn leave(hall: &Hall, visit: &Visit, address: &Secret<String>) -> Result<Response, ApiError> {
    let url = Url::parse(address.expose()).map_err(ApiError::internal)?;
    let page = visit.frame(hall, Side::Member, Zone::default());
    let site = url.host_str().unwrap_or_default().to_owned();
    Ok(show(StatusCode::OK, &LeavingPage { page, site, address: address.expose().clone() }))
}

/// Whether signing in, the second factor or a new password is all that is missing; or the page is of an earlier session.
fn is_for_the_door(error: &ApiError) -> bool {
    let doors = [&CROSS_SITE_REFUSED, &STEP_UP_NEEDED, &SECOND_FACTOR_NEEDED, &PASSWORD_CHANGE_NEEDED];
    error.status() == StatusCode::UNAUTHORIZED || doors.iter().any(|code| code.name == error.code.name)
}

/// Nothing was decided: back to the question, which knows the door and the way from there. A form of another site never came
/// so far.
fn ask_again(incoming: &Incoming, error: ApiError) -> Result<Response, ApiError> {
    let field = |wanted: &str| {
        let mut pairs = form_urlencoded::parse(&incoming.body);
        pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let (client_id, request_uri) = (field("client_id"), field("request_uri"));
    if Reference::parse(&client_id, &request_uri).is_err() {
        return Err(error);
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", &client_id).append_pair("request_uri", &request_uri);
    Ok(go(&format!("{AUTHORIZE}?{}", query.finish())))
}
