"""What the SLURM tests share: a cluster, and a copy of the project."""

import os
import shutil
import subprocess
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
    """All files that git knows or would take, copied."""
    folder = tmp_path_factory.mktemp("project")
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return Project(folder)
