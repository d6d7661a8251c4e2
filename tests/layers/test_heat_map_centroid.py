import pytest
import torch

from isotrope.layers.heat_map_centroid import HeatMapCentroid


def heat(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("weighting", ["softplus", "linear"])
@pytest.mark.parametrize("cells", [(14, 14), (5, 9)])
def test_an_even_heat_map_has_its_centroid_at_the_centre_of_the_image(weighting, cells):
    found = HeatMapCentroid(weighting)(torch.ones(2, 1, *cells).double(), 28, 21)
    torch.testing.assert_close(found, torch.tensor([[10.0, 13.5]] * 2).double())


def test_a_single_hot_cell_is_where_the_centroid_is():
    maps = torch.full((1, 1, 12, 16), -800.0, dtype=torch.float64)
    maps[..., 3, 10] = 800

    found = HeatMapCentroid()(maps, 24, 16)

    torch.testing.assert_close(found, torch.tensor([[10.0, 6.5]]).double())  # rows are 2 pixels


def test_a_quarter_turn_of_the_map_turns_the_centroid():
    maps = heat(3, 1, 8, 8)
    x, y = HeatMapCentroid()(maps, 16, 16).unbind(dim=-1)

    turned = HeatMapCentroid()(torch.rot90(maps, 1, dims=(-2, -1)), 16, 16)

    torch.testing.assert_close(turned, torch.stack((y, 15 - x), dim=-1))


def test_gradients_are_right():
    centroid = HeatMapCentroid()
    assert torch.autograd.gradcheck(
        lambda maps: centroid(maps, 6, 8), (heat(2, 1, 3, 4).requires_grad_(),)
    )


def test_another_weighting_is_refused():
    with pytest.raises(ValueError, match="one of softplus, linear, got 'square'"):
        HeatMapCentroid("square")


def test_maps_of_sixteen_bits_are_added_up_in_thirty_two():
    maps = heat(2, 1, 6, 7).bfloat16()
    found = HeatMapCentroid()(maps, 96, 112)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, HeatMapCentroid()(maps.float(), 96, 112))
