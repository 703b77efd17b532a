//! The published vectors of WebAuthn L3 §16 (WA-7), judged by us and by a second implementation, and one change each.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::proto::{
    AuthenticationState, COSEAlgorithm, Credential, PublicKeyCredential, RegisterPublicKeyCredential,
    RegistrationState, UserVerificationPolicy,
};

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

#[derive(Deserialize)]
struct Vectors {
    origin: String,
    vectors: Vec<Vector>,
}

#[derive(Clone, Deserialize)]
struct Vector {
    anchor: String,
    registration: Made,
    authentication: Used,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    challenge: String,
    #[serde(rename = "credential_id")]
    id: String,
    #[serde(rename = "clientDataJSON")]
    client: String,
    attestation_object: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Used {
    challenge: String,
    authenticator_data: String,
    #[serde(rename = "clientDataJSON")]
    client: String,
    signature: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn vectors() -> Vectors {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/webauthn_l3.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn client_data(json: &[u8]) -> ClientData {
    let read: Value = serde_json::from_slice(json).unwrap();
    ClientData {
        kind: read["type"].as_str().unwrap().to_owned(),
        challenge: BASE64.decode(read["challenge"].as_str().unwrap()).unwrap(),
        origin: read["origin"].as_str().unwrap().to_owned(),
        cross_origin: read["crossOrigin"].as_bool().unwrap_or(false),
        top_origin: !read["topOrigin"].is_null(),
    }
}

impl Vector {
    fn name(&self) -> &str {
        self.anchor.trim_start_matches("sctn-test-vectors-")
    }

    fn new_passkey(&self) -> NewPasskey {
        let client_bytes = bytes(&self.registration.client);
        let client = client_data(&client_bytes);
        NewPasskey::parse((&client_bytes, client), bytes(&self.registration.attestation_object)).unwrap()
    }

    fn passkey_use(&self) -> PasskeyUse {
        let client_bytes = bytes(&self.authentication.client);
        PasskeyUse::parse(RawUse {
            id: bytes(&self.registration.id),
            client: client_data(&client_bytes),
            client_bytes,
            data: bytes(&self.authentication.authenticator_data),
            signature: bytes(&self.authentication.signature),
            user_handle: None,
        })
        .unwrap()
    }

    /// The key as it is found in the attestation object, whatever the flags beside it say.
    fn made_key(&self) -> MadeKey {
        let object = bytes(&self.registration.attestation_object);
        let data = AuthenticatorData::read(AttestationObject::read(&object).unwrap().data).unwrap();
        let (key, counter) = (data.attested.unwrap(), data.counter);
        let (backup_eligible, backed_up) = (data.backup_eligible(), data.backed_up());
        let use_state = UseState { counter, backup_eligible, backed_up };
        MadeKey { id: key.id.to_vec(), cose: key.cose.to_vec(), use_state, model: Model(key.model) }
    }

    fn verdicts(&self, site: &Site) -> (Result<(), PasskeyProblem>, Result<(), PasskeyProblem>) {
        let key = self.made_key();
        let known = KnownKey { cose: &key.cose, use_state: key.use_state };
        let challenge = bytes(&self.registration.challenge);
        let made = check_new(site, &challenge, &self.new_passkey(), None);
        if let Ok(made) = &made {
            assert_eq!(*made, key);
        }
        let challenge = bytes(&self.authentication.challenge);
        let used = check_use(site, &challenge, known, &self.passkey_use());
        (made.map(|_| ()), used.map(|_| ()))
    }
}

/// What our rules say of each pair, registration and use. Many were made without user verification, two inside a frame, one
/// with a curve that no part of our stack knows.
const VERDICTS: [(&str, &str, &str); 15] = [
    ("none-es256", "not_verified", "not_verified"),
    ("packed-self-es256", "right", "not_verified"),
    ("none-es256-crossOrigin", "framed", "framed"),
    ("none-es256-topOrigin", "framed", "framed"),
    ("none-es256-long-credential-id", "not_verified", "right"),
    ("packed-es256", "right", "right"),
    ("packed-es384", "not_verified", "right"),
    ("packed-es512", "right", "not_verified"),
    ("packed-rs256", "right", "not_verified"),
    ("packed-eddsa", "not_verified", "not_verified"),
    ("packed-ed448", "not_verified", "algorithm"),
    ("tpm-es256", "right", "right"),
    ("android-key-es256", "right", "not_verified"),
    ("apple-es256", "not_verified", "not_verified"),
    ("fido-u2f-es256", "not_verified", "not_verified"),
];

#[test]
fn wa_7_each_published_pair_gets_the_verdict_of_our_rules() {
    let file = vectors();
    let site = Site::of(&file.origin).unwrap();
    let word = |verdict: Result<(), PasskeyProblem>| verdict.map_or_else(PasskeyProblem::word, |()| "right");
    let found: Vec<(&str, &str, &str)> = file
        .vectors
        .iter()
        .map(|vector| {
            let (made, used) = vector.verdicts(&site);
            (vector.name(), word(made), word(used))
        })
        .collect();
    assert_eq!(found, VERDICTS);
}

#[test]
fn wa_7_every_published_signature_verifies_but_the_one_of_a_curve_we_do_not_offer() {
    for vector in vectors().vectors {
        let key = PublicKey::read(&vector.made_key().cose);
        let signed = key.is_some_and(|key| is_signed(&key, &vector.passkey_use()));
        assert_eq!(signed, vector.name() != "packed-ed448", "{}", vector.name());
    }
}

#[test]
fn wa_1_one_changed_byte_anywhere_in_a_right_answer_is_refused() {
    let file = vectors();
    let site = Site::of(&file.origin).unwrap();
    let vector = file.vectors.iter().find(|vector| vector.name() == "packed-es256").unwrap();
    let key = vector.made_key();
    let known = KnownKey { cose: &key.cose, use_state: key.use_state };
    let challenge = bytes(&vector.authentication.challenge);
    let right = vector.passkey_use();
    let verdict = |used: &PasskeyUse| check_use(&site, &challenge, known, used);
    assert!(verdict(&right).is_ok());
    for at in 0..right.data.len() {
        let mut changed = right.clone();
        changed.data[at] ^= 1;
        assert!(verdict(&changed).is_err(), "authenticator data at {at}");
    }
    for at in 0..right.signature.len() {
        let mut changed = right.clone();
        changed.signature[at] ^= 1;
        assert_eq!(verdict(&changed), Err(PasskeyProblem::Signature), "signature at {at}");
    }
    for at in 0..right.client_hash.len() {
        let mut changed = right.clone();
        changed.client_hash[at] ^= 1;
        assert_eq!(verdict(&changed), Err(PasskeyProblem::Signature));
    }
    let other = check_use(&site, &[1; 32], known, &right);
    assert_eq!(other, Err(PasskeyProblem::WrongChallenge));
}

#[test]
fn c08_another_origin_kind_frame_or_site_is_refused() {
    let file = vectors();
    let vector = file.vectors.iter().find(|vector| vector.name() == "packed-es256").unwrap();
    let key = vector.made_key();
    let known = KnownKey { cose: &key.cose, use_state: key.use_state };
    let challenge = bytes(&vector.authentication.challenge);
    let right = vector.passkey_use();
    let site = Site::of(&file.origin).unwrap();
    let with = |change: fn(&mut ClientData)| {
        let mut used = right.clone();
        change(&mut used.client);
        check_use(&site, &challenge, known, &used)
    };
    assert_eq!(with(|c| c.kind = "webauthn.create".into()), Err(PasskeyProblem::WrongKind));
    assert_eq!(with(|c| c.kind = "payment.get".into()), Err(PasskeyProblem::WrongKind));
    for origin in
        ["https://example.org.evil.example", "http://example.org", "https://example.org:444", "null"]
    {
        let mut used = right.clone();
        used.client.origin = origin.to_owned();
        assert_eq!(check_use(&site, &challenge, known, &used), Err(PasskeyProblem::WrongOrigin), "{origin}");
    }
    assert_eq!(with(|c| c.cross_origin = true), Err(PasskeyProblem::Framed));
    assert_eq!(with(|c| c.top_origin = true), Err(PasskeyProblem::Framed));
    let elsewhere = Site::of("https://sub.example.org").unwrap();
    let mut used = right.clone();
    used.client.origin = elsewhere.origin().to_owned();
    assert_eq!(check_use(&elsewhere, &challenge, known, &used), Err(PasskeyProblem::WrongSite));
}

#[test]
fn wa_2_copies_are_told_consistently_and_wa_3_a_counter_never_goes_back() {
    let file = vectors();
    let site = Site::of(&file.origin).unwrap();
    let vector = file.vectors.iter().find(|vector| vector.name() == "packed-es256").unwrap();
    let key = vector.made_key();
    let challenge = bytes(&vector.authentication.challenge);
    let used = vector.passkey_use();
    let known = |counter: u32, backup_eligible: bool| {
        let use_state = UseState { counter, backup_eligible, backed_up: false };
        check_use(&site, &challenge, KnownKey { cose: &key.cose, use_state }, &used)
    };
    let eligible = key.use_state.backup_eligible;
    assert_eq!(known(0, !eligible), Err(PasskeyProblem::BackupState));
    let shown = AuthenticatorData::read(&used.data).unwrap().counter;
    assert!(known(0, eligible).is_ok());
    assert_eq!(known(shown.max(1), eligible), Err(PasskeyProblem::CounterBack));
    assert_eq!(known(u32::MAX, eligible), Err(PasskeyProblem::CounterBack));
    // Backed up (16) without being copyable (8).
    let mut odd = vector.passkey_use();
    odd.data[32] = (odd.data[32] | 16) & !8;
    let use_state = UseState { counter: 0, backup_eligible: false, backed_up: false };
    let verdict = check_use(&site, &challenge, KnownKey { cose: &key.cose, use_state }, &odd);
    assert_eq!(verdict, Err(PasskeyProblem::BackupState));
}

#[test]
fn each_part_has_a_limit_on_both_sides() {
    type Change = fn(&mut RawUse, usize);
    let client = client_data(&bytes(&vectors().vectors[0].authentication.client));
    let raw = |change: Change, size: usize| {
        let mut raw = RawUse {
            id: vec![1],
            client_bytes: vec![1],
            client: client.clone(),
            data: vec![1],
            signature: vec![1],
            user_handle: None,
        };
        change(&mut raw, size);
        PasskeyUse::parse(raw).is_ok()
    };
    let parts: [(Change, usize); 5] = [
        (|raw, size| raw.id = vec![1; size], PASSKEY_ID_BYTES_MAX),
        (|raw, size| raw.client_bytes = vec![1; size], CLIENT_DATA_BYTES_MAX),
        (|raw, size| raw.data = vec![1; size], AUTHENTICATOR_DATA_BYTES_MAX),
        (|raw, size| raw.signature = vec![1; size], SIGNATURE_BYTES_MAX),
        (|raw, size| raw.user_handle = Some(vec![1; size]), USER_HANDLE_BYTES_MAX),
    ];
    for (change, max) in parts {
        assert!(raw(change, max) && raw(change, 1));
        assert!(!raw(change, max + 1) && !raw(change, 0));
    }
    let new = |client_bytes: usize, attestation: usize| {
        NewPasskey::parse((&vec![0; client_bytes], client.clone()), vec![0; attestation])
    };
    assert!(new(CLIENT_DATA_BYTES_MAX, ATTESTATION_BYTES_MAX).is_ok());
    assert!(new(1, ATTESTATION_BYTES_MAX + 1).is_err());
    assert!(new(CLIENT_DATA_BYTES_MAX + 1, 1).is_err());
    assert!(new(1, 0).is_err());
}

// A second opinion: the `webauthn-rs-core` crate, which makes its challenge itself. Its states serialise, so a published
// challenge is put in their place and the state is read back.

/// The same state with another challenge and demand.
fn with_challenge<S: serde::Serialize + serde::de::DeserializeOwned>(state: &S, challenge: &[u8]) -> S {
    let mut value = serde_json::to_value(state).unwrap();
    value["challenge"] = json!(BASE64.encode(challenge));
    value["policy"] = json!("discouraged");
    serde_json::from_value(value).unwrap()
}

fn second_opinion(core: &WebauthnCore, vector: &Vector) -> Option<bool> {
    let base64 = |hex: &str| BASE64.encode(bytes(hex));
    // As a browser hands it over that was asked for no statement: `fmt` none, `attStmt` empty, `authData` as it was.
    let object = bytes(&vector.registration.attestation_object);
    let data = AttestationObject::read(&object).unwrap().data;
    let head = [
        &[0xa3, 0x63][..],
        b"fmt",
        &[0x64],
        b"none",
        &[0x67],
        b"attStmt",
        &[0xa0, 0x68],
        b"authData",
        &[0x59],
    ];
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    let object = [&head.concat()[..], &length, data].concat();
    let id = base64(&vector.registration.id);
    let response = json!({"attestationObject": BASE64.encode(object), "clientDataJSON": base64(&vector.registration.client)});
    let made = json!({"id": id, "rawId": id, "type": "public-key", "response": response});
    let made: RegisterPublicKeyCredential = serde_json::from_value(made).unwrap();
    let builder = core.new_challenge_register_builder(&[1], "name", "name").unwrap();
    let builder = builder.credential_algorithms(COSEAlgorithm::all_possible_algs());
    let (_, state) = core.generate_challenge_register(builder).unwrap();
    let state: RegistrationState = with_challenge(&state, &bytes(&vector.registration.challenge));
    let credential: Credential = core.register_credential(&made, &state, None).ok()?;
    let builder = core
        .new_challenge_authenticate_builder(
            vec![credential],
            Some(UserVerificationPolicy::Discouraged_DO_NOT_USE),
        )
        .unwrap();
    let (_, state) = core.generate_challenge_authenticate(builder).unwrap();
    let state: AuthenticationState = with_challenge(&state, &bytes(&vector.authentication.challenge));
    let response = json!({
        "authenticatorData": base64(&vector.authentication.authenticator_data),
        "clientDataJSON": base64(&vector.authentication.client),
        "signature": base64(&vector.authentication.signature),
        "userHandle": null,
    });
    let used = json!({"id": id, "rawId": id, "type": "public-key", "response": response});
    let used: PublicKeyCredential = serde_json::from_value(used).unwrap();
    Some(core.authenticate_credential(&used, &state).is_ok())
}

#[test]
fn wa_7_a_second_implementation_agrees_wherever_it_has_an_opinion() {
    let file = vectors();
    let url = url::Url::parse(&file.origin).unwrap();
    let wait = std::time::Duration::from_secs(60);
    let core = WebauthnCore::new_unsafe_experts_only("test", "example.org", vec![url], wait, None, None);
    let mut agreed = Vec::new();
    for vector in &file.vectors {
        let key = PublicKey::read(&vector.made_key().cose);
        let ours = |vector: &Vector| key.as_ref().is_some_and(|key| is_signed(key, &vector.passkey_use()));
        if second_opinion(&core, vector) == Some(true) {
            assert!(ours(vector), "{}", vector.name());
            agreed.push(vector.name());
        }
        let mut forged = vector.clone();
        let last = forged.authentication.signature.pop().unwrap();
        forged.authentication.signature.push(if last == '0' { '1' } else { '0' });
        assert!(!ours(&forged), "{}", vector.name());
        assert_ne!(second_opinion(&core, &forged), Some(true), "{}", vector.name());
    }
    assert_eq!(agreed, AGREED);
}

/// It has no opinion where it cannot read the key (Ed25519, Ed448, P-521, an odd RSA modulus); a frame at the registration it
/// refuses as we do.
const AGREED: [&str; 9] = [
    "none-es256",
    "packed-self-es256",
    "none-es256-long-credential-id",
    "packed-es256",
    "packed-es384",
    "tpm-es256",
    "android-key-es256",
    "apple-es256",
    "fido-u2f-es256",
];
