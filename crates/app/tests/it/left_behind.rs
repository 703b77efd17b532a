//! What a command leaves behind: a refusal nothing, an installation nothing that others can open, a stop nothing undone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::commands::{SERVE, has, run, run_in};
use crate::town::{Town, wait_until};

const STOP_SECONDS_MAX: u64 = 60;

/// Every file in a folder and below it.
fn files(folder: &Path) -> Vec<String> {
    let found =
        Command::new("find").arg(folder).args(["-mindepth", "1", "-printf", "%P\n"]).output().unwrap();
    let mut names: Vec<_> = String::from_utf8(found.stdout).unwrap().lines().map(str::to_owned).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_check_of_a_run_that_is_not_there_makes_no_installation() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("acks"), "").unwrap();
    fs::create_dir(at.join("empty")).unwrap();
    let before = files(at);
    let check = |folder: &str, acks: &str| run(at, &["bench", "--check", folder, "--acks", acks]).refusal();
    has(&check("none", "no-acks"), &["cannot read `no-acks`"]);
    has(&check("none", "acks"), &["no run left an installation in `none`"]);
    has(&check("empty", "acks"), &["no run left an installation in `empty`"]);
    fs::create_dir(at.join("empty/data")).unwrap();
    has(&check("empty", "acks"), &["there is no installation in `empty/data`"]);
    fs::remove_dir(at.join("empty/data")).unwrap();
    assert_eq!(files(at), before);
}

#[test]
fn what_changes_an_installation_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("c.csv"), "external_id,name\n").unwrap();
    let shop = base::ShopId::HOUSE.to_string();
    let commands: [&[&str]; 5] = [
        &["keys", "show"],
        &["keys", "check"],
        &["buyer", "sign-out", "--everybody"],
        &["member", "sign-out", "--everybody"],
        &["import", "customers", "c.csv", "--shop", &shop],
    ];
    for words in commands {
        let ran = run(at, &[words, &["--data", "data", "--key-file", "data.key"]].concat());
        has(&ran.refusal(), &["there is no installation in `data`; name its folder with --data"]);
        assert_eq!(files(at), ["c.csv"], "{words:?}");
    }
}

#[test]
fn a_key_that_is_refused_leaves_no_database_behind() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let serve = |key: &str| {
        let words = ["serve", "--data", "d2", "--listen", "127.0.0.1:0", "--key-file", key];
        run(at, &words).refusal()
    };
    has(&serve("d2/kk"), &["key file `d2/kk` is inside the data folder"]);
    assert_eq!(files(at), Vec::<String>::new());
    fs::write(at.join("file"), "").unwrap();
    has(&serve("file/kk"), &["key file `file/kk`"]);
    assert_eq!(files(at), ["file"]);
    fs::remove_file(at.join("file")).unwrap();
    fs::write(at.join("short.key"), "short").unwrap();
    fs::set_permissions(at.join("short.key"), Permissions::from_mode(0o644)).unwrap();
    has(&serve("short.key"), &["key file `short.key` has mode 0644, others can reach it"]);
    fs::set_permissions(at.join("short.key"), Permissions::from_mode(0o600)).unwrap();
    has(&serve("short.key"), &["key file `short.key` has 5 bytes"]);
    let pipe = at.join("pipe.key");
    assert!(std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success());
    has(&serve("pipe.key"), &["key file `pipe.key` is not a plain file"]);
    std::os::unix::fs::symlink("ring.key", at.join("ring.key")).unwrap();
    has(&serve("ring.key/kk"), &["key file `ring.key/kk` could not be", "symbolic links"]);
    assert_eq!(files(at), ["pipe.key", "ring.key", "short.key"]);
}

/// As a cut first start of an older version left it.
#[test]
fn an_empty_key_file_gives_way_to_the_first_key() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("data.key"), "").unwrap();
    fs::set_permissions(at.join("data.key"), Permissions::from_mode(0o600)).unwrap();
    Town::found(at, None, 0);
    assert_eq!(fs::read(at.join("data.key")).unwrap().len(), 94);
    fs::write(at.join("data.key"), "").unwrap();
    let words = ["keys", "show", "--data", "data", "--key-file", "data.key"];
    has(&run(at, &words).refusal(), &["key file `data.key` holds nothing", "restore it from its copy"]);
    assert_eq!(fs::read(at.join("data.key")).unwrap().len(), 0);
}

#[test]
fn a_key_that_could_not_be_made_is_noticed_before_the_database_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // Nobody may write into this one, not even root.
    let words = ["serve", "--data", "data", "--listen", "127.0.0.1:0", "--key-file", "/sys/kernel/key"];
    has(&run(at, &words).refusal(), &["key file `/sys/kernel/key`"]);
    assert_eq!(files(at), Vec::<String>::new());
}

#[test]
fn a_postgresql_that_is_away_leaves_no_data_folder_behind() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://tillward@{away}/none");
    for words in [["serve", "--listen", "127.0.0.1:0"].as_slice(), &["migrate"]] {
        let words = [words, &["--data", "new/data"]].concat();
        let start = || run_in(at, &words, &[("TILLWARD_DATABASE_URL", &url)]).refusal();
        has(&start(), &["cannot connect to PostgreSQL"]);
        assert_eq!(files(at), Vec::<String>::new(), "{words:?}");
        fs::create_dir(at.join("new")).unwrap();
        start();
        assert_eq!(files(at), ["new"], "what was there stays: {words:?}");
        fs::remove_dir(at.join("new")).unwrap();
    }
}

#[test]
fn a_folder_with_a_database_that_is_not_ours_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("data")).unwrap();
    fs::set_permissions(at.join("data"), Permissions::from_mode(0o755)).unwrap();
    fs::write(at.join("data/tillward.db"), "a shopping list, not a database").unwrap();
    for words in [SERVE.as_slice(), &["migrate", "--data", "data"]] {
        has(&run(at, words).refusal(), &["cannot use `data/tillward.db` as a database"]);
        assert_eq!(files(at), ["data", "data/tillward.db"]);
        assert_eq!(mode(&at.join("data")), 0o755);
    }
    // Nor is a file emptied that happens to be called like the lock.
    fs::write(at.join("data/tillward.lock"), "mine").unwrap();
    has(&run(at, &SERVE).refusal(), &["cannot use `data/tillward.db` as a database"]);
    assert_eq!(fs::read_to_string(at.join("data/tillward.lock")).unwrap(), "mine");
}

#[test]
fn nobody_else_reaches_a_data_folder_whoever_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let (at, data) = (folder.path(), folder.path().join("data"));
    run(at, &["migrate", "--data", "data"]).good();
    assert_eq!(mode(&data), 0o700, "made by migrate");
    let town = Town::found(at, None, 0);
    // As an older version's `migrate` left it.
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let served = town.serve();
    assert_eq!(mode(&data), 0o700, "found open by serve");
    served.stop();
    fs::write(data.join("letters.txt"), "somebody else's").unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    town.serve().stop();
    assert_eq!(mode(&data), 0o755, "others keep what is theirs in there");
    has(&town.printed(), &["has mode 0755, others can reach it", "chmod 700"]);
}

#[test]
fn a_server_asked_to_stop_as_soon_as_it_listens_stops_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, 0);
    for name in ["TERM", "INT"] {
        let mut served = town.serve();
        let id = served.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
        wait_until(STOP_SECONDS_MAX, "stopping", || served.child.try_wait().unwrap().is_some());
        let ended = served.child.wait().unwrap();
        assert_eq!(ended.code(), Some(0), "{name}: {ended}");
    }
}
