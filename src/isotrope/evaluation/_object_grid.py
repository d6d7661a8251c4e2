"""Reading two maps of one object, at two scales, on one grid in the object's own coordinates.

An object's coordinates run from 0 to 1 over its box, ``position`` to ``position + scale`` pixels of
the image; a map lies in the middle of the image, since its convolutions take equal margins from all
sides. The grid has as many points as the smaller box has pixels, in the middle of these. So the
smaller map is read where its pixels are, and the larger one is low-passed as resizing it would.

Reading is cubic convolution, Keys, "Cubic Convolution Interpolation for Digital Image Processing",
IEEE Trans. ASSP 29 (6), 1981, with his a = -1/2, which is exact for parabolas. Where it must
low-pass, its kernel is as much wider as the points are apart, as in Pillow and in torch's
``interpolate(mode="bicubic", antialias=True)``.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


def cubic(distance: Tensor) -> Tensor:
    """The kernel of Keys at a distance in cells."""
    x = distance.abs()
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, near, torch.where(x < 2, far, 0.0))


def reading_matrix(points: Tensor, cells: int, width: float) -> tuple[Tensor, Tensor]:
    """The matrix that reads a row of cells at points.

    Args:
        points: ``(batch, n)``, where to read, in cells; cell i lies from i to i + 1.
        cells: how many there are.
        width: how many times wider than for interpolation the kernel is, at least 1.

    Returns:
        Weights ``(batch, n, cells)`` and, ``(batch, n)``, whether all cells that count are there.
        Then the weights sum to 1.
    """
    beyond = math.ceil(2 * width) + 1
    centres = torch.arange(-beyond, cells + beyond, dtype=points.dtype, device=points.device) + 0.5
    weights = cubic((centres - points[..., None]) / width)
    total = weights.sum(dim=-1, keepdim=True)
    weights = torch.where(total > 0.5 * width, weights / total, 0.0)  # less: far from all cells
    there = weights[..., beyond:-beyond]
    lost = weights.abs().sum(dim=-1) - there.abs().sum(dim=-1)
    return there, (lost < _NOTHING) & (there.abs().sum(dim=-1) > _NOTHING)


_NOTHING = 1e-9  # weights that are zero but for rounding


@dataclass(frozen=True)
class Axis:
    """Along one axis of the image, how the maps of a batch of objects are read.

    Args:
        reference: reads the reference map, ``(batch, n, cells)``.
        other: reads the map at the other scale.
        through: reads the reference map by way of an exactly rescaled one: what the other map would
            be if its every pixel were the reference, interpolated there, and then ``other``.
        known: ``(batch, n)``, the points that all three can read without cells beyond an edge.
    """

    reference: Tensor
    other: Tensor
    through: Tensor
    known: Tensor


def axis(positions: tuple[Tensor, Tensor], scales: tuple[int, int], cells: int, side: int) -> Axis:
    """How to read maps of ``cells`` pixels of objects in images of ``side`` pixels.

    Args:
        positions: left (or top) edge of each object's box in its image, ``(batch,)`` pixels, at the
            reference scale and at the other.
        scales: side of the box at both, in pixels.
        cells: side of the maps in pixels.
        side: side of the images in pixels.
    """
    (at, its), (scale, other_scale) = (one.to(torch.float64)[:, None] for one in positions), scales
    margin, n = (side - cells) / 2, min(scales)
    grid = (torch.arange(n, dtype=torch.float64, device=at.device) + 0.5) / n
    reference, seen = reading_matrix(at + grid * scale - margin, cells, scale / n)
    other, seen_there = reading_matrix(its + grid * other_scale - margin, cells, other_scale / n)
    pixels = torch.arange(cells, dtype=torch.float64, device=at.device) + 0.5
    rescaled = (
        pixels + margin - its
    ) / other_scale  # of the other map, in the object's coordinates
    exact, made = reading_matrix(at + rescaled * scale - margin, cells, 1.0)
    unmade = ((other.abs() > _NOTHING) & ~made[:, None]).any(dim=-1)
    return Axis(reference, other, other @ exact, seen & seen_there & ~unmade)


def read(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Maps ``(batch, channels, height, width)`` at a grid, ``(batch, channels, n, n)`` float64."""
    return rows[:, None] @ maps.to(torch.float64) @ columns[:, None].transpose(-2, -1)
