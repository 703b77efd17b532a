//! Sign-ins of members beside the payments: the right password, so many a second, each from a place of its own. Each costs
//! an Argon2id hash; what is measured is whether payments wait behind it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::load::Latency;
use super::wire::Wire;

/// What every member of the bench types.
pub(super) const PASSWORD: &str = "pencil river nine kettles";
/// Members who sign in, in turn.
pub(super) const MEMBERS: usize = 100;

/// What became of the sign-ins.
#[derive(Clone, Debug, Default)]
pub struct SignIns {
    /// Sign-ins wanted a second.
    pub wanted_per_second: u32,
    /// Those that went well within the measured stretch.
    pub done: u64,
    /// Those that were told to try later, or failed.
    pub refused: u64,
    /// How long they took.
    pub latency: Latency,
    /// What the first one that failed was answered.
    pub first_problem: Option<String>,
}

/// Signs members in at an even pace until the end.
pub(super) async fn sign_in_all(
    address: SocketAddr,
    emails: Vec<String>,
    a_second: u32,
    (begin, end): (Instant, Instant),
) -> SignIns {
    let pause = Duration::from_secs(1) / a_second.max(1);
    let mut next = Instant::now();
    let mut running = Vec::new();
    let mut people = emails.iter().cycle().enumerate();
    while next < end {
        tokio::time::sleep_until(next.into()).await;
        next += pause;
        let Some((number, email)) = people.next() else { break };
        running.push(tokio::task::spawn_local(sign_in(address, email.clone(), number)));
    }
    let (mut found, mut took) = (SignIns { wanted_per_second: a_second, ..SignIns::default() }, Vec::new());
    for task in running {
        match task.await.unwrap_or_else(|problem| Err(problem.to_string())) {
            Ok((started, time)) if started >= begin => took.push(time),
            Ok(_) => {}
            Err(problem) => {
                found.refused += 1;
                found.first_problem.get_or_insert(problem);
            }
        }
    }
    (found.done, found.latency) = (took.len() as u64, Latency::of(took));
    found
}

/// One sign-in: when it began, and how long it took in microseconds.
async fn sign_in(address: SocketAddr, email: String, number: usize) -> Result<(Instant, u32), String> {
    let body = format!("{{\"email\":\"{email}\",\"password\":\"{PASSWORD}\"}}");
    let [_, a, b, c] = u32::try_from(number).unwrap_or(0).to_be_bytes();
    let (length, mut request) = (body.len(), String::new());
    let _ = write!(
        request,
        "POST /v1/member_sessions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nx-forwarded-for: 11.{a}.{b}.{c}\r\n\r\n{body}"
    );
    let started = Instant::now();
    let mut wire = Wire::open(address).await.map_err(|e| e.to_string())?;
    match wire.ask(request.as_bytes()).await.map_err(|e| e.to_string())? {
        201 | 202 => Ok((started, u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX))),
        status => Err(format!("a sign-in was answered {status}: {}", String::from_utf8_lossy(wire.body()))),
    }
}
