//! A kill keeps the page cache, a power cut does not: so `strace` watches the running program. Each answer that says
//! "paid" leaves after a flush that returned 0, of the file to which this payment was written since it was asked for.
//!
//! Negative controls: the same recording without its flushes, and with the flushes after the answers, is caught.

use std::collections::HashMap;
use std::path::Path;

use crate::town::{Line, Town};

const CLIENTS: usize = 6;
const PAYMENTS_EACH: usize = 6;
const CALLS: &str =
    "trace=fdatasync,fsync,write,writev,pwrite64,pwritev,read,recvfrom,recvmsg,sendto,sendmsg";

/// One call of the recording that matters.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    /// A request to confirm this payment came in.
    Asked(String),
    /// Bytes went into a file of the data folder.
    Wrote { file: String, bytes: String },
    /// A flush of a file began; the number is its call's.
    FlushBegan { file: String, call: usize },
    /// That flush returned 0.
    Flushed { call: usize },
    /// The answer "paid" leaves.
    Answered(String),
}

/// Reads `strace -f -y`. Calls that overlap are printed in two parts: `<unfinished ...>` and `<... NAME resumed>`.
fn read_recording(text: &str, data: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut open: HashMap<String, String> = HashMap::new();
    for (call, line) in text.lines().enumerate() {
        let (thread, rest) = line.split_once(char::is_whitespace).unwrap_or(("", line));
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            note_begin(&mut events, begun, data, call);
            open.insert(thread.to_owned(), format!("{call} {begun}"));
        } else if rest.starts_with("<... ") {
            let tail = rest.split_once("resumed>").map_or("", |(_, tail)| tail);
            let begun = open.remove(thread).unwrap_or_default();
            let (first, begun) = begun.split_once(' ').unwrap_or(("0", ""));
            note_end(&mut events, &format!("{begun}{tail}"), data, first.parse().unwrap_or(0));
        } else {
            note_begin(&mut events, rest, data, call);
            note_end(&mut events, rest, data, call);
        }
    }
    events
}

/// What is known when a call begins: what it flushes, and what it sends.
fn note_begin(events: &mut Vec<Event>, call: &str, data: &str, number: usize) {
    let name = call.split('(').next().unwrap_or_default();
    match (name, file_of(call, data)) {
        ("fdatasync" | "fsync", Some(file)) => events.push(Event::FlushBegan { file, call: number }),
        ("write" | "writev" | "sendto" | "sendmsg", None) if call.contains("\"HTTP/1.1 200 OK") => {
            if let Some(payment) = payment_in(call).filter(|_| call.contains("\\\"state\\\":\\\"paid\\\"")) {
                events.push(Event::Answered(payment));
            }
        }
        _ => {}
    }
}

/// What is known when a call returns: what was read, that bytes were written, that a flush is done.
fn note_end(events: &mut Vec<Event>, call: &str, data: &str, number: usize) {
    let name = call.split('(').next().unwrap_or_default();
    match (name, file_of(call, data)) {
        ("fdatasync" | "fsync", Some(_)) if call.ends_with("= 0") => {
            events.push(Event::Flushed { call: number })
        }
        ("write" | "writev" | "pwrite64" | "pwritev", Some(file)) => {
            events.push(Event::Wrote { file, bytes: call.to_owned() });
        }
        ("read" | "recvfrom" | "recvmsg", None) if call.contains("\"POST /v1/payments/") => {
            let confirmed =
                call.split_once("/v1/payments/").filter(|(_, rest)| rest.contains("/confirm HTTP"));
            events.extend(confirmed.and_then(|(_, rest)| payment_in(rest)).map(Event::Asked));
        }
        _ => {}
    }
}

/// The path behind the call's descriptor, where it is in the data folder.
fn file_of(call: &str, data: &str) -> Option<String> {
    let path = call.split_once('<')?.1.split_once('>')?.0;
    path.starts_with(data).then(|| path.to_owned())
}

fn payment_in(text: &str) -> Option<String> {
    let rest = &text[text.find("pay_")? + 4..];
    rest.get(..28).map(str::to_owned)
}

/// Every answer that was not preceded by a flush of what it says, and how many were.
fn check(events: &[Event]) -> (usize, Vec<String>) {
    let (mut good, mut problems) = (0, Vec::new());
    for (at, event) in events.iter().enumerate() {
        let Event::Answered(payment) = event else { continue };
        let before = &events[..at];
        let Some(asked) = before.iter().rposition(|e| *e == Event::Asked(payment.clone())) else {
            problems.push(format!("{payment}: nobody asked"));
            continue;
        };
        let wrote = before.iter().enumerate().skip(asked).filter_map(|(at, e)| match e {
            Event::Wrote { file, bytes } if bytes.contains(payment) => Some((at, file)),
            _ => None,
        });
        let flushed = |(written, file): (usize, &String)| {
            before[written..].iter().any(|e| match e {
                Event::FlushBegan { file: of, call } if of == file => {
                    before.contains(&Event::Flushed { call: *call })
                }
                _ => false,
            })
        };
        let each: Vec<bool> = wrote.map(flushed).collect();
        match each.contains(&true) {
            true => good += 1,
            false => problems
                .push(format!("{payment}: written {} times, never flushed before its answer", each.len())),
        }
    }
    (good, problems)
}

#[test]
fn an_answer_that_says_paid_leaves_after_the_flush_of_what_it_says() {
    if std::process::Command::new("strace").arg("-V").output().is_err() {
        println!("strace is not there: apt-get install strace");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, CLIENTS);
    let recording = folder.path().join("strace.txt");
    let events = record(&town, &recording);
    let (good, problems) = check(&events);
    assert_eq!((good, problems.len()), (CLIENTS * PAYMENTS_EACH, 0), "{problems:#?}");
    let flushes = events.iter().filter(|e| matches!(e, Event::Flushed { .. })).count();
    println!("{good} answers, each after a flush; {flushes} flushes in all");

    let no_flush = |e: &&Event| !matches!(e, Event::Flushed { .. });
    let without: Vec<_> = events.iter().filter(no_flush).cloned().collect();
    assert_eq!(check(&without).0, 0, "a recording without flushes was taken for good");
    let is_flush = |e: &&Event| matches!(e, Event::Flushed { .. } | Event::FlushBegan { .. });
    let mut late: Vec<_> = events.iter().filter(|e| !is_flush(e)).cloned().collect();
    late.extend(events.iter().filter(is_flush).cloned());
    assert_eq!(check(&late).0, 0, "flushes after the answers were taken for good");
}

fn record(town: &Town, recording: &Path) -> Vec<Event> {
    let file = recording.display().to_string();
    let wrapper = ["strace", "-f", "-y", "-s", "10000000", "-e", CALLS, "-o", &file];
    let served = town.serve_under(&wrapper);
    let address = served.address;
    std::thread::scope(|scope| {
        for phone in &town.phones {
            scope.spawn(move || {
                let mut line = Line::new(address, town, phone);
                for number in 0..PAYMENTS_EACH {
                    line.pay(town, 100 + number as i64).unwrap().unwrap();
                }
            });
        }
    });
    // The tracer ends with the program, once all is written down.
    served.stop_inner();
    let text = String::from_utf8_lossy(&std::fs::read(recording).unwrap()).into_owned();
    let data = town.folder.join("data").canonicalize().unwrap().display().to_string();
    read_recording(&text, &data)
}
