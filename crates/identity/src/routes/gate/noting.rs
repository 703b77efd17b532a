//! Refusals in the audit log (SIG-9): with the true reason, which the caller does not always learn, and thinned out, since
//! the log is not for an attacker to fill.

use std::net::IpAddr;

use base::{AppId, EntryId, RequestId, ScopedId, ShopId, Timestamp};
use webkit::request::RequestContext;

use crate::context::Context;
use crate::members::origin_of;
use crate::oauth::{AssertionProblem, ProofProblem};
use crate::record;

/// When, whence and under which name a request came.
#[derive(Clone, Copy, Debug)]
pub(in crate::routes) struct Seen {
    pub(in crate::routes) at: Timestamp,
    pub(in crate::routes) remote: Option<IpAddr>,
    pub(in crate::routes) request: RequestId,
}

impl From<RequestContext> for Seen {
    fn from(context: RequestContext) -> Seen {
        Seen { at: context.at, remote: context.remote, request: context.id }
    }
}

/// Who sent what was refused.
#[derive(Clone, Copy, Debug)]
pub(in crate::routes) enum Sender {
    /// An app that showed something of its own: a right assertion, a token, or a signature that is refused for another reason.
    App(AppId),
    /// Whoever it was; the app that they named, where there is one.
    Somebody(Option<AppId>),
}

impl Sender {
    fn app(self) -> Option<AppId> {
        match self {
            Sender::App(app) => Some(app),
            Sender::Somebody(named) => named,
        }
    }
}

/// Notes a refused assertion; one that was not sent is none.
pub(in crate::routes) async fn note_assertion(
    cx: &Context,
    seen: Seen,
    named: Option<AppId>,
    problem: AssertionProblem,
) {
    let sender = match named {
        Some(app) if problem.is_signed() => Sender::App(app),
        named => Sender::Somebody(named),
    };
    if problem != AssertionProblem::Missing {
        note(cx, seen, sender, (record::APP_ASSERTION_REFUSED, problem.reason())).await;
    }
}

/// Notes a refused proof of an app that is known by something else.
pub(in crate::routes) async fn note_proof(cx: &Context, seen: Seen, app: AppId, problem: ProofProblem) {
    note(cx, seen, Sender::App(app), (record::APP_PROOF_REFUSED, problem.reason())).await;
}

/// Counts a refusal of its sender, and enters those that [`crate::limits::NOTED_AT`] names. Of senders who are not known no
/// more are entered in a minute than of signatures of keys that are not.
async fn note(cx: &Context, seen: Seen, sender: Sender, (action, reason): (audit::Action, &'static str)) {
    let now = seen.at;
    let (noise, source) = match sender {
        Sender::App(app) => (&cx.app_noise, app.to_string()),
        Sender::Somebody(_) => (&cx.address_noise, origin_of(seen.remote)),
    };
    let Some(count) = noise.count(format!("{} {source}", action.as_str()).as_bytes(), now) else { return };
    let is_known = matches!(sender, Sender::App(_));
    if !is_known && cx.refusals.take(b"app", now).is_err() {
        return;
    }
    let app = sender.app();
    tracing::warn!(app = ?app, reason, count, "an app was refused");
    let id = EntryId::new(app.map_or(ShopId::HOUSE, |app| app.shop()), now, &cx.dice);
    let object = app.map_or(audit::Object::word("request"), audit::Object::from);
    let actor = app.filter(|_| is_known).map_or(audit::Actor::unknown(), audit::Actor::from);
    let entry = audit::Entry::new(id, now, actor, action, object, audit::Outcome::Refused)
        .address(seen.remote)
        .request(seen.request)
        .detail("reason", reason)
        .detail("count", i64::from(count));
    enter(cx, entry).await;
}

/// Enters a refusal. That it cannot be is told in the program's log: the caller is refused in any case.
pub(super) async fn enter(cx: &Context, entry: audit::Entry) {
    let written = cx.db.write(move |tx| audit::append(tx, &entry).map(drop)).await;
    if let Err(problem) = written {
        tracing::error!(%problem, "a refusal could not be entered into the audit log");
    }
}
