//! `tillward screen`: what would have been decided on each payment of a file. Needs no database and no set-up.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use base::{Currency, Money};
use risk::Outcome;
use risk::output::find_place;
use risk::screen::{ScreenError, ScreenOptions, Screening};
use risk::table::{Mapping, ReadOptions, TableError};
use risk::train::Figures;

use super::progress::Bar;
use super::{say, whole};
use crate::installation::{read_countries, read_model, read_rules};

/// Rules listed under the outcomes.
const RULES_SHOWN: usize = 8;

/// How a file of payments is read; shared with `train`.
#[derive(clap::Args)]
pub(super) struct Reading {
    /// Which column holds what, such as `payer=CUSTOMER_ID`; what is not told is guessed and shown. `payer=` leaves it out
    #[arg(long, value_name = "FIELD=COLUMN")]
    map: Vec<Mapping>,
    /// Currency of the amounts, where the file has no column for it
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: Currency,
    /// Minutes east of UTC of times without a zone, 480 for China
    #[arg(long, value_name = "MINUTES", default_value_t = 0, allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(-1080..=1080))]
    zone_minutes: i32,
    /// Table of countries of network addresses, for files that have the address alone; see docs/address-countries.md
    #[arg(long, value_name = "FILE")]
    address_countries: Option<PathBuf>,
}

impl Reading {
    /// The table of countries, where one is read.
    pub(super) fn countries_file(&self) -> Option<&PathBuf> {
        self.address_countries.as_ref()
    }

    pub(super) fn options(self, labels: Option<String>) -> Result<ReadOptions, String> {
        let countries = self.address_countries.as_deref().map(read_countries).transpose();
        let countries = countries.map_err(|e| whole(&e))?.map(Arc::new);
        let Reading { map, currency, zone_minutes, .. } = self;
        Ok(ReadOptions { map, labels, currency, zone_minutes, countries })
    }
}

/// Screen a file of payments: what would have been decided, had this program been asked at the time.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  tillward screen payments.csv\n  \
    tillward screen export.csv.zst --map time=Created --map payer=Customer --decisions decisions.csv\n  \
    tillward screen samples/payments.csv --labels fraud --report report.html\n  \
    tillward screen transactions.csv.zst --labels TX_FRAUD --model model.tw --json\n\n\
    The file is CSV, plain or compressed (.zst, .gz), with the columns named in its first line. It needs a time and an \
    amount; payer, card, device, address, shop, terminal and others make the rules see more. Rules whose columns are \
    absent are named and skipped.")]
pub(super) struct Screen {
    /// The file: CSV, also compressed with zstd or gzip
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Write a line for each payment: id, time, outcome, score, reasons. An id that a spreadsheet would run as a formula
    /// (it begins with = + - or @) gets an apostrophe in front
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Write a report with charts: one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Column that says which payments were frauds (1, true, yes); figures need it
    #[arg(long, value_name = "COLUMN")]
    labels: Option<String>,
    /// Days until a fraud is known
    #[arg(long, value_name = "DAYS", default_value_t = risk::screen::LABEL_DELAY_DAYS)]
    delay_days: u32,
    /// Model made by `tillward train`
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Rules in place of the starter rules
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Screen {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let inputs =
            [Some(&self.file), self.model.as_ref(), self.rules.as_ref(), self.reading.countries_file()];
        check_outputs(&inputs, &[self.decisions.as_ref(), self.report.as_ref()])?;
        let mut options = ScreenOptions::new(&self.file);
        options.read = self.reading.options(self.labels)?;
        options.label_delay_days = self.delay_days;
        if let Some(path) = &self.rules {
            options.rules = read_rules(path).map_err(|e| whole(&e))?;
        }
        options.model = self.model.as_deref().map(read_model).transpose().map_err(|e| whole(&e))?;
        options.decisions = self.decisions;
        options.report = self.report;
        let mut bar = Bar::new(self.json);
        let screened = risk::screen::run(&options, &mut |progress| bar.show(progress));
        bar.clear();
        let screening = screened.map_err(|e| match &e {
            ScreenError::Table(problem) => refused(&self.file, problem),
            ScreenError::Delay | ScreenError::Write(_) => whole(&e),
        })?;
        if self.json {
            say(&screening.to_json().to_string());
        } else {
            lines(&screening).iter().for_each(|line| say(line));
            written(&options).iter().for_each(|line| say(line));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What is wrong with a file, and with which.
pub(super) fn refused(file: &Path, problem: &TableError) -> String {
    match problem {
        TableError::Open { .. } => whole(problem),
        _ => format!("`{}`: {}", file.display(), whole(problem)),
    }
}

/// Refuses to write over what is read, two things into one file, and in place of what is no regular file. Asked before
/// any work is done: the last file must not fail after the first was written.
pub(super) fn check_outputs(inputs: &[Option<&PathBuf>], outputs: &[Option<&PathBuf>]) -> Result<(), String> {
    let place = |path: &PathBuf| find_place(path).unwrap_or_else(|_| path.clone());
    let mut taken: Vec<PathBuf> = inputs.iter().flatten().map(|path| place(path)).collect();
    for path in outputs.iter().flatten() {
        if path.is_dir() {
            return Err(format!("`{}` is a folder; name a file", path.display()));
        }
        if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return Err(format!("there is no folder for `{}`; make it first", path.display()));
        }
        let at = find_place(path).map_err(|e| whole(&e))?;
        if taken.contains(&at) {
            return Err(format!("`{}` is named twice; write to another file", path.display()));
        }
        taken.push(at);
    }
    Ok(())
}

fn written(options: &ScreenOptions) -> Vec<String> {
    let line =
        |what: &str, path: &Option<PathBuf>| Some(format!("wrote {what} to {}", path.as_ref()?.display()));
    [line("decisions", &options.decisions), line("report", &options.report)].into_iter().flatten().collect()
}

fn lines(screening: &Screening) -> Vec<String> {
    let mut out = Vec::new();
    let period = screening.period.map_or_else(String::new, |(from, until)| {
        let day = |at: base::Timestamp| at.to_rfc3339().chars().take(10).collect::<String>();
        format!(", {} to {}", day(from), day(until))
    });
    out.push(format!(
        "{}: {} payments{period}, {:.1} s, {:.0} a second",
        screening.file,
        screening.rows,
        screening.seconds,
        screening.rows_per_second()
    ));
    out.push(columns(&screening.columns, &screening.unread_columns));
    if screening.sorted {
        out.push("the file was not in time order; it was sorted".to_owned());
    }
    if !screening.skipped_rules.is_empty() {
        out.push(format!("rules skipped, their columns are absent: {}", screening.skipped_rules.join(", ")));
    }
    for (outcome, total) in Outcome::ALL.into_iter().zip(&screening.totals) {
        let money = Money::new(total.minor, screening.currency).decimal();
        let currency = screening.currency;
        out.push(format!("  {:<10} {:>9} payments  {money:>16} {currency}", outcome.name(), total.payments));
    }
    for rule in screening.rules.iter().filter(|rule| rule.hits.total() > 0).take(RULES_SHOWN) {
        out.push(format!("  {:<28} {:>8} × {}", rule.name, rule.hits.total(), rule.outcome.name()));
    }
    if let Some(quality) = &screening.quality {
        out.push(format!("frauds: {} of {} payments", quality.frauds, quality.rows));
        out.push(figures(&quality.figures));
    }
    out
}

/// Which column was read as what.
pub(super) fn columns(read: &[(&'static str, String)], unread: &[String]) -> String {
    let pairs: Vec<String> = read.iter().map(|(field, column)| format!("{field}={column}")).collect();
    let rest = if unread.is_empty() { String::new() } else { format!("; not read: {}", unread.join(", ")) };
    format!("columns: {}{rest}", pairs.join(" "))
}

/// The figures on one line.
pub(super) fn figures(figures: &Figures) -> String {
    let show = |name: &str, value: Option<f64>| {
        format!("{name} {}", value.map_or("-".to_owned(), |v| format!("{v:.3}")))
    };
    let all = [
        show("AUC ROC", figures.auc_roc),
        show("average precision", figures.average_precision),
        show("card precision@100", figures.card_precision_at_100),
        show("recall", figures.recall),
        show("precision", figures.precision),
    ];
    all.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_never_written_over_what_is_read() {
        let (a, b) = (PathBuf::from("a.csv"), PathBuf::from("b.csv"));
        assert!(check_outputs(&[Some(&a)], &[Some(&b), None]).is_ok());
        assert!(check_outputs(&[Some(&a)], &[Some(&a), None]).is_err());
        assert!(check_outputs(&[Some(&a)], &[Some(&b), Some(&b)]).is_err());
        assert!(check_outputs(&[], &[Some(&b), Some(&PathBuf::from("./b.csv"))]).is_err());
        assert!(check_outputs(&[Some(&a)], &[Some(&PathBuf::from("/")), None]).is_err());
        assert!(check_outputs(&[Some(&a)], &[Some(&PathBuf::from("/no/such/folder/b.csv"))]).is_err());
    }
}
