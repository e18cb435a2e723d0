#!/bin/bash
# Builds the package, installs it in a fresh root of Debian, and plays its life there:
#     deploy/debian/check.sh PYTHON RELEASE
# It runs as root. The root comes from the mirror that apt is set up with, and is kept in
# the user's cache; what is played there has a network of its own, in which is nothing
# else.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$1
release=$2
case $release in
12) suite=bookworm ;;
13) suite=trixie ;;
*) echo "There is no package for Debian $release" >&2 && exit 2 ;;
esac

# systemd, which runs the package's units, wants control groups of its own.
groups='mount -t cgroup2 check /mnt; mkdir /mnt/check-$$; rmdir /mnt/check-$$'
if ! { command -v debootstrap && unshare --net --pid --mount --fork sh -euc "$groups"; } >/dev/null 2>&1; then
	echo "The package for Debian $release is not checked: that takes root, debootstrap, unshare and control groups (version 2)"
	exit 0
fi

# In memory, where there is enough: nothing of it has to outlive this.
work=$(mktemp -d)
disk=$(mktemp -d -p /var/tmp)
trap 'umount --quiet --lazy "$work" || true; rm -rf "$work" "$disk"' EXIT
if [ "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)" -gt 4000000 ]; then
	mount -t tmpfs -o mode=0755 check "$work"
fi
export TMPDIR=$work

"$python" -m deploy.debian.build --release "$release" --for-check 99.0.0 \
	--into "$work/packages" >"$work/built"
{ read -r package && read -r newer; } <"$work/built"

# Of packages there are those that ours says it needs, systemd, and no others.
needed=$(dpkg-deb -f "$package" Depends | tr -d ' '),systemd,systemd-sysv
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pexschedd
kept=$cache/debian-$release-$(dpkg --print-architecture).tar
if [ "$(cat "$kept.needed" 2>/dev/null)" != "$needed" ]; then
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
		'Label: Debian' 'Component: main' | head -n 1)
	if ! /usr/lib/apt/apt-helper download-file "$mirror/dists/$suite/Release" \
		"$work/Release" >/dev/null 2>&1; then
		echo "The package for Debian $release is not checked: there is no answer from $mirror"
		exit 0
	fi
	mkdir -p "$cache"
	debootstrap --variant=minbase --include="$needed" "$suite" "$work/fresh" \
		"$mirror" >"$work/debootstrap.log" || { cat "$work/debootstrap.log" && exit 1; }
	rm -f "$kept.needed"
	tar -cf "$kept" -C "$work/fresh" .
	rm -rf "$work/fresh"
	echo "$needed" >"$kept.needed"
fi
mkdir "$work/root"
tar -xf "$kept" -C "$work/root"

# The shell is the first process there, and buries what others leave. systemd keeps the
# key of credentials on a disk only.
cp -a "$work/root/var/lib/systemd/." "$disk"
unshare --net --pid --mount --mount-proc --fork --kill-child bash -euc '
	ip link set lo up
	mount -t proc proc "$2/proc"
	mount --bind "$5" "$2/var/lib/systemd"
	"$1" -m tests.deploy.debian_life "$2" "$3" "$4" && exit 0
	exit 1' - "$python" "$work/root" "$package" "$newer" "$disk"
