//! What a camera may read: EMVCo payloads and our own code tokens.

use payments::code_token::CodeToken;
use payments::emv::EmvCode;

/// A payload as it is, and with the check sum that fits it, so that the rules behind the sum are reached.
pub fn emv(data: &[u8]) {
    round_trip(data);
    let mut summed = data.to_vec();
    summed.extend(b"6304");
    let sum = crc16(&summed);
    summed.extend(format!("{sum:04X}").bytes());
    round_trip(&summed);
}

fn round_trip(bytes: &[u8]) {
    if let Ok(code) = EmvCode::parse(bytes) {
        let printed = code.to_string();
        assert!(EmvCode::parse(printed.as_bytes()).as_ref() == Ok(&code), "a printed payload reads differently");
    }
}

/// CRC-16 of ISO/IEC 13239 as EMVCo wants it, written here again so that one mistake cannot hide in both.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |sum, byte| {
        (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum: u16, _| {
            if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 }
        })
    })
}

/// A token that is read is written again alike.
pub fn code_token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = CodeToken::parse(text) {
        assert_eq!(token.to_string(), text);
    }
}
