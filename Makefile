# `make help` lists the targets. Everything happens in .venv and .demo; nothing else is touched.

PYTHON ?= python3
N ?= 2000
DATE ?=
MAIL ?=
SEEDS ?= 1,2,3
ARGS ?=
MINUTES ?= 30
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)

ifdef UV
VENV = uv venv --quiet --allow-existing --python $(PYTHON) .venv
INSTALL = uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable
else
VENV = $(PYTHON) -m venv .venv
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
endif

.PHONY: help demo test check format chaos fuzz bench scan-train scan-eval constraints clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/.demo ## run a night of mail through the nightly DAG, on the simulator (N=2000 DATE=YYYY-MM-DD MAIL=path)
	@$(BIN)/python -m airflow_provider_claude.demo --mails $(N) $(if $(DATE),--date $(DATE)) $(if $(MAIL),--mail $(MAIL))

test: .venv/.dev ## run all tests
	$(BIN)/python -m pytest

check: .venv/.dev ## lint, types, import contracts, compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml

format: .venv/.dev ## put the code in its form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

chaos: .venv/.dev ## kill, race and starve the night run at every point (SEEDS=1,2,3)
	$(BIN)/python -m tests.chaos --seeds $(SEEDS) $(ARGS)

fuzz: .venv/.dev ## feed the readers and the cleaner what nobody would send (MINUTES=30)
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

bench: .venv/.dev ## measure submit and land beside the other operators (ROWS=100000)
	$(BIN)/python -m benchmarks.compare

scan-train: .venv/.dev ## train the classifier of injections anew (SHARED_DATA=path)
	$(BIN)/python -m benchmarks.gate.train

scan-eval: .venv/.dev ## what the gate catches, by source and layer (SHARED_DATA=path ARGS=--write puts it into the docs)
	$(BIN)/python -m benchmarks.gate.evaluate $(ARGS)

constraints: ## pin the newest set that fits pyproject.toml (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade --quiet \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file constraints.txt

clean: ## remove what the targets made
	rm -rf .venv .demo .bench

.venv/.demo: pyproject.toml constraints.txt
	@echo "Installing into .venv (once) ..."
	@$(VENV)
	@$(INSTALL) ".[simulator]"
	@touch $@

.venv/.dev: pyproject.toml constraints.txt
	@echo "Installing into .venv (once) ..."
	@$(VENV)
	@$(INSTALL) ".[simulator,test,check]"
	@touch $@ .venv/.demo
