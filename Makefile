# One word a job, the same at a desk and in CI. `make help` lists them.
#
# Needs Python 3.11 or newer, make and a package index; nothing else. pip's own configuration (index,
# proxy, certificates) is honoured because pip itself installs. Another interpreter: make PYTHON=python3.12

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCK   := requirements/lock.txt
STAMP  := $(VENV)/.millstream-setup
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

# Benchmarks to run: make bench BENCH=tests/bench/bench_training.py
BENCH  ?= $(sort $(wildcard tests/bench/bench_*.py))
# Further options for pytest: make test PYTEST="-x -k snapshots"
PYTEST ?=
# TensorFlow with one thread in each process: several share the cores better so.
SHARED := OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
ALONE  := tests/system

export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYTHONUNBUFFERED ?= 1
# Many processes are started: where this is set, each would compile all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup check format test demo bench lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create .venv with every dependency at its locked version, and this package
	@:

# The lock is complete and hashed, so no resolver runs (--no-deps) and nothing else gets in. This package
# itself is linked in place with the build tool from the lock: no second visit to the index.
$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Millstream needs Python 3.11 or newer. Received: %s (%s). Choose another with: make PYTHON=python3.12" % (sys.version.split()[0], sys.executable))'
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing the locked dependencies (3 GB on disk, a minute or two the first time) ..."
	@$(PIP) install --quiet --require-hashes --no-deps --no-compile -r $(LOCK)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Ready in $(VENV)."

check: setup ## Format check, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup ## Format, and fix what lint can fix by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Where -k leaves nothing of a part (5), the other part is what was asked for.
test: setup ## Every test: unit and contracts first, then the system on a real broker and a real Redis
	$(SHARED) $(BIN)/python -m pytest -n 2 --no-loadscope-reorder --ignore $(ALONE) $(PYTEST) || [ $$? -eq 5 ]
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder $(ALONE) $(PYTEST) || [ $$? -eq 5 ]

demo: setup ## The whole loop on MovieLens-100K, about two minutes (KEEP=1 leaves it running)
	$(BIN)/millstream demo $(if $(filter-out 0,$(KEEP)),--keep)

bench: setup ## Benchmarks, a process each
	@for module in $(subst /,.,$(basename $(BENCH))); do \
	    echo "== $$module"; $(BIN)/python -m $$module || exit 1; done

lock: setup ## Resolve the dependencies anew (all Pythons, all platforms, hashes, no index named)
	$(PIP) install --quiet uv
	UV="$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate"; export UV_CUSTOM_COMPILE_COMMAND="make lock"; \
	$$UV pyproject.toml --extra local --extra trees --extra tune --extra sql --extra dev -o $(LOCK) && \
	$$UV pyproject.toml --constraint $(LOCK) -o requirements/runtime.txt

clean: ## Remove the environment and everything that tools left behind
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
