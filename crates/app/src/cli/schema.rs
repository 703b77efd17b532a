//! `tillward migrate` and `tillward openapi`.

use std::process::ExitCode;

use base::Clock;

use super::{Source, say, whole};

/// Bring the database up to date and stop.
#[derive(clap::Args)]
#[command(
    after_help = "`serve` does the same at its start. On the embedded engine stop the server first.\n\n\
    Examples:\n  tillward migrate --data /var/lib/tillward/data\n  \
    TILLWARD_DATABASE_URL=postgres://localhost/tillward tillward migrate"
)]
pub(super) struct Migrate {
    #[command(flatten)]
    source: Source,
}

impl Migrate {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let config = self.source.read()?;
        if let store::Config::File(path) = &config.database
            && let Some(folder) = path.parent()
        {
            std::fs::create_dir_all(folder)
                .map_err(|e| format!("cannot make `{}`: {e}", folder.display()))?;
        }
        let db = store::Db::open(&config.database, &crate::migrations(), Clock::System.now());
        db.map_err(|e| whole(&e))?;
        say("the database is up to date");
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints the description of the API.
pub(super) fn print_openapi() -> Result<ExitCode, String> {
    let text = crate::openapi::openapi().to_pretty_json().map_err(|e| e.to_string())?;
    say(&text);
    Ok(ExitCode::SUCCESS)
}
