//! The one way Tillward's audit log writes JSON: no spaces, fields in a fixed order, everything that could disturb a
//! log viewer written as `\uXXXX`. One meaning has one text, so a hash over the text is a hash over the meaning.

/// Appends `text` as a JSON string. Control characters, line and paragraph separators, directional overrides and
/// invisible characters are escaped, so an entry is always one line and shows what it says.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if is_disturbing(c) => push_escape(out, c),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends `,"name":` — or without the comma at the beginning of an object.
pub(crate) fn push_name(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

/// Appends a named string.
pub(crate) fn push_field(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    push_string(out, value);
}

fn push_escape(out: &mut String, c: char) {
    let code = u32::from(c);
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        out.push(char::from_digit(code >> shift & 0xF, 16).unwrap_or('0'));
    }
}

/// Every character named here is below U+10000, so one `\uXXXX` writes it.
fn is_disturbing(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}')
}

/// Reads what this module writes, and nothing else.
pub(crate) struct Scanner<'t> {
    rest: &'t str,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Scanner<'t> {
        Scanner { rest: text }
    }

    /// Steps over `literal` when it comes next.
    pub(crate) fn take(&mut self, literal: &str) -> bool {
        match self.rest.strip_prefix(literal) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Steps over `literal`.
    pub(crate) fn expect(&mut self, literal: &str) -> Option<()> {
        self.take(literal).then_some(())
    }

    /// Reads a string with its quotes.
    pub(crate) fn string(&mut self) -> Option<String> {
        self.expect("\"")?;
        let mut text = String::new();
        loop {
            let stop = self.rest.find(['"', '\\'])?;
            let (plain, rest) = self.rest.split_at(stop);
            text.push_str(plain);
            self.rest = rest;
            if self.take("\"") {
                return Some(text);
            }
            text.push(self.escape()?);
        }
    }

    /// Reads an integer in its shortest form.
    pub(crate) fn int(&mut self) -> Option<i64> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        let value: i64 = digits.parse().ok()?;
        self.rest = rest;
        (value.to_string() == digits).then_some(value)
    }

    /// Reads a whole number that is not negative.
    pub(crate) fn uint(&mut self) -> Option<u64> {
        self.int().and_then(|value| u64::try_from(value).ok())
    }

    /// Whether the next character is a digit or minus.
    pub(crate) fn at_number(&self) -> bool {
        self.rest.starts_with(|c: char| c == '-' || c.is_ascii_digit())
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    fn escape(&mut self) -> Option<char> {
        if self.take("\\\"") {
            return Some('"');
        }
        if self.take("\\\\") {
            return Some('\\');
        }
        self.expect("\\u")?;
        let (hex, rest) = self.rest.split_at_checked(4)?;
        let plain = hex.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
        let c = char::from_u32(u32::from_str_radix(hex, 16).ok()?)?;
        self.rest = rest;
        plain.then_some(c)
    }
}
