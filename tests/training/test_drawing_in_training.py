"""Networks that draw while they are trained, and what they are given where they are tested."""

import torch
from test_loop import labelled
from torch import nn
from toy_runs import CLASSES, SHAPE, toy_training

from isotrope.datasets.draws import noise_of_images
from isotrope.training.loop import HeldOut, LockstepTraining

DRAWS = 2


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


class NoisyInTests(Noisy):
    draws_in_tests = True

    def forward(self, images, noise=None):
        if not self.training:
            self.given.append(noise)
        return self.linear(images.flatten(1)) + noise


def test_each_draw_of_an_image_is_that_of_its_number_and_the_seed_in_every_epoch():
    network, data = NoisyInTests(), labelled("valid")
    held_out = HeldOut(data, draws=DRAWS)
    training = LockstepTraining([network], [7], toy_training(epochs=2), labelled("train"), held_out)
    training.run(lambda: None, lambda: None, lambda ended: None)

    numbers, cpu = range(len(data)), torch.device("cpu")
    draws = [noise_of_images(network, 7, numbers, draw, cpu) for draw in range(DRAWS)]
    assert not torch.equal(*draws)
    given = torch.cat(network.given)
    assert len(given) == 2 * DRAWS * len(data)  # in each of two epochs
    expected = torch.cat(draws)
    for epoch in given.chunk(2):
        assert torch.equal(epoch.sort(dim=0).values, expected.sort(dim=0).values)
