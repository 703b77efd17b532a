//! One line is one event and its result (after TigerBeetle's table tests).
//!
//! ```text
//! open anna debits<=credits             : done
//! post t1 cash -> anna 100              : done
//! hold h1 anna -> shop 60 until 50      : done
//! capture t2 h1 45                      : done
//! balance anna                          : 45 100 0 0       (debits, credits, held debits, held credits)
//! ```
//! Each table runs twice on every engine: a transaction a line, and all lines in one transaction.

use base::Timestamp;
use ledger::{
    Balance, Capture, Effect, Hold, HoldState, Limit, MIGRATIONS, Reason, Refusal, Transfer, authorise,
    capture, expire_due, find_account, open_account, post, prove_balanced, void,
};
use store::{Tx, testing::each_engine};

use crate::world::{account, id, money, payment, variant};

struct Line {
    text: String,
    command: Vec<String>,
    expected: String,
}

fn lines(table: &str) -> Vec<Line> {
    let line = |text: &str| {
        let (command, expected) = text.split_once(" : ").unwrap_or((text, ""));
        Line {
            text: text.trim().to_owned(),
            command: command.split_whitespace().filter(|word| *word != "->").map(str::to_owned).collect(),
            expected: expected.trim().to_owned(),
        }
    };
    table.lines().filter(|text| !text.trim().is_empty()).map(line).collect()
}

fn check(table: &'static str) {
    each_engine(MIGRATIONS, |db| {
        for index in 0..lines(table).len() {
            db.write_blocking(move |tx| run(tx, table, index, index + 1)).unwrap();
        }
    });
    each_engine(MIGRATIONS, |db| db.write_blocking(move |tx| run(tx, table, 0, usize::MAX)).unwrap());
}

fn run(tx: &mut Tx<'_>, table: &str, from: usize, to: usize) -> Result<(), store::Error> {
    let mut now = Timestamp(0);
    for (index, line) in lines(table).iter().enumerate().take_while(|(index, _)| *index < to) {
        let words: Vec<&str> = line.command.iter().map(String::as_str).collect();
        if let ["at", time] = words[..] {
            now = Timestamp(time.parse().unwrap());
        } else if index >= from {
            assert_eq!(event(tx, &words, now)?, line.expected, "line {}: {}", index + 1, line.text);
            let proof = prove_balanced(tx)?;
            assert!(proof.is_balanced(), "after line {}: {}: {:?}", index + 1, line.text, proof.faults);
        }
    }
    Ok(())
}

fn event(tx: &mut Tx<'_>, words: &[&str], at: Timestamp) -> Result<String, store::Error> {
    let done = match *words {
        ["open", name] => open_account(tx, account(name), Limit::None, at)?,
        ["open", name, limit] => open_account(tx, account(name), read_limit(limit), at)?,
        ["post", key, debit, credit, amount] => post(tx, &transfer(key, debit, credit, amount, at))?,
        ["post", key, debit, credit, amount, "for", number] => {
            let transfer = transfer(key, debit, credit, amount, at);
            post(tx, &Transfer { payment: Some(payment(number.parse().unwrap())), ..transfer })?
        }
        ["hold", key, debit, credit, amount, "until", end] => {
            let (debit, credit, amount) = (account(debit), account(credit), money(amount));
            let (expires_at, state) = (Timestamp(end.parse().unwrap()), HoldState::Open);
            authorise(tx, &Hold { id: id(key), debit, credit, amount, payment: None, at, expires_at, state })?
        }
        ["capture", key, hold, amount] => {
            let (hold, amount, reason) = (id(hold), money(amount), Reason::Payment);
            capture(tx, &Capture { id: id(key), hold, amount, reason, at })?
        }
        ["void", hold] => void(tx, id(hold))?,
        ["expire", limit] => return expired(tx, at, limit.parse().unwrap()),
        ["balance", name] => return balance(tx, name),
        _ => panic!("no such event: {words:?}"),
    };
    Ok(match done {
        Ok(Effect::Done) => "done".to_owned(),
        Ok(Effect::AlreadyDone) => "already".to_owned(),
        Err(refusal) => variant(&refusal),
    })
}

fn transfer(key: &str, debit: &str, credit: &str, amount: &str, at: Timestamp) -> Transfer {
    let (debit, credit, amount) = (account(debit), account(credit), money(amount));
    Transfer { id: id(key), debit, credit, amount, reason: Reason::Payment, payment: None, hold: None, at }
}

fn expired(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<String, store::Error> {
    let holds = expire_due(tx, now, limit)?.unwrap();
    assert!(holds.iter().all(|hold| hold.state == HoldState::Expired));
    Ok(format!("{} released", holds.len()))
}

fn balance(tx: &mut Tx<'_>, name: &str) -> Result<String, store::Error> {
    let Balance { debits_posted, credits_posted, debits_pending, credits_pending } =
        find_account(tx, account(name))?.unwrap().balance;
    Ok(format!("{debits_posted} {credits_posted} {debits_pending} {credits_pending}"))
}

fn read_limit(text: &str) -> Limit {
    match text {
        "debits<=credits" => Limit::DebitsMustNotExceedCredits,
        "credits<=debits" => Limit::CreditsMustNotExceedDebits,
        _ => Limit::None,
    }
}

#[test]
fn accounts_open_once_with_one_limit() {
    check(
        "open anna debits<=credits : done
         open anna debits<=credits : already
         open anna credits<=debits : OtherLimit
         open anna                 : OtherLimit
         open anna/USD             : done
         balance anna              : 0 0 0 0",
    );
}

#[test]
fn c23_a_post_moves_the_same_amount_on_both_sides() {
    check(
        "open cash                    : done
         open anna debits<=credits    : done
         open shop debits<=credits    : done
         post t1 cash -> anna 100     : done
         post t2 anna -> shop 60      : done
         balance cash                 : 100 0 0 0
         balance anna                 : 60 100 0 0
         balance shop                 : 0 60 0 0
         post t3 anna -> shop 40      : done
         post t4 anna -> shop 1       : InsufficientFunds
         balance anna                 : 100 100 0 0",
    );
}

#[test]
fn c23_a_post_is_idempotent_by_its_id() {
    check(
        "open cash                       : done
         open anna                       : done
         open shop                       : done
         post t1 cash -> anna 100 for 7  : done
         post t1 cash -> anna 100 for 7  : already
         at 99
         post t1 cash -> anna 100 for 7  : already
         post t1 cash -> anna 100 for 8  : IdReused
         post t1 cash -> anna 100        : IdReused
         post t1 cash -> anna 101 for 7  : IdReused
         post t1 cash -> shop 100 for 7  : IdReused
         post t1 anna -> cash 100 for 7  : IdReused
         balance anna                    : 0 100 0 0",
    );
}

#[test]
fn c23_wrong_posts_are_refused_and_write_nothing() {
    check(
        "open cash                        : done
         open anna debits<=credits        : done
         open anna/USD                    : done
         post t1 cash -> anna 0           : Amount
         post t1 cash -> anna -1          : Amount
         post t1 cash -> anna 1000000000001 : Amount
         post t1 cash -> cash 1           : SameAccount
         post t1 cash -> anna/USD 1       : OtherCurrency
         post t1 cash/USD -> anna/USD 1   : OtherCurrency
         post t1 cash/USD -> anna/USD 1/USD : NoAccount
         post t1 cash -> anna 1/USD       : OtherCurrency
         post t1 cash -> ben 1            : NoAccount
         post t1 ben -> cash 1            : NoAccount
         post t1 anna -> cash 1           : InsufficientFunds
         open shop                        : done
         post x1 cash -> anna 1 for 7     : OtherShop
         post x1 cash -> shop 1           : OtherShop
         hold x1 cash -> shop 1 until 9   : OtherShop
         balance cash                     : 0 0 0 0
         post t1 cash -> anna 1000000000000 : done
         post x1 cash -> anna 1           : done",
    );
}

#[test]
fn c23_limits_hold_on_both_sides_and_to_the_last_unit() {
    check(
        "open cash credits<=debits   : done
         open fees                   : done
         open anna debits<=credits   : done
         post t1 fees -> cash 1      : InsufficientFunds
         post t2 cash -> anna 100    : done
         post t3 fees -> cash 101    : InsufficientFunds
         post t4 fees -> cash 100    : done
         post t5 fees -> cash 1      : InsufficientFunds
         post t6 anna -> fees 101    : InsufficientFunds
         post t7 anna -> fees 100    : done
         post t8 anna -> fees 1      : InsufficientFunds
         balance cash                : 100 100 0 0",
    );
}

#[test]
fn a_hold_reserves_and_a_capture_takes_it() {
    check(
        "open cash                          : done
         open anna debits<=credits          : done
         open shop                          : done
         post t1 cash -> anna 100           : done
         hold h1 anna -> shop 70 until 50   : done
         hold h1 anna -> shop 70 until 50   : already
         hold h1 anna -> shop 71 until 50   : IdReused
         hold h1 anna -> shop 70 until 51   : IdReused
         balance anna                       : 0 100 70 0
         balance shop                       : 0 0 0 70
         post t2 anna -> shop 31            : InsufficientFunds
         hold h2 anna -> shop 31 until 50   : InsufficientFunds
         post t2 anna -> shop 30            : done
         capture t3 h1 70                   : done
         balance anna                       : 100 100 0 0
         balance shop                       : 0 100 0 0
         capture t3 h1 70                   : already
         capture t3 h1 69                   : IdReused
         capture t4 h1 70                   : HoldEnded
         hold h1 anna -> shop 70 until 50   : already
         void h1                            : HoldEnded",
    );
}

#[test]
fn a_part_capture_releases_the_rest() {
    check(
        "open cash                          : done
         open anna debits<=credits          : done
         open shop                          : done
         post t1 cash -> anna 100           : done
         hold h1 anna -> shop 100 until 50  : done
         capture t2 h1 101                  : ExceedsHold
         capture t2 h1 0                    : Amount
         capture t2 h1 -5                   : Amount
         capture t2 h1 5/USD                : OtherCurrency
         capture x2 h1 5                    : OtherShop
         capture t2 h9 5                    : NoHold
         capture t1 h1 5                    : IdReused
         capture t2 h1 1                    : done
         balance anna                       : 1 100 0 0
         balance shop                       : 0 1 0 0
         post t3 anna -> shop 99            : done",
    );
}

#[test]
fn a_void_releases_everything_once() {
    check(
        "open anna                          : done
         open shop                          : done
         hold h1 anna -> shop 40 until 50   : done
         void h1                            : done
         void h1                            : already
         void h2                            : NoHold
         capture t1 h1 40                   : HoldEnded
         balance anna                       : 0 0 0 0
         balance shop                       : 0 0 0 0",
    );
}

#[test]
fn a_hold_expires_at_its_very_instant() {
    check(
        "open anna                          : done
         open shop                          : done
         hold h1 anna -> shop 10 until 50   : done
         hold h2 anna -> shop 20 until 51   : done
         hold h3 anna -> shop 30 until 60   : done
         hold h4 anna -> shop 40 until 60   : done
         at 49
         expire 9                           : 0 released
         capture t1 h4 40                   : done
         at 50
         capture t2 h1 10                   : HoldEnded
         expire 9                           : 1 released
         void h1                            : HoldEnded
         balance anna                       : 40 0 50 0
         at 100
         hold h5 anna -> shop 5 until 100   : HoldEnded
         hold h5 anna -> shop 5 until 101   : done
         expire 1                           : 1 released
         balance anna                       : 40 0 35 0
         expire 9                           : 1 released
         expire 9                           : 0 released
         balance anna                       : 40 0 5 0
         balance shop                       : 0 40 0 5",
    );
}

#[test]
fn wrong_holds_are_refused() {
    check(
        "open cash credits<=debits          : done
         open anna                          : done
         open anna/USD                      : done
         hold h1 anna -> cash 1 until 9     : InsufficientFunds
         hold h1 anna -> anna 1 until 9     : SameAccount
         hold h1 anna -> anna/USD 1 until 9 : OtherCurrency
         hold h1 anna -> cash 0 until 9     : Amount
         hold h1 anna -> ben 1 until 9      : NoAccount
         hold h1 anna -> cash 1 until 0     : HoldEnded
         balance anna                       : 0 0 0 0
         post t1 cash -> anna 10            : done
         hold h1 anna -> cash 10 until 9    : done
         hold h2 anna -> cash 1 until 9     : InsufficientFunds
         post t2 anna -> cash 1             : InsufficientFunds",
    );
}

#[test]
fn a_refusal_names_the_account_and_the_amount() {
    let text = Refusal::InsufficientFunds(account("cash")).to_string();
    assert_eq!(text, "account `house:cash:CNY` has not enough funds");
    let text = Refusal::ExceedsHold { asked: 5_000, held: 3_000 }.to_string();
    assert_eq!(text, "capture of 5000 exceeds the 3000 held (minor units)");
}
