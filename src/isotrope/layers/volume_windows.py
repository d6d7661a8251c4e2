"""Cubes cut out of volumes, with a gradient that neither sorts nor scatters on a GPU.

As `isotrope.layers.windows` does it for windows, with one more axis. The gradient is put in place
along the width, which takes as many numbers as the maps, then, for some images at once, along the
scales, and the sum over all cubes is taken along the height.
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
    place = _coordinates(k, sides, gradient.device)[places].unbind(-1)
    deep, down, across = (
        table[along]
        for table, along in zip(
            _tables(k, sides, gradient.dtype, gradient.device), place, strict=True
        )
    )
    deep = deep[:, :, None].expand(-1, -1, k, -1, -1).flatten(0, 2)
    parts = gradient.view(batch, channels, cubes, k, k, k).permute(0, 2, 4, 3, 1, 5)
    spread = torch.bmm(parts.reshape(batch * cubes, -1, k), across.flatten(0, 1))
    spread = spread.view(batch * cubes * k, k, channels * width)

    found = gradient.new_empty(batch, height, scales * channels * width)
    numbers = cubes * k * scales * channels * width
    step = max(1, numbers_of_all_rows() // numbers)
    for start in range(0, batch, step):
        some = slice(start, start + step)
        lines = slice(start * cubes * k, (start + step) * cubes * k)
        of_some = torch.bmm(deep[lines], spread[lines]).view(-1, cubes * k, found.shape[-1])
        torch.bmm(down[some].flatten(1, 2).mT, of_some, out=found[some])
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
def _coordinates(k: int, sides: Sides, device: torch.device) -> Tensor:
    """Scale, row and column of every place."""
    along = (torch.arange(side - k + 1, device=device) for side in sides)
    return torch.cartesian_prod(*along)


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
