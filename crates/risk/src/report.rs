//! The report of a screened file: one HTML page that needs nothing else, light or dark, on paper or screen.
//!
//! Every text of the file is escaped, and the page forbids itself scripts and anything from elsewhere.

mod chart;

use std::fmt::Write;

use base::{Money, Timestamp};

use crate::decide::Outcome;
use crate::metrics::Point;
use crate::screen::{Bucket, Case, Quality, RuleResult, Screening, Total};
use crate::train::day_text;
use chart::Bar;

const STYLE: &str = include_str!("report/style.css");
/// Reasons drawn as bars; the table has all.
const REASONS_DRAWN_MAX: usize = 12;
/// The outcomes drawn over time, the strictest at the bottom.
const DRAWN: [Outcome; 3] = [Outcome::Block, Outcome::Review, Outcome::Challenge];

/// The page.
pub fn page(screening: &Screening) -> String {
    let mut body = String::new();
    head(screening, &mut body);
    over_time(screening, &mut body);
    if let Some(quality) = &screening.quality {
        how_good(quality, &mut body);
    }
    reasons(screening, &mut body);
    let worst = format!("The {} payments ranked most suspicious", screening.worst.len());
    cases(&worst, "By score, then by amount.", &screening.worst, &mut body);
    if screening.quality.is_some() {
        let missed = if screening.missed.is_empty() {
            "No labelled fraud was let through".to_owned()
        } else {
            format!("The {} largest frauds that were let through", screening.missed.len())
        };
        cases(&missed, "Labelled as fraud, decided as allow.", &screening.missed, &mut body);
    }
    how_read(screening, &mut body);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Screening of {}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        escape(&screening.file)
    )
}

/// Text made safe for HTML content and attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn put(out: &mut String, html: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(html);
}

/// `1,754,155`.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p > 0.0 && p < 0.01 => "under 0.01 %".to_owned(),
        p if p < 1.0 => format!("{p:.2} %"),
        // One decimal where rounding would claim all of it.
        p if p < 10.0 || (99.0..100.0).contains(&p) => format!("{:.1} %", (p * 10.0).floor() / 10.0),
        p => format!("{p:.0} %"),
    }
}

fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// `1.2 M`, for axes.
fn compact(value: f64) -> String {
    let (value, unit) = match value.abs() {
        v if v >= 1e9 => (value / 1e9, " bn"),
        v if v >= 1e6 => (value / 1e6, " M"),
        v if v >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let text = format!("{value:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "● allow",
        Outcome::Challenge => "◫ challenge",
        Outcome::Review => "◑ review",
        Outcome::Block => "✕ block",
    }
}

fn money(screening: &Screening, minor: i64) -> String {
    Money::new(minor, screening.currency).to_string()
}

fn minute(at: Timestamp) -> String {
    at.to_rfc3339().get(..16).unwrap_or_default().replace('T', " ")
}

fn head(screening: &Screening, out: &mut String) {
    let stopped = screening.stopped();
    let title = if screening.rows == 0 {
        "The file has no payments".to_owned()
    } else if stopped == 0 {
        format!("All {} payments would have been allowed", count(screening.rows))
    } else {
        let (part, all) = (count(stopped), count(screening.rows));
        format!("{part} of {all} payments would have been stopped or questioned")
    };
    let period = screening
        .period
        .map_or_else(String::new, |(from, until)| format!(" · {} to {} UTC", minute(from), minute(until)));
    put(out, format_args!("<h1>{title}</h1>"));
    let file = escape(&screening.file);
    let seconds = screening.seconds;
    put(out, format_args!("<p class=\"soft\">{file}{period} · screened in {seconds:.1} s</p>"));
    out.push_str("<div class=\"tiles\">");
    for (outcome, total) in Outcome::ALL.into_iter().zip(&screening.totals) {
        let value = count(total.payments);
        let (part, sum) = (percent(share(total.payments, screening.rows)), money(screening, total.minor));
        let (class, word) = (outcome.name(), word(outcome));
        put(
            out,
            format_args!(
                "<div class=\"tile\"><span class=\"word-{class}\">{word}</span><b>{value}</b><span>{part} · {sum}</span></div>"
            ),
        );
    }
    out.push_str("</div>");
}

fn over_time(screening: &Screening, out: &mut String) {
    if screening.buckets.is_empty() {
        return;
    }
    let stretch = match screening.bucket_days {
        1 => "day".to_owned(),
        7 => "week".to_owned(),
        days => format!("{days} days"),
    };
    let stopped = |bucket: &Bucket| totals(bucket, &DRAWN).map(|t| t.payments).sum::<u64>();
    let peak = screening.buckets.iter().max_by_key(|bucket| stopped(bucket));
    let title = match peak.filter(|bucket| stopped(bucket) > 0) {
        Some(peak) => {
            let (number, day) = (count(stopped(peak)), day_text(peak.day));
            let since = if screening.bucket_days == 1 { "on" } else { "in the days from" };
            format!("Most were stopped or questioned {since} {day}: {number} payments")
        }
        None => "Nothing would have been stopped or questioned".to_owned(),
    };
    put(
        out,
        format_args!(
            "<section><h2>{title}</h2><p class=\"soft\">Payments by {stretch}, without those allowed.</p>"
        ),
    );
    key(out);
    out.push_str(&draw(screening, &title, &DRAWN, &|total| total.payments as f64, &compact));
    let held: i64 = screening.totals.iter().skip(1).map(|total| total.minor).sum();
    let unit = major(screening);
    let axis = |value: f64| format!("{}{}", screening.currency.symbol(), compact(value));
    let title = format!("{} was in the payments stopped or questioned", money(screening, held));
    put(
        out,
        format_args!("<h2>{title}</h2><p class=\"soft\">Money by {stretch}, without what was allowed.</p>"),
    );
    out.push_str(&draw(screening, &title, &DRAWN, &|total| total.minor as f64 / unit, &axis));
    let passed = screening.totals.first().copied().unwrap_or_default();
    let title =
        format!("{} was allowed in {} payments", money(screening, passed.minor), count(passed.payments));
    put(out, format_args!("<h2>{title}</h2><p class=\"soft\">Money allowed by {stretch}.</p>"));
    out.push_str(&draw(screening, &title, &[Outcome::Allow], &|total| total.minor as f64 / unit, &axis));
    time_table(screening, out);
    out.push_str("</section>");
}

fn totals<'a>(bucket: &'a Bucket, outcomes: &'a [Outcome]) -> impl Iterator<Item = Total> + 'a {
    outcomes.iter().filter_map(|outcome| bucket.totals.get(crate::screen::place(*outcome)).copied())
}

fn draw(
    screening: &Screening,
    about: &str,
    outcomes: &[Outcome],
    figure: &dyn Fn(Total) -> f64,
    unit: &dyn Fn(f64) -> String,
) -> String {
    let bar = |bucket: &Bucket| Bar {
        label: day_text(bucket.day),
        parts: totals(bucket, outcomes).map(figure).collect(),
    };
    let bars: Vec<Bar> = screening.buckets.iter().map(bar).collect();
    let classes: Vec<&str> = outcomes.iter().map(|outcome| outcome.name()).collect();
    chart::bars(about, &bars, &classes, unit)
}

fn major(screening: &Screening) -> f64 {
    f64::from(10u32.saturating_pow(screening.currency.decimals()))
}

fn key(out: &mut String) {
    out.push_str("<div class=\"key\">");
    for outcome in DRAWN {
        put(out, format_args!("<i class=\"word-{}\">{}</i>", outcome.name(), word(outcome)));
    }
    out.push_str("</div>");
}

fn time_table(screening: &Screening, out: &mut String) {
    let labelled = screening.quality.is_some();
    out.push_str(
        "<details><summary>The same as a table</summary><div class=\"wide\"><table><tr><th>From</th>",
    );
    for outcome in Outcome::ALL {
        put(out, format_args!("<th class=\"n\">{}</th><th class=\"n\">money</th>", word(outcome)));
    }
    out.push_str(if labelled {
        "<th class=\"n\">frauds</th><th class=\"n\">caught</th></tr>"
    } else {
        "</tr>"
    });
    for bucket in &screening.buckets {
        put(out, format_args!("<tr><td>{}</td>", day_text(bucket.day)));
        for total in bucket.totals {
            let (payments, sum) = (count(total.payments), money(screening, total.minor));
            put(out, format_args!("<td class=\"n\">{payments}</td><td class=\"n\">{sum}</td>"));
        }
        if labelled {
            let (frauds, caught) = (count(bucket.frauds), count(bucket.caught));
            put(out, format_args!("<td class=\"n\">{frauds}</td><td class=\"n\">{caught}</td>"));
        }
        out.push_str("</tr>");
    }
    out.push_str("</table></div></details>");
}

fn how_good(quality: &Quality, out: &mut String) {
    let figures = &quality.figures;
    let known = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), percent);
    let score = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), |f| format!("{f:.3}"));
    let (lost, held) = quality.money;
    let by_money = if lost > 0 { percent(held as f64 / lost as f64) } else { "–".to_owned() };
    out.push_str("<div class=\"tiles\">");
    for (name, value) in [
        (format!("of {} frauds stopped or questioned", count(quality.frauds)), known(figures.recall)),
        ("of the frauds' money".to_owned(), by_money),
        (format!("of {} alarms were frauds", count(quality.caught.total())), known(figures.precision)),
        ("area under the ROC curve".to_owned(), score(figures.auc_roc)),
        ("average precision".to_owned(), score(figures.average_precision)),
        ("card precision at 100 a day".to_owned(), score(figures.card_precision_at_100)),
    ] {
        put(out, format_args!("<div class=\"tile\"><b>{value}</b><span>{name}</span></div>"));
    }
    out.push_str("</div>");
    if quality.learned_rows > 0 {
        let (rows, learned) = (count(quality.rows), count(quality.learned_rows));
        put(
            out,
            format_args!(
                "<p class=\"soft\">Figures of {rows} payments; the {learned} the model learned from are left out.</p>"
            ),
        );
    }
    out.push_str("<div class=\"pair\">");
    roc(quality, out);
    precision_recall(quality, out);
    out.push_str("</div>");
}

fn roc(quality: &Quality, out: &mut String) {
    let title = quality.figures.auc_roc.map_or_else(
        || "No curve: the file has one kind of payment only".to_owned(),
        |auc| format!("A fraud outranks a genuine payment {} of the time", percent(auc)),
    );
    let ends = (Point { x: 0.0, y: 0.0 }, Point { x: 1.0, y: 1.0 });
    let axes = ("genuine payments hit (ROC)", "frauds hit");
    let svg = chart::curve(&title, &quality.roc, ends, axes);
    let note = "Dashed: ranking by chance.";
    put(out, format_args!("<section><h2>{title}</h2><p class=\"soft\">{note}</p>{svg}</section>"));
}

fn precision_recall(quality: &Quality, out: &mut String) {
    let curve = &quality.precision_recall;
    let half = curve
        .iter()
        .filter(|p| p.x >= 0.5)
        .map(|p| p.y)
        .fold(None, |best: Option<f64>, y| Some(best.map_or(y, |best| best.max(y))));
    let title = half.map_or_else(
        || "No curve: the file has one kind of payment only".to_owned(),
        |precision| format!("To catch half of the frauds, {} of the alarms are right", percent(precision)),
    );
    let base = curve.last().map_or(0.0, |last| last.y);
    let ends = (Point { x: 0.0, y: base }, Point { x: 1.0, y: base });
    let axes = ("frauds hit (recall)", "alarms that are frauds (precision)");
    let svg = chart::curve(&title, curve, ends, axes);
    let note = format!("Dashed: alarms at random, {} right.", percent(base));
    put(out, format_args!("<section><h2>{title}</h2><p class=\"soft\">{note}</p>{svg}</section>"));
}

fn reasons(screening: &Screening, out: &mut String) {
    let fired: Vec<&RuleResult> = screening.rules.iter().filter(|rule| rule.hits.total() > 0).collect();
    let title = match fired.first() {
        Some(first) => {
            format!("The commonest reason: {}, {} payments", rule_name(first), count(first.hits.total()))
        }
        None => "No rule fired".to_owned(),
    };
    let title_html = escape(&title);
    put(
        out,
        format_args!(
            "<section><h2>{title_html}</h2><p class=\"soft\">A payment can have several reasons.</p>"
        ),
    );
    let row = |rule: &&RuleResult| {
        let total = rule.hits.total();
        let words = match (&screening.quality, rule.hits.precision()) {
            (Some(_), Some(precision)) => format!("{} · {} frauds", count(total), percent(precision)),
            _ => count(total),
        };
        (rule_name(rule), total as f64, rule.outcome.name(), words)
    };
    let rows: Vec<_> = fired.iter().take(REASONS_DRAWN_MAX).map(row).collect();
    if !rows.is_empty() {
        out.push_str(&chart::ranked(&title, &rows));
    }
    rule_table(screening, out);
    out.push_str("</section>");
}

fn rule_name(rule: &RuleResult) -> String {
    rule.name.replace('_', " ")
}

fn rule_table(screening: &Screening, out: &mut String) {
    let open = if screening.quality.is_some() { " open" } else { "" };
    put(out, format_args!("<details{open}><summary>All rules</summary><div class=\"wide\"><table>"));
    out.push_str("<tr><th>Rule</th><th>Outcome</th><th class=\"n\">Fired</th><th class=\"n\">Money</th>");
    let labelled = screening.quality.is_some();
    out.push_str(if labelled {
        "<th class=\"n\">Precision</th><th class=\"n\">Recall</th></tr>"
    } else {
        "</tr>"
    });
    for rule in &screening.rules {
        let (name, class, outcome) = (escape(&rule.name), rule.outcome.name(), word(rule.outcome));
        let (fired, sum) = (count(rule.hits.total()), money(screening, rule.minor));
        put(out, format_args!("<tr><td>{name}</td><td class=\"word-{class}\">{outcome}</td>"));
        put(out, format_args!("<td class=\"n\">{fired}</td><td class=\"n\">{sum}</td>"));
        if labelled {
            let known = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), percent);
            let (precision, recall) =
                (known(rule.hits.precision()), known(rule.hits.recall(screening.frauds())));
            put(out, format_args!("<td class=\"n\">{precision}</td><td class=\"n\">{recall}</td>"));
        }
        out.push_str("</tr>");
    }
    out.push_str("</table></div></details>");
}

fn cases(title: &str, note: &str, cases: &[Case], out: &mut String) {
    if cases.is_empty() && note.starts_with("By score") {
        return;
    }
    put(out, format_args!("<section><h2>{title}</h2>"));
    if cases.is_empty() {
        return out.push_str("</section>");
    }
    let labelled = cases.iter().any(|case| case.fraud.is_some());
    put(out, format_args!("<p class=\"soft\">{note}</p><div class=\"wide\"><table>"));
    out.push_str(
        "<tr><th class=\"n\">Amount</th><th>Time (UTC)</th><th>Outcome</th><th class=\"n\">Score</th>",
    );
    out.push_str(if labelled { "<th>Label</th>" } else { "" });
    out.push_str("<th>Payment</th><th>Why</th></tr>");
    for case in cases {
        let (amount, at, class) = (case.amount, minute(case.at), case.outcome.name());
        put(out, format_args!("<tr><td class=\"n\">{amount}</td><td class=\"n\">{at}</td>"));
        let (word, score) = (word(case.outcome), case.score);
        put(out, format_args!("<td class=\"word-{class}\">{word}</td><td class=\"n\">{score:.3}</td>"));
        if labelled {
            out.push_str(if case.fraud == Some(true) { "<td>fraud</td>" } else { "<td>genuine</td>" });
        }
        put(out, format_args!("<td class=\"id\">{}</td><td>{}</td></tr>", escape(&case.id), why(&case.why)));
    }
    out.push_str("</table></div></section>");
}

fn why(reasons: &[String]) -> String {
    match reasons {
        [] => "–".to_owned(),
        [one] => escape(one),
        many => {
            let items: String = many.iter().map(|reason| format!("<li>{}</li>", escape(reason))).collect();
            format!("<ul>{items}</ul>")
        }
    }
}

fn how_read(screening: &Screening, out: &mut String) {
    out.push_str("<section><h2>How the file was read</h2>");
    let pairs: Vec<String> =
        screening.columns.iter().map(|(field, column)| format!("{} as {field}", escape(column))).collect();
    put(out, format_args!("<p>{}.</p>", pairs.join(" · ")));
    let list = |names: &[String]| names.iter().map(|name| escape(name)).collect::<Vec<_>>().join(", ");
    if !screening.unread_columns.is_empty() {
        put(out, format_args!("<p class=\"soft\">Not read: {}.</p>", list(&screening.unread_columns)));
    }
    if !screening.skipped_rules.is_empty() {
        let (number, names) = (screening.skipped_rules.len(), list(&screening.skipped_rules));
        let columns = "the file has no columns for what they read";
        put(
            out,
            format_args!("<p class=\"soft\">{number} rules were skipped, since {columns}: {names}.</p>"),
        );
    }
    if screening.sorted {
        out.push_str("<p class=\"soft\">The rows were not in time order and have been sorted.</p>");
    }
    if let Some(days) = screening.label_delay_days {
        put(
            out,
            format_args!(
                "<p class=\"soft\">A label counted from {days} days after its payment, as it would have become known.</p>"
            ),
        );
    }
    if let Some(model) = &screening.model {
        put(out, format_args!("<p class=\"soft\">Model {}.</p>", escape(model)));
    }
    out.push_str("<p class=\"soft\">Each payment was decided with what was known at its time, and then remembered as it ended in the file.</p></section>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_read_them() {
        assert_eq!([0, 999, 1_000, 1_754_155].map(count), ["0", "999", "1,000", "1,754,155"]);
        assert_eq!(
            [0.0, 0.00001, 0.0042, 0.054, 0.896].map(percent),
            ["0.00 %", "under 0.01 %", "0.42 %", "5.4 %", "90 %"]
        );
        assert_eq!(
            [0.0, 25.0, 2_500.0, 12_500.0, 3.2e6].map(compact),
            ["0", "25", "2500", "12.5 k", "3.2 M"]
        );
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    }
}
