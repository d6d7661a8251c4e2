"""One step of a scattering transform on a CPU: some images, some wavelets, and all behind these."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from isotrope.layers.scattering_groups import second_wavelets
from isotrope.layers.scattering_products import (
    add_moduli,
    add_spectra,
    add_wavelets,
    filtered,
    gradient_of_spectra,
    moduli,
    spread,
)
from isotrope.layers.scattering_transform import Layout, averaged
from isotrope.layers.scattering_wavelets import Bank, Wavelets


class Numbers(NamedTuple):
    """What a step computed, complex.

    Attributes:
        first: the filtered images.
        inner: the transforms of their moduli, empty where nothing is filtered again.
        second: these, filtered by some wavelets after the other.
    """

    first: Tensor
    inner: Tensor
    second: list[Tensor]


class Step:
    """Some images, some wavelets of one scale, and all wavelets after these.

    Args:
        spectra: the transforms of padded images.
        bank: all wavelets.
        layout: what the transform is.
        group: the scale of the first wavelets, and which of its directions.
    """

    def __init__(
        self, spectra: Tensor, bank: Bank, layout: Layout, group: tuple[int, slice]
    ) -> None:
        self.spectra, self.bank, self.layout = spectra, bank, layout
        self.scale, self.angles = group
        self.own = bank.at(0, self.scale).some(self.angles.start, self.angles.stop)

    def size(self) -> int:
        """Complex numbers that are computed."""
        maps: int = len(self.spectra) * (self.angles.stop - self.angles.start)
        return maps * self.layout.numbers_of_a_map(self.scale)

    def forward(self, coefficients: Tensor, *, kept: bool) -> Numbers | None:
        """Write the coefficients of some images where they belong.

        Returns what was computed if it is to be kept.
        """
        first = filtered(self.spectra, self.own)
        maps = moduli(first)
        into = self._of_order_one(coefficients)
        into.copy_(averaged(maps, self.scale, self.layout).view(into.shape))
        held = [first] if kept else []
        del first
        inner = self._inner(maps)
        del maps
        second = []
        for scale, into, wavelets in self._second(coefficients):
            numbers = filtered(inner, wavelets)
            if kept:
                second.append(numbers)
            into.copy_(averaged(moduli(numbers), scale, self.layout).view(into.shape))
        return Numbers(held[0], inner, second) if kept else None

    def backward(self, coefficients: Tensor, known: Numbers | None, images: Tensor | None) -> None:
        """Add the gradients, those of wavelets to the bank's.

        Args:
            coefficients: the gradients of some images'.
            known: what was computed before, and is overwritten; or None.
            images: of the spectra of the images, where wanted.
        """
        first = filtered(self.spectra, self.own) if known is None else known.first
        inner = self._inner(moduli(first)) if known is None else known.inner
        of_moduli = spread(self._of_order_one(coefficients).flatten(0, 1), self.scale, self.layout)
        if inner.numel():
            back = torch.zeros_like(inner)
            for number, (scale, given, wavelets) in enumerate(self._second(coefficients)):
                numbers = filtered(inner, wavelets) if known is None else known.second[number]
                wanted = spread(given.flatten(0, 2), scale, self.layout)
                found = gradient_of_spectra(numbers, wanted)
                add_wavelets(found, inner, wavelets, self.bank.gradient(self.scale, scale))
                add_spectra(found, wavelets, back)
            add_moduli(back, of_moduli)
        found = gradient_of_spectra(first, of_moduli)
        add_wavelets(found, self.spectra, self.own, self.bank.gradient(0, self.scale))
        if images is not None:
            add_spectra(found, self.own, images)

    def _inner(self, maps: Tensor) -> Tensor:
        """The transforms of moduli, if they are filtered again."""
        again = self.layout.second_paths(self.scale)[1] > 0
        found: Tensor = torch.fft.fft2(maps) if again else self.spectra.new_empty(0)
        return found

    def _of_order_one(self, coefficients: Tensor) -> Tensor:
        """Where those are."""
        start = 1 + self.scale * self.layout.angles
        return coefficients[:, start + self.angles.start : start + self.angles.stop]

    def _second(self, coefficients: Tensor) -> Iterator[tuple[int, Tensor, Wavelets]]:
        """Scales, where the coefficients of order 2 are, and wavelets."""
        layout = self.layout
        start, width = layout.second_paths(self.scale)
        both = coefficients[:, start : start + layout.angles * width]
        shape = (len(both), layout.angles, width, *both.shape[2:])
        both = both.view(shape)[:, self.angles]
        maps = both.shape[0] * both.shape[1]
        for scale, some in second_wavelets(maps, self.scale, layout):
            edge = (scale - self.scale - 1) * layout.angles
            into = both[:, :, edge + some.start : edge + some.stop]
            wavelets = self.bank.at(self.scale, scale).some(some.start, some.stop)
            yield scale, into, wavelets
