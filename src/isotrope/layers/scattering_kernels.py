"""The products of scattering transforms on a CPU, compiled by numba when they are first used.

Complex numbers are pairs of real ones here, and a real wavelet has each of its numbers twice, so
that all products are those of real numbers. All arrays are flat:

* ``spectra``: ``maps * fine`` numbers
* ``filtered``: ``maps * wavelets * coarse``, the products on a coarser grid, where what is the same
  is added up
* ``segments``: ``(segments, 4)``, int64: a place among ``fine``, one among ``coarse``, how many
  numbers from there on are multiplied, and where the wavelet's are. Those of a wavelet begin at its
  number in ``starts``; where a wavelet is as good as zero there is none
* ``wavelets``: what the segments hold, one after the other
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
    filtered: Any,
    wavelets: Any,
    starts: Any,
    segments: Any,
    fine: int,
    coarse: int,
    back: bool,
    begin: int,
    end: int,
) -> None:
    """Multiply some maps with each wavelet; or back, for the gradients of both.

    Back, what the products' gradients give is added to those of the spectra.
    """
    count = len(starts) - 1
    for image in range(begin, end):
        for one in range(count):
            product = (image * count + one) * coarse
            if not back:
                filtered[product : product + coarse] = 0
            for s in range(starts[one], starts[one + 1]):
                i, j = image * fine + segments[s, 0], product + segments[s, 1]
                length, k = segments[s, 2], segments[s, 3]
                if back:
                    add_products(spectra, i, filtered, j, wavelets, k, length)
                else:
                    add_products(filtered, j, spectra, i, wavelets, k, length)


@compiled
def correlate(
    spectra: Any,
    filtered: Any,
    wavelets: Any,
    starts: Any,
    segments: Any,
    fine: int,
    coarse: int,
    begin: int,
    end: int,
) -> None:
    """Add to the gradients of some wavelets, each number twice, what those of products give."""
    count = len(starts) - 1
    for image in range(len(spectra) // fine):
        for one in range(begin, end):
            product = (image * count + one) * coarse
            for s in range(starts[one], starts[one + 1]):
                i, j = image * fine + segments[s, 0], product + segments[s, 1]
                add_products(wavelets, segments[s, 3], filtered, j, spectra, i, segments[s, 2])


@compiled
def pack(bank: Any, starts: Any, segments: Any, factor: float, back: bool, numbers: Any) -> None:
    """Take from a bank what segments hold, each number twice; or back, the sums of both.

    All are multiplied with a factor. In the bank are half as many numbers as in spectra.
    """
    fine = len(bank) // (len(starts) - 1)
    for one in range(len(starts) - 1):
        for s in range(starts[one], starts[one + 1]):
            i, k = one * fine + segments[s, 0] // 2, segments[s, 3]
            for n in range(segments[s, 2] // 2):
                if back:
                    bank[i + n] = factor * (numbers[k + 2 * n] + numbers[k + 2 * n + 1])
                else:
                    numbers[k + 2 * n] = factor * bank[i + n]
                    numbers[k + 2 * n + 1] = numbers[k + 2 * n]


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
