//! The load generator: one thread, many connections, each with one payment under way.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::request::{Once, Request};
use super::seed::{Payer, People, Shop};
use super::sign_ins::{SignIns, sign_in_all};
use super::usage::{Usage, Watch};
use super::wire::{Wire, find, text_of};

/// Failures that are shown in full.
const SHOWN_FAILURES_MAX: usize = 5;
/// Amounts are drawn from this many minor units upwards …
const AMOUNT_MINOR_MIN: u64 = 600;
/// … and below this many more.
const AMOUNT_MINOR_SPAN: u64 = 5_400;

/// What the generator is to do.
pub(super) struct Plan {
    pub(super) address: SocketAddr,
    pub(super) people: People,
    pub(super) clients: usize,
    pub(super) rate: Option<u32>,
    pub(super) sign_ins: u32,
    pub(super) warm_up: Duration,
    pub(super) measured: Duration,
    pub(super) acks: Option<Mutex<File>>,
}

/// How long requests took, milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latency {
    /// Half are faster.
    pub p50_ms: f64,
    /// 99 in 100 are faster.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Latency {
    pub(super) fn of(mut micros: Vec<u32>) -> Latency {
        micros.sort_unstable();
        let at = |share: f64| {
            let index = (micros.len() as f64 * share) as usize;
            micros.get(index.min(micros.len().saturating_sub(1))).map_or(0.0, |m| f64::from(*m) / 1000.0)
        };
        Latency { p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1.0) }
    }
}

/// What the generator saw.
pub(super) struct Outcome {
    pub(super) paid: u64,
    pub(super) failed: u64,
    pub(super) acknowledged: u64,
    pub(super) seconds: f64,
    pub(super) both: Latency,
    pub(super) create: Latency,
    pub(super) confirm: Latency,
    pub(super) sign_ins: SignIns,
}

/// What one connection saw.
#[derive(Default)]
struct Tally {
    acknowledged: u64,
    failed: u64,
    create_us: Vec<u32>,
    confirm_us: Vec<u32>,
    both_us: Vec<u32>,
    failures: Vec<String>,
}

/// Runs the plan on a thread of its own.
pub(super) fn run(plan: Plan) -> Result<(Outcome, Usage), String> {
    let thread = std::thread::Builder::new().name("generator".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| format!("cannot start the generator: {e}"))?;
        let local = tokio::task::LocalSet::new();
        Ok(local.block_on(&runtime, generate(Rc::new(plan))))
    });
    let thread = thread.map_err(|e| format!("cannot start the generator: {e}"))?;
    thread.join().unwrap_or_else(|_| Err("the generator panicked".to_owned()))
}

async fn generate(plan: Rc<Plan>) -> (Outcome, Usage) {
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.measured;
    let clients: Vec<_> = (0..plan.clients)
        .map(|number| tokio::task::spawn_local(client(Rc::clone(&plan), number, begin, end)))
        .collect();
    let beside = (plan.sign_ins > 0).then(|| {
        let emails = plan.people.members.clone();
        tokio::task::spawn_local(sign_in_all(plan.address, emails, plan.sign_ins, (begin, end)))
    });
    tokio::time::sleep_until(begin.into()).await;
    let watch = Watch::start();
    tokio::time::sleep_until(end.into()).await;
    let usage = watch.stop();
    let mut all = Tally::default();
    for client in clients {
        let tally = client.await.unwrap_or_default();
        all.acknowledged += tally.acknowledged;
        all.failed += tally.failed;
        all.create_us.extend(tally.create_us);
        all.confirm_us.extend(tally.confirm_us);
        all.both_us.extend(tally.both_us);
        all.failures.extend(tally.failures);
    }
    for failure in all.failures.iter().take(SHOWN_FAILURES_MAX) {
        tracing::warn!("bench: {failure}");
    }
    let sign_ins = match beside {
        Some(task) => task.await.unwrap_or_default(),
        None => SignIns::default(),
    };
    if let Some(problem) = &sign_ins.first_problem {
        tracing::warn!("bench: {problem}");
    }
    let outcome = Outcome {
        sign_ins,
        paid: all.both_us.len() as u64,
        failed: all.failed,
        acknowledged: all.acknowledged,
        seconds: plan.measured.as_secs_f64(),
        both: Latency::of(all.both_us),
        create: Latency::of(all.create_us),
        confirm: Latency::of(all.confirm_us),
    };
    (outcome, usage)
}

/// One connection: payment after payment until the end. The buyers are dealt out, so nobody pays twice at once.
async fn client(plan: Rc<Plan>, number: usize, begin: Instant, end: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut wire = match Wire::open(plan.address).await {
        Ok(wire) => wire,
        Err(problem) => return refused(tally, format!("cannot connect: {problem}")),
    };
    let mut request = Request::new(plan.address);
    let mut payers = plan.people.payers.iter().skip(number).step_by(plan.clients).cycle();
    let pause = plan.rate.map(|rate| Duration::from_secs_f64(plan.clients as f64 / f64::from(rate.max(1))));
    // The connections begin one after the other, so that a pace is even over all of them.
    let mut next = Instant::now() + pause.unwrap_or_default().mul_f64(number as f64 / plan.clients as f64);
    while Instant::now() < end {
        if let Some(pause) = pause {
            tokio::time::sleep_until(next.min(end).into()).await;
            next += pause;
        }
        let (Some(payer), Some(shop)) = (payers.next(), request.any(&plan.people.shops)) else { break };
        let started = Instant::now();
        match pay(&plan, &mut wire, &mut request, shop, payer).await {
            Ok(created) => {
                tally.acknowledged += 1;
                let ended = Instant::now();
                if ended >= begin && ended < end {
                    tally.create_us.push(micros(created - started));
                    tally.confirm_us.push(micros(ended - created));
                    tally.both_us.push(micros(ended - started));
                }
            }
            Err(problem) => {
                tally = refused(tally, problem);
                match Wire::open(plan.address).await {
                    Ok(fresh) => wire = fresh,
                    Err(_) => break,
                }
            }
        }
    }
    tally
}

fn refused(mut tally: Tally, problem: String) -> Tally {
    tally.failed += 1;
    if tally.failures.len() < SHOWN_FAILURES_MAX {
        tally.failures.push(problem);
    }
    tally
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// One payment; gives when it was created.
async fn pay(
    plan: &Plan,
    wire: &mut Wire,
    request: &mut Request,
    shop: &Shop,
    payer: &Payer,
) -> Result<Instant, String> {
    let amount = AMOUNT_MINOR_MIN + request.dice.below(AMOUNT_MINOR_SPAN);
    create(request, shop, amount)?;
    let status = wire.ask(&request.bytes).await.map_err(|e| format!("create: {e}"))?;
    let id = text_of(wire.body(), b"\"id\":\"").filter(|_| status == 201).map(str::to_owned);
    let id = id.ok_or_else(|| shown("create", status, wire.body()))?;
    let created = Instant::now();
    confirm(request, shop, payer, &id, amount);
    let status = wire.ask(&request.bytes).await.map_err(|e| format!("confirm: {e}"))?;
    if status != 200 || find(wire.body(), b"\"state\":\"paid\"").is_none() {
        return Err(shown("confirm", status, wire.body()));
    }
    if let Some(acks) = &plan.acks {
        let line = format!("{id}\n");
        let mut file = acks.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes()).map_err(|e| format!("cannot note a payment: {e}"))?;
    }
    Ok(created)
}

fn shown(what: &str, status: u16, body: &[u8]) -> String {
    format!("{what} answered {status}: {}", String::from_utf8_lossy(body))
}

/// Asks for a payment, as the shop's system does.
fn create(request: &mut Request, shop: &Shop, amount: u64) -> Result<(), String> {
    request.body.clear();
    let reference = u32::from_le_bytes(request.dice.bytes());
    let _ = write!(
        request.body,
        "{{\"amount_minor\":{amount},\"currency\":\"CNY\",\"reference\":\"order {reference:08x}\"}}"
    );
    request.sign(&shop.signer, "/v1/payments", Once::Yes)
}

/// Confirms it, as the buyer's phone does.
fn confirm(request: &mut Request, shop: &Shop, payer: &Payer, id: &str, amount: u64) {
    request.body.clear();
    let nonce = u128::from_le_bytes(request.dice.bytes());
    let _ = write!(
        request.body,
        "{{\"amount_minor\":{amount},\"currency\":\"CNY\",\"payee\":\"{}\",\"nonce\":\"{nonce:032x}\",\"pin\":\"{}\"}}",
        shop.id, payer.pin
    );
    request.bear(&payer.token, &payer.address, &["/v1/payments/", id, "/confirm"]);
}
