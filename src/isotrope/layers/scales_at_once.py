"""Choices among the responses of scaled kernels, in few large operations.

The forms for a GPU of what `isotrope.layers.scaled_pooling` computes size by size. Scales are
treated in ranges, as many at once as the memory holds and at least `_RANGES`, because a range
computes as many positions for all of its scales. Responses lack the bias; where no kernel fits they
are minus infinity.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

import isotrope.layers.scaled_constants as constants
from isotrope.layers.forms import few_launches, numbers_at_once, numbers_of_all_rows
from isotrope.layers.scaled_choice import responses_at
from isotrope.layers.scaled_constants import Kernels, Site
from isotrope.layers.scaled_products import (
    Responses,
    Scales,
    Transformed,
    few_channels,
    filtered,
    responses,
)

_RANGES = 3

Gradients = tuple[Tensor | None, ...]


def suits(images: Tensor) -> bool:
    """Whether scales shall be treated so. `torch.compile` has no rule for these functions."""
    return few_launches(images) and not torch.compiler.is_compiling()


class Seen(NamedTuple):
    """Images, prepared for several looks at the responses of one layer.

    Attributes:
        kernels: the kernels' sizes.
        ranges: of scales, as many as are treated at once.
        images: ``(1, batch, in_channels, height, width)``
        tables: the filtered images of each range, if the memory holds them all, else none.
    """

    kernels: Kernels
    ranges: tuple[Scales, ...]
    images: Tensor
    tables: tuple[Tensor, ...]


def see(kernels: Kernels, images: Tensor, out_channels: int) -> Seen:
    """Prepare images.

    Shapes:
        images: ``(batch, in_channels, height, width)``
    """
    batch, channels, height, width = images.shape
    count, few = len(kernels.sizes), few_channels(kernels, images)
    taps = channels * kernels.smallest**2 + 1 if few else 0
    all_scales = count * height * width
    wanted = (
        out_channels * max(batch, channels) * all_scales / numbers_at_once(images, 1),
        batch * taps * all_scales / numbers_of_all_rows(),
    )
    parts = min(count, max(_RANGES, *map(math.ceil, wanted)))
    ranges = tuple(pairwise(count * part // parts for part in range(parts + 1)))
    seen = Seen(kernels, ranges, images[None], ())
    sides = [height - kernels.smallest + 1, width - kernels.smallest + 1]
    inside = (
        (end - first) * math.prod(side - 2 * kernels.frames[first] for side in sides)
        for first, end in ranges
    )
    fits = batch * taps * sum(inside) <= numbers_of_all_rows()
    if not few or not fits or torch._C._functorch.is_batchedtensor(images):  # no public way
        return seen
    with torch.no_grad():
        return seen._replace(tables=filtered(kernels, seen.images, ranges))


def largest_responses(seen: Seen, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The largest response at each position over the kernels that fit there, and its scale.

    Shapes:
        weights: ``(out_channels, in_channels, k, k)``
        outputs: ``(batch, out_channels, height - k + 1, width - k + 1)``; the second int16
    """
    run: Any = _Largest
    found = run.apply(seen.images, weights[None], seen.kernels, seen.ranges, *seen.tables)
    values, scales = (some.squeeze(0).transpose(0, 1) for some in found)
    return values, scales


def chosen_responses(seen: Seen, weights: Tensor, scales: Tensor) -> Tensor:
    """The responses at one scale for each image and channel.

    Where a kernel does not fit they mean nothing.

    Shapes:
        weights: ``(out_channels, in_channels, k, k)``
        scales: ``(batch, out_channels)`` int64
        output: ``(batch, out_channels, height - k + 1, width - k + 1)``
    """
    run: Any = _Chosen
    inputs = (seen.images, weights[None], scales.T[None])
    found: Tensor = run.apply(*inputs, seen.kernels, seen.ranges, *seen.tables)
    return found.squeeze(0).transpose(0, 1)


def every_response(seen: Seen, weights: Tensor) -> Tensor:
    """The responses at all scales.

    Shapes:
        weights: ``(out_channels, in_channels, k, k)``
        output: ``(batch, out_channels, scales, height - k + 1, width - k + 1)``
    """
    run: Any = _Every
    found: Tensor = run.apply(seen.images, weights[None], seen.kernels, seen.ranges, *seen.tables)
    return found.squeeze(0).permute(2, 0, 1, 3, 4)


def rectified_responses(seen: Seen, weights: Tensor, bias: Tensor) -> Tensor:
    """The responses with their bias at all scales, zeros where they are negative or do not exist.

    Shapes:
        weights: ``(out_channels, in_channels, k, k)``
        bias: ``(out_channels,)``
        output: ``(batch, out_channels, scales, height - k + 1, width - k + 1)``
    """
    run: Any = _Rectified
    inputs = (seen.images, weights[None], bias[None])
    found: Tensor = run.apply(*inputs, seen.kernels, seen.ranges, *seen.tables)
    return found.squeeze(0).permute(2, 0, 1, 3, 4)


def peaks(seen: Seen, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The largest response at each scale, and its place; without a gradient.

    Shapes:
        weights: ``(out_channels, in_channels, k, k)``
        outputs: ``(batch, out_channels, scales)``; the second is ``row * columns + column``
    """
    run: Any = _Peaks
    inputs = (seen.images.detach(), weights.detach()[None])
    found = run.apply(*inputs, seen.kernels, seen.ranges, *seen.tables)
    values, places = (some.squeeze(0).permute(2, 0, 1) for some in found)
    return values, places


def maxima(seen: Seen, weights: Tensor) -> Tensor:
    """The first of `peaks` alone."""
    run: Any = _Maxima
    inputs = (seen.images.detach(), weights.detach()[None])
    found: Tensor = run.apply(*inputs, seen.kernels, seen.ranges, *seen.tables)
    return found.squeeze(0).permute(2, 0, 1)


def mean_squares(seen: Seen, weights: Tensor, bias: Tensor) -> Tensor:
    """The mean square of the responses with their bias at each scale; without a gradient.

    Shapes:
        weights: ``(out_channels, in_channels, k, k)``
        bias: ``(out_channels,)``
        output: ``(batch, out_channels, scales)``
    """
    run: Any = _MeanSquares
    inputs = (seen.images.detach(), weights.detach()[None], bias.detach()[None])
    found: Tensor = run.apply(*inputs, seen.kernels, seen.ranges, *seen.tables)
    return found.squeeze(0).permute(2, 0, 1)


def _inside(maps: Tensor, frame: int) -> Tensor:
    """What a frame leaves of maps ``(..., rows, columns)``."""
    rows, columns = (side - 2 * frame for side in maps.shape[-2:])
    return maps.narrow(-2, frame, rows).narrow(-1, frame, columns)


def _over(reduce: Any, dim: int, maps: Tensor, way: Responses) -> tuple[Tensor, ...]:
    """Maps, or such with their pixels flattened, reduced by torch along a dimension.

    The results lie in memory as the maps do. In the order of its dimensions, in which torch writes
    what it reduces, it would read numbers that lie far apart.
    """
    order = [one for one in way.order if one < maps.ndim]
    found = reduce(maps.permute(order), dim=order.index(dim))
    left = [one for one in order if one != dim]
    back = [left.index(one) for one in range(maps.ndim) if one != dim]
    return tuple(one.permute(back) for one in ([found] if isinstance(found, Tensor) else found))


def _in_ranges(scales: Tensor, ranges: tuple[Scales, ...]) -> tuple[Tensor, Tensor]:
    """Scales within each range, and whether they lie in it or before it.

    Those that lie elsewhere are the nearest that do not.

    Shapes:
        outputs: that of the scales after the number of ranges
    """
    ends = constants.ends(ranges, scales.dtype, scales.device)
    firsts, lasts, counts = ends.view(3, -1, *[1] * scales.ndim)
    return torch.clamp(scales - firsts, min=0).minimum(counts), scales <= lasts


def _learn(
    way: Responses,
    kernels: Kernels,
    ranges: tuple[Scales, ...],
    gradient: Tensor,
    scales: Tensor,
    of_images: bool,
) -> None:
    """Add up gradients for that of maps whose values are from some scales.

    Shapes:
        gradient: ``(rows, out_channels, batch, height, width)``
        scales: the same, or 1 for height and width
    """
    back = [way.order.index(dim) for dim in range(6)]
    gradient = gradient[:, :, None].permute(way.order).contiguous().permute(back)[:, :, 0]
    for some in ranges:
        frame = kernels.frames[some[0]]
        part = _inside(gradient, frame)[:, :, None].permute(way.order)
        chosen = scales if scales.shape[-1] == 1 else _inside(scales, frame)
        ours = constants.scale_numbers(some, scales.dtype, scales.device)
        ours = ours.view([-1 if dim == 2 else 1 for dim in way.order])
        masked = part * (chosen[:, :, None].permute(way.order) == ours)
        way.learn(some, masked.permute(back), of_images)


def _fold(run: Any, info: Any, in_dims: Sequence[int | None], inputs: Sequence[Any]) -> Any:
    """A function's vmap rule: what is mapped becomes rows, which the function has anyway.

    Images that are the same for all rows stay so.
    """
    first = next(place for place, value in enumerate(inputs) if isinstance(value, Kernels))
    mapped: list[Tensor] = []
    for value, dim in zip(inputs[:first], in_dims[:first], strict=True):
        moved = value[None] if dim is None else value.movedim(dim, 0)
        mapped.append(moved.expand(info.batch_size, *moved.shape[1:]))
    rows = max(value.shape[1] for value in mapped)
    folded = [value.expand(-1, rows, *value.shape[2:]).flatten(0, 1) for value in mapped]
    if in_dims[0] is None and len(inputs[0]) == 1:
        folded[0] = inputs[0]
    tables = inputs[first + 2 :] if not any(in_dims[first + 2 :]) else ()
    found = run.apply(*folded, *inputs[first : first + 2], *tables)
    if isinstance(found, Tensor):
        return found.view(info.batch_size, -1, *found.shape[1:]), 0
    found = tuple(some.view(info.batch_size, -1, *some.shape[1:]) for some in found)
    return found, (0,) * len(found)


def _way(
    kernels: Kernels,
    ranges: tuple[Scales, ...],
    images: Tensor,
    weights: Tensor,
    tables: Sequence[Tensor],
) -> Responses:
    """How responses are computed, with tables for all ranges or for none."""
    return responses(kernels, images, weights, dict(zip(ranges, tables, strict=False)))


class _Largest(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor,
        weights: Tensor,
        kernels: Kernels,
        ranges: tuple[Scales, ...],
        *tables: Tensor,
    ) -> tuple[Tensor, Tensor]:
        way = _way(kernels, ranges, images, weights, tables)
        largest = scales = images
        for first, end in reversed(ranges):
            found, places = _over(torch.max, 2, way.maps((first, end)), way)
            chosen = torch.empty_like(places, dtype=torch.int16)
            torch.add(places, first, out=chosen)
            if end < len(kernels.sizes):
                frame = kernels.frames[end] - kernels.frames[first]
                part, of_part = _inside(found, frame), _inside(chosen, frame)
                torch.where(largest > part, scales, of_part, out=of_part)
                torch.maximum(largest, part, out=part)
            largest, scales = found, chosen
        return largest, scales

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        images, weights, ctx.kernels, ctx.ranges, *tables = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(images, weights, output[1], *tables)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Any) -> Gradients:
        images, weights, scales, *tables = ctx.saved_tensors
        way = _way(ctx.kernels, ctx.ranges, images, weights, tables)
        _learn(way, ctx.kernels, ctx.ranges, gradient, scales, ctx.needs_input_grad[0])
        return *way.gradients(), None, None, *[None] * len(tables)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Largest, info, in_dims, inputs)


class _Chosen(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor,
        weights: Tensor,
        scales: Tensor,
        kernels: Kernels,
        ranges: tuple[Scales, ...],
        *tables: Tensor,
    ) -> Tensor:
        way = _way(kernels, ranges, images, weights, tables)
        if isinstance(way, Transformed):
            return responses_at(kernels, images, weights, scales)
        own, before_the_end = _in_ranges(scales, ranges)
        chosen = images
        for place, (first, end) in reversed(list(enumerate(ranges))):
            maps = way.maps((first, end))
            at = own[place, :, :, None, :, None, None].expand(-1, -1, -1, -1, *maps.shape[-2:])
            found = maps.gather(2, at)[:, :, 0]
            if end < len(kernels.sizes):
                part = _inside(found, kernels.frames[end] - kernels.frames[first])
                torch.where(before_the_end[place, ..., None, None], part, chosen, out=part)
            chosen = found
        return chosen

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        images, weights, scales, ctx.kernels, ctx.ranges, *tables = inputs
        ctx.save_for_backward(images, weights, scales, *tables)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        images, weights, scales, *tables = ctx.saved_tensors
        way, scales = (
            _way(ctx.kernels, ctx.ranges, images, weights, tables),
            scales[..., None, None],
        )
        _learn(way, ctx.kernels, ctx.ranges, gradient, scales, ctx.needs_input_grad[0])
        return *way.gradients(), None, None, None, *[None] * len(tables)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Chosen, info, in_dims, inputs)


class _Every(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor,
        weights: Tensor,
        kernels: Kernels,
        ranges: tuple[Scales, ...],
        *tables: Tensor,
    ) -> Tensor:
        way, maps = _way(kernels, ranges, images, weights, tables), []
        for some in ranges:
            maps.append(F.pad(way.maps(some), (kernels.frames[some[0]],) * 4))
        return torch.cat(maps, dim=2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        images, weights, ctx.kernels, ctx.ranges, *tables = inputs
        ctx.save_for_backward(images, weights, *tables)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        images, weights, *tables = ctx.saved_tensors
        way = _way(ctx.kernels, ctx.ranges, images, weights, tables)
        for first, end in ctx.ranges:
            part = _inside(gradient[:, :, first:end], ctx.kernels.frames[first])
            way.learn((first, end), part, ctx.needs_input_grad[0])
        return *way.gradients(), None, None, *[None] * len(tables)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Every, info, in_dims, inputs)


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor,
        weights: Tensor,
        bias: Tensor,
        kernels: Kernels,
        ranges: tuple[Scales, ...],
        *tables: Tensor,
    ) -> Tensor:
        way, (batch, _, *size) = _way(kernels, ranges, images, weights, tables), images.shape[1:]
        sides = [side - kernels.smallest + 1 for side in size]
        found = images.new_zeros(*weights.shape[:2], len(kernels.sizes), batch, *sides)
        for first, end in ranges:
            maps = way.maps((first, end)).add_(bias[:, :, None, None, None, None])
            torch.clamp(maps, min=0, out=_inside(found[:, :, first:end], kernels.frames[first]))
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        images, weights, _, ctx.kernels, ctx.ranges, *tables = inputs
        ctx.save_for_backward(images, weights, output, *tables)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        images, weights, found, *tables = ctx.saved_tensors
        way = _way(ctx.kernels, ctx.ranges, images, weights, tables)
        of_bias = []
        for first, end in ctx.ranges:
            part, values = (
                _inside(one[:, :, first:end], ctx.kernels.frames[first])
                for one in (gradient, found)
            )
            part = part * (values > 0)
            of_bias.append(part.sum(dim=(2, 3, 4, 5)))
            way.learn((first, end), part, ctx.needs_input_grad[0])
        of_maps = way.gradients()
        return *of_maps, torch.stack(of_bias).sum(dim=0), None, None, *[None] * len(tables)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Rectified, info, in_dims, inputs)


class _Peaks(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor,
        weights: Tensor,
        kernels: Kernels,
        ranges: tuple[Scales, ...],
        *tables: Tensor,
    ) -> tuple[Tensor, Tensor]:
        way = _way(kernels, ranges, images, weights, tables)
        found = [_over(torch.max, 4, way.maps(some).flatten(-2), way) for some in ranges]
        largest, inside = (torch.cat(some, dim=2) for some in zip(*found, strict=True))
        positions = constants.places(kernels, images.shape[-2:], ranges, images.device)
        count = len(kernels.sizes)
        scales = constants.scale_numbers((0, count), inside.dtype, images.device)[:, None]
        return largest, positions[torch.add(inside, scales, alpha=len(positions) // count)]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        del inputs
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Peaks, info, in_dims, inputs)


class _Maxima(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor,
        weights: Tensor,
        kernels: Kernels,
        ranges: tuple[Scales, ...],
        *tables: Tensor,
    ) -> Tensor:
        way = _way(kernels, ranges, images, weights, tables)
        found = [_over(torch.amax, 4, way.maps(some).flatten(-2), way)[0] for some in ranges]
        return torch.cat(found, dim=2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del inputs
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Maxima, info, in_dims, inputs)


class _MeanSquares(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor,
        weights: Tensor,
        bias: Tensor,
        kernels: Kernels,
        ranges: tuple[Scales, ...],
        *tables: Tensor,
    ) -> Tensor:
        norms: list[Tensor] = []
        way = _way(kernels, ranges, images, weights, tables)
        for some in ranges:  # maps are large: each look at one counts
            maps = way.maps(some).add_(bias[:, :, None, None, None, None])
            maps.nan_to_num_(nan=math.nan, posinf=math.inf, neginf=0)
            norms += _over(torch.linalg.vector_norm, 4, maps.flatten(-2), way)
        site = Site(images.dtype, images.device)
        areas = constants.areas(kernels, images.shape[-2:], site)
        return torch.cat(norms, dim=2).square() / areas[:, None]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del inputs
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_MeanSquares, info, in_dims, inputs)
