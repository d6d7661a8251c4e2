"""Each image framed by zeros and cut out again at a place of its own, at its old size.

With a padding of 4 that is the crop of nearly all work on CIFAR, ``RandomCrop(32, padding=4)``.
Masks are framed by void.
"""

import torch
from pydantic import Field
from torch import Tensor

from isotrope.augmentation._pixels import taken
from isotrope.settings import Settings

REVISION = 1


class Params(Settings):
    """How far images move."""

    padding: int = Field(4, ge=1, le=4096, description="width of the frame, in pixels")


def draw(params: Params, generator: torch.Generator, count: int) -> Tensor:
    """Top and left edge of each window in the framed image, ``(count, 2)`` int64."""
    return torch.randint(0, 2 * params.padding + 1, (count, 2), generator=generator)


def augment(
    params: Params, images: Tensor, labels: Tensor, numbers: Tensor
) -> tuple[Tensor, Tensor]:
    """The windows."""
    height, width = images.shape[-2:]
    edges = numbers - params.padding
    rows = edges[:, :1] + torch.arange(height, device=images.device)
    columns = edges[:, 1:] + torch.arange(width, device=images.device)
    masks = labels.ndim == 3
    return taken(images, rows, columns), taken(labels, rows, columns) if masks else labels
