//! Servers whose certificate is of an authority that nobody here trusts (ASVS 12.3.2): the gateway of text messages, the
//! provider of sign-ins and the page that is watched are asked nothing. The same servers are asked once their authority is
//! in the store of the system, so what stops the program is the certificate.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use app::installation::Installation;
use base::{Clock, Dice};
use identity::{Actor, Means, NewMember, PasswordHash, Person, Role};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use testkit::http::Request;

use crate::town::Town;

const SEEN_SECONDS_MAX: u64 = 30;
const READ_SECONDS_MAX: u64 = 5;

/// A server over TLS that answers nothing and keeps what it was told: the first line of each request, or why the client
/// ended the handshake.
struct Foreign {
    address: SocketAddr,
    /// Its authority, PEM.
    authority: PathBuf,
    seen: Arc<Mutex<Vec<Result<String, String>>>>,
}

impl Foreign {
    fn start(folder: &Path) -> Foreign {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, folder.display().to_string());
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let authority = folder.join("authority.pem");
        std::fs::write(&authority, issuer.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            );
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let told = first_line(&config, tcp);
                kept.lock().unwrap().push(told);
            }
        });
        Foreign { address, authority, seen }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// Waits until somebody came; gives what they told so far.
    fn wait(&self) -> Vec<Result<String, String>> {
        let deadline = Instant::now() + Duration::from_secs(SEEN_SECONDS_MAX);
        while self.seen.lock().unwrap().is_empty() {
            assert!(Instant::now() < deadline, "nobody came");
            std::thread::sleep(Duration::from_millis(50));
        }
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// Everybody who came ended the handshake because of the certificate and said nothing.
    #[track_caller]
    fn was_distrusted(&self) {
        let seen = self.wait();
        assert!(
            seen.iter().all(|told| told.as_ref().is_err_and(|why| why.contains("UnknownCA"))),
            "{seen:?}"
        );
    }

    #[track_caller]
    fn was_told(&self, first: &str) {
        let seen = self.wait();
        assert!(seen.iter().all(|told| told.as_ref().is_ok_and(|line| line.starts_with(first))), "{seen:?}");
    }
}

fn first_line(config: &Arc<rustls::ServerConfig>, mut tcp: TcpStream) -> Result<String, String> {
    tcp.set_read_timeout(Some(Duration::from_secs(READ_SECONDS_MAX))).unwrap();
    let mut tls = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
    let mut bytes = [0; 1024];
    let got =
        rustls::Stream::new(&mut tls, &mut tcp).read(&mut bytes).map_err(|problem| problem.to_string())?;
    Ok(String::from_utf8_lossy(&bytes[..got]).lines().next().unwrap_or_default().to_owned())
}

/// `serve` in a new town, with or without the authority among those of the system.
fn serve(
    folder: &Path,
    authority: Option<&Path>,
    settings: &[(&str, String)],
    queue: bool,
) -> crate::town::Served {
    let town = Town::found(folder, None, 0);
    if queue {
        queue_text(&town);
    }
    let mut wrapper = vec!["env".to_owned(), "-u".to_owned(), "SSL_CERT_DIR".to_owned()];
    wrapper.extend(authority.map(|path| format!("SSL_CERT_FILE={}", path.display())));
    wrapper.extend(settings.iter().map(|(name, value)| format!("{name}={value}")));
    town.serve_under(&wrapper.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A text message that waits: a member sets up a number.
fn queue_text(town: &Town) {
    let at = Installation::open(&town.config(), Clock::System, Dice::System).unwrap();
    let (vault, dice, now, shop) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now(), town.shop);
    let queued = at.db.write_blocking(move |tx| {
        let means = Means { vault: &vault, dice: &dice, now };
        let new = NewMember {
            name: identity::PersonName::parse("Wang Wu").unwrap(),
            email: identity::Email::parse("owner@shop.example").unwrap(),
            grants: Role::Owner.into(),
            lang: webkit::page::Lang::En,
        };
        let member =
            identity::create_member(tx, &means, &Actor::System, shop, &new, &PasswordHash::of_nobody());
        let member = member.map_err(|problem| store::Error::Bug(problem.to_string()))?;
        let phone = identity::Phone::parse("+8613800138000").unwrap();
        identity::offer_sms(tx, &means, Person::Member(member), &phone, ("203.0.113.7", "pay.example"))
            .map_err(|problem| store::Error::Bug(problem.to_string()))
    });
    queued.unwrap();
}

#[test]
fn asvs_12_3_2_a_text_gateway_of_a_foreign_authority_gets_neither_token_nor_message() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Foreign::start(folder.path());
    let settings = [("TILLWARD_SMS_URL", gateway.url("/send")), ("TILLWARD_SMS_TOKEN", "token".to_owned())];
    let served = serve(folder.path(), None, &settings, true);
    gateway.was_distrusted();
    served.kill();
    let trusted = tempfile::tempdir().unwrap();
    let served = serve(trusted.path(), Some(&gateway.authority), &settings, true);
    gateway.was_told("POST /send HTTP/1.1");
    served.kill();
}

#[test]
fn asvs_12_3_2_a_provider_of_a_foreign_authority_is_not_asked_who_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Foreign::start(folder.path());
    let settings =
        [("TILLWARD_OIDC_ISSUER", provider.url("")), ("TILLWARD_OIDC_CLIENT_ID", "shop".to_owned())];
    let ask = |served: &crate::town::Served| {
        let mut client = testkit::http::Client::new(served.address, "localhost");
        let answer = crate::house::runtime().block_on(client.send(&Request::get("/sign-in/outside")));
        answer.unwrap();
    };
    let served = serve(folder.path(), None, &settings, false);
    ask(&served);
    provider.was_distrusted();
    served.kill();
    let trusted = tempfile::tempdir().unwrap();
    let served = serve(trusted.path(), Some(&provider.authority), &settings, false);
    ask(&served);
    provider.was_told("GET /.well-known/openid-configuration HTTP/1.1");
    served.kill();
}

#[test]
fn asvs_12_3_2_a_page_of_a_foreign_authority_is_not_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let page = Foreign::start(folder.path());
    let another = tempfile::tempdir().unwrap();
    let other = Foreign::start(another.path());
    let look = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillward"));
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        let done = command.args(["watch-page", "--url", &page.url("/")]).args(words).output().unwrap();
        assert_eq!(done.status.code(), Some(1), "not reached");
        String::from_utf8(done.stderr).unwrap()
    };
    let said = look(&[]);
    page.was_distrusted();
    assert!(said.contains("certificate"), "{said}");
    look(&["--ca", &other.authority.display().to_string()]);
    page.was_distrusted();
    look(&["--ca", &page.authority.display().to_string()]);
    page.was_told("GET /me/sign-in HTTP/1.1");
}
