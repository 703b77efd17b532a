//! Reads the `Signature-Input` and `Signature` fields (RFC 9421 §4), strictly: what is said twice is refused (SIG-7).

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName};
use sfv::visitor::{DictionaryVisitor, EntryVisitor, Ignored};
use sfv::{BareItem, Dictionary, FieldType, InnerList, KeyRef, ListEntry, Parser};

use super::component::{Component, bytes_of};
use super::fast;
use crate::limits::SIGNATURE_FIELD_BYTES_MAX;
use crate::limits::{COMPONENTS_MAX, KEY_ID_CHARS_MAX, NONCE_CHARS_MAX, NONCE_CHARS_MIN};

pub(super) static SIGNATURE: HeaderName = HeaderName::from_static("signature");
pub(super) static SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// Signature fields that cannot be read; the text says what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub Cow<'static, str>);

impl Malformed {
    fn because<T>(text: impl Into<Cow<'static, str>>) -> Result<T, Malformed> {
        Err(Malformed(text.into()))
    }
}

/// The parameters of a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params<'h> {
    /// When it was made, in seconds since the epoch.
    pub created: Option<i64>,
    /// Until when it holds, in seconds since the epoch.
    pub expires: Option<i64>,
    /// A value used once.
    pub nonce: Option<Cow<'h, str>>,
    /// Which key.
    pub keyid: Option<Cow<'h, str>>,
    /// The algorithm's registered name.
    pub alg: Option<Cow<'h, str>>,
    /// What the signature is for.
    pub tag: Option<Cow<'h, str>>,
}

/// The covered components: one of the lists our own signer uses, or any other.
#[derive(Clone, Debug)]
pub(super) enum Components {
    Known(&'static [Component]),
    Own(Vec<Component>),
}

impl Components {
    pub(super) fn as_slice(&self) -> &[Component] {
        match self {
            Components::Known(list) => list,
            Components::Own(list) => list,
        }
    }
}

/// One signature as a message presents it. Read, not yet verified.
#[derive(Clone, Debug)]
pub struct Presented<'h> {
    pub(super) label: Cow<'h, str>,
    pub(super) components: Components,
    /// The covered list with its parameters, as it stands in the base.
    pub(super) params_text: Cow<'h, str>,
    pub(super) params: Params<'h>,
    pub(super) signature: Vec<u8>,
}

impl PartialEq for Presented<'_> {
    fn eq(&self, other: &Self) -> bool {
        let of = |p: &Self| (p.label.to_string(), p.params_text.to_string(), p.signature.clone());
        of(self) == of(other)
            && self.params == other.params
            && self.components.as_slice() == other.components.as_slice()
    }
}

impl<'h> Presented<'h> {
    /// Reads the one signature, or of several the one with `tag`. `None` for an unsigned message.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(headers: &'h HeaderMap, tag: &str) -> Result<Option<Presented<'h>>, Malformed> {
        if let Some(input) = single(headers, &SIGNATURE_INPUT)
            && let Some(signature) = single(headers, &SIGNATURE)
            && let Some(presented) = fast::read(input, signature)
        {
            return Ok(Some(presented));
        }
        Presented::read_general(headers, tag)
    }

    /// [`Presented::read`] without the fast way.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read_general(headers: &HeaderMap, tag: &str) -> Result<Option<Presented<'h>>, Malformed> {
        let Some((inputs, signatures)) = dictionaries(headers)? else { return Ok(None) };
        let tagged = |entry: &ListEntry| matches!(entry, ListEntry::InnerList(list) if has_tag(list, tag));
        let mut fitting = inputs.iter().filter(|(_, entry)| inputs.len() == 1 || tagged(entry));
        let (Some((label, _)), None) = (fitting.next(), fitting.next()) else {
            return Malformed::because(format!(
                "of several signatures exactly one must have `tag=\"{tag}\"`"
            ));
        };
        Presented::build(label.as_str(), &inputs, &signatures).map(Some)
    }

    /// Reads the signature called `label`.
    ///
    /// # Errors
    /// [`Malformed`], also when there is none.
    pub fn read_label(headers: &HeaderMap, label: &str) -> Result<Presented<'h>, Malformed> {
        match dictionaries(headers)? {
            Some((inputs, signatures)) => Presented::build(label, &inputs, &signatures),
            None => Malformed::because("the message is not signed"),
        }
    }

    fn build(label: &str, inputs: &Dictionary, signatures: &Dictionary) -> Result<Presented<'h>, Malformed> {
        let Some(ListEntry::InnerList(list)) = inputs.get(label) else {
            return Malformed::because(format!("`signature-input` has no list called `{label}`"));
        };
        let Some(signature) = signatures.get(label).and_then(bytes_of) else {
            return Malformed::because(format!("`signature` has no bytes called `{label}`"));
        };
        let params_text = vec![ListEntry::InnerList(list.clone())].serialize().unwrap_or_default();
        Ok(Presented {
            label: Cow::Owned(label.to_owned()),
            components: Components::Own(read_components(list)?),
            params_text: Cow::Owned(params_text),
            params: read_params(list)?,
            signature: signature.to_vec(),
        })
    }

    /// The signature's name within the message.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The key it claims, to look the record up.
    pub fn key_id(&self) -> Option<&str> {
        self.params.keyid.as_deref()
    }

    /// Its parameters.
    pub fn params(&self) -> &Params<'h> {
        &self.params
    }

    /// The covered components in order.
    pub fn components(&self) -> &[Component] {
        self.components.as_slice()
    }

    /// Whether `component` is covered, spelled exactly so.
    pub(super) fn covers(&self, component: &Component) -> bool {
        self.components.as_slice().iter().any(|one| one.text() == component.text())
    }

    /// Lengths of nonce and key id.
    pub(super) fn check_lengths(&self) -> Result<(), Malformed> {
        let length = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| text.len());
        if length(&self.params.nonce).is_some_and(|n| !(NONCE_CHARS_MIN..=NONCE_CHARS_MAX).contains(&n)) {
            let text = format!("`nonce` must have {NONCE_CHARS_MIN} to {NONCE_CHARS_MAX} characters");
            return Malformed::because(text);
        }
        if length(&self.params.keyid).is_some_and(|n| n > KEY_ID_CHARS_MAX) {
            return Malformed::because(format!("`keyid` must have at most {KEY_ID_CHARS_MAX} characters"));
        }
        Ok(())
    }
}

fn has_tag(list: &InnerList, tag: &str) -> bool {
    matches!(list.params.get("tag"), Some(BareItem::String(found)) if found.as_str() == tag)
}

fn read_components(list: &InnerList) -> Result<Vec<Component>, Malformed> {
    if list.items.len() > COMPONENTS_MAX {
        return Malformed::because(format!("a signature may cover at most {COMPONENTS_MAX} components"));
    }
    let mut components: Vec<Component> = Vec::with_capacity(list.items.len());
    for item in &list.items {
        let component = Component::from_item(item).map_err(|error| Malformed(error.to_string().into()))?;
        if components.iter().any(|known| known.text() == component.text()) {
            return Malformed::because(format!("component `{}` is covered twice", component.text()));
        }
        components.push(component);
    }
    Ok(components)
}

fn read_params<'h>(list: &InnerList) -> Result<Params<'h>, Malformed> {
    let mut params = Params::default();
    for (name, value) in &list.params {
        match (name.as_str(), value) {
            ("created", BareItem::Integer(at)) => params.created = Some(i64::from(*at)),
            ("expires", BareItem::Integer(at)) => params.expires = Some(i64::from(*at)),
            ("nonce", BareItem::String(text)) => params.nonce = Some(owned(text)),
            ("keyid", BareItem::String(text)) => params.keyid = Some(owned(text)),
            ("alg", BareItem::String(text)) => params.alg = Some(owned(text)),
            ("tag", BareItem::String(text)) => params.tag = Some(owned(text)),
            ("created" | "expires", _) => {
                return Malformed::because(format!("parameter `{name}` must be an integer"));
            }
            ("nonce" | "keyid" | "alg" | "tag", _) => {
                return Malformed::because(format!("parameter `{name}` must be a quoted string"));
            }
            _ => {}
        }
    }
    Ok(params)
}

fn owned<'h>(text: &sfv::StringRef) -> Cow<'h, str> {
    Cow::Owned(text.as_str().to_owned())
}

/// Both fields as dictionaries; `None` when neither is there.
fn dictionaries(headers: &HeaderMap) -> Result<Option<(Dictionary, Dictionary)>, Malformed> {
    match (headers.contains_key(&SIGNATURE_INPUT), headers.contains_key(&SIGNATURE)) {
        (false, false) => return Ok(None),
        (true, false) => return Malformed::because("`signature-input` without `signature`"),
        (false, true) => return Malformed::because("`signature` without `signature-input`"),
        (true, true) => {}
    }
    let inputs = unique_dictionary(headers, &SIGNATURE_INPUT)?;
    let signatures = unique_dictionary(headers, &SIGNATURE)?;
    if let Some(stray) = signatures.keys().find(|label| !inputs.contains_key(label.as_str())) {
        return Malformed::because(format!("`signature` has `{stray}`, `signature-input` has not"));
    }
    Ok(Some((inputs, signatures)))
}

/// A dictionary field over all its lines, refusing a member that occurs twice.
pub(super) fn unique_dictionary(headers: &HeaderMap, name: &HeaderName) -> Result<Dictionary, Malformed> {
    let mut text = String::new();
    for line in headers.get_all(name) {
        let line = line.to_str().map_err(|_| Malformed(format!("`{name}` is not ASCII").into()))?;
        text.push_str(if text.is_empty() { "" } else { ", " });
        text.push_str(line);
        if text.len() > SIGNATURE_FIELD_BYTES_MAX {
            let text = format!("`{name}` must have at most {SIGNATURE_FIELD_BYTES_MAX} bytes");
            return Malformed::because(text);
        }
    }
    let dictionary: Dictionary =
        Parser::new(&text).parse().map_err(|error| Malformed(format!("`{name}`: {error}").into()))?;
    let members = Parser::new(&text).parse_dictionary_with_visitor(Count(0)).unwrap_or_default();
    if members != dictionary.len() {
        return Malformed::because(format!("`{name}` has a member twice"));
    }
    Ok(dictionary)
}

/// Counts the members of a dictionary, repeated ones too.
struct Count(usize);

impl<'de> DictionaryVisitor<'de> for Count {
    type Out = usize;
    type Error = std::convert::Infallible;

    fn entry(&mut self, _: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Self::Error> {
        self.0 += 1;
        Ok(Ignored)
    }

    fn finish(self) -> Result<usize, Self::Error> {
        Ok(self.0)
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    if lines.next().is_some() { None } else { first.to_str().ok() }
}
