"""Each image turned about its centre by an angle of its own.

Images are sampled bilinearly and framed by zeros, masks take the nearest pixel and are framed by
void. Quarter turns of square images are exact.
"""

import math

import torch
from pydantic import Field
from torch import Tensor

from isotrope.augmentation._pixels import sampled
from isotrope.settings import Settings

REVISION = 1


class Params(Settings):
    """How far images turn."""

    degrees: float = Field(
        180.0, gt=0, le=180, description="angles are drawn evenly between minus this and this"
    )


def draw(params: Params, generator: torch.Generator, count: int) -> Tensor:
    """By how many degrees each image turns counter-clockwise, ``(count,)`` float64."""
    drawn = torch.rand(count, generator=generator, dtype=torch.float64)
    return (2 * drawn - 1) * params.degrees


def augment(
    params: Params, images: Tensor, labels: Tensor, numbers: Tensor
) -> tuple[Tensor, Tensor]:
    """The turned images."""
    del params
    cosine, sine = (part.to(images.dtype)[:, None, None] for part in _cosine_and_sine(numbers))
    height, width = images.shape[-2:]
    down, right = (
        torch.arange(side, device=images.device, dtype=images.dtype) - (side - 1) / 2
        for side in (height, width)
    )
    # rows count downwards: where a pixel of the turned image comes from is a turn clockwise
    y = cosine * down[:, None] + sine * right + (height - 1) / 2
    x = cosine * right - sine * down[:, None] + (width - 1) / 2
    return sampled(images, y, x), sampled(labels, y, x) if labels.ndim == 3 else labels


def _cosine_and_sine(degrees: Tensor) -> tuple[Tensor, Tensor]:
    """Those of angles, exact at quarter turns."""
    quarters = (degrees / 90).round()
    rest = (degrees - 90 * quarters) * (math.pi / 180)
    cosine, sine = rest.cos(), rest.sin()
    odd, negative = quarters % 2 == 1, quarters % 4 >= 2
    sign = 1 - 2 * negative.to(degrees.dtype)
    return sign * torch.where(odd, -sine, cosine), sign * torch.where(odd, cosine, sine)
