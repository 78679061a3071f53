# The two commands: `make demo` and `make test`. Each sets up what it needs by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find router carriers actors sims -type f \( -name '*.py' -o -name '*.lua' -o -name '*.toml' \) 2>/dev/null)
ENV := PYTHONWARNINGS=default RAY_DEDUP_LOGS=0

.PHONY: setup demo up down test bench lint format lock clean

setup: $(VENV)/.installed

$(VENV)/.dependencies: requirements.lock .ci/bootstrap.py
	$(PYTHON) .ci/bootstrap.py $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.dependencies pyproject.toml README.md LICENSE $(SOURCES)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --force-reinstall .
	@touch $@

