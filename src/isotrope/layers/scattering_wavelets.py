"""Wavelets as the compiled passes of a scattering transform take them."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import isotrope.layers.scattering_kernels as kernels

_LONG = 32  # columns of a coarser grid, from which on its rows are worth a loop

Banks = tuple[Tensor, ...]
Array = NDArray[Any]


class Wavelets(NamedTuple):
    """Some wavelets at one resolution, as the kernels take them.

    Attributes:
        numbers: flat, each twice, divided by ``step**2``; only those that are not zero, even where
            these are `some` of the wavelets those of all.
        starts: first segment of each wavelet.
        segments: where they are not zero.
        step: the distance of the rows and columns that remain.
        grid: rows and columns.
        blocked: whether the columns of each block of spectra are apart.
    """

    numbers: Array
    starts: Array
    segments: Array
    step: int
    grid: tuple[int, int]
    blocked: bool

    @property
    def number(self) -> int:
        """How many they are."""
        return len(self.starts) - 1

    @property
    def coarse(self) -> tuple[int, int]:
        """Rows and columns that remain."""
        return self.grid[0] // self.step, self.grid[1] // self.step

    def arranged(self, spectra: Tensor) -> Tensor:
        """Spectra ``(maps, rows, columns)`` in the order of the segments."""
        if not self.blocked:
            return spectra.contiguous()
        parts = spectra.reshape(*spectra.shape[:-1], self.step, self.coarse[1])
        return parts.transpose(-3, -2).contiguous()

    def in_rows(self, numbers: Tensor) -> Tensor:
        """The other way round: ``(..., rows, columns)`` of what is in their order."""
        rows, columns = self.grid
        if not self.blocked:
            return numbers.reshape(-1, rows, columns)
        parts = numbers.reshape(-1, self.step, rows, self.coarse[1])
        return parts.transpose(-3, -2).reshape(-1, rows, columns)

    def some(self, first: int, last: int) -> "Wavelets":
        """The wavelets from one on and before another."""
        starts = self.starts[first : last + 1]
        segments = self.segments[starts[0] : starts[-1]]
        return self._replace(starts=starts - starts[0], segments=segments)


def prepared(bank: Tensor, step: int, *, trimmed: bool) -> Wavelets:
    """Wavelets of one resolution.

    Args:
        bank: ``(wavelets, rows, columns)``.
        step: every how many rows and columns remain.
        trimmed: whether to leave out what is as good as zero.
    """
    count, rows, columns = bank.shape
    low, wide = rows // step, columns // step
    blocked = step > 1 and wide < _LONG
    found = Wavelets(np.empty(0), np.zeros(count + 1), np.empty(0), step, (rows, columns), blocked)
    bank = bank.detach()
    ordered = found.arranged(bank)
    seen = found.arranged(_used(bank)) if trimmed else torch.ones_like(ordered)
    kept: Array = seen.bool().numpy()
    if blocked:
        parts = kept.reshape(count, step, step, low, wide).any(-1)  # of each block all columns
        used, first, last = _ends(parts)
        one, block, fold = used
        begin = first * wide
        places = (block * rows + fold * low) * wide + begin
        length = (last - first) * wide
    else:
        parts = kept.reshape(count, rows, step, wide)
        used, first, last = _ends(parts)
        one, row, block = used
        begin = (row % low) * wide + first
        places = row * columns + block * wide + first
        length = last - first
    segments = 2 * np.stack((places, begin, length, length.cumsum() - length), axis=1)
    starts = np.searchsorted(one, np.arange(count + 1)).astype(np.int64)
    numbers = np.empty(2 * length.sum(), flat(ordered).dtype)
    found = found._replace(numbers=numbers, starts=starts, segments=segments.astype(np.int64))
    kernels.pack(flat(ordered), starts, found.segments, step**-2, False, numbers)
    return found


def _used(bank: Tensor) -> Tensor:
    """Where wavelets exceed the rounding of their largest number, and next to that.

    On the line across its direction a wavelet is zero, but its gradient is not.
    """
    seen = bank.abs() > bank.abs().max() * torch.finfo(bank.dtype).eps
    for dim in (-2, -1):
        seen = seen | seen.roll(1, dim) | seen.roll(-1, dim)
    return seen


def _ends(seen: Any) -> tuple[tuple[Array, ...], Array, Array]:
    """Where anything is along the last axis, the first place, and the one behind the last."""
    used = np.nonzero(seen.any(-1))
    lines = seen[used]
    return used, lines.argmax(-1), lines.shape[-1] - lines[:, ::-1].argmax(-1)


Known = dict[tuple[int, int], Wavelets]


class Bank:
    """All wavelets of a transform, at the resolutions at which they are used.

    Args:
        banks: `isotrope.layers.scattering_transform.copies`.
        trimmed: whether to leave out what is as good as zero.
        known: those of the same banks that were prepared before; further ones are added.
    """

    def __init__(self, banks: Banks, *, trimmed: bool, known: Known | None = None) -> None:
        self._banks, self._trimmed = banks, trimmed
        self._known: Known = {} if known is None else known
        self._gradients: dict[tuple[int, int], Array] = {}

    def at(self, level: int, scale: int) -> Wavelets:
        """Those of a scale for maps of every ``2**level``-th pixel."""
        known = self._known.get((level, scale))
        if known is None:
            bank = self._banks[level][scale if level == 0 else scale - level - 1]
            known = prepared(bank, 1 << (scale - level), trimmed=self._trimmed)
            self._known[level, scale] = known
        return known

    def gradient(self, level: int, scale: int) -> Array:
        """Of the numbers of those that `at` gives: zeros at first, to which is added."""
        found = self._gradients.get((level, scale))
        if found is None:
            found = self._gradients[level, scale] = np.zeros_like(self.at(level, scale).numbers)
        return found

    def gradients(self) -> list[Tensor]:
        """Of the banks."""
        totals = [torch.zeros_like(bank) for bank in self._banks]
        for (level, scale), numbers in self._gradients.items():
            one, total = self._known[level, scale], totals[level]
            ordered = total.new_zeros(one.number * one.grid[0] * one.grid[1])
            kernels.pack(flat(ordered), one.starts, one.segments, one.step**-2, True, numbers)
            total[scale if level == 0 else scale - level - 1] = one.in_rows(ordered)
        return totals


def flat(tensor: Tensor) -> Array:
    """The numbers of a contiguous tensor, complex ones as pairs, in its own memory."""
    tensor = tensor.detach()
    real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    found: Array = real.view(-1).numpy()
    return found
