# Two commands do everything on a fresh machine with Python 3.11 or later: `make demo` and `make test`.

PYTHON ?= python3
UV_VERSION := 0.13.8
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
HERE := not slurm and not faults
OR_NONE := || [ $$? = 5 ] # what pytest says where a part has no such tests
FAULTS := benchmarks/results/faults.md
OWN_UV := $(filter .uv/bin/uv,$(UV))
WITHOUT_CUDA ?= $(wildcard .venv/without-cuda.txt)# once chosen, kept until make clean-env
LOCK := envs/requirements.txt
OF_CUDA := ^(torch==|torchvision==|triton==|nvidia-|cuda-)
ifeq ($(WITHOUT_CUDA),)
SIZE := with CUDA's libraries, on Linux, about 6 GB of disk (without a GPU: make env WITHOUT_CUDA=1)
else
SIZE := without CUDA's libraries, about 2.3 GB of disk
endif

LOWEST := $(addprefix tests/,tracking workflow/test_targets.py figures commands console files layers models packs params plan \
	results training/test_compiling.py training/test_stacks.py training/test_pack.py training/test_loop.py measuring \
	processes test_devices.py)

.PHONY: help env demo demo-long test test-lowest test-slurm test-gpu test-gpu-slurm test-faults mutants lint lock \
	clean-env

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | column -t -s '|'

env: .venv/installed ## the pinned environment in .venv/; WITHOUT_CUDA=1: smaller, for Linux without a GPU

demo: env ## the studies, shortened: data, training, figures, report
	$(BIN)/snakemake --profile profiles/demo
	@echo
	@echo "Shortened: scale, 3 seeds and 15 epochs where the paper trains 50 seeds for up to 200 epochs;"
	@echo "log-polar, small networks on scikit-learn's digits, which stand in for MNIST; shift, narrow networks"
	@echo "on crops of scikit-image's photographs; glimpse, small foveas on the same digits, for seconds;"
	@echo "scattering, wavelets learned from 30 patches of three textures."
	@echo "Look at out/report.html, out/figures/scale-demo/, out/figures/log_polar-demo/rotation.svg,"
	@echo "out/figures/shift-demo/consistency.svg, out/figures/glimpse-demo/trajectories.svg,"
	@echo "out/figures/scattering-demo/filter_banks.svg and out/data/stir/emoji.png; the numbers are in"
	@echo "out/tables/scale-demo/, log_polar-demo/, shift-demo/, glimpse-demo/ and scattering-demo/ beside it."

demo-long: env ## the demo with every seed trained on this machine, those that are shipped too: hours
	ISOTROPE_SHIPPED=0 $(BIN)/snakemake --profile profiles/demo --forcerun train

test: env $(if $(PART),,lint) ## linters, types and all tests that need no SLURM; PART=models: the tests in tests/models
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "$(HERE) and not serial" tests/$(PART) $(OR_NONE)
	$(BIN)/python -m pytest -m "$(HERE) and serial" tests/$(PART) $(OR_NONE)

test-lowest: .venv-lowest/installed ## a part of the tests with Python 3.11 and the lowest versions that pyproject.toml allows
	.venv-lowest/bin/python -m pytest --numprocesses auto --dist worksteal -m "$(HERE) and not serial" $(LOWEST)

test-slurm: env ## the workflow on a real SLURM, brought up on this machine (Debian or Ubuntu, root), and 5 kills
	tests/slurm/run -m "slurm and not faults"
	$(BIN)/python -m pytest -m faults tests/faults --kills 5

test-gpu: $(if $(ISOTROPE_PYTHON),,env) ## checks and benchmark on this machine's GPU, 8 minutes; ISOTROPE_PYTHON: a Python that has torch
	$(or $(ISOTROPE_PYTHON),$(BIN)/python) benchmarks/gpu.py $(ARGS)

test-gpu-slurm: env ## the same as a job on a GPU node, by the partition and account of profiles/slurm
	ISOTROPE_PYTHON="$(ISOTROPE_PYTHON)" ARGS="$(ARGS)" $(BIN)/snakemake --snakefile benchmarks/gpu.smk \
		--profile profiles/slurm --retries 0 || { tail -n 20 out/gpu/gpu.log; exit 1; }
	@cat out/gpu/gpu.log

test-faults: env ## 50 kills and every fault of SLURM, with benchmarks/results/faults.md written: an hour, as root
	$(BIN)/python -m pytest -m faults tests/faults --kills 50 --record $(FAULTS)
	tests/slurm/run -m "slurm and faults" --record $(FAULTS)

mutants: env ## bugs planted one by one, and those that no test notices: hours; ARGS="--count 20 --only packs --jobs 2"
	$(BIN)/python tests/mutants $(ARGS)

lint: env ## formatters, linters and types
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/isotrope schema --check

lock: env ## pin the newest versions that pyproject.toml allows
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra dev --extra tracking pyproject.toml --output-file envs/requirements.txt

clean-env: ## remove the environments
	rm -rf .venv .venv-lowest .uv

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet uv==$(UV_VERSION)

.venv/installed: envs/requirements.txt pyproject.toml $(OWN_UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Isotrope needs Python 3.11 or later; name one: make env PYTHON=python3.12" >&2; exit 2; }
	@echo "Installing the pinned environment in .venv/: minutes; $(SIZE)"
	test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
ifeq ($(WITHOUT_CUDA),)
	$(UV) pip sync --compile-bytecode --python $(BIN)/python --require-hashes $(LOCK)
else
	awk '/^[a-z]/ {kept = !/$(OF_CUDA)/} kept' $(LOCK) > .venv/without-cuda.txt
	$(UV) pip sync --compile-bytecode --python $(BIN)/python --require-hashes .venv/without-cuda.txt
	$(UV) pip install --compile-bytecode --python $(BIN)/python --no-deps --torch-backend cpu \
		$(shell sed -nE 's/^(torch(vision)?==[^ ]+).*/\1/p' $(LOCK))
endif
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# resolved elsewhere: here uv would heed the version of torch that is pinned for the lock file
.venv-lowest/installed: pyproject.toml $(OWN_UV)
	rm -rf .venv-lowest
	$(UV) venv --quiet --python 3.11 .venv-lowest
	cd / && $(abspath $(UV)) pip compile --quiet --resolution lowest-direct --no-emit-index-url --no-header \
		--python-version 3.11 --extra dev --extra tracking $(CURDIR)/pyproject.toml \
		--output-file $(CURDIR)/.venv-lowest/requirements.txt
	$(UV) pip sync --quiet --python .venv-lowest/bin/python .venv-lowest/requirements.txt
	$(UV) pip install --quiet --python .venv-lowest/bin/python --no-deps --no-build-isolation --editable .
	@touch $@
