//! The three attacks: who plays them, and how they are counted.

use std::sync::{Mutex, PoisonError};

use base::BuyerId;

use super::people::balance;
use super::play::World;

/// An attack and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// `card_testing`, `account_takeover` or `replay`.
    pub name: &'static str,
    /// Attempts to move money.
    pub attempts: u64,
    /// Attempts that moved none.
    pub stopped: u64,
}

/// The attacks, in the order they are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Many small payments by fresh accounts from one address.
    CardTesting,
    /// A known account on a new phone from far away.
    AccountTakeover,
    /// What was sent or shown once, once more.
    Replay,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::CardTesting, Kind::AccountTakeover, Kind::Replay];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Kind::CardTesting => "card_testing",
            Kind::AccountTakeover => "account_takeover",
            Kind::Replay => "replay",
        }
    }
}

/// The count.
#[derive(Default)]
pub(super) struct Score {
    counts: Mutex<[(u64, u64); Kind::ALL.len()]>,
}

impl Score {
    /// Counts an attempt.
    pub(super) fn count(&self, kind: Kind, stopped: bool) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((attempts, held)) = counts.get_mut(kind as usize) {
            *attempts += 1;
            *held += u64::from(stopped);
        }
    }

    /// One attack as it stands.
    pub(super) fn attack(&self, kind: Kind) -> Attack {
        let counts = *self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (attempts, stopped) = counts.get(kind as usize).copied().unwrap_or_default();
        Attack { name: kind.name(), attempts, stopped }
    }

    /// All attacks.
    pub(super) fn attacks(&self) -> Vec<Attack> {
        Kind::ALL.map(|kind| self.attack(kind)).to_vec()
    }
}

/// A look into a buyer's balance before and after an attempt: what counts is whether money moved.
pub(super) struct Purse {
    buyer: BuyerId,
    before: i64,
}

impl Purse {
    /// What is in it before the attempt.
    pub(super) async fn look(world: &World, buyer: BuyerId) -> Result<Purse, String> {
        Ok(Purse { buyer, before: balance(world, buyer).await? })
    }

    /// Counts an attempt that was just made, whatever the answer said.
    pub(super) async fn count(&mut self, world: &World, kind: Kind) -> Result<(), String> {
        self.count_beyond(world, kind, 0).await
    }

    /// The same where `expected` minor units were the buyer's own doing.
    pub(super) async fn count_beyond(
        &mut self,
        world: &World,
        kind: Kind,
        expected: i64,
    ) -> Result<(), String> {
        let after = balance(world, self.buyer).await?;
        world.score.count(kind, after >= self.before - expected);
        self.before = after;
        Ok(())
    }
}

/// Plays one round of an attack.
pub(super) async fn play(world: &World, kind: Kind) -> Result<(), String> {
    match kind {
        Kind::CardTesting => super::testing::play(world).await,
        Kind::AccountTakeover => super::takeover::play(world).await,
        Kind::Replay => super::replay::play(world).await,
    }
}
