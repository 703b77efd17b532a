//! AU-1, AU-3: hashing, proofs, tiles; against the vectors of certificate transparency, a slow reference that follows
//! RFC 6962's text, and the crate `ct-merkle`.

use audit::tiles::{Edge, TILE_HASHES, Tile};
use audit::tree::{
    Digest, Frontier, consistency_path, empty_root, inclusion_path, leaf_hash, node_hash, root_at,
    verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

const CT_LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const CT_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hex(digest: &Digest) -> String {
    digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 6962 §2.1, word for word.
fn slow_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&slow_root(left), &slow_root(right))
        }
    }
}

/// RFC 6962 §2.1.1.
fn slow_path(m: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if m < k {
        (slow_path(m, left), slow_root(right))
    } else {
        (slow_path(m - k, right), slow_root(left))
    };
    path.push(sibling);
    path
}

/// RFC 6962 §2.1.2.
fn slow_subproof(m: usize, leaves: &[Digest], complete: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if complete { Vec::new() } else { vec![slow_root(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut path, other) = if m <= k {
        (slow_subproof(m, left, complete), slow_root(right))
    } else {
        (slow_subproof(m - k, right, false), slow_root(left))
    };
    path.push(other);
    path
}

fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

/// Complete subtrees by height, as a reader of tiles finds them.
fn levels(leaves: &[Digest]) -> Vec<Vec<Digest>> {
    let mut levels = vec![leaves.to_vec()];
    while levels.last().unwrap().len() > 1 {
        let next = levels.last().unwrap().as_chunks::<2>().0.iter().map(|[l, r]| node_hash(l, r)).collect();
        levels.push(next);
    }
    levels
}

type Infallible = std::convert::Infallible;

fn node(levels: &[Vec<Digest>]) -> impl Fn(u32, u64) -> Result<Digest, Infallible> {
    move |height, index| Ok(levels[height as usize][usize::try_from(index).unwrap()])
}

fn flipped(digest: &Digest, bit: usize) -> Digest {
    let mut bytes = digest.0;
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Digest(bytes)
}

#[test]
fn au_1_roots_of_the_eight_ct_leaves() {
    let mut tree = Frontier::default();
    let mut edge = Edge::default();
    assert_eq!(hex(&tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, root) in CT_LEAVES.iter().zip(CT_ROOTS) {
        tree.push(leaf_hash(leaf));
        edge.push(leaf_hash(leaf));
        assert_eq!(hex(&tree.root()), root);
        assert_eq!(edge.root(), tree.root());
    }
}

#[test]
fn au_1_published_ct_proofs() {
    let all = levels(&CT_LEAVES.map(leaf_hash));
    let hexed = |path: Vec<Digest>| path.iter().map(hex).collect::<Vec<_>>();
    assert_eq!(
        hexed(inclusion_path(5, 8, node(&all)).unwrap()),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        hexed(consistency_path(6, 8, node(&all)).unwrap()),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        hexed(consistency_path(2, 5, node(&all)).unwrap()),
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ]
    );
}

#[test]
fn au_3_inclusion_holds_for_every_position_of_every_size_up_to_257() {
    let all = leaves(257);
    let table = levels(&all);
    for size in 1..=257u64 {
        let root = root_at(size, node(&table)).unwrap();
        assert_eq!(root, slow_root(&all[..size as usize]));
        for position in 0..size {
            let leaf = all[position as usize];
            let path = inclusion_path(position, size, node(&table)).unwrap();
            assert!(verify_inclusion(&leaf, position, size, &path, &root), "{position} of {size}");
            let bit = (position * 31 + size) as usize;
            assert!(!verify_inclusion(&flipped(&leaf, bit), position, size, &path, &root));
            assert!(!verify_inclusion(&leaf, position, size, &path, &flipped(&root, bit)));
            if !path.is_empty() {
                let place = bit % path.len();
                let mut bad = path.clone();
                bad[place] = flipped(&bad[place], bit);
                assert!(
                    !verify_inclusion(&leaf, position, size, &bad, &root),
                    "{position} of {size} at {place}"
                );
            }
            assert!(!verify_inclusion(&leaf, position + 1, size, &path, &root) || size == 1);
        }
    }
}

#[test]
fn au_3_consistency_holds_for_every_pair_of_sizes_up_to_257() {
    let all = leaves(257);
    let table = levels(&all);
    let roots: Vec<Digest> = (0..=257).map(|size| root_at(size, node(&table)).unwrap()).collect();
    for to in 0..=257u64 {
        for from in 0..=to {
            let (old, new) = (roots[from as usize], roots[to as usize]);
            let path = consistency_path(from, to, node(&table)).unwrap();
            assert!(verify_consistency(from, to, &path, &old, &new), "{from} to {to}");
            let bit = (from * 17 + to) as usize;
            assert!(!verify_consistency(from, to, &path, &flipped(&old, bit), &new), "{from} to {to}");
            assert!(
                !verify_consistency(from, to, &path, &old, &flipped(&new, bit)) || from == 0,
                "{from} to {to}"
            );
            if !path.is_empty() {
                let place = bit % path.len();
                let mut bad = path.clone();
                bad[place] = flipped(&bad[place], bit);
                assert!(!verify_consistency(from, to, &bad, &old, &new), "{from} to {to} at {place}");
            }
            let mut longer = path.clone();
            longer.push(old);
            assert!(!verify_consistency(from, to, &longer, &old, &new), "{from} to {to}");
        }
    }
}

#[test]
fn au_3_every_flipped_bit_of_a_proof_is_found() {
    let all = leaves(200);
    let table = levels(&all);
    let root = root_at(200, node(&table)).unwrap();
    let path = inclusion_path(77, 200, node(&table)).unwrap();
    for place in 0..path.len() {
        for bit in 0..256 {
            let mut bad = path.clone();
            bad[place] = flipped(&bad[place], bit);
            assert!(!verify_inclusion(&all[77], 77, 200, &bad, &root));
        }
    }
    for other in (0..200).filter(|other| *other != 77) {
        assert!(!verify_inclusion(&all[77], other, 200, &path, &root));
    }
    let old = root_at(77, node(&table)).unwrap();
    let path = consistency_path(77, 200, node(&table)).unwrap();
    for place in 0..path.len() {
        for bit in 0..256 {
            let mut bad = path.clone();
            bad[place] = flipped(&bad[place], bit);
            assert!(!verify_consistency(77, 200, &bad, &old, &root));
        }
    }
}

#[test]
fn au_3_paths_are_those_of_the_slow_reference() {
    let all = leaves(300);
    let table = levels(&all);
    for size in (1..=40).chain([255, 256, 257, 300]) {
        for position in (0..size).step_by(if size > 40 { 13 } else { 1 }) {
            let slow = slow_path(position as usize, &all[..size as usize]);
            assert_eq!(inclusion_path(position, size, node(&table)).unwrap(), slow);
            let slow = slow_subproof(position as usize + 1, &all[..size as usize], true);
            assert_eq!(consistency_path(position + 1, size, node(&table)).unwrap(), slow);
        }
    }
}

#[test]
fn au_3_another_implementation_agrees() {
    use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
    use sha2::Sha256;
    let values: Vec<Vec<u8>> = (0..67u64).map(|n| n.to_be_bytes().to_vec()).collect();
    let table = levels(&leaves(67));
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut roots: Vec<RootHash<Sha256>> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        theirs.push(value.clone());
        let size = index as u64 + 1;
        let root = theirs.root();
        assert_eq!(root.as_bytes().as_slice(), root_at(size, node(&table)).unwrap().0);
        for position in 0..size {
            let ours = inclusion_path(position, size, node(&table)).unwrap();
            let bytes: Vec<u8> = ours.iter().flat_map(|hash| hash.0).collect();
            let proof = InclusionProof::<Sha256>::try_from_bytes(bytes).unwrap();
            root.verify_inclusion(&values[position as usize], position, &proof).unwrap();
        }
        for (from, old) in roots.iter().enumerate() {
            let ours = consistency_path(from as u64 + 1, size, node(&table)).unwrap();
            let bytes: Vec<u8> = ours.iter().flat_map(|hash| hash.0).collect();
            root.verify_consistency(old, &ConsistencyProof::try_from_bytes(bytes).unwrap()).unwrap();
        }
        roots.push(root);
    }
}

#[test]
fn tiles_of_every_size_give_the_same_root_and_can_be_loaded_again() {
    let all = leaves(70_000);
    let mut tree = Frontier::default();
    let mut edge = Edge::default();
    let mut tiles: std::collections::HashMap<(u32, u64), Tile> = std::collections::HashMap::new();
    for (index, leaf) in all.iter().enumerate() {
        tree.push(*leaf);
        edge.push(*leaf);
        if !(index < 600 || index % 4_999 == 0 || (65_530..65_540).contains(&index)) {
            continue;
        }
        let full = edge.take_full_tiles();
        for tile in full.into_iter().chain(edge.edge_tiles()) {
            tiles.insert((tile.level, tile.index), tile);
        }
        assert_eq!(edge.root(), tree.root(), "size {}", tree.size());
        let read = |level, tile| Ok::<_, ()>(tiles[&(level, tile)].hashes.clone());
        let loaded = Edge::load(tree.size(), read, |_, _| ()).unwrap();
        assert_eq!(loaded.root(), tree.root(), "size {}", tree.size());
    }
    assert_eq!(tiles[&(1, 0)].hashes.len(), TILE_HASHES);
    assert_eq!(tiles[&(2, 0)].hashes.len(), 1);
}

#[test]
fn a_cut_tile_is_noticed_when_loading() {
    let loaded = Edge::load(300, |_, _| Ok(leaves(10)), |level, tile| (level, tile));
    assert_eq!(loaded.err(), Some((0, 1)));
}

#[test]
fn tile_paths_are_those_of_c2sp() {
    let path = |level, index, width| Tile { level, index, hashes: leaves(width) }.path();
    assert_eq!(path(0, 0, 256), "tile/0/000");
    assert_eq!(path(1, 1_234_067, 256), "tile/1/x001/x234/067");
    assert_eq!(path(2, 5, 17), "tile/2/005.p/17");
}

proptest! {
    #[test]
    fn a_frontier_continues_from_its_parts(size in 0u64..500, more in 0u64..300) {
        let all = leaves(size + more);
        let mut whole = Frontier::default();
        all[..size as usize].iter().for_each(|leaf| whole.push(*leaf));
        let mut again = Frontier::from_parts(size, whole.parts().to_vec()).unwrap();
        all[size as usize..].iter().for_each(|leaf| again.push(*leaf));
        prop_assert_eq!(again.root(), slow_root(&all));
    }

    #[test]
    fn proofs_made_of_noise_prove_nothing(size in 1u64..10_000, position in 0u64..10_000, count in 0usize..20) {
        let noise = leaves(20);
        prop_assert!(!verify_inclusion(&noise[0], position, size, &noise[..count], &leaf_hash(b"root")));
        prop_assert!(!verify_consistency(position + 1, size + 20_000, &noise[..count], &noise[1], &leaf_hash(b"root")));
    }
}
