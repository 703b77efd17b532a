//! `tillward bench`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::say;
use crate::bench::{
    Latency, Options, Report, Stretch, TokenOptions, TokenReport, Verdict, check_folder, run, run_tokens,
};

/// Measure payments from end to end on this machine.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Bench {
    #[command(subcommand)]
    other: Option<Other>,
    /// Length of the measured stretch
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Unmeasured seconds before it
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=600))]
    warm_up: u64,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    clients: u16,
    /// Shops, each with an API key
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    shops: u16,
    /// Buyers, each with PIN, balance and session
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    buyers: u32,
    /// Payments a second at most; as many as go without it
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// Members' sign-ins a second beside the payments, each with its password
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    sign_ins: u32,
    /// An empty PostgreSQL database; the embedded engine without it
    #[arg(long, value_name = "URL", env = "TILLWARD_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Leave the installation in this folder
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Note each acknowledged payment in this file, as it is acknowledged
    #[arg(long, value_name = "FILE")]
    acks: Option<PathBuf>,
    /// Run nothing: check that the folder of an earlier run, perhaps a killed one, holds what it acknowledged
    #[arg(long, value_name = "FOLDER", conflicts_with = "keep")]
    check: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What else is measured.
#[derive(clap::Subcommand)]
enum Other {
    /// Measure card tokens: made, then opened, each with its durable entry in the audit log
    #[command(after_help = "Example:\n  tillward bench tokens --seconds 20 --clients 64 --json")]
    Tokens(Tokens),
}

#[derive(clap::Args)]
struct Tokens {
    /// Length of each of the two measured stretches
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Unmeasured seconds before each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=600))]
    warm_up: u64,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    clients: u16,
    /// Shops, each with an API key
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    shops: u16,
    /// An empty PostgreSQL database; the embedded engine without it
    #[arg(long, value_name = "URL", env = "TILLWARD_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Leave the installation in this folder
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Tokens {
    fn run(self) -> Result<ExitCode, String> {
        let json = self.json;
        let report = run_tokens(&TokenOptions {
            seconds: self.seconds,
            warm_up_seconds: self.warm_up,
            clients: usize::from(self.clients),
            shops: usize::from(self.shops),
            database_url: self.database_url,
            keep: self.keep,
        })?;
        if json {
            say(&json_of_tokens(&report).to_string());
        } else {
            show_tokens(&report);
        }
        report.problems.iter().for_each(|problem| tracing::error!("{problem}"));
        let good = report.failed == 0 && report.problems.is_empty();
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn json_of_tokens(report: &TokenReport) -> serde_json::Value {
    let one = |stretch: &Stretch| {
        let per = |time: u64| (time as f64 / stretch.done.max(1) as f64 * 10.0).round() / 10.0;
        let threads: serde_json::Map<String, serde_json::Value> =
            stretch.usage.by_thread_us.iter().map(|(name, time)| (name.clone(), per(*time).into())).collect();
        serde_json::json!({
            "per_second": (stretch.per_second() * 10.0).round() / 10.0, "done": stretch.done,
            "seconds": stretch.seconds, "p50_ms": stretch.latency.p50_ms, "p99_ms": stretch.latency.p99_ms,
            "max_ms": stretch.latency.max_ms, "cpu_us": per(stretch.usage.total_us()), "cpu_us_by_thread": threads,
        })
    };
    serde_json::json!({
        "engine": report.engine, "clients": report.clients, "create": one(&report.create), "open": one(&report.open),
        "failed": report.failed, "audit_verified": report.problems.is_empty(), "audit_entries": report.audit_entries,
        "problems": report.problems,
    })
}

fn show_tokens(report: &TokenReport) {
    for (name, stretch) in [("tokens made", &report.create), ("cards opened", &report.open)] {
        say(&format!(
            "{:.0} {name} a second ({} engine, {} clients, {:.0} s)   p50 {:.2} ms   p99 {:.2} ms   max {:.2} ms",
            stretch.per_second(),
            report.engine,
            report.clients,
            stretch.seconds,
            stretch.latency.p50_ms,
            stretch.latency.p99_ms,
            stretch.latency.max_ms
        ));
        for (thread, time) in &stretch.usage.by_thread_us {
            let each = *time as f64 / stretch.done.max(1) as f64;
            say(&format!("  {thread:<16} {each:>6.1} µs of processor time each"));
        }
    }
    say(&format!("  failed {}, audit log of {} entries", report.failed, report.audit_entries));
    report.problems.iter().for_each(|problem| say(&format!("  {problem}")));
}

impl Bench {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        if let Some(Other::Tokens(tokens)) = self.other {
            return tokens.run();
        }
        let json = self.json;
        let good = if let Some(folder) = &self.check {
            let verdict = check_folder(folder, self.acks.as_deref(), self.database_url.clone())?;
            show_verdict(&verdict, json);
            verdict.is_good()
        } else {
            let report = run(&self.options())?;
            if json {
                say(&json_of(&report).to_string())
            } else {
                show(&report)
            }
            report.verdict.problems.iter().for_each(|problem| tracing::error!("{problem}"));
            report.failed == 0 && report.verdict.is_good()
        };
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    fn options(self) -> Options {
        Options {
            seconds: self.seconds,
            warm_up_seconds: self.warm_up,
            clients: usize::from(self.clients),
            shops: usize::from(self.shops),
            buyers: usize::try_from(self.buyers).unwrap_or(usize::MAX),
            rate: self.rate,
            sign_ins: self.sign_ins,
            database_url: self.database_url,
            keep: self.keep,
            acks: self.acks,
        }
    }
}

fn json_of(report: &Report) -> serde_json::Value {
    let each = |latency: Latency| serde_json::json!({"p50_ms": latency.p50_ms, "p99_ms": latency.p99_ms, "max_ms": latency.max_ms});
    let per_payment = |time: u64| (time as f64 / report.paid.max(1) as f64 * 10.0).round() / 10.0;
    let threads: serde_json::Map<String, serde_json::Value> = report
        .usage
        .by_thread_us
        .iter()
        .map(|(name, time)| (name.clone(), per_payment(*time).into()))
        .collect();
    serde_json::json!({
        "engine": report.engine,
        "payments_per_second": (report.payments_per_second() * 10.0).round() / 10.0,
        "p50_ms": report.both.p50_ms, "p99_ms": report.both.p99_ms, "max_ms": report.both.max_ms,
        "failed": report.failed, "paid": report.paid, "seconds": report.seconds, "clients": report.clients,
        "create": each(report.create), "confirm": each(report.confirm),
        "sign_ins": {"wanted_per_second": report.sign_ins.wanted_per_second, "done": report.sign_ins.done,
            "refused": report.sign_ins.refused, "p50_ms": report.sign_ins.latency.p50_ms,
            "p99_ms": report.sign_ins.latency.p99_ms},
        "rules": report.rules, "trees": report.trees,
        "cpu_us_per_payment": per_payment(report.usage.total_us()), "cpu_us_by_thread": threads,
        "cores_used": (report.usage.total_us() as f64 / report.usage.elapsed_us.max(1) as f64 * 100.0).round() / 100.0,
        "acknowledged": report.verdict.acknowledged, "paid_rows": report.verdict.paid,
        "ledger_balanced": report.verdict.ledger_balanced, "audit_verified": report.verdict.audit_verified,
        "audit_entries": report.verdict.audit_entries, "seed_seconds": (report.seed_seconds * 10.0).round() / 10.0,
    })
}

fn show(report: &Report) {
    say(&format!(
        "{:.0} payments a second ({} engine, {} clients, {:.0} s)",
        report.payments_per_second(),
        report.engine,
        report.clients,
        report.seconds
    ));
    for (name, latency) in [("create", report.create), ("confirm", report.confirm), ("both", report.both)] {
        say(&format!(
            "  {name:<8} p50 {:>7.2} ms   p99 {:>7.2} ms   max {:>7.2} ms",
            latency.p50_ms, latency.p99_ms, latency.max_ms
        ));
    }
    let beside = &report.sign_ins;
    if beside.wanted_per_second > 0 {
        say(&format!(
            "  sign-in  p50 {:>7.2} ms   p99 {:>7.2} ms   {} done, {} refused",
            beside.latency.p50_ms, beside.latency.p99_ms, beside.done, beside.refused
        ));
    }
    say(&format!("  failed   {}", report.failed));
    for (name, time) in &report.usage.by_thread_us {
        say(&format!(
            "  {name:<16} {:>6.1} µs of processor time a payment",
            *time as f64 / report.paid.max(1) as f64
        ));
    }
    show_verdict(&report.verdict, false);
}

fn show_verdict(verdict: &Verdict, json: bool) {
    if json {
        let object = serde_json::json!({
            "acknowledged": verdict.acknowledged, "paid_rows": verdict.paid, "problems": verdict.problems,
            "ledger_balanced": verdict.ledger_balanced, "audit_verified": verdict.audit_verified,
            "audit_entries": verdict.audit_entries,
        });
        return say(&object.to_string());
    }
    let word = |good: bool| if good { "yes" } else { "NO" };
    say(&format!("  acknowledged {}, paid in the database {}", verdict.acknowledged, verdict.paid));
    say(&format!(
        "  ledger balanced: {}; audit log verified: {} ({} entries)",
        word(verdict.ledger_balanced),
        word(verdict.audit_verified),
        verdict.audit_entries
    ));
    verdict.problems.iter().for_each(|problem| say(&format!("  {problem}")));
}
