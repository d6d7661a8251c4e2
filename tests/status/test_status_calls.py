"""How much is asked of the file system: names are listed once, and little is read."""

import builtins
import io
import os
import threading
from collections import Counter
from contextlib import contextmanager

import pytest
from made_up_index import made_up_index
from made_up_packs import MadeUpPack, looked_at

from isotrope.plan.index import Index

RUNS, PACKS, SEEDS = 40, 50, 3


@contextmanager
def counted(monkeypatch):
    """Counts questions about attributes of files, listings of folders, and openings of files."""
    asked, lock = Counter(), threading.Lock()

    def counting(function):
        def ask(place, *args, **options):
            if not isinstance(place, int):  # a file that is open already has been counted
                with lock:
                    asked[function.__name__] += 1
            return function(place, *args, **options)

        return ask

    with monkeypatch.context() as patch:
        for name in ("stat", "lstat", "scandir", "listdir", "open"):
            patch.setattr(os, name, counting(getattr(os, name)))
        for module in (io, builtins):
            patch.setattr(module, "open", counting(module.open))
        yield asked


@pytest.fixture
def index(folder):
    """2,000 packs in 40 runs, none of which has a file."""
    known = made_up_index()
    entry = known.runs["standard/stir_emoji/mine"]
    run = type(entry)(
        **{**vars(entry), "seeds": range(1, PACKS * SEEDS + 1), "seeds_per_job": SEEDS}
    )
    names = [f"standard/stir_emoji/run{i:02}" for i in range(RUNS)]
    return Index(dict.fromkeys(names, run), known.datasets)


def fill(name, pack, state):
    made_up = MadeUpPack(name, name=pack)
    first = int(pack.partition("-")[0])
    seeds = range(first, first + SEEDS)
    if state == "done":
        made_up.finish(*seeds)
        made_up.assemble(seeds=seeds, age=10)
        made_up.evaluate(*seeds)
    elif state == "running":
        made_up.finish(first)
        made_up.beat()


def look_at_filled(index, state, monkeypatch):
    for name, run in index.runs.items():
        for pack in run.packs("base"):
            fill(name, pack, state)
    with counted(monkeypatch) as asked:
        found = looked_at(index)
    assert Counter(one.found.state for one in found) == {state: RUNS * PACKS}
    return asked


def test_runs_that_did_not_begin_cost_one_listing_each(index, monkeypatch):
    with counted(monkeypatch) as asked:
        found = looked_at(index)
    assert Counter(one.found.state for one in found) == {"queued": RUNS * PACKS}
    assert asked["listdir"] == RUNS
    assert sum(asked.values()) < RUNS + 10


def test_packs_that_are_done_cost_one_listing_each_and_two_words_about_code(index, monkeypatch):
    asked = look_at_filled(index, "done", monkeypatch)
    of_points = RUNS * 5  # the point, its seeds, its evaluations and each of the two
    assert asked["listdir"] == RUNS * PACKS + of_points
    of_code = 2 * RUNS * PACKS  # the first bytes of run.json, and the file beside results.csv
    assert sum(asked.values()) < RUNS * PACKS + of_points + of_code + 10


def test_packs_at_work_cost_their_heartbeat_too(index, monkeypatch):
    asked = look_at_filled(index, "running", monkeypatch)
    assert asked["listdir"] == RUNS * PACKS + RUNS * 2
    assert sum(asked.values()) < 2 * RUNS * PACKS + RUNS * 2 + 20
