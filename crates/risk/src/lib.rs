//! Decides on a payment attempt from what is known of it and what is remembered of the parties.
//!
//! Pure: no store, no network, no clock. The same code runs in the live path, in a backtest and on a CSV file, so
//! training and serving see the same numbers. Reading order: [`facts`] (what is known of one attempt), [`profile`]
//! (what is remembered of one party, with its [`labels`]), [`mod@features`] (numbers made of both), [`rules`] (CEL expressions over them),
//! [`decide`] (outcome, reasons, record).

pub mod countries;
pub mod decide;
pub mod facts;
pub mod features;
pub mod flows;
pub mod labels;
pub mod metrics;
pub mod model;
pub mod output;
pub mod profile;
pub mod reasons;
pub mod replay;
pub mod report;
mod routes;
pub mod rules;
pub mod screen;
pub mod table;
pub mod train;
pub mod window;
mod wire;

pub use countries::Countries;
pub use decide::{Costs, Decision, Outcome, Reason, Scorer, decide, decide_under, judge, judge_under};
pub use facts::{CodeKind, Entity, Facts, Key, Place, Word};
pub use features::{Features, Slot, features};
pub use flows::{Flow, Flows};
pub use labels::{Change, Label, Labels};
pub use profile::{Attempt, Profile, Profiles, observe};
pub use reasons::{Audience, Lang, explain, explain_watched};
pub use rules::{Mode, Modes, Rule, RuleError, RuleSet};
