//! A full disk and a lost database: 503 with `Retry-After`, nothing acknowledged is lost, and it passes by itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use store::testing::SmallDisk;

use crate::town::{Heard, Line, Log, Served, Town, check_books, wait_until};

const RECOVER_SECONDS_MAX: u64 = 30;
/// Room for the database, both files of the journal and a write-ahead log that is copied when it reaches 64 MiB.
const DISK_MEBIBYTES: u32 = 256;
const PAYMENTS_UNTIL_FULL_MAX: i64 = 20_000;

/// Pays with a fresh connection; a connection that breaks is no answer and must not happen here.
fn pay(town: &Town, served: &Served, paid: &mut Vec<String>) -> Result<(), Heard> {
    let mut line = Line::new(served.address, town, &town.phones[0]);
    let done = line.pay(town, 100).unwrap();
    done.map(|payment| paid.push(payment))
}

/// Payments with one key each, sent until they are paid: what a phone does that was told to try again.
fn pay_in_the_end(town: &Town, served: &Served, paid: &mut Vec<String>) {
    wait_until(RECOVER_SECONDS_MAX, "paying again", || match pay(town, served, paid) {
        Ok(()) => true,
        Err(refused) => {
            assert!(refused.says_try_again(), "{refused:?}");
            false
        }
    });
}

#[test]
fn a_full_disk_answers_503_loses_nothing_and_passes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("data"), DISK_MEBIBYTES) else {
        println!("skipped: only root can mount a small disk; the store tests the same with a limit on pages");
        return;
    };
    let town = Town::found(folder.path(), None, 6);
    let mut paid = Vec::new();
    let served = town.serve();
    for _ in 0..20 {
        assert_eq!(pay(&town, &served, &mut paid), Ok(()));
    }
    // First with everybody paying at once, so that batches stand on batches that could not be flushed.
    for _ in 0..3 {
        let (lose, find) = (|| disk.fill(), || disk.make_room());
        let reads = |heard: &Heard| heard.status == 200 || heard.says_try_again();
        lose_and_find(&town, &served, &Loss { lose: &lose, find: &find, reads: &reads }, &mut paid);
    }
    for _ in 0..2 {
        disk.fill();
        let mut refused = 0;
        for _ in 0..PAYMENTS_UNTIL_FULL_MAX {
            if let Err(heard) = pay(&town, &served, &mut paid) {
                assert!(heard.says_try_again(), "{heard:?}");
                refused += 1;
                if refused == 30 {
                    break;
                }
            }
        }
        assert_eq!(refused, 30, "the disk never filled up");
        // A read shows all that was acknowledged, or nothing.
        let mut line = Line::new(served.address, &town, &town.phones[0]);
        let heard = line.get("/v1/me/payments").unwrap();
        assert!(heard.status == 200 || heard.says_try_again(), "{heard:?}");
        // The log's own file could not be written either; it comes right by itself.
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        disk.make_room();
        for _ in 0..20 {
            pay_in_the_end(&town, &served, &mut paid);
        }
    }
    served.kill();
    check_books(&town, &paid, Log::Whole);
}

#[test]
fn a_disk_that_is_full_at_the_start_is_said_and_leaves_nothing_half_made() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("data"), 16) else {
        println!("skipped: only root can mount a small disk");
        return;
    };
    let town = Town::found(folder.path(), None, 1);
    let mut paid = Vec::new();
    let served = town.serve();
    assert_eq!(pay(&town, &served, &mut paid), Ok(()));
    served.kill();
    disk.fill();
    let program = env!("CARGO_BIN_EXE_tillward");
    let mut command = Command::new(program);
    command.args(["migrate", "--data"]).arg(folder.path().join("data"));
    command.arg("--key-file").arg(folder.path().join("data.key")).env_clear();
    let full = command.output().unwrap();
    // Whether it can open a full disk is the engine's business; that it does not break it is ours.
    if !full.status.success() {
        let said = String::from_utf8_lossy(&full.stderr);
        assert!(said.starts_with("tillward: ") && !said.contains("panicked"), "{said}");
    }
    disk.make_room();
    let served = town.serve();
    assert_eq!(pay(&town, &served, &mut paid), Ok(()));
    served.kill();
    check_books(&town, &paid, Log::Whole);
}

/// A PostgreSQL cluster of the test's own, stopped as a power cut would.
struct Cluster {
    note: PathBuf,
    url: String,
}

impl Cluster {
    fn start(note: PathBuf) -> Option<Cluster> {
        std::env::var_os(store::testing::POSTGRES_VARIABLE)?;
        let done = script(&note, "start")?;
        Some(Cluster { url: done.trim().to_owned(), note })
    }

    fn crash(&self) {
        assert!(script(&self.note, "crash").is_some(), "the cluster does not stop");
    }

    fn resume(&self) {
        assert!(script(&self.note, "resume").is_some(), "the cluster does not start again");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = script(&self.note, "stop");
    }
}

fn script(note: &Path, what: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/postgres.sh");
    // Its output goes to a file: the server it starts would keep a pipe open.
    let printed = note.with_extension("printed");
    let out = std::fs::File::create(&printed).unwrap();
    let mut command = Command::new(path);
    command.arg(what).env("POSTGRES_HOME", note).env("POSTGRES_SHARED_BUFFERS", "32MB");
    let done = command.stdin(std::process::Stdio::null()).stdout(out).status().unwrap();
    done.success().then(|| std::fs::read_to_string(printed).unwrap())
}

#[test]
fn a_lost_database_answers_503_loses_nothing_and_comes_back_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cluster) = Cluster::start(folder.path().join("cluster")) else {
        println!("skipped: no PostgreSQL to start, or {} is not set", store::testing::POSTGRES_VARIABLE);
        return;
    };
    let town = Town::found(folder.path(), Some(cluster.url.clone()), 6);
    let served = town.serve();
    let mut paid = Vec::new();
    let own = "/v1/me/payments";
    for _ in 0..2 {
        for _ in 0..10 {
            assert_eq!(pay(&town, &served, &mut paid), Ok(()));
        }
        // Several readers, so that the pool is full of connections that will be stale.
        std::thread::scope(|scope| {
            for phone in &town.phones {
                let (town, address) = (&town, served.address);
                scope.spawn(move || {
                    let heard = Line::new(address, town, phone).get(own).unwrap();
                    assert_eq!(heard.status, 200, "{heard:?}");
                });
            }
        });
        let (lose, find) = (|| cluster.crash(), || cluster.resume());
        let loss = Loss { lose: &lose, find: &find, reads: &Heard::says_try_again };
        lose_and_find(&town, &served, &loss, &mut paid);
        for phone in town.phones.iter().cycle().take(30) {
            let heard = Line::new(served.address, &town, phone).get(own).unwrap();
            assert_eq!(heard.status, 200, "a reader kept a lost connection: {heard:?}");
        }
    }
    served.kill();
    check_books(&town, &paid, Log::Whole);
}

/// How something is lost and found again, and how a read may be answered meanwhile.
struct Loss<'l> {
    lose: &'l dyn Fn(),
    find: &'l dyn Fn(),
    reads: &'l (dyn Fn(&Heard) -> bool + Sync),
}

/// Database or disk go while payments are under way; each that got no good answer is asked for again with its own key.
fn lose_and_find(town: &Town, served: &Served, loss: &Loss<'_>, paid: &mut Vec<String>) {
    let (address, reads) = (served.address, loss.reads);
    let found: Vec<String> = std::thread::scope(|scope| {
        let phones: Vec<_> = town
            .phones
            .iter()
            .map(|phone| {
                scope.spawn(move || {
                    let mut line = Line::new(address, town, phone);
                    let (mut mine, mut refused) = (Vec::new(), 0);
                    while refused < 3 {
                        match line.begin(town, 100).unwrap() {
                            Ok(sent) => {
                                let heard = line.confirm(&sent).unwrap();
                                assert!(heard.is_paid() || heard.says_try_again(), "{heard:?}");
                                refused += u32::from(!heard.is_paid());
                                mine.push((sent, heard.is_paid()));
                            }
                            Err(heard) => {
                                assert!(heard.says_try_again(), "{heard:?}");
                                refused += 1;
                            }
                        }
                    }
                    let heard = line.get("/v1/me/payments").unwrap();
                    assert!(reads(&heard), "{heard:?}");
                    (phone, mine)
                })
            })
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(300));
        (loss.lose)();
        let all: Vec<_> = phones.into_iter().map(|phone| phone.join().unwrap()).collect();
        (loss.find)();
        let mut found = Vec::new();
        for (phone, mine) in all {
            for (sent, _) in mine {
                // Also those that were paid: the stored answer is the same.
                wait_until(RECOVER_SECONDS_MAX, "asking again", || {
                    let heard = Line::new(address, town, phone).confirm(&sent).unwrap();
                    assert!(heard.is_paid() || heard.says_try_again(), "{heard:?}");
                    heard.is_paid()
                });
                found.push(sent.payment);
            }
        }
        found
    });
    paid.extend(found);
}
