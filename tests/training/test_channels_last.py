"""Images that lie pixel by pixel in memory."""

import copy

import pytest
import torch
from torch import nn

from isotrope.params.training import Training
from isotrope.training.engines import Batch
from isotrope.training.objective import Objective
from isotrope.training.single import Single


class Watching(nn.Module):
    """A small network that notes how its images and weights lie."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 8, 3, stride=2)
        self.last = nn.Linear(8, 5)
        self.seen = []

    def forward(self, images):
        maps = self.first(images).relu()
        for tensor in (images, self.second.weight):
            self.seen.append(tensor.is_contiguous(memory_format=torch.channels_last))
        return self.last(self.second(maps).relu().mean((2, 3)))


def block(**changes):
    optimizer = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
    settings = {"epochs": 1, "batch_size": 6, "optimizer": optimizer, **changes}
    return Training.model_validate(settings)


def trained(network, training):
    """What some steps and a test gave, the weights, and how tensors lay."""
    engine = Single(network, training, Objective(None, "classification"))
    engine.rates[:, :-1], engine.rates[:, -1] = 0.1, 0.9
    generator, losses = torch.Generator().manual_seed(1), []
    batch = Batch(torch.rand(6, 3, 9, 8, generator=generator), torch.arange(6) % 5)
    for _ in range(4):
        losses.append(engine.step(batch).loss)
    losses.append(engine.test(batch).loss)
    return torch.stack(losses), engine.weights(0), engine.network.seen


@pytest.mark.parametrize(("precision", "error"), [("float32", 1e-5), ("bfloat16", 3e-2)])
def test_numbers_are_equal_up_to_rounding(precision, error):
    torch.manual_seed(0)
    network = Watching()

    plain = trained(copy.deepcopy(network), block(precision=precision))
    found = trained(network, block(precision=precision, channels_last=True))

    torch.testing.assert_close(found[0], plain[0], rtol=error, atol=0)
    for name, value in plain[1].items():
        torch.testing.assert_close(found[1][name], value, rtol=error, atol=error)
    assert found[1]["second.weight"].is_contiguous()
    assert plain[2] == [False] * 10
    assert found[2] == [True, precision == "bfloat16"] * 5


def test_it_is_in_no_digest_where_it_is_not_asked_for():
    assert "channels_last" not in block().digested()
    assert block(channels_last=True).digested()["channels_last"] is True
