-- The accounts and tables of the double-entry transfer that `pgbench` runs, see run.sh.
CREATE TABLE acct (id bigint PRIMARY KEY, debits bigint NOT NULL, credits bigint NOT NULL);
CREATE TABLE xfer (
    id bigserial PRIMARY KEY, debit_acct bigint NOT NULL, credit_acct bigint NOT NULL, amount bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now());
CREATE TABLE idem (key bytea PRIMARY KEY, xfer_id bigint NOT NULL);
CREATE TABLE audit (
    id bigserial PRIMARY KEY, xfer_id bigint NOT NULL, decision text NOT NULL, score float8 NOT NULL, detail jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now());
INSERT INTO acct SELECT id, 0, 0 FROM generate_series(1, 100000) AS id;
VACUUM ANALYZE;
