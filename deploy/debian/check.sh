#!/bin/bash
# Builds the package, installs it in a fresh root of Debian, and plays its life there:
#     deploy/debian/check.sh PYTHON RELEASE
# It runs as root. The root comes from the mirror that apt is set up with and is kept in
# var/; what is played there has a network of its own, in which is nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$1
release=$2
case $release in
12) suite=bookworm ;;
13) suite=trixie ;;
*) echo "There is no package for Debian $release" >&2 && exit 2 ;;
esac

if [ "$(id -u)" != 0 ] || ! command -v debootstrap unshare >/dev/null; then
	echo "The package is not checked: that takes root, debootstrap and unshare"
	exit 0
fi

work=$(mktemp -d)
trap 'umount -q "$work/root/proc" || true; rm -rf "$work"' EXIT
"$python" -m deploy.debian.build --release "$release" --into "$work/old" >/dev/null
"$python" -m deploy.debian.build --release "$release" --version 99.0.0 --into "$work/new" >/dev/null

# Of packages there are those that ours says it needs, and no others.
needed=$(dpkg-deb -f "$work"/old/*.deb Depends | tr -d ' ')
kept=var/debian-$release.tar
if [ "$(cat "$kept.needed" 2>/dev/null)" != "$needed" ]; then
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
		'Label: Debian' 'Component: main' | head -n 1)
	mkdir -p var
	debootstrap --variant=minbase --include="$needed" "$suite" "$work/fresh" \
		"$mirror" >"$work/debootstrap.log" || { cat "$work/debootstrap.log" && exit 1; }
	tar -cf "$kept" -C "$work/fresh" .
	echo "$needed" >"$kept.needed"
fi
mkdir "$work/root"
tar -xf "$kept" -C "$work/root"

# The shell is the first process there, and buries what the daemon leaves.
unshare --net --pid --mount --mount-proc --fork --kill-child bash -euc '
	ip link set lo up
	mount -t proc proc "$2/proc"
	"$1" -m tests.deploy.debian_life "$2" "$3" "$4" && exit 0
	exit 1' - "$python" "$work/root" "$work"/old/*.deb "$work"/new/*.deb
