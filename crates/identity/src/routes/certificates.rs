//! Client certificates over HTTP: codes to enrol with, issuing, renewing, revoking, and what others need to check them.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{ApiKeyId, CertificateId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult};
use webkit::paging::List;

use super::gate::Bearer;
use crate::certificates::{self, Certificate, CertificateError, CertificateRequest, Issued};
use crate::context::Context;
use crate::limits::ENROLMENT_MINUTES_DEFAULT;
use crate::permissions::Permission;
use crate::token::{Token, TokenKind};

/// Makes a code with which one client enrols.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentBody {
    /// How long the code can be used, 10 to 1,440 minutes; 60 without it.
    #[schema(minimum = 10, maximum = 1_440)]
    pub minutes: Option<i64>,
}

impl EnrolmentBody {
    /// The minutes, as given or as is usual.
    pub fn minutes(&self) -> i64 {
        self.minutes.unwrap_or(ENROLMENT_MINUTES_DEFAULT)
    }
}

/// A code to enrol with.
#[derive(Serialize, ToSchema)]
pub struct EnrolmentView {
    /// The code. It works once and is not shown again.
    #[schema(example = "twe_…")]
    code: String,
    /// When it ends, RFC 3339.
    expires_at: String,
}

impl EnrolmentView {
    /// Shows a code, once.
    pub fn new(code: &Token, expires: Timestamp) -> EnrolmentView {
        EnrolmentView { code: code.secret().expose().clone(), expires_at: expires.to_rfc3339() }
    }
}

/// Asks for the first certificate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificateBody {
    /// The enrolment code.
    #[schema(example = "twe_…", max_length = 64)]
    code: String,
    /// A PKCS #10 request in PEM. Only its public key is taken.
    #[schema(max_length = 8192)]
    request: String,
}

/// Asks for the next certificate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewalBody {
    /// A PKCS #10 request in PEM, best with a new key. Only its public key is taken.
    #[schema(max_length = 8192)]
    request: String,
}

/// A certificate of the inventory.
#[derive(Serialize, ToSchema)]
pub struct CertificateView {
    /// The certificate.
    id: String,
    /// `terminal` or `api_client`; in the house also `listener`, `authority` or `operator_authority`.
    purpose: &'static str,
    /// The terminal or API key it names; in the house what presents or signs with it.
    holder: String,
    /// What people call the holder.
    label: String,
    /// SHA-256 over its DER form, hexadecimal.
    fingerprint: String,
    /// `active` or `revoked`.
    state: &'static str,
    /// When it was issued, RFC 3339.
    issued_at: String,
    /// When it ends, RFC 3339.
    ends_at: String,
    /// Days until then, rounded up.
    days_left: i64,
    /// Whether a newer one took its place.
    renewed: bool,
}

/// A certificate as its client gets it.
#[derive(Serialize, ToSchema)]
pub struct IssuedView {
    /// What the inventory says of it.
    certificate: CertificateView,
    /// The certificate, PEM. Together with the private key it opens the listener for machines.
    pem: String,
    /// The authority's own certificate, PEM.
    authority: String,
}

/// Makes a code with which the API client of a key enrols for a certificate.
#[utoipa::path(post, path = "/v1/api_keys/{id}/enrolments", tag = "certificates", request_body = EnrolmentBody,
    security(("member_session" = [])), params(("id" = String, Path, description = "the key")),
    responses((status = 201, body = EnrolmentView), ApiErrors))]
pub async fn create_api_key_enrolment(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<EnrolmentBody>,
) -> Result<(StatusCode, Answer<EnrolmentView>), ApiError> {
    let id: Result<ApiKeyId, ApiError> = id.parse().map_err(|_| CertificateError::NotFound.into());
    let minutes = body.minutes();
    let made = cx.write_as(who, Permission::ManageCertificates, move |tx, caller| {
        Ok(certificates::create_key_enrolment(tx, &caller.means, &caller.actor, id.clone()?, minutes)?)
    });
    let (code, expires) = made.await?;
    Ok((StatusCode::CREATED, Answer(EnrolmentView::new(&code, expires))))
}

/// Issues the first certificate to whoever has the code and the private key.
#[utoipa::path(post, path = "/v1/certificates", tag = "certificates", request_body = NewCertificateBody,
    security(()), responses((status = 201, body = IssuedView), ApiErrors))]
pub async fn create_certificate(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewCertificateBody>,
) -> Result<(StatusCode, Answer<IssuedView>), ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let request = read(&body.request)?;
    let code = Token::parse(TokenKind::Enrolment, &body.code).ok_or(CertificateError::CodeGone)?;
    let (at, own) = (who.at, cx.clone());
    let issued =
        cx.db.write(move |tx| certificates::enrol(tx, &own.means(at), &code, &request, &own.public_url));
    let issued = issued.await.map_err(ApiError::from)?;
    Ok((StatusCode::CREATED, Answer(IssuedView::new(issued, at))))
}

/// Issues the next certificate to the holder of the one that is shown. For the listener for machines.
#[utoipa::path(post, path = "/v1/certificates/renew", tag = "certificates", request_body = RenewalBody,
    security(("client_certificate" = [])), responses((status = 201, body = IssuedView), ApiErrors))]
pub async fn renew_certificate(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<RenewalBody>,
) -> Result<(StatusCode, Answer<IssuedView>), ApiError> {
    let request = read(&body.request)?;
    let (at, public_url) = (who.at, cx.public_url.clone());
    let issued = cx.write_as(who, Permission::Enter, move |tx, caller| {
        let present = caller.certificate()?;
        Ok(certificates::renew(tx, &caller.means, present, &request, &public_url)?)
    });
    Ok((StatusCode::CREATED, Answer(IssuedView::new(issued.await?, at))))
}

/// The certificates of the caller's shop that have not ended long ago, newest first.
#[utoipa::path(get, path = "/v1/certificates", tag = "certificates", security(("member_session" = [])),
    responses((status = 200, body = List<CertificateView>), ApiErrors))]
pub async fn list_certificates(State(cx): State<Context>, who: Bearer) -> ApiResult<List<CertificateView>> {
    let at = who.at;
    let found = cx.read_as(who, Permission::ManageCertificates, move |tx, caller| {
        Ok(certificates::list_certificates(tx, &caller.actor, caller.shop, at)?)
    });
    let data = found.await?.into_iter().map(|certificate| CertificateView::new(certificate, at)).collect();
    Ok(Answer(List { data, next_cursor: None }))
}

/// Revokes a certificate, for good: it opens nothing from the next request on.
#[utoipa::path(delete, path = "/v1/certificates/{id}", tag = "certificates", security(("member_session" = [])),
    params(("id" = String, Path, description = "the certificate")), responses((status = 204), ApiErrors))]
pub async fn delete_certificate(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: Result<CertificateId, ApiError> = id.parse().map_err(|_| CertificateError::NotFound.into());
    cx.write_as(who, Permission::ManageCertificates, move |tx, caller| {
        Ok(certificates::revoke_certificate(tx, &caller.means, &caller.actor, id.clone()?)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The built-in authority's own certificate, PEM.
#[utoipa::path(get, path = "/v1/certificates/authority", tag = "certificates", security(()),
    responses((status = 200, body = String, content_type = "application/x-pem-file"), ApiErrors))]
pub async fn find_authority(State(cx): State<Context>, who: Bearer) -> Result<Response, ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let own = cx.clone();
    let pem = cx.db.write(move |tx| certificates::find_authority_pem(tx, &own.means(who.at)));
    let pem = pem.await.map_err(ApiError::from)?;
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], pem).into_response())
}

/// The signed list of certificates that were revoked and have not ended (RFC 5280), DER.
#[utoipa::path(get, path = "/v1/certificates/revoked", tag = "certificates", security(()),
    responses((status = 200, body = Vec<u8>, content_type = "application/pkix-crl"), ApiErrors))]
pub async fn find_revoked(State(cx): State<Context>, who: Bearer) -> Result<Response, ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let own = cx.clone();
    let list = cx.db.write(move |tx| certificates::list_revoked(tx, &own.means(who.at)));
    let list = list.await.map_err(ApiError::from)?;
    Ok(([(header::CONTENT_TYPE, "application/pkix-crl")], list).into_response())
}

fn read(request: &str) -> Result<CertificateRequest, ApiError> {
    CertificateRequest::parse(request).map_err(|problem| ApiError::bad_field("request", problem))
}

impl CertificateView {
    fn new(certificate: Certificate, now: Timestamp) -> CertificateView {
        CertificateView {
            id: certificate.id.to_string(),
            purpose: certificate.purpose.name(),
            holder: certificate.holder,
            label: certificate.label,
            fingerprint: certificate.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect(),
            state: certificate.state.name(),
            issued_at: certificate.issued.to_rfc3339(),
            ends_at: certificate.ends.to_rfc3339(),
            days_left: certificates::days_left(certificate.ends, now),
            renewed: certificate.renewed,
        }
    }
}

impl IssuedView {
    fn new(issued: Issued, now: Timestamp) -> IssuedView {
        let certificate = CertificateView::new(issued.certificate, now);
        IssuedView { certificate, pem: issued.pem, authority: issued.authority_pem }
    }
}
