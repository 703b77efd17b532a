//! Fetches payment pages and what they load through their public address, as a payer's browser would, and compares all of
//! it with what this program sends.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use webkit::page::assets::{self, Asset, integrity_of};
use webkit::page::scripts::list_payment_scripts;
use webkit::request::REPORTS_PATH;

use super::browser::{Browser, Shown};
use super::{FETCH_SECONDS_MAX, FINDINGS_MAX, Finding, RECEIVED_BYTES_MAX, headers, markup, shown};
use crate::key_source::install_tls;

/// The page at which payers sign in, before they type their PIN.
pub const SIGN_IN: &str = "/me/sign-in";

/// The pages that every installation has, in the order of a payer: the door, and the PIN page as a specimen.
pub fn list_pages() -> [String; 2] {
    [SIGN_IN, payments::desk::SPECIMEN].map(str::to_owned)
}

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Pages that were looked at.
    pub pages: usize,
    /// Those of them that a browser showed, with their scripts run.
    pub pages_run: usize,
    /// Files that were looked at.
    pub files: usize,
    /// What is not as it should be, each once.
    pub findings: Vec<Finding>,
}

/// Why there was no look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VisitError {
    /// The address.
    #[error("`{0}` is no address of a page; give one such as https://pay.shop.example")]
    Address(String),
    /// The authority.
    #[error("`{0}` cannot be used as the authority of the page's certificate")]
    Authority(String),
    /// Nothing came, or no page.
    #[error("`{path}` was not reached: {why}")]
    Unreached {
        /// The page or file.
        path: String,
        /// Why not.
        why: String,
    },
}

/// Who looks.
pub struct Visitor {
    client: Client,
    base: Url,
    browser: Option<Browser>,
}

impl Visitor {
    /// Of the installation at `url`. With `authority` its certificate alone is believed in place of the system's.
    ///
    /// # Errors
    /// [`VisitError::Address`], [`VisitError::Authority`].
    pub fn new(url: &str, authority: Option<&Path>) -> Result<Visitor, VisitError> {
        install_tls();
        let base =
            Url::parse(url).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
        let base = base.ok_or_else(|| VisitError::Address(shown(url)))?;
        let builder =
            Client::builder().timeout(Duration::from_secs(FETCH_SECONDS_MAX)).redirect(Policy::none());
        let builder = match authority {
            None => builder,
            Some(path) => {
                let refused = || VisitError::Authority(path.display().to_string());
                let pem = std::fs::read(path).map_err(|_| refused())?;
                let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| refused())?;
                builder.tls_certs_only(found)
            }
        };
        let unmade = |_| VisitError::Address(shown(url));
        Ok(Visitor { client: builder.build().map_err(unmade)?, base, browser: None })
    }

    /// The same with a browser, where there is one, that runs the scripts of each page.
    #[must_use]
    pub fn with_browser(self, browser: Option<Browser>) -> Visitor {
        Visitor { browser, ..self }
    }

    /// The page that the address itself names, where it names one.
    pub fn named_page(&self) -> Option<String> {
        (self.base.path() != "/").then(|| self.base.path().to_owned())
    }

    /// Looks at these pages and at every script of the inventory.
    ///
    /// # Errors
    /// [`VisitError::Unreached`]; what was found before that is not told.
    pub async fn look(&self, paths: &[String]) -> Result<Seen, VisitError> {
        let mut findings = BTreeSet::new();
        let mut files: BTreeSet<String> =
            list_payment_scripts().iter().map(|script| script.file.href.clone()).collect();
        let (mut pages_run, mut is_shown) = (0, self.browser.is_some());
        for path in paths {
            let html = self.look_at_page(path, &mut findings).await?;
            // A browser that fails is not waited for once more: the program may be asked to stop meanwhile.
            if is_shown {
                let run = self.run_page(path).await;
                is_shown = run.is_ok();
                pages_run += usize::from(is_shown);
                findings.extend(run.unwrap_or_else(|why| vec![Finding::Unshown(why)]));
            }
            let loaded = markup::files(&html);
            files.extend(loaded.into_iter().filter(|href| find_asset(href).is_some()));
        }
        for href in &files {
            if let Some(asset) = find_asset(href) {
                self.look_at_file(asset, &mut findings).await?;
            }
        }
        Ok(Seen {
            pages: paths.len(),
            pages_run,
            files: files.len(),
            findings: findings.into_iter().collect(),
        })
    }

    async fn look_at_page(&self, path: &str, findings: &mut BTreeSet<Finding>) -> Result<String, VisitError> {
        let got = self.fetch(path).await?;
        if got.status.is_redirection() {
            findings.insert(Finding::Redirect(shown(&got.location)));
            return Ok(String::new());
        }
        if !got.status.is_success() {
            return Err(unreached(path, &format!("it answered {}", got.status.as_u16())));
        }
        findings.extend(headers::compare(&got.headers, self.base.scheme() == "https"));
        let html = match String::from_utf8(got.body) {
            Ok(html) if html.contains("<main id=\"main\"") => html,
            _ => {
                findings.insert(Finding::NotAPage("its text is none of ours".to_owned()));
                return Ok(String::new());
            }
        };
        findings.extend(markup::compare(&html, &self.base.origin().ascii_serialization()));
        Ok(html)
    }

    /// What is not ours in the page once its scripts ran in the browser; or why it did not show it.
    async fn run_page(&self, path: &str) -> Result<Vec<Finding>, String> {
        let Some(browser) = self.browser.clone() else { return Ok(Vec::new()) };
        let url = self.base.join(path).map_err(|_| "it is no address".to_owned())?;
        let shown = tokio::task::spawn_blocking(move || browser.show(&url)).await;
        let Shown { html, requests } = shown.map_err(|_| "the look broke off".to_owned())??;
        if !html.contains("<main id=\"main\"") {
            return Ok(vec![Finding::NotAPage("what the browser shows is none of ours".to_owned())]);
        }
        let foreign = requests.iter().filter_map(|request| self.judge_request(request));
        let foreign: BTreeSet<Finding> = foreign.take(FINDINGS_MAX).collect();
        let origin = self.base.origin().ascii_serialization();
        Ok(markup::compare(&html, &origin).into_iter().chain(foreign).collect())
    }

    /// A page asks for our files and reports what was stopped, and nothing else.
    fn judge_request(&self, request: &str) -> Option<Finding> {
        let url = Url::parse(request).ok().filter(|url| !url.cannot_be_a_base());
        let own = url.as_ref().filter(|url| url.origin() == self.base.origin());
        match (own, url.as_ref()) {
            (Some(own), _) if own.path() == REPORTS_PATH || find_asset(own.path()).is_some() => None,
            (Some(own), _) => Some(Finding::Request(shown(own.path()))),
            // Its path may hold what was stolen.
            (None, Some(other)) => Some(Finding::Request(shown(&other.origin().ascii_serialization()))),
            (None, None) => None,
        }
    }

    async fn look_at_file(&self, asset: &Asset, findings: &mut BTreeSet<Finding>) -> Result<(), VisitError> {
        let got = self.fetch(&asset.href).await?;
        if got.status.is_server_error() {
            return Err(unreached(&asset.href, &format!("it answered {}", got.status.as_u16())));
        }
        if !got.status.is_success() || integrity_of(&got.body) != asset.integrity {
            findings.insert(Finding::File(asset.href.clone()));
        }
        Ok(())
    }

    async fn fetch(&self, path: &str) -> Result<Received, VisitError> {
        let failed = |why: &str| unreached(path, why);
        let url = self.base.join(path).map_err(|_| failed("it is no address"))?;
        let sent = self.client.get(url).header("accept", "text/html,*/*;q=0.8").send().await;
        let mut answer = sent.map_err(|problem| failed(&why(&problem)))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|problem| failed(&why(&problem)))? {
            if body.len() + part.len() > RECEIVED_BYTES_MAX {
                return Err(failed("it is larger than any page of ours"));
            }
            body.extend_from_slice(&part);
        }
        let location = headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Received { status, headers, location, body })
    }
}

struct Received {
    status: reqwest::StatusCode,
    headers: axum::http::HeaderMap,
    location: String,
    body: Vec<u8>,
}

fn find_asset(href: &str) -> Option<&'static Asset> {
    assets::list_assets().into_iter().find(|asset| asset.href == href)
}

fn unreached(path: &str, why: &str) -> VisitError {
    // The last part of a code's address is what pays.
    let path = path.strip_prefix("/p/").map_or_else(|| shown(path), |_| "/p/…".to_owned());
    VisitError::Unreached { path, why: why.to_owned() }
}

/// Why a request failed, without the address it went to.
fn why(problem: &reqwest::Error) -> String {
    if problem.is_timeout() {
        return format!("no answer within {FETCH_SECONDS_MAX} seconds");
    }
    let mut source = std::error::Error::source(problem);
    let mut text = "no connection".to_owned();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
