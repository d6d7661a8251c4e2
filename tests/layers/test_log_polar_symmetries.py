"""How nearly the response at a pixel stays the same when the image is turned or scaled about it.

In per cent of the responses, all kernels and three drawn images together; kernels of 5 x 5 and the
published grid, whose radii grow by q = 1.196:

| bank | 5 | 15 | 30 | 45 degrees | q ** 0.5 | q | q ** 2 | q ** 4 | q ** 6 |
|---|---|---|---|---|---|---|---|---|---|
| bilinear | 0.5 | 1.1 | 0.9 | 1.2 | 1.0 | 1.7 | 2.5 | 3.1 | 4.0 |
| gaussian | 0.4 | 0.9 | 0.8 | 1.0 | 1.3 | 2.3 | 3.5 | 4.4 | 5.6 |
"""

import math

import pytest
import torch

from isotrope.layers import LPConv

SIZE = 61


def blobs(seed, angle=0.0, scale=1.0, deviation=(2.5, 3.0), spread=2.5, count=8):
    """An image of Gaussian spots, turned and scaled as the formula that it is."""
    generator = torch.Generator().manual_seed(seed)
    x, y, width, height = torch.rand(4, count, 1, 1, generator=generator, dtype=torch.float64)
    x, y = ((2 * place - 1) * spread for place in (x, y))
    width = deviation[0] + (deviation[1] - deviation[0]) * width
    line = torch.arange(SIZE, dtype=torch.float64) - (SIZE - 1) / 2
    down, across = torch.meshgrid(line, line, indexing="ij")
    cosine, sine = math.cos(math.radians(angle)) / scale, math.sin(math.radians(angle)) / scale
    right, below = cosine * across - sine * down, sine * across + cosine * down
    spots = torch.exp(-((right - x) ** 2 + (below - y) ** 2) / (2 * width**2))
    return ((2 * height - 1) * spots).sum(dim=0)[None, None]


def responses(kind, seed, **image):
    torch.manual_seed(seed)
    layer = LPConv(1, 64, 5, kind=kind, spatial_trim=SIZE // 2).double()
    with torch.no_grad():
        return layer(blobs(seed, **image)).flatten()


def error(kind, look=None, **change):
    look = look or {}
    before, after = (
        torch.cat([responses(kind, seed, **look, **some) for seed in range(3)])
        for some in ({}, change)
    )
    return float(torch.linalg.vector_norm(after - before) / torch.linalg.vector_norm(before))


@pytest.mark.parametrize("kind", ["bilinear", "gaussian"])
@pytest.mark.parametrize("angle", [5, 15, 30, 45])
def test_a_turn_changes_responses_to_a_smooth_image_by_two_per_cent_at_most(kind, angle):
    assert error(kind, angle=angle) < 0.02


@pytest.mark.parametrize(("kind", "most"), [("bilinear", 0.05), ("gaussian", 0.06)])
@pytest.mark.parametrize("power", [0.5, 1, 2, 4, 6])
def test_a_scaling_changes_responses_to_a_smooth_image_by_some_per_cent_at_most(kind, most, power):
    assert error(kind, scale=30 ** (power / 19)) < most


@pytest.mark.parametrize("kind", ["bilinear", "gaussian"])
def test_quarter_turns_change_nothing(kind):
    assert max(error(kind, angle=angle) for angle in (90, 180, 270)) < 1e-10


@pytest.mark.parametrize("look", [{}, {"deviation": (1.2, 2.0), "spread": 8.0, "count": 24}])
def test_at_45_degrees_the_gaussian_bank_errs_less_than_the_bilinear_one(look):
    assert error("gaussian", look, angle=45) < 0.9 * error("bilinear", look, angle=45)
