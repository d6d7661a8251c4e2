"""Samples of images under Gaussians whose widths differ from row to row.

The images are blurred to a few widths, each with twice the variance of the one before, and a row
mixes the two around its own such that the variance is its own.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.constants import made_once

_LEAST = 0.25  # square pixels: the smallest variance of a stack but none at all


def gaussian_stack(images: Tensor, variances: tuple[float, ...]) -> Tensor:
    """The images under Gaussians of some variances, each with zeros outside the image.

    The kernels are discrete Gaussians: their variance is exactly the one asked for, however small,
    and 0 leaves the image as it is.

    Source: Lindeberg, "Scale-Space for Discrete Signals", IEEE Trans. PAMI 12 (3), 1990.

    Shapes:
        images: ``(batch, channels, height, width)``, float32 or float64
        output: ``(variances, batch, channels, height, width)``

    Args:
        images: the images.
        variances: in square pixels, each 0 or more.
    """
    height, width = images.shape[-2:]
    rows = _matrices(height, variances, images.dtype, images.device)[:, None, None]
    columns = _matrices(width, variances, images.dtype, images.device)[:, None, None]
    return rows @ images @ columns


@made_once
def _matrices(
    side: int, variances: tuple[float, ...], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """The blur along one axis, ``(variances, side, side)``; symmetric."""
    from scipy.special import ive

    cells = torch.arange(side, dtype=torch.float64, device="cpu")
    distance = (cells[:, None] - cells).abs().numpy()
    kernels = [torch.from_numpy(ive(distance, variance)) for variance in variances]
    return torch.stack(kernels).to(device, dtype)


def blurred_rows(
    images: Tensor, variances: tuple[float, ...], sample: Callable[[Tensor, slice], Tensor]
) -> Tensor:
    """Rows of samples, each under a Gaussian of its own.

    Args:
        images: ``(batch, channels, height, width)``, float32 or float64.
        variances: of each row, in square pixels, above 0, none smaller than the one before.
        sample: gives some rows of samples of images, ``(..., rows, columns)``.

    Returns:
        ``(..., rows, columns)``, all rows.
    """
    levels = _levels(variances[-1])
    shares = _shares(levels, variances, images.dtype, images.device)
    stack = gaussian_stack(images, levels)
    parts = []
    for level in range(len(levels)):
        rows = [row for row, one in enumerate(variances) if _share(levels, level, one) > 0]
        if rows:
            block = slice(rows[0], rows[-1] + 1)
            found = sample(stack[level], block) * shares[level, block, None]
            parts.append(F.pad(found, (0, 0, block.start, len(variances) - block.stop)))
    return torch.stack(parts).sum(dim=0)


def _levels(largest: float) -> tuple[float, ...]:
    """The variances of a stack: none, and doublings up to the largest."""
    doublings = max(0, math.floor(math.log2(largest / _LEAST)))
    return (0.0, *(largest / 2**step for step in range(doublings, -1, -1)))


def _share(levels: tuple[float, ...], level: int, variance: float) -> float:
    """How much of a level a row takes: linear in the variance, as that of a mixture is."""
    here = levels[level]
    if variance == here:
        return 1.0
    other = level - 1 if variance < here else level + 1
    if not 0 <= other < len(levels):
        return 0.0
    return max(0.0, 1 - (variance - here) / (levels[other] - here))


@made_once
def _shares(
    levels: tuple[float, ...],
    variances: tuple[float, ...],
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    shares = [[_share(levels, level, one) for one in variances] for level in range(len(levels))]
    return torch.tensor(shares, dtype=torch.float64, device="cpu").to(device, dtype)
