"""What the SLURM tests share: a cluster, and a copy of the project."""

import os
import shutil
from pathlib import Path

import pytest
from on_slurm import Project, slurm

ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that need a cluster to ``pytest -m slurm``, which tests/slurm/run calls."""
    if not config.option.markexpr:
        needing = [item for item in items if item.get_closest_marker("slurm")]
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.fixture(scope="session")
def cluster() -> None:
    """A cluster that answers, or one sentence that says how to get it."""
    if shutil.which("scontrol") is None or "SLURM_CONF" not in os.environ:
        pytest.fail("there is no cluster here: run tests/slurm/run", pytrace=False)
    slurm("scontrol", "ping")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What the workflow consists of, copied."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("envs", "param-files", "profiles", "src", "workflow"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy2(ROOT / "Snakefile", folder)
    return Project(folder)
