#!/usr/bin/env bash
# install.sh [yes|no]: puts the pinned outside programs into .venv/oracles, and the web scanner, whose libraries are of
# other versions, into .venv/scan, and those from npm into oracles/node_modules; does nothing when they are there.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
allowed=${1:-yes}

# into FOLDER REQUIREMENTS
into() {
  local venv=.venv/$1 stamp=.venv/$1/installed.txt
  cmp -s "$2" "$stamp" && return 0
  [ "$allowed" = yes ] || { echo "oracles: $venv is not installed; run oracles/install.sh" >&2; return 1; }
  echo "oracles: installing pinned programs into $venv"
  python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check --retries 3 --requirement "$2" &&
    cp "$2" "$stamp"
}

from_npm() {
  local stamp=oracles/node_modules/installed.json
  cmp -s oracles/package-lock.json "$stamp" && return 0
  [ "$allowed" = yes ] || { echo "oracles: oracles/node_modules is not installed; run oracles/install.sh" >&2; return 1; }
  echo "oracles: installing pinned programs into oracles/node_modules"
  npm ci --prefix oracles --silent --no-fund --no-audit && cp oracles/package-lock.json "$stamp"
}

into oracles oracles/requirements.txt && into scan oracles/requirements-scan.txt &&
  into tls oracles/requirements-tls.txt && from_npm
