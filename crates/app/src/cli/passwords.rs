//! `tillward passwords`: the list of passwords that nobody may choose.

use std::path::PathBuf;
use std::process::ExitCode;

use identity::Blocklist;
use risk::output::write_whole;

use super::screen::check_outputs;
use super::{say, whole};

/// The list of passwords that nobody may choose.
#[derive(clap::Args)]
pub(super) struct Passwords {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Build the file that `--password-list` takes, from a list with one password or one SHA-1 hash a line
    Build {
        /// The list, UTF-8
        list: PathBuf,
        /// The file to write
        out: PathBuf,
    },
}

impl Passwords {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let What::Build { list, out } = self.what;
        check_outputs(&[Some(&list)], &[Some(&out)])?;
        let bytes = std::fs::read(&list).map_err(|e| format!("cannot read `{}`: {e}", list.display()))?;
        // Breach collections hold lines that are no text; what cannot be typed need not be refused.
        let text = String::from_utf8_lossy(&bytes);
        let file = Blocklist::build(text.lines()).map_err(|e| format!("`{}`: {e}", list.display()))?;
        let made = Blocklist::parse(&file).map_err(|e| e.to_string())?;
        write_whole(&out, &file).map_err(|e| whole(&e))?;
        say(&format!(
            "{} passwords in {} bytes, version {}: `{}`",
            made.passwords(),
            file.len(),
            made.version(),
            out.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}
