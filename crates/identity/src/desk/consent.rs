//! The question to a member: may this app? Reached from the app, with a reference to what it pushed before.
//!
//! Nobody is sent anywhere before the reference was found to be ours, of this app and of the member's own shop; then only
//! to the address that was registered. What is unknown or over is said on a page here.

use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::AppId;
use serde::Deserialize;
use url::Url;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{allow_form_to, show};

use super::apps::in_words;
use super::hall::Hall;
use super::member::{read_as, write_as};
use super::visit::{Side, Visit};
use crate::limits::APP_CONNECTION_SECONDS;
use crate::oauth::{REQUEST_URI_PREFIX, allow_request, decline_request, find_question};
use crate::pages::apps::ConsentPage;
use crate::permissions::Permission;
use crate::routes::AUTHORIZE;
use crate::token::{Token, TokenKind};

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
        Ok((view, back.origin().ascii_serialization()))
    });
    let (view, origin) = view.await?;
    let mut answer = show(StatusCode::OK, &view);
    allow_form_to(&mut answer, &origin);
    Ok(answer)
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
    let posted = visit.read::<DecisionForm>(Side::Member, &incoming)?;
    let form = posted.form;
    let allows = match form.decision.as_str() {
        "allow" => true,
        "decline" => false,
        _ => return Err(ApiError::bad_field("decision", "must be `allow` or `decline`")),
    };
    let issuer = hall.identity.public_url.clone();
    let done = write_as(&hall, &visit, Permission::OwnSecurity, posted.once, vec![], move |tx, member| {
        let asked = Reference::parse(&form.client_id, &form.request_uri)?;
        let named = (asked.app, &asked.request);
        let decided = match allows {
            true => allow_request(tx, &member.means, &member.session, named, &issuer)?,
            false => decline_request(tx, &member.means, &member.session, named, &issuer)?,
        };
        // The word that is kept of a form holds no code: a second submit finds the request decided.
        Ok((String::new(), decided))
    });
    let Some(decided) = done.await?.1 else {
        return Err(ApiError::conflict("this was decided already; begin again in the app"));
    };
    let location = HeaderValue::from_str(decided.address.expose()).map_err(ApiError::internal)?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}
