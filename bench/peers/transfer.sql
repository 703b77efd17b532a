-- One durable transfer with its idempotency key and audit row, in seven round trips.
\set one random(1, 100000)
\set other 1 + (:one - 1 + random(1, 99999)) % 100000
\set first least(:one, :other)
\set second greatest(:one, :other)
\set amount random(1, 100000)
\set key_high random(1, 9000000000000000000)
\set key_low random(1, 9000000000000000000)
BEGIN;
INSERT INTO xfer (debit_acct, credit_acct, amount) VALUES (:first, :second, :amount) RETURNING id AS xfer_id \gset
INSERT INTO idem (key, xfer_id) VALUES (int8send(:key_high::bigint) || int8send(:key_low::bigint), :xfer_id) ON CONFLICT DO NOTHING;
UPDATE acct SET debits = debits + :amount WHERE id = :first;
UPDATE acct SET credits = credits + :amount WHERE id = :second;
INSERT INTO audit (xfer_id, decision, score, detail) VALUES (:xfer_id, 'allow', 0.02, '{"rules": ["velocity"], "ms": 3}');
COMMIT;
