//! `tillward bench`: payments from end to end, through the real listener, on this machine.
//!
//! It makes an installation with shops, API keys and buyers, puts at least 20 rules and a model of 100 trees in force,
//! and drives the server over loopback HTTP/1.1: a signed create by the shop, then the buyer's confirm with session and
//! PIN. Whatever is not paid counts as failed. At the end the books, the audit log and the number of payments are
//! checked against what was acknowledged, so a figure without correctness is not printed as a success.
//!
//! Reading order: `seed.rs`, `model.rs`, `load.rs` (the generator), `sign_ins.rs`, `wire.rs` (its HTTP), `check.rs`,
//! `usage.rs`.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base::{Clock, Dice};
use payments::Screen;
use risk::RuleSet;
use webkit::Edge;

use crate::config::{Config, Mail, Settings, TextMessages};
use crate::installation::Installation;
use crate::jobs::Jobs;
use crate::server::{Listener, router};

mod cards;
mod check;
mod load;
mod model;
mod request;
mod seed;
mod sign_ins;
mod usage;
mod wire;

pub use cards::{Stretch, TokenOptions, TokenReport, run_tokens};
pub use check::{Verdict, check_folder};
pub use load::Latency;
pub use sign_ins::SignIns;
pub use usage::Usage;

/// The rules in force: the starter set with velocity limits that fit a buyer who pays every two seconds.
const RULES: &str = include_str!("../../../bench/rules.toml");
/// How long the audit log may take to give positions to what the seeding wrote.
const SETTLE_SECONDS_MAX: u64 = 60;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Length of the measured stretch.
    pub seconds: u64,
    /// Length of the stretch before it that is not measured.
    pub warm_up_seconds: u64,
    /// Connections, each with one request under way.
    pub clients: usize,
    /// Shops, each with an API key.
    pub shops: usize,
    /// Buyers, each with a PIN, a balance and a device session.
    pub buyers: usize,
    /// Payments a second at most, over all connections; as many as go without it.
    pub rate: Option<u32>,
    /// Members' sign-ins a second beside the payments.
    pub sign_ins: u32,
    /// PostgreSQL in place of the embedded engine; an empty database.
    pub database_url: Option<String>,
    /// Where to leave the installation; a temporary folder that is removed without it.
    pub keep: Option<PathBuf>,
    /// Where each acknowledged payment is noted as soon as it is acknowledged.
    pub acks: Option<PathBuf>,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Report {
    /// `embedded` or `postgresql`.
    pub engine: &'static str,
    /// Payments acknowledged as paid within the measured stretch.
    pub paid: u64,
    /// Requests of the whole run that did not lead where they should.
    pub failed: u64,
    /// Length of the measured stretch, seconds.
    pub seconds: f64,
    /// Connections.
    pub clients: usize,
    /// Create and confirm together.
    pub both: Latency,
    /// The shop's signed create.
    pub create: Latency,
    /// The buyer's confirm.
    pub confirm: Latency,
    /// Sign-ins beside them.
    pub sign_ins: SignIns,
    /// Processor time of the measured stretch.
    pub usage: Usage,
    /// What the checks at the end found.
    pub verdict: Verdict,
    /// Rules in force.
    pub rules: usize,
    /// Trees of the model in force.
    pub trees: usize,
    /// Time the seeding took, seconds.
    pub seed_seconds: f64,
}

impl Report {
    /// Completed payments a second.
    pub fn payments_per_second(&self) -> f64 {
        self.paid as f64 / self.seconds.max(0.001)
    }
}

/// Runs the bench.
///
/// # Errors
/// What could not be made, opened or reached, in words.
pub fn run(options: &Options) -> Result<Report, String> {
    let home = Home::make(options.keep.as_deref())?;
    let config = config_of(&home.path, options.database_url.clone())?;
    let installation = Installation::open(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
    let screen = screen()?;
    let (rules, trees) = (screen.rules.rules().len(), model::TREES);
    let started = Instant::now();
    let members = if options.sign_ins > 0 { sign_ins::MEMBERS } else { 0 };
    let people = seed::seed(&installation, options.shops, options.buyers, members)?;
    let seed_seconds = started.elapsed().as_secs_f64();
    let jobs = Jobs::start(&installation, Mail::Nowhere, TextMessages::Nowhere)?;
    settle(&jobs)?;
    let acks = options.acks.as_deref().map(open_acks).transpose()?;
    let (outcome, usage) = drive(&installation, screen, people, options, acks)?;
    drop(jobs);
    let verdict = check::check(&installation, outcome.acknowledged)?;
    Ok(Report {
        engine: installation.db.engine().name(),
        paid: outcome.paid,
        failed: outcome.failed,
        seconds: outcome.seconds,
        clients: options.clients,
        both: outcome.both,
        create: outcome.create,
        confirm: outcome.confirm,
        sign_ins: outcome.sign_ins,
        usage,
        verdict,
        rules,
        trees,
        seed_seconds,
    })
}

/// The rules and the model in force.
fn screen() -> Result<Screen, String> {
    let rules = RuleSet::parse(RULES)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let mut screen = Screen::starter();
    screen.rules = Arc::new(rules);
    screen.model = Some(Arc::new(model::train()?));
    Ok(screen)
}

/// Serves on a port of the system's choice and lets the generator loose on it.
fn drive(
    installation: &Installation,
    screen: Screen,
    people: seed::People,
    options: &Options,
    acks: Option<File>,
) -> Result<(load::Outcome, Usage), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("server")
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start the server's threads: {e}"))?;
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let listener =
        runtime.block_on(Listener::bind(SocketAddr::new(loopback, 0), None)).map_err(|e| whole(&e))?;
    let address = listener.address().ok_or("the listener has no address")?;
    let context = installation.context(&format!("http://{address}"), screen);
    let edge =
        Edge::new(installation.clock.clone(), installation.dice.clone(), false).behind_proxies(&[loopback]);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = runtime.spawn(listener.serve(router(&context, edge), async move { drop(stopped.await) }));
    let plan = load::Plan {
        address,
        people,
        clients: options.clients,
        rate: options.rate,
        sign_ins: options.sign_ins,
        warm_up: Duration::from_secs(options.warm_up_seconds),
        measured: Duration::from_secs(options.seconds),
        acks: acks.map(Mutex::new),
    };
    let outcome = load::run(plan);
    let _ = stop.send(());
    let _ = runtime.block_on(server);
    outcome
}

/// Waits until every entry that the seeding wrote has its place in the log, so that it is not paid for while measured.
fn settle(jobs: &Jobs) -> Result<(), String> {
    let started = Instant::now();
    while !jobs.is_log_settled() {
        if started.elapsed() > Duration::from_secs(SETTLE_SECONDS_MAX) {
            return Err("the audit log does not keep up with the seeding".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn config_of(home: &Path, database_url: Option<String>) -> Result<Config, String> {
    let data = Some(home.join("data"));
    Settings { data, database_url, ..Settings::default() }.check().map_err(|e| e.to_string())
}

fn open_acks(path: &Path) -> Result<File, String> {
    let file = File::options().create(true).append(true).open(path);
    file.map_err(|e| format!("cannot write `{}`: {e}", path.display()))
}

/// The folder of the run.
struct Home {
    path: PathBuf,
    temporary: bool,
}

impl Home {
    fn make(keep: Option<&Path>) -> Result<Home, String> {
        let chance = u64::from_le_bytes(Dice::System.bytes());
        let path = keep.map_or_else(
            || std::env::temp_dir().join(format!("tillward-bench-{chance:016x}")),
            Path::to_path_buf,
        );
        let made = std::fs::create_dir_all(&path);
        made.map_err(|e| format!("cannot make `{}`: {e}", path.display()))?;
        Ok(Home { path, temporary: keep.is_none() })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// An error with everything behind it, one line.
fn whole(problem: &dyn std::error::Error) -> String {
    let mut text = problem.to_string();
    let mut source = problem.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
