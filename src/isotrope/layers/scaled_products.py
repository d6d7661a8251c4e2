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


def responses(kernels: Kernels, images: Tensor, weights: Tensor) -> Responses:
    """The way that takes fewer multiplications.

    Shapes:
        images: ``(rows or 1, batch, in_channels, height, width)``
        weights: ``(rows, out_channels, in_channels, k, k)``
    """
    way = Filtered if few_channels(kernels, images) else Transformed
    return way(kernels, images, weights)


class Filtered:
    """See the module. Few input channels suit it, or small kernels."""

    order: tuple[int, ...] = (0, 1, 2, 3, 4, 5)

    def __init__(self, kernels: Kernels, images: Tensor, weights: Tensor) -> None:
        self.kernels, self.shape, self.weights = kernels, images.shape, weights
        self.site = Site(images.dtype, images.device)
        self.columns = images.permute(3, 0, 1, 2, 4).reshape(images.shape[3], -1)
        self.of_columns: Tensor | None = None
        self.of_weights: list[Tensor] = []

    def _bands(self, scales: Scales) -> tuple[Tensor, Tensor]:
        height, width = self.shape[-2:]
        return (
            constants.bands(self.kernels, height, scales, self.site),
            constants.bands(self.kernels, width, scales, self.site),
        )

    def _filter(self, scales: Scales) -> Tensor:
        """The filtered images: ``(rows, in_channels, k, k, scales, batch, height, width)``."""
        down, across = self._bands(scales)
        k, (rows, batch, channels, _, width) = self.kernels.smallest, self.shape
        lines = (down.flatten(0, 1) @ self.columns).view(len(down), -1, width)
        found = torch.bmm(lines, across.mT)
        found = found.view(len(down), k, -1, rows, batch, channels, k, across.shape[1] // k)
        return found.permute(3, 5, 1, 6, 0, 4, 2, 7)

    def maps(self, scales: Scales) -> Tensor:
        """See `Responses`."""
        filtered = self._filter(scales)
        shape, taps = filtered.shape[4:], filtered.shape[1:4].numel()
        table = filtered.new_empty(len(filtered), taps + 1, *shape)
        table[:, :taps].view(filtered.shape).copy_(filtered)
        penalties = constants.penalties(self.kernels, *self.shape[-2:], scales, self.site)
        table[:, taps] = penalties[:, None]
        flat = F.pad(self.weights.flatten(2), (0, 1), value=1.0)
        if len(table) == 1:
            found = flat.flatten(0, 1) @ table[0].flatten(1)
        else:
            found = torch.bmm(flat, table.flatten(2))
        return found.view(*flat.shape[:2], *shape)

    def learn(self, scales: Scales, gradient: Tensor, of_images: bool) -> None:
        """See `Responses`."""
        filtered, every = self._filter(scales), gradient.shape[:2].numel()
        shape, taps = filtered.shape, filtered.shape[1:4].numel()
        planes, pixels = gradient.shape[2:4].numel(), gradient.shape[4:].numel()
        if shape[0] == 1:  # each plane by itself: one long sum would keep few processors busy
            flat = gradient.reshape(every, planes, pixels).transpose(0, 1)
            part = torch.bmm(flat, filtered.reshape(taps, planes, pixels).permute(1, 2, 0))
        else:
            flat = gradient.reshape(*gradient.shape[:2], planes * pixels)
            part = torch.bmm(flat, filtered.reshape(shape[0], taps, -1).mT)
        self.of_weights.append(part.view(-1, *self.weights.shape))
        if not of_images:
            return
        down, across = self._bands(scales)
        weights = self.weights.flatten(2)
        if shape[0] == 1:
            spread = weights.flatten(0, 1).T @ gradient.reshape(every, planes * pixels)
        else:
            spread = torch.bmm(weights.mT, flat)
        spread = spread.view(shape).permute(4, 2, 6, 0, 5, 1, 3, 7)
        lines = torch.bmm(spread.reshape(len(down), -1, across.shape[1]), across)
        part = down.flatten(0, 1).T @ lines.view(down.shape[:2].numel(), -1)
        self.of_columns = part if self.of_columns is None else self.of_columns + part

    def gradients(self) -> tuple[Tensor | None, Tensor]:
        """See `Responses`."""
        of_weights = torch.cat(self.of_weights).sum(dim=0)
        if self.of_columns is None:
            return None, of_weights
        rows, batch, channels, height, width = self.shape
        lines = self.of_columns.view(height, rows, batch, channels, width)
        return lines.permute(1, 2, 3, 0, 4), of_weights


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
        basis = constants.spectra(self.kernels, *self.shape[-2:], scales, self.site)
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
        (down, across), (rows, *_, height, width) = self._back(scales), self.shape
        if rows != self.of[0]:
            gradient = gradient.reshape(1, -1, *gradient.shape[2:])
        gradient = gradient.permute(self.order)
        lines = torch.bmm(down.mT, gradient.reshape(*gradient.shape[:2], -1))
        products = torch.bmm(across.mT, lines.view(rows * height, across.shape[1], -1))
        products = products.view(*self.spectra.shape[:2], -1)
        of_kernels = torch.bmm(products.mT, self.spectra)
        basis = constants.spectra(self.kernels, height, width, scales, self.site)
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
