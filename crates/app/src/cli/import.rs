//! `tillward import customers|cards`.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use base::{Clock, Dice, ShopId};
use identity::{Actor, Fault, Means};
use risk::table::Progress;
use tokens::By;
use tokens::import::{Heading, Line, Lines, Outcome, Problem, Summary, What, import_line, read_line};

use super::progress::Bar;
use super::{Source, say, whole};
use crate::installation::Installation;

/// Lines put in by one transaction: all of them are in, or none.
const LINES_A_BATCH: usize = 64;

/// Bring existing customers and cards in from a table (CSV)
#[derive(clap::Args)]
#[command(
    after_help = "The first line names the columns; each line carries the shop's own id in `external_id`, so the same file \
    can be sent again after a break. Lines that cannot be imported are reported with their line number and the rest goes \
    on. With the embedded engine, stop the server first.\n\n\
    Examples:\n  tillward import customers customers.csv --shop shop_0123abcd --check\n  \
    tillward import customers customers.csv --shop shop_0123abcd\n  \
    tillward import cards cards.csv --shop shop_0123abcd --json > report.jsonl"
)]
pub(super) struct Import {
    #[command(subcommand)]
    what: Table,
}

#[derive(clap::Subcommand)]
enum Table {
    /// Customers: external_id, name, phone, email, country, region, city, postcode, street, identity_scheme,
    /// identity_number, bank_scheme, bank_account
    Customers(One),
    /// Cards: external_id, number, expiry (or expiry_month and expiry_year), holder, customer_external_id
    Cards(One),
}

#[derive(clap::Args)]
struct One {
    /// The table (CSV, UTF-8)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose customers or cards they are
    #[arg(long, value_name = "SHOP_ID")]
    shop: ShopId,
    /// Read and check every line, and import nothing
    #[arg(long)]
    check: bool,
    /// Print one JSON object a line, and one for the whole at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
}

impl Import {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let (what, one) = match self.what {
            Table::Customers(one) => (What::Customers, one),
            Table::Cards(one) => (What::Cards, one),
        };
        let mut report = Report { json: one.json, summary: Summary::default() };
        import(what, one, &mut report)?;
        report.end();
        Ok(if report.summary.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

/// What is told about each line.
struct Report {
    json: bool,
    summary: Summary,
}

impl Report {
    fn line(&mut self, number: u64, outcome: &Outcome) {
        self.summary.count(outcome);
        if self.json {
            return say(&json_of(number, outcome).to_string());
        }
        if let Outcome::Refused(problems) = outcome {
            for Problem { column, message } in problems {
                say(&format!("line {number}, {column}: {message}"));
            }
        }
    }

    /// A line that was only checked.
    fn checked(&mut self, number: u64, refused: Option<Vec<Problem>>) {
        match refused {
            Some(problems) => self.line(number, &Outcome::Refused(problems)),
            None => self.summary.created += 1,
        }
    }

    fn end(&self) {
        let Summary { created, unchanged, refused } = self.summary;
        if self.json {
            return say(&serde_json::json!({"created": created, "unchanged": unchanged, "refused": refused})
                .to_string());
        }
        say(&format!("{created} in, {unchanged} were in already, {refused} refused"));
    }
}

fn json_of(number: u64, outcome: &Outcome) -> serde_json::Value {
    match outcome {
        Outcome::Created(id) => serde_json::json!({"line": number, "outcome": "created", "id": id}),
        Outcome::Unchanged(id) => serde_json::json!({"line": number, "outcome": "unchanged", "id": id}),
        Outcome::Refused(problems) => {
            let problem = |p: &Problem| serde_json::json!({"column": p.column, "message": p.message});
            let problems: Vec<_> = problems.iter().map(problem).collect();
            serde_json::json!({"line": number, "outcome": "refused", "problems": problems})
        }
    }
}

fn import(what: What, one: One, report: &mut Report) -> Result<(), String> {
    let cannot = |e: std::io::Error| format!("cannot read `{}`: {e}", one.file.display());
    let file = File::open(&one.file).map_err(cannot)?;
    let total = file.metadata().map(|data| data.len()).ok();
    let mut lines = Lines::new(BufReader::new(file));
    let first = lines
        .next_line()
        .map_err(cannot)?
        .ok_or("the table is empty; its first line must name the columns")?;
    let heading = Heading::parse(what, &first).map_err(|e| format!("`{}`: {e}", one.file.display()))?;
    let at = if one.check {
        None
    } else {
        let at = Installation::open_existing(&one.source.read()?, Clock::System, Dice::System)
            .map_err(|e| whole(&e))?;
        check_shop(&at, one.shop)?;
        Some(at)
    };
    let mut bar = Bar::new(one.json);
    let mut batch = Vec::with_capacity(LINES_A_BATCH);
    loop {
        let line = lines.next_line().map_err(cannot)?;
        let over = line.is_none();
        batch.extend(line);
        if batch.len() == LINES_A_BATCH || over {
            put(at.as_ref(), &heading, one.shop, std::mem::take(&mut batch), report)?;
            bar.show(Progress { phase: "importing", done: lines.taken(), total });
        }
        if over {
            bar.clear();
            return Ok(());
        }
    }
}

fn check_shop(at: &Installation, shop: ShopId) -> Result<(), String> {
    let found = at.db.read_blocking(move |tx| identity::find_shop(tx, shop)).map_err(|e| whole(&e))?;
    found.map(drop).ok_or_else(|| format!("there is no shop `{shop}`"))
}

/// Puts a batch in, or only checks it.
fn put(
    at: Option<&Installation>,
    heading: &Heading,
    shop: ShopId,
    batch: Vec<Line>,
    report: &mut Report,
) -> Result<(), String> {
    let now = at.map_or_else(|| Clock::System.now(), |at| at.clock.now());
    let read: Vec<_> = batch.iter().map(|line| (line.number, read_line(heading, line, now))).collect();
    let Some(at) = at else {
        read.into_iter().for_each(|(number, read)| report.checked(number, read.err()));
        return Ok(());
    };
    let (vault, dice) = (Arc::clone(&at.vault), at.dice.clone());
    let outcomes = at.db.write_blocking(move |tx| {
        let means = Means { vault: &vault, dice: &dice, now };
        let by = By::local(&Actor::Operator);
        let put = |(number, line): &(u64, Result<_, Vec<Problem>>)| {
            let outcome = match line {
                Ok(parsed) => import_line(tx, &means, &by, shop, parsed)?,
                Err(problems) => Outcome::Refused(problems.clone()),
            };
            Ok((*number, outcome))
        };
        read.iter().map(put).collect::<Result<Vec<_>, Fault>>()
    });
    let outcomes = outcomes.map_err(|e| whole(&e))?;
    outcomes.iter().for_each(|(number, outcome)| report.line(*number, outcome));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use base::Currency;
    use identity::{ShopDraft, ShopProfile};

    fn source(folder: &std::path::Path) -> Source {
        let (data, key_file) = (Some(folder.join("data")), Some(folder.join("root.key")));
        Source { config: None, settings: Settings { data, key_file, ..Settings::default() } }
    }

    fn run(folder: &std::path::Path, shop: ShopId, table: &str, check: bool) -> Result<Summary, String> {
        let file = folder.join("table.csv");
        std::fs::write(&file, table).unwrap();
        let mut report = Report { json: false, summary: Summary::default() };
        let one = One { file, shop, check, json: true, source: source(folder) };
        import(What::Customers, one, &mut report).map(|()| report.summary)
    }

    #[test]
    fn a_file_is_checked_then_imported_and_again_without_harm() {
        let folder = tempfile::tempdir().unwrap();
        let config = source(folder.path()).read().unwrap();
        let at = Installation::open(&config, Clock::System, Dice::System).unwrap();
        let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
        let shop = at.db.write_blocking(move |tx| {
            let means = Means { vault: &vault, dice: &dice, now };
            let draft =
                ShopDraft { name: "A", city: "B", country: "CN", category: "5499", currency: Currency::CNY };
            identity::create_shop(tx, &means, &Actor::System, &ShopProfile::parse(&draft).unwrap())
        });
        let shop = shop.unwrap().id;
        drop(at);
        let mut table = "external_id,name,phone\n".to_owned();
        (0..150).for_each(|n| table.push_str(&format!("c-{n},Li Hua,139{n:08}\n")));
        table.push_str("c-x,Li Hua,12\n");
        let folder = folder.path();
        let summary = |created, unchanged| Ok(Summary { created, unchanged, refused: 1 });
        assert_eq!(run(folder, shop, &table, true), summary(150, 0), "checked alone");
        assert_eq!(run(folder, shop, &table, false), summary(150, 0));
        assert_eq!(run(folder, shop, &table, false), summary(0, 150));
        assert!(run(folder, ShopId::random(&Dice::System), &table, false).is_err());
        assert!(run(folder, shop, "external_id,name,cvc\n", false).is_err());
        assert!(run(folder, shop, "", false).is_err());
    }
}
