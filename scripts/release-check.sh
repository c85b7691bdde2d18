#!/usr/bin/env bash
# release-check.sh
#
# Builds the release twice, the second time from a copy at another path and with an empty
# build cache, and wants the same bytes; wants static binaries that say their version; and
# builds flatwatt from the source archive with no network at all.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export VERSION=${VERSION:-v0.0.0-check}

scripts/release.sh "$work/first"
git clone -q --no-hardlinks . "$work/elsewhere/with a longer path"
(cd "$work/elsewhere/with a longer path" && GOCACHE=$work/cache scripts/release.sh "$work/second")
diff -r "$work/first" "$work/second"
(cd "$work/first" && sha256sum --quiet -c SHA256SUMS)

cd "$work"
tar -xzf "first/flatwatt_${VERSION}_linux_amd64.tar.gz"
binary=$work/flatwatt_${VERSION}_linux_amd64/flatwatt
! ldd "$binary" >/dev/null 2>&1 || { echo "the binary is not static" >&2; exit 1; }
[ "$(uname -m)" != x86_64 ] || "$binary" version | grep -qF "$VERSION" || { echo "the binary does not say its version" >&2; exit 1; }
if grep -qaF "$OLDPWD/" "$binary"; then
	echo "the binary holds the path of the build" >&2
	exit 1
fi

# Without a network: only what the source archive has.
tar -xzf "first/flatwatt_${VERSION}_source.tar.gz"
cd "flatwatt_${VERSION}_source"
GOPROXY=off GOFLAGS=-mod=vendor GOMODCACHE=$work/nothing go build -buildvcs=false -o "$work/offline" ./cmd/flatwatt
"$work/offline" version >/dev/null
echo "release-check: the same twice, static, builds without a network" >&2
