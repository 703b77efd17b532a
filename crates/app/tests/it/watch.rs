//! What happens to the audit log itself: that it starts and stops is in it, and that it cannot go on is an alarm.

use std::fs;
use std::path::Path;

use base::{Clock, Dice};

use crate::town::{Line, Town, wait_until};

const ALARM_SECONDS_MAX: u64 = 30;

const CHECKPOINTS: &str = "audit-checkpoints.jsonl";

/// Puts a folder in the place of another, but for the checkpoints.
fn put_back(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let files = |folder: &Path| {
        let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
        files.filter(|file| file.file_name() != CHECKPOINTS).collect::<Vec<_>>()
    };
    files(to).iter().for_each(|file| fs::remove_file(file.path()).unwrap());
    for file in files(from) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn au_6_a_log_that_cannot_be_continued_is_one_alarm_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, 1);
    let (data, old) = (folder.path().join("data"), folder.path().join("old"));
    put_back(&data, &old);
    let served = town.serve();
    assert!(Line::new(served.address, &town, &town.phones[0]).pay(&town, 500).unwrap().is_ok());
    served.stop();
    assert!(!town.printed().contains("alarm="), "{}", town.printed());
    // The database is put back as it was; the checkpoints, which are kept elsewhere, are not.
    put_back(&old, &data);
    assert!(data.join(CHECKPOINTS).exists());
    let served = town.serve();
    wait_until(ALARM_SECONDS_MAX, "the alarm", || town.printed().contains("alarm="));
    // The sequencer tries once a second; the alarm is raised once a minute.
    std::thread::sleep(std::time::Duration::from_secs(3));
    drop(served);
    let printed = town.printed();
    let alarms: Vec<&str> = printed.lines().filter(|line| line.contains("alarm=")).collect();
    assert_eq!(alarms.len(), 1, "{printed}");
    for part in ["ERROR", "alarm=\"audit_log\"", "the audit log cannot be continued", "it was rolled back"] {
        assert!(alarms[0].contains(part), "`{part}` is not in {}", alarms[0]);
    }
}

#[test]
fn pci_10_2_1_6_that_the_log_starts_and_stops_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, 0);
    // The sequencer begins beside the listener.
    let begin = || {
        let served = town.serve();
        std::thread::sleep(std::time::Duration::from_secs(3));
        served
    };
    begin().stop();
    begin().kill();
    let at = app::installation::Installation::open(&town.config(), Clock::System, Dice::System).unwrap();
    let rows =
        at.db.read_blocking(|tx| tx.query("SELECT body FROM audit_entries ORDER BY at, id", &[])).unwrap();
    let bodies: Vec<&str> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    let count = |action: &str| {
        bodies.iter().filter(|body| body.contains(&format!("\"action\":\"{action}\""))).count()
    };
    assert_eq!(count("audit_log.stopped"), 1, "a start without a stop before it was a crash: {bodies:?}");
    assert_eq!(count("audit_log.started"), 2, "{bodies:?}");
    let waits = "SELECT COUNT(*) FROM audit_entries WHERE position IS NULL";
    let waiting = at.db.read_blocking(|tx| tx.query(waits, &[])?.remove(0).int(0)).unwrap();
    assert_eq!(waiting, 0, "the one before gave its lease back: the second one gives places at once");
}
