//! Hash tiles as in C2SP tlog-tiles: the tree cut into rows of 256 hashes.
//!
//! The tile `(level, tile)` holds the hashes of the complete subtrees of `256^level` leaves with the numbers
//! `256·tile ..`. A full tile never changes; each level has at most one partial tile, at the right edge.

use crate::tree::{Digest, complete_hash, complete_parts, root_of_parts};

/// Hashes in a full tile.
pub const TILE_HASHES: usize = 256;
/// `log2` of [`TILE_HASHES`].
const TILE_BITS: u32 = 8;
/// Levels that a tree of 64-bit size can have.
const LEVELS_MAX: usize = 8;

/// A tile and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// 0 for leaves; each level above has a 256th of the hashes.
    pub level: u32,
    /// Number of the tile at its level.
    pub index: u64,
    /// 1 to 256 hashes.
    pub hashes: Vec<Digest>,
}

impl Tile {
    /// The hashes, one after the other, as C2SP serves and the database stores them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.0).collect()
    }

    /// Where C2SP tlog-tiles serves it, as `tile/0/x001/234.p/17`.
    pub fn path(&self) -> String {
        let partial = match self.hashes.len() {
            TILE_HASHES => String::new(),
            width => format!(".p/{width}"),
        };
        let mut number = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        format!("tile/{}/{number}{partial}", self.level)
    }
}

/// Splits stored bytes into hashes; `None` when they are not whole hashes or more than a tile has.
pub fn hashes_from_bytes(bytes: &[u8]) -> Option<Vec<Digest>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() <= TILE_HASHES)
        .then(|| hashes.iter().map(|hash| Digest(*hash)).collect())
}

/// Which part of which tile holds a complete subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodePlace {
    pub level: u32,
    pub tile: u64,
    pub first: usize,
    pub count: usize,
}

impl NodePlace {
    /// Where the complete subtree `index` of height `height` is.
    pub(crate) fn of(height: u32, index: u64) -> NodePlace {
        let inside = height % TILE_BITS;
        let first = index << inside;
        NodePlace {
            level: height / TILE_BITS,
            tile: first >> TILE_BITS,
            first: (first & 0xFF) as usize,
            count: 1 << inside,
        }
    }

    /// The subtree's hash from the tile's hashes; `None` when the tile is too short.
    pub(crate) fn read(&self, hashes: &[Digest]) -> Option<Digest> {
        hashes.get(self.first..self.first + self.count).map(complete_hash)
    }
}

/// The right edge of a tiled tree: what is needed to add leaves and to know the root.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    size: u64,
    levels: [Vec<Digest>; LEVELS_MAX],
    full: Vec<Tile>,
}

impl Edge {
    /// The partial tiles that a tree of `size` has: (level, tile, hashes in it), lowest level first.
    pub fn partial_tiles(size: u64) -> impl Iterator<Item = (u32, u64, usize)> {
        (0..).take(LEVELS_MAX).map(move |level| (level, size >> (TILE_BITS * level))).filter_map(
            |(level, hashes)| {
                let width = (hashes & 0xFF) as usize;
                (width > 0).then_some((level, hashes >> TILE_BITS, width))
            },
        )
    }

    /// An edge from the partial tiles that [`Edge::partial_tiles`] names. `read` gives the hashes of one of them.
    ///
    /// # Errors
    /// Those of `read`; `damaged(level, tile)` when a tile has too few hashes. A tile may have more than is needed:
    /// the rest is ignored.
    pub fn load<E>(
        size: u64,
        mut read: impl FnMut(u32, u64) -> Result<Vec<Digest>, E>,
        damaged: impl Fn(u32, u64) -> E,
    ) -> Result<Edge, E> {
        let mut edge = Edge { size, ..Edge::default() };
        for (level, tile, width) in Edge::partial_tiles(size) {
            let mut hashes = read(level, tile)?;
            if hashes.len() < width {
                return Err(damaged(level, tile));
            }
            hashes.truncate(width);
            if let Some(row) = edge.levels.get_mut(level as usize) {
                *row = hashes;
            }
        }
        Ok(edge)
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Digest) {
        let index = self.size;
        self.size += 1;
        let mut carry = leaf;
        for (level, row) in (0u32..).zip(&mut self.levels) {
            row.push(carry);
            if row.len() < TILE_HASHES {
                return;
            }
            let hashes = std::mem::take(row);
            carry = complete_hash(&hashes);
            let tile = index.checked_shr(TILE_BITS * (level + 1)).unwrap_or(0);
            self.full.push(Tile { level, index: tile, hashes });
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root at this size.
    pub fn root(&self) -> Digest {
        let mut parts = Vec::new();
        for row in self.levels.iter().rev() {
            complete_parts(row, &mut parts);
        }
        root_of_parts(&parts)
    }

    /// The tiles filled since the last call.
    pub fn take_full_tiles(&mut self) -> Vec<Tile> {
        std::mem::take(&mut self.full)
    }

    /// The partial tiles at this size.
    pub fn edge_tiles(&self) -> Vec<Tile> {
        Edge::partial_tiles(self.size)
            .map(|(level, index, _)| {
                let hashes = self.levels.get(level as usize).cloned().unwrap_or_default();
                Tile { level, index, hashes }
            })
            .collect()
    }
}
