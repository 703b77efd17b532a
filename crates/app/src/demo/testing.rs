//! Card testing: fresh accounts, opened here and there, try small payments one after the other from one address, to see
//! which of the cards behind them work. Half of the cards do not.

use std::time::Duration;

use super::attacks::{Kind, Purse};
use super::people::{Phone, Till, top_up};
use super::play::World;

/// Accounts in one round.
const ACCOUNTS: usize = 20;
/// What a card that works brings, minor units.
const CARD_MINOR: i64 = 500;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(60);

/// One round.
pub(super) async fn play(world: &World) -> Result<(), String> {
    let address = world.far_address();
    let phones = recruit(world).await?;
    let mut till = Till::new(world);
    for (number, mut phone) in phones.into_iter().enumerate() {
        phone.address = address;
        if number % 2 == 1 {
            top_up(world, phone.buyer, CARD_MINOR).await?;
        }
        let amount = 100 + world.dice().below(390) as i64;
        let bill = till.charge(amount, None).await?;
        let mut purse = Purse::look(world, phone.buyer).await?;
        let answer = phone.pay(&bill).await?;
        tracing::debug!(amount, status = answer.status, state = answer.text("/state"), "a card was tried");
        purse.count(world, Kind::CardTesting).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Opens the accounts, all at once: the codes come by mail. From one address they would not all be let in.
async fn recruit(world: &World) -> Result<Vec<Phone>, String> {
    let mut opening = tokio::task::JoinSet::new();
    for number in 0..ACCOUNTS {
        let world = world.clone();
        let address = world.far_address();
        opening.spawn(async move { Phone::sign_up(&world, &format!("Mule {number}"), address).await });
    }
    let mut phones = Vec::new();
    while let Some(opened) = opening.join_next().await {
        phones.push(opened.map_err(|e| e.to_string())??);
    }
    Ok(phones)
}
