//! Relative links in Markdown lead somewhere, headings included.

use crate::ratchet::Finding;
use crate::tree::{File, Tree};

/// Finds links that lead nowhere.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let pages = tree.files.iter().filter(|file| file.path.ends_with(".md"));
    pages.flat_map(|page| check_page(tree, page)).collect()
}

fn check_page(tree: &Tree, page: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in prose(&page.text) {
        let broken = targets(text).filter(|target| !leads_somewhere(tree, page, target));
        findings.extend(broken.map(|target| {
            let message = format!("`{target}` leads nowhere");
            Finding::new("link", &page.path, line, target, message)
        }));
    }
    findings
}

/// Lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// What stands in `](…)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

fn leads_somewhere(tree: &Tree, page: &File, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let file = if path.is_empty() { page.path.clone() } else { join(folder, path) };
    let headed = || tree.text(&file).is_some_and(|text| anchors(text).iter().any(|known| known == anchor));
    tree.has(&file) && (anchor.is_empty() || !file.ends_with(".md") || headed())
}

fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let page = "# Top\n[a](b.md) [b](docs/b.md#its-heading) [c](#top) [d](https://x.y)\n```\n[e](f)\n```\n[g](docs/b.md#none)\n";
        let files =
            [("README.md", page), ("docs/b.md", "## Its heading\n[up](../README.md) [dir](../docs)\n")];
        assert_eq!(found(check, &files), ["README.md:2 b.md", "README.md:6 docs/b.md#none"]);
    }
}
