//! The file `model.tw`: little-endian, versioned, closed by its own SHA-256, and checked before it is believed.
//!
//! Layout: `TILLWARD`, format (u32), features (u16; each a length byte and its name), base score (f64), calibration
//! (2 × f64), trained from and until (2 × i64 ms), rows and frauds (2 × u64), trees (u32); each tree: nodes (u16), each
//! node threshold (f32), left (u16), feature and flags (u16), value (f32); last 32 bytes: SHA-256 of all before.
//! The sum finds damage, not malice: a file made on purpose is held by the checks on its content.

use aws_lc_rs::digest;

use super::{Calibration, LEAF, MISSING_RIGHT, Model, Node, POSITION, Parts, Trained, Tree};

/// Limits of a model file.
pub mod limits {
    /// Largest file, in bytes.
    pub const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
    /// Most features of a model. A power of two.
    pub const FEATURES_MAX: usize = 512;
    /// Longest feature name, in bytes.
    pub const FEATURE_NAME_BYTES_MAX: usize = 64;
    /// Most trees.
    pub const TREES_MAX: usize = 2_000;
    /// Most nodes of one tree.
    pub const TREE_NODES_MAX: usize = 65_534;
    /// Deepest tree.
    pub const TREE_DEPTH_MAX: u32 = 32;
    /// Largest value a node may hold, either sign, in log-odds.
    pub const NODE_VALUE_MAX: f32 = 1_000.0;
}

const MAGIC: &[u8; 8] = b"TILLWARD";
const FORMAT: u32 = 1;
const SUM_BYTES: usize = 32;

/// Why a model file was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Not a model file at all.
    #[error("not a model file: it does not begin with `TILLWARD`; make one with `tillward train`")]
    NotAModel,
    /// From a newer program.
    #[error("model file has format {0} and this program reads {FORMAT}; use a newer program or train again")]
    Format(u32),
    /// Too large.
    #[error("model file has {0} bytes; at most {max} are read", max = limits::FILE_BYTES_MAX)]
    TooLarge(usize),
    /// Ends early.
    #[error("model file ends early, at byte {0}, inside {1}; copy or train it again")]
    Truncated(usize, &'static str),
    /// The check sum differs.
    #[error("model file is damaged: its check sum differs; copy or train it again")]
    Damaged,
    /// Past a limit.
    #[error("model file has {got} {what}; at most {max} are read")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much the file has.
        got: usize,
        /// How much is read.
        max: usize,
    },
    /// Needs what this program does not compute.
    #[error(
        "model reads the feature `{0}`, which this program does not compute; train it again with this program"
    )]
    UnknownFeature(String),
    /// Breaks a rule of the format.
    #[error("model file is not valid at byte {at}: {what}")]
    Invalid {
        /// Where.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// The first eight bytes of the SHA-256 that closes a file.
pub(super) fn version_of(file: &[u8]) -> u64 {
    let sum = file.len().checked_sub(SUM_BYTES).and_then(|at| file.get(at..)).unwrap_or_default();
    sum.first_chunk().map_or(0, |start| u64::from_be_bytes(*start))
}

impl Model {
    /// The bytes of its file.
    pub fn save(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.nodes.len() * 12 + 4096);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&(self.features.len() as u16).to_le_bytes());
        for (name, _) in &self.features {
            out.push(name.len() as u8);
            out.extend_from_slice(name.as_bytes());
        }
        for number in [self.base, self.calibration.slope, self.calibration.offset] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for time in [self.trained.from_ms, self.trained.until_ms] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        for count in [self.trained.rows, self.trained.frauds] {
            out.extend_from_slice(&count.to_le_bytes());
        }
        out.extend_from_slice(&(self.trees.len() as u32).to_le_bytes());
        for tree in &self.trees {
            self.save_tree(*tree, &mut out);
        }
        let sum = digest::digest(&digest::SHA256, &out);
        out.extend_from_slice(sum.as_ref());
        out
    }

    fn save_tree(&self, tree: Tree, out: &mut Vec<u8>) {
        out.extend_from_slice(&(tree.nodes as u16).to_le_bytes());
        let (from, until) = (tree.start as usize, (tree.start + tree.nodes) as usize);
        let nodes = self.nodes.get(from..until).unwrap_or_default();
        for (node, value) in nodes.iter().zip(self.values.get(from..until).unwrap_or_default()) {
            let threshold = if node.is_leaf() { 0.0 } else { node.threshold };
            out.extend_from_slice(&threshold.to_le_bytes());
            out.extend_from_slice(&node.left.to_le_bytes());
            out.extend_from_slice(&node.feature.to_le_bytes());
            out.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Reads a model file for the features this program computes.
    ///
    /// # Errors
    /// [`LoadError`] for anything that is not a whole, valid file; never panics, whatever the bytes.
    pub fn load(bytes: &[u8]) -> Result<Model, LoadError> {
        Model::load_for(bytes, &crate::features::input_names().collect::<Vec<_>>())
    }

    /// Reads a model file for a program that computes the features `known`, in that order.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load_for(bytes: &[u8], known: &[&str]) -> Result<Model, LoadError> {
        if bytes.len() > limits::FILE_BYTES_MAX {
            return Err(LoadError::TooLarge(bytes.len()));
        }
        let mut reader = Reader { bytes, at: 0 };
        if bytes.get(..MAGIC.len()) != Some(MAGIC.as_slice()) {
            return Err(LoadError::NotAModel);
        }
        reader.at = MAGIC.len();
        let format = reader.u32("the format")?;
        if format != FORMAT {
            return Err(LoadError::Format(format));
        }
        let features = read_features(&mut reader, known)?;
        let parts = read_parts(&mut reader, features)?;
        reader.take::<SUM_BYTES>("the check sum")?;
        if reader.at != bytes.len() {
            return Err(LoadError::Invalid { at: reader.at, what: "bytes after the check sum" });
        }
        let body = bytes.get(..bytes.len() - SUM_BYTES).unwrap_or_default();
        let sum = digest::digest(&digest::SHA256, body);
        if bytes.get(body.len()..) != Some(sum.as_ref()) {
            return Err(LoadError::Damaged);
        }
        Ok(Model::assemble(parts))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], LoadError> {
        let found = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let found = *found.ok_or(LoadError::Truncated(self.bytes.len(), what))?;
        self.at += N;
        Ok(found)
    }

    fn u8(&mut self, what: &'static str) -> Result<u8, LoadError> {
        Ok(u8::from_le_bytes(self.take(what)?))
    }

    fn u16(&mut self, what: &'static str) -> Result<u16, LoadError> {
        Ok(u16::from_le_bytes(self.take(what)?))
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, LoadError> {
        Ok(u32::from_le_bytes(self.take(what)?))
    }

    fn i64(&mut self, what: &'static str) -> Result<i64, LoadError> {
        Ok(i64::from_le_bytes(self.take(what)?))
    }

    fn finite(&mut self, what: &'static str) -> Result<f64, LoadError> {
        let number = f64::from_le_bytes(self.take(what)?);
        if number.is_finite() { Ok(number) } else { Err(self.invalid(8, "a number that is not finite")) }
    }

    fn value(&mut self, max: f32, what: &'static str) -> Result<f32, LoadError> {
        let number = f32::from_le_bytes(self.take(what)?);
        if number.abs() <= max { Ok(number) } else { Err(self.invalid(4, "a number out of range")) }
    }

    fn invalid(&self, back: usize, what: &'static str) -> LoadError {
        LoadError::Invalid { at: self.at - back, what }
    }
}

fn within(what: &'static str, got: usize, max: usize) -> Result<usize, LoadError> {
    if got <= max { Ok(got) } else { Err(LoadError::Limit { what, got, max }) }
}

fn read_features(reader: &mut Reader<'_>, known: &[&str]) -> Result<Vec<(String, u16)>, LoadError> {
    let count = within("features", usize::from(reader.u16("the features")?), limits::FEATURES_MAX)?;
    let mut features: Vec<(String, u16)> = Vec::with_capacity(count);
    for _ in 0..count {
        let length = usize::from(reader.u8("a feature's name")?);
        within("bytes in a feature's name", length, limits::FEATURE_NAME_BYTES_MAX)?;
        let bytes = reader.bytes.get(reader.at..reader.at + length);
        let bytes = bytes.ok_or(LoadError::Truncated(reader.bytes.len(), "a feature's name"))?;
        let name = str::from_utf8(bytes).map_err(|_| reader.invalid(0, "a feature's name is not UTF-8"))?;
        let place = known.iter().position(|known| *known == name);
        let place = place.and_then(|at| u16::try_from(at).ok());
        let place = place.ok_or_else(|| LoadError::UnknownFeature(name.to_owned()))?;
        if features.iter().any(|(_, taken)| *taken == place) {
            return Err(reader.invalid(0, "a feature is named twice"));
        }
        features.push((name.to_owned(), place));
        reader.at += length;
    }
    Ok(features)
}

fn read_parts(reader: &mut Reader<'_>, features: Vec<(String, u16)>) -> Result<Parts, LoadError> {
    let base = reader.finite("the base score")?;
    let calibration =
        Calibration { slope: reader.finite("the calibration")?, offset: reader.finite("the calibration")? };
    let trained = Trained {
        from_ms: reader.i64("the training period")?,
        until_ms: reader.i64("the training period")?,
        rows: reader.i64("the training rows")?.cast_unsigned(),
        frauds: reader.i64("the training rows")?.cast_unsigned(),
    };
    let count = within("trees", reader.u32("the trees")? as usize, limits::TREES_MAX)?;
    let mut parts = Parts {
        features,
        base,
        calibration,
        nodes: Vec::new(),
        values: Vec::new(),
        trees: Vec::with_capacity(count),
        trained,
    };
    for _ in 0..count {
        read_tree(reader, &mut parts)?;
    }
    Ok(parts)
}

fn read_tree(reader: &mut Reader<'_>, parts: &mut Parts) -> Result<(), LoadError> {
    let count = usize::from(reader.u16("a tree")?);
    if count == 0 {
        return Err(reader.invalid(2, "a tree without nodes"));
    }
    within("nodes in a tree", count, limits::TREE_NODES_MAX)?;
    let start = parts.nodes.len();
    for own in 0..count {
        let (node, value) = read_node(reader, own, count, parts.features.len())?;
        parts.nodes.push(node);
        parts.values.push(value);
    }
    let depth = depth(parts.nodes.get(start..).unwrap_or_default());
    within("levels in a tree", depth as usize, limits::TREE_DEPTH_MAX as usize)?;
    parts.trees.push(Tree { start: start as u32, nodes: count as u32, depth });
    Ok(())
}

/// INVARIANT: a leaf points at itself and every other node at later nodes of its own tree, so each walk ends.
fn read_node(
    reader: &mut Reader<'_>,
    own: usize,
    count: usize,
    features: usize,
) -> Result<(Node, f32), LoadError> {
    let threshold = reader.value(f32::MAX, "a node")?;
    let left = reader.u16("a node")?;
    let feature = reader.u16("a node")?;
    if feature & !(MISSING_RIGHT | LEAF | POSITION) != 0 {
        return Err(reader.invalid(2, "unknown flags of a node"));
    }
    let value = reader.value(limits::NODE_VALUE_MAX, "a node")?;
    if feature & LEAF != 0 {
        let node = Node { threshold: f32::NAN, left: own as u16, feature: LEAF };
        return if usize::from(left) == own && feature == LEAF {
            Ok((node, value))
        } else {
            Err(reader.invalid(8, "a leaf that points elsewhere"))
        };
    }
    if usize::from(left) <= own || usize::from(left) + 1 >= count {
        return Err(reader.invalid(8, "a node that points outside its tree or back"));
    }
    let node = Node { threshold, left, feature };
    if node.position() >= features {
        return Err(reader.invalid(6, "a node that reads a feature the file does not name"));
    }
    Ok((node, value))
}

/// Splits between the root and the deepest leaf. Children come after their parent, so one pass does.
pub(super) fn depth(nodes: &[Node]) -> u32 {
    let mut levels = vec![0u32; nodes.len()];
    let mut deepest = 0;
    for (own, node) in nodes.iter().enumerate() {
        let level = levels.get(own).copied().unwrap_or(0);
        deepest = deepest.max(level);
        if !node.is_leaf() {
            let left = usize::from(node.left);
            for child in [left, left + 1] {
                if let Some(slot) = levels.get_mut(child) {
                    *slot = (*slot).max(level + 1);
                }
            }
        }
    }
    deepest
}
