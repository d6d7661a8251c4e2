"""Windows cut out of maps, with a gradient that neither sorts nor scatters on a GPU.

There torch adds up the gradients of a gather in a fixed order by sorting them first, which takes
longer than all else of a small network. Products with matrices of zeros and ones do the same sums.
On a CPU the gradient of the gather is faster.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from isotrope.layers.constants import made_once
from isotrope.layers.forms import few_launches


def windows_at(maps: Tensor, top: Tensor, left: Tensor, size: Sequence[int]) -> Tensor:
    """Windows of maps, each cut out of all channels.

    Shapes:
        maps: ``(batch, channels, height, width)``
        top, left: ``(batch, windows)`` int64, the windows' first rows and columns
        output: ``(batch, channels, windows, size[0] * size[1])``
    """
    if few_launches(maps) and torch.is_grad_enabled():
        run: Any = _Windows
        windows: Tensor = run.apply(maps, top, left, *size)
        return windows
    return _cut(maps, top, left, *size)


def one_hot(index: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Ones at an index along a new last dimension of ``classes``, zeros elsewhere."""
    return (index[..., None] == _numbers(classes, index.device)).to(dtype)


@made_once
def _numbers(end: int, device: torch.device) -> Tensor:
    return torch.arange(end, device=device)


@made_once
def _offsets(height: int, width: int, across: int, device: torch.device) -> Tensor:
    """From the first pixel of a window to each of its pixels, in maps so many pixels wide."""
    rows = torch.arange(height, device=device)[:, None] * across
    return (rows + torch.arange(width, device=device)).flatten()


@made_once
def _before(size: int, side: int, device: torch.device) -> Tensor:
    """Where windows begin whose i-th row or column is the j-th of the maps: ``(size, side)``."""
    return torch.arange(side, device=device) - torch.arange(size, device=device)[:, None]


def _cut(maps: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    batch, channels, _, across = maps.shape
    offsets = _offsets(height, width, across, maps.device)
    corner = top * across + left
    places = (corner[..., None] + offsets).flatten(1)[:, None].expand(-1, channels, -1)
    return maps.flatten(2).gather(2, places).view(batch, channels, -1, height * width)


class _Windows(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(maps: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
        return _cut(maps, top, left, height, width)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        maps, top, left, *ctx.size = inputs
        ctx.sides = maps.shape[-2:]
        ctx.save_for_backward(top, left)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (height, width), corners = ctx.sides, ctx.saved_tensors
        rows, columns = (  # (batch, windows, side of the window, side of the maps)
            (corner[..., None, None] == _before(k, side, corner.device)).to(gradient.dtype)
            for corner, k, side in zip(corners, ctx.size, ctx.sides, strict=True)
        )
        batch, channels, windows = gradient.shape[:3]
        parts = gradient.view(batch, channels, windows, *ctx.size).permute(0, 2, 3, 1, 4)
        spread = parts.flatten(2, 3) @ columns  # (batch, windows, window rows * channels, width)
        spread = spread.view(batch, windows * ctx.size[0], channels * width)
        found = rows.flatten(1, 2).mT @ spread
        return found.view(batch, height, channels, width).transpose(1, 2), None, None, None, None
