//! Makes up a shop's payments: buyers with habits, and five kinds of attack among them, labelled.
//!
//! A seed and the same numbers give the same payments on every machine: all chance comes from [`Dice`], and the
//! arithmetic uses nothing that differs between processors. Nobody in it is real; addresses are of the ranges kept for
//! documentation (RFC 5737).

use std::fmt::Write;

use base::{Dice, Timestamp};

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// Genuine payments by hour of the day, out of their sum: breakfast, lunch and evening peaks, few at night.
const HOURS: [u64; 24] =
    [4, 2, 1, 1, 1, 3, 12, 34, 42, 30, 28, 44, 66, 48, 30, 28, 32, 50, 72, 66, 44, 30, 18, 9];
/// Ids of parties that only attackers use start here.
const STRANGERS_FROM: u32 = 90_000;
/// The shops' town, hundredths of a degree north and east.
const TOWN: (i64, i64) = (3_123, 12_147);

/// What to make up.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// The seed.
    pub seed: u64,
    /// Midnight of the first day, where the shops are.
    pub start: Timestamp,
    /// Days.
    pub days: u32,
    /// Buyers with habits; each pays about once and a half a day.
    pub buyers: u32,
    /// Terminals, four to a shop.
    pub terminals: u32,
    /// Whether there are attacks; each week has all five kinds.
    pub attacks: bool,
}

impl Traffic {
    /// Four weeks of a small town, about 5,000 payments: the sample in the repository.
    pub fn sample() -> Traffic {
        let start = Timestamp::parse_rfc3339("2026-03-02T00:00:00Z").unwrap_or_default();
        Traffic { seed: 20_260_302, start, days: 28, buyers: 118, terminals: 24, attacks: true }
    }
}

/// Why a payment was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scenario {
    /// By a buyer, out of habit.
    Genuine,
    /// Stolen cards tried with small amounts from one device.
    CardTesting,
    /// A buyer's account emptied from a strange device far away.
    AccountTakeover,
    /// A buyer's payment sent again from elsewhere within minutes.
    Replay,
    /// Many new accounts behind one device.
    DeviceRing,
    /// Cards read out at a terminal and used there again.
    TerminalCompromise,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Scenario; 6] = [
        Scenario::Genuine,
        Scenario::CardTesting,
        Scenario::AccountTakeover,
        Scenario::Replay,
        Scenario::DeviceRing,
        Scenario::TerminalCompromise,
    ];

    /// The word in files: `genuine`, `card_testing`, …
    pub const fn name(self) -> &'static str {
        match self {
            Scenario::Genuine => "genuine",
            Scenario::CardTesting => "card_testing",
            Scenario::AccountTakeover => "account_takeover",
            Scenario::Replay => "replay",
            Scenario::DeviceRing => "device_ring",
            Scenario::TerminalCompromise => "terminal_compromise",
        }
    }

    /// Whether it is a fraud.
    pub const fn is_fraud(self) -> bool {
        !matches!(self, Scenario::Genuine)
    }
}

/// One attempt to pay. Parties are numbers; equal numbers are the same party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// When.
    pub at: Timestamp,
    /// Who pays.
    pub payer: u32,
    /// With which card.
    pub card: u32,
    /// From which device.
    pub device: u32,
    /// From which network address.
    pub address: [u8; 4],
    /// To which shop.
    pub shop: u32,
    /// At which terminal.
    pub terminal: u32,
    /// How much, in fen.
    pub amount_minor: i64,
    /// Whether the issuer declined it.
    pub declined: bool,
    /// Country of the network address, ISO 3166-1.
    pub country: &'static str,
    /// Where the device is, hundredths of a degree north and east.
    pub place_centi: (i64, i64),
    /// Why it was made.
    pub scenario: Scenario,
}

/// Somebody with habits.
#[derive(Clone, Debug)]
struct Buyer {
    number: u32,
    /// Payments in ten days.
    per_ten_days: u64,
    mean_minor: i64,
    terminals: [u32; 3],
    address: [u8; 4],
    place: (i64, i64),
}

struct Town<'a> {
    traffic: &'a Traffic,
    dice: Dice,
    payments: Vec<Payment>,
    strangers: u32,
}

impl Traffic {
    /// The payments, in time order.
    pub fn generate(&self) -> Vec<Payment> {
        let dice = Dice::predictable_for_tests(self.seed);
        let mut town = Town { traffic: self, dice, payments: Vec::new(), strangers: STRANGERS_FROM };
        let buyers: Vec<Buyer> = (0..self.buyers).map(|number| town.buyer(number)).collect();
        for day in 0..i64::from(self.days) {
            for buyer in &buyers {
                town.live_a_day(buyer, day);
            }
        }
        if self.attacks && !buyers.is_empty() {
            for week in 0..i64::from(self.days.div_ceil(7)) {
                town.attack_for_a_week(&buyers, week);
            }
        }
        let end = self.start.plus_seconds(i64::from(self.days) * DAY_S);
        town.payments.retain(|payment| payment.at < end);
        town.payments.sort_by_key(|payment| payment.at);
        town.payments
    }
}

impl Town<'_> {
    fn below(&self, bound: u64) -> i64 {
        i64::try_from(self.dice.below(bound)).unwrap_or(0)
    }

    /// Between `from` and `until`, `until` left out.
    fn between(&self, from: i64, until: i64) -> i64 {
        from + self.below(u64::try_from(until - from).unwrap_or(0))
    }

    fn chance(&self, percent: u64) -> bool {
        self.dice.below(100) < percent
    }

    fn time(&self, day: i64, second: i64) -> Timestamp {
        self.traffic.start.plus_seconds(day * DAY_S + second)
    }

    fn stranger(&mut self) -> u32 {
        self.strangers += 1;
        self.strangers
    }

    fn terminal(&self) -> u32 {
        self.below(u64::from(self.traffic.terminals.max(1))) as u32
    }

    /// A number around 100, as percent: the sum of three dice, from 40 to 220 with most near 110.
    fn spread(&self) -> i64 {
        40 + self.below(61) + self.below(61) + self.below(61)
    }

    fn buyer(&self, number: u32) -> Buyer {
        let at_town = |centre: i64| centre + self.between(-12, 13);
        Buyer {
            number,
            per_ten_days: self.dice.below(25) + 3,
            // Squared, so that most are small: 8 to 300 yuan.
            mean_minor: 800 + self.below(171).pow(2),
            terminals: [self.terminal(), self.terminal(), self.terminal()],
            address: [198, 51, 100, number as u8],
            place: (at_town(TOWN.0), at_town(TOWN.1)),
        }
    }

    fn live_a_day(&mut self, buyer: &Buyer, day: i64) {
        let whole = buyer.per_ten_days / 10;
        let times = whole + u64::from(self.dice.below(10) < buyer.per_ten_days % 10);
        for _ in 0..times {
            let payment = self.habit(buyer, day);
            self.payments.push(payment);
        }
    }

    /// One payment of a buyer, as usual.
    fn habit(&mut self, buyer: &Buyer, day: i64) -> Payment {
        let hour = self.hour();
        let second = hour * HOUR_S + self.below(HOUR_S as u64);
        let usual = self.dice.below(10);
        let terminal = match buyer.terminals.get(usual as usize / 3) {
            Some(terminal) => *terminal,
            None => self.terminal(),
        };
        let big = if self.chance(2) { 3 } else { 1 };
        let (moved_north, moved_east) = (self.between(-4, 5), self.between(-4, 5));
        Payment {
            at: self.time(day, second),
            payer: buyer.number,
            card: buyer.number * 2 + u32::from(self.chance(15)),
            device: buyer.number * 2 + u32::from(self.chance(6)),
            address: if self.chance(70) { buyer.address } else { [203, 0, 113, self.below(40) as u8] },
            shop: terminal / 4,
            terminal,
            amount_minor: buyer.mean_minor * big * self.spread() / 110,
            declined: self.chance(1),
            country: "CN",
            place_centi: (buyer.place.0 + moved_north, buyer.place.1 + moved_east),
            scenario: Scenario::Genuine,
        }
    }

    fn hour(&self) -> i64 {
        let mut left = self.dice.below(HOURS.iter().sum());
        for (hour, weight) in (0i64..).zip(HOURS) {
            if left < weight {
                return hour;
            }
            left -= weight;
        }
        12
    }

    fn attack_for_a_week(&mut self, buyers: &[Buyer], week: i64) {
        let day = |town: &Town<'_>| week * 7 + town.below(7);
        let (testing, ring) = (day(self), week * 7 + self.below(5));
        self.test_cards(testing);
        for _ in 0..3 {
            let (victim, on) = (self.victim(buyers), day(self));
            self.take_over(&victim, on);
        }
        for _ in 0..2 {
            let (victim, on) = (self.victim(buyers), day(self));
            self.replay(&victim, on);
        }
        self.run_ring(ring);
        self.compromise(buyers, week);
    }

    fn victim(&self, buyers: &[Buyer]) -> Buyer {
        let at = self.below(buyers.len() as u64) as usize;
        buyers.get(at).or(buyers.first()).cloned().unwrap_or_else(|| self.buyer(0))
    }

    /// Fourteen to twenty stolen cards in about ten minutes, small amounts, most declined.
    fn test_cards(&mut self, day: i64) {
        let (device, payer, terminal) = (self.stranger(), self.stranger(), self.terminal());
        let address = [192, 0, 2, self.below(250) as u8];
        let mut second = self.between(HOUR_S, 22 * HOUR_S);
        for _ in 0..self.between(14, 21) {
            second += self.between(12, 50);
            let card = self.stranger();
            self.payments.push(Payment {
                at: self.time(day, second),
                payer,
                card,
                device,
                address,
                shop: terminal / 4,
                terminal,
                amount_minor: self.between(100, 490),
                declined: self.chance(65),
                country: "CN",
                place_centi: (TOWN.0 + 40, TOWN.1 + 35),
                scenario: Scenario::CardTesting,
            });
        }
    }

    /// Two to four payments of four to nine times the usual amount, at night, from a strange device far away.
    fn take_over(&mut self, victim: &Buyer, day: i64) {
        let device = self.stranger();
        let address = [192, 0, 2, self.below(250) as u8];
        let mut second = self.between(0, 5 * HOUR_S);
        for _ in 0..self.between(2, 5) {
            second += self.between(2 * MINUTE_S, 14 * MINUTE_S);
            let terminal = self.terminal();
            self.payments.push(Payment {
                at: self.time(day, second),
                payer: victim.number,
                card: victim.number * 2,
                device,
                address,
                shop: terminal / 4,
                terminal,
                amount_minor: victim.mean_minor * self.between(4, 10) + self.below(900),
                declined: self.chance(15),
                country: "SG",
                place_centi: (129, 10_385),
                scenario: Scenario::AccountTakeover,
            });
        }
    }

    /// A payment of a buyer, and the very same sent three to five times from elsewhere in the minutes after.
    fn replay(&mut self, victim: &Buyer, day: i64) {
        let first = self.habit(victim, day);
        let address = [192, 0, 2, self.below(250) as u8];
        let mut at = first.at;
        for _ in 0..self.between(3, 6) {
            at = at.plus_seconds(self.between(5, 70));
            let place_centi = (3_990, 11_640);
            let scenario = Scenario::Replay;
            self.payments.push(Payment {
                at,
                address,
                place_centi,
                scenario,
                declined: false,
                ..first.clone()
            });
        }
        self.payments.push(first);
    }

    /// Five new accounts on one device over two days, three payments each.
    fn run_ring(&mut self, day: i64) {
        let device = self.stranger();
        let address = [192, 0, 2, self.below(250) as u8];
        for _ in 0..5 {
            let (payer, card) = (self.stranger(), self.stranger());
            for _ in 0..3 {
                let terminal = self.terminal();
                self.payments.push(Payment {
                    at: self.time(day, self.between(8 * HOUR_S, 2 * DAY_S)),
                    payer,
                    card,
                    device,
                    address,
                    shop: terminal / 4,
                    terminal,
                    amount_minor: self.between(9_000, 48_000),
                    declined: self.chance(10),
                    country: "CN",
                    place_centi: (TOWN.0 - 30, TOWN.1 + 60),
                    scenario: Scenario::DeviceRing,
                });
            }
        }
    }

    /// Two payments a day at one terminal, in the name of buyers, for the whole week; the terminal changes each two weeks.
    fn compromise(&mut self, buyers: &[Buyer], week: i64) {
        let terminal = (week / 2 * 7 + 3).rem_euclid(i64::from(self.traffic.terminals.max(1))) as u32;
        for day in week * 7..week * 7 + 7 {
            for _ in 0..2 {
                let victim = self.victim(buyers);
                let usual = self.habit(&victim, day);
                let shop = terminal / 4;
                let scenario = Scenario::TerminalCompromise;
                self.payments.push(Payment { terminal, shop, scenario, declined: false, ..usual });
            }
        }
    }
}

/// The payments as a file of comma-separated values with a heading, times as the shops' clocks show them.
pub fn to_csv(payments: &[Payment]) -> String {
    let mut out =
        "id,time,payer,card,device,ip,shop,terminal,amount,status,ip_country,lat,lon,fraud,scenario\n"
            .to_owned();
    for (number, payment) in (1..).zip(payments) {
        write_row(number, payment, &mut out);
    }
    out
}

fn write_row(number: u32, payment: &Payment, out: &mut String) {
    let at = payment.at.to_rfc3339().get(..19).unwrap_or_default().replace('T', " ");
    let Payment { payer, card, device, shop, terminal, country, scenario, .. } = payment;
    let address = payment.address.map(|part| part.to_string()).join(".");
    let (amount, status) =
        (hundredths(payment.amount_minor), if payment.declined { "declined" } else { "paid" });
    let (lat, lon) = (hundredths(payment.place_centi.0), hundredths(payment.place_centi.1));
    let (fraud, scenario) = (u8::from(scenario.is_fraud()), scenario.name());
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{number},{at},p{payer},c{card},d{device},{address},s{shop},t{terminal},{amount},{status},{country},{lat},{lon},{fraud},{scenario}"
    );
}

fn hundredths(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", number.unsigned_abs() / 100, number.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_payments_and_another_seed_others() {
        let sample = Traffic::sample();
        assert_eq!(sample.generate(), sample.generate());
        assert_ne!(sample.generate(), Traffic { seed: 1, ..sample }.generate());
    }

    #[test]
    fn the_sample_has_all_scenarios_in_each_week_and_days_in_order() {
        let payments = Traffic::sample().generate();
        assert!((4_500..5_500).contains(&payments.len()), "{}", payments.len());
        assert!(payments.is_sorted_by_key(|payment| payment.at));
        for week in 0..4 {
            let from = Traffic::sample().start.plus_seconds(week * 7 * DAY_S);
            let until = from.plus_seconds(7 * DAY_S);
            let mut counts: HashMap<Scenario, usize> = HashMap::new();
            for payment in payments.iter().filter(|payment| payment.at >= from && payment.at < until) {
                *counts.entry(payment.scenario).or_default() += 1;
            }
            assert!(
                Scenario::ALL.iter().all(|scenario| counts.get(scenario).copied().unwrap_or(0) >= 5),
                "{counts:?}"
            );
        }
        let frauds = payments.iter().filter(|payment| payment.scenario.is_fraud()).count();
        assert!((200..400).contains(&frauds), "{frauds}");
        assert!(payments.iter().all(|payment| payment.amount_minor > 0));
    }

    #[test]
    fn without_attacks_all_is_genuine() {
        let calm = Traffic { attacks: false, days: 3, ..Traffic::sample() };
        assert!(calm.generate().iter().all(|payment| payment.scenario == Scenario::Genuine));
        assert_eq!(Traffic { buyers: 0, ..Traffic::sample() }.generate(), Vec::new());
    }

    /// Write it again with `TILLWARD_WRITE_SAMPLE=1 cargo nextest run -p testkit`.
    #[test]
    fn the_sample_in_the_repository_is_what_the_generator_makes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/payments.csv");
        let made = to_csv(&Traffic::sample().generate());
        assert!(made.len() < 600_000, "{}", made.len());
        if std::env::var_os("TILLWARD_WRITE_SAMPLE").is_some() {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
            std::fs::write(&path, &made).expect("the sample");
        }
        let kept = std::fs::read_to_string(&path).expect("samples/payments.csv");
        assert!(kept == made, "samples/payments.csv is not what the generator makes; write it again");
    }
}
