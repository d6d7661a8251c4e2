"""Steps of every model, alone and in a stack: the same weights, step after step."""

import copy

import pytest
import torch

from isotrope import registry
from isotrope.layers import forms
from isotrope.measuring.answers import Answers
from isotrope.measuring.networks import Networks
from isotrope.measuring.position import Position
from isotrope.params.training import Training
from isotrope.training.engines import Batch
from isotrope.training.single import Single
from isotrope.training.stacked import Stacked

STEPS = 4


def set_rates(*engines):
    """The same learning rate for every group, and a momentum."""
    for engine in engines:
        engine.rates.fill_(1e-3)
        engine.rates[:, -1] = 0.9


@pytest.fixture
def training():
    optimizer = {"name": "adam", "learning_rate": 1e-3}
    return Training.model_validate({"epochs": 1, "batch_size": 4, "optimizer": optimizer})


def test_a_stack_follows_the_steps_of_its_networks_alone(example, training):
    if not registry.literal("models", example.name, "STACKABLE", True):
        pytest.skip(f"{example.name} says that it cannot be stacked")
    keys = ("first", "second", "third")
    stack = Stacked([example.build_drawn(key) for key in keys], training, example.objective)
    alone = [Single(example.build_drawn(key), training, example.objective) for key in keys]
    set_rates(stack, *alone)
    images, labels = example.images(), example.labels()
    noises = [example.noises(stack.network, first=10 * row) for row in range(len(keys))]

    for step in range(STEPS):
        batch = Batch(images.roll(step, dims=-1), labels.roll(step), noises)
        found = stack.step(batch)
        apart = [
            one.step(batch._replace(noises=noises[row : row + 1])) for row, one in enumerate(alone)
        ]
        torch.testing.assert_close(found.loss, torch.cat([one.loss for one in apart]))
        assert torch.equal(found.counts, torch.cat([one.counts for one in apart]))

    for row, one in enumerate(alone):
        for name, weight in one.weights(0).items():
            # biases before a batch normalisation have gradients of rounding alone, and Adam
            # makes steps of them
            torch.testing.assert_close(stack.weights(row)[name], weight, rtol=0, atol=1e-8)
    tested = [
        one.test(Batch(images, labels, noises[row : row + 1])) for row, one in enumerate(alone)
    ]
    found = stack.test(Batch(images, labels, noises))
    torch.testing.assert_close(found.loss, torch.cat([one.loss for one in tested]))
    assert torch.equal(found.counts, torch.cat([one.counts for one in tested]))


def test_in_bfloat16_the_weights_stay_float32_and_a_step_is_near_the_exact_one(example):
    settings = {"epochs": 1, "batch_size": 4, "precision": "bfloat16"}
    settings["optimizer"] = {"name": "adam", "learning_rate": 1e-3}
    training = Training.model_validate(settings)
    networks = [example.build_drawn(key).float() for key in ("first", "second")]
    images, labels = example.images().float(), example.labels()
    with torch.no_grad():
        exact = [float(example.loss(network, images, labels)) for network in networks]
    noises = [example.noises(networks[0])] * 2
    stack = Stacked(networks, training, example.objective)
    alone = Single(copy.deepcopy(networks[0]), training, example.objective)

    set_rates(stack, alone)
    losses = stack.step(Batch(images, labels, noises)).loss
    loss = alone.step(Batch(images, labels, noises[:1])).loss

    assert losses.tolist() == pytest.approx(exact, rel=0.05, abs=0.05)
    assert float(loss) == pytest.approx(exact[0], rel=0.05, abs=0.05)
    for engine in (stack, alone):
        kept = [value for value in engine.weights(0).values() if value.is_floating_point()]
        assert {value.dtype for value in kept} == {torch.float32}


@pytest.mark.parametrize("rows", [2, 3])
def test_networks_answer_in_stacks_as_one_after_the_other(example, rows):
    keys = ("first", "second", "third")
    built = {seed: example.build_drawn(key) for seed, key in enumerate(keys, 1)}
    known = set(dict(built[1].named_modules()))
    parts = {part: torch.Tensor.double for part in example.plugin.PARTS if part in known}
    parts |= {f"{part}.choice": torch.clone for part in parts if f"{part}.choice" in known}
    networks = Networks(built, torch.device("cpu"), alike=True)
    lines = []
    networks = networks.under(lambda: None, lambda _: Position(), Answers(), lines.append)
    networks.most_at_once(rows)

    def seen():
        found = list(networks.parts(example.images(), range(4), parts))
        assert [seed for one in found for seed in one.seeds] == [1, 2, 3]
        answers = torch.cat([one.answers for one in found])
        its = {part: torch.cat([one.parts[part] for one in found]) for part in parts}
        return [len(one.seeds) for one in found], {"answers": answers, **its}

    (widths, alone), expected = seen(), networks.predictions(example.images(), range(4))
    assert widths == [1, 1, 1]
    torch.testing.assert_close(alone["answers"], expected, rtol=0, atol=0)
    with forms.like_a_gpu():
        widths, together = seen()
        predictions = networks.predictions(example.images(), range(4))
    assert lines == []
    assert widths == ([2, 1] if rows == 2 else [3])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-9)
    torch.testing.assert_close(predictions.detach(), expected.detach(), rtol=0, atol=1e-9)
