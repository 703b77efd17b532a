//! The generator's own HTTP/1.1: one connection, one request at a time, buffers used again. It reads only what our
//! server writes (`content-length`, no chunks), so that the generator costs little beside what it measures.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// An open connection.
pub(super) struct Wire {
    stream: TcpStream,
    answer: Vec<u8>,
    body_at: usize,
}

impl Wire {
    /// Connects.
    pub(super) async fn open(address: SocketAddr) -> std::io::Result<Wire> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, answer: Vec::with_capacity(8 * 1024), body_at: 0 })
    }

    /// Sends a whole request and reads the whole answer; gives the status.
    pub(super) async fn ask(&mut self, request: &[u8]) -> std::io::Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 || self.answer.len() > ANSWER_BYTES_MAX {
                return Err(std::io::Error::other("the server ended the connection"));
            }
            if let Some((status, body_at, length)) = read_head(&self.answer)
                && self.answer.len() >= body_at + length
            {
                self.body_at = body_at;
                return Ok(status);
            }
        }
    }

    /// The body of the last answer.
    pub(super) fn body(&self) -> &[u8] {
        self.answer.get(self.body_at..).unwrap_or_default()
    }
}

/// Status, where the body begins, and its length; `None` while the head is not whole.
fn read_head(bytes: &[u8]) -> Option<(u16, usize, usize)> {
    let end = find(bytes, b"\r\n\r\n")?;
    let head = bytes.get(..end + 2)?;
    let status = number(head.get(9..12)?)?;
    let length = find(head, b"\r\ncontent-length: ").and_then(|at| number(head.get(at + 18..)?)).unwrap_or(0);
    Some((u16::try_from(status).ok()?, end + 4, length))
}

fn number(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit());
    Some(digits.fold(0usize, |sum, digit| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0'))))
}

/// Where `needle` begins.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The text of a JSON field that is written `"name":"text"`, without escapes.
pub(super) fn text_of<'b>(body: &'b [u8], start: &[u8]) -> Option<&'b str> {
    let rest = body.get(find(body, start)? + start.len()..)?;
    let end = rest.iter().position(|b| *b == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is_there() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"id\":\"a\"}x";
        assert_eq!(read_head(answer), Some((201, answer.len() - 11, 11)));
        assert_eq!(read_head(answer.get(..40).unwrap_or_default()), None);
        assert_eq!(text_of(answer, b"\"id\":\""), Some("a"));
        assert_eq!(text_of(answer, b"\"no\":\""), None);
    }
}
