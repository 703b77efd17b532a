//! The day at the shop: buyers come and go, most as always, some with something to look at, and attacks between them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base::{Dice, TerminalId};
use payments::routes::Context;
use testkit::http::Client;
use tokio::task::JoinSet;

use super::attacks::{self, Kind, Score};
use super::mailbox::Mailbox;
use super::people::{Phone, Till, top_up};
use super::seed::{BALANCE_MINOR, Person, SHOP, Town, hex};
use super::{News, Ready, Tell};
use crate::installation::Installation;
use crate::server::asked_to_stop;

/// Buyers kept for the attacks: they do nothing else, so that a look into their balance shows the attack alone.
const VICTIMS: usize = 40;
/// Payments in the days before that make a habit.
const HABIT_MIN: usize = 6;
/// Between two rounds of attacks.
const ATTACK_EVERY: Duration = Duration::from_secs(45);
/// Where no buyer of the shop is: the printed code turns up there.
const ELSEWHERE: (f64, f64) = (39.90, 116.40);
/// How long the ready code can be paid, seconds.
const CODE_SECONDS: i64 = 86_400;
const WELCOME_MINOR: i64 = 2_800;

/// What every robot knows. Cheap to clone.
#[derive(Clone)]
pub(super) struct World {
    pub(super) at: Installation,
    pub(super) town: Arc<Town>,
    pub(super) mailbox: Mailbox,
    pub(super) score: Arc<Score>,
    address: SocketAddr,
    victims: Arc<AtomicUsize>,
}

impl World {
    pub(super) fn new(address: SocketAddr, at: Installation, town: Arc<Town>, mailbox: Mailbox) -> World {
        World { at, town, mailbox, score: Arc::default(), address, victims: Arc::default() }
    }

    /// A connection of its own.
    pub(super) fn client(&self) -> Client {
        Client::new(self.address, &format!("localhost:{}", self.address.port()))
    }

    pub(super) fn dice(&self) -> &Dice {
        &self.at.dice
    }

    /// A fresh idempotency key.
    pub(super) fn key(&self) -> String {
        hex(&self.dice().bytes::<16>())
    }

    /// An address that nobody in town has (RFC 5737).
    pub(super) fn far_address(&self) -> IpAddr {
        IpAddr::from([192, 0, 2, self.dice().below(250) as u8 + 1])
    }

    pub(super) fn any_terminal(&self) -> Option<TerminalId> {
        let terminals = &self.town.terminals;
        terminals.get(self.dice().below(terminals.len() as u64) as usize).copied()
    }

    /// The next of those kept for attacks, with a habit and with money left.
    pub(super) fn next_victim(&self) -> Option<Person> {
        let worth = |person: &&Person| {
            person.paid >= HABIT_MIN && person.usual_minor * (person.paid as i64) < BALANCE_MINOR / 2
        };
        let known: Vec<&Person> = self.kept().iter().filter(worth).collect();
        let turn = self.victims.fetch_add(1, Ordering::Relaxed);
        known.get(turn % known.len().max(1)).map(|person| (*person).clone())
    }

    fn kept(&self) -> &[Person] {
        let people = &self.town.people;
        people.get(..VICTIMS.min(people.len())).unwrap_or_default()
    }

    fn regulars(&self) -> &[Person] {
        self.town.people.get(VICTIMS..).unwrap_or_default()
    }
}

impl Town {
    /// Where to look and as whom, with a fresh code to pay.
    pub(super) async fn ready(&self, context: &Context, world: &World) -> Result<Ready, String> {
        let welcome = world.welcome_code().await?;
        let printed = payments::routes::views::static_url(context, &self.printed);
        Ok(Ready {
            url: context.public_url().to_owned(),
            shop: SHOP.to_owned(),
            members: self.members.clone(),
            buyer: self.visitor.contact.clone(),
            pin: self.visitor.pin.clone(),
            code_url: welcome,
            printed_url: printed.ok_or("the printed code has no address")?,
            history: self.history,
        })
    }
}

impl World {
    /// A code that can be paid all day.
    async fn welcome_code(&self) -> Result<String, String> {
        let mut till = Till::new(self);
        let request = till.charge_for(WELCOME_MINOR, CODE_SECONDS)?;
        let made = till.send(&request).await?;
        let url = made.text("/pay_url");
        if url.is_empty() {
            Err(format!("no code to try with: {} {}", made.status, made.code()))
        } else {
            Ok(url)
        }
    }
}

/// Plays until `over`, then lets everybody finish, for at most `finish`.
pub(super) async fn play(
    world: &World,
    over: impl Future<Output = ()>,
    attacks_go_on: bool,
    tell: &Tell,
    finish: Duration,
) -> Arc<Score> {
    let mut robots = JoinSet::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let (attacker, teller, mut ended) = (world.clone(), Arc::clone(tell), stopped.clone());
    robots.spawn(async move { attack(&attacker, attacks_go_on, &teller, &mut ended).await });
    let (host, mut ended) = (world.clone(), stopped);
    robots.spawn(async move { open_doors(&host, &mut ended).await });
    over.await;
    let _ = stop.send(true);
    let all = async { while robots.join_next().await.is_some() {} };
    let finished = async { tokio::time::timeout(finish, all).await.is_ok() };
    // Asked twice, they drop what they hold: each request is whole or not there at all.
    let finished = tokio::select! {
        finished = finished => finished,
        () = asked_to_stop() => false,
    };
    if !finished {
        tracing::warn!("some robots did not finish what they began");
    }
    Arc::clone(&world.score)
}

/// Sleeps; `true` when it is over meanwhile.
async fn pause(time: Duration, ended: &mut tokio::sync::watch::Receiver<bool>) -> bool {
    // An error means that whoever says so is gone.
    tokio::time::timeout(time, ended.wait_for(|over| *over)).await.is_ok()
}

/// Each attack once, whatever happens; then again and again.
async fn attack(world: &World, go_on: bool, tell: &Tell, ended: &mut tokio::sync::watch::Receiver<bool>) {
    for (round, kind) in Kind::ALL.into_iter().cycle().enumerate() {
        let first = round < Kind::ALL.len();
        if !first && (!go_on || pause(ATTACK_EVERY, ended).await) {
            return;
        }
        if let Err(problem) = attacks::play(world, kind).await {
            tracing::warn!(%problem, attack = kind.name(), "a round of an attack broke off");
        }
        tell(&News::Attack(&world.score.attack(kind)));
    }
}

/// Lets buyers in, one after the other, each in their own time.
async fn open_doors(world: &World, ended: &mut tokio::sync::watch::Receiver<bool>) {
    let (opened, mut visits) = (Instant::now(), JoinSet::new());
    for number in 0usize.. {
        let visitor = world.clone();
        visits.spawn(async move {
            if let Err(problem) = visit(&visitor, number).await {
                tracing::debug!(%problem, "a visit broke off");
            }
        });
        while visits.try_join_next().is_some() {}
        if pause(between(world, opened.elapsed()), ended).await {
            break;
        }
    }
    while visits.join_next().await.is_some() {}
}

/// Lively in the first minutes, so that there is something to see; then so that no regular comes more often than people
/// do.
fn between(world: &World, open: Duration) -> Duration {
    let (least, most) = match open.as_secs() {
        0..20 => (150, 400),
        20..180 => (700, 1_300),
        _ => (4_000, 9_000),
    };
    Duration::from_millis(least + world.dice().below(most - least))
}

/// What a visit is about.
#[derive(Clone, Copy)]
enum Visit {
    Usual,
    /// A new phone and a high amount: asked, and says yes.
    NewPhone,
    /// The same, but the phone is not theirs to use: says no.
    NotMe,
    /// The printed code, far away: waits for a member.
    CopiedCode,
    /// Paid, and some of it given back.
    PartBack,
    /// Paid, and all of it given back.
    AllBack,
    /// The shop takes the code back.
    Cancelled,
    /// More than there is.
    TooDear,
    /// The code is shown and nobody pays.
    WalkedAway,
    /// The printed code, at the shop.
    Printed,
}

/// The first visits show what there is; then most are as always.
fn choose(world: &World, number: usize) -> Visit {
    const FIRST: [Visit; 14] = [
        Visit::Usual,
        Visit::NewPhone,
        Visit::CopiedCode,
        Visit::Usual,
        Visit::PartBack,
        Visit::Printed,
        Visit::AllBack,
        Visit::Usual,
        Visit::TooDear,
        Visit::Cancelled,
        Visit::WalkedAway,
        Visit::NotMe,
        Visit::CopiedCode,
        Visit::Usual,
    ];
    FIRST.get(number).copied().unwrap_or_else(|| match world.dice().below(100) {
        0..78 => Visit::Usual,
        78..86 => Visit::Printed,
        86..89 => Visit::PartBack,
        89..91 => Visit::AllBack,
        91..93 => Visit::WalkedAway,
        93..95 => Visit::Cancelled,
        95..97 => Visit::TooDear,
        97..98 => Visit::NewPhone,
        98..99 => Visit::NotMe,
        _ => Visit::CopiedCode,
    })
}

async fn visit(world: &World, number: usize) -> Result<(), String> {
    let regulars = world.regulars();
    let Some(person) = regulars.get(number % regulars.len().max(1)) else { return Ok(()) };
    let mut till = Till::new(world);
    let usual = usual_amount(world, person);
    match choose(world, number) {
        Visit::Usual => buy(world, &mut till, person, usual).await.map(drop),
        Visit::PartBack => {
            let id = buy(world, &mut till, person, usual).await?;
            till.refund(&id, Some((usual / 3).max(1))).await.map(drop)
        }
        Visit::AllBack => {
            let id = buy(world, &mut till, person, usual).await?;
            till.refund(&id, None).await.map(drop)
        }
        Visit::Cancelled => {
            let bill = till.charge(usual, world.any_terminal()).await?;
            till.cancel(&bill.id).await.map(drop)
        }
        Visit::WalkedAway => till.charge(usual, world.any_terminal()).await.map(drop),
        Visit::TooDear => {
            // A guest who has never been here, with little money.
            let mut phone = Phone::sign_up(world, "Guest", person.address).await?;
            let bill = till.charge(usual, world.any_terminal()).await?;
            phone.pay(&bill).await.map(drop)
        }
        Visit::Printed => {
            let mut phone = Phone::of(world, person);
            let bill = phone.type_amount(world.town.printed_id(), usual.min(9_900)).await?;
            phone.confirm(&bill).await.map(drop)
        }
        Visit::NewPhone => ask(world, &mut till, person, true).await,
        Visit::NotMe => ask(world, &mut till, person, false).await,
        Visit::CopiedCode => far_away(world).await,
    }
}

/// Around what the buyer usually pays, more at noon and in the evening.
fn usual_amount(world: &World, person: &Person) -> i64 {
    let hour = (world.at.clock.now().seconds() / 3_600 + 8).rem_euclid(24);
    let meal = if (11..14).contains(&hour) || (17..20).contains(&hour) { 110 } else { 90 };
    let percent = meal - 30 + world.dice().below(61) as i64;
    (person.usual_minor * percent / 100).max(200)
}

/// Scans, pays, and puts cash in when the balance runs out.
async fn buy(world: &World, till: &mut Till, person: &Person, amount_minor: i64) -> Result<String, String> {
    let bill = till.charge(amount_minor, world.any_terminal()).await?;
    let mut phone = Phone::of(world, person);
    phone.scan(&bill.url).await?;
    tokio::time::sleep(Duration::from_millis(100 + world.dice().below(400))).await;
    let answer = phone.confirm(&bill).await?;
    match answer.text("/state").as_str() {
        "paused" => phone.answer(&bill.id, true).await.map(drop)?,
        "declined" if answer.text("/decline") == "insufficient_funds" => {
            top_up(world, person.buyer, BALANCE_MINOR).await?;
        }
        _ => {}
    }
    Ok(bill.id)
}

/// A high amount from a phone that the account has not seen: "is this you?".
async fn ask(world: &World, till: &mut Till, person: &Person, it_was_me: bool) -> Result<(), String> {
    let mut phone = Phone::sign_in(world, person, person.address).await?;
    phone.place = Some(person.place);
    let bill = till.charge((person.usual_minor * 5).max(36_000), world.any_terminal()).await?;
    let answer = phone.pay(&bill).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    if answer.text("/state") == "paused" {
        phone.answer(&bill.id, it_was_me).await?;
    }
    Ok(())
}

/// Somebody new pays the printed code from a picture of it, far away.
async fn far_away(world: &World) -> Result<(), String> {
    let mut phone = Phone::sign_up(world, "Guest", world.far_address()).await?;
    phone.place = Some(ELSEWHERE);
    top_up(world, phone.buyer, 20_000).await?;
    let bill = phone.type_amount(world.town.printed_id(), 8_800).await?;
    phone.confirm(&bill).await.map(drop)
}
