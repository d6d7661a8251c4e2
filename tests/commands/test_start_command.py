"""`isotrope start`: which treatment of earlier jobs is asked for, and what becomes of the words."""

import os

import pytest
from typer.testing import CliRunner

from isotrope.cli import app
from isotrope.cluster import starting
from isotrope.errors import UserError


@pytest.fixture
def started(monkeypatch):
    """The treatment and words that are asked for, and the command that replaces this one."""
    found = []
    monkeypatch.setattr(
        starting, "prepare", lambda words, how, say: found.append((words, how)) or ["/snake", "-n"]
    )
    monkeypatch.setattr(os, "execv", lambda path, command: found.append((path, command)))
    return found


@pytest.mark.parametrize(
    ("words", "treatment"),
    [([], "refuse"), (["--wait"], "wait"), (["--cancel"], "cancel"), (["--beside"], "beside")],
)
def test_earlier_jobs_are_treated_as_asked(started, words, treatment):
    assert CliRunner().invoke(app, ["start", *words, "--profile", "x", "runs"]).exit_code == 0
    assert started == [(["--profile", "x", "runs"], treatment), ("/snake", ["/snake", "-n"])]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--wait", "--beside"], "--wait and --beside: say one of them"),
        (["runs", "--cancel"], "--cancel: put it before the words for Snakemake"),
    ],
)
def test_two_treatments_or_one_behind_the_words_are_refused(started, words, said):
    done = CliRunner().invoke(app, ["start", *words])
    assert isinstance(done.exception, UserError)
    assert str(done.exception) == said
    assert started == []
