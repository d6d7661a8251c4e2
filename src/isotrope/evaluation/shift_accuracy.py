"""Accuracy at every shift of a box: in the mean, and where a shift hurts an image most.

Each test image is shown at all whole shifts of at most ``reach`` pixels along each axis, 81 for 4;
and, circularly, at parts of a pixel: for each of ``parts`` at the eight shifts of -p, 0 or p along
the axes that move. ``kind`` says how:

* ``circular``: rolled; ``standard``: moved on the canvas, and what enters is plain (of the mean
  colour of the network's normalisation, see `isotrope.evaluation._shifting`);
* ``fourier``: the trigonometric polynomial through the pixels is rolled, which loses nothing and
  may leave 0..1 a little; ``bilinear``: read between the nearest pixels, which blurs.

Columns: ``kind``, and ``distance`` or ``x`` and ``y`` (pixels, to the right and downwards), or none
of them for the whole box; ``metric``, ``value``, ``n`` (images). Consistencies (``consistency``,
``steady``) are percent, all else a fraction.

By ``distance``, the larger of the shifts along both axes without their signs, from 0 on:

* ``accuracy``, ``consistency``, ``fidelity``: the means over all shifts of just that distance.
  Consistent is an answer that is the one to the unshifted image; fidelity is the share of answers
  that are both consistent and right;
* ``worst``: the share of images that are recognised at every shift up to that distance; ``steady``:
  the percentage of those whose answer is the same at all of them.

By ``x`` and ``y``, unless ``each_shift`` is false: ``accuracy``, ``consistency``, ``fidelity``.

Of the whole box, zero included: ``mean`` accuracy; **worst**, the headline: the share of images
that are recognised at every shift, which is what an adversary who may choose the shift leaves;
``lowest``, the lowest accuracy of one shift, the same for all images, with ``lowest_x`` and
``lowest_y``; ``consistency`` and ``fidelity``, zero not included; ``steady``; ``logit_gap``, the
largest change of any logit of any image, and ``logit_gap_mean``, the mean over images of their
largest. ``mean``, ``worst``, ``consistency``, ``fidelity`` and ``steady`` also with ``_low`` and
``_high``, the middle 95 % of a bootstrap over images.

The unshifted answers are those that other evaluations of the job asked for. With ``dtype:
float64`` copies of the networks compute in float64, where the logit gap of an exact network is
below 1e-10.
"""

from collections.abc import Iterator
from itertools import product
from typing import Annotated, NamedTuple, cast, get_args

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from isotrope.datasets.images import Images
from isotrope.datasets.stream import Split
from isotrope.evaluation._accumulated import Totals, accumulated
from isotrope.evaluation._intervals import bootstrap
from isotrope.evaluation._shifting import (
    Border,
    FloatType,
    Padding,
    Shift,
    Shown,
    answers_to,
    at_once,
    batch_of,
    between_pixels,
    by_border,
    by_whole_pixels,
    groups,
    unit,
)
from isotrope.evaluation._sweeps import Row, classes_only, distinct
from isotrope.geometry import Reading
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
TOGETHER = True

UNSHIFTED = Shift(0, 0)
Part = Annotated[float, Field(gt=0, lt=1)]


class Params(Settings):
    """Settings of ``shift_accuracy``."""

    reach: int = Field(4, ge=1, description="the largest shift along an axis, pixels")
    paddings: Annotated[list[Padding], AfterValidator(distinct)] = Field(
        ["circular", "standard"], description="of whole shifts: what enters at the border"
    )
    subpixel: Annotated[list[Reading], AfterValidator(distinct)] = Field(
        ["fourier", "bilinear"], description="of shifts by parts of a pixel: how pixels are read"
    )
    parts: Annotated[list[Part], AfterValidator(distinct)] = Field(
        [0.25, 0.5], description="shifts by parts of a pixel, pixels"
    )
    each_shift: bool = Field(True, description="whether there are rows for each x and y")
    dtype: FloatType = Field("float32", description="in which the networks compute")


class Kind(NamedTuple):
    """Shifts of one kind, the unshifted image not among them.

    Args:
        name: ``circular``, ``standard``, ``fourier`` or ``bilinear``.
        shifts: all of them.
    """

    name: str
    shifts: list[Shift]

    @property
    def distances(self) -> list[float]:
        """All that occur, from 0 on."""
        return sorted({0.0, *(shift.distance for shift in self.shifts)})

    def levels(self) -> list[int]:
        """The place of each shift's distance among them."""
        places = {distance: place for place, distance in enumerate(self.distances)}
        return [places[shift.distance] for shift in self.shifts]

    def shown(self, images: Tensor, border: Border) -> Shown:
        """What shows images of 0..1 shifted."""
        if self.name in get_args(Reading):
            return between_pixels(images, cast("Reading", self.name))
        reach = int(max(self.distances))
        return by_whole_pixels(images, reach, border if self.name == "standard" else None)


def kinds(params: Params) -> list[Kind]:
    """What is shown."""
    steps = range(-params.reach, params.reach + 1)
    box = [Shift(x, y) for y, x in product(steps, steps) if (x, y) != UNSHIFTED]
    around = [step for step in product((-1, 0, 1), repeat=2) if step != (0, 0)]
    near = [Shift(x * part, y * part) for part in sorted(params.parts) for y, x in around]
    found = [Kind(padding, box) for padding in params.paddings]
    return found + [Kind(reading, near) for reading in params.subpixel if near]


def evaluate(networks: Networks, data: Split, params: Params) -> list[Row]:
    """Rows of each seed, see above.

    Raises:
        UserError: if the labels are masks.
    """
    classes_only(data, "shift_accuracy")
    rows: dict[int, list[Row]] = {}
    for border, some in by_border(networks):
        asked = some if params.dtype == "float32" else some.in_float64()
        totals = _totals(asked, data, params, border)
        for place, seed in enumerate(asked.seeds):
            rows[seed] = []
            for kind in kinds(params):
                its = {name: totals[f"{kind.name}_{name}"][place] for name in _KEPT}
                for row in _rows(kind, its, totals["right"][place], params.each_shift):
                    rows[seed].append({"seed": seed, "kind": kind.name, **row})
    return [row for seed in networks.seeds for row in rows[seed]]


# of each kind: counts over images by shift; counts over shifts by image; by image the first
# distance at which it is not recognised, or answered otherwise; and its largest change of a logit
_KEPT = ("by_shift", "by_image", "wrong_from", "other_from", "gap")
_COUNTED = ("accuracy", "consistency", "fidelity")


class _Pass(NamedTuple):
    """A batch, what networks answer to it, and the shifts at which it is shown."""

    kind: Kind
    some: range
    shown: Shown
    labels: Tensor
    numbers: range
    unshifted: Tensor


def _totals(networks: Networks, data: Split, params: Params, border: Border) -> Totals:
    """Of each kind what ``_KEPT`` says, and ``right``: which unshifted images are recognised."""
    seeds, count = len(networks), len(data)
    start = {"right": torch.zeros(seeds, count, dtype=torch.bool)}
    for kind in kinds(params):
        beyond = len(kind.distances)
        start |= {
            f"{kind.name}_by_shift": torch.zeros(seeds, len(kind.shifts), 3, dtype=torch.int64),
            f"{kind.name}_by_image": torch.zeros(seeds, count, 3, dtype=torch.int32),
            f"{kind.name}_wrong_from": torch.full((seeds, count), beyond, dtype=torch.int32),
            f"{kind.name}_other_from": torch.full((seeds, count), beyond, dtype=torch.int32),
            f"{kind.name}_gap": torch.zeros(seeds, count, dtype=torch.float64),
        }

    def passes() -> Iterator[_Pass]:
        first = 0
        for batch, unshifted in _unshifted(networks, data, params.dtype):
            images = unit(batch.images, params.dtype)
            numbers = range(first, first + len(batch))
            for kind in kinds(params):
                shown = kind.shown(images, border)
                for some in groups(len(kind.shifts), at_once(images)):
                    yield _Pass(kind, some, shown, batch.labels, numbers, unshifted)
            first += len(batch)

    key = str([params.model_dump(mode="json"), batch_of(networks)])
    return accumulated(
        networks, passes(), start, lambda totals, one: _add(totals, one, networks), key
    )


def _unshifted(
    networks: Networks, data: Split, dtype: FloatType
) -> Iterator[tuple[Images, Tensor]]:
    """The data batch by batch on the device, with what the networks answer."""
    if dtype == "float32":
        yield from networks.answers(data)
        return
    first = 0
    for batch in data.batches(batch_of(networks)):
        there, numbers = batch.to(networks.device), range(first, first + len(batch))
        with torch.inference_mode():
            yield there, networks.predictions(unit(there.images, dtype), numbers)
        first += len(batch)


def _add(totals: Totals, one: _Pass, networks: Networks) -> None:
    """Count what networks answer to a batch at some shifts."""
    shifts = [one.kind.shifts[i] for i in one.some]
    logits = answers_to(networks, [one.shown(shift) for shift in shifts], one.numbers)
    before = one.unshifted[:, None]
    answers, usual = logits.argmax(dim=-1), before.argmax(dim=-1)
    right, same = answers == one.labels, answers == usual
    images, ways = (slice(its.start, its.stop) for its in (one.numbers, one.some))
    counted = torch.stack((right, same, right & same), dim=-1)
    level = torch.tensor(one.kind.levels()[ways], dtype=torch.int32, device=logits.device)
    levels, beyond = level[:, None].expand_as(answers[0]), len(one.kind.distances)
    its = {name: totals[f"{one.kind.name}_{name}"] for name in _KEPT}
    known = (usual == one.labels)[:, 0]
    totals["right"][:, images] = known
    its["by_shift"][:, ways] += counted.sum(dim=2)
    its["by_image"][:, images] += counted.sum(dim=1).int()
    for name, good in (("wrong_from", right), ("other_from", same)):
        found = levels.masked_fill(good, beyond).amin(dim=1)
        its[name][:, images] = torch.minimum(its[name][:, images], found)
    its["wrong_from"][:, images] *= known  # 0 where it is not recognised even unshifted
    gap = (logits.double() - before.double()).abs().amax(dim=(1, 3))
    its["gap"][:, images] = torch.maximum(its["gap"][:, images], gap)


def _rows(kind: Kind, its: Totals, known: Tensor, each_shift: bool) -> Iterator[Row]:
    """The rows of a seed and a kind, but for these columns."""
    count, shifts = len(known), len(kind.shifts)
    by_shift = its["by_shift"].double() / count
    right = known.double().mean()
    all_shifts = torch.cat((torch.stack((right, torch.ones_like(right), right))[None], by_shift))
    levels, places = torch.tensor([0, *kind.levels()]), [UNSHIFTED, *kind.shifts]
    percent = {"consistency": 100.0, "steady": 100.0}

    def row(metric: str, value: float, **settings: float) -> Row:
        scale = percent.get(metric.partition("_")[0], 1.0)
        return {**settings, "metric": metric, "value": scale * value, "n": count}

    for level, distance in enumerate(kind.distances):
        means = all_shifts[levels == level].mean(dim=0).tolist()
        named = dict(zip(_COUNTED, means, strict=True))
        for metric, of in (("worst", "wrong_from"), ("steady", "other_from")):
            named[metric] = (its[of] > level).double().mean().item()
        for metric, value in named.items():
            yield row(metric, value, distance=float(distance))
    if each_shift:
        for place, found in zip(places, all_shifts.tolist(), strict=True):
            for metric, value in zip(_COUNTED, found, strict=True):
                yield row(metric, value, x=float(place.x), y=float(place.y))
    counted = its["by_image"].double()
    beyond = len(kind.distances) - 1
    of_images: dict[str, Tensor] = {
        "mean": (counted[:, 0] + known.double()) / (shifts + 1),
        "worst": (its["wrong_from"] > beyond).double(),
        "consistency": counted[:, 1] / shifts,
        "fidelity": counted[:, 2] / shifts,
        "steady": (its["other_from"] > beyond).double(),
    }
    for metric, values in of_images.items():
        low, high = bootstrap(values)
        yield row(metric, values.mean().item())
        yield row(f"{metric}_low", low)
        yield row(f"{metric}_high", high)
    lowest = int(all_shifts[:, 0].argmin())
    yield row("lowest", all_shifts[lowest, 0].item())
    yield row("lowest_x", float(places[lowest].x))
    yield row("lowest_y", float(places[lowest].y))
    yield row("logit_gap", its["gap"].max().item())
    yield row("logit_gap_mean", its["gap"].mean().item())
