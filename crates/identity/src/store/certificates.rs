//! SQL of certificates, enrolment codes and the authority.

use base::{CertificateId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use vault::SealedValue;

use super::{broken, named};
use crate::certificates::{Certificate, Holder};

named! {
    /// Whether a certificate counts.
    pub enum CertificateState {
        /// It does, until it ends.
        Active = "active",
        /// It was revoked, for good.
        Revoked = "revoked",
    }
}

named! {
    /// What a certificate is for.
    pub enum Purpose {
        /// A shop's API client.
        ApiClient = "api_client",
        /// A shop's terminal.
        Terminal = "terminal",
        /// What a listener of ours presents.
        Listener = "listener",
        /// The built-in authority.
        Authority = "authority",
        /// The operator's own authority for clients.
        OperatorAuthority = "operator_authority",
    }
}

impl Purpose {
    /// Whether a client of ours holds it.
    pub fn is_client(self) -> bool {
        matches!(self, Purpose::ApiClient | Purpose::Terminal)
    }
}

static CERTIFICATES: Table = Table::new(
    "certificates",
    &[text("shop_id"), text("id")],
    &[
        text("purpose"),
        text("holder"),
        text("label"),
        blob("fingerprint"),
        text("state"),
        int("renewed"),
        int("authority"),
        int("issued_ms"),
        int("ends_ms"),
        int("ended_ms"),
        int("alarm_ms"),
    ],
)
.kept();

static ENROLMENTS: Table = Table::new(
    "enrolments",
    &[text("code_hash")],
    &[text("shop_id"), text("holder"), text("label"), int("created_ms"), int("expires_ms")],
);

static AUTHORITIES: Table = Table::new(
    "certificate_authorities",
    &[int("version")],
    &[blob("certificate"), blob("key"), int("created_ms"), int("ends_ms")],
);

const COLUMNS: &str =
    "shop_id, id, purpose, holder, label, fingerprint, state, renewed, authority, issued_ms, ends_ms,
                       ended_ms, alarm_ms";

/// A certificate with what only its own code needs.
#[derive(Clone)]
pub(crate) struct CertificateRow {
    pub(crate) certificate: Certificate,
    /// The version of our authority; 0 for one of others.
    pub(crate) authority: i64,
    /// When it was revoked.
    pub(crate) ended: Option<Timestamp>,
    /// When the next alarm is due.
    pub(crate) alarm: Option<Timestamp>,
}

/// A code that waits.
pub(crate) struct EnrolmentRow {
    pub(crate) code_hash: String,
    pub(crate) holder: Holder,
    pub(crate) label: String,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
}

/// An authority; `key` is sealed.
pub(crate) struct AuthorityRow {
    pub(crate) version: i64,
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) created: Timestamp,
    pub(crate) ends: Timestamp,
}

pub(crate) fn find_certificate(tx: &mut Tx, id: CertificateId) -> Result<Option<CertificateRow>, Error> {
    tx.get(&CERTIFICATES, &[id.shop().short().into(), id.short().into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn insert_certificate(tx: &mut Tx, row: CertificateRow) -> Result<(), Error> {
    tx.insert(&CERTIFICATES, values(row))
}

pub(crate) fn update_certificate(tx: &mut Tx, row: CertificateRow) -> Result<(), Error> {
    tx.put(&CERTIFICATES, values(row))
}

pub(crate) fn list_certificates(
    tx: &mut Tx,
    shop: ShopId,
    since: Timestamp,
) -> Result<Vec<CertificateRow>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM certificates WHERE shop_id = ?1 AND ends_ms > ?2 ORDER BY id DESC");
    tx.query(&sql, &[shop.short().into(), since.into()])?.iter().map(read).collect()
}

pub(crate) fn list_named(tx: &mut Tx, shop: ShopId, holder: &str) -> Result<Vec<CertificateRow>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM certificates WHERE shop_id = ?1 AND holder = ?2 ORDER BY id");
    tx.query(&sql, &[shop.short().into(), holder.into()])?.iter().map(read).collect()
}

pub(crate) fn count_in_force(tx: &mut Tx, shop: ShopId, holder: &str, now: Timestamp) -> Result<i64, Error> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM certificates
               WHERE shop_id = ?1 AND holder = ?2 AND state = 'active' AND ends_ms > ?3";
    count(tx, sql, &[shop.short().into(), holder.into(), now.into()])
}

pub(crate) fn list_due(tx: &mut Tx, now: Timestamp, limit: usize) -> Result<Vec<CertificateRow>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM certificates WHERE alarm_ms <= ?1 ORDER BY alarm_ms LIMIT ?2");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(&sql, &[now.into(), Value::Int(limit)])?.iter().map(read).collect()
}

pub(crate) fn list_revoked(
    tx: &mut Tx,
    authority: i64,
    now: Timestamp,
) -> Result<Vec<(CertificateId, Timestamp)>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM certificates WHERE state = 'revoked' AND authority = ?1 AND ends_ms > ?2 ORDER BY id"
    );
    let found = tx.query(&sql, &[Value::Int(authority), now.into()])?;
    let rows: Result<Vec<CertificateRow>, Error> = found.iter().map(read).collect();
    Ok(rows?.into_iter().filter_map(|row| Some((row.certificate.id, row.ended?))).collect())
}

pub(crate) fn find_enrolment(tx: &mut Tx, code_hash: &str) -> Result<Option<EnrolmentRow>, Error> {
    let Some(row) = tx.get(&ENROLMENTS, &[code_hash.into()])? else { return Ok(None) };
    Ok(Some(EnrolmentRow {
        code_hash: code_hash.to_owned(),
        holder: Holder::parse(row.text(2)?).ok_or_else(|| broken("enrolments"))?,
        label: row.text(3)?.to_owned(),
        created: row.time(4)?,
        expires: row.time(5)?,
    }))
}

pub(crate) fn insert_enrolment(tx: &mut Tx, row: EnrolmentRow) -> Result<(), Error> {
    let values = vec![
        row.code_hash.into(),
        row.holder.shop().short().into(),
        row.holder.to_string().into(),
        row.label.into(),
        row.created.into(),
        row.expires.into(),
    ];
    tx.insert(&ENROLMENTS, values)
}

pub(crate) fn delete_enrolment(tx: &mut Tx, code_hash: &str) -> Result<(), Error> {
    tx.delete(&ENROLMENTS, &[code_hash.into()])
}

/// Deletes every code of a shop that waits for its machine.
pub(crate) fn delete_enrolments(tx: &mut Tx, shop: ShopId) -> Result<(), Error> {
    tx.execute("DELETE FROM enrolments WHERE shop_id = ?1", &[shop.short().into()]).map(drop)
}

pub(crate) fn count_enrolments(tx: &mut Tx, shop: ShopId, now: Timestamp) -> Result<i64, Error> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM enrolments WHERE shop_id = ?1 AND expires_ms > ?2";
    count(tx, sql, &[shop.short().into(), now.into()])
}

pub(crate) fn list_ended_enrolments(
    tx: &mut Tx,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let sql = "SELECT code_hash FROM enrolments WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    found.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

pub(crate) fn find_newest_authority(tx: &mut Tx) -> Result<Option<AuthorityRow>, Error> {
    let sql = "SELECT version, certificate, key, created_ms, ends_ms FROM certificate_authorities
               ORDER BY version DESC LIMIT 1";
    let found = tx.query(sql, &[])?;
    let Some(row) = found.first() else { return Ok(None) };
    Ok(Some(AuthorityRow {
        version: row.int(0)?,
        certificate: row.blob(1)?.to_vec(),
        key: row.blob(2)?.to_vec(),
        created: row.time(3)?,
        ends: row.time(4)?,
    }))
}

pub(crate) fn list_authorities(tx: &mut Tx, now: Timestamp) -> Result<Vec<Vec<u8>>, Error> {
    let sql = "SELECT certificate FROM certificate_authorities WHERE ends_ms > ?1 ORDER BY version DESC";
    let found = tx.query(sql, &[now.into()])?;
    found.iter().map(|row| Ok(row.blob(0)?.to_vec())).collect()
}

pub(crate) fn insert_authority(tx: &mut Tx, row: AuthorityRow) -> Result<(), Error> {
    let values = vec![
        Value::Int(row.version),
        row.certificate.into(),
        row.key.into(),
        row.created.into(),
        row.ends.into(),
    ];
    tx.insert(&AUTHORITIES, values)
}

pub(crate) fn list_authority_keys(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<SealedValue>, Error> {
    let sql = "SELECT CAST(version AS TEXT), key FROM certificate_authorities
               WHERE CAST(version AS TEXT) > ?1 ORDER BY CAST(version AS TEXT) LIMIT ?2";
    let found = tx.query(sql, &[after.into(), Value::Int(limit)])?;
    found
        .iter()
        .map(|row| Ok(SealedValue { row: row.text(0)?.to_owned(), sealed: row.blob(1)?.to_vec() }))
        .collect()
}

pub(crate) fn update_authority_key(tx: &mut Tx, version: &str, sealed: Vec<u8>) -> Result<(), Error> {
    let sql = "UPDATE certificate_authorities SET key = ?2 WHERE CAST(version AS TEXT) = ?1";
    tx.execute(sql, &[version.into(), sealed.into()]).map(drop)
}

fn count(tx: &mut Tx, sql: &str, values: &[Value]) -> Result<i64, Error> {
    tx.query(sql, values)?.first().map_or(Ok(0), |row| row.int(0))
}

fn read(row: &Row) -> Result<CertificateRow, Error> {
    let bad = || broken("certificates");
    let certificate = Certificate {
        id: CertificateId::from_short(row.text(1)?).ok_or_else(bad)?,
        purpose: Purpose::from_name(row.text(2)?).ok_or_else(bad)?,
        holder: row.text(3)?.to_owned(),
        label: row.text(4)?.to_owned(),
        fingerprint: row.blob(5)?.try_into().map_err(|_| bad())?,
        state: CertificateState::from_name(row.text(6)?).ok_or_else(bad)?,
        renewed: row.bool(7)?,
        issued: row.time(9)?,
        ends: row.time(10)?,
    };
    Ok(CertificateRow {
        certificate,
        authority: row.int(8)?,
        ended: row.opt_time(11)?,
        alarm: row.opt_time(12)?,
    })
}

fn values(row: CertificateRow) -> Vec<Value> {
    let certificate = row.certificate;
    vec![
        certificate.id.shop().short().into(),
        certificate.id.short().into(),
        certificate.purpose.name().into(),
        certificate.holder.into(),
        certificate.label.into(),
        certificate.fingerprint.to_vec().into(),
        certificate.state.name().into(),
        Value::Int(i64::from(certificate.renewed)),
        Value::Int(row.authority),
        certificate.issued.into(),
        certificate.ends.into(),
        row.ended.into(),
        row.alarm.into(),
    ]
}
