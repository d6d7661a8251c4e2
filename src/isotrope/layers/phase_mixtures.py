"""Mixtures of the phases of maps, and their transposes, of which nothing but the sum is held.

Where the stride divides the sides, phases are views. Along a side that it does not divide there is
a candidate at each position, and mixtures are products with matrices as large as all candidates of
one channel. Gradients neither sort nor scatter. Under `torch.autocast` mixtures keep the type of
the maps, as what they are mixed of does. `phases` says what phases are.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.autocasting import without_autocast
from isotrope.layers.constants import made_once
from isotrope.layers.forms import few_launches

NARROW = 48  # columns of maps


def phase_grid(height: int, width: int, stride: int) -> tuple[int, int]:
    """Rows and columns of the candidates' first positions; their product is their number."""
    rows, columns = (side if side % stride else stride for side in (height, width))
    return rows, columns


def around(maps: Tensor, rows: int, columns: int, stride: int) -> Tensor:
    """Maps that go on around the edge along the sides with a candidate at each position."""
    if rows == maps.shape[-2] != stride:
        maps = torch.cat((maps, maps[..., :-1, :]), dim=-2)
    if columns == maps.shape[-1] != stride:
        maps = torch.cat((maps, maps[..., :-1]), dim=-1)
    return maps


def phase_views(maps: Tensor, stride: int) -> list[Tensor]:
    """Each candidate; a view of the maps where the stride divides their sides."""
    height, width = maps.shape[-2:]
    rows, columns = phase_grid(height, width, stride)
    maps = around(maps, rows, columns, stride)
    down, right = (stride * ((side - 1) // stride) + 1 for side in (height, width))
    return [
        maps[..., row : row + down : stride, column : column + right : stride]
        for row in range(rows)
        for column in range(columns)
    ]


def mixture(maps: Tensor, weights: Tensor, stride: int) -> Tensor:
    """The sum of all candidates with their weights.

    Shapes:
        maps: ``(batch, channels, height, width)``
        weights: ``(batch, phases)``
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``
    """
    rows, columns = phase_grid(maps.shape[-2], maps.shape[-1], stride)
    if rows == columns == stride:
        if torch.compiler.is_compiling():
            return _mix(maps, weights, stride)
        run: Any = _Mixed
        found: Tensor = run.apply(maps, weights, stride, False)
        return found
    height, width = maps.shape[-2:]
    matrices = _matrices(weights.to(maps.dtype), height, width, stride)
    with without_autocast(maps.device.type):
        found = maps.flatten(2) @ matrices
    return found.view(*maps.shape[:2], -(-height // stride), -(-width // stride))


def spread(maps: Tensor, weights: Tensor, height: int, width: int, stride: int) -> Tensor:
    """Maps put to the place of every candidate with its weight: the transpose of `mixture`.

    Shapes:
        maps: ``(batch, channels, ceil(height / stride), ceil(width / stride))``
        weights: ``(batch, phases)``
        output: ``(batch, channels, height, width)``
    """
    rows, columns = phase_grid(height, width, stride)
    if rows == columns == stride:
        if torch.compiler.is_compiling():
            return _weigh(maps, weights, stride)
        run: Any = _Mixed
        found: Tensor = run.apply(maps, weights, stride, True)
        return found
    matrices = _matrices(weights.to(maps.dtype), height, width, stride)
    with without_autocast(maps.device.type):
        return (maps.flatten(2) @ matrices.mT).view(*maps.shape[:2], height, width)


def _matrices(weights: Tensor, height: int, width: int, stride: int) -> Tensor:
    """What each position adds to each of a mixture: ``(batch, height * width, rows * columns)``."""
    rows, columns = phase_grid(height, width, stride)
    first = weights.view(-1, rows, columns)
    first = F.pad(first, (0, width - columns, 0, height - rows))
    below = [first.roll(stride * row, -2) for row in range(-(-height // stride))]
    found = torch.stack(below, dim=2)
    right = [found.roll(stride * column, -1) for column in range(-(-width // stride))]
    return torch.stack(right, dim=4).transpose(2, 3).flatten(3).flatten(1, 2)


def _mix(maps: Tensor, weights: Tensor, stride: int) -> Tensor:
    if _as_products(maps, maps.shape[-1]):
        batch, channels, height, width = maps.shape
        strips = maps.reshape(batch, channels * height // stride, stride * width)
        bands = _bands(weights.to(maps.dtype), stride, width // stride)
        with without_autocast(maps.device.type):
            found = strips @ bands
        return found.view(batch, channels, height // stride, width // stride)
    of_phase = weights.to(maps.dtype)[..., None, None, None].unbind(1)
    first, *rest = zip(phase_views(maps, stride), of_phase, strict=True)
    total = first[0] * first[1]
    for view, weight in rest:
        total = torch.addcmul(total, view, weight)
    return total


def _weigh(maps: Tensor, weights: Tensor, stride: int) -> Tensor:
    if _as_products(maps, stride * maps.shape[-1]):
        batch, channels, rows, columns = maps.shape
        bands = _bands(weights.to(maps.dtype), stride, columns)
        with without_autocast(maps.device.type):
            full = maps.reshape(batch, channels * rows, columns) @ bands.mT
        return full.view(batch, channels, stride * rows, stride * columns)
    of_pixel = weights.to(maps.dtype).view(-1, 1, 1, stride, 1, stride)
    of_pixel = of_pixel.expand(-1, -1, -1, -1, maps.shape[-1], -1).flatten(-2)
    full = widened(maps, stride)[:, :, :, None] * of_pixel
    return full.reshape(*maps.shape[:2], stride * maps.shape[-2], stride * maps.shape[-1])


def _as_products(maps: Tensor, width: int) -> bool:
    """Whether products with banded matrices beat sums of views: on a CPU, for few columns."""
    return width <= NARROW and not few_launches(maps) and not torch.compiler.is_compiling()


def _bands(weights: Tensor, stride: int, columns: int) -> Tensor:
    """What each pixel of ``stride`` rows adds to each column of a mixture.

    Shape ``(batch, stride * stride * columns, columns)``.
    """
    of_phases = weights.view(-1, stride, 1, stride, 1)
    diagonal = _identity(columns, weights.dtype, weights.device)[:, None]
    return (of_phases * diagonal).view(-1, stride * stride * columns, columns)


@made_once
def _identity(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.eye(size, dtype=dtype, device=device)


def widened(maps: Tensor, stride: int) -> Tensor:
    """Each column so many times."""
    return maps[..., None].expand(*maps.shape, stride).flatten(-2)


def _products(maps: Tensor, small: Tensor, stride: int, dtype: torch.dtype) -> Tensor:
    """The sums of products of small maps with each phase of large ones: ``(batch, phases)``."""
    if _as_products(maps, maps.shape[-1]) and maps.dtype == dtype:
        batch, channels, rows, columns = small.shape
        strips = maps.reshape(batch, channels * rows, stride * maps.shape[-1])
        with without_autocast(maps.device.type):
            found = strips.mT @ small.reshape(batch, channels * rows, columns)
        of_pairs = found.view(batch, stride, columns, stride, columns)
        return of_pairs.diagonal(dim1=2, dim2=4).sum(dim=-1).flatten(1)
    views = phase_views(maps, stride)
    return torch.stack([(small * view).sum(dim=(1, 2, 3), dtype=dtype) for view in views], dim=1)


class _Mixed(torch.autograd.Function):
    """A mixture of phases that are views, or what is its transpose in the maps."""

    generate_vmap_rule = True

    @staticmethod
    def forward(maps: Tensor, weights: Tensor, stride: int, transposed: bool) -> Tensor:
        return (_weigh if transposed else _mix)(maps, weights, stride)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        maps, weights, ctx.stride, ctx.transposed = inputs
        ctx.save_for_backward(maps, weights)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, weights = ctx.saved_tensors
        of_maps = of_weights = None
        if ctx.needs_input_grad[0]:
            of_maps = (_mix if ctx.transposed else _weigh)(gradient, weights, ctx.stride)
        if ctx.needs_input_grad[1]:
            large, small = (gradient, maps) if ctx.transposed else (maps, gradient)
            of_weights = _products(large, small, ctx.stride, weights.dtype)
        return of_maps, of_weights, None, None
