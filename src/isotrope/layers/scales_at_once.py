"""Choices among the responses of scaled kernels, in few large operations.

The forms for a GPU of what `isotrope.layers.scaled_pooling` computes size by size. Scales are
treated in ranges, as many at once as the memory holds and at least `_RANGES`, because a range
computes as many positions for all of its scales. Responses lack the bias; where no kernel fits they
are minus infinity.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import isotrope.layers.scaled_constants as constants
from isotrope.layers.forms import few_launches, numbers_at_once
from isotrope.layers.scaled_constants import Kernels, Site
from isotrope.layers.scaled_products import Scales, few_channels, responses

_RANGES = 3

Gradients = tuple[Tensor | None, ...]


def suits(images: Tensor) -> bool:
    """Whether scales shall be treated so. `torch.compile` has no rule for these functions."""
    return few_launches(images) and not torch.compiler.is_compiling()


def largest_responses(kernels: Kernels, images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The largest response at each position over the kernels that fit there, and its scale.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        weights: ``(out_channels, in_channels, k, k)``
        outputs: ``(batch, out_channels, height - k + 1, width - k + 1)``; the second int16
    """
    numbers = numbers_at_once(images, 1)
    run: Any = _Largest
    found = run.apply(images[None], weights[None], kernels, numbers)
    values, scales = (some[0].transpose(0, 1) for some in found)
    return values, scales


def chosen_responses(kernels: Kernels, images: Tensor, weights: Tensor, scales: Tensor) -> Tensor:
    """The responses at one scale for each image and channel.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        weights: ``(out_channels, in_channels, k, k)``
        scales: ``(batch, out_channels)`` int64
        output: ``(batch, out_channels, height - k + 1, width - k + 1)``
    """
    run: Any = _Chosen
    numbers = numbers_at_once(images, 1)
    found: Tensor = run.apply(images[None], weights[None], scales.T[None], kernels, numbers)
    return found[0].transpose(0, 1)


def every_response(kernels: Kernels, images: Tensor, weights: Tensor) -> Tensor:
    """The responses at all scales.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        weights: ``(out_channels, in_channels, k, k)``
        output: ``(batch, out_channels, scales, height - k + 1, width - k + 1)``
    """
    run: Any = _Every
    found: Tensor = run.apply(images[None], weights[None], kernels, numbers_at_once(images, 1))
    return found[0].permute(2, 0, 1, 3, 4)


def peaks(kernels: Kernels, images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The largest response at each scale, and its place; without a gradient.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        weights: ``(out_channels, in_channels, k, k)``
        outputs: ``(batch, out_channels, scales)``; the second is ``row * columns + column``
    """
    run: Any = _Peaks
    inputs = (images.detach()[None], weights.detach()[None])
    found = run.apply(*inputs, kernels, numbers_at_once(images, 1))
    values, places = (some[0].permute(2, 0, 1) for some in found)
    return values, places


def mean_squares(kernels: Kernels, images: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """The mean square of the responses with their bias at each scale; without a gradient.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        weights: ``(out_channels, in_channels, k, k)``
        bias: ``(out_channels,)``
        output: ``(batch, out_channels, scales)``
    """
    run: Any = _MeanSquares
    inputs = [some.detach()[None] for some in (images, weights, bias)]
    found: Tensor = run.apply(*inputs, kernels, numbers_at_once(images, 1))
    return found[0].permute(2, 0, 1)


def _inside(maps: Tensor, frame: int) -> Tensor:
    """What a frame leaves of maps ``(..., rows, columns)``."""
    rows, columns = (side - 2 * frame for side in maps.shape[-2:])
    return maps.narrow(-2, frame, rows).narrow(-1, frame, columns)


def _ranges(kernels: Kernels, images: Tensor, weights: Tensor, numbers: int) -> tuple[Scales, ...]:
    """Ranges of scales whose intermediate results have so many numbers for each row."""
    batch, channels, height, width = images.shape[1:]
    rows, outputs = weights.shape[:2]
    if few_channels(kernels, images):
        most = batch * max(len(images) * channels * kernels.smallest**2, rows * outputs)
    else:
        most = rows * outputs * max(channels, batch)
    count = len(kernels.sizes)
    wanted = most * height * width * count
    parts = min(count, max(_RANGES, -(-wanted // (numbers * rows))))
    ends = [count * i // parts for i in range(parts + 1)]
    return tuple(pairwise(ends))


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
    kernels: Kernels,
    numbers: int,
    inputs: Sequence[Tensor],
    gradient: Tensor,
    scales: Tensor,
    of_images: bool,
) -> tuple[Tensor | None, Tensor]:
    """The gradients of images and weights for that of maps whose values are from some scales.

    Shapes:
        gradient: ``(rows, out_channels, batch, height, width)``
        scales: the same, or 1 for height and width
    """
    images, weights = inputs
    way = responses(kernels, images, weights)
    back = [way.order.index(dim) for dim in range(6)]
    for some in _ranges(kernels, images, weights, numbers):
        frame = kernels.frames[some[0]]
        part = _inside(gradient, frame)[:, :, None].permute(way.order)
        chosen = scales if scales.shape[-1] == 1 else _inside(scales, frame)
        ours = constants.scale_numbers(some, scales.dtype, scales.device)
        ours = ours.view([-1 if dim == 2 else 1 for dim in way.order])
        masked = part * (chosen[:, :, None].permute(way.order) == ours)
        way.learn(some, masked.permute(back), of_images)
    return way.gradients()


def _fold(run: Any, info: Any, in_dims: Sequence[int | None], inputs: Sequence[Any]) -> Any:
    """A function's vmap rule: what is mapped becomes rows, which the function has anyway.

    Images that are the same for all rows stay so.
    """
    folded: list[Any] = []
    for place, (dim, value) in enumerate(zip(in_dims, inputs, strict=True)):
        if not isinstance(value, Tensor) or (dim is None and place == 0 and len(value) == 1):
            folded.append(value)
        else:
            mapped = value[None] if dim is None else value.movedim(dim, 0)
            folded.append(mapped.expand(info.batch_size, *mapped.shape[1:]))
    rows = max(value.shape[1] for value in folded[1:] if isinstance(value, Tensor))
    for place, value in enumerate(folded):
        if isinstance(value, Tensor) and not (place == 0 and value is inputs[0]):
            folded[place] = value.expand(-1, rows, *value.shape[2:]).flatten(0, 1)
    found = run.apply(*folded)
    if isinstance(found, Tensor):
        return found.view(info.batch_size, -1, *found.shape[1:]), 0
    found = tuple(some.view(info.batch_size, -1, *some.shape[1:]) for some in found)
    return found, (0,) * len(found)


class _Largest(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor, weights: Tensor, kernels: Kernels, numbers: int
    ) -> tuple[Tensor, Tensor]:
        way = responses(kernels, images, weights)
        largest = scales = images
        for first, end in reversed(_ranges(kernels, images, weights, numbers)):
            found, places = way.maps((first, end)).max(dim=2)
            if end < len(kernels.sizes):
                frame = kernels.frames[end] - kernels.frames[first]
                part, of_part = _inside(found, frame), _inside(places, frame)
                better = largest > part
                of_part.copy_(torch.where(better, scales + (end - first), of_part))
                part.copy_(torch.maximum(largest, part))
            largest, scales = found, places
        return largest, scales.to(torch.int16)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        *tensors, ctx.kernels, ctx.numbers = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*tensors, output[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Any) -> Gradients:
        *inputs, scales = ctx.saved_tensors
        needed = ctx.needs_input_grad[0]
        found = _learn(ctx.kernels, ctx.numbers, inputs, gradient, scales, needed)
        return *found, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Largest, info, in_dims, inputs)


class _Chosen(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor, weights: Tensor, scales: Tensor, kernels: Kernels, numbers: int
    ) -> Tensor:
        way = responses(kernels, images, weights)
        ranges = _ranges(kernels, images, weights, numbers)
        own, within = _in_ranges(scales, ranges)
        chosen = images
        for place, (first, end) in reversed(list(enumerate(ranges))):
            maps = way.maps((first, end))
            at = own[place, :, :, None, :, None, None].expand(-1, -1, -1, -1, *maps.shape[-2:])
            found = maps.gather(2, at)[:, :, 0]
            if end < len(kernels.sizes):
                part = _inside(found, kernels.frames[end] - kernels.frames[first])
                part.copy_(torch.where(within[place, ..., None, None], part, chosen))
            chosen = found
        return chosen

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        *tensors, ctx.kernels, ctx.numbers = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        *inputs, scales = ctx.saved_tensors
        scales, needed = scales[..., None, None], ctx.needs_input_grad[0]
        found = _learn(ctx.kernels, ctx.numbers, inputs, gradient, scales, needed)
        return *found, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Chosen, info, in_dims, inputs)


class _Every(torch.autograd.Function):
    @staticmethod
    def forward(images: Tensor, weights: Tensor, kernels: Kernels, numbers: int) -> Tensor:
        way, maps = responses(kernels, images, weights), []
        for some in _ranges(kernels, images, weights, numbers):
            maps.append(F.pad(way.maps(some), (kernels.frames[some[0]],) * 4))
        return torch.cat(maps, dim=2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        *tensors, ctx.kernels, ctx.numbers = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        kernels, (images, weights) = ctx.kernels, ctx.saved_tensors
        way = responses(kernels, images, weights)
        for first, end in _ranges(kernels, images, weights, ctx.numbers):
            part = _inside(gradient[:, :, first:end], kernels.frames[first])
            way.learn((first, end), part, ctx.needs_input_grad[0])
        return *way.gradients(), None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Every, info, in_dims, inputs)


class _Peaks(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor, weights: Tensor, kernels: Kernels, numbers: int
    ) -> tuple[Tensor, Tensor]:
        way, (height, width) = responses(kernels, images, weights), images.shape[-2:]
        ranges, device = _ranges(kernels, images, weights, numbers), images.device
        found = [way.maps(some).flatten(-2).max(dim=-1) for some in ranges]
        largest, inside = (torch.cat(some, dim=2) for some in zip(*found, strict=True))
        positions = constants.places(kernels, height, width, ranges, device)
        count = len(kernels.sizes)
        scales = constants.scale_numbers((0, count), inside.dtype, device)[:, None]
        return largest, positions[torch.add(inside, scales, alpha=len(positions) // count)]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        del inputs
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_Peaks, info, in_dims, inputs)


class _MeanSquares(torch.autograd.Function):
    @staticmethod
    def forward(
        images: Tensor, weights: Tensor, bias: Tensor, kernels: Kernels, numbers: int
    ) -> Tensor:
        way, (height, width) = responses(kernels, images, weights), images.shape[-2:]
        sums = []
        for some in _ranges(kernels, images, weights, numbers):
            maps = way.maps(some) + bias[:, :, None, None, None, None]
            sums.append(maps.masked_fill(maps.isneginf(), 0).square().sum(dim=(-2, -1)))
        site = Site(images.dtype, images.device)
        areas = constants.areas(kernels, height, width, site)
        return torch.cat(sums, dim=2) / areas[:, None]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del inputs
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Any) -> Any:
        return _fold(_MeanSquares, info, in_dims, inputs)
