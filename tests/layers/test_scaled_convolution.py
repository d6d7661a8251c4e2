"""The scaled convolution against its definition, in every way to compute it."""

import numpy as np
import pytest
import torch
from plain_scaled_convolution import plain_maps
from scaled_layers import EXACT, images, layer
from torch import nn
from torch.func import functional_call, vmap
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from isotrope.geometry import INTERPOLATIONS
from isotrope.layers import SiConv2d, scaled_spectra

pytestmark = pytest.mark.usefixtures("way")  # whatever holds, holds in every way


def resized_line(line, target, mode):
    """One row of a kernel at another size, cell by cell."""
    source = len(line)
    if mode == "area":
        return np.repeat(line, target).reshape(target, source).mean(axis=1)
    cells = []
    for j in range(target):
        if mode == "nearest":
            cells.append(line[j * source // target])
            continue
        centre = (j + 0.5) * source / target - 0.5
        taps = range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3)
        weigh = {"bilinear": tent, "bicubic": cubic}[mode]
        cells.append(sum(weigh(abs(centre - m)) * line[min(max(m, 0), source - 1)] for m in taps))
    return np.array(cells)


def tent(distance):
    return max(0.0, 1 - distance)


def cubic(distance, a=-0.75):
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    if distance < 2:
        return a * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    return 0.0


def published_form(images, weights, bias, scales, mode):
    """The layer's definition, position by position."""
    batch, _, height, width = images.shape
    out, _, k, _ = weights.shape
    maps = np.zeros((batch, out, scales, height - k + 1, width - k + 1))
    for i in range(scales):
        size = k + 2 * i
        rows = np.apply_along_axis(resized_line, 2, weights, size, mode)
        kernel = np.apply_along_axis(resized_line, 3, rows, size, mode) * k**2 / size**2
        for y in range(height - size + 1):
            for x in range(width - size + 1):
                window = images[:, None, :, y : y + size, x : x + size]
                maps[:, :, i, y + i, x + i] = (window * kernel).sum(axis=(2, 3, 4)) + bias
    return maps


@pytest.mark.parametrize("mode", INTERPOLATIONS)
@pytest.mark.parametrize(("k", "height", "width"), [(3, 11, 12), (7, 15, 13), (2, 7, 6), (1, 5, 5)])
def test_the_layer_is_its_definition(k, height, width, mode):
    scales = (min(height, width) - k) // 2 + 1
    convolve = layer(2, 3, scales, k, interp_mode=mode)
    x = images(2, 2, height, width)

    expected = published_form(
        x.numpy(), convolve.weights.detach().numpy(), convolve.bias.detach().numpy(), scales, mode
    )

    torch.testing.assert_close(convolve(x), torch.from_numpy(expected), **EXACT)


@pytest.mark.parametrize("mode", INTERPOLATIONS)
@pytest.mark.parametrize(
    ("sizes", "height", "width"),
    [
        ([3, 5, 7, 9, 11], 11, 14),
        ([7, 9, 11, 13, 15, 17, 19], 22, 19),
        ([11, 13, 15], 24, 27),
        ([15, 19, 27, 33], 36, 33),
    ],
)
def test_values_and_gradients_are_those_of_the_published_form(sizes, height, width, mode):
    convolve = layer(2, 3, len(sizes), sizes[0], interp_mode=mode, sizes=sizes)
    x = images(2, 2, height, width).requires_grad_()
    inputs = [x, *convolve.parameters()]
    expected = plain_maps(x, *convolve.parameters(), sizes, mode)
    weight = images(*expected.shape, seed=1)

    found = convolve(x)

    torch.testing.assert_close(found, expected, **EXACT)
    torch.testing.assert_close(
        torch.autograd.grad((found * weight).sum(), inputs),
        torch.autograd.grad((expected * weight).sum(), inputs),
        rtol=1e-10,
        atol=1e-10,
    )


def test_other_sizes_than_the_published_ones_take_their_part_of_the_maps():
    every, some = layer(2, 3, 7, 3), layer(2, 3, 3, 3, sizes=[3, 7, 15])
    x = images(2, 2, 17, 15)

    torch.testing.assert_close(some(x), every(x)[:, :, [0, 2, 6]], **EXACT)


def test_an_excluded_frame_is_minus_infinity_and_changes_nothing_else():
    zero, excluded = layer(2, 3, 4, 3), layer(2, 3, 4, 3, frame="excluded")
    x = images(2, 2, 9, 10)

    maps = excluded(x)

    assert maps.isneginf().sum() == 2 * 3 * sum(7 * 8 - (7 - 2 * i) * (8 - 2 * i) for i in range(4))
    torch.testing.assert_close(maps.nan_to_num(neginf=0), zero(x), **EXACT)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_float32_kernels_are_those_that_torch_interpolates(mode):
    torch.manual_seed(0)
    convolve = SiConv2d(2, 3, 29, 7, interp_mode=mode)

    for size, kernel in zip(convolve.sizes, convolve.kernels(), strict=True):
        resized = F.interpolate(convolve.weights, size=(size, size), mode=mode)
        torch.testing.assert_close(kernel, resized * (49 / size**2), rtol=0, atol=1e-7)


def test_initial_weights_are_those_of_a_plain_convolution():
    torch.manual_seed(3)
    plain = nn.Conv2d(5, 4, 7)
    torch.manual_seed(3)
    scaled = SiConv2d(5, 4, 6, 7)

    assert torch.equal(scaled.weights, plain.weight)
    assert torch.equal(scaled.bias, plain.bias)
    assert [name for name, _ in scaled.state_dict().items()] == ["weights", "bias"]


def test_the_frame_is_zero_whatever_the_bias():
    convolve = layer(1, 2, 4, 3)
    nn.init.constant_(convolve.bias, 5.0)

    maps = convolve(images(1, 1, 9, 10))

    for i in range(1, 4):
        frame = torch.ones(7, 8, dtype=torch.bool)
        frame[i:-i, i:-i] = False
        assert (maps[:, :, i, frame] == 0).all()
        assert (maps[:, :, i, ~frame] != 0).all()


@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("mode", INTERPOLATIONS)
def test_gradients_are_right(mode, padding):
    convolve = layer(1, 2, 2, 3, interp_mode=mode, padding=padding)
    inputs = (images(1, 1, 6, 5).requires_grad_(), *convolve.parameters())

    def respond(x, weights, bias):
        return functional_call(convolve, {"weights": weights, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(respond, inputs, check_batched_grad=True)


@pytest.mark.parametrize("mode", INTERPOLATIONS)
def test_weights_of_several_seeds_respond_together_as_alone(mode):
    layers = [layer(1, 2, 3, 3, seed=seed, interp_mode=mode) for seed in range(3)]
    stacked, buffers = torch.func.stack_module_state(layers)
    x = images(2, 1, 8, 8)

    together = vmap(lambda p, b: functional_call(layers[0], (p, b), (x,)))(stacked, buffers)

    torch.testing.assert_close(together, torch.stack([one(x) for one in layers]), **EXACT)


def test_changing_the_precision_to_and_fro_leaves_the_resize_exact():
    convolve = layer(1, 1, 6, 7)
    kernels = list(convolve.kernels())
    weights = convolve.weights.detach().clone()

    convolve.bfloat16().double()
    convolve.weights.data = weights

    for kernel, expected in zip(convolve.kernels(), kernels, strict=True):
        assert torch.equal(kernel, expected)


def test_bfloat16_differs_by_its_rounding_only():
    convolve = layer(2, 3, 5, 3)
    x = images(2, 2, 12, 12)
    expected = convolve(x)

    maps = convolve.bfloat16()(x.bfloat16())

    assert maps.dtype == torch.bfloat16
    torch.testing.assert_close(maps.double(), expected, rtol=0, atol=2**-6)  # eight bits


def test_kernels_are_resized_as_in_the_published_networks_unless_said_otherwise():
    usual, bicubic = layer(1, 2, 3, 7), layer(1, 2, 3, 7, interp_mode="bicubic")
    nearest = layer(1, 2, 3, 7, interp_mode="nearest")

    x = images(1, 1, 12, 12)

    assert torch.equal(usual(x), bicubic(x))
    assert not torch.equal(usual(x), nearest(x))


def test_what_the_layer_cannot_do_is_refused():
    with pytest.raises(ValueError, match="stride must be at least 1, got 0"):
        SiConv2d(1, 1, 3, 3, stride=0)
    with pytest.raises(ValueError, match="unknown interpolation 'cubic'; choose from nearest"):
        SiConv2d(1, 1, 3, 3, interp_mode="cubic")
    with pytest.raises(ValueError, match="unknown frame 'one'; choose from zero, excluded"):
        SiConv2d(1, 1, 3, 3, frame="one")
    for sizes in ([3, 5], [5, 7, 9], [3, 6, 8], [3, 5, 5]):
        with pytest.raises(ValueError, match="need 3 sizes that grow from 3 by even steps, got"):
            SiConv2d(1, 1, 3, 3, sizes=sizes)
    with pytest.raises(ValueError, match=r"up to 9 pixels do not fit images of 8 x 10 pixels; 3 "):
        SiConv2d(1, 1, 4, 3)(torch.zeros(1, 1, 8, 10))


@pytest.mark.parametrize("size", [7, 15, 29])
def test_multiplications_are_counted_for_both_ways_as_torch_counts_them(way, size):
    torch.manual_seed(0)
    x, kernel = torch.rand(3, 4, 30, 33), torch.rand(5, 4, size, size)
    spectra, folded, bases = SiConv2d(4, 5, 12, 7).in_fourier_space(x)
    scale = (size - 7) // 2

    with FlopCounterMode(display=False) as plain:
        F.conv2d(x, kernel)
    with FlopCounterMode(display=False) as transformed:
        kernels = scaled_spectra.kernel_spectra(folded, bases.rows[scale], bases.columns[scale])
        images = scaled_spectra.multipliers(spectra)
        scaled_spectra.responses(kernels, images, bases.inside(scale))

    both = [torch.Size((5, 4, 7, 7)), x.shape, size]
    assert plain.get_total_flops() == 2 * 3 * scaled_spectra.direct_multiplications(*both)
    counted = transformed.get_total_flops() / (2 * 3)  # a multiplication and an addition, images
    assert way(*both) == pytest.approx(counted, rel=1e-9)
