//! What this domain shows: masked, unless the name of the view says otherwise.

use base::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::customer::{Customer, MaskedCustomer, MaskedValue};
use crate::export::Export;
use crate::opening::{OpenedCard, OpenedCustomer, Opening};
use crate::token::Token;
use crate::values::{Address, Kind, Value};
use crate::watch::{Alert, Limits};

/// A token and what of its card may be shown.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenView {
    /// The token.
    id: String,
    /// `active`, `used`, `expired` or `deleted`.
    state: &'static str,
    /// The scheme: `visa`, `mastercard`, `amex`, `unionpay`, `jcb`, `discover` or `diners`.
    brand: &'static str,
    /// The number's first six or eight digits; empty once the card is gone.
    bin: String,
    /// The number's last four digits.
    last4: String,
    /// The card's last month.
    expiry_month: i64,
    /// Its year.
    expiry_year: i64,
    /// Whose card it is.
    customer: Option<String>,
    /// Whether it opens once.
    single_use: bool,
    /// When it was made.
    created_at: String,
    /// When it ends by itself.
    expires_at: Option<String>,
    /// When its card went.
    ended_at: Option<String>,
}

impl TokenView {
    pub(super) fn new(token: &Token, now: Timestamp) -> TokenView {
        TokenView {
            id: token.id.to_string(),
            state: token.state_at(now).name(),
            brand: token.shown.brand.name(),
            bin: token.shown.bin.clone(),
            last4: token.shown.last4.clone(),
            expiry_month: token.expiry.month,
            expiry_year: token.expiry.year,
            customer: token.customer.map(|id| id.to_string()),
            single_use: token.single_use,
            created_at: token.created.to_rfc3339(),
            expires_at: token.expires.map(Timestamp::to_rfc3339),
            ended_at: token.ended.map(Timestamp::to_rfc3339),
        }
    }
}

/// A card, opened.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenedCardView {
    /// The opening, as the person it is about is shown it.
    opening: String,
    /// The token.
    token: String,
    /// Where the token stands now: `used` for a single-use token, whose card is destroyed.
    state: &'static str,
    /// The whole card number.
    number: String,
    /// The name on the card.
    holder: Option<String>,
    /// The card's last month.
    expiry_month: i64,
    /// Its year.
    expiry_year: i64,
    /// The scheme.
    brand: &'static str,
}

impl From<&OpenedCard> for OpenedCardView {
    fn from(card: &OpenedCard) -> OpenedCardView {
        OpenedCardView {
            opening: card.opening.to_string(),
            token: card.token.to_string(),
            state: card.state.name(),
            number: card.number.expose().clone(),
            holder: card.holder.as_ref().map(|name| name.expose().clone()),
            expiry_month: card.expiry.month,
            expiry_year: card.expiry.year,
            brand: card.shown.brand.name(),
        }
    }
}

/// A customer, masked.
#[derive(Serialize, ToSchema)]
pub(super) struct CustomerView {
    /// The customer.
    id: String,
    /// `active` or `erased`.
    state: &'static str,
    /// What the shop calls them.
    external_id: Option<String>,
    /// Their values, masked.
    values: Vec<MaskedValueView>,
    /// Since when.
    created_at: String,
    /// The last change.
    changed_at: String,
    /// When the data went.
    erased_at: Option<String>,
}

/// A value, masked.
#[derive(Serialize, ToSchema)]
pub(super) struct MaskedValueView {
    /// Its number within the customer.
    slot: i64,
    /// What it is.
    kind: &'static str,
    /// Which rules it follows; `plain` where a kind has one form.
    scheme: &'static str,
    /// What may be shown of it; `null` where the sealed value does not open, which the log tells of.
    masked: Option<String>,
    /// Since when.
    created_at: String,
}

impl CustomerView {
    pub(super) fn new(found: &MaskedCustomer) -> CustomerView {
        let external = found.external.as_ref().map(|own| own.expose().clone());
        CustomerView {
            external_id: external,
            values: found.values.iter().map(Into::into).collect(),
            ..bare(&found.customer)
        }
    }

    /// Without the shop's own id and values: an answer that may be stored.
    pub(super) fn bare(customer: &Customer) -> CustomerView {
        bare(customer)
    }
}

fn bare(customer: &Customer) -> CustomerView {
    CustomerView {
        id: customer.id.to_string(),
        state: customer.state.name(),
        external_id: None,
        values: Vec::new(),
        created_at: customer.created.to_rfc3339(),
        changed_at: customer.changed.to_rfc3339(),
        erased_at: customer.erased.map(Timestamp::to_rfc3339),
    }
}

impl From<&MaskedValue> for MaskedValueView {
    fn from(value: &MaskedValue) -> MaskedValueView {
        MaskedValueView {
            slot: value.slot,
            kind: value.kind.name(),
            scheme: value.scheme.name(),
            masked: value.masked.clone(),
            created_at: value.created.to_rfc3339(),
        }
    }
}

/// A postal address, opened.
#[derive(Serialize, ToSchema)]
pub(super) struct AddressView {
    /// ISO 3166-1, two letters.
    country: String,
    /// Province or state.
    region: String,
    /// City.
    city: String,
    /// Postcode.
    postcode: String,
    /// Street, house, flat.
    lines: Vec<String>,
}

/// A value, opened.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenedValueView {
    /// Its number within the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<i64>,
    /// What it is.
    kind: &'static str,
    /// Which rules it follows.
    scheme: &'static str,
    /// The value; absent for addresses.
    value: Option<String>,
    /// The address, for addresses.
    address: Option<AddressView>,
}

impl OpenedValueView {
    pub(super) fn new(slot: Option<i64>, value: &Value) -> OpenedValueView {
        let text = value.text().expose();
        let address = (value.kind() == Kind::Address).then(|| Address::of_text(text));
        OpenedValueView {
            slot,
            kind: value.kind().name(),
            scheme: value.scheme().name(),
            value: if address.is_some() { None } else { Some(text.clone()) },
            address: address.map(|a| AddressView {
                country: a.country,
                region: a.region,
                city: a.city,
                postcode: a.postcode,
                lines: a.lines,
            }),
        }
    }
}

/// Values of a customer, opened.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenedCustomerView {
    /// The opening, as the person it is about is shown it.
    opening: String,
    /// The customer.
    customer: String,
    /// The values that were asked for.
    values: Vec<OpenedValueView>,
}

impl From<&OpenedCustomer> for OpenedCustomerView {
    fn from(opened: &OpenedCustomer) -> OpenedCustomerView {
        let values = opened.values.iter().map(|(slot, value)| OpenedValueView::new(Some(*slot), value));
        OpenedCustomerView {
            opening: opened.opening.to_string(),
            customer: opened.customer.to_string(),
            values: values.collect(),
        }
    }
}

/// Who opened something.
#[derive(Serialize, ToSchema)]
pub(super) struct OpeningView {
    /// The opening; absent for a sealed export that held it.
    id: Option<String>,
    /// Who: a member or an API key.
    reader: String,
    /// What for.
    purpose: &'static str,
    /// What was opened: kinds, never values.
    opened: String,
    /// Why; absent once the data was erased.
    reason: Option<String>,
    /// When.
    at: String,
}

impl From<&Opening> for OpeningView {
    fn from(opening: &Opening) -> OpeningView {
        OpeningView {
            id: opening.id.map(|id| id.to_string()),
            reader: opening.reader.clone(),
            purpose: opening.purpose.name(),
            opened: opening.opened.clone(),
            reason: opening.reason.as_ref().map(|reason| reason.expose().clone()),
            at: opening.at.to_rfc3339(),
        }
    }
}

/// How much may be opened, and when security is told.
#[derive(Serialize, ToSchema)]
pub(super) struct LimitsView {
    /// Openings of one person in an hour.
    person_hour: i64,
    /// Openings of one API key in an hour.
    key_hour: i64,
    /// Openings of the whole shop in an hour.
    shop_hour: i64,
    /// Openings of one person in an hour after which security is told.
    alert_hour: i64,
    /// Openings of one person in a day after which security is told.
    alert_day: i64,
}

impl From<&Limits> for LimitsView {
    fn from(limits: &Limits) -> LimitsView {
        LimitsView {
            person_hour: limits.person_hour,
            key_hour: limits.key_hour,
            shop_hour: limits.shop_hour,
            alert_hour: limits.alert_hour,
            alert_day: limits.alert_day,
        }
    }
}

/// Somebody reads too much.
#[derive(Serialize, ToSchema)]
pub(super) struct AlertView {
    /// The alert.
    id: String,
    /// Who, or `shop` for the whole shop.
    reader: String,
    /// `hour`, `day`, `unusual` (against the reader's own history) or `limit`.
    kind: &'static str,
    /// Openings in the hour or day.
    openings: i64,
    /// What they were measured against.
    threshold: i64,
    /// When.
    at: String,
}

impl From<&Alert> for AlertView {
    fn from(alert: &Alert) -> AlertView {
        AlertView {
            id: alert.id.to_string(),
            reader: alert.reader.clone(),
            kind: alert.kind.name(),
            openings: alert.openings,
            threshold: alert.threshold,
            at: alert.created.to_rfc3339(),
        }
    }
}

/// A sealed export, without any record.
#[derive(Serialize, ToSchema)]
pub(super) struct ExportView {
    /// The export; what is approved.
    id: String,
    /// `customers` or `cards`.
    what: &'static str,
    /// `proposed`, `taken` or `closed`.
    state: &'static str,
    /// Who can open the file.
    recipient: String,
    /// What for.
    purpose: &'static str,
    /// Why; in reads alone.
    reason: Option<String>,
    /// Who proposed it.
    proposer: String,
    /// How many records it held when it was taken.
    records: Option<i64>,
    /// When it was proposed.
    created_at: String,
    /// When it was taken.
    taken_at: Option<String>,
}

impl ExportView {
    pub(super) fn new(export: &Export, now: Timestamp) -> ExportView {
        ExportView { reason: Some(export.reason.expose().clone()), ..ExportView::bare(export, now) }
    }

    /// Without the reason: an answer that may be stored.
    pub(super) fn bare(export: &Export, now: Timestamp) -> ExportView {
        ExportView {
            id: export.id.to_string(),
            what: export.what.name(),
            state: export.state_at(now).name(),
            recipient: export.recipient.clone(),
            purpose: export.purpose.name(),
            reason: None,
            proposer: export.proposer.clone(),
            records: export.records,
            created_at: export.created.to_rfc3339(),
            taken_at: export.taken.map(Timestamp::to_rfc3339),
        }
    }
}
