"""Shift consistency: how often a network answers the same to two shifted copies of an image.

Both copies are shifted. ``consistency`` is the share of pairs with the same answer, in percent; 100
says nothing of whether the answer is right. Three protocols; ``fitting`` takes those that are meant
for the size of the images:

* ``cifar``: as Chaman and Dokmanic and Rojas-Gomez et al. measure on CIFAR: for each ``batch`` of
  32 images two shifts out of {-3, ..., 2} along each axis (the upper bound 3 never occurs), which
  the whole batch shares. Circular: the images are rolled. Standard: the normalised image is padded
  with 3 zeros on each side (see ``padding``) and cropped at 3 plus the shift, so that its content
  moves the other way. They report a fraction; here it is percent. The shifts are shared, so another
  batch size or order of the images gives another number.
* ``imagenet``: as Zhang, and Rojas-Gomez et al., on images that are larger than ``crop`` (256
  pixels for 224): standard: two crops of ``crop`` pixels that begin at 0 ... 31 along each axis (at
  the first so many places as the image is larger); circular: the whole image, of 256 pixels, rolled
  by -32 ... 31. The shifts are shared by a batch of ``batch`` images, too. Networks that take
  images of one size only are shown the crops alone, which a line in the log says.
* ``each``: the honest form: every image has ``pairs`` pairs of two different shifts of its own, out
  of -``reach`` ... ``reach`` along each axis, both ends included. They depend on ``shift_seed`` and
  the number of the image alone, so that all networks see the same images. Columns
  ``consistency_low`` and ``consistency_high`` bound the middle 95 % of a bootstrap over images.

Differs from the published code: its shifts come from the global state of torch (``cifar``) or NumPy
(``imagenet``), ours from ``shift_seed`` and the number of the batch, the same for both paddings
(``cifar``, ``each``), so that single numbers differ by chance.

Columns: ``protocol``, ``padding`` (``circular``, ``standard``, `isotrope.evaluation._shifting`),
``dtype``, ``metric``, ``value``, ``n`` (images). Metrics: ``consistency``, ``consistency_low``,
``consistency_high`` (percent); ``pairs``, and ``disagreements``, those with unlike answers
(counts); ``margin``, the median over all pairs of how far the highest logit is above the second,
in that copy of a pair where this is less; and of pairs that disagree ``margin_median`` and
``margin_largest``, in the copy where it is more: where networks are exact, these are of the size
of rounding; nan where no pair disagrees. Logits are float32; with ``dtype: float64`` copies of the
networks compute in float64, and networks that are exact must not disagree at all.

Arrays: ``<protocol>_<padding>``, the first pairs that disagree, a row each: number of the image, x
and y of both shifts (``imagenet``, standard: left and top of both crops), both margins.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from isotrope.datasets.images import Images
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.evaluation._accumulated import Totals, accumulated
from isotrope.evaluation._intervals import bootstrap
from isotrope.evaluation._shifting import (
    Border,
    FloatType,
    Padding,
    answers_to,
    at_once,
    batch_of,
    by_border,
    groups,
    uniform,
    unit,
    widened,
    window,
)
from isotrope.evaluation._sweeps import Row, classes_only, distinct
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
TOGETHER = True
ARRAYS = True

Protocol = Literal["cifar", "imagenet", "each"]
LISTED = 100  # pairs that disagree, in arrays
_CIFAR = (-3, 3)  # shifts along an axis, without the last


class Params(Settings):
    """Settings of ``shift_consistency``."""

    protocols: (
        Literal["fitting"]
        | Annotated[list[Protocol], Field(min_length=1), AfterValidator(distinct)]
    ) = Field(
        "fitting",
        description="how images are shifted; fitting: imagenet for images that are larger than "
        "crop, cifar and each for others",
    )
    paddings: Annotated[list[Padding], Field(min_length=1), AfterValidator(distinct)] = Field(
        ["circular", "standard"], description="what enters at the border"
    )
    pairs: int = Field(4, ge=1, description="each: pairs of shifts of an image")
    reach: int = Field(3, ge=1, description="each: the largest shift along an axis, pixels")
    batch: int = Field(32, ge=1, description="cifar, imagenet: images that share their shifts")
    crop: int = Field(224, ge=1, description="imagenet: side of the crops, pixels")
    shift_seed: int = Field(0, ge=0, description="of the shifts")
    dtype: FloatType = Field("float32", description="in which the networks compute")


class Plan(NamedTuple):
    """What one protocol shows with one padding.

    Args:
        protocol: its name.
        padding: its name.
        places: what is drawn, ``(images, pairs, 2, 2)`` int64: x and y of both copies.
        crop: the side of crops that begin at these places; None: they are shifts.
    """

    protocol: Protocol
    padding: Padding
    places: Tensor
    crop: int | None = None

    @property
    def name(self) -> str:
        """Of its array."""
        return f"{self.protocol}_{self.padding}"


def evaluate(
    networks: Networks, data: Split, params: Params
) -> tuple[list[Row], dict[int, dict[str, np.ndarray[Any, Any]]]]:
    """Rows and arrays of each seed, see above.

    Raises:
        UserError: if the labels are masks, the images are too small for crops, or the networks take
            images of none of the sizes.
    """
    classes_only(data, "shift_consistency")
    plans = _plans(networks, data, params)
    rows: dict[int, list[Row]] = {}
    arrays: dict[int, dict[str, np.ndarray[Any, Any]]] = {}
    for border, some in by_border(networks):
        asked = some if params.dtype == "float32" else some.in_float64()
        totals = _totals(asked, data, params, plans, border)
        for place, seed in enumerate(asked.seeds):
            rows[seed], arrays[seed] = [], {}
            for plan in plans:
                same, margins = (totals[f"{plan.name}_{what}"][place] for what in _KEPT)
                rows[seed] += _rows(seed, plan, params.dtype, same, margins)
                arrays[seed][plan.name] = _listed(plan, same, margins)
    return [row for seed in networks.seeds for row in rows[seed]], arrays


_KEPT = ("same", "margins")


def _plans(networks: Networks, data: Split, params: Params) -> list[Plan]:
    """What is shown."""
    channels, height, width = data[:1].images.shape[1:]
    found, protocols = [], params.protocols
    if protocols == "fitting":
        protocols = ["imagenet"] if min(height, width) > params.crop else ["cifar", "each"]
    for protocol in protocols:
        for padding in params.paddings:
            if protocol != "imagenet":
                found.append(Plan(protocol, padding, _shifts(protocol, len(data), params)))
                continue
            more, crop = min(height, width) - params.crop, params.crop
            if more < 1:
                raise UserError(
                    f"shift_consistency: crops of {crop} pixels need larger images, these have "
                    f"{height} x {width}; name a smaller crop or another data set"
                )
            size = (crop, crop) if padding == "standard" else (height, width)
            if reason := networks.refusal((channels, *size)):
                networks.say_once(
                    f"shift_consistency: imagenet, {padding} is left out, since the networks do "
                    f"not take images of {size[0]} x {size[1]} pixels: {reason}"
                )
            elif padding == "standard":
                found.append(Plan(protocol, padding, _shared(params, len(data), 0, more), crop))
            else:
                found.append(Plan(protocol, padding, _shared(params, len(data), -more, more)))
    if not found:
        raise UserError(
            "shift_consistency: the networks take images of none of the sizes of the protocol "
            "imagenet; take it out of evaluations, or name another protocol"
        )
    return found


def _shifts(protocol: Protocol, count: int, params: Params) -> Tensor:
    if protocol == "cifar":
        return _shared(params, count, *_CIFAR, stream="cifar")
    return _own(params, count)


def _shared(params: Params, count: int, low: int, high: int, stream: str = "imagenet") -> Tensor:
    """Two places for each batch, of ``low`` ... ``high`` - 1 along each axis."""
    numbers = uniform(params.shift_seed, stream, -(-count // params.batch), 4)
    drawn = low + (numbers * (high - low)).floor().long()
    return drawn.repeat_interleave(params.batch, dim=0)[:count].reshape(count, 1, 2, 2)


def _own(params: Params, count: int) -> Tensor:
    """For each image pairs of shifts that differ."""
    side = 2 * params.reach + 1
    numbers = uniform(params.shift_seed, "each", count, 2 * params.pairs).reshape(count, -1, 2)
    first = (numbers[..., 0] * side**2).floor().long()
    other = (first + 1 + (numbers[..., 1] * (side**2 - 1)).floor().long()) % side**2
    both = torch.stack((first, other), dim=-1)
    return torch.stack((both % side, both // side), dim=-1) - params.reach


class _Pass(NamedTuple):
    """A batch and the pairs that are shown."""

    plan: Plan
    images: Tensor
    numbers: range
    pairs: range


def _totals(
    networks: Networks, data: Split, params: Params, plans: list[Plan], border: Border
) -> Totals:
    """Of each plan ``same``, ``(seeds, images, pairs)``, and ``margins``, with a last axis of 2."""
    start: Totals = {}
    for plan in plans:
        size = len(networks), len(data), plan.places.shape[1]
        start[f"{plan.name}_same"] = torch.zeros(size, dtype=torch.bool)
        start[f"{plan.name}_margins"] = torch.zeros(*size, 2, dtype=torch.float64)

    def passes() -> Iterator[_Pass]:
        first = 0
        for batch in data.batches(batch_of(networks)):
            there: Images = batch.to(networks.device)
            images = unit(there.images, params.dtype)
            for plan in plans:
                pairs = plan.places.shape[1]
                for some in groups(pairs, max(1, at_once(images) // 2)):
                    yield _Pass(plan, images, range(first, first + len(batch)), some)
            first += len(batch)

    def add(totals: Totals, one: _Pass) -> None:
        shown = list(_copies(one, border))
        ways = groups(len(shown), at_once(one.images))
        logits = torch.cat(
            [answers_to(networks, [shown[i] for i in some], one.numbers) for some in ways], dim=1
        )
        logits = logits.reshape(len(logits), len(one.pairs), 2, *logits.shape[2:])
        answers = logits.argmax(dim=-1)
        highest = logits.double().topk(2, dim=-1).values
        margins = highest[..., 0] - highest[..., 1]
        images, pairs = (slice(its.start, its.stop) for its in (one.numbers, one.pairs))
        same = answers[:, :, 0] == answers[:, :, 1]
        totals[f"{one.plan.name}_same"][:, images, pairs] = same.transpose(1, 2)
        totals[f"{one.plan.name}_margins"][:, images, pairs] = margins.permute(0, 3, 1, 2)

    kind = [params.model_dump(mode="json"), batch_of(networks)]
    return accumulated(networks, passes(), start, add, str(kind))


def _copies(one: _Pass, border: Border) -> Iterator[Tensor]:
    """Both copies of each pair, one after the other."""
    places, images = one.plan.places[one.numbers.start : one.numbers.stop], one.images
    height, width = images.shape[-2:]
    size, sign, reach = (height, width), 1, 0
    if one.plan.crop is not None:
        size = one.plan.crop, one.plan.crop
    elif one.plan.padding == "circular":
        sign = -1  # rolled: the window begins as much before
    else:
        reach = int(one.plan.places.abs().max())
        images = widened(images, reach, border)
    for pair in one.pairs:
        for copy in range(2):
            x, y = places[:, pair, copy].unbind(dim=-1)
            yield window(images, reach + sign * y, reach + sign * x, size)


def _rows(seed: int, plan: Plan, dtype: str, same: Tensor, margins: Tensor) -> Iterator[Row]:
    """The rows of a seed."""
    count, apart = len(same), ~same
    named: dict[str, tuple[float, int]] = {
        "consistency": (100 * same.double().mean().item(), count)
    }
    if plan.protocol == "each":
        low, high = bootstrap(same.double().mean(dim=1))
        named |= {"consistency_low": (100 * low, count), "consistency_high": (100 * high, count)}
    named |= {
        "pairs": (float(same.numel()), count),
        "disagreements": (float(apart.sum()), count),
        "margin": (margins.amin(dim=-1).median().item(), count),
    }
    of_them, nan = margins.amax(dim=-1)[apart], float("nan")
    their = int(apart.any(dim=1).sum())
    named["margin_median"] = (of_them.median().item() if their else nan, their)
    named["margin_largest"] = (of_them.max().item() if their else nan, their)
    settings = {"protocol": plan.protocol, "padding": plan.padding, "dtype": dtype}
    for metric, (value, n) in named.items():
        yield {"seed": seed, **settings, "metric": metric, "value": value, "n": n}


def _listed(plan: Plan, same: Tensor, margins: Tensor) -> np.ndarray[Any, Any]:
    """The first pairs that disagree, float64 ``(pairs, 7)``."""
    images, pairs = (~same).nonzero()[:LISTED].unbind(dim=1)
    places = plan.places[images, pairs].flatten(1).double()
    parts = (images[:, None].double(), places, margins[images, pairs])
    found: np.ndarray[Any, Any] = torch.cat(parts, dim=1).numpy()
    return found
