//! The published vectors of WebAuthn L3 §16 with the root of their certificates, and chains made here, one thing wrong
//! with each. The root's own certificate is not in the standard's text as a file; ours is self-signed with its published key.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa,
    KeyPair, PKCS_ECDSA_P256_SHA256,
};
use serde_json::Value;

use super::super::authenticator_data::AuthenticatorData;
use super::super::ceremony::sha256;
use super::*;

mod tpm;

const VECTORS: &str = include_str!("../../../tests/vectors/webauthn_l3.json");
const ROOT: &[u8] = include_bytes!("../../../tests/vectors/webauthn_l3_root.der");
/// Where authenticator data has the model: behind the site's hash, flags and counter.
const MODEL_AT: usize = 32 + 1 + 4;
/// 2026-09-21: certificates of the vectors hold from 2024 on.
const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The attestation object and the hash of the client data of a vector.
fn vector(name: &str) -> (Vec<u8>, [u8; 32]) {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let anchor = format!("sctn-test-vectors-{name}");
    let all = file["vectors"].as_array().unwrap();
    let made = &all.iter().find(|one| one["anchor"] == anchor.as_str()).unwrap()["registration"];
    (bytes(&made["attestationObject"]), sha256(&bytes(&made["clientDataJSON"])))
}

fn policy(root: &[u8], models: &[Model]) -> AttestationPolicy {
    AttestationPolicy::new(&[CertificateDer::from(root)], models.to_vec()).unwrap()
}

fn verdict(
    policy: &AttestationPolicy,
    (object, client_hash): (&[u8], &[u8; 32]),
    now: Timestamp,
) -> Result<(), PasskeyProblem> {
    let object = AttestationObject::read(object).ok_or(PasskeyProblem::Malformed)?;
    let data = AuthenticatorData::read(object.data).and_then(|data| data.attested);
    let attested = data.ok_or(PasskeyProblem::Malformed)?;
    let key = PublicKey::read(attested.cose).ok_or(PasskeyProblem::Algorithm)?;
    let signed = [object.data, client_hash].concat();
    policy.check(&object, &Claim { signed: &signed, key: &key, model: Model(attested.model), now })
}

#[test]
fn wa_5_each_published_statement_gets_the_verdict_of_its_form() {
    let policy = policy(ROOT, &[]);
    let found = |name: &str| {
        let (object, hash) = vector(name);
        verdict(&policy, (&object, &hash), NOW)
    };
    for name in ["packed-es256", "packed-es384", "packed-es512", "packed-rs256", "packed-eddsa", "tpm-es256"]
    {
        assert_eq!(found(name), Ok(()), "{name}");
    }
    let others = ["none-es256", "packed-self-es256", "android-key-es256", "apple-es256", "fido-u2f-es256"];
    for name in others {
        assert_eq!(found(name), Err(PasskeyProblem::NoMaker), "{name}");
    }
}

#[test]
fn wa_5_a_changed_byte_is_never_taken() {
    let policy = policy(ROOT, &[]);
    for name in ["packed-es256", "tpm-es256"] {
        let (object, hash) = vector(name);
        for at in 0..object.len() {
            let mut changed = object.clone();
            changed[at] ^= 1;
            assert!(verdict(&policy, (&changed, &hash), NOW).is_err(), "{name} byte {at}");
        }
        let other = sha256(b"another registration");
        assert_eq!(verdict(&policy, (&object, &other), NOW), Err(PasskeyProblem::Statement), "{name}");
    }
}

#[test]
fn wa_5_the_model_must_be_listed_where_models_are() {
    let (object, hash) = vector("packed-es256");
    let data = AttestationObject::read(&object).unwrap().data;
    let model = Model(AuthenticatorData::read(data).unwrap().attested.unwrap().model);
    let other = Model([7; 16]);
    assert_eq!(verdict(&policy(ROOT, &[other, model]), (&object, &hash), NOW), Ok(()));
    assert_eq!(verdict(&policy(ROOT, &[other]), (&object, &hash), NOW), Err(PasskeyProblem::Model));
}

#[test]
fn wa_5_a_policy_needs_roots_and_models_are_aaguids() {
    assert_eq!(AttestationPolicy::new(&[], vec![Model([7; 16])]), Err(AttestationPolicyError::NoRoot));
    let roots = [CertificateDer::from(ROOT), CertificateDer::from(&b"no certificate"[..])];
    assert_eq!(AttestationPolicy::new(&roots, Vec::new()), Err(AttestationPolicyError::Root(2)));
    let model: Model = "2FC0579f-8113-47ea-b116-bb5a8db9202a".parse().unwrap();
    assert_eq!(model.to_string(), "2fc0579f-8113-47ea-b116-bb5a8db9202a");
    for bad in [
        "",
        "2fc0579f811347eab116bb5a8db9202a",
        "2fc0579f-8113-47ea-b116-bb5a8db9202",
        "+fc0579f-8113-47ea-b116-bb5a8db9202a",
        "00000000-0000-0000-0000-000000000000",
    ] {
        assert_eq!(bad.parse::<Model>(), Err(ModelError), "{bad}");
    }
}

/// A maker with a root and an authority below it, and one device.
struct Maker {
    root: CertifiedIssuer<'static, KeyPair>,
    below: CertifiedIssuer<'static, KeyPair>,
    device: KeyPair,
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// What a maker's certificate has to be.
fn leaf() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let parts = [
        (DnType::CountryName, "SE"),
        (DnType::OrganizationName, "Maker"),
        (DnType::OrganizationalUnitName, "Authenticator Attestation"),
        (DnType::CommonName, "Model 1"),
    ];
    parts.into_iter().for_each(|(kind, text)| params.distinguished_name.push(kind, text));
    params.is_ca = IsCa::ExplicitNoCa;
    params
}

impl Maker {
    fn new() -> Maker {
        let root = CertifiedIssuer::self_signed(authority("Root"), key()).unwrap();
        let below = CertifiedIssuer::signed_by(authority("Below"), key(), &root).unwrap();
        Maker { root, below, device: key() }
    }

    /// A registration with a certificate of `params`, judged at `now` by whoever knows this maker's root.
    fn verdict_at(&self, params: CertificateParams, now: Timestamp) -> Result<(), PasskeyProblem> {
        let certificate = params.signed_by(&self.device, &self.below).unwrap();
        let chain = [certificate.der().to_vec(), self.below.der().to_vec()];
        self.judge(&policy(self.root.der(), &[]), &chain, now)
    }

    /// A right certificate and the authority between it and the root.
    fn chain(&self) -> [Vec<u8>; 2] {
        let certificate = leaf().signed_by(&self.device, &self.below).unwrap();
        [certificate.der().to_vec(), self.below.der().to_vec()]
    }

    fn verdict(&self, params: CertificateParams) -> Result<(), PasskeyProblem> {
        self.verdict_at(params, NOW)
    }

    fn judge(
        &self,
        policy: &AttestationPolicy,
        chain: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<(), PasskeyProblem> {
        let (object, hash) = vector("packed-es256");
        let data = AttestationObject::read(&object).unwrap().data;
        let signed = [data, &hash].concat();
        let signature = sign(&self.device, &signed);
        let object = packed_object(data, &signature, chain);
        verdict(policy, (&object, &hash), now)
    }
}

fn sign(key: &KeyPair, message: &[u8]) -> Vec<u8> {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.serialized_der()).unwrap();
    pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

/// CBOR of byte strings up to 64 KiB, as long as they are.
fn cbor_bytes(bytes: &[u8]) -> Vec<u8> {
    [&[0x59], &u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// CBOR of a short text.
fn cbor_text(text: &str) -> Vec<u8> {
    [&[0x60 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// CBOR of a few certificates.
fn cbor_chain(chain: &[Vec<u8>]) -> Vec<u8> {
    let head = 0x80 | u8::try_from(chain.len()).unwrap();
    std::iter::once(head).chain(chain.iter().flat_map(|der| cbor_bytes(der))).collect()
}

/// CBOR of a small map; the values are CBOR already.
fn cbor_map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let head = 0xa0 | u8::try_from(pairs.len()).unwrap();
    let pairs = pairs.iter().flat_map(|(name, value)| [cbor_text(name), value.clone()].concat());
    std::iter::once(head).chain(pairs).collect()
}

fn object(format: &str, statement: &[(&str, Vec<u8>)], data: &[u8]) -> Vec<u8> {
    let statement = cbor_map(statement);
    cbor_map(&[("fmt", cbor_text(format)), ("attStmt", statement), ("authData", cbor_bytes(data))])
}

fn packed_object(data: &[u8], signature: &[u8], chain: &[Vec<u8>]) -> Vec<u8> {
    let statement = [("alg", vec![0x26]), ("sig", cbor_bytes(signature)), ("x5c", cbor_chain(chain))];
    object("packed", &statement, data)
}

fn model_extension(model: [u8; 16], critical: bool) -> CustomExtension {
    let mut found = CustomExtension::from_oid_content(
        &[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4],
        [&[4, 16], &model[..]].concat(),
    );
    found.set_criticality(critical);
    found
}

#[test]
fn wa_5_a_chain_of_two_leads_to_its_root_and_to_no_other() {
    let (maker, other) = (Maker::new(), Maker::new());
    assert_eq!(maker.verdict(leaf()), Ok(()));
    let chain = maker.chain();
    let ours = policy(maker.root.der(), &[]);
    assert_eq!(maker.judge(&ours, &chain, NOW), Ok(()));
    assert_eq!(maker.judge(&ours, &chain[..1], NOW), Err(PasskeyProblem::UnknownMaker), "none between");
    let theirs = policy(other.root.der(), &[]);
    assert_eq!(maker.judge(&theirs, &chain, NOW), Err(PasskeyProblem::UnknownMaker));
    assert_eq!(other.judge(&ours, &chain, NOW), Err(PasskeyProblem::Statement), "another device's signature");
}

#[test]
fn wa_5_a_makers_certificate_holds_in_its_time() {
    let maker = Maker::new();
    let mut short = leaf();
    (short.not_before, short.not_after) =
        (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2026, 12, 31));
    let at = |text: &str| maker.verdict_at(short.clone(), Timestamp::parse_rfc3339(text).unwrap());
    assert_eq!(at("2025-12-31T23:59:59Z"), Err(PasskeyProblem::UnknownMaker));
    assert_eq!(at("2026-01-01T00:00:00Z"), Ok(()));
    assert_eq!(at("2026-12-31T00:00:01Z"), Err(PasskeyProblem::UnknownMaker));
}

#[test]
fn wa_5_an_authority_or_another_kind_of_certificate_makes_no_statement() {
    let maker = Maker::new();
    let with = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = leaf();
        change(&mut params);
        maker.verdict(params)
    };
    let is_ca = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(with(&is_ca), Err(PasskeyProblem::UnknownMaker));
    assert_eq!(with(&|params| params.is_ca = IsCa::NoCa), Err(PasskeyProblem::Statement), "it must say so");
    let unit = |params: &mut CertificateParams| {
        params.distinguished_name.remove(DnType::OrganizationalUnitName);
        params.distinguished_name.push(DnType::OrganizationalUnitName, "Something");
    };
    assert_eq!(with(&unit), Err(PasskeyProblem::Statement));
    for part in [DnType::CountryName, DnType::OrganizationName, DnType::CommonName] {
        let drop = |params: &mut CertificateParams| assert!(params.distinguished_name.remove(part.clone()));
        assert_eq!(with(&drop), Err(PasskeyProblem::Statement), "{part:?}");
    }
}

#[test]
fn wa_5_a_certificate_for_one_model_stands_for_no_other() {
    let maker = Maker::new();
    let (object, _) = vector("packed-es256");
    let data = AttestationObject::read(&object).unwrap().data;
    let model = AuthenticatorData::read(data).unwrap().attested.unwrap().model;
    let with = |model: [u8; 16], critical: bool| {
        let mut params = leaf();
        params.custom_extensions.push(model_extension(model, critical));
        maker.verdict(params)
    };
    assert_eq!(with(model, false), Ok(()));
    assert_eq!(with([7; 16], false), Err(PasskeyProblem::Statement));
    assert!(with(model, true).is_err(), "must not be critical");
}

#[test]
fn wa_5_a_root_that_is_over_lets_nobody_in_and_its_neighbour_does() {
    let (object, hash) = vector("packed-es256");
    let maker = Maker::new();
    let data = AttestationObject::read(&object).unwrap().data;
    let signature = sign(&maker.device, &[data, &hash].concat());
    let mut params = authority("Root");
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2026, 12, 31));
    let root = CertifiedIssuer::self_signed(params, key()).unwrap();
    let certificate = leaf().signed_by(&maker.device, &root).unwrap().der().to_vec();
    let object = packed_object(data, &signature, &[certificate]);
    let both = [maker.root.der().clone(), root.der().clone()];
    let policy = AttestationPolicy::new(&both, Vec::new()).unwrap();
    let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
    let verdict = |text: &str| verdict(&policy, (&object, &hash), at(text));
    assert_eq!(verdict("2025-12-31T23:59:59Z"), Err(PasskeyProblem::UnknownMaker));
    assert_eq!(verdict("2026-01-01T00:00:00Z"), Ok(()));
    assert_eq!(verdict("2026-12-31T00:00:00Z"), Ok(()), "its last second");
    assert_eq!(verdict("2026-12-31T00:00:01Z"), Err(PasskeyProblem::UnknownMaker));
    assert_eq!(maker.judge(&policy, &maker.chain(), at("2026-12-31T00:00:01Z")), Ok(()), "the other root");
    let over = at("2026-12-31T00:00:01Z");
    assert_eq!(policy.roots_over_at(over).collect::<Vec<_>>(), [(2, over)]);
    assert_eq!(policy.roots_over_at(at("2026-12-31T00:00:00Z")).count(), 0);
}

#[test]
fn wa_5_a_device_that_hides_its_model_counts_where_none_is_named() {
    let (object, hash) = vector("packed-es256");
    let mut data = AttestationObject::read(&object).unwrap().data.to_vec();
    data[MODEL_AT..MODEL_AT + 16].fill(0);
    let maker = Maker::new();
    let object = packed_object(&data, &sign(&maker.device, &[&data, &hash[..]].concat()), &maker.chain());
    let with = |models: &[Model]| verdict(&policy(maker.root.der(), models), (&object, &hash), NOW);
    assert_eq!(with(&[]), Ok(()));
    assert_eq!(with(&[Model([7; 16])]), Err(PasskeyProblem::Model));
}
