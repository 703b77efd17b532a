//! Plays a table of payments back in time order through the profiles the live path uses.
//!
//! The file tells what happened, so each payment is remembered as it ended there, whatever would have been decided on it. A label
//! of fraud reaches the profiles only when it became known: `label_delay_ms` after its payment, never earlier. That a payment
//! was genuine is nobody's to say, here as in the live path: it is so once a payment is old enough ([`crate::labels`]).

use base::Timestamp;

use crate::facts::{Entity, Facts};
use crate::labels::{Change, Label};
use crate::profile::{Attempt, Profile, Profiles, observe};
use crate::table::{Field, Progress, Table};

/// Payments between two reports of progress.
const PROGRESS_ROWS: u64 = 16_384;

/// How to play a table back.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long after its payment a label becomes known, in milliseconds.
    pub label_delay_ms: i64,
    /// Stop before the first payment at or after this time.
    pub until: Timestamp,
    /// What progress is reported as.
    pub phase: &'static str,
}

/// Calls `visit` for each payment with what is known of it and its parties at that moment, then remembers it.
///
/// # Errors
/// The first error of `visit`.
pub fn replay<E>(
    table: &Table,
    plan: &Plan,
    progress: &mut dyn FnMut(Progress),
    mut visit: impl FnMut(usize, &Facts, &Profiles) -> Result<(), E>,
) -> Result<(), E> {
    let mut memory = Memory::of(table);
    let mut waiting = table.in_time_order().peekable();
    let labelled = table.has(Field::Label);
    let mut done = 0u64;
    let total = Some(table.len() as u64);
    for row in table.in_time_order() {
        let now = table.at(row);
        if now >= plan.until {
            break;
        }
        while labelled && let Some(older) = waiting.next_if(|r| known_at(table, *r, plan) <= now) {
            memory.label(table, older);
        }
        let facts = table.facts(row);
        let mut profiles = memory.lend(table, row);
        visit(row, &facts, &profiles)?;
        observe(&facts, &mut profiles, table.attempt(row));
        memory.take_back(table, row, profiles);
        done += 1;
        if done.is_multiple_of(PROGRESS_ROWS) {
            progress(Progress { phase: plan.phase, done, total });
        }
    }
    progress(Progress { phase: plan.phase, done, total });
    Ok(())
}

fn known_at(table: &Table, row: usize, plan: &Plan) -> Timestamp {
    table.at(row).plus_millis(plan.label_delay_ms)
}

/// The profiles of all parties, by kind and number.
struct Memory {
    profiles: [Vec<Profile>; 6],
}

impl Memory {
    fn of(table: &Table) -> Memory {
        Memory { profiles: Entity::ALL.map(|entity| vec![Profile::default(); table.party_count(entity)]) }
    }

    fn profile(&mut self, entity: Entity, number: u32) -> Option<&mut Profile> {
        self.profiles.get_mut(entity.index())?.get_mut(number as usize)
    }

    fn lend(&mut self, table: &Table, row: usize) -> Profiles {
        let mut profiles = Profiles::default();
        for entity in Entity::ALL {
            if let Some(own) = table.party(row, entity).and_then(|number| self.profile(entity, number)) {
                profiles.set(entity, Some(std::mem::take(own)));
            }
        }
        profiles
    }

    fn take_back(&mut self, table: &Table, row: usize, mut profiles: Profiles) {
        for entity in Entity::ALL {
            if let Some(own) = table.party(row, entity).and_then(|number| self.profile(entity, number))
                && let Some(profile) = profiles.take(entity)
            {
                *own = profile;
            }
        }
    }

    fn label(&mut self, table: &Table, row: usize) {
        if !table.is_fraud(row) {
            return;
        }
        let paid = table.attempt(row) == Attempt::Paid;
        for entity in Entity::ALL {
            if let Some(own) = table.party(row, entity).and_then(|number| self.profile(entity, number)) {
                own.label(table.at(row), Label::Fraud, paid, Change::Set);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ReadOptions, read};

    const DAY: i64 = 86_400;

    fn played(text: &str, delay_days: i64) -> Vec<(u32, u32)> {
        let options = ReadOptions { labels: Some("fraud".into()), ..ReadOptions::default() };
        let table = read(text.as_bytes(), &options).unwrap();
        let plan =
            Plan { label_delay_ms: delay_days * DAY * 1000, until: Timestamp(i64::MAX), phase: "test" };
        let mut seen = Vec::new();
        replay(&table, &plan, &mut |_| {}, |_, facts, profiles| {
            let payer = profiles.get(Entity::Payer).expect("a payer");
            seen.push((payer.paid(), payer.labels(facts.at).frauds));
            Ok::<(), ()>(())
        })
        .unwrap();
        seen
    }

    #[test]
    fn a_label_counts_from_the_moment_it_became_known_and_no_earlier() {
        let row = |seconds: i64, fraud: u8| format!("{seconds},5,p,{fraud}\n");
        let base = 1_000_000_000;
        let text = format!(
            "time,amount,payer,fraud\n{}{}{}",
            row(base, 1),
            row(base + 7 * DAY - 1, 0),
            row(base + 7 * DAY, 0)
        );
        assert_eq!(played(&text, 7), [(0, 0), (1, 0), (2, 1)]);
        assert_eq!(played(&text, 6), [(0, 0), (1, 1), (2, 1)]);
    }

    #[test]
    fn each_party_remembers_its_own_payments_in_time_order() {
        let text = "time,amount,payer,fraud\n300,5,p,0\n100,5,p,0\n200,5,q,0\n";
        assert_eq!(played(text, 7), [(0, 0), (0, 0), (1, 0)]);
    }
}
