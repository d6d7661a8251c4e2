"""What a run that selects a point of its sweep asks of Snakemake."""

from dataclasses import replace

import pytest
from made_up_index import (
    DEMO,
    made_up_index,
    point,
    run,
)

from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.index import Index, SelectEntry
from isotrope.plan.targets import Plan

SWEPT = "standard/stir_emoji/swept"


@pytest.fixture
def swept(indexed, monkeypatch):
    """A run of 30 seeds, ten a job, of two points; one is chosen by seeds 1-2 and 11."""
    points = {"rate=1": point(), "rate=2": point(digest="e" * 16)}
    entry = run(SWEPT, series="demo", seeds=range(1, 31), seeds_per_job=10, **points)
    rule = SelectEntry("validation_accuracy", "median", [1, 2, 11], "last")
    runs = {SWEPT: replace(entry, select=rule)}
    monkeypatch.setattr(
        index_file, "current", lambda *_, **__: Index(runs, made_up_index().datasets)
    )
    return Plan({})


def test_the_chosen_point_is_asked_for_and_waits_for_its_candidates(swept):
    packs = ("1-10", "11-20", "21-30")
    folders = [f"out/runs/{SWEPT}/selected/seeds-{pack}" for pack in packs]
    assert swept.packs("results.csv") == [f"{folder}/results.csv" for folder in folders]
    assert swept.choice(SWEPT, "selected") == [f"out/runs/{SWEPT}/choice.json"]
    assert swept.choice(SWEPT, "rate=1") == []
    assert swept.candidates(SWEPT) == [
        f"out/runs/{SWEPT}/{name}/seeds-{pack}/run.json"
        for name in ("rate=1", "rate=2")
        for pack in packs[:2]
    ]


def test_candidates_have_the_seeds_of_the_choice_and_the_chosen_point_has_all(swept):
    assert swept.training(SWEPT, "rate=2", "1-10") == {"digest": "e" * 16, "seeds": "1,2"}
    assert swept.training(SWEPT, "rate=2", "11-20")["seeds"] == "11"
    both = f"{'a' * 16} or {'e' * 16}"
    seeds = ",".join(map(str, range(11, 21)))
    assert swept.training(SWEPT, "selected", "11-20") == {"digest": both, "seeds": seeds}
    digests = swept.evaluations(SWEPT, "selected", "11-20")["digests"]
    assert digests["accuracy"] == f"{'b' * 16} or {'b' * 16}"
    for name, pack in (("rate=2", "21-30"), ("selected", "31-40"), ("base", "1-10")):
        with pytest.raises(UserError, match=f"has no (pack seeds-{pack}|point 'base')"):
            swept.training(SWEPT, name, pack)


def test_a_choice_depends_on_its_rule_and_candidates(swept):
    before = swept.rule_of_choice(SWEPT)
    assert "e" * 16 in before["candidates"]
    assert "[1, 2, 11]" in before["select"]
    others = Plan({}, head=False)  # reads the index on disk
    with pytest.raises(UserError, match="has no `select`: all points are evaluated"):
        others.candidates(DEMO)


def test_the_table_of_selections_is_collected_from_choices(swept):
    assert "out/tables/scale-demo/selection.csv" in swept.tables()
    assert swept.inputs_of_table("scale-demo", "selection") == [f"out/runs/{SWEPT}/choice.json"]
    assert "results.csv" in swept.inputs_of_table("scale-demo", "runs")[0]
