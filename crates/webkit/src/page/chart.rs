//! Charts as SVG made on the server: the title says the finding, series are labelled directly, scales start at zero,
//! and the figures stand in a table behind a toggle. No script, no style attribute.
//!
//! The caller gives words already translated; only the toggle and the axis of a curve are worded here.

use std::fmt::Write;
use std::sync::LazyLock;

use base::{Currency, Money};

use super::html::{Html, escape};
use super::lang::{Lang, Texts};

/// Most points a series may have; further ones are not drawn.
pub const POINTS_MAX: usize = 2_000;

static OWN: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[]));

const WIDTH: f64 = 720.0;
/// The same drawing for a phone: as wide as its screen, so that letters keep their size.
const NARROW: f64 = 344.0;
const LEFT: f64 = 52.0;

/// A colour of the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Neutral.
    Ink,
    /// The colour of actions.
    Accent,
    /// Went well.
    Good,
    /// Was stopped.
    Bad,
    /// Needs somebody.
    Amber,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Ink => "ink",
            Tone::Accent => "accent",
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Amber => "amber",
        }
    }
}

/// What the figures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Whole things.
    Count,
    /// Minor units of a currency.
    Money(Currency),
    /// Parts of one, shown as per cent.
    Share,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::Count => grouped(value.round()),
            Unit::Money(currency) => Money::new(minor(value), currency).to_string(),
            Unit::Share => format!("{:.1} %", value * 100.0),
        }
    }

    fn show_short(self, value: f64) -> String {
        match self {
            Unit::Count => grouped(value.round()),
            Unit::Money(currency) => {
                let whole = value / 10f64.powi(i32::try_from(currency.decimals()).unwrap_or(2));
                format!("{}{}", currency.symbol(), grouped(whole.round()))
            }
            Unit::Share => format!("{:.0} %", value * 100.0),
        }
    }
}

/// Figures of one kind over the labels of a chart.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in words.
    pub name: String,
    /// Its colour.
    pub tone: Tone,
    /// One figure per label; what is not a number counts as zero.
    pub values: Vec<f64>,
}

/// What every chart has.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The finding, as a sentence.
    pub title: String,
    /// A second line: what is counted, over what time. May be empty.
    pub note: String,
    /// One label per figure, such as `14:00`.
    pub labels: Vec<String>,
    /// The head of the label column in the table of figures, such as `hour`.
    pub label_head: String,
    /// What the figures count.
    pub unit: Unit,
}

/// Stacked bars: what went well above the line, what was stopped below it, on one scale. Drawn twice, for a desk and for a
/// phone; the style sheet shows one.
pub fn bars(lang: Lang, plot: &Plot, above: &[Series], below: &[Series]) -> Html {
    let wide = draw_bars(plot, above, below, WIDTH);
    let narrow = draw_bars(plot, above, below, NARROW);
    let all: Vec<&Series> = above.iter().chain(below).collect();
    figure(lang, plot, &format!("{wide}{narrow}"), &all)
}

fn draw_bars(plot: &Plot, above: &[Series], below: &[Series], full: f64) -> String {
    let (top, strip, foot, height) = (18.0, 18.0, 20.0, 176.0);
    let slots = plot.labels.len().min(POINTS_MAX);
    let (high, low) = (highest_sum(above, slots), highest_sum(below, slots));
    let peak = scale_top(plot.unit, high.max(low * 0.25));
    let strip_below = if below.is_empty() { 0.0 } else { strip };
    let span = (high.max(peak) + low).max(1.0);
    let scale = height / span;
    let zero = top + peak * scale;
    let bottom = top + height + strip_below;
    let mut out = open_svg(full, bottom + foot, &plot.title);
    for tick in ticks(peak) {
        let y = zero - tick * scale;
        grid_line(&mut out, full, y, &plot.unit.show_short(tick), tick == 0.0);
    }
    let step = (full - LEFT) / (slots.max(1) as f64);
    let width = (step * 0.72).max(1.0);
    for slot in 0..slots {
        let x = LEFT + step * slot as f64 + (step - width) / 2.0;
        stack(&mut out, above, slot, Slot { x, width, zero, scale });
        stack(&mut out, below, slot, Slot { x, width, zero: zero + 1.0, scale: -scale });
        hover(&mut out, plot, above.iter().chain(below), slot, (LEFT + step * slot as f64, step, bottom));
    }
    say_series(&mut out, plot.unit, above, 11.0);
    say_series(&mut out, plot.unit, below, bottom - 3.0);
    slot_labels(&mut out, &plot.labels, full, bottom + 14.0);
    out.push_str("</svg>");
    out
}

#[derive(Clone, Copy)]
struct Slot {
    x: f64,
    width: f64,
    zero: f64,
    scale: f64,
}

fn stack(out: &mut String, series: &[Series], slot: usize, at: Slot) {
    let mut edge = at.zero;
    for one in series {
        let value = figure_at(one, slot);
        if value <= 0.0 {
            continue;
        }
        let size = (value * at.scale.abs()).max(1.5);
        let y = if at.scale > 0.0 { edge - size } else { edge };
        let (x, width, class) = (at.x, at.width, one.tone.class());
        let _ = write!(
            out,
            "<rect class=\"f-{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{size:.1}\"/>"
        );
        edge = if at.scale > 0.0 { y } else { y + size };
    }
}

fn hover<'a>(
    out: &mut String,
    plot: &Plot,
    series: impl Iterator<Item = &'a Series>,
    slot: usize,
    area: (f64, f64, f64),
) {
    let mut words = plot.labels.get(slot).cloned().unwrap_or_default();
    for one in series {
        let _ = write!(words, " · {} {}", one.name, plot.unit.show(figure_at(one, slot)));
    }
    let (x, width, height) = area;
    let _ = write!(
        out,
        "<rect x=\"{x:.1}\" y=\"0\" width=\"{width:.1}\" height=\"{height:.0}\" fill=\"none\" pointer-events=\"all\"><title>{}</title></rect>",
        escape(&words)
    );
}

fn say_series(out: &mut String, unit: Unit, series: &[Series], y: f64) {
    if series.is_empty() {
        return;
    }
    let _ = write!(out, "<text class=\"say\" x=\"{LEFT}\" y=\"{y:.1}\">");
    for (index, one) in series.iter().enumerate() {
        let total: f64 = one.values.iter().map(|value| sound(*value)).sum();
        let gap = if index == 0 { "" } else { " dx=\"16\"" };
        let (class, name) = (one.tone.class(), escape(&one.name));
        let _ =
            write!(out, "<tspan class=\"f-{class}\"{gap}>{name} {}</tspan>", escape(&unit.show_short(total)));
    }
    out.push_str("</text>");
}

fn slot_labels(out: &mut String, labels: &[String], full: f64, y: f64) {
    let step = (full - LEFT) / (labels.len().clamp(1, POINTS_MAX) as f64);
    let shown = if full < WIDTH { 4 } else { 8 };
    let every = labels.len().div_ceil(shown).max(1);
    for (slot, label) in labels.iter().take(POINTS_MAX).enumerate().step_by(every) {
        let x = LEFT + step * (slot as f64 + 0.5);
        let _ =
            write!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>", escape(label));
    }
}

/// Lines over time from a scale that starts at zero, each named at its end.
pub fn line(lang: Lang, plot: &Plot, series: &[Series]) -> Html {
    let (top, height, right) = (10.0, 180.0, 96.0);
    let slots = plot.labels.len().min(POINTS_MAX);
    let high = series.iter().flat_map(|one| one.values.iter()).map(|value| sound(*value)).fold(0.0, f64::max);
    let peak = scale_top(plot.unit, high);
    let scale = height / peak;
    let mut out = open_svg(WIDTH, top + height + 20.0, &plot.title);
    for tick in ticks(peak) {
        grid_line(&mut out, WIDTH, top + height - tick * scale, &plot.unit.show_short(tick), tick == 0.0);
    }
    let step = (WIDTH - LEFT - right) / (slots.max(2) - 1) as f64;
    let mut ends: Vec<f64> = Vec::new();
    for one in series {
        let points: Vec<(f64, f64)> = (0..slots.min(one.values.len()))
            .map(|slot| (LEFT + step * slot as f64, top + height - figure_at(one, slot) * scale))
            .collect();
        polyline(&mut out, &points, one.tone);
        if let Some((x, y)) = points.last() {
            let y = apart(&ends, *y);
            ends.push(y);
            let (class, x, y) = (one.tone.class(), x + 6.0, y + 4.0);
            let name = escape(&one.name);
            let _ = write!(out, "<text class=\"say f-{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{name}</text>");
        }
    }
    let every = plot.labels.len().div_ceil(8).max(1);
    for (slot, label) in plot.labels.iter().take(slots).enumerate().step_by(every) {
        let (x, y) = (LEFT + step * slot as f64, top + height + 14.0);
        let _ =
            write!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>", escape(label));
    }
    out.push_str("</svg>");
    figure(lang, plot, &out, &series.iter().collect::<Vec<_>>())
}

/// Moves a label down until it stands at least a line from those already placed.
fn apart(taken: &[f64], wanted: f64) -> f64 {
    let mut y = wanted;
    while taken.iter().any(|other| (other - y).abs() < 14.0) && y < wanted + 200.0 {
        y += 14.0;
    }
    y
}

/// A curve between two shares, such as a ROC or a precision–recall curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name in words, with its area where one is known.
    pub name: String,
    /// Its colour.
    pub tone: Tone,
    /// Points from 0 to 1 on both axes, in drawing order.
    pub points: Vec<(f64, f64)>,
}

/// Curves over the unit square.
#[derive(Clone, Debug)]
pub struct Square {
    /// The finding, as a sentence.
    pub title: String,
    /// A second line; may be empty.
    pub note: String,
    /// What lies on the horizontal axis.
    pub across: String,
    /// What lies on the vertical axis.
    pub up: String,
    /// Whether the line of pure chance is drawn from corner to corner.
    pub chance: Chance,
}

/// Whether chance is a diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chance {
    /// It is, as for ROC.
    Diagonal,
    /// It is not drawn.
    Hidden,
}

/// Draws curves over the unit square with a table of their points.
pub fn square(lang: Lang, square: &Square, curves: &[Curve]) -> Html {
    let (left, top, side) = (40.0, 12.0, 320.0);
    let mut out = format!(
        "<svg class=\"square\" viewBox=\"0 0 380 372\" role=\"img\" aria-label=\"{}\">",
        escape(&square.title)
    );
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (x, y) = (left + tick * side, top + side - tick * side);
        let (end, base, mark) = (left + side, top + side + 16.0, Unit::Share.show_short(tick));
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{left} {y:.1}H{end}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{mark}</text>\
             <text x=\"{x:.1}\" y=\"{base}\" text-anchor=\"middle\">{mark}</text>",
            left - 6.0,
            y + 4.0
        );
    }
    if square.chance == Chance::Diagonal {
        let _ = write!(
            out,
            "<path class=\"axis\" stroke-dasharray=\"4 4\" d=\"M{left} {:.0}L{:.0} {top}\"/>",
            top + side,
            left + side
        );
    }
    for (index, curve) in curves.iter().enumerate() {
        let place =
            |(x, y): &(f64, f64)| (left + sound(*x).min(1.0) * side, top + side - sound(*y).min(1.0) * side);
        let points: Vec<(f64, f64)> = thinned(&curve.points, 200).iter().map(place).collect();
        polyline(&mut out, &points, curve.tone);
        let y = match square.chance {
            Chance::Diagonal => top + side - 14.0 - 18.0 * index as f64,
            Chance::Hidden => top + 18.0 + 18.0 * index as f64,
        };
        let (class, x, name) = (curve.tone.class(), left + side - 8.0, escape(&curve.name));
        let _ = write!(
            out,
            "<text class=\"say f-{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{name}</text>"
        );
    }
    let (x, y) = (left + side / 2.0, top + side + 36.0);
    let (across, up) = (escape(&square.across), escape(&square.up));
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{across} → · ↑ {up}</text></svg>");
    let mut table = head_row(&[&square.across, &square.up]);
    for curve in curves {
        for (x, y) in thinned(&curve.points, 21) {
            body_row(&mut table, &curve.name, &[Unit::Share.show(sound(x)), Unit::Share.show(sound(y))]);
        }
    }
    table.push_str("</tbody>");
    wrap(lang, &square.title, &square.note, &out, &table)
}

/// A tiny line without axes, for a table cell; `words` says it to those who cannot see it.
pub fn spark(values: &[f64], words: &str) -> Html {
    let high = values.iter().map(|value| sound(*value)).fold(0.0, f64::max).max(1e-9);
    let step = 92.0 / (values.len().clamp(2, POINTS_MAX) - 1) as f64;
    let place = |(slot, value): (usize, &f64)| (2.0 + step * slot as f64, 22.0 - sound(*value) / high * 20.0);
    let points: Vec<(f64, f64)> = values.iter().take(POINTS_MAX).enumerate().map(place).collect();
    let mut out =
        format!("<svg class=\"spark\" viewBox=\"0 0 96 24\" role=\"img\" aria-label=\"{}\">", escape(words));
    polyline(&mut out, &points, Tone::Accent);
    out.push_str("</svg>");
    Html::from_trusted(out)
}

/// One measured thing of a payment against what is usual.
#[derive(Clone, Debug)]
pub struct Feature {
    /// What was measured, in words.
    pub name: String,
    /// This payment's figure in words.
    pub shown: String,
    /// What is usual, in words; may be empty.
    pub usual: String,
    /// This payment's figure.
    pub value: f64,
    /// Where the usual range begins.
    pub usual_low: f64,
    /// Where the usual range ends.
    pub usual_high: f64,
}

/// Small bars: the usual range shaded, this payment as a mark, red when it lies outside.
pub fn features(lang: Lang, features: &[Feature]) -> Html {
    let usual_word = OWN.text(lang, "chart-usual", &[]);
    let mut out = String::from("<ul class=\"bars\">");
    for one in features.iter().take(POINTS_MAX) {
        let (value, low, high) = (sound(one.value), sound(one.usual_low), sound(one.usual_high));
        let full = value.max(high).max(1e-9) * 1.08;
        let percent = |figure: f64| figure / full * 100.0;
        let outside = value > high || value < low;
        let tone = if outside { "bad" } else { "accent" };
        let (name, shown) = (escape(&one.name), escape(&one.shown));
        let _ = write!(
            out,
            "<li><span>{name}</span><b class=\"num{}\">{shown}</b><svg viewBox=\"0 0 100 12\" preserveAspectRatio=\"none\" \
             aria-hidden=\"true\"><rect class=\"f-rail\" y=\"4\" width=\"100\" height=\"4\"/><rect class=\"f-usual\" x=\"{:.1}\" \
             y=\"4\" width=\"{:.1}\" height=\"4\"/><rect class=\"f-{tone}\" x=\"{:.1}\" width=\"1\" height=\"12\"/></svg>",
            if outside { " bad" } else { "" },
            percent(low),
            percent((high - low).max(0.0)).max(0.5),
            percent(value).min(99.0)
        );
        if !one.usual.is_empty() {
            let _ = write!(out, "<span class=\"hint\">{} {}</span>", escape(&usual_word), escape(&one.usual));
        }
        out.push_str("</li>");
    }
    out.push_str("</ul>");
    Html::from_trusted(out)
}

fn open_svg(full: f64, height: f64, title: &str) -> String {
    let class = if full < WIDTH { "narrow" } else { "wide" };
    let title = escape(title);
    format!("<svg class=\"{class}\" viewBox=\"0 0 {full} {height:.0}\" role=\"img\" aria-label=\"{title}\">")
}

fn grid_line(out: &mut String, full: f64, y: f64, words: &str, is_zero: bool) {
    let class = if is_zero { "axis" } else { "grid" };
    let (x, base, words) = (LEFT - 8.0, y + 4.0, escape(words));
    let _ = write!(
        out,
        "<path class=\"{class}\" d=\"M{LEFT} {y:.1}H{full}\"/><text x=\"{x}\" y=\"{base:.1}\" text-anchor=\"end\">{words}</text>"
    );
}

fn polyline(out: &mut String, points: &[(f64, f64)], tone: Tone) {
    let _ = write!(out, "<polyline class=\"k-{}\" points=\"", tone.class());
    for (x, y) in points {
        let _ = write!(out, "{x:.1},{y:.1} ");
    }
    out.push_str("\"/>");
}

fn figure(lang: Lang, plot: &Plot, svg: &str, series: &[&Series]) -> Html {
    let names: Vec<&str> = series.iter().map(|one| one.name.as_str()).collect();
    let mut table = format!("<thead><tr><th scope=\"col\">{}</th>", escape(&plot.label_head));
    for name in names {
        let _ = write!(table, "<th scope=\"col\" class=\"r\">{}</th>", escape(name));
    }
    table.push_str("</tr></thead><tbody>");
    for (slot, label) in plot.labels.iter().take(POINTS_MAX).enumerate() {
        let cells: Vec<String> = series.iter().map(|one| plot.unit.show(figure_at(one, slot))).collect();
        body_row(&mut table, label, &cells);
    }
    table.push_str("</tbody>");
    wrap(lang, &plot.title, &plot.note, svg, &table)
}

fn head_row(names: &[&str]) -> String {
    let mut out = String::from("<thead><tr><th></th>");
    for name in names {
        let _ = write!(out, "<th scope=\"col\" class=\"r\">{}</th>", escape(name));
    }
    out.push_str("</tr></thead><tbody>");
    out
}

fn body_row(out: &mut String, label: &str, cells: &[String]) {
    let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(label));
    for cell in cells {
        let _ = write!(out, "<td class=\"r num\">{}</td>", escape(cell));
    }
    out.push_str("</tr>");
}

fn wrap(lang: Lang, title: &str, note: &str, svg: &str, table: &str) -> Html {
    let note = if note.is_empty() { String::new() } else { format!("<small>{}</small>", escape(note)) };
    let toggle = OWN.text(lang, "frame-figures", &[]);
    Html::from_trusted(format!(
        "<figure class=\"chart\"><figcaption>{}{note}</figcaption><div class=\"scroll\">{svg}</div><details><summary>{}</summary>\
         <div class=\"scroll\"><table>{table}</table></div></details></figure>",
        escape(title),
        escape(&toggle)
    ))
}

fn figure_at(series: &Series, slot: usize) -> f64 {
    sound(series.values.get(slot).copied().unwrap_or(0.0))
}

/// A figure that can be drawn: not below zero, a number, not absurdly large.
fn sound(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, 1e15) } else { 0.0 }
}

fn minor(value: f64) -> i64 {
    // The clamp keeps the cast exact enough and in range.
    sound(value).round() as i64
}

fn highest_sum(series: &[Series], slots: usize) -> f64 {
    (0..slots).map(|slot| series.iter().map(|one| figure_at(one, slot)).sum()).fold(0.0, f64::max)
}

/// The next round figure at or above `value` whose half is round as well.
fn nice_ceiling(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().find(|step| step * power >= value * 0.999_999).unwrap_or(10.0) * power
}

/// The top of a scale: for whole things an even number when it is small, so that the middle is whole as well.
fn scale_top(unit: Unit, value: f64) -> f64 {
    match unit {
        Unit::Count if value <= 10.0 => (value / 2.0).ceil().max(1.0) * 2.0,
        Unit::Share => nice_ceiling(value.max(0.001)).min(1.0),
        _ => nice_ceiling(value.max(1.0)),
    }
}

fn ticks(peak: f64) -> [f64; 3] {
    [0.0, peak / 2.0, peak]
}

fn thinned(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(most).max(1);
    let last = points.len().saturating_sub(1);
    points
        .iter()
        .enumerate()
        .filter(|(at, _)| at % every == 0 || *at == last)
        .map(|(_, point)| *point)
        .collect()
}

/// A whole number with its thousands separated.
pub(crate) fn grouped(value: f64) -> String {
    let plain = format!("{value:.0}");
    let digits = plain.len();
    let mut out = String::with_capacity(digits + digits / 3);
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (digits - index) % 3 == 0 && digit.is_ascii_digit() {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::check;

    fn plot(words: &str, unit: Unit) -> Plot {
        Plot {
            title: words.into(),
            note: words.into(),
            labels: (0..24).map(|hour| format!("{hour}:00{words}")).collect(),
            label_head: words.into(),
            unit,
        }
    }

    fn series(words: &str, values: Vec<f64>) -> Series {
        Series { name: words.into(), tone: Tone::Good, values }
    }

    #[test]
    fn hostile_words_and_figures_draw_a_sound_chart() {
        let evil = "<script>\"&";
        let wild = vec![f64::NAN, f64::INFINITY, -1.0, 1e300, 0.0, 5.0];
        let all = [series(evil, wild.clone()), series(evil, wild.clone())];
        let feature = Feature {
            name: evil.into(),
            shown: evil.into(),
            usual: evil.into(),
            value: f64::NAN,
            usual_low: -5.0,
            usual_high: f64::INFINITY,
        };
        let curve = Curve { name: evil.into(), tone: Tone::Bad, points: vec![(f64::NAN, 2.0), (0.5, 0.5)] };
        let area = Square {
            title: evil.into(),
            note: evil.into(),
            across: evil.into(),
            up: evil.into(),
            chance: Chance::Diagonal,
        };
        let drawn = [
            bars(Lang::En, &plot(evil, Unit::Count), &all, &all),
            line(Lang::Zh, &plot(evil, Unit::Money(Currency::CNY)), &all),
            spark(&wild, evil),
            features(Lang::En, &[feature]),
            square(Lang::Zh, &area, &[curve]),
        ];
        for html in drawn {
            let html = html.as_str();
            assert!(!html.contains("<script") && !html.contains("NaN") && !html.contains("inf"), "{html}");
            assert_eq!(check::fragment(html), Vec::<String>::new());
        }
    }

    #[test]
    fn nothing_at_all_still_draws() {
        let empty = Plot { labels: Vec::new(), ..plot("", Unit::Count) };
        for html in [bars(Lang::En, &empty, &[], &[]), line(Lang::En, &empty, &[]), spark(&[], "")] {
            assert!(!html.as_str().contains("NaN"), "{html}");
        }
    }

    #[test]
    fn a_single_stopped_payment_among_thousands_is_still_seen() {
        let many = series("paid", vec![5_000.0; 24]);
        let mut one = series("stopped", vec![0.0; 24]);
        one.values[3] = 1.0;
        one.tone = Tone::Bad;
        let html = bars(Lang::En, &plot("", Unit::Count), &[many], &[one]).to_string();
        assert!(html.contains("f-bad\" x=") && html.contains("height=\"1.5\""), "{html}");
    }

    #[test]
    fn scales_end_on_round_figures() {
        for (value, expect) in
            [(1.0, 1.0), (3.0, 3.0), (11.0, 12.0), (99.0, 100.0), (0.3, 0.3), (2_300.0, 3_000.0)]
        {
            assert!((nice_ceiling(value) - expect).abs() < 1e-9, "{value}");
        }
        assert!(
            (scale_top(Unit::Count, 5.0) - 6.0).abs() < 1e-9
                && (scale_top(Unit::Share, 0.97) - 1.0).abs() < 1e-9
        );
        assert_eq!(grouped(1_234_567.0), "1,234,567");
        assert_eq!(Unit::Money(Currency::CNY).show_short(128_000.0), "¥1,280");
    }
}
