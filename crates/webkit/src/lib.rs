//! The web edge without domain words: readers of requests, one error format, idempotency, request signing, lists,
//! cookies, throttles, and the frame of pages.
//!
//! Reading order: `request.rs` (what happens around a handler), `error.rs`, `body.rs`, then `signing.rs`, `replay.rs`
//! and `idempotency.rs` (what makes a request count once).

pub mod body;
pub mod cookies;
pub mod error;
pub mod fuzz;
pub mod idempotency;
pub mod jose;
pub mod limits;
pub mod page;
pub mod paging;
pub mod peer;
pub mod qr;
pub mod replay;
pub mod request;
pub mod signing;
mod store;
pub mod throttle;

pub use crate::store::MIGRATIONS;
pub use body::{Form, Incoming, Json, Query};
pub use error::{ApiError, ApiErrors, ApiResult, Code, ErrorBody, ErrorView, FieldProblem, Problems};
pub use paging::{Cursor, List};
pub use peer::PeerCertificate;
pub use request::{Edge, RequestContext};
