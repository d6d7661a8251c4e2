import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap
from torch.nn import functional as F

from isotrope.layers import BinomialBlur, BlurPool, forms
from isotrope.layers.downsampling import Decimation

ROWS = ([1], [1, 1], [1, 2, 1], [1, 3, 3, 1], [1, 4, 6, 4, 1], [1, 5, 10, 10, 5, 1])
TRIANGLE = [*ROWS, [1, 6, 15, 20, 15, 6, 1]]
MODES = ["circular", "zeros", "reflect", "replicate"]
sides = st.integers(1, 9)


def drawn(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def kernel(size):
    row = torch.tensor(TRIANGLE[size - 1], dtype=torch.float64)
    return torch.outer(row, row) / row.sum() ** 2


def plain(maps, size, mode, stride=1):
    """Padding, a depthwise convolution, and a slice, of torch."""
    before, after = (size - 1) // 2, size // 2
    around = (before, after, before, after)
    maps = F.pad(maps, around, mode="constant" if mode == "zeros" else mode)
    kernels = kernel(size).expand(maps.shape[1], 1, -1, -1)
    return F.conv2d(maps, kernels, groups=maps.shape[1])[..., ::stride, ::stride]


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("size", range(1, 8))
def test_an_impulse_becomes_the_kernel(size):
    maps = torch.zeros(1, 2, 12, 11, dtype=torch.float64)
    maps[0, 1, 5, 4] = 1

    found = BinomialBlur(size)(maps)

    expected = torch.zeros_like(maps)
    top, left = 5 - size // 2, 4 - size // 2  # the larger half of an even kernel reads ahead
    expected[0, 1, top : top + size, left : left + size] = kernel(size)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-15)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_values_and_gradients_are_those_of_padding_and_convolving(size, mode, stride):
    maps = drawn(size, 2, 3, 8, 9).requires_grad_()

    found = BinomialBlur(size, padding_mode=mode)(maps, stride)

    expected = plain(maps, size, mode, stride)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)
    gradient = drawn(9, *found.shape)
    (ours,), (theirs,) = (torch.autograd.grad(x, maps, gradient) for x in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    size=st.integers(1, 7),
    shape=st.tuples(sides, sides),
    shift=st.tuples(st.integers(-9, 9), st.integers(-9, 9)),
)
def test_rolling_the_maps_rolls_the_blurred_ones_to_the_last_bit(seed, size, shape, shift):
    maps, blur = drawn(seed, 1, 2, *shape).float(), BinomialBlur(size)

    assert torch.equal(blur(maps.roll(shift, (-2, -1))), blur(maps).roll(shift, (-2, -1)))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    size=st.integers(1, 7),
    shape=st.tuples(sides, sides),
    stride=st.integers(2, 4),
    mode=st.sampled_from(["circular", "zeros", "replicate"]),
)
def test_pooling_is_the_slice_of_the_blurred_maps(seed, size, shape, stride, mode):
    maps = drawn(seed, 1, 2, *shape).requires_grad_()

    found = BlurPool(size, stride, padding_mode=mode)(maps)

    expected = BinomialBlur(size, padding_mode=mode)(maps)[..., ::stride, ::stride]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-15)
    gradient = drawn(seed + 1, *found.shape)
    (ours,), (theirs,) = (torch.autograd.grad(x, maps, gradient) for x in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-15)


def test_the_gain_is_the_sum_of_the_kernel():
    maps = torch.ones(1, 1, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(BinomialBlur(5, gain=4)(maps), 4 * maps, rtol=0, atol=1e-15)
    torch.testing.assert_close(BinomialBlur(2, gain=3)(maps), 3 * maps, rtol=0, atol=1e-15)


def test_a_stack_of_maps_is_blurred_as_its_rows_are_and_twice_differentiable():
    stack, blur = drawn(0, 3, 2, 2, 5, 6), BlurPool(4)

    found = vmap(blur, in_dims=1, out_dims=1)(stack.transpose(0, 1)).transpose(0, 1)

    torch.testing.assert_close(found, torch.stack([blur(row) for row in stack]), rtol=0, atol=0)
    assert torch.autograd.gradgradcheck(
        lambda maps: blur(maps).sin(), stack[0, :1].requires_grad_()
    )


@pytest.mark.parametrize("mode", MODES)
def test_it_is_compiled_and_exported_as_one_graph(mode):
    maps, pool = drawn(0, 2, 2, 6, 7).requires_grad_(), BlurPool(4, padding_mode=mode)
    compiled = torch.compile(pool, fullgraph=True, backend="aot_eager")

    found, expected = compiled(maps), pool(maps)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-15)
    ours, theirs = (torch.autograd.grad(one.sin().sum(), maps)[0] for one in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-15)
    exported = torch.export.export(pool, (maps.detach(),)).module()
    torch.testing.assert_close(exported(maps.detach()), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("like_a_gpu", [False, True])
def test_halved_numbers_are_summed_in_more_than_halves(like_a_gpu):
    maps = torch.rand(1, 2, 16, 16).bfloat16()

    if like_a_gpu:
        with forms.like_a_gpu():
            found = BinomialBlur(7)(maps)
    else:
        found = BinomialBlur(7)(maps)

    assert found.dtype == torch.bfloat16
    expected = BinomialBlur(7)(maps.double())
    torch.testing.assert_close(found.double(), expected, rtol=2**-7, atol=0)


def test_there_is_nothing_to_train_or_save():
    assert not BlurPool(5).state_dict()
    assert not list(BlurPool(5).parameters())


def test_what_is_no_blur_is_refused():
    with pytest.raises(ValueError, match="1 to 7 pixels, got 8"):
        BinomialBlur(8)
    with pytest.raises(ValueError, match="gain must be above 0, got 0"):
        BinomialBlur(3, gain=0)
    with pytest.raises(ValueError, match="got 'constant'"):
        BlurPool(3, padding_mode="constant")
    with pytest.raises(ValueError, match="at least 2, got 1"):
        BlurPool(3, 1)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_decimation_behind_a_blur_is_pooling(size):
    maps = drawn(0, 2, 3, 7, 8)

    found = Decimation(3, BinomialBlur(size))(maps)

    assert torch.equal(found, BlurPool(size, 3)(maps))
