import copy
import math

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from isotrope.layers import TIPS
from isotrope.layers.tips import feature_shift_error, index_spread

NAMES = {"zeros": "constant"}


def drawn(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def layer(*arguments, **named):
    torch.manual_seed(0)
    return TIPS(*arguments, **named).double()


def plain(tips, maps):
    """Number by number, of sides that the stride divides."""
    stride, (batch, channels, height, width) = tips.stride, maps.shape
    around = F.pad(maps, (1, 1, 1, 1), mode=NAMES.get(tips.padding_mode, tips.padding_mode))
    found = torch.zeros(batch, channels, height // stride, width // stride, dtype=maps.dtype)
    rows, columns = height // stride, width // stride
    for n in range(batch):
        for c in range(channels):
            kernel, factor = tips.convolution.weight[c, 0], tips.factor.weight[c, 0, 0, 0]
            features = F.relu(F.conv2d(around[n, c][None, None], kernel[None, None]))[0, 0]
            logits = [
                factor * features[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns].mean()
                for i in range(stride)
                for j in range(stride)
            ]
            weights = torch.stack(logits).softmax(0)
            for i in range(stride):
                for j in range(stride):
                    found[n, c] += weights[i * stride + j] * maps[n, c, i::stride, j::stride]
    return found


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("mode", ["circular", "zeros", "reflect", "replicate"])
def test_it_mixes_phases_by_the_means_over_parts_of_the_map(stride, mode):
    tips, maps = layer(3, stride, padding_mode=mode), drawn(1, 2, 3, 6, 12)

    found = tips(maps)

    torch.testing.assert_close(found, plain(tips, maps), rtol=0, atol=1e-12)
    assert sum(one.numel() for one in tips.parameters()) == (9 + 1) * 3


@pytest.mark.parametrize("size", [(5, 6), (7, 5), (8, 9)])
def test_sides_that_the_stride_does_not_divide_are_made_longer_at_the_left_and_top(size):
    tips, maps = layer(2, 2, padding_mode="reflect"), drawn(1, 2, 2, *size)
    longer = F.pad(maps, (size[1] % 2, 0, size[0] % 2, 0), mode="reflect")

    found = tips(maps)

    assert found.shape[-2:] == (-(-size[0] // 2), -(-size[1] // 2))
    torch.testing.assert_close(found, plain(tips, longer), rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", ["circular", "zeros"])
def test_it_is_not_invariant_to_circular_shifts(mode):
    tips, maps = layer(4, padding_mode=mode), drawn(1, 8, 4, 8, 8)
    with torch.no_grad():
        tips.factor.weight.fill_(3)  # such weights are learned, too

    moved, pooled = (tips(one).mean((2, 3)) for one in (maps.roll((0, 1), (-2, -1)), maps))

    # far above rounding; and it is the phases that move, not the weights
    assert (moved - pooled).abs().max() > 1e-2
    before, after = (tips.mixed(one).weights for one in (maps, maps.roll((0, 1), (-2, -1))))
    swapped = before[..., [1, 0, 3, 2]]
    assert (after - before).abs().mean() < (after - swapped).abs().mean()


def test_with_equal_weights_it_is_average_pooling():
    tips, maps = layer(3), drawn(1, 2, 3, 6, 8)
    torch.nn.init.zeros_(tips.factor.weight)

    torch.testing.assert_close(tips(maps), F.avg_pool2d(maps, 2), rtol=0, atol=1e-14)


def test_features_equal_to_the_rolled_input_cost_nothing():
    tips, maps = layer(2), drawn(0, 2, 2, 6, 6).abs()
    kernel = torch.zeros(2, 1, 3, 3, dtype=torch.float64)
    kernel[:, :, 0, 2] = 1  # reads one row above and one column to the right
    with torch.no_grad():
        tips.convolution.weight.copy_(kernel)

    mixing = tips.mixed(maps)

    assert feature_shift_error(mixing, (1, -1)) == 0
    expected = (maps.roll((1, -1), (-2, -1)) - maps).square().mean()
    torch.testing.assert_close(feature_shift_error(mixing, (0, 0)), expected)


def test_the_spread_of_weights_is_zero_for_one_phase_and_largest_for_equal_ones():
    mixing = layer(1).mixed(drawn(0, 1, 1, 4, 4))
    chosen = mixing._replace(weights=torch.tensor([[[0.0, 1.0, 0.0, 0.0]]]))
    equal = mixing._replace(weights=torch.full((1, 1, 4), 0.25))

    assert index_spread(chosen) == index_spread(chosen, "entropy") == 0
    assert index_spread(equal) == 0.5
    assert index_spread(equal, "entropy") == pytest.approx(math.log(4))
    with pytest.raises(ValueError, match="norm or entropy, got 'mean'"):
        index_spread(equal, "mean")


def test_every_parameter_has_a_gradient_from_the_output_and_from_both_regularisers():
    tips = layer(3)
    mixing = tips.mixed(drawn(0, 2, 3, 6, 6))
    for loss, reached in (
        (mixing.maps.square().sum(), [True, True]),
        (feature_shift_error(mixing, (1, 2)), [True, False]),
        (index_spread(mixing), [True, True]),
    ):
        found = torch.autograd.grad(
            loss, list(tips.parameters()), retain_graph=True, allow_unused=True
        )
        assert [one is not None and bool(one.abs().sum() > 0) for one in found] == reached


@pytest.mark.usefixtures("either_form")
def test_a_stack_computes_as_its_rows_do():
    torch.manual_seed(0)
    layers, maps = [TIPS(3).double() for _ in range(3)], drawn(1, 3, 2, 3, 6, 6)
    rows, buffers = stack_module_state([copy.deepcopy(one) for one in layers])

    found = vmap(lambda *row: functional_call(layers[0], row[:2], row[2]))(rows, buffers, maps)

    expected = torch.stack([one(row) for one, row in zip(layers, maps, strict=True)])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_it_is_compiled_and_exported_as_one_graph():
    tips, maps = layer(2), drawn(0, 2, 2, 5, 6)
    compiled = torch.compile(tips, fullgraph=True, backend="aot_eager")

    torch.testing.assert_close(compiled(maps), tips(maps), rtol=0, atol=1e-12)
    exported = torch.export.export(tips, (maps,)).module()
    torch.testing.assert_close(exported(maps), tips(maps), rtol=0, atol=1e-12)


def test_weights_of_halved_maps_are_found_in_float32():
    tips = TIPS(2).bfloat16()

    mixing = tips.mixed(drawn(0, 2, 2, 6, 6).bfloat16())

    assert mixing.weights.dtype == torch.float32
    assert mixing.maps.dtype == torch.bfloat16
