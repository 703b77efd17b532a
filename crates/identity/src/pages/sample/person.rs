//! Samples of one's own account, and of a shop's people.

use webkit::page::{Frame, Problems};

use super::{ago, held, say};
use crate::disputes::Disputed;
use crate::pages::account::{
    AccountPage, ActivityPage, ActivityRow, ContactPage, ForgotStage, FreezeLinkPage, FreezePage, FrozenPage,
    PinChangePage, PinForgotPage, Standing,
};
use crate::pages::people::{
    BuyerPolicyPage, MemberNewPage, MemberPage, MemberRemovePage, MemberRow, MemberShown, MembersPage,
    RoleChoice,
};
use crate::pages::roles::{
    OwnRoleRow, PermissionChoice, PermissionRow, RoleEditPage, RoleHolder, RoleLine, RolesPage,
};
use crate::pages::security::{
    AddressPage, AppLine, DevicesPage, FactorLine, FactorRemovePage, MeterPart, PasswordPage, SecurityPage,
    SessionRow,
};
use crate::permissions::{Permission, Role};
use crate::pin::Cooling;

fn factors(page: &Frame) -> Vec<FactorLine> {
    let line = |kind, label: String, used| FactorLine {
        kind,
        label,
        created: ago(8_000_000),
        used,
        is_contact: false,
        remove_href: "/me/security/1/remove".into(),
    };
    vec![
        line("passkey", say(page.lang, "Phone of Li", "李的手机"), Some(ago(3_600))),
        line("totp", say(page.lang, "Tablet", "平板电脑"), None),
    ]
}

fn app_line(page: &Frame) -> AppLine {
    AppLine {
        name: say(page.lang, "Bookkeeping", "记账"),
        may: vec![page.t("may-view-payments")],
        at: ago(86_400 * 20),
        used: Some(ago(3_600)),
        end_href: "/desk/security/apps/1/end".into(),
    }
}

impl SecurityPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> SecurityPage {
        let is_member = page.desk.is_some();
        SecurityPage {
            base: if is_member { "/desk" } else { "/me" },
            add_href: "/me/factor".into(),
            has_password: is_member,
            factors: factors(&page),
            recovery_left: 2,
            sessions: 3,
            apps: if is_member { vec![app_line(&page)] } else { Vec::new() },
            page,
        }
    }

    /// A new account.
    pub fn sample_empty(page: Frame) -> SecurityPage {
        let (factors, apps) = (Vec::new(), Vec::new());
        SecurityPage { factors, recovery_left: 0, sessions: 1, apps, ..SecurityPage::sample(page) }
    }
}

impl FactorRemovePage {
    /// See [`super`].
    pub fn sample(page: Frame, is_last: bool) -> FactorRemovePage {
        let factor = factors(&page).remove(0);
        let (action_href, back_href) = ("/me/security/1/remove".into(), "/me/security".into());
        FactorRemovePage { page, factor, is_last, action_href, back_href, add_href: "/me/factor".into() }
    }
}

impl DevicesPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> DevicesPage {
        let row = |device: String, hours: i64, is_this| SessionRow {
            device,
            opened: ago(hours * 40_000),
            used: ago(hours * 3_600),
            is_this,
            network: Some(if is_this { "203.0.113.•" } else { "2001:db8:85a3:•" }.into()),
            country: Some("CN".into()).filter(|_| is_this),
            end_href: "/me/devices/1/end".into(),
        };
        let rows = vec![
            row(say(page.lang, "Chrome on Android", "安卓手机 Chrome"), 0, true),
            row(say(page.lang, "Safari on iPad", "iPad Safari"), 5, false),
            row(say(page.lang, "Firefox on Linux", "Linux Firefox"), 90, false),
        ];
        let (end_others_href, back_href) = ("/me/devices/end".into(), "/me/security".into());
        DevicesPage { page, rows, end_others_href, back_href }
    }
}

impl PasswordPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> PasswordPage {
        let mut problems = Problems::none();
        problems.add("old", page.t("problem-password-wrong"));
        let (action_href, back_href) = ("/desk/password".into(), "/desk/security".into());
        PasswordPage {
            page,
            is_due: false,
            chars_min: 15,
            wants_both: false,
            problems,
            action_href,
            back_href,
        }
    }

    /// One that must be changed.
    pub fn sample_due(page: Frame) -> PasswordPage {
        PasswordPage { is_due: true, problems: Problems::none(), ..PasswordPage::sample(page) }
    }
}

impl MeterPart {
    /// See [`super`].
    pub fn sample(page: Frame, score: u8) -> MeterPart {
        MeterPart { advice: page.t("meter-advice-words"), page, score }
    }
}

impl AccountPage {
    /// See [`super`].
    pub fn sample(page: Frame, standing: Standing) -> AccountPage {
        AccountPage {
            who: say(page.lang, "Li Hua", "李华"),
            contact: "l•••@mail.example".into(),
            standing,
            factors: usize::from(standing == Standing::Good) * 2,
            sessions: 3,
            pin_changed: ago(9_000_000),
            cooling: None,
            page,
        }
    }

    /// With a PIN that was set anew.
    pub fn sample_cooling(page: Frame) -> AccountPage {
        AccountPage { cooling: Some(held(4)), ..AccountPage::sample(page, Standing::Good) }
    }

    /// With a PIN that rests on a code alone, after its first day.
    pub fn sample_held_back(page: Frame) -> AccountPage {
        let cooling = Some(Cooling { until: None, payments_left: 3, is_held_after: true });
        AccountPage { cooling, factors: 0, ..AccountPage::sample(page, Standing::Good) }
    }
}

impl PinForgotPage {
    /// See [`super`].
    pub fn sample(page: Frame, stage: ForgotStage) -> PinForgotPage {
        let href = || "/me/pin/forgot".to_owned();
        let problems = Problems::none();
        PinForgotPage {
            page,
            stage,
            problems,
            action_href: href(),
            again_href: href(),
            next_href: "/me".into(),
        }
    }
}

impl ContactPage {
    /// See [`super`].
    pub fn sample(page: Frame, request: &str) -> ContactPage {
        ContactPage {
            page,
            now_masked: "l•••@mail.example".into(),
            contact: "+86 138 0013 8042".into(),
            new_masked: "•• 42".into(),
            request: request.to_owned(),
            takes_numbers: true,
            problems: Problems::none(),
            action_href: "/me/contact".into(),
        }
    }
}

impl AddressPage {
    /// See [`super`].
    pub fn sample(page: Frame, request: &str) -> AddressPage {
        AddressPage {
            page,
            now_masked: "l•••@shop.example".into(),
            email: "li.si@new.example".into(),
            new_masked: "l•••@new.example".into(),
            request: request.to_owned(),
            problems: Problems::none(),
            action_href: "/desk/address".into(),
            back_href: "/desk/security".into(),
        }
    }
}

impl FreezeLinkPage {
    /// See [`super`].
    pub fn sample(page: Frame, about: Disputed, is_done: bool) -> FreezeLinkPage {
        FreezeLinkPage { page, about, is_done, action_href: "/freeze/sample".into() }
    }
}

impl PinChangePage {
    /// See [`super`].
    pub fn sample(page: Frame) -> PinChangePage {
        let mut problems = Problems::none();
        problems.add("old", page.t1("problem-pin-wrong", "left", 3));
        PinChangePage { page, problems, action_href: "/me/pin".into(), forgot_href: "/me/pin/forgot".into() }
    }
}

impl FreezePage {
    /// See [`super`].
    pub fn sample(page: Frame) -> FreezePage {
        FreezePage { page, others: 2, action_href: "/me/freeze".into() }
    }
}

impl FrozenPage {
    /// See [`super`].
    pub fn sample(page: Frame, is_own: bool, proof_href: &str) -> FrozenPage {
        let (proof_href, action_href) = (proof_href.to_owned(), "/me/thaw".into());
        FrozenPage { page, is_own, proof_href, wrong: String::new(), action_href }
    }
}

impl ActivityPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> ActivityPage {
        let row = |seconds, key: &str, note: String| ActivityRow {
            at: ago(seconds),
            what: page.t(key),
            note,
            network: Some("203.0.113.•".to_owned()),
            country: Some("CN".to_owned()),
            not_me_href: "/me/freeze".to_owned(),
        };
        let ended = ActivityRow {
            network: None,
            country: None,
            not_me_href: String::new(),
            ..row(3_000, "activity-session-ended", say(page.lang, "Safari on iPhone", "iPhone Safari"))
        };
        let device = say(page.lang, "Chrome on Android", "安卓手机 Chrome");
        let rows = vec![
            row(600, "activity-signed-in", device.clone()),
            ended,
            row(86_000, "activity-factor-added", page.t("factor-passkey")),
            row(86_400, "activity-device-added", device),
            row(9_000_000, "activity-pin-changed", String::new()),
        ];
        ActivityPage { page, rows }
    }
}

fn roles(page: &Frame) -> Vec<RoleChoice> {
    let grantable = Role::ALL.iter().filter(|role| role.is_for_members());
    let choice = |role: &Role| RoleChoice {
        name: role.name().to_owned(),
        label: page.t(format!("role-{}", role.name())),
        does: page.t(format!("role-does-{}", role.name())),
        checked: *role == Role::Cashier,
    };
    grantable.map(choice).collect()
}

fn members(page: &Frame) -> Vec<MemberRow> {
    let row = |name: String, role: &str, state, has_factor, last| MemberRow {
        email: format!("{role}@tea.example"),
        roles: page.t(format!("role-{role}")),
        state,
        has_factor,
        last_login: last,
        is_self: role == "owner",
        href: "/desk/members/1".into(),
        name,
    };
    let (active, lang) = (MemberShown::Active, page.lang);
    vec![
        row(say(lang, "Mei Lin", "林梅"), "owner", active, true, Some(ago(300))),
        row(say(lang, "Wang Fang", "王芳"), "finance", active, false, Some(ago(8_000_000))),
        row(say(lang, "Zhao Lei", "赵磊"), "cashier", MemberShown::Invited, false, None),
        row(say(lang, "Chen Jie", "陈洁"), "support", MemberShown::Removed, true, Some(ago(20_000_000))),
    ]
}

impl MembersPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> MembersPage {
        MembersPage {
            rows: members(&page),
            invite_href: "/desk/members/new".into(),
            sign_out_href: "/desk/members/sign-out".into(),
            signed_out: None,
            page,
        }
    }
}

impl MemberNewPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> MemberNewPage {
        let mut problems = Problems::none();
        problems.add("email", page.t("member-taken"));
        MemberNewPage {
            name_typed: String::new(),
            email_typed: "wang@tea.example".into(),
            roles: roles(&page),
            problems,
            action_href: "/desk/members/new".into(),
            back_href: "/desk/members".into(),
            page,
        }
    }
}

impl MemberPage {
    /// See [`super`].
    pub fn sample(page: Frame, is_last_owner: bool) -> MemberPage {
        let row = members(&page).remove(usize::from(!is_last_owner));
        let remove = if is_last_owner { "" } else { "/desk/members/1/remove" };
        MemberPage {
            row,
            since: ago(30_000_000),
            factors: if is_last_owner { page.t("factor-passkey") } else { String::new() },
            sessions: 2,
            roles: roles(&page),
            problems: Problems::none(),
            roles_href: "/desk/members/1/roles".into(),
            sessions_href: "/desk/members/1/sessions".into(),
            restore_href: String::new(),
            factors_href: if is_last_owner { String::new() } else { "/desk/members/1/factors".into() },
            factors_word: String::new(),
            resend_href: String::new(),
            remove_href: remove.into(),
            is_last_owner,
            page,
        }
    }
}

impl BuyerPolicyPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> BuyerPolicyPage {
        BuyerPolicyPage {
            page,
            above: Some(base::Money::new(50_000, base::Currency::CNY)),
            above_typed: "500.00".into(),
            currency: "CNY".into(),
            problems: Problems::none(),
            action_href: "/desk/buyer-policy".into(),
        }
    }
}

impl MemberRemovePage {
    /// See [`super`].
    pub fn sample(page: Frame) -> MemberRemovePage {
        MemberRemovePage {
            name: say(page.lang, "Wang Fang", "王芳"),
            shop: super::shop(page.lang),
            sessions: 2,
            action_href: "/desk/members/1/remove".into(),
            back_href: "/desk/members/1".into(),
            page,
        }
    }
}

impl RolesPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> RolesPage {
        let line = |choice: RoleChoice| RoleLine { label: choice.label, does: choice.does, holders: 1 };
        let row = |permission: &Permission| PermissionRow {
            label: page.t(format!("may-{}", permission.name().to_lowercase().replace(' ', "-"))),
            fresh: permission.fresh_seconds().is_some(),
            may: Role::ALL
                .iter()
                .filter(|role| role.is_for_members())
                .map(|r| r.grants(*permission))
                .collect(),
        };
        let rows = Permission::ALL.iter().map(row).collect();
        let own = OwnRoleRow {
            name: say(page.lang, "Evening shift", "晚班"),
            permissions: 4,
            holders: 2,
            href: "/desk/roles/1".into(),
        };
        let roles = roles(&page).into_iter().map(line).collect();
        RolesPage { roles, rows, own: vec![own], new_href: "/desk/roles/new".into(), page }
    }
}

impl RoleEditPage {
    /// See [`super`]; one that somebody has.
    pub fn sample(page: Frame) -> RoleEditPage {
        let choice = |permission: &Permission| PermissionChoice {
            name: permission.name(),
            label: page.t(format!("may-{}", permission.name().to_lowercase().replace(' ', "-"))),
            fresh: permission.fresh_seconds().is_some(),
            checked: *permission == Permission::TakePayments,
        };
        let name = say(page.lang, "Evening shift", "晚班");
        let holder =
            RoleHolder { name: say(page.lang, "Zhao Lei", "赵磊"), href: "/desk/members/2".into() };
        RoleEditPage {
            title: name.clone(),
            name_typed: name,
            choices: Permission::ALL.iter().filter(|one| Role::Owner.grants(**one)).map(choice).collect(),
            holders: vec![holder],
            problems: Problems::none(),
            action_href: "/desk/roles/1".into(),
            delete_href: String::new(),
            back_href: "/desk/roles".into(),
            page,
        }
    }

    /// A new one.
    pub fn sample_new(page: Frame) -> RoleEditPage {
        let full = RoleEditPage::sample(page);
        RoleEditPage { title: String::new(), name_typed: String::new(), holders: Vec::new(), ..full }
    }
}
