//! Finding a member by address: a keyed hash of it, by whichever key it was made.

use store::Tx;
use vault::{KeyedHash, Vault};

use crate::context::{Fault, Means};
use crate::members::place;
use crate::store::members::{self, LoginRow, MemberRow};
use crate::text::Email;
use crate::token::hash_text;

pub(crate) const INDEX_KIND: &str = "member email";

/// What an address is counted by.
pub(crate) fn email_index(vault: &Vault, email: &Email) -> String {
    hash_text(&vault.index(INDEX_KIND, email.secret().expose()))
}

/// Everything an address may be found by: an index by each key that still opens something.
pub(crate) fn email_indexes(vault: &Vault, email: &Email) -> Vec<String> {
    vault.indexes(INDEX_KIND, email.secret().expose()).iter().map(hash_text).collect()
}

/// Whose address it is, by whichever key its index was made. Every key is asked, so that time does not tell.
pub(crate) fn find_login_of(tx: &mut Tx, vault: &Vault, email: &Email) -> Result<Option<LoginRow>, Fault> {
    find_login_by(tx, &email_indexes(vault, email))
}

/// Whose address has one of these indexes.
pub(crate) fn find_login_by(tx: &mut Tx, indexes: &[String]) -> Result<Option<LoginRow>, Fault> {
    let mut found = None;
    for index in indexes {
        let login = members::find_login(tx, index)?;
        found = found.or(login);
    }
    Ok(found)
}

/// Lets a member sign in with another address from now on. Returns whether it could be: not when it is another member's.
pub(crate) fn move_login(tx: &mut Tx, means: &Means<'_>, row: MemberRow, new: &Email) -> Result<bool, Fault> {
    let holder = find_login_of(tx, means.vault, new)?;
    if let Some(holder) = holder {
        return Ok(holder.member == row.id);
    }
    let email_index = hash_text(&means.vault.index_to_store(tx, INDEX_KIND, new.secret().expose())?);
    let key = means.vault.data_key(tx, row.shop, row.id.short(), means.now, means.dice)?;
    let email = key.seal(&place("email", &row.id), new.secret(), means.dice)?;
    members::delete_login(tx, &row.email_index)?;
    let login = LoginRow { email_index: email_index.clone(), shop: row.shop, member: row.id };
    members::insert_login(tx, login)?;
    members::update_member(tx, MemberRow { email, email_index, ..row })?;
    Ok(true)
}

/// Makes a member's index anew, when the seed of the sub-keys is replaced.
pub(crate) fn rekey_email(
    tx: &mut Tx,
    vault: &Vault,
    row: MemberRow,
) -> Result<KeyedHash, vault::VaultError> {
    let key = vault.find_data_key(tx, row.shop, row.id.short())?;
    let email = key.open(&place("email", &row.id), &row.email)?;
    let index = vault.index_to_store(tx, INDEX_KIND, email.expose())?;
    if let Some(login) = members::find_login(tx, &row.email_index)?.filter(|login| login.member == row.id) {
        members::delete_login(tx, &login.email_index)?;
        members::insert_login(tx, LoginRow { email_index: hash_text(&index), ..login })?;
    }
    members::update_member(tx, MemberRow { email_index: hash_text(&index), ..row })?;
    Ok(index)
}
