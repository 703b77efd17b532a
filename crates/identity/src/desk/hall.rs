//! What the handlers of pages hold, whatever domain they belong to.

use std::sync::Arc;

use base::{Money, ShopId};
use store::{Db, Tx};
use webkit::error::ApiError;
use webkit::page::{Texts, Zone};
use webkit::request::RequestContext;
use webkit::throttle::{Rate, Throttle};

use super::menu::Menu;
use crate::context::Context;
use crate::shops::Shop;

/// Forms from one address without a session.
const KNOCKS: Rate = Rate { burst: 60, per_minute: 60 };

/// Passwords judged for one address: a person who types asks a few times a second.
const METERS: Rate = Rate { burst: 120, per_minute: 240 };

/// What a visitor at the door came for: a payment that waits.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The shop's name.
    pub shop: String,
    /// What is about to be paid.
    pub amount: Money,
}

/// What identity does not know of a shop and its guests. The domain that trades answers; the program hands it in.
pub trait Trade: Send + Sync {
    /// The zone of a shop's clock.
    ///
    /// # Errors
    /// Those of the store.
    fn find_zone(&self, tx: &mut Tx<'_>, shop: &Shop) -> Result<Zone, ApiError>;

    /// Notes the zone that a new shop chose, an IANA name.
    ///
    /// # Errors
    /// Those of the store.
    fn set_zone(&self, tx: &mut Tx<'_>, shop: ShopId, zone: &str) -> Result<(), ApiError>;

    /// What a buyer came for who goes on to the page at `next`; `None` for nothing in particular.
    ///
    /// # Errors
    /// Those of the store.
    fn find_errand(&self, tx: &mut Tx<'_>, next: &str) -> Result<Option<Errand>, ApiError>;

    /// The page on which the form that posts to `path` stands, for those who have to sign in first.
    fn form_page(&self, path: &str) -> Option<String>;
}

/// What the handlers of pages hold. Cheap to clone.
#[derive(Clone)]
pub struct Hall {
    /// Database, vault, clock, dice, keys.
    pub identity: Context,
    /// Counts forms sent without a session, by address.
    knocks: Arc<Throttle>,
    /// Counts passwords judged while they are typed, by address.
    meters: Arc<Throttle>,
    menu: Arc<Menu>,
    trade: Arc<dyn Trade>,
    texts: &'static Texts,
}

impl Hall {
    /// A hall whose bar shows `menu`.
    pub fn new(identity: Context, menu: Menu, trade: Arc<dyn Trade>) -> Hall {
        let (knocks, meters) = (Arc::new(Throttle::new(KNOCKS)), Arc::new(Throttle::new(METERS)));
        Hall { identity, knocks, meters, menu: Arc::new(menu), trade, texts: crate::pages::texts() }
    }

    /// The same hall for the pages of a domain with texts of its own, which hold identity's too:
    /// `Texts::new(&[identity::pages::LOCALES, LOCALES])`.
    #[must_use]
    pub fn with_texts(self, texts: &'static Texts) -> Hall {
        Hall { texts, ..self }
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.identity.db
    }

    /// What the trading domain knows.
    pub fn trade(&self) -> &dyn Trade {
        self.trade.as_ref()
    }

    /// The entries of the bar.
    pub fn menu(&self) -> &Menu {
        &self.menu
    }

    /// The texts of the pages that are shown.
    pub fn texts(&self) -> &'static Texts {
        self.texts
    }

    /// Takes one form sent without a session, from `origin`.
    ///
    /// # Errors
    /// 429.
    pub fn knock(&self, origin: &str, now: base::Timestamp) -> Result<(), ApiError> {
        self.knocks.check(origin.as_bytes(), now)
    }

    /// Takes one password to judge, from `origin`.
    ///
    /// # Errors
    /// 429.
    pub(super) fn count_meter(&self, origin: &str, now: base::Timestamp) -> Result<(), ApiError> {
        self.meters.check(origin.as_bytes(), now)
    }

    /// Whether visitors come over TLS, to us or to the proxy before us.
    pub fn is_secure(&self, context: &RequestContext) -> bool {
        context.secure || self.identity.public_url.starts_with("https://")
    }

    /// A shop with the zone of its clock.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn find_shop(&self, tx: &mut Tx<'_>, id: ShopId) -> Result<(Shop, Zone), ApiError> {
        let shop =
            crate::shops::find_shop(tx, id)?.ok_or_else(|| ApiError::not_found("shop does not exist"))?;
        let zone = self.trade.find_zone(tx, &shop)?;
        Ok((shop, zone))
    }
}
