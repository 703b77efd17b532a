//! Keys replaced in the real program: killed in the middle, gone on with, while buyers pay. And what a thief finds in the
//! files of an installation where a lot has happened: nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::config::{Mail, TextMessages};
use app::installation::{HANGING, Installation};
use app::jobs::Jobs;
use base::{Clock, Dice, Secret, ShopId};
use identity::{Email, Label, Means, NewApiKey, NewMember, PersonName, Pin, Role, SignUp};
use vault::rotation::{list_rotations, start_rotation};
use vault::{Level, RotationState, VaultError};
use webkit::page::Lang;

use serde_json::json;
use testkit::http::Request;

use crate::house::House;
use crate::town::{Line, Log, Town, check_books, wait_until};

const CLIENTS: usize = 4;
/// Owners beside the buyers, so that a rotation has something to do.
const OWNERS: usize = 2_000;
const ROUNDS_MAX: usize = 40;
/// How long the program lives before it is killed, milliseconds.
const LIFE_MS: std::ops::Range<u64> = 150..700;

/// Values of people that must never be readable in a file. The list of a domain that keeps others grows here.
const PLANTED: [&str; 8] = [
    "Plantedholder",
    "GB29NWBK60161331926819",
    "Plantedbank",
    "Plantedname",
    "planted.buyer@mail.example",
    "planted.member@shop.example",
    "Memberplanted",
    "plantedsecret",
];

fn open(town: &Town) -> Installation {
    Installation::open(&town.config(), Clock::System, Dice::System).unwrap()
}

fn add_owners(town: &Town) {
    let at = open(town);
    for part in 0..OWNERS / 500 {
        let (vault, now) = (Arc::clone(&at.vault), at.clock.now());
        let made = at.db.write_blocking(move |tx| {
            for number in 0..500 {
                vault.data_key(tx, ShopId::HOUSE, &format!("own_{part}_{number}"), now, &Dice::System)?;
            }
            Ok::<_, VaultError>(())
        });
        made.unwrap();
    }
}

fn start(town: &Town, level: Level) {
    let at = open(town);
    let now = at.clock.now();
    let by = audit::Actor::system("test");
    at.db.write_blocking(move |tx| start_rotation(tx, level, &by, now, &Dice::System)).unwrap();
}

fn is_done(town: &Town) -> bool {
    let rotations = open(town).db.read_blocking(list_rotations).unwrap();
    rotations.iter().all(|rotation| rotation.state == RotationState::Done)
}

#[test]
fn c47_a_kill_in_the_middle_of_a_rotation_loses_nothing_and_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, CLIENTS);
    add_owners(&town);
    let acknowledged = Mutex::new(Vec::new());
    for level in [Level::Root, Level::Kek, Level::Data, Level::Seed] {
        start(&town, level);
        let mut kills = 0;
        while !is_done(&town) {
            pay_until_killed(&town, &acknowledged, kills);
            kills += 1;
            assert!(kills < ROUNDS_MAX, "level {} does not end", level.name());
        }
        println!("level {}: {kills} lives", level.name());
        assert!(kills > 0);
    }
    let at = open(&town);
    let old: Vec<_> = at.db.read_blocking(vault::inventory::list_keys).unwrap();
    // Of the seed, PINs that nobody has typed since still hang from the old one.
    let retired = old.iter().filter(|key| key.state == vault::KeyState::Retired && key.level != Level::Seed);
    assert!(retired.clone().count() == 2 && retired.clone().all(|key| key.uses == 0), "{old:?}");
    let by = audit::Actor::system("test");
    for level in [Level::Kek, Level::Root] {
        let now = (at.clock.now(), &at.dice);
        vault::rotation::destroy_key(&at.db, &at.vault, &*at.keys, (level, 1, HANGING), &by, now).unwrap();
    }
    drop(at);
    let at = open(&town);
    let vault = Arc::clone(&at.vault);
    let read = at.db.read_blocking(move |tx| {
        for part in 0..OWNERS / 500 {
            for number in 0..500 {
                vault.find_data_key(tx, ShopId::HOUSE, &format!("own_{part}_{number}"))?;
            }
        }
        Ok::<_, VaultError>(())
    });
    assert_eq!(read, Ok(()));
    drop(at);
    let paid = acknowledged.lock().unwrap().clone();
    assert!(!paid.is_empty(), "nothing was paid meanwhile, so nothing was proven");
    println!("{} payments acknowledged meanwhile", paid.len());
    check_payments(&town, &paid);
}

/// All phones pay until the program is killed under them.
fn pay_until_killed(town: &Town, acknowledged: &Mutex<Vec<String>>, kills: usize) {
    let served = town.serve();
    let address = served.address;
    std::thread::scope(|scope| {
        for phone in &town.phones {
            scope.spawn(move || {
                let mut line = Line::new(address, town, phone);
                for minor in 100.. {
                    match line.pay(town, minor) {
                        Ok(Ok(payment)) => acknowledged.lock().unwrap().push(payment),
                        Ok(Err(refused)) => panic!("{refused:?}\n{}", town.printed()),
                        Err(_) => return,
                    }
                }
            });
        }
        // Later lives are longer, so that a slow machine comes to an end as well.
        let more = 100 * u64::try_from(kills).unwrap();
        let life = LIFE_MS.start + more + Dice::System.below(LIFE_MS.end - LIFE_MS.start);
        std::thread::sleep(Duration::from_millis(life));
        served.kill();
    });
}

/// What was acknowledged is paid. A kill leaves payments nobody heard of, so their number is not compared.
fn check_payments(town: &Town, acknowledged: &[String]) {
    let at = open(town);
    let proof = at.db.read_blocking(ledger::prove_balanced).unwrap();
    assert!(proof.is_balanced(), "{:?}", proof.faults);
    for text in acknowledged {
        let id: base::PaymentId = text.parse().unwrap();
        let found = at.db.read_blocking(move |tx| payments::store::find_payment(tx, id)).unwrap();
        assert!(found.is_some_and(|payment| payment.stored_state == payments::State::Paid), "{text}");
    }
}

/// Sign-ups, members, keys, mails, payments and failures with planted values, with the most talkative log; then every
/// file of the installation is searched.
#[test]
fn c45_planted_values_are_in_no_file_and_no_log_and_every_sealed_column_is_registered() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, 2);
    plant(&town);
    std::fs::write(folder.path().join("log.txt"), "").unwrap();
    let served = town.serve_under(&["env", "TILLWARD_LOG=trace"]);
    let mut line = Line::new(served.address, &town, &town.phones[0]);
    let mut paid = Vec::new();
    for minor in 1_000..1_020 {
        paid.push(line.pay(&town, minor).unwrap().unwrap());
    }
    ask_badly(served.address);
    served.stop();
    let log = town.printed();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is not talkative: {log}");
    check_books(&town, &paid, Log::Whole);
    export_log(&town, folder.path());
    let mut searched = 0;
    for file in files(folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        searched += bytes.len();
        for planted in PLANTED {
            assert!(!holds(&bytes, planted), "`{planted}` is readable in {}", file.display());
        }
    }
    assert!(searched > 100_000, "only {searched} bytes were searched");
    start(&town, Level::Data);
    let at = open(&town);
    let jobs = Jobs::start(&at, Mail::Nowhere, TextMessages::Nowhere).unwrap();
    wait_until(60, "sealing anew", || {
        let rotations = at.db.read_blocking(list_rotations).unwrap();
        rotations.iter().all(|rotation| rotation.state == RotationState::Done)
    });
    drop(jobs);
    assert_eq!(at.db.read_blocking(list_rotations).unwrap()[0].problem, None);
    let left = at.db.read_blocking(find_left_behind).unwrap();
    assert!(left.is_empty(), "sealed and in no list of sealed columns: {left:?}");
}

fn plant(town: &Town) {
    let at = open(town);
    let (vault, dice, now, shop) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now(), town.shop);
    let planted = at.db.write_blocking(move |tx| {
        let means = Means { vault: &vault, dice: &dice, now };
        let bug = |e: String| store::Error::Bug(e);
        let contact = Email::parse("planted.buyer@mail.example").map_err(|e| bug(e.to_string()))?;
        let name = PersonName::parse("Plantedname Wang").map_err(|e| bug(e.to_string()))?;
        let pin = || Pin::parse("739264").map_err(|e| bug(e.to_string()));
        let sign_up = |contact: &Email| {
            SignUp::new(name.clone(), contact.clone(), pin()?, Lang::En).map_err(|e| bug(format!("{e:?}")))
        };
        identity::create_buyer(tx, &means, &sign_up(&contact)?).map_err(|e| bug(e.to_string()))?;
        identity::request_sign_in(
            tx,
            &means,
            &contact.clone().into(),
            Lang::En,
            identity::Knock { origin: "192.0.2.1", host: "pay.example", device: None },
        )
        .map_err(|e| bug(e.to_string()))?;
        let other = Email::parse("other.planted.buyer@mail.example").map_err(|e| bug(e.to_string()))?;
        identity::request_sign_up(
            tx,
            &means,
            &sign_up(&other)?,
            identity::Knock { origin: "192.0.2.2", host: "pay.example", device: None },
        )
        .map_err(|e| bug(e.to_string()))?;
        let member = NewMember {
            name: PersonName::parse("Memberplanted Zhao").map_err(|e| bug(e.to_string()))?,
            email: Email::parse("planted.member@shop.example").map_err(|e| bug(e.to_string()))?,
            grants: Role::Cashier.into(),
            lang: Lang::En,
        };
        let nobody = identity::PasswordHash::of_nobody();
        identity::create_member(tx, &means, &identity::Actor::System, shop, &member, &nobody)
            .map_err(|e| bug(e.to_string()))?;
        let typed = tokens::payout::Typed {
            holder: "Plantedholder Ltd",
            scheme: "iban",
            number: "GB29 NWBK 6016 1331 9268 19",
            bank: "Plantedbank",
        };
        let account = tokens::payout::NewPayout::parse(typed).map_err(|e| bug(format!("{e:?}")))?;
        let by = tokens::By::local(&identity::Actor::Operator);
        tokens::payout::request_change(tx, &means, &by, shop, &account).map_err(|e| bug(e.to_string()))?;
        let key =
            NewApiKey::new(Label::parse("till").map_err(|e| bug(e.to_string()))?, Role::Integration, None)
                .map_err(|e| bug(format!("{e:?}")))?;
        let (_, secret) =
            identity::create_system_api_key(tx, &means, shop, &key).map_err(|e| bug(e.to_string()))?;
        Ok::<_, store::Error>(Secret::new(secret.secret().expose().clone()))
    });
    let secret = planted.unwrap();
    at.db.read_blocking(|_| Ok::<_, store::Error>(())).unwrap();
    drop(at);
    for file in files(&town.folder.join("data")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!holds(&bytes, secret.expose()), "the secret of an API key is in {}", file.display());
    }
    for phone in &town.phones {
        let found = files(&town.folder.join("data"))
            .iter()
            .any(|file| holds(&std::fs::read(file).unwrap(), &phone.token));
        assert!(!found, "the token of a session is stored readable");
    }
}

/// Requests that fail, each with a planted value where a message might repeat it.
fn ask_badly(address: std::net::SocketAddr) {
    use std::io::{Read, Write};
    let bodies = [
        "{\"name\":\"Plantedname\",\"email\":\"planted.buyer@mail.example\"",
        "{\"email\":\"planted.buyer@mail.example\",\"pin\":\"plantedsecret\"}",
        "{\"name\":\"Plantedname Wang\",\"email\":\"planted.buyer@mail.example\",\"pin\":\"739264\",\"extra\":\"plantedsecret\"}",
    ];
    for path in ["/v1/buyers", "/v1/buyer_sessions", "/v1/member_sessions", "/v1/me/pin?x=plantedsecret"] {
        for body in bodies {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer plantedsecret\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        }
    }
}

fn export_log(town: &Town, folder: &Path) {
    let exported = Command::new(env!("CARGO_BIN_EXE_tillward"))
        .args(["audit", "export", "--data"])
        .arg(town.folder.join("data"))
        .arg("--key-file")
        .arg(town.folder.join("data.key"))
        .arg("--out")
        .arg(folder.join("exported.jsonl"))
        .output()
        .unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// Whether the bytes hold the text, as it is or in the two bytes a letter that some programs use.
fn holds(bytes: &[u8], text: &str) -> bool {
    let wide: Vec<u8> = text.bytes().flat_map(|byte| [byte, 0]).collect();
    [text.as_bytes(), &wide].iter().any(|part| bytes.windows(part.len()).any(|window| window == *part))
}

/// Columns with bytes that look sealed under the first version of a data key, after every data key was replaced.
fn find_left_behind(tx: &mut store::Tx<'_>) -> Result<Vec<String>, store::Error> {
    const FIRST_VERSION: [u8; 5] = [1, 0, 0, 0, 1];
    const SEALED_BYTES_MIN: usize = 33;
    let mut left = Vec::new();
    for table in tx.query("SELECT name FROM sqlite_master WHERE type = 'table'", &[])? {
        let table = table.text(0)?.to_owned();
        for row in tx.query(&format!("SELECT * FROM {table}"), &[])? {
            for (at, value) in row.values().iter().enumerate() {
                if let store::Value::Blob(bytes) = value
                    && bytes.len() >= SEALED_BYTES_MIN
                    && bytes.starts_with(&FIRST_VERSION)
                {
                    left.push(format!("{table}, column {}", at + 1));
                }
            }
        }
    }
    Ok(left)
}

#[test]
fn no_core_dump_of_the_program_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, 1);
    let served = town.serve();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", served.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

/// ManageKeys: the operator as a person, with a second factor given just now; nobody else is let in (`refusal.rs`).
#[test]
fn the_keeper_of_the_keys_sees_them_and_starts_a_rotation() {
    let house = House::new();
    let keeper = house.keeper();
    let keys = house.send(Request::get("/v1/keys").bearer(&keeper));
    assert_eq!(keys.status, 200);
    let keys = keys.json();
    let purposes: Vec<&str> =
        keys["data"].as_array().unwrap().iter().map(|key| key["purpose"].as_str().unwrap()).collect();
    assert!(purposes[0].starts_with("root") && purposes.len() >= 3, "{purposes:?}");
    assert_eq!(keys["data"][0]["days_left"], 730);
    let rotate =
        |body: serde_json::Value| house.send(Request::post("/v1/keys/rotations", &body).bearer(&keeper));
    for bad in [json!({"level": "all"}), json!({}), json!({"level": "kek", "now": true})] {
        assert_eq!(rotate(bad.clone()).status, 400, "{bad}");
    }
    let started = rotate(json!({"level": "kek"}));
    assert_eq!((started.status, started.text("/state").as_str()), (201, "preparing"));
    let second = rotate(json!({"level": "root"}));
    assert_eq!((second.status, second.code().as_str()), (409, "rotation_running"));
    let listed = house.send(Request::get("/v1/keys/rotations").bearer(&keeper)).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

/// Two of three custodians start the program; one does not.
#[test]
fn cr_7_two_of_three_custodians_unlock_and_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, 1);
    let (data, key) = (folder.path().join("data"), folder.path().join("data.key"));
    let tillward = |words: &[&str], input: &str| {
        use std::io::Write;
        let mut child = Command::new(env!("CARGO_BIN_EXE_tillward"))
            .args(words)
            .arg("--data")
            .arg(&data)
            .arg("--key-file")
            .arg(&key)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let out = folder.path().display().to_string();
    let (done, _, problem) = tillward(&["keys", "split", "--out", &out], "");
    assert!(done, "{problem}");
    std::fs::rename(&key, folder.path().join("put-away.key")).unwrap();
    let share =
        |number: u8| std::fs::read_to_string(folder.path().join(format!("share-{number}.txt"))).unwrap();
    let shares = ["keys", "show", "--keys-source", "shares"];
    let (done, said, problem) = tillward(&shares, &format!("{}{}", share(3), share(1)));
    assert!(done && said.contains("root: wraps the keys below"), "{problem}");
    assert!(said.starts_with("key source: shares\n"), "{said}");
    let (done, _, problem) = tillward(&shares, &share(2));
    assert!(!done && problem.contains("1 of 2 needed shares"), "{problem}");
    let (done, _, problem) = tillward(&shares, &format!("{}{}", share(2), share(2)));
    assert!(!done && problem.contains("given twice"), "{problem}");
    for number in 1..=3 {
        assert!(!problem.contains(share(number).trim()), "a share was repeated");
    }
    let files = format!("{out}/share-2.txt,{out}/share-3.txt");
    let flags = ["--keys-source", "shares", "--keys-shares", files.as_str()];
    let served = town.serve_with(&flags);
    let mut line = Line::new(served.address, &town, &town.phones[0]);
    line.pay(&town, 500).unwrap().unwrap();
    served.stop();
    let (done, _, problem) =
        tillward(&["keys", "join", &format!("{out}/share-1.txt"), &format!("{out}/share-2.txt")], "");
    assert!(done, "{problem}");
    let joined = std::fs::read(&key).unwrap();
    assert!(joined == std::fs::read(folder.path().join("put-away.key")).unwrap(), "the same key file again");
}

/// The commands a person uses: a rotation from the shell, what it says, and the old key's end.
#[test]
fn keys_are_shown_rotated_and_destroyed_from_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    Town::found(folder.path(), None, 1);
    let tillward = |words: &[&str]| at_shell(folder.path(), words);
    for level in ["root", "kek", "data"] {
        let (done, said) = tillward(&["keys", "rotate", level]);
        assert!(done && said.contains("done"), "{said}");
    }
    let (done, said) = tillward(&["keys", "show", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    assert!(done && shown["keys"].as_array().unwrap().len() == 6, "{said}");
    let (done, said) = tillward(&["keys", "destroy", "root", "1"]);
    assert!(!done && said.contains("--yes"), "{said}");
    let (done, said) = tillward(&["keys", "destroy", "root", "2", "--yes"]);
    assert!(!done && said.contains("only a retired key"), "{said}");
    for (level, version) in [("root", "1"), ("kek", "1")] {
        let (done, said) = tillward(&["keys", "destroy", level, version, "--yes"]);
        assert!(done, "{said}");
    }
    let (done, said) = tillward(&["keys", "status"]);
    assert!(done && said.lines().count() == 3, "{said}");
    let names: Vec<_> = files(folder.path())
        .into_iter()
        .filter_map(|file| file.file_name()?.to_str().map(str::to_owned))
        .filter(|name| name.starts_with("data.key"))
        .collect();
    assert_eq!(names, ["data.key"], "the old key file is gone");
}

/// What a power cut or a hand left beside the key stops no command, whether the key is in its file or in shares; it is named
/// once.
#[test]
fn c47_what_a_cut_left_beside_the_key_is_named_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    Town::found(at, None, 0);
    let out = at.display().to_string();
    let (done, said) = at_shell(at, &["keys", "split", "--out", &out]);
    assert!(done, "{said}");
    let files = format!("{out}/share-1.txt,{out}/share-2.txt");
    let shares = ["--keys-source", "shares", "--keys-shares", files.as_str()];
    for (name, left) in
        [("data.key.next", ""), ("data.key.old-x", "planted-junk"), ("data.key.old-y", &"\0".repeat(94))]
    {
        write_private(&at.join(name), left);
        for source in [&[][..], &shares] {
            let (done, said) = at_shell(at, &[&["keys", "status"], source].concat());
            assert!(done && said.matches(&format!("{name}`")).count() == 1, "{said}");
            assert!(!said.contains("planted"), "{said}");
        }
    }
    // The shares' own key file, cut while it was shredded, is as good as gone.
    write_private(&at.join("data.key"), "");
    let (done, said) = at_shell(at, &[&["keys", "rotate", "root"], &shares[..]].concat());
    assert!(done && said.contains("done"), "{said}");
    assert!(said.contains("lies in plain in") && said.contains("`tillward keys split`"), "{said}");
    for (source, kind) in [(&[][..], "file"), (&shares, "shares")] {
        let (done, said) = at_shell(at, &[&["keys", "show"], source].concat());
        assert!(done && said.contains(&format!("key source: {kind}\n")), "{said}");
    }
}

#[test]
fn shares_are_written_all_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    Town::found(at, None, 0);
    let out = at.join("shares");
    let split = || at_shell(at, &["keys", "split", "--out", &out.display().to_string()]);
    let (done, said) = split();
    assert!(!done && said.contains(&format!("there is no folder `{}`", out.display())), "{said}");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("share-2.txt"), "").unwrap();
    let (done, said) = split();
    assert!(!done && said.contains("share-2.txt` exists already; no share was written"), "{said}");
    assert_eq!(files(&out), [out.join("share-2.txt")]);
    std::fs::remove_file(out.join("share-2.txt")).unwrap();
    let (done, said) = split();
    assert!(done && files(&out).len() == 3, "{said}");
}

#[test]
fn c46_a_share_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    Town::found(at, None, 0);
    let out = at.display().to_string();
    assert!(at_shell(at, &["keys", "split", "--out", &out]).0);
    let (first, second) = (format!("{out}/share-1.txt"), format!("{out}/share-2.txt"));
    std::fs::set_permissions(&second, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = format!("share `{second}` has mode 0644, others can reach it; run `chmod 600` on it");
    let files = format!("{first},{second}");
    let (done, said) = at_shell(at, &["keys", "show", "--keys-source", "shares", "--keys-shares", &files]);
    assert!(!done && said.contains(&refused), "{said}");
    std::fs::rename(at.join("data.key"), at.join("away.key")).unwrap();
    let (done, said) = at_shell(at, &["keys", "join", &first, &second]);
    assert!(!done && said.contains(&refused) && !at.join("data.key").exists(), "{said}");
}

fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Runs the program on the installation in `folder`: whether it went well, and all it said.
fn at_shell(folder: &Path, words: &[&str]) -> (bool, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_tillward"))
        .args(words)
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--key-file")
        .arg(folder.join("data.key"))
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    (run.status.success(), said)
}
