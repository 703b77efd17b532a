//! Samples of what takes two people, of the access review and of the keys.

use webkit::page::form::Choice;
use webkit::page::{Frame, Problems};

use super::{NOW, ago, say};
use crate::emergency::EmergencyState;
use crate::pages::keys::{
    KeyDestroyPage, KeyLevel, KeyNode, KeyRotatePage, KeyShown, KeysPage, RotationBar, ShopRow, ShopsPage,
};
use crate::pages::review::{
    AccessReviewPage, ApprovalRow, ApprovalShown, ApprovalsPage, EmergencyPage, EmergencyRow, OpenReview,
    ReviewLine,
};

impl ApprovalsPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> ApprovalsPage {
        let lang = page.lang;
        let row = |state, who: String, about: &str| ApprovalRow {
            what: say(lang, "An export of customers' data", "导出顾客资料"),
            about: about.to_owned(),
            about_href: String::new(),
            looks_first: false,
            concerned: String::new(),
            roles: String::new(),
            gains: Vec::new(),
            loses: Vec::new(),
            who,
            since: ago(3_000),
            until: NOW.plus_seconds(80_000),
            state,
            approve_href: if state == ApprovalShown::Yours { "/approve".into() } else { String::new() },
            refuse_href: if state == ApprovalShown::Yours { "/refuse".into() } else { String::new() },
        };
        let (wang, mei) = (say(lang, "Wang Fang", "王芳"), say(lang, "Mei Lin", "林梅"));
        let grant = ApprovalRow {
            what: say(lang, "give a member more power", "提升成员权限"),
            about_href: "/member".to_owned(),
            concerned: say(lang, "Chen Jing", "陈静"),
            roles: say(lang, "Finance · Cashier", "财务 · 收银员"),
            gains: vec![say(lang, "give money back", "退款"), say(lang, "read the books", "查看账目")],
            loses: vec![say(lang, "make printed codes", "制作印刷收款码")],
            ..row(ApprovalShown::Yours, mei.clone(), "")
        };
        let rows = vec![
            grant,
            row(ApprovalShown::Yours, wang, "4,021"),
            row(ApprovalShown::Own, mei.clone(), "12"),
            row(ApprovalShown::Approved, mei, "7"),
        ];
        ApprovalsPage { page, rows, emergencies: 1, emergencies_href: "/desk/emergency".into() }
    }

    /// Nothing waits.
    pub fn sample_empty(page: Frame) -> ApprovalsPage {
        let emergencies_href = "/desk/emergency".into();
        ApprovalsPage { page, rows: Vec::new(), emergencies: 0, emergencies_href }
    }
}

impl EmergencyPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> EmergencyPage {
        let lang = page.lang;
        let (wang, mei) = (say(lang, "Wang Fang", "王芳"), say(lang, "Mei Lin", "林梅"));
        let why =
            say(lang, "till 3 charges twice, the owner is on a flight", "3 号收银机重复扣款，店主在飞机上");
        let row = |n: i64, state, who: &str| EmergencyRow {
            id: format!("emg_0th7x2w9{n:020}"),
            who: who.to_owned(),
            role: page.t("role-manager"),
            reason: why.clone(),
            begun: ago(n * 5_000),
            until: ago(n * 5_000 - 1_800),
            state,
            reviewer: String::new(),
            note: String::new(),
            end_href: String::new(),
            review_href: String::new(),
        };
        let running = EmergencyRow {
            begun: ago(600),
            until: NOW.plus_seconds(1_200),
            end_href: "/desk/emergency/1/end".into(),
            ..row(1, EmergencyState::Running, &mei)
        };
        let unreviewed = EmergencyRow {
            review_href: "/desk/emergency/2/review".into(),
            ..row(2, EmergencyState::Unreviewed, &wang)
        };
        let reviewed = EmergencyRow {
            reviewer: mei.clone(),
            note: say(lang, "one refund, rightly made", "退款一笔，处理得当"),
            ..row(9, EmergencyState::Reviewed, &wang)
        };
        let choice = |role: &str| Choice::new(role, page.t(format!("role-{role}")));
        EmergencyPage {
            holds: false,
            roles: ["manager", "finance"].map(choice).to_vec(),
            role: "manager".into(),
            minutes_typed: "30".into(),
            minutes_max: 60,
            reason_typed: String::new(),
            problems: Problems::none(),
            rows: vec![running, unreviewed, reviewed],
            action_href: "/desk/emergency".into(),
            page,
        }
    }

    /// The reader holds such power.
    pub fn sample_held(page: Frame) -> EmergencyPage {
        EmergencyPage { holds: true, ..EmergencyPage::sample(page) }
    }

    /// Nothing was taken, and nothing can be.
    pub fn sample_empty(page: Frame) -> EmergencyPage {
        EmergencyPage { roles: Vec::new(), rows: Vec::new(), ..EmergencyPage::sample(page) }
    }
}

impl AccessReviewPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> AccessReviewPage {
        let lang = page.lang;
        let line = |name: String, grants: &str, used, flags: Vec<String>| ReviewLine {
            subject: name.clone(),
            grants: page.t(format!("role-{grants}")),
            used,
            flags,
            decision: String::new(),
            is_own: grants == "owner",
            can_remove: grants != "owner",
            name,
        };
        let (unused, single) = (page.t("flag-unused"), page.t("flag-single-factor"));
        let mut lines = vec![
            line(say(lang, "Wang Fang", "王芳"), "finance", Some(ago(8_500_000)), vec![unused]),
            line(say(lang, "Zhao Lei", "赵磊"), "cashier", None, vec![single]),
            line(say(lang, "Mei Lin", "林梅"), "owner", Some(ago(60)), Vec::new()),
            line(say(lang, "Chen Jie", "陈洁"), "support", Some(ago(86_000)), Vec::new()),
        ];
        if let Some(last) = lines.last_mut() {
            last.decision = page.t("decision-confirmed");
        }
        let open = OpenReview {
            due: ago(86_400),
            is_overdue: true,
            done: 1,
            lines,
            action_href: "/desk/access-review/1".into(),
        };
        AccessReviewPage { open: Some(open), closed: vec![(ago(8_000_000), ago(8_100_000))], page }
    }

    /// None is due.
    pub fn sample_empty(page: Frame) -> AccessReviewPage {
        AccessReviewPage { page, open: None, closed: Vec::new() }
    }
}

fn node(version: i64, state: KeyShown, days_left: Option<i64>, uses: u64) -> KeyNode {
    KeyNode {
        version,
        name: String::new(),
        algorithm: "AES-256-KWP (RFC 5649)".into(),
        state,
        created: ago(30_000_000),
        ended: (state != KeyShown::Active).then(|| ago(90_000)),
        days_left,
        uses,
        destroy_href: String::new(),
        waits: false,
    }
}

impl KeysPage {
    /// See [`super`]; with a rotation that goes on.
    pub fn sample(page: Frame, moving: bool) -> KeysPage {
        let rotate = |level: &str| if moving { String::new() } else { format!("/desk/keys/rotate/{level}") };
        let root = KeyNode { name: "root-2".into(), ..node(2, KeyShown::Active, Some(700), 3) };
        let waits = KeyNode { waits: true, ..node(2, KeyShown::Retired, None, 0) };
        let keks =
            vec![node(4, KeyShown::Active, Some(12), 3_900), node(3, KeyShown::Retired, None, 121), waits];
        let data = KeyNode { algorithm: "AES-256-GCM".into(), ..node(0, KeyShown::Active, Some(-3), 4_021) };
        let seed = KeyNode {
            algorithm: "HKDF-SHA256, HMAC-SHA256".into(),
            ..node(2, KeyShown::Active, Some(650), 6)
        };
        let level = |level, keys| KeyLevel { level, keys, rotate_href: rotate(level) };
        let bar = |done, ended| RotationBar {
            level: "kek",
            done,
            total: 4_021,
            problem: String::new(),
            started: ago(95_000),
            ended,
        };
        KeysPage {
            page,
            trees: vec![
                vec![level("root", vec![root]), level("kek", keks), level("data", vec![data])],
                vec![level("seed", vec![seed, node(1, KeyShown::Retired, None, 212)])],
            ],
            root_waits: !moving,
            running: moving.then(|| bar(3_900, None)),
            past: vec![bar(4_021, Some(ago(90_000)))],
        }
    }
}

impl KeyRotatePage {
    /// See [`super`].
    pub fn sample(page: Frame) -> KeyRotatePage {
        let (action_href, back_href) = ("/desk/keys/rotate/kek".into(), "/desk/keys".into());
        KeyRotatePage { page, level: "kek", uses: 4_021, action_href, back_href }
    }
}

impl KeyDestroyPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> KeyDestroyPage {
        KeyDestroyPage {
            page,
            level: "root",
            version: 1,
            since: ago(60_000_000),
            until: ago(90_000),
            problems: Problems::none(),
            action_href: "/desk/keys/destroy/root/1".into(),
            back_href: "/desk/keys".into(),
        }
    }
}

impl ShopsPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> ShopsPage {
        let row = ShopRow {
            id: "shp_0th7x2w90123456789abcdefghjk".into(),
            name: super::shop(page.lang),
            place: say(page.lang, "Hangzhou, China", "杭州，中国"),
            currency: "CNY".into(),
            members: 4,
            without_factor: 1,
            since: ago(30_000_000),
        };
        ShopsPage { page, rows: vec![row] }
    }
}
