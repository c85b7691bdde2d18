#!/usr/bin/env bash
# Installs the peers from where they are published, outside of the repository, once, and
# runs the comparison with them: `make peers`. Arguments go to scripts/peers.
#
# FLATWATT_CACHE  where to keep them, default ~/.cache/flatwatt
# PYTHON          the interpreter to start from, default python3
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cache="${FLATWATT_CACHE:-$HOME/.cache/flatwatt}/peers"
mkdir -p "$cache"

telegraf="$cache/telegraf-v1.37.2"
if [[ ! -x "$telegraf/telegraf" ]]; then # its tags choose the plugins (tools/custom_builder)
	GOBIN="$telegraf" go install -tags "custom,inputs.file,processors.starlark,outputs.file,parsers.influx,serializers.influx" \
		github.com/influxdata/telegraf/cmd/telegraf@v1.37.2 >&2
fi

# The engine of Redpanda Connect with the components that the rule needs, as its
# documentation builds custom distributions.
redpanda="$cache/redpanda-v4.43.0"
if [[ ! -x "$redpanda/redpanda" ]]; then
	mkdir -p "$redpanda"
	cp scripts/peers/redpanda.go.txt "$redpanda/main.go"
	(cd "$redpanda" && rm -f go.mod && go mod init peer && go get github.com/redpanda-data/benthos/v4@v4.43.0 &&
		go mod tidy && go build -o redpanda .) >&2
fi

river="$cache/river-0.26.1"
if [[ ! -e "$river/.complete" ]]; then
	rm -rf "$river"
	"${PYTHON:-python3}" -m venv "$river"
	"$river/bin/python" -m pip install --quiet --disable-pip-version-check river==0.26.1 >&2
	touch "$river/.complete"
fi

go build -o "$cache/" ./cmd/flatwatt ./scripts/peers/rule
exec go run ./scripts/peers -telegraf "$telegraf/telegraf" -redpanda "$redpanda/redpanda" -python "$river/bin/python" \
	-flatwatt "$cache/flatwatt" -rule "$cache/rule" "$@"
