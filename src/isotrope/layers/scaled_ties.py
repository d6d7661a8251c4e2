"""Ties among the sizes of scaled kernels, which rounding would otherwise break.

Where a kernel sees zeros only, as on a black background, its response is zero at every size, and
the published layer, which adds up the products one by one, finds exactly that. In Fourier space
each size has a rounding error of its own.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

ROUNDINGS = 16  # of numbers as large as image and kernel together; 3 is the most that was seen


def rounding(images: Tensor, weights: Tensor) -> Tensor:
    """How far from zero responses may lie that are zero but for rounding.

    Shapes:
        images: ``(batch, in_channels, height, width)``
        weights: ``(out_channels, in_channels, k, k)``
        output: ``(batch, out_channels)``
    """
    of_images, of_weights = (
        torch.linalg.vector_norm(numbers.detach().flatten(1), dim=1)
        for numbers in (images, weights)
    )
    limits: Tensor = of_images[:, None] * of_weights
    return limits * (ROUNDINGS * torch.finfo(images.dtype).eps)


def settled(responses: Tensor, limits: Tensor) -> Tensor:
    """The responses, zero where they are no further from it than the limits."""
    return responses.masked_fill(responses.abs() <= limits, 0)


@torch.no_grad()
def equal_at_all_sizes(largest: Tensor, images: Tensor, weights: Tensor) -> Tensor:
    """Where the largest response over all sizes is one to zeros, as the smallest kernel sees them.

    Shapes:
        largest: ``(batch, out_channels, rows, columns)``, without the bias
        images: ``(batch, in_channels, height, width)``
        weights: ``(out_channels, in_channels, k, k)``
        output: as ``largest``, bool
    """
    images, weights = (numbers.detach().to(largest.dtype) for numbers in (images, weights))
    brightest = images.abs().amax(dim=1, keepdim=True)
    nothing_seen = F.max_pool2d(brightest, weights.shape[-1], stride=1) == 0
    return nothing_seen & (largest.abs() <= rounding(images, weights)[..., None, None])
