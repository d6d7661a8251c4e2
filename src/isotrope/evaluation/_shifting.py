"""Test images that are shifted: how, and what enters at the border.

``circular``: what leaves at one edge enters at the opposite one. ``standard``: what enters is plain
and of the colour that a network's normalisation turns into 0, the mean of the training images, as
if the normalised image were padded with zeros; black for networks without a normalisation, and each
image's own mean for those that normalise each image by itself. Shifts are in pixels, x to the right
and y downwards.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from isotrope import devices
from isotrope.datasets.images import to_unit
from isotrope.geometry import Reading, roll_matrix
from isotrope.layers import forms
from isotrope.layers.normalising import ByImage, ByValues, Normalised
from isotrope.measuring.networks import Networks

Padding = Literal["circular", "standard"]
FloatType = Literal["float32", "float64"]
Shown = Callable[["Shift"], Tensor]

_NUMBERS = 2**22  # of the images of one forward pass, where several shifts are joined in it


class Shift(NamedTuple):
    """A shift of an image, in pixels.

    Args:
        x: to the right.
        y: downwards.
    """

    x: float
    y: float

    @property
    def distance(self) -> float:
        """The larger of both, as a distance."""
        return max(abs(self.x), abs(self.y))


class Border(NamedTuple):
    """What enters at the border.

    Args:
        colour: a number in 0..1 for each channel, or one for all; None: each image's own mean.
    """

    colour: tuple[float, ...] | None

    def of(self, images: Tensor) -> Tensor:
        """The colour beside images of 0..1, ``(1 or batch, 1 or channels, 1, 1)``."""
        if self.colour is None:
            return images.mean(dim=(-2, -1), keepdim=True)
        return torch.tensor(self.colour, dtype=images.dtype, device=images.device)[:, None, None]


def by_border(networks: Networks) -> Iterator[tuple[Border, Networks]]:
    """The networks, those together that have the same border."""
    seeds: dict[Border, list[int]] = {}
    for seed, network in networks:
        first = network.first if isinstance(network, Normalised) else None
        if isinstance(first, ByValues):
            border = Border(tuple(first.mean.double().flatten().tolist()))
        else:
            border = Border(None if isinstance(first, ByImage) else (0.0,))
        seeds.setdefault(border, []).append(seed)
    for border, its in seeds.items():
        yield border, networks.only(its)


def unit(images: Tensor, dtype: FloatType) -> Tensor:
    """Images of 0..255 (uint8) in 0..1: in float32 as networks take them, or in float64."""
    return to_unit(images) if dtype == "float32" else images.double().div_(255)


def uniform(seed: int, stream: str, rows: int, columns: int) -> Tensor:
    """Numbers of 0..1, float64 ``(rows, columns)``; a row does not depend on how many there are.

    Args:
        seed: of the shifts.
        stream: what they are for; others have other numbers.
        rows: images, or batches of them.
        columns: numbers for each.
    """
    mixed = np.random.SeedSequence([seed, *stream.encode()])
    generator = np.random.Generator(np.random.Philox(mixed))
    return torch.from_numpy(generator.random((rows, columns)))


def window(images: Tensor, top: Tensor, left: Tensor, size: tuple[int, int]) -> Tensor:
    """Of each image the window that begins at a place of its own; it goes around the edges.

    Args:
        images: ``(batch, channels, height, width)``.
        top: the first row of each image's window, ``(batch,)`` int64.
        left: the first column.
        size: height and width of the windows.
    """
    batch, channels, height, width = images.shape
    device = images.device
    rows = (top.to(device)[:, None] + torch.arange(size[0], device=device)) % height
    columns = (left.to(device)[:, None] + torch.arange(size[1], device=device)) % width
    image = torch.arange(batch, device=device)[:, None, None, None]
    channel = torch.arange(channels, device=device)[:, None, None]
    return images[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def widened(images: Tensor, reach: int, border: Border | None) -> Tensor:
    """Images in 0..1 with so many more pixels on each side; without a border they go around."""
    if border is None:
        height, width = images.shape[-2:]
        rows = torch.arange(-reach, height + reach, device=images.device) % height
        columns = torch.arange(-reach, width + reach, device=images.device) % width
        return images.index_select(-2, rows).index_select(-1, columns)
    *batch, height, width = images.shape
    wide = border.of(images).expand(*batch, height + 2 * reach, width + 2 * reach).clone()
    wide[..., reach : reach + height, reach : reach + width] = images
    return wide


def by_whole_pixels(images: Tensor, reach: int, border: Border | None) -> Shown:
    """What shows images shifted by whole pixels, at most ``reach``: circularly without a border."""
    height, width = images.shape[-2:]
    wide = widened(images, reach, border)

    def shown(shift: Shift) -> Tensor:
        top, left = reach - int(shift.y), reach - int(shift.x)
        return wide[..., top : top + height, left : left + width]

    return shown


def between_pixels(images: Tensor, reading: Reading) -> Shown:
    """What shows images shifted circularly by parts of a pixel; they may leave 0..1 a little."""
    height, width = images.shape[-2:]

    def shown(shift: Shift) -> Tensor:
        down = _rolls(height, shift.y, reading, images.dtype, images.device)
        right = _rolls(width, shift.x, reading, images.dtype, images.device)
        return down @ images @ right.T

    return shown


@lru_cache(maxsize=256)
def _rolls(
    side: int, shift: float, reading: Reading, dtype: torch.dtype, device: torch.device
) -> Tensor:
    return roll_matrix(side, shift, reading, dtype=dtype, device=device)


def at_once(images: Tensor) -> int:
    """How many shifts of a batch go through the networks in one pass: one on a CPU."""
    return max(1, _NUMBERS // images.numel()) if forms.few_launches(images) else 1


def groups(count: int, size: int) -> Iterator[range]:
    """The numbers below ``count``, ``size`` at a time."""
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


def answers_to(networks: Networks, shown: Sequence[Tensor], numbers: Sequence[int]) -> Tensor:
    """What networks answer to a batch that is shown in several ways, ``(seeds, ways, batch, ...)``.

    What a stochastic network draws for an image is the same in all ways.
    """
    joined = torch.cat(list(shown)) if len(shown) > 1 else shown[0].contiguous()
    found = networks.predictions(joined, [*numbers] * len(shown))
    return found.reshape(len(found), len(shown), len(numbers), *found.shape[2:])


def batch_of(networks: Networks) -> int:
    """Images that are read at once."""
    return devices.evaluation_batch(networks.device)
