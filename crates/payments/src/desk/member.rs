//! Members at the desk, with what paying adds to them.

use std::ops::Deref;

use identity::Permission;
use identity::desk::{self, Once, Visit};
use store::{Key, Tx};
use webkit::error::ApiError;

use super::Desk;
use super::trade::origination;
use crate::screening::Origination;

/// A member who was let through, in a transaction, with the state of this domain.
pub(super) struct Member<'a> {
    person: &'a desk::Member<'a>,
    /// Where the visit comes from, for screening and the log.
    pub from: Origination,
    pub desk: &'a Desk,
}

impl<'a> Deref for Member<'a> {
    type Target = desk::Member<'a>;

    fn deref(&self) -> &desk::Member<'a> {
        self.person
    }
}

impl<'a> Member<'a> {
    pub fn new(person: &'a desk::Member<'a>, desk: &'a Desk) -> Member<'a> {
        Member { from: origination(person.visit), person, desk }
    }

    /// Whose words of screening the member reads.
    pub fn audience(&self) -> risk::Audience {
        let sees_all = self.can(Permission::ViewDecisions);
        if sees_all { risk::Audience::Analyst } else { risk::Audience::Seller }
    }
}

/// As [`desk::read_as`].
///
/// # Errors
/// Those of [`desk::admit_member`] and of `work`.
pub(super) async fn read_as<T: Send + 'static>(
    desk: &Desk,
    visit: &Visit,
    permission: Permission,
    work: impl FnOnce(&mut Tx<'_>, &Member<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let cx = desk.clone();
    let work = move |tx: &mut Tx<'_>, person: &desk::Member<'_>| work(tx, &Member::new(person, &cx));
    desk::read_as(&desk.hall, visit, permission, work).await
}

/// As [`desk::write_as`].
///
/// # Errors
/// Those of [`desk::admit_member`] and of `work`; nothing is kept then.
pub(super) async fn write_as<T: Send + 'static>(
    desk: &Desk,
    visit: &Visit,
    permission: Permission,
    once: Once,
    keys: Vec<Key>,
    mut work: impl FnMut(&mut Tx<'_>, &Member<'_>) -> Result<(String, T), ApiError> + Send + 'static,
) -> Result<(String, Option<T>), ApiError> {
    let cx = desk.clone();
    let work = move |tx: &mut Tx<'_>, person: &desk::Member<'_>| work(tx, &Member::new(person, &cx));
    desk::write_as(&desk.hall, visit, permission, once, keys, work).await
}
