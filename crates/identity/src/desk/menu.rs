//! The bar of the desk, to which each domain adds its sections without knowing the others.

use base::ShopId;
use store::Tx;
use webkit::error::ApiError;
use webkit::page::{Group, Lang, Section, Texts};

use super::member::Member;
use crate::permissions::Permission;

macro_rules! groups {
    ($($(#[$doc:meta])* $name:ident = $key:literal;)*) => {
        /// What belongs together in the bar, in the order of the bar. A group of which a member may open one section alone
        /// is that section's link.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum MenuGroup { $($(#[$doc])* $name),* }

        impl MenuGroup {
            /// Every group.
            pub const ALL: &'static [MenuGroup] = &[$(MenuGroup::$name),*];

            fn key(self) -> &'static str {
                match self { $(MenuGroup::$name => $key),* }
            }
        }
    };
}

groups! {
    /// How the day goes.
    Overview = "menu-overview";
    /// Money that came in and went out.
    Payments = "menu-payments";
    /// What buyers scan.
    Codes = "menu-codes";
    /// What is screened, and what waits for a decision.
    Risk = "menu-risk";
    /// The shop's own customers.
    Customers = "menu-customers";
    /// Who works here, and what needs two of them.
    People = "menu-people";
    /// Keys, certificates, emergencies.
    Security = "menu-security";
    /// How the shop is set up.
    Shop = "menu-shop";
    /// What the operator of the installation does.
    Installation = "menu-installation";
    /// Under the member's own name.
    Own = "frame-menu";
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
    group: MenuGroup,
    also: Option<&'static str>,
    count: Option<CountWaiting>,
    is_of_shops: bool,
}

impl MenuEntry {
    /// A section at `path`, called by the text `key` of `texts`, shown to those with `permission`. Within its group it
    /// stands behind those that were handed in before.
    pub fn new(
        path: &'static str,
        key: &'static str,
        texts: fn() -> &'static Texts,
        permission: Permission,
        group: MenuGroup,
    ) -> MenuEntry {
        MenuEntry { path, key, texts, permission, group, also: None, count: None, is_of_shops: false }
    }

    /// The same entry with the number of things that wait there.
    #[must_use]
    pub fn counting(self, count: CountWaiting) -> MenuEntry {
        MenuEntry { count: Some(count), ..self }
    }

    /// The same entry, to which the pages at `path` belong as well.
    #[must_use]
    pub fn with_also(self, path: &'static str) -> MenuEntry {
        MenuEntry { also: Some(path), ..self }
    }

    /// The same entry, which is not shown in the house: what it is about shops alone have.
    #[must_use]
    pub fn of_shops(self) -> MenuEntry {
        MenuEntry { is_of_shops: true, ..self }
    }

    fn is_shown_to(&self, member: &Member<'_>) -> bool {
        let is_here = !self.is_of_shops || member.shop.id != ShopId::HOUSE;
        is_here && member.actor.holds(self.permission)
    }

    /// The entry as a section, for samples.
    pub fn section(&self, lang: Lang, count: u64) -> Section {
        let name = (self.texts)().text(lang, self.key, &[]);
        Section::new(name, self.path).with_also(self.also).with_count(count)
    }
}

/// All entries.
#[derive(Clone, Default)]
pub struct Menu(Vec<MenuEntry>);

impl Menu {
    /// The menu of all `entries`.
    pub fn new(entries: impl IntoIterator<Item = MenuEntry>) -> Menu {
        Menu(entries.into_iter().collect())
    }

    /// Every entry of the bar, as an owner sees it, with `waiting` things in each section that counts; for samples.
    pub fn sample(&self, lang: Lang, waiting: u64) -> Vec<Group> {
        let shown = |entry: &MenuEntry| Some(entry.section(lang, entry.count.map_or(0, |_| waiting)));
        let groups = bar().map(|group| (group, self.of(group).filter_map(shown).collect()));
        groups.filter_map(|(group, sections)| name(lang, group, sections)).collect()
    }

    /// Every entry under the member's own name; for samples.
    pub fn sample_own(&self, lang: Lang) -> Vec<Section> {
        self.of(MenuGroup::Own).map(|entry| entry.section(lang, 0)).collect()
    }

    /// The groups of the bar with what `member` may open in them.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn groups(&self, tx: &mut Tx<'_>, member: &Member<'_>) -> Result<Vec<Group>, ApiError> {
        let mut groups = Vec::new();
        for group in bar() {
            let sections = self.sections(tx, member, group)?;
            groups.extend(name(member.visit.browser.lang, group, sections));
        }
        Ok(groups)
    }

    /// What `member` may open of `group`.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn sections(
        &self,
        tx: &mut Tx<'_>,
        member: &Member<'_>,
        group: MenuGroup,
    ) -> Result<Vec<Section>, ApiError> {
        let mut sections = Vec::new();
        let lang = member.visit.browser.lang;
        for entry in self.of(group).filter(|entry| entry.is_shown_to(member)) {
            let count = entry.count.map_or(Ok(0), |count| count(tx, member))?;
            sections.push(entry.section(lang, count));
        }
        Ok(sections)
    }

    /// The first section that `member` may open besides the one at `but`, in the order of the bar; their own come last.
    pub(super) fn first_path(&self, member: &Member<'_>, but: &str) -> Option<&'static str> {
        let all = MenuGroup::ALL.iter().flat_map(|group| self.of(*group));
        let mut shown = all.filter(|entry| entry.path != but && entry.is_shown_to(member));
        shown.next().map(|entry| entry.path)
    }

    fn of(&self, group: MenuGroup) -> impl Iterator<Item = &MenuEntry> {
        self.0.iter().filter(move |entry| entry.group == group)
    }
}

/// The groups that stand in the bar.
fn bar() -> impl Iterator<Item = MenuGroup> {
    MenuGroup::ALL.iter().copied().filter(|group| *group != MenuGroup::Own)
}

/// A group by its name; `None` for an empty one.
fn name(lang: Lang, group: MenuGroup, sections: Vec<Section>) -> Option<Group> {
    let name = crate::pages::texts().text(lang, group.key(), &[]);
    (!sections.is_empty()).then_some(Group { name, sections })
}
