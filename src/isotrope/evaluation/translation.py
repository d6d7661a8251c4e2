"""Accuracy on test images that are shifted on a canvas that keeps its size.

What leaves the canvas is lost, what enters is black; ``ink_lost`` is the mean part of an image's
brightness that has left. Shifts are in pixels, x to the right and y downwards; whole ones are
exact. The published sweep, which changes the size of the images with the shift, is
``translation_published``.
"""

from itertools import product
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from isotrope.datasets.stream import Split
from isotrope.evaluation._sweeps import (
    DESCRIPTION,
    View,
    classes_only,
    distinct,
    in_pose,
    lost_of,
    lost_rows,
    score_rows,
    scores,
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
    """Settings of ``translation``."""

    shifts: Annotated[list[float], Field(min_length=1), AfterValidator(distinct)] = Field(
        [float(shift) for shift in range(-4, 5)], description="pixels"
    )
    along: Literal["axes", "diagonal", "grid"] = Field(
        "axes",
        description="shifts to the right and downwards each by itself, both at once by the same, "
        "or each with each",
    )
    interpolation: Interpolation = Field("bicubic", description=DESCRIPTION)


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed: ``accuracy``, ``loss``, ``ink_lost`` by x and y; ``mean``, ``worst``.

    Raises:
        UserError: if the labels are masks.
    """
    classes_only(data, "translation")
    poses = [Pose(x=x, y=y) for x, y in _places(params)]
    settings = [{"x": pose.x, "y": pose.y} for pose in poses]
    views = [
        View(its, in_pose(pose, params.interpolation, networks.device))
        for its, pose in zip(settings, poses, strict=True)
    ]
    found, ink = scores(networks, data, views), lost_of(data, poses)
    rows = []
    for seed, counts in zip(networks.seeds, found.tolist(), strict=True):
        rows += score_rows(seed, settings, counts, len(data))
        rows += lost_rows(seed, settings, ink)
    return rows


def _places(params: Params) -> list[tuple[float, float]]:
    """The shifts x and y, each pair once."""
    shifts = [float(shift) for shift in params.shifts]
    if params.along == "diagonal":
        return [(shift, shift) for shift in shifts]
    if params.along == "grid":
        return [(x, y) for y, x in product(shifts, shifts)]
    pairs = [(shift, 0.0) for shift in shifts] + [(0.0, shift) for shift in shifts]
    return list(dict.fromkeys(pairs))
