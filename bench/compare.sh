#!/usr/bin/env bash
# compare.sh [SECONDS] [PAIRS]: payments of `tillward bench` beside PostgreSQL's own double-entry transfer, in turns.
#
# Needs a release build. Prints one line a pair and the ratio of the medians. The same machine, one after the other,
# PAIRS times (3): what else runs meanwhile disturbs both alike. Also measures Tillward on PostgreSQL, once, at the end.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

seconds=${1:-10}
pairs=${2:-3}
program=${TILLWARD_PROGRAM:-target/release/tillward}
unset TILLWARD_PROGRAM # the program refuses settings it does not know

field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }
median() { sort -g | sed -n "$(((pairs + 1) / 2))p"; }

ours=() peers=()
for ((pair = 1; pair <= pairs; pair++)); do
  one=$(TILLWARD_LOG=error "$program" bench --seconds "$seconds" --clients 32 --json) || { echo "$one" >&2; exit 1; }
  two=$(bench/peers/run.sh "$seconds" 32) || exit 1
  ours+=("$(field payments_per_second <<<"$one")") peers+=("$(field transactions_per_second <<<"$two")")
  echo "pair $pair: ${ours[-1]} payments/s, p99 $(sed -n 's/.*"p99_ms":\([0-9.]*\),"paid".*/\1/p' <<<"$one") ms; pgbench ${peers[-1]} transactions/s"
done
a=$(printf '%s\n' "${ours[@]}" | median) b=$(printf '%s\n' "${peers[@]}" | median)
awk -v a="$a" -v b="$b" 'BEGIN { printf "medians: %.0f payments/s, %.0f transfers/s, ratio %.2f\n", a, b, a / b }'

export POSTGRES_HOME=target/bench-postgres.own POSTGRES_SHARED_BUFFERS=1GB
trap '.ci/postgres.sh stop' EXIT
url=$(.ci/postgres.sh start) || exit 1
TILLWARD_LOG=error "$program" bench --seconds "$seconds" --clients 64 --json --database-url "$url"
