//! Whom the store believes to be its PostgreSQL (TLS-4, ASVS 12.3.1): a real server, started here with certificates of
//! its own. Where its programs are not installed the test says so and ends; `./test` installs them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use base::{Secret, Timestamp};
use postgres::NoTls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use store::{Config, Db, Error};

const PASSWORD: &str = "quiet-lanterns-91";

/// A PostgreSQL that speaks TLS, stopped when dropped.
struct Server {
    folder: tempfile::TempDir,
    url: String,
}

impl Server {
    fn start() -> Option<Server> {
        let folder = tempfile::tempdir().unwrap();
        if !script(folder.path(), "bin").1 {
            println!("skipped: PostgreSQL is not installed");
            return None;
        }
        let (url, started) = script(folder.path(), "start");
        assert!(started, "PostgreSQL does not start");
        Some(Server { url: url.trim().to_owned(), folder })
    }

    /// The folder of its data.
    fn data(&self) -> PathBuf {
        let noted = fs::read_to_string(self.folder.path().join("note")).unwrap();
        Path::new(noted.trim()).join("data")
    }

    /// From the next connection on, a password over TLS is asked for by `method`. Plain connections, which the test uses to
    /// set things, need none.
    fn ask_by(&self, method: &str) {
        let lines = format!("hostnossl all all 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 {method}\n");
        fs::write(self.data().join("pg_hba.conf"), lines).unwrap();
        // The server signs in by what it keeps of the password, which may be stronger than what its file asks for.
        let kept = if method == "md5" { "md5" } else { "scram-sha-256" };
        self.set(&format!("SET password_encryption = '{kept}'; ALTER ROLE tillward PASSWORD '{PASSWORD}'"));
    }

    /// Shows this certificate from the next connection on.
    fn show(&self, (certificate, key): (String, KeyPair)) {
        let data = self.data();
        let owner = fs::metadata(data.join("PG_VERSION")).unwrap();
        for (name, text) in [("server.crt", certificate), ("server.key", key.serialize_pem())] {
            let path = data.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        self.set("ALTER SYSTEM SET ssl = on");
    }

    /// Runs these statements, and lets the server read its settings again.
    fn set(&self, sql: &str) {
        let mut plain = postgres::Client::connect(&self.url, NoTls).unwrap();
        let loaded = "SELECT pg_conf_load_time()::text, current_setting('ssl')";
        let before: String = plain.query_one(loaded, &[]).unwrap().get(0);
        // One at a time: `ALTER SYSTEM` runs in no transaction.
        sql.split("; ").for_each(|one| plain.batch_execute(one).unwrap());
        plain.batch_execute("SELECT pg_reload_conf()").unwrap();
        // The server reads its files again a moment later, and tells when it has.
        let began = std::time::Instant::now();
        while began.elapsed().as_secs() < 20 {
            let mut fresh = postgres::Client::connect(&self.url, NoTls).unwrap();
            let row = fresh.query_one(loaded, &[]).unwrap();
            if row.get::<_, String>(1) == "on" && row.get::<_, String>(0) > before {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("the server does not read its settings again");
    }

    /// Opens the database as an operator would who demands TLS and trusts `authority` alone.
    fn open(&self, authority: &str) -> Result<Db, Error> {
        self.open_with(authority, "")
    }

    /// The same, with more settings in the URL.
    fn open_with(&self, authority: &str, more: &str) -> Result<Db, Error> {
        let path = self.folder.path().join("authority.pem");
        fs::write(&path, authority).unwrap();
        let with_password = self.url.replace("tillward@", &format!("tillward:{PASSWORD}@"));
        let url = Secret::new(format!("{with_password}?sslmode=require{more}"));
        Db::open(&Config::Postgres { url, ca_file: Some(path) }, &[], Timestamp(0))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        script(self.folder.path(), "stop");
    }
}

/// Runs `.ci/postgres.sh`: what it prints, and whether it worked.
fn script(folder: &Path, what: &str) -> (String, bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(root.join(".ci/postgres.sh"));
    let done = command.arg(what).env("POSTGRES_HOME", folder.join("note")).output().unwrap();
    (String::from_utf8(done.stdout).unwrap(), done.status.success())
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn certificate(
    of: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    (params.signed_by(&key, of).unwrap().pem(), key)
}

#[test]
fn tls_4_a_postgresql_with_another_certificate_than_the_one_expected_is_refused() {
    let Some(server) = Server::start() else { return };
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let refused = |why: &str, words: &str| {
        let done = server.open(&ours.pem());
        let Err(Error::Unavailable(problem)) = &done else { panic!("{why}: {:?}", done.err()) };
        assert!(problem.contains(words), "{why}: {problem}");
    };
    server.show(certificate(&ours, "127.0.0.1", |_| ()));
    server.ask_by("scram-sha-256");
    let opened = server.open(&ours.pem()).unwrap();
    let is_tls = "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()";
    assert_eq!(opened.read_blocking(|tx| tx.query(is_tls, &[])?.remove(0).int(0)), Ok(1), "over TLS");
    drop(opened);
    assert!(server.open(&theirs.pem()).is_err(), "one that trusts another authority is not let in");
    server.show(certificate(&theirs, "127.0.0.1", |_| ()));
    refused("of another authority", "UnknownIssuer");
    server.show(certificate(&ours, "other.shop.example", |_| ()));
    refused("for another name", "not valid for name");
    server.show(certificate(&ours, "127.0.0.1", |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 2, 1);
    }));
    refused("of another time", "xpired");
    server.show(certificate(&ours, "127.0.0.1", |_| ()));
    assert!(server.open(&ours.pem()).is_ok(), "and the right one is taken again");
}

#[test]
fn v11_4_1_a_postgresql_that_asks_for_less_than_scram_gets_no_sign_in_over_tls() {
    let Some(server) = Server::start() else { return };
    let ours = authority("ours");
    server.show(certificate(&ours, "127.0.0.1", |_| ()));
    for method in ["md5", "password", "trust"] {
        server.ask_by(method);
        let refused = server.open(&ours.pem());
        let Err(Error::Unavailable(problem)) = &refused else { panic!("{method}: {:?}", refused.err()) };
        for words in ["did not use channel binding", "scram-sha-256", "channel_binding=prefer"] {
            assert!(problem.contains(words) && !problem.contains(PASSWORD), "{method}: {problem}");
        }
        let opened = server.open_with(&ours.pem(), "&channel_binding=prefer");
        assert!(opened.is_ok(), "the operator said so: {method}: {:?}", opened.err());
    }
    server.ask_by("scram-sha-256");
    let opened = server.open(&ours.pem());
    assert!(opened.is_ok(), "{:?}", opened.err());
}
