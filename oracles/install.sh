#!/usr/bin/env bash
# install.sh [yes|no]: puts the pinned outside programs into .venv/oracles, and the web scanner, whose libraries are of
# other versions, into .venv/scan; does nothing when they are there.
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

into oracles oracles/requirements.txt && into scan oracles/requirements-scan.txt
