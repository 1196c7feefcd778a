# `make` alone prints the targets. All of them set the project up first, into .venv,
# node_modules and typings; nothing outside of this folder is touched.

SHELL := /bin/bash
PY := .venv/bin/python
PYTEST := $(PY) -m pytest --quiet -rs --numprocesses auto --dist loadfile
# A test of a board waits for it: one worker more than cores.
WAITING := --numprocesses $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
READY := .venv/.ready
ENGINES := .venv/.engines
PICTURES := .venv/.pictures
GUIDE := .venv/.guide
SEED ?= 1
export SEED YEARS CASE INPUTS MICROPYTHON
# A clone is built the same way whatever the caller's shell has set.
unexport PYTHONPATH PYTHONHOME

.PHONY: help setup demo demo-fleet test test-host test-vm test-sim test-device lint format bench bench-fleet sim
.PHONY: fuzz wheel clean

## Print this list
help:
	@awk '/^## /{doc = substr($$0, 4)} /^[a-z][a-z-]*:/{if (doc) {sub(/:.*/, ""); \
	    printf "  make %-12s %s\n", $$0, doc} doc = ""}' $(firstword $(MAKEFILE_LIST))

## Python venv, node if it is missing, the MicroPython VM, stubs; nothing on a second call
setup: $(READY)

$(READY): pyproject.toml package.json package-lock.json host_tools/setup_vm.py
	@python=; for p in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	    then python=$$p; break; fi; done; \
	if [ -z "$$python" ]; then echo "setup: no Python 3.11 or newer here: install one," \
	    "or name it: make setup PYTHON=/path/to/python3"; exit 1; fi; \
	$$python -m venv .venv || { echo "setup: $$python cannot make a venv:" \
	    "install its venv module (Debian: python3-venv)"; exit 1; }
	@echo "setup: Python packages into .venv"
	@$(PY) -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@$(PY) host_tools/setup_vm.py
	@echo "setup: stubs of the chip's modules into typings"
	@rm -rf typings
	@$(PY) -m pip install -qq --disable-pip-version-check --target typings \
	    'micropython-esp32-stubs==1.29.*'
	@touch $@

# Others' engines for bills, readers of meters, a store, a broker: what a test needs and cannot be
# had here, it is skipped without, and says so.
$(ENGINES): $(READY)
	@echo "setup: engines and readers that ours is compared with, a broker"
	@extras='test headend analysis serve fleet'; \
	if command -v java > /dev/null; then extras="$$extras spark"; \
	else echo "setup: no Java here: what needs Spark will be skipped"; fi; \
	for extra in $$extras; do \
	    $(PY) -m pip install -qq --disable-pip-version-check --editable ".[$$extra]" || \
	    echo "setup: not all of the extra $$extra can be had here: some tests will be skipped"; done
	@$(PY) -c 'from wattledger.headend import mosquitto; mosquitto.find()' 2>/dev/null || \
	    echo "setup: no mosquitto can be had here: what needs a broker will be skipped"
	@touch $@

# Draws reports; without it the demo ends with the bill and says so.
$(PICTURES): $(READY)
	@echo "setup: what draws reports"
	@$(PY) -m pip install -qq --disable-pip-version-check --editable '.[analysis]' || \
	    echo "setup: it cannot be had here: no report is drawn"
	@touch $@

# Guides a part of the fuzz campaign; without it that part is skipped and says why.
$(GUIDE): $(READY)
	@$(PY) -m pip install -qq --disable-pip-version-check --editable '.[fuzz]' || \
	    echo "setup: atheris cannot be had here: no input is guided by what it reaches"
	@touch $@

## A month on the virtual board, with a power cut, to a verified bill and a report   LOAD=file.csv
demo: $(PICTURES)
	@$(PY) -m wattledger demo $(if $(LOAD),--load '$(LOAD)')

## A day of 50 meters on a broker of their own: a critical peak, a new tariff, a table
demo-fleet: setup $(ENGINES)
	@$(PY) -m wattledger headend demo

## What CI checks: lint, then every test, on CPython and in the MicroPython VM
test: lint test-host test-vm test-sim

## Shared and host tests on CPython, with brokers and readers of others
test-host: setup $(ENGINES)
	@$(PYTEST) tests/fleet tests/live tests/reports tests/headend tests/analysis tests/exchange \
	    $(filter-out %_vm.py,$(wildcard tests/comms/test_*.py)) tests/host tests/shared

## Shared tests in the VM and on MICROPYTHON=path, then what runs on the whole virtual board
test-vm: setup
	@$(PYTEST) $(WAITING) $(sort $(dir $(wildcard tests/e2e/test_*.py tests/security/test_*.py))) \
	    $(wildcard tests/comms/test_*_vm.py) tests/vm

## A fixed slice of the fault campaign, and broken journals that it must find
test-sim: setup
	@$(PYTEST) tests/sim

## Shared tests on a real board                                            PORT=/dev/ttyUSB0
test-device: setup
	@$(PY) tests/vm/run_on_device.py '$(or $(PORT),$(error test-device: say PORT=/dev/...))'

## Style, imports and types
lint: setup
	@$(PY) -m ruff check --quiet
	@$(PY) -m ruff format --quiet --check || { echo "lint: run make format"; exit 1; }
	@$(PY) -m mypy
	@$(PY) -m mypy --config-file mypy-firmware.ini

## Format all Python, fix what can be fixed by itself
format: setup
	@$(PY) -m ruff check --quiet --fix-only
	@$(PY) -m ruff format

## Heap, ticks, envelopes, P1, SPI, wear, bills, head-end: against limits or a peer
bench: setup $(ENGINES)
	@for bench in heap tick security p1 spi storage billing headend headend_reconnect \
	    forecast planner anomalies; do \
	    $(PY) tests/bench/$$bench.py || exit 1; done

## A month of a fleet by DuckDB and Spark: same integers, against reading alone   METERS=20000
bench-fleet: setup $(ENGINES)
	@$(PY) tests/bench/fleet.py --meters $(or $(METERS),20000)

## The whole fault campaign on all cores, then simulated years             SEED=1 YEARS=10
sim: setup
	@$(PY) -m tests.sim

## Over 200,000 odd inputs to a sealed meter, and in the VM; INPUTS: percent     SEED=1 INPUTS=100
fuzz: setup $(GUIDE)
	@$(PY) -m tests.fuzz

## The wheel of the host tool, with the firmware inside, into dist/
wheel: setup
	@$(PY) -m pip wheel -qq --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

## Remove what the other targets made, .venv too
clean:
	rm -rf .venv node_modules typings build dist .pytest_cache .mypy_cache .ruff_cache
