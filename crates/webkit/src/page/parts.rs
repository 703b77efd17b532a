//! Components: state badge, ids that copy, timeline, sortable table head, pager.

use std::fmt::Write;

use base::Timestamp;

use super::frame::Frame;
use super::html::{Html, escape};

/// The shape that stands for a state, beside its word: colour is never alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// ● It is done.
    Done,
    /// ◔ It waits for somebody else.
    Waiting,
    /// ◫ It is paused.
    Paused,
    /// ◑ Somebody has to look at it.
    Review,
    /// ✕ It was stopped.
    Stopped,
    /// ↺ It was given back.
    Returned,
    /// ○ It ended without effect.
    Closed,
}

impl From<&Mark> for Mark {
    fn from(mark: &Mark) -> Mark {
        *mark
    }
}

// Templates hand loop variables on by reference once more.
impl From<&&Mark> for Mark {
    fn from(mark: &&Mark) -> Mark {
        **mark
    }
}

impl Mark {
    /// Every mark.
    pub const ALL: [Mark; 7] =
        [Mark::Done, Mark::Waiting, Mark::Paused, Mark::Review, Mark::Stopped, Mark::Returned, Mark::Closed];

    /// The style sheet's class.
    pub fn class(self) -> &'static str {
        match self {
            Mark::Done => "done",
            Mark::Waiting => "waiting",
            Mark::Paused => "paused",
            Mark::Review => "review",
            Mark::Stopped => "stopped",
            Mark::Returned => "returned",
            Mark::Closed => "closed",
        }
    }

    /// The shape as inline SVG in the current text colour.
    pub fn svg(self) -> Html {
        let ring = "<circle cx=\"8\" cy=\"8\" r=\"6.8\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.8\"/>";
        let shape = match self {
            Mark::Done => "<circle cx=\"8\" cy=\"8\" r=\"7.5\" fill=\"currentColor\"/>".to_owned(),
            Mark::Waiting => {
                format!("{ring}<path d=\"M8 8V1.500A6.500 6.500 0 0 1 14.500 8z\" fill=\"currentColor\"/>")
            }
            Mark::Paused => {
                let path = "M1.500 1.500h13v13h-13zM8 1.500v13";
                format!("<path d=\"{path}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.8\"/>")
            }
            Mark::Review => {
                format!("{ring}<path d=\"M8 1.500a6.500 6.500 0 0 1 0 13z\" fill=\"currentColor\"/>")
            }
            Mark::Stopped => stroke("M2.500 2.500l11 11M13.500 2.500l-11 11"),
            Mark::Returned => stroke("M3.200 5.300A6.200 6.200 0 1 1 2 9.500M2.500 1.500v4.300h4.300"),
            Mark::Closed => ring.to_owned(),
        };
        Html::from_trusted(format!("<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\">{shape}</svg>"))
    }
}

fn stroke(path: &str) -> String {
    format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2.2\" stroke-linecap=\"round\"/>"
    )
}

/// One step of a timeline.
#[derive(Clone, Debug)]
pub struct Step {
    /// How it went.
    pub mark: Mark,
    /// What happened, in words.
    pub word: String,
    /// When; absent for what is still to come.
    pub at: Option<Timestamp>,
    /// A further sentence; may be empty.
    pub note: String,
}

/// The head of a table column by which rows can be sorted.
#[derive(Clone, Debug)]
pub struct SortHead {
    /// The column's name in words.
    pub name: String,
    /// Where a click leads: the same page sorted by this column, or turned round.
    pub href: String,
    /// How the rows are sorted by this column now.
    pub sorted: Sorted,
    /// Whether the column holds figures and is aligned right.
    pub figures: bool,
}

/// Whether and how rows are sorted by a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    /// Not by this column.
    No,
    /// Smallest or oldest first.
    Up,
    /// Largest or newest first.
    Down,
}

/// Links to the neighbouring pages of a list.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// How many rows this page shows.
    pub shown: usize,
    /// Back to the first page; empty when this is it.
    pub first_href: String,
    /// The next page; empty when this is the last.
    pub next_href: String,
}

impl Frame {
    /// A state: its shape and its word.
    pub fn badge(&self, mark: impl Into<Mark>, word: impl AsRef<str>) -> Html {
        let mark = mark.into();
        Html::from_trusted(format!(
            "<span class=\"state {}\">{}{}</span>",
            mark.class(),
            mark.svg(),
            escape(word.as_ref())
        ))
    }

    /// The large shape on a page that says one thing.
    pub fn face(&self, mark: impl Into<Mark>) -> Html {
        let mark = mark.into();
        let class = mark.class();
        let ring = "<circle cx=\"32\" cy=\"32\" r=\"30\" fill=\"currentColor\" opacity=\".13\"/>";
        let shape = match mark {
            Mark::Done => "M19 33l9 9 17-19",
            Mark::Waiting => "M32 17v15l10 6",
            Mark::Paused => "M25 21v22M39 21v22",
            Mark::Review => "M13 32q19-24 38 0q-19 24-38 0zM32 27a5 5 0 1 1-.1 0",
            Mark::Stopped => "M22 22l20 20M42 22L22 42",
            Mark::Returned => "M20 26a15 15 0 1 1-2 11M18 15v11h11",
            Mark::Closed => "M20 32h24",
        };
        Html::from_trusted(format!(
            "<svg class=\"face {class}\" viewBox=\"0 0 64 64\" aria-hidden=\"true\">{ring}<path d=\"{shape}\" fill=\"none\" \
             stroke=\"currentColor\" stroke-width=\"4\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>"
        ))
    }

    /// The sign of a verified identity.
    pub fn seal(&self, word: impl AsRef<str>) -> Html {
        let path = "M8 1l1.900 1.500 2.400-.2.700 2.300 2 1.300-.8 2.300.8 2.300-2 1.300-.7 2.300-2.400-.2L8 15.400l-1.900-1.500-2.400.2-.7-2.300-2-1.300.8-2.300L1 5.900l2-1.300.7-2.300 2.400.2z";
        Html::from_trusted(format!(
            "<span class=\"seal\"><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"{path}\" fill=\"currentColor\"/>\
             <path d=\"M5.200 8.200l2 2 3.600-4\" fill=\"none\" stroke-width=\"1.6\"/></svg>{}</span>",
            escape(word.as_ref())
        ))
    }

    /// An id in full that copies with one click where script runs, and can be selected where not.
    pub fn id(&self, id: impl AsRef<str>) -> Html {
        let id = escape(id.as_ref());
        let (word, done) = (self.t("frame-copy"), self.t("frame-copied"));
        Html::from_trusted(format!(
            "<span class=\"id whole\" data-copy=\"{id}\" data-word=\"{}\" data-done=\"{}\">{id}</span>",
            escape(&word),
            escape(&done)
        ))
    }

    /// An id shortened to its prefix and last six characters, in full on hover. For tables.
    pub fn id_short(&self, id: impl AsRef<str>) -> Html {
        let id = id.as_ref();
        let prefix = id.split_once('_').map_or("", |(prefix, _)| prefix);
        let tail: String = id.chars().skip(id.chars().count().saturating_sub(6)).collect();
        let shown = if prefix.is_empty() { tail } else { format!("{prefix}_…{tail}") };
        Html::from_trusted(format!("<span class=\"id\" title=\"{}\">{}</span>", escape(id), escape(&shown)))
    }

    /// What happened, oldest first.
    pub fn timeline(&self, steps: &[Step]) -> Html {
        let mut out = String::from("<ol class=\"line\">");
        for step in steps {
            let _ = write!(
                out,
                "<li class=\"{}\">{}<b>{}</b>",
                step.mark.class(),
                step.mark.svg(),
                escape(&step.word)
            );
            if let Some(at) = &step.at {
                let _ = write!(out, " <span class=\"soft small\">{}</span>", self.clock(at));
            }
            if !step.note.is_empty() {
                let _ = write!(out, "<div class=\"soft small\">{}</div>", escape(&step.note));
            }
            out.push_str("</li>");
        }
        out.push_str("</ol>");
        Html::from_trusted(out)
    }

    /// A column head that sorts.
    pub fn sort_head(&self, head: &SortHead) -> Html {
        let (aria, arrow) = match head.sorted {
            Sorted::No => ("none", ""),
            Sorted::Up => ("ascending", " ↑"),
            Sorted::Down => ("descending", " ↓"),
        };
        let class = if head.figures { " class=\"r fit\"" } else { "" };
        Html::from_trusted(format!(
            "<th scope=\"col\" aria-sort=\"{aria}\"{class}><a href=\"{}\">{}{arrow}</a></th>",
            escape(&head.href),
            escape(&head.name)
        ))
    }

    /// The foot of a list; nothing when there is a single page.
    pub fn pager(&self, pager: &Pager) -> Html {
        if pager.first_href.is_empty() && pager.next_href.is_empty() {
            return Html::default();
        }
        let link = |href: &str, rel: &str, word: String| match href {
            "" => String::from("<span></span>"),
            href => format!("<a rel=\"{rel}\" href=\"{}\">{}</a>", escape(href), escape(&word)),
        };
        Html::from_trusted(format!(
            "<nav class=\"pager\" aria-label=\"{}\">{}<span class=\"soft small\">{}</span>{}</nav>",
            escape(&self.t("frame-pages")),
            link(&pager.first_href, "first", self.t("frame-first")),
            escape(&self.t1("frame-shown", "n", pager.shown)),
            link(&pager.next_href, "next", self.t("frame-next"))
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::page::lang::{Lang, Texts};

    static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[]));

    fn frame() -> Frame {
        Frame::new(&TEXTS, Lang::En, Timestamp(0), "/")
    }

    #[test]
    fn hostile_words_stay_words_in_every_part() {
        let page = frame();
        let evil = "<script>\"'";
        let step = Step { mark: Mark::Done, word: evil.into(), at: None, note: evil.into() };
        let head = SortHead { name: evil.into(), href: evil.into(), sorted: Sorted::Up, figures: true };
        let pager = Pager { shown: 1, first_href: evil.into(), next_href: evil.into() };
        let all = [
            page.badge(Mark::Done, evil),
            page.seal(evil),
            page.id(evil),
            page.id_short(evil),
            page.timeline(&[step]),
            page.sort_head(&head),
            page.pager(&pager),
        ];
        for html in all {
            assert!(!html.as_str().contains("<script") && !html.as_str().contains("\"'"), "{html}");
        }
    }

    #[test]
    fn short_ids_keep_prefix_and_tail() {
        assert!(frame().id_short("pay_0123456789abcdef").as_str().contains(">pay_…abcdef<"));
        assert!(frame().id_short("茶茶").as_str().contains(">茶茶<"));
    }

    #[test]
    fn each_mark_has_its_own_shape() {
        let mut shapes: Vec<String> = Mark::ALL.iter().map(|mark| mark.svg().to_string()).collect();
        shapes.sort();
        shapes.dedup();
        assert_eq!(shapes.len(), Mark::ALL.len());
    }
}
