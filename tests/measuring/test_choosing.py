"""An evaluation that chooses something by other images than those that it measures."""

import csv
from typing import Any

import pytest
from made_up_param_file import NAME, changed, sentences, write
from toy_evaluations import ToyEvaluations, toy_evaluations  # noqa: F401
from toy_runs import ToyDataParams, toy_images, toy_task, toys, train  # noqa: F401

from isotrope import registry
from isotrope.measuring import evaluating
from isotrope.measuring.task import BoundEvaluation, EvaluationTask
from isotrope.params.blocks import Plugin
from isotrope.params.evaluations import Evaluation

PICKY = """
CHOOSES_ON = "valid"

def evaluate(networks, data, params, others):
    (seed,) = networks.seeds
    names = {"measured": data, "chosen_by": others}
    return [
        {"seed": seed, "metric": name, "value": float(one.images.sum()), "n": len(one)}
        for name, one in names.items()
    ]
"""


def test_it_is_given_that_split_of_the_data_that_the_networks_were_trained_on(
    toys: Any,  # noqa: F811
    toy_evaluations: ToyEvaluations,  # noqa: F811
) -> None:
    toy_evaluations.add("picky", PICKY)
    trained, own, other = toy_task(), ToyDataParams(), ToyDataParams(count=24)
    train(trained)
    params = registry.load("evaluation", "picky").Params()
    entry = Evaluation("picky", "picky", params, Plugin("toy", other), ("evaluations", 0))
    bound = BoundEvaluation(entry, Plugin("toy", other), "d" * 16, {}, Plugin("toy", own))
    task = EvaluationTask(
        run=trained.run,
        point=trained.point,
        packs={trained.pack: trained.seeds},
        training_digest=trained.training_digest,
        evaluations=[bound],
        device="cpu",
    )
    evaluating.evaluate(task, lambda line: None)

    rows = list(csv.DictReader(task.results.read_text().splitlines()))
    found = {row["metric"]: float(row["value"]) for row in rows}
    measured, chosen_by = toy_images(other, "test"), toy_images(own, "valid")
    assert found["measured"] == float(measured.images.sum())
    assert found["chosen_by"] == float(chosen_by.images.sum())


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("held_out", "stir has no split 'held_out' to choose by"),
        ("valid", "the validation images of stir are its test images, which must choose nothing"),
    ],
)
def test_it_is_refused_where_nothing_may_be_chosen(
    param_files: Any, monkeypatch: pytest.MonkeyPatch, split: str, said: str
) -> None:
    known = registry.literals(registry.source("evaluation", "accuracy"))
    monkeypatch.setitem(known, "CHOOSES_ON", split)
    data = registry.load("data", "stir")
    monkeypatch.setattr(data, "valid_is_test", lambda params: split == "valid", raising=False)
    write(param_files, changed(("name: standard", "name: standard\n  kernel_size: 5")))

    found = [one for one in sentences(param_files) if "accuracy cannot" in one]

    (only,) = found
    assert only == (
        f"param-files/{NAME}.yaml:19:15: evaluations[0]: {said}; accuracy cannot be asked for"
    )
