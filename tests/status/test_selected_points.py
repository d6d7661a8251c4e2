"""Candidates, and the point that is chosen from them."""

from collections import defaultdict
from dataclasses import replace

import pytest
from made_up_index import DEMO, made_up_index, point, run
from made_up_packs import MadeUpPack, looked_at

from isotrope import paths
from isotrope.plan.index import Index, SelectEntry
from isotrope.results import choice
from isotrope.status.asked_packs import packs_of

RULE = SelectEntry("validation_accuracy", "median", [1, 2], "last")
DIGESTS = {name: name * 16 for name in "ab"}


@pytest.fixture
def known(folder):
    points = {name: point(digest=digest) for name, digest in DIGESTS.items()}
    entry = replace(run(DEMO, seeds=(1, 2, 26), **points), select=RULE)
    return Index({DEMO: entry}, made_up_index().datasets)


def states(known):
    return {
        (one.point, one.pack): (one.found.state, one.found.finished, one.found.detail)
        for one in looked_at(known)
    }


def train_candidate(name, *lost):
    pack = MadeUpPack(place=name)
    pack.finish(1, 2, digest=DIGESTS[name])
    pack.assemble(digest=DIGESTS[name], seeds=(1, 2), **{f"seed{s}": "diverged" for s in lost})


def choose(winner="a", digests=DIGESTS, lost=()):
    candidates = [
        choice.Candidate(name, digest, 0.5, [0.5, 0.5], list(lost))
        for name, digest in digests.items()
    ]
    choice.write(DEMO, choice.Choice(winner, RULE, candidates, []))


def test_the_chosen_point_waits_for_the_choice(known):
    train_candidate("a")
    MadeUpPack(place="b").finish(1, digest=DIGESTS["b"])
    assert states(known) == {
        ("a", "1-25"): ("done", 2, ""),
        ("b", "1-25"): ("queued", 1, ""),
        ("selected", "1-25"): ("queued", 0, "waits for the choice"),
        ("selected", "26-50"): ("queued", 0, "waits for the choice"),
    }


def test_the_patience_with_evaluations_is_the_wall_time_of_their_jobs(known):
    entry = replace(known.runs[DEMO], evaluation_minutes=45)
    train_candidate("a")
    train_candidate("b")
    choose()
    found = packs_of(Index({DEMO: entry}, known.datasets), [DEMO], defaultdict(list))
    assert {one.point_in_path for one in found} == {"a", "b", paths.SELECTED}
    assert {one.evaluating for one in found} == {45 * 60}


def test_diverged_seeds_of_candidates_are_counted_before_and_after_the_choice(known):
    train_candidate("a", 1)
    train_candidate("b", 1, 2)
    assert states(known)["a", "1-25"] == ("done", 2, "1 diverged")
    assert states(known)["b", "1-25"] == ("diverged", 2, "2 diverged")
    choose(lost=[2])
    (paths.pack_folder(DEMO, "a", "1-25") / "run.json").write_text("it is not read any more")
    assert states(known)["a", "1-25"] == ("done", 2, "1 diverged")


def test_a_choice_that_failed_shows_the_end_of_its_log(known):
    log = paths.choice(DEMO).with_name("choose.log")
    train_candidate("a")
    log.write_text("run.json is damaged; delete it\n")
    assert states(known)["selected", "1-25"] == ("queued", 0, "waits for the choice")
    train_candidate("b")
    expected = ("failed", 0, "choice: run.json is damaged; delete it")
    assert states(known)["selected", "1-25"] == expected


def test_what_is_chosen_takes_the_candidates_seeds(known):
    train_candidate("a")
    choose()
    found = {(one.point, one.pack): one for one in looked_at(known)}
    selected = found["selected", "1-25"]
    assert selected.chosen == "a"
    assert (selected.found.state, selected.found.finished) == ("queued", 2)
    assert selected.found.detail == "trained; to be put together"
    assert found["selected", "26-50"].found.finished == 0
    assert found["a", "1-25"].chosen is None


def test_the_chosen_point_is_done_when_it_is_evaluated(known):
    train_candidate("a")
    train_candidate("b")
    choose()
    pack = MadeUpPack(place="selected", point="a")
    pack.assemble(digest=DIGESTS["a"], seeds=(1, 2), age=10)
    assert states(known)["selected", "1-25"] == ("queued", 2, "trained; to be evaluated")
    pack.evaluate(1, 2)
    assert states(known)["selected", "1-25"] == ("done", 2, "")
    choose("b")
    assert states(known)["selected", "1-25"][0] == "stale"


def test_results_of_a_choice_that_is_out_of_date_are_stale(known):
    choose(digests={**DIGESTS, "b": "0" * 16})
    MadeUpPack(place="selected").assemble(digest=DIGESTS["a"])
    assert states(known) == {
        ("a", "1-25"): ("queued", 0, ""),
        ("b", "1-25"): ("queued", 0, ""),
        ("selected", "1-25"): ("stale", 0, "of an earlier choice, which is to be made anew"),
        ("selected", "26-50"): ("queued", 0, "waits for the choice"),
    }
