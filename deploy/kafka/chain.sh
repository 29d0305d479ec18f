#!/usr/bin/env bash
# The whole chain on one machine, each program of its own: Apache Kafka, ClickHouse's engine, two collectors and two
# processors that share a key directory. Everything is kept in DIR (data/chain); Ctrl-C ends all of it.
#
#   chain.sh [DIR]
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
programs=${CARGO_TARGET_DIR:-$root/target}/release
data=${1:-$root/data/chain}
mkdir -p "$data"
data=$(cd "$data" && pwd)

cat >"$data/footfall.toml" <<CONFIGURATION
[kafka]
brokers = "127.0.0.1:9092"
replication = 1                     # a single broker; three or more in production

[keys]
directory = "$data/keys"
CONFIGURATION
export FOOTFALL_CONFIG=$data/footfall.toml

pids=()
start() { # name command...
    local name=$1
    shift
    "$@" >"$data/$name.log" 2>&1 &
    pids+=($!)
    echo "$name: process $!, log $data/$name.log"
}
# shellcheck disable=SC2317 # the trap calls it
stop() {
    trap - EXIT INT TERM
    # In the reverse of their start: what feeds the others ends first.
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill "${pids[i]}" 2>/dev/null || true
        wait "${pids[i]}" 2>/dev/null || true
    done
}
trap stop EXIT
trap 'exit 130' INT TERM

start kafka "$here/broker.sh" "$data/broker" 9092
start clickhouse "$programs/footfall" clickhouse --data "$data/clickhouse"
start processor-1 env FOOTFALL_PROCESSOR_INSTANCE=processor-1 "$programs/processor" run --admin 127.0.0.1:8082
start processor-2 env FOOTFALL_PROCESSOR_INSTANCE=processor-2 "$programs/processor" run --admin 127.0.0.1:8092
start collector-1 "$programs/collector" run --data "$data/collector-1" --listen 127.0.0.1:8080 --admin 127.0.0.1:8081
start collector-2 "$programs/collector" run --data "$data/collector-2" --listen 127.0.0.1:8090 --admin 127.0.0.1:8091

cat <<HELP

Send a visit to either collector, and see it counted within seconds:

  curl -i http://127.0.0.1:8080/hit -A 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' \\
    -d '{"site":"localhost","url":"http://localhost/"}'
  $programs/footfall query --data "$data/clickhouse" "SELECT page, views FROM hits ORDER BY hour DESC LIMIT 10"
  $programs/processor reconcile --config "$data/footfall.toml"

Metrics: http://127.0.0.1:8081/metrics, 8091 (collectors), 8082, 8092 (processors). Ctrl-C ends everything.
HELP

# Whichever ends first was not meant to.
wait -n "${pids[@]}" || true
echo "one of the programs has ended; see the logs in $data" >&2
exit 1
