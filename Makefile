# Everything a user of the course types. Each target installs what it needs into .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help train test test-browser lab lessons lint
help:
	@echo "make train         train ResNet18 on CIFAR-10 and write a report to runs/"
	@echo "make test          run every test against the reference, and the linters"
	@echo "make test-browser  look at check reports and nbgrader's pages in Chromium"
	@echo "make lab           open lesson 0 in JupyterLab"
	@echo "make lessons       rebuild the students' notebooks from solutions/"
	@echo "make lint          check style and types"

train: .venv/installed
	$(BIN)/course train

test: .venv/installed lint
	$(BIN)/pytest --solutions --numprocesses 2 --dist loadfile

test-browser: .venv/installed
	$(BIN)/pip install --disable-pip-version-check --quiet --editable '.[browser]'
	$(BIN)/pytest tests/browser

lab: .venv/installed
	$(BIN)/jupyter lab --ServerApp.root_dir=lessons lessons/lesson_00/start_here.ipynb

lessons: .venv/installed
	$(BIN)/course build

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "The course needs Python 3.11 to 3.13; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --editable '.[dev]'
	@touch $@
