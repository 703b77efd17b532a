//! Account takeover: somebody who reads the victim's mail opens the account on a new phone far away, tries PINs, finds
//! the right one, and takes as much as there is at once. They answer every question with the PIN they found.

use super::attacks::{Kind, Purse};
use super::people::{Phone, Till, balance};
use super::play::World;

/// Wrong PINs before the right one; paying is locked at five.
const WRONG_PINS: usize = 3;
/// Payments from far away, and payments with the place kept secret.
const OPEN_ABOUT_PLACE: usize = 3;
const SILENT_ABOUT_PLACE: usize = 3;
/// Where the new phone is.
const FAR: (f64, f64) = (1.29, 103.85);
/// The least that is worth the trouble, minor units.
const WORTHWHILE_MINOR: i64 = 40_000;

/// One round.
pub(super) async fn play(world: &World) -> Result<(), String> {
    let victim = world.next_victim().ok_or("nobody left to rob")?;
    let mut till = Till::new(world);
    // The victim was at the counter a moment ago.
    let breakfast = till.charge(victim.usual_minor.max(500), world.any_terminal()).await?;
    let answer = Phone::of(world, &victim).pay(&breakfast).await?;
    tracing::debug!(
        breakfast.amount_minor,
        status = answer.status,
        state = answer.text("/state"),
        "the victim was here"
    );

    let mut thief = Phone::sign_in(world, &victim, world.far_address()).await?;
    thief.place = Some(FAR);
    let mut purse = Purse::look(world, victim.buyer).await?;
    let high = (victim.usual_minor * 6).max(WORTHWHILE_MINOR);
    let bill = till.charge(high, None).await?;
    for wrong in 0..WRONG_PINS {
        let guess = thief.confirm_request(&bill, &other_pin(&victim.pin, wrong), &world.key());
        thief.send(&guess).await?;
        purse.count(world, Kind::AccountTakeover).await?;
    }
    for number in 0..OPEN_ABOUT_PLACE + SILENT_ABOUT_PLACE {
        if number == OPEN_ABOUT_PLACE {
            thief.place = None;
        }
        // The first and the last time they want all there is.
        let all = balance(world, victim.buyer).await? * 9 / 10;
        let wanted =
            if number == 0 || number + 1 == OPEN_ABOUT_PLACE + SILENT_ABOUT_PLACE { all } else { high };
        let bill = till.charge(wanted.max(100), None).await?;
        let answer = thief.pay(&bill).await?;
        let (state, usual) = (answer.text("/state"), victim.usual_minor);
        tracing::debug!(bill.amount_minor, usual, status = answer.status, state, "a stolen account was used");
        if answer.text("/state") == "paused" {
            thief.answer(&bill.id, true).await?;
        }
        purse.count(world, Kind::AccountTakeover).await?;
    }
    Ok(())
}

/// A PIN that is not this one.
fn other_pin(pin: &str, number: usize) -> String {
    let step = number as u32 + 1;
    let turn =
        |c: char| c.to_digit(10).and_then(|digit| char::from_digit((digit + step) % 10, 10)).unwrap_or('0');
    pin.chars().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_never_the_right_pin() {
        for number in 0..WRONG_PINS {
            let guess = other_pin("482916", number);
            assert!(guess.len() == 6 && guess != "482916", "{guess}");
        }
    }
}
