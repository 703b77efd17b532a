//! What each role may do, and the editor of a shop's own roles.

use askama::Template;
use webkit::page::{Frame, Problems};

/// What each role may do. Template `roles.html`.
#[derive(Template)]
#[template(path = "roles.html")]
pub struct RolesPage {
    /// The frame.
    pub page: Frame,
    /// The built-in roles.
    pub roles: Vec<RoleLine>,
    /// What can be allowed, with a tick for each role in their order.
    pub rows: Vec<PermissionRow>,
    /// The shop's own roles.
    pub own: Vec<OwnRoleRow>,
    /// Where one is made; empty for those who may not.
    pub new_href: String,
}

/// A role as a column.
#[derive(Clone, Debug)]
pub struct RoleLine {
    /// Its name in words.
    pub label: String,
    /// What it is for.
    pub does: String,
    /// How many hold it.
    pub holders: usize,
}

/// Something that can be allowed, as a row.
#[derive(Clone, Debug)]
pub struct PermissionRow {
    /// In words.
    pub label: String,
    /// Whether it asks for the second factor again.
    pub fresh: bool,
    /// For each role whether it may.
    pub may: Vec<bool>,
}

/// A role of the shop's own as a row.
#[derive(Clone, Debug)]
pub struct OwnRoleRow {
    /// Its name.
    pub name: String,
    /// How many things it allows.
    pub permissions: usize,
    /// How many hold it.
    pub holders: usize,
    /// Its editor; empty for those who may not.
    pub href: String,
}

/// Making or changing a role. Template `role_edit.html`. Fields `name`, `may` (several).
#[derive(Template)]
#[template(path = "role_edit.html")]
pub struct RoleEditPage {
    /// The frame.
    pub page: Frame,
    /// The role's name; empty for a new one.
    pub title: String,
    /// What was typed as its name.
    pub name_typed: String,
    /// What can be ticked.
    pub choices: Vec<PermissionChoice>,
    /// Who has it.
    pub holders: Vec<RoleHolder>,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Where it is deleted; empty for a new one, and while somebody has it.
    pub delete_href: String,
    /// Back.
    pub back_href: String,
}

/// Something to tick.
#[derive(Clone, Debug)]
pub struct PermissionChoice {
    /// Its name in the form.
    pub name: &'static str,
    /// In words.
    pub label: String,
    /// Whether it asks for the second factor again.
    pub fresh: bool,
    /// Whether it is ticked.
    pub checked: bool,
}

impl PermissionChoice {
    /// Its id on the page.
    pub fn id(&self) -> String {
        format!("may-{}", self.name.replace(' ', "-"))
    }
}

/// Somebody who has a role.
#[derive(Clone, Debug)]
pub struct RoleHolder {
    /// Their name.
    pub name: String,
    /// Their page.
    pub href: String,
}
