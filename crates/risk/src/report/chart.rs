//! Charts as SVG: bars over time, bars by name, curves on a unit square. Colours come from the page's style.

use std::fmt::Write;

use super::escape;
use crate::metrics::Point;

const WIDTH: f64 = 1_040.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 26.0;
const TOP: f64 = 14.0;
/// Least height of a part of a bar that is not empty, so that it can be seen.
const VISIBLE: f64 = 1.5;

/// One bar: a label for its place in time, and its parts from the ground up.
pub(super) struct Bar {
    pub label: String,
    pub parts: Vec<f64>,
}

/// Bars over time, their parts stacked in the colours of `classes`. Zero-based; `unit` says an axis value in words.
pub(super) fn bars(about: &str, bars: &[Bar], classes: &[&str], unit: &dyn Fn(f64) -> String) -> String {
    let highest = bars.iter().map(|bar| bar.parts.iter().sum::<f64>()).fold(0.0, f64::max);
    let (top, step) = nice(highest);
    let ground = HEIGHT - BOTTOM;
    let scale = (ground - TOP) / top;
    let mut out = open(about, WIDTH, HEIGHT);
    let mut tick = 0.0;
    while tick <= top + step / 2.0 {
        let y = ground - tick * scale;
        let right = WIDTH;
        put(
            &mut out,
            format_args!(r#"<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/>"#),
        );
        let (x, y, text) = (LEFT - 8.0, y + 4.0, escape(&unit(tick)));
        put(&mut out, format_args!(r#"<text x="{x}" y="{y:.1}" text-anchor="end">{text}</text>"#));
        tick += step;
    }
    let slot = (WIDTH - LEFT) / bars.len().max(1) as f64;
    for (index, bar) in bars.iter().enumerate() {
        let x = LEFT + index as f64 * slot + slot * 0.1;
        stack(&mut out, bar, classes, (x, ground), (slot * 0.8).min(60.0), scale);
    }
    for index in [0, bars.len() / 2, bars.len().saturating_sub(1)] {
        if let Some(bar) = bars.get(index) {
            let x = LEFT + (index as f64 + 0.5) * slot;
            let anchor = if index == 0 {
                "start"
            } else if index + 1 == bars.len() {
                "end"
            } else {
                "middle"
            };
            let x = match anchor {
                "start" => LEFT,
                "end" => WIDTH,
                _ => x,
            };
            let (y, text) = (HEIGHT - 6.0, escape(&bar.label));
            put(&mut out, format_args!(r#"<text x="{x:.1}" y="{y}" text-anchor="{anchor}">{text}</text>"#));
        }
    }
    out.push_str("</svg>");
    out
}

fn stack(out: &mut String, bar: &Bar, classes: &[&str], from: (f64, f64), width: f64, scale: f64) {
    let (x, mut y) = from;
    for (value, class) in bar.parts.iter().zip(classes).filter(|(value, _)| **value > 0.0) {
        let height = (value * scale).max(VISIBLE);
        y -= height;
        let shape = format_args!(r#"x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}""#);
        put(out, format_args!(r#"<rect class="{class}" {shape}/>"#));
    }
}

/// Bars by name, longest first, each with its value in words beside it.
pub(super) fn ranked(about: &str, rows: &[(String, f64, &str, String)]) -> String {
    const ROW: f64 = 26.0;
    const NAMES: f64 = 270.0;
    const WORDS: f64 = 190.0;
    let highest = rows.iter().map(|row| row.1).fold(1.0, f64::max);
    let mut out = open(about, WIDTH, rows.len().max(1) as f64 * ROW + 4.0);
    for (index, (name, value, class, words)) in rows.iter().enumerate() {
        let y = index as f64 * ROW;
        let width = (value / highest * (WIDTH - NAMES - WORDS)).max(VISIBLE);
        let (text_y, name, words) = (y + 17.0, escape(name), escape(words));
        let name_x = NAMES - 10.0;
        put(
            &mut out,
            format_args!(r#"<text class="ink" x="{name_x}" y="{text_y}" text-anchor="end">{name}</text>"#),
        );
        let shape = format_args!(r#"x="{NAMES}" y="{:.1}" width="{width:.1}" height="18""#, y + 4.0);
        put(&mut out, format_args!(r#"<rect class="{class}" {shape}/>"#));
        let x = NAMES + width + 8.0;
        put(&mut out, format_args!(r#"<text x="{x:.1}" y="{text_y}">{words}</text>"#));
    }
    out.push_str("</svg>");
    out
}

/// A curve on the unit square with a dashed line to compare with, given by its two ends.
pub(super) fn curve(about: &str, points: &[Point], base: (Point, Point), axes: (&str, &str)) -> String {
    const SIDE: f64 = 330.0;
    const EDGE: f64 = 46.0;
    let x = |value: f64| EDGE + value.clamp(0.0, 1.0) * SIDE;
    let y = |value: f64| TOP + (1.0 - value.clamp(0.0, 1.0)) * SIDE;
    let mut out = open(about, EDGE + SIDE + 26.0, TOP + SIDE + 44.0);
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (at_x, at_y, low, high) = (x(tick), y(tick), x(0.0), x(1.0));
        put(
            &mut out,
            format_args!(r#"<line class="grid" x1="{low}" x2="{high}" y1="{at_y:.1}" y2="{at_y:.1}"/>"#),
        );
        let (words, left, under) = (format!("{:.0} %", tick * 100.0), EDGE - 6.0, y(0.0) + 18.0);
        put(
            &mut out,
            format_args!(r#"<text x="{left}" y="{:.1}" text-anchor="end">{words}</text>"#, at_y + 4.0),
        );
        put(&mut out, format_args!(r#"<text x="{at_x:.1}" y="{under}" text-anchor="middle">{words}</text>"#));
    }
    let (from, to) = base;
    let ends = (x(from.x), y(from.y), x(to.x), y(to.y));
    let (x1, y1, x2, y2) = ends;
    put(
        &mut out,
        format_args!(r#"<line class="base" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#),
    );
    let path: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", x(p.x), y(p.y))).collect();
    put(&mut out, format_args!(r#"<polyline class="curve" points="{}"/>"#, path.join(" ")));
    let (middle, under) = (x(0.5), y(0.0) + 38.0);
    let (across, up) = (escape(axes.0), escape(axes.1));
    put(
        &mut out,
        format_args!(r#"<text class="ink" x="{middle}" y="{under}" text-anchor="middle">{across}</text>"#),
    );
    put(&mut out, format_args!(r#"<text class="ink" x="{}" y="{}">{up}</text>"#, EDGE, TOP - 5.0));
    out.push_str("</svg>");
    out
}

fn open(about: &str, width: f64, height: f64) -> String {
    let about = escape(about);
    format!(r#"<svg viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="{about}">"#)
}

fn put(out: &mut String, shape: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(shape);
}

/// A round number at or above `highest` and a round step to it, of at most five steps.
fn nice(highest: f64) -> (f64, f64) {
    if highest <= 0.0 || !highest.is_finite() {
        return (1.0, 1.0);
    }
    let rough = highest / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    ((highest / step).ceil() * step, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_reach_the_highest_bar() {
        assert_eq!(nice(0.0), (1.0, 1.0));
        assert_eq!(nice(93.0), (100.0, 25.0));
        assert_eq!(nice(1_200.0), (1_500.0, 500.0));
        for highest in [0.003, 1.0, 7.0, 12_345.0, 9.9e12] {
            let (top, step) = nice(highest);
            assert!(top >= highest && top / step <= 5.0 + 1e-9, "{highest}: {top} by {step}");
        }
    }

    #[test]
    fn empty_charts_are_whole() {
        for svg in [bars("a", &[], &[], &|v| v.to_string()), ranked("a", &[])] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && !svg.contains("NaN"), "{svg}");
        }
    }

    #[test]
    fn names_are_escaped() {
        let svg = ranked("a\"b", &[("<script>".into(), 1.0, "block", "&".into())]);
        assert!(svg.contains("&lt;script&gt;") && svg.contains("a&quot;b") && svg.contains("&amp;"));
    }
}
