//! Bearer tokens: 256 random bits behind a prefix that says what they are for. The database keeps their SHA-256 only;
//! with that much chance in them nothing slower is needed.

use aws_lc_rs::digest;
use base::{Dice, Secret};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vault::KeyedHash;

const TOKEN_BYTES: usize = 32;
const TOKEN_CHARS: usize = 43;

/// What a token opens. Each use has a prefix of its own, which secret scanners can look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A buyer's session.
    BuyerSession,
    /// A member's session.
    MemberSession,
    /// The first set-up, or an invitation.
    Setup,
    /// A sign-in that waits for its second step.
    PendingSignIn,
    /// A device that a buyer has used before.
    Device,
    /// A sign-in by passkey that waits for the touch.
    PasskeyAttempt,
    /// The secret of an API key.
    ApiSecret,
    /// Enrolling a client for a certificate, once.
    Enrolment,
    /// A sign-in on its way to the operator's provider.
    OutsideState,
    /// A link with which a buyer says "this was not me".
    Dispute,
    /// A link with which a member sets a forgotten password anew.
    PasswordReset,
    /// A request that an app pushed, until its member decided.
    AppRequest,
    /// What an app trades for its tokens.
    AppCode,
    /// With what an app calls, for minutes.
    AppAccess,
    /// With what an app gets the next one.
    AppRefresh,
}

impl TokenKind {
    /// The first characters of every token of this kind.
    pub const fn prefix(self) -> &'static str {
        match self {
            TokenKind::BuyerSession => "twb_",
            TokenKind::MemberSession => "twm_",
            TokenKind::Setup => "twl_",
            TokenKind::PendingSignIn => "twp_",
            TokenKind::Device => "twd_",
            TokenKind::PasskeyAttempt => "twk_",
            TokenKind::ApiSecret => "tw_live_",
            TokenKind::Enrolment => "twe_",
            TokenKind::OutsideState => "two_",
            TokenKind::Dispute => "twx_",
            TokenKind::PasswordReset => "twr_",
            TokenKind::AppRequest => "twq_",
            TokenKind::AppCode => "twc_",
            TokenKind::AppAccess => "twa_",
            TokenKind::AppRefresh => "twf_",
        }
    }
}

/// A token in the clear. Its `Debug` shows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(Secret<String>);

impl Token {
    /// A new random token.
    pub fn random(kind: TokenKind, dice: &Dice) -> Token {
        let bytes: [u8; TOKEN_BYTES] = dice.bytes();
        Token(Secret::new(format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Reads a token of `kind`; `None` for anything that cannot be one.
    pub fn parse(kind: TokenKind, text: &str) -> Option<Token> {
        let rest = text.strip_prefix(kind.prefix())?;
        let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        let whole = rest.len() == TOKEN_CHARS && rest.bytes().all(fits);
        whole.then(|| Token(Secret::new(text.to_owned())))
    }

    /// The token itself, to be handed to its holder once.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }

    /// Whether both are of one kind.
    pub(crate) fn is_like(&self, other: &Token) -> bool {
        let prefix =
            |token: &Token| token.0.expose().get(..TokenKind::BuyerSession.prefix().len()).map(str::to_owned);
        prefix(self) == prefix(other)
    }

    /// What the database knows it by.
    pub fn hash(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.0.expose().as_bytes());
        URL_SAFE_NO_PAD.encode(hash)
    }
}

/// Bytes as text for a key column.
pub(crate) fn key_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A keyed hash as text for a key column.
pub(crate) fn hash_text(hash: &KeyedHash) -> String {
    key_text(&hash.stored())
}

/// Reads what [`hash_text`] wrote.
pub(crate) fn read_hash(text: &str) -> Option<KeyedHash> {
    KeyedHash::read(&URL_SAFE_NO_PAD.decode(text).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ses_1_tokens_have_256_random_bits_and_round_trip() {
        let token = Token::random(TokenKind::BuyerSession, &Dice::System);
        let text = token.secret().expose().clone();
        assert_eq!(text.len(), 4 + TOKEN_CHARS);
        assert_eq!(Token::parse(TokenKind::BuyerSession, &text), Some(token.clone()));
        assert_eq!(Token::parse(TokenKind::MemberSession, &text), None);
        assert_ne!(token.hash(), Token::random(TokenKind::BuyerSession, &Dice::System).hash());
        assert!(!text.contains(&token.hash()));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for bad in
            ["", "twb_", "twb_x", &format!("twb_{}", "é".repeat(21)), &format!("twb_{}", "a".repeat(44))]
        {
            assert_eq!(Token::parse(TokenKind::BuyerSession, bad), None, "{bad}");
        }
    }
}
