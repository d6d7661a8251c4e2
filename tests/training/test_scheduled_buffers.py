"""Buffers that a network schedules are those that are kept with its weights."""

import copy

import pytest
import torch
from test_loop import labelled
from toy_runs import CLASSES, SHAPE, ToyModelParams, build, toy_training

from isotrope.errors import UserError
from isotrope.training.loop import HeldOut, LockstepTraining


def trained(persistent: bool) -> LockstepTraining:
    network = build(ToyModelParams(dropout=0.0), SHAPE, CLASSES)
    network.register_buffer("gain", torch.zeros(()), persistent=persistent)
    network.on_step = lambda step, steps: {"gain": step / steps}
    data = labelled("train"), HeldOut(labelled("valid"))
    training = LockstepTraining([network], [1], toy_training(epochs=2), *data)
    ended = []
    training.run(lambda: None, lambda: None, ended.extend)
    ((record, weights, _),) = ended
    training.weights, training.best_epoch = weights, record.best_epoch
    return training


def test_a_scheduled_buffer_is_kept_as_it_was_in_the_last_step_of_its_epoch():
    training = trained(persistent=True)
    best = training.best_epoch
    assert float(training.weights["gain"]) == pytest.approx((3 * best - 1) / 6)


def test_a_buffer_that_no_file_would_hold_is_refused():
    with pytest.raises(UserError, match="on_step sets gain, which is not kept with the weights"):
        trained(persistent=False)


def test_a_training_that_was_left_while_it_validated_goes_on_with_the_buffers_of_that_step():
    def made() -> LockstepTraining:
        torch.manual_seed(1)
        network = build(ToyModelParams(dropout=0.0), SHAPE, CLASSES)
        network.register_buffer("gain", torch.zeros(()))
        network.on_step = lambda step, steps: {"gain": step / steps}
        data = labelled("train"), HeldOut(labelled("valid"))
        return LockstepTraining([network], [1], toy_training(epochs=2, keep="last"), *data)

    whole, kept = made(), []

    def keep() -> None:
        if whole.position == whole.batches.steps:
            kept.append((whole.epochs + 1, copy.deepcopy(whole.states())))

    whole.run(keep, lambda: None, lambda _: None)
    assert {epoch for epoch, _ in kept} == {1, 2}
    for epoch, states in kept:
        again = made()
        again.restore(states)
        again._write_schedules()
        gain = again.engine.weights(0)["gain"]
        assert float(gain) == pytest.approx((3 * epoch - 1) / 6)
