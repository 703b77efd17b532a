//! Connected apps below HTTP: what ends with the member, what waits and dies, what is swept, and who acts when an app does.

use base::{MemberId, ShopId};
use identity::approvals::{self, ApprovalAction, ApprovalError, Asked, Proposal};
use identity::limits::{APP_CODE_KEPT_SECONDS, APP_CODE_SECONDS, APP_ENDED_KEPT_SECONDS};
use identity::oauth::{self, AccessToken, App, Issued, NewApp, Redeemed, Refusal};
use identity::{Actor, Denied, Label, MemberSession, Role, Token, TokenKind, hash_password};
use serde_json::json;

use crate::addresses::{OLD, moved};
use crate::http::{Site, each_site};
use crate::world::{World, each_world, password};

const BACK: &str = "https://books.example/back";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// RFC 8037, appendix A.2.
const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const PROOF_KEY: &str = "thumbprint";
const OWNER: &str = "owner@shop.example";
const LISTED: &str = "correct horse battery staple";
const NEW: &str = "seven lamps under the bridge";

/// An app that a member allowed something, and a code of a further yes that waits.
struct Held {
    app: App,
    member: MemberId,
    access: AccessToken,
    refresh: Token,
    waiting: Token,
}

fn register(world: &World, owner: &Actor, shop: ShopId) -> App {
    let may = ["view payments", "refund"].map(str::to_owned);
    let new = NewApp::parse(Label::parse("Books").unwrap(), BACK, KEY, &may).unwrap();
    let owner = owner.clone();
    world.write(move |tx, means| oauth::register_app(tx, means, &owner, shop, &new)).unwrap()
}

fn session_of(world: &World, member: MemberId) -> MemberSession {
    world
        .write(move |tx, means| {
            let opened =
                identity::open_trusted_member_session(tx, means, member, &Label::from_agent("test"))?;
            identity::require_member(tx, &opened.token, means.now)
        })
        .unwrap()
}

/// A member's yes: the code that the browser would bring back.
fn code(world: &World, app: &App, session: &MemberSession) -> Token {
    let (app, session) = (app.clone(), session.clone());
    let allowed = world.write(move |tx, means| {
        let fields = [
            ("response_type", "code"),
            ("redirect_uri", BACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let request = oauth::read_request(&app, &fields, None).unwrap();
        let request = oauth::push_request(tx, means, &app, &request)?;
        oauth::allow_request(tx, means, &session, (app.id, &request), "https://pay.example")
    });
    let address = allowed.unwrap().address;
    let text = address.expose().split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    Token::parse(TokenKind::AppCode, &text).unwrap()
}

fn trade(world: &World, app: &App, code: &Token) -> Result<Issued, Refusal> {
    let (app, code) = (app.clone(), code.clone());
    world
        .write(move |tx, means| {
            let shown = Redeemed { code: &code, redirect: BACK, verifier: VERIFIER, proof_key: PROOF_KEY };
            oauth::redeem_code(tx, means, &app, shown)
        })
        .unwrap()
}

fn connect(world: &World, app: &App, member: MemberId) -> Held {
    let session = session_of(world, member);
    let issued = trade(world, app, &code(world, app, &session)).unwrap();
    let waiting = code(world, app, &session);
    Held { app: app.clone(), member, access: issued.access, refresh: issued.refresh.unwrap(), waiting }
}

/// The app as it calls now; `None` when its token opens nothing.
fn caller(world: &World, held: &Held) -> Option<Actor> {
    let found = world.read(|tx, means| oauth::require_app(tx, &held.access, PROOF_KEY, means.now));
    found.ok().map(Actor::App)
}

fn refreshes(world: &World, held: &Held) -> bool {
    let (app, refresh) = (held.app.clone(), held.refresh.clone());
    let found = world.write(move |tx, means| oauth::refresh(tx, means, &app, (&refresh, None), PROOF_KEY));
    found.unwrap().is_ok()
}

/// What still opens something: the token, the refresh token, the code that waits.
fn open(world: &World, held: &Held) -> (bool, bool, bool) {
    let called = caller(world, held).is_some();
    (called, refreshes(world, held), trade(world, &held.app, &held.waiting).is_ok())
}

const NOTHING: (bool, bool, bool) = (false, false, false);

/// A member of the shop with this address who let an app in, and their session.
fn member_with_app(site: &Site, shop: ShopId, address: &'static str) -> (Held, String) {
    let owner = site.world.actor(shop, "keeper@shop.example", &[Role::Owner]);
    let app = register(&site.world, &owner, shop);
    let token = site.member(shop, address, &[Role::Manager]);
    let member = site.get("/v1/me", Some(&token)).text("id").parse().unwrap();
    (connect(&site.world, &app, member), token)
}

#[test]
fn oi_2_a_forgotten_password_set_anew_ends_the_members_apps() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let (held, _) = member_with_app(&site, shop, "m@shop.example");
        assert!(caller(&site.world, &held).is_some());
        site.post("/v1/password_resets", None, &json!({"email": "m@shop.example"}));
        let mails = site.world.deliver();
        let mail = mails.iter().rfind(|mail| mail.template == "password_reset").unwrap();
        let link = mail.body.expose().split("/reset/").nth(1).unwrap().split_whitespace().next().unwrap();
        let body = json!({"token": link, "new_password": NEW});
        assert_eq!(site.post("/v1/password_resets/finish", None, &body).status, 204);
        assert_eq!(open(&site.world, &held), NOTHING);
        assert_eq!(site.world.audited("app.disconnected"), 1);
    });
}

#[test]
fn oi_2_factors_set_up_anew_end_the_members_apps() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let (held, _) = member_with_app(&site, shop, "m@shop.example");
        let member = held.member;
        let reset = site.world.write(move |tx, means| {
            identity::reset_factors_as_operator(tx, means, member, "https://pay.example")
        });
        let link = reset.unwrap();
        assert_eq!(open(&site.world, &held), NOTHING);
        let link = link.expose().rsplit('/').next().unwrap().to_owned();
        let set = site.post("/v1/invitations/accept", None, &json!({"token": link, "password": NEW}));
        assert_eq!(set.status, 200, "{}", set.body);
        assert_eq!(open(&site.world, &held), NOTHING, "active again, and the app is not");
    });
}

#[test]
fn oi_2_a_suspension_ends_the_members_apps_for_good() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let (held, token) = member_with_app(&site, shop, OLD);
        let (_, link) = moved(&site, &token);
        assert!(caller(&site.world, &held).is_some());
        assert_eq!(site.post("/v1/freeze_links", None, &json!({ "token": link })).status, 204);
        assert_eq!(open(&site.world, &held), NOTHING);
        let member = held.member;
        let back = site.world.write(move |tx, means| identity::restore_member_as_operator(tx, means, member));
        assert_eq!(back, Ok(true));
        assert_eq!(open(&site.world, &held), NOTHING, "let in again, and the app is not");
    });
}

#[test]
fn oi_2_the_last_owners_apps_end_with_a_disputed_address_as_well() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let token = site.member(shop, OLD, &[Role::Owner]);
        let member = site.get("/v1/me", Some(&token)).text("id").parse().unwrap();
        let owner = Actor::Member(session_of(&site.world, member));
        let held = connect(&site.world, &register(&site.world, &owner, shop), member);
        let (_, link) = moved(&site, &token);
        assert_eq!(site.post("/v1/freeze_links", None, &json!({ "token": link })).status, 204);
        assert_eq!(open(&site.world, &held), NOTHING);
    });
}

#[test]
fn oi_2_while_a_listed_password_is_not_changed_the_members_apps_wait() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let owner = site.world.actor(shop, OWNER, &[Role::Owner]);
        let app = register(&site.world, &owner, shop);
        let hash = hash_password(&password(LISTED), &base::Dice::System);
        let member = site.world.member(shop, "m@shop.example", &[Role::Manager], &hash);
        let held = connect(&site.world, &app, member);
        assert!(refreshes(&site.world, &held));
        let body = json!({"email": "m@shop.example", "password": LISTED});
        let opened = site.post("/v1/member_sessions", None, &body);
        assert_eq!(opened.status, 201, "{}", opened.body);
        assert_eq!(open(&site.world, &held), NOTHING);
        let body = json!({"old_password": LISTED, "new_password": NEW});
        let put = axum::http::Method::PUT;
        let changed = site.send(put, "/v1/me/password", Some(&opened.text("token")), Some(&body));
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert!(caller(&site.world, &held).is_some() && refreshes(&site.world, &held), "they go on");
    });
}

#[test]
fn oi_2_a_code_that_waits_dies_with_its_connection() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, OWNER, &[Role::Owner]);
        let app = register(&world, &owner, shop);
        let [member, other] = ["m@shop.example", "other@shop.example"]
            .map(|address| id_of(&world.actor(shop, address, &[Role::Manager])));
        let (held, theirs) = (connect(&world, &app, member), connect(&world, &app, other));
        let Some(Actor::App(found)) = caller(&world, &held) else { panic!("it is connected") };
        let ends = owner.clone();
        world.write(move |tx, means| oauth::disconnect(tx, means, &ends, shop, found.connection)).unwrap();
        assert_eq!(open(&world, &held), NOTHING);
        assert!(trade(&world, &app, &theirs.waiting).is_ok(), "another member's goes on");
    });
}

fn id_of(actor: &Actor) -> MemberId {
    let Actor::Member(session) = actor else { panic!("a member") };
    session.member
}

fn rows(world: &World, table: &str) -> i64 {
    let count = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {table}");
    world.read(|tx, _| tx.query(&count, &[])?.remove(0).int(0)).unwrap()
}

#[test]
fn oi_2_what_ended_is_swept_after_its_time_and_not_before() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, OWNER, &[Role::Owner]);
        let app = register(&world, &owner, shop);
        connect(&world, &app, id_of(&owner));
        let sweep = || world.write(identity::sweep).unwrap();
        // Two codes, one of them spent.
        world.wait(APP_CODE_SECONDS + APP_CODE_KEPT_SECONDS);
        sweep();
        assert_eq!(rows(&world, "app_codes"), 2);
        world.wait(1);
        sweep();
        assert_eq!((rows(&world, "app_codes"), rows(&world, "app_connections")), (0, 1));
        let id = app.id;
        world.write(move |tx, means| oauth::remove_app(tx, means, &owner, shop, id)).unwrap();
        assert_eq!(rows(&world, "app_tokens"), 0);
        world.wait(APP_ENDED_KEPT_SECONDS);
        sweep();
        assert_eq!((rows(&world, "app_connections"), rows(&world, "apps")), (1, 1));
        world.wait(1);
        sweep();
        assert_eq!((rows(&world, "app_connections"), rows(&world, "apps")), (0, 0));
    });
}

#[test]
fn oi_2_a_connection_that_ran_out_is_swept_as_one_that_was_ended() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, OWNER, &[Role::Owner]);
        let app = register(&world, &owner, shop);
        connect(&world, &app, id_of(&owner));
        let sweep = || world.write(identity::sweep).unwrap();
        world.wait(identity::limits::APP_CONNECTION_SECONDS + APP_ENDED_KEPT_SECONDS);
        sweep();
        assert_eq!(rows(&world, "app_connections"), 1);
        world.wait(1);
        sweep();
        assert_eq!(
            (rows(&world, "app_connections"), rows(&world, "apps")),
            (0, 1),
            "the app is there to be allowed anew"
        );
    });
}

fn refund(shop: ShopId) -> Proposal {
    Proposal::new(shop, ApprovalAction::Refund, "pay_1 5000", "50.00 CNY")
}

#[test]
fn c13_what_a_members_app_proposes_the_same_member_does_not_approve() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, OWNER, &[Role::Owner]);
        let second = world.actor(shop, "second@shop.example", &[Role::Finance]);
        let held = connect(&world, &register(&world, &owner, shop), id_of(&owner));
        let app = caller(&world, &held).unwrap();
        world.deliver();
        let by = app.clone();
        let asked = world.write(move |tx, means| approvals::ask(tx, means, &by, &refund(shop)));
        let Ok(Asked::Wait(id)) = asked else { panic!("{asked:?}") };
        let told: Vec<_> = world.deliver().iter().map(|mail| mail.recipient.expose().clone()).collect();
        assert_eq!(told, ["second@shop.example"], "the member is not asked");
        let approve = |who: &Actor| {
            let who = who.clone();
            world.write(move |tx, means| approvals::approve(tx, means, &who, shop, id)).map(drop)
        };
        assert_eq!(approve(&owner), Err(ApprovalError::OwnProposal));
        let waits =
            |who: &Actor| world.read(|tx, means| approvals::count_waiting(tx, who, shop, means.now)).unwrap();
        assert_eq!((waits(&owner), waits(&second)), (0, 1));
        assert_eq!(approve(&second), Ok(()));
        let asked = world.write(move |tx, means| approvals::ask(tx, means, &owner, &refund(shop)));
        assert_eq!(asked, Ok(Asked::Go), "one person proposed it, whichever way");
    });
}

#[test]
fn c13_what_a_member_proposes_their_app_does_not_approve_and_is_no_second_person() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, OWNER, &[Role::Owner]);
        let held = connect(&world, &register(&world, &owner, shop), id_of(&owner));
        let app = caller(&world, &held).unwrap();
        let has_second =
            |who: &Actor| world.read(|tx, _| approvals::has_second(tx, who, &refund(shop))).unwrap();
        assert_eq!((has_second(&owner), has_second(&app)), (false, false), "alone in the shop");
        let second = world.actor(shop, "second@shop.example", &[Role::Finance]);
        assert_eq!((has_second(&owner), has_second(&app)), (true, true));
        let asked = world.write(move |tx, means| approvals::ask(tx, means, &owner, &refund(shop)));
        let Ok(Asked::Wait(id)) = asked else { panic!("{asked:?}") };
        let refused = world.write(move |tx, means| approvals::approve(tx, means, &app, shop, id)).map(drop);
        assert_eq!(refused, Err(ApprovalError::Denied(Denied::NotAllowed)), "approving is for people");
        world.write(move |tx, means| approvals::approve(tx, means, &second, shop, id)).unwrap();
    });
}
