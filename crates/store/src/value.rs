//! Values and rows as both engines understand them.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use base::Timestamp;

use crate::error::Error;

/// One value of a row or parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// BIGINT; booleans are 0 and 1, times are milliseconds.
    Int(i64),
    /// DOUBLE PRECISION.
    Real(f64),
    /// TEXT.
    Text(String),
    /// BLOB (BYTEA).
    Blob(Vec<u8>),
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order in which both engines keep values of one kind; kinds by their order here.
impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Real(a), Value::Real(b)) => a.total_cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl Value {
    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Int(_) => 1,
            Value::Real(_) => 2,
            Value::Text(_) => 3,
            Value::Blob(_) => 4,
        }
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Value::Null => state.write_u8(0),
            Value::Int(i) => state.write_i64(*i),
            Value::Real(r) => state.write_u64(r.to_bits()),
            Value::Text(t) => t.hash(state),
            Value::Blob(b) => b.hash(state),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => |$v:ident| $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Value { $to }
        }
    )*};
}

value_from! {
    i64 => |v| Value::Int(v);
    i32 => |v| Value::Int(i64::from(v));
    u32 => |v| Value::Int(i64::from(v));
    u8 => |v| Value::Int(i64::from(v));
    bool => |v| Value::Int(i64::from(v));
    f64 => |v| Value::Real(v);
    f32 => |v| Value::Real(f64::from(v));
    &str => |v| Value::Text(v.to_owned());
    &String => |v| Value::Text(v.clone());
    String => |v| Value::Text(v);
    Vec<u8> => |v| Value::Blob(v);
    &[u8] => |v| Value::Blob(v.to_vec());
    Timestamp => |v| Value::Int(v.millis());
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(v: [u8; N]) -> Value {
        Value::Blob(v.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(v: &[u8; N]) -> Value {
        Value::Blob(v.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Value {
        v.map_or(Value::Null, Into::into)
    }
}

/// One row, columns in the order asked for (for keyed reads: the order of the [`crate::Table`]). Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(Arc<[Value]>);

impl Row {
    /// A row from its values.
    pub fn new(values: Vec<Value>) -> Row {
        Row(values.into())
    }

    /// All values in order.
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// Column `index` as an integer.
    ///
    /// # Errors
    /// [`Error::Bug`] when it is NULL or another kind; so for all the plain getters.
    pub fn int(&self, index: usize) -> Result<i64, Error> {
        self.opt_int(index)?.ok_or_else(|| null(index))
    }

    /// Column `index` as a number with a fraction.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn real(&self, index: usize) -> Result<f64, Error> {
        match self.0.get(index) {
            Some(Value::Real(r)) => Ok(*r),
            #[expect(clippy::cast_precision_loss, reason = "SQLite stores whole reals as integers")]
            Some(Value::Int(i)) => Ok(*i as f64),
            other => Err(wrong(index, "real", other)),
        }
    }

    /// Column `index` as text.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn text(&self, index: usize) -> Result<&str, Error> {
        self.opt_text(index)?.ok_or_else(|| null(index))
    }

    /// Column `index` as bytes.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn blob(&self, index: usize) -> Result<&[u8], Error> {
        self.opt_blob(index)?.ok_or_else(|| null(index))
    }

    /// Column `index` as yes or no.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn bool(&self, index: usize) -> Result<bool, Error> {
        Ok(self.int(index)? != 0)
    }

    /// Column `index` as an instant.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn time(&self, index: usize) -> Result<Timestamp, Error> {
        Ok(Timestamp(self.int(index)?))
    }

    /// Column `index` as an integer, `None` for NULL.
    ///
    /// # Errors
    /// [`Error::Bug`] when it is of another kind; so for all the optional getters.
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, Error> {
        match self.0.get(index) {
            Some(Value::Int(i)) => Ok(Some(*i)),
            Some(Value::Null) => Ok(None),
            other => Err(wrong(index, "integer", other)),
        }
    }

    /// Column `index` as a number with a fraction, `None` for NULL.
    ///
    /// # Errors
    /// See [`Row::opt_int`].
    pub fn opt_real(&self, index: usize) -> Result<Option<f64>, Error> {
        if matches!(self.0.get(index), Some(Value::Null)) { Ok(None) } else { self.real(index).map(Some) }
    }

    /// Column `index` as text, `None` for NULL.
    ///
    /// # Errors
    /// See [`Row::opt_int`].
    pub fn opt_text(&self, index: usize) -> Result<Option<&str>, Error> {
        match self.0.get(index) {
            Some(Value::Text(t)) => Ok(Some(t)),
            Some(Value::Null) => Ok(None),
            other => Err(wrong(index, "text", other)),
        }
    }

    /// Column `index` as bytes, `None` for NULL.
    ///
    /// # Errors
    /// See [`Row::opt_int`].
    pub fn opt_blob(&self, index: usize) -> Result<Option<&[u8]>, Error> {
        match self.0.get(index) {
            Some(Value::Blob(b)) => Ok(Some(b)),
            Some(Value::Null) => Ok(None),
            other => Err(wrong(index, "blob", other)),
        }
    }

    /// Column `index` as an instant, `None` for NULL.
    ///
    /// # Errors
    /// See [`Row::opt_int`].
    pub fn opt_time(&self, index: usize) -> Result<Option<Timestamp>, Error> {
        Ok(self.opt_int(index)?.map(Timestamp))
    }
}

fn null(index: usize) -> Error {
    Error::Bug(format!("column {index} is null"))
}

fn wrong(index: usize, wanted: &str, found: Option<&Value>) -> Error {
    let found = match found {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Int(_)) => "an integer",
        Some(Value::Real(_)) => "a real",
        Some(Value::Text(_)) => "a text",
        Some(Value::Blob(_)) => "a blob",
    };
    Error::Bug(format!("column {index} should be {wanted}, found {found}"))
}
