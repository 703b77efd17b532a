//! Screens a file: what would have been decided on each payment, had this program been asked at the time.
//!
//! Replays the file through the profiles, features, rules and model of the live path, and sums up. Nothing is known
//! of a payment that was not known at its time; a label counts from when it became known. Files are written whole or
//! not at all.

mod probe;
mod summary;

use std::path::{Path, PathBuf};

use base::{Clock, Timestamp};

pub use summary::{Bucket, Case, Quality, RuleResult, Screening, Total};

use crate::decide::{Costs, Decision, Outcome, Scorer, decide};
use crate::model::Model;
use crate::output::{Output, OutputError, write_whole};
use crate::replay::{Plan, replay};
use crate::rules::RuleSet;
use crate::table::{self, Field, OnProgress, ReadOptions, Table, TableError};
use summary::Summing;

const DAY_MS: i64 = 86_400_000;
/// Days until a label is known, when nothing else is said.
pub const LABEL_DELAY_DAYS: u32 = 7;
/// Longest label delay, in days.
pub const LABEL_DELAY_DAYS_MAX: u32 = 3_660;

/// What to screen and with what.
#[derive(Clone, Debug)]
pub struct ScreenOptions {
    /// The file.
    pub file: PathBuf,
    /// How to read it.
    pub read: ReadOptions,
    /// Days until a label is known; see [`LABEL_DELAY_DAYS`].
    pub label_delay_days: u32,
    /// The rules.
    pub rules: RuleSet,
    /// The model, if any.
    pub model: Option<Model>,
    /// What outcomes cost.
    pub costs: Costs,
    /// Where to write a line for each payment.
    pub decisions: Option<PathBuf>,
    /// Where to write the report.
    pub report: Option<PathBuf>,
    /// For the time taken.
    pub clock: Clock,
}

impl ScreenOptions {
    /// The starter rules on a file, nothing written.
    pub fn new(file: &Path) -> ScreenOptions {
        ScreenOptions {
            file: file.to_owned(),
            read: ReadOptions::default(),
            label_delay_days: LABEL_DELAY_DAYS,
            rules: RuleSet::starter(),
            model: None,
            costs: Costs::default(),
            decisions: None,
            report: None,
            clock: Clock::System,
        }
    }
}

/// Why screening failed.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// The file was refused.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The delay cannot be.
    #[error("the label delay must be at most {LABEL_DELAY_DAYS_MAX} days")]
    Delay,
    /// An output cannot be written.
    #[error(transparent)]
    Write(#[from] OutputError),
}

/// Screens a file, and writes decisions and report where asked to.
///
/// # Errors
/// [`ScreenError`]; no output is left half written.
pub fn run(options: &ScreenOptions, progress: OnProgress<'_>) -> Result<Screening, ScreenError> {
    if options.label_delay_days > LABEL_DELAY_DAYS_MAX {
        return Err(ScreenError::Delay);
    }
    let began = options.clock.now();
    let table = table::read_file(&options.file, &options.read, progress)?;
    let mut screening = screen(options, &table, progress)?;
    screening.seconds = options.clock.now().millis_since(began) as f64 / 1000.0;
    if let Some(path) = &options.report {
        let page = crate::report::page(&screening);
        write_whole(path, page.as_bytes())?;
    }
    Ok(screening)
}

/// Screens a table in memory.
///
/// # Errors
/// [`ScreenError::Write`].
pub fn screen(
    options: &ScreenOptions,
    table: &Table,
    progress: OnProgress<'_>,
) -> Result<Screening, ScreenError> {
    let known = probe::known_slots(table);
    let (rules, skipped) = options.rules.restricted(&|slot| known.contains(&slot));
    let mut sink = Sink::open(options.decisions.as_deref())?;
    let mut summing = Summing::new(table, &rules, options.model.as_ref());
    let plan = Plan {
        label_delay_ms: i64::from(options.label_delay_days) * DAY_MS,
        until: Timestamp(i64::MAX),
        phase: "screening",
    };
    let model = options.model.as_ref().map(|model| model as &dyn Scorer);
    replay(table, &plan, progress, |row, facts, profiles| {
        let decision = decide(facts, profiles, &rules, model, &options.costs);
        let score = score(&decision);
        sink.write(table, row, &decision, score)?;
        summing.add(row, &decision, score);
        Ok::<(), ScreenError>(())
    })?;
    sink.close()?;
    let mut screening = summing.finish(skipped.iter().map(|name| name.to_string()).collect());
    screening.file =
        options.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    screening.label_delay_days = table.has(Field::Label).then_some(options.label_delay_days);
    screening.model = options.model.as_ref().map(Model::version_text);
    Ok(screening)
}

/// What payments are ranked by: the model's probability, or without a model how strict the rules were and how many
/// of them fired, between 0 and 1.
pub fn score(decision: &Decision) -> f32 {
    decision.score.unwrap_or_else(|| {
        let fired = decision.reasons.iter().filter(|reason| reason.counts()).count().min(9) as f32;
        (decision.outcome as u8 as f32 + fired / 10.0) / 4.0
    })
}

/// Where decisions go.
struct Sink {
    output: Option<Output>,
    line: String,
}

impl Sink {
    fn open(path: Option<&Path>) -> Result<Sink, ScreenError> {
        let mut output = path.map(Output::create).transpose()?;
        if let Some(output) = &mut output {
            output.append(b"id,time,outcome,score,reasons\n")?;
        }
        Ok(Sink { output, line: String::new() })
    }

    fn write(
        &mut self,
        table: &Table,
        row: usize,
        decision: &Decision,
        score: f32,
    ) -> Result<(), ScreenError> {
        use std::fmt::Write as _;
        let Some(output) = &mut self.output else { return Ok(()) };
        let line = &mut self.line;
        line.clear();
        cell(&table.id(row), line);
        // Writing to a string cannot fail.
        let _ = write!(line, ",{},{},{score:.4},", table.at(row), decision.outcome.name());
        for (index, reason) in decision.reasons.iter().enumerate() {
            line.push_str(if index > 0 { ";" } else { "" });
            line.push_str(&reason.rule);
        }
        line.push('\n');
        Ok(output.append(line.as_bytes())?)
    }

    fn close(self) -> Result<(), ScreenError> {
        self.output.map_or(Ok(()), |output| Ok(output.finish()?))
    }
}

/// A text as a cell: quoted as in RFC 4180 when it holds a comma, quote or line end, and with an apostrophe in front of
/// what a spreadsheet would run as a formula (OWASP, CSV injection).
fn cell(text: &str, out: &mut String) {
    let apostrophe = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if !text.contains(['"', ',', '\n', '\r']) {
        out.push_str(apostrophe);
        return out.push_str(text);
    }
    out.push('"');
    out.push_str(apostrophe);
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

/// The outcome's position in arrays by outcome.
pub(crate) const fn place(outcome: Outcome) -> usize {
    outcome as usize
}

#[cfg(test)]
mod tests;
