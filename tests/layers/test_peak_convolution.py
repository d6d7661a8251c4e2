import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isotrope.layers import GlobalMaxPool, convolution_peak, convolution_peaks


@pytest.mark.usefixtures("either_form")
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.sampled_from(["valid", "same", 0, (1, 2), 3]),
    bias=st.booleans(),
)
def test_values_and_gradients_are_those_of_the_dense_convolution(seed, kernel, padding, bias):
    torch.manual_seed(seed)
    convolution = nn.Conv2d(2, 5, kernel, padding=padding, bias=bias).double()
    maps = torch.randn(3, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    inputs = [maps, *convolution.parameters()]
    weight = torch.randn(3, 5, dtype=torch.float64)

    sparse = convolution_peak(maps, convolution)
    dense = GlobalMaxPool()(convolution(maps))

    torch.testing.assert_close(sparse, dense, rtol=0, atol=1e-12)
    found = torch.autograd.grad((sparse * weight).sum(), inputs)
    expected = torch.autograd.grad((dense * weight).sum(), inputs)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("either_form")
def test_maps_of_several_sizes_have_the_peaks_that_each_has_by_itself():
    torch.manual_seed(0)
    convolution = nn.Conv2d(2, 5, 3, padding="same").double()
    several = [torch.randn(3, 2, side, side + 1, dtype=torch.float64) for side in (7, 5, 2)]

    found = convolution_peaks(several, convolution)

    expected = torch.stack([GlobalMaxPool()(convolution(maps)) for maps in several])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "options", [{"stride": 2}, {"dilation": 2}, {"groups": 2}, {"padding_mode": "reflect"}]
)
def test_other_convolutions_are_refused(options):
    with pytest.raises(ValueError, match="needs stride 1, dilation 1, one group and zero padding"):
        convolution_peak(torch.zeros(1, 2, 8, 8), nn.Conv2d(2, 2, 3, padding=1, **options))
