//! Whether a shop lets a rule act: its own short list beside a set of rules that all shops share.
//!
//! Promise: what is not in the list is on, so that a shop which changed nothing costs nothing; a list is asked about rules
//! that fired alone.

use std::sync::Arc;

/// What a rule that fires does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// It counts.
    #[default]
    On,
    /// It is noted with the decision and changes nothing.
    Watch,
    /// It is not even noted.
    Off,
}

impl Mode {
    /// All three.
    pub const ALL: [Mode; 3] = [Mode::On, Mode::Watch, Mode::Off];

    /// The word stored and shown in interfaces.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::On => "on",
            Mode::Watch => "watch",
            Mode::Off => "off",
        }
    }

    /// Reads [`Mode::name`].
    pub fn named(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// The rules of a shop that are not simply on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    // INVARIANT: sorted by name, each once, none of them on.
    changed: Vec<(Arc<str>, Mode)>,
}

impl Modes {
    /// Every rule is on.
    pub const ALL_ON: &'static Modes = &Modes { changed: Vec::new() };

    /// Whether every rule is on.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// What a rule does.
    pub fn of(&self, rule: &str) -> Mode {
        self.changed.iter().find(|(name, _)| **name == *rule).map_or(Mode::On, |(_, mode)| *mode)
    }

    /// Changes what a rule does, and says what it did before.
    pub fn set(&mut self, rule: &str, mode: Mode) -> Mode {
        let before = self.of(rule);
        self.changed.retain(|(name, _)| **name != *rule);
        if mode != Mode::On {
            self.changed.push((rule.into(), mode));
            self.changed.sort();
        }
        before
    }

    /// The stored form: `name=off name=watch`, empty where all are on.
    pub fn to_text(&self) -> String {
        let each = self.changed.iter().map(|(name, mode)| format!("{name}={}", mode.name()));
        each.collect::<Vec<_>>().join(" ")
    }

    /// Reads [`Modes::to_text`]. `None` for any other text.
    pub fn from_text(text: &str) -> Option<Modes> {
        let mut modes = Modes::default();
        for part in text.split_whitespace() {
            let (rule, mode) = part.split_once('=')?;
            let mode = Mode::named(mode).filter(|mode| *mode != Mode::On)?;
            super::file::check_name(rule).ok()?;
            modes.set(rule, mode);
        }
        Some(modes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_changed_is_on_and_what_is_on_again_is_not_kept() {
        let mut modes = Modes::default();
        assert_eq!((modes.of("night"), modes.to_text().as_str()), (Mode::On, ""));
        assert_eq!(modes.set("night", Mode::Off), Mode::On);
        assert_eq!(modes.set("burst", Mode::Watch), Mode::On);
        assert_eq!(modes.to_text(), "burst=watch night=off");
        assert_eq!(Modes::from_text(&modes.to_text()), Some(modes.clone()));
        assert_eq!(modes.set("night", Mode::On), Mode::Off);
        assert_eq!(modes.set("burst", Mode::On), Mode::Watch);
        assert_eq!((&modes, modes.is_empty()), (Modes::ALL_ON, true));
    }

    #[test]
    fn another_text_is_not_read() {
        for bad in ["night", "night=on", "night=maybe", "Night=off", "=off", "a=off b"] {
            assert_eq!(Modes::from_text(bad), None, "{bad}");
        }
    }
}
