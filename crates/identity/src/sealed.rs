//! The columns of identity that hold sealed values, so that data keys can be replaced and values sealed anew.
//!
//! INVARIANT: a column that is sealed and not listed here is lost when its owner's data key is replaced. A test of the
//! whole program looks for sealed bytes in columns that nobody lists.

use base::ShopId;
use vault::SealedColumn;

use crate::api_keys::OWNER as API_KEY_OWNER;
use crate::certificates::OWNER as AUTHORITY_OWNER;
use crate::disputes::list_sealed;
use crate::store::certificates::{list_authority_keys, update_authority_key};
use crate::store::disputes::update_old_address;
use crate::store::sealed::{
    Anew, Part, list_api_secrets, list_buyer_parts, list_factor_secrets, list_invited, list_mail_parts,
    list_member_parts, list_waiting_parts, update_api_secret, update_buyer_part, update_factor_secret,
    update_invited, update_mail_part, update_member_part, update_waiting_part,
};

/// Every one of them.
pub const SEALED: &[SealedColumn] = &[
    SealedColumn {
        table: "buyers",
        column: "name",
        list: |tx, shop, owner, after, limit| match shop {
            ShopId::HOUSE => list_buyer_parts(tx, Part::Name, owner, after, limit),
            _ => Ok(Vec::new()),
        },
        update: |tx, shop, owner, row, sealed| {
            update_buyer_part(tx, Part::Name, Anew { shop, owner, row, sealed })
        },
    },
    SealedColumn {
        table: "buyers",
        column: "contact",
        list: |tx, shop, owner, after, limit| match shop {
            ShopId::HOUSE => list_buyer_parts(tx, Part::Contact, owner, after, limit),
            _ => Ok(Vec::new()),
        },
        update: |tx, shop, owner, row, sealed| {
            update_buyer_part(tx, Part::Contact, Anew { shop, owner, row, sealed })
        },
    },
    SealedColumn {
        table: "buyers",
        column: "name",
        list: |tx, shop, owner, after, limit| match shop {
            ShopId::HOUSE => list_waiting_parts(tx, Part::Name, owner, after, limit),
            _ => Ok(Vec::new()),
        },
        update: |tx, shop, owner, row, sealed| {
            update_waiting_part(tx, Part::Name, Anew { shop, owner, row, sealed })
        },
    },
    SealedColumn {
        table: "buyers",
        column: "contact",
        list: |tx, shop, owner, after, limit| match shop {
            ShopId::HOUSE => list_waiting_parts(tx, Part::Contact, owner, after, limit),
            _ => Ok(Vec::new()),
        },
        update: |tx, shop, owner, row, sealed| {
            update_waiting_part(tx, Part::Contact, Anew { shop, owner, row, sealed })
        },
    },
    SealedColumn {
        table: "members",
        column: "name",
        list: |tx, shop, owner, after, limit| list_member_parts(tx, Part::Name, (shop, owner), after, limit),
        update: |tx, shop, owner, row, sealed| {
            update_member_part(tx, Part::Name, Anew { shop, owner, row, sealed })
        },
    },
    SealedColumn {
        table: "members",
        column: "email",
        list: |tx, shop, owner, after, limit| {
            list_member_parts(tx, Part::Contact, (shop, owner), after, limit)
        },
        update: |tx, shop, owner, row, sealed| {
            update_member_part(tx, Part::Contact, Anew { shop, owner, row, sealed })
        },
    },
    SealedColumn {
        table: "api_keys",
        column: "secret",
        list: |tx, shop, owner, after, limit| match owner {
            API_KEY_OWNER => list_api_secrets(tx, shop, after, limit),
            _ => Ok(Vec::new()),
        },
        update: |tx, shop, owner, row, sealed| update_api_secret(tx, Anew { shop, owner, row, sealed }),
    },
    SealedColumn {
        table: "outbox_mail",
        column: "recipient",
        list: |tx, shop, owner, after, limit| list_mail_parts(tx, Part::Contact, (shop, owner), after, limit),
        update: |tx, shop, owner, row, sealed| {
            update_mail_part(tx, Part::Contact, Anew { shop, owner, row, sealed })
        },
    },
    SealedColumn {
        table: "outbox_mail",
        column: "body",
        list: |tx, shop, owner, after, limit| list_mail_parts(tx, Part::Name, (shop, owner), after, limit),
        update: |tx, shop, owner, row, sealed| {
            update_mail_part(tx, Part::Name, Anew { shop, owner, row, sealed })
        },
    },
    SealedColumn {
        table: "factors",
        column: "secret",
        list: |tx, shop, owner, after, limit| list_factor_secrets(tx, (shop, owner), after, limit),
        update: |tx, shop, owner, row, sealed| update_factor_secret(tx, Anew { shop, owner, row, sealed }),
    },
    SealedColumn {
        table: "dispute_links",
        column: "old_address",
        list: |tx, shop, owner, after, limit| list_sealed(tx, (shop, owner), after, limit),
        update: |tx, _, _, row, sealed| update_old_address(tx, row, sealed),
    },
    SealedColumn {
        table: "approvals",
        column: "invited",
        list: |tx, shop, owner, after, limit| list_invited(tx, (shop, owner), after, limit),
        update: |tx, shop, owner, row, sealed| update_invited(tx, Anew { shop, owner, row, sealed }),
    },
    SealedColumn {
        table: "certificate_authorities",
        column: "key",
        list: |tx, shop, owner, after, limit| match (shop, owner) {
            (ShopId::HOUSE, AUTHORITY_OWNER) => list_authority_keys(tx, after, limit),
            _ => Ok(Vec::new()),
        },
        update: |tx, _, _, row, sealed| update_authority_key(tx, row, sealed),
    },
];
