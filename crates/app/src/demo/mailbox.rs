//! The mail folder of the demo: the robots read their codes in it, and what is for a person is shown at the terminal.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{News, Tell};

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often a robot looks for its code before it gives up.
const LOOKS_MAX: usize = 100;
/// Largest mail that is read, bytes.
const MAIL_BYTES_MAX: u64 = 16 * 1024;
/// Digits of a code.
const CODE_DIGITS: usize = 6;

/// Addresses of robots end so. What goes to others is shown.
pub(super) const ROBOTS: &str = "@robots.example";

/// The newest code of each robot.
#[derive(Clone)]
pub(super) struct Mailbox {
    codes: Arc<Mutex<HashMap<String, String>>>,
}

impl Mailbox {
    /// Opens the folder and looks into it from now on.
    pub(super) fn open(folder: &Path, tell: Tell) -> Mailbox {
        let mailbox = Mailbox { codes: Arc::default() };
        let (watching, folder) = (mailbox.clone(), folder.to_owned());
        tokio::spawn(async move {
            loop {
                watching.look(&folder, &tell).await;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        mailbox
    }

    /// The code that was mailed to a robot; waits until it is there, and hands it out once.
    pub(super) async fn take_code(&self, contact: &str) -> Result<String, String> {
        for _ in 0..LOOKS_MAX {
            if let Some(code) = self.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(contact) {
                return Ok(code);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(format!("no code came for {contact}"))
    }

    async fn look(&self, folder: &Path, tell: &Tell) {
        let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return };
        let mut paths: Vec<PathBuf> = Vec::new();
        while let Ok(Some(entry)) = entries.next_entry().await {
            paths.push(entry.path());
        }
        // Names begin with the time.
        paths.sort();
        for path in paths {
            self.open_mail(&path, tell).await;
        }
    }

    async fn open_mail(&self, path: &Path, tell: &Tell) {
        let small = tokio::fs::metadata(path).await.is_ok_and(|file| file.len() <= MAIL_BYTES_MAX);
        let text =
            if small { tokio::fs::read_to_string(path).await.unwrap_or_default() } else { String::new() };
        // A mail that is still being written is read the next time.
        let Some((to, body)) = parse(&text) else { return };
        if to.ends_with(ROBOTS) {
            if let Some(code) = find_code(body) {
                self.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(to.to_owned(), code);
            }
        } else {
            tell(&News::Mail { to, text: &in_short(body) });
        }
        let _ = tokio::fs::remove_file(path).await;
    }
}

/// Recipient and body of a mail as the folder has it; nothing while it is being written.
fn parse(text: &str) -> Option<(&str, &str)> {
    let (head, body) = text.split_once("\n\n")?;
    let to = head.lines().find_map(|line| line.strip_prefix("To: "))?;
    text.ends_with('\n').then_some((to, body))
}

fn find_code(body: &str) -> Option<String> {
    let mut runs = body.split(|c: char| !c.is_ascii_digit());
    runs.find(|run| run.len() == CODE_DIGITS).map(str::to_owned)
}

/// The first paragraph, and links.
fn in_short(body: &str) -> String {
    let mut lines: Vec<&str> = body.lines().take(1).collect();
    lines.extend(body.lines().skip(1).filter(|line| line.starts_with("http")));
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_links_are_found_and_half_a_mail_waits() {
        let mail = "To: a@robots.example\nSubject: Your code\n\n012345 is your code. It is good for 10 minutes.\n\nNobody.\n";
        let (to, body) = parse(mail).unwrap();
        assert_eq!((to, find_code(body).as_deref()), ("a@robots.example", Some("012345")));
        assert_eq!(in_short(body), "012345 is your code. It is good for 10 minutes.");
        assert_eq!(in_short("Choose:\n\nhttp://x/y\n\nBye\n"), "Choose: http://x/y");
        for part in [0, 5, 40, 60] {
            assert_eq!(parse(mail.get(..part).unwrap()), None, "{part}");
        }
    }
}
