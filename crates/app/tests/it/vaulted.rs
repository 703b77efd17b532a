//! Cards and customers over HTTP: what goes in sealed, comes out masked, and is opened with a purpose alone.

use identity::{Label, NewApiKey, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Request};

use crate::house::{House, Shop, each_house, key, text};

const PAN: &str = "4111111111111111";

fn opener(house: &House, shop: &Shop) -> Shop {
    house.key(shop.id, NewApiKey::new(Label::parse("open").unwrap(), Role::Detokenise, None).unwrap())
}

fn post(house: &House, shop: &Shop, path: &str, body: Value) -> Answer {
    house.send(house.signed(shop, Request::post(path, &body).once(&key())))
}

fn token(house: &House, shop: &Shop, more: Value) -> Value {
    let mut body = json!({"number": PAN, "expiry_month": 12, "expiry_year": 2029, "holder": "Zhang Wuji"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = post(house, shop, "/v1/tokens", body);
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()
}

fn open(house: &House, shop: &Shop, token: &Value) -> Answer {
    let path = format!("/v1/tokens/{}/open", text(token, "id"));
    let why = json!({"purpose": "process_payment", "reason": "order 17"});
    house.send(house.signed(shop, Request::post(&path, &why)))
}

fn customer(house: &House, shop: &Shop) -> String {
    let body = json!({"external_id": "C-1", "values": [
        {"kind": "name", "value": "Zhang Wuji"},
        {"kind": "phone", "value": "13800138000"},
        {"kind": "address", "address": {"country": "CN", "city": "Hangzhou", "lines": ["Wen San Road 1"]}},
        {"kind": "identity", "scheme": "cn_resident_id", "value": "11010519491231002X"},
    ]});
    let made = post(house, shop, "/v1/customers", body);
    assert_eq!(made.status, 201, "{}", made.json());
    assert_eq!(made.json()["values"], json!([]), "what may be stored for a retry names no value");
    text(&made.json(), "id")
}

#[test]
fn cr_4_a_card_goes_in_and_its_token_comes_out_masked() {
    each_house(|house| {
        let shop = house.shop("CN");
        let made = token(&house, &shop, json!({}));
        assert_eq!(
            (text(&made, "brand"), text(&made, "bin"), text(&made, "last4")),
            ("visa".into(), "41111111".into(), "1111".into())
        );
        let path = format!("/v1/tokens/{}", text(&made, "id"));
        let found = house.send(house.signed(&shop, Request::get(&path)));
        assert_eq!(found.json(), made);
        let same = token(&house, &shop, json!({}));
        assert_ne!(same["id"], made["id"]);
    });
}

#[test]
fn cr_4_who_may_not_open_a_card_learns_nothing_of_which_tokens_share_it() {
    each_house(|house| {
        let shop = house.shop("CN");
        let (made, same) = (token(&house, &shop, json!({})), token(&house, &shop, json!({})));
        // All but what names a token is the same for any two cards of one BIN, last four and expiry.
        let other = json!({"number": "4111111100061111", "expiry_month": 12, "expiry_year": 2029});
        let other = post(&house, &shop, "/v1/tokens", other).json();
        let bare = |view: &Value| {
            let mut view = view.clone();
            ["id", "created_at"].iter().for_each(|name| drop(view.as_object_mut().unwrap().remove(*name)));
            view
        };
        assert_eq!(bare(&made), bare(&same));
        assert_eq!(bare(&made), bare(&other));
        let why = json!({"purpose": "check_fraud", "reason": "ticket 4711"});
        let path = format!("/v1/tokens/{}/match", text(&made, "id"));
        assert_eq!(post(&house, &shop, &path, why.clone()).status, 403, "a key that sells does not ask");
        let asked = post(&house, &opener(&house, &shop), &path, why);
        let mut found: Vec<String> =
            asked.json()["data"].as_array().unwrap().iter().map(|view| text(view, "id")).collect();
        found.sort_unstable();
        let mut both = [text(&made, "id"), text(&same, "id")];
        both.sort_unstable();
        assert_eq!(found, both);
    });
}

#[test]
fn pci_3_3_1_a_request_with_a_verification_code_is_refused_and_the_code_is_not_repeated() {
    let house = House::new();
    let shop = house.shop("CN");
    let body = json!({"number": PAN, "expiry_month": 12, "expiry_year": 2029, "cvc": "737"});
    let refused = post(&house, &shop, "/v1/tokens", body);
    let told = refused.json().to_string();
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"));
    assert!(told.contains("`cvc`") && !told.contains("737") && !told.contains(PAN), "{told}");
}

#[test]
fn every_problem_of_a_card_is_told_at_once_without_its_number() {
    let house = House::new();
    let shop = house.shop("CN");
    let body = json!({"number": "4111111111111112", "expiry_month": 13, "expiry_year": 2029, "expires_in_seconds": 60});
    let told = post(&house, &shop, "/v1/tokens", body).json();
    let fields: Vec<String> =
        told["error"]["details"].as_array().unwrap().iter().map(|p| text(p, "field")).collect();
    assert_eq!(fields, ["number", "expiry_month", "expires_in_seconds"]);
    assert!(!told.to_string().contains("4111"), "{told}");
}

#[test]
fn c05_a_card_opens_for_a_key_of_the_role_alone_and_for_a_purpose() {
    each_house(|house| {
        let shop = house.shop("CN");
        let made = token(&house, &shop, json!({}));
        assert_eq!(open(&house, &shop, &made).status, 403, "a key that sells does not open");
        let opener = opener(&house, &shop);
        let opened = open(&house, &opener, &made);
        assert_eq!(
            (opened.status, opened.text("/number"), opened.text("/holder")),
            (200, PAN.into(), "Zhang Wuji".into())
        );
        assert_eq!(opened.headers["cache-control"], "no-store");
        let path = format!("/v1/tokens/{}/open", text(&made, "id"));
        for why in [
            json!({}),
            json!({"purpose": "curiosity", "reason": "order 17"}),
            json!({"purpose": "process_payment", "reason": "x"}),
            json!({"purpose": "process_payment", "reason": "card 4111111111111111"}),
        ] {
            assert_eq!(house.send(house.signed(&opener, Request::post(&path, &why))).status, 400, "{why}");
        }
        let path = format!("/v1/tokens/{}/openings", text(&made, "id"));
        let openings = house.send(house.signed(&shop, Request::get(&path))).json();
        assert_eq!(openings["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(text(&openings["data"][0], "reason"), "order 17");
    });
}

#[test]
fn sig_4_a_captured_opening_opens_nothing_again() {
    let house = House::new();
    let shop = house.shop("CN");
    let made = token(&house, &shop, json!({}));
    let opener = opener(&house, &shop);
    let path = format!("/v1/tokens/{}/open", text(&made, "id"));
    let why = json!({"purpose": "process_payment", "reason": "order 17"});
    let request = house.signed(&opener, Request::post(&path, &why));
    assert_eq!(house.send(request.clone()).status, 200);
    assert_eq!(house.send(request).status, 401);
}

#[test]
fn no_opened_value_stays_in_a_stored_answer() {
    let house = House::new();
    let shop = house.shop("CN");
    let made = token(&house, &shop, json!({}));
    assert_eq!(open(&house, &opener(&house, &shop), &made).status, 200);
    let bodies = house.read(|tx| tx.query("SELECT body FROM idempotency_keys", &[]));
    assert!(!bodies.is_empty());
    for row in bodies {
        let body = String::from_utf8_lossy(row.blob(0).unwrap()).into_owned();
        assert!(!body.contains(PAN) && !body.contains("Wuji"), "{body}");
    }
}

#[test]
fn c48_past_the_hourly_limit_nothing_opens_and_the_answer_says_when() {
    each_house(|house| {
        let shop = house.shop("CN");
        let made = token(&house, &shop, json!({}));
        let opener = opener(&house, &shop);
        let (_, security) = house.member(shop.id, Role::Security);
        let limits =
            json!({"person_hour": 1, "key_hour": 2, "shop_hour": 10, "alert_hour": 1, "alert_day": 1});
        let set =
            Request::new(axum::http::Method::PUT, "/v1/openings/limits").json(&limits).bearer(&security);
        assert_eq!(house.send(set).json(), limits);
        let statuses: Vec<u16> = (0..4).map(|_| open(&house, &opener, &made).status).collect();
        assert_eq!(statuses, [200, 200, 429, 429]);
        let over = open(&house, &opener, &made);
        assert_eq!(over.code(), "too_many_openings");
        let wait: u32 = over.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=3_600).contains(&wait), "{wait}");
        assert!(over.text("/error/request_id").starts_with("req_"), "{}", over.json());
        let alerts = house.send(Request::get("/v1/openings/alerts").bearer(&security)).json();
        assert_eq!(alerts["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(text(&alerts["data"][0], "kind"), "limit");
        house.wait(3600);
        assert_eq!(open(&house, &opener, &made).status, 200);
    });
}

#[test]
fn cr_6_a_customer_is_found_by_value_shown_masked_and_opened_in_part() {
    each_house(|house| {
        let shop = house.shop("CN");
        let id = customer(&house, &shop);
        let search = json!({"value": {"kind": "phone", "value": "+86 138 0013 8000"}});
        let found = house.send(house.signed(&shop, Request::post("/v1/customers/search", &search)));
        assert_eq!(found.text("/data/0/id"), id);
        assert_eq!(found.text("/data/0/values/1/masked"), "+86****8000");
        let by_own = json!({"external_id": "C-1"});
        let found = house.send(house.signed(&shop, Request::post("/v1/customers/search", &by_own)));
        assert_eq!(found.text("/data/0/external_id"), "C-1");
        let opener = opener(&house, &shop);
        let why = json!({"values": [3], "purpose": "pay_out", "reason": "parcel 5"});
        let path = format!("/v1/customers/{id}/open");
        let opened = house.send(house.signed(&opener, Request::post(&path, &why))).json();
        assert_eq!(opened["values"].as_array().map(Vec::len), Some(1));
        assert_eq!(opened["values"][0]["address"]["lines"], json!(["Wen San Road 1"]));
        let erased = house.send(
            house.signed(&shop, Request::new(axum::http::Method::DELETE, &format!("/v1/customers/{id}"))),
        );
        assert_eq!(erased.text("/state"), "erased");
        let refused = house.send(house.signed(&opener, Request::post(&path, &why)));
        assert_eq!((refused.status, refused.code().as_str()), (409, "customer_erased"));
    });
}

#[test]
fn values_of_a_customer_say_what_is_wrong_with_them_by_place() {
    let house = House::new();
    let shop = house.shop("CN");
    let body = json!({"values": [
        {"kind": "fax", "value": "1"},
        {"kind": "phone", "value": "12"},
        {"kind": "identity", "value": "11010519491231002X"},
        {"kind": "name", "scheme": "iban", "value": "x"},
        {"kind": "address", "value": "x"},
        {"kind": "address", "address": {"country": "China", "city": "x", "lines": ["y"]}},
    ]});
    let told = post(&house, &shop, "/v1/customers", body).json();
    let fields: Vec<String> =
        told["error"]["details"].as_array().unwrap().iter().map(|p| text(p, "field")).collect();
    assert_eq!(
        fields,
        [
            "values[0].kind",
            "values[1].value",
            "values[2].scheme",
            "values[3].scheme",
            "values[4].address",
            "values[5].address"
        ]
    );
}

#[test]
fn a_table_is_imported_with_a_report_for_each_line() {
    each_house(|house| {
        let shop = house.shop("CN");
        let table = "external_id,name,phone\nc-1,Li Hua,13800138000\nc-2,,1\nc-1,Li Hua,13800138000\n";
        let send = |kind: &str| {
            let mut request = Request::post("/v1/imports/customers", &json!({})).once(&key());
            request.body = table.as_bytes().to_vec();
            request.headers.insert("content-type", kind.parse().unwrap());
            house.send(house.signed(&shop, request))
        };
        let told = send("text/csv; charset=utf-8").json();
        assert_eq!(
            (&told["created"], &told["unchanged"], &told["refused"]),
            (&json!(1), &json!(1), &json!(1))
        );
        assert_eq!(told["lines"][1]["line"], json!(3));
        assert_eq!(told["lines"][1]["problems"].as_array().map(Vec::len), Some(2));
        assert_eq!(send("application/json").status, 415);
    });
}

#[test]
fn cross_shop_nothing_of_another_shop_is_found() {
    each_house(|house| {
        let (shop, other) = (house.shop("CN"), house.shop("CN"));
        let (made, id) = (token(&house, &shop, json!({})), customer(&house, &shop));
        let foreign = opener(&house, &other);
        assert_eq!(open(&house, &foreign, &made).status, 404);
        for path in [
            format!("/v1/tokens/{}", text(&made, "id")),
            format!("/v1/tokens/{}/openings", text(&made, "id")),
            format!("/v1/tokens?customer={id}"),
            format!("/v1/customers/{id}"),
            format!("/v1/customers/{id}/openings"),
        ] {
            assert_eq!(house.send(house.signed(&foreign, Request::get(&path))).status, 404, "{path}");
        }
        let why = json!({"purpose": "check_fraud", "reason": "ticket 4711"});
        let path = format!("/v1/tokens/{}/match", text(&made, "id"));
        assert_eq!(post(&house, &foreign, &path, why).status, 404);
        let with_customer = json!({"number": PAN, "expiry_month": 1, "expiry_year": 2030, "customer": id});
        assert_eq!(post(&house, &foreign, "/v1/tokens", with_customer).status, 400);
    });
}

pub const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn member_post(house: &House, session: &str, path: &str, body: Value) -> Answer {
    house.send(Request::post(path, &body).once(&key()).bearer(session))
}

#[test]
fn c13_an_export_needs_a_second_person_and_gives_a_sealed_file_once_approved() {
    each_house(|house| {
        let shop = house.shop("CN");
        customer(&house, &shop);
        let (_, owner) = house.member(shop.id, Role::Owner);
        let (_, finance) = house.member(shop.id, Role::Finance);
        let body = json!({"what": "customers", "recipient": RECIPIENT, "purpose": "migrate", "reason": "new shop system"});
        let made = member_post(&house, &finance, "/v1/exports", body);
        assert_eq!(made.status, 201, "{}", made.json());
        let path = format!("/v1/exports/{}", text(&made.json(), "id"));
        let take = |session: &str| member_post(&house, session, &format!("{path}/take"), json!({}));
        let fetch = |session: &str| house.send(Request::get(&format!("{path}/file")).bearer(session));
        assert_eq!((take(&finance).status, take(&finance).code().as_str()), (409, "export_not_approved"));
        assert_eq!(fetch(&finance).code(), "export_closed");
        approve(&house, shop.id, &finance, Expect::Refused);
        approve(&house, shop.id, &owner, Expect::Done);
        assert_eq!(take(&owner).code(), "export_closed", "only the proposer takes it");
        assert_eq!(take(&finance).text("/state"), "taken");
        assert_eq!(fetch(&owner).code(), "export_closed");
        let file = fetch(&finance);
        assert_eq!(
            (file.status, &file.headers["content-type"]),
            (200, &"application/octet-stream".parse().unwrap())
        );
        assert!(file.body.starts_with(b"age-encryption.org/v1\n-> X25519 "));
        assert!(!String::from_utf8_lossy(&file.body).contains("Wuji"));
        let search = json!({"external_id": "C-1"});
        let found = house.send(house.signed(&shop, Request::post("/v1/customers/search", &search)));
        let openings = format!("/v1/customers/{}/openings", found.text("/data/0/id"));
        let seen = house.send(house.signed(&shop, Request::get(&openings)));
        assert!(seen.text("/data/0/opened").starts_with("export exp_"), "the person is told");
        house.wait(901);
        let over = fetch(&finance);
        assert!(over.status == 409 || over.status == 401 || over.status == 403, "{}", over.status);
        assert!(!take(&finance).is_ok(), "an approval serves once");
    });
}

/// What is approved is what leaves: who came later is not in it and is not told that they were; each fetch is in the log.
#[test]
fn c13_an_export_holds_what_was_there_when_it_was_proposed_and_each_fetch_is_in_the_log() {
    each_house(|house| {
        let shop = house.shop("CN");
        let first = customer(&house, &shop);
        house.wait(1);
        let (_, owner) = house.member(shop.id, Role::Owner);
        let (_, finance) = house.member(shop.id, Role::Finance);
        let body = json!({"what": "customers", "recipient": RECIPIENT, "purpose": "migrate", "reason": "new shop system"});
        let made = member_post(&house, &finance, "/v1/exports", body);
        let path = format!("/v1/exports/{}", text(&made.json(), "id"));
        house.wait(1);
        let second = post(
            &house,
            &shop,
            "/v1/customers",
            json!({"external_id": "C-2", "values": [{"kind": "name", "value": "Li Si"}]}),
        );
        let second = text(&second.json(), "id");
        approve(&house, shop.id, &owner, Expect::Done);
        let taken = member_post(&house, &finance, &format!("{path}/take"), json!({}));
        assert_eq!(taken.json()["records"], json!(1), "{}", taken.json());
        let fetch = |session: &str| house.send(Request::get(&format!("{path}/file")).bearer(session));
        assert_eq!((fetch(&finance).status, fetch(&finance).status), (200, 200));
        assert_eq!(fetch(&owner).code(), "export_closed");
        let noted = house.read(|tx| {
            let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM audit_entries WHERE body LIKE '%export.fetched%'";
            tx.query_opt(sql, &[])?.map_or(Ok(0), |row| row.int(0))
        });
        assert_eq!(noted, 2, "one entry for each file that left");
        let told = |customer: &str| {
            let path = format!("/v1/customers/{customer}/openings");
            house.send(house.signed(&shop, Request::get(&path))).json()["data"].as_array().unwrap().len()
        };
        assert_eq!((told(&first), told(&second)), (1, 0));
        let altered = vec![1u8; 60];
        house.write(move |tx, _| {
            tx.execute("UPDATE customer_values SET sealed = ?1 WHERE slot = 1", &[altered.clone().into()])
        });
        assert_eq!(fetch(&finance).status, 200, "one altered value keeps nothing else from leaving");
    });
}

#[derive(Clone, Copy, PartialEq)]
pub enum Expect {
    Done,
    Refused,
}

/// A member decides what waits.
pub fn approve(house: &House, shop: base::ShopId, session: &str, expect: Expect) {
    let token = identity::Token::parse(identity::TokenKind::MemberSession, session).unwrap();
    let decided = house.write(move |tx, means| {
        let member = identity::require_member(tx, &token, means.now);
        let actor = identity::Actor::Member(member.map_err(|e| store::Error::Bug(e.to_string()))?);
        let sql = "SELECT id FROM approvals WHERE state = 'waiting'";
        let id = tx.query(sql, &[])?.first().map(|row| row.text(0).unwrap().to_owned()).unwrap();
        let id = base::ApprovalId::from_short(&id).unwrap();
        Ok::<_, store::Error>(identity::approvals::approve(tx, means, &actor, shop, id).is_ok())
    });
    assert_eq!(decided, expect == Expect::Done);
}
