//! `tillward migrate` and `tillward openapi`.

use std::process::ExitCode;

use base::Clock;

use super::{Source, say, whole};
use crate::installation::open_database;

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
        open_database(&config, Clock::System.now()).map_err(|e| whole(&e))?;
        say("the database is up to date");
        Ok(ExitCode::SUCCESS)
    }
}

/// What `tillward openapi` takes.
#[derive(clap::Args)]
#[command(
    after_help = "Needs no database.\n\nExamples:\n  tillward openapi > openapi.json\n  tillward openapi --errors > errors.md"
)]
pub(super) struct Openapi {
    /// Print the error codes with status and meaning, as Markdown
    #[arg(long)]
    errors: bool,
}

impl Openapi {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        if self.errors {
            say(crate::error_page::print_error_codes().trim_end());
        } else {
            say(&crate::openapi::openapi().to_pretty_json().map_err(|e| e.to_string())?);
        }
        Ok(ExitCode::SUCCESS)
    }
}
