//! An entry of the log: who did what, when, from where, to what, and how it ended.
//!
//! **Form.** An entry is one line of canonical JSON (see `canonical.rs`), fields in the order of [`Entry`], absent
//! ones left out. The leaf of the tree is this text: `leaf = SHA-256(0x00 ‖ text)`. So an exported log can be read in
//! any editor and checked with a few lines of any language.
//!
//! ```text
//! {"v":1,"id":"aud_…","at":"2026-03-01T09:30:00.000Z","actor":{"kind":"buyer","id":"buy_…","under":"emg_…"},
//!  "action":"payment.confirm","object":{"kind":"payment","id":"pay_…"},"outcome":"success","address":"192.0.2.7",
//!  "device":"dev_…","request":"req_…","reason":"…","details":{"amount":"12.50 CNY"}}
//! ```
//!
//! **No secrets.** Values are typed ids, numbers, amounts, words of this program or [`Text`], which refuses card
//! numbers and PINs. [`base::Secret`] does not fit anywhere:
//!
//! ```compile_fail
//! # use audit::{Action, Actor, Entry, Object, Outcome};
//! # fn f(entry: Entry, pin: base::Secret<String>) {
//! let entry = entry.detail("proof", pin); // no `From<Secret<_>>`
//! # }
//! ```

use std::borrow::Cow;
use std::net::IpAddr;

use base::{Currency, DeviceId, EmergencyId, EntryId, Money, RequestId, Timestamp};

use crate::canonical::{Scanner, push_field, push_name, push_string};
use crate::text::Text;
use crate::tree::{Digest, leaf_hash};

/// Longest encoded entry.
pub const ENTRY_BYTES_MAX: usize = 32 * 1024;
/// Most details of an entry.
pub const DETAILS_MAX: usize = 16;
/// Longest word: an action, a kind, the name of a detail.
pub const WORD_BYTES_MAX: usize = 48;

/// What no detail may be called, since its value would be a secret.
const FORBIDDEN_NAMES: [&str; 8] =
    ["pin", "password", "pan", "cvv", "cvc", "secret", "card_number", "private_key"];

/// What was done, as `payment.confirm`: lower-case words joined by dots and underscores, the object first. Declare it
/// as a `const`, so that a wrong one does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action(&'static str);

impl Action {
    /// Names an action.
    ///
    /// # Panics
    /// When it is not 1 to [`WORD_BYTES_MAX`] characters of `a-z 0-9 . _`; in a `const` that is a compile error.
    pub const fn new(name: &'static str) -> Action {
        assert!(is_word(name), "an action is lower-case words joined by `.` and `_`");
        Action(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

const fn is_word(name: &str) -> bool {
    let mut rest = name.as_bytes();
    if rest.is_empty() || rest.len() > WORD_BYTES_MAX {
        return false;
    }
    while let [first, tail @ ..] = rest {
        if !matches!(*first, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_') {
            return false;
        }
        rest = tail;
    }
    true
}

/// A thing by kind and id.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    kind: Cow<'static, str>,
    id: Option<Text>,
}

impl Named {
    fn word(kind: &'static str) -> Named {
        assert!(is_word(kind), "a kind is a lower-case word");
        Named { kind: Cow::Borrowed(kind), id: None }
    }

    fn with(kind: &'static str, id: Text) -> Named {
        Named { id: Some(id), ..Named::word(kind) }
    }

    fn push(&self, out: &mut String, name: &str) {
        push_name(out, name);
        out.push('{');
        push_field(out, "kind", &self.kind);
        if let Some(id) = &self.id {
            push_field(out, "id", id.as_str());
        }
        out.push('}');
    }

    fn read(scan: &mut Scanner<'_>) -> Option<Named> {
        let (named, is_over) = Named::read_open(scan)?;
        is_over.then_some(named)
    }

    /// Reads kind and id, and whether nothing else stands beside them.
    fn read_open(scan: &mut Scanner<'_>) -> Option<(Named, bool)> {
        scan.expect("{\"kind\":")?;
        let kind = scan.string().filter(|kind| is_word(kind))?;
        let id = if scan.take(",\"id\":") { Some(Text::own(scan.string()?)) } else { None };
        let is_over = scan.take("}");
        Some((Named { kind: Cow::Owned(kind), id }, is_over))
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    who: Named,
    under: Option<Text>,
}

impl Actor {
    /// A part of the program itself, as `sequencer`.
    pub fn system(part: &'static str) -> Actor {
        Actor::of(Named::with("system", Text::own(part.to_owned())))
    }

    /// Somebody who did not, or not successfully, say who they are.
    pub fn unknown() -> Actor {
        Actor::of(Named::word("unknown"))
    }

    /// Any other kind.
    pub fn named(kind: &'static str, id: Text) -> Actor {
        Actor::of(Named::with(kind, id))
    }

    fn of(who: Named) -> Actor {
        Actor { who, under: None }
    }

    /// The same, while they held power that they took in an emergency.
    #[must_use]
    pub fn under(self, emergency: EmergencyId) -> Actor {
        Actor { under: Some(Text::own(emergency.to_string())), ..self }
    }

    /// `buyer`, `member`, `api_key`, `system`, `unknown`, …
    pub fn kind(&self) -> &str {
        &self.who.kind
    }

    /// The id, where there is one.
    pub fn id(&self) -> Option<&str> {
        self.who.id.as_ref().map(Text::as_str)
    }

    /// The emergency under which they acted.
    pub fn emergency(&self) -> Option<&str> {
        self.under.as_ref().map(Text::as_str)
    }

    fn push(&self, out: &mut String) {
        self.who.push(out, "actor");
        if let Some(under) = &self.under {
            out.pop();
            push_field(out, "under", under.as_str());
            out.push('}');
        }
    }

    fn read(scan: &mut Scanner<'_>) -> Option<Actor> {
        let (who, is_over) = Named::read_open(scan)?;
        if is_over {
            return Some(Actor::of(who));
        }
        scan.expect(",\"under\":")?;
        let under = Some(Text::own(scan.string()?));
        scan.expect("}")?;
        Some(Actor { who, under })
    }
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object(Named);

impl Object {
    /// A thing without an id, as the configuration.
    pub fn word(kind: &'static str) -> Object {
        Object(Named::word(kind))
    }

    /// A thing whose id is not one of `base`'s.
    pub fn named(kind: &'static str, id: Text) -> Object {
        Object(Named::with(kind, id))
    }

    /// `payment`, `order`, `shop`, …
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The id, where there is one.
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_ref().map(Text::as_str)
    }
}

macro_rules! named_ids {
    ($($id:ident => $kind:literal;)*) => {$(
        impl From<base::$id> for Object {
            fn from(id: base::$id) -> Object { Object(Named::with($kind, Text::own(id.to_string()))) }
        }
        impl From<base::$id> for Actor {
            fn from(id: base::$id) -> Actor { Actor::of(Named::with($kind, Text::own(id.to_string()))) }
        }
        impl From<base::$id> for Detail {
            fn from(id: base::$id) -> Detail { Detail::Text(Text::own(id.to_string())) }
        }
    )*};
}

named_ids! {
    ShopId => "shop";
    TerminalId => "terminal";
    OrderId => "order";
    CodeId => "code";
    PaymentId => "payment";
    RefundId => "refund";
    DecisionId => "decision";
    ReviewId => "review";
    TransferId => "transfer";
    ApiKeyId => "api_key";
    AppId => "app";
    ConnectionId => "connection";
    CertificateId => "certificate";
    MemberId => "member";
    BuyerId => "buyer";
    DeviceId => "device";
    FactorId => "factor";
    SessionId => "session";
    TokenId => "token";
    CustomerId => "customer";
    OpeningId => "opening";
    AlertId => "alert";
    ExportId => "export";
    RoleId => "role";
    ApprovalId => "approval";
    EmergencyId => "emergency";
    AccessReviewId => "access_review";
    CaseId => "case";
    EntryId => "audit_entry";
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Success,
    /// Not done, because a rule or right said no.
    Refused,
    /// Not done, because something broke.
    Failed,
}

impl Outcome {
    /// `success`, `refused` or `failed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Outcome> {
        [Outcome::Success, Outcome::Refused, Outcome::Failed].into_iter().find(|o| o.as_str() == text)
    }
}

/// The value of a detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A number.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// An id, a word of this program, or a checked text.
    Text(Text),
}

impl From<i64> for Detail {
    fn from(value: i64) -> Detail {
        Detail::Int(value)
    }
}

impl From<bool> for Detail {
    fn from(value: bool) -> Detail {
        Detail::Bool(value)
    }
}

impl From<Text> for Detail {
    fn from(value: Text) -> Detail {
        Detail::Text(value)
    }
}

impl From<&'static str> for Detail {
    /// A word of this program: text that is in the source, never input.
    fn from(value: &'static str) -> Detail {
        Detail::Text(Text::masked(value))
    }
}

impl From<Money> for Detail {
    /// As `12.50 CNY`.
    fn from(value: Money) -> Detail {
        Detail::Text(Text::own(format!("{} {}", value.decimal(), value.currency)))
    }
}

impl From<Currency> for Detail {
    fn from(value: Currency) -> Detail {
        Detail::Text(Text::own(value.code().to_owned()))
    }
}

impl From<Timestamp> for Detail {
    fn from(value: Timestamp) -> Detail {
        Detail::Text(Text::own(value.to_rfc3339()))
    }
}

/// One entry. Build it with [`Entry::new`] and the methods that add to it; nothing that is built can be refused later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: EntryId,
    at: Timestamp,
    actor: Actor,
    action: Cow<'static, str>,
    object: Object,
    outcome: Outcome,
    address: Option<IpAddr>,
    device: Option<DeviceId>,
    request: Option<RequestId>,
    reason: Option<Text>,
    details: Vec<(Cow<'static, str>, Detail)>,
}

/// Why bytes are not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Longer than [`ENTRY_BYTES_MAX`].
    #[error("the entry is longer than {ENTRY_BYTES_MAX} bytes")]
    TooLarge,
    /// Not the canonical text of an entry of a version this program knows.
    #[error("not an audit entry in canonical form")]
    Malformed,
}

impl Entry {
    /// An entry with what every entry must have. The id says whose log it is (`EntryId::new(shop, at, dice)`).
    pub fn new(
        id: EntryId,
        at: Timestamp,
        actor: impl Into<Actor>,
        action: Action,
        object: impl Into<Object>,
        outcome: Outcome,
    ) -> Entry {
        Entry {
            id,
            at,
            actor: actor.into(),
            action: Cow::Borrowed(action.0),
            object: object.into(),
            outcome,
            address: None,
            device: None,
            request: None,
            reason: None,
            details: Vec::new(),
        }
    }

    /// Where from: the network address.
    #[must_use]
    pub fn address(mut self, address: impl Into<Option<IpAddr>>) -> Entry {
        self.address = address.into();
        self
    }

    /// Where from: the device.
    #[must_use]
    pub fn device(mut self, device: impl Into<Option<DeviceId>>) -> Entry {
        self.device = device.into();
        self
    }

    /// The request that did it.
    #[must_use]
    pub fn request(mut self, request: impl Into<Option<RequestId>>) -> Entry {
        self.request = request.into();
        self
    }

    /// Why, in words.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<Option<Text>>) -> Entry {
        self.reason = reason.into();
        self
    }

    /// One more fact. Details keep their order.
    ///
    /// # Panics
    /// For a mistake of the program: a name that is not a word or names a secret, or more than [`DETAILS_MAX`].
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Into<Detail>) -> Entry {
        assert!(is_word(name) && !FORBIDDEN_NAMES.contains(&name), "`{name}` is not a name for a detail");
        assert!(self.details.len() < DETAILS_MAX, "an entry has at most {DETAILS_MAX} details");
        self.details.push((Cow::Borrowed(name), value.into()));
        self
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// When it happened.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Who did it.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What was done.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// What it was done to.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Where from: address and device.
    pub fn source(&self) -> (Option<IpAddr>, Option<DeviceId>) {
        (self.address, self.device)
    }

    /// The request that did it.
    pub fn request_id(&self) -> Option<RequestId> {
        self.request
    }

    /// Why, in words.
    pub fn reason_text(&self) -> Option<&str> {
        self.reason.as_ref().map(Text::as_str)
    }

    /// The further facts, in order.
    pub fn details(&self) -> impl Iterator<Item = (&str, &Detail)> {
        self.details.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The canonical text: what is stored, hashed and exported.
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(448);
        out.push_str("{\"v\":1");
        push_field(&mut out, "id", &self.id.to_string());
        push_field(&mut out, "at", &self.at.to_rfc3339());
        self.actor.push(&mut out);
        push_field(&mut out, "action", &self.action);
        self.object.0.push(&mut out, "object");
        push_field(&mut out, "outcome", self.outcome.as_str());
        if let Some(address) = self.address {
            push_field(&mut out, "address", &address.to_string());
        }
        if let Some(device) = self.device {
            push_field(&mut out, "device", &device.to_string());
        }
        if let Some(request) = self.request {
            push_field(&mut out, "request", &request.to_string());
        }
        if let Some(reason) = &self.reason {
            push_field(&mut out, "reason", reason.as_str());
        }
        self.push_details(&mut out);
        out.push('}');
        out
    }

    fn push_details(&self, out: &mut String) {
        if self.details.is_empty() {
            return;
        }
        push_name(out, "details");
        out.push('{');
        for (name, value) in &self.details {
            push_name(out, name);
            match value {
                Detail::Int(value) => out.push_str(&value.to_string()),
                Detail::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
                Detail::Text(value) => push_string(out, value.as_str()),
            }
        }
        out.push('}');
    }

    /// Reads the canonical text back. Anything but the exact text [`Entry::encode`] would give is refused.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn decode(text: &str) -> Result<Entry, EntryError> {
        if text.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLarge);
        }
        let entry = Entry::read(&mut Scanner::new(text)).ok_or(EntryError::Malformed)?;
        if entry.encode() == text { Ok(entry) } else { Err(EntryError::Malformed) }
    }

    fn read(scan: &mut Scanner<'_>) -> Option<Entry> {
        scan.expect("{\"v\":1,\"id\":")?;
        let id = scan.string()?.parse().ok()?;
        scan.expect(",\"at\":")?;
        let at = Timestamp::parse_rfc3339(&scan.string()?)?;
        scan.expect(",\"actor\":")?;
        let actor = Actor::read(scan)?;
        scan.expect(",\"action\":")?;
        let action = Cow::Owned(scan.string().filter(|action| is_word(action))?);
        scan.expect(",\"object\":")?;
        let object = Object(Named::read(scan)?);
        scan.expect(",\"outcome\":")?;
        let outcome = Outcome::parse(&scan.string()?)?;
        let mut optional = |name: &str| if scan.take(name) { scan.string().map(Some) } else { Some(None) };
        let address = optional(",\"address\":")?.map(|text| text.parse().ok());
        let device = optional(",\"device\":")?.map(|text| text.parse().ok());
        let request = optional(",\"request\":")?.map(|text| text.parse().ok());
        let reason = optional(",\"reason\":")?.map(Text::own);
        let details = if scan.take(",\"details\":{") { read_details(scan)? } else { Vec::new() };
        scan.expect("}")?;
        scan.end()?;
        let (address, device, request) = (all(address)?, all(device)?, all(request)?);
        Some(Entry { id, at, actor, action, object, outcome, address, device, request, reason, details })
    }

    /// The hash of this entry as a leaf of the tree.
    pub fn leaf_hash(&self) -> Digest {
        leaf_hash(self.encode().as_bytes())
    }
}

/// Absent is fine, present and unreadable is not.
fn all<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(inner) => inner.map(Some),
    }
}

fn read_details(scan: &mut Scanner<'_>) -> Option<Vec<(Cow<'static, str>, Detail)>> {
    let mut details = Vec::new();
    loop {
        let name = scan.string().filter(|name| is_word(name))?;
        scan.expect(":")?;
        let value = if scan.at_number() {
            Detail::Int(scan.int()?)
        } else if scan.take("true") {
            Detail::Bool(true)
        } else if scan.take("false") {
            Detail::Bool(false)
        } else {
            Detail::Text(Text::own(scan.string()?))
        };
        details.push((Cow::Owned(name), value));
        if details.len() > DETAILS_MAX {
            return None;
        }
        if scan.take("}") {
            return Some(details);
        }
        scan.expect(",")?;
    }
}
