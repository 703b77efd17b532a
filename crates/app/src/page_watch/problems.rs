//! Telling a problem of the payment pages once: an entry in the audit log, an alarm in the log, a notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use audit::{Action, Actor, Entry, Object, Outcome, Text};
use base::{EntryId, ShopId};
use identity::{Fault, Means, Notice};
use store::Tx;

use super::browser::Browser;
use super::store as rows;
use super::visit::{Seen, VisitError, Visitor, list_pages};
use super::{REPORTED_A_DAY_MAX, TOLD_AGAIN_DAYS, UNSEEN_DAYS_MAX};
use crate::installation::Installation;
use crate::jobs::{begin_day, day_of, find_last_day, put_last_day};

/// The daily look among the jobs of a day.
const JOB: &str = "payment page";
const CHECKED: Action = Action::new("payment_page.checked");
const PROBLEM: Action = Action::new("payment_page.problem");
/// Problems that one notice names; the log has them all.
const NAMED_MAX: usize = 3;

/// Who saw a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The program's own look.
    Watch,
    /// A payer's browser, or whoever says to be one.
    Browser,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Source::Watch => "watch",
            Source::Browser => "browser",
        }
    }
}

/// Tells those of `problems` that were not told lately; returns them. What the watch does not find any more is forgotten, so
/// that it is told at once when it comes back. Reports of browsers tell at most [`REPORTED_A_DAY_MAX`] new problems a day.
///
/// # Errors
/// [`Fault`] alone.
pub fn raise(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    source: Source,
    problems: &[String],
) -> Result<Vec<String>, Fault> {
    let today = day_of(means.now);
    let known = rows::list_told(tx)?;
    let prefix = format!("{}: ", source.name());
    let key = |problem: &String| format!("{prefix}{problem}");
    let keys: Vec<String> = problems.iter().map(key).collect();
    for (told, day) in known.iter().filter(|(told, _)| told.starts_with(&prefix)) {
        let is_gone = source == Source::Watch && !keys.contains(told);
        if is_gone || day + TOLD_AGAIN_DAYS <= today {
            rows::delete_told(tx, told)?;
        }
    }
    let so_far = known.iter().filter(|(told, day)| told.starts_with(&prefix) && *day == today).count();
    let room = match source {
        Source::Watch => usize::MAX,
        Source::Browser => usize::try_from(REPORTED_A_DAY_MAX).unwrap_or(0).saturating_sub(so_far),
    };
    let mut fresh = Vec::new();
    for problem in problems {
        if fresh.len() < room && rows::find_told(tx, &key(problem))?.is_none() {
            rows::put_told(tx, &key(problem), today)?;
            note(tx, means, source, problem)?;
            fresh.push(problem.clone());
        }
    }
    if !fresh.is_empty() {
        identity::tell_house(tx, means, &Notice::PaymentPageChanged { what: in_words(&fresh) })?;
    }
    Ok(fresh)
}

fn note(tx: &mut Tx<'_>, means: &Means<'_>, source: Source, problem: &str) -> Result<(), store::Error> {
    let id = EntryId::new(ShopId::HOUSE, means.now, means.dice);
    let about = Object::word("payment_page");
    let entry = Entry::new(id, means.now, Actor::system("page watch"), PROBLEM, about, Outcome::Failed)
        .reason(Text::masked(problem))
        .detail("source", Text::masked(source.name()));
    audit::append(tx, &entry).map(drop)
}

fn in_words(problems: &[String]) -> String {
    let named: Vec<&str> = problems.iter().take(NAMED_MAX).map(String::as_str).collect();
    let rest = problems.len().saturating_sub(NAMED_MAX);
    let more = if rest == 0 { String::new() } else { format!("; {rest} more") };
    format!("{}{more}", named.join("; "))
}

/// Raises the alarm in the log, a line for each.
pub(super) fn alarm(source: Source, fresh: &[String]) {
    for problem in fresh {
        let source = source.name();
        tracing::error!(
            alarm = "payment_page",
            source,
            problem,
            "the payment page is not received as it was sent"
        );
    }
}

/// The daily look of `tillward serve`.
pub struct Watch {
    at: Installation,
    url: String,
    browser: Option<Browser>,
    stop: Arc<AtomicBool>,
    runtime: tokio::runtime::Runtime,
}

impl Watch {
    /// Of the installation that payers reach at `url`; looks no more once `stop` is set.
    ///
    /// # Errors
    /// The system gives no more files.
    pub fn new(at: Installation, url: &str, stop: Arc<AtomicBool>) -> Result<Watch, String> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        Ok(Watch { at, url: url.to_owned(), browser: None, stop, runtime })
    }

    /// The same with a browser, where there is one, that runs the scripts of each page.
    #[must_use]
    pub fn with_browser(self, browser: Option<Browser>) -> Watch {
        Watch { browser, ..self }
    }

    /// Looks, once on each day of UTC; what could not be reached is tried again at the next call.
    pub fn look(&self) {
        if self.stop.load(Ordering::Acquire) {
            return;
        }
        match self.look_if_due() {
            Ok(fresh) => alarm(Source::Watch, &fresh),
            Err(problem) => {
                tracing::warn!(%problem, "the payment page could not be looked at; it is tried again")
            }
        }
    }

    fn look_if_due(&self) -> Result<Vec<String>, String> {
        let today = day_of(self.at.clock.now());
        let last = self.at.db.read_blocking(|tx| find_last_day(tx, JOB)).map_err(|e| e.to_string())?;
        if last.is_some_and(|last| last >= today) {
            return Ok(Vec::new());
        }
        let paths = self.paths().map_err(|e| e.to_string())?;
        if self.browser.is_none() {
            tracing::info!(
                "payment pages are looked at without running their scripts; name a browser with --watch-browser"
            );
        }
        let visitor = Visitor::new(&self.url, None).map(|visitor| visitor.with_browser(self.browser.clone()));
        let seen = visitor.map(|visitor| self.runtime.block_on(visitor.look(&paths)));
        match seen.and_then(|seen| seen) {
            Ok(seen) => self.enter(&seen).map_err(|e| e.to_string()),
            Err(problem) => self.miss(last, today, &problem),
        }
    }

    /// The pay page of a printed code, where a shop has one, and those that every installation has.
    fn paths(&self) -> Result<Vec<String>, store::Error> {
        let key = payments::code::code_key(&self.at.vault);
        let token = self.at.db.read_blocking(|tx| payments::code::find_any_token(tx, &key))?;
        Ok(token.map(|token| format!("/p/{token}")).into_iter().chain(list_pages()).collect())
    }

    fn enter(&self, seen: &Seen) -> Result<Vec<String>, Fault> {
        let seen = seen.clone();
        self.at.write_if_due(move |tx, means| {
            if !begin_day(tx, JOB, means.now)? {
                return Ok(Vec::new());
            }
            note_look(tx, means, &seen)?;
            let problems: Vec<String> = seen.findings.iter().map(ToString::to_string).collect();
            raise(tx, means, Source::Watch, &problems)
        })
    }

    /// Nothing was seen: a problem of its own after [`UNSEEN_DAYS_MAX`] days.
    fn miss(&self, last: Option<i64>, today: i64, problem: &VisitError) -> Result<Vec<String>, String> {
        let unseen = last.is_some_and(|last| today - last >= UNSEEN_DAYS_MAX);
        let told = self.at.write_if_due(move |tx, means| {
            match last {
                // From here the days count.
                None => put_last_day(tx, JOB, today - 1).map(|()| Vec::new()).map_err(Fault::from),
                Some(_) if unseen => {
                    let words = format!("it could not be looked at for {UNSEEN_DAYS_MAX} days");
                    raise(tx, means, Source::Watch, &[words])
                }
                Some(_) => Ok(Vec::new()),
            }
        });
        let told: Vec<String> = told.map_err(|e: Fault| e.to_string())?;
        tracing::warn!(%problem, "the payment page could not be looked at; it is tried again");
        Ok(told)
    }
}

fn note_look(tx: &mut Tx<'_>, means: &Means<'_>, seen: &Seen) -> Result<(), store::Error> {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let id = EntryId::new(ShopId::HOUSE, means.now, means.dice);
    let outcome = if seen.findings.is_empty() { Outcome::Success } else { Outcome::Failed };
    let about = Object::word("payment_page");
    let entry = Entry::new(id, means.now, Actor::system("page watch"), CHECKED, about, outcome)
        .detail("pages", number(seen.pages))
        .detail("pages_run", number(seen.pages_run))
        .detail("files", number(seen.files))
        .detail("findings", number(seen.findings.len()));
    audit::append(tx, &entry).map(drop)
}
