//! Limits of identity, each with its unit in the name.

/// Sessions that one transaction ends where everybody is signed out.
pub const SIGN_OUT_ROWS_MAX: usize = 500;
/// Longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3 less the angle brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest part of an e-mail address before the `@`, in bytes.
pub const EMAIL_LOCAL_BYTES_MAX: usize = 64;
/// Fewest digits of a telephone number with its country.
pub const PHONE_DIGITS_MIN: usize = 7;
/// Most digits of a telephone number with its country (ITU-T E.164).
pub const PHONE_DIGITS_MAX: usize = 15;
/// Longest name of a person or shop, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest label of an API key or device, in characters.
pub const LABEL_CHARS_MAX: usize = 60;
/// Longest reason for freezing a buyer or removing a member, in characters.
pub const REASON_CHARS_MAX: usize = 200;
/// Most characters of the note with which a case is closed; a label of its payment takes no more.
pub const CASE_NOTE_CHARS_MAX: usize = 140;

/// Shortest password that stands alone, in characters (PW-1, C01): at set-up and by invitation, where no second factor is
/// there yet, and for members whose second factor is their provider's.
pub const PASSWORD_CHARS_MIN: usize = 15;
/// Shortest password of a member who has a second factor here, in characters. The last one cannot be removed, and with a
/// reset of them the password goes as well.
pub const PASSWORD_BESIDE_FACTOR_CHARS_MIN: usize = 8;
/// Shortest password of a member where the PCI profile is on, in characters (PCI DSS 8.3.6).
pub const PASSWORD_PCI_CHARS_MIN: usize = 12;
/// Longest password, in characters. Nothing is ever cut off.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Largest list of passwords nobody may choose, in bytes.
pub const BLOCKLIST_BYTES_MAX: usize = 2 << 30;
/// Processors for each password that is hashed or checked at the same time; the others are left to payments.
pub const PROCESSORS_PER_PASSWORD: usize = 2;
/// By how much a password's check stands back where processors are short (`nice(2)`; 19 is the most): no payment waits
/// behind it.
pub const PASSWORD_NICE: i32 = 19;
/// Password checks that may wait; one more is told to come back.
pub const PASSWORD_QUEUE_MAX: usize = 64;

/// Wrong PINs in a row until paying is locked (PIN-1, RTS 4(3)(b)).
pub const PIN_TRIES_MAX: i64 = 5;

/// How long a PIN that was set without the old one pays little or nothing, in seconds (PIN-2): long enough for the notice
/// to be read before somebody else gains by it.
pub const PIN_COOLING_SECONDS: i64 = 86_400;
/// Small payments that such a PIN confirms (the five in a row of RTS Art. 16): in that time, where an authenticator app or
/// passkey was given as well; else in all after it, until something stronger than the contact says who it is.
pub const PIN_COOLING_PAYMENTS_MAX: i64 = 5;
/// The most each of them comes to, in minor units: the 30 euro of RTS Art. 16, and about as much in other currencies. In a
/// currency that is not listed nothing is paid.
pub const PIN_COOLING_MINOR_MAX: &[(&str, i64)] = &[
    ("CNY", 20_000),
    ("EUR", 3_000),
    ("GBP", 2_500),
    ("HKD", 25_000),
    ("JPY", 5_000),
    ("SGD", 4_000),
    ("USD", 3_000),
];
/// How old a second factor must be to stand for somebody whose PIN was set anew, in seconds. Whoever reads the mailbox can add
/// one as well, so it is long enough for its owner to find that out.
pub const FACTOR_SETTLED_SECONDS: i64 = 30 * 86_400;
/// Life of a link that freezes an account whose owner says "this was not me", in seconds.
pub const DISPUTE_LINK_SECONDS: i64 = 7 * 86_400;

/// Life of a one-time code, in seconds.
pub const CODE_LIFE_SECONDS: i64 = 600;
/// Wrong codes until the request is spent.
pub const CODE_TRIES_MAX: i64 = 5;

/// How long codes to a number prove nothing after its SIM card was changed, in seconds (OTP-5).
pub const SIM_CHANGE_SECONDS: i64 = 7 * 86_400;

/// Second factors one person can have.
pub const FACTORS_MAX: usize = 20;
/// Bytes of the key of an authenticator app: 160 bits (RFC 4226 §4, OTP-3).
pub const TOTP_KEY_BYTES: usize = 20;
/// How long an offered factor waits for its first code, in seconds.
pub const ENROL_SECONDS: i64 = 900;
/// How long a first step waits for the second, in seconds.
pub const PENDING_SECONDS: i64 = 600;
/// Wrong codes until the first step must be made again.
pub const PENDING_TRIES_MAX: i64 = 5;
/// Devices of one member that are remembered; the one that was used longest ago makes room for one more.
pub const MEMBER_DEVICES_MAX: usize = 20;
/// Most lines that a buyer is shown of what happened to the account.
pub const ACTIVITY_SHOWN_MAX: usize = 100;
/// How long a buyer sees what happened to the account, in days.
pub const ACTIVITY_DAYS: i64 = 400;
/// How often at most a buyer is told that codes were tried up to their limit, in seconds.
pub const WRONG_CODES_TOLD_SECONDS: i64 = 86_400;
/// Wrong second factors in sign-ins after which a person is told that somebody takes the first step.
pub const STOPPED_TOLD_AFTER: i64 = 3;
/// In what time they are counted, and how often at most that is told, in seconds.
pub const STOPPED_TOLD_SECONDS: i64 = 1800;
/// How long a place somebody signed in from is remembered, in seconds.
pub const PLACE_SECONDS: i64 = 90 * 86_400;
/// How old a buyer's second factor may be for a payment for which the shop demands one, in seconds.
pub const BUYER_FACTOR_SECONDS: i64 = 5 * 60;
/// How fresh a second factor must be to add or remove one, in seconds (ASVS 7.5.1).
pub const OWN_FRESH_SECONDS: i64 = 900;
/// Recovery codes in a set.
pub const RECOVERY_CODES: usize = 10;

/// Life of a buyer's device session, in seconds. Each payment asks for the PIN all the same.
pub const BUYER_SESSION_SECONDS: i64 = 30 * 86_400;
/// Idle time after which a buyer's session no longer shows the account until the PIN is given (SES-1, RTS 4(3)(d)).
pub const BUYER_IDLE_SECONDS: i64 = 5 * 60;
/// Idle time after which a member's session ends (SES-1, PCI 8.2.8).
pub const MEMBER_IDLE_SECONDS: i64 = 15 * 60;
/// Life of a member's session however busy, in seconds.
pub const MEMBER_SESSION_SECONDS: i64 = 12 * 3600;
/// How often at most a session's last use is written down, in seconds.
pub const SESSION_TOUCH_SECONDS: i64 = 60;

/// How old a second factor may be for what changes who may do what, in seconds (C05).
pub const STEP_UP_SECONDS: i64 = 15 * 60;
/// Shortest time for which power is taken in an emergency, in minutes.
pub const EMERGENCY_MINUTES_MIN: i64 = 1;
/// Longest time for which power is taken in an emergency, in minutes.
pub const EMERGENCY_MINUTES_MAX: i64 = 60;
/// Shortest reason for it, in characters: a colleague is to judge it.
pub const EMERGENCY_REASON_CHARS_MIN: usize = 10;
/// Emergencies of one member that nobody else has looked at, after which no further one begins.
pub const EMERGENCIES_UNREVIEWED_MAX: usize = 3;
/// Emergencies of a shop that are listed.
pub const EMERGENCIES_LISTED_MAX: i64 = 50;
/// Emergencies that are closed in one transaction because their time is over.
pub const EMERGENCIES_ENDED_MAX: usize = 50;
/// How old a second factor may be for opening a customer's data and for taking power in an emergency, in seconds.
pub const OPEN_STEP_UP_SECONDS: i64 = 5 * 60;

/// Life of the one-time set-up link, in seconds.
pub const SETUP_LIFE_SECONDS: i64 = 24 * 3600;
/// Life of a link with which a member sets a forgotten password anew, in seconds.
pub const RESET_LINK_SECONDS: i64 = 30 * 60;
/// Requests for such a link that wait to be looked up; one more is told to come back.
pub const RESET_REQUESTS_WAITING_MAX: i64 = 1_000;
/// Requests for such a link that are looked up in one transaction.
pub const RESET_REQUESTS_ANSWERED_MAX: usize = 20;
/// Life of the link with which a member begins anew whose second factors two people reset, in seconds.
pub const RESTART_LINK_SECONDS: i64 = 86_400;
/// Life of an invitation, in seconds.
pub const INVITE_LIFE_SECONDS: i64 = 7 * 86_400;

/// Members of one shop.
pub const MEMBERS_MAX: i64 = 500;
/// API keys of one shop that are in force at the same time.
pub const API_KEYS_MAX: i64 = 50;
/// Longest life of an API key, in days.
pub const API_KEY_DAYS_MAX: i64 = 366;
/// Life of an API key for which nothing else was asked, in days.
pub const API_KEY_DAYS_DEFAULT: i64 = 365;
/// How long before its end a shop is reminded of an API key, in days, longest first; 0 when it has ended.
pub const API_KEY_REMINDER_DAYS: [i64; 5] = [30, 14, 7, 1, 0];
/// API keys a shop is reminded of in one transaction.
pub const API_KEY_REMINDERS_MAX: usize = 50;
/// API keys kept unsealed in memory by one node.
pub const API_KEY_RING_MAX: usize = 10_000;

/// How often at most an API key's last use is written down, in seconds.
pub const KEY_TOUCH_SECONDS: i64 = 86_400;
/// Age from which an access review flags an API key, in days.
pub const API_KEY_OLD_DAYS: i64 = 180;
/// Own roles of one shop.
pub const ROLES_MAX: usize = 50;
/// Proposals of one shop that wait at the same time.
pub const APPROVALS_OPEN_MAX: usize = 200;
/// How long a proposal waits for a second person, in seconds.
pub const APPROVAL_WAIT_SECONDS: i64 = 3 * 86_400;
/// How long an approved proposal may be carried out, in seconds.
pub const APPROVAL_USE_SECONDS: i64 = 86_400;
/// Days between two access reviews of a shop (C09; PCI 7.2.4 asks for at most six months).
pub const ACCESS_REVIEW_EVERY_DAYS: i64 = 90;
/// Days to decide the lines of an access review, after which what is undecided is suspended.
pub const ACCESS_REVIEW_OPEN_DAYS: i64 = 14;
/// Days before that, at which whoever decides is reminded of what is left.
pub const ACCESS_REVIEW_REMINDER_DAYS: i64 = 3;
/// Days without use after which a member is suspended and a key is flagged (PCI 8.2.6).
pub const IDLE_DAYS_MAX: i64 = 90;

/// Shops that the jobs look after in one transaction.
pub const SHOPS_LISTED_MAX: usize = 10_000;

/// Rows that one sweep of what ended deletes in one transaction; payments of the same moment wait for it.
pub const SWEEP_ROWS_MAX: usize = 500;

/// Sign-ups, sign-ins and codes tried from one network address (IPv6: one /64) without an account, at once after a rest.
/// A shop's guests share its address, so it is above what a counter at noon needs.
pub const ANONYMOUS_BURST_MAX: u32 = 30;
/// The same, each minute for ever.
pub const ANONYMOUS_PER_MINUTE_MAX: u32 = 30;

/// Refused signatures that are written into the audit log each minute, of known and of unknown keys.
pub const REFUSALS_NOTED_MAX: u32 = 60;

/// Attempts to deliver one mail.
pub const MAIL_ATTEMPTS_MAX: i64 = 6;
/// How long a delivery worker may keep a mail before another one may take it, in seconds.
pub const MAIL_LEASE_SECONDS: i64 = 120;

/// Random bytes in a passkey challenge (WA-1 asks for 16).
pub const PASSKEY_CHALLENGE_BYTES: usize = 32;
/// How long a passkey challenge can be answered, in seconds (WA-1).
pub const PASSKEY_CHALLENGE_SECONDS: i64 = 5 * 60;
/// Random bytes that authenticators know a person by; nothing of the person is in them.
pub const USER_HANDLE_BYTES: usize = 32;
/// Longest such handle an authenticator may bring back, in bytes (WebAuthn L3 §5.4.3).
pub const USER_HANDLE_BYTES_MAX: usize = 64;
/// Longest id of a passkey, in bytes (WA-3).
pub const PASSKEY_ID_BYTES_MAX: usize = 1023;
/// Longest client data of a passkey's answer, in bytes.
pub const CLIENT_DATA_BYTES_MAX: usize = 4096;
/// Longest attestation object of a new passkey, in bytes: an id, a key, and a maker's statement with its certificates.
pub const ATTESTATION_BYTES_MAX: usize = 16 * 1024;
/// Certificates in a maker's statement.
pub const ATTESTATION_CERTIFICATES_MAX: usize = 8;
/// Longest authenticator data of a passkey's use, in bytes.
pub const AUTHENTICATOR_DATA_BYTES_MAX: usize = 1024;
/// Longest signature of a passkey, in bytes: RSA of 8192 bits.
pub const SIGNATURE_BYTES_MAX: usize = 1024;
/// Passkeys of one person.
pub const PASSKEYS_MAX: usize = 20;

/// Life of the built-in authority's root certificate, in days.
pub const AUTHORITY_DAYS: i64 = 3650;
/// How long before its end the next root takes over, in days; longer than any certificate it issued lives.
pub const AUTHORITY_RENEW_DAYS: i64 = 365;
/// Life of a client certificate, in days. Clients renew at half of it.
pub const CERTIFICATE_DAYS: i64 = 14;
/// How far before its issue a certificate begins, in seconds: for clients whose clock is behind.
pub const CERTIFICATE_SKEW_SECONDS: i64 = 300;
/// Client certificates of one holder that are in force at the same time.
pub const CERTIFICATES_PER_HOLDER_MAX: i64 = 10;
/// How long a certificate that ended stays in the list, in days.
pub const CERTIFICATE_SHOWN_DAYS: i64 = 90;
/// How long a list of revoked certificates counts, in seconds.
pub const REVOKED_LIST_SECONDS: i64 = 86_400;
/// Shortest life of an enrolment code, in minutes.
pub const ENROLMENT_MINUTES_MIN: i64 = 10;
/// Longest life of an enrolment code, in minutes.
pub const ENROLMENT_MINUTES_MAX: i64 = 24 * 60;
/// Enrolment codes of one shop that wait at the same time.
pub const ENROLMENTS_MAX: i64 = 100;
/// Longest request for a certificate, in bytes of PEM.
pub const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// Shortest RSA key of a client that is certified or let in, in bits: 128 bits of security (NIST SP 800-57, part 1, table 2).
pub const RSA_BITS_MIN: usize = 3072;
/// Longest RSA key of a client that is certified, in bits.
pub const RSA_BITS_MAX: usize = 4096;
/// Alarms about certificates raised in one transaction.
pub const ALARMS_PER_ROUND_MAX: usize = 20;
/// Life of an enrolment code when nothing else is asked for, in minutes.
pub const ENROLMENT_MINUTES_DEFAULT: i64 = 60;
/// How much of a password the meter looks at, in characters: its time grows faster than the text.
pub const METER_CHARS_MAX: usize = 64;

/// How long a sign-in at the operator's provider may take, in seconds.
pub const OUTSIDE_ATTEMPT_SECONDS: i64 = 600;
/// Longest ID token, in bytes.
pub const ID_TOKEN_BYTES_MAX: usize = 16 * 1024;
/// How far a provider's clock may be from ours, either way, in seconds (JWT-1).
pub const ID_TOKEN_SKEW_SECONDS: i64 = 60;
/// How long ago an ID token may have been issued, in seconds.
pub const ID_TOKEN_AGE_SECONDS_MAX: i64 = 600;
/// Longest answer of a provider, in bytes.
pub const PROVIDER_ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Longest wait for a provider, in seconds.
pub const PROVIDER_SECONDS_MAX: u64 = 10;
/// How long a provider's description and keys are kept, in seconds.
pub const PROVIDER_KEEP_SECONDS: i64 = 3600;
/// How often at most a provider's keys are asked for because of a key nobody knows, in seconds.
pub const PROVIDER_KEYS_EVERY_SECONDS: i64 = 60;

/// Apps that a shop has registered at one time.
pub const APPS_MAX: usize = 50;
/// Addresses of return of one app.
pub const APP_REDIRECTS_MAX: usize = 10;
/// Longest address of return, in bytes.
pub const APP_REDIRECT_BYTES_MAX: usize = 512;
/// Public keys of one app: the present one, the next one, and room.
pub const APP_KEYS_MAX: usize = 5;
/// Longest text of an app's keys, in bytes.
pub const APP_KEYS_BYTES_MAX: usize = 16 * 1024;
/// Longest `jti`, in bytes.
pub const APP_JTI_BYTES_MAX: usize = 256;
/// How far an app's clock may be from ours, either way, in seconds (FAPI 2.0 §5.3.2.1: not more than 60).
pub const APP_SKEW_SECONDS: i64 = 60;
/// How far ahead an assertion may end, in seconds.
pub const APP_ASSERTION_SECONDS_MAX: i64 = 300;
/// Longest `state` of an app, in bytes.
pub const APP_STATE_BYTES_MAX: usize = 512;
/// Life of a pushed request, in seconds (FAPI 2.0 §5.3.2.2: less than 600): long enough to sign in with both steps.
pub const APP_REQUEST_SECONDS: i64 = 300;
/// Life of a code, in seconds (FAPI 2.0 §5.3.2.1: not more than 60).
pub const APP_CODE_SECONDS: i64 = 60;
/// How long a code is remembered after its end, so that one that comes twice is noticed, in seconds.
pub const APP_CODE_KEPT_SECONDS: i64 = 86_400;
/// How long a connection and an app are kept after their end, in seconds: entries of the audit log name them.
pub const APP_ENDED_KEPT_SECONDS: i64 = 90 * 86_400;
/// Life of an access token, in seconds.
pub const APP_ACCESS_SECONDS: i64 = 300;
/// How long what a member allowed an app lasts, however busy, in seconds.
pub const APP_CONNECTION_SECONDS: i64 = 90 * 86_400;
/// How often at most the last use of a connection is written down, in seconds.
pub const APP_TOUCH_SECONDS: i64 = 3_600;
/// Which refusal of an hour is written into the audit log, with how many there were: of one app's assertions, of its proofs,
/// and of one address where no app is known.
pub const NOTED_AT: [u32; 4] = [1, 10, 100, 1_000];
/// Apps, and addresses, whose refusals are counted each for itself at one time.
pub const NOTED_SOURCES_MAX: usize = 1_000;
/// Requests of one app at the endpoints of OAuth, at once after a rest: those in which it proved who it is.
pub const APP_CALLS_BURST_MAX: u32 = 120;
/// The same, each minute for ever.
pub const APP_CALLS_PER_MINUTE_MAX: u32 = 120;
/// Calls of apps that were refused, and requests at the endpoints of OAuth whose app is not proven, of one network address, at
/// once after a rest; further ones are told to wait. Right ones go on, whatever comes from their address.
pub const APP_REFUSALS_BURST_MAX: u32 = 60;
/// The same, each minute for ever.
pub const APP_REFUSALS_PER_MINUTE_MAX: u32 = 60;
