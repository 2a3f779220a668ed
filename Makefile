# `make` alone lists the commands. Everything is built in release mode, so that what raskt
# depends on is compiled once; CARGO_TARGET_DIR moves the build folder as usual.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
PEER ?= ../shared/tools/peer/peer_suite.py

BIN := $(abspath $(VENV))/bin
PY := $(BIN)/python
INSTALLED := $(VENV)/.installed
BUILT := $(VENV)/.built
# The native module is built by maturin, with a feature of PyO3 that programs must not have:
# it stays out of what cargo builds for the tests.
CRATES := --workspace --exclude raskt-py
EXTENSION := -p raskt-py --features pyo3/extension-module
# maturin describes the interpreter to PyO3 in this file. With another description PyO3 would
# be compiled anew, and again for the next build.
PYO3_CONFIG = $(addprefix PYO3_CONFIG_FILE=,$(firstword $(abspath \
    $(wildcard $(or $(CARGO_TARGET_DIR),target)/maturin/pyo3-config-*-abi3.txt))))
# The same concurrent code on the primitives of a model checker, which tries interleavings.
MODELS := -p raskt-exec --features shuttle --test models
# The folders are listed for what is deleted or renamed.
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find crates -path '*/src*' -o -name Cargo.toml)

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

setup: $(BUILT) ## Make a virtual environment and build the package into it

# The group of test dependencies is the whole of what a developer needs.
$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "raskt needs Python 3.11 or later, not " + sys.version.split()[0] + \
	    ": set PYTHON=python3.x")'
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade 'pip>=25.1'
	$(PY) -m pip install --quiet --group test
	touch $@

$(BUILT): $(INSTALLED) $(RUST_SOURCES)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --quiet
	touch $@

build: setup ## Build a wheel for distribution into dist/
	$(BIN)/maturin build --release --out dist

demo: setup ## Count words and gather tables of real files, with a picture of the graph
	$(BIN)/raskt demo

test: lint test-rust test-python ## Run every check and every test

lint: setup ## Check formatting, lints and types
	cargo fmt --all --check
	cargo clippy --release $(CRATES) --all-targets -- -D warnings
	cargo clippy --release $(MODELS) -- -D warnings
	$(PYO3_CONFIG) cargo clippy --release $(EXTENSION) -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(PY) -m mypy.stubtest raskt._native

test-rust: ## Run the tests of the crates
	if cargo nextest --version >/dev/null 2>&1; then \
	    cargo nextest run --release $(CRATES); \
	    cargo nextest run --release $(MODELS); \
	else \
	    cargo test --release $(CRATES) --tests; \
	    cargo test --release $(MODELS); \
	fi
	cargo test --release $(CRATES) --doc

test-python: setup ## Run the tests of the package and the examples in its documentation
	$(PY) -m pytest

bench: setup ## Measure raskt and Dask in one run
	cargo bench -p raskt
	for file in benches/[!_]*.py; do $(PY) $$file; done

sim: ## Simulate clusters with faults: SEED=1 RUNS=10000
	cargo run --release -q -p raskt-testkit --example sim -- $(or $(SEED),1) $(or $(RUNS),10000)

peer: setup ## Run Dask's own tests against raskt, where the tool for it is there
	@if test -f $(PEER); then \
	    $(PY) -m pip install --quiet --group peer && \
	    $(PY) $(PEER) --impl raskt --python $(PY) --suite core --failures; \
	else \
	    echo "$(PEER) is not there: set PEER to the path of peer_suite.py"; \
	fi

dask-scheduler: setup ## Run Dask's array, dataframe and bag tests with raskt as its scheduler
	$(PY) scripts/dask_on_raskt.py

clean: ## Remove everything that the other commands made
	cargo clean
	rm -rf $(VENV) dist out .pytest_cache .ruff_cache .mypy_cache python/raskt/_native*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup build demo test lint test-rust test-python bench sim peer dask-scheduler clean
