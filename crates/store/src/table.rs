//! Tables that are read and written by key.

/// The kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// BIGINT.
    Int,
    /// DOUBLE PRECISION.
    Real,
    /// TEXT.
    Text,
    /// BLOB (BYTEA).
    Blob,
}

/// A column of a [`Table`].
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in SQL.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The smallest value it may hold, see [`Column::at_least`].
    pub(crate) least: Option<i64>,
}

impl Column {
    const fn new(name: &'static str, kind: Kind) -> Column {
        Column { name, kind, least: None }
    }

    /// The same, refusing smaller values: the schema's `CHECK` of the column, which must say the same.
    #[must_use]
    pub const fn at_least(self, least: i64) -> Column {
        Column { least: Some(least), ..self }
    }
}

/// A BIGINT column.
pub const fn int(name: &'static str) -> Column {
    Column::new(name, Kind::Int)
}

/// A DOUBLE PRECISION column.
pub const fn real(name: &'static str) -> Column {
    Column::new(name, Kind::Real)
}

/// A TEXT column.
pub const fn text(name: &'static str) -> Column {
    Column::new(name, Kind::Text)
}

/// A BLOB column.
pub const fn blob(name: &'static str) -> Column {
    Column::new(name, Kind::Blob)
}

/// A table as a domain declares it beside its migration: primary key first, then every other column. Declare it as a
/// `static`; its address is its identity.
#[derive(Debug)]
pub struct Table {
    /// Its name in SQL.
    pub name: &'static str,
    /// The primary key.
    pub key: &'static [Column],
    /// The other columns.
    pub rest: &'static [Column],
    /// Rows are read again soon; see [`Table::kept`].
    pub(crate) keep: bool,
    /// Somebody wants to know of new rows; see [`Table::followed`].
    pub(crate) follow: bool,
    /// Later keys are greater; see [`Table::growing`].
    pub(crate) grow: bool,
}

impl Table {
    /// Declares a table.
    pub const fn new(name: &'static str, key: &'static [Column], rest: &'static [Column]) -> Table {
        Table { name, key, rest, keep: false, follow: false, grow: false }
    }

    /// The same, whose rows are kept in memory between transactions where no other process writes. For rows that are
    /// read often: sessions, accounts, profiles.
    #[must_use]
    pub const fn kept(self) -> Table {
        Table { keep: true, ..self }
    }

    /// The same, where a key whose last part is drawn later is nearly always greater than those before it with the same
    /// other parts: a new one is then known to be new without a search, on the engine where nobody else writes.
    #[must_use]
    pub const fn growing(self) -> Table {
        Table { grow: true, ..self }
    }

    /// The same, whose new rows can be followed ([`crate::Db::follow`]).
    #[must_use]
    pub const fn followed(self) -> Table {
        Table { follow: true, ..self }
    }

    /// All columns: the key, then the rest.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.key.iter().chain(self.rest)
    }

    /// How many columns a whole row has.
    pub fn width(&self) -> usize {
        self.key.len() + self.rest.len()
    }

    pub(crate) fn identity(&'static self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    pub(crate) fn column_list(&self) -> String {
        self.columns().map(|c| c.name).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn key_list(&self) -> String {
        self.key.iter().map(|c| c.name).collect::<Vec<_>>().join(", ")
    }

    /// The rows whose first `width` key columns are the parameters, by key.
    pub(crate) fn list_sql(&self, width: usize) -> String {
        let wanted = self.key.iter().take(width).enumerate().map(|(i, c)| format!("{} = ?{}", c.name, i + 1));
        let wanted: Vec<_> = wanted.collect();
        let wanted = if wanted.is_empty() { "TRUE".to_owned() } else { wanted.join(" AND ") };
        format!(
            "SELECT {} FROM {} WHERE {wanted} ORDER BY {}",
            self.column_list(),
            self.name,
            self.key_list()
        )
    }

    /// `DO UPDATE SET …`, or `DO NOTHING` where the key is all there is.
    pub(crate) fn on_conflict(&self) -> String {
        if self.rest.is_empty() {
            return format!("ON CONFLICT ({}) DO NOTHING", self.key_list());
        }
        let sets: Vec<_> = self.rest.iter().map(|c| format!("{0} = excluded.{0}", c.name)).collect();
        format!("ON CONFLICT ({}) DO UPDATE SET {}", self.key_list(), sets.join(", "))
    }
}
