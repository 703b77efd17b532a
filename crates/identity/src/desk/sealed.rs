//! A text that only one browser in one session can have opened: AES-256-GCM under a key made of what that browser sends and
//! nobody here keeps. Whoever reads the database, or finds a cookie without its session, reads nothing.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base::Dice;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Seals a text for the holder of `secret` (see [`super::visit::Visit::secret`]) and for one purpose. Empty where the
/// cipher refuses, which opens as nothing.
pub(super) fn seal(purpose: &[u8], secret: &str, plain: String, dice: &Dice) -> String {
    let nonce: [u8; NONCE_LEN] = dice.bytes();
    let mut sealed = plain.into_bytes();
    let used = Nonce::assume_unique_for_key(nonce);
    let done = cipher(purpose, secret)
        .and_then(|key| key.seal_in_place_append_tag(used, Aad::from(purpose), &mut sealed).ok());
    done.map(|()| URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())).unwrap_or_default()
}

/// What was sealed for this holder and purpose; `None` for anything else.
pub(super) fn open(purpose: &[u8], secret: &str, text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
    let mut plain = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    Some(cipher(purpose, secret)?.open_in_place(nonce, Aad::from(purpose), &mut plain).ok()?.to_vec())
}

fn cipher(purpose: &[u8], secret: &str) -> Option<LessSafeKey> {
    let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), purpose);
    UnboundKey::new(&AES_256_GCM, key.as_ref()).ok().map(LessSafeKey::new)
}
