# Every target sets up what it needs from nothing but Python 3.11 or newer and make. `make help` lists them.
PYTHON ?= python3.11
BIN := .venv/bin
UV := uv==0.13.9

# Where the environment forbids bytecode, each of the processes that tests start would compile the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test again coverage lint lint-quick fmt generate editor site bless e2e policies cluster sandbox bench \
	faults soak fuzz mutants lock clean version-check image image-push chart-push

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready ## inject the Bookinfo sample through the real HTTPS webhook
	@$(BIN)/injector demo

# Tests wait for one another's processes a third of their time: three workers keep two cores busy. Work is stolen from
# the end of another's list, so that tests of a module stay together and share what they set up. Types take as long as
# all else that lints and are checked meanwhile; what mypy says comes last.
test: .venv/ready lint-quick ## lint, types, import contracts and all tests that need no cluster
	@mkdir -p build; $(BIN)/mypy >build/mypy.log 2>&1 & typing=$$!; \
	$(BIN)/pytest -n 3 --dist worksteal -m "not e2e and not slow and not cluster"; tested=$$?; \
	wait $$typing; typed=$$?; cat build/mypy.log; exit $$((tested | typed))

again: .venv/ready lint ## the tests that failed last, up to five of them, once more and one after the other
	@test "$$(grep -c ': true' .pytest_cache/v/cache/lastfailed)" -le 5
	$(BIN)/pytest --last-failed --last-failed-no-failures none -v

coverage: .venv/ready ## the same tests with their coverage, held against the floors
	$(BIN)/pytest -n 2 --dist worksteal -m "not e2e and not slow and not cluster" --cov --cov-report=
	$(BIN)/python -m tools.coverage_floors

lint: lint-quick ## rules, format, import contracts and types
	$(BIN)/mypy

lint-quick: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

fmt: .venv/ready ## format the code and mend what can be mended without thought
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

generate: .venv/ready ## write anew what is made from tables: pages of docs/, the JSON Schema, files of the chart
	$(BIN)/python -m tools.pod_types
	$(BIN)/python -m tools.generate

editor: ## bundle anew the editor of the preview page, as tools/editor/package-lock.json pins it; needs Node.js
	npm --prefix tools/editor ci --silent
	npm --prefix tools/editor run --silent build

site: .venv-site/ready ## the documentation as a site with search, below build/site/html
	.venv-site/bin/python -m tools.site

bless: .venv/ready ## write anew the results of tests/conformance; read the difference before you commit it
	$(BIN)/python -m tests.conformance.bless

e2e: .venv/ready ## against a real API server, found through KUBEBUILDER_ASSETS
	$(BIN)/pytest -m "e2e and not slow"

policies: .venv/ready ## the gallery's policies on a real API server, 500 pods each; KUBEBUILDER_ASSETS as for e2e
	$(BIN)/pytest -m "e2e and slow" tests/e2e/test_policies.py

cluster: .venv/ready ## against a whole cluster whose nodes run pods
	$(BIN)/pytest -m cluster

sandbox: .venv/ready ## pods in network namespaces, as root: the protocol matrix 30 times, and what a sidecar costs
	SANDBOX_REPETITIONS=30 $(BIN)/pytest tests/sandbox
	$(BIN)/python -m tests.sandbox.latency

bench: .venv/ready ## cost per injection and per request, beside the floor; CONFIG_MAPS=FILE adds an installation's
	$(BIN)/python -m tests.bench $(CONFIG_MAPS:%=--config-maps %)

faults: .venv/ready ## the drills that take longer than `make test` should
	$(BIN)/pytest -m slow tests/faults

soak: .venv/ready ## ten minutes at 1,000 reviews a second
	$(BIN)/python -m tests.soak

FUZZ_EXAMPLES ?= 25000
fuzz: .venv/ready ## mutated reviews, files, templates and configurations, and every property in full
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest -n 2 tests/fuzz
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest -n 2 -m hypothesis --ignore=tests/fuzz

MUTANTS ?= 300
mutants: .venv/ready ## how many of MUTANTS random changes of the core no test notices; about an hour
	nice -n 19 $(BIN)/python -m tools.mutants --count $(MUTANTS)

COMPILE_GROUP = .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
COMPILE = $(COMPILE_GROUP) pyproject.toml
lock: ## pin anew what pyproject.toml asks for; LOCK=--upgrade takes newer versions
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check $(UV)
	$(COMPILE) $(LOCK) --extra build --extra test --output-file requirements-test.lock
	$(COMPILE) $(LOCK) --extra build --constraint requirements-test.lock --output-file requirements.lock
	$(COMPILE_GROUP) $(LOCK) --group site --output-file requirements-site.lock

VERSION ?= $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' injector/__init__.py)
IMAGE ?= sidecar-injector
version-check: ## whether program and chart have the version VERSION
	grep -qx '__version__ = "$(VERSION)"' injector/__init__.py
	grep -qx 'version: $(VERSION)' charts/injector/Chart.yaml
	grep -qx 'appVersion: $(VERSION)' charts/injector/Chart.yaml

image: ## the container image IMAGE:VERSION
	docker build --tag $(IMAGE):$(VERSION) --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) .

image-push: ## the image for amd64 and arm64, pushed
	docker buildx build --platform linux/amd64,linux/arm64 --push --provenance=true --sbom=true \
		--tag $(IMAGE):$(VERSION) --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) .

chart-push: ## the chart, pushed to CHARTS
	helm package charts/injector --destination dist
	helm push dist/injector-$(VERSION).tgz $(CHARTS)

clean: ## remove the environments and what was built
	rm -rf .venv .venv-lock .venv-site build

.venv-site/ready: requirements-site.lock
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-site.lock
	touch $@

# requirements.lock is what runs, with what builds the wheel; requirements-test.lock has the tools of the tests as well.
.venv/ready: requirements.lock requirements-test.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
