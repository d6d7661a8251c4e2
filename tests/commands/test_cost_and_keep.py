"""`isotrope cost` and `isotrope keep`: what is counted, asked for and said."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from made_up_index import DEMO, OWN, made_up_index
from typer.testing import CliRunner

from isotrope.cli import app
from isotrope.errors import UserError
from isotrope.plan import code_state, code_words, index_file
from isotrope.plan import cost as costs
from isotrope.plan.rates import HERE_GPU
from isotrope.results import keeping


def cost(*words):
    """The table of the command, without its heads, and the sum below."""
    lines = CliRunner().invoke(app, ["cost", *words]).output.splitlines()
    assert lines[0].split()[:4] == ["study", "series", "runs", "jobs"]
    assert lines[0].split(maxsplit=6)[-1].split("  ")[0] == "estimated hours"
    assert lines[0].endswith(" hours by time limits")
    assert lines[-1].startswith("estimated hours: the most that trainings and evaluations take")
    return [line.split() for line in lines[1:-2]], lines[-2]


NEVER = ["not", "measured", "yet"]
ROWS = [
    ["rotation", "own", "1", "2", "3", "1", *NEVER, "1"],
    ["scale", "demo", "1", "2", "3", "1", *NEVER, "1"],
    ["scale", "own", "2", "(1", "wait)", "4", "26", "2", *NEVER, "2"],
    ["scale", "published", "1", "4", "50", "2", *NEVER, "2"],
]


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ([], ROWS),  # published runs, too, which plain status leaves out
        (["--studies", "scale"], ROWS[1:]),
        (["--series", "published"], ROWS[3:]),
        (["--runs", OWN], [["scale", "own", "1", "4", "26", "2", *NEVER, "2"]]),
    ],
)
def test_every_study_and_series_has_its_line(indexed, words, rows):
    found, below = cost(*words)
    assert found == rows
    trainings = sum(int(row[row.index("not") - 2]) for row in rows)
    never = f"nothing was measured here yet to estimate {trainings} trainings and "
    assert f"{trainings} trainings; {never}" in below


@pytest.mark.parametrize(
    ("trainings", "hours", "unknown", "unmeasured", "said"),
    [
        (0, {}, 0, 0, "0.0"),
        (0, {}, 0, 1, "not measured yet"),
        (3, {}, 3, 1, "not measured yet"),
        (3, {HERE_GPU: 1234.5, "published": 1.0}, 0, 0, "1,235.5"),
        (5, {HERE_GPU: 2.0}, 1, 0, "2.0 +"),
        (5, {HERE_GPU: 2.0}, 0, 1, "2.0 +"),
    ],
)
def test_hours_have_a_plus_where_jobs_were_never_measured(
    indexed, monkeypatch, trainings, hours, unknown, unmeasured, said
):
    one = costs.Cost(1, 0, 4, trainings, 1, hours, unknown, unmeasured, 7.0)
    monkeypatch.setattr(costs, "costs_of", lambda index, names, waiting: {("s", "own"): one})
    (row,), _ = cost("--runs", DEMO)
    assert row == ["s", "own", "1", "4", str(trainings), "1", *said.split(), "7"]


@pytest.fixture
def kept(monkeypatch):
    """What is asked of the keeping of results; of `OWN` there is something to keep."""
    asked = []

    def keep(name, packs, why):
        asked.append((name, packs, why))
        return [SimpleNamespace(point="base", pack="1-2")] if name == OWN else []

    states = SimpleNamespace(of_run=lambda name: f"packs of {name}")
    monkeypatch.setattr(code_state, "CodeStates", lambda index: states)
    monkeypatch.setattr(code_words, "detail", lambda pack: "made with other code")
    monkeypatch.setattr(keeping, "keep", keep)
    return asked


def test_results_are_kept_with_the_reason_in_one_line(indexed, kept):
    said = CliRunner().invoke(app, ["keep", DEMO, OWN, "--why", " only  a\n message "])
    assert kept == [(name, f"packs of {name}", "only a message") for name in (DEMO, OWN)]
    assert said.output == f"kept {OWN}, base, seeds 1-2: made with other code\n"


def test_where_nothing_is_kept_that_is_said(indexed, kept):
    said = CliRunner().invoke(app, ["keep", DEMO, "--why", "a message"])
    assert said.output.startswith("nothing to keep: no result of these runs was made with other")


def test_a_run_whose_plug_in_is_broken_is_not_said_to_have_nothing_to_keep(
    indexed, kept, monkeypatch
):
    index, why = made_up_index(), "plugins/models/x.py:3: cannot be imported"
    index.runs[DEMO] = replace(index.runs[DEMO], points={}, broken=[why])
    monkeypatch.setattr(index_file, "current", lambda **_: index)
    said = CliRunner().invoke(app, ["keep", DEMO, OWN, "--why", "a message"])
    assert isinstance(said.exception, UserError)
    assert str(said.exception) == (
        f"{DEMO}: nothing is kept of it, since it waits for a broken plug-in to be mended: {why}"
    )
    assert said.output == f"kept {OWN}, base, seeds 1-2: made with other code\n"


def test_an_empty_reason_is_refused(indexed, kept):
    refused = CliRunner().invoke(app, ["keep", OWN, "--why", "  "])
    assert isinstance(refused.exception, UserError)
    assert str(refused.exception).startswith("--why: say in a few words why")
    assert kept == []
