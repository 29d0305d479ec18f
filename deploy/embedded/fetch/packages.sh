#!/bin/sh
# Sees to it that commands are there: packages.sh COMMAND[:DEBIAN-PACKAGE]...
# Installs what is missing where it can (root on Debian); elsewhere it says what to install.
set -eu

missing=
for wanted; do
    command -v "${wanted%%:*}" >/dev/null || missing="$missing ${wanted##*:}"
done
[ -n "$missing" ] || exit 0

case $missing in *' rustup'*)
    echo "packages: cargo is missing: install Rust 1.89 or newer with rustup; Debian's is too old" >&2
    exit 1
    ;;
esac
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "packages: please install:$missing (on Debian, as root: apt-get install$missing)" >&2
    exit 1
fi
echo "packages: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of names
apt-get install -qq --no-install-recommends $missing </dev/null
