//! Certificates of terminals and API clients: the list, making an enrolment code and showing it once, revoking.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{CertificateId, ScopedId, Timestamp};
use identity::desk::{Button, Side, Visit, go};
use identity::{
    Certificate, CertificateError, CertificateState, Holder, KeyState, Label, NewEnrolment, Permission,
};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::form::Choice;
use webkit::page::{Frame, Problems, Zone, show};

use super::Desk;
use super::member::{Member, read_as, write_as};
use crate::pages::certificates::{CertificateRow, CertificatesPage, FreshCode, Standing};
use crate::store as rows;

/// Where the certificates are.
const HOME: &str = "/desk/certificates";
/// Life of a code when nothing else is chosen, minutes.
const MINUTES: &str = "60";
/// From how many days before its end a certificate that nothing renewed is marked.
const MARKED_DAYS: i64 = 3;

/// Shows the certificates.
pub(super) async fn list_certificates(
    Shared(desk): Shared<Desk>,
    visit: Visit,
) -> Result<Response, ApiError> {
    certificates_page(&desk, &visit, StatusCode::OK, CodeForm::default(), Problems::none(), None).await
}

async fn certificates_page(
    desk: &Desk,
    visit: &Visit,
    status: StatusCode,
    typed: CodeForm,
    problems: Problems,
    fresh: Option<FreshCode>,
) -> Result<Response, ApiError> {
    let view = read_as(desk, visit, Permission::ManageCertificates, move |tx, member| {
        let (page, now) = (member.frame(tx)?, member.means.now);
        let found = identity::list_certificates(tx, &member.actor, member.shop.id, now)?;
        let rows = found.into_iter().map(|certificate| row_of(&page, certificate, now)).collect();
        let holders = list_holders(tx, member)?;
        let holders = holders.into_iter().map(|(id, name)| Choice::new(&id, name)).collect();
        let minutes = if typed.minutes.is_empty() { MINUTES.to_owned() } else { typed.minutes };
        let (holder, action_href) = (typed.holder, HOME.to_owned());
        Ok(CertificatesPage { page, rows, fresh, holders, holder, minutes, problems, action_href })
    });
    Ok(show(status, &view.await?))
}

fn row_of(page: &Frame, certificate: Certificate, now: Timestamp) -> CertificateRow {
    let standing = match certificate.state {
        CertificateState::Revoked => Standing::Revoked,
        CertificateState::Active if certificate.ends <= now => Standing::Ended,
        CertificateState::Active if certificate.renewed => Standing::Renewed,
        CertificateState::Active if identity::days_left(certificate.ends, now) <= MARKED_DAYS => {
            Standing::EndsSoon
        }
        CertificateState::Active => Standing::Active,
    };
    let open = certificate.purpose.is_client() && !matches!(standing, Standing::Revoked | Standing::Ended);
    CertificateRow {
        purpose: page.t(format!("certificates-for-{}", certificate.purpose.name())),
        revoke_href: if open { format!("{HOME}/{}/revoke", certificate.id) } else { String::new() },
        id: certificate.id.to_string(),
        label: certificate.label,
        ends: certificate.ends,
        standing,
    }
}

/// Whom a code can be made for, with a name: terminals, and API keys in force for who may manage those too.
fn list_holders(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<Vec<(String, String)>, ApiError> {
    let terminals = rows::list_terminals(tx, member.shop.id)?;
    let mut holders: Vec<_> = terminals.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
    if member.can(Permission::ManageApiKeys) {
        let keys = identity::list_api_keys(tx, &member.actor, member.shop.id)?;
        let now = member.means.now;
        let in_force =
            |key: &identity::ApiKey| key.state == KeyState::Active && key.expires.is_none_or(|end| now < end);
        holders.extend(keys.into_iter().filter(in_force).map(|key| (key.id.to_string(), key.label)));
    }
    Ok(holders)
}

/// Whom a code is for and how long it can be used.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    holder: String,
    minutes: String,
}

impl CodeForm {
    fn parse(&self, page: &Frame) -> Result<(Holder, i64), Problems> {
        let mut problems = Problems::none();
        let (holder, minutes) = (Holder::parse(&self.holder), self.minutes.parse().ok());
        if holder.is_none() {
            problems.add("holder", page.t("problem-choice"));
        }
        if minutes.is_none() {
            problems.add("minutes", page.t("problem-choice"));
        }
        holder.zip(minutes).ok_or(problems)
    }
}

/// Makes a code and shows it, this once: a second submit of the form shows the list alone.
pub(super) async fn create_enrolment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<CodeForm>(Side::Member, &incoming)?;
    let page = visit.frame(&desk.hall, Side::Member, Zone::default());
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let (holder, minutes) = match posted.form.parse(&page) {
        Ok(parsed) => parsed,
        Err(problems) => return certificates_page(&desk, &visit, refused, posted.form, problems, None).await,
    };
    let made =
        write_as(&desk, &visit, Permission::ManageCertificates, posted.once, vec![], move |tx, member| {
            let known = list_holders(tx, member)?.into_iter().find(|(id, _)| *id == holder.to_string());
            let Some((_, name)) = known else { return Ok((String::new(), None)) };
            let new = match NewEnrolment::new(holder, Label::from_agent(&name), minutes) {
                Err(CertificateError::Minutes) => return Ok((String::new(), None)),
                other => other?,
            };
            let (code, expires) = identity::create_enrolment(tx, &member.means, &member.actor, &new)?;
            let fresh = FreshCode { label: name, code: code.secret().expose().clone(), expires };
            Ok((HOME.to_owned(), Some(fresh)))
        });
    match made.await? {
        (word, _) if word.is_empty() => {
            let mut problems = Problems::none();
            problems.add("holder", page.t("problem-choice"));
            certificates_page(&desk, &visit, refused, posted.form, problems, None).await
        }
        (_, Some(Some(fresh))) => {
            certificates_page(
                &desk,
                &visit,
                StatusCode::OK,
                CodeForm::default(),
                Problems::none(),
                Some(fresh),
            )
            .await
        }
        _ => Ok(go(HOME)),
    }
}

/// Revokes a certificate, for good.
pub(super) async fn revoke_certificate(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CertificateId = id.parse().map_err(|_| ApiError::not_found("no such certificate"))?;
    let once = visit.read::<Button>(Side::Member, &incoming)?.once;
    let done = write_as(&desk, &visit, Permission::ManageCertificates, once, vec![], move |tx, member| {
        member.allow(Permission::ManageCertificates, id.shop())?;
        identity::revoke_certificate(tx, &member.means, &member.actor, id)?;
        Ok((HOME.to_owned(), ()))
    });
    Ok(go(&done.await?.0))
}
