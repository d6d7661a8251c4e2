"""The scattering transform of images by a bank of spectra, as operations of torch alone."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from isotrope.layers.scattering_sizes import Average, Side, averages, image_averages, reflected

Resampling = Literal["exact", "published"]


@dataclass(frozen=True)
class Layout:
    """What a transform is, apart from its wavelets.

    Args:
        scales: ``J``.
        angles: ``L``.
        rows: the vertical axis of the images.
        columns: the horizontal one.
        max_order: 1 or 2.
        average: ``local`` or ``global``, of the coefficients.
        resample: how wavelets are brought to coarser grids.
    """

    scales: int
    angles: int
    rows: Side
    columns: Side
    max_order: int
    average: Average
    resample: Resampling

    @property
    def paths(self) -> int:
        """How many coefficients there are at each place."""
        start, width = self.second_paths(self.scales - 1)
        return start + width * self.angles

    def second_paths(self, scale: int) -> tuple[int, int]:
        """The first path of order 2 whose first wavelet has a scale, and how many each such has."""
        larger = [self.scales - 1 - j for j in range(self.scales)]
        widths = [many * self.angles if self.max_order == 2 else 0 for many in larger]
        return 1 + self.angles * (self.scales + sum(widths[:scale])), widths[scale]

    def numbers_of_a_map(self, scale: int) -> int:
        """Places of an image filtered at a scale, its transform and what is filtered again."""
        size = self.rows.padded * self.columns.padded
        own = size >> (2 * scale)
        if not self.second_paths(scale)[1]:
            return own
        larger = sum(size >> (2 * one) for one in range(scale + 1, self.scales))
        return 2 * own + self.angles * larger

    def numbers_of_an_image(self) -> int:
        """The same of all wavelets."""
        return self.angles * sum(self.numbers_of_a_map(scale) for scale in range(self.scales))


def folded(spectra: Tensor, step: int) -> Tensor:
    """The transforms of every ``step``-th row and column: means over what is then the same."""
    return spectra if step == 1 else _sums(spectra, step) / step**2


def _sums(spectra: Tensor, step: int) -> Tensor:
    """Sums over what is the same at every ``step``-th row and column."""
    if step == 1:
        return spectra
    rows, columns = (side // step for side in spectra.shape[-2:])
    parts = spectra.reshape(*spectra.shape[:-2], step, rows, step, columns)
    return parts.sum((-4, -2))


def resampled_spectra(spectra: Tensor, level: int, how: Resampling) -> Tensor:
    """Wavelets for maps of every ``2**level``-th row and column.

    ``exact`` keeps the frequencies that such maps have; ``published`` takes means over those that
    are the same there, which makes wavelets weaker by ``4**level``.
    """
    if how == "published":
        return folded(spectra, 2**level)
    for dim in (-2, -1):
        side = spectra.shape[dim]
        half = (side >> level) // 2
        low, high = spectra.narrow(dim, 0, half), spectra.narrow(dim, side - half, half)
        spectra = torch.cat((low, high), dim)
    return spectra


def copies(bank: Tensor, layout: Layout) -> tuple[Tensor, ...]:
    """The wavelets at each resolution, all of them and then the larger ones.

    Shapes:
        bank: ``(scales, angles, rows, columns)``
        output: the same, then ``(scales - level - 1, angles, rows >> level, columns >> level)``
            for each further level at which maps are filtered again
    """
    levels = range(1, layout.scales - 1 if layout.max_order == 2 else 1)
    larger = (resampled_spectra(bank[level + 1 :], level, layout.resample) for level in levels)
    return bank, *larger


def padded(images: Tensor, layout: Layout) -> Tensor:
    """Images with their reflections around."""
    rows, columns = (reflected(side, images.device) for side in (layout.rows, layout.columns))
    return images.index_select(-2, rows).index_select(-1, columns)


def averaged(maps: Tensor, level: int, layout: Layout) -> Tensor:
    """The coefficients that belong to moduli at every ``2**level``-th pixel."""
    left, right = (
        averages(side, level, layout.average, maps.dtype, maps.device)
        for side in (layout.rows, layout.columns)
    )
    return left @ maps @ right.mT


def order_zero(images: Tensor, layout: Layout) -> Tensor:
    """Averages of the images themselves."""
    left, right = (
        image_averages(side, layout.average, images.dtype, images.device)
        for side in (layout.rows, layout.columns)
    )
    return left @ images @ right.mT


def moduli(images: Tensor, banks: tuple[Tensor, ...], layout: Layout) -> list[tuple[int, Tensor]]:
    """The maps of all paths of order 1, then of order 2, as groups with their levels.

    Shapes:
        images: ``(count, height, width)``
        banks: `copies`
        output: groups of ``(count, paths, rows >> level, columns >> level)``
    """
    if not len(images):  # MKL knows no transforms of nothing
        shapes = moduli(images.new_zeros((1, *images.shape[1:])), banks, layout)
        return [(level, maps[:0]) for level, maps in shapes]
    spectrum = torch.fft.fft2(padded(images, layout))[:, None]
    first, second = [], []
    for j1 in range(layout.scales):
        maps = _moduli(spectrum, banks[0][j1], 2**j1)
        first.append((j1, maps))
        coarser = range(j1 + 1, layout.scales if layout.max_order == 2 else 0)
        for one in maps.unbind(1) if coarser else ():
            inner = torch.fft.fft2(one)[:, None]
            for j2 in coarser:
                wavelets = banks[j1][j2 if j1 == 0 else j2 - j1 - 1]
                second.append((j2, _moduli(inner, wavelets, 2 ** (j2 - j1))))
    return first + second


def _moduli(spectra: Tensor, wavelets: Tensor, step: int) -> Tensor:
    """Those of maps behind wavelets, at every ``step``-th row and column.

    Means and norms are divided out of the wavelets, which are fewer than the maps.
    """
    size = wavelets.shape[-2] * wavelets.shape[-1]
    found: Tensor = torch.fft.ifft2(_sums(spectra * (wavelets / size), step), norm="forward")
    return found.abs()


def transformed(images: Tensor, banks: tuple[Tensor, ...], layout: Layout) -> Tensor:
    """All coefficients of images: ``(count, paths, places, places)``."""
    groups = moduli(images, banks, layout)
    found = [order_zero(images, layout)[:, None]]
    found.extend(averaged(maps, level, layout) for level, maps in groups)
    return torch.cat(found, 1)
