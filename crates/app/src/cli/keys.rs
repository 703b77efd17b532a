//! `tillward keys`: what keys there are, replacing and destroying them, custodians' shares.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use audit::Actor;
use base::{Clock, Dice, Secret, Timestamp};
use clap::{Args, Subcommand, ValueEnum};
use risk::table::Progress;
use serde_json::json;
use vault::inventory::{KeyFacts, list_keys, list_seed_uses};
use vault::rotation::{RotationError, Step, destroy_key, list_rotations, start_rotation};
use vault::shares::split_key;
use vault::{FileSource, Level, RootKey, Rotation, SeedUses, check_nonces, write_secret_file};
use zeroize::Zeroizing;

use super::progress::Bar;
use super::{Source, say, whole};
use crate::config::{Config, Keys as KeySource};
use crate::installation::{HANGING, Installation, SEALED_COLUMNS};
use crate::jobs::keys::rotator;
use crate::key_source::read_shares;

/// Show, replace and destroy keys; split the root key among custodians.
#[derive(Args)]
#[command(
    after_help = "On the embedded engine stop the server first, or use the API: GET /v1/keys and POST /v1/keys/rotations. \
    docs/keys.md has each ceremony.\n\nExamples:\n  tillward keys show --data /var/lib/tillward/data\n  \
    tillward keys rotate kek\n  tillward keys rotate seed\n  tillward keys split --needed 2 --count 3 --out /media/shares"
)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the keys: purpose, version, state, age
    Show(Show),
    /// Show how far rotations are
    Status(Show),
    /// Read every sealed value and look for a nonce that was used twice under one key
    Check(Show),
    /// Replace a key; goes on with a rotation that was cut short
    Rotate(Rotate),
    /// Destroy a key that was replaced and that nothing hangs from
    Destroy(Destroy),
    /// Make the next root key file ahead, to copy it to every node before a rotation
    Next(Show),
    /// Split the key file into shares for custodians
    Split(Split),
    /// Put the key file together from shares
    Join(Join),
}

#[derive(Args)]
struct Show {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
}

#[derive(Args)]
struct Rotate {
    /// Which level
    level: LevelName,
    /// Print JSON, a line each step, in place of a bar
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
}

#[derive(Args)]
struct Destroy {
    /// Which level
    level: LevelName,
    /// Which version, see `tillward keys show`
    version: i64,
    /// Say that it is meant: a destroyed key does not come back, and a backup it belongs to is lost with it
    #[arg(long, required = true)]
    yes: bool,
    #[command(flatten)]
    source: Source,
}

#[derive(Args)]
struct Split {
    /// Shares that are needed to unlock
    #[arg(long, default_value_t = 2)]
    needed: u8,
    /// Shares that are made
    #[arg(long, default_value_t = 3)]
    count: u8,
    /// Folder for the files share-1.txt, share-2.txt, …; printed when not given
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

#[derive(Args)]
struct Join {
    /// Files with a share each
    #[arg(required = true)]
    shares: Vec<PathBuf>,
    #[command(flatten)]
    source: Source,
}

#[derive(Clone, Copy, ValueEnum)]
enum LevelName {
    /// The root key
    Root,
    /// The key-encryption keys
    Kek,
    /// The owners' data keys
    Data,
    /// The seed of the keys for PINs, blind indexes and codes
    Seed,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Level {
        match name {
            LevelName::Root => Level::Root,
            LevelName::Kek => Level::Kek,
            LevelName::Data => Level::Data,
            LevelName::Seed => Level::Seed,
        }
    }
}

impl Keys {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        match self.command {
            Command::Show(show) => show_keys(show),
            Command::Status(show) => show_rotations(show),
            Command::Check(show) => check_sealed(show),
            Command::Rotate(rotate) => rotate_level(rotate),
            Command::Destroy(destroy) => destroy_version(destroy),
            Command::Next(show) => make_next(show),
            Command::Split(split) => split_file(split),
            Command::Join(join) => join_file(join),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

fn open(source: Source) -> Result<(Config, Installation), String> {
    let config = source.read()?;
    let at = Installation::open_existing(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
    Ok((config, at))
}

fn show_keys(show: Show) -> Result<(), String> {
    let (config, at) = open(show.source)?;
    let kind = if matches!(config.keys, KeySource::Shares(_)) { "shares" } else { at.keys.kind().name() };
    let keys = at.db.read_blocking(list_keys).map_err(|e| whole(&e))?;
    let now = at.clock.now();
    if show.json {
        let list: Vec<_> = keys.iter().map(|key| key_json(key, now)).collect();
        let uses = at.db.read_blocking(list_seed_uses).map_err(|e| whole(&e))?;
        let uses: Vec<_> = uses.iter().map(uses_json).collect();
        say(&json!({ "source": kind, "keys": list, "seed_uses": uses }).to_string());
        return Ok(());
    }
    say(&format!("key source: {kind}"));
    for key in &keys {
        say(&key_line(key, now));
    }
    show_uses(&at, None)
}

fn uses_json(uses: &SeedUses) -> serde_json::Value {
    let counted = uses.counted.to_rfc3339();
    json!({ "version": uses.version, "name": uses.name, "uses": uses.uses, "counted": counted })
}

fn key_json(key: &KeyFacts, now: Timestamp) -> serde_json::Value {
    json!({
        "purpose": key.purpose, "keeper": key.keeper, "algorithm": key.algorithm, "name": key.name,
        "version": key.version, "state": key.state.name(), "created": key.created.to_rfc3339(),
        "days_max": key.days_max, "days_left": key.days_left(now), "alarm_days": key.alarm(now),
        "retired": key.retired.map(Timestamp::to_rfc3339), "destroyed": key.destroyed.map(Timestamp::to_rfc3339),
        "uses": key.uses,
    })
}

fn key_line(key: &KeyFacts, now: Timestamp) -> String {
    let version = if key.version > 0 { format!("v{}", key.version) } else { String::new() };
    let mut line = format!(
        "{:<46} {:<4} {:<9} made {}  {} below",
        key.purpose,
        version,
        key.state.name(),
        day(key.created),
        key.uses
    );
    if let Some(left) = key.days_left(now) {
        let _ = write!(line, "  {left} days left");
    }
    if let Some(name) = &key.name {
        let _ = write!(line, "  {name}");
    }
    line
}

fn day(at: Timestamp) -> String {
    at.to_rfc3339().chars().take(10).collect()
}

fn show_rotations(show: Show) -> Result<(), String> {
    let (_, at) = open(show.source)?;
    let rotations = at.db.read_blocking(list_rotations).map_err(|e| whole(&e))?;
    if show.json {
        let list: Vec<_> = rotations.iter().map(rotation_json).collect();
        say(&json!({ "rotations": list }).to_string());
        return Ok(());
    }
    if rotations.is_empty() {
        say("No key was rotated yet.");
    }
    for rotation in &rotations {
        say(&rotation_line(rotation));
    }
    Ok(())
}

fn check_sealed(show: Show) -> Result<(), String> {
    let (_, at) = open(show.source)?;
    let found = check_nonces(&at.db, SEALED_COLUMNS).map_err(|e| whole(&e))?;
    if show.json {
        let (owners, values, most, twice) = (found.owners, found.values, found.most, &found.twice);
        say(&json!({ "owners": owners, "values": values, "most": most, "twice": twice }).to_string());
    } else {
        found.twice.iter().for_each(|place| say(&format!("a nonce was used twice: {place}")));
        say(&format!("{} values of {} owners, {} of one at most", found.values, found.owners, found.most));
    }
    if found.twice.is_empty() {
        Ok(())
    } else {
        Err("rotate the data keys: `tillward keys rotate data`".to_owned())
    }
}

fn rotation_json(rotation: &Rotation) -> serde_json::Value {
    json!({
        "id": rotation.id, "level": rotation.level.name(), "from_version": rotation.from_version,
        "to_version": rotation.to_version, "state": rotation.state.name(), "done": rotation.done,
        "total": rotation.total, "problem": rotation.problem, "started": rotation.started.to_rfc3339(),
        "ended": rotation.ended.map(Timestamp::to_rfc3339),
    })
}

fn rotation_line(rotation: &Rotation) -> String {
    let mut line = format!(
        "{:>3} {:<5} {:<9} {} of {}  started {}",
        rotation.id,
        rotation.level.name(),
        rotation.state.name(),
        rotation.done,
        rotation.total,
        rotation.started.to_rfc3339()
    );
    if let Some(problem) = &rotation.problem {
        let _ = write!(line, "  last problem: {problem}");
    }
    line
}

fn rotate_level(rotate: Rotate) -> Result<(), String> {
    let (config, at) = open(rotate.source)?;
    let (level, now, dice) = (Level::from(rotate.level), at.clock.now(), at.dice.clone());
    let started =
        at.db.write_blocking(move |tx| start_rotation(tx, level, &Actor::system("command line"), now, &dice));
    match started {
        Ok(_) => {}
        Err(RotationError::Running { level: open, .. }) if open == level => {}
        Err(problem) => return Err(whole(&problem)),
    }
    let holder = format!("command-{:016x}", u64::from_le_bytes(at.dice.bytes()));
    let mut bar = Bar::new(rotate.json);
    let show = |rotation: &Rotation, step: Step| {
        if rotate.json {
            say(&rotation_json(rotation).to_string());
        }
        bar.show(progress(rotation));
        if step == Step::Waiting {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    };
    let done = rotator(&at, &holder).run(&at.db, &at.vault, || at.clock.now(), &at.dice, show);
    bar.clear();
    done.map_err(|e| format!("{}; run the same command again to go on", whole(&e)))?;
    if !rotate.json {
        let last = at.db.read_blocking(list_rotations).map_err(|e| whole(&e))?;
        last.first().map(rotation_line).iter().for_each(|line| say(line));
        say("The key that was replaced is retired. `tillward keys destroy` ends it for good.");
    }
    if level == Level::Root && matches!(config.keys, KeySource::Shares(_)) {
        say_unsplit(&config.key_file);
    }
    Ok(())
}

/// What custodians do with a new root key, which the rotation could only write into the key file.
fn say_unsplit(key_file: &Path) {
    let file = key_file.display();
    eprintln!(
        "The new root key lies in plain in `{file}`; the shares there are do not give it. Now: `tillward keys split`, \
         give each new share to its custodian, try them with `tillward keys join`, then `shred --remove {file}` and \
         every copy of it. Until then whoever reads that file has the key."
    );
}

fn progress(rotation: &Rotation) -> Progress {
    let count = |keys: i64| u64::try_from(keys).unwrap_or(0);
    let phase = match rotation.level {
        Level::Root => "root key",
        Level::Kek => "re-wrap",
        Level::Data => "re-seal",
        Level::Seed => "re-key",
    };
    Progress { phase, done: count(rotation.done), total: Some(count(rotation.total.max(rotation.done))) }
}

fn destroy_version(destroy: Destroy) -> Result<(), String> {
    let (_, at) = open(destroy.source)?;
    let (level, version) = (Level::from(destroy.level), destroy.version);
    let by = Actor::system("command line");
    let key = (level, version, HANGING);
    let done = destroy_key(&at.db, &at.vault, &*at.keys, key, &by, (at.clock.now(), &at.dice));
    if let Err(RotationError::InUse { level: Level::Seed, .. }) = &done {
        show_uses(&at, Some(version))?;
    }
    done.map_err(|e| whole(&e))?;
    say(&format!("Version {version} of level {} is destroyed.", level.name()));
    Ok(())
}

/// What hangs from a seed of sub-keys, or from each.
fn show_uses(at: &Installation, version: Option<i64>) -> Result<(), String> {
    let uses = at.db.read_blocking(list_seed_uses).map_err(|e| whole(&e))?;
    for uses in uses.iter().filter(|uses| version.is_none_or(|version| uses.version == version)) {
        say(&format!("  seed v{}: {} {}, counted {}", uses.version, uses.uses, uses.name, day(uses.counted)));
    }
    Ok(())
}

fn make_next(show: Show) -> Result<(), String> {
    let config = show.source.read()?;
    let path = file_source(&config)?.make_next(&Dice::System).map_err(|e| whole(&e))?;
    if show.json {
        say(&json!({ "next": path.display().to_string() }).to_string());
    } else {
        say(&format!("`{}` is the next root key. Copy it to every node, then rotate.", path.display()));
    }
    Ok(())
}

/// The key file; only where the root key is in one.
fn file_source(config: &Config) -> Result<FileSource, String> {
    match config.keys {
        KeySource::File | KeySource::Shares(_) => {
            FileSource::open(&config.key_file, &config.data).map_err(|e| whole(&e))
        }
        _ => Err("the root key is not in a file here; its token or service makes the next one".to_owned()),
    }
}

fn split_file(split: Split) -> Result<(), String> {
    let config = split.source.read()?;
    let root = RootKey::load(&config.key_file, &config.data).map_err(|e| whole(&e))?;
    let shares = split_key(&root, split.needed, split.count, &Dice::System).map_err(|e| whole(&e))?;
    match &split.out {
        None => shares.iter().for_each(|share| say(share.expose())),
        Some(folder) => write_shares(folder, &shares)?,
    }
    eprintln!(
        "Any {} of these {} shares unlock. Give each to another person, try `tillward keys join`, start with \
         --keys-source shares, and only then delete `{}` and its copies.",
        split.needed,
        split.count,
        config.key_file.display()
    );
    Ok(())
}

/// Writes a file for each share, or none: some of them would pass for a whole splitting.
fn write_shares(folder: &Path, shares: &[Secret<String>]) -> Result<(), String> {
    if !folder.is_dir() {
        return Err(format!("there is no folder `{}` for the shares; make it first", folder.display()));
    }
    let files: Vec<(PathBuf, &Secret<String>)> =
        (1..).map(|number| folder.join(format!("share-{number}.txt"))).zip(shares).collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        return Err(format!("share file `{}` exists already; no share was written", path.display()));
    }
    for (at, (path, share)) in files.iter().enumerate() {
        let line = Zeroizing::new(format!("{}\n", share.expose()));
        write_secret_file(path, &line, &Dice::System).map_err(|why| {
            files.iter().take(at).for_each(|(written, _)| drop(std::fs::remove_file(written)));
            format!("share file `{}` {why}; no share was kept", path.display())
        })?;
    }
    Ok(())
}

fn join_file(join: Join) -> Result<(), String> {
    let root = read_shares(&join.shares).map_err(|e| whole(&e))?;
    let config = join.source.read()?;
    root.save(&config.key_file, &config.data, &Dice::System).map_err(|e| whole(&e))?;
    say(&format!("`{}` holds root key {}.", config.key_file.display(), root.name()));
    Ok(())
}
