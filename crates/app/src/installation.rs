//! An installation: database, vault and audit log, opened together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Clock, Dice, ShopId, Timestamp};
use payments::Screen;
use risk::model::Model;
use risk::{Costs, Countries, RuleSet};
use store::{Db, Tx};
use vault::{Hanging, KeySource, SealedColumn, Vault};

use crate::config::Config;
use crate::data_folder::{close_folder, make_folder, remove_folders};
use crate::files::read_at_most;
use crate::key_source::{open_ahead, open_source};
use crate::migrations;

/// The name of the audit log in checkpoints, unless it was named otherwise when it was made.
const LOG_NAME: &str = "tillward.local/audit";
/// The name of the seed of the log's key among the vault's secrets.
const LOG_SEED: &str = "audit signing seed";

/// Why an installation could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder.
    #[error("cannot use the data folder `{path}`")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Nothing is there, and this command makes nothing.
    #[error("there is no installation in `{}`; name its folder with --data", .0.display())]
    Absent(PathBuf),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The root key.
    #[error(transparent)]
    Key(#[from] vault::KeyFileError),
    /// The database has data and its key is not there.
    #[error("`{}` is missing, and the database was sealed with it; put it back or name it with --key-file", .0.display())]
    KeyMissing(PathBuf),
    /// The key source: a token, a service, or shares.
    #[error(transparent)]
    Source(#[from] vault::SourceError),
    /// The custodians' shares.
    #[error("{0}")]
    Shares(String),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] vault::VaultError),
    /// The newest checkpoint was not signed with the key that is sealed in the database.
    #[error(
        "the audit log was signed with another key than the one in the vault; restore the table `vault_secrets` from a backup"
    )]
    LogKey(#[source] audit::LookupError),
    /// The key of the audit log.
    #[error("cannot make the audit log's key")]
    LogSeed(#[from] audit::NoteError),
    /// Rules, model or countries.
    #[error("cannot use `{path}`:\n{why}")]
    Screen {
        /// The file.
        path: PathBuf,
        /// What is wrong, a line each.
        why: String,
    },
}

/// An open installation. Cheap to clone.
#[derive(Clone)]
pub struct Installation {
    /// The database.
    pub db: Db,
    /// The unlocked vault.
    pub vault: Arc<Vault>,
    /// Where the root key is.
    pub keys: Arc<dyn KeySource>,
    /// Signs the audit log.
    pub signer: Arc<audit::Signer>,
    /// Where the checkpoints of the audit log go, outside the database.
    pub checkpoints: PathBuf,
    /// Who gets the newest checkpoint by mail once a day.
    pub checkpoint_mail: Option<identity::Email>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where chance comes from.
    pub dice: Dice,
}

impl Installation {
    /// Does what a job finds due, as one transaction at the present time; see [`Db::write_if_due`].
    ///
    /// # Errors
    /// Those of `step`.
    pub fn write_if_due<T, E>(
        &self,
        mut step: impl FnMut(&mut Tx<'_>, &identity::Means<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let (now, vault, dice) = (self.clock.now(), Arc::clone(&self.vault), self.dice.clone());
        self.db.write_if_due(move |tx| step(tx, &identity::Means { vault: &vault, dice: &dice, now }))
    }

    /// Opens an installation, making what is not there yet.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(config: &Config, clock: Clock, dice: Dice) -> Result<Installation, OpenError> {
        // What can be refused without the database is refused before one is made.
        let ahead = open_ahead(config, &dice)?;
        let now = clock.now();
        let db = open_database(config, now)?;
        let sealed = db.read_blocking(Vault::exists)?;
        let keys = ahead.map_or_else(|| open_source(config, sealed, &dice), Ok)?;
        let vault = Arc::new(Vault::start(&db, &*keys, now, &dice)?);
        let (unlocked, chance) = (Arc::clone(&vault), dice.clone());
        let signer = db.write_blocking(move |tx| open_signer(tx, &unlocked, now, &chance))?;
        Ok(Installation {
            db,
            vault,
            keys,
            signer: Arc::new(signer),
            checkpoints: config.checkpoints.clone(),
            checkpoint_mail: config.checkpoint_mail.clone(),
            clock,
            dice,
        })
    }

    /// Opens an installation that is there; looking at one, or changing it, must not make an empty one.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Absent`] where there is no database file.
    pub fn open_existing(config: &Config, clock: Clock, dice: Dice) -> Result<Installation, OpenError> {
        match &config.database {
            store::Config::File(path) if !path.exists() => Err(OpenError::Absent(config.data.clone())),
            _ => Installation::open(config, clock, dice),
        }
    }

    /// What the handlers hold.
    pub fn context(&self, public_url: &str, screen: Screen) -> payments::routes::Context {
        let identity = identity::Context::new(
            self.db.clone(),
            Arc::clone(&self.vault),
            self.clock.clone(),
            self.dice.clone(),
            public_url,
        );
        payments::routes::Context::new(identity, Arc::clone(&self.signer), screen)
    }

    /// Makes sure that there is an authority for clients, and that it lasts.
    ///
    /// # Errors
    /// [`identity::Fault`].
    pub async fn prepare_authority(&self) -> Result<(), identity::Fault> {
        let (vault, dice, now) = (Arc::clone(&self.vault), self.dice.clone(), self.clock.now());
        let made = self.db.write(move |tx| {
            identity::prepare_authority(tx, &identity::Means { vault: &vault, dice: &dice, now })
        });
        made.await
    }

    /// The root certificates of the built-in authority for clients, DER.
    ///
    /// # Errors
    /// [`identity::Fault`].
    pub async fn authorities(&self) -> Result<Vec<Vec<u8>>, identity::Fault> {
        let now = self.clock.now();
        self.db.read(move |tx| identity::list_authorities(tx, now)).await
    }

    /// The house: whom the operator acts for.
    pub fn house(&self) -> ShopId {
        ShopId::HOUSE
    }
}

/// Every column that holds sealed values, for the rotation of data keys. Each domain lists its own.
pub const SEALED_COLUMNS: &[&[SealedColumn]] = &[vault::rotation::SEALED, identity::SEALED, tokens::SEALED];

/// Everything that hangs from keys. Each domain lists its own.
pub const HANGING: &Hanging =
    &Hanging { sealed: SEALED_COLUMNS, keyed: &[identity::KEYED, tokens::KEYED, payments::KEYED] };

/// Reads the rules, the model and the countries that are set; the starter rules where none are.
///
/// # Errors
/// [`OpenError::Screen`] with every problem found.
pub fn load_screen(config: &Config) -> Result<Screen, OpenError> {
    let mut screen = Screen::starter();
    screen.costs = Costs::default();
    if let Some(path) = &config.rules {
        screen.rules = Arc::new(read_rules(path)?);
    }
    if let Some(path) = &config.model {
        screen.model = Some(Arc::new(read_model(path)?));
    }
    screen.countries = config.address_countries.as_deref().map(read_countries).transpose()?.map(Arc::new);
    Ok(screen)
}

/// Reads a table of countries of network addresses.
///
/// # Errors
/// [`OpenError::Screen`] with what is wrong and where.
pub fn read_countries(path: &Path) -> Result<Countries, OpenError> {
    let refused = |why: String| OpenError::Screen { path: path.to_owned(), why };
    let bytes = read_at_most(path, risk::countries::FILE_BYTES_MAX).map_err(refused)?;
    Countries::parse(&bytes).map_err(|e| refused(e.to_string()))
}

/// Reads a rule file.
///
/// # Errors
/// [`OpenError::Screen`] with every problem found, a line each.
pub fn read_rules(path: &Path) -> Result<RuleSet, OpenError> {
    let refused = |why: String| OpenError::Screen { path: path.to_owned(), why };
    let bytes = read_at_most(path, risk::rules::FILE_BYTES_MAX).map_err(refused)?;
    let text = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8 text".to_owned()))?;
    RuleSet::parse(&text)
        .map_err(|problems| refused(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// Reads a model file.
///
/// # Errors
/// [`OpenError::Screen`] with what is wrong and where.
pub fn read_model(path: &Path) -> Result<Model, OpenError> {
    let refused = |why: String| OpenError::Screen { path: path.to_owned(), why };
    let bytes = read_at_most(path, risk::model::limits::FILE_BYTES_MAX).map_err(refused)?;
    Model::load(&bytes).map_err(|e| refused(e.to_string()))
}

/// Opens the database and brings it up to date, in a data folder that nobody else reaches; both are made where they are
/// not there yet. A folder that was made for a database that is refused goes again.
///
/// # Errors
/// [`OpenError::Folder`], [`OpenError::Store`].
pub fn open_database(config: &Config, now: Timestamp) -> Result<Db, OpenError> {
    let path = &config.data;
    let made = make_folder(path).map_err(|source| OpenError::Folder { path: path.clone(), source })?;
    let opened = Db::open(&config.database, &migrations(), now);
    let db = opened.inspect_err(|_| remove_folders(&made))?;
    // Only now it is known to be ours.
    close_folder(path);
    Ok(db)
}

/// The log's signing key. Its seed is sealed in the vault, so every node that has the root key has it, and nobody else. A
/// log that has a checkpoint of another key is refused: a new key must not go on with an old history unnoticed.
fn open_signer(
    tx: &mut Tx<'_>,
    vault: &Vault,
    now: Timestamp,
    dice: &Dice,
) -> Result<audit::Signer, OpenError> {
    let seed = vault.system_secret(tx, LOG_SEED, now, dice)?;
    let signer = audit::Signer::from_seed(LOG_NAME, &seed)?;
    match audit::find_signed(tx, signer.verifier_key()) {
        Ok(_) => Ok(signer),
        Err(audit::LookupError::Store(problem)) => Err(problem.into()),
        Err(problem) => Err(OpenError::LogKey(problem)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use audit::{AnchorFile, Sequencer};

    fn open(folder: &Path) -> Result<Installation, OpenError> {
        let (data, key_file) = (Some(folder.join("data")), Some(folder.join("root.key")));
        let config = Settings { data, key_file, ..Settings::default() }.check().unwrap();
        Installation::open(&config, Clock::System, Dice::System)
    }

    #[test]
    fn au_4_the_logs_key_is_sealed_in_the_vault_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let key = open(folder.path()).unwrap().signer.verifier_key().clone();
        assert_eq!(open(folder.path()).unwrap().signer.verifier_key(), &key);
        let names = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["data", "root.key"], "no other key lies about");
    }

    #[test]
    fn au_4_a_log_whose_key_is_gone_is_refused_and_gets_no_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = open(folder.path()).unwrap();
        let file = AnchorFile::new(&at.checkpoints);
        let mut sequencer = Sequencer::open((*at.signer).clone(), "node", file).unwrap();
        assert!(sequencer.step(&at.db, at.clock.now()).unwrap().appended > 0);
        at.db.write_blocking(|tx| tx.execute("DELETE FROM vault_secrets", &[])).unwrap();
        drop((at, sequencer));
        for _ in 0..2 {
            let refused = open(folder.path()).err();
            assert!(matches!(refused, Some(OpenError::LogKey(_))), "{refused:?}");
        }
    }
}
