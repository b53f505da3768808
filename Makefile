# Every chore as one target. `make help` lists them; `make check` is the whole gate.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
DATA ?= .nexus
SCALE ?= 0.001

.DEFAULT_GOAL := help

.PHONY: help demo test check lint types contracts web screenshots documents schema released migration bench torture lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nexus needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

SITE := src/nexus/stationclient/site/.built
WEB := $(shell find web/src web/public -type f) web/index.html web/vite.config.ts web/package-lock.json

$(SITE): $(WEB) | $(BIN)/python
	@test "$(NEXUS_SKIP_WEB)" = 1 || $(BIN)/python web/build.py > /dev/null || echo "The station client is not built; the API works without it."

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements-dev.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

demo: $(VENV)/.run $(SITE) ## start everything with a made-up world: make demo PORT=8000 DATA=.nexus
	@exec $(BIN)/nexus demo --port $(PORT) --data-dir $(DATA) --scale $(SCALE)

test: $(VENV)/.dev ## run the tests
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not measured"
	$(BIN)/pytest -m measured

check: lint types contracts schema test ## the whole gate

lint: $(VENV)/.dev ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

contracts: $(VENV)/.dev ## who may import whom
	$(BIN)/lint-imports

web: $(SITE) ## build the station client

screenshots: $(VENV)/.dev ## a picture of every screen of the station client, into .screenshots/
	@mkdir -p .screenshots
	NEXUS_SCREENSHOTS=.screenshots $(BIN)/pytest tests/web/test_screens.py

documents: $(BIN)/python ## type the client's documents anew, after a change of them or the schema
	$(BIN)/python web/build.py documents

schema: $(VENV)/.dev ## the committed SDL is the exported one
	@$(BIN)/nexus schema | diff -u schema/nexus.graphql - || { echo "Run: nexus schema > schema/nexus.graphql"; exit 1; }

released: ## after a release: its schema is what the next one must not break
	cp schema/nexus.graphql schema/released.graphql

torture: $(VENV)/.dev ## the long tests: faults, many steps, many queries
	$(BIN)/pytest --torture

bench: $(VENV)/.dev ## CPU per request against the peers and the limit of the same SQL
	$(BIN)/python -m bench

lock: $(VENV)/.dev ## renew the locks after a change of dependencies
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --group dev pyproject.toml -o requirements-dev.lock

clean: ## forget the environment and the demo's data
	rm -rf $(VENV) $(DATA)
