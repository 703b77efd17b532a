//! `tillward member reset-factors|restore|sign-out`.

use std::process::ExitCode;
use std::sync::Arc;

use base::{Clock, Dice, MemberId, Secret};
use identity::{Everybody, Means, MemberError, Person};

use super::sign_out::{Whom, sign_out};
use super::{Source, say, whole};
use crate::installation::Installation;

/// Help a member of a shop that has nobody else who could.
#[derive(clap::Args)]
#[command(
    after_help = "Each change is an entry of the audit log. With the embedded engine, stop the server first.\n\n\
    Examples:\n  tillward member reset-factors mem_0123…\n  \
    tillward member restore mem_0123…\n  tillward member sign-out --everybody"
)]
pub(super) struct Member {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Let a member who lost every second factor begin anew with a link
    ResetFactors(One),
    /// Let a suspended member or operator in again, where nobody is left who could; they are told by mail
    Restore(Restored),
    /// End every session of a member, or of all members and operators
    SignOut(SignOut),
}

#[derive(clap::Args)]
struct SignOut {
    /// The member, `mem_…`
    #[arg(value_name = "MEMBER_ID", required_unless_present = "everybody", conflicts_with = "everybody")]
    member: Option<MemberId>,
    /// All members and operators, of every shop
    #[arg(long)]
    everybody: bool,
    #[command(flatten)]
    source: Source,
}

#[derive(clap::Args)]
struct Restored {
    /// The member, `mem_…`
    #[arg(value_name = "MEMBER_ID")]
    member: MemberId,
    #[command(flatten)]
    source: Source,
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
        let one = match self.what {
            What::ResetFactors(one) => one,
            What::Restore(one) => return restore(one),
            What::SignOut(out) => {
                let one = out.member.map(|id| Whom::One(Person::Member(id)));
                return sign_out(out.source, one.unwrap_or(Whom::All(Everybody::Members)));
            }
        };
        let config = one.source.read()?;
        let at = Installation::open_existing(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
        let url = config.public_url.clone().unwrap_or(one.url);
        let link = apply(&at, one.member, &url).map_err(|e| whole(&e))?;
        say("Every second factor, the password and every session of the member are gone.");
        say("This link was mailed; it works once and for 24 hours:");
        say(&format!("  {}", link.expose()));
        Ok(ExitCode::SUCCESS)
    }
}

fn restore(one: Restored) -> Result<ExitCode, String> {
    let member = one.member;
    let config = one.source.read()?;
    let at = Installation::open_existing(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
    let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
    let restored = at.db.write_blocking(move |tx| {
        let means = Means { vault: &vault, dice: &dice, now };
        identity::restore_member_as_operator(tx, &means, member)
    });
    if !restored.map_err(|e: MemberError| whole(&e))? {
        return Err(format!("`{member}` is not suspended; nothing was changed"));
    }
    say("The member can sign in again, with the password and second step as before.");
    Ok(ExitCode::SUCCESS)
}

fn apply(at: &Installation, member: MemberId, url: &str) -> Result<Secret<String>, MemberError> {
    let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
    let url = url.trim_end_matches('/').to_owned();
    at.db.write_blocking(move |tx| {
        let means = Means { vault: &vault, dice: &dice, now };
        identity::reset_factors_as_operator(tx, &means, member, &url)
    })
}
