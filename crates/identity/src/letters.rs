//! The texts of identity's mails, in both languages. Plain text, the one thing to know first.

pub(crate) mod notices;

use base::{Secret, Timestamp};
use webkit::page::Lang;

use crate::limits::{CODE_LIFE_SECONDS, RESET_LINK_SECONDS, SIM_CHANGE_SECONDS};
use crate::mail::{Letter, Message};
use crate::store::sent_codes::CodePurpose;

/// A one-time code for opening the account on a device. As a text message it ends with the line that browsers read.
pub(crate) fn code(lang: Lang, code: &Secret<String>, host: &str, now: Timestamp) -> Message {
    let text = sent_code(lang, CodePurpose::SignIn, code, host, now).text;
    Message { letter: code_letter(lang, code, now), text }
}

fn code_letter(lang: Lang, code: &Secret<String>, now: Timestamp) -> Letter {
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

/// A code that proves a telephone or mailbox. The last line of the short form is what browsers read: the host the code is
/// for, and the code.
pub(crate) fn sent_code(
    lang: Lang,
    purpose: CodePurpose,
    code: &Secret<String>,
    host: &str,
    now: Timestamp,
) -> Message {
    let minutes = CODE_LIFE_SECONDS / 60;
    let code = code.expose();
    let what = match (lang, purpose) {
        (Lang::En, CodePurpose::Verify) => "to confirm that this is yours",
        (Lang::En, CodePurpose::SignIn) => "to sign in",
        (Lang::En, CodePurpose::StepUp) => "to confirm that it is you",
        (Lang::En, CodePurpose::PinReset) => "to set a new payment PIN",
        (Lang::Zh, CodePurpose::Verify) => "用于验证此联系方式",
        (Lang::Zh, CodePurpose::SignIn) => "用于登录",
        (Lang::Zh, CodePurpose::StepUp) => "用于确认本人操作",
        (Lang::Zh, CodePurpose::PinReset) => "用于设置新的支付密码",
    };
    let (subject, body) = match lang {
        Lang::En => (
            "Your code",
            format!(
                "{code} is your code {what} at {host}. It is good for {minutes} minutes. Never tell it to anybody."
            ),
        ),
        Lang::Zh => (
            "您的验证码",
            format!("{code} 是您在 {host} 的验证码，{what}，{minutes} 分钟内有效。请勿告诉任何人。"),
        ),
    };
    let expires = Some(now.plus_seconds(CODE_LIFE_SECONDS));
    let text = Secret::new(format!("{body}\n\n@{host} #{code}"));
    let body = Secret::new(format!("{body}\n"));
    Message { letter: Letter { template: "sent_code", subject: subject.to_owned(), body, expires }, text }
}

/// What a number gets in place of a code while its SIM card is too new.
pub(crate) fn no_code(lang: Lang, host: &str, now: Timestamp) -> Message {
    let days = SIM_CHANGE_SECONDS / 86_400;
    let (subject, body) = match lang {
        Lang::En => (
            "No code",
            format!(
                "There is no code: the SIM card of this number was changed lately, so codes to it open nothing at {host} \
                 for {days} days. Use a passkey, an authenticator app, a recovery code, or a device on which you are \
                 signed in."
            ),
        ),
        Lang::Zh => (
            "无法发送验证码",
            format!(
                "此号码的 SIM 卡近期更换过，{days} 天内发往此号码的验证码在 {host} 无效，因此未发送。请改用通行密钥、身份验证器应用、恢复码，或已登录的设备。"
            ),
        ),
    };
    let expires = Some(now.plus_seconds(CODE_LIFE_SECONDS));
    let text = Secret::new(body.clone());
    let body = Secret::new(format!("{body}\n"));
    Message { letter: Letter { template: "no_code", subject: subject.to_owned(), body, expires }, text }
}

/// A link to set a forgotten password anew.
pub(crate) fn password_reset(lang: Lang, link: &Secret<String>, expires: Timestamp) -> Letter {
    let minutes = RESET_LINK_SECONDS / 60;
    let (subject, body) = match lang {
        Lang::En => (
            "Set a new password",
            format!(
                "Somebody asked to set a new password for your account. If it was you, choose it here:\n\n{}\n\n\
                 The link works once and for {minutes} minutes; your second step is asked for afterwards. If it was not \
                 you, do nothing: your password stays as it is.\n",
                link.expose()
            ),
        ),
        Lang::Zh => (
            "设置新密码",
            format!(
                "有人请求为您的账户设置新密码。若是您本人，请在此设置：\n\n{}\n\n该链接仅可使用一次，{minutes} 分钟内有效；\
                 之后仍需完成第二步验证。若非本人操作，无需理会，您的密码保持不变。\n",
                link.expose()
            ),
        ),
    };
    let (subject, body) = (subject.to_owned(), Secret::new(body));
    Letter { template: "password_reset", subject, body, expires: Some(expires) }
}

/// Who reset a member's second factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetBy {
    /// Two members of the shop.
    TwoPeople,
    /// Whoever runs the installation, by command.
    Operator,
}

impl ResetBy {
    /// The sentence that says so, without its end.
    fn say(self, lang: Lang, shop: &str) -> String {
        match (self, lang) {
            (ResetBy::TwoPeople, Lang::En) => {
                format!("Two people agreed to reset your second step in the shop “{shop}”.")
            }
            (ResetBy::TwoPeople, Lang::Zh) => format!("经两人同意，您在店铺“{shop}”的第二步验证已被重置。"),
            (ResetBy::Operator, Lang::En) => {
                format!("Whoever runs this service reset your second step in the shop “{shop}”.")
            }
            (ResetBy::Operator, Lang::Zh) => format!("本服务的运营方已重置您在店铺“{shop}”的第二步验证。"),
        }
    }
}

/// A link with which a member begins anew whose second factors were reset.
pub(crate) fn restart(
    lang: Lang,
    (shop, by): (&str, ResetBy),
    link: &Secret<String>,
    expires: Timestamp,
) -> Letter {
    let who = by.say(lang, shop);
    let (subject, body) = match lang {
        Lang::En => (
            "Set up your access anew",
            format!(
                "{who} Choose a new password and set up a new second step here:\n\n{}\n\nThe link works once and for 24 hours. If you did not ask for this, tell \
                 your colleagues at once and do not open it.\n",
                link.expose()
            ),
        ),
        Lang::Zh => (
            "请重新设置您的登录方式",
            format!(
                "{who}请在此设置新密码和新的第二步验证：\n\n{}\n\n\
                 该链接仅可使用一次，24 小时内有效。若您没有提出过此请求，请立即告知同事，并且不要打开链接。\n",
                link.expose()
            ),
        ),
    };
    let (subject, body) = (subject.to_owned(), Secret::new(body));
    Letter { template: "restart", subject, body, expires: Some(expires) }
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
