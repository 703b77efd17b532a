#!/usr/bin/env bash
# install.sh yes|no AREA…: installs what the areas need and is not there; with "no" it only says what is missing.
# Debian's packages come by apt-get (as root or through sudo), the oracles by pip into .venv/oracles.
set -uo pipefail
allowed=$1
shift
areas=" $* "
cd "$(dirname "$0")/.." || exit 1

TRIES=3
STEP_SECONDS_MAX=1200

wants() { [[ $areas == *" $1 "* ]]; }
has() { command -v "$1" >/dev/null 2>&1; }

missing=()
need() { missing+=("$1"); }

look() {
  has cc || need build-essential
  if wants fuzz; then
    has c++ || need g++
  fi
  if wants unit || wants oracles || wants kill || wants seeds; then
    .ci/postgres.sh bin >/dev/null 2>&1 || need postgresql
  fi
  if wants unit || wants oracles || wants browser || wants kill || wants soak; then
    python3 -c 'import venv, ensurepip' 2>/dev/null || need python3-venv
  fi
  if wants unit || wants oracles; then
    has zbarimg || need zbar-tools
  fi
  if wants oracles; then
    has npm || need npm
    has sqlmap || need sqlmap
    has nmap || need nmap
    has oathtool || need oathtool
    has testssl || need testssl.sh
    has age || need age
    has node || need nodejs
    has ss || need iproute2
    has openssl || need openssl
    has curl || need curl
  fi
  if wants unit || wants oracles || wants kill; then
    has strace || need strace
  fi
  if wants unit || wants seeds; then
    has softhsm2-util || need softhsm2
  fi
  if wants unit || wants browser; then
    has chromium || need chromium
    has chromedriver || need chromium-driver
    dpkg -s fonts-noto-cjk >/dev/null 2>&1 || need fonts-noto-cjk
  fi
}

# try COMMAND…: up to $TRIES times, each bounded in time.
try() {
  local attempt
  for ((attempt = 1; attempt <= TRIES; attempt++)); do
    timeout --kill-after=30 "$STEP_SECONDS_MAX" "$@" </dev/null && return 0
    echo "install: \`$*\` failed, try $attempt of $TRIES" >&2
    sleep $((attempt * 5))
  done
  return 1
}

install_debian() {
  local -a root=()
  if [ "$(id -u)" -ne 0 ]; then
    has sudo || { echo "install: needs root or sudo for: apt-get install ${missing[*]}" >&2; return 1; }
    root=(sudo -n)
    sudo -n true 2>/dev/null || root=(sudo)
  fi
  has apt-get || { echo "install: no apt-get here; install by hand: ${missing[*]}" >&2; return 1; }
  echo "install: apt-get install ${missing[*]}"
  local -a options=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -q)
  try "${root[@]}" apt-get "${options[@]}" update &&
    try "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get "${options[@]}" install --yes --no-install-recommends "${missing[@]}"
}

look
if [ ${#missing[@]} -gt 0 ]; then
  [ "$allowed" = yes ] || { echo "install: missing and not installed: ${missing[*]}" >&2; exit 1; }
  install_debian || exit 1
  missing=()
  look
  [ ${#missing[@]} -eq 0 ] || { echo "install: still missing after apt-get: ${missing[*]}" >&2; exit 1; }
fi

if wants oracles || wants browser || wants kill || wants soak; then
  try oracles/install.sh "$allowed" || exit 1
fi
