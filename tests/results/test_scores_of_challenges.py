"""Scores of a challenge from the packs of a run: which sets of images, and which refusals."""

from dataclasses import replace

import pytest
from made_up_index import OWN, made_up_index, point, run

from isotrope.errors import UserError
from isotrope.plan.index import EvaluationEntry, Index, SelectEntry
from isotrope.results import challenge
from isotrope.results.challenge import scores_of

SUBSET = "dataset.subset_seed"
HEAD = "run,point,seed,metric,value,n\n"


class Pack:
    """As far as scores ask a pack."""

    left_out = ()


@pytest.fixture
def scores(tmp_path, monkeypatch):
    """Scores of a run with points of these sets of images, whose table has these rows."""
    asked = []

    def finished(known, name, entry, point, made):
        asked.append((name, point, made))
        return [Pack()]

    monkeypatch.setattr(challenge, "finished_packs", finished)

    def of(subsets, rows, seeds=(1, 2), **changes):
        def collect(group, packs, folder):
            assert (group, len(packs)) == ("scale", len(subsets))
            written = []
            for table, lines in rows.items():
                path = folder / f"{table}.csv"
                path.write_text(lines)
                written.append(path)
            return written

        monkeypatch.setattr(challenge, "collect", collect)
        points = {
            f"p{i}": point(parameters={SUBSET: subset} if subset else {})
            for i, subset in enumerate(subsets)
        }
        entry = replace(run(OWN, seeds=seeds, **points), **changes)
        asked.clear()
        found = scores_of(Index({OWN: entry}, made_up_index().datasets), OWN, SUBSET)
        assert asked == [(OWN, name, None) for name in points]
        return {one.what: dict(one.values) for one in found}

    return of


def lines(*rows, metric="accuracy"):
    return "".join(f"{OWN},{place},{seed},{metric},{value},9\n" for place, seed, value in rows)


def test_seeds_of_one_point_are_sets_of_images_of_their_own(scores):
    rows = lines(("p0", 1, 0.5), ("p0", 2, 0.75)) + lines(("p0", 1, 9.0), metric="other")
    assert scores([None], {"accuracy": HEAD + rows}) == {"test accuracy": {1: 0.5, 2: 0.75}}


def test_seeds_of_points_that_share_a_set_are_taken_together(scores):
    rows = lines(("p0", 1, 0.5), ("p0", 2, 0.75), ("p1", 1, 0.25), ("p1", 2, 0.25))
    together = HEAD.replace("n\n", "n,views\n") + "".join(
        f"{OWN},{place},,{metric},{value + more},9,{views}\n"
        for place, value in (("p0", 0.75), ("p1", 0.5))
        for views, more in (("mirrored", 0.125), ("image", 0.0))
        for metric in ("accuracy", "other")
    )
    assert scores([11, 12], {"accuracy": HEAD + rows, "seed_ensemble": together}) == {
        "single networks, 2 on each subset": {11: 0.625, 12: 0.25},
        "ensemble of 2": {11: 0.75, 12: 0.5},
        "ensemble of 2, mirror images too": {11: 0.875, 12: 0.625},
    }
    alone = HEAD + lines(("p0", 1, 0.5), ("p0", 2, 0.75))
    found = scores([None], {"accuracy": alone, "seed_ensemble": together})
    assert [*found] == ["test accuracy"], "all seeds of one point are on different images"


def test_points_that_differ_in_something_else_are_refused(scores):
    with pytest.raises(UserError, match=rf"^{OWN}: its sweep must be one of {SUBSET} alone$"):
        scores([11, 11], {"accuracy": HEAD + lines(("p0", 1, 0.5))})
    with pytest.raises(UserError, match=r"its sweep must be one of"):
        scores([None, None], {"accuracy": HEAD + lines(("p0", 1, 0.5))})


def test_a_run_that_chooses_tests_otherwise_or_is_not_finished_is_refused(scores, monkeypatch):
    rows = {"accuracy": HEAD + lines(("p0", 1, 0.5))}
    select = SelectEntry("validation_accuracy", "median", [1, 2], "last")
    with pytest.raises(UserError, match="a run of a challenge chooses nothing; take `select` out"):
        scores([None], rows, select=select)
    other = {"top": EvaluationEntry("accuracy", "1" * 16, "stir/emoji")}
    with pytest.raises(UserError, match=f"^{OWN}: add accuracy to its evaluations$"):
        scores([None], rows, points={"p0": point(evaluations=other)})
    monkeypatch.setattr(Pack, "left_out", ("one", "two"))
    with pytest.raises(UserError) as error:
        scores([None], rows)
    assert error.value.sentences == ("one", "two")
    monkeypatch.setattr(challenge, "finished_packs", lambda *_: [])
    with pytest.raises(UserError, match=rf"^{OWN}: no seed is finished$"):
        scores([None], rows)
