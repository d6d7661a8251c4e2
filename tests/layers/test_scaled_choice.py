"""Responses at one scale for each image and channel are those among the responses at all scales."""

import pytest
import torch
from scaled_layers import EXACT, images

from isotrope.layers import forms
from isotrope.layers.scaled_choice import responses_at
from isotrope.layers.scaled_constants import Kernels
from isotrope.layers.scaled_products import Transformed


def chosen(kernels, x, weights, scales):
    """The same from the maps at all scales, and where kernels do not fit: there they are -inf."""
    every = Transformed(kernels, x, weights).maps((0, len(kernels.sizes)))
    at = scales[:, :, None, :, None, None].expand(-1, -1, -1, -1, *every.shape[-2:])
    found = every.gather(2, at)[:, :, 0]
    return found, found.isneginf()


@pytest.mark.parametrize("numbers", [None, 1, 5000])
@pytest.mark.parametrize("interpolation", ["bicubic", "nearest"])
@pytest.mark.parametrize("smallest", [3, 4])
@pytest.mark.parametrize("own_images", [False, True])
def test_they_are_those_among_all(numbers, interpolation, smallest, own_images):
    rows, batch, channels, outputs, size = 3, 5, 2, 4, (11, 13)
    kernels = Kernels(smallest, tuple(range(smallest, 11, 2)), interpolation)
    x = images(rows if own_images else 1, batch, channels, *size)
    weights = images(rows, outputs, channels, smallest, smallest, seed=1) - 0.5
    draws = torch.Generator().manual_seed(2)
    scales = torch.randint(len(kernels.sizes), (rows, outputs, batch), generator=draws)

    with forms.like_a_gpu(), forms.memory(numbers or forms.NUMBERS):
        found = responses_at(kernels, x, weights, scales)

    expected, outside = chosen(kernels, x, weights, scales)
    assert outside.any()
    torch.testing.assert_close(found.masked_fill(outside, -torch.inf), expected, **EXACT)
