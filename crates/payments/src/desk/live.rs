//! Event streams of the desk: rows of payments as they change, the state of a code while it is shown.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State as Shared};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base::{CodeId, ScopedId};
use identity::Permission;
use identity::desk::{Visit, admit_member};
use store::Tx;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use webkit::error::ApiError;

use super::Desk;
use super::codes::state_of;
use super::member::{Member, read_as};
use super::rows::row_of;
use crate::pages::codes::CodeStatePart;
use crate::pages::list::PaymentRowPart;
use crate::pages::shown::CodeShown;
use crate::payment::Payment;

/// What an event without news carries: browsers drop an event that has no data.
const CHANGED: &str = "changed";

/// Follows all payments of the member's shop.
pub(super) async fn follow_payments(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let render = |tx: &mut Tx<'_>, member: &Member<'_>, payment: &Payment| {
        let page = member.bare_frame();
        let row = row_of(tx, member, &page, payment)?;
        html("payments", &PaymentRowPart { page, row })
    };
    stream(desk, visit, |_| true, render).await
}

/// Follows the payments of one code.
pub(super) async fn follow_code(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id: CodeId = id.parse().map_err(|_| ApiError::not_found("code does not exist"))?;
    read_as(&desk, &visit, Permission::ViewPayments, move |_, member| {
        member.allow(Permission::ViewPayments, id.shop())
    })
    .await?;
    let render = |tx: &mut Tx<'_>, member: &Member<'_>, payment: &Payment| {
        let state = state_of(tx, member, payment)?;
        if state.state != CodeShown::Open {
            // A code that is used up is no longer shown: the whole page changes.
            return Ok(Event::default().event("changed").data(CHANGED));
        }
        html("code", &CodeStatePart { page: member.bare_frame(), state })
    };
    stream(desk, visit, move |payment| payment.code() == id, render).await
}

fn html(name: &str, part: &impl Template) -> Result<Event, ApiError> {
    let text = part.render().map_err(ApiError::internal)?;
    // One event is one line: the parts hold no text in which a line break counts.
    Ok(Event::default().event(name).data(text.replace(['\r', '\n'], " ")))
}

/// What makes an event of a payment.
type Render = fn(&mut Tx<'_>, &Member<'_>, &Payment) -> Result<Event, ApiError>;

struct Line<F> {
    desk: Desk,
    visit: Visit,
    live: Receiver<Arc<Payment>>,
    wanted: F,
    render: Render,
    _room: tokio::sync::OwnedSemaphorePermit,
}

/// A stream of events for the payments of the member's shop that are `wanted`.
async fn stream(
    desk: Desk,
    visit: Visit,
    wanted: impl Fn(&Payment) -> bool + Send + Sync + 'static,
    render: Render,
) -> Result<Response, ApiError> {
    let allow = |_: &mut Tx<'_>, member: &Member<'_>| Ok(member.shop.id);
    let shop = read_as(&desk, &visit, Permission::ViewPayments, allow).await?;
    let room = Arc::clone(&desk.streams).try_acquire_owned();
    let room = room.map_err(|_| ApiError::unavailable(5, "all event streams are taken"))?;
    let live = desk.context.subscribe();
    let own = move |payment: &Payment| payment.id.shop() == shop && wanted(payment);
    let line = Line { desk, visit, live, wanted: own, render, _room: room };
    let events = futures_util::stream::unfold(Some(line), |line| async move { next_event(line?).await });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// The next event; the stream ends when the session does. A page that is far behind is told to load anew.
async fn next_event<F: Fn(&Payment) -> bool + Send + Sync + 'static>(
    mut line: Line<F>,
) -> Option<(Result<Event, Infallible>, Option<Line<F>>)> {
    loop {
        match line.live.recv().await {
            Ok(payment) if (line.wanted)(&payment) => {
                let event = line.event(payment).await?;
                return Some((Ok(event), Some(line)));
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                return Some((Ok(Event::default().event("changed").data(CHANGED)), None));
            }
            Err(RecvError::Closed) => return None,
        }
    }
}

impl<F> Line<F> {
    /// Asks each time whether the member still may: the session can have ended, the role have changed.
    async fn event(&self, payment: Arc<Payment>) -> Option<Event> {
        let (desk, mut visit, render) = (self.desk.clone(), self.visit.clone(), self.render);
        visit.now = desk.identity().clock.now();
        let made = self.desk.db().read(move |tx| {
            let person = admit_member(tx, &desk.hall, &visit, Permission::ViewPayments)?;
            render(tx, &Member::new(&person, &desk), &payment)
        });
        made.await.ok()
    }
}
