//! The columns of this domain that hold sealed values, so that data keys can be replaced and values sealed anew.
//!
//! INVARIANT: a column that is sealed and not listed here is lost when its owner's data key is replaced.

use base::{CustomerId, TokenId};
use vault::SealedColumn;

use crate::customer::{self, value_row};
use crate::export;
use crate::opening;
use crate::payout;
use crate::store::sealed::{
    Part, PayoutPart, list_export_reasons, list_externals, list_opening_reasons, list_parts,
    list_payout_parts, list_values, update_export_reason, update_external, update_opening_reason,
    update_part, update_payout_part, update_value,
};
use crate::token;

/// A part of a payout account.
macro_rules! payout_column {
    ($column:literal, $part:expr) => {
        SealedColumn {
            table: payout::TABLE,
            column: $column,
            list: |tx, shop, owner, after, _| list_payout_parts(tx, $part, (shop, owner), after),
            update: |tx, shop, owner, _, sealed| update_payout_part(tx, $part, (shop, owner), sealed),
        }
    };
}

/// Every one of them.
pub const SEALED: &[SealedColumn] = &[
    SealedColumn {
        table: token::TABLE,
        column: "pan",
        list: |tx, _, owner, after, _| list_parts(tx, Part::Pan, TokenId::from_short(owner), after),
        update: |tx, _, owner, _, sealed| update_part(tx, Part::Pan, TokenId::from_short(owner), sealed),
    },
    SealedColumn {
        table: token::TABLE,
        column: "holder",
        list: |tx, _, owner, after, _| list_parts(tx, Part::Holder, TokenId::from_short(owner), after),
        update: |tx, _, owner, _, sealed| update_part(tx, Part::Holder, TokenId::from_short(owner), sealed),
    },
    SealedColumn {
        table: customer::TABLE,
        column: "external",
        list: |tx, _, owner, after, _| list_externals(tx, CustomerId::from_short(owner), after),
        update: |tx, _, owner, _, sealed| update_external(tx, CustomerId::from_short(owner), sealed),
    },
    SealedColumn {
        table: customer::VALUES_TABLE,
        column: "sealed",
        list: |tx, _, owner, after, limit| {
            list_values(tx, CustomerId::from_short(owner), after, limit, value_row)
        },
        update: |tx, _, owner, row, sealed| update_value(tx, CustomerId::from_short(owner), row, sealed),
    },
    SealedColumn {
        table: opening::TABLE,
        column: "reason",
        list: |tx, shop, owner, after, limit| list_opening_reasons(tx, shop, owner, after, limit),
        update: |tx, shop, owner, row, sealed| update_opening_reason(tx, shop, owner, row, sealed),
    },
    payout_column!("holder", PayoutPart::Holder),
    payout_column!("number", PayoutPart::Number),
    payout_column!("bank", PayoutPart::Bank),
    SealedColumn {
        table: export::TABLE,
        column: "reason",
        list: |tx, shop, owner, after, limit| match owner {
            export::OWNER => list_export_reasons(tx, shop, after, limit),
            _ => Ok(Vec::new()),
        },
        update: |tx, shop, _, row, sealed| update_export_reason(tx, shop, row, sealed),
    },
];
