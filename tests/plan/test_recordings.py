"""What networks record while they train is an array among the tables, and so are histories."""

from dataclasses import replace

import pytest
from made_up_index import DEMO, OWN, made_up_index, pack

from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.index import Index
from isotrope.plan.targets import Plan


@pytest.fixture
def monitored(indexed, monkeypatch):
    """A plan in which one run records."""
    index = made_up_index()
    run = index.runs[OWN]
    parameters = {**run.points["base"].parameters, "training.monitor.every": 5}
    points = {"base": replace(run.points["base"], parameters=parameters)}
    whole = Index({**index.runs, OWN: replace(run, points=points)}, index.datasets)
    monkeypatch.setattr(index_file, "current", lambda *_, **__: whole)
    return Plan({})


def test_recordings_are_collected_where_a_run_records(monitored):
    assert [path for path in monitored.arrays() if "recordings" in path] == [
        "out/tables/scale/recordings.npz"
    ]
    files = [pack(OWN, seeds, "run.json") for seeds in ("1-25", "26-50")]
    assert monitored.inputs_of_table("scale", "recordings") == files


def test_where_nothing_is_recorded_nothing_is_collected(indexed):
    plan = Plan({"runs": DEMO})

    assert not [path for path in plan.arrays() if "recordings" in path]
    with pytest.raises(UserError, match="has rows in it"):
        plan.inputs_of_table("scale-demo", "recordings")


def test_a_monitor_that_is_left_out_records_nothing():
    run = made_up_index().runs[OWN]
    point = replace(run.points["base"], parameters={"training.monitor": None})

    assert not replace(run, points={"base": point}).records


def test_histories_are_collected_from_every_pack_where_a_figure_asks_for_them(monitored):
    files = [pack(OWN, seeds, "run.json") for seeds in ("1-25", "26-50")]
    assert set(files) <= set(monitored.inputs_of_table("scale", "histories"))
    assert not [path for path in monitored.arrays() if "histories" in path]
