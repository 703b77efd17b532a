//! What tests of pages use: are the texts complete in both languages, is the markup sound.
//!
//! Not for the running program: these functions read the sources of templates from disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::assets;
use super::lang::{Lang, Texts};

const VOID: [&str; 10] = ["area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"];
const CALLS: [&str; 5] = [".t(\"", ".t1(\"", ".t2(\"", ".t_with(\"", "text_key(\""];

/// Complaints about a domain's texts: a key in one language only, other values in one language, a key that is used in
/// a template or source file below `folders` but does not exist. An empty list means all is well.
///
/// Uses are found as `.t("key"`, `.t1("key"`, `.t2("key"`, `.t_with("key"` and `text_key("key"`.
pub fn texts(texts: &Texts, en: &str, zh: &str, folders: &[&Path]) -> Vec<String> {
    let (en_keys, zh_keys) = (keys(en), keys(zh));
    let mut complaints = Vec::new();
    for (key, values) in &en_keys {
        match zh_keys.get(key) {
            None => complaints.push(format!("`{key}` has no Chinese text")),
            Some(other) if other != values => {
                complaints.push(format!("`{key}` uses {values:?} in English and {other:?} in Chinese"));
            }
            Some(_) => {}
        }
    }
    complaints.extend(
        zh_keys
            .keys()
            .filter(|key| !en_keys.contains_key(*key))
            .map(|key| format!("`{key}` has no English text")),
    );
    for (key, file) in used_keys(folders) {
        if !texts.has(Lang::En, &key) {
            complaints.push(format!("`{key}` is used in {file} but does not exist"));
        }
    }
    complaints
}

/// Keys of `en` that no file below `folders` mentions at all, as text that may be deleted.
pub fn unused_texts(en: &str, folders: &[&Path]) -> Vec<String> {
    let mut all = String::new();
    visit(folders, &mut |_, text| all.push_str(text));
    keys(en).into_keys().filter(|key| !all.contains(key.as_str())).collect()
}

/// The keys of a Fluent text with the values each one uses.
fn keys(ftl: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    let mut current = String::new();
    for line in ftl.lines() {
        let starts_key = line.starts_with(|first: char| first.is_ascii_alphabetic());
        if starts_key && let Some((key, _)) = line.split_once('=') {
            current = key.trim().to_owned();
            found.insert(current.clone(), BTreeSet::new());
        }
        for rest in line.split('$').skip(1) {
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
            found.entry(current.clone()).or_default().insert(name);
        }
    }
    found
}

fn used_keys(folders: &[&Path]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    visit(folders, &mut |file, text| {
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for call in CALLS {
            for rest in code.split(call).skip(1) {
                let key = rest.split('"').next().unwrap_or("");
                if key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !key.is_empty() {
                    found.push((key.to_owned(), file.to_owned()));
                }
            }
        }
    });
    found
}

fn visit(folders: &[&Path], work: &mut dyn FnMut(&str, &str)) {
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                visit(&[&path], work);
            } else if path.extension().is_some_and(|kind| kind == "html" || kind == "rs")
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                work(&path.display().to_string(), &text);
            }
        }
    }
}

/// Complaints about a whole page: all of [`fragment`]'s, and a missing title, language, heading or main part.
pub fn page(html: &str) -> Vec<String> {
    let mut complaints = fragment(html);
    for (needle, what) in [
        ("<!doctype html>", "no doctype"),
        ("<html lang=\"", "no language"),
        ("<title>", "no title"),
        ("<main id=\"main\"", "no main part"),
        ("name=\"viewport\"", "no viewport"),
    ] {
        if !html.contains(needle) {
            complaints.push(what.to_owned());
        }
    }
    if html.matches("<h1").count() != 1 {
        complaints.push(format!("{} first-level headings, not one", html.matches("<h1").count()));
    }
    complaints
}

/// What a buyer's phone loads for one page, in bytes, without compression.
pub const BUYER_PAGE_MAX_BYTES: usize = 40 * 1024;

/// Complaints about pages by the name of their file: all of [`page`]'s, a text that is missing, a buyer's page that with
/// all it loads passes [`BUYER_PAGE_MAX_BYTES`].
pub fn gallery(pages: &[(String, String)]) -> Vec<String> {
    let files = assets::css().body.len() + assets::buyer_js().body.len() + assets::mark().body.len();
    let mut complaints = Vec::new();
    for (name, html) in pages {
        complaints.extend(page(html).into_iter().map(|complaint| format!("{name}: {complaint}")));
        let words = without_patterns(html);
        if let Some((_, rest)) = words.split_once('[') {
            complaints.push(format!(
                "{name}: shows a missing text `[{}`",
                rest.chars().take(60).collect::<String>()
            ));
        }
        let bytes = html.len() + files;
        if html.contains("class=\"buyer\"") && bytes > BUYER_PAGE_MAX_BYTES {
            complaints.push(format!("{name}: a buyer's phone loads {bytes} bytes"));
        }
    }
    complaints
}

/// The page without the patterns of its fields, which may hold brackets.
fn without_patterns(html: &str) -> String {
    let mut parts = html.split(" pattern=\"");
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        words.push_str(part.split_once('"').map_or("", |(_, rest)| rest));
    }
    words
}

/// Complaints about markup: an inline style, script or handler (the content policy refuses them), an unclosed or
/// crossed element, an image without text, a field without label, an id twice, a text that is missing.
pub fn fragment(html: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut ids = BTreeSet::new();
    for tag in tags(html) {
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name.trim()) {
                complaints.push(format!("</{name}> closes something else"));
            }
            continue;
        }
        check_tag(tag, html, &mut complaints, &mut ids);
        let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    complaints.extend(open.iter().map(|name| format!("<{name}> is never closed")));
    complaints
}

fn check_tag(tag: &str, html: &str, complaints: &mut Vec<String>, ids: &mut BTreeSet<String>) {
    let has = |attribute: &str| tag.contains(&format!(" {attribute}="));
    if has("style")
        || tag.contains(" on")
            && [" onclick=", " onload=", " onsubmit=", " onerror="].iter().any(|on| tag.contains(on))
    {
        complaints.push(format!("<{tag}> has an inline style or handler"));
    }
    if tag == "style" || tag.starts_with("script") && !has("src") {
        complaints.push(format!("<{tag}> is inline"));
    }
    if tag.starts_with("img") && !has("alt") {
        complaints.push(format!("<{tag}> has no alternative text"));
    }
    let field = ["input", "select", "textarea"].iter().any(|kind| tag.starts_with(kind));
    let id = tag.split(" id=\"").nth(1).and_then(|rest| rest.split('"').next());
    if field && !tag.contains("type=\"hidden\"") && !has("aria-label") {
        let labelled = id.is_some_and(|id| html.contains(&format!("for=\"{id}\"")));
        if !labelled {
            complaints.push(format!("<{tag}> has no label"));
        }
    }
    if let Some(id) = id
        && !ids.insert(id.to_owned())
    {
        complaints.push(format!("id `{id}` is there twice"));
    }
}

fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter(|rest| !rest.starts_with('!'))
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_own_texts_are_complete() {
        let (en, zh) = (include_str!("../../locales/en.ftl"), include_str!("../../locales/zh.ftl"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (templates, sources) = (root.join("templates"), root.join("src/page"));
        let folders = [templates.as_path(), sources.as_path()];
        assert_eq!(texts(&Texts::new(&[]), en, zh, &folders), Vec::<String>::new());
        assert_eq!(unused_texts(en, &folders), Vec::<String>::new());
    }

    #[test]
    fn incomplete_texts_are_found() {
        let texts_of = Texts::new(&[("a = { $n } x\nb = y", "a = { $m } x\nc = z")]);
        let complaints = texts(&texts_of, "a = { $n } x\nb = y", "a = { $m } x\nc = z", &[]);
        assert_eq!(complaints.len(), 3, "{complaints:?}");
    }

    #[test]
    fn unsound_markup_is_found() {
        for bad in [
            "<p style=\"x\"></p>",
            "<script>x</script>",
            "<button onclick=\"x\"></button>",
            "<p><b></p></b>",
            "<p>",
            "<img src=\"x\">",
            "<input name=\"x\">",
            "<p id=\"a\"></p><p id=\"a\"></p>",
        ] {
            assert!(!fragment(bad).is_empty(), "{bad}");
        }
        assert_eq!(fragment("<p>a<br>b</p><script src=\"x\"></script>"), Vec::<String>::new());
    }
}
