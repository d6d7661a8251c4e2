import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from isotrope.layers import forms
from isotrope.layers.stackable_convolution import StackableConv2d, correlate, with_stackable

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@pytest.mark.usefixtures("either_form")
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    stack=st.integers(1, 3),
    own_maps=st.booleans(),
    own_kernels=st.booleans(),
    channels=st.sampled_from([(1, 5), (2, 3), (5, 1)]),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=pairs,
    padding=st.sampled_from(["valid", "same", (0, 0), (1, 2), (4, 3)]),
    dilation=pairs,
    bias=st.booleans(),
    numbers=st.sampled_from([forms.NUMBERS, 300]),
)
def test_a_stack_is_its_rows_convolved_by_torch(
    seed, stack, own_maps, own_kernels, channels, size, stride, padding, dilation, bias, numbers
):
    torch.manual_seed(seed)
    stride = (1, 1) if padding == "same" else stride  # which torch does not combine
    maps, kernels, biases = (
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in (
            (stack, 4, channels[0], 11, 12),
            (stack, channels[1], channels[0], *size),
            (stack, channels[1]),
        )
    )
    given = [maps if own_maps else maps[0], kernels if own_kernels else kernels[0], biases]
    if not bias:
        given.pop()
    if not (own_maps or own_kernels or bias):
        return  # nothing is stacked
    axes = [0 if one.ndim in (5, 2) else None for one in given]

    def convolution(of, *tensors):
        bias = tensors[2] if len(tensors) > 2 else None
        return of(*tensors[:2], bias, stride, padding, dilation)

    with forms.memory(numbers):
        found = vmap(lambda *row: convolution(correlate, *row), tuple(axes))(*given)
        expected = torch.stack(
            [
                convolution(
                    F.conv2d,
                    *(x if axis is None else x[i] for x, axis in zip(given, axes, strict=True)),
                )
                for i in range(stack)
            ]
        )
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
        weight = torch.randn_like(expected)
        ours, theirs = (
            torch.autograd.grad((one * weight).sum(), given) for one in (found, expected)
        )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


class Matrices(TorchDispatchMode):
    """Keeps what batched products are given, and counts convolutions."""

    def __init__(self):
        super().__init__()
        self.given, self.convolutions = [], 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.name() == "aten::bmm":
            self.given += args
        self.convolutions += "convolution" in function.name()
        return function(*args, **(kwargs or {}))


def as_blas_takes_it(matrices):
    """Whether a product on a GPU takes these as they are, without a copy."""
    rows, columns, (_, row, column) = *matrices.shape[1:], matrices.stride()
    return (column == 1 and row >= max(1, columns)) or (row == 1 and column >= max(1, rows))


@pytest.mark.parametrize("shared", [True, False])
def test_matrices_of_a_stack_overlap_and_are_not_copied(shared):
    maps, kernels = torch.randn(*[3] * (not shared), 4, 2, 9, 10), torch.randn(3, 2, 2, 5, 5)
    kernels.requires_grad_(), maps.requires_grad_(not shared)

    with forms.like_a_gpu(), Matrices() as seen:
        vmap(correlate, (None if shared else 0, 0))(maps, kernels).square().sum().backward()

    assert seen.convolutions == 0
    assert len(seen.given) == (4 if shared else 6)
    assert all(as_blas_takes_it(matrices) for matrices in seen.given)
    overlapping = [one for one in seen.given if one.untyped_storage().nbytes() < 4 * one.numel()]
    assert overlapping


def network():
    """Every kind of convolution: plain, grouped, reflecting, and a subclass."""

    class Own(nn.Conv2d):
        pass

    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        Own(4, 3, 2),
    ).double()


@pytest.mark.usefixtures("either_form")
def test_every_plain_convolution_of_a_network_becomes_stackable_and_computes_the_same():
    torch.manual_seed(0)
    networks = [network() for _ in range(3)]
    images = torch.randn(2, 2, 16, 17, dtype=torch.float64)
    expected = torch.stack([one(images) for one in networks])
    weights = dict(networks[0].named_parameters())

    for one in networks:
        with_stackable(one)

    kinds = [type(module) for module in networks[0]]
    assert kinds[:3] == [StackableConv2d] * 3
    assert kinds[3] is not StackableConv2d
    assert all(value is weights[name] for name, value in networks[0].named_parameters())
    rows, buffers = stack_module_state(networks)
    found = vmap(lambda *row: functional_call(networks[0], row, images))(rows, buffers)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(networks[1](images), expected[1], rtol=0, atol=1e-12)


@pytest.mark.usefixtures("either_form")
def test_an_image_without_a_batch_is_convolved():
    torch.manual_seed(0)
    plain = nn.Conv2d(2, 4, 3)
    image = torch.randn(2, 8, 8)
    expected = plain(image)

    with_stackable(plain)

    torch.testing.assert_close(plain(image), expected)


def test_halved_numbers_are_convolved_as_such():
    torch.manual_seed(0)
    maps = torch.randn(3, 2, 2, 8, 8, dtype=torch.bfloat16)
    kernels = torch.randn(3, 4, 2, 3, 3, dtype=torch.bfloat16)

    with forms.like_a_gpu():
        found = vmap(correlate)(maps, kernels)

    expected = vmap(F.conv2d)(maps.double(), kernels.double())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), expected, rtol=2**-7, atol=2**-6)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_autocast_has_the_types_that_it_has_for_torch(dtype):
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 6, 7, dtype=dtype, requires_grad=True)
    layer = nn.Conv2d(3, 4, 3).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found = correlate(maps, layer.weight, layer.bias)
        expected = layer(maps)

    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected)
    leaves = [maps, *layer.parameters()]
    ours, theirs = (torch.autograd.grad(one.float().sum(), leaves) for one in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=2e-2, atol=2e-2)
