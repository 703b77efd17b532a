//! The reasons of a decision in words: for the analyst with every figure, for the seller with those that help, for
//! the buyer as one calm sentence. English and Simplified Chinese.
//!
//! A text holds places such as `{payer.count_10m}`, filled from the row that was decided on: an amount becomes money,
//! a share a percentage, what is unknown a question mark. Buyers' texts hold no places, and no word of risk, scores
//! or rules: they would teach the wrong person and hurt the right one.

use base::{Currency, Money};

use crate::decide::{Decision, MODEL_RULE, Outcome, Reason};
use crate::features::{Features, Kind, Slot, Text};
use crate::rules::{Bilingual, RuleSet};

/// Longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 400;
/// What a buyer's text must not say.
const BUYER_BANNED: [&str; 10] =
    ["risk", "score", "rule", "fraud", "suspicious", "风险", "评分", "规则", "欺诈", "可疑"];

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A member who investigates.
    Analyst,
    /// The shop's owner or cashier.
    Seller,
    /// The payer.
    Buyer,
}

/// In which language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

/// A text with places for figures.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slot(Slot),
}

impl Template {
    fn parse(text: &str) -> Result<Template, String> {
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(format!("each text needs 1 to {TEXT_BYTES_MAX} bytes, found {}", text.len()));
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, tail)) = after.split_once('}') else {
                return Err(String::from("a text has `{` without `}`"));
            };
            let slot =
                Slot::named(name).ok_or_else(|| format!("a text names `{name}`, which is no variable"))?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Slot(slot));
            rest = tail;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Template(pieces))
    }

    fn fill(&self, row: &Features, lang: Lang) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Slot(slot) => out.push_str(&figure(row, *slot, lang)),
            }
        }
        out
    }

    /// The text itself, with what `figure` puts in its places.
    fn outline(&self, figure: &dyn Fn(Slot) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Slot(slot) => figure(*slot),
        };
        self.0.iter().map(piece).collect()
    }

    fn has_slots(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Slot(_)))
    }
}

/// What is wrong with which text of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordsError {
    /// Whose text.
    pub audience: Audience,
    /// In which language.
    pub lang: Lang,
    /// What is wrong.
    pub problem: String,
}

/// What one rule says to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Analyst, seller, buyer; each in English and Chinese.
    texts: [[Template; 2]; 3],
}

impl Words {
    /// Checks the three texts in both languages.
    ///
    /// # Errors
    /// An empty or long text, a place that names no slot, and a buyer's text with a figure or a banned word.
    pub fn parse(analyst: &Bilingual, seller: &Bilingual, buyer: &Bilingual) -> Result<Words, WordsError> {
        let one = |audience, lang, text: &str| {
            let template = Template::parse(text).and_then(|template| match audience {
                Audience::Buyer => calm(text, template),
                Audience::Analyst | Audience::Seller => Ok(template),
            });
            template.map_err(|problem| WordsError { audience, lang, problem })
        };
        let both = |audience, text: &Bilingual| {
            Ok::<_, WordsError>([one(audience, Lang::En, &text.en)?, one(audience, Lang::Zh, &text.zh)?])
        };
        let texts = [
            both(Audience::Analyst, analyst)?,
            both(Audience::Seller, seller)?,
            both(Audience::Buyer, buyer)?,
        ];
        Ok(Words { texts })
    }

    /// The text for someone, with the figures of a row.
    pub fn say(&self, row: &Features, audience: Audience, lang: Lang) -> String {
        self.template(audience, lang).fill(row, lang)
    }

    /// The text as the rule was written, with places such as `{payer.count_10m}`.
    pub fn written(&self, audience: Audience, lang: Lang) -> String {
        self.template(audience, lang).outline(&|slot| format!("{{{}}}", slot.info().name))
    }

    /// The text with an ellipsis in each place, for reading without a payment.
    pub fn outline(&self, audience: Audience, lang: Lang) -> String {
        self.template(audience, lang).outline(&|_| "…".to_owned())
    }

    fn template(&self, audience: Audience, lang: Lang) -> &Template {
        let [[a_en, a_zh], [s_en, s_zh], [b_en, b_zh]] = &self.texts;
        match (audience, lang) {
            (Audience::Analyst, Lang::En) => a_en,
            (Audience::Analyst, Lang::Zh) => a_zh,
            (Audience::Seller, Lang::En) => s_en,
            (Audience::Seller, Lang::Zh) => s_zh,
            (Audience::Buyer, Lang::En) => b_en,
            (Audience::Buyer, Lang::Zh) => b_zh,
        }
    }
}

/// A buyer's text, when it says nothing that a buyer should not read.
fn calm(text: &str, template: Template) -> Result<Template, String> {
    if template.has_slots() {
        return Err(String::from("the buyer's text must not hold figures"));
    }
    let said = text.to_lowercase();
    match BUYER_BANNED.iter().find(|word| said.contains(*word)) {
        Some(word) => Err(format!("the buyer's text must not say `{word}`")),
        None => Ok(template),
    }
}

/// The reasons of a decision in words, strictest first. `rules` is the set of the decision's version; of a rule that
/// it no longer has, the name is said. A buyer gets one sentence, none when the payment was allowed.
pub fn explain(decision: &Decision, rules: &RuleSet, audience: Audience, lang: Lang) -> Vec<String> {
    let shown = |reason: &&Reason| {
        !reason.watched
            && (audience == Audience::Analyst || (!reason.overruled && reason.outcome != Outcome::Allow))
    };
    let reasons = decision.reasons.iter().filter(shown);
    let mut said: Vec<String> =
        reasons.filter_map(|reason| said_by(reason, decision, rules, audience, lang)).collect();
    said.dedup();
    if audience == Audience::Buyer {
        said.truncate(1);
    }
    said
}

/// What the rules say that the shop only watches, in words for the analyst.
pub fn explain_watched(decision: &Decision, rules: &RuleSet, lang: Lang) -> Vec<String> {
    let watched = decision.reasons.iter().filter(|reason| reason.watched);
    watched.filter_map(|reason| said_by(reason, decision, rules, Audience::Analyst, lang)).collect()
}

fn said_by(
    reason: &Reason,
    decision: &Decision,
    rules: &RuleSet,
    audience: Audience,
    lang: Lang,
) -> Option<String> {
    match rules.find(&reason.rule) {
        Some(rule) => Some(rule.words().say(&decision.features, audience, lang)),
        None if audience == Audience::Buyer => buyer_words(decision.outcome, lang).map(str::to_owned),
        None if &*reason.rule == MODEL_RULE => Some(model_words(decision, audience, lang)),
        None => Some(gone_words(&reason.rule, decision, lang)),
    }
}

fn gone_words(rule: &str, decision: &Decision, lang: Lang) -> String {
    match lang {
        Lang::En => format!("rule `{rule}` of rule set {} fired", decision.rule_set_version),
        Lang::Zh => format!("触发了规则集 {} 中的规则 `{rule}`", decision.rule_set_version),
    }
}

/// What the model says to the seller, and in more words to the analyst.
fn model_words(decision: &Decision, audience: Audience, lang: Lang) -> String {
    let score = decision.score.map_or_else(|| "?".to_owned(), |score| percent(f64::from(score)));
    match (audience == Audience::Seller, lang) {
        (true, Lang::En) => format!("The payment resembles earlier frauds (estimated at {score})."),
        (true, Lang::Zh) => format!("该笔付款与以往的欺诈付款相似（估计概率 {score}）。"),
        (false, Lang::En) => {
            format!(
                "The model estimates {score} probability of fraud{}",
                causes(decision, "; mostly by ", ", ", lang)
            )
        }
        (false, Lang::Zh) => {
            format!("模型估计欺诈概率为 {score}{}", causes(decision, "；主要依据：", "、", lang))
        }
    }
}

/// What moved the model, each with its figure and weight.
fn causes(decision: &Decision, lead: &str, between: &str, lang: Lang) -> String {
    let each: Vec<String> = decision
        .causes
        .iter()
        .map(|(slot, weight)| {
            format!("{} = {} ({weight:+.2})", slot.info().name, figure(&decision.features, *slot, lang))
        })
        .collect();
    if each.is_empty() { String::new() } else { format!("{lead}{}", each.join(between)) }
}

/// What a buyer reads when no rule has a text for it; nothing where the payment may go on, for whether it was paid
/// screening does not know.
pub fn buyer_words(outcome: Outcome, lang: Lang) -> Option<&'static str> {
    Some(match (outcome, lang) {
        (Outcome::Allow, _) => return None,
        (Outcome::Challenge, Lang::En) => "Please confirm that this payment is yours.",
        (Outcome::Challenge, Lang::Zh) => "请确认这笔付款是您本人操作。",
        (Outcome::Review, Lang::En) => "We are taking a short look at this payment and will tell you soon.",
        (Outcome::Review, Lang::Zh) => "我们正在核对这笔付款，稍后会通知您。",
        (Outcome::Block, Lang::En) => "This payment could not be made. Nothing was charged.",
        (Outcome::Block, Lang::Zh) => "这笔付款未能完成，未扣款。",
    })
}

/// One slot's value for people.
pub fn figure(row: &Features, slot: Slot, lang: Lang) -> String {
    let Some(value) = row.known(slot) else { return "?".to_owned() };
    let info = slot.info();
    match info.kind {
        Kind::Text => row.word(slot).map_or_else(|| "?".to_owned(), |word| word.text()),
        Kind::Bool => yes_or_no(value != 0.0, lang).to_owned(),
        Kind::Int | Kind::Double => number(row, info.name, value, lang),
    }
}

fn yes_or_no(value: bool, lang: Lang) -> &'static str {
    match (value, lang) {
        (true, Lang::En) => "yes",
        (false, Lang::En) => "no",
        (true, Lang::Zh) => "是",
        (false, Lang::Zh) => "否",
    }
}

/// A number with the unit that the slot's name ends in.
fn number(row: &Features, name: &str, value: f64, lang: Lang) -> String {
    let currency = row.word(Slot::text(Text::Currency)).and_then(|word| word.text().parse::<Currency>().ok());
    if let Some(currency) = currency.filter(|_| name.ends_with("_minor")) {
        return Money::new(value.round() as i64, currency).to_string();
    }
    if let Some(minor) =
        row.known(Slot::own(crate::features::Own::Amount)).filter(|_| name == "payment.amount")
    {
        return currency
            .map_or_else(|| plain(value), |currency| Money::new(minor as i64, currency).to_string());
    }
    if name.ends_with("_share") || name.contains(".risk_") {
        return percent(value);
    }
    let hours = [("_minutes", 1.0 / 60.0), ("_hours", 1.0), ("_days", 24.0)];
    if let Some((_, unit)) = hours.iter().find(|(suffix, _)| name.ends_with(suffix)) {
        return duration(value * unit, lang);
    }
    match (name.ends_with("_km"), name.ends_with("_kmh"), lang) {
        (true, _, Lang::En) => plain(value) + " km",
        (true, _, Lang::Zh) => plain(value) + " 公里",
        (_, true, Lang::En) => plain(value) + " km/h",
        (_, true, Lang::Zh) => plain(value) + " 公里/小时",
        _ => plain(value),
    }
}

/// A time in the unit that people would say it in.
fn duration(hours: f64, lang: Lang) -> String {
    let (value, en, zh) = match hours.abs() {
        ..1.0 => (hours * 60.0, "minute", "分钟"),
        ..48.0 => (hours, "hour", "小时"),
        _ => (hours / 24.0, "day", "天"),
    };
    let text = plain(value);
    match lang {
        Lang::En if text == "1" => format!("1 {en}"),
        Lang::En => format!("{text} {en}s"),
        Lang::Zh => format!("{text} {zh}"),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", plain(share * 100.0))
}

/// At most one decimal below a hundred, none above.
fn plain(value: f64) -> String {
    if value.fract().abs() < 0.05 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Entity, Facts, Key};
    use crate::features::{Field, features};
    use crate::profile::Profiles;
    use base::Timestamp;

    fn both(en: &str, zh: &str) -> Bilingual {
        Bilingual { en: en.to_owned(), zh: zh.to_owned() }
    }

    #[test]
    fn figures_are_filled_in_with_their_units() {
        let facts = Facts::new(Timestamp(0), Money::new(128_050, Currency::CNY)).with(Entity::Payer, Key(1));
        let mut row = features(&facts, &Profiles::default());
        row.set(Slot::of(Entity::Payer, Field::GapHours), 24.04);
        row.set(Slot::of(Entity::Payer, Field::Risk7d), 0.125);
        let say = |text: &str, lang| Template::parse(text).unwrap().fill(&row, lang);
        assert_eq!(
            say("{payer.count_10m} payments of {payment.amount}, usual every {payer.gap_hours}", Lang::En),
            "1 payments of ¥1,280.50, usual every 24 hours"
        );
        assert_eq!(say("{payer.gap_hours}、{payer.risk_7d}", Lang::Zh), "24 小时、12.5 %");
        assert_eq!(say("{payer.ratio} {payer.sum_1h_minor} {payment.small}", Lang::En), "? ¥1,280.50 no");
        let mut later = row.clone();
        later.set(Slot::of(Entity::Payer, Field::GapHours), 1.0);
        later.set(Slot::of(Entity::Payer, Field::IdleHours), 2_400.0);
        later.set(Slot::of(Entity::Payer, Field::AgeDays), 0.02);
        let times = "{payer.gap_hours}, {payer.idle_hours}, {payer.age_days}";
        let in_words = |lang| Template::parse(times).unwrap().fill(&later, lang);
        assert_eq!(in_words(Lang::En), "1 hour, 100 days, 28.8 minutes");
        assert_eq!(in_words(Lang::Zh), "1 小时, 100 天, 28.8 分钟");
    }

    #[test]
    fn buyers_read_no_figures_and_no_banned_words() {
        let ok = both("a", "甲");
        let buyer = |en: &str, zh: &str| Words::parse(&ok, &ok, &both(en, zh));
        assert!(buyer("Please confirm.", "请确认。").is_ok());
        assert!(buyer("{payment.amount}", "请确认。").is_err());
        assert!(buyer("High Risk payment", "请确认。").is_err());
        assert!(buyer("Please confirm.", "交易有风险").is_err());
        for outcome in Outcome::ALL {
            match (buyer_words(outcome, Lang::En), buyer_words(outcome, Lang::Zh)) {
                (Some(en), Some(zh)) => assert!(buyer(en, zh).is_ok(), "{en}"),
                said => assert_eq!((outcome, said), (Outcome::Allow, (None, None))),
            }
        }
    }

    #[test]
    fn texts_have_limits_on_both_sides() {
        assert!(Template::parse(&"x".repeat(TEXT_BYTES_MAX)).is_ok());
        assert!(Template::parse(&"x".repeat(TEXT_BYTES_MAX + 1)).is_err());
        assert!(Template::parse(" ").is_err());
        assert!(Template::parse("{payer.count_10m").is_err());
        assert!(Template::parse("{payer.counts}").is_err());
    }
}
