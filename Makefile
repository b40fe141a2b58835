# make report   simulate LLP, train the paper's ten runs on it and probe them, write reports/demo/index.html
# make test     the tests, two at once; make test-all: the slow ones too; make lint: ruff, mypy and import-linter
# make docs     the site, docs/_build/html/index.html
# make dist     an sdist and a wheel in dist/; make test-dist: the wheel in an empty environment, with every extra
# make bench    how fast mbias is beside today's practice and beside what the machine allows
# Everything sets itself up in .venv first; it needs Python 3.11 or later and nothing else.

PYTHON ?= python3
BIN := .venv/bin
# Threads wait for each other awake only for a moment: beside another process, steps else take ten times longer.
export GOMP_SPINCOUNT ?= 1000
SHELL := /bin/bash -o pipefail
TESTING := hypothesis pytest SALib statsmodels
CORE := tests/analysis tests/records tests/scores tests/stats tests/tables tests/plots
INSTALL := $(BIN)/pip install --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: report test test-all test-dist test-min lint docs dist bench clean

report: .venv/core
	$(BIN)/mbias demo .

test: .venv/installed
	$(BIN)/pytest -q --numprocesses 2 --dist worksteal

test-all: .venv/installed
	$(BIN)/pytest -q --numprocesses 2 --dist worksteal -m "not dist"

test-dist: .venv/installed
	$(BIN)/pytest -q -m dist

# The core, without PyTorch, with the lowest supported versions of what it needs and with the newest ones.
test-min:
	rm -rf .venv-lowest .venv-newest
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet --constraint constraints-lowest.txt . $(TESTING)
	.venv-lowest/bin/python -m pytest -q $(CORE)
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/pip install --quiet . $(TESTING)
	.venv-newest/bin/python -m pytest -q $(CORE)

docs: .venv/installed
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs docs/_build/html

dist: .venv/installed
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

bench: .venv/installed
	$(BIN)/python -m benchmarks

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What a report needs; what tests need takes twice as long to install.
.venv/core: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) '.[train,notebooks]'
	touch $@

.venv/installed: .venv/core
	$(INSTALL) '.[train,notebooks,import,cluster,remote,dev]'
	touch $@

clean:
	rm -rf .venv build data/demo models/demo
