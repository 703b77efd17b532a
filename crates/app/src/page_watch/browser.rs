//! A payment page loaded in a real browser without a window: what stands in it once its scripts ran.
//!
//! Promises: the browser gets a folder of its own that is gone afterwards, none of the program's environment, so many
//! seconds and so many bytes, and its sandbox unless the operator gives that up by name; when the look ends, it and all
//! that it started have ended. What goes wrong is words, never more: no payment waits for it.

use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base::Dice;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{BROWSER_SECONDS_MAX, RECEIVED_BYTES_MAX};

/// Time that the page's own clocks are run ahead before it is read, so that what waits a while shows, milliseconds.
const PAGE_CLOCK_MS: u32 = 10_000;
/// What browsers of this family are told: no window, nothing of their own over the network, nothing kept.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--dump-dom",
];
/// Where a browser that is a script finds what it needs.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Whether the browser holds its pages in a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// It does.
    Kept,
    /// It does not: a page that breaks the browser has what its user has. Browsers refuse to run as `root` otherwise.
    GivenUp,
}

/// A browser on this machine, of the Chromium family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    /// The program.
    pub program: PathBuf,
    /// Its sandbox.
    pub sandbox: Sandbox,
}

impl Browser {
    /// The page at `url` as it stands once its scripts ran, written out as HTML.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn show(&self, url: &str) -> Result<String, String> {
        let folder = Folder::new().map_err(|problem| format!("no folder for it: {}", problem.kind()))?;
        let mut running = self.start(&folder, url)?;
        let Some(out) = running.0.stdout.take() else { return Err("it says nothing".to_owned()) };
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = out.take(RECEIVED_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
            // Nobody waits for it any more once the time is over.
            let _ = sender.send(read.map(|_| bytes));
        });
        let read = receiver.recv_timeout(Duration::from_secs(BROWSER_SECONDS_MAX));
        drop(running);
        match read {
            Err(_) => Err(format!("it showed nothing within {BROWSER_SECONDS_MAX} seconds")),
            Ok(Err(problem)) => Err(problem.kind().to_string()),
            Ok(Ok(bytes)) if bytes.len() > RECEIVED_BYTES_MAX => {
                Err("what it shows is larger than any page of ours".to_owned())
            }
            Ok(Ok(bytes)) if bytes.trim_ascii().is_empty() => {
                Err("it ended without showing a page".to_owned())
            }
            Ok(Ok(bytes)) => String::from_utf8(bytes).map_err(|_| "what it shows is not UTF-8".to_owned()),
        }
    }

    fn start(&self, folder: &Folder, url: &str) -> Result<Running, String> {
        let mut command = Command::new(&self.program);
        command.args(ARGUMENTS).arg(format!("--virtual-time-budget={PAGE_CLOCK_MS}"));
        command.arg(format!("--user-data-dir={}", folder.0.display()));
        if self.sandbox == Sandbox::GivenUp {
            command.arg("--no-sandbox");
        }
        command.arg(url).env_clear().env("PATH", PATH).env("HOME", &folder.0).env("TMPDIR", &folder.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let child = command.spawn().map_err(|problem| format!("it does not start: {}", problem.kind()))?;
        Ok(Running(child))
    }
}

/// A browser that runs, with all that it started; they end with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // The group bears the child's number until the child is waited for, so it is nobody else's.
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// A folder for one look, for its user alone.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Folder> {
        let name = format!("tillward-look-{:032x}", u128::from_le_bytes(Dice::System.bytes()));
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(problem) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%problem, folder = %self.0.display(), "the browser's folder stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use super::*;

    /// A program that stands for a browser.
    fn pretend(name: &str, text: &str) -> (tempfile::TempDir, Browser) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(name);
        std::fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        (folder, Browser { program, sandbox: Sandbox::Kept })
    }

    #[test]
    fn c30_a_browser_gets_a_folder_that_is_gone_afterwards_no_environment_and_the_address_last() {
        let text = "echo \"$HOME|$(env | cut -d= -f1 | sort | tr '\\n' ' ')|$*\"; ls -ld \"$HOME\"";
        let (_folder, browser) = pretend("plain", text);
        let said = browser.show("http://localhost/me/sign-in").unwrap();
        let parts: Vec<&str> = said.split('|').collect();
        assert!(!std::path::Path::new(parts[0]).exists(), "{said}");
        assert!(
            parts[1].split_whitespace().all(|name| ["HOME", "PATH", "PWD", "TMPDIR", "_"].contains(&name)),
            "{said}"
        );
        assert!(parts[2].contains("/me/sign-in\n") && !parts[2].contains("--no-sandbox"), "{said}");
        assert!(parts[2].contains("drwx------"), "{said}");
        let unsafe_one = Browser { sandbox: Sandbox::GivenUp, ..browser };
        assert!(unsafe_one.show("http://localhost/").unwrap().contains("--no-sandbox"));
    }

    #[test]
    fn c30_a_browser_that_does_not_start_says_nothing_or_too_much_is_words() {
        let nowhere = Browser { program: "/nowhere/chromium".into(), sandbox: Sandbox::Kept };
        assert!(nowhere.show("http://localhost/").unwrap_err().contains("does not start"));
        let said = |text: &str| pretend("odd", text).1.show("http://localhost/").map(|html| html.len());
        let (_silent, browser) = pretend("silent", "exit 1");
        assert!(browser.show("http://localhost/").unwrap_err().contains("without showing"));
        assert!(said("exit 1").is_err(), "a program that is gone");
        for (bytes, fits) in [(RECEIVED_BYTES_MAX, true), (RECEIVED_BYTES_MAX + 1, false)] {
            let (_folder, browser) = pretend("loud", &format!("head -c {bytes} /dev/zero | tr '\\0' x"));
            assert_eq!(browser.show("http://localhost/").is_ok(), fits, "{bytes}");
        }
    }

    #[test]
    fn c30_a_browser_that_hangs_is_ended_with_all_that_it_started() {
        let (folder, browser) = pretend("stuck", "sleep 600 & echo $! > \"$(dirname \"$0\")/child\"; wait");
        let begun = Instant::now();
        assert!(browser.show("http://localhost/").unwrap_err().contains("within"));
        assert!(begun.elapsed() < Duration::from_secs(BROWSER_SECONDS_MAX + 5));
        let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
        let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{state}");
    }
}
