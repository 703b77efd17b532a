//! Reads the part of CBOR (RFC 8949) that authenticators write: integers, strings, arrays and maps of a length that is
//! said beforehand (CTAP 2.1 §8, canonical form). What else there is, is stepped over or refused.

/// How deep arrays and maps may nest; CTAP allows four, certificates in an attestation need no more.
const DEPTH_MAX: u8 = 8;

/// One item. Arrays and maps say how many items or pairs follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(u64),
    Map(u64),
    /// A tag, followed by one item.
    Tag,
    /// True, false, null, or a number with a fraction.
    Simple,
}

/// A place in bytes that are read from front to back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes so many bytes as they are.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes as many bytes as the array holds.
    pub(super) fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// Takes the next item; of an array or map, its head alone.
    pub(super) fn item(&mut self) -> Option<Item<'a>> {
        let [head] = self.take_array()?;
        let (major, info) = (head >> 5, head & 0x1f);
        let value = self.argument(info)?;
        let length = || usize::try_from(value).ok();
        Some(match major {
            0 => Item::Int(i64::try_from(value).ok()?),
            1 => Item::Int(-1 - i64::try_from(value).ok()?),
            2 => Item::Bytes(self.take(length()?)?),
            3 => Item::Text(std::str::from_utf8(self.take(length()?)?).ok()?),
            4 => Item::Array(value),
            5 => Item::Map(value),
            6 => Item::Tag,
            _ => Item::Simple,
        })
    }

    /// Steps over one whole item and gives its bytes.
    pub(super) fn skip(&mut self) -> Option<&'a [u8]> {
        let begun = self.rest;
        self.skip_within(DEPTH_MAX)?;
        begun.get(..begun.len() - self.rest.len())
    }

    fn skip_within(&mut self, depth: u8) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let inner = match self.item()? {
            Item::Array(items) => items,
            Item::Map(pairs) => pairs.checked_mul(2)?,
            Item::Tag => 1,
            Item::Int(_) | Item::Bytes(_) | Item::Text(_) | Item::Simple => 0,
        };
        // Each item takes at least a byte, so a promised length that is not there ends at once.
        (inner <= self.rest.len() as u64).then_some(())?;
        (0..inner).try_for_each(|_| self.skip_within(depth))
    }

    /// The number in the head of an item: its value, or its length. Lengths that are not said (31) are refused.
    fn argument(&mut self, info: u8) -> Option<u64> {
        Some(match info {
            0..=23 => u64::from(info),
            24 => u64::from(u8::from_be_bytes(self.take_array()?)),
            25 => u64::from(u16::from_be_bytes(self.take_array()?)),
            26 => u64::from(u32::from_be_bytes(self.take_array()?)),
            27 => u64::from_be_bytes(self.take_array()?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expect: Option<Item<'_>>) {
        assert_eq!(Reader::new(bytes).item(), expect, "{bytes:02x?}");
    }

    #[test]
    fn items_are_read_as_rfc_8949_appendix_a_writes_them() {
        check(&[0x00], Some(Item::Int(0)));
        check(&[0x17], Some(Item::Int(23)));
        check(&[0x18, 0x64], Some(Item::Int(100)));
        check(&[0x19, 0x03, 0xe8], Some(Item::Int(1000)));
        check(&[0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0], Some(Item::Int(1_000_000_000_000)));
        check(&[0x20], Some(Item::Int(-1)));
        check(&[0x39, 0x03, 0xe7], Some(Item::Int(-1000)));
        check(&[0x44, 1, 2, 3, 4], Some(Item::Bytes(&[1, 2, 3, 4])));
        check(&[0x64, 0x49, 0x45, 0x54, 0x46], Some(Item::Text("IETF")));
        check(&[0x83], Some(Item::Array(3)));
        check(&[0xa2], Some(Item::Map(2)));
        check(&[0xf5], Some(Item::Simple));
    }

    #[test]
    fn what_is_cut_off_or_has_no_length_is_refused() {
        for bytes in
            [&[][..], &[0x18], &[0x44, 1, 2, 3], &[0x5f, 0x41, 1, 0xff], &[0x1f], &[0x62, 0xc3, 0x28]]
        {
            check(bytes, None);
        }
        check(&[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], None);
    }

    #[test]
    fn a_whole_item_is_stepped_over_and_a_promise_of_billions_ends_at_once() {
        let mut reader = Reader::new(&[0xa1, 0x01, 0x82, 0x02, 0x03, 0x07]);
        assert_eq!(reader.skip(), Some(&[0xa1, 0x01, 0x82, 0x02, 0x03][..]));
        assert_eq!(reader.rest(), &[0x07]);
        assert_eq!(Reader::new(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).skip(), None);
        assert_eq!(Reader::new(&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).skip(), None);
        assert!(Reader::new(&[[0x81].repeat(7), vec![0]].concat()).skip().is_some());
        assert!(Reader::new(&[[0x81].repeat(8), vec![0]].concat()).skip().is_none());
    }
}
