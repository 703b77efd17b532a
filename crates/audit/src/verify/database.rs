//! Verification of a live database.

use std::collections::BTreeMap;

use store::Tx;

use super::{Auditor, Finding, Report};
use crate::checkpoint::SignedCheckpoint;
use crate::export::{ExportError, Header, Sink, walk};
use crate::note::VerifierKey;
use crate::store::{EntryRow, count_unsequenced, find_head, find_tile, list_strays};
use crate::tiles::Edge;
use crate::tree::Digest;

/// Rows with an impossible position that are reported one by one.
const STRAYS_MAX: usize = 100;

/// Verifies the whole log in the database against its signed checkpoints and against `anchors`, checkpoints kept
/// elsewhere. Also checks what an export does not carry: columns beside the entries, upper tiles, stray rows.
///
/// # Errors
/// [`ExportError::Lookup`] when the database cannot be read. What is wrong with the log is in the report.
pub fn verify_database(
    tx: &mut Tx<'_>,
    key: &VerifierKey,
    anchors: &[SignedCheckpoint],
) -> Result<Report, ExportError> {
    let mut sink =
        DatabaseSink { auditor: Auditor::new(key, anchors), edge: Edge::default(), upper: BTreeMap::new() };
    walk(tx, key, 0, &mut sink)?;
    let DatabaseSink { auditor, mut edge, mut upper } = sink;
    let mut report = auditor.finish();
    keep_upper(&mut edge, &mut upper);
    for tile in edge.edge_tiles() {
        upper.insert((tile.level, tile.index), tile.hashes);
    }
    for ((level, tile), hashes) in upper.into_iter().filter(|((level, _), _)| *level > 0) {
        // More hashes than there should be are those of a tail that was cut; that is a finding of its own.
        if !find_tile(tx, level, tile)?.starts_with(&hashes) {
            report.add(Finding::TileAltered { level, tile });
        }
    }
    let (size, _) = find_head(tx)?;
    for row in list_strays(tx, size, STRAYS_MAX)? {
        let position = row.position.and_then(|p| u64::try_from(p).ok()).unwrap_or(u64::MAX);
        report.add(Finding::Inserted { position });
    }
    report.waiting = count_unsequenced(tx)?.0;
    Ok(report)
}

/// Passes everything on and rebuilds the upper tiles from the lowest ones on the way.
struct DatabaseSink<'k> {
    auditor: Auditor<'k>,
    edge: Edge,
    upper: BTreeMap<(u32, u64), Vec<Digest>>,
}

fn keep_upper(edge: &mut Edge, upper: &mut BTreeMap<(u32, u64), Vec<Digest>>) {
    for tile in edge.take_full_tiles().into_iter().filter(|tile| tile.level > 0) {
        upper.insert((tile.level, tile.index), tile.hashes);
    }
}

impl Sink for DatabaseSink<'_> {
    fn header(&mut self, header: Header) -> Result<(), ExportError> {
        self.auditor.header(header)
    }

    fn tile(&mut self, hashes: Vec<Digest>) -> Result<(), ExportError> {
        for hash in &hashes {
            self.edge.push(*hash);
        }
        keep_upper(&mut self.edge, &mut self.upper);
        self.auditor.tile(hashes)
    }

    fn entry(&mut self, row: EntryRow) -> Result<(), ExportError> {
        self.auditor.entry(row)
    }

    fn checkpoint(&mut self, note: &str) -> Result<(), ExportError> {
        self.auditor.checkpoint(note)
    }
}
