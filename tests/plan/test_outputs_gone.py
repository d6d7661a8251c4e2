"""Deleted outputs of packs are missed, where they can be made again from what is kept."""

from dataclasses import replace

import pytest
from made_up_index import DEMO, OWN, pack, point, run

from isotrope import paths
from isotrope.plan.copied_tables import lacking_seeds
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


def table_of(run, *rows):
    path = paths.table_folder(run.group) / "runs.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(map(str, row)) for row in (("run", "point", "seed", "status"), *rows)]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("rows", "lacking"),
    [
        ([(1, "done"), (2, "left out")], []),
        ([(1, "done")], [OWN]),
        ([(2, "done"), (3, "done")], [OWN]),
        ([], []),
    ],
)
def test_seeds_that_a_table_lacks_are_found_whoever_wrote_it(folder, rows, lacking):
    table_of(ENTRY, *((OWN, "base", *row) for row in rows))
    assert lacking_seeds(ENTRY.group, {OWN: ENTRY}) == {key: ["base"] for key in lacking}


def test_of_another_run_or_point_a_table_holds_nothing(folder):
    table_of(ENTRY, (OWN, "other", 1, "done"), (OWN, "other", 2, "done"), (DEMO, "base", 1, "done"))
    assert lacking_seeds(ENTRY.group, {OWN: ENTRY}) == {OWN: ["base"]}


def test_a_chosen_point_stands_in_a_table_by_the_name_of_its_candidate(folder):
    rule = SelectEntry("validation_accuracy", "median", [1], "last")
    swept = replace(ENTRY, points={"a=1": point(), "a=2": point()}, select=rule)
    table_of(swept, *((OWN, "a=2", seed, "done") for seed in (1, 2)))
    assert lacking_seeds(swept.group, {OWN: swept}) == {}
    table_of(swept, (OWN, "a=2", 1, "done"))
    assert lacking_seeds(swept.group, {OWN: swept}) == {OWN: [paths.SELECTED]}


def test_without_a_table_nothing_is_lacking_in_it(folder):
    assert lacking_seeds(ENTRY.group, {OWN: ENTRY}) == {}


def test_a_new_seed_is_asked_for_beside_a_table_that_somebody_else_wrote(folder, indexed):
    plan = Plan({"runs": OWN})
    entry = plan.index.runs[OWN]
    assert plan.rows_gone() == [], "there is no table: Snakemake misses it all by itself"
    table_of(entry, *((OWN, "base", seed, "done") for seed in range(1, 26)))
    asked = [pack(OWN, name, "results.csv") for name in entry.packs("base")]
    assert Plan({"runs": OWN}).rows_gone() == asked
    assert set(asked) <= set(Plan({"runs": OWN}).outputs_gone())
    seeds = [seed for seeds in entry.packs("base").values() for seed in seeds]
    table_of(entry, *((OWN, "base", seed, "done") for seed in seeds))
    assert Plan({"runs": OWN}).rows_gone() == []
