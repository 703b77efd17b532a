//! Entry point for fuzzing: takes any bytes, must not panic, and holds the round trip of the journal's reader.

use crate::error::Error;
use crate::journal::{Draft, Record, find_records};

/// The journal, twice: as the bytes of a file, and as the statements of a record whose hash is right. What can be carried
/// out is written down as the same bytes again and found again.
pub fn journal(bytes: &[u8]) {
    let read = |file: &[u8]| {
        find_records(file.len() as u64, EPOCH, |out, offset| {
            let at = usize::try_from(offset).unwrap_or(usize::MAX);
            let found = file.get(at..).and_then(|rest| rest.get(..out.len())).ok_or(())?;
            out.copy_from_slice(found);
            Ok::<_, ()>(())
        })
    };
    assert!(read(bytes).is_ok(), "it was read past the end");
    let record = Record { sequence: 1, statements: bytes.to_vec() };
    let mut draft = Draft::default();
    let mut last = None;
    let carried = record.replay(|sql, values| {
        if last.as_deref() != Some(sql) {
            draft.note_statement(sql);
            last = Some(sql.to_owned());
        }
        draft.note_row(values);
        Ok::<_, Error>(())
    });
    if carried.is_ok() && !draft.is_empty() {
        let mut file = draft.into_record(EPOCH, 1);
        file.extend_from_slice(bytes);
        let found = read(&file).unwrap_or_default();
        assert!(found.first().is_some_and(|record| record.sequence == 1), "a record is not found again");
    }
}

const EPOCH: i64 = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn the_fuzzer_s_reader_takes_real_records_and_their_ruins() {
        let mut draft = Draft::default();
        draft.note_statement("INSERT INTO t VALUES (?1)");
        draft.note_row(&[Value::Int(1), Value::Null, Value::Real(0.5), "茶".into(), vec![1u8].into()]);
        let record = draft.into_record(EPOCH, 1);
        for end in 0..record.len() {
            journal(record.get(..end).unwrap_or_default());
        }
        journal(record.get(52..).unwrap_or_default());
    }
}
