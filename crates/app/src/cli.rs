//! The command line.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Settings, check_variables};

mod audit_log;
mod bench;
mod buyer;
mod demo;
#[cfg(test)]
mod examples;
mod import;
mod keys;
mod ledger;
mod member;
mod operator;
mod passwords;
mod progress;
mod roles;
mod schema;
mod screen;
mod serve;
mod sign_out;
mod train;
mod watch_page;

/// Guards an online shop's money and its customers' data.
#[derive(Parser)]
#[command(name = "tillward", version, about, long_about = None, arg_required_else_help = true,
    after_help = "Examples:\n  tillward demo\n  tillward serve --data /var/lib/tillward/data\n  \
        tillward screen payments.csv --report report.html")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    #[command(after_help = "Examples:\n  tillward serve\n  \
        tillward serve --listen 0.0.0.0:443 --tls-certificate chain.pem --tls-key key.pem \\\n    \
        --public-url https://pay.shop.example\n  TILLWARD_DATABASE_URL=postgres://localhost/tillward tillward serve")]
    Serve(serve::Serve),
    /// Try everything: a made-up shop, buyers and attacks, in a temporary folder
    Demo(demo::Demo),
    /// Screen a file of payments, without a database
    Screen(screen::Screen),
    /// Train the screening model on a labelled file, by time
    Train(train::Train),
    /// Measure payments from end to end on this machine
    #[command(after_help = "Examples:\n  tillward bench --seconds 20 --clients 64 --json\n  \
        tillward bench --seconds 10 --keep run --acks run/acks\n  tillward bench --check run --acks run/acks")]
    Bench(bench::Bench),
    /// Bring existing customers and cards in from a table (CSV)
    Import(import::Import),
    /// Verify, prove and export the audit log
    Audit(audit_log::AuditLog),
    /// Prove the books
    Ledger(ledger::Books),
    /// Make a key for whoever runs the installation
    OperatorKey(operator::OperatorKey),
    /// Invite somebody to run the installation
    OperatorInvite(operator::OperatorInvite),
    /// Show, replace and destroy keys; split the root key among custodians
    Keys(keys::Keys),
    /// Make a list of passwords that nobody may choose
    #[command(
        after_help = "Example:\n  tillward passwords build breached.txt breached.bin\n  tillward serve --password-list breached.bin"
    )]
    Passwords(passwords::Passwords),
    /// Unlock, freeze and unfreeze buyers, and end their sessions
    Buyer(buyer::Buyer),
    /// Let a member begin anew who lost every second factor; end members' sessions
    Member(member::Member),
    /// Look at the payment page as payers receive it
    WatchPage(watch_page::WatchPage),
    /// Bring the database up to date and stop
    Migrate(schema::Migrate),
    /// Print the description of the API (OpenAPI, JSON)
    Openapi(schema::Openapi),
    /// Print who may do what: roles, permissions, operations
    Roles(roles::Roles),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  tillward completions bash > /etc/bash_completion.d/tillward")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Where settings come from; shared by the commands that open an installation.
#[derive(clap::Args)]
struct Source {
    /// Configuration file (TOML); its keys are the long flags with `_` in place of `-`
    #[arg(long, value_name = "FILE", env = "TILLWARD_CONFIG")]
    config: Option<std::path::PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl Source {
    fn read(self) -> Result<crate::config::Config, String> {
        let file = self.config.map_or(Ok(Settings::default()), |path| Settings::read(&path));
        self.settings.or(file.map_err(|e| e.to_string())?).check().map_err(|e| e.to_string())
    }
}

/// Whether a line was lost that somebody still waited for.
static UNSAID: AtomicBool = AtomicBool::new(false);

/// Runs the program.
pub fn main() -> ExitCode {
    crate::hardening::keep_memory();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return show_answer(&answer),
    };
    start_log();
    match run(cli.command) {
        Ok(_) if UNSAID.load(Ordering::Relaxed) => ExitCode::FAILURE,
        Ok(code) => code,
        Err(problem) => {
            eprintln!("tillward: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what the words of the command alone ask for: help, the version, or what is wrong with them.
fn show_answer(answer: &clap::Error) -> ExitCode {
    match answer.print() {
        Err(problem) if !answer.use_stderr() => note_unsaid(&problem),
        _ => {}
    }
    let code = u8::try_from(answer.exit_code()).unwrap_or(u8::MAX);
    if UNSAID.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::from(code) }
}

/// Whatever is run, a variable with a slip in its name is refused, not left aside.
fn run(command: Command) -> Result<ExitCode, String> {
    check_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
        .map_err(|e| e.to_string())?;
    match command {
        Command::Serve(serve) => serve.run(),
        Command::Demo(demo) => demo.run(),
        Command::Screen(screen) => screen.run(),
        Command::Train(train) => train.run(),
        Command::Audit(audit) => audit.run(),
        Command::Ledger(books) => books.run(),
        Command::Bench(bench) => bench.run(),
        Command::Passwords(passwords) => passwords.run(),
        Command::Buyer(buyer) => buyer.run(),
        Command::Member(member) => member.run(),
        Command::Keys(keys) => keys.run(),
        Command::Import(import) => import.run(),
        Command::OperatorKey(operator) => operator.run(),
        Command::OperatorInvite(operator) => operator.run(),
        Command::WatchPage(watch) => watch.run(),
        Command::Migrate(migrate) => migrate.run(),
        Command::Openapi(openapi) => openapi.run(),
        Command::Roles(roles) => roles.run(),
        Command::Completions { shell } => print_completions(shell),
    }
}

fn print_completions(shell: clap_complete::Shell) -> Result<ExitCode, String> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tillward", &mut script);
    say(String::from_utf8(script).map_err(|e| whole(&e))?.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TILLWARD_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A file or a collector of logs looks for `alarm="…"`, without colours in it.
    let colours = std::io::stderr().is_terminal();
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    log.compact().init();
}

/// Prints a line for a person or a script. Who stops listening, as `| head` does, is left alone; what cannot be written for
/// another reason is said, and the command fails in the end.
fn say(line: &str) {
    if let Err(problem) = writeln!(std::io::stdout(), "{line}") {
        note_unsaid(&problem);
    }
}

fn note_unsaid(problem: &std::io::Error) {
    if problem.kind() != ErrorKind::BrokenPipe {
        eprintln!("tillward: cannot write to standard output: {problem}");
        UNSAID.store(true, Ordering::Relaxed);
    }
}

/// An error with everything behind it, one line.
fn whole(problem: &dyn std::error::Error) -> String {
    let mut text = problem.to_string();
    let mut source = problem.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
