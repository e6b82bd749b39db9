PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo lab test test-all check docs bench clean
.DELETE_ON_ERROR:

# Each stamp records one finished installation; pyproject.toml is the one list of dependencies.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lthkit needs Python 3.11 or newer; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install -q -e '.[test,check]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/lthkit run notebooks/00_tour.ipynb -p out runs/demo --out runs/demo

lab: $(VENV)/.installed
	$(BIN)/jupyter lab --notebook-dir=notebooks

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not slow"

test-all: $(VENV)/.installed-test
	$(BIN)/python -m pytest

check: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# needs nothing but Python: it reads the sources without importing them
docs:
	$(PYTHON) docs/make_api.py

bench: $(VENV)/.installed
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build .pytest_cache .hypothesis .mypy_cache .ruff_cache
