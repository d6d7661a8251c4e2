"""Bases of kernels at several scales, for `SteerableConv2d`.

Source: Sosnovik, Szmaja and Smeulders, "Scale-Equivariant Steerable Networks", ICLR 2020,
https://arxiv.org/abs/1910.11093 (Hermite functions), and Sosnovik, Moskalev and Smeulders, "DISCO:
accurate Discrete Scale Convolutions", BMVC 2021, https://arxiv.org/abs/2106.02733, in the variants
that their published code calls B and that Altstidl et al. used, https://arxiv.org/abs/2211.10288.
"""

from functools import lru_cache

import numpy as np
from numpy.polynomial.hermite_e import hermeval
from numpy.typing import NDArray

from isotrope.layers.discrete_scales import discrete_scale_kernels

Array = NDArray[np.float64]


@lru_cache
def hermite_basis(
    size: int,
    scales: tuple[float, ...],
    effective_size: int,
    ratio: float = 1.5,
    max_order: int = 4,
) -> Array:
    """Hermite functions, sampled at every scale on as many pixels as the scale needs.

    At the scale ``s`` the functions of `hermite_functions` with the width ``s`` are sampled on a
    centred square whose side is the odd number at or below ``size * s / max(scales)`` (or next
    above, if that is even), zeros around. Each function is divided at all scales by its norm at the
    first.

    Args:
        size: side of the kernels, in pixels, odd.
        scales: the widths of the Gaussian windows, in pixels, the smallest first.
        effective_size: side of a kernel with as many weights as there are functions.
        ratio: each level of functions is narrower by this factor than the one before.
        max_order: largest sum of the orders along both axes.

    Returns:
        Shape ``(effective_size**2, scales, size, size)``; read-only.
    """
    basis = np.zeros((effective_size**2, len(scales), size, size))
    for place, scale in enumerate(scales):
        side = int(size * scale / max(scales)) // 2 * 2 + 1
        rim = (size - side) // 2
        functions = hermite_functions(side, scale, effective_size**2, ratio, max_order)
        basis[:, place, rim : rim + side, rim : rim + side] = functions
    return _normalized(basis)


@lru_cache
def disco_basis(
    size: int,
    scales: tuple[float, ...],
    effective_size: int,
    width: float = 1.9,
    ratio: float = 1.9,
    max_order: int = 4,
) -> Array:
    """Hermite functions, carried to every scale by kernels that agree with rescaled images.

    The functions are those of `hermite_functions` on ``effective_size`` pixels at the scale 1; at
    another scale each pixel is replaced by its kernel of `discrete_scale_kernels`. Each
    function is divided at all scales by its norm at the first.
    Differs from the published basis: the kernels at fractional scales are recomputed, where the
    published ones were found by gradient descent on noise and read from a file.

    Args:
        size: side of the kernels, in pixels, odd.
        scales: the first is 1.
        effective_size: side of the kernels at the scale 1, in pixels, odd.
        width: width of the Gaussian window at the scale 1, in pixels.
        ratio: each level of functions is narrower by this factor than the one before.
        max_order: largest sum of the orders along both axes.

    Returns:
        Shape ``(effective_size**2, scales, size, size)``; read-only.
    """
    count = effective_size**2
    functions = hermite_functions(effective_size, width, count, ratio, max_order)
    kernels = discrete_scale_kernels(size, scales, effective_size)
    return _normalized(np.tensordot(functions.reshape(count, -1), kernels, axes=1))


def hermite_functions(side: int, width: float, count: int, ratio: float, max_order: int) -> Array:
    """Products of a Hermite polynomial and a Gaussian window along each axis.

    Level n = 0, 1, ... has the width ``w = width / ratio**n`` and the orders (b, a) with ``a + b <=
    max_order``, b first; its functions are ``g(x) He_a(x / w) g(y) He_b(y / w)`` with x down,
    y to the right, the probabilists' polynomials He and ``g(u) = exp(-u**2 / (2 w**2)) / w``.

    Args:
        side: pixels along each axis, odd; the middle one is at 0.
        width: of the first level's window, in pixels.
        count: the first so many functions are returned.
        ratio: between the widths of two levels.
        max_order: largest sum of the orders.

    Returns:
        Shape ``(count, side, side)``.
    """
    place = np.arange(side) - side // 2
    orders = [(a, b) for b in range(max_order + 1) for a in range(max_order + 1 - b)]
    functions: list[Array] = []
    while len(functions) < count:
        w = width / ratio ** (len(functions) // len(orders))
        window = np.exp(-(place**2) / (2 * w**2)) / w
        line = [window * hermeval(place / w, [0] * n + [1]) for n in range(max_order + 1)]
        functions += [np.outer(line[a], line[b]) for a, b in orders]
    return np.stack(functions[:count])


def _normalized(basis: Array) -> Array:
    basis = basis / np.sqrt((basis[:, :1] ** 2).sum(axis=(2, 3), keepdims=True))
    basis.flags.writeable = False
    return basis
