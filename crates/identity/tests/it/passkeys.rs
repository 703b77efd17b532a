//! Passkeys over HTTP, with an authenticator in software (WA-1 to WA-6, C08).

use std::sync::Arc;

use identity::passkeys::AttestationPolicy;
use identity::{Person, Role};
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};

use crate::authenticator::Phone;
use crate::http::{Reply, Site, each_site};
use crate::world::{PIN, WRONG_PIN, World, each_world};

const REGISTER: &str = "/v1/passkeys/registrations";
const REGISTERED: &str = "/v1/passkeys/registrations/finish";
const SIGN_IN: &str = "/v1/sessions/passkey";
const SIGNED_IN: &str = "/v1/sessions/passkey/finish";
const STEP_UP: &str = "/v1/passkeys/step_up";
const STEPPED_UP: &str = "/v1/passkeys/step_up/finish";

fn enrol(site: &Site, token: &str, phone: &mut Phone) -> Reply {
    let options = site.post(REGISTER, Some(token), &json!({}));
    assert_eq!(options.status, 200, "{}", options.body);
    let body = json!({"label": "phone", "pin": PIN, "credential": phone.create(&options.body)});
    site.post(REGISTERED, Some(token), &body)
}

fn enter(site: &Site, phone: &mut Phone) -> Reply {
    let asked = site.post(SIGN_IN, None, &json!({}));
    assert_eq!(asked.status, 200, "{}", asked.body);
    let credential = phone.touch(&asked.body);
    site.post(SIGNED_IN, None, &json!({"attempt": asked.text("attempt"), "credential": credential}))
}

/// A buyer with a passkey on a phone: the first session's token.
fn buyer(site: &Site, phone: &mut Phone) -> String {
    let token = site.buyer("a@b.example").text("token");
    let added = enrol(site, &token, phone);
    assert_eq!(added.status, 201, "{}", added.body);
    site.world.deliver();
    token
}

fn owner(site: &Site) -> String {
    let shop = site.world.shop().id;
    site.member(shop, "owner@shop.example", &[Role::Owner])
}

#[test]
fn c08_a_member_adds_a_passkey_and_signs_in_with_nothing_else() {
    each_site(|site| {
        let token = owner(&site);
        let mut phone = Phone::new();
        let added = enrol(&site, &token, &mut phone);
        assert_eq!(added.status, 201, "{}", added.body);
        assert_eq!((added.text("label"), &added.body["copied"]), ("phone".to_owned(), &json!(false)));
        let told = site.world.deliver();
        assert!(told.iter().any(|mail| mail.subject.contains("第二步")), "the member is told");
        let entered = enter(&site, &mut phone);
        assert_eq!(entered.status, 201, "{}", entered.body);
        assert_eq!(entered.text("kind"), "member");
        let session = entered.text("token");
        assert_eq!(site.get("/v1/me", Some(&session)).text("contact"), "owner@shop.example");
        let listed = site.get("/v1/passkeys", Some(&session));
        assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
        assert!(listed.body["data"][0]["used_at"].is_string());
        assert_eq!(site.world.audited("factor.added"), 1);
        assert_eq!(site.world.audited("factor.used"), 1);
    });
}

#[test]
fn c08_a_buyer_signs_in_with_a_passkey_on_a_device_that_is_recognised() {
    each_site(|site| {
        let mut phone = Phone::new();
        buyer(&site, &mut phone);
        let entered = enter(&site, &mut phone);
        assert_eq!((entered.status, entered.text("kind").as_str()), (201, "buyer"));
        let asked = site.post(SIGN_IN, None, &json!({}));
        let credential = phone.touch(&asked.body);
        let device = entered.text("device_token");
        let body =
            json!({"attempt": asked.text("attempt"), "credential": credential, "device_token": device});
        let again = site.post(SIGNED_IN, None, &body);
        assert_eq!(again.body["device"], entered.body["device"]);
        assert_eq!(site.get("/v1/me", Some(&again.text("token"))).status, 200);
    });
}

#[test]
fn the_options_ask_for_what_the_standard_calls_a_passkey() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        let options = site.post(REGISTER, Some(&token), &json!({})).body["publicKey"].clone();
        assert_eq!(options["rp"]["id"], json!("pay.example"));
        assert_eq!(options["attestation"], json!("none"));
        let selection = &options["authenticatorSelection"];
        assert_eq!(selection["residentKey"], json!("required"));
        assert_eq!(selection["userVerification"], json!("required"));
        let offered: Vec<i64> = options["pubKeyCredParams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["alg"].as_i64().unwrap())
            .collect();
        assert!([-7, -8, -257].iter().all(|alg| offered.contains(alg)), "{offered:?}");
        assert!(options["challenge"].as_str().unwrap().len() >= 43, "256 bits");
        let handle = options["user"]["id"].as_str().unwrap().to_owned();
        assert_eq!(handle.len(), 43, "256 bits of chance, nothing of the person");
        let again = site.post(REGISTER, Some(&token), &json!({})).body["publicKey"].clone();
        assert_eq!(again["user"]["id"], json!(handle));
        assert_ne!(again["challenge"], options["challenge"]);
        let asked = site.post(SIGN_IN, None, &json!({})).body;
        assert_eq!(asked["publicKey"]["allowCredentials"], json!([]), "nobody is named");
        assert_eq!(asked["publicKey"]["userVerification"], json!("required"));
    });
}

#[test]
fn wa_1_a_challenge_works_once_for_five_minutes_for_its_holder_and_purpose() {
    each_site(|site| {
        let mut phone = Phone::new();
        let token = buyer(&site, &mut phone);
        let finish = |attempt: &str, credential: &Value| {
            site.post(SIGNED_IN, None, &json!({"attempt": attempt, "credential": credential}))
        };
        let asked = site.post(SIGN_IN, None, &json!({}));
        let credential = phone.touch(&asked.body);
        let other = site.post(SIGN_IN, None, &json!({})).text("attempt");
        assert_eq!(finish(&other, &credential).code(), "passkey_stale", "another attempt's");
        assert_eq!(finish(&asked.text("attempt"), &credential).status, 201);
        assert_eq!(finish(&asked.text("attempt"), &credential).code(), "passkey_stale", "used");
        let asked = site.post(SIGN_IN, None, &json!({}));
        let credential = phone.touch(&asked.body);
        site.world.wait(299);
        assert_eq!(finish(&asked.text("attempt"), &credential).status, 201);
        let asked = site.post(SIGN_IN, None, &json!({}));
        let credential = phone.touch(&asked.body);
        site.world.wait(300);
        assert_eq!(finish(&asked.text("attempt"), &credential).code(), "passkey_stale", "too old");
        let asked = site.post(SIGN_IN, None, &json!({}));
        let credential = phone.touch(&asked.body);
        let stepped = site.post(STEPPED_UP, Some(&token), &json!({"credential": credential}));
        assert_eq!(stepped.code(), "passkey_stale", "for something else");
        assert_eq!(finish(&asked.text("attempt"), &credential).status, 201, "which spent nothing");
    });
}

#[test]
fn wa_1_a_wrong_answer_spends_its_challenge() {
    each_site(|site| {
        let mut phone = Phone::new();
        buyer(&site, &mut phone);
        let asked = site.post(SIGN_IN, None, &json!({}));
        let right = phone.touch(&asked.body);
        let mut wrong = right.clone();
        let signature = right["response"]["signature"].as_str().unwrap();
        let (head, tail) = signature.split_at(20);
        let swapped = if tail.starts_with('A') { "B" } else { "A" };
        wrong["response"]["signature"] = json!(format!("{head}{swapped}{}", &tail[1..]));
        let finish = |credential: &Value| {
            site.post(SIGNED_IN, None, &json!({"attempt": asked.text("attempt"), "credential": credential}))
        };
        assert_eq!(finish(&wrong).code(), "passkey_refused");
        assert_eq!(finish(&right).code(), "passkey_stale");
        assert_eq!(site.world.audited("passkey.refused"), 2);
    });
}

#[test]
fn c08_another_origin_a_frame_and_an_unverified_holder_are_refused() {
    each_site(|site| {
        let mut phone = Phone::new();
        let token = buyer(&site, &mut phone);
        let refused = |phone: &mut Phone, words: &str| {
            let reply = enter(&site, phone);
            assert_eq!((reply.status, reply.code()), (403, "passkey_refused"));
            let message = reply.body["error"]["message"].as_str().unwrap();
            assert!(message.contains(words), "{message}");
        };
        phone.origin = "https://evil.pay.example";
        refused(&mut phone, "another site");
        phone.origin = "https://pay.example";
        phone.extra = json!({"topOrigin": "https://shop.example"});
        refused(&mut phone, "frame");
        phone.extra = json!({});
        phone.verifies = false;
        refused(&mut phone, "who holds it");
        let refused = enrol(&site, &token, &mut phone);
        assert_eq!(refused.code(), "step_up_needed", "adding asks for the one that is there");
        phone.verifies = true;
        assert_eq!(enter(&site, &mut phone).status, 201);
    });
}

#[test]
fn c08_a_new_passkey_from_elsewhere_or_without_verification_is_not_kept() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        let change: [fn(&mut Phone); 3] = [
            |phone| phone.origin = "https://evil.pay.example",
            |phone| phone.extra = json!({"topOrigin": "https://shop.example"}),
            |phone| phone.verifies = false,
        ];
        for change in change {
            let mut phone = Phone::new();
            change(&mut phone);
            assert_eq!(enrol(&site, &token, &mut phone).code(), "passkey_refused");
        }
        assert_eq!(site.get("/v1/passkeys", Some(&token)).body["data"], json!([]));
        assert_eq!(site.world.audited("passkey.refused"), 3);
    });
}

#[test]
fn c15_adding_a_passkey_needs_a_present_factor() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        let mut phone = Phone::new();
        let attempt = |pin: Option<&str>, phone: &mut Phone| {
            let options = site.post(REGISTER, Some(&token), &json!({}));
            let mut body = json!({"credential": phone.create(&options.body)});
            if let Some(pin) = pin {
                body["pin"] = json!(pin);
            }
            site.post(REGISTERED, Some(&token), &body)
        };
        assert_eq!(attempt(None, &mut phone).status, 400);
        assert_eq!(attempt(Some(WRONG_PIN), &mut phone).code(), "pin_wrong");
        assert_eq!(site.world.audited("pin.refused"), 1, "and the PIN's count stays");
        assert_eq!(attempt(Some(PIN), &mut phone).status, 201);
        assert_eq!(attempt(Some(PIN), &mut Phone::new()).code(), "step_up_needed");
        let options = site.post(STEP_UP, Some(&token), &json!({}));
        let shown = json!({"credential": phone.touch(&options.body)});
        let stepped = site.post(STEPPED_UP, Some(&token), &shown);
        assert_eq!(stepped.status, 200, "{}", stepped.body);
        assert_eq!(
            site.get("/v1/passkeys", Some(&token)).status,
            401,
            "the old token opens nothing any more"
        );
        let token = stepped.text("token");
        let again = |phone: &mut Phone| {
            let options = site.post(REGISTER, Some(&token), &json!({}));
            let credential = phone.create(&options.body);
            let bare = site.post(REGISTERED, Some(&token), &json!({ "credential": credential }));
            let body = json!({"pin": PIN, "credential": credential});
            (bare.status, site.post(REGISTERED, Some(&token), &body))
        };
        let (bare, added) = again(&mut Phone::new());
        assert_eq!(
            (bare, added.status),
            (400, 201),
            "it pays in place of the PIN, so the PIN is given as well"
        );
        site.world.wait(901);
        assert_eq!(again(&mut Phone::new()).1.code(), "step_up_needed");
    });
}

#[test]
fn wa_3_a_credential_belongs_to_one_person_and_wa_4_is_not_made_twice() {
    each_site(|site| {
        let mut phone = Phone::new();
        buyer(&site, &mut phone);
        let stranger = site.buyer("c@d.example").text("token");
        let options = site.post(REGISTER, Some(&stranger), &json!({}));
        // The same credential, as a phone would that registers a copied key.
        let mut copy = Phone::new();
        let mut made = copy.create(&options.body);
        let victim = phone.keys.0[0].credential_id.to_vec();
        swap_credential(&mut made, &copy.keys.0[0].credential_id.to_vec(), &victim);
        let body = json!({"pin": PIN, "credential": made});
        assert_eq!(site.post(REGISTERED, Some(&stranger), &body).code(), "passkey_taken");
        let session = enter(&site, &mut phone).text("token");
        let options = site.post(REGISTER, Some(&session), &json!({}));
        let known = options.body["publicKey"]["excludeCredentials"].as_array().unwrap().len();
        assert_eq!(known, 1, "the browser is told what there is");
    });
}

/// Writes another credential id of the same length into an attestation object.
fn swap_credential(made: &mut Value, from: &[u8], to: &[u8]) {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let object = URL_SAFE_NO_PAD.decode(made["response"]["attestationObject"].as_str().unwrap()).unwrap();
    let at = object.windows(from.len()).position(|window| window == from).unwrap();
    let changed = [&object[..at], to, &object[at + from.len()..]].concat();
    made["response"]["attestationObject"] = json!(URL_SAFE_NO_PAD.encode(changed));
}

#[test]
fn wa_3_another_persons_passkey_and_another_name_are_refused() {
    each_site(|site| {
        let (mut own, mut other) = (Phone::new(), Phone::new());
        let token = buyer(&site, &mut own);
        let stranger = site.buyer("c@d.example").text("token");
        assert_eq!(enrol(&site, &stranger, &mut other).status, 201);
        let options = site.post(STEP_UP, Some(&token), &json!({}));
        let mut open = options.body.clone();
        open["publicKey"]["allowCredentials"] = json!([]);
        let shown = json!({"credential": other.touch(&open)});
        assert_eq!(site.post(STEPPED_UP, Some(&token), &shown).code(), "passkey_refused");
        let asked = site.post(SIGN_IN, None, &json!({}));
        let mut credential = own.touch(&asked.body);
        let handle = other.keys.0[0].user_handle.clone().unwrap();
        use base64::Engine;
        let handle = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(handle.as_slice());
        credential["response"]["userHandle"] = json!(handle);
        let body = json!({"attempt": asked.text("attempt"), "credential": credential});
        assert_eq!(site.post(SIGNED_IN, None, &body).code(), "passkey_refused", "a person's name is checked");
        let asked = site.post(SIGN_IN, None, &json!({}));
        let mut credential = own.touch(&asked.body);
        credential["response"]["userHandle"] = Value::Null;
        let body = json!({"attempt": asked.text("attempt"), "credential": credential});
        assert_eq!(site.post(SIGNED_IN, None, &body).code(), "passkey_refused", "and needed at the door");
    });
}

#[test]
fn wa_3_a_passkey_that_counts_backwards_is_refused_from_then_on_and_its_owner_is_told() {
    each_site(|site| {
        let mut phone = Phone::new();
        phone.counts = true;
        buyer(&site, &mut phone);
        assert_eq!(enter(&site, &mut phone).status, 201);
        let copy = phone.keys.clone();
        assert_eq!(enter(&site, &mut phone).status, 201);
        site.world.deliver();
        let ahead = phone.keys.clone();
        phone.keys = copy;
        assert_eq!(enter(&site, &mut phone).code(), "passkey_refused");
        assert_eq!(site.world.audited("passkey.copy_suspected"), 1);
        let told = site.world.deliver();
        assert!(told.iter().any(|mail| mail.body.expose().contains("counted backwards")));
        phone.keys = ahead;
        let refused = enter(&site, &mut phone);
        assert!(refused.body["error"]["message"].as_str().unwrap().contains("copied"));
    });
}

#[test]
fn wa_4_removing_a_passkey_needs_a_fresh_one_tells_its_owner_and_ends_it() {
    each_site(|site| {
        let mut phone = Phone::new();
        let first = buyer(&site, &mut phone);
        let id = site.get("/v1/passkeys", Some(&first)).body["data"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/passkeys/{id}");
        assert_eq!(site.delete(&path, Some(&first)).code(), "step_up_needed");
        let stranger = site.buyer("c@d.example").text("token");
        assert_ne!(site.delete(&path, Some(&stranger)).status, 204);
        let session = enter(&site, &mut phone).text("token");
        assert_eq!(site.delete("/v1/passkeys/fac_x", Some(&session)).status, 404);
        site.world.deliver();
        assert_eq!(site.delete(&path, Some(&session)).status, 204);
        assert!(!site.world.deliver().is_empty(), "the owner is told");
        assert_eq!(site.delete(&path, Some(&session)).status, 404);
        assert_eq!(enter(&site, &mut phone).code(), "passkey_refused");
        let again = enrol(&site, &session, &mut phone);
        assert_eq!(again.status, 201, "{}", again.body);
    });
}

#[test]
fn a_members_last_second_factor_stays() {
    each_site(|site| {
        let token = owner(&site);
        let mut phone = Phone::new();
        let added = enrol(&site, &token, &mut phone);
        let session = enter(&site, &mut phone).text("token");
        let path = format!("/v1/passkeys/{}", added.text("id"));
        let refused = site.delete(&path, Some(&session));
        assert_eq!((refused.status, refused.code()), (409, "last_factor"));
        assert_eq!(enrol(&site, &session, &mut Phone::new()).status, 201);
        assert_eq!(site.delete(&path, Some(&session)).status, 204);
    });
}

#[test]
fn an_account_has_a_limit_of_passkeys() {
    each_site(|site| {
        let token = site.buyer("a@b.example").text("token");
        let buyer =
            site.world.read(|tx, means| identity::require_buyer(tx, &session(&token), means.now)).unwrap();
        let person = Person::Buyer(buyer.buyer);
        let mut phone = Phone::new();
        assert_eq!(enrol(&site, &token, &mut phone).status, 201);
        let session = enter(&site, &mut phone).text("token");
        let most = identity::limits::PASSKEYS_MAX.min(identity::limits::FACTORS_MAX);
        for _ in 1..most {
            assert_eq!(enrol(&site, &session, &mut Phone::new()).status, 201);
        }
        let kept = site.world.read(|tx, means| identity::passkeys::list_passkeys(tx, means, person)).unwrap();
        assert_eq!(kept.len(), most);
        let options = site.post(REGISTER, Some(&session), &json!({}));
        assert_eq!(options.code(), "passkey_limit");
    });
}

fn session(token: &str) -> identity::Token {
    identity::Token::parse(identity::TokenKind::BuyerSession, token).unwrap()
}

#[test]
fn challenges_that_ended_are_swept() {
    each_site(|site| {
        for _ in 0..3 {
            assert_eq!(site.post(SIGN_IN, None, &json!({})).status, 200);
        }
        let waiting = || {
            let sql = "SELECT COUNT(*) FROM passkey_challenges";
            site.world.cx.db.read_blocking(|tx| tx.query(sql, &[])).unwrap()[0].int(0).unwrap()
        };
        assert_eq!(waiting(), 3);
        site.world.wait(299);
        site.world.write(identity::sweep).unwrap();
        assert_eq!(waiting(), 3);
        site.world.wait(2);
        site.world.write(identity::sweep).unwrap();
        assert_eq!(waiting(), 0);
    });
}

#[test]
fn operations_on_passkeys_refuse_nobody_and_bad_bodies() {
    each_site(|site| {
        for path in [REGISTER, REGISTERED, STEP_UP, STEPPED_UP] {
            let body = json!({"credential": {"id": "AQ", "response": {
                "clientDataJSON": "AQ", "attestationObject": "AQ", "authenticatorData": "AQ", "signature": "AQ"
            }}});
            assert_eq!(
                site.post(path, None, &body).status,
                if path.ends_with("finish") { 400 } else { 401 },
                "{path}"
            );
            assert_eq!(site.post(path, Some("twb_x"), &body).status, 401, "{path}");
        }
        assert_eq!(site.get("/v1/passkeys", None).status, 401);
        assert_eq!(site.delete("/v1/passkeys/fac_x", None).status, 401);
        let body = json!({"attempt": "twk_x", "credential": {"id": "=", "response": {}}});
        assert_eq!(site.post(SIGNED_IN, None, &body).status, 400);
    });
}

/// A site where members' authenticators come from the maker of the published vectors alone.
fn each_site_with_makers(test: impl Fn(Site)) {
    let root = CertificateDer::from(&include_bytes!("../vectors/webauthn_l3_root.der")[..]);
    let makers = Arc::new(AttestationPolicy::new(&[root], Vec::new()).unwrap());
    each_world(|world| {
        let cx = identity::Context { makers: Some(Arc::clone(&makers)), ..world.cx.clone() };
        test(Site::new(World { cx }));
    });
}

#[test]
fn wa_5_members_are_asked_who_made_the_device_and_buyers_are_not() {
    each_site_with_makers(|site| {
        let member = owner(&site);
        let options = site.post(REGISTER, Some(&member), &json!({}));
        assert_eq!(options.body["publicKey"]["attestation"], json!("direct"));
        let refused = enrol(&site, &member, &mut Phone::new());
        assert_eq!((refused.status, refused.code()), (403, "passkey_refused"), "{}", refused.body);
        let said = refused.body["error"]["message"].as_str().unwrap();
        assert!(said.contains("hands out"), "{said}");
        assert_eq!(site.get("/v1/passkeys", Some(&member)).body["data"], json!([]), "nothing is kept");
        assert_eq!((site.world.audited("passkey.refused"), site.world.audited("passkey.attested")), (1, 0));
        let buyer = site.buyer("a@b.example").text("token");
        let options = site.post(REGISTER, Some(&buyer), &json!({}));
        assert_eq!(options.body["publicKey"]["attestation"], json!("none"));
        assert_eq!(enrol(&site, &buyer, &mut Phone::new()).status, 201);
    });
}

#[test]
fn wa_5_a_passkey_from_before_goes_on_where_makers_are_asked_for_now() {
    each_site(|site| {
        let (token, mut phone) = (owner(&site), Phone::new());
        assert_eq!(enrol(&site, &token, &mut phone).status, 201);
        let root = CertificateDer::from(&include_bytes!("../vectors/webauthn_l3_root.der")[..]);
        let makers = AttestationPolicy::new(&[root], Vec::new()).unwrap();
        let cx = identity::Context { makers: Some(Arc::new(makers)), ..site.world.cx.clone() };
        let site = Site::new(World { cx });
        assert_eq!(enter(&site, &mut phone).status, 201);
    });
}
