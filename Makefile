# The two commands: `make demo` and `make test`. Each sets up what it needs by itself, in .venv, from locked versions.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find router carriers actors sims -type f \( -name '*.py' -o -name '*.c' -o -name '*.lua' -o -name '*.toml' \))

.PHONY: help setup demo up down test chaos interop lint bench bench-brain readme format lock sbom clean

help:
	@echo "make demo   set up, start everything, send traffic, break a carrier, sum up (two to three minutes)"
	@echo "make test   set up, check style and types, run all tests"
	@echo "make up     start the demo's system and leave it running; make down stops it"
	@echo "make chaos  break a real system under load for ten minutes, and ten thousand simulated ones, and prove that nothing is lost"
	@echo "make interop  the tests against software that is not ours, with Debian's too (fetched, not installed)"
	@echo "make sbom   write sbom.json, a bill of materials of the lock file (CycloneDX)"
	@echo "make bench  measure, and hold it against what is asked (some twenty minutes; trunkline bench --help for parts of it)"
	@echo "make bench-brain  hold the brain in the twin against what is asked of it (three quarters of an hour)"

setup: $(VENV)/.installed

$(VENV)/.dependencies: requirements.lock .ci/bootstrap.py
	$(PYTHON) .ci/bootstrap.py $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# A wheel, as on any node of a cluster: Ray's workers import what is installed, not what lies in a folder.
$(VENV)/.installed: $(VENV)/.dependencies pyproject.toml README.md LICENSE $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall .
	@touch $@

demo: setup
	$(BIN)/trunkline demo

up: setup
	$(BIN)/trunkline stay

down: setup
	$(BIN)/trunkline down

test: setup lint
	$(BIN)/python -m pytest tests --numprocesses 2

chaos: setup
	$(BIN)/trunkline sim swarm --seeds 10000
	$(BIN)/trunkline chaos --json chaos.json

# Each guard taken out of the journal's scripts, one at a time: which test notices.
mutants: setup
	$(BIN)/python -m tests.mutation --record

# Perl's Net::SMPP and tshark are unpacked into .trunkline/interop, and from then on `make test` uses them too.
interop: setup
	$(PYTHON) .ci/interop.py .trunkline/interop
	$(BIN)/python -m pytest tests/interop

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python .ci/readme.py --check

bench: setup
	$(BIN)/trunkline bench --duration 30

bench-brain: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.targets
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.brain

readme: setup
	$(BIN)/python .ci/readme.py

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# ADVISORIES=FILE or a folder: hold the lock file against advisories in the OSV format, too.
sbom: setup
	$(BIN)/trunkline sbom --out sbom.json $(if $(ADVISORIES),--advisories $(ADVISORIES))

# Needs uv. No index and no host gets into the file. The extras are in it so that their tests run.
lock:
	uv pip compile pyproject.toml --extra dev --extra parquet --extra plots --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --output-file requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
