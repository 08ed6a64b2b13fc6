# Every target sets up what it needs from nothing but Python 3.11 and make.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo test lint bench e2e faults soak fuzz clean

demo: .venv/ready ## inject the Bookinfo sample through the real HTTPS webhook
	@$(BIN)/injector demo

test: .venv/ready lint ## lint, types, import contracts and all tests that need no cluster
	$(BIN)/pytest -n 2 -m "not e2e and not slow"

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

e2e: .venv/ready ## against a real API server, found through KUBEBUILDER_ASSETS
	$(BIN)/pytest -m e2e

bench: .venv/ready ## cost per injection and per request, beside the floor
	$(BIN)/python -m tests.bench

faults: .venv/ready ## the drills that take longer than `make test` should
	$(BIN)/pytest -m slow tests/faults

soak: .venv/ready ## ten minutes at 1,000 reviews a second
	$(BIN)/python -m tests.soak

FUZZ_EXAMPLES ?= 25000
fuzz: .venv/ready ## mutated reviews, files, templates and configurations; about ten minutes
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest -n 2 tests/fuzz

clean:
	rm -rf .venv

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
