//! What is refused to apps, and to whoever poses as one: that it leaves nothing behind but what the log should know, stops
//! nobody else, and says why.

use super::*;

/// Nonces and proofs that were used up.
fn spent(house: &House) -> i64 {
    house.read(|tx| tx.query("SELECT COUNT(*) FROM signature_nonces", &[])?[0].int(0))
}

#[test]
fn oi_2_a_proof_beside_no_valid_token_writes_nothing() {
    each_house(|house| {
        let stage = Stage::on(house);
        let (held, foreign) = (stage.connect(), stage.house.shop("SG"));
        let ended = stage.connect().access;
        assert_eq!(stage.house.send(stage.post(REVOKE, &[("token", &ended)])).status, 200);
        let moved = ended.replace(stage.shop.id.short(), foreign.id.short());
        let before = spent(&stage.house);
        let body = json!({"amount_minor": 1200, "currency": "CNY"});
        for access in [&held.access, &ended, &moved] {
            // The first was replaced by the second yes, the others were revoked or are another shop's.
            for (method, path) in
                [("GET", PAYMENTS), ("POST", PAYMENTS), ("GET", "/v1/me"), ("POST", "/v1/session/code")]
            {
                let proof = stage.proof(method, path, Some(access));
                let request = Request::new(method.parse().unwrap(), path).json(&body).once(&key());
                assert_eq!(
                    stage.house.send(call_with(request, access, &proof)).status,
                    401,
                    "{method} {path}"
                );
            }
        }
        let held = stage.connect().access;
        let used = spent(&stage.house);
        for (method, path) in [("GET", PAYMENTS), ("POST", PAYMENTS), ("GET", "/v1/me")] {
            let stolen = stage.proof_by(&Pair::new(), &stage.proof_claims(method, path, Some(&held)));
            let request = Request::new(method.parse().unwrap(), path).json(&body).once(&key());
            assert_eq!(stage.house.send(call_with(request, &held, &stolen)).status, 401, "{method} {path}");
        }
        // The trade in between: its assertions and proofs.
        assert_eq!((spent(&stage.house) - used, used - before), (0, 4));
    });
}

#[test]
fn oi_2_refused_calls_of_one_address_are_told_to_wait_and_those_of_an_app_go_on() {
    let stage = Stage::on(House::new());
    let held = stage.connect();
    let ended = stage.connect().access;
    let statuses: Vec<u16> = (0..=APP_REFUSALS_BURST_MAX).map(|_| stage.status(&held.access)).collect();
    let (last, first) = statuses.split_last().unwrap();
    assert!(first.iter().all(|status| *status == 401) && *last == 429, "{statuses:?}");
    assert_eq!(stage.status(&ended), 200, "a right one");
    assert!(stage.house.send(stage.call("GET", PAYMENTS, &held.access)).headers.contains_key("retry-after"));
}

#[test]
fn oi_2_a_refused_call_says_what_was_wrong_as_the_standard_has_it() {
    let stage = Stage::on(House::new());
    let (gone, held) = (stage.connect().access, stage.connect().access);
    let told = |request: Request| {
        let answer = stage.house.send(request);
        assert_eq!(answer.status, 401);
        answer.headers["www-authenticate"].to_str().unwrap().to_owned()
    };
    let stolen = stage.proof_by(&Pair::new(), &stage.proof_claims("GET", PAYMENTS, Some(&held)));
    let used = stage.call("GET", PAYMENTS, &held);
    assert_eq!(stage.house.send(used.clone()).status, 200);
    for (request, word) in [
        (stage.call("GET", PAYMENTS, &gone), "invalid_token"),
        (stage.call("GET", "/v1/me", &gone), "invalid_token"),
        (stage.call("GET", PAYMENTS, "made up"), "invalid_token"),
        (call_with(Request::get(PAYMENTS), &held, &stolen), "invalid_token"),
        (call_with(Request::get(PAYMENTS), &held, "made up"), "invalid_dpop_proof"),
        (Request::get(PAYMENTS).with(header::AUTHORIZATION, &format!("DPoP {held}")), "invalid_dpop_proof"),
        (used, "invalid_dpop_proof"),
    ] {
        let text = told(request);
        let begin = format!(r#"DPoP error="{word}", error_description=""#);
        assert!(
            text.starts_with(&begin) && text.ends_with(r#"", algs="ES256 PS256 EdDSA Ed25519""#),
            "{text}"
        );
    }
    let nobody = told(Request::get(PAYMENTS));
    assert_eq!(nobody, r#"Signature, Bearer, DPoP algs="ES256 PS256 EdDSA Ed25519""#);
}

/// What the log has of refusals of this kind: reason, count, and what kind of actor.
fn noted(house: &House, action: &str) -> Vec<(String, i64, String)> {
    let rows = house.read(|tx| tx.query("SELECT body FROM audit_entries", &[]));
    let all = rows.iter().map(|row| serde_json::from_str::<Value>(row.text(0).unwrap()).unwrap());
    let told = |entry: Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let details = &entry["details"];
        (text(&details["reason"]), details["count"].as_i64().unwrap(), text(&entry["actor"]["kind"]))
    };
    sorted(all.filter(|entry| entry["action"] == action).map(told).collect())
}

/// In an order of their own: entries of one moment have none.
fn sorted(mut lines: Vec<(String, i64, String)>) -> Vec<(String, i64, String)> {
    lines.sort();
    lines
}

fn line(reason: &str, count: i64, kind: &str) -> (String, i64, String) {
    (reason.to_owned(), count, kind.to_owned())
}

#[test]
fn oi_2_refused_assertions_are_in_the_log_thinned_out_and_counted() {
    each_house(|house| {
        let stage = Stage::on(house);
        let send = |assertion: &str| {
            let fields = [("token", "unknown"), ("client_assertion", assertion)];
            stage.house.send(stage.post(REVOKE, &fields)).status
        };
        let good = stage.assertion();
        assert_eq!(send(&good), 200);
        assert!((0..11).all(|_| send(&good) == 401), "copies");
        let own = vec![line("assertion_replayed", 1, "app"), line("assertion_replayed", 10, "app")];
        assert_eq!(noted(&stage.house, "app.assertion_refused"), sorted(own.clone()));
        // Whoever names the app and cannot sign hides nothing of it, and is not hidden by it.
        let forged = Pair::new().sign(&json!({"alg": "ES256"}), &stage.claims());
        assert!((0..3).all(|_| send(&forged) == 401));
        let all = [own, vec![line("assertion_wrong", 1, "unknown")]].concat();
        assert_eq!(noted(&stage.house, "app.assertion_refused"), sorted(all.clone()));
        assert_eq!(send(""), 401);
        assert_eq!(noted(&stage.house, "app.assertion_refused"), sorted(all.clone()), "none was sent");
        stage.house.wait(3600);
        let mut late = stage.claims();
        late["exp"] = json!(stage.seconds() - 60);
        assert_eq!(send(&stage.own.sign(&json!({"alg": "ES256"}), &late)), 401);
        let all = [all, vec![line("assertion_clock_skew", 1, "app")]].concat();
        assert_eq!(noted(&stage.house, "app.assertion_refused"), sorted(all.clone()), "another hour");
    });
}

#[test]
fn oi_2_refused_proofs_are_in_the_log_and_do_not_hide_assertions() {
    let stage = Stage::on(House::new());
    let held = stage.connect();
    let stolen = stage.proof_by(&Pair::new(), &stage.proof_claims("GET", PAYMENTS, Some(&held.access)));
    let call = || call_with(Request::get(PAYMENTS), &held.access, &stolen);
    assert!((0..10).all(|_| stage.house.send(call()).status == 401));
    let mut all = vec![line("proof_by_another_key", 1, "app"), line("proof_by_another_key", 10, "app")];
    assert_eq!(noted(&stage.house, "app.proof_refused"), sorted(all.clone()));
    stage.house.wait(3600);
    for (path, used) in [(PAYMENTS, 1), ("/v1/me", 0)] {
        let access = stage.refresh(&held.refresh).text("/access_token");
        let request = stage.call("GET", path, &access);
        stage.house.send(request.clone());
        assert_eq!(stage.house.send(request).status, 401);
        all.extend((0..used).map(|_| line("proof_replayed", 1, "app")));
        assert_eq!(
            noted(&stage.house, "app.proof_refused"),
            all,
            "{path}: the second of an hour is counted alone"
        );
    }
    stage.house.wait(3600);
    let asked = stage.asked();
    let fields: Vec<(&str, &str)> = asked.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut wrong = stage.post(PAR, &fields);
    let proof = stage.proof("POST", TOKEN, None);
    wrong = wrong.with(proof_field(), &proof);
    refused(&stage.house.send(wrong), 400, "invalid_dpop_proof");
    all.push(line("proof_for_another_request", 1, "app"));
    assert_eq!(noted(&stage.house, "app.proof_refused"), sorted(all.clone()));
    assert_eq!(noted(&stage.house, "app.assertion_refused"), []);
    let unknown = stage.call("GET", PAYMENTS, &held.access);
    assert_eq!(stage.house.send(unknown).status, 401);
    assert_eq!(
        noted(&stage.house, "app.proof_refused"),
        sorted(all.clone()),
        "a token that ended is no refused proof"
    );
}

#[test]
fn oi_2_requests_are_counted_by_app_and_those_of_nobody_by_address() {
    let stage = Stage::on(House::new());
    let other = Pair::new();
    let other_app = register(&stage.house, stage.shop.id, &other, &["view payments"]);
    let forged = Pair::new().sign(&json!({"alg": "ES256"}), &stage.claims());
    let noise =
        || stage.house.send(stage.post(REVOKE, &[("token", "x"), ("client_assertion", &forged)])).status;
    assert!((0..60).all(|_| noise() == 401));
    assert_eq!(noise(), 429, "one more of the address");
    let right = || stage.house.send(stage.post(REVOKE, &[("token", "x")])).status;
    assert!((0..120).all(|_| right() == 200), "a right one is not stopped by noise");
    assert_eq!(right(), 429, "one more of the app");
    let stage = Stage { own: other, app: other_app, ..stage };
    assert_eq!(stage.house.send(stage.post(REVOKE, &[("token", "x")])).status, 200, "another app");
}

#[test]
fn idem_6_an_app_has_idempotency_keys_for_each_member_whatever_it_shows() {
    each_house(|house| {
        let mut stage = Stage::on(house);
        let once = key();
        let bill = |stage: &Stage, access: &str| {
            let body = json!({"amount_minor": 1200, "currency": "CNY"});
            let proof = stage.proof("POST", PAYMENTS, Some(access));
            let made =
                stage.house.send(call_with(Request::post(PAYMENTS, &body).once(&once), access, &proof));
            assert_eq!(made.status, 201, "{}", made.json());
            made.text("/id")
        };
        let held = stage.connect();
        let first = bill(&stage, &held.access);
        let next = stage.refresh(&held.refresh).text("/access_token");
        assert_eq!(bill(&stage, &next), first, "another token");
        let anew = stage.connect();
        assert_eq!(bill(&stage, &anew.access), first, "another yes of the same member");
        (stage.member, stage.session) = stage.house.member(stage.shop.id, Role::Manager);
        let theirs = stage.connect();
        assert_ne!(bill(&stage, &theirs.access), first, "another member");
    });
}
