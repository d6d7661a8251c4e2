import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap

from isotrope.layers import IdealDownsample, PolynomialActivation, fourier_resampling
from isotrope.layers.fourier_resampling import resampled

sides = st.integers(1, 11)
parts = st.floats(-6, 6)


@pytest.fixture(params=["product", "transform"], autouse=True)
def way(request, monkeypatch):
    """By products with matrices, and by fast Fourier transforms."""
    if request.param == "transform":
        monkeypatch.setattr(fourier_resampling, "PRODUCT_UP_TO", 0)


def drawn(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def moved(maps, down, right):
    """Shifted by any part of a pixel, as periodic band-limited functions; real at the edge."""
    for dim, distance in ((-2, down), (-1, right)):
        size = maps.shape[dim]
        turns = torch.fft.fftfreq(size, dtype=torch.float64) * distance
        factor = torch.exp(-2j * math.pi * turns)
        if size % 2 == 0:
            factor[size // 2] = math.cos(math.pi * distance)
        spectrum = torch.fft.fft(maps, dim=dim)
        factor = factor[:, None] if dim == -2 else factor
        maps = torch.fft.ifft(spectrum * factor, dim=dim).real
    return maps


def test_the_moving_of_these_tests_is_a_roll_for_whole_pixels():
    maps = drawn(0, 2, 3, 6, 7)
    expected = maps.roll((2, -3), (-2, -1))
    torch.testing.assert_close(moved(maps, 2, -3), expected, rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    size=st.tuples(sides, sides),
    stride=st.integers(2, 4),
    distance=st.tuples(parts, parts),
)
def test_shifts_by_any_part_of_a_pixel_commute_with_it(seed, size, stride, distance):
    maps, down = drawn(seed, 1, 2, *size), IdealDownsample(stride)

    found = down(moved(maps, *distance))

    kept = [-(-side // stride) for side in size]
    assert list(found.shape[-2:]) == kept
    less = [part * small / side for part, small, side in zip(distance, kept, size, strict=True)]
    torch.testing.assert_close(found, moved(down(maps), *less), rtol=0, atol=1e-11)
    torch.testing.assert_close(found.mean((2, 3)), maps.mean((2, 3)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_it_is_a_low_pass_filter_and_a_slice_where_the_stride_divides_the_sides(stride):
    maps = drawn(stride, 2, 3, 12, 24)
    spectrum = torch.fft.fft2(maps)
    rows, columns = (torch.fft.fftfreq(side).abs() for side in maps.shape[-2:])
    kept = (rows[:, None] < 0.5 / stride - 1e-6) & (columns < 0.5 / stride - 1e-6)

    found = IdealDownsample(stride)(maps)

    expected = torch.fft.ifft2(spectrum * kept).real[..., ::stride, ::stride]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), size=st.tuples(sides, sides), more=st.tuples(sides, sides))
def test_what_is_sampled_more_densely_and_back_is_what_it_was_but_for_the_highest_frequency(
    seed, size, more
):
    maps = drawn(seed, 1, 1, *size)
    spectrum = torch.fft.fft2(maps)
    for dim in (-2, -1):
        side = maps.shape[dim]
        if side % 2 == 0:
            spectrum.narrow(dim, side // 2, 1).zero_()

    dense = resampled(maps, size[0] + more[0], size[1] + more[1])

    expected = torch.fft.ifft2(spectrum).real
    torch.testing.assert_close(resampled(dense, *size), expected, rtol=0, atol=1e-11)


def chain(activation, maps):
    """Two layers of sampling with an activation behind each, and the mean."""
    down = IdealDownsample(2)
    return activation(down(activation(down(maps)))).mean((2, 3))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), distance=st.tuples(parts, parts))
def test_with_polynomials_a_network_is_invariant_to_any_part_of_a_pixel(seed, distance):
    maps = moved(drawn(seed, 2, 3, 12, 16), 0.5, 0.5)  # without the highest frequency
    activation = PolynomialActivation(3).double()

    found = chain(activation, moved(maps, *distance))

    torch.testing.assert_close(found, chain(activation, maps), rtol=0, atol=1e-11)


@pytest.mark.parametrize("distance", [(0, 1), (0.5, 0.5)])
def test_behind_relu_it_is_not_invariant(distance):
    maps = drawn(0, 2, 3, 12, 16)

    found, expected = (chain(torch.relu, one) for one in (moved(maps, *distance), maps))

    assert (found - expected).abs().max() > 1e-3


def test_the_activation_is_its_parabola_where_nothing_aliases_and_begins_near_relu():
    activation, places = PolynomialActivation(2).double(), torch.arange(8, dtype=torch.float64)
    wave = 0.7 * (places * math.pi / 4).cos().expand(1, 2, 8, 8)

    a, b, c = activation.coefficients[:, :, None, None]
    expected = a + b * wave + c * wave**2
    torch.testing.assert_close(activation(wave), expected, rtol=0, atol=1e-12)
    numbers = drawn(0, 10000)
    error = (a[0] + b[0] * numbers + c[0] * numbers**2 - numbers.relu()).square().mean()
    for other in ((0.02, 0, 0), (0, 0.02, 0), (0, 0, 0.02)):
        (p, q, r) = (one[0] + more for one, more in zip((a, b, c), other, strict=True))
        assert error < (p + q * numbers + r * numbers**2 - numbers.relu()).square().mean()


def test_gradients_are_right_and_a_stack_is_its_rows():
    maps, down = drawn(0, 3, 2, 2, 5, 6), IdealDownsample(2)

    found = vmap(down)(maps)

    torch.testing.assert_close(found, torch.stack([down(one) for one in maps]), rtol=0, atol=1e-14)
    assert torch.autograd.gradcheck(down, (maps[0].requires_grad_(),))


def test_it_is_compiled_and_exported_as_one_graph():
    down, maps = IdealDownsample(2), drawn(0, 2, 2, 5, 6)
    compiled = torch.compile(down, fullgraph=True, backend="aot_eager")

    torch.testing.assert_close(compiled(maps), down(maps), rtol=0, atol=1e-14)
    exported = torch.export.export(down, (maps,)).module()
    torch.testing.assert_close(exported(maps), down(maps), rtol=0, atol=1e-14)


def test_halved_numbers_stay_halved():
    maps = drawn(0, 2, 2, 8, 6)
    found = IdealDownsample(2)(maps.bfloat16())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), IdealDownsample(2)(maps), rtol=0.02, atol=0.02)
