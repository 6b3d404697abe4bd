# Cinegraph: everything runs from .venv, which these targets make; TORCH=cpu asks for the small build of torch, and
# WORKERS=0 runs the tests in one process instead of two.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
LOCK := requirements/lock.txt
TORCH ?= default
WORKERS ?= 2
READY := .venv/.ready-$(TORCH)
DGL := .venv/dgl

# Compiled modules are kept, in .venv alone: the tests start Python some hundred times.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo setup test check build lock schema dgl clean

demo: $(READY)  ## the main job: sample catalogue, real Neo4j, trained models, GraphQL with GraphiQL
	@$(BIN)/cinegraph demo

setup: $(READY)

# A thread each, as there is a worker for each core.
test: check dgl  ## everything that must hold before a change lands
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

check: $(READY)  ## lint, types, import contracts, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cinegraph schema --check
	$(BIN)/cinegraph settings --check

build: $(READY)  ## wheel and source archive
	$(UV) build

dgl: $(DGL)/.ready  ## DGL's own environment, where there is a Python 3.11 and a wheel for it; its tests are skipped elsewhere

lock: $(UV)  ## resolve the dependencies anew
	$(UV) pip compile -q pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" --upgrade -o $(LOCK)
	$(UV) pip compile -q requirements/dgl.in --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" --upgrade -o requirements/dgl.txt

schema: $(READY)  ## write schema.graphql and .env.example anew
	$(BIN)/cinegraph schema --write
	$(BIN)/cinegraph settings --write

$(UV):
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check "uv>=0.9,<1"

.venv/.ready-default: $(UV) $(LOCK) pyproject.toml
	@echo "Fetching the locked Python packages into .venv; this may take some minutes, and is done once"
	$(UV) pip sync -q --python $(BIN)/python --require-hashes $(LOCK)
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@rm -f .venv/.ready-* && touch $@

# uv knows where the small build lies; its wheels are not PyPI's, so torch and its CUDA libraries leave the hashed lock.
.venv/.ready-cpu: $(UV) $(LOCK) pyproject.toml
	@echo "Fetching the locked Python packages into .venv; this may take some minutes, and is done once"
	awk '/^[a-z]/ {cuda = /^(torch|triton|nvidia-[a-z0-9-]*|cuda-[a-z0-9-]*)==/} !cuda' $(LOCK) > .venv/lock-cpu.txt
	$(UV) pip sync -q --python $(BIN)/python --require-hashes .venv/lock-cpu.txt
	$(UV) pip install -q --python $(BIN)/python --torch-backend cpu "$$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' $(LOCK))"
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@rm -f .venv/.ready-* && touch $@

$(DGL)/.ready: $(UV) requirements/dgl.txt
	@echo "Fetching DGL's own environment into $(DGL), for its tests; this is done once"
	@$(UV) venv -q --clear --no-python-downloads --python 3.11 $(DGL) \
	  && $(UV) pip sync -q --python $(DGL)/bin/python --require-hashes requirements/dgl.txt && touch $@ \
	  || { rm -rf $(DGL); echo "DGL cannot be had here; its tests are skipped"; }

clean:
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
