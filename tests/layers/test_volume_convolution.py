import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import Operations
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from isotrope.layers import forms, largest_over_depth, volume_peak

SORTING = ("sort", "scatter", "index_put", "index_add", "gather_backward", "accumulate")
EXACT = {"rtol": 0, "atol": 1e-11}  # float64 over some thousand terms of order one


def example(seed=0, k=3, shape=(7, 8, 9), channels=3, outputs=5, bias=True):
    torch.manual_seed(seed)
    convolution = nn.Conv3d(channels, outputs, k, bias=bias).double()
    return convolution, torch.randn(2, channels, *shape, dtype=torch.float64)


class Peak(nn.Module):
    def __init__(self, convolution):
        super().__init__()
        self.convolution = convolution

    def forward(self, maps):
        return volume_peak(maps, self.convolution)


class PeakAndMaps(Peak):
    """The peaks, the largest responses over the scales and their depths."""

    def forward(self, maps):
        return volume_peak(maps, self.convolution), *largest_over_depth(maps, self.convolution)


@pytest.mark.usefixtures("either_form")
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


@pytest.mark.parametrize("numbers", [1, 3_000, 10_000, 2**28])
def test_on_a_gpu_as_many_rows_and_channels_are_taken_at_once_as_fit(numbers):
    """That is one channel, two channels of one row, one row, and all three rows."""
    drawn = [example(seed) for seed in range(3)]
    maps = torch.stack([one for _, one in drawn]).requires_grad_()
    weights, _ = stack_module_state([PeakAndMaps(convolution) for convolution, _ in drawn])

    with forms.like_a_gpu(), forms.memory(numbers), forms.stacked(3):
        run = vmap(lambda *row: functional_call(PeakAndMaps(drawn[0][0]), *row))
        found = run(weights, maps)
        ours = torch.autograd.grad(found[0].square().sum(), (maps, *weights.values()))

    rows = [
        PeakAndMaps(convolution)(one) for (convolution, _), one in zip(drawn, maps, strict=True)
    ]
    expected = [torch.stack(some) for some in zip(*rows, strict=True)]
    torch.testing.assert_close(list(found), expected, **EXACT)
    parameters = zip(*(convolution.parameters() for convolution, _ in drawn), strict=True)
    theirs = torch.autograd.grad(
        expected[0].square().sum(), (maps, *(one for some in parameters for one in some))
    )
    torch.testing.assert_close(ours[0], theirs[0], **EXACT)
    for i, gradient in enumerate(ours[1:]):
        torch.testing.assert_close(gradient, torch.stack(theirs[1 + 3 * i : 4 + 3 * i]), **EXACT)


@pytest.mark.usefixtures("either_form")
def test_the_gradient_has_the_gradient_of_the_dense_convolution():
    convolution, maps = example()
    inputs = [maps.requires_grad_(), convolution.weight]
    dense = convolution(maps).amax(dim=(2, 3, 4))
    second = []
    for peaks in (volume_peak(maps, convolution), dense):
        (gradient,) = torch.autograd.grad(peaks.square().sum(), maps, create_graph=True)
        second.append(torch.autograd.grad(gradient.square().sum(), inputs))
    torch.testing.assert_close(*second, **EXACT)


def test_what_was_computed_in_inference_mode_can_be_trained_afterwards():
    convolution, maps = example(shape=(6, 7, 8))
    with forms.like_a_gpu():
        with torch.inference_mode():
            volume_peak(maps, convolution)
        volume_peak(maps, convolution).sum().backward()
    assert convolution.weight.grad.abs().sum() > 0


def operations(rows=None):
    """Those of the layer of `conv3d` for 64 x 64 pixels, forward and backward."""
    stack = [] if rows is None else [rows]
    maps = torch.empty(*stack, 16, 16, 29, 58, 58, device="meta", requires_grad=True)
    weight = torch.empty(*stack, 32, 16, 7, 7, 7, device="meta", requires_grad=True)
    peak = Peak(nn.Conv3d(16, 32, 7, bias=False, device="meta"))

    def run(maps, weight):
        return functional_call(peak, {"convolution.weight": weight}, (maps,))

    with forms.like_a_gpu(), forms.stacked(rows or 1):
        for _ in range(2):  # the first makes constants
            with Operations() as counted:
                (run if rows is None else vmap(run))(maps, weight).sum().backward()
    return counted


@pytest.mark.filterwarnings("error:Dynamo detected")
@pytest.mark.parametrize("stacked", [False, True])
def test_on_a_gpu_the_layer_can_be_compiled(stacked):
    convolution, maps = example()
    maps.requires_grad_()

    def peaks(maps):
        return volume_peak(maps, convolution)

    def run(maps):
        return vmap(peaks)(maps[:, None]) if stacked else peaks(maps)

    torch.compiler.reset()

    with forms.like_a_gpu():
        found = torch.compile(run, backend="aot_eager", fullgraph=True)(maps)
        (ours,) = torch.autograd.grad(found.square().sum(), maps)

    expected = run(maps)
    torch.testing.assert_close(found, expected, **EXACT)
    (theirs,) = torch.autograd.grad(expected.square().sum(), maps)
    torch.testing.assert_close(ours, theirs, **EXACT)


@pytest.mark.parametrize(("rows", "launches"), [(None, 45), (2, 45), (25, 115)])
def test_on_a_gpu_operations_are_few_and_large(rows, launches):
    counted = operations(rows)
    assert counted.launches.total() <= launches
    assert not counted.meets_the_host
    assert not [name for name in counted.launches if any(word in name for word in SORTING)]


@pytest.mark.usefixtures("either_form")
def test_lower_precisions_are_kept_and_agree():
    convolution, maps = example()
    expected = volume_peak(maps, convolution)

    single = volume_peak(maps.float(), convolution.float())
    half = volume_peak(maps.bfloat16(), convolution.bfloat16())

    torch.testing.assert_close(single.double(), expected, rtol=1e-5, atol=1e-5)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.double(), expected, rtol=2**-5, atol=2**-5)


@pytest.mark.usefixtures("either_form")
@pytest.mark.filterwarnings("error:There is a performance drop")
def test_weights_of_several_seeds_peak_and_learn_together_as_alone():
    convolutions, maps = zip(*(example(seed) for seed in range(3)), strict=True)
    peaks = [Peak(convolution) for convolution in convolutions]
    weights, _ = stack_module_state(peaks)

    def loss(weights, maps):
        return functional_call(peaks[0], weights, (maps,)).square().sum()

    found = vmap(grad(loss))(weights, torch.stack(maps))

    for i, peak in enumerate(peaks):
        peak(maps[i]).square().sum().backward()
        for name, weight in peak.named_parameters():
            torch.testing.assert_close(found[name][i], weight.grad, **EXACT)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("options", [{"stride": 2}, {"dilation": 2}, {"groups": 3}, {"padding": 1}])
def test_other_convolutions_are_refused(options):
    with pytest.raises(ValueError, match="cubic kernels, stride 1, dilation 1 and one group"):
        volume_peak(torch.zeros(1, 3, 8, 8, 8), nn.Conv3d(3, 3, 3, **options))


@pytest.mark.usefixtures("either_form")
def test_oblong_kernels_and_small_maps_are_refused():
    with pytest.raises(ValueError, match="cubic kernels"):
        volume_peak(torch.zeros(1, 3, 8, 8, 8), nn.Conv3d(3, 3, (3, 3, 1)))
    with pytest.raises(ValueError, match="kernels of 3 x 3 x 3 do not fit maps of 2 x 8 x 8"):
        volume_peak(torch.zeros(1, 3, 2, 8, 8), nn.Conv3d(3, 3, 3))
