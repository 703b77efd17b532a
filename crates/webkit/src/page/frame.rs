//! The frame of a page: language, zone, time of the request, where one is, who is signed in, what just happened.
//!
//! Every view struct has a field `page: Frame`; templates call its methods for texts, money, times and components, so that
//! they look the same everywhere and follow the visitor's language.

use base::{Money, Timestamp};

use super::assets;
use super::html::{Html, escape, query_escape};
use super::lang::{Arg, Lang, Texts};
use super::when::{self, Zone};

/// Where the desk begins.
const DESK: &str = "/desk";

/// What all pages share. Built once per request.
#[derive(Clone)]
pub struct Frame {
    /// The visitor's language.
    pub lang: Lang,
    /// The instant of the request; relative times count from it.
    pub now: Timestamp,
    /// The shop's zone.
    pub zone: Zone,
    /// Path and query of this page, for the language switch and the mark on the current section.
    pub path: String,
    /// Value of the hidden field `csrf` in every form; empty where none is used.
    pub csrf: String,
    /// What just happened, said once on top of the page.
    pub flash: Option<Flash>,
    /// The bar of the shop's desk; absent on buyer pages and before sign-in.
    pub desk: Option<Desk>,
    /// Address of the event stream that keeps this page fresh; empty for none.
    pub live: String,
    /// Where a page without [`Desk`] posts to sign out; empty where nobody is signed in.
    pub sign_out_href: String,
    /// For pages that wait: without script the page reloads after so many seconds; 0 for never.
    pub refresh_seconds: u32,
    texts: &'static Texts,
}

/// A message about what just happened.
#[derive(Clone, Debug)]
pub struct Flash {
    /// How it is coloured: `good`, `bad`, `amber`, or empty for neutral.
    pub tone: &'static str,
    /// The sentence.
    pub text: String,
}

impl Flash {
    /// Something went well.
    pub fn good(text: String) -> Flash {
        Flash { tone: "good", text }
    }

    /// Something did not happen.
    pub fn bad(text: String) -> Flash {
        Flash { tone: "bad", text }
    }
}

/// The bar of the shop's desk.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    /// The shop's name.
    pub shop: String,
    /// The signed-in member.
    pub who: String,
    /// The member's role in words.
    pub role: String,
    /// Where the sign-out form posts to.
    pub sign_out_href: String,
    /// The groups of sections this member may open, none of them empty.
    pub groups: Vec<Group>,
    /// What is the member's own, in the menu under their name.
    pub own: Vec<Section>,
}

impl Desk {
    /// How many things wait in all sections.
    pub fn count(&self) -> u64 {
        self.groups.iter().map(Group::count).sum()
    }
}

/// Sections that belong together. One alone is a link of the bar, several are a menu.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name in the visitor's language.
    pub name: String,
    /// Its sections.
    pub sections: Vec<Section>,
}

impl Group {
    /// The section that is alone in it.
    pub fn alone(&self) -> Option<&Section> {
        match self.sections.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// How many things wait in all of its sections.
    pub fn count(&self) -> u64 {
        self.sections.iter().map(|section| section.count).sum()
    }
}

/// A section of the desk.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name in the visitor's language.
    pub name: String,
    /// Its address. The section whose address is the longest prefix of the page's path is marked as current.
    pub href: String,
    /// The address of further pages that belong to it.
    pub also: Option<&'static str>,
    /// How many things wait there; 0 shows nothing.
    pub count: u64,
}

impl Section {
    /// A section in which nothing waits.
    pub fn new(name: String, href: &str) -> Section {
        Section { name, href: href.to_owned(), also: None, count: 0 }
    }

    /// The same section, to which the pages at `href` belong as well.
    pub fn with_also(self, also: Option<&'static str>) -> Section {
        Section { also, ..self }
    }

    /// The same section with `count` things that wait for the member.
    pub fn with_count(self, count: u64) -> Section {
        Section { count, ..self }
    }

    /// How many letters of `path` its address covers. The desk's own address covers itself alone.
    fn reach(&self, path: &str) -> Option<usize> {
        let covers = |href: &str| {
            let below = href != DESK && path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/'));
            (path == href || below).then_some(href.len())
        };
        covers(&self.href).max(self.also.and_then(covers))
    }
}

impl Frame {
    /// A frame for a page at `path` (path and query) in UTC, without desk.
    pub fn new(texts: &'static Texts, lang: Lang, now: Timestamp, path: &str) -> Frame {
        Frame {
            lang,
            now,
            zone: Zone::default(),
            path: path.to_owned(),
            csrf: String::new(),
            flash: None,
            desk: None,
            live: String::new(),
            sign_out_href: String::new(),
            refresh_seconds: 0,
            texts,
        }
    }

    /// The same frame with another domain's texts, for a page composed across domains.
    pub fn with_texts(self, texts: &'static Texts) -> Frame {
        Frame { texts, ..self }
    }

    /// The text for `key`.
    pub fn t(&self, key: impl AsRef<str>) -> String {
        self.texts.text(self.lang, key.as_ref(), &[])
    }

    /// Whether there is a text for `key`.
    pub fn has(&self, key: &str) -> bool {
        self.texts.has(self.lang, key)
    }

    /// The text for `key` with one value.
    pub fn t1(&self, key: impl AsRef<str>, name: &str, value: impl Arg) -> String {
        self.texts.text(self.lang, key.as_ref(), &[(name, &value)])
    }

    /// The text for `key` with two values.
    pub fn t2(&self, key: impl AsRef<str>, a: &str, a_value: impl Arg, b: &str, b_value: impl Arg) -> String {
        self.texts.text(self.lang, key.as_ref(), &[(a, &a_value), (b, &b_value)])
    }

    /// The text for `key` with any number of values.
    pub fn t_with(&self, key: impl AsRef<str>, args: &[(&str, &dyn Arg)]) -> String {
        self.texts.text(self.lang, key.as_ref(), args)
    }

    /// A whole number with its thousands separated.
    pub fn count(&self, n: &u64) -> String {
        super::chart::grouped(*n as f64)
    }

    /// An amount as plain text: `¥1,280.00`, `−US$3.50`.
    pub fn amount(&self, money: &Money) -> String {
        money.to_string().replacen('-', "\u{2212}", 1)
    }

    /// An amount in tabular figures that never breaks over lines.
    pub fn money(&self, money: &Money) -> Html {
        Html::from_trusted(format!("<span class=\"money\">{}</span>", escape(&self.amount(money))))
    }

    /// A time as people read it, with the exact one on hover and in `datetime`.
    pub fn time(&self, at: &Timestamp) -> Html {
        self.time_element(*at, &when::relative(self.lang, &self.zone, self.now, *at))
    }

    /// Day and time to the second.
    pub fn exact(&self, at: &Timestamp) -> Html {
        self.time_element(*at, &when::exact(self.lang, &self.zone, *at))
    }

    /// The time of the day to the second.
    pub fn clock(&self, at: &Timestamp) -> Html {
        self.time_element(*at, &when::clock_seconds(&self.zone, *at))
    }

    /// Day and time to the second as plain text.
    pub fn exact_text(&self, at: &Timestamp) -> String {
        when::exact(self.lang, &self.zone, *at)
    }

    /// The time left until `at` or the time since, as plain text.
    pub fn relative_text(&self, at: &Timestamp) -> String {
        when::relative(self.lang, &self.zone, self.now, *at)
    }

    fn time_element(&self, at: Timestamp, shown: &str) -> Html {
        let title = format!("{} ({})", when::exact(self.lang, &self.zone, at), self.zone.name());
        Html::from_trusted(format!(
            "<time datetime=\"{}\" title=\"{}\">{}</time>",
            at.to_rfc3339(),
            escape(&title),
            escape(shown)
        ))
    }

    /// The hidden field of a form that proves it came from this page; nothing when no token is used.
    pub fn csrf_field(&self) -> Html {
        if self.csrf.is_empty() {
            return Html::default();
        }
        Html::from_trusted(format!("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", escape(&self.csrf)))
    }

    /// The address of this page in another language; every other part of the address stays.
    pub fn lang_href(&self, lang: &Lang) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let mut pairs: Vec<&str> =
            query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang=")).collect();
        let wanted = format!("lang={}", lang.code());
        pairs.push(&wanted);
        format!("{path}?{}", pairs.join("&"))
    }

    /// The address of this page with one query value set, or left out when `value` is empty. `page` cursors are dropped,
    /// since they belong to the old filter.
    pub fn href_with(&self, name: &str, value: &str) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let is = |pair: &str, key: &str| pair.strip_prefix(key).is_some_and(|rest| rest.starts_with('='));
        let mut pairs: Vec<String> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !is(pair, name) && !is(pair, "cursor"))
            .map(str::to_owned)
            .collect();
        if !value.is_empty() {
            pairs.push(format!("{name}={}", query_escape(value)));
        }
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }

    /// Whether `section` is where this page lives.
    pub fn is_current(&self, section: &Section) -> bool {
        let path = self.path.split('?').next().unwrap_or("");
        let longest = self.list_sections().filter_map(|other| other.reach(path)).max();
        longest.is_some() && section.reach(path) == longest
    }

    /// Whether this page lives in one of the sections of `group`.
    pub fn is_within(&self, group: &Group) -> bool {
        group.sections.iter().any(|section| self.is_current(section))
    }

    /// The name of the section where this page lives; empty when it lives in none.
    pub fn whereabouts(&self) -> &str {
        let current = self.list_sections().find(|section| self.is_current(section));
        current.map_or("", |section| section.name.as_str())
    }

    /// How many things wait, as a badge; nothing for none.
    pub fn waiting(&self, count: impl std::borrow::Borrow<u64>) -> Html {
        let count = *count.borrow();
        if count == 0 {
            return Html::default();
        }
        let words = escape(&self.t1("frame-waiting", "n", count)).to_string();
        let shown = self.count(&count);
        Html::from_trusted(format!(
            " <span class=\"count\"><span aria-hidden=\"true\">{shown}</span><span class=\"hush\">{words}</span></span>"
        ))
    }

    fn list_sections(&self) -> impl Iterator<Item = &Section> {
        let groups = self.desk.iter().flat_map(|desk| &desk.groups);
        groups.flat_map(|group| &group.sections).chain(self.desk.iter().flat_map(|desk| &desk.own))
    }

    /// The other languages, for the switch.
    pub fn other_langs(&self) -> Vec<Lang> {
        Lang::ALL.into_iter().filter(|lang| *lang != self.lang).collect()
    }

    /// Address of the style sheet.
    pub fn css(&self) -> &'static str {
        &assets::css().href
    }

    /// Address of what the desk needs beside the style sheet.
    pub fn desk_css(&self) -> &'static str {
        &assets::desk_css().href
    }

    /// The element that loads one of our scripts, with its integrity: `page.script(page.buyer_js())`.
    pub fn script(&self, href: &str) -> Html {
        super::scripts::element(href)
    }

    /// Address of the script of pages about one's own account.
    pub fn person_js(&self) -> &'static str {
        &assets::person_js().href
    }

    /// Address of the buyer pages' script.
    pub fn buyer_js(&self) -> &'static str {
        &assets::buyer_js().href
    }

    /// Address of the desk pages' script.
    pub fn desk_js(&self) -> &'static str {
        &assets::desk_js().href
    }

    /// Address of the script of forms that ask for a passkey.
    pub fn passkey_js(&self) -> &'static str {
        &assets::passkey_js().href
    }

    /// Address of the script that asks a payer for their place.
    pub fn place_js(&self) -> &'static str {
        &assets::place_js().href
    }

    /// Address of the mark.
    pub fn mark_href(&self) -> &'static str {
        &assets::mark().href
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use base::Currency;

    use super::*;

    static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[]));

    fn desk_of(sections: Vec<Section>) -> Desk {
        Desk { groups: vec![Group { name: "all".into(), sections }], ..Desk::default() }
    }

    fn frame(path: &str) -> Frame {
        Frame::new(&TEXTS, Lang::En, Timestamp(1_772_357_400_000), path)
    }

    #[test]
    fn the_language_switch_keeps_the_rest_of_the_address() {
        assert_eq!(frame("/desk?state=paid&lang=en").lang_href(&Lang::Zh), "/desk?state=paid&lang=zh");
        assert_eq!(frame("/desk").lang_href(&Lang::Zh), "/desk?lang=zh");
    }

    #[test]
    fn a_new_filter_starts_at_the_first_page() {
        let page = frame("/desk?state=paid&cursor=abc");
        assert_eq!(page.href_with("state", "tea & co"), "/desk?state=tea%20%26%20co");
        assert_eq!(page.href_with("state", ""), "/desk");
    }

    #[test]
    fn only_the_nearest_section_is_current() {
        let mut page = frame("/desk/payments/pay_1?x=1");
        let names = ["/desk", "/desk/pay", "/desk/payments", "/desk/payments/refunds"];
        let sections = names.map(|href| Section::new(href.into(), href));
        page.desk = Some(desk_of(sections.to_vec()));
        let current: Vec<bool> = sections.iter().map(|section| page.is_current(section)).collect();
        assert_eq!(current, [false, false, true, false]);
        assert_eq!(page.whereabouts(), "/desk/payments");
    }

    #[test]
    fn a_page_of_no_section_marks_none_and_one_that_belongs_to_another_marks_that() {
        let sections = vec![
            Section::new("a".into(), "/desk"),
            Section::new("b".into(), "/desk/members").with_also(Some("/desk/roles")),
        ];
        let within = |path: &str| {
            let mut page = frame(path);
            page.desk = Some(desk_of(sections.clone()));
            let marked: Vec<bool> = sections.iter().map(|section| page.is_current(section)).collect();
            (marked, page.desk.iter().flat_map(|desk| &desk.groups).any(|group| page.is_within(group)))
        };
        assert_eq!(within("/desk?lang=zh"), (vec![true, false], true));
        assert_eq!(within("/desk/password"), (vec![false, false], false));
        assert_eq!(within("/desk/roles/rol_1"), (vec![false, true], true));
        assert_eq!(within("/desk/rolesome"), (vec![false, false], false));
    }

    #[test]
    fn a_group_counts_what_waits_in_it_and_one_section_alone_is_a_link() {
        let two =
            vec![Section::new("a".into(), "/a").with_count(2), Section::new("b".into(), "/b").with_count(3)];
        let group = Group { name: "all".into(), sections: two.clone() };
        assert_eq!((group.count(), group.alone().is_some()), (5, false));
        let one = Group { name: "one".into(), sections: two.into_iter().take(1).collect() };
        assert_eq!(one.alone().map(|section| section.href.as_str()), Some("/a"));
    }

    #[test]
    fn amounts_and_times_are_marked_up() {
        let page = frame("/");
        let money = page.money(&Money::new(-128_000, Currency::CNY));
        assert_eq!(money.as_str(), "<span class=\"money\">−¥1,280.00</span>");
        let time = page.time(&Timestamp(1_772_357_400_000 - 240_000));
        assert_eq!(
            time.as_str(),
            "<time datetime=\"2026-03-01T09:26:00.000Z\" title=\"1 Mar 2026, 09:26:00 (UTC)\">4 min ago</time>"
        );
    }
}
