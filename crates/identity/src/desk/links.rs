//! One-time links: the first start, and the invitation of a member.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{Currency, MemberId};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::form::Choice;
use webkit::page::{Frame, Problems, show};

use super::form::{Once, go};
use super::hall::Hall;
use super::sign_in::{HOME, door_frame};
use super::visit::{Side, Visit, let_member_in, place, with_next};
use super::words::{password_problem, text_problem};
use crate::context::Means;
use crate::members::{NewMember, find_password_context};
use crate::pages::entry::{InvitedPage, SetUpPage};
use crate::pages::notice::NoticeKind;
use crate::password::{Password, PasswordHash, PasswordRule};
use crate::permissions::Role;
use crate::setup::{self, Link, SetupError, find_link};
use crate::shops::{ShopDraft, ShopProblem, ShopProfile};
use crate::sign_in::open_member;
use crate::text::{Email, PersonName};
use crate::token::{Token, TokenKind};

/// Merchant categories (ISO 18245) to choose from.
const CATEGORIES: [&str; 10] =
    ["5499", "5812", "5411", "5651", "5732", "5977", "5942", "7230", "8999", "5999"];
/// Countries to choose from, each with what is usual there.
const COUNTRIES: [&str; 8] = ["CN", "HK", "SG", "JP", "GB", "DE", "FR", "US"];
/// Currencies to choose from.
const CURRENCIES: [&str; 6] = ["CNY", "HKD", "USD", "EUR", "GBP", "JPY"];
/// Zones to choose from.
const ZONES: [&str; 11] = [
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Paris",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "UTC",
];

/// What a one-time link is good for, as its page needs it.
enum Door {
    FirstSetup,
    /// Address, name and shop of whoever is invited.
    Invitation([String; 3]),
    Gone,
}

async fn open_door(hall: &Hall, visit: &Visit, text: &str) -> Result<(Door, Option<Token>), ApiError> {
    let Some(token) = Token::parse(TokenKind::Setup, text) else { return Ok((Door::Gone, None)) };
    let (cx, now, link) = (hall.clone(), visit.now, token.clone());
    let door = hall.db().read(move |tx| match find_link(tx, &link, now) {
        Ok(Link::FirstSetup) => Ok(Door::FirstSetup),
        Ok(Link::Invitation { shop, member }) => {
            Ok(Door::Invitation(find_password_context(tx, &cx.identity.vault, shop, member)?))
        }
        Err(SetupError::Gone) => Ok(Door::Gone),
        Err(error) => Err(ApiError::from(error)),
    });
    Ok((door.await?, Some(token)))
}

pub(super) fn gone(hall: &Hall, visit: &Visit) -> Response {
    let action_href = "/sign-in".to_owned();
    show(StatusCode::GONE, &NoticeKind::LinkGone.page(door_frame(hall, visit), action_href))
}

/// Shows what a one-time link is for: opening the shop, or choosing a password.
pub(super) async fn show_link(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(text): Path<String>,
) -> Result<Response, ApiError> {
    Ok(match open_door(&hall, &visit, &text).await?.0 {
        Door::FirstSetup => {
            set_up_page(&hall, &visit, StatusCode::OK, &text, SetUpForm::usual(), Problems::none())
        }
        Door::Invitation([email, _, shop]) => {
            invited_page(&hall, &visit, StatusCode::OK, &text, shop, email, Problems::none())
        }
        Door::Gone => gone(&hall, &visit),
    })
}

/// Carries a one-time link out.
pub(super) async fn use_link(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(text): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    visit.knock(&hall)?;
    let (door, token) = open_door(&hall, &visit, &text).await?;
    let Some(token) = token else { return Ok(gone(&hall, &visit)) };
    match door {
        Door::FirstSetup => complete_setup(&hall, &visit, &text, token, &incoming).await,
        Door::Invitation(invited) => accept_invitation(&hall, &visit, &text, token, invited, &incoming).await,
        // The second submit of a form that worked goes where the first one went.
        Door::Gone if visit.member.is_some() => Ok(go(HOME)),
        Door::Gone => Ok(gone(&hall, &visit)),
    }
}

/// Shop and owner, as typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetUpForm {
    shop: String,
    category: String,
    city: String,
    country: String,
    currency: String,
    zone: String,
    name: String,
    email: String,
    password: String,
}

impl SetUpForm {
    /// What a new shop most likely chooses.
    fn usual() -> SetUpForm {
        let own = str::to_owned;
        SetUpForm {
            shop: String::new(),
            category: own("5499"),
            city: String::new(),
            country: own("CN"),
            currency: own("CNY"),
            zone: own("Asia/Shanghai"),
            name: String::new(),
            email: String::new(),
            password: String::new(),
        }
    }

    fn parse(&self, page: &Frame, rule: PasswordRule) -> Result<Checked, Problems> {
        let mut problems = Problems::none();
        let known = |list: &[&str], value: &str| list.contains(&value);
        let choices = [
            ("category", known(&CATEGORIES, &self.category)),
            ("country", known(&COUNTRIES, &self.country)),
            ("zone", known(&ZONES, &self.zone)),
        ];
        for (field, _) in choices.iter().filter(|(_, fits)| !fits) {
            problems.add(field, page.t("problem-choice"));
        }
        let currency = CURRENCIES
            .contains(&self.currency.as_str())
            .then(|| self.currency.parse::<Currency>().ok())
            .flatten();
        if currency.is_none() {
            problems.add("currency", page.t("problem-choice"));
        }
        let profile = ShopProfile::parse(&ShopDraft {
            name: &self.shop,
            city: &self.city,
            country: &self.country,
            category: &self.category,
            currency: currency.unwrap_or(Currency::CNY),
        });
        for problem in profile.as_ref().err().into_iter().flatten() {
            match problem {
                ShopProblem::Name(why) => problems.add("shop", text_problem(page, *why)),
                ShopProblem::City(why) => problems.add("city", text_problem(page, *why)),
                ShopProblem::Country | ShopProblem::Category => {}
            }
        }
        let name = PersonName::parse(&self.name).map_err(|why| problems.add("name", text_problem(page, why)));
        let email = Email::parse(&self.email).map_err(|_| problems.add("email", page.t("problem-email")));
        let context = [self.shop.as_str(), &self.name, &self.email];
        let password = new_password(page, &mut problems, &self.password, (&context, rule));
        match (profile, name, email, password) {
            (Ok(profile), Ok(name), Ok(email), Some(password)) if problems.is_empty() => {
                let grants = Role::Owner.into();
                Ok(Checked { profile, owner: NewMember { name, email, grants, lang: page.lang }, password })
            }
            _ => Err(problems),
        }
    }
}

/// Shop and owner, checked.
struct Checked {
    profile: ShopProfile,
    owner: NewMember,
    password: Password,
}

pub(super) fn new_password(
    page: &Frame,
    problems: &mut Problems,
    text: &str,
    (context, rule): (&[&str], PasswordRule),
) -> Option<Password> {
    let password = Password::parse(text);
    let judged = password.and_then(|password| password.check_strength(context, rule).map(|()| password));
    judged.map_err(|why| problems.add("password", password_problem(page, why))).ok()
}

fn set_up_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    text: &str,
    typed: SetUpForm,
    problems: Problems,
) -> Response {
    let page = door_frame(hall, visit);
    let worded = |list: &[&str], kind: &str| {
        list.iter()
            .map(|value| Choice::new(value, page.t(format!("{kind}-{value}"))))
            .collect::<Vec<Choice>>()
    };
    let view = SetUpPage {
        wants_both: hall.identity.password_profile.wants_both(),
        countries: worded(&COUNTRIES, "country"),
        categories: worded(&CATEGORIES, "category"),
        currencies: CURRENCIES.map(|currency| Choice::new(currency, currency_text(currency))).to_vec(),
        zones: ZONES.map(|zone| Choice::new(zone, zone.replace('_', " "))).to_vec(),
        shop_typed: typed.shop,
        city_typed: typed.city,
        country: typed.country,
        category: typed.category,
        currency: typed.currency,
        zone: typed.zone,
        name_typed: typed.name,
        email_typed: typed.email,
        problems,
        action_href: format!("/setup/{text}"),
        page,
    };
    show(status, &view)
}

fn currency_text(code: &str) -> String {
    let symbol =
        code.parse::<Currency>().map_or_else(|_| String::new(), |currency| currency.symbol().to_owned());
    format!("{code} {symbol}")
}

/// Makes the first shop and its owner, and signs the owner in.
async fn complete_setup(
    hall: &Hall,
    visit: &Visit,
    text: &str,
    token: Token,
    incoming: &Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<SetUpForm>(Side::Member, incoming)?;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let rule = PasswordRule::alone(hall.identity.password_profile);
    let checked = match posted.form.parse(&door_frame(hall, visit), rule) {
        Ok(checked) => checked,
        Err(problems) => return Ok(set_up_page(hall, visit, status, text, posted.form, problems)),
    };
    let hash = hash(hall, checked.password).await?;
    let (profile, owner) = (checked.profile, checked.owner);
    let (cx, zone) = (hall.clone(), posted.form.zone);
    let make = move |tx: &mut Tx<'_>, means: &Means<'_>| -> Result<MemberId, ApiError> {
        let made = setup::complete_setup(tx, means, &token, &profile, &owner, &hash);
        let (shop, member) = made?;
        cx.trade().set_zone(tx, shop.id, &zone)?;
        Ok(member)
    };
    enter(hall, visit, posted.once, make).await
}

pub(super) async fn hash(hall: &Hall, password: Password) -> Result<PasswordHash, ApiError> {
    let hash = hall.identity.passwords.hash(password, hall.identity.dice.clone()).await;
    hash.map_err(|full| ApiError::unavailable(5, full))
}

/// Makes a member and signs them in, once.
async fn enter(
    hall: &Hall,
    visit: &Visit,
    once: Once,
    mut make: impl FnMut(&mut Tx<'_>, &Means<'_>) -> Result<MemberId, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let (cx, asker) = (hall.identity.clone(), visit.clone());
    let entered = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let means = cx.means(asker.now);
            let member = make(tx, &means)?;
            // A sign-in like any other: its time and device are known from here on.
            let session = open_member(tx, &means, member, place(&asker).coming())?;
            Ok((HOME.to_owned(), session))
        })
    });
    let (_, session) = entered.await?;
    let mut answer = go(&with_next("/sign-in/factor", HOME));
    if let Some(session) = session.flatten() {
        let_member_in(&mut answer, visit, &session);
    }
    Ok(answer)
}

fn invited_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    text: &str,
    shop: String,
    email: String,
    problems: Problems,
) -> Response {
    let (page, action_href) = (door_frame(hall, visit), format!("/setup/{text}"));
    let wants_both = hall.identity.password_profile.wants_both();
    show(status, &InvitedPage { page, shop, email, wants_both, problems, action_href })
}

/// A password, chosen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvitedForm {
    password: String,
    #[serde(default, rename = "username")]
    _for_password_managers: String,
}

/// Sets the password of an invited member, and signs them in.
async fn accept_invitation(
    hall: &Hall,
    visit: &Visit,
    text: &str,
    token: Token,
    invited: [String; 3],
    incoming: &Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<InvitedForm>(Side::Member, incoming)?;
    let mut problems = Problems::none();
    let page = door_frame(hall, visit);
    let rule = PasswordRule::alone(hall.identity.password_profile);
    let context = invited.each_ref().map(String::as_str);
    let judged = new_password(&page, &mut problems, &posted.form.password, (&context, rule));
    let Some(password) = judged else {
        let [email, _, shop] = invited;
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(invited_page(hall, visit, status, text, shop, email, problems));
    };
    let (hash, lang) = (hash(hall, password).await?, page.lang);
    enter(hall, visit, posted.once, move |tx, means| {
        Ok(setup::accept_invitation(tx, means, &token, &hash, Some(lang))?)
    })
    .await
}
