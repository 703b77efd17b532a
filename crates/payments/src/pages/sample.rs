//! A sample of every page, for the gallery and for tests: one tea house on one afternoon. Nothing here is reachable
//! from a running server.

use base::{Currency, Money};
use identity::desk::Menu;
use identity::pages::sample::{NOW, ago, say, shop};
use webkit::page::chart::Feature;
use webkit::page::form::Choice;
use webkit::page::parts::{Sorted, Step};
use webkit::page::{Frame, Html, Lang, Mark, Pager, Problems, SortHead};
use webkit::qr::{Level, Symbol};

use super::certificates::{CertificateRow, CertificatesPage, FreshCode, Standing};
use super::codes::{CodeNewPage, CodePage, CodePrintPage, CodeRow, CodeState, CodesPage};
use super::detail::{DecisionView, EntryView, LabelForm, PaymentPage, RefundPage};
use super::list::{PaymentRow, PaymentsPage, RefundLimitPage, RefundRow, RefundsPage};
use super::notice::NoticeKind;
use super::overview::{HourOutcomes, OverviewPage};
use super::pay::{
    ChallengePage, MethodsPage, NotMePage, OwnPaymentsPage, PayAmountPage, PayPage, PinPage, WaitPage,
};
use super::places::{PlaceRow, PlacesPage};
use super::receipt::ReceiptPage;
use super::reviews::{OverLimit, ReviewDetail, ReviewItem, ReviewsPage};
use super::rules::{ModeShown, RuleChanged, RulePage, RuleRow, RulesPage};
use super::shown::{CodeKindShown, CodeShown, OutcomeShown, PaymentShown};

mod buyer;

const PAYMENT: &str = "pay_0th7x2w90123456789abcdefghjk";
const HASH: &str = "9f2c4e7ab1d05836c2f4e1a97b3d5c608e1f2a4b6c8d0e2f4a6b8c0d2e4f6a8b";

/// A frame for a buyer.
pub fn buyer_frame(lang: Lang) -> Frame {
    let mut page = identity::pages::sample::buyer_frame(super::texts(), lang);
    page.sign_out_href = "/me/sign-out".to_owned();
    page
}

/// A frame for the desk at `path`, signed in as owner.
pub fn desk_frame(lang: Lang, path: &str) -> Frame {
    let entries = identity::desk::menu().into_iter().chain(crate::desk::menu());
    identity::pages::sample::desk_frame(super::texts(), &Menu::new(entries), lang, path)
}

fn payer(lang: Lang) -> String {
    say(lang, "Li H.", "李*")
}

fn order(lang: Lang) -> String {
    say(lang, "Two tins of Longjing, first picking", "明前龙井两罐")
}

fn method(lang: Lang) -> String {
    say(lang, "Tillward balance", "Tillward 余额")
}

fn device(lang: Lang) -> String {
    say(lang, "Chrome on Android", "安卓手机 Chrome")
}

fn yuan(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

/// Rows of payments in several states, newest first.
pub fn payment_rows(lang: Lang) -> Vec<PaymentRow> {
    let reason = say(
        lang,
        "Amount 9 times the usual, from a device seen for the first time",
        "金额为平时的 9 倍，且设备首次出现",
    );
    let burst = say(lang, "38 cards from one address within 7 minutes", "同一网络地址 7 分钟内尝试 38 张卡");
    let row = |at: i64, minor, state, who: &str, reason: &str| PaymentRow {
        id: format!("pay_0th7x2w9{at:020}"),
        href: format!("/desk/payments/{at}"),
        at: ago(at),
        amount: yuan(minor),
        state,
        payer: who.to_owned(),
        order: format!("A-{}", 2_300 - at / 60),
        reason: reason.to_owned(),
    };
    let (li, wang) = (payer(lang), say(lang, "Wang F.", "王*"));
    vec![
        row(12, 3_850, PaymentShown::Paid, &wang, ""),
        row(95, 128_000, PaymentShown::Review, &li, &reason),
        row(240, 12_800, PaymentShown::Paid, &wang, ""),
        row(610, 9_900, PaymentShown::Challenged, &li, &reason),
        row(1_900, 100, PaymentShown::Declined, "–", &burst),
        row(5_400, 45_600, PaymentShown::PartRefunded, &wang, ""),
        row(9_000, 6_400, PaymentShown::Expired, "", ""),
        row(95_000, 1_234_567, PaymentShown::Paid, &li, ""),
    ]
}

impl OverviewPage {
    /// See [`super::sample`]; a day with an attack at 14:00.
    pub fn sample(page: Frame) -> OverviewPage {
        let lang = page.lang;
        let hour = |at: u32| {
            let wave = (f64::from(at) / 24.0 * 6.3 + 3.2).sin() + 1.15;
            HourOutcomes {
                start: ago(i64::from(23 - at) * 3_600 + 1_800),
                paid: (wave * 60.0) as u64,
                waiting: u64::from(at.is_multiple_of(5)) * 2,
                declined: if at == 20 { 38 } else { u64::from(at.is_multiple_of(7)) },
            }
        };
        OverviewPage {
            page,
            today: yuan(4_821_050),
            today_count: 612,
            week_ago: Some(yuan(4_410_000)),
            reviews: 3,
            reviews_amount: yuan(211_500),
            reviews_href: "/desk/reviews".into(),
            needs: Vec::new(),
            hours: (0..24).map(hour).collect(),
            rows: payment_rows(lang),
            payments_href: "/desk/payments".into(),
            codes_href: "/desk/codes".into(),
            books_balanced: true,
            log_size: 12_400,
            log_sealed_at: Some(ago(1)),
        }
    }

    /// The first day: nothing has happened yet.
    pub fn sample_empty(page: Frame) -> OverviewPage {
        let zero = yuan(0);
        let quiet = |hour: HourOutcomes| HourOutcomes { paid: 0, waiting: 0, declined: 0, ..hour };
        let full = OverviewPage::sample(page);
        let hours = full.hours.iter().copied().map(quiet).collect();
        OverviewPage {
            today: zero,
            today_count: 0,
            week_ago: None,
            reviews: 0,
            hours,
            rows: Vec::new(),
            log_size: 0,
            log_sealed_at: None,
            ..full
        }
    }
}

impl PaymentsPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> PaymentsPage {
        let rows = payment_rows(page.lang);
        let head = |key: &str, sorted, figures| SortHead {
            name: page.t(key),
            href: page.href_with("sort", key),
            sorted,
            figures,
        };
        PaymentsPage {
            q: String::new(),
            state: String::new(),
            from: "2026-02-01".into(),
            to: String::new(),
            time_head: head("col-time", Sorted::Down, false),
            amount_head: head("col-amount", Sorted::No, true),
            pager: Pager {
                shown: rows.len(),
                first_href: String::new(),
                next_href: page.href_with("cursor", "next"),
            },
            rows,
            list_href: "/desk/payments".into(),
            export_href: "/desk/payments.csv".into(),
            page,
        }
    }
}

impl RefundsPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> RefundsPage {
        let lang = page.lang;
        let row = RefundRow {
            id: "ref_1".into(),
            payment_href: "/desk/payments/1".into(),
            payment_id: PAYMENT.into(),
            at: ago(3_700),
            amount: yuan(28_000),
            payer: payer(lang),
            reason: say(lang, "one tin was dented", "一罐有凹痕"),
            by: "Mei Lin".into(),
        };
        RefundsPage {
            page,
            limit: yuan(100_000),
            limit_href: "/desk/refunds/limit".into(),
            rows: vec![row],
            pager: Pager { shown: 1, ..Pager::default() },
        }
    }
}

impl RefundLimitPage {
    /// See [`super::sample`]; a higher one that waits for a second person.
    pub fn sample(page: Frame) -> RefundLimitPage {
        let mut problems = Problems::none();
        problems.add("amount", page.t("refund-limit-waits"));
        RefundLimitPage {
            page,
            limit: yuan(100_000),
            amount_typed: "5000.00".into(),
            problems,
            action_href: "/desk/refunds/limit".into(),
            back_href: "/desk/refunds".into(),
        }
    }
}

impl PlacesPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> PlacesPage {
        let lang = page.lang;
        let row =
            |of: &str, name: String, place| PlaceRow { href: format!("/desk/places?of={of}"), name, place };
        let rows = vec![
            row("shop", page.t1("places-shop", "shop", shop(lang)), Some((30.25, 120.15))),
            row("term_1", say(lang, "Counter 1", "一号柜台"), None),
            row("term_2", say(lang, "Airport", "机场店"), Some((30.24, 120.43))),
        ];
        let mut problems = Problems::none();
        problems.add("latitude", page.t("problem-place-range"));
        PlacesPage {
            choices: rows.iter().map(|row| Choice::new(&row.href, row.name.clone())).collect(),
            of: "/desk/places?of=term_2".into(),
            rows,
            latitude: "302.4".into(),
            longitude: "120.43".into(),
            problems,
            action_href: "/desk/places".into(),
            page,
        }
    }
}

impl CertificatesPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> CertificatesPage {
        let lang = page.lang;
        let row = |id: u8, label: String, purpose: &str, standing, open: bool| CertificateRow {
            id: format!("crt_0th7x2w9000000000000000000{id:02}"),
            label,
            purpose: page.t(format!("certificates-for-{purpose}")),
            ends: ago(-86_400 * i64::from(id)),
            standing,
            revoke_href: if open { format!("/desk/certificates/{id}/revoke") } else { String::new() },
        };
        let counter = || say(lang, "Counter 1", "一号柜台");
        let rows = vec![
            row(12, counter(), "terminal", Standing::Active, true),
            row(2, say(lang, "Web shop", "网店"), "api_client", Standing::EndsSoon, true),
            row(5, counter(), "terminal", Standing::Renewed, true),
            row(9, say(lang, "Old till", "旧收银机"), "terminal", Standing::Revoked, false),
        ];
        CertificatesPage {
            rows,
            fresh: Some(FreshCode {
                label: counter(),
                code: "twe_0th7x2w9000000000000000000000000000000000000000".into(),
                expires: ago(-3_600),
            }),
            holders: vec![
                Choice::new("term_1", counter()),
                Choice::new("key_1", say(lang, "Web shop", "网店")),
            ],
            holder: "term_1".into(),
            minutes: "60".into(),
            problems: Problems::none(),
            action_href: "/desk/certificates".into(),
            page,
        }
    }
}

/// A decision that sent a payment to review.
pub fn decision(lang: Lang) -> DecisionView {
    let feature = |name: String, shown: &str, usual: String, value, usual_low, usual_high| Feature {
        name,
        shown: shown.to_owned(),
        usual,
        value,
        usual_low,
        usual_high,
    };
    DecisionView {
        outcome: OutcomeShown::Review,
        score: "6.2 %".into(),
        reasons: vec![
            say(lang, "The amount is 9 times what this payer usually pays", "金额是这位付款人平时的 9 倍"),
            say(lang, "The device was seen for the first time 4 minutes ago", "设备 4 分钟前首次出现"),
            say(lang, "First payment to this shop", "首次向本店付款"),
        ],
        watched: vec![say(
            lang,
            "First payment of this payer to the shop at night",
            "该付款人首次在夜间向本店付款",
        )],
        buyer_text: say(
            lang,
            "We paused this payment to check it is you. No money has moved.",
            "为确认是您本人，这笔付款已暂停。尚未扣款。",
        ),
        rules_version: "3".into(),
        model_version: "2026-02".into(),
        features: vec![
            feature(
                say(lang, "Amount", "金额"),
                "¥1,280.00",
                say(lang, "¥40 to ¥210", "¥40 至 ¥210"),
                1_280.0,
                40.0,
                210.0,
            ),
            feature(
                say(lang, "Payments in ten minutes", "十分钟内付款笔数"),
                "1",
                say(lang, "0 to 2", "0 至 2"),
                1.0,
                0.0,
                2.0,
            ),
            feature(
                say(lang, "Shops today", "今日商家数"),
                "2",
                say(lang, "1 to 3", "1 至 3"),
                2.0,
                1.0,
                3.0,
            ),
            feature(
                say(lang, "Devices in 30 days", "30 天内设备数"),
                "3",
                say(lang, "1", "1"),
                3.0,
                1.0,
                1.0,
            ),
        ],
    }
}

impl PaymentPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> PaymentPage {
        let lang = page.lang;
        let step = |mark, en: &str, zh: &str, seconds, note: String| Step {
            mark,
            word: say(lang, en, zh),
            at: Some(ago(seconds)),
            note,
        };
        let steps = vec![
            step(Mark::Done, "Created", "创建", 300, "A-2207".into()),
            step(Mark::Done, "Scanned", "扫码", 260, device(lang)),
            step(Mark::Done, "Confirmed with PIN", "支付密码确认", 241, String::new()),
            step(Mark::Review, "Screened: sent to review", "审核：转人工", 241, "31 µs".into()),
            step(
                Mark::Done,
                "Approved by Mei Lin",
                "Mei Lin 通过",
                120,
                say(lang, "regular guest", "老顾客"),
            ),
            step(Mark::Done, "Posted to the ledger", "记账", 120, String::new()),
            step(Mark::Done, "Entered in the log", "写入日志", 119, String::new()),
        ];
        let entry = |account: String, debit, credit| EntryView { at: ago(120), account, debit, credit };
        PaymentPage {
            page,
            id: PAYMENT.into(),
            amount: yuan(128_000),
            state: PaymentShown::Paid,
            at: ago(300),
            payer: payer(lang),
            order_line: order(lang),
            order_reference: "A-2207".into(),
            method: method(lang),
            terminal: say(lang, "Counter 1", "一号柜台"),
            code_id: "code_0th7x2w90123456789abcdefghjk".into(),
            code_href: "/desk/codes/1".into(),
            device: device(lang),
            address: "203.0.113.x".into(),
            steps,
            decision: Some(decision(lang)),
            similar: payment_rows(lang).into_iter().take(3).collect(),
            entries: vec![
                entry(say(lang, "Balance of Li H.", "李* 的余额"), Some(yuan(128_000)), None),
                entry(say(lang, "Balance of Green Tea House", "绿茗茶舍的余额"), None, Some(yuan(128_000))),
            ],
            shows_ledger: true,
            leaf_hash: HASH.into(),
            log_entry: Some(12_345),
            proof_href: "/proof".into(),
            refundable: Some(yuan(128_000)),
            refund_href: "/desk/payments/1/refund".into(),
            refund_problems: Problems::none(),
            cancel_href: String::new(),
            label: Some(LabelForm {
                text: say(lang, "Known as fraud.", "已知为欺诈。"),
                said: say(lang, "Said by Mei Lin: the card was stolen", "Mei Lin：卡片被盗"),
                is_fraud: true,
                is_genuine: false,
                problems: Problems::none(),
                action_href: "/desk/payments/1/label".into(),
            }),
        }
    }
}

impl RefundPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> RefundPage {
        let lang = page.lang;
        RefundPage {
            page,
            payment_id: PAYMENT.into(),
            payment_href: "/desk/payments/1".into(),
            amount: yuan(28_000),
            left_after: yuan(100_000),
            payer: payer(lang),
            reason: say(lang, "one tin was dented", "一罐有凹痕"),
            over: Some(yuan(20_000)),
            problems: Problems::none(),
            action_href: "/desk/payments/1/refund".into(),
        }
    }
}

/// A QR symbol for the samples.
fn qr() -> Html {
    let symbol = Symbol::encode("http://localhost:8080/p/0th7x2w90123456789abcdefghjk", Level::M);
    let svg = symbol.and_then(|symbol| symbol.to_svg(4, "code"));
    Html::from_trusted(svg.unwrap_or_default())
}

impl CodesPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> CodesPage {
        let lang = page.lang;
        let row = |n: i64, kind, label: String, amount, state, payments| CodeRow {
            id: format!("code_0th7x2w9{n:020}"),
            href: format!("/desk/codes/{n}"),
            kind,
            label,
            amount,
            state,
            at: ago(n * 400),
            payments,
        };
        let (one, fixed) = (CodeKindShown::Dynamic, CodeKindShown::Static);
        let rows = vec![
            row(1, one, order(lang), Some(yuan(128_000)), CodeShown::Open, 0),
            row(2, one, say(lang, "Tea for two", "双人茶位"), Some(yuan(8_800)), CodeShown::Used, 1),
            row(9, one, say(lang, "Teapot", "茶壶"), Some(yuan(39_900)), CodeShown::Expired, 0),
            row(2_000, fixed, say(lang, "Counter 1", "一号柜台"), None, CodeShown::Open, 4_021),
        ];
        let pager = Pager { shown: rows.len(), ..Pager::default() };
        CodesPage { page, rows, pager, new_href: "/desk/codes/new".into() }
    }
}

impl CodeNewPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> CodeNewPage {
        let lang = page.lang;
        CodeNewPage {
            page,
            kind: "dynamic".into(),
            currency: "CNY".into(),
            amount_typed: String::new(),
            order_line_typed: String::new(),
            order_reference_typed: String::new(),
            terminal: "1".into(),
            terminals: vec![Choice::new("1", say(lang, "Counter 1", "一号柜台"))],
            minutes: 15,
            problems: Problems::none(),
            action_href: "/desk/codes".into(),
        }
    }
}

impl CodePage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> CodePage {
        let lang = page.lang;
        let state = CodeState {
            state: CodeShown::Open,
            scanned: true,
            expires_at: Some(NOW.plus_seconds(540)),
            payer: String::new(),
            payment_href: String::new(),
        };
        CodePage {
            page,
            id: "code_0th7x2w90123456789abcdefghjk".into(),
            kind: CodeKindShown::Dynamic,
            qr: qr(),
            url: "http://localhost:8080/p/0th7x2w90123456789abcdefghjk".into(),
            shop: shop(lang),
            label: order(lang),
            amount: Some(yuan(128_000)),
            state,
            emv: "00020101021226…6304A1B2".into(),
            svg_href: "/desk/codes/1.svg".into(),
            png_href: "/desk/codes/1.png".into(),
            print_href: "/desk/codes/1/print".into(),
            withdraw_href: "/desk/codes/1/withdraw".into(),
        }
    }
}

impl CodePrintPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> CodePrintPage {
        let lang = page.lang;
        CodePrintPage {
            page,
            qr: qr(),
            shop: shop(lang),
            verified: true,
            label: say(lang, "Counter 1", "一号柜台"),
            amount: None,
            id: "code_0th7x2w90123456789abcdefghjk".into(),
        }
    }
}

impl RulesPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> RulesPage {
        let lang = page.lang;
        let row = |name: &str, en: &str, zh: &str, outcome, fired, mode| RuleRow {
            name: name.to_owned(),
            text: say(lang, en, zh),
            outcome,
            fired,
            mode,
            is_fixed: name == "takeover_drain",
            change_href: if name == "takeover_drain" { String::new() } else { format!("/desk/rules/{name}") },
        };
        let rows = vec![
            row(
                "takeover_drain",
                "A new device tries to empty the payer's balance right after a change of credentials.",
                "凭证变更后，新设备试图清空付款人余额。",
                OutcomeShown::Block,
                2,
                ModeShown::On,
            ),
            row(
                "static_code_far_away",
                "Your printed code was paid from far away; it may have been copied.",
                "您的印刷码在远处被支付，可能被复制。",
                OutcomeShown::Review,
                14,
                ModeShown::Watch,
            ),
            row(
                "night_unusual_amount",
                "An unusual amount at night.",
                "夜间出现异常金额。",
                OutcomeShown::Challenge,
                0,
                ModeShown::Off,
            ),
        ];
        let changed = RuleChanged {
            text: say(lang, "static_code_far_away is on watch now.", "static_code_far_away 现为仅观察。"),
            undo_href: "/desk/rules/static_code_far_away".into(),
            before: "on".into(),
        };
        RulesPage { page, rows, decisions: 500, changed: Some(changed) }
    }
}

impl RulePage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> RulePage {
        let choices =
            ["on", "watch", "off"].map(|mode| Choice::new(mode, page.t(format!("rule-mode-{mode}"))));
        RulePage {
            name: "static_code_far_away".into(),
            text: say(
                page.lang,
                "A printed code was paid from … away by a payer new to the shop",
                "新付款人在 …外支付了印刷码",
            ),
            buyer_text: say(
                page.lang,
                "We are taking a short look at this payment and will tell you soon.",
                "我们正在核对这笔付款，稍后会通知您。",
            ),
            when: "payment.code == \"static\" && payment.distance_km >= 100.0 && payer.new_shop".into(),
            outcome: OutcomeShown::Review,
            mode: ModeShown::On,
            choices: choices.to_vec(),
            chosen: "watch".into(),
            note: String::new(),
            problems: Problems::none(),
            action_href: "/desk/rules/static_code_far_away".into(),
            back_href: "/desk/rules".into(),
            page,
        }
    }
}

impl ReviewsPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> ReviewsPage {
        let lang = page.lang;
        let decision = decision(lang);
        let item = |minor, due: i64, is_open| ReviewItem {
            href: format!("/desk/reviews/{minor}"),
            amount: yuan(minor),
            payer: payer(lang),
            reason: decision.reasons.first().cloned().unwrap_or_default(),
            due_at: NOW.plus_seconds(due),
            is_open,
        };
        let queue = vec![item(73_600, -200, false), item(128_000, 780, true), item(9_900, 1_500, false)];
        let open = ReviewDetail {
            payment_id: PAYMENT.into(),
            payment_href: "/desk/payments/1".into(),
            amount: yuan(128_000),
            at: ago(95),
            payer: payer(lang),
            order_line: order(lang),
            device: device(lang),
            address: "203.0.113.x".into(),
            decision,
            similar: payment_rows(lang).into_iter().take(3).collect(),
            problems: Problems::none(),
            over: None,
            action_href: "/desk/reviews/1".into(),
        };
        ReviewsPage { page, queue, open: Some(open) }
    }

    /// The open payment is past its payer's limit of the day.
    pub fn sample_over(page: Frame) -> ReviewsPage {
        let over = OverLimit { by: yuan(28_000), wait_until: Some(NOW.plus_seconds(40_000)) };
        let whole = ReviewsPage::sample(page);
        ReviewsPage { open: whole.open.map(|open| ReviewDetail { over: Some(over), ..open }), ..whole }
    }

    /// Nothing waits.
    pub fn sample_empty(page: Frame) -> ReviewsPage {
        ReviewsPage { page, queue: Vec::new(), open: None }
    }
}

/// Every page in one language by the name of its file, rendered.
///
/// # Errors
/// When a template fails.
pub fn gallery(lang: Lang) -> Result<Vec<(String, String)>, askama::Error> {
    use askama::Template;

    let buyer = || buyer_frame(lang);
    let desk = |path: &str| desk_frame(lang, path);
    let mut all = vec![
        ("pay".to_owned(), PayPage::sample(buyer()).render()?),
        ("pay-amount".to_owned(), PayAmountPage::sample(buyer()).render()?),
        ("pin".to_owned(), PinPage::sample(buyer()).render()?),
        ("pin-factor".to_owned(), PinPage::sample_demanding(buyer(), true).render()?),
        ("pin-factor-add".to_owned(), PinPage::sample_demanding(buyer(), false).render()?),
        ("challenge".to_owned(), ChallengePage::sample(buyer()).render()?),
        ("wait".to_owned(), WaitPage::sample(buyer()).render()?),
        ("not-me".to_owned(), NotMePage::sample(buyer()).render()?),
        ("own-payments".to_owned(), OwnPaymentsPage::sample(buyer()).render()?),
        ("methods".to_owned(), MethodsPage::sample(buyer()).render()?),
        ("overview".to_owned(), OverviewPage::sample(desk("/desk")).render()?),
        ("overview-empty".to_owned(), OverviewPage::sample_empty(desk("/desk")).render()?),
        ("payments".to_owned(), PaymentsPage::sample(desk("/desk/payments?from=2026-02-01")).render()?),
        ("payment".to_owned(), PaymentPage::sample(desk("/desk/payments/1")).render()?),
        ("refund".to_owned(), RefundPage::sample(desk("/desk/refunds/new")).render()?),
        ("refund-limit".to_owned(), RefundLimitPage::sample(desk("/desk/refunds/limit")).render()?),
        ("refunds".to_owned(), RefundsPage::sample(desk("/desk/refunds")).render()?),
        ("certificates".to_owned(), CertificatesPage::sample(desk("/desk/certificates")).render()?),
        ("places".to_owned(), PlacesPage::sample(desk("/desk/places")).render()?),
        ("codes".to_owned(), CodesPage::sample(desk("/desk/codes")).render()?),
        ("code-new".to_owned(), CodeNewPage::sample(desk("/desk/codes/new")).render()?),
        ("code".to_owned(), CodePage::sample(desk("/desk/codes/1")).render()?),
        ("code-print".to_owned(), CodePrintPage::sample(buyer()).render()?),
        ("rules".to_owned(), RulesPage::sample(desk("/desk/rules")).render()?),
        ("rule".to_owned(), RulePage::sample(desk("/desk/rules/static_code_far_away")).render()?),
        ("reviews".to_owned(), ReviewsPage::sample(desk("/desk/reviews/1")).render()?),
        ("reviews-over".to_owned(), ReviewsPage::sample_over(desk("/desk/reviews/1")).render()?),
        ("reviews-empty".to_owned(), ReviewsPage::sample_empty(desk("/desk/reviews")).render()?),
    ];
    for state in PaymentShown::ALL {
        all.push((format!("receipt-{}", state.slug()), ReceiptPage::sample(buyer(), state).render()?));
    }
    for kind in NoticeKind::ALL {
        all.push((format!("notice-{}", kind.slug()), kind.page(buyer(), "/p/sample".into()).render()?));
    }
    Ok(all)
}
