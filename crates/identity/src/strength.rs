//! How hard a password is to guess, for the meter beside the field. What is refused is decided by
//! [`Password::check_strength`](crate::Password::check_strength) alone; this advises.

use zxcvbn::feedback::Warning;
use zxcvbn::{Entropy, zxcvbn};

use crate::limits::METER_CHARS_MAX;
use crate::password::PasswordRule;

/// What the meter shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strength {
    /// 0 (guessed at once) to 4 (very hard to guess).
    pub score: u8,
    /// What would help most; `None` when nothing is needed.
    pub advice: Option<Advice>,
}

/// What would make a password better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// It is short.
    Longer,
    /// It lacks letters or digits, and both are asked for here.
    BothKinds,
    /// It is well known, or a name with changes.
    Known,
    /// Words that do not belong together would be better.
    MoreWords,
}

/// Judges a password as far as it is typed. `context` holds what an attacker would try first: names, address; `rule` says
/// from which length on it is taken, and of which kinds of characters.
pub fn judge_password(text: &str, context: &[&str], rule: PasswordRule) -> Strength {
    let start: String = text.chars().take(METER_CHARS_MAX).collect();
    let entropy = zxcvbn(&start, context);
    let score = u8::from(entropy.score());
    let short = text.chars().count() < rule.chars_min();
    let one_kind = !rule.profile.takes(text);
    let score = if short || one_kind { score.min(2) } else { score };
    let advice = advise(&entropy, short, score);
    let is_known = advice == Some(Advice::Known);
    Strength { score, advice: if one_kind && !short && !is_known { Some(Advice::BothKinds) } else { advice } }
}

fn advise(entropy: &Entropy, short: bool, score: u8) -> Option<Advice> {
    let warning = entropy.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    let known = matches!(
        warning,
        Some(
            Warning::ThisIsATop10Password
                | Warning::ThisIsATop100Password
                | Warning::ThisIsACommonPassword
                | Warning::ThisIsSimilarToACommonlyUsedPassword
        )
    );
    match (known, short, score) {
        (true, _, _) => Some(Advice::Known),
        (_, true, _) => Some(Advice::Longer),
        (_, _, 0..=2) => Some(Advice::MoreWords),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{Beside, PasswordProfile};

    fn standard(beside: Beside) -> PasswordRule {
        PasswordRule { beside, profile: PasswordProfile::Standard }
    }

    #[test]
    fn the_meter_explains_what_would_help() {
        let judge =
            |text: &str| judge_password(text, &["Mei Lin", "mei@shop.example"], standard(Beside::Nothing));
        assert_eq!(judge("password").advice, Some(Advice::Known));
        assert_eq!(judge("kettle").advice, Some(Advice::Longer));
        assert_eq!(judge("aaaaaaaaaaaaaaaaaaaa").advice, Some(Advice::MoreWords));
        assert_eq!(judge("a kettle sings at dawn over Hangzhou"), Strength { score: 4, advice: None });
        assert!(judge("mei@shop.example").score < 3);
        let short = |beside| judge_password("kv7 mzqx4", &[], standard(beside)).advice;
        assert_eq!(short(Beside::Nothing), Some(Advice::Longer));
        assert_ne!(short(Beside::SecondFactor), Some(Advice::Longer));
    }

    #[test]
    fn c01_the_meter_asks_for_letters_and_digits_in_the_pci_profile_alone() {
        let judge = |text: &str, profile| {
            judge_password(text, &[], PasswordRule { beside: Beside::SecondFactor, profile })
        };
        let words = "a kettle sings at dawn over Hangzhou";
        assert_eq!(
            judge(words, PasswordProfile::Pci),
            Strength { score: 2, advice: Some(Advice::BothKinds) }
        );
        assert_eq!(judge(words, PasswordProfile::Standard), Strength { score: 4, advice: None });
        let both = "a kettle sings at dawn over 7 hills";
        assert_eq!(judge(both, PasswordProfile::Pci), Strength { score: 4, advice: None });
        assert_eq!(judge("kettle", PasswordProfile::Pci).advice, Some(Advice::Longer));
    }

    #[test]
    fn a_long_text_is_judged_by_its_start() {
        let long = "9f2c4e7ab1d05836".repeat(METER_CHARS_MAX);
        assert_eq!(judge_password(&long, &[], standard(Beside::Nothing)).score, 4);
    }
}
