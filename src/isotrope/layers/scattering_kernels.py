"""The products of scattering transforms on a CPU, compiled by numba when they are first used.

Complex numbers are pairs of real ones here, and a real wavelet has each of its numbers twice, so
that all products are those of real numbers. All arrays are flat:

* ``spectra``: ``maps * fine`` numbers
* ``wavelets``: ``wavelets * fine``
* ``filtered``: ``maps * wavelets * coarse``, the products on a coarser grid, where what is the same
  is added up
* ``segments``: ``(segments, 3)``, int64: a place among ``fine``, one among ``coarse`` and how many
  numbers from there on are multiplied. Those of a wavelet begin at its number in ``starts``; where
  a wavelet is as good as zero there is none.
"""

from typing import Any

import numpy as np

from isotrope.layers.log_polar_kernels_vectors import (
    compiled,
    load,
    multiply_add,
    numbers_of_vector,
    store,
)


@compiled
def add_products(into: Any, i: int, one: Any, j: int, other: Any, k: int, length: int) -> None:
    """Add to numbers, from a place of each array on, the products of others."""
    lanes = numbers_of_vector(into)
    n = 0
    while n + lanes <= length:
        found = multiply_add(load(one, j + n), load(other, k + n), load(into, i + n))
        store(into, i + n, found)
        n += lanes
    while n < length:
        into[i + n] += one[j + n] * other[k + n]
        n += 1


@compiled
def multiply(
    spectra: Any,
    wavelets: Any,
    starts: Any,
    segments: Any,
    filtered: Any,
    coarse: int,
    begin: int,
    end: int,
) -> None:
    """Multiply some maps with each wavelet."""
    count = len(starts) - 1
    fine = len(wavelets) // count
    for image in range(begin, end):
        for one in range(count):
            goal = (image * count + one) * coarse
            filtered[goal : goal + coarse] = 0
            for s in range(starts[one], starts[one + 1]):
                place = segments[s, 0]
                add_products(
                    filtered,
                    goal + segments[s, 1],
                    spectra,
                    image * fine + place,
                    wavelets,
                    one * fine + place,
                    segments[s, 2],
                )


@compiled
def multiply_back(
    filtered: Any,
    wavelets: Any,
    starts: Any,
    segments: Any,
    spectra: Any,
    coarse: int,
    begin: int,
    end: int,
) -> None:
    """Add to the gradients of some maps' spectra what those of their products give."""
    count = len(starts) - 1
    fine = len(wavelets) // count
    for image in range(begin, end):
        for one in range(count):
            given = (image * count + one) * coarse
            for s in range(starts[one], starts[one + 1]):
                place = segments[s, 0]
                add_products(
                    spectra,
                    image * fine + place,
                    filtered,
                    given + segments[s, 1],
                    wavelets,
                    one * fine + place,
                    segments[s, 2],
                )


@compiled
def correlate(
    filtered: Any,
    spectra: Any,
    starts: Any,
    segments: Any,
    wavelets: Any,
    coarse: int,
    begin: int,
    end: int,
) -> None:
    """Add to the gradients of some wavelets, each number twice, what those of products give."""
    count = len(starts) - 1
    fine = len(wavelets) // count
    for image in range(len(spectra) // fine):
        for one in range(begin, end):
            given = (image * count + one) * coarse
            for s in range(starts[one], starts[one + 1]):
                place = segments[s, 0]
                add_products(
                    wavelets,
                    one * fine + place,
                    filtered,
                    given + segments[s, 1],
                    spectra,
                    image * fine + place,
                    segments[s, 2],
                )


@compiled
def modulus(numbers: Any, into: Any, begin: int, end: int) -> None:
    """The absolute values of complex numbers."""
    numbers, into = numbers[2 * begin : 2 * end], into[begin:end]
    for n in range(len(into)):
        real, imaginary = numbers[2 * n], numbers[2 * n + 1]
        into[n] = np.sqrt(real * real + imaginary * imaginary)


@compiled
def along(numbers: Any, gradient: Any, begin: int, end: int) -> None:
    """Put the gradients of complex numbers in their place, given those of their moduli.

    The gradient of a modulus is zero where that is zero.
    """
    numbers, gradient = numbers[2 * begin : 2 * end], gradient[begin:end]
    least = np.finfo(numbers.dtype).tiny
    for n in range(len(gradient)):
        real, imaginary = numbers[2 * n], numbers[2 * n + 1]
        square = real * real + imaginary * imaginary
        factor = gradient[n] / np.sqrt(max(square, least))
        numbers[2 * n], numbers[2 * n + 1] = real * factor, imaginary * factor


@compiled
def add_real_parts(into: Any, numbers: Any, begin: int, end: int) -> None:
    """Add the real parts of complex numbers."""
    into, numbers = into[begin:end], numbers[2 * begin : 2 * end]
    for n in range(len(into)):
        into[n] += numbers[2 * n]
