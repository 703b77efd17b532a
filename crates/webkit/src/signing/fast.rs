//! Reads the exact form our own signer writes, without building structured fields. Anything else is left to the
//! general reader; what is accepted here reads alike there (`tests/it/signing.rs` holds that).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::component::{
    AUTHORITY, CONTENT_DIGEST, CONTENT_TYPE, Component, IDEMPOTENCY_KEY, METHOD, PATH, QUERY,
};
use super::read::{Components, Params, Presented};
use crate::limits::SIGNATURE_FIELD_BYTES_MAX;

/// What a request without a body covers.
pub(super) static READ: [Component; 4] = [METHOD, AUTHORITY, PATH, QUERY];
/// What a request with a body covers.
pub(super) static WRITE: [Component; 6] = [METHOD, AUTHORITY, PATH, QUERY, CONTENT_TYPE, CONTENT_DIGEST];
/// What a request with a body and an idempotency key covers.
pub(super) static WRITE_ONCE: [Component; 7] =
    [METHOD, AUTHORITY, PATH, QUERY, CONTENT_TYPE, CONTENT_DIGEST, IDEMPOTENCY_KEY];

/// The lists above as they are written, longest first.
pub(super) static KNOWN: [(&str, &[Component]); 3] = [
    (
        "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-type\" \"content-digest\" \"idempotency-key\")",
        &WRITE_ONCE,
    ),
    ("(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-type\" \"content-digest\")", &WRITE),
    ("(\"@method\" \"@authority\" \"@path\" \"@query\")", &READ),
];

/// Reads one signature with one label, a known list and plain parameters.
pub(super) fn read<'h>(input: &'h str, signature: &'h str) -> Option<Presented<'h>> {
    if input.len() > SIGNATURE_FIELD_BYTES_MAX || signature.len() > SIGNATURE_FIELD_BYTES_MAX {
        return None;
    }
    let (label, params_text) = input.split_once('=')?;
    let (other, encoded) = signature.split_once('=')?;
    if label != other || !is_plain_label(label) {
        return None;
    }
    let (rest, list) =
        KNOWN.iter().find_map(|(text, list)| Some((params_text.strip_prefix(text)?, *list)))?;
    let params = read_params(rest)?;
    let encoded = encoded.strip_prefix(':')?.strip_suffix(':')?;
    let signature = STANDARD.decode(encoded).ok()?;
    Some(Presented {
        label: Cow::Borrowed(label),
        components: Components::Known(list),
        params_text: Cow::Borrowed(params_text),
        params,
        signature,
    })
}

fn is_plain_label(label: &str) -> bool {
    label.starts_with(|c: char| c.is_ascii_lowercase())
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

/// Reads `;name=value` to the end; each of the six names at most once, no other.
fn read_params(mut rest: &str) -> Option<Params<'_>> {
    let mut params = Params::default();
    while !rest.is_empty() {
        let (name, value) = rest.strip_prefix(';')?.split_once('=')?;
        rest = match name {
            "created" => integer(value, &mut params.created)?,
            "expires" => integer(value, &mut params.expires)?,
            "nonce" => string(value, &mut params.nonce)?,
            "keyid" => string(value, &mut params.keyid)?,
            "alg" => string(value, &mut params.alg)?,
            "tag" => string(value, &mut params.tag)?,
            _ => return None,
        };
    }
    Some(params)
}

/// An integer of 1 to 15 digits, written without leading zeros.
fn integer<'h>(value: &'h str, slot: &mut Option<i64>) -> Option<&'h str> {
    let end = value.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
    let (digits, rest) = value.split_at_checked(end)?;
    let plain = (1..=15).contains(&end) && (end == 1 || !digits.starts_with('0'));
    if !plain || slot.is_some() {
        return None;
    }
    *slot = Some(digits.parse().ok()?);
    Some(rest)
}

/// A quoted string without escapes.
fn string<'h>(value: &'h str, slot: &mut Option<Cow<'h, str>>) -> Option<&'h str> {
    let inside = value.strip_prefix('"')?;
    let end = inside.bytes().position(|b| matches!(b, b'"' | b'\\') || !(0x20..0x7f).contains(&b))?;
    let (text, rest) = inside.split_at_checked(end)?;
    if slot.is_some() {
        return None;
    }
    *slot = Some(Cow::Borrowed(text));
    rest.strip_prefix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_lists_are_written_as_their_components() {
        for (text, list) in KNOWN {
            let written: Vec<_> = list.iter().map(Component::text).collect();
            assert_eq!(text, format!("({})", written.join(" ")));
        }
    }
}
