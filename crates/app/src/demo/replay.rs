//! Replay: what was sent or shown once is sent or shown once more. Nothing of it may move money a second time.

use testkit::http::Request;

use super::attacks::{Kind, Purse};
use super::people::{Bill, Phone, Till};
use super::play::World;

/// One round.
pub(super) async fn play(world: &World) -> Result<(), String> {
    let victim = world.next_victim().ok_or("nobody left to copy")?;
    let mut till = Till::new(world);
    let mut phone = Phone::of(world, &victim);
    let mut copycat = Phone::of(world, &victim);
    copycat.address = world.far_address();

    // What can be captured: the till's request, the code, the confirmation.
    let charge = till.charge_request(victim.usual_minor.max(500), world.any_terminal())?;
    let made = till.send(&charge).await?;
    let bill = Bill {
        id: made.text("/id"),
        shop: made.text("/shop"),
        amount_minor: victim.usual_minor.max(500),
        url: made.text("/pay_url"),
    };
    phone.scan(&bill.url).await?;
    let confirmation = phone.confirm_request(&bill, &victim.pin, &world.key());
    phone.send(&confirmation).await?;

    let mut purse = Purse::look(world, victim.buyer).await?;
    for request in [&charge, &charge] {
        // The very bytes of the till: were they taken, the copied code would be paid at once.
        let copy = till.send(request).await?;
        pay_copy(world, &mut copycat, &copy.text("/pay_url"), &bill, &mut purse).await?;
    }
    for url in [bill.url.clone(), altered(&bill.url)] {
        pay_copy(world, &mut copycat, &url, &bill, &mut purse).await?;
    }
    for request in again(&phone, &bill, &victim.pin, &confirmation, world) {
        copycat.send(&request).await?;
        purse.count(world, Kind::Replay).await?;
    }
    press_twice(world, &mut till, &mut phone, &mut copycat, &mut purse).await
}

/// Scans a code that should lead nowhere, and confirms what it leads to.
async fn pay_copy(
    world: &World,
    copycat: &mut Phone,
    url: &str,
    bill: &Bill,
    purse: &mut Purse,
) -> Result<(), String> {
    let scanned = copycat.scan(url).await?;
    let shown = scanned.text("/payment/id");
    let copy = Bill { id: if shown.is_empty() { bill.id.clone() } else { shown }, ..bill.clone() };
    copycat.confirm(&copy).await?;
    purse.count(world, Kind::Replay).await
}

/// The same confirmation: the very bytes, under a new key, and with another amount under the old key.
fn again(phone: &Phone, bill: &Bill, pin: &str, sent: &Request, world: &World) -> [Request; 4] {
    let key = sent.headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let more = Bill { amount_minor: bill.amount_minor * 3, ..bill.clone() };
    [
        sent.clone(),
        sent.clone(),
        phone.confirm_request(bill, pin, &world.key()),
        phone.confirm_request(&more, pin, key),
    ]
}

/// Two confirmations of a fresh bill at the same moment: one is the payer's, the other must not pay again.
async fn press_twice(
    world: &World,
    till: &mut Till,
    phone: &mut Phone,
    copycat: &mut Phone,
    purse: &mut Purse,
) -> Result<(), String> {
    let bill = till.charge(900, world.any_terminal()).await?;
    let once = phone.confirm_request(&bill, &phone.pin, &world.key());
    let twice = phone.confirm_request(&bill, &phone.pin, &world.key());
    let (first, second) = tokio::join!(phone.send(&once), copycat.send(&twice));
    let paid = [first?, second?].iter().filter(|answer| answer.text("/state") == "paid").count() as i64;
    // The payer's own payment is expected; what went beyond it is the attack's.
    let expected = if paid > 0 { bill.amount_minor } else { 0 };
    purse.count_beyond(world, Kind::Replay, expected).await
}

/// A code with one letter changed.
fn altered(url: &str) -> String {
    let at = url.len().saturating_sub(6);
    let change = |(place, c): (usize, char)| match (place == at, c) {
        (true, 'A') => 'B',
        (true, _) => 'A',
        (false, c) => c,
    };
    url.char_indices().map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_code_differs_in_one_letter() {
        let url = "http://localhost:1/p/AAAAAAAAAAAA";
        let other = altered(url);
        assert_eq!(url.chars().zip(other.chars()).filter(|(a, b)| a != b).count(), 1);
        assert_eq!(url.len(), other.len());
    }
}
