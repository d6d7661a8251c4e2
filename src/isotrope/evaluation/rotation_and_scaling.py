"""Accuracy on test images that are scaled and turned, for every pair of an angle and a scale.

Each image is scaled and turned about its centre in one resampling, on the same canvas, black where
nothing was; see ``rotation`` and ``scaling``. ``worst`` is the lowest accuracy of the grid.
"""

from itertools import product
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from isotrope.datasets.stream import Split
from isotrope.evaluation._sweeps import (
    DESCRIPTION,
    TURNS,
    Scale,
    View,
    classes_only,
    distinct,
    in_pose,
    rows_of_views,
)
from isotrope.evaluation._turning import Interpolation, Pose
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
TOGETHER = True


class Params(Settings):
    """Settings of ``rotation_and_scaling``."""

    angles: Annotated[list[float], Field(min_length=1), AfterValidator(distinct)] = Field(
        TURNS, description="degrees, counter-clockwise"
    )
    scales: Annotated[list[Scale], Field(min_length=1), AfterValidator(distinct)] = Field(
        [0.5, 0.8, 1.0, 1.5, 2.0], description="2 makes the thing twice as large"
    )
    interpolation: Interpolation = Field("bicubic", description=DESCRIPTION)


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed: ``accuracy``, ``loss`` by angle and scale; ``mean``, ``worst`` and where.

    Raises:
        UserError: if the labels are masks.
    """
    classes_only(data, "rotation_and_scaling")
    views = [
        View(
            {"angle": float(angle), "scale": float(scale)},
            in_pose(Pose(angle, scale), params.interpolation, networks.device),
        )
        for scale, angle in product(params.scales, params.angles)
    ]
    return rows_of_views(networks, data, views)
