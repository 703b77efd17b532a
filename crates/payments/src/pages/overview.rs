//! The overview: today's money, what needs somebody now, payments live, outcomes of the last 24 hours.

use askama::Template;
use base::{Money, Timestamp};
use webkit::page::chart::{self, Plot, Series, Tone, Unit};
use webkit::page::when;
use webkit::page::{Frame, Html};

use super::list::PaymentRow;
use super::shown::PaymentShown;

/// Declined payments within an hour that make the title speak of a burst.
const BURST_MIN: u64 = 10;

/// The desk's first page. Template `overview.html`. The frame's `live` names an event stream that sends `payments`
/// ([`super::list::PaymentRowPart`]); rows with the same id replace each other, new ones come first.
#[derive(Template)]
#[template(path = "overview.html")]
pub struct OverviewPage {
    /// The frame.
    pub page: Frame,
    /// Money paid since midnight in the shop's zone, less refunds.
    pub today: Money,
    /// Payments since midnight.
    pub today_count: u64,
    /// The same until this time a week ago; absent in the first week.
    pub week_ago: Option<Money>,
    /// Payments that wait for a review this member may decide.
    pub reviews: u64,
    /// The money in those reviews.
    pub reviews_amount: Money,
    /// Where the review queue is.
    pub reviews_href: String,
    /// Further things that need the member.
    pub needs: Vec<Need>,
    /// The last 24 hours, oldest first.
    pub hours: Vec<HourOutcomes>,
    /// The newest payments, newest first.
    pub rows: Vec<PaymentRow>,
    /// Where all payments are.
    pub payments_href: String,
    /// Where a code can be shown.
    pub codes_href: String,
    /// Whether the sum of all ledger entries is zero.
    pub books_balanced: bool,
    /// Entries in the sealed log.
    pub log_size: u64,
    /// When the newest checkpoint was signed; absent before the first.
    pub log_sealed_at: Option<Timestamp>,
}

/// Something that needs the member.
#[derive(Clone, Debug)]
pub struct Need {
    /// What, in words.
    pub text: String,
    /// Where it is dealt with.
    pub href: String,
}

/// Outcomes within one hour.
#[derive(Clone, Copy, Debug)]
pub struct HourOutcomes {
    /// When the hour began.
    pub start: Timestamp,
    /// Payments that went through.
    pub paid: u64,
    /// Payments on which the payer was asked or a member had to decide.
    pub waiting: u64,
    /// Payments that were declined.
    pub declined: u64,
}

impl OverviewPage {
    /// The chart of outcomes.
    pub fn chart(&self) -> Html {
        let values = |of: fn(&HourOutcomes) -> u64| self.hours.iter().map(|hour| of(hour) as f64).collect();
        let series = |key: &str, tone, values| Series { name: self.page.t(key), tone, values };
        let plot = Plot {
            title: self.finding(),
            note: self.page.t1("chart-outcomes-note", "zone", self.page.zone.name()),
            labels: self.hours.iter().map(|hour| when::clock(&self.page.zone, hour.start)).collect(),
            label_head: self.page.t("chart-hour"),
            unit: Unit::Count,
        };
        let above = [series("chart-paid", Tone::Good, values(|hour| hour.paid))];
        let below = [
            series("chart-waiting", Tone::Amber, values(|hour| hour.waiting)),
            series("chart-declined", Tone::Bad, values(|hour| hour.declined)),
        ];
        chart::bars(self.page.lang, &plot, &above, &below)
    }

    /// What the chart shows, as a sentence.
    fn finding(&self) -> String {
        let paid: u64 = self.hours.iter().map(|hour| hour.paid).sum();
        let stopped: u64 = self.hours.iter().map(|hour| hour.declined).sum();
        let worst = self.hours.iter().max_by_key(|hour| hour.declined);
        match worst {
            Some(hour) if hour.declined >= BURST_MIN && hour.declined * 2 > stopped => {
                let clock = when::clock(&self.page.zone, hour.start);
                self.page.t2("chart-burst", "hour", clock, "n", hour.declined)
            }
            _ if paid + stopped == 0 => self.page.t("chart-quiet"),
            _ if stopped == 0 => self.page.t1("chart-all-well", "n", paid),
            _ => self.page.t2("chart-some-stopped", "paid", paid, "stopped", stopped),
        }
    }
}
