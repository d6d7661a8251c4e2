"""What is particular to the form of scaled convolutions for a GPU."""

import copy
import pickle

import pytest
import torch
from operations import Operations
from scaled_layers import images, layer
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.utils._python_dispatch import TorchDispatchMode

from isotrope.layers import ScalePool, forms, scaled_constants
from isotrope.layers.scaled_constants import Kernels
from isotrope.layers.scales_at_once import see

POOLS = [
    {"mode": "pixel"},
    {"mode": "slice"},
    {"mode": "energy"},
    {"mode": "energy", "statistic": "valid_mean_square"},
]
SORTING = ("sort", "scatter", "index_put", "index_add", "gather_backward", "accumulate")


def forget_constants():
    for made in vars(scaled_constants).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()


def learned(convolution, peak):
    pool, x = ScalePool("pixel"), images(2, 2, 9, 10)
    found = pool.peak(x, convolution) if peak else pool(x, convolution)
    return torch.autograd.grad(found.square().sum(), list(convolution.parameters()))


def in_inference_mode(convolution):
    with torch.inference_mode():
        ScalePool("pixel")(images(2, 2, 9, 10), convolution)


def under_a_transform(convolution):
    grad(lambda x: ScalePool("pixel")(x, convolution).sum())(images(2, 2, 9, 10))


@pytest.mark.parametrize("peak", [False, True])
@pytest.mark.parametrize("use", [in_inference_mode, under_a_transform])
def test_matrices_first_made_elsewhere_serve_in_training(use, peak):
    convolution = layer(2, 3, 3, 3)
    with forms.like_a_gpu():
        expected = learned(convolution, peak)
        forget_constants()
        use(convolution)

        found = learned(convolution, peak)

    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("channels", [1, 9])
@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: "-".join(pool.values()))
def test_gradients_neither_sort_nor_scatter_nor_meet_the_host(pool, channels):
    convolution, pooling = layer(channels, 3, 4, 3), ScalePool(**pool)
    x = images(2, channels, 10, 9).requires_grad_()

    def step():
        (pooling(x, convolution).sum() + pooling.peak(x, convolution).sum()).backward()

    with forms.like_a_gpu():
        step()
        with Operations() as counted:
            step()

    assert not counted.meets_the_host
    assert not [name for name in counted.launches if any(word in name for word in SORTING)]


def test_the_memory_says_how_many_scales_are_treated_at_once():
    kernels, x = Kernels(3, tuple(range(3, 21, 2)), "bicubic"), images(2, 1, 20, 20)
    with forms.like_a_gpu():
        assert see(kernels, x, 4).ranges == ((0, 3), (3, 6), (6, 9))
        assert len(see(kernels, x, 4).tables) == 3
        with forms.memory(1):
            few = see(kernels, x, 4)
        with forms.stacked(10**9):
            many = see(kernels, x, 4)

    assert few.ranges == many.ranges == tuple((i, i + 1) for i in range(9))
    assert not few.tables
    assert len(many.tables) == 9  # all rows share them


def test_a_layer_that_has_computed_so_can_be_copied_and_change_its_precision():
    convolution, x = layer(2, 3, 4, 3), images(2, 2, 10, 9)
    with forms.like_a_gpu():
        expected = convolution(x)
        copies = [copy.deepcopy(convolution), pickle.loads(pickle.dumps(convolution))]
        rounded = copy.deepcopy(convolution).float()

        assert all(torch.equal(one(x), expected) for one in copies)
        torch.testing.assert_close(rounded(x.float()), expected.float(), rtol=1e-5, atol=1e-5)
        assert torch.equal(convolution(x), expected)


class _Reductions(TorchDispatchMode):
    """Keeps whether what is reduced over scales or pixels lies in memory as it is read."""

    def __init__(self):
        super().__init__()
        self.in_order = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        reduces = function.name().partition(".")[0]
        if reduces in ("aten::max", "aten::amax", "aten::linalg_vector_norm") and args[0].ndim > 4:
            self.in_order.append(args[0].is_contiguous())
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("channels", [1, 9])
@pytest.mark.parametrize("settings", [POOLS[0], POOLS[1], POOLS[3]])
def test_maps_are_reduced_in_the_order_in_which_they_lie_in_memory(settings, channels):
    convolution = layer(channels, 3, 3, 3)
    pool, x = ScalePool(**settings), images(2, channels, 9, 10)
    with forms.like_a_gpu(), _Reductions() as seen:
        pool(x, convolution)
        pool.peak(x, convolution)

    assert seen.in_order
    assert all(seen.in_order)


@pytest.mark.parametrize("frame", ["zero", "excluded"])
@pytest.mark.parametrize("channels", [1, 9])
def test_rectified_responses_are_those_of_the_layer_and_learn_alike(frame, channels):
    convolution, x = layer(channels, 3, 4, 3, frame=frame), images(2, channels, 10, 9)
    x.requires_grad_()
    learning = [x, *convolution.parameters()]

    def found(maps):
        return maps, *torch.autograd.grad(maps.square().sum(), learning)

    expected = found(convolution(x).relu())
    on_a_cpu = found(convolution.rectified(x))
    with forms.like_a_gpu():
        on_a_gpu = found(convolution.rectified(x))

    assert all(torch.equal(one, other) for one, other in zip(on_a_cpu, expected, strict=True))
    for one, other in zip(on_a_gpu, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


def test_rectified_responses_of_a_stack_are_those_of_each_row():
    rows, x = (
        torch.stack([images(3, 1, 3, 3, seed=seed) - 0.5 for seed in range(3)]),
        images(2, 1, 9, 8),
    )
    convolution = layer(1, 3, 3, 3)
    bias = convolution.bias.detach()

    def of_row(weights):
        parameters = {"weights": weights, "bias": bias}
        return functional_call(
            Rectified(convolution), {f"of.{n}": v for n, v in parameters.items()}, x
        )

    with forms.like_a_gpu():
        found, expected = vmap(of_row)(rows), torch.stack([of_row(row) for row in rows])

    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


class Rectified(nn.Module):
    def __init__(self, of):
        super().__init__()
        self.of = of

    def forward(self, x):
        return self.of.rectified(x)
