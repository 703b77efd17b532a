//! All SQL of identity, one file for each noun. Single queries, no decisions.

pub(crate) mod access_reviews;
pub(crate) mod activity;
pub(crate) mod api_keys;
pub(crate) mod approvals;
pub(crate) mod apps;
pub(crate) mod buyers;
pub(crate) mod cases;
pub(crate) mod certificates;
pub(crate) mod codes;
pub(crate) mod disputes;
pub(crate) mod emergencies;
pub(crate) mod factors;
pub(crate) mod keyed;
pub(crate) mod member_devices;
pub(crate) mod members;
pub(crate) mod outbox;
pub(crate) mod outside;
pub(crate) mod passkeys;
pub(crate) mod password_resets;
pub(crate) mod pending;
pub(crate) mod roles;
pub(crate) mod sealed;
pub(crate) mod sent_codes;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod shops;
pub(crate) mod throttles;

use base::ShopId;
use store::{Error, Migration, Row};

/// Identity's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 300,
        name: "identity: shops, buyers, members",
        sql: "
        CREATE TABLE shops (
            shop_id TEXT NOT NULL, name TEXT NOT NULL, city TEXT NOT NULL, country TEXT NOT NULL,
            category TEXT NOT NULL, currency TEXT NOT NULL, state TEXT NOT NULL, created_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id)
        );
        CREATE TABLE buyers (
            id TEXT NOT NULL, state TEXT NOT NULL, name BLOB, contact BLOB, contact_index TEXT, lang TEXT NOT NULL,
            pin_salt BLOB NOT NULL, pin_verifier BLOB NOT NULL, pin_failures BIGINT NOT NULL,
            pin_changed_ms BIGINT NOT NULL, created_ms BIGINT NOT NULL,
            PRIMARY KEY (id)
        );
        CREATE TABLE buyer_contacts (
            contact_index TEXT NOT NULL, buyer_id TEXT NOT NULL,
            PRIMARY KEY (contact_index)
        );
        CREATE TABLE buyer_devices (
            buyer_id TEXT NOT NULL, id TEXT NOT NULL, token_hash TEXT NOT NULL, label TEXT NOT NULL,
            created_ms BIGINT NOT NULL, used_ms BIGINT NOT NULL,
            PRIMARY KEY (buyer_id, id)
        );
        CREATE TABLE members (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, name BLOB NOT NULL, email BLOB NOT NULL,
            email_index TEXT NOT NULL, roles TEXT NOT NULL, lang TEXT NOT NULL, password TEXT,
            created_ms BIGINT NOT NULL, last_login_ms BIGINT,
            PRIMARY KEY (shop_id, id)
        );
        CREATE TABLE member_logins (
            email_index TEXT NOT NULL, shop_id TEXT NOT NULL, member_id TEXT NOT NULL,
            PRIMARY KEY (email_index)
        );",
    },
    Migration {
        version: 301,
        name: "identity: sessions, codes, keys, mail",
        sql: "
        CREATE TABLE sessions (
            token_hash TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, shop_id TEXT NOT NULL,
            subject_id TEXT NOT NULL, device_id TEXT, agent TEXT NOT NULL,
            opened_ms BIGINT NOT NULL, used_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (token_hash)
        );
        CREATE INDEX sessions_by_subject ON sessions (subject_id, kind);
        CREATE INDEX sessions_by_end ON sessions (expires_ms);
        CREATE TABLE one_time_codes (
            id TEXT NOT NULL, contact_index TEXT NOT NULL, buyer_id TEXT, tag BLOB NOT NULL, tries BIGINT NOT NULL,
            state TEXT NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL,
            new_name BLOB, new_contact BLOB, new_lang TEXT, new_pin_salt BLOB, new_pin_verifier BLOB,
            PRIMARY KEY (id)
        );
        CREATE INDEX one_time_codes_by_end ON one_time_codes (expires_ms);
        CREATE TABLE setup_links (
            token_hash TEXT NOT NULL, shop_id TEXT, member_id TEXT, created_ms BIGINT NOT NULL,
            expires_ms BIGINT NOT NULL,
            PRIMARY KEY (token_hash)
        );
        CREATE TABLE api_keys (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, label TEXT NOT NULL, secret BLOB NOT NULL, role TEXT NOT NULL,
            state TEXT NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT, ended_ms BIGINT,
            PRIMARY KEY (shop_id, id)
        );
        CREATE TABLE throttles (
            kind TEXT NOT NULL, subject TEXT NOT NULL, tries BIGINT NOT NULL, window_from_ms BIGINT NOT NULL,
            blocked_until_ms BIGINT NOT NULL,
            PRIMARY KEY (kind, subject)
        );
        CREATE TABLE outbox_mail (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, template TEXT NOT NULL,
            subject TEXT NOT NULL, recipient BLOB, body BLOB, state TEXT NOT NULL, attempts BIGINT NOT NULL,
            next_ms BIGINT NOT NULL, expires_ms BIGINT, created_ms BIGINT NOT NULL, error TEXT,
            PRIMARY KEY (shop_id, id)
        );
        CREATE INDEX outbox_mail_due ON outbox_mail (state, next_ms);",
    },
    Migration {
        version: 302,
        name: "identity: what a sweep looks for",
        sql: "
        CREATE INDEX throttles_by_window ON throttles (window_from_ms);
        CREATE INDEX outbox_mail_done ON outbox_mail (state, created_ms);",
    },
    Migration {
        version: 303,
        name: "identity: a browser that several buyers use is one device",
        sql: "
        CREATE TABLE device_tokens (token_hash TEXT NOT NULL PRIMARY KEY, device_id TEXT NOT NULL);
        INSERT INTO device_tokens (token_hash, device_id) SELECT token_hash, id FROM buyer_devices;",
    },
    Migration {
        version: 310,
        name: "identity: when a session's second factor was given",
        sql: "ALTER TABLE sessions ADD COLUMN second_factor_ms BIGINT",
    },
    Migration {
        version: 311,
        name: "identity: roles of a shop's own, approvals, access reviews",
        sql: "
        ALTER TABLE members ADD COLUMN custom_roles TEXT NOT NULL DEFAULT '';
        ALTER TABLE members ADD COLUMN password_ms BIGINT;
        ALTER TABLE api_keys ADD COLUMN maker TEXT;
        ALTER TABLE api_keys ADD COLUMN used_ms BIGINT;
        CREATE TABLE custom_roles (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, permissions TEXT NOT NULL,
            created_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, id)
        );
        CREATE TABLE approvals (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
            summary TEXT NOT NULL, proposer TEXT NOT NULL, decider TEXT, state TEXT NOT NULL,
            created_ms BIGINT NOT NULL, decided_ms BIGINT, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, id),
            CHECK (decider IS NULL OR decider <> proposer)
        );
        CREATE INDEX approvals_by_state ON approvals (shop_id, state);
        CREATE TABLE access_reviews (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, opened_ms BIGINT NOT NULL,
            due_ms BIGINT NOT NULL, closed_ms BIGINT,
            PRIMARY KEY (shop_id, id)
        );
        CREATE TABLE access_review_lines (
            shop_id TEXT NOT NULL, review_id TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL,
            grants TEXT NOT NULL, since_ms BIGINT NOT NULL, used_ms BIGINT, secret_ms BIGINT, flags TEXT NOT NULL,
            decision TEXT, decider TEXT, decided_ms BIGINT,
            PRIMARY KEY (shop_id, review_id, subject)
        );",
    },
    Migration {
        version: 320,
        name: "identity: second factors, recovery codes, text messages",
        sql: "
        CREATE TABLE factors (
            shop_id TEXT NOT NULL, subject TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
            label TEXT NOT NULL, secret BLOB NOT NULL, step BIGINT NOT NULL,
            created_ms BIGINT NOT NULL, used_ms BIGINT,
            PRIMARY KEY (shop_id, subject, id)
        );
        CREATE TABLE recovery_codes (
            shop_id TEXT NOT NULL, subject TEXT NOT NULL, tag TEXT NOT NULL, created_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, subject, tag)
        );
        ALTER TABLE outbox_mail ADD COLUMN channel TEXT NOT NULL DEFAULT 'mail';",
    },
    Migration {
        version: 321,
        name: "identity: codes sent to a person, sign-ins that wait for their second step",
        sql: "
        CREATE TABLE sent_codes (
            id TEXT NOT NULL, tag BLOB NOT NULL, tries BIGINT NOT NULL, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (id)
        );
        CREATE INDEX sent_codes_by_end ON sent_codes (expires_ms);
        CREATE TABLE pending_sign_ins (
            token_hash TEXT NOT NULL, kind TEXT NOT NULL, shop_id TEXT NOT NULL, subject TEXT NOT NULL,
            tries BIGINT NOT NULL, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (token_hash)
        );
        CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_ms);",
    },
    Migration {
        version: 330,
        name: "identity: passkeys",
        sql: "
        CREATE TABLE passkey_ids (
            id_hash TEXT NOT NULL, shop_id TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL,
            factor_id TEXT NOT NULL,
            PRIMARY KEY (id_hash)
        );
        CREATE INDEX passkey_ids_by_subject ON passkey_ids (shop_id, subject);
        CREATE TABLE passkey_handles (
            shop_id TEXT NOT NULL, subject TEXT NOT NULL, handle BLOB NOT NULL,
            PRIMARY KEY (shop_id, subject)
        );
        CREATE TABLE passkey_challenges (
            challenge_hash TEXT NOT NULL, purpose TEXT NOT NULL, holder TEXT NOT NULL, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (challenge_hash)
        );
        CREATE INDEX passkey_challenges_by_end ON passkey_challenges (expires_ms);",
    },
    Migration {
        version: 340,
        name: "identity: certificates",
        sql: "
        CREATE TABLE certificate_authorities (
            version BIGINT NOT NULL, certificate BLOB NOT NULL, key BLOB NOT NULL, created_ms BIGINT NOT NULL,
            ends_ms BIGINT NOT NULL,
            PRIMARY KEY (version)
        );
        CREATE TABLE certificates (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, purpose TEXT NOT NULL, holder TEXT NOT NULL, label TEXT NOT NULL,
            fingerprint BLOB NOT NULL, state TEXT NOT NULL, renewed BIGINT NOT NULL, authority BIGINT NOT NULL,
            issued_ms BIGINT NOT NULL, ends_ms BIGINT NOT NULL, ended_ms BIGINT, alarm_ms BIGINT,
            PRIMARY KEY (shop_id, id)
        );
        CREATE INDEX certificates_by_holder ON certificates (shop_id, holder);
        CREATE INDEX certificates_by_alarm ON certificates (alarm_ms);
        CREATE TABLE enrolments (
            code_hash TEXT NOT NULL, shop_id TEXT NOT NULL, holder TEXT NOT NULL, label TEXT NOT NULL,
            created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (code_hash)
        );
        CREATE INDEX enrolments_by_shop ON enrolments (shop_id);",
    },
    Migration {
        version: 341,
        name: "identity: sign-in at the operator's provider",
        sql: "
        CREATE TABLE outside_attempts (
            state_hash TEXT NOT NULL, next TEXT NOT NULL, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (state_hash)
        );
        CREATE INDEX outside_attempts_by_end ON outside_attempts (expires_ms);
        CREATE TABLE outside_bindings (
            subject TEXT NOT NULL, issuer TEXT NOT NULL, shop_id TEXT NOT NULL, member_id TEXT NOT NULL,
            created_ms BIGINT NOT NULL,
            PRIMARY KEY (subject)
        );
        CREATE INDEX outside_bindings_by_member ON outside_bindings (shop_id, member_id);",
    },
    Migration {
        version: 360,
        name: "identity: sealed values by owner",
        sql: "
        CREATE INDEX one_time_codes_by_buyer ON one_time_codes (buyer_id);
        CREATE INDEX outbox_mail_by_owner ON outbox_mail (shop_id, owner, id);",
    },
    Migration {
        version: 361,
        name: "identity: PINs set anew, links that freeze",
        sql: "
        ALTER TABLE buyers ADD COLUMN pin_reset_ms BIGINT;
        ALTER TABLE buyers ADD COLUMN pin_reset_left BIGINT NOT NULL DEFAULT 0;
        CREATE TABLE dispute_links (
            token_hash TEXT NOT NULL, buyer_id TEXT NOT NULL, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (token_hash)
        );
        CREATE INDEX dispute_links_by_end ON dispute_links (expires_ms);
        CREATE INDEX dispute_links_by_buyer ON dispute_links (buyer_id);",
    },
    Migration {
        version: 362,
        name: "identity: forgotten passwords, passwords that must be changed",
        sql: "
        ALTER TABLE members ADD COLUMN password_due_ms BIGINT;
        CREATE TABLE password_resets (
            token_hash TEXT NOT NULL, shop_id TEXT, member_id TEXT, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (token_hash)
        );
        CREATE INDEX password_resets_by_end ON password_resets (expires_ms);
        CREATE INDEX password_resets_by_member ON password_resets (member_id);",
    },
    Migration {
        version: 363,
        name: "identity: what a shop demands of buyers",
        sql: "ALTER TABLE shops ADD COLUMN buyer_factor_minor BIGINT",
    },
    Migration {
        version: 364,
        name: "identity: what a link that freezes is about",
        sql: "ALTER TABLE dispute_links ADD COLUMN about TEXT NOT NULL DEFAULT 'pin'",
    },
    Migration {
        version: 365,
        name: "identity: the network a session was opened from",
        sql: "ALTER TABLE sessions ADD COLUMN network TEXT",
    },
    Migration {
        version: 366,
        name: "identity: when a buyer's contact was changed",
        sql: "ALTER TABLE buyers ADD COLUMN contact_changed_ms BIGINT",
    },
    Migration {
        version: 367,
        name: "identity: whom a proposal would invite",
        sql: "
        ALTER TABLE approvals ADD COLUMN invited BLOB;
        CREATE INDEX approvals_by_invited ON approvals (expires_ms) WHERE invited IS NOT NULL;",
    },
    Migration {
        version: 368,
        name: "identity: the devices of members, and what happened to buyers' accounts",
        sql: "
        CREATE TABLE member_devices (
            shop_id TEXT NOT NULL, member_id TEXT NOT NULL, id TEXT NOT NULL, token_hash TEXT NOT NULL,
            label TEXT NOT NULL, created_ms BIGINT NOT NULL, used_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, member_id, id)
        );
        CREATE TABLE buyer_events (
            buyer_id TEXT NOT NULL, id TEXT NOT NULL, what TEXT NOT NULL, label TEXT NOT NULL, network TEXT,
            at_ms BIGINT NOT NULL,
            PRIMARY KEY (buyer_id, id)
        );
        CREATE INDEX buyer_events_by_time ON buyer_events (at_ms);
        INSERT INTO buyer_events (buyer_id, id, what, label, network, at_ms)
            SELECT subject_id, id, 'signed_in', agent, network, opened_ms FROM sessions WHERE kind = 'buyer';
        INSERT INTO buyer_events (buyer_id, id, what, label, network, at_ms)
            SELECT buyer_id, id, 'device_added', label, NULL, created_ms FROM buyer_devices;
        INSERT INTO buyer_events (buyer_id, id, what, label, network, at_ms)
            SELECT id, id, 'pin_changed', '', NULL, pin_changed_ms FROM buyers WHERE state <> 'erased';",
    },
    Migration {
        version: 369,
        name: "identity: how far a shop was reminded of an API key's end",
        sql: "
        ALTER TABLE api_keys ADD COLUMN told_days BIGINT;
        CREATE INDEX api_keys_by_end ON api_keys (expires_ms) WHERE expires_ms IS NOT NULL;",
    },
    Migration {
        version: 370,
        name: "identity: requests for a new password that wait to be looked up",
        sql: "
        CREATE TABLE password_reset_requests (
            id TEXT NOT NULL, email_indexes TEXT NOT NULL, public_url TEXT NOT NULL, created_ms BIGINT NOT NULL,
            PRIMARY KEY (id)
        );",
    },
    Migration {
        version: 371,
        name: "identity: the address a member had before it was changed",
        sql: "ALTER TABLE dispute_links ADD COLUMN old_address BLOB",
    },
    Migration {
        version: 372,
        name: "identity: power taken for a time in an emergency",
        sql: "
        ALTER TABLE members ADD COLUMN emergency TEXT;
        CREATE TABLE emergencies (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, member_id TEXT NOT NULL, session_id TEXT NOT NULL,
            role TEXT NOT NULL, reason TEXT NOT NULL, begun_ms BIGINT NOT NULL, ends_ms BIGINT NOT NULL,
            ended_ms BIGINT, ender TEXT, reviewer TEXT, reviewed_ms BIGINT, note TEXT,
            PRIMARY KEY (shop_id, id),
            CHECK (reviewer IS NULL OR reviewer <> member_id)
        );
        CREATE INDEX emergencies_by_end ON emergencies (ends_ms) WHERE ended_ms IS NULL;",
    },
    Migration {
        version: 373,
        name: "identity: the provider's session behind a session",
        sql: "
        ALTER TABLE sessions ADD COLUMN outside TEXT;
        CREATE INDEX sessions_by_outside ON sessions (outside) WHERE outside IS NOT NULL;
        ALTER TABLE pending_sign_ins ADD COLUMN outside TEXT;
        ALTER TABLE pending_sign_ins ADD COLUMN outside_ms BIGINT;",
    },
    Migration {
        version: 376,
        name: "identity: PINs that rest on a code to the contact alone",
        sql: "ALTER TABLE buyers ADD COLUMN pin_alone BIGINT NOT NULL DEFAULT 0",
    },
    Migration {
        version: 377,
        name: "identity: the number a code was sent to, by its index",
        sql: "ALTER TABLE sent_codes ADD COLUMN number_index TEXT",
    },
    Migration {
        version: 390,
        name: "identity: cases",
        sql: "
        CREATE TABLE cases (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, cause TEXT NOT NULL, subject TEXT NOT NULL, person TEXT NOT NULL,
            state TEXT NOT NULL, worker TEXT, opened_ms BIGINT NOT NULL, closed_ms BIGINT, outcome TEXT, note TEXT,
            PRIMARY KEY (shop_id, id),
            CHECK (state <> 'closed' OR outcome IS NOT NULL AND note IS NOT NULL)
        );
        CREATE INDEX cases_open ON cases (shop_id, id) WHERE closed_ms IS NULL;
        CREATE TABLE case_subjects (
            shop_id TEXT NOT NULL, subject TEXT NOT NULL, case_id TEXT NOT NULL,
            PRIMARY KEY (shop_id, subject)
        );
        CREATE TABLE case_hands (
            shop_id TEXT NOT NULL, case_id TEXT NOT NULL, at_ms BIGINT NOT NULL, worker TEXT NOT NULL,
            PRIMARY KEY (shop_id, case_id, at_ms, worker)
        );",
    },
    Migration {
        version: 395,
        name: "identity: connected apps",
        sql: "
        CREATE TABLE apps (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, redirects TEXT NOT NULL, keys TEXT NOT NULL,
            permissions TEXT NOT NULL, maker TEXT, created_ms BIGINT NOT NULL, ended_ms BIGINT,
            PRIMARY KEY (shop_id, id)
        );
        CREATE TABLE app_requests (
            shop_id TEXT NOT NULL, request_hash TEXT NOT NULL, app_id TEXT NOT NULL, redirect TEXT NOT NULL,
            challenge TEXT NOT NULL, permissions TEXT NOT NULL, state TEXT, proof_key TEXT, expires_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, request_hash)
        );
        CREATE INDEX app_requests_by_end ON app_requests (expires_ms);
        CREATE TABLE app_codes (
            shop_id TEXT NOT NULL, code_hash TEXT NOT NULL, app_id TEXT NOT NULL, member_id TEXT NOT NULL,
            redirect TEXT NOT NULL, challenge TEXT NOT NULL, permissions TEXT NOT NULL, proof_key TEXT,
            expires_ms BIGINT NOT NULL, connection_id TEXT,
            PRIMARY KEY (shop_id, code_hash)
        );
        CREATE INDEX app_codes_by_end ON app_codes (expires_ms);
        CREATE TABLE app_connections (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, app_id TEXT NOT NULL, member_id TEXT NOT NULL,
            permissions TEXT NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL, used_ms BIGINT,
            ended_ms BIGINT,
            PRIMARY KEY (shop_id, id)
        );
        CREATE TABLE app_tokens (
            shop_id TEXT NOT NULL, token_hash TEXT NOT NULL, connection_id TEXT NOT NULL, proof_key TEXT,
            expires_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, token_hash)
        );
        CREATE INDEX app_tokens_by_connection ON app_tokens (shop_id, connection_id);
        CREATE INDEX app_tokens_by_end ON app_tokens (expires_ms);",
    },
    Migration {
        version: 396,
        name: "identity: connected apps by their end",
        sql: "
        CREATE INDEX apps_by_end ON apps (ended_ms) WHERE ended_ms IS NOT NULL;
        CREATE INDEX app_connections_by_end ON app_connections ((COALESCE(ended_ms, expires_ms)));",
    },
];

/// A row that cannot be read is our own mistake, or somebody edited the database.
fn broken(table: &str) -> Error {
    Error::Bug(format!("a row of `{table}` cannot be read"))
}

fn shop_at(row: &Row, index: usize, table: &str) -> Result<ShopId, Error> {
    ShopId::from_short(row.text(index)?).ok_or_else(|| broken(table))
}

/// An enum that is stored by name.
macro_rules! named {
    ($(#[$doc:meta])* $vis:vis enum $type:ident { $($(#[$variant_doc:meta])* $name:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $type { $($(#[$variant_doc])* $name),* }

        impl $type {
            /// Its name in the database and the API.
            pub fn name(self) -> &'static str {
                match self { $($type::$name => $text),* }
            }

            pub(crate) fn from_name(name: &str) -> Option<$type> {
                match name { $($text => Some($type::$name),)* _ => None }
            }
        }
    };
}
use named;
