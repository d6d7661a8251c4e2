"""What commit 460f702 left in ``out/`` is taken up: nothing is trained or computed again."""

import csv
import json
import math
import os
import re
import tarfile
from pathlib import Path

import pytest
from old_results.make_results import FINISHED, HERE, UNFINISHED
from workflow_project import bare, jobs

from isotrope.data import stir

DEMO, SWEEP = FINISHED
REASSEMBLING = {"train", "choose", "evaluate", "collect", "tables"}


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """Today's project around the folders that the commit left, its images drawn again."""
    project = bare(tmp_path_factory.mktemp("old"))
    with tarfile.open(HERE / "results.tar.xz") as archive:
        archive.extractall(project.folder, filter="data")
    manifest = project.path("out/data/stir/emoji.manifest.json")
    made = manifest.stat().st_mtime
    params = stir.Params(task="emoji", scenario="all2all")
    (images,) = stir.build(params, manifest.parent, "emoji")
    os.utime(images, (made, made))
    return project


def unchanging(project):
    """When what is never made twice was written: finished seeds and their rows."""
    found = [
        path
        for folder in (".seeds", ".evaluations")
        for path in project.path("out/runs").glob(f"**/{folder}/*/*")
        if not path.name.startswith(".")
    ]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def results(project):
    """The rows of every results.csv."""
    return {
        path: list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        for path in project.path("out/runs").glob("**/results.csv")
    }


def history(path):
    """The epochs of a history, by seed and number, without their seconds."""
    with Path(path).open(encoding="utf-8") as file:
        return {
            (int(row["seed"]), int(row["epoch"])): [
                float(value) for key, value in row.items() if key.endswith(("_loss", "_accuracy"))
            ]
            for row in csv.DictReader(file)
        }


def test_the_archive_names_no_place_of_the_machine_that_made_it(old):
    with tarfile.open(HERE / "results.tar.xz") as archive:
        names = archive.getnames()
        texts = [archive.extractfile(one).read() for one in archive.getmembers() if one.isfile()]
    assert not [name for name in names if name.startswith("/") or ".." in name]
    assert not [text for text in texts if re.search(rb"/(tmp|home|root|work)/", text)]


def test_status_reads_the_old_folders(old):
    asked = ",".join((*FINISHED, *UNFINISHED))
    rows = json.loads(old.run("isotrope", "status", "--json", "--runs", asked).stdout)

    states = [(row["run"], row["point"], row["state"], row["finished"]) for row in rows]
    assert sorted(states) == [
        (DEMO, "base", "done", 1),
        (DEMO, "base", "done", 1),
        (SWEEP, "learning_rate=0.001", "done", 1),
        (SWEEP, "learning_rate=0.01", "done", 1),
        (SWEEP, "selected", "done", 2),
        (UNFINISHED[0], "base", "interrupted", 1),
        (UNFINISHED[1], "base", "interrupted", 0),
    ]


def test_of_finished_runs_nothing_is_trained_or_evaluated_again(old):
    before, rows = unchanging(old), results(old)
    assert len(before) > 20
    asked = ("tables", "--config", f"runs={DEMO},{SWEEP}")

    assert set(old.planned(*asked)) <= REASSEMBLING
    output = old.make(*asked)

    assert unchanging(old) == before
    assert results(old) == rows
    for run in (DEMO, SWEEP):
        logs = list(old.path(f"out/runs/{run}").glob("*/seeds-*/train.log"))
        assert len(logs) == (2 if run == DEMO else 3)
        if "train" in jobs(output):
            assert all("0 to train" in log.read_text().splitlines()[0] for log in logs)
    if "choose" in jobs(output):
        choice = json.loads(old.path(f"out/runs/{SWEEP}/choice.json").read_text())
        assert choice["winner"] == "learning_rate=0.001"


def test_unfinished_trainings_are_taken_up_where_they_were_and_end_as_they_would_have(old):
    before = unchanging(old)

    old.make("runs", "--config", f"runs={','.join(UNFINISHED)}")

    assert before.items() < unchanging(old).items()
    for run in UNFINISHED:
        log = old.path(f"out/runs/{run}/base/seeds-1-2/train.log").read_text()
        assert re.search("goe?s? on in epoch 3 of 4", log)
        assert "epoch 2 of 4," not in log
        found = history(old.path(f"out/runs/{run}/base/seeds-1-2/history.csv"))
        expected = history(old.path(f"expected/{run}/history.csv"))
        assert found.keys() == expected.keys()
        for epoch, values in expected.items():
            for value, known in zip(found[epoch], values, strict=True):  # on another CPU, too
                assert math.isclose(value, known, rel_tol=1e-3, abs_tol=0.01), (run, epoch)
        assert not list(old.path(f"out/runs/{run}/base").glob(".resume/*"))
