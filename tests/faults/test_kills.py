"""The real command, killed at any moment from its first import to its last rename."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from workflow_project import Project, fresh

pytestmark = [
    pytest.mark.faults(
        fault="SIGKILL of the command",
        done="half of them between its first import and its last rename, half in training",
    ),
    pytest.mark.timeout(7200),
]

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


def log_of(folder: Path) -> Path:
    """What the trainings of a pack have said, one after the other."""
    return folder.parents[1] / "trainings.log"


def start(project: Project, folder: Path) -> subprocess.Popen[bytes]:
    run = folder.parents[1].name
    words = ("train", f"param-files/tiny/stripes/{run}.yaml", "--save-every", "0.2")
    environment = {**os.environ, "PYTHONPATH": str(project.folder / "src"), "OMP_NUM_THREADS": "1"}
    log_of(folder).parent.mkdir(parents=True, exist_ok=True)
    with log_of(folder).open("ab") as log:
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


def seconds_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> float:
    """How long it takes until something is true, or the process has ended."""
    began = time.monotonic()
    while process.poll() is None and not condition():
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.mark.parametrize("way", WAYS)
def test_trainings_killed_at_random_moments_end_with_the_same_bits(
    project, way, request, record_property, capsys
):
    """Half of the kills come at any moment of a job, half while it trains and after."""
    wanted = request.config.getoption("--kills")
    kills = wanted // 2 if way == "stacked" else wanted - wanted // 2
    moments, killed, resumed = random.Random(WAYS[way]), 0, 0
    record_property("tried", kills)
    record_property("survived", 0)
    folder = add(project, f"untouched_{WAYS[way]}", WAYS[way])
    process = start(project, folder)
    begins = seconds_until(lambda: "epoch 1 of" in log_of(folder).read_text(), process)
    rest = seconds_until(lambda: False, process)
    assert process.wait() == 0
    expected = result(folder)

    for number in itertools.count():
        if killed == kills:
            break
        folder = add(project, f"killed_{WAYS[way]}_{number}", WAYS[way])
        for _ in range(min(KILLS_IN_A_ROW, kills - killed)):
            before = log_of(folder).read_text() if log_of(folder).exists() else ""
            process = start(project, folder)
            if moments.random() < 0.5:
                said = partial(said_since, log_of(folder), before, "epoch")
                seconds_until(said, process)
                wait = moments.uniform(0, rest)
            else:
                wait = moments.uniform(0, begins + rest)
            try:
                process.wait(wait)
                break  # it was finished before
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                killed += 1
        process = start(project, folder)
        assert process.wait(600) == 0, log_of(folder).read_text()
        assert result(folder) == expected, f"{folder}: other bits after {killed} kills"
        point = folder.parent
        assert not list(point.rglob("*.part")), f"{point}: half-written files are left"
        assert not (point / ".resume").exists(), f"{point}: unfinished seeds are left"
        resumed += log_of(folder).read_text().count("on in epoch")
        record_property("survived", killed)
        record_property("said", f"`on in epoch ...` {resumed} times, {way}")

    with capsys.disabled():
        said = f"{killed} of {kills} kills survived, {resumed} times taken up in mid-seed"
        sys.stdout.write(f"\n{way}: {said}\n")


def said_since(log: Path, before: str, word: str) -> bool:
    return word in log.read_text()[len(before) :]
