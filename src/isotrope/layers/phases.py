"""Which phase of maps is taken, taking it, and putting it back to its place.

Maps that are kept at every ``stride``-th row and column begin at one of ``stride**2`` places: their
phases. A roll of the maps permutes the phases and rolls them, so that a choice that follows the
permutation follows the roll. Along an axis that the stride does not divide a roll mixes phases.
There the candidates begin at every position, and go around the edge:
``candidate_k[i] = maps[(k + stride * i) % side]`` for ``i < ceil(side / stride)``. A roll by one
then makes candidate ``k + 1`` of candidate ``k``, unchanged.

Neither a choice nor its gradient sorts or scatters, and none reads a tensor's value on the host.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from isotrope.layers.constants import made_once
from isotrope.layers.phase_mixtures import mixture, phase_grid, phase_views, spread, widened


class Selection(NamedTuple):
    """Which phase is taken, or what each phase weighs; one for all channels of a sample.

    Phases are numbered row by row: ``k = stride * row + column``. Along an axis that the stride
    does not divide there are as many candidates as positions.

    Shapes:
        logits: ``(batch, phases)``, what was compared; float32 or float64
        weights: ``(batch, phases)``, None where one phase is chosen
        index: ``(batch,)`` int64, None where phases are mixed
    """

    logits: Tensor
    weights: Tensor | None
    index: Tensor | None  # type: ignore[assignment]  # a tuple has a method of that name


def phases(maps: Tensor, stride: int) -> Tensor:
    """All candidates, row by row.

    Shapes:
        maps: ``(batch, channels, height, width)``
        output: ``(batch, phases, channels, ceil(height / stride), ceil(width / stride))``; there
            are ``stride**2`` of them where the stride divides both sides, and as many candidates as
            positions along a side that it does not divide
    """
    return torch.stack(phase_views(maps, stride), dim=1)


def taken(maps: Tensor, selection: Selection, stride: int) -> Tensor:
    """The selected candidate of each sample, or the mixture that was selected.

    What is not selected is not copied, and of a mixture only the sum is held.

    Shapes:
        maps: ``(batch, channels, height, width)``
        output: ``(batch, channels, ceil(height / stride), ceil(width / stride))``

    Raises:
        ValueError: if the selection is of another number of candidates than the maps have.
    """
    _check(selection, maps.shape[-2:], stride)
    if selection.weights is not None:
        return mixture(maps, selection.weights, stride)
    if selection.index is None:
        raise ValueError("a selection has weights or an index, this one has neither")
    if torch.compiler.is_compiling():
        return _pick(maps, selection.index, stride)
    run: Any = _Picked
    found: Tensor = run.apply(maps, selection.index, stride)
    return found


def placed(maps: Tensor, selection: Selection, size: Sequence[int], stride: int) -> Tensor:
    """Maps of a full size that hold small ones where they were taken, and zeros elsewhere.

    A mixture is put to every place, each with its weight.

    Shapes:
        maps: ``(batch, channels, ceil(size[0] / stride), ceil(size[1] / stride))``
        output: ``(batch, channels, *size)``

    Raises:
        ValueError: if the selection or the maps are not those of such a size.
    """
    _check(selection, size, stride)
    expected = [-(-side // stride) for side in size]
    if list(maps.shape[-2:]) != expected:
        raise ValueError(
            f"{size[0]} x {size[1]} pixels at stride {stride} were {expected[0]} x {expected[1]}, "
            f"got maps of {maps.shape[-2]} x {maps.shape[-1]}"
        )
    height, width = size
    if selection.weights is not None:
        return spread(maps, selection.weights, height, width, stride)
    if selection.index is None:
        raise ValueError("a selection has weights or an index, this one has neither")
    if torch.compiler.is_compiling():
        return _put(maps, selection.index, height, width, stride)
    run: Any = _Put
    found: Tensor = run.apply(maps, selection.index, height, width, stride)
    return found


def _check(selection: Selection, size: Sequence[int], stride: int) -> None:
    rows, columns = phase_grid(size[-2], size[-1], stride)
    given = selection.logits.shape[-1]
    if given != rows * columns:
        raise ValueError(
            f"maps of {size[-2]} x {size[-1]} pixels have {rows} x {columns} candidates at stride "
            f"{stride}, the selection is of {given}"
        )


@made_once
def _numbers(end: int, device: torch.device) -> Tensor:
    return torch.arange(end, device=device)


def _pick(maps: Tensor, index: Tensor, stride: int) -> Tensor:
    batch, channels, height, width = maps.shape
    rows, columns = phase_grid(height, width, stride)
    row, column = index // columns, index % columns
    samples = _numbers(batch, maps.device)
    if rows == columns == stride:
        split = maps.reshape(batch, channels, height // stride, stride, width // stride, stride)
        return split.permute(0, 3, 5, 1, 2, 4)[samples, row, column]
    down = (row[:, None] + stride * _numbers(-(-height // stride), maps.device)) % height
    right = (column[:, None] + stride * _numbers(-(-width // stride), maps.device)) % width
    return _at(maps, down, right)


def _at(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Each sample at its own rows and columns."""
    samples = _numbers(maps.shape[0], maps.device)[:, None, None, None]
    channels = _numbers(maps.shape[1], maps.device)[:, None, None]
    return maps[samples, channels, rows[:, None, :, None], columns[:, None, None, :]]


def _put(maps: Tensor, index: Tensor, height: int, width: int, stride: int) -> Tensor:
    rows, columns = phase_grid(height, width, stride)
    if rows == columns == stride:
        chosen = index[:, None] == _numbers(stride**2, maps.device)
        chosen = chosen.view(-1, 1, 1, stride, 1, stride)
        chosen = chosen.expand(-1, -1, -1, -1, width // stride, -1).flatten(-2)
        full = torch.where(chosen, widened(maps, stride)[:, :, :, None], 0)
        return full.reshape(*maps.shape[:2], height, width)
    # how far each position lies behind the first one that was taken
    down = (_numbers(height, maps.device) - (index // columns)[:, None]) % height
    right = (_numbers(width, maps.device) - (index % columns)[:, None]) % width
    known = ((down % stride) == 0)[:, None, :, None] & ((right % stride) == 0)[:, None, None, :]
    return torch.where(known, _at(maps, down // stride, right // stride), 0)


class _Picked(torch.autograd.Function):
    """One candidate, whose gradient is put to its place and nothing is added up."""

    generate_vmap_rule = True

    @staticmethod
    def forward(maps: Tensor, index: Tensor, stride: int) -> Tensor:
        return _pick(maps, index, stride)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        maps, index, ctx.stride = inputs
        ctx.size = maps.shape[-2:]
        ctx.save_for_backward(index)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (index,) = ctx.saved_tensors
        run: Any = _Put
        return run.apply(gradient, index, *ctx.size, ctx.stride), None, None


class _Put(torch.autograd.Function):
    """The transpose of `_Picked`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(maps: Tensor, index: Tensor, height: int, width: int, stride: int) -> Tensor:
        return _put(maps, index, height, width, stride)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        del output
        _, index, *_, ctx.stride = inputs
        ctx.save_for_backward(index)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (index,) = ctx.saved_tensors
        run: Any = _Picked
        return run.apply(gradient, index, ctx.stride), None, None, None, None
