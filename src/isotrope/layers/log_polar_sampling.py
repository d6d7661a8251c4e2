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
from isotrope.layers.forms import few_launches
from isotrope.layers.log_polar_bags import bag_sums, reading, spreading
from isotrope.layers.log_polar_bank import Bank
from isotrope.layers.log_polar_jobs import Site

Slices = tuple[slice, slice]


class Move(NamedTuple):
    """One tap of a bank: what it reads, where it is added, and its weight."""

    radius: int
    angle: int
    level: int
    source: Slices
    target: Slices
    weight: float


def smoothed_images(images: Tensor, bank: Bank) -> Tensor:
    """The images that the stencils of a bank read, one for each of its levels.

    Shapes:
        images: ``(..., batch, channels, height, width)``, zero outside
        output: ``(..., levels, batch, channels, height + 2 * margin, width + 2 * margin)``
    """
    if bank.margin == 0:
        return images.unsqueeze(-5)
    matrices = [_smoothing(bank, side, images.dtype, images.device) for side in images.shape[-2:]]
    sides = [side + 2 * bank.margin for side in images.shape[-2:]]
    shape = (*images.shape[:-4], len(bank.smoothing), *images.shape[-4:-2], *sides)
    found = images.new_empty(shape)
    for level, (down, across) in enumerate(zip(*matrices, strict=True)):
        found.select(-5, level).copy_(down @ images @ across.T)
    return found


def smoothed_gradient(of_maps: Tensor, bank: Bank, height: int, width: int) -> Tensor:
    """The gradient of images from that of `smoothed_images`."""
    if bank.margin == 0:
        return of_maps.squeeze(-5)
    down, across = (
        _smoothing(bank, side, of_maps.dtype, of_maps.device) for side in (height, width)
    )
    found = of_maps.new_zeros(*of_maps.shape[:-5], *of_maps.shape[-4:-2], height, width)
    for one, some, other in zip(down, of_maps.unbind(-5), across, strict=True):
        found += one.T @ some @ other
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
        if few_launches(maps):
            return _gathered(maps, bank, site)
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
        if few_launches(gradient):
            return _gathered_gradient(gradient, bank, site, size)
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


def _gathered(maps: Tensor, bank: Bank, site: Site) -> Tensor:
    """`sampled` in one operation, and one copy on either side."""
    levels, batch, channels, height, width = maps.shape
    table = maps.permute(0, 3, 4, 1, 2).reshape(levels * height * width, batch * channels)
    found = bag_sums(table, reading(bank, site, height, width, maps.dtype, maps.device))
    points = (bank.grid.num_angles, bank.grid.rows, site.height, site.width)
    return found.view(*points, batch, channels).permute(4, 5, 1, 0, 2, 3).contiguous()


def _gathered_gradient(gradient: Tensor, bank: Bank, site: Site, size: tuple[int, int]) -> Tensor:
    batch, channels = gradient.shape[:2]
    table = gradient.permute(3, 2, 4, 5, 0, 1).flatten(4).flatten(0, 3)
    found = bag_sums(table, spreading(bank, site, *size, gradient.dtype, gradient.device))
    maps = found.view(len(bank.smoothing), *size, batch, channels)
    return maps.permute(0, 3, 4, 1, 2).contiguous()
