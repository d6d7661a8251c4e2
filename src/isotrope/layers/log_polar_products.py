"""The responses of log-polar convolutions that remain after pooling, without ever holding all.

The gradient of a response reaches the taps under its own kernel only, so that what won is kept as
one int16 for each, and the backward pass works on these alone.

A *form* computes both passes; all give the same numbers up to rounding. Each takes a stack of
networks in front: maps and weights have as many rows, and what all rows share is repeated with a
stride of 0. The arguments of both passes:

* ``maps``: ``(stack, levels, batch, in_channels, height, width)``, the smoothed images, zero
  outside
* ``weight``: ``(stack, out_channels, in_channels, kernel_rows, kernel_angles)``, of the same type
* ``job``: bank, centres and pooling
* ``values``, ``gradient``: ``(stack, batch, out_channels, slots, rows, columns)``
* ``winners``: of the same shape, int16: ``row * angles + angle`` of the response that remains

The response of channel o at row t and angle a is the sum over c, i and j of ``weight[o, c, i, j]``
times what the point of radius ``t + i`` and angle ``(a + j) % angles`` sees of channel c.
"""

from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

import isotrope.layers.log_polar_plain as plain
import isotrope.layers.log_polar_stacked as stacked
from isotrope.layers.autocasting import without_autocast
from isotrope.layers.forms import few_launches, numbers_at_once
from isotrope.layers.log_polar_jobs import Job
from isotrope.layers.log_polar_sampling import smoothed_gradient, smoothed_images

_ON_A_CPU = 2**18  # numbers of smoothed images at a time
_IMAGES = 2  # at least, for threads of a CPU


class Form(Protocol):
    """One way to compute both passes."""

    def forward(self, maps: Tensor, weight: Tensor, job: Job) -> tuple[Tensor, Tensor]:
        """Values and winners."""

    def backward(
        self,
        gradient: Tensor,
        winners: Tensor,
        maps: Tensor,
        weight: Tensor,
        job: Job,
        wanted: tuple[bool, bool],
    ) -> tuple[Tensor | None, Tensor | None]:
        """The gradients of maps and weights, each where it is wanted."""


class _Plain(NamedTuple):
    """Small operations of torch, for a CPU's cache."""

    forward: Any = plain.forward
    backward: Any = plain.backward


class _Stacked(NamedTuple):
    """Few large operations, for a GPU."""

    forward: Any = stacked.forward
    backward: Any = stacked.backward


_PLAIN, _STACKED = _Plain(), _Stacked()


def form_for(maps: Tensor, weight: Tensor, job: Job) -> Form:
    """The form that is quickest for such maps."""
    del weight, job
    if few_launches(maps):
        return _STACKED
    if torch.compiler.is_compiling() or maps.dtype not in (torch.float32, torch.float64):
        return _PLAIN
    return _compiled() or _PLAIN


@lru_cache(1)
def _compiled() -> Form | None:
    """The form that numba compiles, where it is installed and the processor is fit for it."""
    try:
        kernels: Any = import_module("isotrope.layers.log_polar_kernels")
    except ImportError:
        return None
    form: Form | None = kernels if kernels.fits_here() else None
    return form


def peaks(images: Tensor, weight: Tensor, job: Job) -> tuple[Tensor, Tensor]:
    """The responses that remain, and their places; for one network.

    Where images are smoothed first, this is done for some at a time, and again for the gradients.
    Under `torch.func.vmap` all rows of the stack are computed at once. Numbers of 16 bits are
    computed with in float32, under autocast too. Gradients of gradients raise a RuntimeError.

    Shapes:
        images: ``(batch, in_channels, height, width)``, zero outside
        weight: ``(out_channels, in_channels, kernel_rows, kernel_angles)``
        outputs: ``(batch, out_channels, slots, rows, columns)``
    """
    run: Any = _Peaks
    if images.dtype.itemsize < 4:
        images, weight = images.float(), weight.float()
    values, winners = run.apply(images[None], weight[None], job)
    return values[0], winners[0]


def _smoothed(images: Tensor, job: Job) -> Iterator[tuple[slice, Tensor]]:
    """Some images at a time, as ``maps``: ``(stack, batch, ...)`` before."""
    bank, (height, width) = job.bank, images.shape[-2:]
    batch = images.shape[1]
    step, shared = max(1, batch), len(images) > 1 and images.stride(0) == 0
    if bank.margin:
        area = (height + 2 * bank.margin) * (width + 2 * bank.margin)
        numbers = len(bank.smoothing) * images.shape[2] * area
        step = max(_IMAGES, numbers_at_once(images, _ON_A_CPU) // numbers)
    for first in range(0, max(1, batch), step):  # of no images none, once
        some = slice(first, first + step)
        maps = smoothed_images(images[: 1 if shared else None, some], bank)
        yield some, maps.expand(len(images), *maps.shape[1:])


class _Peaks(torch.autograd.Function):
    @staticmethod
    def forward(images: Tensor, weight: Tensor, job: Job) -> tuple[Tensor, Tensor]:
        form = form_for(images, weight, job)
        with without_autocast(images.device.type):
            found = [form.forward(maps, weight, job) for _, maps in _smoothed(images, job)]
        if len(found) == 1:
            return found[0]
        values, winners = zip(*found, strict=True)
        return torch.cat(values, dim=1), torch.cat(winners, dim=1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        images, weight, ctx.job = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(images, weight, output[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Any) -> tuple[Tensor | None, ...]:
        images, weight, winners = ctx.saved_tensors
        run: Any = _Gradients
        wanted = (ctx.needs_input_grad[0], ctx.needs_input_grad[1])
        return (*run.apply(gradient, winners, images, weight, ctx.job, wanted), None)

    @staticmethod
    def vmap(
        info: Any, axes: tuple[int | None, ...], images: Tensor, weight: Tensor, job: Job
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        run: Any = _Peaks
        found = run.apply(*_as_one_stack(info.batch_size, axes, images, weight), job)
        values, winners = (one.unflatten(0, (info.batch_size, -1)) for one in found)
        return (values, winners), (0, 0)


def _gradients(
    gradient: Tensor,
    winners: Tensor,
    images: Tensor,
    weight: Tensor,
    job: Job,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    form, (height, width) = form_for(images, weight, job), images.shape[-2:]
    of_images, of_weight = [], None
    for some, maps in _smoothed(images, job):
        part = (gradient[:, some], winners[:, some])
        of_maps, found = form.backward(*part, maps, weight, job, wanted)
        if of_maps is not None:
            of_images.append(smoothed_gradient(of_maps, job.bank, height, width))
        of_weight = found if of_weight is None or found is None else of_weight + found
    return (torch.cat(of_images, dim=1) if of_images else None), of_weight


class _Gradients(torch.autograd.Function):
    @staticmethod
    def forward(
        gradient: Tensor,
        winners: Tensor,
        images: Tensor,
        weight: Tensor,
        job: Job,
        wanted: tuple[bool, bool],
    ) -> tuple[Tensor | None, Tensor | None]:
        with without_autocast(images.device.type):
            return _gradients(gradient, winners, images, weight, job, wanted)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        del ctx, inputs, output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        del ctx, gradients
        raise RuntimeError("log-polar convolutions have no gradients of their gradients")

    @staticmethod
    def vmap(
        info: Any, axes: tuple[int | None, ...], *inputs: Any
    ) -> tuple[tuple[Tensor | None, ...], tuple[int | None, ...]]:
        run: Any = _Gradients
        found = run.apply(*_as_one_stack(info.batch_size, axes, *inputs[:4]), *inputs[4:])
        rows = tuple(
            None if one is None else one.unflatten(0, (info.batch_size, -1)) for one in found
        )
        return rows, tuple(None if one is None else 0 for one in rows)


def _as_one_stack(rows: int, axes: tuple[int | None, ...], *tensors: Tensor) -> list[Tensor]:
    """The stacks of all rows as one."""
    moved = (
        one.expand(rows, *one.shape) if axis is None else one.movedim(axis, 0)
        for one, axis in zip(tensors, axes, strict=False)
    )
    return [one.flatten(0, 1) for one in moved]
