//! The commands as a person or a script runs them: what they print, what they refuse, and that a refusal leaves
//! nothing behind.

use std::fs;
use std::path::Path;
use std::process::Command;

use app::config::{Config, Settings};
use base::{Clock, Dice};
use serde_json::Value;
use store::{Db, Migration};

use crate::town::{Line, Log, Town, check_books};

/// What a run of the program gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// The one line that says why it was refused.
    #[track_caller]
    pub fn refusal(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{}", self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        self.err.strip_prefix("tillward: ").unwrap_or_else(|| panic!("{}", self.err)).trim_end().to_owned()
    }
}

/// Runs the program in `folder`.
pub fn run(folder: &Path, words: &[&str]) -> Ran {
    run_in(folder, words, &[])
}

pub fn run_in(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillward"));
    command.current_dir(folder).args(words).env_clear().env("TILLWARD_LOG", "error");
    command.envs(variables.iter().copied());
    let done = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

pub fn sample() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/payments.csv").display().to_string()
}

/// The files in a folder, in order, without those that SQLite and the lock leave beside a database that was opened.
fn names(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        all.filter(|name| !["-wal", "-shm", ".lock"].iter().any(|end| name.ends_with(end))).collect();
    names.sort();
    names
}

#[track_caller]
pub fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn screen_prints_one_json_object_and_writes_both_files() {
    let folder = tempfile::tempdir().unwrap();
    let words =
        ["screen", &sample(), "--labels", "fraud", "--json", "--decisions", "d.csv", "--report", "r.html"];
    let out = run(folder.path(), &words).good();
    assert_eq!(out.lines().count(), 1);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["rows"], 5_463);
    for key in [
        "seconds",
        "rows_per_second",
        "auc_roc",
        "average_precision",
        "card_precision_at_100",
        "recall",
        "precision",
    ] {
        assert!(object[key].is_number(), "{key}: {}", object[key]);
    }
    let outcomes = object["outcomes"].as_object().unwrap();
    assert_eq!(outcomes.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 5_463);
    let mut names_of_outcomes: Vec<_> = outcomes.keys().collect();
    names_of_outcomes.sort();
    assert_eq!(names_of_outcomes, ["allow", "block", "challenge", "review"]);

    assert_eq!(names(folder.path()), ["d.csv", "r.html"], "no part of a file is left");
    let decisions = fs::read_to_string(folder.path().join("d.csv")).unwrap();
    assert!(decisions.starts_with("id,time,outcome,score,reasons\n1,2026-03-02T00:09:07.000Z,allow,"));
    assert_eq!(decisions.lines().count(), 5_464);
    let blocked = decisions.lines().filter(|line| line.split(',').nth(2) == Some("block")).count();
    assert_eq!(Some(blocked as u64), outcomes["block"].as_u64());
    let report = fs::read_to_string(folder.path().join("r.html")).unwrap();
    has(&report, &["<!doctype html>", "<svg", "card_testing_device", "</html>"]);
    assert!(!report.contains("src=\"http") && !report.contains("<script"), "it needs nothing else");
}

#[test]
fn screen_says_for_people_what_was_read_and_what_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let out = run(folder.path(), &["screen", &sample(), "--labels", "fraud"]).good();
    has(
        &out,
        &["5463 payments", "columns: label=fraud", "not read: scenario", "skipped", "AUC ROC", "block"],
    );
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn screen_takes_columns_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String =
        (10..40).map(|minute| format!("2026-03-02 10:{minute}:00,a,9.90,c{minute}\n")).collect();
    fs::write(folder.path().join("x.csv"), format!("Fällig,Kunde,Summe,Karte\n{rows}")).unwrap();
    let guess = run(folder.path(), &["screen", "x.csv", "--json"]).refusal();
    has(&guess, &["`x.csv`: no column looks like `time` among `Fällig", "--map time=COLUMN"]);
    let maps =
        ["--map", "time=Fällig", "--map", "amount=Summe", "--map", "payer=Kunde", "--map", "card=Karte"];
    let told = run(folder.path(), &[["screen", "x.csv", "--json"].as_slice(), &maps].concat()).good();
    let object: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&object["rows"], &object["columns"]["payer"]), (&Value::from(30), &Value::from("Kunde")));
    assert!(object["auc_roc"].is_null(), "no labels, no figures");
    // A field that does not exist is a mistake in the command itself.
    let unknown = run(folder.path(), &["screen", "x.csv", "--map", "payor=Kunde"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    has(&unknown.err, &["`payor` is not a field", "payer"]);
}

#[test]
fn screen_looks_the_countries_of_addresses_up_and_refuses_a_broken_table_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("ip.csv"), "198.51.100.0,198.51.100.255,SG\n203.0.113.0,203.0.113.255,DE\n").unwrap();
    let rows = "2026-03-02 10:00:00,1.00,a,d1,198.51.100.7\n2026-03-02 12:00:00,1200.00,a,d2,203.0.113.7\n";
    fs::write(at.join("x.csv"), format!("time,amount,payer,device,ip\n{rows}")).unwrap();
    let screen = |table: Option<&str>| {
        let words = ["screen", "x.csv", "--decisions", "d.csv"];
        let told: Vec<&str> = table.into_iter().flat_map(|table| ["--address-countries", table]).collect();
        (run(at, &[words.as_slice(), &told].concat()), at.join("d.csv"))
    };
    let (plain, decisions) = screen(None);
    has(&plain.good(), &["rules skipped, their columns are absent: ", "country_mismatch_high"]);
    assert!(!fs::read_to_string(&decisions).unwrap().contains("country_mismatch_high"));
    let (told, decisions) = screen(Some("ip.csv"));
    let out = told.good();
    let skipped = out.lines().find(|line| line.starts_with("rules skipped")).unwrap_or_default();
    assert!(!skipped.contains("country_mismatch_high"), "{skipped}");
    assert!(fs::read_to_string(&decisions).unwrap().contains("country_mismatch_high"));
    fs::write(at.join("ip.csv"), "198.51.100.0,198.51.100.255,SG\n203.0.113.0/24,DE\n").unwrap();
    let serve = run(at, &[SERVE.as_slice(), &["--address-countries", "ip.csv"]].concat());
    for refused in [screen(Some("ip.csv")).0, serve] {
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{}", refused.err);
        has(&refused.err, &["cannot use `ip.csv`:\nline 2: `203.0.113.0/24,DE` is not `first,last,COUNTRY`"]);
    }
    has(&screen(Some("none.csv")).0.err, &["cannot use `none.csv`:\nNo such file"]);
}

/// Screens `name`, is refused, and finds the folder as it was: no output, no part of one, and the old ones untouched.
#[track_caller]
fn refused_whole(folder: &Path, name: &str, labels: &str, parts: &[&str]) {
    fs::write(folder.join("old.csv"), "kept").unwrap();
    let before = names(folder);
    let words =
        ["screen", name, "--labels", labels, "--json", "--decisions", "old.csv", "--report", "report.html"];
    has(&run(folder, &words).refusal(), parts);
    assert_eq!(names(folder), before);
    assert_eq!(fs::read_to_string(folder.join("old.csv")).unwrap(), "kept");
}

#[test]
fn screen_refuses_broken_files_with_the_line_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    refused_whole(
        at,
        &sample(),
        "frauds",
        &["payments.csv`: there is no column `frauds`", "`fraud`, `scenario`"],
    );
    refused_whole(at, "gone.csv", "fraud", &["`gone.csv` cannot be opened: No such file"]);

    let text = fs::read(sample()).unwrap();
    let mut latin = text.clone();
    let third = 1 + latin.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0;
    latin[third + 2] = 0xe9;
    fs::write(at.join("latin.csv"), latin).unwrap();
    refused_whole(at, "latin.csv", "fraud", &["`latin.csv`: line 3: not UTF-8 text; save the file as UTF-8"]);

    let squeezed = zstd::encode_all(text.as_slice(), 3).unwrap();
    fs::write(at.join("cut.csv.zst"), &squeezed[..squeezed.len() / 2]).unwrap();
    refused_whole(at, "cut.csv.zst", "fraud", &["`cut.csv.zst`: the file is cut or damaged after line "]);
    let mut gzip = flate2::read::GzEncoder::new(text.as_slice(), flate2::Compression::fast());
    let mut squeezed = Vec::new();
    std::io::Read::read_to_end(&mut gzip, &mut squeezed).unwrap();
    fs::write(at.join("cut.csv.gz"), &squeezed[..squeezed.len() - 5]).unwrap();
    refused_whole(at, "cut.csv.gz", "fraud", &["`cut.csv.gz`: the file is cut or damaged after line "]);
    fs::write(at.join("whole.csv.gz"), &squeezed).unwrap();
    run(at, &["screen", "whole.csv.gz", "--labels", "fraud", "--json"]).good();

    let same = run(at, &["screen", "latin.csv", "--decisions", "latin.csv"]).refusal();
    has(&same, &["`latin.csv` is named twice"]);
    let nowhere = run(at, &["screen", &sample(), "--decisions", "no/d.csv"]).refusal();
    has(&nowhere, &["there is no folder for `no/d.csv`"]);
}

pub const TRAIN: [&str; 10] = [
    "--labels",
    "fraud",
    "--train-from",
    "2026-03-02",
    "--train-days",
    "5",
    "--delay-days",
    "2",
    "--test-days",
    "3",
];

#[test]
fn train_writes_a_model_that_screen_and_serve_load_and_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (at, sample) = (folder.path(), sample());
    let words = [["train", &sample, "--out", "m.tw", "--json"].as_slice(), &TRAIN].concat();
    let trained: Value = serde_json::from_str(&run(at, &words).good()).unwrap();
    assert_eq!(trained["rows"], 5_463, "{trained}");
    assert_eq!(names(at), ["m.tw"]);

    let alone: Value =
        serde_json::from_str(&run(at, &["screen", &sample, "--labels", "fraud", "--json"]).good()).unwrap();
    let words = ["screen", &sample, "--labels", "fraud", "--json", "--model", "m.tw"];
    let with: Value = serde_json::from_str(&run(at, &words).good()).unwrap();
    assert!(alone["model"].is_null() && !with["model"].is_null());
    let precision = |object: &Value| object["average_precision"].as_f64().unwrap();
    assert!(precision(&with) > precision(&alone), "{} > {}", precision(&with), precision(&alone));

    let model = fs::read(at.join("m.tw")).unwrap();
    let mut flipped = model.clone();
    flipped[model.len() / 2] ^= 1;
    for (name, bytes) in
        [("flipped.tw", flipped.as_slice()), ("cut.tw", &model[..model.len() - 1]), ("text.tw", b"x")]
    {
        fs::write(at.join(name), bytes).unwrap();
        let ran = run(at, &["screen", &sample, "--model", name, "--decisions", "d.csv"]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        has(&ran.err, &[&format!("tillward: cannot use `{name}`:")]);
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        let ran = run(at, &["serve", "--data", "data", "--listen", "127.0.0.1:0", "--model", name]);
        has(&ran.err, &[&format!("cannot use `{name}`:")]);
    }
    assert_eq!(names(at), ["cut.tw", "flipped.tw", "m.tw", "text.tw"], "nothing else was made");
}

#[test]
fn train_refuses_windows_that_hold_nothing_and_leaves_the_old_model() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("m.tw"), "kept").unwrap();
    let train = |from: &str| {
        let words = ["train", &sample(), "--labels", "fraud", "--train-from", from, "--out", "m.tw"];
        run(folder.path(), &words).refusal()
    };
    has(&train("2031-01-01"), &["2031"]);
    has(&train("2026-13-01"), &["--train-from: "]);
    assert_eq!(fs::read_to_string(folder.path().join("m.tw")).unwrap(), "kept");
    assert_eq!(names(folder.path()), ["m.tw"]);
}

#[test]
fn every_command_shows_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let verbs = "serve demo screen train bench import operator-key operator-invite keys passwords buyer member migrate \
                 openapi roles completions audit";
    let audit = ["verify", "prove", "export", "key"].map(|verb| format!("audit {verb}"));
    for verb in verbs.split(' ').map(str::to_owned).chain(audit).chain(["ledger prove".to_owned()]) {
        let words: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
        let help = run(folder.path(), &words).good();
        assert!(help.contains("Example"), "{verb}: {help}");
        assert!(help.contains(&format!("\n  tillward {verb}")), "{verb}: {help}");
    }
    let description: Value = serde_json::from_str(&run(folder.path(), &["openapi"]).good()).unwrap();
    assert!(description["paths"].as_object().unwrap().len() > 20);
    has(&run(folder.path(), &["completions", "bash"]).good(), &["_tillward", "complete "]);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

/// An installation with one payment, served and stopped; every entry has its place under a checkpoint.
fn stopped_town(folder: &Path) -> Town {
    let town = Town::found(folder, None, 1);
    let served = town.serve();
    let mut line = Line::new(served.address, &town, &town.phones[0]);
    let payment = line.pay(&town, 1_250).unwrap().unwrap();
    served.stop();
    check_books(&town, &[payment], Log::Whole);
    town
}

const PLACE: [&str; 4] = ["--data", "data", "--key-file", "data.key"];

fn audit(folder: &Path, words: &[&str]) -> Ran {
    run(folder, &[["audit"].as_slice(), words, &PLACE].concat())
}

/// How often something happened to the log itself, as it tells.
fn entered(folder: &Path, what: &str) -> usize {
    let opened =
        app::installation::Installation::open(&settings(folder), Clock::System, Dice::System).unwrap();
    let rows = opened.db.read_blocking(|tx| tx.query("SELECT body FROM audit_entries", &[])).unwrap();
    let action = format!("\"action\":\"audit_log.{what}\"");
    rows.iter().filter(|row| row.text(0).unwrap().contains(&action)).count()
}

fn verify(folder: &Path, log: &str) -> (i32, Value) {
    let anchors = "data/audit-checkpoints.jsonl";
    let words =
        ["audit", "verify", "--log", log, "--public-key", "key.txt", "--checkpoints", anchors, "--json"];
    let ran = run(folder, &words);
    assert_eq!(ran.err, "");
    (ran.code, serde_json::from_str(&ran.out).unwrap())
}

#[test]
fn c55_an_exported_log_is_verified_elsewhere_and_one_flipped_byte_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    drop(stopped_town(at));
    let before = names(at);
    has(&audit(at, &["export", "--out", "log.jsonl"]).good(), &["wrote ", "entries", "`log.jsonl`"]);
    fs::write(at.join("key.txt"), audit(at, &["key"]).good()).unwrap();
    let (code, report) = verify(at, "log.jsonl");
    assert_eq!((code, &report["clean"]), (0, &Value::from(true)), "{report}");
    assert!(report["entries"].as_u64() > Some(3) && report["anchors"].as_u64() > Some(0), "{report}");

    let log = fs::read_to_string(at.join("log.jsonl")).unwrap();
    let entries: Vec<&str> = log.lines().filter(|line| line.starts_with("{\"v\":1,")).collect();
    assert_eq!(report["entries"], entries.len());
    for (position, entry) in entries.iter().enumerate() {
        // One bit of a digit of its time: still well-formed, and not what was signed.
        let mut bytes = log.clone().into_bytes();
        let start = log.find(entry).unwrap();
        let digit = start + entry.find(['7', '6', '3', '2']).unwrap();
        bytes[digit] ^= 1;
        fs::write(at.join("forged.jsonl"), bytes).unwrap();
        let (code, report) = verify(at, "forged.jsonl");
        let findings = report["findings"].to_string();
        assert_eq!((code, &report["clean"]), (1, &Value::from(false)), "{report}");
        has(&findings, &[&format!("entry {position} ")]);
    }
    fs::remove_file(at.join("forged.jsonl")).unwrap();

    // That the log was copied is in the log (PCI DSS 10.2.1.3). What is verified elsewhere leaves no trace.
    assert_eq!((entered(at, "exported"), entered(at, "verified"), entered(at, "entry_proven")), (1, 0, 0));
    let id = entries[1].split_once("\"id\":\"").unwrap().1.split('"').next().unwrap();
    let proof = audit(at, &["prove", id]).good();
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\nindex 1\n"), "{proof}");
    has(&proof, &["tillward.local/audit"]);
    assert_eq!(entered(at, "entry_proven"), 1, "that an entry was looked at is in the log");
    let other = if id.ends_with('0') { "1" } else { "0" };
    let absent = format!("{}{other}", &id[..id.len() - 1]);
    has(&audit(at, &["prove", &absent]).refusal(), &[&absent]);
    has(&audit(at, &["prove", "aud_x"]).refusal(), &["`aud_x` is not a valid audit entry id"]);

    // A failure leaves neither a half file nor takes the old one away.
    has(
        &audit(at, &["export", "--out", "log.jsonl", "--from", "100000"]).refusal(),
        &["position 100000 is past its end"],
    );
    has(
        &audit(at, &["export", "--out", "no/log.jsonl"]).refusal(),
        &["there is no folder for `no/log.jsonl`"],
    );
    assert_eq!(fs::read_to_string(at.join("log.jsonl")).unwrap(), log);
    let mut after = before;
    after.extend(["key.txt".to_owned(), "log.jsonl".to_owned()]);
    after.sort();
    assert_eq!(names(at), after);
}

#[test]
fn c55_the_database_itself_is_verified_against_the_checkpoints_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let town = stopped_town(at);
    let clean = audit(at, &["verify"]);
    assert_eq!((clean.code, clean.err.as_str()), (0, ""), "{}", clean.out);
    has(&clean.out, &["the log is whole: "]);
    assert_eq!(entered(at, "verified"), 1, "that the log was read is in the log (PCI DSS 10.2.1.3)");
    let db = Db::open(&town.config().database, &app::migrations(), Clock::System.now()).unwrap();
    let changed = db.write_blocking(|tx| {
        tx.execute(
            "UPDATE audit_entries SET body = replace(body, 'system', 'sysadm') WHERE position = 0",
            &[],
        )
    });
    assert_eq!(changed, Ok(1));
    drop(db);
    let forged = audit(at, &["verify"]);
    assert_eq!((forged.code, forged.err.as_str()), (1, ""), "{}", forged.out);
    has(&forged.out, &["entry 0 was altered", "the log was tampered with"]);
    assert_eq!(entered(at, "verified"), 2, "also where it was found altered");
}

#[test]
fn looking_at_a_log_that_is_not_there_makes_no_installation() {
    let folder = tempfile::tempdir().unwrap();
    for words in [["verify"].as_slice(), &["export", "--out", "x"], &["prove", "aud_x"], &["key"]] {
        has(
            &audit(folder.path(), words).refusal(),
            &["there is no installation in `data`; name its folder with --data"],
        );
    }
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

fn settings(folder: &Path) -> Config {
    let (data, key_file) = (Some(folder.join("data")), Some(folder.join("data.key")));
    Settings { data, key_file, ..Settings::default() }.check().unwrap()
}

pub const SERVE: [&str; 7] = ["serve", "--data", "data", "--key-file", "data.key", "--listen", "127.0.0.1:0"];

#[test]
fn every_command_refuses_a_variable_with_a_slip_in_its_name_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sample = sample();
    let commands = "demo --seconds 1|bench --seconds 1|bench tokens --seconds 1|openapi|roles|completions bash|migrate\
                    |operator-key|keys show|ledger prove|audit key|passwords build a b|buyer sign-out --everybody";
    let screen = format!("screen {sample} --decisions d.csv");
    let train = format!("train {sample} --labels fraud --train-from 2026-03-02 --out m.tw");
    for line in commands.split('|').chain([screen.as_str(), &train]) {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = run_in(folder.path(), &words, &[("TILLWARD_RULS", "x")]);
        has(&ran.refusal(), &["environment variable `TILLWARD_RULS` is not a setting of tillward"]);
        assert_eq!(names(folder.path()), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn serve_refuses_settings_it_does_not_know_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let ran = run_in(at, &SERVE, &[("TILLWARD_DATTA", "x")]);
    has(&ran.refusal(), &["environment variable `TILLWARD_DATTA` is not a setting of tillward"]);

    let file = |text: &str| {
        fs::write(at.join("c.toml"), text).unwrap();
        run(at, &[SERVE.as_slice(), &["--config", "c.toml"]].concat()).refusal()
    };
    has(&file("# ours\nlissten = \"x\"\n"), &["`c.toml`: line 2: unknown field `lissten`", "`listen`"]);
    has(&file("\n\nlisten = 5\n"), &["`c.toml`: line 3: "]);
    has(&file("listen =\n"), &["`c.toml`: line 1: "]);
    fs::remove_file(at.join("c.toml")).unwrap();
    let ran = run(at, &[SERVE.as_slice(), &["--config", "c.toml"]].concat());
    has(&ran.refusal(), &["cannot read the configuration `c.toml`: No such file"]);

    let open = ["serve", "--data", "data", "--listen", "0.0.0.0:0"];
    has(&run(at, &open).refusal(), &["listening beyond this machine needs tls_certificate and tls_key"]);
    let half = run(at, &[SERVE.as_slice(), &["--tls-key", "k.pem"]].concat());
    has(&half.refusal(), &["tls_certificate and tls_key belong together"]);
    let absent = run(at, &[SERVE.as_slice(), &["--tls-key", "k.pem", "--tls-certificate", "c.pem"]].concat());
    has(&absent.refusal(), &["cannot use the certificate `c.pem`"]);
    let url = run(at, &[SERVE.as_slice(), &["--public-url", "pay.example/x"]].concat());
    has(&url.refusal(), &["public url `pay.example/x` must begin with"]);
    assert_eq!(names(at), Vec::<String>::new());
}

/// Migrates, lets `change` alter what is there, and is refused; the files are as they were left.
#[track_caller]
fn refused_after(change: impl FnOnce(&Path), parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("data")).unwrap();
    change(at);
    let files = || (names(at), names(&at.join("data")));
    let before = files();
    has(&run(at, &SERVE).refusal(), parts);
    assert_eq!(files(), before);
}

#[test]
fn serve_refuses_a_database_that_is_not_its_own() {
    refused_after(
        |at| fs::write(at.join("data/tillward.db"), "a shopping list, not a database").unwrap(),
        &["cannot use `data/tillward.db` as a database"],
    );
    refused_after(
        |at| {
            run(at, &["migrate", "--data", "data"]).good();
            let path = at.join("data/tillward.db");
            let mut bytes = fs::read(&path).unwrap();
            assert_eq!(&bytes[68..72], b"TILW", "where SQLite keeps a file's owner");
            bytes[68..72].copy_from_slice(b"XYZW");
            fs::write(&path, bytes).unwrap();
        },
        &["`data/tillward.db` is a database of another program; give an empty folder"],
    );
}

#[test]
fn serve_refuses_a_database_of_a_newer_program() {
    const LATER: Migration = Migration {
        version: 999,
        name: "tomorrow",
        sql: "CREATE TABLE tomorrow (x BIGINT NOT NULL PRIMARY KEY);",
    };
    let parts = ["migration 999 `tomorrow`", "written by a newer tillward; use that version or newer"];
    let newer = |at: &Path| {
        let migrations: Vec<Migration> = app::migrations().into_iter().chain([LATER]).collect();
        drop(Db::open(&settings(at).database, &migrations, Clock::System.now()).unwrap());
    };
    refused_after(newer, &parts);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    newer(folder.path());
    has(&run(folder.path(), &["migrate", "--data", "data"]).refusal(), &parts);
}

#[test]
fn serve_refuses_data_whose_key_is_missing_or_another() {
    refused_after(
        |at| {
            drop(stopped_town(at));
            fs::remove_file(at.join("data.key")).unwrap();
        },
        &[
            "`data.key` is missing, and the database was sealed with it; put it back or name it with --key-file",
        ],
    );
    refused_after(
        |at| {
            drop(stopped_town(at));
            let other = at.join("other");
            fs::create_dir(&other).unwrap();
            drop(Town::found(&other, None, 0));
            fs::rename(other.join("data.key"), at.join("data.key")).unwrap();
        },
        &["key"],
    );
}

#[test]
fn migrating_twice_changes_nothing_the_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let migrate = || run(folder.path(), &["migrate", "--data", "new/data"]).good();
    assert_eq!(migrate(), "the database is up to date\n");
    let before = names(&folder.path().join("new/data"));
    assert_eq!(migrate(), "the database is up to date\n");
    assert_eq!(names(&folder.path().join("new/data")), before);
    assert_eq!(names(folder.path()), ["new"], "no key is made before there is anything to seal");
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_a_full_disk_is_one() {
    for words in
        ["openapi", "roles", "completions bash", "completions zsh", "--help", "screen --help", "--version"]
    {
        let print = |out: std::process::Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tillward"));
            command.args(words.split(' ')).stdout(out).stderr(std::process::Stdio::piped()).spawn().unwrap()
        };
        let mut left = print(std::process::Stdio::piped());
        drop(left.stdout.take());
        let left = left.wait_with_output().unwrap();
        assert_eq!(
            (left.status.code(), String::from_utf8(left.stderr).unwrap().as_str()),
            (Some(0), ""),
            "{words}"
        );

        // Opened for writing, as a shell does; nothing here could put a file in its place.
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let full = print(full.into()).wait_with_output().unwrap();
        assert_eq!(full.status.code(), Some(1), "{words}");
        assert!(
            String::from_utf8(full.stderr).unwrap().contains("cannot write to standard output"),
            "{words}"
        );
    }
    let wrong = run(Path::new("."), &["screen"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""), "what is wrong with the words is said as before");
}

#[test]
fn pci_8_2_6_a_suspended_member_is_let_in_again_from_the_shell_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    drop(stopped_town(at));
    let open = || app::installation::Installation::open(&settings(at), Clock::System, Dice::System).unwrap();
    let installation = open();
    let late = installation.clock.now().plus_seconds((identity::limits::IDLE_DAYS_MAX + 1) * 86_400);
    let vault = std::sync::Arc::clone(&installation.vault);
    let suspended = installation.db.write_blocking(move |tx| {
        identity::suspend_idle_members(tx, &identity::Means { vault: &vault, dice: &Dice::System, now: late })
    });
    assert_eq!(suspended, Ok(1));
    let row = installation.db.read_blocking(|tx| tx.query("SELECT id FROM members", &[])).unwrap();
    let id = base::MemberId::from_short(row[0].text(0).unwrap()).unwrap().to_string();
    drop(installation);
    let restore = || run(at, &[["member", "restore", id.as_str()].as_slice(), &PLACE].concat());
    has(&restore().good(), &["can sign in again"]);
    has(&restore().refusal(), &[&format!("`{id}` is not suspended; nothing was changed")]);
}
