//! A sample of every page, for the gallery and for tests. Nothing here is reachable from a running server.

use identity::desk::Menu;
use identity::pages::sample::{NOW, ago, say};
use webkit::page::form::Choice;
use webkit::page::{Frame, Lang, Mark, Problems};

use super::payout::{AccountShown, PayoutChangePage, PayoutPage};
use super::{
    CardLine, CustomerPage, CustomerRow, CustomersPage, HistoryLine, OpenedLine, ValueLine, purpose_text,
};
use crate::opening::Purpose;

fn desk_frame(lang: Lang, path: &str) -> Frame {
    let entries = identity::desk::menu().into_iter().chain(crate::desk::menu());
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

fn account(lang: Lang, effective: Option<i64>) -> AccountShown {
    AccountShown {
        holder: say(lang, "G** T** H**", "绿**"),
        scheme: "iban".into(),
        number: "GB****6819".into(),
        bank: String::new(),
        who: "Mei Lin".into(),
        since: NOW.plus_seconds(-86_400 * 90),
        effective: effective.map(|seconds| NOW.plus_seconds(seconds)),
    }
}

impl PayoutPage {
    /// The page with one account in use and one that counts tomorrow.
    pub fn sample(page: Frame) -> PayoutPage {
        let lang = page.lang;
        let next = AccountShown {
            scheme: "card".into(),
            number: "UnionPay ···· 0005".into(),
            bank: say(lang, "Bank of China", "中国银行"),
            since: NOW.plus_seconds(-86_400),
            ..account(lang, Some(86_400))
        };
        PayoutPage {
            page,
            current: Some(account(lang, Some(-86_400 * 88))),
            next: Some(next),
            change_href: String::new(),
            withdraw_href: "/desk/payout-account/withdraw".into(),
            approve_href: String::new(),
            hours: 48,
        }
    }

    /// The page of a shop that has none yet.
    pub fn sample_none(page: Frame) -> PayoutPage {
        let change_href = "/desk/payout-account/change".to_owned();
        PayoutPage {
            current: None,
            next: None,
            change_href,
            withdraw_href: String::new(),
            ..PayoutPage::sample(page)
        }
    }

    /// The page as the second person sees it.
    pub fn sample_asked(page: Frame) -> PayoutPage {
        let next = Some(account(page.lang, None));
        PayoutPage {
            next,
            current: None,
            approve_href: "/desk/approvals/apr_1/approve".to_owned(),
            ..PayoutPage::sample(page)
        }
    }
}

impl PayoutChangePage {
    /// The form, with a number that is wrong.
    pub fn sample(page: Frame) -> PayoutChangePage {
        let mut problems = Problems::none();
        problems.add("number", page.t("problem-payout-number"));
        PayoutChangePage {
            holder: say(page.lang, "Green Tea House Ltd", "绿茗茶舍有限公司"),
            scheme: "card".into(),
            bank: say(page.lang, "Bank of China", "中国银行"),
            problems,
            hours: 48,
            action_href: "/desk/payout-account/change".into(),
            back_href: "/desk/payout-account".into(),
            page,
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
        ("payout".to_owned(), PayoutPage::sample(desk("/desk/payout-account")).render()?),
        ("payout-none".to_owned(), PayoutPage::sample_none(desk("/desk/payout-account")).render()?),
        ("payout-asked".to_owned(), PayoutPage::sample_asked(desk("/desk/payout-account")).render()?),
        ("payout-change".to_owned(), PayoutChangePage::sample(desk("/desk/payout-account/change")).render()?),
        ("customer-erased".to_owned(), CustomerPage::sample_erased(desk("/desk/customers/1")).render()?),
    ])
}
