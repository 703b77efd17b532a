//! The devices on which members have signed in, each known by a token that it keeps (what OWASP calls a device cookie).
//!
//! Promises:
//! - tries on a device that its member completed a sign-in on are counted apart from all others, so nobody else's wrong
//!   tries keep its owner out, wherever both of them are (PW-4);
//! - a token tells nothing and opens nothing: it only decides by which count a try is counted;
//! - signing in on a device that was never used before is told (C15).

use base::{DeviceId, MemberId, ShopId};
use store::Tx;

use crate::buyers::DeviceToken;
use crate::context::{Fault, Means};
use crate::limits::MEMBER_DEVICES_MAX;
use crate::record::{self, Event};
use crate::store::member_devices::{self as rows, MemberDeviceRow};
use crate::text::Label;
use crate::token::{Token, TokenKind};

/// The device behind a token, if this member completed a sign-in on it.
pub(crate) fn find_own_device(
    tx: &mut Tx,
    member: MemberId,
    shown: Option<&DeviceToken>,
) -> Result<Option<DeviceId>, Fault> {
    Ok(find_shown(tx, member, shown)?.map(|row| row.id))
}

fn find_shown(
    tx: &mut Tx,
    member: MemberId,
    shown: Option<&DeviceToken>,
) -> Result<Option<MemberDeviceRow>, Fault> {
    let Some(shown) = shown else { return Ok(None) };
    let row = rows::find_device(tx, member, shown.device)?;
    Ok(row.filter(|row| row.token_hash == shown.token.hash()))
}

/// The device that shows the token it was given, `None`; or the token of a new one, for it to keep. The caller has seen
/// the sign-in completed.
pub(crate) fn recognise(
    tx: &mut Tx,
    means: &Means<'_>,
    member: MemberId,
    shown: Option<&DeviceToken>,
    label: &Label,
) -> Result<Option<DeviceToken>, Fault> {
    let label = label.as_str().to_owned();
    if let Some(row) = find_shown(tx, member, shown)? {
        rows::update_device(tx, MemberDeviceRow { used: means.now, label, ..row })?;
        return Ok(None);
    }
    make_room(tx, member)?;
    let id = DeviceId::new(ShopId::HOUSE, means.now, means.dice);
    let token = DeviceToken { device: id, token: Token::random(TokenKind::Device, means.dice) };
    let (created, used, token_hash) = (means.now, means.now, token.token.hash());
    rows::update_device(tx, MemberDeviceRow { member, id, token_hash, label, created, used })?;
    record::note(tx, means, Event::new(base::ScopedId::shop(&member), member, record::DEVICE_ADDED, id))?;
    Ok(Some(token))
}

/// Forgets the devices that were used longest ago, so that one more fits.
fn make_room(tx: &mut Tx, member: MemberId) -> Result<(), Fault> {
    let all = rows::list_devices(tx, member)?;
    let surplus = (all.len() + 1).saturating_sub(MEMBER_DEVICES_MAX);
    for row in all.into_iter().take(surplus) {
        rows::delete_device(tx, member, row.id)?;
    }
    Ok(())
}

/// Forgets every device of a member who leaves or begins anew.
pub(crate) fn delete_devices(tx: &mut Tx, member: MemberId) -> Result<(), Fault> {
    for row in rows::list_devices(tx, member)? {
        rows::delete_device(tx, member, row.id)?;
    }
    Ok(())
}
