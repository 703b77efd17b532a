//! Cuts a payload into its objects and checks its CRC; knows nothing of what each object may hold.

use super::{DataObject, EmvError, PAYLOAD_READ_BYTES_MAX, Place, is_template};

/// CRC-16 with polynomial 0x1021, start 0xFFFF, no reflection (ISO/IEC 13239 as EMVCo uses it, CRC-16/IBM-3740).
static CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_IBM_3740);

const CRC_ID: u8 = 63;
const CRC_CHARS: usize = 4;

/// The CRC-16 of some bytes; `123456789` gives `29B1`.
pub fn crc16(bytes: &[u8]) -> u16 {
    CRC.checksum(bytes)
}

/// Cuts `bytes` into objects, the CRC checked and left out.
pub(super) fn read_payload(bytes: &[u8]) -> Result<Vec<DataObject>, EmvError> {
    if bytes.len() > PAYLOAD_READ_BYTES_MAX {
        return Err(EmvError::TooLong { size: bytes.len(), max: PAYLOAD_READ_BYTES_MAX });
    }
    let text =
        std::str::from_utf8(bytes).map_err(|fault| EmvError::NotText { bytes: fault.valid_up_to() })?;
    if text.is_empty() {
        return Err(EmvError::Empty);
    }
    if !text.starts_with("000201") {
        return Err(EmvError::NotFirst);
    }
    let mut cutter = Cutter { rest: text, at: 0, template: None };
    let mut objects = Vec::new();
    while let Some(object) = cutter.next(&objects)? {
        if object.id == CRC_ID {
            check_crc(text, &object, &cutter)?;
            return with_parts(objects);
        }
        objects.push(object);
    }
    Err(EmvError::Missing { place: Place { id: CRC_ID, part: None } })
}

fn check_crc(text: &str, object: &DataObject, cutter: &Cutter<'_>) -> Result<(), EmvError> {
    if !cutter.rest.is_empty() {
        return Err(EmvError::Trailing { at: cutter.at });
    }
    let form = EmvError::CrcForm { at: object.at + 4 };
    let hex = object.value.len() == CRC_CHARS && object.value.bytes().all(|b| b.is_ascii_hexdigit());
    if !hex {
        return Err(form);
    }
    let found = u16::from_str_radix(&object.value, 16).map_err(|_| form)?;
    let covered = text.len().saturating_sub(CRC_CHARS);
    let computed = crc16(text.as_bytes().get(..covered).unwrap_or_default());
    if found == computed { Ok(()) } else { Err(EmvError::Crc { found, computed }) }
}

fn with_parts(mut objects: Vec<DataObject>) -> Result<Vec<DataObject>, EmvError> {
    for object in objects.iter_mut().filter(|object| is_template(object.id)) {
        object.parts = read_parts(object.id, object.at + 4, &object.value)?;
    }
    Ok(objects)
}

/// Cuts the inside of a template; `at` counts the characters before it.
fn read_parts(template: u8, at: usize, value: &str) -> Result<Vec<DataObject>, EmvError> {
    let mut cutter = Cutter { rest: value, at, template: Some(template) };
    let mut parts = Vec::new();
    while let Some(part) = cutter.next(&parts)? {
        parts.push(part);
    }
    Ok(parts)
}

struct Cutter<'a> {
    rest: &'a str,
    at: usize,
    template: Option<u8>,
}

impl Cutter<'_> {
    /// The next object; `None` at the end. Refuses one that is in `before` already.
    fn next(&mut self, before: &[DataObject]) -> Result<Option<DataObject>, EmvError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.at;
        let id = self.two_digits()?;
        let length = usize::from(self.two_digits()?);
        let place = self.template.map_or(Place { id, part: None }, |t| Place { id: t, part: Some(id) });
        if length == 0 {
            return Err(EmvError::EmptyValue { place, at });
        }
        if before.iter().any(|object| object.id == id) {
            return Err(EmvError::Duplicate { place, at });
        }
        let value = self.take(length).map_err(|left| EmvError::Overrun { place, at, length, left })?;
        Ok(Some(DataObject { id, at, value, parts: Vec::new() }))
    }

    fn two_digits(&mut self) -> Result<u8, EmvError> {
        let at = self.at;
        let pair = self.take(2).map_err(|_| EmvError::NotDigits { at })?;
        if !pair.bytes().all(|b| b.is_ascii_digit()) {
            return Err(EmvError::NotDigits { at });
        }
        pair.parse().map_err(|_| EmvError::NotDigits { at })
    }

    /// Takes `count` characters, or says how many are left.
    fn take(&mut self, count: usize) -> Result<String, usize> {
        let end = match self.rest.char_indices().nth(count) {
            Some((end, _)) => end,
            None if self.rest.chars().count() == count => self.rest.len(),
            None => return Err(self.rest.chars().count()),
        };
        let (head, tail) = self.rest.split_at(end);
        self.rest = tail;
        self.at += count;
        Ok(head.to_owned())
    }
}
