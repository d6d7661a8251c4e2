"""Log-polar convolutions of whole stacks of networks in few large operations, for a GPU.

Arguments as in `isotrope.layers.log_polar_products`. So many images or rows of centres are taken
at a time as the memory allows. Their samples are gathered in one operation
(`isotrope.layers.log_polar_bags`) and transformed over angles and radii, where the convolution is a
product of channels at each frequency (`isotrope.layers.log_polar_spectra`): one batched product,
of a tenth of the multiplications. Backward: the transform of a gradient that has reached one
response is a column of a matrix, so that the winners' gradients are gathered in Fourier space;
what is left are the same products, transposed. Nothing is sorted or scattered, all shapes are
fixed, and sums are taken in the same order each time.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.forms import numbers_at_once
from isotrope.layers.log_polar_bags import bag_sums, reading, spreading
from isotrope.layers.log_polar_jobs import Job, Site
from isotrope.layers.log_polar_pooling import largest
from isotrope.layers.log_polar_spectra import Shape, Spectra, spectra

_ON_A_CPU = 2**22  # numbers


class _Part(NamedTuple):
    """What is computed at a time: images, and rows of centres."""

    images: slice
    rows: slice
    site: Site


def forward(maps: Tensor, weight: Tensor, job: Job) -> tuple[Tensor, Tensor]:
    """Values and winners."""
    stack, _, batch = maps.shape[:3]
    if stack > 1 and maps.stride(0) == 0:  # all see the same, so that all are one network
        values, winners = forward(maps[:1], weight.flatten(0, 1)[None], job)
        values, winners = (
            one.view(batch, stack, -1, *one.shape[3:]).transpose(0, 1) for one in (values, winners)
        )
        return values, winners
    site = job.site
    shape = (stack, batch, weight.shape[1], job.pooling.slots, site.height, site.width)
    values = maps.new_empty(shape)
    winners = torch.empty(shape, dtype=torch.int16, device=maps.device)
    matrices, products = _prepared(weight, job)
    for part in _parts(maps, weight, job):
        seen = _transformed(maps, job, part, matrices)
        found = _pooled(torch.bmm(products, seen), stack, job, matrices)
        for whole, one in zip((values, winners), found, strict=True):
            one = one.view(stack, *shape[3:1:-1], part.site.height, part.site.width, -1)
            whole[:, part.images, :, :, part.rows] = one.permute(0, 5, 2, 1, 3, 4)
    return values, winners


def backward(
    gradient: Tensor,
    winners: Tensor,
    maps: Tensor,
    weight: Tensor,
    job: Job,
    wanted: tuple[bool, bool],
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of maps and weights, each where it is wanted."""
    stack = len(maps)
    if stack > 1 and maps.stride(0) == 0 and not wanted[0]:
        of_all, won = (one.transpose(0, 1).flatten(1, 2)[None] for one in (gradient, winners))
        _, found = backward(of_all, won, maps[:1], weight.flatten(0, 1)[None], job, wanted)
        return None, None if found is None else found.view(weight.shape)
    matrices, products = _prepared(weight, job)
    of_maps = torch.zeros_like(maps, memory_format=torch.contiguous_format) if wanted[0] else None
    of_products: Tensor | None = None
    for part in _parts(maps, weight, job):
        spread = _gradient_spectra(gradient, winners, part, matrices)
        if wanted[1]:
            seen = _transformed(maps, job, part, matrices)
            found = torch.bmm(spread, seen.mT)
            of_products = found if of_products is None else of_products + found
        if of_maps is not None:
            read = torch.bmm(products.mT, spread)
            of_maps[:, :, part.images] += _put(read, maps, job, part, matrices)
    if of_products is None:
        return of_maps, torch.zeros_like(weight) if wanted[1] else None
    return of_maps, _weight_gradient(of_products, weight, matrices)


def _shape(weight: Tensor, job: Job) -> Shape:
    pooling = job.pooling
    return Shape(job.bank.grid.rows, pooling.angles, pooling.rows, weight.shape[-1])


def _parts(maps: Tensor, weight: Tensor, job: Job) -> Iterator[_Part]:
    """All images and centres, so many at a time as the memory allows."""
    site, batch, shape = job.site, maps.shape[2], _shape(weight, job)
    numbers = 2 * shape.pairs * max(weight.shape[1:3]) * (1 if job.pooling.topk is None else 3)
    at_once = numbers_at_once(maps, _ON_A_CPU)
    step = max(1, min(site.height, at_once // (numbers * site.width)))
    images = max(1, at_once // (numbers * site.width * site.height))
    for first in range(0, batch, images):
        for row in range(0, site.height, step):
            rows = slice(row, min(row + step, site.height))
            yield _Part(slice(first, first + images), rows, site.rows(rows.start, rows.stop))


def _prepared(weight: Tensor, job: Job) -> tuple[Spectra, Tensor]:
    """Matrices, and those that weights are: ``(stack * pairs, 2 * out, 2 * in_channels)``."""
    matrices = spectra(_shape(weight, job), weight.dtype, weight.device)
    stack, out_channels, channels = weight.shape[:3]
    found = weight.flatten(3) @ matrices.of_kernels.T
    found = found.view(stack, out_channels, channels, -1, 2).permute(0, 3, 4, 1, 2)
    real, imaginary = found[:, :, 0], found[:, :, 1]
    across = imaginary * matrices.complex
    other = torch.lerp(imaginary, real, matrices.complex)
    above = torch.cat((real, across), dim=-1)
    below = torch.cat((-across, other), dim=-1)
    return matrices, torch.cat((above, below), dim=-2).flatten(0, 1)


def _weight_gradient(products: Tensor, weight: Tensor, matrices: Spectra) -> Tensor:
    stack, out_channels, channels = weight.shape[:3]
    found = products.view(stack, -1, 2, out_channels, 2, channels)
    real, across = found[:, :, 0, :, 0], found[:, :, 0, :, 1] - found[:, :, 1, :, 0]
    other, mixed = found[:, :, 1, :, 1], matrices.complex
    parts = torch.stack((real + mixed * other, torch.lerp(other, across, mixed)), dim=2)
    flat = parts.flatten(1, 2).permute(0, 2, 3, 1)
    return (flat @ matrices.of_kernels).view(weight.shape)


def _transformed(maps: Tensor, job: Job, part: _Part, matrices: Spectra) -> Tensor:
    """Samples in Fourier space: ``(stack * pairs, 2 * in_channels, centres * images)``."""
    grid, some = job.bank.grid, maps[:, :, part.images]
    stack, _, batch, channels, height, width = some.shape
    table = some.permute(1, 4, 5, 0, 2, 3).reshape(-1, stack * batch * channels)
    bags = reading(job.bank, part.site, height, width, maps.dtype, maps.device)
    samples = bag_sums(table, bags)
    samples = samples.view(grid.num_angles, grid.rows, -1, stack, batch, channels)
    samples = samples.permute(3, 0, 1, 5, 2, 4).reshape(stack, grid.num_angles, -1)
    return _analysed(samples, channels, grid.rows, matrices)


def _analysed(samples: Tensor, channels: int, radii: int, matrices: Spectra) -> Tensor:
    stack, bands = len(samples), len(matrices.over_radii)
    found = torch.bmm(matrices.over_angles.expand(stack, -1, -1), samples)
    found = torch.bmm(
        _repeated(matrices.over_radii, stack), found.view(stack * bands, 2 * radii, -1)
    )
    return found.view(stack * len(matrices.complex), 2 * channels, -1)


def _repeated(matrices: Tensor, stack: int) -> Tensor:
    return matrices if stack == 1 else matrices.repeat(stack, 1, 1)


def _pooled(found: Tensor, stack: int, job: Job, matrices: Spectra) -> tuple[Tensor, Tensor]:
    """What remains: values and winners ``(stack, slots, out_channels * centres * images)``."""
    bands, rows = len(matrices.to_rows), job.pooling.rows
    length = matrices.to_rows.shape[-1]
    found = torch.bmm(_repeated(matrices.to_rows, stack), found.view(stack * bands, length, -1))
    found = found.view(stack, 2 * bands, -1)
    found = torch.bmm(matrices.to_angles.expand(stack, -1, -1), found)
    return largest(found.view(stack, job.pooling.angles, rows, -1).transpose(1, 2), job.pooling)


def _gradient_spectra(gradient: Tensor, winners: Tensor, part: _Part, matrices: Spectra) -> Tensor:
    """The gradient in Fourier space: ``(stack * pairs, 2 * out_channels, centres * images)``."""
    some = (one[:, part.images, :, :, part.rows] for one in (gradient, winners))
    shares, places = (one.permute(0, 2, 4, 5, 1, 3).reshape(-1, one.shape[3]) for one in some)
    stack, out_channels = gradient.shape[0], gradient.shape[2]
    found = F.embedding_bag(
        places.int(), matrices.of_responses, mode="sum", per_sample_weights=shares
    )
    turned = found.view(stack, -1, found.shape[-1]).mT
    return turned.reshape(stack * len(matrices.complex), 2 * out_channels, -1)


def _put(read: Tensor, maps: Tensor, job: Job, part: _Part, matrices: Spectra) -> Tensor:
    """The gradient of the maps from that of `_transformed`."""
    grid, (stack, levels, _, channels, height, width) = job.bank.grid, maps.shape
    bands = len(matrices.over_radii)
    found = torch.bmm(
        _repeated(matrices.over_radii, stack).mT,
        read.view(stack * bands, matrices.over_radii.shape[1], -1),
    )
    found = torch.bmm(
        matrices.over_angles.T.expand(stack, -1, -1), found.view(stack, 2 * bands, -1)
    )
    centres = part.site.height * part.site.width
    found = found.view(stack, grid.num_angles, grid.rows, channels, centres, -1)
    images = found.shape[-1]
    table = found.permute(1, 2, 4, 0, 5, 3).reshape(-1, stack * images * channels)
    bags = spreading(job.bank, part.site, height, width, maps.dtype, maps.device)
    sums = bag_sums(table, bags).view(levels, height, width, stack, images, channels)
    return sums.permute(3, 0, 4, 5, 1, 2)
