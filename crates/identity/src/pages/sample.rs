//! A sample of every page, for the gallery and for tests: one tea house on one afternoon. Nothing here is reachable
//! from a running server.
//!
//! Other domains build their samples on [`buyer_frame`] and [`desk_frame`] with their own texts and menu.

use base::{Currency, Money, Timestamp};
use webkit::page::form::Choice;
use webkit::page::{Desk, Frame, Html, Lang, Problems, Texts, Zone};
use webkit::qr::{Level, Symbol};

use super::account::{
    AccountPage, ActivityPage, ContactPage, ForgotStage, FreezeLinkPage, FreezePage, FrozenPage,
    PinChangePage, PinForgotPage, Standing,
};
use super::api_keys::{ApiKeyRow, ApiKeysPage, FreshKey};
use super::apps::{AppsPage, ConsentPage, LeavingPage};
use super::entry::{
    BuyerCodePage, BuyerKnownPage, BuyerNewPage, BuyerSignInPage, ForgottenPage, InvitedPage, ResetPage,
    SetUpPage, SignInPage, WakePage,
};
use super::front::FrontPage;
use super::keys::{KeyDestroyPage, KeyRotatePage, KeysPage, ShopsPage};
use super::notice::NoticeKind;
use super::passkeys::PasskeyNewPage;
use super::people::{BuyerPolicyPage, MemberNewPage, MemberPage, MemberRemovePage, MembersPage};
use super::review::{AccessReviewPage, ApprovalsPage, EmergencyPage};
use super::roles::{RoleEditPage, RolesPage};
use super::second_step::{EnrolAppPage, EnrolPage, EnrolPhonePage, RecoveryCodesPage, SecondStepPage};
use super::security::{AddressPage, DevicesPage, FactorRemovePage, PasswordPage, SecurityPage};
use crate::desk::Menu;
use crate::disputes::Disputed;
use crate::limits::PIN_COOLING_SECONDS;
use crate::pin::Cooling;

mod apps;
mod person;
mod trust;

/// The instant at which all samples are shown: 1 March 2026, 17:30 in Shanghai.
pub const NOW: Timestamp = Timestamp(1_772_357_400_000);

/// What waits in each section that counts.
const WAITING: u64 = 3;

/// A frame for a buyer with a domain's texts.
pub fn buyer_frame(texts: &'static Texts, lang: Lang) -> Frame {
    let mut page = Frame::new(texts, lang, NOW, "/p/sample");
    page.zone = Zone::named("Asia/Shanghai");
    page.csrf = "sample".into();
    page
}

/// A frame for the desk at `path`, signed in as owner, with a domain's texts and menu.
pub fn desk_frame(texts: &'static Texts, menu: &Menu, lang: Lang, path: &str) -> Frame {
    let mut page = buyer_frame(texts, lang);
    page.path = path.into();
    page.desk = Some(Desk {
        shop: shop(lang),
        who: "Mei Lin".into(),
        role: page.t("role-owner"),
        sign_out_href: "/desk/sign-out".into(),
        groups: menu.sample(lang, WAITING),
        own: menu.sample_own(lang),
    });
    page
}

/// The text in the language of the sample.
pub fn say(lang: Lang, en: &str, zh: &str) -> String {
    match lang {
        Lang::En => en.to_owned(),
        Lang::Zh => zh.to_owned(),
    }
}

/// The shop of all samples.
pub fn shop(lang: Lang) -> String {
    say(lang, "Green Tea House", "绿茗茶舍")
}

/// So many seconds before [`NOW`].
pub fn ago(seconds: i64) -> Timestamp {
    NOW.plus_seconds(-seconds)
}

/// A PIN that was set anew ten minutes ago: with a code alone where it pays nothing.
fn held(payments_left: i64) -> Cooling {
    let until = Some(NOW.plus_seconds(PIN_COOLING_SECONDS - 600));
    Cooling { until, payments_left, is_held_after: payments_left == 0 }
}

impl SetUpPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> SetUpPage {
        let lang = page.lang;
        let choice = |name: &str| Choice::new(name, name.to_owned());
        SetUpPage {
            wants_both: false,
            page,
            shop_typed: String::new(),
            city_typed: String::new(),
            country: "CN".into(),
            countries: vec![Choice::new("CN", say(lang, "China", "中国"))],
            category: "5499".into(),
            categories: vec![Choice::new("5499", say(lang, "Food and drink", "食品饮料"))],
            currency: "CNY".into(),
            currencies: ["CNY", "EUR", "JPY", "USD"].map(choice).to_vec(),
            zone: "Asia/Shanghai".into(),
            zones: ["Asia/Shanghai", "Europe/Berlin", "UTC"].map(choice).to_vec(),
            name_typed: String::new(),
            email_typed: String::new(),
            problems: Problems::none(),
            action_href: "/setup/sample".into(),
        }
    }
}

impl InvitedPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> InvitedPage {
        let shop = shop(page.lang);
        let (email, action_href) = ("mei@example.org".into(), "/setup/sample".into());
        InvitedPage { page, shop, email, wants_both: false, problems: Problems::none(), action_href }
    }
}

impl SignInPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> SignInPage {
        let mut problems = Problems::none();
        problems.add("", page.t("sign-in-failed"));
        SignInPage {
            page,
            email_typed: "mei@example.org".into(),
            problems,
            next: String::new(),
            action_href: "/desk/sign-in".into(),
            passkey_href: "/sign-in/passkey".into(),
            passkey_next: String::new(),
            outside: "Tea House ID".into(),
            outside_href: "/sign-in/outside?next=".into(),
            is_password_set: false,
            forgotten_href: "/sign-in/forgotten".into(),
        }
    }
}

impl ApiKeysPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> ApiKeysPage {
        let lang = page.lang;
        let row = |n: i64, name: String, revoke: &str| ApiKeyRow {
            ends: Some(NOW.plus_seconds(300 * 86_400)),
            id: format!("key_0th7x2w9{n:020}"),
            name,
            at: ago(n * 90_000),
            role: page.t("keys-role-integration"),
            revoke_href: revoke.to_owned(),
        };
        let rows = vec![
            row(1, say(lang, "Web shop", "网店"), "/desk/api-keys/1/revoke"),
            row(7, say(lang, "Old till", "旧收银机"), ""),
        ];
        ApiKeysPage {
            page,
            rows,
            role: "integration".into(),
            fresh: Some(FreshKey {
                id: "key_0th7x2w900000000000000000001".into(),
                secret: "tws_sample".into(),
            }),
            name_typed: String::new(),
            problems: Problems::none(),
            action_href: "/desk/api-keys".into(),
        }
    }
}

impl BuyerSignInPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> BuyerSignInPage {
        let lang = page.lang;
        let mut problems = Problems::none();
        problems.add("contact", page.t("problem-email"));
        BuyerSignInPage {
            page,
            shop: shop(lang),
            amount: Some(Money::new(128_000, Currency::CNY)),
            contact_typed: "li".into(),
            takes_numbers: true,
            problems,
            action_href: "/p/sample/sign-in".into(),
            new_href: "/p/sample/new".into(),
            passkey_href: "/me/sign-in/passkey".into(),
            passkey_next: "/me".into(),
        }
    }
}

impl BuyerCodePage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> BuyerCodePage {
        BuyerCodePage {
            page,
            contact_masked: "l•••@mail.example".into(),
            contact: "li@mail.example".into(),
            is_sign_up: false,
            challenge: "sample".into(),
            problems: Problems::none(),
            action_href: "/p/sample/code".into(),
            again_href: "/p/sample/again".into(),
            other_href: "/p/sample/sign-in".into(),
        }
    }
}

impl BuyerKnownPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> BuyerKnownPage {
        BuyerKnownPage { page, next_href: "/me".into(), forgot_href: "/me/pin/forgot".into() }
    }
}

impl BuyerNewPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> BuyerNewPage {
        BuyerNewPage {
            page,
            contact_typed: "li@mail.example".into(),
            takes_numbers: false,
            name_typed: String::new(),
            problems: Problems::none(),
            action_href: "/p/sample/new".into(),
            sign_in_href: "/p/sample/sign-in".into(),
        }
    }
}

impl PasskeyNewPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> PasskeyNewPage {
        let lang = page.lang;
        PasskeyNewPage {
            label_typed: say(lang, "Phone", "手机"),
            asks_pin: page.desk.is_none(),
            asks_maker: false,
            wrong: String::new(),
            problems: Problems::none(),
            action_href: "/me/security/passkey".into(),
            options_href: "/me/security/passkey/options".into(),
            back_href: "/me/security".into(),
            page,
        }
    }
}

impl ForgottenPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame, is_sent: bool) -> ForgottenPage {
        let (email_typed, action_href) = (String::new(), "/sign-in/forgotten".into());
        ForgottenPage { page, email_typed, problems: Problems::none(), is_sent, minutes: 30, action_href }
    }
}

impl ResetPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> ResetPage {
        let (email, action_href) = ("li.si@shop.example".into(), "/reset/sample".into());
        ResetPage { page, email, chars_min: 15, wants_both: false, problems: Problems::none(), action_href }
    }
}

impl WakePage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> WakePage {
        let (action_href, sign_out_href) = ("/me/wake".into(), "/me/sign-out".into());
        WakePage {
            page,
            wrong: String::new(),
            action_href,
            forgot_href: "/me/pin/forgot".into(),
            sign_out_href,
        }
    }
}

impl SecondStepPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame, kind: &str) -> SecondStepPage {
        let others = [("recovery", "step-by-recovery"), ("sms", "step-by-sms")];
        let others = others.map(|(by, key)| Choice::new(&format!("/sign-in/step?by={by}"), page.t(key)));
        SecondStepPage {
            page,
            kind: kind.to_owned(),
            others: others.to_vec(),
            is_again: false,
            is_buyer: false,
            request: String::new(),
            problems: Problems::none(),
            action_href: "/sign-in/step".into(),
            send_href: "/sign-in/step/code".into(),
            begin_href: "/sign-in".into(),
            passkey_href: "/sign-in/passkey".into(),
            passkey_next: "/desk".into(),
        }
    }
}

impl EnrolPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> EnrolPage {
        EnrolPage {
            page,
            is_first: true,
            is_buyer: false,
            problems: Problems::none(),
            passkey_href: "/desk/security/passkey".into(),
            app_href: "/sign-in/factor/app".into(),
            phone_href: "/sign-in/factor/phone".into(),
            codes_href: "/sign-in/factor/codes".into(),
            next_href: "/desk".into(),
        }
    }
}

impl EnrolAppPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> EnrolAppPage {
        let uri = "otpauth://totp/pay.shop.example:mei%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        let svg = Symbol::encode(uri, Level::M).and_then(|code| code.to_svg(4, &page.t("enrol-app-qr")));
        EnrolAppPage {
            page,
            qr: Html::from_trusted(svg.unwrap_or_default()),
            key: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP".into(),
            uri: uri.into(),
            factor: "fct_sample".into(),
            problems: Problems::none(),
            action_href: "/sign-in/factor/app/confirm".into(),
            back_href: "/sign-in/factor".into(),
        }
    }
}

impl EnrolPhonePage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> EnrolPhonePage {
        let mut problems = Problems::none();
        problems.add("code", page.t("problem-step-wrong"));
        EnrolPhonePage {
            page,
            factor: "fct_sample".into(),
            request: "ses_sample".into(),
            problems,
            action_href: "/sign-in/factor/phone/confirm".into(),
            back_href: "/sign-in/factor".into(),
        }
    }
}

impl RecoveryCodesPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> RecoveryCodesPage {
        let codes = (0..10).map(|n| format!("4k7x-q9mz-2d0a-h5tw-8ncr-3jv{n}")).collect();
        RecoveryCodesPage { page, codes, next_href: "/desk".into() }
    }
}

impl FrontPage {
    /// See [`super::sample`].
    pub fn sample(page: Frame) -> FrontPage {
        FrontPage { page, own_href: "/me".into(), desk_href: "/desk".into() }
    }
}

/// Every page in one language by the name of its file, rendered.
///
/// # Errors
/// When a template fails.
pub fn gallery(lang: Lang) -> Result<Vec<(String, String)>, askama::Error> {
    use askama::Template;

    let menu = Menu::new(crate::desk::menu());
    let buyer = || buyer_frame(super::texts(), lang);
    let desk = |path: &str| desk_frame(super::texts(), &menu, lang, path);
    let mut all = vec![
        ("buyer-sign-in".to_owned(), BuyerSignInPage::sample(buyer()).render()?),
        ("buyer-code".to_owned(), BuyerCodePage::sample(buyer()).render()?),
        ("buyer-known".to_owned(), BuyerKnownPage::sample(buyer()).render()?),
        ("buyer-new".to_owned(), BuyerNewPage::sample(buyer()).render()?),
        ("passkey-new".to_owned(), PasskeyNewPage::sample(buyer()).render()?),
        ("passkey-new-desk".to_owned(), PasskeyNewPage::sample(desk("/desk")).render()?),
        ("front".to_owned(), FrontPage::sample(buyer()).render()?),
        ("wake".to_owned(), WakePage::sample(buyer()).render()?),
        ("set-up".to_owned(), SetUpPage::sample(buyer()).render()?),
        ("invited".to_owned(), InvitedPage::sample(buyer()).render()?),
        ("sign-in".to_owned(), SignInPage::sample(buyer()).render()?),
        ("second-step".to_owned(), SecondStepPage::sample(buyer(), "totp").render()?),
        ("second-step-recovery".to_owned(), SecondStepPage::sample(buyer(), "recovery").render()?),
        ("second-step-sms".to_owned(), SecondStepPage::sample(buyer(), "sms").render()?),
        ("enrol".to_owned(), EnrolPage::sample(buyer()).render()?),
        ("enrol-app".to_owned(), EnrolAppPage::sample(buyer()).render()?),
        ("enrol-phone".to_owned(), EnrolPhonePage::sample(buyer()).render()?),
        ("recovery-codes".to_owned(), RecoveryCodesPage::sample(buyer()).render()?),
        ("api-keys".to_owned(), ApiKeysPage::sample(desk("/desk/api-keys")).render()?),
        ("apps".to_owned(), AppsPage::sample(desk("/desk/apps")).render()?),
        ("consent".to_owned(), ConsentPage::sample(buyer()).render()?),
        ("consent-nothing".to_owned(), ConsentPage::sample_nothing(buyer()).render()?),
        ("leaving".to_owned(), LeavingPage::sample(buyer()).render()?),
    ];
    all.extend(own_pages(lang)?);
    all.extend(people_pages(lang)?);
    for kind in NoticeKind::ALL {
        all.push((format!("notice-{}", kind.slug()), kind.page(buyer(), "/p/sample".into()).render()?));
    }
    Ok(all)
}

type Pages = Vec<(String, String)>;

fn own_pages(lang: Lang) -> Result<Pages, askama::Error> {
    use askama::Template;

    let menu = Menu::new(crate::desk::menu());
    let buyer = || buyer_frame(super::texts(), lang);
    let desk = || desk_frame(super::texts(), &menu, lang, "/desk/security");
    let code = ForgotStage::Code { request: "1".into() };
    Ok(vec![
        ("account".to_owned(), AccountPage::sample(buyer(), Standing::Good).render()?),
        ("account-frozen".to_owned(), AccountPage::sample(buyer(), Standing::Frozen).render()?),
        ("security-buyer".to_owned(), SecurityPage::sample(buyer()).render()?),
        ("security-buyer-new".to_owned(), SecurityPage::sample_empty(buyer()).render()?),
        ("security-member".to_owned(), SecurityPage::sample(desk()).render()?),
        ("factor-remove".to_owned(), FactorRemovePage::sample(buyer(), false).render()?),
        ("factor-remove-last".to_owned(), FactorRemovePage::sample(desk(), true).render()?),
        ("devices".to_owned(), DevicesPage::sample(buyer()).render()?),
        ("devices-member".to_owned(), DevicesPage::sample(desk()).render()?),
        ("password".to_owned(), PasswordPage::sample(desk()).render()?),
        ("address".to_owned(), AddressPage::sample(desk(), "").render()?),
        ("address-code".to_owned(), AddressPage::sample(desk(), "1").render()?),
        (
            "freeze-link-address".to_owned(),
            FreezeLinkPage::sample(buyer(), Disputed::Address, false).render()?,
        ),
        (
            "freeze-link-address-done".to_owned(),
            FreezeLinkPage::sample(buyer(), Disputed::Address, true).render()?,
        ),
        ("password-due".to_owned(), PasswordPage::sample_due(buyer()).render()?),
        ("forgotten".to_owned(), ForgottenPage::sample(buyer(), false).render()?),
        ("forgotten-sent".to_owned(), ForgottenPage::sample(buyer(), true).render()?),
        ("reset".to_owned(), ResetPage::sample(buyer()).render()?),
        ("pin-change".to_owned(), PinChangePage::sample(buyer()).render()?),
        ("pin-forgot".to_owned(), PinForgotPage::sample(buyer(), ForgotStage::Ask).render()?),
        ("pin-forgot-code".to_owned(), PinForgotPage::sample(buyer(), code).render()?),
        ("pin-forgot-done".to_owned(), PinForgotPage::sample(buyer(), ForgotStage::Done(held(0))).render()?),
        ("contact".to_owned(), ContactPage::sample(buyer(), "").render()?),
        ("contact-code".to_owned(), ContactPage::sample(buyer(), "1").render()?),
        ("freeze-link".to_owned(), FreezeLinkPage::sample(buyer(), Disputed::Pin, false).render()?),
        ("freeze-link-done".to_owned(), FreezeLinkPage::sample(buyer(), Disputed::Pin, true).render()?),
        (
            "freeze-link-contact".to_owned(),
            FreezeLinkPage::sample(buyer(), Disputed::Contact, false).render()?,
        ),
        ("account-pin-locked".to_owned(), AccountPage::sample(buyer(), Standing::PinLocked).render()?),
        ("account-cooling".to_owned(), AccountPage::sample_cooling(buyer()).render()?),
        ("account-held-back".to_owned(), AccountPage::sample_held_back(buyer()).render()?),
        ("freeze".to_owned(), FreezePage::sample(buyer()).render()?),
        ("frozen".to_owned(), FrozenPage::sample(buyer(), true, "").render()?),
        ("frozen-proof".to_owned(), FrozenPage::sample(buyer(), true, "/me/again").render()?),
        ("frozen-held".to_owned(), FrozenPage::sample(buyer(), false, "").render()?),
        ("activity".to_owned(), ActivityPage::sample(buyer()).render()?),
    ])
}

fn people_pages(lang: Lang) -> Result<Pages, askama::Error> {
    use askama::Template;

    let menu = Menu::new(crate::desk::menu());
    let desk = |path: &str| desk_frame(super::texts(), &menu, lang, path);
    let one = "/desk/members/1";
    Ok(vec![
        ("members".to_owned(), MembersPage::sample(desk("/desk/members")).render()?),
        ("member-new".to_owned(), MemberNewPage::sample(desk("/desk/members/new")).render()?),
        ("member".to_owned(), MemberPage::sample(desk(one), false).render()?),
        ("member-owner".to_owned(), MemberPage::sample(desk(one), true).render()?),
        ("member-remove".to_owned(), MemberRemovePage::sample(desk(one)).render()?),
        ("role".to_owned(), RoleEditPage::sample(desk("/desk/roles/1")).render()?),
        ("role-new".to_owned(), RoleEditPage::sample_new(desk("/desk/roles/new")).render()?),
        ("roles".to_owned(), RolesPage::sample(desk("/desk/roles")).render()?),
        ("approvals".to_owned(), ApprovalsPage::sample(desk("/desk/approvals")).render()?),
        ("approvals-empty".to_owned(), ApprovalsPage::sample_empty(desk("/desk/approvals")).render()?),
        ("emergency".to_owned(), EmergencyPage::sample(desk("/desk/emergency")).render()?),
        ("emergency-held".to_owned(), EmergencyPage::sample_held(desk("/desk/emergency")).render()?),
        ("emergency-none".to_owned(), EmergencyPage::sample_empty(desk("/desk/emergency")).render()?),
        ("access-review".to_owned(), AccessReviewPage::sample(desk("/desk/access-review")).render()?),
        (
            "access-review-none".to_owned(),
            AccessReviewPage::sample_empty(desk("/desk/access-review")).render()?,
        ),
        ("keys".to_owned(), KeysPage::sample(desk("/desk/keys"), false).render()?),
        ("keys-moving".to_owned(), KeysPage::sample(desk("/desk/keys"), true).render()?),
        ("buyer-policy".to_owned(), BuyerPolicyPage::sample(desk("/desk/buyer-policy")).render()?),
        ("shops".to_owned(), ShopsPage::sample(desk("/desk/shops")).render()?),
        ("key-rotate".to_owned(), KeyRotatePage::sample(desk("/desk/keys")).render()?),
        ("key-destroy".to_owned(), KeyDestroyPage::sample(desk("/desk/keys")).render()?),
    ])
}
