#!/usr/bin/env bash
# Makes the Python environment of the baselines outside the repository and prints
# the path of its interpreter as the last line. A second run with the same
# requirements.txt does nothing.
#
#   python="$(scripts/baselines/setup.sh)" && "$python" scripts/baselines/baselines.py --help
#
# FLATWATT_CACHE  where to keep it, default ~/.cache/flatwatt
# PYTHON          the interpreter to start from, default python3
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${FLATWATT_CACHE:-$HOME/.cache/flatwatt}"
base="${PYTHON:-python3}"
# The key names both what is installed and what installs it: either may change.
key="$( { cat "$here/requirements.txt"; "$base" --version; } | sha256sum | cut -c1-12)"
venv="$cache/baselines-$key"

if [[ ! -e "$venv/.complete" ]]; then
	mkdir -p "$cache"
	rm -rf "$venv" # a half-made one, from a run that was interrupted
	"$base" -m venv "$venv" || {
		echo "setup.sh: $base cannot make a virtual environment: install python3-venv" >&2
		exit 1
	}
	"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
		-r "$here/requirements.txt" >&2
	touch "$venv/.complete"
fi
echo "$venv/bin/python"
