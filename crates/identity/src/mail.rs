//! Mails and text messages that wait to be delivered: rows written in the transaction that caused them, sent after its commit.
//!
//! Recipient and text are sealed under the data key of the person they are for, so erasing the person shreds the mails
//! too, and the database never shows a one-time code. A mail may be delivered twice when a worker dies between
//! sending and saying so; it is never lost. Text and recipient are deleted once it was delivered or given up.

use base::{Secret, ShopId, Timestamp};
use store::Tx;
use vault::{Place, VaultError};

use crate::context::{Fault, Means};
use crate::limits::{MAIL_ATTEMPTS_MAX, MAIL_LEASE_SECONDS};
use crate::phone::Contact;
pub use crate::store::outbox::Channel;
use crate::store::outbox::{self, MailRow, MailState};
use crate::token::key_text;

/// Seconds until the next attempt after the first, second … failed one.
const RETRY_SECONDS: [i64; 5] = [10, 60, 300, 1_800, 7_200];
const ID_BYTES: usize = 10;
/// Whose data key seals what is sent to nobody.
const NOBODY: &str = "nobody";

/// Whom a mail is for: the owner of the data key it is sealed under.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The shop of the data key; the house for buyers.
    pub shop: ShopId,
    /// The owner of the data key: the id of a buyer or member.
    pub owner: &'a str,
    /// The address or number.
    pub contact: &'a Contact,
}

/// A mail's text. The subject is stored in the clear and must not hold anything secret or personal.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What kind of mail it is, as `code`.
    pub template: &'static str,
    /// The subject line.
    pub subject: String,
    /// The text, plain.
    pub body: Secret<String>,
    /// When it is no longer worth sending.
    pub expires: Option<Timestamp>,
}

/// What is said, in the form each channel carries.
#[derive(Clone, Debug)]
pub struct Message {
    /// As a mail.
    pub letter: Letter,
    /// As a text message: short, one paragraph.
    pub text: Secret<String>,
}

impl Message {
    /// The form that the channel of a contact carries; a text message has no subject.
    pub(crate) fn form_for(&self, contact: &Contact) -> Letter {
        let letter = self.letter.clone();
        match contact {
            Contact::Email(_) => letter,
            Contact::Phone(_) => Letter { body: self.text.clone(), subject: String::new(), ..letter },
        }
    }
}

/// A message taken for delivery.
#[derive(Clone, Debug)]
pub struct DueMail {
    /// How it travels.
    pub channel: Channel,
    /// The shop part of its key.
    pub shop: ShopId,
    /// Whose data key seals it: the id of a buyer or member.
    pub owner: String,
    /// Its id; say it in `Message-ID`, so that a second delivery can be recognised.
    pub id: String,
    /// What kind of mail it is.
    pub template: String,
    /// The address or number.
    pub recipient: Secret<String>,
    /// The subject line.
    pub subject: String,
    /// The text, plain.
    pub body: Secret<String>,
    /// Attempts before this one.
    pub attempts: i64,
}

/// Puts a message into the outbox, in the form its recipient's channel carries.
///
/// # Errors
/// [`Fault`] alone.
pub fn queue_message(
    tx: &mut Tx,
    means: &Means<'_>,
    to: &Recipient<'_>,
    message: &Message,
) -> Result<(), Fault> {
    queue_mail(tx, means, to, &message.form_for(to.contact))
}

/// Puts a mail into the outbox; to a number it goes as a text message, without its subject.
///
/// # Errors
/// [`Fault`] alone.
pub fn queue_mail(tx: &mut Tx, means: &Means<'_>, to: &Recipient<'_>, letter: &Letter) -> Result<(), Fault> {
    let row = seal_mail(tx, means, to, letter)?;
    Ok(outbox::insert_mail(tx, row)?)
}

/// Does what [`queue_mail`] does, for a contact that belongs to nobody: the row is given up from the start and holds
/// nothing. So the work tells nobody whether a contact is known (PW-5).
pub(crate) fn queue_to_nobody(
    tx: &mut Tx,
    means: &Means<'_>,
    contact: &Contact,
    letter: &Letter,
) -> Result<(), Fault> {
    let to = Recipient { shop: ShopId::HOUSE, owner: NOBODY, contact };
    let row = seal_mail(tx, means, &to, letter)?;
    let state = MailState::GivenUp;
    Ok(outbox::insert_mail(tx, MailRow { state, recipient: None, body: None, ..row })?)
}

fn seal_mail(tx: &mut Tx, means: &Means<'_>, to: &Recipient<'_>, letter: &Letter) -> Result<MailRow, Fault> {
    let channel = match to.contact {
        Contact::Email(_) => Channel::Mail,
        Contact::Phone(_) => Channel::Sms,
    };
    let id = format!("{:012x}{}", means.now.millis(), key_text(&means.dice.bytes::<ID_BYTES>()));
    let key = means.vault.data_key(tx, to.shop, to.owner, means.now, means.dice)?;
    let recipient = key.seal(&place("recipient", &id), to.contact.secret(), means.dice)?;
    let body = key.seal(&place("body", &id), &letter.body, means.dice)?;
    Ok(MailRow {
        shop: to.shop,
        id,
        owner: to.owner.to_owned(),
        template: letter.template.to_owned(),
        subject: letter.subject.clone(),
        recipient: Some(recipient),
        body: Some(body),
        state: MailState::Waiting,
        attempts: 0,
        next: means.now,
        expires: letter.expires,
        created: means.now,
        error: None,
        channel,
    })
}

/// [`take_due_on`] for mails.
///
/// # Errors
/// [`Fault`] alone.
pub fn take_due(tx: &mut Tx, means: &Means<'_>, limit: usize) -> Result<Vec<DueMail>, Fault> {
    take_due_on(tx, means, Channel::Mail, limit)
}

/// Takes up to `limit` messages of a channel that are due and keeps other workers from them for [`MAIL_LEASE_SECONDS`]. What has expired
/// or belongs to an erased person is given up on the way.
///
/// # Errors
/// [`Fault`] alone.
pub fn take_due_on(
    tx: &mut Tx,
    means: &Means<'_>,
    channel: Channel,
    limit: usize,
) -> Result<Vec<DueMail>, Fault> {
    let mut taken = Vec::new();
    for row in outbox::list_due_mails(tx, channel, means.now, limit)? {
        if row.expires.is_some_and(|end| end <= means.now) {
            give_up(tx, row, "expired before it could be delivered")?;
            continue;
        }
        match open_mail(tx, means, &row) {
            Ok(mail) => {
                let next = means.now.plus_seconds(MAIL_LEASE_SECONDS);
                outbox::update_mail(tx, MailRow { next, ..row })?;
                taken.push(mail);
            }
            Err(Fault::Vault(VaultError::Destroyed)) => give_up(tx, row, "its recipient was erased")?,
            Err(fault) => return Err(fault),
        }
    }
    Ok(taken)
}

/// Notes that a mail was delivered, and deletes its text.
///
/// # Errors
/// [`Fault`] alone.
pub fn mark_sent(tx: &mut Tx, shop: ShopId, id: &str) -> Result<(), Fault> {
    if let Some(row) = outbox::find_mail(tx, shop, id)? {
        let attempts = row.attempts + 1;
        outbox::update_mail(
            tx,
            MailRow { state: MailState::Sent, recipient: None, body: None, error: None, attempts, ..row },
        )?;
    }
    Ok(())
}

/// Notes that an attempt failed and when the next one is due; after [`MAIL_ATTEMPTS_MAX`] the mail is given up.
/// `error` is for the operator and must not repeat the address.
///
/// # Errors
/// [`Fault`] alone.
pub fn mark_failed(tx: &mut Tx, shop: ShopId, id: &str, error: &str, now: Timestamp) -> Result<(), Fault> {
    let Some(row) = outbox::find_mail(tx, shop, id)? else { return Ok(()) };
    let attempts = row.attempts + 1;
    let wait = usize::try_from(row.attempts).ok().and_then(|at| RETRY_SECONDS.get(at));
    match wait {
        Some(wait) if attempts < MAIL_ATTEMPTS_MAX => {
            let next = now.plus_seconds(*wait);
            outbox::update_mail(tx, MailRow { attempts, next, error: Some(error.to_owned()), ..row })?;
            Ok(())
        }
        _ => give_up(tx, MailRow { attempts, ..row }, error),
    }
}

/// Gives a message up that will never be taken: a number that does not exist, a text that is refused.
///
/// # Errors
/// [`Fault`] alone.
pub fn mark_refused(tx: &mut Tx, shop: ShopId, id: &str, error: &str) -> Result<(), Fault> {
    let Some(row) = outbox::find_mail(tx, shop, id)? else { return Ok(()) };
    give_up(tx, MailRow { attempts: row.attempts + 1, ..row }, error)
}

fn give_up(tx: &mut Tx, row: MailRow, error: &str) -> Result<(), Fault> {
    let error = Some(error.to_owned());
    let dead = MailRow { state: MailState::GivenUp, recipient: None, body: None, error, ..row };
    Ok(outbox::update_mail(tx, dead)?)
}

fn open_mail(tx: &mut Tx, means: &Means<'_>, row: &MailRow) -> Result<DueMail, Fault> {
    let key = means.vault.find_data_key(tx, row.shop, &row.owner)?;
    let open = |column, sealed: &Option<Vec<u8>>| -> Result<Secret<String>, Fault> {
        let sealed = sealed.as_deref().ok_or(Fault::Row("mail"))?;
        Ok(key.open(&place(column, &row.id), sealed)?)
    };
    Ok(DueMail {
        channel: row.channel,
        shop: row.shop,
        owner: row.owner.clone(),
        id: row.id.clone(),
        template: row.template.clone(),
        recipient: open("recipient", &row.recipient)?,
        subject: row.subject.clone(),
        body: open("body", &row.body)?,
        attempts: row.attempts,
    })
}

fn place<'a>(column: &'static str, id: &'a str) -> Place<'a> {
    Place { table: "outbox_mail", column, row: id }
}
