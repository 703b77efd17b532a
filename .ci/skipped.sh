#!/usr/bin/env bash
# skipped.sh REPORT LOG…: what was not tested and why, a line each. A test that finds nothing to work on, such as a disk that
# only root may mount, passes and prints `skipped: ` with the reason; REPORT is nextest's, the logs are of other runners.
report=$1
shift
{
  [ ! -f "$report" ] || awk '
    match($0, /<testcase name="[^"]*"/) { name = substr($0, RSTART + 16, RLENGTH - 17) }
    match($0, /skipped: .*/) { print name ": " substr($0, RSTART + 9) }' "$report"
  [ $# -eq 0 ] || sed -nE 's/^ *skipped: //p' "$@"
} | sed -e 's/&quot;/"/g; s/&apos;/'"'"'/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g; s/<\/system-.*//' | sort -u
