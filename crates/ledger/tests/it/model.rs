//! Random sequences against a tiny model that keeps a list of events and adds it up anew each time.
//!
//! The seed is printed when a run fails; `TILLWARD_SEED=… cargo nextest run -p ledger model` replays it.

use base::{Dice, Timestamp};
use ledger::{
    Balance, Capture, Effect, Hold, HoldState, Limit, MIGRATIONS, Reason, Side, Transfer, authorise, capture,
    expire_due, find_account, list_account_entries, open_account, post, prove_balanced, void,
};
use store::{Tx, testing::each_engine};

use crate::world::{account, id, money, variant};

const ACCOUNTS: [(&str, Limit); 6] = [
    ("cash", Limit::CreditsMustNotExceedDebits),
    ("fees", Limit::None),
    ("shop", Limit::DebitsMustNotExceedCredits),
    ("anna", Limit::DebitsMustNotExceedCredits),
    ("ben", Limit::DebitsMustNotExceedCredits),
    ("ben/USD", Limit::None),
];
const BATCHES: usize = 40;
const COMMANDS_A_BATCH: u64 = 12;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Command {
    Post { id: u64, debit: usize, credit: usize, amount: i64 },
    Hold { id: u64, debit: usize, credit: usize, amount: i64, end: i64 },
    Capture { id: u64, hold: u64, amount: i64 },
    Void { hold: u64 },
    Expire { limit: usize },
}

fn draw(dice: &Dice, now: i64) -> Command {
    let account = || dice.below(ACCOUNTS.len() as u64) as usize;
    // Few ids and small amounts, so that ids are reused and limits are met.
    let (id, hold, amount) = (dice.below(60), dice.below(40), dice.below(50) as i64 - 1);
    match dice.below(10) {
        0 => Command::Post { id, debit: 0, credit: account(), amount: 100 },
        1..=3 => Command::Post { id, debit: account(), credit: account(), amount },
        4..=6 => {
            let end = now + dice.below(30) as i64;
            Command::Hold { id: hold, debit: account(), credit: account(), amount, end }
        }
        7 | 8 => Command::Capture { id, hold, amount },
        _ if dice.below(2) == 0 => Command::Void { hold },
        _ => Command::Expire { limit: 3 },
    }
}

/// What happened, in order; everything else is worked out from it.
#[derive(Clone, Default)]
struct Model {
    moves: Vec<(u64, usize, usize, i64, Option<u64>)>,
    holds: Vec<(u64, usize, usize, i64, i64, &'static str)>,
}

impl Model {
    fn balance(&self, account: usize) -> Balance {
        let mut sums = Balance::default();
        for (_, debit, credit, amount, _) in &self.moves {
            sums.debits_posted += if *debit == account { *amount } else { 0 };
            sums.credits_posted += if *credit == account { *amount } else { 0 };
        }
        for (_, debit, credit, amount, _, _) in self.holds.iter().filter(|hold| hold.5 == "open") {
            sums.debits_pending += if *debit == account { *amount } else { 0 };
            sums.credits_pending += if *credit == account { *amount } else { 0 };
        }
        sums
    }

    fn terms(&self, debit: usize, credit: usize, amount: i64) -> Option<&'static str> {
        let (from, to) = (self.balance(debit), self.balance(credit));
        let usd = |index: usize| ACCOUNTS[index].0.ends_with("USD");
        if amount <= 0 {
            Some("Amount")
        } else if usd(debit) || usd(credit) {
            Some("OtherCurrency")
        } else if debit == credit {
            Some("SameAccount")
        } else if ACCOUNTS[debit].1 == Limit::DebitsMustNotExceedCredits
            && from.credits_posted - from.debits_posted - from.debits_pending < amount
            || ACCOUNTS[credit].1 == Limit::CreditsMustNotExceedDebits
                && to.debits_posted - to.credits_posted - to.credits_pending < amount
        {
            Some("InsufficientFunds")
        } else {
            None
        }
    }

    fn apply(&mut self, command: Command, now: i64) -> String {
        match command {
            Command::Post { id, debit, credit, amount } => self.post(id, debit, credit, amount),
            Command::Hold { id, debit, credit, amount, end } => {
                self.hold((id, debit, credit, amount, end), now)
            }
            Command::Capture { id, hold, amount } => self.capture(id, hold, amount, now),
            Command::Void { hold } => match self.holds.iter_mut().find(|known| known.0 == hold) {
                None => "NoHold".into(),
                Some(hold) if hold.5 == "open" => {
                    hold.5 = "voided";
                    "Done".into()
                }
                Some(hold) if hold.5 == "voided" => "AlreadyDone".into(),
                Some(_) => "HoldEnded".into(),
            },
            Command::Expire { limit } => {
                self.holds.sort_by_key(|hold| (hold.4, hold.0));
                let due = self.holds.iter_mut().filter(|hold| hold.5 == "open" && hold.4 <= now).take(limit);
                due.map(|hold| hold.5 = "expired").count().to_string()
            }
        }
    }

    fn post(&mut self, id: u64, debit: usize, credit: usize, amount: i64) -> String {
        let asked = (id, debit, credit, amount, None);
        match self.moves.iter().find(|known| known.0 == id) {
            Some(known) if *known == asked => return "AlreadyDone".into(),
            Some(_) => return "IdReused".into(),
            None => {}
        }
        if let Some(refused) = self.terms(debit, credit, amount) {
            return refused.into();
        }
        self.moves.push(asked);
        "Done".into()
    }

    fn hold(&mut self, (id, debit, credit, amount, end): (u64, usize, usize, i64, i64), now: i64) -> String {
        match self.holds.iter().find(|known| known.0 == id) {
            Some(known) if (known.1, known.2, known.3, known.4) == (debit, credit, amount, end) => {
                return "AlreadyDone".into();
            }
            Some(_) => return "IdReused".into(),
            None => {}
        }
        match self.terms(debit, credit, amount) {
            Some("InsufficientFunds") | None if end <= now => return "HoldEnded".into(),
            Some(refused) => return refused.into(),
            None => {}
        }
        self.holds.push((id, debit, credit, amount, end, "open"));
        "Done".into()
    }

    fn capture(&mut self, id: u64, hold: u64, amount: i64, now: i64) -> String {
        match self.moves.iter().find(|known| known.0 == id) {
            Some(known) if known.4 == Some(hold) && known.3 == amount => return "AlreadyDone".into(),
            Some(_) => return "IdReused".into(),
            None => {}
        }
        let Some(known) = self.holds.iter_mut().find(|known| known.0 == hold) else { return "NoHold".into() };
        if known.5 != "open" || known.4 <= now {
            return "HoldEnded".into();
        }
        if amount <= 0 {
            return "Amount".into();
        }
        if amount > known.3 {
            return "ExceedsHold".into();
        }
        known.5 = "captured";
        self.moves.push((id, known.1, known.2, amount, Some(hold)));
        "Done".into()
    }
}

fn apply(tx: &mut Tx<'_>, command: Command, now: i64) -> Result<String, store::Error> {
    let at = Timestamp(now);
    let named = |index: usize| account(ACCOUNTS[index].0);
    let yuan = |minor: i64| money(&minor.to_string());
    let done = match command {
        Command::Post { id: key, debit, credit, amount } => {
            let (debit, credit, amount, reason) =
                (named(debit), named(credit), yuan(amount), Reason::Payment);
            let id = id(&format!("t{key}"));
            post(tx, &Transfer { id, debit, credit, amount, reason, payment: None, hold: None, at })?
        }
        Command::Hold { id: key, debit, credit, amount, end } => {
            let (debit, credit, amount, state) = (named(debit), named(credit), yuan(amount), HoldState::Open);
            let (id, expires_at) = (id(&format!("h{key}")), Timestamp(end));
            authorise(tx, &Hold { id, debit, credit, amount, payment: None, at, expires_at, state })?
        }
        Command::Capture { id: key, hold, amount } => {
            let (key, hold) = (id(&format!("t{key}")), id(&format!("h{hold}")));
            capture(tx, &Capture { id: key, hold, amount: yuan(amount), reason: Reason::Payment, at })?
        }
        Command::Void { hold } => void(tx, id(&format!("h{hold}")))?,
        Command::Expire { limit } => return Ok(expire_due(tx, at, limit)?.unwrap().len().to_string()),
    };
    Ok(match done {
        Ok(Effect::Done) => "Done".into(),
        Ok(Effect::AlreadyDone) => "AlreadyDone".into(),
        Err(refusal) => variant(&refusal),
    })
}

/// Runs a batch in one transaction; every fifth is undone on purpose, and the model keeps what it had.
fn run_batch(
    tx: &mut Tx<'_>,
    model: &Model,
    commands: &[Command],
    now: i64,
    seed: u64,
) -> Result<Model, store::Error> {
    let mut model = model.clone();
    for command in commands {
        let before = model.clone();
        let (ours, theirs) = (apply(tx, *command, now)?, model.apply(*command, now));
        assert_eq!(ours, theirs, "TILLWARD_SEED={seed}: {command:?} at {now}, holds {:?}", before.holds);
        for (index, (name, _)) in ACCOUNTS.iter().enumerate() {
            let balance = find_account(tx, account(name))?.unwrap().balance;
            assert_eq!(balance, model.balance(index), "TILLWARD_SEED={seed}: {name} after {command:?}");
        }
    }
    Ok(model)
}

fn run(db: &store::Db, seed: u64) {
    let dice = Dice::predictable_for_tests(seed);
    db.write_blocking(|tx| {
        for (name, limit) in ACCOUNTS {
            assert_eq!(open_account(tx, account(name), limit, Timestamp(0))?, Ok(Effect::Done));
        }
        Ok::<(), store::Error>(())
    })
    .unwrap();
    let (mut model, mut now) = (Model::default(), 0);
    for batch in 0..BATCHES {
        now += dice.below(5) as i64;
        let commands: Vec<Command> =
            (0..1 + dice.below(COMMANDS_A_BATCH)).map(|_| draw(&dice, now)).collect();
        let (before, fails) = (model.clone(), batch % 5 == 4);
        let done = db.write_blocking(move |tx| {
            let after = run_batch(tx, &before, &commands, now, seed)?;
            if fails { Err(store::Error::Refused("undone on purpose".into())) } else { Ok(after) }
        });
        match done {
            Ok(after) => model = after,
            Err(problem) => assert!(fails, "TILLWARD_SEED={seed}: {problem}"),
        }
        let proof = db.read_blocking(prove_balanced).unwrap();
        assert!(proof.is_balanced(), "TILLWARD_SEED={seed}: {:?}", proof.faults);
        assert_entries(db, &model, seed);
        assert_eq!(proof.transfers, model.moves.len() as i64, "TILLWARD_SEED={seed}");
    }
}

/// Each account lists what the model moved on it, the last first.
fn assert_entries(db: &store::Db, model: &Model, seed: u64) {
    for (index, (name, _)) in ACCOUNTS.iter().enumerate() {
        let page = db.read_blocking(|tx| list_account_entries(tx, account(name), None, usize::MAX)).unwrap();
        let ours: Vec<_> =
            page.entries.iter().map(|e| (e.transfer.id, e.transfer.amount.minor, e.side)).collect();
        let touching = model.moves.iter().rev().filter(|moved| moved.1 == index || moved.2 == index);
        let side = |debit: usize| if debit == index { Side::Debit } else { Side::Credit };
        let theirs: Vec<_> =
            touching.map(|moved| (id(&format!("t{}", moved.0)), moved.3, side(moved.1))).collect();
        assert_eq!(ours, theirs, "TILLWARD_SEED={seed}: entries of {name}");
    }
}

#[test]
fn c23_random_sequences_agree_with_the_model_and_sum_to_zero() {
    let chosen = std::env::var("TILLWARD_SEED").ok().map(|text| text.parse().unwrap());
    let runs = if chosen.is_some() { 1 } else { 8 };
    for _ in 0..runs {
        let seed = chosen.unwrap_or_else(|| u64::from_le_bytes(Dice::System.bytes()));
        println!("TILLWARD_SEED={seed}");
        each_engine(MIGRATIONS, |db| run(&db, seed));
    }
}
