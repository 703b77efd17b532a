//! `/v1/rules`: what the caller's shop makes of the rules of screening.

use axum::Json as Answer;
use axum::extract::{Path, State};
use identity::Permission;
use identity::gate::Bearer;
use risk::{Audience, Lang, Mode, Rule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiErrors, ApiResult, Problems};
use webkit::paging::List;

use super::{Context, errors, read};
use crate::rules::{count_fired, is_fixed, set_rule_mode};
use crate::shop::find_premises;

/// A text in both languages.
#[derive(Serialize, ToSchema)]
pub(super) struct BothView {
    /// English.
    en: String,
    /// Simplified Chinese.
    zh: String,
}

/// A rule, and what the shop makes of it.
#[derive(Serialize, ToSchema)]
pub(super) struct RuleView {
    /// Its name.
    name: String,
    /// When it fires, in CEL.
    when: String,
    /// What it proposes then: `allow`, `challenge`, `review` or `block`.
    outcome: &'static str,
    /// Higher ones are read first.
    priority: i32,
    /// `on`, `watch` (noted with the decision, changes nothing) or `off`.
    mode: &'static str,
    /// Whether it stays on, since it protects what buyers hold with every shop.
    fixed: bool,
    /// How often it fired among the shop's newest 500 decisions; nothing is known of the time it was off.
    fired: u64,
    /// What it says to whoever works on risk, with the names of figures in braces.
    analyst: BothView,
    /// What it says to the shop's other members.
    seller: BothView,
    /// What it says to the buyer.
    buyer: BothView,
}

impl RuleView {
    fn new(rule: &Rule, mode: Mode, fired: u64) -> RuleView {
        let says = |audience| BothView {
            en: rule.words().written(audience, Lang::En),
            zh: rule.words().written(audience, Lang::Zh),
        };
        RuleView {
            name: rule.name().to_string(),
            when: rule.source().to_owned(),
            outcome: rule.outcome().name(),
            priority: rule.priority(),
            mode: mode.name(),
            fixed: is_fixed(rule.name()),
            fired,
            analyst: says(Audience::Analyst),
            seller: says(Audience::Seller),
            buyer: says(Audience::Buyer),
        }
    }
}

/// What a rule is to do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleBody {
    /// `on`, `watch` or `off`.
    mode: String,
    /// Why; kept in the log.
    #[schema(min_length = 1, max_length = 140)]
    note: String,
}

/// What a rule does now, and did before.
#[derive(Serialize, ToSchema)]
pub(super) struct RuleModeView {
    /// The rule.
    name: String,
    /// What it does.
    mode: &'static str,
    /// What it did.
    before: &'static str,
}

/// The rules of screening, highest priority first, with what the caller's shop makes of each.
#[utoipa::path(get, path = "/v1/rules", tag = "decisions", security(("member_session" = [])),
    responses((status = 200, body = List<RuleView>), ApiErrors))]
pub(super) async fn list_rules(State(context): State<Context>, who: Bearer) -> ApiResult<List<RuleView>> {
    let rules = context.screen().rules;
    let found = context.identity.read_as(who, Permission::ViewDecisions, move |tx, caller| {
        caller.member()?;
        let (fired, _) = count_fired(tx, caller.shop)?;
        Ok((find_premises(tx, caller.shop, "")?.modes, fired))
    });
    let (modes, fired) = found.await?;
    let view = |rule: &Rule| {
        RuleView::new(rule, modes.of(rule.name()), fired.get(&**rule.name()).copied().unwrap_or(0))
    };
    Ok(Answer(List { data: rules.rules().iter().map(view).collect(), next_cursor: None }))
}

/// Lets a rule act, only watches it or switches it off, for the caller's shop, from the next payment on.
#[utoipa::path(put, path = "/v1/rules/{name}", request_body = RuleBody, tag = "decisions",
    params(("name" = String, Path, description = "the rule's name")), security(("member_session" = [])),
    responses((status = 200, body = RuleModeView), ApiErrors))]
pub(super) async fn update_rule(
    State(context): State<Context>,
    who: Bearer,
    Path(name): Path<String>,
    Json(body): Json<RuleBody>,
) -> ApiResult<RuleModeView> {
    let mut problems = Problems::new();
    let mode = problems.take("mode", Mode::named(&body.mode).ok_or("must be `on`, `watch` or `off`"));
    let note = read::words(&mut problems, "note", Some(&body.note));
    let (Some(mode), Some(note)) = (mode, note) else { return Err(problems.into_error()) };
    let (rules, rule) = (context.screen().rules, name.clone());
    let done = context.identity.write_as(who, Permission::ManageRules, move |tx, caller| {
        caller.member()?;
        let (means, actor, of) = (&caller.means, &caller.actor, (caller.shop, &*rules));
        set_rule_mode(tx, means, actor, of, (&rule, mode, &note)).map_err(errors::of_rule)
    });
    let before = done.await?.name();
    Ok(Answer(RuleModeView { name, mode: mode.name(), before }))
}
