"""The files of `isotrope evaluate FILE.py:FUNCTION --like RUN --to FOLDER` on hostile machines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import small_disk  # noqa: F401 - a fixture

from isotrope import cli, paths
from isotrope.cluster import recording

RUN = "standard/digits/mine"
PARAM_FILE = """\
study: own
seeds: 1
dataset: {name: digits8, size: 8}
model: {name: standard, kernel_size: 3}
training: {epochs: 1, batch_size: 8, optimizer: {name: adam, learning_rate: 1e-3}}
evaluations: [accuracy, {name: rotation, angles: [0, 90]}]
"""
NETWORK = """\
from torch import nn


def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
"""
WORDS = ("evaluate", "mine.py:network", "--like", RUN, "--device", "cpu", "--to")
WRITTEN = ["accuracy.csv", "beside-runs.csv", "rotation.csv"]


def make_project():
    path = paths.PARAM_FILES / f"{RUN}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(PARAM_FILE)
    Path("mine.py").write_text(NETWORK)


@pytest.fixture
def evaluate(monkeypatch, capsys):
    """Run the command in this process: exit status and errors. Snakemake is not told."""
    monkeypatch.setattr(recording, "record", lambda *_: None)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(folder):
        monkeypatch.setattr(sys, "argv", ["isotrope", *WORDS, folder])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr().err

    return run


def test_on_a_full_disk_old_files_stay_and_one_sentence_says_so(small_disk, evaluate):  # noqa: F811
    make_project()
    assert evaluate("out/measured") == (0, "")
    before = {path: path.read_bytes() for path in Path("out/measured").iterdir()}
    assert sorted(path.name for path in before) == WRITTEN

    small_disk.fill()
    status, errors = evaluate("out/measured")

    assert status == 2
    assert len(errors.splitlines()) == 1
    assert errors.startswith("out/measured/accuracy.csv could not be written: no space left on")
    assert {path: path.read_bytes() for path in Path("out/measured").iterdir()} == before
    small_disk.free()
    assert evaluate("out/measured") == (0, "")


def test_two_copies_at_once_leave_whole_files(tmp_path, monkeypatch, evaluate):
    monkeypatch.chdir(tmp_path)
    make_project()
    assert evaluate("alone")[0] == 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "isotrope.cli", *WORDS, "both"]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in "12"]
    assert [one.communicate()[1] or one.returncode for one in both] == [0, 0]

    written, wanted = (
        {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        for folder in ("both", "alone")
    )
    assert sorted(written) == WRITTEN
    assert written == wanted
