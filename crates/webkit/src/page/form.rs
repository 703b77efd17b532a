//! Form fields with label, hint and problem tied together for screen readers, and the summary of all problems.

use std::fmt::{self, Write};

use super::frame::Frame;
use super::html::{Html, escape};

/// What is wrong with a form, by field, in the visitor's words.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<(String, String)>);

impl Problems {
    /// Nothing is wrong.
    pub fn none() -> Problems {
        Problems::default()
    }

    /// Adds a problem with `field`; an empty field name means the whole form.
    pub fn add(&mut self, field: &str, message: String) {
        self.0.push((field.to_owned(), message));
    }

    /// The first problem with `field`; empty when there is none.
    pub fn of(&self, field: &str) -> &str {
        self.0.iter().find(|(name, _)| name == field).map_or("", |(_, message)| message)
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A value to choose from, and its name.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub label: String,
}

impl Choice {
    /// A choice.
    pub fn new(value: &str, label: String) -> Choice {
        Choice { value: value.to_owned(), label }
    }
}

/// One field with its label. Built in a template and shown there:
/// `{{ page.field("contact", page.t("sign-in-contact")).kind("email").error(problems.of("contact")) }}`.
#[derive(Clone, Debug)]
pub struct Field {
    name: String,
    label: String,
    kind: String,
    value: String,
    hint: String,
    error: String,
    choices: Vec<Choice>,
    attributes: Vec<(String, String)>,
    class: &'static str,
}

impl Field {
    /// The input's type: `text` (as it is without this), `email`, `tel`, `password`, `search`, `date`, `area`, `select`.
    pub fn kind(self, kind: &str) -> Field {
        Field { kind: kind.to_owned(), ..self }
    }

    /// What it holds when the page loads.
    pub fn value(self, value: impl AsRef<str>) -> Field {
        Field { value: value.as_ref().to_owned(), ..self }
    }

    /// A sentence under the label.
    pub fn hint(self, hint: impl AsRef<str>) -> Field {
        Field { hint: hint.as_ref().to_owned(), ..self }
    }

    /// What is wrong with it; empty for nothing.
    pub fn error(self, error: impl AsRef<str>) -> Field {
        Field { error: error.as_ref().to_owned(), ..self }
    }

    /// What can be chosen; makes it a select.
    pub fn choices(self, choices: impl AsRef<[Choice]>) -> Field {
        Field { choices: choices.as_ref().to_vec(), kind: "select".to_owned(), ..self }
    }

    /// Any further attribute with a value, such as `autocomplete` or `maxlength`.
    pub fn with(mut self, name: &str, value: impl AsRef<str>) -> Field {
        self.attributes.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The field must be filled; the browser says so first.
    pub fn required(self) -> Field {
        self.with("required", "")
    }

    /// Takes the space that is left, in a row of filters.
    pub fn searching(self) -> Field {
        Field { class: "field search", kind: "search".to_owned(), ..self }
    }

    fn write_attributes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " id=\"f-{0}\" name=\"{0}\"", escape(&self.name))?;
        for (name, value) in &self.attributes {
            write!(f, " {}", escape(name))?;
            if !value.is_empty() {
                write!(f, "=\"{}\"", escape(value))?;
            }
        }
        let mut described = String::new();
        for (present, suffix) in [(!self.hint.is_empty(), "hint"), (!self.error.is_empty(), "wrong")] {
            if present {
                write!(described, "f-{}-{suffix} ", escape(&self.name))?;
            }
        }
        if !described.is_empty() {
            write!(f, " aria-describedby=\"{}\"", described.trim_end())?;
        }
        if !self.error.is_empty() {
            f.write_str(" aria-invalid=\"true\"")?;
        }
        Ok(())
    }

    fn write_control(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.as_str() {
            "area" => {
                f.write_str("<textarea")?;
                self.write_attributes(f)?;
                write!(f, ">{}</textarea>", escape(&self.value))
            }
            "select" => {
                f.write_str("<select")?;
                self.write_attributes(f)?;
                f.write_str(">")?;
                for choice in &self.choices {
                    let chosen = if choice.value == self.value { " selected" } else { "" };
                    let (value, label) = (escape(&choice.value), escape(&choice.label));
                    write!(f, "<option value=\"{value}\"{chosen}>{label}</option>")?;
                }
                f.write_str("</select>")
            }
            kind => {
                write!(f, "<input type=\"{}\"", escape(kind))?;
                self.write_attributes(f)?;
                if kind != "password" && !self.value.is_empty() {
                    write!(f, " value=\"{}\"", escape(&self.value))?;
                }
                f.write_str(">")
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = escape(&self.name);
        write!(f, "<div class=\"{}\"><label for=\"f-{name}\">{}</label>", self.class, escape(&self.label))?;
        if !self.hint.is_empty() {
            write!(f, "<span class=\"hint\" id=\"f-{name}-hint\">{}</span>", escape(&self.hint))?;
        }
        if !self.error.is_empty() {
            write!(f, "<span class=\"wrong\" id=\"f-{name}-wrong\">{}</span>", escape(&self.error))?;
        }
        self.write_control(f)?;
        f.write_str("</div>")
    }
}

impl askama::filters::HtmlSafe for Field {}

impl Frame {
    /// A text field called `name`; see [`Field`] for the rest.
    pub fn field(&self, name: &str, label: impl AsRef<str>) -> Field {
        Field {
            name: name.to_owned(),
            label: label.as_ref().to_owned(),
            kind: "text".to_owned(),
            value: String::new(),
            hint: String::new(),
            error: String::new(),
            choices: Vec::new(),
            attributes: Vec::new(),
            class: "field",
        }
    }

    /// All problems of a form on top of it, each a link to its field; nothing when there are none.
    pub fn problems(&self, problems: &Problems) -> Html {
        if problems.is_empty() {
            return Html::default();
        }
        let mut out = String::from("<div class=\"note bad\" role=\"alert\" tabindex=\"-1\">");
        let _ = write!(out, "<b>{}</b><ul>", escape(&self.t("frame-problems")));
        for (field, message) in &problems.0 {
            let _ = match field.as_str() {
                "" => write!(out, "<li>{}</li>", escape(message)),
                name => write!(out, "<li><a href=\"#f-{}\">{}</a></li>", escape(name), escape(message)),
            };
        }
        out.push_str("</ul></div>");
        Html::from_trusted(out)
    }

    /// The PIN field: a plain numeric field; the script adds six dots and large keys on top.
    pub fn pin_field(&self, label: impl AsRef<str>, error: impl AsRef<str>) -> Html {
        let (label, error) = (escape(label.as_ref()), error.as_ref());
        let (wrong, invalid) = match error {
            "" => (String::new(), ""),
            error => (
                format!("<span class=\"wrong\" id=\"f-pin-wrong\" role=\"alert\">{}</span>", escape(error)),
                " aria-invalid=\"true\" aria-describedby=\"f-pin-wrong\"",
            ),
        };
        let mut keys = String::new();
        for key in ["1", "2", "3", "4", "5", "6", "7", "8", "9"] {
            let _ = write!(keys, "<button type=\"button\" value=\"{key}\" tabindex=\"-1\">{key}</button>");
        }
        let delete = self.t("frame-delete-digit");
        let _ = write!(
            keys,
            "<span></span><button type=\"button\" value=\"0\" tabindex=\"-1\">0</button>\
             <button type=\"button\" class=\"quiet\" value=\"back\" tabindex=\"-1\">{}</button>",
            escape(&delete)
        );
        Html::from_trusted(format!(
            "<div class=\"pin\"><label for=\"f-pin\">{label}</label>{wrong}<div class=\"box\"><input id=\"f-pin\" name=\"pin\" \
             type=\"password\" inputmode=\"numeric\" pattern=\"[0-9]{{6}}\" minlength=\"6\" maxlength=\"6\" required \
             autocomplete=\"off\" autofocus{invalid}><div class=\"dots\" aria-hidden=\"true\"></div></div>\
             <div class=\"keys\" hidden>{keys}</div></div>"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use base::Timestamp;

    use super::*;
    use crate::page::lang::{Lang, Texts};

    static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[]));

    fn frame() -> Frame {
        Frame::new(&TEXTS, Lang::En, Timestamp(0), "/")
    }

    #[test]
    fn a_problem_is_tied_to_its_field() {
        let mut problems = Problems::none();
        problems.add("contact", "Enter a phone number".into());
        let html = frame().field("contact", "Phone").error(problems.of("contact")).to_string();
        assert!(html.contains("aria-describedby=\"f-contact-wrong\" aria-invalid=\"true\""), "{html}");
        assert!(html.contains("<label for=\"f-contact\">Phone</label>"), "{html}");
        assert!(frame().problems(&problems).as_str().contains("href=\"#f-contact\""));
        assert!(frame().problems(&Problems::none()).is_empty());
    }

    #[test]
    fn a_password_is_never_sent_back() {
        let html = frame().field("password", "Password").kind("password").value("hunter2").to_string();
        assert!(!html.contains("hunter2"), "{html}");
    }

    #[test]
    fn hostile_values_stay_values() {
        let evil = "\"><script>";
        let field = frame().field("a", evil).value(evil).hint(evil).error(evil).with("title", evil);
        for kind in ["text", "area"] {
            assert!(!field.clone().kind(kind).to_string().contains("<script>"));
        }
        let choice = [Choice::new(evil, evil.to_owned())];
        assert!(!field.choices(choice).to_string().contains("<script>"));
        assert!(!frame().pin_field(evil, evil).as_str().contains("<script>"));
    }
}
