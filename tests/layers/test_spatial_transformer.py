import pytest
import torch
from torch.func import functional_call, vmap

from isotrope.layers import SpatialTransformer


def images(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def transformer(*map_, shape=(1, 8, 8)):
    """A transformer that always predicts one map."""
    warp = SpatialTransformer(*shape).double()
    with torch.no_grad():
        warp.localization[-1].bias.copy_(torch.tensor(map_))
    return warp


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 9, 14)])
def test_an_untrained_layer_changes_nothing(shape):
    warp, x = SpatialTransformer(*shape).double(), images(2, *shape)
    torch.testing.assert_close(warp(x), x, rtol=0, atol=1e-12)


def test_a_shift_by_whole_pixels_fills_up_with_zeros():
    x = images(1, 1, 8, 8)
    expected = torch.zeros_like(x)
    expected[..., :-2, :-1] = x[..., 2:, 1:]

    shifted = transformer(1.0, 0.0, 2 / 8, 0.0, 1.0, 4 / 8)(x)

    torch.testing.assert_close(shifted, expected, rtol=0, atol=1e-12)


def test_a_quarter_turn_is_one():
    x = images(1, 1, 8, 8)
    turned = transformer(0.0, 1.0, 0.0, -1.0, 0.0, 0.0)(x)
    torch.testing.assert_close(turned, torch.rot90(x, -1, dims=(-2, -1)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 64, 64)])
def test_the_number_of_parameters_is_the_published_one(shape):
    published = {1: 68_134, 3: 68_422}
    assert sum(p.numel() for p in SpatialTransformer(*shape).parameters()) == published[shape[0]]


@pytest.mark.usefixtures("either_form")
def test_gradients_are_right():
    torch.manual_seed(0)
    # no sample falls on a pixel's centre, where bilinear interpolation has a kink
    warp = transformer(0.93, 0.11, 0.057, -0.23, 0.81, 0.013, shape=(1, 5, 6))
    x = images(1, 1, 5, 6)
    last = warp.localization[-1].weight

    def warped(x, weight):
        return functional_call(warp, {"localization.9.weight": weight}, (x,))

    assert torch.autograd.gradcheck(warped, (x.requires_grad_(), last))


@pytest.mark.usefixtures("either_form")
@pytest.mark.filterwarnings("error")
def test_several_seeds_warp_together_as_alone_without_falling_back_to_a_loop():
    layers = [transformer(1.0, 0.1 * seed, 0.0, 0.0, 1.0, 0.2) for seed in range(3)]
    stacked, _ = torch.func.stack_module_state(layers)
    x = images(2, 1, 8, 8)

    together = vmap(lambda p: functional_call(layers[0], p, (x,)))(stacked)

    alone = torch.stack([one(x) for one in layers])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


def test_bfloat16_images_are_sampled_where_float32_ones_are():
    x = images(1, 1, 64, 64).float()
    warp = SpatialTransformer(1, 64, 64).bfloat16()
    assert torch.equal(warp(x.bfloat16()), x.bfloat16())


def test_an_image_too_small_to_halve_twice_is_refused():
    with pytest.raises(ValueError, match="4 pixels or more a side, got 3 x 8"):
        SpatialTransformer(1, 3, 8)
