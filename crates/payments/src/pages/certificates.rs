//! The certificates of the shop's terminals and API clients.

use askama::Template;
use base::Timestamp;
use webkit::page::form::Choice;
use webkit::page::{Frame, Mark, Problems};

/// All certificates, and making an enrolment code. Template `certificates.html`. The form has the fields `holder` and
/// `minutes`; each revoke form has none.
#[derive(Template)]
#[template(path = "certificates.html")]
pub struct CertificatesPage {
    /// The frame.
    pub page: Frame,
    /// The certificates, newest first.
    pub rows: Vec<CertificateRow>,
    /// The code just made; shown this once.
    pub fresh: Option<FreshCode>,
    /// Whom a code can be made for: terminals and API keys in force.
    pub holders: Vec<Choice>,
    /// Who was chosen.
    pub holder: String,
    /// How long the code can be used, minutes.
    pub minutes: String,
    /// What is wrong with `holder`, or with nothing in particular.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

impl CertificatesPage {
    /// How long a code can be used.
    pub fn minutes_choices(&self) -> Vec<Choice> {
        ["10", "60", "1440"]
            .map(|minutes| Choice::new(minutes, self.page.t(format!("certificates-minutes-{minutes}"))))
            .to_vec()
    }
}

/// A code just made.
#[derive(Clone)]
pub struct FreshCode {
    /// What its holder is called.
    pub label: String,
    /// The code. Never shown again.
    pub code: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// One certificate as a row.
#[derive(Clone, Debug)]
pub struct CertificateRow {
    /// The certificate's id.
    pub id: String,
    /// What its holder is called.
    pub label: String,
    /// What it is for, in words.
    pub purpose: String,
    /// When it ends.
    pub ends: Timestamp,
    /// Where it stands.
    pub standing: Standing,
    /// Where "revoke" posts to; empty for one that cannot be revoked here, or no more.
    pub revoke_href: String,
}

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Active,
    /// It counts, ends within days, and nothing has renewed it.
    EndsSoon,
    /// It counts until its end; a newer one is there.
    Renewed,
    /// It has ended.
    Ended,
    /// It was revoked.
    Revoked,
}

impl Standing {
    /// Its shape.
    pub fn mark(self) -> Mark {
        match self {
            Standing::Active => Mark::Done,
            Standing::EndsSoon => Mark::Review,
            Standing::Renewed => Mark::Returned,
            Standing::Ended => Mark::Closed,
            Standing::Revoked => Mark::Stopped,
        }
    }

    /// The key of its word.
    pub fn key(self) -> &'static str {
        match self {
            Standing::Active => "certificates-active",
            Standing::EndsSoon => "certificates-ends-soon",
            Standing::Renewed => "certificates-renewed",
            Standing::Ended => "certificates-ended",
            Standing::Revoked => "certificates-revoked",
        }
    }
}
