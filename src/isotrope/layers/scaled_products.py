"""Responses of scaled kernels, many scales at once, in two ways of few large matrix products.

* `Filtered`: the images are filtered with what each entry of the weights becomes at each scale. A
  response is then one product of the weights with ``in_channels * k * k`` numbers. The filtered
  images do not depend on the weights: all rows of a stack that see the same images share them.
* `Transformed`: as in `isotrope.layers.scaled_spectra`, with the spectra of all kernels as one
  product, and both inverse transforms as one product each.

Tensors have a leading dimension of rows, those of a stack; images may have one row for all. A range
of scales is given by its first one and the one after its last. Its maps are those inside the frame
of its first scale; they are minus infinity where a kernel does not fit.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

import isotrope.layers.scaled_constants as constants
from isotrope.layers.scaled_constants import Kernels, Site

Scales = tuple[int, int]


class Responses(Protocol):
    """A way to compute responses, and the gradients of what they are made of.

    Attributes:
        order: how the dimensions ``rows, out_channels, scales, batch, height, width`` of the maps
            lie in memory.
    """

    order: tuple[int, ...]

    def maps(self, scales: Scales) -> Tensor:
        """The responses: ``(rows, out_channels, scales, batch, height, width)``."""

    def learn(self, scales: Scales, gradient: Tensor, of_images: bool) -> None:
        """Add up the gradients of weights and images for that of the maps."""

    def gradients(self) -> tuple[Tensor | None, Tensor]:
        """Those of the images, if they were asked for, and of the weights, summed up."""


def few_channels(kernels: Kernels, images: Tensor) -> bool:
    """Whether `Filtered` takes fewer multiplications for a response than `Transformed`."""
    channels, height, width = images.shape[-3:]
    return channels * kernels.smallest**2 < 4 * channels + 2 * (height + width)


def responses(
    kernels: Kernels, images: Tensor, weights: Tensor, tables: Mapping[Scales, Tensor]
) -> Responses:
    """The way that takes fewer multiplications.

    Shapes:
        images: ``(rows or 1, batch, in_channels, height, width)``
        weights: ``(rows, out_channels, in_channels, k, k)``

    Args:
        kernels: the kernels' sizes.
        images: what is convolved.
        weights: of the smallest kernels.
        tables: what `filtered` gave for these images, as far as it was kept.
    """
    if len(images) == 1 and few_channels(kernels, images):
        return Filtered(kernels, images, weights, tables)
    return Transformed(kernels, images, weights)


def filtered(kernels: Kernels, images: Tensor, ranges: Sequence[Scales]) -> tuple[Tensor, ...]:
    """Images filtered with what each entry of the weights becomes at each scale, range by range.

    The last of the filters stands for a weight of one: it is minus infinity where the kernel does
    not fit, else zero.

    Shapes:
        images: ``(1, batch, in_channels, height, width)``
        outputs: ``(in_channels * k * k + 1, scales, batch, height - k + 1 - 2 * frame,
            width - k + 1 - 2 * frame)``
    """
    k, (_, batch, channels, height, width) = kernels.smallest, images.shape
    site, taps = Site(images.dtype, images.device), channels * k**2
    columns = images[0].permute(2, 0, 1, 3).reshape(height, -1)
    tables = []
    for scales in ranges:
        down, across = (constants.bands(kernels, side, scales, site) for side in (height, width))
        lines = (down.flatten(0, 1) @ columns).view(len(down), -1, width)
        found = torch.bmm(lines, across.mT)
        found = found.view(len(down), k, -1, batch, channels, k, across.shape[1] // k)
        found = found.permute(4, 1, 5, 0, 3, 2, 6)
        table = found.new_empty(taps + 1, *found.shape[3:])
        table[:taps].view(found.shape).copy_(found)
        table[taps] = constants.penalties(kernels, height, width, scales, site)[:, None]
        tables.append(table)
    return tuple(tables)


class Filtered:
    """See the module. Few input channels suit it, or small kernels; images have one row."""

    order: tuple[int, ...] = (0, 1, 2, 3, 4, 5)

    def __init__(
        self,
        kernels: Kernels,
        images: Tensor,
        weights: Tensor,
        tables: Mapping[Scales, Tensor],
    ) -> None:
        self.kernels, self.images, self.weights, self.tables = kernels, images, weights, tables
        self.of_columns: Tensor | None = None
        self.of_weights: list[Tensor] = []

    def _table(self, scales: Scales) -> Tensor:
        kept = self.tables.get(scales)
        return filtered(self.kernels, self.images, [scales])[0] if kept is None else kept

    @cached_property
    def _weights_and_one(self) -> Tensor:
        return F.pad(self.weights.flatten(2).flatten(0, 1), (0, 1), value=1.0)

    def maps(self, scales: Scales) -> Tensor:
        """See `Responses`."""
        table = self._table(scales)
        found = self._weights_and_one @ table.flatten(1)
        return found.view(*self.weights.shape[:2], *table.shape[1:])

    def learn(self, scales: Scales, gradient: Tensor, of_images: bool) -> None:
        """See `Responses`."""
        table, every = self._table(scales)[:-1], gradient.shape[:2].numel()
        planes, pixels = gradient.shape[2:4].numel(), gradient.shape[4:].numel()
        # each plane by itself: one long sum would keep few processors busy
        flat = gradient.reshape(every, planes, pixels).transpose(0, 1)
        self.of_weights.append(torch.bmm(flat, table.view(-1, planes, pixels).permute(1, 2, 0)))
        if not of_images:
            return
        _, batch, channels, height, width = self.images.shape
        site = Site(self.images.dtype, self.images.device)
        down = constants.bands(self.kernels, height, scales, site)
        across = constants.bands(self.kernels, width, scales, site)
        k = self.kernels.smallest
        spread = self.weights.reshape(every, -1).T @ gradient.reshape(every, planes * pixels)
        spread = spread.view(channels, k, k, len(down), batch, *gradient.shape[4:])
        spread = spread.permute(3, 1, 5, 4, 0, 2, 6).reshape(len(down), -1, across.shape[1])
        lines = torch.bmm(spread, across).view(down.shape[:2].numel(), -1)
        part = down.flatten(0, 1).T @ lines
        self.of_columns = part if self.of_columns is None else self.of_columns + part

    def gradients(self) -> tuple[Tensor | None, Tensor]:
        """See `Responses`."""
        of_weights = torch.cat(self.of_weights).sum(dim=0).view(self.weights.shape)
        if self.of_columns is None:
            return None, of_weights
        _, batch, channels, height, width = self.images.shape
        lines = self.of_columns.view(height, batch, channels, width)
        return lines.permute(1, 2, 0, 3)[None], of_weights


class Transformed:
    """See the module. Many input channels suit it."""

    order: tuple[int, ...] = (0, 4, 5, 3, 2, 1)

    def __init__(self, kernels: Kernels, images: Tensor, weights: Tensor) -> None:
        self.kernels, self.shape, self.of = kernels, images.shape, weights.shape
        self.site = site = Site(images.dtype, images.device)
        rows, batch, channels, height, width = images.shape
        down, across = constants.forth_down(height, site), constants.forth_across(width, site)
        lines = torch.bmm(
            down.expand(images.shape[:3].numel(), -1, -1), images.reshape(-1, height, width)
        )
        parts = (lines.view(-1, 2 * width) @ across).view(rows, batch, channels, height, -1, 2, 2)
        parts = parts.permute(0, 3, 4, 5, 1, 6, 2)
        self.spectra = parts.reshape(parts.shape[:3].numel(), 2 * batch, 2 * channels)
        folding = constants.folding(kernels, site)
        outputs = self.of[:2].numel() // rows  # those of all rows that see the same images
        folded = (weights.reshape(-1, len(folding)) @ folding).view(rows, outputs, channels, -1, 2)
        self.folded = folded.permute(0, 3, 1, 4, 2).reshape(rows, -1, outputs * 2 * channels)
        self.of_spectra: Tensor | None = None
        self.of_folded: list[Tensor] = []

    def _kernels(self, scales: Scales) -> Tensor:
        """The kernels' spectra: ``(rows * p * q, scales * out_channels, 2 * in_channels)``."""
        basis = constants.spectra(self.kernels, self.shape[-2:], scales, self.site)
        rows, channels = self.shape[0], self.shape[2]
        found = torch.bmm(basis.expand(rows, -1, -1), self.folded)
        return found.view(len(self.spectra), -1, 2 * channels)

    def _back(self, scales: Scales) -> tuple[Tensor, Tensor]:
        """The inverse transforms down and across, for all rows and for all lines."""
        k, (height, width) = self.kernels.smallest, self.shape[-2:]
        frame, rows = self.kernels.frames[scales[0]], self.shape[0]
        down = constants.back_down(k, height, width, frame, self.site)
        across = constants.back_across(k, width, frame, self.site)
        return down.expand(rows, -1, -1), across.expand(rows * height, -1, -1)

    def maps(self, scales: Scales) -> Tensor:
        """See `Responses`."""
        (down, across), (rows, batch, _, height, width) = self._back(scales), self.shape
        count = scales[1] - scales[0]
        products = torch.bmm(self.spectra, self._kernels(scales).mT)
        lines = torch.bmm(across, products.view(rows * height, across.shape[2], -1))
        found = torch.bmm(down, lines.view(rows, 2 * height, -1))
        found = found.view(rows, down.shape[1], across.shape[1] // 2, batch, count, -1)
        penalties = constants.penalties(self.kernels, height, width, scales, self.site)
        found += penalties.permute(1, 2, 0)[:, :, None, :, None]
        found = found.permute(0, 5, 4, 3, 1, 2)
        return found if rows == self.of[0] else found.view(*self.of[:2], *found.shape[2:])

    def learn(self, scales: Scales, gradient: Tensor, of_images: bool) -> None:
        """See `Responses`."""
        (down, across), (rows, *_, height, _) = self._back(scales), self.shape
        if rows != self.of[0]:
            gradient = gradient.reshape(1, -1, *gradient.shape[2:])
        gradient = gradient.permute(self.order)
        lines = torch.bmm(down.mT, gradient.reshape(*gradient.shape[:2], -1))
        products = torch.bmm(across.mT, lines.view(rows * height, across.shape[1], -1))
        products = products.view(*self.spectra.shape[:2], -1)
        of_kernels = torch.bmm(products.mT, self.spectra)
        basis = constants.spectra(self.kernels, self.shape[-2:], scales, self.site)
        of_kernels = of_kernels.view(rows, len(basis), -1)
        self.of_folded.append(torch.bmm(basis.T.expand(rows, -1, -1), of_kernels))
        if of_images:
            part = torch.bmm(products, self._kernels(scales))
            self.of_spectra = part if self.of_spectra is None else self.of_spectra + part

    def gradients(self) -> tuple[Tensor | None, Tensor]:
        """See `Responses`."""
        rows, batch, channels, height, width = self.shape
        of_folded = torch.stack(self.of_folded).sum(dim=0)
        folding = constants.folding(self.kernels, self.site)
        parts = of_folded.view(rows, folding.shape[1] // 2, -1, 2, channels).permute(0, 2, 4, 1, 3)
        of_weights = (parts.reshape(-1, folding.shape[1]) @ folding.T).view(self.of)
        if self.of_spectra is None:
            return None, of_weights
        down, across = (
            constants.forth_down(height, self.site),
            constants.forth_across(width, self.site),
        )
        parts = self.of_spectra.view(rows, height, -1, 2, batch, 2, channels)
        parts = parts.permute(0, 4, 6, 1, 2, 3, 5).reshape(-1, across.shape[1])
        lines = (parts @ across.T).view(-1, 2 * height, width)
        return torch.bmm(down.T.expand(len(lines), -1, -1), lines).view(self.shape), of_weights
