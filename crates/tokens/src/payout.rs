//! Where a shop's money will be paid out to: one account in use, and at most one that is to take its place.
//!
//! Promises:
//! - a change takes a second person where the shop has one, and then [`PAYOUT_COOLING_SECONDS`] until it counts;
//! - until then anybody who manages payouts withdraws it, and everybody who does is told of each step;
//! - holder, number and bank are sealed under a data key of that account, which goes with it; nothing here opens them,
//!   they are shown masked.
//!
//! Time puts the new account in force without a write ([`find_accounts`]); the sweep clears up behind it.

use ::store::Tx;
use base::{ApprovalId, EntryId, ScopedId, Secret, ShopId, Timestamp};
use identity::approvals::{self, Approval, ApprovalAction, ApprovalError, ApprovalState, Asked, Proposal};
use identity::{Actor, Fault, Means, Notice, PayoutStep, Permission, Person};
use vault::{DataKey, Place, Vault};

use crate::limits::{BANK_CHARS_MAX, PAYOUT_COOLING_SECONDS, SWEEP_ROWS_MAX};
use crate::record::{self, By, Event, note, takes_faults};
use crate::store::payouts::{self as rows, PayoutRow, Slot};
use crate::values::{BankAccount, Kind, Scheme, Value, ValueProblem, clean};

pub(crate) const TABLE: &str = "payout_accounts";
/// What the subject of an approval begins with.
const WORD: &str = "payout_account";

/// A part of the form, for what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Whose account it is.
    Holder,
    /// The form of the number.
    Scheme,
    /// The number.
    Number,
    /// The bank.
    Bank,
}

impl Part {
    /// The field's name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Holder => "holder",
            Part::Scheme => "scheme",
            Part::Number => "number",
            Part::Bank => "bank",
        }
    }
}

/// The forms of a number.
pub const SCHEMES: [Scheme; 3] = [Scheme::Iban, Scheme::Card, Scheme::Account];

/// What was typed.
#[derive(Clone, Copy)]
pub struct Typed<'a> {
    /// Whose account it is.
    pub holder: &'a str,
    /// `iban`, `card` or `account`.
    pub scheme: &'a str,
    /// The number.
    pub number: &'a str,
    /// The bank; an IBAN names its own.
    pub bank: &'a str,
}

/// An account to be paid out to, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayout {
    holder: Value,
    number: Value,
    bank: Option<Secret<String>>,
}

impl NewPayout {
    /// Checks what was typed. A card or account number needs its bank's name of up to [`BANK_CHARS_MAX`] characters.
    ///
    /// # Errors
    /// Every part that is wrong, with why.
    pub fn parse(typed: Typed<'_>) -> Result<NewPayout, Vec<(Part, ValueProblem)>> {
        let mut wrong = Vec::new();
        let holder = Value::name(typed.holder).map_err(|problem| wrong.push((Part::Holder, problem)));
        let scheme = Scheme::from_name(typed.scheme).filter(|scheme| SCHEMES.contains(scheme));
        let number = match scheme {
            None => Err((Part::Scheme, ValueProblem::Account)),
            Some(scheme) => {
                BankAccount { scheme, text: typed.number }.parse().map_err(|problem| (Part::Number, problem))
            }
        };
        let number = number.map_err(|found| wrong.push(found));
        let named = !typed.bank.trim().is_empty();
        let bank = match (named, scheme) {
            (false, Some(Scheme::Iban) | None) => Ok(None),
            _ => clean(typed.bank, BANK_CHARS_MAX)
                .map(|bank| Some(Secret::new(bank)))
                .map_err(|problem| wrong.push((Part::Bank, problem))),
        };
        match (holder, number, bank) {
            (Ok(holder), Ok(number), Ok(bank)) => Ok(NewPayout { holder, number, bank }),
            _ => Err(wrong),
        }
    }
}

/// An account as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutAccount {
    /// Its name in the log.
    pub id: String,
    /// The form of the number.
    pub scheme: Scheme,
    /// The holder, masked.
    pub holder: String,
    /// The number, masked.
    pub number: String,
    /// The bank.
    pub bank: Option<String>,
    /// Who proposed it: an id.
    pub proposer: String,
    /// When it was proposed.
    pub created: Timestamp,
    /// From when on it counts; `None` while it waits for a second person.
    pub effective: Option<Timestamp>,
    /// The approval it waits for or was begun with.
    pub approval: Option<ApprovalId>,
}

/// Where the money goes, and where it will.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayoutAccounts {
    /// The account that counts.
    pub current: Option<PayoutAccount>,
    /// The one that is to take its place.
    pub next: Option<PayoutAccount>,
}

/// Why an account was not changed. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayoutError {
    /// Another change waits.
    #[error("another change of the payout account waits; withdraw it first")]
    Waits,
    /// There is no change to withdraw.
    #[error("no change of the payout account waits")]
    NothingWaits,
    /// What was approved was withdrawn meanwhile.
    #[error("the change of the payout account was withdrawn; propose it again")]
    Gone,
    /// The proposal to a second person was refused.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(PayoutError);

/// Both accounts of a shop, masked, as they are at `now`.
///
/// # Errors
/// [`PayoutError::Fault`] alone.
pub fn find_accounts(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    now: Timestamp,
) -> Result<PayoutAccounts, PayoutError> {
    let next = rows::find_payout(tx, shop, Slot::Next)?;
    let (current, next) = match next {
        Some(next) if next.is_in_force(now) => (Some(next), None),
        next => (rows::find_payout(tx, shop, Slot::Current)?, next),
    };
    let next = match next {
        Some(next) if is_dead(tx, &next, now)? => None,
        next => next,
    };
    Ok(PayoutAccounts { current: masked(tx, vault, current)?, next: masked(tx, vault, next)? })
}

/// Begins to change the account: asks a second person where there is one, and starts the time until it counts where not.
/// The same change by the same person again is no second one. The caller has checked that the actor may.
///
/// # Errors
/// [`PayoutError::Waits`], [`PayoutError::Approval`].
pub fn request_change(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    new: &NewPayout,
) -> Result<Asked, PayoutError> {
    if let Some(next) = settle(tx, means, shop)? {
        let same = next.proposer == by.actor.label() && open(tx, means.vault, &next)? == *new;
        return match (same, next.effective, next.approval) {
            (true, None, Some(approval)) => Ok(Asked::Wait(approval)),
            (true, Some(_), _) => Ok(Asked::Go),
            _ => Err(PayoutError::Waits),
        };
    }
    let id = EntryId::new(shop, means.now, means.dice).short().to_owned();
    let asked = approvals::ask_if_two(tx, means, by.actor, &proposal_of(shop, &id, new))?;
    let row = seal(tx, means, by, (shop, id), new)?;
    match asked {
        Asked::Go => begin(tx, means, by, row, new)?,
        Asked::Wait(approval) => {
            let row = PayoutRow { approval: Some(approval), ..row };
            note(tx, means, by, shop, event_of(record::PAYOUT_PROPOSED, &row))?;
            tell(tx, means, shop, new, PayoutStep::Proposed)?;
            rows::put_payout(tx, Slot::Next, row)?;
        }
    }
    Ok(asked)
}

/// Whether an approval is for a payout account; what it names is begun by [`carry_out`].
///
/// # Errors
/// [`PayoutError::Gone`] when it was withdrawn or replaced since.
pub fn carry_out(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    approval: &Approval,
) -> Result<(), PayoutError> {
    let shop = approval.id.shop();
    let next = rows::find_payout(tx, shop, Slot::Next)?;
    let meant = |row: &PayoutRow| {
        let named = approval.subject == format!("{WORD} {}", row.id);
        named && row.approval == Some(approval.id) && row.effective.is_none()
    };
    let row = next.filter(meant).ok_or(PayoutError::Gone)?;
    let new = open(tx, means.vault, &row)?;
    begin(tx, means, by, row, &new)
}

/// Withdraws the change that waits: its values go, with their key. The caller has checked that the actor may.
///
/// # Errors
/// [`PayoutError::NothingWaits`].
pub fn withdraw_change(tx: &mut Tx, means: &Means<'_>, by: &By<'_>, shop: ShopId) -> Result<(), PayoutError> {
    let row = settle(tx, means, shop)?.ok_or(PayoutError::NothingWaits)?;
    let new = open(tx, means.vault, &row)?;
    if let Some(approval) = row.approval {
        approvals::withdraw(tx, means, by.actor, shop, approval)?;
    }
    discard(tx, means, Slot::Next, &row)?;
    note(tx, means, by, shop, event_of(record::PAYOUT_WITHDRAWN, &row))?;
    tell(tx, means, shop, &new, PayoutStep::Withdrawn)
}

/// Puts what came into force in its place and destroys what it replaced, up to [`SWEEP_ROWS_MAX`] shops. Returns how many.
///
/// # Errors
/// [`Fault`] alone.
pub fn sweep(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let due = rows::list_due(tx, means.now, SWEEP_ROWS_MAX)?;
    let count = due.len();
    for shop in due {
        settle(tx, means, shop).map_err(|error| match error {
            PayoutError::Fault(fault) => fault,
            _ => Fault::Row("payout account"),
        })?;
    }
    Ok(count)
}

/// Brings the rows to what holds now. The change that still waits.
fn settle(tx: &mut Tx, means: &Means<'_>, shop: ShopId) -> Result<Option<PayoutRow>, PayoutError> {
    let Some(next) = rows::find_payout(tx, shop, Slot::Next)? else { return Ok(None) };
    if next.is_in_force(means.now) {
        if let Some(old) = rows::find_payout(tx, shop, Slot::Current)? {
            discard(tx, means, Slot::Current, &old)?;
        }
        let by = By::local(&Actor::System);
        note(tx, means, &by, shop, event_of(record::PAYOUT_IN_FORCE, &next))?;
        rows::delete_payout(tx, shop, Slot::Next)?;
        rows::put_payout(tx, Slot::Current, next)?;
        return Ok(None);
    }
    if is_dead(tx, &next, means.now)? {
        discard(tx, means, Slot::Next, &next)?;
        return Ok(None);
    }
    Ok(Some(next))
}

/// Whether the second person said no, or never answered.
fn is_dead(tx: &mut Tx, row: &PayoutRow, now: Timestamp) -> Result<bool, PayoutError> {
    let (None, Some(id)) = (row.effective, row.approval) else { return Ok(false) };
    let approval = approvals::find_approval(tx, row.shop, id)?;
    Ok(approval.is_none_or(|one| one.state != ApprovalState::Waiting || now >= one.expires))
}

fn begin(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    row: PayoutRow,
    new: &NewPayout,
) -> Result<(), PayoutError> {
    let effective = means.now.plus_seconds(PAYOUT_COOLING_SECONDS);
    let row = PayoutRow { effective: Some(effective), ..row };
    let event = event_of(record::PAYOUT_CHANGED, &row).with("effective_ms", effective.0);
    note(tx, means, by, row.shop, event)?;
    tell(tx, means, row.shop, new, PayoutStep::Begun { hours: PAYOUT_COOLING_SECONDS / 3_600 })?;
    Ok(rows::put_payout(tx, Slot::Next, row)?)
}

fn discard(tx: &mut Tx, means: &Means<'_>, slot: Slot, row: &PayoutRow) -> Result<(), PayoutError> {
    rows::delete_payout(tx, row.shop, slot)?;
    Vault::destroy_data_key(tx, row.shop, &row.id, means.now)?;
    Ok(())
}

/// What a second person is asked for. The masked number is what they compare.
fn proposal_of(shop: ShopId, id: &str, new: &NewPayout) -> Proposal {
    Proposal::new(shop, ApprovalAction::ChangePayout, &format!("{WORD} {id}"), &new.number.masked())
}

fn event_of(action: audit::Action, row: &PayoutRow) -> Event {
    Event::new(action, audit::Object::word(WORD))
        .with("account", audit::Text::masked(&row.id))
        .with("scheme", row.scheme.name())
}

/// Tells everybody who manages payouts, whoever did it.
fn tell(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    new: &NewPayout,
    step: PayoutStep,
) -> Result<(), PayoutError> {
    let notice = Notice::PayoutAccount { account: new.number.masked(), step };
    for member in identity::list_holders_of(tx, shop, Permission::ManagePayouts)? {
        identity::queue_notice(tx, means, Person::Member(member), &notice)?;
    }
    Ok(())
}

fn place<'a>(column: &'static str, row: &'a str) -> Place<'a> {
    Place { table: TABLE, column, row }
}

fn seal(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    (shop, id): (ShopId, String),
    new: &NewPayout,
) -> Result<PayoutRow, PayoutError> {
    let key = means.vault.data_key(tx, shop, &id, means.now, means.dice)?;
    let bank = new.bank.as_ref().map(|bank| key.seal(&place("bank", &id), bank, means.dice)).transpose()?;
    Ok(PayoutRow {
        shop,
        scheme: new.number.scheme(),
        holder: key.seal(&place("holder", &id), new.holder.text(), means.dice)?,
        number: key.seal(&place("number", &id), new.number.text(), means.dice)?,
        bank,
        proposer: by.actor.label(),
        approval: None,
        created: means.now,
        effective: None,
        id,
    })
}

fn open(tx: &mut Tx, vault: &Vault, row: &PayoutRow) -> Result<NewPayout, PayoutError> {
    let key: DataKey = vault.find_data_key(tx, row.shop, &row.id)?;
    let holder = key.open(&place("holder", &row.id), &row.holder)?;
    let number = key.open(&place("number", &row.id), &row.number)?;
    let bank = row.bank.as_deref().map(|bank| key.open(&place("bank", &row.id), bank)).transpose()?;
    Ok(NewPayout {
        holder: Value::stored(Kind::Name, Scheme::Plain, holder),
        number: Value::stored(Kind::BankAccount, row.scheme, number),
        bank,
    })
}

fn masked(tx: &mut Tx, vault: &Vault, row: Option<PayoutRow>) -> Result<Option<PayoutAccount>, PayoutError> {
    let Some(row) = row else { return Ok(None) };
    let opened = open(tx, vault, &row)?;
    Ok(Some(PayoutAccount {
        scheme: row.scheme,
        holder: opened.holder.masked(),
        number: opened.number.masked(),
        bank: opened.bank.map(|bank| bank.expose().clone()),
        proposer: row.proposer,
        created: row.created,
        effective: row.effective,
        approval: row.approval,
        id: row.id,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Typed<'_> =
        Typed { holder: "Tea House Ltd", scheme: "iban", number: "GB29 NWBK 6016 1331 9268 19", bank: "" };

    fn wrong(typed: Typed<'_>) -> Vec<&'static str> {
        NewPayout::parse(typed).err().into_iter().flatten().map(|(part, _)| part.name()).collect()
    }

    #[test]
    fn an_iban_names_its_bank_and_other_numbers_need_one() {
        assert!(NewPayout::parse(GOOD).is_ok());
        let card = Typed { scheme: "card", number: "6200 0000 0000 0005", ..GOOD };
        assert_eq!(wrong(card), ["bank"]);
        assert!(NewPayout::parse(Typed { bank: "Bank of China", ..card }).is_ok());
        assert_eq!(wrong(Typed { scheme: "account", number: "12345678", bank: " ", ..GOOD }), ["bank"]);
        assert!(NewPayout::parse(Typed { bank: &"b".repeat(BANK_CHARS_MAX), ..card }).is_ok());
        assert_eq!(wrong(Typed { bank: &"b".repeat(BANK_CHARS_MAX + 1), ..card }), ["bank"]);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        assert_eq!(
            wrong(Typed { holder: " ", scheme: "card", number: "1", bank: "" }),
            ["holder", "number", "bank"]
        );
        assert_eq!(wrong(Typed { scheme: "plain", ..GOOD }), ["scheme"]);
        assert_eq!(wrong(Typed { number: "GB29 NWBK 6016 1331 9268 18", ..GOOD }), ["number"]);
    }
}
