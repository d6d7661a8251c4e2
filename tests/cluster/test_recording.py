"""What Snakemake is told of files that were made without it."""

import subprocess
import sys
from pathlib import Path

import pytest

from isotrope.cluster import recording


@pytest.fixture
def snakemake(monkeypatch):
    """Answers in the place of Snakemake; what it was asked, with its environment."""
    asked, answer = [], [0, "", ""]

    def run(words, env, **settings):
        asked.append((words, env, settings))
        return subprocess.CompletedProcess(words, *answer)

    monkeypatch.setattr(recording.subprocess, "run", run)
    return asked, answer


def test_files_are_recorded_as_made_by_their_rules_alone(snakemake, monkeypatch):
    asked, _ = snakemake
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "profiles/slurm")
    monkeypatch.setenv("KEPT", "here")
    said = []
    recording.record(["train", "evaluate"], [Path("out/a b"), Path("out/c")], said.append)

    ((words, env, settings),) = asked
    assert words[:4] == [sys.executable, "-m", "snakemake", "--nolock"]
    assert {"--touch", "--force"} <= set(words)
    assert words[words.index("--cores") + 1] == "1"
    rules = words[words.index("--allowed-rules") + 1 : words.index("--")]
    assert rules == ["train", "evaluate"]
    assert words[words.index("--") + 1 :] == ["out/a b", "out/c"]
    assert "SNAKEMAKE_PROFILE" not in env
    assert env["KEPT"] == "here"
    assert (settings["text"], settings["check"]) == (True, False)
    assert said == []


@pytest.mark.parametrize(
    ("out", "error", "reason"),
    [
        ("Building DAG\n", "LockException:\nno lock\n", "no lock"),
        ("only here\n", "", "only here"),
        ("", "", "status 3"),
    ],
)
def test_what_snakemake_refuses_is_said_in_its_last_line(snakemake, out, error, reason):
    snakemake[1][:] = 3, out, error
    said = []
    recording.record(["train"], [Path("out/runs/x/weights")], said.append)
    assert said == [f"snakemake does not know of out/runs/x yet, for it said: {reason}"]


def test_files_to_forget_are_older_than_any_input_and_as_they_were(snakemake, tmp_path):
    there = [tmp_path / "a", tmp_path / "b"]
    for path in there:
        path.write_text("as it was")
    recording.forget([there[0], tmp_path / "absent", there[1]])

    assert [path.stat().st_mtime for path in there] == [1, 1], "0 is no time for Snakemake"
    assert [path.read_text() for path in there] == ["as it was"] * 2
    ((words, *_),) = snakemake[0]
    assert words[4:] == ["--cleanup-metadata", *map(str, there)]
