"""Windows cut out of maps, with a gradient that neither sorts nor scatters on a GPU.

There torch adds up the gradients of a gather in a fixed order by sorting them first, which takes
longer than all else of a small network. Products with matrices of zeros and ones do the same sums.
On a CPU the gradient of the gather is faster.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.constants import made_once
from isotrope.layers.forms import few_launches


def windows_at(
    maps: Tensor,
    top: Tensor,
    left: Tensor,
    size: Sequence[int],
    around: Sequence[int] = (0, 0, 0, 0),
    index: Tensor | None = None,
) -> Tensor:
    """Windows of maps with zeros around, each cut out of all channels.

    Shapes:
        maps: ``(batch, channels, height, width)``, or a stack for each channel:
            ``(batch, channels, stack, height, width)``
        top, left: ``(batch, windows)`` int64, the windows' first rows and columns, counted from the
            first of the zeros
        output: ``(batch, channels, windows, size[0] * size[1])``

    Args:
        maps: what is cut.
        top: first rows.
        left: first columns.
        size: rows and columns of a window.
        around: zeros left, right, above and below, as ``F.pad`` takes them.
        index: which of the stack each window is of; of the shape of ``top``.
    """
    run: Any = _Windows
    run = run.apply if few_launches(maps) and torch.is_grad_enabled() else _cut
    windows: Tensor = run(maps, top, left, index, *size, *around)
    return windows


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
def _first(size: int, side: int, before: int, device: torch.device) -> Tensor:
    """Where windows begin whose row i is row j of maps with zeros before: ``(size, side)``."""
    rows = torch.arange(before, before + side, device=device)
    return rows - torch.arange(size, device=device)[:, None]


def _cut(
    maps: Tensor,
    top: Tensor,
    left: Tensor,
    index: Tensor | None,
    height: int,
    width: int,
    *around: int,
) -> Tensor:
    if any(around):
        maps = F.pad(maps, around)
    if index is not None:  # no window reaches into the next of the stack
        top = index * maps.shape[-2] + top
    batch, channels, across = *maps.shape[:2], maps.shape[-1]
    offsets = _offsets(height, width, across, maps.device)
    corner = top * across + left
    places = (corner[..., None] + offsets).flatten(1)[:, None].expand(-1, channels, -1)
    return maps.flatten(2).gather(2, places).view(batch, channels, -1, height * width)


class _Windows(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(
        maps: Tensor, top: Tensor, left: Tensor, index: Tensor | None, *numbers: int
    ) -> Tensor:
        return _cut(maps, top, left, index, *numbers)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        maps, top, left, index, *numbers = inputs
        ctx.shape, ctx.size, ctx.around = maps.shape, numbers[:2], numbers[2:]
        ctx.save_for_backward(top, left, index)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        top, left, index = ctx.saved_tensors
        (batch, channels, *stack, height, width), (k, across) = ctx.shape, ctx.size
        before, _, above, _ = ctx.around
        device, windows = top.device, gradient.shape[2]
        rows = top[..., None, None] == _first(k, height, above, device)
        if index is not None:  # (batch, windows, window rows, stack, height)
            chosen = index[..., None] == _numbers(stack[0], device)
            rows = rows[..., None, :] & chosen[:, :, None, :, None]
        rows = rows.to(gradient.dtype).flatten(3).flatten(1, 2)
        columns = left[..., None, None] == _first(across, width, before, device)
        parts = gradient.view(batch, channels, windows, k, across).permute(0, 2, 3, 1, 4)
        spread = parts.flatten(2, 3) @ columns.to(gradient.dtype)
        spread = spread.view(batch, windows * k, channels * width)
        found = (rows.mT @ spread).view(batch, *stack, height, channels, width)
        return found.movedim(-2, 1), *[None] * 9
