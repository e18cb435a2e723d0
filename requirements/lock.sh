#!/bin/sh
# Makes the locks again: requirements/lock.sh UV [--upgrade]
set -eu
cd "$(dirname "$0")/.."
uv=$1
shift

# One resolution for each file, for all platforms and all versions of Python that
# pyproject.toml allows. dev.txt comes first: the others take its releases, so no
# release is tested and another one installed.
lock() {
	file=requirements/$1.txt
	shift
	"$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --system-certs \
		--output-file "$file" "$@"
}

lock dev pyproject.toml --group demo --group dev "$@"
lock demo pyproject.toml --group demo --constraint requirements/dev.txt
lock run pyproject.toml --constraint requirements/dev.txt
lock kerberos pyproject.toml --extra kerberos --constraint requirements/dev.txt
lock build --group build
