//! A town for the tests: an installation with a shop and buyers in a temporary folder, the real program serving it, and
//! the buyers' phones, which know nothing but HTTP.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::config::{Config, Settings};
use app::installation::Installation;
use base::{Clock, Currency, Dice, Money, ShopId};
use identity::{
    Actor, Email, Label, Means, NewMember, PasswordHash, PersonName, Pin, Role, ShopDraft, ShopProfile,
    SignUp,
};
use store::Tx;

pub const PIN: &str = "482916";
const START_SECONDS_MAX: u64 = 60;
const STOP_SECONDS_MAX: u64 = 60;
/// A node that was killed keeps its lease on the audit log for ten seconds.
const SEQUENCE_SECONDS_MAX: u64 = 40;
const ANSWER_SECONDS_MAX: u64 = 30;
const BALANCE_MINOR: i64 = 1_000_000_000;

/// A shop outside China has no daily limits; rules that never fire let every payment through.
const RULES: &str = "version = 1\n";

/// An installation that is seeded and closed.
pub struct Town {
    /// `data` and the keys are in here.
    pub folder: PathBuf,
    pub database_url: Option<String>,
    pub shop: ShopId,
    /// The session of a member at the till.
    pub till: String,
    pub phones: Vec<Phone>,
}

/// A buyer's phone.
#[derive(Clone)]
pub struct Phone {
    pub token: String,
}

impl Town {
    /// Makes an installation in `folder` with this many buyers.
    pub fn found(folder: &Path, database_url: Option<String>, buyers: usize) -> Town {
        std::fs::write(folder.join("rules.toml"), RULES).unwrap();
        let at =
            Installation::open(&config(folder, database_url.clone()), Clock::System, Dice::System).unwrap();
        let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
        let seeded = at.db.write_blocking(move |tx| {
            let means = Means { vault: &vault, dice: &dice, now };
            seed(tx, &means, buyers).map_err(|problem| store::Error::Bug(problem.to_string()))
        });
        let (shop, till, phones) = seeded.unwrap();
        Town { folder: folder.to_owned(), database_url, shop, till, phones }
    }

    pub fn config(&self) -> Config {
        config(&self.folder, self.database_url.clone())
    }

    /// Starts the program on this installation and waits until it listens.
    pub fn serve(&self) -> Served {
        self.serve_under(&[])
    }

    /// As [`Town::serve`], under another program such as `strace`.
    pub fn serve_under(&self, wrapper: &[&str]) -> Served {
        self.launch(wrapper, &[])
    }

    /// As [`Town::serve`], with more flags.
    pub fn serve_with(&self, flags: &[&str]) -> Served {
        self.launch(&[], flags)
    }

    fn launch(&self, wrapper: &[&str], flags: &[&str]) -> Served {
        let mut words: Vec<String> = wrapper.iter().map(|word| (*word).to_owned()).collect();
        words.push(env!("CARGO_BIN_EXE_tillward").to_owned());
        words.push("serve".to_owned());
        for (flag, value) in [("--data", "data"), ("--key-file", "data.key"), ("--rules", "rules.toml")] {
            words.extend([flag.to_owned(), self.folder.join(value).display().to_string()]);
        }
        words.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
        words.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped());
        let log = File::options().create(true).append(true).open(self.folder.join("log.txt")).unwrap();
        command.stderr(log);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TILLWARD_")) {
            command.env_remove(name);
        }
        if let Some(url) = &self.database_url {
            command.env("TILLWARD_DATABASE_URL", url);
        }
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let address = listening(stdout);
        let Some(address) = address else {
            let _ = child.kill();
            panic!("the program does not start:\n{}", self.printed());
        };
        Served { child, address }
    }

    pub fn printed(&self) -> String {
        std::fs::read_to_string(self.folder.join("log.txt")).unwrap_or_default()
    }
}

fn config(folder: &Path, database_url: Option<String>) -> Config {
    let data = Some(folder.join("data"));
    let key_file = Some(folder.join("data.key"));
    Settings { data, key_file, database_url, ..Settings::default() }.check().unwrap()
}

fn seed(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    buyers: usize,
) -> Result<(ShopId, String, Vec<Phone>), Box<dyn std::error::Error>> {
    let draft = ShopDraft {
        name: "Tea House",
        city: "Singapore",
        country: "SG",
        category: "5499",
        currency: Currency::CNY,
    };
    let profile = ShopProfile::parse(&draft).map_err(|problems| format!("{problems:?}"))?;
    let shop = identity::create_shop(tx, means, &Actor::System, &profile)?;
    let cashier = NewMember {
        name: PersonName::parse("Li Si")?,
        email: Email::parse("till@shop.example")?,
        grants: Role::Cashier.into(),
        lang: webkit::page::Lang::En,
    };
    let nobody = PasswordHash::of_nobody();
    let member = identity::create_member(tx, means, &Actor::System, shop.id, &cashier, &nobody)?;
    let till = identity::open_trusted_member_session(tx, means, member, &Label::parse("till")?)?;
    let mut phones = Vec::new();
    for number in 0..buyers {
        let contact = Email::parse(&format!("buyer-{number}@mail.example"))?;
        let sign_up =
            SignUp::new(PersonName::parse("Zhang San")?, contact, Pin::parse(PIN)?, webkit::page::Lang::En)?;
        let buyer = identity::create_buyer(tx, means, &sign_up)?;
        let amount = Money::new(BALANCE_MINOR, Currency::CNY);
        payments::balance::top_up(tx, means, &audit::Actor::system("test"), buyer, amount)?;
        let (_, session) = identity::open_trusted_session(tx, means, buyer, &Label::parse("phone")?)?;
        phones.push(Phone { token: session.token.secret().expose().clone() });
    }
    Ok((shop.id, till.token.secret().expose().clone(), phones))
}

/// Reads what the program prints until it says where it listens, then keeps reading so that it never waits.
fn listening(stdout: impl Read + Send + 'static) -> Option<SocketAddr> {
    let (found, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let address = line.split_once("://").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
            if let Some(address) = address.filter(|_| line.contains("listens on")) {
                let _ = found.send(address);
            }
        }
    });
    address.recv_timeout(Duration::from_secs(START_SECONDS_MAX)).ok()
}

/// The program while it runs; killed when dropped.
pub struct Served {
    pub child: Child,
    pub address: SocketAddr,
}

impl Served {
    /// As a power cut would: no time to clean up.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the program to stop, as a service manager does, and waits for it.
    pub fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        wait_until(STOP_SECONDS_MAX, "stopping", || self.child.try_wait().unwrap().is_some());
    }

    /// Asks the program to stop, as a service manager does, and waits for it and for the program it runs under.
    pub fn stop_inner(mut self) {
        let id = self.child.id();
        let inner = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        assert!(Command::new("kill").arg("-TERM").arg(inner.trim()).status().unwrap().success());
        wait_until(STOP_SECONDS_MAX, "stopping", || self.child.try_wait().unwrap().is_some());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Heard {
    pub fn is_paid(&self) -> bool {
        self.status == 200 && self.body.contains("\"state\":\"paid\"")
    }

    pub fn says_try_again(&self) -> bool {
        self.status == 503 && self.head.contains("\r\nretry-after: ")
    }

    fn id(&self) -> String {
        let rest = self.body.split_once("\"id\":\"").map_or("", |(_, rest)| rest);
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

/// One confirmation that was sent: all that is needed to send it again.
#[derive(Clone, Debug)]
pub struct Sent {
    pub payment: String,
    path: String,
    key: String,
    body: String,
}

/// A connection that a phone and the till share; closed and opened anew after an error.
pub struct Line {
    address: SocketAddr,
    token: String,
    till: String,
    stream: Option<TcpStream>,
}

impl Line {
    pub fn new(address: SocketAddr, town: &Town, phone: &Phone) -> Line {
        Line { address, token: phone.token.clone(), till: town.till.clone(), stream: None }
    }

    /// Has the till make a payment; gives the confirmation to send next, or the refusal.
    pub fn begin(&mut self, town: &Town, minor: i64) -> std::io::Result<Result<Sent, Heard>> {
        let body = format!("{{\"amount_minor\":{minor},\"currency\":\"CNY\"}}");
        let till = self.till.clone();
        let heard = self.ask(&till, "POST", "/v1/payments", &fresh(), &body)?;
        if heard.status != 201 {
            return Ok(Err(heard));
        }
        let payment = heard.id();
        let body = format!(
            "{{\"amount_minor\":{minor},\"currency\":\"CNY\",\"payee\":\"{}\",\"nonce\":\"{}\",\"pin\":\"{PIN}\"}}",
            town.shop,
            fresh()
        );
        Ok(Ok(Sent { path: format!("/v1/payments/{payment}/confirm"), payment, key: fresh(), body }))
    }

    /// Sends a confirmation, for the first time or again.
    pub fn confirm(&mut self, sent: &Sent) -> std::io::Result<Heard> {
        let token = self.token.clone();
        self.ask(&token, "POST", &sent.path, &sent.key, &sent.body)
    }

    /// Both steps; the payment when it was paid.
    pub fn pay(&mut self, town: &Town, minor: i64) -> std::io::Result<Result<String, Heard>> {
        let sent = match self.begin(town, minor)? {
            Ok(sent) => sent,
            Err(refused) => return Ok(Err(refused)),
        };
        let heard = self.confirm(&sent)?;
        Ok(if heard.is_paid() { Ok(sent.payment) } else { Err(heard) })
    }

    pub fn get(&mut self, path: &str) -> std::io::Result<Heard> {
        let token = self.token.clone();
        self.ask(&token, "GET", path, "", "")
    }

    fn ask(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        key: &str,
        body: &str,
    ) -> std::io::Result<Heard> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.address)?,
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
        let key = if key.is_empty() { String::new() } else { format!("idempotency-key: {key}\r\n") };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n{key}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let heard = read_answer(&mut stream)?;
        self.stream = Some(stream);
        Ok(heard)
    }
}

fn read_answer(stream: &mut TcpStream) -> std::io::Result<Heard> {
    let (mut bytes, mut part) = (Vec::new(), [0u8; 8192]);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end + 2]).to_lowercase();
            let length = head.split_once("\r\ncontent-length: ").and_then(|(_, rest)| rest.split_once('\r'));
            let length: usize = length.and_then(|(number, _)| number.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let status = head.get(9..12).and_then(|text| text.parse().ok()).unwrap_or(0);
                let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
                return Ok(Heard { status, head, body });
            }
        }
        match stream.read(&mut part)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&part[..read]),
        }
    }
}

/// 32 hexadecimal digits of chance.
fn fresh() -> String {
    format!("{:032x}", u128::from_le_bytes(Dice::System.bytes()))
}

/// Waits until `done`, at most this long; gives how long it took.
#[track_caller]
pub fn wait_until(seconds_max: u64, what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(seconds_max), "{what}: not within {seconds_max} s");
        std::thread::sleep(Duration::from_millis(50));
    }
    started.elapsed()
}

/// How far the audit log must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// Some entries wait for their place.
    Going,
    /// Every entry has its place under a checkpoint.
    Whole,
}

/// Opens the stopped installation and checks it: each acknowledged payment is paid by exactly one transfer and is in
/// the audit log, which verifies together with its checkpoint file; the books balance; nothing was paid that the
/// phones did not ask for.
#[track_caller]
pub fn check_books(town: &Town, acknowledged: &[String], log: Log) {
    let at = Installation::open(&town.config(), Clock::System, Dice::System).unwrap();
    if log == Log::Whole {
        let jobs =
            app::jobs::Jobs::start(&at, app::config::Mail::Nowhere, app::config::TextMessages::Nowhere)
                .unwrap();
        let waits = "SELECT COUNT(*) FROM audit_entries WHERE position IS NULL";
        wait_until(SEQUENCE_SECONDS_MAX, "giving every entry its place", || {
            let rows = at.db.read_blocking(|tx| tx.query(waits, &[])).unwrap();
            // That the log was started again is itself an entry: it is there once the sequencer has looked.
            jobs.is_log_settled() && rows[0].int(0).unwrap() == 0
        });
        drop(jobs);
    }
    let proof = at.db.read_blocking(ledger::prove_balanced).unwrap();
    assert!(proof.is_balanced(), "{:?}", proof.faults);
    let key = at.signer.verifier_key().clone();
    let anchors = audit::AnchorFile::new(&at.checkpoints).read_all(&key).unwrap();
    assert!(log == Log::Going || !anchors.is_empty(), "no checkpoint left the database");
    let report = at.db.read_blocking(|tx| audit::verify_database(tx, &key, &anchors)).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert!(log == Log::Going || report.waiting == 0, "{} entries without a place", report.waiting);
    let mut problems = Vec::new();
    let paid = at.db.read_blocking(|tx| {
        for text in acknowledged {
            problems.extend(find_problem(tx, text)?);
        }
        let rows = tx.query("SELECT COUNT(*) FROM payments WHERE state = 'paid'", &[])?;
        rows[0].int(0)
    });
    assert_eq!(problems, Vec::<String>::new());
    let paid = usize::try_from(paid.unwrap()).unwrap();
    let transfers = usize::try_from(proof.transfers).unwrap() - town.phones.len();
    assert_eq!((paid, transfers), (acknowledged.len(), acknowledged.len()), "paid, moved, and acknowledged");
}

fn find_problem(tx: &mut Tx<'_>, text: &str) -> Result<Option<String>, store::Error> {
    let id: base::PaymentId = text.parse().unwrap();
    let Some(payment) = payments::store::find_payment(tx, id)? else {
        return Ok(Some(format!("`{id}` was acknowledged and is lost")));
    };
    let moves = ledger::list_payment_transfers(tx, id)?.len();
    let entry = payment.entry.map(|entry| audit::find_entry_text(tx, entry)).transpose()?.flatten();
    let good = payment.stored_state == payments::State::Paid && moves == 1 && entry.is_some();
    Ok((!good).then(|| format!("`{id}` is {:?}, moved {moves} times, entry {entry:?}", payment.stored_state)))
}
