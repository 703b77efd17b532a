//! `tillward roles`: who may do what.

use std::process::ExitCode;

use super::say;

/// What `tillward roles` takes.
#[derive(clap::Args)]
#[command(
    after_help = "The built-in roles; those that a shop made itself are listed by GET /v1/roles. Needs no database.\n\n\
    Examples:\n  tillward roles\n  tillward roles --json > who-may-do-what.json"
)]
pub(super) struct Roles {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Roles {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        if self.json {
            say(&serde_json::to_string_pretty(&crate::access::describe()).map_err(|e| e.to_string())?);
        } else {
            say(crate::access::print().trim_end());
        }
        Ok(ExitCode::SUCCESS)
    }
}
