import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from isotrope.layers import largest_over_depth, volume_peak

EXACT = {"rtol": 0, "atol": 1e-11}  # float64 over some thousand terms of order one


def example(seed=0, k=3, shape=(7, 8, 9), channels=3, outputs=5, bias=True):
    torch.manual_seed(seed)
    convolution = nn.Conv3d(channels, outputs, k, bias=bias).double()
    return convolution, torch.randn(2, channels, *shape, dtype=torch.float64)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**31),
    k=st.integers(1, 5),
    shape=st.tuples(st.integers(5, 9), st.integers(5, 11), st.integers(5, 11)),
    bias=st.booleans(),
)
def test_values_and_gradients_are_those_of_the_dense_convolution(seed, k, shape, bias):
    convolution, maps = example(seed, k, shape, bias=bias)
    inputs = [maps.requires_grad_(), *convolution.parameters()]
    dense = convolution(maps)

    largest, depths = largest_over_depth(maps, convolution)
    peaks = volume_peak(maps, convolution)

    torch.testing.assert_close(largest, dense.amax(dim=2), **EXACT)
    at = dense.take_along_dim(depths[:, :, None], dim=2)[:, :, 0]
    torch.testing.assert_close(at, largest, **EXACT)
    expected = dense.amax(dim=(2, 3, 4))
    torch.testing.assert_close(peaks, expected, **EXACT)
    weight = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad((peaks * weight).sum(), inputs),
        torch.autograd.grad((expected * weight).sum(), inputs),
        **EXACT,
    )


def test_many_channels_are_convolved_in_groups_with_the_same_values(monkeypatch):
    convolution, maps = example()
    expected = volume_peak(maps, convolution)

    monkeypatch.setattr("isotrope.layers.volume_convolution._ON_A_CPU", 1)
    monkeypatch.setattr("isotrope.layers.volume_convolution._ROWS_AT_ONCE", 1)

    torch.testing.assert_close(volume_peak(maps, convolution), expected, **EXACT)


def test_lower_precisions_are_kept_and_agree():
    convolution, maps = example()
    expected = volume_peak(maps, convolution)

    single = volume_peak(maps.float(), convolution.float())
    half = volume_peak(maps.bfloat16(), convolution.bfloat16())

    torch.testing.assert_close(single.double(), expected, rtol=1e-5, atol=1e-5)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.double(), expected, rtol=2**-5, atol=2**-5)


@pytest.mark.filterwarnings("error:There is a performance drop")
def test_weights_of_several_seeds_peak_and_learn_together_as_alone():
    convolutions, maps = zip(*(example(seed) for seed in range(3)), strict=True)
    weights, _ = stack_module_state(list(convolutions))

    class Peak(nn.Module):
        def __init__(self, convolution):
            super().__init__()
            self.convolution = convolution

        def forward(self, maps):
            return volume_peak(maps, self.convolution)

    peaks = [Peak(convolution) for convolution in convolutions]
    weights, _ = stack_module_state(peaks)

    def loss(weights, maps):
        return functional_call(peaks[0], weights, (maps,)).square().sum()

    found = vmap(grad(loss))(weights, torch.stack(maps))

    for i, peak in enumerate(peaks):
        peak(maps[i]).square().sum().backward()
        for name, weight in peak.named_parameters():
            torch.testing.assert_close(found[name][i], weight.grad, **EXACT)


@pytest.mark.parametrize("options", [{"stride": 2}, {"dilation": 2}, {"groups": 3}, {"padding": 1}])
def test_other_convolutions_are_refused(options):
    with pytest.raises(ValueError, match="cubic kernels, stride 1, dilation 1 and one group"):
        volume_peak(torch.zeros(1, 3, 8, 8, 8), nn.Conv3d(3, 3, 3, **options))


def test_oblong_kernels_and_small_maps_are_refused():
    with pytest.raises(ValueError, match="cubic kernels"):
        volume_peak(torch.zeros(1, 3, 8, 8, 8), nn.Conv3d(3, 3, (3, 3, 1)))
    with pytest.raises(ValueError, match="kernels of 3 x 3 x 3 do not fit maps of 2 x 8 x 8"):
        volume_peak(torch.zeros(1, 3, 2, 8, 8), nn.Conv3d(3, 3, 3))
