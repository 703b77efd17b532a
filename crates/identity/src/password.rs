//! Passwords of members: long, not among the common ones, kept as Argon2id (PW-1 to PW-3, C03).
//!
//! Hashing takes tens of milliseconds and 19 MiB on purpose, so it happens in a [`PasswordQueue`]: a few at a time, on
//! threads that no payment uses, and with a bounded line of waiters.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base::{Dice, MemberId, Secret};
use store::Tx;
use tokio::sync::{Semaphore, oneshot};
use unicode_normalization::UnicodeNormalization;

use crate::blocklist;
use crate::context::Fault;
use crate::factors;
use crate::limits::{
    PASSWORD_BESIDE_FACTOR_CHARS_MIN, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PASSWORD_NICE,
    PASSWORD_PCI_CHARS_MIN, PASSWORD_QUEUE_MAX, PROCESSORS_PER_PASSWORD,
};

/// Memory of one hash in KiB: 19 MiB, the least OWASP names for two passes (RFC 9106 for the algorithm).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const DISTINCT_CHARS_MIN: usize = 5;
const OWN_CHARS_MIN: usize = 8;
const UNIT_CHARS_MAX: usize = 8;
/// Words of context shorter than this are not looked for.
const CONTEXT_CHARS_MIN: usize = 4;
/// Whole names shorter than this are not looked for.
const NAME_CHARS_MIN: usize = 3;

/// Words that are tried at any installation: the name of the program, and those of the roles.
const HOUSE_WORDS: [&str; 11] = [
    "tillward",
    "owner",
    "manager",
    "cashier",
    "support",
    "finance",
    "risk",
    "security",
    "auditor",
    "operator",
    "integration",
];

/// A well-formed hash whose output is all zeros: no password is known that makes it.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What else its owner gives at sign-in; by it the shortest password is measured (PW-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing yet: the password stands alone.
    Nothing,
    /// A second factor, always.
    SecondFactor,
}

impl Beside {
    /// The shortest password, in characters.
    pub fn chars_min(self) -> usize {
        match self {
            Beside::Nothing => PASSWORD_CHARS_MIN,
            Beside::SecondFactor => PASSWORD_BESIDE_FACTOR_CHARS_MIN,
        }
    }
}

/// What an installation asks of its members' passwords besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordProfile {
    /// Length and lists alone (NIST SP 800-63B-4).
    #[default]
    Standard,
    /// At least [`PASSWORD_PCI_CHARS_MIN`] characters, letters and digits among them (PCI DSS 8.3.6).
    Pci,
}

impl PasswordProfile {
    /// Reads a setting: `standard` or `pci`.
    pub fn from_name(name: &str) -> Option<PasswordProfile> {
        match name {
            "standard" => Some(PasswordProfile::Standard),
            "pci" => Some(PasswordProfile::Pci),
            _ => None,
        }
    }

    /// Whether a password takes letters and digits.
    pub(crate) fn wants_both(self) -> bool {
        self == PasswordProfile::Pci
    }

    /// Whether a password has the kinds of characters that are asked for.
    pub(crate) fn takes(self, password: &str) -> bool {
        !self.wants_both()
            || password.chars().any(char::is_alphabetic) && password.chars().any(char::is_numeric)
    }
}

/// What is asked of a password that somebody chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRule {
    /// What its owner gives besides.
    pub beside: Beside,
    /// What the installation asks.
    pub profile: PasswordProfile,
}

impl PasswordRule {
    /// Of a password that stands alone, up to now.
    pub(crate) fn alone(profile: PasswordProfile) -> PasswordRule {
        PasswordRule { beside: Beside::Nothing, profile }
    }

    /// Of a member's.
    pub(crate) fn of_member(
        tx: &mut Tx,
        profile: PasswordProfile,
        member: MemberId,
    ) -> Result<PasswordRule, Fault> {
        let has_one = factors::has_member_factor(tx, member)?;
        let beside = if has_one { Beside::SecondFactor } else { Beside::Nothing };
        Ok(PasswordRule { beside, profile })
    }

    /// The shortest password, in characters.
    pub fn chars_min(self) -> usize {
        match self.profile {
            PasswordProfile::Standard => self.beside.chars_min(),
            PasswordProfile::Pci => self.beside.chars_min().max(PASSWORD_PCI_CHARS_MIN),
        }
    }
}

/// Why a password was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Below the minimum.
    #[error("a password has at least {chars_min} characters; a few words are easy to keep in mind")]
    TooShort {
        /// The minimum where it was chosen.
        chars_min: usize,
    },
    /// Letters or digits are missing, where the installation asks for both.
    #[error("a password has letters and digits here; this installation follows PCI DSS 8.3.6")]
    OneKind,
    /// Past the maximum.
    #[error("a password has at most {PASSWORD_CHARS_MAX} characters")]
    TooLong,
    /// Hardly any different characters, or one group again and again.
    #[error("choose a password that does not repeat itself")]
    Repetitive,
    /// On the list of common ones.
    #[error("choose another password; this one is among the most common")]
    Common,
    /// Little more than the name of the shop, the person, or the address.
    #[error("choose a password that is more than your name, address or shop")]
    FromContext,
}

/// A password as typed, in NFC. Not yet judged: [`Password::check_strength`] does that where one is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password(Secret<String>);

impl Password {
    /// Reads what somebody typed to sign in. Spaces and any Unicode are part of it.
    ///
    /// # Errors
    /// [`PasswordProblem::TooLong`].
    pub fn parse(text: &str) -> Result<Password, PasswordProblem> {
        if text.len() > PASSWORD_CHARS_MAX * 16 {
            return Err(PasswordProblem::TooLong);
        }
        let normal: String = text.nfc().collect();
        if normal.chars().count() > PASSWORD_CHARS_MAX {
            return Err(PasswordProblem::TooLong);
        }
        Ok(Password(Secret::new(normal)))
    }

    /// The password as typed, to be measured.
    pub(crate) fn secret(&self) -> &Secret<String> {
        &self.0
    }

    /// Whether it is on the list in force of those nobody may choose.
    pub(crate) fn is_listed(&self) -> bool {
        blocklist::is_blocked(self)
    }

    /// Judges a password somebody chooses. `context` holds names an attacker would try: shop, person, address.
    ///
    /// # Errors
    /// Every [`PasswordProblem`] but [`PasswordProblem::TooLong`].
    pub fn check_strength(&self, context: &[&str], rule: PasswordRule) -> Result<(), PasswordProblem> {
        let lower = Secret::new(self.0.expose().to_lowercase());
        let chars: Vec<char> = lower.expose().chars().collect();
        let chars_min = rule.chars_min();
        match () {
            () if self.0.expose().chars().count() < chars_min => Err(PasswordProblem::TooShort { chars_min }),
            () if !rule.profile.takes(self.0.expose()) => Err(PasswordProblem::OneKind),
            () if is_repetitive(&chars) => Err(PasswordProblem::Repetitive),
            () if blocklist::is_blocked(self) => Err(PasswordProblem::Common),
            () if is_from_context(lower.expose(), context) => Err(PasswordProblem::FromContext),
            () => Ok(()),
        }
    }
}

/// An Argon2id hash in PHC form. It can hold nothing else, so no password can be stored by mistake.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Reads a stored hash; `None` for anything but Argon2id version 19 in PHC form.
    pub fn parse(text: &str) -> Option<PasswordHash> {
        let phc = Phc::new(text).ok()?;
        let known = phc.algorithm == argon2::ARGON2ID_IDENT && phc.hash.is_some() && phc.salt.is_some();
        known.then(|| PasswordHash(text.to_owned()))
    }

    /// The PHC text, for the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was made with less than today's memory, passes or lanes, and should be made again at sign-in.
    pub fn is_outdated(&self) -> bool {
        let Ok(phc) = Phc::new(&self.0) else { return true };
        let made = Params::try_from(&phc);
        made.map_or(true, |made| (made.m_cost(), made.t_cost(), made.p_cost()) != (MEMORY_KIB, PASSES, LANES))
    }

    /// A hash of nobody's password, for the sign-in of somebody who does not exist: it costs the same, to read as well (PW-5).
    pub fn of_nobody() -> PasswordHash {
        PasswordHash::parse(NOBODY).unwrap_or_else(|| PasswordHash(NOBODY.to_owned()))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// Hashes a password with a new salt. Takes tens of milliseconds: not for a thread that answers requests.
pub fn hash_password(password: &Password, dice: &Dice) -> PasswordHash {
    let salt: [u8; SALT_BYTES] = dice.bytes();
    let hashed = hasher().hash_password_with_salt(password.0.expose().as_bytes(), &salt);
    assert!(hashed.is_ok(), "Argon2id with our own parameters cannot refuse a short input");
    PasswordHash(hashed.map(|phc| phc.to_string()).unwrap_or_default())
}

/// Whether `password` made `hash`. As slow as [`hash_password`].
pub fn verify_password(password: &Password, hash: &PasswordHash) -> bool {
    let Ok(phc) = Phc::new(&hash.0) else { return false };
    hasher().verify_password(password.0.expose().as_bytes(), &phc).is_ok()
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
    assert!(params.is_ok(), "the parameters are within the limits of RFC 9106");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.unwrap_or_default())
}

/// The place where passwords are hashed and checked: off the threads that answer, a few at a time.
#[derive(Clone, Debug)]
pub struct PasswordQueue {
    workers: Arc<Semaphore>,
    line: Arc<Semaphore>,
}

/// Too many sign-ins are being checked already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at the moment; try again in a few seconds")]
pub struct QueueFull;

impl Default for PasswordQueue {
    fn default() -> PasswordQueue {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        PasswordQueue {
            workers: Arc::new(Semaphore::new((processors / PROCESSORS_PER_PASSWORD).max(1))),
            line: Arc::new(Semaphore::new(PASSWORD_QUEUE_MAX)),
        }
    }
}

impl PasswordQueue {
    /// [`hash_password`], in turn.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub async fn hash(&self, password: Password, dice: Dice) -> Result<PasswordHash, QueueFull> {
        self.run(move || hash_password(&password, &dice)).await
    }

    /// [`verify_password`], in turn.
    ///
    /// # Errors
    /// [`QueueFull`].
    pub async fn verify(&self, password: Password, hash: PasswordHash) -> Result<bool, QueueFull> {
        self.run(move || verify_password(&password, &hash)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, QueueFull> {
        let _place = self.line.try_acquire().map_err(|_| QueueFull)?;
        let turn = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| QueueFull)?;
        let (answer, answered) = oneshot::channel();
        // A thread of its own, since its lower priority stays with it: what else waits for a processor goes first.
        let job = std::thread::Builder::new().name("password".to_owned()).spawn(move || {
            let _turn = turn;
            let _ = rustix::process::nice(PASSWORD_NICE);
            let _ = answer.send(work());
        });
        drop(job.map_err(|_| QueueFull)?);
        answered.await.map_err(|_| QueueFull)
    }
}

fn is_repetitive(chars: &[char]) -> bool {
    let mut different = chars.to_vec();
    different.sort_unstable();
    different.dedup();
    let again = |unit: usize| chars.iter().zip(chars.iter().skip(unit)).all(|(a, b)| a == b);
    // A unit is seen to repeat where it comes again whole; the longest one, where all but its last character does.
    let fits = |unit: &usize| chars.len() >= 2 * unit - usize::from(*unit == UNIT_CHARS_MAX);
    let repeats = (1..=UNIT_CHARS_MAX).filter(fits).any(again);
    different.len() < DISTINCT_CHARS_MIN || repeats || is_counting(chars)
}

/// Whether the characters count up or down all the way, as `abcdefghijklmno` or `123456789012345`.
fn is_counting(chars: &[char]) -> bool {
    let next = |a: char, b: char| u32::from(b) == u32::from(a) + 1 || (a == '9' && b == '0');
    let up = chars.iter().zip(chars.iter().skip(1)).all(|(a, b)| next(*a, *b));
    let down = chars.iter().zip(chars.iter().skip(1)).all(|(a, b)| next(*b, *a));
    up || down
}

/// Whether little is left of a password without the names, as it was typed or with what stands between words left out: a name
/// is a name with spaces, dots or hyphens too, also one whose words are all short, such as `Tea on the Bay`.
fn is_from_context(lower: &str, context: &[&str]) -> bool {
    let words = context_words(context);
    let joined: String = lower.chars().filter(|c| !is_between_words(*c)).collect();
    [lower, joined.as_str()].into_iter().any(|typed| {
        let rest = words.iter().fold(typed.to_owned(), |rest, word| rest.replace(word.as_str(), ""));
        rest.chars().count() < OWN_CHARS_MIN.min(typed.chars().count())
    })
}

/// The words that count for nothing, longest first: each long enough, and each name as a whole without its spaces.
fn context_words(context: &[&str]) -> Vec<String> {
    let is_long = |word: &String| word.chars().count() >= chars_min_of(word, CONTEXT_CHARS_MIN);
    let normal = |text: &str| text.nfc().collect::<String>().to_lowercase();
    let names = context.iter().chain(&HOUSE_WORDS).map(|text| normal(text));
    let mut words: Vec<String> = names
        .flat_map(|name| {
            let parts = name.split(|c: char| !c.is_alphanumeric());
            let parts = parts.map(str::to_owned).filter(is_long).collect::<Vec<_>>();
            let whole = name.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            let is_name = whole.chars().count() >= chars_min_of(&whole, NAME_CHARS_MIN);
            parts.into_iter().chain(is_name.then_some(whole))
        })
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

/// Two characters of a script that writes a word with each say as much as four letters.
fn chars_min_of(word: &str, letters: usize) -> usize {
    if word.chars().any(|c| matches!(c, '\u{3040}'..='\u{9fff}' | '\u{20000}'..='\u{3134f}')) {
        2
    } else {
        letters
    }
}

fn is_between_words(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '_' | '.' | ',' | '\'' | '’' | '&' | '@' | '+' | '/' | '·')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard(beside: Beside) -> PasswordRule {
        PasswordRule { beside, profile: PasswordProfile::Standard }
    }

    #[track_caller]
    fn check(text: &str, expect: Result<(), PasswordProblem>) {
        let context = ["Tea House", "zhang.san@teahouse.example", "Zhang San"];
        let check = |password: Password| password.check_strength(&context, standard(Beside::Nothing));
        let found = Password::parse(text).and_then(check);
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn pw_1_length_is_15_to_128_characters_of_any_kind() {
        check("abc def ghi jk", Err(PasswordProblem::TooShort { chars_min: 15 }));
        check("abc def ghi jkl", Ok(()));
        check("月 落乌啼霜满天 江枫渔火对愁眠", Ok(()));
        check("  spaces are kept  ", Ok(()));
        let long: String = "correct pencil river nine ".repeat(5).chars().take(128).collect();
        check(&long, Ok(()));
        check(&format!("{long}x"), Err(PasswordProblem::TooLong));
    }

    #[test]
    fn pw_1_beside_a_second_factor_8_characters_do_and_7_do_not() {
        let judge = |text: &str| {
            let context = ["Tea House", "zhang.san@teahouse.example", "Zhang San"];
            Password::parse(text).unwrap().check_strength(&context, standard(Beside::SecondFactor))
        };
        assert_eq!(judge("kv7 mzq"), Err(PasswordProblem::TooShort { chars_min: 8 }));
        assert_eq!(judge("kv7 mzqx"), Ok(()));
        assert_eq!(judge("kv7mzqxk"), Ok(()), "one letter again at the end repeats nothing");
        assert_eq!(judge("月落乌啼霜满天秋"), Ok(()));
        assert_eq!(judge("kv7mkv7m"), Err(PasswordProblem::Repetitive));
        assert_eq!(judge("23456789"), Err(PasswordProblem::Repetitive));
        for common in ["password", "Password1", "iloveyou", "sunshine", "princess1", "football"] {
            assert_eq!(judge(common), Err(PasswordProblem::Common), "{common}");
        }
        assert_eq!(judge("teahouse"), Err(PasswordProblem::FromContext));
        assert_eq!(judge("zhang7qx"), Err(PasswordProblem::FromContext));
    }

    #[test]
    fn pw_2_common_repeated_and_personal_ones_are_refused() {
        check("aaaaaaaaaaaaaaaaaaaa", Err(PasswordProblem::Repetitive));
        check("abc1abc1abc1abc1abc1", Err(PasswordProblem::Repetitive));
        check("1234567890123456789", Err(PasswordProblem::Repetitive));
        check("abcdefghijklmnop", Err(PasswordProblem::Repetitive));
        check("ThisIsMyPassword", Err(PasswordProblem::Common));
        check("teahouseteahouse1", Err(PasswordProblem::FromContext));
        check("ZhangTeahouse2026", Err(PasswordProblem::FromContext));
        check("Zhang likes teahouse kettles", Ok(()));
    }

    #[test]
    fn v6_2_11_a_name_of_short_words_or_of_chinese_characters_makes_no_password() {
        let judge = |text: &str| {
            let context = ["Tea on the Bay & Co", "绿茶坊", "Li Wu", "li.wu@x.example"];
            Password::parse(text).unwrap().check_strength(&context, standard(Beside::SecondFactor))
        };
        for named in [
            "teaonthebayco",
            "Tea on the Bay & Co",
            "tea-on-the-bay-co-1",
            "TeaOnTheBayCo2026!",
            "绿茶坊 li.wu 2026",
            "绿茶坊123456",
            "li.wu@x.example",
            "Tillward2026",
            "t i l l w a r d 1",
        ] {
            assert_eq!(judge(named), Err(PasswordProblem::FromContext), "{named}");
        }
        for own in ["the bay has nine kettles", "绿茶坊里煮水看雨听风吟", "lively wugs 4 me"] {
            assert_eq!(judge(own), Ok(()), "{own}");
        }
    }

    #[test]
    fn v6_2_11_names_of_the_program_and_of_roles_make_no_password() {
        check("Tillward-Cashier", Err(PasswordProblem::FromContext));
        check("securityAuditor1", Err(PasswordProblem::FromContext));
        check("the cashier hums at noon", Ok(()));
        use crate::permissions::Role;
        let people = Role::ALL.iter().filter(|role| role.is_for_members() || **role == Role::Operator);
        for name in people.map(|role| role.name()) {
            assert!(HOUSE_WORDS.contains(&name), "{name}");
        }
    }

    #[test]
    fn pw_1_composed_and_decomposed_text_is_one_password() {
        let hash = hash_password(&Password::parse("caf\u{e9} au lait, please").unwrap(), &Dice::System);
        assert!(verify_password(&Password::parse("cafe\u{301} au lait, please").unwrap(), &hash));
    }

    #[test]
    fn c03_hashes_are_argon2id_with_their_own_salt_and_policy() {
        let password = Password::parse("pencil river nine").unwrap();
        let (one, two) = (hash_password(&password, &Dice::System), hash_password(&password, &Dice::System));
        assert!(one.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.as_str());
        assert_ne!(one, two);
        assert!(verify_password(&password, &one) && verify_password(&password, &two));
        assert!(!verify_password(&Password::parse("pencil river ninE").unwrap(), &one));
        assert_eq!(PasswordHash::parse(one.as_str()), Some(one.clone()));
        assert!(!one.is_outdated());
        assert!(!format!("{one:?}").contains("argon2"));
    }

    #[test]
    fn c03_nothing_but_a_hash_can_be_stored() {
        for text in
            ["", "pencil river nine", "$argon2id$v=19$m=19456,t=2,p=1", "$pbkdf2$i=1$c2FsdHNhbHQ$aGFzaGhhc2g"]
        {
            assert_eq!(PasswordHash::parse(text), None, "{text}");
        }
    }

    #[test]
    fn pw_5_the_hash_of_nobody_costs_as_much_and_fits_nobody() {
        let nobody = PasswordHash::of_nobody();
        assert_eq!(PasswordHash::parse(nobody.as_str()), Some(nobody.clone()));
        assert!(!nobody.is_outdated());
        assert!(!verify_password(&Password::parse("").unwrap(), &nobody));
    }

    #[test]
    fn pw_3_weaker_parameters_are_said_to_be_outdated() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
        let hash = weak.hash_password_with_salt(b"x", b"0123456789abcdef").unwrap().to_string();
        assert!(PasswordHash::parse(&hash).unwrap().is_outdated());
    }

    #[test]
    fn c01_a_hash_is_made_by_a_thread_that_others_go_before() {
        let nice = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse::<i32>().unwrap()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let before = nice();
        let expect = (before + PASSWORD_NICE).min(19);
        assert_eq!(runtime.block_on(PasswordQueue::default().run(nice)), Ok(expect));
        assert_eq!(nice(), before);
    }

    #[test]
    fn c01_the_pci_profile_asks_for_12_characters_with_letters_and_digits() {
        let judge = |text: &str, profile, beside| {
            Password::parse(text).unwrap().check_strength(&[], PasswordRule { beside, profile })
        };
        let pci = |text: &str| judge(text, PasswordProfile::Pci, Beside::SecondFactor);
        assert_eq!(pci("kv7 mzqx 4w"), Err(PasswordProblem::TooShort { chars_min: 12 }));
        assert_eq!(pci("kv7 mzqx 4wb"), Ok(()));
        assert_eq!(pci("kvo mzqx rwb"), Err(PasswordProblem::OneKind), "no digit");
        assert_eq!(pci("802 6514 739"), Err(PasswordProblem::OneKind), "no letter");
        assert_eq!(pci("月落乌啼霜满天江枫渔火7"), Ok(()), "letters of any script");
        let alone = judge("kv7 mzqx 4wb", PasswordProfile::Pci, Beside::Nothing);
        assert_eq!(alone, Err(PasswordProblem::TooShort { chars_min: 15 }), "alone it stays longer");
        assert_eq!(judge("kvo mzqx", PasswordProfile::Standard, Beside::SecondFactor), Ok(()));
        for (name, profile) in [
            ("pci", Some(PasswordProfile::Pci)),
            ("standard", Some(PasswordProfile::Standard)),
            ("PCI", None),
        ] {
            assert_eq!(PasswordProfile::from_name(name), profile);
        }
    }
}
