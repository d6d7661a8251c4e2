"""A pack's evaluations: only what is missing is computed, and the table is put together anew."""

import csv
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_runs import (
    TOY_MODEL,
    ToyDataParams,
    ToyModelParams,
    toy_task,
    toys,  # noqa: F401
    train,
)

from isotrope import registry
from isotrope.datasets import loading
from isotrope.errors import UserError
from isotrope.evaluation import accuracy, scale_generalization
from isotrope.files.arrays import read_arrays
from isotrope.layers import forms
from isotrope.measuring import evaluating, networks
from isotrope.measuring.task import BoundEvaluation, EvaluationTask
from isotrope.params.blocks import Plugin
from isotrope.params.evaluations import Evaluation
from isotrope.settings import Settings
from isotrope.training.task import TrainingTask


def evaluation(
    name: str, alias: str = "", digest: str = "d" * 16, data: Settings | None = None
) -> BoundEvaluation:
    params = registry.load("evaluation", name).Params()
    entry = Evaluation(name, alias or name, params, None, ("evaluations", 0))
    return BoundEvaluation(entry, Plugin("toy", data or ToyDataParams()), digest)


def task_for(
    trained: TrainingTask, *evaluations: BoundEvaluation, **changes: Any
) -> EvaluationTask:
    values: dict[str, Any] = {
        "run": trained.run,
        "point": trained.point,
        "packs": {trained.pack: trained.seeds},
        "training_digest": trained.training_digest,
        "evaluations": evaluations or (evaluation("accuracy"), evaluation("scale_generalization")),
        "device": "cpu",
    }
    return EvaluationTask(**values | changes)


def evaluate(task: EvaluationTask) -> list[str]:
    lines: list[str] = []
    evaluating.evaluate(task, lines.append)
    return lines


def results(task: EvaluationTask) -> list[dict[str, str]]:
    return list(csv.DictReader(task.results.read_text().splitlines()))


@pytest.fixture
def trained(toys) -> TrainingTask:  # noqa: F811
    task = toy_task(seeds=[1, 2, 3], pack="1-3", model_params=ToyModelParams(explode=2))
    train(task)
    return task


@pytest.fixture
def computed(monkeypatch) -> list[tuple[str, list[int]]]:
    """The evaluations that were computed, each with the seeds that it was given."""
    calls: list[tuple[str, list[int]]] = []
    for plugin in (accuracy, scale_generalization):

        def spy(
            given: networks.Networks, *args: Any, plugin: Any = plugin, work: Any = plugin.evaluate
        ) -> Any:
            calls.append((plugin.__name__.rpartition(".")[2], given.seeds))
            return work(given, *args)

        monkeypatch.setattr(plugin, "evaluate", spy)
    return calls


def test_results_have_the_columns_of_all_evaluations_and_no_diverged_seed(trained, computed):
    task = task_for(trained)
    lines = evaluate(task)

    rows = results(task)
    assert list(rows[0]) == [
        *("evaluation", "run", "point", "seed"),
        *("scale", "metric", "value", "n"),
    ]
    assert [(row["evaluation"], row["seed"], row["scale"]) for row in rows] == [
        ("accuracy", "1", ""),
        ("accuracy", "3", ""),
        *(("scale_generalization", seed, scale) for seed in "13" for scale in "3456"),
    ]
    assert {(row["run"], row["point"], row["metric"]) for row in rows} == {
        (trained.run, "base", "accuracy")
    }
    assert all(0 <= float(row["value"]) <= 1 for row in rows)
    assert computed == [
        (name, [seed]) for name in ("accuracy", "scale_generalization") for seed in (1, 3)
    ]
    assert "seed 2 has diverged and is not evaluated" in lines
    assert not list(Path("out").rglob("*.part"))


def test_nothing_is_loaded_when_nothing_is_missing(trained, monkeypatch):
    task = task_for(trained)
    evaluate(task)
    path = task.results
    before = path.read_bytes()
    path.unlink()  # as Snakemake does before it runs the rule again
    monkeypatch.setattr(loading, "load_split", lambda *args: pytest.fail("data were loaded"))
    monkeypatch.setattr(networks.Networks, "open", lambda *args: pytest.fail("a network was built"))

    evaluate(task)

    assert path.read_bytes() == before


def test_new_seeds_and_evaluations_alone_are_computed(trained, computed):
    evaluate(task_for(trained, evaluation("accuracy"), packs={"1-3": [1]}))
    evaluate(task_for(trained))

    assert computed == [
        ("accuracy", [1]),
        ("accuracy", [3]),
        ("scale_generalization", [1]),
        ("scale_generalization", [3]),
    ]


def test_networks_of_the_seeds_that_are_computed_alone_are_opened(trained, monkeypatch):
    opened, plain = [], networks.Networks.open

    def noted(folder: Path, device: Any, seeds: tuple[int, ...]) -> networks.Networks:
        opened.append(seeds)
        return plain(folder, device, seeds)

    monkeypatch.setattr(networks.Networks, "open", noted)
    evaluate(task_for(trained, evaluation("accuracy"), packs={"1-3": [1]}))
    evaluate(task_for(trained, evaluation("accuracy")))
    assert opened == [(1,), (3,)]


def test_together_and_one_by_one_gives_the_same_bytes(trained):
    whole = task_for(trained)
    evaluate(whole)
    expected = whole.results.read_bytes()
    for path in Path("out").rglob("*/.evaluations/*/*.csv"):
        path.unlink()
    for seed in (3, 1):
        for name in ("scale_generalization", "accuracy"):
            evaluate(task_for(trained, evaluation(name), packs={"1-3": [seed]}))
    evaluate(whole)

    assert whole.results.read_bytes() == expected


def test_on_a_gpu_seeds_are_evaluated_together_with_the_same_rows(trained, computed):
    whole = task_for(trained)
    evaluate(whole)
    expected = whole.results.read_bytes()
    for path in Path("out").rglob("*/.evaluations/*/*.csv"):
        path.unlink()
    computed.clear()
    with forms.like_a_gpu():
        evaluate(whole)

    assert computed == [("accuracy", [1, 3]), ("scale_generalization", [1, 3])]
    assert whole.results.read_bytes() == expected


def test_on_a_gpu_models_that_cannot_be_stacked_are_evaluated_seed_by_seed(
    trained, computed, monkeypatch
):
    monkeypatch.setattr(TOY_MODEL, "STACKABLE", False, raising=False)
    with forms.like_a_gpu():
        lines = evaluate(task_for(trained, evaluation("accuracy")))
    assert computed == [("accuracy", [1]), ("accuracy", [3])]
    assert not any("stacked" in line for line in lines)


def test_evaluations_that_look_inside_networks_come_first_and_stand_where_they_are_named(
    trained, computed, monkeypatch
):
    literal = registry.literal
    monkeypatch.setattr(
        registry,
        "literal",
        lambda *asked: (
            {"conv"}
            if asked == ("evaluation", "scale_generalization", "NEEDS")
            else literal(*asked)
        ),
    )
    task = task_for(trained)
    evaluate(task)
    assert [name for name, _ in computed] == ["scale_generalization"] * 2 + ["accuracy"] * 2
    assert list(dict.fromkeys(row["evaluation"] for row in results(task))) == [
        "accuracy",
        "scale_generalization",
    ]


@pytest.mark.parametrize("kept", [0, 1, 30, -1, -20])
def test_a_truncated_file_of_rows_is_computed_again(trained, computed, kept):
    task = task_for(trained, evaluation("scale_generalization"))
    evaluate(task)
    before = task.results.read_bytes()
    path = task.rows_file(task.evaluations[0], 3)
    path.write_bytes(path.read_bytes()[:kept])

    lines = evaluate(task)

    assert f"{path} is truncated or altered and is computed again" in lines
    assert computed[2:] == [("scale_generalization", [3])]
    assert task.results.read_bytes() == before


def test_an_altered_digit_is_noticed(trained, computed):
    task = task_for(trained, evaluation("accuracy"))
    evaluate(task)
    path = task.rows_file(task.evaluations[0], 1)
    path.write_text(path.read_text().replace(",accuracy,0", ",accuracy,1"))
    evaluate(task)

    assert computed[2:] == [("accuracy", [1])]


def test_one_evaluation_may_stand_twice_under_two_names_and_on_other_data(trained, computed):
    other = ToyDataParams(count=48)
    task = task_for(
        trained,
        evaluation("accuracy"),
        evaluation("accuracy", alias="more_images", digest="e" * 16, data=other),
    )
    evaluate(task)

    rows = results(task)
    assert "scale" not in rows[0]
    sizes = {(row["evaluation"], row["n"]) for row in rows}
    assert {name for name, _ in sizes} == {"accuracy", "more_images"}
    assert len({n for _, n in sizes}) == 2
    assert len(computed) == 4


def test_a_raised_digest_computes_anew(trained, computed):
    evaluate(task_for(trained, evaluation("accuracy")))
    evaluate(task_for(trained, evaluation("accuracy", digest="f" * 16)))

    assert computed == [("accuracy", [1]), ("accuracy", [3])] * 2


def test_a_pack_of_diverged_seeds_has_a_table_without_rows(trained):
    task = task_for(trained, packs={"1-3": [2]})
    evaluate(task)

    expected = "evaluation,run,point,seed,metric,value,n\n"
    assert task.results.read_text() == expected


def test_another_training_and_absent_seeds_are_refused(trained):
    with pytest.raises(UserError, match=r"digest 0123456789abcdef, the param-file .* now has bb"):
        evaluate(task_for(trained, training_digest="bb"))
    with pytest.raises(UserError, match=r"run\.json holds no seed 9; .*run `snakemake runs`"):
        evaluate(task_for(trained, packs={"1-3": [1, 9]}))
    with pytest.raises(UserError, match=r"run\.json is not there"):
        evaluate(task_for(trained, packs={"4-6": [4]}))


@pytest.fixture
def with_arrays(monkeypatch, trained) -> list[list[int]]:
    """``accuracy`` gives an array beside its rows; the seeds of each call."""
    literal, evaluate_it = registry.literal, accuracy.evaluate
    calls: list[list[int]] = []

    def arrays_too(given: networks.Networks, *args: Any) -> Any:
        calls.append(given.seeds)
        rows = evaluate_it(given, *args)
        return rows, {seed: {"a": np.full(3, seed), "b": np.zeros((2, 1))} for seed in given.seeds}

    monkeypatch.setattr(accuracy, "evaluate", arrays_too)
    monkeypatch.setattr(
        registry,
        "literal",
        lambda kind, name, constant, default=None: (
            (kind, name, constant) == ("evaluation", "accuracy", "ARRAYS")
            or literal(kind, name, constant, default)
        ),
    )
    return calls


def test_arrays_of_a_seed_lie_beside_its_rows(trained, with_arrays):
    task = task_for(trained)
    evaluate(task)
    for seed in (1, 3):
        path = task.rows_file(task.evaluations[0], seed).with_suffix(".npz")
        assert read_arrays(path, "")["a"].tolist() == [seed] * 3
    assert len(list(Path("out").rglob("*.npz"))) == 2, "none of the evaluation without"
    assert {row["evaluation"] for row in results(task)} == {"accuracy", "scale_generalization"}
    assert "arrays" not in task.results.read_text()
    assert not list(Path("out").rglob("*.part"))

    evaluate(task)
    assert with_arrays == [[1], [3]], "what is known is not computed again"


@pytest.mark.parametrize("damage", ["absent", "truncated", "of another seed"])
def test_damaged_arrays_are_computed_again_with_their_rows(trained, with_arrays, damage):
    task = task_for(trained, evaluation("accuracy"))
    evaluate(task)
    before = task.results.read_bytes()
    path, other = (task.rows_file(task.evaluations[0], seed).with_suffix(".npz") for seed in (3, 1))
    whole = path.read_bytes()
    if damage == "absent":
        path.unlink()
    else:
        path.write_bytes(whole[:-1] if damage == "truncated" else other.read_bytes())

    lines = evaluate(task)

    assert any("is truncated or altered and is computed again" in line for line in lines)
    assert with_arrays == [[1], [3], [3]]
    assert path.read_bytes() == whole
    assert task.results.read_bytes() == before


@pytest.mark.parametrize("draws", [1, 3])
def test_a_stochastic_network_is_tested_as_it_was_validated(toys, monkeypatch, draws):  # noqa: F811
    monkeypatch.setattr(TOY_MODEL, "DRAWS", draws, raising=False)
    trained = toy_task(model_params=ToyModelParams(handed=True, dropout=0.6))
    train(trained)
    bound = evaluation("accuracy")
    bound = replace(bound, evaluation=replace(bound.evaluation, own_split="valid"))
    task = task_for(trained, bound)
    evaluate(task)

    said = json.loads((trained.folder / "run.json").read_text())["seeds"]
    assert {one["best_validation_accuracy"] for one in said} != {1.0}
    assert {row["seed"]: float(row["value"]) for row in results(task)} == {
        str(one["seed"]): one["best_validation_accuracy"] for one in said
    }


def test_what_is_said_is_kept_beside_the_table_if_nobody_else_sees_to_that(trained):
    task, lines = task_for(trained, evaluation("accuracy")), []
    evaluating.evaluate(task, lines.append)
    log = task.results.with_name("evaluate.log")
    assert not log.exists()
    shutil.rmtree(trained.folder.parent / ".evaluations")
    evaluating.evaluate(task, lines.append, own_log=True)
    assert log.read_text().splitlines() == lines[-len(log.read_text().splitlines()) :]
    trained.folder.joinpath("run.json").write_text("{")
    with pytest.raises(UserError):
        evaluating.evaluate(task, lines.append, own_log=True)
    assert "run.json is truncated or altered" in log.read_text()


def test_what_is_nowhere_a_number_is_said():
    nan = math.nan
    rows = [
        {"seed": 1, "metric": "margin", "value": nan, "low": 0.1},
        {"seed": 1, "metric": "share", "value": 0.5, "low": nan},
        {"seed": 2, "metric": "margin", "value": nan, "low": nan},
        {"seed": 2, "metric": "share", "value": nan, "low": nan, "high": nan},
    ]
    assert evaluating.without_numbers(rows) == {"margin": 2, "high": 1}
    assert evaluating.without_numbers([{"seed": 1, "value": nan}]) == {"value": 1}
    assert evaluating.without_numbers([]) == {}


def test_an_evaluation_that_gives_no_number_says_so_once(trained, monkeypatch):
    plugin = registry.load("evaluation", "accuracy")
    measured = plugin.evaluate

    def nothing(*given):
        rows = [{**row, "value": math.nan} for row in measured(*given)]
        return [*rows, {**rows[0], "metric": "share", "value": 0.5}]

    monkeypatch.setattr(plugin, "evaluate", nothing)
    task = task_for(trained, evaluation("accuracy"))
    said = [line for line in evaluate(task) if "nan" in line]
    assert said == ["accuracy: accuracy is not a number (nan) in all 2 rows"]
    assert [line for line in evaluate(task) if "nan" in line] == []
