//! What robots hold: the shop's till, which signs, and a buyer's phone, which has a session. Both speak HTTP.

use std::net::IpAddr;
use std::sync::Arc;

use base::{BuyerId, CodeId, Currency, TerminalId};
use identity::Pin;
use serde_json::{Value, json};
use testkit::http::{Answer, Client, Request};

use super::mailbox::ROBOTS;
use super::play::World;
use super::seed::{Person, hex};

/// What is sold.
pub(super) const TEAS: [&str; 8] = [
    "Longjing, a pot",
    "Biluochun, a cup",
    "Jasmine pearls, 50 g",
    "Tieguanyin, a pot",
    "Pu'er cake, 2016",
    "Moonlight white, a cup",
    "龙井茶一壶",
    "茉莉花茶一杯",
];
/// Where the till connects from.
const TILL_ADDRESS: [u8; 4] = [198, 51, 100, 254];

/// A payment that waits, as its code shows it.
#[derive(Clone, Debug)]
pub(super) struct Bill {
    pub(super) id: String,
    pub(super) shop: String,
    pub(super) amount_minor: i64,
    /// What the QR symbol holds.
    pub(super) url: String,
}

impl Bill {
    fn of(answer: &Answer) -> Result<Bill, String> {
        let view = answer.json();
        let text = |name: &str| view.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let amount_minor = view.get("amount_minor").and_then(Value::as_i64);
        match amount_minor {
            Some(amount_minor) if answer.is_ok() => {
                Ok(Bill { id: text("id"), shop: text("shop"), amount_minor, url: text("pay_url") })
            }
            _ => Err(format!("no bill: {} {}", answer.status, answer.code())),
        }
    }
}

/// The shop's own system.
pub(super) struct Till {
    world: World,
    client: Client,
}

impl Till {
    pub(super) fn new(world: &World) -> Till {
        Till { world: world.clone(), client: world.client() }
    }

    /// The signed request that makes a bill, ready to be sent.
    pub(super) fn charge_request(
        &self,
        amount_minor: i64,
        terminal: Option<TerminalId>,
    ) -> Result<Request, String> {
        let number = self.world.dice().below(90_000) + 10_000;
        let tea = TEAS.get(self.world.dice().below(TEAS.len() as u64) as usize).copied();
        let body = json!({
            "amount_minor": amount_minor, "currency": "CNY", "reference": format!("T-{number}"),
            "description": tea, "terminal": terminal.map(|id| id.to_string()),
        });
        self.sign(Request::post("/v1/payments", &body).once(&self.world.key()))
    }

    /// The same for a code that can be paid for so many seconds.
    pub(super) fn charge_for(&self, amount_minor: i64, seconds: i64) -> Result<Request, String> {
        let body = json!({
            "amount_minor": amount_minor, "currency": "CNY", "description": TEAS.first(),
            "reference": "welcome", "expires_in_seconds": seconds,
        });
        self.sign(Request::post("/v1/payments", &body).once(&self.world.key()))
    }

    /// Shows a code for an amount.
    pub(super) async fn charge(
        &mut self,
        amount_minor: i64,
        terminal: Option<TerminalId>,
    ) -> Result<Bill, String> {
        let request = self.charge_request(amount_minor, terminal)?;
        Bill::of(&self.send(&request).await?)
    }

    /// Gives a payment back, or part of it.
    pub(super) async fn refund(&mut self, id: &str, amount_minor: Option<i64>) -> Result<Answer, String> {
        let body = match amount_minor {
            Some(minor) => json!({"amount_minor": minor, "currency": "CNY", "reason": "one cup came back"}),
            None => json!({"reason": "sold out"}),
        };
        let request = Request::post(&format!("/v1/payments/{id}/refunds"), &body).once(&self.world.key());
        let request = self.sign(request)?;
        self.send(&request).await
    }

    /// Takes a bill back.
    pub(super) async fn cancel(&mut self, id: &str) -> Result<Answer, String> {
        let request = Request::post(&format!("/v1/payments/{id}/cancel"), &json!({})).once(&self.world.key());
        let request = self.sign(request)?;
        self.send(&request).await
    }

    pub(super) async fn send(&mut self, request: &Request) -> Result<Answer, String> {
        self.client.send(request).await.map_err(|e| e.to_string())
    }

    fn sign(&self, request: Request) -> Result<Request, String> {
        let (now, authority) = (self.world.at.clock.now(), self.client.authority());
        let signer = Arc::clone(&self.world.town.signer);
        request.passed_on_for(IpAddr::from(TILL_ADDRESS)).signed(&signer, authority, now, self.world.dice())
    }
}

/// Somebody's phone: theirs, or one with which somebody else got into their account.
pub(super) struct Phone {
    world: World,
    client: Client,
    pub(super) buyer: BuyerId,
    pub(super) token: String,
    pub(super) pin: String,
    pub(super) address: IpAddr,
    /// Where it says it is, degrees north and east.
    pub(super) place: Option<(f64, f64)>,
}

impl Phone {
    /// The usual phone of somebody with habits.
    pub(super) fn of(world: &World, person: &Person) -> Phone {
        Phone {
            world: world.clone(),
            client: world.client(),
            buyer: person.buyer,
            token: person.token.clone(),
            pin: person.pin.clone(),
            address: person.address,
            place: Some(person.place),
        }
    }

    /// Opens an account, with the code that is mailed.
    pub(super) async fn sign_up(world: &World, name: &str, address: IpAddr) -> Result<Phone, String> {
        let contact = format!("{}{ROBOTS}", hex(&world.dice().bytes::<8>()));
        let pin = Pin::random(world.dice()).reveal().expose().clone();
        let body = json!({"name": name, "contact": contact, "pin": pin, "language": "en"});
        Phone::enter(world, Request::post("/v1/buyers", &body), &contact, pin, address).await
    }

    /// Gets into somebody's account on a phone it has not seen, with the code that is mailed.
    pub(super) async fn sign_in(world: &World, person: &Person, address: IpAddr) -> Result<Phone, String> {
        let body = json!({"contact": person.contact, "language": "en"});
        let ask = Request::post("/v1/buyer_sessions", &body);
        Phone::enter(world, ask, &person.contact, person.pin.clone(), address).await
    }

    async fn enter(
        world: &World,
        ask: Request,
        contact: &str,
        pin: String,
        address: IpAddr,
    ) -> Result<Phone, String> {
        let mut client = world.client();
        let asked = client.send(&ask.passed_on_for(address)).await.map_err(|e| e.to_string())?;
        if !asked.is_ok() {
            return Err(format!("no code: {} {}", asked.status, asked.code()));
        }
        let code = world.mailbox.take_code(contact).await?;
        let target = format!("/v1/buyer_sessions/{}/verify", asked.text("/id"));
        let give = Request::post(&target, &json!({"code": code, "device_label": "another phone"}));
        let opened = client.send(&give.passed_on_for(address)).await.map_err(|e| e.to_string())?;
        let buyer = opened.text("/buyer").parse();
        let buyer = buyer.map_err(|_| format!("no session: {} {}", opened.status, opened.code()))?;
        let token = opened.text("/token");
        Ok(Phone { world: world.clone(), client, buyer, token, pin, address, place: None })
    }

    /// Reads a code.
    pub(super) async fn scan(&mut self, url: &str) -> Result<Answer, String> {
        let request = Request::post("/v1/codes/scan", &json!({"text": url}));
        self.send(&self.mine(request)).await
    }

    /// Types an amount for a printed code.
    pub(super) async fn type_amount(&mut self, code: CodeId, amount_minor: i64) -> Result<Bill, String> {
        let body = json!({"amount_minor": amount_minor, "currency": "CNY"});
        let request = Request::post(&format!("/v1/codes/{code}/payments"), &body).once(&self.world.key());
        Bill::of(&self.send(&self.mine(request)).await?)
    }

    /// The request that confirms a bill, ready to be sent.
    pub(super) fn confirm_request(&self, bill: &Bill, pin: &str, key: &str) -> Request {
        let mut body = json!({
            "amount_minor": bill.amount_minor, "currency": "CNY", "payee": bill.shop,
            "nonce": hex(&self.world.dice().bytes::<16>()), "pin": pin,
        });
        if let (Some((north, east)), Some(fields)) = (self.place, body.as_object_mut()) {
            fields.insert("latitude".to_owned(), json!(north));
            fields.insert("longitude".to_owned(), json!(east));
        }
        self.mine(Request::post(&format!("/v1/payments/{}/confirm", bill.id), &body).once(key))
    }

    /// Confirms a bill with the PIN.
    pub(super) async fn confirm(&mut self, bill: &Bill) -> Result<Answer, String> {
        let request = self.confirm_request(bill, &self.pin, &self.world.key());
        self.send(&request).await
    }

    /// Scans and confirms.
    pub(super) async fn pay(&mut self, bill: &Bill) -> Result<Answer, String> {
        self.scan(&bill.url).await?;
        self.confirm(bill).await
    }

    /// Answers "is this you?".
    pub(super) async fn answer(&mut self, id: &str, it_was_me: bool) -> Result<Answer, String> {
        let body =
            if it_was_me { json!({"it_was_me": true, "pin": self.pin}) } else { json!({"it_was_me": false}) };
        let request = Request::post(&format!("/v1/payments/{id}/answer"), &body).once(&self.world.key());
        self.send(&self.mine(request)).await
    }

    pub(super) async fn send(&mut self, request: &Request) -> Result<Answer, String> {
        self.client.send(request).await.map_err(|e| e.to_string())
    }

    fn mine(&self, request: Request) -> Request {
        request.bearer(&self.token).passed_on_for(self.address)
    }
}

/// Puts cash into a stored balance, as whoever runs the installation does.
pub(super) async fn top_up(world: &World, buyer: BuyerId, amount_minor: i64) -> Result<(), String> {
    let body = json!({"buyer": buyer.to_string(), "amount_minor": amount_minor, "currency": "CNY"});
    let mut client = world.client();
    let request =
        Request::post("/v1/top_ups", &body).once(&world.key()).passed_on_for(IpAddr::from(TILL_ADDRESS));
    let (now, operator) = (world.at.clock.now(), Arc::clone(&world.town.operator));
    let request = request.signed(&operator, client.authority(), now, world.dice())?;
    let answer = client.send(&request).await.map_err(|e| e.to_string())?;
    if answer.is_ok() { Ok(()) } else { Err(format!("no cash: {} {}", answer.status, answer.code())) }
}

/// What is in a buyer's balance by the books, minor units.
pub(super) async fn balance(world: &World, buyer: BuyerId) -> Result<i64, String> {
    let read = world.at.db.read(move |tx| payments::balance::find_balance(tx, buyer, Currency::CNY));
    read.await.map_err(|e: store::Error| e.to_string())
}
