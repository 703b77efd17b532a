//! What is left of keys in memory once they are dropped (CR-7): the heap of this very process is searched for their bytes.
//!
//! What is searched for is held masked, so that the search does not find itself. Stacks are left out: they hold what was
//! passed by value until the next call takes the place.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use base::{Dice, Secret, ShopId, Timestamp};
use store::testing::Scratch;
use vault::{Place, RootKey, Vault, VaultError};

const NOW: Timestamp = Timestamp(1_772_357_400_000);
const NAME: Place<'static> = Place { table: "buyers", column: "name", row: "r1" };
const MASK: u8 = 0xA5;
const CHUNK_BYTES: usize = 1 << 20;
/// Fewer bytes of a key found together do not count: an allocator writes its own notes into what was given back.
const PART_BYTES: usize = 16;

/// The part of a value behind those notes, masked.
fn mask(value: &[u8]) -> Vec<u8> {
    value[value.len() - PART_BYTES..].iter().map(|byte| byte ^ MASK).collect()
}

/// The first key that these dice give, masked: its bytes, and its hexadecimal digits.
#[inline(never)]
fn first_key(seed: u64) -> (Vec<u8>, Vec<u8>) {
    let key: [u8; 32] = Dice::predictable_for_tests(seed).bytes();
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
    let tail = &key[key.len() - PART_BYTES / 2..];
    let digits = tail.iter().flat_map(|byte| [digit(byte >> 4) ^ MASK, digit(byte & 15) ^ MASK]);
    (mask(&key), digits.collect())
}

/// Where the stacks of all threads are now: a thread that waits tells it in the kernel's note of its call, so each is
/// looked at until it waits.
fn stack_pointers() -> Vec<usize> {
    let here = 0u8;
    let mut found = vec![std::ptr::from_ref(&here).addr()];
    let own = fs::read_link("/proc/thread-self").unwrap();
    for task in fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap) {
        let is_own = own.file_name() == Some(&task.file_name());
        for _ in 0..if is_own { 0 } else { 2_000 } {
            let call = fs::read_to_string(task.path().join("syscall")).unwrap_or_default();
            let pointer = call.split_whitespace().rev().nth(1).and_then(|text| text.strip_prefix("0x"));
            if let Some(pointer) = pointer.and_then(|text| usize::from_str_radix(text, 16).ok()) {
                found.push(pointer);
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    found
}

/// Bytes of the page that nobody may touch below the stack of a thread.
const GUARD_BYTES: usize = 4096;

/// The heap: what is written and read, belongs to no file and is no stack. Above a guard page lies the stack of a thread, also
/// of one that has ended: it is kept for the next, with what was on it. And a thread that finds no processor for long tells
/// no pointer.
fn heap() -> Vec<Range<usize>> {
    let (mut found, stacks, mut guarded) = (Vec::new(), stack_pointers(), 0);
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let (start, end) = parts[0].split_once('-').unwrap();
        let of = |text| usize::from_str_radix(text, 16).unwrap();
        let range = of(start)..of(end);
        if parts[1].starts_with("---") && range.len() == GUARD_BYTES {
            guarded = range.end;
        }
        let is_heap = matches!(parts.get(5), None | Some(&"[heap]")) && range.start != guarded;
        if parts[1].starts_with("rw") && is_heap && !stacks.iter().any(|at| range.contains(at)) {
            found.push(range);
        }
    }
    found
}

/// A search that was prepared: it allocates nothing any more, so it takes no place that was just given back.
struct Search {
    memory: File,
    heap: Vec<Range<usize>>,
    chunk: Vec<u8>,
}

impl Search {
    fn prepare() -> Search {
        let chunk = vec![0; CHUNK_BYTES];
        Search { memory: File::open("/proc/self/mem").unwrap(), heap: heap(), chunk }
    }

    /// How often a masked value stands in the heap.
    fn count(&mut self, masked: &[u8]) -> usize {
        let own = self.chunk.as_ptr().addr()..self.chunk.as_ptr().addr() + CHUNK_BYTES;
        let mut found = 0;
        for range in &self.heap {
            let mut at = range.start;
            while at + masked.len() <= range.end {
                let want = CHUNK_BYTES.min(range.end - at);
                let Ok(read) = self.memory.read_at(&mut self.chunk[..want], at as u64) else { break };
                let looked = self.chunk[..read].windows(masked.len()).enumerate();
                let hits = looked.filter(|(offset, window)| {
                    let is_it = window.iter().zip(masked).all(|(byte, masked)| byte ^ MASK == *masked);
                    is_it && !own.contains(&(at + offset))
                });
                found += hits.count();
                at += if want == CHUNK_BYTES { want - masked.len() + 1 } else { want };
            }
        }
        found
    }
}

#[test]
fn cr_7_a_data_key_is_cleared_from_memory_when_it_is_dropped() {
    let data_key = first_key(22).0;
    let scratch = Scratch::file();
    let db = scratch.open(&[audit::MIGRATIONS, vault::MIGRATIONS].concat()).unwrap();
    let root = RootKey::from_bytes([1; 32]);
    let vault = Arc::new(Vault::start(&db, &root, NOW, &Dice::System).unwrap());
    let shared = Arc::clone(&vault);
    let key = db.write_blocking(move |tx| {
        shared.data_key(tx, ShopId::HOUSE, "buy_1", NOW, &Dice::predictable_for_tests(22))
    });
    let key = key.unwrap();
    let sealed = key.seal(&NAME, &Secret::new("Li".to_owned()), &Dice::System).unwrap();
    let mut search = Search::prepare();
    assert!(search.count(&data_key) > 0, "the search finds a key that is in use");
    drop(key);
    assert_eq!(search.count(&data_key), 0, "a data key that nobody holds is gone");
    let read = db.read_blocking(|tx| {
        let key = vault.find_data_key(tx, ShopId::HOUSE, "buy_1")?;
        assert_eq!(key.open(&NAME, &sealed)?.expose(), "Li");
        let mut search = Search::prepare();
        assert!(search.count(&data_key) > 0);
        drop(key);
        Ok::<_, VaultError>(search.count(&data_key))
    });
    assert_eq!(read, Ok(0), "also after it was unwrapped once more");
}

#[test]
fn cr_7_key_encryption_keys_are_cleared_from_memory_with_their_vault() {
    let root = RootKey::from_bytes([1; 32]);
    for seed in 100..104 {
        let kek = first_key(seed).0;
        let scratch = Scratch::file();
        let db = scratch.open(&[audit::MIGRATIONS, vault::MIGRATIONS].concat()).unwrap();
        let vault = Arc::new(Vault::start(&db, &root, NOW, &Dice::predictable_for_tests(seed)).unwrap());
        let mut search = Search::prepare();
        assert!(search.count(&kek) > 0, "the search finds the key of a vault that is open");
        drop(vault);
        assert_eq!(search.count(&kek), 0, "seed {seed}: a copy outlives its vault");
        let again = Arc::new(Vault::start(&db, &root, NOW, &Dice::System).unwrap());
        assert!(Search::prepare().count(&kek) > 0);
        drop(again);
        assert_eq!(
            Search::prepare().count(&kek),
            0,
            "seed {seed}: a copy outlives the vault that was opened again"
        );
    }
}

#[test]
fn cr_7_a_root_key_and_the_text_of_its_file_are_cleared_from_memory() {
    let (bytes, digits) = first_key(23);
    let folder = tempfile::tempdir().unwrap();
    let (path, data) = (folder.path().join("root.key"), folder.path().join("data"));
    let dice = Dice::predictable_for_tests(23);
    let mut search = Search::prepare();
    let made = Box::new(RootKey::create(&path, &data, &dice).unwrap());
    assert!(search.count(&bytes) > 0, "the search finds a key that is in use");
    drop(made);
    assert_eq!((search.count(&bytes), search.count(&digits)), (0, 0), "made and written");
    drop(Box::new(RootKey::load(&path, &data).unwrap()));
    assert_eq!((search.count(&bytes), search.count(&digits)), (0, 0), "and read");
}

#[test]
fn cr_7_a_secret_text_is_cleared_from_memory_when_it_is_dropped() {
    let masked: Vec<u8> = (0..64u8).map(|at| (b'a' + at % 23) ^ MASK).collect();
    let text = masked.iter().map(|byte| byte ^ MASK).collect::<Vec<u8>>();
    let secret = Secret::new(String::from_utf8(text).unwrap());
    let mut search = Search::prepare();
    let part = &masked[masked.len() - PART_BYTES..];
    assert!(search.count(part) > 0, "the search finds it while it is held");
    drop(secret);
    assert_eq!(search.count(part), 0);
}
