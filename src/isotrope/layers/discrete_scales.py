"""Kernels at several scales that answer to a rescaled image as nearly as can be.

Source: Sosnovik, Moskalev and Smeulders, "DISCO: accurate Discrete Scale Convolutions", BMVC 2021,
https://arxiv.org/abs/2106.02733, and its published code.
Differs from the published code: what it lowers by gradient descent on images of noise, from a
random start, is here minimised in expectation over that noise. That takes a moment, small matrices
and no random numbers.
"""

from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]  # of 64 bits

SIDE = 154  # of the images of noise, in pixels
MEAN, VARIANCE = 1 / 2, 1 / 12  # of their pixels, which are independent and uniform in 0..1
_TOLERANCE = 1e-10  # of the kernels, whose largest entry is about 1


@lru_cache
def discrete_scale_kernels(size: int, scales: tuple[float, ...], effective_size: int) -> Array:
    """For every pixel of a small kernel, the kernels that stand for it at several scales.

    At a whole scale ``s`` a pixel is a single one, ``s`` times as far from the centre. The kernels
    of all other scales are free, and minimise the sum over all pairs of scales ``s < t`` of

        ``norm(shrink(correlate(image, kernel_t)) - correlate(shrink(image), kernel_s))``

    where ``shrink`` samples at every ``t / s``-th pixel by cubic convolution (a = -0.75, no
    antialiasing) as ``torch.nn.functional.interpolate`` does, ``image`` is noise of `SIDE`
    pixels a side, and each norm runs over all pixels of the small kernel and all positions that the
    image's border does not reach. The square of a norm stands for its expectation, a
    quadratic form of the kernels. The sum of their roots is minimised by weighted least squares,
    each square divided by the last root, until nothing moves.

    Args:
        size: side of the kernels returned, in pixels, odd.
        scales: rising; the first and the last are whole.
        effective_size: side of the small kernel, in pixels, odd.

    Returns:
        Shape ``(effective_size**2, scales, size, size)``; read-only.

    Raises:
        ValueError: if the kernels of the largest scale do not fit ``size`` pixels.
    """
    from scipy import linalg  # slow to load, and checking imports this module

    reach = (effective_size - 1) * int(scales[-1]) + 1
    if reach > size:
        raise ValueError(
            f"kernels of {effective_size} pixels at the scale {scales[-1]} need {reach} pixels, "
            f"more than {size}"
        )
    fixed = np.array([float(scale).is_integer() for scale in scales])
    kernels = np.zeros((len(scales), size**2, effective_size**2))
    for place in np.flatnonzero(fixed):
        kernels[place] = _spread_pixels(size, int(scales[place]), effective_size)
    free = np.repeat(~fixed, size**2)
    flat = kernels.reshape(len(free), -1)
    errors = [
        _split(_error_form(scales[j] / scales[i], size), (j, i), free, flat[~free])
        for i, j in combinations(range(len(scales)), 2)
        if not (fixed[i] and fixed[j])
    ]
    weights, moved = [1.0] * len(errors), 1.0
    while errors and moved > _TOLERANCE:
        form, pull = (
            sum(weight * error[part] for weight, error in zip(weights, errors, strict=True))
            for part in (0, 1)
        )
        found = linalg.solve(form, -pull, assume_a="pos")
        moved = float(np.abs(found - flat[free]).max())
        flat[free] = found
        squares = [np.sum(found * (form @ found + 2 * pull)) + rest for form, pull, rest in errors]
        weights = [float(square) ** -0.5 for square in squares]
    result = kernels.transpose(2, 0, 1).reshape(-1, len(scales), size, size).copy()
    result.flags.writeable = False
    return result


def _split(
    form: Array, pair: tuple[int, int], free: NDArray[np.bool_], fixed: Array
) -> tuple[Array, Array, float]:
    """A pair's error as ``x' form x + 2 x' pull + rest`` of the free entries of all kernels.

    Args:
        form: the form of the kernels at two scales.
        pair: the places of the two scales.
        free: of the entries at all scales, which are free.
        fixed: the other entries, one column for each kernel.
    """
    half = len(form) // 2
    entries = np.concatenate([place * half + np.arange(half) for place in pair])
    whole = np.zeros((len(free), len(free)))
    whole[np.ix_(entries, entries)] = form
    pull = whole[np.ix_(free, ~free)] @ fixed
    rest = np.sum(fixed * (whole[np.ix_(~free, ~free)] @ fixed))
    return whole[np.ix_(free, free)], pull, float(rest)


def _spread_pixels(size: int, scale: int, effective_size: int) -> Array:
    """The kernels at a whole scale, one column each: ``(size**2, effective_size**2)``."""
    place = size // 2 + (np.arange(effective_size) - effective_size // 2) * scale
    spread = np.eye(size)[:, place]
    return np.kron(spread, spread)


def _error_form(ratio: float, size: int) -> Array:
    """The expected squared error of a pair of scales, as a form of the larger's and the smaller's.

    Both sides are linear in the image and separable: the value at position m is the image times
    ``larger_m @ kernel`` or ``smaller_m @ kernel`` along each axis. Independent pixels add the
    squares of the differences; their mean adds that of the kernels' sums, since shrinking keeps
    constants.

    Returns:
        Shape ``(2 * size**2, 2 * size**2)``, symmetric; the mean over positions.
    """
    shrink, half = _shrink_matrix(ratio), size // 2
    inner = np.arange(half + 1, len(shrink) - half - 1)
    shifts = range(-half, half + 1)
    larger = np.stack([np.roll(shrink[inner], shift, axis=1) for shift in shifts])
    smaller = np.stack([shrink[inner + shift] for shift in shifts])

    def expected(first: Array, second: Array) -> Array:
        along_one_axis = np.tensordot(first, second, axes=([1, 2], [1, 2])) / len(inner)
        return VARIANCE * np.kron(along_one_axis, along_one_axis) + MEAN**2

    mixed = -expected(larger, smaller)
    parts = [[expected(larger, larger), mixed], [mixed.T, expected(smaller, smaller)]]
    return np.block(parts)


def _shrink_matrix(ratio: float) -> Array:
    """Cubic convolution at every ``ratio``-th of `SIDE` pixels: ``(int(SIDE / ratio), SIDE)``."""
    centres = (np.arange(int(SIDE / ratio)) + 0.5) * ratio - 0.5
    matrix = np.zeros((len(centres), SIDE))
    for tap in (-1, 0, 1, 2):
        pixels = np.floor(centres) + tap
        d = np.abs(centres - pixels)
        near, far = 1.25 * d**3 - 2.25 * d**2 + 1, -0.75 * (d**3 - 5 * d**2 + 8 * d - 4)
        weights = np.where(d <= 1, near, far)
        np.add.at(matrix, (np.arange(len(centres)), pixels.clip(0, SIDE - 1).astype(int)), weights)
    return matrix
