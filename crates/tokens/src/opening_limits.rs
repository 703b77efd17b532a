//! A shop's limits of opening, set anew: what loosens one takes two people (C13, AZ-6).

use base::{ScopedId, ShopId};
use identity::approvals::{self, Approval, ApprovalAction, ApprovalError, Asked, Proposal};
use identity::{Fault, Means};
use store::Tx;

use crate::record::By;
use crate::watch::{Limits, find_limits, update_limits};

/// What the subject of an approval begins with.
const WORD: &str = "openings";

/// Why limits were not changed. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// They are others now than when the change was proposed.
    #[error("the limits were changed meanwhile; propose it again")]
    Stale,
    /// The proposal to a second person was refused.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<store::Error> for LimitsError {
    fn from(error: store::Error) -> LimitsError {
        LimitsError::Fault(error.into())
    }
}

/// Sets the limits of a shop; where one is loosened, a second person is asked, where there is one. The caller has checked
/// that the actor may.
///
/// # Errors
/// [`LimitsError`] but [`LimitsError::Stale`].
pub fn request_limits(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    wanted: &Limits,
) -> Result<Asked, LimitsError> {
    let present = find_limits(tx, shop)?;
    let looser = numbers(wanted).into_iter().zip(numbers(&present)).any(|(new, old)| new > old);
    if looser {
        let asked = approvals::ask_if_two(tx, means, by.actor, &proposal_of(shop, &present, wanted))?;
        if let Asked::Wait(_) = asked {
            return Ok(asked);
        }
    }
    update_limits(tx, means, by, shop, wanted)?;
    Ok(Asked::Go)
}

/// Whether an approval is for limits of opening.
pub fn is_of_openings(approval: &Approval) -> bool {
    approval.subject.split(' ').next() == Some(WORD)
}

/// Sets the limits that a second person just approved.
///
/// # Errors
/// [`LimitsError::Stale`] when they were changed after it was proposed.
pub fn carry_out(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    approval: &Approval,
) -> Result<(), LimitsError> {
    let shop = approval.id.shop();
    let wanted = read(&approval.subject).ok_or(Fault::Row("approval"))?;
    let present = find_limits(tx, shop)?;
    if proposal_of(shop, &present, &wanted).subject != approval.subject {
        return Err(LimitsError::Stale);
    }
    Ok(update_limits(tx, means, by, shop, &wanted)?)
}

/// What a second person is asked for: the limits that are to be, and those that are.
fn proposal_of(shop: ShopId, present: &Limits, wanted: &Limits) -> Proposal {
    let text = |limits: &Limits| numbers(limits).map(|number| number.to_string()).join(" ");
    let subject = format!("{WORD} {} from {}", text(wanted), text(present));
    let summary = format!("{WORD}: {} → {}", text(present), text(wanted));
    Proposal::new(shop, ApprovalAction::ChangeLimit, &subject, &summary)
}

fn numbers(limits: &Limits) -> [i64; 5] {
    [limits.person_hour, limits.key_hour, limits.shop_hour, limits.alert_hour, limits.alert_day]
}

fn read(subject: &str) -> Option<Limits> {
    let mut words = subject.split(' ').skip(1);
    let mut next = || Limits::check(words.next()?.parse().ok()?).ok();
    Some(Limits {
        person_hour: next()?,
        key_hour: next()?,
        shop_hour: next()?,
        alert_hour: next()?,
        alert_day: next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_were_proposed() {
        let wanted = Limits { person_hour: 1, key_hour: 2, shop_hour: 3, alert_hour: 4, alert_day: 5 };
        let proposal = proposal_of(ShopId::HOUSE, &Limits::default(), &wanted);
        assert_eq!(read(&proposal.subject), Some(wanted));
        for other in ["", "openings", "openings 1 2 3 4", "openings 1 2 3 4 -5", "openings 1 2 3 4 x"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
