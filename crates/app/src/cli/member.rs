//! `tillward member reset-factors`.

use std::process::ExitCode;
use std::sync::Arc;

use base::{Clock, Dice, MemberId, Secret};
use identity::{Means, MemberError};

use super::{Source, say, whole};
use crate::installation::Installation;

/// Help a member of a shop that has nobody else who could.
#[derive(clap::Args)]
#[command(
    after_help = "Each change is an entry of the audit log. With the embedded engine, stop the server first.\n\n\
    Example:\n  tillward member reset-factors mem_0123…"
)]
pub(super) struct Member {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Let a member who lost every second factor begin anew with a link
    ResetFactors(One),
}

#[derive(clap::Args)]
struct One {
    /// The member, `mem_…`
    #[arg(value_name = "MEMBER_ID")]
    member: MemberId,
    /// What the link starts with, where the settings name no public address
    #[arg(long, default_value = "http://localhost:8080")]
    url: String,
    #[command(flatten)]
    source: Source,
}

impl Member {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let What::ResetFactors(one) = self.what;
        let config = one.source.read()?;
        let at = Installation::open(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
        let url = config.public_url.clone().unwrap_or(one.url);
        let link = apply(&at, one.member, &url).map_err(|e| whole(&e))?;
        say("Every second factor, the password and every session of the member are gone.");
        say("This link was mailed; it works once and for 24 hours:");
        say(&format!("  {}", link.expose()));
        Ok(ExitCode::SUCCESS)
    }
}

fn apply(at: &Installation, member: MemberId, url: &str) -> Result<Secret<String>, MemberError> {
    let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
    let url = url.trim_end_matches('/').to_owned();
    at.db.write_blocking(move |tx| {
        let means = Means { vault: &vault, dice: &dice, now };
        identity::reset_factors_as_operator(tx, &means, member, &url)
    })
}
