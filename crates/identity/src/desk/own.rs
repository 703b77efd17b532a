//! Somebody at their own account: a buyer under `/me`, a member under `/desk`. What both do alike is written once.

use std::net::IpAddr;

use base::{SessionId, Timestamp};
use store::Tx;
use webkit::error::ApiError;
use webkit::page::{Frame, Zone};

use super::form::Once;
use super::hall::Hall;
use super::member::{Member, admit_member};
use super::visit::{Payer, Side, Visit, admit_payer};
use crate::context::Means;
use crate::permissions::{Actor, Permission};
use crate::person::Person;
use crate::routes::asleep;
use crate::sessions::touch_session;

/// Somebody let through to their own account, in a transaction.
pub(super) struct Own<'a> {
    who: Who<'a>,
    /// Who it is.
    pub person: Person,
    /// The session that asks.
    pub session: SessionId,
    hall: &'a Hall,
    visit: &'a Visit,
}

enum Who<'a> {
    Buyer(Payer<'a>),
    Member(Box<Member<'a>>),
}

impl<'a> Own<'a> {
    fn admit(tx: &mut Tx<'_>, hall: &'a Hall, visit: &'a Visit, side: Side) -> Result<Own<'a>, ApiError> {
        match side {
            Side::Buyer => {
                let payer = admit_payer(tx, hall, visit)?;
                if !payer.session.awake {
                    return Err(asleep());
                }
                let (person, session) = (Person::Buyer(payer.session.buyer), payer.session.id);
                Ok(Own { who: Who::Buyer(payer), person, session, hall, visit })
            }
            Side::Member => {
                let member = admit_member(tx, hall, visit, Permission::OwnSecurity)?;
                let (person, session) = (Person::Member(member.session.member), member.session.id);
                Ok(Own { who: Who::Member(Box::new(member)), person, session, hall, visit })
            }
        }
    }

    /// What domain functions are handed.
    pub fn means(&self) -> Means<'_> {
        self.hall.identity.means(self.visit.now)
    }

    /// Who it is, as the gate sees them.
    pub fn actor(&self) -> Actor {
        match &self.who {
            Who::Buyer(payer) => payer.actor(),
            Who::Member(member) => member.actor.clone(),
        }
    }

    /// The page's frame: with the bar for a member.
    ///
    /// # Errors
    /// Those of store and vault.
    pub fn frame(&self, tx: &mut Tx<'_>) -> Result<Frame, ApiError> {
        match &self.who {
            Who::Buyer(_) => Ok(self.visit.frame(self.hall, Side::Buyer, Zone::default())),
            Who::Member(member) => member.frame(tx),
        }
    }

    /// The country of a network address, where the operator's table knows it.
    pub fn country_of(&self, address: IpAddr) -> Option<String> {
        (self.hall.identity.country_of)(address)
    }

    fn touch_due(&self) -> bool {
        match &self.who {
            Who::Buyer(payer) => payer.session.touch_due,
            Who::Member(member) => member.session.touch_due,
        }
    }
}

impl Side {
    /// What the addresses of this side's own account start with.
    pub(super) fn base(self) -> &'static str {
        match self {
            Side::Buyer => "/me",
            Side::Member => "/desk",
        }
    }
}

/// Reads for somebody at their own account. The use of the session is noted afterwards, when that is due.
///
/// # Errors
/// 401 without a session, 403 for a buyer's that sleeps; those of `work`.
pub(super) async fn read_own<T: Send + 'static>(
    hall: &Hall,
    visit: &Visit,
    side: Side,
    work: impl FnOnce(&mut Tx<'_>, &Own<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    let read = hall.db().read(move |tx| {
        let own = Own::admit(tx, &cx, &asker, side)?;
        Ok::<_, ApiError>((work(tx, &own)?, own.touch_due()))
    });
    let (found, touch_due) = read.await?;
    if touch_due {
        touch(hall, visit, side, visit.now).await?;
    }
    Ok(found)
}

async fn touch(hall: &Hall, visit: &Visit, side: Side, now: Timestamp) -> Result<(), ApiError> {
    let token = match side {
        Side::Buyer => visit.buyer.clone(),
        Side::Member => visit.member.clone(),
    };
    let Some(token) = token else { return Ok(()) };
    hall.db().write(move |tx| touch_session(tx, &token, now).map_err(ApiError::from)).await
}

/// Carries out a form about the own account, once; see [`Once::run`].
///
/// # Errors
/// Those of [`read_own`].
pub(super) async fn write_own<T: Send + 'static>(
    hall: &Hall,
    visit: &Visit,
    side: Side,
    once: Once,
    mut work: impl FnMut(&mut Tx<'_>, &Own<'_>) -> Result<(String, T), ApiError> + Send + 'static,
) -> Result<(String, Option<T>), ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    let written = hall.db().write(move |tx| {
        let own = Own::admit(tx, &cx, &asker, side)?;
        once.run(tx, asker.now, |tx| work(tx, &own))
    });
    written.await
}
