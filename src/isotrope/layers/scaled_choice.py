"""Responses of scaled kernels, at one scale for each image and channel, in few large operations.

Products in Fourier space, as those of `isotrope.layers.scaled_products.Transformed`, but the
kernels of no other scale take part. They would differ from image to image, so they are never made:
their transform along the height is multiplied by the images' spectra and summed over the input
channels, for each column of the smallest kernel by itself; what these columns become along the
width comes in last.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

import isotrope.layers.scaled_constants as constants
from isotrope.layers.forms import numbers_of_all_rows
from isotrope.layers.scaled_constants import Kernels, Site


def responses_at(kernels: Kernels, images: Tensor, weights: Tensor, scales: Tensor) -> Tensor:
    """The responses at given scales. Where a kernel does not fit they mean nothing.

    Shapes:
        images: ``(rows or 1, batch, in_channels, height, width)``
        weights: ``(rows, out_channels, in_channels, k, k)``
        scales: ``(rows, out_channels, batch)`` int64
        output: ``(rows, out_channels, batch, height - k + 1, width - k + 1)``
    """
    site, k = Site(images.dtype, images.device), kernels.smallest
    (rows, outputs, channels), (height, width) = weights.shape[:3], images.shape[-2:]
    spectra = _transform(images, site).expand(-1, -1, rows, -1, -1)
    down = constants.down_spectra(kernels, height, site)
    across = constants.across_spectra(kernels, width, site)
    pairs, frequencies = down.shape[1] // height, width // 2 + 1
    folding = constants.folding(kernels, site)
    folded = (weights.reshape(-1, len(folding)) @ folding).view(*weights.shape[:3], pairs, pairs, 2)
    folded = folded.permute(0, 1, 3, 4, 5, 2).reshape(rows * outputs, pairs, -1)
    back_across = constants.back_across(k, width, 0, site)
    back_down = constants.back_down(k, height, width, 0, site)

    numbers = 2 * rows * height * outputs * pairs * max(channels, frequencies)
    step = max(1, numbers_of_all_rows() // numbers)
    found = []
    parts = torch.split(spectra, step), torch.split(scales.permute(2, 0, 1), step)
    for of_images, chosen in zip(*parts, strict=True):
        batch = len(of_images)
        lines = F.embedding(chosen.permute(1, 2, 0), down).view(rows * outputs, -1, pairs)
        lined = lines.new_empty(batch * height, rows * outputs, folded.shape[-1])
        torch.bmm(lines, folded, out=lined.transpose(0, 1))
        lined = lined.view(batch * height * rows, outputs * pairs, -1)
        summed = torch.bmm(lined, of_images.reshape(len(lined), lined.shape[-1], -1))
        summed = summed.view(batch, height, rows, outputs, pairs, frequencies, 2)
        columns = F.embedding(chosen, across).view(batch, 1, rows, outputs, pairs, frequencies, 1)
        products = summed.mul_(columns).sum(dim=4).permute(0, 2, 1, 4, 5, 3)
        products = products.reshape(batch * rows * height, -1, outputs)
        turned = torch.bmm(back_across.expand(len(products), -1, -1), products)
        turned = turned.view(batch * rows, 2 * height, -1)
        maps = torch.bmm(back_down.expand(len(turned), -1, -1), turned)
        found.append(maps.view(batch, rows, len(back_down), -1, outputs))
    every = found[0] if len(found) == 1 else torch.cat(found)
    return every.permute(1, 4, 0, 2, 3)


def _transform(images: Tensor, site: Site) -> Tensor:
    """The transform of images, for what kernels are multiplied by.

    Shapes:
        output: ``(batch, p, rows or 1, 2 * in_channels, q * 2)``
    """
    rows, batch, channels, height, width = images.shape
    down, across = constants.forth_down(height, site), constants.forth_across(width, site)
    planes = images.reshape(-1, height, width)
    lines = torch.bmm(down.expand(math.prod(images.shape[:3]), -1, -1), planes)
    parts = (lines.view(-1, 2 * width) @ across).view(rows, batch, channels, height, -1, 2, 2)
    parts = parts.permute(1, 3, 0, 6, 2, 4, 5)
    return parts.reshape(batch, height, rows, 2 * channels, -1)
