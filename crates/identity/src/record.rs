//! What identity enters into the audit log: who did what to whom. Ids and counts only, never a name, contact or secret.

use audit::{Action, Detail, Entry, Object, Outcome};
use base::{BuyerId, EntryId, ShopId};
use store::Tx;

use crate::context::{Fault, Means};
use crate::permissions::Actor;

macro_rules! actions {
    ($($name:ident = $text:literal;)*) => {$(pub(crate) const $name: Action = Action::new($text);)*};
}

actions! {
    ACCESS_REVIEW_CLOSED = "access_review.closed";
    ACCESS_REVIEW_DECIDED = "access_review.decided";
    ACCESS_REVIEW_ENDS_SOON = "access_review.ends_soon";
    ACCESS_REVIEW_OPENED = "access_review.opened";
    APP_ALLOWED = "app.allowed";
    APP_ASSERTION_REFUSED = "app.assertion_refused";
    APP_CODE_REFUSED = "app.code_refused";
    APP_CODE_REUSED = "app.code_reused";
    APP_CONNECTED = "app.connected";
    APP_DECLINED = "app.declined";
    APP_DISCONNECTED = "app.disconnected";
    APP_PROOF_REFUSED = "app.proof_refused";
    APP_REGISTERED = "app.registered";
    APP_REMOVED = "app.removed";
    API_KEY_ENDS_SOON = "api_key.ends_soon";
    API_KEY_RESTORED = "api_key.restored";
    API_KEY_SUSPENDED = "api_key.suspended";
    APPROVAL_GIVEN = "approval.given";
    APPROVAL_PROPOSED = "approval.proposed";
    APPROVAL_REFUSED = "approval.refused";
    APPROVAL_USED = "approval.used";
    API_KEY_CREATED = "api_key.created";
    API_KEY_REVOKED = "api_key.revoked";
    BUYER_CONFIRMED = "buyer.confirmed";
    BUYER_CREATED = "buyer.created";
    BUYER_ERASED = "buyer.erased";
    BUYER_FROZEN = "buyer.frozen";
    BUYER_POLICY_CHANGED = "shop.buyer_policy_changed";
    BUYER_SIGNED_OUT = "buyer.signed_out";
    BUYER_UNFROZEN = "buyer.unfrozen";
    CASE_CLOSED = "case.closed";
    CASE_OPENED = "case.opened";
    CASE_TAKEN = "case.taken";
    CERTIFICATE_ENDS_SOON = "certificate.ends_soon";
    CERTIFICATE_ENROLLED = "certificate.enrolled";
    CERTIFICATE_RENEWED = "certificate.renewed";
    CERTIFICATE_REVOKED = "certificate.revoked";
    CERTIFICATE_SEEN = "certificate.seen";
    CODE_REFUSED = "code.refused";
    CODE_REQUESTED = "code.requested";
    CONTACT_CHANGED = "buyer.contact_changed";
    CONTACT_DISPUTED = "buyer.contact_disputed";
    DEVICE_ADDED = "device.added";
    EMERGENCY_BEGUN = "emergency.begun";
    EMERGENCY_ENDED = "emergency.ended";
    EMERGENCY_REVIEWED = "emergency.reviewed";
    ENROLMENT_CREATED = "enrolment.created";
    EVERYBODY_SIGNED_OUT = "everybody.signed_out";
    FACTOR_ADDED = "factor.added";
    FACTOR_REFUSED = "factor.refused";
    FACTOR_REMOVED = "factor.removed";
    FACTOR_USED = "factor.used";
    FIRST_STEP_TAKEN = "login.first_step";
    INVITATION_SENT_AGAIN = "member.invitation_sent_again";
    LOGIN_REFUSED = "login.refused";
    MEMBER_ADDRESS_CHANGED = "member.address_changed";
    MEMBER_ADDRESS_DISPUTED = "member.address_disputed";
    MEMBER_CREATED = "member.created";
    MEMBER_FACTORS_RESET = "member.factors_reset";
    MEMBER_PASSWORD_SET = "member.password_set";
    MEMBER_REMOVED = "member.removed";
    MEMBER_ROLES_CHANGED = "member.roles_changed";
    MEMBER_RESTORED = "member.restored";
    MEMBER_SIGNED_OUT = "member.signed_out";
    MEMBER_SUSPENDED = "member.suspended";
    OUTSIDE_BOUND = "outside.bound";
    OUTSIDE_SIGNED_OUT = "outside.signed_out";
    OUTSIDE_REFUSED = "outside.refused";
    PASSKEY_ATTESTED = "passkey.attested";
    PASSKEY_COPY_SUSPECTED = "passkey.copy_suspected";
    PASSKEY_REFUSED = "passkey.refused";
    PASSWORD_DUE = "member.password_due";
    PASSWORD_RESET_ASKED = "member.password_reset_asked";
    PIN_CHANGED = "pin.changed";
    PIN_DISPUTED = "pin.disputed";
    PIN_LOCKED = "pin.locked";
    PIN_REFUSED = "pin.refused";
    PIN_RESET = "pin.reset";
    PIN_UNLOCKED = "pin.unlocked";
    ROLE_CHANGED = "role.changed";
    ROLE_CREATED = "role.created";
    ROLE_DELETED = "role.deleted";
    SECOND_FACTOR_GIVEN = "session.second_factor";
    SESSION_ENDED = "session.ended";
    SESSION_RENEWED = "session.renewed";
    SESSION_OPENED = "session.opened";
    SETUP_LINK_CREATED = "setup.link_created";
    SIM_CHANGED = "number.sim_changed";
    SHOP_CREATED = "shop.created";
    SHOP_SIGNED_OUT = "shop.signed_out";
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    shop: ShopId,
    actor: audit::Actor,
    action: Action,
    object: Object,
    outcome: Outcome,
    details: Vec<(&'static str, Detail)>,
}

impl Event {
    /// `actor` did `action` to `object` in `shop`.
    pub(crate) fn new(
        shop: ShopId,
        actor: impl Into<audit::Actor>,
        action: Action,
        object: impl Into<Object>,
    ) -> Event {
        let (actor, object) = (actor.into(), object.into());
        Event { shop, actor, action, object, outcome: Outcome::Success, details: Vec::new() }
    }

    /// A buyer did something to their own account.
    pub(crate) fn of_buyer(buyer: BuyerId, action: Action) -> Event {
        Event::new(ShopId::HOUSE, buyer, action, buyer)
    }

    /// The same event, but it was refused.
    pub(crate) fn refused(self) -> Event {
        Event { outcome: Outcome::Refused, ..self }
    }

    /// The same event with one more detail.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Detail>) -> Event {
        self.details.push((name, value.into()));
        self
    }
}

/// Appends the event to the audit log, in the same transaction as what it tells of.
pub(crate) fn note(tx: &mut Tx, means: &Means<'_>, event: Event) -> Result<(), Fault> {
    let id = EntryId::new(event.shop, means.now, means.dice);
    let entry = Entry::new(id, means.now, event.actor, event.action, event.object, event.outcome);
    let entry = event.details.into_iter().fold(entry, |entry, (name, value)| entry.detail(name, value));
    audit::append(tx, &entry)?;
    Ok(())
}

impl From<&Actor> for audit::Actor {
    fn from(actor: &Actor) -> audit::Actor {
        match actor {
            Actor::Anyone => audit::Actor::unknown(),
            Actor::Buyer(session) => session.buyer.into(),
            Actor::Member(session) => {
                let member = audit::Actor::from(session.member);
                session.emergency.map_or(member.clone(), |lent| member.under(lent.id))
            }
            Actor::ApiKey(caller) => caller.key.into(),
            Actor::App(caller) => caller.connection.into(),
            Actor::Terminal(caller) => caller.terminal.into(),
            Actor::Operator => audit::Actor::system("operator"),
            Actor::System => audit::Actor::system("tillward"),
        }
    }
}
