//! The description of the API: every domain's operations in one OpenAPI document, complete enough for a strict linter.

use std::sync::LazyLock;

use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

/// What the API is, for people and tools.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tillward",
        description = "Payments from the scan of a QR code to the receipt: screened, durable and provable.\n\n\
            Shops sign their requests (RFC 9421, `hmac-sha256`, tag `tillward-v1`); members and buyers send a session \
            as a bearer token. Every POST that makes or moves something takes an `Idempotency-Key`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "this installation")),
    components(schemas(webkit::ErrorBody, webkit::ErrorView, webkit::FieldProblem))
)]
struct Description;

/// The description as JSON, put together when it is first asked for: it takes several times the memory of its text.
pub fn as_json() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi().to_json().unwrap_or_default());
    &TEXT
}

/// The description of the API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = Description::openapi();
    api.merge(payments::routes::router().split_for_parts().1);
    api.merge(identity::routes::router().split_for_parts().1);
    api.merge(crate::approvals::router().split_for_parts().1);
    api.merge(crate::cases::routes::router().split_for_parts().1);
    api.merge(crate::keys::router().split_for_parts().1);
    api.merge(tokens::routes::router().split_for_parts().1);
    let bearer = |about: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build();
        SecurityScheme::Http(scheme)
    };
    let signed = "HTTP Message Signatures (RFC 9421): `Signature-Input`, `Signature`, `Content-Digest`";
    let header = ApiKeyValue::with_description("Signature", signed);
    let certificate = "a client certificate, on the listener for machines; see docs/certificates.md";
    let certificate = SecurityScheme::MutualTls {
        description: Some(certificate.to_owned()),
        deprecated: None,
        extensions: None,
    };
    let components = api.components.get_or_insert_with(Default::default);
    components.add_security_scheme("signature", SecurityScheme::ApiKey(ApiKey::Header(header)));
    components.add_security_scheme("client_certificate", certificate);
    components.add_security_scheme("member_session", bearer("a member's session, `twm_…`"));
    components.add_security_scheme("buyer_session", bearer("a buyer's session, `twb_…`"));
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        describe_answers(operation);
        name_permission(operation);
    }
    api
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete].into_iter().flatten()
}

/// Says which permission an operation asks for, as `x-permission`.
fn name_permission(operation: &mut Operation) {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    if let Some(permission) = crate::access::permission_of(id) {
        let named = [("x-permission", permission.name())];
        operation.extensions.get_or_insert_default().extend(named.map(|(k, v)| (k.to_owned(), v.into())));
    }
}

/// OpenAPI wants words for every answer; where the operation itself says all there is to say, its status is put in words.
fn describe_answers(operation: &mut Operation) {
    for (status, answer) in &mut operation.responses.responses {
        if let RefOr::T(answer) = answer
            && answer.description.is_empty()
        {
            answer.description = in_words(status).to_owned();
        }
    }
}

fn in_words(status: &str) -> &'static str {
    match status {
        "201" => "made",
        "202" => "taken on; what follows comes later",
        "204" => "done, nothing to say",
        _ => "done",
    }
}
