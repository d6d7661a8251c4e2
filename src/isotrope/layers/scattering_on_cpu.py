"""The scattering transform and its gradients on a CPU, some images at a time.

Only the Fourier transforms are torch's; all products are compiled (`scattering_kernels`). Images
and wavelets are treated in groups that fit the cache, and what a wavelet lets through is kept at
its own resolution. With more than one thread, kernels share images or wavelets; no sum depends on
their number.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

import isotrope.layers.scattering_kernels as kernels
from isotrope.layers.forms import numbers_at_once
from isotrope.layers.scattering_sizes import averages, reflected
from isotrope.layers.scattering_transform import Layout, averaged, order_zero, padded
from isotrope.layers.scattering_wavelets import Array, Bank, Banks, Known, Wavelets, flat

_AT_ONCE = 2**16  # complex numbers of a group of maps
_IMAGES = 4  # at least, even if they are large
_KEPT = 2**24  # complex numbers that a forward pass keeps for its backward pass


class Store:
    """What a forward pass keeps for its backward pass, which takes it away.

    Where this would be too much nothing is kept, and the backward pass computes it again. Of a
    stack of transforms each row has a store of its own.
    """

    def __init__(self) -> None:
        self.steps: list[Any] | None = None
        self._rows: dict[int, Store] = {}

    def row(self, number: int) -> "Store":
        """The store of one transform of a stack."""
        return self._rows.setdefault(number, Store())

    def taken(self) -> list[Any] | None:
        """What is kept, once."""
        found, self.steps = self.steps, None
        return found


def forward(
    images: Tensor,
    banks: Banks,
    layout: Layout,
    store: Store | None,
    *,
    trimmed: bool,
    known: Known | None = None,
) -> Tensor:
    """All coefficients: ``(count, paths, places, places)``.

    Args:
        images: ``(count, height, width)``.
        banks: `isotrope.layers.scattering_transform.copies`.
        layout: what the transform is.
        store: takes what the backward pass needs, if it is not too much; or None.
        trimmed: whether to leave out what is as good as zero.
        known: `Bank`.
    """
    wavelets = Bank(banks, trimmed=trimmed, known=known)
    zero = order_zero(images, layout)
    found = images.new_empty(len(images), layout.paths, *zero.shape[1:])
    found[:, 0] = zero
    few = len(images) * layout.numbers_of_an_image() <= numbers_at_once(images, _KEPT)
    steps: list[Any] | None = [] if store is not None and few else None
    for some in _groups(len(images), layout):
        spectra = torch.fft.fft2(padded(images[some], layout))
        for group in _first_wavelets(len(spectra), layout):
            step = _Step(spectra, wavelets, layout, group)
            step.averages_into(found[some])
            if steps is not None:
                steps.append(step.numbers)
    if store is not None:
        store.steps = steps
    return found


def backward(
    gradient: Tensor,
    images: Tensor,
    banks: Banks,
    layout: Layout,
    store: Store,
    *,
    trimmed: bool,
    of_images: bool,
) -> tuple[Tensor | None, list[Tensor]]:
    """The gradients of images, where wanted, and banks; arguments as of `forward`."""
    wavelets = Bank(banks, trimmed=trimmed)
    kept = store.taken()
    number = 0
    totals: dict[tuple[int, int], Array] = {}
    found = torch.empty_like(images) if of_images else None
    for some in _groups(len(images), layout):
        spectra = torch.fft.fft2(padded(images[some], layout))
        back = torch.zeros_like(spectra) if of_images else None
        for group in _first_wavelets(len(spectra), layout):
            step = _Step(spectra, wavelets, layout, group, kept[number] if kept else None)
            if kept:
                kept[number] = None
            number += 1
            for place, zeros in wavelets.zeros().items():
                totals.setdefault(place, zeros)
            step.gradients_into(gradient[some], totals, back)
        if found is not None and back is not None:
            real = torch.fft.ifft2(back, norm="forward").real
            found[some] = _unpadded(real, layout) + _of_order_zero(gradient[some, 0], layout)
    return found, wavelets.gradients(totals)


class _Numbers(NamedTuple):
    """What a step computed.

    Attributes:
        first: the filtered images, complex.
        inner: the transforms of their moduli; None where nothing is filtered again.
        second: these, filtered by the wavelets of each larger scale.
    """

    first: Tensor
    inner: Tensor | None
    second: list[Tensor]


class _Step:
    """Some images, some wavelets of one scale, and all wavelets after these.

    Args:
        spectra: the transforms of padded images.
        wavelets: all of them.
        layout: what the transform is.
        group: the scale of the first wavelets, and which of its directions.
        known: what was computed before; or None.
    """

    def __init__(
        self,
        spectra: Tensor,
        wavelets: Bank,
        layout: Layout,
        group: tuple[int, slice],
        known: _Numbers | None = None,
    ) -> None:
        self.spectra, self.wavelets, self.layout = spectra, wavelets, layout
        self.scale, self.angles = group
        self.count = self.angles.stop - self.angles.start
        own = wavelets.at(0, self.scale)
        self.own = own.some(self.angles.start, self.angles.stop)
        last = layout.scales if layout.max_order == 2 else 0
        self.larger = range(self.scale + 1, last)
        self.later = [wavelets.at(self.scale, one) for one in self.larger]
        self.moduli: Tensor | None = None
        self.numbers = known or self._computed()

    def _computed(self) -> _Numbers:
        first = _filtered(self.spectra, self.own)
        self.moduli = _moduli(first)
        if not self.later:
            return _Numbers(first, None, [])
        inner = torch.fft.fft2(self.moduli)
        return _Numbers(first, inner, [_filtered(inner, one) for one in self.later])

    def _places(self, coefficients: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Where those of order 1 are, and those of order 2 for each larger scale."""
        layout = self.layout
        start = 1 + self.scale * layout.angles
        one = coefficients[:, start + self.angles.start : start + self.angles.stop]
        start, width = layout.second_paths(self.scale)
        both = coefficients[:, start : start + layout.angles * width]
        if width:
            shape = (len(both), layout.angles, width, *both.shape[2:])
            both = both.view(shape)[:, self.angles]
        edges = [number * layout.angles for number in range(len(self.later))]
        two = [both[:, :, edge : edge + layout.angles] for edge in edges]
        return one, two

    def averages_into(self, coefficients: Tensor) -> None:
        """Write the coefficients of some images where they belong."""
        one, two = self._places(coefficients)
        moduli = self.moduli if self.moduli is not None else _moduli(self.numbers.first)
        one.copy_(averaged(moduli, self.scale, self.layout).view(one.shape))
        self.moduli = None
        for scale, into, numbers in zip(self.larger, two, self.numbers.second, strict=True):
            into.copy_(averaged(_moduli(numbers), scale, self.layout).view(into.shape))

    def gradients_into(
        self, coefficients: Tensor, totals: dict[tuple[int, int], Array], images: Tensor | None
    ) -> None:
        """Add the gradients, given those of some images' coefficients.

        Args:
            coefficients: those given.
            totals: of the wavelets by level and scale.
            images: of the spectra of the images, where wanted.
        """
        one, two = self._places(coefficients)
        first, inner, second = self.numbers
        of_moduli = _spread(one.flatten(0, 1), self.scale, self.layout)
        if inner is not None:
            back = torch.zeros_like(inner)
            for number, scale in enumerate(self.larger):
                wavelets, numbers = self.later[number], second[number]
                wanted = _spread(two[number].flatten(0, 2), scale, self.layout)
                given = _gradient_of_spectra(numbers, wanted)
                _correlate(given, inner, wavelets, totals[self.scale, scale])
                _multiply_back(given, wavelets, back)
            real = torch.fft.ifft2(back, norm="forward")
            _share(kernels.add_real_parts, of_moduli.numel(), flat(of_moduli), flat(real))
        given = _gradient_of_spectra(first, of_moduli)
        size = len(self.own.numbers) // self.own.number
        into = totals[0, self.scale][self.angles.start * size : self.angles.stop * size]
        _correlate(given, self.spectra, self.own, into)
        if images is not None:
            _multiply_back(given, self.own, images)


def _filtered(spectra: Tensor, wavelets: Wavelets) -> Tensor:
    """Maps behind each wavelet: ``(maps * wavelets, rows, columns)`` of the coarser grid."""
    rows, columns = wavelets.coarse
    found = spectra.new_empty(len(spectra) * wavelets.number, rows, columns)
    _share(
        kernels.multiply,
        len(spectra),
        flat(wavelets.arranged(spectra)),
        wavelets.numbers,
        wavelets.starts,
        wavelets.segments,
        flat(found),
        2 * rows * columns,
    )
    back: Tensor = torch.fft.ifft2(found)
    return back


def _correlate(given: Tensor, spectra: Tensor, wavelets: Wavelets, into: Array) -> None:
    """Add the gradients of wavelets."""
    _share(
        kernels.correlate,
        wavelets.number,
        flat(given),
        flat(wavelets.arranged(spectra)),
        wavelets.starts,
        wavelets.segments,
        into,
        2 * wavelets.coarse[0] * wavelets.coarse[1],
    )


def _multiply_back(given: Tensor, wavelets: Wavelets, into: Tensor) -> None:
    """Add the gradients of spectra."""
    found = torch.zeros_like(into) if wavelets.blocked else into
    _share(
        kernels.multiply_back,
        len(into),
        flat(given),
        wavelets.numbers,
        wavelets.starts,
        wavelets.segments,
        flat(found),
        2 * wavelets.coarse[0] * wavelets.coarse[1],
    )
    if wavelets.blocked:
        into += wavelets.in_rows(found)


def _moduli(numbers: Tensor) -> Tensor:
    found = torch.empty(numbers.shape, dtype=numbers.dtype.to_real())
    _share(kernels.modulus, found.numel(), flat(numbers), flat(found))
    return found


def _gradient_of_spectra(numbers: Tensor, gradient: Tensor) -> Tensor:
    """The gradients of spectra from those of the moduli of maps, which are overwritten."""
    _share(kernels.along, gradient.numel(), flat(numbers), flat(gradient))
    found: Tensor = torch.fft.fft2(numbers, norm="forward")
    return found


def _spread(gradient: Tensor, level: int, layout: Layout) -> Tensor:
    """The gradients of maps from those of their averages."""
    rows, columns = (
        averages(side, level, layout.average, gradient.dtype, gradient.device)
        for side in (layout.rows, layout.columns)
    )
    return (rows.mT @ gradient) @ columns


def _unpadded(gradient: Tensor, layout: Layout) -> Tensor:
    """The gradients of images from those of padded ones."""
    for dim, side in ((-2, layout.rows), (-1, layout.columns)):
        shape = list(gradient.shape)
        shape[dim] = side.length
        into = gradient.new_zeros(shape)
        gradient = into.index_add_(dim, reflected(side, gradient.device), gradient)
    return gradient


def _of_order_zero(gradient: Tensor, layout: Layout) -> Tensor:
    """The gradients of images from those of their averages."""
    images = gradient.new_zeros(len(gradient), layout.rows.length, layout.columns.length)
    with torch.enable_grad():
        images.requires_grad_()
        found = order_zero(images, layout)
    return torch.autograd.grad(found, images, gradient)[0]


def _groups(count: int, layout: Layout) -> Iterator[slice]:
    """Images at a time."""
    size = layout.rows.padded * layout.columns.padded
    most = max(_IMAGES, _AT_ONCE // size)
    step = -(-count // -(-count // most))  # of groups that are alike
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))


def _first_wavelets(images: int, layout: Layout) -> Iterator[tuple[int, slice]]:
    """Scales, and directions at a time."""
    size = images * layout.rows.padded * layout.columns.padded
    for scale in range(layout.scales):
        step = max(1, _AT_ONCE // (size >> (2 * scale)))
        for first in range(0, layout.angles, step):
            yield scale, slice(first, min(first + step, layout.angles))


def _share(kernel: Any, count: int, *arguments: Any) -> None:
    """Let as many threads as torch has share what a kernel does for so many."""
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        kernel(*arguments, 0, count)
        return
    edges = [count * number // threads for number in range(threads + 1)]
    pool = _pool(os.getpid(), threads)
    for _ in pool.map(lambda ends: kernel(*arguments, *ends), pairwise(edges)):
        pass


@lru_cache(4)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads of this process; those of another are not to be had after a fork."""
    del process
    return ThreadPoolExecutor(threads, "scattering")
