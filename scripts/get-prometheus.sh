#!/usr/bin/env bash
# get-prometheus.sh
#
# Prints a directory that has prometheus and promtool, for the integration tests: where
# they are installed, else Debian's package unpacked below the cache, without installing
# it (no service is started). Running it again is free.
set -euo pipefail

cache=${FLATWATT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flatwatt}
dest=$cache/prometheus

die() { echo "get-prometheus: $*" >&2; exit 1; }

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
	dirname "$(command -v promtool)"
	exit
fi
if [ ! -x "$dest/usr/bin/promtool" ]; then
	command -v apt-get >/dev/null || die "prometheus and promtool are missing: install them, and put them on PATH"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	cd "$work"
	apt-get update -qq >&2 || true
	apt-get download -qq prometheus >&2 || die "Debian's package prometheus cannot be had"
	mkdir -p "$dest"
	dpkg -x prometheus_*.deb "$dest"
fi
"$dest/usr/bin/promtool" --version >/dev/null 2>&1 || die "$dest/usr/bin/promtool does not run here"
echo "$dest/usr/bin"
