//! The texts of identity's mails, in both languages. Plain text, the one thing to know first.

pub(crate) mod notices;

use base::{Secret, Timestamp};
use webkit::page::Lang;

use crate::limits::CODE_LIFE_SECONDS;
use crate::mail::Letter;

/// A one-time code for opening the account on a device.
pub(crate) fn code(lang: Lang, code: &Secret<String>, now: Timestamp) -> Letter {
    let minutes = CODE_LIFE_SECONDS / 60;
    let (subject, body) = match lang {
        Lang::En => (
            "Your sign-in code",
            format!(
                "{} is your code. It is good for {minutes} minutes and for one sign-in.\n\n\
                 Nobody from us will ever ask you for it. If you did not ask to sign in, ignore this mail: \
                 without the code nothing happens.\n",
                code.expose()
            ),
        ),
        Lang::Zh => (
            "您的登录验证码",
            format!(
                "{} 是您的验证码，{minutes} 分钟内有效，仅可使用一次。\n\n\
                 我们的任何人员都不会向您索取验证码。若非本人操作，请忽略此邮件：没有验证码，什么都不会发生。\n",
                code.expose()
            ),
        ),
    };
    let expires = Some(now.plus_seconds(CODE_LIFE_SECONDS));
    Letter { template: "code", subject: subject.to_owned(), body: Secret::new(body), expires }
}

/// An invitation to become a member of a shop. `link` opens the page where a password is chosen.
pub(crate) fn invitation(lang: Lang, shop: &str, link: &Secret<String>, expires: Timestamp) -> Letter {
    let (subject, body) = match lang {
        Lang::En => (
            "You are invited to a shop",
            format!(
                "You are invited to work in the shop “{shop}”. Choose your password here:\n\n{}\n\n\
                 The link works once and for 7 days.\n",
                link.expose()
            ),
        ),
        Lang::Zh => (
            "您受邀加入一家店铺",
            format!(
                "您受邀加入店铺“{shop}”。请在此设置密码：\n\n{}\n\n该链接仅可使用一次，7 天内有效。\n",
                link.expose()
            ),
        ),
    };
    Letter {
        template: "invitation",
        subject: subject.to_owned(),
        body: Secret::new(body),
        expires: Some(expires),
    }
}
