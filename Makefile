# Two commands do everything on a fresh machine with Python 3.11 or later: `make demo` and `make test`.

PYTHON ?= python3
UV_VERSION := 0.13.8
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin

.PHONY: env demo test test-slurm lint lock clean

env: .venv/installed ## the pinned environment in .venv/

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet uv==$(UV_VERSION)

.venv/installed: envs/requirements.txt pyproject.toml $(filter .uv/bin/uv,$(UV))
	test -x $(BIN)/python || $(UV) venv --python $(PYTHON) .venv
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes envs/requirements.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@
