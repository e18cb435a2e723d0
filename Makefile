# make run     the demo: the daemon, a sandbox Exchange and the demo desk, on loopback
# make test    the whole test suite
# make check   formatter, linter, types, import rules
# make bench   what each thing costs, beside its ceiling
# make setup   only what the others need, into .venv/
#
# Each works from a fresh clone, with python3 (and python3-venv) and make.

PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: run test check bench setup docs chromium clean

run: $(VENV)/run.stamp
	exec $(BIN)/python -m pexschedd.demo --port $(PORT) --state var/demo

test: $(VENV)/dev.stamp chromium
	$(BIN)/python -m pytest

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks

setup: $(VENV)/dev.stamp

# What is generated from the code; tests check that the committed files are current.
docs: $(VENV)/run.stamp
	$(BIN)/python -m pexschedd.model.document > docs/configuration.md

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: $(BIN)/python pyproject.toml setup.cfg requirements.lock
	$(PIP) install --quiet --upgrade pip
	$(PIP) install --quiet --constraint requirements.lock --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(PIP) install --quiet --constraint requirements.lock --group dev
	@touch $@

# The browser tests want Chromium. It is installed where that is possible without
# asking anybody; elsewhere those tests skip and say so.
chromium:
	@command -v chromium >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	     && apt-get update -qq && apt-get install -qq -y chromium >/dev/null; } \
	|| echo "Chromium is not installed: the browser tests will be skipped"

clean:
	rm -rf $(VENV) build dist *.egg-info
