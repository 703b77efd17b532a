//! A sample of every page of cases, for the gallery. Nothing here is reachable from a running server.

use identity::cases::CaseState;
use identity::desk::Menu;
use identity::pages::sample::{ago, desk_frame, say};
use webkit::page::parts::Step;
use webkit::page::{Frame, Lang, Mark, Problems};

use super::{CasePage, CaseRow, CasesPage, texts};

const CASE: &str = "case_0th7x2w90123456789abcdefghjk";
const BUYER: &str = "buy_000000000123456789abcdefghjk";

fn row(page: &Frame, cause: &str, state: CaseState) -> CaseRow {
    let outcome = if state == CaseState::Closed { page.t("case-outcome-fraud") } else { String::new() };
    CaseRow {
        href: format!("/desk/cases/{CASE}"),
        what: page.t(format!("case-cause-{cause}")),
        who: say(page.lang, "Li H.", "李*"),
        state,
        worker: if state == CaseState::Open { String::new() } else { "Mei Lin".to_owned() },
        outcome,
        opened: ago(4_000),
    }
}

impl CasesPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame, shows_closed: bool, is_empty: bool) -> CasesPage {
        let states: &[CaseState] =
            if shows_closed { &[CaseState::Closed] } else { &[CaseState::Open, CaseState::Worked] };
        let rows = if is_empty { &[] } else { states };
        CasesPage {
            rows: rows.iter().map(|state| row(&page, "payment", *state)).collect(),
            shows_closed,
            open_href: "/desk/cases".to_owned(),
            closed_href: "/desk/cases?state=closed".to_owned(),
            page,
        }
    }
}

impl CasePage {
    /// See [`super::sample`].
    pub fn sample(page: Frame, state: CaseState) -> CasePage {
        let row = row(&page, "payment", state);
        let word = page.t1("case-step-opened", "who", &row.who);
        let opened = Step { mark: Mark::Review, word, at: Some(row.opened), note: row.what.clone() };
        let taken = page.t1("case-step-taken", "who", "Mei Lin");
        let taken = Step { mark: Mark::Waiting, word: taken, at: Some(ago(600)), note: String::new() };
        let closed = Step {
            mark: Mark::Done,
            word: row.outcome.clone(),
            at: Some(ago(60)),
            note: "called".to_owned(),
        };
        let reached = match state {
            CaseState::Open => 1,
            CaseState::Worked => 2,
            CaseState::Closed => 3,
        };
        let href = |wanted: bool| if wanted { format!("/desk/cases/{CASE}/do") } else { String::new() };
        let links = [("case-see-payment", "/desk/payments/1"), ("case-refund", "/desk/payments/1#refund")];
        CasePage {
            id: CASE.to_owned(),
            what: row.what,
            who: row.who,
            account: BUYER.to_owned(),
            state,
            steps: vec![opened, taken, closed].into_iter().take(reached).collect(),
            done: ["case-done-label", "case-done-frozen", "case-done-others"].map(|key| page.t(key)).to_vec(),
            standing: page.t("case-account-frozen"),
            free_command: if state == CaseState::Open {
                format!("tillward buyer unfreeze {BUYER}")
            } else {
                String::new()
            },
            links: links.map(|(key, href)| (page.t(key), href.to_owned())).to_vec(),
            take_href: href(state == CaseState::Open),
            close_href: href(state == CaseState::Worked),
            outcome: String::new(),
            note: String::new(),
            problems: Problems::none(),
            page,
        }
    }
}

/// Every sample by its name, as HTML.
///
/// # Errors
/// A template that cannot be shown.
pub fn gallery(lang: Lang) -> Result<Vec<(String, String)>, askama::Error> {
    use askama::Template;

    let menu = || Menu::new(identity::desk::menu().into_iter().chain(crate::cases::desk::menu()));
    let desk = || desk_frame(texts(), &menu(), lang, "/desk/cases");
    Ok(vec![
        ("cases".to_owned(), CasesPage::sample(desk(), false, false).render()?),
        ("cases-closed".to_owned(), CasesPage::sample(desk(), true, false).render()?),
        ("cases-none".to_owned(), CasesPage::sample(desk(), false, true).render()?),
        ("case-open".to_owned(), CasePage::sample(desk(), CaseState::Open).render()?),
        ("case-worked".to_owned(), CasePage::sample(desk(), CaseState::Worked).render()?),
        ("case-closed".to_owned(), CasePage::sample(desk(), CaseState::Closed).render()?),
    ])
}
