//! `tillward operator-key` and `tillward operator-invite`.

use std::process::ExitCode;
use std::sync::Arc;

use base::{Clock, Dice, ShopId};
use identity::{Email, Label, Means, NewApiKey, NewMember, PersonName, Role};
use webkit::page::Lang;

use super::{Source, say, whole};
use crate::installation::Installation;

/// Make a key for whoever runs the installation.
#[derive(clap::Args)]
#[command(
    after_help = "The key signs requests such as POST /v1/top_ups, see docs/api.md. On the embedded engine stop the \
    server first.\n\nExample:\n  tillward operator-key --data /var/lib/tillward/data"
)]
pub(super) struct OperatorKey {
    /// What the key is called
    #[arg(long, default_value = "operator")]
    label: String,
    #[command(flatten)]
    source: Source,
}

impl OperatorKey {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let label = Label::parse(&self.label).map_err(|e| format!("label {e}"))?;
        let config = self.source.read()?;
        let at = Installation::open(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
        let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
        let made = at.db.write_blocking(move |tx| {
            let means = Means { vault: &vault, dice: &dice, now };
            identity::create_system_api_key(tx, &means, ShopId::HOUSE, &NewApiKey::operator(label.clone()))
        });
        let (key, secret) = made.map_err(|e| whole(&e))?;
        say("Keep the secret; it is shown this once.");
        say(&format!("  keyid   {}", key.id));
        say(&format!("  secret  {}", secret.secret().expose()));
        Ok(ExitCode::SUCCESS)
    }
}

/// Invite somebody to run the installation, with a password and a second factor of their own.
#[derive(clap::Args)]
#[command(
    after_help = "Prints the link and mails it. On the embedded engine stop the server first.\n\nExample:\n  tillward \
    operator-invite --name 'Li Si' --email li@house.example --data /var/lib/tillward/data"
)]
pub(super) struct OperatorInvite {
    /// Their name
    #[arg(long)]
    name: String,
    /// The address they sign in with
    #[arg(long)]
    email: String,
    /// What the link starts with, where the settings name no public address
    #[arg(long, default_value = "http://localhost:8080")]
    url: String,
    #[command(flatten)]
    source: Source,
}

impl OperatorInvite {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let new = NewMember {
            name: PersonName::parse(&self.name).map_err(|e| format!("name {e}"))?,
            email: Email::parse(&self.email).map_err(|e| format!("email {e}"))?,
            grants: Role::Operator.into(),
            lang: Lang::En,
        };
        let config = self.source.read()?;
        let at = Installation::open(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
        let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
        let url = config.public_url.clone().unwrap_or(self.url);
        let invited = at.db.write_blocking(move |tx| {
            identity::invite_operator(tx, &Means { vault: &vault, dice: &dice, now }, &new, &url)
        });
        let (_, link) = invited.map_err(|e| whole(&e))?;
        say("The link works once and for 7 days.");
        say(&format!("  {}", link.expose()));
        Ok(ExitCode::SUCCESS)
    }
}
