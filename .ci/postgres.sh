#!/usr/bin/env bash
# postgres.sh start|stop|crash|resume|bin: a PostgreSQL of our own for tests, on a free port, its data in a temporary folder.
#
# `start` prints the URL of a scratch database; `stop` ends it and removes the folder; `crash` ends it as a power cut
# would, and `resume` starts it again on the same data and port. It flushes like a real one
# (fsync stays on). PostgreSQL refuses to run as root, so as root it runs as user `postgres` (or `nobody`).
# POSTGRES_SHARED_BUFFERS (256MB), POSTGRES_HOME (target/test-postgres) say how much memory and where to note the folder.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

NOTE=${POSTGRES_HOME:-target/test-postgres}
WAIT_SECONDS_MAX=60
CONNECTIONS_MAX=300

# The folder with the newest server programs.
bin() {
  local initdb
  initdb=$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
  [ -n "$initdb" ] || initdb=$(command -v initdb) || return 1
  dirname "$initdb"
}

unprivileged() {
  if [ "$(id -u)" -ne 0 ]; then "$@"; else (cd / && exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"); fi
}

choose_user() {
  user=postgres
  id "$user" >/dev/null 2>&1 || user=nobody
}

# A port nobody listens on now. The server itself is the judge: `start` tries again if it is taken meanwhile.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

start() {
  local programs folder port try
  programs=$(bin) || { echo "postgres: no server programs found; apt-get install postgresql" >&2; return 1; }
  stop
  choose_user
  folder=$(mktemp -d) && chmod 755 "$folder" || return 1
  [ "$(id -u)" -ne 0 ] || chown "$user" "$folder"
  mkdir -p "$(dirname "$NOTE")" && echo "$folder" >"$NOTE"
  unprivileged "$programs/initdb" --pgdata "$folder/data" --username tillward --auth trust --encoding UTF8 \
    --locale C --no-instructions >"$folder.log" 2>&1 || { cat "$folder.log" >&2; return 1; }
  for try in 1 2 3; do
    port=$(free_port)
    if unprivileged "$programs/pg_ctl" start --pgdata "$folder/data" --wait --timeout $WAIT_SECONDS_MAX --silent \
      --log "$folder/server.log" --options "-p $port -h 127.0.0.1 -k $folder -c max_connections=$CONNECTIONS_MAX \
      -c shared_buffers=${POSTGRES_SHARED_BUFFERS:-256MB} -c fsync=on -c synchronous_commit=on" >/dev/null 2>&1; then
      echo "postgres://tillward@127.0.0.1:$port/postgres"
      return 0
    fi
  done
  tail -n 20 "$folder/server.log" >&2
  return 1
}

stop() {
  local folder
  folder=$(cat "$NOTE" 2>/dev/null) || return 0
  choose_user
  if [ -f "$folder/data/postmaster.pid" ]; then
    unprivileged "$(bin)/pg_ctl" stop --pgdata "$folder/data" --mode immediate --silent >/dev/null 2>&1
  fi
  [ -d "$folder/data" ] && rm -rf "$folder"
  rm -f "$folder.log" "$NOTE"
}

crash() {
  choose_user
  unprivileged "$(bin)/pg_ctl" stop --pgdata "$(cat "$NOTE")/data" --mode immediate --silent >/dev/null 2>&1
}

resume() {
  local folder
  folder=$(cat "$NOTE") || return 1
  choose_user
  # `restart` takes the options the server had, from its own notes.
  unprivileged "$(bin)/pg_ctl" restart --pgdata "$folder/data" --wait --timeout $WAIT_SECONDS_MAX --silent \
    --log "$folder/server.log" >/dev/null 2>&1
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  crash) crash ;;
  resume) resume ;;
  bin) bin ;;
  *) echo "usage: postgres.sh start|stop|crash|resume|bin" >&2; exit 2 ;;
esac
