//! Rows of a table as they become durable, for a part of the program that would otherwise look for them again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::FOLLOWED_ROWS_MAX;
use crate::table::Table;
use crate::value::Row;

/// What is inserted into one table from now on, in order.
#[derive(Debug)]
pub struct Follower {
    rows: Receiver<Row>,
    missed: Arc<AtomicBool>,
}

impl Follower {
    /// Rows that became durable since the last call; `None` when there were too many to keep: the table has them.
    pub fn take(&mut self) -> Option<Vec<Row>> {
        // In this order, so that a row missed meanwhile is told of now or at the next call.
        let missed = self.missed.swap(false, Ordering::AcqRel);
        let rows = self.rows.try_iter().collect();
        (!missed).then_some(rows)
    }
}

/// Everybody who follows a table.
#[derive(Default)]
pub(crate) struct Followers(Mutex<Vec<Following>>);

struct Following {
    table: usize,
    rows: SyncSender<Row>,
    missed: Arc<AtomicBool>,
}

impl Followers {
    /// Somebody new.
    pub(crate) fn add(&self, table: &'static Table) -> Follower {
        let (sender, rows) = sync_channel(FOLLOWED_ROWS_MAX);
        let missed = Arc::new(AtomicBool::new(false));
        let following = Following { table: table.identity(), rows: sender, missed: Arc::clone(&missed) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(following);
        Follower { rows, missed }
    }

    /// Tells of rows that are durable.
    pub(crate) fn tell(&self, inserted: &[(&'static Table, Row)]) {
        for following in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            for (_, row) in inserted.iter().filter(|(table, _)| table.identity() == following.table) {
                if following.rows.try_send(row.clone()).is_err() {
                    following.missed.store(true, Ordering::Release);
                }
            }
        }
    }
}
