//! Nonces in a real database.

use base::{ShopId, Timestamp};
use store::Db;
use webkit::replay::{ReplayError, SIGNATURE_NONCES, delete_expired_nonces, insert_nonce};
use webkit::signing::{Accepted, Refusal};
use webkit::{ApiError, MIGRATIONS};

use crate::signing::{NOW, record, sign, verify_at};

fn accepted(nonce: &str) -> Accepted {
    verify_at(&sign(nonce), b"{\"amount_minor\":1280}", &record(), NOW).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work)
}

fn note(db: &Db, shop: ShopId, accepted: Accepted) -> Result<(), ReplayError> {
    db.write_blocking(move |tx| insert_nonce(tx, shop, &accepted))
}

fn count(db: &Db) -> i64 {
    db.read_blocking(|tx| -> Result<i64, store::Error> {
        tx.query_opt("SELECT COUNT(*) FROM signature_nonces", &[])?.map_or(Ok(0), |row| row.int(0))
    })
    .unwrap()
}

#[test]
fn sig_4_of_100_parallel_copies_exactly_one_goes_through() {
    store::testing::each_engine(MIGRATIONS, |db| {
        let shop = ShopId::HOUSE;
        let passed = block_on(async {
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    let (db, accepted) = (db.clone(), accepted("parallel-parallel"));
                    tokio::spawn(async move {
                        db.write(move |tx| insert_nonce(tx, shop, &accepted)).await.map_err(ApiError::from)
                    })
                })
                .collect();
            let mut passed = 0;
            for task in tasks {
                match task.await.unwrap() {
                    Ok(()) => passed += 1,
                    Err(error) => assert_eq!(error.code.name, "signature_refused", "{error:?}"),
                }
            }
            passed
        });
        assert_eq!((passed, count(&db)), (1, 1));
    });
}

#[test]
fn sig_4_a_nonce_counts_by_shop_and_key_and_only_when_the_work_is_kept() {
    store::testing::each_engine(MIGRATIONS, |db| {
        let (one, other) = (ShopId::HOUSE, ShopId::from_short("0000000a").unwrap());
        let first = accepted("0123456789abcdef");
        let rolled_back = db.write_blocking({
            let first = first.clone();
            move |tx| {
                insert_nonce(tx, one, &first)?;
                Err::<(), _>(ReplayError::Refused(Refusal::Unsigned))
            }
        });
        assert_eq!(rolled_back, Err(ReplayError::Refused(Refusal::Unsigned)));
        assert_eq!(note(&db, one, first.clone()), Ok(()));
        assert_eq!(note(&db, one, first.clone()), Err(ReplayError::Refused(Refusal::Replayed)));
        assert_eq!(note(&db, other, first.clone()), Ok(()));
        assert_eq!(note(&db, one, Accepted { key_id: "key_2".into(), ..first }), Ok(()));
    });
}

#[test]
fn sig_4_nonces_are_forgotten_once_their_signatures_are_stale() {
    store::testing::each_engine(MIGRATIONS, |db| {
        let first = accepted("0123456789abcdef");
        note(&db, ShopId::HOUSE, first.clone()).unwrap();
        let sweep = |at: Timestamp| delete_expired_nonces(&db, at).unwrap();
        assert_eq!(sweep(NOW.plus_seconds(300)), 0);
        assert_eq!(sweep(first.forget_at.plus_millis(-1)), 0);
        assert_eq!(sweep(first.forget_at), 1);
        assert_eq!(count(&db), 0);
        let late =
            verify_at(&sign("0123456789abcdef"), b"{\"amount_minor\":1280}", &record(), first.forget_at);
        assert_eq!(late, Err(Refusal::Skewed));
        assert_eq!(SIGNATURE_NONCES.width(), 4);
    });
}
