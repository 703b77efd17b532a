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
