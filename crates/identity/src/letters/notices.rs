//! The texts of notices, in both languages: as a mail, and as one short message.

mod access;
mod apps;
mod stopped;

use base::{Secret, Timestamp};
use webkit::page::Lang;

use crate::limits::{FACTOR_SETTLED_SECONDS, PIN_COOLING_PAYMENTS_MAX, SIM_CHANGE_SECONDS};
use crate::mail::{Letter, Message};
use crate::networks::Network;
use crate::notices::{Notice, PayoutStep, Quiet};
use crate::permissions::Role;
use crate::phone::Phone;
use crate::pin::Cooling;
use crate::store::factors::FactorKind;
use crate::text::Label;

/// Both forms of a notice.
pub(crate) fn notice(lang: Lang, notice: &Notice) -> Message {
    let (subject, what) = match lang {
        Lang::En => english(notice),
        Lang::Zh => chinese(notice),
    };
    let advice = advice(lang, notice);
    let between = match lang {
        Lang::En => " ",
        Lang::Zh => "",
    };
    message(notice, subject, format!("{what}{between}{advice}"))
}

/// Both forms of the notice of a changed contact, for the one that was given up: with the link that freezes the account.
pub(crate) fn given_up_contact(lang: Lang, notice: &Notice, link: &Secret<String>) -> Message {
    let link = link.expose();
    let (subject, text) = match lang {
        Lang::En => (
            "Your contact was changed",
            format!(
                "Your account was moved to another address or number just now; this one opens it no longer. Was that not \
                 you? On this page you freeze your account at once, and it asks you for nothing:\n\n{link}\n"
            ),
        ),
        Lang::Zh => (
            "您的联系方式已更改",
            format!(
                "您的账户刚刚改用了另一个邮箱或手机号，此联系方式不能再打开该账户。若非您本人操作，请打开以下页面立即冻结账户，该页面不会向您索取任何信息：\n\n{link}\n"
            ),
        ),
    };
    message(notice, subject, text)
}

fn message(notice: &Notice, subject: &str, text: String) -> Message {
    let letter = Letter {
        template: template(notice),
        subject: subject.to_owned(),
        body: Secret::new(format!("{text}\n")),
        expires: None,
    };
    Message { letter, text: Secret::new(text) }
}

fn template(notice: &Notice) -> &'static str {
    match notice {
        Notice::NewDevice { .. } => "new_device",
        Notice::NewPlace { .. } => "new_place",
        Notice::FactorAdded(_) => "factor_added",
        Notice::FactorRemoved(_) => "factor_removed",
        Notice::PasskeyCopied { .. } => "passkey_copied",
        Notice::PasswordChanged => "password_changed",
        Notice::ContactChanged { .. } => "contact_changed",
        Notice::PinChanged => "pin_changed",
        Notice::PinReset { .. } => "pin_reset",
        Notice::BuyerConfirmed => "buyer_confirmed",
        Notice::PinLocked => "pin_locked",
        Notice::RecoveryUsed { .. } => "recovery_used",
        Notice::RecoveryGranted => "recovery_granted",
        Notice::FailedBurst => "failed_burst",
        Notice::StoppedAtSecondStep { .. } => "stopped_at_second_step",
        Notice::FailedStepUp => "failed_step_up",
        Notice::SessionEnded { .. } => "session_ended",
        Notice::SimChanged { .. } => "sim_changed",
        Notice::Frozen { .. } => "frozen",
        Notice::ReadsTooMuch { .. } => "reads_too_much",
        Notice::PaymentPageChanged { .. } => "payment_page_changed",
        Notice::BuyerPolicyChanged => "buyer_policy_changed",
        Notice::ColleagueStopped { .. } => "colleague_stopped",
        Notice::CaseOpened { .. } => "case_opened",
        Notice::EmergencyBegun { .. } => "emergency_begun",
        Notice::ApprovalAsked { .. } => "approval_asked",
        Notice::PayoutAccount { .. } => "payout_account",
        Notice::RuleQuieted { .. } => "rule_quieted",
        Notice::AppRegistered { .. } => "app_registered",
        Notice::AppAllowed { .. } => "app_allowed",
        Notice::ApiKeyEnds { .. } => "api_key_ends",
        Notice::CertificateEnds { .. } => "certificate_ends",
        Notice::AccessReviewWaits { .. } => "access_review_waits",
        Notice::AccessSuspended { .. } => "access_suspended",
        Notice::AccessRestored => "access_restored",
        Notice::AccessStopped { .. } => "access_stopped",
    }
}

fn english(notice: &Notice) -> (&'static str, String) {
    match notice {
        Notice::NewDevice { agent, network } => device_in_english(agent, network.as_ref()),
        Notice::NewPlace { agent, origin } => place_in_english(agent, origin),
        Notice::FactorAdded(kind) => (
            "A second step was added to your account",
            format!("From now on {} can be used to sign in to your account.", factor_en(*kind)),
        ),
        Notice::FactorRemoved(kind) => (
            "A second step was removed from your account",
            format!("From now on {} can no longer be used to sign in to your account.", factor_en(*kind)),
        ),
        Notice::PasskeyCopied { label } => ("A passkey of yours may have been copied", copied_in_english(label)),
        Notice::PasswordChanged => {
            ("Your password was changed", "The password of your account was changed just now.".to_owned())
        }
        Notice::ContactChanged { .. } => (
            "Your contact was changed",
            "The address or number of your account was changed just now. This is told to the old one as well."
                .to_owned(),
        ),
        Notice::PinChanged => (
            "Your payment PIN was changed",
            "The PIN with which you confirm payments was changed just now.".to_owned(),
        ),
        Notice::PinReset { link, held } => ("Your payment PIN was set anew", reset_in_english(link, *held)),
        Notice::BuyerConfirmed => confirmed_in_english(),
        Notice::PinLocked => (
            "Your payment PIN is locked",
            "Too many wrong PINs were tried, so your payment PIN is locked. Set a new one in your account.".to_owned(),
        ),
        Notice::RecoveryUsed { left } => (
            "A recovery code was used",
            format!("Your account was opened with a recovery code just now. Codes left: {left}."),
        ),
        Notice::RecoveryGranted => (
            "Access to your account was given anew",
            "Your second step was reset, and a new one is set up at the next sign-in.".to_owned(),
        ),
        Notice::FailedBurst => burst_in_english(),
        Notice::StoppedAtSecondStep { first } => stopped::at_sign_in(Lang::En, *first),
        Notice::FailedStepUp => stopped::in_session(Lang::En),
        Notice::SessionEnded { agent } => (
            "A session was ended",
            format!("A session of your account was ended from another place: {}.", device(Lang::En, agent)),
        ),
        Notice::SimChanged { number } => ("The SIM card of your number was changed", sim_in_english(number)),
        Notice::Frozen { keeps_one } => frozen_in_english(*keeps_one),
        Notice::ReadsTooMuch { reader, openings } => reads_in_english(reader, *openings),
        Notice::PaymentPageChanged { what } => page_in_english(what),
        Notice::BuyerPolicyChanged => policy_in_english(),
        Notice::ColleagueStopped { who, case } => stopped_in_english(who, case),
        Notice::CaseOpened { case } => case_in_english(case),
        Notice::EmergencyBegun { who, role, minutes, reason } => begun_in_english((who, *role), *minutes, reason),
        Notice::ApprovalAsked { summary } => approval_in_english(summary),
        Notice::PayoutAccount { account, step } => payout_in_english(account, *step),
        Notice::RuleQuieted { rule, quiet, who, at, reason } => {
            quieted_in_english((rule, *quiet), (who, *at), reason)
        }
        Notice::AppRegistered { app } => apps::registered_in_english(app),
        Notice::AppAllowed { app, who } => apps::allowed_in_english(app, who),
        Notice::ApiKeyEnds { label, days } => api_key_in_english(label, *days),
        Notice::CertificateEnds { label, days } => certificate_in_english(label, *days),
        Notice::AccessReviewWaits { lines, days } => access::waits_in_english(*lines, *days),
        Notice::AccessSuspended { why } => access::suspended_in_english(*why),
        Notice::AccessRestored => access::restored_in_english(),
        Notice::AccessStopped { why, stopped } => access::stopped_in_english(*why, stopped),
    }
}

fn burst_in_english() -> (&'static str, String) {
    let text = "Somebody tried many wrong passwords or codes on your account. None of them was right.";
    ("Many wrong tries to sign in", text.to_owned())
}

fn burst_in_chinese() -> (&'static str, String) {
    ("多次登录失败提醒", "有人在您的账户上多次尝试错误的密码或验证码，均未成功。".to_owned())
}

fn burst_advice(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "You need to do nothing; a second step keeps them out even with the password.",
        Lang::Zh => "您无需操作；即使密码泄露，第二步验证也能保护账户。",
    }
}

fn device_in_english(agent: &Label, network: Option<&Network>) -> (&'static str, String) {
    let device = device_from(Lang::En, agent, network);
    ("A new device was used to sign in", format!("Your account was opened on a new device: {device}."))
}

fn device_in_chinese(agent: &Label, network: Option<&Network>) -> (&'static str, String) {
    let device = device_from(Lang::Zh, agent, network);
    ("新设备登录提醒", format!("您的账户刚刚在一台新设备上登录：{device}。"))
}

fn place_in_english(agent: &Label, origin: &str) -> (&'static str, String) {
    let device = device(Lang::En, agent);
    let text = format!("Your account was opened from {origin}, where it was never used before ({device}).");
    ("A sign-in from a new place", text)
}

fn place_in_chinese(agent: &Label, origin: &str) -> (&'static str, String) {
    let device = device(Lang::Zh, agent);
    ("新地点登录提醒", format!("您的账户刚刚从一个从未使用过的地点登录：{origin}（{device}）。"))
}

fn confirmed_in_english() -> (&'static str, String) {
    let text = "Whoever runs this service confirmed that this account is yours, so your new PIN is not held back any more.";
    ("Your payment PIN pays as usual again", text.to_owned())
}

fn confirmed_in_chinese() -> (&'static str, String) {
    let text = "本服务的运营方已确认此账户属于您，您的新支付密码不再受限。";
    ("您的支付密码已恢复正常使用", text.to_owned())
}

fn frozen_in_english(keeps_one: bool) -> (&'static str, String) {
    let signed_out = if keeps_one { "every device but the one it was frozen on" } else { "every device" };
    let text =
        format!("Your account was frozen: nothing can be paid from it, and {signed_out} is signed out.");
    ("Your account is frozen", text)
}

fn frozen_in_chinese(keeps_one: bool) -> (&'static str, String) {
    let signed_out = if keeps_one {
        "除执行冻结的设备外，其他设备均已退出登录"
    } else {
        "所有设备均已退出登录"
    };
    ("您的账户已冻结", format!("您的账户已被冻结：无法付款，{signed_out}。"))
}

fn copied_in_chinese(label: &str) -> (&'static str, String) {
    let text = format!(
        "通行密钥“{label}”的计数出现倒退，可能已被复制，现已停用。请在安全设置中移除它，并添加新的通行密钥。"
    );
    ("您的通行密钥可能已被复制", text)
}

/// A device and the network it came from.
fn device_from(lang: Lang, agent: &Label, network: Option<&Network>) -> String {
    let device = device(lang, agent);
    match (lang, network) {
        (Lang::En, Some(network)) => format!("{device}, {network}"),
        (Lang::Zh, Some(network)) => format!("{device}，{network}"),
        (_, None) => device,
    }
}

/// A device in words. What the program found out of a browser is kept as `browser|system`, either of which may be empty.
fn device(lang: Lang, agent: &Label) -> String {
    match (agent.as_str().split_once('|'), lang) {
        (None, _) => agent.as_str().to_owned(),
        (Some(("", "")), Lang::En) => "unknown device".to_owned(),
        (Some(("", "")), Lang::Zh) => "未知设备".to_owned(),
        (Some((one, "") | ("", one)), _) => one.to_owned(),
        (Some((browser, system)), Lang::En) => format!("{browser} on {system}"),
        (Some((browser, system)), Lang::Zh) => format!("{system} 上的 {browser}"),
    }
}

fn reset_in_english(link: &Secret<String>, held: Cooling) -> String {
    let pays = match held.payments_left {
        0 if !held.is_held_after => "For 24 hours it pays nothing.".to_owned(),
        0 => format!(
            "For 24 hours it pays nothing, and after that {PIN_COOLING_PAYMENTS_MAX} small amounts and no more, until a second \
             step has been in place for {} days or whoever runs this service has confirmed that it is you.",
            FACTOR_SETTLED_SECONDS / 86_400
        ),
        n => format!("For 24 hours it pays {n} small amounts at most."),
    };
    let link = link.expose();
    format!(
        "A new payment PIN was set without the old one. {pays} Was that not you? This page freezes your \
         account at once and asks you for nothing:\n\n{link}\n"
    )
}

fn reset_in_chinese(link: &Secret<String>, held: Cooling) -> String {
    let pays = match held.payments_left {
        0 if !held.is_held_after => "24 小时内不能付款".to_owned(),
        0 => format!(
            "24 小时内不能付款，之后总共只能支付 {PIN_COOLING_PAYMENTS_MAX} 笔小额款项，直到第二步验证已启用满 {} 天，或本服务的运营方确认是您本人",
            FACTOR_SETTLED_SECONDS / 86_400
        ),
        n => format!("24 小时内最多只能支付 {n} 笔小额款项"),
    };
    let link = link.expose();
    format!(
        "您的支付密码刚刚在未使用旧密码的情况下重新设置。{pays}。若非本人操作，请打开以下页面立即冻结账户，该页面不会向您索取任何信息：\n\n{link}\n"
    )
}

fn copied_in_english(label: &str) -> String {
    format!(
        "The passkey “{label}” counted backwards, as a copied one does. It is refused from now on: remove it in your \
         security settings and add a new one."
    )
}

fn policy_in_english() -> (&'static str, String) {
    (
        "What your shop asks of buyers was changed",
        "It was changed from which amount on buyers give a passkey or a second step to pay in your shop."
            .to_owned(),
    )
}

fn policy_in_chinese() -> (&'static str, String) {
    (
        "店铺对买家的要求已更改",
        "您店铺中，买家付款时须使用通行密钥或第二步验证的起始金额刚刚被更改。".to_owned(),
    )
}

fn policy_advice(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "Sign in and look under “Asked of buyers”.",
        Lang::Zh => "请登录后在“对买家的要求”中查看。",
    }
}

fn sim_in_english(number: &Phone) -> String {
    let (number, days) = (number.hint(), SIM_CHANGE_SECONDS / 86_400);
    format!(
        "The SIM card of your number {number} was changed. Text messages with codes may now reach somebody else, so codes \
         sent to it open nothing for {days} days. Sign in with a passkey, an authenticator app or a recovery code."
    )
}

fn sim_in_chinese(number: &Phone) -> String {
    let (number, days) = (number.hint(), SIM_CHANGE_SECONDS / 86_400);
    format!(
        "您手机号 {number} 的 SIM 卡已更换，短信验证码可能会被他人收到，因此 {days} 天内发往该号码的验证码无效。请使用通行密钥、身份验证器应用或恢复码登录。"
    )
}

fn certificate_in_english(label: &str, days: i64) -> (&'static str, String) {
    if days == 0 {
        let text = format!("The certificate of “{label}” has ended. What uses it cannot connect any more.");
        return ("A certificate has ended", text);
    }
    let text =
        format!("The certificate of “{label}” ends within {days} days, and nothing has renewed it yet.");
    ("A certificate ends soon", text)
}

fn reads_in_english(reader: &str, openings: i64) -> (&'static str, String) {
    let text =
        format!("`{reader}` opened customer data or cards {openings} times, more than usual or allowed.");
    ("Somebody opens a lot of customer data", text)
}

fn payout_in_english(account: &str, step: PayoutStep) -> (&'static str, String) {
    match step {
        PayoutStep::Proposed => (
            "Another payout account was proposed",
            format!(
                "A colleague wants your shop's money to be paid out to {account}. It waits for a second person."
            ),
        ),
        PayoutStep::Begun { hours } => (
            "Your shop's payout account is about to change",
            format!(
                "In {hours} hours your shop's money will be paid out to {account}. Until then it can be stopped."
            ),
        ),
        PayoutStep::Withdrawn => (
            "A change of the payout account was stopped",
            format!("Your shop's money will not be paid out to {account}: that change was withdrawn."),
        ),
    }
}

fn payout_in_chinese(account: &str, step: PayoutStep) -> (&'static str, String) {
    match step {
        PayoutStep::Proposed => (
            "有人提议更换收款账户",
            format!("一位同事提议将店铺的结算款改为付到 {account}，正在等待另一位成员批准。"),
        ),
        PayoutStep::Begun { hours } => (
            "店铺收款账户即将更换",
            format!("{hours} 小时后，店铺的结算款将付到 {account}。在此之前可以停止更换。"),
        ),
        PayoutStep::Withdrawn => {
            ("收款账户更换已停止", format!("更换已撤回，店铺的结算款不会付到 {account}。"))
        }
    }
}

fn quieted_in_english(
    (rule, quiet): (&str, Quiet),
    (who, at): (&str, Timestamp),
    reason: &str,
) -> (&'static str, String) {
    let (subject, now) = match quiet {
        Quiet::Watched => {
            ("A rule of screening was put on watch", "is only noted with a payment and stops none any more")
        }
        Quiet::Off => ("A rule of screening was switched off", "is off"),
    };
    let text =
        format!("Your shop's rule `{rule}` {now}. `{who}` did that at {at}. The reason given: “{reason}”.");
    (subject, text)
}

fn quieted_in_chinese(
    (rule, quiet): (&str, Quiet),
    (who, at): (&str, Timestamp),
    reason: &str,
) -> (&'static str, String) {
    let (subject, now) = match quiet {
        Quiet::Watched => ("一条风控规则已改为仅观察", "现在只随付款记录，不再拦截任何付款"),
        Quiet::Off => ("一条风控规则已关闭", "已关闭"),
    };
    (subject, format!("您店铺的规则 `{rule}` {now}。操作者：`{who}`，时间：{at}，所述原因：“{reason}”。"))
}

fn api_key_in_english(label: &str, days: i64) -> (&'static str, String) {
    if days == 0 {
        let text = format!("The API key “{label}” has ended. What signs with it is refused.");
        return ("An API key has ended", text);
    }
    let text = format!("The API key “{label}” ends within {days} days. What signs with it is refused then.");
    ("An API key ends soon", text)
}

fn page_in_english(what: &str) -> (&'static str, String) {
    (
        "The payment page was changed on its way",
        format!("Payers do not receive the payment page as it was sent: {what}."),
    )
}

fn page_in_chinese(what: &str) -> (&'static str, String) {
    ("付款页面在传输途中被更改", format!("付款人收到的付款页面与发出时不同：{what}。"))
}

fn approval_in_english(summary: &str) -> (&'static str, String) {
    ("Your approval is asked for", format!("A colleague asks you to approve: {summary}."))
}

fn stopped_in_english(who: &str, case: &str) -> (&'static str, String) {
    let text = format!(
        "The address of `{who}` was changed, and whoever reads the earlier one says that it was not them. The account is \
         stopped, and the earlier address counts again. The case is `{case}`."
    );
    ("A colleague's account was stopped", text)
}

fn stopped_in_chinese(who: &str, case: &str) -> (&'static str, String) {
    let text = format!(
        "`{who}` 的邮箱被更改，而原邮箱的使用者表示并非本人操作。该账户已停用，原邮箱已恢复。案件编号：`{case}`。"
    );
    ("一位同事的账户已停用", text)
}

fn case_advice(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "Sign in and take it under “Cases”.",
        Lang::Zh => "请登录后在“案件”中受理。",
    }
}

fn case_in_english(case: &str) -> (&'static str, String) {
    let text = format!(
        "A buyer says that something was not them. Their account is frozen, and case `{case}` was opened for you."
    );
    ("A buyer says: this was not me", text)
}

fn case_in_chinese(case: &str) -> (&'static str, String) {
    let text = format!("一位买家表示某项操作并非本人所为。其账户已冻结，并已为您建立案件 `{case}`。");
    ("买家表示：非本人操作", text)
}

fn begun_in_english((who, role): (&str, Role), minutes: i64, reason: &str) -> (&'static str, String) {
    let role = role.name();
    let text = format!("`{who}` took the role `{role}` for {minutes} minutes. The reason given: “{reason}”.");
    ("Somebody took emergency access", text)
}

fn begun_in_chinese((who, role): (&str, Role), minutes: i64, reason: &str) -> (&'static str, String) {
    let role = role.name();
    let text = format!("`{who}` 启用了角色 `{role}` 的权限，为时 {minutes} 分钟。所述原因：“{reason}”。");
    ("有人启用了紧急权限", text)
}

fn api_key_in_chinese(label: &str, days: i64) -> (&'static str, String) {
    if days == 0 {
        return ("API 密钥已到期", format!("API 密钥“{label}”已到期，用它签名的请求会被拒绝。"));
    }
    let text = format!("API 密钥“{label}”将在 {days} 天内到期，届时用它签名的请求会被拒绝。");
    ("API 密钥即将到期", text)
}

fn chinese(notice: &Notice) -> (&'static str, String) {
    match notice {
        Notice::NewDevice { agent, network } => device_in_chinese(agent, network.as_ref()),
        Notice::NewPlace { agent, origin } => place_in_chinese(agent, origin),
        Notice::FactorAdded(kind) => {
            ("您的账户新增了第二步验证", format!("从现在起，可以使用{}登录您的账户。", factor_zh(*kind)))
        }
        Notice::FactorRemoved(kind) => (
            "您的账户移除了一种第二步验证",
            format!("从现在起，不能再使用{}登录您的账户。", factor_zh(*kind)),
        ),
        Notice::PasskeyCopied { label } => copied_in_chinese(label),
        Notice::PasswordChanged => ("您的密码已更改", "您的账户密码刚刚被更改。".to_owned()),
        Notice::ContactChanged { .. } => (
            "您的联系方式已更改",
            "您账户的邮箱或手机号刚刚被更改，本通知同时发送到原来的联系方式。".to_owned(),
        ),
        Notice::PinChanged => ("您的支付密码已更改", "您用于确认付款的支付密码刚刚被更改。".to_owned()),
        Notice::PinReset { link, held } => ("您的支付密码已重新设置", reset_in_chinese(link, *held)),
        Notice::BuyerConfirmed => confirmed_in_chinese(),
        Notice::PinLocked => {
            ("您的支付密码已锁定", "支付密码输错次数过多，已被锁定。请在账户中设置新的支付密码。".to_owned())
        }
        Notice::RecoveryUsed { left } => {
            ("恢复码已被使用", format!("您的账户刚刚通过恢复码登录，剩余恢复码：{left} 个。"))
        }
        Notice::RecoveryGranted => {
            ("您的账户访问已重新授予", "您的第二步验证已被重置，下次登录时需要重新设置。".to_owned())
        }
        Notice::FailedBurst => burst_in_chinese(),
        Notice::StoppedAtSecondStep { first } => stopped::at_sign_in(Lang::Zh, *first),
        Notice::FailedStepUp => stopped::in_session(Lang::Zh),
        Notice::SessionEnded { agent } => (
            "一个登录会话已结束",
            format!("您账户的一个登录会话已从其他地方结束：{}。", device(Lang::Zh, agent)),
        ),
        Notice::SimChanged { number } => ("您手机号的 SIM 卡已更换", sim_in_chinese(number)),
        Notice::Frozen { keeps_one } => frozen_in_chinese(*keeps_one),
        Notice::ReadsTooMuch { reader, openings } => (
            "有人大量查看客户资料",
            format!("`{reader}` 已 {openings} 次打开客户资料或银行卡，超出平常或允许的次数。"),
        ),
        Notice::PaymentPageChanged { what } => page_in_chinese(what),
        Notice::BuyerPolicyChanged => policy_in_chinese(),
        Notice::ColleagueStopped { who, case } => stopped_in_chinese(who, case),
        Notice::CaseOpened { case } => case_in_chinese(case),
        Notice::EmergencyBegun { who, role, minutes, reason } => {
            begun_in_chinese((who, *role), *minutes, reason)
        }
        Notice::PayoutAccount { account, step } => payout_in_chinese(account, *step),
        Notice::RuleQuieted { rule, quiet, who, at, reason } => {
            quieted_in_chinese((rule, *quiet), (who, *at), reason)
        }
        Notice::ApprovalAsked { summary } => ("请您审批", format!("一位同事请您审批：{summary}。")),
        Notice::AppRegistered { app } => apps::registered_in_chinese(app),
        Notice::AppAllowed { app, who } => apps::allowed_in_chinese(app, who),
        Notice::ApiKeyEnds { label, days } => api_key_in_chinese(label, *days),
        Notice::CertificateEnds { label, days: 0 } => {
            ("证书已到期", format!("“{label}”的证书已到期，使用该证书的设备或程序已无法连接。"))
        }
        Notice::CertificateEnds { label, days } => {
            ("证书即将到期", format!("“{label}”的证书将在 {days} 天内到期，目前尚未更新。"))
        }
        Notice::AccessReviewWaits { lines, days } => access::waits_in_chinese(*lines, *days),
        Notice::AccessSuspended { why } => access::suspended_in_chinese(*why),
        Notice::AccessRestored => access::restored_in_chinese(),
        Notice::AccessStopped { why, stopped } => access::stopped_in_chinese(*why, stopped),
    }
}

/// What to do when it was not the person. Nothing is asked for by mail. Links are given for one thing alone, freezing the
/// account, since whoever wants to has no time then; they lead to a page that asks for nothing.
fn advice(lang: Lang, notice: &Notice) -> &'static str {
    match (notice, lang) {
        (Notice::ApprovalAsked { .. }, Lang::En) => "Sign in and look under “Approvals”.",
        (Notice::ApprovalAsked { .. }, Lang::Zh) => "请登录后在“审批”中查看。",
        (Notice::ColleagueStopped { .. }, Lang::En) => {
            "Speak with them. Then sign in and restore or remove them under “Members”."
        }
        (Notice::ColleagueStopped { .. }, Lang::Zh) => "请先与其本人核实，再登录并在“成员”中恢复或移除。",
        (Notice::CaseOpened { .. }, lang) => case_advice(lang),
        (Notice::EmergencyBegun { .. }, Lang::En) => {
            "If that should not be, sign in and end it under “Emergency access”. Somebody else has to review it afterwards."
        }
        (Notice::EmergencyBegun { .. }, Lang::Zh) => {
            "若有不妥，请登录后在“紧急权限”中结束。事后须由另一人复核。"
        }
        (Notice::PaymentPageChanged { .. }, Lang::En) => {
            "Look at what stands in front of the program, such as a proxy or a cache, and at docs/payment-page.md. Until it \
             is explained, take no payments."
        }
        (Notice::PaymentPageChanged { .. }, Lang::Zh) => {
            "请检查程序前面的代理、缓存等设备，并参阅 docs/payment-page.md。查明原因之前，请暂停收款。"
        }
        (Notice::PayoutAccount { .. }, Lang::En) => {
            "If you did not expect this, sign in now, stop it under “Payout account”, and ask your colleagues."
        }
        (Notice::PayoutAccount { .. }, Lang::Zh) => {
            "若非预期，请立即登录，在“收款账户”中停止更换，并向同事核实。"
        }
        (Notice::RuleQuieted { .. }, Lang::En) => "If nobody agreed to it, undo it under “Rules”.",
        (Notice::RuleQuieted { .. }, Lang::Zh) => "若有不妥，请店主在“规则”中重新启用。",
        (Notice::BuyerPolicyChanged, lang) => policy_advice(lang),
        (Notice::AppRegistered { .. } | Notice::AppAllowed { .. }, lang) => apps::advice(lang),
        (Notice::ApiKeyEnds { .. }, Lang::En) => {
            "Sign in, make a new one under “API keys”, and revoke this one when nothing uses it any more."
        }
        (Notice::ApiKeyEnds { .. }, Lang::Zh) => "请登录后在“API 密钥”中创建新的密钥，停用后再吊销旧密钥。",
        (Notice::CertificateEnds { .. }, Lang::En) => "Renew it, or sign in and look under “Certificates”.",
        (Notice::CertificateEnds { .. }, Lang::Zh) => "请更新证书，或登录后在“证书”中查看。",
        (Notice::ReadsTooMuch { .. }, Lang::En) => {
            "Sign in, look at the openings and ask your colleague. If nobody can explain them, remove the member or \
             revoke the key."
        }
        (Notice::ReadsTooMuch { .. }, Lang::Zh) => {
            "请登录查看打开记录并询问该同事。若无法解释，请移除该成员或吊销该密钥。"
        }
        (Notice::FailedBurst, lang) => burst_advice(lang),
        (Notice::StoppedAtSecondStep { first }, lang) => stopped::sign_in_advice(lang, *first),
        (
            Notice::AccessReviewWaits { .. }
            | Notice::AccessSuspended { .. }
            | Notice::AccessRestored
            | Notice::AccessStopped { .. },
            _,
        ) => access::advice(lang, notice),
        (Notice::SimChanged { .. }, Lang::En) => {
            "If you did not change it yourself, ask your operator at once, and add a passkey or an app in your security \
             settings."
        }
        (Notice::SimChanged { .. }, Lang::Zh) => {
            "若非您本人更换，请立即联系运营商，并在安全设置中添加通行密钥或身份验证器应用。"
        }
        (Notice::PinReset { .. }, _) => "",
        (_, Lang::En) => {
            "If that was not you, sign in, open the security settings and end the sessions you do not know."
        }
        (_, Lang::Zh) => "若非本人操作，请登录后打开安全设置，结束您不认识的登录会话。",
    }
}

fn factor_en(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Totp => "codes of an authenticator app",
        FactorKind::Passkey => "a passkey",
        FactorKind::Sms => "codes by text message",
        FactorKind::Recovery => "a new set of recovery codes",
    }
}

fn factor_zh(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Totp => "身份验证器应用的动态码",
        FactorKind::Passkey => "通行密钥",
        FactorKind::Sms => "短信验证码",
        FactorKind::Recovery => "一组新的恢复码",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_froze_an_account_from_afar_left_no_device_signed_in() {
        assert!(frozen_in_english(false).1.contains("and every device is signed out"));
        assert!(
            frozen_in_english(true).1.contains("every device but the one it was frozen on is signed out")
        );
        assert!(frozen_in_chinese(false).1.contains("所有设备均已退出登录"));
        assert!(frozen_in_chinese(true).1.contains("除执行冻结的设备外"));
    }

    #[test]
    fn a_device_is_named_in_words_of_the_readers_language() {
        let said = |lang, kept: &str| device(lang, &Label::parse(kept).unwrap());
        assert_eq!(said(Lang::En, "Chrome|Linux"), "Chrome on Linux");
        assert_eq!(said(Lang::Zh, "Chrome|Linux"), "Linux 上的 Chrome");
        assert_eq!(said(Lang::En, "|Android"), "Android");
        assert_eq!(said(Lang::Zh, "|"), "未知设备");
        assert_eq!(said(Lang::En, "till at the door"), "till at the door");
    }
}
