//! Screening of payments: gathers the facts, loads the profiles, asks `risk`, and remembers.

use std::net::IpAddr;
use std::sync::Arc;

use base::{BuyerId, DecisionId, Money, PaymentId, ShopId, Timestamp};
use identity::{Buyer, BuyerSession, Means, Shop};
use risk::{
    Attempt, Change, CodeKind, Costs, Countries, Decision, Entity, Facts, Flow, Key, Label, Modes, Profiles,
    RuleSet, Scorer, Word, observe,
};
use store::Tx;

use crate::payment::{Origin, Payment};
use crate::shop::{Premises, Terminal};
use crate::store as rows;

/// What decides: rules, costs and, once there is one, a model. Taken as one snapshot for each request.
#[derive(Clone)]
pub struct Screen {
    /// The rules in force.
    pub rules: Arc<RuleSet>,
    /// The model in force.
    pub model: Option<Arc<dyn Scorer>>,
    /// What the model's probability is weighed with.
    pub costs: Costs,
    /// Countries of network addresses, where the installation has a table.
    pub countries: Option<Arc<Countries>>,
}

impl Screen {
    /// The starter rules without a model.
    pub fn starter() -> Screen {
        Screen { rules: Arc::new(RuleSet::starter()), model: None, costs: Costs::default(), countries: None }
    }

    /// The country of a network address, where it is known.
    pub fn country_of(&self, address: Option<IpAddr>) -> Option<Word> {
        self.countries.as_ref()?.find(address?)
    }

    /// Decides on facts, with what the shop made of the rules.
    pub fn decide(&self, facts: &Facts, profiles: &Profiles, modes: &Modes) -> Decision {
        risk::decide_under(facts, profiles, (&self.rules, modes), self.model.as_deref(), &self.costs)
    }
}

/// What the edge knows of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Origination {
    /// The network address it came from.
    pub address: Option<IpAddr>,
    /// Where the device says it is.
    pub place: Option<risk::Place>,
}

impl Origination {
    /// Where a caller is, as far as the network tells.
    pub fn of(caller: &identity::gate::Caller<'_>) -> Origination {
        Origination { address: caller.remote, place: None }
    }
}

/// Where profiles of the platform's own buyers live: all shops see one memory.
const PLATFORM: ShopId = ShopId::HOUSE;
const MS_A_DAY: f64 = 86_400_000.0;
const MS_AN_HOUR: f64 = 3_600_000.0;
const MS_A_MINUTE: f64 = 60_000.0;

/// The parties of an attempt to pay.
pub struct Parties<'a> {
    /// The payment.
    pub payment: &'a Payment,
    /// Who is paid.
    pub shop: &'a Shop,
    /// Where that is.
    pub premises: &'a Premises,
    /// Where, if known.
    pub terminal: Option<&'a Terminal>,
    /// The payer's session.
    pub session: &'a BuyerSession,
    /// The payer's account.
    pub buyer: &'a Buyer,
    /// When the payer's device was first seen.
    pub device_since: Timestamp,
    /// The payer's balance before the payment, minor units.
    pub balance_minor: i64,
}

/// Everything known of an attempt to pay with a stored balance.
pub fn facts_of(parties: &Parties<'_>, from: &Origination, now: Timestamp) -> Facts {
    let Parties { payment, shop, premises, terminal, session, buyer, device_since, balance_minor } = *parties;
    let days = |since: Timestamp| Some(now.millis_since(since).max(0) as f64 / MS_A_DAY);
    let mut facts = Facts::new(now, payment.amount);
    facts.code = Some(if payment.origin == Origin::Dynamic { CodeKind::Dynamic } else { CodeKind::Static });
    facts.code_place = terminal.and_then(|terminal| terminal.place);
    let mut facts = facts_at(facts, shop, premises);
    for (entity, key) in party_keys(payment, session.buyer, from) {
        facts.set(entity, key);
    }
    facts.set(Entity::Device, Some(Key::of(session.device.short())));
    facts.method = Word::parse("balance");
    facts.code_age_minutes = Some(now.millis_since(payment.created_at).max(0) as f64 / MS_A_MINUTE);
    facts.payer_place = from.place;
    facts.payer_account_days = days(buyer.created);
    facts.device_age_days = days(device_since);
    facts.session_age_minutes = Some(now.millis_since(session.opened).max(0) as f64 / MS_A_MINUTE);
    // The first PIN comes with the account and is no change.
    let changed = Some(buyer.pin_changed).filter(|changed| *changed > buyer.created);
    let hours_since = |changed: Timestamp| now.millis_since(changed).max(0) as f64 / MS_AN_HOUR;
    facts.credential_changed_hours = changed.map(hours_since);
    facts.contact_changed_hours = buyer.contact_changed.map(hours_since);
    facts.balance_minor = Some(balance_minor);
    facts
}

/// Adds what is known of the shop alone: who it is, its hour and weekday, its country and age, and where its codes stand
/// unless that is known better.
pub fn facts_at(facts: Facts, shop: &Shop, premises: &Premises) -> Facts {
    let (hour, weekday) = premises.local_hour(facts.at);
    let scans = matches!(facts.code, Some(CodeKind::Static | CodeKind::Dynamic));
    let mut known = Facts {
        hour: Some(hour),
        weekday: Some(weekday),
        code_place: facts.code_place.or(premises.place.filter(|_| scans)),
        shop_country: Word::parse(&shop.country),
        shop_account_days: Some(facts.at.millis_since(shop.created).max(0) as f64 / MS_A_DAY),
        ..facts
    };
    known.set(Entity::Shop, Some(Key::of(shop.id.short())));
    known
}

/// What is known of a stored payment without its payer's session: enough to note how it ended.
pub(crate) fn known_facts(payment: &Payment, now: Timestamp) -> Facts {
    let mut facts = Facts::new(now, payment.amount);
    if let Some(buyer) = payment.buyer {
        for (entity, key) in party_keys(payment, buyer, &Origination { address: None, place: None }) {
            facts.set(entity, key);
        }
    }
    facts.set(Entity::Device, payment.device.map(|device| Key::of(device.short())));
    facts
}

/// The parties of a wrong PIN or a refused passkey at a payment that waits for an answer.
pub(crate) fn guess_facts(
    payment: &Payment,
    session: &BuyerSession,
    from: &Origination,
    now: Timestamp,
) -> Facts {
    let mut facts = Facts::new(now, payment.amount);
    for (entity, key) in party_keys(payment, session.buyer, from) {
        facts.set(entity, key);
    }
    facts.set(Entity::Device, Some(Key::of(session.device.short())));
    facts
}

/// The parties whose profiles a payment reads, without the device, which only the session knows.
fn party_keys(payment: &Payment, buyer: BuyerId, from: &Origination) -> [(Entity, Option<Key>); 4] {
    let place = payment.terminal.map(|id| Key::of(id.short())).or(match payment.origin {
        Origin::Static(code) => Some(Key::of(code.short())),
        Origin::Dynamic => None,
    });
    [
        (Entity::Payer, Some(Key::of(buyer.short()))),
        (Entity::Address, from.address.map(address_key)),
        (Entity::Shop, Some(Key::of(base::ScopedId::shop(&payment.id).short()))),
        (Entity::Terminal, place),
    ]
}

/// The rows of the profiles that every payment at `shop` reads, for [`store::Tx::expect`].
pub(crate) fn profile_keys(shop: ShopId, session: &BuyerSession, from: &Origination) -> Vec<store::Key> {
    let parties = [
        (Entity::Payer, Some(Key::of(session.buyer.short()))),
        (Entity::Device, Some(Key::of(session.device.short()))),
        (Entity::Address, from.address.map(address_key)),
        (Entity::Shop, Some(Key::of(shop.short()))),
    ];
    let known = parties.into_iter().filter_map(|(entity, key)| Some((entity, key?)));
    known.map(|(entity, key)| rows::profile_key(PLATFORM, entity, key)).collect()
}

/// An IPv4 address counts alone, an IPv6 one by its /64, which one customer of a network has.
fn address_key(address: IpAddr) -> Key {
    match address.to_canonical() {
        IpAddr::V4(v4) => Key::of_bytes(&v4.octets()),
        IpAddr::V6(v6) => Key::of_bytes(v6.octets().get(..8).unwrap_or_default()),
    }
}

/// Loads the profiles of the parties of `facts` in `scope`.
///
/// # Errors
/// Those of the store.
pub fn load_profiles(tx: &mut Tx<'_>, scope: ShopId, facts: &Facts) -> Result<Profiles, store::Error> {
    let mut profiles = Profiles::default();
    for entity in Entity::ALL {
        if let Some(key) = facts.key(entity) {
            profiles.set(entity, rows::find_profile(tx, scope, entity, key)?);
        }
    }
    Ok(profiles)
}

/// Notes an attempt in the profiles of its parties and writes them.
///
/// # Errors
/// Those of the store.
pub fn remember(
    tx: &mut Tx<'_>,
    scope: ShopId,
    facts: &Facts,
    mut profiles: Profiles,
    attempt: Attempt,
) -> Result<(), store::Error> {
    observe(facts, &mut profiles, attempt);
    for entity in Entity::ALL {
        if let (Some(key), Some(profile)) = (facts.key(entity), profiles.get(entity)) {
            rows::put_profile(tx, scope, entity, key, profile)?;
        }
    }
    Ok(())
}

/// Screens an attempt to pay: decides, and keeps the decision with everything it was made of.
///
/// # Errors
/// Those of the store.
pub(crate) fn screen(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    (screen, modes): (&Screen, &Modes),
    facts: &Facts,
    payment: PaymentId,
) -> Result<(DecisionId, Decision, Profiles), store::Error> {
    let profiles = load_profiles(tx, PLATFORM, facts)?;
    let facts = with_flows(facts, &profiles, base::ScopedId::shop(&payment));
    let decision = screen.decide(&facts, &profiles, modes);
    let id = DecisionId::new(base::ScopedId::shop(&payment), means.now, means.dice);
    let about = (Some(payment), facts.key(Entity::Address));
    rows::insert_decision(tx, id, about, decision.outcome.name(), decision.to_bytes(), means.now)?;
    Ok((id, decision, profiles))
}

/// What came to the payer in the last day, from the payer's own profile.
fn with_flows(facts: &Facts, profiles: &Profiles, shop: ShopId) -> Facts {
    let payer = profiles.get(Entity::Payer);
    let sum = |flow| Some(payer.map_or(0, |payer| payer.flow(facts.at, flow, facts.amount.currency)));
    Facts {
        topped_up_1d_minor: sum(Flow::TopUp),
        refunded_1d_minor: sum(Flow::Refund(Key::of(shop.short()))),
        ..facts.clone()
    }
}

/// Notes in a buyer's profile that money came to them: put in by themselves, or given back by `shop`.
///
/// # Errors
/// Those of the store.
pub(crate) fn remember_flow(
    tx: &mut Tx<'_>,
    buyer: BuyerId,
    shop: Option<ShopId>,
    amount: Money,
    now: Timestamp,
) -> Result<(), store::Error> {
    let payer = Key::of(buyer.short());
    let mut profile = rows::find_profile(tx, PLATFORM, Entity::Payer, payer)?.unwrap_or_default();
    let flow = shop.map_or(Flow::TopUp, |shop| Flow::Refund(Key::of(shop.short())));
    profile.add_flow(now, flow, amount.minor, amount.currency);
    rows::put_profile(tx, PLATFORM, Entity::Payer, payer, &profile)
}

/// What was said of a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    /// What it was.
    pub word: Label,
    /// Whether its money had moved by then; unknown of what was said before that was kept.
    pub moved: Option<bool>,
}

impl Said {
    /// When a party counted the payment, and whether it counted it as paid.
    fn counted(self, entity: Entity, payment: &Payment, confirmed_at: Timestamp) -> (Timestamp, bool) {
        let paid_at = payment.settled_at.unwrap_or(confirmed_at);
        match self.moved {
            // The address is known at the confirmation alone: what was paid after a pause it never counted as paid.
            Some(true) if entity == Entity::Address => (confirmed_at, paid_at == confirmed_at),
            Some(true) => (paid_at, true),
            Some(false) => (confirmed_at, false),
            None => (confirmed_at, true),
        }
    }
}

/// Notes in the profiles of a payment's parties what was said of it, in place of what was said before.
///
/// # Errors
/// Those of the store.
pub(crate) fn learn(
    tx: &mut Tx<'_>,
    payment: &Payment,
    (before, after): (Option<Said>, Option<Said>),
    now: Timestamp,
) -> Result<(), store::Error> {
    let Some(confirmed_at) = payment.confirmed_at else { return Ok(()) };
    let mut facts = known_facts(payment, now);
    let address = payment.decision.map_or(Ok(None), |id| rows::find_decision_address(tx, id))?;
    facts.set(Entity::Address, address);
    for entity in Entity::ALL {
        if let Some(party) = facts.key(entity) {
            let mut profile = rows::find_profile(tx, PLATFORM, entity, party)?.unwrap_or_default();
            for (said, change) in [(before, Change::Lift), (after, Change::Set)] {
                if let Some(said) = said {
                    let (at, paid) = said.counted(entity, payment, confirmed_at);
                    profile.label(at, said.word, paid, change);
                }
            }
            rows::put_profile(tx, PLATFORM, entity, party, &profile)?;
        }
    }
    Ok(())
}

/// Where a payer was, as far as their device and the network told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Whereabouts {
    /// Where the device said it was.
    pub place: Option<risk::Place>,
    /// The country of the network address.
    pub country: Option<Word>,
}

/// Keeps where a payer is who is asked whether it was them: if it was, they are remembered there.
///
/// # Errors
/// Those of the store.
pub(crate) fn keep_asked_place(
    tx: &mut Tx<'_>,
    payment: &Payment,
    facts: &Facts,
    now: Timestamp,
) -> Result<(), store::Error> {
    let here = Whereabouts { place: facts.payer_place, country: facts.address_country };
    match payment.buyer.filter(|_| here != Whereabouts::default()) {
        Some(buyer) => rows::put_asked_place(tx, buyer, payment.id, here, now),
        None => Ok(()),
    }
}

/// Takes out where a payer was when they were asked about this payment.
///
/// # Errors
/// Those of the store.
pub(crate) fn take_asked_place(tx: &mut Tx<'_>, payment: &Payment) -> Result<Whereabouts, store::Error> {
    let Some(buyer) = payment.buyer else { return Ok(Whereabouts::default()) };
    match rows::find_asked_place(tx, buyer)?.filter(|(asked, _)| *asked == payment.id) {
        Some((_, here)) => rows::delete_asked_place(tx, buyer).map(|()| here),
        None => Ok(Whereabouts::default()),
    }
}

/// Guessing shows in the memory of account, device, address and shop; the payment stays as it was.
pub(crate) fn remember_guess(tx: &mut Tx<'_>, facts: &Facts) -> Result<(), store::Error> {
    let profiles = load_profiles(tx, PLATFORM, facts)?;
    remember_payment(tx, facts, profiles, Attempt::Declined)
}

/// As [`remember`], for the platform's own buyers.
pub(crate) fn remember_payment(
    tx: &mut Tx<'_>,
    facts: &Facts,
    profiles: Profiles,
    attempt: Attempt,
) -> Result<(), store::Error> {
    remember(tx, PLATFORM, facts, profiles, attempt)
}

/// Screens an attempt that a shop takes elsewhere: the decision alone, with a memory of the shop's own.
///
/// # Errors
/// Those of the store.
pub fn decide_alone(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    (screen, modes): (&Screen, &Modes),
    shop: ShopId,
    facts: &Facts,
) -> Result<(DecisionId, Decision), store::Error> {
    let profiles = load_profiles(tx, shop, facts)?;
    let decision = screen.decide(facts, &profiles, modes);
    let id = DecisionId::new(shop, means.now, means.dice);
    let outcome = decision.outcome.name();
    rows::insert_decision(tx, id, (None, None), outcome, decision.to_bytes(), means.now)?;
    let attempt = match decision.outcome {
        risk::Outcome::Allow => Attempt::Paid,
        risk::Outcome::Block => Attempt::Declined,
        risk::Outcome::Challenge | risk::Outcome::Review => Attempt::Paused,
    };
    remember(tx, shop, facts, profiles, attempt)?;
    Ok((id, decision))
}
