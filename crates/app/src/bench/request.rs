//! Builds the generator's requests into one buffer, signed as a shop's system signs or with a buyer's session.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;

use base::{Clock, Dice};
use webkit::signing::{Outgoing, Signer};

/// Whether a request is sent with an idempotency key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Once {
    /// With a fresh one.
    Yes,
    /// Without.
    No,
}

/// One request after another.
pub(super) struct Request {
    /// What goes out.
    pub(super) bytes: Vec<u8>,
    /// The body of the next one.
    pub(super) body: String,
    /// Chance for a load test: fast, and different in each run and connection.
    pub(super) dice: Dice,
    key: String,
    host: String,
    clock: Clock,
}

impl Request {
    /// For a server at `address`.
    pub(super) fn new(address: SocketAddr) -> Request {
        Request {
            bytes: Vec::with_capacity(4096),
            body: String::with_capacity(512),
            dice: Dice::predictable_for_tests(u64::from_le_bytes(Dice::System.bytes())),
            key: String::with_capacity(64),
            host: address.to_string(),
            clock: Clock::System,
        }
    }

    /// One of these, drawn.
    pub(super) fn any<'a, T>(&self, all: &'a [T]) -> Option<&'a T> {
        all.get(usize::try_from(self.dice.below(all.len() as u64)).ok()?)
    }

    /// A key that sorts by time, as a UUID of version 7 does.
    fn fresh_key(&mut self) {
        self.key.clear();
        let (at, chance) = (self.clock.now().millis(), u64::from_le_bytes(self.dice.bytes()));
        let _ = write!(self.key, "{at:012x}-{chance:016x}");
    }

    /// Signs [`Request::body`] for `target`.
    ///
    /// # Errors
    /// What cannot be signed.
    pub(super) fn sign(&mut self, signer: &Signer, target: &str, once: Once) -> Result<(), String> {
        self.fresh_key();
        let outgoing = Outgoing {
            method: "POST",
            scheme: "http",
            authority: &self.host,
            target,
            content_type: Some("application/json"),
            body: self.body.as_bytes(),
            idempotency_key: if once == Once::Yes { Some(&self.key) } else { None },
        };
        let signed = signer.sign_request(&outgoing, self.clock.now(), &self.dice);
        let signed = signed.map_err(|e| e.to_string())?;
        self.begin(&[target]);
        for (name, value) in &signed {
            self.bytes.extend_from_slice(name.as_str().as_bytes());
            self.bytes.extend_from_slice(b": ");
            self.bytes.extend_from_slice(value.as_bytes());
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.finish();
        Ok(())
    }

    /// Sends [`Request::body`] with a buyer's session to `target`, which comes in parts.
    pub(super) fn bear(&mut self, token: &str, from: &str, target: &[&str]) {
        self.fresh_key();
        self.begin(target);
        let _ = write!(
            self.bytes,
            "content-type: application/json\r\nauthorization: Bearer {token}\r\nidempotency-key: {}\r\nx-forwarded-for: {from}\r\n",
            self.key
        );
        self.finish();
    }

    fn begin(&mut self, target: &[&str]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(b"POST ");
        target.iter().for_each(|part| self.bytes.extend_from_slice(part.as_bytes()));
        let (host, length) = (&self.host, self.body.len());
        let _ = write!(self.bytes, " HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n");
    }

    fn finish(&mut self) {
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes.extend_from_slice(self.body.as_bytes());
    }
}
