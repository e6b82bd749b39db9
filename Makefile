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

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install -q -e '.[docs]'
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

# The site: pages of docs/, the API from the docstrings, the notebooks executed; nothing of it is in git.
PAGES := build/docs/pages
docs: $(VENV)/.installed-docs $(PAGES)/gallery/.done
	rm -rf $(PAGES)/api $(PAGES)/*.md build/docs/html
	cp docs/*.md docs/*.png $(PAGES)
	$(BIN)/python -m sphinx -q -W --keep-going -c docs $(PAGES) build/docs/html

$(PAGES)/gallery/.done: $(VENV)/.installed $(wildcard notebooks/*.ipynb) $(shell find lthkit -name '*.py')
	rm -rf build/docs/run $(@D)
	mkdir -p build/docs/run
	cd build/docs/run && for notebook in $(CURDIR)/notebooks/*.ipynb; do \
	    $(CURDIR)/$(BIN)/lthkit run $$notebook --out ../pages/gallery || exit 1; done
	touch $@

bench: $(VENV)/.installed
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build .pytest_cache .hypothesis .mypy_cache .ruff_cache
