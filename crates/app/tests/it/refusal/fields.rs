//! Fields (ASVS 8.1.2, 8.2.3): the page of who may write and read which is what the program says, and no operation takes
//! a field that its description does not name, be it the ones that callers who want more would try.

use std::path::Path;

use axum::http::Method;
use serde_json::{Map, Value, json};
use testkit::http::{Answer, Request};

use super::callers::{Call, Who, find_operation, is_let_in};
use super::{Case, OPEN, Stage, cases, is_past_the_gate};
use crate::house::{House, key};

/// What somebody adds who hopes that a record is filled from the request as it comes.
const WISHES: [(&str, &str); 14] = [
    ("id", "\"pay_0000000000000000000000000000\""),
    ("shop_id", "\"shop_000000000000000\""),
    ("shop", "\"shop_000000000000000\""),
    ("buyer_id", "\"buy_0000000000000000\""),
    ("member", "\"mem_0000000000000000\""),
    ("state", "\"paid\""),
    ("balance_minor", "1000000"),
    ("refunded_minor", "0"),
    ("role", "\"owner\""),
    ("roles", "[\"owner\"]"),
    ("permissions", "[\"manage roles\"]"),
    ("second_factor", "true"),
    ("created_at", "\"2020-01-01T00:00:00Z\""),
    ("__proto__", "{}"),
];

/// Bodies whose form is the browser's: what an authenticator hands over may hold more, which is not read.
const OF_BROWSERS: [&str; 4] = ["NewPasskeyBody", "PasskeyUseBody", "AssertionBody", "AttestationBody"];

fn api() -> Value {
    serde_json::to_value(app::openapi::openapi()).unwrap()
}

/// The schema that a reference leads to, or the one itself; of a choice the one that is not null.
fn resolve<'a>(api: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(name) = schema["$ref"].as_str() {
        return &api["components"]["schemas"][name.rsplit('/').next().unwrap()];
    }
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    let mut real = choices.filter(|one| one["type"] != "null");
    real.next().map_or(schema, |one| resolve(api, one))
}

/// The schema of an operation's body, where that is JSON.
fn body_of<'a>(api: &'a Value, operation: &str) -> Option<&'a Value> {
    let (_, entry) = find_operation(api, operation);
    let schema = &entry["requestBody"]["content"]["application/json"]["schema"];
    schema.is_object().then(|| resolve(api, schema))
}

/// The first body of this kind that comes to mind: every field, each with a value of its type.
fn sample(api: &Value, schema: &Value) -> Value {
    let schema = resolve(api, schema);
    let kind = &schema["type"];
    let kind = kind.as_str().or_else(|| kind[0].as_str()).unwrap_or("string");
    match kind {
        "object" => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields.map(|(name, field)| (name.clone(), sample(api, field))).collect::<Map<_, _>>().into()
        }
        "array" => json!([sample(api, &schema["items"])]),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        _ => json!("x"),
    }
}

/// Where in a body an object stands whose schema names all its fields, as pointers with the schema.
fn objects<'a>(api: &'a Value, schema: &'a Value, body: &Value, at: &str) -> Vec<(String, &'a Value)> {
    let schema = resolve(api, schema);
    let deeper =
        |next: &'a Value, value: &Value, step: &str| objects(api, next, value, &format!("{at}/{step}"));
    match body {
        Value::Object(fields) => {
            let inner =
                fields.iter().flat_map(|(name, value)| deeper(&schema["properties"][name], value, name));
            let own = (schema["additionalProperties"] == false).then(|| (at.to_owned(), schema));
            own.into_iter().chain(inner).collect()
        }
        Value::Array(all) => {
            let all = all.iter().enumerate();
            all.flat_map(|(step, value)| deeper(&schema["items"], value, &step.to_string())).collect()
        }
        _ => Vec::new(),
    }
}

/// The body once for each wish that the schema does not name, with that field added.
fn wishing(api: &Value, schema: &Value, body: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (at, schema) in objects(api, schema, body, "") {
        for (name, value) in WISHES {
            if schema["properties"].get(name).is_none() {
                let mut more = body.clone();
                more.pointer_mut(&at).unwrap()[name] = serde_json::from_str(value).unwrap();
                all.push((format!("{at}/{name}"), more));
            }
        }
    }
    all
}

/// Everything that is kept, but what only counts requests: used nonces and keys, the last use of a session.
fn everything(house: &House) -> Vec<(String, String)> {
    house.read(|tx| {
        let tables = tx.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", &[])?;
        let mut all = Vec::new();
        for table in tables {
            let name = table.text(0)?.to_owned();
            let rows = tx.query(&format!("SELECT * FROM {name}"), &[])?;
            all.extend(rows.iter().map(|row| (name.clone(), format!("{:?}", row.values()))));
        }
        all.sort();
        Ok(all)
    })
}

fn is_refused(answer: &Answer) -> bool {
    answer.status == 400 && String::from_utf8_lossy(&answer.body).contains("unknown field")
}

/// Sends the body with each wish; nothing may have changed. Gives what went wrong, and how many were sent.
fn wish(
    house: &House,
    what: &str,
    bodies: &[(String, Value)],
    send: impl Fn(&Value) -> Answer,
) -> Vec<String> {
    let before = everything(house);
    let mut wrong = Vec::new();
    for (field, body) in bodies {
        let answer = send(body);
        if !is_refused(&answer) {
            wrong.push(format!(
                "{what} {field}: {} {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            ));
        }
    }
    let after = everything(house);
    wrong.extend(
        after.iter().filter(|row| !before.contains(row)).map(|row| format!("{what} changed {row:?}")),
    );
    wrong
}

/// What came of the wishes for one operation.
struct Wished {
    sent: usize,
    wrong: Vec<String>,
    /// The same request without a wish changed something.
    good_changes: bool,
}

/// The case's own good request with each wish in turn, and then without.
fn wish_as_somebody(api: &Value, case: &Case, schema: &Value) -> Wished {
    let stage = Stage::set();
    let who = Who::every().find(|who| is_let_in(api, case.operation, *who)).unwrap();
    let call = Call::new(&stage, who);
    let good = (case.request)(&stage);
    let body: Value = serde_json::from_slice(&good.body).unwrap();
    let bodies = wishing(api, schema, &body);
    let with = |body: &Value| {
        if good.headers.contains_key("idempotency-key") {
            good.clone().json(body).once(&key())
        } else {
            good.clone().json(body)
        }
    };
    let mut wrong = wish(&stage.house, case.operation, &bodies, |body| call.send(&stage, with(body)));
    let before = everything(&stage.house);
    let answer = call.send(&stage, with(&body));
    let good_changes = everything(&stage.house) != before;
    if !answer.is_ok() && !is_past_the_gate(case.operation, &answer) {
        wrong.push(format!("{} without: {} {}", case.operation, answer.status, answer.json()));
    }
    Wished { sent: bodies.len(), wrong, good_changes }
}

fn wish_as_nobody(api: &Value, operation: &str, schema: &Value) -> Wished {
    let house = House::new();
    let (path, entry) = find_operation(api, operation);
    let methods = api["paths"][path].as_object().unwrap().iter();
    let method =
        methods.filter(|(_, one)| *one == entry).map(|(method, _)| method.to_uppercase()).next().unwrap();
    let path = path.replace("{id}", "ses_0000000000000000000000000000");
    let bodies = wishing(api, schema, &sample(api, schema));
    let send = |body: &Value| {
        house.wait(120);
        house.send(Request::new(Method::from_bytes(method.as_bytes()).unwrap(), &path).json(body))
    };
    let wrong = wish(&house, operation, &bodies, send);
    Wished { sent: bodies.len(), wrong, good_changes: false }
}

/// In two parts, which run beside one another.
fn wish_part(part: usize) {
    let (api, cases) = (api(), cases());
    let (mut operations, mut sent, mut changes, mut wrong) = (0, 0, 0, Vec::new());
    let named = cases.iter().map(|case| (case.operation, Some(case)));
    let all = named.chain(OPEN.iter().map(|operation| (*operation, None)));
    for (operation, case) in all.skip(part).step_by(2) {
        let Some(schema) = body_of(&api, operation) else { continue };
        let wished = match case {
            Some(case) => wish_as_somebody(&api, case, schema),
            None => wish_as_nobody(&api, operation, schema),
        };
        operations += 1;
        sent += wished.sent;
        changes += usize::from(wished.good_changes);
        wrong.extend(wished.wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(operations >= 30 && sent >= operations * 10, "{operations} operations, {sent} requests");
    // What is kept is seen to change where a request without a wish goes through.
    assert!(changes * 2 >= operations, "{changes} of {operations}");
}

#[test]
fn asvs_8_2_3_no_operation_takes_a_field_that_it_does_not_name() {
    wish_part(0);
}

#[test]
fn asvs_8_2_3_no_operation_takes_a_field_that_it_does_not_name_second_part() {
    wish_part(1);
}

#[test]
fn asvs_8_2_3_every_body_of_the_description_says_that_it_takes_no_other_field() {
    let api = api();
    let bodies = api["components"]["schemas"].as_object().unwrap().iter();
    let errors = ["ErrorBody"];
    let open: Vec<&String> = bodies
        .filter(|(name, schema)| name.ends_with("Body") && schema["additionalProperties"] != false)
        .map(|(name, _)| name)
        .filter(|name| !errors.contains(&name.as_str()) && !OF_BROWSERS.contains(&name.as_str()))
        .collect();
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn asvs_8_1_2_the_page_of_fields_is_what_the_program_says() {
    let how = "look at the change, then `tillward roles --fields > docs/fields.md`";
    check_page("fields.md", &app::access::print_fields(), how);
}

#[test]
fn the_page_of_error_codes_is_what_the_program_says() {
    let page = app::error_page::print_error_codes();
    let how = "look at the change, then `tillward openapi --errors > docs/errors.md`";
    check_page("errors.md", &page, how);
    for code in app::error_codes() {
        assert!(page.contains(&format!("\n| {} | `{}` | ", code.status, code.name)), "{code:?}");
    }
}

/// The page of that name in `docs/` has exactly the lines of `said`.
fn check_page(name: &str, said: &str, how: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let kept = std::fs::read_to_string(&page).unwrap_or_default();
    let (kept, said): (Vec<_>, Vec<_>) = (kept.lines().collect(), said.trim_end().lines().collect());
    let missing: Vec<_> = said.iter().filter(|line| !kept.contains(line)).collect();
    let gone: Vec<_> = kept.iter().filter(|line| !said.contains(line)).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "{how}\nnot on the page: {missing:#?}\nno more: {gone:#?}"
    );
    assert_eq!(kept, said, "{how}");
}
