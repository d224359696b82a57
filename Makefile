# One verb per wish. Every verb sets up what it needs.
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
FUZZ_READY := $(VENV)/.fuzz-ready
AUDIT_VENV := .venv-audit
AUDIT_READY := $(AUDIT_VENV)/.ready
SITE_VENV := .venv-site
SITE_READY := $(SITE_VENV)/.ready
INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes -r
LOCKING := --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate \
  --custom-compile-command 'make lock'

# Tests start many processes: none need compile the others' work again.
unexport PYTHONDONTWRITEBYTECODE

TESTS := $(PY) -m pytest -n auto --dist worksteal -q
PURE := tests/unit/planners tests/unit/renderers tests/unit/plugins tests/unit/documents \
  tests/unit/wording tests/unit/commandlog tests/unit/chatops

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast coverage check fuzz simulate connectivity bursts mutations fix docs site acceptance derived-objects trials bench lock sbom audit public-apps clean

help: ## list the verbs
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 11

$(READY): requirements-dev.lock pyproject.toml tests/tools/kubectl-and-helm.txt
	@echo "Installing dependencies into $(VENV), once: a minute or a few."
	python3 -m venv $(VENV)
	$(PY) $(INSTALL) requirements-dev.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(PY) -m tests.tools.install_programs
	touch $(READY)

$(FUZZ_READY): $(READY) requirements-fuzz.lock
	$(PY) $(INSTALL) requirements-fuzz.lock || echo "Atheris has no wheel here: fuzzing without coverage guidance."
	touch $(FUZZ_READY)

$(AUDIT_READY): requirements-audit.lock
	python3 -m venv $(AUDIT_VENV)
	$(AUDIT_VENV)/bin/python $(INSTALL) requirements-audit.lock
	touch $(AUDIT_READY)

$(SITE_READY): requirements-site.lock
	python3 -m venv $(SITE_VENV)
	$(SITE_VENV)/bin/python $(INSTALL) requirements-site.lock
	touch $(SITE_READY)

demo: $(READY) ## the whole loop on this machine (ARGS=--auto plays the people too)
	$(VENV)/bin/switchyard demo $(ARGS)

test: $(READY) ## all tests; installs Chromium for those in a browser where it may
	@sh tests/browser/install-chromium
	$(TESTS) $(ARGS)

test-fast: $(READY) ## the tests of the pure part: no process, socket, database or browser
	$(TESTS) $(PURE) $(ARGS)

coverage: $(READY) ## all tests, with branch coverage
	@sh tests/browser/install-chromium
	$(TESTS) --cov --cov-report=term:skip-covered $(ARGS)

check: $(READY) ## lint, types, architecture, then all tests
	@sh tests/browser/install-chromium
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(TESTS) $(ARGS)

fuzz: $(FUZZ_READY) ## fuzz every parser: SECONDS for each or COUNT for all; ONLY="yaml_documents ..."
	$(PY) -m tests.fuzz $(if $(COUNT),--count $(COUNT)) $(if $(SECONDS),--seconds $(SECONDS)) $(ONLY)

simulate: $(READY) ## ten thousand simulated worlds with faults: WORLDS=n, FIRST=seed
	$(PY) -m tests.simulation $(if $(WORLDS),--worlds $(WORLDS)) $(if $(FIRST),--first $(FIRST))

connectivity: $(READY) ## 2,000 random fleets: every declared pair talks, nothing else (WORLDS=n, FIRST=seed)
	$(PY) -m tests.connectivity $(if $(WORLDS),--worlds $(WORLDS)) $(if $(FIRST),--first $(FIRST)) $(ARGS)

bursts: $(READY) ## ten thousand random series of signals that rules watch: SERIES=n, FIRST=seed
	$(PY) -m tests.properties.rules $(if $(SERIES),--series $(SERIES)) $(if $(FIRST),--first $(FIRST)) $(ARGS)

mutations: $(READY) ## known defects, one at a time, that random worlds must find (ARGS="--only lease")
	$(PY) -m tests.simulation.mutations $(ARGS)
	$(PY) -m tests.connectivity.mutations $(ARGS)
	$(PY) -m tests.properties.rules.mutations $(ARGS)

fix: $(READY) ## format, and mend what the linter can
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

docs: $(READY) ## write the reference pages and schemas anew
	COLUMNS=80 $(PY) -m docs.generate

site: $(SITE_READY) ## the documentation as a site, in build/site/index.html
	$(SITE_VENV)/bin/sphinx-build --quiet --fail-on-warning --keep-going -c docs/site . build/site
	@echo "build/site/index.html"

acceptance: $(READY) ## rollouts on real API servers with the real Flux; needs Go, builds them once (ARGS=--keep)
	$(PY) -m tests.acceptance $(ARGS)

derived-objects: $(READY) ## derived objects on a real API server; needs Go (DEFINITIONS="PROJECT=PATH ..." with CRDs)
	$(PY) -m tests.acceptance.derived_objects $(DEFINITIONS)

trials: $(READY) ## whole processes, killed and hindered for minutes (ONLY="replicas stopped", KILLS=200, ROLLOUTS=25, MINUTES=40)
	$(PY) -m tests.trials $(ONLY)

bench: $(READY) ## print the table of measures; ARGS=all: those that take minutes, too
	$(PY) -m bench $(ARGS)

sbom: $(AUDIT_READY) ## write sbom.cdx.json (CycloneDX) from requirements.lock
	$(AUDIT_VENV)/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file sbom.cdx.json requirements.lock

audit: $(AUDIT_READY) ## look for known vulnerabilities in the locked dependencies (needs the network)
	$(AUDIT_VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock
	$(AUDIT_VENV)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements-dev.lock

public-apps: $(READY) ## compare public applications with kubectl and helm; REPOSITORIES=DIR has the clones
	$(PY) -m tests.tools.compare_public_apps --repositories $(REPOSITORIES) $(ARGS)

lock: ## resolve every lock file anew (needs uv)
	uv pip compile pyproject.toml --extra telemetry $(LOCKING) -o requirements.lock
	uv pip compile pyproject.toml --group dev -c requirements.lock $(LOCKING) -o requirements-dev.lock
	uv pip compile --group pyproject.toml:fuzz $(LOCKING) -o requirements-fuzz.lock
	uv pip compile --group pyproject.toml:audit $(LOCKING) -o requirements-audit.lock
	uv pip compile --group pyproject.toml:site $(LOCKING) -o requirements-site.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) $(AUDIT_VENV) $(SITE_VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .fuzz
