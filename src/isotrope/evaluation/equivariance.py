"""Whether the layers of a network turn and scale with the image: the relative error, by layer.

An image x is scaled and turned about its centre on its canvas, and so is what a part of the network
answers to it. ``error`` is the difference between the part's answer to the new image and its new
answer to the old one, as the root of the sum of squares over all images, channels and places,
divided by that of the new answer. 0 is a layer that is equivariant, 1 and more is one whose answers
have nothing in common. Maps ``(batch, channels, height, width)`` are scaled and turned about the
centre of the map, and compared in the disc that holds the same part of the image in both: its
radius is half of the map's shorter side, times the scale where that is below 1. There every
place is read inside the maps; half a cell beyond the outermost centres they are continued. Of maps
with further axes, such as one of kernel sizes, the largest value over these is compared. Vectors
must stay as they are: theirs is the error of invariance. The network's answer stands as the part
``logits``.

Two more measures of the same form tell what an error means. ``floor`` is what reading between the
cells costs: the maps of the new image, taken back and forth by the same resampling, against
themselves, as if the part were equivariant and its map of the old image exactly the new one taken
back; it is 0 for vectors. ``untrained`` is the error of the same network with the weights with
which its training began.

The maps of a layer with stride lie in the middle of the image only if its kernels and padding
leave the same margin on all sides; where they do not, that is part of the error.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from isotrope import devices
from isotrope.datasets.images import to_unit
from isotrope.datasets.stream import Split
from isotrope.evaluation._stage_maps import over_scales
from isotrope.evaluation._sweeps import DESCRIPTION, Scale, distinct
from isotrope.evaluation._turning import Interpolation, Pose, Resampling, disc
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
TOGETHER = True

ANSWER = "logits"


class Params(Settings):
    """Settings of ``equivariance``."""

    angles: Annotated[list[float], Field(min_length=1), AfterValidator(distinct)] = Field(
        [15.0 * step for step in range(7)], description="degrees, counter-clockwise"
    )
    scales: Annotated[list[Scale], Field(min_length=1), AfterValidator(distinct)] = Field(
        [0.5, 0.7, 1.0, 1.4, 2.0], description="2 makes the thing twice as large"
    )
    images: int = Field(200, ge=1, description="how many images of the split, from its first on")
    interpolation: Interpolation = Field("bicubic", description=DESCRIPTION)


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed: part, angle, scale, metric (error, floor, untrained), value, n images.

    Where a part is silent on all images the value is nan and ``n`` is 0. ``untrained`` is left out
    where it is not known how the training began.
    """
    shown = data[: params.images]
    poses = [Pose(angle, scale) for scale, angle in product(params.scales, params.angles)]
    with torch.inference_mode():
        errors = _errors(networks, shown, poses, params.interpolation, floor=True)
        if (plain := networks.untrained()) is not None:
            untrained = _errors(plain, shown, poses, params.interpolation, floor=False)
            errors["untrained"] = untrained["error"]
    parts, rows = _names(networks), []
    for place, seed in enumerate(networks.seeds):
        for (i, part), (j, pose) in product(enumerate(parts), enumerate(poses)):
            for metric, found in errors.items():
                value = float(found[place, i, j])
                rows.append(
                    {
                        "seed": seed,
                        "part": part,
                        "angle": float(pose.angle),
                        "scale": float(pose.scale),
                        "metric": metric,
                        "value": value,
                        "n": len(shown) if math.isfinite(value) else 0,
                    }
                )
    return rows


def _names(networks: Networks) -> list[str]:
    return [*(name for name in networks.part_names if name != ANSWER), ANSWER]


def _errors(
    networks: Networks,
    data: Split,
    poses: Sequence[Pose],
    interpolation: Interpolation,
    floor: bool,
) -> dict[str, Tensor]:
    """``error`` and, if it is wanted, ``floor``: float64 ``(seeds, parts, poses)`` on the CPU."""
    device, parts = networks.device, _names(networks)
    size = len(networks), len(parts), len(poses), 2
    sums = {
        metric: torch.zeros(size, dtype=torch.float64, device=device)
        for metric in ("error", "floor")[: 1 + floor]
    }
    place, first = {seed: i for i, seed in enumerate(networks.seeds)}, 0
    for batch in data.batches(devices.evaluation_batch(device)):
        images, numbers = batch.images.to(device), range(first, first + len(batch))
        like = torch.empty(0, device=device)
        height, width = images.shape[-2:]
        before = dict(_answers(networks, to_unit(images), numbers))
        for j, pose in enumerate(poses):
            new = Resampling(pose, (height, width), interpolation, like).images(images)
            for seed, answers in _answers(networks, new, numbers):
                for i, part in enumerate(parts):
                    found = squares(before[seed][part], answers[part], pose, interpolation, floor)
                    for metric, one in found.items():
                        sums[metric][place[seed], i, j] += one
        first += len(batch)
    ratios = {metric: (one[..., 0] / one[..., 1]).sqrt().cpu() for metric, one in sums.items()}
    return {metric: one.where(one.isfinite(), torch.nan) for metric, one in ratios.items()}


def _answers(
    networks: Networks, images: Tensor, numbers: Sequence[int]
) -> Iterator[tuple[int, Mapping[str, Tensor]]]:
    """What the parts of every network answer, and itself."""
    kept = dict.fromkeys((name for name in networks.part_names if name != ANSWER), over_scales)
    for seen in networks.parts(images, numbers, kept):
        for row, seed in enumerate(seen.seeds):
            answers = {name: values[row] for name, values in seen.parts.items()}
            yield seed, {**answers, ANSWER: seen.answers[row]}


def squares(
    before: Tensor, after: Tensor, pose: Pose, interpolation: Interpolation, floor: bool = False
) -> dict[str, Tensor]:
    """The sums of squares of which the errors are made: of the difference, and of the reference.

    Args:
        before: what a part answers to images: maps ``(batch, channels, height, width)``, or
            vectors ``(batch, ...)``.
        after: what it answers to the images in a pose, of the same shape.
        pose: scale and turn.
        interpolation: how maps are read between their cells.
        floor: whether ``floor`` is wanted besides ``error``.

    Returns:
        For each metric ``(2,)`` float64.
    """
    if before.ndim != 4:
        found = {"error": (after - before, before)}
        if floor:
            found["floor"] = (torch.zeros_like(before), before)
        inside: Tensor | float = 1.0
    else:
        height, width = before.shape[-2:]
        reading = Resampling(pose, (height, width), interpolation, before, "repeat")
        reference = reading(before)
        found = {"error": (after - reference, reference)}
        if floor:
            back = Pose(-pose.angle, 1 / pose.scale)
            through = Resampling(back, (height, width), interpolation, before, "repeat")(after)
            again = reading(through)
            found["floor"] = (after - again, again)
        inside = disc((height, width), min(1.0, pose.scale), before.device)
    return {
        metric: torch.stack([_total(part, inside) for part in both])
        for metric, both in found.items()
    }


def _total(values: Tensor, inside: Tensor | float) -> Tensor:
    return (values.square() * inside).sum(dtype=torch.float64)
