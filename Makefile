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

# Every figure and table of both papers at the demo scale, as one page. Run again, it goes on; runs of older code are kept.
STUDIES := $(filter-out _%,$(basename $(notdir $(sort $(wildcard notebooks/studies/*.yaml)))))
ATLAS := runs/atlas/atlas.html
atlas: $(VENV)/.installed
	$(BIN)/lthkit batch $(STUDIES) --scale demo --out $(dir $(ATLAS)) --jobs $$(nproc)
	$(BIN)/lthkit report $(dir $(ATLAS)) --out $(ATLAS)

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
	cp $(ATLAS) build/docs/html/atlas.html

# The gallery is made from the atlas: its page, and one run of each notebook that it ran. The others are run here; curves need
# rounds, so the tour and the explorer are run at the demo scale.
OTHERS := 00_tour 05_mask_sensitivity 06_size_and_temperature 07_explore 10_study_report 11_why 12_cut_and_time
ARGUMENTS_00_tour := -p scale demo
ARGUMENTS_07_explore := -p scale demo
ARGUMENTS_10_study_report := -p folder $(abspath $(dir $(ATLAS)))
run = $(abspath $(BIN))/lthkit run $(abspath notebooks/$(notebook).ipynb) $(or $(ARGUMENTS_$(notebook)),-p scale smoke)
$(PAGES)/gallery/.done: $(wildcard notebooks/*.ipynb) $(shell find lthkit -name '*.py')
	$(MAKE) atlas
	rm -rf build/docs/run $(@D)
	mkdir -p build/docs/run $(@D)
	$(BIN)/python docs/gallery.py $(dir $(ATLAS)) $(@D)
	cd build/docs/run && $(foreach notebook,$(OTHERS),$(run) --out ../pages/gallery &&) true
	touch $@

bench: $(VENV)/.installed
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build .pytest_cache .hypothesis .mypy_cache .ruff_cache
