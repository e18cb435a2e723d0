#!/bin/bash
# Runs the suite with every other Python that Debian has:
#     tests/other_pythons.sh PYTHON [FOLDER...]
#     CONFINED=1 tests/other_pythons.sh PYTHON [FOLDER...]
# PYTHON is the one that needs no run. With CONFINED, one of them runs it as the unit
# confines the daemon, see confined.py. Each of the others has a root of its own, made of
# the release of Debian that brings it and of the locks; it is kept in var/. The tests
# run there as root, in a network of their own in which is nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
own=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# No release that Debian's mirror still has brings 3.12.
releases="3.11:bookworm 3.13:trixie 3.14:forky"
run=run_suite
[ -z "${CONFINED:-}" ] || { releases=3.13:trixie run=run_confined; }
python_here=$1
left_out="browsers, Apache, Kerberos, node and reverse proxies are not in the roots: tests with them are skipped"

shift
if [ "$(id -u)" != 0 ] || ! command -v debootstrap unshare >/dev/null; then
	echo "Only Python $own was run: others take root, debootstrap and unshare"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Makes what is kept: an environment of the locks. There is no compiler: what is not to
# be had as a wheel for this Python fails here.
make_root() {
	local python=$1 suite=$2 mirror
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
		'Label: Debian' 'Component: main' | head -n 1)
	debootstrap --variant=minbase --include="$(needed "$python")" "$suite" "$work/$python" \
		"$mirror" /usr/share/debootstrap/scripts/sid || return 1
	# The index of packages is trusted, and reached, as on this machine.
	cp /etc/resolv.conf "$work/$python/etc/"
	cp /etc/ssl/certs/ca-certificates.crt "$work/$python/etc/ssl/certs/"
	cp requirements/build.txt requirements/dev.txt "$work/$python/tmp/"
	env -u PIP_FIND_LINKS PIP_CONFIG_FILE=/dev/null \
		PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
		unshare --mount chroot "$work/$python" /bin/bash -euc '
		mount -t proc proc /proc
		"/usr/bin/python$1" -m venv /opt/venv
		/opt/venv/bin/python -m pip --disable-pip-version-check install -qq \
			--root-user-action=ignore --require-hashes -r /tmp/build.txt -r /tmp/dev.txt
		' - "$python"
}

needed() {
	echo "python$1-venv,make,iproute2,procps,ca-certificates,tzdata,systemd-sysv,passwd"
}

# What cannot be had is said, and is not taken for a run.
root() {
	local python=$1 suite=$2 kept=var/python-$1.tar key
	key="$(needed "$python") $(cat requirements/build.txt requirements/dev.txt | sha256sum)"
	[ "$(cat "$kept.made" 2>/dev/null)" = "$key" ] && {
		mkdir "$work/$python" && tar -xf "$kept" -C "$work/$python"
		return
	}
	mkdir -p var
	make_root "$python" "$suite" >"$work/log" 2>&1 || {
		tail -n 5 "$work/log"
		return 1
	}
	tar -cf "$kept" -C "$work/$python" .
	echo "$key" >"$kept.made"
}

make_checkout() {
	local root=$work/$1
	mkdir -p "$root/checkout" "$root/schemas" "$root/dev/shm" "$root/dev/pts"
	tar -c --exclude=./.venv --exclude=./var --exclude=./.git --exclude=node_modules \
		--exclude=__pycache__ . | tar -x -C "$root/checkout"
	[ -z "${PEXSCHEDD_SCHEMAS:-}" ] || cp -R "$PEXSCHEDD_SCHEMAS/." "$root/schemas"
	chroot "$root" /bin/bash -euc "
		cd /checkout
		/opt/venv/bin/python -m pip -q install --no-index --no-deps \
			--no-build-isolation --root-user-action=ignore --editable .
		"
}

run_suite() {
	local root=$work/$1
	shift
	env -i HOME=/root LANG=C.UTF-8 PATH=/opt/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		PEXSCHEDD_SCHEMAS=/schemas \
		unshare --net --pid --mount --fork --kill-child /bin/bash -euc '
		root=$1; shift
		ip link set lo up
		mount -t proc proc "$root/proc"
		mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
		mount --bind "$root/dev/pts/ptmx" "$root/dev/ptmx"
		chroot "$root" /bin/bash -euc "
			cd /checkout
			python -m pytest -n 3 --dist loadfile --no-loadscope-reorder \
				--max-worker-restart 0 \"\$@\"
			" - "$@"
		exit
		' - "$root" "$@"
}

# The same as the unit confines the daemon: by systemd, as a user without rights.
run_confined() {
	local root=$work/$1
	shift
	chroot "$root" useradd --create-home tester
	chroot "$root" chown -R tester: /checkout
	unshare --net /bin/sh -euc 'ip link set lo up; exec "$@"' - \
		"$python_here" -m tests.confined "$root" "$@"
}

failed=
for each in $releases; do
	python=${each%:*}
	[ -n "${CONFINED:-}" ] || [ "$python" != "$own" ] || continue
	if ! root "$python" "${each#*:}"; then
		echo "Python $python cannot be had here: nothing was run with it"
		failed=1
	elif make_checkout "$python" && "$run" "$python" "$@"; then
		echo "Python $python has run; $left_out"
	else
		echo "Python $python fails"
		failed=1
	fi
	rm -rf "${work:?}/$python"
done
[ -n "${CONFINED:-}" ] || echo "Python 3.12 cannot be had from Debian: nothing was run with it"
[ -z "$failed" ]
