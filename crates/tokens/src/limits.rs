//! Limits of this domain, each with its unit in the name and a test at the limit and one past it.

/// Fewest digits of a card number (ISO/IEC 7812-1).
pub const CARD_DIGITS_MIN: usize = 13;
/// Most digits of a card number (ISO/IEC 7812-1).
pub const CARD_DIGITS_MAX: usize = 19;
/// Longest text a card number is read from, with spaces or hyphens between its groups, bytes.
pub const CARD_TEXT_BYTES_MAX: usize = 40;
/// Longest name on a card, characters.
pub const HOLDER_CHARS_MAX: usize = 60;
/// How far ahead a card may expire, years.
pub const EXPIRY_YEARS_MAX: i64 = 20;
/// Shortest life of a single-use token, seconds.
pub const SINGLE_USE_SECONDS_MIN: i64 = 60;
/// Life of a single-use token unless another is asked for, seconds.
pub const SINGLE_USE_SECONDS_DEFAULT: i64 = 3_600;
/// Longest life of a single-use token, seconds.
pub const SINGLE_USE_SECONDS_MAX: i64 = 86_400;

/// Longest name of a person, characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest e-mail address, bytes (RFC 5321).
pub const MAIL_BYTES_MAX: usize = 254;
/// Longest part of an e-mail address before the `@`, bytes (RFC 5321).
pub const MAIL_LOCAL_BYTES_MAX: usize = 64;
/// Fewest digits of a phone number after the `+`.
pub const PHONE_DIGITS_MIN: usize = 7;
/// Most digits of a phone number after the `+` (E.164).
pub const PHONE_DIGITS_MAX: usize = 15;
/// Longest line of an address, characters.
pub const ADDRESS_LINE_CHARS_MAX: usize = 120;
/// Most street lines of an address.
pub const ADDRESS_LINES_MAX: usize = 4;
/// Longest identity number of a kind that has no rules here, characters.
pub const IDENTITY_CHARS_MAX: usize = 40;
/// Fewest characters of an identity number.
pub const IDENTITY_CHARS_MIN: usize = 4;
/// Longest IBAN, characters (ISO 13616).
pub const IBAN_CHARS_MAX: usize = 34;
/// Fewest digits of a bank account without an IBAN.
pub const ACCOUNT_DIGITS_MIN: usize = 5;
/// Most digits of a bank account without an IBAN.
pub const ACCOUNT_DIGITS_MAX: usize = 30;
/// Longest name of a bank, characters.
pub const BANK_CHARS_MAX: usize = 80;
/// From the change of a payout account until it counts, seconds.
pub const PAYOUT_COOLING_SECONDS: i64 = 48 * 3_600;
/// Longest id of the shop's own for a customer or card, characters.
pub const EXTERNAL_ID_CHARS_MAX: usize = 100;
/// Most values of one customer.
pub const VALUES_MAX: usize = 40;

/// Shortest reason for opening, characters.
pub const REASON_CHARS_MIN: usize = 3;
/// Longest reason for opening, characters.
pub const REASON_CHARS_MAX: usize = 200;
/// Most openings of one person in an hour, unless the shop sets another number.
pub const PERSON_HOUR_DEFAULT: i64 = 60;
/// Most openings of one API key in an hour, unless the shop sets another number.
pub const KEY_HOUR_DEFAULT: i64 = 1_000;
/// Most openings of a whole shop in an hour, unless the shop sets another number.
pub const SHOP_HOUR_DEFAULT: i64 = 10_000;
/// Openings of one person in an hour after which security is told, unless the shop sets another number.
pub const PERSON_ALERT_HOUR_DEFAULT: i64 = 30;
/// Openings of one person in a day after which security is told, unless the shop sets another number.
pub const PERSON_ALERT_DAY_DEFAULT: i64 = 100;
/// Most searches of one person in an hour. Whoever may not open a value must not find it by trying either.
pub const SEARCH_PERSON_HOUR_MAX: i64 = 120;
/// Most searches of one API key, or connected app, in an hour.
pub const SEARCH_KEY_HOUR_MAX: i64 = 1_000;
/// Searches of one person in a day after which security is told.
pub const SEARCH_PERSON_ALERT_DAY: i64 = 300;
/// Searches of one API key, or connected app, in a day after which security is told.
pub const SEARCH_KEY_ALERT_DAY: i64 = 3_000;
/// Most tokens of one card that are listed.
pub const MATCH_MAX: i64 = 1_000;
/// Largest number any of these can be set to.
pub const HOURLY_MAX: i64 = 1_000_000_000;
/// A day with fewer openings than this is never unusual.
pub const UNUSUAL_DAY_MIN: i64 = 20;
/// A day is unusual from this many times the reader's own usual day.
pub const UNUSUAL_TIMES: i64 = 4;
/// Days somebody must have been reading before their own history counts.
pub const HISTORY_DAYS_MIN: i64 = 5;

/// Longest line of an import, bytes.
pub const IMPORT_LINE_BYTES_MAX: usize = 16 * 1024;
/// Most columns of an import.
pub const IMPORT_COLUMNS_MAX: usize = 64;
/// Most lines in one request to the API; a file of any length goes through the command line.
pub const IMPORT_LINES_MAX: usize = 500;
/// Problems named for one line of an import.
pub const IMPORT_PROBLEMS_MAX: usize = 8;

/// Most records in one sealed export.
pub const EXPORT_RECORDS_MAX: usize = 100_000;
/// Life of an export that was proposed and not yet taken, seconds.
pub const EXPORT_LIFE_SECONDS: i64 = 7 * 86_400;

/// Most items in a list of this domain.
pub const LIST_MAX: i64 = 100;
/// Ended tokens removed in one sweep.
pub const SWEEP_ROWS_MAX: i64 = 500;
