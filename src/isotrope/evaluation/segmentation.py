"""Segmentation: how well masks are recognised, and how often they stay when the image is shifted.

Metrics of masks, shares in 0..1 over all pixels that are not void: ``mean_iou``, with
``mean_iou_low`` and ``mean_iou_high``, the middle 95 % of a bootstrap over images; ``iou`` of each
``class``; ``pixel_accuracy``; ``mean_class_accuracy``, the mean over classes of the share of their
pixels that are recognised; ``frequency_weighted_iou``. The code of Rojas-Gomez et al. hands labels
and predictions over in the wrong order: its Mean_Acc is a mean precision, and its FreqW_Acc goes by
how often classes are predicted. These are ``published_mean_acc`` and ``published_freqw_acc``; their
mean IoU and pixel accuracy do not depend on the order.

Consistency, in percent of pixels, void ones included, that have the same class as where the image
is not shifted: ``mascc`` (mean average semantic circular consistency): the image is rolled, its
answer rolled back. ``massc`` (standard): the normalised image is padded with zeros, that is with
its mean colour (`isotrope.evaluation._shifting`), and cropped so many pixels further; only what
both show is compared. Each image is shifted ``shifts`` times, by whole pixels out of -``max_shift``
... ``max_shift`` along each axis, both ends included. Column ``protocol``:

* ``each``: every image has shifts of its own.
* ``published``: the images of a ``batch`` share theirs, as in "Learnable Polyphase Sampling for
  Shift Invariant and Equivariant Convolutional Networks" (NeurIPS 2022); so another batch size
  gives other numbers. Their batch is 16, and 1 for networks that sample up by what they sampled
  down.

Either way shifts follow from ``shift_seed`` and the number of the image or batch, where the
published ones come from the global state of NumPy. Beside ``mascc`` stand ``mascc_low``,
``mascc_high`` (bootstrap over images), ``mascc_worst`` (the mean over images of the share at that
shift where it is least), ``mascc_of_shift`` by ``shift`` (1 to ``shifts``) and ``mascc_variance``,
the population variance of those, which is what the published numbers have behind their plus-minus;
``mascc_disagreements``, how many pixels differ over all images and shifts;
``mascc_margin_least`` and ``mascc_margin_largest``, of these pixels, how far the highest logit is
above the second, in that of both images where it is more: networks that are exact have no such
pixel, or rounding alone separates its classes. ``n`` of margins is the number of images that have
such pixels. ``massc_...`` likewise. With ``dtype: float64`` copies of the networks compute in
float64.

Arrays, of the first ``shown`` images that are as large as the first one: ``numbers``, ``images``
``(shown, channels, height, width)``, ``masks``, ``predictions``, ``shifted_back`` (the answer to
the image rolled by ``offsets``, rows and columns, rolled back), ``disagreements`` (1 where these
two differ), ``(shown, height, width)`` each, uint8.
"""

import math
from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from isotrope import devices
from isotrope.datasets.images import VOID
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.evaluation._accumulated import Totals, accumulated
from isotrope.evaluation._intervals import bootstrap
from isotrope.evaluation._mask_scores import mask_scores, mean_iou_interval
from isotrope.evaluation._shifted_masks import (
    MEASURES,
    Answers,
    Batch,
    Compared,
    answers,
    check_size,
    compared,
    shifted,
)
from isotrope.evaluation._shifting import Border, FloatType, by_border, unit
from isotrope.evaluation._shown_masks import Arrays, arrays_of, keep
from isotrope.evaluation._sweeps import Row, distinct
from isotrope.layers import forms
from isotrope.layers.confusion_counts import confusion
from isotrope.layers.polyphase import LPU, APSUp
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "segmentation"
TOGETHER = True
ARRAYS = True

Protocol = Literal["each", "published"]
_WORDS: dict[str, int] = {"each": 4, "published": 5}  # tell their random streams apart
_PIXELS = 2**22  # of a batch on a GPU: 16 images of 512 x 512
_PIXELS_OF_CPU = 2**18


class Params(Settings):
    """Settings of ``segmentation``."""

    protocols: Annotated[list[Protocol], Field(min_length=1), AfterValidator(distinct)] = Field(
        ["each"], description="whether every image has shifts of its own, or a batch shares them"
    )
    batch: int | None = Field(
        None,
        ge=1,
        description="published: images that share their shifts; left out, as published: 16, or 1 "
        "for networks that sample up by what they sampled down",
    )
    shifts: int = Field(5, ge=1, description="how often each image is shifted")
    max_shift: int = Field(32, ge=1, description="the largest shift along an axis, pixels")
    shift_seed: int = Field(0, ge=0, description="of the shifts")
    dtype: FloatType = Field("float32", description="in which the networks compute")
    shown: int = Field(4, ge=1, description="images in the arrays")


def evaluate(
    networks: Networks, data: Split, params: Params
) -> tuple[list[Row], dict[int, Arrays]]:
    """Rows and arrays of each seed, see above.

    Raises:
        UserError: if the labels are no masks, the networks do not answer for each pixel, or images
            may be shifted out of themselves.
    """
    if data.kind != "segmentation":
        raise UserError(
            "segmentation needs masks as labels, and these data have classes of whole images; "
            "take it out of evaluations"
        )
    size = params.batch or _published_batch(networks)
    shifts = {one: _shifts(one, len(data), params, size) for one in params.protocols}
    rows: dict[int, list[Row]] = {}
    arrays: dict[int, Arrays] = {}
    for border, some in by_border(networks):
        asked = some if params.dtype == "float32" else some.in_float64()
        totals = _totals(asked, data, params, shifts, border)
        for place, seed in enumerate(asked.seeds):
            same = {"seed": seed, "dtype": params.dtype}
            rows[seed] = [*_mask_rows(same, totals["confusion"][place])]
            for protocol in shifts:
                for measure in MEASURES:
                    its = {**same, "protocol": protocol}
                    rows[seed] += _shift_rows(its, totals, protocol, measure, place)
            arrays[seed] = arrays_of(totals, place)
    return [row for seed in networks.seeds for row in rows[seed]], arrays


def _published_batch(networks: Networks) -> int:
    """Images that share their shifts as published."""
    (_, network), *_ = networks
    return 1 if any(isinstance(one, LPU | APSUp) for one in network.modules()) else 16


def _shifts(protocol: Protocol, count: int, params: Params, batch: int) -> Tensor:
    """Rows and columns of the shifts, int64 ``(images, shifts, 2)``; keyed by image or batch."""
    size = batch if protocol == "published" else 1
    sequence = np.random.SeedSequence([params.shift_seed, _WORDS[protocol]])
    generator = np.random.Generator(np.random.Philox(sequence))
    numbers = torch.from_numpy(generator.random((-(-count // size), params.shifts, 2)))
    drawn = (numbers * (2 * params.max_shift + 1)).floor().long() - params.max_shift
    return drawn.repeat_interleave(size, dim=0)[:count]


def _batches(data: Split, params: Params, device: torch.device) -> Iterator[Batch]:
    """The data in their order, few enough pixels at once."""
    if not len(data):
        return
    height, width = data[:1].images.shape[-2:]
    most = _PIXELS if forms.few_launches(torch.empty(0, device=device)) else _PIXELS_OF_CPU
    size = min(devices.evaluation_batch(device), max(1, most // (height * width)))
    first = 0
    for batch in data.batches(size):
        check_size(batch, params.max_shift)
        yield Batch(batch.to(device), range(first, first + len(batch)))
        first += len(batch)


def _totals(
    networks: Networks, data: Split, params: Params, shifts: dict[Protocol, Tensor], border: Border
) -> Totals:
    """Confusion matrices, pixels that differ and their margins, of each seed and image."""
    seeds, count = len(networks), len(data)
    start: Totals = {"shown": torch.zeros((), dtype=torch.int64)}
    for protocol in shifts:
        for measure in MEASURES:
            name = f"{protocol}_{measure}"
            start[f"{name}_apart"] = torch.zeros(seeds, count, params.shifts, dtype=torch.int64)
            start[f"{name}_pixels"] = torch.zeros(count, params.shifts, dtype=torch.int64)
            for what, sign in (("least", 1), ("largest", -1)):
                limit = torch.full((seeds, count), sign * torch.inf, dtype=torch.float64)
                start[f"{name}_{what}"] = limit

    def add(totals: Totals, batch: Batch) -> None:
        images = unit(batch.images.images, params.dtype)
        plain = answers(networks, images, batch.numbers)
        _add_confusion(totals, batch, plain, count)
        for protocol, every in shifts.items():
            for measure in MEASURES:
                for number, some in enumerate(every[batch.places].unbind(dim=1)):
                    shown = shifted(images, some, measure, border)
                    other = answers(networks, shown, batch.numbers)
                    found = compared(plain, other, some, measure)
                    _add_shift(totals, f"{protocol}_{measure}", batch, number, found)
                    if (protocol, measure, number) == (params.protocols[0], "mascc", 0):
                        keep(totals, batch, plain, found, some, params.shown)

    kind = str([params.model_dump(mode="json"), devices.evaluation_batch(networks.device)])
    return accumulated(networks, _batches(data, params, networks.device), start, add, kind)


def _add_confusion(totals: Totals, batch: Batch, plain: Answers, count: int) -> None:
    seeds, _, height, width = plain.classes.shape
    shape = seeds, count, plain.kinds, plain.kinds
    matrices = totals.setdefault("confusion", plain.classes.new_zeros(shape))
    labels = batch.images.labels.long().expand(seeds, -1, -1, -1).reshape(-1, height, width)
    found = confusion(plain.classes.reshape(-1, height, width), labels, plain.kinds, VOID)
    matrices[:, batch.places] = found.view(seeds, -1, plain.kinds, plain.kinds)


def _add_shift(totals: Totals, name: str, batch: Batch, number: int, found: Compared) -> None:
    totals[f"{name}_apart"][:, batch.places, number] = found.apart.sum(dim=(-2, -1))
    pixels = totals[f"{name}_pixels"]
    pixels[batch.places, number] = found.pixels.to(pixels.device)
    least, largest = (totals[f"{name}_{what}"][:, batch.places] for what in ("least", "largest"))
    least.copy_(torch.minimum(least, found.least.double()))
    largest.copy_(torch.maximum(largest, found.largest.double()))


def _mask_rows(same: Row, confusions: Tensor) -> Iterator[Row]:
    """The rows of masks; ``n`` is the number of images that have a pixel that is not void."""
    scores = mask_scores(confusions.sum(dim=0))
    low, high = mean_iou_interval(confusions)
    counted = int((confusions.sum(dim=(-2, -1)) > 0).sum())
    named = {
        "mean_iou": scores.mean_iou,
        "mean_iou_low": low,
        "mean_iou_high": high,
        "pixel_accuracy": scores.pixel_accuracy,
        "mean_class_accuracy": scores.mean_accuracy,
        "frequency_weighted_iou": scores.frequency_weighted_iou,
        "published_mean_acc": scores.mean_precision,
        "published_freqw_acc": scores.prediction_weighted_iou,
    }
    for metric, value in named.items():
        yield {**same, "metric": metric, "value": value, "n": counted}
    for number, value in enumerate(scores.iou.tolist()):
        seen = confusions[:, number].sum(dim=-1) + confusions[:, :, number].sum(dim=-1) > 0
        yield {**same, "class": number, "metric": "iou", "value": value, "n": int(seen.sum())}


def _shift_rows(
    same: Row, totals: Totals, protocol: Protocol, measure: str, place: int
) -> Iterator[Row]:
    """The rows of one way to shift."""
    name = f"{protocol}_{measure}"
    apart, pixels = totals[f"{name}_apart"][place], totals[f"{name}_pixels"]
    shares = 100 * (1 - apart.double() / pixels)
    by_shift, count = shares.mean(dim=0), len(shares)
    low, high = bootstrap(shares.mean(dim=1))
    named: dict[str, float] = {
        "": float(shares.mean()),
        "_low": low,
        "_high": high,
        "_worst": float(shares.amin(dim=1).mean()),
        "_variance": float(by_shift.var(correction=0)),
        "_disagreements": float(apart.sum()),
    }
    for what, value in named.items():
        yield {**same, "metric": f"{measure}{what}", "value": value, "n": count}
    for number, value in enumerate(by_shift.tolist(), 1):
        metric = f"{measure}_of_shift"
        yield {**same, "shift": number, "metric": metric, "value": value, "n": count}
    seen = int((apart.sum(dim=1) > 0).sum())
    for what, limit in (("least", torch.amin), ("largest", torch.amax)):
        value = float(limit(totals[f"{name}_{what}"][place])) if seen else math.nan
        yield {**same, "metric": f"{measure}_margin_{what}", "value": value, "n": seen}
