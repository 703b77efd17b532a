//! Who pays whom in the bench: shops with keys, buyers with PIN, balance and session.

use std::sync::Arc;

use base::{Currency, Dice, Money, ShopId, Timestamp};
use identity::{
    Actor, Email, Label, Means, NewApiKey, NewMember, Password, PasswordHash, PersonName, Pin, Role,
    ShopDraft, ShopProfile, SignUp,
};
use store::Tx;
use vault::Vault;
use webkit::page::Lang;
use webkit::signing::{Signer, SigningKey};

use super::sign_ins::PASSWORD;
use crate::installation::Installation;

/// What each buyer has to spend, minor units. Far more than a run spends.
const BALANCE_MINOR: i64 = 1_000_000_000;
/// Buyers made in one transaction.
const BUYERS_A_BATCH: usize = 250;

/// A shop's system.
pub(super) struct Shop {
    /// Text form of its id.
    pub(super) id: String,
    /// Signs its requests.
    pub(super) signer: Signer,
}

/// A buyer's phone.
pub(super) struct Payer {
    /// Its session.
    pub(super) token: String,
    /// Six digits.
    pub(super) pin: String,
    /// Where it connects from.
    pub(super) address: String,
}

/// Everybody.
pub(super) struct People {
    /// Who is paid.
    pub(super) shops: Vec<Shop>,
    /// Who pays.
    pub(super) payers: Vec<Payer>,
    /// Addresses of members, all with one password.
    pub(super) members: Vec<String>,
}

/// Makes shops and buyers, and members where somebody is to sign in.
pub(super) fn seed(at: &Installation, shops: usize, buyers: usize, members: usize) -> Result<People, String> {
    let shops: Vec<Shop> =
        write(at, move |tx, means| (0..shops).map(|number| make_shop(tx, means, number)).collect())?;
    let run = u32::from_le_bytes(at.dice.bytes());
    let mut payers = Vec::with_capacity(buyers);
    for first in (0..buyers).step_by(BUYERS_A_BATCH) {
        let numbers = first..buyers.min(first + BUYERS_A_BATCH);
        let made: Vec<Payer> =
            write(at, move |tx, means| numbers.clone().map(|n| make_payer(tx, means, run, n)).collect())?;
        payers.extend(made);
    }
    let house: Option<ShopId> = shops.first().and_then(|shop| shop.id.parse().ok());
    let members = match house.filter(|_| members > 0) {
        Some(shop) => make_members(at, shop, run, members)?,
        None => Vec::new(),
    };
    Ok(People { shops, payers, members })
}

fn make_members(at: &Installation, shop: ShopId, run: u32, members: usize) -> Result<Vec<String>, String> {
    let password = Password::parse(PASSWORD).map_err(|e| format!("cannot seed: {e}"))?;
    let hash = identity::hash_password(&password, &at.dice);
    write(at, move |tx, means| {
        (0..members).map(|number| make_member(tx, means, shop, (run, number), &hash)).collect()
    })
}

fn make_member(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    shop: ShopId,
    (run, number): (u32, usize),
    hash: &PasswordHash,
) -> Result<String, Stop> {
    let address = format!("member-{run:08x}-{number}@shop.example");
    let (name, email) = (PersonName::parse(&format!("Member {number}"))?, Email::parse(&address)?);
    let new = NewMember { name, email, grants: Role::Cashier.into(), lang: Lang::En };
    identity::create_member(tx, means, &Actor::System, shop, &new, hash)?;
    Ok(address)
}

/// Seeding has one way to fail, and nobody to tell but the person who started it.
struct Stop(String);

impl<E: std::error::Error> From<E> for Stop {
    fn from(problem: E) -> Stop {
        Stop(problem.to_string())
    }
}

fn write<T: Send + 'static>(
    at: &Installation,
    mut work: impl FnMut(&mut Tx<'_>, &Means<'_>) -> Result<T, Stop> + Send + 'static,
) -> Result<T, String> {
    let (vault, dice, now): (Arc<Vault>, Dice, Timestamp) =
        (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
    let done = at.db.write_blocking(move |tx| work(tx, &Means { vault: &vault, dice: &dice, now }));
    done.map_err(|Stop(problem)| format!("cannot seed: {problem}"))
}

fn make_shop(tx: &mut Tx<'_>, means: &Means<'_>, number: usize) -> Result<Shop, Stop> {
    let name = format!("Bench shop {number}");
    let draft =
        ShopDraft { name: &name, city: "Hangzhou", country: "CN", category: "5499", currency: Currency::CNY };
    let profile = ShopProfile::parse(&draft).map_err(|_| Stop("the shop's profile is refused".to_owned()))?;
    let id: ShopId = identity::create_shop(tx, means, &Actor::System, &profile)?.id;
    let new = NewApiKey::new(Label::parse("bench")?, Role::Integration, None)?;
    let (key, secret) = identity::create_system_api_key(tx, means, id, &new)?;
    let secret = SigningKey::hmac_sha256(secret.secret().expose().as_bytes())?;
    Ok(Shop { id: id.to_string(), signer: Signer::new(key.id.to_string(), secret) })
}

/// A number without digits: among thousands of payers one would have a PIN that is part of the address.
fn letters(number: u32) -> String {
    number
        .to_be_bytes()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|n| char::from(b'a' + n))
        .collect()
}

fn make_payer(tx: &mut Tx<'_>, means: &Means<'_>, run: u32, number: usize) -> Result<Payer, Stop> {
    let name = PersonName::parse(&format!("Buyer {number}"))?;
    let at = u32::try_from(number).unwrap_or_default();
    let contact = Email::parse(&format!("bench-{}-{}@mail.example", letters(run), letters(at)))?;
    let pin = Pin::random(means.dice);
    let typed = pin.reveal().expose().clone();
    let buyer = identity::create_buyer(tx, means, &SignUp::new(name, contact, pin, Lang::En)?)?;
    let amount = Money::new(BALANCE_MINOR, Currency::CNY);
    payments::balance::top_up(tx, means, &audit::Actor::system("bench"), buyer, amount)?;
    let (_, session) = identity::open_trusted_session(tx, means, buyer, &Label::parse("bench phone")?)?;
    let [_, a, b, c] = at.to_be_bytes();
    Ok(Payer {
        token: session.token.secret().expose().clone(),
        pin: typed,
        address: format!("10.{a}.{b}.{c}"),
    })
}
