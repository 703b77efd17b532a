//! The texts about somebody who was stopped at the second factor: in the middle of a sign-in, whose first step was right, and
//! within a session.

use webkit::page::Lang;

use crate::notices::FirstProof;

pub(super) fn at_sign_in(lang: Lang, first: FirstProof) -> (&'static str, String) {
    let (subject, what) = match (lang, first) {
        (Lang::En, FirstProof::Password) => (
            "Somebody knows your password",
            "Somebody gave your right password and was stopped at the second step: the codes they tried there were wrong, and \
             nothing was opened.",
        ),
        (Lang::En, FirstProof::Provider) => (
            "Somebody uses your account at your sign-in provider",
            "Somebody signed in at your organisation's provider as you and was stopped at the second step here: the codes they \
             tried were wrong, and nothing was opened.",
        ),
        (Lang::En, FirstProof::SentCode) => (
            "Somebody reads the codes we send you",
            "Somebody gave the right code that we sent to you and was stopped at the second step: what they tried there was \
             wrong, and nothing was opened.",
        ),
        (Lang::Zh, FirstProof::Password) => (
            "有人知道您的密码",
            "有人输入了您的正确密码，但在第二步验证时被拦下：其尝试的验证码均错误，账户未被打开。",
        ),
        (Lang::Zh, FirstProof::Provider) => (
            "有人使用您在单位登录服务中的账户",
            "有人以您的身份通过了单位的登录服务，但在本系统的第二步验证时被拦下：其尝试的验证码均错误，账户未被打开。",
        ),
        (Lang::Zh, FirstProof::SentCode) => (
            "有人能看到发给您的验证码",
            "有人输入了我们发给您的正确验证码，但在第二步验证时被拦下：其尝试的内容均错误，账户未被打开。",
        ),
    };
    (subject, what.to_owned())
}

pub(super) fn sign_in_advice(lang: Lang, first: FirstProof) -> &'static str {
    match (lang, first) {
        (Lang::En, FirstProof::Password) => {
            "If that was you, do nothing. If not, choose a new password now: sign in, open “Security” and take “Password”, or \
             take “Forgot your password?” on the sign-in page. Change it wherever else you use the same one."
        }
        (Lang::En, FirstProof::Provider) => {
            "If that was you, do nothing. If not, change your password at that provider now, end your sessions there, and tell \
             whoever runs it."
        }
        (Lang::En, FirstProof::SentCode) => {
            "If that was you, do nothing. If not, change the password of your mailbox now, or ask your telephone company about \
             your number. Then sign in and give another address or number in your account."
        }
        (Lang::Zh, FirstProof::Password) => {
            "若是您本人，无需操作。若不是，请立即更换密码：登录后打开“安全”中的“密码”，或在登录页选择“忘记密码？”。其他地方使用相同密码的，也请一并更换。"
        }
        (Lang::Zh, FirstProof::Provider) => {
            "若是您本人，无需操作。若不是，请立即在该登录服务中更换密码、结束登录会话，并告知其管理者。"
        }
        (Lang::Zh, FirstProof::SentCode) => {
            "若是您本人，无需操作。若不是，请立即更换邮箱密码，或向运营商核实您的手机号；然后登录并在账户中更换联系方式。"
        }
    }
}

pub(super) fn in_session(lang: Lang) -> (&'static str, String) {
    match lang {
        Lang::En => (
            "Many wrong codes within your account",
            "On a device that is signed in to your account, many wrong codes were given where the second factor is asked for \
             again. What they were for was not done."
                .to_owned(),
        ),
        Lang::Zh => (
            "账户内多次输错验证码",
            "在一台已登录您账户的设备上，再次进行第二步验证时多次输错验证码，相应操作未执行。".to_owned(),
        ),
    }
}
