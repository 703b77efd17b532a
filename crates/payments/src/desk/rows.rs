//! Payments as rows, and what screening said of them in words.

use identity::desk::payer_name;
use store::Tx;
use webkit::error::ApiError;
use webkit::page::Frame;
use webkit::page::chart::Feature;

use super::member::Member;
use super::words::{risk_lang, shown, shown_outcome};
use crate::pages::detail::DecisionView;
use crate::pages::list::PaymentRow;
use crate::payment::{DeclineReason, Payment, State};
use crate::store as rows;

/// Characters of a rule set's version that are shown.
const VERSION_CHARS: usize = 8;
/// From here on a version is a hash.
const COUNTED_MAX: u64 = 1_000_000;

/// A payment as a row.
///
/// # Errors
/// Those of store and vault.
pub(super) fn row_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    payment: &Payment,
) -> Result<PaymentRow, ApiError> {
    let state = payment.state_at(member.means.now);
    let reason = if state == State::Waiting { String::new() } else { strongest(tx, member, page, payment)? };
    Ok(PaymentRow {
        id: payment.id.to_string(),
        href: format!("/desk/payments/{}", payment.id),
        at: payment.created_at,
        amount: payment.amount,
        state: shown(state),
        payer: payer_name(tx, member.means.vault, payment.buyer)?,
        order: payment.description.clone().or_else(|| payment.reference.clone()).unwrap_or_default(),
        reason,
    })
}

/// Several payments as rows.
///
/// # Errors
/// Those of store and vault.
pub(super) fn rows_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    payments: &[Payment],
) -> Result<Vec<PaymentRow>, ApiError> {
    payments.iter().map(|payment| row_of(tx, member, page, payment)).collect()
}

/// The strongest reason why a payment did not simply go through; empty when it did.
fn strongest(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    payment: &Payment,
) -> Result<String, ApiError> {
    if payment.decline == Some(DeclineReason::InsufficientFunds) {
        return Ok(page.t("reason-funds"));
    }
    let decision = find_decision(tx, payment)?.filter(|decision| decision.outcome != risk::Outcome::Allow);
    let reasons = decision.map(|decision| reasons_of(member, page, &decision));
    Ok(reasons.and_then(|reasons| reasons.into_iter().next()).unwrap_or_default())
}

/// The decision on a payment, if there is one that this program can read.
///
/// # Errors
/// Those of the store.
pub(super) fn find_decision(tx: &mut Tx<'_>, payment: &Payment) -> Result<Option<risk::Decision>, ApiError> {
    let stored = payment.decision.map_or(Ok(None), |id| rows::find_decision(tx, id))?;
    Ok(stored.and_then(|(bytes, _)| risk::Decision::from_bytes(&bytes).ok()))
}

fn reasons_of(member: &Member<'_>, page: &Frame, decision: &risk::Decision) -> Vec<String> {
    let screen = member.desk.context.screen();
    risk::explain(decision, &screen.rules, member.audience(), risk_lang(page.lang))
}

/// A decision as the desk shows it.
pub(super) fn decision_view(member: &Member<'_>, page: &Frame, decision: &risk::Decision) -> DecisionView {
    let screen = member.desk.context.screen();
    let told = risk::explain(decision, &screen.rules, risk::Audience::Buyer, risk_lang(page.lang));
    let sees_all = member.audience() == risk::Audience::Analyst;
    let score = decision.score.filter(|_| sees_all);
    let model = if decision.model_version == 0 { "–".to_owned() } else { version(decision.model_version) };
    DecisionView {
        outcome: shown_outcome(decision.outcome),
        score: score.map_or_else(String::new, |score| format!("{:.1} %", f64::from(score) * 100.0)),
        reasons: reasons_of(member, page, decision),
        watched: if sees_all {
            risk::explain_watched(decision, &screen.rules, risk_lang(page.lang))
        } else {
            Vec::new()
        },
        buyer_text: told.into_iter().next().unwrap_or_default(),
        rules_version: version(decision.rule_set_version),
        model_version: model,
        features: if sees_all { features_of(page, decision) } else { Vec::new() },
    }
}

/// A version that people count is shown as it is, one that is a hash by its first characters.
fn version(number: u64) -> String {
    if number < COUNTED_MAX {
        return number.to_string();
    }
    format!("{number:016x}").chars().take(VERSION_CHARS).collect()
}

/// What is measured against this payer's usual; nothing for a payer without a history.
fn features_of(page: &Frame, decision: &risk::Decision) -> Vec<Feature> {
    let known = |name: &str| decision.features.known(risk::Slot::named(name)?);
    let history = known("payer.total").unwrap_or(0.0) >= f64::from(risk::profile::HISTORY_MIN);
    if !history {
        return Vec::new();
    }
    let amount = amount_feature(page, decision, &known);
    let paces = [
        ("payer.count_1h", "payer.pace_1h", page.t("feature-count-1h")),
        ("payer.count_10m", "payer.pace_10m", page.t("feature-count-10m")),
    ];
    let counts = paces
        .into_iter()
        .filter_map(|(count, pace, name)| count_feature(page, name, known(count)?, known(pace)?));
    amount.into_iter().chain(counts).collect()
}

/// The amount against the mean, two deviations either way.
fn amount_feature(
    page: &Frame,
    decision: &risk::Decision,
    known: &dyn Fn(&str) -> Option<f64>,
) -> Option<Feature> {
    let (value, mean) = (known("payment.amount_minor")?, known("payer.mean_minor")?);
    let spread = 2.0 * known("payer.deviation_minor").unwrap_or(0.0);
    let (low, high) = ((mean - spread).max(0.0), mean + spread);
    let word = decision.features.word(risk::Slot::named("payment.currency")?)?;
    let currency: base::Currency = word.text().parse().ok()?;
    let say = |minor: f64| page.amount(&base::Money::new(minor.round() as i64, currency));
    Some(Feature {
        name: page.t("feature-amount"),
        shown: say(value),
        usual: page.t2("feature-from-to", "low", say(low), "high", say(high)),
        value,
        usual_low: low,
        usual_high: high,
    })
}

/// A count against its usual, which is the count divided by the pace, and at least one.
fn count_feature(page: &Frame, name: String, count: f64, pace: f64) -> Option<Feature> {
    let usual = if pace > 0.0 { (count / pace).max(1.0) } else { return None };
    Some(Feature {
        name,
        shown: format!("{count:.0}"),
        usual: page.t1("feature-up-to", "high", format!("{:.0}", usual.ceil())),
        value: count,
        usual_low: 0.0,
        usual_high: usual,
    })
}
