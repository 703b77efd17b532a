//! The decision: one of four outcomes, why, and a record of it that can be replayed and explained years later.
//!
//! Rules and the model each propose an outcome; the stricter one counts. A rule with outcome `allow` that fires
//! overrules what rules of lower priority, and the model, propose: it is how a shop trusts someone. A rule that a shop
//! watches is noted and proposes nothing.

use std::sync::{Arc, OnceLock};

use crate::facts::Facts;
use crate::features::{Features, Kind, SLOTS, Slot, features};
use crate::profile::Profiles;
use crate::rules::{Mode, Modes, RuleSet};
use crate::wire::{Reader, Writer};

/// First byte of an encoded decision.
const VERSION: u8 = 1;
/// Largest encoded decision that is read, in bytes.
pub const DECISION_BYTES_MAX: usize = 32_768;
/// Most reasons a decision keeps.
pub const REASONS_MAX: usize = 16;
/// Most slots that are named as what moved the model.
pub const CAUSES_MAX: usize = 5;
/// The name under which the model appears among the reasons.
pub const MODEL_RULE: &str = "model";

/// What is done with a payment, from mild to strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It goes through.
    Allow,
    /// It pauses and asks the payer: is this you?
    Challenge,
    /// It pauses and waits for a member.
    Review,
    /// It is declined.
    Block,
}

impl Outcome {
    /// All four, mild first.
    pub const ALL: [Outcome; 4] = [Outcome::Allow, Outcome::Challenge, Outcome::Review, Outcome::Block];

    /// The word stored and shown in interfaces.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Allow => "allow",
            Outcome::Challenge => "challenge",
            Outcome::Review => "review",
            Outcome::Block => "block",
        }
    }

    /// Reads [`Outcome::name`].
    pub fn named(name: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// A model that gives the probability of fraud.
pub trait Scorer: Send + Sync {
    /// Calibrated probability of fraud, 0 to 1, from the row of one attempt.
    fn probability(&self, row: &Features) -> f32;

    /// Which model it is; stored with each decision.
    fn version(&self) -> u64;

    /// The slots that moved the score most and by how much (log-odds), strongest first. Called only when the model
    /// proposes something other than to allow.
    fn causes(&self, _row: &Features) -> Vec<(Slot, f32)> {
        Vec::new()
    }
}

/// What outcomes cost, to weigh them against the expected loss. Shares are of the amount, the rest minor units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Lost with each fraud besides the amount: fees, handling.
    pub fraud_fee_minor: f64,
    /// What a genuine payment earns, as a share of its amount.
    pub margin: f64,
    /// What blocking a genuine payer costs beyond the margin: their trust.
    pub insult_minor: f64,
    /// What asking a genuine payer costs.
    pub challenge_minor: f64,
    /// Share of frauds that a challenge lets through all the same.
    pub challenge_miss: f64,
    /// A member's time for a review, and the payer's for waiting.
    pub review_minor: f64,
    /// Share of frauds that a review lets through all the same.
    pub review_miss: f64,
}

impl Default for Costs {
    /// For a shop that counts in yuan: ¥15 a fraud, 20 % margin, ¥30 of trust, ¥0.50 a question, ¥12 a review.
    fn default() -> Costs {
        Costs {
            fraud_fee_minor: 1_500.0,
            margin: 0.2,
            insult_minor: 3_000.0,
            challenge_minor: 50.0,
            challenge_miss: 0.25,
            review_minor: 1_200.0,
            review_miss: 0.1,
        }
    }
}

impl Costs {
    /// The outcome with the lowest expected cost for an amount and a probability of fraud. With challenge and review
    /// ruled out this is the plain threshold: block when `p × loss > (1 - p) × cost of blocking`.
    pub fn cheapest(&self, amount_minor: i64, probability: f32) -> Outcome {
        let (amount, p) = (amount_minor as f64, f64::from(probability).clamp(0.0, 1.0));
        let loss = p * (amount + self.fraud_fee_minor);
        let ask = loss * self.challenge_miss + (1.0 - p) * self.challenge_minor;
        let review = loss * self.review_miss + self.review_minor;
        let block = (1.0 - p) * (amount * self.margin + self.insult_minor);
        let mut best = (loss, Outcome::Allow);
        for (cost, outcome) in [(ask, Outcome::Challenge), (review, Outcome::Review), (block, Outcome::Block)]
        {
            if cost < best.0 {
                best = (cost, outcome);
            }
        }
        best.1
    }
}

/// One rule that fired, or the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Name of the rule; [`MODEL_RULE`] for the model.
    pub rule: Arc<str>,
    /// What it proposes.
    pub outcome: Outcome,
    /// Whether an `allow` rule of higher priority overruled it.
    pub overruled: bool,
    /// Whether the shop only watches the rule: it fired, and changed nothing.
    pub watched: bool,
}

impl Reason {
    /// Whether it took part in the outcome.
    pub fn counts(&self) -> bool {
        !self.overruled && !self.watched
    }
}

/// A decision with everything it was made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What is done.
    pub outcome: Outcome,
    /// The model's probability of fraud. `None` without a model.
    pub score: Option<f32>,
    /// Why, strictest first.
    pub reasons: Vec<Reason>,
    /// What moved the model, strongest first.
    pub causes: Vec<(Slot, f32)>,
    /// The row it was decided on.
    pub features: Box<Features>,
    /// Which rules decided.
    pub rule_set_version: u64,
    /// Which model decided; 0 without one.
    pub model_version: u64,
}

/// Decides on one attempt. Changes nothing: see [`crate::observe`] for remembering it.
pub fn decide(
    facts: &Facts,
    profiles: &Profiles,
    rules: &RuleSet,
    model: Option<&dyn Scorer>,
    costs: &Costs,
) -> Decision {
    decide_under(facts, profiles, (rules, Modes::ALL_ON), model, costs)
}

/// As [`decide`], with what a shop made of the rules.
pub fn decide_under(
    facts: &Facts,
    profiles: &Profiles,
    rules: (&RuleSet, &Modes),
    model: Option<&dyn Scorer>,
    costs: &Costs,
) -> Decision {
    judge_under(Box::new(features(facts, profiles)), rules, model, costs)
}

/// Decides on a row, also one read from a stored decision: the replay.
pub fn judge(row: Box<Features>, rules: &RuleSet, model: Option<&dyn Scorer>, costs: &Costs) -> Decision {
    judge_under(row, (rules, Modes::ALL_ON), model, costs)
}

/// As [`judge`], with what a shop made of the rules.
pub fn judge_under(
    row: Box<Features>,
    (rules, modes): (&RuleSet, &Modes),
    model: Option<&dyn Scorer>,
    costs: &Costs,
) -> Decision {
    let score = model.map(|model| model.probability(&row));
    let amount_minor = row.known(AMOUNT).unwrap_or(0.0) as i64;
    let advice = score.map_or(Outcome::Allow, |probability| costs.cheapest(amount_minor, probability));
    let (mut reasons, trusted) = fired(&row, rules, modes);
    let mut causes = Vec::new();
    if let Some(model) = model.filter(|_| advice != Outcome::Allow) {
        causes = model.causes(&row);
        causes.truncate(CAUSES_MAX);
        reasons.push(Reason { rule: MODEL_RULE.into(), outcome: advice, overruled: trusted, watched: false });
    }
    let outcome = reasons.iter().filter(|reason| reason.counts()).map(|reason| reason.outcome).max();
    reasons.sort_by_key(|reason| (reason.watched, reason.overruled, std::cmp::Reverse(reason.outcome)));
    reasons.truncate(REASONS_MAX);
    Decision {
        outcome: outcome.unwrap_or(Outcome::Allow),
        score,
        reasons,
        causes,
        features: row,
        rule_set_version: rules.version(),
        model_version: model.map_or(0, Scorer::version),
    }
}

const AMOUNT: Slot = Slot::own(crate::features::Own::Amount);

/// The rules that fire, in order of priority, and whether one of them says to allow.
fn fired(row: &Features, rules: &RuleSet, modes: &Modes) -> (Vec<Reason>, bool) {
    let mut reasons = Vec::new();
    let mut trusted_from = None;
    for rule in rules.firing(row) {
        let mode = modes.of(rule.name());
        if mode == Mode::Off {
            continue;
        }
        let watched = mode == Mode::Watch;
        if rule.outcome() == Outcome::Allow && trusted_from.is_none() && !watched {
            trusted_from = Some(rule.priority());
        }
        let overruled = !watched && trusted_from.is_some_and(|priority| rule.priority() < priority);
        reasons.push(Reason { rule: rule.name().clone(), outcome: rule.outcome(), overruled, watched });
    }
    (reasons, trusted_from.is_some())
}

/// Why bytes are not a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// Written by another version.
    #[error("decision has version {0}, this program reads version {VERSION}")]
    Version(u8),
    /// Its row has slots this program does not know.
    #[error("decision has row layout {found:08x}, this program reads {here:08x}")]
    Layout {
        /// The layout it was written with.
        found: u32,
        /// The layout of this program.
        here: u32,
    },
    /// Empty, cut, too long, or not a decision.
    #[error("decision is damaged: {0} bytes that cannot be read")]
    Damaged(usize),
}

impl Decision {
    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(512);
        out.byte(VERSION);
        out.raw(&crate::features::layout().to_le_bytes());
        out.byte(self.outcome as u8 | if self.score.is_some() { 4 } else { 0 });
        if let Some(score) = self.score {
            out.f32(score);
        }
        out.uint(self.rule_set_version);
        out.uint(self.model_version);
        out.uint(self.reasons.len().min(REASONS_MAX) as u64);
        for reason in self.reasons.iter().take(REASONS_MAX) {
            let bit = |set: bool, bit: u8| if set { bit } else { 0 };
            out.byte(reason.outcome as u8 | bit(reason.overruled, OVERRULED) | bit(reason.watched, WATCHED));
            out.text(&reason.rule);
        }
        out.uint(self.causes.len().min(CAUSES_MAX) as u64);
        for (slot, weight) in self.causes.iter().take(CAUSES_MAX) {
            out.uint(slot.index() as u64);
            out.f32(*weight);
        }
        write_row(&mut out, &self.features);
        out.0
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`DecisionError`]; never panics, whatever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Decision, DecisionError> {
        let damaged = DecisionError::Damaged(bytes.len());
        let mut input = Reader(bytes);
        match input.byte() {
            Some(VERSION) if bytes.len() <= DECISION_BYTES_MAX => {}
            Some(version) if version != VERSION => return Err(DecisionError::Version(version)),
            _ => return Err(damaged),
        }
        let found = u32::from_le_bytes(input.array().ok_or(damaged)?);
        let here = crate::features::layout();
        if found != here {
            return Err(DecisionError::Layout { found, here });
        }
        read(&mut input).filter(|_| input.is_empty()).ok_or(damaged)
    }
}

fn read(input: &mut Reader<'_>) -> Option<Decision> {
    let (outcome, scored) = read_outcome(input)?;
    let score = if scored { Some(input.f32()?) } else { None };
    let (rule_set_version, model_version) = (input.uint()?, input.uint()?);
    let mut reasons = Vec::new();
    for _ in 0..input.count(REASONS_MAX)? {
        let byte = input.byte()?;
        let outcome = *Outcome::ALL.get(usize::from(byte & 3))?;
        let (overruled, watched) = (byte & OVERRULED != 0, byte & WATCHED != 0);
        if byte & !(3 | OVERRULED | WATCHED) != 0 {
            return None;
        }
        let rule = input.text(crate::rules::NAME_BYTES_MAX)?.into();
        reasons.push(Reason { rule, outcome, overruled, watched });
    }
    let mut causes = Vec::new();
    for _ in 0..input.count(CAUSES_MAX)? {
        causes.push((Slot::at(input.count(SLOTS)?)?, input.f32()?));
    }
    let features = read_row(input)?;
    Some(Decision { outcome, score, reasons, causes, features, rule_set_version, model_version })
}

fn read_outcome(input: &mut Reader<'_>) -> Option<(Outcome, bool)> {
    let byte = input.byte()?;
    let outcome = *Outcome::ALL.get(usize::from(byte & 3))?;
    (byte <= 7).then_some((outcome, byte & 4 != 0))
}

/// Bits of a reason, beside its outcome.
const OVERRULED: u8 = 4;
const WATCHED: u8 = 8;

const UNKNOWN: u8 = 0;
const ZERO: u8 = 1;
const BYTE: u8 = 2;
const LONGER: u8 = 3;

/// The types of the slots, which say how a longer value is written.
fn kinds() -> &'static [Kind; SLOTS] {
    static KINDS: OnceLock<[Kind; SLOTS]> = OnceLock::new();
    KINDS.get_or_init(|| {
        std::array::from_fn(|index| Slot::at(index).map_or(Kind::Int, |slot| slot.info().kind))
    })
}

/// Two bits a slot (unknown, zero, a byte, longer), then what they announce.
fn write_row(out: &mut Writer, row: &Features) {
    let start = out.0.len();
    out.0.resize(start + SLOTS.div_ceil(4), 0);
    for (index, (&value, &kind)) in row.values().iter().zip(kinds()).enumerate() {
        let code = write_value(out, value, kind);
        if let Some(byte) = out.0.get_mut(start + index / 4) {
            *byte |= code << (2 * (index % 4));
        }
    }
}

fn write_value(out: &mut Writer, value: f64, kind: Kind) -> u8 {
    if value.is_nan() {
        return UNKNOWN;
    }
    if value == 0.0 {
        return ZERO;
    }
    if let Ok(byte) = u8::try_from(value as i32)
        && f64::from(byte) == value
    {
        out.byte(byte);
        return BYTE;
    }
    match kind {
        Kind::Double => write_double(out, value),
        Kind::Int | Kind::Bool | Kind::Text => write_int(out, value),
    }
    LONGER
}

/// The upper three bytes of a small NaN: the value follows as `f64`.
const EXACTLY: u32 = 0x7FC0_0000;

/// The three bytes that [`crate::features::round`] leaves, or all eight where something else was set.
fn write_double(out: &mut Writer, value: f64) {
    let short = value as f32;
    if f64::from(short) == value && short.to_bits() & 0xFF == 0 {
        let [_, a, b, c] = short.to_bits().to_le_bytes();
        out.raw(&[a, b, c]);
    } else {
        let [_, a, b, c] = EXACTLY.to_le_bytes();
        out.raw(&[a, b, c]);
        out.f64(value);
    }
}

/// A whole number (even head: zigzag, shifted), or head 1 and the value as `f64`.
fn write_int(out: &mut Writer, value: f64) {
    let whole = value as i64;
    if whole as f64 == value && whole.unsigned_abs() < 1 << 53 {
        out.uint((((whole << 1) ^ (whole >> 63)) as u64) << 1);
    } else {
        out.byte(1);
        out.f64(value);
    }
}

fn read_row(input: &mut Reader<'_>) -> Option<Box<Features>> {
    let codes = input.take(SLOTS.div_ceil(4))?;
    let mut row = Box::new(Features::UNKNOWN);
    for (slot, kind) in Slot::all().zip(kinds()) {
        let code = codes.get(slot.index() / 4)? >> (2 * (slot.index() % 4)) & 3;
        match (code, kind) {
            (UNKNOWN, _) => {}
            (ZERO, _) => row.set(slot, 0.0),
            (BYTE, _) => row.set(slot, f64::from(input.byte()?)),
            (_, Kind::Double) => row.set(slot, read_double(input)?),
            _ => row.set(slot, read_int(input)?),
        }
    }
    Some(row)
}

fn read_double(input: &mut Reader<'_>) -> Option<f64> {
    let [a, b, c] = input.array()?;
    let short = f32::from_le_bytes([0, a, b, c]);
    if short.to_bits() == EXACTLY {
        return input.f64();
    }
    Some(f64::from(short)).filter(|value| value.is_finite())
}

fn read_int(input: &mut Reader<'_>) -> Option<f64> {
    match input.uint()? {
        1 => input.f64(),
        head if head & 1 == 0 => {
            let raw = head >> 1;
            Some(((raw >> 1) as i64 ^ -((raw & 1) as i64)) as f64)
        }
        _ => None,
    }
}
