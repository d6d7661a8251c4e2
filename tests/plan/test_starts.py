"""Runs that begin with other runs' weights, or with a file: what their jobs wait for."""

import os
from dataclasses import replace

import pytest
from made_up_index import OWN, PUBLISHED, made_up_index, pack, point, run

from isotrope import paths
from isotrope.datasets import local_data
from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.index import Index, SelectEntry, StartEntry
from isotrope.plan.targets import Plan

FINE = "standard/stir_emoji/fine"


@pytest.fixture
def started(indexed, monkeypatch):
    """An index in which one run, of 30 seeds in packs of 10, begins as it is told."""

    def made(start, **changes):
        index = made_up_index()
        fine = run(FINE, seeds=range(1, 31), seeds_per_job=10, base=point(start=start))
        whole = Index({**index.runs, FINE: replace(fine, **changes)}, index.datasets)
        monkeypatch.setattr(index_file, "current", lambda *_, **__: whole)
        return Plan({"runs": FINE})

    return made


def test_a_pack_waits_for_the_packs_that_hold_the_seeds_of_its_numbers(started):
    plan = started(StartEntry(PUBLISHED, "base", None, ["stir/emoji"], []))

    assert plan.start(FINE, "base", "1-10") == [pack(PUBLISHED, "1-25")]
    assert plan.start(FINE, "base", "21-30") == [
        pack(PUBLISHED, "1-25"),
        pack(PUBLISHED, "26-50"),
    ]


def test_all_packs_wait_for_the_one_that_holds_a_seed_that_is_named(started):
    plan = started(StartEntry(PUBLISHED, "base", 30, ["stir/emoji"], []))

    assert plan.start(FINE, "base", "1-10") == [pack(PUBLISHED, "26-50")]


def test_other_runs_wait_for_no_weights(started):
    assert started(None).start(OWN, "base", "1-25") == []
    assert "files" not in started(None).training(OWN, "base", "1-25")


def test_behind_a_choice_each_candidate_is_waited_for_that_begins_with_weights(started):
    start = StartEntry(PUBLISHED, "base", None, ["stir/emoji"], [])
    points = {"a=1": point(), "a=2": point(start=start)}
    select = SelectEntry("validation_accuracy", "median", [1, 2], "last")
    plan = started(None, points=points, select=select)

    assert plan.start(FINE, paths.SELECTED, "1-10") == [pack(PUBLISHED, "1-25")]
    assert plan.start(FINE, "a=1", "1-10") == []


def test_the_other_runs_data_are_asked_for_too(started):
    with pytest.raises(UserError, match=r"waits for data: stir/aerial\.npz"):
        started(StartEntry(PUBLISHED, "base", None, ["stir/emoji", "stir/aerial-local"], []))


def test_a_file_is_waited_for_and_watched(started, monkeypatch, tmp_path):
    start = StartEntry("", "", None, [], ["weights/a.pt"])
    with pytest.raises(UserError, match=r"waits for data: weights/a\.pt under \$ISOTROPE_DATA"):
        started(start)
    monkeypatch.setenv(local_data.VARIABLE, str(tmp_path))
    path = tmp_path / "weights/a.pt"
    path.parent.mkdir()
    path.write_bytes(b"first")
    plan = started(start)

    before, digests = plan.training(FINE, "base", "1-10"), plan.index.digests(FINE)
    path.write_bytes(b"other")
    os.utime(path, ns=(1, 1))  # weights of one model are all as large

    assert plan.start(FINE, "base", "1-10") == []
    assert started(start).training(FINE, "base", "1-10") != before
    assert started(start).index.digests(FINE) != digests


def test_the_index_keeps_it(tmp_path):
    index = made_up_index()
    entry = point(start=StartEntry(PUBLISHED, "base", 30, ["stir/emoji"], ["a.pt"]))
    whole = Index({**index.runs, FINE: run(FINE, base=entry)}, index.datasets)

    index_file.write(whole, {}, tmp_path / "index.json")
    found = index_file.read(tmp_path / "index.json")

    assert found is not None
    assert found[0] == whole
