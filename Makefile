# Cronwright's commands. `make` alone lists them. Everything they need they install or build themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
CLUSTER_TOOL := $(PYTHON) dev/cluster
IN_CLUSTER := environment="$$($(CLUSTER_TOOL) env)"; eval "$$environment"
PYTEST := $(BIN)/pytest

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The virtual environment, made anew when the lock changes.
.venv/ready: requirements/dev.txt requirements/build.txt pyproject.toml dev/venv
	@dev/venv

.PHONY: up
up: ## a cluster where none is given, the images, the chart
	@$(CLUSTER_TOOL) up
	@$(CLUSTER_TOOL) images
	@$(CLUSTER_TOOL) install

.PHONY: demo
demo: .venv/ready up ## the example tasks, and the timeline as their runs arrive
	@$(IN_CLUSTER); $(BIN)/python dev/demo

.PHONY: test
test: .venv/ready ## every test but the slow ones
	@echo "unit tests"
	@$(PYTEST) tests/unit
	@echo "fire times against robfig/cron"
	@$(PYTEST) tests/oracle
	@$(MAKE) --no-print-directory up
	@echo "tests on the cluster"
	@$(IN_CLUSTER); $(PYTEST) tests/integration tests/e2e -m "not slow"

.PHONY: test-slow
test-slow: .venv/ready up ## long outages, many faults, full-size figures
	@CRONWRIGHT_ORACLE_SEED=random CRONWRIGHT_ORACLE_CASES=16000 $(PYTEST) -s tests/oracle
	@CRONWRIGHT_EXAMPLES=300 $(PYTEST) tests/unit/run/test_a_day_of_windows.py
	@$(IN_CLUSTER); $(PYTEST) tests/integration tests/e2e -m slow

.PHONY: check
check: .venv/ready ## lint, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@for folder in dev/demo benchmarks; do MYPYPATH=$$folder $(BIN)/mypy $$folder; done
	@$(BIN)/lint-imports --no-logo

.PHONY: format
format: .venv/ready ## write the code as ruff wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: bench
bench: .venv/ready up ## measure at full size, and write docs/performance.md; BENCH=--help says what else
	@$(IN_CLUSTER); $(BIN)/python benchmarks $(or $(BENCH),--write)

.PHONY: env
env: ## print what points tools at the cluster: eval "$(make -s env)"
	@$(CLUSTER_TOOL) env

.PHONY: lock
lock: .venv/ready ## write the hashed requirement files anew
	@PATH=$(CURDIR)/$(BIN):$$PATH requirements/lock

.PHONY: down
down: ## end the cluster; binaries and images stay cached
	@$(CLUSTER_TOOL) down
