//! A sample of every page, for the gallery and for tests. Nothing here is reachable from a running server.

use identity::desk::Menu;
use identity::pages::sample::{ago, say};
use webkit::page::form::Choice;
use webkit::page::{Frame, Lang, Mark, Problems};

use super::{
    CardLine, CustomerPage, CustomerRow, CustomersPage, HistoryLine, OpenedLine, ValueLine, purpose_text,
};
use crate::opening::Purpose;

fn desk_frame(lang: Lang, path: &str) -> Frame {
    let entries = crate::desk::menu().into_iter().chain(identity::desk::menu());
    identity::pages::sample::desk_frame(super::texts(), &Menu::new(entries), lang, path)
}

fn customer(n: i64) -> String {
    format!("cus_0th7x2w9{n:020}")
}

impl CustomersPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> CustomersPage {
        let lang = page.lang;
        let row = |n: i64, name: &str, contact: &str| CustomerRow {
            id: customer(n),
            href: format!("/desk/customers/{}", customer(n)),
            name: name.to_owned(),
            contact: contact.to_owned(),
            own_number: format!("C-{}", 1000 + n),
            at: ago(n * 9_000),
        };
        let rows = vec![
            row(1, &say(lang, "L** H**", "李**"), "+86****8000"),
            row(2, "Z** W**", "w****@mail.example"),
            row(3, "M**", "+44****0958"),
        ];
        CustomersPage {
            page,
            rows,
            searched: false,
            kind: "phone".into(),
            problems: Problems::none(),
            action_href: "/desk/customers".into(),
        }
    }

    /// See [`super::sample`].
    pub fn sample_nobody(page: Frame) -> CustomersPage {
        CustomersPage { rows: Vec::new(), searched: true, ..CustomersPage::sample(page) }
    }
}

impl CustomerPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> CustomerPage {
        let lang = page.lang;
        let value = |kind: &str, masked: &str| ValueLine {
            kind: page.t(format!("customer-kind-{kind}")),
            masked: masked.to_owned(),
            at: ago(86_400),
        };
        let line = |seconds: i64, who: &str, kind: &str, purpose: Purpose| HistoryLine {
            at: ago(seconds),
            who: who.to_owned(),
            what: page.t(format!("customer-kind-{kind}")),
            purpose: purpose_text(&page, purpose),
            reason: say(lang, "ticket 4711", "工单 4711"),
        };
        let values = vec![
            value("name", &say(lang, "L** H**", "李**")),
            value("phone", "+86****8000"),
            value("email", "l****@mail.example"),
            value("identity", "****2X"),
        ];
        let history = vec![
            line(900, "Mei Lin", "phone", Purpose::AnswerCustomer),
            line(90_000, "key_0th7x2w9…", "email", Purpose::ProcessPayment),
        ];
        let cards = vec![CardLine {
            id: "tok_0th7x2w90123456789abcdefghjk".into(),
            masked: "Visa ···· 1111".into(),
            expiry: "12/2029".into(),
            state: "active".into(),
            mark: Mark::Done,
        }];
        let choice = |line: &ValueLine| Choice::new("value:1", format!("{} {}", line.kind, line.masked));
        CustomerPage {
            id: customer(1),
            title: say(lang, "L** H**", "李**"),
            own_number: "C-1001".into(),
            erased: false,
            choices: values.iter().map(choice).collect(),
            values,
            cards,
            history,
            has_single_use: false,
            what: "value:1".into(),
            purpose: Purpose::AnswerCustomer.name().into(),
            reason_typed: String::new(),
            opened: Some(OpenedLine {
                what: page.t("customer-kind-phone"),
                text: "+86 138 0013 8000".into(),
            }),
            problems: Problems::none(),
            action_href: "/desk/customers/1/open".into(),
            page,
        }
    }

    /// See [`super::sample`].
    pub fn sample_erased(page: Frame) -> CustomerPage {
        CustomerPage {
            erased: true,
            values: Vec::new(),
            cards: Vec::new(),
            choices: Vec::new(),
            opened: None,
            title: customer(1),
            own_number: String::new(),
            ..CustomerPage::sample(page)
        }
    }
}

/// Every page with its name.
///
/// # Errors
/// A template that cannot be shown.
pub fn gallery(lang: Lang) -> Result<Vec<(String, String)>, askama::Error> {
    use askama::Template;

    let desk = |path: &str| desk_frame(lang, path);
    Ok(vec![
        ("customers".to_owned(), CustomersPage::sample(desk("/desk/customers")).render()?),
        ("customers-nobody".to_owned(), CustomersPage::sample_nobody(desk("/desk/customers")).render()?),
        ("customer".to_owned(), CustomerPage::sample(desk("/desk/customers/1")).render()?),
        ("customer-erased".to_owned(), CustomerPage::sample_erased(desk("/desk/customers/1")).render()?),
    ])
}
