//! `tillward bench tokens`: cards in and out, through the real listener, on this machine.
//!
//! First every connection makes tokens, each of another card, with `POST /v1/tokens`; then every connection opens cards
//! that were made, with `POST /v1/tokens/{id}/open`. Requests are signed by API keys of the role `detokenise`, and each
//! answer is durable with its entry in the audit log. Each opened number is compared with the card it stands for. At the
//! end the rows are counted against what was acknowledged, and the audit log is verified.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::AnchorFile;
use base::{Clock, Currency, Dice, ShopId};
use identity::{Actor, Label, Means, NewApiKey, Role, ShopDraft, ShopProfile};
use payments::Screen;
use store::Tx;
use tokens::card::is_luhn;
use webkit::Edge;
use webkit::signing::{Signer, SigningKey};

use super::load::Latency;
use super::request::{Once, Request};
use super::usage::{Usage, Watch};
use super::wire::{Wire, find, text_of};
use super::{Home, config_of, settle, whole};
use crate::config::{Mail, TextMessages};
use crate::installation::Installation;
use crate::jobs::Jobs;
use crate::server::{Listener, router};

/// Failures that are shown in full.
const SHOWN_FAILURES_MAX: usize = 5;
/// Cards that a connection remembers, to be opened in the second half.
const REMEMBERED_MAX: usize = 20_000;
const REASON: &str = "{\"purpose\":\"process_payment\",\"reason\":\"load test\"}";

/// What to run.
#[derive(Clone, Debug)]
pub struct TokenOptions {
    /// Length of each of the two measured stretches.
    pub seconds: u64,
    /// Length of the stretch before each that is not measured.
    pub warm_up_seconds: u64,
    /// Connections, each with one request under way.
    pub clients: usize,
    /// Shops, each with an API key.
    pub shops: usize,
    /// PostgreSQL in place of the embedded engine; an empty database.
    pub database_url: Option<String>,
    /// Where to leave the installation; a temporary folder that is removed without it.
    pub keep: Option<PathBuf>,
}

/// One of the two stretches.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Answers within it.
    pub done: u64,
    /// Its length, seconds.
    pub seconds: f64,
    /// How long they took.
    pub latency: Latency,
    /// Processor time.
    pub usage: Usage,
}

impl Stretch {
    /// Answers a second.
    pub fn per_second(&self) -> f64 {
        self.done as f64 / self.seconds.max(0.001)
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct TokenReport {
    /// `embedded` or `postgresql`.
    pub engine: &'static str,
    /// Connections.
    pub clients: usize,
    /// Tokens made.
    pub create: Stretch,
    /// Cards opened.
    pub open: Stretch,
    /// Requests of the whole run that did not lead where they should.
    pub failed: u64,
    /// What is wrong with what was left, a line each.
    pub problems: Vec<String>,
    /// Entries of the audit log.
    pub audit_entries: u64,
}

struct Shop {
    id: ShopId,
    signer: Signer,
}

struct Card {
    token: String,
    number: String,
    shop: usize,
}

#[derive(Default)]
struct Tally {
    acknowledged: u64,
    failed: u64,
    took_us: Vec<u32>,
    failures: Vec<String>,
    cards: Vec<Card>,
}

/// Runs the bench.
///
/// # Errors
/// What could not be made, opened or reached, in words.
pub fn run_tokens(options: &TokenOptions) -> Result<TokenReport, String> {
    let home = Home::make(options.keep.as_deref())?;
    let config = config_of(&home.path, options.database_url.clone())?;
    let at = Installation::open(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
    let shops = seed(&at, options.shops)?;
    let ids: Vec<ShopId> = shops.iter().map(|shop| shop.id).collect();
    let jobs = Jobs::start(&at, Mail::Nowhere, TextMessages::Nowhere)?;
    settle(&jobs)?;
    let outcome = drive(&at, shops, options)?;
    settle(&jobs)?;
    drop(jobs);
    let (create, open, made, opened, failed) = outcome;
    let (problems, audit_entries) = check(&at, &ids, made, opened)?;
    let engine = at.db.engine().name();
    Ok(TokenReport { engine, clients: options.clients, create, open, failed, problems, audit_entries })
}

fn seed(at: &Installation, shops: usize) -> Result<Vec<Shop>, String> {
    let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
    let made = at.db.write_blocking(move |tx| {
        let means = Means { vault: &vault, dice: &dice, now };
        (0..shops).map(|number| make_shop(tx, &means, number)).collect::<Result<Vec<_>, _>>()
    });
    made.map_err(|problem: store::Error| format!("cannot seed: {problem}"))
}

fn make_shop(tx: &mut Tx<'_>, means: &Means<'_>, number: usize) -> Result<Shop, store::Error> {
    let stop = |problem: &dyn std::fmt::Display| store::Error::Bug(problem.to_string());
    let name = format!("Bench shop {number}");
    let draft =
        ShopDraft { name: &name, city: "Hangzhou", country: "CN", category: "5499", currency: Currency::CNY };
    let profile = ShopProfile::parse(&draft).map_err(|_| stop(&"the shop's profile is refused"))?;
    let id = identity::create_shop(tx, means, &Actor::System, &profile).map_err(|e| stop(&e))?.id;
    let label = Label::parse("bench").map_err(|e| stop(&e))?;
    let new = NewApiKey::new(label, Role::Detokenise, None).map_err(|e| stop(&e))?;
    let (key, secret) = identity::create_system_api_key(tx, means, id, &new).map_err(|e| stop(&e))?;
    tokens::watch::lift_limits(tx, means, id).map_err(|e| stop(&e))?;
    let secret = SigningKey::hmac_sha256(secret.secret().expose().as_bytes()).map_err(|e| stop(&e))?;
    Ok(Shop { id, signer: Signer::new(key.id.to_string(), secret) })
}

type Driven = (Stretch, Stretch, u64, u64, u64);

/// Serves on a port of the system's choice and lets the generator loose on it.
fn drive(at: &Installation, shops: Vec<Shop>, options: &TokenOptions) -> Result<Driven, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("server").enable_all().build();
    let runtime = runtime.map_err(|e| format!("cannot start the server's threads: {e}"))?;
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let listener =
        runtime.block_on(Listener::bind(SocketAddr::new(loopback, 0), None)).map_err(|e| whole(&e))?;
    let address = listener.address().ok_or("the listener has no address")?;
    let context = at.context(&format!("http://{address}"), Screen::starter());
    let edge = Edge::new(at.clock.clone(), at.dice.clone(), false).behind_proxies(&[loopback]);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = runtime.spawn(listener.serve(router(&context, edge), async move { drop(stopped.await) }));
    let options = options.clone();
    let thread = std::thread::Builder::new().name("generator".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| format!("cannot start the generator: {e}"))?;
        let local = tokio::task::LocalSet::new();
        Ok(local.block_on(&runtime, generate(address, Rc::new(shops), options)))
    });
    let thread = thread.map_err(|e| format!("cannot start the generator: {e}"))?;
    let outcome = thread.join().unwrap_or_else(|_| Err("the generator panicked".to_owned()));
    let _ = stop.send(());
    let _ = runtime.block_on(server);
    outcome
}

async fn generate(address: SocketAddr, shops: Rc<Vec<Shop>>, options: TokenOptions) -> Driven {
    let mut cards: Vec<Vec<Card>> = (0..options.clients).map(|_| Vec::new()).collect();
    let (create, tallies) = stretch(address, &shops, &options, &mut cards, Work::Create).await;
    let (made, mut failed) = sums(&tallies);
    cards = tallies.into_iter().map(|tally| tally.cards).collect();
    let (open, tallies) = stretch(address, &shops, &options, &mut cards, Work::Open).await;
    let (opened, failed_too) = sums(&tallies);
    failed += failed_too;
    (create, open, made, opened, failed)
}

fn sums(tallies: &[Tally]) -> (u64, u64) {
    for failure in tallies.iter().flat_map(|tally| &tally.failures).take(SHOWN_FAILURES_MAX) {
        tracing::warn!("bench: {failure}");
    }
    (tallies.iter().map(|t| t.acknowledged).sum(), tallies.iter().map(|t| t.failed).sum())
}

#[derive(Clone, Copy)]
enum Work {
    Create,
    Open,
}

async fn stretch(
    address: SocketAddr,
    shops: &Rc<Vec<Shop>>,
    options: &TokenOptions,
    cards: &mut Vec<Vec<Card>>,
    work: Work,
) -> (Stretch, Vec<Tally>) {
    let begin = Instant::now() + Duration::from_secs(options.warm_up_seconds);
    let end = begin + Duration::from_secs(options.seconds);
    let clients: Vec<_> = std::mem::take(cards)
        .into_iter()
        .map(|own| tokio::task::spawn_local(client(address, Rc::clone(shops), own, (begin, end), work)))
        .collect();
    tokio::time::sleep_until(begin.into()).await;
    let watch = Watch::start();
    tokio::time::sleep_until(end.into()).await;
    let usage = watch.stop();
    let mut tallies = Vec::new();
    let mut took = Vec::new();
    for client in clients {
        let mut tally = client.await.unwrap_or_default();
        took.append(&mut tally.took_us);
        tallies.push(tally);
    }
    let (done, seconds) = (took.len() as u64, options.seconds as f64);
    (Stretch { done, seconds, latency: Latency::of(took), usage }, tallies)
}

/// One connection: request after request until the end.
async fn client(
    address: SocketAddr,
    shops: Rc<Vec<Shop>>,
    own: Vec<Card>,
    (begin, end): (Instant, Instant),
    work: Work,
) -> Tally {
    let mut tally = Tally { cards: own, ..Tally::default() };
    let Ok(mut wire) = Wire::open(address).await else { return tally };
    let mut request = Request::new(address);
    while Instant::now() < end {
        let started = Instant::now();
        let done = match work {
            Work::Create => create(&mut wire, &mut request, &shops, &mut tally).await,
            Work::Open => open(&mut wire, &mut request, &shops, &tally.cards).await,
        };
        match done {
            Ok(()) => {
                tally.acknowledged += 1;
                let ended = Instant::now();
                if ended >= begin && ended < end {
                    tally.took_us.push(u32::try_from((ended - started).as_micros()).unwrap_or(u32::MAX));
                }
            }
            Err(problem) => {
                tally.failed += 1;
                if tally.failures.len() < SHOWN_FAILURES_MAX {
                    tally.failures.push(problem);
                }
                match Wire::open(address).await {
                    Ok(fresh) => wire = fresh,
                    Err(_) => break,
                }
            }
        }
    }
    tally
}

async fn create(
    wire: &mut Wire,
    request: &mut Request,
    shops: &[Shop],
    tally: &mut Tally,
) -> Result<(), String> {
    let at = usize::try_from(request.dice.below(shops.len() as u64)).unwrap_or(0);
    let shop = shops.get(at).ok_or("there is no shop")?;
    let number = card_number(&request.dice);
    request.body.clear();
    let _ = write!(request.body, "{{\"number\":\"{number}\",\"expiry_month\":12,\"expiry_year\":2035}}");
    request.sign(&shop.signer, "/v1/tokens", Once::Yes)?;
    let status = wire.ask(&request.bytes).await.map_err(|e| format!("create: {e}"))?;
    let token = text_of(wire.body(), b"\"id\":\"").filter(|_| status == 201).map(str::to_owned);
    let token = token.ok_or_else(|| shown("create", status, wire.body()))?;
    if tally.cards.len() < REMEMBERED_MAX {
        tally.cards.push(Card { token, number, shop: at });
    }
    Ok(())
}

async fn open(wire: &mut Wire, request: &mut Request, shops: &[Shop], cards: &[Card]) -> Result<(), String> {
    let at = usize::try_from(request.dice.below(cards.len() as u64)).unwrap_or(0);
    let card = cards.get(at).ok_or("no card was made")?;
    let shop = shops.get(card.shop).ok_or("there is no shop")?;
    request.body.clear();
    request.body.push_str(REASON);
    request.sign(&shop.signer, &format!("/v1/tokens/{}/open", card.token), Once::No)?;
    let status = wire.ask(&request.bytes).await.map_err(|e| format!("open: {e}"))?;
    let expected = format!("\"number\":\"{}\"", card.number);
    if status != 200 || find(wire.body(), expected.as_bytes()).is_none() {
        return Err(shown("open", status, wire.body()));
    }
    Ok(())
}

/// A failure in words, without the body of a right answer: it may hold a number.
fn shown(what: &str, status: u16, body: &[u8]) -> String {
    let body = if status < 300 { String::new() } else { String::from_utf8_lossy(body).into_owned() };
    format!("{what} answered {status} {body}")
}

/// A made-up number that passes every check.
fn card_number(dice: &Dice) -> String {
    let mut number = format!("4{:014}", dice.below(100_000_000_000_000));
    let check =
        (0..10u8).map(|digit| char::from(b'0' + digit)).find(|digit| is_luhn(&format!("{number}{digit}")));
    number.push(check.unwrap_or('0'));
    number
}

/// What was acknowledged is there, and the log is what was signed. More may be there: an answer can be lost.
fn check(at: &Installation, shops: &[ShopId], made: u64, opened: u64) -> Result<(Vec<String>, u64), String> {
    let anchors = if at.checkpoints.exists() {
        AnchorFile::new(&at.checkpoints).read_all(at.signer.verifier_key()).map_err(|e| whole(&e))?
    } else {
        Vec::new()
    };
    let key = at.signer.verifier_key().clone();
    let report =
        at.db.read_blocking(move |tx| audit::verify_database(tx, &key, &anchors)).map_err(|e| whole(&e))?;
    let shops = shops.to_vec();
    let (rows, openings) = at
        .db
        .read_blocking(move |tx| {
            let (mut rows, mut openings) = (0u64, 0u64);
            for shop in shops {
                let stop = |problem: String| store::Error::Bug(problem);
                let count = tokens::token::count_tokens(tx, shop, base::Timestamp(i64::MAX))
                    .map_err(|e| stop(e.to_string()))?;
                rows += count.unsigned_abs();
                let count = tokens::opening::count_openings(tx, shop).map_err(|e| stop(e.to_string()))?;
                openings += count.unsigned_abs();
            }
            Ok::<_, store::Error>((rows, openings))
        })
        .map_err(|e| whole(&e))?;
    let mut problems: Vec<String> =
        report.findings.iter().take(SHOWN_FAILURES_MAX).map(ToString::to_string).collect();
    for (what, acknowledged, found) in
        [("tokens were made", made, rows), ("cards were opened", opened, openings)]
    {
        if found < acknowledged {
            problems.push(format!("{acknowledged} {what}, only {found} are there"));
        }
    }
    Ok((problems, report.entries))
}
