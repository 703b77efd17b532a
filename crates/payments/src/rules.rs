//! What a shop makes of the rules of screening: each is on, watched or off.
//!
//! Promises: a rule that is watched is noted with the decision and changes nothing, one that is off is not noted; the rules
//! of [`FIXED_RULES`] stay on, since they keep money that buyers hold with every shop; each change is in the log with who
//! and why, and counts from the next payment on; whoever changes rules or watches over security is told of each that is quieted. Where nothing was changed nothing is stored.

use std::collections::{BTreeSet, HashMap};

use base::ShopId;
use identity::{Actor, Denied, Means, Notice, Permission, Person, Quiet};
use risk::{Decision, Mode, RuleSet};
use store::Tx;

use crate::limits::{FIXED_RULES, RULE_DECISIONS_MAX};
use crate::record;
use crate::shop::{Premises, find_premises};
use crate::store as rows;
use crate::text::ShortText;

/// Why a rule's mode was not changed. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleModeError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The shop is not there.
    #[error("shop does not exist")]
    NoShop,
    /// There is no such rule.
    #[error("rule does not exist")]
    NoRule,
    /// It protects buyers at every shop.
    #[error("this rule protects what buyers hold with every shop and stays on")]
    Fixed,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(#[from] identity::Fault),
}

impl From<store::Error> for RuleModeError {
    fn from(error: store::Error) -> RuleModeError {
        RuleModeError::Fault(error.into())
    }
}

/// A rule's mode, as it is changed.
#[derive(Clone, Copy, Debug)]
pub struct RuleChange<'a> {
    /// The rule.
    pub rule: &'a str,
    /// What it did.
    pub from: Mode,
    /// What it does.
    pub to: Mode,
    /// Why.
    pub note: &'a ShortText,
}

/// Whether a shop may not quiet a rule.
pub fn is_fixed(rule: &str) -> bool {
    FIXED_RULES.contains(&rule)
}

/// Lets a rule act, only watches it or switches it off, for one shop. What it did before; the same once more changes
/// nothing and is not entered.
///
/// # Errors
/// [`RuleModeError`].
pub fn set_rule_mode(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    (shop, rules): (ShopId, &RuleSet),
    (rule, to, note): (&str, Mode, &ShortText),
) -> Result<Mode, RuleModeError> {
    actor.allow(Permission::ManageRules, shop)?;
    if rules.find(rule).is_none() {
        return Err(RuleModeError::NoRule);
    }
    if is_fixed(rule) && to != Mode::On {
        return Err(RuleModeError::Fixed);
    }
    let country = identity::find_shop(tx, shop)?.ok_or(RuleModeError::NoShop)?.country;
    let known = find_premises(tx, shop, &country)?;
    let mut modes = known.modes.clone();
    let from = modes.set(rule, to);
    if from != to {
        rows::put_premises(tx, shop, &Premises { modes, ..known })?;
        let change = RuleChange { rule, from, to, note };
        record::note_rule(tx, means, &actor.into(), shop, &change)?;
        tell(tx, means, actor, shop, &change)?;
    }
    Ok(from)
}

/// Tells of a rule that was quieted: everybody who may change rules, and whoever watches over security, so that nobody
/// quiets one alone and unseen.
fn tell(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    change: &RuleChange<'_>,
) -> Result<(), identity::Fault> {
    let quiet = match change.to {
        Mode::On => return Ok(()),
        Mode::Watch => Quiet::Watched,
        Mode::Off => Quiet::Off,
    };
    let notice = Notice::RuleQuieted {
        rule: change.rule.to_owned(),
        quiet,
        who: actor.label(),
        at: means.now,
        reason: change.note.as_str().to_owned(),
    };
    let mut told: BTreeSet<_> =
        identity::list_holders_of(tx, shop, Permission::ManageRules)?.into_iter().collect();
    told.extend(identity::list_security_members(tx, shop)?);
    for member in told {
        identity::queue_notice(tx, means, Person::Member(member), &notice)?;
    }
    Ok(())
}

/// How often each rule fired among the newest [`RULE_DECISIONS_MAX`] decisions of a shop, and how many these are. What fired
/// while it was off is not known.
///
/// # Errors
/// Those of the store.
pub fn count_fired(tx: &mut Tx<'_>, shop: ShopId) -> Result<(HashMap<String, u64>, u64), store::Error> {
    let mut fired: HashMap<String, u64> = HashMap::new();
    let mut decisions = 0;
    for body in rows::list_recent_decisions(tx, shop, RULE_DECISIONS_MAX)? {
        let Ok(decision) = Decision::from_bytes(&body) else { continue };
        decisions += 1;
        for reason in &decision.reasons {
            *fired.entry(reason.rule.to_string()).or_default() += 1;
        }
    }
    Ok((fired, decisions))
}
