//! Writes every component in both languages as HTML files, to be looked at in a browser:
//! `cargo run -p webkit --example gallery -- target/gallery`, then serve that folder.

use std::path::PathBuf;
use std::sync::LazyLock;

use askama::Template;
use base::{Currency, Money, Timestamp};
use webkit::page::chart::{self, Chance, Curve, Feature, Plot, Series, Square, Tone, Unit};
use webkit::page::form::Choice;
use webkit::page::parts::{Pager, SortHead, Sorted, Step};
use webkit::page::{
    Desk, Fault, FaultKind, Flash, Frame, Group, Html, Lang, Mark, Problems, Section, Texts, Zone, assets,
};

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[]));

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% extends "desk.html" %}
{% block title %}Components{% endblock %}
{% block content %}
<h1>Components</h1>
<div class="row">{% for mark in marks %}{{ page.badge(mark, mark.class()) }}{% endfor %}{{ page.seal("verified") }}<span class="pill">pill</span><span class="pill needs">needs you</span></div>
<div class="row">{{ page.money(sum) }} {{ page.time(at) }} {{ page.exact(at) }} {{ page.id(id) }} {{ page.id_short(id) }}</div>
<div class="row"><button class="do">Refund ¥1,280.00 to Li H.</button><button>Second</button><button class="danger">Freeze</button><button class="danger do">Freeze now</button><button class="quiet">Quiet</button><button disabled>Off</button> <kbd>j</kbd></div>
{{ page.problems(problems) }}
<div class="split lead">
<section class="card">{{ bars }}</section>
<section class="card stack"><h2>Against this payer's usual</h2>{{ features }}</section>
</div>
<div class="split">
<section class="card">{{ line }} {{ spark }}</section>
<section class="card">{{ square }}</section>
</div>
<div class="split">
<section class="card stack"><h2>Form</h2>
{{ page.field("contact", "Phone or e-mail").hint("We send a code there.").error(problems.of("contact")).value("138") }}
{{ page.field("state", "State").choices(choices).value("b") }}
{{ page.field("note", "Note").kind("area") }}
<label class="tick"><input type="checkbox" id="c1" aria-label="keep">Keep me signed in</label>
{{ page.pin_field("Payment PIN", "") }}
</section>
<section class="card stack"><h2>Timeline</h2>{{ page.timeline(steps) }}
<dl class="pairs"><div><dt>Order</dt><dd>Tea, 2 tins</dd></div><div><dt>Method</dt><dd>Balance</dd></div></dl></section>
</div>
<section class="card flat"><div class="head"><h2>List</h2><span class="live soft small">live</span></div>
<div class="scroll"><table><thead><tr>{% for head in heads %}{{ page.sort_head(head) }}{% endfor %}</tr></thead>
<tbody><tr><td>{{ page.time(at) }}</td><td class="r">{{ page.money(sum) }}</td></tr><tr aria-current="true"><td>{{ page.time(at) }}</td><td class="r">{{ page.money(sum) }}</td></tr></tbody></table></div>{{ page.pager(pager) }}</section>
<section class="card"><div class="empty"><h2>No payments yet</h2><p>Show a code; the first payment appears here.</p><a class="button do" href="/">Show a code</a></div></section>
{% endblock %}"#
)]
struct Components {
    page: Frame,
    marks: Vec<Mark>,
    sum: Money,
    at: Timestamp,
    id: String,
    problems: Problems,
    choices: Vec<Choice>,
    steps: Vec<Step>,
    heads: Vec<SortHead>,
    pager: Pager,
    bars: Html,
    line: Html,
    spark: Html,
    features: Html,
    square: Html,
}

fn components(lang: Lang) -> Components {
    let now = Timestamp(1_772_357_400_000);
    let mut page = Frame::new(&TEXTS, lang, now, "/components.html");
    page.zone = Zone::named("Asia/Shanghai");
    page.flash = Some(Flash::good("Refunded ¥1,280.00 to Li H.".into()));
    page.desk = Some(Desk {
        shop: "Green Tea House".into(),
        who: "Mei Lin".into(),
        role: "owner".into(),
        sign_out_href: "/out".into(),
        groups: ["Overview", "Payments", "Codes", "Reviews", "Refunds"]
            .map(|name| {
                let section = Section::new(name.into(), &format!("/{name}"))
                    .with_count(u64::from(name == "Reviews") * 3);
                Group { name: name.into(), sections: vec![section] }
            })
            .to_vec(),
        own: Vec::new(),
    });
    let mut problems = Problems::none();
    problems.add("contact", "Enter a phone number or an e-mail address".into());
    let id = "pay_0123456789abcdefghjkmnpqrstv".to_owned();
    let step = |mark, word: &str, seconds: i64| Step {
        mark,
        word: word.into(),
        at: Some(now.plus_seconds(-seconds)),
        note: "a note".into(),
    };
    let head =
        |name: &str, sorted, figures| SortHead { name: name.into(), href: "?sort".into(), sorted, figures };
    Components {
        page,
        marks: Mark::ALL.to_vec(),
        sum: Money::new(128_000, Currency::CNY),
        at: now.plus_seconds(-240),
        id,
        problems,
        choices: vec![Choice::new("a", "Any".into()), Choice::new("b", "Paid".into())],
        steps: vec![
            step(Mark::Done, "Created", 90),
            step(Mark::Review, "Screened", 80),
            step(Mark::Waiting, "Posted", 79),
        ],
        heads: vec![head("Time", Sorted::Down, false), head("Amount", Sorted::No, true)],
        pager: Pager { shown: 2, first_href: "/".into(), next_href: "/2".into() },
        bars: outcomes(lang),
        line: paid(lang),
        spark: chart::spark(&[3.0, 4.0, 2.0, 8.0, 9.0, 4.0], "rising"),
        features: measured(lang),
        square: roc(lang),
    }
}

fn plot(title: &str) -> Plot {
    Plot {
        title: title.into(),
        note: "payments by the hour, last 24 hours".into(),
        labels: (0..24).map(|hour| format!("{hour:02}:00")).collect(),
        label_head: "hour".into(),
        unit: Unit::Count,
    }
}

fn wave(size: f64, turn: f64) -> Vec<f64> {
    (0..24).map(|hour| (size * (1.2 + (f64::from(hour) / 24.0 * 6.3 + turn).sin())).round()).collect()
}

fn series(name: &str, tone: Tone, values: Vec<f64>) -> Series {
    Series { name: name.into(), tone, values }
}

fn outcomes(lang: Lang) -> Html {
    let mut stopped = vec![0.0; 24];
    stopped.splice(13..16, [4.0, 38.0, 12.0]);
    let above = [series("paid", Tone::Good, wave(60.0, 4.0))];
    let below = [series("under review", Tone::Amber, wave(1.2, 1.0)), series("declined", Tone::Bad, stopped)];
    chart::bars(lang, &plot("Card testing stopped 14:02–14:09"), &above, &below)
}

fn paid(lang: Lang) -> Html {
    let today = series("today", Tone::Accent, wave(60.0, 4.0).into_iter().take(15).collect());
    let before = series("last week", Tone::Ink, wave(52.0, 4.1));
    chart::line(lang, &plot("Sales run ahead of last week since noon"), &[today, before])
}

fn measured(lang: Lang) -> Html {
    let one = |name: &str, shown: &str, usual: &str, value, usual_low, usual_high| Feature {
        name: name.into(),
        shown: shown.into(),
        usual: usual.into(),
        value,
        usual_low,
        usual_high,
    };
    chart::features(
        lang,
        &[
            one("Amount", "¥1,280.00", "¥40 to ¥210", 1280.0, 40.0, 210.0),
            one("Payments in 10 minutes", "1", "0 to 2", 1.0, 0.0, 2.0),
            one("Shops today", "2", "1 to 3", 2.0, 1.0, 3.0),
        ],
    )
}

fn roc(lang: Lang) -> Html {
    let points =
        |power: f64| (0..=50).map(|at| (f64::from(at) / 50.0, (f64::from(at) / 50.0).powf(power))).collect();
    let square = Square {
        title: "The model finds 7 of 10 frauds at 2 % false alarms".into(),
        note: "held-out week".into(),
        across: "false alarms".into(),
        up: "frauds found".into(),
        chance: Chance::Diagonal,
    };
    let curves = [
        Curve { name: "model 0.91".into(), tone: Tone::Accent, points: points(0.12) },
        Curve { name: "rules 0.78".into(), tone: Tone::Ink, points: points(0.35) },
    ];
    chart::square(lang, &square, &curves)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/gallery".into()));
    std::fs::create_dir_all(folder.join("assets"))?;
    for asset in assets::list_assets() {
        std::fs::write(folder.join(asset.href.trim_start_matches('/')), asset.body)?;
    }
    for lang in Lang::ALL {
        let code = lang.code();
        std::fs::write(folder.join(format!("components-{code}.html")), components(lang).render()?)?;
        for kind in FaultKind::ALL {
            let frame = Frame::new(&TEXTS, lang, Timestamp(0), "/p/1");
            let html = Fault::new(frame, kind, "/", "req_01hzy3k2").render()?;
            std::fs::write(folder.join(format!("fault-{}-{code}.html", kind.status().as_u16())), html)?;
        }
    }
    eprintln!("written to {}", folder.display());
    Ok(())
}
