import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from isotrope.layers import SteerableConv2d

seeds = st.integers(0, 2**31)


def layer(seed=0, channels=(2, 3), scales=3):
    """A layer of float64 with a random basis, zeros around one scale and above another."""
    torch.manual_seed(seed)
    basis = torch.randn(4, scales, 5, 5)
    basis[:, 0] *= F.pad(torch.ones(3, 3), [1] * 4)
    basis[:, 1, :2] = 0
    made = SteerableConv2d(*channels, basis).double()
    nn.init.normal_(made.bias)
    return made


def dense(convolution, maps):
    """The definition: sums of functions, and a plain convolution for each scale."""
    kernels = torch.einsum("oif,fsyx->soiyx", convolution.weight, convolution.basis)
    seen = [maps] * len(kernels) if maps.ndim == 4 else maps.unbind(2)
    responses = [F.conv2d(x, k, convolution.bias) for x, k in zip(seen, kernels, strict=True)]
    return torch.stack(responses, dim=2)


@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=20)
@given(seed=seeds, lifted=st.booleans(), sides=st.tuples(st.integers(5, 12), st.integers(5, 12)))
def test_responses_and_gradients_are_those_of_the_definition(seed, lifted, sides):
    convolution = layer(seed)
    shape = (2, 2, 3, *sides) if lifted else (2, 2, *sides)
    maps = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    inputs = [maps, *convolution.parameters()]

    found, expected = convolution(maps), dense(convolution, maps)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    weight = torch.randn_like(expected)
    ours, theirs = (
        torch.autograd.grad((responses * weight).sum(), inputs) for responses in (found, expected)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=20)
@given(seed=seeds, sides=st.tuples(st.integers(5, 12), st.integers(5, 12)))
def test_the_peak_is_the_maximum_with_its_gradient(seed, sides):
    convolution = layer(seed)
    maps = torch.randn(2, 2, 3, *sides, dtype=torch.float64, requires_grad=True)
    inputs = [maps, *convolution.parameters()]

    found, expected = convolution.peak(maps), dense(convolution, maps).flatten(2).amax(dim=-1)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weight = torch.randn_like(expected)
    ours, theirs = (
        torch.autograd.grad((peaks * weight).sum(), inputs) for peaks in (found, expected)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_weights_begin_as_those_of_a_plain_convolution_and_biases_at_zero():
    torch.manual_seed(3)
    convolution = SteerableConv2d(2, 3, torch.randn(49, 4, 15, 15))
    torch.manual_seed(3)
    torch.randn(49, 4, 15, 15)
    plain = nn.Conv2d(2, 3, 7)

    assert torch.equal(convolution.weight.flatten(), plain.weight.flatten())
    assert convolution.bias.count_nonzero() == 0
    assert set(convolution.state_dict()) == {"weight", "bias"}


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 4, 9), "kernels of 5 pixels do not fit maps of 4 x 9 pixels"),
        ((1, 2, 2, 9, 9), "need maps at 3 scales, got 2"),
    ],
)
def test_misfits_are_refused_with_their_size(shape, message):
    for use in (layer().forward, layer().peak):
        if len(shape) == 5 or use.__name__ == "forward":
            with pytest.raises(ValueError, match=message):
                use(torch.zeros(shape, dtype=torch.float64))
