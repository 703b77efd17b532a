//! The shop before the demo starts: members, a till, buyers with habits, and ten days of payments.
//!
//! The days before are played through the same functions the handlers call, each at its own time, since nobody can send
//! a request yesterday: so charts, profiles, books and log have something in them, and all of it fits together.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base::{BuyerId, CodeId, Currency, Dice, Money, PaymentId, Secret, ShopId, TerminalId, Timestamp};
use identity::{
    Actor, Email, Label, Means, NewApiKey, NewMember, Password, PersonName, Pin, Role, ShopDraft,
    ShopProfile, SignUp, Token,
};
use payments::challenge::{Answer, answer_challenge};
use payments::code::StaticCode;
use payments::confirm::{Confirm, Confirmed, confirm};
use payments::confirmation::Nonce;
use payments::create::{NewPayment, Purpose, create_payment};
use payments::refund::{NewRefund, refund};
use payments::shop::{Premises, create_terminal, set_premises};
use payments::text::ShortText;
use payments::{Origination, Screen, State};
use risk::Place;
use store::Tx;
use testkit::traffic::Traffic;
use vault::Vault;
use webkit::page::Lang;
use webkit::signing::{Signer, SigningKey};

use super::mailbox::ROBOTS;
use super::people::TEAS;
use crate::installation::Installation;

/// The shop's name.
pub(super) const SHOP: &str = "Green Tea House";
/// Days of payments before the first start.
const DAYS: i64 = 7;
/// Days the accounts are older than their first payment.
const DAYS_BEFORE: i64 = 4;
/// Buyers with habits.
const BUYERS: u32 = 150;
/// What each has to spend, minor units.
pub(super) const BALANCE_MINOR: i64 = 300_000;
/// Payments made in one transaction.
const PAYMENTS_A_BATCH: usize = 50;
/// Every so many payments one is given back.
const REFUND_EVERY: usize = 37;
/// Where the shop is: hundredths of a degree north and east.
pub(super) const HERE: (i64, i64) = (3_027, 12_015);
/// Where the traffic generator's town is.
const TOWN: (i64, i64) = (3_123, 12_147);
const DAY_S: i64 = 86_400;
const CHINA_S: i64 = 8 * 3_600;
const FEW: &str = "abcdefghjkmnpqrstuvwxyz23456789";

/// A member's way in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The role.
    pub role: &'static str,
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The number that codes of the second step go to.
    pub phone: String,
}

/// Everything that was there before.
pub(super) struct Town {
    pub(super) shop: ShopId,
    /// Signs for the shop's till.
    pub(super) signer: Arc<Signer>,
    /// Signs for whoever runs the installation, where cash is put into balances.
    pub(super) operator: Arc<Signer>,
    pub(super) members: Vec<SignIn>,
    /// For the person at the terminal.
    pub(super) visitor: Person,
    /// Those with habits.
    pub(super) people: Vec<Person>,
    pub(super) terminals: Vec<TerminalId>,
    pub(super) printed: StaticCode,
    pub(super) history: usize,
}

/// A buyer.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) buyer: BuyerId,
    pub(super) contact: String,
    pub(super) pin: String,
    /// The session of the usual phone.
    pub(super) token: String,
    /// Where the phone connects from.
    pub(super) address: IpAddr,
    /// Where the phone is, degrees north and east.
    pub(super) place: (f64, f64),
    /// What a payment usually is, minor units.
    pub(super) usual_minor: i64,
    /// Payments in the days before.
    pub(super) paid: usize,
}

/// Seeding has one way to fail, and nobody to tell but the person who started it.
struct Stop(String);

impl<E: std::error::Error> From<E> for Stop {
    fn from(problem: E) -> Stop {
        Stop(problem.to_string())
    }
}

/// One payment of the days before.
struct Event {
    at: Timestamp,
    person: usize,
    second_phone: bool,
    amount_minor: i64,
    address: IpAddr,
    place: Option<Place>,
    terminal: usize,
    number: usize,
}

/// A buyer while the days before are played.
struct Habit {
    person: Person,
    pin: Pin,
    phones: [Token; 2],
}

/// Makes the shop and plays the days before.
pub(super) fn seed(at: &Installation) -> Result<Town, String> {
    let now = at.clock.now();
    let midnight = Timestamp(((now.seconds() + CHINA_S).div_euclid(DAY_S) * DAY_S - CHINA_S) * 1_000);
    let start = midnight.plus_seconds(-DAYS * DAY_S);
    let traffic =
        Traffic { seed: 7, start, days: DAYS as u32 + 1, buyers: BUYERS, terminals: 4, attacks: false };
    let events: Vec<Event> = plan(&traffic, now);
    let opened = start.plus_seconds(-DAYS_BEFORE * DAY_S);
    let members =
        [("owner", Role::Owner), ("cashier", Role::Cashier), ("risk", Role::Risk)].map(|(role, kind)| {
            let (email, phone) = (format!("{role}@green-tea.example"), phone_of(role));
            (SignIn { role, email, password: password(), phone }, kind)
        });
    let hashed: Result<Vec<_>, String> =
        members.iter().map(|(sign_in, kind)| hash(sign_in, *kind, at)).collect();
    let hashed = hashed?;
    let shop = write(at, opened, move |tx, means| open_shop(tx, means, &hashed))?;
    let (id, terminals) = (shop.id, shop.terminals.clone());
    let habits: Vec<Habit> = write(at, opened, move |tx, means| {
        (0..BUYERS).map(|number| settle_in(tx, means, &format!("guest{number}{ROBOTS}"), number)).collect()
    })?;
    let visitor = write(at, opened, |tx, means| settle_in(tx, means, "you@mail.example", BUYERS))?;
    let history = events.len();
    let mut people: Vec<Person> = habits.iter().map(|habit| habit.person.clone()).collect();
    learn_habits(&mut people, &events);
    let (habits, events, screen) = (Arc::new(habits), Arc::new(events), Screen::starter());
    for first in (0..history).step_by(PAYMENTS_A_BATCH) {
        let (habits, events, screen, terminals) =
            (habits.clone(), events.clone(), screen.clone(), terminals.clone());
        let shop = Counter { shop: id, terminals };
        write(at, now, move |tx, means| {
            let mut batch = events.iter().skip(first).take(PAYMENTS_A_BATCH);
            batch.try_for_each(|event| replay_event(tx, means, &screen, &shop, &habits, event))
        })?;
    }
    Ok(Town {
        shop: id,
        signer: Arc::new(shop.signer),
        operator: Arc::new(shop.operator),
        members: members.into_iter().map(|(sign_in, _)| sign_in).collect(),
        visitor: visitor.person,
        people,
        terminals: shop.terminals,
        printed: shop.printed,
        history,
    })
}

fn write<T: Send + 'static>(
    at: &Installation,
    now: Timestamp,
    mut work: impl FnMut(&mut Tx<'_>, &Means<'_>) -> Result<T, Stop> + Send + 'static,
) -> Result<T, String> {
    let (vault, dice): (Arc<Vault>, Dice) = (Arc::clone(&at.vault), at.dice.clone());
    let done = at.db.write_blocking(move |tx| work(tx, &Means { vault: &vault, dice: &dice, now }));
    done.map_err(|Stop(problem)| format!("the demo cannot be set up: {problem}"))
}

/// The days before, up to a quarter of an hour ago.
fn plan(traffic: &Traffic, now: Timestamp) -> Vec<Event> {
    let made = traffic.generate().into_iter().filter(|payment| payment.at < now.plus_seconds(-900));
    let event = |(number, payment): (usize, testkit::traffic::Payment)| {
        let (north, east) = payment.place_centi;
        let centi = (north - TOWN.0 + HERE.0, east - TOWN.1 + HERE.1);
        Event {
            at: payment.at,
            person: payment.payer as usize,
            second_phone: payment.device % 2 == 1,
            amount_minor: payment.amount_minor,
            address: IpAddr::from(payment.address),
            place: Place::new(centi.0 as f64 / 100.0, centi.1 as f64 / 100.0),
            terminal: payment.terminal as usize,
            number,
        }
    };
    made.enumerate().map(event).collect()
}

fn learn_habits(people: &mut [Person], events: &[Event]) {
    for (index, person) in people.iter_mut().enumerate() {
        let own: Vec<&Event> = events.iter().filter(|event| event.person == index).collect();
        person.paid = own.len();
        if let Some(last) = own.last() {
            person.usual_minor = own.iter().map(|event| event.amount_minor).sum::<i64>() / own.len() as i64;
            person.place = last.place.map_or(person.place, |place| degrees(place.centi()));
        }
    }
}

fn degrees((north, east): (i16, i16)) -> (f64, f64) {
    (f64::from(north) / 100.0, f64::from(east) / 100.0)
}

/// A number that nobody has.
fn phone_of(role: &str) -> String {
    let last: u32 = role.bytes().map(u32::from).sum();
    format!("+999000{last:05}")
}

/// Twenty letters and digits that are easy to copy, in groups.
fn password() -> String {
    let letters: Vec<char> = FEW.chars().collect();
    let letter = || letters.get(Dice::System.below(letters.len() as u64) as usize).copied().unwrap_or('x');
    (0..23).map(|place| if place % 6 == 5 { '-' } else { letter() }).collect()
}

/// A member to be.
#[derive(Clone)]
struct Hired {
    member: NewMember,
    hash: identity::PasswordHash,
    phone: String,
}

fn hash(sign_in: &SignIn, role: Role, at: &Installation) -> Result<Hired, String> {
    let text = |e: &dyn std::error::Error| e.to_string();
    let hash = identity::hash_password(&Password::parse(&sign_in.password).map_err(|e| text(&e))?, &at.dice);
    let member = NewMember {
        name: PersonName::parse(&format!("Demo {}", sign_in.role)).map_err(|e| text(&e))?,
        email: Email::parse(&sign_in.email).map_err(|e| text(&e))?,
        grants: role.into(),
        lang: Lang::En,
    };
    Ok(Hired { member, hash, phone: sign_in.phone.clone() })
}

/// The shop, its till and its counter.
struct Premade {
    id: ShopId,
    signer: Signer,
    operator: Signer,
    terminals: Vec<TerminalId>,
    printed: StaticCode,
}

fn open_shop(tx: &mut Tx<'_>, means: &Means<'_>, members: &[Hired]) -> Result<Premade, Stop> {
    let draft =
        ShopDraft { name: SHOP, city: "Hangzhou", country: "CN", category: "5499", currency: Currency::CNY };
    let profile = ShopProfile::parse(&draft).map_err(|_| Stop("the shop's profile is refused".to_owned()))?;
    let shop = identity::create_shop(tx, means, &Actor::System, &profile)?;
    for hired in members {
        let id = identity::create_member(tx, means, &Actor::System, shop.id, &hired.member, &hired.hash)?;
        let (label, secret) = (Label::parse("demo")?, Secret::new(hired.phone.clone().into_bytes()));
        let phone = identity::NewFactor { kind: identity::FactorKind::Sms, label: &label, secret: &secret };
        identity::factors::seed_factor(tx, means, identity::Person::Member(id), &phone)?;
    }
    let place = Place::new(HERE.0 as f64 / 100.0, HERE.1 as f64 / 100.0);
    set_premises(tx, shop.id, &Premises { place, ..Premises::assumed("CN") })?;
    let (by, mut terminals) = (audit::Actor::system("demo"), Vec::new());
    for name in ["Counter", "Terrace", "Shelf", "Courier"] {
        terminals.push(create_terminal(tx, means, &by, shop.id, &ShortText::parse(name, 60)?, place)?.id);
    }
    let printed = payments::code::create_code(tx, means, &by, &shop, &ShortText::parse("Window", 60)?, None)?;
    let signer =
        make_key(tx, means, shop.id, &NewApiKey::new(Label::parse("till")?, Role::Integration, None)?)?;
    let operator = make_key(tx, means, ShopId::HOUSE, &NewApiKey::operator(Label::parse("cash desk")?))?;
    Ok(Premade { id: shop.id, signer, operator, terminals, printed })
}

fn make_key(tx: &mut Tx<'_>, means: &Means<'_>, shop: ShopId, new: &NewApiKey) -> Result<Signer, Stop> {
    let (key, secret) = identity::create_system_api_key(tx, means, shop, new)?;
    Ok(Signer::new(key.id.to_string(), SigningKey::hmac_sha256(secret.secret().expose().as_bytes())?))
}

/// Opens an account with money in it and two phones.
fn settle_in(tx: &mut Tx<'_>, means: &Means<'_>, contact: &str, number: u32) -> Result<Habit, Stop> {
    let pin = Pin::random(means.dice);
    let name = PersonName::parse(&format!("Guest {number}"))?;
    let sign_up = SignUp::new(name, Email::parse(contact)?, pin.clone(), Lang::En)?;
    let buyer = identity::create_buyer(tx, means, &sign_up)?;
    let amount = Money::new(BALANCE_MINOR, Currency::CNY);
    payments::balance::top_up(tx, means, &audit::Actor::system("demo"), buyer, amount)?;
    let (_, first) = identity::open_trusted_session(tx, means, buyer, &Label::parse("phone")?)?;
    let (_, second) = identity::open_trusted_session(tx, means, buyer, &Label::parse("tablet")?)?;
    let address = IpAddr::V4(Ipv4Addr::new(198, 51, 100, number as u8));
    let person = Person {
        buyer,
        contact: contact.to_owned(),
        pin: pin.reveal().expose().clone(),
        token: first.token.secret().expose().clone(),
        address,
        place: (HERE.0 as f64 / 100.0, HERE.1 as f64 / 100.0),
        usual_minor: 4_000,
        paid: 0,
    };
    Ok(Habit { person, pin, phones: [first.token, second.token] })
}

/// Where the days before are played.
struct Counter {
    shop: ShopId,
    terminals: Vec<TerminalId>,
}

fn replay_event(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    screen: &Screen,
    counter: &Counter,
    habits: &[Habit],
    event: &Event,
) -> Result<(), Stop> {
    let Some(habit) = habits.get(event.person) else { return Ok(()) };
    let means = &Means { now: event.at, ..*means };
    let amount = Money::new(event.amount_minor.max(100), Currency::CNY);
    let tea = TEAS.get(event.number % TEAS.len()).copied().unwrap_or("tea");
    let purpose = Purpose::Amount {
        amount,
        reference: Some(ShortText::parse(&format!("T-{:05}", event.number + 1), 64)?),
        description: Some(ShortText::parse(tea, 140)?),
    };
    let terminal = counter.terminals.get(event.terminal % counter.terminals.len().max(1)).copied();
    let shown = Means { now: event.at.plus_seconds(-25), ..*means };
    let payment = create_payment(tx, &shown, counter.shop, &NewPayment::new(purpose, terminal, None)?)?.id;
    let [phone, tablet] = &habit.phones;
    let session = identity::require_buyer(tx, if event.second_phone { tablet } else { phone }, event.at)?;
    let from = Origination { address: Some(event.address), place: event.place };
    let nonce = Nonce::parse(&hex(&means.dice.bytes::<16>())).ok_or_else(|| Stop("no nonce".to_owned()))?;
    let command = Confirm::new(payment, amount, counter.shop, nonce, habit.pin.clone());
    let confirmed = confirm(tx, means, screen, &session, &from, &command)?;
    let state = state_of(&confirmed);
    let state = if state == Some(State::Paused) {
        let later = Means { now: event.at.plus_seconds(20), ..*means };
        let answer = Answer::Yes(habit.pin.clone());
        state_of(&answer_challenge(tx, &later, &session, &from, payment, &answer)?)
    } else {
        state
    };
    if state == Some(State::Paid) && event.number % REFUND_EVERY == REFUND_EVERY - 1 {
        give_back(tx, means, payment, amount, event)?;
    }
    Ok(())
}

fn give_back(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    payment: PaymentId,
    amount: Money,
    event: &Event,
) -> Result<(), Stop> {
    let later = Means { now: event.at.plus_seconds(600), ..*means };
    let whole = event.number.is_multiple_of(2);
    let part = Money::new((amount.minor / 2).max(1), amount.currency);
    let new = NewRefund {
        payment,
        amount: (!whole).then_some(part),
        reason: Some(ShortText::parse("tea came cold", 140)?),
    };
    refund(tx, &later, &audit::Actor::system("demo"), &Origination { address: None, place: None }, &new)?;
    Ok(())
}

fn state_of(confirmed: &Confirmed) -> Option<State> {
    match confirmed {
        Confirmed::Moved(moved) => Some(moved.payment.stored_state),
        Confirmed::PinWrong { .. }
        | Confirmed::PinLocked
        | Confirmed::PinCooling { .. }
        | Confirmed::FactorNeeded { .. }
        | Confirmed::PasskeyRefused(_)
        | Confirmed::PasskeyLocked { .. }
        | Confirmed::NotActive => None,
    }
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Town {
    /// The printed code.
    pub(super) fn printed_id(&self) -> CodeId {
        self.printed.id
    }
}
