//! The keys with which the shop's own system calls the API.

use askama::Template;
use base::Timestamp;
use webkit::page::form::Choice;
use webkit::page::{Frame, Mark, Problems};

/// All keys, and making one. Template `api_keys.html`. The form has the fields `name` and `role`; each revoke
/// form has none.
#[derive(Template)]
#[template(path = "api_keys.html")]
pub struct ApiKeysPage {
    /// The frame.
    pub page: Frame,
    /// The keys, newest first.
    pub rows: Vec<ApiKeyRow>,
    /// The key just made, as `id` and secret; shown this once.
    pub fresh: Option<FreshKey>,
    /// What was typed as the name.
    pub name_typed: String,
    /// What was chosen as the role: `integration`, `decisions` or `detokenise`.
    pub role: String,
    /// What is wrong with `name`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

impl ApiKeysPage {
    /// What a key may do.
    pub fn role_choices(&self) -> Vec<Choice> {
        ["integration", "decisions", "detokenise"]
            .map(|role| Choice::new(role, self.page.t(format!("keys-role-{role}"))))
            .to_vec()
    }
}

/// A key just made.
#[derive(Clone)]
pub struct FreshKey {
    /// The key's id.
    pub id: String,
    /// Its secret, in the form a client needs. Never shown again.
    pub secret: String,
}

/// One key as a row.
#[derive(Clone, Debug)]
pub struct ApiKeyRow {
    /// The key's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub at: Timestamp,
    /// When it ends by itself; absent for one that does not.
    pub ends: Option<Timestamp>,
    /// What it may do, in words.
    pub role: String,
    /// Where "revoke" posts to; empty for one that is revoked.
    pub revoke_href: String,
}

impl ApiKeyRow {
    /// Its shape.
    pub fn mark(&self) -> Mark {
        if self.revoke_href.is_empty() { Mark::Closed } else { Mark::Done }
    }

    /// The key of its word.
    pub fn key(&self) -> &'static str {
        if self.revoke_href.is_empty() { "keys-state-revoked" } else { "keys-state-active" }
    }
}
