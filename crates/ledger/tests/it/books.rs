//! Many writers at once, the lists, and what a proof finds in books that were tampered with.

use base::{Dice, Timestamp, TransferId};
use ledger::{
    ENTRIES_PAGE_MAX, Effect, Entry, Fault, Hold, HoldState, Limit, MIGRATIONS, Owner, Page, Reason, Refusal,
    Side, Transfer, authorise, find_account, find_hold, find_transfer, keys_to_post, list_account_entries,
    list_buyer_accounts, list_holds, list_payment_transfers, open_account, post, post_new, prove_balanced,
    transfer_of,
};
use store::{Db, Tx, testing::each_engine};

use crate::world::{account, id, money, payment, shop};

fn open(db: &Db, names: &'static [&'static str]) {
    let open = move |tx: &mut Tx<'_>| {
        for name in names {
            let limit = if *name == "cash" { Limit::None } else { Limit::DebitsMustNotExceedCredits };
            open_account(tx, account(name), limit, Timestamp(1))?.unwrap();
        }
        Ok::<(), store::Error>(())
    };
    db.write_blocking(open).unwrap();
}

fn transfer(number: u64, debit: &str, credit: &str, minor: i64) -> Transfer {
    Transfer {
        id: id(&format!("t{number}")),
        debit: account(debit),
        credit: account(credit),
        amount: money(&minor.to_string()),
        reason: Reason::Payment,
        payment: Some(payment(number / 10)),
        hold: None,
        at: Timestamp(1_000 + i64::try_from(number / 2).unwrap()),
    }
}

fn post_all(db: &Db, transfers: Vec<Transfer>) {
    let run = move |tx: &mut Tx<'_>| {
        for transfer in &transfers {
            assert_eq!(post(tx, transfer)?, Ok(Effect::Done));
        }
        Ok::<(), store::Error>(())
    };
    db.write_blocking(run).unwrap();
}

fn assert_balanced(db: &Db) {
    let proof = db.read_blocking(prove_balanced).unwrap();
    assert!(proof.is_balanced(), "{:?}", proof.faults);
}

#[test]
fn c23_parallel_payments_never_spend_more_than_there_is() {
    each_engine(MIGRATIONS, |db| {
        open(&db, &["cash", "anna", "shop"]);
        post_all(&db, vec![transfer(0, "cash", "anna", 1_000)]);
        let paid: usize = std::thread::scope(|scope| {
            let pay = |number| {
                let transfer = transfer(number, "anna", "shop", 30);
                let done = db.write_blocking(move |tx| post(tx, &transfer)).unwrap();
                assert!(matches!(done, Ok(Effect::Done) | Err(Refusal::InsufficientFunds(_))), "{done:?}");
                usize::from(done.is_ok())
            };
            let threads: Vec<_> = (1..=64).map(|number| scope.spawn(move || pay(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(paid, 33, "33 payments of 30 fit into 1,000");
        let balance = db.read_blocking(|tx| find_account(tx, account("anna"))).unwrap().unwrap().balance;
        assert_eq!((balance.available_minor(), balance.posted_minor()), (10, 10));
        assert_balanced(&db);
    });
}

#[test]
fn c23_the_same_transfer_sent_by_many_at_once_is_posted_once() {
    each_engine(MIGRATIONS, |db| {
        open(&db, &["cash", "anna"]);
        let one = transfer(1, "cash", "anna", 7);
        let done: usize = std::thread::scope(|scope| {
            let send = || db.write_blocking(move |tx| post(tx, &one)).unwrap() == Ok(Effect::Done);
            let threads: Vec<_> = (0..50).map(|_| scope.spawn(send)).collect();
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
        });
        assert_eq!(done, 1);
        assert_balanced(&db);
    });
}

#[test]
fn an_id_that_was_there_fails_a_new_post_and_leaves_the_books_alone() {
    each_engine(MIGRATIONS, |db| {
        open(&db, &["cash", "anna"]);
        let one = transfer(1, "cash", "anna", 7);
        assert_eq!(db.write_blocking(move |tx| post_new(tx, &one)).unwrap(), Ok(Effect::Done));
        let again = db.write_blocking(move |tx| post_new(tx, &one));
        assert!(matches!(again, Err(store::Error::Conflict(_))), "{again:?}");
        assert_balanced(&db);
    });
}

#[test]
fn named_keys_give_the_same_result() {
    each_engine(MIGRATIONS, |db| {
        open(&db, &["cash", "anna"]);
        let one = transfer(1, "cash", "anna", 7);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let write =
            || runtime.block_on(db.write_with(keys_to_post(&one).into(), move |tx| post(tx, &one))).unwrap();
        assert_eq!((write(), write()), (Ok(Effect::Done), Ok(Effect::AlreadyDone)));
    });
}

#[test]
fn a_transfer_is_found_by_id_and_by_payment() {
    each_engine(MIGRATIONS, |db| {
        open(&db, &["cash", "anna", "shop"]);
        let all = vec![
            transfer(10, "cash", "anna", 50),
            transfer(11, "anna", "shop", 20),
            transfer(20, "anna", "shop", 5),
            Transfer { id: transfer_of(payment(1)), ..transfer(12, "anna", "shop", 1) },
        ];
        post_all(&db, all.clone());
        let held = Hold {
            id: id("h1"),
            debit: account("anna"),
            credit: account("shop"),
            amount: money("3"),
            payment: Some(payment(1)),
            at: Timestamp(5),
            expires_at: Timestamp(9),
            state: HoldState::Open,
        };
        db.write_blocking(move |tx| authorise(tx, &held)).unwrap().unwrap();
        db.read_blocking(|tx| {
            assert_eq!(find_transfer(tx, all[1].id)?, Some(all[1]));
            assert_eq!(find_transfer(tx, id("t99"))?, None);
            assert_eq!(list_payment_transfers(tx, payment(1))?, [all[0], all[1], all[3]]);
            assert_eq!(list_payment_transfers(tx, payment(3))?, []);
            assert_eq!((find_hold(tx, held.id)?, list_holds(tx, payment(1))?), (Some(held), vec![held]));
            Ok::<(), store::Error>(())
        })
        .unwrap();
    });
}

#[test]
fn entries_are_paged_newest_first_without_gap_or_repeat() {
    each_engine(MIGRATIONS, |db| {
        open(&db, &["cash", "anna", "shop"]);
        post_all(&db, (0..25).map(|n| transfer(n, "cash", "anna", 10)).collect());
        post_all(&db, (25..40).map(|n| transfer(n, "anna", "shop", 1)).collect());
        let mut seen: Vec<TransferId> = Vec::new();
        let mut from = None;
        loop {
            let page = db.read_blocking(|tx| list_account_entries(tx, account("anna"), from, 7)).unwrap();
            let fits = |entry: &Entry| (entry.side == Side::Debit) == (entry.transfer.amount.minor == 1);
            assert!(page.entries.iter().all(fits));
            seen.extend(page.entries.iter().map(|entry| entry.transfer.id));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let expected: Vec<TransferId> = (0..40).rev().map(|n| id(&format!("t{n}"))).collect();
        assert_eq!(seen, expected);
        let shop = db.read_blocking(|tx| list_account_entries(tx, account("shop"), None, 99)).unwrap();
        assert_eq!((shop.entries.len(), shop.next), (15, None));
        let list =
            |name, from| db.read_blocking(|tx| list_account_entries(tx, account(name), from, 9)).unwrap();
        assert_eq!(list("shop", Some(id("t1"))), Page::default(), "t1 never moved the shop's account");
        assert_eq!(list("ben", None), Page::default(), "no such account");
        assert!(
            db.read_blocking(|tx| list_account_entries(tx, account("anna"), Some(id("t99")), 9)).is_err()
        );
    });
}

#[test]
fn a_page_has_a_limit() {
    each_engine(MIGRATIONS, |db| {
        open(&db, &["cash", "anna"]);
        let count = u64::try_from(ENTRIES_PAGE_MAX).unwrap() + 1;
        post_all(&db, (0..count).map(|n| transfer(n, "cash", "anna", 1)).collect());
        let list =
            |limit| db.read_blocking(|tx| list_account_entries(tx, account("anna"), None, limit)).unwrap();
        let page = |limit| list(limit).entries.len();
        assert_eq!(
            (page(0), page(ENTRIES_PAGE_MAX), page(ENTRIES_PAGE_MAX + 1)),
            (0, ENTRIES_PAGE_MAX, ENTRIES_PAGE_MAX)
        );
    });
}

#[test]
fn c23_a_proof_finds_each_kind_of_tampering() {
    let shop_id = shop().short().to_owned();
    let anna = account("anna").to_string();
    let cases = [
        (
            "UPDATE ledger_accounts SET credits_posted = credits_posted + 1 WHERE id LIKE 'buyer:%'"
                .to_owned(),
            "balance of",
        ),
        ("UPDATE ledger_transfers SET amount_minor = 51 WHERE amount_minor = 50".to_owned(), "balance of"),
        ("DELETE FROM ledger_transfers WHERE amount_minor = 20".to_owned(), "balance of"),
        (
            "DELETE FROM ledger_accounts WHERE id LIKE 'buyer:%'".to_owned(),
            "does not exist in their currency",
        ),
        ("UPDATE ledger_transfers SET currency = 'USD'".to_owned(), "does not exist in their currency"),
        (
            format!("UPDATE ledger_transfers SET debit_account = '{anna}' WHERE amount_minor = 50"),
            "balance of",
        ),
        (format!("UPDATE ledger_holds SET state = 'voided' WHERE shop_id = '{shop_id}'"), "balance of"),
        (
            "UPDATE ledger_holds SET state = 'captured', captured_minor = 3".to_owned(),
            "and its capture do not fit",
        ),
        (
            "UPDATE ledger_accounts SET debits_posted = 51 WHERE id LIKE 'buyer:%'".to_owned(),
            "is past its limit",
        ),
        (
            "UPDATE ledger_accounts SET debits_posted = 49 WHERE id LIKE 'house:%'".to_owned(),
            "do not add up to zero",
        ),
    ];
    for (sql, expected) in cases {
        each_engine(MIGRATIONS, |db| {
            open(&db, &["cash", "anna", "shop"]);
            post_all(&db, vec![transfer(10, "cash", "anna", 50), transfer(11, "anna", "shop", 20)]);
            let (debit, credit, amount, payment) =
                (account("anna"), account("shop"), money("3"), Some(payment(1)));
            let (at, expires_at, state) = (Timestamp(5), Timestamp(9), HoldState::Open);
            let held = Hold { id: id("h1"), debit, credit, amount, payment, at, expires_at, state };
            db.write_blocking(move |tx| authorise(tx, &held)).unwrap().unwrap();
            assert_balanced(&db);
            let tamper = sql.clone();
            assert!(db.write_blocking(move |tx| tx.execute(&tamper, &[])).unwrap() > 0, "{sql}");
            let faults = db.read_blocking(prove_balanced).unwrap().faults;
            let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
            assert!(told.iter().any(|text| text.contains(expected)), "{sql}: {told:?}");
        });
    }
}

#[test]
fn random_ids_of_the_program_fit_the_ledger() {
    each_engine(MIGRATIONS, |db| {
        open(&db, &["cash", "anna"]);
        let dice = Dice::predictable_for_tests(1);
        let one =
            Transfer { id: TransferId::new(shop(), Timestamp(9), &dice), ..transfer(1, "cash", "anna", 1) };
        post_all(&db, vec![one]);
        assert_eq!(db.read_blocking(|tx| find_transfer(tx, one.id)).unwrap(), Some(one));
    });
}

#[test]
fn a_buyers_accounts_are_listed_by_currency_and_nobody_elses() {
    each_engine(MIGRATIONS, |db| {
        db.write_blocking(|tx| {
            for name in ["anna/USD", "anna", "bert/EUR", "shop", "cash"] {
                open_account(tx, account(name), Limit::None, Timestamp(4))?.unwrap();
            }
            Ok::<_, store::Error>(())
        })
        .unwrap();
        let list = |name: &str| {
            let Owner::Buyer(buyer) = account(name).owner else { panic!() };
            let found = db.read_blocking(|tx| list_buyer_accounts(tx, buyer)).unwrap();
            found.into_iter().map(|account| account.key).collect::<Vec<_>>()
        };
        assert_eq!(list("anna"), [account("anna"), account("anna/USD")]);
        assert_eq!((list("bert"), list("carla")), (vec![account("bert/EUR")], vec![]));
    });
}
