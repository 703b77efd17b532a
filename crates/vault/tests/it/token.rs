//! The root key in a PKCS#11 token: SoftHSM 2, as Debian ships it. Without it these tests say so and end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base::Dice;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use store::testing::Scratch;
use vault::{KeySource, Pkcs11Settings, Pkcs11Source, SourceError, Vault};

use crate::rotation::{NOW, migrations};
use crate::sources::{WHAT, check_replacing, check_wrapping, key, open_name, seal_name};

const MODULES: [&str; 2] = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"];
const PIN: &str = "planted-pin-7351";

/// A token in a temporary folder. The library reads where it is from the environment, so each test is a process of its
/// own, as `cargo nextest` runs them, and the first test of a process decides.
struct Token {
    folder: tempfile::TempDir,
    module: PathBuf,
}

/// The library holds one state for a process; tests take turns.
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Runs `test` in a process of its own, on a fresh token; says so where there is none.
fn with_token(name: &str, test: impl FnOnce(&Token)) {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(module) = MODULES.iter().map(PathBuf::from).find(|path| path.exists()) else {
        eprintln!("SoftHSM is not installed (Debian: softhsm2): the token is not tested here");
        return;
    };
    if let Some(folder) = std::env::var_os("TILLWARD_TOKEN_FOLDER_OF_TEST") {
        let token = Token { folder: tempfile::tempdir_in(&folder).unwrap(), module };
        return test(&token);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tokens")).unwrap();
    let conf = folder.path().join("softhsm2.conf");
    let text =
        format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.path().join("tokens").display());
    fs::write(&conf, text).unwrap();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "tillward test", "--pin", PIN, "--so-pin", "12345678"])
        .env("SOFTHSM2_CONF", &conf)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("token::{name}"), "--nocapture"])
        .env("SOFTHSM2_CONF", &conf)
        .env("TILLWARD_TOKEN_FOLDER_OF_TEST", folder.path())
        .output()
        .unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && printed.contains("1 passed"), "{printed}");
    assert!(!printed.contains(PIN), "the PIN was printed");
}

impl Token {
    fn settings(&self, pin: &str) -> Pkcs11Settings {
        let pin_file = self.folder.path().join("pin");
        let _ = fs::remove_file(&pin_file);
        fs::write(&pin_file, format!("{pin}\n")).unwrap();
        fs::set_permissions(&pin_file, fs::Permissions::from_mode(0o600)).unwrap();
        Pkcs11Settings {
            module: self.module.clone(),
            token: "tillward test".to_owned(),
            label: "tillward-root".to_owned(),
            pin_file,
        }
    }

    fn open(&self) -> Pkcs11Source {
        Pkcs11Source::open(self.settings(PIN)).unwrap()
    }

    /// The folder of the token itself: gone is a token that was pulled out.
    fn files(&self) -> PathBuf {
        self.folder.path().parent().unwrap().join("tokens")
    }

    /// A session of our own, beside the source's.
    fn session(&self) -> Session {
        let pkcs11 = Pkcs11::new(&self.module).unwrap();
        let _ = pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        let slot = *pkcs11
            .get_slots_with_initialized_token()
            .unwrap()
            .iter()
            .find(|slot| pkcs11.get_token_info(**slot).unwrap().label() == "tillward test")
            .unwrap();
        let session = pkcs11.open_rw_session(slot).unwrap();
        let _ = session.login(UserType::User, Some(&AuthPin::new(PIN.into())));
        session
    }
}

fn keys(session: &Session) -> Vec<ObjectHandle> {
    session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)]).unwrap()
}

#[test]
fn c46_the_token_makes_the_root_key_and_gives_it_to_nobody() {
    with_token("c46_the_token_makes_the_root_key_and_gives_it_to_nobody", |token| {
        let source = token.open();
        let root = source.first(&Dice::System).unwrap();
        assert_eq!(root.as_str(), "pkcs11/tillward-root/1");
        assert_eq!(source.first(&Dice::System).unwrap(), root, "one key, however often it is asked for");
        let session = token.session();
        let [handle] = keys(&session)[..] else { panic!("one key") };
        let value = session.get_attributes(handle, &[AttributeType::Value]).unwrap();
        assert!(value.is_empty(), "the token gave the value away: {value:?}");
        assert!(session.update_attributes(handle, &[Attribute::Extractable(true)]).is_err());
        assert!(session.update_attributes(handle, &[Attribute::Sensitive(false)]).is_err());
        let wrapping =
            [Attribute::Wrap(true), Attribute::ValueLen(32.into()), Attribute::Label(b"other".to_vec())];
        let other = session.generate_key(&Mechanism::AesKeyGen, &wrapping).unwrap();
        assert!(session.wrap_key(&Mechanism::AesKeyWrap, other, handle).is_err(), "it cannot be wrapped out");
    });
}

#[test]
fn c46_a_key_that_could_be_taken_out_is_refused() {
    with_token("c46_a_key_that_could_be_taken_out_is_refused", |token| {
        let session = token.session();
        let mut template = vec![
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(true),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::ValueLen(32.into()),
            Attribute::Label(b"tillward-root".to_vec()),
            Attribute::Id(1u32.to_be_bytes().to_vec()),
        ];
        let weak = session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
        let refused = token.open().first(&Dice::System).unwrap_err();
        assert!(
            matches!(&refused, SourceError::Weak { why, .. } if why.contains("extractable")),
            "{refused}"
        );
        session.update_attributes(weak, &[Attribute::Extractable(false)]).unwrap();
        let refused = token.open().first(&Dice::System).unwrap_err();
        assert!(matches!(&refused, SourceError::Weak { why, .. } if why.contains("once")), "{refused}");
        session.destroy_object(weak).unwrap();
        template[3] = Attribute::Extractable(false);
        template[6] = Attribute::ValueLen(16.into());
        session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
        let refused = token.open().first(&Dice::System).unwrap_err();
        assert!(matches!(&refused, SourceError::Weak { why, .. } if why.contains("256")), "{refused}");
    });
}

#[test]
fn cr_2_a_wrapped_key_opens_in_its_token_under_its_name_only() {
    with_token("cr_2_a_wrapped_key_opens_in_its_token_under_its_name_only", |token| {
        let source = token.open();
        let wrapped = check_wrapping(&source);
        let root = source.first(&Dice::System).unwrap();
        let next = source.next(&root, &Dice::System).unwrap();
        assert_eq!(source.next(&root, &Dice::System).unwrap(), next);
        assert_eq!(source.unwrap(&next, WHAT, &wrapped).err(), Some(SourceError::WrongKey));
    });
}

#[test]
fn c47_root_and_keks_are_replaced_in_a_token_and_the_old_root_is_destroyed_there() {
    with_token("c47_root_and_keks_are_replaced_in_a_token_and_the_old_root_is_destroyed_there", |token| {
        for scratch in Scratch::each() {
            let db = scratch.open(&migrations()).unwrap();
            let check_gone =
                || assert_eq!(keys(&token.session()).len(), 1, "the token holds the new root key alone");
            check_replacing(&db, || token.open(), check_gone);
            for handle in keys(&token.session()) {
                token.session().destroy_object(handle).unwrap();
            }
        }
    });
}

#[test]
fn cr_8_a_wrong_pin_is_given_once_and_never_shown() {
    with_token("cr_8_a_wrong_pin_is_given_once_and_never_shown", |token| {
        let wrong = "planted-wrong-pin";
        let refused = Pkcs11Source::open(token.settings(wrong)).err().unwrap();
        assert_eq!(refused, SourceError::PinRefused);
        assert!(!format!("{refused} {refused:?}").contains(wrong));
        token.open();
        let settings = token.settings(PIN);
        fs::set_permissions(&settings.pin_file, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = Pkcs11Source::open(settings).err().unwrap();
        assert!(matches!(refused, SourceError::File(_)), "others can read the PIN");
    });
}

#[test]
fn c46_a_token_that_is_gone_stops_unlocking_and_not_what_is_unlocked() {
    with_token("c46_a_token_that_is_gone_stops_unlocking_and_not_what_is_unlocked", |token| {
        let scratch = Scratch::file();
        let source = token.open();
        let db = scratch.open(&migrations()).unwrap();
        let vault = Vault::start(&db, &source, NOW, &Dice::System).unwrap();
        let root = source.first(&Dice::System).unwrap();
        let wrapped = source.wrap(&root, WHAT, &key(), &Dice::System).unwrap();
        let away = token.folder.path().join("away");
        move_all(&token.files(), &away);
        let lost = source.unwrap(&root, WHAT, &wrapped).err();
        assert!(matches!(lost, Some(SourceError::Unreachable(_) | SourceError::UnknownRoot(_))), "{lost:?}");
        assert!(Vault::start(&db, &source, NOW, &Dice::System).is_err(), "nothing starts without it");
        let vault = Arc::new(vault);
        let sealed = seal_name(&db, &vault);
        assert_eq!(open_name(&db, &vault, sealed), Ok("Li".to_owned()), "what is unlocked goes on");
    });
}

#[test]
fn c46_a_token_that_comes_back_is_found_without_a_restart() {
    with_token("c46_a_token_that_comes_back_is_found_without_a_restart", |token| {
        let source = token.open();
        let root = source.first(&Dice::System).unwrap();
        let wrapped = source.wrap(&root, WHAT, &key(), &Dice::System).unwrap();
        let away = token.folder.path().join("away");
        for round in 1..=3 {
            move_all(&token.files(), &away);
            for _ in 0..round {
                let lost = source.unwrap(&root, WHAT, &wrapped).err();
                assert!(matches!(lost, Some(SourceError::Unreachable(_))), "{lost:?}");
            }
            move_all(&away, &token.files());
            assert_eq!(*source.unwrap(&root, WHAT, &wrapped).unwrap(), *key(), "round {round}");
        }
        assert_eq!(source.next(&root, &Dice::System).unwrap().as_str(), "pkcs11/tillward-root/2");
        // Another user of the library in this process ends it.
        Pkcs11::new(&token.module).unwrap().finalize().unwrap();
        assert_eq!(*source.unwrap(&root, WHAT, &wrapped).unwrap(), *key());
    });
}

fn move_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::rename(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn missing_modules_and_tokens_say_what_is_missing() {
    with_token("missing_modules_and_tokens_say_what_is_missing", |token| {
        let settings = Pkcs11Settings { module: "/nowhere/lib.so".into(), ..token.settings(PIN) };
        let refused = Pkcs11Source::open(settings).err().unwrap().to_string();
        assert!(refused.contains("/nowhere/lib.so"), "{refused}");
        let settings = Pkcs11Settings { token: "another".to_owned(), ..token.settings(PIN) };
        let refused = Pkcs11Source::open(settings).err().unwrap();
        assert!(matches!(&refused, SourceError::Unreachable(why) if why.contains("another")), "{refused}");
    });
}
