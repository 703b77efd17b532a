//! Values every domain shares: money, typed ids, time, chance, secrets and limits.
//!
//! Nothing here knows a payment, a page or a table. It changes rarely, because everything is built on it.

mod clock;
mod country;
mod dice;
mod ids;
pub mod limits;
mod money;
mod secret;

pub use clock::{Clock, Timestamp};
pub use country::is_country;
pub use dice::Dice;
pub use ids::{
    AccessReviewId, AlertId, ApiKeyId, AppId, ApprovalId, BuyerId, CaseId, CertificateId, CodeId,
    ConnectionId, CustomerId, DecisionId, DeviceId, EmergencyId, EntryId, ExportId, FactorId, IdError,
    MemberId, OpeningId, OrderId, PaymentId, RefundId, RequestId, ReviewId, RoleId, ScopedId, SessionId,
    ShopId, TerminalId, TokenId, TransferId,
};
pub use money::{Currency, Money, MoneyError};
pub use secret::Secret;
