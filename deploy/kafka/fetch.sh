#!/bin/sh
# Fetches Apache Kafka for development and tests: fetch.sh [DIR]
#
# DIR (data/kafka/ of the repository) gets a folder for the version that pom.xml names:
#
#   jars/        Kafka and what it needs
#   formatted/   an empty data folder, as Kafka's own tool makes it
#   classes.jsa  Java's archive of the classes, which halves the time of a start
#
# Jars and data folder appear together and whole, or not at all. What is there already is not fetched again.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$here/pom.xml")
data=${1:-$here/../../data/kafka}
kafka=$data/$version

fail() {
    printf 'fetch: %s\n' "$*" >&2
    exit 1
}

fetch_jars() {
    printf 'fetch: Apache Kafka %s\n' "$version"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$work/new/jars" >"$work/mvn.log" 2>&1 || {
        cat "$work/mvn.log" >&2
        fail "Maven cannot bring Apache Kafka $version. Is the network up?"
    }
}

format() {
    (
        cd "$work"
        cat "$here/broker.properties" - >server.properties <<'LISTENERS'
listeners=DIRECT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093
listener.security.protocol.map=DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters=1@127.0.0.1:9093
LISTENERS
        java -XX:TieredStopAtLevel=1 -cp "$work/new/jars/*" kafka.tools.StorageTool format \
            --config server.properties --cluster-id AAAAAAAAAAAAAAAAAAAAAA >format.log 2>&1 || {
            cat format.log >&2
            fail "Apache Kafka $version does not run here; it needs Java 17 or newer"
        }
        mv log new/formatted
    )
}

# A start that ends in order writes the archive, which knows the jars by their final place. It also shows that what was
# fetched works.
archive_classes() {
    printf 'fetch: trying Apache Kafka %s\n' "$version"
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 10000))
    JDK_JAVA_OPTIONS=-XX:ArchiveClassesAtExit=classes.jsa FOOTFALL_KAFKA=$kafka \
        "$here/broker.sh" "$work/broker" "$port" >"$work/broker.log" 2>&1 &
    broker=$!
    looks=1200 # two minutes
    until grep -qs 'Kafka Server started' "$work/broker.log"; do
        looks=$((looks - 1))
        if [ "$looks" = 0 ] || ! kill -0 "$broker" 2>/dev/null; then
            tail -n 40 "$work/broker.log" >&2
            fail "Apache Kafka $version does not start here; if port $port was taken, try again"
        fi
        sleep 0.1
    done
    kill "$broker"
    wait "$broker" || true
    broker=
    mv -f "$work/broker/classes.jsa" "$kafka/classes.jsa"
}

[ ! -f "$kafka/classes.jsa" ] || exit 0

mkdir -p "$data"
data=$(CDPATH='' cd -- "$data" && pwd)
kafka=$data/$version
broker=
work=$(mktemp -d "$data/fetch.XXXXXX") # beside the folder, so that moving it is one step
trap 'kill -KILL $broker 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ -d "$kafka" ] || {
    fetch_jars
    format
    mv "$work/new" "$kafka"
}
archive_classes
