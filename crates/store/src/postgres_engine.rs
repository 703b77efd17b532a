//! PostgreSQL 15 or newer: SERIALIZABLE, bulk statements, and as few round trips as can be.
//!
//! Statements that do not need each other's answers are sent together and answered together (pipelining): the look-ups of
//! a batch, one a table; its writes, one a table and kind, with the COMMIT behind them. BEGIN goes with whatever follows.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::Secret;
use futures_util::future::{join, join_all};
use rustc_hash::FxHashMap;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::config::{ChannelBinding, Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::conn::{Mode, WriteKind};
use crate::error::Error;
use crate::known::Known;
use crate::table::{Column, Kind, Table};
use crate::value::{Row, Value};

mod version;

const CONNECT_SECONDS_MAX: u64 = 5;
const STATEMENTS_CACHED_MAX: usize = 512;
/// How long sent bytes may stay unacknowledged before the connection counts as lost.
const TCP_USER_TIMEOUT_MS: u64 = 10_000;
/// How long a connection is silent before the other side is asked whether it lives.
const KEEPALIVE_IDLE_SECONDS: u64 = 10;
/// How long it is waited for each answer to that.
const KEEPALIVE_INTERVAL_SECONDS: u64 = 5;
/// How many of these may stay without an answer.
const KEEPALIVE_RETRIES_MAX: u32 = 3;
/// How long a closing connection is waited for.
const CLOSE_SECONDS_MAX: u64 = 2;
/// The longest statement; a migration's may take longer.
const STATEMENT_MS_MAX: u64 = 30_000;
/// The longest wait for a lock.
const LOCK_WAIT_MS_MAX: u64 = 5_000;
/// How long a transaction may wait for its next statement before the server ends it.
const IDLE_IN_TRANSACTION_MS_MAX: u64 = 60_000;

/// What is written is looked up by whole keys. Without this, a table that grew since the server last counted it is read
/// from end to end, which also makes every other writer a conflict.
const BY_KEY: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// A commit that returns is on disk, also where the server or the database was told that this does not matter. Stricter
/// settings, which wait for a standby as well, stay.
const ON_DISK: &str = "SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'";

/// Where to connect, checked.
pub(crate) struct PostgresTarget {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
}

impl PostgresTarget {
    /// Reads the URL. TLS is used unless the server is on this machine, and is required then. Over it the sign-in is SCRAM,
    /// bound to the server's certificate (RFC 5802, RFC 5929 `tls-server-end-point`): neither a server nor somebody between
    /// gets a weaker one by asking for it, unless the URL itself says `channel_binding=`.
    pub(crate) fn parse(url: &Secret<String>, ca_file: Option<&Path>) -> Result<PostgresTarget, Error> {
        let parsed = url.expose().parse::<tokio_postgres::Config>();
        // The parser's own message may repeat the URL with its password.
        let mut config =
            parsed.map_err(|_| Error::Refused("the database URL is not a valid postgres:// URL".into()))?;
        config.connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX)).application_name("tillward");
        notice_silence(&mut config);
        if is_on_this_machine(&config) && config.get_ssl_mode() != SslMode::Require {
            config.ssl_mode(SslMode::Disable);
            return Ok(PostgresTarget { config, tls: None });
        }
        config.ssl_mode(SslMode::Require);
        if !names_channel_binding(url.expose()) {
            config.channel_binding(ChannelBinding::Require);
        }
        let tls = MakeRustlsConnect::new(tls_config(ca_file)?);
        Ok(PostgresTarget { config, tls: Some(tls) })
    }

    /// A connection, and the task that carries its messages.
    async fn connect(&self, mode: Mode) -> Result<(Client, JoinHandle<()>), Error> {
        let away =
            |e| Error::Unavailable(format!("cannot connect to PostgreSQL: {}", with_advice(with_cause(&e))));
        // What ends a connection is told to whoever uses it.
        let (client, task) = if let Some(tls) = &self.tls {
            let (client, connection) = self.config.connect(tls.clone()).await.map_err(away)?;
            version::check(connection.parameter("server_version"))?;
            (client, tokio::spawn(async move { drop(connection.await) }))
        } else {
            let (client, connection) = self.config.connect(NoTls).await.map_err(away)?;
            version::check(connection.parameter("server_version"))?;
            (client, tokio::spawn(async move { drop(connection.await) }))
        };
        let limits = format!(
            "SET statement_timeout = {STATEMENT_MS_MAX}; SET lock_timeout = {LOCK_WAIT_MS_MAX};
             SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS_MAX}; {ON_DISK}; {}",
            if mode == Mode::Write { BY_KEY } else { "" }
        );
        client.batch_execute(&limits).await.map_err(error)?;
        Ok((client, task))
    }
}

/// Whether the URL says itself how the sign-in is bound to the certificate.
fn names_channel_binding(url: &str) -> bool {
    let settings = url.split_once('?').map_or("", |(_, settings)| settings);
    settings.split('&').any(|setting| setting.starts_with("channel_binding="))
}

/// With what to do about a server that signs in by something weaker than SCRAM.
fn with_advice(problem: String) -> String {
    if !problem.contains("channel binding") {
        return problem;
    }
    format!(
        "{problem}; set `password_encryption = 'scram-sha-256'`, give the password anew and let `pg_hba.conf` ask for \
         `scram-sha-256`, or say `channel_binding=prefer` in the database URL"
    )
}

/// What is wrong and why, which for a certificate that is refused is all that tells.
fn with_cause(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}

/// A server that is gone without a word is noticed in seconds, and of several servers the one that takes writes is used.
fn notice_silence(config: &mut tokio_postgres::Config) {
    config
        .tcp_user_timeout(Duration::from_millis(TCP_USER_TIMEOUT_MS))
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(KEEPALIVE_IDLE_SECONDS))
        .keepalives_interval(Duration::from_secs(KEEPALIVE_INTERVAL_SECONDS))
        .keepalives_retries(KEEPALIVE_RETRIES_MAX)
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
}

/// Whether every way to the server stays on this machine. `hostaddr` says where to connect to whatever `host` says.
fn is_on_this_machine(config: &tokio_postgres::Config) -> bool {
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    !hosts.is_empty() && hosts.iter().all(is_local) && addresses.iter().all(std::net::IpAddr::is_loopback)
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

fn tls_config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, Error> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let path = ca_file.unwrap_or(Path::new("/etc/ssl/certs/ca-certificates.crt"));
    let refused =
        |why: String| Error::Refused(format!("cannot use the authorities in `{}`: {why}", path.display()));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| refused(e.to_string()))? {
        roots.add(certificate.map_err(|e| refused(e.to_string()))?).map_err(|e| refused(e.to_string()))?;
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(|e| refused(e.to_string()))?.with_root_certificates(roots).with_no_client_auth())
}

/// One connection, opened anew after it was lost.
pub(crate) struct PostgresConn {
    runtime: Runtime,
    /// `None` only while it is replaced.
    open: Option<(Client, JoinHandle<()>)>,
    /// The server said that it ends, or takes no writes any more: the next transaction begins on a new connection.
    lost: bool,
    /// A transaction that goes out with its first statement.
    opening: Option<&'static str>,
    /// The transaction was committed with its last writes.
    committed: bool,
    target: Arc<PostgresTarget>,
    mode: Mode,
    statements: FxHashMap<String, Statement>,
    tables: FxHashMap<usize, TableSql>,
    /// How often it was waited for an answer.
    trips: Arc<AtomicU64>,
}

/// Statements that are sent together.
enum Call {
    /// SQL, and one array of values a parameter.
    Bulk(String, Vec<Vec<Value>>),
    /// SQL, and one value a parameter.
    One(String, Vec<Value>),
}

impl Call {
    fn sql(&self) -> &str {
        match self {
            Call::Bulk(sql, _) | Call::One(sql, _) => sql,
        }
    }

    fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        match self {
            Call::Bulk(_, arrays) => arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect(),
            Call::One(_, values) => values.iter().map(|value| value as &(dyn ToSql + Sync)).collect(),
        }
    }
}

/// What a statement gave: rows, and how many it changed.
type Answer = (Vec<Row>, u64);

struct TableSql {
    get: String,
    get_many: String,
    insert: String,
    put: String,
    delete: String,
}

impl TableSql {
    fn of(table: &Table) -> TableSql {
        let (name, columns) = (table.name, table.column_list());
        let by_key: Vec<_> =
            table.key.iter().enumerate().map(|(i, c)| format!("{} = ${}", c.name, i + 1)).collect();
        let join: Vec<_> = table.key.iter().map(|c| format!("t.{0} = k.{0}", c.name)).collect();
        let join = join.join(" AND ");
        let keys = unnest(table.key.iter());
        let key_list = table.key_list();
        let own: Vec<_> = table.columns().map(|c| format!("t.{}", c.name)).collect();
        let insert = format!("INSERT INTO {name} ({columns}) SELECT * FROM {}", unnest(table.columns()));
        TableSql {
            get: format!("SELECT {columns} FROM {name} WHERE {}", by_key.join(" AND ")),
            get_many: format!(
                "SELECT {} FROM {keys} AS k({key_list}) JOIN {name} t ON {join}",
                own.join(", ")
            ),
            put: format!("{insert} {}", table.on_conflict()),
            delete: format!("DELETE FROM {name} t USING {keys} AS k({key_list}) WHERE {join}"),
            insert,
        }
    }
}

fn unnest<'c>(columns: impl Iterator<Item = &'c Column>) -> String {
    let arrays: Vec<_> =
        columns.enumerate().map(|(i, c)| format!("${}::{}[]", i + 1, sql_type(c.kind))).collect();
    format!("UNNEST({})", arrays.join(", "))
}

fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "BIGINT",
        Kind::Real => "DOUBLE PRECISION",
        Kind::Text => "TEXT",
        Kind::Blob => "BYTEA",
    }
}

impl PostgresConn {
    pub(crate) fn open(target: &Arc<PostgresTarget>, mode: Mode) -> Result<PostgresConn, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Error::Unavailable(format!("cannot start a runtime: {e}")))?;
        let open = runtime.block_on(target.connect(mode))?;
        Ok(PostgresConn {
            runtime,
            open: Some(open),
            lost: false,
            opening: None,
            committed: false,
            target: Arc::clone(target),
            mode,
            statements: FxHashMap::default(),
            tables: FxHashMap::default(),
            trips: Arc::default(),
        })
    }

    /// How often it was waited for an answer, counted on.
    pub(crate) fn trips(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.trips)
    }

    /// Begins a transaction, together with the first statement of it.
    pub(crate) fn begin(&mut self, mode: Mode) -> Result<(), Error> {
        self.committed = false;
        self.opening = Some(match mode {
            Mode::Write => "BEGIN ISOLATION LEVEL SERIALIZABLE",
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        });
        Ok(())
    }

    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        if self.opening.take().is_some() || std::mem::take(&mut self.committed) {
            return Ok(());
        }
        self.say("COMMIT")
    }

    pub(crate) fn rollback(&mut self) {
        if self.opening.take().is_some() || std::mem::take(&mut self.committed) || self.is_closed() {
            return;
        }
        if self.say("ROLLBACK").is_err() {
            self.lost = true;
            tracing::warn!("rollback failed; the connection will be opened anew");
        }
    }

    pub(crate) fn get(&mut self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, Error> {
        let sql = self.table_sql(table).get.clone();
        Ok(self.one(sql, key)?.0.into_iter().next())
    }

    /// The rows that exist among the keys, by table, in any order.
    pub(crate) fn get_many(
        &mut self,
        wanted: &[(&'static Table, Vec<Vec<Value>>)],
    ) -> Result<Vec<Vec<Row>>, Error> {
        let mut calls = Vec::with_capacity(wanted.len());
        for (table, keys) in wanted {
            let rows: Vec<_> = keys.iter().map(Vec::as_slice).collect();
            calls
                .push(Call::Bulk(self.table_sql(table).get_many.clone(), columns_of(&rows, table.key.len())));
        }
        let answers = self.exchange(&calls, None).map_err(|(_, problem)| problem)?;
        Ok(answers.into_iter().map(|(rows, _)| rows).collect())
    }

    /// Writes rows, each group of one table with one kind; with `last` it commits too.
    pub(crate) fn write_groups(
        &mut self,
        groups: &[(&'static Table, WriteKind, Vec<Known>)],
        last: bool,
    ) -> Result<(), Error> {
        let mut calls = Vec::with_capacity(groups.len());
        for (table, kind, writes) in groups {
            let sql = self.table_sql(table);
            let (sql, width) = match kind {
                WriteKind::Insert => (&sql.insert, table.width()),
                WriteKind::Put => (&sql.put, table.width()),
                WriteKind::Delete => (&sql.delete, table.key.len()),
            };
            let rows: Vec<_> = writes.iter().map(Known::values).collect();
            calls.push(Call::Bulk(sql.clone(), columns_of(&rows, width)));
        }
        let done = self.exchange(&calls, last.then_some("COMMIT"));
        self.committed = last && done.is_ok();
        done.map(drop).map_err(|(at, problem)| match (problem, groups.get(at)) {
            (Error::Conflict(_), Some((table, _, _))) => Error::Conflict(table.name.to_owned()),
            (other, _) => other,
        })
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        Ok(self.one(translate(sql), params)?.0)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        Ok(self.one(translate(sql), params)?.1)
    }

    pub(crate) fn run_script(&mut self, sql: &str) -> Result<(), Error> {
        let text = sql.replace("BLOB", "BYTEA").replace("WITHOUT ROWID", "");
        // A migration may take as long as it needs.
        let text = format!("SET LOCAL statement_timeout = 0; {text}");
        self.exchange(&[], Some(&text)).map(drop).map_err(|(_, problem)| problem)
    }

    fn one(&mut self, sql: String, params: &[Value]) -> Result<Answer, Error> {
        let answers = self.exchange(&[Call::One(sql, params.to_vec())], None);
        let first = answers.map_err(|(_, problem)| problem)?.into_iter().next();
        first.ok_or_else(|| Error::Bug("a statement had no answer".into()))
    }

    /// Sends what must be a single statement, by itself.
    fn say(&mut self, sql: &str) -> Result<(), Error> {
        self.exchange(&[], Some(sql)).map(drop).map_err(|(_, problem)| problem)
    }

    fn is_closed(&self) -> bool {
        self.open.as_ref().is_none_or(|(client, _)| client.is_closed())
    }

    /// Sends all statements at once, `end` behind them, and waits for all answers. A transaction that begins here is
    /// tried once more on a new connection where the old one has gone meanwhile. An error is that of the statement with
    /// the number given with it.
    fn exchange(&mut self, calls: &[Call], end: Option<&str>) -> Result<Vec<Answer>, (usize, Error)> {
        let Some(opening) = self.opening.take() else { return self.exchange_once(None, calls, end) };
        if self.lost || self.is_closed() {
            self.reconnect().map_err(|problem| (0, problem))?;
        }
        let done = self.exchange_once(Some(opening), calls, end);
        // A COMMIT without an answer may have been carried out.
        if done.is_err() && end.is_none() && (self.lost || self.is_closed()) {
            self.reconnect().map_err(|problem| (0, problem))?;
            return self.exchange_once(Some(opening), calls, end);
        }
        done
    }

    fn reconnect(&mut self) -> Result<(), Error> {
        self.close();
        self.open = Some(self.runtime.block_on(self.target.connect(self.mode))?);
        self.lost = false;
        self.statements.clear();
        Ok(())
    }

    fn exchange_once(
        &mut self,
        begin: Option<&str>,
        calls: &[Call],
        end: Option<&str>,
    ) -> Result<Vec<Answer>, (usize, Error)> {
        let mut statements = Vec::with_capacity(calls.len());
        for (at, call) in calls.iter().enumerate() {
            statements.push(self.prepare(call.sql()).map_err(|problem| (at, problem))?);
        }
        let Some((client, _)) = &self.open else { return Err((0, closed())) };
        self.trips.fetch_add(1, Ordering::Relaxed);
        let script = |sql: Option<&str>| {
            let sql = sql.map(str::to_owned);
            async move { if let Some(sql) = sql { client.batch_execute(&sql).await } else { Ok(()) } }
        };
        let answers = self.runtime.block_on(async {
            // INVARIANT: a future sends its statement when it is first polled, and they are polled in this order.
            let each =
                join_all(calls.iter().zip(&statements).map(|(call, statement)| ask(client, statement, call)));
            let ((begun, answers), ended) = join(join(script(begin), each), script(end)).await;
            begun.map_err(|e| (0, e))?;
            let numbered = answers.into_iter().enumerate().map(|(at, answer)| answer.map_err(|e| (at, e)));
            let answers = numbered.collect::<Result<Vec<_>, _>>()?;
            ended.map_err(|e| (calls.len(), e))?;
            Ok(answers)
        });
        let answers = answers.map_err(|(at, problem)| (at, self.fault(problem)))?;
        let read = |(at, (rows, changed)): (usize, (Vec<tokio_postgres::Row>, u64))| {
            let rows: Result<Vec<_>, _> = rows.iter().map(read_row).collect();
            Ok((rows.map_err(|problem| (at, problem))?, changed))
        };
        answers.into_iter().enumerate().map(read).collect()
    }

    /// What a failed statement means, to the caller and to this connection.
    fn fault(&mut self, problem: tokio_postgres::Error) -> Error {
        self.lost |= problem.code().is_some_and(|code| ends_connection(code.code()));
        error(problem)
    }

    /// Says goodbye to the server, which else would wonder where its client went.
    fn close(&mut self) {
        if let Some((client, task)) = self.open.take() {
            drop(client);
            let wait = Duration::from_secs(CLOSE_SECONDS_MAX);
            let _ = self.runtime.block_on(async { tokio::time::timeout(wait, task).await });
        }
    }

    fn table_sql(&mut self, table: &'static Table) -> &TableSql {
        self.tables.entry(table.identity()).or_insert_with(|| TableSql::of(table))
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let Some((client, _)) = &self.open else { return Err(closed()) };
        self.trips.fetch_add(1, Ordering::Relaxed);
        let prepared = self.runtime.block_on(client.prepare(sql));
        let statement = prepared.map_err(|e| self.fault(e))?;
        if self.statements.len() >= STATEMENTS_CACHED_MAX {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Drop for PostgresConn {
    fn drop(&mut self) {
        self.close();
    }
}

/// Runs one statement.
async fn ask(
    client: &Client,
    statement: &Statement,
    call: &Call,
) -> Result<(Vec<tokio_postgres::Row>, u64), tokio_postgres::Error> {
    let params = call.params();
    if statement.columns().is_empty() {
        return Ok((Vec::new(), client.execute(statement, &params).await?));
    }
    let rows = client.query(statement, &params).await?;
    let count = rows.len() as u64;
    Ok((rows, count))
}

fn closed() -> Error {
    Error::Unavailable("the connection to PostgreSQL is closed".into())
}

/// `?1` becomes `$1`, outside of quoted texts.
fn translate(sql: &str) -> String {
    let mut quoted = false;
    sql.chars()
        .map(|c| {
            quoted ^= c == '\'';
            if c == '?' && !quoted { '$' } else { c }
        })
        .collect()
}

/// Rows turned into one array a column.
fn columns_of(rows: &[&[Value]], width: usize) -> Vec<Vec<Value>> {
    (0..width).map(|i| rows.iter().map(|row| row.get(i).cloned().unwrap_or(Value::Null)).collect()).collect()
}

/// The server shuts down or restarts (57P01 to 57P04), ended an idle transaction (25P03), or became a standby (25006).
fn ends_connection(code: &str) -> bool {
    code.starts_with("57P0") || code == "25P03" || code == "25006"
}

fn error(problem: tokio_postgres::Error) -> Error {
    let Some(code) = problem.code() else {
        return if problem.is_closed()
            || std::error::Error::source(&problem).is_some_and(|s| s.is::<std::io::Error>())
        {
            Error::Unavailable(problem.to_string())
        } else {
            Error::Bug(problem.to_string())
        };
    };
    let text = || problem.as_db_error().map_or_else(|| problem.to_string(), |db| db.message().to_owned());
    match code {
        c if *c == SqlState::UNIQUE_VIOLATION => Error::Conflict(text()),
        c if *c == SqlState::T_R_SERIALIZATION_FAILURE || *c == SqlState::T_R_DEADLOCK_DETECTED => {
            Error::Raced
        }
        c if *c == SqlState::LOCK_NOT_AVAILABLE => Error::Unavailable(text()),
        c if matches!(c.code().get(..2), Some("08" | "53" | "57" | "58" | "25")) => {
            Error::Unavailable(text())
        }
        c => Error::Bug(format!("{} ({})", text(), c.code())),
    }
}

fn read_row(row: &tokio_postgres::Row) -> Result<Row, Error> {
    let read = |index: usize, column: &tokio_postgres::Column| -> Result<Value, tokio_postgres::Error> {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(index)?.into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(index)?.into(),
            Type::FLOAT8 => row.try_get::<_, Option<f64>>(index)?.into(),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.into(),
            _ => row.try_get::<_, Option<String>>(index)?.into(),
        })
    };
    let values: Result<Vec<_>, _> = row.columns().iter().enumerate().map(|(i, c)| read(i, c)).collect();
    values.map(Row::new).map_err(|e| Error::Bug(format!("a column has a type the store does not read: {e}")))
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(i) => match *ty {
                Type::INT4 => i32::try_from(*i)?.to_sql(ty, out),
                Type::INT2 => i16::try_from(*i)?.to_sql(ty, out),
                Type::BOOL => (*i != 0).to_sql(ty, out),
                #[expect(clippy::cast_precision_loss, reason = "the column asked for a real")]
                Type::FLOAT8 => (*i as f64).to_sql(ty, out),
                Type::INT8 => i.to_sql(ty, out),
                _ => Err(format!("an integer does not fit a column of type {ty}").into()),
            },
            Value::Real(r) if *ty == Type::FLOAT8 => r.to_sql(ty, out),
            Value::Text(t) if <String as ToSql>::accepts(ty) => t.to_sql(ty, out),
            Value::Blob(b) if *ty == Type::BYTEA => b.to_sql(ty, out),
            _ => Err(format!("a value does not fit a column of type {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_translated_outside_of_texts() {
        assert_eq!(translate("a = ?2 AND b = ?1 AND c = '?1'"), "a = $2 AND b = $1 AND c = '?1'");
    }

    #[test]
    fn a_bad_url_is_refused_without_repeating_it() {
        let url = Secret::new(String::from("postgres://user:hunter2@host:notaport/db"));
        let refused = PostgresTarget::parse(&url, None).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refused.contains("not a valid") && !refused.contains("hunter2"), "{refused}");
    }

    fn target(url: &str) -> Result<PostgresTarget, Error> {
        PostgresTarget::parse(&Secret::new(url.to_owned()), None)
    }

    #[test]
    fn c42_plain_text_is_for_a_server_on_this_machine_alone() {
        let is_plain = |url: &str| target(url).is_ok_and(|target| target.tls.is_none());
        for url in [
            "postgres://localhost/t",
            "postgres://127.0.0.1/t",
            "postgres://[::1]/t",
            "postgres:///t?host=/run/p",
            "postgres://localhost/t?hostaddr=127.0.0.1",
        ] {
            assert!(is_plain(url), "{url}");
        }
        for url in [
            "postgres://db.example/t",
            "postgres://localhost,db.example/t",
            "postgres:///t?hostaddr=192.0.2.1",
            "postgres://localhost/t?hostaddr=192.0.2.1",
            "postgres:///t?hostaddr=127.0.0.1",
            "postgres:///t",
            "postgres://localhost/t?sslmode=require",
        ] {
            assert!(!is_plain(url), "{url}");
        }
    }

    #[test]
    fn v11_4_1_over_tls_scram_is_required_unless_the_url_says_otherwise() {
        let binding = |url: &str| target(url).unwrap().config.get_channel_binding();
        for url in [
            "postgres://db.example/t",
            "postgres://db.example/t?sslmode=require",
            "postgres://localhost/t?sslmode=require",
            "postgres://channel_binding=prefer@db.example/t",
        ] {
            assert_eq!(binding(url), ChannelBinding::Require, "{url}");
        }
        assert_eq!(binding("postgres://db.example/t?channel_binding=prefer"), ChannelBinding::Prefer);
        let disabled = "postgres://db.example/t?sslmode=require&channel_binding=disable";
        assert_eq!(binding(disabled), ChannelBinding::Disable);
        assert_eq!(binding("postgres://localhost/t"), ChannelBinding::Prefer, "no TLS, nothing to bind to");
    }

    #[test]
    fn a_server_that_is_gone_without_a_word_is_noticed() {
        let config = target("postgres://localhost/t").unwrap().config;
        let silence = Duration::from_secs(KEEPALIVE_IDLE_SECONDS);
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_millis(TCP_USER_TIMEOUT_MS)));
        assert_eq!((config.get_keepalives(), config.get_keepalives_idle()), (true, silence));
        assert_eq!(config.get_keepalives_retries(), Some(KEEPALIVE_RETRIES_MAX));
        assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    }

    /// A connection to the scratch server, when one is named.
    fn scratch(mode: Mode) -> Option<PostgresConn> {
        let url = std::env::var(crate::testing::POSTGRES_VARIABLE).ok()?;
        Some(PostgresConn::open(&Arc::new(target(&url).unwrap()), mode).unwrap())
    }

    fn text(conn: &mut PostgresConn, sql: &str) -> Result<String, Error> {
        Ok(conn.query(sql, &[])?.remove(0).text(0)?.to_owned())
    }

    #[test]
    fn sessions_have_limits_in_time() {
        let Some(mut conn) = scratch(Mode::Write) else { return };
        for (name, limit) in [
            ("statement_timeout", "30s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "1min"),
        ] {
            assert_eq!(text(&mut conn, &format!("SHOW {name}")).unwrap(), limit, "{name}");
        }
        conn.begin(Mode::Write).unwrap();
        conn.run_script("CREATE TEMPORARY TABLE t (id BIGINT)").unwrap();
        assert_eq!(text(&mut conn, "SHOW statement_timeout").unwrap(), "0", "a migration has no limit");
        conn.rollback();
        assert_eq!(text(&mut conn, "SHOW statement_timeout").unwrap(), "30s");
    }

    #[test]
    fn a_commit_is_on_disk_whatever_the_server_was_told() {
        let Ok(url) = std::env::var(crate::testing::POSTGRES_VARIABLE) else { return };
        let setting = |told: &str| {
            let with = format!("{url}?options=-c%20synchronous_commit%3D{told}");
            let mut conn = PostgresConn::open(&Arc::new(target(&with).unwrap()), Mode::Write).unwrap();
            text(&mut conn, "SHOW synchronous_commit").unwrap()
        };
        assert_eq!((setting("off").as_str(), setting("remote_apply").as_str()), ("on", "remote_apply"));
    }

    #[test]
    fn rows_to_write_are_looked_up_by_key_whatever_the_server_knows_of_a_table() {
        static FEW: Table = Table::new("few", &[crate::int("id")], &[crate::int("n")]);
        let reads_all = |mode| {
            let mut conn = scratch(mode)?;
            conn.run_script("CREATE TEMPORARY TABLE few (id BIGINT PRIMARY KEY, n BIGINT)").unwrap();
            conn.run_script("INSERT INTO few VALUES (1, 1), (2, 2); ANALYZE few").unwrap();
            let sql = TableSql::of(&FEW).get_many.replace("$1::BIGINT[]", "ARRAY[1, 2, 3]::BIGINT[]");
            let plan = conn.query(&format!("EXPLAIN {sql}"), &[]).unwrap();
            Some(plan.iter().any(|line| line.text(0).unwrap().contains("Seq Scan")))
        };
        // Of two rows the server believes that reading them all is best, and goes on so when there are millions.
        let Some(read) = reads_all(Mode::Read) else { return };
        assert_eq!((read, reads_all(Mode::Write)), (true, Some(false)));
    }

    #[test]
    fn a_connection_that_the_server_ended_is_opened_anew_at_the_next_transaction() {
        let (Some(mut conn), Some(mut other)) = (scratch(Mode::Write), scratch(Mode::Write)) else { return };
        for mode in [Mode::Read, Mode::Write] {
            conn.begin(mode).unwrap();
            let process = text(&mut conn, "SELECT pg_backend_pid()::TEXT").unwrap();
            text(&mut other, &format!("SELECT pg_terminate_backend({process})::TEXT")).unwrap();
            let failed = text(&mut conn, "SELECT pg_sleep(1)::TEXT").unwrap_err();
            assert!(matches!(failed, Error::Unavailable(_)), "{failed:?}");
            conn.rollback();
            conn.begin(mode).unwrap();
            assert_ne!(text(&mut conn, "SELECT pg_backend_pid()::TEXT").unwrap(), process);
            conn.rollback();
        }
    }

    #[test]
    fn a_server_that_became_a_standby_is_left() {
        let Some(mut conn) = scratch(Mode::Write) else { return };
        let process = text(&mut conn, "SELECT pg_backend_pid()::TEXT").unwrap();
        // From now on this session answers as a standby does: every write is refused with 25006.
        conn.say("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").unwrap();
        conn.begin(Mode::Write).unwrap();
        assert_eq!(text(&mut conn, "SELECT pg_backend_pid()::TEXT").unwrap(), process);
        let refused = conn.execute("CREATE TABLE never_made (id BIGINT)", &[]).unwrap_err();
        assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
        conn.rollback();
        conn.begin(Mode::Write).unwrap();
        assert_ne!(text(&mut conn, "SELECT pg_backend_pid()::TEXT").unwrap(), process);
        conn.rollback();
    }
    #[test]
    fn a_first_statement_that_meets_a_standby_goes_elsewhere_but_a_commit_is_never_sent_twice() {
        let Some(mut conn) = scratch(Mode::Write) else { return };
        let read_only = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY";
        conn.say(read_only).unwrap();
        conn.begin(Mode::Write).unwrap();
        assert_eq!(conn.execute("CREATE TABLE never_made (id BIGINT)", &[]), Ok(0));
        conn.rollback();
        conn.say(read_only).unwrap();
        conn.begin(Mode::Write).unwrap();
        let refused =
            conn.exchange(&[Call::One("CREATE TABLE never_made (id BIGINT)".into(), vec![])], Some("COMMIT"));
        assert!(matches!(refused, Err((0, Error::Unavailable(_)))));
        conn.rollback();
    }

    #[test]
    fn look_ups_and_writes_of_a_batch_take_a_round_trip_each() {
        static MANY: [Table; 3] = [
            Table::new("many_a", &[crate::int("id")], &[crate::int("n")]),
            Table::new("many_b", &[crate::int("id")], &[crate::int("n")]),
            Table::new("many_c", &[crate::int("id")], &[crate::int("n")]),
        ];
        let Some(mut conn) = scratch(Mode::Write) else { return };
        for table in &MANY {
            conn.say(&format!("CREATE TEMPORARY TABLE {} (id BIGINT PRIMARY KEY, n BIGINT)", table.name))
                .unwrap();
        }
        let mut batch = |n: i64| {
            conn.begin(Mode::Write).unwrap();
            let keys = || vec![vec![Value::Int(1)], vec![Value::Int(2)]];
            let wanted: Vec<_> = MANY.iter().map(|table| (table, keys())).collect();
            let found = conn.get_many(&wanted).unwrap().iter().map(Vec::len).sum::<usize>();
            let row = |table, id| {
                let row = Row::new(vec![Value::Int(id), Value::Int(n)]);
                Known::row(table, crate::known::hash_of(table, &[Value::Int(id)]), row)
            };
            let groups: Vec<_> = MANY
                .iter()
                .map(|table| (table, WriteKind::Put, vec![row(table, 1), row(table, 2)]))
                .collect();
            conn.write_groups(&groups, true).unwrap();
            conn.commit().unwrap();
            (found, conn.trips.swap(0, Ordering::Relaxed))
        };
        assert_eq!(batch(1).0, 0);
        assert_eq!(batch(2), (6, 2), "one for the look-ups with BEGIN, one for the writes with COMMIT");
    }
}
