#!/usr/bin/env bash
# count.sh STATUS LOG: prints "PASSED FAILED" of one step, from the closing lines its runner wrote.
# A step without such a line counts as one test; a step that failed has at least one failure.
status=$1
plain=$(sed 's/\x1b\[[0-9;]*m//g' "$2")

sum() { awk '{ total += $1 } END { print total + 0 }'; }

passed=0
failed=0
if grep -qE '^ +Summary .* tests? run: ' <<<"$plain"; then
  summary=$(grep -E '^ +Summary .* tests? run: ' <<<"$plain" | tail -n 1)
  run=$(sed -E 's/.* ([0-9]+)(\/[0-9]+)? tests? run: .*/\1/' <<<"$summary")
  passed=$(sed -E 's/.*tests? run: ([0-9]+) passed.*/\1/' <<<"$summary")
  failed=$((run - passed))
elif grep -qE '^[0-9]+ passed, [0-9]+ failed' <<<"$plain"; then
  last=$(grep -E '^[0-9]+ passed, [0-9]+ failed' <<<"$plain" | tail -n 1)
  passed=${last%% *}
  failed=$(sed -E 's/.*passed, ([0-9]+) failed.*/\1/' <<<"$last")
elif grep -q '^test result: ' <<<"$plain"; then
  passed=$(sed -nE 's/^test result: .* ([0-9]+) passed.*/\1/p' <<<"$plain" | sum)
  failed=$(sed -nE 's/^test result: .* ([0-9]+) failed.*/\1/p' <<<"$plain" | sum)
elif [ "$status" -eq 0 ]; then
  passed=1
fi
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "$passed $failed"
