"""Any 32-bit number is a seed: alone, in a stack, in the order in which they were written."""

import json

import pytest
import torch
from safetensors.torch import load_file
from toy_runs import ToyModelParams, toy_task, toy_training, train

SEEDS = [4294967295, 1_000_001, 2147483648]


@pytest.mark.parametrize("handed", [False, True])
def test_large_seeds_train_alone_and_stacked_in_their_order(toys, handed):
    changes = {
        "pack": "list-1",
        "training": toy_training(epochs=2, reshuffle=True),
        "model_params": ToyModelParams(handed=handed, dropout=0.2 if handed else 0.0),
    }
    alone = toy_task(seeds=SEEDS, stack=1, **changes)
    train(alone)
    stacked = toy_task(seeds=SEEDS, stack=3, **changes, training_digest="f" * 16)
    train(stacked)

    found = [load_file(task.folder / "weights.safetensors") for task in (alone, stacked)]
    for name, weights in found[0].items():
        torch.testing.assert_close(found[1][name], weights, rtol=1e-3, atol=1e-3)
        assert not weights.is_floating_point() or not torch.equal(weights[0], weights[1])
    summary = json.loads((alone.folder / "run.json").read_text())
    assert [seed["seed"] for seed in summary["seeds"]] == SEEDS


def test_another_large_seed_is_trained_alone(toys):
    train(toy_task(seeds=SEEDS, pack="list-1"))

    lines = train(toy_task(seeds=[*SEEDS, 3_000_000_000], pack="list-1"))

    assert "1 to train, 3 are finished" in lines[0]
