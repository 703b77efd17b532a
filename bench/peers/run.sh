#!/usr/bin/env bash
# run.sh [SECONDS] [CLIENTS]: what PostgreSQL itself reaches with a double-entry transfer in seven round trips.
#
# Starts its own PostgreSQL in a temporary folder (fsync and synchronous_commit on, shared_buffers 1GB, one pgbench
# thread), makes 100,000 accounts, warms up, runs and prints one JSON object. `tillward bench` is compared with this
# in the same run, see docs/performance.md.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

seconds=${1:-20}
clients=${2:-32}
WARM_SECONDS=3

export POSTGRES_HOME=target/bench-postgres.$$ POSTGRES_SHARED_BUFFERS=1GB
trap '.ci/postgres.sh stop' EXIT
programs=$(.ci/postgres.sh bin) && url=$(.ci/postgres.sh start) || { echo "bench: PostgreSQL does not start" >&2; exit 1; }

"$programs/psql" --quiet --set ON_ERROR_STOP=1 --file bench/peers/schema.sql "$url" || exit 1
pgbench() {
  "$programs/pgbench" --no-vacuum --protocol prepared --client "$clients" --jobs 1 --file bench/peers/transfer.sql \
    --time "$1" "$url" 2>&1
}
pgbench $WARM_SECONDS >/dev/null || exit 1
out=$(pgbench "$seconds") || { echo "$out" >&2; exit 1; }
tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$out")
latency=$(sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' <<<"$out")
failed=$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' <<<"$out")
uneven=$("$programs/psql" --tuples-only --no-align --command \
  "SELECT (SELECT sum(debits) - sum(credits) FROM acct) + (SELECT count(*) FROM xfer) - (SELECT count(*) FROM audit)" "$url")
version=$("$programs/psql" --tuples-only --no-align --command "SHOW server_version" "$url")
printf '{"peer":"pgbench","engine":"PostgreSQL %s","transactions_per_second":%.0f,"mean_ms":%.2f,"clients":%d,"seconds":%d,"failed":%d,"uneven":%d}\n' \
  "${version%% *}" "$tps" "$latency" "$clients" "$seconds" "${failed:-0}" "$uneven"
