# make run     the demo: the daemon, a sandbox Exchange and the demo desk, on loopback
# make test    the whole test suite, in three parts at the same time: test-pages,
#              test-servers and test-others
# make test-fast  what needs little but a processor, for the loop of writing code
# make test-thorough  the same as test with more random cases, other ones each time
# make test-all  test, and then the suite with every other Python that Debian has: as
#              root, with debootstrap; a quarter of an hour each
# make test-confined  the same, once, as systemd confines the daemon: as root, with
#              debootstrap; without browsers and all else that is not in that root
# make check   formatter, linter, types, import rules
# make bench   what each thing costs, beside its ceiling
# make soak    a bad day in seven minutes: a fifth of all calls to Exchange fails
# make mutants mistakes made on purpose: do the unit tests notice? (ten minutes; SEED=7)
# make setup   only what the others need, into .venv/; and Microsoft's library for
#              nested app authentication, which the add-in serves
# make deb     Debian packages, in dist/, for Debian 12 and 13
# make check-deb  one of them from its installation to its purge, in a fresh root of
#              Debian, as root: some two minutes of processor time (DEBIAN=13)
# make sbom    what is shipped: build/sbom.cdx.json and build/THIRD-PARTY
# make lock    what requirements/ says is installed; UPGRADE=1 takes the newest releases
#
# Each works from a fresh clone, with python3 (and python3-venv) and make.

PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
# What is said is an error: neither that pip could be newer, nor that root installs.
INSTALL := $(PIP) --disable-pip-version-check install -qq --root-user-action=ignore
LOCKED := $(INSTALL) --require-hashes

PARTS := test-pages test-servers test-others

.PHONY: run test $(PARTS) test-fast test-thorough test-all test-confined check bench soak \
	mutants setup docs lock chromium peers kerberos oidc officejs msal promtool grafana proxies \
	deb check-deb sbom licences clean

run: $(VENV)/run.stamp
	exec $(BIN)/python -m pexschedd.demo --port $(PORT) --state var/demo

# Three processes keep two cores busy: a test with programs or a browser of its own waits
# for them. Each has folders of its own, so that none finds all tests or starts a browser
# that another one has already: pytest-xdist, which shares files out while it goes, takes
# a tenth more processor time. A part's name stands before each line that it says.
# Compiled modules are kept even where the environment says not to: the tests start the
# programs two hundred times.
PAGES := browser demo openapi system
SERVERS := deploy doctor onetouch peers stories tools web_admin
test: $(VENV)/dev.stamp chromium peers kerberos oidc officejs msal promtool grafana proxies
	$(MAKE) --no-print-directory -j 3 $(PARTS)

test-pages: FOLDERS := $(PAGES:%=tests/%)
test-servers: FOLDERS := $(SERVERS:%=tests/%)
test-others: FOLDERS := tests $(PAGES:%=--ignore=tests/%) $(SERVERS:%=--ignore=tests/%)
$(PARTS): export PYTHONDONTWRITEBYTECODE :=
$(PARTS): SHELL := bash -o pipefail
$(PARTS): $(VENV)/dev.stamp
	@$(BIN)/python -m pytest -q $(FOLDERS) | sed -u 's/^/$(@:test-%=%): /'

# The pure part of it, with few random cases: for the minutes in which code is written.
# Of no use there: the limit of time for each test.
test-fast: export PEXSCHEDD_FAST := 1
test-fast: export PYTHONDONTWRITEBYTECODE :=
test-fast: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --timeout 0

test-thorough: export PEXSCHEDD_THOROUGH := 1
test-thorough: test

test-all: test
test-all test-confined: $(VENV)/dev.stamp
	@command -v debootstrap >/dev/null || [ "$$(id -u)" != 0 ] \
	|| { apt-get update -qq && apt-get install -qq -y debootstrap >/dev/null; } || true
	$(if $(filter %confined,$@),CONFINED=1) tests/other_pythons.sh $(abspath $(BIN))/python

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m tests.es5
	$(BIN)/mypy

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks

soak: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.soak

mutants: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.mutants $(SEED)

setup: $(VENV)/dev.stamp msal

# What is generated from the code; tests check that the committed files are current.
docs: $(VENV)/run.stamp
	$(BIN)/python -m pexschedd.model.reference > docs/configuration.md
	$(BIN)/python -m pexschedd.web.admin.openapi > docs/openapi.json

deb: $(VENV)/run.stamp
	$(BIN)/python -m deploy.debian.build --release 12 --into dist
	$(BIN)/python -m deploy.debian.build --release 13 --into dist

DEBIAN ?= 12
check-deb: $(VENV)/dev.stamp
	@command -v debootstrap >/dev/null || [ "$$(id -u)" != 0 ] \
	|| { apt-get update -qq && apt-get install -qq -y debootstrap >/dev/null; } || true
	deploy/debian/check.sh $(abspath $(BIN))/python $(DEBIAN)

# From what the lock installs, and nothing else.
sbom licences: $(VENV)/run.stamp
	$(LOCKED) --no-deps --target build/shipped -r requirements/run.txt --upgrade
	$(BIN)/python -m deploy.shipped sbom build/shipped > build/sbom.cdx.json
	$(BIN)/python -m deploy.shipped licences build/shipped > build/THIRD-PARTY

lock: $(VENV)/venv.stamp
	$(INSTALL) 'uv>=0.9'
	requirements/lock.sh $(BIN)/uv $(if $(UPGRADE),--upgrade)

# An environment is made only by a Python that will do, and whole: of one without pip,
# which Debian's Python leaves where python3-venv is missing, nothing stays. One that is
# there and works is kept.
WILL_DO := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))

$(VENV)/venv.stamp:
	@if ! { $(BIN)/python -c '$(WILL_DO)' && $(PIP) --version; } >/dev/null 2>&1; then \
	  command -v $(PYTHON) >/dev/null \
	  || { echo "There is no $(PYTHON): install Python 3.11 to 3.14, or name one: make PYTHON=python3.13" >&2; exit 1; }; \
	  $(PYTHON) -c '$(WILL_DO)' \
	  || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1), and Python 3.11 to 3.14 is needed. Name another one: make PYTHON=python3.13" >&2; exit 1; }; \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "$(PYTHON) cannot make an environment: its package venv is missing. Run: apt-get install python3-venv" >&2; exit 1; }; \
	  $(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; \
	fi
	@touch $@

$(VENV)/run.stamp: $(VENV)/venv.stamp pyproject.toml setup.cfg \
		requirements/build.txt requirements/demo.txt
	$(LOCKED) -r requirements/build.txt -r requirements/demo.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt
	$(LOCKED) -r requirements/dev.txt
	@touch $@

# The browser tests want Chromium, without windows: the whole one will do, and takes
# twice the processor time. It is installed where that is possible without asking
# anybody; elsewhere those tests skip and say so.
chromium:
	@command -v chromium-headless-shell >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	     && apt-get install -qq -y chromium chromium-headless-shell >/dev/null; } \
	|| command -v chromium >/dev/null \
	|| echo "Chromium is not installed: the browser tests will be skipped"

# The tests with real servers want Apache, tinyproxy and a Kerberos realm; one of the
# store wants strace. Installed, or not, as Chromium is. apache2-bin starts no service.
PEERS := apache2-bin libapache2-mod-auth-gssapi gss-ntlmssp krb5-kdc krb5-admin-server \
	krb5-k5tls faketime libkrb5-dev gcc python3-dev tinyproxy-bin strace

peers:
	@{ command -v apache2 && command -v krb5kdc && command -v kadmin.local \
	   && command -v faketime && command -v krb5-config \
	   && command -v tinyproxy && command -v strace; } >/dev/null 2>&1 \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
	     && DEBIAN_FRONTEND=noninteractive \
	        apt-get install -qq -y --no-install-recommends $(PEERS) >/dev/null; } \
	|| echo "Apache, tinyproxy, Kerberos or strace is not installed: tests with them will be skipped"

# The extra "kerberos" is compiled, once. Without a network that is given up at once.
kerberos: $(VENV)/dev.stamp peers
	@cmp -s requirements/kerberos.txt $(VENV)/kerberos.installed \
	|| { command -v krb5-config && $(LOCKED) --retries 0 -r requirements/kerberos.txt \
	     && cp requirements/kerberos.txt $(VENV)/kerberos.installed; } >/dev/null 2>&1 \
	|| echo "The extra kerberos cannot be built: its tests will be skipped"

# The tests with a real OpenID provider want node, and what npm installs beside it.
OIDC := tests/peers/oidc

oidc:
	@{ command -v node && command -v npm; } >/dev/null \
	&& { cmp -s $(OIDC)/package-lock.json $(OIDC)/node_modules/installed.json \
	     || { npm ci --silent --ignore-scripts --prefix $(OIDC) \
	          && cp $(OIDC)/package-lock.json $(OIDC)/node_modules/installed.json; }; } \
	|| echo "No node, or npm installs nothing: the tests with an OpenID provider will be skipped"

# The tests with Microsoft's office.js, which is never committed: its licence does not
# allow it. Only what Outlook on the web loads stays, of 90 megabytes.
OFFICEJS := tests/peers/officejs
OFFICEJS_DIST := $(OFFICEJS)/node_modules/@microsoft/office-js/dist

officejs:
	@{ command -v node && command -v npm; } >/dev/null \
	&& { cmp -s $(OFFICEJS)/package-lock.json $(OFFICEJS)/node_modules/installed.json \
	     || { npm ci --silent --ignore-scripts --prefix $(OFFICEJS) \
	          && rm -rf $(OFFICEJS_DIST)/../embedded \
	          && find $(OFFICEJS_DIST) -mindepth 1 -maxdepth 1 ! -name office.js \
	             ! -name outlook-web-16.01.js ! -name en-us ! -name telemetry \
	             ! -name agaveerrorux -exec rm -rf {} + \
	          && cp $(OFFICEJS)/package-lock.json $(OFFICEJS)/node_modules/installed.json; }; } \
	|| echo "No node, or npm installs nothing: the tests with office.js will be skipped"

# The alert rules are tested by Prometheus' own tool, unpacked from Debian's package: to
# install that would start a server.
promtool: $(VENV)/dev.stamp
	@command -v promtool >/dev/null || [ -x $(BIN)/promtool ] \
	|| { cd $(VENV) && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb prometheus \
	     && mv prometheus/usr/bin/promtool bin/ && rm -r prometheus prometheus_*.deb; } >/dev/null 2>&1 \
	|| echo "promtool is not installed: tests of the alert rules will be skipped"

# The sample configurations of reverse proxies are tested with the programs, unpacked
# from Debian's packages for the same reason; the libraries are what haproxy needs.
PROXIES := nginx haproxy caddy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1

proxies: $(VENV)/dev.stamp
	@{ command -v nginx && command -v haproxy && command -v caddy; } >/dev/null 2>&1 \
	|| [ -e $(VENV)/proxies/usr/bin/caddy ] \
	|| { mkdir -p $(VENV)/proxies && cd $(VENV)/proxies && apt-get download -qq $(PROXIES) \
	     && for each in *.deb; do dpkg-deb -x $$each . || exit 1; done \
	     && rm *.deb; } >/dev/null 2>&1 \
	|| echo "nginx, haproxy or caddy is not installed: tests of their sample configurations will be skipped"

# The dashboard is compared with Grafana's own types.
GRAFANA := tests/peers/grafana

grafana:
	@{ command -v node && command -v npm; } >/dev/null \
	&& { cmp -s $(GRAFANA)/package-lock.json $(GRAFANA)/node_modules/installed.json \
	     || { npm ci --silent --ignore-scripts --prefix $(GRAFANA) \
	          && cp $(GRAFANA)/package-lock.json $(GRAFANA)/node_modules/installed.json; }; } \
	|| echo "No node, or npm installs nothing: the dashboard will not be compared with Grafana's types"

# The library is pinned and verified. Without it the daemon refuses NAA_TOKEN, and a few
# tests are skipped.
msal: $(VENV)/run.stamp
	@$(BIN)/python -m pexschedd.web.addin.msal >/dev/null \
	|| echo "$(BIN)/python -m pexschedd.web.addin.msal fails: tests with that library will be skipped"

clean:
	rm -rf $(VENV) build dist *.egg-info
