"""Cubes cut out of volumes, with a gradient that neither sorts nor scatters on a GPU.

As `isotrope.layers.windows` does it for windows, with one more axis. The gradient is put in place
along width and scales first, and the sum over all cubes is taken along the height.
"""

import math
from typing import Any

import torch
from torch import Tensor

from isotrope.layers.constants import made_once
from isotrope.layers.forms import numbers_of_all_rows

Sides = tuple[int, int, int]


def cubes_at(maps: Tensor, places: Tensor, k: int) -> Tensor:
    """Cubes of maps, each cut out of all channels.

    Shapes:
        maps: ``(batch, channels, scales, height, width)``
        places: ``(batch, cubes)`` int64, each among all places where a cube fits
        output: ``(batch, channels, cubes, k**3)``
    """
    run: Any = _Cubes
    cubes: Tensor = run.apply(maps, places, k)
    return cubes


def _cut(maps: Tensor, places: Tensor, k: int) -> Tensor:
    (batch, channels), sides = maps.shape[:2], _sides(maps)
    starts, offsets = _positions(k, sides, maps.device)
    inside = (starts[places][..., None] + offsets).flatten(1)[:, None].expand(-1, channels, -1)
    return maps.flatten(2).gather(2, inside).view(batch, channels, -1, k**3)


def _put(gradient: Tensor, places: Tensor, k: int, sides: Sides) -> Tensor:
    """The sum of cubes, each put in its place among zeros: the gradient of `_cut`."""
    batch, channels, cubes = gradient.shape[:3]
    scales, height, width = sides
    tables = _tables(k, sides, gradient.dtype, gradient.device)
    rows, columns = height - k + 1, width - k + 1
    deep = tables[0][places // (rows * columns)]  # batch, cubes, scales, k
    down = tables[1][places // columns % rows].flatten(1, 2)  # batch, cubes * k, height
    across = tables[2][places % columns].flatten(0, 1)  # batch * cubes, k, width
    deep = deep[:, :, None].expand(-1, -1, k, -1, -1).flatten(0, 2)
    parts = gradient.view(batch, channels, cubes, k, k, k).permute(0, 2, 4, 3, 1, 5)
    parts = parts.reshape(batch * cubes, -1, k)

    found = gradient.new_empty(batch, height, scales * channels * width)
    numbers = cubes * k * scales * channels * width
    step = max(1, numbers_of_all_rows() // numbers)
    for start in range(0, batch, step):
        some = slice(start, start + step)
        of_cubes = slice(start * cubes, (start + step) * cubes)
        of_rows = slice(start * cubes * k, (start + step) * cubes * k)
        spread = torch.bmm(parts[of_cubes], across[of_cubes])
        spread = torch.bmm(deep[of_rows], spread.view(-1, k, channels * width))
        spread = spread.view(-1, cubes * k, scales * channels * width)
        torch.bmm(down[some].mT, spread, out=found[some])
    return found.view(batch, height, scales, channels, width).permute(0, 3, 2, 1, 4)


def _sides(maps: Tensor) -> Sides:
    return maps.shape[2], maps.shape[3], maps.shape[4]


@made_once
def _positions(k: int, sides: Sides, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where cubes may start in a flat map, and where their voxels are from there."""
    every = torch.arange(math.prod(sides), device=device).view(sides)
    fits = (slice(side - k + 1) for side in sides)
    return every[tuple(fits)].flatten(), every[:k, :k, :k].flatten()


@made_once
def _tables(
    k: int, sides: Sides, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """For every place along an axis, zeros and the ones of a cube.

    Shapes:
        output: ``(places, scales, k)``, ``(places, k, height)`` and ``(places, k, width)``
    """
    deep, down, across = (
        torch.eye(side, dtype=dtype, device=device).unfold(0, k, 1).mT.contiguous()
        for side in sides
    )
    return deep.mT.contiguous(), down, across


class _Cubes(torch.autograd.Function):
    @staticmethod
    def forward(maps: Tensor, places: Tensor, k: int) -> Tensor:
        return _cut(maps, places, k)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        maps, places, ctx.k = inputs
        ctx.sides = _sides(maps)
        ctx.save_for_backward(places)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        run: Any = _Placed
        return run.apply(gradient, *ctx.saved_tensors, ctx.k, ctx.sides), None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> tuple[Tensor, int]:
        return _as_one_batch(_Cubes, info.batch_size, in_dims, *inputs)


class _Placed(torch.autograd.Function):
    @staticmethod
    def forward(gradient: Tensor, places: Tensor, k: int, sides: Sides) -> Tensor:
        return _put(gradient, places, k, sides)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        _, places, ctx.k, _ = inputs
        ctx.save_for_backward(places)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        run: Any = _Cubes
        return run.apply(gradient, *ctx.saved_tensors, ctx.k), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> tuple[Tensor, int]:
        return _as_one_batch(_Placed, info.batch_size, in_dims, *inputs)


def _as_one_batch(
    function: Any, rows: int, in_dims: Any, numbers: Tensor, places: Tensor, *rest: Any
) -> tuple[Tensor, int]:
    """The images of all rows of a stack as one batch."""
    whole = []
    for one, dim in zip((numbers, places), in_dims, strict=False):
        stack = one.expand(rows, *one.shape) if dim is None else one.movedim(dim, 0)
        whole.append(stack.flatten(0, 1))
    found: Tensor = function.apply(*whole, *rest)
    return found.view(rows, -1, *found.shape[1:]), 0
