//! The installation's keys, for whoever runs it: the tree from the root down, ages, rotation, destruction.

use askama::Template;
use base::Timestamp;
use webkit::page::{Frame, Mark, Problems};

/// The tree of keys. Template `keys.html`. The forms have the hidden field `level`, or `level` and `version`.
#[derive(Template)]
#[template(path = "keys.html")]
pub struct KeysPage {
    /// The frame.
    pub page: Frame,
    /// What seals, level by level from the root down; and what hashes.
    pub trees: Vec<Vec<KeyLevel>>,
    /// Whether replacing the root key waits for a second operator.
    pub root_waits: bool,
    /// The rotation that is going on.
    pub running: Option<RotationBar>,
    /// Rotations that are done, newest first.
    pub past: Vec<RotationBar>,
}

/// One level of the tree.
#[derive(Clone, Debug)]
pub struct KeyLevel {
    /// Its name in forms and in text keys: `root`, `kek`, `data`, `seed`.
    pub level: &'static str,
    /// Its keys, the one in use first.
    pub keys: Vec<KeyNode>,
    /// Where rotation is asked about; empty where the level does not rotate, or a rotation is going on.
    pub rotate_href: String,
}

impl KeyLevel {
    /// The key of its name.
    pub fn key(&self) -> String {
        format!("level-{}", self.level)
    }

    /// The key of the sentence on what hangs from one of its keys.
    pub fn uses_key(&self) -> String {
        format!("level-uses-{}", self.level)
    }

    /// The key of its "rotate".
    pub fn rotate_key(&self) -> String {
        format!("rotate-{}", self.level)
    }
}

/// One key.
#[derive(Clone, Debug)]
pub struct KeyNode {
    /// Its version; 0 for data keys, which have none in common.
    pub version: i64,
    /// Its name in its source; may be empty.
    pub name: String,
    /// How it is used.
    pub algorithm: String,
    /// What it may still do.
    pub state: KeyShown,
    /// When it was made.
    pub created: Timestamp,
    /// When it was retired or destroyed; absent for one in use.
    pub ended: Option<Timestamp>,
    /// Days until it is to be replaced, negative after that; absent where that does not apply.
    pub days_left: Option<i64>,
    /// How many hang from it.
    pub uses: u64,
    /// Where its destruction is asked about; empty where it cannot be.
    pub destroy_href: String,
    /// Whether its destruction waits for a second operator, or for the program.
    pub waits: bool,
}

impl KeyNode {
    /// Whether it is to be replaced soon, or should have been.
    pub fn is_due(&self) -> bool {
        self.days_left.is_some_and(|days| days <= 30)
    }

    /// Days past its time.
    pub fn days_over(&self) -> i64 {
        self.days_left.map_or(0, |days| (-days).max(0))
    }

    /// Whether its time is over.
    pub fn is_over(&self) -> bool {
        self.days_left.is_some_and(|days| days <= 0)
    }
}

/// What a key may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyShown {
    /// It is made, and every node gets it before it seals.
    Coming,
    /// It seals and opens.
    Active,
    /// It opens what is there.
    Retired,
    /// It is gone.
    Destroyed,
}

impl KeyShown {
    /// Its shape.
    pub fn mark(&self) -> Mark {
        match self {
            KeyShown::Coming => Mark::Waiting,
            KeyShown::Active => Mark::Done,
            KeyShown::Retired => Mark::Paused,
            KeyShown::Destroyed => Mark::Closed,
        }
    }

    /// The key of its word.
    pub fn key(&self) -> &'static str {
        match self {
            KeyShown::Coming => "key-coming",
            KeyShown::Active => "key-active",
            KeyShown::Retired => "key-retired",
            KeyShown::Destroyed => "key-destroyed",
        }
    }
}

/// How far a rotation is.
#[derive(Clone, Debug)]
pub struct RotationBar {
    /// The level: `root`, `kek`, `data`.
    pub level: &'static str,
    /// Keys moved.
    pub done: u64,
    /// Keys to move in all.
    pub total: u64,
    /// Why it stands still, in the words of the log; empty when it goes on.
    pub problem: String,
    /// Since when.
    pub started: Timestamp,
    /// When it was done.
    pub ended: Option<Timestamp>,
}

impl RotationBar {
    /// The key of its level's name.
    pub fn key(&self) -> String {
        format!("level-{}", self.level)
    }
}

/// Rotating a level: what follows, and the button. Template `key_rotate.html`. Hidden field `level`.
#[derive(Template)]
#[template(path = "key_rotate.html")]
pub struct KeyRotatePage {
    /// The frame.
    pub page: Frame,
    /// The level: `root`, `kek`, `data`.
    pub level: &'static str,
    /// How many keys are moved.
    pub uses: u64,
    /// Where the form posts to.
    pub action_href: String,
    /// Back.
    pub back_href: String,
}

impl KeyRotatePage {
    /// The key of a text about the level: `title`, `text`, `button`.
    pub fn key(&self, part: &str) -> String {
        format!("rotate-{}-{part}", self.level)
    }
}

/// Destroying a key: what is lost with it, and the button. Template `key_destroy.html`. The form has no fields.
#[derive(Template)]
#[template(path = "key_destroy.html")]
pub struct KeyDestroyPage {
    /// The frame.
    pub page: Frame,
    /// Its level: `root`, `kek`.
    pub level: &'static str,
    /// Its version.
    pub version: i64,
    /// When it was made.
    pub since: Timestamp,
    /// When it was replaced.
    pub until: Timestamp,
    /// Why it cannot be destroyed.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Back.
    pub back_href: String,
}

impl KeyDestroyPage {
    /// The key of a text about the level: `title`, `lost`.
    pub fn key(&self, part: &str) -> String {
        format!("destroy-{}-{part}", self.level)
    }
}

/// The shops of the installation. Template `shops.html`.
#[derive(Template)]
#[template(path = "shops.html")]
pub struct ShopsPage {
    /// The frame.
    pub page: Frame,
    /// The shops, by name.
    pub rows: Vec<ShopRow>,
}

/// A shop as a row.
#[derive(Clone, Debug)]
pub struct ShopRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its town and country.
    pub place: String,
    /// The currency it sells in.
    pub currency: String,
    /// Members who can sign in.
    pub members: usize,
    /// Those of them without a second factor.
    pub without_factor: usize,
    /// Since when.
    pub since: Timestamp,
}
