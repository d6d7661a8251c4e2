"""Riesz features against a plain form in numpy; what they keep of energy, shifts and scales."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isotrope.layers import Riesz2d, forms, riesz_features
from isotrope.layers.riesz import riesz_maps, riesz_moduli, riesz_paths


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def plain_moduli(image, directions):
    """Moduli of complex filters with spectra ``a * (1 + a)``, one wave and direction at a time."""
    height, width = image.shape
    spectrum, found = np.fft.fft2(image), []
    for d in range(directions):
        angle = d * math.pi / directions
        weighted = np.zeros_like(spectrum)
        for row in range(height):
            for column in range(width):
                y, x = -np.fft.fftfreq(height)[row], np.fft.fftfreq(width)[column]
                if x == y == 0:
                    continue
                # a frequency of half a turn a pixel is two waves, of either sign
                xs = (x, -x) if 2 * column == width else (x,)
                ys = (y, -y) if 2 * row == height else (y,)
                cosines = [
                    (math.cos(angle) * one + math.sin(angle) * two) / math.hypot(one, two)
                    for one in xs
                    for two in ys
                ]
                weight = sum(a * (1 + a) for a in cosines) / len(cosines)
                weighted[row, column] = weight * spectrum[row, column]
        found.append(np.abs(np.fft.ifft2(weighted)))
    return math.sqrt(8 / (7 * directions)) * np.stack(found)


def waves(size, highest=3, seed=0):
    """Samples of one periodic function without frequencies above ``highest``, at any size."""
    draws = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] * (2 * math.pi / size)
    found = np.zeros((size, size))
    for row in range(-highest, highest + 1):
        for column in range(-highest, highest + 1):
            weight, phase = draws.normal(), draws.uniform(0, 2 * math.pi)
            found += weight * np.cos(row * rows + column * columns + phase)
    return torch.from_numpy(found)


@pytest.mark.parametrize("size", [(7, 9), (8, 6), (8, 7), (1, 4), (1, 1)])
@pytest.mark.parametrize("directions", [3, 4])
def test_a_step_is_the_modulus_of_a_complex_filter(size, directions):
    image = drawn(*size)

    found = riesz_moduli(image, directions).numpy()

    np.testing.assert_allclose(found, plain_moduli(image.numpy(), directions), atol=1e-12)


def test_maps_are_the_chained_steps_in_the_order_of_the_paths():
    image, paths = drawn(6, 7), riesz_paths(2, 3)

    found = riesz_maps(image, depth=2, directions=3, border="periodic").numpy()

    assert len(paths) == len(found) == 1 + 3 + 9
    for path, map_ in zip(paths, found, strict=True):
        expected = image.numpy()
        for direction in path:
            expected = plain_moduli(expected, 3)[direction]
        np.testing.assert_allclose(map_, expected, atol=1e-12)


def test_three_steps_of_four_directions_are_85_features():
    assert riesz_features(drawn(2, 3, 8, 8)).shape == (2, 3, 85)
    assert len(Riesz2d().paths) == 85


@given(seed=st.integers(0, 2**31), directions=st.integers(3, 8), size=st.integers(3, 9))
def test_a_step_keeps_all_energy_but_that_of_the_mean(seed, directions, size):
    image = drawn(2 * size + 1, 2 * size - 1, seed=seed)

    energy = riesz_moduli(image, directions).square().sum()

    expected = (image - image.mean()).square().sum()
    torch.testing.assert_close(energy, expected, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 2**31), down=st.integers(0, 9), across=st.integers(0, 9))
def test_a_shift_moves_the_maps_and_leaves_the_features(seed, down, across):
    image = drawn(9, 10, seed=seed)
    moved = image.roll((down, across), (-2, -1))

    maps = riesz_maps(image, 2, border="periodic").roll((down, across), (-2, -1))
    torch.testing.assert_close(riesz_maps(moved, 2, border="periodic"), maps, rtol=0, atol=1e-12)
    for pooling in ("mean", "max"):
        both = [riesz_features(one, 2, 4, pooling, "periodic") for one in (image, moved)]
        torch.testing.assert_close(*both, rtol=0, atol=1e-12)


@pytest.mark.parametrize("border", ["mirror", "periodic"])
def test_a_quarter_turn_of_the_image_turns_maps_and_directions(border):
    image, paths = drawn(8, 8), riesz_paths(2, 4)
    order = [paths.index(tuple((d - 2) % 4 for d in path)) for path in paths]

    turned = riesz_maps(torch.rot90(image), 2, border=border)

    expected = torch.rot90(riesz_maps(image, 2, border=border)[order], dims=(-2, -1))
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("larger", [24, 32, 48, 64])
def test_the_first_step_of_a_larger_image_is_the_larger_first_step(larger):
    """Exactly, as pixels hold all of these waves: at 16 pixels and at 1.5 to 4 times as many."""
    small, large = riesz_moduli(waves(16)), riesz_moduli(waves(larger))

    common = math.gcd(16, larger)
    across = slice(None, None, 16 // common), slice(None, None, larger // common)
    torch.testing.assert_close(
        large[:, across[1], across[1]], small[:, across[0], across[0]], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("border", ["mirror", "periodic"])
def test_features_of_a_larger_image_are_nearly_the_same_and_the_nearer_the_larger(border):
    """Moduli have details that pixels cannot hold, fewer of them the more pixels there are."""
    sizes = (16, 32, 64, 128)
    images = {size: waves(size) for size in sizes}
    if border == "mirror":  # samples in the middles of pixels, so that mirrors agree
        images = {size: middles(size) for size in sizes}
    features = [riesz_features(images[size], border=border) for size in sizes]

    gaps = [float((one - features[-1]).norm() / features[-1].norm()) for one in features[:-1]]

    assert gaps[0] < 0.06
    assert gaps[2] < gaps[1] / 1.5 < gaps[0] / 2


def middles(size):
    """A smooth function sampled in the middles of pixels: each half of it is the other's mirror."""
    middle = (torch.arange(size, dtype=torch.float64) + 0.5) / size * math.pi
    down, across = middle[:, None], middle[None]
    return (2 * down).cos() * across.cos() + (down.sin() * 3 * across).sin() + 0.3 * across


def test_maxima_stay_when_a_thing_grows_on_its_canvas_and_means_do_not():
    side = torch.linspace(-1, 1, 129, dtype=torch.float64)
    down, across = torch.meshgrid(side, side, indexing="ij")

    def features(scale, pooling):
        thing = torch.exp(-((down**2 + 2 * across**2 + across * down) / scale**2))
        return riesz_features(thing, 2, pooling=pooling)

    small, large = (features(scale, "max") for scale in (0.12, 0.24))
    assert float((large - small).norm() / small.norm()) < 0.03
    small, large = (features(scale, "mean") for scale in (0.12, 0.24))
    assert float((large - small).norm() / small.norm()) > 0.5


def test_contrast_scales_and_brightness_leaves_all_but_the_first_feature():
    image = drawn(9, 9)
    features = riesz_features(image)
    torch.testing.assert_close(riesz_features(3 * image), 3 * features, rtol=0, atol=1e-12)
    torch.testing.assert_close(riesz_features(image + 2)[1:], features[1:], rtol=0, atol=1e-12)
    assert not riesz_features(torch.ones(8, 8))[1:].any()


def test_gradients_are_right_and_finite_where_a_modulus_is_zero():
    for border in ("mirror", "periodic"):
        inputs = drawn(2, 5, 4).requires_grad_()
        assert torch.autograd.gradcheck(
            lambda x, border=border: riesz_features(x, 2, 3, border=border), inputs
        )
    flat = torch.zeros(6, 6, requires_grad=True)
    riesz_features(flat).sum().backward()
    assert flat.grad.isfinite().all()


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_features_are_the_pooled_maps_in_any_form_layout_and_type(pooling):
    images = drawn(2, 3, 6, 10)
    maps = riesz_maps(images)
    expected = maps.mean((-2, -1)) if pooling == "mean" else maps.amax((-2, -1))
    layer = Riesz2d(pooling=pooling)
    for same in (
        images,
        images.to(memory_format=torch.channels_last),
        images.mT.contiguous().mT,
        images.expand(2, 3, 6, 10),
    ):
        torch.testing.assert_close(layer(same), expected, rtol=0, atol=1e-12)
    with forms.like_a_gpu():
        torch.testing.assert_close(layer(images), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.func.vmap(layer)(images), expected, rtol=0, atol=1e-12)
    rounded = layer(images.float())
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded.double(), expected, rtol=0, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(images.float()), rounded, rtol=0, atol=0)
    few = layer(images.bfloat16())
    assert few.dtype == torch.bfloat16
    torch.testing.assert_close(few, layer(images.bfloat16().float()).bfloat16(), rtol=0, atol=0)
    torch.testing.assert_close(Riesz2d(pooling="none")(images), maps, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"directions": 2}, "three directions or more, got 2"),
        ({"depth": -1}, "depth must be 0 or more, got -1"),
        ({"border": "zeros"}, "need one of mirror, periodic, got 'zeros'"),
        ({"pooling": "median"}, "need one of mean, max, none, got 'median'"),
    ],
)
def test_what_cannot_be_computed_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Riesz2d(**settings)
