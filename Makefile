PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo atlas lab test test-all test-lowest test-newest-python check docs bench clean
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

# Every figure and table of both papers at the demo scale, as one page; run again, it goes on.
STUDIES := $(filter-out _%,$(basename $(notdir $(sort $(wildcard notebooks/studies/*.yaml)))))
atlas: $(VENV)/.installed
	$(BIN)/lthkit batch $(STUDIES) --scale demo --out runs/atlas --jobs $$(nproc)
	$(BIN)/lthkit report runs/atlas --out runs/atlas/atlas.html

lab: $(VENV)/.installed
	$(BIN)/jupyter lab --notebook-dir=notebooks

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not slow"

test-all: $(VENV)/.installed-test
	$(BIN)/python -m pytest

# The dependencies' lower bounds, and the newest Python: what needs neither browser nor build is run again. Each environment
# takes several GB, so it goes when its tests have passed.
AGAIN := -m "not slow" $(addprefix --ignore=tests/test_,$(addsuffix .py,browser bench docs packaging png_browser))

test-lowest:
	$(PYTHON) -m venv build/lowest
	$(PYTHON) .ci/lowest.py > build/lowest.txt
	build/lowest/bin/python -m pip install -q -e '.[test]' -c build/lowest.txt
	build/lowest/bin/python -m pytest $(AGAIN)
	rm -rf build/lowest

test-newest-python:
	$$(.ci/newest-python) -m venv build/newest
	build/newest/bin/python -m pip install -q -e '.[test]'
	build/newest/bin/python -m pytest $(AGAIN)
	rm -rf build/newest

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

# Curves need rounds, so these two are made at the demo scale; two others look at the masks that 03 finds.
NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
ARGUMENTS_00_tour := -p scale demo
ARGUMENTS_03_compare_masks := -p scale demo
ARGUMENTS_04_kernel_heatmaps := -p store runs/compare/seed-0/ticket.zarr
ARGUMENTS_07_explore := -p scale demo
run = $(abspath $(BIN))/lthkit run $(abspath $(notebook)) $(or $(ARGUMENTS_$(basename $(notdir $(notebook)))),-p scale smoke)
$(PAGES)/gallery/.done: $(VENV)/.installed $(NOTEBOOKS) $(shell find lthkit -name '*.py')
	rm -rf build/docs/run $(@D)
	mkdir -p build/docs/run
	cd build/docs/run && $(foreach notebook,$(NOTEBOOKS),$(run) --out ../pages/gallery &&) true
	touch $@

bench: $(VENV)/.installed
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build .pytest_cache .hypothesis .mypy_cache .ruff_cache
