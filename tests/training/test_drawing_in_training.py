"""Networks that draw while they are trained, and nothing where they are tested."""

import torch
from test_loop import labelled
from torch import nn
from toy_runs import CLASSES, SHAPE, toy_training

from isotrope.training.loop import HeldOut, LockstepTraining


class Noisy(nn.Module):
    draws_in_tests = False

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(SHAPE[1] * SHAPE[2], CLASSES)
        self.given = []

    def draw(self, generator, count):
        return torch.rand(count, CLASSES, generator=generator)

    def forward(self, images, noise=None):
        self.given.append((self.training, noise is not None))
        logits = self.linear(images.flatten(1))
        return logits if noise is None else logits + noise


def test_a_network_is_given_noise_in_training_alone_if_it_says_so():
    network = Noisy()
    data = labelled("train"), HeldOut(labelled("valid"))

    training = LockstepTraining([network], [1], toy_training(epochs=1), *data)
    training.run(lambda: None, lambda: None, lambda ended: None)

    assert set(network.given) == {(True, True), (False, False)}
