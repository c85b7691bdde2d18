#!/usr/bin/env bash
# build-influxd.sh [DEST]
#
# Builds a real InfluxDB 2.7 server from its Go module, for the integration tests,
# and leaves it at DEST/influxd. Prints that path, and nothing else, on stdout.
#
# DEST defaults to ${FLATWATT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flatwatt}/influxd-VERSION,
# outside the repository. Running it again is free: a server of the right version
# that is already there is kept. A failed build leaves nothing behind.
#
# Takes 4–10 minutes and about 2.5 GB of caches on two cores. Needs go; Rust, a C
# compiler and pkg-config are installed with apt where they are missing.
#
# INFLUXD_VERSION  another 2.7 release than the pinned one
set -euo pipefail

version=${INFLUXD_VERSION:-v2.7.12}
cache=${FLATWATT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flatwatt}
dest=${1:-$cache/influxd-$version}

say() { echo "build-influxd: $*" >&2; }
die() { say "$*"; exit 1; }

# Is the server in $dest the one that was asked for, and does it run here?
is_built() {
	[ -x "$dest/influxd" ] && "$dest/influxd" version 2>/dev/null | grep -qF "InfluxDB $version "
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

update_packages() {
	as_root apt-get update -qq >&2
}

# install_missing COMMAND PACKAGE…: by apt, else say what to do.
install_missing() {
	command -v "$1" >/dev/null && return
	command -v apt-get >/dev/null || die "$1 is missing: install it (Debian: ${*:2})"
	say "installing ${*:2}"
	update_packages && as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "${@:2}" >&2 ||
		die "cannot install ${*:2}: install by hand and run this again"
}

# A cargo of Rust 1.72 or later: the one there is, also where HOME is not the one that
# rustup was installed for; else Debian's, which is new enough under one of two names.
find_cargo() {
	PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
	local cargo
	if cargo=$(command -v cargo); then
		cargo --version >/dev/null 2>&1 && return
		export RUSTUP_HOME="${cargo%/*/*}/../.rustup"
		cargo --version >/dev/null 2>&1 && return
		unset RUSTUP_HOME
		PATH=/usr/bin:/bin:$PATH # Debian's before one that does not run
	fi
	[ -x /usr/bin/cargo ] || update_packages
	if apt-cache show cargo-web >/dev/null 2>&1; then
		install_missing /usr/bin/cargo cargo-web rustc-web
	else
		install_missing /usr/bin/cargo cargo rustc
	fi
	hash -r
	cargo --version >/dev/null || die "no cargo that runs: https://rustup.rs (Rust 1.72 or later)"
}

check_tools() {
	command -v go >/dev/null || die "go is missing: https://go.dev/doc/install"
	find_cargo
	install_missing cc gcc libc6-dev
	install_missing pkg-config pkg-config
}

# The server's go.mod has a replace line, so "go install pkg@version" refuses it.
# A main module of our own, with the server's own requirements and checksums, does not.
make_module() {
	mkdir -p "$work/mod" && cd "$work/mod"
	local server
	server=$(cd "$work" && module_dir "github.com/influxdata/influxdb/v2@$version")
	install -m 644 "$server/go.mod" "$server/go.sum" .
	go mod edit -module influxd-build -require "github.com/influxdata/influxdb/v2@$version"
}

# module_dir MODULE[@VERSION]: where its source is, downloaded if need be.
module_dir() {
	local dir
	dir=$(GOFLAGS=-mod=mod go mod download -json "$1" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
	[ -d "$dir" ] || die "go mod download $1 gave no directory"
	echo "$dir"
}

# libflux is Rust and the server links it through cgo. Its toolchain file (1.72) stays
# behind on purpose; warnings of newer compilers are not errors; without link-time
# optimisation the build takes half as long.
build_libflux() {
	local flux
	flux=$(module_dir github.com/influxdata/flux)
	mkdir -p "$work/flux"
	cp -r --no-preserve=mode "$flux/libflux" "$flux/stdlib" "$work/flux/"
	(
		cd "$work/flux/libflux"
		export CARGO_TARGET_DIR=$work/target CARGO_PROFILE_RELEASE_LTO=off
		export RUSTFLAGS="${RUSTFLAGS:-} -Awarnings"
		cargo rustc --quiet --release --locked -p flux --lib \
			--no-default-features --features cffi --crate-type staticlib >&2
	)
	find "$work/target" -path '*/release/libflux.a' -print -quit
}

# flux's cgo lines ask pkg-config for "flux"; InfluxData's own wrapper is not needed.
write_pc() {
	mkdir -p "$work/pc"
	cat >"$work/pc/flux.pc" <<-PC
		Name: Flux
		Description: libflux
		Version: 0
		Libs: $1 -ldl -lm -lpthread
		Cflags: -I$work/flux/libflux/include
	PC
}

# Without the "assets" tag neither the web page nor the API description is built in.
build_server() {
	PKG_CONFIG=pkg-config PKG_CONFIG_PATH=$work/pc CGO_ENABLED=1 \
		go build -mod=mod -trimpath -tags sqlite_foreign_keys,sqlite_json \
		-ldflags "-s -w -X main.version=$version" \
		-o "$dest/influxd.$$" github.com/influxdata/influxdb/v2/cmd/influxd >&2
	mv "$dest/influxd.$$" "$dest/influxd"
}

main() {
	if is_built; then
		echo "$dest/influxd"
		return
	fi
	check_tools
	mkdir -p "$dest"
	dest=$(cd "$dest" && pwd)
	# One build at a time; whoever waited finds it done.
	exec 9>"$dest/.lock"
	flock 9
	if is_built; then
		echo "$dest/influxd"
		return
	fi
	work=$(mktemp -d)
	trap 'rm -rf "$work" "$dest/influxd.$$"' EXIT
	say "building InfluxDB $version into $dest (4-10 minutes)"
	make_module
	local lib
	lib=$(build_libflux)
	[ -f "$lib" ] || die "cargo built no libflux.a"
	write_pc "$lib"
	build_server
	is_built || die "$dest/influxd does not run or is not $version"
	echo "$dest/influxd"
}

main
