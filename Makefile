# `make help` lists the targets. Everything happens in .venv and .demo; nothing else is touched.

PYTHON ?= python3
N ?= 2000
DATE ?=
MAIL ?=
SEEDS ?= 1,2,3
ARGS ?=
MINUTES ?= 30
WORKERS ?= 4
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
# Tasks, simulators and test workers are many short processes: each finds the package compiled.
unexport PYTHONDONTWRITEBYTECODE

# All packages come as wheels whose hashes stand in requirements/; nothing is built from source but this package itself.
# Of 250 packages much is never imported: a module is compiled when it first is. pip takes one core, so two of it take every
# second package each; the lists are complete, so that nothing has to be resolved.
HASHED = --require-hashes --only-binary :all: --no-deps --requirement
ifdef UV
VENV = uv venv --quiet --allow-existing --python $(PYTHON) .venv
PIP = uv pip install --quiet --python $(BIN)/python
LOCKED = $(PIP) $(HASHED) $(1)
else
VENV = $(PYTHON) -m venv .venv
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
LOCKED = awk '/^[^ ]/ { n++ } { print > (".venv/half" n % 2) }' $(1); \
	$(PIP) $(HASHED) .venv/half0 & $(PIP) $(HASHED) .venv/half1; half1=$$?; wait $$! && exit $$half1
endif
ITSELF = --no-deps --no-build-isolation --editable .

.PHONY: help demo test test-fast cluster-test matrix check types lint laws compose licences audit docs map format chaos fuzz bench scan-train scan-eval constraints hashes clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0
CORE = tests/core tests/job
FAST = $(addprefix tests/,core gateway hooks job operators sinks sources/charset sources/files sources/rows sources/tables store stages/plan stages/settle) \
	--ignore=tests/operators/test_endless.py

demo: .venv/.demo ## run a night of mail through the nightly DAG, on the simulator (N=2000 DATE=YYYY-MM-DD MAIL=path)
	@$(BIN)/python -m airflow_provider_claude.demo --mails $(N) $(if $(DATE),--date $(DATE)) $(if $(MAIL),--mail $(MAIL))

test: .venv/.dev ## run all tests, a file at a time in each of several processes (WORKERS=4); those of core are measured by branch
	$(PYTEST) --cov --cov-report= $(CORE)
	$(PYTEST) $(addprefix --ignore=,$(CORE))

test-fast: .venv/.dev ## run the tests of what is decided, read and stored, for daily work
	$(PYTEST) $(FAST)

cluster-test: .venv/.dev ## a night on two Celery workers, PostgreSQL, Redis and an S3 store, of which each fails once; part of `test`
	$(BIN)/python -m pytest -q tests/cluster

matrix: ## the demo, the DAG tests and the import laws on each Airflow and Python of the package (needs uv; MATRIX="3.13/3.2")
	.ci/matrix

check: types lint laws docs compose licences audit ## types, lint, import contracts, docs, compose file, licences, vulnerabilities (make -j)

types: .venv/.dev
	$(BIN)/mypy

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

laws: .venv/.dev
	$(BIN)/lint-imports

compose: .venv/.dev
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml

licences: .venv/.dev
	$(BIN)/pip-licenses --output-file .venv/licences.txt

audit: .venv/.dev
	$(BIN)/python .ci/audit.py

docs: .venv/.dev ## build the documentation into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build/html

map: .venv/.dev ## print the tree of the package; ARGS="--under stages --draw FILE" draws its imports (--revision REV)
	@$(BIN)/python -m docs.map $(ARGS)

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

LOCK = uv pip compile --quiet --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	--constraint requirements/limits.in
DEV = pyproject.toml requirements/build.in --universal --python-version 3.11

constraints: ## pin the newest set that fits pyproject.toml, and its hashes (needs uv)
	$(LOCK) $(DEV) --all-extras --upgrade --output-file constraints.txt
	$(MAKE) hashes

hashes: ## write requirements/*.txt anew from constraints.txt (needs uv)
	$(LOCK) $(DEV) --extra simulator --extra consistency --constraint constraints.txt --generate-hashes --output-file requirements/demo.txt
	$(LOCK) $(DEV) --all-extras --constraint constraints.txt --generate-hashes --output-file requirements/dev.txt
	$(LOCK) requirements/image.in requirements/build.in --python-version 3.12 --python-platform linux \
		--constraint constraints.txt --no-emit-package airflow-provider-claude --generate-hashes --output-file requirements/image.txt

clean: ## remove what the targets made
	rm -rf .venv .demo .bench

.venv/.demo: pyproject.toml requirements/demo.txt
	@echo "Installing into .venv (once) ..."
	@$(VENV)
	@$(call LOCKED,requirements/demo.txt)
	@$(PIP) $(ITSELF)
	@touch $@

.venv/.dev: pyproject.toml requirements/dev.txt
	@echo "Installing into .venv (once) ..."
	@$(VENV)
	@$(call LOCKED,requirements/dev.txt)
	@$(PIP) $(ITSELF)
	@touch $@ .venv/.demo
