//! What a shop makes of the rules of screening: who changes it, what it changes, and what stays on.

use base::ShopId;
use identity::{Actor, Denied, Role};
use payments::limits::FIXED_RULES;
use payments::rules::{RuleModeError, count_fired, set_rule_mode};
use payments::{Payment, Screen, State};
use risk::Outcome::{Allow, Review};
use risk::{Mode, RuleSet};

use crate::pages::{BUYER, at_pin, code, open, opened, settle};
use crate::site::Site;
use crate::two_people::member;
use crate::world::{PIN, World, each_world, screen, text, yuan};

/// The rule that [`screen`] has.
const ALWAYS: &str = "always";

fn set(world: &World, who: &Actor, shop: ShopId, rule: &str, mode: Mode) -> Result<Mode, RuleModeError> {
    let (who, rule) = (who.clone(), rule.to_owned());
    let starter = RuleSet::starter();
    let rules = if rule == ALWAYS { (*screen(Review).rules).clone() } else { starter };
    world.write(move |tx, means| {
        set_rule_mode(tx, means, &who, (shop, &rules), (&rule, mode, &text("our guests eat late")))
    })
}

/// The rules noted with a payment's decision, each with whether it was only watched.
fn noted(world: &World, payment: &Payment) -> Vec<(String, bool)> {
    let stored = world.read(|tx| payments::store::find_decision(tx, payment.decision.unwrap())).unwrap();
    let decision = risk::Decision::from_bytes(&stored.0).unwrap();
    decision.reasons.iter().map(|reason| (reason.rule.to_string(), reason.watched)).collect()
}

fn entries(world: &World) -> Vec<String> {
    let sql = "SELECT body FROM audit_entries WHERE body LIKE '%shop.rule%' ORDER BY id";
    world.read(|tx| tx.query(sql, &[])).iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

#[test]
fn c34_a_rule_on_watch_is_noted_and_stops_nothing_and_one_that_is_off_is_not_noted() {
    each_world(|world| {
        let (shop, other, buyer) = (world.shop("SG"), world.shop("SG"), world.buyer());
        let risk = member(&world, shop.id, Role::Risk);
        let pay = |shop: ShopId| {
            let payment = world.paid(&buyer, &world.payment(shop, 500), Review);
            (payment.stored_state, noted(&world, &payment))
        };
        let fired = |watched| vec![(ALWAYS.to_owned(), watched)];
        assert_eq!(pay(shop.id), (State::InReview, fired(false)));
        assert_eq!(set(&world, &risk, shop.id, ALWAYS, Mode::Watch), Ok(Mode::On));
        assert_eq!(pay(shop.id), (State::Paid, fired(true)));
        assert_eq!(pay(other.id), (State::InReview, fired(false)), "another shop's rules are its own");
        assert_eq!(set(&world, &risk, shop.id, ALWAYS, Mode::Off), Ok(Mode::Watch));
        assert_eq!(pay(shop.id), (State::Paid, vec![]));
        // What else is kept in the same row keeps it.
        let (who, id) = (risk.clone(), shop.id);
        let owner = member(&world, shop.id, Role::Owner);
        let place = risk::Place::new(1.35, 103.82);
        world.write(move |tx, means| payments::place::set_shop_place(tx, means, &owner, id, place)).unwrap();
        assert_eq!(pay(shop.id), (State::Paid, vec![]));
        assert_eq!(world.read(|tx| count_fired(tx, id)).0.get(ALWAYS), Some(&2));
        assert_eq!(set(&world, &who, shop.id, ALWAYS, Mode::On), Ok(Mode::Off));
        assert_eq!(pay(shop.id), (State::InReview, fired(false)));
        let stored = world.read(|tx| tx.query("SELECT rule_modes FROM premises", &[]));
        assert_eq!(stored[0].opt_text(0), Ok(None), "where all are on, nothing is stored");
        let log = entries(&world);
        assert_eq!(log.len(), 3);
        for (from, to) in [("on", "watch"), ("watch", "off"), ("off", "on")] {
            let change = format!("\"rule\":\"{ALWAYS}\",\"from\":\"{from}\",\"to\":\"{to}\"");
            let line = log.iter().find(|line| line.contains(&change)).expect("a line");
            assert!(line.contains("our guests eat late"), "{line}");
        }
        assert_eq!(set(&world, &risk, shop.id, ALWAYS, Mode::On), Ok(Mode::On));
        assert_eq!(entries(&world).len(), 3, "the same once more changes nothing");
    });
}

/// Takes the mails that wait: address, template and text of each, in order of the address.
fn mails(world: &World) -> Vec<(String, &'static str, String)> {
    let mails = world.write(|tx, means| {
        let mails = identity::take_due(tx, means, 100)?;
        for mail in &mails {
            identity::mark_sent(tx, mail.shop, &mail.id)?;
        }
        Ok::<_, identity::Fault>(mails)
    });
    let told = |mail: identity::DueMail| {
        let template = if mail.template == "rule_quieted" { "rule_quieted" } else { "another" };
        (mail.recipient.expose().clone(), template, mail.body.expose().clone())
    };
    let mut told: Vec<_> = mails.unwrap().into_iter().map(told).collect();
    told.sort();
    told
}

#[test]
fn c34_whoever_keeps_a_shops_rules_and_its_security_is_told_when_one_is_quieted() {
    each_world(|world| {
        let (shop, other) = (world.shop("SG").id, world.shop("SG").id);
        let [owner, risk, guard] =
            [Role::Owner, Role::Risk, Role::Security].map(|role| member(&world, shop, role));
        for role in [Role::Manager, Role::Cashier, Role::Auditor] {
            member(&world, shop, role);
        }
        member(&world, other, Role::Owner);
        let address = |who: &Actor| {
            let Actor::Member(session) = who.clone() else { panic!("a member") };
            let person = world.read(|tx| {
                Ok::<_, store::Error>(
                    identity::find_member_person(tx, &world.vault, shop, session.member).unwrap(),
                )
            });
            person.email.expose().clone()
        };
        let mut wanted = [address(&owner), address(&risk), address(&guard)];
        wanted.sort();
        mails(&world);
        for (mode, words) in [(Mode::Watch, "is only noted with a payment"), (Mode::Off, "is off")] {
            set(&world, &risk, shop, "night_unusual_amount", mode).unwrap();
            let told = mails(&world);
            let to: Vec<_> = told.iter().map(|(to, _, _)| to.clone()).collect();
            assert_eq!(to, wanted, "whoever did it, and nobody else");
            for (_, template, text) in told {
                assert_eq!(template, "rule_quieted");
                let now = world.now().to_rfc3339();
                for part in ["night_unusual_amount", words, "our guests eat late", &risk.label(), &now] {
                    assert!(text.contains(part), "`{part}` is not in {text}");
                }
            }
        }
        set(&world, &risk, shop, "night_unusual_amount", Mode::Off).unwrap();
        set(&world, &risk, shop, "night_unusual_amount", Mode::On).unwrap();
        assert!(set(&world, &guard, shop, "night_unusual_amount", Mode::Off).is_err());
        assert_eq!(mails(&world), [], "nothing was quieted");
    });
}

#[test]
fn c34_a_decision_alone_follows_the_shops_modes() {
    each_world(|world| {
        let shop = world.shop("SG").id;
        let modes = risk::Modes::from_text("always=watch").unwrap();
        let decided = world.write(move |tx, means| {
            let facts = risk::Facts::new(means.now, yuan(5));
            let with = |modes: &risk::Modes| (screen(Review), modes.clone());
            let mut outcomes = Vec::new();
            for (screen, modes) in [with(risk::Modes::ALL_ON), with(&modes)] {
                let found = payments::screening::decide_alone(tx, means, (&screen, &modes), shop, &facts)?;
                outcomes.push(found.1.outcome);
            }
            Ok::<_, store::Error>(outcomes)
        });
        assert_eq!(decided, Ok(vec![Review, Allow]));
    });
}

#[test]
fn az_1_rules_are_changed_by_whoever_may_with_a_fresh_second_factor_and_some_by_nobody() {
    each_world(|world| {
        let (shop, other) = (world.shop("SG").id, world.shop("SG").id);
        let refused = |who: &Actor| set(&world, who, shop, "night_unusual_amount", Mode::Off);
        for role in
            [Role::Manager, Role::Cashier, Role::Support, Role::Finance, Role::Security, Role::Auditor]
        {
            let who = member(&world, shop, role);
            assert_eq!(refused(&who), Err(RuleModeError::Denied(Denied::NotAllowed)), "{role:?}");
        }
        assert_eq!(refused(&Actor::Anyone), Err(RuleModeError::Denied(Denied::SignInNeeded)));
        let stranger = member(&world, other, Role::Owner);
        assert_eq!(refused(&stranger), Err(RuleModeError::Denied(Denied::NotFound)));
        let risk = member(&world, shop, Role::Risk);
        let Actor::Member(mut session) = risk.clone() else { panic!("a member") };
        session.at = session.at.plus_seconds(identity::limits::STEP_UP_SECONDS);
        assert_eq!(refused(&Actor::Member(session)), Err(RuleModeError::Denied(Denied::StepUpNeeded)));
        for rule in FIXED_RULES {
            assert!(RuleSet::starter().find(rule).is_some(), "`{rule}` is gone");
            for mode in [Mode::Watch, Mode::Off] {
                assert_eq!(set(&world, &risk, shop, rule, mode), Err(RuleModeError::Fixed), "{rule}");
            }
            assert_eq!(set(&world, &risk, shop, rule, Mode::On), Ok(Mode::On));
        }
        assert_eq!(set(&world, &risk, shop, "no_such_rule", Mode::Off), Err(RuleModeError::NoRule));
        assert_eq!(entries(&world).len(), 0);
        assert_eq!(set(&world, &risk, shop, "night_unusual_amount", Mode::Off), Ok(Mode::On));
    });
}

#[test]
fn c34_the_desk_shows_the_rules_changes_one_and_takes_it_back() {
    let (site, mut owner) = open(Site::new(Screen::starter()));
    let page = owner.get("/desk/rules");
    page.is(200).shows("Your printed code was paid from far away").shows("Protects buyers at every shop");
    let here = "/desk/rules/static_code_far_away";
    let page = owner.get(here);
    page.is(200)
        .shows("payment.distance_km &#62;= 100.0")
        .shows("We are taking a short look at this payment");
    let form = page.form(here);
    owner.send(&form.clone().with("mode", "off").with("note", " ")).is(422).shows("Say why");
    owner.send(&form.clone().with("mode", "loud").with("note", "x")).is(400);
    let done = owner.send(&form.with("mode", "watch").with("note", "a fair in another town"));
    done.is(200).shows("static_code_far_away is on watch now");
    let modes = || site.read(|tx| tx.query("SELECT rule_modes FROM premises", &[]));
    assert_eq!(modes()[0].opt_text(0), Ok(Some("static_code_far_away=watch")));
    let undone = owner.send(&done.form(here));
    undone.is(200).shows("static_code_far_away is on now");
    assert_eq!(modes()[0].opt_text(0), Ok(None));
    for fixed in FIXED_RULES {
        owner.get(&format!("/desk/rules/{fixed}")).is(404);
    }
    owner.get("/desk/rules/no_such_rule").is(404);
    owner.lang = "zh";
    owner.get("/desk/rules").is(200).shows("您的印刷码在远处被支付").shows("保护所有店铺的买家");
    owner.get(here).is(200).shows("触发条件");
    owner.lang = "en";
    // What is sensitive asks for the second factor again; seeing does not.
    for _ in 0..2 {
        site.clock.advance_seconds(500);
        owner.get("/desk").is(200);
    }
    owner.get("/desk/rules").is(200).shows("Rules");
    let asked = owner.get(here);
    assert!(asked.path.starts_with("/sign-in/again"), "{}", asked.path);
}

#[test]
fn c34_a_payments_page_says_what_the_rules_on_watch_would_have_done() {
    let (site, mut owner) = opened(Review);
    let form = owner.get("/desk/rules/always").is(200).form("/desk/rules/always");
    owner.send(&form.with("mode", "watch").with("note", "too many reviews")).is(200);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, PIN)).is(200);
    assert_eq!(site.payment(id).stored_state, State::Paid);
    owner.get(&format!("/desk/payments/{id}")).is(200).shows("Rules on watch");
}
