//! Pages of lists: `limit`, opaque cursors, and the envelope `{data, next_cursor}`.
//!
//! A cursor holds the sort key of the last item shown. It carries a check sum bound to its list, so that an altered or
//! foreign one is a clear 400 and not a wrong page. It is no secret and no right.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, FieldProblem, INVALID_CURSOR};
use crate::limits::{CURSOR_CHARS_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};

const CHECK_BYTES: usize = 6;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct List<T> {
    /// The items of this page.
    pub data: Vec<T>,
    /// Give it as `cursor` to read on; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A page from up to `limit + 1` items read: the one too many only tells that there is a next page. `cursor_of`
    /// makes the cursor of the last item shown.
    pub fn new(mut items: Vec<T>, limit: u32, cursor_of: impl Fn(&T) -> Cursor) -> List<T> {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|last| cursor_of(last).encode());
        List { data: items, next_cursor }
    }

    /// The same page with each item shown as `U`.
    pub fn map<U>(self, show: impl FnMut(T) -> U) -> List<U> {
        List { data: self.data.into_iter().map(show).collect(), next_cursor: self.next_cursor }
    }
}

/// Reads `limit`: 1 to [`PAGE_ITEMS_MAX`], [`PAGE_ITEMS_DEFAULT`] without one.
///
/// # Errors
/// The problem, for the field `limit`.
pub fn parse_limit(sent: Option<&str>) -> Result<u32, FieldProblem> {
    let Some(sent) = sent else { return Ok(PAGE_ITEMS_DEFAULT) };
    let plain = !sent.is_empty() && sent.bytes().all(|b| b.is_ascii_digit());
    let number = sent.parse().ok().filter(|n| plain && (1..=PAGE_ITEMS_MAX).contains(n));
    number.ok_or_else(|| FieldProblem::new("limit", format!("must be a number from 1 to {PAGE_ITEMS_MAX}")))
}

/// The sort key of an item within one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    list: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Int(i64),
    Text(String),
}

impl Cursor {
    /// An empty cursor of `list`. Put into the name what the order depends on, as `payments:paid`.
    pub fn new(list: impl Into<String>) -> Cursor {
        Cursor { list: list.into(), parts: Vec::new() }
    }

    /// The same with a number.
    #[must_use]
    pub fn int(mut self, value: i64) -> Cursor {
        self.parts.push(Part::Int(value));
        self
    }

    /// The same with a text of up to 255 bytes (an id).
    #[must_use]
    pub fn text(mut self, value: impl Into<String>) -> Cursor {
        self.parts.push(Part::Text(value.into()));
        self
    }

    /// The opaque text.
    pub fn encode(&self) -> String {
        let mut bytes = vec![0u8; CHECK_BYTES];
        for part in &self.parts {
            match part {
                Part::Int(value) => {
                    bytes.push(b'i');
                    bytes.extend(value.to_be_bytes());
                }
                Part::Text(value) => {
                    bytes.push(b't');
                    bytes.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
                    bytes.extend(value.bytes().take(usize::from(u8::MAX)));
                }
            }
        }
        let (check, rest) = bytes.split_at_mut(CHECK_BYTES);
        check.copy_from_slice(&check_sum(&self.list, rest));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor of `list`.
    ///
    /// # Errors
    /// 400 `invalid_cursor` for anything this list did not give out.
    pub fn decode(list: &str, sent: &str) -> Result<CursorParts, ApiError> {
        let bad = || {
            ApiError::new(&INVALID_CURSOR, "`cursor` is not one this list gave out; start again without it")
        };
        if sent.len() > CURSOR_CHARS_MAX {
            return Err(bad());
        }
        let bytes = URL_SAFE_NO_PAD.decode(sent).map_err(|_| bad())?;
        let (check, rest) = bytes.split_at_checked(CHECK_BYTES).ok_or_else(bad)?;
        if check != check_sum(list, rest) {
            return Err(bad());
        }
        let mut parts = read_parts(rest).ok_or_else(bad)?;
        parts.reverse();
        Ok(CursorParts(parts))
    }
}

/// The parts of a cursor, to be taken in the order they were given.
#[derive(Debug)]
pub struct CursorParts(Vec<Part>);

impl CursorParts {
    /// The next part, a number.
    ///
    /// # Errors
    /// 400 `invalid_cursor` when it is another kind.
    pub fn int(&mut self) -> Result<i64, ApiError> {
        match self.0.pop() {
            Some(Part::Int(value)) => Ok(value),
            _ => {
                Err(ApiError::new(&INVALID_CURSOR, "`cursor` is of another version; start again without it"))
            }
        }
    }

    /// The next part, a text.
    ///
    /// # Errors
    /// 400 `invalid_cursor` when it is another kind.
    pub fn text(&mut self) -> Result<String, ApiError> {
        match self.0.pop() {
            Some(Part::Text(value)) => Ok(value),
            _ => {
                Err(ApiError::new(&INVALID_CURSOR, "`cursor` is of another version; start again without it"))
            }
        }
    }
}

fn read_parts(mut rest: &[u8]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while let Some((kind, tail)) = rest.split_first() {
        match kind {
            b'i' => {
                let (value, tail) = tail.split_first_chunk::<8>()?;
                parts.push(Part::Int(i64::from_be_bytes(*value)));
                rest = tail;
            }
            b't' => {
                let (length, tail) = tail.split_first()?;
                let (value, tail) = tail.split_at_checked(usize::from(*length))?;
                parts.push(Part::Text(String::from_utf8(value.to_vec()).ok()?));
                rest = tail;
            }
            _ => return None,
        }
    }
    Some(parts)
}

fn check_sum(list: &str, rest: &[u8]) -> [u8; CHECK_BYTES] {
    let whole = [list.as_bytes(), b"\0", rest].concat();
    digest(&SHA256, &whole).as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_on_both_sides() {
        assert_eq!(parse_limit(None), Ok(PAGE_ITEMS_DEFAULT));
        assert_eq!(parse_limit(Some("1")), Ok(1));
        assert_eq!(parse_limit(Some("100")), Ok(PAGE_ITEMS_MAX));
        for bad in ["0", "101", "-1", "+5", "", "x", "1.0", "99999999999"] {
            assert!(parse_limit(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn cursors_round_trip_and_belong_to_one_list() {
        let text = Cursor::new("payments").int(-5).text("pay_1").encode();
        let mut parts = Cursor::decode("payments", &text).unwrap();
        assert_eq!((parts.int().unwrap(), parts.text().unwrap()), (-5, "pay_1".to_owned()));
        assert_eq!(Cursor::decode("refunds", &text).unwrap_err().code.name, "invalid_cursor");
    }

    #[test]
    fn an_altered_cursor_is_refused_at_every_place() {
        let text = Cursor::new("payments").int(5).text("pay_1").encode();
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(Cursor::decode("payments", &String::from_utf8(other).unwrap()).is_err(), "{at}");
        }
        for bad in ["", "AAAA", "!", &text[..text.len() - 1], &"A".repeat(CURSOR_CHARS_MAX + 1)] {
            assert!(Cursor::decode("payments", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_knows_whether_there_is_a_next_one() {
        let cursor = |item: &i64| Cursor::new("l").int(*item);
        assert_eq!(List::new(vec![1, 2], 2, cursor).next_cursor, None);
        let page = List::new(vec![1, 2, 3], 2, cursor);
        assert_eq!((page.data.len(), page.next_cursor), (2, Some(Cursor::new("l").int(2).encode())));
        assert_eq!(List::new(Vec::<i64>::new(), 2, cursor).next_cursor, None);
    }
}
