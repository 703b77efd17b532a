//! What somebody says a payment was, fraud or the payer's own: what the memory of its parties learns, and unlearns.
//!
//! A payer says "it was not me", to a challenge or of a payment that went through; a member refuses a payment in review as
//! fraud, or labels one that ended, either way, and takes a label back. Promises: a payment has one label at most, the last
//! one said; it counts from the moment it became known, as in a replay of a file ([`risk::replay`]); one that is taken back
//! leaves no trace in what is counted; who said it and why is in the log. That a payment was genuine need not be said: it
//! counts as that once the label delay has passed ([`risk::labels`]).

use audit::Actor;
use base::{MemberId, PaymentId, ScopedId, Timestamp};
use identity::{Denied, Means, Permission};
use store::Tx;

pub use risk::Label as Word;

use crate::payment::{Payment, State};
use crate::record::{self, Deed};
use crate::screening::{self, Origination};
use crate::store as rows;
use crate::text::ShortText;

/// Who said what a payment was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelSource {
    /// Its payer: it was not them.
    Payer,
    /// A member who refused it in review.
    Review,
    /// A member, afterwards.
    Member,
}

impl LabelSource {
    const ALL: [LabelSource; 3] = [LabelSource::Payer, LabelSource::Review, LabelSource::Member];

    /// The word in the log and the database.
    pub const fn name(self) -> &'static str {
        match self {
            LabelSource::Payer => "payer",
            LabelSource::Review => "review",
            LabelSource::Member => "member",
        }
    }

    /// Reads [`LabelSource::name`].
    pub fn named(name: &str) -> Option<LabelSource> {
        LabelSource::ALL.into_iter().find(|source| source.name() == name)
    }
}

/// The word of a label in the API, the log and the database.
pub const fn word_name(word: Word) -> &'static str {
    match word {
        Word::Fraud => "fraud",
        Word::Genuine => "genuine",
    }
}

/// Reads [`word_name`].
pub fn word_named(name: &str) -> Option<Word> {
    [Word::Fraud, Word::Genuine].into_iter().find(|word| word_name(*word) == name)
}

/// What a payment is known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// What it was.
    pub word: Word,
    /// Who said so.
    pub source: LabelSource,
    /// The member who said so afterwards.
    pub member: Option<MemberId>,
    /// That member's reason.
    pub note: Option<String>,
    /// Since when it is known.
    pub known_at: Timestamp,
    /// Whether money had moved when it was said; unknown of labels from before that was kept.
    pub moved: Option<bool>,
}

/// Why a label was not set or taken back. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such payment.
    #[error("payment does not exist")]
    NoPayment,
    /// Nobody confirmed it, or it goes on.
    #[error("payment is {}; a label is for one that somebody confirmed and that ended", .0.name())]
    NotEnded(State),
    /// The caller is no member.
    #[error("only a member can label a payment")]
    NotMember,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(#[from] identity::Fault),
}

impl From<store::Error> for LabelError {
    fn from(error: store::Error) -> LabelError {
        LabelError::Fault(error.into())
    }
}

/// Whether a payment can be labelled by a member: somebody confirmed it, and it ended.
pub fn can_be_labelled(payment: &Payment, now: Timestamp) -> bool {
    let goes_on = matches!(payment.state_at(now), State::Waiting | State::Paused | State::InReview);
    payment.confirmed_at.is_some() && payment.buyer.is_some() && !goes_on
}

/// A member's word on a payment: a label, or with `wanted` absent that the one it has is taken back. The same word once
/// more changes nothing.
///
/// # Errors
/// [`LabelError`].
pub fn set_label(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &identity::Actor,
    from: &Origination,
    id: PaymentId,
    (wanted, note): (Option<Word>, &ShortText),
) -> Result<Option<Label>, LabelError> {
    actor.allow(Permission::Review, id.shop())?;
    let identity::Actor::Member(session) = actor else { return Err(LabelError::NotMember) };
    let payment = rows::find_payment(tx, id)?.ok_or(LabelError::NoPayment)?;
    if !can_be_labelled(&payment, means.now) {
        return Err(LabelError::NotEnded(payment.state_at(means.now)));
    }
    let known = rows::find_label(tx, id)?;
    if known.as_ref().map(|label| label.word) == wanted {
        return Ok(known);
    }
    let label = wanted.map(|word| Label {
        word,
        source: LabelSource::Member,
        member: Some(session.member),
        note: Some(note.to_string()),
        known_at: means.now,
        moved: Some(payment.stored_state.has_moved_money()),
    });
    replace(tx, means, &payment, (known.as_ref(), label.as_ref()))?;
    record::note_label(tx, means, &actor.into(), from, &payment, (wanted, note))?;
    Ok(label)
}

/// Notes that a payment was fraud, in the profiles of payer, device, address, shop and terminal. A payment that nobody
/// confirmed has no parties and is left alone, as is one that is known as fraud.
///
/// # Errors
/// Those of the store.
pub fn label_fraud(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    from: &Origination,
    payment: &Payment,
    source: LabelSource,
) -> Result<(), store::Error> {
    let known = rows::find_label(tx, payment.id)?;
    let is_known = known.as_ref().is_some_and(|label| label.word == Word::Fraud);
    if payment.confirmed_at.is_none() || is_known {
        return Ok(());
    }
    let (member, note, moved) = (None, None, Some(payment.stored_state.has_moved_money()));
    let label = Label { word: Word::Fraud, source, member, note, known_at: means.now, moved };
    replace(tx, means, payment, (known.as_ref(), Some(&label)))?;
    record::note(tx, means, actor, Deed::Fraud(source), payment, from)?;
    Ok(())
}

/// Takes the label before out of the profiles and puts the new one in.
fn replace(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    payment: &Payment,
    (before, after): (Option<&Label>, Option<&Label>),
) -> Result<(), store::Error> {
    let said = |label: &Label| screening::Said { word: label.word, moved: label.moved };
    screening::learn(tx, payment, (before.map(said), after.map(said)), means.now)?;
    match after {
        Some(label) => rows::put_label(tx, payment.id, label),
        None => rows::delete_label(tx, payment.id),
    }
}
