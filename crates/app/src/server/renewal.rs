//! Takes over renewed certificates while the program runs, and keeps the inventory of those it presents (TLS-6, C44).

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Reload, Tls};
use crate::installation::Installation;
use crate::limits::TLS_RELOAD_SECONDS;

/// Looks at the files of certificates every few seconds, and at once on SIGHUP.
pub struct Renewal {
    at: Installation,
    watched: Vec<(String, Arc<Tls>)>,
    /// Taken at the start, so that the signal never ends the program.
    asked: Option<Signal>,
    rounds: u32,
}

/// Rounds from one look at how long the authority lasts to the next: an hour.
const AUTHORITY_ROUNDS: u32 = 360;

impl Renewal {
    /// Nothing to watch yet.
    pub fn new(at: &Installation) -> Renewal {
        Renewal { at: at.clone(), watched: Vec::new(), asked: signal(SignalKind::hangup()).ok(), rounds: 0 }
    }

    /// One more listener, under this name in the inventory.
    pub fn watch(&mut self, name: &str, tls: Arc<Tls>) {
        self.watched.push((name.to_owned(), tls));
    }

    /// Enters what the listeners present now into the inventory.
    pub async fn note(&self) {
        for (name, tls) in &self.watched {
            self.enter(name, tls).await;
        }
    }

    /// Runs until it is dropped.
    pub async fn run(mut self) {
        loop {
            let asked = self.wait().await;
            if let Err(problem) = self.look(asked).await {
                tracing::warn!(%problem, "the authority for clients could not be read");
            }
        }
    }

    async fn look(&mut self, asked: bool) -> Result<(), identity::Fault> {
        let mut roots = Vec::new();
        if self.watched.iter().any(|(_, tls)| tls.asks_clients()) {
            self.rounds = self.rounds.wrapping_add(1);
            if asked || self.rounds.is_multiple_of(AUTHORITY_ROUNDS) {
                self.at.prepare_authority().await?;
            }
            roots = self.at.authorities().await?;
        }
        for (name, tls) in &self.watched {
            let listener = name.as_str();
            match tls.reload(if tls.asks_clients() { &roots } else { &[] }) {
                Ok(Reload::Changed) => {
                    tracing::info!(listener, "new certificate taken over");
                    self.enter(name, tls).await;
                }
                Ok(Reload::Same) if asked => tracing::info!(listener, "the certificate is as it was"),
                Ok(Reload::Same) => {}
                Err(problem) => {
                    let problem = problem.to_string();
                    tracing::error!(alarm = "certificate", listener, problem, "the old certificate stays");
                }
            }
        }
        Ok(())
    }

    /// Until it is time to look, or somebody asks for it; says which.
    async fn wait(&mut self) -> bool {
        let pause = tokio::time::sleep(Duration::from_secs(TLS_RELOAD_SECONDS));
        match &mut self.asked {
            None => {
                pause.await;
                false
            }
            Some(signal) => tokio::select! {
                () = pause => false,
                _ = signal.recv() => true,
            },
        }
    }

    async fn enter(&self, name: &str, tls: &Tls) {
        let (vault, dice, now) = (Arc::clone(&self.at.vault), self.at.dice.clone(), self.at.clock.now());
        let found = tls.watched(name);
        let entered = self.at.db.write(move |tx| {
            let means = identity::Means { vault: &vault, dice: &dice, now };
            found.iter().try_for_each(|found| identity::watch_certificate(tx, &means, found))
        });
        if let Err(problem) = entered.await {
            tracing::warn!(%problem, "a certificate could not be entered into the inventory");
        }
    }
}
