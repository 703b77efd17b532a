//! Published vectors for the primitives as this crate uses them.
//!
//! AES-256-GCM: test cases 13 to 16 of McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B,
//! the submission SP 800-38D standardises. HKDF: RFC 5869 A.1. Key wrap: round trips over every length that is used.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

struct Case {
    key: &'static str,
    nonce: &'static str,
    aad: &'static str,
    plain: &'static str,
    sealed: &'static str,
}

const LONG_KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
const LONG_PLAIN: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
const SHORT_PLAIN: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const ZERO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const ZERO_NONCE: &str = "000000000000000000000000";

const CASES: [Case; 4] = [
    Case { key: ZERO_KEY, nonce: ZERO_NONCE, aad: "", plain: "", sealed: "530f8afbc74536b9a963b4f1c4cb738b" },
    Case {
        key: ZERO_KEY,
        nonce: ZERO_NONCE,
        aad: "",
        plain: "00000000000000000000000000000000",
        sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
    },
    Case {
        key: LONG_KEY,
        nonce: "cafebabefacedbaddecaf888",
        aad: "",
        plain: LONG_PLAIN,
        sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015adb094dac5d93471bdec1a502270e3cc6c",
    },
    Case {
        key: LONG_KEY,
        nonce: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plain: SHORT_PLAIN,
        sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
    },
];

#[test]
fn cr_1_published_aes_256_gcm_vectors_hold() {
    for (at, case) in CASES.iter().enumerate() {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes(case.key)).unwrap());
        let nonce = || Nonce::try_assume_unique_for_key(&bytes(case.nonce)).unwrap();
        let mut sealed = bytes(case.plain);
        key.seal_in_place_append_tag(nonce(), Aad::from(bytes(case.aad)), &mut sealed).unwrap();
        assert_eq!(sealed, bytes(case.sealed), "case {}", at + 13);
        let opened = key.open_in_place(nonce(), Aad::from(bytes(case.aad)), &mut sealed).unwrap();
        assert_eq!(opened, bytes(case.plain), "case {}", at + 13);
    }
}

#[test]
fn rfc_5869_test_case_1_holds() {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &bytes("000102030405060708090a0b0c"));
    let root = salt.extract(&[0x0b; 22]);
    let mut out = [0; 42];
    root.expand(&[&bytes("f0f1f2f3f4f5f6f7f8f9")], Length(42)).unwrap().fill(&mut out).unwrap();
    let expect = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(out.to_vec(), bytes(expect));
}

#[test]
fn cr_2_a_wrapped_key_of_any_length_up_to_48_bytes_comes_back() {
    for length in 1..=48 {
        let kek = || AesKek::new(&AES_256, &[3; 32]).unwrap();
        let mut wrapped = [0; 80];
        let wrapped = kek().wrap_with_padding(&vec![9; length], &mut wrapped).unwrap();
        assert_eq!(wrapped.len(), length.div_ceil(8) * 8 + 8);
        let mut plain = [0; 80];
        assert_eq!(kek().unwrap_with_padding(wrapped, &mut plain).unwrap(), vec![9; length]);
    }
}
