"""Some of the images mirrored."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from isotrope.settings import Settings

REVISION = 1


class Params(Settings):
    """Which images are mirrored, and how."""

    axis: Literal["horizontal", "vertical"] = Field(
        "horizontal", description="horizontal: left becomes right; vertical: top becomes bottom"
    )
    probability: float = Field(0.5, gt=0, le=1, description="share of the images")


def draw(params: Params, generator: torch.Generator, count: int) -> Tensor:
    """Whether each image is mirrored, ``(count,)`` bool."""
    return torch.rand(count, generator=generator) < params.probability


def augment(
    params: Params, images: Tensor, labels: Tensor, numbers: Tensor
) -> tuple[Tensor, Tensor]:
    """The images, some of them mirrored."""
    axis = -1 if params.axis == "horizontal" else -2
    images = images.flip(axis).where(numbers[:, None, None, None], images)
    if labels.ndim == 3:
        labels = labels.flip(axis).where(numbers[:, None, None], labels)
    return images, labels
