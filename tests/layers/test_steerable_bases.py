"""The bases have the properties that were published or measured of them."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from isotrope.layers.discrete_scales import discrete_scale_kernels
from isotrope.layers.steerable_bases import disco_basis, hermite_basis, hermite_functions

HERMITE = (2.0, 2.52, 3.17, 4.0)
DISCO = (1.0, 1.26, 1.59, 2.0)


def flat(basis, scale):
    return basis[:, scale].reshape(len(basis), -1)


def he(order, x):
    """Probabilists' Hermite polynomials by their recurrence."""
    values = [1.0, x]
    for n in range(1, order):
        values.append(x * values[n] - n * values[n - 1])
    return values[order]


def test_a_hermite_function_is_its_formula():
    functions = hermite_functions(9, 2.52, 49, 1.5, 4)

    # level 1 begins at 15; orders (b, a) go (0, 0..4), (1, 0..3): the seventh is b = 1, a = 1
    for index, level, b, a in ((0, 0, 0, 0), (3, 0, 0, 3), (21, 1, 1, 1), (48, 3, 0, 3)):
        w = 2.52 / 1.5**level
        for x, y in ((-4, 2), (1, 3), (2, -1)):
            window = math.exp(-(x**2 + y**2) / (2 * w**2)) / w**2
            expected = window * he(a, x / w) * he(b, y / w)
            assert functions[index, x + 4, y + 4] == pytest.approx(expected, rel=1e-12)


def test_the_hermite_basis_has_the_published_supports_norms_and_ranks():
    basis = hermite_basis(15, HERMITE, 7)

    assert basis.shape == (49, 4, 15, 15)
    for scale, side in enumerate((7, 9, 11, 15)):
        rows = np.flatnonzero(np.abs(basis[:, scale]).sum(axis=(0, 2)))
        assert (rows[0], rows[-1]) == (7 - side // 2, 7 + side // 2)
    norms = [np.linalg.norm(flat(basis, scale), axis=1) for scale in range(4)]
    assert norms[0] == pytest.approx(np.ones(49), rel=1e-12)
    assert [np.mean(n) for n in norms] == pytest.approx([1, 0.868, 0.719, 0.578], abs=5e-4)
    ranks = [np.linalg.matrix_rank(flat(basis, s).astype(np.float32)) for s in range(4)]
    assert ranks == [45, 47, 47, 47]


@pytest.mark.parametrize(("effective_size", "spacing"), [(7, 1), (7, 2), (3, 1), (3, 2)])
def test_whole_scales_have_single_pixels_on_a_grid(effective_size, spacing):
    kernels = discrete_scale_kernels(15, DISCO, effective_size)[:, spacing // 2 * 3]

    half = effective_size // 2
    for index, kernel in enumerate(kernels):
        row, column = divmod(index, effective_size)
        expected = np.zeros((15, 15))
        expected[7 + (row - half) * spacing, 7 + (column - half) * spacing] = 1
        assert np.array_equal(kernel, expected)


def test_fractional_scales_keep_the_sum_and_move_the_pixel_by_the_scale():
    kernels = discrete_scale_kernels(15, DISCO, 7)

    place = np.arange(15) - 7
    for scale in (1, 2):
        sums = kernels[:, scale].sum(axis=(1, 2))
        assert sums == pytest.approx(np.ones(49), abs=2e-3)
        rows = (kernels[:, scale] * place[:, None]).sum(axis=(1, 2)) / sums
        expected = (np.arange(49) // 7 - 3) * DISCO[scale]
        assert rows == pytest.approx(expected, abs=0.1)


def test_the_kernels_do_not_tell_rows_from_columns():
    kernels = discrete_scale_kernels(15, DISCO, 7).reshape(7, 7, 4, 15, 15)

    swapped = kernels.transpose(1, 0, 2, 4, 3)
    np.testing.assert_allclose(swapped, kernels, rtol=0, atol=1e-10)
    # 154 pixels are no multiple of the scales: positions between pixels are sampled unevenly
    np.testing.assert_allclose(kernels[::-1, :, :, ::-1], kernels, rtol=0, atol=5e-3)


def interpolated(scale, effective_size=7, size=15):
    """Each pixel moved by the scale and shared by its four neighbours: the simple way."""
    along = np.zeros((effective_size, size))
    for i in range(effective_size):
        place = (i - effective_size // 2) * scale + size // 2
        below = math.floor(place)
        along[i, below] += 1 - (place - below)
        along[i, min(below + 1, size - 1)] += place - below
    return np.einsum("iy,jx->ijyx", along, along).reshape(-1, size, size)


def errors_on_noise(kernels, pairs):
    """What the source measures, by torch's resizing and convolution of noise."""
    images = torch.rand(1, 1, 154, 154, generator=torch.Generator().manual_seed(1))
    images = images.double()
    found = {}
    for i, j in pairs:
        ratio = DISCO[j] / DISCO[i]
        first, second = (torch.from_numpy(kernels[:, s].copy())[:, None] for s in (j, i))

        def shrink(maps, ratio=ratio):
            return F.interpolate(maps, scale_factor=1 / ratio, mode="bicubic", align_corners=False)

        def correlate(maps, kernel):
            return F.conv2d(F.pad(maps, [7] * 4, mode="circular"), kernel)

        difference = shrink(correlate(images, first)) - correlate(shrink(images), second)
        found[i, j] = float(difference[..., 8:-8, 8:-8].square().mean(dim=(0, 2, 3)).sum().sqrt())
    return found


def test_fractional_scales_are_more_equivariant_than_interpolated_kernels():
    kernels = discrete_scale_kernels(15, DISCO, 7)
    simple = kernels.copy()
    for scale in (1, 2):
        simple[:, scale] = interpolated(DISCO[scale])
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]

    ours, theirs = (errors_on_noise(k, pairs) for k in (kernels, simple))

    assert ours[0, 3] < 1e-12  # both are whole scales: nothing is lost
    # most of the error is aliasing, which no kernel can avoid; interpolation has 6 % more
    assert sum(ours.values()) < 0.96 * sum(theirs.values())
    # the expectation, which one image of noise meets to about half a percent
    assert sum(ours.values()) == pytest.approx(4.3700, rel=0.01)


def test_no_change_of_a_free_kernel_lowers_the_error_on_noise():
    kernels = discrete_scale_kernels(15, DISCO, 3)
    pairs = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]
    least = sum(errors_on_noise(kernels, pairs).values())

    generator = np.random.default_rng(2)
    for size in (0.03, 0.1):
        moved = kernels.copy()
        moved[:, 1:3] += size * generator.standard_normal(moved[:, 1:3].shape) / 15
        assert sum(errors_on_noise(moved, pairs).values()) > least


def test_the_disco_basis_is_hermite_functions_times_kernels_normalised():
    basis = disco_basis(15, DISCO, 7)

    functions = hermite_functions(7, 1.9, 49, 1.9, 4).reshape(49, 49)
    kernels = discrete_scale_kernels(15, DISCO, 7).reshape(49, -1)
    expected = (functions @ kernels).reshape(49, 4, 15, 15)
    expected /= np.linalg.norm(functions, axis=1)[:, None, None, None]
    np.testing.assert_allclose(basis, expected, rtol=0, atol=1e-12)
    middle = np.zeros((15, 15), dtype=bool)
    middle[4:11, 4:11] = True
    assert np.abs(basis[:, 0][:, ~middle]).max() == 0


def test_a_basis_is_made_once_and_cannot_be_written():
    for make in (
        lambda: hermite_basis(15, HERMITE, 7),
        lambda: disco_basis(15, DISCO, 7),
        lambda: discrete_scale_kernels(15, DISCO, 7),
    ):
        assert make() is make()
        with pytest.raises(ValueError, match="read-only"):
            make()[0] = 0


def test_kernels_that_do_not_fit_are_refused_with_their_size():
    with pytest.raises(ValueError, match=r"9 pixels at the scale 2.0 need 17 pixels, more than 15"):
        discrete_scale_kernels(15, DISCO, 9)
