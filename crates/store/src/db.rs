//! The handle that everything above holds.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base::Timestamp;
use tokio::sync::{Semaphore, oneshot};

use crate::committer::{self, Hurry, Job, Work};
use crate::conn::{Conn, Mode};
use crate::embedded::Embedded;
use crate::error::Error;
use crate::flushing::Flusher;
use crate::following::{Follower, Followers};
use crate::limits::{QUEUE_CLOSURES_MAX, READERS_MAX};
use crate::lock::Lock;
use crate::migrate::{self, Migration};
use crate::postgres_engine::{PostgresConn, PostgresTarget};
use crate::settling::Settling;
use crate::sqlite_engine::SqliteConn;
use crate::table::Table;
use crate::tx::{Key, Rows, Tx};

/// How long a read waits for one of the [`READERS_MAX`] connections before it is `Unavailable`, milliseconds.
pub const READ_WAIT_MS: u64 = 5_000;

/// Which database to use.
#[derive(Clone, Debug)]
pub enum Config {
    /// The embedded engine, in this file.
    File(PathBuf),
    /// PostgreSQL 15 or newer.
    Postgres {
        /// `postgres://user@host:port/name`. May hold a password: never print it.
        url: base::Secret<String>,
        /// PEM file with the certificate authority of the server, when it is not a public one.
        ca_file: Option<PathBuf>,
    },
}

/// Which engine answers. For people and reports; no code above this crate branches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// SQLite.
    Embedded,
    /// PostgreSQL.
    Postgres,
}

impl EngineKind {
    /// `embedded` or `postgresql`.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Embedded => "embedded",
            EngineKind::Postgres => "postgresql",
        }
    }
}

/// Where connections come from.
#[derive(Clone)]
enum Source {
    File(PathBuf),
    Postgres(Arc<PostgresTarget>),
}

impl Source {
    fn open(&self, mode: Mode) -> Result<Conn, Error> {
        match (self, mode) {
            (Source::File(path), Mode::Write) => Ok(Conn::Embedded(Box::new(Embedded::open(path)?))),
            (Source::File(path), Mode::Read) => Ok(Conn::Reader(Box::new(SqliteConn::open_reader(path)?))),
            (Source::Postgres(target), mode) => {
                Ok(Conn::Postgres(Box::new(PostgresConn::open(target, mode)?)))
            }
        }
    }
}

/// An open database. Clones share it; it closes when the last one goes.
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
}

struct Shared {
    source: Source,
    queue: Mutex<Option<Sender<Box<dyn Job>>>>,
    waiting: Arc<AtomicUsize>,
    readers: Mutex<Vec<Conn>>,
    /// Reads that asynchronous callers may run; the others wait without a thread.
    reads: Arc<Semaphore>,
    room: Room,
    committer: Mutex<Option<std::thread::JoinHandle<()>>>,
    /// How far acknowledged work is visible to readers; `None` where it always is.
    settling: Option<Arc<Settling>>,
    followers: Arc<Followers>,
    /// How often writes waited for an answer of the database.
    trips: Arc<AtomicU64>,
    _lock: Option<Lock>,
}

impl Db {
    /// Opens the database, brings its schema up to date, and starts the committer.
    ///
    /// # Errors
    /// [`Error::Refused`] for a database that is in use, newer than this program, or another program's;
    /// [`Error::Unavailable`] when it cannot be reached.
    pub fn open(config: &Config, migrations: &[Migration], now: Timestamp) -> Result<Db, Error> {
        let (source, lock) = match config {
            Config::File(path) => (Source::File(path.clone()), Some(Lock::take(path)?)),
            Config::Postgres { url, ca_file } => {
                (Source::Postgres(Arc::new(PostgresTarget::parse(url, ca_file.as_deref())?)), None)
            }
        };
        let ready = source.open(Mode::Write).and_then(|mut conn| {
            migrate::migrate(&mut conn, migrations, now)?;
            Ok(conn)
        });
        if let (Err(_), Some(lock)) = (&ready, &lock) {
            lock.undo();
        }
        let conn = ready?;
        let (flushing, settling) = conn.ways().unzip();
        let trips = conn.trips().unwrap_or_default();
        let flusher = flushing.map(Flusher::start).transpose();
        let flusher = flusher.map_err(|e| Error::Unavailable(format!("cannot start a thread: {e}")))?;
        let (sender, receiver) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let answered = Arc::clone(&waiting);
        let followers = Arc::new(Followers::default());
        let told = Arc::clone(&followers);
        let committer = spawn("committer", move || {
            committer::serve(conn, &receiver, flusher, told, &answered);
        })?;
        let shared = Shared {
            source,
            queue: Mutex::new(Some(sender)),
            waiting,
            readers: Mutex::new(Vec::new()),
            reads: Arc::new(Semaphore::new(READERS_MAX)),
            room: Room::new(READERS_MAX),
            committer: Mutex::new(Some(committer)),
            settling,
            followers,
            trips,
            _lock: lock,
        };
        Ok(Db { shared: Arc::new(shared) })
    }

    /// Which engine answers.
    pub fn engine(&self) -> EngineKind {
        match self.shared.source {
            Source::File(_) => EngineKind::Embedded,
            Source::Postgres(_) => EngineKind::Postgres,
        }
    }

    /// Tells of rows that are inserted from now on, by key, into a table that is [`Table::followed`], once they are
    /// durable. `None` where other processes write too: only a look at the table finds what they insert.
    pub fn follow(&self, table: &'static Table) -> Option<Follower> {
        let alone = self.engine() == EngineKind::Embedded;
        alone.then(|| self.shared.followers.add(table))
    }

    /// Runs `work` in a transaction shared with others that wait, and returns its result once it is durable.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Unavailable`] when nothing could be written.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.write_with(Vec::new(), work).await
    }

    /// How often writes have waited for an answer of the database so far: 0 where it is in this process. For benches.
    pub fn round_trips(&self) -> u64 {
        self.shared.trips.load(Ordering::Relaxed)
    }

    /// As [`Db::write`], naming the rows `work` will read.
    ///
    /// # Errors
    /// See [`Db::write`].
    pub async fn write_with<T, E, F>(&self, keys: Vec<Key>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.enqueue(keys, work)?.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// As [`Db::write`], for a thread that is not asynchronous.
    ///
    /// # Errors
    /// See [`Db::write`].
    pub fn write_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.enqueue(Vec::new(), work)?.blocking_recv().unwrap_or_else(|_| Err(closed().into()))
    }

    /// As [`Db::write_blocking`], for work that seldom finds anything to do. It runs on a read-only connection first, where
    /// its searches hold nobody up, and again as a write if it tried to write.
    ///
    /// # Errors
    /// See [`Db::write`].
    pub fn write_if_due<T, E, F>(&self, mut work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let mut due = false;
        let looked = self.read_blocking(|tx| {
            let found = work(tx);
            due = tx.has_refused();
            found
        });
        if due { self.write_blocking(work) } else { looked }
    }

    /// Runs `work` on a read-only connection that sees one consistent moment. At most [`READERS_MAX`] run at a time.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Unavailable`] when the database cannot be reached, or others read for too long.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let wait = Duration::from_millis(READ_WAIT_MS);
        let permit = match Arc::clone(&self.shared.reads).try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(_) => tokio::time::timeout(wait, Arc::clone(&self.shared.reads).acquire_owned())
                .await
                .map_err(|_| crowded())?
                .map_err(|_| closed()),
        }?;
        let db = self.clone();
        let ran = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            db.read_blocking(work)
        })
        .await;
        ran.unwrap_or_else(|_| Err(Error::Bug("a read panicked; see the log".into()).into()))
    }

    /// As [`Db::read`], for a thread that is not asynchronous.
    ///
    /// # Errors
    /// See [`Db::read`].
    pub fn read_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<Error>,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
    {
        let _place = self.shared.room.enter(Duration::from_millis(READ_WAIT_MS)).ok_or_else(crowded)?;
        self.await_visible()?;
        let kept = lock(&self.shared.readers).pop();
        let mut conn = match kept {
            Some(conn) => conn,
            None => self.shared.source.open(Mode::Read)?,
        };
        conn.begin(Mode::Read)?;
        let result = work(&mut Tx::new(&mut conn, None, Rows::default()));
        conn.rollback();
        let mut readers = lock(&self.shared.readers);
        if readers.len() < READERS_MAX {
            readers.push(conn);
        }
        result
    }

    /// Waits until a read sees everything that was acknowledged before it.
    fn await_visible(&self) -> Result<(), Error> {
        let Some(settling) = self.shared.settling.as_ref().filter(|settling| !settling.is_level()) else {
            return Ok(());
        };
        let target = settling.durable();
        self.send(Box::new(Hurry))?;
        settling.await_level(target, Duration::from_millis(READ_WAIT_MS))
    }

    fn enqueue<T, E, F>(&self, keys: Vec<Key>, work: F) -> Result<oneshot::Receiver<Result<T, E>>, Error>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Box::new(Work { work, keys, result: None, reply }))?;
        Ok(answer)
    }

    fn send(&self, job: Box<dyn Job>) -> Result<(), Error> {
        if self.shared.waiting.fetch_add(1, Ordering::AcqRel) >= QUEUE_CLOSURES_MAX {
            self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(Error::Unavailable("too much work is waiting".into()));
        }
        let sent = lock(&self.shared.queue).as_ref().map(|queue| queue.send(job));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(closed()),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(lock(&self.queue).take());
        let committer = lock(&self.committer).take();
        let readers = std::mem::take(&mut *lock(&self.readers));
        // A PostgreSQL connection must not be closed on an asynchronous thread.
        let closing = spawn("closer", move || {
            drop(readers);
            // The committer's connection is the last to close: SQLite then copies its log into the file and removes it.
            committer.map(std::thread::JoinHandle::join)
        });
        if let Ok(closing) = closing {
            let _ = closing.join();
        }
    }
}

/// Room for so many readers.
struct Room {
    free: Mutex<usize>,
    left: Condvar,
}

impl Room {
    fn new(places: usize) -> Room {
        Room { free: Mutex::new(places), left: Condvar::new() }
    }

    /// A place, or `None` when none was left in time.
    fn enter(&self, wait: Duration) -> Option<Place<'_>> {
        let end = Instant::now() + wait;
        let mut free = lock(&self.free);
        while *free == 0 {
            let rest = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())?;
            free = self.left.wait_timeout(free, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        *free -= 1;
        Some(Place(self))
    }
}

/// A place in a [`Room`], left when dropped.
struct Place<'a>(&'a Room);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.left.notify_one();
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<std::thread::JoinHandle<T>, Error> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|e| Error::Unavailable(format!("cannot start a thread: {e}")))
}

fn crowded() -> Error {
    Error::Unavailable("too many reads are running".into())
}

fn closed() -> Error {
    Error::Unavailable("the database is closing".into())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each_engine;

    #[test]
    fn a_room_has_its_places_and_no_more() {
        let room = Room::new(2);
        let now = Duration::ZERO;
        let (first, second) = (room.enter(now), room.enter(now));
        assert!(first.is_some() && second.is_some() && room.enter(now).is_none());
        drop(first);
        assert!(room.enter(now).is_some());
        let third = room.enter(now);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| room.enter(Duration::from_secs(60)).is_some());
            drop(third);
            assert!(waits.join().unwrap(), "whoever waits enters when somebody leaves");
        });
    }

    #[test]
    fn at_most_eight_read_at_a_time_and_a_panic_gives_its_place_back() {
        const PATIENCE: Duration = Duration::from_secs(20);
        each_engine(&[], |db| {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
            for _ in 0..READERS_MAX {
                let torn = runtime.block_on(db.read(|_| -> Result<(), Error> { panic!("on purpose") }));
                assert!(matches!(torn, Err(Error::Bug(_))));
            }
            let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let reads: Vec<_> = (0..4 * READERS_MAX)
                .map(|_| {
                    let (db, running, most) = (db.clone(), Arc::clone(&running), Arc::clone(&most));
                    runtime.spawn(async move {
                        db.read(move |_| {
                            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            let began = std::time::Instant::now();
                            while most.load(Ordering::SeqCst) < READERS_MAX && began.elapsed() < PATIENCE {
                                std::thread::sleep(Duration::from_millis(5));
                            }
                            running.fetch_sub(1, Ordering::SeqCst);
                            Ok::<_, Error>(())
                        })
                        .await
                    })
                })
                .collect();
            for read in reads {
                runtime.block_on(read).unwrap().unwrap();
            }
            assert_eq!(most.load(Ordering::SeqCst), READERS_MAX);
        });
    }
}
