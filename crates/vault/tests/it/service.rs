//! The root key in a transit engine, against a stand-in that follows the published API of Vault and OpenBao: read key,
//! encrypt, decrypt, rewrap, rotate, config, trim, errors as `{"errors": […]}`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use audit::Actor;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base::{Dice, ShopId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use store::testing::Scratch;
use vault::rotation::{Nodes, Rotator, Step, start_rotation};
use vault::{KeySource, Level, SourceError, TransitSettings, TransitSource, Vault, VaultError};

use crate::rotation::{HANGING, NOW, migrations};
use crate::sources::{check_replacing, check_wrapping};

const TOKEN: &str = "s.planted-token-551";

/// What the stand-in holds.
struct Engine {
    versions: BTreeMap<u64, [u8; 32]>,
    latest: u64,
    min_decryption: u64,
    min_encryption: u64,
    min_available: u64,
    exportable: bool,
    sealed: bool,
    token: String,
    calls: Vec<String>,
}

/// The stand-in: a listener on this machine, a request at a time.
struct Service {
    address: SocketAddr,
    engine: Arc<Mutex<Engine>>,
    folder: tempfile::TempDir,
}

impl Service {
    fn start() -> Service {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let engine = Arc::new(Mutex::new(Engine {
            versions: [(1, Dice::System.bytes())].into(),
            latest: 1,
            min_decryption: 1,
            min_encryption: 0,
            min_available: 0,
            exportable: false,
            sealed: false,
            token: TOKEN.to_owned(),
            calls: Vec::new(),
        }));
        let shared = Arc::clone(&engine);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &shared);
            }
        });
        Service { address, engine, folder: tempfile::tempdir().unwrap() }
    }

    fn settings(&self) -> TransitSettings {
        TransitSettings {
            url: format!("http://{}", self.address),
            mount: "transit".to_owned(),
            key: "tillward".to_owned(),
            token_file: self.token_file(TOKEN),
            ca_file: None,
        }
    }

    fn token_file(&self, token: &str) -> PathBuf {
        let path = self.folder.path().join("token");
        fs::write(&path, format!("{token}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn open(&self) -> Result<TransitSource, SourceError> {
        TransitSource::open(self.settings())
    }

    fn change(&self, change: impl FnOnce(&mut Engine)) {
        change(&mut self.engine.lock().unwrap());
    }
}

fn answer(stream: std::net::TcpStream, engine: &Mutex<Engine>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    reader.read_line(&mut head).unwrap();
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "x-vault-token" => token = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let mut parts = head.split_whitespace();
    let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (status, answer) = engine.lock().unwrap().handle(method, path, &token, &body);
    let text = if answer.is_null() { String::new() } else { answer.to_string() };
    let mut stream = reader.into_inner();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
}

fn error(status: u16, text: &str) -> (u16, Value) {
    (status, json!({ "errors": [text] }))
}

impl Engine {
    fn handle(&mut self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        self.calls.push(format!("{method} {path} {body}"));
        if self.sealed {
            return error(503, "Vault is sealed");
        }
        if token != self.token {
            return error(403, "permission denied");
        }
        match (method, path) {
            ("GET", "/v1/transit/keys/tillward") => (200, self.read()),
            ("POST", "/v1/transit/keys/tillward/rotate") => {
                self.latest += 1;
                self.versions.insert(self.latest, Dice::System.bytes());
                (200, self.read())
            }
            ("POST", "/v1/transit/keys/tillward/config") => self.configure(body),
            ("POST", "/v1/transit/keys/tillward/trim") => self.trim(body),
            ("POST", "/v1/transit/encrypt/tillward") => {
                let plain = STANDARD.decode(body["plaintext"].as_str().unwrap()).unwrap();
                self.encrypt(&plain, body["key_version"].as_u64().unwrap_or(self.latest))
            }
            ("POST", "/v1/transit/decrypt/tillward") => {
                match self.decrypt(body["ciphertext"].as_str().unwrap()) {
                    Ok(plain) => (200, json!({ "data": { "plaintext": STANDARD.encode(plain) } })),
                    Err(refused) => refused,
                }
            }
            ("POST", "/v1/transit/rewrap/tillward") => {
                match self.decrypt(body["ciphertext"].as_str().unwrap()) {
                    Ok(plain) => self.encrypt(&plain, body["key_version"].as_u64().unwrap_or(self.latest)),
                    Err(refused) => refused,
                }
            }
            _ => error(404, ""),
        }
    }

    fn read(&self) -> Value {
        json!({ "data": {
            "type": "aes256-gcm96", "latest_version": self.latest, "exportable": self.exportable,
            "allow_plaintext_backup": false, "derived": false, "name": "tillward",
            "min_decryption_version": self.min_decryption, "min_encryption_version": self.min_encryption,
            "min_available_version": self.min_available,
        } })
    }

    /// The bounds that `keys/{name}/config` of a real engine keeps.
    fn configure(&mut self, body: &Value) -> (u16, Value) {
        let decryption = body["min_decryption_version"].as_u64().unwrap();
        let encryption = body["min_encryption_version"].as_u64().unwrap();
        if decryption > self.latest || encryption > self.latest {
            return error(400, "cannot set a minimum version above the latest one");
        }
        if encryption != 0 && encryption < decryption {
            return error(400, "cannot set min encryption version below min decryption version");
        }
        if self.min_available > decryption || (encryption != 0 && self.min_available > encryption) {
            return error(400, "min version should not be less than min available version");
        }
        (self.min_decryption, self.min_encryption) = (decryption, encryption);
        (200, self.read())
    }

    /// The bounds that `keys/{name}/trim` of a real engine keeps.
    fn trim(&mut self, body: &Value) -> (u16, Value) {
        let least = body["min_available_version"].as_u64().unwrap();
        if least < self.min_available {
            return error(400, "minimum available version cannot be decremented");
        }
        if self.min_encryption == 0 || least > self.min_decryption.min(self.min_encryption) {
            return error(400, "cannot trim: minimum versions are lower");
        }
        self.min_available = least;
        self.versions.retain(|version, _| *version >= least);
        (200, self.read())
    }

    fn encrypt(&self, plain: &[u8], version: u64) -> (u16, Value) {
        let Some(key) = self.versions.get(&version).filter(|_| version >= self.min_encryption) else {
            return error(400, "requested version for encryption is not available");
        };
        let nonce: [u8; 12] = Dice::System.bytes();
        let mut sealed = plain.to_vec();
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
        cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .unwrap();
        let text = format!("vault:v{version}:{}", STANDARD.encode([&nonce[..], &sealed].concat()));
        (200, json!({ "data": { "ciphertext": text, "key_version": version } }))
    }

    fn decrypt(&self, text: &str) -> Result<Vec<u8>, (u16, Value)> {
        let rest = text.strip_prefix("vault:v").ok_or_else(|| error(400, "invalid ciphertext: no prefix"))?;
        let (version, sealed) = rest.split_once(':').unwrap();
        let version: u64 = version.parse().unwrap();
        if version < self.min_decryption {
            return Err(error(400, "ciphertext or signature version is disallowed by policy (too old)"));
        }
        let key = self.versions.get(&version).ok_or_else(|| error(400, "invalid ciphertext"))?;
        let mut sealed = STANDARD.decode(sealed).map_err(|_| error(400, "invalid ciphertext"))?;
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&sealed[..12]).unwrap();
        let plain = cipher.open_in_place(nonce, Aad::empty(), &mut sealed[12..]);
        plain.map(|plain| plain.to_vec()).map_err(|_| error(400, "cipher: message authentication failed"))
    }
}

#[test]
fn cr_2_a_key_wrapped_by_the_service_opens_under_its_name_only() {
    let service = Service::start();
    let source = service.open().unwrap();
    let root = source.first(&Dice::System).unwrap();
    assert_eq!(root.as_str(), "transit/transit/tillward/1");
    let wrapped = check_wrapping(&source);
    assert!(wrapped.starts_with(b"vault:v1:"));
    for part in &service.engine.lock().unwrap().calls {
        assert!(!part.contains(TOKEN), "the token travels in its header alone");
    }
}

#[test]
fn c47_root_and_keks_are_replaced_in_the_service_and_the_old_version_is_trimmed() {
    let service = Service::start();
    for scratch in Scratch::each() {
        let db = scratch.open(&migrations()).unwrap();
        let before = service.engine.lock().unwrap().latest;
        let check_gone = || {
            let left: Vec<u64> = service.engine.lock().unwrap().versions.keys().copied().collect();
            assert_eq!(left, [before + 1], "the service holds the new version alone");
        };
        check_replacing(&db, || service.open().unwrap(), check_gone);
        assert!(service.engine.lock().unwrap().calls.iter().any(|call| call.contains("/rewrap/")));
    }
}

#[test]
fn c47_versions_are_destroyed_in_any_order_and_no_bound_is_lowered() {
    let service = Service::start();
    let source = service.open().unwrap();
    let mut roots = vec![source.first(&Dice::System).unwrap()];
    for _ in 0..4 {
        roots.push(source.next(roots.last().unwrap(), &Dice::System).unwrap());
    }
    // An operator may have set bounds of their own.
    service.change(|engine| (engine.min_decryption, engine.min_encryption) = (4, 5));
    for destroyed in [2, 0, 1, 2] {
        source.destroy(&roots[destroyed]).unwrap();
        let engine = service.engine.lock().unwrap();
        let left: Vec<u64> = engine.versions.keys().copied().collect();
        assert_eq!((left, engine.min_decryption, engine.min_encryption), (vec![4, 5], 4, 5));
    }
    source.destroy(&roots[3]).unwrap();
    let engine = service.engine.lock().unwrap();
    assert_eq!((engine.versions.len(), engine.min_available, engine.min_decryption), (1, 5, 5));
}

#[test]
fn c46_a_service_that_is_away_sealed_or_refuses_stops_unlocking_and_not_what_is_unlocked() {
    let service = Service::start();
    let scratch = Scratch::file();
    let source = Arc::new(service.open().unwrap());
    let db = scratch.open(&migrations()).unwrap();
    let vault = Arc::new(Vault::start(&db, &*source, NOW, &Dice::System).unwrap());
    let by = Actor::system("test");
    db.write_blocking(move |tx| start_rotation(tx, Level::Root, &by, NOW, &Dice::System)).unwrap();
    let shared: Arc<dyn KeySource> = source.clone();
    let rotator = Rotator::new(shared, HANGING, "one", Nodes::One);
    service.change(|engine| engine.sealed = true);
    let stopped = rotator.step(&db, &vault, NOW, &Dice::System).unwrap_err().to_string();
    assert!(stopped.contains("503") && stopped.contains("sealed"), "{stopped}");
    assert!(matches!(
        Vault::start(&db, &*source, NOW, &Dice::System).err(),
        Some(VaultError::Source(SourceError::Unreachable(_)))
    ));
    let unlocked = Arc::clone(&vault);
    let seal = move |tx: &mut store::Tx<'_>| {
        unlocked.data_key(tx, ShopId::HOUSE, "buy_1", NOW, &Dice::System).map(|key| key.version())
    };
    assert_eq!(db.write_blocking(seal), Ok(1), "what is unlocked goes on");
    service.change(|engine| engine.sealed = false);
    service.token_file("s.another");
    let refused = source.first(&Dice::System).unwrap_err();
    assert!(matches!(&refused, SourceError::Refused(why) if why.contains("403")), "{refused}");
    assert!(!refused.to_string().contains("s.another"));
    service.token_file(TOKEN);
    while rotator.step(&db, &vault, NOW, &Dice::System).unwrap() != Step::Idle {}
    assert_eq!(source.first(&Dice::System).unwrap().as_str(), "transit/transit/tillward/2");
}

#[test]
fn a_service_nobody_answers_for_is_unreachable_within_its_time() {
    let service = Service::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let url = format!("http://{closed}");
    let refused = TransitSource::open(TransitSettings { url, ..service.settings() }).err().unwrap();
    assert!(matches!(refused, SourceError::Unreachable(_)), "{refused}");
    drop(silent);
}

#[test]
fn c46_a_key_that_may_be_exported_is_refused() {
    let service = Service::start();
    service.change(|engine| engine.exportable = true);
    let refused = service.open().err().unwrap();
    assert!(matches!(&refused, SourceError::Weak { why, .. } if why.contains("exportable")), "{refused}");
    let settings = TransitSettings { key: "other".to_owned(), ..service.settings() };
    let refused = TransitSource::open(settings).err().unwrap().to_string();
    assert!(refused.contains("404"), "{refused}");
}

#[test]
fn only_the_pinned_authority_is_believed() {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let authority = || {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ours, theirs) = (authority(), authority());
    let own = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let leaf = CertificateParams::new(names).unwrap().signed_by(&own, &ours).unwrap();
    let chain = vec![leaf.der().clone()];
    let private = rustls::pki_types::PrivateKeyDer::try_from(own.serialize_der()).unwrap();
    let config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut tcp in listener.incoming().flatten() {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
            let mut seen = [0; 4096];
            if stream.read(&mut seen).is_ok() {
                let text =
                    json!({ "data": { "type": "aes256-gcm96", "latest_version": 4, "exportable": false,
                    "allow_plaintext_backup": false, "derived": false } })
                    .to_string();
                let length = text.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
                );
                let _ = stream.flush();
            }
        }
    });
    let service = Service::start();
    let open = |pem: Option<String>| {
        let ca_file = pem.map(|pem| {
            let path = service.folder.path().join("ca.pem");
            fs::write(&path, pem).unwrap();
            path
        });
        let url = format!("https://localhost:{port}");
        TransitSource::open(TransitSettings { url, ca_file, ..service.settings() })
    };
    let source = open(Some(ours.pem())).unwrap();
    assert_eq!(source.first(&Dice::System).unwrap().as_str(), "transit/transit/tillward/4");
    assert!(matches!(open(Some(theirs.pem())).err(), Some(SourceError::Unreachable(_))));
    assert!(matches!(open(None).err(), Some(SourceError::Unreachable(_))), "the system's own do not know it");
    assert!(matches!(open(Some("no pem".to_owned())).err(), Some(SourceError::File(_))));
}
