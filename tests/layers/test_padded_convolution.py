import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from isotrope.layers.stackable_convolution import StackableConv2d
from isotrope.layers.wrapping import PaddedConv2d, padded

sides = st.integers(0, 15)


def drawn(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def taken_modulo(maps, widths):
    """The same of numpy, which counts on beyond the ends."""
    left, right, top, bottom = widths
    height, width = maps.shape[-2:]
    rows = np.take(maps.numpy(), range(-top, height + bottom), axis=-2, mode="wrap")
    return torch.from_numpy(np.take(rows, range(-left, width + right), axis=-1, mode="wrap"))


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**31),
    widths=st.tuples(sides, sides, sides, sides),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
)
def test_a_circular_border_of_any_width_takes_indices_modulo_the_size(seed, widths, size):
    maps = drawn(seed, 2, 3, *size).requires_grad_()

    found = padded(maps, widths, "circular")

    assert torch.equal(found, taken_modulo(maps.detach(), widths))
    gradient = drawn(seed + 1, *found.shape)
    (ours,) = torch.autograd.grad(found, maps, gradient)
    index = taken_modulo(torch.arange(maps.numel()).view(maps.shape), widths)
    expected = torch.zeros(maps.numel(), dtype=maps.dtype)
    expected.index_add_(0, index.flatten(), gradient.flatten())
    torch.testing.assert_close(ours.flatten(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("zeros", "constant"), ("reflect",) * 2, ("replicate",) * 2, ("circular",) * 2],
)
@pytest.mark.parametrize("widths", [(1, 2, 0, 3), (0, 0, 1, 1), (0, 0, 0, 0), (4, 0, 3, 3)])
def test_borders_that_torch_can_make_are_torchs(mode, name, widths):
    maps = drawn(0, 2, 3, 5, 6)

    assert torch.equal(padded(maps, widths, mode), F.pad(maps, widths, mode=name))


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("kind", [torch.contiguous_format, torch.channels_last])
def test_a_circular_border_keeps_the_order_in_memory(kind):
    maps = drawn(0, 2, 3, 5, 6).contiguous(memory_format=kind).requires_grad_()

    found = padded(maps, (1, 2, 3, 0), "circular")

    assert found.is_contiguous(memory_format=kind)
    weight = drawn(1, *found.shape).contiguous(memory_format=kind)
    (gradient,) = torch.autograd.grad(found, maps, weight)
    assert gradient.is_contiguous(memory_format=kind)
    assert torch.equal(found, taken_modulo(maps.detach(), (1, 2, 3, 0)))


def test_gradients_of_the_gradient_are_right_too():
    maps = drawn(0, 1, 1, 3, 4).requires_grad_()

    assert torch.autograd.gradgradcheck(
        lambda maps: padded(maps, (1, 2, 3, 0), "circular").sin(), maps
    )


def test_what_cannot_be_padded_is_refused():
    maps = torch.zeros(1, 1, 3, 4)
    with pytest.raises(ValueError, match="one of circular, zeros, reflect, replicate, got 'same'"):
        padded(maps, (0, 0, 0, 0), "same")
    with pytest.raises(ValueError, match=r"narrower than the map, got \(0, 0, 3, 0\)"):
        padded(maps, (0, 0, 3, 0), "reflect")
    with pytest.raises(ValueError, match="not be negative, got -1"):
        PaddedConv2d(1, 1, 3, padding=-1)
    with pytest.raises(ValueError, match="got 'wrap'"):
        PaddedConv2d(1, 1, 3, padding_mode="wrap")


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("mode", ["circular", "zeros", "reflect", "replicate"])
@pytest.mark.parametrize(
    ("kernel", "others"),
    [
        (3, {}),
        (5, {"stride": 2}),
        (3, {"dilation": 2, "groups": 2}),
        (1, {"bias": False}),
        ((3, 1), {"dilation": (2, 1)}),
    ],
)
def test_it_has_the_parameters_and_responses_of_torchs_convolution(mode, kernel, others):
    height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    down, right = others.get("dilation", 1), others.get("dilation", 1)
    if isinstance(down, tuple):
        down, right = down
    padding = (down * (height - 1) // 2, right * (width - 1) // 2)
    torch.manual_seed(0)
    ours = PaddedConv2d(4, 6, kernel, padding_mode=mode, **others)
    torch.manual_seed(0)
    theirs = nn.Conv2d(4, 6, kernel, padding=padding, padding_mode=mode, **others)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)
    maps = drawn(0, 2, 4, 9, 8)

    found, expected = ours.double()(maps), theirs.double()(maps)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours(maps[0]), expected[0], rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    kernel=st.integers(1, 5),
    dilation=st.integers(1, 18),
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    shift=st.tuples(st.integers(-9, 9), st.integers(-9, 9)),
)
def test_rolling_the_map_rolls_the_responses_at_every_size(seed, kernel, dilation, size, shift):
    torch.manual_seed(seed)
    convolution = PaddedConv2d(2, 3, kernel, dilation=dilation).double()
    maps = drawn(seed, 1, 2, *size)

    found = convolution(maps.roll(shift, (-2, -1)))

    assert found.shape[-2:] == size
    expected = convolution(maps).roll(shift, (-2, -1))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_the_larger_half_of_an_even_kernels_border_is_at_the_end():
    convolution = PaddedConv2d(1, 1, 4, bias=False, padding_mode="zeros").double()
    maps = drawn(0, 1, 1, 5, 5)

    expected = F.conv2d(F.pad(maps, (1, 2, 1, 2)), convolution.weight)
    assert torch.equal(convolution(maps), expected)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("dilation", [1, 9])
def test_a_stack_computes_as_its_rows_do(dilation):
    torch.manual_seed(0)
    networks = [PaddedConv2d(2, 3, 3, dilation=dilation).double() for _ in range(3)]
    maps = drawn(1, 3, 4, 2, 6, 7).requires_grad_()
    rows, buffers = stack_module_state(networks)

    found = vmap(lambda *row: functional_call(networks[0], row[:2], row[2]))(rows, buffers, maps)

    expected = torch.stack([one(row) for one, row in zip(networks, maps, strict=True)])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weight = drawn(2, *found.shape)
    (ours,), (theirs,) = (torch.autograd.grad((x * weight).sum(), maps) for x in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_with_zeros_it_is_the_convolution_of_plain_networks():
    torch.manual_seed(0)
    ours = PaddedConv2d(2, 3, 3, padding_mode="zeros")
    torch.manual_seed(0)
    theirs = StackableConv2d(2, 3, 3, padding=1)
    maps = torch.randn(2, 2, 8, 8)

    assert torch.equal(ours(maps), theirs(maps))


@pytest.mark.parametrize("dilation", [1, 9])
def test_it_is_compiled_and_exported_as_one_graph(dilation):
    torch.manual_seed(0)
    convolution = PaddedConv2d(2, 3, 3, dilation=dilation).double()
    maps = drawn(0, 2, 2, 6, 7).requires_grad_()
    compiled = torch.compile(convolution, fullgraph=True, backend="aot_eager")

    found, expected = compiled(maps), convolution(maps)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    ours, theirs = (torch.autograd.grad(one.sin().sum(), maps)[0] for one in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    exported = torch.export.export(convolution, (maps.detach(),)).module()
    torch.testing.assert_close(exported(maps.detach()), expected, rtol=0, atol=1e-12)
