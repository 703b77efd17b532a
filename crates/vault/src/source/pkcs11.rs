//! Root keys that never leave a PKCS#11 token (HSM, smart card, SoftHSM).
//!
//! The token makes the key itself: AES-256, sensitive, not extractable. Whatever key is found is looked at before it is
//! used: one that could be taken out, or once could have been, is refused (C46). Keys share a label; the version is
//! their id. A key is wrapped with AES-256-GCM inside the token: `1 ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, bound to its
//! name by the associated data.
//!
//! A refused PIN is never given again by this process, and not at all when the token says that one try is left: a
//! service that restarts itself does not lock the token (CR-8). After an outage the library is begun anew, since many a
//! library looks for tokens only when it begins, and the session is opened anew.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::{Dice, Secret};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::{KeyName, KeySource, RootName, SourceError, SourceKind, of_secret_file};
use crate::keys::{KEY_BYTES, KeyBytes};
use crate::limits::SECRET_FILE_BYTES_MAX;
use crate::secret_file::read_secret_file;

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 12;
const TAG_BITS: u64 = 128;
/// Keys of one label that are looked at.
const KEYS_MAX: usize = 1000;

/// Which token and which key.
#[derive(Clone, Debug)]
pub struct Pkcs11Settings {
    /// The token's library, as `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The label of the root keys.
    pub label: String,
    /// The file that holds the user PIN, readable by its owner only.
    pub pin_file: PathBuf,
}

/// Root keys in a token.
pub struct Pkcs11Source {
    settings: Pkcs11Settings,
    pin: AuthPin,
    state: Mutex<State>,
}

struct State {
    pkcs11: Pkcs11,
    session: Option<Session>,
    handles: HashMap<RootName, ObjectHandle>,
    pin_refused: bool,
    /// The token was away when it was last asked: the library is begun anew before the next try.
    away: bool,
}

impl State {
    /// Forgets what a token that went away had given.
    fn lose(&mut self) {
        self.session = None;
        self.handles.clear();
        self.away = true;
    }
}

impl Pkcs11Source {
    /// Loads the token's library and logs in.
    ///
    /// # Errors
    /// [`SourceError::File`] for library or PIN file, [`SourceError::Unreachable`] without the token,
    /// [`SourceError::PinRefused`], [`SourceError::PinLastTry`].
    pub fn open(settings: Pkcs11Settings) -> Result<Pkcs11Source, SourceError> {
        let pin = read_pin(&settings.pin_file)?;
        let refused = |e: Error| {
            SourceError::File(format!("PKCS#11 module `{}` cannot be loaded: {e}", settings.module.display()))
        };
        let pkcs11 = Pkcs11::new(&settings.module).map_err(refused)?;
        begin(&pkcs11).map_err(refused)?;
        let (session, handles) = (None, HashMap::new());
        let state = State { pkcs11, session, handles, pin_refused: false, away: false };
        let source = Pkcs11Source { settings, pin, state: Mutex::new(state) };
        source.connect(&mut source.state())?;
        Ok(source)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self, state: &mut State) -> Result<(), SourceError> {
        if state.session.is_some() {
            return Ok(());
        }
        if state.pin_refused {
            return Err(SourceError::PinRefused);
        }
        if state.away {
            // Whether it could be ended does not matter: what counts is whether it begins.
            let _ = state.pkcs11.clone().finalize();
            begin(&state.pkcs11).map_err(of_token)?;
        }
        // Until the token answered it counts as away.
        state.away = true;
        let slot = self.find_slot(&state.pkcs11)?;
        let about = state.pkcs11.get_token_info(slot).map_err(of_token)?;
        if about.user_pin_locked() || about.user_pin_final_try() {
            return Err(SourceError::PinLastTry);
        }
        let session = state.pkcs11.open_rw_session(slot).map_err(of_token)?;
        match session.login(UserType::User, Some(&self.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange | RvError::PinLocked,
                _,
            )) => {
                state.pin_refused = true;
                return Err(SourceError::PinRefused);
            }
            Err(error) => return Err(of_token(error)),
        }
        state.handles.clear();
        state.session = Some(session);
        state.away = false;
        Ok(())
    }

    fn find_slot(&self, pkcs11: &Pkcs11) -> Result<Slot, SourceError> {
        let slots = pkcs11.get_slots_with_token().map_err(of_token)?;
        let is_ours = |slot: &Slot| {
            pkcs11.get_token_info(*slot).is_ok_and(|about| about.label().trim_end() == self.settings.token)
        };
        let ours: Vec<Slot> = slots.into_iter().filter(is_ours).collect();
        match ours.as_slice() {
            [slot] => Ok(*slot),
            [] => Err(SourceError::Unreachable(format!("no token is called `{}`", self.settings.token))),
            _ => Err(SourceError::Refused(format!("several tokens are called `{}`", self.settings.token))),
        }
    }

    /// Does `work` with an open session; once more with a new one when the old one was lost.
    fn with<T>(
        &self,
        work: impl Fn(&Session, &mut HashMap<RootName, ObjectHandle>) -> Result<T, Failure>,
    ) -> Result<T, SourceError> {
        let mut state = self.state();
        for last in [false, true] {
            self.connect(&mut state)?;
            let State { session, handles, .. } = &mut *state;
            let Some(session) = session.as_ref() else { break };
            match work(session, handles) {
                Ok(done) => return Ok(done),
                Err(failure) => {
                    let lost = failure.is_of_absence();
                    if lost {
                        state.lose();
                    }
                    if last || !lost {
                        return Err(failure.into());
                    }
                }
            }
        }
        Err(SourceError::Unreachable("the token's session was lost".to_owned()))
    }

    fn name(&self, version: u32) -> RootName {
        RootName::new(format!("pkcs11/{}/{version}", self.settings.label))
    }

    fn version_of(&self, root: &RootName) -> Result<u32, SourceError> {
        let unknown = || SourceError::UnknownRoot(root.to_string());
        let rest = root.as_str().strip_prefix("pkcs11/").ok_or_else(unknown)?;
        let (label, version) = rest.rsplit_once('/').ok_or_else(unknown)?;
        if label != self.settings.label {
            return Err(unknown());
        }
        version.parse().map_err(|_| unknown())
    }

    /// The versions there are, in order.
    fn versions(&self, session: &Session) -> Result<Vec<u32>, Failure> {
        let found = session.find_objects(&self.search(None))?;
        let mut versions = Vec::new();
        for handle in found.into_iter().take(KEYS_MAX) {
            for attribute in session.get_attributes(handle, &[AttributeType::Id])? {
                if let Attribute::Id(id) = attribute {
                    versions.extend(id.try_into().ok().map(u32::from_be_bytes));
                }
            }
        }
        versions.sort_unstable();
        Ok(versions)
    }

    fn search(&self, version: Option<u32>) -> Vec<Attribute> {
        let mut search = vec![
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Label(self.settings.label.clone().into_bytes()),
        ];
        search.extend(version.map(|version| Attribute::Id(version.to_be_bytes().to_vec())));
        search
    }

    fn make(&self, session: &Session, version: u32) -> Result<(), Failure> {
        let template = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::ValueLen((KEY_BYTES as u64).into()),
            Attribute::Label(self.settings.label.clone().into_bytes()),
            Attribute::Id(version.to_be_bytes().to_vec()),
        ];
        session.generate_key(&Mechanism::AesKeyGen, &template)?;
        Ok(())
    }

    fn handle(
        &self,
        session: &Session,
        handles: &mut HashMap<RootName, ObjectHandle>,
        root: &RootName,
    ) -> Result<ObjectHandle, Failure> {
        if let Some(handle) = handles.get(root) {
            return Ok(*handle);
        }
        let version = self.version_of(root)?;
        let found = session.find_objects(&self.search(Some(version)))?;
        let handle = match found.as_slice() {
            [handle] => *handle,
            [] => return Err(SourceError::UnknownRoot(root.to_string()).into()),
            _ => {
                let why = "the token holds several keys of this label and id; remove the wrong ones";
                return Err(SourceError::Weak { name: root.to_string(), why }.into());
            }
        };
        refuse_weak(session, handle, root)?;
        handles.insert(root.clone(), handle);
        Ok(handle)
    }
}

impl KeySource for Pkcs11Source {
    fn kind(&self) -> SourceKind {
        SourceKind::Pkcs11
    }

    fn first(&self, _: &Dice) -> Result<RootName, SourceError> {
        self.with(|session, handles| {
            let version = match self.versions(session)?.last() {
                Some(version) => *version,
                None => {
                    self.make(session, 1)?;
                    1
                }
            };
            let name = self.name(version);
            self.handle(session, handles, &name).map(|_| name)
        })
    }

    fn next(&self, after: &RootName, _: &Dice) -> Result<RootName, SourceError> {
        let after = self.version_of(after)?;
        self.with(|session, handles| {
            let newest = self.versions(session)?.last().copied().unwrap_or(after);
            let version = if newest > after { newest } else { after.saturating_add(1) };
            if newest <= after {
                self.make(session, version)?;
            }
            let name = self.name(version);
            self.handle(session, handles, &name).map(|_| name)
        })
    }

    fn wrap(
        &self,
        root: &RootName,
        what: KeyName<'_>,
        key: &KeyBytes,
        dice: &Dice,
    ) -> Result<Vec<u8>, SourceError> {
        let nonce: [u8; NONCE_BYTES] = dice.bytes();
        let associated = what.to_bytes();
        self.with(|session, handles| {
            let handle = self.handle(session, handles, root)?;
            let mut used = nonce;
            let params = GcmParams::new(&mut used, &associated, TAG_BITS.into())?;
            let sealed = session.encrypt(&Mechanism::AesGcm(params), handle, key.as_slice())?;
            Ok([&[FORMAT][..], &nonce, &sealed].concat())
        })
    }

    fn unwrap(&self, root: &RootName, what: KeyName<'_>, wrapped: &[u8]) -> Result<KeyBytes, SourceError> {
        let Some((&FORMAT, rest)) = wrapped.split_first() else { return Err(SourceError::WrongKey) };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SourceError::WrongKey)?;
        let associated = what.to_bytes();
        self.with(|session, handles| {
            let handle = self.handle(session, handles, root)?;
            let mut nonce = *nonce;
            let params = GcmParams::new(&mut nonce, &associated, TAG_BITS.into())?;
            let opened = session.decrypt(&Mechanism::AesGcm(params), handle, sealed);
            let plain = Zeroizing::new(opened.map_err(|error| {
                // Some tokens answer a wrong tag with a general error; it is one of the token only if nothing else works.
                let works = session.get_attributes(handle, &[AttributeType::KeyType]).is_ok();
                if is_lost(&error) && !works { Failure::Token(error) } else { SourceError::WrongKey.into() }
            })?);
            Ok(Zeroizing::new(plain.as_slice().try_into().map_err(|_| SourceError::WrongKey)?))
        })
    }

    fn adopt(&self, _: &RootName) -> Result<(), SourceError> {
        Ok(())
    }

    fn destroy(&self, root: &RootName) -> Result<(), SourceError> {
        let version = self.version_of(root)?;
        self.with(|session, handles| {
            for handle in session.find_objects(&self.search(Some(version)))? {
                session.destroy_object(handle)?;
            }
            handles.remove(root);
            Ok(())
        })
    }
}

/// What must be true of a root key, and what is said when it is not.
fn refuse_weak(session: &Session, handle: ObjectHandle, root: &RootName) -> Result<(), Failure> {
    let asked = [
        AttributeType::KeyType,
        AttributeType::ValueLen,
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::AlwaysSensitive,
        AttributeType::NeverExtractable,
    ];
    let found = session.get_attributes(handle, &asked)?;
    let bytes = (KEY_BYTES as u64).into();
    let must = [
        (Attribute::KeyType(KeyType::AES), "it is not an AES key"),
        (Attribute::ValueLen(bytes), "it does not have 256 bits"),
        (Attribute::Sensitive(true), "its value can be read out of the token (not sensitive)"),
        (Attribute::Extractable(false), "it can be taken out of the token (extractable)"),
        (Attribute::AlwaysSensitive(true), "its value could once be read (not always sensitive)"),
        (
            Attribute::NeverExtractable(true),
            "it could once be taken out, or was brought in from outside (not never-extractable)",
        ),
    ];
    for (attribute, why) in must {
        if !found.contains(&attribute) {
            return Err(SourceError::Weak { name: root.to_string(), why }.into());
        }
    }
    Ok(())
}

/// A failure of the token, or one of ours that ends the work.
enum Failure {
    Token(Error),
    Source(SourceError),
}

impl Failure {
    /// Whether the token may be away. A library that goes on without its token may hold it for empty.
    fn is_of_absence(&self) -> bool {
        match self {
            Failure::Token(error) => is_lost(error),
            Failure::Source(error) => matches!(error, SourceError::UnknownRoot(_)),
        }
    }
}

impl From<Failure> for SourceError {
    fn from(failure: Failure) -> SourceError {
        match failure {
            Failure::Token(error) => of_token(error),
            Failure::Source(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Token(error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        Failure::Source(error)
    }
}

/// Begins the library, unless another part of the process did.
fn begin(pkcs11: &Pkcs11) -> Result<(), Error> {
    match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        begun => begun,
    }
}

/// Whether a new session might help.
fn is_lost(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::SessionClosed
                | RvError::SessionHandleInvalid
                | RvError::TokenNotPresent
                | RvError::TokenNotRecognized
                | RvError::DeviceRemoved
                | RvError::DeviceError
                | RvError::SlotIdInvalid
                | RvError::GeneralError
                | RvError::FunctionFailed
                | RvError::UserNotLoggedIn
                | RvError::KeyHandleInvalid
                | RvError::ObjectHandleInvalid
                | RvError::CryptokiNotInitialized,
            _
        )
    )
}

fn of_token(error: Error) -> SourceError {
    match error {
        Error::Pkcs11(code, function) => {
            let text = format!("PKCS#11 {function:?}: {code:?}");
            if is_lost(&Error::Pkcs11(code, function)) {
                SourceError::Unreachable(text)
            } else {
                SourceError::Refused(text)
            }
        }
        other => SourceError::Refused(format!("PKCS#11: {other}")),
    }
}

fn read_pin(path: &Path) -> Result<AuthPin, SourceError> {
    let text: Secret<String> =
        read_secret_file(path, SECRET_FILE_BYTES_MAX).map_err(|why| of_secret_file("PIN", path, &why))?;
    Ok(AuthPin::new(text.expose().clone().into_boxed_str()))
}
