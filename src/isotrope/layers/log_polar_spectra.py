"""Matrices that turn log-polar convolutions into products of channels, one for each frequency.

A convolution that goes round the circle of angles, and along the radii where the kernel fits, is a
product at each frequency of a transform over angles and radii; what goes round along the radii,
too, falls where the kernel does not fit. All is real: a *pair* of numbers is a complex value, or
two real ones, where the transform is real. There are as many pairs as half of the points.

Pairs are numbered ``band * length + wave``. Band m belongs to the frequency m of the angles; band
0 holds two frequencies, 0 and (for an even number of angles) the highest, of which each has a real
transform along the radii.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isotrope.layers.constants import made_once

Floats = NDArray[np.float64]


class Shape(NamedTuple):
    """Sizes of a log-polar convolution.

    Args:
        radii: number of radii.
        angles: number of angles.
        rows: rows of responses.
        cells: angles under a kernel.
    """

    radii: int
    angles: int
    rows: int
    cells: int

    @property
    def length(self) -> int:
        """Of the transform along the radii; even."""
        return self.radii + self.radii % 2

    @property
    def bands(self) -> int:
        """Pairs of real numbers of the transform over angles."""
        return (self.angles + 1) // 2

    @property
    def pairs(self) -> int:
        """All frequencies."""
        return self.bands * self.length


class Spectra(NamedTuple):
    """The matrices.

    Args:
        over_angles: ``(2 * bands, angles)``.
        over_radii: ``(bands, 2 * length, 2 * radii)``: from ``(part, radius)`` to ``(wave, part)``.
        to_rows: ``(bands, 2 * rows, 2 * length)``: from ``(wave, part)`` to ``(part, row)``.
        to_angles: ``(angles, 2 * bands)``.
        of_responses: all the way back: ``(rows * angles, 2 * pairs)``.
        of_kernels: all the way for kernels: ``(2 * pairs, kernel_rows * cells)``.
        complex: 1 for pairs that are a complex value, 0 for two real ones: ``(pairs, 1, 1)``.
    """

    over_angles: Tensor
    over_radii: Tensor
    to_rows: Tensor
    to_angles: Tensor
    of_responses: Tensor
    of_kernels: Tensor
    complex: Tensor


@made_once
def spectra(shape: Shape, dtype: torch.dtype, device: torch.device) -> Spectra:
    """All matrices of a convolution."""
    over_angles, to_angles = _angles(shape)
    over_radii, to_rows, is_complex = _radii(shape)
    bands, length, rows = shape.bands, shape.length, shape.rows
    back = np.einsum(
        "apb,bptx->tabx",
        to_angles.reshape(shape.angles, bands, 2).transpose(0, 2, 1),
        to_rows.reshape(bands, 2, rows, 2 * length),
    )
    high = shape.radii - rows + 1
    forth = np.einsum(
        "bxpi,bpj->bxij",
        over_radii.reshape(bands, 2 * length, 2, shape.radii)[..., :high],
        over_angles.reshape(bands, 2, shape.angles)[..., : shape.cells],
    )
    made = (
        over_angles,
        over_radii,
        to_rows,
        to_angles,
        back.reshape(rows * shape.angles, -1),
        forth.reshape(2 * shape.pairs, -1),
        is_complex[:, None, None],
    )
    return Spectra(*(torch.tensor(one, dtype=dtype, device=device) for one in made))


def _angles(shape: Shape) -> tuple[Floats, Floats]:
    """The real transform over angles and its inverse."""
    turns = 2 * np.pi * np.arange(shape.angles) / shape.angles
    forth = np.zeros((shape.bands, 2, shape.angles))
    forth[0, 0] = 1
    if shape.angles % 2 == 0:
        forth[0, 1] = (-1.0) ** np.arange(shape.angles)
    for band in range(1, shape.bands):
        forth[band] = np.cos(band * turns), -np.sin(band * turns)
    back = forth.copy()
    back[1:] *= 2
    flat = (2 * shape.bands, shape.angles)
    return forth.reshape(flat), back.reshape(flat).T / shape.angles


def _radii(shape: Shape) -> tuple[Floats, Floats, Floats]:
    """The transforms along the radii, their inverse, and which pairs are complex."""
    length, half = shape.length, shape.length // 2
    waves = np.exp(-2j * np.pi / length * np.outer(np.arange(length), np.arange(length)))
    forth = np.zeros((shape.bands, length, 2, 2, length))  # wave, part, part before, radius
    forth[1:, :, 0, 0] = forth[1:, :, 1, 1] = waves.real
    forth[1:, :, 1, 0], forth[1:, :, 0, 1] = waves.imag, -waves.imag
    real = np.stack((waves.real, waves.imag), axis=1)[:half]
    real[0, 1] = waves.real[half]
    forth[0, :half, :, 0] = forth[0, half:, :, 1] = real
    back = forth / length
    back[0] *= 2
    back[0, [0, half]] /= 2
    is_complex = np.ones((shape.bands, length))
    is_complex[0, [0, half]] = 0
    over = forth[..., : shape.radii].reshape(shape.bands, 2 * length, -1)
    under = back[..., : shape.rows].reshape(shape.bands, 2 * length, -1).transpose(0, 2, 1)
    return over, under, is_complex.ravel()
