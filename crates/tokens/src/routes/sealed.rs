//! The content of a sealed export: one JSON object a line, a first line that says what it is, a last one that says it is
//! whole. See `docs/sealed-export.md`.

use base::{Dice, ScopedId, Secret, Timestamp};
use serde::Serialize;
use zeroize::Zeroize;

use super::views::OpenedValueView;
use crate::age::{self, Recipient, SealFailed};
use crate::export::{CardRecord, CustomerRecord, Export, Records};

/// The name and version of the content.
const FORMAT: &str = "tillward-export-1";

#[derive(Serialize)]
struct First {
    format: &'static str,
    what: &'static str,
    export: String,
    shop: String,
    taken_at: Option<String>,
    records: usize,
}

#[derive(Serialize)]
struct Customer {
    id: String,
    external_id: Option<String>,
    created_at: String,
    values: Vec<OpenedValueView>,
    /// Values that do not open.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct Card {
    token: String,
    customer: Option<String>,
    brand: &'static str,
    /// `null` where it does not open.
    number: Option<String>,
    holder: Option<String>,
    expiry_month: i64,
    expiry_year: i64,
}

#[derive(Serialize)]
struct Last {
    end: bool,
    records: usize,
}

/// The file of an export: its records as lines, sealed for the recipient.
///
/// # Errors
/// [`SealFailed`] for a recipient that is no usable key.
pub fn write_sealed(
    export: &Export,
    recipient: &Recipient,
    records: &Records,
    dice: &Dice,
) -> Result<Vec<u8>, SealFailed> {
    let count = match records {
        Records::Customers(list) => list.len(),
        Records::Cards(list) => list.len(),
    };
    let mut lines = Lines(Vec::new());
    lines.push(&First {
        format: FORMAT,
        what: export.what.name(),
        export: export.id.to_string(),
        shop: export.id.shop().to_string(),
        taken_at: export.taken.map(Timestamp::to_rfc3339),
        records: count,
    })?;
    match records {
        Records::Customers(list) => list.iter().try_for_each(|record| lines.push(&customer(record)))?,
        Records::Cards(list) => list.iter().try_for_each(|record| lines.push(&card(record)))?,
    }
    lines.push(&Last { end: true, records: count })?;
    let plain = Secret::new(std::mem::take(&mut lines.0));
    age::seal(&plain, recipient, dice)
}

/// Lines of JSON, cleared when dropped.
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, line: &impl Serialize) -> Result<(), SealFailed> {
        let mut text = serde_json::to_vec(line).map_err(|_| SealFailed)?;
        self.0.extend_from_slice(&text);
        self.0.push(b'\n');
        text.zeroize();
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

fn customer(record: &CustomerRecord) -> Customer {
    Customer {
        id: record.id.to_string(),
        external_id: record.external.as_ref().map(|own| own.expose().clone()),
        created_at: record.created.to_rfc3339(),
        values: record.values.iter().map(|value| OpenedValueView::new(None, value)).collect(),
        unreadable: record.unreadable,
    }
}

fn card(record: &CardRecord) -> Card {
    Card {
        token: record.id.to_string(),
        customer: record.customer.map(|id| id.to_string()),
        brand: record.brand.name(),
        number: record.number.as_ref().map(|number| number.expose().clone()),
        holder: record.holder.as_ref().map(|name| name.expose().clone()),
        expiry_month: record.expiry.month,
        expiry_year: record.expiry.year,
    }
}
