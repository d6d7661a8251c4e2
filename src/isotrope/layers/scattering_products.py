"""Filtering maps on a CPU and the way back: compiled products, and transforms by torch.

With more than one thread, kernels share maps or wavelets; no sum depends on their number.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

import isotrope.layers.scattering_kernels as kernels
from isotrope.layers.scattering_sizes import averages
from isotrope.layers.scattering_transform import Layout
from isotrope.layers.scattering_wavelets import Array, Wavelets, flat


def filtered(spectra: Tensor, wavelets: Wavelets) -> Tensor:
    """Maps behind each wavelet: ``(maps * wavelets, rows, columns)`` of the coarser grid."""
    found = spectra.new_empty(len(spectra) * wavelets.number, *wavelets.coarse)
    given = wavelets.arranged(spectra)
    numbers = wavelets.numbers
    _share(kernels.multiply, len(spectra), *_arguments(given, found, numbers, wavelets), False)
    back: Tensor = torch.fft.ifft2(found)
    return back


def add_spectra(given: Tensor, wavelets: Wavelets, into: Tensor) -> None:
    """Add the gradients of spectra, given those of their products."""
    found = torch.zeros_like(into) if wavelets.blocked else into
    _share(kernels.multiply, len(into), *_arguments(found, given, wavelets.numbers, wavelets), True)
    if wavelets.blocked:
        into += wavelets.in_rows(found)


def add_wavelets(given: Tensor, spectra: Tensor, wavelets: Wavelets, into: Array) -> None:
    """Add the gradients of wavelets, given those of their products with spectra."""
    ordered = wavelets.arranged(spectra)
    _share(kernels.correlate, wavelets.number, *_arguments(ordered, given, into, wavelets))


def _arguments(spectra: Tensor, products: Tensor, numbers: Array, wavelets: Wavelets) -> Any:
    """What the kernels take, in their order."""
    fine, coarse = (2 * rows * columns for rows, columns in (wavelets.grid, wavelets.coarse))
    where = wavelets.starts, wavelets.segments
    return flat(spectra), flat(products), numbers, *where, fine, coarse


def moduli(numbers: Tensor) -> Tensor:
    """The absolute values of complex numbers."""
    found = torch.empty(numbers.shape, dtype=numbers.dtype.to_real())
    _share(kernels.modulus, found.numel(), flat(numbers), flat(found))
    return found


def gradient_of_spectra(numbers: Tensor, gradient: Tensor) -> Tensor:
    """The gradients of spectra from those of the moduli of maps, which are overwritten."""
    _share(kernels.along, gradient.numel(), flat(numbers), flat(gradient))
    found: Tensor = torch.fft.fft2(numbers, norm="forward")
    return found


def add_moduli(spectra: Tensor, into: Tensor) -> None:
    """Add the gradients of maps, given those of their spectra."""
    real = torch.fft.ifft2(spectra, norm="forward")
    _share(kernels.add_real_parts, into.numel(), flat(into), flat(real))


def spread(gradient: Tensor, level: int, layout: Layout) -> Tensor:
    """The gradients of maps from those of their averages."""
    rows, columns = (
        averages(side, level, layout.average, gradient.dtype, gradient.device)
        for side in (layout.rows, layout.columns)
    )
    return (rows.mT @ gradient) @ columns


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
