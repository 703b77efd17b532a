//! Passkeys as JSON: what a browser is given and what it brings back, as the WebAuthn standard writes both
//! (`PublicKeyCredential.toJSON()`). Binary values are base64url without padding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::error::{ApiError, Problems};

use crate::limits::{CLIENT_DATA_BYTES_MAX, PASSKEY_CHALLENGE_SECONDS};
use crate::passkeys::{
    ALGORITHMS, ClientData, CreationOptions, NewPasskey, PasskeyUse, RawUse, RequestOptions, Site,
};

/// What browsers show as the site's name.
const SITE_NAME: &str = "Tillward";
const KIND: &str = "public-key";

/// A new passkey, as the browser brings it. Further members are ignored.
#[derive(Deserialize, ToSchema)]
pub struct NewPasskeyBody {
    /// What the authenticator made.
    response: AttestationBody,
}

/// What an authenticator made.
#[derive(Deserialize, ToSchema)]
pub struct AttestationBody {
    /// What the browser says about the page.
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    /// The new key, with what is said about its maker.
    #[serde(rename = "attestationObject")]
    attestation: String,
}

/// A use of a passkey, as the browser brings it. Further members are ignored.
#[derive(Deserialize, ToSchema)]
pub struct PasskeyUseBody {
    /// The credential's id.
    id: String,
    /// What the authenticator signed.
    response: AssertionBody,
}

/// What an authenticator signed.
#[derive(Deserialize, ToSchema)]
pub struct AssertionBody {
    /// What the browser says about the page.
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    /// What the authenticator says about itself.
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    /// Its signature over both.
    signature: String,
    /// Whose passkey it is.
    #[serde(rename = "userHandle")]
    user_handle: Option<String>,
}

/// The part of client data that is looked at.
#[derive(Deserialize)]
struct ClientDataJson {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<serde::de::IgnoredAny>,
}

impl NewPasskeyBody {
    /// Reads the parts.
    ///
    /// # Errors
    /// 400 with every part that is wrong.
    pub fn parse(&self) -> Result<NewPasskey, ApiError> {
        let mut problems = Problems::new();
        let client = client_data(&mut problems, &self.response.client_data);
        let attestation = bytes(&mut problems, "attestationObject", &self.response.attestation);
        let (Some((client_bytes, client)), Some(attestation)) = (client, attestation) else {
            return Err(problems.into_error());
        };
        NewPasskey::parse((&client_bytes, client), attestation)
            .map_err(|part| ApiError::bad_field(part.part, part))
    }
}

impl PasskeyUseBody {
    /// Reads the parts.
    ///
    /// # Errors
    /// 400 with every part that is wrong.
    pub fn parse(&self) -> Result<PasskeyUse, ApiError> {
        let mut problems = Problems::new();
        let id = bytes(&mut problems, "id", &self.id);
        let client = client_data(&mut problems, &self.response.client_data);
        let data = bytes(&mut problems, "authenticatorData", &self.response.authenticator_data);
        let signature = bytes(&mut problems, "signature", &self.response.signature);
        let handle = self.response.user_handle.as_deref().filter(|text| !text.is_empty());
        let user_handle = handle.and_then(|text| bytes(&mut problems, "userHandle", text));
        let (Some(id), Some((client_bytes, client)), Some(data), Some(signature), true) =
            (id, client, data, signature, problems.is_empty())
        else {
            return Err(problems.into_error());
        };
        let raw = RawUse { id, client_bytes, client, data, signature, user_handle };
        PasskeyUse::parse(raw).map_err(|part| ApiError::bad_field(part.part, part))
    }

    /// Reads the text a page's script puts into a form.
    ///
    /// # Errors
    /// 400.
    pub fn parse_text(text: &str) -> Result<PasskeyUse, ApiError> {
        webkit::body::parse_json::<PasskeyUseBody>(text.as_bytes())?.parse()
    }
}

impl NewPasskeyBody {
    /// Reads the text a page's script puts into a form.
    ///
    /// # Errors
    /// 400.
    pub fn parse_text(text: &str) -> Result<NewPasskey, ApiError> {
        webkit::body::parse_json::<NewPasskeyBody>(text.as_bytes())?.parse()
    }
}

fn bytes(problems: &mut Problems, name: &'static str, text: &str) -> Option<Vec<u8>> {
    problems.take(name, URL_SAFE_NO_PAD.decode(text).map_err(|_| "must be base64url without padding"))
}

/// The bytes that were signed, and what they say.
fn client_data(problems: &mut Problems, text: &str) -> Option<(Vec<u8>, ClientData)> {
    let json = bytes(problems, "clientDataJSON", text)?;
    let fits = json.len() <= CLIENT_DATA_BYTES_MAX;
    let read = if fits { serde_json::from_slice::<ClientDataJson>(&json).ok() } else { None };
    let read = read.and_then(|read| {
        let challenge = URL_SAFE_NO_PAD.decode(&read.challenge).ok()?;
        Some(ClientData {
            kind: read.kind,
            challenge,
            origin: read.origin,
            cross_origin: read.cross_origin,
            top_origin: read.top_origin.is_some(),
        })
    });
    let read = read.ok_or("is not the client data of a browser");
    problems.take("clientDataJSON", read).map(|client| (json, client))
}

/// Everything a browser needs to make a passkey: hand `public_key` to `PublicKeyCredential.parseCreationOptionsFromJSON`.
#[derive(Serialize, ToSchema)]
pub struct CreationView {
    /// The options, in the standard's own words.
    #[serde(rename = "publicKey")]
    public_key: CreationOptionsView,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreationOptionsView {
    rp: SiteView,
    user: UserView,
    challenge: String,
    pub_key_cred_params: Vec<AlgorithmView>,
    timeout: i64,
    exclude_credentials: Vec<CredentialView>,
    authenticator_selection: SelectionView,
    attestation: &'static str,
}

#[derive(Serialize, ToSchema)]
struct SiteView {
    id: String,
    name: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserView {
    id: String,
    name: String,
    display_name: String,
}

#[derive(Serialize, ToSchema)]
struct AlgorithmView {
    #[serde(rename = "type")]
    kind: &'static str,
    alg: i64,
}

#[derive(Serialize, ToSchema)]
struct CredentialView {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SelectionView {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

/// Everything a browser needs to use a passkey: hand it to `PublicKeyCredential.parseRequestOptionsFromJSON`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptionsView {
    challenge: String,
    timeout: i64,
    rp_id: String,
    allow_credentials: Vec<CredentialView>,
    user_verification: &'static str,
}

/// Options for using a passkey.
#[derive(Serialize, ToSchema)]
pub struct RequestView {
    /// The options, in the standard's own words.
    #[serde(rename = "publicKey")]
    pub public_key: RequestOptionsView,
}

impl CreationView {
    /// The options for this site.
    pub fn new(site: &Site, options: CreationOptions) -> CreationView {
        let is_asked = site.makers_for(options.person).is_some();
        let name = options.user_name.expose().clone();
        let user = UserView { id: base64(&options.user_handle), display_name: name.clone(), name };
        let algorithms = ALGORITHMS.map(|alg| AlgorithmView { kind: KIND, alg }).into();
        CreationView {
            public_key: CreationOptionsView {
                rp: SiteView { id: site.id().to_owned(), name: SITE_NAME },
                user,
                challenge: base64(&options.challenge),
                pub_key_cred_params: algorithms,
                timeout: PASSKEY_CHALLENGE_SECONDS * 1000,
                exclude_credentials: credentials(&options.known),
                authenticator_selection: SelectionView {
                    resident_key: "required",
                    require_resident_key: true,
                    user_verification: "required",
                },
                attestation: if is_asked { "direct" } else { "none" },
            },
        }
    }
}

impl RequestView {
    /// The options for this site.
    pub fn new(site: &Site, options: &RequestOptions) -> RequestView {
        RequestView {
            public_key: RequestOptionsView {
                challenge: base64(&options.challenge),
                timeout: PASSKEY_CHALLENGE_SECONDS * 1000,
                rp_id: site.id().to_owned(),
                allow_credentials: credentials(&options.allowed),
                user_verification: "required",
            },
        }
    }
}

fn credentials(ids: &[Vec<u8>]) -> Vec<CredentialView> {
    ids.iter().map(|id| CredentialView { kind: KIND, id: base64(id) }).collect()
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(json: &str) -> Option<ClientData> {
        client_data(&mut Problems::new(), &base64(json.as_bytes())).map(|(_, client)| client)
    }

    #[test]
    fn client_data_are_read_as_browsers_write_them() {
        let read = client(
            r#"{"type":"webauthn.get","challenge":"AQI","origin":"https://a.example","crossOrigin":false,"other_keys_can_be_added_here":1}"#,
        );
        let read = read.unwrap();
        assert_eq!((read.kind.as_str(), read.challenge.as_slice()), ("webauthn.get", &[1, 2][..]));
        assert!(!read.cross_origin && !read.top_origin);
        let framed = r#"{"type":"webauthn.get","challenge":"AQI","origin":"https://a.example","crossOrigin":true,"topOrigin":"https://b.example"}"#;
        assert!(client(framed).is_some_and(|read| read.cross_origin && read.top_origin));
    }

    #[test]
    fn a_member_that_stands_twice_or_is_of_another_kind_is_refused() {
        let twice = r#"{"type":"webauthn.get","challenge":"AQI","origin":"https://a.example","origin":"https://b.example"}"#;
        assert_eq!(client(twice), None);
        let framed =
            r#"{"type":"webauthn.get","challenge":"AQI","origin":"https://a.example","crossOrigin":"no"}"#;
        assert_eq!(client(framed), None);
        assert_eq!(client("[]"), None);
        assert_eq!(client(&"{".repeat(CLIENT_DATA_BYTES_MAX + 1)), None);
    }
}
