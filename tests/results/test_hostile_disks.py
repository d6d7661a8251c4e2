"""Full and read-only disks: one sentence that says so, nothing lost, and it goes on afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from made_up_index import made_up_index
from safetensors.torch import load_file
from small_disk import small_disk  # noqa: F401
from test_collecting import BOTH, ONE, TWO, Project, collected, manifest
from test_evaluating import evaluate, task_for
from toy_runs import toy_task, toys, train  # noqa: F401

from isotrope import paths
from isotrope.errors import UserError
from isotrope.evaluation import accuracy
from isotrope.plan import index_file
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report

FULL = r"could not be written: no space left on device; free space"
FORBIDDEN = r"could not be written: (read-only file system|permission denied); free space or give"


def files():
    return {
        path: path.read_bytes()
        for path in paths.OUT.rglob("*")
        if path.is_file() and path.name != "filling"
    }


def train_and(action, at):
    """Train two seeds, and do something when a line of the log says so."""
    lines = []

    def log(line):
        lines.append(line)
        if line.startswith(at):
            action()

    with pytest.raises(UserError) as error:
        train_pack(toy_task(save_every=0.0), Report(log))
    (sentence,) = error.value.sentences
    return sentence


def assert_goes_on_to_the_same_end():
    lines = train(toy_task())
    assert any(line.startswith("seed 1: goes on in epoch 2 of 4") for line in lines)
    train(toy_task(run="toy/toy/untouched"))
    weights = [
        load_file(toy_task(run=f"toy/toy/{run}").folder / "weights.safetensors")
        for run in ("plain", "untouched")
    ]
    assert all(torch.equal(weights[0][name], value) for name, value in weights[1].items())
    hidden = {path.name for path in paths.OUT.rglob(".*")}
    assert hidden == {".seeds"}


@pytest.mark.usefixtures("toys")
def test_a_training_on_a_disk_that_fills_up_says_so_and_goes_on_when_there_is_room(small_disk):  # noqa: F811
    sentence = train_and(small_disk.fill, at="seed 1: epoch 2 of 4")
    assert sentence.startswith("out/runs/toy/toy/plain/base/.resume/1-")
    assert "no space left on device; free space or give permission, then start again" in sentence
    assert not [path for path in files() if path.name.endswith(".part") or "leases" in str(path)]

    small_disk.free()
    assert_goes_on_to_the_same_end()


@pytest.mark.usefixtures("toys")
def test_a_training_whose_disk_becomes_read_only_says_so_and_goes_on_when_it_may(small_disk):  # noqa: F811
    sentence = train_and(lambda: small_disk.read_only(True), at="seed 1: epoch 2 of 4")
    assert "read-only file system" in sentence or "permission denied" in sentence

    small_disk.read_only(False)
    assert_goes_on_to_the_same_end()


@pytest.mark.usefixtures("toys")
def test_on_a_disk_without_room_nothing_begins(small_disk):  # noqa: F811
    if not small_disk.mounted:
        pytest.skip("needs a disk of its own")
    train(toy_task())
    before = files()
    small_disk.fill()

    for work in (lambda: train(toy_task()), lambda: evaluate(task_for(toy_task()))):
        with pytest.raises(UserError, match=rf"^out/runs/toy/toy/plain/\.leases/.*{FULL}"):
            work()

    assert files() == before


@pytest.mark.usefixtures("toys")
def test_in_a_folder_that_may_only_be_read_nothing_begins(small_disk):  # noqa: F811
    train(toy_task())
    before = files()
    small_disk.read_only(True)
    try:
        for work in (lambda: train(toy_task()), lambda: evaluate(task_for(toy_task()))):
            with pytest.raises(UserError, match=rf"^out/runs/toy/toy/plain/\.leases/.*{FORBIDDEN}"):
                work()
        with pytest.raises(UserError, match=rf"^out/index\.json {FORBIDDEN}"):
            index_file.write(made_up_index(), {})
    finally:
        small_disk.read_only(False)
    assert files() == before
    assert "0 to train" in train(toy_task())[0]


@pytest.mark.usefixtures("toys")
def test_an_evaluation_on_a_disk_that_fills_up_keeps_what_was_there(small_disk, monkeypatch):  # noqa: F811
    trained = toy_task()
    train(trained)
    before, compute = files(), accuracy.evaluate

    def fill_and(*given):
        small_disk.fill()
        return compute(*given)

    monkeypatch.setattr(accuracy, "evaluate", fill_and)
    with pytest.raises(UserError, match=rf"\.evaluations/accuracy-.*1\.csv {FULL}"):
        evaluate(task_for(trained))
    assert files() == before

    monkeypatch.setattr(accuracy, "evaluate", compute)
    small_disk.free()
    assert any(line.startswith("accuracy: 2 seeds") for line in evaluate(task_for(trained)))


def test_tables_on_a_full_disk_stay_as_they_were(small_disk, monkeypatch):  # noqa: F811
    project = Project(made_up_index().datasets)
    monkeypatch.setattr(index_file, "current", lambda *_, **__: project.index())
    manifest(files=[])
    project.finish(ONE)
    assert collected() == BOTH[:3]
    project.finish(TWO)
    before = files()
    small_disk.fill()

    with pytest.raises(UserError, match=rf"^out/tables/scale-demo/runs\.csv {FULL}"):
        collected()
    assert files() == before

    small_disk.free()
    assert collected() == BOTH


def test_an_index_on_a_full_disk_stays_as_it_was(small_disk):  # noqa: F811
    index_file.write(made_up_index(), {})
    before = files()
    small_disk.fill()

    with pytest.raises(UserError, match=rf"^out/index\.json {FULL}"):
        index_file.write(made_up_index(), {"a": [1, 2]})

    assert files() == before
    small_disk.free()
    assert index_file.read() == (made_up_index(), {})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("both", [False, True])
def test_a_log_on_a_full_disk_ends_the_program_in_one_sentence_with_status_2(both):
    code = (
        "from isotrope import cli; from isotrope.console import printing; "
        "cli.app = lambda: printing.say('x'); cli.main()"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=full,
            stderr=full if both else subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    if not both:
        (sentence,) = done.stderr.splitlines()
        assert sentence.startswith("this output could not be written: no space left on device; ")
