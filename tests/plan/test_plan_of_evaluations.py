"""Which job makes which rows, and what it waits for."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_up_index import OWN, PACKS, PUBLISHED, made_up_index, pack, point, run

from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.index import DatasetEntry, EvaluationEntry, JobEntry, OtherEntry, StartEntry
from isotrope.plan.targets import Plan

ALONE = EvaluationEntry("attack", "1" * 16, "stir/emoji", JobEntry(1, 4, 240, 4000))
OF_RUN = EvaluationEntry("spread", "2" * 16, "stir/emoji", JobEntry(0, 1, 30, 2000), of_run=True)
AGAINST = EvaluationEntry(
    "agreement", "3" * 16, "stir/emoji", against=OtherEntry(PUBLISHED, "base", 27, ["stir/emoji"])
)


@pytest.fixture
def plan(indexed):
    known = made_up_index()
    more = {"attack": ALONE, "spread": OF_RUN, "agreement": AGAINST}
    base = point(evaluations={**point().evaluations, **more})
    entry = replace(run(OWN, seeds=range(1, 27), base=base), evaluation_minutes=45)
    known.runs[OWN] = entry
    index_file.write(known, {})
    return Plan({"runs": OWN})


def test_results_are_of_packs_of_own_jobs_and_of_the_run(plan):
    expected = {pack(OWN, one, "results.csv") for one in PACKS}
    expected |= {pack(OWN, one, "results-attack.csv") for one in PACKS}
    assert set(plan.results()) == expected | {f"out/runs/{OWN}/base/results-spread.csv"}


def test_what_is_trained_is_asked_for_by_its_weights(plan):
    assert plan.weights() == [pack(OWN, one, "weights.safetensors") for one in PACKS]


def test_a_table_waits_for_the_files_that_hold_its_rows(plan):
    def inputs(table):
        return plan.inputs_of_table("scale", table)

    assert inputs("attack") == [pack(OWN, one, "results-attack.csv") for one in PACKS]
    assert inputs("spread") == [f"out/runs/{OWN}/base/results-spread.csv"]
    for table in ("runs", "accuracy", "agreement"):
        assert inputs(table) == [pack(OWN, one, "results.csv") for one in PACKS]


def test_a_job_of_its_own_has_its_resources_and_the_shared_one_those_of_the_run(plan):
    assert (plan.gpus(OWN), plan.cpus(OWN), plan.memory(OWN, 2)) == (0, 1, 4000)
    assert plan.minutes_of_evaluation(OWN) == 45
    own = OWN, "base", "attack"
    assert (plan.gpus(*own), plan.cpus(*own), plan.minutes_of_evaluation(*own)) == (1, 4, 240)
    assert plan.memory(OWN, 3, "base", "attack") == 12000


def test_a_job_is_planned_for_its_own_digests_only(plan):
    shared = plan.evaluations(OWN, "base", "1-25")
    assert set(shared["digests"]) == {"accuracy", "scale_generalization", "agreement"}
    assert plan.evaluations(OWN, "base", "26-50", "attack") == {
        "digests": {"attack": "1" * 16},
        "seeds": "26",
    }
    assert plan.evaluation_of_run(OWN, "base", "spread") == {"digests": {"spread": "2" * 16}}
    with pytest.raises(UserError, match=r"'atack' with a job of its own; did you mean 'attack'"):
        plan.evaluations(OWN, "base", "1-25", "atack")


def test_another_network_is_an_input_of_the_job_that_measures_against_it(plan):
    files = [pack(PUBLISHED, "26-50", file) for file in ("weights.safetensors", "run.json")]
    assert plan.networks_against(OWN, "base", "1-25") == files
    assert plan.networks_against(OWN, "base", "1-25", "attack") == []


def test_to_each_seed_the_one_of_its_number_is_in_the_packs_that_hold_them(plan):
    same = replace(AGAINST, against=OtherEntry(PUBLISHED, "base", None, ["stir/emoji"]))
    plan.index.runs[OWN].points["base"].evaluations["agreement"] = same
    assert {path.split("/")[-2] for path in plan.networks_against(OWN, "base", "1-25")} == {
        "seeds-1-25"
    }


def test_a_measure_of_the_run_waits_for_all_its_packs(plan):
    assert set(plan.networks_of_point(OWN, "base")) == {
        pack(OWN, one, file) for one in PACKS for file in ("weights.safetensors", "run.json")
    }


def test_a_job_waits_for_all_data_sets_that_its_rows_depend_on_and_for_no_others(plan):
    keys = ("own", "theirs", "alone", "begun")
    entries = {key: DatasetEntry("digits", key, {}, "9" * 16, []) for key in keys}
    plan.index.datasets.update({f"digits/{key}": entry for key, entry in entries.items()})
    base = plan.index.runs[OWN].points["base"]
    other = OtherEntry(PUBLISHED, "base", 27, ["stir/emoji", "digits/theirs"])
    base.evaluations["agreement"] = replace(AGAINST, dataset="digits/own", against=other)
    base.evaluations["attack"] = replace(ALONE, dataset="digits/alone")
    begun = StartEntry(PUBLISHED, "base", 1, ["digits/begun"], [])
    plan.index.runs[OWN].points["base"] = replace(base, start=begun)

    def waits_for(table=None):
        return {
            path.split("/")[-1].split(".")[0] for path in plan.evaluation_data(OWN, "base", table)
        }

    assert waits_for() == {"emoji", "begun", "own", "theirs"}
    assert waits_for("attack") == {"emoji", "begun", "alone"}
    assert waits_for("spread") == {"emoji", "begun"}
    assert [path.split("/")[-1] for path in plan.training_data(OWN, "base")] == [
        "emoji.manifest.json",
        "begun.manifest.json",
    ]
    built = {path.split("/")[-1] for path in plan.datasets()}
    assert {f"{key}.manifest.json" for key in ("emoji", *keys)} <= built


def test_a_run_waits_for_the_files_of_the_network_that_it_is_measured_against(plan, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(Path.cwd()))
    base = plan.index.runs[OWN].points["base"]
    other = OtherEntry(PUBLISHED, "base", 27, ["stir/emoji"], ["weights/theirs.safetensors"])
    base.evaluations["agreement"] = replace(AGAINST, against=other)
    assert plan.index.waiting_for(OWN) == ["weights/theirs.safetensors"]
    Path("weights").mkdir()
    Path("weights/theirs.safetensors").touch()
    assert plan.index.waiting_for(OWN) == []
