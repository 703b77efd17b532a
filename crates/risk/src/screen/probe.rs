//! Which slots a file can make known: tried out on a made-up party with a long history in which everything that the
//! file has a column for is known.

use std::collections::HashSet;

use base::{Money, Timestamp};

use crate::facts::{CodeKind, Entity, Facts, Key, Place, Word};
use crate::features::{Slot, features};
use crate::labels::{Change, Label};
use crate::profile::{Attempt, Profiles, observe};
use crate::table::{Field, Table};

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// The slots that are not always unknown with this file's columns.
pub(super) fn known_slots(table: &Table) -> HashSet<Slot> {
    let start = Timestamp(1_600_000_000_000);
    let mut profiles = Profiles::default();
    let mut paid = Vec::new();
    for step in 0..40 {
        let at = start.plus_seconds(step * DAY_S);
        observe(&full(table, at), &mut profiles, Attempt::Paid);
        paid.push(at);
    }
    if table.has(Field::Label) {
        for (index, at) in paid.iter().enumerate() {
            if index % 5 == 1 {
                label_fraud(&mut profiles, *at);
            }
        }
    }
    let row = features(&full(table, start.plus_seconds(39 * DAY_S + HOUR_S)), &profiles);
    // A file without a status column tells of no declined attempt: those counts would be zero, not unknown.
    let told = |slot: &Slot| table.has(Field::Status) || !slot.info().name.contains(".declined_");
    Slot::all().filter(|slot| row.known(*slot).is_some()).filter(told).collect()
}

fn label_fraud(profiles: &mut Profiles, paid_at: Timestamp) {
    for entity in Entity::ALL {
        if let Some(profile) = profiles.get_mut(entity) {
            profile.label(paid_at, Label::Fraud, true, Change::Set);
        }
    }
}

/// An attempt of which all is known that the file has a column for.
fn full(table: &Table, at: Timestamp) -> Facts {
    let has = |field| table.has(field);
    let word = |field, text| Word::parse(text).filter(|_| has(field));
    let number = |field| has(field).then_some(1.0);
    let place = |lat, lon| Place::new(31.0, 121.0).filter(|_| has(lat) && has(lon));
    let mut facts = Facts::new(at, Money::new(1_000, table.amount(0).currency));
    for entity in Entity::ALL {
        facts.set(entity, Some(Key::of(entity.name())).filter(|_| table.party_count(entity) > 0));
    }
    (facts.hour, facts.weekday) = (Some(9), Some(1));
    facts.method = word(Field::Method, "card");
    facts.code = Some(CodeKind::Static).filter(|_| has(Field::Code));
    facts.code_age_minutes = number(Field::CodeAgeMinutes);
    facts.payer_place = place(Field::Lat, Field::Lon);
    facts.code_place = place(Field::CodeLat, Field::CodeLon);
    facts.payer_country = word(Field::Country, "CN");
    facts.card_country = word(Field::CardCountry, "CN");
    facts.address_country = Word::parse("CN").filter(|_| table.has_address_country());
    facts.shop_country = word(Field::ShopCountry, "CN");
    facts.payer_account_days = number(Field::PayerAccountDays);
    facts.shop_account_days = number(Field::ShopAccountDays);
    facts.device_age_days = number(Field::DeviceAgeDays);
    facts.session_age_minutes = number(Field::SessionAgeMinutes);
    facts.failed_pins = has(Field::FailedPins).then_some(1);
    facts.contact_changed_hours = number(Field::ContactChangedHours);
    facts.credential_changed_hours = number(Field::CredentialChangedHours);
    facts.topped_up_1d_minor = has(Field::ToppedUp).then_some(1_000);
    facts.refunded_1d_minor = has(Field::Refunded).then_some(1_000);
    facts
}
