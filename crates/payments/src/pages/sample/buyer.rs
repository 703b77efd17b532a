//! Samples of the buyer's pages.

use base::{Currency, Money};
use webkit::page::{Frame, Problems};

use super::{HASH, NOW, PAYMENT, ago, device, method, order, payer, say, shop, yuan};
use crate::pages::pay::{
    BalanceLine, ChallengePage, MethodsPage, NotMePage, OwnPayment, OwnPaymentsPage, PasskeyLine,
    PayAmountPage, PayPage, PinPage, WaitPage,
};
use crate::pages::receipt::ReceiptPage;
use crate::pages::shown::PaymentShown;

impl PayPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> PayPage {
        let lang = page.lang;
        PayPage {
            page,
            shop: shop(lang),
            verified: true,
            terminal: say(lang, "Counter 1", "一号柜台"),
            amount: yuan(128_000),
            order_line: order(lang),
            order_reference: "A-2207".into(),
            method: method(lang),
            balance: Some(yuan(341_000)),
            payer: payer(lang),
            expires_at: Some(NOW.plus_seconds(540)),
            confirm_token: "sample".into(),
            action_href: "/p/sample/confirm".into(),
            cancel_href: "/p/sample/cancel".into(),
        }
    }
}

impl PayAmountPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> PayAmountPage {
        let lang = page.lang;
        PayAmountPage {
            page,
            shop: shop(lang),
            verified: true,
            terminal: say(lang, "Counter 1", "一号柜台"),
            currency: "CNY".into(),
            symbol: "¥".into(),
            amount_typed: "38.50".into(),
            note_typed: String::new(),
            problems: Problems::none(),
            action_href: "/p/sample/amount".into(),
        }
    }
}

impl PinPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> PinPage {
        let (lang, wrong) = (page.lang, page.t1("pin-wrong", "left", 3));
        PinPage {
            page,
            shop: shop(lang),
            verified: true,
            amount: yuan(128_000),
            wrong,
            confirm_token: "sample".into(),
            is_specimen: false,
            has_passkey: true,
            passkey_wrong: String::new(),
            factor_above: None,
            factor_href: String::new(),
            has_factor: true,
            forgot_href: "/me/pin/forgot".into(),
            action_href: "/p/sample/pin".into(),
            cancel_href: "/p/sample/cancel".into(),
        }
    }

    /// In a shop that asks for more than the PIN.
    pub fn sample_demanding(page: Frame, has_factor: bool) -> PinPage {
        PinPage {
            factor_above: Some(yuan(50_000)),
            factor_href: "/me/again".into(),
            has_factor,
            wrong: String::new(),
            ..PinPage::sample(page)
        }
    }
}

impl ChallengePage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> ChallengePage {
        let lang = page.lang;
        ChallengePage {
            page,
            shop: shop(lang),
            verified: true,
            amount: yuan(128_000),
            at: ago(20),
            device: device(lang),
            place: say(lang, "Hangzhou", "杭州"),
            wrong: String::new(),
            confirm_token: "sample".into(),
            has_passkey: false,
            passkey_wrong: String::new(),
            action_href: "/p/sample/challenge".into(),
        }
    }
}

impl NotMePage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> NotMePage {
        let lang = page.lang;
        NotMePage {
            page,
            shop: shop(lang),
            amount: yuan(128_000),
            at: ago(500),
            action_href: "/pay/sample/not-me".into(),
            back_href: "/pay/sample".into(),
        }
    }
}

impl MethodsPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> MethodsPage {
        let passkey = PasskeyLine {
            label: say(page.lang, "Phone", "手机"),
            created: ago(999_000),
            used: Some(ago(9_000)),
            remove_href: "/me/security/1/remove".into(),
        };
        MethodsPage {
            page,
            balances: vec![
                BalanceLine { available: yuan(341_000), held: yuan(12_800) },
                BalanceLine {
                    available: Money::new(2_050, Currency::EUR),
                    held: Money::new(0, Currency::EUR),
                },
            ],
            passkeys: vec![passkey],
            pin_changed: ago(99_000),
            pin_locked: false,
        }
    }
}

impl OwnPaymentsPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> OwnPaymentsPage {
        let lang = page.lang;
        let row = |at, minor, state| OwnPayment {
            href: "/pay/sample".into(),
            shop: shop(lang),
            amount: yuan(minor),
            at: ago(at),
            state,
        };
        let rows = vec![
            row(90, 128_000, PaymentShown::Paid),
            row(9_000, 3_850, PaymentShown::Refunded),
            row(99_000, 12_800, PaymentShown::Declined),
        ];
        OwnPaymentsPage { page, who: payer(lang), balances: vec![yuan(341_000)], rows }
    }
}

impl WaitPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> WaitPage {
        let lang = page.lang;
        WaitPage {
            page,
            shop: shop(lang),
            amount: yuan(128_000),
            since: ago(130),
            payment_id: PAYMENT.into(),
            cancel_href: "/p/sample/cancel".into(),
        }
    }
}

impl ReceiptPage {
    /// See [`super::sample`]; in the given state.
    pub fn sample(page: Frame, state: PaymentShown) -> ReceiptPage {
        let lang = page.lang;
        let back = match state {
            PaymentShown::PartRefunded => Some(yuan(28_000)),
            PaymentShown::Refunded => Some(yuan(128_000)),
            _ => None,
        };
        let href = |wanted: bool| if wanted { "/p/sample".to_owned() } else { String::new() };
        ReceiptPage {
            page,
            shop: shop(lang),
            verified: true,
            amount: yuan(128_000),
            state,
            at: ago(4),
            order_line: order(lang),
            order_reference: "A-2207".into(),
            method: method(lang),
            payment_id: PAYMENT.into(),
            reason: String::new(),
            refunded: back,
            leaf_hash: HASH.into(),
            log_entry: state.is_paid().then_some(12_345),
            log_size: 12_400,
            log_root: HASH.into(),
            promise: "twp1:aud_sample:1772357400000:sample:sample:tillward.local/audit".into(),
            proof_href: href(state.is_paid()),
            not_me_href: href(state.is_paid()),
            again_href: href(state == PaymentShown::Declined),
            own_href: "/me".into(),
        }
    }
}
