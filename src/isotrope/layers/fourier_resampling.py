"""Maps sampled anew at another number of places, as the periodic band-limited functions they are.

What the smaller number of samples can represent stays exactly; the rest is removed. The highest
frequency of an even number of samples is removed, too: samples tell its phase only in part, so
that it could not be moved by parts of a pixel.
"""

import math

import torch
from torch import Tensor

from isotrope.layers.constants import made_once

PRODUCT_UP_TO = 256  # pixels; beyond, Fourier transforms need fewer multiplications


def resampled(maps: Tensor, rows: int, columns: int) -> Tensor:
    """The maps at ``rows`` by ``columns`` places that are evenly spaced, from the first pixel on.

    Shifting maps by any part of a pixel, as periodic band-limited functions, and resampling
    commute. Of long sides halved numbers are transformed in float32.

    Shapes:
        maps: ``(..., height, width)``
        output: ``(..., rows, columns)``
    """
    return _along(_along(maps, columns, -1), rows, -2)


def _along(maps: Tensor, places: int, dim: int) -> Tensor:
    """Other places along one axis."""
    size = maps.shape[dim]
    if size == places:
        return maps
    if max(size, places) <= PRODUCT_UP_TO:
        matrix = _matrix(size, places, maps.dtype, maps.device)
        return maps @ matrix if dim == -1 else matrix.mT @ maps
    exact = maps.to(torch.promote_types(maps.dtype, torch.float32))
    spectrum = torch.fft.rfft(exact, dim=dim).narrow(dim, 0, kept_frequencies(size, places))
    found: Tensor = torch.fft.irfft(spectrum, n=places, dim=dim) * (places / size)
    return found.to(maps.dtype)


def kept_frequencies(width: int, places: int) -> int:
    """How many frequencies from 0 on are kept; the highest of an even number is not among them."""
    return (min(width, places) + 1) // 2


@made_once
def _matrix(width: int, places: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What each pixel adds to each place: ``(width, places)``."""
    pixels = torch.arange(width, dtype=torch.float64)[:, None] / width
    apart = 2 * math.pi * (torch.arange(places, dtype=torch.float64) / places - pixels)
    total = torch.ones(width, places, dtype=torch.float64)
    for frequency in range(1, kept_frequencies(width, places)):
        total += 2 * (frequency * apart).cos()
    return (total / width).to(device, dtype)
