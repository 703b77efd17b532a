//! Project Wycheproof's vectors against the primitives as this crate and its neighbours use them: AES-256-GCM for
//! sealing, AES-256-KWP for wrapping, HKDF and HMAC for deriving and indexing, Ed25519 for the audit log.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use aws_lc_rs::{hkdf, hmac};
use wycheproof::{TestResult, aead, eddsa, hkdf as hkdf_tests, keywrap, mac};

#[test]
fn c45_wycheproof_aes_256_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for group in set.test_groups.iter().filter(|g| g.key_size == 256 && g.tag_size == 128) {
        for case in &group.tests {
            // Another length of nonce is not even taken by the type that is used for sealing.
            let Ok(nonce) = Nonce::try_assume_unique_for_key(&case.nonce) else {
                assert_ne!(case.nonce.len(), NONCE_LEN);
                refused += 1;
                continue;
            };
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &case.key).unwrap());
            let mut sealed = [&case.ct[..], &case.tag[..]].concat();
            let plain = key.open_in_place(nonce, Aad::from(&case.aad[..]), &mut sealed).map(|p| p.to_vec());
            if case.result == TestResult::Valid {
                assert_eq!(plain.unwrap(), &case.pt[..], "case {}", case.tc_id);
                let mut again = case.pt.to_vec();
                let nonce = Nonce::try_assume_unique_for_key(&case.nonce).unwrap();
                key.seal_in_place_append_tag(nonce, Aad::from(&case.aad[..]), &mut again).unwrap();
                assert_eq!(again[..case.ct.len()], case.ct[..], "case {}", case.tc_id);
                assert_eq!(again[case.ct.len()..], case.tag[..], "case {}", case.tc_id);
                opened += 1;
            } else {
                assert!(plain.is_err(), "case {}: {}", case.tc_id, case.comment);
                refused += 1;
            }
        }
    }
    assert!(opened > 30 && refused > 30, "{opened} opened, {refused} refused");
}

#[test]
fn wycheproof_aes_256_key_wrap_with_padding() {
    let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrapWithPadding).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for group in set.test_groups.iter().filter(|g| g.key_size == 256) {
        for case in &group.tests {
            let kek = || AesKek::new(&AES_256, &case.key).unwrap();
            let mut out = vec![0; case.ct.len() + 16];
            let plain = kek().unwrap_with_padding(&case.ct, &mut out).map(|plain| plain.to_vec());
            if case.result.must_fail() {
                assert!(plain.is_err(), "case {}: {}", case.tc_id, case.comment);
                refused += 1;
            } else if case.result == TestResult::Valid {
                assert_eq!(plain.unwrap(), &case.pt[..], "case {}", case.tc_id);
                let mut out = vec![0; case.pt.len() + 32];
                let wrapped = kek().wrap_with_padding(&case.pt, &mut out).unwrap();
                assert_eq!(wrapped, &case.ct[..], "case {}", case.tc_id);
                opened += 1;
            }
        }
    }
    assert!(opened > 10 && refused > 30, "{opened} opened, {refused} refused");
}

#[test]
fn wycheproof_hkdf_sha256() {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let set = hkdf_tests::TestSet::load(hkdf_tests::TestName::HkdfSha256).unwrap();
    let mut seen = 0;
    for group in &set.test_groups {
        for case in &group.tests {
            let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &case.salt);
            let (root, info) = (salt.extract(&case.ikm), [&case.info[..]]);
            let mut out = vec![0; case.size];
            let done = root.expand(&info, Length(case.size)).and_then(|okm| okm.fill(&mut out));
            assert_eq!(done.is_ok(), case.result == TestResult::Valid, "case {}", case.tc_id);
            if done.is_ok() {
                assert_eq!(out, case.okm[..], "case {}", case.tc_id);
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} cases");
}

#[test]
fn cr_9_wycheproof_hmac_sha256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let (mut right, mut wrong) = (0, 0);
    for group in set.test_groups.iter().filter(|g| g.tag_size == 256) {
        for case in &group.tests {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &case.key);
            let verified = hmac::verify(&key, &case.msg, &case.tag).is_ok();
            assert_eq!(verified, case.result == TestResult::Valid, "case {}", case.tc_id);
            if verified { right += 1 } else { wrong += 1 }
        }
    }
    assert!(right > 30 && wrong > 30, "{right} right, {wrong} wrong");
}

#[test]
fn wycheproof_ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut right, mut wrong) = (0, 0);
    for group in &set.test_groups {
        let key = UnparsedPublicKey::new(&ED25519, &group.key.pk[..]);
        for case in &group.tests {
            let verified = key.verify(&case.msg, &case.sig).is_ok();
            assert_eq!(verified, case.result == TestResult::Valid, "case {}: {}", case.tc_id, case.comment);
            if verified { right += 1 } else { wrong += 1 }
        }
    }
    assert!(right > 50 && wrong > 30, "{right} right, {wrong} wrong");
}
