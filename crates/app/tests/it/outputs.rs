//! What a command writes takes the place of a regular file and of nothing else: links stay, pipes and folders are
//! refused before any work, and nothing half done is left.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::commands::{TRAIN, has, run, sample};
use crate::town::Town;

fn names(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = all.collect();
    names.sort();
    names
}

/// Runs a command with each kind of thing in the place of its output.
#[track_caller]
fn check_output(folder: &Path, words: &[&str]) {
    let made = Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap();
    assert!(made.success());
    symlink("pipe", folder.join("to-pipe")).unwrap();
    symlink("real", folder.join("link")).unwrap();
    fs::create_dir(folder.join("folder")).unwrap();
    fs::write(folder.join("real"), "stale").unwrap();
    fs::write(folder.join("file"), "stale").unwrap();
    let before = names(folder);
    let write_to = |name: &'static str| run(folder, &[words, &[name]].concat());
    for pipe in ["pipe", "to-pipe"] {
        has(&write_to(pipe).refusal(), &[&format!("`{pipe}` is not a regular file")]);
    }
    has(&write_to("folder").refusal(), &["`folder` is a folder; name a file"]);
    let kind = |name: &str| fs::symlink_metadata(folder.join(name)).unwrap().file_type();
    assert!(kind("pipe").is_fifo() && kind("to-pipe").is_symlink() && kind("folder").is_dir());
    assert!(names(&folder.join("folder")).is_empty());
    assert_eq!(names(folder), before, "a refusal leaves nothing");
    for name in ["link", "file"] {
        write_to(name).good();
    }
    assert!(kind("link").is_symlink() && kind("real").is_file() && kind("file").is_file());
    for name in ["real", "file"] {
        let text = fs::read(folder.join(name)).unwrap();
        assert!(text.len() > b"stale".len() && text != b"stale", "`{name}` is not what was written");
    }
    assert_eq!(names(folder), before, "no part of a file is left");
}

#[test]
fn screen_and_train_write_in_place_of_a_regular_file_only() {
    let sample = sample();
    let train = [["train", sample.as_str(), "--json"].as_slice(), &TRAIN, &["--out"]].concat();
    let screen = |flag| vec!["screen", sample.as_str(), "--json", flag];
    for words in [screen("--decisions"), screen("--report"), train] {
        let folder = tempfile::tempdir().unwrap();
        check_output(folder.path(), &words);
    }
}

#[test]
fn a_list_of_passwords_is_written_in_place_of_a_regular_file_only_and_never_of_what_it_is_made_from() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("list"), "password1\nqwertyuiop\n").unwrap();
    check_output(folder.path(), &["passwords", "build", "list"]);
    has(&run(folder.path(), &["passwords", "build", "list", "list"]).refusal(), &["`list` is named twice"]);
}

#[test]
fn a_log_is_exported_in_place_of_a_regular_file_only_and_never_of_the_installation() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    drop(Town::found(at, None, 0));
    let words = ["audit", "export", "--data", "data", "--key-file", "data.key", "--out"];
    check_output(at, &words);
    for ours in ["data/tillward.db", "data.key", "data/tillward.journal-a", "data/tillward.db-wal"] {
        let before = fs::read(at.join(ours)).ok();
        has(
            &run(at, &[words.as_slice(), &[ours]].concat()).refusal(),
            &[&format!("`{ours}` is named twice")],
        );
        assert_eq!(fs::read(at.join(ours)).ok(), before);
    }
}

#[test]
fn what_is_read_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let (at, sample) = (folder.path(), sample());
    fs::write(at.join("ip.csv"), "198.51.100.0,198.51.100.255,SG\n").unwrap();
    symlink("ip.csv", at.join("link")).unwrap();
    let countries = ["--address-countries", "ip.csv"];
    let screen = [["screen", &sample, "--decisions", "link"].as_slice(), &countries].concat();
    let train = [["train", &sample, "--out", "./ip.csv"].as_slice(), &TRAIN, &countries].concat();
    let both = vec!["screen", &sample, "--decisions", "new", "--report", "./new"];
    for (words, named) in [(screen, "link"), (train, "./ip.csv"), (both, "./new")] {
        has(&run(at, &words).refusal(), &[&format!("`{named}` is named twice")]);
    }
    assert_eq!(names(at), ["ip.csv", "link"]);
}
