"""Accuracy under shifts as the Deep Log-Polar Networks were tested: size and shift change at once.

This is the published sweep with its flaw, for comparison with published numbers alone;
``translation`` is the one that measures shifts. The published code shifts the content up and to the
left by t pixels, with black where nothing was, on the canvas of the image, and then resizes this
canvas to t pixels more on each side, and so to ``side + 2 t`` pixels. On images of 28 pixels t = 4
also scales by 1.29, and t = -4 by 0.71: what looks like a loss by a shift is mostly one by scale.

The published rows name a shift along x and one along y; here both are t. ``size`` is the height of
the images that the network sees. A network that takes one size only is not asked at other sizes,
which a line in the log says.
"""

from functools import partial
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from isotrope.datasets.stream import Split
from isotrope.evaluation._sweeps import (
    DESCRIPTION,
    Change,
    View,
    classes_only,
    distinct,
    rows_of_views,
    taken_sizes,
)
from isotrope.evaluation._turning import Interpolation, Pose, Resampling, resized
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
TOGETHER = True

NAME = "translation_published"


class Params(Settings):
    """Settings of ``translation_published``."""

    shifts: Annotated[list[int], Field(min_length=1), AfterValidator(distinct)] = Field(
        list(range(-4, 5)), description="t, pixels up and to the left"
    )
    interpolation: Interpolation = Field("bicubic", description=DESCRIPTION)


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed: ``accuracy``, ``loss`` by shift and size; ``mean``, ``worst`` and where.

    Raises:
        UserError: if the labels are masks, or the networks take images of none of the sizes.
    """
    classes_only(data, NAME)
    height, width = data[:1].images.shape[-2:]
    sizes = {shift: (height + 2 * shift, width + 2 * shift) for shift in params.shifts}
    views = [
        View(
            {"shift": float(shift), "size": float(sizes[shift][0])},
            partial(_change, shift, params.interpolation, networks.device),
        )
        for shift in taken_sizes(networks, data, sizes, NAME, must=True)
    ]
    return rows_of_views(networks, data, views)


def _change(
    shift: int, interpolation: Interpolation, device: torch.device, size: tuple[int, int]
) -> Change:
    """Shift whole grey values on the canvas, then resize it."""
    like, target = torch.empty(0, device=device), (size[0] + 2 * shift, size[1] + 2 * shift)
    shifted = Resampling(Pose(x=-shift, y=-shift), size, "nearest", like)

    def change(images: Tensor) -> Tensor:
        grey = shifted(images.to(like.dtype)).to(torch.uint8)
        return resized(grey, target, interpolation)

    return change
