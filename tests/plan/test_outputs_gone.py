"""Deleted outputs of packs are missed, where they can be made again from what is kept."""

from dataclasses import replace

import pytest
from made_up_index import DEMO, OWN, pack, point, run

from isotrope import paths
from isotrope.plan.index import JobEntry, SelectEntry
from isotrope.plan.outputs_gone import outputs_gone
from isotrope.plan.targets import Plan

MADE = ("history.csv", "results.csv", "run.json", "weights.safetensors")
ENTRY = run(OWN, seeds=(1, 2), seeds_per_job=2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project in which one pack of two seeds is trained and evaluated."""
    monkeypatch.chdir(tmp_path)
    make("base", 1, 2)
    return paths.pack_folder(OWN, "base", "1-2")


def make(place, *seeds, kept_at="base"):
    path = paths.pack_folder(OWN, place, "1-2")
    path.mkdir(parents=True)
    for name in MADE:
        (path / name).touch()
    for seed in seeds:
        paths.finished_seed(OWN, kept_at, seed, "a" * 16).mkdir(parents=True)


def gone(place="base", *names):
    folder = paths.pack_folder(OWN, place, "1-2")
    return [(folder / name).as_posix() for name in names]


@pytest.mark.parametrize("name", MADE)
def test_each_output_is_missed(folder, name):
    assert outputs_gone(OWN, ENTRY) == []
    (folder / name).unlink()
    assert outputs_gone(OWN, ENTRY) == gone("base", name)


def test_what_would_have_to_be_trained_again_is_left_to_the_target_runs(folder):
    paths.finished_seed(OWN, "base", 2, "a" * 16).rmdir()
    (folder / "weights.safetensors").unlink()
    assert outputs_gone(OWN, ENTRY) == []
    (folder / "weights.safetensors").touch()
    (folder / "results.csv").unlink()
    assert outputs_gone(OWN, ENTRY) == gone("base", "results.csv")


def test_a_pack_that_was_not_begun_or_is_gone_as_a_whole_has_lost_nothing(folder):
    for name in MADE:
        (folder / name).unlink()
    assert outputs_gone(OWN, ENTRY) == []
    folder.rmdir()
    assert outputs_gone(OWN, ENTRY) == []


def test_evaluations_that_all_have_jobs_of_their_own_leave_no_results_to_miss(folder):
    (folder / "results.csv").unlink()
    bare = run(OWN, seeds=(1, 2), seeds_per_job=2, base=point(evaluations={}))
    assert outputs_gone(OWN, bare) == []


def test_results_of_evaluations_with_jobs_of_their_own_are_missed(folder):
    job = JobEntry(0, 1, 5, 1000)
    alone = replace(point().evaluations["accuracy"], job=job)
    entries = {"alone": alone, "whole": replace(alone, of_run=True)}
    entry = run(OWN, seeds=(1, 2), seeds_per_job=2, base=point(evaluations=entries))
    whole = paths.results_of_run(OWN, "base", "whole")
    missing = [whole.as_posix(), *gone("base", "results-alone.csv")]
    assert outputs_gone(OWN, entry) == missing
    whole.touch()
    (folder / "results-alone.csv").touch()
    assert outputs_gone(OWN, entry) == []


def test_seeds_of_the_chosen_point_are_kept_at_the_candidates(folder):
    make(paths.SELECTED, kept_at="small")
    select = SelectEntry("validation_accuracy", "median", [1], "last")
    chooses = run(OWN, seeds=(1, 2), seeds_per_job=2, small=point(), large=point())
    chooses = type(chooses)(**{**vars(chooses), "select": select})
    (paths.pack_folder(OWN, paths.SELECTED, "1-2") / "run.json").unlink()
    assert outputs_gone(OWN, chooses) == []
    for seed in (1, 2):
        paths.finished_seed(OWN, "large", seed, "b" * 16).mkdir(parents=True)
    assert outputs_gone(OWN, chooses) == gone(paths.SELECTED, "run.json")


def test_targets_ask_for_them(indexed):
    assert Plan({}).outputs_gone() == []
    path = paths.pack_folder(DEMO, "base", "1-25")
    path.mkdir(parents=True)
    (path / "run.json").touch()
    for seed in (1, 2, 3):
        paths.finished_seed(DEMO, "base", seed, "a" * 16).mkdir(parents=True)

    plan = Plan({})

    trained = [pack(DEMO, "1-25", file) for file in ("history.csv", "weights.safetensors")]
    assert plan.training_gone() == trained
    assert sorted(plan.outputs_gone()) == sorted([*trained, pack(DEMO, "1-25", "results.csv")])


def test_copied_tables_miss_nothing(copied_tables):
    assert Plan({}).outputs_gone() == []


def test_each_pack_is_looked_at_also_behind_whole_ones_and_those_not_begun(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = run(OWN, seeds=range(1, 9), seeds_per_job=2)
    for pack_name in ("1-2", "5-6", "7-8"):
        folder = paths.pack_folder(OWN, "base", pack_name)
        folder.mkdir(parents=True)
        for name in MADE:
            (folder / name).touch()
    for seed in range(1, 9):
        paths.finished_seed(OWN, "base", seed, "a" * 16).mkdir(parents=True)
    for name in ("history.csv", "run.json"):
        (folder / name).unlink()
    assert outputs_gone(OWN, entry) == [f"{folder}/history.csv", f"{folder}/run.json"]
