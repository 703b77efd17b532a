//! Client certificates: enrolled by a code, renewed, revoked, found in the inventory before they end.

use base::{ApiKeyId, ShopId, TerminalId, Timestamp};
use identity::limits::{
    AUTHORITY_DAYS, AUTHORITY_RENEW_DAYS, CERTIFICATE_DAYS, CERTIFICATES_PER_HOLDER_MAX, ENROLMENTS_MAX,
};
use identity::{
    Actor, AuthError, CertificateError, CertificateRequest, CertificateState, Denied, Fault, Holder, Issued,
    Label, MemberSession, NewApiKey, NewEnrolment, Purpose, RequestProblem, Role, Token, Watched,
};
use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use webkit::peer::{PeerCertificate, PeerIssuer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::world::{World, each_world};

const DAY: i64 = 86_400;
const URL: &str = "https://pay.example";

fn request() -> CertificateRequest {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    // What a client asks for does not matter: a name, an authority's powers.
    let mut wish = CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
    wish.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    CertificateRequest::parse(&wish.serialize_request(&key).unwrap().pem().unwrap()).unwrap()
}

/// A shop with an owner, a terminal and an API key.
struct Stage {
    world: World,
    shop: ShopId,
    owner: Actor,
    terminal: TerminalId,
    key: ApiKeyId,
}

impl Stage {
    fn on(world: World) -> Stage {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let new = NewApiKey::new(Label::parse("till system").unwrap(), Role::Integration, None).unwrap();
        let made = world.write(move |tx, means| identity::create_system_api_key(tx, means, shop, &new));
        let terminal = TerminalId::new(shop, world.now(), &world.cx.dice);
        Stage { shop, owner, terminal, key: made.unwrap().0.id, world }
    }

    /// The owner, whose second factor was given just now.
    fn owner(&self) -> Actor {
        let Actor::Member(session) = &self.owner else { panic!("the owner is a member") };
        let at = self.world.now();
        Actor::Member(MemberSession { second_factor: Some(at), at, ..session.clone() })
    }

    fn code(&self, holder: Holder) -> Result<Token, CertificateError> {
        let (owner, label) = (self.owner(), Label::parse("Counter 1").unwrap());
        let new = NewEnrolment::new(holder, label, 60)?;
        self.world.write(move |tx, means| Ok(identity::create_enrolment(tx, means, &owner, &new)?.0))
    }

    fn use_code(&self, code: &Token) -> Result<Issued, CertificateError> {
        let (code, request) = (code.clone(), request());
        self.world.write(move |tx, means| identity::enrol(tx, means, &code, &request, URL))
    }

    fn enrol(&self, holder: Holder) -> Issued {
        self.use_code(&self.code(holder).unwrap()).unwrap()
    }

    fn renew(&self, present: &PeerCertificate) -> Result<Issued, CertificateError> {
        let (present, request) = (present.clone(), request());
        self.world.write(move |tx, means| identity::renew(tx, means, &present, &request, URL))
    }

    fn open(&self, present: &PeerCertificate) -> Result<Actor, AuthError> {
        self.world.read(|tx, means| identity::require_certificate(tx, present, means.now))
    }

    fn is_open(&self, present: &PeerCertificate) -> bool {
        match self.open(present) {
            Ok(_) => true,
            Err(AuthError::SignInNeeded) => false,
            Err(AuthError::Fault(fault)) => panic!("{fault}"),
        }
    }

    fn revoke(&self, issued: &Issued) -> Result<(), CertificateError> {
        let (owner, id) = (self.owner(), issued.certificate.id);
        self.world.write(move |tx, means| identity::revoke_certificate(tx, means, &owner, id))
    }

    fn alarms(&self) -> Vec<i64> {
        let raised = self.world.write(identity::raise_alarms).unwrap();
        raised.iter().map(|alarm| alarm.days).collect()
    }
}

fn each_stage(test: impl Fn(Stage)) {
    each_world(|world| test(Stage::on(world)));
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// What the listener would read in the certificate.
fn shown(issued: &Issued) -> PeerCertificate {
    let der = der(&issued.pem);
    let (_, read) = X509Certificate::from_der(&der).unwrap();
    let names = read.subject_alternative_name().unwrap().unwrap();
    let uri = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        other => panic!("another name: {other:?}"),
    };
    PeerCertificate {
        issuer: PeerIssuer::Own,
        uris: names.value.general_names.iter().filter_map(uri).collect(),
        serial: read.raw_serial().to_vec(),
        fingerprint: identity::fingerprint(&der),
        ends: Timestamp(read.validity().not_after.timestamp() * 1000),
    }
}

#[test]
fn tls_2_an_issued_certificate_names_its_holder_and_is_good_for_clients_alone() {
    each_stage(|stage| {
        let issued = stage.enrol(Holder::Terminal(stage.terminal));
        let (leaf, root) = (der(&issued.pem), der(&issued.authority_pem));
        let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
        let (_, root) = X509Certificate::from_der(&root).unwrap();
        leaf.verify_signature(Some(root.public_key())).unwrap();
        root.verify_signature(None).unwrap();
        assert!(root.is_ca() && !leaf.is_ca());
        assert_eq!(root.basic_constraints().unwrap().unwrap().value.path_len_constraint, Some(0));
        let usage = leaf.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth && !usage.any);
        let usage = leaf.key_usage().unwrap().unwrap().value;
        assert!(usage.digital_signature() && !usage.key_cert_sign(), "not what the client wished for");
        assert_eq!(shown(&issued).uris, [format!("urn:tillward:terminal:{}", stage.terminal)]);
        let life = leaf.validity().not_after.timestamp() - stage.world.now().0 / 1000;
        assert_eq!(life, CERTIFICATE_DAYS * DAY);
        let Ok(Actor::Terminal(caller)) = stage.open(&shown(&issued)) else { panic!("it opens nothing") };
        assert_eq!((caller.terminal, caller.shop), (stage.terminal, stage.shop));
        let issued = stage.enrol(Holder::ApiKey(stage.key));
        let Ok(Actor::ApiKey(caller)) = stage.open(&shown(&issued)) else { panic!("it opens nothing") };
        assert_eq!((caller.key, caller.role), (stage.key, Role::Integration));
        assert_eq!(stage.world.audited("certificate.enrolled"), 2);
    });
}

#[test]
fn c12_no_code_for_a_machine_outlives_who_may_have_kept_it() {
    each_stage(|stage| {
        let code = stage.code(Holder::Terminal(stage.terminal)).unwrap();
        let shop = base::ScopedId::shop(&stage.terminal);
        let leaver = stage.world.member(
            shop,
            "leaver@shop.example",
            &[identity::Role::Security],
            &identity::PasswordHash::of_nobody(),
        );
        let owner = stage.owner.clone();
        let left = move |tx: &mut store::Tx<'_>, means: &identity::Means<'_>| {
            identity::remove_member(tx, means, &owner, shop, leaver)
        };
        stage.world.write(left).unwrap();
        assert_eq!(stage.use_code(&code), Err(CertificateError::CodeGone));
    });
}

#[test]
fn c43_a_code_enrols_once_and_within_its_time() {
    each_stage(|stage| {
        let code = stage.code(Holder::Terminal(stage.terminal)).unwrap();
        stage.use_code(&code).unwrap();
        assert_eq!(stage.use_code(&code), Err(CertificateError::CodeGone));
        let (early, late) = (
            stage.code(Holder::Terminal(stage.terminal)).unwrap(),
            stage.code(Holder::Terminal(stage.terminal)).unwrap(),
        );
        stage.world.wait(3599);
        stage.use_code(&early).unwrap();
        stage.world.wait(1);
        assert_eq!(stage.use_code(&late), Err(CertificateError::CodeGone));
        let raw =
            stage.world.cx.db.read_blocking(|tx| tx.query("SELECT code_hash FROM enrolments", &[])).unwrap();
        assert!(!late.secret().expose().contains(raw[0].text(0).unwrap()), "the code itself is not kept");
    });
}

#[test]
fn az_7_a_revoked_certificate_opens_nothing_from_the_next_request_on() {
    each_stage(|stage| {
        let issued = stage.enrol(Holder::Terminal(stage.terminal));
        let other = stage.enrol(Holder::Terminal(stage.terminal));
        assert!(stage.is_open(&shown(&issued)));
        stage.revoke(&issued).unwrap();
        assert!(!stage.is_open(&shown(&issued)) && stage.is_open(&shown(&other)));
        stage.revoke(&issued).unwrap();
        assert_eq!(stage.world.audited("certificate.revoked"), 1);
        assert_eq!(stage.renew(&shown(&issued)).unwrap_err(), CertificateError::NotOurs);
        let list = stage.world.write(identity::list_revoked).unwrap();
        let (_, list) = CertificateRevocationList::from_der(&list).unwrap();
        let root = der(&issued.authority_pem);
        list.verify_signature(X509Certificate::from_der(&root).unwrap().1.public_key()).unwrap();
        let serials: Vec<&[u8]> = list.iter_revoked_certificates().map(|entry| entry.raw_serial()).collect();
        assert_eq!(serials, [shown(&issued).serial.as_slice()]);
    });
}

#[test]
fn az_7_a_certificate_falls_with_its_api_key() {
    each_stage(|stage| {
        let issued = stage.enrol(Holder::ApiKey(stage.key));
        let code = stage.code(Holder::ApiKey(stage.key)).unwrap();
        let (owner, shop, id) = (stage.owner(), stage.shop, stage.key);
        let ring = stage.world.cx.keys.clone();
        stage
            .world
            .write(move |tx, means| identity::revoke_api_key(tx, means, &owner, shop, id, &ring))
            .unwrap();
        assert!(!stage.is_open(&shown(&issued)));
        assert_eq!(stage.use_code(&code), Err(CertificateError::NoHolder));
        assert_eq!(stage.renew(&shown(&issued)).unwrap_err(), CertificateError::NoHolder);
    });
}

#[test]
fn tls_2_a_certificate_opens_until_its_end_and_only_in_its_very_bytes() {
    each_stage(|stage| {
        let good = shown(&stage.enrol(Holder::Terminal(stage.terminal)));
        let mut other_bytes = good.clone();
        other_bytes.fingerprint[31] ^= 1;
        assert!(!stage.is_open(&other_bytes));
        let mut other_serial = good.clone();
        other_serial.serial[18] ^= 1;
        assert!(!stage.is_open(&other_serial));
        stage.world.wait(CERTIFICATE_DAYS * DAY - 1);
        assert!(stage.is_open(&good));
        stage.world.wait(1);
        assert!(!stage.is_open(&good));
    });
}

#[test]
fn c43_a_certificate_of_the_operators_own_authority_opens_what_it_names() {
    each_stage(|stage| {
        let ends = stage.world.now().plus_seconds(60);
        let with = |uris: Vec<String>| PeerCertificate {
            issuer: PeerIssuer::Operator,
            uris,
            serial: vec![7],
            fingerprint: [7; 32],
            ends,
        };
        let key = with(vec![Holder::ApiKey(stage.key).uri()]);
        assert!(matches!(stage.open(&key), Ok(Actor::ApiKey(caller)) if caller.key == stage.key));
        let stranger = ApiKeyId::new(stage.shop, stage.world.now(), &stage.world.cx.dice);
        assert!(!stage.is_open(&with(vec![Holder::ApiKey(stranger).uri()])), "no such key");
        assert!(!stage.is_open(&with(vec!["https://shop.example".to_owned()])));
        // The same facts do not pass as one of ours, and it is not ours to renew.
        assert!(!stage.is_open(&PeerCertificate { issuer: PeerIssuer::Own, ..key.clone() }));
        assert_eq!(stage.renew(&key).unwrap_err(), CertificateError::NotOurs);
        stage.world.wait(60);
        assert!(!stage.is_open(&key), "it has ended");
    });
}

#[test]
fn tls_6_renewing_leaves_the_present_certificate_until_its_end() {
    each_stage(|stage| {
        let first = stage.enrol(Holder::Terminal(stage.terminal));
        stage.world.wait(7 * DAY);
        let second = stage.renew(&shown(&first)).unwrap();
        assert!(stage.is_open(&shown(&first)) && stage.is_open(&shown(&second)));
        stage.world.wait(7 * DAY);
        assert!(!stage.is_open(&shown(&first)) && stage.is_open(&shown(&second)));
        assert_eq!(stage.renew(&shown(&first)).unwrap_err(), CertificateError::NotOurs, "too late");
        let (owner, shop) = (stage.owner(), stage.shop);
        let listed =
            stage.world.read(|tx, means| identity::list_certificates(tx, &owner, shop, means.now)).unwrap();
        let shape: Vec<_> = listed.iter().map(|found| (found.id, found.renewed, found.state)).collect();
        let active = CertificateState::Active;
        assert_eq!(shape, [(second.certificate.id, false, active), (first.certificate.id, true, active)]);
        assert_eq!(stage.world.audited("certificate.renewed"), 1);
    });
}

#[test]
fn c10_codes_lists_and_revoking_are_for_those_who_manage_certificates() {
    each_stage(|stage| {
        let cashier = stage.world.actor(stage.shop, "till@shop.example", &[Role::Cashier]);
        let other = stage.world.shop().id;
        let stranger = stage.world.actor(other, "owner@other.example", &[Role::Owner]);
        let issued = stage.enrol(Holder::Terminal(stage.terminal));
        for (actor, expect) in [
            (cashier, Denied::NotAllowed),
            (stranger, Denied::NotFound),
            (Actor::Anyone, Denied::SignInNeeded),
        ] {
            let expect = || CertificateError::Denied(expect);
            let (by, key) = (actor.clone(), stage.key);
            let made =
                stage.world.write(move |tx, means| identity::create_key_enrolment(tx, means, &by, key, 60));
            assert_eq!(made.unwrap_err(), expect());
            let new =
                NewEnrolment::new(Holder::Terminal(stage.terminal), Label::parse("x").unwrap(), 60).unwrap();
            let by = actor.clone();
            let made = stage.world.write(move |tx, means| identity::create_enrolment(tx, means, &by, &new));
            assert_eq!(made.unwrap_err(), expect());
            let listed =
                stage.world.read(|tx, means| identity::list_certificates(tx, &actor, stage.shop, means.now));
            assert_eq!(listed, Err(expect()));
            let (by, id) = (actor.clone(), issued.certificate.id);
            let gone = stage.world.write(move |tx, means| identity::revoke_certificate(tx, means, &by, id));
            assert_eq!(gone, Err(expect()));
        }
        assert!(stage.is_open(&shown(&issued)));
    });
}

#[test]
fn limits_of_certificates_and_codes_hold_at_the_limit_and_past_it() {
    let stage =
        Stage::on(World::on(store::testing::Scratch::file().open(&crate::world::migrations()).unwrap()));
    let holder = Holder::Terminal(stage.terminal);
    let first = stage.enrol(holder);
    for _ in 1..CERTIFICATES_PER_HOLDER_MAX {
        stage.enrol(holder);
    }
    assert_eq!(stage.use_code(&stage.code(holder).unwrap()), Err(CertificateError::TooMany));
    stage.revoke(&first).unwrap();
    stage.use_code(&stage.code(holder).unwrap()).unwrap();
    // The code that was refused was not used up.
    for _ in 1..ENROLMENTS_MAX {
        stage.code(holder).unwrap();
    }
    assert!(matches!(stage.code(holder), Err(CertificateError::TooManyCodes)));
    stage.world.wait(3600);
    stage.code(holder).unwrap();
}

#[test]
fn tls_5_who_can_renew_is_told_once_for_each_step() {
    each_stage(|stage| {
        stage.enrol(Holder::Terminal(stage.terminal));
        // The authority itself is in the inventory, and far from its end.
        assert_eq!(stage.alarms(), Vec::<i64>::new());
        stage.world.deliver();
        stage.world.wait((CERTIFICATE_DAYS - 3) * DAY);
        assert_eq!(stage.alarms(), [3]);
        assert_eq!(stage.alarms(), Vec::<i64>::new(), "once");
        let mails = stage.world.deliver();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].template, "certificate_ends");
        assert!(mails[0].body.expose().contains("Counter 1"), "{}", mails[0].body.expose());
        stage.world.wait(2 * DAY);
        assert_eq!(stage.alarms(), [1]);
        stage.world.wait(DAY);
        assert_eq!(stage.alarms(), [0]);
        stage.world.wait(DAY);
        assert_eq!(stage.alarms(), Vec::<i64>::new());
        assert_eq!(stage.world.audited("certificate.ends_soon"), 3);
    });
}

#[test]
fn tls_5_nobody_is_told_of_a_certificate_that_was_renewed_or_revoked() {
    each_stage(|stage| {
        let renewed = stage.enrol(Holder::Terminal(stage.terminal));
        let revoked = stage.enrol(Holder::Terminal(stage.terminal));
        stage.world.wait(8 * DAY);
        stage.renew(&shown(&renewed)).unwrap();
        stage.revoke(&revoked).unwrap();
        stage.world.wait(6 * DAY);
        assert_eq!(stage.alarms(), Vec::<i64>::new());
    });
}

#[test]
fn c44_what_a_listener_presents_is_in_the_inventory_of_the_house() {
    each_stage(|stage| {
        let enter = |fingerprint: u8, days: i64| {
            let ends = stage.world.now().plus_seconds(days * DAY);
            let name = "listener 0.0.0.0:443".to_owned();
            let found = Watched { purpose: Purpose::Listener, name, fingerprint: [fingerprint; 32], ends };
            stage.world.write(move |tx, means| identity::watch_certificate(tx, means, &found)).unwrap();
        };
        enter(1, 14);
        enter(1, 14);
        assert_eq!(stage.alarms(), [14], "two weeks are left when it is first seen");
        stage.world.wait(1);
        enter(2, 90);
        stage.world.wait(14 * DAY);
        assert_eq!(stage.alarms(), Vec::<i64>::new(), "the old one was replaced");
        let house = |tx: &mut store::Tx<'_>, means: &identity::Means<'_>| {
            identity::list_certificates(tx, &Actor::Operator, ShopId::HOUSE, means.now)
        };
        let listed = stage.world.read(house).unwrap();
        let shape: Vec<_> = listed.iter().map(|found| (found.fingerprint[0], found.renewed)).collect();
        assert_eq!(shape, [(2, false), (1, true)]);
        let id = listed[0].id;
        let gone =
            stage.world.write(move |tx, means| identity::revoke_certificate(tx, means, &Actor::Operator, id));
        assert_eq!(gone, Err(CertificateError::NotFound), "it is not ours to revoke");
    });
}

#[test]
fn c44_a_new_authority_takes_over_a_year_before_the_present_one_ends() {
    each_stage(|stage| {
        let prepare = || {
            stage.world.write(identity::prepare_authority).unwrap();
            stage.world.read(|tx, means| identity::list_authorities(tx, means.now)).unwrap()
        };
        let first = prepare();
        assert_eq!((first.len(), prepare()), (1, first.clone()));
        stage.world.wait((AUTHORITY_DAYS - AUTHORITY_RENEW_DAYS) * DAY - 1);
        assert_eq!(prepare().len(), 1);
        stage.world.wait(1);
        let both = prepare();
        assert_eq!((both.len(), &both[1]), (2, &first[0]), "the newest first, the old one still trusted");
        stage.world.wait(AUTHORITY_RENEW_DAYS * DAY);
        assert_eq!(prepare(), both[..1]);
    });
}

#[test]
fn c31_the_authoritys_key_is_sealed_and_nobody_can_read_it_in_the_database() {
    each_stage(|stage| {
        stage.world.write(identity::prepare_authority).unwrap();
        let sql = "SELECT key FROM certificate_authorities";
        let rows = stage.world.cx.db.read_blocking(|tx| tx.query(sql, &[])).unwrap();
        let key = rows[0].blob(0).unwrap();
        let curve = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        assert!(!key.windows(curve.len()).any(|bytes| bytes == curve), "it looks like a key in the clear");
        // A key that was exchanged is noticed.
        let swap = "UPDATE certificate_authorities SET version = 2";
        stage.world.cx.db.write_blocking(move |tx| tx.execute(swap, &[])).unwrap();
        let broken = stage.world.write(identity::prepare_authority);
        assert!(matches!(broken, Err(Fault::Vault(_))), "{broken:?}");
    });
}

/// Requests for a certificate with one RSA key of 3,072 bits, made by OpenSSL: one signed with SHA-1, one with SHA-256.
const SIGNED_WITH_SHA1: &str = "\
-----BEGIN CERTIFICATE REQUEST-----\n\
MIIDXTCCAcUCAQAwGDEWMBQGA1UEAwwNb3duZXIuZXhhbXBsZTCCAaIwDQYJKoZI\n\
hvcNAQEBBQADggGPADCCAYoCggGBALgTLTF7qz8H8ZaFx+eo4yoj9sPpw+oBPyhT\n\
1ees4e7EG4vb+6sgqW50ieYKM6ZPuDABpmWxAuASDw+5dsD/Jl1kYNeVoHKwRp7J\n\
fImu8K1iyLQ9ul+j21I+sv36lwoCRw25VXPhq3EY/DX3CpM1SerLmPmTt+yDVdO9\n\
0GaCGWftDlYbFkzoJLhLJKC4xkOajP9FvzPfqurCBf8zngr0zJYx5WOC+EJsdC/c\n\
4f5Ndo56IZo+8+lJsTjQWglCqZKVJYlbaH5R2nKsjVy97aKssmOkecpU23r8Rb7f\n\
pWuT+T90JGsnxxAZ8hB1VZvLQscIi27To8NsaYV6oAJy69UHufCm0D0fiKxtr9xN\n\
GifKSzBjICQ7IG4Y/UxPYbaKkAKP66jwYbky0Yzzy9EmxmQVBP3c7HCOJ+UEsphK\n\
IktBnmWBF+a/NiecoFXPXTzblD+FUPMrCh/1bcjfxAj9brECK4VqdFTPcjfdTONM\n\
CRViJ3YcEH1sRny8EUZzgs1uKnGs+wIDAQABoAAwDQYJKoZIhvcNAQEFBQADggGB\n\
ADcoBbr5eZRujiG5eBC4exUf2Ezbsh0dhA/cf+gqpDa5QVtIRUw9b08dIRaLDZWi\n\
ldrDwUQjVl4NkfVcP6XQkBuJwrCRzdXFEkQRRhkUQdXJYkarGFSHjO/U5UefLdVo\n\
7DfS4RpTU/5A+8cR1ECqe2z3RQIUQ9+Go99UUal+527cL1sDFocEXpw4Nlf6VUx1\n\
0AMHbxZiAaYxTQze5jhPQHYmjm5t0eIuEVOpnfRvW4eoZUIaZ62a1//rSJiTIXCJ\n\
0wvWEm9kRss1h6HPp+4Etz9f83Qe17K5M2Fx1rDvt43o+nc/Oj8rlGdrhIol7puZ\n\
UDnN/3YWhCEhn7Y4JaxUpKAk0ISvIhfDo7vnY6wl9tZn3xcdpbWB2eeiSf4TgQb9\n\
GjvD22alZslCk2hONTk05tkVwmNYalxWl2/nySXfkk0H+C/JZEp2sgzK4jlZX6Hn\n\
33vHF60ezPaS4148AxOonuNiWSRXfhsW1xa93PxFxJW3LwY5FaiZIwWXeITQRHpc\n\
3g==\n\
-----END CERTIFICATE REQUEST-----\n";
const SIGNED_WITH_SHA256: &str = "\
-----BEGIN CERTIFICATE REQUEST-----\n\
MIIDXTCCAcUCAQAwGDEWMBQGA1UEAwwNb3duZXIuZXhhbXBsZTCCAaIwDQYJKoZI\n\
hvcNAQEBBQADggGPADCCAYoCggGBALgTLTF7qz8H8ZaFx+eo4yoj9sPpw+oBPyhT\n\
1ees4e7EG4vb+6sgqW50ieYKM6ZPuDABpmWxAuASDw+5dsD/Jl1kYNeVoHKwRp7J\n\
fImu8K1iyLQ9ul+j21I+sv36lwoCRw25VXPhq3EY/DX3CpM1SerLmPmTt+yDVdO9\n\
0GaCGWftDlYbFkzoJLhLJKC4xkOajP9FvzPfqurCBf8zngr0zJYx5WOC+EJsdC/c\n\
4f5Ndo56IZo+8+lJsTjQWglCqZKVJYlbaH5R2nKsjVy97aKssmOkecpU23r8Rb7f\n\
pWuT+T90JGsnxxAZ8hB1VZvLQscIi27To8NsaYV6oAJy69UHufCm0D0fiKxtr9xN\n\
GifKSzBjICQ7IG4Y/UxPYbaKkAKP66jwYbky0Yzzy9EmxmQVBP3c7HCOJ+UEsphK\n\
IktBnmWBF+a/NiecoFXPXTzblD+FUPMrCh/1bcjfxAj9brECK4VqdFTPcjfdTONM\n\
CRViJ3YcEH1sRny8EUZzgs1uKnGs+wIDAQABoAAwDQYJKoZIhvcNAQELBQADggGB\n\
AAc+9YsP3fCWMfqEl8nxhf7IBoqJxL7tN0bA43O7P1B6hdpjbfxQG4OpoR11DIPl\n\
9y6+mZfR97Fkpd8MDHD9XjPC+uxFcCZVXYrimE2y5/dBHuDAI//He/42N08mcbid\n\
ymc/O76Kin6r9F+h0G3Q6HhhTg6yZe7yQFSGCO30cTmqLgqTkL4La3p8Q/IVQipx\n\
o5Pa+L/0UM+uux7kD7kM+ug1bIGUupeJ8a+2D10SjQe5vK22CLtGReObxnH4a/Ob\n\
UZoc8rHbMGK2iqi4zp/8aFJkC5m5D30weMZzPKVaSJCiT8Y9Zg1+xCoRSmR0RtPJ\n\
jK/RwKLYSI+41YMgPvVzNB57OJ7qOjo+da2Kj0SzyTLQvjXMZQ0/GxrPPVuCV0xv\n\
NGdgVef4Nif+6BsYUNi69FEHyfDzMdLj5L8ZIhwpLu0AlSGf3/jp9DEI34KdblAU\n\
aIxZNk1RvvawUWPnAnsghXVJSSK3Pq1oI3ZLnzAAg4WQYR5N+oGk+HRXv+D0knkI\n\
iw==\n\
-----END CERTIFICATE REQUEST-----\n";

#[test]
fn asvs_11_4_3_a_request_signed_with_sha_1_is_refused() {
    assert!(CertificateRequest::parse(SIGNED_WITH_SHA256).is_ok());
    assert_eq!(CertificateRequest::parse(SIGNED_WITH_SHA1).err(), Some(RequestProblem::Signature));
}

#[test]
fn c09_certificates_are_reviewed_and_removed_with_those_that_renewed_them() {
    each_world(|world| {
        let stage = Stage::on(world);
        let (kept, gone) = (Holder::ApiKey(stage.key), Holder::Terminal(stage.terminal));
        let (first, other) = (stage.enrol(gone), stage.enrol(kept));
        let shop = stage.shop;
        let review =
            stage.world.write(move |tx, means| identity::open_access_review(tx, means, shop)).unwrap();
        let owner = stage.owner();
        let decide = |subject: String, confirm: bool| {
            let owner = owner.clone();
            stage.world.write(move |tx, means| {
                identity::decide_line(tx, means, &owner, (shop, review), &subject, confirm)
            })
        };
        let lines =
            stage.world.read(|tx, _| identity::find_access_review(tx, &owner, shop, review)).unwrap().1;
        let subjects: Vec<&str> = lines.iter().map(|line| line.subject.as_str()).collect();
        for issued in [&first, &other] {
            assert!(subjects.contains(&issued.certificate.id.to_string().as_str()), "{subjects:?}");
        }
        let renewed = stage.renew(&shown(&first)).unwrap();
        assert!(stage.is_open(&shown(&renewed)));
        assert!(decide(first.certificate.id.to_string(), false).is_ok());
        assert!(!stage.is_open(&shown(&first)) && !stage.is_open(&shown(&renewed)));
        assert!(decide(other.certificate.id.to_string(), true).is_ok());
        assert!(stage.is_open(&shown(&other)));
        let again = decide(first.certificate.id.to_string(), true);
        assert_eq!(again.err(), Some(identity::AccessReviewError::Decided));
    });
}
