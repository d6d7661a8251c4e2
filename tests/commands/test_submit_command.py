"""`isotrope submit`: what it says of each pack, and its exit status."""

from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from isotrope.cli import app
from isotrope.cluster import executors, submitting
from isotrope.plan import asked


@pytest.fixture
def submit(monkeypatch):
    """Runs the command over packs whose outcomes are given."""

    def run(*outcomes, words=()):
        packs = [f"pack {number}" for number in range(1, len(outcomes) + 1)]
        sent = [
            SimpleNamespace(pack=pack, job=SimpleNamespace(job_id="7"), outcome=lambda one=one: one)
            for pack, one in zip(packs, outcomes, strict=True)
        ]
        family = SimpleNamespace(finished=[], arrays=[], packs=packs)
        monkeypatch.setattr(submitting, "runs_of", lambda runs: [SimpleNamespace(name="a/b/c")])
        monkeypatch.setattr(submitting, "unbuilt", lambda runs: [])
        monkeypatch.setattr(submitting, "family", lambda *asked: family)
        monkeypatch.setattr(submitting, "refresh_index", lambda: None)
        monkeypatch.setattr(asked, "remember", lambda names, besides: list(names))
        monkeypatch.setattr(executors, "executor_of", lambda name: name)
        monkeypatch.setattr(executors, "work_here", lambda arrays, site: sent)
        monkeypatch.setattr(executors, "send", lambda arrays, site: sent)
        monkeypatch.setattr(executors, "as_they_end", lambda jobs: reversed(jobs))
        return CliRunner().invoke(app, ["submit", "a/b/c", *words])

    return run


@pytest.mark.parametrize("words", [("--executor", "local"), ("--executor", "slurm", "--wait")])
def test_one_failed_pack_of_several_is_said_and_makes_the_command_fail(submit, words):
    done = submit((True, "trained"), (False, "no memory"), (True, "trained"), words=words)
    assert done.exit_code == 1
    assert "2 of 3 FAILED: pack 2: no memory\n" in done.output
    assert done.output.count(" of 3 done: pack ") == 2

    assert submit((True, "trained"), (True, "trained"), words=words).exit_code == 0


def test_without_waiting_the_packs_are_sent_and_nothing_is_said_of_their_ends(submit):
    done = submit((False, "no memory"), words=("--executor", "slurm"))
    assert done.exit_code == 0
    assert "sent pack 1 as job 7\n" in done.output
    assert "`isotrope status` says how far they are" in done.output
    assert "FAILED" not in done.output
