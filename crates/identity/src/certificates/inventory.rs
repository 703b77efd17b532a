//! What certificates the installation lives by, and the alarms before one of them ends (TLS-5, C44).
//!
//! Client certificates are entered when they are issued; those of the listeners and of the authorities when the program
//! loads them, so the inventory says what is really presented. An alarm is raised once for each step, in the log of the
//! program, in the audit log and by mail to those who can do something about it.

use base::{CertificateId, ScopedId, ShopId, Timestamp};
use store::Tx;

use super::{Certificate, CertificateState, Purpose};
use crate::context::{Fault, Means};
use crate::limits::ALARMS_PER_ROUND_MAX;
use crate::notices::{Notice, queue_notice};
use crate::permissions::{Actor, Permission};
use crate::person::Person;
use crate::record::{self, Event};
use crate::store::certificates::{self as rows, CertificateRow};
use crate::store::members::{self, MemberState};

const DAY_SECONDS: i64 = 86_400;
/// Days before the end at which a long-lived certificate raises an alarm; 0 is the end.
const STEPS: [i64; 5] = [30, 14, 7, 1, 0];
/// The same for a client's, which lives two weeks and is renewed at half of it.
const CLIENT_STEPS: [i64; 3] = [3, 1, 0];

/// A certificate that this node presents or trusts.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What it is for.
    pub purpose: Purpose,
    /// What it is known by from one renewal to the next, as `listener 0.0.0.0:443`.
    pub name: String,
    /// SHA-256 over its DER form.
    pub fingerprint: [u8; 32],
    /// When it ends.
    pub ends: Timestamp,
}

/// A certificate that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The certificate.
    pub certificate: Certificate,
    /// Days left, rounded up; 0 when it has ended.
    pub days: i64,
}

/// Enters a certificate that this node loaded into the inventory of the house. One that was there under the same name
/// counts as renewed.
///
/// # Errors
/// [`Fault`] alone.
pub fn watch_certificate(tx: &mut Tx, means: &Means<'_>, found: &Watched) -> Result<(), Fault> {
    let known = rows::list_named(tx, ShopId::HOUSE, &found.name)?;
    if known.iter().any(|row| row.certificate.fingerprint == found.fingerprint && !row.certificate.renewed) {
        return Ok(());
    }
    for row in known.into_iter().filter(|row| !row.certificate.renewed) {
        let certificate = Certificate { renewed: true, ..row.certificate.clone() };
        rows::update_certificate(tx, CertificateRow { certificate, alarm: None, ..row })?;
    }
    let certificate = Certificate {
        id: CertificateId::new(ShopId::HOUSE, means.now, means.dice),
        purpose: found.purpose,
        holder: found.name.clone(),
        label: found.name.clone(),
        fingerprint: found.fingerprint,
        state: CertificateState::Active,
        issued: means.now,
        ends: found.ends,
        renewed: false,
    };
    let id = certificate.id;
    let alarm = Some(first_alarm(&certificate));
    rows::insert_certificate(tx, CertificateRow { certificate, authority: 0, ended: None, alarm })?;
    record::note(tx, means, Event::new(ShopId::HOUSE, &Actor::System, record::CERTIFICATE_SEEN, id))
}

pub(crate) fn watch_authority(
    tx: &mut Tx,
    means: &Means<'_>,
    version: i64,
    der: &[u8],
    ends: Timestamp,
) -> Result<(), Fault> {
    let name = format!("client authority {version}");
    let fingerprint = super::fingerprint(der);
    watch_certificate(tx, means, &Watched { purpose: Purpose::Authority, name, fingerprint, ends })
}

/// Raises the alarms that are due, each once: an entry in the audit log and a mail to everybody who may manage the shop's
/// certificates. Call again while it returns [`ALARMS_PER_ROUND_MAX`].
///
/// # Errors
/// [`Fault`] alone.
pub fn raise_alarms(tx: &mut Tx, means: &Means<'_>) -> Result<Vec<Alarm>, Fault> {
    let mut raised = Vec::new();
    for row in rows::list_due(tx, means.now, ALARMS_PER_ROUND_MAX)? {
        let certificate = row.certificate.clone();
        let alarm = next_alarm(&certificate, means.now);
        let days = days_left(certificate.ends, means.now);
        let event =
            Event::new(certificate.id.shop(), &Actor::System, record::CERTIFICATE_ENDS_SOON, certificate.id);
        record::note(tx, means, event.with("days", days))?;
        tell(tx, means, &certificate, days)?;
        rows::update_certificate(tx, CertificateRow { alarm, ..row })?;
        raised.push(Alarm { certificate, days });
    }
    Ok(raised)
}

/// Days until `ends`, rounded up; 0 when it is past.
pub fn days_left(ends: Timestamp, now: Timestamp) -> i64 {
    let left = ends.millis().saturating_sub(now.millis()).max(0);
    let day = DAY_SECONDS * 1000;
    left / day + i64::from(left % day > 0)
}

/// When the first alarm of a certificate is due; in the past when it ends sooner than that.
pub(crate) fn first_alarm(certificate: &Certificate) -> Timestamp {
    let first = steps(certificate.purpose).first().copied().unwrap_or_default();
    certificate.ends.plus_seconds(-first * DAY_SECONDS)
}

/// When the next alarm is due, after all that were due by now.
fn next_alarm(certificate: &Certificate, now: Timestamp) -> Option<Timestamp> {
    let due =
        steps(certificate.purpose).iter().map(|days| certificate.ends.plus_seconds(-days * DAY_SECONDS));
    due.into_iter().find(|at| now < *at)
}

fn steps(purpose: Purpose) -> &'static [i64] {
    if purpose.is_client() { &CLIENT_STEPS } else { &STEPS }
}

fn tell(tx: &mut Tx, means: &Means<'_>, certificate: &Certificate, days: i64) -> Result<(), Fault> {
    let notice = Notice::CertificateEnds { label: certificate.label.clone(), days };
    for row in members::list_members(tx, certificate.id.shop())? {
        let may = row.roles.iter().any(|role| role.grants(Permission::ManageCertificates));
        if may && row.state == MemberState::Active {
            queue_notice(tx, means, Person::Member(row.id), &notice)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Dice;

    fn certificate(purpose: Purpose, ends: Timestamp) -> Certificate {
        Certificate {
            id: CertificateId::new(ShopId::HOUSE, Timestamp(0), &Dice::System),
            purpose,
            holder: "listener".to_owned(),
            label: "listener".to_owned(),
            fingerprint: [0; 32],
            state: CertificateState::Active,
            issued: Timestamp(0),
            ends,
            renewed: false,
        }
    }

    fn alarms(purpose: Purpose) -> Vec<i64> {
        let end = Timestamp(0).plus_seconds(365 * DAY_SECONDS);
        let found = certificate(purpose, end);
        let (mut at, mut days) = (Some(first_alarm(&found)), Vec::new());
        while let Some(now) = at {
            days.push(days_left(end, now));
            at = next_alarm(&found, now);
        }
        days
    }

    #[test]
    fn tls_5_alarms_come_at_30_14_7_and_1_days_and_at_the_end() {
        assert_eq!(alarms(Purpose::Listener), [30, 14, 7, 1, 0]);
        assert_eq!(alarms(Purpose::Terminal), [3, 1, 0]);
    }

    #[test]
    fn c44_a_certificate_found_late_raises_one_alarm_and_not_those_it_missed() {
        let end = Timestamp(0).plus_seconds(10 * DAY_SECONDS);
        let found = certificate(Purpose::Listener, end);
        assert!(first_alarm(&found) < Timestamp(0), "due at once");
        assert_eq!(next_alarm(&found, Timestamp(0)), Some(end.plus_seconds(-7 * DAY_SECONDS)));
        assert_eq!(next_alarm(&found, end), None);
    }
}
