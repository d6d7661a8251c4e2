"""What evaluations share that show test images in many ways and count the right answers in each.

The images are read in chunks of bounded size; of each chunk one way after the other is made, batch
by batch, so that no more than a batch is held as numbers. The position is kept between batches.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isotrope import devices
from isotrope.datasets.images import Images
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.evaluation._accumulated import Totals, accumulated
from isotrope.evaluation._turning import Interpolation, Pose, Resampling, lost
from isotrope.measuring.networks import Networks

CHUNK = 1024  # images that are read at once
_BYTES = 2**26  # of such a chunk
_AT_ONCE = 64  # images whose brightness is summed at once
DESCRIPTION = (
    "how images are read between their pixels; pillow is the sharper bicubic with which Pillow "
    "turns images, and so the published sweeps"
)
TURNS = [15.0 * step for step in range(24)]

Change = Callable[[Tensor], Tensor]  # uint8 (batch, channels, height, width) to float in 0..1
Row = dict[str, Any]
Scale = Annotated[float, Field(gt=0)]
Setting = TypeVar("Setting", bound=float)


class View(NamedTuple):
    """One way to show the images.

    Args:
        settings: its columns in the table.
        change: gives, for images of a height and width, what makes them so.
    """

    settings: Mapping[str, Any]
    change: Callable[[tuple[int, int]], Change]


def in_pose(pose: Pose, interpolation: Interpolation, device: torch.device) -> Any:
    """The ``change`` of a `View` that keeps the canvas."""
    like = torch.empty(0, device=device)
    return lambda size: Resampling(pose, size, interpolation, like).images


def distinct(values: Sequence[Any]) -> Sequence[Any]:
    """The values, if none stands twice.

    Raises:
        ValueError: if one does.
    """
    if len(set(values)) < len(values):
        raise ValueError("each value may stand once only")
    return values


def classes_only(data: Split, evaluation: str) -> None:
    """Refuse data whose labels are masks.

    Raises:
        UserError: if they are.
    """
    if data.kind != "classification":
        raise UserError(
            f"{evaluation} counts classes of whole images, and the labels of these data are masks; "
            "take it out of evaluations"
        )


def chunks(data: Split) -> Iterator[Images]:
    """The data in their order, as many images at once as have a bounded size."""
    if len(data):
        numbers = max(1, data[:1].images.numel())
        yield from data.batches(max(1, min(CHUNK, _BYTES // numbers)))


def taken_sizes(
    networks: Networks,
    data: Split,
    sizes: Mapping[Setting, tuple[int, int]],
    evaluation: str,
    must: bool,
) -> list[Setting]:
    """The settings at which networks take the images; of the others the log is told.

    Args:
        networks: the networks.
        data: images of the size for which they were built.
        sizes: height and width of the images in each setting.
        evaluation: who asks, for the log.
        must: whether one setting must be left.

    Raises:
        UserError: if it must, and none is.
    """
    channels, *own = data[:1].images.shape[1:]
    refused: dict[Setting, str] = {}
    for setting, size in sizes.items():
        if min(size) < 1:
            refused[setting] = "nothing would be left of the images"
        elif tuple(size) != tuple(own) and (reason := networks.refusal((channels, *size))):
            refused[setting] = reason
    taken = [setting for setting in sizes if setting not in refused]
    if refused:
        which = ", ".join(f"{one:g} ({' x '.join(map(str, sizes[one]))} pixels)" for one in refused)
        reason = next(iter(refused.values()))
        sentence = (
            f"{evaluation}: networks for images of {' x '.join(map(str, own))} pixels do not take "
            f"those of another size at {which}: {reason}"
        )
        if must and not taken:
            raise UserError(f"{sentence}; take it out of evaluations, or name other settings")
        networks.say_once(f"{sentence}; these are left out")
    return taken


def scores(networks: Networks, data: Split, views: Sequence[View]) -> Tensor:
    """What every network reaches in each view, float64 ``(seeds, views, 2)`` on the CPU.

    The two are the number of right answers, and the sum over images of the cross-entropy (nats).
    What a stochastic network draws for an image is the same in all views.
    """
    size = devices.evaluation_batch(networks.device)
    start = {"scores": torch.zeros(len(networks), len(views), 2, dtype=torch.float64)}

    def add(totals: Totals, step: _Step) -> None:
        images = step.change(step.batch.images)
        predictions = networks.predictions(images, step.numbers)
        totals["scores"][:, step.view] += _scores(predictions.float(), step.batch.labels)

    steps = _steps(data, views, networks.device, size)
    return accumulated(networks, steps, start, add, size)["scores"]


def _scores(predictions: Tensor, labels: Tensor) -> Tensor:
    """Right answers and summed cross-entropy of predictions ``(seeds, batch, classes)``."""
    right = predictions.argmax(dim=-1) == labels
    each = labels.expand(len(predictions), -1)
    loss = F.cross_entropy(predictions.movedim(-1, 1), each, reduction="none")
    return torch.stack((right.double().sum(dim=-1), loss.double().sum(dim=-1)), dim=-1)


class _Step(NamedTuple):
    """A batch on the device that is shown in a view: its number, and what makes it so."""

    view: int
    change: Change
    batch: Images
    numbers: range


def _steps(data: Split, views: Sequence[View], device: torch.device, size: int) -> Iterator[_Step]:
    """All batches in all views."""
    first = 0
    for chunk in chunks(data):
        there = chunk.to(device)
        height, width = there.images.shape[-2:]
        for place, view in enumerate(views):
            change, start = view.change((height, width)), first
            for batch in there.batches(size):
                yield _Step(place, change, batch, range(start, start + len(batch)))
                start += len(batch)
        first += len(chunk)


def rows_of_views(networks: Networks, data: Split, views: Sequence[View]) -> list[Row]:
    """The rows of all seeds in some views: see `score_rows`."""
    settings = [view.settings for view in views]
    found = scores(networks, data, views).tolist()
    return [
        row
        for seed, its in zip(networks.seeds, found, strict=True)
        for row in score_rows(seed, settings, its, len(data))
    ]


def score_rows(
    seed: int, settings: Sequence[Mapping[str, Any]], found: Sequence[Sequence[float]], count: int
) -> list[Row]:
    """The rows of a seed: ``accuracy`` and ``loss`` of each view; ``mean`` and ``worst`` accuracy.

    ``loss`` is the mean cross-entropy (nats); the settings of the worst view are rows, too.

    Args:
        seed: the seed.
        settings: of each view.
        found: of each view, as `scores` gives them.
        count: how many images there are.
    """
    values = [right / count for right, _ in found]
    rows = [
        {"seed": seed, **its, "metric": metric, "value": total / count, "n": count}
        for its, totals in zip(settings, found, strict=True)
        for metric, total in zip(("accuracy", "loss"), totals, strict=True)
    ]
    worst = min(range(len(values)), key=values.__getitem__)
    same = {key: settings[0][key] for key in settings[0] if isinstance(settings[0][key], str)}
    named = {"mean": sum(values) / len(values), "worst": values[worst]}
    named |= {f"worst_{key}": at for key, at in settings[worst].items() if key not in same}
    return rows + [
        {"seed": seed, **same, "metric": metric, "value": float(value), "n": count}
        for metric, value in named.items()
    ]


class Lost(NamedTuple):
    """The mean part of its brightness that an image loses in a pose, and of how many images."""

    value: float
    n: int


def lost_of(data: Split, poses: Sequence[Pose]) -> list[Lost]:
    """What images lose beyond the edge of the canvas, by pose; black images do not count."""
    total = torch.zeros(len(poses), dtype=torch.float64)
    counts = torch.zeros(len(poses), dtype=torch.int64)
    for chunk in chunks(data):
        for place, pose in enumerate(poses):
            for batch in chunk.batches(_AT_ONCE):
                parts = lost(batch.images, pose)
                total[place] += parts.nansum()
                counts[place] += int((~parts.isnan()).sum())
    return [
        Lost(float(one) / n if n else float("nan"), n)
        for one, n in zip(total, counts.tolist(), strict=True)
    ]


def lost_rows(seed: int, settings: Sequence[Mapping[str, Any]], found: Sequence[Lost]) -> list[Row]:
    """The rows ``ink_lost`` of a seed: they say the same of every seed."""
    return [
        {"seed": seed, **its, "metric": "ink_lost", "value": one.value, "n": one.n}
        for its, one in zip(settings, found, strict=True)
    ]
