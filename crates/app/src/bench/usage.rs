//! Who used the processor: time of this process by kind of thread, from `/proc`.

use std::collections::BTreeMap;
use std::time::Instant;

/// What a clock tick of `/proc` is worth; fixed at 100 a second for programs since Linux 2.6.
const TICK_US: u64 = 10_000;
/// Fields of `/proc/…/stat` after the name: user and system time.
const USER_FIELD: usize = 11;

/// Processor time of a stretch, microseconds, by name of thread.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Microseconds of processor time.
    pub by_thread_us: BTreeMap<String, u64>,
    /// Length of the stretch, microseconds.
    pub elapsed_us: u64,
}

impl Usage {
    /// All threads.
    pub fn total_us(&self) -> u64 {
        self.by_thread_us.values().sum()
    }
}

/// A stretch under way.
pub(super) struct Watch {
    started: Instant,
    before: BTreeMap<u64, (String, u64)>,
}

impl Watch {
    pub(super) fn start() -> Watch {
        Watch { started: Instant::now(), before: threads() }
    }

    pub(super) fn stop(self) -> Usage {
        let mut usage = Usage {
            elapsed_us: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(0),
            ..Usage::default()
        };
        for (id, (name, ticks)) in threads() {
            let before = self.before.get(&id).map_or(0, |(_, ticks)| *ticks);
            *usage.by_thread_us.entry(name).or_default() += ticks.saturating_sub(before) * TICK_US;
        }
        usage.by_thread_us.retain(|_, time| *time > 0);
        usage
    }
}

/// Name and ticks of every thread of this process; empty where there is no `/proc`.
fn threads() -> BTreeMap<u64, (String, u64)> {
    let Ok(folder) = std::fs::read_dir("/proc/self/task") else { return BTreeMap::new() };
    let read = |entry: std::fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (head, rest) = stat.rsplit_once(") ")?;
        let name = head.split_once('(')?.1.to_owned();
        let fields: Vec<u64> =
            rest.split(' ').skip(USER_FIELD).take(2).filter_map(|f| f.parse().ok()).collect();
        Some((id, (name, fields.iter().sum())))
    };
    folder.filter_map(Result::ok).filter_map(read).collect()
}
