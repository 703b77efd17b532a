//! A house for the tests: the program's own router over a database of its own, a clock moved by hand, and callers of
//! every kind. Nothing listens; requests go straight in.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use app::installation::Installation;
use app::server;
use axum::Router;
use axum::extract::ConnectInfo;
use base::{ApiKeyId, BuyerId, Clock, Currency, Dice, MemberId, Money, ShopId, Timestamp};
use identity::{
    Actor, Email, Label, Means, NewApiKey, NewMember, PasswordHash, PersonName, Pin, Role, ShopDraft,
    ShopProfile, SignUp, Token,
};
use payments::{Screen, State};
use risk::{Costs, RuleSet};
use serde_json::{Value, json};
use store::Tx;
use store::testing::Scratch;
use testkit::http::{Answer, Request};
use tower::ServiceExt;
use vault::{RootKey, Vault};
use webkit::page::Lang;
use webkit::peer::PeerCertificate;
use webkit::signing::{Signer, SigningKey};

/// Half past one in the afternoon of a Sunday in Shanghai.
pub const START: Timestamp = Timestamp(1_772_343_000_000);
pub const AUTHORITY: &str = "pay.example";
pub const PIN: &str = "482916";
pub const WRONG_PIN: &str = "739264";
pub const RICH: i64 = 1_000_000;

/// Where every request comes from.
const PEER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)), 4711);

/// Amounts that screening is told to look at; all others go through.
pub const ASKED: i64 = 77_701;
pub const REVIEWED: i64 = 77_702;
pub const BLOCKED: i64 = 77_703;

pub struct House {
    pub at: Installation,
    router: Router,
    scratch: Scratch,
}

/// A shop's own system.
pub struct Shop {
    pub id: ShopId,
    pub key: ApiKeyId,
    pub signer: Signer,
    pub secret: String,
}

/// A buyer's phone.
#[derive(Clone)]
pub struct Phone {
    pub buyer: BuyerId,
    pub session: String,
    pub token: String,
}

pub fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap())
}

/// Runs a test in a house on each engine.
pub fn each_house(test: impl Fn(House)) {
    Scratch::each().into_iter().for_each(|scratch| test(House::on(scratch)));
}

impl House {
    /// On the embedded engine.
    pub fn new() -> House {
        House::on(Scratch::file())
    }

    pub fn on(scratch: Scratch) -> House {
        let db = scratch.open(&app::migrations()).unwrap();
        let keys = Arc::new(RootKey::from_bytes([7; 32]));
        let vault = Vault::start(&db, &*keys, START, &Dice::System).unwrap();
        let signer = audit::Signer::predictable_for_tests("pay.example/audit", &[3; 32]).unwrap();
        let at = Installation {
            checkpoint_mail: None,
            db,
            vault: Arc::new(vault),
            keys,
            signer: Arc::new(signer),
            checkpoints: std::env::temp_dir()
                .join(format!("tillward-test-{:016x}", u64::from_le_bytes(Dice::System.bytes()))),
            clock: Clock::manual(START),
            dice: Dice::System,
        };
        let mut context = at.context(&format!("https://{AUTHORITY}"), screen());
        context.identity.sends_texts = true;
        let router = server::router(&context, server::edge(&at, false, &[]));
        House { at, router, scratch }
    }

    /// The same house where payments are screened with `screen`, and whoever asks may say for whom.
    pub fn screened(mut self, screen: Screen) -> House {
        let context = self.at.context(&format!("https://{AUTHORITY}"), screen);
        self.router = server::router(&context, server::edge(&self.at, false, &[PEER.ip()]));
        self
    }

    /// The same house where members can sign in with a provider of their own.
    pub fn with_provider(mut self, provider: Arc<identity::outside::Provider>) -> House {
        let mut context = self.at.context(&format!("https://{AUTHORITY}"), screen());
        context.identity = context.identity.with_provider(Some(provider));
        self.router = server::router(&context, server::edge(&self.at, false, &[]));
        self
    }

    pub fn now(&self) -> Timestamp {
        self.at.clock.now()
    }

    pub fn wait(&self, seconds: i64) {
        self.at.clock.advance_seconds(seconds);
    }

    /// Runs `work` as one transaction at the present time.
    pub fn write<T: Send + 'static, E: From<store::Error> + std::fmt::Debug + Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>, &Means<'_>) -> Result<T, E> + Send + 'static,
    ) -> T {
        let (vault, dice, now) = (Arc::clone(&self.at.vault), self.at.dice.clone(), self.now());
        self.at.db.write_blocking(move |tx| work(tx, &Means { vault: &vault, dice: &dice, now })).unwrap()
    }

    pub fn read<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, store::Error>) -> T {
        self.at.db.read_blocking(work).unwrap()
    }

    /// A shop in `country` with a key that sells. Shops in `CN` have daily limits.
    pub fn shop(&self, country: &'static str) -> Shop {
        let id = self.write(move |tx, means| {
            let draft = ShopDraft {
                name: "Tea House",
                city: "Hangzhou",
                country,
                category: "5499",
                currency: Currency::CNY,
            };
            identity::create_shop(tx, means, &Actor::System, &ShopProfile::parse(&draft).unwrap())
        });
        self.key(id.id, NewApiKey::new(label(), Role::Integration, None).unwrap())
    }

    /// A key, of a shop or of the house.
    pub fn key(&self, shop: ShopId, new: NewApiKey) -> Shop {
        let (key, secret) =
            self.write(move |tx, means| identity::create_system_api_key(tx, means, shop, &new));
        let secret = secret.secret().expose().clone();
        Shop { id: shop, key: key.id, signer: signer(&key.id, &secret), secret }
    }

    /// A member with one role, signed in; the session's token.
    pub fn member(&self, shop: ShopId, role: Role) -> (MemberId, String) {
        self.member_at(
            shop,
            role,
            &format!("m{:016x}@shop.example", u64::from_le_bytes(Dice::System.bytes())),
        )
    }

    /// The same with this address.
    pub fn member_at(&self, shop: ShopId, role: Role, address: &str) -> (MemberId, String) {
        let email = Email::parse(address).unwrap();
        let new = NewMember {
            name: PersonName::parse("Li Si").unwrap(),
            email,
            grants: role.into(),
            lang: Lang::En,
        };
        let (member, session) = self.write(move |tx, means| {
            let member =
                identity::create_member(tx, means, &Actor::System, shop, &new, &PasswordHash::of_nobody());
            let member = member.map_err(|e| store::Error::Bug(e.to_string()))?;
            Ok::<_, identity::Fault>((
                member,
                identity::open_trusted_member_session(tx, means, member, &label())?,
            ))
        });
        (member, reveal(&session.token))
    }

    /// Whoever runs the installation, signed in with a second factor a moment ago.
    pub fn keeper(&self) -> String {
        self.member(ShopId::HOUSE, Role::Operator).1
    }

    /// A buyer with a balance in fen, signed in.
    pub fn buyer(&self, balance_minor: i64) -> Phone {
        let contact =
            Email::parse(&format!("b{:016x}@mail.example", u64::from_le_bytes(Dice::System.bytes())))
                .unwrap();
        let name = PersonName::parse("Zhang San").unwrap();
        let sign_up = SignUp::new(name, contact, Pin::parse(PIN).unwrap(), Lang::En).unwrap();
        let amount = Money::new(balance_minor, Currency::CNY);
        let (buyer, session) = self.write(move |tx, means| {
            let fault = |e: &dyn std::error::Error| store::Error::Bug(e.to_string());
            let buyer = identity::create_buyer(tx, means, &sign_up).map_err(|e| fault(&e))?;
            if amount.minor > 0 {
                payments::balance::top_up(tx, means, &audit::Actor::system("test"), buyer, amount)
                    .map_err(|e| fault(&e))?;
            }
            Ok::<_, identity::Fault>((buyer, identity::open_trusted_session(tx, means, buyer, &label())?.1))
        });
        Phone { buyer, session: session.id.to_string(), token: reveal(&session.token) }
    }

    /// Another phone of the same buyer, signed in at the present time.
    pub fn other_phone(&self, phone: &Phone) -> Phone {
        let buyer = phone.buyer;
        let session = self.write(move |tx, means| identity::open_trusted_session(tx, means, buyer, &label()));
        Phone { buyer, session: session.1.id.to_string(), token: reveal(&session.1.token) }
    }

    /// Signs for a shop, at the present time.
    pub fn signed(&self, shop: &Shop, request: Request) -> Request {
        request.signed(&shop.signer, AUTHORITY, self.now(), &Dice::System).unwrap()
    }

    /// Sends a request.
    pub fn send(&self, request: Request) -> Answer {
        runtime().block_on(go(self.router.clone(), request))
    }

    /// The same over a channel on which the client showed a certificate.
    pub fn send_with(&self, request: Request, certificate: Arc<PeerCertificate>) -> Answer {
        let router = self.router.clone();
        runtime().block_on(go(router.layer(axum::Extension(certificate)), request))
    }

    /// Sends what a browser asks for, and looks at the status and where it leads alone: a stream of news has no end.
    pub fn ask(&self, request: Request, certificate: Option<Arc<PeerCertificate>>) -> (u16, String) {
        let router = match certificate {
            Some(certificate) => self.router.clone().layer(axum::Extension(certificate)),
            None => self.router.clone(),
        };
        let mut request = request.into_http(AUTHORITY).unwrap();
        request.extensions_mut().insert(ConnectInfo(PEER));
        let Ok(answer) = runtime().block_on(router.oneshot(request));
        let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (answer.status().as_u16(), to.unwrap_or_default())
    }

    /// Sends requests all at once.
    pub fn send_all(&self, requests: Vec<Request>) -> Vec<Answer> {
        runtime().block_on(async {
            let sent: Vec<_> =
                requests.into_iter().map(|r| tokio::spawn(go(self.router.clone(), r))).collect();
            let mut answers = Vec::new();
            for answer in sent {
                answers.push(answer.await.unwrap());
            }
            answers
        })
    }

    /// A payment that waits.
    #[track_caller]
    pub fn bill(&self, shop: &Shop, amount_minor: i64) -> Value {
        let body = json!({"amount_minor": amount_minor, "currency": "CNY"});
        let made = self.send(self.signed(shop, Request::post("/v1/payments", &body).once(&key())));
        assert_eq!(made.status, 201, "{}", made.json());
        made.json()
    }

    /// What a buyer's phone sends to confirm a payment as it was shown.
    pub fn confirmation(&self, phone: &Phone, bill: &Value, pin: &str, key: &str) -> Request {
        let body = json!({
            "amount_minor": bill["amount_minor"], "currency": bill["currency"], "payee": bill["shop"],
            "nonce": "5a".repeat(16), "pin": pin,
        });
        Request::post(&format!("/v1/payments/{}/confirm", text(bill, "id")), &body)
            .once(key)
            .bearer(&phone.token)
    }

    /// Confirms with the right PIN.
    pub fn pay(&self, phone: &Phone, bill: &Value) -> Answer {
        self.send(self.confirmation(phone, bill, PIN, &key()))
    }

    /// A payment that is paid.
    #[track_caller]
    pub fn paid(&self, shop: &Shop, phone: &Phone, amount_minor: i64) -> Value {
        let done = self.pay(phone, &self.bill(shop, amount_minor));
        assert_eq!((done.status, done.text("/state").as_str()), (200, "paid"), "{}", done.json());
        done.json()
    }

    pub fn balance(&self, buyer: BuyerId) -> i64 {
        self.read(|tx| payments::balance::find_balance(tx, buyer, Currency::CNY))
    }

    /// The state a payment is stored in.
    pub fn state(&self, payment: &Value) -> State {
        let id = text(payment, "id").parse().unwrap();
        self.read(|tx| payments::store::find_payment(tx, id)).unwrap().state_at(self.now())
    }

    /// How often money moved for a payment.
    pub fn transfers(&self, payment: &Value) -> usize {
        let id = text(payment, "id").parse().unwrap();
        self.read(|tx| ledger::list_payment_transfers(tx, id)).len()
    }

    /// C23: the books balance.
    #[track_caller]
    pub fn prove(&self) {
        let proof = self.read(ledger::prove_balanced);
        assert!(proof.is_balanced(), "{:?}", proof.faults);
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.prove();
        let _ = std::fs::remove_file(&self.at.checkpoints);
        let _ = &self.scratch;
    }
}

async fn go(router: Router, request: Request) -> Answer {
    let mut request = request.into_http(AUTHORITY).unwrap();
    request.extensions_mut().insert(ConnectInfo(PEER));
    let Ok(response) = router.oneshot(request).await;
    Answer::of(response).await.unwrap()
}

fn screen() -> Screen {
    let rule = |name: &str, amount: i64, outcome: &str| {
        format!(
            "[[rule]]\nname = \"{name}\"\nwhen = 'payment.amount_minor == {amount}'\noutcome = \"{outcome}\"\n\
             analyst.en = \"a\"\nanalyst.zh = \"a\"\nseller.en = \"a\"\nseller.zh = \"a\"\n\
             buyer.en = \"a\"\nbuyer.zh = \"a\"\n"
        )
    };
    let text = format!(
        "version = 1\n{}{}{}",
        rule("asked", ASKED, "challenge"),
        rule("reviewed", REVIEWED, "review"),
        rule("blocked", BLOCKED, "block")
    );
    Screen {
        rules: Arc::new(RuleSet::parse(&text).unwrap()),
        model: None,
        costs: Costs::default(),
        countries: None,
    }
}

pub fn signer(key: &ApiKeyId, secret: &str) -> Signer {
    Signer::new(key.to_string(), SigningKey::hmac_sha256(secret.as_bytes()).unwrap())
}

/// A fresh idempotency key.
pub fn key() -> String {
    format!("{:032x}", u128::from_le_bytes(Dice::System.bytes()))
}

/// A text of a view.
pub fn text(view: &Value, name: &str) -> String {
    view[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {view}")).to_owned()
}

fn label() -> Label {
    Label::parse("test").unwrap()
}

fn reveal(token: &Token) -> String {
    token.secret().expose().clone()
}
