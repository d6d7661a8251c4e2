"""Matrices of scaled kernels that follow from settings and sizes alone, each made once.

A kernel of one size is ``A w A^T`` with one ``size x k`` matrix ``A``, which does not change in
training. What is made of ``A`` and of the sizes of the images is kept here from step to step.
All is computed in float64 on the CPU and rounded once. Positions are those of the framed maps,
which all sizes share, and a range of scales is given by its first one and the one after its last.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from isotrope.geometry import Interpolation, resize_ratios
from isotrope.layers.constants import made_once


class Kernels(NamedTuple):
    """The sizes of a layer's kernels and how they come from the smallest one, in pixels."""

    smallest: int
    sizes: tuple[int, ...]
    interpolation: Interpolation

    @property
    def frames(self) -> list[int]:
        """What the kernels of each size leave free at the border of the maps, in pixels."""
        return [(size - self.smallest) // 2 for size in self.sizes]


class Site(NamedTuple):
    """Where a matrix is used, and in which type."""

    dtype: torch.dtype
    device: torch.device


def _lines(kernels: Kernels) -> Tensor:
    """The matrix ``A`` of each size, centred among zeros: ``(scales, largest size, k)``."""
    k, largest = kernels.smallest, kernels.sizes[-1]
    lines = torch.zeros(len(kernels.sizes), largest, k, dtype=torch.float64, device="cpu")
    for line, size, frame in zip(lines, kernels.sizes, kernels.frames, strict=True):
        numerators, denominator = resize_ratios(k, size, kernels.interpolation)
        rest = kernels.frames[-1] - frame
        line[rest : largest - rest] = numerators.double() * k / (size * denominator)
    return lines


def _windows(kernels: Kernels, length: int) -> Tensor:
    """What a line of an image is multiplied by: ``(scales, k, positions, length)``."""
    k, largest = kernels.smallest, kernels.sizes[-1]
    positions = length - k + 1
    line = torch.arange(length, device="cpu") - torch.arange(positions, device="cpu")[:, None]
    line = line + (largest - k) // 2
    fits = (line >= 0) & (line < largest)
    windows = _lines(kernels)[:, line.clamp(0, largest - 1)] * fits[..., None]
    return windows.permute(0, 3, 1, 2)


def _depths(kernels: Kernels, height: int, width: int) -> Tensor:
    """How many pixels lie between each position of the maps and their border."""
    rows, columns = (
        torch.arange(side - kernels.smallest + 1, device="cpu") for side in (height, width)
    )
    rows, columns = (torch.minimum(line, line.flip(0)) for line in (rows, columns))
    return torch.minimum(rows[:, None], columns)


def _outside(kernels: Kernels, height: int, width: int) -> Tensor:
    """Where the kernels do not fit: ``(scales, rows, columns)``."""
    frames = torch.tensor(kernels.frames, device="cpu")
    return _depths(kernels, height, width) < frames[:, None, None]


@made_once
def bands(kernels: Kernels, length: int, scales: tuple[int, int], site: Site) -> Tensor:
    """The windows of a range of scales inside the frame of the first.

    Shapes:
        output: ``(scales, k * positions, length)``
    """
    first, end = scales
    frame = kernels.frames[first]
    windows = _windows(kernels, length)[first:end]
    return windows[:, :, frame : windows.shape[2] - frame].flatten(1, 2).to(site.device, site.dtype)


@made_once
def taps(kernels: Kernels, length: int, site: Site) -> Tensor:
    """The windows of all scales, to be chosen from: ``(scales * positions, k * length)``."""
    windows = _windows(kernels, length).transpose(1, 2)
    return windows.flatten(0, 1).flatten(1).to(site.device, site.dtype)


@made_once
def boxes(kernels: Kernels, length: int, mean: bool, site: Site) -> Tensor:
    """The sum (or mean) of the windows inside each scale's frame: ``(scales, k, length)``."""
    windows, sums = _windows(kernels, length), []
    for window, frame in zip(windows, kernels.frames, strict=True):
        inside = window[:, frame : window.shape[1] - frame]
        sums.append(inside.mean(dim=1) if mean else inside.sum(dim=1))
    return torch.stack(sums).to(site.device, site.dtype)


@made_once
def areas(kernels: Kernels, size: torch.Size, site: Site) -> Tensor:
    """How many positions lie inside each scale's frame."""
    return (~_outside(kernels, *size)).sum(dim=(1, 2)).to(site.device, site.dtype)


@made_once
def penalties(
    kernels: Kernels, height: int, width: int, scales: tuple[int, int], site: Site
) -> Tensor:
    """Minus infinity where a kernel does not fit, else zero, inside the frame of the first scale.

    Shapes:
        output: ``(scales, rows, columns)``
    """
    first, end = scales
    frame = kernels.frames[first]
    outside = _outside(kernels, height, width)[first:end]
    outside = outside[:, frame : outside.shape[1] - frame, frame : outside.shape[2] - frame]
    zero = torch.zeros(outside.shape, dtype=torch.float64, device="cpu")
    return zero.masked_fill(outside, -math.inf).to(site.device, site.dtype)


@made_once
def outside(kernels: Kernels, size: torch.Size, device: torch.device) -> Tensor:
    """Where the kernels do not fit: ``(scales, rows, columns)``."""
    return _outside(kernels, *size).to(device)


@made_once
def narrowest(kernels: Kernels, size: torch.Size, device: torch.device) -> Tensor:
    """The first scale whose frame covers each position, if any: ``(rows, columns)`` int16."""
    fitting = (~_outside(kernels, *size)).sum(dim=0)
    return fitting.to(device, torch.int16)


@made_once
def thresholds(kernels: Kernels, size: torch.Size, site: Site) -> Tensor:
    """What a response has to reach: zero where a frame covers a position, else minus infinity."""
    covered = _outside(kernels, *size).any(dim=0)
    least = torch.full(covered.shape, -math.inf, dtype=torch.float64, device="cpu")
    return least.masked_fill(covered, 0).to(site.device, site.dtype)


@made_once
def places(
    kernels: Kernels,
    size: torch.Size,
    ranges: tuple[tuple[int, int], ...],
    device: torch.device,
) -> Tensor:
    """The positions inside the frames of ranges of scales, each as ``row * columns + column``.

    Shapes:
        output: ``(scales * positions,)``; after those of a scale, zeros follow
    """
    rows, columns = (side - kernels.smallest + 1 for side in size)
    every = torch.arange(rows * columns, device="cpu").view(rows, columns)
    found = torch.zeros(len(kernels.sizes), rows * columns, dtype=torch.int64, device="cpu")
    for first, end in ranges:
        frame = kernels.frames[first]
        inside = every[frame : rows - frame, frame : columns - frame].flatten()
        found[first:end, : len(inside)] = inside
    return found.flatten().to(device)


@made_once
def scale_numbers(scales: tuple[int, int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The scales of a range, counted from 0."""
    return torch.arange(*scales, dtype=dtype, device="cpu").to(device)


@made_once
def ends(ranges: tuple[tuple[int, int], ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The first and the last scale of each range, and their difference: ``(3, ranges)``."""
    found = [[first, end - 1, end - 1 - first] for first, end in ranges]
    return torch.tensor(found, dtype=dtype, device="cpu").T.to(device)


@made_once
def least(kernels: Kernels, site: Site) -> Tensor:
    """The least maximum of each scale's map: zero if frames of zeros are in it."""
    found = [0.0 if frame > 0 else -math.inf for frame in kernels.frames]
    return torch.tensor(found, dtype=site.dtype, device="cpu").to(site.device)


def _angles(frequencies: int, length: int, doubled: Tensor) -> Tensor:
    """Of waves at positions that are given times two (pixels): ``(frequencies, positions)``."""
    steps = torch.arange(frequencies, device="cpu")[:, None] * doubled
    return (steps % (2 * length)).double() * (math.pi / length)


def _pixels(length: int) -> Tensor:
    return 2 * torch.arange(length, device="cpu")


@made_once
def forth_down(height: int, site: Site) -> Tensor:
    """The transform of columns, real and imaginary parts: ``(p * 2, height)``."""
    angles = _angles(height, height, _pixels(height))
    return (
        torch.stack((angles.cos(), -angles.sin()), dim=1).flatten(0, 1).to(site.device, site.dtype)
    )


@made_once
def forth_across(width: int, site: Site) -> Tensor:
    """The transform of rows of complex numbers, for what kernels are multiplied by.

    For each frequency these are, for the real part of the product, the real part and the negative
    imaginary part; for the imaginary part, the imaginary part and the real part.

    Shapes:
        output: ``(2 * width, q * 2 * 2)``
    """
    angles = _angles(width // 2 + 1, width, _pixels(width)).T
    cosine, sine = angles.cos(), angles.sin()
    of_real = torch.stack((cosine, sine, -sine, cosine), dim=-1)
    of_imaginary = torch.stack((sine, -cosine, cosine, sine), dim=-1)
    return torch.stack((of_real, of_imaginary)).flatten(2).flatten(0, 1).to(site.device, site.dtype)


@made_once
def back_across(k: int, width: int, frame: int, site: Site) -> Tensor:
    """The inverse transform of rows, inside a frame: ``(2 * columns, q * 2)``."""
    frequencies = width // 2 + 1
    centres = _pixels(width - k + 1)[frame : width - k + 1 - frame] + k - 1
    angles = _angles(frequencies, width, centres).T
    counts = torch.full((frequencies,), 2.0, dtype=torch.float64, device="cpu")
    counts[0] = 1  # the others stand for their negatives, too
    if width % 2 == 0:
        counts[-1] = 1
    cosine, sine = counts * angles.cos(), counts * angles.sin()
    parts = [torch.stack((cosine, -sine), dim=-1), torch.stack((sine, cosine), dim=-1)]
    return torch.stack(parts).flatten(2).flatten(0, 1).to(site.device, site.dtype)


@made_once
def back_down(k: int, height: int, width: int, frame: int, site: Site) -> Tensor:
    """The inverse transform of columns to real numbers, inside a frame: ``(rows, p * 2)``."""
    centres = _pixels(height - k + 1)[frame : height - k + 1 - frame] + k - 1
    angles = _angles(height, height, centres).T
    parts = torch.stack((angles.cos(), -angles.sin()), dim=-1) / (height * width)
    return parts.flatten(1).to(site.device, site.dtype)


def _pairs(kernels: Kernels) -> Tensor:
    """Sums and differences of mirrored columns of ``A``, where mirroring ``w`` mirrors ``A w``.

    Elsewhere all columns, twice. The transforms of the former ``even`` ones are real and those of
    the latter imaginary, when their phases are counted from the centre.

    Shapes:
        output: ``(pairs, k)``
    """
    k = kernels.smallest
    one = torch.eye(k, dtype=torch.float64, device="cpu")
    if kernels.interpolation == "nearest":
        return torch.cat((one, one))
    half, mirrored = k // 2, one.flip(0)
    sums = torch.cat((one[:half] + mirrored[:half], one[half : k - half]))
    return torch.cat((sums, one[:half] - mirrored[:half]))


def _odd(kernels: Kernels) -> Tensor:
    """How many factors ``i`` the transform of each of the `_pairs` has."""
    k, count = kernels.smallest, len(_pairs(kernels))
    evens = k if kernels.interpolation == "nearest" else k - k // 2
    return (torch.arange(count, device="cpu") >= evens).long()


@made_once
def folding(kernels: Kernels, site: Site) -> Tensor:
    """What weights are multiplied by for pairs of pairs: ``(k * k, pairs * pairs * 2)``.

    The last dimension holds real and imaginary parts.
    """
    pairs, odd = _pairs(kernels), _odd(kernels)
    factors = odd[:, None] + odd
    parts = torch.stack(((1 - factors % 2) * (1 - factors), factors % 2), dim=-1)
    folded = torch.einsum("iu,jv,ijr->uvijr", pairs, pairs, parts.double())
    return folded.flatten(2).flatten(0, 1).to(site.device, site.dtype)


@made_once
def spectra(kernels: Kernels, size: torch.Size, scales: tuple[int, int], site: Site) -> Tensor:
    """The transforms of the kernels that pairs of pairs stand for, without the factors ``i``.

    Shapes:
        output: ``(p * q * scales, pairs * pairs)``
    """
    height, width = size
    sides = (
        _side_spectra(kernels, frequencies, length)[slice(*scales)]
        for frequencies, length in ((height, height), (width // 2 + 1, width))
    )
    both = torch.einsum("spi,sqj->pqsij", *sides)
    return both.flatten(3).flatten(0, 2).to(site.device, site.dtype)


@made_once
def down_spectra(kernels: Kernels, height: int, site: Site) -> Tensor:
    """One of the factors of `spectra`, of all scales: ``(scales, p * pairs)``."""
    return _side_spectra(kernels, height, height).flatten(1).to(site.device, site.dtype)


@made_once
def across_spectra(kernels: Kernels, width: int, site: Site) -> Tensor:
    """The other one: ``(scales, pairs * q)``."""
    found = _side_spectra(kernels, width // 2 + 1, width)
    return found.mT.flatten(1).to(site.device, site.dtype)


def _side_spectra(kernels: Kernels, frequencies: int, length: int) -> Tensor:
    """The transforms along one axis: ``(scales, frequencies, pairs)``."""
    lines, largest = _lines(kernels), kernels.sizes[-1]
    mirrored = lines.flip(1)
    even, odd = (lines + mirrored) / 2, (lines - mirrored) / 2
    if kernels.interpolation != "nearest":
        k = kernels.smallest
        even, odd = even[..., : k - k // 2], odd[..., : k // 2]
    angles = _angles(frequencies, length, _pixels(largest) + 1 - largest)
    return torch.cat((angles.cos() @ even, angles.sin() @ odd), dim=-1)
