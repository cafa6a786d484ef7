# make demo | make test | make help. Everything is made below this folder; nothing is installed elsewhere.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
PARTS  ?= lint unit contract stages groovy browser docs e2e

.PHONY: help setup demo stop-demo test lint unit contract stages groovy browser docs e2e bench bench-long lock clean

help:
	@echo 'make demo       the whole main job on real flights, in a folder of its own (.demo)'
	@echo 'make stop-demo  stop what the demo left running'
	@echo 'make test       everything; make test PARTS="lint unit" for some of it; make unit, make groovy, … for one part'
	@echo 'make bench      side-by-side measurements (bench/README.md)'
	@echo 'make bench-long  an hour of load at 1,000/s; the gate on 100 million rows (16 GB of disk)'
	@echo 'make clean      remove what make made'

setup:
	@$(PYTHON) scripts/setup_environment.py $(VENV)

demo: setup
	@$(BIN)/python examples/demo.py $(DEMO)

stop-demo: setup
	@$(BIN)/python examples/demo.py --stop

test: setup
	@$(BIN)/python scripts/run_tests.py $(PARTS)

lint unit contract stages groovy browser docs e2e: setup
	@$(BIN)/python scripts/run_tests.py $@

bench: setup
	@for b in bench/*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

# An hour at 1,000 requests a second: the generator's memory stays flat.
bench-long: setup
	@$(BIN)/python bench/perf_generator.py hour --share 1
	@$(BIN)/python bench/quality_stream.py --rows 100000000 --memory 2GiB

# The lock of the development environment: hashes, no addresses.
lock:
	uv pip compile pyproject.toml --all-extras --group dev --universal --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --python-version 3.11 -q -o requirements.lock

clean:
	rm -rf .venv .demo build dist tests/groovy/target .mypy_cache .ruff_cache .pytest_cache
