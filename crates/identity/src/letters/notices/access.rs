//! The texts about access that is looked at each quarter, and that ends where nobody says it is needed.

use webkit::page::Lang;

use crate::limits::IDLE_DAYS_MAX;
use crate::notices::{Notice, Stopped};
use crate::suspensions::SuspendedFor;

/// Things that are named in one list; of more only the number is told.
const NAMED_MAX: usize = 10;

pub(super) fn waits_in_english(lines: i64, days: i64) -> (&'static str, String) {
    let text = format!(
        "Still to be decided in the access review: {lines}. What nobody decides within {days} days stops working: members \
         and API keys are suspended, and the certificates of devices are revoked."
    );
    ("An access review waits for you", text)
}

pub(super) fn waits_in_chinese(lines: i64, days: i64) -> (&'static str, String) {
    let text = format!(
        "权限审查中还有 {lines} 项待决定。{days} 天内无人决定的将停止使用：成员和 API 密钥会被暂停，设备证书会被吊销。"
    );
    ("权限审查等待您处理", text)
}

pub(super) fn suspended_in_english(why: SuspendedFor) -> (&'static str, String) {
    let text = match why {
        SuspendedFor::Idle => {
            format!("You did not sign in for {IDLE_DAYS_MAX} days, so your access as a member is suspended.")
        }
        SuspendedFor::Review => {
            "Nobody confirmed in the access review that you still need your access as a member, so it is suspended."
                .to_owned()
        }
        SuspendedFor::Dispute => {
            "The change of your address was disputed, so your access as a member is suspended.".to_owned()
        }
    };
    ("Your access is suspended", text)
}

pub(super) fn suspended_in_chinese(why: SuspendedFor) -> (&'static str, String) {
    let text = match why {
        SuspendedFor::Idle => format!("您已有 {IDLE_DAYS_MAX} 天未登录，成员权限已被暂停。"),
        SuspendedFor::Review => "权限审查中无人确认您仍需要成员权限，该权限已被暂停。".to_owned(),
        SuspendedFor::Dispute => "您的邮箱更改遭到质疑，成员权限已被暂停。".to_owned(),
    };
    ("您的访问权限已暂停", text)
}

pub(super) fn restored_in_english() -> (&'static str, String) {
    let text = "Your access as a member was suspended and works again, with your password and second step as before.";
    ("You can sign in again", text.to_owned())
}

pub(super) fn restored_in_chinese() -> (&'static str, String) {
    ("您可以重新登录", "您被暂停的成员权限已恢复，密码和第二步验证与之前相同。".to_owned())
}

/// What whoever is told can do about it.
pub(super) fn advice(lang: Lang, notice: &Notice) -> &'static str {
    match (notice, lang) {
        (Notice::AccessReviewWaits { .. }, Lang::En) => "Sign in and look under “Access review”.",
        (Notice::AccessReviewWaits { .. }, Lang::Zh) => "请登录后在“权限审查”中处理。",
        (Notice::AccessSuspended { .. }, Lang::En) => {
            "A colleague who manages members can let you in again, with your password and second step as before."
        }
        (Notice::AccessSuspended { .. }, Lang::Zh) => {
            "管理成员的同事可以恢复您的登录，密码和第二步验证保持不变。"
        }
        (Notice::AccessRestored, Lang::En) => "If you did not expect this, tell your colleagues.",
        (Notice::AccessRestored, Lang::Zh) => "若非预期，请告知同事。",
        _ => "",
    }
}

pub(super) fn stopped_in_english(why: SuspendedFor, stopped: &Stopped) -> (&'static str, String) {
    let reason = match why {
        SuspendedFor::Idle => format!("These members did not sign in for {IDLE_DAYS_MAX} days."),
        SuspendedFor::Review => "Nobody decided these in the access review.".to_owned(),
        SuspendedFor::Dispute => "A change of address was disputed.".to_owned(),
    };
    let list = |items: &[String]| list_of(items, ("`", "`"), ", ", |n| format!(" and {n} more"));
    let parts = [
        ("Members suspended", &stopped.members),
        ("API keys suspended", &stopped.api_keys),
        ("Certificates revoked", &stopped.certificates),
    ];
    let told = parts.iter().filter(|(_, items)| !items.is_empty());
    let told = told.map(|(what, items)| format!(" {what}: {}.", list(items)));
    let told = reason + &told.collect::<String>();
    let ways = ways_back(
        stopped,
        [
            "let members in again under “Members”",
            "make new keys under “API keys”",
            "enrol devices anew under “Certificates”",
        ],
    );
    let what = format!("{told} If it is still needed, sign in: {}.", ways.join("; "));
    ("Access of others has ended", what)
}

/// What the reader can do about it: told of each thing that is named, since nobody is named what they may not manage.
fn ways_back(stopped: &Stopped, ways: [&'static str; 3]) -> Vec<&'static str> {
    let named = [&stopped.members, &stopped.api_keys, &stopped.certificates];
    named.iter().zip(ways).filter(|(items, _)| !items.is_empty()).map(|(_, way)| way).collect()
}

pub(super) fn stopped_in_chinese(why: SuspendedFor, stopped: &Stopped) -> (&'static str, String) {
    let reason = match why {
        SuspendedFor::Idle => format!("以下成员已有 {IDLE_DAYS_MAX} 天未登录。"),
        SuspendedFor::Review => "以下各项在权限审查中无人决定。".to_owned(),
        SuspendedFor::Dispute => "邮箱更改遭到质疑。".to_owned(),
    };
    let list = |items: &[String]| list_of(items, ("“", "”"), "、", |n| format!("等，另有 {n} 项"));
    let parts = [
        ("已暂停的成员", &stopped.members),
        ("已暂停的 API 密钥", &stopped.api_keys),
        ("已吊销的证书", &stopped.certificates),
    ];
    let told = parts.iter().filter(|(_, items)| !items.is_empty());
    let told = told.map(|(what, items)| format!("{what}：{}。", list(items)));
    let told = reason + &told.collect::<String>();
    let ways =
        ways_back(stopped, ["在“成员”中恢复成员", "在“API 密钥”中创建新密钥", "在“证书”中重新登记设备"]);
    ("部分访问权限已终止", format!("{told}若仍有需要，请登录后{}。", ways.join("；")))
}

fn list_of(
    items: &[String],
    (open, close): (&str, &str),
    between: &str,
    more: impl Fn(usize) -> String,
) -> String {
    let named: Vec<String> =
        items.iter().take(NAMED_MAX).map(|item| format!("{open}{item}{close}")).collect();
    let rest = items.len().saturating_sub(NAMED_MAX);
    let tail = if rest == 0 { String::new() } else { more(rest) };
    named.join(between) + &tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_ten_and_counts_the_rest() {
        let members = |n: usize| Stopped {
            members: (0..n).map(|i| format!("mem_{i}")).collect(),
            ..Stopped::default()
        };
        let (_, all) = stopped_in_english(SuspendedFor::Idle, &members(NAMED_MAX));
        assert!(all.contains("`mem_9`."), "{all}");
        assert!(all.ends_with("sign in: let members in again under “Members”."), "no word of keys: {all}");
        let (_, cut) = stopped_in_english(SuspendedFor::Idle, &members(NAMED_MAX + 1));
        assert!(cut.contains("`mem_9` and 1 more."), "{cut}");
        let (_, cut) = stopped_in_chinese(SuspendedFor::Idle, &members(NAMED_MAX + 1));
        assert!(cut.contains("“mem_9”等，另有 1 项。"), "{cut}");
        assert!(cut.ends_with("请登录后在“成员”中恢复成员。"), "{cut}");
    }
}
