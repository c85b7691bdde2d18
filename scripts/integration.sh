#!/usr/bin/env bash
# integration.sh [go test arguments]
#
# Runs the tests that need real servers (build tag "integration"). The tests start and
# stop the servers themselves, on free loopback ports; this gets the programs: InfluxDB
# 2.7 is built once and kept (scripts/build-influxd.sh), Prometheus is Debian's
# (scripts/get-prometheus.sh). Where one cannot be had it fails; nothing is skipped.
#
# FLATWATT_PROMETHEUS       a directory with prometheus and promtool
# FLATWATT_INFLUXD          an influxd binary to use instead of building one
# FLATWATT_INFLUX_URL,      a running server to use instead; its token must be allowed
#   _TOKEN, _ORG            to make buckets
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${FLATWATT_INFLUXD:-}" ]; then
	FLATWATT_INFLUXD=$(scripts/build-influxd.sh)
fi
export FLATWATT_INFLUXD
FLATWATT_PROMETHEUS=${FLATWATT_PROMETHEUS:-$(scripts/get-prometheus.sh)}
export FLATWATT_PROMETHEUS
"$FLATWATT_INFLUXD" version >&2

[ $# -gt 0 ] || set -- ./...
exec go test -count=1 -tags integration "$@"
