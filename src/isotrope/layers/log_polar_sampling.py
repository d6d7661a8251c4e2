"""Images sampled by a log-polar bank about many centres, and the transpose of that.

What lies outside of an image has one value. It is taken off first, so that all sums are those of an
image that goes on with zeros, and is put back where samples or responses are ready.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from isotrope.layers.constants import made_once
from isotrope.layers.log_polar_bank import Bank

Slices = tuple[slice, slice]


class Site(NamedTuple):
    """Which pixels are centres: row and column of the first, rows and columns of them, their step.

    Rows and columns are counted in the smoothed images, margin included.
    """

    top: int
    left: int
    height: int
    width: int
    stride: int

    def rows(self, start: int, end: int) -> "Site":
        """Some of its rows alone."""
        return self._replace(top=self.top + self.stride * start, height=end - start)


class Move(NamedTuple):
    """One tap of a bank: what it reads, where it is added, and its weight."""

    radius: int
    angle: int
    level: int
    source: Slices
    target: Slices
    weight: float


def site_of(bank: Bank, height: int, width: int, stride: int = 1, trim: int = 0) -> Site:
    """The centres in images of this size, without ``trim`` pixels along each edge.

    With a stride they lie as far from one edge as from the other where that is possible.

    Raises:
        ValueError: if stride or trim are out of range, or no pixel is left.
    """
    if stride < 1 or trim < 0:
        raise ValueError(f"need stride >= 1 and trim >= 0, got {stride} and {trim}")
    if min(height, width) <= 2 * trim:
        raise ValueError(
            f"trimming {trim} pixels leaves nothing of maps of {height} x {width} pixels"
        )
    down, across = (side - 2 * trim - 1 for side in (height, width))
    top, left = (bank.margin + trim + last % stride // 2 for last in (down, across))
    return Site(top, left, down // stride + 1, across // stride + 1, stride)


def smoothed_images(images: Tensor, bank: Bank) -> Tensor:
    """The images that the stencils of a bank read, one for each of its levels.

    Shapes:
        images: ``(batch, channels, height, width)``, zero outside
        output: ``(levels, batch, channels, height + 2 * margin, width + 2 * margin)``
    """
    if bank.margin == 0:
        return images[None]
    height, width = images.shape[-2:]
    down, across = (_smoothing(bank, side, images.dtype, images.device) for side in (height, width))
    found: Tensor = down[:, None, None] @ images @ across[:, None, None].mT
    return found


@made_once
def _smoothing(bank: Bank, side: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What smooths along an axis: ``(levels, side + 2 * margin, side)``."""
    matrices = np.zeros((len(bank.smoothing), side + 2 * bank.margin, side))
    for matrix, line in zip(matrices, bank.smoothing, strict=True):
        first = bank.margin - len(line) // 2
        for pixel in range(side):
            matrix[first + pixel : first + pixel + len(line), pixel] = line
    return torch.tensor(matrices, dtype=dtype, device=device)


@lru_cache(256)
def moves(bank: Bank, site: Site, height: int, width: int) -> list[Move]:
    """All taps that read anything from maps of this size, point after point."""
    found = []
    points = np.repeat(np.arange(len(bank.starts) - 1), np.diff(bank.starts)).tolist()
    taps = zip(points, bank.down.tolist(), bank.across.tolist(), bank.weights.tolist(), strict=True)
    for point, down, across, weight in taps:
        radius, angle = divmod(point, bank.grid.num_angles)
        rows = _overlap(site.top + down, site.height, site.stride, height)
        columns = _overlap(site.left + across, site.width, site.stride, width)
        if rows is not None and columns is not None:
            source, target = (rows[0], columns[0]), (rows[1], columns[1])
            found.append(Move(radius, angle, int(bank.levels[radius]), source, target, weight))
    return found


def _overlap(start: int, count: int, step: int, side: int) -> Slices | None:
    """Which of ``count`` pixels from ``start`` on lie on an axis, there and among themselves."""
    first = max(0, -(start // step))
    last = min(count, -((start - side) // step))
    if first >= last:
        return None
    begin = start + step * first
    return slice(begin, begin + step * (last - first - 1) + 1, step), slice(first, last)


def sampled(maps: Tensor, bank: Bank, site: Site) -> Tensor:
    """What the points of a bank see about each centre.

    Shapes:
        maps: as `smoothed_images` gives them
        output: ``(batch, channels, radii, angles, rows, columns)``
    """
    run: Any = _Sampled
    found: Tensor = run.apply(maps, bank, site)
    return found


class _Sampled(torch.autograd.Function):
    @staticmethod
    def forward(maps: Tensor, bank: Bank, site: Site) -> Tensor:
        points = (bank.grid.rows, bank.grid.num_angles)
        found = maps.new_zeros(*maps.shape[1:3], *points, site.height, site.width)
        for move in moves(bank, site, *maps.shape[-2:]):
            part = found[:, :, move.radius, move.angle, *move.target]
            part.add_(maps[move.level][..., *move.source], alpha=move.weight)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        maps, ctx.bank, ctx.site = inputs
        ctx.size = (maps.shape[-2], maps.shape[-1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        run: Any = _Spread
        return run.apply(gradient, ctx.bank, ctx.site, ctx.size), None, None

    @staticmethod
    def vmap(
        info: Any, axes: tuple[int | None, ...], maps: Tensor, bank: Bank, site: Site
    ) -> tuple[Tensor, int]:
        maps = maps.movedim(axes[0] or 0, 1)
        run: Any = _Sampled
        found: Tensor = run.apply(maps.flatten(1, 2), bank, site)
        return found.view(info.batch_size, -1, *found.shape[1:]), 0


class _Spread(torch.autograd.Function):
    """The transpose of `_Sampled`."""

    @staticmethod
    def forward(gradient: Tensor, bank: Bank, site: Site, size: tuple[int, int]) -> Tensor:
        found = gradient.new_zeros(len(bank.smoothing), *gradient.shape[:2], *size)
        for move in moves(bank, site, *size):
            part = gradient[:, :, move.radius, move.angle, *move.target]
            found[move.level][..., *move.source].add_(part, alpha=move.weight)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        _, ctx.bank, ctx.site, _ = inputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        run: Any = _Sampled
        return run.apply(gradient, ctx.bank, ctx.site), None, None, None

    @staticmethod
    def vmap(
        info: Any, axes: tuple[int | None, ...], gradient: Tensor, *settings: Any
    ) -> tuple[Tensor, int]:
        run: Any = _Spread
        found: Tensor = run.apply(gradient.movedim(axes[0] or 0, 0).flatten(0, 1), *settings)
        return found.view(len(found), info.batch_size, -1, *found.shape[2:]), 1
