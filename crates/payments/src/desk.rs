//! The pages people see, with their handlers: the pay pages of buyers and the desk of a shop's members.

use axum::Router;

use crate::routes::Context;

/// All pages of this domain.
pub fn router(context: Context) -> Router {
    Router::new().with_state(context)
}
