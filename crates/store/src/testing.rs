//! Runs a test on every engine there is.
//!
//! PostgreSQL takes part when `TILLWARD_TEST_POSTGRES` holds the URL of a scratch server, as `./test` arranges. Each
//! run gets a schema of its own, dropped at its end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Secret, Timestamp};
use postgres::NoTls;

use crate::db::{Config, Db};
use crate::error::Error;
use crate::migrate::Migration;

/// The variable that names the scratch server.
pub const POSTGRES_VARIABLE: &str = "TILLWARD_TEST_POSTGRES";

/// Runs `test` on the embedded engine and, when a scratch server is named, on PostgreSQL.
///
/// # Panics
/// When a database cannot be made, and when `test` panics.
pub fn each_engine(migrations: &[Migration], test: impl Fn(Db)) {
    for scratch in Scratch::each() {
        let db = scratch.open(migrations);
        assert!(db.is_ok(), "cannot open a scratch database: {:?}", db.err());
        if let Ok(db) = db {
            test(db);
        }
    }
}

/// A place for one scratch database; removed when dropped. Can be opened more than once, one after another.
pub struct Scratch {
    config: Config,
    folder: Option<PathBuf>,
    schema: Option<(String, String)>,
}

impl Scratch {
    /// One scratch database for every engine there is.
    pub fn each() -> Vec<Scratch> {
        let mut all = vec![Scratch::file()];
        all.extend(std::env::var(POSTGRES_VARIABLE).ok().map(|url| Scratch::postgres(&url)));
        all
    }

    /// One in a temporary folder, for the embedded engine.
    ///
    /// # Panics
    /// When the folder cannot be made.
    pub fn file() -> Scratch {
        let folder = std::env::temp_dir().join(format!("tillward-test-{}", unique()));
        assert!(std::fs::create_dir_all(&folder).is_ok(), "cannot make `{}`", folder.display());
        let config = Config::File(folder.join("tillward.db"));
        Scratch { config, folder: Some(folder), schema: None }
    }

    fn postgres(url: &str) -> Scratch {
        let schema = format!("test_{}", unique().replace('-', "_"));
        let joint = if url.contains('?') { '&' } else { '?' };
        let own = format!("{url}{joint}options=-csearch_path%3D{schema}");
        let made = postgres::Client::connect(url, NoTls)
            .and_then(|mut client| client.batch_execute(&format!("CREATE SCHEMA {schema}")));
        assert!(made.is_ok(), "cannot make a scratch schema: {:?}", made.err());
        let config = Config::Postgres { url: Secret::new(own), ca_file: None };
        Scratch { config, folder: None, schema: Some((url.to_owned(), schema)) }
    }

    /// How to reach it.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Opens it.
    ///
    /// # Errors
    /// See [`Db::open`].
    pub fn open(&self, migrations: &[Migration]) -> Result<Db, Error> {
        Db::open(&self.config, migrations, Timestamp(0))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
        if let Some((url, schema)) = &self.schema {
            let _ = postgres::Client::connect(url, NoTls)
                .and_then(|mut client| client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")));
        }
    }
}

/// A small file system of its own, in memory; unmounted when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at `at`. `None` where that is not allowed: only root may.
    ///
    /// # Panics
    /// When the folder cannot be made.
    pub fn mount(at: &Path, mebibytes: u32) -> Option<SmallDisk> {
        assert!(std::fs::create_dir_all(at).is_ok(), "cannot make `{}`", at.display());
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|done| done.status.success()).then(|| SmallDisk(at.to_owned()))
    }

    /// Takes all the room that is left, to the last byte.
    ///
    /// # Panics
    /// When the file that takes it cannot be made.
    pub fn fill(&self) {
        let file = std::fs::File::create(self.0.join("filler"));
        assert!(file.is_ok(), "cannot fill the disk: {:?}", file.err());
        if let Ok(mut file) = file {
            for size in [1 << 20, 1 << 12, 1 << 9, 1] {
                while file.write_all(&vec![7u8; size]).is_ok() {}
            }
        }
    }

    /// Gives it back.
    pub fn make_room(&self) {
        let _ = std::fs::remove_file(self.0.join("filler"));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let chance = u64::from_le_bytes(base::Dice::System.bytes());
    format!("{}-{count}-{chance:x}", std::process::id())
}
