//! `tillward serve`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use base::{Clock, Dice};
use identity::outside::Provider;
use identity::passkeys::AttestationPolicy;
use tokio::sync::Notify;

use super::{Source, say, whole};
use crate::config::Config;
use crate::installation::{Installation, load_screen};
use crate::jobs::Jobs;
use crate::key_source::install_tls;
use crate::server::{
    ClientFiles, Listener, Renewal, Tls, TlsFiles, asked_to_stop, edge, machine_router, router,
};

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
    let makers = makers(&config)?;
    let tls = config.tls.as_ref().map(|(certificate, key)| files(certificate, key, None));
    let tls = tls.map(|files| Tls::open(files, &[]).map(Arc::new)).transpose().map_err(|e| whole(&e))?;
    let listener = Listener::bind(config.listen, tls.clone()).await.map_err(|e| whole(&e))?;
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
    let stop = asked_to_stop();
    let machines = bind_machines(&config, &installation).await?;
    let jobs = {
        let (installation, mail, texts) = (installation.clone(), config.mail.clone(), config.texts.clone());
        let (url, browser) = (public_url.clone(), config.watch_browser.clone());
        let start = move || {
            let mut jobs = Jobs::start(&installation, mail, texts)?;
            jobs.watch_pages(&installation, &url, browser).map(|()| jobs)
        };
        tokio::task::spawn_blocking(start).await.map_err(|e| e.to_string())??
    };
    let countries = screen.countries.clone();
    let mut context = installation.context(&public_url, screen);
    context.identity = context.identity.with_countries(country_of(countries));
    context.identity.sends_texts = config.texts.go_out();
    context.identity.password_profile = config.password_profile;
    context.identity = context.identity.with_provider(provider(&config)?);
    context.identity.makers = makers;
    print_set_up(&installation, &public_url).await?;
    say(&format!(
        "tillward listens on {scheme}://{address} ({} engine); codes point to {public_url}",
        installation.db.engine().name()
    ));
    let edge = edge(&installation, config.tls.is_some(), &config.trusted_proxies);
    let mut renewal = Renewal::new(&installation);
    if let Some(tls) = tls {
        renewal.watch(&format!("listener {}", config.listen), tls);
    }
    let stopping = Arc::new(Notify::new());
    let machines = machines.map(|(listener, tls)| {
        let at = listener.address().unwrap_or(config.listen);
        say(&format!("machines with a client certificate are answered on https://{at}"));
        renewal.watch(&format!("listener {at} for machines"), tls);
        let stop = Arc::clone(&stopping).notified_owned();
        tokio::spawn(listener.serve(machine_router(&context, edge.clone()), stop))
    });
    renewal.note().await;
    let renewing = tokio::spawn(renewal.run());
    listener.serve(router(&context, edge), stop).await;
    tracing::info!("stopping");
    stopping.notify_one();
    renewing.abort();
    if let Some(machines) = machines {
        machines.await.map_err(|e| e.to_string())?;
    }
    tokio::task::spawn_blocking(move || drop(jobs)).await.map_err(|e| e.to_string())
}

fn files(certificate: &Path, key: &Path, clients: Option<ClientFiles>) -> TlsFiles {
    TlsFiles { certificate: certificate.to_owned(), key: key.to_owned(), clients }
}

/// The operator's own provider for members, where one is set. Nothing is asked of it yet.
fn provider(config: &Config) -> Result<Option<Arc<Provider>>, String> {
    let Some(oidc) = &config.oidc else { return Ok(None) };
    install_tls();
    let provider = Provider::new(oidc.read().map_err(|e| whole(&e))?).map_err(|e| whole(&e))?;
    Ok(Some(Arc::new(provider)))
}

/// Whose passkeys members may add, where that is asked.
fn makers(config: &Config) -> Result<Option<Arc<AttestationPolicy>>, String> {
    let Some(passkeys) = &config.passkeys else { return Ok(None) };
    let policy = passkeys.read().map_err(|e| whole(&e))?;
    for warning in passkeys.warnings(&policy, Clock::System.now()) {
        tracing::warn!("{warning}");
    }
    Ok(Some(Arc::new(policy)))
}

/// The listener for machines, where one is wanted.
async fn bind_machines(
    config: &Config,
    installation: &Installation,
) -> Result<Option<(Listener, Arc<Tls>)>, String> {
    let (Some(address), Some((certificate, key))) = (config.mtls_listen, &config.tls) else {
        return Ok(None);
    };
    installation.prepare_authority().await.map_err(|e| whole(&e))?;
    let roots = installation.authorities().await.map_err(|e| whole(&e))?;
    let files = files(certificate, key, Some(config.mtls_clients.clone()));
    let tls = Arc::new(Tls::open(files, &roots).map_err(|e| whole(&e))?);
    let listener = Listener::bind(address, Some(Arc::clone(&tls))).await.map_err(|e| whole(&e))?;
    Ok(Some((listener.behind_proxies(&config.trusted_proxies), tls)))
}

fn open(config: &Config) -> Result<(Installation, payments::Screen), String> {
    if let Some(path) = &config.password_list {
        let refused = |e: &dyn std::fmt::Display| format!("the password list `{}`: {e}", path.display());
        let bytes = std::fs::read(path).map_err(|e| refused(&e))?;
        let list = identity::Blocklist::parse(&bytes).map_err(|e| refused(&e))?;
        tracing::info!(version = list.version(), passwords = list.passwords(), "password list");
        identity::use_blocklist(list);
    }
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

/// The operator's table, for where people are signed in.
fn country_of(countries: Option<Arc<risk::Countries>>) -> identity::CountryOf {
    Arc::new(move |address| Some(countries.as_ref()?.find(address)?.text()))
}
