//! Ending sessions from the command line: one person's, or everybody's (ASVS 7.4.5).

use std::process::ExitCode;
use std::sync::Arc;

use base::{Clock, Dice};
use identity::{Actor, Everybody, Fault, Means, Person, sign_everybody_out, sign_person_out};

use super::{Source, say, whole};
use crate::installation::Installation;

/// Whose sessions end.
#[derive(Clone, Copy)]
pub(super) enum Whom {
    One(Person),
    All(Everybody),
}

/// Ends sessions, and says how many.
pub(super) fn sign_out(source: Source, whom: Whom) -> Result<ExitCode, String> {
    let at =
        Installation::open_existing(&source.read()?, Clock::System, Dice::System).map_err(|e| whole(&e))?;
    let ended = apply(&at, whom).map_err(|e| whole(&e))?;
    say(&format!("{ended} sessions were ended"));
    Ok(ExitCode::SUCCESS)
}

/// Everybody's in small transactions, so that payments get their turn between them.
fn apply(at: &Installation, whom: Whom) -> Result<usize, Fault> {
    let mut all = 0;
    loop {
        let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
        let ended = at.db.write_blocking(move |tx| {
            let means = Means { vault: &vault, dice: &dice, now };
            match whom {
                Whom::One(person) => sign_person_out(tx, &means, &Actor::Operator, person),
                Whom::All(whom) => sign_everybody_out(tx, &means, &Actor::Operator, whom),
            }
        })?;
        all += ended;
        if ended == 0 || matches!(whom, Whom::One(_)) {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use base::BuyerId;
    use identity::limits::SIGN_OUT_ROWS_MAX;
    use identity::{BuyerError, Email, Label, PersonName, Pin, SignUp};
    use webkit::page::Lang;

    #[test]
    fn asvs_7_4_5_the_operator_signs_one_buyer_out_or_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let (data, key_file) = (Some(folder.path().join("data")), Some(folder.path().join("root.key")));
        let config = Settings { data, key_file, ..Settings::default() }.check().unwrap();
        let at = Installation::open(&config, Clock::System, Dice::System).unwrap();
        let buyers = ["a@b.example", "c@d.example"].map(|contact| buyer(&at, contact));
        for (buyer, sessions) in [(buyers[0], 3), (buyers[1], SIGN_OUT_ROWS_MAX + 1)] {
            let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
            let opened = at.db.write_blocking(move |tx| {
                let means = Means { vault: &vault, dice: &dice, now };
                for _ in 0..sessions {
                    identity::open_trusted_session(tx, &means, buyer, &Label::from_agent("phone"))?;
                }
                Ok::<_, Fault>(())
            });
            opened.unwrap();
        }
        let open = |buyer| {
            let now = at.clock.now();
            at.db.read_blocking(|tx| identity::list_buyer_sessions(tx, buyer, now)).unwrap().len()
        };
        assert_eq!(apply(&at, Whom::One(Person::Buyer(buyers[0]))), Ok(3));
        assert_eq!(buyers.map(open), [0, SIGN_OUT_ROWS_MAX + 1]);
        assert_eq!(apply(&at, Whom::All(Everybody::Members)), Ok(0));
        assert_eq!(apply(&at, Whom::All(Everybody::Buyers)), Ok(SIGN_OUT_ROWS_MAX + 1));
        assert_eq!(buyers.map(open), [0, 0]);
        let told = "SELECT id FROM audit_entries WHERE body LIKE '%everybody.signed_out%operator%' \
                    OR body LIKE '%operator%everybody.signed_out%'";
        let told = at.db.read_blocking(|tx| tx.query(told, &[])).unwrap();
        assert_eq!(told.len(), 2, "once for each transaction");
    }

    fn buyer(at: &Installation, contact: &'static str) -> BuyerId {
        let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
        let made = at.db.write_blocking(move |tx| {
            let means = Means { vault: &vault, dice: &dice, now };
            let name = PersonName::parse("Zhang San").unwrap();
            let contact = Email::parse(contact).unwrap();
            let sign_up = SignUp::new(name, contact, Pin::parse("482916").unwrap(), Lang::En).unwrap();
            identity::create_buyer(tx, &means, &sign_up)
        });
        made.map_err(|e: BuyerError| e.to_string()).unwrap()
    }
}
