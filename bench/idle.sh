#!/usr/bin/env bash
# How soon a fresh `tillward serve` answers its first page, and what memory it holds when nobody asks anything.
#
#   bench/idle.sh [SECONDS]     waits so long (5) before memory is read; TILLWARD_PROGRAM names another build
set -euo pipefail
cd "$(dirname "$0")/.."

program=${TILLWARD_PROGRAM:-target/release/tillward}
unset TILLWARD_PROGRAM # the program refuses settings it does not know
folder=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
now() { date +%s%3N; }

began=$(now)
"$program" serve --data "$folder/data" --key-file "$folder/root.key" --listen "127.0.0.1:$port" \
  --mail-folder "$folder" >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$folder"' EXIT

until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/"; do
  kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
  [ $(($(now) - began)) -lt 30000 ] || { echo "idle: no page within 30 s" >&2; exit 1; }
  sleep 0.01
done
echo "first page after $(($(now) - began)) ms"

sleep "${1:-5}"
awk '/VmRSS/ { printf "%.1f MB after start, idle\n", $2 / 1024 }' "/proc/$server/status"
