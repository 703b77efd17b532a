//! Holds: an amount is reserved now and captured, voided or left to expire later.

use std::fmt;

use base::{Money, PaymentId, ScopedId, Timestamp, TransferId};
use store::Tx;

use crate::account::AccountKey;
use crate::balance::Change;
use crate::refusal::{Answer, Effect, Refusal, Stop, answer};
use crate::store as rows;
use crate::transfer::{Reason, Transfer, check_shop, check_terms, insert, move_balances};

/// An amount reserved on both of its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its id, and the shop it is stored among.
    pub id: TransferId,
    /// The account it will debit.
    pub debit: AccountKey,
    /// The account it will credit.
    pub credit: AccountKey,
    /// How much is held; above zero.
    pub amount: Money,
    /// The payment it belongs to.
    pub payment: Option<PaymentId>,
    /// When it was made. Not compared when the same id comes again.
    pub at: Timestamp,
    /// First instant at which it can no longer be captured.
    pub expires_at: Timestamp,
    /// What became of it; [`HoldState::Open`] when made.
    pub state: HoldState,
}

/// What became of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// Still reserved.
    Open,
    /// Captured, perhaps in part: these minor units. The rest was released.
    Captured(i64),
    /// Released by the one who made it.
    Voided,
    /// Released since its time was over.
    Expired,
}

impl HoldState {
    /// The word that is stored and shown: `captured`.
    pub fn as_str(self) -> &'static str {
        match self {
            HoldState::Open => "open",
            HoldState::Captured(_) => "captured",
            HoldState::Voided => "voided",
            HoldState::Expired => "expired",
        }
    }
}

impl fmt::Display for HoldState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Takes a hold's money, all or a part; the rest is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Id of the transfer that it makes, of the hold's shop.
    pub id: TransferId,
    /// The hold.
    pub hold: TransferId,
    /// How much; at most what is held.
    pub amount: Money,
    /// What for.
    pub reason: Reason,
    /// When.
    pub at: Timestamp,
}

/// Reserves an amount, unless the same was reserved before.
///
/// # Errors
/// Those of the store. Refused: as [`crate::post`], and [`Refusal::HoldEnded`] for one that is over before it begins.
pub fn authorise(tx: &mut Tx<'_>, hold: &Hold) -> Answer<Effect> {
    answer(run_authorise(tx, hold))
}

/// Captures a hold, unless the same was captured before.
///
/// # Errors
/// Those of the store. Refused: [`Refusal::IdReused`], [`Refusal::OtherShop`], [`Refusal::NoHold`],
/// [`Refusal::HoldEnded`] (also once its time is over), [`Refusal::OtherCurrency`], [`Refusal::Amount`],
/// [`Refusal::ExceedsHold`].
pub fn capture(tx: &mut Tx<'_>, capture: &Capture) -> Answer<Effect> {
    answer(run_capture(tx, capture))
}

/// Releases a hold, unless it was voided before.
///
/// # Errors
/// Those of the store. Refused: [`Refusal::NoHold`], [`Refusal::HoldEnded`].
pub fn void(tx: &mut Tx<'_>, hold: TransferId) -> Answer<Effect> {
    let run = |tx: &mut Tx<'_>| {
        let hold = rows::find_hold(tx, hold)?.ok_or(Refusal::NoHold)?;
        match hold.state {
            HoldState::Open => release(tx, hold, HoldState::Voided).map(|()| Effect::Done),
            HoldState::Voided => Ok(Effect::AlreadyDone),
            ended => Err(Refusal::HoldEnded(ended).into()),
        }
    };
    answer(run(tx))
}

/// Releases holds whose time is over, the oldest first, at most `limit`, and returns them.
///
/// # Errors
/// Those of the store. A refusal means that the books are wrong: prove them.
pub fn expire_due(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Answer<Vec<Hold>> {
    let run = |tx: &mut Tx<'_>| {
        let due = rows::list_due_holds(tx, now, limit)?;
        due.iter().try_for_each(|hold| release(tx, *hold, HoldState::Expired))?;
        Ok(due.into_iter().map(|hold| Hold { state: HoldState::Expired, ..hold }).collect())
    };
    answer(run(tx))
}

/// The hold, or `None`.
///
/// # Errors
/// Those of the store.
pub fn find_hold(tx: &mut Tx<'_>, id: TransferId) -> Result<Option<Hold>, store::Error> {
    rows::find_hold(tx, id)
}

/// All holds of a payment, oldest first.
///
/// # Errors
/// Those of the store.
pub fn list_holds(tx: &mut Tx<'_>, payment: PaymentId) -> Result<Vec<Hold>, store::Error> {
    rows::list_payment_holds(tx, payment)
}

fn run_authorise(tx: &mut Tx<'_>, hold: &Hold) -> Result<Effect, Stop> {
    if let Some(known) = rows::find_hold(tx, hold.id)? {
        let same = known == Hold { at: known.at, state: known.state, ..*hold };
        return if same { Ok(Effect::AlreadyDone) } else { Err(Refusal::IdReused.into()) };
    }
    check_terms(hold.debit, hold.credit, hold.amount)?;
    check_shop(hold.id, [hold.debit, hold.credit], hold.payment)?;
    if hold.state != HoldState::Open {
        return Err(Refusal::HoldEnded(hold.state).into());
    }
    if hold.expires_at <= hold.at {
        return Err(Refusal::HoldEnded(HoldState::Expired).into());
    }
    move_balances(tx, [hold.debit, hold.credit], Change::Hold(hold.amount.minor), |_| {})?;
    rows::put_hold(tx, hold)?;
    Ok(Effect::Done)
}

fn run_capture(tx: &mut Tx<'_>, capture: &Capture) -> Result<Effect, Stop> {
    if let Some(known) = rows::find_transfer(tx, capture.id)? {
        let same = known.hold == Some(capture.hold)
            && known.amount == capture.amount
            && known.reason == capture.reason;
        return if same { Ok(Effect::AlreadyDone) } else { Err(Refusal::IdReused.into()) };
    }
    if capture.id.shop() != capture.hold.shop() {
        return Err(Refusal::OtherShop.into());
    }
    let hold = rows::find_hold(tx, capture.hold)?.ok_or(Refusal::NoHold)?;
    check_capture(&hold, capture)?;
    let (held, posted) = (hold.amount.minor, capture.amount.minor);
    let Capture { id, amount, reason, at, .. } = *capture;
    let Hold { debit, credit, payment, .. } = hold;
    let transfer = Transfer { id, debit, credit, amount, reason, payment, hold: Some(hold.id), at };
    insert(tx, &transfer, Change::Settle { held, posted })?;
    rows::put_hold(tx, &Hold { state: HoldState::Captured(posted), ..hold })?;
    Ok(Effect::Done)
}

fn check_capture(hold: &Hold, capture: &Capture) -> Result<(), Refusal> {
    if hold.state != HoldState::Open {
        return Err(Refusal::HoldEnded(hold.state));
    }
    if capture.at >= hold.expires_at {
        return Err(Refusal::HoldEnded(HoldState::Expired));
    }
    check_terms(hold.debit, hold.credit, capture.amount)?;
    let (asked, held) = (capture.amount.minor, hold.amount.minor);
    if asked > held { Err(Refusal::ExceedsHold { asked, held }) } else { Ok(()) }
}

fn release(tx: &mut Tx<'_>, hold: Hold, state: HoldState) -> Result<(), Stop> {
    let change = Change::Settle { held: hold.amount.minor, posted: 0 };
    move_balances(tx, [hold.debit, hold.credit], change, |_| {})?;
    Ok(rows::put_hold(tx, &Hold { state, ..hold })?)
}
