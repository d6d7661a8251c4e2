"""Morlet wavelets in numpy, for figures that are drawn from recorded parameters.

The formula is that of `isotrope.layers.morlet_bank.morlet_spectra` with one tile; a test compares
both.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

PI = 3.1415  # of the norm, as published


def spectra(theta: Floats, xi: Floats, sigma: Floats, slant: Floats, side: int) -> Floats:
    """The real parts of the Fourier transforms of wavelets on a periodic square grid.

    Args:
        theta: directions, in radians from the vertical axis down to the horizontal one; of any
            shape, as are the others.
        xi: frequencies, in radians a pixel.
        sigma: widths along the direction, in pixels.
        slant: these widths divided by those across it.
        side: pixels along each axis of the grid, an even number.

    Returns:
        ``(..., side, side)``, the constant first.
    """
    theta, xi, sigma, slant = (
        np.asarray(one, dtype=np.float64)[..., None, None] for one in (theta, xi, sigma, slant)
    )
    places = np.fft.fftfreq(side, 1 / side)
    down, right = places[:, None], places
    along = down * np.cos(theta) + right * np.sin(theta)
    across = right * np.cos(theta) - down * np.sin(theta)
    bell = np.exp(-(along**2 + (slant * across) ** 2) / (2 * sigma**2))
    wave = np.exp(1j * xi * along)
    beta = (bell * wave.real).sum((-2, -1), keepdims=True) / bell.sum((-2, -1), keepdims=True)
    found: Floats = np.fft.fft2((wave - beta) * bell * slant / (2 * PI * sigma**2)).real
    return found


def in_space(spectrum: Floats) -> Complex:
    """The wavelets themselves, with their middle in the middle of the grid."""
    found: Complex = np.fft.fftshift(np.fft.ifft2(spectrum), axes=(-2, -1))
    return found


def middle(spectrum: Floats) -> Floats:
    """Spectra with the constant in the middle of the grid."""
    found: Floats = np.fft.fftshift(spectrum, axes=(-2, -1))
    return found


def littlewood_paley(spectrum: Floats) -> Floats:
    """The sum of the squared spectra of all wavelets, the constant in the middle.

    Args:
        spectrum: ``(wavelets, side, side)``; the low-pass filter is not among them.
    """
    return middle((spectrum**2).sum(axis=0))
