//! What is told about connected apps.

use webkit::page::Lang;

pub(super) fn registered_in_english(app: &str) -> (&'static str, String) {
    let text = format!(
        "The app “{app}” was registered for your shop. From now on members can let it act for them at your shop's API."
    );
    ("An app was registered for your shop", text)
}

pub(super) fn registered_in_chinese(app: &str) -> (&'static str, String) {
    ("店铺登记了一个应用", format!("您的店铺登记了应用“{app}”。此后成员可以允许它代表自己访问店铺的接口。"))
}

pub(super) fn allowed_in_english(app: &str, who: &str) -> (&'static str, String) {
    ("An app was connected", format!("{who} let the app “{app}” act for them at your shop's API."))
}

pub(super) fn allowed_in_chinese(app: &str, who: &str) -> (&'static str, String) {
    ("已连接一个应用", format!("{who} 允许应用“{app}”代表自己访问店铺的接口。"))
}

pub(super) fn advice(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "If that should not be, sign in and disconnect it under “Connected apps”.",
        Lang::Zh => "若有不妥，请登录后在“已连接的应用”中断开。",
    }
}
