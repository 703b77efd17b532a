//! Members at the desk: who they are, what they may do, and the bar above every page.

use base::ShopId;
use identity::{Actor, Means, MemberSession, Permission, Role, Shop};
use store::{Key, Tx};
use webkit::error::ApiError;
use webkit::page::{Desk as Bar, Frame, Section, Zone};

use super::Desk;
use super::form::Once;
use super::visit::{Side, Visit};
use super::words::find_payee;
use crate::routes::errors;
use crate::screening::Origination;
use crate::store as rows;

/// Reviews that are counted in the bar.
const REVIEWS_COUNTED_MAX: i64 = 100;

/// A member who was let through, in a transaction.
pub(super) struct Member<'a> {
    pub session: MemberSession,
    pub actor: Actor,
    pub shop: Shop,
    pub zone: Zone,
    pub means: Means<'a>,
    pub from: Origination,
    pub desk: &'a Desk,
    pub visit: &'a Visit,
}

impl Member<'_> {
    /// Lets the member through to something of `shop`.
    ///
    /// # Errors
    /// 403; 404 where it belongs to another shop.
    pub fn allow(&self, permission: Permission, shop: ShopId) -> Result<(), ApiError> {
        self.actor.allow(permission, shop).map_err(errors::denied)
    }

    /// Whether the member may do something in the own shop.
    pub fn can(&self, permission: Permission) -> bool {
        self.actor.allow(permission, self.shop.id).is_ok()
    }

    /// The member as the audit log names them.
    pub fn audit(&self) -> audit::Actor {
        self.session.member.into()
    }

    /// Whose words of screening the member reads.
    pub fn audience(&self) -> risk::Audience {
        let sees_all = self.can(Permission::ViewDecisions);
        if sees_all { risk::Audience::Analyst } else { risk::Audience::Seller }
    }

    /// A frame without the bar.
    pub fn bare_frame(&self) -> Frame {
        self.visit.frame(self.desk, Side::Member, self.zone.clone())
    }

    /// A frame with the bar.
    ///
    /// # Errors
    /// Those of store and vault.
    pub fn frame(&self, tx: &mut Tx<'_>) -> Result<Frame, ApiError> {
        let mut page = self.bare_frame();
        let person = identity::find_member_person(tx, self.means.vault, self.shop.id, self.session.member)?;
        let roles: Vec<String> = self.session.roles.iter().map(|role| role_text(&page, *role)).collect();
        page.desk = Some(Bar {
            shop: self.shop.name.clone(),
            who: person.name.expose().clone(),
            role: roles.join(" · "),
            sign_out_href: "/sign-out".to_owned(),
            sections: self.sections(tx, &page)?,
        });
        Ok(page)
    }

    fn sections(&self, tx: &mut Tx<'_>, page: &Frame) -> Result<Vec<Section>, ApiError> {
        let mut sections = Vec::new();
        let mut add = |permission, name: String, href: &str, count| {
            if self.actor.holds(permission) {
                sections.push(Section::new(name, href).with_count(count));
            }
        };
        let waiting = self.count_reviews(tx)?;
        add(Permission::ViewPayments, page.t("nav-overview"), "/desk", 0);
        add(Permission::ViewPayments, page.t("nav-payments"), "/desk/payments", 0);
        add(Permission::ViewPayments, page.t("nav-codes"), "/desk/codes", 0);
        add(Permission::Review, page.t("nav-reviews"), "/desk/reviews", waiting);
        add(Permission::ViewPayments, page.t("nav-refunds"), "/desk/refunds", 0);
        add(Permission::ManageApiKeys, page.t("nav-api-keys"), "/desk/api-keys", 0);
        Ok(sections)
    }

    fn count_reviews(&self, tx: &mut Tx<'_>) -> Result<u64, ApiError> {
        if !self.can(Permission::Review) {
            return Ok(0);
        }
        let open = rows::list_open_reviews(tx, self.shop.id, self.means.now, REVIEWS_COUNTED_MAX)?;
        Ok(open.len() as u64)
    }
}

fn role_text(page: &Frame, role: Role) -> String {
    page.t(format!("role-{}", role.name()))
}

/// The member behind the visit's session, with the right to `permission` in the own shop.
///
/// # Errors
/// 401 without a session, 403 without the right.
pub(super) fn admit_member<'a>(
    tx: &mut Tx<'_>,
    desk: &'a Desk,
    visit: &'a Visit,
    permission: Permission,
) -> Result<Member<'a>, ApiError> {
    let token = visit.member.as_ref().ok_or_else(|| ApiError::unauthenticated("sign in first"))?;
    let session = identity::require_member(tx, token, visit.now)?;
    let actor = Actor::Member(session.clone());
    actor.allow(permission, session.shop).map_err(errors::denied)?;
    let payee = find_payee(tx, session.shop)?;
    let (means, from) = (desk.identity().means(visit.now), visit.origination());
    Ok(Member { session, actor, shop: payee.shop, zone: payee.zone, means, from, desk, visit })
}

/// Reads for a member. The use of the session is noted afterwards, when that is due.
///
/// # Errors
/// Those of [`admit_member`] and of `work`.
pub(super) async fn read_as<T: Send + 'static>(
    desk: &Desk,
    visit: &Visit,
    permission: Permission,
    work: impl FnOnce(&mut Tx<'_>, &Member<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let (cx, asker) = (desk.clone(), visit.clone());
    let read = desk.db().read(move |tx| {
        let member = admit_member(tx, &cx, &asker, permission)?;
        Ok::<_, ApiError>((work(tx, &member)?, member.session.touch_due))
    });
    let (found, touch_due) = read.await?;
    if let (true, Some(token)) = (touch_due, visit.member.clone()) {
        let now = visit.now;
        let touched =
            desk.db().write(move |tx| identity::touch_session(tx, &token, now).map_err(ApiError::from));
        touched.await?;
    }
    Ok(found)
}

/// Carries a member's form out, once; see [`Once::run`].
///
/// # Errors
/// Those of [`admit_member`] and of `work`; nothing is kept then.
pub(super) async fn write_as<T: Send + 'static>(
    desk: &Desk,
    visit: &Visit,
    permission: Permission,
    once: Once,
    keys: Vec<Key>,
    mut work: impl FnMut(&mut Tx<'_>, &Member<'_>) -> Result<(String, T), ApiError> + Send + 'static,
) -> Result<(String, Option<T>), ApiError> {
    let (cx, asker) = (desk.clone(), visit.clone());
    let written = desk.db().write_with(keys, move |tx| {
        let member = admit_member(tx, &cx, &asker, permission)?;
        if member.session.touch_due
            && let Some(token) = &asker.member
        {
            identity::touch_session(tx, token, asker.now)?;
        }
        once.run(tx, asker.now, |tx| work(tx, &member))
    });
    written.await
}
