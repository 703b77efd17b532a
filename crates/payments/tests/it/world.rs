//! A small world for the tests: an unlocked vault, a clock moved by hand, shops, buyers with a PIN and a balance.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use audit::Actor as Who;
use base::{
    BuyerId, CodeId, Currency, Dice, MemberId, Money, OrderId, PaymentId, ScopedId, ShopId, Timestamp,
};
use identity::{
    Actor, BuyerSession, Email, Fault, Label, Means, PersonName, Pin, Shop, ShopDraft, ShopProfile, SignUp,
};
use payments::challenge::{Answer, answer_challenge};
use payments::code::{self, Scanned, StaticCode};
use payments::code_token::CodeToken;
use payments::confirm::{Confirm, ConfirmError, Confirmed, Moved, confirm};
use payments::confirmation::Nonce;
use payments::create::{self, CreateError, NewPayment, Purpose};
use payments::order::{NewOrder, Order, create_order};
use payments::refund::{NewRefund, Refund, RefundError, refund};
use payments::review::{Ruling, Verdict, decide_review};
use payments::text::ShortText;
use payments::{Origination, Payment, Screen, State};
use risk::{Costs, Outcome, RuleSet};
use store::testing::Scratch;
use store::{Db, Migration, Tx};
use vault::{RootKey, Vault};

/// 01:30 in the afternoon of a Sunday in Shanghai.
pub const START: Timestamp = Timestamp(1_772_343_000_000);
pub const PIN: &str = "482916";
pub const WRONG_PIN: &str = "739264";
/// What a test buyer has unless a test says otherwise, fen.
pub const RICH: i64 = 1_000_000;

pub fn migrations() -> Vec<Migration> {
    [
        audit::MIGRATIONS,
        vault::MIGRATIONS,
        identity::MIGRATIONS,
        ledger::MIGRATIONS,
        payments::store::MIGRATIONS,
        webkit::MIGRATIONS,
    ]
    .concat()
}

/// Runs a test on each engine.
pub fn each_world(test: impl Fn(World)) {
    for scratch in Scratch::each() {
        test(World::on(scratch.open(&migrations()).unwrap(), 1));
    }
}

/// One world over one database.
#[derive(Clone)]
pub struct World {
    pub db: Db,
    pub vault: Arc<Vault>,
    pub dice: Dice,
    now: Arc<AtomicI64>,
    screens: Arc<HashMap<&'static str, Screen>>,
}

impl World {
    /// The same seed draws the same ids and amounts.
    pub fn on(db: Db, seed: u64) -> World {
        let root = RootKey::from_bytes([7; 32]);
        let vault = db.write_blocking(move |tx| Vault::open(tx, &root, START, &Dice::System)).unwrap();
        let outcomes = [Outcome::Allow, Outcome::Challenge, Outcome::Review, Outcome::Block];
        World {
            db,
            vault: Arc::new(vault),
            dice: Dice::predictable_for_tests(seed),
            now: Arc::new(AtomicI64::new(START.0)),
            screens: Arc::new(outcomes.into_iter().map(|o| (o.name(), screen(o))).collect()),
        }
    }

    /// The same world seen by another node.
    pub fn at(&self, db: Db) -> World {
        World { db, ..self.clone() }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    pub fn wait(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Runs `work` as one transaction at the present time.
    pub fn write<T: Send + 'static, E: From<store::Error> + Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>, &Means<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (vault, dice, now) = (Arc::clone(&self.vault), self.dice.clone(), self.now());
        self.db.write_blocking(move |tx| work(tx, &Means { vault: &vault, dice: &dice, now }))
    }

    pub fn read<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, store::Error>) -> T {
        self.db.read_blocking(work).unwrap()
    }

    /// A shop in a country; `CN` has daily limits.
    pub fn shop(&self, country: &str) -> Shop {
        let draft = ShopDraft {
            name: "Tea House",
            city: "Hangzhou",
            country,
            category: "5499",
            currency: Currency::CNY,
        };
        let profile = ShopProfile::parse(&draft).unwrap();
        self.write(move |tx, means| identity::create_shop(tx, means, &Actor::System, &profile)).unwrap()
    }

    /// A buyer with [`RICH`] who is signed in.
    pub fn buyer(&self) -> BuyerSession {
        self.buyer_with(RICH)
    }

    /// A buyer with a balance in yuan, signed in; with none, there is not even an account.
    pub fn buyer_with(&self, balance_minor: i64) -> BuyerSession {
        let chance = u64::from_le_bytes(self.dice.bytes());
        let contact = Email::parse(&format!("b{chance:x}@mail.example")).unwrap();
        let name = PersonName::parse("Zhang San").unwrap();
        let sign_up = SignUp::new(name, contact, pin(PIN), webkit::page::Lang::En).unwrap();
        let made = self.write(move |tx, means| {
            let buyer = identity::create_buyer(tx, means, &sign_up).map_err(|e| format!("{e}"));
            let buyer = buyer.map_err(store::Error::Bug)?;
            let label = Label::from_agent("test");
            let (_, opened) = identity::open_trusted_session(tx, means, buyer, &label)?;
            let session = identity::require_buyer(tx, &opened.token, means.now);
            session.map_err(|e| Fault::from(store::Error::Bug(e.to_string())))
        });
        let session = made.unwrap();
        if balance_minor > 0 {
            self.top_up(session.buyer, yuan(balance_minor));
        }
        session
    }

    pub fn top_up(&self, buyer: BuyerId, amount: Money) {
        let work = move |tx: &mut Tx<'_>, means: &Means<'_>| {
            payments::balance::top_up(tx, means, &Who::system("test"), buyer, amount)
        };
        self.write(work).unwrap();
    }

    pub fn order(&self, shop: ShopId, minor: i64) -> Order {
        let new = NewOrder { amount: yuan(minor), reference: Some(text("A-17")), description: None };
        self.write(move |tx, means| create_order(tx, means, shop, &new)).unwrap()
    }

    /// A payment that waits, behind a dynamic code.
    pub fn payment(&self, shop: ShopId, minor: i64) -> Payment {
        let purpose = Purpose::Amount { amount: yuan(minor), reference: None, description: None };
        let new = NewPayment::new(purpose, None, None).unwrap();
        self.write(move |tx, means| create::create_payment(tx, means, shop, &new)).unwrap()
    }

    pub fn payment_of_order(&self, shop: ShopId, order: OrderId) -> Result<Payment, CreateError> {
        let new = NewPayment::new(Purpose::Order(order), None, None).unwrap();
        self.write(move |tx, means| create::create_payment(tx, means, shop, &new))
    }

    pub fn printed_code(&self, shop: &Shop) -> StaticCode {
        let (shop, name) = (shop.clone(), text("Till 1"));
        self.write(move |tx, means| {
            code::create_code(tx, means, &audit::Actor::system("test"), &shop, &name, None)
        })
        .unwrap()
    }

    /// A payment that waits, made by a buyer who scanned a printed code.
    pub fn printed_payment(&self, code: CodeId, minor: i64) -> Result<Payment, CreateError> {
        self.write(move |tx, means| create::create_payment_from_code(tx, means, code, yuan(minor), None))
    }

    /// Follows a token as if scanned at `payee`.
    pub fn scan(&self, token: &str, payee: Option<ShopId>) -> Result<Scanned, code::ScanError> {
        let token = CodeToken::parse(token)?;
        let key = code::code_key(&self.vault);
        let now = self.now();
        self.db.read_blocking(|tx| code::scan_code(tx, &key, &token, payee, now))
    }

    /// The token in a payment's QR code.
    pub fn token(&self, payment: &Payment) -> String {
        let key = code::code_key(&self.vault);
        CodeToken::issue(&key, &code::claims_of(payment)).unwrap().to_string()
    }

    /// Confirms a payment as it is, with the right PIN; screening is told what to find.
    pub fn pay(
        &self,
        who: &BuyerSession,
        payment: &Payment,
        found: Outcome,
    ) -> Result<Confirmed, ConfirmError> {
        self.confirm(who, seen(payment, PIN), found)
    }

    /// As [`World::pay`], for what must end in a payment that moved on.
    #[track_caller]
    pub fn paid(&self, who: &BuyerSession, payment: &Payment, found: Outcome) -> Payment {
        match self.pay(who, payment, found) {
            Ok(Confirmed::Moved(moved)) => moved.payment,
            other => panic!("{other:?}"),
        }
    }

    pub fn confirm(
        &self,
        who: &BuyerSession,
        command: Confirm,
        found: Outcome,
    ) -> Result<Confirmed, ConfirmError> {
        let (who, screen) = (who.clone(), self.screens[found.name()].clone());
        self.write(move |tx, means| confirm(tx, means, &screen, &who, &NOWHERE, &command))
    }

    pub fn answer(
        &self,
        who: &BuyerSession,
        payment: PaymentId,
        answer: Answer,
    ) -> Result<Confirmed, ConfirmError> {
        let who = who.clone();
        self.write(move |tx, means| answer_challenge(tx, means, &who, &NOWHERE, payment, &answer))
    }

    pub fn review(&self, payment: PaymentId, approve: bool) -> Result<Moved, ConfirmError> {
        self.rule(payment, if approve { Ruling::Approve } else { Ruling::Decline })
    }

    pub fn rule(&self, payment: PaymentId, ruling: Ruling) -> Result<Moved, ConfirmError> {
        let verdict = Verdict { ruling, note: text("called the buyer") };
        let member = MemberId::new(payment.shop(), START, &self.dice);
        self.write(move |tx, means| decide_review(tx, means, member, &NOWHERE, payment, &verdict))
    }

    pub fn cancel(&self, payment: PaymentId) -> Result<Payment, CreateError> {
        let actor = Who::system("test");
        self.write(move |tx, means| create::cancel_payment(tx, means, &actor, payment, &NOWHERE))
    }

    /// Refunds part of a payment, all that is left with `None`.
    pub fn refund(
        &self,
        payment: PaymentId,
        amount: Option<Money>,
    ) -> Result<(Refund, Payment), RefundError> {
        let (actor, new) = (Who::system("test"), NewRefund { payment, amount, reason: None });
        self.write(move |tx, means| refund(tx, means, &actor, &NOWHERE, &new))
    }

    pub fn stored(&self, payment: PaymentId) -> Payment {
        self.read(|tx| payments::store::find_payment(tx, payment)).unwrap()
    }

    pub fn state(&self, payment: PaymentId) -> State {
        self.stored(payment).state_at(self.now())
    }

    pub fn balance(&self, buyer: BuyerId) -> i64 {
        self.read(|tx| payments::balance::find_balance(tx, buyer, Currency::CNY))
    }

    pub fn takings(&self, shop: ShopId) -> i64 {
        let key = ledger::AccountKey::shop(shop, ledger::ShopPurpose::Settlement, Currency::CNY);
        self.read(|tx| Ok(ledger::find_account(tx, key)?.map_or(0, |a| a.balance.available_minor())))
    }

    /// Wrong PINs in a row that are counted against a buyer.
    pub fn pin_failures(&self, buyer: BuyerId) -> i64 {
        let sql = "SELECT pin_failures FROM buyers WHERE id = ?1";
        self.read(|tx| tx.query_opt(sql, &[buyer.short().into()])?.map_or(Ok(-1), |row| row.int(0)))
    }

    pub fn transfers(&self, payment: PaymentId) -> usize {
        self.read(|tx| ledger::list_payment_transfers(tx, payment)).len()
    }

    pub fn audited(&self, payment: PaymentId) -> usize {
        let rows = self.read(|tx| tx.query("SELECT body FROM audit_entries", &[]));
        rows.iter().filter(|row| row.text(0).unwrap().contains(&payment.to_string())).count()
    }

    /// The books sum to zero and every balance follows from its transfers.
    #[track_caller]
    pub fn prove(&self) {
        let proof = self.read(ledger::prove_balanced);
        assert!(proof.is_balanced(), "{:?}", proof.faults);
    }
}

pub const NOWHERE: Origination = Origination { address: None, place: None };

/// Rules that find the same in every payment.
pub fn screen(outcome: Outcome) -> Screen {
    let text = format!(
        "version = 1\n[[rule]]\nname = \"always\"\nwhen = 'payment.amount_minor > 0'\noutcome = \"{}\"\n\
         analyst.en = \"a\"\nanalyst.zh = \"a\"\nseller.en = \"a\"\nseller.zh = \"a\"\n\
         buyer.en = \"a\"\nbuyer.zh = \"a\"\n",
        outcome.name()
    );
    Screen {
        rules: Arc::new(RuleSet::parse(&text).unwrap()),
        model: None,
        costs: Costs::default(),
        countries: None,
    }
}

/// A confirmation of a payment as it is.
pub fn seen(payment: &Payment, typed: &str) -> Confirm {
    Confirm::new(payment.id, payment.amount, payment.id.shop(), nonce(), pin(typed))
}

pub fn nonce() -> Nonce {
    Nonce::parse(&"5a".repeat(16)).unwrap()
}

pub fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

pub fn yuan(fen: i64) -> Money {
    Money::new(fen, Currency::CNY)
}

pub fn text(text: &str) -> ShortText {
    ShortText::parse(text, 140).unwrap()
}
