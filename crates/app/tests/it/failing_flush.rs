//! A disk that fails a flush, told by `strace`, which answers some of the running program's flushes with an I/O error.
//! The kernel says so once and believes afterwards that all is written: so nothing is acknowledged on top of it.
//!
//! Who pays hears 503 with `Retry-After`, asks again with the same key, and is paid exactly once; nothing that was
//! acknowledged is missing after a kill.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::town::{Heard, Line, Log, Phone, Sent, Town, check_books, wait_until};

const CLIENTS: usize = 6;
const PAYMENTS_EACH: i64 = 40;
const TRIES_MAX: usize = 200;
const ATTACH_SECONDS_MAX: u64 = 20;
/// Which files' flushes fail …
const JOURNAL: [&str; 2] = ["tillward.journal-a", "tillward.journal-b"];
/// … and which of them: in each thread the 12th, and then every 25th.
const FAULT: &str = "inject=fdatasync:error=EIO:when=12+25";

/// What the phones heard.
#[derive(Default)]
struct Heads {
    paid: Mutex<Vec<String>>,
    refused: Mutex<usize>,
}

impl Heads {
    /// Asks until the answer is not "try again".
    fn insist<T>(&self, mut ask: impl FnMut() -> Result<T, Heard>) -> T {
        for _ in 0..TRIES_MAX {
            match ask() {
                Ok(done) => return done,
                Err(heard) => assert!(heard.says_try_again(), "{heard:?}"),
            }
            *self.refused.lock().unwrap() += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not recover");
    }

    fn pay(&self, town: &Town, line: &mut Line, minor: i64) {
        let sent: Sent = self.insist(|| line.begin(town, minor).unwrap());
        self.insist(|| {
            Some(line.confirm(&sent).unwrap()).filter(|heard| !heard.is_paid()).map_or(Ok(()), Err)
        });
        self.paid.lock().unwrap().push(sent.payment);
    }

    fn pay_all(&self, town: &Town, address: std::net::SocketAddr, phone: &Phone) {
        let mut line = Line::new(address, town, phone);
        (0..PAYMENTS_EACH).for_each(|number| self.pay(town, &mut line, 100 + number));
    }
}

/// Everybody pays while some flushes of the journal fail. Gives how many failed and how many answers said "try again".
fn pay_on_bad_disk() -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, CLIENTS);
    let recording = folder.path().join("strace.txt");
    let heads = Heads::default();
    serve_on_bad_disk(&town, &recording, &heads);
    let paid = heads.paid.into_inner().unwrap();
    let unique: BTreeSet<_> = paid.iter().collect();
    assert_eq!((paid.len(), unique.len()), (CLIENTS * PAYMENTS_EACH as usize, paid.len()));
    check_books(&town, &paid, Log::Whole);
    let failed = std::fs::read_to_string(recording).unwrap().matches("(INJECTED)").count();
    (failed, heads.refused.into_inner().unwrap())
}

fn serve_on_bad_disk(town: &Town, recording: &Path, heads: &Heads) {
    let served = town.serve();
    let address = served.address;
    let mut tracer = attach(town, recording, served.child.id());
    std::thread::scope(|scope| {
        for phone in &town.phones {
            scope.spawn(move || heads.pay_all(town, address, phone));
        }
    });
    served.kill();
    tracer.wait().unwrap();
}

/// Has flushes of the running program fail from now on.
fn attach(town: &Town, recording: &Path, program: u32) -> Child {
    let data = town.folder.join("data").canonicalize().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=fdatasync", "-e", FAULT]);
    for file in JOURNAL {
        strace.arg("-P").arg(data.join(file));
    }
    strace.arg("-o").arg(recording).args(["-p", &program.to_string()]).stderr(Stdio::null());
    let tracer = strace.spawn().unwrap();
    let status = format!("/proc/{program}/status");
    let traced = || !std::fs::read_to_string(&status).unwrap().contains("TracerPid:\t0\n");
    wait_until(ATTACH_SECONDS_MAX, "strace", traced);
    tracer
}

fn is_there() -> bool {
    let there = Command::new("strace").arg("-V").output().is_ok();
    if !there {
        println!("NOT TESTED: strace is not there: apt-get install strace");
    }
    there
}

#[test]
fn c25_a_journal_whose_flush_fails_answers_503_and_loses_nothing_acknowledged() {
    if is_there() {
        let (failed, refused) = pay_on_bad_disk();
        println!("{failed} flushes failed, {refused} answers said: try again");
        assert!(failed > 3 && refused >= failed / 2, "{failed} flushes failed, {refused} were told");
    }
}
