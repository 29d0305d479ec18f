#!/bin/sh
# Sees to it that commands are there, and libraries to build with: packages.sh COMMAND|LIBRARY.pc[:DEBIAN-PACKAGE]...
# Installs what is missing where it can (root on Debian); elsewhere it says what to install.
set -eu

is_there() {
    case $1 in
    *.pc) pkg-config --exists "${1%.pc}" ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

missing=
for wanted; do
    is_there "${wanted%%:*}" || missing="$missing ${wanted##*:}"
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
