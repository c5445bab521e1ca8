# What people run here.  `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH := .bench

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types tests test-sandbox test-slow cover golden bench bench-tracer bench-collect \
  bench-decode bench-model bench-scores bench-harnesses check-halting cpython-tests clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## trace a repository to parquet, evaluate the bundled model, show where it goes wrong
	@$(BIN)/python examples/demo.py

test: $(READY)  ## set up, then everything that CI runs
	@$(MAKE) --no-print-directory check

check: lint types tests  ## ruff, mypy --strict, pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# The battery by itself: it measures how far a polled limit is overshot, which depends on who else is at work.
tests: $(READY) test-sandbox
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder --ignore=tests/test_sandbox_battery.py

test-sandbox: $(READY)  ## the abuse battery alone: every attack at every level (`make tests` runs it too)
	$(BIN)/python -m pytest tests/test_sandbox_battery.py

test-slow: $(READY)  ## the tests that take more than a minute
	$(BIN)/python -m pytest -m slow

cover: $(READY)  ## line coverage of tracegen, children included
	$(BIN)/python -m benchmarks.coverage_everywhere

golden: $(READY)  ## write the golden traces anew, for every interpreter found
	$(BIN)/python -m tests.golden

bench: $(READY)  ## the measurements of docs/benchmarks.md
	$(BIN)/python -m benchmarks.cruxeval
	$(BIN)/python -m benchmarks.repositories

bench-tracer: $(BENCH)/.ready  ## the tracers of others and ours side by side, in an environment of their own
	$(BENCH)/bin/python -m benchmarks.tracer --plot docs/benchmarks-tracers.svg
	$(BENCH)/bin/python -m benchmarks.containers
	$(BENCH)/bin/python -m benchmarks.path

bench-collect: $(READY)  ## what the sandbox costs, what ten modules give, and a run that is killed thirty times
	$(BIN)/python -m benchmarks.collect
	$(BIN)/python -m benchmarks.chaos

bench-decode: $(READY)  ## our decoder and transformers' generate side by side
	$(BIN)/python -m benchmarks.decode
	$(BIN)/python -m benchmarks.half_precision

bench-model: $(READY)  ## what the bundled model knows: held-out and hand-written programs, CRUXEval
	$(BIN)/python -m benchmarks.bundled_model

bench-scores: $(READY)  ## CRUXEval's own scorer against its published verdicts, and the literal semantics beside it
	$(BIN)/python -m benchmarks.official_scores

bench-harnesses: $(READY)  ## an exported task in lm-eval and inspect_ai beside our own run (installs them, large)
	$(BIN)/python -m benchmarks.harnesses

check-halting: $(READY)  ## verify the certificate of every program of the halting suite
	$(BIN)/python -m evals.termination check

cpython-tests: $(READY)  ## CPython's own tests under the native tracer, on every interpreter found (hours)
	$(BIN)/python -m benchmarks.cpython_tests

clean:  ## remove what was built
	rm -rf $(VENV) $(BENCH) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage demo-data

# A Python without ensurepip (Debian's, without python3-venv) makes its environment with virtualenv.
$(READY): EXTRA := dev,model
$(BENCH)/.ready: EXTRA := bench
$(READY) $(BENCH)/.ready: pyproject.toml constraints.txt setup.py $(wildcard tracegen/payload/native/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "foretrace needs Python 3.10 or later; give one: make PYTHON=/path/to/python3.11 ..." >&2; exit 2; }
	@test -x $(@D)/bin/pip || $(PYTHON) -m venv $(@D) || \
	  { rm -rf $(@D) && $(PYTHON) -m pip install --quiet --target build/virtualenv virtualenv && \
	    PYTHONPATH=build/virtualenv $(PYTHON) -m virtualenv --quiet $(@D); }
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRA)]'
	@touch $@
