#!/usr/bin/env bash
# release.sh [DIST]
#
# Builds a release into DIST (dist): for linux on amd64 and arm64 a static binary in a
# tar.gz with licence, documentation and what is deployed; the source with every module it
# needs, for building without a network; a list of what is inside (SBOM, CycloneDX); and
# SHA256SUMS. The same commit gives the same bytes wherever it is built: no paths, no
# clocks, sorted archives.
#
# VERSION   as `flatwatt version` says it; default: git describe
set -euo pipefail
cd "$(dirname "$0")/.."

dist=${1:-dist}
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo dev)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local
cyclonedx=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

mkdir -p "$dist"
dist=$(cd "$dist" && pwd)
[ -z "$(ls -A "$dist")" ] || { echo "release: $dist is not empty" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What is committed is built, and nothing else that lies about.
commit=$(git rev-parse HEAD)
mkdir -p "$work/tree"
git archive "$commit" | tar -x -C "$work/tree"
cd "$work/tree"

# pack NAME DIR: DIR as NAME.tar.gz, the same bytes whenever.
pack() {
	tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r,go-w,a+X \
		--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -C "$2" -cf - "$(ls "$2")" | gzip -9n >"$dist/$1.tar.gz"
}

# The list is made by a program from Go's module proxy; SBOM=no leaves it out.
sbom() {
	[ "${SBOM:-yes}" = yes ] || return 0
	GOFLAGS=-mod=mod go run "$cyclonedx" mod -json -licenses=false -noserial -output "$dist/flatwatt_$version.cdx.json" . 2>/dev/null ||
		{ echo "release: cyclonedx-gomod cannot be had; SBOM=no leaves the list out" >&2; exit 1; }
	# Its one clock becomes that of the commit.
	sed -i "s/\"timestamp\": \"[^\"]*\"/\"timestamp\": \"$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)\"/" "$dist/flatwatt_$version.cdx.json"
}

for arch in amd64 arm64; do
	name=flatwatt_${version}_linux_$arch
	mkdir -p "$work/$arch/$name"
	GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false -tags no_antithesis_sdk \
		-ldflags "-s -w -buildid= -X main.release=$version -X main.commit=$commit" -o "$work/$arch/$name/flatwatt" ./cmd/flatwatt
	cp -r LICENSE README.md README.zh.md CHANGELOG.md docs deploy "$work/$arch/$name"
	pack "$name" "$work/$arch"
done

src=flatwatt_${version}_source
mkdir -p "$work/src"
cp -r "$work/tree" "$work/src/$src"
(cd "$work/src/$src" && GOFLAGS=-mod=mod go mod vendor)
pack "$src" "$work/src"

sbom
cd "$dist"
sha256sum flatwatt_* >SHA256SUMS
echo "$version in $dist:" >&2
ls -l >&2
