//! A small log for `oracles/audit.py`, which checks it with code that is not ours, and our verdict on what that script
//! changed in it.
//!
//! `sample_log make FOLDER ENTRIES` writes `log.jsonl`, `key.txt`, `checkpoints.jsonl` (kept elsewhere), and for one
//! entry `promise.txt` and `proof.txt`. `sample_log verify FOLDER FILE…` prints `clean` or `refused: why` for each.

use std::error::Error;
use std::fs;
use std::io::{BufReader, Write as _};
use std::path::Path;

use audit::{
    Action, Actor, AnchorFile, Entry, Leaf, Outcome, Promise, SequenceError, Sequencer, Signer, Standing,
    Text,
};
use base::{BuyerId, Dice, EntryId, Money, PaymentId, ShopId, Timestamp};
use store::Db;

const CONFIRM: Action = Action::new("payment.confirm");
const ORIGIN: &str = "sample.example/audit";
const START: Timestamp = Timestamp(1_772_357_400_000);
/// Entries of one second, each second closed by a checkpoint.
const ENTRIES_A_STEP: usize = 97;

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [task, folder, entries] if task == "make" => make(Path::new(folder), entries.parse()?),
        [task, folder, files @ ..] if task == "verify" => verify(Path::new(folder), files),
        _ => Err("usage: sample_log make FOLDER ENTRIES | verify FOLDER FILE…".into()),
    }
}

fn make(folder: &Path, entries: usize) -> Done {
    let scratch = store::testing::Scratch::file();
    let db = scratch.open(audit::MIGRATIONS)?;
    let signer = Signer::predictable_for_tests(ORIGIN, &[3; 32])?;
    let key = signer.verifier_key().clone();
    let file = AnchorFile::new(&folder.join("checkpoints.jsonl"));
    let mut sequencer = Sequencer::open(signer.clone(), "sample", file)?;
    let dice = Dice::predictable_for_tests(1);
    let mut leaves: Vec<(Leaf, Timestamp)> = Vec::new();
    for number in 0..entries {
        let at = START.plus_millis(number as i64 * 11);
        leaves.push((append(&db, &dice, number, at)?, at));
        if number % ENTRIES_A_STEP == 0 || number + 1 == entries {
            step(&mut sequencer, &db, at)?;
        }
    }
    let mut log = Vec::new();
    let mut out = fs::File::create(folder.join("log.jsonl"))?;
    let (one, at) = *leaves.get(entries / 3).ok_or("no entries")?;
    let (written, proof) = db.read_blocking({
        let key = key.clone();
        move |tx| {
            audit::export(tx, &key, 0, &mut log)?;
            let standing = audit::prove(tx, &key, one.entry_id)?;
            Ok::<_, audit::ExportError>((log, standing))
        }
    })?;
    out.write_all(&written)?;
    fs::write(folder.join("key.txt"), format!("{key}\n"))?;
    fs::write(folder.join("promise.txt"), format!("{}\n", Promise::sign(&signer, one, at)))?;
    let Standing::Included(inclusion) = proof else { return Err("the entry is not covered".into()) };
    fs::write(folder.join("proof.txt"), inclusion.to_text())?;
    Ok(())
}

fn append(db: &Db, dice: &Dice, number: usize, at: Timestamp) -> Result<Leaf, Box<dyn Error>> {
    let shop = ShopId::random(dice);
    let amount = Money::new(number as i64 + 1, base::Currency::CNY);
    let actor: Actor = BuyerId::new(ShopId::HOUSE, at, dice).into();
    let payment = PaymentId::new(shop, at, dice);
    let note = Text::masked("tea \"and\" cake \u{8336}\u{2028}\u{7}");
    let entry = Entry::new(EntryId::new(shop, at, dice), at, actor, CONFIRM, payment, Outcome::Success)
        .detail("amount", amount)
        .detail("note", note);
    Ok(db.write_blocking(move |tx| audit::append(tx, &entry))?)
}

fn step(sequencer: &mut Sequencer, db: &Db, at: Timestamp) -> Result<(), SequenceError> {
    sequencer.step(db, at).map(drop)
}

fn verify(folder: &Path, files: &[String]) -> Done {
    let key = fs::read_to_string(folder.join("key.txt"))?.trim().parse()?;
    let anchors = AnchorFile::new(&folder.join("checkpoints.jsonl")).read_all(&key)?;
    let mut out = std::io::stdout().lock();
    for file in files {
        let mut input = BufReader::new(fs::File::open(file)?);
        let verdict = match audit::verify_export(&mut input, &key, &anchors) {
            Ok(report) if report.is_clean() => "clean".to_owned(),
            Ok(report) => format!("refused: {:?}", report.findings.first()),
            Err(error) => format!("refused: {error}"),
        };
        writeln!(out, "{verdict}")?;
    }
    Ok(())
}
