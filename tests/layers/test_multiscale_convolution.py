import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from isotrope.layers import MultiscaleConv2d

seeds = st.integers(0, 2**31)
SHRINKING, GROWING, ALL = (0.6, 0.8, 1.0), (1.0, 1.3, 2.0), (0.6, 0.8, 1.0, 1.3, 2.0)


def rescaled(maps, factor):
    """Resized by torch, then padded or cut to its own size."""
    if factor == 1:
        return maps
    resized = F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=True)
    (height, width), (h, w) = maps.shape[-2:], resized.shape[-2:]
    left, top = (width - w) // 2, (height - h) // 2
    return F.pad(resized, (left, width - w - left, top, height - h - top))


def dense(convolution, maps):
    """The definition: every factor by itself, then the largest at each pixel."""
    responses = [
        rescaled(F.conv2d(rescaled(maps, f), convolution.weight, convolution.bias), 1 / f)
        for f in convolution.factors
    ]
    return torch.stack(responses).max(dim=0).values


def layer(seed, factors, k=3):
    torch.manual_seed(seed)
    return MultiscaleConv2d(2, 4, k, factors).double()


@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=30)
@given(
    seed=seeds,
    factors=st.sampled_from([SHRINKING, GROWING, ALL]),
    k=st.integers(1, 4),
    sides=st.tuples(st.integers(7, 16), st.integers(7, 16)),
)
def test_values_and_gradients_are_those_of_the_definition(seed, factors, k, sides):
    convolution = layer(seed, factors, k)
    maps = torch.randn(3, 2, *sides, dtype=torch.float64, requires_grad=True)
    inputs = [maps, *convolution.parameters()]
    expected = dense(convolution, maps)
    weight = torch.randn_like(expected)
    theirs = torch.autograd.grad((expected * weight).sum(), inputs, retain_graph=True)
    found = convolution(maps)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    ours = torch.autograd.grad((found * weight).sum(), inputs)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)

    found, expected, weight = convolution.peak(maps), expected.amax(dim=(2, 3)), weight[..., 0, 0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    if (expected == 0).any():
        return  # the frame ties with itself, and its gradient is nothing in any case
    ours, theirs = (
        torch.autograd.grad((peaks * weight).sum(), inputs) for peaks in (found, expected)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize(("factors", "least"), [(GROWING, 0.0), (SHRINKING, -1.0)])
def test_only_a_frame_of_zeros_hides_a_negative_peak(factors, least):
    convolution = layer(0, factors)
    maps = torch.rand(1, 2, 12, 12, dtype=torch.float64)
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.bias.fill_(-1)

    peaks = convolution.peak(maps)
    peaks.sum().backward()

    assert torch.equal(peaks, torch.full((1, 4), least, dtype=torch.float64))
    assert convolution.bias.grad.eq(0 if least == 0 else 1).all()


def test_maps_of_which_a_factor_leaves_nothing_are_refused():
    with pytest.raises(ValueError, match="a canvas of 1 cells cannot be redrawn with 0 cells"):
        layer(0, GROWING)(torch.zeros(1, 2, 3, 3, dtype=torch.float64))
