"""Training images at random sizes: the plain remedy for a network that knows nothing of scale.

Each training image of 0..1 is resized about its centre by a factor of its own on a canvas that
keeps its size: what grows loses its rim, what shrinks is framed by zeros. Validation and test
images stay as they are. Factors are drawn for every step anew and depend on nothing but the seed,
the epoch, the step and the place in the batch, so a seed sees the same images alone, in any
pack and after an interruption.
"""

import math

import torch
from torch import Tensor

from isotrope.params.training import ScaleJitter
from isotrope.training import seeding


def augmented(images: Tensor, jitter: ScaleJitter, seed: int, epoch: int, step: int) -> Tensor:
    """The images of a training step as the network shall see them.

    Args:
        images: ``(batch, channels, height, width)`` in 0..1.
        jitter: how much sizes vary.
        seed: the seed of the network.
        epoch: the epoch, from 1.
        step: the step of the epoch, from 0.
    """
    return rescaled(images, scale_factors(len(images), jitter.largest, seed, epoch, step))


def scale_factors(count: int, largest: float, seed: int, epoch: int, step: int) -> Tensor:
    """Factors whose logarithm is uniform between those of ``1 / largest`` and ``largest``.

    Returns:
        Shape ``(count,)``, float64 on the CPU.
    """
    generator = seeding.step_generator(seed, epoch, step)
    drawn = torch.rand(count, generator=generator, dtype=torch.float64)
    return ((2 * drawn - 1) * math.log(largest)).exp()


def rescaled(images: Tensor, factors: Tensor) -> Tensor:
    """Each image resized about its centre by its factor, zeros outside.

    Bilinear on half-pixel centres; what shrinks is antialiased by a triangle as wide as two pixels
    of the result. Inside the image that is ``torch.nn.functional.interpolate`` with
    ``antialias=True``; at its border the zeros beyond take part.

    Shapes:
        images: ``(batch, channels, height, width)``
        factors: ``(batch,)``, on the CPU
        output: as the images
    """
    shrinking = math.ceil(1 / float(factors.min()))
    factors = factors.to(images.device, images.dtype)
    rows, columns = (_resize_matrices(side, factors, shrinking) for side in images.shape[-2:])
    return rows[:, None] @ images @ columns[:, None].mT


def _resize_matrices(side: int, factors: Tensor, shrinking: int) -> Tensor:
    """The resize along one axis: ``(batch, side, side)``, one row for each pixel of the result."""
    pixel = torch.arange(side, dtype=factors.dtype, device=factors.device)
    middle = (side - 1) / 2
    centres = (pixel - middle) / factors[:, None] + middle
    reach = (1 / factors).clamp(min=1)[:, None, None]

    def triangle(distances: Tensor) -> Tensor:
        return (1 - distances.abs() / reach).clamp(min=0)

    taps = max(1, shrinking)
    around = torch.arange(-taps, taps + 1, dtype=factors.dtype, device=factors.device)
    total = triangle((centres - centres.round())[..., None] - around).sum(dim=-1, keepdim=True)
    return triangle(centres[..., None] - pixel) / total
