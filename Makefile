# Everything goes into .venv; Python 3.11+ with venv and make are all that a machine needs.

# The first of these that is 3.11 or newer makes the venv: `make install PYTHON=/path/to/python` to choose.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11 python
ARGS ?=

VENV := .venv
DBT_VENV := .venv-dbt
# Clients that the tests run, each in a venv of its own.
CLIENTS := aws botocore
JS := tests/js
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALLED := $(VENV)/.installed
DBT_INSTALLED := $(DBT_VENV)/.installed
SOURCES = $(wildcard src tests benchmarks scripts)
TYPED = $(wildcard src tests benchmarks)
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header $(UPGRADE)

export UV_HTTP_TIMEOUT ?= 180
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo run test check lint types format bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile
	@echo "  Options: ARGS='...' for run, demo, test and bench; PYTHON=... for install."

install: $(INSTALLED) ## Set everything up in .venv; does nothing when nothing changed
	@:

# uv comes from the lock too, by hash; then uv does the rest ten times faster than pip would.
$(INSTALLED): requirements-dev.lock requirements.lock pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  for python in $(PYTHON); do \
	    "$$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    python=; \
	  done; \
	  test -n "$$python" || { \
	    echo "Headwater needs Python 3.11 or newer with venv; none of these is: $(PYTHON)" >&2; exit 1; }; \
	  echo "Creating $(VENV) with $$python"; "$$python" -m venv --clear $(VENV); }
	@awk '/^[a-z]/ { ours = /^uv==/ } ours' requirements-dev.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/uv.lock
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Installed: $(BIN)/headwater"

# dbt has pins of its own; the tests find its command by HEADWATER_DBT_OL.
$(DBT_INSTALLED): requirements-dbt.lock $(INSTALLED)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(DBT_VENV)
	@$(UV) pip sync --quiet --python $(DBT_VENV)/bin/python --require-hashes requirements-dbt.lock
	@touch $@

# What .venv-aws, .venv-botocore and .venv-node hold is only for the tests.
.venv-%/.installed: requirements-%.lock $(INSTALLED)
	@$(UV) venv --quiet --clear --python $(BIN)/python .venv-$*
	@$(UV) pip sync --quiet --python .venv-$*/bin/python --require-hashes requirements-$*.lock
	@touch $@

# The AWS SDK for JavaScript, by the machine's Node or by one from a wheel.
$(JS)/node_modules/.installed: $(JS)/package-lock.json $(JS)/package.json $(INSTALLED)
	@if ! { npm --version && node -e 'process.exit(+process.versions.node.split(".")[0] < 20)'; } \
	  >/dev/null 2>&1; then \
	  $(MAKE) .venv-node/.installed; PATH="$(CURDIR)/.venv-node/bin:$$PATH"; fi; \
	cd $(JS) && npm ci --silent --no-audit --no-fund
	@touch $@

demo: install ## Start the server over bundled sample events and show an upstream tree
	@$(BIN)/headwater demo $(ARGS)

run: install ## Start the server on http://127.0.0.1:8080
	@$(BIN)/headwater serve $(ARGS)

test: install $(DBT_INSTALLED) $(CLIENTS:%=.venv-%/.installed) $(JS)/node_modules/.installed ## Run every test
	@HEADWATER_DBT_OL="$(CURDIR)/$(DBT_VENV)/bin/dbt-ol" $(BIN)/python -m pytest -n 2 $(ARGS)

check: lint types test ## Everything CI holds: format, lint, types, tests

lint: install ## Check format and lint rules
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)

types: install ## Check types, strictly
	@$(BIN)/mypy $(TYPED)

format: install ## Format the code and mend what ruff can mend
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

bench: install ## Run the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

lock: install ## Make the lock files again (UPGRADE=--upgrade for the newest versions)
	@$(COMPILE) pyproject.toml --output-file requirements.lock
	@$(COMPILE) pyproject.toml --group dev --output-file requirements-dev.lock
	@for group in dbt $(CLIENTS) node; do \
	  $(COMPILE) --group pyproject.toml:$$group --output-file requirements-$$group.lock || exit; done

clean: ## Remove the venvs, builds and caches
	rm -rf $(VENV) .venv-* $(JS)/node_modules build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
