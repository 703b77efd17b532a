//! The whole site in process: a router with its edge, a clock moved by hand, and browsers that keep cookies, follow
//! redirects and fill in the forms of the pages they were shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::middleware::from_fn_with_state;
use base::{BuyerId, Clock, Dice, MemberId, Money, PaymentId, Secret, ShopId};
use identity::desk::{Hall, Menu};
use identity::{Actor, Email, Fault, Means, NewMember, PasswordHash, PersonName, Role};
use payments::routes::Context;
use payments::{Payment, Screen};
use store::testing::Scratch;
use store::{Db, Tx};
use tower::ServiceExt;
use vault::{RootKey, Vault};
use webkit::page::Lang;
use webkit::request::{Edge, edge};

use crate::world::{START, migrations};

pub const HOST: &str = "pay.example";
pub const ORIGIN: &str = "https://pay.example";
pub const PASSWORD: &str = "a kettle sings at dawn";

/// A site over a database of its own.
pub struct Site {
    pub context: Context,
    pub clock: Clock,
    /// The key of the authenticator app that was set up last.
    app: Mutex<Option<Secret<Vec<u8>>>>,
    router: Router,
    _scratch: Scratch,
}

impl Site {
    pub fn new(screen: Screen) -> Site {
        Site::on(Scratch::file(), screen)
    }

    pub fn on(scratch: Scratch, screen: Screen) -> Site {
        let db: Db = scratch.open(&migrations()).unwrap();
        let root = RootKey::from_bytes([7; 32]);
        let vault = db.write_blocking(move |tx| Vault::open(tx, &root, START, &Dice::System)).unwrap();
        let (clock, dice) = (Clock::manual(START), Dice::System);
        let identity = identity::Context::new(db, Arc::new(vault), clock.clone(), dice.clone(), ORIGIN);
        let signer = audit::Signer::predictable_for_tests("pay.example/audit", &[3; 32]).unwrap();
        let context = Context::new(identity, Arc::new(signer), screen);
        let surround = Edge::new(clock.clone(), dice, true).with_error_page(identity::desk::error_page);
        let entries = identity::desk::menu().into_iter().chain(payments::desk::menu());
        let hall = Hall::new(context.identity.clone(), Menu::new(entries), Arc::new(payments::desk::Trade));
        let router = identity::desk::router(&hall).merge(payments::desk::router(context.clone(), hall));
        let router = router.layer(from_fn_with_state(surround, edge));
        Site { context, clock, app: Mutex::new(None), router, _scratch: scratch }
    }

    pub fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), cookies: BTreeMap::new(), lang: "en", at: "/".to_owned() }
    }

    /// Runs `work` as one transaction at the present time.
    pub fn write<T: Send + 'static, E: From<store::Error> + std::fmt::Debug + Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>, &Means<'_>) -> Result<T, E> + Send + 'static,
    ) -> T {
        let (cx, now) = (self.context.identity.clone(), self.clock.now());
        self.context.identity.db.write_blocking(move |tx| work(tx, &cx.means(now))).unwrap()
    }

    pub fn read<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, store::Error>) -> T {
        self.context.identity.db.read_blocking(work).unwrap()
    }

    /// The token of the one-time link that the first start prints.
    pub fn setup_path(&self) -> String {
        let token = self.write(identity::create_setup_link).unwrap();
        format!("/setup/{}", token.secret().expose())
    }

    /// Another shop, beside the one that was set up.
    pub fn shop(&self, name: &'static str) -> ShopId {
        let draft = identity::ShopDraft {
            name,
            city: "Hangzhou",
            country: "SG",
            category: "5499",
            currency: base::Currency::CNY,
        };
        let profile = identity::ShopProfile::parse(&draft).unwrap();
        self.write(move |tx, means| identity::create_shop(tx, means, &Actor::System, &profile)).id
    }

    /// A member with [`PASSWORD`].
    pub fn member(&self, shop: ShopId, email: &'static str, role: Role) -> MemberId {
        let password = identity::Password::parse(PASSWORD).unwrap();
        let hash: PasswordHash = identity::hash_password(&password, &Dice::System);
        self.write(move |tx, means| {
            let new = NewMember {
                name: PersonName::parse("Mei Lin").unwrap(),
                email: Email::parse(email).unwrap(),
                grants: role.into(),
                lang: Lang::En,
            };
            let made = identity::create_member(tx, means, &Actor::System, shop, &new, &hash);
            made.map_err(|e| store::Error::Bug(e.to_string()))
        })
    }

    /// Gives the code of the authenticator app once more, where a page asks for it. The page it leads to.
    pub fn prove_again(&self, member: &mut Browser, page: &Page) -> Page {
        self.clock.advance_seconds(60);
        let key = self.app.lock().unwrap().clone().expect("an app was set up");
        member.send(&page.is(200).form("/sign-in/again").with("code", &self.app_code(&key)))
    }

    /// Takes the second step of a member who gave the password: sets an authenticator app up at the first time, and gives
    /// its code later. The page it leads to.
    pub fn enter(&self, member: &mut Browser, page: Page) -> Page {
        if page.path.starts_with("/sign-in/step") {
            self.clock.advance_seconds(60);
            let key = self.app.lock().unwrap().clone().expect("an app was set up");
            return member.send(&page.is(200).form("/sign-in/step").with("code", &self.app_code(&key)));
        }
        let offer = member.send(&page.is(200).form("/factor/app"));
        let key = offer.html.split("<code>").nth(1).and_then(|rest| rest.split("</code>").next());
        let key = identity::read_totp_key(key.expect("a key")).expect("base 32");
        let form = offer.is(200).form("/factor/app/confirm").with("code", &self.app_code(&key));
        let codes = member.send(&form);
        *self.app.lock().unwrap() = Some(key);
        let link =
            codes.shows("Keep these codes").html.split("class=\"do full button\"").nth(1).expect("a link");
        let next = attribute(link, "href").expect("an address");
        member.get(&next)
    }

    fn app_code(&self, key: &Secret<Vec<u8>>) -> String {
        identity::show_code(key, self.clock.now()).unwrap().expose().clone()
    }

    pub fn top_up(&self, buyer: BuyerId, amount: Money) {
        self.write(move |tx, means| {
            payments::balance::top_up(tx, means, &audit::Actor::system("test"), buyer, amount)
                .map_err(|e| store::Error::Bug(e.to_string()))
        });
    }

    /// The code in the newest mail.
    pub fn mailed_code(&self) -> String {
        let mails = self.write(|tx, means| {
            let mails = identity::take_due(tx, means, 100)?;
            for mail in &mails {
                identity::mark_sent(tx, mail.shop, &mail.id)?;
            }
            Ok::<_, Fault>(mails)
        });
        let code = mails.iter().rfind(|mail| mail.template == "code");
        let body = code.expect("a mail with a code").body.expose().clone();
        let digits = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
        body.split(|c: char| !c.is_ascii_digit()).find(digits).expect("six digits").to_owned()
    }

    pub fn buyer(&self, email: &str) -> BuyerId {
        let email = identity::Contact::parse(email).unwrap();
        let vault = Arc::clone(&self.context.identity.vault);
        self.read(move |tx| {
            identity::find_buyer_by_contact(tx, &vault, &email).map_err(|e| store::Error::Bug(e.to_string()))
        })
        .expect("a buyer")
    }

    pub fn payment(&self, id: PaymentId) -> Payment {
        self.read(|tx| payments::store::find_payment(tx, id)).unwrap()
    }

    /// The books balance.
    #[track_caller]
    pub fn prove(&self) {
        let proof = self.read(ledger::prove_balanced);
        assert!(proof.is_balanced(), "{:?}", proof.faults);
    }
}

/// An answer, followed to where it led.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: StatusCode,
    /// Where the browser is.
    pub path: String,
    pub html: String,
    pub headers: axum::http::HeaderMap,
}

impl Page {
    #[track_caller]
    pub fn shows(&self, words: &str) -> &Page {
        assert!(
            self.html.contains(words),
            "{} ({}) does not show {words:?}:\n{}",
            self.path,
            self.status,
            self.text()
        );
        self
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Page {
        assert_eq!(self.status.as_u16(), status, "{}:\n{}", self.path, self.text());
        self
    }

    /// The page without its markup.
    pub fn text(&self) -> String {
        let body = self.html.split("<body>").nth(1).unwrap_or(&self.html);
        let mut out = String::new();
        let mut inside = false;
        for c in body.chars() {
            match c {
                '<' => inside = true,
                '>' => {
                    inside = false;
                    out.push(' ');
                }
                _ if !inside => out.push(c),
                _ => {}
            }
        }
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The form whose address contains `action`, with the fields it would send as it stands.
    #[track_caller]
    pub fn form(&self, action: &str) -> Form {
        let forms = self.html.split("<form ").skip(1).filter_map(|rest| rest.split("</form>").next());
        let found = forms.filter(|form| form.contains("method=\"post\"")).find_map(|form| {
            let to = attribute(form, "action")?;
            to.contains(action).then(|| (to, form.to_owned()))
        });
        let (to, form) =
            found.unwrap_or_else(|| panic!("no form to {action} in {}:\n{}", self.path, self.text()));
        let mut fields = BTreeMap::new();
        for input in form.split("<input ").skip(1) {
            let tag = input.split('>').next().unwrap();
            let chosen = !tag.contains("type=\"radio\"") && !tag.contains("type=\"checkbox\"")
                || tag.contains(" checked");
            if let (Some(name), true) = (attribute(tag, "name"), chosen) {
                fields.insert(name, attribute(tag, "value").unwrap_or_default());
            }
        }
        for select in form.split("<select ").skip(1) {
            let options: Vec<&str> =
                select.split("</select>").next().unwrap().split("<option ").skip(1).collect();
            let chosen = options.iter().find(|option| option.contains(" selected")).or(options.first());
            let value = chosen.and_then(|option| attribute(option, "value")).unwrap_or_default();
            fields.insert(attribute(select, "name").unwrap(), value);
        }
        Form { to, fields }
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let value = tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
    Some(
        value
            .replace("&amp;", "&")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">"),
    )
}

/// A form, ready to be sent.
#[derive(Clone, Debug)]
pub struct Form {
    pub to: String,
    pub fields: BTreeMap<String, String>,
}

impl Form {
    pub fn with(mut self, name: &str, value: &str) -> Form {
        self.fields.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Form {
        self.fields.remove(name);
        self
    }
}

/// A browser with its own cookies.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    pub lang: &'static str,
    pub at: String,
}

impl Browser {
    pub fn get(&mut self, path: &str) -> Page {
        let first = self.ask(Method::GET, path, Vec::new(), &[]);
        self.follow(first)
    }

    pub fn send(&mut self, form: &Form) -> Page {
        let first = self.send_once(form);
        self.follow(first)
    }

    /// Sends a form and stays with the first answer.
    pub fn send_once(&mut self, form: &Form) -> Page {
        self.send_from(form, &[("sec-fetch-site", "same-origin"), ("origin", ORIGIN)])
    }

    /// Sends a form with these fields about its origin.
    pub fn send_from(&mut self, form: &Form, origin: &[(&str, &str)]) -> Page {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&form.fields);
        self.ask(Method::POST, &form.to, body.finish().into_bytes(), origin)
    }

    fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..5 {
            let Some(to) = page.headers.get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned())
            else {
                break;
            };
            page = self.ask(Method::GET, &to, Vec::new(), &[]);
        }
        page
    }

    fn ask(&mut self, method: Method, path: &str, body: Vec<u8>, more: &[(&str, &str)]) -> Page {
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header(header::ACCEPT_LANGUAGE, self.lang)
            .header(header::USER_AGENT, "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36");
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let line: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, line.join("; "));
        }
        let router = self.router.clone();
        let request = request.body(Body::from(body)).unwrap();
        let (parts, html) = runtime().block_on(async move {
            let answer = router.oneshot(request).await.unwrap();
            let (parts, body) = answer.into_parts();
            let html = to_bytes(body, 1 << 22).await.unwrap();
            (parts, String::from_utf8_lossy(&html).into_owned())
        });
        for line in parts.headers.get_all(header::SET_COOKIE) {
            self.keep(line.to_str().unwrap());
        }
        self.at = path.to_owned();
        Page { status: parts.status, path: path.to_owned(), html, headers: parts.headers }
    }

    fn keep(&mut self, line: &str) {
        let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
        if line.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> =
        std::sync::LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    &RUNTIME
}
