//! `tillward serve`.

use std::process::ExitCode;
use std::sync::Arc;

use base::{Clock, Dice};

use super::{Source, say, whole};
use crate::config::Config;
use crate::installation::{Installation, load_screen};
use crate::jobs::Jobs;
use crate::server::{Listener, asked_to_stop, edge, router};

/// Run the server.
#[derive(clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    source: Source,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let config = self.source.read()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
        runtime.block_on(serve(config))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn serve(config: Config) -> Result<(), String> {
    let tls = config.tls.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
    let listener = Listener::bind(config.listen, tls).await.map_err(|e| whole(&e))?;
    let listener = listener.behind_proxies(&config.trusted_proxies);
    let address = listener.address().unwrap_or(config.listen);
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let public_url =
        config.public_url.clone().unwrap_or_else(|| format!("{scheme}://localhost:{}", address.port()));
    let opened = {
        let config = config.clone();
        tokio::task::spawn_blocking(move || open(&config)).await.map_err(|e| e.to_string())?
    };
    let (installation, screen) = opened?;
    let jobs = {
        let (installation, mail) = (installation.clone(), config.mail.clone());
        tokio::task::spawn_blocking(move || Jobs::start(&installation, mail))
            .await
            .map_err(|e| e.to_string())??
    };
    let context = installation.context(&public_url, screen);
    print_set_up(&installation, &public_url).await?;
    say(&format!(
        "tillward listens on {scheme}://{address} ({} engine); codes point to {public_url}",
        installation.db.engine().name()
    ));
    let edge = edge(&installation, config.tls.is_some(), &config.trusted_proxies);
    listener.serve(router(&context, edge), asked_to_stop()).await;
    tracing::info!("stopping");
    tokio::task::spawn_blocking(move || drop(jobs)).await.map_err(|e| e.to_string())
}

fn open(config: &Config) -> Result<(Installation, payments::Screen), String> {
    let screen = load_screen(config).map_err(|e| whole(&e))?;
    let installation = Installation::open(config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
    Ok((installation, screen))
}

/// The first start prints a link with which the owner sets the installation up, once.
async fn print_set_up(installation: &Installation, public_url: &str) -> Result<(), String> {
    let (vault, dice, now) =
        (Arc::clone(&installation.vault), installation.dice.clone(), installation.clock.now());
    let made = installation.db.write(move |tx| {
        identity::create_setup_link(tx, &identity::Means { vault: &vault, dice: &dice, now })
    });
    if let Some(token) = made.await.map_err(|e| whole(&e))? {
        say("No shop is set up yet. Open this link once, within a day, to make yours:");
        say(&format!("  {}", identity::link_text(public_url, &token).expose()));
    }
    Ok(())
}
