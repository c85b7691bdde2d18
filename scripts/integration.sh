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

if [ $# -eq 0 ]; then # the tests of the files that need servers, and no others a second time
	files=$(grep -rl --include='*_test.go' '^//go:build integration' .)
	tests=$(sed -n 's/^func \(Test[A-Za-z0-9_]*\)(.*/\1/p' $files | paste -sd '|')
	set -- -run "^($tests)\$" $(dirname $files | sort -u)
fi
exec go test -count=1 -timeout 30m -tags integration "$@"
