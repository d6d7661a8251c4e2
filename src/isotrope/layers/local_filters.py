"""Correlation with a filter of its own at every pixel, shared by the channels of a group.

The maps are never unfolded: each tap adds a slice of them times its weights. On a CPU as many
images are treated at a time as the cache holds.
"""

from typing import Any

import torch
from torch import Tensor

from isotrope.layers.forms import numbers_at_once

IN_CACHE = 2**17  # numbers


def locally_filtered(bordered: Tensor, weights: Tensor, size: int, stride: int = 1) -> Tensor:
    """Maps filtered with the weights of each pixel.

    Halved numbers are summed in float32.

    Shapes:
        bordered: ``(batch, channels, stride * (rows - 1) + size, stride * (columns - 1) + size)``
            or larger: the maps with their border
        weights: ``(batch, groups, size**2, rows, columns)``, taps row by row; channel ``c`` takes
            those of group ``c * groups // channels``
        output: ``(batch, channels, rows, columns)``, of the dtype of the maps

    Args:
        bordered: what is filtered.
        weights: of the filters.
        size: of the filters, in pixels.
        stride: distance of the pixels that have filters.
    """
    if torch.compiler.is_compiling():  # which makes one loop of these
        maps, total = _grouped(bordered, weights), None
        for tap in range(size**2):
            one = _seen(maps, tap, weights, size, stride) * weights[:, :, tap, None]
            total = one if total is None else total + one
        found = maps if total is None else total
        return found.flatten(1, 2).to(bordered.dtype)
    run: Any = _LocalFilters
    filtered: Tensor = run.apply(bordered, weights, size, stride)
    return filtered


def _grouped(maps: Tensor, weights: Tensor) -> Tensor:
    return maps.reshape(len(maps), weights.shape[1], -1, *maps.shape[-2:])


def _seen(maps: Tensor, tap: int, weights: Tensor, size: int, stride: int) -> Tensor:
    """What a tap reads for every pixel."""
    top, left = divmod(tap, size)
    rows, columns = weights.shape[-2:]
    down = slice(top, top + stride * (rows - 1) + 1, stride)
    return maps[..., down, left : left + stride * (columns - 1) + 1 : stride]


def _at_a_time(maps: Tensor) -> int:
    return max(1, numbers_at_once(maps, on_a_cpu=IN_CACHE) // max(1, maps[0].numel()))


class _LocalFilters(torch.autograd.Function):
    """`locally_filtered`, keeping the maps and the weights for the gradient and nothing else."""

    @staticmethod
    def forward(bordered: Tensor, weights: Tensor, size: int, stride: int) -> Tensor:
        exact = torch.promote_types(bordered.dtype, torch.float32)
        maps, images = _grouped(bordered, weights), _at_a_time(bordered)
        found = bordered.new_zeros((*maps.shape[:3], *weights.shape[-2:]), dtype=exact)
        for first in range(0, len(maps), images):
            into, some, these = (one[first : first + images] for one in (found, maps, weights))
            for tap in range(size**2):
                into.addcmul_(_seen(some, tap, these, size, stride), these[:, :, tap, None])
        return found.flatten(1, 2).to(bordered.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        *tensors, ctx.size, ctx.stride = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        bordered, weights = ctx.saved_tensors
        images = _at_a_time(bordered)
        exact = torch.promote_types(bordered.dtype, torch.float32)
        maps, gradient = (_grouped(one, weights) for one in (bordered, gradient))
        of_maps, of_weights = torch.zeros_like(maps, dtype=exact), torch.zeros_like(weights)
        tensors = (maps, weights, gradient, of_maps, of_weights)
        for first in range(0, len(maps), images):
            some, these, arriving, to_maps, to_weights = (
                one[first : first + images] for one in tensors
            )
            for tap in range(ctx.size**2):
                weighed, seen = (
                    _seen(one, tap, these, ctx.size, ctx.stride) for one in (to_maps, some)
                )
                weighed.addcmul_(arriving, these[:, :, tap, None])
                to_weights[:, :, tap] = (arriving * seen).sum(dim=2, dtype=exact)
        return of_maps.flatten(1, 2).to(bordered.dtype), of_weights, None, None

    @staticmethod
    def vmap(
        info: Any,
        axes: tuple[int | None, ...],
        bordered: Tensor,
        weights: Tensor,
        *settings: int,
    ) -> tuple[Tensor, int]:
        run: Any = _LocalFilters
        found = run.apply(
            *(
                (
                    one.expand(info.batch_size, *one.shape)
                    if axis is None
                    else one.movedim(axis, 0)
                ).flatten(0, 1)
                for one, axis in ((bordered, axes[0]), (weights, axes[1]))
            ),
            *settings,
        )
        return found.unflatten(0, (info.batch_size, -1)), 0
