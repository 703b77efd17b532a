//! Reads a shop's export (CSV, also gzip or zstd) into compact columns, ready to be replayed in time order.
//!
//! The file is streamed and its limits are checked as it comes; what is kept is a few dozen bytes a row. Column names
//! are told or guessed (see [`columns`]) and errors name the line and the column. Rows that are out of order are sorted
//! by time; rows of the same time keep the file's order.

mod cell;
mod columns;
mod records;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Currency, Money, Timestamp};

use crate::countries::Countries;
use crate::facts::{CodeKind, Entity, Facts, Key, Place, Word};
use crate::profile::Attempt;
pub use columns::{Field, Mapping};
use records::{Record, Records};

/// Limits of a file of payments.
pub mod limits {
    /// Longest record, in bytes.
    pub const LINE_BYTES_MAX: usize = 64 * 1024;
    /// Most columns.
    pub const COLUMNS_MAX: usize = 256;
    /// Most rows.
    pub const ROWS_MAX: usize = 50_000_000;
    /// Longest id of a payment that is kept for the decisions, in bytes; longer ones are cut.
    pub const ID_BYTES_MAX: usize = 200;
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Rows between two reports of progress.
const PROGRESS_ROWS: usize = 16_384;

/// Why a file of payments was refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened.
    #[error("`{path}` cannot be opened")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Io(#[source] io::Error),
    /// Reading failed on the way.
    #[error("the file is cut or damaged after line {line}")]
    Broken {
        /// The last line read.
        line: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing in it.
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    /// A line too long.
    #[error("line {line}: longer than {max} bytes; is this a table of payments?", max = limits::LINE_BYTES_MAX)]
    LongLine {
        /// Where.
        line: u64,
    },
    /// Too many columns.
    #[error("line {line}: more than {max} columns", max = limits::COLUMNS_MAX)]
    ManyColumns {
        /// Where.
        line: u64,
    },
    /// Too many rows.
    #[error("line {line}: more than {max} rows; split the file", max = limits::ROWS_MAX)]
    ManyRows {
        /// Where.
        line: u64,
    },
    /// Another encoding.
    #[error("line {line}: not UTF-8 text; save the file as UTF-8")]
    NotUtf8 {
        /// Where.
        line: u64,
    },
    /// A row of another width.
    #[error("line {line}: {got} columns where the first line has {expected}")]
    Ragged {
        /// Where.
        line: u64,
        /// Cells in the row.
        got: usize,
        /// Columns of the first line.
        expected: usize,
    },
    /// A cell that cannot be read.
    #[error("line {line}, column `{column}`: `{value}` is not {expected}")]
    Cell {
        /// Where.
        line: u64,
        /// The heading.
        column: String,
        /// What is there, shortened.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A `--map` without `=`.
    #[error("`{0}` is not a mapping; write `field=COLUMN`")]
    Mapping(String),
    /// A `--map` of an unknown field.
    #[error("`{name}` is not a field; fields are {list}", list = field_list())]
    UnknownField {
        /// What was given.
        name: String,
    },
    /// A named column is absent.
    #[error("there is no column `{column}`; the file has `{headings}`")]
    NoColumn {
        /// What was asked for.
        column: String,
        /// What there is.
        headings: String,
    },
    /// Two columns of one name.
    #[error(
        "columns {first} and {second} are both named `{heading}`; rename one, for which is meant cannot be told"
    )]
    SameHeading {
        /// The name.
        heading: String,
        /// Its first column, from 1.
        first: usize,
        /// Its second column.
        second: usize,
    },
    /// Two columns that a field may be read from.
    #[error(
        "column {first} `{heading}` and column {second} `{other}` both look like `{field}`; say which with \
         `--map {field}=COLUMN`"
    )]
    Ambiguous {
        /// The field.
        field: &'static str,
        /// The first column, from 1.
        first: usize,
        /// Its name.
        heading: String,
        /// The second column.
        second: usize,
        /// Its name.
        other: String,
    },
    /// A needed field was not found.
    #[error("no column looks like `{field}` among `{headings}`; say which with `--map {field}=COLUMN`")]
    Unmapped {
        /// What is needed.
        field: &'static str,
        /// What there is.
        headings: String,
    },
}

fn field_list() -> String {
    Field::ALL.iter().map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ")
}

/// How to read a file.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Columns told with `--map`.
    pub map: Vec<Mapping>,
    /// Column with the fraud label, if any.
    pub labels: Option<String>,
    /// Currency of amounts in files without a currency column.
    pub currency: Currency,
    /// Minutes east of UTC of times without a zone, and of the shop's day.
    pub zone_minutes: i32,
    /// Countries of network addresses, for files that have the address and not its country.
    pub countries: Option<Arc<Countries>>,
}

impl Default for ReadOptions {
    fn default() -> ReadOptions {
        ReadOptions {
            map: Vec::new(),
            labels: None,
            currency: Currency::CNY,
            zone_minutes: 0,
            countries: None,
        }
    }
}

/// How far a long job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `reading`, `screening`, `training`.
    pub phase: &'static str,
    /// How much is done, in bytes for `reading`, else rows or steps.
    pub done: u64,
    /// How much there is, where known.
    pub total: Option<u64>,
}

/// Called now and then by long jobs.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress);

/// One kind of party: its distinct ids, and which of them each row has.
#[derive(Default)]
struct Parties {
    keys: Vec<Key>,
    /// Position in `keys` plus one; 0 for unknown. Empty when there is no such column.
    of_row: Vec<u32>,
    known: HashMap<Key, u32>,
}

impl Parties {
    fn push(&mut self, text: &str) {
        if text.is_empty() {
            self.of_row.push(0);
            return;
        }
        let key = Key::of(text);
        let next = self.keys.len() as u32 + 1;
        let number = match self.known.entry(key) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(free) => {
                self.keys.push(key);
                *free.insert(next)
            }
        };
        self.of_row.push(number);
    }
}

/// Fields kept as short words, in the order of [`Table::words`].
const WORD_FIELDS: [Field; 5] =
    [Field::Method, Field::Country, Field::CardCountry, Field::AddressCountry, Field::ShopCountry];
/// Fields kept as numbers, in the order of [`Table::numbers`].
const NUMBER_FIELDS: [Field; 12] = [
    Field::Lat,
    Field::Lon,
    Field::CodeLat,
    Field::CodeLon,
    Field::CodeAgeMinutes,
    Field::PayerAccountDays,
    Field::ShopAccountDays,
    Field::DeviceAgeDays,
    Field::SessionAgeMinutes,
    Field::FailedPins,
    Field::ContactChangedHours,
    Field::CredentialChangedHours,
];

/// Fields kept as further amounts, in the order of [`Table::flows`].
const FLOW_FIELDS: [Field; 2] = [Field::ToppedUp, Field::Refunded];
/// An amount of those that is not known.
const NO_AMOUNT: i64 = i64::MIN;

/// A file of payments in memory, by column. Columns the file lacks are empty.
pub struct Table {
    headings: Vec<String>,
    assigned: Vec<(Field, usize)>,
    zone_minutes: i32,
    currency: Currency,
    at: Vec<i64>,
    amount: Vec<i64>,
    parties: [Parties; 6],
    words: [Vec<u16>; WORD_FIELDS.len()],
    currencies: Vec<u16>,
    codes: Vec<u8>,
    declined: Vec<bool>,
    numbers: [Vec<f32>; NUMBER_FIELDS.len()],
    flows: [Vec<i64>; FLOW_FIELDS.len()],
    labels: Vec<bool>,
    ids: Vec<u8>,
    id_ends: Vec<u64>,
    word_list: Vec<Word>,
    currency_list: Vec<Currency>,
    /// Rows in time order, when the file is not.
    order: Option<Vec<u32>>,
    /// Only where the file has addresses and no countries of addresses.
    countries: Option<Arc<Countries>>,
}

/// Reads a file.
///
/// # Errors
/// [`TableError`] with the line and column of the first thing that is wrong.
pub fn read_file(path: &Path, options: &ReadOptions, progress: OnProgress<'_>) -> Result<Table, TableError> {
    let open = |source| TableError::Open { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(open)?;
    let total = file.metadata().map_err(open)?.len();
    read_stream(file, Some(total), options, progress)
}

/// Reads bytes in memory; what a fuzzer calls.
///
/// # Errors
/// As [`read_file`].
pub fn read(bytes: &[u8], options: &ReadOptions) -> Result<Table, TableError> {
    read_stream(bytes, Some(bytes.len() as u64), options, &mut |_| {})
}

/// Reads from a stream of `total` bytes, if known.
///
/// # Errors
/// As [`read_file`].
pub fn read_stream(
    source: impl Read,
    total: Option<u64>,
    options: &ReadOptions,
    progress: OnProgress<'_>,
) -> Result<Table, TableError> {
    let taken = Arc::new(AtomicU64::new(0));
    let mut records = Records::open(source, Arc::clone(&taken))?;
    let header = records.next()?.ok_or(TableError::Empty)?;
    let headings: Vec<String> = (0..header.len()).filter_map(|n| header.cell(n)).map(str::to_owned).collect();
    let mut told = options.map.clone();
    if let Some(column) = &options.labels {
        told.push(Mapping { field: Field::Label, column: column.clone() });
    }
    let assigned = columns::assign(&headings, &told)?;
    let mut table = Table::new(headings, assigned, options);
    let mut words = Words::default();
    while let Some(record) = records.next()? {
        table.push(&record, &mut words)?;
        if table.len().is_multiple_of(PROGRESS_ROWS) {
            progress(Progress { phase: "reading", done: taken.load(Ordering::Relaxed), total });
        }
    }
    progress(Progress { phase: "reading", done: taken.load(Ordering::Relaxed), total });
    table.finish(words);
    Ok(table)
}

/// Small numbers for the few words and currencies of a file; 0 is unknown.
#[derive(Default)]
struct Words {
    words: HashMap<Word, u16>,
    currencies: HashMap<Currency, u16>,
}

fn number_of<T: std::hash::Hash + Eq + Copy>(
    known: &mut HashMap<T, u16>,
    list: &mut Vec<T>,
    value: T,
) -> u16 {
    let next = u16::try_from(list.len() + 1).unwrap_or(0);
    match known.entry(value) {
        Entry::Occupied(found) => *found.get(),
        Entry::Vacant(_) if next == 0 => 0,
        Entry::Vacant(free) => {
            list.push(value);
            *free.insert(next)
        }
    }
}

impl Table {
    fn new(headings: Vec<String>, assigned: Vec<(Field, usize)>, options: &ReadOptions) -> Table {
        let has = |field| assigned.iter().any(|(assigned, _)| *assigned == field);
        let looked_up = has(Field::Address) && !has(Field::AddressCountry);
        Table {
            countries: options.countries.clone().filter(|_| looked_up),
            headings,
            assigned,
            zone_minutes: options.zone_minutes,
            currency: options.currency,
            at: Vec::new(),
            amount: Vec::new(),
            parties: Default::default(),
            words: Default::default(),
            currencies: Vec::new(),
            codes: Vec::new(),
            declined: Vec::new(),
            numbers: Default::default(),
            flows: Default::default(),
            labels: Vec::new(),
            ids: Vec::new(),
            id_ends: Vec::new(),
            word_list: Vec::new(),
            currency_list: Vec::new(),
            order: None,
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// Which column is read as what.
    pub fn mapping(&self) -> impl Iterator<Item = (Field, &str)> {
        let heading = |place: usize| self.headings.get(place).map_or("", String::as_str);
        self.assigned.iter().map(move |(field, place)| (*field, heading(*place)))
    }

    /// Columns that are not read.
    pub fn unread(&self) -> impl Iterator<Item = &str> {
        let unread = |place: &usize| self.assigned.iter().all(|(_, used)| used != place);
        self.headings
            .iter()
            .enumerate()
            .filter(move |(place, _)| unread(place))
            .map(|(_, name)| name.as_str())
    }

    /// Whether a field has a column.
    pub fn has(&self, field: Field) -> bool {
        self.assigned.iter().any(|(assigned, _)| *assigned == field)
    }

    /// Whether the country of the network address is known: from the file, or by [`ReadOptions::countries`].
    pub fn has_address_country(&self) -> bool {
        self.has(Field::AddressCountry) || self.countries.is_some()
    }

    /// Whether the rows had to be sorted by time.
    pub fn was_sorted_here(&self) -> bool {
        self.order.is_some()
    }

    /// Row numbers in time order.
    pub fn in_time_order(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).map(|n| self.order.as_ref().and_then(|o| o.get(n)).map_or(n, |row| *row as usize))
    }

    /// When a row was paid.
    pub fn at(&self, row: usize) -> Timestamp {
        Timestamp(self.at.get(row).copied().unwrap_or(0))
    }

    /// The day of a row where the shop is, counted from 1970-01-01.
    pub fn day(&self, row: usize) -> i64 {
        self.local(row).div_euclid(DAY_MS)
    }

    /// Amount of a row.
    pub fn amount(&self, row: usize) -> Money {
        let number = self.currencies.get(row).copied().unwrap_or(0);
        let listed = usize::from(number).checked_sub(1).and_then(|n| self.currency_list.get(n));
        Money::new(self.amount.get(row).copied().unwrap_or(0), listed.copied().unwrap_or(self.currency))
    }

    /// The currency of most rows.
    pub fn main_currency(&self) -> Currency {
        let mut counts = vec![0u64; self.currency_list.len() + 1];
        for number in &self.currencies {
            if let Some(count) = counts.get_mut(usize::from(*number)) {
                *count += 1;
            }
        }
        let most = counts.iter().enumerate().max_by_key(|(_, count)| **count).map_or(0, |(number, _)| number);
        most.checked_sub(1).and_then(|n| self.currency_list.get(n)).copied().unwrap_or(self.currency)
    }

    /// Whether a row is labelled a fraud; `false` without labels.
    pub fn is_fraud(&self, row: usize) -> bool {
        self.labels.get(row).copied().unwrap_or(false)
    }

    /// How a row ended: declined where the file says so, else paid.
    pub fn attempt(&self, row: usize) -> Attempt {
        if self.declined.get(row).copied().unwrap_or(false) { Attempt::Declined } else { Attempt::Paid }
    }

    /// The number of a row's party among those of its kind, from 0 and without gaps.
    pub fn party(&self, row: usize, entity: Entity) -> Option<u32> {
        let parties = self.parties.get(entity.index())?;
        parties.of_row.get(row).copied().unwrap_or(0).checked_sub(1)
    }

    /// How many different parties of a kind there are.
    pub fn party_count(&self, entity: Entity) -> usize {
        self.parties.get(entity.index()).map_or(0, |parties| parties.keys.len())
    }

    /// Who is watched for card precision: the card, or else the payer.
    pub fn card_or_payer(&self, row: usize) -> Option<u32> {
        let kind = if self.has(Field::Payer) { Entity::Payer } else { Entity::Card };
        self.party(row, kind)
    }

    /// The id of a row; without an id column its number in the file, from 1.
    pub fn id(&self, row: usize) -> std::borrow::Cow<'_, str> {
        let Some(until) = self.id_ends.get(row) else { return (row + 1).to_string().into() };
        let from = row.checked_sub(1).and_then(|before| self.id_ends.get(before)).copied().unwrap_or(0);
        let bytes = self.ids.get(from as usize..*until as usize).unwrap_or_default();
        String::from_utf8_lossy(bytes)
    }

    /// What is known of a row's payment.
    pub fn facts(&self, row: usize) -> Facts {
        let mut facts = Facts::new(self.at(row), self.amount(row));
        for (entity, parties) in Entity::ALL.into_iter().zip(&self.parties) {
            let number = parties.of_row.get(row).copied().unwrap_or(0) as usize;
            facts.set(entity, number.checked_sub(1).and_then(|n| parties.keys.get(n)).copied());
        }
        let local = self.local(row);
        facts.hour = u8::try_from(local.rem_euclid(DAY_MS) / HOUR_MS).ok();
        // 1970-01-01 was a Thursday.
        facts.weekday = u8::try_from((local.div_euclid(DAY_MS) + 3).rem_euclid(7) + 1).ok();
        let [method, country, card_country, address_country, shop_country] = &self.words;
        facts.method = self.word(method, row);
        facts.payer_country = self.word(country, row);
        facts.card_country = self.word(card_country, row);
        facts.address_country = self.word(address_country, row);
        facts.shop_country = self.word(shop_country, row);
        facts.code = match self.codes.get(row) {
            Some(1) => Some(CodeKind::None),
            Some(2) => Some(CodeKind::Static),
            Some(3) => Some(CodeKind::Dynamic),
            _ => None,
        };
        self.fill_numbers(row, &mut facts);
        facts
    }

    fn fill_numbers(&self, row: usize, facts: &mut Facts) {
        let get = |column: &Vec<f32>| column.get(row).copied().filter(|v| !v.is_nan()).map(f64::from);
        let [
            lat,
            lon,
            code_lat,
            code_lon,
            code_age,
            payer_days,
            shop_days,
            device_days,
            session,
            pins,
            contact,
            secret,
        ] = &self.numbers;
        facts.payer_place = get(lat).zip(get(lon)).and_then(|(lat, lon)| Place::new(lat, lon));
        facts.code_place = get(code_lat).zip(get(code_lon)).and_then(|(lat, lon)| Place::new(lat, lon));
        facts.code_age_minutes = get(code_age);
        facts.payer_account_days = get(payer_days);
        facts.shop_account_days = get(shop_days);
        facts.device_age_days = get(device_days);
        facts.session_age_minutes = get(session);
        // In range by `as`'s saturation.
        facts.failed_pins = get(pins).map(|pins| pins as u32);
        facts.contact_changed_hours = get(contact);
        facts.credential_changed_hours = get(secret);
        let amount = |column: &Vec<i64>| column.get(row).copied().filter(|minor| *minor != NO_AMOUNT);
        let [topped_up, refunded] = &self.flows;
        facts.topped_up_1d_minor = amount(topped_up);
        facts.refunded_1d_minor = amount(refunded);
    }

    fn word(&self, column: &[u16], row: usize) -> Option<Word> {
        let number = usize::from(column.get(row).copied().unwrap_or(0));
        number.checked_sub(1).and_then(|n| self.word_list.get(n)).copied()
    }

    fn local(&self, row: usize) -> i64 {
        self.at(row).0.saturating_add(i64::from(self.zone_minutes) * 60_000)
    }

    fn push(&mut self, record: &Record<'_>, words: &mut Words) -> Result<(), TableError> {
        if record.len() != self.headings.len() {
            let (got, expected) = (record.len(), self.headings.len());
            return Err(TableError::Ragged { line: record.line, got, expected });
        }
        if self.len() >= limits::ROWS_MAX {
            return Err(TableError::ManyRows { line: record.line });
        }
        let mut amount = "";
        let mut amount_place = 0;
        let mut flows: [Option<(usize, &str)>; FLOW_FIELDS.len()] = Default::default();
        let mut decimals = self.currency.decimals();
        for at in 0..self.assigned.len() {
            let Some((field, place)) = self.assigned.get(at).copied() else { break };
            let text = record.cell(place).ok_or(TableError::NotUtf8 { line: record.line })?;
            let bad = |expected| self.bad_cell(record.line, place, text, expected);
            match field {
                Field::Amount => (amount, amount_place) = (text, place),
                Field::Time => {
                    let time = cell::parse_time(text, self.zone_minutes).map_err(bad)?;
                    self.at.push(time);
                }
                Field::Currency if text.is_empty() => self.currencies.push(0),
                Field::Currency => {
                    let parsed = text.to_ascii_uppercase().parse::<Currency>();
                    let parsed = parsed.map_err(|_| bad("an ISO 4217 currency such as `CNY`"))?;
                    decimals = parsed.decimals();
                    let number = number_of(&mut words.currencies, &mut self.currency_list, parsed);
                    self.currencies.push(number);
                }
                Field::Label => {
                    let label = cell::parse_label(text).map_err(bad)?;
                    self.labels.push(label);
                }
                Field::Status => self.declined.push(cell::is_declined(text)),
                Field::Id => self.push_id(text),
                Field::Code => self.codes.push(match text {
                    "none" => 1,
                    "static" => 2,
                    "dynamic" => 3,
                    _ => 0,
                }),
                other => match FLOW_FIELDS.iter().position(|flow| *flow == other) {
                    Some(slot) => {
                        if let Some(cell) = flows.get_mut(slot) {
                            *cell = Some((place, text));
                        }
                    }
                    None => self.push_other(other, place, text, record.line, words)?,
                },
            }
        }
        // Amounts last: how many decimals they have is the currency's to say, wherever its column stands.
        let minor = self.parse_amount(record.line, amount_place, amount, decimals)?;
        self.amount.push(minor);
        for (slot, cell) in flows.into_iter().enumerate() {
            let Some((place, text)) = cell else { continue };
            let minor = match text {
                "" => NO_AMOUNT,
                text => self.parse_amount(record.line, place, text, decimals)?,
            };
            if let Some(column) = self.flows.get_mut(slot) {
                column.push(minor);
            }
        }
        Ok(())
    }

    fn parse_amount(&self, line: u64, place: usize, text: &str, decimals: u32) -> Result<i64, TableError> {
        let minor = cell::parse_amount(text, decimals);
        minor.map_err(|expected| self.bad_cell(line, place, text, expected))
    }

    fn push_other(
        &mut self,
        field: Field,
        place: usize,
        text: &str,
        line: u64,
        words: &mut Words,
    ) -> Result<(), TableError> {
        if let Some(entity) = entity_of(field) {
            if let Some(parties) = self.parties.get_mut(entity.index()) {
                parties.push(text);
            }
            if field == Field::Address
                && let Some(countries) = &self.countries
            {
                let country = text.parse().ok().and_then(|address| countries.find(address));
                self.push_word(Field::AddressCountry, country, words);
            }
        } else if WORD_FIELDS.contains(&field) {
            self.push_word(field, parse_word(text, field), words);
        } else if let Some(slot) = NUMBER_FIELDS.iter().position(|f| *f == field) {
            let number = cell::parse_number(text).map_err(|e| self.bad_cell(line, place, text, e))?;
            if let Some(column) = self.numbers.get_mut(slot) {
                column.push(number);
            }
        }
        Ok(())
    }

    fn push_word(&mut self, field: Field, word: Option<Word>, words: &mut Words) {
        let number = word.map_or(0, |word| number_of(&mut words.words, &mut self.word_list, word));
        let slot = WORD_FIELDS.iter().position(|f| *f == field);
        if let Some(column) = slot.and_then(|slot| self.words.get_mut(slot)) {
            column.push(number);
        }
    }

    fn push_id(&mut self, text: &str) {
        let cut = text.floor_char_boundary(limits::ID_BYTES_MAX);
        self.ids.extend_from_slice(text.get(..cut).unwrap_or_default().as_bytes());
        self.id_ends.push(self.ids.len() as u64);
    }

    fn bad_cell(&self, line: u64, place: usize, text: &str, expected: &'static str) -> TableError {
        let column = self.headings.get(place).cloned().unwrap_or_default();
        let mut value: String = text.chars().take(40).collect();
        if value.len() < text.len() {
            value.push('…');
        }
        TableError::Cell { line, column, value, expected }
    }

    fn finish(&mut self, words: Words) {
        drop(words);
        for parties in &mut self.parties {
            parties.known = HashMap::new();
        }
        if !self.at.is_sorted() {
            let mut order: Vec<u32> = (0..self.len() as u32).collect();
            order.sort_by_key(|row| self.at(*row as usize));
            self.order = Some(order);
        }
    }
}

const fn entity_of(field: Field) -> Option<Entity> {
    Some(match field {
        Field::Payer => Entity::Payer,
        Field::Card => Entity::Card,
        Field::Device => Entity::Device,
        Field::Address => Entity::Address,
        Field::Shop => Entity::Shop,
        Field::Terminal => Entity::Terminal,
        _ => return None,
    })
}

/// Countries as two capital letters; other words as far as [`Word`] can hold them.
fn parse_word(text: &str, field: Field) -> Option<Word> {
    if field == Field::Method {
        let plain: String = text
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .take(crate::facts::WORD_CHARS_MAX)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        return Word::parse(&plain);
    }
    let two_letters = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if two_letters { Word::parse(&text.to_ascii_uppercase()) } else { None }
}

#[cfg(test)]
mod tests;
