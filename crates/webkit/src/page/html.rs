//! HTML that is already escaped, and the escaping itself.

use std::fmt::{self, Write};

/// Markup that is safe to show as it is: every text in it went through [`escape`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Takes markup that the caller vouches for: constant text, or built with [`escape`].
    pub fn from_trusted(markup: String) -> Html {
        Html(markup)
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Html {}

/// A text made safe for element content and for double-quoted attributes.
pub fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

/// Shows its text with `& < > " '` replaced.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Percent-encodes a text for one query value: everything but letters, digits and `-._~`.
pub fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_plain_text() {
        let shown = escape("<img src=x onerror='a'>\"&").to_string();
        assert_eq!(shown, "&lt;img src=x onerror=&#39;a&#39;&gt;&quot;&amp;");
        assert_eq!(query_escape("a b&茶"), "a%20b%26%E8%8C%B6");
    }
}
