import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from isotrope.geometry import resize_ratios
from isotrope.layers import ColumnConv2d

seeds = st.integers(0, 2**31)


def ratios():
    """A kernel of 3 pixels as it is, enlarged to 5, and beside the centre of 5 pixels."""
    numerators, denominator = resize_ratios(3, 5, "bilinear")
    kept = torch.eye(3, dtype=torch.int64)
    beside = F.pad(kept, (0, 0, 2, 0))
    return [(F.pad(kept, (0, 0, 1, 1)), 1), (numerators, denominator), (beside, 1)]


def layer(seed=0):
    torch.manual_seed(seed)
    return ColumnConv2d(2, 3, ratios()).double()


def dense(convolution, maps):
    """The definition: one kernel of 5 x 5 pixels and one padded convolution for each column."""
    responses = []
    for i, (numerators, denominator) in enumerate(ratios()):
        matrix = numerators.double() / denominator
        kernel = torch.einsum("yv,oivu,xu->oiyx", matrix, convolution.weight, matrix)
        norms = [k.abs().sum(dim=(2, 3), keepdim=True) for k in (convolution.weight, kernel)]
        seen = maps if maps.ndim == 4 else maps[:, :, i]
        responses.append(F.conv2d(seen, kernel * norms[0] / norms[1], padding=2))
    return torch.stack(responses, dim=2)


@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=20)
@given(seed=seeds, columns=st.booleans(), sides=st.tuples(st.integers(1, 8), st.integers(1, 8)))
def test_responses_and_gradients_are_those_of_the_definition(seed, columns, sides):
    convolution = layer(seed)
    shape = (2, 2, 3, *sides) if columns else (2, 2, *sides)
    maps = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    inputs = [maps, convolution.weight]

    found, expected = convolution(maps), dense(convolution, maps)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weight = torch.randn_like(expected)
    ours, theirs = (
        torch.autograd.grad((responses * weight).sum(), inputs) for responses in (found, expected)
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=20)
@given(seed=seeds, sides=st.tuples(st.integers(1, 8), st.integers(1, 8)))
def test_the_peak_is_the_maximum_with_its_gradient(seed, sides):
    convolution = layer(seed)
    maps = torch.randn(2, 2, 3, *sides, dtype=torch.float64, requires_grad=True)
    inputs = [maps, convolution.weight]

    found, expected = convolution.peak(maps), dense(convolution, maps).flatten(2).amax(dim=-1)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weight = torch.randn_like(expected)
    ours, theirs = (
        torch.autograd.grad((peaks * weight).sum(), inputs) for peaks in (found, expected)
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_each_filter_has_the_same_l1_norm_in_every_column():
    convolution = layer()

    norms = convolution.kernels().abs().sum(dim=(-2, -1))

    expected = convolution.weight.abs().sum(dim=(-2, -1))[:, :, None].expand(-1, -1, 3)
    torch.testing.assert_close(norms, expected, rtol=1e-12, atol=0)


def test_weights_begin_as_those_of_a_plain_convolution():
    torch.manual_seed(3)
    plain = nn.Conv2d(2, 3, 3, bias=False)

    assert torch.equal(layer(3).weight, plain.weight.double())
    assert set(layer().state_dict()) == {"weight"}
