"""Coefficients by compiled passes on a CPU, for `torch.autograd` and `torch.func`.

Networks of a stack are computed one after the other, which suits a cache. Second derivatives are
those of `isotrope.layers.scattering_transform.transformed`.
"""

from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from isotrope.layers.forms import NUMBERS, few_launches, numbers_at_once
from isotrope.layers.recomputing import in_pieces
from isotrope.layers.scattering_transform import Layout, transformed

_EACH = 8  # numbers that operations of torch hold for each of a map

Banks = tuple[Tensor, ...]
Gradients = tuple[Tensor | None, ...]


def coefficients(
    images: Tensor, banks: Banks, layout: Layout, *, trimmed: bool, known: Any = None
) -> Tensor:
    """All coefficients: ``(count, paths, places, places)``.

    Args:
        images: ``(count, height, width)``, float32 or float64.
        banks: `isotrope.layers.scattering_transform.copies`, of the same type.
        layout: what the transform is.
        trimmed: whether what is smaller than the rounding of the largest number of the wavelets may
            be left out, in their gradients, too.
        known: a dict, in which the same banks are kept as the compiled passes take them; or None.
    """
    if not _compiled_fits(images):
        return _in_pieces(images, banks, layout)
    passes = import_module("isotrope.layers.scattering_on_cpu")
    wanted = torch.is_grad_enabled() and any(one.requires_grad for one in (images, *banks))
    if wanted or torch._C._are_functorch_transforms_active():  # no public way
        run: Any = _Scatter
        found: Tensor = run.apply(layout, trimmed, passes.Store(), images, *banks)
    else:
        how = {"trimmed": trimmed, "known": known}
        found = passes.forward(images.detach(), banks, layout, None, **how)
    return found


def _in_pieces(images: Tensor, banks: Banks, layout: Layout) -> Tensor:
    """As operations of torch, as many images at a time as memory is meant to hold."""
    most = numbers_at_once(images, NUMBERS) // (_EACH * layout.numbers_of_an_image())
    if traced() or len(images) <= max(1, most):
        return transformed(images, banks, layout)
    step = max(1, most)

    def piece(number: int, images: Tensor, *banks: Tensor) -> tuple[Tensor, ...]:
        return (transformed(images[number * step : (number + 1) * step], banks, layout),)

    return in_pieces(piece, -(-len(images) // step), (images, *banks))[0]


def traced() -> bool:
    """Whether operations are recorded, so that there are no numbers now."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


def _compiled_fits(images: Tensor) -> bool:
    """Whether there are numbers to compute with, here and now."""
    plain = type(images) in (Tensor, torch.nn.Parameter)
    known = images.dtype in (torch.float32, torch.float64)
    return plain and known and not traced() and not few_launches(images) and images.numel() > 0


class _Scatter(torch.autograd.Function):
    @staticmethod
    def forward(
        layout: Layout, trimmed: bool, store: Any, images: Tensor, *banks: Tensor
    ) -> Tensor:
        passes = import_module("isotrope.layers.scattering_on_cpu")
        found: Tensor = passes.forward(images, banks, layout, store, trimmed=trimmed)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        ctx.layout, ctx.trimmed, ctx.store, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        run: Any = _Back
        images, *banks = ctx.saved_tensors
        wanted = ctx.needs_input_grad[3]
        found = run.apply(ctx.layout, ctx.trimmed, ctx.store, wanted, *gradients, images, *banks)
        of_images = found[0] if wanted else None
        return (None, None, None, of_images, *found[1:])

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        layout: Layout,
        trimmed: bool,
        store: Any,
        *tensors: Tensor,
    ) -> tuple[Tensor, int]:
        run: Any = _Scatter
        if all(dim is None for dim in in_dims[4:]):  # all networks share the wavelets
            images, *banks = tensors
            images = images.movedim(in_dims[3], 0)
            found = run.apply(layout, trimmed, store, images.flatten(0, 1), *banks)
            return found.unflatten(0, images.shape[:2]), 0
        rows = _rows(info.batch_size, in_dims[3:], tensors)
        each = [
            run.apply(layout, trimmed, store.row(number), *row) for number, row in enumerate(rows)
        ]
        return torch.stack(each), 0


class _Back(torch.autograd.Function):
    """The gradients of images and banks; those of images are empty where they are not wanted."""

    @staticmethod
    def forward(
        layout: Layout,
        trimmed: bool,
        store: Any,
        of_images: bool,
        gradient: Tensor,
        images: Tensor,
        *banks: Tensor,
    ) -> tuple[Tensor, ...]:
        passes = import_module("isotrope.layers.scattering_on_cpu")
        first, others = passes.backward(
            gradient, images, banks, layout, store, trimmed=trimmed, of_images=of_images
        )
        return (images.new_empty(0) if first is None else first, *others)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        del output
        ctx.layout, _, _, ctx.of_images, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        given = gradients if ctx.of_images else gradients[1:]
        with torch.enable_grad():
            pull: Any = torch.func.vjp(
                partial(_by_torch, ctx.layout, ctx.of_images), *ctx.saved_tensors
            )
        return (None, None, None, None, *pull[1](given))

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        layout: Layout,
        trimmed: bool,
        store: Any,
        of_images: bool,
        *tensors: Tensor,
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        run: Any = _Back
        rows = _rows(info.batch_size, in_dims[4:], tensors)
        each = [
            run.apply(layout, trimmed, store.row(number), of_images, *row)
            for number, row in enumerate(rows)
        ]
        found = tuple(torch.stack(some) for some in zip(*each, strict=True))
        return found, (0,) * len(found)


def _rows(
    count: int, dims: tuple[Any, ...], tensors: tuple[Tensor, ...]
) -> list[tuple[Tensor, ...]]:
    """The tensors of each network of a stack."""
    return [
        tuple(
            one if dim is None else one.select(dim, number)
            for one, dim in zip(tensors, dims, strict=True)
        )
        for number in range(count)
    ]


def _by_torch(layout: Layout, of_images: bool, gradient: Tensor, *tensors: Tensor) -> Gradients:
    """What `_Back` computes, as operations that can be differentiated."""

    def run(images: Tensor, *banks: Tensor) -> Tensor:
        return transformed(images, banks, layout)

    pull: Any = torch.func.vjp(run, *tensors)
    found: Gradients = pull[1](gradient)
    return found if of_images else found[1:]
