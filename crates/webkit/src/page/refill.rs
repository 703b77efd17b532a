//! Fills a form of a finished page with what was typed into it before. For pages of our own alone, whose markup is known:
//! attributes stand in double quotes and texts are escaped.

use std::fmt::Write;

use super::html::{Html, escape};

/// What was typed: the fields that may be filled in again by name, and of them those that were sent, with their values.
#[derive(Clone, Copy, Debug)]
pub struct Typed<'a> {
    /// Names of fields that are filled in; all others stay as they are.
    pub names: &'a [&'a str],
    /// What was sent, in its order. A box that is not here was not ticked.
    pub sent: &'a [(String, String)],
}

impl Typed<'_> {
    fn knows(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    fn value(&self, name: &str) -> Option<String> {
        let found = self.sent.iter().find(|(sent, _)| sent == name);
        found.map(|(_, value)| escape(value).to_string())
    }

    /// Whether a box or an option with this value, as it stands in the markup, was chosen.
    fn chose(&self, name: &str, value: &str) -> bool {
        self.sent.iter().any(|(sent, chosen)| sent == name && escape(chosen).to_string() == value)
    }
}

/// The page with the form that posts to `action` filled in and `note` at the head of it; `None` when the page has no such
/// form. Passwords, PINs and hidden fields are never filled in.
pub fn refill(page: &str, action: &str, typed: &Typed<'_>, note: &Html) -> Option<String> {
    let wanted = escape(action).to_string();
    let mut from = 0;
    loop {
        let start = from + page.get(from..)?.find("<form ")?;
        let head = start + page.get(start..)?.find('>')? + 1;
        let end = head + page.get(head..)?.find("</form>")?;
        if attribute(page.get(start..head)?, "action") == Some(&wanted) {
            let (before, inside, after) = (page.get(..head)?, page.get(head..end)?, page.get(end..)?);
            return Some(format!("{before}{note}{}{after}", fill(inside, typed)?));
        }
        from = end;
    }
}

/// The inside of a form, tag by tag.
fn fill(inside: &str, typed: &Typed<'_>) -> Option<String> {
    let mut out = String::with_capacity(inside.len() + 256);
    let (mut rest, mut select) = (inside, String::new());
    while let Some(start) = rest.find('<') {
        let end = start + rest.get(start..)?.find('>')? + 1;
        let (text, tag) = (rest.get(..start)?, rest.get(start..end)?);
        rest = rest.get(end..)?;
        out.push_str(text);
        let name = attribute(tag, "name").unwrap_or_default();
        if tag.starts_with("<input") && typed.knows(name) {
            out.push_str(&input(tag, name, typed));
        } else if tag.starts_with("<option") && typed.knows(&select) {
            let chosen = typed.chose(&select, attribute(tag, "value").unwrap_or_default());
            out.push_str(&marked(tag, " selected", chosen));
        } else {
            out.push_str(tag);
        }
        if tag.starts_with("<select") {
            name.clone_into(&mut select);
        } else if tag.starts_with("</select") {
            select.clear();
        } else if tag.starts_with("<textarea")
            && let Some(value) = typed.value(name).filter(|_| typed.knows(name))
        {
            out.push_str(&value);
            rest = rest.get(rest.find("</textarea>")?..)?;
        }
    }
    out.push_str(rest);
    Some(out)
}

fn input(tag: &str, name: &str, typed: &Typed<'_>) -> String {
    let present = attribute(tag, "value").unwrap_or_default();
    match attribute(tag, "type").unwrap_or("text") {
        "password" | "hidden" | "submit" | "button" | "file" => tag.to_owned(),
        "checkbox" | "radio" => marked(tag, " checked", typed.chose(name, present)),
        _ => {
            let Some(value) = typed.value(name) else { return tag.to_owned() };
            let mut bare = tag.replace(&format!(" value=\"{present}\""), "");
            bare.truncate(bare.len() - 1);
            // Writing to a string cannot fail.
            let _ = write!(bare, " value=\"{value}\">");
            bare
        }
    }
}

/// A tag with or without a mark that stands alone.
fn marked(tag: &str, mark: &str, is_on: bool) -> String {
    let mut bare = tag.replace(&format!("{mark}>"), ">").replace(&format!("{mark} "), " ");
    if is_on {
        bare.truncate(bare.len() - 1);
        bare.push_str(mark);
        bare.push('>');
    }
    bare
}

/// The value of an attribute, as it stands in the markup.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let rest = tag.get(from..)?;
    rest.get(..rest.find('"')?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["name", "role", "note", "kind", "pin"];

    fn check(form: &str, sent: &[(&str, &str)], expect: &str) {
        let sent: Vec<_> =
            sent.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect();
        let page = format!(
            "<form action=\"/other\"><input  name=\"name\"></form><form method=\"post\" action=\"/a?b=1&amp;c\">{form}</form>"
        );
        let filled = refill(&page, "/a?b=1&c", &Typed { names: NAMES, sent: &sent }, &Html::default());
        assert_eq!(filled, Some(page.replace(form, expect)), "{form}");
    }

    #[test]
    fn texts_areas_choices_and_boxes_come_back_as_they_were_sent() {
        check(
            "<input type=\"text\" id=\"f\" name=\"name\" value=\"before\" required>",
            &[("name", "Li & \"Wang\"")],
            "<input type=\"text\" id=\"f\" name=\"name\" required value=\"Li &amp; &quot;Wang&quot;\">",
        );
        check("<input name=\"name\">", &[("name", "茶")], "<input name=\"name\" value=\"茶\">");
        check(
            "<textarea name=\"note\">old &lt;b&gt;</textarea> x",
            &[("note", "</textarea><script>")],
            "<textarea name=\"note\">&lt;/textarea&gt;&lt;script&gt;</textarea> x",
        );
        check(
            "<select name=\"kind\"><option value=\"a\" selected>A</option><option value=\"b\">B</option></select>",
            &[("kind", "b")],
            "<select name=\"kind\"><option value=\"a\">A</option><option value=\"b\" selected>B</option></select>",
        );
        check(
            "<input type=\"checkbox\" name=\"role\" value=\"a\" checked><input type=\"checkbox\" name=\"role\" value=\"b\">",
            &[("role", "b")],
            "<input type=\"checkbox\" name=\"role\" value=\"a\"><input type=\"checkbox\" name=\"role\" value=\"b\" checked>",
        );
    }

    #[test]
    fn what_is_secret_hidden_or_unknown_stays_as_it_is() {
        for form in [
            "<input type=\"password\" name=\"pin\">",
            "<input type=\"hidden\" name=\"kind\" value=\"x\">",
            "<input name=\"code\" value=\"\">",
            "<input type=\"checkbox\" name=\"remember\" checked>",
        ] {
            check(form, &[("pin", "s"), ("kind", "y"), ("code", "1"), ("csrf", "t")], form);
        }
    }

    #[test]
    fn a_page_without_the_form_is_left_alone() {
        let typed = Typed { names: NAMES, sent: &[] };
        for page in ["", "<form", "<form action=\"/b\"></form>", "<form action=\"/a\">"] {
            assert_eq!(refill(page, "/a", &typed, &Html::default()), None, "{page}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_page_is_filled_or_left_alone_and_never_a_panic(page in "[<>/a-z\"= &茶]{0,120}", value in "\\PC{0,20}") {
            let sent = [("name".to_owned(), value)];
            let page = format!("<form action=\"/a\">{page}<input name=\"name\"></form>");
            let _ = refill(&page, "/a", &Typed { names: NAMES, sent: &sent }, &Html::default());
        }
    }
}
