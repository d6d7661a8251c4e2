"""Samples about many centres of an image at once, a piece of the centres at a time.

A sample is a weighted sum of a few pixels whose offsets from the centre are the same for every
centre. Here a pixel is a row with all channels of all images, so that a sample is a sum of rows:
one operation for all samples of a piece. So is the gradient, which reads the same table the other
way round and needs neither sorting nor sums in random order.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.constants import made_once
from isotrope.layers.forms import numbers_at_once
from isotrope.layers.log_polar_bank import Bank
from isotrope.layers.log_polar_sampling import smoothed_images

Integers = NDArray[np.int64]
_ON_A_CPU = 2**23  # numbers that a piece may hold
_KEPT = 16  # times as many may be kept for the gradient


class Piece(NamedTuple):
    """Some images, and some rows of their centres."""

    first: int
    last: int
    top: int
    bottom: int


class CentreSamples:
    """Log-polar samples about a lattice of centres in images of one size.

    The centres lie evenly about the centre of the image. Beyond the image are zeros.

    Args:
        bank: what is read from the pixels for each sample.
        size: height and width of the images.
        stride: pixels from one centre to the next along both axes.
        trim: pixels at each side that are no centres; none, if nothing would be left.
        repeated: how many of the first angles follow after the last, for convolutions that go
            round.

    Attributes:
        rows, columns: of the lattice.
    """

    def __init__(
        self,
        bank: Bank,
        size: tuple[int, int],
        *,
        stride: int = 1,
        trim: int = 0,
        repeated: int = 0,
    ) -> None:
        self.bank = bank
        self.size = size
        self.stride = stride
        self.repeated = repeated
        self.starts = [_first(side, stride, trim)[0] for side in size]
        self.rows, self.columns = (_first(side, stride, trim)[1] for side in size)

    @property
    def shape(self) -> tuple[int, int]:
        """Radii and angles of what is sampled about a centre."""
        return self.bank.grid.rows, self.bank.grid.num_angles + self.repeated

    def pieces(self, like: Tensor, numbers: int, layers: int) -> list[Piece]:
        """The pieces in which all centres of a batch are treated.

        Args:
            like: the images.
            numbers: how many numbers are held for a centre.
            layers: how many layers of the network share the memory for gradients.
        """
        batch, least = len(like), numbers_at_once(like, _ON_A_CPU)
        of_image = numbers * self.rows * self.columns
        if of_image * batch <= least * _KEPT // layers:
            return [Piece(0, batch, 0, self.rows)]
        images = min(batch, max(1, least // of_image))
        rows = self.rows
        if images == 1:
            rows = min(rows, max(1, least // (numbers * self.columns)))
        return [
            Piece(first, min(batch, first + images), top, min(self.rows, top + rows))
            for first in range(0, batch, images)
            for top in range(0, self.rows, rows)
        ]

    def of(self, piece: Piece, images: Tensor) -> Tensor:
        """The samples about the centres of a piece.

        Shapes:
            images: ``(batch, channels, height, width)``
            output: ``(centres, channels, radii, angles)``, the centres image by image and row by
                row; a channel's neighbour is the next one in memory
        """
        seen = images[piece.first : piece.last]
        source = F.pad(smoothed_images(seen, self.bank), self._around(piece))
        pixels = source.permute(0, 3, 4, 1, 2).flatten(3).flatten(0, 2)
        lattice = (piece.bottom - piece.top, self.columns, self.stride, self.repeated)
        run: Any = _Sums
        found: Tensor = run.apply(pixels, *_table(self.bank, lattice, pixels.dtype, images.device))
        found = found.view(-1, *self.shape, len(seen), images.shape[1])
        return found.permute(3, 0, 1, 2, 4).flatten(0, 1).permute(0, 3, 1, 2)

    def _around(self, piece: Piece) -> tuple[int, int, int, int]:
        """What is added to smoothed images, or taken off, so that they hold what a piece reads."""
        edges: list[int] = []
        ranges = ((0, self.columns), (piece.top, piece.bottom))
        for start, side, (first, end) in zip(
            self.starts[::-1], self.size[::-1], ranges, strict=True
        ):
            low = start + first * self.stride - self.bank.reach + self.bank.margin
            high = start + (end - 1) * self.stride + self.bank.reach + 1 + self.bank.margin
            edges += [-low, high - side - 2 * self.bank.margin]
        return edges[0], edges[1], edges[2], edges[3]

    def sums(self, like: Tensor) -> Tensor:
        """What each sample of an image of ones is, ``(radii, angles)``, with those repeated."""
        return _sums(self.bank, self.repeated, like.dtype, like.device)


def _first(side: int, stride: int, trim: int) -> tuple[int, int]:
    """The first of evenly spaced centres along an axis, and how many there are."""
    left = side - 2 * trim
    if left <= 0:
        left, trim = side, 0
    count = (left - 1) // stride + 1
    return trim + (left - 1 - (count - 1) * stride) // 2, count


@made_once
def _sums(bank: Bank, repeated: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    angles = np.arange(bank.grid.num_angles + repeated) % bank.grid.num_angles
    return torch.tensor(bank.sums[:, angles], dtype=dtype, device=device)


@made_once
def _table(
    bank: Bank,
    lattice: tuple[int, int, int, int],
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[Tensor, ...]:
    """Which pixels each sample sums with which weights, and the same transposed.

    Args:
        bank: as of `CentreSamples`.
        lattice: rows and columns of centres, the stride, how many angles are repeated.
        dtype, device: of the images.

    Returns:
        Pixels, first entry of each sample, weights; samples, first entry of each pixel, weights.
    """
    rows, columns, stride, repeated = lattice
    reach, grid = bank.reach, bank.grid
    height, width = ((count - 1) * stride + 2 * reach + 1 for count in (rows, columns))
    angles = np.arange(grid.num_angles + repeated) % grid.num_angles
    points = (np.arange(grid.rows)[:, None] * grid.num_angles + angles).ravel()
    taps = np.concatenate([np.arange(bank.starts[n], bank.starts[n + 1]) for n in points])
    counts = np.diff(bank.starts)[points]
    level = np.repeat(bank.levels[points // grid.num_angles], counts)
    offset = (level * height + bank.down[taps] + reach) * width + bank.across[taps] + reach
    centres = (np.arange(rows)[:, None] * width + np.arange(columns)).ravel() * stride
    pixels = (centres[:, None] + offset).ravel()
    samples = np.repeat(np.arange(len(centres) * len(points)), np.tile(counts, len(centres)))
    weights = np.tile(bank.weights[taps], len(centres))
    order = np.argsort(pixels, kind="stable")
    every = len(bank.smoothing) * height * width
    return (
        _whole(pixels, device),
        _whole(_firsts(samples, len(centres) * len(points)), device),
        torch.tensor(weights, dtype=dtype, device=device),
        _whole(samples[order], device),
        _whole(_firsts(pixels[order], every), device),
        torch.tensor(weights[order], dtype=dtype, device=device),
    )


def _firsts(sorted_rows: Integers, count: int) -> Integers:
    return np.searchsorted(sorted_rows, np.arange(count))


def _whole(numbers: Integers, device: torch.device) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32, device=device)


class _Sums(torch.autograd.Function):
    """Weighted sums of rows by a table; its gradient is the same by the transposed table."""

    @staticmethod
    def forward(
        rows: Tensor,
        index: Tensor,
        firsts: Tensor,
        weights: Tensor,
        back: Tensor,
        back_firsts: Tensor,
        back_weights: Tensor,
    ) -> Tensor:
        del back, back_firsts, back_weights
        return F.embedding_bag(index, rows, firsts, mode="sum", per_sample_weights=weights)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        del output
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        table = ctx.saved_tensors
        run: Any = _Sums
        found = run.apply(gradient.contiguous(), *table[3:], *table[:3])
        return (found, *[None] * 6)

    @staticmethod
    def vmap(
        info: Any, axes: Sequence[int | None], rows: Tensor, *table: Tensor
    ) -> tuple[Tensor, int | None]:
        run: Any = _Sums
        del info
        if axes[0] is None:
            return run.apply(rows, *table), None
        side_by_side = rows.movedim(axes[0], 1)
        found = run.apply(side_by_side.flatten(1), *table)
        return found.unflatten(1, side_by_side.shape[1:]).movedim(1, 0), 0
