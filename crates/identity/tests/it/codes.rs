//! Signing up and in with a one-time code, without telling anybody which contacts are known.

use base::SessionId;
use identity::{
    CodeCheck, CodeRequestError, Fault, Knock, Label, OneTimeCode, PinCheck, ShownDevice, SignUp, SignedIn,
};
use webkit::page::Lang;

use crate::world::{PIN, World, code_in, each_world, email, pin, sign_up};

pub fn ask_up(world: &World, contact: &'static str) -> SessionId {
    world
        .write(move |tx, means| {
            identity::request_sign_up(
                tx,
                means,
                &sign_up(contact),
                identity::Knock { origin: "192.0.2.1", host: "pay.example", device: None },
            )
        })
        .unwrap()
        .request
}

pub fn ask_in(
    world: &World,
    contact: &'static str,
    origin: &'static str,
) -> Result<SessionId, CodeRequestError> {
    ask_on(world, contact, origin, None)
}

/// Asks on a device that shows what it got the last time.
fn ask_on(
    world: &World,
    contact: &'static str,
    origin: &'static str,
    shown: Option<&SignedIn>,
) -> Result<SessionId, CodeRequestError> {
    let device = shown.map(|signed_in| signed_in.device_token.clone());
    let asked = world.write(move |tx, means| {
        let from = Knock { origin, host: "pay.example", device: device.as_ref() };
        identity::request_sign_in(tx, means, &email(contact).into(), Lang::Zh, from)
    });
    asked.map(|asked| asked.request)
}

pub fn give(world: &World, request: SessionId, code: &str, shown: Option<&SignedIn>) -> CodeCheck {
    let code = OneTimeCode::parse(code).unwrap();
    let device = ShownDevice {
        origin: "192.0.2.1".into(),
        token: shown.map(|signed_in| signed_in.device_token.clone()),
        label: Label::from_agent("phone"),
        session: None,
    };
    world.write(move |tx, means| identity::verify_code(tx, means, request, &code, &device)).unwrap()
}

pub fn right(check: CodeCheck) -> SignedIn {
    let CodeCheck::Right(signed_in) = check else { panic!("the code was refused: {check:?}") };
    *signed_in
}

/// A code that is not the right one.
fn other_than(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[test]
fn a_sign_up_becomes_an_account_when_its_code_is_given() {
    each_world(|world| {
        let request = ask_up(&world, "New@Shop.example");
        let find = || {
            world
                .read(|tx, means| {
                    identity::find_buyer_by_contact(tx, means.vault, &email("new@shop.example").into())
                })
                .unwrap()
        };
        assert_eq!(find(), None);
        let mails = world.deliver();
        assert_eq!(mails[0].recipient.expose(), "new@shop.example");
        assert!(!mails[0].subject.chars().any(|c| c.is_ascii_digit()));
        let signed_in = right(give(&world, request, &code_in(&mails[0].body), None));
        assert!(signed_in.is_new);
        assert_eq!(find(), Some(signed_in.buyer));
        let now = world.now();
        let session = world.read(|tx, _| identity::require_buyer(tx, &signed_in.session.token, now)).unwrap();
        assert_eq!((session.buyer, session.device), (signed_in.buyer, signed_in.device));
        let person =
            world.read(|tx, means| identity::find_buyer_person(tx, means.vault, signed_in.buyer)).unwrap();
        assert_eq!(
            (person.name.expose().as_str(), person.contact.expose().as_str()),
            ("Zhang San", "new@shop.example")
        );
        let buyer = signed_in.buyer;
        let check = world.write(move |tx, means| identity::verify_pin(tx, means, buyer, &pin(PIN))).unwrap();
        assert_eq!(check, PinCheck::Right);
    });
}

#[test]
fn a_code_works_once_for_its_own_request_and_for_ten_minutes() {
    each_world(|world| {
        world.buyer("a@b.example");
        let request = ask_in(&world, "a@b.example", "192.0.2.1").unwrap();
        let code = code_in(&world.deliver()[0].body);
        let foreign = ask_in(&world, "a@b.example", "192.0.2.1").unwrap();
        assert!(matches!(give(&world, foreign, &code, None), CodeCheck::Wrong { left: 4 }));
        right(give(&world, request, &code, None));
        assert!(matches!(give(&world, request, &code, None), CodeCheck::Gone));
        let late = code_in(&world.deliver()[0].body);
        world.wait(599);
        assert!(matches!(give(&world, foreign, &other_than(&late), None), CodeCheck::Wrong { left: 3 }));
        world.wait(1);
        assert!(matches!(give(&world, foreign, &late, None), CodeCheck::Gone));
    });
}

#[test]
fn c04_five_wrong_codes_spend_a_request() {
    each_world(|world| {
        world.buyer("a@b.example");
        let request = ask_in(&world, "a@b.example", "192.0.2.1").unwrap();
        let code = code_in(&world.deliver()[0].body);
        for left in (0..5).rev() {
            let found = give(&world, request, &other_than(&code), None);
            assert!(matches!(found, CodeCheck::Wrong { left: found } if found == left), "{found:?}");
        }
        assert!(matches!(give(&world, request, &code, None), CodeCheck::Gone));
        assert_eq!(world.audited("code.refused"), 5);
        let told = |world: &World| world.deliver().into_iter().map(|mail| mail.template).collect::<Vec<_>>();
        assert_eq!(told(&world), ["failed_burst"], "C15: the owner hears of it");
        let request = ask_in(&world, "a@b.example", "192.0.2.1").unwrap();
        let code = code_in(&world.deliver()[0].body);
        for _ in 0..5 {
            give(&world, request, &other_than(&code), None);
        }
        assert_eq!(told(&world), Vec::<String>::new(), "once a day");
        world.wait(86_400);
        let request = ask_in(&world, "a@b.example", "192.0.2.1").unwrap();
        let code = code_in(&world.deliver()[0].body);
        for _ in 0..4 {
            give(&world, request, &other_than(&code), None);
        }
        assert_eq!(told(&world), Vec::<String>::new(), "four are no burst");
        give(&world, request, &other_than(&code), None);
        assert_eq!(told(&world), ["failed_burst"]);
    });
}

#[test]
fn pw_5_an_unknown_contact_looks_the_same_and_gets_no_mail() {
    each_world(|world| {
        let request = ask_in(&world, "nobody@b.example", "192.0.2.1").unwrap();
        assert!(world.deliver().is_empty());
        for left in (0..5).rev() {
            let found = give(&world, request, "000000", None);
            assert!(matches!(found, CodeCheck::Wrong { left: found } if found == left), "{found:?}");
        }
        assert!(matches!(give(&world, request, "000000", None), CodeCheck::Gone));
        let unknown = SessionId::new(base::ShopId::HOUSE, world.now(), &base::Dice::System);
        assert!(matches!(give(&world, unknown, "000000", None), CodeCheck::Gone));
    });
}

#[test]
fn pw_5_a_sign_up_with_a_known_contact_looks_the_same_and_changes_nothing() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        let thief = SignUp::new(
            identity::PersonName::parse("Thief").unwrap(),
            email("a@b.example"),
            pin("305871"),
            Lang::En,
        )
        .unwrap();
        let request = world
            .write(move |tx, means| {
                identity::request_sign_up(
                    tx,
                    means,
                    &thief,
                    identity::Knock { origin: "192.0.2.66", host: "pay.example", device: None },
                )
            })
            .unwrap()
            .request;
        let signed_in = right(give(&world, request, &code_in(&world.deliver()[0].body), None));
        assert_eq!((signed_in.buyer, signed_in.is_new), (buyer, false));
        let check =
            world.write(move |tx, means| identity::verify_pin(tx, means, buyer, &pin("305871"))).unwrap();
        assert_eq!(check, PinCheck::Wrong { left: 4 });
    });
}

#[test]
fn of_two_sign_ups_with_one_contact_the_first_confirmed_wins() {
    each_world(|world| {
        let first = ask_up(&world, "a@b.example");
        let first_code = code_in(&world.deliver()[0].body);
        let second = ask_up(&world, "a@b.example");
        let second_code = code_in(&world.deliver()[0].body);
        let later = right(give(&world, second, &second_code, None));
        let earlier = right(give(&world, first, &first_code, None));
        assert!(later.is_new && !earlier.is_new);
        assert_eq!(later.buyer, earlier.buyer);
    });
}

#[test]
fn c04_codes_are_throttled_by_contact_and_address_known_or_not() {
    each_world(|world| {
        world.buyer("a@b.example");
        for contact in ["a@b.example", "nobody@b.example"] {
            for _ in 0..5 {
                ask_in(&world, contact, "192.0.2.1").unwrap();
            }
            let refused = ask_in(&world, contact, "192.0.2.1").unwrap_err();
            assert_eq!(refused, CodeRequestError::TooMany { retry_after_seconds: 3600 });
            assert!(ask_in(&world, contact, "192.0.2.2").is_ok(), "another place is not locked out");
        }
        world.wait(3599);
        assert!(ask_in(&world, "a@b.example", "192.0.2.1").is_err());
        world.wait(1);
        assert!(ask_in(&world, "a@b.example", "192.0.2.1").is_ok());
    });
}

#[test]
fn a_device_is_recognised_by_its_token_and_by_nothing_else() {
    each_world(|world| {
        world.buyer("a@b.example");
        world.buyer("c@d.example");
        let sign_in = |contact: &'static str, shown: Option<&SignedIn>| {
            let request = ask_in(&world, contact, "192.0.2.1").unwrap();
            right(give(&world, request, &code_in(&world.deliver()[0].body), shown))
        };
        let first = sign_in("a@b.example", None);
        let again = sign_in("a@b.example", Some(&first));
        assert_eq!(first.device, again.device);
        let fresh = sign_in("a@b.example", None);
        assert_ne!(first.device, fresh.device);
        let buyer = first.buyer;
        let devices = world.read(|tx, _| identity::list_devices(tx, buyer)).unwrap();
        assert_eq!(devices.len(), 2);
        let text = first.device_token.reveal();
        assert_eq!(identity::DeviceToken::parse(text.expose()), Some(first.device_token));
    });
}

#[test]
fn c34_a_browser_that_two_buyers_use_is_one_device_and_a_made_up_token_is_another() {
    each_world(|world| {
        world.buyer("a@b.example");
        world.buyer("c@d.example");
        let sign_in = |contact: &'static str, shown: Option<&SignedIn>| {
            let request = ask_in(&world, contact, "192.0.2.1").unwrap();
            right(give(&world, request, &code_in(&code_mail(&world.deliver()).body), shown))
        };
        let first = sign_in("a@b.example", None);
        let second = sign_in("c@d.example", Some(&first));
        assert_eq!((first.device, &first.device_token), (second.device, &second.device_token));
        assert_eq!(sign_in("a@b.example", Some(&second)).device, first.device, "both keep it");
        let stranger = sign_in("c@d.example", None);
        let made_up = format!(
            "{}.{}",
            first.device,
            stranger.device_token.reveal().expose().split_once('.').unwrap().1
        );
        let token = identity::DeviceToken::parse(&made_up).unwrap();
        let forged = sign_in("a@b.example", Some(&SignedIn { device_token: token, ..stranger }));
        assert_ne!(forged.device, first.device, "knowing a device's id is not having the device");
    });
}

#[test]
fn sweeping_forgets_old_requests_and_shreds_sign_ups_that_were_never_confirmed() {
    each_world(|world| {
        ask_up(&world, "new@shop.example");
        world.deliver();
        world.wait(600 + 86_401);
        let swept = world.write(identity::sweep).unwrap();
        assert_eq!(swept, 1);
        let count = |sql: &'static str| {
            world.cx.db.read_blocking(|tx| tx.query_opt(sql, &[])).unwrap().unwrap().int(0).unwrap()
        };
        assert_eq!(count("SELECT COUNT(*) FROM one_time_codes"), 0);
        assert_eq!(count("SELECT COUNT(*) FROM vault_data_keys WHERE wrapped IS NOT NULL"), 0);
        assert_eq!(world.write(identity::sweep), Ok::<_, Fault>(0));
    });
}

/// The mail with a code; notices may lie beside it.
fn code_mail(mails: &[identity::DueMail]) -> &identity::DueMail {
    mails.iter().find(|mail| mail.template == "code").unwrap()
}

/// Uses up the codes of a contact from four strange addresses.
fn use_up(world: &World, contact: &'static str) {
    let mut sent = 0;
    for origin in ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5"] {
        sent += (0..5).filter(|_| ask_in(world, contact, origin).is_ok()).count();
    }
    assert_eq!(sent, 19, "the sign-up was the first of twenty");
    assert!(matches!(ask_in(world, contact, "203.0.113.9"), Err(CodeRequestError::TooMany { .. })));
}

#[test]
fn pw_4_strangers_who_use_up_the_codes_of_a_contact_do_not_keep_a_known_device_out() {
    each_world(|world| {
        let request = ask_up(&world, "a@b.example");
        let buyer = right(give(&world, request, &code_in(&world.deliver()[0].body), None));
        use_up(&world, "a@b.example");
        world.deliver();
        let request = ask_on(&world, "a@b.example", "198.51.100.1", Some(&buyer)).unwrap();
        let code = code_in(&world.deliver()[0].body);
        assert_eq!(right(give(&world, request, &code, Some(&buyer))).buyer, buyer.buyer);
        // Its own budget has an end too.
        for _ in 1..10 {
            assert!(ask_on(&world, "a@b.example", "192.0.2.1", Some(&buyer)).is_ok());
        }
        let refused = ask_on(&world, "a@b.example", "192.0.2.1", Some(&buyer));
        assert!(matches!(refused, Err(CodeRequestError::TooMany { .. })), "{refused:?}");
    });
}

#[test]
fn pw_4_the_device_of_another_buyer_has_no_budget_for_this_contact() {
    each_world(|world| {
        for contact in ["a@b.example", "c@d.example"] {
            let request = ask_up(&world, contact);
            right(give(&world, request, &code_in(&world.deliver()[0].body), None));
        }
        let request = ask_in(&world, "c@d.example", "192.0.2.7").unwrap();
        let stranger = right(give(&world, request, &code_in(&world.deliver()[0].body), None));
        use_up(&world, "a@b.example");
        let refused = ask_on(&world, "a@b.example", "192.0.2.7", Some(&stranger));
        assert!(matches!(refused, Err(CodeRequestError::TooMany { .. })), "{refused:?}");
        let refused = ask_on(&world, "nobody@b.example", "192.0.2.7", Some(&stranger));
        assert!(refused.is_ok(), "an unknown contact is counted as any other");
    });
}

#[test]
fn c15_a_buyers_sign_in_from_a_new_network_is_told_and_a_new_device_is_told_with_its_network() {
    each_world(|world| {
        world.buyer("a@b.example");
        let enter = |origin: &'static str, shown: Option<&SignedIn>| {
            let request = ask_on(&world, "a@b.example", origin, shown).unwrap();
            let code = code_in(&world.deliver()[0].body);
            let code = OneTimeCode::parse(&code).unwrap();
            let device = ShownDevice {
                origin: origin.into(),
                token: shown.map(|signed_in| signed_in.device_token.clone()),
                label: Label::from_agent("phone"),
                session: None,
            };
            let check =
                world.write(move |tx, means| identity::verify_code(tx, means, request, &code, &device));
            let told = world.deliver().into_iter();
            let told: Vec<(String, String)> =
                told.map(|mail| (mail.template, mail.body.expose().clone())).collect();
            (right(check.unwrap()), told)
        };
        let (first, told) = enter("192.0.2.1", None);
        assert!(told.is_empty(), "the first device of all");
        assert!(enter("192.0.2.200", Some(&first)).1.is_empty(), "another address of one network");
        let told = enter("203.0.113.7", Some(&first)).1;
        assert_eq!(told[0].0, "new_place");
        assert!(told[0].1.contains("203.0.113.•") && !told[0].1.contains("203.0.113.7"), "{}", told[0].1);
        assert!(enter("203.0.113.8", Some(&first)).1.is_empty(), "told once");
        let told = enter("198.51.100.1", None).1;
        assert_eq!(told.len(), 1, "a new device in a new network is one notice: {told:?}");
        assert!(told[0].0 == "new_device" && told[0].1.contains("198.51.100.•"), "{}", told[0].1);
    });
}

#[test]
fn pw_4_a_known_telephone_is_not_kept_out_by_texts_that_its_neighbours_ask_for() {
    each_world(|world| {
        let number = identity::Contact::Phone(identity::Phone::parse("+8613800138000").unwrap());
        let ask = |number: &identity::Contact, device: Option<&identity::DeviceToken>| {
            let (number, device) = (number.clone(), device.cloned());
            world.write(move |tx, means| {
                let from = Knock { origin: "192.0.2.1", host: "pay.example", device: device.as_ref() };
                identity::request_sign_in(tx, means, &number, Lang::Zh, from)
            })
        };
        let to = number.clone();
        let buyer = world
            .write(move |tx, means| {
                let name = identity::PersonName::parse("Zhang San").unwrap();
                let pin = identity::Pin::parse(crate::world::PIN).unwrap();
                identity::create_buyer(tx, means, &SignUp::new(name, to.clone(), pin, Lang::Zh).unwrap())
            })
            .unwrap();
        let device = ShownDevice {
            origin: "192.0.2.1".into(),
            token: None,
            label: Label::from_agent("phone"),
            session: None,
        };
        let opened = world.write(move |tx, means| {
            let arrival = identity::Arrival { device: &device, origin: "192.0.2.1" };
            let (person, kind) = (identity::Person::Buyer(buyer), identity::FactorKind::Passkey);
            identity::open_proven(tx, means, person, kind, arrival)
        });
        let Some(identity::Opened::Buyer(known)) = opened.unwrap() else { panic!() };
        for n in 0..30 {
            let other = format!("+86138001381{n:02}");
            let other = identity::Contact::Phone(identity::Phone::parse(&other).unwrap());
            assert!(ask(&other, None).is_ok(), "{n}");
        }
        assert!(ask(&number, None).is_err(), "the address has used up its texts");
        assert!(ask(&number, Some(&known.device_token)).is_ok(), "a known device has its own");
    });
}

/// Asks for a code of one of many contacts.
fn ask_many(world: &World, at: usize, origin: &'static str) -> Result<SessionId, CodeRequestError> {
    ask_in(world, Box::leak(format!("somebody{at}@mail.example").into_boxed_str()), origin)
}

#[test]
fn c04_codes_are_throttled_by_address_whomever_they_are_for() {
    each_world(|world| {
        for at in 0..100 {
            assert!(ask_many(&world, at, "198.51.100.7").is_ok(), "{at}");
        }
        let over = ask_many(&world, 100, "198.51.100.7");
        assert!(matches!(over, Err(CodeRequestError::TooMany { .. })), "{over:?}");
        assert!(ask_many(&world, 100, "198.51.100.8").is_ok());
        world.wait(3600);
        assert!(ask_many(&world, 100, "198.51.100.7").is_ok());
    });
}

#[test]
fn c04_wrong_codes_at_one_account_after_the_other_end_what_an_address_can_ask_for() {
    each_world(|world| {
        // Asked for before the first wrong one: such a code opens nothing either.
        let early = ask_up(&world, "zhang@mail.example");
        let code = code_in(&world.deliver()[0].body);
        for at in 0..4 {
            let request = ask_many(&world, at, "192.0.2.1").unwrap();
            for _ in 0..5 {
                assert!(matches!(give(&world, request, "000000", None), CodeCheck::Wrong { .. }), "{at}");
            }
        }
        let over = ask_many(&world, 4, "192.0.2.1");
        assert!(matches!(over, Err(CodeRequestError::TooMany { .. })), "{over:?}");
        assert!(matches!(give(&world, early, &code, None), CodeCheck::Gone));
        assert!(ask_many(&world, 4, "198.51.100.8").is_ok());
        world.wait(3600);
        assert!(ask_many(&world, 5, "192.0.2.1").is_ok());
    });
}
