"""What lies beyond the edges of log-polar maps, and that turned maps give turned results."""

import pytest
import torch
from torch import nn

from isotrope.layers.pole_padding import PolePadding


def drawn(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def at(maps, radius, angle, kernel, legacy):
    """The value at a radius, which may be below 0 or beyond the last, and an angle of any turn."""
    radii, angles = maps.shape[-2:]
    if radius >= radii:
        return maps[..., -1, angle % angles]
    if radius >= 0:
        return maps[..., radius, angle % angles]
    if not legacy:
        return maps[..., -1 - radius, (angle + angles // 2) % angles]
    repeated = kernel[1] - 1  # the wider map is halved, and rows are not turned
    wide = angles + repeated
    column = (angle + repeated + wide // 2) % wide
    return maps[..., radius + kernel[0] // 2, (column - repeated) % angles]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kernel", [(3, 3), (1, 3), (2, 3), (5, 3), (3, 5), (1, 1)])
def test_values_beyond_the_edges_are_those_through_the_pole_and_all_the_way_round(kernel, legacy):
    maps = drawn(2, 3, 4, 6)

    found = PolePadding(kernel, legacy)(maps)

    rows = range(-(kernel[0] // 2), 4 + (kernel[0] - 1) // 2)
    columns = range(-(kernel[1] - 1), 6)
    expected = torch.stack(
        [
            torch.stack([at(maps, row, column, kernel, legacy) for column in columns], dim=-1)
            for row in rows
        ],
        dim=-2,
    )
    assert torch.equal(found, expected)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 3), (5, 3), (3, 5), (1, 1)])
def test_the_gradient_is_that_of_numbers_and_the_same_in_a_stack(kernel, legacy):
    padding, maps = PolePadding(kernel, legacy), drawn(2, 1, 4, 6).requires_grad_()
    assert torch.autograd.gradcheck(padding, (maps,))
    weight = drawn(2, *padding(maps).shape)

    def loss(maps, weight):
        return (padding(maps) * weight).sum()

    stacked = torch.func.vmap(torch.func.grad(loss), (None, 0))(maps, weight)
    for row in range(2):
        (alone,) = torch.autograd.grad(loss(maps, weight[row]), maps)
        torch.testing.assert_close(stacked[row], alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("height", "legacy"), [(3, False), (5, False), (3, True)])
def test_rolled_maps_give_rolled_responses_but_for_the_legacy_row_at_the_pole(height, legacy):
    torch.manual_seed(0)
    layers = nn.Sequential(PolePadding((height, 3), legacy), nn.Conv2d(3, 4, (height, 3))).double()
    maps = drawn(2, 3, 8, 24)

    with torch.no_grad():
        error = (layers(maps.roll(5, dims=-1)) - layers(maps).roll(5, dims=-1)).abs()

    assert float(error[..., 1:, :].max()) < 1e-14
    assert (float(error[..., 0, :].max()) < 1e-14) is (not legacy)


def test_maps_that_cannot_be_padded_are_refused():
    with pytest.raises(ValueError, match="5 angles have no opposite ones"):
        PolePadding((3, 3))(torch.zeros(1, 1, 4, 5))
    with pytest.raises(ValueError, match="a map of 1 radii and 2 angles is too small"):
        PolePadding((5, 3))(torch.zeros(1, 1, 1, 2))
    assert PolePadding((1, 3))(torch.zeros(1, 1, 4, 5)).shape == (1, 1, 4, 7)
