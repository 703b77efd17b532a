//! The watch of the payment pages (PCI DSS 6.4.3 and 11.6.1, C29, C30): whether scripts and security headers are those of
//! this program when they come out of a browser's end of the line.
//!
//! Promises: a page is fetched through its public address, as a payer's browser would, so that what a proxy, a cache or a
//! thief in front of the program adds or drops is seen ([`visit`]); what payers' browsers stopped is taken as a report
//! ([`reports`]); each distinct problem is one entry in the audit log, one alarm and one notice, however often it is met
//! ([`problems`]). The PIN page, for which a payer is signed in, is looked at as a specimen of itself that anybody may see.
//! Scripts are run where the operator names a browser ([`browser`]); without one a page is read as it was received.
//!
//! Reading order: `visit.rs`, `markup.rs`, `headers.rs` (what was received), `browser.rs`, `problems.rs`, `reports.rs`,
//! `store.rs`.

use std::fmt;

pub mod browser;
pub mod headers;
pub mod markup;
pub mod problems;
pub mod reports;
mod store;
pub mod visit;

pub use problems::{Watch, raise};
pub use store::MIGRATIONS;

/// Longest page or file that is read, bytes. Ours have a tenth of it.
pub const RECEIVED_BYTES_MAX: usize = 512 * 1024;
/// How long one answer may take, seconds.
pub const FETCH_SECONDS_MAX: u64 = 10;
/// How long a browser may take to show one page, seconds.
pub const BROWSER_SECONDS_MAX: u64 = 30;
/// Longest list of what a browser loaded for one page, bytes; that of a page of ours has a tenth of it.
pub const REQUESTS_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Longest name out of a received page that a problem repeats, characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Problems of one look that are named; the rest is counted.
pub const FINDINGS_MAX: usize = 50;
/// A problem that lasts is told again after so many days.
pub const TOLD_AGAIN_DAYS: i64 = 30;
/// Days without a successful look after which that is a problem itself.
pub const UNSEEN_DAYS_MAX: i64 = 7;
/// Longest report of a browser, bytes.
pub const REPORT_BYTES_MAX: usize = 16 * 1024;
/// New problems by reports in one day. Anybody can write reports; more than these change nothing.
pub const REPORTED_A_DAY_MAX: i64 = 10;
/// Reports at once and each minute, from one network address.
pub const REPORTS_PER_PLACE: u32 = 10;
/// The same from everywhere.
pub const REPORTS_PER_MINUTE_MAX: u32 = 60;

/// One thing that is not as it should be, in words that hold nothing of a payer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A script from an address that is not in the inventory.
    Script(String),
    /// A script written into the page; its hash.
    Inline(String),
    /// A script of ours without its integrity.
    NoIntegrity(String),
    /// A file of ours that was received with other bytes.
    File(String),
    /// An element that our pages do not have.
    Element(String),
    /// An attribute that runs a script.
    Handler(String),
    /// A form, link or style sheet that leads to somebody else.
    Target(String),
    /// A security header that is missing.
    NoHeader(String),
    /// A security header with another value.
    Header(String),
    /// A page that leads to somebody else.
    Redirect(String),
    /// A page that is none.
    NotAPage(String),
    /// Something that the page asked for once its scripts ran.
    Request(String),
    /// The browser did not show a page.
    Unshown(String),
}

impl Finding {
    /// Its kind, for a script that reads it.
    pub fn kind(&self) -> &'static str {
        match self {
            Finding::Script(_) => "script",
            Finding::Inline(_) => "inline_script",
            Finding::NoIntegrity(_) => "no_integrity",
            Finding::File(_) => "file",
            Finding::Element(_) => "element",
            Finding::Handler(_) => "handler",
            Finding::Target(_) => "target",
            Finding::NoHeader(_) => "no_header",
            Finding::Header(_) => "header",
            Finding::Redirect(_) => "redirect",
            Finding::NotAPage(_) => "not_a_page",
            Finding::Request(_) => "request",
            Finding::Unshown(_) => "not_shown",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Script(what) => write!(f, "the script `{what}` is not in the inventory"),
            Finding::Inline(what) => write!(f, "a script was written into the page, {what}"),
            Finding::NoIntegrity(what) => write!(f, "the script `{what}` came without its integrity"),
            Finding::File(what) => write!(f, "the file `{what}` was changed on its way"),
            Finding::Element(what) => write!(f, "the page has an element `{what}`, which ours have not"),
            Finding::Handler(what) => write!(f, "an attribute `{what}` runs a script"),
            Finding::Target(what) => write!(f, "the page sends to or loads from `{what}`"),
            Finding::NoHeader(what) => write!(f, "the header `{what}` is missing"),
            Finding::Header(what) => write!(f, "the header `{what}` was changed"),
            Finding::Redirect(what) => write!(f, "the page leads on to `{what}`"),
            Finding::NotAPage(what) => write!(f, "the answer is no page of ours: {what}"),
            Finding::Request(what) => write!(f, "in a browser the page asks for `{what}`"),
            Finding::Unshown(what) => write!(f, "the browser did not show the page: {what}"),
        }
    }
}

/// A name out of what was received, made fit to be shown: short, and of letters that cannot play tricks.
pub fn shown(text: &str) -> String {
    let kept = text.chars().map(|c| if c.is_ascii_graphic() && c != '`' { c } else { '?' });
    let kept: String = kept.take(NAME_CHARS_MAX).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}
