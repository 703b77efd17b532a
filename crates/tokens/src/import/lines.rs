//! Reads a table line by line in bounded memory. A line that cannot be read is reported and the next one goes on.

use std::io::{self, BufRead};

use base::Secret;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use zeroize::Zeroize;

use crate::limits::{IMPORT_COLUMNS_MAX, IMPORT_LINE_BYTES_MAX};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Why a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Past the limit; perhaps a quotation mark was never closed.
    #[error("is longer than {IMPORT_LINE_BYTES_MAX} bytes; is a quotation mark never closed?")]
    TooLong,
    /// More cells than a table may have.
    #[error("has more than {IMPORT_COLUMNS_MAX} columns")]
    ManyColumns,
    /// Another encoding.
    #[error("is not UTF-8 text; save the table as UTF-8")]
    NotUtf8,
    /// A zero byte.
    #[error("holds a zero byte")]
    ZeroByte,
}

/// One line: where it begins, and its cells.
pub struct Line {
    /// From 1, as an editor counts.
    pub number: u64,
    /// The cells without blanks around them, or why there are none.
    pub cells: Result<Vec<Secret<String>>, LineProblem>,
}

/// The lines of a table.
pub struct Lines<R> {
    input: R,
    parser: Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
    started: bool,
    taken: u64,
    counter: Counter,
}

/// Counts lines as an editor does: they end with CR, LF or both. The parser's own count stands still inside CR LF.
struct Counter {
    line: u64,
    after_return: bool,
}

impl Counter {
    fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let ends = *byte == b'\r' || (*byte == b'\n' && !self.after_return);
            self.line += u64::from(ends);
            self.after_return = *byte == b'\r';
        }
    }
}

impl<R: BufRead> Lines<R> {
    /// Reads comma-separated lines (RFC 4180), with `;` or tabs where the first line has more of those.
    pub fn new(input: R) -> Lines<R> {
        Lines {
            input,
            parser: Reader::new(),
            // One spare each: the parser wants room left when a line ends.
            cells: vec![0; IMPORT_LINE_BYTES_MAX + 1],
            ends: vec![0; IMPORT_COLUMNS_MAX + 1],
            started: false,
            taken: 0,
            counter: Counter { line: 1, after_return: false },
        }
    }

    /// The next line that is not empty, `None` at the end.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        if !self.started {
            self.start()?;
        }
        let (mut wrote, mut ended) = (0, 0);
        let mut problem = None;
        self.skip_line_ends()?;
        let number = self.counter.line;
        loop {
            let input = self.input.fill_buf()?;
            let (result, taken, bytes, ends) = self.parser.read_record(
                input,
                self.cells.get_mut(wrote..).unwrap_or_default(),
                self.ends.get_mut(ended..).unwrap_or_default(),
            );
            self.counter.pass(input.get(..taken).unwrap_or_default());
            self.input.consume(taken);
            self.taken += taken as u64;
            wrote += bytes;
            ended += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                // What is too long is read on to its end, into the same room, and dropped.
                ReadRecordResult::OutputFull => {
                    problem = Some(LineProblem::TooLong);
                    (wrote, ended) = (0, 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    problem = problem.or(Some(LineProblem::ManyColumns));
                    (wrote, ended) = (0, 0);
                }
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => break,
            }
        }
        let cells = match problem {
            Some(problem) => Err(problem),
            None => self.cut(wrote, ended),
        };
        self.cells.zeroize();
        self.cells.resize(IMPORT_LINE_BYTES_MAX + 1, 0);
        Ok(Some(Line { number, cells }))
    }

    /// Bytes read so far, for progress.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    fn cut(&self, wrote: usize, ended: usize) -> Result<Vec<Secret<String>>, LineProblem> {
        if ended > IMPORT_COLUMNS_MAX {
            return Err(LineProblem::ManyColumns);
        }
        let text = str::from_utf8(self.cells.get(..wrote).unwrap_or_default());
        let text = text.map_err(|_| LineProblem::NotUtf8)?;
        if text.contains('\0') {
            return Err(LineProblem::ZeroByte);
        }
        let mut from = 0;
        let mut cells = Vec::with_capacity(ended);
        for end in self.ends.get(..ended).unwrap_or_default() {
            let cell = text.get(from..*end).ok_or(LineProblem::NotUtf8)?;
            cells.push(Secret::new(cell.trim().to_owned()));
            from = *end;
        }
        Ok(cells)
    }

    /// Steps over empty lines, and over what is left of the last line's end.
    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let input = self.input.fill_buf()?;
            let ends = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let goes_on = ends > 0 && ends == input.len();
            self.counter.pass(input.get(..ends).unwrap_or_default());
            self.input.consume(ends);
            self.taken += ends as u64;
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Skips a byte-order mark and picks the delimiter.
    fn start(&mut self) -> io::Result<()> {
        self.started = true;
        let marked = self.input.fill_buf()?.starts_with(BOM);
        if marked {
            self.input.consume(BOM.len());
        }
        let head = self.input.fill_buf()?;
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
        let best = [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter));
        self.parser = ReaderBuilder::new().delimiter(best.unwrap_or(b',')).build();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Vec<(u64, Result<Vec<String>, LineProblem>)> {
        let mut lines = Lines::new(bytes);
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            let cells = line.cells.map(|cells| cells.iter().map(|cell| cell.expose().clone()).collect());
            all.push((line.number, cells));
        }
        all
    }

    fn cells(cells: &[&str]) -> Result<Vec<String>, LineProblem> {
        Ok(cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn lines_are_read_as_rfc_4180_has_them() {
        let found = read(b"\xEF\xBB\xBFa,b\r\n\"x \"\"y\"\", z\", 2 \r\n\r\n\"two\nlines\",3\r\n5,6");
        assert_eq!(found[0].1, cells(&["a", "b"]));
        assert_eq!(found[1].1, cells(&["x \"y\", z", "2"]));
        assert_eq!(found[2].1, cells(&["two\nlines", "3"]));
        assert_eq!(found[3].1, cells(&["5", "6"]));
        assert_eq!(read(b"a;b,c;d\n1;2;3\n")[1].1, cells(&["1", "2", "3"]));
        assert!(read(b"").is_empty());
    }

    #[test]
    fn lines_are_counted_as_an_editor_does_whatever_ends_them() {
        let numbers =
            |text: &str| read(text.as_bytes()).iter().map(|(number, _)| *number).collect::<Vec<_>>();
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a", "b", "", "", "\"two", "lines\"", "c", ""].join(end);
            assert_eq!(numbers(&text), [1, 2, 5, 7], "{end:?}");
        }
        assert_eq!(numbers("\n\r\n\ra\r\n\r\nb"), [4, 6]);
        // The same where a line end is cut between two pieces of the input.
        let mut lines = Lines::new(std::io::BufReader::with_capacity(1, &b"a\r\n\r\nb"[..]));
        let mut next = || lines.next_line().unwrap().map(|line| line.number);
        assert_eq!([next(), next(), next()], [Some(1), Some(3), None]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_and_the_next_goes_on() {
        let long = "x".repeat(IMPORT_LINE_BYTES_MAX + 1);
        let wide = "1,".repeat(IMPORT_COLUMNS_MAX) + "1";
        let text = format!("a,b\n{long},1\n{wide}\n3,4\n");
        let found = read(text.as_bytes());
        assert_eq!(found[1].1, Err(LineProblem::TooLong));
        assert_eq!(found[2].1, Err(LineProblem::ManyColumns));
        assert_eq!(found[3], (4, cells(&["3", "4"])));
        assert_eq!(read(b"a\n\xff\xfe\nc\n")[1].1, Err(LineProblem::NotUtf8));
        assert_eq!(read(b"a\nb\0c\n")[1].1, Err(LineProblem::ZeroByte));
        assert_eq!(read(b"a\nc\n")[1].1, cells(&["c"]));
    }

    #[test]
    fn length_and_width_have_a_limit_on_both_sides() {
        let fits = "x".repeat(IMPORT_LINE_BYTES_MAX);
        assert!(read(format!("{fits}\n").as_bytes())[0].1.is_ok());
        let widest = "1,".repeat(IMPORT_COLUMNS_MAX - 1) + "1\n";
        assert_eq!(read(widest.as_bytes())[0].1.as_ref().map(Vec::len), Ok(IMPORT_COLUMNS_MAX));
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_takes_one_line_with_it_and_not_the_memory() {
        let text = format!("a\n\"{}", "x\n".repeat(40_000));
        let found = read(text.as_bytes());
        assert_eq!((found.len(), &found[1].1), (2, &Err(LineProblem::TooLong)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            read(&bytes);
        }

        #[test]
        fn cells_come_back_as_they_were_written(table in proptest::collection::vec(proptest::collection::vec("[a-z\",;\n]{1,8}", 2), 1..6)) {
            let quote = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let text: Vec<String> = table.iter().map(|row| row.iter().map(quote).collect::<Vec<_>>().join(",")).collect();
            let text = format!("head,line\n{}\n", text.join("\n"));
            let found: Vec<_> = read(text.as_bytes()).into_iter().skip(1).map(|(_, cells)| cells.unwrap()).collect();
            let expect: Vec<Vec<String>> = table.iter().map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect()).collect();
            prop_assert_eq!(found, expect);
        }
    }
}
