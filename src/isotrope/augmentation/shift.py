"""Each image moved by some whole pixels of its own; what leaves on one side enters on the other.

Source: the training of Rojas-Gomez et al., "Learnable Polyphase Sampling", NeurIPS 2022,
https://arxiv.org/abs/2210.08001, which rolls CIFAR-10 images by up to 3 pixels. With
``border: zeros`` zeros enter instead, and void in masks.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from isotrope.augmentation._pixels import taken
from isotrope.settings import Settings

REVISION = 1


class Params(Settings):
    """How far images move, and what enters."""

    largest: int = Field(3, ge=1, le=4096, description="pixels, at most, up, down, left and right")
    border: Literal["wrap", "zeros"] = Field(
        "wrap", description="wrap: what leaves enters on the other side; zeros: zeros enter"
    )


def draw(params: Params, generator: torch.Generator, count: int) -> Tensor:
    """By how many pixels each image moves down and to the right, ``(count, 2)`` int64."""
    return torch.randint(-params.largest, params.largest + 1, (count, 2), generator=generator)


def augment(
    params: Params, images: Tensor, labels: Tensor, numbers: Tensor
) -> tuple[Tensor, Tensor]:
    """The moved images."""
    height, width = images.shape[-2:]
    wrap = params.border == "wrap"
    rows = torch.arange(height, device=images.device) - numbers[:, :1]
    columns = torch.arange(width, device=images.device) - numbers[:, 1:]
    masks = labels.ndim == 3
    moved = taken(images, rows, columns, wrap)
    return moved, taken(labels, rows, columns, wrap) if masks else labels
