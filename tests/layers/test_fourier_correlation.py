import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from isotrope.layers import fourier_correlation

seeds = st.integers(0, 2**31)


def one_by_one(maps, kernels):
    """The same as a plain convolution of each of the stack."""
    pairs = zip(maps.unbind(2), kernels.unbind(2), strict=True)
    return torch.stack([F.conv2d(image, kernel) for image, kernel in pairs], dim=2)


@settings(deadline=None, max_examples=30)
@given(
    seed=seeds,
    sides=st.tuples(st.integers(7, 23), st.integers(7, 23)),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stack=st.integers(1, 3),
)
def test_values_and_gradients_are_those_of_plain_convolutions(seed, sides, kernel, stack):
    torch.manual_seed(seed)
    maps = torch.randn(2, 3, stack, *sides, dtype=torch.float64, requires_grad=True)
    kernels = torch.randn(4, 3, stack, *kernel, dtype=torch.float64, requires_grad=True)

    found, expected = fourier_correlation(maps, kernels), one_by_one(maps, kernels)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    weight = torch.randn_like(expected)
    ours, theirs = (
        torch.autograd.grad((responses * weight).sum(), [maps, kernels])
        for responses in (found, expected)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rounding_is_that_of_the_type(dtype):
    torch.manual_seed(0)
    maps, kernels = torch.randn(2, 3, 2, 20, 20), torch.randn(4, 3, 2, 5, 5)
    exact = one_by_one(maps.to(dtype).double(), kernels.to(dtype).double())

    found = fourier_correlation(maps.to(dtype), kernels.to(dtype))

    assert found.dtype == dtype
    error = (found.double() - exact).abs().max() / exact.abs().max()
    assert error < 4 * torch.finfo(dtype).eps
