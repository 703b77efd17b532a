#!/usr/bin/env bash
# install.sh [yes|no]: puts the pinned outside programs into .venv/oracles; does nothing when they are there.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

VENV=.venv/oracles
STAMP=$VENV/installed.txt

cmp -s oracles/requirements.txt "$STAMP" && exit 0
[ "${1:-yes}" = yes ] || { echo "oracles: not installed; run oracles/install.sh" >&2; exit 1; }

echo "oracles: installing pinned programs into $VENV"
python3 -m venv "$VENV" &&
  "$VENV/bin/pip" install --quiet --disable-pip-version-check --retries 3 --requirement oracles/requirements.txt &&
  cp oracles/requirements.txt "$STAMP"
