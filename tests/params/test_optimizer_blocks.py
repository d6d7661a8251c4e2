"""Blocks ``optimizer`` of a param-file: what they mean, and that old ones keep their digests."""

import json
from typing import Any

import pytest

from isotrope.digests import digest
from isotrope.params.training import Training

# of Training.model_dump(mode="json", exclude_defaults=True), as it was when Adam was the only one
OLD = [
    ({}, "6c5df139a26c0b51"),
    ({"learning_rate": 1}, "df41d76cba63e877"),
    ({"schedule": None}, "6c5df139a26c0b51"),
    ({"schedule": {"name": "step", "every": 2}}, "7159b52528e63a04"),
    ({"schedule": {"name": "step", "every": 2, "factor": 0.1}}, "7159b52528e63a04"),
    ({"schedule": {"name": "step", "every": 7, "factor": 0.5}}, "200b89fbd0c6fbac"),
    ({"schedule": {"name": "cosine"}}, "172fef0e4d2946f2"),
    ({"schedule": {"name": "cosine", "final": 0}}, "172fef0e4d2946f2"),
    ({"schedule": {"name": "cosine", "final": 0.25}}, "26072eacb2fc738b"),
    ({"schedule": {"name": "plateau", "patience": 4}}, "f196243b944b7139"),
    ({"schedule": {"name": "plateau", "patience": 4, "factor": 0.1}}, "f196243b944b7139"),
    ({"schedule": {"name": "plateau", "patience": 3, "factor": 0.5}}, "723efb0073bbe1ec"),
]


def training(optimizer: dict[str, Any], **more: Any) -> Training:
    chosen = {"name": "adam", "learning_rate": 0.001, **optimizer}
    return Training.model_validate({"epochs": 2, "batch_size": 3, "optimizer": chosen, **more})


@pytest.mark.parametrize(("optimizer", "known"), OLD, ids=json.dumps)
def test_old_blocks_keep_their_digests(optimizer, known):
    dumped = training(optimizer).model_dump(mode="json", exclude_defaults=True)

    assert digest(dumped) == known


@pytest.mark.parametrize(
    "neutral",
    [
        {"weight_decay": 0},
        {"groups": {}},
        {"betas": [0.9, 0.999]},
        {"warm_up": None},
    ],
)
def test_new_settings_at_their_defaults_add_nothing(neutral):
    plain = training({}).model_dump(mode="json", exclude_defaults=True)

    assert training(neutral).model_dump(mode="json", exclude_defaults=True) == plain


def test_a_group_without_values_of_its_own_has_those_of_the_optimizer():
    groups = {"a": {"learning_rate": 1, "weight_decay": 0.5}, "b": {}}
    made = training({"groups": groups, "weight_decay": 0.1}).optimizer

    assert [made.learning_rate_of(group) for group in ("a", "b", "")] == [1, 0.001, 0.001]
    assert [made.weight_decay_of(group) for group in ("a", "b", "")] == [0.5, 0.1, 0.1]
