//! Idempotency keys in a real database.

use base::{ShopId, Timestamp};
use store::Db;
use webkit::idempotency::{
    Answer, Begin, Fingerprint, IdempotencyKey, Replayed, Running, Scope, Work, begin, delete_expired_keys,
};
use webkit::limits::IDEMPOTENCY_KEEP_SECONDS;
use webkit::{ApiError, MIGRATIONS};

const NOW: Timestamp = Timestamp(1_772_357_400_000);

fn scope() -> Scope {
    Scope { shop: ShopId::HOUSE, caller: "key_1".into(), endpoint: "create_payment" }
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text.as_bytes()).unwrap()
}

fn print(body: &str) -> Fingerprint {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"a key of the vault");
    Fingerprint::of(&key, "POST", "/v1/payments", body.as_bytes())
}

/// The whole way of a request that charges: key, work and answer in one transaction.
fn charge(db: &Db, scope: Scope, key_text: &str, body: &str, now: Timestamp) -> Result<Answer, ApiError> {
    let (key, print) = (key(key_text), print(body));
    db.write_blocking(move |tx| match begin(tx, &scope, &key, &print, now)?.into_work()? {
        Work::Done(answer) => Ok(answer),
        Work::Do(claim) => {
            tx.execute("UPDATE charges SET done = done + 1", &[])?;
            claim.finish(tx, 201, b"{\"id\":1}")?;
            Ok(Answer { status: 201, body: b"{\"id\":1}".to_vec() })
        }
    })
}

fn each_engine(test: impl Fn(Db)) {
    store::testing::each_engine(MIGRATIONS, |db| {
        db.write_blocking(|tx| -> Result<(), store::Error> {
            tx.execute("CREATE TABLE charges (done BIGINT NOT NULL)", &[])?;
            tx.execute("INSERT INTO charges (done) VALUES (0)", &[])?;
            Ok(())
        })
        .unwrap();
        test(db);
    });
}

fn charges(db: &Db) -> i64 {
    db.read_blocking(|tx| -> Result<i64, store::Error> {
        tx.query_opt("SELECT done FROM charges", &[])?.map_or(Ok(-1), |row| row.int(0))
    })
    .unwrap()
}

#[test]
fn idem_2_and_3_a_repeated_request_gets_the_stored_answer_and_another_one_is_refused() {
    each_engine(|db| {
        let first = charge(&db, scope(), "k", "a", NOW).unwrap();
        assert_eq!(charge(&db, scope(), "k", "a", NOW.plus_seconds(60)).unwrap(), first);
        assert_eq!(charges(&db), 1);
        let refused = charge(&db, scope(), "k", "b", NOW).unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code.name), (422, "idempotency_key_reused"));
        let response = first.to_response(Replayed::Yes);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["idempotency-replayed"]),
            (201, &"true".parse().unwrap())
        );
        assert!(!first.to_response(Replayed::No).headers().contains_key("idempotency-replayed"));
    });
}

#[test]
fn idem_4_a_key_has_one_turn_at_a_time_for_caller_and_endpoint() {
    let running = Running::default();
    let enter = |caller: &str, endpoint, key_text: &str, body: &str| {
        let nonce = (caller == "signed").then_some("nonce");
        let found = running.enter((caller.to_owned(), endpoint, &key(key_text)), &print(body), nonce);
        found.map(Option::unwrap).map_err(|refused| (refused.status().as_u16(), refused.code.name))
    };
    let turn = enter("key_1", "create_payment", "k", "a").unwrap();
    let again = enter("key_1", "create_payment", "k", "a").unwrap_err();
    assert_eq!(again, (409, "request_in_progress"));
    let another = enter("key_1", "create_payment", "k", "b").unwrap_err();
    assert_eq!(another, (422, "idempotency_key_reused"));
    let others =
        [("key_2", "create_payment", "k"), ("key_1", "create_refund", "k"), ("key_1", "create_payment", "l")];
    let others = others.map(|(caller, endpoint, key)| enter(caller, endpoint, key, "a").unwrap());
    let signed = enter("signed", "create_payment", "k", "a").unwrap();
    let copy = ("signed".to_owned(), "create_payment", &key("k"));
    assert!(
        running.enter(copy.clone(), &print("a"), Some("nonce")).unwrap().is_none(),
        "a copy is for the nonce to refuse"
    );
    assert_eq!(running.enter(copy, &print("a"), Some("other")).unwrap_err().status().as_u16(), 409);
    drop((turn, signed));
    drop(enter("key_1", "create_payment", "k", "b").unwrap());
    drop(others);
    assert_eq!(format!("{running:?}"), format!("{:?}", Running::default()), "nothing stays behind");
}

#[test]
fn idem_5_work_that_is_rolled_back_stores_nothing() {
    each_engine(|db| {
        let failed = db.write_blocking(|tx| -> Result<(), ApiError> {
            let Begin::Fresh(claim) = begin(tx, &scope(), &key("k"), &print("a"), NOW)? else {
                unreachable!()
            };
            claim.finish(tx, 201, b"{}")?;
            Err(ApiError::unavailable(1, "the disk is full"))
        });
        assert_eq!(failed.unwrap_err().status().as_u16(), 503);
        assert_eq!(charge(&db, scope(), "k", "other", NOW).unwrap().status, 201);
        assert_eq!(charges(&db), 1);
    });
}

#[test]
fn idem_6_keys_belong_to_caller_and_endpoint_and_are_kept_24_hours() {
    each_engine(|db| {
        charge(&db, scope(), "k", "a", NOW).unwrap();
        charge(&db, Scope { caller: "key_2".into(), ..scope() }, "k", "b", NOW).unwrap();
        charge(&db, Scope { endpoint: "create_refund", ..scope() }, "k", "c", NOW).unwrap();
        charge(&db, Scope { shop: ShopId::from_short("0000000a").unwrap(), ..scope() }, "k", "d", NOW)
            .unwrap();
        assert_eq!(charges(&db), 4);
        let end = NOW.plus_seconds(IDEMPOTENCY_KEEP_SECONDS);
        charge(&db, scope(), "k", "a", end.plus_millis(-1)).unwrap();
        assert_eq!(charges(&db), 4);
        charge(&db, scope(), "k", "new", end).unwrap();
        assert_eq!(charges(&db), 5);
        let sweep = |at| delete_expired_keys(&db, at).unwrap();
        assert_eq!((sweep(end), sweep(end)), (3, 0));
    });
}

#[test]
fn idem_7_of_100_parallel_requests_one_charges_and_all_get_its_answer() {
    each_engine(|db| {
        let threads: Vec<_> = (0..100)
            .map(|_| {
                let db = db.clone();
                std::thread::spawn(move || charge(&db, scope(), "k", "a", NOW))
            })
            .collect();
        let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect();
        assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == b"{\"id\":1}"));
        assert_eq!(charges(&db), 1);
    });
}

#[test]
fn idem_2_an_answer_that_an_older_version_stored_is_still_replayed() {
    for scratch in store::testing::Scratch::each() {
        let older: Vec<_> = MIGRATIONS.iter().filter(|migration| migration.version < 702).cloned().collect();
        let answered = |db: Db, wanted: &str| {
            let told = db.write_blocking(|tx| match begin(tx, &scope(), &key("k"), &print("{}"), NOW)? {
                Begin::Fresh(claim) => claim.finish(tx, 201, b"{\"id\":1}").map(|()| "now"),
                Begin::Replay(answer) if answer.body == b"{\"id\":1}" => Ok("before"),
                other => panic!("{other:?}"),
            });
            assert_eq!(told, Ok(wanted));
        };
        answered(scratch.open(&older).unwrap(), "now");
        answered(scratch.open(MIGRATIONS).unwrap(), "before");
    }
}
