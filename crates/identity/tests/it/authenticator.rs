//! An authenticator in software, with the client part of a browser before it: what a phone does when it is touched.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passkey::authenticator::{
    Authenticator, CredentialStore, StoreInfo, UiHint, UserCheck, UserValidationMethod,
};
use passkey::client::{Client, DefaultClientDataWithExtra};
use passkey::crypto::aws_lc_rs::AwsLcRsBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::make_credential::{
    Options, PublicKeyCredentialRpEntity, PublicKeyCredentialUserEntity,
};
use passkey::types::ctap2::{Aaguid, Ctap2Error, StatusCode};
use passkey::types::webauthn::{
    CredentialCreationOptions, CredentialRequestOptions, PublicKeyCredentialDescriptor,
};
use serde_json::{Value, json};
use url::Url;

/// Every passkey on the device.
#[derive(Clone, Default)]
pub struct Keys(pub Vec<Passkey>);

#[async_trait::async_trait]
impl CredentialStore for Keys {
    type PasskeyItem = Passkey;

    async fn find_credentials(
        &self,
        ids: Option<&[PublicKeyCredentialDescriptor]>,
        site: &str,
        _: Option<&[u8]>,
    ) -> Result<Vec<Passkey>, StatusCode> {
        let wanted = |key: &Passkey| ids.is_none_or(|ids| ids.iter().any(|id| id.id == key.credential_id));
        let found: Vec<Passkey> =
            self.0.iter().filter(|key| key.rp_id == site && wanted(key)).cloned().collect();
        if found.is_empty() { Err(Ctap2Error::NoCredentials.into()) } else { Ok(found) }
    }

    async fn save_credential(
        &mut self,
        key: Passkey,
        _: PublicKeyCredentialUserEntity,
        _: PublicKeyCredentialRpEntity,
        _: Options,
    ) -> Result<(), StatusCode> {
        self.0.push(key);
        Ok(())
    }

    async fn update_credential(&mut self, key: &Passkey) -> Result<(), StatusCode> {
        for known in self.0.iter_mut().filter(|known| known.credential_id == key.credential_id) {
            *known = key.clone();
        }
        Ok(())
    }

    async fn get_info(&self) -> StoreInfo {
        StoreInfo { discoverability: passkey::authenticator::DiscoverabilitySupport::Full }
    }
}

/// Whether the finger is the right one.
struct Finger(bool);

#[async_trait::async_trait]
impl UserValidationMethod for Finger {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        _: bool,
        _: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence: true, verification: self.0 })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(self.0)
    }
}

/// A phone with passkeys, showing a page.
pub struct Phone {
    pub keys: Keys,
    /// The origin of the page.
    pub origin: &'static str,
    /// Whether its holder is checked.
    pub verifies: bool,
    /// Whether it counts its signatures.
    pub counts: bool,
    /// What else the browser writes into the client data.
    pub extra: Value,
}

impl Phone {
    pub fn new() -> Phone {
        let keys = Keys::default();
        Phone { keys, origin: "https://pay.example", verifies: true, counts: false, extra: json!({}) }
    }

    fn authenticator(&self) -> Authenticator<Keys, Finger, AwsLcRsBackend> {
        let finger = Finger(self.verifies);
        let mut authenticator =
            Authenticator::new(Aaguid::new_empty(), self.keys.clone(), finger, AwsLcRsBackend);
        authenticator.set_make_credentials_with_signature_counter(self.counts);
        authenticator
    }

    /// What the page asks for; a phone without verification is asked for none, as an attacker's page would.
    fn asked(&self, options: &Value) -> Value {
        let mut asked = json!({"publicKey": options["publicKey"]});
        if !self.verifies {
            asked["publicKey"]["userVerification"] = json!("discouraged");
            if asked["publicKey"]["authenticatorSelection"].is_object() {
                asked["publicKey"]["authenticatorSelection"]["userVerification"] = json!("discouraged");
            }
        }
        asked
    }

    /// Makes a passkey.
    pub fn create(&mut self, options: &Value) -> Value {
        let asked: CredentialCreationOptions = serde_json::from_value(self.asked(options)).unwrap();
        let mut client = Client::new(self.authenticator());
        let origin = Url::parse(self.origin).unwrap();
        let extra = DefaultClientDataWithExtra(self.extra.clone());
        let made = block_on(client.register(&origin, asked, extra)).unwrap();
        self.keys = client.authenticator().store().clone();
        let id = text(&made.raw_id);
        let response = json!({
            "clientDataJSON": text(&made.response.client_data_json),
            "attestationObject": text(&made.response.attestation_object),
        });
        json!({"id": id, "rawId": id, "type": "public-key", "response": response})
    }

    /// Uses a passkey.
    pub fn touch(&mut self, options: &Value) -> Value {
        let asked: CredentialRequestOptions = serde_json::from_value(self.asked(options)).unwrap();
        let mut client = Client::new(self.authenticator());
        let origin = Url::parse(self.origin).unwrap();
        let extra = DefaultClientDataWithExtra(self.extra.clone());
        let used = block_on(client.authenticate(&origin, asked, extra)).unwrap();
        self.keys = client.authenticator().store().clone();
        let id = text(&used.raw_id);
        let response = json!({
            "clientDataJSON": text(&used.response.client_data_json),
            "authenticatorData": text(&used.response.authenticator_data),
            "signature": text(&used.response.signature),
            "userHandle": used.response.user_handle.as_ref().map(|handle| text(handle)),
        });
        json!({"id": id, "rawId": id, "type": "public-key", "response": response})
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}
