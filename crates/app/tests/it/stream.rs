//! Live pages: an event stream tells a member's desk and a buyer's phone of a payment as it happens, and nobody else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::town::{Line, Town};

const EVENT_SECONDS_MAX: u64 = 20;

/// An open event stream.
struct Events {
    stream: TcpStream,
    heard: String,
}

impl Events {
    fn open(address: SocketAddr, path: &str, cookie: &str) -> Events {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\ncookie: {cookie}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut events = Events { stream, heard: String::new() };
        events.wait_for("\r\n\r\n");
        events
    }

    /// Reads until `text` came.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.heard.contains(text) {
            assert!(
                begun.elapsed() < Duration::from_secs(EVENT_SECONDS_MAX),
                "no `{text}` in: {}",
                self.heard
            );
            self.read_some();
        }
    }

    fn read_some(&mut self) {
        let mut part = [0; 8192];
        if let Ok(read) = self.stream.read(&mut part) {
            self.heard.push_str(&String::from_utf8_lossy(&part[..read]));
        }
    }

    fn is_a_stream(&self) -> bool {
        self.heard.starts_with("HTTP/1.1 200 ") && self.heard.contains("content-type: text/event-stream")
    }
}

#[test]
fn the_desk_hears_of_each_payment_as_it_is_made_and_paid() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, 1);
    let served = town.serve();
    let mut desk = Events::open(served.address, "/desk/live", &format!("tw_member={}", town.till));
    assert!(desk.is_a_stream(), "{}", desk.heard);
    assert!(!desk.heard.contains("event:"), "nothing has happened yet: {}", desk.heard);

    let mut line = Line::new(served.address, &town, &town.phones[0]);
    let sent = line.begin(&town, 4_321).unwrap().unwrap();
    desk.wait_for("event: payments");
    desk.wait_for(&sent.payment);
    desk.wait_for("43.21");
    desk.heard.clear();
    assert!(line.confirm(&sent).unwrap().is_paid());
    desk.wait_for("event: payments");
    desk.wait_for(&sent.payment);
    // One event is one `data:` line, whole.
    desk.wait_for("\n\n");
    let event = desk.heard.split("event: payments\n").nth(1).unwrap().split("\n\n").next().unwrap();
    assert!(event.starts_with("data: ") && !event.contains('\n'), "{event}");
    assert!(event.to_lowercase().contains("paid"), "{event}");
}

#[test]
fn a_waiting_phone_is_told_that_its_payment_changed() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, 2);
    let served = town.serve();
    let mut line = Line::new(served.address, &town, &town.phones[0]);
    let sent = line.begin(&town, 700).unwrap().unwrap();
    assert!(line.confirm(&sent).unwrap().is_paid());
    // A page that still believes it is waiting is told at once.
    let path = format!("/pay/{}/live?state=created", sent.payment);
    let cookie = |number: usize| format!("tw_buyer={}", town.phones[number].token);
    let mut phone = Events::open(served.address, &path, &cookie(0));
    assert!(phone.is_a_stream(), "{}", phone.heard);
    phone.wait_for("event: changed");
    let other = Events::open(served.address, &path, &cookie(1));
    assert!(!other.is_a_stream(), "somebody else's payment: {}", other.heard);
}

#[test]
fn without_a_session_there_is_no_stream() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), None, 1);
    let served = town.serve();
    let buyer = format!("tw_member={}", town.phones[0].token);
    for cookie in ["", "tw_member=twm_0000", &buyer, &format!("tw_buyer={}", town.till)] {
        let events = Events::open(served.address, "/desk/live", cookie);
        assert!(!events.is_a_stream(), "{cookie}: {}", events.heard);
    }
}
