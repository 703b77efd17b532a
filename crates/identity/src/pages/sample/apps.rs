//! Samples of connected apps.

use webkit::page::{Frame, Problems};

use super::{NOW, ago, say};
use crate::pages::apps::{AppCard, AppsPage, ConnectionRow, ConsentPage, LeavingPage};
use crate::pages::roles::PermissionChoice;

impl AppsPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> AppsPage {
        let lang = page.lang;
        let may = || vec![page.t("may-view-payments"), page.t("may-refund")];
        let row = ConnectionRow {
            who: say(lang, "Wang Fang", "王芳"),
            may: may(),
            at: ago(9 * 86_400),
            used: Some(ago(4_000)),
            ends: NOW.plus_seconds(81 * 86_400),
            end_href: "/desk/apps/connections/1/end".into(),
        };
        let card = |n: i64, name: String, connections| AppCard {
            id: format!("app_0th7x2w9{n:020}"),
            name,
            at: ago(n * 86_400),
            may: may(),
            redirects: vec!["https://books.example/tillward/back".into()],
            connections,
            remove_href: format!("/desk/apps/{n}/remove"),
        };
        let apps = vec![
            card(10, say(lang, "Bookkeeping", "记账软件"), vec![row]),
            card(30, say(lang, "Stock", "库存软件"), Vec::new()),
        ];
        let choice =
            |name, key: &str, checked| PermissionChoice { name, label: page.t(key), fresh: false, checked };
        let choices =
            vec![choice("view payments", "may-view-payments", true), choice("refund", "may-refund", false)];
        AppsPage {
            apps,
            choices,
            name_typed: String::new(),
            redirects_typed: String::new(),
            keys_typed: String::new(),
            problems: Problems::none(),
            action_href: "/desk/apps".into(),
            page,
        }
    }
}

impl ConsentPage {
    /// See [`super`].
    pub fn sample(page: Frame) -> ConsentPage {
        let lang = page.lang;
        ConsentPage {
            app: say(lang, "Bookkeeping", "记账软件"),
            shop: say(lang, "Tea House", "茶馆"),
            may: vec![page.t("may-view-payments"), page.t("may-refund")],
            back_to: "books.example".into(),
            days: 90,
            client_id: "app_0th7x2w900000000000000000001".into(),
            request_uri: "urn:ietf:params:oauth:request_uri:sample".into(),
            action_href: "/oauth/authorize".into(),
            page,
        }
    }
}

impl ConsentPage {
    /// The question to whoever may do nothing of what is asked.
    pub fn sample_nothing(page: Frame) -> ConsentPage {
        ConsentPage { may: Vec::new(), ..ConsentPage::sample(page) }
    }
}

impl LeavingPage {
    /// Goes nowhere: a gallery is looked at.
    pub fn sample(page: Frame) -> LeavingPage {
        LeavingPage { page, site: "books.example".into(), address: "#main".into() }
    }
}
