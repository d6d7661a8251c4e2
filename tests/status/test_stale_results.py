"""Results of other settings, code, data or evaluations, and why they are not those of now."""

import json

import pytest
from made_up_index import DEMO, made_up_index, point
from made_up_packs import ANOTHER, STORES, MadeUpPack, looked_at, only

from isotrope import paths
from isotrope.packs import summary
from isotrope.plan.index import EvaluationEntry
from isotrope.plan.stale import changed_settings, reason

NOW = {"model": {"name": "x"}, "training": {"epochs": 2}}  # the settings of the made-up points
BEFORE = {"model": {"name": "x"}, "training": {"epochs": 1}}
KEPT = "its seeds are kept, and only put together again"


def test_a_changed_value_is_named_as_it_was_and_as_it_is(pack):
    pack.finish(1, 2, 3, digest=ANOTHER)
    pack.assemble(digest=ANOTHER, settings=BEFORE)
    pack.write("results.csv")
    assert pack.state == ("stale", 0, "trained with training.epochs 1, now 2")
    assert pack.found.trained_with == ANOTHER
    assert pack.found.changed == {"training.epochs": (1, 2)}


def test_a_summary_that_is_gone_before_it_is_compared_is_said_to_be_damaged(pack, monkeypatch):
    pack.finish(1, 2, 3, digest=ANOTHER)
    pack.assemble(digest=ANOTHER, settings=BEFORE)
    monkeypatch.setattr(summary, "glance", lambda folder: None)
    state, _, detail = pack.state
    assert state == "stale"
    assert detail.startswith("run.json is truncated or altered; delete it and run `snakemake runs`")


def test_equal_values_leave_the_code_to_have_changed(pack):
    pack.finish(1, 2, 3, digest=ANOTHER)
    pack.assemble(digest=ANOTHER, settings=NOW, commit="0123456789abcdef")
    expected = "trained by other code (0123456789ab): a REVISION has changed"
    assert pack.state == ("stale", 0, expected)


def test_where_the_data_are_the_users_they_may_have_changed_too(pack):
    manifest = paths.manifest("stir", "emoji")
    manifest.parent.mkdir(parents=True)
    files = [{"root": "ISOTROPE_DATA", "path": "a", "sha256": "x"}]
    manifest.write_text(json.dumps({"files": files}))
    pack.finish(1, 2, 3)
    pack.assemble(settings=NOW)
    expected = "trained by other code: a REVISION has changed, or on other files of yours"
    assert pack.state == ("stale", 0, expected)


def test_going_back_to_old_settings_keeps_the_seeds(pack):
    pack.finish(1, 2, 3)
    pack.finish(1, 2, 3, digest=ANOTHER)
    pack.assemble(digest=ANOTHER, settings=BEFORE)
    pack.evaluate(1, 2, 3)
    assert pack.state == ("stale", 3, f"trained with training.epochs 1, now 2; {KEPT}")
    pack.assemble()
    pack.write("results.csv", age=60)
    assert pack.state == ("queued", 3, "trained; to be evaluated")
    pack.write("results.csv")
    assert pack.state == ("done", 3, "")


def test_a_training_of_new_settings_under_way_is_no_longer_stale(pack):
    pack.finish(1, 2, 3, digest=ANOTHER)
    pack.finish(1)
    pack.write("results.csv")  # snakemake has deleted the outputs of the training alone
    pack.beat()
    assert pack.state[:2] == ("running", 1)


def test_the_digest_is_read_where_the_seeds_do_not_tell_it(pack):
    pack.finish(1)
    pack.finish(1, 2, 3, digest=ANOTHER)
    pack.assemble(digest=ANOTHER, settings=BEFORE)
    assert pack.state[:2] == ("stale", 1)
    pack.assemble(seeds=(1,))
    assert pack.state == ("queued", 1, "2 seeds more than were trained")


def test_of_packs_that_are_stale_alike_one_is_read(folder, monkeypatch):
    index = only(DEMO, seeds=list(range(1, 101)))
    for first in (1, 26, 51, 76):
        pack = MadeUpPack(name=f"{first}-{first + 24}")
        pack.finish(*range(first, first + 25), digest=ANOTHER)
        pack.assemble(digest=ANOTHER, settings=BEFORE)
    read, glance = [], summary.glance

    def counted(path):
        read.append(path)
        return glance(path)

    monkeypatch.setattr(summary, "glance", counted)
    found = [one.found for one in looked_at(index)]
    assert [one.detail for one in found] == ["trained with training.epochs 1, now 2"] * 4
    assert len(read) == 1


def test_a_new_evaluation_makes_results_stale_and_is_named(pack):
    pack.make()
    evaluations = {
        **made_up_index().runs[DEMO].points["base"].evaluations,
        "index_correlation": EvaluationEntry("index_correlation", "7" * 16, "stir/emoji"),
    }
    (one,) = looked_at(only(DEMO, points={"base": point(evaluations=evaluations)}))
    assert one.found.state == "stale"
    assert one.found.detail == "evaluation index_correlation is new"


def test_a_changed_evaluation_makes_results_stale_and_is_named(pack):
    pack.finish(1, 2, 3)
    pack.assemble(age=10)
    pack.evaluate(1, 2, 3, stores=("accuracy-" + "0" * 16, STORES[1]))
    assert pack.state == ("stale", 3, "evaluation accuracy differs")


def test_a_diverged_seed_hides_no_changed_evaluation(pack):
    pack.finish(1, 2, 3)
    pack.assemble(age=10, seed2="diverged")
    pack.evaluate(1, 3, stores=("accuracy-" + "0" * 16, STORES[1]))
    assert pack.state == ("stale", 3, "evaluation accuracy differs")
    pack.evaluate(1, 3)
    assert pack.state == ("done", 3, "1 diverged")


@pytest.mark.parametrize(
    ("then", "now", "changed"),
    [
        ({"a": {"b": 1, "c": [1, 2]}}, {"a.b": 1, "a.c": "[1, 2]"}, {}),
        ({"a": {"b": 1}}, {"a.b": 2, "a.new": 3}, {"a.b": (1, 2)}),
        ({"a": {"b": 1, "old": 2}}, {"a.b": 1, "a.new": 3}, {}),
        ({"a": {"b": None}}, {"a.b.c": 1}, {"a.b.c": (None, 1)}),
        ({"a": {"b": {"c": 1}}}, {"a.b": None}, {"a.b.c": (1, None)}),
        ("nothing", {"a": 1}, {}),
    ],
)
def test_settings_are_compared_by_their_dotted_keys(then, now, changed):
    assert changed_settings({"settings": then}, now) == changed


def test_of_many_changed_settings_three_are_named():
    changed = {f"a.{letter}": (None, 1) for letter in "bcdef"}
    expected = "trained with a.b none, now 1; a.c none, now 1; a.d none, now 1 and 2 more"
    assert reason({}, changed, own_files=False) == expected
