//! Every page there is, taken from the sources: who is not signed in is led to the door, or the page is named here with its
//! reason (ASVS 6.3.4). And what people type secrets into, looked at in the templates (6.2.6, 6.2.7).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use axum::http::{HeaderName, Method, header};
use testkit::http::Request;

use crate::house::{AUTHORITY, House};

/// The crates that have pages.
const CRATES: [&str; 3] = ["identity", "payments", "tokens"];
/// Where the address of a page is not written beside its handler: what stands there, and the addresses it comes to.
const COMPUTED: [(&str, &[&str]); 20] = [
    ("HOME", &["/desk/customers"]),
    ("&format!(\"{base}/security\")", &["/me/security", "/desk/security"]),
    ("&format!(\"{base}/security/{{id}}/remove\")", &["/me/security/x/remove", "/desk/security/x/remove"]),
    ("&format!(\"{base}/devices\")", &["/me/devices", "/desk/devices"]),
    ("&format!(\"{base}/devices/{{id}}/end\")", &["/me/devices/x/end", "/desk/devices/x/end"]),
    ("&format!(\"{base}/devices/end\")", &["/me/devices/end", "/desk/devices/end"]),
    ("&at(\"\")", &["/me/factor", "/sign-in/factor"]),
    ("&at(\"/app\")", &["/me/factor/app", "/sign-in/factor/app"]),
    ("&at(\"/app/confirm\")", &["/me/factor/app/confirm", "/sign-in/factor/app/confirm"]),
    ("&at(\"/phone\")", &["/me/factor/phone", "/sign-in/factor/phone"]),
    ("&at(\"/phone/confirm\")", &["/me/factor/phone/confirm", "/sign-in/factor/phone/confirm"]),
    ("&at(\"/codes\")", &["/me/factor/codes", "/sign-in/factor/codes"]),
    ("door.path()", &["/sign-in/step", "/sign-in/again", "/me/step", "/me/again"]),
    (
        "&format!(\"{}/code\"",
        &["/sign-in/step/code", "/sign-in/again/code", "/me/step/code", "/me/again/code"],
    ),
    ("&format!(\"{door}/passkey\")", &["/sign-in/passkey", "/me/sign-in/passkey"]),
    ("&format!(\"{door}/passkey/options\")", &["/sign-in/passkey/options", "/me/sign-in/passkey/options"]),
    ("&format!(\"{again}/passkey\")", &["/sign-in/again/passkey", "/me/again/passkey"]),
    (
        "&format!(\"{again}/passkey/options\")",
        &["/sign-in/again/passkey/options", "/me/again/passkey/options"],
    ),
    ("new", &["/desk/security/passkey", "/me/security/passkey"]),
    ("&format!(\"{new}/options\")", &["/desk/security/passkey/options", "/me/security/passkey/options"]),
];
/// Pages that people see who are not signed in, and why.
const OPEN: [(&str, &str); 12] = [
    ("/", "the front: which door to take"),
    ("/setup/{token}", "an invitation or the first set-up; the link is the proof"),
    ("/sign-in", "the door of members"),
    ("/sign-in/forgotten", "asks for a link to a new password"),
    ("/reset/{token}", "that link; it is the proof, with the second factor"),
    ("/sign-in/outside", "where no provider is set there is no such page"),
    ("/sign-in/outside/back", "the same"),
    ("/freeze/{token}", "from a notice: the link is the proof"),
    ("/me/sign-in", "the door of buyers"),
    ("/me/new", "the door of new buyers"),
    ("/pay/specimen", "the PIN page with nothing to pay, for the watch of payment pages"),
    ("/p/{token}", "what a code says of shop and amount, before anybody pays"),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
}

/// What stands behind each `.route(` in the sources of the pages, and the methods that it takes.
fn routes() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut found: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    let mut sources = vec![folder("app").join("src/approvals.rs"), folder("app").join("src/cases/desk.rs")];
    for name in CRATES {
        sources.push(folder(name).join("src/desk.rs"));
        files(&folder(name).join("src/desk"), "rs", &mut sources);
    }
    for source in sources {
        let text = fs::read_to_string(&source).unwrap();
        for rest in text.split(".route(").skip(1) {
            let first = rest.trim_start();
            let end = match first.strip_prefix('"') {
                Some(rest) => rest.find('"').unwrap() + 2,
                None => first.find(',').unwrap(),
            };
            let handlers = until_closed(&first[end..]);
            let methods = found.entry(first[..end].to_owned()).or_default();
            for (call, method) in [("get(", "GET"), ("post(", "POST")] {
                if handlers.contains(call) {
                    methods.insert(method);
                }
            }
        }
    }
    found
}

/// What stands before the parenthesis that closes what was open before.
fn until_closed(text: &str) -> &str {
    let mut open = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return &text[..at];
        }
    }
    text
}

/// Every address with the methods it takes, with `x` where something is named by a pattern of the sources.
fn pages() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut found: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for (route, methods) in routes() {
        let addresses = match route.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(literal) => vec![literal.to_owned()],
            None => {
                let computed = COMPUTED.iter().find(|(source, _)| *source == route);
                let (_, all) = computed.unwrap_or_else(|| panic!("say which addresses `{route}` comes to"));
                all.iter().map(|address| (*address).to_owned()).collect()
            }
        };
        for address in addresses {
            found.entry(address).or_default().extend(&methods);
        }
    }
    found
}

/// Every address, with `x` where something is named.
fn addresses() -> BTreeSet<String> {
    pages().into_keys().collect()
}

/// Every page of the desk and every form: the address with `{id}` where something is named, and the method.
pub fn desk_pages() -> BTreeSet<(String, String)> {
    let of_desk = |address: &String| *address == "/desk" || address.starts_with("/desk/");
    let pages = pages().into_iter().filter(|(address, _)| of_desk(address));
    let named = |address: String| address.replace("/x/", "/{id}/");
    pages
        .flat_map(|(address, methods)| {
            methods.into_iter().map(move |method| (named(address.clone()), method.to_owned()))
        })
        .collect()
}

/// The address of something that could well be there: what is malformed is absent for everybody.
fn named(path: &str) -> String {
    let kinds = [
        ("/desk/cases/", "case_"),
        ("/desk/codes/", "code_"),
        ("/desk/customers/", "cus_"),
        ("/desk/emergency/", "emg_"),
        ("/desk/members/", "mem_"),
        ("/desk/payments/", "pay_"),
        ("/desk/reviews/", "pay_"),
        ("/desk/roles/", "rol_"),
        ("/pay/", "pay_"),
        ("/security/", "fct_"),
    ];
    let kind = kinds.iter().find(|(begin, _)| path.contains(begin)).map_or("", |(_, kind)| kind);
    let named = path.split('/').map(|part| match part {
        "{level}" => "kek".to_owned(),
        part if part.starts_with('{') || part == "x" => format!("{kind}{}", "0".repeat(28)),
        part => part.to_owned(),
    });
    named.collect::<Vec<_>>().join("/")
}

fn ask(house: &House, method: Method, path: &str) -> testkit::http::Answer {
    let request = Request::new(method, &named(path));
    let form = request.with(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let form = form.with(header::ACCEPT, "text/html");
    let own = HeaderName::from_static("sec-fetch-site");
    house.send(form.with(own, "same-origin").with(header::ORIGIN, &format!("https://{AUTHORITY}")))
}

#[test]
fn asvs_6_3_4_every_page_leads_who_is_not_signed_in_to_the_door() {
    let house = House::new();
    let all = addresses();
    assert!(all.len() > 100, "{}", all.len());
    let mut wrong = Vec::new();
    for path in &all {
        let answer = ask(&house, Method::GET, path);
        let location = answer.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
        let door = ["/sign-in", "/me/sign-in"].iter().any(|door| location.split('?').next() == Some(door));
        let open = OPEN.iter().any(|(open, _)| open == path);
        if !open && answer.status != 405 && !(answer.status == 303 && door) {
            wrong.push(format!("GET {path}: {} {location}", answer.status));
        }
        // A form without the token that its page gave changes nothing, whoever sends it.
        let answer = ask(&house, Method::POST, path);
        if answer.is_ok() {
            wrong.push(format!("POST {path}: {}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let stale: Vec<_> = OPEN.iter().filter(|(open, _)| !all.contains(*open)).collect();
    assert!(stale.is_empty(), "{stale:?}");
}

/// Every field that the templates ask for, `page.field("name", …)`, and every `<input …>` of their own, with its file.
fn fields() -> Vec<(String, String)> {
    let mut templates = Vec::new();
    for name in CRATES.iter().chain(&["app"]) {
        files(&folder(name).join("templates"), "html", &mut templates);
    }
    assert!(templates.len() > 50, "{}", templates.len());
    // The field for a PIN, with its keys, is written there.
    files(&folder("webkit").join("src/page"), "rs", &mut templates);
    let mut found = Vec::new();
    for path in templates {
        let text = fs::read_to_string(&path).unwrap().replace("\\\"", "\"");
        let file = path.display().to_string();
        let cut = |rest: &str, end: &str| rest.split(end).next().unwrap_or_default().to_owned();
        found.extend(text.split("page.field(").skip(1).map(|rest| (file.clone(), cut(rest, "}}"))));
        found.extend(text.split("<input").skip(1).map(|rest| (file.clone(), cut(rest, ">"))));
    }
    found
}

fn is_one_of(field: &str, names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| field.starts_with(&format!("\"{name}\"")) || field.contains(&format!("name=\"{name}\"")))
}

#[test]
fn asvs_6_2_6_what_is_secret_is_masked_while_it_is_typed() {
    let mut masked = 0;
    for (file, field) in fields() {
        if is_one_of(&field, &["password", "old", "new", "pin", "pin_again", "old_pin", "new_pin"])
            || field.contains("-password\"")
        {
            let hidden = field.contains(".kind(\"password\")") || field.contains("type=\"password\"");
            assert!(hidden, "{file}: {field}");
            masked += 1;
        }
    }
    assert!(masked >= 10, "{masked}");
}

#[test]
fn asvs_6_2_7_passwords_can_be_pasted_and_filled_in_by_a_manager() {
    let mut named = 0;
    for (file, field) in fields() {
        if is_one_of(&field, &["password", "old"]) && !field.contains("\"numeric\"") {
            let managed =
                ["\"current-password\"", "\"new-password\""].iter().any(|word| field.contains(word));
            assert!(managed && !field.contains("readonly"), "{file}: {field}");
            named += 1;
        }
    }
    assert!(named >= 3, "{named}");
    let mut sources = Vec::new();
    for name in CRATES.iter().chain(&["app", "webkit"]) {
        files(&folder(name).join("templates"), "html", &mut sources);
        files(&folder(name).join("assets"), "js", &mut sources);
    }
    assert!(sources.iter().any(|path| path.extension().is_some_and(|ending| ending == "js")));
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        let touched = ["paste", "oncopy", "onbeforeinput"].iter().find(|word| text.contains(*word));
        assert!(touched.is_none(), "{} touches {touched:?}", path.display());
    }
}
