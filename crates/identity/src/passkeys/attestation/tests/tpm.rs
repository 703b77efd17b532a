//! Statements of a TPM made here: each right in every part but the one that its test names.

use rcgen::ExtendedKeyUsagePurpose;

use super::*;

/// What a TPM says of a key, part by part (`TPMS_ATTEST`).
struct Certify {
    magic: u32,
    kind: u16,
    extra: Vec<u8>,
    name: Vec<u8>,
}

/// A statement before it is signed.
struct Tpm {
    version: &'static str,
    area: Vec<u8>,
    certify: Certify,
    certificate: Vec<u8>,
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// A key on P-256 as a TPM writes it (`TPMT_PUBLIC`); `name_hash` is the number of the hash in its name.
fn area(point: &[u8], name_hash: u16) -> Vec<u8> {
    let (x, y) = point[1..].split_at(32);
    let numbers = |all: &[u16]| all.iter().flat_map(|one| one.to_be_bytes()).collect::<Vec<u8>>();
    let head = [numbers(&[0x0023, name_hash]), vec![0; 4], sized(b"")].concat();
    [head, numbers(&[0x0010, 0x0010, 0x0003, 0x0010]), sized(x), sized(y)].concat()
}

/// The name of a key: the number of the hash and the hash of its area.
fn name(area: &[u8]) -> Vec<u8> {
    [&[0x00, 0x0b][..], &sha256(area)].concat()
}

impl Certify {
    fn bytes(&self) -> Vec<u8> {
        let head = [&self.magic.to_be_bytes()[..], &self.kind.to_be_bytes(), &sized(b"signer")].concat();
        [head, sized(&self.extra), vec![0; 25], sized(&self.name), sized(b"qualified")].concat()
    }
}

/// The key of the registration that is judged, as a point.
fn point() -> Vec<u8> {
    let (object, _) = vector("tpm-es256");
    let data = AttestationObject::read(&object).unwrap().data;
    let attested = AuthenticatorData::read(data).unwrap().attested.unwrap();
    match PublicKey::read(attested.cose).unwrap() {
        PublicKey::Curve { point, .. } => point,
        other => panic!("a point was expected: {other:?}"),
    }
}

/// DER: a tag, the length in its shortest form, the parts.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    match content.len() {
        length @ 0..0x80 => [&[tag, u8::try_from(length).unwrap()][..], &content].concat(),
        length @ 0x80..0x100 => [&[tag, 0x81, u8::try_from(length).unwrap()][..], &content].concat(),
        length => [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes(), &content].concat(),
    }
}

/// An alternative name with so many of manufacturer, model and version.
fn alternative(parts: u8) -> CustomExtension {
    let attribute = |last: u8| {
        let oid = der(0x06, &[&[0x67, 0x81, 0x05, 0x02, last]]);
        der(0x31, &[&der(0x30, &[&oid, &der(0x0c, &[b"id:0001"])])])
    };
    let attributes: Vec<u8> = (1..=parts).flat_map(attribute).collect();
    let names = der(0x30, &[&der(0xa4, &[&der(0x30, &[&attributes])])]);
    let mut found = CustomExtension::from_oid_content(&[2, 5, 29, 17], names);
    found.set_criticality(true);
    found
}

/// What the certificate of a TPM has to be (§8.3.1).
fn aik() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![2, 23, 133, 8, 3])];
    params.custom_extensions = vec![alternative(3)];
    params
}

fn signed(maker: &Maker, params: &CertificateParams) -> Vec<u8> {
    params.signed_by(&maker.device, &maker.below).unwrap().der().to_vec()
}

impl Tpm {
    fn right(maker: &Maker) -> Tpm {
        let (object, hash) = vector("tpm-es256");
        let data = AttestationObject::read(&object).unwrap().data;
        let area = area(&point(), 0x000b);
        let extra = sha256(&[data, &hash].concat()).to_vec();
        let certify = Certify { magic: 0xff54_4347, kind: 0x8017, extra, name: name(&area) };
        Tpm { version: "2.0", area, certify, certificate: signed(maker, &aik()) }
    }

    fn judged(&self, maker: &Maker) -> Result<(), PasskeyProblem> {
        let (vector, hash) = vector("tpm-es256");
        let data = AttestationObject::read(&vector).unwrap().data;
        let certified = self.certify.bytes();
        let statement = [
            ("alg", vec![0x26]),
            ("sig", cbor_bytes(&sign(&maker.device, &certified))),
            ("ver", [&[0x63][..], self.version.as_bytes()].concat()),
            ("x5c", cbor_chain(&[self.certificate.clone(), maker.below.der().to_vec()])),
            ("pubArea", cbor_bytes(&self.area)),
            ("certInfo", cbor_bytes(&certified)),
        ];
        let object = object("tpm", &statement, data);
        verdict(&policy(maker.root.der(), &[]), (&object, &hash), NOW)
    }
}

/// The verdict on a statement with one thing changed.
fn with(change: impl FnOnce(&mut Tpm)) -> Result<(), PasskeyProblem> {
    let maker = Maker::new();
    let mut tpm = Tpm::right(&maker);
    change(&mut tpm);
    tpm.judged(&maker)
}

/// The same with the certificate changed.
fn with_certificate(change: impl FnOnce(&mut CertificateParams)) -> Result<(), PasskeyProblem> {
    let maker = Maker::new();
    let mut params = aik();
    change(&mut params);
    Tpm { certificate: signed(&maker, &params), ..Tpm::right(&maker) }.judged(&maker)
}

const REFUSED: Result<(), PasskeyProblem> = Err(PasskeyProblem::Statement);

#[test]
fn wa_5_a_statement_of_a_tpm_that_is_right_is_taken() {
    assert_eq!(with(|_| ()), Ok(()));
}

#[test]
fn wa_5_a_tpm_says_version_two() {
    assert_eq!(with(|tpm| tpm.version = "1.2"), REFUSED);
}

#[test]
fn wa_5_what_a_tpm_did_not_make_begins_otherwise() {
    assert_eq!(with(|tpm| tpm.certify.magic = 0xff54_4348), REFUSED);
}

#[test]
fn wa_5_a_tpm_certifies_a_key_and_nothing_else() {
    assert_eq!(with(|tpm| tpm.certify.kind = 0x8018), REFUSED, "a quote");
}

#[test]
fn wa_5_a_tpm_speaks_of_this_registration() {
    assert_eq!(with(|tpm| tpm.certify.extra = sha256(b"another").to_vec()), REFUSED);
    assert_eq!(with(|tpm| tpm.certify.extra.clear()), REFUSED);
}

#[test]
fn wa_5_a_tpm_names_the_key_it_shows() {
    assert_eq!(with(|tpm| tpm.certify.name = name(b"another key")), REFUSED);
    assert_eq!(with(|tpm| tpm.certify.name[1] = 0x0c), REFUSED, "the hash by another number");
}

#[test]
fn wa_5_a_tpm_holds_the_key_of_the_passkey() {
    let other = key().public_key_raw().to_vec();
    let change = |tpm: &mut Tpm| {
        tpm.area = area(&other, 0x000b);
        tpm.certify.name = name(&tpm.area);
    };
    assert_eq!(with(change), REFUSED);
}

#[test]
fn wa_5_a_statement_of_a_tpm_is_signed_with_the_key_of_its_certificate() {
    let (maker, other) = (Maker::new(), key());
    let certificate = aik().signed_by(&other, &maker.below).unwrap().der().to_vec();
    assert_eq!(Tpm { certificate, ..Tpm::right(&maker) }.judged(&maker), REFUSED);
}

#[test]
fn wa_5_the_certificate_of_a_tpm_is_of_version_three() {
    let maker = Maker::new();
    let certificate = of_version_one(&maker, &signed(&maker, &aik()));
    assert_eq!(Tpm { certificate, ..Tpm::right(&maker) }.judged(&maker), REFUSED);
}

/// A certificate anew as one of version 1, which has no extensions, under a signature that holds.
fn of_version_one(maker: &Maker, certificate: &[u8]) -> Vec<u8> {
    let (_, read) = X509Certificate::from_der(certificate).unwrap();
    let algorithm = der(0x30, &[&der(0x06, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]])]);
    let day = |text: &[u8]| der(0x17, &[text]);
    let validity = der(0x30, &[&day(b"240101000000Z"), &day(b"490101000000Z")]);
    let (issuer, subject) = (read.issuer().as_raw(), read.subject().as_raw());
    let serial = der(0x02, &[&[1]]);
    let body = der(0x30, &[&serial, &algorithm, issuer, &validity, subject, read.public_key().raw]);
    let signature = sign(maker.below.key(), &body);
    der(0x30, &[&body, &algorithm, &der(0x03, &[&[0], &signature])])
}

#[test]
fn wa_5_the_certificate_of_a_tpm_names_nobody() {
    assert_eq!(with_certificate(|params| params.distinguished_name.push(DnType::CommonName, "A")), REFUSED);
}

#[test]
fn wa_5_the_certificate_of_a_tpm_says_manufacturer_model_and_version() {
    assert_eq!(with_certificate(|params| params.custom_extensions.clear()), REFUSED);
    for parts in 0..3 {
        let change = |params: &mut CertificateParams| params.custom_extensions = vec![alternative(parts)];
        assert_eq!(with_certificate(change), REFUSED, "{parts} of them");
    }
}

#[test]
fn wa_5_the_certificate_of_a_tpm_is_for_statements() {
    assert_eq!(with_certificate(|params| params.extended_key_usages.clear()), REFUSED);
    let server = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert_eq!(with_certificate(|params| params.extended_key_usages = server), REFUSED);
}

#[test]
fn wa_5_the_certificate_of_a_tpm_is_no_authority_and_says_so() {
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(with_certificate(|params| params.is_ca = authority), Err(PasskeyProblem::UnknownMaker));
    assert_eq!(with_certificate(|params| params.is_ca = IsCa::NoCa), REFUSED);
}

#[test]
fn wa_5_the_certificate_of_a_tpm_stands_for_its_model_alone() {
    let (object, _) = vector("tpm-es256");
    let data = AttestationObject::read(&object).unwrap().data;
    let model = AuthenticatorData::read(data).unwrap().attested.unwrap().model;
    let of = |model, critical| {
        with_certificate(|params| params.custom_extensions.push(model_extension(model, critical)))
    };
    assert_eq!(of(model, false), Ok(()));
    assert_eq!(of([7; 16], false), REFUSED);
    assert!(of(model, true).is_err(), "must not be critical");
}
