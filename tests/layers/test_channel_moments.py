"""Batch normalisation from moments: that of torch, with the moments of pieces too."""

import copy

import pytest
import torch
from torch import nn

from isotrope.layers.channel_moments import affine, along_channels, joined, moments_of, normalised


@pytest.fixture
def norm():
    made = nn.BatchNorm2d(5).double()
    with torch.no_grad():
        made.weight.uniform_(-1, 1)
        made.bias.uniform_(-1, 1)
        made.running_mean.uniform_(-1, 1)
        made.running_var.uniform_(0.5, 2)
    return made


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("with_affine", [True, False])
@pytest.mark.parametrize("last", ["channels", "columns"])
def test_values_gradients_and_running_moments_are_those_of_torch(norm, training, with_affine, last):
    plain = copy.deepcopy(norm.train(training))
    values = torch.rand(7, 4, 6, 5, dtype=torch.float64, requires_grad=True)
    maps = values.permute(0, 3, 1, 2)
    maps = maps if last == "channels" else maps.contiguous()

    found, factors = normalised(norm, maps, with_affine)

    expected = plain(maps.contiguous())
    torch.testing.assert_close(found, expected)
    assert (factors is not None) == with_affine
    chosen = torch.rand_like(expected)
    given = [
        torch.autograd.grad(one, (values, *module.parameters()), chosen)
        for one, module in ((found, norm), (expected, plain))
    ]
    torch.testing.assert_close(*given)
    torch.testing.assert_close(norm.state_dict(), plain.state_dict())


def test_values_of_more_axes_are_normalised_alike(norm):
    values = torch.rand(3, 2, 4, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    maps = values.movedim(-1, 1)

    one, other = (normalised(norm, maps, both)[0] for both in (True, False))

    torch.testing.assert_close(one, other)
    gradients = [torch.autograd.grad(found.sin().sum(), values)[0] for found in (one, other)]
    torch.testing.assert_close(*gradients)


def test_moments_of_pieces_are_those_of_the_whole(norm):
    values = 1e3 + torch.rand(9, 5, 3, 2, dtype=torch.float64)
    parts = [moments_of(part) for part in values.split(4)]

    found = joined(
        torch.stack([part.mean for part in parts]),
        torch.stack([part.variance for part in parts]),
        [part.values for part in parts],
    )

    torch.testing.assert_close(found, moments_of(values))
    torch.testing.assert_close(along_channels(values, *affine(norm, found)), norm(values))
