"""The scattering transform written down from its definition, wavelet by wavelet, in numpy.

The axes of a wavelet come from a singular value decomposition or from sines, filters are sampled
point by point, and nothing is computed at another resolution than the definition says.
"""

import math

import numpy as np


def wavelet(theta, xi, sigma, slant, shape, tiles=1):
    """In space, in complex128, centre at the first pixel; its copies next door are added."""
    rows, columns = shape
    found = np.zeros(shape, dtype=complex)
    bell_sum = wave_sum = 0
    samples = []
    for u in range(-(tiles * rows) // 2, (tiles * rows) // 2):
        for v in range(-(tiles * columns) // 2, (tiles * columns) // 2):
            along = u * math.cos(theta) + v * math.sin(theta)
            across = -u * math.sin(theta) + v * math.cos(theta)
            bell = math.exp(-(along**2 + slant**2 * across**2) / (2 * sigma**2))
            wave = bell * complex(math.cos(xi * along), math.sin(xi * along))
            bell_sum, wave_sum = bell_sum + bell, wave_sum + wave
            samples.append((u, v, bell, wave))
    beta = (wave_sum / bell_sum).real
    for u, v, bell, wave in samples:
        found[u % rows, v % columns] += (wave - beta * bell) / (2 * 3.1415 * sigma**2 / slant)
    return found


def spectrum(*numbers, **named):
    return np.fft.fft2(wavelet(*numbers, **named)).real


def low_pass(shape, scales):
    """Of 5 x 5 tiles around, as a spectrum."""
    sigma = 0.8 * 2 ** (scales - 1)
    bell = np.zeros(shape)
    for u in range(-2 * shape[0], 3 * shape[0]):
        for v in range(-2 * shape[1], 3 * shape[1]):
            bell[u % shape[0], v % shape[1]] += math.exp(-(u**2 + v**2) / (2 * sigma**2))
    return np.fft.fft2(bell).real / (2 * 3.1415 * sigma**2)


def on_coarser_grid(full, level):
    """All frequencies that a grid of every ``2**level``-th pixel has, those alone."""
    rows, columns = (side >> level for side in full.shape)
    found = np.zeros((rows, columns))
    for k in range(-(rows // 2), rows // 2):
        for m in range(-(columns // 2), columns // 2):
            found[k % rows, m % columns] = full[k % full.shape[0], m % full.shape[1]]
    return found


def mean_of_aliases(full, level):
    """What the published code has in place of it."""
    rows, columns = (side >> level for side in full.shape)
    found = np.zeros((rows, columns))
    for k in range(full.shape[0]):
        for m in range(full.shape[1]):
            found[k % rows, m % columns] += full[k, m] / 4**level
    return found


def filtered(image, response):
    return np.fft.ifft2(np.fft.fft2(image) * response)


def scatter(image, bank, scales, angles, copy=on_coarser_grid):
    """All coefficients of one image by a bank of spectra ``(scales * angles, rows, columns)``."""
    height, width = image.shape
    rows, columns = bank.shape[1:]
    above, left = (rows - height) // 2, (columns - width) // 2
    image = np.pad(
        image,
        ((above, rows - height - above), (left, columns - width - left)),
        mode="reflect",
    )
    smooth = low_pass((rows, columns), scales)

    def coefficient(maps, level):
        step = 2 ** (scales - level)
        blurred = filtered(maps, on_coarser_grid(smooth, level)).real
        return blurred[::step, ::step][1:-1, 1:-1]

    zero, one, two = [coefficient(image, 0)], [], []
    for first in range(scales * angles):
        j1 = first // angles
        maps = np.abs(filtered(image, bank[first])[:: 2**j1, :: 2**j1])
        one.append(coefficient(maps, j1))
        for second in range(scales * angles):
            j2 = second // angles
            if j2 > j1:
                step = 2 ** (j2 - j1)
                inner = np.abs(filtered(maps, copy(bank[second], j1))[::step, ::step])
                two.append(coefficient(inner, j2))
    return np.stack(zero + one + two)
