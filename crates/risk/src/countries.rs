//! The country of a network address, from a table of ranges that whoever runs the installation brings.
//!
//! The table is text, one range a line: `first,last,COUNTRY`, both ends included, as the public tables of the regional
//! registries are published: `192.0.2.0,192.0.2.255,SG` or `2001:db8::,2001:db8:ffff::,SG`. The country is ISO 3166-1
//! alpha-2; `ZZ` is nobody's. Empty lines and those that begin with `#` are passed over. Ranges may come in any order and
//! never overlap. A look-up is a binary search in memory: about a hundred nanoseconds.

use std::fmt;
use std::net::IpAddr;

use crate::facts::Word;

/// Longest table, in bytes.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most ranges.
pub const RANGES_MAX: usize = 2_000_000;
/// Most characters of a line that are repeated in an error.
const SHOWN_CHARS_MAX: usize = 60;
/// What stands for no country.
const NOBODY: [u8; 2] = *b"ZZ";

/// Why a table was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CountriesError {
    /// Another encoding.
    #[error("line {0}: not UTF-8 text")]
    NotUtf8(usize),
    /// Not a range.
    #[error("line {line}: `{text}` is not `first,last,COUNTRY` such as `192.0.2.0,192.0.2.255,SG`")]
    Line {
        /// Where.
        line: usize,
        /// What is there, shortened.
        text: String,
    },
    /// The wrong way round, or from one family to the other.
    #[error("line {0}: the range ends before it begins")]
    Backwards(usize),
    /// Two ranges hold one address.
    #[error("line {line}: its range overlaps that of line {other}")]
    Overlap {
        /// Where.
        line: usize,
        /// With which.
        other: usize,
    },
    /// Too many.
    #[error("line {0}: more than {RANGES_MAX} ranges")]
    TooMany(usize),
    /// None at all.
    #[error("there is no range in it")]
    Empty,
}

/// Addresses of one country, both ends included.
struct Range<N> {
    first: N,
    last: N,
    country: [u8; 2],
}

/// A range and the line it was read from.
type Read<N> = (Range<N>, usize);

/// A table of ranges.
pub struct Countries {
    // INVARIANT: in ascending order, without overlap.
    v4: Vec<Range<u32>>,
    v6: Vec<Range<u128>>,
}

impl fmt::Debug for Countries {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Countries({} ranges)", self.len())
    }
}

impl Countries {
    /// Reads a table.
    ///
    /// # Errors
    /// [`CountriesError`] with the first line that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Countries, CountriesError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|e| CountriesError::NotUtf8(line_of(bytes, e.valid_up_to())))?;
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (index, text) in text.lines().enumerate() {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let line = index + 1;
            if v4.len() + v6.len() >= RANGES_MAX {
                return Err(CountriesError::TooMany(line));
            }
            let (first, last, country) = split(text).ok_or_else(|| wrong(line, text))?;
            match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.push((Range { first: u32::from(first), last: u32::from(last), country }, line));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    v6.push((Range { first: u128::from(first), last: u128::from(last), country }, line));
                }
                _ => return Err(CountriesError::Backwards(line)),
            }
        }
        if v4.is_empty() && v6.is_empty() {
            return Err(CountriesError::Empty);
        }
        Ok(Countries { v4: in_order(v4)?, v6: in_order(v6)? })
    }

    /// The country of an address. `None` where the table has none.
    pub fn find(&self, address: IpAddr) -> Option<Word> {
        let country = match address.to_canonical() {
            IpAddr::V4(address) => find(&self.v4, u32::from(address)),
            IpAddr::V6(address) => find(&self.v6, u128::from(address)),
        };
        std::str::from_utf8(&country?).ok().and_then(Word::parse)
    }

    /// Number of ranges, those of neighbours in one country joined.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether no address has a country.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn line_of(bytes: &[u8], before: usize) -> usize {
    1 + bytes.iter().take(before).filter(|byte| **byte == b'\n').count()
}

fn wrong(line: usize, text: &str) -> CountriesError {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    CountriesError::Line { line, text: shown }
}

/// The parts of a line; each may stand in double quotes.
fn split(text: &str) -> Option<(IpAddr, IpAddr, [u8; 2])> {
    let mut parts = text.split(',').map(|part| {
        let part = part.trim();
        part.strip_prefix('"').and_then(|part| part.strip_suffix('"')).unwrap_or(part)
    });
    let (first, last) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let country: [u8; 2] = parts.next()?.as_bytes().try_into().ok()?;
    let done = parts.next().is_none() && country.iter().all(u8::is_ascii_uppercase);
    done.then_some((first, last, country))
}

/// Sorts, checks, leaves out what is nobody's, and joins neighbours.
fn in_order<N: Copy + Ord + Next>(mut read: Vec<Read<N>>) -> Result<Vec<Range<N>>, CountriesError> {
    if let Some((_, line)) = read.iter().find(|(range, _)| range.last < range.first) {
        return Err(CountriesError::Backwards(*line));
    }
    read.sort_by_key(|(range, line)| (range.first, *line));
    let mut ranges: Vec<Range<N>> = Vec::with_capacity(read.len());
    let mut before: Option<(N, usize)> = None;
    for (range, line) in read {
        if let Some((_, other)) = before.filter(|(last, _)| *last >= range.first) {
            let (line, other) = (line.max(other), line.min(other));
            return Err(CountriesError::Overlap { line, other });
        }
        before = Some((range.last, line));
        if range.country == NOBODY {
            continue;
        }
        match ranges.last_mut() {
            Some(newest) if newest.country == range.country && newest.last.next() == Some(range.first) => {
                newest.last = range.last;
            }
            _ => ranges.push(range),
        }
    }
    ranges.shrink_to_fit();
    Ok(ranges)
}

/// The address behind an address.
trait Next: Sized {
    fn next(self) -> Option<Self>;
}

impl Next for u32 {
    fn next(self) -> Option<u32> {
        self.checked_add(1)
    }
}

impl Next for u128 {
    fn next(self) -> Option<u128> {
        self.checked_add(1)
    }
}

fn find<N: Copy + Ord>(ranges: &[Range<N>], address: N) -> Option<[u8; 2]> {
    let behind = ranges.partition_point(|range| range.first <= address);
    let range = ranges.get(behind.checked_sub(1)?)?;
    (address <= range.last).then_some(range.country)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Countries, CountriesError> {
        Countries::parse(text.as_bytes())
    }

    #[track_caller]
    fn check(countries: &Countries, address: &str, country: Option<&str>) {
        let found = countries.find(address.parse().unwrap()).map(Word::text);
        assert_eq!(found.as_deref(), country, "{address}");
    }

    #[test]
    fn addresses_are_found_to_both_ends_of_their_range() {
        let text = "# made by hand\r\n\n198.51.100.0,198.51.100.127,SG\r\n\"2001:db8::\",\"2001:db8:0:ffff::\",\"DE\"\n\
                    192.0.2.0,192.0.2.255,CN\n203.0.113.0,203.0.113.255,ZZ\n";
        let countries = parse(text).unwrap();
        assert_eq!(countries.len(), 3);
        check(&countries, "198.51.99.255", None);
        check(&countries, "198.51.100.0", Some("SG"));
        check(&countries, "198.51.100.127", Some("SG"));
        check(&countries, "198.51.100.128", None);
        check(&countries, "192.0.2.77", Some("CN"));
        check(&countries, "::ffff:192.0.2.77", Some("CN"));
        check(&countries, "203.0.113.5", None);
        check(&countries, "2001:db8::", Some("DE"));
        check(&countries, "2001:db8:0:ffff::", Some("DE"));
        check(&countries, "2001:db8:0:ffff::1", None);
        check(&countries, "0.0.0.0", None);
        check(&countries, "255.255.255.255", None);
    }

    #[test]
    fn neighbours_are_joined_up_to_the_last_address() {
        let text =
            "255.255.255.255,255.255.255.255,CN\n255.255.255.0,255.255.255.254,CN\n0.0.0.0,0.0.0.9,CN\n";
        let countries = parse(text).unwrap();
        assert_eq!(countries.len(), 2);
        check(&countries, "255.255.255.255", Some("CN"));
        check(&countries, "0.0.0.9", Some("CN"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for bad in [
            "start,end,country",
            "192.0.2.0,192.0.2.255",
            "192.0.2.0,192.0.2.255,sg",
            "192.0.2.0,192.0.2.255,SGP",
            "192.0.2.0,192.0.2.255,SG,AS1",
            "192.0.2.0/24,SG",
            "192.0.2.0,192.0.2.256,SG",
            ",,",
        ] {
            let text = format!("198.51.100.0,198.51.100.255,SG\n{bad}\n");
            assert_eq!(parse(&text).unwrap_err(), CountriesError::Line { line: 2, text: bad.to_owned() });
        }
        let long = parse(&"x".repeat(500)).unwrap_err().to_string();
        assert!(long.starts_with("line 1: `xxx") && long.chars().count() < 200, "{long}");
        for bad in ["192.0.2.9,192.0.2.8,SG", "192.0.2.9,2001:db8::,SG"] {
            assert_eq!(parse(&format!("\n{bad}")).unwrap_err(), CountriesError::Backwards(2));
        }
        assert_eq!(Countries::parse(b"1.0.0.0,1.0.0.1,AU\n\xff").unwrap_err(), CountriesError::NotUtf8(2));
        assert_eq!(parse("# none\n").unwrap_err(), CountriesError::Empty);
    }

    #[test]
    fn ranges_that_overlap_are_refused_with_both_lines() {
        let text = "192.0.2.0,192.0.2.255,SG\n198.51.100.0,198.51.100.9,SG\n192.0.2.255,192.0.3.9,CN\n";
        assert_eq!(parse(text).unwrap_err(), CountriesError::Overlap { line: 3, other: 1 });
        assert_eq!(parse(text).unwrap_err().to_string(), "line 3: its range overlaps that of line 1");
    }

    #[test]
    fn a_table_has_a_limit_on_both_sides() {
        let line = |n: u32| {
            let at = std::net::Ipv4Addr::from(n * 2);
            format!("{at},{at},SG\n")
        };
        let whole: String = (0..RANGES_MAX as u32).map(line).collect();
        assert_eq!(parse(&whole).map(|countries| countries.len()), Ok(RANGES_MAX));
        let more = whole + &line(RANGES_MAX as u32);
        assert_eq!(parse(&more).unwrap_err(), CountriesError::TooMany(RANGES_MAX + 1));
    }
}
