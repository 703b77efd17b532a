//! Two people for one thing, and the quarterly question who still needs what.

use askama::Template;
use base::Timestamp;
use webkit::page::form::Choice;
use webkit::page::{Frame, Mark, Problems};

use crate::emergency::EmergencyState;

/// What waits for a second person. Template `approvals.html`. The forms have no fields.
#[derive(Template)]
#[template(path = "approvals.html")]
pub struct ApprovalsPage {
    /// The frame.
    pub page: Frame,
    /// The proposals, those that wait for the reader first.
    pub rows: Vec<ApprovalRow>,
    /// Emergency accesses that wait for the reader's review.
    pub emergencies: u64,
    /// Where they are.
    pub emergencies_href: String,
}

/// Power taken for a time, and a colleague's review. Template `emergency.html`. Fields `role`, `minutes`, `reason`; of a
/// review `note`; ending has none.
#[derive(Template)]
#[template(path = "emergency.html")]
pub struct EmergencyPage {
    /// The frame.
    pub page: Frame,
    /// The reader holds such power now: no more is taken until it ends.
    pub holds: bool,
    /// The roles that lend the reader something.
    pub roles: Vec<Choice>,
    /// What was chosen.
    pub role: String,
    /// What was typed as minutes.
    pub minutes_typed: String,
    /// The most minutes.
    pub minutes_max: i64,
    /// What was typed as the reason.
    pub reason_typed: String,
    /// What is wrong, by field.
    pub problems: Problems,
    /// What was taken, the ones that nobody reviewed first.
    pub rows: Vec<EmergencyRow>,
    /// Where the form posts to.
    pub action_href: String,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct EmergencyRow {
    /// Its id, as entries of the log name it.
    pub id: String,
    /// Who took it, by name.
    pub who: String,
    /// The role, in words.
    pub role: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub begun: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How far it has come.
    pub state: EmergencyState,
    /// Who reviewed it, by name; empty before.
    pub reviewer: String,
    /// What they found; empty before.
    pub note: String,
    /// Where "end" posts to; empty when it is over.
    pub end_href: String,
    /// Where a review posts to; empty where none is due, or not by the reader.
    pub review_href: String,
}

impl EmergencyRow {
    /// Its shape.
    pub fn mark(&self) -> Mark {
        match self.state {
            EmergencyState::Running => Mark::Waiting,
            EmergencyState::Unreviewed => Mark::Review,
            EmergencyState::Reviewed => Mark::Done,
        }
    }

    /// The key of its word.
    pub fn key(&self) -> String {
        format!("emergency-{}", self.state.name())
    }
}

/// A proposal.
#[derive(Clone, Debug)]
pub struct ApprovalRow {
    /// What is asked for, in words.
    pub what: String,
    /// More about it; may be empty.
    pub about: String,
    /// The page that it is about; may be empty.
    pub about_href: String,
    /// Whether the yes is said on that page, where everything about it is to be seen.
    pub looks_first: bool,
    /// For whom or for which role it is; may be empty.
    pub concerned: String,
    /// The roles the person would have; may be empty.
    pub roles: String,
    /// What the person or role could do from then on, in words.
    pub gains: Vec<String>,
    /// What they could not do any more, in words.
    pub loses: Vec<String>,
    /// Who asks.
    pub who: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when it can be decided, or used.
    pub until: Timestamp,
    /// How it stands.
    pub state: ApprovalShown,
    /// Where "approve" posts to; empty for the reader's own, and for what is decided.
    pub approve_href: String,
    /// Where "refuse" posts to; the same.
    pub refuse_href: String,
}

/// How a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalShown {
    /// It waits for the reader.
    Yours,
    /// It is the reader's own and waits for somebody else.
    Own,
    /// Approved, and good for one use.
    Approved,
}

impl ApprovalShown {
    /// Its shape.
    pub fn mark(&self) -> Mark {
        match self {
            ApprovalShown::Yours => Mark::Review,
            ApprovalShown::Own => Mark::Waiting,
            ApprovalShown::Approved => Mark::Done,
        }
    }

    /// The key of its word.
    pub fn key(&self) -> &'static str {
        match self {
            ApprovalShown::Yours => "approval-yours",
            ApprovalShown::Own => "approval-own",
            ApprovalShown::Approved => "approval-approved",
        }
    }
}

/// Who still needs what, one line and one decision each. Template `access_review.html`. The forms have the hidden
/// fields `subject` and `decision` (`confirm`, `remove`).
#[derive(Template)]
#[template(path = "access_review.html")]
pub struct AccessReviewPage {
    /// The frame.
    pub page: Frame,
    /// The open review; absent when none is due.
    pub open: Option<OpenReview>,
    /// Reviews that are closed, newest first: until when they were due, and when they were closed.
    pub closed: Vec<(Timestamp, Timestamp)>,
}

/// A review that is going on.
#[derive(Clone, Debug)]
pub struct OpenReview {
    /// When it has to be done.
    pub due: Timestamp,
    /// Whether that is over.
    pub is_overdue: bool,
    /// Lines that are decided.
    pub done: usize,
    /// The lines, undecided ones first.
    pub lines: Vec<ReviewLine>,
    /// Where the forms post to; empty for those who read alone.
    pub action_href: String,
}

/// Somebody or something with access.
#[derive(Clone, Debug)]
pub struct ReviewLine {
    /// As the form sends it.
    pub subject: String,
    /// The person's name, or the key's.
    pub name: String,
    /// What it may, in words.
    pub grants: String,
    /// The last use; absent for never.
    pub used: Option<Timestamp>,
    /// What speaks for removal, in words.
    pub flags: Vec<String>,
    /// What was decided, in words; empty before.
    pub decision: String,
    /// Whether it is the reader's own, which somebody else decides.
    pub is_own: bool,
    /// Whether the reader may remove it; who has no colleague to decide it keeps their own.
    pub can_remove: bool,
}
