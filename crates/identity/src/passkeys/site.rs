//! The site a passkey belongs to: the name and origin that browsers and authenticators bind into every answer.

use std::sync::Arc;

use aws_lc_rs::digest;
use url::{Host, Url};

use super::attestation::AttestationPolicy;
use crate::person::Person;

/// What authenticators know this installation by (WebAuthn's relying party).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    id: String,
    origin: String,
    makers: Option<Arc<AttestationPolicy>>,
}

impl Site {
    /// The site of a public address such as `https://pay.shop.example`. `None` where browsers offer no passkeys: an
    /// address without a domain name (`https://127.0.0.1`), or without TLS unless it is `localhost`.
    pub fn of(public_url: &str) -> Option<Site> {
        let url = Url::parse(public_url).ok()?;
        let Some(Host::Domain(domain)) = url.host() else { return None };
        let secure = match url.scheme() {
            "https" => true,
            "http" => domain == "localhost" || domain.ends_with(".localhost"),
            _ => false,
        };
        let origin = url.origin().ascii_serialization();
        secure.then(|| Site { id: domain.to_owned(), origin, makers: None })
    }

    /// The same where members' authenticators have to be of certain makers.
    #[must_use]
    pub fn with_makers(self, makers: Option<Arc<AttestationPolicy>>) -> Site {
        Site { makers, ..self }
    }

    /// What is asked of the maker of a new passkey of `person`. A buyer's own devices are nobody's business.
    pub fn makers_for(&self, person: Person) -> Option<&AttestationPolicy> {
        match person {
            Person::Buyer(_) => None,
            Person::Member(_) => self.makers.as_deref(),
        }
    }

    /// The domain name: `pay.shop.example`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Scheme, domain name and port as a browser writes them: `https://pay.shop.example`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// SHA-256 of the domain name, which authenticators sign.
    pub(super) fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.id.as_bytes()).as_ref());
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expect: Option<(&str, &str)>) {
        let site = Site::of(url);
        assert_eq!(site.as_ref().map(|site| (site.id(), site.origin())), expect, "{url}");
    }

    #[test]
    fn a_site_is_a_domain_name_over_tls_or_localhost() {
        check("https://pay.shop.example", Some(("pay.shop.example", "https://pay.shop.example")));
        check("https://Pay.Shop.example:443/", Some(("pay.shop.example", "https://pay.shop.example")));
        check("https://pay.shop.example:8443", Some(("pay.shop.example", "https://pay.shop.example:8443")));
        check("http://localhost:8080", Some(("localhost", "http://localhost:8080")));
        check("http://pay.shop.example", None);
        check("http://localhost.shop.example", None);
        check("https://127.0.0.1", None);
        check("https://[::1]", None);
        check("ftp://pay.shop.example", None);
        check("pay.shop.example", None);
    }
}
