//! Two languages: which one a visitor reads, and the texts of each domain in both.
//!
//! A domain hands its Fluent files to [`Texts::new`] once, in a `LazyLock`. Texts are plain text: what they return is
//! escaped like any other value. Whatever depends on a count uses Fluent's plural forms.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, HeaderValue, header, request::Parts};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use crate::cookies::Cookie;

/// Longest `Accept-Language` header that is looked at, in bytes.
pub const ACCEPT_LANGUAGE_MAX_BYTES: usize = 1_024;

/// Keeps the language that somebody chose for a year.
pub const LANGUAGE: Cookie = Cookie::kept("lang", 365 * 86_400);

const OWN: (&str, &str) = (include_str!("../../locales/en.ftl"), include_str!("../../locales/zh.ftl"));

/// A language the pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// Every language, in the order in which the switch shows them.
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Zh];

    /// The short code used in the address and the cookie: `en`, `zh`.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh",
        }
    }

    /// The tag for the `lang` attribute.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh-Hans",
        }
    }

    /// The language's name in itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Lang::En => "English",
            Lang::Zh => "中文",
        }
    }

    /// Reads a code or tag by its first part: `zh-TW` is `Zh`, `en-GB` is `En`.
    pub fn from_tag(tag: &str) -> Option<Lang> {
        let first = tag.trim().split(['-', '_']).next().unwrap_or("");
        Lang::ALL.into_iter().find(|lang| first.eq_ignore_ascii_case(lang.code()))
    }

    /// The visitor's language: the address wins over the cookie, the cookie over the browser's wish, then English.
    pub fn choose(query: Option<&str>, cookies: Option<&str>, accepted: Option<&str>) -> Lang {
        query
            .and_then(lang_in_query)
            .or_else(|| cookies.and_then(lang_in_cookies))
            .or_else(|| accepted.and_then(lang_accepted))
            .unwrap_or_default()
    }

    fn of_request(query: Option<&str>, headers: &HeaderMap) -> Lang {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        Lang::choose(query, text(header::COOKIE), text(header::ACCEPT_LANGUAGE))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Lang {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Lang, Infallible> {
        Ok(Lang::of_request(parts.uri.query(), &parts.headers))
    }
}

fn lang_in_query(query: &str) -> Option<Lang> {
    query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Lang::from_tag)
}

fn lang_in_cookies(cookies: &str) -> Option<Lang> {
    cookies
        .split(';')
        .find_map(|pair| pair.trim().trim_start_matches("__Host-").strip_prefix("lang="))
        .and_then(Lang::from_tag)
}

fn lang_accepted(accepted: &str) -> Option<Lang> {
    if accepted.len() > ACCEPT_LANGUAGE_MAX_BYTES {
        return None;
    }
    let mut best: Option<(Lang, f32)> = None;
    for wish in accepted.split(',') {
        let (tag, params) = wish.split_once(';').unwrap_or((wish, ""));
        let weight = params.trim().strip_prefix("q=").map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if let Some(lang) = Lang::from_tag(tag)
            && weight > best.map_or(0.0, |(_, most)| most)
        {
            best = Some((lang, weight));
        }
    }
    best.map(|(lang, _)| lang)
}

/// A value that can stand in a text: words, whole numbers.
pub trait Arg {
    /// The value as Fluent wants it; numbers choose plural forms.
    fn value(&self) -> FluentValue<'_>;
}

impl Arg for str {
    fn value(&self) -> FluentValue<'_> {
        FluentValue::from(self)
    }
}

impl Arg for String {
    fn value(&self) -> FluentValue<'_> {
        FluentValue::from(self.as_str())
    }
}

impl<T: Arg + ?Sized> Arg for &T {
    fn value(&self) -> FluentValue<'_> {
        (**self).value()
    }
}

macro_rules! number_args {
    ($($kind:ty),+) => {$(
        impl Arg for $kind {
            fn value(&self) -> FluentValue<'_> {
                FluentValue::from(*self)
            }
        }
    )+};
}
number_args!(i32, i64, u32, u64, usize);

/// The texts of one domain in both languages, together with those of the page frame. Parsed once, read by all threads.
pub struct Texts {
    en: FluentBundle<FluentResource>,
    zh: FluentBundle<FluentResource>,
}

impl Texts {
    /// Parses pairs of (English, Chinese) Fluent texts. The frame's own texts are always included.
    ///
    /// # Panics
    /// When a text is not valid Fluent or a key comes twice: the texts are part of the program.
    pub fn new(pairs: &[(&str, &str)]) -> Texts {
        let all = || std::iter::once(&OWN).chain(pairs);
        Texts {
            en: bundle(Lang::En, all().map(|pair| pair.0)),
            zh: bundle(Lang::Zh, all().map(|pair| pair.1)),
        }
    }

    /// The text for `key`. A missing key is logged and shown in brackets; [`crate::page::check::texts`] finds it in a test.
    pub fn text(&self, lang: Lang, key: &str, args: &[(&str, &dyn Arg)]) -> String {
        let bundle = self.bundle(lang);
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            tracing::error!(key, lang = lang.code(), "text is missing");
            return format!("[{key}]");
        };
        let mut values = FluentArgs::with_capacity(args.len());
        for (name, arg) in args {
            values.set(*name, arg.value());
        }
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&values), &mut errors).into_owned();
        if !errors.is_empty() {
            tracing::error!(key, lang = lang.code(), ?errors, "text lacks a value");
        }
        text
    }

    /// Whether `key` exists in `lang`.
    pub fn has(&self, lang: Lang, key: &str) -> bool {
        self.bundle(lang).has_message(key)
    }

    fn bundle(&self, lang: Lang) -> &FluentBundle<FluentResource> {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

fn bundle<'a>(lang: Lang, sources: impl Iterator<Item = &'a str>) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![lang.tag().parse().unwrap_or_default()]);
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(|value, _| match value {
        FluentValue::Number(number) => Some(super::chart::grouped(number.value)),
        _ => None,
    }));
    for source in sources {
        let (resource, errors) = match FluentResource::try_new(source.to_owned()) {
            Ok(resource) => (resource, Vec::new()),
            Err((resource, errors)) => (resource, errors),
        };
        assert!(errors.is_empty(), "texts for {} are not valid fluent: {errors:?}", lang.code());
        let added = bundle.add_resource(resource);
        assert!(added.is_ok(), "texts for {} hold a key twice: {added:?}", lang.code());
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_wins_over_cookie_over_browser() {
        let choose = Lang::choose;
        assert_eq!(choose(Some("a=1&lang=zh"), Some("lang=en"), Some("en")), Lang::Zh);
        assert_eq!(choose(Some("a=1"), Some("x=y; lang=zh"), Some("en")), Lang::Zh);
        assert_eq!(choose(None, Some("__Host-lang=zh"), Some("en")), Lang::Zh);
        assert_eq!(choose(None, None, Some("fr, zh-CN;q=0.8, en;q=0.7")), Lang::Zh);
        assert_eq!(choose(None, None, Some("zh;q=0.2, en-GB")), Lang::En);
        assert_eq!(choose(None, None, Some("fr, zh;q=abc")), Lang::En);
        assert_eq!(choose(Some("lang=xx"), None, None), Lang::En);
    }

    #[test]
    fn a_huge_wish_list_is_not_read() {
        let fits = format!("zh{}", " ".repeat(ACCEPT_LANGUAGE_MAX_BYTES - 2));
        assert_eq!(Lang::choose(None, None, Some(&fits)), Lang::Zh);
        assert_eq!(Lang::choose(None, None, Some(&format!("{fits} "))), Lang::En);
    }

    #[test]
    fn counts_choose_their_plural() {
        let texts =
            Texts::new(&[("n = { $n ->\n   [one] one row\n  *[other] { $n } rows\n }", "n = { $n } 行")]);
        assert_eq!(texts.text(Lang::En, "n", &[("n", &1i64)]), "one row");
        assert_eq!(texts.text(Lang::En, "n", &[("n", &12_400i64)]), "12,400 rows");
        assert_eq!(texts.text(Lang::Zh, "n", &[("n", &12i64)]), "12 行");
        assert_eq!(texts.text(Lang::Zh, "absent", &[]), "[absent]");
    }
}
