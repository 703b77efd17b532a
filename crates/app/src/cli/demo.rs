//! `tillward demo`.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::say;
use crate::demo::{News, Options, Ready, SignIn, Summary, Tell, run};

/// Try everything: a made-up shop, buyers and attacks, in a temporary folder.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  tillward demo\n  tillward demo --port 8080\n  tillward demo --seconds 30 --json\n\n\
    Everything is made up, nothing leaves this machine, and the folder is removed at the end. The robots buy and attack \
    over HTTP, as phones and tills do; mails are shown here in place of being sent."
)]
pub(super) struct Demo {
    /// Port of 127.0.0.1; a free one without it
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// End by itself after so many seconds; each attack is played once in any case
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Print one JSON object at the end, and nothing else
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let options = Options {
            port: self.port,
            seconds: self.seconds,
            attacks_go_on: self.seconds.is_none_or(|s| s > 60),
        };
        let json = self.json;
        if !json {
            say("setting up the Green Tea House and its last week …");
        }
        let teller: Tell = Arc::new(move |news| tell(news, json));
        let summary = run(&options, &teller)?;
        summary.problems.iter().for_each(|problem| tracing::error!("{problem}"));
        if json {
            say(&object(&summary).to_string());
        } else {
            end(&summary).iter().for_each(|line| say(line));
        }
        let good = summary.ledger_balanced && summary.audit_verified;
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn tell(news: &News<'_>, json: bool) {
    if json {
        return;
    }
    match news {
        News::Ready(ready) => begin(ready).iter().for_each(|line| say(line)),
        News::Mail { to, text } => {
            let kind = if to.starts_with('+') { "text message" } else { "mail" };
            say(&format!("[DEMO ONLY, in place of a {kind}] to {to}: {text}"));
        }
        News::Attack(attack) => {
            let name = attack.name.replace('_', " ");
            say(&format!("attack: {name}: {} attempts so far, {} stopped", attack.attempts, attack.stopped));
        }
    }
}

fn begin(ready: &Ready) -> Vec<String> {
    let mut out = vec![
        String::new(),
        format!(
            "{} is open, with {} payments of the last week. Everything in it is made up.",
            ready.shop, ready.history
        ),
        String::new(),
        format!("  {}", ready.url),
        String::new(),
        "Members sign in with these; ask for a code on the next page, it appears here".to_owned(),
    ];
    let line = |m: &SignIn| format!("  {:<8} {:<26} {}  {}", m.role, m.email, m.password, m.phone);
    out.extend(ready.members.iter().map(line));
    out.extend([
        String::new(),
        "Pay as a buyer: open a code, sign in with the address (the mailed code appears here), confirm with the PIN".to_owned(),
        format!("  buyer    {:<26} PIN {}", ready.buyer, ready.pin),
        format!("  code     {}", ready.code_url),
        format!("  printed  {}", ready.printed_url),
        String::new(),
        "Robots buy and attack from now on. Ctrl-C ends it and removes everything.".to_owned(),
        String::new(),
    ]);
    out
}

fn end(summary: &Summary) -> Vec<String> {
    let states = summary.payments.iter().filter(|(_, count)| *count > 0);
    let states: Vec<String> =
        states.map(|(state, count)| format!("{count} {}", state.name().replace('_', " "))).collect();
    let word = |holds: bool, yes: &'static str, no: &'static str| if holds { yes } else { no };
    let mut out = vec![format!("\n{:.0} s, payments: {}", summary.seconds, states.join(", "))];
    for attack in &summary.attacks {
        let name = attack.name.replace('_', " ");
        out.push(format!("{name}: {} attempts, {} stopped", attack.attempts, attack.stopped));
    }
    out.push(format!(
        "{}; {}",
        word(summary.ledger_balanced, "the ledger balances", "THE LEDGER DOES NOT BALANCE"),
        word(summary.audit_verified, "the audit log verifies", "THE AUDIT LOG DOES NOT VERIFY")
    ));
    out
}

fn object(summary: &Summary) -> Value {
    let payments: Map<String, Value> =
        summary.payments.iter().map(|(state, count)| (state.name().to_owned(), json!(count))).collect();
    let attacks: Vec<Value> = summary
        .attacks
        .iter()
        .map(|attack| json!({"name": attack.name, "attempts": attack.attempts, "stopped": attack.stopped}))
        .collect();
    json!({
        "payments": payments,
        "attacks": attacks,
        "ledger_balanced": summary.ledger_balanced,
        "audit_verified": summary.audit_verified,
        "seconds": summary.seconds,
        "history": summary.history,
    })
}
