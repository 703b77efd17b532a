//! What is kept of a passkey, sealed in its row: `1 ‖ state (1) ‖ counter (4) ‖ length of the id (2) ‖ id ‖ public key`,
//! numbers big-endian.

use base::Secret;

use super::cbor::Reader;
use super::ceremony::{KnownKey, MadeKey, UseState};
use crate::context::Fault;

const FORMAT: u8 = 1;
const BACKUP_ELIGIBLE: u8 = 1;
const BACKED_UP: u8 = 1 << 1;
const COPIED: u8 = 1 << 2;

/// A passkey as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptKey {
    pub id: Vec<u8>,
    pub cose: Vec<u8>,
    pub use_state: UseState,
    /// Whether it counted backwards once, and is refused since.
    pub copied: bool,
}

impl KeptKey {
    pub(super) fn of(made: MadeKey) -> KeptKey {
        KeptKey { id: made.id, cose: made.cose, use_state: made.use_state, copied: false }
    }

    pub(super) fn known(&self) -> KnownKey<'_> {
        KnownKey { cose: &self.cose, use_state: self.use_state }
    }

    pub(super) fn write(&self) -> Secret<Vec<u8>> {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let state = flag(self.use_state.backup_eligible, BACKUP_ELIGIBLE)
            | flag(self.use_state.backed_up, BACKED_UP)
            | flag(self.copied, COPIED);
        // INVARIANT: an id has at most 1,023 bytes.
        let length = u16::try_from(self.id.len()).unwrap_or(u16::MAX);
        let mut bytes = vec![FORMAT, state];
        bytes.extend_from_slice(&self.use_state.counter.to_be_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.cose);
        Secret::new(bytes)
    }

    pub(super) fn read(secret: &Secret<Vec<u8>>) -> Result<KeptKey, Fault> {
        KeptKey::read_bytes(secret.expose()).ok_or(Fault::Row("passkey"))
    }

    fn read_bytes(bytes: &[u8]) -> Option<KeptKey> {
        let mut reader = Reader::new(bytes);
        let [format, state] = reader.take_array()?;
        (format == FORMAT).then_some(())?;
        let counter = u32::from_be_bytes(reader.take_array()?);
        let length = u16::from_be_bytes(reader.take_array()?);
        let id = reader.take(usize::from(length))?.to_vec();
        let is = |flag: u8| state & flag != 0;
        let (backup_eligible, backed_up) = (is(BACKUP_ELIGIBLE), is(BACKED_UP));
        let use_state = UseState { counter, backup_eligible, backed_up };
        Some(KeptKey { id, cose: reader.rest().to_vec(), use_state, copied: is(COPIED) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_kept_is_read_back(
            id in prop::collection::vec(any::<u8>(), 1..1024),
            cose in prop::collection::vec(any::<u8>(), 0..600),
            counter in any::<u32>(),
            flags in any::<[bool; 3]>(),
        ) {
            let [backup_eligible, backed_up, copied] = flags;
            let use_state = UseState { counter, backup_eligible, backed_up };
            let kept = KeptKey { id, cose, use_state, copied };
            prop_assert_eq!(KeptKey::read(&kept.write()), Ok(kept));
        }

        #[test]
        fn other_bytes_are_a_fault_or_a_key_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = KeptKey::read(&Secret::new(bytes));
        }
    }
}
