//! `/v1/decisions`: the screening decision alone, for a shop that pays elsewhere.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::response::Response;
use base::limits::AMOUNT_MAX_MINOR;
use base::{DecisionId, Money, ScopedId, Timestamp};
use identity::Permission;
use identity::gate::{Made, Operation};
use risk::{Audience, CodeKind, Decision, Entity, Facts, Key, RuleSet, Word};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};
use webkit::page::Lang;

use super::orders::path_id;
use super::{Context, errors, read};
use crate::limits::{FAILED_PINS_MAX, PAST_DAYS_MAX, PAST_HOURS_MAX, PAST_MINUTES_MAX};
use crate::place::parse_degrees;
use crate::screening::{self, Screen};
use crate::shop::find_premises;
use crate::store as rows;

/// Longest id of a party.
const PARTY_CHARS_MAX: usize = 128;
/// Oldest attempt that is decided on as if it were now.
const AGE_SECONDS_MAX: i64 = 300;

/// An attempt to pay, as far as the shop knows it. Leave out what is unknown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionBody {
    /// Amount in minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    amount_minor: i64,
    /// ISO 4217 currency.
    #[schema(example = "CNY", min_length = 3, max_length = 3)]
    currency: String,
    /// When it happened, RFC 3339, at most five minutes ago; now without it.
    at: Option<String>,
    /// The shop's own id of the payer. An id, not a name or an address.
    #[schema(max_length = 128)]
    payer: Option<String>,
    /// A token or hash of the card; never its number.
    #[schema(max_length = 128)]
    card: Option<String>,
    /// The shop's own id of the device.
    #[schema(max_length = 128)]
    device: Option<String>,
    /// The network address, or a hash of it.
    #[schema(max_length = 128)]
    address: Option<String>,
    /// The terminal, till or site.
    #[schema(max_length = 128)]
    terminal: Option<String>,
    /// Way of paying: one to eight letters, digits or `_`.
    #[schema(max_length = 8)]
    method: Option<String>,
    /// Country of the payer, ISO 3166-1 alpha-2.
    #[schema(min_length = 2, max_length = 2)]
    payer_country: Option<String>,
    /// Country of the card.
    #[schema(min_length = 2, max_length = 2)]
    card_country: Option<String>,
    /// Country of the network address. Left out, it is looked up where the installation has a table of countries.
    #[schema(min_length = 2, max_length = 2)]
    address_country: Option<String>,
    /// Latitude of the payer's device, degrees.
    #[schema(minimum = -90, maximum = 90)]
    latitude: Option<f64>,
    /// Longitude of the payer's device, degrees.
    #[schema(minimum = -180, maximum = 180)]
    longitude: Option<f64>,
    /// What was scanned: `none`, `static` (a printed code) or `dynamic` (one for this payment alone).
    code: Option<String>,
    /// Minutes since the code was made or last printed.
    #[schema(minimum = 0, maximum = 52_560_000)]
    code_age_minutes: Option<f64>,
    /// Latitude of the code or terminal, degrees; where the shop is without it.
    #[schema(minimum = -90, maximum = 90)]
    code_latitude: Option<f64>,
    /// Longitude of the code or terminal, degrees.
    #[schema(minimum = -180, maximum = 180)]
    code_longitude: Option<f64>,
    /// Days since the payer's account was opened.
    #[schema(minimum = 0, maximum = 36_500)]
    payer_account_days: Option<f64>,
    /// Days since this device first signed in for this payer.
    #[schema(minimum = 0, maximum = 36_500)]
    device_age_days: Option<f64>,
    /// Minutes since the payer's present session began.
    #[schema(minimum = 0, maximum = 52_560_000)]
    session_age_minutes: Option<f64>,
    /// Wrong PINs or passwords of the payer in the last 24 hours.
    #[schema(minimum = 0, maximum = 10_000)]
    failed_pins: Option<u32>,
    /// Hours since the payer's e-mail or phone number was last changed.
    #[schema(minimum = 0, maximum = 876_000)]
    contact_changed_hours: Option<f64>,
    /// Hours since the payer's PIN, password or passkey was last changed.
    #[schema(minimum = 0, maximum = 876_000)]
    credential_changed_hours: Option<f64>,
    /// The payer's balance before this payment, minor units of `currency`.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    balance_minor: Option<i64>,
    /// What the payer put into the balance in the last 24 hours, minor units.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    topped_up_1d_minor: Option<i64>,
    /// What the shop gave back to the payer in the last 24 hours, minor units.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    refunded_1d_minor: Option<i64>,
    /// Language of the texts, `en` or `zh`; without it what `Accept-Language` asks for.
    #[schema(example = "en", min_length = 2, max_length = 35)]
    language: Option<String>,
}

impl DecisionBody {
    fn parse(&self, now: Timestamp, screen: &Screen) -> Result<Facts, ApiError> {
        let mut problems = Problems::new();
        let amount: Option<Money> = read::amount(&mut problems, self.amount_minor, &self.currency);
        let at = self.at.as_deref().map_or(Some(now), |text| problems.take("at", instant(text, now)));
        let mut facts = Facts::new(at.unwrap_or(now), amount.unwrap_or(Money::new(1, base::Currency::CNY)));
        let parties = [
            ("payer", Entity::Payer, &self.payer),
            ("card", Entity::Card, &self.card),
            ("device", Entity::Device, &self.device),
            ("address", Entity::Address, &self.address),
            ("terminal", Entity::Terminal, &self.terminal),
        ];
        for (field, entity, text) in parties {
            facts.set(entity, text.as_deref().and_then(|text| problems.take(field, party(text))));
        }
        let mut word = |field: &'static str, text: &Option<String>| {
            let word = Word::parse(text.as_deref()?).ok_or("must be 1 to 8 letters, digits or `_`");
            problems.take(field, word)
        };
        facts.method = word("method", &self.method);
        facts.payer_country = word("payer_country", &self.payer_country);
        facts.card_country = word("card_country", &self.card_country);
        let address = self.address.as_deref().and_then(|text| text.parse().ok());
        facts.address_country =
            word("address_country", &self.address_country).or_else(|| screen.country_of(address));
        facts.payer_place = read::place(&mut problems, self.latitude, self.longitude);
        self.read_code(&mut problems, &mut facts);
        self.read_history(&mut problems, &mut facts);
        self.read_money(&mut problems, &mut facts);
        let lang = self.language.as_deref().map(|asked| Lang::from_tag(asked).ok_or("must be `en` or `zh`"));
        lang.and_then(|lang| problems.take("language", lang));
        problems.check()?;
        Ok(facts)
    }

    fn read_code(&self, problems: &mut Problems, facts: &mut Facts) {
        let kinds = [CodeKind::None, CodeKind::Static, CodeKind::Dynamic];
        facts.code = self.code.as_deref().and_then(|text| {
            let kind = kinds.into_iter().find(|kind| kind.name() == text);
            problems.take("code", kind.ok_or("must be `none`, `static` or `dynamic`"))
        });
        let place = parse_degrees(self.code_latitude, self.code_longitude);
        facts.code_place = problems.take("code_latitude", place).flatten();
        facts.code_age_minutes = past(problems, "code_age_minutes", self.code_age_minutes, PAST_MINUTES_MAX);
    }

    /// How the payer came to sign in, as far as the shop keeps it.
    fn read_history(&self, problems: &mut Problems, facts: &mut Facts) {
        facts.payer_account_days =
            past(problems, "payer_account_days", self.payer_account_days, PAST_DAYS_MAX);
        facts.device_age_days = past(problems, "device_age_days", self.device_age_days, PAST_DAYS_MAX);
        facts.session_age_minutes =
            past(problems, "session_age_minutes", self.session_age_minutes, PAST_MINUTES_MAX);
        facts.contact_changed_hours =
            past(problems, "contact_changed_hours", self.contact_changed_hours, PAST_HOURS_MAX);
        facts.credential_changed_hours =
            past(problems, "credential_changed_hours", self.credential_changed_hours, PAST_HOURS_MAX);
        facts.failed_pins = self.failed_pins.and_then(|count| {
            let told = if count <= FAILED_PINS_MAX { Ok(count) } else { Err("must be at most 10000") };
            problems.take("failed_pins", told)
        });
    }

    fn read_money(&self, problems: &mut Problems, facts: &mut Facts) {
        let mut minor = |field, minor: Option<i64>| {
            let fits = (0..=AMOUNT_MAX_MINOR).contains(&minor?);
            problems.take(field, if fits { minor.ok_or("") } else { Err("must be 0 to 1000000000000") })
        };
        facts.balance_minor = minor("balance_minor", self.balance_minor);
        facts.topped_up_1d_minor = minor("topped_up_1d_minor", self.topped_up_1d_minor);
        facts.refunded_1d_minor = minor("refunded_1d_minor", self.refunded_1d_minor);
    }

    /// The language of the texts: the field, else the header, else English.
    fn language(&self, headers: &HeaderMap) -> Result<Lang, ApiError> {
        let Some(asked) = &self.language else { return Ok(accepted(headers)) };
        Lang::from_tag(asked).ok_or_else(|| ApiError::bad_field("language", "must be `en` or `zh`"))
    }
}

/// A span that ended now: not negative, and no longer than a hundred years.
fn past(problems: &mut Problems, field: &'static str, span: Option<f64>, longest: f64) -> Option<f64> {
    let fits = (0.0..=longest).contains(&span?);
    problems.take(field, if fits { Ok(span) } else { Err(format!("must be 0 to {longest}")) }).flatten()
}

/// The language that a request asks for by its header.
fn accepted(headers: &HeaderMap) -> Lang {
    let asked = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Lang::choose(None, None, asked)
}

fn party(text: &str) -> Result<Key, &'static str> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let only_digits = text.bytes().all(|b| b.is_ascii_digit() || b == b' ' || b == b'-');
    match text.chars().count() {
        0 => Err("must not be empty"),
        n if n > PARTY_CHARS_MAX => Err("must be at most 128 characters"),
        _ if only_digits && (13..=19).contains(&digits) => {
            Err("looks like a card number; send a token instead")
        }
        _ => Ok(Key::of(text)),
    }
}

fn instant(text: &str, now: Timestamp) -> Result<Timestamp, &'static str> {
    let at = Timestamp::parse_rfc3339(text).ok_or("must be RFC 3339 such as `2026-03-01T09:30:00Z`")?;
    let age = now.millis_since(at);
    if (0..=AGE_SECONDS_MAX * 1000).contains(&age) {
        Ok(at)
    } else {
        Err("must be within the last five minutes")
    }
}

/// A decision.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DecisionView {
    /// Its id.
    id: String,
    /// `allow`, `challenge`, `review` or `block`.
    outcome: &'static str,
    /// The model's probability of fraud, 0 to 1, where a model is in force.
    score: Option<f32>,
    /// Why, strictest first.
    reasons: Vec<ReasonView>,
    /// Rules on watch that fired: noted, without effect.
    watched: Vec<ReasonView>,
    /// Language of the three texts, `en` or `zh`.
    language: &'static str,
    /// Why, in words with every figure, for whoever works on risk; what another reason overruled is said as well.
    analyst_messages: Vec<String>,
    /// Why, in words for the seller; empty when the payment may go through.
    seller_messages: Vec<String>,
    /// What to tell the buyer; says nothing of rules. Null with `allow`: whether the buyer was charged is the shop's to know.
    buyer_message: Option<String>,
    /// Which rules decided.
    rule_set_version: u64,
}

/// One reason of a decision.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReasonView {
    /// Name of the rule, or `model`.
    rule: String,
    /// What it proposed.
    outcome: &'static str,
}

fn view(id: DecisionId, decision: &Decision, rules: &RuleSet, lang: Lang) -> DecisionView {
    let spoken = read::risk_lang(lang);
    let explain = |audience| risk::explain(decision, rules, audience, spoken);
    let buyer = explain(Audience::Buyer).into_iter().next();
    let usual = || risk::reasons::buyer_words(decision.outcome, spoken).map(str::to_owned);
    let reason =
        |reason: &risk::Reason| ReasonView { rule: reason.rule.to_string(), outcome: reason.outcome.name() };
    DecisionView {
        id: id.to_string(),
        outcome: decision.outcome.name(),
        score: decision.score,
        reasons: decision.reasons.iter().filter(|r| r.counts()).map(reason).collect(),
        watched: decision.reasons.iter().filter(|r| r.watched).map(reason).collect(),
        language: lang.code(),
        analyst_messages: explain(Audience::Analyst),
        seller_messages: explain(Audience::Seller),
        buyer_message: buyer.or_else(usual),
        rule_set_version: decision.rule_set_version,
    }
}

/// Decides on an attempt to pay, without paying. Hour and weekday follow from the shop's time zone; country, age and place
/// of the shop are known.
#[utoipa::path(post, path = "/v1/decisions", request_body = DecisionBody, tag = "decisions",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = DecisionView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_decision(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let operation = Operation { name: "create_decision", permission: Permission::RequestDecision };
    let screen = context.screen();
    let body = incoming.json::<DecisionBody>()?;
    let (facts, lang) = (body.parse(incoming.context.at, &screen)?, body.language(&incoming.headers)?);
    let call = context.open(incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let shop = identity::find_shop(tx, caller.shop).map_err(|e| errors::fault(&e))?;
        let shop = shop.ok_or_else(|| ApiError::not_found("shop does not exist"))?;
        let premises = find_premises(tx, shop.id, &shop.country)?;
        let facts = screening::facts_at(facts.clone(), &shop, &premises);
        let by = (&screen, &premises.modes);
        let (id, decision) = screening::decide_alone(tx, &caller.means, by, shop.id, &facts)?;
        Made::new(201, &view(id, &decision, &screen.rules, lang))
    })
    .await
}

/// Shows a decision to those who work on risk.
#[utoipa::path(get, path = "/v1/decisions/{id}", params(("id" = String, Path)), tag = "decisions",
    responses((status = 200, body = DecisionView), ApiErrors), security(("member_session" = [])))]
pub(super) async fn find_decision(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: DecisionId = path_id(&id)?;
    let (lang, screen) = (accepted(&incoming.headers), context.screen());
    let call = context.open(incoming).await?;
    call.read(Permission::ViewDecisions, move |tx, caller| {
        caller.allow(Permission::ViewDecisions, id.shop())?;
        let (body, _) =
            rows::find_decision(tx, id)?.ok_or_else(|| ApiError::not_found("decision does not exist"))?;
        let decision = Decision::from_bytes(&body).map_err(ApiError::internal)?;
        Made::new(200, &view(id, &decision, &screen.rules, lang))
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(field: &str, value: serde_json::Value) -> Result<Facts, ApiError> {
        let mut body = json!({"amount_minor": 900, "currency": "CNY"});
        body[field] = value;
        let body: DecisionBody = serde_json::from_value(body).unwrap();
        body.parse(Timestamp(1_772_343_000_000), &Screen::starter())
    }

    #[test]
    fn what_a_shop_tells_is_taken_up_to_its_limit_and_no_further() {
        for (field, most, over) in [
            ("payer_account_days", json!(36_500.0), json!(36_500.1)),
            ("device_age_days", json!(36_500), json!(36_501)),
            ("session_age_minutes", json!(52_560_000), json!(52_560_001)),
            ("code_age_minutes", json!(52_560_000), json!(52_560_001)),
            ("contact_changed_hours", json!(876_000), json!(876_001)),
            ("credential_changed_hours", json!(876_000), json!(876_001)),
            ("failed_pins", json!(10_000), json!(10_001)),
            ("balance_minor", json!(AMOUNT_MAX_MINOR), json!(AMOUNT_MAX_MINOR + 1)),
            ("topped_up_1d_minor", json!(AMOUNT_MAX_MINOR), json!(AMOUNT_MAX_MINOR + 1)),
            ("refunded_1d_minor", json!(0), json!(-1)),
            ("device_age_days", json!(0), json!(-0.1)),
            ("code", json!("static"), json!("printed")),
        ] {
            assert_ne!(
                parsed(field, most).unwrap(),
                parsed("method", serde_json::Value::Null).unwrap(),
                "{field} is taken"
            );
            let refused = parsed(field, over).unwrap_err();
            assert!(format!("{refused:?}").contains(field), "{refused:?}");
        }
    }

    #[test]
    fn all_wrong_values_of_a_body_come_at_once() {
        let body = json!({"amount_minor": -5, "currency": "ZZZ", "payer": "", "code": "x", "language": "fr"});
        let body: DecisionBody = serde_json::from_value(body).unwrap();
        let refused = body.parse(Timestamp(1_772_343_000_000), &Screen::starter()).unwrap_err();
        let fields: Vec<_> = refused.details.iter().map(|problem| &*problem.field).collect();
        assert_eq!(fields, ["currency", "amount_minor", "payer", "code", "language"]);
    }

    #[test]
    fn the_language_is_the_field_then_the_header_then_english() {
        let chosen = |field: serde_json::Value, header: &'static str| {
            let body = json!({"amount_minor": 900, "currency": "CNY", "language": field});
            let body: DecisionBody = serde_json::from_value(body).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, header.parse().unwrap());
            body.language(&headers).map(Lang::code).ok()
        };
        assert_eq!(chosen(json!("zh-CN"), "en"), Some("zh"));
        assert_eq!(chosen(json!(null), "fr, zh;q=0.9, en;q=0.8"), Some("zh"));
        assert_eq!(chosen(json!(null), "fr"), Some("en"));
        assert_eq!(chosen(json!("fr"), "zh"), None);
    }
}
