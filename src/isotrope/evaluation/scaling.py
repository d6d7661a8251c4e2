"""Accuracy on test images at other sizes: on the same canvas, and with the canvas resized.

``kept``: the thing is scaled about the centre of a canvas that stays as it is, as in MNIST-scale;
beside the accuracy stands ``ink_lost``, the mean part of an image's brightness that leaves the
canvas. ``resized``: the whole image is made larger or smaller, as the Deep Log-Polar Networks were
tested; the network sees images of another size, and a network that takes one size only is not asked
at other sizes, which a line in the log says. The published scales are 0.5, 0.6, 0.8, 1, 1.5, 2, 3.

Both are low-passed where they shrink. Differs from the published sweep: accuracies are counts over
all images, not means of the batches' means.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from isotrope.datasets.stream import Split
from isotrope.evaluation._sweeps import (
    DESCRIPTION,
    Change,
    Row,
    Scale,
    View,
    classes_only,
    distinct,
    in_pose,
    lost_of,
    lost_rows,
    score_rows,
    scores,
    taken_sizes,
)
from isotrope.evaluation._turning import Interpolation, Pose, resized
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
TOGETHER = True

Canvas = Literal["kept", "resized"]


class Params(Settings):
    """Settings of ``scaling``."""

    scales: Annotated[list[Scale], Field(min_length=1), AfterValidator(distinct)] = Field(
        [0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0],
        description="2 makes the thing twice as large",
    )
    canvas: Annotated[list[Canvas], Field(min_length=1), AfterValidator(distinct)] = Field(
        ["kept", "resized"], description="whether the images keep their size, or change it, too"
    )
    interpolation: Interpolation = Field("bicubic", description=DESCRIPTION)


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed: ``accuracy``, ``loss`` by canvas and scale; ``mean``, ``worst`` and where.

    Raises:
        UserError: if the labels are masks, or ``canvas`` asks for resized images alone and the
            networks take none of them.
    """
    classes_only(data, "scaling")
    scales = [float(scale) for scale in params.scales]
    views: dict[Canvas, list[View]] = {}
    for canvas in params.canvas:
        views[canvas] = (_kept if canvas == "kept" else _resized)(networks, data, params, scales)
    every = [view for its in views.values() for view in its]
    found = scores(networks, data, every)
    kept = [view.settings for view in views.get("kept", ())]
    ink = lost_of(data, [Pose(scale=scale) for scale in scales]) if kept else []
    rows: list[Row] = []
    for seed, counts in zip(networks.seeds, found.tolist(), strict=True):
        done = 0
        for its in views.values():
            if its:
                of_canvas = counts[done : done + len(its)]
                rows += score_rows(seed, [one.settings for one in its], of_canvas, len(data))
                done += len(its)
        rows += lost_rows(seed, kept, ink)
    return rows


def _kept(networks: Networks, data: Split, params: Params, scales: Sequence[float]) -> list[View]:
    del data
    return [
        View(
            {"canvas": "kept", "scale": scale},
            in_pose(Pose(scale=scale), params.interpolation, networks.device),
        )
        for scale in scales
    ]


def _resized(
    networks: Networks, data: Split, params: Params, scales: Sequence[float]
) -> list[View]:
    """Those that the networks take.

    Raises:
        UserError: if they take none, and nothing else is asked for.
    """
    height, width = data[:1].images.shape[-2:]
    sizes = {scale: _size((height, width), scale) for scale in scales}
    taken = taken_sizes(networks, data, sizes, "scaling", must="kept" not in params.canvas)

    def change(scale: float, size: tuple[int, int]) -> Change:
        return partial(resized, size=_size(size, scale), interpolation=params.interpolation)

    return [View({"canvas": "resized", "scale": scale}, partial(change, scale)) for scale in taken]


def _size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    height, width = (max(1, round(side * scale)) for side in size)
    return height, width
