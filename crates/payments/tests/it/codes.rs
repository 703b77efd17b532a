//! Scanning codes: each way a code can be wrong has its own refusal (C18, QR-11, QR-12).

use base::{Currency, Dice, Money};
use payments::code::{self, ScanError, Scanned, claims_of_static};
use payments::code_token::{CodeClaims, CodeToken, CodeTokenError};
use payments::create::CreateError;
use payments::{Payment, State};
use risk::Outcome::{Allow, Block, Challenge, Review};

use crate::world::{World, each_world};

fn refused(world: &World, token: &str) -> ScanError {
    world.scan(token, None).unwrap_err()
}

fn used(world: &World, payment: &Payment) -> ScanError {
    ScanError::Used(Box::new(world.stored(payment.id)))
}

#[test]
fn qr_12_a_scanned_code_shows_the_servers_own_payee_and_amount() {
    each_world(|world| {
        let shop = world.shop("CN");
        let payment = world.payment(shop.id, 12_800);
        let token = world.token(&payment);
        assert_eq!(world.scan(&token, None), Ok(Scanned::Payment(Box::new(payment.clone()))));
        assert_eq!(world.scan(&token, Some(shop.id)), Ok(Scanned::Payment(Box::new(payment))));
    });
}

#[test]
fn c18_a_code_is_used_up_by_its_one_payment() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        for found in [Allow, Challenge, Review, Block] {
            let payment = world.payment(shop.id, 500);
            let token = world.token(&payment);
            assert!(world.scan(&token, None).is_ok());
            world.paid(&buyer, &payment, found);
            assert_eq!(refused(&world, &token), used(&world, &payment), "{}", found.name());
        }
    });
}

#[test]
fn c18_an_expired_or_cancelled_code_says_so() {
    each_world(|world| {
        let shop = world.shop("SG");
        let (late, taken_back) = (world.payment(shop.id, 500), world.payment(shop.id, 500));
        let (token, other) = (world.token(&late), world.token(&taken_back));
        world.cancel(taken_back.id).unwrap();
        assert_eq!(refused(&world, &other), ScanError::Revoked);
        world.wait(payments::limits::CODE_SECONDS_DEFAULT - 1);
        assert!(world.scan(&token, None).is_ok());
        world.wait(1);
        assert_eq!(refused(&world, &token), ScanError::Token(CodeTokenError::Expired));
        assert_eq!(world.state(late.id), State::Expired);
    });
}

#[test]
fn c18_an_altered_code_is_refused_in_every_bit() {
    each_world(|world| {
        let shop = world.shop("SG");
        let payment = world.payment(shop.id, 500);
        let token = world.token(&payment);
        for at in 0..token.len() {
            for other in ["A", "b", "_", "7"] {
                let mut text = token.clone();
                text.replace_range(at..=at, other);
                let scanned = world.scan(&text, None);
                let same = text == token;
                assert_eq!(scanned.is_ok(), same, "{text}");
                let known = matches!(
                    scanned,
                    Ok(_)
                        | Err(ScanError::Unknown
                            | ScanError::Token(CodeTokenError::Altered | CodeTokenError::Malformed))
                );
                assert!(known, "{text}: {scanned:?}");
            }
        }
        // A token for a lower amount or a later end, signed by somebody without the key.
        let forger = payments::code_token::CodeKey::new(&Dice::System.bytes());
        let claims = code::claims_of(&payment);
        let cheap =
            CodeClaims::dynamic(claims.code, shop.id, Money::new(1, Currency::CNY), payment.expires_at);
        for forged in [claims, cheap] {
            let token = CodeToken::issue(&forger, &forged).unwrap().to_string();
            assert_eq!(refused(&world, &token), ScanError::Token(CodeTokenError::Altered));
        }
    });
}

#[test]
fn qr_11_a_code_is_bound_to_the_amount_of_its_payment() {
    each_world(|world| {
        let shop = world.shop("SG");
        let payment = world.payment(shop.id, 500);
        // The row is changed behind the program's back; the genuine code no longer fits.
        let (token, id) = (world.token(&payment), payment.id);
        world
            .write(move |tx, _| {
                tx.execute("UPDATE payments SET amount_minor = 5 WHERE id = ?1", &[id.short().into()])
            })
            .unwrap();
        assert_eq!(refused(&world, &token), ScanError::Token(CodeTokenError::Altered));
    });
}

#[test]
fn c18_a_forged_code_learns_nothing_of_a_used_one() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.payment(shop.id, 500);
        world.paid(&buyer, &payment, Allow);
        let forger = payments::code_token::CodeKey::new(&Dice::System.bytes());
        let token = CodeToken::issue(&forger, &code::claims_of(&payment)).unwrap().to_string();
        assert_eq!(refused(&world, &token), ScanError::Token(CodeTokenError::Altered));
    });
}

#[test]
fn c18_another_shops_code_is_refused_at_this_one() {
    each_world(|world| {
        let (shop, other) = (world.shop("SG"), world.shop("SG"));
        let key = code::code_key(&world.vault);
        let printed = world.printed_code(&shop);
        let fixed = CodeToken::issue(&key, &claims_of_static(&printed)).unwrap().to_string();
        let dynamic = world.token(&world.payment(shop.id, 500));
        for token in [fixed, dynamic] {
            assert!(world.scan(&token, Some(shop.id)).is_ok());
            let refused = world.scan(&token, Some(other.id));
            assert_eq!(refused, Err(ScanError::Token(CodeTokenError::OtherShop)));
        }
    });
}

#[test]
fn c18_a_printed_code_asks_for_the_amount_until_it_is_revoked() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let printed = world.printed_code(&shop);
        let key = code::code_key(&world.vault);
        let token = CodeToken::issue(&key, &claims_of_static(&printed)).unwrap().to_string();
        assert_eq!(world.scan(&token, None), Ok(Scanned::Amount(Box::new(printed.clone()))));
        // It is not used up: each buyer who types an amount gets a payment of their own.
        for minor in [100, 200] {
            let payment = world.printed_payment(printed.id, minor).unwrap();
            world.paid(&buyer, &payment, Allow);
        }
        assert!(world.scan(&token, None).is_ok());
        let waiting = world.printed_payment(printed.id, 300).unwrap();
        for _ in 0..2 {
            let by = audit::Actor::system("test");
            world.write(move |tx, means| code::revoke_code(tx, means, &by, printed.id)).unwrap().unwrap();
        }
        let told = |action: &str| {
            let like = [store::Value::from(format!("%{action}%"))];
            let sql = "SELECT id FROM audit_entries WHERE body LIKE ?1";
            world.db.read_blocking(|tx| tx.query(sql, &like)).unwrap().len()
        };
        assert_eq!(
            (told("code.create"), told("code.revoke")),
            (1, 1),
            "made and taken back, each once in the log"
        );
        assert_eq!(refused(&world, &token), ScanError::Revoked);
        assert_eq!(world.printed_payment(printed.id, 100).err(), Some(CreateError::CodeRevoked));
        // What a buyer had begun before may be ended: shop and amount are as they saw them.
        assert_eq!(world.paid(&buyer, &waiting, Allow).stored_state, State::Paid);
        assert_eq!(world.takings(shop.id), 600);
    });
}

#[test]
fn c18_a_code_nobody_made_is_unknown() {
    each_world(|world| {
        let shop = world.shop("SG");
        let key = code::code_key(&world.vault);
        let id = base::CodeId::new(shop.id, world.now(), &world.dice);
        let fixed = CodeClaims::fixed(id, shop.id, Currency::CNY);
        let dynamic =
            CodeClaims::dynamic(id, shop.id, Money::new(5, Currency::CNY), world.now().plus_seconds(60));
        for claims in [fixed, dynamic] {
            let token = CodeToken::issue(&key, &claims).unwrap().to_string();
            assert_eq!(refused(&world, &token), ScanError::Unknown);
        }
        // A printed payment has no dynamic code, though it has the id of one.
        let printed = world.printed_code(&shop);
        let payment = world.printed_payment(printed.id, 500).unwrap();
        assert_eq!(refused(&world, &world.token(&payment)), ScanError::Unknown);
        for text in ["", "x", "https://pay.example/p/", &"A".repeat(52), &"A".repeat(46)] {
            assert!(
                matches!(
                    world.scan(text, None),
                    Err(ScanError::Token(CodeTokenError::Malformed) | ScanError::Unknown)
                ),
                "{text}"
            );
        }
    });
}
