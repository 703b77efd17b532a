//! A small world for the tests: an unlocked vault, a hand-moved clock, and people.

use std::sync::Arc;

use base::{BuyerId, Clock, Dice, MemberId, Secret, ShopId, Timestamp};
use identity::{
    Actor, Context, DueMail, Email, Fault, Means, NewMember, Password, PasswordHash, PersonName, Pin, Role,
    Shop, ShopDraft, ShopProfile, SignUp,
};
use store::testing::Scratch;
use store::{Db, Migration, Tx};
use vault::{RootKey, Vault};
use webkit::page::Lang;

pub const START: Timestamp = Timestamp(1_772_357_400_000);
pub const PIN: &str = "482916";
pub const WRONG_PIN: &str = "739264";

pub fn migrations() -> Vec<Migration> {
    [audit::MIGRATIONS, vault::MIGRATIONS, identity::MIGRATIONS].concat()
}

/// Runs a test on each engine.
pub fn each_world(test: impl Fn(World)) {
    for scratch in Scratch::each() {
        test(World::on(scratch.open(&migrations()).unwrap()));
    }
}

#[derive(Clone)]
pub struct World {
    pub cx: Context,
}

impl World {
    pub fn on(db: Db) -> World {
        let root = RootKey::from_bytes([7; 32]);
        let vault = db.write_blocking(move |tx| Vault::open(tx, &root, START, &Dice::System)).unwrap();
        let cx =
            Context::new(db, Arc::new(vault), Clock::manual(START), Dice::System, "https://pay.example/");
        World { cx }
    }

    pub fn now(&self) -> Timestamp {
        self.cx.clock.now()
    }

    pub fn wait(&self, seconds: i64) {
        self.cx.clock.advance_seconds(seconds);
    }

    /// Runs `work` as one transaction at the present time.
    pub fn write<T: Send + 'static, E: From<store::Error> + Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Tx, &Means) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (cx, now) = (self.cx.clone(), self.now());
        self.cx.db.write_blocking(move |tx| work(tx, &cx.means(now)))
    }

    pub fn read<T, E: From<store::Error>>(
        &self,
        work: impl FnOnce(&mut Tx, &Means) -> Result<T, E>,
    ) -> Result<T, E> {
        self.cx.db.read_blocking(|tx| work(tx, &self.cx.means(self.now())))
    }

    pub fn buyer(&self, contact: &'static str) -> BuyerId {
        self.write(move |tx, means| identity::create_buyer(tx, means, &sign_up(contact))).unwrap()
    }

    pub fn shop(&self) -> Shop {
        self.write(|tx, means| identity::create_shop(tx, means, &Actor::System, &profile())).unwrap()
    }

    pub fn member(
        &self,
        shop: ShopId,
        address: &'static str,
        roles: &'static [Role],
        hash: &PasswordHash,
    ) -> MemberId {
        let hash = hash.clone();
        self.write(move |tx, means| {
            identity::create_member(tx, means, &Actor::System, shop, &new_member(address, roles), &hash)
        })
        .unwrap()
    }

    /// An actor who is a member with these roles, signed in.
    pub fn actor(&self, shop: ShopId, address: &'static str, roles: &'static [Role]) -> Actor {
        let member = self.member(shop, address, roles, &PasswordHash::of_nobody());
        let agent = identity::Label::from_agent("test");
        let now = self.now();
        let session = self
            .write(move |tx, means| {
                let opened = identity::open_trusted_member_session(tx, means, member, &agent)?;
                identity::require_member(tx, &opened.token, now)
            })
            .unwrap();
        Actor::Member(session)
    }

    /// Every mail that is due, taken and marked as sent, after what the job does that looks up forgotten passwords.
    pub fn deliver(&self) -> Vec<DueMail> {
        self.write(|tx, means| {
            identity::answer_password_resets(tx, means, 100)?;
            let mails = identity::take_due(tx, means, 100)?;
            for mail in &mails {
                identity::mark_sent(tx, mail.shop, &mail.id)?;
            }
            Ok::<_, Fault>(mails)
        })
        .unwrap()
    }

    pub fn audited(&self, action: &str) -> usize {
        let rows = self.cx.db.read_blocking(|tx| tx.query("SELECT body FROM audit_entries", &[])).unwrap();
        let wanted = format!("\"action\":\"{action}\"");
        rows.iter().filter(|row| row.text(0).unwrap().contains(&wanted)).count()
    }
}

pub fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

pub fn sign_up(contact: &str) -> SignUp {
    let name = PersonName::parse("Zhang San").unwrap();
    SignUp::new(name, email(contact), pin(PIN), Lang::En).unwrap()
}

pub fn profile() -> ShopProfile {
    let draft = ShopDraft {
        name: "Tea House",
        city: "Hangzhou",
        country: "CN",
        category: "5499",
        currency: base::Currency::CNY,
    };
    ShopProfile::parse(&draft).unwrap()
}

pub fn new_member(address: &str, roles: &[Role]) -> NewMember {
    NewMember {
        name: PersonName::parse("Li Si").unwrap(),
        email: email(address),
        grants: roles.to_vec().into(),
        lang: Lang::Zh,
    }
}

pub fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

/// The first six digits in a row of a mail.
pub fn code_in(body: &Secret<String>) -> String {
    let mut digits = String::new();
    for c in body.expose().chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            if digits.len() == 6 {
                return digits;
            }
        } else {
            digits.clear();
        }
    }
    panic!("no code in the mail");
}
