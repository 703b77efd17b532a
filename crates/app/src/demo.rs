//! `tillward demo`: a made-up shop in a temporary folder, the real server, and robots that buy and attack.
//!
//! Everything the robots do while it runs goes through the listener over HTTP, as phones, the shop's till and the cash
//! desk do. Only the days before are seeded in process (`seed.rs`), and the books are read there. Mails go into a folder
//! that the robots and the terminal read (`mailbox.rs`). Nothing of it stays: the folder is removed at the end.
//!
//! An attempt of an attack counts as stopped when it moved no money, by the books and not by the answer.
//!
//! Reading order: `seed.rs`, `people.rs`, `play.rs`, `attacks.rs`, `testing.rs`, `takeover.rs`, `replay.rs`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Clock, Dice, ShopId, Timestamp};
use payments::{Screen, State};

use crate::config::{Config, Mail, Settings};
use crate::installation::Installation;
use crate::jobs::Jobs;
use crate::server::{Listener, asked_to_stop, edge, router};

mod attacks;
mod mailbox;
mod people;
mod play;
mod replay;
mod seed;
mod takeover;
mod testing;

pub use attacks::Attack;
pub use seed::SignIn;

use attacks::Score;
use mailbox::Mailbox;
use play::World;

/// How long robots may take to finish what they began, seconds.
const FINISH_SECONDS_MAX: u64 = 60;

/// What to play.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port of 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// How long to play, seconds; until asked to stop without it.
    pub seconds: Option<u64>,
    /// Rounds of the attacks go on after the first; without it each is played once.
    pub attacks_go_on: bool,
}

/// What is told to the person at the terminal.
pub enum News<'a> {
    /// The server is ready.
    Ready(&'a Ready),
    /// A mail or text message to somebody who is no robot.
    Mail {
        /// The address or number.
        to: &'a str,
        /// What it says, in short.
        text: &'a str,
    },
    /// A round of an attack is over.
    Attack(&'a Attack),
}

/// Where to look and as whom.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Where the pages are.
    pub url: String,
    /// The shop.
    pub shop: String,
    /// One member for each role.
    pub members: Vec<SignIn>,
    /// The address of a buyer to try with.
    pub buyer: String,
    /// That buyer's PIN.
    pub pin: String,
    /// A code to pay once.
    pub code_url: String,
    /// A printed code, to be paid as often as one likes.
    pub printed_url: String,
    /// Payments that were made before.
    pub history: usize,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Payments made while it ran, by state.
    pub payments: Vec<(State, i64)>,
    /// Payments of the days before, made when it was set up.
    pub history: usize,
    /// The attacks.
    pub attacks: Vec<Attack>,
    /// Debits equal credits, and every balance is the sum of its transfers.
    pub ledger_balanced: bool,
    /// The audit log is whole and signed to its end.
    pub audit_verified: bool,
    /// What is wrong with books or log, a line each.
    pub problems: Vec<String>,
    /// How long it played, seconds.
    pub seconds: f64,
}

/// Tells the person at the terminal something.
pub type Tell = Arc<dyn Fn(&News<'_>) + Send + Sync>;

/// Seeds, serves and plays, then checks books and log.
///
/// # Errors
/// What could not be made, opened or reached, in words.
pub fn run(options: &Options, tell: &Tell) -> Result<Summary, String> {
    let home = Home::make()?;
    let config = config_of(&home.path)?;
    let installation = Installation::open(&config, Clock::System, Dice::System).map_err(|e| e.to_string())?;
    let town = Arc::new(seed::seed(&installation)?);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    let jobs = Jobs::start(&installation, config.mail.clone(), config.texts.clone())?;
    let (began, from) = (Instant::now(), installation.clock.now());
    let played =
        runtime.block_on(serve_and_play(options, &installation, &town, &home.path.join("mail"), tell));
    let seconds = began.elapsed().as_secs_f64();
    // Its end gives every entry of the log its position.
    drop(jobs);
    drop(runtime);
    let score = played?;
    let history = town.history;
    check(&installation, town.shop, from).map(|checked| Summary {
        attacks: score.attacks(),
        history,
        seconds,
        ..checked
    })
}

async fn serve_and_play(
    options: &Options,
    installation: &Installation,
    town: &Arc<seed::Town>,
    mails: &Path,
    tell: &Tell,
) -> Result<Arc<Score>, String> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let listener =
        Listener::bind(SocketAddr::new(loopback, options.port), None).await.map_err(|e| e.to_string())?;
    let address = listener.address().ok_or("the listener has no address")?;
    let url = format!("http://localhost:{}", address.port());
    let mut context = installation.context(&url, Screen::starter());
    context.identity.sends_texts = true;
    // The robots come from many places: this machine is believed when it passes on for somebody. In the demo only.
    let router = router(&context, edge(installation, false, &[loopback]));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(listener.serve(router, async move { drop(stopped.await) }));
    let mailbox = Mailbox::open(mails, Arc::clone(tell));
    let world = World::new(address, installation.clone(), Arc::clone(town), mailbox);
    let ready = town.ready(&context, &world).await?;
    let over = over(options.seconds, asked_to_stop());
    tell(&News::Ready(&ready));
    let score =
        play::play(&world, over, options.attacks_go_on, tell, Duration::from_secs(FINISH_SECONDS_MAX)).await;
    let _ = stop.send(());
    let _ = server.await;
    Ok(score)
}

/// Done when the time is up or the program is asked to stop.
async fn over(seconds: Option<u64>, asked: impl Future<Output = ()>) {
    let time_is_up = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time_is_up => {}
        () = asked => {}
    }
}

/// Reads books and log from the database, after everything stopped.
fn check(at: &Installation, shop: ShopId, from: Timestamp) -> Result<Summary, String> {
    let key = at.signer.verifier_key().clone();
    let anchors = audit::AnchorFile::new(&at.checkpoints).read_all(&key).map_err(|e| e.to_string())?;
    let read = at.db.read_blocking(move |tx| {
        let report = audit::verify_database(tx, &key, &anchors)?;
        let proof = ledger::prove_balanced(tx)?;
        Ok::<_, audit::ExportError>((proof, report, payments::store::sum_payments_by_hour(tx, shop, from)?))
    });
    let (proof, report, hours) = read.map_err(|e| e.to_string())?;
    let count = |state| hours.iter().filter(|(_, of, _, _)| *of == state).map(|(_, _, count, _)| count).sum();
    let payments = State::ALL.map(|state| (state, count(state))).to_vec();
    let signed = report.proven_size == report.size && report.waiting == 0;
    let mut problems: Vec<String> = proof.faults.iter().map(ToString::to_string).collect();
    problems.extend(report.findings.iter().map(ToString::to_string));
    if !signed {
        problems.push(format!(
            "{} of {} entries are signed, {} wait",
            report.proven_size, report.size, report.waiting
        ));
    }
    Ok(Summary {
        payments,
        history: 0,
        attacks: Vec::new(),
        ledger_balanced: proof.is_balanced(),
        audit_verified: report.is_clean() && signed,
        problems,
        seconds: 0.0,
    })
}

fn config_of(home: &Path) -> Result<Config, String> {
    let settings = Settings {
        data: Some(home.join("data")),
        key_file: Some(home.join("root.key")),
        mail_folder: Some(home.join("mail")),
        ..Settings::default()
    };
    let config = settings.check().map_err(|e| e.to_string())?;
    assert!(matches!(config.mail, Mail::Folder(_)), "the demo sends no mail to anybody");
    Ok(config)
}

/// The folder of the run, removed at its end.
struct Home {
    path: PathBuf,
}

impl Home {
    fn make() -> Result<Home, String> {
        use std::os::unix::fs::DirBuilderExt;
        let chance = u64::from_le_bytes(Dice::System.bytes());
        let path = std::env::temp_dir().join(format!("tillward-demo-{chance:016x}"));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|e| format!("cannot make `{}`: {e}", path.display()))?;
        Ok(Home { path })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
