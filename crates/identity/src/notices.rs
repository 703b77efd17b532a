//! Telling a person what happened to their account, on every channel they have, in the transaction in which it happened
//! (C15). A thief who changes one thing cannot keep it quiet: a changed contact is told to the old one as well.

use base::{Secret, Timestamp};
use store::Tx;

use crate::activity;
use crate::context::{Fault, Means};
use crate::factors;
use crate::letters::notices as letters;
use crate::mail::{self, Message, Recipient};
use crate::networks::Network;
use crate::permissions::Role;
use crate::person::{Person, find_reach};
use crate::phone::{Contact, Phone};
use crate::pin::Cooling;
use crate::store::factors::FactorKind;
use crate::suspensions::SuspendedFor;
use crate::text::Label;

/// What a person is told about.
#[derive(Clone, Debug)]
pub enum Notice {
    /// Somebody signed in on a device that was never used before.
    NewDevice {
        /// What the device calls itself.
        agent: Label,
        /// The network it came from, where that is known.
        network: Option<Network>,
    },
    /// Somebody signed in from a place that was never used before.
    NewPlace {
        /// What the browser calls itself.
        agent: Label,
        /// The network address, or the network of it.
        origin: String,
    },
    /// A second factor counts from now on.
    FactorAdded(FactorKind),
    /// A second factor counts no longer.
    FactorRemoved(FactorKind),
    /// A passkey counted backwards, so somebody may have a copy of it; it is refused from now on.
    PasskeyCopied {
        /// What its owner calls it.
        label: String,
    },
    /// The password was changed.
    PasswordChanged,
    /// The contact was changed; also told to the old one.
    ContactChanged {
        /// The contact up to now.
        old: Contact,
        /// The link that freezes the account, for the old contact alone.
        link: Secret<String>,
    },
    /// The payment PIN was changed.
    PinChanged,
    /// The payment PIN was set anew without the old one.
    PinReset {
        /// The link that freezes the account.
        link: Secret<String>,
        /// What it confirms on its first day and after it.
        held: Cooling,
    },
    /// Whoever runs the installation said who the buyer is: a PIN set anew pays as usual.
    BuyerConfirmed,
    /// The payment PIN was locked after too many wrong tries.
    PinLocked,
    /// A recovery code was used.
    RecoveryUsed {
        /// Codes that are left.
        left: usize,
    },
    /// Recovery of the account was asked for or granted by another way than a recovery code.
    RecoveryGranted,
    /// Many wrong passwords or codes were tried, none of them right.
    FailedBurst,
    /// Somebody took the first step of a sign-in rightly and gave wrong second factors.
    StoppedAtSecondStep {
        /// What they know.
        first: FirstProof,
    },
    /// Many wrong second factors were given within a session.
    FailedStepUp,
    /// A session was ended from another place.
    SessionEnded {
        /// What the ended one called itself.
        agent: Label,
    },
    /// The SIM card of a number of theirs was changed; told to every channel but that number.
    SimChanged {
        /// The number.
        number: Phone,
    },
    /// The account was frozen.
    Frozen {
        /// Whether the device it was frozen on stays signed in.
        keeps_one: bool,
    },
    /// Somebody in the shop opens more customer data than usual or allowed.
    ReadsTooMuch {
        /// Who: an id of ours.
        reader: String,
        /// How many times in the hour or day.
        openings: i64,
    },
    /// The payment page was received with other scripts or headers than it was sent with.
    PaymentPageChanged {
        /// What is wrong, in a few words.
        what: String,
    },
    /// What the shop demands of buyers was changed.
    BuyerPolicyChanged,
    /// A colleague's account was stopped: whoever reads the earlier address says that it was not them who changed it.
    ColleagueStopped {
        /// Who: an id of ours.
        who: String,
        /// The case that was opened about it: an id of ours.
        case: String,
    },
    /// Somebody says that a payment, or something in their account, was not them.
    CaseOpened {
        /// The case: an id of ours.
        case: String,
    },
    /// Somebody took other power for a time in an emergency.
    EmergencyBegun {
        /// Who: an id of ours.
        who: String,
        /// The role they took.
        role: Role,
        /// For how many minutes.
        minutes: i64,
        /// Why, as they wrote it.
        reason: String,
    },
    /// Somebody asks this person to approve something.
    ApprovalAsked {
        /// What for, in a few words.
        summary: String,
    },
    /// The shop's money is to be paid out to another account; told to everybody who manages payouts.
    PayoutAccount {
        /// Its number, masked.
        account: String,
        /// What happened.
        step: PayoutStep,
    },
    /// A rule of screening was quieted for the shop.
    RuleQuieted {
        /// Its name.
        rule: String,
        /// How far.
        quiet: Quiet,
        /// Who: an id of ours.
        who: String,
        /// When.
        at: Timestamp,
        /// Why, as they wrote it.
        reason: String,
    },
    /// Somebody else's program may be let at the shop's API from now on.
    AppRegistered {
        /// What it is called.
        app: String,
    },
    /// A member let an app act for them.
    AppAllowed {
        /// What it is called.
        app: String,
        /// Who: an id of ours.
        who: String,
    },
    /// An API key that this person may manage ends soon.
    ApiKeyEnds {
        /// What it is called.
        label: String,
        /// Days left; 0 when it has ended.
        days: i64,
    },
    /// A certificate that this person may manage ends soon.
    CertificateEnds {
        /// What it is called.
        label: String,
        /// Days left; 0 when it has ended.
        days: i64,
    },
    /// An access review waits for this person's decisions.
    AccessReviewWaits {
        /// Lines that are undecided.
        lines: i64,
        /// Days until what is undecided stops working.
        days: i64,
    },
    /// This member was suspended.
    AccessSuspended {
        /// Why.
        why: SuspendedFor,
    },
    /// This member was let in again.
    AccessRestored,
    /// Access of others ended by itself, which this person could put right.
    AccessStopped {
        /// Why.
        why: SuspendedFor,
        /// What.
        stopped: Stopped,
    },
}

/// What the first step of a sign-in was taken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstProof {
    /// A member's password.
    Password,
    /// A member's account at the operator's provider.
    Provider,
    /// A code sent to a buyer.
    SentCode,
}

/// What ended by itself in a shop, for those who could put it right.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Stopped {
    /// Members who were suspended: ids of ours.
    pub members: Vec<String>,
    /// API keys that were suspended, as they are called.
    pub api_keys: Vec<String>,
    /// Client certificates that were revoked, as they are called.
    pub certificates: Vec<String>,
}

/// What a quieted rule still does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// It is noted with a payment and changes nothing.
    Watched,
    /// Nothing.
    Off,
}

/// How far the change of a payout account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutStep {
    /// It waits for a second person.
    Proposed,
    /// It counts in so many hours.
    Begun {
        /// Hours until then.
        hours: i64,
    },
    /// It was withdrawn.
    Withdrawn,
}

/// Queues a notice to every channel of a person: the contact of the account, and the verified number of a text-message
/// factor. A person whose contact was erased is told nothing. For a buyer it is a line of their activity as well.
///
/// # Errors
/// [`Fault`] alone.
pub fn queue_notice(tx: &mut Tx, means: &Means<'_>, person: Person, notice: &Notice) -> Result<(), Fault> {
    if let Person::Buyer(buyer) = person {
        activity::note_notice(tx, means, buyer, notice)?;
    }
    let Some(reach) = find_reach(tx, means.vault, person)? else { return Ok(()) };
    let contact = Contact::parse(reach.contact.expose()).map_err(|_| Fault::Row("contact"))?;
    let mut told: Vec<Contact> = Vec::new();
    if let Notice::ContactChanged { old, link } = notice {
        send(tx, means, person, (old, &letters::given_up_contact(reach.lang, notice, link)))?;
        told.push(old.clone());
    }
    if let Notice::SimChanged { number } = notice {
        told.push(Contact::Phone(number.clone()));
    }
    let text = letters::notice(reach.lang, notice);
    let phones = factors::list_phones(tx, means, person)?.into_iter().map(Contact::Phone);
    for channel in [contact].into_iter().chain(phones) {
        if !told.contains(&channel) {
            send(tx, means, person, (&channel, &text))?;
            told.push(channel);
        }
    }
    Ok(())
}

fn send(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    (contact, message): (&Contact, &Message),
) -> Result<(), Fault> {
    let to = Recipient { shop: person.shop(), owner: person.short(), contact };
    mail::queue_message(tx, means, &to, message)
}
