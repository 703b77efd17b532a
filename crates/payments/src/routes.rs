//! The JSON of payments: bodies, views, handlers. Thin: read, be let through, one transaction, show.
//!
//! Every write goes through [`identity::gate`]: signature or session, nonce, permission and idempotency key are checked
//! inside the transaction of the work itself. What payments adds is the audit log's promise, see [`Context::open`].

mod codes;
mod decisions;
pub(crate) mod errors;
mod labels;
mod orders;
mod paying;
mod payments;
mod places;
pub(crate) mod read;
mod refund_limits;
mod refunds;
mod reviews;
mod rules;
mod top_ups;
pub mod views;

use std::sync::{Arc, PoisonError, RwLock};

use identity::gate;
use tokio::sync::broadcast;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use webkit::ApiError;
use webkit::body::Incoming;
use webkit::throttle::{Rate, Throttle};

use crate::code_token::CodeKey;
use crate::payment::Payment;
use crate::screening::Screen;

pub use errors::{CODES, of_label, of_limit, of_refund};

/// Payments that one buyer may begin at printed codes.
const BEGUN: Rate = Rate { burst: 20, per_minute: 10 };
/// Changes that a live page is behind before it is told to load anew.
const LIVE_EVENTS_MAX: usize = 1024;

/// What the handlers of payments hold. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Who calls: database, vault, clock, keys.
    pub identity: identity::Context,
    /// Signs promises over entries of the audit log.
    pub signer: Arc<audit::Signer>,
    screen: Arc<RwLock<Screen>>,
    live: broadcast::Sender<Arc<Payment>>,
    /// Adds the log's promise to answers.
    promise: gate::Finish,
    /// Counts the payments that a buyer begins at printed codes.
    begun: Arc<Throttle>,
}

impl axum::extract::FromRef<Context> for identity::Context {
    fn from_ref(context: &Context) -> identity::Context {
        context.identity.clone()
    }
}

impl Context {
    /// A context that screens with `screen`.
    pub fn new(identity: identity::Context, signer: Arc<audit::Signer>, screen: Screen) -> Context {
        let live = broadcast::channel(LIVE_EVENTS_MAX).0;
        let promiser = Arc::clone(&signer);
        let promise: gate::Finish = Arc::new(move |body| views::with_promise(&promiser, body));
        Context {
            identity,
            signer,
            screen: Arc::new(RwLock::new(screen)),
            live,
            promise,
            begun: Arc::new(Throttle::new(BEGUN)),
        }
    }

    /// Opens a request at the gate. Its answers carry the log's signed promise where they tell of an entry.
    pub(crate) async fn open(&self, incoming: Incoming) -> Result<gate::Call, ApiError> {
        let call = gate::Call::open(&self.identity, incoming).await?;
        Ok(call.finished_by(Arc::clone(&self.promise)))
    }

    /// What signs codes now.
    pub fn code_key(&self) -> CodeKey {
        crate::code::code_key(&self.identity.vault)
    }

    /// What decides now.
    pub fn screen(&self) -> Screen {
        self.screen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other rules or another model in force.
    pub fn set_screen(&self, screen: Screen) {
        *self.screen.write().unwrap_or_else(PoisonError::into_inner) = screen;
    }

    /// Payments as they change, after they are durable.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Payment>> {
        self.live.subscribe()
    }

    /// Tells live pages of a payment, once the transaction is durable.
    pub fn publish(&self, tx: &mut store::Tx<'_>, payment: &Payment) {
        if self.live.receiver_count() == 0 {
            return;
        }
        let (live, payment) = (self.live.clone(), Arc::new(payment.clone()));
        tx.after_commit(move || drop(live.send(payment)));
    }

    /// Lets a buyer begin one more payment at a printed code.
    ///
    /// # Errors
    /// 429 when they begin many and pay none.
    pub fn begin_at_code(&self, buyer: base::BuyerId, now: base::Timestamp) -> Result<(), ApiError> {
        self.begun.check(buyer.short().as_bytes(), now)
    }

    /// Where codes point to.
    pub fn public_url(&self) -> &str {
        &self.identity.public_url
    }
}

/// All operations of this domain.
pub fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(orders::create_order, orders::list_orders))
        .routes(routes!(orders::find_order))
        .routes(routes!(orders::create_terminal, orders::list_terminals))
        .routes(routes!(orders::create_terminal_enrolment))
        .routes(routes!(places::find_shop_place, places::update_shop_place))
        .routes(routes!(places::update_terminal_place))
        .routes(routes!(payments::create_payment, payments::list_payments))
        .routes(routes!(payments::find_payment))
        .routes(routes!(payments::cancel_payment))
        .routes(routes!(payments::find_proof))
        .routes(routes!(labels::find_payment_label, labels::update_payment_label))
        .routes(routes!(paying::confirm_payment))
        .routes(routes!(paying::answer_challenge))
        .routes(routes!(paying::create_passkey_challenge))
        .routes(routes!(paying::list_own_payments))
        .routes(routes!(refunds::create_refund, refunds::list_refunds))
        .routes(routes!(refunds::find_refund))
        .routes(routes!(refunds::find_refund_proposal))
        .routes(routes!(refund_limits::list_refund_limits))
        .routes(routes!(refund_limits::update_refund_limit))
        .routes(routes!(codes::create_code, codes::list_codes))
        .routes(routes!(codes::find_code))
        .routes(routes!(codes::revoke_code))
        .routes(routes!(codes::find_code_image))
        .routes(routes!(codes::scan_code))
        .routes(routes!(codes::create_payment_from_code))
        .routes(routes!(reviews::list_reviews))
        .routes(routes!(reviews::decide_review))
        .routes(routes!(rules::list_rules))
        .routes(routes!(rules::update_rule))
        .routes(routes!(decisions::create_decision))
        .routes(routes!(decisions::find_decision))
        .routes(routes!(top_ups::create_top_up))
}
