# Every verb does its own set-up. PYTHON picks the interpreter (3.11 or later).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SHELL  := /bin/bash

# What runs on a laptop, with macOS or Windows on it as well.
LAPTOP := src/daypass/remote.py $(wildcard $(foreach folder,wire client client/*,src/daypass/$(folder)/*.py)) \
  $(filter-out src/daypass/cli/admin% src/daypass/cli/host%,$(wildcard src/daypass/cli/*.py))

# A file's tests in one process, so that what costs much is made once. Three on two cores: they wait for one another's
# programs a third of the time.
SPREAD := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: demo test coverage exhaustive lint bench docs clean

demo: $(VENV)/ca.ok
	@$(BIN)/python -m daypass.demo $(if $(KEEP),--keep,)

# Which lines the tests' own processes ran; `coverage` measures the programs that they start as well, which takes half
# as long again.
test: export OWN_COVERAGE = 1
test coverage: $(VENV)/dev.ok
	@$(BIN)/python -m tests.setup
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(SPREAD) $(ARGS)
	@$(BIN)/coverage combine -q 2>/dev/null  # what the tests kill -9 leaves half a file each
	@$(BIN)/coverage report --sort=cover | tail -n 40

# What counts in thousands, for the day before a release: ARGS="tests/ca -k race" for some of it.
exhaustive: $(VENV)/dev.ok
	@$(BIN)/python -m tests.setup
	$(BIN)/python -m pytest -m exhaustive -n 2 --dist load $(ARGS)

lint: $(VENV)/dev.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin $(LAPTOP)
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 $(LAPTOP)
	$(BIN)/lint-imports
	$(BIN)/shellcheck $$(git ls-files '*.sh' .ci/run)

bench: $(VENV)/dev.ok
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/dev.ok
	$(BIN)/python -m tests.reference --write

clean:
	rm -rf $(VENV) .coverage* htmlcov tests/output

# One environment; the demo needs less of it than the tests.
$(VENV)/ca.ok: requirements/ca.txt pyproject.toml
	@$(call venv)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/ca.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/dev.ok: requirements/dev.txt pyproject.toml
	@$(call venv)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@ $(VENV)/ca.ok

define venv
	test -x $(BIN)/python || { echo "setting up $(VENV) (once)" >&2; $(PYTHON) -m venv $(VENV) || \
	  { echo "daypass: error: $(PYTHON) can make no virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }; }
endef
