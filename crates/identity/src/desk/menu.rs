//! The bar of the desk, to which each domain adds its sections without knowing the others.

use store::Tx;
use webkit::error::ApiError;
use webkit::page::{Lang, Section, Texts};

use super::member::Member;
use crate::permissions::Permission;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MenuSpot {
    /// A section in the bar.
    Bar,
    /// In the menu under the member's own name.
    Own,
}

/// How many things wait in a section for a member.
pub type CountWaiting = fn(&mut Tx<'_>, &Member<'_>) -> Result<u64, ApiError>;

/// One entry.
#[derive(Clone)]
pub struct MenuEntry {
    path: &'static str,
    key: &'static str,
    texts: fn() -> &'static Texts,
    permission: Permission,
    order: u16,
    spot: MenuSpot,
    count: Option<CountWaiting>,
}

impl MenuEntry {
    /// A section at `path`, called by the text `key` of `texts`, shown to those with `permission`. Entries stand in the
    /// order of `order`: payments take 10 to 50, keys 60, customers 70, people 80, the operator 90.
    pub fn new(
        path: &'static str,
        key: &'static str,
        texts: fn() -> &'static Texts,
        permission: Permission,
        order: u16,
    ) -> MenuEntry {
        MenuEntry { path, key, texts, permission, order, spot: MenuSpot::Bar, count: None }
    }

    /// The same entry with the number of things that wait there.
    #[must_use]
    pub fn counting(self, count: CountWaiting) -> MenuEntry {
        MenuEntry { count: Some(count), ..self }
    }

    /// The same entry under the member's own name.
    #[must_use]
    pub fn own(self) -> MenuEntry {
        MenuEntry { spot: MenuSpot::Own, ..self }
    }

    /// The entry as a section, for samples.
    pub fn section(&self, lang: Lang, count: u64) -> Section {
        let name = (self.texts)().text(lang, self.key, &[]);
        Section::new(name, self.path).with_count(count)
    }
}

/// All entries, in their order.
#[derive(Clone, Default)]
pub struct Menu(Vec<MenuEntry>);

impl Menu {
    /// The menu of all `entries`.
    pub fn new(entries: impl IntoIterator<Item = MenuEntry>) -> Menu {
        let mut all: Vec<MenuEntry> = entries.into_iter().collect();
        all.sort_by_key(|entry| entry.order);
        Menu(all)
    }

    /// Every entry at `spot`, as an owner with nothing to do sees it; for samples.
    pub fn sample(&self, lang: Lang, spot: MenuSpot) -> Vec<Section> {
        self.0.iter().filter(|entry| entry.spot == spot).map(|entry| entry.section(lang, 0)).collect()
    }

    /// What `member` may open at `spot`.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn sections(
        &self,
        tx: &mut Tx<'_>,
        member: &Member<'_>,
        spot: MenuSpot,
    ) -> Result<Vec<Section>, ApiError> {
        let mut sections = Vec::new();
        let lang = member.visit.browser.lang;
        let open = |entry: &&MenuEntry| entry.spot == spot && member.actor.holds(entry.permission);
        for entry in self.0.iter().filter(open) {
            let count = entry.count.map_or(Ok(0), |count| count(tx, member))?;
            sections.push(entry.section(lang, count));
        }
        Ok(sections)
    }
}
