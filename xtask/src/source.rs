//! A Rust file with code, strings and comments told apart, and test code marked.
//!
//! It is a scanner, not a parser: enough to find functions and words without being fooled by a string.

/// A string literal and the line it starts on.
#[derive(Debug, PartialEq)]
pub struct Literal {
    /// Counted from 1.
    pub line: usize,
    /// What stands between the quotes, escapes as written.
    pub text: String,
    /// The byte behind the closing quote.
    pub end: usize,
}

/// A function with a body.
#[derive(Debug, PartialEq)]
pub struct Function {
    /// Its name, without the type it belongs to.
    pub name: String,
    /// The line of its `fn`, counted from 1.
    pub line: usize,
    /// From the line of `fn` to that of the closing brace.
    pub lines: usize,
}

/// One Rust file.
pub struct Source {
    /// From the top of the workspace.
    pub path: String,
    /// As it stands in the file.
    pub text: String,
    /// Same length and lines as `text`, with comments and the inside of literals blanked.
    pub code: String,
    /// Every string literal, in order.
    pub literals: Vec<Literal>,
    /// For each line whether it belongs to test code.
    test_lines: Vec<bool>,
}

impl Source {
    /// Takes `text` apart.
    pub fn new(path: &str, text: &str) -> Source {
        let (code, literals) = Scanner::split(text);
        let test_lines = mark_tests(path, &code);
        Source { path: path.to_owned(), text: text.to_owned(), code, literals, test_lines }
    }

    /// Whether the whole file is test code.
    pub fn is_test_file(&self) -> bool {
        is_test_path(&self.path)
    }

    /// Whether `line` (from 1) is test code.
    pub fn is_test(&self, line: usize) -> bool {
        self.test_lines.get(line.saturating_sub(1)).copied().unwrap_or(false)
    }

    /// How many lines are not test code.
    pub fn production_lines(&self) -> usize {
        self.test_lines.iter().filter(|test| !**test).count()
    }

    /// Lines of production code, comments and literals blanked, numbered from 1.
    pub fn production_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(line, _)| !self.is_test(*line))
    }

    /// String literals outside test code.
    pub fn production_literals(&self) -> impl Iterator<Item = &Literal> {
        self.literals.iter().filter(|literal| !self.is_test(literal.line))
    }

    /// Functions with a body, outside test code.
    pub fn functions(&self) -> Vec<Function> {
        let found = words(&self.code, "fn").filter_map(|at| self.function_at(at));
        found.filter(|function| !self.is_test(function.line)).collect()
    }

    fn function_at(&self, at: usize) -> Option<Function> {
        let rest = self.code.get(at + 2..)?.trim_start();
        let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
        let end = item_end(&self.code, at)?;
        let body = self.code.get(at..end)?;
        let real = !name.is_empty() && body.ends_with('}');
        real.then(|| Function { name, line: line_of(&self.code, at), lines: body.lines().count() })
    }

    /// The crate's folder below `crates/`, if the file is in one.
    pub fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// The last part of the path.
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Positions of `word` in `code` where it stands alone.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code.get(..*at).and_then(|s| s.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|s| s.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The line of the byte at `at`, counted from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the item that starts at `at` ends: behind its closing brace, or behind its semicolon.
fn item_end(code: &str, at: usize) -> Option<usize> {
    let (mut round, mut curly) = (0i32, 0i32);
    for (offset, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => round += 1,
            b')' | b']' => round -= 1,
            b'{' => curly += 1,
            b'}' if curly <= 1 => return Some(offset + 1),
            b'}' => curly -= 1,
            b';' if curly == 0 && round <= 0 => return Some(offset + 1),
            _ => {}
        }
    }
    None
}

/// Files whose whole content is for tests.
pub fn is_test_path(path: &str) -> bool {
    let folders = ["/tests/", "/benches/", "/examples/"];
    let name = path.rsplit('/').next().unwrap_or(path);
    folders.iter().any(|folder| path.contains(folder)) || name == "tests.rs" || name.ends_with("_tests.rs")
}

fn mark_tests(path: &str, code: &str) -> Vec<bool> {
    let mut marks = vec![is_test_path(path); code.lines().count()];
    for marker in ["#[cfg(test)]", "#[cfg(all(test", "#[cfg(any(test", "#[test]"] {
        for (at, _) in code.match_indices(marker) {
            let end = test_item_end(code, at);
            let (first, last) = (line_of(code, at), line_of(code, end));
            marks.iter_mut().take(last).skip(first - 1).for_each(|mark| *mark = true);
        }
    }
    marks
}

/// The end of the item behind the attribute at `at`.
fn test_item_end(code: &str, at: usize) -> usize {
    let attribute_end = code.get(at..).and_then(|rest| rest.find(']')).map_or(at, |offset| at + offset + 1);
    item_end(code, attribute_end).map_or(code.len(), |end| end - 1)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    code: Vec<u8>,
    literals: Vec<Literal>,
}

impl<'a> Scanner<'a> {
    fn split(text: &'a str) -> (String, Vec<Literal>) {
        let mut scanner = Scanner { text, at: 0, code: Vec::with_capacity(text.len()), literals: Vec::new() };
        while let Some(byte) = scanner.peek(0) {
            scanner.step(byte);
        }
        (String::from_utf8_lossy(&scanner.code).into_owned(), scanner.literals)
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn step(&mut self, byte: u8) {
        match (byte, self.peek(1)) {
            (b'/', Some(b'/')) => self.blank(self.until("\n", 0)),
            (b'/', Some(b'*')) => self.blank(self.block_comment()),
            (b'"', _) => self.string(1, "\""),
            (b'r', _) if self.raw_hashes().is_some() => {
                let hashes = self.raw_hashes().unwrap_or(0);
                self.string(hashes + 2, &format!("\"{}", "#".repeat(hashes)));
            }
            (b'\'', _) => self.quote(),
            _ => self.keep(1),
        }
    }

    /// Copies bytes to the code; a letter outside ASCII becomes blanks so that offsets stay true.
    fn keep(&mut self, count: usize) {
        for _ in 0..count {
            let byte = self.peek(0).filter(u8::is_ascii).unwrap_or(b' ');
            self.code.push(byte);
            self.at += 1;
        }
    }

    fn blank(&mut self, end: usize) {
        while self.at < end.min(self.text.len()) {
            let byte = if self.peek(0) == Some(b'\n') { b'\n' } else { b' ' };
            self.code.push(byte);
            self.at += 1;
        }
    }

    /// Where `mark` is found next, from `skip` bytes ahead; the end of the text if nowhere.
    fn until(&self, mark: &str, skip: usize) -> usize {
        let from = self.at + skip;
        self.text.get(from..).and_then(|rest| rest.find(mark)).map_or(self.text.len(), |offset| from + offset)
    }

    fn block_comment(&self) -> usize {
        let (mut depth, mut end) = (0, self.at);
        while let Some(rest) = self.text.as_bytes().get(end..).filter(|rest| !rest.is_empty()) {
            let step = if rest.starts_with(b"/*") || rest.starts_with(b"*/") { 2 } else { 1 };
            depth += i32::from(rest.starts_with(b"/*")) - i32::from(rest.starts_with(b"*/"));
            end += step;
            if depth == 0 {
                break;
            }
        }
        end
    }

    /// How many `#` a raw string that starts here has; nothing if none starts here.
    fn raw_hashes(&self) -> Option<usize> {
        let before = self.text.get(..self.at)?.trim_end_matches(['b', 'c']);
        let inside_word = before.chars().next_back().is_some_and(is_word);
        let rest = self.text.get(self.at + 1..)?;
        let hashes = rest.bytes().take_while(|b| *b == b'#').count();
        let quoted = rest.as_bytes().get(hashes) == Some(&b'"');
        (quoted && !inside_word).then_some(hashes)
    }

    fn string(&mut self, open: usize, close: &str) {
        let start = self.at + open;
        let end = if open == 1 { self.escaped_end(start) } else { self.until(close, open) };
        let text = self.text.get(start..end).unwrap_or_default().to_owned();
        let closed = (end + close.len()).min(self.text.len());
        self.literals.push(Literal { line: line_of(self.text, self.at), text, end: closed });
        self.keep(open);
        self.blank(end);
        self.keep(closed.saturating_sub(end));
    }

    fn escaped_end(&self, start: usize) -> usize {
        let mut escaped = false;
        for (offset, byte) in self.text.bytes().enumerate().skip(start) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return offset,
                _ => {}
            }
        }
        self.text.len()
    }

    /// A character literal is blanked, a lifetime is kept.
    fn quote(&mut self) {
        let width = match self.text.get(self.at + 1..).and_then(|rest| rest.chars().next()) {
            Some('\\') => self.until("'", 3).saturating_sub(self.at + 1),
            Some(c) => c.len_utf8(),
            None => 0,
        };
        if self.peek(width + 1) == Some(b'\'') {
            self.blank(self.at + width + 2);
        } else {
            self.keep(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_not_code() {
        let text = "let a = \"fn x() {\"; // fn y() {\nlet b = r#\"{\"{\"#; /* { /* { */ */ let c = '{'; let d = b'\\'';";
        let source = Source::new("a.rs", text);
        assert_eq!(source.code.len(), text.len());
        assert!(!source.code.contains('{') && !source.code.contains("fn"));
        let texts: Vec<_> =
            source.literals.iter().map(|literal| (literal.line, literal.text.as_str())).collect();
        assert_eq!(texts, [(1, "fn x() {"), (2, "{\"{")]);
        assert!(source.code.contains("let c") && source.code.contains("let d"));
    }

    #[test]
    fn lifetimes_are_not_characters() {
        let source = Source::new("a.rs", "fn a<'a>(x: &'a str) -> &'a str { x }\nfn b() { '\\u{1F600}'; }\n");
        let names: Vec<_> = source.functions().into_iter().map(|function| function.name).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn functions_are_measured_to_their_closing_brace() {
        let source = Source::new(
            "a.rs",
            "trait T { fn none(&self); }\nfn one() -> [u8; 2] {\n  if x { y }\n}\nfn two() {}\n",
        );
        let found: Vec<_> = source.functions().into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(found, [("one".to_owned(), 2, 3), ("two".to_owned(), 5, 1)]);
    }

    #[test]
    fn test_code_is_told_from_production_code() {
        let text = "fn a() {}\n#[cfg(test)]\nuse x;\nfn b() {}\n#[cfg(test)]\nmod tests {\n  fn c() {}\n}\nfn d() {}\n";
        let source = Source::new("a.rs", text);
        let names: Vec<_> = source.functions().into_iter().map(|function| function.name).collect();
        assert_eq!(names, ["a", "b", "d"]);
        assert_eq!(source.production_lines(), 3);
        assert!(Source::new("crates/x/tests/it/main.rs", "fn a() {}").is_test(1));
    }
}
