//! A payment page loaded in a real browser without a window: what stands in it once its scripts ran, and what it asked for.
//!
//! Promises: the browser gets a folder of its own that is gone afterwards, none of the program's environment, so many
//! seconds and so many bytes, and its sandbox unless the operator gives that up by name; it reaches the page's own host and
//! no other, so that nothing of a thief's is loaded; when the look ends, it and all that it started have ended. What goes
//! wrong is words, never more: no payment waits for it.

use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base::Dice;
use rustix::process::{Pid, Signal, kill_process_group};

use reqwest::Url;
use serde::Deserialize;

use super::{BROWSER_SECONDS_MAX, RECEIVED_BYTES_MAX, REQUESTS_BYTES_MAX};

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
/// The file in which the browser lists its requests.
const REQUESTS: &str = "requests.json";
/// What that list calls the one who asked where it was the browser itself and no page.
const NO_PAGE: &str = "not an origin";
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

/// A page as the browser had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// How it stands once its scripts ran, written out as HTML.
    pub html: String,
    /// What it asked for, itself or by its scripts: addresses, also of what is not in the page any more.
    pub requests: Vec<String>,
}

impl Browser {
    /// The page at `url`, once its scripts ran.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn show(&self, url: &Url) -> Result<Shown, String> {
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
        let html = judge(read)?;
        Ok(Shown { html, requests: folder.requests()? })
    }

    fn start(&self, folder: &Folder, url: &Url) -> Result<Running, String> {
        let host = url.host_str().unwrap_or_default();
        let mut command = Command::new(&self.program);
        command.args(ARGUMENTS).arg(format!("--virtual-time-budget={PAGE_CLOCK_MS}"));
        command.arg(format!("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {host}"));
        command.arg(format!("--log-net-log={}", folder.0.join(REQUESTS).display()));
        command.arg(format!("--user-data-dir={}", folder.0.display()));
        if self.sandbox == Sandbox::GivenUp {
            command.arg("--no-sandbox");
        }
        command
            .arg(url.as_str())
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", &folder.0)
            .env("TMPDIR", &folder.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let child = command.spawn().map_err(|problem| format!("it does not start: {}", problem.kind()))?;
        Ok(Running(child))
    }
}

/// What the browser wrote, as HTML.
fn judge(read: Result<std::io::Result<Vec<u8>>, mpsc::RecvTimeoutError>) -> Result<String, String> {
    match read {
        Err(_) => Err(format!("it showed nothing within {BROWSER_SECONDS_MAX} seconds")),
        Ok(Err(problem)) => Err(problem.kind().to_string()),
        Ok(Ok(bytes)) if bytes.len() > RECEIVED_BYTES_MAX => {
            Err("what it shows is larger than any page of ours".to_owned())
        }
        Ok(Ok(bytes)) if bytes.trim_ascii().is_empty() => Err("it ended without showing a page".to_owned()),
        Ok(Ok(bytes)) => String::from_utf8(bytes).map_err(|_| "what it shows is not UTF-8".to_owned()),
    }
}

/// A line of the browser's list: one event, of which those about a request name who asked.
#[derive(Deserialize)]
struct Event {
    params: Asked,
}

#[derive(Deserialize)]
struct Asked {
    url: String,
    initiator: String,
}

/// The addresses that a page asked for. The list has an event a line; its end may be missing.
fn read_requests(list: &str) -> Result<Vec<String>, String> {
    // A line holds an event, and behind it what parts or ends the list.
    let events = list.lines().filter_map(|line| {
        serde_json::Deserializer::from_str(line).into_iter::<Event>().next().and_then(Result::ok)
    });
    let (own, by_page): (Vec<Asked>, Vec<Asked>) =
        events.map(|event| event.params).partition(|asked| asked.initiator == NO_PAGE);
    if own.is_empty() {
        // The page itself is asked for by the browser: a list without that is none.
        return Err("it kept no list of what it loaded".to_owned());
    }
    Ok(by_page.into_iter().map(|asked| asked.url).collect())
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

    /// What the browser that worked here listed.
    fn requests(&self) -> Result<Vec<String>, String> {
        let none = |_| "it kept no list of what it loaded".to_owned();
        let file = std::fs::File::open(self.0.join(REQUESTS)).map_err(none)?;
        let mut bytes = Vec::new();
        file.take(REQUESTS_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(none)?;
        if bytes.len() as u64 > REQUESTS_BYTES_MAX {
            return Err("it loaded more than any page of ours".to_owned());
        }
        read_requests(&String::from_utf8_lossy(&bytes))
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
        let list = "for a in \"$@\"; do case $a in --log-net-log=*) echo '{\"params\":{\"initiator\":\"not an origin\",\
            \"url\":\"http://localhost/\"}},' > \"${a#*=}\";; esac; done";
        std::fs::write(&program, format!("#!/bin/sh\n{list}\n{text}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        (folder, Browser { program, sandbox: Sandbox::Kept })
    }

    fn at(path: &str) -> Url {
        Url::parse("http://localhost").unwrap().join(path).unwrap()
    }

    #[test]
    fn c30_what_a_page_asked_for_is_told_from_what_the_browser_asks_for() {
        let line = |who: &str, url: &str| {
            format!("{{\"params\":{{\"initiator\":\"{who}\",\"url\":\"{url}\"}},\"type\":2}},\n")
        };
        let head = "{\"constants\":{},\n\"events\": [\n{\"params\":{\"url\":\"x\"}},\n";
        let own = line(NO_PAGE, "http://localhost/me/sign-in");
        let page = line("http://localhost", "https://evil.example/x.js");
        let whole = format!("{head}{own}{}", page.trim_end().trim_end_matches(','));
        for end in ["]}", "],\n\"polledData\": []}", ""] {
            let found = read_requests(&format!("{whole}{end}"));
            assert_eq!(found, Ok(vec!["https://evil.example/x.js".to_owned()]), "{end}");
        }
        assert_eq!(read_requests(&format!("{head}{own}{{\"par")), Ok(vec![]), "its end is missing");
        for none in ["", head, page.as_str()] {
            assert!(read_requests(none).is_err(), "{none}");
        }
    }

    #[test]
    fn c30_a_browser_gets_a_folder_that_is_gone_afterwards_no_environment_and_the_address_last() {
        let text = "echo \"$HOME|$(env | cut -d= -f1 | sort | tr '\\n' ' ')|$*\"; ls -ld \"$HOME\"";
        let (_folder, browser) = pretend("plain", text);
        let said = browser.show(&at("/me/sign-in")).unwrap().html;
        let parts: Vec<&str> = said.split('|').collect();
        assert!(!std::path::Path::new(parts[0]).exists(), "{said}");
        assert!(
            parts[1].split_whitespace().all(|name| ["HOME", "PATH", "PWD", "TMPDIR", "_"].contains(&name)),
            "{said}"
        );
        assert!(parts[2].contains("/me/sign-in\n") && !parts[2].contains("--no-sandbox"), "{said}");
        assert!(parts[2].contains("drwx------"), "{said}");
        let unsafe_one = Browser { sandbox: Sandbox::GivenUp, ..browser };
        assert!(unsafe_one.show(&at("/")).unwrap().html.contains("--no-sandbox"));
    }

    #[test]
    fn c30_a_browser_that_does_not_start_says_nothing_or_too_much_is_words() {
        let nowhere = Browser { program: "/nowhere/chromium".into(), sandbox: Sandbox::Kept };
        assert!(nowhere.show(&at("/")).unwrap_err().contains("does not start"));
        let said = |text: &str| pretend("odd", text).1.show(&at("/"));
        let (_silent, browser) = pretend("silent", "exit 1");
        assert!(browser.show(&at("/")).unwrap_err().contains("without showing"));
        assert!(said("exit 1").is_err(), "a program that is gone");
        for (bytes, fits) in [(RECEIVED_BYTES_MAX, true), (RECEIVED_BYTES_MAX + 1, false)] {
            let (_folder, browser) = pretend("loud", &format!("head -c {bytes} /dev/zero | tr '\\0' x"));
            assert_eq!(browser.show(&at("/")).is_ok(), fits, "{bytes}");
        }
    }

    #[test]
    fn c30_a_browser_that_hangs_is_ended_with_all_that_it_started() {
        let (folder, browser) = pretend("stuck", "sleep 600 & echo $! > \"$(dirname \"$0\")/child\"; wait");
        let begun = Instant::now();
        assert!(browser.show(&at("/")).unwrap_err().contains("within"));
        assert!(begun.elapsed() < Duration::from_secs(BROWSER_SECONDS_MAX + 5));
        let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
        let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{state}");
    }
}
