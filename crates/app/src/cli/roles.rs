//! `tillward roles`: who may do what.

use std::process::ExitCode;

use super::say;

/// What `tillward roles` takes.
#[derive(clap::Args)]
#[command(
    after_help = "The built-in roles; those that a shop made itself are listed by GET /v1/roles. Needs no database.\n\n\
    Examples:\n  tillward roles\n  tillward roles --json > who-may-do-what.json\n  \
    tillward roles --fields > fields.md"
)]
pub(super) struct Roles {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print who may read and write which fields, as Markdown
    #[arg(long, conflicts_with = "json")]
    fields: bool,
}

impl Roles {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        if self.json {
            say(&serde_json::to_string_pretty(&crate::access::describe()).map_err(|e| e.to_string())?);
        } else if self.fields {
            say(crate::access::print_fields().trim_end());
        } else {
            say(crate::access::print().trim_end());
        }
        Ok(ExitCode::SUCCESS)
    }
}
