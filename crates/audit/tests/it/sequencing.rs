//! The sequencer: positions, checkpoints, leases, and what it refuses to sign.

use audit::{
    AnchorFile, CHUNK_ENTRIES_MAX, LEASE_MS, LEASE_NAME, Lease, SequenceError, Sequencer, acquire_lease,
    sequence,
};
use base::Timestamp;

use crate::setup::{Log, each_log, signer};

fn acquire(log: &Log, holder: &'static str) -> Option<Lease> {
    let now = log.now();
    log.db.write_blocking(move |tx| acquire_lease(tx, LEASE_NAME, holder, now, LEASE_MS)).unwrap()
}

fn run(log: &Log, lease: &Lease) -> Result<audit::Sequenced, SequenceError> {
    let (now, lease) = (log.now(), lease.clone());
    let waiting = log.db.read_blocking(|tx| audit::Waiting::find(tx, CHUNK_ENTRIES_MAX))?;
    log.db.write_blocking(move |tx| sequence(tx, now, &lease, &signer(), None, &waiting))
}

#[test]
fn entries_get_positions_and_a_checkpoint_covers_them() {
    each_log(|mut log| {
        assert_eq!(log.step().unwrap().published, None, "an empty log has no checkpoint");
        log.grow(10);
        log.grow(300);
        let step = log.step().unwrap();
        assert_eq!((step.appended, step.waiting), (0, 0));
        assert_eq!(step.published.map(|c| c.size()), Some(310));
        let report = log.verify(log.anchors());
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!((report.entries, report.checkpoints, report.proven_size), (310, 2, 310));
    });
}

#[test]
fn a_backlog_is_worked_off_in_order_of_time_and_in_bounded_transactions() {
    each_log(|mut log| {
        let late = log.entry(0);
        let backlog = i64::try_from(CHUNK_ENTRIES_MAX + 200).unwrap();
        log.append_many(backlog);
        log.append(late);
        log.wait_seconds(4 * 3600);
        let step = log.step().unwrap();
        assert_eq!(step.appended, CHUNK_ENTRIES_MAX + 201);
        let report = log.verify(log.anchors());
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!(report.checkpoints, 2);
    });
}

#[test]
fn an_entry_of_a_transaction_that_fails_is_not_in_the_log() {
    each_log(|mut log| {
        let entry = log.entry(1);
        let failed: Result<(), store::Error> = log.db.write_blocking(move |tx| {
            audit::append(tx, &entry)?;
            Err(store::Error::Conflict("the work itself".into()))
        });
        assert!(failed.is_err());
        log.grow(1);
        assert_eq!(log.verify(log.anchors()).entries, 1);
    });
}

#[test]
fn one_id_cannot_be_used_twice() {
    each_log(|log| {
        let entry = log.entry(1);
        log.append(entry.clone());
        let again = log.db.write_blocking(move |tx| audit::append(tx, &entry));
        assert!(matches!(again, Err(store::Error::Conflict(_))), "{again:?}");
    });
}

#[test]
fn the_lease_has_one_holder_and_a_higher_epoch_each_time_it_changes() {
    each_log(|log| {
        let first = acquire(&log, "a").unwrap();
        assert_eq!(acquire(&log, "b"), None);
        assert_eq!(acquire(&log, "a"), Some(first.clone()), "renewing keeps the epoch");
        log.wait_seconds(LEASE_MS / 1000);
        let second = acquire(&log, "b").unwrap();
        assert!(second.epoch > first.epoch);
        assert_eq!(acquire(&log, "a"), None);
        let held = move |lease: Lease| log.db.read_blocking(move |tx| lease.check(tx)).unwrap();
        assert!(!held(first) && held(second));
    });
}

#[test]
fn a_node_that_ends_in_order_leaves_its_lease_to_the_next_and_one_that_is_killed_does_not() {
    each_log(|mut log| {
        let file = log.file.with_file_name("checkpoints-b");
        let mut other = Sequencer::open(signer(), "node-b", AnchorFile::new(&file)).unwrap();
        assert_eq!(log.node.release(&log.db), Ok(false), "it has none before it sequenced anything");
        log.grow(3);
        log.append_many(2);
        assert!(!other.step(&log.db, log.now()).unwrap().holder, "a node that was killed keeps its lease");
        assert_eq!(log.node.release(&log.db), Ok(true));
        assert_eq!(log.node.release(&log.db), Ok(false), "a lease is given back once");
        let step = other.step(&log.db, log.now()).unwrap();
        assert!(step.holder && step.appended == 2, "{step:?}");
        log.append_many(1);
        assert!(!log.step().unwrap().holder, "it is the other's now");
        assert!(log.verify(log.anchors()).is_clean());
    });
}

#[test]
fn a_node_that_lost_its_lease_does_not_give_back_the_next_one_s() {
    each_log(|mut log| {
        log.grow(1);
        log.wait_seconds(LEASE_MS / 1000);
        let next = acquire(&log, "next").unwrap();
        assert_eq!(log.node.release(&log.db), Ok(false));
        assert_eq!(acquire(&log, "third"), None, "the next one still has it");
        let (own, stale) = (next.clone(), Lease { epoch: next.epoch - 1, ..next });
        let release =
            |lease: Lease| log.db.write_blocking(move |tx| audit::release_lease(tx, &lease)).unwrap();
        assert!(!release(stale), "an earlier epoch of its own holder gives nothing back");
        assert!(release(own.clone()));
        let third = acquire(&log, "third").unwrap();
        assert!(third.epoch > own.epoch, "the epoch rises also after a lease was given back");
    });
}

#[test]
fn a_holder_that_slept_past_its_lease_cannot_sign_a_fork() {
    each_log(|log| {
        let sleeper = acquire(&log, "sleeper").unwrap();
        log.append_many(5);
        log.wait_seconds(60);
        let awake = acquire(&log, "awake").unwrap();
        assert_eq!(run(&log, &awake).unwrap().size, 5);
        log.append_many(2);
        assert!(matches!(run(&log, &sleeper), Err(SequenceError::Fenced)));
        assert_eq!(run(&log, &awake).unwrap().size, 7);
        assert!(log.verify(Vec::new()).is_clean());
    });
}

#[test]
fn two_nodes_witness_each_other() {
    each_log(|mut log| {
        let file = log.file.with_file_name("checkpoints-b");
        let mut other = Sequencer::open(signer(), "node-b", AnchorFile::new(&file)).unwrap();
        log.grow(3);
        log.append_many(2);
        let step = other.step(&log.db, log.now()).unwrap();
        assert!(!step.holder && step.waiting == 2);
        assert_eq!(
            other.published().map(audit::SignedCheckpoint::size),
            Some(3),
            "it sees what the holder signed"
        );
        log.wait_seconds(60);
        assert_eq!(other.step(&log.db, log.now()).unwrap().appended, 2, "it takes over");
        log.grow_by_other(&mut other);
        assert!(log.verify(log.anchors()).is_clean());
    });
}

impl Log {
    fn grow_by_other(&mut self, other: &mut Sequencer) {
        self.append_many(4);
        assert_eq!(other.step(&self.db, self.now()).unwrap().appended, 4);
        assert_eq!(self.step().unwrap().published.map(|c| c.size()), Some(9));
    }
}

#[test]
fn au_4_a_database_older_than_the_published_checkpoint_is_not_signed() {
    each_log(|mut log| {
        log.grow(4);
        log.grow(6);
        roll_back_to_4(&log);
        log.append_many(1);
        assert!(matches!(log.step(), Err(SequenceError::RolledBack { size: 4, known: 10 })));
        // A restarted node remembers by its file.
        log.node = Sequencer::open(signer(), "node-a", AnchorFile::new(&log.file)).unwrap();
        assert!(matches!(log.step(), Err(SequenceError::RolledBack { size: 4, known: 10 })));
    });
}

#[test]
fn au_4_a_rolled_back_database_that_grew_again_is_not_signed_by_a_node_that_knows_better() {
    each_log(|mut log| {
        log.grow(4);
        log.grow(6);
        roll_back_to_4(&log);
        // Somebody with the key but without the file continues another history.
        log.append_many(20);
        log.wait_seconds(100);
        let lease = acquire(&log, "forger").unwrap();
        assert_eq!(run(&log, &lease).unwrap().size, 24);
        assert!(matches!(log.step(), Err(SequenceError::Forked { known: 10 })));
    });
}

/// As restoring an old copy does.
fn roll_back_to_4(log: &Log) {
    log.execute("DELETE FROM audit_entries WHERE position >= 4", &[]);
    log.execute("DELETE FROM audit_checkpoints WHERE size > 4", &[]);
    log.execute("UPDATE audit_head SET size = 4", &[]);
}

#[test]
fn au_2_a_tree_whose_tiles_were_edited_is_not_signed() {
    each_log(|mut log| {
        log.grow(5);
        log.execute("UPDATE audit_tiles SET hashes = ?1", &[vec![9u8; 5 * 32].into()]);
        log.append_many(1);
        assert!(matches!(log.step(), Err(SequenceError::Damaged(_))));
        log.execute("DELETE FROM audit_tiles", &[]);
        assert!(matches!(log.step(), Err(SequenceError::Lookup(_) | SequenceError::Damaged(_))));
    });
}

#[test]
fn au_2_a_second_checkpoint_of_one_size_cannot_be_stored() {
    each_log(|mut log| {
        log.grow(5);
        log.append_many(1);
        log.execute("INSERT INTO audit_checkpoints (size, epoch, at, note) VALUES (6, 1, 0, 'x')", &[]);
        let lease = acquire(&log, "node-a").unwrap();
        assert!(matches!(run(&log, &lease), Err(SequenceError::Store(store::Error::Conflict(_)))));
    });
}

#[test]
fn many_writers_and_one_sequencer_lose_nothing() {
    each_log(|mut log| {
        let batches: Vec<Vec<audit::Entry>> =
            (0..8).map(|_| (0..60).map(|n| log.entry(n)).collect()).collect();
        let writers: Vec<_> = batches
            .into_iter()
            .map(|batch| {
                let db = log.db.clone();
                std::thread::spawn(move || {
                    for entry in batch {
                        db.write_blocking(move |tx| audit::append(tx, &entry)).unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..10 {
            log.step().unwrap();
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        log.step().unwrap();
        let report = log.verify(log.anchors());
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!((report.entries, report.waiting), (480, 0));
    });
}

#[test]
fn the_checkpoint_file_is_appended_once_a_minute_and_survives_a_cut_line() {
    each_log(|mut log| {
        for _ in 0..4 {
            log.grow(1);
        }
        let lines = || std::fs::read_to_string(&log.file).unwrap().lines().count();
        assert_eq!(lines(), 1, "within a minute only `.latest` moves");
        log.wait_seconds(61);
        log.grow(1);
        let path = log.file.clone();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        std::fs::write(&path, &text[..text.len() - 20]).unwrap();
        let node = Sequencer::open(signer(), "node-a", AnchorFile::new(&path)).unwrap();
        assert_eq!(node.published().map(audit::SignedCheckpoint::size), Some(5), "from `.latest`");
        std::fs::remove_file(path.with_extension("latest")).unwrap();
        let mut node = Sequencer::open(signer(), "node-a", AnchorFile::new(&path)).unwrap();
        assert_eq!(
            node.published().map(audit::SignedCheckpoint::size),
            Some(1),
            "the cut line is passed over"
        );
        node.step(&log.db, log.now()).unwrap();
        assert_eq!(AnchorFile::new(&path).read_all(signer().verifier_key()).unwrap().len(), 3);
    });
}

#[test]
fn a_checkpoint_file_of_another_log_is_refused() {
    each_log(|mut log| {
        log.grow(1);
        let other = audit::Signer::predictable_for_tests("other.example/audit", &[1; 32]).unwrap();
        assert!(Sequencer::open(other, "node-a", AnchorFile::new(&log.file)).is_err());
    });
}

#[test]
fn entries_of_a_shop_are_listed_newest_first() {
    each_log(|log| {
        let leaves = log.append_many(9);
        let shop = base::ScopedId::shop(&leaves[0].entry_id);
        let page = log.db.read_blocking(move |tx| audit::list_entries(tx, shop, None, 2)).unwrap();
        assert_eq!(
            page.iter().map(audit::Entry::id).collect::<Vec<_>>(),
            [leaves[6].entry_id, leaves[3].entry_id]
        );
        let before = Some(leaves[3].entry_id);
        let page = log.db.read_blocking(move |tx| audit::list_entries(tx, shop, before, 2)).unwrap();
        assert_eq!(page.iter().map(audit::Entry::id).collect::<Vec<_>>(), [leaves[0].entry_id]);
        assert!(page[0].at() > Timestamp(0));
    });
}

/// A lease whose end lies further ahead than any lease lasts was written by a clock that was wrong.
#[test]
fn au_6_a_clock_that_jumped_ahead_and_back_does_not_stop_the_log() {
    each_log(|log| {
        let jumped = log.now().plus_seconds(30 * 86_400);
        let ahead = log.db.write_blocking(move |tx| acquire_lease(tx, LEASE_NAME, "a", jumped, LEASE_MS));
        let ahead = ahead.unwrap().unwrap();
        let taken = acquire(&log, "b").expect("the lease of a wrong clock is taken over");
        assert!(taken.epoch > ahead.epoch);
        assert!(matches!(run(&log, &ahead), Err(SequenceError::Fenced)), "the clock's owner is fenced");
        assert!(run(&log, &taken).is_ok());
        assert_eq!(acquire(&log, "a"), None, "a lease of the usual length is respected");
    });
}
