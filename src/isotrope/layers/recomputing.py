"""A computation piece by piece, whose inner results are computed again for the gradient.

What a network computes for each centre of an image may be far larger than image and answer. In
pieces only one piece's inner results are held at a time, in the forward and in the backward pass.
The price is a second forward pass. Values and gradients are those of one piece up to rounding.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Piece = Callable[..., tuple[Tensor, ...]]


def in_pieces(compute: Piece, count: int, tensors: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """The results of ``compute(piece, *tensors)`` for each piece, joined along their first axis.

    With one piece its inner results are kept for the gradient, with more of them they are not.

    Args:
        compute: gives the results of a piece from its number; it must know no tensor but those
            that it is given, and give the same whenever it is called.
        count: number of pieces.
        tensors: what it computes from, or None; those of whole numbers have no gradient.
    """
    if count == 1:
        return compute(0, *tensors)
    run: Any = _InPieces
    found: tuple[Tensor, ...] = run.apply(compute, count, *tensors)
    return found


class _InPieces(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(compute: Piece, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        parts = [compute(piece, *tensors) for piece in range(count)]
        return tuple(torch.cat(of_all) for of_all in zip(*parts, strict=True))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        del output
        ctx.compute, ctx.count, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        tensors: tuple[Tensor, ...] = ctx.saved_tensors
        wanted = [n for n, one in enumerate(ctx.needs_input_grad[2:]) if one]
        total: list[Tensor | None] = [None] * len(tensors)
        starts = [0] * len(gradients)
        for piece in range(ctx.count):

            def recompute(*changing: Tensor, piece: int = piece) -> tuple[Tensor, ...]:
                given = list(tensors)
                for n, one in zip(wanted, changing, strict=True):
                    given[n] = one
                found: tuple[Tensor, ...] = ctx.compute(piece, *given)
                return found

            pulled: Any = torch.func.vjp(recompute, *(tensors[n] for n in wanted))
            found, pull = pulled
            own = []
            for number, (one, gradient) in enumerate(zip(found, gradients, strict=True)):
                own.append(gradient[starts[number] : starts[number] + len(one)])
                starts[number] += len(one)
            for n, one in zip(wanted, pull(tuple(own)), strict=True):
                before = total[n]
                total[n] = one if before is None else before + one
        return (None, None, *total)
