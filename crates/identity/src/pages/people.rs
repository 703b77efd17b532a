//! Who works in a shop: members, invitations, a leaver.

use askama::Template;
use base::{Money, Timestamp};
use webkit::page::{Frame, Mark, Problems};

use crate::limits::INVITE_LIFE_SECONDS;

/// Everybody who works here. Template `members.html`.
#[derive(Template)]
#[template(path = "members.html")]
pub struct MembersPage {
    /// The frame.
    pub page: Frame,
    /// The members, those who can sign in first.
    pub rows: Vec<MemberRow>,
    /// Where somebody is invited; empty for those who may not.
    pub invite_href: String,
    /// Where everybody else is signed out; empty for those who may not.
    pub sign_out_href: String,
    /// How many sessions were ended just now, on the way back from there.
    pub signed_out: Option<usize>,
}

/// A member as a row.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The roles in words.
    pub roles: String,
    /// Whether they can sign in.
    pub state: MemberShown,
    /// Whether a second factor is set up.
    pub has_factor: bool,
    /// The last sign-in.
    pub last_login: Option<Timestamp>,
    /// Whether it is the reader.
    pub is_self: bool,
    /// The member's page.
    pub href: String,
}

/// A member's state as pages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberShown {
    /// Invited: has not chosen a password yet.
    Invited,
    /// Can sign in.
    Active,
    /// Not let in until somebody restores them.
    Suspended,
    /// Removed.
    Removed,
}

impl MemberShown {
    /// Its shape.
    pub fn mark(&self) -> Mark {
        match self {
            MemberShown::Invited => Mark::Waiting,
            MemberShown::Active => Mark::Done,
            MemberShown::Suspended => Mark::Paused,
            MemberShown::Removed => Mark::Closed,
        }
    }

    /// The key of its word.
    pub fn key(&self) -> &'static str {
        match self {
            MemberShown::Invited => "member-invited",
            MemberShown::Active => "member-active",
            MemberShown::Suspended => "member-suspended",
            MemberShown::Removed => "member-removed",
        }
    }
}

/// A role to tick.
#[derive(Clone, Debug)]
pub struct RoleChoice {
    /// Its name in the form.
    pub name: String,
    /// Its name in words.
    pub label: String,
    /// What it may do, in one line.
    pub does: String,
    /// Whether it is ticked.
    pub checked: bool,
}

/// Inviting somebody. Template `member_new.html`. Fields `name`, `email`, `role` (several).
#[derive(Template)]
#[template(path = "member_new.html")]
pub struct MemberNewPage {
    /// The frame.
    pub page: Frame,
    /// What was typed as the name.
    pub name_typed: String,
    /// What was typed as the e-mail.
    pub email_typed: String,
    /// The roles to tick.
    pub roles: Vec<RoleChoice>,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Back.
    pub back_href: String,
}

impl MemberNewPage {
    /// How long an invitation opens, days.
    pub fn invitation_days(&self) -> i64 {
        INVITE_LIFE_SECONDS / 86_400
    }
}

/// One member. Template `member.html`. The form of roles has the field `role` (several); the others have none.
#[derive(Template)]
#[template(path = "member.html")]
pub struct MemberPage {
    /// The frame.
    pub page: Frame,
    /// The member.
    pub row: MemberRow,
    /// Since when they are a member.
    pub since: Timestamp,
    /// The kinds of their second factors in words; empty for none.
    pub factors: String,
    /// Devices signed in.
    pub sessions: usize,
    /// The roles to tick.
    pub roles: Vec<RoleChoice>,
    /// What is wrong with the roles.
    pub problems: Problems,
    /// Where the roles are changed; empty for those who may not.
    pub roles_href: String,
    /// Where every session is ended; empty for those who may not, or where there is none.
    pub sessions_href: String,
    /// Where an invitation is sent again; empty for those who may not, and for whoever accepted it.
    pub resend_href: String,
    /// Where a suspended member is let in again; empty for those who may not, and for others.
    pub restore_href: String,
    /// Where the second factors are reset; empty for those who may not.
    pub factors_href: String,
    /// What came of asking to reset them; empty before.
    pub factors_word: String,
    /// Where removal is asked about; empty for those who may not, and for the last owner.
    pub remove_href: String,
    /// Whether the shop would be left without an owner.
    pub is_last_owner: bool,
}

/// What the shop demands of buyers. Template `buyer_policy.html`. Field `above`.
#[derive(Template)]
#[template(path = "buyer_policy.html")]
pub struct BuyerPolicyPage {
    /// The frame.
    pub page: Frame,
    /// Above which amount; absent where nothing is demanded.
    pub above: Option<Money>,
    /// The amount as typed, plain decimal.
    pub above_typed: String,
    /// The shop's currency.
    pub currency: String,
    /// What is wrong with `above`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

/// A leaver: what follows, and the button. Template `member_remove.html`. No fields.
#[derive(Template)]
#[template(path = "member_remove.html")]
pub struct MemberRemovePage {
    /// The frame.
    pub page: Frame,
    /// The member's name.
    pub name: String,
    /// The shop's name.
    pub shop: String,
    /// Devices signed in.
    pub sessions: usize,
    /// Where the form posts to.
    pub action_href: String,
    /// Back.
    pub back_href: String,
}
