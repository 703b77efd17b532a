//! The listener for machines from the outside: who is let in by a client certificate, and who is not (TLS-2, TLS-3, C43).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use app::installation::Installation;
use base::{ApiKeyId, Clock, Dice, TerminalId};
use identity::{
    Actor, CertificateRequest, Holder, Label, Means, NewApiKey, NewEnrolment, NewMember, PasswordHash, Role,
};
use payments::text::ShortText;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber,
};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use store::Tx;
use time::OffsetDateTime;

use crate::town::{Served, Town, wait_until};

const ANSWER_SECONDS_MAX: u64 = 20;
const RELOAD_SECONDS_MAX: u64 = 30;

/// A new key and a request for a certificate over it, PEM.
pub fn request() -> (KeyPair, String) {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let request = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    (key, request)
}

/// What a client shows: chain and key, PEM.
#[derive(Clone)]
struct Shown {
    chain: String,
    key: String,
}

/// An authority of the test's own.
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A good certificate for the holder, which `spoil` may change.
fn leaf(by: &Authority, uri: &str, spoil: impl FnOnce(&mut CertificateParams)) -> Shown {
    leaf_of(by, KeyPair::generate().unwrap(), uri, spoil)
}

fn leaf_of(by: &Authority, key: KeyPair, uri: &str, spoil: impl FnOnce(&mut CertificateParams)) -> Shown {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(uri.to_owned().try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = OffsetDateTime::now_utc() - Duration::from_secs(600);
    params.not_after = OffsetDateTime::now_utc() + Duration::from_secs(600);
    spoil(&mut params);
    Shown { chain: params.signed_by(&key, by).unwrap().pem(), key: key.serialize_pem() }
}

fn server_certificate(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let made = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(folder.join("chain.pem"), made.pem()).unwrap();
    made.der().clone()
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// What is made before the program starts.
struct Seeded {
    terminal: TerminalId,
    key: ApiKeyId,
    /// An owner's session.
    owner: String,
    of_terminal: Shown,
    of_key: Shown,
}

/// The program with a listener for machines.
struct Machines {
    folder: tempfile::TempDir,
    seeded: Seeded,
    served: Served,
    machines: SocketAddr,
    server: CertificateDer<'static>,
    operator: Authority,
}

impl Machines {
    fn start() -> Machines {
        Machines::start_with(|_, _| Vec::new())
    }

    /// `flags` makes files and gives more flags.
    fn start_with(flags: impl FnOnce(&Path, &Authority) -> Vec<String>) -> Machines {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let town = Town::found(path, None, 0);
        let seeded = seed_town(&town);
        let server = server_certificate(path);
        let operator = authority("operator");
        std::fs::write(path.join("ca.pem"), operator.pem()).unwrap();
        let machines = free_port();
        let file = |name: &str| path.join(name).display().to_string();
        let mut words = vec![
            "--tls-certificate".to_owned(),
            file("chain.pem"),
            "--tls-key".to_owned(),
            file("key.pem"),
            "--mtls-listen".to_owned(),
            machines.to_string(),
            "--mtls-ca".to_owned(),
            file("ca.pem"),
        ];
        words.extend(flags(path, &operator));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let served = town.serve_with(&words);
        Machines { folder, seeded, served, machines, server, operator }
    }

    fn line(&self, address: SocketAddr, shown: Option<&Shown>) -> Line {
        Line::open(address, &self.server, shown)
    }

    /// Asks once at the listener for machines; `None` when the connection is refused.
    fn ask(&self, shown: Option<&Shown>, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        self.line(self.machines, shown).ask(method, path, "", body).ok()
    }

    fn is_let_in(&self, shown: &Shown) -> bool {
        match self.ask(Some(shown), "GET", "/v1/payments", &Value::Null) {
            None => false,
            Some((200, _)) => true,
            Some((401, _)) => false,
            Some(other) => panic!("{other:?}"),
        }
    }

    /// Asks the listener for people as the owner.
    fn as_owner(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let bearer = format!("authorization: Bearer {}\r\n", self.seeded.owner);
        self.line(self.served.address, None).ask(method, path, &bearer, body).unwrap()
    }

    fn key_uri(&self) -> String {
        Holder::ApiKey(self.seeded.key).uri()
    }
}

/// One connection over TLS.
struct Line(StreamOwned<ClientConnection, TcpStream>);

impl Line {
    fn open(address: SocketAddr, server: &CertificateDer<'static>, shown: Option<&Shown>) -> Line {
        let mut roots = RootCertStore::empty();
        roots.add(server.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots);
        let config = match shown {
            None => config.with_no_client_auth(),
            Some(shown) => {
                let chain = CertificateDer::pem_slice_iter(shown.chain.as_bytes()).map(Result::unwrap);
                let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
                config.with_client_auth_cert(chain.collect(), key).unwrap()
            }
        };
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX))).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        Line(StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream))
    }

    /// Asks and keeps the connection.
    fn ask(&mut self, method: &str, path: &str, fields: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let key: u128 = u128::from_le_bytes(Dice::System.bytes());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nidempotency-key: {key:032x}\r\n{fields}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.0.write_all(head.as_bytes())?;
        self.0.write_all(body.as_bytes())?;
        self.0.flush()?;
        self.read()
    }

    fn read(&mut self) -> std::io::Result<(u16, Value)> {
        let (mut bytes, mut part) = (Vec::new(), [0u8; 8192]);
        loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..end + 2]).to_lowercase();
                let length =
                    head.split_once("\r\ncontent-length: ").and_then(|(_, rest)| rest.split_once('\r'));
                let length: usize = length.and_then(|(number, _)| number.parse().ok()).unwrap_or(0);
                if bytes.len() >= end + 4 + length {
                    let status = head.get(9..12).and_then(|text| text.parse().ok()).unwrap();
                    let body = bytes.get(end + 4..end + 4 + length).unwrap_or_default();
                    return Ok((status, serde_json::from_slice(body).unwrap_or(Value::Null)));
                }
            }
            match self.0.read(&mut part)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                read => bytes.extend_from_slice(&part[..read]),
            }
        }
    }
}

fn seed_town(town: &Town) -> Seeded {
    let at = Installation::open(&town.config(), Clock::System, Dice::System).unwrap();
    let (vault, dice, now, shop) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now(), town.shop);
    let seeded = at.db.write_blocking(move |tx| {
        let means = Means { vault: &vault, dice: &dice, now };
        seed(tx, &means, shop).map_err(|problem| store::Error::Bug(problem.to_string()))
    });
    seeded.unwrap()
}

fn seed(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    shop: base::ShopId,
) -> Result<Seeded, Box<dyn std::error::Error>> {
    let (by, name) = (audit::Actor::system("test"), ShortText::parse("Till 1", 60)?);
    let terminal = payments::shop::create_terminal(tx, means, &by, shop, &name, None)?.id;
    let new = NewApiKey::new(Label::parse("till system")?, Role::Integration, None)?;
    let key = identity::create_system_api_key(tx, means, shop, &new)?.0.id;
    let owner = NewMember {
        name: identity::PersonName::parse("Wang Wu")?,
        email: identity::Email::parse("owner@shop.example")?,
        grants: Role::Owner.into(),
        lang: webkit::page::Lang::En,
    };
    let nobody = PasswordHash::of_nobody();
    let member = identity::create_member(tx, means, &Actor::System, shop, &owner, &nobody)?;
    let session = identity::open_trusted_member_session(tx, means, member, &Label::parse("test")?)?;
    let actor = identity::require_member(tx, &session.token, means.now)?;
    let actor = Actor::Member(identity::MemberSession { second_factor: Some(means.now), ..actor });
    let mut enrol = |holder: Holder| -> Result<Shown, Box<dyn std::error::Error>> {
        let new = NewEnrolment::new(holder, Label::parse("Till 1")?, 10)?;
        let (code, _) = identity::create_enrolment(tx, means, &actor, &new)?;
        let (key, text) = request();
        let request = CertificateRequest::parse(&text)?;
        let issued = identity::enrol(tx, means, &code, &request, "https://pay.example")?;
        Ok(Shown { chain: issued.pem, key: key.serialize_pem() })
    };
    let (of_terminal, of_key) = (enrol(Holder::Terminal(terminal))?, enrol(Holder::ApiKey(key))?);
    Ok(Seeded { terminal, key, owner: session.token.secret().expose().clone(), of_terminal, of_key })
}

fn payment() -> Value {
    json!({"amount_minor": 500, "currency": "CNY"})
}

#[test]
fn tls_2_a_certificate_takes_the_place_of_the_signature_and_a_terminal_does_little() {
    let at = Machines::start();
    let (till, client) = (Some(&at.seeded.of_terminal), Some(&at.seeded.of_key));
    let (status, made) = at.ask(till, "POST", "/v1/payments", &payment()).unwrap();
    assert_eq!(status, 201, "{made}");
    let own = format!("/v1/payments/{}", made["id"].as_str().unwrap());
    assert_eq!(at.ask(till, "GET", &own, &Value::Null).unwrap().0, 200);
    // The API client sees and does what its key may; the terminal nothing but its own payments.
    let (status, other) = at.ask(client, "POST", "/v1/payments", &payment()).unwrap();
    assert_eq!(status, 201, "{other}");
    assert_eq!(
        at.ask(client, "GET", "/v1/payments", &Value::Null).unwrap().1["data"].as_array().unwrap().len(),
        2
    );
    let other = format!("/v1/payments/{}", other["id"].as_str().unwrap());
    assert_eq!(at.ask(till, "GET", &other, &Value::Null).unwrap().0, 404);
    assert_eq!(at.ask(till, "GET", "/v1/payments", &Value::Null).unwrap().0, 403);
    let elsewhere = TerminalId::new(at.seeded.terminal_shop(), base::Timestamp(1), &Dice::System);
    let body = json!({"amount_minor": 500, "currency": "CNY", "terminal": elsewhere.to_string()});
    assert_eq!(at.ask(till, "POST", "/v1/payments", &body).unwrap().0, 400, "at another terminal");
    assert_eq!(at.ask(till, "POST", "/v1/codes", &json!({"name": "x"})).unwrap().0, 403);
    assert_eq!(at.ask(till, "GET", "/v1/certificates", &Value::Null).unwrap().0, 403);
    // There are no pages where machines are answered.
    for page in ["/", "/sign-in", "/desk"] {
        assert_eq!(at.ask(till, "GET", page, &Value::Null).unwrap().0, 404, "{page}");
    }
}

impl Seeded {
    fn terminal_shop(&self) -> base::ShopId {
        base::ScopedId::shop(&self.terminal)
    }
}

#[test]
fn c43_whoever_shows_no_certificate_or_a_bad_one_is_refused() {
    let at = Machines::start();
    let uri = at.key_uri();
    assert!(at.is_let_in(&leaf(&at.operator, &uri, |_| {})), "the same, all in order, is let in");
    assert!(at.ask(None, "GET", "/health", &Value::Null).is_none(), "none");
    let hour = Duration::from_secs(3600);
    let now = OffsetDateTime::now_utc();
    let bad: [(&str, Shown); 8] = [
        ("wrong authority", leaf(&authority("operator"), &uri, |_| {})),
        (
            "expired",
            leaf(&at.operator, &uri, |c| (c.not_before, c.not_after) = (now - hour, now - hour / 60)),
        ),
        (
            "not yet",
            leaf(&at.operator, &uri, |c| (c.not_before, c.not_after) = (now + hour / 60, now + hour)),
        ),
        (
            "for servers",
            leaf(&at.operator, &uri, |c| c.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ),
        ("for nothing", leaf(&at.operator, &uri, |c| c.extended_key_usages = Vec::new())),
        ("an authority's", leaf(&at.operator, &uri, |c| c.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
        ("self-signed", {
            let own = authority("client");
            leaf(&own, &uri, |_| {})
        }),
        ("two certificates of one name", {
            let mut mixed = leaf(&authority("operator"), &uri, |_| {});
            mixed.chain.push_str(&at.operator.pem());
            mixed
        }),
    ];
    for (what, shown) in &bad {
        assert!(!at.is_let_in(shown), "{what}");
    }
    let strange = ["urn:tillward:key:key_0", "https://shop.example", "urn:tillward:member:mem_0"];
    for uri in strange {
        let answer = at.ask(Some(&leaf(&at.operator, uri, |_| {})), "GET", "/v1/payments", &Value::Null);
        assert_eq!(answer.unwrap().0, 401, "{uri} names nobody");
    }
}

#[test]
fn asvs_11_2_3_a_client_with_an_rsa_key_is_let_in_from_3072_bits_on() {
    let at = Machines::start();
    let shown = |size| {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).unwrap();
        leaf_of(&at.operator, key, &at.key_uri(), |_| {})
    };
    assert!(at.is_let_in(&shown(rcgen::RsaKeySize::_3072)));
    assert!(!at.is_let_in(&shown(rcgen::RsaKeySize::_2048)), "the same with a shorter key");
}

#[test]
fn az_7_a_revoked_certificate_is_refused_on_the_connection_it_opened() {
    let at = Machines::start();
    let mut line = at.line(at.machines, Some(&at.seeded.of_terminal));
    assert_eq!(line.ask("POST", "/v1/payments", "", &payment()).unwrap().0, 201);
    let (status, listed) = at.as_owner("GET", "/v1/certificates", &Value::Null);
    assert_eq!(status, 200, "{listed}");
    let found = listed["data"].as_array().unwrap().iter().find(|one| one["purpose"] == "terminal").unwrap();
    assert_eq!((&found["state"], &found["label"]), (&json!("active"), &json!("Till 1")));
    let path = format!("/v1/certificates/{}", found["id"].as_str().unwrap());
    assert_eq!(at.as_owner("DELETE", &path, &Value::Null).0, 204);
    assert_eq!(line.ask("POST", "/v1/payments", "", &payment()).unwrap().0, 401);
    assert!(at.is_let_in(&at.seeded.of_key), "the other one is as it was");
    // So is one whose API key is revoked.
    assert_eq!(at.as_owner("DELETE", &format!("/v1/api_keys/{}", at.seeded.key), &Value::Null).0, 204);
    assert!(!at.is_let_in(&at.seeded.of_key) && !at.is_let_in(&leaf(&at.operator, &at.key_uri(), |_| {})));
}

#[test]
fn tls_2_what_the_operators_authority_revoked_is_refused() {
    let serial = SerialNumber::from(7u64);
    let listed = serial.clone();
    let at = Machines::start_with(|folder, operator| {
        let now = OffsetDateTime::now_utc();
        let list = CertificateRevocationListParams {
            this_update: now - Duration::from_secs(60),
            next_update: now + Duration::from_secs(3600),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: listed,
                revocation_time: now - Duration::from_secs(60),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        std::fs::write(folder.join("crl.pem"), list.signed_by(operator).unwrap().pem().unwrap()).unwrap();
        vec!["--mtls-crl".to_owned(), folder.join("crl.pem").display().to_string()]
    });
    let uri = at.key_uri();
    assert!(!at.is_let_in(&leaf(&at.operator, &uri, |c| c.serial_number = Some(serial))));
    assert!(at.is_let_in(&leaf(&at.operator, &uri, |c| c.serial_number = Some(SerialNumber::from(8u64)))));
    assert!(at.is_let_in(&at.seeded.of_key), "our own are not on it, and need not be");
}

#[test]
fn tls_3_a_certificate_in_a_header_opens_nothing() {
    let at = Machines::start();
    let pem = at.seeded.of_key.chain.replace('\n', "%0A");
    let base64: String = at.seeded.of_key.chain.lines().filter(|line| !line.starts_with('-')).collect();
    let mut line = at.line(at.served.address, None);
    for field in [
        format!("x-client-cert: {pem}"),
        format!("x-ssl-client-cert: {pem}"),
        format!("x-ssl-client-verify: SUCCESS\r\nssl-client-cert: {pem}"),
        format!("x-forwarded-client-cert: URI={};Cert={pem}", at.key_uri()),
        format!("client-cert: :{base64}:"),
    ] {
        let (status, body) = line.ask("GET", "/v1/payments", &format!("{field}\r\n"), &Value::Null).unwrap();
        assert_eq!(status, 401, "{field}: {body}");
    }
    // Beside a real certificate they change nothing: the terminal stays a terminal.
    let mut line = at.line(at.machines, Some(&at.seeded.of_terminal));
    let field = format!("x-client-cert: {pem}\r\n");
    assert_eq!(line.ask("GET", "/v1/payments", &field, &Value::Null).unwrap().0, 403);
}

#[test]
fn tls_2_a_certificate_beside_another_credential_is_refused() {
    let at = Machines::start();
    let mut line = at.line(at.machines, Some(&at.seeded.of_terminal));
    for field in [
        format!("authorization: Bearer {}\r\n", at.seeded.owner),
        "signature-input: tw=();keyid=\"x\"\r\nsignature: tw=:AAAA:\r\n".to_owned(),
    ] {
        for path in ["/v1/payments", "/v1/certificates"] {
            assert_eq!(line.ask("GET", path, &field, &Value::Null).unwrap().0, 400, "{path} {field}");
        }
    }
}

#[test]
fn tls_6_a_client_renews_its_certificate_with_the_present_one() {
    let at = Machines::start();
    let (key, text) = request();
    let body = json!({"request": text});
    let (status, issued) =
        at.ask(Some(&at.seeded.of_terminal), "POST", "/v1/certificates/renew", &body).unwrap();
    assert_eq!(status, 201, "{issued}");
    let next = Shown { chain: issued["pem"].as_str().unwrap().to_owned(), key: key.serialize_pem() };
    assert_eq!(at.ask(Some(&next), "POST", "/v1/payments", &payment()).unwrap().0, 201);
    let refused =
        at.ask(Some(&leaf(&at.operator, &at.key_uri(), |_| {})), "POST", "/v1/certificates/renew", &body);
    assert_eq!(refused.unwrap().0, 403, "the operator's authority renews its own");
}

#[test]
fn tls_6_a_new_server_certificate_is_taken_over_while_connections_go_on() {
    let at = Machines::start();
    let mut open = at.line(at.machines, Some(&at.seeded.of_terminal));
    assert_eq!(open.ask("POST", "/v1/payments", "", &payment()).unwrap().0, 201);
    // Half of a renewal does not count: a certificate without its key leaves the old pair in place.
    let (chain, key) = (at.folder.path().join("chain.pem"), at.folder.path().join("key.pem"));
    let old_key = std::fs::read(&key).unwrap();
    let new = server_certificate(at.folder.path());
    let new_key = std::fs::read(&key).unwrap();
    std::fs::write(&key, &old_key).unwrap();
    let hang_up = || {
        let id = at.served.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    };
    hang_up();
    let log = || std::fs::read_to_string(at.folder.path().join("log.txt")).unwrap();
    wait_until(RELOAD_SECONDS_MAX, "the refusal", || log().contains("the old certificate stays"));
    assert!(at.is_let_in(&at.seeded.of_key));
    std::fs::write(&key, &new_key).unwrap();
    hang_up();
    let presents_new = |address| {
        let mut line = Line::open(address, &new, Some(&at.seeded.of_key));
        line.ask("GET", "/health", "", &Value::Null).is_ok()
    };
    wait_until(RELOAD_SECONDS_MAX, "the new certificate", || {
        presents_new(at.machines) && presents_new(at.served.address)
    });
    assert_eq!(open.ask("POST", "/v1/payments", "", &payment()).unwrap().0, 201, "what was open goes on");
    assert!(chain.exists());
}

#[test]
fn tls_1_plain_http_to_the_listener_for_machines_gets_no_answer() {
    let at = Machines::start();
    let mut stream = TcpStream::connect(at.machines).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX))).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));
}
