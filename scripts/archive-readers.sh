#!/usr/bin/env bash
# archive-readers.sh [meters] [days]
#
# Shows that DuckDB and pandas read an archive: draws a fleet, imports and re-scores it,
# exports it, and holds what they read against that. Needs python3; the packages go into a
# virtual environment under the user's cache (FLATWATT_VENV to choose another place).
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${FLATWATT_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/flatwatt/archive-readers}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install -q -r scripts/archive-readers/requirements.txt

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/flatwatt" ./cmd/flatwatt
cd "$work"
./flatwatt simulate --meters "${1:-100}" --days "${2:-60}" --out fleet
./flatwatt import --fleet fleet --archive archive
./flatwatt rescore --fleet fleet --archive archive --from -20d
./flatwatt archive export --archive archive --out all.csv
"$venv/bin/python" "$OLDPWD/scripts/archive-readers/read.py" archive all.csv
