"""A random part of each image, stretched to the size of the image.

The area of the part is evenly distributed in ``smallest`` to 1 of the image's, and the logarithm of
its aspect, width through height, evenly between those of 1 / ``aspect`` and ``aspect``. Its sides
are whole pixels. A part that does not fit is drawn again, ten times at most; then it is the largest
part in the middle whose aspect is allowed. Between pixels images are bilinear, and nothing outside
of the part is seen; masks take the nearest pixel.

Source: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, in the form of torchvision's
``RandomResizedCrop``. With ``flip`` behind it that is ``randomresized`` of the shift study. Differs
from theirs: an image that is resized before it is augmented has lost what lies between its pixels;
``imagenet`` has the same view of its photos before they are resized.
"""

import math

import torch
from pydantic import Field
from torch import Tensor

from isotrope.augmentation._pixels import taken
from isotrope.settings import Settings

REVISION = 1
TRIES = 10


class Params(Settings):
    """How small and how oblong the parts may be."""

    smallest: float = Field(0.08, gt=0, le=1, description="least part of the area of the image")
    aspect: float = Field(
        4 / 3, ge=1, le=16, description="largest aspect of a part, width through height"
    )


def draw(params: Params, generator: torch.Generator, count: int) -> dict[str, Tensor]:
    """What each image draws, float64.

    Returns:
        ``area`` ``(count, 10)``, parts of the area; ``aspect`` ``(count, 10)``, width through
        height; ``place`` ``(count, 2)`` in 0..1, how far down and to the right, where 1 is as far
        as the part can go.
    """
    area, aspect = (
        torch.rand(count, TRIES, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    return {
        "area": params.smallest + (1 - params.smallest) * area,
        "aspect": ((2 * aspect - 1) * math.log(params.aspect)).exp(),
        "place": torch.rand(count, 2, generator=generator, dtype=torch.float64),
    }


def augment(
    params: Params, images: Tensor, labels: Tensor, numbers: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """The parts, stretched."""
    height, width = images.shape[-2:]
    firsts, sides = windows(params, numbers, height, width)
    axes = list(zip(firsts.T, sides.T, (height, width), strict=True))
    down, across = (_between(*axis).to(images.dtype) for axis in axes)
    found = down[:, None] @ images @ across[:, None].mT
    if labels.ndim != 3:
        return found, labels
    rows, columns = (_nearest(*axis) for axis in axes)
    return found, taken(labels, rows, columns)


def windows(
    params: Params, numbers: dict[str, Tensor], height: int, width: int
) -> tuple[Tensor, Tensor]:
    """The upper left pixel and the sides of each part, both ``(n, 2)`` float64, y before x."""
    area, aspect = height * width * numbers["area"], numbers["aspect"]
    tall, wide = (area / aspect).sqrt().round(), (area * aspect).sqrt().round()
    fits = (tall > 0) & (tall <= height) & (wide > 0) & (wide <= width)
    first = fits.to(torch.uint8).argmax(dim=1, keepdim=True)  # the first that fits, if any does
    drawn = torch.cat([tall.gather(1, first), wide.gather(1, first)], dim=1)
    middle = drawn.new_tensor(
        [min(height, round(width * params.aspect)), min(width, round(height * params.aspect))]
    )
    any_fits = fits.any(dim=1, keepdim=True)
    sides = drawn.where(any_fits, middle)
    room = drawn.new_tensor([height, width]) - sides
    places = (numbers["place"] * (room + 1)).floor()
    return places.where(any_fits, (room / 2).floor()), sides


def _between(first: Tensor, its: Tensor, side: int) -> Tensor:
    """What each pixel of the result takes of those along one axis, ``(n, side, side)``."""
    pixel = torch.arange(side, dtype=first.dtype, device=first.device)
    at = (pixel + 0.5) * (its / side)[:, None] - 0.5
    places = first[:, None] + at.clamp(min=0).minimum((its - 1)[:, None])
    return (1 - (places[..., None] - pixel).abs()).clamp(min=0)


def _nearest(first: Tensor, its: Tensor, side: int) -> Tensor:
    """The pixel in which the middle of each pixel of the result lies, ``(n, side)`` int64."""
    twice = 2 * torch.arange(side, device=first.device) + 1
    return first.long()[:, None] + twice * its.long()[:, None] // (2 * side)
