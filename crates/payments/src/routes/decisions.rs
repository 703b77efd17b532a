//! `/v1/decisions`: the screening decision alone, for a shop that pays elsewhere.

use axum::extract::{Path, State};
use axum::response::Response;
use base::{DecisionId, Money, ScopedId, Timestamp};
use identity::Permission;
use identity::gate::{Made, Operation};
use risk::{Decision, Entity, Facts, Key, Place, Word};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};

use super::orders::path_id;
use super::{Context, read};
use crate::screening::{self, Screen};
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
    /// Days since the payer's account was opened.
    #[schema(minimum = 0)]
    payer_account_days: Option<f64>,
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
        if let (Some(lat), Some(lon)) = (self.latitude, self.longitude) {
            let place = Place::new(lat, lon).ok_or("latitude must be within ±90 and longitude within ±180");
            facts.payer_place = problems.take("latitude", place);
        }
        let days = self
            .payer_account_days
            .map(|days| if days.is_finite() && days >= 0.0 { Ok(days) } else { Err("must not be negative") });
        facts.payer_account_days = days.and_then(|days| problems.take("payer_account_days", days));
        problems.check()?;
        Ok(facts)
    }
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
    /// What to tell the buyer; says nothing of rules.
    buyer_message: String,
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

fn view(id: DecisionId, decision: &Decision) -> DecisionView {
    let reason =
        |reason: &risk::Reason| ReasonView { rule: reason.rule.to_string(), outcome: reason.outcome.name() };
    DecisionView {
        id: id.to_string(),
        outcome: decision.outcome.name(),
        score: decision.score,
        reasons: decision.reasons.iter().filter(|r| !r.overruled).map(reason).collect(),
        buyer_message: risk::reasons::buyer_words(decision.outcome, risk::reasons::Lang::En).to_owned(),
        rule_set_version: decision.rule_set_version,
    }
}

/// Decides on an attempt to pay, without paying.
#[utoipa::path(post, path = "/v1/decisions", request_body = DecisionBody, tag = "decisions",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = DecisionView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_decision(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let operation = Operation { name: "create_decision", permission: Permission::RequestDecision };
    let screen = context.screen();
    let facts = incoming.json::<DecisionBody>()?.parse(incoming.context.at, &screen)?;
    let call = context.open(incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let mut facts = facts.clone();
        facts.set(Entity::Shop, Some(Key::of(caller.shop.short())));
        let (id, decision) = screening::decide_alone(tx, &caller.means, &screen, caller.shop, &facts)?;
        Made::new(201, &view(id, &decision))
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
    let call = context.open(incoming).await?;
    call.read(Permission::ViewDecisions, move |tx, caller| {
        caller.allow(Permission::ViewDecisions, id.shop())?;
        let (body, _) =
            rows::find_decision(tx, id)?.ok_or_else(|| ApiError::not_found("decision does not exist"))?;
        let decision = Decision::from_bytes(&body).map_err(ApiError::internal)?;
        Made::new(200, &view(id, &decision))
    })
    .await
}
