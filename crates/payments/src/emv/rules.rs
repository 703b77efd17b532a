//! What each object of a payload may hold (EMVCo MPM v1.1, tables 3.3 to 3.8), requirements QR-4 to QR-8.

use super::{
    AMOUNT_CHARS_MAX, CITY_CHARS_MAX, DataObject, EmvError, GUID_CHARS_MAX, LABEL_CHARS_MAX, NAME_CHARS_MAX,
    POSTAL_CHARS_MAX, Place, is_account_template,
};

type Check = fn(&str) -> bool;

const MANDATORY: [u8; 6] = [0, 52, 53, 58, 59, 60];
const TAX_ID_CHARS_MAX: usize = 20;
const CHANNEL_CHARS: usize = 3;

pub(super) fn check_all(objects: &[DataObject]) -> Result<(), EmvError> {
    for object in objects {
        check_object(object)?;
    }
    for id in MANDATORY {
        if !has(objects, id) {
            return Err(EmvError::Missing { place: Place { id, part: None } });
        }
    }
    if !objects.iter().any(|object| (2..=51).contains(&object.id)) {
        return Err(EmvError::NoAccount);
    }
    check_tip(objects)
}

fn check_object(object: &DataObject) -> Result<(), EmvError> {
    let place = Place { id: object.id, part: None };
    if let Some((check, rule)) = rule_of(object.id) {
        hold(object, place, check, rule)?;
    }
    match object.id {
        62 => check_parts(object, additional_rule_of),
        64 => check_language(object),
        id if is_account_template(id) || id >= 80 => check_guid(object),
        _ => Ok(()),
    }
}

fn rule_of(id: u8) -> Option<(Check, &'static str)> {
    Some(match id {
        0 => (|v| v == "01", "`01`"),
        1 => (|v| v == "11" || v == "12", "`11` (static) or `12` (dynamic)"),
        52 => (|v| v.len() == 4 && digits(v), "four digits"),
        53 => (|v| v.len() == 3 && digits(v), "the three digits of an ISO 4217 currency"),
        54 | 56 => (amount, "an amount above zero: 1 to 13 digits with at most one point"),
        55 => (|v| matches!(v, "01" | "02" | "03"), "`01`, `02` or `03`"),
        57 => (percentage, "a percentage from `00.01` to `99.99`"),
        58 => (|v| v.len() == 2 && v.bytes().all(|b| b.is_ascii_uppercase()), "two upper-case letters"),
        59 => (|v| text(v, NAME_CHARS_MAX), "a name of at most 25 printable characters"),
        60 => (|v| text(v, CITY_CHARS_MAX), "a city of at most 15 printable characters"),
        61 => (|v| text(v, POSTAL_CHARS_MAX), "a postal code of at most 10 printable characters"),
        _ => return None,
    })
}

fn additional_rule_of(part: u8) -> Option<(Check, &'static str)> {
    Some(match part {
        1..=8 => (|v| text(v, LABEL_CHARS_MAX), "at most 25 printable characters"),
        9 => (consumer_data, "`A`, `M` and `E`, each at most once"),
        10 => (|v| text(v, TAX_ID_CHARS_MAX), "at most 20 printable characters"),
        11 => (|v| v.chars().count() == CHANNEL_CHARS, "three characters"),
        _ => return None,
    })
}

fn language_rule_of(part: u8) -> Option<(Check, &'static str)> {
    Some(match part {
        0 => {
            (|v| v.len() == 2 && v.bytes().all(|b| b.is_ascii_alphabetic()), "the two letters of a language")
        }
        1 => (|v| text(v, NAME_CHARS_MAX), "a name of at most 25 printable characters"),
        2 => (|v| text(v, CITY_CHARS_MAX), "a city of at most 15 printable characters"),
        _ => return None,
    })
}

fn check_parts(
    object: &DataObject,
    rule_of: fn(u8) -> Option<(Check, &'static str)>,
) -> Result<(), EmvError> {
    for part in &object.parts {
        if let Some((check, rule)) = rule_of(part.id) {
            hold(part, Place { id: object.id, part: Some(part.id) }, check, rule)?;
        }
    }
    Ok(())
}

fn check_language(object: &DataObject) -> Result<(), EmvError> {
    for part in [0, 1] {
        if !has(&object.parts, part) {
            return Err(EmvError::Missing { place: Place { id: object.id, part: Some(part) } });
        }
    }
    check_parts(object, language_rule_of)
}

/// Templates of a payment system begin with the identifier of whose they are.
fn check_guid(object: &DataObject) -> Result<(), EmvError> {
    let place = Place { id: object.id, part: Some(0) };
    match object.parts.first() {
        Some(first) if first.id == 0 => hold(
            first,
            place,
            |v| text(v, GUID_CHARS_MAX),
            "an identifier of at most 32 printable characters",
        ),
        Some(first) => Err(EmvError::Value { place, at: first.at, rule: "the first object of its template" }),
        None => Err(EmvError::Missing { place }),
    }
}

fn check_tip(objects: &[DataObject]) -> Result<(), EmvError> {
    let indicator = objects.iter().find(|object| object.id == 55).map_or("", DataObject::value);
    let rule = match (indicator, has(objects, 56), has(objects, 57)) {
        ("02", true, false) | ("03", false, true) | ("" | "01", false, false) => return Ok(()),
        ("02", false, _) => "`55` of `02` needs the fee `56`",
        ("03", _, false) => "`55` of `03` needs the percentage `57`",
        (_, true, _) => "`56` needs `55` to be `02`",
        _ => "`57` needs `55` to be `03`",
    };
    Err(EmvError::Tip { rule })
}

fn hold(object: &DataObject, place: Place, check: Check, rule: &'static str) -> Result<(), EmvError> {
    if check(&object.value) { Ok(()) } else { Err(EmvError::Value { place, at: object.at, rule }) }
}

fn has(objects: &[DataObject], id: u8) -> bool {
    objects.iter().any(|object| object.id == id)
}

fn digits(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_digit())
}

fn text(value: &str, max: usize) -> bool {
    value.chars().count() <= max && !value.chars().any(char::is_control)
}

/// Digits, then at most one point and more digits; not zero.
fn amount(value: &str) -> bool {
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let formed = value.len() <= AMOUNT_CHARS_MAX && !whole.is_empty() && digits(whole) && digits(part);
    formed && value.bytes().any(|b| (b'1'..=b'9').contains(&b))
}

fn percentage(value: &str) -> bool {
    value.len() == 5 && value.as_bytes().get(2) == Some(&b'.') && amount(value)
}

fn consumer_data(value: &str) -> bool {
    let once = |c| value.matches(c).count() <= 1;
    value.chars().all(|c| "AME".contains(c)) && once('A') && once('M') && once('E')
}
