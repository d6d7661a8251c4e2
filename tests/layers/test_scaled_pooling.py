"""Scaled convolutions and their pools in Fourier space, against the published form."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_scaled_convolution import plain_maps, plain_pool
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from isotrope.geometry import INTERPOLATIONS, kernel_sizes
from isotrope.layers import ScalePool, SiConv2d

pytestmark = pytest.mark.usefixtures("form")  # whatever holds, holds in all forms

EXACT = {"rtol": 1e-10, "atol": 1e-10}  # float64 over some thousand terms of order one
POOLS = [
    {"mode": "pixel"},
    {"mode": "slice"},
    {"mode": "energy"},
    {"mode": "energy", "statistic": "valid_mean"},
    {"mode": "energy", "statistic": "valid_mean_square"},
]
KINDS = [  # kernel size, height, width, sizes
    (3, 11, 14, None),
    (7, 22, 19, None),
    (11, 24, 27, [11, 13, 15]),
    (15, 36, 33, [15, 19, 27, 33]),
    (2, 7, 8, None),
    (1, 5, 6, None),
]


def drawn(*shape, seed=0, dtype=torch.float64):
    """Normal numbers: about half of all responses are negative, and frames win here and there."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def layer(k, sizes, inputs=2, outputs=5, seed=0, **options):
    torch.manual_seed(seed)
    convolution = SiConv2d(inputs, outputs, len(sizes), k, sizes=sizes, **options).double()
    with torch.no_grad():
        convolution.bias.normal_()
    return convolution


def gradients(values, inputs):
    return torch.autograd.grad((values * drawn(*values.shape, seed=9)).sum(), inputs)


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: "-".join(pool.values()))
@pytest.mark.parametrize(
    ("mode", "frame"), [*((mode, "zero") for mode in INTERPOLATIONS), ("bicubic", "excluded")]
)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind[0]))
def test_a_pool_of_a_convolution_is_its_definition(kind, mode, pool, frame):
    k, height, width, sizes = kind
    sizes = sizes or kernel_sizes(k, min(height, width), "arithmetic")
    convolution = layer(k, sizes, interp_mode=mode, frame=frame)
    images = drawn(3, 2, height, width).requires_grad_()
    inputs = [images, *convolution.parameters()]
    around = 0.0 if frame == "zero" else -torch.inf
    layered = ScalePool(**pool, frames=convolution.frames)

    found = layered(images, convolution)

    maps = plain_maps(images, *convolution.parameters(), sizes, mode, around)
    expected, indices = plain_pool(maps, pool["mode"], sizes, pool.get("statistic", "signed_sum"))
    torch.testing.assert_close(found, expected, **EXACT)
    assert torch.equal(layered.indices, indices)
    fitting = expected.isfinite()
    torch.testing.assert_close(
        gradients(found[fitting], inputs), gradients(expected[fitting], inputs), **EXACT
    )
    torch.testing.assert_close(layered(convolution(images)), expected, **EXACT)
    assert torch.equal(layered.indices, indices)


@pytest.mark.parametrize("frame", ["zero", "excluded"])
@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: "-".join(pool.values()))
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), offset=st.floats(-3, 3))
def test_the_peak_is_the_maximum_of_the_pooled_map(pool, frame, seed, offset):
    convolution = layer(3, [3, 5, 7, 9, 11], seed=seed, frame=frame)
    with torch.no_grad():
        convolution.bias += offset  # below zero, frames hold the maximum
    images = drawn(3, 2, 11, 12, seed=seed).requires_grad_()
    inputs, pooling = [images, *convolution.parameters()], ScalePool(**pool)

    found = pooling.peak(images, convolution)

    expected = pooling(images, convolution).amax(dim=(2, 3))
    torch.testing.assert_close(found, expected, **EXACT)
    weight = drawn(*found.shape, seed=seed) * (expected.detach() != 0)
    of_both = [
        torch.autograd.grad((some * weight).sum(), inputs, materialize_grads=True)
        for some in (found, expected)
    ]
    torch.testing.assert_close(*of_both, **EXACT)


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: "-".join(pool.values()))
def test_float32_agrees_to_its_rounding(pool):
    convolution = layer(7, kernel_sizes(7, 58, "arithmetic"), inputs=4, outputs=6)
    images = drawn(2, 4, 58, 58).abs().requires_grad_()
    pooling = ScalePool(**pool)
    expected = pooling(images, convolution)
    exact = gradients(expected, [images, *convolution.parameters()])
    indices = pooling.indices

    rounded = copy.deepcopy(convolution).float()
    inputs = [images.detach().float().requires_grad_(), *rounded.parameters()]
    found = pooling(inputs[0], rounded)

    assert found.dtype == torch.float32
    assert (pooling.indices == indices).float().mean() > 0.999  # near ties may fall otherwise
    weight = drawn(*found.shape, seed=9).float()
    results = (found, *torch.autograd.grad((found * weight).sum(), inputs))
    for got, wanted in zip(results, (expected, *exact), strict=True):
        assert (got - wanted).abs().max() < 1e-5 * wanted.abs().max()


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: "-".join(pool.values()))
def test_bfloat16_is_computed_in_float32(pool):
    convolution = layer(3, [3, 5, 7, 9]).bfloat16()
    images, pooling = drawn(2, 2, 12, 12).bfloat16().requires_grad_(), ScalePool(**pool)

    found = pooling(images, convolution)
    found.sum().backward()

    single = copy.deepcopy(convolution).float()
    expected = ScalePool(**pool)(images.detach().float(), single)
    assert found.dtype == images.grad.dtype == convolution.weights.grad.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected.bfloat16(), rtol=0, atol=0)


class Pooled(nn.Module):
    """A convolution and its pool, to be called with other weights."""

    def __init__(self, convolution, pool, peak=False):
        super().__init__()
        self.convolution, self.pool, self.peak = convolution, ScalePool(**pool), peak

    def forward(self, images):
        return (self.pool.peak if self.peak else self.pool)(images, self.convolution)


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: "-".join(pool.values()))
@pytest.mark.parametrize("mode", ["bicubic", "nearest"])
def test_gradients_are_right(pool, mode):
    network = Pooled(layer(3, [3, 5], interp_mode=mode, outputs=2), pool)
    names = [name for name, _ in network.named_parameters()]
    inputs = (drawn(1, 2, 6, 5).requires_grad_(), *network.parameters())

    def respond(images, *weights):
        return functional_call(network, dict(zip(names, weights, strict=True)), (images,))

    assert torch.autograd.gradcheck(respond, inputs, check_batched_grad=True)


@pytest.mark.filterwarnings("error:There is a performance drop")
@pytest.mark.parametrize("peak", [False, True])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: "-".join(pool.values()))
def test_weights_of_several_seeds_pool_and_learn_together_as_alone(pool, shared, peak):
    networks = [Pooled(layer(3, [3, 5, 7, 9], seed=seed), pool, peak) for seed in range(3)]
    images = drawn(3, 2, 2, 9, 10)
    images = images[:1].expand(3, -1, -1, -1, -1) if shared else images
    weights, buffers = stack_module_state(networks)

    def loss(weights, images, buffers):
        found = functional_call(networks[0], (weights, buffers), (images,))
        return found.square().sum(), found

    alone = [(networks[i](images[i]), i) for i in range(3)]
    both = grad(loss, argnums=(0, 1), has_aux=True)
    stack = images[0] if shared else images
    (of_weights, of_images), found = vmap(both, in_dims=(0, None if shared else 0, 0))(
        weights, stack, buffers
    )

    for expected, i in alone:
        torch.testing.assert_close(found[i], expected, **EXACT)
        inputs = images[i].clone().requires_grad_()
        networks[i].zero_grad()
        networks[i](inputs).square().sum().backward()
        torch.testing.assert_close(of_images[i], inputs.grad, **EXACT)
        for name, weight in networks[i].named_parameters():
            torch.testing.assert_close(of_weights[name][i], weight.grad, **EXACT)


@pytest.mark.parametrize("peak", [False, True])
@pytest.mark.parametrize("pool", POOLS[:3], ids=lambda pool: "-".join(pool.values()))
def test_a_compiled_pool_is_one_graph_with_the_same_values_and_gradients(pool, peak):
    torch.compiler.reset()  # what other cases compiled counts against a limit
    network = Pooled(layer(3, [3, 5, 7]), pool, peak)
    compiled = torch.compile(copy.deepcopy(network), backend="eager", fullgraph=True)
    images = drawn(2, 2, 8, 9)

    expected, found = network(images), compiled(images)

    torch.testing.assert_close(found, expected, **EXACT)
    torch.testing.assert_close(
        gradients(found, list(compiled.parameters())),
        gradients(expected, list(network.parameters())),
        **EXACT,
    )


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: "-".join(pool.values()))
def test_many_channels_and_images_are_pooled_in_groups_with_the_same_values(pool, monkeypatch):
    network = Pooled(layer(3, [3, 5, 7]), pool)
    images = drawn(4, 2, 8, 9)
    expected = network(images)

    monkeypatch.setattr("isotrope.layers.scaled_pooling._ON_A_CPU", 1)
    monkeypatch.setattr("isotrope.layers.scaled_spectra._ON_A_CPU", 1)

    torch.testing.assert_close(network(images), expected, **EXACT)


def test_convolutions_with_a_stride_or_padding_are_refused():
    images = drawn(1, 1, 9, 9).float()
    for options in ({"stride": 2}, {"padding": True}):
        with pytest.raises(ValueError, match="without stride and padding, got SiConv2d"):
            ScalePool("pixel")(images, SiConv2d(1, 1, 2, 3, **options))
    with pytest.raises(ValueError, match="up to 11 pixels do not fit images of 9 x 9"):
        ScalePool("slice").peak(images, SiConv2d(1, 1, 5, 3))
