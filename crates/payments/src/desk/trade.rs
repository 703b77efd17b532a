//! What identity's pages and bar need to know of payments.

use base::{ScopedId, ShopId};
use identity::desk::{Errand, Member, MenuEntry, MenuGroup, Visit};
use identity::{Permission, Shop};
use store::Tx;
use webkit::error::ApiError;
use webkit::page::Zone;

use crate::pages::texts;
use crate::screening::Origination;
use crate::shop::{Premises, find_premises, set_premises};
use crate::store as rows;

/// Reviews that are counted in the bar.
const REVIEWS_COUNTED_MAX: i64 = 100;

/// What this domain adds to the bar of the desk.
pub fn menu() -> Vec<MenuEntry> {
    use MenuGroup::{Codes, Overview, Payments, Risk, Security, Shop};

    let section = |path, key, permission, group| MenuEntry::new(path, key, texts, permission, group);
    vec![
        section("/desk", "nav-overview", Permission::ViewPayments, Overview),
        section("/desk/payments", "nav-payments", Permission::ViewPayments, Payments),
        section("/desk/refunds", "nav-refunds", Permission::ViewPayments, Payments),
        section("/desk/codes", "nav-codes", Permission::ViewPayments, Codes),
        section("/desk/reviews", "nav-reviews", Permission::Review, Risk).counting(count_reviews),
        section("/desk/rules", "nav-rules", Permission::ViewDecisions, Risk),
        section("/desk/places", "nav-places", Permission::ManageTerminals, Shop),
        section("/desk/certificates", "nav-certificates", Permission::ManageCertificates, Security),
    ]
}

fn count_reviews(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<u64, ApiError> {
    let open = rows::list_open_reviews(tx, member.shop.id, member.means.now, REVIEWS_COUNTED_MAX)?;
    Ok(open.len() as u64)
}

/// Where a visit comes from, for screening and the log.
pub(super) fn origination(visit: &Visit) -> Origination {
    Origination { address: visit.remote, place: None }
}

/// Answers identity's questions about shops and payments.
pub struct Trade;

impl identity::desk::Trade for Trade {
    fn find_zone(&self, tx: &mut Tx<'_>, shop: &Shop) -> Result<Zone, ApiError> {
        Ok(Zone::named(&find_premises(tx, shop.id, &shop.country)?.zone))
    }

    fn set_zone(&self, tx: &mut Tx<'_>, shop: ShopId, zone: &str) -> Result<(), ApiError> {
        let known = rows::find_premises(tx, shop)?.unwrap_or_else(|| Premises::assumed(""));
        Ok(set_premises(tx, shop, &Premises { zone: zone.to_owned(), ..known })?)
    }

    fn find_errand(&self, tx: &mut Tx<'_>, next: &str) -> Result<Option<Errand>, ApiError> {
        let paid = next.strip_prefix("/pay/").and_then(|id| id.parse().ok());
        let payment = paid.map_or(Ok(None), |id| rows::find_payment(tx, id))?;
        let Some(payment) = payment.filter(|payment| payment.buyer.is_none()) else { return Ok(None) };
        let payee = super::words::find_payee(tx, ScopedId::shop(&payment.id))?;
        Ok(Some(Errand { shop: payee.shop.name, amount: payment.amount }))
    }

    fn form_page(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix("/pay/")?;
        Some(format!("/pay/{}", rest.split('/').next().unwrap_or_default()))
    }
}
