//! The columns of an import: what each is called, and what a line with them means.

use base::{Secret, Timestamp};

use super::{Line, LineProblem, Problem};
use crate::card::{CardNumber, CardProblem, Expiry};
use crate::customer::NewCustomer;
use crate::export::What;
use crate::limits::IMPORT_PROBLEMS_MAX;
use crate::token::{NewToken, Use};
use crate::values::{Address, BankAccount, ExternalId, IdentityNumber, Scheme, Value, ValueProblem};

/// A column of a table of customers or cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// The shop's own id; every line has one.
    ExternalId,
    /// A person's name.
    Name,
    /// A phone number; the column may come more than once, as `phone`, `phone_2`, `phone_3`.
    Phone,
    /// An e-mail address; may come more than once.
    Email,
    /// Country of the address.
    Country,
    /// Province or state.
    Region,
    /// City.
    City,
    /// Postcode.
    Postcode,
    /// A street line; may come more than once.
    Street,
    /// `cn_resident_id`, `passport` or `other`.
    IdentityScheme,
    /// The identity number.
    IdentityNumber,
    /// `iban`, `card` or `account`.
    BankScheme,
    /// The bank account.
    BankAccount,
    /// The card's number.
    CardNumber,
    /// `MM/YY` or `MM/YYYY`.
    Expiry,
    /// 1 to 12.
    ExpiryMonth,
    /// Two or four digits.
    ExpiryYear,
    /// The name on the card.
    Holder,
    /// The shop's own id of the card's customer.
    CustomerExternalId,
}

const CUSTOMERS: [(Column, &str); 13] = [
    (Column::ExternalId, "external_id"),
    (Column::Name, "name"),
    (Column::Phone, "phone"),
    (Column::Email, "email"),
    (Column::Country, "country"),
    (Column::Region, "region"),
    (Column::City, "city"),
    (Column::Postcode, "postcode"),
    (Column::Street, "street"),
    (Column::IdentityScheme, "identity_scheme"),
    (Column::IdentityNumber, "identity_number"),
    (Column::BankScheme, "bank_scheme"),
    (Column::BankAccount, "bank_account"),
];
const CARDS: [(Column, &str); 7] = [
    (Column::ExternalId, "external_id"),
    (Column::CardNumber, "number"),
    (Column::Expiry, "expiry"),
    (Column::ExpiryMonth, "expiry_month"),
    (Column::ExpiryYear, "expiry_year"),
    (Column::Holder, "holder"),
    (Column::CustomerExternalId, "customer_external_id"),
];
/// Columns that may come more than once, with `_2`, `_3` behind the name.
const REPEATED: [Column; 3] = [Column::Phone, Column::Email, Column::Street];
const REPEATED_MAX: usize = 4;
/// Names of what must not be stored after a payment was authorised (PCI 3.3.1): refused before a line is read.
const FORBIDDEN: [&str; 12] = [
    "cvc",
    "cvc2",
    "cvv",
    "cvv2",
    "cid",
    "csc",
    "cav2",
    "security_code",
    "pin",
    "pin_block",
    "track1",
    "track2",
];

/// Why a heading was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadingProblem {
    /// No line at all.
    #[error("the table is empty; its first line must name the columns")]
    Empty,
    /// The first line cannot be read.
    #[error("the first line {0}")]
    Line(LineProblem),
    /// A column nobody knows.
    #[error("column {place} is not one of {known}")]
    Unknown {
        /// Its place, from 1. The heading itself may be a value and is not repeated.
        place: usize,
        /// What there is.
        known: String,
    },
    /// A column twice.
    #[error("the column `{0}` comes twice")]
    Twice(&'static str),
    /// A column that is needed is absent.
    #[error("there must be a column `{0}`")]
    Missing(&'static str),
    /// Sensitive authentication data.
    #[error(
        "column {place} holds verification codes, PINs or track data, which nobody may store; remove it from the table"
    )]
    Forbidden {
        /// Its place, from 1.
        place: usize,
    },
    /// The input ended in an error.
    #[error("the table cannot be read")]
    Unreadable,
}

/// The columns of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    what: What,
    columns: Vec<Column>,
}

/// What a line says, checked.
pub enum Parsed {
    /// A customer.
    Customer {
        /// The shop's own id.
        external: ExternalId,
        /// The customer.
        new: NewCustomer,
    },
    /// A card.
    Card {
        /// The shop's own id.
        external: ExternalId,
        /// The card.
        new: NewToken,
        /// The shop's own id of its customer.
        customer: Option<ExternalId>,
    },
}

impl Heading {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`HeadingProblem`].
    pub fn parse(what: What, line: &Line) -> Result<Heading, HeadingProblem> {
        let cells = line.cells.as_ref().map_err(|problem| HeadingProblem::Line(*problem))?;
        let mut columns: Vec<Column> = Vec::new();
        for (place, cell) in cells.iter().enumerate() {
            let name = cell.expose().to_lowercase().replace([' ', '-'], "_");
            if FORBIDDEN.contains(&name.as_str()) {
                return Err(HeadingProblem::Forbidden { place: place + 1 });
            }
            let column = find_column(what, &name).ok_or_else(|| {
                let known: Vec<&str> = names(what).iter().map(|(_, name)| *name).collect();
                HeadingProblem::Unknown { place: place + 1, known: known.join(", ") }
            })?;
            let before = columns.iter().filter(|other| **other == column).count();
            let most = if REPEATED.contains(&column) { REPEATED_MAX } else { 1 };
            if before >= most {
                return Err(HeadingProblem::Twice(name_of(what, column)));
            }
            columns.push(column);
        }
        let heading = Heading { what, columns };
        heading.check_needed()?;
        Ok(heading)
    }

    /// How many columns a line has.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    fn check_needed(&self) -> Result<(), HeadingProblem> {
        let has = |column| self.columns.contains(&column);
        if !has(Column::ExternalId) {
            return Err(HeadingProblem::Missing("external_id"));
        }
        match self.what {
            What::Customers if !has(Column::Name) => Err(HeadingProblem::Missing("name")),
            What::Cards if !has(Column::CardNumber) => Err(HeadingProblem::Missing("number")),
            What::Cards if !(has(Column::Expiry) || has(Column::ExpiryMonth) && has(Column::ExpiryYear)) => {
                Err(HeadingProblem::Missing("expiry"))
            }
            What::Customers | What::Cards => Ok(()),
        }
    }

    /// Reads a line with these columns.
    ///
    /// # Errors
    /// Every problem of the line, at most [`IMPORT_PROBLEMS_MAX`].
    pub fn read(&self, cells: &[Secret<String>], now: Timestamp) -> Result<Parsed, Vec<Problem>> {
        if cells.len() != self.columns.len() {
            let message =
                format!("has {} columns where the first line has {}", cells.len(), self.columns.len());
            return Err(vec![Problem::new("line", message)]);
        }
        let mut row = Row { heading: self, cells, problems: Vec::new() };
        let external = row.needed(Column::ExternalId, ExternalId::parse);
        let parsed = match self.what {
            What::Customers => row.customer(external),
            What::Cards => row.card(external, now),
        };
        row.problems.truncate(IMPORT_PROBLEMS_MAX);
        match parsed {
            Some(parsed) if row.problems.is_empty() => Ok(parsed),
            _ => Err(row.problems),
        }
    }
}

fn names(what: What) -> &'static [(Column, &'static str)] {
    match what {
        What::Customers => &CUSTOMERS,
        What::Cards => &CARDS,
    }
}

fn name_of(what: What, column: Column) -> &'static str {
    names(what).iter().find(|(known, _)| *known == column).map_or("line", |(_, name)| name)
}

/// The column of a name; `phone_2` is `phone`.
fn find_column(what: What, name: &str) -> Option<Column> {
    let find = |name: &str| names(what).iter().find(|(_, known)| *known == name).map(|(column, _)| *column);
    let numbered = || {
        let (base, number) = name.rsplit_once('_')?;
        let counts = matches!(number, "1" | "2" | "3" | "4");
        find(base).filter(|column| counts && REPEATED.contains(column))
    };
    find(name).or_else(numbered)
}

/// A line that is being read.
struct Row<'a> {
    heading: &'a Heading,
    cells: &'a [Secret<String>],
    problems: Vec<Problem>,
}

impl Row<'_> {
    fn cells_of(&self, column: Column) -> Vec<String> {
        let both = self.heading.columns.iter().zip(self.cells);
        let own = both.filter(|(known, cell)| **known == column && !cell.expose().is_empty());
        own.map(|(_, cell)| cell.expose().clone()).collect()
    }

    fn cell(&self, column: Column) -> Option<Secret<String>> {
        self.cells_of(column).into_iter().next().map(Secret::new)
    }

    fn refuse(&mut self, column: Column, message: impl ToString) {
        self.problems.push(Problem::new(name_of(self.heading.what, column), message));
    }

    fn keep<T, E: ToString>(&mut self, column: Column, read: Result<T, E>) -> Option<T> {
        read.map_err(|problem| self.refuse(column, problem)).ok()
    }

    fn needed<T, E: ToString>(&mut self, column: Column, read: fn(&str) -> Result<T, E>) -> Option<T> {
        match self.cell(column) {
            Some(text) => self.keep(column, read(text.expose())),
            None => {
                self.refuse(column, "must not be empty");
                None
            }
        }
    }

    fn all(&mut self, column: Column, read: fn(&str) -> Result<Value, ValueProblem>, into: &mut Vec<Value>) {
        for text in self.cells_of(column) {
            let text = Secret::new(text);
            into.extend(self.keep(column, read(text.expose())));
        }
    }

    fn customer(&mut self, external: Option<ExternalId>) -> Option<Parsed> {
        let mut values = Vec::new();
        values.extend(self.needed(Column::Name, Value::name));
        self.all(Column::Phone, Value::phone, &mut values);
        self.all(Column::Email, Value::email, &mut values);
        values.extend(self.address());
        values.extend(self.numbered(Column::IdentityNumber, Column::IdentityScheme, |scheme, text| {
            IdentityNumber { scheme, text }.parse()
        }));
        values.extend(self.numbered(Column::BankAccount, Column::BankScheme, |scheme, text| {
            BankAccount { scheme, text }.parse()
        }));
        let external = external?;
        Some(Parsed::Customer { new: NewCustomer { values, external: Some(external.clone()) }, external })
    }

    fn address(&mut self) -> Option<Value> {
        let text = |column| self.cell(column).map(|cell| cell.expose().clone()).unwrap_or_default();
        let (country, region) = (text(Column::Country), text(Column::Region));
        let (city, postcode) = (text(Column::City), text(Column::Postcode));
        let lines = self.cells_of(Column::Street);
        let nothing = [&country, &region, &city, &postcode].iter().all(|part| part.is_empty());
        if nothing && lines.is_empty() {
            return None;
        }
        let address = Address { country, region, city, postcode, lines };
        match address.parse() {
            Err(problem @ ValueProblem::Country) => self.keep(Column::Country, Err(problem)),
            read => self.keep(Column::Street, read),
        }
    }

    fn numbered(
        &mut self,
        number: Column,
        scheme: Column,
        read: fn(Scheme, &str) -> Result<Value, ValueProblem>,
    ) -> Option<Value> {
        let text = self.cell(number)?;
        let Some(scheme_text) = self.cell(scheme) else {
            self.refuse(scheme, "must say what kind of number this is");
            return None;
        };
        let known =
            Scheme::from_name(scheme_text.expose()).ok_or("is not a kind of number; see the documentation");
        let known = self.keep(scheme, known)?;
        self.keep(number, read(known, text.expose()))
    }

    fn card(&mut self, external: Option<ExternalId>, now: Timestamp) -> Option<Parsed> {
        let number = self.needed(Column::CardNumber, CardNumber::parse);
        let expiry = self.expiry(now);
        let holder =
            self.cell(Column::Holder).and_then(|text| self.keep(Column::Holder, Value::name(text.expose())));
        let customer = self.cell(Column::CustomerExternalId);
        let customer =
            customer.and_then(|text| self.keep(Column::CustomerExternalId, ExternalId::parse(text.expose())));
        let (external, number, expiry) = (external?, number?, expiry?);
        let own = Some(external.clone());
        let new = NewToken { number, expiry, holder, customer: None, lasting: Use::Many, external: own };
        Some(Parsed::Card { external, new, customer })
    }

    fn expiry(&mut self, now: Timestamp) -> Option<Expiry> {
        let whole = self.cell(Column::Expiry);
        let parts = [Column::ExpiryMonth, Column::ExpiryYear];
        if whole.is_some() && parts.into_iter().any(|part| self.cell(part).is_some()) {
            self.refuse(Column::Expiry, "is in the line twice; leave `expiry_month` and `expiry_year` out");
            return None;
        }
        let (month, year) = match &whole {
            Some(text) => text.expose().split_once('/').map(|(m, y)| (m.to_owned(), y.to_owned())).unzip(),
            None => {
                let text = |column| self.cell(column).map(|cell| cell.expose().clone());
                (text(Column::ExpiryMonth), text(Column::ExpiryYear))
            }
        };
        let number = |text: Option<String>| text.and_then(|t| t.trim().parse::<i64>().ok());
        let read = match (number(year), number(month)) {
            (Some(year), Some(month)) => Expiry::parse(year, month, now),
            _ => Err(CardProblem::Month),
        };
        self.keep(Column::Expiry, read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Lines, read_line};
    use super::*;

    const NOW: Timestamp = Timestamp(1_772_343_000_000);

    fn heading(what: What, line: &str) -> Result<Heading, HeadingProblem> {
        Heading::parse(what, &Lines::new(line.as_bytes()).next_line().unwrap().unwrap())
    }

    fn problems(what: What, table: &str) -> Vec<String> {
        let mut lines = Lines::new(table.as_bytes());
        let heading = Heading::parse(what, &lines.next_line().unwrap().unwrap()).unwrap();
        match read_line(&heading, &lines.next_line().unwrap().unwrap(), NOW) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(|p| format!("{}: {}", p.column, p.message)).collect(),
        }
    }

    #[test]
    fn columns_are_known_by_name_in_any_order_and_case() {
        let found =
            heading(What::Customers, "Name,EXTERNAL ID,phone,phone_2,email,street,street_2\n").unwrap();
        assert_eq!(found.columns.iter().filter(|column| **column == Column::Phone).count(), 2);
        assert_eq!(found.width(), 7);
        assert!(matches!(
            heading(What::Customers, "external_id,name,fax\n"),
            Err(HeadingProblem::Unknown { place: 3, .. })
        ));
        assert_eq!(heading(What::Customers, "external_id,name,name\n"), Err(HeadingProblem::Twice("name")));
        assert_eq!(heading(What::Customers, "name\n"), Err(HeadingProblem::Missing("external_id")));
        assert_eq!(heading(What::Cards, "external_id,number\n"), Err(HeadingProblem::Missing("expiry")));
        assert!(heading(What::Customers, "external_id,name,name_2\n").map(drop).is_err());
    }

    #[test]
    fn pci_3_3_1_a_table_with_verification_codes_is_refused_whole() {
        for name in ["cvc", "CVV2", "pin block", "track1"] {
            let found = heading(What::Cards, &format!("external_id,number,expiry,{name}\n"));
            assert_eq!(found, Err(HeadingProblem::Forbidden { place: 4 }), "{name}");
        }
    }

    #[test]
    fn every_problem_of_a_line_is_told_at_once_and_no_value() {
        let found = problems(
            What::Customers,
            "external_id,name,phone,email,country,city,identity_scheme,identity_number\n,,12,x,CN,,passport,\u{4e00}\n",
        );
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(found.iter().all(|problem| !problem.contains("12,") && !problem.contains('\u{4e00}')));
        assert_eq!(problems(What::Customers, "external_id,name\n1\n").len(), 1);
    }

    #[test]
    fn a_wrong_country_is_told_of_its_own_column() {
        let table = "external_id,name,country,city,street\n1,Li,XX,Hangzhou,Road 1\n";
        let found = problems(What::Customers, table);
        assert!(found.len() == 1 && found[0].starts_with("country: "), "{found:?}");
    }

    #[test]
    fn cards_name_their_month_in_either_form() {
        assert!(problems(What::Cards, "external_id,number,expiry\n1,4111111111111111,12/29\n").is_empty());
        assert!(
            problems(
                What::Cards,
                "external_id,number,expiry_month,expiry_year\n1,4111 1111 1111 1111,12,2029\n"
            )
            .is_empty()
        );
        let twice = "external_id,number,expiry,expiry_month,expiry_year\n1,4111111111111111,12/30,";
        for more in ["11,2031\n", "12,2030\n", "12,\n"] {
            let found = problems(What::Cards, &format!("{twice}{more}"));
            assert!(found.len() == 1 && found[0].starts_with("expiry: is in the line twice"), "{found:?}");
        }
        assert!(problems(What::Cards, &format!("{twice},\n")).is_empty());
        assert_eq!(problems(What::Cards, "external_id,number,expiry\n1,4111111111111112,12/19\n").len(), 2);
        assert_eq!(problems(What::Cards, "external_id,number,expiry\n1,4111111111111111,1229\n").len(), 1);
    }
}
