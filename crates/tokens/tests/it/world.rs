//! A small world for the tests: an unlocked vault, a clock moved by hand, shops, members and keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base::{ApiKeyId, Currency, CustomerId, Dice, ShopId, Timestamp, TokenId};
use identity::{
    Actor, Email, KeyCaller, Label, Means, NewMember, PasswordHash, PersonName, Role, ShopDraft, ShopProfile,
};
use store::testing::Scratch;
use store::{Db, Migration, Tx};
use tokens::By;
use tokens::card::{CardNumber, Expiry};
use tokens::customer::{self, CustomerError, MaskedCustomer, NewCustomer, Search, Wanted};
use tokens::opening::{self, Attempt, OpenedCard, OpenedCustomer, OpeningError, Purpose, Why};
use tokens::token::{self, NewToken, Token, TokenError, Use};
use tokens::values::{ExternalId, Value};
use vault::{RootKey, Vault};
use webkit::page::Lang;

/// Half past one in the afternoon of a Sunday in Shanghai.
pub const START: Timestamp = Timestamp(1_772_343_000_000);
pub const PAN: &str = "4111111111111111";
pub const OTHER_PAN: &str = "6200000000000005";

pub fn migrations() -> Vec<Migration> {
    [audit::MIGRATIONS, vault::MIGRATIONS, identity::MIGRATIONS, webkit::MIGRATIONS, tokens::MIGRATIONS]
        .concat()
}

/// Runs a test on each engine.
pub fn each_world(test: impl Fn(World)) {
    for scratch in Scratch::each() {
        test(World::on(scratch.open(&migrations()).unwrap()));
    }
}

#[derive(Clone)]
pub struct World {
    pub db: Db,
    pub vault: Arc<Vault>,
    pub dice: Dice,
    now: Arc<AtomicI64>,
}

impl World {
    pub fn on(db: Db) -> World {
        let root = RootKey::from_bytes([7; 32]);
        let vault = db.write_blocking(move |tx| Vault::open(tx, &root, START, &Dice::System)).unwrap();
        let now = Arc::new(AtomicI64::new(START.0));
        World { db, vault: Arc::new(vault), dice: Dice::System, now }
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

    pub fn rows(&self, sql: &'static str) -> i64 {
        self.read(|tx| tx.query_opt(sql, &[])?.map_or(Ok(0), |row| row.int(0)))
    }

    pub fn shop(&self) -> ShopId {
        let draft = ShopDraft {
            name: "Tea House",
            city: "Hangzhou",
            country: "CN",
            category: "5499",
            currency: Currency::CNY,
        };
        let profile = ShopProfile::parse(&draft).unwrap();
        self.write(move |tx, means| identity::create_shop(tx, means, &Actor::System, &profile)).unwrap().id
    }

    /// A member who signed in a moment ago with a second factor.
    pub fn member(&self, shop: ShopId, role: Role) -> Actor {
        let email = format!("m{:016x}@shop.example", u64::from_le_bytes(self.dice.bytes()));
        let new = NewMember {
            name: PersonName::parse("Li Si").unwrap(),
            email: Email::parse(&email).unwrap(),
            grants: role.into(),
            lang: Lang::En,
        };
        let made = self.write(move |tx, means| {
            let hash = PasswordHash::of_nobody();
            let member = identity::create_member(tx, means, &Actor::System, shop, &new, &hash);
            let member = member.map_err(|e| store::Error::Bug(e.to_string()))?;
            let label = Label::from_agent("test");
            let opened = identity::open_member_session(tx, means, member, (&label, "192.0.2.77"));
            let opened = opened.map_err(|e| store::Error::Bug(e.to_string()))?;
            let session = identity::require_member(tx, &opened.token, means.now);
            session.map_err(|e| store::Error::Bug(e.to_string()))
        });
        Actor::Member(made.unwrap())
    }

    pub fn key(&self, shop: ShopId) -> Actor {
        let key = ApiKeyId::new(shop, self.now(), &self.dice);
        Actor::ApiKey(KeyCaller { key, shop, role: Role::Detokenise, touch_due: false })
    }

    pub fn token(&self, shop: ShopId, new: NewToken) -> Result<Token, TokenError> {
        self.write(move |tx, means| token::create_token(tx, means, &BY, shop, &new))
    }

    pub fn card(&self, shop: ShopId) -> TokenId {
        self.token(shop, card(PAN)).unwrap().id
    }

    pub fn open(
        &self,
        actor: &Actor,
        shop: ShopId,
        id: TokenId,
    ) -> Result<Attempt<OpenedCard>, OpeningError> {
        let actor = actor.clone();
        self.write(move |tx, means| opening::open_token(tx, means, &By::local(&actor), shop, id, &why()))
    }

    /// The number of an attempt that must succeed.
    #[track_caller]
    pub fn opened(&self, actor: &Actor, shop: ShopId, id: TokenId) -> String {
        match self.open(actor, shop, id) {
            Ok(Attempt::Opened(card)) => card.number.expose().clone(),
            other => panic!("{other:?}"),
        }
    }

    pub fn customer(&self, shop: ShopId, new: NewCustomer) -> Result<CustomerId, CustomerError> {
        self.write(move |tx, means| customer::create_customer(tx, means, &BY, shop, &new).map(|made| made.id))
    }

    pub fn open_customer(
        &self,
        actor: &Actor,
        shop: ShopId,
        id: CustomerId,
        slots: &'static [i64],
    ) -> Result<Attempt<OpenedCustomer>, OpeningError> {
        let actor = actor.clone();
        self.write(move |tx, means| {
            opening::open_customer(tx, means, &By::local(&actor), shop, id, slots, &why())
        })
    }

    pub fn find_customer(&self, shop: ShopId, id: CustomerId) -> Result<MaskedCustomer, CustomerError> {
        self.db.read_blocking(|tx| customer::find_customer(tx, &self.vault, shop, id))
    }

    pub fn search(&self, shop: ShopId, value: &Value) -> Vec<CustomerId> {
        match self.search_as(&Actor::Operator, shop, Wanted::Value(value.clone())) {
            Ok(Search::Found(found)) => found.iter().map(|one| one.customer.id).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub fn search_as(&self, actor: &Actor, shop: ShopId, wanted: Wanted) -> Result<Search, CustomerError> {
        let actor = actor.clone();
        self.write(move |tx, means| customer::search_customers(tx, means, &By::local(&actor), shop, &wanted))
    }

    /// The tokens of one card, as who may open it is told.
    pub fn matching(
        &self,
        actor: &Actor,
        shop: ShopId,
        id: TokenId,
    ) -> Result<Attempt<Vec<Token>>, OpeningError> {
        let actor = actor.clone();
        self.write(move |tx, means| opening::match_token(tx, means, &By::local(&actor), shop, id, &why()))
    }

    /// The texts of the audit log.
    pub fn log(&self) -> Vec<String> {
        let rows = self.read(|tx| tx.query("SELECT body FROM audit_entries ORDER BY id", &[]));
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    pub fn logged(&self, action: &str) -> usize {
        let name = format!("\"action\":\"{action}\"");
        self.log().iter().filter(|entry| entry.contains(&name)).count()
    }
}

/// Somebody at the command line.
pub static BY: By<'static> = By { actor: &Actor::Operator, address: None, request: None };

pub fn why() -> Why {
    Why::new(Purpose::CheckFraud, "ticket 4711").unwrap()
}

pub fn card(number: &str) -> NewToken {
    NewToken {
        number: CardNumber::parse(number).unwrap(),
        expiry: Expiry::parse(2029, 12, START).unwrap(),
        holder: Some(Value::name("Zhang Wuji").unwrap()),
        customer: None,
        lasting: Use::Many,
        external: None,
    }
}

pub fn person(phone: &str) -> NewCustomer {
    NewCustomer {
        values: vec![
            Value::name("Zhang Wuji").unwrap(),
            Value::phone(phone).unwrap(),
            Value::email("wuji@mail.example").unwrap(),
        ],
        external: None,
    }
}

pub fn external(text: &str) -> Option<ExternalId> {
    Some(ExternalId::parse(text).unwrap())
}
