//! The rules of screening: the list, and what the shop makes of one.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use identity::Permission;
use identity::desk::{Side, Visit, go};
use risk::{Audience, Mode, Modes, Rule};
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::form::Choice;
use webkit::page::{Frame, Problems, Zone, show};

use super::Desk;
use super::member::{read_as, write_as};
use super::words::{risk_lang, shown_outcome};
use crate::limits::DESCRIPTION_CHARS_MAX;
use crate::pages::rules::{ModeShown, RuleChanged, RulePage, RuleRow, RulesPage};
use crate::routes::errors;
use crate::rules::{count_fired, is_fixed, set_rule_mode};
use crate::shop::find_premises;
use crate::text::ShortText;

/// Where the rules are.
const HERE: &str = "/desk/rules";

fn shown(mode: Mode) -> ModeShown {
    match mode {
        Mode::On => ModeShown::On,
        Mode::Watch => ModeShown::Watch,
        Mode::Off => ModeShown::Off,
    }
}

/// Shows all rules.
pub(super) async fn list_rules(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let rules = desk.context.screen().rules;
    let view = read_as(&desk, &visit, Permission::ViewDecisions, move |tx, member| {
        let page = member.frame(tx)?;
        let modes = find_premises(tx, member.shop.id, &member.shop.country)?.modes;
        let (fired, decisions) = count_fired(tx, member.shop.id)?;
        let may_change = member.can(Permission::ManageRules);
        let row = |rule: &Rule| RuleRow {
            name: rule.name().to_string(),
            text: rule.words().outline(Audience::Seller, risk_lang(page.lang)),
            outcome: shown_outcome(rule.outcome()),
            fired: fired.get(&**rule.name()).copied().unwrap_or(0),
            mode: shown(modes.of(rule.name())),
            is_fixed: is_fixed(rule.name()),
            change_href: if may_change && !is_fixed(rule.name()) {
                format!("{HERE}/{}", rule.name())
            } else {
                String::new()
            },
        };
        let rows = rules.rules().iter().map(row).collect();
        let rule = member.visit.query("changed").filter(|_| may_change);
        let rule = rule.and_then(|name| rules.find(&name));
        let before = member.visit.query("was").and_then(|name| Mode::named(&name));
        let changed = rule.zip(before).map(|(rule, before)| changed(&page, rule, &modes, before));
        Ok(RulesPage { rows, decisions, changed, page })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// What was just changed, and the way back.
fn changed(page: &Frame, rule: &Rule, modes: &Modes, before: Mode) -> RuleChanged {
    let now = page.t(shown(modes.of(rule.name())).key());
    RuleChanged {
        text: page.t2("rule-changed", "name", rule.name().to_string(), "mode", now),
        undo_href: format!("{HERE}/{}", rule.name()),
        before: before.name().to_owned(),
    }
}

/// Shows one rule, to be changed: what it says, when it fires, and what would be done.
pub(super) async fn show_rule(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    rule_page(&desk, &visit, name, (StatusCode::OK, None, Problems::none())).await
}

async fn rule_page(
    desk: &Desk,
    visit: &Visit,
    name: String,
    (status, typed, problems): (StatusCode, Option<ModeForm>, Problems),
) -> Result<Response, ApiError> {
    let rules = desk.context.screen().rules;
    let view = read_as(desk, visit, Permission::ManageRules, move |tx, member| {
        let rule = rules.find(&name).filter(|rule| !is_fixed(rule.name()));
        let rule = rule.ok_or_else(|| ApiError::not_found("rule does not exist, or stays on"))?;
        let page = member.frame(tx)?;
        let mode = find_premises(tx, member.shop.id, &member.shop.country)?.modes.of(&name);
        let typed = typed.unwrap_or_else(|| ModeForm { mode: mode.name().to_owned(), note: String::new() });
        let choice = |mode: Mode| Choice::new(mode.name(), page.t(shown(mode).key()));
        let says = |audience| rule.words().outline(audience, risk_lang(page.lang));
        Ok(RulePage {
            text: says(Audience::Analyst),
            buyer_text: says(Audience::Buyer),
            when: rule.source().to_owned(),
            outcome: shown_outcome(rule.outcome()),
            mode: shown(mode),
            choices: Mode::ALL.map(choice).to_vec(),
            chosen: typed.mode,
            note: typed.note,
            problems,
            action_href: format!("{HERE}/{name}"),
            back_href: HERE.to_owned(),
            name,
            page,
        })
    });
    Ok(show(status, &view.await?))
}

/// What a rule is to do, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModeForm {
    mode: String,
    note: String,
}

/// Changes what the shop makes of a rule, and shows the list with the way back.
pub(super) async fn update_rule(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(name): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<ModeForm>(Side::Member, &incoming)?;
    let Some(mode) = Mode::named(&posted.form.mode) else {
        return Err(ApiError::bad_field("mode", "must be `on`, `watch` or `off`"));
    };
    let Ok(note) = ShortText::parse(&posted.form.note, DESCRIPTION_CHARS_MAX) else {
        let mut problems = Problems::none();
        let page = visit.frame(&desk.hall, Side::Member, Zone::default());
        problems.add("note", page.t("problem-rule-note"));
        let again = (StatusCode::UNPROCESSABLE_ENTITY, Some(posted.form), problems);
        return rule_page(&desk, &visit, name, again).await;
    };
    let rules = desk.context.screen().rules;
    let done = write_as(&desk, &visit, Permission::ManageRules, posted.once, vec![], move |tx, member| {
        let of = (member.shop.id, &*rules);
        let before = set_rule_mode(tx, &member.means, &member.actor, of, (&name, mode, &note));
        let before = before.map_err(errors::of_rule)?;
        Ok((format!("{HERE}?changed={name}&was={}", before.name()), ()))
    });
    Ok(go(&done.await?.0))
}
