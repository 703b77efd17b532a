//! `tillward operator-key`.

use std::process::ExitCode;
use std::sync::Arc;

use base::{Clock, Dice, ShopId};
use identity::{Label, Means, NewApiKey};

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
