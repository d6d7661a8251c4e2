"""The real command, killed at any moment from its first import to its last rename."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workflow_project import Project, fresh

pytestmark = [pytest.mark.faults, pytest.mark.timeout(7200)]

WAYS = {"one after the other": 1, "stacked": 3}
KILLS_IN_A_ROW = 2
TRAINING = """\
  epochs: 120
  batch_size: 8
  reshuffle: true
  early_stopping: {patience: 30}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = fresh(tmp_path_factory.mktemp("killed"))
    add(project, "built", 1)
    done = project.run("snakemake", "--cores", "1", "datasets")
    assert done.returncode == 0, done.stdout
    return project


def add(project: Project, name: str, stack: int) -> Path:
    """A param-file of three seeds that end in different epochs."""
    changes = {
        "seeds: 1-2": "seeds: 1-3",
        "  epochs: 2\n  batch_size: 16\n": TRAINING,
        "1.0e-2": "5.0e-4",
        "seeds_per_job: 2": f"seeds_per_job: 3, stack: {stack}",
    }
    project.add(f"tiny/stripes/{name}", **changes)
    return project.folder / f"out/runs/tiny/stripes/{name}/base/seeds-1-3"


def start(project: Project, name: str) -> subprocess.Popen[bytes]:
    words = ("train", f"param-files/tiny/stripes/{name}.yaml", "--save-every", "0.2")
    environment = {**os.environ, "PYTHONPATH": str(project.folder / "src"), "OMP_NUM_THREADS": "1"}
    with (project.folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "isotrope"), *words],
            cwd=project.folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def result(folder: Path) -> tuple[bytes, list[str]]:
    """The weights, and the history without its last column, the time."""
    rows = (folder / "history.csv").read_text().splitlines()
    return (folder / "weights.safetensors").read_bytes(), [row.rpartition(",")[0] for row in rows]


@pytest.mark.parametrize("way", WAYS)
def test_trainings_killed_at_random_moments_end_with_the_same_bits(project, way, request, capsys):
    wanted = request.config.getoption("--kills")
    kills = wanted // 2 if way == "stacked" else wanted - wanted // 2
    untouched = f"untouched_{WAYS[way]}"
    folder = add(project, untouched, WAYS[way])
    began = time.monotonic()
    assert start(project, untouched).wait(600) == 0
    whole, expected = time.monotonic() - began, result(folder)
    moments, killed, resumed = random.Random(WAYS[way]), 0, 0

    while killed < kills:
        name = f"killed_{WAYS[way]}_{killed}"
        folder = add(project, name, WAYS[way])
        for _ in range(min(KILLS_IN_A_ROW, kills - killed)):
            process = start(project, name)
            try:
                process.wait(moments.uniform(0, whole))
                break  # it was finished before
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                killed += 1
        assert start(project, name).wait(600) == 0, (project.folder / f"{name}.log").read_text()
        assert result(folder) == expected, f"{name}: other bits after {killed} kills"
        point = folder.parent
        assert not list(point.rglob("*.part")), f"{name}: half-written files are left"
        assert not (point / ".resume").exists(), f"{name}: unfinished seeds are left"
        resumed += (project.folder / f"{name}.log").read_text().count("on in epoch")

    with capsys.disabled():
        said = f"{killed} of {kills} kills survived, {resumed} times taken up in mid-seed"
        sys.stdout.write(f"\n{way}: {said}\n")
