"""Steps of every model in its form for a GPU, recorded and replayed: the bits of launched ones."""

import pytest
import torch
from recorded import RecorderOnCPU

from isotrope import registry
from isotrope.datasets.images import Images
from isotrope.layers import forms
from isotrope.params.training import Training
from isotrope.training.loop import HeldOut, LockstepTraining
from isotrope.training.steps import Workshop

OPTIMIZER = {"name": "adam", "learning_rate": 1e-3}
SETTINGS = {"epochs": 2, "batch_size": 4, "order": "own", "optimizer": OPTIMIZER}


def ended(example, rows, recorder):
    images = (255 * example.images(6)).to(torch.uint8)
    data = Images(images, example.labels(6))
    training = LockstepTraining(
        [example.build(seed) for seed in range(1, rows + 1)],
        list(range(1, rows + 1)),
        Training.model_validate(SETTINGS),
        data,
        HeldOut(data),
        workshop=Workshop(recorder, pytest.fail),
    )
    gone = []
    with forms.like_a_gpu():
        training.run(lambda: None, lambda: None, gone.extend)
    return gone


@pytest.mark.parametrize("rows", [1, 2])
def test_replayed_steps_end_with_the_bits_of_launched_ones(example, rows):
    if rows > 1 and not registry.literal("models", example.name, "STACKABLE", True):
        pytest.skip(f"{example.name} says that it cannot be stacked")
    recorder = RecorderOnCPU()

    replayed, launched = ended(example, rows, recorder), ended(example, rows, None)

    assert recorder.replayed > recorder.recorded
    for one, other in zip(replayed, launched, strict=True):
        assert one.record.seed == other.record.seed
        for name, value in one.weights.items():
            assert torch.equal(value, other.weights[name]), name
