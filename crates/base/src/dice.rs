//! Chance as a value: the system's secure source, or a seeded one that replays a day.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of random bytes. Clones share it.
#[derive(Clone, Debug)]
pub enum Dice {
    /// The cryptographic source of the process. The only one used outside tests.
    System,
    /// A predictable sequence from a seed. Loud name: nothing secret may come from it outside tests.
    PredictableForTests(Arc<AtomicU64>),
}

impl Dice {
    /// A predictable source for tests and simulations.
    pub fn predictable_for_tests(seed: u64) -> Dice {
        Dice::PredictableForTests(Arc::new(AtomicU64::new(seed)))
    }

    /// Fills `out` with random bytes.
    ///
    /// # Panics
    /// When the system's random source fails, since nothing safe can be done without it.
    pub fn fill(&self, out: &mut [u8]) {
        match self {
            Dice::System => {
                assert!(aws_lc_rs::rand::fill(out).is_ok(), "the system's random source failed");
            }
            Dice::PredictableForTests(state) => {
                for chunk in out.chunks_mut(8) {
                    let word = split_mix(state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst));
                    for (to, from) in chunk.iter_mut().zip(word.to_le_bytes()) {
                        *to = from;
                    }
                }
            }
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0u8; N];
        self.fill(&mut out);
        out
    }

    /// A uniform number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let zone = u64::MAX - u64::MAX % bound;
        loop {
            let word = u64::from_le_bytes(self.bytes());
            if word < zone {
                return word % bound;
            }
        }
    }
}

/// SplitMix64's output function (Steele, Lea, Flood 2014).
fn split_mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays() {
        let (one, two) = (Dice::predictable_for_tests(7), Dice::predictable_for_tests(7));
        assert_eq!(one.bytes::<20>(), two.bytes::<20>());
    }

    #[test]
    fn below_stays_below() {
        let dice = Dice::predictable_for_tests(1);
        assert!((0..1000).all(|_| dice.below(7) < 7));
        assert_eq!(dice.below(0), 0);
    }

    #[test]
    fn system_dice_do_not_repeat() {
        assert_ne!(Dice::System.bytes::<16>(), Dice::System.bytes::<16>());
    }
}
