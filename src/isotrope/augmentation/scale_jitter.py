"""Each image at a random size: the plain remedy for a network that knows nothing of scale.

Each image of 0..1 is resized about its centre by a factor of its own on a canvas that keeps its
size: what grows loses its rim, what shrinks is framed by zeros. Masks take the nearest pixel and
are framed by void.
"""

import math

import torch
from pydantic import Field
from torch import Tensor

from isotrope.augmentation._pixels import taken
from isotrope.layers import forms
from isotrope.settings import Settings

REVISION = 1
DRAWN = "step"  # each step draws its own numbers, not the epoch: so they were first published


class Params(Settings):
    """How much sizes vary."""

    largest: float = Field(
        gt=1,
        le=8,
        description="factors are drawn between 1 / largest and largest, their logarithm uniformly, "
        "for every image and epoch anew",
    )


def draw(params: Params, generator: torch.Generator, count: int) -> Tensor:
    """The factor of each image, ``(count,)`` float64."""
    drawn = torch.rand(count, generator=generator, dtype=torch.float64)
    return ((2 * drawn - 1) * math.log(params.largest)).exp()


def augment(
    params: Params, images: Tensor, labels: Tensor, numbers: Tensor
) -> tuple[Tensor, Tensor]:
    """The resized images."""
    # A CPU looks no further than it must; a GPU must not wait to be told how far that is. Beyond
    # are zeros, which can change the last bit of a sum where images shrink to less than half.
    few = forms.few_launches(numbers)
    smallest = 1 / params.largest if few else float(numbers.min())
    resized = rescaled(images, numbers, smallest)
    return resized, _rescaled_masks(labels, numbers) if labels.ndim == 3 else labels


def rescaled(images: Tensor, factors: Tensor, smallest: float) -> Tensor:
    """Each image resized about its centre by its factor, zeros outside.

    Bilinear on half-pixel centres; what shrinks is antialiased by a triangle as wide as two pixels
    of the result. Inside the image that is ``torch.nn.functional.interpolate`` with
    ``antialias=True``; at its border the zeros beyond take part.

    Shapes:
        images: ``(batch, channels, height, width)``
        factors: ``(batch,)``, none below ``smallest``
        output: as the images
    """
    shrinking = math.ceil(1 / smallest)
    factors = factors.to(images.dtype)
    rows, columns = (_resize_matrices(side, factors, shrinking) for side in images.shape[-2:])
    return rows[:, None] @ images @ columns[:, None].mT


def _resize_matrices(side: int, factors: Tensor, shrinking: int) -> Tensor:
    """The resize along one axis: ``(batch, side, side)``, one row for each pixel of the result."""
    pixel = torch.arange(side, dtype=factors.dtype, device=factors.device)
    centres = _centres(side, factors)
    reach = (1 / factors).clamp(min=1)[:, None, None]

    def triangle(distances: Tensor) -> Tensor:
        return (1 - distances.abs() / reach).clamp(min=0)

    taps = max(1, shrinking)
    around = torch.arange(-taps, taps + 1, dtype=factors.dtype, device=factors.device)
    total = triangle((centres - centres.round())[..., None] - around).sum(dim=-1, keepdim=True)
    return triangle(centres[..., None] - pixel) / total


def _centres(side: int, factors: Tensor) -> Tensor:
    """Where the middle of each pixel of the result lies in the image, ``(batch, side)``."""
    pixel = torch.arange(side, dtype=factors.dtype, device=factors.device)
    middle = (side - 1) / 2
    return (pixel - middle) / factors[:, None] + middle


def _rescaled_masks(masks: Tensor, factors: Tensor) -> Tensor:
    rows, columns = (_centres(side, factors).round().long() for side in masks.shape[-2:])
    return taken(masks, rows, columns)
