//! A log to play with.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use audit::{
    Action, AnchorFile, Entry, Leaf, Outcome, Report, SequenceError, Sequencer, SignedCheckpoint, Signer,
    Step,
};
use base::{BuyerId, Currency, Dice, EntryId, Money, PaymentId, ShopId, Timestamp};
use store::{Db, Value};

pub const CONFIRM: Action = Action::new("payment.confirm");
pub const START: Timestamp = Timestamp(1_772_357_400_000);

pub fn signer() -> Signer {
    Signer::predictable_for_tests("shop.example/audit", &[42; 32]).unwrap()
}

/// One node over a database, with a clock that moves a millisecond with each entry.
pub struct Log {
    pub db: Db,
    pub node: Sequencer,
    pub file: PathBuf,
    _folder: Arc<tempfile::TempDir>,
    dice: Dice,
    clock: AtomicI64,
    shops: Vec<ShopId>,
}

impl Log {
    pub fn new(db: Db) -> Log {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let file = folder.path().join("checkpoints");
        let dice = Dice::predictable_for_tests(5);
        let shops = (0..3).map(|_| ShopId::random(&dice)).collect();
        let node = Sequencer::open(signer(), "node-a", AnchorFile::new(&file)).unwrap();
        Log { db, node, file, _folder: folder, dice, clock: AtomicI64::new(START.0), shops }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::SeqCst))
    }

    pub fn wait_seconds(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub fn entry(&self, number: i64) -> Entry {
        let at = Timestamp(self.clock.fetch_add(1, Ordering::SeqCst) + 1);
        let shop = self.shops[usize::try_from(number).unwrap() % self.shops.len()];
        let (id, payment) = (EntryId::new(shop, at, &self.dice), PaymentId::new(shop, at, &self.dice));
        let buyer = BuyerId::new(ShopId::HOUSE, at, &self.dice);
        Entry::new(id, at, buyer, CONFIRM, payment, Outcome::Success)
            .detail("amount", Money::new(1_250, Currency::CNY))
            .detail("number", number)
    }

    pub fn append(&self, entry: Entry) -> Leaf {
        self.db.write_blocking(move |tx| audit::append(tx, &entry)).unwrap()
    }

    pub fn append_many(&self, count: i64) -> Vec<Leaf> {
        let entries: Vec<Entry> = (0..count).map(|number| self.entry(number)).collect();
        self.db
            .write_blocking(move |tx| {
                entries.iter().map(|entry| audit::append(tx, entry)).collect::<Result<_, _>>()
            })
            .unwrap()
    }

    pub fn step(&mut self) -> Result<Step, SequenceError> {
        let now = self.now();
        self.node.step(&self.db, now)
    }

    /// `count` entries with positions and a checkpoint.
    pub fn grow(&mut self, count: i64) -> Vec<Leaf> {
        let leaves = self.append_many(count);
        self.wait_seconds(1);
        assert_eq!(self.step().unwrap().waiting, 0);
        leaves
    }

    pub fn execute(&self, sql: &'static str, params: &[Value]) -> u64 {
        let params = params.to_vec();
        self.db.write_blocking(move |tx| tx.execute(sql, &params)).unwrap()
    }

    pub fn verify(&self, anchors: Vec<SignedCheckpoint>) -> Report {
        let key = signer().verifier_key().clone();
        self.db.read_blocking(move |tx| audit::verify_database(tx, &key, &anchors)).unwrap()
    }

    pub fn anchors(&self) -> Vec<SignedCheckpoint> {
        AnchorFile::new(&self.file).read_all(signer().verifier_key()).unwrap()
    }

    pub fn export(&self, first: u64) -> Vec<u8> {
        let key = signer().verifier_key().clone();
        self.db
            .read_blocking(move |tx| {
                let mut out = Vec::new();
                audit::export(tx, &key, first, &mut out).map(|_| out)
            })
            .unwrap()
    }
}

/// Runs `test` with a fresh log on each engine.
pub fn each_log(test: impl Fn(Log)) {
    store::testing::each_engine(audit::MIGRATIONS, |db| test(Log::new(db)));
}
