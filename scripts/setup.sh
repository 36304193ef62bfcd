#!/bin/sh
# Installs, on Debian and Ubuntu, what building and testing pyprof needs besides Node.js.
# Does nothing, and needs no rights, when all of it is there.
set -eu

fail() {
  printf 'error: %s\n  why: %s\n  do:  %s\n' "$1" "$2" "$3" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif has sudo; then
    sudo "$@"
  else
    fail "Packages cannot be installed: $missing" \
      'this is neither root nor is sudo there.' \
      "as root: apt-get install $missing"
  fi
}

has apt-get || fail 'This system has no apt-get.' \
  'scripts/setup.sh knows Debian and Ubuntu only.' \
  'install a C++20 compiler, cmake, make, GoogleTest, strace, python3, Go, valgrind and Chromium by hand.'

distribution=$(. /etc/os-release && echo "${ID:-}")
has_browser() { has chromium || has chromium-browser || has google-chrome; }

wanted='ca-certificates cmake g++ libgtest-dev make python3 strace'
# Where Debian's own interpreters cannot be unpacked, pip fetches the tool that installs Python.
[ "$distribution" = debian ] || wanted="$wanted python3-pip"
# The readers of pprof and callgrind files that the tests ask; they may be there without a package.
has go || wanted="$wanted golang-go"
has callgrind_annotate || wanted="$wanted valgrind"
# Elsewhere the package of this name may be a stand-in that needs a running snapd.
if [ "$distribution" = debian ] && ! has_browser; then wanted="$wanted chromium"; fi

missing=
for name in $wanted; do
  installed "$name" || missing="$missing${missing:+ }$name"
done

if [ -n "$missing" ]; then
  echo "installing: $missing"
  as_root apt-get update
  # The names are separate words on purpose.
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends -o Acquire::Retries=3 $missing
fi

if ! has_browser && has snap; then
  missing=chromium
  as_root snap install chromium
fi
has_browser || fail 'There is no browser for the tests.' \
  'none of chromium, chromium-browser and google-chrome is on PATH, and snap is not here.' \
  "install Google Chrome or Chromium from its publisher's package."
