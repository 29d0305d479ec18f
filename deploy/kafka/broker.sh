#!/bin/sh
# Starts Apache Kafka for development and tests, in the foreground:
#
#   broker.sh DIR [PORT]
#
# One process, broker and controller in one, that listens on loopback. DIR holds its data and is made ready when it is
# new. DIR/listeners.properties, where it exists, says where to listen; otherwise it is PORT (9092), with PORT + 1 for
# the controller.
set -eu
umask 077 # the settings may hold a test's password

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$here/pom.xml")
kafka=${FOOTFALL_KAFKA:-$here/../../data/kafka/$version}

fail() {
    printf 'broker: %s\n' "$*" >&2
    exit 1
}

listeners() { # port
    cat <<LISTENERS
listeners=DIRECT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$(($1 + 1))
listener.security.protocol.map=DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters=1@127.0.0.1:$(($1 + 1))
LISTENERS
}

# What Kafka's own tool wrote when it was fetched, under a name of its own: the tool would take as long as a start.
format() {
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 1-22)
    rm -rf log.new
    cp -R "$kafka/formatted" log.new
    sed "s/^cluster.id=.*/cluster.id=$id/" "$kafka/formatted/meta.properties" >log.new/meta.properties
    mv log.new log
}

[ $# -ge 1 ] || {
    printf 'usage: %s DIR [PORT]\n' "$0" >&2
    exit 2
}
[ -d "$kafka/formatted" ] || fail "Apache Kafka $version is not there; run 'make kafka-fetch'"
kafka=$(CDPATH='' cd -- "$kafka" && pwd)

mkdir -p "$1"
cd -- "$1"
if [ -f listeners.properties ]; then
    cat "$here/broker.properties" listeners.properties >server.properties
else
    { cat "$here/broker.properties" && listeners "${2:-9092}"; } >server.properties
fi
[ -d log ] || format

# Quick to start rather than quick for long. Java ignores an archive of classes that it cannot use.
set -- -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1
[ ! -f "$kafka/classes.jsa" ] || set -- "$@" "-XX:SharedArchiveFile=$kafka/classes.jsa"
log=-Dorg.slf4j.simpleLogger
exec java "$@" \
    $log.showDateTime=true $log.dateTimeFormat=HH:mm:ss.SSS $log.showShortLogName=true \
    $log.log.org.apache.kafka.common.config.AbstractConfig=warn \
    -cp "$kafka/jars/*" kafka.Kafka server.properties
