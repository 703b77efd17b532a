//! The Merkle tree of RFC 6962: hashing, the frontier of a growing tree, proofs and their verification.
//!
//! Pure functions over hashes. Proof builders are told how to find the hash of a complete subtree and so work over
//! tiles in a database as well as over a list in memory. Nothing here knows entries, files or keys.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a SHA-256 value.
pub const DIGEST_BYTES: usize = 32;
/// Most hashes a proof for any 64-bit size can have; longer proofs are refused unread.
pub const PATH_HASHES_MAX: usize = 128;

/// A SHA-256 value: a leaf, a node or a root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; DIGEST_BYTES]);

impl Digest {
    /// From exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Digest> {
        bytes.try_into().ok().map(Digest)
    }

    /// From standard base64 (44 characters).
    pub fn from_base64(text: &str) -> Option<Digest> {
        STANDARD.decode(text).ok().and_then(|bytes| Digest::from_slice(&bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }
}

impl fmt::Display for Digest {
    /// Standard base64, as checkpoints write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::from_slice(digest::digest(&digest::SHA256, bytes).as_ref()).unwrap_or(Digest([0; DIGEST_BYTES]))
}

/// The hash of a leaf: `SHA-256(0x00 ‖ entry)` (RFC 6962 §2.1).
pub fn leaf_hash(entry: &[u8]) -> Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[0x00]);
    context.update(entry);
    Digest::from_slice(context.finish().as_ref()).unwrap_or(Digest([0; DIGEST_BYTES]))
}

/// The hash of a node: `SHA-256(0x01 ‖ left ‖ right)` (RFC 6962 §2.1).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [0x01; 1 + 2 * DIGEST_BYTES];
    for (to, from) in bytes.iter_mut().skip(1).zip(left.0.iter().chain(&right.0)) {
        *to = *from;
    }
    sha256(&bytes)
}

/// The root of the tree without leaves: `SHA-256()`.
pub fn empty_root() -> Digest {
    sha256(&[])
}

/// The root over complete subtrees of falling size, as in a frontier.
fn fold_roots(roots: &[Digest]) -> Digest {
    let mut newest_first = roots.iter().rev();
    let Some(last) = newest_first.next() else { return empty_root() };
    newest_first.fold(*last, |right, left| node_hash(left, &right))
}

/// The hash of a complete subtree over its `2^k` hashes.
pub(crate) fn complete_hash(hashes: &[Digest]) -> Digest {
    assert!(hashes.len().is_power_of_two(), "a complete subtree has a power of two of hashes");
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}

/// Splits `hashes` into complete subtrees of falling size and gives their hashes.
pub(crate) fn complete_parts(hashes: &[Digest], into: &mut Vec<Digest>) {
    let mut rest = hashes;
    while !rest.is_empty() {
        let take = 1usize << rest.len().ilog2();
        let (head, tail) = rest.split_at(take);
        into.push(complete_hash(head));
        rest = tail;
    }
}

/// A growing tree, kept as the hashes of the complete subtrees at its right edge: at most 64 hashes at any size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Digest>,
}

impl Frontier {
    /// A tree of `size` leaves from the hashes of its complete subtrees, largest first. `None` when their number does
    /// not fit the size.
    pub fn from_parts(size: u64, roots: Vec<Digest>) -> Option<Frontier> {
        (roots.len() == size.count_ones() as usize).then_some(Frontier { size, roots })
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Digest) {
        let mut right = leaf;
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.roots.pop() else { break };
            right = node_hash(&left, &right);
        }
        self.roots.push(right);
        self.size += 1;
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root at this size.
    pub fn root(&self) -> Digest {
        fold_roots(&self.roots)
    }

    /// The hashes of the complete subtrees, largest first.
    pub fn parts(&self) -> &[Digest] {
        &self.roots
    }
}

/// Where the complete subtrees of a tree of `size` are: (level, index at that level), largest first.
pub(crate) fn frontier_nodes(size: u64) -> impl Iterator<Item = (u32, u64)> {
    (0..64u32).rev().filter(move |level| size >> level & 1 == 1).map(move |level| {
        let before = if level == 63 { 0 } else { size >> (level + 1) << 1 };
        (level, before)
    })
}

/// The root over given complete subtrees, largest first.
pub(crate) fn root_of_parts(parts: &[Digest]) -> Digest {
    fold_roots(parts)
}

/// Largest power of two below `n`; `n` is at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// `MTH(D[low..high])` of RFC 6962, where the range is one that its recursion reaches.
fn range_hash<E>(
    low: u64,
    high: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Digest, E>,
) -> Result<Digest, E> {
    let count = high - low;
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return node(level, low >> level);
    }
    let middle = low + split(count);
    let left = range_hash(low, middle, node)?;
    let right = range_hash(middle, high, node)?;
    Ok(node_hash(&left, &right))
}

/// The root at `size`. `node(level, index)` gives the hash of the complete subtree over the leaves
/// `index·2^level .. (index+1)·2^level`.
///
/// # Errors
/// Those of `node`.
pub fn root_at<E>(size: u64, mut node: impl FnMut(u32, u64) -> Result<Digest, E>) -> Result<Digest, E> {
    if size == 0 { Ok(empty_root()) } else { range_hash(0, size, &mut node) }
}

/// The inclusion proof `PATH(position, D[size])` of RFC 6962 §2.1.1, nearest sibling first. `position < size`.
///
/// # Errors
/// Those of `node`; see [`root_at`] for it.
pub fn inclusion_path<E>(
    position: u64,
    size: u64,
    mut node: impl FnMut(u32, u64) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    assert!(position < size, "an inclusion proof is for a position inside the tree");
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if position < middle {
            path.push(range_hash(middle, high, &mut node)?);
            high = middle;
        } else {
            path.push(range_hash(low, middle, &mut node)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The consistency proof `PROOF(from, D[to])` of RFC 6962 §2.1.2. Empty when `from` is 0 or equals `to`.
///
/// # Errors
/// Those of `node`; see [`root_at`] for it.
pub fn consistency_path<E>(
    from: u64,
    to: u64,
    mut node: impl FnMut(u32, u64) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    assert!(from <= to, "a consistency proof goes from the smaller size to the larger");
    let mut path = Vec::new();
    if from == 0 {
        return Ok(path);
    }
    let (mut low, mut high, mut known_root) = (0, to, true);
    while from != high {
        let middle = low + split(high - low);
        if from <= middle {
            path.push(range_hash(middle, high, &mut node)?);
            high = middle;
        } else {
            path.push(range_hash(low, middle, &mut node)?);
            low = middle;
            known_root = false;
        }
    }
    if !known_root {
        path.push(range_hash(low, high, &mut node)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether `path` proves that `leaf` is at `position` of the tree of `size` with `root` (RFC 9162 §2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: &Digest, position: u64, size: u64, path: &[Digest], root: &Digest) -> bool {
    if position >= size || path.len() > PATH_HASHES_MAX {
        return false;
    }
    let (mut index, mut last, mut hash) = (position, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            hash = node_hash(sibling, &hash);
            skip_lone_levels(&mut index, &mut last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `path` proves that the tree of size `from` is the beginning of the tree of size `to`
/// (RFC 9162 §2.1.4.2). The empty tree is the beginning of every tree.
#[must_use]
pub fn verify_consistency(from: u64, to: u64, path: &[Digest], from_root: &Digest, to_root: &Digest) -> bool {
    if from == 0 || from == to {
        let same = from != to || from_root == to_root;
        return path.is_empty() && same && (from != 0 || *from_root == empty_root());
    }
    if from > to || path.len() > PATH_HASHES_MAX {
        return false;
    }
    let mut hashes = from.is_power_of_two().then_some(from_root).into_iter().chain(path);
    let Some(start) = hashes.next() else { return false };
    let shift = (from - 1).trailing_ones();
    let (mut index, mut last) = ((from - 1) >> shift, (to - 1) >> shift);
    let (mut old, mut new) = (*start, *start);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            skip_lone_levels(&mut index, &mut last);
        } else {
            new = node_hash(&new, hash);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && old == *from_root && new == *to_root
}

/// Goes up the levels at which the node on the right edge has no sibling.
fn skip_lone_levels(index: &mut u64, last: &mut u64) {
    while *index & 1 == 0 && *index != 0 {
        *index >>= 1;
        *last >>= 1;
    }
}
