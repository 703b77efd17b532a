#!/usr/bin/env bash
# run.sh [AREA…]: lets outside programs judge ours. Areas: qr signatures audit flush api policy mtls scan factors provider
# apps post cards leaks export timing (the default), browser (gallery, walk, people, duties, consent, passkeys and page), kill, soak. Each runs
# against its own `tillward` on loopback and closes with `N passed, N failed`.
#
# Each oracle has a negative control: a planted fault it must find, or a dead oracle would look like success.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

PYTHON=.venv/oracles/bin/python
DEFAULT_AREAS=(qr signatures audit flush api policy mtls scan factors provider apps post cards leaks export timing)

oracles/install.sh || exit 1
[ $# -gt 0 ] || set -- "${DEFAULT_AREAS[@]}"
areas=()
for area in "$@"; do
  case $area in
    browser) areas+=(gallery walk people duties consent passkeys page) ;;
    *) areas+=("$area") ;;
  esac
done

run() {
  case $1 in
    qr) "$PYTHON" oracles/qr.py --venv .venv/oracles ;;
    export) "$PYTHON" oracles/sealed_export.py ;;
    signatures | audit | api | policy | mtls | scan | factors | provider | apps | post | cards | leaks | timing | flush | gallery | walk | people | duties | consent | passkeys | page | kill | soak) "$PYTHON" "oracles/$1.py" ;;
    *) echo "oracles: no area \`$1\`" >&2; return 2 ;;
  esac
}

passed=0
failed=0
for area in "${areas[@]}"; do
  began=$SECONDS
  echo "-- $area"
  log=$(mktemp)
  run "$area" 2>&1 </dev/null | tee "$log"
  counts=$(.ci/count.sh "${PIPESTATUS[0]}" "$log")
  rm -f "$log"
  passed=$((passed + ${counts% *}))
  failed=$((failed + ${counts#* }))
  echo "-- $area: $((SECONDS - began)) s"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
