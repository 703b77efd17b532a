//! The JSON of cards, customers, openings, imports and exports. Thin: read, be let through, one transaction, show.
//!
//! What opens a value answers with it and stores it nowhere: such an operation takes no idempotency key, since a stored
//! answer would be a copy in the clear. Asked twice, it is two openings.

mod customers;
pub(crate) mod errors;
mod exports;
mod imports;
mod openings;
mod payouts;
mod read;
mod sealed;
mod tokens;
mod views;

use identity::Context;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use errors::{CODES, of_limits, of_payout};
pub use sealed::write_sealed;

/// All operations of this domain.
pub fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(tokens::create_token, tokens::list_tokens))
        .routes(routes!(tokens::find_token, tokens::delete_token))
        .routes(routes!(tokens::open_token))
        .routes(routes!(tokens::match_token))
        .routes(routes!(tokens::list_token_openings))
        .routes(routes!(customers::create_customer, customers::list_customers))
        .routes(routes!(customers::search_customers))
        .routes(routes!(customers::find_customer, customers::erase_customer))
        .routes(routes!(customers::add_value))
        .routes(routes!(customers::remove_value))
        .routes(routes!(customers::open_customer))
        .routes(routes!(customers::list_customer_openings))
        .routes(routes!(openings::find_opening_limits, openings::update_opening_limits))
        .routes(routes!(openings::list_opening_alerts))
        .routes(routes!(payouts::find_payout_account, payouts::update_payout_account))
        .routes(routes!(payouts::withdraw_payout_account))
        .routes(routes!(imports::import_customers))
        .routes(routes!(imports::import_cards))
        .routes(routes!(exports::propose_export, exports::list_exports))
        .routes(routes!(exports::find_export))
        .routes(routes!(exports::take_export))
        .routes(routes!(exports::fetch_export))
}
