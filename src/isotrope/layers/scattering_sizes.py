"""Sizes of a scattering transform, and the averages of its maps as products with matrices.

The low-pass filter is Kymatio's Gaussian, which is separable: filtering, keeping every n-th place
and cutting the border off are one product from the left and one from the right.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from isotrope.layers.constants import made_once
from isotrope.layers.morlet_bank import PI

Average = Literal["local", "global", "none"]
CPU = torch.device("cpu")
TILES = 5  # of the low-pass filter; its width is a fraction of one


@dataclass(frozen=True)
class Side:
    """One axis of the images.

    Args:
        length: pixels of an image.
        scales: ``J``.
    """

    length: int
    scales: int

    @property
    def padded(self) -> int:
        """Pixels with the reflected ones around, a multiple of ``2**scales``."""
        step = 1 << self.scales
        return step * (self.length // step + 2)

    @property
    def before(self) -> int:
        """Reflected pixels before the first; where they are odd in all, one more is behind."""
        return (self.padded - self.length) // 2

    @property
    def places(self) -> int:
        """Local averages."""
        return self.length >> self.scales

    def inside(self, level: int) -> slice:
        """Which of every ``2**level``-th padded pixel lie in the image."""
        step = 1 << level
        return slice(-(-self.before // step), -(-(self.before + self.length) // step))


@made_once
def reflected(side: Side, device: torch.device) -> Tensor:
    """Which pixel of an image each padded one repeats: the edge itself is not doubled."""
    period = max(1, 2 * (side.length - 1))
    place = (torch.arange(side.padded, device=CPU) - side.before).remainder(period)
    return torch.minimum(place, period - place).to(device)


def low_pass_spectrum(side: Side) -> Tensor:
    """The transform of the low-pass filter along one axis, in float64: ``(padded,)``."""
    sigma = 0.8 * 2 ** (side.scales - 1)
    tiles = torch.arange(TILES, dtype=torch.float64, device=CPU)[:, None] - TILES // 2
    within = torch.fft.fftfreq(side.padded, 1 / side.padded, dtype=torch.float64, device=CPU)
    bell = torch.exp(-((tiles * side.padded + within) ** 2) / (2 * sigma**2)).sum(0)
    spectrum: Tensor = torch.fft.fft(bell)
    return spectrum.real / math.sqrt(2 * PI * sigma**2)


@made_once
def averages(
    side: Side, level: int, average: Average, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """What each place of a map adds to each average: ``(places, padded / 2**level)``.

    Args:
        side: the axis.
        level: the map has every ``2**level``-th padded pixel.
        average: ``local``, or ``global`` with one place: the mean over the image without padding.
        dtype: of the matrix.
        device: its device.
    """
    size = side.padded >> level
    if average == "global":
        inside = torch.zeros(1, size, dtype=torch.float64, device=CPU)
        inside[:, side.inside(level)] = 1
        return (inside / inside.sum()).to(device, dtype)
    spectrum, half = low_pass_spectrum(side), size // 2
    kept = torch.cat((spectrum[:half], spectrum[side.padded - half :]))
    response: Tensor = torch.fft.ifft(kept).real
    step = 2 ** (side.scales - level)
    centres = torch.arange(1, side.places + 1, device=CPU)[:, None] * step
    return response[(centres - torch.arange(size, device=CPU)).remainder(size)].to(device, dtype)


@made_once
def image_averages(
    side: Side, average: Average, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """The same for images as they come, whose padding is part of it: ``(places, length)``."""
    found = averages(side, 0, average, torch.float64, CPU)
    unpadded = torch.zeros(len(found), side.length, dtype=torch.float64, device=CPU)
    unpadded.index_add_(1, reflected(side, CPU), found)
    return unpadded.to(device, dtype)
