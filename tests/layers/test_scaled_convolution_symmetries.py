"""What scaled convolutions keep: sums, shifts, mirror images, strides."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scaled_layers import EXACT, images, layer
from torch import nn
from torch.nn import functional as F

from isotrope.geometry import INTERPOLATIONS

pytestmark = pytest.mark.usefixtures("way")  # whatever holds, holds in every way


@given(k=st.integers(1, 15), scales=st.integers(1, 12), seed=st.integers(0, 2**31))
def test_area_keeps_the_sum_of_the_kernel(k, scales, seed):
    convolve = layer(2, 2, scales, k, seed=seed, interp_mode="area")

    sums = torch.stack([kernel.sum(dim=(-2, -1)) for kernel in convolve.kernels()])

    torch.testing.assert_close(sums, convolve.weights.sum(dim=(-2, -1)).expand_as(sums), **EXACT)


@settings(max_examples=20)
@given(
    mode=st.sampled_from(INTERPOLATIONS),
    a=st.floats(-3, 3),
    b=st.floats(-3, 3),
    seed=st.integers(0, 2**31),
)
def test_without_its_bias_the_layer_is_linear_in_the_image(mode, a, b, seed):
    convolve = layer(2, 2, 4, 3, seed=seed, interp_mode=mode)
    nn.init.zeros_(convolve.bias)
    first, second = images(2, 1, 2, 10, 9, seed=seed)

    torch.testing.assert_close(
        convolve(a * first + b * second), a * convolve(first) + b * convolve(second), **EXACT
    )


@settings(max_examples=20)
@given(dy=st.integers(0, 3), dx=st.integers(0, 3), seed=st.integers(0, 2**31))
def test_a_shift_of_the_image_shifts_each_map_inside_its_frame(dy, dx, seed):
    convolve = layer(1, 2, 3, 3, seed=seed)
    scene = images(1, 1, 15, 15, seed=seed)

    before = convolve(scene[..., :12, :12])
    after = convolve(scene[..., dy : dy + 12, dx : dx + 12])

    for i in range(3):
        torch.testing.assert_close(
            before[:, :, i, i + dy : 10 - i, i + dx : 10 - i],
            after[:, :, i, i : 10 - i - dy, i : 10 - i - dx],
            **EXACT,
        )


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "area"])
def test_mirroring_image_and_weights_mirrors_the_maps(mode):
    convolve = layer(2, 2, 5, 4, interp_mode=mode)
    x = images(1, 2, 13, 12)
    maps = convolve(x)

    convolve.weights.data = convolve.weights.data.flip(-1)

    torch.testing.assert_close(convolve(x.flip(-1)), maps.flip(-1), **EXACT)


@settings(max_examples=30)
@given(
    stride=st.integers(2, 6),
    k=st.integers(1, 5),
    padding=st.booleans(),
    height=st.integers(9, 17),
    width=st.integers(9, 17),
)
def test_a_stride_takes_every_so_many_th_row_and_column(stride, k, padding, height, width):
    scales = (min(height, width) - k) // 2 + 1
    every = layer(1, 2, scales, k, padding=padding)
    some = layer(1, 2, scales, k, stride=stride, padding=padding)
    x = images(1, 1, height, width)

    torch.testing.assert_close(some(x), every(x)[..., ::stride, ::stride], **EXACT)


def test_padding_keeps_the_size_and_agrees_where_the_kernel_fits():
    inside, everywhere = layer(1, 2, 4, 3), layer(1, 2, 4, 3, padding=True)
    x = images(2, 1, 12, 11)

    padded = everywhere(x)

    assert padded.shape == (2, 2, 4, 12, 11)
    surrounded = F.pad(x, (4, 4, 4, 4))
    torch.testing.assert_close(padded, inside(surrounded)[..., 3:-3, 3:-3], **EXACT)
