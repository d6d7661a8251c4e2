"""A square of each image filled with the mean of the image.

The mean is that of all pixels and channels, cut off to a grey level of 0 to 255. The upper edge of
the square is drawn evenly from half the size above the image to where the square ends one pixel
above its lower border; what lies above the image is cut off. Masks are void in the square.

With ``place: even`` the left edge is drawn likewise. ``place: published`` has what the code of
Parametric Scattering Networks does: where the drawn left edge lies inside the image, the upper edge
is taken instead, but the right edge stays where the drawn square ends. So what is filled begins on
the diagonal or at the left border, and is 1 to 31 pixels wide for a square of 16 in an image of 32.
Differs from that code: its draws repeat in every epoch, since each of its loading processes begins
an epoch with one state of NumPy's generator; here they are drawn anew for each image and epoch.

Sources: DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout",
2017, https://arxiv.org/abs/1708.04552, who draw the middle of the square from the whole image and
fill it with zeros; Gauthier et al., "Parametric Scattering Networks", CVPR 2022,
https://arxiv.org/abs/2107.09539.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from isotrope.datasets.images import VOID
from isotrope.settings import Settings

REVISION = 1


class Params(Settings):
    """How large the square is, and where."""

    size: int = Field(16, ge=1, le=4096, description="side of the square, in pixels")
    place: Literal["published", "even"] = Field(
        "published",
        description="published: what is filled begins on the diagonal or at the left border, as in "
        "Parametric Scattering Networks' code; even: both edges are drawn likewise",
    )


def draw(params: Params, generator: torch.Generator, count: int) -> Tensor:
    """Where each square lies, down and to the right, ``(count, 2)`` float64 in 0..1."""
    del params
    return torch.rand(count, 2, generator=generator, dtype=torch.float64)


def augment(
    params: Params, images: Tensor, labels: Tensor, numbers: Tensor
) -> tuple[Tensor, Tensor]:
    """The images with their squares."""
    height, width = images.shape[-2:]
    down, right = numbers.unbind(1)
    top, left = _edge(down, height, params.size), _edge(right, width, params.size)
    bottom, end = top + params.size, left + params.size
    top = top.clamp(min=0)
    if params.place == "published":
        left = torch.where(left < 0, 0, top)
    i = torch.arange(height, device=images.device)
    j = torch.arange(width, device=images.device)
    rows = (i >= top[:, None]) & (i < bottom[:, None])
    columns = (j >= left[:, None]) & (j < end[:, None])
    hidden = rows[:, :, None] & columns[:, None, :]
    levels = (images * 255).round().flatten(1)
    mean = levels.mean(dim=1, dtype=torch.float64).floor().to(images.dtype) / 255
    filled = torch.where(hidden[:, None], mean[:, None, None, None], images)
    return filled, labels.masked_fill(hidden, VOID) if labels.ndim == 3 else labels


def _edge(drawn: Tensor, side: int, size: int) -> Tensor:
    """The upper or left edge of a square, in pixels; int64, at least minus half the size."""
    half = size // 2
    return (drawn * max(1, side - size + half)).floor().long() - half
