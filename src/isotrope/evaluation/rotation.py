"""Accuracy on test images that are turned about their centre, angle by angle.

Each image is resampled once, straight from its pixels, on the same canvas; what turns out of it is
lost, and what turns into it is black. Angles are in degrees, counter-clockwise.

``angles: published`` are those of the Deep Log-Polar Networks' run files: the 24 multiples of 15
degrees, and those of the sweep of 5, 15, 30, 45, 60, 90 that are not among them. Some of these runs
have turned with ``nearest``, some with ``pillow``. Differs from them: accuracies are counts over
all images, not means of the batches' means.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from isotrope.datasets.stream import Split
from isotrope.evaluation._sweeps import (
    DESCRIPTION,
    TURNS,
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

PUBLISHED = sorted({*TURNS, 5.0, 15.0, 30.0, 45.0, 60.0, 90.0})

Angles = Annotated[list[float], Field(min_length=1), AfterValidator(distinct)]


class Params(Settings):
    """Settings of ``rotation``."""

    angles: Angles | Literal["published"] = Field(
        TURNS, description="degrees, counter-clockwise; published are the 24 multiples of 15 and 5"
    )
    interpolation: Interpolation = Field("bicubic", description=DESCRIPTION)


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed: ``accuracy``, ``loss`` by angle; ``mean``, ``worst``, ``worst_angle``.

    Raises:
        UserError: if the labels are masks.
    """
    classes_only(data, "rotation")
    angles = PUBLISHED if params.angles == "published" else params.angles
    views = [
        View({"angle": angle}, in_pose(Pose(angle), params.interpolation, networks.device))
        for angle in map(float, angles)
    ]
    return rows_of_views(networks, data, views)
