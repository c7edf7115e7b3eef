# `make setup` needs Python 3.11 or 3.12 and nothing else; `make test` adds what tests need, by itself.
SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
LOCK := $(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock'
PYTHONS := $(PYTHON) python3.12 python3.11 python3 python $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python $(HOME)/.pyenv/versions/3.11.*/bin/python)
KERNEL_SOURCES := $(shell find operators schemas sinks sources trademaster -name '*.py' 2>/dev/null)
TEST_WORKERS ?= 2
TESTS ?= tests

.PHONY: help setup setup-dev demo test lint bench lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

setup: $(VENV)/kernels.stamp ## make .venv from the lock, install the project, compile the kernels

setup-dev: setup $(VENV)/dev.stamp ## add what tests and linters need

demo: setup ## replay a real session into a live view in the terminal
	@$(BIN)/trademaster demo

# Two workers for two cores; tests that use Kafka share one of them, the broker itself takes the rest.
test: setup-dev ## run all tests; says at the end what was left out and how to get it
	$(BIN)/python -m pytest -q -n $(TEST_WORKERS) --dist loadgroup $(TESTS)

lint: setup-dev ## ruff and mypy --strict over everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict .

bench: setup-dev ## run the benchmarks
	@$(BIN)/python -m benchmarks

lock: setup-dev ## make the locks again (UPGRADE=--upgrade takes newer transitive versions)
	$(LOCK) --group build $(UPGRADE) -o requirements.lock
	$(LOCK) --group dev -c requirements.lock $(UPGRADE) -o requirements-dev.lock

clean: ## remove .venv and everything made; kept servers (~/.cache/trademaster) stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first of PYTHONS that is 3.11 or 3.12 and can make a virtual environment; a pyenv shim of an absent version cannot.
$(BIN)/python:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then \
	    echo "making $(VENV) with $$("$$python" --version)"; exec "$$python" -m venv $(VENV); \
	  fi; \
	done; \
	echo "TradeMaster needs Python 3.11 or 3.12 with its venv module; found neither." >&2; \
	echo "Debian and Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.12; anywhere: pyenv install 3.12" >&2; \
	echo "Or name one: make setup PYTHON=/path/to/python3.12" >&2; \
	exit 1

$(VENV)/runtime.stamp: requirements.lock pyproject.toml trademaster/__init__.py | $(BIN)/python
	@echo "installing what requirements.lock names"
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@touch $@

$(VENV)/kernels.stamp: $(VENV)/runtime.stamp $(KERNEL_SOURCES)
	@if [ -e trademaster/kernels.py ]; then $(BIN)/python -m trademaster.kernels; fi
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/runtime.stamp
	@echo "installing what requirements-dev.lock names"
	@$(PIP) install --require-hashes --only-binary :all: -r requirements-dev.lock
	@touch $@
