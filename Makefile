# One verb per wish. Every verb sets up what it needs.
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
LOCKING := --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate \
  --custom-compile-command 'make lock'

# Tests start many processes: none need compile the others' work again.
unexport PYTHONDONTWRITEBYTECODE

TESTS := $(PY) -m pytest -n auto --dist worksteal -q
PURE := tests/unit/planners tests/unit/renderers tests/unit/plugins tests/unit/documents \
  tests/unit/wording tests/unit/commandlog tests/unit/chatops

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast coverage check fix docs bench lock clean

help: ## list the verbs
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 11

$(READY): requirements-dev.lock pyproject.toml tests/tools/kubectl-and-helm.txt
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(PY) -m tests.tools.install_programs
	touch $(READY)

demo: $(READY) ## the whole loop on this machine (ARGS=--auto plays the people too)
	$(VENV)/bin/switchyard demo $(ARGS)

test: $(READY) ## all tests; installs Chromium for those in a browser where it may
	@sh tests/browser/install-chromium
	$(TESTS) $(ARGS)

test-fast: $(READY) ## the tests of the pure part: no process, socket, database or browser
	$(TESTS) $(PURE) $(ARGS)

coverage: $(READY) ## all tests, with branch coverage (takes half an hour)
	@sh tests/browser/install-chromium
	$(TESTS) --cov --cov-report=term:skip-covered $(ARGS)

check: $(READY) ## lint, types, architecture, then all tests
	@sh tests/browser/install-chromium
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(TESTS) $(ARGS)

fix: $(READY) ## format, and mend what the linter can
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

docs: $(READY) ## write the reference pages and schemas anew
	COLUMNS=80 $(PY) -m docs.generate

bench: $(READY) ## measure, as ratios
	$(PY) -m bench

lock: ## resolve requirements.lock and requirements-dev.lock anew (needs uv)
	uv pip compile pyproject.toml $(LOCKING) -o requirements.lock
	uv pip compile pyproject.toml --group dev -c requirements.lock $(LOCKING) -o requirements-dev.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
