//! `tillward buyer unlock|confirm|freeze|unfreeze|contact|sign-out`.

use std::io::{BufRead, stdin};
use std::process::ExitCode;
use std::sync::Arc;

use base::{BuyerId, Clock, Dice};
use identity::{
    Actor, BuyerError, Contact, Everybody, Freeze, Means, Person, confirm_buyer, put_contact_as_operator,
    set_frozen, unlock_pin,
};

use super::sign_out::{Whom, sign_out};
use super::{Source, say, whole};
use crate::installation::Installation;

/// Longest line that is read as a contact, in bytes.
const LINE_BYTES_MAX: u64 = 1024;

/// Unlock, confirm, freeze and unfreeze buyers, end their sessions, and give an account back to whom it belongs.
#[derive(clap::Args)]
#[command(
    after_help = "Each change is an entry of the audit log. With the embedded engine, stop the server first.\n\n\
    Examples:\n  tillward buyer unlock buy_0123…\n  tillward buyer confirm buy_0123…\n  tillward buyer unfreeze buy_0123…\n  tillward buyer contact buy_0123…   (then type the address or number)\n  \
    tillward buyer sign-out --everybody"
)]
pub(super) struct Buyer {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Let a buyer whose PIN is locked after too many wrong tries try again
    Unlock(One),
    /// Say that the buyer has shown you who they are: a PIN that was set anew with a code alone pays as usual again, and the
    /// buyer is told
    Confirm(One),
    /// Keep a buyer from paying
    Freeze(One),
    /// Let a frozen buyer pay again
    Unfreeze(One),
    /// Put another e-mail address or number in place of the buyer's; it is read from the first line of the input, so that it
    /// stands in no list of commands. Every session ends, and the contact up to now is told
    Contact(Moved),
    /// End every session of a buyer, or of all buyers
    SignOut(SignOut),
}

#[derive(clap::Args)]
struct SignOut {
    /// The buyer, `buy_…`
    #[arg(value_name = "BUYER_ID", required_unless_present = "everybody", conflicts_with = "everybody")]
    buyer: Option<BuyerId>,
    /// All buyers
    #[arg(long)]
    everybody: bool,
    #[command(flatten)]
    source: Source,
}

#[derive(clap::Args)]
struct One {
    /// The buyer, `buy_…`
    #[arg(value_name = "BUYER_ID")]
    buyer: BuyerId,
    #[command(flatten)]
    source: Source,
}

#[derive(clap::Args)]
struct Moved {
    #[command(flatten)]
    one: One,
    /// What the link in the notice starts with, where the settings name no public address
    #[arg(long, default_value = "http://localhost:8080")]
    url: String,
}

/// What is done to a buyer.
#[derive(Clone)]
enum Change {
    Unlock,
    Confirm,
    Set(Freeze),
    Contact { new: Contact, url: String },
}

impl Change {
    /// With the public address of the settings, where they name one.
    fn with_url(self, public: Option<&str>) -> Change {
        match (self, public) {
            (Change::Contact { new, .. }, Some(url)) => Change::Contact { new, url: url.to_owned() },
            (Change::Contact { new, url }, None) => {
                Change::Contact { new, url: url.trim_end_matches('/').to_owned() }
            }
            (change, _) => change,
        }
    }
}

impl Buyer {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let (change, one, done) = match self.what {
            What::Unlock(one) => (Change::Unlock, one, "the PIN is unlocked"),
            What::Confirm(one) => (Change::Confirm, one, "the buyer is confirmed, and the PIN pays as usual"),
            What::Freeze(one) => (Change::Set(Freeze::Freeze), one, "the buyer is frozen"),
            What::Unfreeze(one) => (Change::Set(Freeze::Unfreeze), one, "the buyer is not frozen any more"),
            What::Contact(Moved { one, url }) => {
                let new = read_contact(stdin().lock())?;
                (Change::Contact { new, url }, one, "the contact is changed, and every session has ended")
            }
            What::SignOut(out) => {
                let whom = out.buyer.map_or(Whom::All(Everybody::Buyers), |id| Whom::One(Person::Buyer(id)));
                return sign_out(out.source, whom);
            }
        };
        let config = one.source.read()?;
        let at = Installation::open_existing(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
        let change = change.with_url(config.public_url.as_deref());
        apply(&at, one.buyer, change).map_err(|e| whole(&e))?;
        say(done);
        Ok(ExitCode::SUCCESS)
    }
}

fn read_contact(input: impl BufRead) -> Result<Contact, String> {
    let mut line = String::new();
    input.take(LINE_BYTES_MAX).read_line(&mut line).map_err(|e| whole(&e))?;
    Contact::parse(line.trim()).map_err(|e| format!("the first line of the input {e}"))
}

fn apply(at: &Installation, buyer: BuyerId, change: Change) -> Result<(), BuyerError> {
    let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
    at.db.write_blocking(move |tx| {
        let means = Means { vault: &vault, dice: &dice, now };
        match &change {
            Change::Unlock => unlock_pin(tx, &means, &Actor::Operator, buyer),
            Change::Confirm => confirm_buyer(tx, &means, &Actor::Operator, buyer),
            Change::Set(freeze) => set_frozen(tx, &means, &Actor::Operator, buyer, *freeze),
            Change::Contact { new, url } => put_contact_as_operator(tx, &means, (buyer, new), url),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use identity::{BuyerState, Email, PersonName, Pin, SignUp};
    use webkit::page::Lang;

    #[test]
    fn c21_the_operator_unlocks_freezes_and_unfreezes_a_buyer() {
        let folder = tempfile::tempdir().unwrap();
        let (data, key_file) = (Some(folder.path().join("data")), Some(folder.path().join("root.key")));
        let config = Settings { data, key_file, ..Settings::default() }.check().unwrap();
        let at = Installation::open(&config, Clock::System, Dice::System).unwrap();
        let (vault, dice, now) = (Arc::clone(&at.vault), at.dice.clone(), at.clock.now());
        let made = at.db.write_blocking(move |tx| {
            let means = Means { vault: &vault, dice: &dice, now };
            let name = PersonName::parse("Zhang San").unwrap();
            let contact = Email::parse("a@b.example").unwrap();
            let sign_up = SignUp::new(name, contact, Pin::parse("482916").unwrap(), Lang::En).unwrap();
            let buyer = identity::create_buyer(tx, &means, &sign_up)?;
            for _ in 0..identity::limits::PIN_TRIES_MAX {
                identity::verify_pin(tx, &means, buyer, &Pin::parse("739264").unwrap())?;
            }
            Ok::<_, BuyerError>(buyer)
        });
        let buyer = made.unwrap();
        let state = || {
            let found = at.db.read_blocking(|tx| identity::find_buyer(tx, buyer)).unwrap().unwrap();
            (found.state, found.pin_locked)
        };
        assert_eq!(state(), (BuyerState::Active, true));
        apply(&at, buyer, Change::Unlock).unwrap();
        apply(&at, buyer, Change::Set(Freeze::Freeze)).unwrap();
        assert_eq!(state(), (BuyerState::Held, false));
        apply(&at, buyer, Change::Set(Freeze::Unfreeze)).unwrap();
        assert_eq!(state(), (BuyerState::Active, false));
        let new = read_contact("new@b.example\nmore".as_bytes()).unwrap();
        assert!(read_contact("zhang\n".as_bytes()).is_err_and(|e| e.contains("must be a telephone number")));
        let found = new.clone();
        apply(&at, buyer, Change::Contact { new, url: "https://pay.example".into() }).unwrap();
        let vault = Arc::clone(&at.vault);
        let opens = at.db.read_blocking(|tx| identity::find_buyer_by_contact(tx, &vault, &found)).unwrap();
        assert_eq!(opens, Some(buyer));
        let entries = at.db.read_blocking(|tx| tx.query("SELECT body FROM audit_entries", &[])).unwrap();
        let texts: String = entries.iter().map(|row| row.text(0).unwrap()).collect();
        for action in ["pin.unlocked", "buyer.frozen", "buyer.unfrozen", "buyer.contact_changed"] {
            assert!(texts.contains(&format!("\"action\":\"{action}\"")), "{action}");
        }
        let second = Installation::open(&config, Clock::System, Dice::System).err().map(|e| whole(&e));
        assert!(
            second.unwrap_or_default().contains("stop that one first"),
            "a running server is named as the cause"
        );
    }
}
