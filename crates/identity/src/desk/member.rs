//! Members at the desk: who they are, what they may do, and the bar above every page.

use axum::response::Response;
use base::ShopId;
use store::{Key, Tx};
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Desk as Bar, Frame, Zone};

use super::form::{Button, Once, go};
use super::hall::Hall;
use super::menu::MenuGroup;
use super::visit::{MEMBER_SIGN_OUT, Side, Visit};
use super::words::role_text;
use crate::context::Means;
use crate::members::find_member_person;
use crate::permissions::{Actor, Permission};
use crate::routes::gate;
use crate::sessions::{MemberSession, touch_session};
use crate::shops::Shop;

/// A member who was let through, in a transaction.
pub struct Member<'a> {
    /// The session.
    pub session: MemberSession,
    /// The member as the gate sees them.
    pub actor: Actor,
    /// The member's shop.
    pub shop: Shop,
    /// The zone of the shop's clock.
    pub zone: Zone,
    /// What domain functions are handed.
    pub means: Means<'a>,
    /// The hall.
    pub hall: &'a Hall,
    /// The visit.
    pub visit: &'a Visit,
}

impl Member<'_> {
    /// Lets the member through to something of `shop`.
    ///
    /// # Errors
    /// 403; 404 where it belongs to another shop.
    pub fn allow(&self, permission: Permission, shop: ShopId) -> Result<(), ApiError> {
        self.actor.allow(permission, shop).map_err(ApiError::from)
    }

    /// Whether the member's roles let them do something in the own shop, if need be after giving the second factor
    /// again. For menus and buttons.
    pub fn can(&self, permission: Permission) -> bool {
        self.actor.holds(permission)
    }

    /// The member as the audit log names them.
    pub fn audit(&self) -> audit::Actor {
        (&self.actor).into()
    }

    /// A frame without the bar.
    pub fn bare_frame(&self) -> Frame {
        self.visit.frame(self.hall, Side::Member, self.zone.clone())
    }

    /// A frame with the bar.
    ///
    /// # Errors
    /// Those of store and vault.
    pub fn frame(&self, tx: &mut Tx<'_>) -> Result<Frame, ApiError> {
        let mut page = self.bare_frame();
        let person = find_member_person(tx, self.means.vault, self.shop.id, self.session.member)?;
        let mut roles: Vec<String> = self.session.roles.iter().map(|role| role_text(&page, *role)).collect();
        if self.session.emergency.is_some() {
            roles.push(page.t("nav-emergency"));
        }
        page.desk = Some(Bar {
            shop: self.shop.name.clone(),
            who: person.name.expose().clone(),
            role: roles.join(" · "),
            sign_out_href: MEMBER_SIGN_OUT.to_owned(),
            groups: self.hall.menu().groups(tx, self)?,
            own: self.hall.menu().sections(tx, self, MenuGroup::Own)?,
        });
        Ok(page)
    }
}

/// The member behind the visit's session, with the right to `permission` in the own shop.
///
/// # Errors
/// 401 without a session, 403 without the right.
pub fn admit_member<'a>(
    tx: &mut Tx<'_>,
    hall: &'a Hall,
    visit: &'a Visit,
    permission: Permission,
) -> Result<Member<'a>, ApiError> {
    let token = visit.member.as_ref().ok_or_else(|| ApiError::unauthenticated("sign in first"))?;
    let session = gate::admit_member(tx, token, permission, visit.now)?;
    let actor = Actor::Member(session.clone());
    let (shop, zone) = hall.find_shop(tx, session.shop)?;
    Ok(Member { session, actor, shop, zone, means: hall.identity.means(visit.now), hall, visit })
}

/// Reads for a member. The use of the session is noted afterwards, when that is due.
///
/// # Errors
/// Those of [`admit_member`] and of `work`.
pub async fn read_as<T: Send + 'static>(
    hall: &Hall,
    visit: &Visit,
    permission: Permission,
    work: impl FnOnce(&mut Tx<'_>, &Member<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    let read = hall.db().read(move |tx| {
        let member = admit_member(tx, &cx, &asker, permission)?;
        Ok::<_, ApiError>((work(tx, &member)?, member.session.touch_due))
    });
    let (found, touch_due) = read.await?;
    if let (true, Some(token)) = (touch_due, visit.member.clone()) {
        let now = visit.now;
        let touched = hall.db().write(move |tx| touch_session(tx, &token, now).map_err(ApiError::from));
        touched.await?;
    }
    Ok(found)
}

/// Carries a member's form out, once; see [`Once::run`].
///
/// # Errors
/// Those of [`admit_member`] and of `work`; nothing is kept then.
pub async fn write_as<T: Send + 'static>(
    hall: &Hall,
    visit: &Visit,
    permission: Permission,
    once: Once,
    keys: Vec<Key>,
    mut work: impl FnMut(&mut Tx<'_>, &Member<'_>) -> Result<(String, T), ApiError> + Send + 'static,
) -> Result<(String, Option<T>), ApiError> {
    let now = visit.now;
    let each = move |tx: &mut Tx<'_>, member: &Member<'_>| once.run(tx, now, |tx| work(tx, member));
    write_each_as(hall, visit, permission, keys, each).await
}

/// Carries a member's form out each time it is sent: for what changes nothing but counts and traces.
///
/// # Errors
/// Those of [`admit_member`] and of `work`; nothing is kept then.
pub async fn write_each_as<T: Send + 'static>(
    hall: &Hall,
    visit: &Visit,
    permission: Permission,
    keys: Vec<Key>,
    mut work: impl FnMut(&mut Tx<'_>, &Member<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    let written = hall.db().write_with(keys, move |tx| {
        let member = admit_member(tx, &cx, &asker, permission)?;
        if member.session.touch_due
            && let Some(token) = &asker.member
        {
            touch_session(tx, token, asker.now)?;
        }
        work(tx, &member)
    });
    written.await
}

/// Carries out a form that is a button alone, once, and goes where `work` says.
///
/// # Errors
/// Those of [`Visit::read`], [`admit_member`] and `work`; nothing is kept then.
pub async fn press(
    hall: &Hall,
    visit: &Visit,
    incoming: &Incoming,
    permission: Permission,
    mut work: impl FnMut(&mut Tx<'_>, &Member<'_>) -> Result<String, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let once = visit.read::<Button>(Side::Member, incoming)?.once;
    let done = write_as(hall, visit, permission, once, vec![], move |tx, member| Ok((work(tx, member)?, ())));
    Ok(go(&done.await?.0))
}
