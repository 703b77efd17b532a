#!/usr/bin/env bash
# run.sh [--seconds N] [TARGET…]: fuzzes each reader of outside bytes for N seconds (60), after showing that a
# planted fault is found. New inputs stay in fuzz/corpus/TARGET, a fault in fuzz/artifacts/TARGET.
#
# `cargo fuzz` wants a nightly compiler; the coverage counters are an LLVM pass that the stable one runs as well.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

INPUT_BYTES_MAX=4096
SECONDS_FOR_ONE_INPUT_MAX=5
MEMORY_MB_MAX=2048
PLANTED_SECONDS_MAX=60

seconds=60
targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2; shift 2 ;;
    *) targets+=("$1"); shift ;;
  esac
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -nE 's/^    \("([a-z_]+)", .*/\1/p' src/main.rs | grep -v planted)

counters=sanitizer-coverage
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-$counters-level=4 \
-Cllvm-args=-$counters-inline-8bit-counters -Cllvm-args=-$counters-pc-table -Cllvm-args=-$counters-trace-compares \
-Clink-arg=-Wl,-z,nostart-stop-gc -Ccodegen-units=1"
# A target named outright keeps the counters out of build scripts and macros.
platform=$(rustc -vV | sed -n 's/^host: //p')
cargo build --quiet --target "$platform" || { echo "fuzz: does not build" >&2; exit 1; }
program=${CARGO_TARGET_DIR:-target}/$platform/debug/fuzz

# try TARGET SECONDS: 0 when nothing was found.
try() {
  mkdir -p "corpus/$1" "artifacts/$1"
  local seeds=()
  [ -d "seeds/$1" ] && seeds=("seeds/$1")
  TILLWARD_FUZZ=$1 "$program" "corpus/$1" "${seeds[@]}" "-artifact_prefix=artifacts/$1/" "-max_total_time=$2" \
    "-max_len=$INPUT_BYTES_MAX" "-timeout=$SECONDS_FOR_ONE_INPUT_MAX" "-rss_limit_mb=$MEMORY_MB_MAX" \
    -print_final_stats=1 >"artifacts/$1/log.txt" 2>&1
}

passed=0
failed=0
rm -rf corpus/planted artifacts/planted
if try planted $PLANTED_SECONDS_MAX || ! grep -q "the planted fault" artifacts/planted/log.txt; then
  echo "fuzz: the planted fault was NOT found: the fuzzer is asleep"
  failed=1
else
  passed=1
fi
for target in "${targets[@]}"; do
  try "$target" "$seconds"
  status=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "artifacts/$target/log.txt")
  edges=$(grep -oE 'cov: [0-9]+' "artifacts/$target/log.txt" | tail -n 1)
  if [ $status -eq 0 ]; then
    passed=$((passed + 1))
    printf '%-16s %12s inputs, %s\n' "$target" "${runs:-?}" "${edges:-no cov}"
  else
    failed=$((failed + 1))
    printf '%-16s FAILED\n' "$target"
    grep -E 'panicked|assertion|ERROR: libFuzzer|Test unit written' -A 2 "artifacts/$target/log.txt" | head -n 12
    echo "  again: TILLWARD_FUZZ=$target fuzz/$program fuzz/artifacts/$target/FILE"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
