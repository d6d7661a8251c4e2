"""Ties among the sizes of scaled kernels, which rounding would otherwise break.

Where a kernel sees zeros only, as on a black background, its response is zero at every size, and
the published layer, which adds up the products one by one, finds exactly that. In Fourier space
each size has a rounding error of its own, which follows the norms of image and kernel; that of the
kernel falls as one over its size.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from isotrope.layers.scaled_convolution import SiConv2d

ROUNDINGS = 4  # of numbers as large as image and kernel together; 3 is the most that was seen


def limits(images: Tensor, convolution: SiConv2d) -> Tensor:
    """How far from zero responses may lie, without the bias, that are zero but for rounding.

    Shapes:
        images: ``(batch, in_channels, height, width)``, in the type that responses are computed in
        output: ``(batch, out_channels, scales)``
    """
    weights = convolution.weights.detach().to(images.dtype)
    of_images, of_weights = (
        torch.linalg.vector_norm(numbers.flatten(1), dim=1) for numbers in (images, weights)
    )
    norms: Tensor = of_images[:, None] * of_weights
    sizes = convolution.frame_widths * 2 + convolution.kernel_size
    shares = ROUNDINGS * torch.finfo(images.dtype).eps * convolution.kernel_size / sizes
    return norms[..., None] * shares.to(images.dtype)


def settled(responses: Tensor, most: Tensor) -> Tensor:
    """The responses, zero where they are no further from it than the limits."""
    return responses.masked_fill(responses.abs() <= most, 0)


@torch.no_grad()
def equal_at_all_sizes(
    largest: Tensor, scales: Tensor, images: Tensor, convolution: SiConv2d
) -> Tensor:
    """Where the largest response over all sizes is one to zeros, as the smallest kernel sees them.

    Shapes:
        largest: ``(batch, out_channels, rows, columns)``, without the bias
        scales: the same; those of the largest responses
        images: ``(batch, in_channels, height, width)``
        output: as ``largest``, bool
    """
    images = images.detach().to(largest.dtype)
    brightest = images.abs().amax(dim=1, keepdim=True)
    nothing_seen = F.max_pool2d(brightest, convolution.kernel_size, stride=1) == 0
    most = limits(images, convolution).gather(2, scales.flatten(2).long()).view(largest.shape)
    return nothing_seen & (largest.abs() <= most)
